/* SPDX-License-Identifier: MIT */
/*
 * MQTT 3.1.1 client session: turns publish and subscribe calls into bytes, and
 * bytes into events. No socket, clock, thread or heap: the caller moves the
 * bytes and passes the time. One task owns a session and alone calls it.
 *
 * The loop of a caller (cleat/client.h is one):
 *
 *   connect once per network connection, then repeat:
 *     while output() is not empty:    write it; output_done(n)
 *     while there are received bytes: n = input(bytes); drain event()
 *     sleep until deadline(), readable or writable; then drain event()
 *   after a REFUSED, CLOSED or FAILED event, or a network error: close the
 *   network connection and call lost(); connect() again when there is a new
 * one.
 */
#ifndef CLEAT_MQTT_H
#define CLEAT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** deadline() of a session that waits for nothing. */
#define CLEAT_MQTT_NEVER UINT64_MAX
/** Largest remaining length of a packet, [MQTT 2.2.3]. */
#define CLEAT_MQTT_LENGTH_MAX 268435455u
/** SUBACK code of a filter that the broker refused. */
#define CLEAT_MQTT_SUBACK_REFUSED 0x80u

struct cleat_mqtt_version; /* MQTT 5, see cleat/mqtt5.h */
struct cleat_mqtt_property;

/** What the broker publishes for us when the connection breaks. */
struct cleat_mqtt_will {
    struct cleat_bytes topic; /**< Empty: no will. */
    struct cleat_bytes payload;
    const struct cleat_mqtt_property *props; /**< MQTT 5. */
    uint8_t prop_count;
    uint8_t qos;
    bool retain;
};

/** One packet that is queued or waits for its acknowledgement. Private. */
struct cleat_mqtt_slot {
    uint32_t offset; /* into tx_buf */
    uint16_t id;
    uint8_t flags; /* kind, state */
    uint8_t count; /* SUBSCRIBE: its filters */
};

/** What a journal is told, see struct cleat_mqtt_journal. */
enum cleat_mqtt_note {
    CLEAT_MQTT_NOTE_QUEUED,   /**< publish accepted this: keep id and packet. */
    CLEAT_MQTT_NOTE_PUBREC,   /**< The broker has the message (QoS 2): keep the
                                   id, the packet may go. */
    CLEAT_MQTT_NOTE_DONE,     /**< Acknowledged: forget the id. */
    CLEAT_MQTT_NOTE_QOS2_IN,  /**< A message received at QoS 2 is about to be
                                   acknowledged: keep the id. */
    CLEAT_MQTT_NOTE_QOS2_OUT, /**< The broker released the id: forget it. */
    CLEAT_MQTT_NOTE_NEW       /**< The broker has a new session: forget all
                                   ids received. */
};

/**
 * Keeps what must outlive the program, so that QoS 1 and 2 hold over a restart.
 * The session tells it each change before it acts on it; after a restart its
 * owner hands everything back with cleat_mqtt_restore() and its relatives,
 * before the first connect.
 */
struct cleat_mqtt_journal {
    /**
     * @param packet  QUEUED: the PUBLISH without DUP; if its payload comes from
     *                a source, only what is in front of that. Else empty.
     * @return 0, or a negative cleat_err. QUEUED: publish returns it and
     *         nothing is queued. PUBREC, QOS2_IN: the connection fails with it,
     *         and the broker sends again what was not noted; a message received
     *         comes up only then. DONE, QOS2_OUT and
     *         NEW go on all the same: at worst something is sent again.
     */
    int (*note)(void *arg, enum cleat_mqtt_note what, uint16_t id,
                struct cleat_bytes packet);
    void *arg;
};

/** A message that its receiver has not acknowledged yet. Private. */
struct cleat_mqtt_unacked {
    uint16_t id;
    uint8_t qos;
    uint8_t state; /* acknowledged, but not in its turn; reason code */
};

struct cleat_mqtt;

