/* SPDX-License-Identifier: MIT */
/* Every encoder. Those with a writer: into a buffer of every size up to 16, so
 * that running out of room is among the cases; those without: into exactly what
 * they are documented to need, the length that they say themselves. */
#include "proof.h"

static uint8_t text[2];

static struct cleat_bytes any_text(void) {
    return cleat_bytes_of(text, (size_t)Frama_C_interval(0, sizeof text));
}

static void request(uint8_t *room, size_t cap, uint8_t first,
                    const void *filters) {
    struct cleat_mqtt_request q = {0};
    struct cleat_writer w = cleat_writer_of(room, cap);
    q.first = first;
    q.id = (uint16_t)Frama_C_interval(1, 65535);
    q.filters = filters;
    q.count = 2;
    (void)cleat_mqtt_subscribe_encode(NULL, &w, &q);
}

static void texts(uint8_t *room, size_t cap) {
    struct cleat_mqtt_filter filters[2] = {{any_text(), 0}, {any_text(), 2}};
    struct cleat_bytes plain[2] = {any_text(), any_text()};
    struct cleat_writer w = cleat_writer_of(room, cap);
    Frama_C_make_unknown((char *)text, sizeof text);
    struct cleat_bytes any = any_text();
    cleat_mqtt_text_encode(&w, any.data, any.len);
    request(room, cap, CLEAT_MQTT_P_SUBSCRIBE, filters);
    request(room, cap, CLEAT_MQTT_P_UNSUBSCRIBE, plain);
}

/* A fixed header takes two bytes and up to five. */
static void header(void) {
    uint8_t room[5];
    (void)cleat_mqtt_header_encode(room, any_u8(),
                                   (uint32_t)Frama_C_interval(0, 127));
    (void)cleat_mqtt_header_encode(
        room, any_u8(), (uint32_t)Frama_C_interval(0, CLEAT_MQTT_LENGTH_MAX));
}

static void ack(void) {
    uint8_t room[CLEAT_MQTT_ACK_LEN];
    cleat_mqtt_ack_encode(room, any_u8(), (uint16_t)Frama_C_interval(0, 65535));
}

static void publish_into(uint8_t *room, uint8_t *topic, size_t n, uint8_t qos) {
    struct cleat_mqtt_message m = {0};
    uint16_t id = (uint16_t)Frama_C_interval(0, 65535);
    uint8_t *end;
    Frama_C_make_unknown((char *)topic, n);
    m.topic = cleat_bytes_of(topic, n);
    m.qos = qos;
    m.retain = Frama_C_interval(0, 1) != 0;
    size_t length = cleat_mqtt_publish_length(NULL, &m);
    if (Frama_C_interval(0, 1) != 0) {
        (void)cleat_mqtt_publish_encode(NULL, room, &m, length, id);
    } else { /* As a session does it first. */
        (void)cleat_mqtt_publish_plain(room, &m, length, id, &end);
    }
}

/* In front of the payload: 4 bytes and the topic, 2 more above QoS 0. */
#define PUBLISH(n, qos)                                                        \
    {                                                                          \
        uint8_t topic[n];                                                      \
        uint8_t room[4 + (n) + ((qos) > 0 ? 2 : 0)];                           \
        publish_into(room, topic, n, qos);                                     \
    }

static void publish(void) {
    PUBLISH(1, 0)
    PUBLISH(1, 1)
    PUBLISH(2, 2)
    PUBLISH(7, 0)
    PUBLISH(8, 1)
    PUBLISH(100, 2)
}

int main(void) {
    header();
    ack();
    publish();
    texts(NULL, 0);
    WITH_8(0, texts)
    WITH_8(8, texts)
    return 0;
}
