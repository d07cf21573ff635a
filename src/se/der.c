/* SPDX-License-Identifier: MIT */
/* Numbers and heads; see der.h. */
#include "se/der.h"

#include <string.h>

#define INTEGER 0x02u

void cleat_se_der_strip(struct cleat_bytes *number) {
    while (number->len > 1 && number->data[0] == 0) {
        number->data++;
        number->len--;
    }
}

bool cleat_se_der_number(struct cleat_reader *r, uint8_t *out, size_t n) {
    bool good = cleat_read_u8(r) == INTEGER;
    struct cleat_bytes v = cleat_read_bytes(r, cleat_read_u8(r));
    if (!good || v.len == 0 || (v.data[0] & 0x80) != 0) {
        return false;
    }
    cleat_se_der_strip(&v);
    if (v.len > n || v.data[0] == 0) {
        return false;
    }
    memset(out, 0, n - v.len);
    memcpy(out + n - v.len, v.data, v.len);
    return true;
}

struct cleat_bytes cleat_se_der_value(struct cleat_reader *r, uint8_t tag) {
    uint8_t found = cleat_read_u8(r);
    size_t len = cleat_read_u8(r);
    size_t least = 0;
    if (len == 0x81) {
        len = cleat_read_u8(r);
        least = 0x80;
    } else if (len == 0x82) {
        len = cleat_read_u16(r);
        least = 0x100;
    } else if (len >= 0x80) {
        r->failed = true;
    }
    if (found != tag || len < least) {
        r->failed = true;
    }
    return cleat_read_bytes(r, len);
}

void cleat_se_der_put_head(struct cleat_writer *w, uint8_t tag, size_t len) {
    cleat_write_u8(w, tag);
    if (len >= 0x100) {
        cleat_write_u8(w, 0x82);
        cleat_write_u16(w, (uint16_t)len);
        return;
    }
    if (len >= 0x80) {
        cleat_write_u8(w, 0x81);
    }
    cleat_write_u8(w, (uint8_t)len);
}

void cleat_se_der_put_number(struct cleat_writer *w,
                             struct cleat_bytes number) {
    cleat_se_der_strip(&number);
    bool high = number.len > 0 && (number.data[0] & 0x80) != 0;
    cleat_se_der_put_head(w, INTEGER, number.len + high);
    if (high) {
        cleat_write_u8(w, 0);
    }
    cleat_write_bytes(w, number);
}
