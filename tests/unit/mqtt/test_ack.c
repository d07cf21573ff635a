/* SPDX-License-Identifier: MIT */
/* Messages that the application acknowledges itself. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

/* The last is not the session's. */
static struct cleat_mqtt_unacked unacked[3];

static int fresh(void **state) {
    (void)state;
    fixture_reset();
    memset(unacked, 0, sizeof unacked);
    t.config.rx_cap = 64;
    t.config.unacked = unacked;
    t.config.unacked_count = 2;
    return cleat_mqtt_init(S, &t.config);
}

/* @return bytes taken of a PUBLISH at that QoS. */
static int arrive(uint8_t qos, uint8_t id) {
    const uint8_t m[] = {(uint8_t)(0x30 | qos << 1), 6, 0, 1, 'a', 0, id, 'x'};
    return input(m, sizeof m);
}

static bool message(uint16_t id) {
    return cleat_mqtt_event(S, &t.e, 0) && t.e.type == CLEAT_MQTT_MESSAGE &&
           t.e.id == id;
}

static void a_message_is_acknowledged_when_it_is_stored(void **state) {
    (void)state;
    come_up(false);
    arrive(1, 5);
    assert_true(message(5));
    flush();
    assert_string_equal(t.out, "");
    assert_int_equal(cleat_mqtt_ack(S, 5, 0, 0), 0);
    flush();
    assert_string_equal(t.out, "40020005");
    assert_int_equal(cleat_mqtt_ack(S, 5, 0, 0), CLEAT_ERR_NOT_FOUND);
}

static void acknowledgements_keep_the_order_of_the_messages(void **state) {
    (void)state;
    come_up(false);
    arrive(1, 5);
    assert_true(message(5));
    arrive(2, 6);
    assert_true(message(6));
    assert_int_equal(cleat_mqtt_ack(S, 6, 0, 0), 0);
    flush();
    assert_string_equal(t.out, "");
    assert_int_equal(cleat_mqtt_ack(S, 5, 0, 0), 0);
    flush();
    assert_string_equal(t.out, "4002000550020006");
}

