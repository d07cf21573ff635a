/* SPDX-License-Identifier: MIT */
/* libmosquitto under load, in its single-threaded use, with the window kept by
 * counting its on_publish. */
#define _GNU_SOURCE
#include <mosquitto.h>
#include <stdbool.h>
#include <stddef.h>

#include "peer.h"

static uint32_t done;
static bool up;

static void on_connect(struct mosquitto *m, void *arg, int code) {
    const struct bench_job *job = arg;
    if (code != 0) {
        bench_fail("libmosquitto: refused");
    }
    if (job->window == 0) { /* A subscriber. */
        mosquitto_subscribe(m, NULL, BENCH_TOPIC, job->qos);
    } else {
        up = true;
    }
}

static void on_subscribe(struct mosquitto *m, void *arg, int id, int count,
                         const int *granted) {
    (void)m, (void)arg, (void)id, (void)count, (void)granted;
    up = true;
}

static void on_publish(struct mosquitto *m, void *arg, int id) {
    (void)m, (void)arg, (void)id;
    done++;
}

static void on_message(struct mosquitto *m, void *arg,
                       const struct mosquitto_message *message) {
    (void)m, (void)arg, (void)message;
    done++;
}

static void loop(struct mosquitto *m, int timeout_ms) {
    if (mosquitto_loop(m, timeout_ms, 1) != MOSQ_ERR_SUCCESS) {
        bench_fail("libmosquitto: connection lost");
    }
}

static struct mosquitto *dial(struct bench_job *job, const char *id) {
    mosquitto_lib_init();
    struct mosquitto *m = mosquitto_new(id, true, job);
    if (m == NULL) {
        bench_fail("libmosquitto: set-up");
    }
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    if (job->ca != NULL &&
        mosquitto_tls_set(m, job->ca, NULL, NULL, NULL, NULL) != 0) {
        bench_fail("libmosquitto: TLS set-up");
    }
    if (mosquitto_connect(m, job->ca != NULL ? "localhost" : job->host,
                          job->port, 60) != 0) {
        bench_fail("libmosquitto: connect");
    }
    while (!up) {
        loop(m, 1000);
    }
    bench_ready();
    return m;
}

void bench_publish(const struct bench_job *job, const uint8_t *payload) {
    struct bench_job copy = *job;
    struct mosquitto *m = dial(&copy, "bench-pub");
    for (uint32_t sent = 0; done < job->count;) {
        while (sent < job->count &&
               (job->qos == 0 || sent - done < job->window)) {
            if (mosquitto_publish(m, NULL, BENCH_TOPIC, (int)job->size, payload,
                                  job->qos, false) != 0) {
                bench_fail("libmosquitto: publish");
            }
            sent++;
            if (job->qos == 0 && mosquitto_want_write(m)) {
                break;
            }
        }
        if (done < job->count) {
            loop(m, 1000);
        }
    }
}

void bench_receive(const struct bench_job *job) {
    struct bench_job copy = *job;
    copy.window = 0;
    struct mosquitto *m = dial(&copy, "bench-sub");
    while (done < job->count) {
        loop(m, 1000);
    }
}
