/* SPDX-License-Identifier: MIT */
/* What a session collects in rx_buf: the front of a packet that ends there, of
 * one that does not yet, and of one that is too large, of up to 6 bytes in
 * 3.1.1 and of up to 4 in MQTT 5; a character of a topic that is dropped, and
 * the identifier behind it. */
/* slevel 1000 */
#include "cleat/mqtt5.h"
#include "proof.h"

/* Here for what it does not export. */
#include "mqtt/session.c"

static uint8_t rx[16];
static uint8_t tx[16];
static uint8_t aliases[2 * 6];
static struct cleat_mqtt_slot slots[2];
static uint16_t ids[2];
static struct cleat_mqtt_config config;
static struct cleat_mqtt session;

static void begin(const struct cleat_mqtt_version *v, size_t len) {
    config.rx_buf = rx;
    config.rx_cap = sizeof rx;
    config.tx_buf = tx;
    config.tx_cap = sizeof tx;
    config.slots = slots;
    config.slot_count = 2;
    config.qos2_ids = ids;
    config.qos2_count = 2;
    config.alias_buf = aliases;
    config.alias_count = 2;
    config.alias_room = 6;
    session.config = &config;
    session.v5 = v;
    session.rx_max = sizeof rx;
    session.state = (uint8_t)Frama_C_interval(SESSION_CONNECTING, SESSION_UP);
    //@ split session.state;
    session.rx_len = (uint32_t)len;
    session.rx_need = (uint32_t)len;
}

static void front_3(uint8_t *bytes, size_t len) {
    uint32_t used = 0;
    uint32_t type = Frama_C_unsigned_int_interval(0, 15);
    //@ split type;
    bytes[0] = (uint8_t)(type << 4 | Frama_C_unsigned_int_interval(0, 15));
    begin(NULL, len);
    (void)packet(&session, cleat_bytes_of(bytes, len), &used);
}

static void front_5(uint8_t *bytes, size_t len) {
    uint32_t used = 0;
    begin(&cleat_mqtt_v5, len);
    (void)packet(&session, cleat_bytes_of(bytes, len), &used);
}

/* One to four bytes, and any number to come. */
static void character(void) {
    uint32_t len = Frama_C_unsigned_int_interval(1, 4);
    //@ split len;
    begin(NULL, len);
    session.rx_state = RX_TOPIC;
    session.rx.first = any_u8();
    session.rx_left = Frama_C_unsigned_int_interval(0, CLEAT_MQTT_TEXT_MAX);
    session.total_len = Frama_C_unsigned_int_interval(0, CLEAT_MQTT_LENGTH_MAX);
    Frama_C_make_unknown((char *)rx, len);
    (void)topic_check(&session);
}

/* An empty topic, and an identifier above QoS 0. */
static void identifier(const struct cleat_mqtt_version *v, uint8_t qos) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(rx, qos > 0 ? 4 : 2));
    begin(v, r.len);
    session.rx_state = RX_ID;
    session.rx.first = (uint8_t)(CLEAT_MQTT_P_PUBLISH | qos << 1);
    session.rx_left = Frama_C_unsigned_int_interval(0, CLEAT_MQTT_LENGTH_MAX);
    if (qos > 0) {
        rx[2] = any_u8();
        rx[3] = any_u8();
    }
    (void)on_publish(&session, &r, true);
}

int main(void) {
    switch (Frama_C_interval(0, 13)) {
        CASE(1, front_3)
        CASE(2, front_3)
        CASE(3, front_3)
        CASE(4, front_3)
        CASE(5, front_3)
        CASE(6, front_3)
    case 7:
        WITH(1, front_5)
        break;
    case 8:
        WITH(2, front_5)
        break;
    case 9:
        WITH(3, front_5)
        break;
    case 10:
        WITH(4, front_5)
        break;
    case 11:
        identifier(NULL, (uint8_t)Frama_C_interval(0, 2));
        break;
    case 12:
        identifier(&cleat_mqtt_v5, (uint8_t)Frama_C_interval(0, 2));
        break;
    default:
        character();
        break;
    }
    return 0;
}
