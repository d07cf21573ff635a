/* SPDX-License-Identifier: MIT */
/* The properties of MQTT 5: one table says what each is and where it may stand,
 * for both directions. What is sent is written first and then checked by the
 * decoder. */
#include "mqtt/properties.h"

enum kind { BIT, TWO, FOUR, VARINT, TEXT, BYTES, PAIR };

struct rule {
    uint8_t id;
    uint8_t kind;
    uint16_t where;
};

#define W(type) (uint16_t)(1u << (type))
#define WILL CLEAT_MQTT_IN_WILL
#define CONNECT W(1)
#define CONNACK W(2)
#define PUBLISH (W(3) | CLEAT_MQTT_IN_PUBLISH_OUT)
#define ACKS (W(4) | W(5) | W(6) | W(7) | W(9) | W(11))
#define SUBSCRIBE W(8)
#define UNSUBSCRIBE W(10)
#define DISCONNECT_IN W(14)
#define DISCONNECT_OUT CLEAT_MQTT_IN_DISCONNECT_OUT
#define AUTH W(15)

static const struct rule rules[] = {
    {CLEAT_MQTT_PAYLOAD_FORMAT, BIT, PUBLISH | WILL},
    {CLEAT_MQTT_MESSAGE_EXPIRY, FOUR, PUBLISH | WILL},
    {CLEAT_MQTT_CONTENT_TYPE, TEXT, PUBLISH | WILL},
    {CLEAT_MQTT_RESPONSE_TOPIC, TEXT, PUBLISH | WILL},
    {CLEAT_MQTT_CORRELATION_DATA, BYTES, PUBLISH | WILL},
    {CLEAT_MQTT_SUBSCRIPTION_ID, VARINT, W(3) | SUBSCRIBE},
    {CLEAT_MQTT_SESSION_EXPIRY, FOUR, CONNECT | CONNACK | DISCONNECT_OUT},
    {CLEAT_MQTT_ASSIGNED_CLIENT_ID, TEXT, CONNACK},
    {CLEAT_MQTT_SERVER_KEEP_ALIVE, TWO, CONNACK},
    {CLEAT_MQTT_AUTH_METHOD, TEXT, CONNECT | CONNACK | AUTH},
    {CLEAT_MQTT_AUTH_DATA, BYTES, CONNECT | CONNACK | AUTH},
    {CLEAT_MQTT_REQUEST_PROBLEM, BIT, CONNECT},
    {CLEAT_MQTT_WILL_DELAY, FOUR, WILL},
    {CLEAT_MQTT_REQUEST_RESPONSE, BIT, CONNECT},
    {CLEAT_MQTT_RESPONSE_INFORMATION, TEXT, CONNACK},
    {CLEAT_MQTT_SERVER_REFERENCE, TEXT, CONNACK | DISCONNECT_IN},
    {CLEAT_MQTT_REASON_STRING, TEXT,
     CONNACK | ACKS | DISCONNECT_IN | DISCONNECT_OUT | AUTH},
    {CLEAT_MQTT_RECEIVE_MAX, TWO, CONNECT | CONNACK},
    {CLEAT_MQTT_TOPIC_ALIAS_MAX, TWO, CONNECT | CONNACK},
    {CLEAT_MQTT_TOPIC_ALIAS, TWO, PUBLISH},
    {CLEAT_MQTT_MAX_QOS, BIT, CONNACK},
    {CLEAT_MQTT_RETAIN_AVAILABLE, BIT, CONNACK},
    {CLEAT_MQTT_USER_PROPERTY, PAIR,
     CONNECT | CONNACK | PUBLISH | WILL | ACKS | SUBSCRIBE | UNSUBSCRIBE |
         DISCONNECT_IN | DISCONNECT_OUT | AUTH},
    {CLEAT_MQTT_MAX_PACKET_SIZE, FOUR, CONNECT | CONNACK},
    {CLEAT_MQTT_WILDCARD_AVAILABLE, BIT, CONNACK},
    {CLEAT_MQTT_SUBSCRIPTION_IDS_AVAILABLE, BIT, CONNACK},
    {CLEAT_MQTT_SHARED_AVAILABLE, BIT, CONNACK},
};

static const struct rule *rule_of(uint8_t id) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].id == id) {
            return &rules[i];
        }
    }
    return NULL;
}

/* Read one. @return its rule, or NULL if there is none of that id. */
static const struct rule *property_read(struct cleat_reader *r,
                                        struct cleat_mqtt_property *p) {
    p->id = cleat_read_u8(r);
    p->number = 0;
    p->text = p->value = cleat_bytes_of(NULL, 0);
    const struct rule *rule = rule_of(p->id);
    if (rule == NULL) {
        return NULL;
    }
    switch ((enum kind)rule->kind) {
    case BIT:
        p->number = cleat_read_u8(r);
        break;
    case TWO:
        p->number = cleat_read_u16(r);
        break;
    case FOUR:
        p->number = cleat_read_u32(r);
        break;
    case VARINT:
        p->number = cleat_mqtt_varint_decode(r);
        break;
    case PAIR:
        p->text = cleat_read_bytes(r, cleat_read_u16(r));
        p->value = cleat_read_bytes(r, cleat_read_u16(r));
        break;
    case TEXT:
    case BYTES:
        p->text = cleat_read_bytes(r, cleat_read_u16(r));
        break;
    }
    return rule;
}

