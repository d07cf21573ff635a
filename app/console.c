/* SPDX-License-Identifier: MIT */
/* What the device tells its user, line by line, on the board's console. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

/* The longest line has a topic of 255 bytes and both messages of 64. */
void cleat_app_say(struct cleat_device *d, const char *fmt, ...) {
    char line[640];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    d->platform.board->print(d->platform.board->self, line);
}

void cleat_app_say_error(struct cleat_device *d, const char *what, int err,
                         const struct cleat_detail *detail) {
    char where[96] = "";
    if (detail == NULL || detail->layer == CLEAT_LAYER_NONE) {
        cleat_app_say(d, "%s: %s", what, cleat_strerror(err));
        return;
    }
    if (detail->object != 0) {
        snprintf(where, sizeof where, ", object 0x%04X", detail->object);
    }
    if (detail->code != 0) {
        size_t n = strlen(where);
        snprintf(where + n, sizeof where - n, ", %s code %ld",
                 cleat_strlayer(detail->layer), (long)detail->code);
    }
    cleat_app_say(d, "%s: %s%s", what,
                  detail->text != NULL ? detail->text : cleat_strerror(err),
                  where);
}

static size_t base64_line(char *out, const uint8_t *data, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789+/";
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)data[i] << 16;
        v |= have > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        v |= have > 2 ? data[i + 2] : 0;
        out[n++] = digits[v >> 18];
        out[n++] = digits[(v >> 12) & 63];
        out[n++] = have > 1 ? digits[(v >> 6) & 63] : '=';
        out[n++] = have > 2 ? digits[v & 63] : '=';
    }
    out[n] = '\0';
    return n;
}

/* @return bytes of the DER element at the front, header included, or 0. */
static size_t der_size(struct cleat_bytes b) {
    struct cleat_reader r = cleat_reader_of(b);
    (void)cleat_read_u8(&r);
    size_t len = cleat_read_u8(&r);
    if (len == 0x81) {
        len = cleat_read_u8(&r);
    } else if (len == 0x82) {
        len = cleat_read_u16(&r);
    } else if (len >= 0x80) {
        return 0;
    }
    (void)cleat_read_bytes(&r, len);
    return r.failed ? 0 : r.pos;
}

void cleat_app_say_pem(struct cleat_device *d, struct cleat_bytes chain) {
    char line[80];
    while (chain.len > 0) {
        size_t size = der_size(chain);
        if (size == 0) {
            cleat_app_say(d, "(%lu bytes that are no certificate)",
                          (unsigned long)chain.len);
            return;
        }
        cleat_app_say(d, "-----BEGIN CERTIFICATE-----");
        for (size_t i = 0; i < size; i += 48) {
            base64_line(line, chain.data + i, size - i < 48 ? size - i : 48);
            cleat_app_say(d, "%s", line);
        }
        cleat_app_say(d, "-----END CERTIFICATE-----");
        chain.data += size;
        chain.len -= size;
    }
}
