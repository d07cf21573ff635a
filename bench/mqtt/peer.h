/* SPDX-License-Identifier: MIT */
/* One client under load, as a process of its own: publishes or receives a
 * number of messages and tells what that cost it. Each library has one file
 * that implements the two functions at the end. */
#ifndef BENCH_MQTT_PEER_H
#define BENCH_MQTT_PEER_H

#include <stdint.h>

struct bench_job {
    const char *host;
    uint16_t port;
    int qos;
    uint32_t size;   /**< Bytes of payload. */
    uint32_t count;  /**< Messages. */
    uint32_t window; /**< Unacknowledged at a time. */
    const char *ca;  /**< PEM file: TLS, verified against it; NULL: TCP. */
    uint32_t buffer; /**< Bytes of receive buffer, where it can be chosen. */
};

#define BENCH_TOPIC "bench/load/line0001a" /* 20 bytes */

/** Connected, and for a subscriber subscribed: the cost counts from here. */
void bench_ready(void);
/** Print why and end the process with 1. */
void bench_fail(const char *why);

/** Publish count messages and return when the broker has acknowledged all (at
 *  QoS 0: when all are written). */
void bench_publish(const struct bench_job *job, const uint8_t *payload);
/** Return when count messages have been received and acknowledged. */
void bench_receive(const struct bench_job *job);

#endif
