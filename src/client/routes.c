/* SPDX-License-Identifier: MIT */
/* What a client needs to keep a table of cleat/mqtt_dispatch.h subscribed to. A
 * file of its own, so that a client without one does not carry it. */
#include <string.h>

#include "cleat/client.h"
#include "cleat/mqtt5.h"

int cleat_client_subscribe_numbered(struct cleat_mqtt *session,
                                    const struct cleat_client_sub *sub,
                                    uint64_t now_ms) {
    struct cleat_mqtt_filter filter = {sub->filter, sub->qos};
    struct cleat_mqtt_property id;
    memset(&id, 0, sizeof id);
    id.id = CLEAT_MQTT_SUBSCRIPTION_ID;
    id.number = sub->subscription_id;
    if (session->v5 == NULL) {
        filter.qos &= 3u;
    } else if (sub->subscription_id != 0) {
        int err = cleat_mqtt_subscribe_first_with(session, &filter, 1, &id, 1,
                                                  now_ms);
        if (err != CLEAT_ERR_UNSUPPORTED) {
            return err;
        }
    }
    return cleat_mqtt_subscribe_first(session, &filter, 1, now_ms);
}

static bool is_there(const struct cleat_client_config *config, size_t count,
                     struct cleat_bytes filter) {
    for (size_t i = 0; i < count; i++) {
        if (cleat_bytes_equal(config->subs[i].filter, filter)) {
            return true;
        }
    }
    return false;
}

int cleat_client_take_routes(struct cleat_client_config *config,
                             const struct cleat_mqtt_dispatch *table) {
    size_t count = 0;
    int err = cleat_mqtt_dispatch_check(table);
    if (err != 0) {
        return err;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct cleat_mqtt_route *route = &table->routes[i];
        if (route->handler == NULL || route->local ||
            is_there(config, count, route->filter)) {
            continue;
        }
        if (config->subs == NULL || count == config->sub_count) {
            return CLEAT_ERR_FULL;
        }
        struct cleat_client_sub *sub = &config->subs[count++];
        memset(sub, 0, sizeof *sub);
        sub->filter = route->filter;
        sub->qos = route->qos;
        sub->subscription_id = route->subscription_id;
    }
    config->sub_count = count;
    config->subscribe = cleat_client_subscribe_numbered;
    return 0;
}
