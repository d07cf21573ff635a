/* SPDX-License-Identifier: MIT */
/*
 * GetDataObject and SetDataObject: data, metadata, counting (reference 6.3,
 * 6.4), with the few one-byte objects that have rules of their own.
 */
#include <string.h>

#include "chip.h"

enum { P_DATA = 0x00, P_METADATA = 0x01, P_COUNT = 0x02, P_ERASE = 0x40 };

#define OID_LAST_ERROR 0xF1C2

/* @return 0, SIM_E_OID, or SIM_E_ACCESS for sessions, which have no data. */
static int lookup(struct cleat_sim *s, uint16_t oid,
                  struct cleat_sim_object **o) {
    *o = cleat_sim_objects_find(s, oid);
    if (*o != NULL) {
        return SIM_OK;
    }
    return cleat_sim_objects_session(s, oid) != NULL ? SIM_E_ACCESS : SIM_E_OID;
}

/* 256 bytes take 30 ms with their transfer; the bench's chip is faster. */
static void read_cost(struct cleat_sim *s, size_t n) {
    bool bench = s->opt.latency == CLEAT_SIM_LATENCY_BENCH;
    cleat_sim_chip_cost_flat(s, bench ? 5000 + 40 * n : 300 + 90 * n);
}

static int get_range(struct cleat_sim *s, const struct cleat_sim_object *o,
                     size_t offset, size_t len, struct cleat_writer *out) {
    if (offset > o->used || (offset == o->used && o->used != 0)) {
        return SIM_E_BOUNDARY;
    }
    size_t n = o->used - offset;
    n = len < n ? len : n;
    if (n > SIM_OUT_MAX) {
        return SIM_E_MEMORY;
    }
    read_cost(s, n);
    cleat_write_bytes(out, cleat_bytes_of(o->data + offset, n));
    return SIM_OK;
}

/* A volatile or running value is brought into the object first. */
static void refresh(struct cleat_sim *s, struct cleat_sim_object *o) {
    cleat_sim_chip_count_down(s);
    if (o->kind == SIM_BYTE) {
        o->data[0] = cleat_sim_objects_byte(s, o->oid);
    }
}

static int get_data(struct cleat_sim *s, struct cleat_sim_object *o,
                    struct cleat_reader in, struct cleat_writer *out) {
    size_t offset = 0;
    size_t len = SIZE_MAX;
    if (cleat_reader_left(&in) != 0) {
        offset = cleat_read_u16(&in);
        len = cleat_read_u16(&in);
    }
    if (in.failed || cleat_reader_left(&in) != 0) {
        return SIM_E_LENGTH;
    }
    if (o->key != NULL) {
        return SIM_E_ACCESS;
    }
    int code = cleat_sim_access_check(s, o, SIM_T_READ);
    if (code != SIM_OK) {
        return code;
    }
    refresh(s, o);
    code = get_range(s, o, offset, len, out);
    if (code == SIM_OK && o->oid == OID_LAST_ERROR) {
        s->last_error = 0;
    }
    return code;
}

int cleat_sim_cmd_get(struct cleat_sim *s, uint8_t param,
                      struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_sim_object *o = NULL;
    if (param != P_DATA && param != P_METADATA) {
        return SIM_E_PARAM;
    }
    uint16_t oid = cleat_read_u16(&in);
    if (in.failed) {
        return SIM_E_LENGTH;
    }
    int code = lookup(s, oid, &o);
    if (code != SIM_OK) {
        return code;
    }
    if (param == P_DATA) {
        return get_data(s, o, in, out);
    }
    if (cleat_reader_left(&in) != 0) {
        return SIM_E_LENGTH;
    }
    cleat_sim_chip_cost_flat(s, 2000);
    cleat_sim_meta_write(o, out);
    return SIM_OK;
}

/* --- writing -------------------------------------------------------------- */

/* Life cycles go up, status bits can only be cleared, the rest has a range. */
static int check_byte(struct cleat_sim *s, uint16_t oid, uint8_t v) {
    uint8_t old = cleat_sim_objects_byte(s, oid);
    switch (oid) {
    case 0xE0C0:
    case 0xF1C0:
        if (v != SIM_LCS_CR && v != SIM_LCS_IN && v != SIM_LCS_OP &&
            v != SIM_LCS_TE) {
            return SIM_E_DATA;
        }
        return v >= old ? SIM_OK : SIM_E_ACCESS;
    case 0xE0C1:
    case 0xF1C1:
        return (v & ~old) == 0 ? SIM_OK : SIM_E_DATA;
    case 0xE0C3:
        return v >= 20 ? SIM_OK : SIM_E_DATA;
    case 0xE0C4:
        return v >= 6 && v <= 15 ? SIM_OK : SIM_E_DATA;
    default:
        return SIM_E_ACCESS;
    }
}

