/* SPDX-License-Identifier: MIT */
/* `cleat chip list` and `cleat chip info`: drivers, addresses, and what an
 * element tells about itself and its objects. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "chip_call.h"
#include "metadata.h"

static const char *const forms[][2] = {
    {"sim:DIR", "virtual OPTIGA Trust M in this process, its state in DIR; a "
                "new DIR gets a new chip"},
    {"unix:PATH", "a running cleat-chipsim"},
    {"i2c:/dev/i2c-N", "a chip on a bus of this machine"},
};

static int list_json(void) {
    cJSON *root = cJSON_CreateObject();
    cJSON *drivers = cJSON_AddArrayToObject(root, "drivers");
    cJSON *addresses = cJSON_AddArrayToObject(root, "addresses");
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "name", d->name);
        cJSON_AddStringToObject(o, "summary", d->summary);
        cJSON_AddBoolToObject(o, "needs_bus", d->needs_bus);
        cJSON_AddBoolToObject(o, "tests_only", d->tests_only);
        cJSON_AddItemToArray(drivers, o);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "form", forms[i][0]);
        cJSON_AddStringToObject(o, "meaning", forms[i][1]);
        cJSON_AddItemToArray(addresses, o);
    }
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        char form[128];
        if (d->needs_bus) {
            continue;
        }
        snprintf(form, sizeof form, "%s:%s", d->name, d->usage);
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "form", form);
        cJSON_AddStringToObject(o, "meaning", d->summary);
        cJSON_AddItemToArray(addresses, o);
    }
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    if (text == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    puts(text);
    cJSON_free(text);
    return CLI_OK;
}

int cli_chip_list(struct cli_chip_call *c) {
    if (c->json) {
        return list_json();
    }
    printf("drivers:\n");
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        printf("  %-16s %s\n", d->name, d->summary);
    }
    printf("--chip (or CLEAT_CHIP in the environment):\n");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        printf("  %-16s %s\n", forms[i][0], forms[i][1]);
    }
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        if (!d->needs_bus) {
            printf("  %s:%s\n  %-16s %s\n", d->name, d->usage, "", d->summary);
        }
    }
    return CLI_OK;
}

/* ---- info ---- */

/* What an object is; its id is the first of count. */
static const struct {
    uint16_t first, count;
    const char *name;
} objects[] = {
    {0xE0C0, 1, "global life cycle"},
    {0xE0C1, 1, "global security status"},
    {0xE0C2, 1, "coprocessor UID"},
    {0xE0C3, 1, "sleep delay"},
    {0xE0C4, 1, "current limit"},
    {0xE0C5, 1, "security event counter"},
    {0xE0C6, 1, "largest command"},
    {0xE0C9, 1, "security monitor"},
    {0xE0E0, 4, "device certificate"},
    {0xE0E8, 2, "trust anchor"},
    {0xE0EF, 1, "trust anchor"},
    {0xE0F0, 4, "ECC key"},
    {0xE0FC, 2, "RSA key"},
    {0xE120, 4, "counter"},
    {0xE140, 1, "platform binding secret"},
    {0xE200, 1, "AES key"},
    {0xF1C0, 1, "application life cycle"},
    {0xF1C1, 1, "application security status"},
    {0xF1C2, 1, "last error"},
    {0xF1D0, 12, "data"},
    {0xF1E0, 2, "data"},
};

/* A number of at most two bytes. @return -1 if it cannot be read. */
static int read_number(struct cli_chip_call *c, uint16_t object) {
    uint8_t b[2];
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_READ, object, b, sizeof b);
    if (cleat_se_do(&c->se.se, &op, 0) != CLEAT_OK || op.out.len == 0) {
        return -1;
    }
    return op.out.len == 1 ? b[0] : b[0] << 8 | b[1];
}

static void show_number(struct cli_chip_call *c, cJSON *json, uint16_t object,
                        const char *key, const char *label, const char *unit,
                        bool life_cycle) {
    int v = read_number(c, object);
    if (v < 0) {
        return;
    }
    if (json != NULL) {
        cJSON_AddNumberToObject(json, key, v);
    } else if (life_cycle) {
        printf("%s: %s\n", label, cli_metadata_life_cycle(v));
    } else {
        printf("%s: %d%s\n", label, v, unit);
    }
}

/* 0xE0C2: chip type, batch and place, firmware; the last two are the build. */
static bool show_uid(struct cli_chip_call *c, cJSON *json) {
    char hex[2 * 64 + 1];
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID, c->data, 64);
    if (!cli_chip_ask(c, &op, "the UID cannot be read")) {
        return false;
    }
    cli_hex(cleat_bytes_of(c->data, op.out.len), "", hex, sizeof hex);
    if (json != NULL) {
        cJSON_AddStringToObject(json, "uid", hex);
    } else {
        printf("UID: %s\n", hex);
    }
    if (op.out.len == 27) {
        char build[8];
        char firmware[16];
        cli_hex(cleat_bytes_of(c->data + 25, 2), "", build, sizeof build);
        cli_hex(cleat_bytes_of(c->data + 21, 4), "", firmware, sizeof firmware);
        if (json != NULL) {
            cJSON_AddStringToObject(json, "firmware", firmware);
            cJSON_AddStringToObject(json, "build", build);
        } else {
            printf("firmware: %s, build %s%s\n", firmware, build,
                   strcmp(build, "2440") == 0 ? " (V3)" : "");
        }
    }
    return true;
}

