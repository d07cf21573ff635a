/* SPDX-License-Identifier: MIT */
/*
 * As much CBOR as a protected update's manifest needs, read strictly: shortest
 * heads only, no indefinite lengths. A wrong item fails the reader.
 */
#include "chip.h"

enum { UNSIGNED = 0, NEGATIVE = 1, BYTES = 2, ARRAY = 4, MAP = 5 };

#define NIL 0xF6

static bool head(struct cleat_reader *r, unsigned major, uint32_t *value) {
    uint8_t first = cleat_read_u8(r);
    uint32_t least = 0;
    *value = first & 0x1F;
    switch (first & 0x1F) {
    case 24:
        *value = cleat_read_u8(r);
        least = 24;
        break;
    case 25:
        *value = cleat_read_u16(r);
        least = 256;
        break;
    case 26:
        *value = cleat_read_u32(r);
        least = 65536;
        break;
    default:
        r->failed = r->failed || *value > 24;
        break;
    }
    r->failed = r->failed || (unsigned)(first >> 5) != major || *value < least;
    return !r->failed;
}

bool cleat_sim_cbor_is(struct cleat_reader *r, uint32_t wanted) {
    uint32_t v = 0;
    r->failed = !head(r, UNSIGNED, &v) || v != wanted;
    return !r->failed;
}

uint32_t cleat_sim_cbor_number(struct cleat_reader *r, uint32_t most) {
    uint32_t v = 0;
    r->failed = !head(r, UNSIGNED, &v) || v > most;
    return v;
}

/* -1 - v, as v. */
uint32_t cleat_sim_cbor_negative(struct cleat_reader *r) {
    uint32_t v = 0;
    (void)head(r, NEGATIVE, &v);
    return v;
}

struct cleat_bytes cleat_sim_cbor_bytes(struct cleat_reader *r, size_t least,
                                        size_t most) {
    uint32_t len = 0;
    if (!head(r, BYTES, &len) || len < least || len > most) {
        r->failed = true;
        return cleat_bytes_of(NULL, 0);
    }
    return cleat_read_bytes(r, len);
}

bool cleat_sim_cbor_array(struct cleat_reader *r, uint32_t count) {
    uint32_t n = 0;
    r->failed = !head(r, ARRAY, &n) || n != count;
    return !r->failed;
}

bool cleat_sim_cbor_map(struct cleat_reader *r, uint32_t count) {
    uint32_t n = 0;
    r->failed = !head(r, MAP, &n) || n != count;
    return !r->failed;
}

/* @return true if nil stood there; it is read. */
bool cleat_sim_cbor_nil(struct cleat_reader *r) {
    struct cleat_reader ahead = *r;
    bool nil = cleat_read_u8(&ahead) == NIL && !ahead.failed;
    if (nil) {
        *r = ahead;
    }
    return nil;
}