static int set_byte(struct cleat_sim *s, struct cleat_sim_object *o,
                    uint16_t offset, struct cleat_bytes data) {
    struct cleat_reader r = cleat_reader_of(data);
    uint8_t v = cleat_read_u8(&r);
    if (offset != 0 || data.len != 1) {
        return SIM_E_BOUNDARY;
    }
    int code = check_byte(s, o->oid, v);
    if (code != SIM_OK) {
        return code;
    }
    if (o->oid == 0xE0C1) {
        s->status_g = v;
    } else if (o->oid == 0xF1C1) {
        s->status_a = v;
    } else {
        s->dirty = s->dirty || o->data[0] != v;
        o->data[0] = v;
    }
    return SIM_OK;
}

/* Certificates and trust anchors are not written in one piece [S fn 96-99]. */
static void may_tear(struct cleat_sim *s, const struct cleat_sim_object *o,
                     uint16_t offset, size_t len, uint64_t cost_us) {
    uint8_t type = cleat_sim_meta_byte(o, SIM_T_TYPE, 0);
    uint32_t half = 0;
    if (type != 0x11 && type != 0x12) {
        return;
    }
    uint64_t now = cleat_sim_chip_now(s);
    s->tearing = (struct cleat_sim_tearing){.oid = o->oid,
                                            .offset = offset,
                                            .len = (uint16_t)len,
                                            .from_us = now,
                                            .until_us = now + cost_us};
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_TEAR, &half, 0)) {
        s->tearing.from_us = now - 1; /* the middle is now */
        s->tearing.until_us = now + 1;
        s->power_fails = true;
    }
}

void cleat_sim_data_tear(struct cleat_sim *s, uint64_t now) {
    struct cleat_sim_tearing *t = &s->tearing;
    struct cleat_sim_object *o = cleat_sim_objects_find(s, t->oid);
    if (t->oid != 0 && o != NULL && now < t->until_us) {
        uint64_t done =
            t->len * (now - t->from_us) / (t->until_us - t->from_us);
        size_t end = t->offset + (size_t)done;
        size_t whole = (size_t)t->offset + t->len;
        memset(o->data + end, 0, whole - end);
        o->used = o->used == whole ? (uint16_t)end : o->used;
        s->dirty = true;
    }
    t->oid = 0;
}

static int set_data(struct cleat_sim *s, struct cleat_sim_object *o,
                    uint16_t offset, struct cleat_bytes data, bool erase) {
    if (o->key != NULL) {
        return SIM_E_ACCESS;
    }
    int code = cleat_sim_access_check(s, o, SIM_T_CHANGE);
    if (code != SIM_OK) {
        return code;
    }
    if (o->kind == SIM_BYTE) {
        return set_byte(s, o, offset, data);
    }
    size_t end = offset + data.len;
    if (end > o->cap) {
        return SIM_E_BOUNDARY;
    }
    if (offset > o->used) {
        memset(o->data + o->used, 0, (size_t)offset - o->used);
    }
    memcpy(o->data + offset, data.data, data.len);
    if (erase || end > o->used) {
        memset(o->data + end, 0, o->cap - end);
        o->used = (uint16_t)end;
    }
    s->dirty = true;
    uint64_t before = s->cost_us;
    cleat_sim_chip_cost_flat(s, 2000 + 150 * data.len);
    may_tear(s, o, offset, data.len, s->cost_us - before);
    return SIM_OK;
}

static int count(struct cleat_sim *s, struct cleat_sim_object *o,
                 struct cleat_bytes data) {
    struct cleat_reader r = cleat_reader_of(data);
    uint8_t by = cleat_read_u8(&r);
    if (data.len != 1) {
        return SIM_E_LENGTH;
    }
    if (by == 0 || o->kind != SIM_DATA ||
        cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != 0x01) {
        return SIM_E_DATA;
    }
    int code = cleat_sim_access_check(s, o, SIM_T_EXECUTE);
    if (code != SIM_OK) {
        return code;
    }
    cleat_sim_chip_cost_flat(s, 4000);
    return cleat_sim_access_count(s, o, by);
}

int cleat_sim_cmd_set(struct cleat_sim *s, uint8_t param,
                      struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_sim_object *o = NULL;
    (void)out;
    if (param != P_DATA && param != P_METADATA && param != P_COUNT &&
        param != P_ERASE) {
        return SIM_E_PARAM;
    }
    uint16_t oid = cleat_read_u16(&in);
    uint16_t offset = cleat_read_u16(&in);
    struct cleat_bytes data = cleat_read_bytes(&in, cleat_reader_left(&in));
    if (in.failed || data.len == 0) {
        return SIM_E_LENGTH;
    }
    int code = lookup(s, oid, &o);
    if (code != SIM_OK) {
        return code;
    }
    if (param == P_COUNT) {
        return count(s, o, data);
    }
    if (param == P_METADATA) {
        cleat_sim_chip_cost_flat(s, 5000);
        return offset == 0 ? cleat_sim_meta_change(s, o, data) : SIM_E_DATA;
    }
    return set_data(s, o, offset, data, param == P_ERASE);
}
