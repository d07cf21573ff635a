/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/mqtt5.h"
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

/* @return what packet_decode says of these bytes, split off nowhere. */
static int decode(struct cleat_mqtt_packet *p, struct cleat_bytes bytes) {
    return cleat_mqtt_packet_decode(NULL, p, bytes);
}

#define DECODE(p, literal) decode(p, VIEW(literal))

/* header.c */

static void remaining_lengths_go_both_ways(void **state) {
    static const uint32_t lengths[] = {
        3, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 65535, 321};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len =
            (size_t)(cleat_mqtt_header_encode(room, 0x30, lengths[i]) - room);
        assert_int_equal(cleat_mqtt_header_total(lengths[i]), len + lengths[i]);
        for (size_t n = 0; n <= len; n++) {
            struct cleat_reader r = cleat_reader_of(cleat_bytes_of(room, n));
            uint8_t first;
            uint32_t length = 0;
            assert_null(cleat_mqtt_header_decode(NULL, &r, &first, &length));
            assert_int_equal(r.failed, n < len);
            if (n == len) {
                assert_int_equal(length, lengths[i]);
                assert_int_equal(r.pos, len);
            }
        }
    }
}

static void lengths_that_are_long_or_padded_are_refused(void **state) {
    struct cleat_mqtt_packet p;
    (void)state;
    assert_int_equal(DECODE(&p, "\x30\x80\x80\x80\x80"), CLEAT_ERR_PROTO);
    assert_int_equal(DECODE(&p, "\x30\x80\x80\x80"), 0);
    assert_int_equal(DECODE(&p, "\x30\x83\0"), CLEAT_ERR_PROTO);
    assert_int_equal(DECODE(&p, "\x30\x83\x80\0"), CLEAT_ERR_PROTO);
}

static void of_256_first_bytes_a_server_may_send_18(void **state) {
    (void)state;
    int good = 0;
    for (unsigned first = 0; first < 256; first++) {
        const uint8_t byte = (uint8_t)first;
        struct cleat_mqtt_packet p;
        good += decode(&p, cleat_bytes_of(&byte, 1)) == 0;
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
    c.rx_buf = w.data;
    c.rx_cap = 16;
    w.len = cleat_mqtt_connect_encode(NULL, &c);
    ASSERT_WRITTEN(&w, "\x10\x0E\0\4MQTT\4\0\x12\x34\0\2id");
    c.rx_cap = 15;
    assert_int_equal(cleat_mqtt_connect_encode(NULL, &c), 16);
    c.rx_cap = w.cap;
    c.clean_session = true;
    c.keep_alive_off = true;
    c.username = cleat_bytes_str("u");
    c.password = cleat_bytes_of("", 0);
    c.will.topic = cleat_bytes_str("w");
    c.will.qos = 2;
    c.will.retain = true;
    w = writer();
    w.len = cleat_mqtt_connect_encode(NULL, &c);
    ASSERT_WRITTEN(&w, "\x10\x18\0\4MQTT\4\xF6\0\0\0\2id\0\1w\0\0\0\1u\0\0");
}

/* Too long is told from properties that CONNECT must not have. */
static void
connect_properties_are_checked_where_they_are_written(void **state) {
    struct cleat_mqtt_property p = {
        CLEAT_MQTT_SESSION_EXPIRY, 5, {NULL, 0}, {NULL, 0}};
    struct cleat_mqtt_config c = {0};
    uint8_t buf[32];
    (void)state;
    c.v5 = &cleat_mqtt_v5;
    c.rx_buf = buf;
    c.props = &p;
    c.prop_count = 1;
    for (c.rx_cap = 16; c.rx_cap <= sizeof buf; c.rx_cap++) {
        assert_int_equal(cleat_mqtt_connect_encode(c.v5, &c), 20);
    }
    p.id = CLEAT_MQTT_WILL_DELAY;
    c.rx_cap = 19;
    assert_int_equal(cleat_mqtt_connect_encode(c.v5, &c), 20);
    c.rx_cap = 20;
    assert_int_equal(cleat_mqtt_connect_encode(c.v5, &c), 0);
    p.id = CLEAT_MQTT_USER_PROPERTY;
    p.text.len = 3; /* of nothing */
    assert_int_equal(cleat_mqtt_connect_encode(c.v5, &c), 0);
}

static void connack_codes_have_words(void **state) {
    struct cleat_mqtt_packet p;
    (void)state;
    assert_int_equal(DECODE(&p, "\x20\2\1\0"), 4);
    assert_true(p.present);
    assert_int_equal(p.code, 0);
    assert_int_equal(DECODE(&p, "\x20\1\0"), CLEAT_ERR_PROTO);
    assert_int_equal(DECODE(&p, "\x20\3\0\0\0"), CLEAT_ERR_PROTO);
    for (uint8_t i = 0; i <= 6; i++) {
        for (uint8_t j = (uint8_t)(i + 1); j <= 6; j++) {
            assert_string_not_equal(cleat_mqtt_connack_text(i),
                                    cleat_mqtt_connack_text(j));
        }
    }
}

/* publish.c */

static void publish_goes_both_ways(void **state) {
    static const uint8_t want[] = {0x34, 9, 0, 3, 'a', '/', 'b', 1, 2};
    struct cleat_mqtt_message m = {VIEW("a/b"), VIEW("hi"), 0,   true,
                                   0,           NULL,       NULL};
    (void)state;
    uint8_t *end = cleat_mqtt_publish_encode(
        NULL, room, &m, cleat_mqtt_publish_length(NULL, &m), 0);
    assert_int_equal(end - room, 7);
    assert_memory_equal(room, "\x31\7\0\3a/b", 7);
    m.qos = 2;
    m.retain = false;
    end = cleat_mqtt_publish_encode(
        NULL, room, &m, cleat_mqtt_publish_length(NULL, &m), 0x0102);
    assert_int_equal(end - room, sizeof want);
    assert_memory_equal(room, want, sizeof want);
    memcpy(end, "hi", 2);
    struct cleat_mqtt_packet p;
    assert_int_equal(decode(&p, cleat_bytes_of(room, 11)), 11);
    assert_int_equal(p.id, 0x0102);
    assert_memory_equal(p.topic.data, "a/b", 3);
    assert_int_equal(p.payload.len, 2);
    for (size_t n = 0; n < 7; n++) { /* What is in front of the payload. */
        p.first = 0x34;
        assert_non_null(
            cleat_mqtt_body_decode(NULL, &p, cleat_bytes_of(room + 2, n)));
    }
}

/* Words at a time and byte by byte: the same, whatever the topic. */
static void publish_checks_and_copies_any_topic(void **state) {
    (void)state;
    static const char odd[] = "~ $\x7F+#";
    for (size_t len = 0; len <= 40; len++) {
        for (size_t at = 0; at < len * sizeof odd; at++) {
            uint8_t topic[40];
            uint8_t to[48];
            uint8_t c = (uint8_t)odd[at % sizeof odd]; /* NUL, too */
            struct cleat_mqtt_message m = {0};
            memset(topic, 't', sizeof topic);
            topic[at / sizeof odd] = c;
            m.topic = cleat_bytes_of(topic, len);
            m.qos = 1;
            uint8_t *end = cleat_mqtt_publish_encode(
                NULL, to, &m, cleat_mqtt_publish_length(NULL, &m), 0x0102);
            if (c == 0 || c == '+' || c == '#') {
                assert_null(end);
                continue;
            }
            assert_int_equal(end - to, len + 6);
            assert_memory_equal(to + 4, topic, len);
            assert_memory_equal(end - 2, "\1\2", 2);
        }
    }
    const struct cleat_mqtt_message none = {.topic = {NULL, 20}};
    uint8_t to[48];
    assert_null(cleat_mqtt_publish_encode(NULL, to, &none, 22, 0));
}

/* ack.c */

static void acknowledgements_go_both_ways(void **state) {
    struct cleat_mqtt_packet p;
    (void)state;
    cleat_mqtt_ack_encode(room, CLEAT_MQTT_P_PUBREL, 0xABCD);
    assert_memory_equal(room, "\x62\2\xAB\xCD", 4);
    assert_int_equal(DECODE(&p, "\x62\2\xAB\xCD"), 4);
    assert_int_equal(p.id, 0xABCD);
    assert_int_equal(DECODE(&p, "\x62\1\xAB"), CLEAT_ERR_PROTO);
    assert_int_equal(DECODE(&p, "\x62\3\xAB\xCD\0"), CLEAT_ERR_PROTO);
    assert_int_equal(DECODE(&p, "\x62\2\0\0"), CLEAT_ERR_PROTO);
}

/* subscribe.c */

static void subscribe_is_as_the_standard_draws_it(void **state) {
    (void)state;
    const struct cleat_mqtt_filter f[2] = {{VIEW("abc"), 0}, {VIEW("abc"), 1}};
    struct cleat_writer w = writer();
    const struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_SUBSCRIBE, 0, 9, f, 2, NULL};
    assert_true(cleat_mqtt_subscribe_encode(NULL, &w, &q));
    ASSERT_WRITTEN(&w, "\0\x09\0\3"
                       "abc\0\0\3"
                       "abc\1");
}

