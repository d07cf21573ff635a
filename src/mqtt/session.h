/* SPDX-License-Identifier: MIT */
/*
 * What a session is made of, for its parts in session/ and for those files that
 * a program may leave out: v5.c, ack.c, source.c, restore.c.
 */
#ifndef CLEAT_MQTT_SESSION_H
#define CLEAT_MQTT_SESSION_H

#include "cleat/mqtt.h"
#include "mqtt/packet/packet.h"

enum session_state {
    SESSION_IDLE,       /* no network connection */
    SESSION_OVER,       /* refused, failed or closed: wait for lost() */
    SESSION_CONNECTING, /* CONNECT is queued or sent */
    SESSION_UP          /* CONNACK has accepted us */
};

/* @return true from connect() to the end of the connection. */
static inline bool cleat_mqtt_is_alive(const struct cleat_mqtt *s) {
    return s->state >= SESSION_CONNECTING;
}

/* What is spoken. NULL: 3.1.1, known at compile time in a build without 5. */
static inline const struct cleat_mqtt_version *
cleat_mqtt_version(const struct cleat_mqtt *s) {
    return CLEAT_MQTT5 ? s->v5 : NULL;
}

/* What CLEAT_MQTT_EXTRAS has more: there is none of it in a build without. */
static inline const struct cleat_mqtt_journal *
cleat_mqtt_journal(const struct cleat_mqtt *s) {
    return CLEAT_MQTT_EXTRAS ? s->config->journal : NULL;
}
static inline struct cleat_mqtt_unacked *
cleat_mqtt_unacked(const struct cleat_mqtt *s) {
    return CLEAT_MQTT_EXTRAS ? s->config->unacked : NULL;
}
static inline bool cleat_mqtt_is_held(const struct cleat_mqtt *s) {
    return CLEAT_MQTT_EXTRAS && s->held;
}

/* Connected, in 3.1.1, and neither closing nor waiting for the caller's
 * acknowledgements: what is done in a hurry looks at nothing else. */
static inline void cleat_mqtt_leave_plain(struct cleat_mqtt *s) {
    if (CLEAT_MQTT_FAST) {
        s->plain = false;
    }
}

/* A packet longer than this needs a closer look. */
static inline uint32_t cleat_mqtt_rx_max(const struct cleat_mqtt *s) {
    return CLEAT_MQTT5 ? s->rx_max : (uint32_t)s->config->rx_cap;
}

enum rx_state {
    RX_PACKET,  /* a packet, or all of a PUBLISH in front of its payload */
    RX_ID,      /* PUBLISH: the packet id behind a topic that was dropped */
    RX_PAYLOAD, /* PUBLISH: a piece of its payload, behind that */
    RX_TOPIC,   /* PUBLISH: a character of a topic too long for rx_buf, which is
                   checked and dropped */
    RX_PROPS,   /* MQTT 5: a byte of properties too long for it, the same */
    RX_SKIP,    /* dropping: the payload behind it; SKIPPED follows */
    RX_DROP,    /* dropping: the payload of a message delivered before */
    RX_PASS     /* dropping: that of a QoS 2 message too many, which is neither
                   delivered nor acknowledged */
};

/* What a slot holds. An acknowledgement is numbered as what it is for: see
 * on_ack(). */
enum slot_kind {
    KIND_QOS0,
    KIND_QOS1,
    KIND_QOS2,
    KIND_PUBREL, /* was KIND_QOS2; its bytes are the PUBREL now */
    KIND_SUBSCRIBE,
    KIND_UNSUBSCRIBE,
    KIND_ONCE /* MQTT 5: no answer comes, and only for this connection */
};
#define SLOT_KIND_MASK 0x07u

/* State of a slot. */
#define SLOT_FREE 0x00u
#define SLOT_QUEUED 0x08u /* to be sent on this connection */
#define SLOT_SENT 0x10u   /* acknowledgement is due */
#define SLOT_DONE 0x18u   /* to be told as DELIVERED, then free */
#define SLOT_STATE_MASK 0x18u

/* Behind the head is no payload, but the address of a struct
 * cleat_mqtt_source. */
#define SLOT_SOURCE (CLEAT_MQTT_EXTRAS ? 0x40u : 0u)
#define SLOT_TRIED 0x80u /* sent, perhaps in part, on an earlier connection */

/* PINGREQ and DISCONNECT always fit into ctl behind the acknowledgements. */
#define CTL_RESERVED 6u

static inline enum slot_kind
cleat_mqtt_slot_kind(const struct cleat_mqtt_slot *slot) {
    return (enum slot_kind)(slot->flags & SLOT_KIND_MASK);
}

