/* SPDX-License-Identifier: MIT */
/*
 * Byte views, buffers, and the bounds-checked cursors through which every
 * received byte is read and every sent byte is written. A cursor that runs out
 * sets `failed` and from then on returns zeros and writes nothing: check once,
 * at the end. All multi-byte numbers are big-endian. No state; any thread.
 */
#ifndef CLEAT_BYTES_H
#define CLEAT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A view of bytes that somebody else owns. */
struct cleat_bytes {
    const uint8_t *data;
    size_t len;
};

/** Room for bytes that the caller owns; len bytes of it are used. */
struct cleat_buf {
    uint8_t *data;
    size_t cap;
    size_t len;
};

/** Reads a view from the front. */
struct cleat_reader {
    const uint8_t *data;
    size_t len;
    size_t pos;
    bool failed;
};

/** Fills a buffer from the front; without one (data NULL) it only counts. */
struct cleat_writer {
    uint8_t *data;
    size_t cap;
    size_t len;
    bool failed;
};

/** @return a view of a NUL-terminated string without the NUL; NULL: empty. */
struct cleat_bytes cleat_bytes_str(const char *text);
/** @return a view of len bytes at data. */
inline struct cleat_bytes cleat_bytes_of(const void *data, size_t len) {
    struct cleat_bytes b;
    b.data = (const uint8_t *)data;
    b.len = len;
    return b;
}
/** @return true if both views hold the same bytes. Not constant-time. */
bool cleat_bytes_equal(struct cleat_bytes a, struct cleat_bytes b);

static inline struct cleat_reader cleat_reader_of(struct cleat_bytes view) {
    struct cleat_reader r;
    r.data = view.data;
    r.len = view.len;
    r.pos = 0;
    r.failed = false;
    return r;
}
/** @return the next byte; 0 once failed. */
inline uint8_t cleat_read_u8(struct cleat_reader *r) {
    if (r->failed || r->pos == r->len) {
        r->failed = true;
        return 0;
    }
    return r->data[r->pos++];
}
/** @return the next two bytes, big-endian; 0 once failed. */
inline uint16_t cleat_read_u16(struct cleat_reader *r) {
    if (r->failed || r->len - r->pos < 2) {
        r->failed = true;
        return 0;
    }
    const uint8_t *b = r->data + r->pos;
    r->pos += 2;
    return (uint16_t)((uint32_t)b[0] << 8 | b[1]);
}
/** @return the next four bytes, big-endian; 0 once failed. */
uint32_t cleat_read_u32(struct cleat_reader *r);
/** @return a view of the next n bytes; on failure an empty view. */
inline struct cleat_bytes cleat_read_bytes(struct cleat_reader *r, size_t n) {
    if (r->failed || n > r->len - r->pos) {
        r->failed = true;
        return cleat_bytes_of(NULL, 0);
    }
    size_t pos = r->pos;
    r->pos += n;
    return cleat_bytes_of(r->data == NULL ? NULL : r->data + pos, n);
}
/** @return a view of as many bytes as the next two say; as
 *  cleat_read_bytes(). */
inline struct cleat_bytes cleat_read_text(struct cleat_reader *r) {
    return cleat_read_bytes(r, cleat_read_u16(r));
}
/** @return bytes not read yet; 0 once failed. */
static inline size_t cleat_reader_left(const struct cleat_reader *r) {
    return r->failed ? 0 : r->len - r->pos;
}

static inline struct cleat_writer cleat_writer_of(uint8_t *data, size_t cap) {
    struct cleat_writer w;
    w.data = data;
    w.cap = cap;
    w.len = 0;
    w.failed = false;
    return w;
}
/** Append one byte; without room nothing, and failed is set. */
void cleat_write_u8(struct cleat_writer *w, uint8_t v);
/** Append two bytes, big-endian; as cleat_write_u8(). */
void cleat_write_u16(struct cleat_writer *w, uint16_t v);
/** Append four bytes, big-endian; as cleat_write_u8(). */
void cleat_write_u32(struct cleat_writer *w, uint32_t v);
/** Append len bytes or none of them; as cleat_write_u8(). */
void cleat_write(struct cleat_writer *w, const uint8_t *data, size_t len);
/** Append all of view or nothing; as cleat_write_u8(). */
void cleat_write_bytes(struct cleat_writer *w, struct cleat_bytes view);

/** Overwrite with zeros in a way the compiler does not remove. */
void cleat_wipe(void *data, size_t len);
/** @return true if equal; time depends on len only. For secrets. */
bool cleat_equal_ct(const void *a, const void *b, size_t len);

#ifdef __cplusplus
}
#endif
#endif
