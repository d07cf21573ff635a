/* SPDX-License-Identifier: MIT */
/* A settings file of any content: taken or refused, and what is taken is in
 * its range and can be listed. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the loader says is not looked at here. */
void cli_error(const char *fmt, ...) {
    (void)fmt;
}

static void check(const struct cli_config *c) {
    char text[256];
    char why[256];
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        cleat_settings_get(&c->settings, row, text, sizeof text);
        if (row->type == CLEAT_SETTING_SECRET && text[0] != '\0' &&
            strcmp(text, "(set)") != 0) {
            abort();
        }
    }
    (void)cleat_settings_check(&c->settings, why, sizeof why);
    (void)cleat_settings_complete(&c->settings, why, sizeof why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cli_config c;
    char *copy = malloc(size + 1);
    FILE *file = NULL;
    if (copy != NULL) {
        memcpy(copy, data, size);
        copy[size] = '\0';
        file = fmemopen(copy, size == 0 ? 1 : size, "r");
    }
    if (file != NULL) {
        cli_config_init(&c);
        (void)cli_config_read(&c, file, "fuzz.conf");
        check(&c); /* also after a refusal: nothing half-set is left */
        fclose(file);
        cli_config_free(&c);
    }
    free(copy);
    return 0;
}
