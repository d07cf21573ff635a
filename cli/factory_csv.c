/* SPDX-License-Identifier: MIT */
/* The files of `cleat factory`: what is to be made, and the manifest. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <openssl/asn1.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "factory.h"

static const char manifest_head[] =
    "serial,chip,common_name,uid,fingerprint_sha256,not_after,outcome,error";

/* ---- CSV ---- */

/* Cut one field out in place. @return what is behind it, NULL: open quote. */
static char *cut_field(char *at, char **field, bool *more) {
    char *to = at;
    bool quoted = *at == '"';
    *field = at;
    if (quoted) {
        at++;
    }
    for (;; at++) {
        if (*at == '\0') {
            if (quoted) {
                return NULL;
            }
            break;
        }
        if (quoted && *at == '"' && at[1] == '"') {
            at++;
        } else if (quoted && *at == '"') {
            quoted = false;
            continue;
        } else if (!quoted && *at == ',') {
            break;
        }
        *to++ = *at;
    }
    *more = *at == ',';
    at += *more ? 1 : 0;
    *to = '\0';
    return at;
}

static int fail(const struct cli_csv *csv, const char *what, char *why,
                size_t cap) {
    snprintf(why, cap, "line %u: %s", csv->line_number, what);
    return -1;
}

/* One line without its end, the rest of one that is too long left out.
 * @return 1; 0 at the end; -1 with words. */
static int next_line(struct cli_csv *csv, char *why, size_t cap) {
    size_t n = 0;
    bool nul = false;
    int c = getc(csv->file);
    if (c == EOF) {
        return ferror(csv->file) != 0 ? fail(csv, "cannot be read", why, cap)
                                      : 0;
    }
    csv->line_number++;
    for (; c != EOF && c != '\n'; c = getc(csv->file)) {
        nul = nul || c == '\0';
        if (n < sizeof csv->line) {
            csv->line[n++] = (char)c;
        }
    }
    if (nul || n == sizeof csv->line) {
        return fail(csv, nul ? "has a NUL byte: is it text?" : "is too long",
                    why, cap);
    }
    csv->line[n] = '\0';
    csv->line[strcspn(csv->line, "\r")] = '\0';
    return 1;
}

/* What spreadsheets put in front of UTF-8. */
static char *skip_mark(struct cli_csv *csv) {
    static const char mark[] = "\xEF\xBB\xBF";
    bool there =
        csv->line_number == 1 && strncmp(csv->line, mark, sizeof mark - 1) == 0;
    return csv->line + (there ? sizeof mark - 1 : 0);
}

int cli_csv_next(struct cli_csv *csv, char *why, size_t why_cap) {
    char *at = csv->line;
    do {
        int more = next_line(csv, why, why_cap);
        if (more <= 0) {
            return more;
        }
        at = skip_mark(csv);
    } while (*at == '\0');
    bool more = true;
    for (csv->count = 0; more; csv->count++) {
        if (csv->count == CLI_FACTORY_FIELDS) {
            return fail(csv, "has too many fields", why, why_cap);
        }
        at = cut_field(at, &csv->fields[csv->count], &more);
        if (at == NULL) {
            return fail(csv, "has a quote that does not end", why, why_cap);
        }
    }
    return 1;
}

void cli_csv_put(FILE *f, const char *text, char end) {
    bool quote = strpbrk(text, ",\"") != NULL;
    if (quote) {
        fputc('"', f);
    }
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', f);
        }
        fputc(*text == '\n' || *text == '\r' ? ' ' : *text, f);
    }
    if (quote) {
        fputc('"', f);
    }
    fputc(end, f);
}

/* ---- lists ---- */

/* FNV-1a */
static size_t hash_of(const char *text) {
    uint64_t h = 0xCBF29CE484222325u;
    for (; *text != '\0'; text++) {
        h = (h ^ (uint8_t)*text) * 0x100000001B3u;
    }
    return (size_t)(h ^ h >> 32);
}

