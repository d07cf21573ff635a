/* SPDX-License-Identifier: MIT */
/* PUBLISH, both ways. Incoming, only its variable header is decoded here: the
 * payload may be larger than any buffer and goes upward in pieces. */
#include "mqtt/packet/packet.h"

size_t cleat_mqtt_publish_length(size_t topic_len, size_t payload_len,
                                 uint8_t qos) {
    return 2 + topic_len + (qos > 0 ? 2u : 0u) + payload_len;
}

void cleat_mqtt_publish_encode(struct cleat_writer *w, struct cleat_bytes topic,
                               struct cleat_bytes payload, uint8_t qos,
                               bool retain, uint16_t id) {
    size_t length = cleat_mqtt_publish_length(topic.len, payload.len, qos);
    uint32_t first = CLEAT_MQTT_P_PUBLISH | ((uint32_t)qos << 1) |
                     (retain ? CLEAT_MQTT_F_RETAIN : 0u);
    cleat_mqtt_header_encode(w, (uint8_t)first, (uint32_t)length);
    cleat_mqtt_text_encode(w, topic);
    if (qos > 0) { /* [MQTT-2.3.1-5]: none at QoS 0. */
        cleat_write_u16(w, id);
    }
    cleat_write_bytes(w, payload);
}

const char *cleat_mqtt_publish_head_len(uint8_t first, struct cleat_bytes two,
                                        uint32_t length, size_t *head_len) {
    struct cleat_reader r = cleat_reader_of(two);
    uint16_t topic_len = cleat_read_u16(&r);
    *head_len = cleat_mqtt_publish_length(topic_len, 0,
                                          (uint8_t)CLEAT_MQTT_F_QOS(first));
    if (r.failed || *head_len > length) {
        return CLEAT_MQTT_WRONG("publish topic longer than the packet");
    }
    if (topic_len == 0) {
        return CLEAT_MQTT_WRONG("publish with an empty topic [MQTT-4.7.3-1]");
    }
    return NULL;
}

const char *
cleat_mqtt_publish_head_decode(uint8_t first, struct cleat_bytes head,
                               struct cleat_mqtt_publish_head *out) {
    struct cleat_reader r = cleat_reader_of(head);
    out->topic = cleat_read_bytes(&r, cleat_read_u16(&r));
    out->id = CLEAT_MQTT_F_QOS(first) > 0 ? cleat_read_u16(&r) : 0;
    if (r.failed || cleat_reader_left(&r) != 0) {
        return CLEAT_MQTT_WRONG("publish topic longer than the packet");
    }
    if (!cleat_mqtt_topic_valid(out->topic)) {
        /* [MQTT-3.3.2-1], [MQTT-3.3.2-2], [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
        return CLEAT_MQTT_WRONG(
            "publish topic with wildcard, nul or ill-formed utf-8 "
            "[MQTT-3.3.2-1]");
    }
    if (CLEAT_MQTT_F_QOS(first) > 0 && out->id == 0) {
        return CLEAT_MQTT_WRONG(
            "publish with packet identifier 0 [MQTT-2.3.1-1]");
    }
    return NULL;
}
