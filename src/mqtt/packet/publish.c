/* SPDX-License-Identifier: MIT */
/* PUBLISH, both ways. Its payload may be larger than any buffer and travels in
 * pieces; here is what stands in front of it. */
#include <string.h>

#include "mqtt/packet/packet.h"

static uint8_t *props_encode(const struct cleat_mqtt_version *v, uint8_t *at,
                             const struct cleat_mqtt_message *m,
                             size_t length) {
    struct cleat_writer w = cleat_writer_of(at, length);
    v->props_encode(&w, m->props, m->prop_count);
    return at + w.len;
}

uint8_t *cleat_mqtt_publish_encode(const struct cleat_mqtt_version *v,
                                   uint8_t *at,
                                   const struct cleat_mqtt_message *m,
                                   size_t length, uint16_t id) {
    size_t topic_len = m->topic.len;
    uint32_t first = CLEAT_MQTT_P_PUBLISH | ((uint32_t)m->qos << 1) |
                     (m->retain ? CLEAT_MQTT_F_RETAIN : 0u);
    at = cleat_mqtt_header_encode(at, (uint8_t)first, (uint32_t)length);
    at[0] = (uint8_t)(topic_len >> 8);
    at[1] = (uint8_t)topic_len;
    memcpy(at + 2, m->topic.data, topic_len);
    at += 2 + topic_len;
    if (m->qos > 0) { /* [MQTT-2.3.1-5]: none at QoS 0. */
        *at++ = (uint8_t)(id >> 8);
        *at++ = (uint8_t)id;
    }
    /* There is room: its length is in `length`. */
    return cleat_mqtt_is_5(v) ? props_encode(v, at, m, length) : at;
}

const char *cleat_mqtt_publish_decode(const struct cleat_mqtt_version *v,
                                      struct cleat_mqtt_packet *p,
                                      struct cleat_bytes body) {
    struct cleat_reader r = cleat_reader_of(body);
    bool has_id = CLEAT_MQTT_F_QOS(p->first) > 0;
    p->topic = cleat_read_text(&r);
    uint16_t id = p->id = has_id ? cleat_read_u16(&r) : 0;
    p->code = 0;
    p->props.len = 0;
    p->payload = cleat_read_bytes(&r, cleat_reader_left(&r));
    if (r.failed || (has_id && id == 0)) {
        return CLEAT_MQTT_WRONG(
            r.failed ? "publish topic longer than the packet"
                     : "publish with packet identifier 0 [MQTT-2.3.1-1]");
    }
    if (cleat_mqtt_is_5(v)) {
        const char *why = v->publish_decode(p, p->payload);
        if (why != NULL || p->topic.len == 0) {
            return why;
        }
    }
    if (!cleat_mqtt_topic_valid(p->topic)) {
        /* [MQTT-3.3.2-1], [MQTT-3.3.2-2], [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
        return CLEAT_MQTT_WRONG(
            p->topic.len == 0
                ? "publish with an empty topic [MQTT-4.7.3-1]"
                : "publish topic with wildcard, nul or ill-formed utf-8 "
                  "[MQTT-3.3.2-1]");
    }
    return NULL;
}
