/* SPDX-License-Identifier: MIT */
/*
 * What the parts of a session share: tx.c (queue of packets, and what goes out
 * next), rx.c (received bytes), session.c (commands, timers, events).
 */
#ifndef CLEAT_MQTT_SESSION_H
#define CLEAT_MQTT_SESSION_H

#include "cleat/mqtt.h"
#include "mqtt/packet/packet.h"

enum session_state {
    SESSION_IDLE,       /* no network connection */
    SESSION_CONNECTING, /* CONNECT is queued or sent */
    SESSION_UP,         /* CONNACK has accepted us */
    SESSION_OVER        /* refused, failed or closed: wait for lost() */
};

enum rx_state {
    RX_FIRST,      /* first byte of a packet */
    RX_LENGTH,     /* remaining length */
    RX_BODY,       /* a small packet, whole */
    RX_TOPIC_LEN,  /* PUBLISH: the two bytes in front of the topic */
    RX_HEAD,       /* PUBLISH: the rest of the variable header */
    RX_PAYLOAD,    /* PUBLISH: payload, going up */
    RX_SKIP_TOPIC, /* PUBLISH: a topic too long for rx_buf */
    RX_SKIP_ID,    /* and the packet id behind it */
    RX_SKIP,       /* and the payload; SKIPPED follows */
    RX_DUPLICATE,  /* PUBLISH: payload of a message that was delivered */
    RX_FULL        /* one QoS 2 message too many: the end, once the
                      acknowledgements are out, so that each connection gets
                      the exchange further */
};

/* What a slot holds. */
enum slot_kind {
    KIND_QOS0,
    KIND_QOS1,
    KIND_QOS2,
    KIND_PUBREL, /* was KIND_QOS2; its bytes are the PUBREL now */
    KIND_SUBSCRIBE,
    KIND_UNSUBSCRIBE
};

#define SLOT_KIND_MASK 0x0Fu
#define SLOT_TRIED 0x80u /* sent, perhaps in part, on an earlier connection */

enum slot_state {
    SLOT_FREE,
    SLOT_QUEUED, /* to be sent on this connection */
    SLOT_SENT,   /* acknowledgement is due */
    SLOT_DONE    /* to be told as DELIVERED, then free */
};

/* PINGREQ and DISCONNECT always fit into ctl behind the acknowledgements. */
#define CTL_RESERVED 4u

static inline enum slot_kind
cleat_mqtt_slot_kind(const struct cleat_mqtt_slot *slot) {
    return (enum slot_kind)(slot->flags & SLOT_KIND_MASK);
}

/* tx.c */
/* Room for a packet of len bytes that leaves `reserve` bytes, and then a slot
 * too, free. @return 0, CLEAT_ERR_SIZE or _FULL. */
int cleat_mqtt_tx_make_room(struct cleat_mqtt *s, size_t len, size_t reserve);
/* The packet added last goes out before all that were not begun. */
void cleat_mqtt_tx_last_to_front(struct cleat_mqtt *s);
/* Where to write it, and then: it is there. */
struct cleat_writer cleat_mqtt_tx_writer(struct cleat_mqtt *s);
void cleat_mqtt_tx_add(struct cleat_mqtt *s, size_t len, enum slot_kind kind,
                       uint16_t id);
uint16_t cleat_mqtt_tx_new_id(struct cleat_mqtt *s);
/* @return the slot in use by that id, or NULL. */
struct cleat_mqtt_slot *cleat_mqtt_tx_find(struct cleat_mqtt *s, uint16_t id);
/* @return true unless the packet was never sent, or is half sent. */
bool cleat_mqtt_tx_was_sent(const struct cleat_mqtt *s,
                            const struct cleat_mqtt_slot *slot);
/* Its acknowledgement is here. */
void cleat_mqtt_tx_free(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot);
void cleat_mqtt_tx_to_pubrel(struct cleat_mqtt *s,
                             struct cleat_mqtt_slot *slot);
bool cleat_mqtt_tx_ack_fits(const struct cleat_mqtt *s);
void cleat_mqtt_tx_ack(struct cleat_mqtt *s, uint8_t first, uint16_t id);
void cleat_mqtt_tx_ping(struct cleat_mqtt *s);
bool cleat_mqtt_tx_waits(const struct cleat_mqtt *s);
/* Make everything unacknowledged ready for the next connection. */
void cleat_mqtt_tx_rewind(struct cleat_mqtt *s);
/* The broker has lost the session: everything is new. */
void cleat_mqtt_tx_renew(struct cleat_mqtt *s);
/* @return the id of a slot to be told as DELIVERED and free it, or 0. */
uint16_t cleat_mqtt_tx_take_done(struct cleat_mqtt *s);

/* rx.c */
void cleat_mqtt_rx_reset(struct cleat_mqtt *s);
/* The pending message event has been taken. */
void cleat_mqtt_rx_taken(struct cleat_mqtt *s,
                         const struct cleat_mqtt_event *event);

/* session.c */
void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            uint8_t code, const char *text);
/* Bytes received now have become this event: fill in the rest. */
struct cleat_mqtt_event *
cleat_mqtt_session_event(struct cleat_mqtt *s, enum cleat_mqtt_event_type type);

#endif
