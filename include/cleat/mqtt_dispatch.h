/* SPDX-License-Identifier: MIT */
/*
 * A table from topic filter to handler, in the caller's memory, constant or
 * not: for programs that subscribe to several things and do not want to compare
 * topics themselves. It stands beside a session and knows none: hand it the
 * MESSAGE events. cleat_client_take_routes() in cleat/client.h subscribes to a
 * whole table. Handlers run inside cleat_mqtt_dispatch(), in its thread.
 */
#ifndef CLEAT_MQTT_DISPATCH_H
#define CLEAT_MQTT_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/mqtt.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Takes a message, or a piece of one: the same handlers are called for each
 * piece. Views are those of the event. It may call the session, which then does
 * not touch what the views show before the next cleat_mqtt_input().
 */
typedef void (*cleat_mqtt_handler_fn)(void *user,
                                      const struct cleat_mqtt_event *message);

/** Who gets the messages of a topic filter. Zero the struct, then set what you
 *  need. */
struct cleat_mqtt_route {
    struct cleat_bytes filter; /**< As it is subscribed to, $share/NAME/ in
                                    front of it included. */
    uint8_t qos; /**< To subscribe with, or'ed with options of MQTT 5. */
    bool local;  /**< Do not subscribe to it: the filter of another entry
                      covers it, whose subscription_id this one has, too. */
    uint32_t subscription_id; /**< MQTT 5: identifier of the subscription, 1 to
                                   268435455; 0: none. */
    cleat_mqtt_handler_fn handler; /**< NULL: the entry is not used. */
    void *user;                    /**< Its first argument. */
};

/** A table. Zero the struct, then set what you need. Nothing in it is changed
 *  here; its owner may change it between two calls. */
struct cleat_mqtt_dispatch {
    const struct cleat_mqtt_route *routes;
    size_t count;
    bool first_only; /**< Where filters overlap, only the first entry that
                          matches is called, not each of them. */
    cleat_mqtt_handler_fn otherwise; /**< No entry matched; may be NULL. */
    void *otherwise_user;
};

/**
 * Hand a message to those it is for, in the order of the table.
 *
 * An entry matches if its filter, without $share/NAME/, covers the topic; but
 * if both the entry and the message have subscription identifiers, then if the
 * message has that of the entry, whatever the topic (a local one: and its
 * filter covers the topic). So with identifiers a message that the broker sends
 * once for each of several overlapping subscriptions reaches each handler once,
 * and without them each handler each time; and only with them a shared
 * subscription and another one of the same filter are told apart. A message
 * with more than 16 identifiers is matched by its topic.
 *
 * The time it takes is linear in the number of entries, and in each of them in
 * the length of the topic.
 *
 * @return how many handlers were called, `otherwise` not counted; 0 for events
 *         other than MESSAGE, for which nothing is called.
 */
size_t cleat_mqtt_dispatch(const struct cleat_mqtt_dispatch *table,
                           const struct cleat_mqtt_event *event);

/** @return the filter without $share/NAME/ in front of it; empty where nothing
 *          follows that. */
struct cleat_bytes cleat_mqtt_filter_unshared(struct cleat_bytes filter);

/** @return 0 if every entry in use has a valid filter, options that may be, an
 *          identifier in range, and no two entries
 *          subscribe to one filter with different identifiers or QoS (the
 *          second would replace the first); else CLEAT_ERR_ARG. Takes
 *          quadratic time: once, when a program begins. */
int cleat_mqtt_dispatch_check(const struct cleat_mqtt_dispatch *table);

#ifdef __cplusplus
}
#endif
#endif
