/* SPDX-License-Identifier: MIT */
/*
 * Metadata of an object: kept as simple TLVs sorted by tag, read as a whole,
 * changed tag by tag under the rules of reference 10.
 */
#include <string.h>

#include "chip.h"

struct tlv {
    uint8_t tag;
    struct cleat_bytes value;
};

static bool next(struct cleat_reader *r, struct tlv *t) {
    if (r->failed || cleat_reader_left(r) == 0) {
        return false;
    }
    t->tag = cleat_read_u8(r);
    t->value = cleat_read_bytes(r, cleat_read_u8(r));
    return !r->failed;
}

struct cleat_bytes cleat_sim_meta_get(const struct cleat_sim_object *o,
                                      uint8_t tag) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(o->meta.tlv, o->meta.len));
    struct tlv t;
    while (next(&r, &t)) {
        if (t.tag == tag) {
            return t.value;
        }
    }
    return cleat_bytes_of(NULL, 0);
}

uint8_t cleat_sim_meta_byte(const struct cleat_sim_object *o, uint8_t tag,
                            uint8_t absent) {
    struct cleat_reader r = cleat_reader_of(cleat_sim_meta_get(o, tag));
    uint8_t v = cleat_read_u8(&r);
    return r.failed ? absent : v;
}

static void write(struct cleat_writer *w, uint8_t tag,
                  struct cleat_bytes value) {
    cleat_write_u8(w, tag);
    cleat_write_u8(w, (uint8_t)value.len);
    cleat_write_bytes(w, value);
}

bool cleat_sim_meta_put(struct cleat_sim_meta *m, uint8_t tag,
                        struct cleat_bytes value) {
    struct cleat_sim_meta out = {0};
    struct cleat_writer w = cleat_writer_of(out.tlv, sizeof out.tlv - 2);
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(m->tlv, m->len));
    struct tlv t;
    bool done = false;
    while (next(&r, &t)) {
        if (!done && t.tag >= tag) {
            write(&w, tag, value);
            done = true;
        }
        if (t.tag != tag) {
            write(&w, t.tag, t.value);
        }
    }
    if (!done) {
        write(&w, tag, value);
    }
    if (w.failed) {
        return false;
    }
    out.len = w.len;
    *m = out;
    return true;
}

static void write_size(struct cleat_writer *w, uint8_t tag, uint16_t size) {
    cleat_write_u8(w, tag);
    cleat_write_u8(w, size < 256 ? 1 : 2);
    if (size < 256) {
        cleat_write_u8(w, (uint8_t)size);
    } else {
        cleat_write_u16(w, size);
    }
}

void cleat_sim_meta_write(const struct cleat_sim_object *o,
                          struct cleat_writer *w) {
    uint8_t body[SIM_META_MAX + 8];
    struct cleat_writer b = cleat_writer_of(body, sizeof body);
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(o->meta.tlv, o->meta.len));
    struct tlv t;
    bool sized = o->kind >= SIM_KEY_EC;
    while (next(&r, &t)) {
        if (!sized && t.tag > SIM_T_USED) {
            write_size(&b, SIM_T_MAX, o->cap);
            write_size(&b, SIM_T_USED, o->used);
            sized = true;
        }
        write(&b, t.tag, t.value);
    }
    cleat_write_u8(w, 0x20);
    cleat_write_u8(w, (uint8_t)b.len);
    cleat_write_bytes(w, cleat_bytes_of(body, b.len));
}

static bool good_life_cycle(uint8_t v) {
    return v == SIM_LCS_CR || v == SIM_LCS_IN || v == SIM_LCS_OP ||
           v == SIM_LCS_TE;
}

static bool good_type(uint8_t v) {
    return v == 0x00 || v == 0x01 || v == 0x11 || v == 0x12 || v == 0x21 ||
           v == 0x22 || v == 0x23 || v == 0x31;
}

/* Is this tag one that may be written, and the value one it may have? */
static bool good_value(const struct tlv *t) {
    struct cleat_reader r = cleat_reader_of(t->value);
    uint8_t first = cleat_read_u8(&r);
    switch (t->tag) {
    case SIM_T_LCSO:
        return t->value.len == 1 && good_life_cycle(first);
    case SIM_T_VERSION:
        return t->value.len == 2;
    case SIM_T_CHANGE:
    case SIM_T_READ:
    case SIM_T_EXECUTE:
    case SIM_T_META:
        return cleat_sim_access_valid(t->value);
    case SIM_T_USAGE:
        return t->value.len == 1 && first != 0 && (first & ~0x33) == 0;
    case SIM_T_TYPE:
        return t->value.len == 1 && good_type(first);
    case SIM_T_RESET:
        return t->value.len >= 1;
    default: /* C4, C5, E0 and what nobody knows */
        return false;
    }
}

