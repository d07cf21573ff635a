/* SPDX-License-Identifier: MIT */
/* The main function of every client under load: reads the job, measures the
 * processor time between ready and done, prints it in microseconds. */
#define _GNU_SOURCE
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_before, wall_before;

static double cpu_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return 1e6 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double wall_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + (double)t.tv_nsec / 1e3;
}

void bench_ready(void) {
    puts("ready");
    fflush(stdout);
    cpu_before = cpu_us();
    wall_before = wall_us();
}

void bench_fail(const char *why) {
    fprintf(stderr, "bench peer: %s\n", why);
    exit(1);
}

static uint32_t number(const char *text, unsigned long max) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || n > max) {
        bench_fail("a number was expected");
    }
    return (uint32_t)n;
}

int main(int argc, char **argv) {
    if (argc < 8 || argc > 9) {
        fputs("usage: PEER pub|sub PORT QOS SIZE COUNT WINDOW BUFFER "
              "[CA.pem]\n",
              stderr);
        return 2;
    }
    struct bench_job job = {.host = "127.0.0.1",
                            .port = (uint16_t)number(argv[2], 65535),
                            .qos = (int)number(argv[3], 2),
                            .size = number(argv[4], 1u << 20),
                            .count = number(argv[5], 100000000),
                            .window = number(argv[6], 1000),
                            .buffer = number(argv[7], 1u << 24),
                            .ca = argc == 9 ? argv[8] : NULL};
    uint8_t *payload = malloc(job.size + 1);
    if (payload == NULL) {
        bench_fail("out of memory");
    }
    memset(payload, 'x', job.size);
    if (strcmp(argv[1], "pub") == 0) {
        bench_publish(&job, payload);
    } else {
        bench_receive(&job);
    }
    printf("%.0f %.0f\n", cpu_us() - cpu_before, wall_us() - wall_before);
    free(payload);
    return 0;
}
