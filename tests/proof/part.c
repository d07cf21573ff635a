/* SPDX-License-Identifier: MIT */
/* The check of properties that do not fit rx_buf, a byte at a time: its begin,
 * and one step from every state that `reachable` describes, with any byte. That
 * a step leads to such a state again is asserted, so that this holds for any
 * number of bytes. */
/* slevel 4000 */
#include "mqtt/properties.h"
#include "mqtt/session.h"
#include "proof.h"

#define CAP 40u
#define ALIASES 3u
#define ALIAS_ROOM 10u
/* The last place in rx_buf where it may lie. */
#define BEHIND (CAP - sizeof(struct cleat_mqtt_part))
#define UNIT (sizeof(struct cleat_mqtt_part) - 5)
#define IN_TEXT 0x80u
#define LENGTH 0x40u

static uint8_t room[CAP];
static uint8_t alias_cells[ALIASES * ALIAS_ROOM];

/* May a state wait for its next byte? */
static bool reachable(const struct cleat_mqtt_part *p) {
    uint32_t texts = p->texts & 0x7Fu;
    if (p->texts == 0 || p->texts == LENGTH) {
        return p->n <= 4;
    }
    return texts >= 1 && texts <= 2 && p->n >= 1 &&
           p->n <= (p->texts > IN_TEXT ? 4 : 2);
}

/* on_part(), and where that leads. */
static void step(struct cleat_mqtt *s) {
    struct cleat_mqtt_part p;
    const char *why = cleat_mqtt_v5.on_part(s);
    if (why != NULL || s->rx_need == 0) {
        return;
    }
    bool good = s->rx_head <= CAP - sizeof p;
    //@ assert good == 1;
    memcpy(&p, room + s->rx_head, sizeof p);
    good = reachable(&p) && s->rx_state == RX_PROPS &&
           s->rx_len == s->rx_head + UNIT + p.n && s->rx_need == s->rx_len + 1;
    //@ assert good == 1;
}

static void session(struct cleat_mqtt *s, struct cleat_mqtt_config *c,
                    size_t topic_len) {
    c->rx_buf = room;
    c->rx_cap = CAP;
    c->alias_buf = alias_cells;
    c->alias_count = ALIASES;
    c->alias_room = ALIAS_ROOM;
    s->config = c;
    s->v5 = &cleat_mqtt_v5;
    s->rx.topic = cleat_bytes_of(room + 4, topic_len);
    s->rx_left = Frama_C_unsigned_int_interval(0, CLEAT_MQTT_LENGTH_MAX);
    Frama_C_make_unknown((char *)room, sizeof room);
    Frama_C_make_unknown((char *)alias_cells, sizeof alias_cells);
}

static void begin(uint8_t state, uint32_t rx_len, uint32_t length_len) {
    struct cleat_mqtt s = {0};
    struct cleat_mqtt_config c = {0};
    session(&s, &c, state == RX_ID ? 0 : (size_t)Frama_C_interval(0, 2));
    s.rx_state = state;
    s.rx_len = rx_len;
    s.rx.payload = cleat_bytes_of(room + rx_len - length_len, length_len);
    step(&s);
}

static void next(uint32_t head, uint8_t texts, uint8_t n, uint8_t id,
                 size_t topic_len) {
    struct cleat_mqtt s = {0};
    struct cleat_mqtt_config c = {0};
    struct cleat_mqtt_part p;
    session(&s, &c, topic_len);
    Frama_C_make_unknown((char *)&p, sizeof p);
    p.texts = texts;
    p.n = n;
    if (n > 0) {
        p.unit[0] = id;
    }
    memcpy(room + head, &p, sizeof p);
    /* The byte, which is any, too. */
    room[head + UNIT + n] = n > 0 ? any_u8() : id;
    s.rx_state = RX_PROPS;
    s.rx_head = head;
    s.rx_len = head + UNIT + n + 1u;
    s.rx_need = s.rx_len;
    s.total_len = Frama_C_unsigned_int_interval(0, CLEAT_MQTT_LENGTH_MAX);
    step(&s);
}

/* Every state between two bytes, behind the length. */
static void states(uint8_t id, size_t topic_len) {
    for (uint8_t n = 0; n <= 4; n++) {
        next(BEHIND, 0, n, id, topic_len);
    }
    for (uint8_t texts = 1; texts <= 2; texts++) {
        next(BEHIND, texts, 1, id, topic_len);
        next(BEHIND, texts, 2, id, topic_len);
        for (uint8_t n = 1; n <= 4; n++) {
            next(BEHIND, (uint8_t)(IN_TEXT | texts), n, id, topic_len);
        }
    }
}

/* Each kind of a last byte, where an alias is taken for a topic. */
static void last(size_t topic_len) {
    next(0, LENGTH, 0, any_u8(), topic_len);
    next(0, 0, 1, CLEAT_MQTT_PAYLOAD_FORMAT, topic_len);
    next(0, 0, 2, CLEAT_MQTT_TOPIC_ALIAS, topic_len);
    next(0, 0, 4, CLEAT_MQTT_MESSAGE_EXPIRY, topic_len);
    next(0, IN_TEXT | 1, 1, CLEAT_MQTT_CONTENT_TYPE, topic_len);
}

int main(void) {
    for (uint32_t length_len = 0; length_len <= 4; length_len++) {
        for (uint32_t rx_len = 6; rx_len < CAP; rx_len++) {
            begin(RX_PACKET, rx_len, length_len);
        }
    }
    begin(RX_ID, 2, 0);
    begin(RX_ID, 4, 0);
    for (uint8_t n = 0; n <= 4; n++) {
        next(BEHIND, LENGTH, n, any_u8(), 0);
    }
    for (size_t topic_len = 0; topic_len <= ALIAS_ROOM; topic_len++) {
        last(topic_len);
    }
    last(0xFFFF); /* Dropped. */
    for (uint8_t id = 0; id <= 42; id++) {
        states(id, 0);
    }
    states((uint8_t)Frama_C_interval(43, 255), 0);
    return 0;
}
