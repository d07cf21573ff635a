/* SPDX-License-Identifier: MIT */
/* When a connection is given up, and when it is not: every wait of a session
 * ends in time, and a link that is slow, but moves, is not taken for dead. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/mqtt.h"

#define BEGIN 1000000u

static struct {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    uint8_t tx[4096], rx[64];
    struct cleat_mqtt_slot slots[8];
    uint64_t now;
    const char *end; /* how the connection ended */
    int pings;
    size_t messages;
} t;

static int fresh(void **state) {
    (void)state;
    memset(&t, 0, sizeof t);
    t.config.client_id = cleat_bytes_str("c");
    t.config.tx_buf = t.tx;
    t.config.tx_cap = sizeof t.tx;
    t.config.rx_buf = t.rx;
    t.config.rx_cap = sizeof t.rx;
    t.config.slots = t.slots;
    t.config.slot_count = 8;
    t.now = BEGIN;
    return 0;
}

static void events(void) {
    struct cleat_mqtt_event e;
    while (cleat_mqtt_event(&t.session, &e, t.now)) {
        t.messages += e.type == CLEAT_MQTT_MESSAGE;
        if (e.type == CLEAT_MQTT_FAILED) {
            assert_int_equal(e.err, CLEAT_ERR_TIMEOUT);
            t.end = e.detail.text;
        }
    }
}

/* Send at most so many bytes. @return how many went out. */
static size_t send_some(size_t most) {
    size_t sent = 0;
    while (sent < most) {
        struct cleat_bytes out = cleat_mqtt_output(&t.session);
        size_t n = out.len < most - sent ? out.len : most - sent;
        if (n == 0) {
            break;
        }
        t.pings += n == 2 && out.data[0] == 0xC0;
        cleat_mqtt_output_done(&t.session, n, t.now);
        sent += n;
    }
    return sent;
}

static void receive(const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    while (len > 0) {
        int n = cleat_mqtt_input(&t.session, cleat_bytes_of(at, len), t.now);
        assert_true(n >= 0);
        at += n;
        len -= (size_t)n;
        events();
        send_some(SIZE_MAX);
    }
}

static void connected(void) {
    assert_int_equal(cleat_mqtt_init(&t.session, &t.config), 0);
    assert_int_equal(cleat_mqtt_connect(&t.session, t.now), 0);
    send_some(SIZE_MAX);
    receive("\x20\x02\0\0", 4);
}

/* Let time pass, with at most so many bytes sent at each deadline.
 * @return when the connection ended, from BEGIN on, or when the time was over.
 */
static uint64_t pass(uint64_t until, size_t most) {
    t.end = NULL;
    send_some(most);
    for (;;) {
        uint64_t due = cleat_mqtt_deadline(&t.session);
        if (due > until) {
            break;
        }
        t.now = due > t.now ? due : t.now;
        events();
        if (t.end != NULL) {
            return t.now - BEGIN;
        }
        send_some(most);
    }
    t.now = until;
    return until - BEGIN;
}

static void every_wait_has_its_end(void **state) {
    (void)state;
    t.config.timeout_ms = 3000;
    assert_int_equal(cleat_mqtt_init(&t.session, &t.config), 0);
    assert_int_equal(cleat_mqtt_connect(&t.session, t.now), 0);
    assert_int_equal(pass(BEGIN + 100000, 0), 3000); /* CONNECT */
    assert_string_equal(t.end, "nothing could be sent in time");
    fresh(NULL);
    t.config.timeout_ms = 3000;
    assert_int_equal(cleat_mqtt_init(&t.session, &t.config), 0);
    assert_int_equal(cleat_mqtt_connect(&t.session, t.now), 0);
    assert_int_equal(pass(BEGIN + 100000, SIZE_MAX), 3000);
    assert_string_equal(t.end, "no connack in time");
    fresh(NULL);
    t.config.timeout_ms = 3000;
    connected();
    const struct cleat_mqtt_filter f = {cleat_bytes_str("a"), 0};
    assert_true(cleat_mqtt_subscribe(&t.session, &f, 1, t.now) > 0);
    assert_int_equal(pass(BEGIN + 100000, SIZE_MAX), 3000);
    assert_string_equal(t.end, "no acknowledgement in time");
}

