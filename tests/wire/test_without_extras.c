/* SPDX-License-Identifier: MIT */
/* Session and client for size, as in the tiny firmware: CLEAT_MQTT_EXTRAS=0,
 * CLEAT_MQTT_QOS2=0, and with CLEAT_MQTT_CHECKS as well as without. What a
 * device needs is there, the rest is refused. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/config.h"
#include "rig.h"

static struct rig r;
static int asked; /* for random bits */

static uint32_t most(void *arg) {
    (void)arg;
    asked++;
    return 0xFFFFFFFFu;
}

static int fresh(void **state) {
    (void)state;
    rig_init(&r);
    r.config.random = most;
    r.subs[0].filter = cleat_bytes_str("led/+");
    r.subs[0].qos = 1;
    r.config.sub_count = 1;
    r.mqtt.tx_reserve = sizeof "led/+" - 1 + 8;
    asked = 0;
    return 0;
}

static void assert_sound(void) {
    assert_string_equal(r.broker.error == NULL ? "" : r.broker.error, "");
}

/* --- what there is ---------------------------------------------------------
 */

static void messages_flow_and_are_acknowledged(void **state) {
    (void)state;
    rig_start(&r);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(r.subs[0].granted, 1);
    assert_true(rig_publish(&r, "a", "out", 1) > 0);
    broker_publish(&r.broker, "led/1", "in", 1);
    rig_run(&r);
    assert_int_equal(r.delivered, 1);
    assert_int_equal(rig_count(&r, "in"), 1);
    assert_non_null(strchr(r.broker.order, 'A'));
    assert_false(cleat_client_is_busy(&r.client));
    assert_sound();
}

static void a_subscription_is_restored_before_a_full_queue(void **state) {
    char name[] = "p0";
    (void)state;
    rig_start(&r);
    rig_run(&r);
    r.broker.budget = 0;
    r.broker.lose_session = true;
    rig_run(&r);
    while (rig_publish(&r, "a", name, 1) >= 0) {
        name[1]++;
    }
    assert_string_equal(name, "p7");
    memset(r.broker.order, 0, sizeof r.broker.order);
    r.broker.order_len = 0;
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 5000);
    assert_memory_equal(r.broker.order, "CSPPPPPPP", 9);
    assert_int_equal(r.broker.got_len, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(r.broker.got[i].payload[1], '0' + i);
    }
    assert_int_equal(asked, 1);
    assert_sound();
}

static void what_was_not_acknowledged_comes_again_with_dup(void **state) {
    (void)state;
    rig_start(&r);
    rig_run(&r);
    r.broker.mute = true;
    assert_true(rig_publish(&r, "a", "twice", 1) > 0);
    rig_run(&r);
    r.broker.mute = false;
    r.broker.budget = 0;
    rig_run(&r);
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 5000);
    const struct broker_message *last = &r.broker.got[r.broker.got_len - 1];
    assert_string_equal(last->payload, "twice");
    assert_true(last->dup);
    assert_int_equal(r.delivered, 1);
    assert_sound();
}

static void a_message_larger_than_the_buffer_comes_in_pieces(void **state) {
    (void)state;
    char text[64];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    r.mqtt.rx_cap = 32;
    rig_start(&r);
    rig_run(&r);
    broker_publish(&r.broker, "led/1", text + 1, 1);
    broker_raw(&r.broker, "\x30\x31\0\x2fled/", 8); /* topic beyond rx_cap */
    broker_raw(&r.broker, text, 43);
    broker_publish(&r.broker, "led/1", "next", 1);
    rig_run(&r);
    assert_int_equal(rig_count(&r, text + 1), 1);
    assert_non_null(rig_mqtt(&r, CLEAT_MQTT_SKIPPED, 0));
    assert_int_equal(rig_count(&r, "next"), 1);
    assert_sound();
}

static void a_dead_link_is_found_by_the_keep_alive(void **state) {
    (void)state;
    r.mqtt.keep_alive_s = 20;
    rig_start(&r);
    rig_run(&r);
    rig_run_until(&r, r.now + 30000);
    assert_int_equal(r.broker.pings, 2);
    r.broker.mute = true;
    rig_run_until(&r, r.now + 30000);
    assert_non_null(rig_event(&r, CLEAT_CLIENT_DOWN, 0));
    assert_sound();
}

/* --- what there is not -----------------------------------------------------
 */

static int no_read(void *arg, uint32_t offset, struct cleat_bytes *piece) {
    (void)arg;
    (void)offset;
    (void)piece;
    return CLEAT_ERR_IO;
}

