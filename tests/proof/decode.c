/* SPDX-License-Identifier: MIT */
/* Every decoder of a packet's body, on every body of up to 16 bytes. */
#include "proof.h"

static void body(uint8_t *bytes, size_t len) {
    struct cleat_mqtt_packet p;
    struct cleat_bytes view = cleat_bytes_of(bytes, len);
    struct cleat_reader r = cleat_reader_of(view);
    p.first = any_u8();
    p.topic = p.payload = p.props = cleat_bytes_of(NULL, 0);
    p.id = 0;
    (void)cleat_mqtt_ack_decode(&p, &r);
    r = cleat_reader_of(view);
    (void)cleat_mqtt_suback_decode(&p, &r);
    r = cleat_reader_of(view);
    (void)cleat_mqtt_publish_decode(NULL, &p, &r, false);
    r = cleat_reader_of(view);
    (void)cleat_mqtt_publish_decode(NULL, &p, &r, true);
    r = cleat_reader_of(view);
    if (cleat_mqtt_connack_decode(&p, &r) == NULL) {
        (void)cleat_mqtt_connack_text(p.code);
    }
}

int main(void) {
    body(NULL, 0);
    WITH_8(0, body)
    WITH_8(8, body)

    return 0;
}
