/* SPDX-License-Identifier: MIT */
/* A client with all its buffers beside a broker in memory, and a clock that
 * stands where the test puts it. */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "broker.h"
#include "cleat/client.h"

#define RIG_EVENTS 256

struct rig_message {
    char topic[32];
    char payload[64];
    uint8_t qos;
};

struct rig {
    struct broker broker;
    struct cleat_mqtt session;
    struct cleat_client client;
    struct cleat_mqtt_config mqtt;
    struct cleat_client_config config;
    uint8_t tx[512], rx[128], io[64];
    struct cleat_mqtt_slot slots[8];
    uint16_t ids[8];
    struct cleat_client_sub subs[2];
    uint64_t now;
    uint64_t deadline;
    /* what came up */
    struct cleat_client_event events[RIG_EVENTS]; /* views are stale */
    size_t event_len;
    struct rig_message got[RIG_EVENTS];
    size_t got_len;
    int delivered;
};

/* Defaults in r->mqtt and r->config; change them, then rig_start. */
void rig_init(struct rig *r);
void rig_start(struct rig *r);
/* Step and take events until nothing happens at this time. */
void rig_run(struct rig *r);
/* rig_run at each deadline until then. */
void rig_run_until(struct rig *r, uint64_t time);
/* @return the n-th (from 0) client event of that type, or NULL. */
const struct cleat_client_event *
rig_event(const struct rig *r, enum cleat_client_event_type type, size_t n);
/* The same for session events. */
const struct cleat_mqtt_event *
rig_mqtt(const struct rig *r, enum cleat_mqtt_event_type type, size_t n);
int rig_publish(struct rig *r, const char *topic, const char *payload,
                uint8_t qos);
int rig_count(const struct rig *r, const char *payload);

#endif
