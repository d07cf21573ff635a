/* SPDX-License-Identifier: MIT */
/*
 * Several threads, one connection: a thread runs the client, others publish
 * through it and wait until the broker has their messages, whatever happens to
 * the connection meanwhile.
 *
 *     threads HOST PORT TOPIC THREADS MESSAGES
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cleat/linux_client.h"

#define THREADS_MAX 16

static struct cleat_linux_client client;
static const char *topic;
static int messages;

static void *publisher(void *arg) {
    static const struct timespec soon = {0, 1000000};
    char text[32];
    for (int i = 0; i < messages; i++) {
        int n = snprintf(text, sizeof text, "%d-%d", *(int *)arg, i);
        int err;
        while ((err = cleat_linux_client_submit(
                    &client, cleat_bytes_str(topic),
                    cleat_bytes_of((const uint8_t *)text, (size_t)n), 1,
                    false)) == CLEAT_ERR_FULL) {
            nanosleep(&soon, NULL); /* It will have room again. */
        }
        if (err != CLEAT_OK) {
            fprintf(stderr, "submit: %s\n", cleat_strerror(err));
            exit(1);
        }
    }
    int err = cleat_linux_client_flush(&client, 60000);
    printf("thread %d: %s\n", *(int *)arg,
           err == CLEAT_OK ? "all delivered" : cleat_strerror(err));
    return err == CLEAT_OK ? arg : NULL;
}

static void *run(void *arg) {
    (void)arg;
    cleat_linux_client_run(&client);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t runner, threads[THREADS_MAX];
    int numbers[THREADS_MAX];
    int count = argc == 6 ? atoi(argv[4]) : 0;
    if (count < 1 || count > THREADS_MAX) {
        fputs("usage: threads HOST PORT TOPIC THREADS MESSAGES\n", stderr);
        return 2;
    }
    topic = argv[3];
    messages = atoi(argv[5]);
    struct cleat_linux_client_config config = {
        .host = argv[1],
        .port = (uint16_t)atoi(argv[2]),
        .mqtt = {.client_id = cleat_bytes_str("threads"),
                 .queue_offline = true},
        .client = {.backoff_base_ms = 50, .backoff_cap_ms = 500}};
    if (cleat_linux_client_init(&client, &config) != CLEAT_OK ||
        pthread_create(&runner, NULL, run, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, publisher, &numbers[i]);
    }
    int failed = 0;
    for (int i = 0; i < count; i++) {
        void *result;
        pthread_join(threads[i], &result);
        failed += result == NULL;
    }
    cleat_linux_client_stop(&client);
    pthread_join(runner, NULL);
    cleat_linux_client_deinit(&client);
    return failed == 0 ? 0 : 1;
}
