/* SPDX-License-Identifier: MIT */
/* CONNECT of MQTT 5 for connect5.c and will5.c. */
#ifndef CLEAT_PROOF_CONNECT5_H
#define CLEAT_PROOF_CONNECT5_H

#include "props.h"

static uint8_t room[80];

static void connect(struct cleat_mqtt_config *c) {
    c->client_id = cleat_bytes_of(text, 2);
    c->receive_max = (uint16_t)Frama_C_interval(1, 65535);
    /* It has room for a fixed header at least, and says what it needs. */
    c->rx_buf = room;
    c->rx_cap = 5;
    uint32_t total = cleat_mqtt_connect_encode(&cleat_mqtt_v5, c);
    size_t cap = any_room(total, 20);
    c->rx_buf = room + sizeof room - cap;
    c->rx_cap = cap;
    (void)cleat_mqtt_connect_encode(&cleat_mqtt_v5, c);
}

#endif