static void suback_codes_are_four(void **state) {
    struct cleat_mqtt_packet p;
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        const uint8_t suback[5] = {0x90, 3, 0, 7, (uint8_t)code};
        bool good = decode(&p, cleat_bytes_of(suback, 5)) == 5;
        assert_int_equal(good, code <= 2 || code == 0x80);
    }
    assert_int_equal(p.id, 7);
    assert_int_equal(p.payload.len, 1);
    assert_int_equal(DECODE(&p, "\x90\2\0\1"), CLEAT_ERR_PROTO);
}

static void unsubscribe_is_as_the_standard_draws_it(void **state) {
    (void)state;
    const struct cleat_bytes f[2] = {cleat_bytes_str("a"),
                                     cleat_bytes_str("b/#")};
    struct cleat_writer w = writer();
    const struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_UNSUBSCRIBE, 0, 3, f, 2, NULL};
    assert_true(cleat_mqtt_subscribe_encode(NULL, &w, &q));
    ASSERT_WRITTEN(&w, "\0\3\0\1a\0\3b/#");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remaining_lengths_go_both_ways),
        cmocka_unit_test(lengths_that_are_long_or_padded_are_refused),
        cmocka_unit_test(of_256_first_bytes_a_server_may_send_18),
        cmocka_unit_test(connect_is_as_the_standard_draws_it),
        cmocka_unit_test(connect_properties_are_checked_where_they_are_written),
        cmocka_unit_test(connack_codes_have_words),
        cmocka_unit_test(publish_checks_and_copies_any_topic),
        cmocka_unit_test(publish_goes_both_ways),
        cmocka_unit_test(acknowledgements_go_both_ways),
        cmocka_unit_test(subscribe_is_as_the_standard_draws_it),
        cmocka_unit_test(suback_codes_are_four),
        cmocka_unit_test(unsubscribe_is_as_the_standard_draws_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