/** Settings. Zero the struct, then set what you need: zero is the default. The
 *  struct itself, which may lie in flash, and everything it points to must stay
 *  as long as the session and not change. */
struct cleat_mqtt_config {
    bool clean_session;    /**< Broker forgets us on every connection. */
    bool queue_offline;    /**< publish() also while not connected. */
    bool keep_alive_off;   /**< Send keep-alive 0 and no PINGREQ. */
    bool take_session;     /**< MQTT 5: a session that the broker has and this
                                struct never had (nor a journal) is ours: what
                                was under way when the program before ended may
                                be lost or doubled. Else it ends the connection,
                                as the standard wants it. */
    uint16_t keep_alive_s; /**< Default 60. */
    uint16_t first_id;     /**< First packet id; default 1. A random one makes
                                it unlikely that a restarted device with a
                                persistent session reuses one under way. */
    uint16_t slot_count;   /**< Of slots. */
    uint16_t inflight_max; /**< Most QoS 1 and 2 messages sent and not
                                acknowledged; 0: slot_count. */
    uint16_t qos2_count;   /**< Of qos2_ids; 20 is Mosquitto's default window.
                                If more messages are under way, the surplus is
                                passed over, see cleat_mqtt_surplus(). */
    uint32_t timeout_ms;   /**< For CONNACK, acknowledgements, PINGRESP, and
                                for output that makes no progress. Default
                                10000. */

    struct cleat_bytes client_id; /**< UTF-8. Empty: the broker assigns one;
                                       only with clean_session. */
    struct cleat_bytes username;  /**< UTF-8. data NULL: none. */
    struct cleat_bytes password;  /**< data NULL: none. Needs a username. */
    struct cleat_mqtt_will will;

    uint8_t *tx_buf; /**< Packets queued or unacknowledged. Required. */
    size_t tx_cap;   /**< Bytes; also the largest PUBLISH or SUBSCRIBE. */
    struct cleat_mqtt_slot *slots; /**< One per queued packet. Required. */
    size_t tx_reserve;  /**< Bytes (and, if not 0, one slot) that publish leaves
                             free for SUBSCRIBE and UNSUBSCRIBE. */
    uint8_t *rx_buf;    /**< Required; also holds CONNECT while it is sent,
                             so it must be as large (14 bytes and the texts,
                             each with 2 bytes more). */
    size_t rx_cap;      /**< A packet that is no larger arrives in one piece: a
                             message has 4 to 9 bytes beside topic and payload.
                             At least 16. */
    uint16_t *qos2_ids; /**< Incoming QoS 2 ids under way; may be NULL if QoS 2
                             is never subscribed to. */
    const struct cleat_mqtt_journal *journal; /**< Keeps QoS 1 and 2 over a
                                                   restart; may be NULL. */
    struct cleat_mqtt_unacked *unacked; /**< If set, pulling a message at QoS 1
                                             or 2 does not acknowledge it:
                                             cleat_mqtt_ack() does. */
    uint16_t unacked_count; /**< Of unacked: most messages that may wait for
                                 it; then nothing is received. */

    /* MQTT 5; all of it may stay zero. */
    const struct cleat_mqtt_version *v5;    /**< &cleat_mqtt_v5 to speak MQTT 5;
                                                 NULL: 3.1.1. */
    int (*fall_back)(struct cleat_mqtt *s); /**< cleat_mqtt_fall_back: if the
                                                 broker does not know MQTT 5
                                                 (CONNACK 1 or 0x84), 3.1.1 is
                                                 spoken from the next
                                                 connection on, and what is
                                                 queued goes out without
                                                 properties. NULL: never. */
    const struct cleat_mqtt_property *props; /**< Of CONNECT. Receive maximum
                                                  and topic alias maximum are
                                                  not given here. */
    uint8_t *alias_buf;   /**< Room for topic aliases of the broker: alias_count
                               times alias_room bytes. */
    uint16_t alias_count; /**< Aliases that the broker may use. */
    uint16_t alias_room;  /**< Longest topic of one, and 2 bytes. A message by
                               an alias whose topic was longer has no topic. */
    uint16_t receive_max; /**< Default: three quarters of qos2_count, so that a
                               broker may overrun it a little; at least 1. */
    uint8_t prop_count;   /**< Of props. */
};