static void show_object_text(uint16_t id, const char *name,
                             const struct cli_metadata *m) {
    char size[32] = "-";
    char change[64];
    char read[64];
    if (m->algorithm >= 0) {
        snprintf(size, sizeof size, "%s", cli_metadata_algorithm(m->algorithm));
    } else if (m->max_size >= 0) {
        snprintf(size, sizeof size, "%d/%d",
                 m->used_size >= 0 ? m->used_size : m->max_size, m->max_size);
    }
    cli_metadata_condition(m->change, change, sizeof change);
    cli_metadata_condition(m->read, read, sizeof read);
    printf("  0x%04X %-27s %-14s %-11s %-20s %s\n", id, name,
           m->life_cycle < 0 ? "-" : cli_metadata_life_cycle(m->life_cycle),
           size, read, change);
}

static void show_object_json(cJSON *list_of, uint16_t id, const char *name,
                             const struct cli_metadata *m) {
    char text[128];
    cJSON *o = cJSON_CreateObject();
    snprintf(text, sizeof text, "0x%04X", id);
    cJSON_AddStringToObject(o, "object", text);
    cJSON_AddStringToObject(o, "name", name);
    if (m->life_cycle >= 0) {
        cJSON_AddStringToObject(o, "life_cycle",
                                cli_metadata_life_cycle(m->life_cycle));
    }
    if (m->algorithm >= 0) {
        cJSON_AddStringToObject(o, "algorithm",
                                cli_metadata_algorithm(m->algorithm));
    }
    if (m->max_size >= 0) {
        cJSON_AddNumberToObject(o, "max", m->max_size);
        cJSON_AddNumberToObject(o, "used",
                                m->used_size >= 0 ? m->used_size : m->max_size);
    }
    cli_metadata_condition(m->read, text, sizeof text);
    cJSON_AddStringToObject(o, "read", text);
    cli_metadata_condition(m->change, text, sizeof text);
    cJSON_AddStringToObject(o, "change", text);
    cli_metadata_condition(m->execute, text, sizeof text);
    cJSON_AddStringToObject(o, "execute", text);
    cJSON_AddItemToArray(list_of, o);
}

static void show_objects(struct cli_chip_call *c, cJSON *json) {
    cJSON *list_of =
        json == NULL ? NULL : cJSON_AddArrayToObject(json, "objects");
    if (json == NULL) {
        printf("objects:\n  %-6s %-27s %-14s %-11s %-20s %s\n", "", "what",
               "life cycle", "holds", "read", "change");
    }
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        for (uint16_t k = 0; k < objects[i].count; k++) {
            uint16_t id = (uint16_t)(objects[i].first + k);
            struct cli_metadata m;
            struct cleat_se_op op =
                cli_chip_op(CLEAT_SE_READ_METADATA, id, c->data, 64);
            if (cleat_se_do(&c->se.se, &op, 0) != CLEAT_OK ||
                !cli_metadata_parse(&m, cleat_bytes_of(c->data, op.out.len))) {
                continue; /* Not every part has every object. */
            }
            if (json != NULL) {
                show_object_json(list_of, id, objects[i].name, &m);
            } else {
                show_object_text(id, objects[i].name, &m);
            }
        }
    }
}

int cli_chip_info(struct cli_chip_call *c) {
    cJSON *json = c->json ? cJSON_CreateObject() : NULL;
    const struct cleat_se_driver *d = c->se.chip.driver;
    if (json != NULL) {
        cJSON_AddStringToObject(json, "driver", d->name);
    } else {
        printf("driver: %s (%s)\n", d->name, d->summary);
    }
    if (!show_uid(c, json)) {
        cJSON_Delete(json);
        return CLI_FAILED;
    }
    show_number(c, json, 0xE0C0, "global_life_cycle", "global life cycle", "",
                true);
    show_number(c, json, 0xF1C0, "application_life_cycle",
                "application life cycle", "", true);
    show_number(c, json, 0xE0C4, "current_limit_ma", "current limit", " mA",
                false);
    show_number(c, json, 0xE0C3, "sleep_delay_ms", "sleep delay", " ms", false);
    show_number(c, json, 0xE0C5, "security_event_counter",
                "security event counter", "", false);
    show_number(c, json, 0xE0C6, "largest_command", "largest command", " bytes",
                false);
    show_objects(c, json);
    if (json != NULL) {
        char *text = cJSON_Print(json);
        cJSON_Delete(json);
        if (text == NULL) {
            cli_error("out of memory");
            return CLI_FAILED;
        }
        puts(text);
        cJSON_free(text);
    }
    return CLI_OK;
}
