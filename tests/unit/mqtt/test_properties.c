/* SPDX-License-Identifier: MIT */
/* Each property of MQTT 5 in each packet, alone and beside each other one,
 * against the standard's table 2-4, which is written down here once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mqtt/properties.h"

enum place {
    WILL,
    CONNECT,
    CONNACK,
    PUBLISH,
    PUBACK,
    PUBREC,
    PUBREL,
    PUBCOMP,
    SUBSCRIBE,
    SUBACK,
    UNSUBSCRIBE,
    UNSUBACK,
    PUBLISH_OUT,
    DISCONNECT_OUT,
    DISCONNECT,
    AUTH,
    PLACES
};

#define IN(place) (1u << (place))
#define MESSAGE (IN(PUBLISH) | IN(PUBLISH_OUT) | IN(WILL))
#define LIMIT (IN(CONNECT) | IN(CONNACK))
#define ACKS                                                                   \
    (IN(PUBACK) | IN(PUBREC) | IN(PUBREL) | IN(PUBCOMP) | IN(SUBACK) |         \
     IN(UNSUBACK))
#define BYE (IN(DISCONNECT) | IN(DISCONNECT_OUT))

/* What may stand where, with a value that is always sound. */
static const struct {
    uint8_t id;
    uint32_t places;
    const char *value;
    uint8_t len;
} known[] = {
    {1, MESSAGE, "\1", 1},
    {2, MESSAGE, "\0\0\0\1", 4},
    {3, MESSAGE, "\0\1t", 3},
    {8, MESSAGE, "\0\1r", 3},
    {9, MESSAGE, "\0\1\377", 3},
    {11, IN(PUBLISH) | IN(SUBSCRIBE), "\1", 1},
    {17, LIMIT | IN(DISCONNECT_OUT), "\0\0\0\0", 4},
    {18, IN(CONNACK), "\0\1c", 3},
    {19, IN(CONNACK), "\0\0", 2},
    {21, LIMIT | IN(AUTH), "\0\1m", 3},
    {22, LIMIT | IN(AUTH), "\0\1\377", 3},
    {23, IN(CONNECT), "\0", 1},
    {24, IN(WILL), "\0\0\0\0", 4},
    {25, IN(CONNECT), "\1", 1},
    {26, IN(CONNACK), "\0\1i", 3},
    {28, IN(CONNACK) | IN(DISCONNECT), "\0\1s", 3},
    {31, IN(CONNACK) | ACKS | BYE | IN(AUTH), "\0\1w", 3},
    {33, LIMIT, "\0\1", 2},
    {34, LIMIT, "\0\0", 2},
    {35, IN(PUBLISH) | IN(PUBLISH_OUT), "\0\1", 2},
    {36, IN(CONNACK), "\1", 1},
    {37, IN(CONNACK), "\0", 1},
    {38, 0xFFFF, "\0\1n\0\1v", 6},
    {39, LIMIT, "\0\0\0\1", 4},
    {40, IN(CONNACK), "\0", 1},
    {41, IN(CONNACK), "\0", 1},
    {42, IN(CONNACK), "\0", 1},
};
#define COUNT (sizeof known / sizeof known[0])
#define METHOD 21u
#define DATA 22u

static size_t put(uint8_t *at, size_t i) {
    at[0] = known[i].id;
    memcpy(at + 1, known[i].value, known[i].len);
    return known[i].len + 1u;
}

static bool is_sound(const uint8_t *bytes, size_t len, uint32_t place) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(bytes, len));
    struct cleat_bytes props;
    uint8_t reason;
    return cleat_mqtt_properties_decode(&r, 1u << place, &props, &reason) ==
           NULL;
}

