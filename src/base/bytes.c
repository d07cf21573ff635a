/* SPDX-License-Identifier: MIT */
/* Views and bounds-checked cursors: no other code indexes received bytes. */
#include "cleat/bytes.h"

#include <string.h>

struct cleat_bytes cleat_bytes_str(const char *text) {
    return cleat_bytes_of(text, text == NULL ? 0 : strlen(text));
}

bool cleat_bytes_equal(struct cleat_bytes a, struct cleat_bytes b) {
    if (a.len != b.len) {
        return false;
    }
    return a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

/* Defined in the header; these are the copies for calls not inlined. */
extern inline struct cleat_bytes cleat_bytes_of(const void *data, size_t len);
extern inline struct cleat_bytes cleat_read_bytes(struct cleat_reader *r,
                                                  size_t n);
extern inline uint8_t cleat_read_u8(struct cleat_reader *r);
extern inline uint16_t cleat_read_u16(struct cleat_reader *r);
extern inline struct cleat_bytes cleat_read_text(struct cleat_reader *r);

uint32_t cleat_read_u32(struct cleat_reader *r) {
    uint32_t high = cleat_read_u16(r);
    uint32_t low = cleat_read_u16(r);
    return r->failed ? 0 : high << 16 | low;
}

/* Not by view: what is passed in two registers need not go over the stack. */
void cleat_write(struct cleat_writer *w, const uint8_t *data, size_t len) {
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return;
    }
    if (len > 0 && w->data != NULL) {
        memcpy(w->data + w->len, data, len);
    }
    w->len += len;
}

void cleat_write_bytes(struct cleat_writer *w, struct cleat_bytes view) {
    cleat_write(w, view.data, view.len);
}

void cleat_write_u8(struct cleat_writer *w, uint8_t v) {
    cleat_write(w, &v, 1);
}

/* No array, which would want a canary in a firmware. */
struct pair {
    uint8_t high, low;
};

void cleat_write_u16(struct cleat_writer *w, uint16_t v) {
    const struct pair b = {(uint8_t)(v >> 8), (uint8_t)v};
    cleat_write(w, (const uint8_t *)&b, sizeof b);
}

void cleat_write_u32(struct cleat_writer *w, uint32_t v) {
    const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16),
                          (uint8_t)(v >> 8), (uint8_t)v};
    cleat_write(w, b, sizeof b);
}

void cleat_wipe(void *data, size_t len) {
    /* Through a volatile pointer, so that a dead store is still a store. */
    volatile uint8_t *p = (volatile uint8_t *)data;
    while (len > 0) {
        len--;
        p[len] = 0;
    }
}

bool cleat_equal_ct(const void *a, const void *b, size_t len) {
    const uint8_t *x = (const uint8_t *)a;
    const uint8_t *y = (const uint8_t *)b;
    uint8_t diff = 0;
    for (size_t i = 0; i < len; i++) {
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    }
    return diff == 0;
}
