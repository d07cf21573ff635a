/* SPDX-License-Identifier: MIT */
/* PUBLISH, both ways. Its payload may be larger than any buffer and travels in
 * pieces; here is what stands in front of it. */
#include <string.h>

#include "mqtt/packet/packet.h"

size_t cleat_mqtt_publish_length(const struct cleat_mqtt_version *v,
                                 const struct cleat_mqtt_message *m) {
    size_t length = (m->qos > 0 ? 4u : 2u) + m->topic.len +
                    (m->source != NULL ? m->source->len : m->payload.len);
    if (cleat_mqtt_is_5(v)) {
        struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
        v->props_encode(&w, m->props, m->prop_count);
        length += w.len;
    }
    return length;
}

uint8_t *cleat_mqtt_publish_encode(const struct cleat_mqtt_version *v,
                                   uint8_t *at,
                                   const struct cleat_mqtt_message *m,
                                   size_t length, uint16_t id) {
    uint32_t first = CLEAT_MQTT_P_PUBLISH | ((uint32_t)m->qos << 1) |
                     (m->retain ? CLEAT_MQTT_F_RETAIN : 0u);
    at = cleat_mqtt_header_encode(at, (uint8_t)first, (uint32_t)length);
    *at++ = (uint8_t)(m->topic.len >> 8);
    *at++ = (uint8_t)m->topic.len;
    memcpy(at, m->topic.data, m->topic.len);
    at += m->topic.len;
    if (m->qos > 0) { /* [MQTT-2.3.1-5]: none at QoS 0. */
        *at++ = (uint8_t)(id >> 8);
        *at++ = (uint8_t)id;
    }
    if (cleat_mqtt_is_5(v)) { /* There is room: its length is in `length`. */
        struct cleat_writer w = cleat_writer_of(at, length);
        v->props_encode(&w, m->props, m->prop_count);
        at += w.len;
    }
    return at;
}

const char *cleat_mqtt_publish_decode(const struct cleat_mqtt_version *v,
                                      struct cleat_mqtt_packet *p,
                                      const struct cleat_reader *body) {
    struct cleat_reader r = *body;
    bool has_id = CLEAT_MQTT_F_QOS(p->first) > 0;
    p->topic = cleat_read_bytes(&r, cleat_read_u16(&r));
    if (has_id) {
        p->id = cleat_read_u16(&r);
    }
    if (r.failed) {
        return CLEAT_MQTT_WRONG("publish topic longer than the packet");
    }
    if (has_id && p->id == 0) {
        return CLEAT_MQTT_WRONG(
            "publish with packet identifier 0 [MQTT-2.3.1-1]");
    }
    if (cleat_mqtt_is_5(v)) {
        const char *why = v->publish_decode(p, &r);
        if (why != NULL) {
            return why;
        }
    } else if (CLEAT_TEXTS && p->topic.len == 0) {
        return CLEAT_MQTT_WRONG("publish with an empty topic [MQTT-4.7.3-1]");
    }
    p->payload = cleat_read_bytes(&r, r.len - r.pos);
    if (!cleat_mqtt_topic_valid(p->topic) &&
        (!cleat_mqtt_is_5(v) || p->topic.len > 0)) {
        /* [MQTT-3.3.2-1], [MQTT-3.3.2-2], [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
        return CLEAT_MQTT_WRONG(
            "publish topic with wildcard, nul or ill-formed utf-8 "
            "[MQTT-3.3.2-1]");
    }
    return NULL;
}
