/* SPDX-License-Identifier: MIT */
/*
 * Text from a format, as snprintf() makes it: what our code, mbedTLS and lwIP
 * ask for and no more, in a tenth of what the C library takes. libc.c gives it
 * that name.
 */
#include "format.h"

#include <stdbool.h>

/* Text being written: of what does not fit only the length is told. */
struct text {
    char *out;
    size_t cap;
    size_t len;
};

static void put(struct text *t, unsigned c) {
    size_t at = t->len++;
    if (t->len < t->cap) {
        t->out[at] = (char)c;
        t->out[at + 1] = '\0';
    }
}

static void put_number(struct text *t, unsigned kind, unsigned long value,
                       unsigned width, unsigned pad) {
    const unsigned base = kind == 'x' || kind == 'X' ? 16 : 10;
    unsigned long unit = 1; /* of the first digit */
    if (kind == 'd' && (long)value < 0) {
        put(t, '-');
        value = 0 - value;
    }
    for (; value / unit >= base; unit *= base) {
        width--;
    }
    for (; (int)width > 1; width--) {
        put(t, pad);
    }
    for (; unit > 0; unit /= base) {
        unsigned digit = (unsigned)(value / unit) + '0';
        if (digit > '9') {
            digit += kind - ('x' - 'a' + '9' + 1); /* 'x' makes it 'a' */
        }
        put(t, digit);
        value %= unit;
    }
}

/* A conversion is %[0][limit][l|z]kind. The limit is the least width of a
 * number, and of a text, behind a point, the most of it; 0: all. */
int cleat_bare_format(char *out, size_t cap, const char *fmt, va_list args) {
    struct text t = {out, cap, 0};
    if (cap > 0) {
        out[0] = '\0';
    }
    for (; *fmt != '\0'; fmt++) {
        if (*fmt != '%') {
            put(&t, (unsigned char)*fmt);
            continue;
        }
        const unsigned pad = fmt[1] == '0' ? '0' : ' ';
        unsigned limit = 0;
        bool is_long = false;
        while ((*++fmt > '%' && *fmt <= '9') || *fmt == 'l' || *fmt == 'z') {
            if (*fmt >= '0' && *fmt <= '9') {
                limit = 10 * limit + (unsigned)(*fmt - '0');
            }
            is_long = *fmt == 'l' || *fmt == 'z';
        }
        if (*fmt == 's') {
            for (const char *s = va_arg(args, const char *); *s != '\0'; s++) {
                put(&t, (unsigned char)*s);
                if (--limit == 0) {
                    break;
                }
            }
        } else if (*fmt == '%') {
            put(&t, '%');
        } else {
            put_number(&t, (unsigned char)*fmt,
                       is_long       ? va_arg(args, unsigned long)
                       : *fmt == 'd' ? (unsigned long)va_arg(args, int)
                                     : va_arg(args, unsigned),
                       limit, pad);
        }
    }
    return (int)t.len;
}
