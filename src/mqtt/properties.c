/* SPDX-License-Identifier: MIT */
/* The properties of MQTT 5: one table says what each is and where it may stand,
 * for both directions. What is sent is written first and then checked by the
 * decoder. */
#include "mqtt/properties.h"

#include <string.h>

/* What a property holds, in the low half of its class: a number of one, two or
 * four bytes, or of a variable number of them; or one text or two. */
#define ONE 0u
#define TWO 1u
#define FOUR 2u
#define VARINT 3u
#define SIZE 3u /* a mask */
#define NOT_0 4u
#define IS_TEXT 8u
#define TEXT (IS_TEXT | 1u)
#define PAIR (IS_TEXT | 2u)
#define BYTES (TEXT | ANY)
#define ANY 4u /* need not be UTF-8 */

/* Where it may stand, in the high half: an index into this. */
#define W(type) (1u << (type))
#define CONNECT W(1)
#define CONNACK W(2)
#define PUBLISH (W(3) | CLEAT_MQTT_IN_PUBLISH_OUT)
#define ACKS (W(4) | W(5) | W(6) | W(7) | W(9) | W(11))
#define DISCONNECT (W(14) | CLEAT_MQTT_IN_DISCONNECT_OUT)
#define AUTH W(15)
enum place {
    NOWHERE,
    MESSAGE,
    MESSAGE_ONLY,
    NUMBERED,
    EXPIRES,
    BY_SERVER,
    AUTHENTICATION,
    BY_CLIENT,
    WILL_ONLY,
    REFERENCE,
    REASON,
    LIMITS,
    ANYWHERE
};
static const uint16_t places[] = {
    [MESSAGE] = PUBLISH | CLEAT_MQTT_IN_WILL,
    [MESSAGE_ONLY] = PUBLISH,
    [NUMBERED] = W(3) | W(8),
    [EXPIRES] = CONNECT | CONNACK | CLEAT_MQTT_IN_DISCONNECT_OUT,
    [BY_SERVER] = CONNACK,
    [AUTHENTICATION] = CONNECT | CONNACK | AUTH,
    [BY_CLIENT] = CONNECT,
    [WILL_ONLY] = CLEAT_MQTT_IN_WILL,
    [REFERENCE] = CONNACK | W(14),
    [REASON] = CONNACK | ACKS | DISCONNECT | AUTH,
    [LIMITS] = CONNECT | CONNACK,
    [ANYWHERE] = UINT16_MAX,
};

#define CLASS(place, kind) (uint8_t)((uint32_t)(place) << 4 | (kind))
static const uint8_t classes[] = {
    [CLEAT_MQTT_PAYLOAD_FORMAT] = CLASS(MESSAGE, ONE),
    [CLEAT_MQTT_MESSAGE_EXPIRY] = CLASS(MESSAGE, FOUR),
    [CLEAT_MQTT_CONTENT_TYPE] = CLASS(MESSAGE, TEXT),
    [CLEAT_MQTT_RESPONSE_TOPIC] = CLASS(MESSAGE, TEXT),
    [CLEAT_MQTT_CORRELATION_DATA] = CLASS(MESSAGE, BYTES),
    [CLEAT_MQTT_SUBSCRIPTION_ID] = CLASS(NUMBERED, VARINT | NOT_0),
    [CLEAT_MQTT_SESSION_EXPIRY] = CLASS(EXPIRES, FOUR),
    [CLEAT_MQTT_ASSIGNED_CLIENT_ID] = CLASS(BY_SERVER, TEXT),
    [CLEAT_MQTT_SERVER_KEEP_ALIVE] = CLASS(BY_SERVER, TWO),
    [CLEAT_MQTT_AUTH_METHOD] = CLASS(AUTHENTICATION, TEXT),
    [CLEAT_MQTT_AUTH_DATA] = CLASS(AUTHENTICATION, BYTES),
    [CLEAT_MQTT_REQUEST_PROBLEM] = CLASS(BY_CLIENT, ONE),
    [CLEAT_MQTT_WILL_DELAY] = CLASS(WILL_ONLY, FOUR),
    [CLEAT_MQTT_REQUEST_RESPONSE] = CLASS(BY_CLIENT, ONE),
    [CLEAT_MQTT_RESPONSE_INFORMATION] = CLASS(BY_SERVER, TEXT),
    [CLEAT_MQTT_SERVER_REFERENCE] = CLASS(REFERENCE, TEXT),
    [CLEAT_MQTT_REASON_STRING] = CLASS(REASON, TEXT),
    [CLEAT_MQTT_RECEIVE_MAX] = CLASS(LIMITS, TWO | NOT_0),
    [CLEAT_MQTT_TOPIC_ALIAS_MAX] = CLASS(LIMITS, TWO),
    [CLEAT_MQTT_TOPIC_ALIAS] = CLASS(MESSAGE_ONLY, TWO | NOT_0),
    [CLEAT_MQTT_MAX_QOS] = CLASS(BY_SERVER, ONE),
    [CLEAT_MQTT_RETAIN_AVAILABLE] = CLASS(BY_SERVER, ONE),
    [CLEAT_MQTT_USER_PROPERTY] = CLASS(ANYWHERE, PAIR),
    [CLEAT_MQTT_MAX_PACKET_SIZE] = CLASS(LIMITS, FOUR | NOT_0),
    [CLEAT_MQTT_WILDCARD_AVAILABLE] = CLASS(BY_SERVER, ONE),
    [CLEAT_MQTT_SUBSCRIPTION_IDS_AVAILABLE] = CLASS(BY_SERVER, ONE),
    [CLEAT_MQTT_SHARED_AVAILABLE] = CLASS(BY_SERVER, ONE),
};

