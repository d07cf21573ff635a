/* SPDX-License-Identifier: MIT */
/* Errors, log lines and byte traces on standard error. */
#define _POSIX_C_SOURCE 200809L
#include "cleat/log.h"

#include <stdarg.h>
#include <string.h>

#include "cleat/port.h"
#include "cli.h"

static int shown_level = -1;
static bool shown_all;
static char shown_seams[64];
static char *held; /* cli_error_hold() */
static size_t held_cap;
static char said[1024]; /* cli_error_said() */

/* The caller holds standard error's lock. */
static void remember(const char *fmt, va_list args) {
    size_t n = strlen(said);
    if (n > 0) {
        snprintf(said + n, sizeof said - n, "; ");
        n = strlen(said);
    }
    vsnprintf(said + n, sizeof said - n, fmt, args);
}

const char *cli_error_said(void) {
    return said;
}

void cli_error(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    if (held != NULL) {
        vsnprintf(held, held_cap, fmt, args);
        va_end(args);
        return;
    }
    flockfile(stderr);
    fputs("cleat: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    va_start(args, fmt);
    remember(fmt, args);
    va_end(args);
    funlockfile(stderr);
}

void cli_error_hold(char *out, size_t cap) {
    held = out;
    held_cap = cap;
}

static void on_log(void *arg, enum cleat_level level, const char *module,
                   const char *line) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    (void)arg;
    if ((int)level <= shown_level) {
        fprintf(stderr, "%s %s: %s\n", names[level], module, line);
    }
}

static void on_trace(void *arg, const char *seam, const char *what,
                     const uint8_t *data, size_t len) {
    char hex[3 * 32 + 4];
    (void)arg;
    if (!shown_all && strstr(shown_seams, seam) == NULL) {
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < len && i < 32; i++) {
        n += (size_t)snprintf(hex + n, sizeof hex - n, "%02x ", data[i]);
    }
    hex[n] = '\0';
    fprintf(stderr, "%10llu.%06llu %-5s %-6s %4zu  %s%s\n",
            (unsigned long long)(cleat_port_now_us() / 1000000u),
            (unsigned long long)(cleat_port_now_us() % 1000000u), seam, what,
            len, hex, len > 32 ? "..." : "");
}

void cli_log_install(int level) {
    shown_level = level;
    cleat_log_sink(level < 0 ? NULL : on_log, NULL);
}

bool cli_trace_install(const char *seams) {
    static const char *const known[] = {"mqtt", "tls", "net", "i2c", "all"};
    const char *at = seams;
    while (*at != '\0') {
        size_t n = strcspn(at, ",");
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            found = found ||
                    (strlen(known[i]) == n && memcmp(known[i], at, n) == 0);
        }
        if (!found) {
            cli_error("--trace: \"%.*s\" is not one of mqtt, tls, net, i2c, "
                      "all",
                      (int)n, at);
            return false;
        }
        at += n + (at[n] == ',');
    }
    snprintf(shown_seams, sizeof shown_seams, "%s", seams);
    shown_all = strstr(seams, "all") != NULL;
    cleat_trace_sink(on_trace, NULL);
    return true;
}
