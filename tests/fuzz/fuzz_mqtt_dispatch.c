/* SPDX-License-Identifier: MIT */
/* Dispatching: the input is a length, so many bytes of properties, a filter, a
 * zero byte, a topic. Who is called is compared with the match of each entry.
 */
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt5.h"
#include "cleat/mqtt_dispatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok) {
    if (!ok) {
        abort();
    }
}

static void count(void *user, const struct cleat_mqtt_event *m) {
    (void)m;
    ++*(unsigned *)user;
}

/* Does this message have that identifier, and any? */
static bool has_id(struct cleat_bytes props, uint32_t number, unsigned *any) {
    struct cleat_mqtt_property p;
    bool found = false;
    *any = 0;
    while (cleat_mqtt_property_next(&props, &p)) {
        if (p.id == CLEAT_MQTT_SUBSCRIPTION_ID) {
            ++*any;
            found = found || p.number == number;
        }
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned calls[4] = {0, 0, 0, 0}, ids;
    struct cleat_mqtt_event e;
    struct cleat_mqtt_route routes[3];
    const struct cleat_mqtt_dispatch table = {.routes = routes,
                                              .count = 3,
                                              .otherwise = count,
                                              .otherwise_user = &calls[3]};
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, size));
    memset(&e, 0, sizeof e);
    memset(routes, 0, sizeof routes);
    e.type = CLEAT_MQTT_MESSAGE;
    e.props = cleat_read_bytes(&r, cleat_read_u8(&r));
    if (r.failed) {
        return 0;
    }
    size_t n = r.pos;
    while (n < size && data[n] != 0) {
        n++;
    }
    struct cleat_bytes filter = cleat_bytes_of(data + r.pos, n - r.pos);
    e.topic = n < size ? cleat_bytes_of(data + n + 1, size - n - 1) : filter;
    for (size_t i = 0; i < 3; i++) {
        routes[i].filter = filter;
        routes[i].handler = count;
        routes[i].user = &calls[i];
    }
    routes[1].filter = cleat_mqtt_filter_unshared(filter);
    routes[2].subscription_id = 5;
    (void)cleat_mqtt_dispatch_check(&table);
    size_t called = cleat_mqtt_dispatch(&table, &e);
    bool covers = cleat_mqtt_topic_match(routes[1].filter, e.topic);
    bool mine = has_id(e.props, 5, &ids);
    bool by_id = ids > 0 && ids <= 16;
    expect(calls[0] == covers && calls[2] == (by_id ? mine : covers));
    expect(called == calls[0] + calls[1] + calls[2]);
    expect(calls[3] == (called == 0));
    return 0;
}
