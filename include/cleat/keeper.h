/* SPDX-License-Identifier: MIT */
/*
 * Keeps a session over a restart: the journal of an MQTT session
 * (cleat/mqtt.h) in a store (cleat/store.h), and the queue of what is published
 * while the broker is away. What publish has accepted goes out, in order, over
 * any number of restarts; what the broker has acknowledged does not go out
 * again; a QoS 2 message that was received is known again. One task owns a
 * keeper: the one of the session.
 *
 *   cleat_keeper_init(&k, &config)           reads the store
 *   mqtt_config.journal = cleat_keeper_journal(&k)
 *   mqtt_config.first_id = cleat_keeper_first_id(&k)
 *   cleat_mqtt_init(&session, &mqtt_config)
 *   cleat_keeper_restore(&k, &session)       hands back what was kept
 *   then publish by cleat_keeper_publish(), and call cleat_keeper_feed() after
 *   events
 */
#ifndef CLEAT_KEEPER_H
#define CLEAT_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/mqtt.h"
#include "cleat/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Keys: this and the number of a message; this and the packet id of one that
 *  was received at QoS 2. */
#define CLEAT_KEEPER_MESSAGES UINT64_C(0x1000000000000000)
#define CLEAT_KEEPER_RECEIVED UINT64_C(0x2000000000000000)
/** Keys from here on are the program's own; those below are the keeper's. */
#define CLEAT_KEEPER_FREE_KEYS UINT64_C(0x4000000000000000)
/** Most messages kept at once, whatever the bounds: ids are told by it. */
#define CLEAT_KEEPER_MOST 65534u
/** Received QoS 2 ids that may wait for cleat_keeper_commit(). */
#define CLEAT_KEEPER_LATE 8

/** What becomes of a message when the queue is at its bound. */
enum cleat_keeper_policy {
    CLEAT_KEEPER_REFUSE = 0,  /**< publish says FULL: the caller has it. */
    CLEAT_KEEPER_DROP_OLDEST, /**< The oldest that was not handed to the session
                                   yet makes room; if there is none, FULL. */
    CLEAT_KEEPER_DROP_NEWEST  /**< It is dropped itself, and publish says 0. */
};

/** Settings. Zero the struct, then set what you need. */
struct cleat_keeper_config {
    struct cleat_store *store; /**< Required; stays. */
    uint8_t *buf;              /**< One packet. Required; stays. */
    size_t cap;                /**< One more than the largest PUBLISH. */
    uint32_t queue_max; /**< Messages kept, under way or waiting; 0: as many as
                             the store takes, at most CLEAT_KEEPER_MOST. */
    enum cleat_keeper_policy policy;
    /** Received QoS 2 ids are kept when cleat_keeper_commit() is called, not
     *  when the message is pulled: call it when the message is safe, and
     *  before the session's output is taken. What was pulled and not committed
     *  comes again after a restart. */
    bool commit_by_hand;
};

/** The fields are private. */
struct cleat_keeper {
    struct cleat_keeper_config config;
    struct cleat_mqtt_journal journal;
    struct cleat_mqtt *session;
    uint64_t first;    /* number of the oldest message, or next */
    uint64_t next;     /* number of the next one */
    uint64_t fed;      /* those below are with the session */
    uint64_t this_run; /* those below are from an earlier one: DUP */
    uint32_t kept;     /* messages in the store */
    uint32_t dropped;
    uint16_t late[CLEAT_KEEPER_LATE];
    uint8_t late_count;
};

/** Read what the store has.
 *  @return 0, CLEAT_ERR_ARG, or the store's error. */
int cleat_keeper_init(struct cleat_keeper *k,
                      const struct cleat_keeper_config *config);
/** For struct cleat_mqtt_config. */
const struct cleat_mqtt_journal *
cleat_keeper_journal(const struct cleat_keeper *k);
/** For struct cleat_mqtt_config: ids go on where they were. */
uint16_t cleat_keeper_first_id(const struct cleat_keeper *k);
/**
 * Hand the session what was kept: received ids, then messages, oldest first,
 * as many as it has room for; cleat_keeper_feed() hands in the rest.
 * @return 0, CLEAT_ERR_SIZE (a message does not fit buf or the session's
 *         buffer: give more), CLEAT_ERR_UNSUPPORTED (it was published with
 *         another version of MQTT than the session speaks), CLEAT_ERR_FULL
 * (qos2_count is too small), or the store's error.
 */
int cleat_keeper_restore(struct cleat_keeper *k, struct cleat_mqtt *session);

/**
 * Publish, connected or not. QoS 0 is not kept: it goes to the session as
 * cleat_mqtt_send() does.
 * @return packet id, 0 for QoS 0 and for a message that was dropped, or as
 *         cleat_mqtt_send(), or CLEAT_ERR_FULL when the queue or the store is.
 */
int cleat_keeper_publish(struct cleat_keeper *k,
                         const struct cleat_mqtt_message *message,
                         uint64_t now_ms);
/** Hand the session what waits, as far as it has room. Call it after each
 *  event. @return as restore. */
int cleat_keeper_feed(struct cleat_keeper *k);
/** With commit_by_hand. @return 0 or the store's error: then end the
 *  connection without taking its output. */
int cleat_keeper_commit(struct cleat_keeper *k);

/** @return messages that are not acknowledged yet. */
uint32_t cleat_keeper_kept(const struct cleat_keeper *k);
/** @return the number of the message that is kept next, from 0. */
uint64_t cleat_keeper_next(const struct cleat_keeper *k);
/** @return messages dropped by policy, or lost because they have rotted in
 *          the store, since this was last called. */
uint32_t cleat_keeper_take_dropped(struct cleat_keeper *k);

#ifdef __cplusplus
}
#endif
#endif