/* @return its class, or 0 if there is none of that id. */
static uint32_t class_of(uint8_t id) {
    return id < sizeof classes ? classes[id] : 0;
}

/* A bit for each property that a packet can have: not two of them in one packet
 * share it. */
static uint32_t bit_of(uint32_t id) {
    return 1u << ((id + (id >> 5)) & 31u);
}

/* Read one. @return its class, as above. */
static uint32_t property_read(struct cleat_reader *r,
                              struct cleat_mqtt_property *p) {
    memset(p, 0, sizeof *p);
    p->id = cleat_read_u8(r);
    uint32_t class = class_of(p->id);
    uint32_t size = class & SIZE;
    if ((class & IS_TEXT) != 0) {
        struct cleat_bytes *text = &p->text;
        for (; size > 0; size--, text = &p->value) {
            *text = cleat_read_text(r);
        }
    } else if (size == VARINT) {
        p->number = cleat_mqtt_varint_decode(r);
    } else {
        uint32_t number = 0;
        for (uint32_t left = 1u << size; left > 0; left--) {
            number = number << 8 | cleat_read_u8(r);
        }
        p->number = number;
    }
    return class;
}

/* May its value be so? */
static inline bool property_valid(uint32_t class,
                                  const struct cleat_mqtt_property *p) {
    if ((class & IS_TEXT) == 0) {
        return (class & NOT_0) != 0 ? p->number != 0
                                    : (class & SIZE) != ONE || p->number <= 1;
    }
    if (p->id == CLEAT_MQTT_RESPONSE_TOPIC) { /* [MQTT5-3.3.2-14] */
        return cleat_mqtt_topic_valid(p->text);
    }
    return (class & ANY) != 0 ||
           (cleat_mqtt_utf8_valid(p->text) && cleat_mqtt_utf8_valid(p->value));
}

#define VALUE_WRONG "a property with a wrong value"
#define VALUE_ENDS "a property longer than the properties"

/* Its value is wrong. Of texts, and of the one number whose values the standard
 * only lists, that is malformed; other numbers break the protocol. */
static const char *value_wrong(uint32_t class, uint8_t id, uint8_t *reason) {
    if ((class & IS_TEXT) == 0 && id != CLEAT_MQTT_PAYLOAD_FORMAT) {
        *reason = id == CLEAT_MQTT_TOPIC_ALIAS ? CLEAT_MQTT_ALIAS_INVALID
                                               : CLEAT_MQTT_PROTOCOL;
    }
    return CLEAT_MQTT_WRONG(VALUE_WRONG);
}

