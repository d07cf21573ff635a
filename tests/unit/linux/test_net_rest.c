/* SPDX-License-Identifier: MIT */
/* When a line is rested on: played through on a clock of its own, with a sender
 * that takes so long for each packet and has so many under way. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdbool.h>

#include "linux/net_rest.h"

#define PACKET 90u
#define WAKE_US 12u /* what a wake-up costs */

struct line {
    uint64_t now, next; /* us; when the next packet is there */
    uint64_t made, taken;
    uint32_t each_us, window; /* 0: any number under way */
    uint32_t burst, pause_us; /* after so many packets a pause */
    uint32_t wakes, rests, longest_us;
};

static bool full(const struct line *l) {
    return l->window > 0 && l->made - l->taken >= l->window;
}

static void send_until(struct line *l, uint64_t until) {
    while (!full(l) && l->next <= until) {
        l->made++;
        l->next += l->each_us;
        if (l->burst > 0 && l->made % l->burst == 0) {
            l->next += l->pause_us;
        }
    }
    l->now = until;
}

/** Everything that has come is taken: a sender that waited goes on. */
static void take(struct line *l) {
    bool waited = full(l);
    l->taken = l->made;
    if (waited) {
        l->next = l->now + l->each_us;
    }
}

/** @return microseconds until count packets are through. */
static uint64_t play(struct line *l, bool with_rests, uint64_t count) {
    struct cleat_linux_net_rest r;
    cleat_linux_net_rest_begin(&r, 0);
    l->next = l->each_us;
    while (l->taken < count) {
        uint32_t us = with_rests ? cleat_linux_net_rest_next(&r, l->now,
                                                             l->taken * PACKET)
                                 : 0;
        l->rests += us > 0 ? 1 : 0;
        l->longest_us = us > l->longest_us ? us : l->longest_us;
        send_until(l, l->now + us + (us > 0 ? 50 : 0)); /* the timer's slack */
        if (l->made == l->taken) {
            send_until(l, l->next);
        }
        l->wakes++;
        send_until(l, l->now + WAKE_US);
        take(l);
    }
    return l->now;
}

static void a_flood_is_taken_in_with_few_wake_ups_and_no_slower(void **state) {
    struct line rested = {.each_us = 25}, plain = {.each_us = 25};
    (void)state;
    uint64_t with = play(&rested, true, 100000);
    uint64_t without = play(&plain, false, 100000);
    assert_true(rested.wakes * 5 < plain.wakes);
    assert_true(with < without + without / 100);
    assert_true(rested.longest_us <= 200);
}

static void a_window_that_lasts_through_a_rest_is_rested_on(void **state) {
    struct line rested = {.each_us = 25, .window = 20};
    struct line plain = {.each_us = 25, .window = 20};
    (void)state;
    uint64_t with = play(&rested, true, 100000);
    uint64_t without = play(&plain, false, 100000);
    assert_true(rested.wakes * 5 < plain.wakes);
    assert_true(with < without + without / 20);
}

static void who_waits_for_each_answer_is_soon_left_alone(void **state) {
    (void)state;
    for (uint32_t window = 1; window <= 4; window++) {
        struct line rested = {.each_us = 60, .window = window};
        struct line plain = {.each_us = 60, .window = window};
        uint64_t with = play(&rested, true, 100000);
        uint64_t without = play(&plain, false, 100000);
        assert_true(with < without + without / 8);
        assert_true(window > 1 || rested.rests < 200);
    }
}

static void a_slow_line_is_never_rested_on(void **state) {
    struct line l = {.each_us = 250};
    (void)state;
    play(&l, true, 100000);
    assert_int_equal(l.rests, 0);
    l = (struct line){.each_us = 20000};
    play(&l, true, 1000);
    assert_int_equal(l.rests, 0);
}

static void after_a_pause_the_next_packets_are_taken_at_once(void **state) {
    struct line l = {.each_us = 25, .burst = 4, .pause_us = 5000};
    (void)state;
    play(&l, true, 10000);
    assert_int_equal(l.rests, 0);
}

static void a_line_that_grows_slow_is_left_alone_again(void **state) {
    struct cleat_linux_net_rest r;
    uint64_t now = 0, total = 0;
    uint32_t us = 0;
    (void)state;
    cleat_linux_net_rest_begin(&r, now);
    for (int i = 0; i < 200; i++) { /* a flood */
        now += us + 30;
        total += (us + 30) * 4;
        us = cleat_linux_net_rest_next(&r, now, total);
    }
    assert_int_equal(us, 200);
    int rests = 0;
    for (int i = 0; i < 2000; i++) { /* then question and answer */
        now += us + 60;
        total += PACKET;
        us = cleat_linux_net_rest_next(&r, now, total);
        rests += us > 0 ? 1 : 0;
    }
    assert_true(rests < 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_is_taken_in_with_few_wake_ups_and_no_slower),
        cmocka_unit_test(a_window_that_lasts_through_a_rest_is_rested_on),
        cmocka_unit_test(who_waits_for_each_answer_is_soon_left_alone),
        cmocka_unit_test(a_slow_line_is_never_rested_on),
        cmocka_unit_test(after_a_pause_the_next_packets_are_taken_at_once),
        cmocka_unit_test(a_line_that_grows_slow_is_left_alone_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
