/* SPDX-License-Identifier: MIT */
/* The connection breaks after byte k, for every k, while messages are on their
 * way; afterwards nothing may be lost at QoS 1 and 2 nor doubled at QoS 2. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static const char *const names[] = {"one", "two", "three", "four"};
#define COUNT 4

/* At most, or at least, once: what the quality of service promises. */
static void check_count(int n, uint8_t qos, long k) {
    if ((qos == 0 && n > 1) || (qos == 1 && n < 1) || (qos == 2 && n != 1)) {
        fail_msg("qos %d, cut after %ld bytes: arrived %d times", qos, k, n);
    }
}

static void check_sound(const struct rig *r, long k) {
    if (r->broker.error != NULL) {
        fail_msg("cut after %ld bytes: %s", k, r->broker.error);
    }
    assert_false(cleat_client_is_busy(&r->client));
}

static void recover(struct rig *r) {
    rig_run(r);
    r->broker.budget = -1;
    rig_run_until(r, r->now + 50000); /* Backoff, and all there is to say. */
}

/* @return bytes moved when nothing was cut. */
static long outward(struct rig *r, uint8_t qos, long cut, size_t chunk) {
    rig_init(r);
    rig_start(r);
    rig_run(r);
    r->broker.chunk = chunk;
    long before = r->broker.moved;
    r->broker.budget = cut;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(rig_publish(r, "out", names[i], qos) >= 0);
    }
    rig_run(r);
    long moved = r->broker.moved - before;
    recover(r);
    check_sound(r, cut);
    size_t at = 0;
    for (size_t i = 0; i < COUNT; i++) {
        check_count(broker_count(&r->broker, names[i]), qos, cut);
        /* First arrivals keep the order of the calls. */
        for (size_t j = 0; j < r->broker.got_len; j++) {
            if (strcmp(r->broker.got[j].payload, names[i]) == 0) {
                assert_true(j >= at);
                at = j;
                break;
            }
        }
    }
    assert_int_equal(r->delivered, qos == 0 ? 0 : COUNT);
    return moved;
}

static long inward(struct rig *r, uint8_t qos, long cut, size_t chunk) {
    rig_init(r);
    r->mqtt.rx_cap = 27; /* CONNECT fits; the messages come in pieces. */
    rig_start(r);
    rig_run(r);
    r->broker.chunk = chunk;
    long before = r->broker.moved;
    r->broker.budget = cut;
    for (size_t i = 0; i < COUNT; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "%s-and-a-long-tail-behind-it",
                 names[i]);
        broker_publish(&r->broker, "in", payload, qos);
    }
    rig_run(r);
    long moved = r->broker.moved - before;
    recover(r);
    check_sound(r, cut);
    for (size_t i = 0; i < COUNT; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "%s-and-a-long-tail-behind-it",
                 names[i]);
        check_count(rig_count(r, payload), qos, cut);
        assert_int_equal(r->broker.to_client[i].state, 3);
    }
    return moved;
}

typedef long (*exchange_fn)(struct rig *r, uint8_t qos, long cut, size_t chunk);

static void cut_everywhere(exchange_fn exchange, uint8_t qos) {
    static struct rig r;
    static const size_t chunks[] = {0, 1, 7};
    for (size_t c = 0; c < 3; c++) {
        long total = exchange(&r, qos, -1, chunks[c]);
        assert_true(total > COUNT * 5);
        assert_int_equal(r.broker.connections, 1);
        for (long k = 0; k < total; k++) {
            exchange(&r, qos, k, chunks[c]);
            assert_int_equal(r.broker.connections, 2);
        }
    }
}

static void qos0_out_arrives_at_most_once_wherever_it_is_cut(void **state) {
    (void)state;
    cut_everywhere(outward, 0);
}

static void qos1_out_arrives_at_least_once_wherever_it_is_cut(void **state) {
    (void)state;
    cut_everywhere(outward, 1);
}

static void qos2_out_arrives_exactly_once_wherever_it_is_cut(void **state) {
    (void)state;
    cut_everywhere(outward, 2);
}

static void qos0_in_comes_up_at_most_once_wherever_it_is_cut(void **state) {
    (void)state;
    cut_everywhere(inward, 0);
}

static void qos1_in_comes_up_at_least_once_wherever_it_is_cut(void **state) {
    (void)state;
    cut_everywhere(inward, 1);
}

static void qos2_in_comes_up_exactly_once_wherever_it_is_cut(void **state) {
    (void)state;
    cut_everywhere(inward, 2);
}

/* Both ways at all qualities at once, and every second connection is cut, too,
 * after a number of bytes that differs each time. */
static void both_ways_survive_many_cuts(void **state) {
    static struct rig r;
    (void)state;
    for (long k = 1; k < 220; k++) {
        rig_init(&r);
        r.config.backoff_cap_ms = 1000;
        rig_start(&r);
        rig_run(&r);
        r.broker.budget = k;
        for (size_t i = 0; i < COUNT; i++) {
            uint8_t qos = (uint8_t)(i == 3 ? 2 : i);
            assert_true(rig_publish(&r, "out", names[i], qos) >= 0);
            broker_publish(&r.broker, "in", names[i], qos);
        }
        for (long again = 1; again < 8; again++) {
            rig_run_until(&r, r.now + 500);
            r.broker.budget = 20 + (k * 37 + again * 11) % 90;
            rig_run_until(&r, r.now + 1500);
        }
        recover(&r);
        check_sound(&r, k);
        for (size_t i = 0; i < COUNT; i++) {
            uint8_t qos = (uint8_t)(i == 3 ? 2 : i);
            check_count(broker_count(&r.broker, names[i]), qos, k);
            check_count(rig_count(&r, names[i]), qos, k);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qos0_out_arrives_at_most_once_wherever_it_is_cut),
        cmocka_unit_test(qos1_out_arrives_at_least_once_wherever_it_is_cut),
        cmocka_unit_test(qos2_out_arrives_exactly_once_wherever_it_is_cut),
        cmocka_unit_test(qos0_in_comes_up_at_most_once_wherever_it_is_cut),
        cmocka_unit_test(qos1_in_comes_up_at_least_once_wherever_it_is_cut),
        cmocka_unit_test(qos2_in_comes_up_exactly_once_wherever_it_is_cut),
        cmocka_unit_test(both_ways_survive_many_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
