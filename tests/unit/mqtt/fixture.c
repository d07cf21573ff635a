/* SPDX-License-Identifier: MIT */
/* See fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define USUAL 128

struct fixture t;

void fixture_reset(void) {
    memset(&t, 0, sizeof t);
    t.config.client_id = STR("c");
    t.config.tx_buf = t.tx;
    t.config.tx_cap = USUAL;
    t.config.rx_buf = t.rx;
    t.config.rx_cap = USUAL;
    t.config.slots = t.slots;
    t.config.slot_count = 4;
    t.config.qos2_ids = t.ids;
    t.config.qos2_count = 4;
}

void flush(void) {
    struct cleat_bytes out;
    char *at = t.out;
    *at = '\0';
    while ((out = cleat_mqtt_output(S)).len > 0) {
        assert_true(out.len * 2 < (size_t)(t.out + sizeof t.out - at));
        for (size_t i = 0; i < out.len; i++, at += 2) {
            snprintf(at, 3, "%02x", out.data[i]);
        }
        cleat_mqtt_output_done(S, out.len, 0);
    }
}

int input(const void *bytes, size_t len) {
    return cleat_mqtt_input(S, cleat_bytes_of(bytes, len), 0);
}

void receive(const void *bytes, size_t len) {
    assert_int_equal(input(bytes, len), len);
}

void expect_event(enum cleat_mqtt_event_type type) {
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(t.e.type, type);
}

void come_up(bool session_present) {
    const bool v5 = t.config.v5 != NULL;
    const uint8_t connack[] = {0x20, v5 ? 3 : 2, session_present, 0, 0};
    assert_int_equal(cleat_mqtt_connect(S, 0), 0);
    flush();
    receive(connack, v5 ? 5 : 4);
    expect_event(CLEAT_MQTT_CONNECTED);
}
