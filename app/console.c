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
    char where[96];
    size_t n = 0;
    if (!CLEAT_TEXTS) {
        cleat_app_say(d, "%s %d %d %ld 0x%04X", what, err, (int)detail->layer,
                      (long)detail->code, detail->object);
        return;
    }
    where[0] = '\0';
    if (detail->object != 0) {
        n = (size_t)snprintf(where, sizeof where, ", object 0x%04X",
                             detail->object);
    }
    if (detail->code != 0) {
        snprintf(where + n, sizeof where - n, ", %s code %ld",
                 cleat_strlayer(detail->layer), (long)detail->code);
    }
    cleat_app_say(d, "%s: %s%s", what,
                  detail->text != NULL ? detail->text : cleat_strerror(err),
                  where);
}

static char base64_digit(uint32_t v) {
    v &= 63;
    if (v < 52) {
        return (char)(v < 26 ? 'A' + v : 'a' + v - 26);
    }
    return (char)(v < 62 ? '0' + v - 52 : v == 62 ? '+' : '/');
}

/* The line of PEM that holds these bytes, 48 at most. */
static void say_base64(struct cleat_device *d, const uint8_t *data,
                       size_t len) {
    char out[68];
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = 0;
        for (size_t k = i; k < i + 3; k++) {
            v = v << 8 | (k < len ? data[k] : 0);
        }
        for (int shift = 18; shift >= 0; shift -= 6) {
            out[n++] = base64_digit(v >> shift);
        }
    }
    out[n] = '\0';
    for (size_t k = len; k % 3 != 0; k++) {
        out[--n] = '=';
    }
    cleat_app_say(d, "%s", out);
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
    while (chain.len > 0) {
        size_t size = der_size(chain);
        if (size == 0) {
            cleat_app_say(d, SAY_NO_CERTIFICATE, (unsigned long)chain.len);
            return;
        }
        cleat_app_say(d, "-----BEGIN CERTIFICATE-----");
        for (size_t i = 0; i < size; i += 48) {
            say_base64(d, chain.data + i, size - i < 48 ? size - i : 48);
        }
        cleat_app_say(d, "-----END CERTIFICATE-----");
        chain.data += size;
        chain.len -= size;
    }
}
