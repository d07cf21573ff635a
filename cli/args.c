/* SPDX-License-Identifier: MIT */
/* Options of a command from a table; see args.h. */
#define _POSIX_C_SOURCE 200809L
#include "args.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define FIRST 256 /* values of getopt_long() beside any letter */

static bool take_number(const struct cli_arg *a, const char *text) {
    char *end;
    long v = strtol(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || v < a->min ||
        v > a->max) {
        cli_error("--%s: \"%s\" is not a number from %ld to %ld", a->name, text,
                  a->min, a->max);
        return false;
    }
    *(long *)a->to = v;
    return true;
}

static bool take_object(const struct cli_arg *a, const char *text) {
    int id = cleat_settings_object(text);
    if (id < 0) {
        cli_error("--%s: \"%s\" is not an object as 0xE0E1", a->name, text);
        return false;
    }
    *(uint16_t *)a->to = (uint16_t)id;
    return true;
}

static bool too_many(const struct cli_arg *a, size_t most) {
    cli_error("--%s: at most %zu of them", a->name, most);
    return false;
}

static bool take_listed(const struct cli_arg *a, const char *text) {
    struct cli_arg_list *list = a->to;
    if (list->count == list->cap) {
        return too_many(a, list->cap);
    }
    list->values[list->count++] = text;
    return true;
}

static bool take_setting(const struct cli_arg *a, const char *text) {
    struct cli_options *o = a->to;
    size_t cap = sizeof o->set / sizeof o->set[0];
    if (o->set_count == cap) {
        return too_many(a, cap);
    }
    o->set[o->set_count++] = text;
    return true;
}

/* The last one counts. */
static bool take_named(const struct cli_arg *a, const char *text) {
    static const char *const names[] = {"CHIP", "CHIP_SHIELD", "CHIP_I2C_KHZ"};
    static char lines[sizeof names / sizeof names[0]][1100];
    unsigned which = (unsigned)a->kind - CLI_ARG_CHIP;
    char *to = lines[which];
    int n = snprintf(to, sizeof lines[0], "%s=%s", names[which], text);
    if (n < 0 || (size_t)n >= sizeof lines[0]) {
        cli_error("--%s: it is too long", a->name);
        return false;
    }
    return take_setting(a, to);
}

static void take_verbose(const struct cli_arg *a) {
    int *level = a->to;
    *level = *level < 0 ? 2 : 3;
}

static bool take(const struct cli_arg *a, const char *value) {
    switch (a->kind) {
    case CLI_ARG_FLAG:
        *(bool *)a->to = true;
        return true;
    case CLI_ARG_TEXT:
        *(const char **)a->to = value;
        return true;
    case CLI_ARG_NUMBER:
        return take_number(a, value);
    case CLI_ARG_OBJECT:
        return take_object(a, value);
    case CLI_ARG_LIST:
        return take_listed(a, value);
    case CLI_ARG_SET:
        return take_setting(a, value);
    case CLI_ARG_TRACE:
        return cli_trace_install(value);
    case CLI_ARG_VERBOSE:
        take_verbose(a);
        return true;
    default:
        return take_named(a, value);
    }
}

/* @return the one for -v, or NULL. */
static const struct cli_arg *to_getopt(const struct cli_arg *table,
                                       struct option *longs) {
    const struct cli_arg *verbose = NULL;
    struct option *o = longs;
    for (int i = 0; table[i].name != NULL && i < CLI_ARGS_MAX; i++) {
        if (table[i].kind == CLI_ARG_VERBOSE) {
            verbose = &table[i];
            continue;
        }
        bool flag = table[i].kind == CLI_ARG_FLAG;
        o->name = table[i].name;
        o->has_arg = flag ? no_argument : required_argument;
        o->val = FIRST + i;
        o++;
    }
    o->name = "help";
    o->val = 'h';
    return verbose;
}

int cli_args_wrong(const char *command, int o, char **argv) {
    char letter[] = {'-', (char)optopt, '\0'};
    bool short_one = optopt > 0 && optopt < FIRST;
    cli_error(o == ':' ? "%s: %s needs a value; `cleat %s --help` tells more"
                       : "%s: %s is no option, or not whole, or takes no "
                         "value; `cleat %s --help` lists them",
              command, short_one ? letter : argv[optind - 1], command);
    return CLI_USAGE;
}

/* @return where --json is noted, or NULL: the command does not know it. */
static const bool *json_flag(const struct cli_arg *table) {
    for (int i = 0; table[i].name != NULL; i++) {
        if (strcmp(table[i].name, "json") == 0) {
            return table[i].to;
        }
    }
    return NULL;
}

bool cli_args_take(const struct cli_arg *table, const char *command,
                   const char *usage, int argc, char **argv, int *status) {
    struct option longs[CLI_ARGS_MAX + 2];
    memset(longs, 0, sizeof longs);
    const struct cli_arg *verbose = to_getopt(table, longs);
    const char *letters = verbose == NULL ? ":h" : ":hv";
    const bool *json = json_flag(table);
    if (json != NULL) {
        cli_json_guess(argc, argv);
    }
    optind = 1;
    for (int o; (o = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (o == 'h') {
            fputs(usage, stdout);
            *status = CLI_OK;
            return false;
        }
        if (o == '?' || o == ':') {
            *status = cli_args_wrong(command, o, argv);
            return false;
        }
        if (!take(o == 'v' ? verbose : &table[o - FIRST], optarg)) {
            *status = CLI_USAGE;
            return false;
        }
    }
    if (json != NULL) {
        cli_json_ask(*json);
    }
    return true;
}

bool cli_args_take_all(const struct cli_arg *table, const char *command,
                       const char *usage, int argc, char **argv, int *status) {
    if (!cli_args_take(table, command, usage, argc, argv, status)) {
        return false;
    }
    if (optind < argc) {
        cli_error("%s takes no argument \"%s\"", command, argv[optind]);
        *status = CLI_USAGE;
        return false;
    }
    return true;
}