/* May a property stand there, behind those seen? */
static inline const char *place_check(uint32_t class, uint8_t id,
                                      uint32_t where, uint32_t *seen,
                                      uint8_t *reason) {
    uint32_t bit = bit_of(id);
    if ((places[class >> 4] & where) == 0) {
        return CLEAT_MQTT_WRONG("a property that this packet cannot have "
                                "[MQTT5-2.2.2.2]");
    }
    if ((*seen & bit) != 0) {
        *reason = CLEAT_MQTT_PROTOCOL;
        return CLEAT_MQTT_WRONG("a property twice [MQTT5-2.2.2.2]");
    }
    /* Those that may be there again. */
    bool many = id == CLEAT_MQTT_USER_PROPERTY ||
                (id == CLEAT_MQTT_SUBSCRIPTION_ID && where == W(3));
    *seen |= many ? 0 : bit;
    return NULL;
}

const char *cleat_mqtt_properties_decode(struct cleat_reader *r, uint32_t where,
                                         struct cleat_bytes *props,
                                         uint8_t *reason) {
    uint32_t len = cleat_mqtt_varint_decode(r);
    uint32_t seen = 0;
    *props = cleat_read_bytes(r, len);
    if (r->failed) {
        return CLEAT_MQTT_WRONG("properties longer than the packet");
    }
    struct cleat_reader in = cleat_reader_of(*props);
    while (in.pos < in.len) {
        struct cleat_mqtt_property p;
        uint32_t class = property_read(&in, &p);
        const char *why = place_check(class, p.id, where, &seen, reason);
        if (why != NULL) {
            return why;
        }
        if (in.failed) {
            return CLEAT_MQTT_WRONG(VALUE_ENDS);
        }
        if (!property_valid(class, &p)) {
            return value_wrong(class, p.id, reason);
        }
    }
    /* [MQTT5-3.1.2.11.10]: no data without a method. */
    uint32_t data = bit_of(CLEAT_MQTT_AUTH_DATA);
    if ((seen & (data | bit_of(CLEAT_MQTT_AUTH_METHOD))) == data) {
        *reason = CLEAT_MQTT_PROTOCOL;
        return CLEAT_MQTT_WRONG("authentication data without a method");
    }
    return NULL;
}

/* --- byte by byte ----------------------------------------------------------
 */

/* Or'ed into texts: the length of this one was read. */
#define IN_TEXT 0x80u
static const char *number_part(struct cleat_mqtt_part *c,
                               struct cleat_reader *r, uint32_t class) {
    struct cleat_mqtt_property p;
    (void)property_read(r, &p);
    if (r->failed) {
        return c->n < sizeof c->unit ? NULL : CLEAT_MQTT_WRONG(VALUE_ENDS);
    }
    if (!property_valid(class, &p)) {
        return value_wrong(class, p.id, &c->reason);
    }
    if (p.id == CLEAT_MQTT_TOPIC_ALIAS) {
        c->alias = (uint16_t)p.number;
    }
    c->n = 0;
    return NULL;
}

/* The length of a text, or one byte more of it. */
static const char *text_part(struct cleat_mqtt_part *c, struct cleat_reader *r,
                             uint32_t class) {
    uint8_t id = cleat_read_u8(r);
    if ((c->texts & IN_TEXT) != 0) {
        c->left--;
    } else {
        c->left = cleat_read_u16(r);
        if (r->failed) {
            return NULL;
        }
        c->texts |= IN_TEXT;
        c->n = 1;
    }
    uint32_t bad =
        id == CLEAT_MQTT_RESPONSE_TOPIC ? UINT32_MAX : CLEAT_MQTT_NO_TEXT;
    if ((class & ANY) != 0 ||
        (cleat_mqtt_text_check(c->unit + 1, c->n - 1u) & bad) == 0) {
        c->n = 1;
    } else if (c->left == 0 || c->n == sizeof c->unit) {
        /* It would become valid with one to three bytes more, or never. */
        return CLEAT_MQTT_WRONG(VALUE_WRONG);
    }
    if (c->left == 0) {
        c->texts = (uint8_t)(c->texts - IN_TEXT - 1u);
        c->n = c->texts; /* The id stays for a second one. */
    }
    return NULL;
}

