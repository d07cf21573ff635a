/* SPDX-License-Identifier: MIT */
/* Certificate objects; see cert.h. */
#include "se/drivers/optiga/cert.h"

#include <string.h>

#include "cleat/error.h"

#define TAG_DER 0x30
#define TAG_IDENTITY 0xC0
#define TAG_USB_C 0xC2
/* A certificate has 256 to 65535 bytes: 30 82 and two bytes of length. */
#define DER_LONG 0x82
#define DER_HEAD 4u

/* @return bytes of the DER certificate at the front as its header tells, or 0
 * if that is no certificate's header. */
static size_t der_size(struct cleat_bytes bytes) {
    struct cleat_reader r = cleat_reader_of(bytes);
    if (cleat_read_u8(&r) != TAG_DER) {
        return 0;
    }
    uint8_t first = cleat_read_u8(&r);
    size_t n = 0;
    if (first == DER_LONG) {
        n = cleat_read_u16(&r);
        return r.failed || n < 0x100 ? 0 : n + DER_HEAD;
    }
    if (first == DER_LONG - 1) {
        n = cleat_read_u8(&r);
        return r.failed || n < 0x80 ? 0 : n + 3;
    }
    return r.failed || first >= 0x80 || first == 0 ? 0 : first + 2u;
}

static size_t read_u24(struct cleat_reader *r) {
    size_t high = cleat_read_u8(r);
    return high << 16 | cleat_read_u16(r);
}

/* The content ends before it should: was the buffer or the object at fault? */
static int too_short(const struct cleat_buf *object, const char **text) {
    if (object->len == object->cap) {
        *text = "certificate does not fit the buffer";
        return CLEAT_ERR_SIZE;
    }
    *text = "certificate object ends too early";
    return CLEAT_ERR_PROTO;
}

static int rubbish(const char **text) {
    *text = "object holds no certificate";
    return CLEAT_ERR_PROTO;
}

static int unwrap_bare(struct cleat_buf *object, const char **text) {
    size_t n = der_size(cleat_bytes_of(object->data, object->len));
    if (n == 0) {
        return object->len < DER_HEAD ? too_short(object, text) : rubbish(text);
    }
    if (n > object->len) {
        return too_short(object, text);
    }
    object->len = n; /* Behind it may be the tail of a longer one. */
    return 0;
}

/* C0 len(2) { list length(3) { length(3) DER }... } */
static int unwrap_identity(struct cleat_buf *object, const char **text) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(object->data, object->len));
    cleat_read_u8(&r);
    size_t value = cleat_read_u16(&r);
    size_t list = read_u24(&r);
    if (r.failed) {
        return too_short(object, text);
    }
    if (list + 3 != value || list < 3) {
        return rubbish(text);
    }
    size_t used = 0;
    while (list > 0) {
        size_t n = read_u24(&r);
        if (r.failed) {
            return too_short(object, text);
        }
        if (list < 3 || n > list - 3 || n == 0) {
            return rubbish(text);
        }
        struct cleat_bytes der = cleat_read_bytes(&r, n);
        if (r.failed) {
            return too_short(object, text);
        }
        if (der_size(der) != n) {
            return rubbish(text);
        }
        memmove(object->data + used, der.data, n);
        used += n;
        list -= 3 + n;
    }
    object->len = used;
    return 0;
}

int cleat_optiga_cert_unwrap(struct cleat_buf *object, const char **text) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(object->data, object->len));
    uint8_t tag = cleat_read_u8(&r);
    if (r.failed) {
        *text = "certificate object is empty";
        return CLEAT_ERR_NOT_FOUND;
    }
    switch (tag) {
    case TAG_DER:
        return unwrap_bare(object, text);
    case TAG_IDENTITY:
        return unwrap_identity(object, text);
    case TAG_USB_C:
        *text = "object holds a usb type-c identity, not a tls one";
        return CLEAT_ERR_UNSUPPORTED;
    default:
        return rubbish(text);
    }
}
