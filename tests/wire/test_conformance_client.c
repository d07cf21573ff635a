/* SPDX-License-Identifier: MIT */
/* Clauses of MQTT 3.1.1 about the network connection, which the session only
 * asks for and the client acts on: what is closed, when, and what is tried
 * again. docs/conformance.md names them. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "rig.h"

static void come_up(struct rig *r) {
    rig_init(r);
    rig_start(r);
    rig_run(r);
    assert_non_null(rig_event(r, CLEAT_CLIENT_UP, 0));
    assert_true(r->broker.open);
}

static void a_protocol_violation_closes_the_network_connection(void **state) {
    static struct rig r;
    (void)state;
    static const uint8_t wrong[] = {0x36, 6, 0, 1, 'a', 0, 1, 'x'};
    for (size_t chunk = 0; chunk <= sizeof wrong; chunk++) {
        come_up(&r);
        r.broker.chunk = chunk;
        broker_raw(&r.broker, wrong, sizeof wrong);
        rig_run(&r);
        assert_false(r.broker.open);
        const struct cleat_client_event *e =
            rig_event(&r, CLEAT_CLIENT_DOWN, 0);
        assert_non_null(e);
        assert_int_equal(e->err, CLEAT_ERR_PROTO);
        assert_int_equal(r.got_len, 0);
        rig_run_until(&r, r.now + 60000);
        assert_int_equal(r.broker.connections, 2);
        assert_non_null(rig_event(&r, CLEAT_CLIENT_UP, 1));
    }
}

static void what_cannot_be_taken_in_closes_it_too(void **state) {
    static struct rig r;
    (void)state;
    rig_init(&r);
    r.mqtt.qos2_count = 1;
    rig_start(&r);
    rig_run(&r);
    for (uint8_t id = 1; id <= 2; id++) {
        uint8_t publish[] = {0x34, 6, 0, 1, 'a', 0, id, 'x'};
        broker_raw(&r.broker, publish, sizeof publish);
    }
    rig_run(&r);
    assert_true(r.broker.open);
    broker_raw(&r.broker, "\x62\x02\x00\x01", 4);
    rig_run(&r);
    assert_false(r.broker.open);
    assert_int_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 0)->err, CLEAT_ERR_FULL);
    assert_int_equal(r.got_len, 1);
}

static void a_close_in_place_of_connack_is_a_failed_attempt(void **state) {
    static struct rig r;
    (void)state;
    rig_init(&r);
    r.broker.budget = 17; /* CONNECT, and then it is gone. */
    rig_start(&r);
    rig_run(&r);
    const struct cleat_client_event *e = rig_event(&r, CLEAT_CLIENT_DOWN, 0);
    assert_non_null(e);
    assert_null(rig_mqtt(&r, CLEAT_MQTT_CONNECTED, 0));
    assert_false(r.broker.open);
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 60000);
    assert_non_null(rig_event(&r, CLEAT_CLIENT_UP, 0));
}

static void a_refusal_closes_the_network_connection(void **state) {
    static struct rig r;
    (void)state;
    for (uint8_t code = 1; code <= 5; code++) {
        rig_init(&r);
        r.broker.refuse = code;
        rig_start(&r);
        rig_run(&r);
        assert_false(r.broker.open);
        assert_int_equal(rig_mqtt(&r, CLEAT_MQTT_REFUSED, 0)->code, code);
    }
}

static void after_disconnect_the_connection_is_closed(void **state) {
    static struct rig r;
    (void)state;
    come_up(&r);
    cleat_client_stop(&r.client, r.now);
    rig_run(&r);
    assert_int_equal(r.broker.disconnects, 1);
    assert_false(r.broker.open);
    assert_null(r.broker.error);
    assert_true(rig_publish(&r, "a", "later", 1) >= 0 ||
                !cleat_client_is_up(&r.client));
    rig_run_until(&r, r.now + 100000);
    assert_int_equal(r.broker.connections, 1);
    assert_int_equal(broker_count(&r.broker, "later"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_protocol_violation_closes_the_network_connection),
        cmocka_unit_test(what_cannot_be_taken_in_closes_it_too),
        cmocka_unit_test(a_close_in_place_of_connack_is_a_failed_attempt),
        cmocka_unit_test(a_refusal_closes_the_network_connection),
        cmocka_unit_test(after_disconnect_the_connection_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