const char *cleat_mqtt_properties_part(struct cleat_mqtt_part *c,
                                       uint32_t left) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(c->unit, c->n));
    uint32_t class = class_of(c->unit[0]);
    const char *why = NULL;
    if (c->texts > 0) {
        why = text_part(c, &r, class);
    } else if (c->n > 1) {
        why = number_part(c, &r, class);
    } else {
        why = place_check(class, c->unit[0], W(3), &c->seen, &c->reason);
        c->texts = (class & IS_TEXT) != 0 ? class & SIZE : 0;
    }
    return why == NULL && left == 0 && c->n > 0 ? CLEAT_MQTT_WRONG(VALUE_ENDS)
                                                : why;
}

bool cleat_mqtt_property_next(struct cleat_bytes *rest,
                              struct cleat_mqtt_property *property) {
    struct cleat_reader r = cleat_reader_of(*rest);
    if (rest->len == 0 || property_read(&r, property) == 0 || r.failed) {
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

/* It may be so large that a decoder refuses it. */
static void varint_write(struct cleat_writer *w, uint32_t number) {
    uint8_t bytes[6];
    const uint8_t *end = cleat_mqtt_header_encode(bytes, 0, number);
    cleat_write_bytes(w, cleat_bytes_of(bytes + 1, (size_t)(end - bytes) - 1));
}

static void text_write(struct cleat_writer *w, const struct cleat_bytes *text) {
    if (text->len > UINT16_MAX || (text->data == NULL && text->len > 0)) {
        w->failed = true;
    }
    cleat_mqtt_text_encode(w, text->data, text->len);
}

/* What the decoder is to refuse is written all the same: an id that there is
 * none of, a varint that is too long. A number that has no room gets id 0. */
static void property_write(struct cleat_writer *w,
                           const struct cleat_mqtt_property *p) {
    uint32_t class = class_of(p->id);
    uint32_t size = class & SIZE;
    bool fits = (class & IS_TEXT) != 0 || size >= FOUR ||
                p->number >> (8u << size) == 0;
    cleat_write_u8(w, fits ? p->id : 0);
    if ((class & IS_TEXT) != 0) {
        const struct cleat_bytes *text = &p->text;
        for (; size > 0; size--, text = &p->value) {
            text_write(w, text);
        }
    } else if (size == VARINT) {
        varint_write(w, p->number);
    } else {
        for (uint32_t bits = 8u << size; bits > 0;) {
            bits -= 8;
            cleat_write_u8(w, (uint8_t)(p->number >> bits));
        }
    }
}

/* CONNECT has two properties that follow from other settings. */
static uint16_t receive_max(const struct cleat_mqtt_config *c) {
    uint32_t most = c->receive_max;
    if (most == 0) {
        most = c->qos2_count - (uint32_t)c->qos2_count / 4;
    }
    /* The smaller of the two that are there: 0 is none. */
    if (c->unacked_count - 1u < most - 1u) {
        most = c->unacked_count;
    }
    return (uint16_t)most;
}

void cleat_mqtt_properties_encode(struct cleat_writer *w, uint32_t where,
                                  const struct cleat_mqtt_config *c,
                                  const struct cleat_mqtt_property *props,
                                  uint32_t count) {
    struct cleat_writer len = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    struct cleat_writer *to = &len;
    size_t begin = w->len;
    uint16_t own[2] = {0, 0};
    if (c != NULL) {
        own[0] = receive_max(c);
        own[1] = c->alias_count;
    }
    for (;;) {
        for (uint32_t i = 0; i < 2; i++) {
            if (own[i] > 0) {
                cleat_write_u8(to, (uint8_t)(CLEAT_MQTT_RECEIVE_MAX + i));
                cleat_write_u16(to, own[i]);
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            property_write(to, &props[i]);
        }
        if (to == w) {
            break;
        }
        to = w;
        w->failed = w->failed || len.failed;
        varint_write(w, (uint32_t)len.len);
    }
    if (w->data != NULL && !w->failed && count > 0) {
        struct cleat_reader r =
            cleat_reader_of(cleat_bytes_of(w->data + begin, w->len - begin));
        struct cleat_bytes all;
        uint8_t reason;
        w->failed =
            cleat_mqtt_properties_decode(&r, where, &all, &reason) != NULL;
    }
}
