/* SPDX-License-Identifier: MIT */
/*
 * What `cleat chip` and `cleat cert` say: lines of words, or with --json one
 * object at the end. A verb adds what it found as it goes; a failure is words
 * with a remedy on standard error, and "error" and "remedy" in the object.
 */
#ifndef CLEAT_CLI_REPORT_H
#define CLEAT_CLI_REPORT_H

#include <stdbool.h>

#include "cleat/log.h"
#include "cli.h"

struct cli_report {
    bool json;
    struct cJSON *root; /**< Owned; NULL until the first entry. */
    const char
        *if_lost; /**< Said when the output cannot be written, or NULL. */
};

/** The object being built, for lists; NULL unless --json. */
struct cJSON *cli_report_root(struct cli_report *r);
/** "label: value", or "key": "value". */
void cli_report_text(struct cli_report *r, const char *key, const char *label,
                     const char *fmt, ...) CLEAT_PRINTF(4, 5);
/** A text of any length, for the object only. */
void cli_report_string(struct cli_report *r, const char *key, const char *text);
/** Bytes as hex, the same way as a text. */
void cli_report_hex(struct cli_report *r, const char *key, const char *label,
                    struct cleat_bytes bytes);
/** "label: N unit", or "key": N. */
void cli_report_number(struct cli_report *r, const char *key, const char *label,
                       long value, const char *unit);
void cli_report_flag(struct cli_report *r, const char *key, bool value);
/** An object number, as 0xE0F0. */
void cli_report_object(struct cli_report *r, const char *key, uint16_t object);
/** Say what failed and what to do (remedy may be NULL). @return status. */
int cli_report_fail(struct cli_report *r, int status, const char *remedy,
                    const char *fmt, ...) CLEAT_PRINTF(4, 5);
/** Print the object as cli_json_end() does. @return status, or CLI_FAILED when
 *  standard output cannot be written. */
int cli_report_end(struct cli_report *r, int status);

#endif
