/* SPDX-License-Identifier: MIT */
/* CONNECT, the first packet on a connection. Only clients send it. */
#include "mqtt/packet/packet.h"

#define FLAG_CLEAN 0x02u
#define FLAG_WILL 0x04u
#define FLAG_WILL_RETAIN 0x20u
#define FLAG_PASSWORD 0x40u
#define FLAG_USERNAME 0x80u

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
    }
    if (c->password.data != NULL) {
        flags |= FLAG_PASSWORD;
    }
    return (uint8_t)flags;
}

static void body_encode(const struct cleat_mqtt_version *v,
                        struct cleat_writer *w,
                        const struct cleat_mqtt_config *c) {
    static const uint8_t name[] = {'M', 'Q', 'T', 'T'};
    /* [MQTT-3.1.2-1], [MQTT-3.1.2-2] */
    cleat_mqtt_text_encode(w, name, sizeof name);
    cleat_write_u8(w, cleat_mqtt_is_5(v) ? 5 : 4);
    cleat_write_u8(w, flags_of(c));
    cleat_write_u16(w, cleat_mqtt_keep_alive(c));
    if (cleat_mqtt_is_5(v)) {
        v->props_encode(w, 1u << (CLEAT_MQTT_P_CONNECT >> 4), c, c->props,
                        c->prop_count);
    }
    /* In this order, [MQTT-3.1.3-1]. */
    cleat_mqtt_text_encode(w, c->client_id.data, c->client_id.len);
    if (has_will(c)) {
        if (cleat_mqtt_is_5(v)) {
            v->props_encode(w, CLEAT_MQTT_IN_WILL, NULL, c->will.props,
                            c->will.prop_count);
        }
        cleat_mqtt_text_encode(w, c->will.topic.data, c->will.topic.len);
        cleat_mqtt_text_encode(w, c->will.payload.data, c->will.payload.len);
    }
    if (c->username.data != NULL) {
        cleat_mqtt_text_encode(w, c->username.data, c->username.len);
    }
    if (c->password.data != NULL) {
        cleat_mqtt_text_encode(w, c->password.data, c->password.len);
    }
}

uint32_t cleat_mqtt_connect_encode(const struct cleat_mqtt_version *v,
                                   const struct cleat_mqtt_config *config) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    body_encode(v, &w, config);
    uint8_t *begin = config->rx_buf;
    const uint8_t *at =
        cleat_mqtt_header_encode(begin, CLEAT_MQTT_P_CONNECT, (uint32_t)w.len);
    uint32_t head = (uint32_t)(at - begin);
    uint32_t total = head + (uint32_t)w.len;
    w = cleat_writer_of(begin, config->rx_cap);
    w.len = head;
    body_encode(v, &w, config);
    return CLEAT_MQTT5 && w.failed && total <= config->rx_cap ? 0 : total;
}
