/* SPDX-License-Identifier: MIT */
/* `cleat config`: what each setting is, where it came from, what it means. */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "json.h"
#include "profile.h"

#define VALUE_MAX 65536 /* ROOT_CA_CERTIFICATE may be a PEM text */

static const char usage[] =
    "usage: cleat config list|check|markdown [OPTIONS]\n"
    "  list      every setting: value, default, range, origin, meaning\n"
    "  check     exit 0 if the settings hold together and a connection can be\n"
    "            tried, else say what is missing\n"
    "  markdown  the settings reference as a table\n"
    "options:\n"
    "  --config FILE     read FILE instead of ./cleat.conf\n"
    "  --set NAME=VALUE  as in the file; may be repeated\n"
    "  --profile NAME    check also what a broker takes: aws, none, or auto "
    "(by\n"
    "                    the broker's address; the default)\n"
    "  --json            list: all as a JSON array; check: one object\n"
    "Order: defaults, file, CLEAT_NAME in the environment, --set.\n";

static void range(const struct cleat_setting *row, char *out, size_t cap) {
    switch (row->type) {
    case CLEAT_SETTING_NUMBER:
        snprintf(out, cap, "%lu to %lu", (unsigned long)row->min,
                 (unsigned long)row->max);
        break;
    case CLEAT_SETTING_SWITCH:
        snprintf(out, cap, "0 or 1");
        break;
    case CLEAT_SETTING_CHOICE:
        snprintf(out, cap, "%s", row->choices);
        break;
    default:
        snprintf(out, cap, "text, %lu to %lu bytes", (unsigned long)row->min,
                 (unsigned long)row->max);
        break;
    }
}

static void list_text(const struct cli_config *c) {
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        static char value[VALUE_MAX];
        char limits[96];
        cleat_settings_get(&c->settings, row, value, sizeof value);
        range(row, limits, sizeof limits);
        printf("%s = %s\n    %s\n    default \"%s\"; %s; from %s\n", row->name,
               value, row->meaning, row->standard, limits, c->origin[i]);
    }
}

static int list_json(const struct cli_config *c) {
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        static char value[VALUE_MAX];
        char limits[96];
        cJSON *o = cJSON_CreateObject();
        cleat_settings_get(&c->settings, row, value, sizeof value);
        range(row, limits, sizeof limits);
        cJSON_AddStringToObject(o, "name", row->name);
        cJSON_AddStringToObject(o, "value", value);
        cJSON_AddStringToObject(o, "default", row->standard);
        cJSON_AddStringToObject(o, "range", limits);
        cJSON_AddStringToObject(o, "origin", c->origin[i]);
        cJSON_AddStringToObject(o, "meaning", row->meaning);
        cJSON_AddItemToArray(list, o);
    }
    return cli_json_as_it_is(list);
}

static void put_cell(const char *text) {
    for (; *text != '\0'; text++) {
        printf(*text == '|' ? "\\|" : "%c", *text);
    }
}

static int list_markdown(void) {
    printf("| setting | default | range | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        char limits[96];
        range(row, limits, sizeof limits);
        printf("| `%s` | %s%s%s | ", row->name, row->standard[0] ? "`" : "",
               row->standard, row->standard[0] ? "`" : "");
        put_cell(limits);
        printf(" | ");
        put_cell(row->meaning);
        printf(" |\n");
    }
    return CLI_OK;
}

static int check(const struct cli_config *c, const char *profile, bool json) {
    char why[256];
    if (cleat_settings_check(&c->settings, why, sizeof why) != 0 ||
        cleat_settings_complete(&c->settings, why, sizeof why) != 0) {
        cli_error("%s", why);
        return CLI_USAGE;
    }
    int status = cli_profile_hold(&c->settings, profile);
    const char *held = cli_profile_of(&c->settings, profile);
    if (status == CLI_OK && json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "profile", held);
        return cli_json_end(root, status);
    }
    if (status == CLI_OK) {
        printf("settings are complete (broker profile: %s)\n", held);
    }
    return status;
}

static int run(int argc, char **argv) {
    struct cli_options options = {0};
    struct cli_config config;
    bool json = false;
    int status;
    const struct cli_arg table[] = {
        {"config", CLI_ARG_TEXT, &options.file, 0, 0},
        {"set", CLI_ARG_SET, &options, 0, 0},
        {"profile", CLI_ARG_TEXT, &options.profile, 0, 0},
        {"json", CLI_ARG_FLAG, &json, 0, 0},
        {NULL, CLI_ARG_FLAG, NULL, 0, 0}};
    if (!cli_args_take(table, "config", usage, argc, argv, &status)) {
        return status;
    }
    const char *verb = optind < argc ? argv[optind] : "list";
    bool listing = strcmp(verb, "list") == 0;
    bool markdown = strcmp(verb, "markdown") == 0;
    if (argc - optind > 1 ||
        (!listing && !markdown && strcmp(verb, "check") != 0)) {
        cli_error("config: one of list, check, markdown; `cleat config --help` "
                  "tells more");
        return CLI_USAGE;
    }
    if (markdown && json) {
        cli_error("config markdown: it has no --json; `config list` has");
        return CLI_USAGE;
    }
    if (markdown) {
        return list_markdown();
    }
    status = cli_config_load(&config, &options);
    if (status != CLI_OK) {
        return status;
    }
    if (!listing) {
        status = check(&config, options.profile, json);
    } else if (json) {
        status = list_json(&config);
    } else {
        list_text(&config);
    }
    cli_config_free(&config);
    return status;
}

const struct cli_command cli_command_config = {
    "config", "list and check the settings", run};