static void each_property_stands_where_the_standard_has_it(void **state) {
    (void)state;
    for (uint32_t place = 0; place < PLACES; place++) {
        for (size_t i = 0; i < COUNT; i++) {
            uint8_t bytes[16];
            bytes[0] = (uint8_t)put(bytes + 1, i);
            bool want =
                (known[i].places & IN(place)) != 0 && known[i].id != DATA;
            assert_int_equal(is_sound(bytes, bytes[0] + 1u, place), want);
            /* A byte less is too few. */
            bytes[0]--;
            assert_false(is_sound(bytes, bytes[0] + 1u, place));
        }
    }
}

static void any_two_stand_together_but_one_twice(void **state) {
    (void)state;
    for (uint32_t place = 0; place < PLACES; place++) {
        for (size_t i = 0; i < COUNT * COUNT; i++) {
            size_t a = i / COUNT;
            size_t b = i % COUNT;
            uint8_t bytes[32];
            size_t len = 1 + put(bytes + 1, a);
            len += put(bytes + len, b);
            bytes[0] = (uint8_t)(len - 1);
            bool want = (known[a].places & known[b].places & IN(place)) != 0 &&
                        (a != b || known[a].id == 38 ||
                         (known[a].id == 11 && place == PUBLISH)) &&
                        ((known[a].id != DATA && known[b].id != DATA) ||
                         known[a].id == METHOD || known[b].id == METHOD);
            assert_int_equal(is_sound(bytes, len, place), want);
        }
    }
}

/* What is said of the properties of a PUBLISH: 0, or the reason code. */
static uint8_t at_once(const uint8_t *bytes, size_t len) {
    uint8_t all[128];
    struct cleat_bytes props;
    uint8_t reason = 0x81;
    assert_true(len < sizeof all);
    all[0] = (uint8_t)len;
    memcpy(all + 1, bytes, len);
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(all, len + 1));
    return cleat_mqtt_properties_decode(&r, 1u << PUBLISH, &props, &reason) ==
                   NULL
               ? 0
               : reason;
}

/* The same, each byte by itself; *alias becomes the one among them. */
static uint8_t byte_by_byte(const uint8_t *bytes, size_t len, uint16_t *alias) {
    struct cleat_mqtt_part part;
    memset(&part, 0, sizeof part);
    part.reason = 0x81;
    for (size_t i = 0; i < len; i++) {
        assert_in_range(part.n, 0, sizeof part.unit - 1);
        part.unit[part.n++] = bytes[i];
        if (cleat_mqtt_properties_part(&part, (uint32_t)(len - 1 - i)) !=
            NULL) {
            return part.reason;
        }
    }
    assert_int_equal(part.n, 0);
    *alias = part.alias;
    return 0;
}

static void check_same(const uint8_t *bytes, size_t len) {
    struct cleat_mqtt_property p;
    uint16_t alias = 0;
    uint8_t want = at_once(bytes, len);
    uint8_t have = byte_by_byte(bytes, len, &alias);
    if (have != want) {
        fail_msg("%02x instead of %02x for %zu bytes %02x %02x %02x %02x %02x",
                 have, want, len, bytes[0], bytes[1], bytes[2], bytes[3],
                 bytes[4]);
    }
    if (want == 0) {
        bool there =
            cleat_mqtt_property_find(cleat_bytes_of(bytes, len), 35, &p);
        assert_int_equal(alias, there ? p.number : 0);
    }
}

static void byte_by_byte_they_are_judged_as_at_once(void **state) {
    /* Whatever is of interest at the beginning of a character, and behind. */
    static const uint8_t some[] = {
        0,    1,    2,    '#',  'a', 0x7F, 0x80, 0x90, 0xBF, 0xC2, 0xE0, 0xED,
        0xEF, 0xF0, 0xF4, 0xF5, 3,   8,    9,    11,   35,   38,   17};
    (void)state;
    uint8_t bytes[64] = {0};
    check_same(bytes, 0);
    for (size_t i = 0; i < COUNT * COUNT; i++) {
        size_t len = put(bytes, i / COUNT);
        len += put(bytes + len, i % COUNT);
        for (size_t cut = 1; cut <= len; cut++) {
            check_same(bytes, cut);
        }
        for (size_t at = 0; at < len * sizeof some; at++) {
            uint8_t old = bytes[at / sizeof some];
            bytes[at / sizeof some] = some[at % sizeof some];
            check_same(bytes, len);
            bytes[at / sizeof some] = old;
        }
    }
}

