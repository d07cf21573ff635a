/* SPDX-License-Identifier: MIT */
/*
 * Requests and answers over MQTT 5: a requester sends messages with a response
 * topic and correlation data and tells which answer belongs to which of them,
 * or that none came in time; a responder answers a message properly. Both stand
 * beside a session of cleat/mqtt.h and belong to its thread. No I/O, no heap.
 */
#ifndef CLEAT_MQTT_REQUEST_H
#define CLEAT_MQTT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/mqtt.h"
#include "cleat/mqtt5.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the correlation data of a requester. */
#define CLEAT_MQTT_CORRELATION_LEN 8u
/** Most properties that a request or an answer may have of its own. */
#define CLEAT_MQTT_REQUEST_PROPS_MAX 6u

/** A request whose answer is due. Private. */
struct cleat_mqtt_pending {
    uint64_t due_ms;
    void *user;
    uint32_t number; /* 0: free */
    uint32_t timeout_ms;
    uint16_t id; /* packet id until it is delivered */
    bool retain;
};

/** Settings. Zero the struct, then set what you need. What it points to must
 *  stay as long as the requester. */
struct cleat_mqtt_requester_config {
    struct cleat_bytes topic;  /**< Where answers are wanted: a topic of this
                                    client alone. Required. */
    struct cleat_bytes suffix; /**< Put behind the server's response
                                    information. */
    uint8_t *topic_buf; /**< Room for that. NULL: response information is not
                             used. For a server to send it, CONNECT must have
                             CLEAT_MQTT_REQUEST_RESPONSE in config.props. */
    size_t topic_cap;   /**< Where it does not fit, topic is used. */
    uint8_t qos;        /**< Of the subscription to it, 0 to 2. */
    struct cleat_mqtt_pending *pending; /**< One for each request whose answer
                                             may be due. Required. */
    uint16_t pending_count;
    uint32_t seed; /**< Part of the correlation data: random, so that answers to
                        an earlier start of the program are told apart. */
};

/** What a reply is about. */
enum cleat_mqtt_reply_type {
    CLEAT_MQTT_REPLY_NONE = 0,
    CLEAT_MQTT_REPLY_READY,   /**< The response topic is subscribed to: send. */
    CLEAT_MQTT_REPLY_DENIED,  /**< Its subscription was refused: code. Requests
                                   are not possible on this connection. */
    CLEAT_MQTT_REPLY_ANSWER,  /**< message is the answer, or a piece of it; the
                                   request ends with the last one. */
    CLEAT_MQTT_REPLY_REFUSED, /**< The broker did not take the request, or
                                   (0x10) nobody is there to take it: code. */
    CLEAT_MQTT_REPLY_TIMED_OUT, /**< No answer in time. */
    CLEAT_MQTT_REPLY_STRAY      /**< A message to the response topic that
                                     answers no request under way: late, twice,
                                     or not meant for us. */
};

/** What happened to a request. */
struct cleat_mqtt_reply {
    enum cleat_mqtt_reply_type type;
    uint8_t code;    /**< DENIED, REFUSED: reason code. */
    uint32_t number; /**< ANSWER, REFUSED, TIMED_OUT: of the request. */
    void *user;      /**< The same: as given with the request. */
    const struct cleat_mqtt_event *message; /**< ANSWER, STRAY: the event that
                                                 was handed in. */
};

/** One requester. The fields are private. */
struct cleat_mqtt_requester {
    struct cleat_mqtt_requester_config config;
    struct cleat_bytes topic; /* of now */
    uint32_t last;            /* number */
    uint16_t subscribe_id;    /* SUBSCRIBE under way */
    bool wanted;              /* SUBSCRIBE is to be sent */
    bool ready;               /* it was answered once, for this topic */
    bool stands;              /* the broker has it */
};

/**
 * Prepare a requester: before the session connects, so that it sees CONNECTED.
 *
 * @return 0, or CLEAT_ERR_ARG: topic is not valid, QoS above 2, no pending.
 */
