/* SPDX-License-Identifier: MIT */
/*
 * Requests and answers over MQTT 5: one side asks with one text after the
 * other, the other answers with the text turned round.
 *
 *     request HOST PORT ask TOPIC TEXT...     request HOST PORT serve TOPIC
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_client.h"
#include "cleat/mqtt_request.h"
#include "cleat/port.h"

#define TIMEOUT_MS 2000

static struct cleat_linux_client client;
static struct cleat_mqtt_requester requester;
static const char *topic;
static char **texts; /* not asked yet */
static int failures;

/* --- asking --- */

static void ask(uint64_t now_ms) {
    struct cleat_mqtt_message m;
    if (*texts == NULL) {
        cleat_linux_client_stop(&client);
        return;
    }
    memset(&m, 0, sizeof m);
    m.topic = cleat_bytes_str(topic);
    m.payload = cleat_bytes_str(*texts);
    m.qos = 1;
    if (cleat_mqtt_requester_send(&requester,
                                  cleat_linux_client_session(&client), &m,
                                  TIMEOUT_MS, *texts, now_ms) < 0) {
        fputs("cannot ask\n", stderr);
        failures++;
    }
    texts++;
}

static void take_reply(const struct cleat_mqtt_reply *r, uint64_t now_ms) {
    switch (r->type) {
    case CLEAT_MQTT_REPLY_READY:
        break;
    case CLEAT_MQTT_REPLY_ANSWER:
        printf("%s: %.*s\n", (const char *)r->user,
               (int)r->message->payload.len,
               (const char *)r->message->payload.data);
        break;
    case CLEAT_MQTT_REPLY_REFUSED:
    case CLEAT_MQTT_REPLY_TIMED_OUT:
        printf("%s: %s\n", (const char *)r->user,
               r->type == CLEAT_MQTT_REPLY_TIMED_OUT
                   ? "no answer in time"
                   : cleat_mqtt_reason_text(r->code));
        failures++;
        break;
    default:
        return;
    }
    ask(now_ms);
}

static uint64_t on_step(void *arg, uint64_t now_ms) {
    struct cleat_mqtt_reply reply;
    (void)arg;
    while (cleat_mqtt_requester_event(
        &requester, cleat_linux_client_session(&client), &reply, now_ms)) {
        take_reply(&reply, now_ms);
    }
    return cleat_mqtt_requester_deadline(&requester);
}

static void hand_in(const struct cleat_mqtt_event *e) {
    struct cleat_mqtt_reply reply;
    uint64_t now_ms = cleat_port_now_ms();
    if (cleat_mqtt_requester_input(&requester,
                                   cleat_linux_client_session(&client), e,
                                   &reply, now_ms)) {
        take_reply(&reply, now_ms);
    }
}

static void ask_message(void *arg, const struct cleat_mqtt_event *m) {
    (void)arg;
    hand_in(m);
}

static void ask_event(void *arg, const struct cleat_client_event *e) {
    (void)arg;
    if (e->type == CLEAT_CLIENT_MQTT) {
        hand_in(&e->mqtt);
    }
}

/* --- answering --- */

static void serve_message(void *arg, const struct cleat_mqtt_event *m) {
    static uint8_t turned[256];
    struct cleat_mqtt_return to;
    struct cleat_mqtt_message answer;
    (void)arg;
    if (m->payload.len > sizeof turned || !m->last ||
        cleat_mqtt_return_of(m, cleat_bytes_str("replies/#"), &to) != 0) {
        return; /* No request, or one that wants its answer elsewhere. */
    }
    for (size_t i = 0; i < m->payload.len; i++) {
        turned[i] = m->payload.data[m->payload.len - 1 - i];
    }
    memset(&answer, 0, sizeof answer);
    answer.payload = cleat_bytes_of(turned, m->payload.len);
    answer.qos = 1;
    if (cleat_mqtt_respond(cleat_linux_client_session(&client), &to, &answer,
                           cleat_port_now_ms()) < 0) {
        fputs("cannot answer\n", stderr);
    }
}

static void serve_event(void *arg, const struct cleat_client_event *e) {
    (void)arg;
    if (e->type == CLEAT_CLIENT_UP) {
        fputs("up\n", stderr);
    }
}

int main(int argc, char **argv) {
    static struct cleat_mqtt_pending pending[4];
    static struct cleat_client_sub sub;
    static char own[64];
    bool asks = argc >= 5 && strcmp(argv[3], "ask") == 0;
    if (!asks && !(argc == 5 && strcmp(argv[3], "serve") == 0)) {
        fputs("usage: request HOST PORT ask TOPIC TEXT...\n"
              "       request HOST PORT serve TOPIC\n",
              stderr);
        return 2;
    }
    topic = argv[4];
    texts = argv + 5;
    uint32_t seed = (uint32_t)cleat_port_now_ms();
    snprintf(own, sizeof own, "replies/%08x", (unsigned)seed);
    struct cleat_mqtt_requester_config r = {.topic = cleat_bytes_str(own),
                                            .qos = 1,
                                            .pending = pending,
                                            .pending_count = 4,
                                            .seed = seed};
    struct cleat_linux_client_config config = {
        .host = argv[1],
        .port = (uint16_t)atoi(argv[2]),
        .mqtt = {.clean_session = true, .v5 = &cleat_mqtt_v5},
        .client = {.subs = &sub, .sub_count = asks ? 0 : 1},
        .on_message = asks ? ask_message : serve_message,
        .on_event = asks ? ask_event : serve_event,
        .on_step = asks ? on_step : NULL};
    sub.filter = cleat_bytes_str(topic);
    sub.qos = 1;
    if (cleat_mqtt_requester_init(&requester, &r) != CLEAT_OK ||
        cleat_linux_client_init(&client, &config) != CLEAT_OK) {
        return 1;
    }
    int err = cleat_linux_client_run(&client);
    cleat_linux_client_deinit(&client);
    return err == CLEAT_OK && failures == 0 ? 0 : 1;
}