static void without_room_a_message_waits_and_nothing_fails(void **state) {
    (void)state;
    come_up(false);
    arrive(1, 1);
    assert_true(message(1));
    arrive(1, 2);
    assert_true(message(2));
    assert_int_equal(arrive(1, 3), 0); /* It stays with the caller. */
    assert_false(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(arrive(0, 4), 0); /* Nothing is received. */
    assert_false(cleat_mqtt_event(S, &t.e, 30000));
    assert_int_equal(cleat_mqtt_ack(S, 1, 0, 30000), 0);
    assert_int_equal(arrive(1, 3), 8);
    assert_true(message(3));
    flush();
    assert_string_equal(t.out, "40020001");
}

/* A PUBLISH whose topic does not fit rx_buf. */
static size_t put_large(uint8_t *at, uint8_t qos, uint8_t id) {
    size_t len = 4;
    at[0] = (uint8_t)(0x30 | qos << 1);
    at[2] = 0;
    at[3] = 70;
    memset(at + len, 'a', 70);
    len += 70;
    at[len++] = 0;
    at[len++] = id;
    if (t.config.v5 != NULL) {
        at[len++] = 0; /* no properties */
    }
    at[len++] = 'x';
    at[1] = (uint8_t)(len - 2);
    return len;
}

/* Hand it in by so many bytes, until none are taken. @return what were. */
static size_t feed(const uint8_t *at, size_t len, size_t piece) {
    size_t taken = 0;
    int n = 1;
    while (taken < len && n > 0) {
        size_t left = len - taken;
        n = cleat_mqtt_input(
            S, cleat_bytes_of(at + taken, left < piece ? left : piece), 0);
        assert_true(n >= 0);
        taken += (size_t)n;
    }
    return taken;
}

static bool skipped(uint16_t id) {
    return cleat_mqtt_event(S, &t.e, 0) && t.e.type == CLEAT_MQTT_SKIPPED &&
           t.e.id == id;
}

static void check_large(const struct cleat_mqtt_version *v5, uint8_t qos,
                        size_t piece) {
    static const struct cleat_mqtt_unacked none = {0xEEEE, 0xEE, 0xEE};
    uint8_t large[128];
    char want[20];
    (void)fresh(NULL);
    t.config.v5 = v5;
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    unacked[2] = none;
    come_up(false);
    for (uint8_t id = 1; id <= 2; id++) {
        size_t len = put_large(large, 1, id);
        assert_int_equal(feed(large, len, piece), len);
        assert_true(skipped(id));
    }
    size_t len = put_large(large, qos, 3);
    assert_int_equal(feed(large, len, piece), 0);
    assert_false(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(cleat_mqtt_ack(S, 1, 0, 0), 0);
    assert_int_equal(feed(large, len, piece), len);
    assert_true(skipped(3));
    flush();
    assert_string_equal(t.out, "40020001");
    assert_int_equal(cleat_mqtt_ack(S, 2, 0, 0), 0);
    assert_int_equal(cleat_mqtt_ack(S, 3, 0, 0), 0);
    flush();
    snprintf(want, sizeof want, "40020002%d0020003", qos + 3);
    assert_string_equal(t.out, want);
    assert_memory_equal(&unacked[2], &none, sizeof none);
}

static void without_room_one_that_is_skipped_waits_too(void **state) {
    (void)state;
    for (size_t piece = 1; piece < 90; piece++) {
        for (uint8_t qos = 1; qos <= 2; qos++) {
            check_large(NULL, qos, piece);
            check_large(&cleat_mqtt_v5, qos, piece);
        }
    }
}

static void what_was_not_acknowledged_comes_again(void **state) {
    (void)state;
    come_up(false);
    arrive(2, 7);
    assert_true(message(7));
    cleat_mqtt_lost(S, 0);
    assert_int_equal(cleat_mqtt_ack(S, 7, 0, 0), CLEAT_ERR_NOT_FOUND);
    come_up(true);
    arrive(2, 7);
    assert_true(message(7));
    assert_int_equal(cleat_mqtt_ack(S, 7, 0, 0), 0);
    flush();
    assert_string_equal(t.out, "50020007");
    /* Now it is ours. */
    arrive(2, 7);
    assert_false(cleat_mqtt_event(S, &t.e, 0));
    flush();
    assert_string_equal(t.out, "50020007");
}

static void take_message_7_of_mqtt_5(void) {
    static const uint8_t m[] = {0x34, 7, 0, 1, 'a', 0, 7, 0, 'x'};
    t.config.v5 = &cleat_mqtt_v5;
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    come_up(false);
    receive(m, 9);
    assert_true(message(7));
}

static void under_mqtt_5_a_message_may_be_refused(void **state) {
    (void)state;
    take_message_7_of_mqtt_5();
    assert_int_equal(cleat_mqtt_ack(S, 7, 0x87, 0), 0);
    flush();
    assert_string_equal(t.out, "5003000787");
    assert_int_equal(t.ids[7 % 4], 0);
}

static void behind_disconnect_no_message_is_answered(void **state) {
    (void)state;
    take_message_7_of_mqtt_5();
    assert_int_equal(cleat_mqtt_disconnect(S, 0), 0);
    /* DISCONNECT is offered, and not sent yet. */
    assert_int_equal(cleat_mqtt_output(S).len, 2);
    assert_int_equal(cleat_mqtt_ack(S, 7, 0x87, 0), 0);
    flush();
    assert_string_equal(t.out, "e000");
    assert_int_equal(t.ids[7 % 4], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, fresh)
        CASE(a_message_is_acknowledged_when_it_is_stored),
        CASE(acknowledgements_keep_the_order_of_the_messages),
        CASE(without_room_a_message_waits_and_nothing_fails),
        CASE(without_room_one_that_is_skipped_waits_too),
        CASE(what_was_not_acknowledged_comes_again),
        CASE(under_mqtt_5_a_message_may_be_refused),
        CASE(behind_disconnect_no_message_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
