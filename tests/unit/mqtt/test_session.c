/* SPDX-License-Identifier: MIT */
/* The session by itself: what it refuses, in which order things go out, what
 * it does when buffers or identifiers are used up. */
#include "fixture.h"

#include <string.h>

static int fresh(void **state) {
    (void)state;
    fixture_reset();
    return 0;
}

static void start(void) {
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    come_up(false);
}

static int publish(const char *topic, const char *payload, uint8_t qos) {
    return cleat_mqtt_publish(S, STR(topic), STR(payload), qos, false, 0);
}

static int ack(uint8_t first, int id) {
    const uint8_t p[4] = {first, 2, (uint8_t)(id >> 8), (uint8_t)id};
    return input(p, 4);
}

static int init_with(void (*change)(struct cleat_mqtt_config *c)) {
    struct cleat_mqtt_config c = t.config;
    change(&c);
    return cleat_mqtt_init(S, &c);
}

static void no_tx(struct cleat_mqtt_config *c) {
    c->tx_buf = NULL;
}
static void no_rx(struct cleat_mqtt_config *c) {
    c->rx_buf = NULL;
}
static void no_slots(struct cleat_mqtt_config *c) {
    c->slots = NULL;
}
static void zero_slots(struct cleat_mqtt_config *c) {
    c->slot_count = 0;
}
static void no_ids(struct cleat_mqtt_config *c) {
    c->qos2_ids = NULL;
}
static void bad_id(struct cleat_mqtt_config *c) {
    c->client_id = STR("\xFF");
}
static void no_id(struct cleat_mqtt_config *c) {
    c->client_id = STR("");
}
static void no_id_clean(struct cleat_mqtt_config *c) {
    c->client_id = STR("");
    c->clean_session = true;
}
static void bad_user(struct cleat_mqtt_config *c) {
    c->username = STR("\xC0\x80");
}
static void password_alone(struct cleat_mqtt_config *c) {
    c->password = STR("p");
}
static void binary_password(struct cleat_mqtt_config *c) {
    c->username = STR("u");
    c->password = cleat_bytes_of("\0\xFF", 2);
}
static void will_wildcard(struct cleat_mqtt_config *c) {
    c->will.topic = STR("a/#");
}
static void will_qos(struct cleat_mqtt_config *c) {
    c->will.topic = STR("a");
    c->will.qos = 3;
}
static void small_rx(struct cleat_mqtt_config *c) {
    c->rx_cap = 15;
}
static void connect_too_long(struct cleat_mqtt_config *c) {
    c->will.topic = STR("a");
    c->will.payload = cleat_bytes_of(t.tx, 128);
}
static void long_payload(struct cleat_mqtt_config *c) {
    c->will.topic = STR("a");
    c->will.payload = cleat_bytes_of(t.tx, 65536);
}

static void settings_are_checked(void **state) {
    (void)state;
    assert_int_equal(init_with(no_tx), CLEAT_ERR_ARG);
    assert_int_equal(init_with(no_rx), CLEAT_ERR_ARG);
    assert_int_equal(init_with(no_slots), CLEAT_ERR_ARG);
    assert_int_equal(init_with(zero_slots), CLEAT_ERR_ARG);
    assert_int_equal(init_with(no_ids), CLEAT_ERR_ARG);
    assert_int_equal(init_with(bad_id), CLEAT_ERR_ARG);
    assert_int_equal(init_with(no_id), CLEAT_ERR_ARG);
    assert_int_equal(init_with(no_id_clean), 0);
    assert_int_equal(init_with(bad_user), CLEAT_ERR_ARG);
    assert_int_equal(init_with(password_alone), CLEAT_ERR_ARG);
    assert_int_equal(init_with(binary_password), 0);
    assert_int_equal(init_with(will_wildcard), CLEAT_ERR_ARG);
    assert_int_equal(init_with(will_qos), CLEAT_ERR_ARG);
    assert_int_equal(init_with(small_rx), CLEAT_ERR_SIZE);
    assert_int_equal(init_with(connect_too_long), CLEAT_ERR_SIZE);
    assert_int_equal(init_with(long_payload), CLEAT_ERR_SIZE);
}

