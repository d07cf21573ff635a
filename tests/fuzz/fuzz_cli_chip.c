/* SPDX-License-Identifier: MIT */
/* A name of a secure element of any content: taken only with a prefix that
 * there is and something behind it. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A path, and lines behind commas. */
static bool bus_and_lines(const char *name) {
    size_t n = strcspn(name, ",");
    bool good = n > 0 && n < CLI_LINES_TEXT;
    while (good && name[n] == ',') {
        name += n + 1;
        good =
            strncmp(name, "reset=", 6) == 0 || strncmp(name, "power=", 6) == 0;
        n = strcspn(name, ",");
        good = good && n < CLI_LINES_TEXT + 6;
    }
    return good;
}

static bool known(const char *name) {
    static const char *const prefixes[] = {"sim:", "unix:", "soft:"};
    if (strncmp(name, "i2c:", 4) == 0) {
        return bus_and_lines(name + 4);
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], n) == 0 && name[n] != '\0') {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char words[256];
    cli_error_hold(words, sizeof words);
    char *name = malloc(size + 1);
    if (name == NULL) {
        return 0;
    }
    memcpy(name, data, size);
    name[size] = '\0';
    if ((cli_chip_check(name) == CLI_OK) != known(name)) {
        abort();
    }
    free(name);
    return 0;
}
