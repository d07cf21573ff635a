/* SPDX-License-Identifier: MIT */
/* What the device tells its user, line by line, on the board's console. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

/* The longest line has a topic of 255 bytes and both messages of 64. */
#define LINE_MAX 640

void cleat_app_print(struct cleat_device *d, const char *line) {
    d->platform.board->print(d->platform.board->self, line);
}

#if CLEAT_TEXTS
void cleat_app_say(struct cleat_device *d, const char *sentence, ...) {
    char line[LINE_MAX];
    va_list args;
    va_start(args, sentence);
    vsnprintf(line, sizeof line, sentence, args);
    va_end(args);
    cleat_app_print(d, line);
}

void cleat_app_say_why(struct cleat_device *d, const char *what,
                       const char *why) {
    cleat_app_say(d, "%s: %s", what, why);
}

void cleat_app_say_error(struct cleat_device *d, const char *what, int err,
                         const struct cleat_detail *detail) {
    char where[96];
    size_t n = 0;
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
#else
void cleat_app_say(struct cleat_device *d, unsigned sentence, ...) {
    static const char kinds[][8] = {"", " %s", " %ld", " 0x%lX"};
    char format[4 + 6 * sizeof kinds[0]];
    char line[LINE_MAX];
    va_list args;
    format[0] = (char)('0' + (sentence >> 4 & 15));
    format[1] = (char)('0' + (sentence & 15));
    format[2] = '\0';
    for (sentence >>= 8; sentence != 0; sentence >>= 2) {
        strcat(format, kinds[sentence & 3]);
    }
    va_start(args, sentence);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    cleat_app_print(d, line);
}

void cleat_app_say_why(struct cleat_device *d, unsigned what, const char *why) {
    cleat_app_say(d, what | SAY_KINDS_T << 8, why);
}

void cleat_app_say_error(struct cleat_device *d, unsigned what, int err,
                         const struct cleat_detail *detail) {
    cleat_app_say(d, what | SAY_KINDS_FAILURE << 8, (long)err,
                  (long)detail->layer, (long)detail->code,
                  (unsigned long)detail->object);
}
#endif

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
    char out[65];
    char *at = out;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = 0;
        for (size_t k = i; k < i + 3; k++) {
            v = v << 8 | (k < len ? data[k] : 0u);
        }
        for (size_t k = i; k < i + 4; k++, v <<= 6) {
            *at++ = k > len ? '=' : base64_digit(v >> 18);
        }
    }
    *at = '\0';
    cleat_app_print(d, out);
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
        len = SIZE_MAX; /* more than there can be */
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
        cleat_app_print(d, "-----BEGIN CERTIFICATE-----");
        for (size_t i = 0; i < size; i += 48) {
            say_base64(d, chain.data + i, size - i < 48 ? size - i : 48);
        }
        cleat_app_print(d, "-----END CERTIFICATE-----");
        chain.data += size;
        chain.len -= size;
    }
}