static void what_may_not_be_published_is_refused_before(void **state) {
    (void)state;
    start();
    assert_int_equal(publish("", "x", 0), CLEAT_ERR_ARG);
    assert_int_equal(publish("a/#", "x", 0), CLEAT_ERR_ARG);
    assert_int_equal(publish("+", "x", 0), CLEAT_ERR_ARG);
    assert_int_equal(publish("\xFF", "x", 0), CLEAT_ERR_ARG);
    assert_int_equal(publish("a", "x", 3), CLEAT_ERR_ARG);
    static char big[129];
    memset(big, 'x', 128);
    assert_int_equal(publish("a", big, 0), CLEAT_ERR_SIZE);
    assert_int_equal(cleat_mqtt_publish(S, STR("a"),
                                        cleat_bytes_of(big, 268435454u), 0,
                                        false, 0),
                     CLEAT_ERR_SIZE);
    assert_int_equal(
        cleat_mqtt_publish(S, STR("a"), cleat_bytes_of(NULL, 1), 0, false, 0),
        CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
}

static void what_may_not_be_subscribed_to_is_refused_before(void **state) {
    (void)state;
    start();
    struct cleat_mqtt_filter f[2] = {{STR("a"), 0}, {STR("b#"), 0}};
    assert_int_equal(cleat_mqtt_subscribe(S, f, 0, 0), CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_subscribe(S, NULL, 1, 0), CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_subscribe(S, f, 2, 0), CLEAT_ERR_ARG);
    f[0].qos = 3;
    assert_int_equal(cleat_mqtt_subscribe(S, f, 1, 0), CLEAT_ERR_ARG);
    struct cleat_bytes u[2] = {STR("a"), STR("")};
    assert_int_equal(cleat_mqtt_unsubscribe(S, u, 0, 0), CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_unsubscribe(S, u, 2, 0), CLEAT_ERR_ARG);
    static struct cleat_mqtt_filter many[256];
    for (size_t i = 0; i < 256; i++) {
        many[i].filter = STR("a");
    }
    assert_int_equal(cleat_mqtt_subscribe(S, many, 124, 0), CLEAT_ERR_SIZE);
    assert_int_equal(cleat_mqtt_subscribe(S, many, 100, 0), CLEAT_ERR_SIZE);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
}

static void commands_out_of_order_are_refused(void **state) {
    (void)state;
    struct cleat_mqtt_filter f = {STR("a"), 0};
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    assert_int_equal(publish("a", "x", 0), CLEAT_ERR_STATE);
    assert_int_equal(cleat_mqtt_subscribe(S, &f, 1, 0), CLEAT_ERR_STATE);
    assert_int_equal(cleat_mqtt_disconnect(S, 0), CLEAT_ERR_STATE);
    assert_int_equal(ack(0x40, 1), CLEAT_ERR_STATE);
    assert_int_equal(cleat_mqtt_connect(S, 0), 0);
    assert_int_equal(cleat_mqtt_connect(S, 0), CLEAT_ERR_STATE);
    assert_int_equal(cleat_mqtt_subscribe(S, &f, 1, 0), CLEAT_ERR_STATE);
    cleat_mqtt_lost(S, 0);
    come_up(false);
    assert_int_equal(cleat_mqtt_disconnect(S, 0), 0);
    assert_int_equal(publish("a", "x", 0), CLEAT_ERR_STATE);
    assert_int_equal(cleat_mqtt_subscribe(S, &f, 1, 0), CLEAT_ERR_STATE);
}

static void nothing_may_come_before_connect_is_out(void **state) {
    (void)state;
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    assert_int_equal(cleat_mqtt_connect(S, 0), 0);
    cleat_mqtt_output_done(S, 3, 0);
    assert_int_equal(input("\x20\2\0\0", 4), CLEAT_ERR_PROTO);
    expect_event(CLEAT_MQTT_FAILED);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
}

static void ids_wrap_and_pass_over_those_in_use(void **state) {
    (void)state;
    t.config.first_id = 65535;
    start();
    assert_int_equal(publish("a", "1", 1), 65535);
    assert_int_equal(publish("a", "2", 1), 1);
    flush();
    /* Once around: only id 1 stays in use. */
    assert_int_equal(ack(0x40, 65535), 4);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    for (int i = 2; i <= 65535; i++) {
        assert_int_equal(publish("a", "3", 1), i);
        flush();
        assert_int_equal(ack(0x40, i), 4);
        assert_true(cleat_mqtt_event(S, &t.e, 0));
        assert_int_equal(t.e.id, i);
    }
    assert_int_equal(publish("a", "4", 1), 2);
}

static void full_is_passing_and_room_comes_back(void **state) {
    (void)state;
    start();
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(publish("a", "1", 1), i);
    }
    assert_int_equal(publish("a", "1", 1), CLEAT_ERR_FULL);
    assert_int_equal(publish("a", "1", 0), CLEAT_ERR_FULL);
    flush();
    assert_int_equal(ack(0x40, 3), 4); /* One from the middle. */
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(publish("b", "2", 1), 5);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "\x32\6\0\1b\0\5\x32", 8);
}

