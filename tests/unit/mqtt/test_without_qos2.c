/* SPDX-License-Identifier: MIT */
/* A session built with CLEAT_MQTT_QOS2=0: QoS 0 and 1 as ever, and no way to
 * QoS 2, in either direction. */
#include "fixture.h"

#define A STR("a")

static void start(const struct cleat_mqtt_version *v5) {
    fixture_reset();
    t.config.rx_cap = 64;
    t.config.qos2_ids = NULL;
    t.config.qos2_count = 0;
    t.config.v5 = v5;
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    come_up(false);
}

static const struct cleat_mqtt_version *const versions[] = {NULL,
                                                            &cleat_mqtt_v5};

static void publishing_at_qos_2_is_refused_in_words(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start(versions[i]);
        assert_int_equal(cleat_mqtt_publish(S, A, A, 2, false, 0),
                         CLEAT_ERR_UNSUPPORTED);
        assert_int_equal(cleat_mqtt_publish(S, A, A, 3, false, 0),
                         CLEAT_ERR_ARG);
        flush();
        assert_string_equal(t.out, "");
        assert_int_equal(cleat_mqtt_publish(S, A, A, 1, false, 0), 1);
    }
}

static void subscribing_asks_for_qos_1_at_most(void **state) {
    struct cleat_mqtt_filter f[2] = {{A, 2}, {A, 0}};
    (void)state;
    start(NULL);
    assert_int_equal(cleat_mqtt_subscribe(S, f, 2, 0), 1);
    flush();
    assert_string_equal(t.out, "820a0001"
                               "00016101"
                               "00016100");
    f[0].qos = 3;
    assert_int_equal(cleat_mqtt_subscribe(S, f, 2, 0), CLEAT_ERR_ARG);
    start(&cleat_mqtt_v5);
    f[0].qos = 2 | CLEAT_MQTT_NO_LOCAL | CLEAT_MQTT_RETAIN_NEVER;
    assert_int_equal(cleat_mqtt_subscribe(S, f, 2, 0), 1);
    flush();
    assert_string_equal(t.out, "820b000100"
                               "00016125"
                               "00016100");
}

static void what_only_comes_at_qos_2_breaks_the_protocol(void **state) {
    static const char *const packets[] = {"\x34\6\0\1"
                                          "a\0\1x",
                                          "\x3c\6\0\1"
                                          "a\0\1x",
                                          "\x50\2\0\1", "\x62\2\0\1",
                                          "\x70\2\0\1"};
    (void)state;
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        for (size_t v = 0; v < 2; v++) {
            start(versions[v]);
            (void)cleat_mqtt_publish(S, A, A, 1, false, 0);
            flush();
            assert_int_equal(input(packets[i], (size_t)packets[i][1] + 2),
                             CLEAT_ERR_PROTO);
            expect_event(CLEAT_MQTT_FAILED);
            assert_int_equal(t.e.err, CLEAT_ERR_PROTO);
            assert_string_equal(
                t.e.detail.text,
                "packet of qos 2, which is not built in [CLEAT_MQTT_QOS2]");
            flush();
            assert_string_equal(t.out, v == 0 ? "" : "e00181");
        }
    }
}

static void qos_1_goes_both_ways(void **state) {
    (void)state;
    start(NULL);
    assert_int_equal(cleat_mqtt_publish(S, A, A, 1, false, 0), 1);
    flush();
    assert_string_equal(t.out, "3206000161000161");
    cleat_mqtt_lost(S, 0);
    come_up(true);
    flush();
    assert_string_equal(t.out, "3a06000161000161");
    receive("\x40\2\0\1", 4);
    expect_event(CLEAT_MQTT_DELIVERED);
    assert_int_equal(t.e.id, 1);
    receive("\x32\6\0\1"
            "a\0\7x",
            8);
    expect_event(CLEAT_MQTT_MESSAGE);
    flush();
    assert_string_equal(t.out, "40020007");
    assert_false(cleat_mqtt_is_busy(S));
}

/* The connection ends between input and event. */
static void a_message_is_whole_whatever_comes_before_it_is_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start(NULL);
        receive("\x30\6\0\1"
                "axyz",
                8);
        assert_true(cleat_mqtt_event(S, &t.e, 0));
        receive("\x30\4\0\1"
                "ax",
                6);
        if (i == 0) {
            assert_int_equal(cleat_mqtt_disconnect(S, 0), 0);
        } else {
            cleat_mqtt_lost(S, 0);
        }
        expect_event(CLEAT_MQTT_MESSAGE);
        assert_int_equal(t.e.offset, 0);
        assert_int_equal(t.e.total_len, 1);
        assert_true(t.e.last);
    }
}

static void a_journal_has_nothing_of_qos_2_to_hand_back(void **state) {
    (void)state;
    start(NULL);
    assert_int_equal(cleat_mqtt_restore_pubrel(S, 1), CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(cleat_mqtt_restore_qos2(S, 1), CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(cleat_mqtt_restore(S,
                                        cleat_bytes_of("\x34\6\0\1"
                                                       "a\0\1x",
                                                       8),
                                        true),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_restore(S,
                                        cleat_bytes_of("\x32\6\0\1"
                                                       "a\0\1x",
                                                       8),
                                        true),
                     1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishing_at_qos_2_is_refused_in_words),
        cmocka_unit_test(subscribing_asks_for_qos_1_at_most),
        cmocka_unit_test(what_only_comes_at_qos_2_breaks_the_protocol),
        cmocka_unit_test(qos_1_goes_both_ways),
        cmocka_unit_test(a_message_is_whole_whatever_comes_before_it_is_taken),
        cmocka_unit_test(a_journal_has_nothing_of_qos_2_to_hand_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
