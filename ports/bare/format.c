/* SPDX-License-Identifier: MIT */
/*
 * Text from a format, as snprintf() makes it: what our code, mbedTLS and lwIP
 * ask for and no more, in a sixth of what the C library takes. libc.c gives it
 * that name.
 */
#include "format.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct sink {
    char *out;
    size_t cap;
    size_t len;
};

/* One conversion: %[0][width][.most][l|z]kind. */
struct spec {
    char pad;
    unsigned width;
    unsigned most;
    bool is_long;
};

static void put(struct sink *s, char c) {
    if (s->len + 1 < s->cap) {
        s->out[s->len] = c;
    }
    s->len++;
}

static void put_number(struct sink *s, const struct spec *spec,
                       unsigned long value, unsigned base, char ten) {
    char digits[3 * sizeof value];
    unsigned n = 0;
    do {
        const int digit = (int)(value % base);
        digits[n++] = (char)(digit + (digit < 10 ? '0' : ten - 10));
        value /= base;
    } while (value != 0);
    for (unsigned i = n; i < spec->width; i++) {
        put(s, spec->pad);
    }
    while (n > 0) {
        put(s, digits[--n]);
    }
}

static void put_text(struct sink *s, const struct spec *spec,
                     const char *text) {
    for (unsigned n = 0; n < spec->most && text[n] != '\0'; n++) {
        put(s, text[n]);
    }
}

static unsigned digits_of(const char **at) {
    unsigned n = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        n = 10 * n + (unsigned)(**at - '0');
    }
    return n;
}

/* @return what comes after it: the kind. */
static const char *parse(const char *at, struct spec *spec) {
    spec->pad = *at == '0' ? '0' : ' ';
    spec->width = digits_of(&at);
    spec->most = UINT_MAX;
    if (*at == '.') {
        at++;
        spec->most = digits_of(&at);
    }
    spec->is_long = *at == 'l' || *at == 'z';
    return spec->is_long ? at + 1 : at;
}

int cleat_bare_format(char *out, size_t cap, const char *fmt, va_list args) {
    struct sink s = {out, cap, 0};
    struct spec spec;
    for (; *fmt != '\0'; fmt++) {
        unsigned long value = 0;
        if (*fmt != '%') {
            put(&s, *fmt);
            continue;
        }
        fmt = parse(fmt + 1, &spec);
        if (strchr("duxX", *fmt) != NULL) {
            value = spec.is_long  ? va_arg(args, unsigned long)
                    : *fmt == 'd' ? (unsigned long)(long)va_arg(args, int)
                                  : va_arg(args, unsigned);
        }
        switch (*fmt) {
        case 'd':
            if ((long)value < 0) {
                put(&s, '-');
                value = 0 - value;
            }
            put_number(&s, &spec, value, 10, 'a');
            break;
        case 'u':
            put_number(&s, &spec, value, 10, 'a');
            break;
        case 'x':
            put_number(&s, &spec, value, 16, 'a');
            break;
        case 'X':
            put_number(&s, &spec, value, 16, 'A');
            break;
        case 's':
            put_text(&s, &spec, va_arg(args, const char *));
            break;
        default:
            put(&s, *fmt);
            break;
        }
    }
    if (cap > 0) {
        out[s.len < cap ? s.len : cap - 1] = '\0';
    }
    return (int)s.len;
}