static void bytes_are_full_before_slots(void **state) {
    (void)state;
    char payload[61];
    memset(payload, 'x', 60);
    payload[60] = 0;
    start();
    assert_int_equal(publish("a", payload, 1), 1); /* 67 bytes */
    assert_int_equal(publish("a", payload, 1), CLEAT_ERR_FULL);
    assert_int_equal(publish("a", "x", 1), 2);
    flush();
    assert_int_equal(ack(0x40, 1), 4);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(publish("a", payload, 1), 3);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 67);
    assert_memory_equal(out.data, "\x32\x41\0\1a\0\3xxx", 10);
}

static void in_flight_is_bounded(void **state) {
    (void)state;
    t.config.inflight_max = 2;
    start();
    publish("a", "1", 1);
    publish("a", "2", 2);
    publish("a", "3", 1);
    assert_int_equal(cleat_mqtt_output(S).len, 16);
    flush();
    assert_int_equal(ack(0x40, 1), 4);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(cleat_mqtt_output(S).len, 8);
    flush();
    assert_int_equal(cleat_mqtt_output(S).len, 0);
}

static void a_packet_begun_is_finished_before_acknowledgements(void **state) {
    (void)state;
    start();
    publish("a", "12345", 0);
    assert_int_equal(cleat_mqtt_output(S).len, 10);
    cleat_mqtt_output_done(S, 4, 0);
    receive("\x32\5\0\1b\0\7", 7);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "a12345", 6);
    cleat_mqtt_output_done(S, out.len, 0);
    out = cleat_mqtt_output(S);
    assert_memory_equal(out.data, "\x40\2\0\7", 4);
}

static void an_early_acknowledgement_is_an_error(void **state) {
    (void)state;
    start();
    publish("a", "1", 1);
    assert_int_equal(ack(0x40, 1), CLEAT_ERR_PROTO);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_non_null(strstr(t.e.detail.text, "before it was sent"));
}

static void a_resend_may_be_answered_before_it_goes_out(void **state) {
    (void)state;
    start();
    publish("a", "1", 1);
    publish("a", "2", 2);
    flush();
    cleat_mqtt_lost(S, 0);
    come_up(true);
    assert_int_equal(ack(0x40, 1), 4);
    expect_event(CLEAT_MQTT_DELIVERED);
    assert_int_equal(ack(0x50, 2), 4);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "\x62\2\0\2", 4);
}

static void what_was_sent_in_part_is_resent_with_dup(void **state) {
    (void)state;
    start();
    publish("a", "1", 0);
    publish("a", "2", 1);
    cleat_mqtt_output_done(S, 6 + 3, 0); /* The second only in part. */
    publish("a", "3", 1);
    cleat_mqtt_lost(S, 0);
    come_up(true);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 16);
    assert_memory_equal(out.data, "\x3A\6\0\1a\0\1\x32\x32\6", 10);
}

static void qos0_sent_in_part_goes_out_whole_on_the_next(void **state) {
    (void)state;
    start();
    publish("a", "1", 0);
    cleat_mqtt_output_done(S, 5, 0);
    cleat_mqtt_lost(S, 0);
    come_up(true);
    assert_memory_equal(cleat_mqtt_output(S).data, "\x30\4\0\1a1", 6);
}

static void an_event_not_taken_holds_back_input(void **state) {
    (void)state;
    start();
    const char two[] = "\x30\4\0\1ax\x30\4\0\1ay";
    assert_int_equal(input(two, 12), 6);
    assert_int_equal(input(two + 6, 6), 0);
    assert_true(cleat_mqtt_deadline(S) == 0);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(t.e.payload.data[0], 'x');
    receive(two + 6, 6);
}

static void an_unfinished_message_comes_again_from_its_beginning(void **state) {
    (void)state;
    t.config.rx_cap = 22; /* pieces of 22 - 7 */
    start();
    receive("\x34\x19\0\1a\0\7"
            "012345678901234",
            22);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(t.e.offset, 0);
    assert_false(t.e.last);
    cleat_mqtt_lost(S, 0);
    come_up(true);
    const char again[] = "\x3c\x19\0\1a\0\7"
                         "01234567890123456789";
    size_t at = 0;
    uint32_t got = 0;
    while (at < 27) {
        at +=
            (size_t)cleat_mqtt_input(S, cleat_bytes_of(again + at, 27 - at), 0);
        while (cleat_mqtt_event(S, &t.e, 0)) {
            assert_int_equal(t.e.offset, got);
            got += (uint32_t)t.e.payload.len;
        }
    }
    assert_int_equal(got, 20);
    assert_true(t.e.type == CLEAT_MQTT_NONE);
    assert_memory_equal(cleat_mqtt_output(S).data, "\x50\2\0\7", 4);
}

