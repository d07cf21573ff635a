/* SPDX-License-Identifier: MIT */
/* From a message to the handlers of its topic. Beside the session: only
 * programs that have such a table carry this file. */
#include "cleat/mqtt_dispatch.h"

#include <string.h>

#include "cleat/config.h"
#include "cleat/mqtt5.h"

#define SHARE "$share/"
#define SHARE_LEN 7u
#define IDS_MAX 16u /* subscription identifiers of one message */

struct ids {
    uint32_t number[IDS_MAX];
    size_t count;
};

struct cleat_bytes cleat_mqtt_filter_unshared(struct cleat_bytes filter) {
    size_t at = SHARE_LEN;
    if (filter.len < SHARE_LEN || memcmp(filter.data, SHARE, SHARE_LEN) != 0) {
        return filter;
    }
    while (at < filter.len && filter.data[at] != '/') {
        at++;
    }
    at = at < filter.len ? at + 1 : at;
    return cleat_bytes_of(filter.data + at, filter.len - at);
}

/* [MQTT5-3.3.4-3]: those of all subscriptions that a message is sent for. */
static void ids_read(struct ids *ids, struct cleat_bytes props) {
    struct cleat_mqtt_property p;
    while (cleat_mqtt_property_next(&props, &p)) {
        if (p.id != CLEAT_MQTT_SUBSCRIPTION_ID) {
            continue;
        }
        if (ids->count == IDS_MAX) {
            ids->count = 0; /* By topic, then. */
            return;
        }
        ids->number[ids->count++] = p.number;
    }
}

static bool ids_have(const struct ids *ids, uint32_t number) {
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->number[i] == number) {
            return true;
        }
    }
    return false;
}

static bool matches(const struct cleat_mqtt_route *route,
                    const struct cleat_mqtt_event *event,
                    const struct ids *ids) {
    if (route->subscription_id != 0 && ids->count > 0) {
        bool sent_for = ids_have(ids, route->subscription_id);
        if (!sent_for || !route->local) {
            return sent_for;
        }
    }
    return cleat_mqtt_topic_match(cleat_mqtt_filter_unshared(route->filter),
                                  event->topic);
}

size_t cleat_mqtt_dispatch(const struct cleat_mqtt_dispatch *table,
                           const struct cleat_mqtt_event *event) {
    struct ids ids;
    size_t called = 0;
    ids.count = 0;
    if (event->type != CLEAT_MQTT_MESSAGE) {
        return 0;
    }
    if (CLEAT_MQTT5 && event->props.len > 0) {
        ids_read(&ids, event->props);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct cleat_mqtt_route *route = &table->routes[i];
        if (route->handler == NULL || !matches(route, event, &ids)) {
            continue;
        }
        route->handler(route->user, event);
        called++;
        if (table->first_only) {
            return called;
        }
    }
    if (called == 0 && table->otherwise != NULL) {
        table->otherwise(table->otherwise_user, event);
    }
    return called;
}

static bool route_valid(const struct cleat_mqtt_route *route) {
    struct cleat_bytes plain = cleat_mqtt_filter_unshared(route->filter);
    /* $share/NAME/ has a name without wildcards, [MQTT5-4.8.2-1]. */
    struct cleat_bytes share =
        cleat_bytes_of(route->filter.data, route->filter.len - plain.len);
    bool named = share.len == 0 ||
                 (share.len > SHARE_LEN + 1 && cleat_mqtt_topic_valid(share));
    return named && cleat_mqtt_filter_valid(plain) && (route->qos & 3u) != 3 &&
           (route->qos & 0x30u) != 0x30u && (route->qos & 0xC0u) == 0 &&
           route->subscription_id <= CLEAT_MQTT_LENGTH_MAX;
}

static bool replaces(const struct cleat_mqtt_route *a,
                     const struct cleat_mqtt_route *b) {
    return a->handler != NULL && !a->local && !b->local &&
           (a->subscription_id != b->subscription_id || a->qos != b->qos) &&
           cleat_bytes_equal(a->filter, b->filter);
}

int cleat_mqtt_dispatch_check(const struct cleat_mqtt_dispatch *table) {
    if (table->routes == NULL && table->count > 0) {
        return CLEAT_ERR_ARG;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct cleat_mqtt_route *route = &table->routes[i];
        if (route->handler == NULL) {
            continue;
        }
        if (!route_valid(route)) {
            return CLEAT_ERR_ARG;
        }
        for (size_t j = 0; j < i; j++) {
            if (replaces(&table->routes[j], route)) {
                return CLEAT_ERR_ARG;
            }
        }
    }
    return 0;
}
