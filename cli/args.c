/* SPDX-License-Identifier: MIT */
/* Options of a command from a table; see args.h. */
#define _POSIX_C_SOURCE 200809L
#include "args.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

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

static bool take_chip(const struct cli_arg *a, const char *text) {
    static char chip[1100]; /* The last one counts. */
    if (strlen(text) + sizeof "CHIP=" > sizeof chip) {
        cli_error("--%s: longer than %zu bytes", a->name, sizeof chip - 6);
        return false;
    }
    snprintf(chip, sizeof chip, "CHIP=%s", text);
    return take_setting(a, chip);
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
    default:
        return take_chip(a, value);
    }
}

static void to_getopt(const struct cli_arg *table, struct option *longs) {
    int n = 0;
    for (; table[n].name != NULL && n < CLI_ARGS_MAX; n++) {
        bool flag = table[n].kind == CLI_ARG_FLAG;
        longs[n].name = table[n].name;
        longs[n].has_arg = flag ? no_argument : required_argument;
        longs[n].val = FIRST + n;
    }
    longs[n].name = "help";
    longs[n].val = 'h';
}

bool cli_args_take(const struct cli_arg *table, const char *command,
                   const char *usage, int argc, char **argv, int *status) {
    struct option longs[CLI_ARGS_MAX + 2];
    memset(longs, 0, sizeof longs);
    to_getopt(table, longs);
    optind = 1;
    for (int o; (o = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (o == 'h') {
            fputs(usage, stdout);
            *status = CLI_OK;
            return false;
        }
        if (o == '?') { /* getopt_long() has said which. */
            cli_error("`cleat %s --help` lists the options", command);
            *status = CLI_USAGE;
            return false;
        }
        if (!take(&table[o - FIRST], optarg)) {
            *status = CLI_USAGE;
            return false;
        }
    }
    return true;
}