static void a_payload_from_a_source_is_refused(void **state) {
    struct cleat_mqtt_source source = {no_read, NULL, 5, NULL};
    struct cleat_mqtt_message m = {
        cleat_bytes_str("a"), {NULL, 0}, 1, false, 0, NULL, &source};
    (void)state;
    rig_start(&r);
    rig_run(&r);
    assert_int_equal(cleat_mqtt_send(&r.session, &m, r.now),
                     CLEAT_ERR_UNSUPPORTED);
    assert_false(cleat_client_is_busy(&r.client));
}

#if CLEAT_MQTT_CHECKS
static int no_note(void *arg, enum cleat_mqtt_note what, uint16_t id,
                   struct cleat_bytes packet) {
    (void)arg;
    (void)what;
    (void)id;
    (void)packet;
    return 0;
}

static void a_journal_and_acknowledgements_are_refused(void **state) {
    static const struct cleat_mqtt_journal journal = {no_note, NULL};
    struct cleat_mqtt_unacked unacked[1];
    (void)state;
    r.mqtt.journal = &journal;
    assert_int_equal(cleat_mqtt_init(&r.session, &r.mqtt),
                     CLEAT_ERR_UNSUPPORTED);
    r.mqtt.journal = NULL;
    assert_int_equal(cleat_mqtt_init(&r.session, &r.mqtt), 0);
    r.mqtt.unacked = unacked;
    r.mqtt.unacked_count = 1;
    assert_int_equal(cleat_mqtt_init(&r.session, &r.mqtt),
                     CLEAT_ERR_UNSUPPORTED);
}

static int no_subscribe(struct cleat_mqtt *session,
                        const struct cleat_client_sub *sub, uint64_t now_ms) {
    (void)session;
    (void)sub;
    (void)now_ms;
    return CLEAT_ERR_STATE;
}

static void so_is_what_a_client_has_more(void **state) {
    (void)state;
    assert_int_equal(cleat_client_init(&r.client, &r.config), 0);
    r.config.subscribe = no_subscribe;
    assert_int_equal(cleat_client_init(&r.client, &r.config),
                     CLEAT_ERR_UNSUPPORTED);
    r.config.subscribe = NULL;
    r.config.refused_is_final = true;
    assert_int_equal(cleat_client_init(&r.client, &r.config),
                     CLEAT_ERR_UNSUPPORTED);
    r.config.refused_is_final = false;
    r.config.random = NULL;
    assert_int_equal(cleat_client_init(&r.client, &r.config),
                     CLEAT_ERR_UNSUPPORTED);
}
#else
/* One byte too much, and many; the password does not stay. */
static void connect_that_does_not_fit_is_refused_by_connect(void **state) {
    uint8_t clean[sizeof r.rx];
    (void)state;
    r.mqtt.username = cleat_bytes_str("me");
    r.mqtt.password = cleat_bytes_str("secret");
    assert_int_equal(cleat_mqtt_init(&r.session, &r.mqtt), 0);
    assert_int_equal(cleat_mqtt_connect(&r.session, r.now), 0);
    size_t len = cleat_mqtt_output(&r.session).len;
    cleat_mqtt_lost(&r.session, r.now);
    memset(r.rx, 0xEE, sizeof r.rx);
    for (r.mqtt.rx_cap = len - 1; r.mqtt.rx_cap > 4; r.mqtt.rx_cap--) {
        memset(clean, 0xEE, sizeof clean);
        memset(clean, 0, r.mqtt.rx_cap);
        assert_int_equal(cleat_mqtt_connect(&r.session, r.now), CLEAT_ERR_SIZE);
        assert_memory_equal(r.rx, clean, sizeof clean);
        memset(r.rx, 0xEE, sizeof r.rx);
        assert_int_equal(cleat_mqtt_output(&r.session).len, 0);
        assert_false(cleat_mqtt_is_busy(&r.session));
    }
    r.mqtt.rx_cap = len;
    assert_int_equal(cleat_mqtt_connect(&r.session, r.now), 0);
    assert_int_equal(cleat_mqtt_output(&r.session).len, len);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_flow_and_are_acknowledged, fresh),
        cmocka_unit_test_setup(a_subscription_is_restored_before_a_full_queue,
                               fresh),
        cmocka_unit_test_setup(what_was_not_acknowledged_comes_again_with_dup,
                               fresh),
        cmocka_unit_test_setup(a_message_larger_than_the_buffer_comes_in_pieces,
                               fresh),
        cmocka_unit_test_setup(a_dead_link_is_found_by_the_keep_alive, fresh),
        cmocka_unit_test_setup(a_payload_from_a_source_is_refused, fresh),
#if CLEAT_MQTT_CHECKS
        cmocka_unit_test_setup(a_journal_and_acknowledgements_are_refused,
                               fresh),
        cmocka_unit_test_setup(so_is_what_a_client_has_more, fresh),
#else
        cmocka_unit_test_setup(connect_that_does_not_fit_is_refused_by_connect,
                               fresh),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