/** What an event is about, and which members it fills. */
enum cleat_mqtt_event_type {
    CLEAT_MQTT_NONE = 0,
    CLEAT_MQTT_CONNECTED,    /**< session_present, session_lost. */
    CLEAT_MQTT_REFUSED,      /**< CONNACK code, detail. Connection is over. */
    CLEAT_MQTT_MESSAGE,      /**< A message, or a piece of one. Pulling the last
                                  piece acknowledges it. */
    CLEAT_MQTT_SKIPPED,      /**< A message whose topic does not fit rx_buf
                                  (MQTT 5: or its properties) was checked,
                                  acknowledged and dropped: total_len, id, qos.
                              */
    CLEAT_MQTT_DELIVERED,    /**< id: QoS 1 or 2 message is with the broker. */
    CLEAT_MQTT_SUBSCRIBED,   /**< id, codes: one per filter, 0 to 2 or
                                  CLEAT_MQTT_SUBACK_REFUSED. */
    CLEAT_MQTT_UNSUBSCRIBED, /**< id. */
    CLEAT_MQTT_AUTH,         /**< MQTT 5: code, props: answer with
                                  cleat_mqtt_auth(). */
    CLEAT_MQTT_CLOSED, /**< DISCONNECT is sent: close the connection now. */
    CLEAT_MQTT_FAILED  /**< err, detail: close the connection now. With
                            CLEAT_ERR_FULL connect again soon: what was passed
                            over comes then. */
};

/** What happened. Views lie in rx_buf or in the bytes handed in, and stay
 *  valid until the next cleat_mqtt_input() or cleat_mqtt_connect(), if the
 *  caller leaves those bytes alone. */
struct cleat_mqtt_event {
    enum cleat_mqtt_event_type type;
    bool session_present; /**< CONNECTED: the broker knew us. */
    bool session_lost;    /**< CONNECTED: we had a session and the broker did
                               not: subscribe again. Unacknowledged messages
                               are being sent as new ones. */
    uint8_t code;         /**< REFUSED: 1 to 5. MQTT 5: reason code of REFUSED,
                               DELIVERED (from 0x80 on: the broker did not take
                               the message), FAILED (of its DISCONNECT), AUTH.
                           */
    uint8_t qos;          /**< MESSAGE, SKIPPED. */
    bool retain;          /**< MESSAGE: it was kept by the broker. */
    bool dup;             /**< MESSAGE: may have been here before. */
    bool last;            /**< MESSAGE: offset + payload.len == total_len. */
    uint16_t id;          /**< Packet id, 0 for QoS 0. */
    struct cleat_bytes topic;
    struct cleat_bytes payload; /**< This piece of it. */
    uint32_t offset;    /**< Of the piece. 0: a message begins, drop what came
                             before of an unfinished one. */
    uint32_t total_len; /**< Bytes of the whole payload. */
    struct cleat_bytes codes; /**< SUBSCRIBED; MQTT 5: UNSUBSCRIBED. */
    struct cleat_bytes props; /**< MQTT 5: of the packet behind the event, see
                                   cleat_mqtt_property_next(). */
    int err;                  /**< FAILED, REFUSED: a negative cleat_err. */
    struct cleat_detail detail;
};

/** A packet as it was received. Private. */
struct cleat_mqtt_packet {
    uint8_t first; /* first byte of the packet */
    uint8_t code;  /* of CONNACK */
    bool present;  /* CONNACK: session present */
    uint16_t id;
    struct cleat_bytes topic;
    struct cleat_bytes payload; /* or the codes of SUBACK */
    struct cleat_bytes props;
};

