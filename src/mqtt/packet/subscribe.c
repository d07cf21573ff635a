/* SPDX-License-Identifier: MIT */
/* SUBSCRIBE and UNSUBSCRIBE out, which differ by the QoS behind each filter. */
#include "mqtt/packet/packet.h"

bool cleat_mqtt_subscribe_encode(const struct cleat_mqtt_version *v,
                                 struct cleat_writer *w,
                                 const struct cleat_mqtt_request *q) {
    bool sub = q->first == CLEAT_MQTT_P_SUBSCRIBE;
    size_t stride =
        sub ? sizeof(struct cleat_mqtt_filter) : sizeof(struct cleat_bytes);
    const uint8_t *at = (const uint8_t *)q->filters;
    cleat_write_u16(w, q->id);
    if (cleat_mqtt_is_5(v)) {
        v->props_encode(w, 1u << (q->first >> 4), NULL, q->props,
                        q->prop_count);
    }
    for (size_t i = 0; i < q->count; i++, at += stride) {
        /* A filter is the first member of a struct cleat_mqtt_filter. */
        const struct cleat_bytes *filter = (const void *)at;
        const struct cleat_mqtt_filter *wanted = (const void *)at;
        if ((cleat_mqtt_text_check(filter->data, filter->len) &
             CLEAT_MQTT_NO_FILTER) != 0) {
            return false;
        }
        cleat_mqtt_text_encode(w, filter->data, filter->len);
        if (!sub) {
            continue;
        }
        if (wanted->qos > 2 && !cleat_mqtt_is_5(v)) {
            return false;
        }
        uint8_t qos = wanted->qos;
        if (!CLEAT_MQTT_QOS2 && (qos & 3u) == 2) {
            qos--;
        }
        cleat_write_u8(w, qos);
    }
    return true;
}
