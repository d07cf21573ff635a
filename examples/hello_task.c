/* SPDX-License-Identifier: MIT */
/*
 * Ten lines to connect, as a task of any port: the same file runs on bare metal
 * (bare_metal.c) and on FreeRTOS (freertos.c). Publishes one message at QoS 1,
 * waits until the broker has it and says goodbye.
 */
#include "hello_task.h"

#include "cleat/client.h"
#include "cleat/port.h"

static uint8_t tx[1024], rx[512], io[256];
static struct cleat_mqtt_slot slots[8];
static const struct cleat_mqtt_config mqtt = {
    .clean_session = true,
    .queue_offline = true, /* publish at any time */
    .slots = slots,
    .slot_count = 8,
    .tx_buf = tx,
    .tx_cap = sizeof tx,
    .rx_buf = rx,
    .rx_cap = sizeof rx};
static struct cleat_mqtt session;
static struct cleat_client client;
static struct cleat_link *below;
static bool over;

static uint64_t step(void *self, uint64_t now_ms) {
    struct cleat_client_event event;
    (void)self;
    if (below->join(below->self, now_ms) != CLEAT_OK) {
        return now_ms + 100; /* no cable or no address yet */
    }
    uint64_t due = cleat_client_step(&client, now_ms);
    while (cleat_client_event(&client, &event, now_ms)) {
        if (event.type == CLEAT_CLIENT_MQTT &&
            event.mqtt.type == CLEAT_MQTT_DELIVERED) {
            cleat_client_stop(&client, now_ms);
        } else if (event.type == CLEAT_CLIENT_STOPPED) {
            over = true;
        }
        due = now_ms; /* step again: an event may have held it up */
    }
    return due;
}

int hello_start(struct cleat_stream *stream, struct cleat_link *link) {
    static struct cleat_task task = {.name = "mqtt", .step = step};
    struct cleat_client_config config = {.session = &session,
                                         .stream = stream,
                                         .io_buf = io,
                                         .io_cap = sizeof io};
    below = link;
    if (cleat_mqtt_init(&session, &mqtt) != CLEAT_OK ||
        cleat_client_init(&client, &config) != CLEAT_OK) {
        return CLEAT_ERR_ARG;
    }
    cleat_client_start(&client, cleat_port_now_ms());
    int id = cleat_client_publish(&client, cleat_bytes_str("greetings"),
                                  cleat_bytes_str("hello"), 1, false,
                                  cleat_port_now_ms());
    return id < 0 ? id : cleat_port_start(&task);
}

bool hello_is_over(void *arg) {
    (void)arg;
    return over;
}
