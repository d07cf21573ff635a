/* SPDX-License-Identifier: MIT */
/* Every decoder of a packet's body on the same bytes, the first of which is
 * taken as the packet's first byte; what is accepted must hold what it says. */
#include <stdlib.h>

#include "mqtt/packet/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) {
        abort();
    }
}

static void try_publish(uint8_t first, struct cleat_bytes body) {
    struct cleat_mqtt_publish_head head;
    size_t head_len;
    struct cleat_bytes two =
        cleat_bytes_of(body.data, body.len < 2 ? body.len : 2);
    if (cleat_mqtt_publish_head_len(first, two, (uint32_t)body.len,
                                    &head_len) != NULL) {
        return;
    }
    expect(head_len <= body.len);
    if (cleat_mqtt_publish_head_decode(
            first, cleat_bytes_of(body.data, head_len), &head) == NULL) {
        expect(cleat_mqtt_topic_valid(head.topic));
        expect((head.id != 0) == (CLEAT_MQTT_F_QOS(first) > 0));
    }
}

static void try_length(struct cleat_bytes body) {
    struct cleat_reader r = cleat_reader_of(body);
    uint8_t shift = 0;
    uint32_t length = 0;
    bool done = false;
    while (cleat_reader_left(&r) > 0 && !done) {
        if (cleat_mqtt_header_length_decode(cleat_read_u8(&r), &shift, &length,
                                            &done) != NULL) {
            return;
        }
    }
    expect(length <= CLEAT_MQTT_LENGTH_MAX);
    if (done) {
        uint8_t room[8];
        struct cleat_writer w = cleat_writer_of(room, sizeof room);
        cleat_mqtt_header_encode(&w, 0, length);
        expect(!w.failed && w.len == r.pos + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct cleat_bytes body = cleat_bytes_of(data + 1, size - 1);
    struct cleat_bytes codes;
    uint16_t id;
    uint8_t code;
    bool present;
    if (cleat_mqtt_header_first_check(data[0]) == NULL) {
        (void)cleat_mqtt_header_length_check(data[0], (uint32_t)body.len);
    }
    try_length(body);
    try_publish(data[0], body);
    if (cleat_mqtt_connack_decode(body, &present, &code) == NULL) {
        expect(code <= 5 && !(present && code != 0));
    }
    if (cleat_mqtt_ack_decode(body, &id) == NULL) {
        expect(id != 0 && body.len == 2);
    }
    if (cleat_mqtt_suback_decode(body, &id, &codes) == NULL) {
        expect(id != 0 && codes.len == body.len - 2);
    }
    (void)cleat_mqtt_subscribe_count(cleat_bytes_of(data, size));
    return 0;
}
