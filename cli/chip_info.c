/* SPDX-License-Identifier: MIT */
/* `cleat chip list` and `cleat chip info`: drivers, addresses, and what an
 * element tells about itself and its objects. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "chip_call.h"
#include "cleat/se_chip.h"
#include "metadata.h"

static const char *const forms[][2] = {
    {"sim:DIR", "virtual OPTIGA Trust M in this process, its state in DIR; a "
                "new DIR gets a new chip"},
    {"unix:PATH", "a running cleat-chipsim"},
    {"i2c:/dev/i2c-N", "a chip on a bus of this machine; its lines behind it: "
                       ",reset=LINE,power=LINE"},
};

static int list_json(struct cli_chip_call *c) {
    cJSON *root = cli_report_root(&c->report);
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
    return CLI_OK;
}

int cli_chip_list(struct cli_chip_call *c) {
    if (c->json) {
        return list_json(c);
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

static void show_number(struct cli_chip_call *c, uint16_t object,
                        const char *key, const char *label, const char *unit,
                        bool life_cycle) {
    int v = read_number(c, object);
    if (v < 0) {
        return;
    }
    if (life_cycle) {
        cli_report_text(&c->report, key, label, "%s",
                        cli_metadata_life_cycle(v));
    } else {
        cli_report_number(&c->report, key, label, v, unit);
    }
}

/* 0xE0C2: chip type, batch and place, firmware; the last two are the build
 * (Solution Reference Manual, Coprocessor UID). */
static void decode_uid(struct cli_report *r, const uint8_t *uid) {
    char hex[16];
    struct cleat_reader x = cleat_reader_of(cleat_bytes_of(uid + 17, 4));
    cli_hex(cleat_bytes_of(uid + 3, 2), "", hex, sizeof hex);
    cli_report_text(r, "rom_mask", "ROM mask", "%s", hex);
    cli_hex(cleat_bytes_of(uid + 5, 6), "", hex, sizeof hex);
    cli_report_text(r, "chip_type", "chip type", "%s", hex);
    cli_hex(cleat_bytes_of(uid + 11, 6), "", hex, sizeof hex);
    unsigned across = cleat_read_u16(&x);
    unsigned down = cleat_read_u16(&x);
    cli_report_text(r, "batch", "batch, place on the wafer", "%s, %u/%u", hex,
                    across, down);
    cli_hex(cleat_bytes_of(uid + 21, 4), "", hex, sizeof hex);
    char build[8];
    cli_hex(cleat_bytes_of(uid + 25, 2), "", build, sizeof build);
    bool v3 = strcmp(build, "2440") >= 0;
    if (r->json) {
        cli_report_string(r, "firmware", hex);
        cli_report_string(r, "build", build);
        cli_report_string(r, "version", v3 ? "V3" : "V1");
    } else {
        printf("firmware: %s, build %s (%s)\n", hex, build, v3 ? "V3" : "V1");
    }
}

static int show_uid(struct cli_chip_call *c) {
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID, c->data, 64);
    int status = cli_chip_do(c, &op, "the UID cannot be read");
    if (status != CLI_OK) {
        return status;
    }
    cli_report_hex(&c->report, "uid", "UID",
                   cleat_bytes_of(c->data, op.out.len));
    if (op.out.len == CLEAT_SE_UID_LEN && c->se.chip.driver->needs_bus) {
        decode_uid(&c->report, c->data);
    }
    return CLI_OK;
}

static void show_pairing(struct cli_chip_call *c) {
    static const char *const words[] = {
        "open: not paired, anybody on the bus can pair it",
        "HALF DONE: the secret's access was changed but pairing did not end",
        "locked: only the host with the secret gets a shielded connection",
        "DEAD: the binding secret is terminated"};
    struct cleat_se_info info;
    struct cleat_detail detail = {0};
    if (cleat_se_info_read(&c->se.se, &info, &detail) != 0) {
        return;
    }
    cli_report_text(&c->report, "pairing", "pairing", "%s",
                    words[info.pairing]);
    cli_report_number(&c->report, "event_delay_ms",
                      info.event_delay_ms > 0 ? "each use of a key waits"
                                              : NULL,
                      (long)info.event_delay_ms, " ms");
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

static void show_objects(struct cli_chip_call *c) {
    cJSON *json = cli_report_root(&c->report);
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
            size_t len = cli_chip_metadata(c, id, c->data, 64);
            if (len == 0 ||
                !cli_metadata_parse(&m, cleat_bytes_of(c->data, len))) {
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

int cli_chip_objects(struct cli_chip_call *c) {
    if ((c->se.chip.driver->can & CLEAT_SE_CAN_METADATA) == 0) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "this element has no map of objects");
    }
    show_objects(c);
    return CLI_OK;
}

int cli_chip_info(struct cli_chip_call *c) {
    const struct cleat_se_driver *d = c->se.chip.driver;
    if (c->json) {
        cli_report_string(&c->report, "driver", d->name);
    } else {
        printf("driver: %s (%s)\n", d->name, d->summary);
    }
    int status = show_uid(c);
    if (status != CLI_OK) {
        return status;
    }
    show_number(c, 0xE0C0, "global_life_cycle", "global life cycle", "", true);
    show_number(c, 0xF1C0, "application_life_cycle", "application life cycle",
                "", true);
    show_number(c, 0xE0C4, "current_limit_ma", "current limit", " mA", false);
    show_number(c, 0xE0C3, "sleep_delay_ms", "sleep delay", " ms", false);
    show_number(c, 0xE0C5, "security_event_counter", "security event counter",
                "", false);
    show_number(c, 0xE0C6, "largest_command", "largest command", " bytes",
                false);
    if ((d->can & CLEAT_SE_CAN_METADATA) != 0 && d->needs_bus) {
        show_pairing(c);
    }
    if ((d->can & CLEAT_SE_CAN_METADATA) != 0) {
        show_objects(c);
    }
    return CLI_OK;
}