/** One session. Allocate it anywhere; the fields are private. They are ordered
 *  by size, since a microcontroller reaches the first ones with less code. */
struct cleat_mqtt {
    const struct cleat_mqtt_config *config;
    uint8_t state;
    uint8_t rx_state;
    uint8_t pending; /* event that holds up input until it is taken, or NONE */
    bool connect;    /* ctl_len bytes of CONNECT are in rx_buf, and not ctl */
    bool closing;    /* disconnect() was called */
    bool ping;       /* PINGREQ is queued or sent, the answer is due */
    bool ctl_last;   /* DISCONNECT is in ctl or sent */
    bool held;       /* a PUBLISH is not taken until there is room in unacked */
    bool had_session; /* a CONNACK was accepted once */
    bool lost;        /* CONNECTED: the broker forgot the session */
    uint8_t end_type; /* how the connection ended, until it is told, or NONE */
    uint8_t end_code;
    int8_t end_err;
    uint8_t bye;    /* MQTT 5: reason code of our DISCONNECT */
    uint8_t limits; /* MQTT 5: what the server cannot do */
    bool plain;     /* connected in 3.1.1, not closing, and messages are
                       acknowledged at once */
    /* transmit */
    uint16_t slot_used;  /* slots in use, free ones between them included */
    uint16_t slot_first; /* all before it are free */
    uint16_t slot_next;  /* first slot to be sent, or slot_used */
    uint16_t waiting;    /* slots sent whose acknowledgement is due */
    uint16_t done;       /* slots to be told as DELIVERED */
    uint16_t next_id;
    uint16_t id_run;   /* so many ids from next_id on are known to be free */
    uint16_t send_max; /* most QoS 1 and 2 messages under way */
    uint16_t keep_alive_s; /* 0: off */
    uint16_t unacked_used;
    /* receive */
    uint16_t qos2_used;  /* ids that are remembered */
    uint16_t qos2_moved; /* of them, those that are not in their own place */
    uint16_t surplus;    /* QoS 2 messages passed over on this connection */
    uint16_t alias_max;  /* MQTT 5: of the server */
    struct cleat_mqtt_packet rx;
    uint64_t now_ms;  /* the last time seen; below lower halves of when things
                         happened */
    uint32_t sent_ms; /* last byte sent */
    uint32_t received_ms; /* last byte received */
    uint32_t progress_ms; /* output began to wait, or went on */
    uint32_t ack_ms;      /* an acknowledgement became due, or one came */
    uint32_t ctl_len;     /* bytes in ctl, or of CONNECT */
    uint32_t rx_len;      /* bytes in rx_buf */
    uint32_t rx_need;     /* bytes wanted in rx_buf before going on */
    uint32_t rx_left;     /* bytes of the packet behind those in rx_buf */
    /* What is used often lies below byte 128, where Thumb reaches it in two
     * bytes. */
    uint32_t slot_sent; /* bytes of slot_next that are sent */
    uint32_t tx_used;   /* end of the last packet in tx_buf */
    uint32_t ping_ms;   /* PINGREQ was queued */
    uint32_t rx_head;   /* bytes in rx_buf in front of the payload */
    uint32_t total_len, offset;
    const char *end_text;
    const struct cleat_mqtt_version *v5; /* NULL: 3.1.1 */
    uint32_t packet_max;                 /* MQTT 5: of the server; 0: none */
    uint32_t rx_max;      /* MQTT 5: the smaller of rx_cap and our maximum */
    uint32_t alias_known; /* MQTT 5: bit n: alias n + 1 is set */
    /* Acknowledgements, PINGREQ, DISCONNECT: six of the first or, where there
     * is RAM, those of a broker's usual window, to leave in one write. */
    uint8_t ctl[sizeof(void *) > 4 ? 96 : 32];
};

