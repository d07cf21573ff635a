/* SPDX-License-Identifier: MIT */
/* Certificate objects; see cert.h. */
#include "se/drivers/optiga/cert.h"

#include <string.h>

#define TAG_DER 0x30u
#define TAG_IDENTITY 0xC0u
#define TAG_USB_C 0xC2u

/* Read n bytes of length; the cursor stays in range whatever they say. */
static size_t read_len(struct cleat_reader *r, size_t n) {
    size_t len = 0;
    while (n-- > 0) {
        len = len << 8 | cleat_read_u8(r);
    }
    return len;
}

/* Read the header of a DER certificate. @return the bytes behind it as it
 * tells, or 0 if it is none or the cursor failed. */
static size_t read_header(struct cleat_reader *r) {
    if (cleat_read_u8(r) != TAG_DER) {
        return 0;
    }
    size_t len = cleat_read_u8(r);
    size_t bytes = len - 0x80;
    if (len < 0x80) {
        return len;
    }
    if (bytes - 1 > 1) {
        return 0; /* Neither one byte of length nor two. */
    }
    len = read_len(r, bytes);
    return len < (bytes == 1 ? 0x80u : 0x100u) ? 0 : len; /* Not minimal. */
}

/* C0 length(2) { list length(3) { length(3) DER }... }
 * @return bytes of DER, at the front of the object; 0 if it is none or the
 * cursor failed. */
static size_t unwrap_identity(uint8_t *to, struct cleat_reader *r) {
    cleat_read_u8(r);
    int32_t value = (int32_t)read_len(r, 2);
    int32_t list = (int32_t)read_len(r, 3);
    if (list + 3 != value) {
        return 0;
    }
    size_t used = 0;
    while (list > 0) {
        size_t n = read_len(r, 3);
        size_t begin = r->pos;
        size_t len = read_header(r);
        cleat_read_bytes(r, len);
        if (r->failed || len == 0 || r->pos - begin != n) {
            return 0;
        }
        memmove(to + used, r->data + begin, n);
        used += n;
        list -= 3 + (int32_t)n;
    }
    return list == 0 ? used : 0;
}

enum cleat_optiga_cause cleat_optiga_cert_unwrap(struct cleat_buf *object) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(object->data, object->len));
    size_t n;
    if (object->len == 0) {
        return CLEAT_OPTIGA_CERT_EMPTY;
    }
    switch (object->data[0]) {
    case TAG_IDENTITY:
        n = unwrap_identity(object->data, &r);
        break;
    case TAG_USB_C:
        return CLEAT_OPTIGA_CERT_USB_C;
    default:
        n = read_header(&r);
        if (n != 0) { /* Behind it may be the tail of a longer one. */
            n += r.pos;
            cleat_read_bytes(&r, n - r.pos);
        }
        break;
    }
    if (r.failed) { /* Was the buffer or the object too short? */
        return object->len == object->cap ? CLEAT_OPTIGA_CERT_ROOM
                                          : CLEAT_OPTIGA_CERT_SHORT;
    }
    if (n == 0) {
        return CLEAT_OPTIGA_CERT_NONE;
    }
    object->len = n;
    return CLEAT_OPTIGA_FINE;
}
