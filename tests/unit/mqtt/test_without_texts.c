/* SPDX-License-Identifier: MIT */
/* The session in a build without CLEAT_TEXTS: as strict, only silent. Its
 * sources are compiled into this program with that setting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleat/mqtt.h"

struct fixture {
    struct cleat_mqtt s;
    struct cleat_mqtt_config config;
    struct cleat_mqtt_event e;
    uint8_t tx[128], rx[128];
    struct cleat_mqtt_slot slots[4];
};

static void connect(struct fixture *f) {
    struct cleat_mqtt_config c;
    memset(f, 0, sizeof *f);
    memset(&c, 0, sizeof c);
    c.client_id = cleat_bytes_str("a");
    c.tx_buf = f->tx;
    c.tx_cap = sizeof f->tx;
    c.rx_buf = f->rx;
    c.rx_cap = sizeof f->rx;
    c.slots = f->slots;
    c.slot_count = 4;
    f->config = c;
    assert_int_equal(cleat_mqtt_init(&f->s, &f->config), 0);
    assert_int_equal(cleat_mqtt_connect(&f->s, 0), 0);
    cleat_mqtt_output_done(&f->s, cleat_mqtt_output(&f->s).len, 0);
}

static void fails_without_words(struct fixture *f, int err) {
    assert_true(cleat_mqtt_event(&f->s, &f->e, 20000));
    assert_int_equal(f->e.type, CLEAT_MQTT_FAILED);
    assert_int_equal(f->e.err, err);
    assert_int_equal(f->e.detail.layer, CLEAT_LAYER_MQTT);
    assert_null(f->e.detail.text);
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
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        connect(&f);
        assert_int_equal(
            cleat_mqtt_input(&f.s, cleat_bytes_of(wrong[i].bytes, wrong[i].len),
                             0),
            CLEAT_ERR_PROTO);
        fails_without_words(&f, CLEAT_ERR_PROTO);
    }
}

static void a_missing_connack_times_out(void **state) {
    struct fixture f;
    (void)state;
    connect(&f);
    fails_without_words(&f, CLEAT_ERR_TIMEOUT);
}

static void a_refusal_keeps_its_code(void **state) {
    struct fixture f;
    (void)state;
    static const uint8_t refused[] = {0x20, 0x02, 0x00, 0x05};
    connect(&f);
    assert_int_equal(
        cleat_mqtt_input(&f.s, cleat_bytes_of(refused, sizeof refused), 0), 4);
    assert_true(cleat_mqtt_event(&f.s, &f.e, 0));
    assert_int_equal(f.e.type, CLEAT_MQTT_REFUSED);
    assert_int_equal(f.e.code, 5);
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