static void each_text_is_judged_as_at_once(void **state) {
    static const uint8_t some[] = {0,    'a',  '+',  0x7F, 0x80, 0x8F,
                                   0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2,
                                   0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5};
    static const uint8_t ids[] = {3, 8, 9, 38};
    const size_t n = sizeof some;
    (void)state;
    for (size_t i = 0; i < sizeof ids; i++) {
        for (size_t k = 0; k < n * n * n * n; k++) {
            uint8_t bytes[] = {ids[i],
                               0,
                               4,
                               some[k % n],
                               some[k / n % n],
                               some[k / (n * n) % n],
                               some[k / (n * n * n)],
                               0,
                               0};
            check_same(bytes, ids[i] == 38 ? 9 : 7);
            bytes[2] = (uint8_t)(k % 5);
            check_same(bytes, 9);
        }
    }
}

static void no_other_id_is_a_property(void **state) {
    (void)state;
    for (uint32_t id = 0; id < 256; id++) {
        uint8_t bytes[17] = {16, (uint8_t)id};
        size_t i = 0;
        while (i < COUNT && known[i].id != id) {
            i++;
        }
        for (uint32_t place = 0; i == COUNT && place < PLACES; place++) {
            for (bytes[0] = 1; bytes[0] <= 16; bytes[0]++) {
                assert_false(is_sound(bytes, bytes[0] + 1u, place));
            }
        }
    }
}

/* @return true if that is written and is what the decoder takes. */
static bool is_written(uint8_t id, uint32_t number, uint32_t place) {
    struct cleat_mqtt_property p = {id, number, {NULL, 0}, {NULL, 0}};
    uint8_t bytes[16];
    struct cleat_writer w = cleat_writer_of(bytes, sizeof bytes);
    struct cleat_mqtt_property back;
    cleat_mqtt_properties_encode(&w, 1u << place, NULL, &p, 1);
    if (w.failed) {
        return false;
    }
    assert_int_equal(bytes[0] + 1u, w.len);
    assert_true(cleat_mqtt_property_find(cleat_bytes_of(bytes + 1, bytes[0]),
                                         id, &back));
    assert_int_equal(back.number, number);
    return true;
}

static void a_number_that_has_no_room_is_not_written(void **state) {
    (void)state;
    assert_true(is_written(CLEAT_MQTT_PAYLOAD_FORMAT, 1, PUBLISH_OUT));
    assert_false(is_written(CLEAT_MQTT_PAYLOAD_FORMAT, 2, PUBLISH_OUT));
    assert_false(is_written(CLEAT_MQTT_PAYLOAD_FORMAT, 256, PUBLISH_OUT));
    assert_true(is_written(CLEAT_MQTT_TOPIC_ALIAS, 0xFFFF, PUBLISH_OUT));
    assert_false(is_written(CLEAT_MQTT_TOPIC_ALIAS, 0x10000, PUBLISH_OUT));
    assert_false(is_written(CLEAT_MQTT_TOPIC_ALIAS, 0x10001, PUBLISH_OUT));
    assert_true(is_written(CLEAT_MQTT_SESSION_EXPIRY, UINT32_MAX, CONNECT));
    assert_true(is_written(CLEAT_MQTT_SUBSCRIPTION_ID, 1, SUBSCRIBE));
    assert_true(is_written(CLEAT_MQTT_SUBSCRIPTION_ID, CLEAT_MQTT_LENGTH_MAX,
                           SUBSCRIBE));
    assert_false(is_written(CLEAT_MQTT_SUBSCRIPTION_ID,
                            CLEAT_MQTT_LENGTH_MAX + 1, SUBSCRIBE));
    assert_false(is_written(CLEAT_MQTT_SUBSCRIPTION_ID, UINT32_MAX, SUBSCRIBE));
    assert_false(is_written(CLEAT_MQTT_SUBSCRIPTION_ID, 0, SUBSCRIBE));
    assert_false(is_written(0, 0, CONNECT));
    assert_false(is_written(43, 0, CONNECT));
    assert_false(is_written(255, 0, CONNECT));
}

