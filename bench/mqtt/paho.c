/* SPDX-License-Identifier: MIT */
/* Paho's C client under load: its synchronous interface with callbacks, which
 * runs a receiving thread of its own. The window is kept here, by counting
 * deliveries: at its own limit (maxInflightMessages) a publish with callbacks
 * sleeps 100 ms. And its socket gets the TCP_NODELAY that the others have. */
#define _GNU_SOURCE
#include <MQTTClient.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include "peer.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static uint32_t done, wanted, sent, window;

static void count_one(void) {
    pthread_mutex_lock(&lock);
    done++;
    if (done >= wanted || done + window > sent) {
        pthread_cond_signal(&moved);
    }
    pthread_mutex_unlock(&lock);
}

static void on_delivered(void *arg, MQTTClient_deliveryToken token) {
    (void)arg, (void)token;
    count_one();
}

static int on_message(void *arg, char *topic, int len,
                      MQTTClient_message *message) {
    (void)arg, (void)len;
    count_one();
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
    return 1;
}

static void on_lost(void *arg, char *cause) {
    (void)arg, (void)cause;
    bench_fail("Paho: connection lost");
}

/** It has no setting for it, nor tells its descriptor. */
static void send_at_once(void) {
    const int on = 1;
    for (int fd = 3; fd < 64; fd++) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
}

static MQTTClient dial(const struct bench_job *job, const char *id) {
    char uri[64];
    MQTTClient client;
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    snprintf(uri, sizeof uri, "tcp://%s:%u", job->host, (unsigned)job->port);
    if (MQTTClient_create(&client, uri, id, MQTTCLIENT_PERSISTENCE_NONE,
                          NULL) != 0 ||
        MQTTClient_setCallbacks(client, NULL, on_lost, on_message,
                                on_delivered) != 0) {
        bench_fail("Paho: set-up");
    }
    options.cleansession = 1;
    options.reliable = 0;
    options.maxInflightMessages = 2 * (int)job->window; /* never met */
    if (MQTTClient_connect(client, &options) != 0) {
        bench_fail("Paho: connect");
    }
    send_at_once();
    return client;
}

static void wait_all(void) {
    pthread_mutex_lock(&lock);
    while (done < wanted) {
        pthread_cond_wait(&moved, &lock);
    }
    pthread_mutex_unlock(&lock);
}

/** Until another message fits into the window. */
static void wait_for_room(void) {
    pthread_mutex_lock(&lock);
    while (sent - done >= window) {
        pthread_cond_wait(&moved, &lock);
    }
    sent++;
    pthread_mutex_unlock(&lock);
}

void bench_publish(const struct bench_job *job, const uint8_t *payload) {
    MQTTClient client = dial(job, "bench-pub");
    wanted = job->qos == 0 ? 0 : job->count;
    window = job->window;
    bench_ready();
    for (uint32_t i = 0; i < job->count; i++) {
        if (job->qos > 0) {
            wait_for_room();
        }
        if (MQTTClient_publish(client, BENCH_TOPIC, (int)job->size, payload,
                               job->qos, 0, NULL) != 0) {
            bench_fail("Paho: publish");
        }
    }
    wait_all();
}

void bench_receive(const struct bench_job *job) {
    MQTTClient client = dial(job, "bench-sub");
    wanted = job->count;
    if (MQTTClient_subscribe(client, BENCH_TOPIC, job->qos) != 0) {
        bench_fail("Paho: subscribe");
    }
    bench_ready();
    wait_all();
}
