/* SPDX-License-Identifier: MIT */
/* The answering side of requests and answers, [MQTT5-4.10]; the asking one is
 * in request.c. */
#include <string.h>

#include "cleat/mqtt_request.h"

int cleat_mqtt_return_of(const struct cleat_mqtt_event *message,
                         struct cleat_bytes allowed,
                         struct cleat_mqtt_return *out) {
    struct cleat_mqtt_property p;
    memset(out, 0, sizeof *out);
    if (!cleat_mqtt_property_find(message->props, CLEAT_MQTT_RESPONSE_TOPIC,
                                  &p)) {
        return CLEAT_ERR_NOT_FOUND;
    }
    if (!cleat_mqtt_topic_valid(p.text)) { /* [MQTT5-3.3.2-14] */
        return CLEAT_ERR_PROTO;
    }
    if (allowed.len > 0 && !cleat_mqtt_topic_match(allowed, p.text)) {
        return CLEAT_ERR_DENIED;
    }
    out->topic = p.text;
    if (cleat_mqtt_property_find(message->props, CLEAT_MQTT_CORRELATION_DATA,
                                 &p)) {
        out->correlation = p.text;
        out->correlated = true;
    }
    return 0;
}

int cleat_mqtt_return_keep(struct cleat_mqtt_return *to, uint8_t *buf,
                           size_t cap) {
    struct cleat_writer w = cleat_writer_of(buf, cap);
    cleat_write_bytes(&w, to->topic);
    cleat_write_bytes(&w, to->correlation);
    if (w.failed) {
        return CLEAT_ERR_SIZE;
    }
    to->topic.data = buf;
    to->correlation.data = buf + to->topic.len;
    return 0;
}

int cleat_mqtt_respond(struct cleat_mqtt *s, const struct cleat_mqtt_return *to,
                       const struct cleat_mqtt_message *answer,
                       uint64_t now_ms) {
    struct cleat_mqtt_property props[CLEAT_MQTT_REQUEST_PROPS_MAX + 1];
    struct cleat_mqtt_message m = *answer;
    if (s->v5 == NULL) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (m.prop_count > CLEAT_MQTT_REQUEST_PROPS_MAX) {
        return CLEAT_ERR_ARG;
    }
    memset(props, 0, sizeof props);
    if (m.prop_count > 0) {
        memcpy(props, m.props, m.prop_count * sizeof props[0]);
    }
    if (to->correlated) { /* [MQTT5-3.3.2-15], [MQTT5-3.3.2-16] */
        props[m.prop_count].id = CLEAT_MQTT_CORRELATION_DATA;
        props[m.prop_count++].text = to->correlation;
    }
    m.topic = to->topic;
    m.props = props;
    return cleat_mqtt_send(s, &m, now_ms);
}
