/* SPDX-License-Identifier: MIT */
/* Payloads that come from a source: larger than any buffer, asked for again,
 * not to be had now or at all. */
#include "fixture.h"

#include <string.h>

#define LARGE 200000000u

static struct cleat_mqtt_source source;
static uint8_t block[512];
static int fail_with; /* read says this */

static uint8_t byte_at(uint32_t offset) {
    return (uint8_t)(offset * 31u + (offset >> 9));
}

static int read_block(void *arg, uint32_t offset, struct cleat_bytes *piece) {
    (void)arg;
    for (uint32_t i = 0; i < sizeof block; i++) {
        block[i] = byte_at(offset + i);
    }
    *piece = cleat_bytes_of(block, sizeof block);
    return fail_with;
}

static int fresh(void **state) {
    (void)state;
    fixture_reset();
    fail_with = 0;
    t.config.tx_cap = sizeof t.tx;
    t.config.rx_cap = sizeof t.rx;
    return cleat_mqtt_init(S, &t.config);
}

static int send_large(uint8_t qos, uint32_t len) {
    struct cleat_mqtt_message m;
    memset(&m, 0, sizeof m);
    cleat_mqtt_source_init(&source, read_block, NULL, len);
    m.topic = cleat_bytes_str("a");
    m.qos = qos;
    m.source = &source;
    return cleat_mqtt_send(S, &m, 0);
}

/* Take what goes out, at most `most` bytes at a time, and compare it with a
 * PUBLISH whose head this is. @return bytes of it that came. */
static uint32_t take(const uint8_t *head, uint32_t head_len, uint32_t total,
                     size_t most) {
    uint32_t at = 0;
    while (at < total) {
        struct cleat_bytes out = cleat_mqtt_output(S);
        size_t n = out.len < most ? out.len : most;
        if (n == 0) {
            break;
        }
        for (size_t i = 0; i < n; i++, at++) {
            uint8_t want = at < head_len ? head[at] : byte_at(at - head_len);
            if (out.data[i] != want) {
                fail_msg("byte %lu", (unsigned long)at);
            }
        }
        cleat_mqtt_output_done(S, n, 0);
    }
    return at;
}

static const uint8_t large_head[] = {0x32, 0x85, 0x84, 0xAF, 0x5F,
                                     0,    1,    'a',  0,    1};

static void two_hundred_megabytes_go_through_512_bytes(void **state) {
    (void)state;
    come_up(false);
    assert_int_equal(send_large(1, LARGE), 1);
    assert_int_equal(take(large_head, 10, LARGE + 10, 500), LARGE + 10);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    receive("\x40\2\0\1", 4);
    expect_event(CLEAT_MQTT_DELIVERED);
    assert_false(cleat_mqtt_is_busy(S));
}

static void it_is_asked_again_on_the_next_connection(void **state) {
    static const uint8_t head[] = {0x34, 0xEC, 0x07, 0, 1, 'a', 0, 1};
    uint8_t again[8];
    (void)state;
    for (uint32_t cut = 0; cut < 1000; cut += 7) {
        fresh(state);
        come_up(false);
        assert_int_equal(send_large(2, 999), 1);
        uint32_t done = take(head, 8, cut, 7);
        cleat_mqtt_lost(S, 0);
        come_up(true);
        memcpy(again, head, 8);
        again[0] = done > 0 ? 0x3C : 0x34;
        assert_int_equal(take(again, 8, 1007, 64), 1007);
        receive("\x50\2\0\1", 4);
        struct cleat_bytes out = cleat_mqtt_output(S);
        assert_int_equal(out.len, 4);
        assert_memory_equal(out.data, "\x62\2\0\1", 4);
        cleat_mqtt_output_done(S, 4, 0);
        receive("\x70\2\0\1", 4);
        expect_event(CLEAT_MQTT_DELIVERED);
    }
}

static void others_keep_their_place_in_the_line(void **state) {
    static const uint8_t head[] = {0x30, 0xDB, 0x04, 0, 1, 'a'};
    const struct cleat_bytes x = cleat_bytes_str("x");
    (void)state;
    come_up(false);
    assert_int_equal(cleat_mqtt_publish(S, x, x, 1, false, 0), 1);
    assert_int_equal(send_large(0, 600), 0);
    assert_int_equal(cleat_mqtt_publish(S, x, x, 1, false, 0), 2);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 8);
    cleat_mqtt_output_done(S, 8, 0);
    assert_int_equal(take(head, 6, 606, 1000), 606);
    out = cleat_mqtt_output(S);
    assert_memory_equal(out.data, "\x32\6\0\1x\0\2x", 8);
}

static void a_source_may_have_nothing_now_or_fail(void **state) {
    (void)state;
    come_up(false);
    assert_int_equal(send_large(1, 600), 1);
    cleat_mqtt_output_done(S, cleat_mqtt_output(S).len, 0);
    fail_with = CLEAT_ERR_AGAIN;
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    assert_false(cleat_mqtt_has_event(S));
    fail_with = 0;
    assert_int_equal(cleat_mqtt_output(S).len, 512);
    cleat_mqtt_output_done(S, 512, 0);
    fail_with = CLEAT_ERR_IO;
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    expect_event(CLEAT_MQTT_FAILED);
    assert_int_equal(t.e.err, CLEAT_ERR_IO);
}

static void more_than_a_packet_holds_is_refused(void **state) {
    (void)state;
    come_up(false);
    assert_int_equal(send_large(1, CLEAT_MQTT_LENGTH_MAX), CLEAT_ERR_SIZE);
    assert_int_equal(send_large(1, CLEAT_MQTT_LENGTH_MAX - 5), 1);
}

static uint8_t whole[4096];

static int read_whole(void *arg, uint32_t offset, struct cleat_bytes *piece) {
    (void)arg;
    *piece = cleat_bytes_of(whole + offset, sizeof whole - offset);
    return 0;
}

/* What goes out is a view of the caller's memory, and tx_buf, which is smaller,
 * holds none of it. */
static void a_payload_in_memory_is_sent_without_a_copy(void **state) {
    struct cleat_mqtt_message m;
    (void)state;
    memset(whole, 0xEE, sizeof whole);
    come_up(false);
    memset(&m, 0, sizeof m);
    cleat_mqtt_source_init(&source, read_whole, NULL, sizeof whole);
    m.topic = cleat_bytes_str("a");
    m.qos = 1;
    m.source = &source;
    assert_true(cleat_mqtt_send(S, &m, 0) > 0);
    struct cleat_bytes head = cleat_mqtt_output(S);
    assert_int_equal(head.len, 8); /* 3 and topic, packet id */
    cleat_mqtt_output_done(S, head.len, 0);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_ptr_equal(out.data, whole);
    assert_int_equal(out.len, sizeof whole);
    cleat_mqtt_output_done(S, 100, 0); /* A write that takes a part of it. */
    out = cleat_mqtt_output(S);
    assert_ptr_equal(out.data, whole + 100);
    cleat_mqtt_output_done(S, out.len, 0);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    for (size_t i = 0; i + 8 <= sizeof t.tx; i++) {
        assert_true(memcmp(t.tx + i, whole, 8) != 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, fresh)
        CASE(two_hundred_megabytes_go_through_512_bytes),
        CASE(it_is_asked_again_on_the_next_connection),
        CASE(others_keep_their_place_in_the_line),
        CASE(a_source_may_have_nothing_now_or_fail),
        CASE(more_than_a_packet_holds_is_refused),
        CASE(a_payload_in_memory_is_sent_without_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