static void what_does_not_fit_or_is_no_text_fails_the_writer(void **state) {
    (void)state;
    uint8_t bytes[8];
    struct cleat_mqtt_property p = {
        CLEAT_MQTT_REASON_STRING, 0, {(const uint8_t *)"why", 3}, {NULL, 0}};
    for (size_t cap = 0; cap <= sizeof bytes; cap++) {
        struct cleat_writer w = cleat_writer_of(bytes, cap);
        cleat_mqtt_properties_encode(&w, 1u << AUTH, NULL, &p, 1);
        assert_int_equal(w.failed, cap < 7);
    }
    struct cleat_writer count = cleat_writer_of(NULL, sizeof bytes);
    p.text.len = 0x10000;
    cleat_mqtt_properties_encode(&count, 1u << AUTH, NULL, &p, 1);
    assert_true(count.failed);
    struct cleat_writer w = cleat_writer_of(bytes, sizeof bytes);
    p.text = cleat_bytes_of(NULL, 3);
    cleat_mqtt_properties_encode(&w, 1u << AUTH, NULL, &p, 1);
    assert_true(w.failed);
    w = cleat_writer_of(bytes, sizeof bytes);
    p.text = cleat_bytes_of("\300\200", 2);
    cleat_mqtt_properties_encode(&w, 1u << AUTH, NULL, &p, 1);
    assert_true(w.failed);
}

/* What CONNECT says by itself. @return the receive maximum, 0 if it has none.
 */
static uint32_t receive_max(uint16_t wanted, uint16_t qos2, uint16_t unacked) {
    struct cleat_mqtt_config c = {0};
    struct cleat_mqtt_property p;
    uint8_t bytes[8];
    struct cleat_writer w = cleat_writer_of(bytes, sizeof bytes);
    c.receive_max = wanted;
    c.qos2_count = qos2;
    c.unacked_count = unacked;
    cleat_mqtt_properties_encode(&w, 1u << CONNECT, &c, NULL, 0);
    assert_false(w.failed);
    assert_true(is_sound(bytes, w.len, CONNECT));
    return cleat_mqtt_property_find(cleat_bytes_of(bytes + 1, bytes[0]),
                                    CLEAT_MQTT_RECEIVE_MAX, &p)
               ? p.number
               : 0;
}

static void the_receive_maximum_follows_from_the_tables(void **state) {
    (void)state;
    assert_int_equal(receive_max(0, 0, 0), 0);
    assert_int_equal(receive_max(0, 1, 0), 1);
    assert_int_equal(receive_max(0, 20, 0), 15);
    assert_int_equal(receive_max(0, 65535, 0), 49152);
    assert_int_equal(receive_max(7, 20, 0), 7);
    assert_int_equal(receive_max(65535, 0, 0), 65535);
    assert_int_equal(receive_max(0, 0, 3), 3);
    assert_int_equal(receive_max(0, 20, 3), 3);
    assert_int_equal(receive_max(2, 20, 3), 2);
    assert_int_equal(receive_max(3, 20, 3), 3);
    assert_int_equal(receive_max(0, 20, 16), 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_stands_where_the_standard_has_it),
        cmocka_unit_test(any_two_stand_together_but_one_twice),
        cmocka_unit_test(byte_by_byte_they_are_judged_as_at_once),
        cmocka_unit_test(each_text_is_judged_as_at_once),
        cmocka_unit_test(no_other_id_is_a_property),
        cmocka_unit_test(a_number_that_has_no_room_is_not_written),
        cmocka_unit_test(what_does_not_fit_or_is_no_text_fails_the_writer),
        cmocka_unit_test(the_receive_maximum_follows_from_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