static void the_largest_payload_comes_through_a_small_buffer(void **state) {
    (void)state;
    static uint8_t block[65536];
    start();
    receive("\x30\xFF\xFF\xFF\x7F\0\1a", 8);
    uint64_t left = 268435455u - 3;
    uint64_t got = 0;
    /* The first 8 MiB of it are enough to see the offsets go on. */
    while (got < 8u * 1024 * 1024) {
        int n = cleat_mqtt_input(S, cleat_bytes_of(block, sizeof block), 0);
        assert_true(n >= 0);
        while (cleat_mqtt_event(S, &t.e, 0)) {
            assert_int_equal(t.e.offset, got);
            assert_int_equal(t.e.total_len, left);
            assert_false(t.e.last);
            got += t.e.payload.len;
        }
    }
}

static void a_slow_caller_is_not_a_silent_broker(void **state) {
    (void)state;
    start();
    publish("a", "1", 1);
    flush();
    receive("\x30\4\0\1ax", 6);
    /* The message is taken a minute later; the PUBACK may be waiting. */
    assert_true(cleat_mqtt_event(S, &t.e, 60000));
    assert_int_equal(t.e.type, CLEAT_MQTT_MESSAGE);
    assert_false(cleat_mqtt_event(S, &t.e, 60000));
    assert_true(cleat_mqtt_event(S, &t.e, 70000));
    assert_int_equal(t.e.type, CLEAT_MQTT_FAILED);
}

static void keep_alive_off_sends_no_ping(void **state) {
    (void)state;
    t.config.keep_alive_off = true;
    start();
    assert_true(cleat_mqtt_deadline(S) == CLEAT_MQTT_NEVER);
    assert_false(cleat_mqtt_event(S, &t.e, 1000000000));
    assert_int_equal(cleat_mqtt_output(S).len, 0);
}

static void two_sessions_do_not_know_each_other(void **state) {
    (void)state;
    static struct cleat_mqtt other;
    static uint8_t tx[64], rx[64];
    static struct cleat_mqtt_slot slots[2];
    start();
    struct cleat_mqtt_config c = t.config;
    c.tx_buf = tx;
    c.tx_cap = sizeof tx;
    c.rx_buf = rx;
    c.rx_cap = sizeof rx;
    c.slots = slots;
    c.slot_count = 2;
    c.qos2_ids = NULL;
    c.qos2_count = 0;
    assert_int_equal(cleat_mqtt_init(&other, &c), 0);
    assert_int_equal(publish("a", "1", 1), 1);
    assert_false(cleat_mqtt_is_busy(&other));
    assert_false(cleat_mqtt_is_connected(&other));
    assert_true(cleat_mqtt_is_connected(S));
}

static void a_restored_subscription_overtakes_queued_messages(void **state) {
    (void)state;
    const struct cleat_mqtt_filter f = {STR("a/#"), 1};
    const uint8_t want[] = {0x82, 8,   0,    3, 0, 3, 'a', '/',
                            '#',  1,   0x32, 6, 0, 1, 'a', 0,
                            1,    '1', 0x30, 4, 0, 1, 'a', '2'};
    t.config.queue_offline = true;
    t.config.first_id = 1;
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    assert_int_equal(publish("a", "1", 1), 1);
    assert_int_equal(publish("a", "2", 0), 0);
    const uint8_t connack[4] = {0x20, 2, 0, 0};
    assert_int_equal(cleat_mqtt_connect(S, 0), 0);
    flush();
    receive(connack, 4);
    expect_event(CLEAT_MQTT_CONNECTED);
    t.session.next_id = 3;
    t.session.id_run = 0;
    assert_int_equal(cleat_mqtt_subscribe_first(S, &f, 1, 0), 3);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, sizeof want);
    assert_memory_equal(out.data, want, sizeof want);
    flush();
    assert_int_equal(ack(0x40, 1), 4);
    expect_event(CLEAT_MQTT_DELIVERED);
    const uint8_t suback[] = {0x90, 3, 0, 3, 1};
    receive(suback, sizeof suback);
    expect_event(CLEAT_MQTT_SUBSCRIBED);
    assert_false(cleat_mqtt_is_busy(S));
}

