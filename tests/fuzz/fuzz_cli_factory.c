/* SPDX-License-Identifier: MIT */
/*
 * Lists and manifests of `cleat factory` of any content: what is taken is
 * within its bounds and can be found again, and what is written as CSV is read
 * as it was.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "factory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static FILE *file_of(const uint8_t *data, size_t size) {
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");
    check(f != NULL);
    return f;
}

static bool ends(const char *text, size_t cap) {
    return memchr(text, '\0', cap) != NULL;
}

/* Every row can be found by its serial, and is the only one of it. */
static void check_rows(const struct cli_factory_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const struct cli_factory_row *r = &list->rows[i];
        check(cli_factory_find(list, r->serial) == r);
        check(ends(r->chip, sizeof r->chip) &&
              ends(r->common_name, sizeof r->common_name) &&
              ends(r->error, sizeof r->error) &&
              ends(r->outcome, sizeof r->outcome));
    }
}

static void list(const uint8_t *data, size_t size) {
    struct cli_factory_list rows = {NULL, 0, 0, NULL};
    FILE *f = file_of(data, size);
    if (cli_factory_read_from(&rows, f, "x", "chips") == CLI_OK) {
        check(rows.count > 0);
    }
    check_rows(&rows);
    for (size_t i = 0; i < rows.count; i++) {
        const struct cli_factory_row *r = &rows.rows[i];
        check(strlen(r->serial) - 1 < 64 && r->serial[0] != '.' &&
              strchr(r->serial, '/') == NULL && r->common_name[0] != '\0' &&
              r->chip[0] != '\0');
    }
    fclose(f);
    cli_factory_free(&rows);
}

static void manifest(const uint8_t *data, size_t size) {
    struct cli_factory_list rows = {NULL, 0, 0, NULL};
    FILE *f = file_of(data, size);
    (void)cli_factory_manifest_from(&rows, f, "x");
    check_rows(&rows);
    fclose(f);
    cli_factory_free(&rows);
}

/* Fields written by us come back; line ends have become spaces. */
static void around(const uint8_t *data, size_t size) {
    static char fields[CLI_FACTORY_FIELDS][128];
    static char text[4096];
    char why[200];
    size_t n = 1 + (size == 0 ? 0 : data[0] % CLI_FACTORY_FIELDS);
    FILE *f = fmemopen(text, sizeof text, "w+");
    check(f != NULL);
    for (size_t i = 0; i < n; i++) {
        size_t from = size * i / n;
        size_t len = size * (i + 1) / n - from;
        len = len < sizeof fields[i] ? len : sizeof fields[i] - 1;
        memcpy(fields[i], data + from, len);
        fields[i][len] = '\0';
        cli_csv_put(f, fields[i], i + 1 < n ? ',' : '\n');
    }
    rewind(f);
    struct cli_csv csv = {.file = f};
    int more = cli_csv_next(&csv, why, sizeof why);
    bool marked = strncmp(fields[0], "\xEF\xBB\xBF", 3) == 0;
    if (!marked && (n > 1 || fields[0][0] != '\0')) {
        check(more == 1 && csv.count == n);
        for (size_t i = 0; i < n; i++) {
            for (char *at = fields[i]; *at != '\0'; at++) {
                *at = *at == '\n' || *at == '\r' ? ' ' : *at;
            }
            check(strcmp(csv.fields[i], fields[i]) == 0);
        }
    }
    fclose(f);
}

static void confirm(const uint8_t *data, size_t size) {
    struct cli_factory f = {.key = 0xE0F1};
    char text[64];
    size_t n = size < sizeof text ? size : sizeof text - 1;
    memcpy(text, data, n);
    text[n] = '\0';
    if (cli_factory_confirm(&f, text, 100)) {
        check(f.confirmed >= 1 && f.confirmed <= 100 &&
              strstr(text, "-chips:0xE0F1") != NULL);
    } else {
        check(f.confirmed == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char said[256];
    if (size == 0 || size > 4096) {
        return 0;
    }
    cli_error_hold(said, sizeof said);
    list(data, size);
    manifest(data, size);
    around(data, size);
    confirm(data, size);
    return 0;
}
