/* SPDX-License-Identifier: MIT */
/* The log and trace hooks: where lines and bytes leave the library. */
#include "cleat/log.h"

#include <stdarg.h>
#include <stdio.h>

/* Set once before any task starts, then only read. */
static cleat_log_fn log_fn;
static void *log_arg;
static cleat_trace_fn trace_fn;
static void *trace_arg;

void cleat_log_sink(cleat_log_fn fn, void *arg) {
    log_fn = fn;
    log_arg = arg;
}

void cleat_trace_sink(cleat_trace_fn fn, void *arg) {
    trace_fn = fn;
    trace_arg = arg;
}

void cleat_log(enum cleat_level level, const char *module, const char *fmt,
               ...) {
    char line[256];
    va_list args;
    if (log_fn == NULL) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    log_fn(log_arg, level, module, line);
}

void cleat_trace_always(const char *seam, const char *what, const uint8_t *data,
                        size_t len) {
    if (trace_fn != NULL) {
        trace_fn(trace_arg, seam, what, data, len);
    }
}
