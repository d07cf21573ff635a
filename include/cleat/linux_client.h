/* SPDX-License-Identifier: MIT */
/*
 * A whole MQTT client for Linux programs: session, client, TCP and all buffers
 * in one struct, for those who do not want to wire them. Used in one of three
 * ways:
 *
 *   blocking        cleat_linux_client_run() in main, or in a thread of yours
 *   event-driven    poll cleat_linux_client_fd() for POLLIN in your own loop,
 *                   then call cleat_linux_client_step()
 *   from anywhere   cleat_linux_client_submit(), _flush() and _stop() may be
 *                   called by any thread while one of the above goes on
 *
 * Everything else belongs to the thread that runs or steps the client. It
 * allocates nothing; the struct is about 200 kB.
 */
#ifndef CLEAT_LINUX_CLIENT_H
#define CLEAT_LINUX_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/client.h"
#include "cleat/linux_net.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_LINUX_CLIENT_BUFFER 65536 /**< Bytes of each large buffer. */
#define CLEAT_LINUX_CLIENT_SLOTS 256    /**< Messages under way. */
/** QoS 2 messages on their way in: brokers send more than they should. */
#define CLEAT_LINUX_CLIENT_QOS2_IDS 4096

/** Settings. Zero the struct, then set what you need. What is pointed to must
 *  stay as long as the client. */
struct cleat_linux_client_config {
    const char *host; /**< Name or address. Required. */
    uint16_t port;    /**< 0: 1883. */
    /** Identity, will, keep-alive and so on. Buffers left NULL are the
     *  client's own; at most CLEAT_LINUX_CLIENT_SLOTS slots. Empty client_id:
     * set clean_session. */
    struct cleat_mqtt_config mqtt;
    /** Subscriptions, backoff and so on. Session, stream and buffer are filled
     *  in. */
    struct cleat_client_config client;
    /** NULL: plain TCP. Otherwise what to put on it, TLS for instance: it is
     *  given the TCP stream and returns its own, or NULL to give up. */
    struct cleat_stream *(*wrap)(void *arg, struct cleat_stream *tcp);
    /** Handlers by topic filter: subscribed to, and called for each message.
     *  client.subs and client.sub_count must have room for its entries. May be
     *  NULL. */
    const struct cleat_mqtt_dispatch *dispatch;
    /** A message that no entry of dispatch takes, or a piece of one (m->last is
     *  false, m->offset tells which). May be NULL. */
    void (*on_message)(void *arg, const struct cleat_mqtt_event *m);
    /** Whatever else happens: CLEAT_CLIENT_UP, DOWN... May be NULL. */
    void (*on_event)(void *arg, const struct cleat_client_event *e);
    /** Timers of yours: called in each step, before anything else.
     *  @return when to call it again at the latest, or CLEAT_MQTT_NEVER. May be
     *  NULL. */
    uint64_t (*on_step)(void *arg, uint64_t now_ms);
    void *arg; /**< First argument of all of them. */
};

/** One client. The fields are private. */
struct cleat_linux_client {
    struct cleat_linux_client_config config;
    struct cleat_linux_net net;
    struct cleat_mqtt session;
    struct cleat_client client;
    int epoll_fd, timer_fd, wake_fd;
    int watched_fd; /* of the network, -1: none */
    uint32_t watched_events;
    uint64_t timer_ms; /* what the timer is set to */
    int result;
    /* What other threads have submitted, guarded by mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t progress;
    bool stop, ended;
    bool nudged; /* a step that takes the queue is due already */
    unsigned waiters;
    size_t queue_head, queue_used;
    uint64_t submitted, taken, settled; /* messages */
    uint64_t unsent; /* oldest QoS 0 one not written yet; 0: none */
    int refused;     /* why the session would not take one; told by flush */
    /** A message whose acknowledgement is due. */
    struct cleat_linux_client_pending {
        uint64_t number; /* of the message, from 1 */
        uint16_t id;     /* its packet identifier */
    } pending[CLEAT_LINUX_CLIENT_SLOTS];
    size_t pending_count;
    uint8_t tx[CLEAT_LINUX_CLIENT_BUFFER], rx[CLEAT_LINUX_CLIENT_BUFFER / 4];
    uint8_t io[CLEAT_LINUX_CLIENT_BUFFER / 4];
    uint8_t queue[CLEAT_LINUX_CLIENT_BUFFER];
    uint8_t message[CLEAT_LINUX_CLIENT_BUFFER];
    struct cleat_mqtt_slot slots[CLEAT_LINUX_CLIENT_SLOTS];
    uint16_t qos2_ids[CLEAT_LINUX_CLIENT_QOS2_IDS];
};

