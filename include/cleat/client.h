/* SPDX-License-Identifier: MIT */
/*
 * Keeps an MQTT session alive on a stream: opens it, connects, moves the bytes
 * both ways, and after a failure waits (exponential backoff, full jitter) and
 * starts over. Never blocks. One task owns a client and alone calls it:
 *
 *   do {
 *       deadline = cleat_client_step(c, now);
 *       while (cleat_client_event(c, &event, now)) { ... }
 *   } while (deadline <= now);
 *   sleep until the deadline or until the stream is readable or writable
 */
#ifndef CLEAT_CLIENT_H
#define CLEAT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/backoff.h"
#include "cleat/bytes.h"
#include "cleat/error.h"
#include "cleat/mqtt.h"
#include "cleat/mqtt_dispatch.h"
#include "cleat/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A subscription that is made whenever the broker does not have it. Set the
 *  first two; the filter text must stay. */
struct cleat_client_sub {
    struct cleat_bytes filter;
    uint8_t qos;     /**< MQTT 5: or'ed with options; 3.1.1 drops them. */
    uint8_t granted; /**< Last SUBACK code; from CLEAT_MQTT_SUBACK_REFUSED on:
                          no, be it the broker or the session who says so. */
    uint8_t state;   /**< Private. */
    uint16_t id;     /**< Private. */
    uint32_t subscription_id; /**< MQTT 5, 0: none. Needs config.subscribe. */
};

/** Settings. Zero the struct, then set what you need: zero is the default.
 *  Everything pointed to must stay as long as the client. */
struct cleat_client_config {
    struct cleat_mqtt *session;  /**< Initialised; the client's from now on. */
    struct cleat_stream *stream; /**< Required. */
    struct cleat_client_sub *subs; /**< Table of subscriptions; may be NULL. */
    size_t sub_count;
    /** How one of subs is asked for, with cleat_mqtt_subscribe_first() and its
     *  like. NULL: by filter and qos alone. cleat_client_subscribe_numbered()
     *  gives it its subscription_id, too.
     *  @return the packet id, or why not: FULL and STATE are tried again. */
    int (*subscribe)(struct cleat_mqtt *session,
                     const struct cleat_client_sub *sub, uint64_t now_ms);
    uint8_t *io_buf;             /**< Bytes read and not yet taken. Required. */
    size_t io_cap;               /**< 256 will do; larger means fewer reads. */
    uint32_t backoff_base_ms;    /**< Default 1000. */
    uint32_t backoff_cap_ms;     /**< Default 60000. */
    uint32_t backoff_stable_ms;  /**< Connected this long: the attempts start
                                      over. Default 30000. */
    uint32_t max_retries;        /**< Failures in a row before GAVE_UP; 0:
                                      never give up. */
    uint32_t connect_timeout_ms; /**< For stream.open. Default 30000. */
    uint32_t stop_timeout_ms;    /**< To send DISCONNECT. Default 2000. */
    bool refused_is_final;       /**< Give up at once on CONNACK 1, 2, 4 and 5;
                                      by default they are retried, since
                                      brokers get reconfigured. */
    uint32_t seed;               /**< For the jitter, if random is NULL; differ
                                      between devices. */
    uint32_t (*random)(void *arg); /**< 32 random bits; may be NULL. */
    void *random_arg;
};

/** What an event is about. */
enum cleat_client_event_type {
    CLEAT_CLIENT_NONE = 0,
    CLEAT_CLIENT_MQTT, /**< mqtt: an event of the session: CONNECTED, REFUSED,
                            MESSAGE, SKIPPED, DELIVERED, SUBSCRIBED,
                            UNSUBSCRIBED. CLOSED and FAILED become the
                            following; FAILED comes before it if the
                            broker's DISCONNECT had properties (another
                            server to go to, for instance). */
    CLEAT_CLIENT_UP,   /**< Connected, and the broker answered for every entry
                            of subs (see granted). */
    CLEAT_CLIENT_DOWN, /**< A connection ended or could not be made: err,
                            detail, attempt; the next try is in retry_in_ms. */
    CLEAT_CLIENT_GAVE_UP, /**< Last one: err, detail, attempt. The stream is
                               closed; only start makes it go on. */
    CLEAT_CLIENT_STOPPED  /**< stop has finished, the stream is closed. err is
                               0, or CLEAT_ERR_TIMEOUT, ... if DISCONNECT
                               could not be sent. */
};

