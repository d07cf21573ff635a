/* SPDX-License-Identifier: MIT */
/* MQTT alone: a session and nothing else, with the bytes moved by hand. */
#include <stdio.h>
#include <string.h>

#include <cleat/mqtt.h>

static uint8_t tx[256], rx[128];
static struct cleat_mqtt_slot slots[4];

static int fail(const char *what) {
    fprintf(stderr, "stranger: %s\n", what);
    return 1;
}

int main(void) {
    static const uint8_t connack[] = {0x20, 2, 0, 0};
    static const uint8_t publish[] = {0x30, 8,   0,   4,   'l',
                                      'a',  'm', 'p', 'o', 'n'};
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    struct cleat_mqtt_event event;
    struct cleat_bytes out;
    memset(&config, 0, sizeof config);
    config.client_id = cleat_bytes_str("stranger");
    config.tx_buf = tx;
    config.tx_cap = sizeof tx;
    config.rx_buf = rx;
    config.rx_cap = sizeof rx;
    config.slots = slots;
    config.slot_count = 4;
    if (cleat_mqtt_init(&session, &config) != 0 ||
        cleat_mqtt_connect(&session, 0) != 0) {
        return fail("no session");
    }
    out = cleat_mqtt_output(&session);
    if (out.len < 20 || out.data[0] != 0x10) {
        return fail("no CONNECT");
    }
    cleat_mqtt_output_done(&session, out.len, 0);
    cleat_mqtt_input(&session, cleat_bytes_of(connack, sizeof connack), 1);
    if (!cleat_mqtt_event(&session, &event, 1) ||
        event.type != CLEAT_MQTT_CONNECTED) {
        return fail("not connected");
    }
    if (cleat_mqtt_publish(&session, cleat_bytes_str("lamp"),
                           cleat_bytes_str("on"), 0, false, 2) != 0) {
        return fail("no publish");
    }
    out = cleat_mqtt_output(&session);
    if (out.len != sizeof publish ||
        memcmp(out.data, publish, sizeof publish) != 0) {
        return fail("another PUBLISH than MQTT 3.1.1 has");
    }
    puts("stranger: connected and published");
    return 0;
}