/* Where a serial is in the index, or would be. Half of it is empty. */
static size_t place_of(const struct cli_factory_list *list,
                       const char *serial) {
    size_t mask = 2 * list->cap - 1;
    size_t at = hash_of(serial) & mask;
    while (list->index[at] != 0 &&
           strcmp(list->rows[list->index[at] - 1].serial, serial) != 0) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool grow(struct cli_factory_list *list) {
    size_t cap = list->cap == 0 ? 16 : 2 * list->cap;
    struct cli_factory_row *rows = realloc(list->rows, cap * sizeof *rows);
    if (rows != NULL) {
        list->rows = rows;
    }
    size_t *index = calloc(2 * cap, sizeof *index);
    if (rows == NULL || index == NULL) {
        free(index);
        return false;
    }
    free(list->index);
    list->index = index;
    list->cap = cap;
    for (size_t i = 0; i < list->count; i++) {
        index[place_of(list, rows[i].serial)] = i + 1;
    }
    return true;
}

struct cli_factory_row *cli_factory_add(struct cli_factory_list *list,
                                        const char *serial) {
    struct cli_factory_row *row = cli_factory_find(list, serial);
    if (row != NULL) {
        return row;
    }
    if (list->count == list->cap && !grow(list)) {
        cli_error("out of memory");
        return NULL;
    }
    row = &list->rows[list->count];
    memset(row, 0, sizeof *row);
    snprintf(row->serial, sizeof row->serial, "%s", serial);
    list->index[place_of(list, row->serial)] = ++list->count;
    return row;
}

struct cli_factory_row *cli_factory_find(const struct cli_factory_list *list,
                                         const char *serial) {
    size_t row = list->cap == 0 ? 0 : list->index[place_of(list, serial)];
    return row == 0 ? NULL : &list->rows[row - 1];
}

void cli_factory_free(struct cli_factory_list *list) {
    free(list->rows);
    free(list->index);
    memset(list, 0, sizeof *list);
}

/* ---- what is to be made ---- */

enum { SERIAL, CHIP, COMMON_NAME, COLUMNS };

static int find_columns(const struct cli_csv *csv, size_t *at) {
    static const char *const names[COLUMNS] = {"serial", "chip", "common_name"};
    for (size_t i = 0; i < COLUMNS; i++) {
        at[i] = CLI_FACTORY_FIELDS;
    }
    for (size_t k = 0; k < csv->count; k++) {
        bool known = false;
        for (size_t i = 0; i < COLUMNS; i++) {
            if (strcmp(csv->fields[k], names[i]) == 0) {
                at[i] = k;
                known = true;
            }
        }
        if (!known) {
            cli_error("column \"%s\" is not serial, chip or common_name",
                      csv->fields[k]);
            return CLI_USAGE;
        }
    }
    if (at[SERIAL] == CLI_FACTORY_FIELDS) {
        cli_error("the first line names no column serial");
        return CLI_USAGE;
    }
    return CLI_OK;
}

static const char *field(const struct cli_csv *csv, size_t at) {
    return at < csv->count ? csv->fields[at] : "";
}

/* A serial is a folder's name, too. */
static bool serial_ok(const char *serial) {
    size_t n = strlen(serial);
    return n > 0 && n <= 64 && serial[0] != '.' &&
           strspn(serial, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789-_.:") == n;
}

/* Names go into certificates as UTF-8. */
static bool name_ok(const char *name) {
    const unsigned char *at = (const unsigned char *)name;
    int left = (int)strlen(name);
    while (left > 0) {
        unsigned long c = 0;
        int n = UTF8_getc(at, left, &c);
        if (n <= 0 || c < 0x20 || c == 0x7F) {
            return false;
        }
        at += n;
        left -= n;
    }
    return true;
}

static int add_row(struct cli_factory_list *list, const struct cli_csv *csv,
                   const size_t *at, const char *dir) {
    const char *serial = field(csv, at[SERIAL]);
    const char *chip = field(csv, at[CHIP]);
    const char *name = field(csv, at[COMMON_NAME]);
    if (!serial_ok(serial)) {
        cli_error("line %u: serial \"%s\": 1 to 64 letters, digits and -_.: "
                  "are needed",
                  csv->line_number, serial);
        return CLI_USAGE;
    }
    if (cli_factory_find(list, serial) != NULL) {
        cli_error("line %u: serial %s is there twice", csv->line_number,
                  serial);
        return CLI_USAGE;
    }
    name = name[0] != '\0' ? name : serial;
    if (!name_ok(name)) {
        cli_error("line %u: common_name is not UTF-8, or has control "
                  "characters",
                  csv->line_number);
        return CLI_USAGE;
    }
    if (strlen(name) > 64 || strlen(chip) >= CLI_FACTORY_TEXT ||
        strlen(dir) + strlen(serial) + 8 >= CLI_FACTORY_TEXT) {
        cli_error("line %u: a name is too long (common_name: 64)",
                  csv->line_number);
        return CLI_USAGE;
    }
    struct cli_factory_row *row = cli_factory_add(list, serial);
    if (row == NULL) {
        return CLI_FAILED;
    }
    snprintf(row->common_name, sizeof row->common_name, "%s", name);
    if (chip[0] != '\0') {
        snprintf(row->chip, sizeof row->chip, "%s", chip);
    } else {
        snprintf(row->chip, sizeof row->chip, "sim:%s/%s", dir, serial);
    }
    return CLI_OK;
}

int cli_factory_read_from(struct cli_factory_list *list, FILE *file,
                          const char *path, const char *dir) {
    char why[256] = "";
    size_t at[COLUMNS] = {0};
    struct cli_csv csv = {.file = file};
    int more = cli_csv_next(&csv, why, sizeof why);
    int status = more == 1 ? find_columns(&csv, at) : CLI_OK;
    while (status == CLI_OK && more == 1) {
        more = cli_csv_next(&csv, why, sizeof why);
        if (more == 1) {
            status = add_row(list, &csv, at, dir);
        }
    }
    if (more < 0) {
        cli_error("%s: %s", path, why);
        status = CLI_USAGE;
    } else if (status == CLI_OK && list->count == 0) {
        cli_error("%s: nothing to make: a line with the columns, then one a "
                  "chip",
                  path);
        status = CLI_USAGE;
    }
    return status;
}

int cli_factory_read(struct cli_factory_list *list, const char *path,
                     const char *dir) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        cli_error("%s: %s", path, strerror(errno));
        return CLI_USAGE;
    }
    int status = cli_factory_read_from(list, file, path, dir);
    fclose(file);
    return status;
}

