/* SPDX-License-Identifier: MIT */
/* Prints rows as they come and writes the same as a JSON array, one object a
 * line, so that files of several programs are joined by their lines. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct bench_report {
    FILE *json;
    const char *file;
    int rows, missed;
};

double bench_ratio(const struct bench_row *row) {
    return row->peer == NULL || row->peer_value <= 0
               ? 0
               : row->value / row->peer_value;
}

bool bench_holds(const struct bench_row *row) {
    switch (row->bound_on) {
    case BENCH_VALUE_AT_MOST:
        return row->value <= row->bound;
    case BENCH_RATIO_AT_MOST:
        return row->peer != NULL && bench_ratio(row) <= row->bound;
    case BENCH_NO_BOUND:
        break;
    }
    return true;
}

struct bench_report *bench_open(const char *title, const char *json) {
    struct bench_report *r = calloc(1, sizeof *r);
    if (r == NULL) {
        fputs("bench: out of memory\n", stderr);
        exit(2);
    }
    if (json != NULL) {
        r->file = json;
        r->json = fopen(json, "w");
        if (r->json == NULL) {
            perror(json);
            exit(2);
        }
        fputs("[", r->json);
    }
    printf("%s\n%-44s %12s %-10s %-14s %12s %7s %s\n", title, "what", "value",
           "unit", "peer", "peer's", "ratio", "bound");
    return r;
}

static void print_bound(const struct bench_row *row) {
    const char *verdict = bench_holds(row) ? "holds" : "MISSED";
    if (row->bound_on == BENCH_VALUE_AT_MOST) {
        printf(" <= %g: %s", row->bound, verdict);
    } else if (row->bound_on == BENCH_RATIO_AT_MOST) {
        printf(" ratio <= %g: %s", row->bound, verdict);
    }
    putchar('\n');
}

static void print_json(struct bench_report *r, const struct bench_row *row) {
    FILE *f = r->json;
    fprintf(f, "%s\n{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"",
            r->rows > 0 ? "," : "", row->name, row->value, row->unit);
    if (row->peer != NULL) {
        fprintf(f, ", \"peer\": \"%s\", \"peer_value\": %.6g, \"ratio\": %.4g",
                row->peer, row->peer_value, bench_ratio(row));
    } else {
        fputs(", \"peer\": null, \"peer_value\": null, \"ratio\": null", f);
    }
    if (row->bound_on == BENCH_NO_BOUND) {
        fputs(", \"bound\": null, \"holds\": null}", f);
    } else {
        fprintf(f, ", \"bound\": %.6g, \"holds\": %s}", row->bound,
                bench_holds(row) ? "true" : "false");
    }
}

void bench_add(struct bench_report *r, const struct bench_row *row) {
    printf("%-44s %12.6g %-10s", row->name, row->value, row->unit);
    if (row->peer != NULL) {
        printf(" %-14s %12.6g %7.3f", row->peer, row->peer_value,
               bench_ratio(row));
    } else if (row->bound_on != BENCH_NO_BOUND) {
        printf(" %-14s %12s %7s", "", "", "");
    }
    print_bound(row);
    fflush(stdout);
    if (r->json != NULL) {
        print_json(r, row);
    }
    r->rows++;
    r->missed += bench_holds(row) ? 0 : 1;
}

void bench_say(struct bench_report *r, const char *format, ...) {
    va_list args;
    (void)r;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

int bench_close(struct bench_report *r) {
    int missed = r->missed;
    if (r->json != NULL) {
        fputs("\n]\n", r->json);
        bool bad = ferror(r->json) != 0;
        if (fclose(r->json) != 0 || bad) {
            perror(r->file);
            missed = -1;
        }
    }
    free(r);
    return missed;
}