/**
 * Prepare a client and start connecting with the first step.
 *
 * @return 0; CLEAT_ERR_ARG, CLEAT_ERR_SIZE or CLEAT_ERR_FULL as
 *         cleat_mqtt_init(), cleat_client_take_routes(), cleat_client_init()
 *         and cleat_linux_net_init() say, or wrap returned NULL; CLEAT_ERR_IO
 *         no descriptors left. On failure there is nothing to deinit.
 */
int cleat_linux_client_init(struct cleat_linux_client *c,
                            const struct cleat_linux_client_config *config);
/** Close everything, at once: cleat_linux_client_stop() says goodbye first. No
 *  other thread may use c any more. */
void cleat_linux_client_deinit(struct cleat_linux_client *c);

/** @return the one descriptor to poll: readable when step has something to do,
 *          be it the network, a time-out or a submitted message. It stays the
 *          same as long as the client. */
int cleat_linux_client_fd(const struct cleat_linux_client *c);
/** Do what is ready, callbacks included. Never blocks.
 *  @return CLEAT_ERR_AGAIN while the client goes on; 0 once it has stopped; why
 *          it gave up otherwise. */
int cleat_linux_client_step(struct cleat_linux_client *c);
/** Step until the client has stopped or given up. @return as step. */
int cleat_linux_client_run(struct cleat_linux_client *c);
/** @return the session, for what cleat/mqtt.h and cleat/mqtt5.h have more than
 *          submit: from the callbacks, or in the thread that steps, before a
 *          step. Events are taken by the client. */
struct cleat_mqtt *cleat_linux_client_session(struct cleat_linux_client *c);

/**
 * Publish from any thread: topic and payload are copied before this returns,
 * and go out in the order of the calls, also over lost connections if
 * mqtt.queue_offline is set.
 *
 * @return 0; CLEAT_ERR_ARG (topic or QoS not valid); CLEAT_ERR_FULL (retry
 *         later: nothing was taken); CLEAT_ERR_SIZE (will never fit);
 *         CLEAT_ERR_CLOSED (the client has stopped or given up).
 */
int cleat_linux_client_submit(struct cleat_linux_client *c,
                              struct cleat_bytes topic,
                              struct cleat_bytes payload, uint8_t qos,
                              bool retain);
/** Wait until the broker has all that was submitted before the call: at QoS 0
 *  until it is sent. Not from the thread that steps the client.
 *  @return 0; CLEAT_ERR_TIMEOUT; CLEAT_ERR_CLOSED (the client ended first); or
 *          all was gone through, and one message since the last flush that
 *          said so was not sent, as cleat_mqtt_send() says: MQTT 5 brokers tell
 *          only in CONNACK how large a packet may be (CLEAT_ERR_SIZE), and
 *          which QoS they take (CLEAT_ERR_UNSUPPORTED). A message that the
 *          broker refuses itself is an event (CLEAT_MQTT_DELIVERED, its
 *          code). */
int cleat_linux_client_flush(struct cleat_linux_client *c, uint32_t timeout_ms);
/** Send what is queued, say goodbye, end: from any thread. */
void cleat_linux_client_stop(struct cleat_linux_client *c);

#ifdef __cplusplus
}
#endif
#endif