/* ---- the manifest ---- */

static bool take_manifest_row(struct cli_factory_list *list,
                              const struct cli_csv *csv) {
    if (strlen(csv->fields[0]) >= CLI_FACTORY_TEXT) {
        return true; /* None that we wrote. */
    }
    struct cli_factory_row *row = cli_factory_add(list, csv->fields[0]);
    if (row == NULL) {
        return false;
    }
    char *const to[CLI_FACTORY_FIELDS] = {
        row->serial,      row->chip,      row->common_name, row->uid,
        row->fingerprint, row->not_after, row->outcome,     row->error};
    const size_t cap[CLI_FACTORY_FIELDS] = {
        sizeof row->serial,  sizeof row->chip,        sizeof row->common_name,
        sizeof row->uid,     sizeof row->fingerprint, sizeof row->not_after,
        sizeof row->outcome, sizeof row->error};
    for (size_t i = 0; i < CLI_FACTORY_FIELDS; i++) {
        snprintf(to[i], cap[i], "%s", csv->fields[i]);
    }
    if (strcmp(row->outcome, "begun") == 0) {
        snprintf(row->begun, sizeof row->begun, "%s", row->uid);
    } else if (strcmp(row->outcome, "ok") == 0) {
        row->begun[0] = '\0';
    }
    return true;
}

/* A kill in the middle of a line leaves one without its end. */
static bool is_torn(const struct cli_csv *csv) {
    return csv->count != CLI_FACTORY_FIELDS;
}

int cli_factory_manifest_from(struct cli_factory_list *list, FILE *file,
                              const char *path) {
    char why[256] = "";
    struct cli_csv csv = {.file = file};
    int more = cli_csv_next(&csv, why, sizeof why);
    bool ours = more == 0 || (more == 1 && csv.count == CLI_FACTORY_FIELDS &&
                              strcmp(csv.fields[0], "serial") == 0 &&
                              strcmp(csv.fields[3], "uid") == 0);
    if (!ours) {
        cli_error("%s is no manifest of cleat factory; give another name with "
                  "--manifest",
                  path);
        return CLI_USAGE;
    }
    while (more != 0 && ferror(file) == 0) {
        more = cli_csv_next(&csv, why, sizeof why);
        /* A torn line: the ones behind it count. */
        if (more == 1 && !is_torn(&csv) && !take_manifest_row(list, &csv)) {
            return CLI_FAILED;
        }
    }
    if (ferror(file) != 0) {
        cli_error("%s cannot be read", path);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_factory_read_manifest(struct cli_factory_list *list, const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT) {
        return CLI_OK;
    }
    if (file == NULL) {
        cli_error("%s: %s", path, strerror(errno));
        return CLI_USAGE;
    }
    int status = cli_factory_manifest_from(list, file, path);
    fclose(file);
    return status;
}

/* After a torn line a new one begins. */
static bool needs_newline(FILE *f) {
    return fseek(f, -1, SEEK_END) == 0 && fgetc(f) != '\n';
}

bool cli_factory_append(const char *path, const struct cli_factory_row *row) {
    FILE *f = fopen(path, "a+e");
    if (f == NULL) {
        cli_error("%s: %s", path, strerror(errno));
        return false;
    }
    bool torn = needs_newline(f);
    fseek(f, 0, SEEK_END);
    if (ftell(f) == 0) {
        fprintf(f, "%s\n", manifest_head);
    } else if (torn) {
        fputc('\n', f);
    }
    const char *const fields[CLI_FACTORY_FIELDS] = {
        row->serial,      row->chip,      row->common_name, row->uid,
        row->fingerprint, row->not_after, row->outcome,     row->error};
    for (size_t i = 0; i < CLI_FACTORY_FIELDS; i++) {
        cli_csv_put(f, fields[i], i + 1 < CLI_FACTORY_FIELDS ? ',' : '\n');
    }
    bool ok = fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (fclose(f) != 0 || !ok) {
        cli_error("%s cannot be written: %s", path, strerror(errno));
        return false;
    }
    return true;
}
