/* SPDX-License-Identifier: MIT */
/*
 * Log lines and byte traces, both handed to a sink that the program installs;
 * without one nothing is printed. Lines are lower case facts, key=value. No
 * secret ever goes through here. The sink may be called from any task.
 */
#ifndef CLEAT_LOG_H
#define CLEAT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "cleat/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How much a line matters. */
enum cleat_level {
    CLEAT_LEVEL_ERROR = 0,
    CLEAT_LEVEL_WARN = 1,
    CLEAT_LEVEL_INFO = 2,
    CLEAT_LEVEL_DEBUG = 3
};

/** Receives one finished line without a newline. Must not block for long. */
typedef void (*cleat_log_fn)(void *arg, enum cleat_level level,
                             const char *module, const char *line);
/** Receives bytes at a seam; what is e.g. "write" or "read". */
typedef void (*cleat_trace_fn)(void *arg, const char *seam, const char *what,
                               const uint8_t *data, size_t len);

/** Install the sinks; NULL removes. Call before tasks start. */
void cleat_log_sink(cleat_log_fn fn, void *arg);
/** The same for bytes at the seams. */
void cleat_trace_sink(cleat_trace_fn fn, void *arg);

/** Lets a compiler check a format's arguments, where it can. */
#if defined(__GNUC__)
#define CLEAT_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define CLEAT_PRINTF(a, b)
#endif

/** Format and hand on one line; longer than 255 bytes is cut. */
void cleat_log(enum cleat_level level, const char *module, const char *fmt, ...)
    CLEAT_PRINTF(3, 4);
/** As cleat_trace(), whatever is compiled in. */
void cleat_trace_always(const char *seam, const char *what, const uint8_t *data,
                        size_t len);
/** Hand on bytes at a seam ("mqtt", "tls", "net", "i2c"). Compiled in with the
 *  debug level only. */
static inline void cleat_trace(const char *seam, const char *what,
                               const uint8_t *data, size_t len) {
    if (CLEAT_LOG_FLOOR >= 3) {
        cleat_trace_always(seam, what, data, len);
    }
}

/** Compiles away below CLEAT_LOG_FLOOR. Always pass a format string. */
#define CLEAT_LOG(level, module, ...)                                          \
    do {                                                                       \
        if ((int)(level) <= CLEAT_LOG_FLOOR) {                                 \
            cleat_log((level), (module), __VA_ARGS__);                         \
        }                                                                      \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
