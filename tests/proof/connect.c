/* SPDX-License-Identifier: MIT */
/* CONNECT with every combination of settings into exactly the room that it
 * says itself that it needs, which is what init() checks. */
/* slevel 4000 */
#include "proof.h"

static uint8_t text[2];
static uint8_t room[40];

static bool any_bool(void) {
    return Frama_C_interval(0, 1) != 0;
}

int main(void) {
    struct cleat_mqtt_config c = {0};
    Frama_C_make_unknown((char *)text, sizeof text);
    c.client_id = cleat_bytes_of(text, any_bool() ? 2 : 0);
    c.clean_session = any_bool();
    c.keep_alive_off = any_bool();
    c.keep_alive_s = (uint16_t)Frama_C_interval(0, 65535);
    if (any_bool()) {
        c.will.topic = cleat_bytes_of(text, 1);
        c.will.payload = cleat_bytes_of(text, any_bool() ? 2 : 0);
        c.will.qos = (uint8_t)Frama_C_interval(0, 2);
        c.will.retain = any_bool();
    }
    if (any_bool()) {
        c.username = cleat_bytes_of(text, any_bool() ? 1 : 0);
        if (any_bool()) {
            c.password = cleat_bytes_of(text, 2);
        }
    }
    /* With room, and with too little: it must not go on behind it. */
    c.rx_buf = room;
    c.rx_cap = sizeof room;
    uint32_t total = cleat_mqtt_connect_encode(NULL, &c);
    //@ split total;
    c.rx_buf = room + sizeof room - total;
    c.rx_cap = total;
    (void)cleat_mqtt_connect_encode(NULL, &c);
    c.rx_buf = room + sizeof room - 16;
    c.rx_cap = 16;
    (void)cleat_mqtt_connect_encode(NULL, &c);
    return 0;
}
