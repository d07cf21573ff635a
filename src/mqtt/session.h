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
    SESSION_OVER,       /* refused, failed or closed: wait for lost() */
    SESSION_CONNECTING, /* CONNECT is queued or sent */
    SESSION_UP          /* CONNACK has accepted us */
};

/* @return true from connect() to the end of the connection. */
static inline bool cleat_mqtt_is_alive(const struct cleat_mqtt *s) {
    return s->state >= SESSION_CONNECTING;
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
    RX_SKIP,    /* dropping: the payload behind it; SKIPPED follows */
    RX_DROP,    /* dropping: the payload of a message delivered before */
    RX_PASS     /* dropping: that of a QoS 2 message too many, which is neither
                   delivered nor acknowledged */
};

/* What a slot holds. */
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

#define SLOT_SOURCE                                                            \
    0x40u                /* behind the head is no payload, but the address of  \
                            a struct cleat_mqtt_source */
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

/* tx.c */
/* Room for a packet of len bytes that leaves `reserve` bytes, and then a slot
 * too, free. @return 0, CLEAT_ERR_SIZE or _FULL. */
int cleat_mqtt_tx_make_room(struct cleat_mqtt *s, size_t len, size_t reserve);
/* Where to write it, and then: it is there, put it in line. */
static inline uint8_t *cleat_mqtt_tx_end(const struct cleat_mqtt *s) {
    return s->config->tx_buf + s->tx_used;
}
struct cleat_mqtt_slot *cleat_mqtt_tx_add(struct cleat_mqtt *s, size_t len,
                                          uint32_t flags, uint16_t id);
/* MQTT 5: the request added last does not wait for messages that the server's
 * receive maximum holds back, [MQTT5-3.3.4-8]. */
void cleat_mqtt_tx_overtake(struct cleat_mqtt *s);
/* The packet added last goes out before all that were not begun. */
void cleat_mqtt_tx_last_to_front(struct cleat_mqtt *s);
uint16_t cleat_mqtt_tx_new_id(struct cleat_mqtt *s);
/* @return the slot in use by that id, or NULL. */
struct cleat_mqtt_slot *cleat_mqtt_tx_find(const struct cleat_mqtt *s,
                                           uint16_t id);
/* @return true unless the packet was never sent, or is half sent. */
bool cleat_mqtt_tx_was_sent(const struct cleat_mqtt *s,
                            const struct cleat_mqtt_slot *slot);
/* Its acknowledgement is here. */
void cleat_mqtt_tx_free(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot);
void cleat_mqtt_tx_to_pubrel(struct cleat_mqtt *s,
                             struct cleat_mqtt_slot *slot);
static inline bool cleat_mqtt_tx_ack_fits(const struct cleat_mqtt *s) {
    return s->ctl_len <= sizeof s->ctl - CLEAT_MQTT_ACK_LEN - CTL_RESERVED;
}
void cleat_mqtt_tx_ack(struct cleat_mqtt *s, uint8_t first, uint16_t id);
/* A packet of two bytes: PINGREQ, DISCONNECT. */
void cleat_mqtt_tx_ctl(struct cleat_mqtt *s, uint8_t first);
/* Give the DISCONNECT just queued its reason code. */
void cleat_mqtt_tx_bye(struct cleat_mqtt *s);
bool cleat_mqtt_tx_waits(const struct cleat_mqtt *s);
/* CONNECT is sent, or there is no use for it any more: wipe it. */
void cleat_mqtt_tx_connect_end(struct cleat_mqtt *s);
/* Make everything unacknowledged ready for the next connection. */
void cleat_mqtt_tx_rewind(struct cleat_mqtt *s);
/* The broker has lost the session: everything is new. */
void cleat_mqtt_tx_renew(struct cleat_mqtt *s);
/* Tell a slot as DELIVERED and free it. */
void cleat_mqtt_tx_take_done(struct cleat_mqtt *s,
                             struct cleat_mqtt_event *event);

/* rx.c */
void cleat_mqtt_rx_reset(struct cleat_mqtt *s);
/* The pending event is about received bytes: fill it in, go on behind it. */
void cleat_mqtt_rx_take(struct cleat_mqtt *s, struct cleat_mqtt_event *event);
/* Remember the id of a message received at QoS 2. @return false: no room. */
bool cleat_mqtt_rx_remember(struct cleat_mqtt *s, uint16_t id);
/* There is room again for a PUBLISH that was held. */
void cleat_mqtt_rx_resume(struct cleat_mqtt *s);
/* Forget them all. */
void cleat_mqtt_rx_forget(struct cleat_mqtt *s);
/* Forget one, if it is known: PUBREL. */
void cleat_mqtt_rx_release(struct cleat_mqtt *s, uint16_t id);
static inline uint8_t cleat_mqtt_rx_qos(const struct cleat_mqtt *s) {
    return (uint8_t)CLEAT_MQTT_F_QOS(s->rx.first);
}
/* Deliver this PUBLISH, or is it known already? @return how to go on. */
uint8_t cleat_mqtt_rx_admit(struct cleat_mqtt *s, uint8_t rx_state);
/* What a message at QoS 1 or 2 is answered with, once it is delivered. From
 * here on a QoS 2 message is known and not delivered again, [MQTT-4.3.3-2].
 * @return false if that could not be noted: it must not be delivered. */
bool cleat_mqtt_rx_acknowledge(struct cleat_mqtt *s);

/* large.c */
/* A packet that is not here as a whole, or does not fit rx_buf: r has read its
 * fixed header, or failed. *body becomes what is in front of a PUBLISH's
 * payload, once that is in rx_buf. @return what is wrong with it, or NULL. */
const char *cleat_mqtt_large_begin(struct cleat_mqtt *s, struct cleat_reader r,
                                   uint32_t length, struct cleat_bytes *body);
/* The id behind a topic that was dropped is in rx_buf. */
const char *cleat_mqtt_large_id(struct cleat_mqtt *s);
/* A character of such a topic is in rx_buf, or its first bytes are. @return
 * what is wrong with it, or NULL. */
const char *cleat_mqtt_large_topic(struct cleat_mqtt *s);
/* Are all bytes dropped that were to be? Then go on. */
void cleat_mqtt_large_dropped(struct cleat_mqtt *s);

/* answer.c */
/* A packet that is no PUBLISH is in s->rx. @return as above. */
const char *cleat_mqtt_answer_take(struct cleat_mqtt *s);

/* session.c */
/* The broker could not answer since the last byte came: that time does not
 * count. */
void cleat_mqtt_session_pause(struct cleat_mqtt *s);
/* The connection is over: the next event tells it. A code of the broker's goes
 * into end_code afterwards. */
void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            const char *text);
/* Tell the journal. @return what it said. */
int cleat_mqtt_session_note(struct cleat_mqtt *s, enum cleat_mqtt_note what,
                            uint16_t id);
/* SUBSCRIBE and UNSUBSCRIBE. @return the id, or an error. */
int cleat_mqtt_session_request(struct cleat_mqtt *s,
                               struct cleat_mqtt_request *q, uint64_t now_ms);

#endif
