/* SPDX-License-Identifier: MIT */
/* PUBLISH out; its decoder is inline, in packet.h. Its payload may be larger
 * than any buffer and travels in pieces; here is what stands in front of it. */
#include <string.h>

#include "mqtt/packet/packet.h"
#include "mqtt/topic.h"

static uint8_t *props_encode(const struct cleat_mqtt_version *v, uint8_t *at,
                             const struct cleat_mqtt_message *m,
                             size_t length) {
    struct cleat_writer w = cleat_writer_of(at, length);
    v->props_encode(&w, CLEAT_MQTT_IN_PUBLISH_OUT, NULL, m->props,
                    m->prop_count);
    return w.failed ? NULL : at + w.len;
}

static uint8_t *any_encode(const struct cleat_mqtt_version *v, uint8_t *at,
                           const struct cleat_mqtt_message *m, size_t length,
                           uint16_t id) {
    size_t topic_len = m->topic.len;
    bool by_alias = cleat_mqtt_is_5(v) && topic_len == 0;
    if (!by_alias && cleat_mqtt_text_check(m->topic.data, topic_len) != 0) {
        return NULL;
    }
    at = cleat_mqtt_header_encode(at, cleat_mqtt_publish_first(m),
                                  (uint32_t)length);
    at[0] = (uint8_t)(topic_len >> 8);
    at[1] = (uint8_t)topic_len;
    if (topic_len > 0) {
        memcpy(at + 2, m->topic.data, topic_len);
    }
    at += 2 + topic_len;
    if (m->qos > 0) { /* [MQTT-2.3.1-5]: none at QoS 0. */
        *at++ = (uint8_t)(id >> 8);
        *at++ = (uint8_t)id;
    }
    /* There is room: its length is in `length`. */
    return cleat_mqtt_is_5(v) ? props_encode(v, at, m, length) : at;
}

uint8_t *cleat_mqtt_publish_encode(const struct cleat_mqtt_version *v,
                                   uint8_t *at,
                                   const struct cleat_mqtt_message *m,
                                   size_t length, uint16_t id) {
    size_t last = m->topic.len - CLEAT_MQTT_WORD;
    const uint8_t *topic = m->topic.data;
    if (!CLEAT_MQTT_FAST || cleat_mqtt_is_5(v) || topic == NULL ||
        last > CLEAT_MQTT_TEXT_MAX - CLEAT_MQTT_WORD) {
        return any_encode(v, at, m, length, id);
    }
    /* As cleat_mqtt_publish_plain(), with the fallback where it is cheapest. */
    uint8_t *to = cleat_mqtt_header_encode(at, cleat_mqtt_publish_first(m),
                                           (uint32_t)length);
    to[0] = (uint8_t)(m->topic.len >> 8);
    to[1] = (uint8_t)m->topic.len;
    to += 2;
    size_t flags = cleat_mqtt_word_copy(to + last, topic + last) |
                   cleat_mqtt_word_copy(to, topic);
    for (size_t i = CLEAT_MQTT_WORD; i < last; i += CLEAT_MQTT_WORD) {
        flags |= cleat_mqtt_word_copy(to + i, topic + i);
    }
    if ((flags & CLEAT_MQTT_WORD_BAD) != 0) {
        return any_encode(v, at, m, length, id); /* Look again. */
    }
    to += m->topic.len;
    if (m->qos > 0) {
        *to++ = (uint8_t)(id >> 8);
        *to++ = (uint8_t)id;
    }
    return to;
}
