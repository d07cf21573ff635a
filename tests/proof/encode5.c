/* SPDX-License-Identifier: MIT */
/* The properties of MQTT 5 out: one of any id and number with texts of up to 8
 * bytes, into what it needs and into less; and CONNECT's own. */
/* slevel 4000 */
#include "mqtt/properties.h"
#include "proof.h"

#define TEXT_MAX 8u

static uint8_t text[TEXT_MAX];

/* At the end of the array, so that nothing is behind it. */
static void into(size_t cap, const struct cleat_mqtt_config *c,
                 const struct cleat_mqtt_property *props, uint32_t count) {
    uint8_t room[32];
    struct cleat_writer w = cleat_writer_of(room + sizeof room - cap, cap);
    cleat_mqtt_properties_encode(&w, (uint32_t)Frama_C_interval(0, 0xFFFF), c,
                                 props, count);
}

static void encode(uint8_t id, size_t name_len, size_t value_len) {
    struct cleat_mqtt_property p;
    struct cleat_writer counted = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    p.id = id;
    p.number = Frama_C_unsigned_int_interval(0, UINT32_MAX);
    p.text = cleat_bytes_of(text, name_len);
    p.value = cleat_bytes_of(text, value_len);
    Frama_C_make_unknown((char *)text, sizeof text);
    cleat_mqtt_properties_encode(&counted, 0, NULL, &p, 1);
    size_t most = counted.len;
    //@ split most;
    into(most, NULL, &p, 1);
    into(most - 1, NULL, &p, 1);
    into(1, NULL, &p, 1);
    //@ merge most;
}

static bool is_text(uint32_t id) {
    return id == CLEAT_MQTT_CONTENT_TYPE || id == CLEAT_MQTT_RESPONSE_TOPIC ||
           id == CLEAT_MQTT_CORRELATION_DATA ||
           id == CLEAT_MQTT_ASSIGNED_CLIENT_ID ||
           id == CLEAT_MQTT_AUTH_METHOD || id == CLEAT_MQTT_AUTH_DATA ||
           id == CLEAT_MQTT_RESPONSE_INFORMATION ||
           id == CLEAT_MQTT_SERVER_REFERENCE || id == CLEAT_MQTT_REASON_STRING;
}

/* The two properties that follow from the settings of CONNECT. */
static void own(void) {
    struct cleat_mqtt_config c = {0};
    struct cleat_mqtt_property p = {0};
    p.id = CLEAT_MQTT_SESSION_EXPIRY;
    p.number = Frama_C_unsigned_int_interval(0, UINT32_MAX);
    c.receive_max = (uint16_t)Frama_C_interval(0, 65535);
    c.qos2_count = (uint16_t)Frama_C_interval(0, 65535);
    c.unacked_count = (uint16_t)Frama_C_interval(0, 65535);
    c.alias_count = (uint16_t)Frama_C_interval(0, 65535);
    into(16, &c, &p, 1);
    into(8, &c, &p, 1);
    into(7, &c, NULL, 0);
    into(5, &c, NULL, 0);
}

int main(void) {
    own();
    for (uint32_t id = 0; id <= 42; id++) {
        if (!is_text(id) && id != CLEAT_MQTT_USER_PROPERTY) {
            encode((uint8_t)id, 0, 0);
        }
        for (size_t len = 0; is_text(id) && len <= TEXT_MAX; len++) {
            encode((uint8_t)id, len, 0);
        }
    }
    for (size_t len = 0; len <= TEXT_MAX; len++) {
        encode(CLEAT_MQTT_USER_PROPERTY, len, TEXT_MAX - len);
        encode(CLEAT_MQTT_USER_PROPERTY, len, len);
    }
    encode((uint8_t)Frama_C_interval(43, 255), 0, 0);
    return 0;
}
