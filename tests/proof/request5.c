/* SPDX-License-Identifier: MIT */
/* SUBSCRIBE and UNSUBSCRIBE of MQTT 5 with properties, into what they need and
 * into less. */
/* slevel 4000 */
#include "props.h"

static uint8_t room[64];

static void request(uint8_t first, const void *filters) {
    struct cleat_mqtt_request q = {0};
    q.first = first;
    q.id = (uint16_t)Frama_C_interval(1, 65535);
    q.filters = filters;
    q.count = 1;
    q.props = props;
    q.prop_count = PROP_COUNT;
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    (void)cleat_mqtt_subscribe_encode(&cleat_mqtt_v5, &w, &q);
    size_t cap = any_room(w.len, 8);
    w = cleat_writer_of(room + sizeof room - cap, cap);
    (void)cleat_mqtt_subscribe_encode(&cleat_mqtt_v5, &w, &q);
}

int main(void) {
    struct cleat_mqtt_filter filter = {{text, 2}, 0};
    bool subscribe = Frama_C_interval(0, 1) != 0;
    //@ split subscribe;
    any_props();
    filter.qos = any_u8();
    if (subscribe) {
        request(CLEAT_MQTT_P_SUBSCRIBE, &filter);
    } else {
        request(CLEAT_MQTT_P_UNSUBSCRIBE, &filter.filter);
    }
    return 0;
}
