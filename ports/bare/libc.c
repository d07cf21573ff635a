/* SPDX-License-Identifier: MIT */
/*
 * The few things a C library asks of an operating system. There is no heap for
 * it, no file and no process; the wall clock is set by whoever knows the time.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleat/bare_port.h"
#include "clock.h"
#include "format.h"

static uint32_t clock_offset_s; /* 0: not set; right until 2106 */

void cleat_bare_set_clock(int64_t seconds) {
    clock_offset_s = (uint32_t)seconds - cleat_bare_uptime_s();
}

time_t time(time_t *out) {
    uint32_t now = 0;
    if (clock_offset_s != 0) {
        now = clock_offset_s + cleat_bare_uptime_s();
    }
    if (out != NULL) {
        *out = (time_t)now;
    }
    return (time_t)now;
}

void *_sbrk(ptrdiff_t more);
void *_sbrk(ptrdiff_t more) {
    (void)more;
    errno = ENOMEM;
    return (void *)(intptr_t)-1;
}

/* The library's are unrolled for speed, and ten times as long. */
size_t strlen(const char *text) {
    const char *end = text;
    while (*end != '\0') {
        end++;
    }
    return (size_t)(end - text);
}

char *strchr(const char *text, int c) {
    while (*text != (char)c) {
        if (*text++ == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}

char *strcpy(char *to, const char *from) {
    char *at = to;
    while ((*at++ = *from++) != '\0') {
    }
    return to;
}

int strcmp(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

/* The library's want three kilobytes and a heap. */
int vsnprintf(char *out, size_t cap, const char *fmt, va_list args) {
    return cleat_bare_format(out, cap, fmt, args);
}

int snprintf(char *out, size_t cap, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int n = cleat_bare_format(out, cap, fmt, args);
    va_end(args);
    return n;
}

/* Asked for by run-time support. Without progress the watchdog restarts the
 * device, and tells where it was. */
void abort(void) {
    for (;;) {
    }
}

void __assert_func(const char *file, int line, const char *function,
                   const char *what);
void __assert_func(const char *file, int line, const char *function,
                   const char *what) {
    (void)file;
    (void)line;
    (void)function;
    (void)what;
    abort();
}
