/* SPDX-License-Identifier: MIT */
/* PUBLISH of MQTT 5 with properties, in front of its payload, into exactly what
 * it says itself that it needs. */
/* slevel 4000 */
#include "props.h"

static uint8_t room[64];

static void publish(uint8_t qos, size_t topic_len) {
    struct cleat_mqtt_message m = {0};
    m.topic = cleat_bytes_of(text, topic_len);
    m.qos = qos;
    m.retain = Frama_C_interval(0, 1) != 0;
    m.props = props;
    m.prop_count = PROP_COUNT;
    size_t length = cleat_mqtt_publish_length(&cleat_mqtt_v5, &m);
    size_t total = cleat_mqtt_header_total(length);
    //@ split total;
    (void)cleat_mqtt_publish_encode(&cleat_mqtt_v5, room + sizeof room - total,
                                    &m, length,
                                    (uint16_t)Frama_C_interval(0, 65535));
}

int main(void) {
    int which = Frama_C_interval(0, 2);
    //@ split which;
    any_props();
    switch (which) {
    case 0:
        publish(0, 2);
        break;
    case 1:
        publish(1, 2);
        break;
    default: /* By its alias. */
        publish(0, 0);
        break;
    }
    return 0;
}
