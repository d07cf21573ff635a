/* SPDX-License-Identifier: MIT */
/* CONNECT, the first packet on a connection. Only clients send it. */
#include "mqtt/packet/packet.h"

#define FLAG_CLEAN 0x02u
#define FLAG_WILL 0x04u
#define FLAG_WILL_RETAIN 0x20u
#define FLAG_PASSWORD 0x40u
#define FLAG_USERNAME 0x80u
/* Protocol name, level, flags, keep-alive. */
#define VARIABLE_LEN 10u

static bool has_will(const struct cleat_mqtt_config *c) {
    return c->will.topic.len > 0;
}

static uint8_t flags_of(const struct cleat_mqtt_config *c) {
    uint32_t flags = 0;
    if (c->clean_session) {
        flags |= FLAG_CLEAN;
    }
    if (has_will(c)) {
        flags |= FLAG_WILL | ((uint32_t)c->will.qos << 3);
        flags |= c->will.retain ? FLAG_WILL_RETAIN : 0;
    }
    if (c->username.data != NULL) {
        flags |= FLAG_USERNAME;
        /* [MQTT-3.1.2-22]: no password without a user name. */
        flags |= c->password.data != NULL ? FLAG_PASSWORD : 0;
    }
    return (uint8_t)flags;
}

static size_t length_of(const struct cleat_mqtt_config *c) {
    size_t length = VARIABLE_LEN + 2 + c->client_id.len;
    if (has_will(c)) {
        length += 4 + c->will.topic.len + c->will.payload.len;
    }
    if (c->username.data != NULL) {
        length += 2 + c->username.len;
        length += c->password.data != NULL ? 2 + c->password.len : 0;
    }
    return length;
}

size_t cleat_mqtt_connect_size(const struct cleat_mqtt_config *config) {
    return cleat_mqtt_header_total(length_of(config));
}

void cleat_mqtt_connect_encode(struct cleat_writer *w,
                               const struct cleat_mqtt_config *config) {
    cleat_mqtt_header_encode(w, CLEAT_MQTT_P_CONNECT,
                             (uint32_t)length_of(config));
    cleat_mqtt_text_encode(w, cleat_bytes_str("MQTT")); /* [MQTT-3.1.2-1] */
    cleat_write_u8(w, 4);                               /* [MQTT-3.1.2-2] */
    cleat_write_u8(w, flags_of(config));
    cleat_write_u16(w, config->keep_alive_off ? 0 : config->keep_alive_s);
    /* In this order, [MQTT-3.1.3-1]. */
    cleat_mqtt_text_encode(w, config->client_id);
    if (has_will(config)) {
        cleat_mqtt_text_encode(w, config->will.topic);
        cleat_mqtt_text_encode(w, config->will.payload);
    }
    if (config->username.data != NULL) {
        cleat_mqtt_text_encode(w, config->username);
        if (config->password.data != NULL) {
            cleat_mqtt_text_encode(w, config->password);
        }
    }
}
