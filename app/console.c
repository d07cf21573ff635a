/* SPDX-License-Identifier: MIT */
/* What the device tells its user, line by line, on the board's console. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

/* The longest line has a topic of 255 bytes and both messages of 64. */
#define LINE_MAX 640
#define HEX_MAX 32 /* bytes a line */

void cleat_app_print(struct cleat_device *d, const char *line) {
    d->platform.board->print(d->platform.board->self, line);
}

static char hex_digit(unsigned digit) {
    return (char)(digit + (digit < 10 ? '0' : 'a' - 10u));
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

void cleat_app_say_tls_error(struct cleat_device *d, const char *what, int err,
                             const struct cleat_detail *detail) {
    char why[200];
    if (cleat_tls_explain(&d->tls, why, sizeof why) > 0) {
        cleat_app_say(d, "%s: %s", what, why);
    } else {
        cleat_app_say_error(d, what, err, detail);
    }
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

void cleat_app_say_certificate(struct cleat_device *d,
                               struct cleat_bytes chain) {
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
#else
/* A number as text that ends where `end` is. */
static const char *number(char *end, unsigned long value, unsigned kind) {
    const unsigned base = kind == SAY_KINDS_N ? 10 : 16;
    const bool negative = kind == SAY_KINDS_N && (long)value < 0;
    value = negative ? 0 - value : value;
    *--end = '\0';
    do {
        *--end = hex_digit((unsigned)(value % base));
        value /= base;
    } while (value != 0);
    if (negative) {
        *--end = '-';
    }
    return end;
}

void cleat_app_say(struct cleat_device *d, unsigned sentence, ...) {
    char line[LINE_MAX];
    char room[24];
    char *at = line;
    /* The spaces between and the end have their places. */
    const char *const end = line + sizeof line - SAY_VALUES_MAX - 1;
    const char *text = number(room + sizeof room, sentence & 255, SAY_KINDS_N);
    va_list args;
    va_start(args, sentence);
    for (sentence >>= 8;; sentence >>= 2) {
        while (*text != '\0' && at < end) {
            *at++ = *text++;
        }
        if (sentence == 0) {
            break;
        }
        *at++ = ' ';
        text = (sentence & 3) == SAY_KINDS_T
                   ? va_arg(args, const char *)
                   : number(room + sizeof room, va_arg(args, unsigned long),
                            sentence & 3);
    }
    va_end(args);
    *at = '\0';
    cleat_app_print(d, line);
}

void cleat_app_say_error(struct cleat_device *d, unsigned what, int err,
                         const struct cleat_detail *detail) {
    cleat_app_say(d, what | SAY_KINDS_FAILURE << 8, (long)err,
                  (long)detail->layer, (long)detail->code,
                  (unsigned long)detail->object);
}

void cleat_app_say_tls_error(struct cleat_device *d, unsigned what, int err,
                             const struct cleat_detail *detail) {
    cleat_app_say(d, what | SAY_KINDS_TLS_FAILURE << 8, (long)err,
                  (long)detail->layer, (long)detail->code,
                  (unsigned long)detail->object,
                  (long)cleat_tls_get_failure(&d->tls),
                  (long)cleat_tls_get_alert(&d->tls));
}

void cleat_app_say_certificate(struct cleat_device *d,
                               struct cleat_bytes chain) {
    cleat_app_say_hex(d, SAY_CERTIFICATE_DER, chain.data, chain.len);
}
#endif

void cleat_app_say_hex(struct cleat_device *d, cleat_sentence sentence,
                       const uint8_t *data, size_t len) {
    char line[2 * HEX_MAX + 1];
    while (len > 0) {
        char *at = line;
        do {
            *at++ = hex_digit(*data >> 4);
            *at++ = hex_digit(*data++ & 15);
        } while (--len > 0 && at < line + 2 * HEX_MAX);
        *at = '\0';
        cleat_app_say(d, sentence, line);
    }
}