/**
 * Prepare a session. Nothing is sent yet.
 *
 * @return 0, or
 *         CLEAT_ERR_ARG   a buffer is missing, a text is not valid UTF-8, the
 *                         will topic has wildcards, QoS above 2, password
 *                         without username, empty client id without
 *                         clean_session;
 *         CLEAT_ERR_SIZE  a text above 65535 bytes, a time above 24 days, or
 *                         CONNECT does not fit rx_buf.
 */
int cleat_mqtt_init(struct cleat_mqtt *s,
                    const struct cleat_mqtt_config *config);

/**
 * A network connection stands: queue CONNECT. Drain the events before.
 * @return 0, or CLEAT_ERR_STATE if there was no cleat_mqtt_lost() since the
 *         last connection.
 */
int cleat_mqtt_connect(struct cleat_mqtt *s, uint64_t now_ms);

/**
 * The network connection is gone or closed. What the session needs for the
 * next one is kept; an unfinished incoming message is dropped and comes again
 * from its beginning if its QoS is 1 or 2.
 */
void cleat_mqtt_lost(struct cleat_mqtt *s, uint64_t now_ms);

/**
 * Hand in received bytes, split anywhere. Stops at an event: drain the events
 * and hand in the rest. Stops also while acknowledgements wait to be sent:
 * hand in the rest after cleat_mqtt_output_done().
 *
 * @return bytes consumed, 0..len, or CLEAT_ERR_PROTO when the broker broke the
 *         protocol (a FAILED event tells how), CLEAT_ERR_STATE when there is
 *         no connection or it is over.
 */
int cleat_mqtt_input(struct cleat_mqtt *s, struct cleat_bytes bytes,
                     uint64_t now_ms);

/** @return what to send now, empty if nothing. Valid until the next call. */
struct cleat_bytes cleat_mqtt_output(struct cleat_mqtt *s);
/** The first n bytes of cleat_mqtt_output() are on their way. Call it right
 *  after, before anything else. */
void cleat_mqtt_output_done(struct cleat_mqtt *s, size_t n, uint64_t now_ms);

/** Run the timers, and take the oldest event. @return true if there was one. */
bool cleat_mqtt_event(struct cleat_mqtt *s, struct cleat_mqtt_event *event,
                      uint64_t now_ms);
/** @return true if an event waits; unlike cleat_mqtt_event() runs no timer. */
inline bool cleat_mqtt_has_event(const struct cleat_mqtt *s) {
    return (s->pending | s->end_type |
            (CLEAT_MQTT_QOS2 || CLEAT_MQTT5 ? s->done : 0)) != 0;
}
/** @return when to call cleat_mqtt_event() if nothing else happens. Hand in
 *          what has arrived before that: it may be what is waited for. */
uint64_t cleat_mqtt_deadline(const struct cleat_mqtt *s);

/** @return true between CONNECTED and the end of the connection. */
bool cleat_mqtt_is_connected(const struct cleat_mqtt *s);
/** @return true while packets are queued or wait for an acknowledgement. */
bool cleat_mqtt_is_busy(const struct cleat_mqtt *s);
/** @return how many incoming QoS 2 messages were passed over on this connection
 *          (at most 65535), since qos2_count others were under way: not
 * delivered and not acknowledged, so the broker sends them again on the next
 * connection. All behind the first one are, too, to stay in their order. When
 * the others are done the connection ends (FAILED, CLEAT_ERR_FULL), so that
 * each takes in qos2_count messages at least; with a qos2_count of 0 it goes on
 * without them. */
static inline uint32_t cleat_mqtt_surplus(const struct cleat_mqtt *s) {
    return CLEAT_MQTT_QOS2 ? s->surplus : 0;
}

/** A payload that is not copied: it is asked for piece by piece when it is
 * sent, and again from its beginning when it is sent again. It may be larger
 * than any buffer, or lie in memory (zero-copy). Fill it with
 * cleat_mqtt_source_init(); it and what it reads must stay until DELIVERED, or
 * at QoS 0 until the session is no longer busy. */
