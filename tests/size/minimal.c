/* SPDX-License-Identifier: MIT */
/* The smallest useful MQTT client: connect, subscribe, publish at QoS 1,
 * receive. Never run: tools/size-report links it for a microcontroller and
 * counts what it pulls in, without MQTT 5 and with it (minimal_v5.c). The four
 * functions of the network stay open. */
#include "cleat/mqtt5.h"

extern uint64_t net_now_ms(void);
extern int net_write(const uint8_t *data, size_t len);
extern int net_read(uint8_t *data, size_t cap);
extern void on_message(struct cleat_bytes topic, struct cleat_bytes payload);

static uint8_t tx[256], rx[256];
static struct cleat_mqtt_slot slots[4];
static uint16_t ids[8];
static struct cleat_mqtt session;
static const struct cleat_mqtt_config config = {
    .client_id = {(const uint8_t *)"minimal", 7},
    .tx_buf = tx,
    .tx_cap = sizeof tx,
    .rx_buf = rx,
    .rx_cap = sizeof rx,
    .slots = slots,
    .slot_count = 4,
    .qos2_ids = ids,
    .qos2_count = 8,
    .v5 = CLEAT_MQTT5 ? &cleat_mqtt_v5 : NULL};

/* Sizes of what a session takes; not linked. */
char size_of_session[sizeof(struct cleat_mqtt)];
char size_of_message_in_flight[sizeof(struct cleat_mqtt_slot)];
char size_of_event[sizeof(struct cleat_mqtt_event)];
char size_of_ram[sizeof session + sizeof slots + sizeof ids + sizeof tx +
                 sizeof rx];

int main(void);

static int on_event(const struct cleat_mqtt_event *e) {
    static const struct cleat_mqtt_filter filter = {{(const uint8_t *)"a/b", 3},
                                                    2};
    static const struct cleat_mqtt_message hello = {
        {(const uint8_t *)"a/b", 3},
        {(const uint8_t *)"hello", 5},
        1,
        false,
        0,
        0,
        0};
    if (e->type == CLEAT_MQTT_CONNECTED) {
        cleat_mqtt_subscribe(&session, &filter, 1, net_now_ms());
        cleat_mqtt_send(&session, &hello, net_now_ms());
    } else if (e->type == CLEAT_MQTT_MESSAGE) {
        on_message(e->topic, e->payload);
    }
    return e->err;
}

int main(void) {
    static struct cleat_mqtt_event e;
    static uint8_t io[128];
    int at = 0;
    int n = 0;
    if (cleat_mqtt_init(&session, &config) != 0 ||
        cleat_mqtt_connect(&session, net_now_ms()) != 0) {
        return 1;
    }
    for (;;) {
        struct cleat_bytes out = cleat_mqtt_output(&session);
        if (out.len > 0) {
            int sent = net_write(out.data, out.len);
            cleat_mqtt_output_done(&session, (size_t)sent, net_now_ms());
        }
        if (at == n) {
            at = 0;
            n = net_read(io, sizeof io);
        }
        at += cleat_mqtt_input(
            &session, cleat_bytes_of(io + at, (size_t)(n - at)), net_now_ms());
        while (cleat_mqtt_event(&session, &e, net_now_ms())) {
            if (on_event(&e) != 0) {
                cleat_mqtt_lost(&session, net_now_ms());
                return 1;
            }
        }
    }
}
