/* SPDX-License-Identifier: MIT */
/*
 * Settings on a host: defaults, then cleat.conf, then CLEAT_NAME in the
 * environment, then --set. Each value remembers where it came from.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

extern char **environ;

#define FILE_MAX_BYTES (1024 * 1024)
#define SETTINGS_MAX_BYTES (256u * 1024u)
#define PEM_BEGIN "-----BEGIN"

static size_t row_index(const struct cleat_setting *row) {
    return (size_t)(row - cleat_settings_table);
}

static char *keep(struct cli_config *c, char *text) {
    char **grown = realloc(c->owned, (c->owned_count + 1) * sizeof *c->owned);
    if (grown == NULL || text == NULL) {
        cli_error("out of memory");
        exit(CLI_FAILED);
    }
    c->owned = grown;
    c->owned[c->owned_count++] = text;
    return text;
}

/* @return how many single-letter edits lie between two names, about. */
static size_t distance(const char *a, const char *b) {
    size_t row[64];
    size_t la = strlen(a);
    size_t lb = strlen(b);
    if (la >= 64 || lb >= 64) {
        return 64;
    }
    for (size_t j = 0; j <= lb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[lb];
}

static void unknown(const char *name, const char *origin) {
    const char *close = NULL;
    size_t best = 8;
    for (size_t i = 0; i < cleat_settings_count; i++) {
        size_t d = distance(name, cleat_settings_table[i].name);
        if (d < best) {
            best = d;
            close = cleat_settings_table[i].name;
        }
    }
    if (close != NULL) {
        cli_error("%s: no setting \"%s\"; did you mean %s?", origin, name,
                  close);
    } else {
        cli_error("%s: no setting \"%s\"; `cleat config list` shows them all",
                  origin, name);
    }
}

int cli_config_set(struct cli_config *c, const char *name, const char *value,
                   const char *origin) {
    char why[256];
    const struct cleat_setting *row = cleat_settings_find(name);
    if (row == NULL) {
        unknown(name, origin);
        return CLI_USAGE;
    }
    char *copy = keep(c, strdup(value));
    if (cleat_settings_set(&c->settings, name, copy, why, sizeof why) != 0) {
        cli_error("%s: %s", origin, why);
        return CLI_USAGE;
    }
    snprintf(c->origin[row_index(row)], sizeof c->origin[0], "%s", origin);
    return CLI_OK;
}

struct file_state {
    struct cli_config *c;
    const char *path;
    char last[64]; /* name of the line before, for continued lines */
    bool seen[CLI_SETTINGS_MAX];
    bool failed;
    FILE *file;
    size_t taken;    /* bytes so far */
    const char *why; /* what keeps it from being a settings file */
};

/* A PEM text over several (indented) lines comes as several values. */
static int continued(struct file_state *f, const char *name, const char *value,
                     const char *origin) {
    char *longer;
    const char *before = f->c->settings.root_ca_certificate;
    if (strncmp(before, PEM_BEGIN, strlen(PEM_BEGIN)) != 0) {
        cli_error("%s: %s is set twice", origin, name);
        return CLI_USAGE;
    }
    if (asprintf(&longer, "%s\n%s", before, value) < 0) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    int status = cli_config_set(f->c, name, longer, origin);
    free(longer);
    return status;
}

static int on_line(void *arg, const char *section, const char *name,
                   const char *value) {
    struct file_state *f = arg;
    char origin[256];
    (void)section; /* Sections are the user's own order. */
    const char *base = strrchr(f->path, '/');
    snprintf(origin, sizeof origin, "%s", base == NULL ? f->path : base + 1);
    if (f->failed) {
        return 1;
    }
    const struct cleat_setting *row = cleat_settings_find(name);
    bool again = row != NULL && f->seen[row_index(row)];
    if (row != NULL) {
        f->seen[row_index(row)] = true;
    }
    int status;
    if (again && strcmp(name, "ROOT_CA_CERTIFICATE") == 0 &&
        strcmp(name, f->last) == 0) {
        status = continued(f, name, value, origin);
    } else if (again) {
        cli_error("%s: %s is set twice", origin, name);
        status = CLI_USAGE;
    } else {
        status = cli_config_set(f->c, name, value, origin);
    }
    snprintf(f->last, sizeof f->last, "%s", name);
    f->failed = status != CLI_OK;
    return 1;
}

/* A line, as fgets() reads it; none behind what ends the reading, so that a
 * file without an end has one here. */
static char *next_line(char *line, int cap, void *stream) {
    struct file_state *f = stream;
    int n = 0;
    int byte = 0;
    while (!f->failed && n < cap - 1 && byte != '\n' &&
           (byte = getc(f->file)) != EOF) {
        if (byte == '\0') {
            f->why = "holds a NUL byte";
        } else if (++f->taken > SETTINGS_MAX_BYTES) {
            f->why = "is larger than 256 KiB";
        }
        f->failed = f->why != NULL;
        line[n++] = (char)byte;
    }
    line[n] = '\0';
    return f->failed || n == 0 ? NULL : line;
}

int cli_config_read(struct cli_config *c, FILE *file, const char *path) {
    struct file_state f = {.c = c, .path = path, .file = file};
    int line = ini_parse_stream(next_line, &f, on_line, &f);
    if (f.why != NULL) {
        cli_error("%s %s: it is no file of settings", path, f.why);
        return CLI_USAGE;
    }
    if (f.failed) {
        cli_error("%s was not taken; correct it, or use another with --config",
                  path);
        return CLI_USAGE;
    }
    if (line > 0) {
        cli_error("%s: line %d is not NAME = VALUE (or longer than 199 bytes)",
                  path, line);
        return CLI_USAGE;
    }
    if (line < 0 || ferror(file) != 0) {
        cli_error("%s cannot be read", path);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int load_file(struct cli_config *c, const char *path, bool required) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        if (!required && errno == ENOENT) {
            return CLI_OK;
        }
        cli_error("%s: %s", path, strerror(errno));
        return CLI_USAGE;
    }
    int status = cli_config_read(c, file, path);
    fclose(file);
    return status;
}

static bool is_tool_variable(const char *name) {
    static const char *const tools[] = {"CONFIG", "MBEDTLS_SOURCE",
                                        "MBEDTLS_VERSION", "NO_INSTALL"};
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        if (strcmp(name, tools[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int load_environment(struct cli_config *c) {
    for (char **e = environ; *e != NULL; e++) {
        char name[64];
        if (strncmp(*e, "CLEAT_", 6) != 0) {
            continue;
        }
        size_t n = strcspn(*e + 6, "=");
        snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), *e + 6);
        if (is_tool_variable(name)) {
            continue;
        }
        if (cleat_settings_find(name) == NULL) {
            cli_error("warning: CLEAT_%s in the environment is no setting",
                      name);
            continue;
        }
        if (cli_config_set(c, name, *e + 6 + n + 1, "environment") != 0) {
            return CLI_USAGE;
        }
    }
    return CLI_OK;
}

static int load_set(struct cli_config *c, const char *text) {
    char name[64];
    const char *equals = strchr(text, '=');
    if (equals == NULL || (size_t)(equals - text) >= sizeof name) {
        cli_error("--set: \"%s\" is not NAME=VALUE", text);
        return CLI_USAGE;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    return cli_config_set(c, name, equals + 1, "--set");
}

void cli_config_init(struct cli_config *c) {
    memset(c, 0, sizeof *c);
    cleat_settings_defaults(&c->settings);
    for (size_t i = 0; i < cleat_settings_count; i++) {
        snprintf(c->origin[i], sizeof c->origin[i], "default");
    }
}

int cli_config_load(struct cli_config *c, const struct cli_options *options) {
    cli_config_init(c);
    const char *path = options->file;
    if (path == NULL) {
        path = getenv("CLEAT_CONFIG");
    }
    int status = load_file(c, path == NULL ? "cleat.conf" : path, path != NULL);
    if (status == CLI_OK) {
        status = load_environment(c);
    }
    for (size_t i = 0; status == CLI_OK && i < options->set_count; i++) {
        status = load_set(c, options->set[i]);
    }
    if (status != CLI_OK) {
        cli_config_free(c);
    } else {
        cli_lines_set(&c->settings);
    }
    return status;
}

uint8_t *cli_read_file(const char *path, size_t max, size_t *len, char *why,
                       size_t why_cap) {
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        snprintf(why, why_cap, "%s: %s", path, strerror(errno));
        return NULL;
    }
    uint8_t *data = malloc(max + 2);
    size_t n = data == NULL ? 0 : fread(data, 1, max + 1, f);
    bool bad = data == NULL || ferror(f) != 0 || n > max;
    fclose(f);
    if (bad) {
        snprintf(why, why_cap, "%s: cannot be read, or larger than %zu bytes",
                 path, max);
        free(data);
        return NULL;
    }
    data[n] = 0;
    *len = n;
    return data;
}

int cli_config_root_ca(struct cli_config *c, struct cleat_bytes *out) {
    char why[512];
    const char *ca = c->settings.root_ca_certificate;
    *out = cleat_bytes_of(NULL, 0);
    if (ca[0] == '\0' || cleat_settings_object(ca) > 0) {
        return CLI_OK; /* none, or the chip has it */
    }
    if (strncmp(ca, PEM_BEGIN, strlen(PEM_BEGIN)) == 0) {
        *out = cleat_bytes_str(ca);
        return CLI_OK;
    }
    free(c->root_ca);
    c->root_ca =
        cli_read_file(ca, FILE_MAX_BYTES, &c->root_ca_len, why, sizeof why);
    if (c->root_ca == NULL) {
        cli_error("ROOT_CA_CERTIFICATE: %s", why);
        return CLI_USAGE;
    }
    *out = cleat_bytes_of(c->root_ca, c->root_ca_len);
    return CLI_OK;
}

void cli_config_free(struct cli_config *c) {
    for (size_t i = 0; i < c->owned_count; i++) {
        cleat_wipe(c->owned[i], strlen(c->owned[i])); /* may be a password */
        free(c->owned[i]);
    }
    free(c->owned);
    free(c->root_ca);
    memset(c, 0, sizeof *c);
}
