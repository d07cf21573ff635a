/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "mqtt/packet/packet.h"

static uint8_t room[256];

static struct cleat_writer writer(void) {
    memset(room, 0xEE, sizeof room);
    return cleat_writer_of(room, sizeof room);
}

static void assert_bytes(const struct cleat_writer *w, const void *want,
                         size_t len) {
    assert_false(w->failed);
    assert_int_equal(w->len, len);
    assert_memory_equal(w->data, want, len);
}

#define ASSERT_WRITTEN(w, literal) assert_bytes(w, literal, sizeof literal - 1)
#define VIEW(literal) cleat_bytes_of(literal, sizeof literal - 1)

/* header.c */

static void remaining_lengths_go_both_ways(void **state) {
    static const uint32_t lengths[] = {
        0, 1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 65535, 321};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct cleat_writer w = writer();
        cleat_mqtt_header_encode(&w, 0x30, lengths[i]);
        assert_int_equal(cleat_mqtt_header_total(lengths[i]),
                         w.len + lengths[i]);
        uint8_t shift = 0;
        uint32_t length = 0;
        bool done = false;
        for (size_t j = 1; j < w.len; j++) {
            assert_false(done);
            assert_null(cleat_mqtt_header_length_decode(room[j], &shift,
                                                        &length, &done));
        }
        assert_true(done);
        assert_int_equal(length, lengths[i]);
    }
}

static void lengths_that_are_long_or_padded_are_refused(void **state) {
    (void)state;
    uint8_t shift = 0;
    uint32_t length = 0;
    bool done;
    for (int i = 0; i < 3; i++) {
        assert_null(
            cleat_mqtt_header_length_decode(0x80, &shift, &length, &done));
    }
    assert_non_null(
        cleat_mqtt_header_length_decode(0x80, &shift, &length, &done));
    shift = 7;
    assert_non_null(cleat_mqtt_header_length_decode(0, &shift, &length, &done));
}

static void of_256_first_bytes_a_server_may_send_18(void **state) {
    (void)state;
    int good = 0;
    for (unsigned first = 0; first < 256; first++) {
        good += cleat_mqtt_header_first_check((uint8_t)first) == NULL;
    }
    /* PUBLISH: 2 at QoS 0, 4 at QoS 1 and 2 each; 8 other types. */
    assert_int_equal(good, 2 + 4 + 4 + 8);
}

/* connect.c, connack.c */

static void connect_is_as_the_standard_draws_it(void **state) {
    (void)state;
    struct cleat_mqtt_config c;
    memset(&c, 0, sizeof c);
    c.client_id = cleat_bytes_str("id");
    c.keep_alive_s = 0x1234;
    struct cleat_writer w = writer();
    cleat_mqtt_connect_encode(&w, &c);
    ASSERT_WRITTEN(&w, "\x10\x0E\0\4MQTT\4\0\x12\x34\0\2id");
    assert_int_equal(cleat_mqtt_connect_size(&c), w.len);
    c.clean_session = true;
    c.keep_alive_off = true;
    c.username = cleat_bytes_str("u");
    c.password = cleat_bytes_of("", 0);
    c.will.topic = cleat_bytes_str("w");
    c.will.qos = 2;
    c.will.retain = true;
    w = writer();
    cleat_mqtt_connect_encode(&w, &c);
    ASSERT_WRITTEN(&w, "\x10\x18\0\4MQTT\4\xF6\0\0\0\2id\0\1w\0\0\0\1u\0\0");
    assert_int_equal(cleat_mqtt_connect_size(&c), w.len);
}

static void connack_codes_have_words(void **state) {
    (void)state;
    bool present;
    uint8_t code;
    assert_null(cleat_mqtt_connack_decode(VIEW("\1\0"), &present, &code));
    assert_true(present);
    assert_int_equal(code, 0);
    assert_non_null(cleat_mqtt_connack_decode(VIEW("\0"), &present, &code));
    assert_non_null(cleat_mqtt_connack_decode(VIEW("\0\0\0"), &present, &code));
    for (uint8_t i = 0; i <= 6; i++) {
        for (uint8_t j = (uint8_t)(i + 1); j <= 6; j++) {
            assert_string_not_equal(cleat_mqtt_connack_text(i),
                                    cleat_mqtt_connack_text(j));
        }
    }
}

/* publish.c */

