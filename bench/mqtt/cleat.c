/* SPDX-License-Identifier: MIT */
/* Cleat under load, used as any program uses it: a client on the Linux port's
 * TCP, one loop, static buffers. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/client.h"
#include "cleat/linux_net.h"
#include "cleat/port.h"
#include "cleat/se.h"
#include "cleat/tls.h"
#include "peer.h"

static struct cleat_linux_net net;
static struct cleat_mqtt session;
static struct cleat_client client;
static uint8_t tx[256 * 1024], rx[4096];
static uint8_t *io;
static struct cleat_mqtt_slot slots[1024]; /* room to queue, not the window */
static uint16_t qos2_ids[4096];
static struct cleat_client_sub sub;
static uint32_t done;
static bool up;

/* TLS; the software element's key and certificate lie beside the CA. */
static struct cleat_stream *secure(const struct bench_job *job) {
    static struct cleat_se se;
    static struct cleat_task task = {"element", cleat_se_step, &se, NULL};
    static struct cleat_tls tls;
    static uint8_t certificate[4096], ca[8192];
    static char identity[512];
    struct cleat_detail detail = {0};
    int folder = (int)(strrchr(job->ca, '/') - job->ca);
    snprintf(identity, sizeof identity, "%.*s/id.key,%.*s/id.pem", folder,
             job->ca, folder, job->ca);
    struct cleat_se_config config = {.address = identity};
    struct cleat_se_op op = {.type = CLEAT_SE_OPEN};
    FILE *f = fopen(job->ca, "rb");
    size_t ca_len = f == NULL ? 0 : fread(ca, 1, sizeof ca, f);
    if (f == NULL || fclose(f) != 0 ||
        cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("soft")),
                      &config, &task, &detail) != 0 ||
        cleat_se_do(&se, &op, 0) != 0) {
        bench_fail("cleat: element");
    }
    op = (struct cleat_se_op){.type = CLEAT_SE_CERTIFICATE,
                              .object = CLEAT_SE_OBJECT_CERTIFICATE,
                              .out = {certificate, sizeof certificate, 0}};
    if (cleat_se_do(&se, &op, 0) != 0) {
        bench_fail("cleat: certificate");
    }
    struct cleat_tls_config with = {.lower = cleat_linux_net_stream(&net),
                                    .se = &se,
                                    .certificate =
                                        cleat_bytes_of(certificate, op.out.len),
                                    .ca = {cleat_bytes_of(ca, ca_len)},
                                    .hostname = "localhost"};
    if (cleat_tls_init(&tls, &with, &detail) != 0) {
        bench_fail(detail.text != NULL ? detail.text : "cleat: TLS");
    }
    return cleat_tls_stream(&tls);
}

static void prepare(const struct bench_job *job, const char *id, bool receive) {
    struct cleat_linux_net_config tcp = {
        .host = job->host,
        .port = job->port,
        .no_rest = getenv("CLEAT_BENCH_NO_REST") != NULL};
    static struct cleat_mqtt_config mqtt;
    mqtt = (struct cleat_mqtt_config){.client_id = cleat_bytes_str(id),
                                      .clean_session = true,
                                      .tx_buf = tx,
                                      .tx_cap = sizeof tx,
                                      .slots = slots,
                                      .slot_count = 1024,
                                      .inflight_max = (uint16_t)job->window,
                                      .rx_buf = rx,
                                      .rx_cap = sizeof rx,
                                      .qos2_ids = qos2_ids,
                                      .qos2_count = 4096};
    io = malloc(job->buffer);
    sub.filter = cleat_bytes_str(BENCH_TOPIC);
    sub.qos = (uint8_t)job->qos;
    struct cleat_client_config config = {.session = &session,
                                         .io_buf = io,
                                         .io_cap = job->buffer,
                                         .subs = &sub,
                                         .sub_count = receive ? 1 : 0,
                                         .max_retries = 1};
    if (io == NULL || cleat_linux_net_init(&net, &tcp) != 0) {
        bench_fail("cleat: network");
    }
    config.stream =
        job->ca != NULL ? secure(job) : cleat_linux_net_stream(&net);
    if (cleat_mqtt_init(&session, &mqtt) != 0 ||
        cleat_client_init(&client, &config) != 0) {
        bench_fail("cleat: set-up");
    }
    cleat_client_start(&client, cleat_port_now_ms());
}

static void take_events(uint64_t now) {
    struct cleat_client_event e;
    while (cleat_client_event(&client, &e, now)) {
        if (e.type == CLEAT_CLIENT_UP) {
            up = true;
            bench_ready();
        } else if (e.type != CLEAT_CLIENT_MQTT) {
            fprintf(stderr, "cleat: %s %s\n", cleat_strerror(e.err),
                    e.detail.text == NULL ? "" : e.detail.text);
            bench_fail("cleat: connection lost");
        } else if (e.mqtt.type == CLEAT_MQTT_DELIVERED ||
                   (e.mqtt.type == CLEAT_MQTT_MESSAGE && e.mqtt.last)) {
            done++;
        }
    }
}

/** @return messages that fit the window, at most those left to be sent. */
static uint32_t room(const struct bench_job *job, uint32_t sent) {
    uint32_t left = job->count - sent;
    uint32_t free = job->qos == 0 ? left : job->window - (sent - done);
    return !up ? 0 : left < free ? left : free;
}

void bench_publish(const struct bench_job *job, const uint8_t *payload) {
    struct cleat_bytes topic = cleat_bytes_str(BENCH_TOPIC);
    struct cleat_bytes bytes = cleat_bytes_of(payload, job->size);
    uint32_t sent = 0;
    prepare(job, "bench-pub", false);
    while (sent < job->count || cleat_client_is_busy(&client)) {
        uint64_t now = cleat_port_now_ms();
        for (uint32_t left = room(job, sent); left > 0; left--, sent++) {
            if (cleat_client_publish(&client, topic, bytes, (uint8_t)job->qos,
                                     false, now) < 0) {
                break; /* Full: more when this is sent. */
            }
        }
        uint64_t due = cleat_client_step(&client, now);
        take_events(now);
        if (due > now &&
            (job->qos > 0 || cleat_client_is_busy(&client) || !up)) {
            cleat_linux_net_wait(&net, due);
        }
    }
}

void bench_receive(const struct bench_job *job) {
    prepare(job, "bench-sub", true);
    for (;;) {
        uint64_t now = cleat_port_now_ms();
        uint64_t due = cleat_client_step(&client, now);
        take_events(now);
        if (done >= job->count && !cleat_client_is_busy(&client)) {
            break; /* The last answers are sent. */
        }
        if (due > now) {
            cleat_linux_net_wait(&net, due);
        }
    }
}
