/* SPDX-License-Identifier: MIT */
/*
 * Help texts of any content and words to complete of any content: entries are
 * whole, each is in the text, and no words do harm.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool ends(const char *text, size_t cap) {
    return memchr(text, '\0', cap) != NULL;
}

static void check_entries(const struct cli_help *h, const char *text) {
    check(h->count <= CLI_HELP_ENTRIES);
    for (size_t i = 0; i < h->count; i++) {
        const struct cli_help_entry *e = &h->entries[i];
        check(ends(e->name, sizeof e->name) && ends(e->under, sizeof e->under));
        check(ends(e->value, sizeof e->value) && ends(e->text, sizeof e->text));
        check(e->name[0] != '\0' && strstr(text, e->name) != NULL);
        check(strstr(text, e->value) != NULL && strstr(text, e->text) != NULL);
    }
}

/* The lines of the rest are the words that were typed. */
static void words(const struct cli_help *h, char *text) {
    char name[] = "chip";
    char *list[16] = {name};
    size_t n = 1;
    while (n < 16) {
        list[n++] = text;
        text += strcspn(text, "\n");
        if (*text == '\0') {
            break;
        }
        *text++ = '\0';
    }
    cli_complete_by(h, list, n);
    list[0] = list[n - 1];
    cli_complete_by(h, list, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cli_help h;
    static bool silent;
    if (size < 2 || size > 8192) {
        return 0;
    }
    if (!silent) {
        silent = freopen("/dev/null", "w", stdout) != NULL;
    }
    size_t half = (size_t)data[0] * size / 256;
    char *help = malloc(size + 2);
    check(help != NULL);
    memcpy(help, data + 1, half);
    help[half] = '\0';
    char *typed = help + half + 1;
    memcpy(typed, data + 1 + half, size - 1 - half);
    typed[size - 1 - half] = '\0';
    cli_help_parse(&h, help);
    check_entries(&h, help);
    words(&h, typed);
    free(help);
    return 0;
}
