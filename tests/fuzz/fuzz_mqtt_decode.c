/* SPDX-License-Identifier: MIT */
/* The decoder of whole packets, and that of bodies on the same bytes, the first
 * of which is taken as the packet's; what is accepted must hold what it says.
 */
#include <stdlib.h>

#include "cleat/mqtt5.h"
#include "mqtt/packet/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) {
        abort();
    }
}

static void check(const struct cleat_mqtt_packet *p, struct cleat_bytes in) {
    bool publish = cleat_mqtt_is_publish(p->first);
    if (publish) {
        expect(cleat_mqtt_topic_valid(p->topic));
        expect(p->topic.data >= in.data &&
               p->topic.data + p->topic.len <= in.data + in.len);
        expect(p->payload.len == 0 ||
               p->payload.data + p->payload.len == in.data + in.len);
        expect((p->id != 0) == (CLEAT_MQTT_F_QOS(p->first) > 0));
    } else if (p->first == CLEAT_MQTT_P_CONNACK) {
        expect(p->code <= 5 && !(p->present && p->code != 0));
    } else if (p->first != CLEAT_MQTT_P_PINGRESP) {
        expect(p->id != 0);
    }
}

static void try_length(struct cleat_bytes in) {
    struct cleat_reader r = cleat_reader_of(in);
    uint8_t first;
    uint32_t length = 0;
    uint8_t room[8];
    if (cleat_mqtt_header_decode(NULL, &r, &first, &length) != NULL ||
        r.failed) {
        return;
    }
    expect(length <= CLEAT_MQTT_LENGTH_MAX);
    expect(cleat_mqtt_header_encode(room, 0, length) == room + r.pos);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cleat_bytes in = cleat_bytes_of(data, size);
    struct cleat_mqtt_packet p;
    if (size == 0) {
        return 0;
    }
    int five = cleat_mqtt_packet_decode(&cleat_mqtt_v5, &p, in);
    expect(five <= (int)size);
    if (five > 0) {
        struct cleat_mqtt_property property;
        struct cleat_bytes rest = p.props;
        expect(p.topic.len == 0 || cleat_mqtt_topic_valid(p.topic));
        while (cleat_mqtt_property_next(&rest, &property)) {
        }
        expect(rest.len == 0);
    }
    int n = cleat_mqtt_packet_decode(NULL, &p, in);
    expect(n <= (int)size);
    if (n > 0) {
        check(&p, cleat_bytes_of(data, (size_t)n));
    }
    try_length(in);
    p.first = data[0];
    if (cleat_mqtt_is_publish(data[0]) &&
        cleat_mqtt_body_decode(NULL, &p, cleat_bytes_of(data + 1, size - 1)) ==
            NULL) {
        check(&p, in);
    }
    return 0;
}