/* May its value be so? */
static bool property_valid(const struct rule *rule,
                           const struct cleat_mqtt_property *p) {
    switch (p->id) {
    case CLEAT_MQTT_SUBSCRIPTION_ID:
    case CLEAT_MQTT_RECEIVE_MAX:
    case CLEAT_MQTT_TOPIC_ALIAS:
    case CLEAT_MQTT_MAX_PACKET_SIZE:
        return p->number != 0;
    case CLEAT_MQTT_RESPONSE_TOPIC: /* [MQTT5-3.3.2-14] */
        return cleat_mqtt_topic_valid(p->text);
    default:
        break;
    }
    if (rule->kind == BIT) {
        return p->number <= 1;
    }
    return rule->kind == BYTES ||
           (cleat_mqtt_utf8_valid(p->text) && cleat_mqtt_utf8_valid(p->value));
}

const char *cleat_mqtt_properties_decode(struct cleat_reader *r, uint32_t where,
                                         struct cleat_bytes *props) {
    uint32_t len = cleat_mqtt_varint_decode(r);
    uint64_t seen = 0;
    *props = cleat_read_bytes(r, len);
    if (r->failed) {
        return CLEAT_MQTT_WRONG("properties longer than the packet");
    }
    struct cleat_reader in = cleat_reader_of(*props);
    while (cleat_reader_left(&in) > 0) {
        struct cleat_mqtt_property p;
        const struct rule *rule = property_read(&in, &p);
        if (rule == NULL || (rule->where & where) == 0) {
            return CLEAT_MQTT_WRONG("a property that this packet cannot have "
                                    "[MQTT5-2.2.2.2]");
        }
        uint64_t bit = UINT64_C(1) << p.id;
        bool many = p.id == CLEAT_MQTT_USER_PROPERTY ||
                    (p.id == CLEAT_MQTT_SUBSCRIPTION_ID && where == W(3));
        if ((seen & bit) != 0 && !many) {
            return CLEAT_MQTT_WRONG("a property twice [MQTT5-2.2.2.2]");
        }
        seen |= bit;
        if (in.failed || !property_valid(rule, &p)) {
            return CLEAT_MQTT_WRONG("a property with a wrong value");
        }
    }
    /* [MQTT5-3.1.2.11.10]: no data without a method. */
    bool data_alone = (seen >> CLEAT_MQTT_AUTH_DATA & 1u) != 0 &&
                      (seen >> CLEAT_MQTT_AUTH_METHOD & 1u) == 0;
    return in.failed || data_alone
               ? CLEAT_MQTT_WRONG(
                     "properties that do not end where they should")
               : NULL;
}

bool cleat_mqtt_property_next(struct cleat_bytes *rest,
                              struct cleat_mqtt_property *property) {
    struct cleat_reader r = cleat_reader_of(*rest);
    if (rest->len == 0 || property_read(&r, property) == NULL || r.failed) {
        return false;
    }
    *rest = cleat_bytes_of(rest->data + r.pos, rest->len - r.pos);
    return true;
}

bool cleat_mqtt_property_find(struct cleat_bytes props, uint8_t id,
                              struct cleat_mqtt_property *property) {
    while (cleat_mqtt_property_next(&props, property)) {
        if (property->id == id) {
            return true;
        }
    }
    return false;
}

/* --- encoding ------------------------------------------------------------ */

static void varint_write(struct cleat_writer *w, uint32_t value) {
    while (value >= 0x80u) {
        cleat_write_u8(w, (uint8_t)(value | 0x80u));
        value >>= 7;
    }
    cleat_write_u8(w, (uint8_t)value);
}

static void text_write(struct cleat_writer *w, struct cleat_bytes text) {
    if (text.len > UINT16_MAX || (text.data == NULL && text.len > 0)) {
        w->failed = true;
    }
    cleat_mqtt_text_encode(w, text);
}

void cleat_mqtt_property_write(struct cleat_writer *w,
                               const struct cleat_mqtt_property *p) {
    const struct rule *rule = rule_of(p->id);
    cleat_write_u8(w, p->id); /* An unknown one is refused by the decoder. */
    if (rule == NULL) {
        return;
    }
    switch ((enum kind)rule->kind) {
    case BIT:
        cleat_write_u8(w, p->number > 1 ? 2 : (uint8_t)p->number);
        break;
    case TWO:
        cleat_write_u16(w, p->number > UINT16_MAX ? 0 : (uint16_t)p->number);
        break;
    case FOUR:
        cleat_write_u32(w, p->number);
        break;
    case VARINT:
        varint_write(w, p->number > CLEAT_MQTT_LENGTH_MAX ? 0 : p->number);
        break;
    case PAIR:
        text_write(w, p->text);
        text_write(w, p->value);
        break;
    case TEXT:
    case BYTES:
        text_write(w, p->text);
        break;
    }
}

void cleat_mqtt_properties_write(struct cleat_writer *w,
                                 const struct cleat_mqtt_property *props,
                                 size_t count) {
    for (; count > 0; props++, count--) {
        cleat_mqtt_property_write(w, props);
    }
}

void cleat_mqtt_properties_length(struct cleat_writer *w,
                                  const struct cleat_writer *props) {
    w->failed = w->failed || props->failed;
    varint_write(w, (uint32_t)props->len);
}

void cleat_mqtt_properties_encode(struct cleat_writer *w,
                                  const struct cleat_mqtt_property *props,
                                  size_t count) {
    struct cleat_writer len = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    cleat_mqtt_properties_write(&len, props, count);
    cleat_mqtt_properties_length(w, &len);
    cleat_mqtt_properties_write(w, props, count);
}
