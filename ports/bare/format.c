/* SPDX-License-Identifier: MIT */
/*
 * Text from a format, as snprintf() makes it: what our code, mbedTLS and lwIP
 * ask for and no more, in a sixth of what the C library takes. libc.c gives it
 * that name.
 */
#include "format.h"

#include <stdbool.h>
#include <stdint.h>

/* One conversion: %[0][width][.most][l|z]kind. */
struct spec {
    char pad;
    unsigned width;
    unsigned most;
    bool is_long;
    char kind;
};

static unsigned digits_of(const char **at) {
    unsigned n = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        n = 10 * n + (unsigned)(**at - '0');
    }
    return n;
}

/* @return where it ends: at its kind. */
static const char *parse(const char *at, struct spec *spec) {
    spec->pad = *at == '0' ? '0' : ' ';
    spec->width = digits_of(&at);
    spec->most = UINT_MAX;
    if (*at == '.') {
        at++;
        spec->most = digits_of(&at);
    }
    spec->is_long = *at == 'l' || *at == 'z';
    at += spec->is_long;
    spec->kind = *at;
    return at;
}

/* The digits of a number, which end at `end`. @return where they begin. */
static char *digits(char *end, char kind, unsigned long value) {
    const unsigned base = kind == 'x' || kind == 'X' ? 16 : 10;
    const bool minus = kind == 'd' && (long)value < 0;
    value = minus ? 0 - value : value;
    do {
        const unsigned digit = (unsigned)(value % base);
        /* 'x' becomes 'a' for ten. */
        *--end = (char)(digit + (digit < 10 ? '0' : (unsigned)kind - 33));
        value /= base;
    } while (value != 0);
    if (minus) {
        *--end = '-';
    }
    return end;
}

int cleat_bare_format(char *out, size_t cap, const char *fmt, va_list args) {
    char number[3 * sizeof(long) + 1];
    size_t len = 0;
    for (; *fmt != '\0'; fmt++) {
        struct spec spec = {' ', 0, 1, false, 0};
        const char *text = fmt; /* itself, unless it is a conversion */
        size_t n = 1;
        if (*fmt == '%') {
            text = fmt = parse(fmt + 1, &spec);
        }
        switch (spec.kind) {
        case 's':
            text = va_arg(args, const char *);
            for (n = 0; n < spec.most && text[n] != '\0'; n++) {
            }
            break;
        case 'd':
        case 'u':
        case 'x':
        case 'X':
            text = digits(number + sizeof number, spec.kind,
                          spec.is_long       ? va_arg(args, unsigned long)
                          : spec.kind == 'd' ? (unsigned long)va_arg(args, int)
                                             : va_arg(args, unsigned));
            n = (size_t)(number + sizeof number - text);
            break;
        default:
            break;
        }
        for (size_t i = spec.width > n ? spec.width : n; i > 0; i--) {
            const char c = i > n ? spec.pad : *text++;
            if (len + 1 < cap) {
                out[len] = c;
            }
            len++;
        }
    }
    if (cap > 0) {
        out[len < cap ? len : cap - 1] = '\0';
    }
    return (int)len;
}