struct cleat_mqtt_source {
    /**
     * @param piece  becomes a view of the payload from offset on, of 1 byte or
     *               more; it must stay until the next call.
     * @return 0; CLEAT_ERR_AGAIN: not now, call cleat_mqtt_output() later;
     *         another error: the payload is not to be had. The packet is begun
     *         then, so the connection fails with that error.
     */
    int (*read)(void *arg, uint32_t offset, struct cleat_bytes *piece);
    void *arg;
    uint32_t len; /**< Bytes of the whole payload. */
    /* Private. */
    struct cleat_bytes (*pull)(struct cleat_mqtt *s,
                               const struct cleat_mqtt_source *source,
                               struct cleat_bytes head);
};
/** Fill a source: read is called with arg for the pieces of len bytes. */
void cleat_mqtt_source_init(struct cleat_mqtt_source *source,
                            int (*read)(void *arg, uint32_t offset,
                                        struct cleat_bytes *piece),
                            void *arg, uint32_t len);

/** A message to be sent. Zero the struct, then set what you need. */
struct cleat_mqtt_message {
    struct cleat_bytes topic;
    struct cleat_bytes payload;
    uint8_t qos; /**< 0, 1 or 2. */
    bool retain; /**< The broker keeps it for later subscribers. */
    uint8_t prop_count;
    const struct cleat_mqtt_property *props; /**< MQTT 5; 3.1.1 drops them. */
    const struct cleat_mqtt_source *source;  /**< Instead of payload. A journal
                                                  keeps only what is in front of
                                                  it, and cannot restore it. */
};

/**
 * Queue a message. Topic and payload (not that of a source) are copied before
 * this returns. Messages
 * go out in the order of the calls; QoS 1 and 2 are kept, over any number of
 * connections, until the broker has acknowledged them.
 *
 * @return packet id (1..65535) for QoS 1 and 2, 0 for QoS 0, or
 *         CLEAT_ERR_ARG    topic empty, with wildcard or not UTF-8; QoS above
 *                          2;
 *         CLEAT_ERR_STATE  not connected and no queue_offline, or closing;
 *         CLEAT_ERR_FULL   no room now: keep it, retry after a DELIVERED event
 *                          or when output is sent;
 *         CLEAT_ERR_SIZE   larger than tx_cap or than the protocol allows;
 *         CLEAT_ERR_UNSUPPORTED
 *                          QoS 2 in a build without it (CLEAT_MQTT_QOS2);
 *         or what the journal says.
 */
int cleat_mqtt_send(struct cleat_mqtt *s,
                    const struct cleat_mqtt_message *message, uint64_t now_ms);
/** The same with its parts as arguments. */
int cleat_mqtt_publish(struct cleat_mqtt *s, struct cleat_bytes topic,
                       struct cleat_bytes payload, uint8_t qos, bool retain,
                       uint64_t now_ms);

/**
 * Hand back what a journal kept, oldest first, after init and before connect.
 * It goes out with DUP, or without if `tried` is false, and DELIVERED follows
 * as if it had been published now. The journal is not told again.
 *
 * @param packet  as CLEAT_MQTT_NOTE_QUEUED had it.
 * @return its id, or CLEAT_ERR_ARG (no PUBLISH at QoS 1 or 2, or its id is in
 *         use), CLEAT_ERR_SIZE, CLEAT_ERR_FULL (the rest must wait: it may be
 *         handed in later, after DELIVERED events, in the same order).
 */
int cleat_mqtt_restore(struct cleat_mqtt *s, struct cleat_bytes packet,
                       bool tried);
/** The same for an id after CLEAT_MQTT_NOTE_PUBREC; CLEAT_ERR_UNSUPPORTED
 *  without CLEAT_MQTT_QOS2. */
int cleat_mqtt_restore_pubrel(struct cleat_mqtt *s, uint16_t id);
/** The same for an id after CLEAT_MQTT_NOTE_QOS2_IN. @return 0, or
 *  CLEAT_ERR_FULL: qos2_count is too small; CLEAT_ERR_UNSUPPORTED without
 *  CLEAT_MQTT_QOS2. */
