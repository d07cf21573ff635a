/* SPDX-License-Identifier: MIT */
/* The session in a build without CLEAT_TEXTS: as strict, only silent. Its
 * sources are compiled into this program with that setting. */
#include "fixture.h"

static void begin(void) {
    fixture_reset();
    assert_int_equal(cleat_mqtt_init(S, &t.config), 0);
    assert_int_equal(cleat_mqtt_connect(S, 0), 0);
    flush();
}

static void fails_without_words(int err) {
    assert_true(cleat_mqtt_event(S, &t.e, 20000));
    assert_int_equal(t.e.type, CLEAT_MQTT_FAILED);
    assert_int_equal(t.e.err, err);
    assert_int_equal(t.e.detail.layer, CLEAT_LAYER_MQTT);
    assert_null(t.e.detail.text);
}

static void every_wrong_first_packet_is_refused(void **state) {
    static const struct {
        uint8_t bytes[4];
        size_t len;
    } wrong[] = {
        {{0x20, 0x02, 0x02, 0x00}, 4}, /* reserved flag */
        {{0x20, 0x02, 0x00, 0x06}, 4}, /* reserved code */
        {{0x20, 0x02, 0x01, 0x05}, 4}, /* refused, with a session */
        {{0x20, 0x03}, 2},             /* wrong length */
        {{0x20, 0x82, 0x00}, 3},       /* length longer than needed */
        {{0x21, 0x02, 0x00, 0x00}, 4}, /* wrong flags */
        {{0x30, 0x03}, 2},             /* no CONNACK */
        {{0x36, 0x03}, 2},             /* QoS 3 */
        {{0xF0, 0x00}, 2},             /* reserved type */
        {{0x82, 0x02}, 2},             /* only clients send it */
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin();
        assert_int_equal(input(wrong[i].bytes, wrong[i].len), CLEAT_ERR_PROTO);
        fails_without_words(CLEAT_ERR_PROTO);
    }
}

static void a_missing_connack_times_out(void **state) {
    (void)state;
    begin();
    fails_without_words(CLEAT_ERR_TIMEOUT);
}

static void a_refusal_keeps_its_code(void **state) {
    (void)state;
    static const uint8_t refused[] = {0x20, 0x02, 0x00, 0x05};
    begin();
    receive(refused, sizeof refused);
    expect_event(CLEAT_MQTT_REFUSED);
    assert_int_equal(t.e.code, 5);
    assert_string_equal(cleat_mqtt_connack_text(5), "refused");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_first_packet_is_refused),
        cmocka_unit_test(a_missing_connack_times_out),
        cmocka_unit_test(a_refusal_keeps_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