static void publish_goes_both_ways(void **state) {
    (void)state;
    struct cleat_writer w = writer();
    cleat_mqtt_publish_encode(&w, VIEW("a/b"), VIEW("hi"), 0, true, 0);
    ASSERT_WRITTEN(&w, "\x31\7\0\3a/bhi");
    w = writer();
    cleat_mqtt_publish_encode(&w, VIEW("a/b"), VIEW("hi"), 2, false, 0x0102);
    ASSERT_WRITTEN(&w, "\x34\x09\0\3a/b\1\2hi");
    size_t head_len;
    struct cleat_mqtt_publish_head head;
    assert_null(cleat_mqtt_publish_head_len(0x34, cleat_bytes_of(room + 2, 2),
                                            9, &head_len));
    assert_int_equal(head_len, 7);
    assert_null(cleat_mqtt_publish_head_decode(
        0x34, cleat_bytes_of(room + 2, head_len), &head));
    assert_int_equal(head.id, 0x0102);
    assert_memory_equal(head.topic.data, "a/b", 3);
    for (size_t n = 0; n < head_len; n++) {
        assert_non_null(cleat_mqtt_publish_head_decode(
            0x34, cleat_bytes_of(room + 2, n), &head));
    }
}

/* ack.c */

static void acknowledgements_go_both_ways(void **state) {
    (void)state;
    uint16_t id;
    struct cleat_writer w = writer();
    cleat_mqtt_ack_encode(&w, CLEAT_MQTT_P_PUBREL, 0xABCD);
    ASSERT_WRITTEN(&w, "\x62\2\xAB\xCD");
    assert_null(cleat_mqtt_ack_decode(VIEW("\xAB\xCD"), &id));
    assert_int_equal(id, 0xABCD);
    assert_non_null(cleat_mqtt_ack_decode(VIEW("\xAB"), &id));
    assert_non_null(cleat_mqtt_ack_decode(VIEW("\xAB\xCD\0"), &id));
    assert_non_null(cleat_mqtt_ack_decode(VIEW("\0\0"), &id));
}

/* subscribe.c, unsubscribe.c */

static void subscribe_counts_its_filters(void **state) {
    (void)state;
    struct cleat_mqtt_filter f[40];
    for (size_t i = 0; i < 40; i++) {
        f[i].filter = cleat_bytes_str("abc");
        f[i].qos = (uint8_t)(i % 3);
    }
    struct cleat_writer w = writer();
    cleat_mqtt_subscribe_encode(&w, f, 2, 9);
    ASSERT_WRITTEN(&w, "\x82\x0E\0\x09\0\3"
                       "abc\0\0\3"
                       "abc\1");
    for (size_t n = 1; n <= 40; n++) {
        w = writer();
        cleat_mqtt_subscribe_encode(&w, f, n, 9);
        assert_int_equal(
            cleat_mqtt_subscribe_count(cleat_bytes_of(room, w.len)), n);
    }
}

static void suback_codes_are_four(void **state) {
    (void)state;
    uint16_t id;
    struct cleat_bytes codes;
    for (unsigned code = 0; code < 256; code++) {
        const uint8_t body[3] = {0, 7, (uint8_t)code};
        bool good = cleat_mqtt_suback_decode(cleat_bytes_of(body, 3), &id,
                                             &codes) == NULL;
        assert_int_equal(good, code <= 2 || code == 0x80);
    }
    assert_int_equal(id, 7);
    assert_int_equal(codes.len, 1);
    assert_non_null(cleat_mqtt_suback_decode(VIEW("\0\1"), &id, &codes));
    assert_non_null(cleat_mqtt_suback_decode(VIEW("\0"), &id, &codes));
    assert_non_null(cleat_mqtt_suback_decode(VIEW(""), &id, &codes));
}

static void unsubscribe_is_as_the_standard_draws_it(void **state) {
    (void)state;
    const struct cleat_bytes f[2] = {cleat_bytes_str("a"),
                                     cleat_bytes_str("b/#")};
    struct cleat_writer w = writer();
    cleat_mqtt_unsubscribe_encode(&w, f, 2, 3);
    ASSERT_WRITTEN(&w, "\xA2\x0A\0\3\0\1a\0\3b/#");
}

static void encoders_stop_at_the_end_of_the_room(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 12; cap++) {
        struct cleat_writer w = writer();
        w.cap = cap;
        cleat_mqtt_publish_encode(&w, VIEW("a/b"), VIEW("hi"), 1, false, 5);
        assert_int_equal(w.failed, cap < 11);
        assert_int_equal(room[cap], 0xEE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remaining_lengths_go_both_ways),
        cmocka_unit_test(lengths_that_are_long_or_padded_are_refused),
        cmocka_unit_test(of_256_first_bytes_a_server_may_send_18),
        cmocka_unit_test(connect_is_as_the_standard_draws_it),
        cmocka_unit_test(connack_codes_have_words),
        cmocka_unit_test(publish_goes_both_ways),
        cmocka_unit_test(acknowledgements_go_both_ways),
        cmocka_unit_test(subscribe_counts_its_filters),
        cmocka_unit_test(suback_codes_are_four),
        cmocka_unit_test(unsubscribe_is_as_the_standard_draws_it),
        cmocka_unit_test(encoders_stop_at_the_end_of_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