static inline uint32_t
cleat_mqtt_slot_state(const struct cleat_mqtt_slot *slot) {
    return slot->flags & SLOT_STATE_MASK;
}

static inline void cleat_mqtt_slot_set(struct cleat_mqtt_slot *slot,
                                       uint32_t state) {
    slot->flags = (uint8_t)((slot->flags & ~SLOT_STATE_MASK) | state);
}

/* Is such a packet done with once it is sent? */
static inline bool cleat_mqtt_slot_is_once(const struct cleat_mqtt_slot *slot) {
    return cleat_mqtt_slot_kind(slot) == KIND_QOS0 ||
           (CLEAT_MQTT5 && cleat_mqtt_slot_kind(slot) == KIND_ONCE);
}

/* Is it only to be told? With QoS 1 of 3.1.1 alone none ever is. */
static inline bool cleat_mqtt_slot_is_done(const struct cleat_mqtt_slot *slot) {
    return (CLEAT_MQTT_QOS2 || CLEAT_MQTT5) &&
           cleat_mqtt_slot_state(slot) == SLOT_DONE;
}

/* --- session/tx.c -------------------------------------------------------- */

/* Room for a packet of len bytes that leaves `reserve` bytes, and then a slot
 * too, free. @return 0, CLEAT_ERR_SIZE or _FULL. */
int cleat_mqtt_tx_make_room(struct cleat_mqtt *s, size_t len, size_t reserve);
/* Where to write it, and then: it is there, put it in line. */
static inline uint8_t *cleat_mqtt_tx_end(const struct cleat_mqtt *s) {
    return s->config->tx_buf + s->tx_used;
}
struct cleat_mqtt_slot *cleat_mqtt_tx_add(struct cleat_mqtt *s, size_t len,
                                          uint32_t flags, uint16_t id);
/* The packet added last goes out before all that were not begun. */
void cleat_mqtt_tx_last_to_front(struct cleat_mqtt *s);
/* @return the slot in use by that id, or NULL. */
struct cleat_mqtt_slot *cleat_mqtt_tx_find(const struct cleat_mqtt *s,
                                           uint16_t id);
static inline bool cleat_mqtt_tx_ack_fits(const struct cleat_mqtt *s) {
    return s->ctl_len <= sizeof s->ctl - CLEAT_MQTT_ACK_LEN - CTL_RESERVED;
}
/* --- session/qos2.c ------------------------------------------------------- */

/* Remember the id of a message received at QoS 2. @return false: no room. */
bool cleat_mqtt_qos2_remember(struct cleat_mqtt *s, uint16_t id);

/* --- end.c ---------------------------------------------------------------- */

/* Room for so many bytes behind what waits in ctl. */
static inline uint8_t *cleat_mqtt_ctl_add(struct cleat_mqtt *s, uint32_t len) {
    uint8_t *at = s->ctl + s->ctl_len;
    if (s->ctl_len == 0) {
        s->progress_ms = (uint32_t)s->now_ms;
    }
    s->ctl_len += len;
    return at;
}
/* In the order in which the packets came, [MQTT-4.6.0-2] to [MQTT-4.6.0-4]. */
static inline void cleat_mqtt_ctl_ack(struct cleat_mqtt *s, uint8_t first,
                                      uint16_t id) {
    if (s->state == SESSION_UP && !s->ctl_last) {
        cleat_mqtt_ack_encode(cleat_mqtt_ctl_add(s, CLEAT_MQTT_ACK_LEN), first,
                              id);
    }
}
/* The same, out of line. */
void cleat_mqtt_tx_ack(struct cleat_mqtt *s, uint8_t first, uint16_t id);
/* A packet of two bytes: PINGREQ, DISCONNECT, which under MQTT 5 may have a
 * reason code. */
void cleat_mqtt_tx_ctl(struct cleat_mqtt *s, uint8_t first);
/* CONNECT is sent, or there is no use for it any more: wipe it. */
void cleat_mqtt_connect_end(struct cleat_mqtt *s);
/* The connection is over: the next event tells it. A code of the broker's goes
 * into end_code afterwards. */
void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            const char *text);
/* Tell the journal. @return what it said. */
int cleat_mqtt_session_note(struct cleat_mqtt *s, enum cleat_mqtt_note what,
                            uint16_t id);

/* --- session/tx.c, again -------------------------------------------------- */

/* SUBSCRIBE and UNSUBSCRIBE. @return the id, or an error. */
int cleat_mqtt_session_request(struct cleat_mqtt *s,
                               struct cleat_mqtt_request *q, uint64_t now_ms);

#endif