/* Twice the same tag in one container is an error. */
static bool repeated(struct cleat_bytes list, uint8_t tag) {
    struct cleat_reader r = cleat_reader_of(list);
    struct tlv t;
    unsigned seen = 0;
    while (next(&r, &t)) {
        seen += t.tag == tag;
    }
    return seen > 1;
}

static int check(const struct cleat_sim_object *o, struct cleat_bytes list) {
    uint8_t now = cleat_sim_meta_byte(o, SIM_T_LCSO, SIM_LCS_OP);
    bool fixed = cleat_sim_meta_get(o, SIM_T_LCSO).len == 0;
    struct cleat_reader r = cleat_reader_of(list);
    struct tlv t;
    while (next(&r, &t)) {
        if (!good_value(&t) || repeated(list, t.tag)) {
            return SIM_E_METADATA;
        }
        struct cleat_reader v = cleat_reader_of(t.value);
        bool upward = t.tag == SIM_T_LCSO && cleat_read_u8(&v) >= now;
        if (fixed || (t.tag == SIM_T_LCSO && !upward) ||
            (t.tag != SIM_T_LCSO && now >= SIM_LCS_OP)) {
            return SIM_E_ACCESS;
        }
    }
    return r.failed ? SIM_E_METADATA : SIM_OK;
}

int cleat_sim_meta_change(struct cleat_sim *s, struct cleat_sim_object *o,
                          struct cleat_bytes container) {
    struct cleat_reader r = cleat_reader_of(container);
    uint8_t tag = cleat_read_u8(&r);
    struct cleat_bytes list = cleat_read_bytes(&r, cleat_read_u8(&r));
    if (tag != 0x20 || r.failed || cleat_reader_left(&r) != 0 ||
        list.len == 0 || container.len > SIM_META_MAX) {
        return SIM_E_METADATA;
    }
    int code = check(o, list);
    if (code != SIM_OK) {
        return code;
    }
    struct cleat_sim_meta changed = o->meta;
    struct cleat_reader in = cleat_reader_of(list);
    struct tlv t;
    while (next(&in, &t)) {
        if (!cleat_sim_meta_put(&changed, t.tag, t.value)) {
            return SIM_E_TRUNCATION;
        }
    }
    /* The sizes must still fit beside it. */
    if (o->kind < SIM_KEY_EC && changed.len + 8 + 2 > SIM_META_MAX) {
        return SIM_E_TRUNCATION;
    }
    o->meta = changed;
    s->dirty = true;
    return SIM_OK;
}

/* --- by a protected update ------------------------------------------------ */

static void drop(struct cleat_sim_meta *m, uint8_t tag) {
    struct cleat_sim_meta out = {0};
    struct cleat_writer w = cleat_writer_of(out.tlv, sizeof out.tlv);
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(m->tlv, m->len));
    struct tlv t;
    while (next(&r, &t)) {
        if (t.tag != tag) {
            write(&w, t.tag, t.value);
        }
    }
    out.len = w.len;
    *m = out;
}

static void flush(struct cleat_sim_object *o, uint8_t how) {
    if (how == 0) {
        return;
    }
    if (o->key != NULL) {
        cleat_wipe(o->key, sizeof *o->key);
        drop(&o->meta, SIM_T_ALG);
        return;
    }
    memset(o->data, 0, o->cap);
    if (how == 2) {
        (void)cleat_sim_crypto_random(o->data, o->cap);
    }
    o->used = 0;
}

int cleat_sim_meta_update(struct cleat_sim_object *o,
                          struct cleat_bytes container, uint8_t manifest) {
    struct cleat_reader r = cleat_reader_of(container);
    uint8_t tag = cleat_read_u8(&r);
    struct cleat_bytes list = cleat_read_bytes(&r, cleat_read_u8(&r));
    if (tag != 0x20 || r.failed || cleat_reader_left(&r) != 0) {
        return SIM_E_METADATA;
    }
    struct cleat_sim_meta changed = o->meta;
    uint8_t reset = cleat_sim_meta_byte(o, SIM_T_RESET, 0);
    uint8_t lcs = reset & 0x0F;
    struct cleat_reader in = cleat_reader_of(list);
    struct tlv t;
    bool fits = lcs == 0 || cleat_sim_meta_put(&changed, SIM_T_LCSO,
                                               cleat_bytes_of(&lcs, 1));
    while (next(&in, &t)) {
        if (t.tag == SIM_T_VERSION || !good_value(&t) ||
            repeated(list, t.tag)) {
            return SIM_E_METADATA;
        }
        fits = fits && cleat_sim_meta_put(&changed, t.tag, t.value);
    }
    if (in.failed) {
        return SIM_E_METADATA;
    }
    if (!fits || (o->kind < SIM_KEY_EC && changed.len + 8 + 2 > SIM_META_MAX)) {
        return SIM_E_TRUNCATION;
    }
    o->meta = changed;
    flush(o, (reset >> 4) != 0 ? reset >> 4 : manifest);
    return SIM_OK;
}
