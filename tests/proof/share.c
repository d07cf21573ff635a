/* SPDX-License-Identifier: MIT */
/* Filters of subscriptions, shared ones among them, where a table of handlers
 * is checked and where MQTT 5 subscribes; and the subscription identifiers of a
 * message. */
/* slevel 2000 */
#include "proof.h"

/* Here for what they do not export. */
#include "mqtt/dispatch.c"
#include "mqtt/v5.c"

static void filter_any(uint8_t *bytes, size_t len) {
    struct cleat_mqtt s = {0};
    struct cleat_mqtt_filter f = {{bytes, len}, any_u8()};
    struct cleat_mqtt_route route = {0};
    if (Frama_C_interval(0, 1) != 0) {
        memcpy(bytes, "$share/", len < SHARE_LEN ? len : SHARE_LEN);
    }
    s.limits = any_u8();
    route.filter = f.filter;
    route.qos = f.qos;
    route.subscription_id = Frama_C_unsigned_int_interval(0, UINT32_MAX);
    (void)route_valid(&route);
    if (cleat_mqtt_filter_valid(f.filter)) {
        (void)filter_check(&s, &f);
    }
}

static void ids_any(uint8_t *bytes, size_t len) {
    struct ids ids;
    ids.count = (size_t)Frama_C_interval(0, IDS_MAX);
    //@ split ids.count;
    ids_read(&ids, cleat_bytes_of(bytes, len));
}

static void filters(void) {
    switch (Frama_C_interval(1, 10)) {
        CASES_8(0, filter_any)
        CASE(9, filter_any)
        CASE(10, filter_any)
    }
}

static void identifiers(void) {
    switch (Frama_C_interval(0, 6)) {
        CASE(1, ids_any)
        CASE(2, ids_any)
        CASE(3, ids_any)
        CASE(4, ids_any)
        CASE(5, ids_any)
        CASE(6, ids_any)
    default:
        ids_any(NULL, 0);
        break;
    }
}

int main(void) {
    if (Frama_C_interval(0, 1) != 0) {
        filters();
    } else {
        identifiers();
    }
    return 0;
}