static void a_begun_packet_is_finished_before_what_overtakes(void **state) {
    (void)state;
    const struct cleat_mqtt_filter f = {STR("a"), 0};
    start();
    assert_int_equal(publish("a", "1", 1), 1);
    assert_int_equal(publish("a", "2", 1), 2);
    cleat_mqtt_output_done(S, 3, 0);
    assert_int_equal(cleat_mqtt_subscribe_first(S, &f, 1, 0), 3);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 5 + 8 + 8);
    assert_int_equal(out.data[0], 1); /* 4th byte of the first PUBLISH */
    assert_int_equal(out.data[5], 0x82);
    assert_int_equal(out.data[5 + 8], 0x32);
}

/* Twice around all ids, with two messages that stay unacknowledged, messages at
 * QoS 0 between the others, and acknowledgements out of order. */
static void an_id_under_way_is_never_given_again(void **state) {
    (void)state;
    t.config.first_id = 65000;
    start();
    int stays = publish("a", "x", 1);
    int too = 0;
    for (int i = 0; i < 70000; i++) {
        int first = publish("a", "x", 1);
        assert_int_equal(publish("a", "x", 0), 0);
        flush();
        int second = publish("a", "x", 1);
        assert_true(first > 0 && second > 0 && first != second);
        assert_true(first != stays && second != stays);
        assert_true(first != too && second != too);
        flush();
        assert_int_equal(ack(0x40, second), 4);
        assert_true(cleat_mqtt_event(S, &t.e, 0));
        assert_int_equal(t.e.id, second);
        if (i == 35000) {
            too = first;
            continue;
        }
        assert_int_equal(ack(0x40, first), 4);
        expect_event(CLEAT_MQTT_DELIVERED);
        assert_int_equal(t.e.id, first);
    }
    assert_int_equal(ack(0x40, stays), 4);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_int_equal(ack(0x40, too), 4);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_false(cleat_mqtt_is_busy(S));
}

static void messages_leave_the_reserve_to_a_subscription(void **state) {
    (void)state;
    const struct cleat_mqtt_filter f = {STR("abc"), 0};
    t.config.queue_offline = true;
    t.config.tx_cap = 40;
    t.config.tx_reserve = 10;
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    assert_int_equal(publish("a", "0123456789", 1), 1); /* 17 bytes */
    assert_int_equal(publish("a", "0123456789", 1), CLEAT_ERR_FULL);
    assert_int_equal(publish("a", "01234", 1), 2); /* 12 bytes */
    assert_int_equal(publish("a", "0123456789012345678901234", 1),
                     CLEAT_ERR_SIZE);
    come_up(false);
    assert_int_equal(cleat_mqtt_subscribe_first(S, &f, 1, 0), 3);
    t.config.tx_reserve = 41;
    assert_true(cleat_mqtt_init(S, &t.config) < 0);
}

static void messages_leave_a_slot_to_a_subscription(void **state) {
    (void)state;
    const struct cleat_mqtt_filter f = {STR("abc"), 0};
    t.config.tx_reserve = 11;
    start();
    assert_int_equal(publish("a", "", 1), 1);
    assert_int_equal(publish("a", "", 1), 2);
    assert_int_equal(publish("a", "", 1), 3);
    assert_int_equal(publish("a", "", 1), CLEAT_ERR_FULL);
    assert_int_equal(cleat_mqtt_subscribe(S, &f, 1, 0), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, fresh)
        CASE(an_id_under_way_is_never_given_again),
        CASE(settings_are_checked),
        CASE(what_may_not_be_published_is_refused_before),
        CASE(what_may_not_be_subscribed_to_is_refused_before),
        CASE(commands_out_of_order_are_refused),
        CASE(nothing_may_come_before_connect_is_out),
        CASE(ids_wrap_and_pass_over_those_in_use),
        CASE(full_is_passing_and_room_comes_back),
        CASE(bytes_are_full_before_slots),
        CASE(in_flight_is_bounded),
        CASE(a_packet_begun_is_finished_before_acknowledgements),
        CASE(an_early_acknowledgement_is_an_error),
        CASE(a_resend_may_be_answered_before_it_goes_out),
        CASE(what_was_sent_in_part_is_resent_with_dup),
        CASE(qos0_sent_in_part_goes_out_whole_on_the_next),
        CASE(an_event_not_taken_holds_back_input),
        CASE(an_unfinished_message_comes_again_from_its_beginning),
        CASE(the_largest_payload_comes_through_a_small_buffer),
        CASE(a_slow_caller_is_not_a_silent_broker),
        CASE(keep_alive_off_sends_no_ping),
        CASE(two_sessions_do_not_know_each_other),
        CASE(a_restored_subscription_overtakes_queued_messages),
        CASE(a_begun_packet_is_finished_before_what_overtakes),
        CASE(messages_leave_the_reserve_to_a_subscription),
        CASE(messages_leave_a_slot_to_a_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