/** What happened, taken by cleat_client_event(). */
struct cleat_client_event {
    enum cleat_client_event_type type;
    struct cleat_mqtt_event mqtt; /**< MQTT only, the rest only otherwise. Views
                                       valid until the next event or step. */
    bool session_present;         /**< UP. */
    bool was_up;                  /**< DOWN, GAVE_UP: there was a CONNACK. */
    int err;                      /**< A negative cleat_err. */
    struct cleat_detail detail;
    uint32_t retry_in_ms;
    uint32_t attempt; /**< DOWN, GAVE_UP: failures in a row, from 1. */
};

/** One client. The fields are private. */
struct cleat_client {
    uint8_t state;
    bool suspended;
    bool stopping;
    bool was_up; /* there was a CONNACK on this connection */
    bool told_up;
    bool session_present;
    uint8_t refused; /* CONNACK code of this connection */
    /* the event told after the session's, see struct cleat_client_event */
    uint8_t told_type;
    bool told_was_up;
    int8_t told_err;
    uint32_t retry_in_ms;
    struct cleat_detail detail;
    uint32_t attempts; /* failures in a row */
    uint64_t now_ms;   /* of the call under way */
    uint64_t until_ms; /* end of the wait, or of the time allowed */
    size_t io_pos, io_len;
    /* subs before sub_next are asked for, those before sub_open answered */
    struct cleat_client_sub *sub_next, *sub_open, *sub_end;
    struct cleat_client_config config;
    struct cleat_backoff backoff;
    uint32_t rng;
};

/**
 * Prepare a client; nothing happens before start.
 * @return 0, or CLEAT_ERR_ARG (something required is missing, an invalid
 *         filter or QoS in subs).
 */
int cleat_client_init(struct cleat_client *c,
                      const struct cleat_client_config *config);

/** For config.subscribe: with its subscription identifier, if MQTT 5 is spoken
 *  and the server knows them. */
int cleat_client_subscribe_numbered(struct cleat_mqtt *session,
                                    const struct cleat_client_sub *sub,
                                    uint64_t now_ms);

/**
 * Have a client subscribe to a whole table, and again whenever the broker has
 * lost it: fills config's subs, of which there must be room for sub_count, and
 * sets sub_count and subscribe. Before cleat_client_init(). Then hand each
 * MESSAGE to cleat_mqtt_dispatch().
 *
 * @return 0, or CLEAT_ERR_ARG as cleat_mqtt_dispatch_check(), CLEAT_ERR_FULL:
 *         more entries to subscribe to than sub_count.
 */
int cleat_client_take_routes(struct cleat_client_config *config,
                             const struct cleat_mqtt_dispatch *table);

/** Connect, and stay connected, from the next step on.
 *  @return 0, or CLEAT_ERR_STATE if it runs already. */
int cleat_client_start(struct cleat_client *c, uint64_t now_ms);
/** Send what is queued and DISCONNECT within stop_timeout_ms, close the
 *  stream; STOPPED follows. Go on stepping until then. */
void cleat_client_stop(struct cleat_client *c, uint64_t now_ms);

/** The link is down: the next step closes the stream (a DOWN event without a
 *  retry tells it), and no attempt is made; counts as no failure. */
void cleat_client_suspend(struct cleat_client *c, uint64_t now_ms);
/** The link is back: try at once. */
void cleat_client_resume(struct cleat_client *c, uint64_t now_ms);

/** Do what is ready. Stops at an event: pull it, then step again.
 *  @return when to be called if nothing else happens; now_ms or earlier if
 *          there is more to do, CLEAT_MQTT_NEVER if only the stream or a
 *          command can bring something. */
uint64_t cleat_client_step(struct cleat_client *c, uint64_t now_ms);
/** Take the oldest event. @return true if there was one. */
bool cleat_client_event(struct cleat_client *c,
                        struct cleat_client_event *event, uint64_t now_ms);

/** @return true between UP and DOWN. */
bool cleat_client_is_up(const struct cleat_client *c);
/** @return true while packets are queued or wait for an acknowledgement. */
bool cleat_client_is_busy(const struct cleat_client *c);

/** As cleat_mqtt_publish(), cleat_mqtt_subscribe(), cleat_mqtt_unsubscribe();
 *  step afterwards to get them on their way. Subscriptions made here are not
 *  repeated: put those into subs. */
int cleat_client_publish(struct cleat_client *c, struct cleat_bytes topic,
                         struct cleat_bytes payload, uint8_t qos, bool retain,
                         uint64_t now_ms);
/** As cleat_mqtt_subscribe(). */
int cleat_client_subscribe(struct cleat_client *c,
                           const struct cleat_mqtt_filter *filters,
                           size_t count, uint64_t now_ms);
/** As cleat_mqtt_unsubscribe(). */
int cleat_client_unsubscribe(struct cleat_client *c,
                             const struct cleat_bytes *filters, size_t count,
                             uint64_t now_ms);

#ifdef __cplusplus
}
#endif
#endif
