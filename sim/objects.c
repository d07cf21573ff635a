/* SPDX-License-Identifier: MIT */
/*
 * The object map as it leaves the factory: which objects there are, their
 * sizes, metadata and defaults (reference 9), and finding them.
 */
#include <stdlib.h>
#include <string.h>

#include "chip.h"

#define E_ALW "\x00"
#define E_NEV "\xFF"
#define E_CR "\xE1\xFC\x07" /* LcsO < op */
#define E_BIND "\xE1\xFC\x07\xFE\x20\xE1\x40"

/* An access condition with its length; these strings hold zero bytes. */
struct expression {
    uint8_t len;
    const char *bytes;
};
static const struct expression ABSENT = {0, NULL}; /* means never too */
static const struct expression ALW = {1, E_ALW};
static const struct expression NEV = {1, E_NEV};
static const struct expression CREATION = {3, E_CR};
static const struct expression BINDING = {7, E_BIND};

struct row {
    uint16_t oid;
    uint16_t count; /* this many, numbered on */
    enum cleat_sim_kind kind;
    uint16_t cap;
    uint8_t lcs;
    uint8_t type; /* 0xFF: no tag E8 */
    const struct expression *change, *read, *execute;
    const char *name;
    uint8_t used;
    const char *value; /* used bytes at first */
};

#define NO_TYPE 0xFF

static const struct row rows[] = {
    {0xE0C0, 1, SIM_BYTE, 1, 7, NO_TYPE, &ALW, &ALW, &NEV, "global life cycle",
     1, "\x07"},
    {0xE0C1, 1, SIM_BYTE, 1, 7, NO_TYPE, &ALW, &ALW, &NEV,
     "global security status", 1, "\x20"},
    {0xE0C2, 1, SIM_DATA, CLEAT_SIM_UID_LEN, 7, NO_TYPE, &NEV, &ALW, &NEV,
     "coprocessor UID", 0, NULL},
    {0xE0C3, 1, SIM_BYTE, 1, 7, NO_TYPE, &ALW, &ALW, &NEV, "sleep delay", 1,
     "\x14"},
    {0xE0C4, 1, SIM_BYTE, 1, 7, NO_TYPE, &ALW, &ALW, &NEV, "current limit", 1,
     "\x06"},
    {0xE0C5, 1, SIM_BYTE, 1, 7, NO_TYPE, &NEV, &ALW, &NEV,
     "security event counter", 1, "\x00"},
    {0xE0C6, 1, SIM_DATA, 2, 7, NO_TYPE, &NEV, &ALW, &NEV, "max APDU", 2,
     "\x06\x15"},
    {0xE0C9, 1, SIM_DATA, 8, 7, NO_TYPE, &CREATION, &ALW, &NEV,
     "security monitor", 8, "\x32\x00\x05\x01\x00\x00\x00\x00"},
    {0xE0E0, 1, SIM_DATA, 1728, 1, 0x12, &NEV, &ALW, &ALW, "device certificate",
     0, NULL},
    {0xE0E1, 3, SIM_DATA, 1728, 1, 0x12, &CREATION, &ALW, &ALW, "certificate",
     0, NULL},
    {0xE0E8, 2, SIM_DATA, 1200, 1, 0x11, &CREATION, &ALW, &ALW, "trust anchor",
     0, NULL},
    {0xE0EF, 1, SIM_DATA, 1200, 1, 0x11, &CREATION, &ALW, &ALW, "trust anchor",
     0, NULL},
    {0xE0F0, 1, SIM_KEY_EC, 0, 1, NO_TYPE, &NEV, &ABSENT, &ALW, "device key", 0,
     NULL},
    {0xE0F1, 3, SIM_KEY_EC, 0, 1, NO_TYPE, &CREATION, &ABSENT, &ALW, "ECC key",
     0, NULL},
    {0xE0FC, 2, SIM_KEY_RSA, 0, 1, NO_TYPE, &CREATION, &ABSENT, &ALW, "RSA key",
     0, NULL},
    {0xE120, 4, SIM_DATA, 8, 3, 0x01, &CREATION, &ALW, &ALW, "counter", 8,
     "\x00\x00\x00\x00\x00\x00\x00\x00"},
    {0xE140, 1, SIM_DATA, 64, 1, 0x22, &BINDING, &CREATION, &ALW,
     "platform binding secret", 0, NULL},
    {0xE200, 1, SIM_KEY_AES, 0, 1, NO_TYPE, &NEV, &ABSENT, &ALW, "AES key", 0,
     NULL},
    {0xF1C0, 1, SIM_BYTE, 1, 7, NO_TYPE, &ALW, &ALW, &NEV,
     "application life cycle", 1, "\x01"},
    {0xF1C1, 1, SIM_BYTE, 1, 7, NO_TYPE, &ALW, &ALW, &NEV,
     "application security status", 1, "\x20"},
    {0xF1C2, 1, SIM_BYTE, 1, 7, NO_TYPE, &NEV, &ALW, &NEV, "last error code", 1,
     "\x00"},
    {0xF1D0, 12, SIM_DATA, 140, 1, NO_TYPE, &CREATION, &ALW, &NEV,
     "arbitrary data", 0, NULL},
    {0xF1E0, 2, SIM_DATA, 1500, 1, NO_TYPE, &CREATION, &ALW, &NEV,
     "arbitrary data", 0, NULL},
};