/* Whatever is under way, however large the time-out: 1.5 periods. */
static void a_dead_link_is_found_within_one_and_a_half_periods(void **state) {
    (void)state;
    for (uint16_t s = 1; s < 200; s = (uint16_t)(s + 1 + s / 8)) {
        for (int what = 0; what < 4; what++) {
            fresh(NULL);
            t.config.keep_alive_s = s;
            t.config.timeout_ms = 1000000;
            connected();
            size_t most = what == 3 ? 0 : SIZE_MAX; /* sent, and lost */
            if (what > 0) {
                assert_true(cleat_mqtt_publish(&t.session, cleat_bytes_str("a"),
                                               cleat_bytes_str("b"),
                                               (uint8_t)(what == 1 ? 0 : 1),
                                               false, t.now) >= 0);
            }
            if (what == 2) { /* Half of it, then the buffers are full. */
                send_some(3);
                most = 0;
            }
            uint64_t took = pass(BEGIN + 1000000, most);
            assert_non_null(t.end);
            assert_true(took <= s * 1500u);
        }
    }
}

/* QoS 0 goes out all the time: only the broker's silence tells. */
static void also_while_messages_flow_out(void **state) {
    (void)state;
    t.config.keep_alive_s = 10;
    t.config.timeout_ms = 100000;
    connected();
    while (t.end == NULL) {
        assert_true(t.now <= BEGIN + 15000);
        assert_int_equal(cleat_mqtt_publish(&t.session, cleat_bytes_str("a"),
                                            cleat_bytes_str("b"), 0, false,
                                            t.now),
                         0);
        pass(t.now + 500, SIZE_MAX);
    }
    assert_string_equal(t.end, "no pingresp in time");
}

/* Ten minutes for one message, at one byte a second or so. */
static void a_slow_message_out_is_not_taken_for_a_dead_link(void **state) {
    static uint8_t payload[600];
    (void)state;
    connected();
    assert_true(cleat_mqtt_publish(&t.session, cleat_bytes_str("a"),
                                   cleat_bytes_of(payload, sizeof payload), 1,
                                   false, t.now) > 0);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(send_some(1), 1);
        pass(t.now + 1000, 0);
        assert_null(t.end);
    }
    assert_int_equal(t.pings, 0); /* It could not have gone out. */
    while (send_some(1) == 1) {
    }
    pass(t.now + 100, SIZE_MAX);
    assert_int_equal(t.pings, 1);
    receive("\x40\x02\0\x01\xD0\0", 6);
    pass(t.now + 50000, SIZE_MAX);
    assert_null(t.end);
}

/* The broker is in the middle of a message and cannot answer anything. */
static void nor_is_a_slow_message_in(void **state) {
    (void)state;
    connected();
    assert_true(cleat_mqtt_publish(&t.session, cleat_bytes_str("a"),
                                   cleat_bytes_str("b"), 1, false, t.now) > 0);
    send_some(SIZE_MAX);
    receive("\x30\xDB\x04\0\x01x", 6);
    for (int i = 0; i < 600; i++) {
        pass(t.now + 1000, SIZE_MAX);
        assert_null(t.end);
        receive("y", 1);
    }
    assert_int_equal(t.pings, 1);
    assert_true(t.messages > 5);
    /* Behind it both are due at once. */
    uint64_t begin = t.now - BEGIN;
    uint64_t took = pass(t.now + 100000, SIZE_MAX);
    assert_true(took > begin && took <= begin + 10000);
    assert_non_null(t.end);
}

/* CONNACK is due as a whole. */
static void a_connack_in_drops_times_out(void **state) {
    (void)state;
    assert_int_equal(cleat_mqtt_init(&t.session, &t.config), 0);
    assert_int_equal(cleat_mqtt_connect(&t.session, t.now), 0);
    send_some(SIZE_MAX);
    pass(t.now + 6000, SIZE_MAX);
    receive("\x20", 1);
    assert_int_equal(pass(t.now + 6000, SIZE_MAX), 10000);
    assert_string_equal(t.end, "no connack in time");
}

/* And one that stops in the middle is found. */
static void a_message_that_stops_in_the_middle_is_found(void **state) {
    (void)state;
    connected();
    receive("\x30\xDB\x04\0\x01x", 6);
    pass(t.now + 30000, SIZE_MAX);
    receive("yyy", 3);
    assert_int_equal(pass(BEGIN + 1000000, SIZE_MAX), 65000);
    assert_string_equal(t.end, "no pingresp in time");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, fresh)
        T(every_wait_has_its_end),
        T(a_dead_link_is_found_within_one_and_a_half_periods),
        T(also_while_messages_flow_out),
        T(a_slow_message_out_is_not_taken_for_a_dead_link),
        T(nor_is_a_slow_message_in),
        T(a_connack_in_drops_times_out),
        T(a_message_that_stops_in_the_middle_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
