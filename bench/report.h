/* SPDX-License-Identifier: MIT */
/* What a benchmark found: a table for people and, on request, JSON for
 * machines. Every program in bench/ reports through it, so that all of
 * build/bench.json has one shape. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>

/** What a bound is put on. */
enum bench_bound { BENCH_NO_BOUND, BENCH_VALUE_AT_MOST, BENCH_RATIO_AT_MOST };

/** One measurement. Zero the struct, then set what there is. */
struct bench_row {
    const char *name; /**< As "publish QoS 1, 64 B". */
    double value;
    const char *unit;
    const char *peer; /**< Whom it is compared with; NULL: nobody. */
    double peer_value;
    enum bench_bound bound_on;
    double bound;
};

struct bench_report;

/** Open a report and print its head. json: file to write, or NULL. Ends the
 *  program with 2 if memory or the file cannot be had. */
struct bench_report *bench_open(const char *title, const char *json);
/** Print a row, and keep it for the JSON. The texts are copied. */
void bench_add(struct bench_report *r, const struct bench_row *row);
/** A line of words in the table only. */
void bench_say(struct bench_report *r, const char *format, ...);
/** Write the JSON and free. @return how many rows missed their bound, or -1 if
 *  the file could not be written. */
int bench_close(struct bench_report *r);

/** @return value / peer_value, 0 without a peer. */
double bench_ratio(const struct bench_row *row);
/** @return true if there is no bound or it is kept. */
bool bench_holds(const struct bench_row *row);

#endif