#define ROWS (sizeof rows / sizeof rows[0])

static void put(struct cleat_sim_meta *m, uint8_t tag,
                const struct expression *e) {
    if (e->len != 0) {
        (void)cleat_sim_meta_put(m, tag, cleat_bytes_of(e->bytes, e->len));
    }
}

static int make(struct cleat_sim *s, const struct row *row, uint16_t oid) {
    struct cleat_sim_object *o = &s->objects[s->object_count];
    o->oid = oid;
    o->kind = row->kind;
    o->cap = row->cap;
    o->data = calloc(1, row->cap == 0 ? 1u : row->cap);
    if (o->data == NULL) {
        return -1;
    }
    s->object_count++;
    if (row->kind >= SIM_KEY_EC) {
        o->key = calloc(1, sizeof *o->key);
        if (o->key == NULL) {
            return -1;
        }
    }
    if (row->used != 0) {
        cleat_sim_objects_fill(o, cleat_bytes_of(row->value, row->used));
    }
    (void)cleat_sim_meta_put(&o->meta, SIM_T_LCSO,
                             cleat_bytes_of(&row->lcs, 1));
    put(&o->meta, SIM_T_CHANGE, row->change);
    put(&o->meta, SIM_T_READ, row->read);
    put(&o->meta, SIM_T_EXECUTE, row->execute);
    if (row->type != NO_TYPE) {
        (void)cleat_sim_meta_put(&o->meta, SIM_T_TYPE,
                                 cleat_bytes_of(&row->type, 1));
    }
    return 0;
}

int cleat_sim_objects_make(struct cleat_sim *s) {
    for (size_t i = 0; i < ROWS; i++) {
        for (uint16_t n = 0; n < rows[i].count; n++) {
            if (make(s, &rows[i], (uint16_t)(rows[i].oid + n)) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

void cleat_sim_objects_free(struct cleat_sim *s) {
    for (size_t i = 0; i < s->object_count; i++) {
        struct cleat_sim_object *o = &s->objects[i];
        cleat_wipe(o->data, o->cap);
        free(o->data);
        if (o->key != NULL) {
            cleat_wipe(o->key, sizeof *o->key);
            free(o->key);
        }
    }
    s->object_count = 0;
}

struct cleat_sim_object *cleat_sim_objects_find(struct cleat_sim *s,
                                                uint16_t oid) {
    bool missing = (oid == 0xE200 || oid == 0xE0C9) && cleat_sim_chip_is_v1(s);
    return missing ? NULL : cleat_sim_objects_raw(s, oid);
}

struct cleat_sim_object *cleat_sim_objects_raw(struct cleat_sim *s,
                                               uint16_t oid) {
    for (size_t i = 0; i < s->object_count; i++) {
        if (s->objects[i].oid == oid) {
            return &s->objects[i];
        }
    }
    return NULL;
}

struct cleat_sim_session *cleat_sim_objects_session(struct cleat_sim *s,
                                                    uint16_t oid) {
    if (oid < 0xE100 || oid >= 0xE100 + SIM_SESSIONS) {
        return NULL;
    }
    return &s->sessions[oid - 0xE100];
}

const char *cleat_sim_objects_name(uint16_t oid) {
    for (size_t i = 0; i < ROWS; i++) {
        if (oid >= rows[i].oid && oid < rows[i].oid + rows[i].count) {
            return rows[i].name;
        }
    }
    return oid >= 0xE100 && oid < 0xE100 + SIM_SESSIONS ? "session"
                                                        : "no such object";
}

uint8_t cleat_sim_objects_byte(struct cleat_sim *s, uint16_t oid) {
    switch (oid) {
    case 0xE0C1:
        return s->status_g;
    case 0xF1C1:
        return s->status_a;
    case 0xF1C2:
        return s->last_error;
    default:
        break;
    }
    const struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    return o == NULL || o->used == 0 ? 0 : o->data[0];
}

void cleat_sim_objects_fill(struct cleat_sim_object *o,
                            struct cleat_bytes bytes) {
    size_t n = bytes.len < o->cap ? bytes.len : o->cap;
    memcpy(o->data, bytes.data, n);
    o->used = (uint16_t)n;
}