int cleat_mqtt_requester_init(struct cleat_mqtt_requester *r,
                              const struct cleat_mqtt_requester_config *config);

/**
 * Hand in every event of the session. After CONNECTED the response topic is
 * subscribed to, before anything that waits in the queue.
 *
 * @return true if the event was the requester's; *reply tells what it means. A
 *         message that is not comes with false: it is for others.
 */
bool cleat_mqtt_requester_input(struct cleat_mqtt_requester *r,
                                struct cleat_mqtt *s,
                                const struct cleat_mqtt_event *event,
                                struct cleat_mqtt_reply *reply,
                                uint64_t now_ms);

/** Run the timers. @return true if *reply tells of a request without answer;
 *  call again until false. */
bool cleat_mqtt_requester_event(struct cleat_mqtt_requester *r,
                                struct cleat_mqtt *s,
                                struct cleat_mqtt_reply *reply,
                                uint64_t now_ms);
/** @return when to call cleat_mqtt_requester_event(), or CLEAT_MQTT_NEVER. */
uint64_t cleat_mqtt_requester_deadline(const struct cleat_mqtt_requester *r);

/** @return where answers are wanted, empty before READY. */
struct cleat_bytes
cleat_mqtt_requester_topic(const struct cleat_mqtt_requester *r);

/**
 * Send a request: message with a response topic and correlation data.
 *
 * @param timeout_ms  from now on; an answer in pieces may take so long for
 *                    each.
 * @return its number (from 1), or CLEAT_ERR_STATE (not READY yet),
 *         CLEAT_ERR_FULL (no pending free: wait for a reply; or as
 *         cleat_mqtt_send()), CLEAT_ERR_UNSUPPORTED (3.1.1 is spoken),
 *         CLEAT_ERR_ARG (more than CLEAT_MQTT_REQUEST_PROPS_MAX properties),
 *         or what cleat_mqtt_send() says.
 */
int cleat_mqtt_requester_send(struct cleat_mqtt_requester *r,
                              struct cleat_mqtt *s,
                              const struct cleat_mqtt_message *message,
                              uint32_t timeout_ms, void *user, uint64_t now_ms);
/** No longer interested: an answer that comes all the same is STRAY. */
void cleat_mqtt_requester_cancel(struct cleat_mqtt_requester *r,
                                 uint32_t number);

/** Where an answer goes, and what it is recognised by. */
struct cleat_mqtt_return {
    struct cleat_bytes topic;
    struct cleat_bytes correlation;
    bool correlated; /**< There is correlation data, perhaps an empty one. */
};

/**
 * What a message says about its answer. The requester names the topic: a
 * responder that may publish more than its requesters may should accept only
 * those that a filter covers.
 *
 * @param allowed  topic filter; empty: any topic.
 * @param out      views of the event's; cleat_mqtt_return_keep() if the answer
 *                 comes later.
 * @return 0, or CLEAT_ERR_NOT_FOUND (no response topic: it wants no answer),
 *         CLEAT_ERR_DENIED (allowed does not cover it), CLEAT_ERR_PROTO (it is
 *         no topic one may publish to).
 */
int cleat_mqtt_return_of(const struct cleat_mqtt_event *message,
                         struct cleat_bytes allowed,
                         struct cleat_mqtt_return *out);
/** Copy what it shows into buf, and have it show that.
 *  @return 0, or CLEAT_ERR_SIZE: both together are longer than cap. */
int cleat_mqtt_return_keep(struct cleat_mqtt_return *to, uint8_t *buf,
                           size_t cap);
/** Send an answer: its topic is taken from `to`, and the correlation data goes
 *  back as it came. @return as cleat_mqtt_send(), or CLEAT_ERR_UNSUPPORTED
 *  (3.1.1), CLEAT_ERR_ARG (too many properties). */
int cleat_mqtt_respond(struct cleat_mqtt *s, const struct cleat_mqtt_return *to,
                       const struct cleat_mqtt_message *answer,
                       uint64_t now_ms);

#ifdef __cplusplus
}
#endif
#endif
