/* SPDX-License-Identifier: MIT */
/* A client that keeps a whole table subscribed: against the broker in memory
 * for 3.1.1, and by the bytes of its SUBSCRIBE for MQTT 5. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/mqtt5.h"
#include "rig.h"
#include "script.h"

static struct rig r;

static void ignore(void *user, const struct cleat_mqtt_event *m) {
    (void)user;
    (void)m;
}

/* One that another covers, one twice, one not in use. */
static const struct cleat_mqtt_route routes[] = {
    {.filter = {(const uint8_t *)"led/+", 5}, .qos = 1, .handler = ignore},
    {.filter = {(const uint8_t *)"led/1", 5}, .local = true, .handler = ignore},
    {.filter = {(const uint8_t *)"led/+", 5}, .qos = 1, .handler = ignore},
    {.filter = {(const uint8_t *)"off", 3}},
    {.filter = {(const uint8_t *)"in", 2},
     .qos = 2 | CLEAT_MQTT_NO_LOCAL,
     .subscription_id = 7,
     .handler = ignore},
};
static const struct cleat_mqtt_dispatch table = {.routes = routes, .count = 5};

static void a_table_is_subscribed_to_and_restored(void **state) {
    (void)state;
    rig_init(&r);
    r.config.sub_count = 2;
    assert_int_equal(cleat_client_take_routes(&r.config, &table), 0);
    assert_int_equal(r.config.sub_count, 2);
    rig_start(&r);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(r.broker.subscribes, 2);
    assert_int_equal(r.subs[0].granted, 1);
    assert_int_equal(r.subs[1].granted, 2); /* 3.1.1 has no options. */
    r.broker.budget = 0;
    r.broker.lose_session = true;
    rig_run(&r);
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 5000);
    assert_int_equal(r.broker.subscribes, 4);
    assert_true(cleat_client_is_up(&r.client));
    assert_null(r.broker.error);
}

static void a_table_needs_room_and_must_be_sound(void **state) {
    static const struct cleat_mqtt_route bad[] = {
        {.filter = {(const uint8_t *)"a#", 2}, .handler = ignore}};
    const struct cleat_mqtt_dispatch wrong = {.routes = bad, .count = 1};
    (void)state;
    rig_init(&r);
    r.config.sub_count = 1;
    assert_int_equal(cleat_client_take_routes(&r.config, &table),
                     CLEAT_ERR_FULL);
    assert_int_equal(cleat_client_take_routes(&r.config, &wrong),
                     CLEAT_ERR_ARG);
    r.config.subs = NULL;
    assert_int_equal(cleat_client_take_routes(&r.config, &table),
                     CLEAT_ERR_FULL);
}

/* Connected with those properties in CONNACK. */
static void connect_v5(struct script *s, const char *connack) {
    script_init(s);
    s->config.v5 = &cleat_mqtt_v5;
    script_play(s, connack);
    s->out[0] = '\0';
}

static void the_identifier_goes_out_with_the_subscription(void **state) {
    static struct script s;
    struct cleat_client_sub sub = {.filter = cleat_bytes_str("in"),
                                   .qos = 2 | CLEAT_MQTT_NO_LOCAL,
                                   .subscription_id = 7};
    (void)state;
    connect_v5(&s, "connect < 2003000000");
    assert_int_equal(cleat_client_subscribe_numbered(&s.session, &sub, 1), 1);
    struct cleat_bytes out = cleat_mqtt_output(&s.session);
    assert_int_equal(out.len, 12);
    assert_memory_equal(out.data, "\x82\x0A\0\x01\x02\x0B\x07\0\x02in\x06", 12);
    cleat_mqtt_output_done(&s.session, out.len, 1);
    sub.subscription_id = 0;
    assert_int_equal(cleat_client_subscribe_numbered(&s.session, &sub, 1), 2);
    out = cleat_mqtt_output(&s.session);
    assert_memory_equal(out.data, "\x82\x08\0\x02\0\0\x02in\x06", 10);
}

static void a_server_without_identifiers_gets_none(void **state) {
    static struct script s;
    struct cleat_client_sub sub = {
        .filter = cleat_bytes_str("in"), .qos = 1, .subscription_id = 7};
    (void)state;
    connect_v5(&s, "connect < 20050000022900");
    assert_int_equal(cleat_client_subscribe_numbered(&s.session, &sub, 1), 2);
    struct cleat_bytes out = cleat_mqtt_output(&s.session);
    assert_int_equal(out.len, 10);
    assert_memory_equal(out.data, "\x82\x08\0\x02\0\0\x02in\x01", 10);
}

/* It goes out before what waits in the queue, as all that is restored. */
static void it_overtakes_what_is_queued(void **state) {
    static struct script s;
    struct cleat_client_sub sub = {.filter = cleat_bytes_str("in"),
                                   .subscription_id = 7};
    (void)state;
    connect_v5(&s, "connect < 2003000000");
    assert_int_equal(cleat_mqtt_publish(&s.session, cleat_bytes_str("a"),
                                        cleat_bytes_str("b"), 1, false, 1),
                     1);
    assert_int_equal(cleat_client_subscribe_numbered(&s.session, &sub, 1), 2);
    struct cleat_bytes out = cleat_mqtt_output(&s.session);
    assert_int_equal(out.data[0], 0x82);
}

/* The server knows no wildcards: that entry is refused, the client is up. */
static void
what_the_server_cannot_do_is_told_and_holds_up_nothing(void **state) {
    static const uint8_t connack[] = {0x20, 5, 0, 0, 2, 0x28, 0};
    static const uint8_t suback[] = {0x90, 4, 0, 2, 0, 1};
    (void)state;
    rig_init(&r);
    r.mqtt.v5 = &cleat_mqtt_v5;
    r.broker.mute = true;
    r.config.sub_count = 2;
    assert_int_equal(cleat_client_take_routes(&r.config, &table), 0);
    r.config.subscribe = NULL; /* As without a table. */
    r.subs[1].qos = 1;
    rig_start(&r);
    rig_run(&r);
    broker_raw(&r.broker, connack, sizeof connack);
    rig_run(&r);
    assert_false(cleat_client_is_up(&r.client));
    broker_raw(&r.broker, suback, sizeof suback);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(r.subs[0].granted, CLEAT_MQTT_SUBACK_REFUSED);
    assert_int_equal(r.subs[1].granted, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_subscribed_to_and_restored),
        cmocka_unit_test(a_table_needs_room_and_must_be_sound),
        cmocka_unit_test(the_identifier_goes_out_with_the_subscription),
        cmocka_unit_test(a_server_without_identifiers_gets_none),
        cmocka_unit_test(it_overtakes_what_is_queued),
        cmocka_unit_test(
            what_the_server_cannot_do_is_told_and_holds_up_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
