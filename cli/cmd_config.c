/* SPDX-License-Identifier: MIT */
/* `cleat config`: what each setting is, where it came from, what it means. */
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "profile.h"

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
    "  --json            list as JSON\n"
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
        char value[256];
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
        char value[256];
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
    char *text = cJSON_Print(list);
    cJSON_Delete(list);
    if (text == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    puts(text);
    cJSON_free(text);
    return CLI_OK;
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

static int check(const struct cli_config *c, const char *profile) {
    char why[256];
    if (cleat_settings_check(&c->settings, why, sizeof why) != 0 ||
        cleat_settings_complete(&c->settings, why, sizeof why) != 0) {
        cli_error("%s", why);
        return CLI_USAGE;
    }
    int status = cli_profile_hold(&c->settings, profile);
    if (status == CLI_OK) {
        printf("settings are complete (broker profile: %s)\n",
               cli_profile_of(&c->settings, profile));
    }
    return status;
}

static int run(int argc, char **argv) {
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"profile", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    struct cli_options options = {0};
    struct cli_config config;
    bool json = false;
    for (int o; (o = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (o == 'c') {
            options.file = optarg;
        } else if (o == 's' && options.set_count < 64) {
            options.set[options.set_count++] = optarg;
        } else if (o == 'p') {
            options.profile = optarg;
        } else if (o == 'j') {
            json = true;
        } else {
            fputs(usage, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        }
    }
    const char *verb = optind < argc ? argv[optind] : "list";
    if (strcmp(verb, "markdown") == 0) {
        return list_markdown();
    }
    int status = cli_config_load(&config, &options);
    if (status != CLI_OK) {
        return status;
    }
    if (strcmp(verb, "check") == 0) {
        status = check(&config, options.profile);
    } else if (strcmp(verb, "list") == 0 && json) {
        status = list_json(&config);
    } else if (strcmp(verb, "list") == 0) {
        list_text(&config);
    } else {
        fputs(usage, stderr);
        status = CLI_USAGE;
    }
    cli_config_free(&config);
    return status;
}

const struct cli_command cli_command_config = {
    "config", "list and check the settings", run};
