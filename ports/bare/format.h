/* SPDX-License-Identifier: MIT */
/* vsnprintf() of an image; see format.c for what it knows. */
#ifndef CLEAT_BARE_FORMAT_H
#define CLEAT_BARE_FORMAT_H

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>

int cleat_bare_format(char *out, size_t cap, const char *fmt, va_list args);

#endif