int cleat_mqtt_restore_qos2(struct cleat_mqtt *s, uint16_t id);

/**
 * With config.unacked: a message received is stored, acknowledge it. Those that
 * were not when the connection is lost come again. They are acknowledged in the
 * order in which they came, whatever the order of the calls.
 *
 * @param reason  0; MQTT 5: or a reason code from 0x80 on: the message is not
 *                taken.
 * @return 0, or CLEAT_ERR_NOT_FOUND (no such message on this connection),
 *         CLEAT_ERR_FULL (call again after cleat_mqtt_output_done()).
 */
int cleat_mqtt_ack(struct cleat_mqtt *s, uint16_t id, uint8_t reason,
                   uint64_t now_ms);

/** A topic filter and the highest QoS wanted for it. */
struct cleat_mqtt_filter {
    struct cleat_bytes filter;
    uint8_t qos; /**< MQTT 5: or'ed with options, see cleat/mqtt5.h. */
};
/** Most filters in one cleat_mqtt_subscribe(). */
#define CLEAT_MQTT_FILTERS_MAX 255u

/**
 * Ask for messages; SUBSCRIBED follows. Not repeated by itself on another
 * connection: cleat/client.h does that. A build without CLEAT_MQTT_QOS2 asks
 * for QoS 1 instead of 2.
 *
 * @return packet id, or CLEAT_ERR_ARG (no or invalid filter, QoS above 2),
 *         CLEAT_ERR_STATE (not connected), CLEAT_ERR_FULL (retry later),
 *         CLEAT_ERR_SIZE (does not fit tx_cap, or its SUBACK rx_cap; more
 *         than CLEAT_MQTT_FILTERS_MAX).
 */
int cleat_mqtt_subscribe(struct cleat_mqtt *s,
                         const struct cleat_mqtt_filter *filters, size_t count,
                         uint64_t now_ms);
/** The same, but it goes out before every message that waits in the queue: a
 *  subscription that is restored must stand before what was published during
 *  the outage comes back. @return as subscribe. */
int cleat_mqtt_subscribe_first(struct cleat_mqtt *s,
                               const struct cleat_mqtt_filter *filters,
                               size_t count, uint64_t now_ms);
/** End subscriptions; UNSUBSCRIBED follows. @return as subscribe. */
int cleat_mqtt_unsubscribe(struct cleat_mqtt *s,
                           const struct cleat_bytes *filters, size_t count,
                           uint64_t now_ms);
/**
 * Send what is queued (up to inflight_max), without waiting for
 * acknowledgements, then DISCONNECT; CLOSED follows when its last byte is out.
 * The broker drops the will.
 * @return 0, or CLEAT_ERR_STATE without a connection.
 */
int cleat_mqtt_disconnect(struct cleat_mqtt *s, uint64_t now_ms);

/** @return true for a topic one may publish to: 1 to 65535 bytes of UTF-8
 *          without NUL and without the wildcards # and +. */
bool cleat_mqtt_topic_valid(struct cleat_bytes topic);
/** @return true for a topic filter with its wildcards in the right places. */
bool cleat_mqtt_filter_valid(struct cleat_bytes filter);
/** @return true if the (valid) filter covers the (valid) topic. Wildcards at
 *          the front do not cover topics that begin with $. */
bool cleat_mqtt_topic_match(struct cleat_bytes filter,
                            struct cleat_bytes topic);
/** @return true for an MQTT text: well-formed UTF-8 of at most 65535 bytes, no
 *          surrogates, no NUL. */
bool cleat_mqtt_utf8_valid(struct cleat_bytes text);
/** @return words for a CONNACK code; never NULL. Without CLEAT_TEXTS only
 *          "accepted" or "refused". */
const char *cleat_mqtt_connack_text(uint8_t code);

#ifdef __cplusplus
}
#endif
#endif
