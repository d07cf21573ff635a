/* SPDX-License-Identifier: MIT */
/* `cleat bench`: the load of one run, and what is measured of it. */
#ifndef CLEAT_CLI_BENCH_H
#define CLEAT_CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_BENCH_CLIENTS_MAX 64u
#define CLI_BENCH_MESSAGES_MAX 10000000u
#define CLI_BENCH_HEAD 18u /**< Bytes that every payload begins with. */

struct cli_bench_load {
    const char *host, *topic, *username, *password;
    uint16_t port;
    uint8_t qos;
    uint32_t size;     /**< Bytes of payload. */
    uint32_t messages; /**< Of each publisher. */
    uint32_t rate;     /**< Messages a second, all publishers; 0: no limit. */
    uint32_t window;   /**< Unacknowledged, each publisher. */
    uint32_t publishers, subscribers;
    uint32_t timeout_s;
};

/** What came of it. Latencies in nanoseconds, sorted once it is over. */
struct cli_bench_result {
    uint64_t sent, delivered, received, expected, duplicates, damaged;
    double seconds, cpu_seconds;
    uint64_t *latency;
    size_t latency_count, latency_cap;
    uint8_t *seen; /**< One bit a subscriber and message. */
};

/** Run it. progress is called about once a second, may be NULL. Prints errors.
 *  @return CLI_OK, CLI_FAILED (no connection, time is over) or CLI_USAGE (too
 *          much memory asked for). Free the result either way. */
int cli_bench_run(const struct cli_bench_load *load,
                  struct cli_bench_result *result,
                  void (*progress)(const struct cli_bench_result *r));
void cli_bench_free(struct cli_bench_result *result);
/** @return the latency that `share` (0 to 1) of the messages did not exceed,
 *          in milliseconds; 0 without messages. */
double cli_bench_percentile(const struct cli_bench_result *r, double share);

#endif
