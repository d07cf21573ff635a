/* SPDX-License-Identifier: MIT */
/*
 * ports/bare/port.c on a clock and with interrupts of the test's own: what is
 * stepped, when it sleeps, and that no wake is lost before a sleep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cleat/bare_port.h"
#include "cleat/error.h"

static uint64_t now_us;
static uint32_t tick_us; /* that pass with each look at the counter */
static bool far;         /* the longest sleep is not taken for an endless one */
static bool masked;
static unsigned sleeps;
static unsigned alive;
static bool mask_held_in_sleep;
static struct cleat_task *interrupt_wakes; /* during the next sleep */

uint32_t cleat_bare_now_us(void) {
    now_us += tick_us;
    return (uint32_t)now_us;
}

void cleat_bare_mask(void) {
    assert_false(masked);
    masked = true;
}

void cleat_bare_unmask(void) {
    assert_true(masked);
    masked = false;
}

void cleat_bare_sleep(uint32_t us) {
    mask_held_in_sleep = masked;
    sleeps++;
    if (interrupt_wakes != NULL) {
        now_us += 10;
        masked = false; /* for the routine: it comes when the loop unmasks */
        cleat_port_wake(interrupt_wakes);
        masked = true;
        interrupt_wakes = NULL;
        return;
    }
    assert_true(far || us != UINT32_MAX); /* would sleep for ever */
    now_us += us;
}

void cleat_bare_alive(void) {
    alive++;
}

struct probe {
    struct cleat_task task;
    unsigned steps;
    uint64_t last_ms;
    uint64_t every_ms; /* 0: never by itself */
    struct cleat_task *seen;
};

static uint64_t step(void *self, uint64_t now_ms) {
    struct probe *p = self;
    p->steps++;
    p->last_ms = now_ms;
    p->seen = cleat_port_current();
    return p->every_ms == 0 ? CLEAT_NEVER : now_ms + p->every_ms;
}

static struct probe a, b;

static void make(struct probe *p, const char *name, uint64_t every_ms) {
    memset(p, 0, sizeof *p);
    p->task.name = name;
    p->task.step = step;
    p->task.self = p;
    p->every_ms = every_ms;
    assert_int_equal(cleat_port_start(&p->task), 0);
}

static int setup(void **state) {
    (void)state;
    now_us = now_us / 1000000 * 1000000 + 5000000; /* never back */
    tick_us = 0;
    far = false;
    masked = false;
    sleeps = 0;
    alive = 0;
    interrupt_wakes = NULL;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    cleat_port_stop(&a.task);
    cleat_port_stop(&b.task);
    assert_false(masked);
    return 0;
}

static bool after(void *arg) {
    return now_us >= *(const uint64_t *)arg;
}

static void a_started_task_is_stepped_and_then_when_it_is_due(void **state) {
    uint64_t end = now_us + 100000;
    (void)state;
    make(&a, "a", 10);
    make(&b, "b", 25);
    cleat_bare_run(after, &end);
    assert_int_equal(a.steps, 10);
    assert_int_equal(b.steps, 4);
    assert_ptr_equal(a.seen, &a.task);
    assert_ptr_equal(b.seen, &b.task);
    assert_null(cleat_port_current());
}

static void it_sleeps_between_deadlines_and_counts_it(void **state) {
    uint64_t end = now_us + 100000;
    struct cleat_bare_counts c;
    (void)state;
    make(&a, "a", 10);
    cleat_bare_run(after, &end);
    cleat_bare_get_counts(&c);
    assert_int_equal(c.total_us, 100000);
    assert_int_equal(c.asleep_us, 100000);
    assert_int_equal(c.sleeps, 10);
    assert_true(mask_held_in_sleep);
    assert_int_equal(alive, sleeps);
}

static void an_interrupt_ends_the_sleep_and_steps_who_it_woke(void **state) {
    uint64_t end = now_us + 50000;
    (void)state;
    make(&a, "a", 50);
    make(&b, "b", 0);
    interrupt_wakes = &b.task;
    cleat_bare_run(after, &end);
    assert_int_equal(b.steps, 2);
    assert_int_equal(b.last_ms, (end - 50000) / 1000);
    assert_int_equal(a.steps, 1);
}

static uint64_t wake_other(void *self, uint64_t now_ms) {
    (void)self;
    cleat_port_wake(&a.task);
    return now_ms + 20;
}

static void a_wake_by_a_later_task_is_served_before_any_sleep(void **state) {
    uint64_t end = now_us + 1;
    (void)state;
    make(&a, "a", 30);
    make(&b, "b", 0);
    b.task.step = wake_other;
    cleat_bare_run(after, &end);
    assert_int_equal(a.steps, 2);
}

static uint64_t never_at_rest(void *self, uint64_t now_ms) {
    (void)self;
    now_us += 1000;
    return now_ms;
}

static void a_task_that_never_rests_starves_the_watchdog(void **state) {
    uint64_t end = now_us + 100000;
    (void)state;
    make(&a, "a", 0);
    a.task.step = never_at_rest;
    cleat_bare_run(after, &end);
    assert_int_equal(alive, 0);
    assert_int_equal(sleeps, 0);
}

static bool three_steps(void *arg) {
    return ((const struct probe *)arg)->steps >= 3;
}

static void waiting_steps_the_helper_and_nothing_else(void **state) {
    (void)state;
    make(&a, "a", 10);
    make(&b, "b", 1);
    assert_int_equal(
        cleat_port_wait(three_steps, &a, now_us / 1000 + 1000, &a.task), 0);
    assert_int_equal(a.steps, 3);
    assert_int_equal(b.steps, 0);
    assert_ptr_equal(a.seen, &a.task);
}

static bool no(void *arg) {
    (void)arg;
    return false;
}

static void waiting_ends_at_its_deadline(void **state) {
    uint64_t deadline = now_us / 1000 + 70;
    (void)state;
    make(&a, "a", 0);
    assert_int_equal(cleat_port_wait(no, NULL, deadline, &a.task),
                     CLEAT_ERR_TIMEOUT);
    assert_int_equal(now_us, deadline * 1000);
}

static void more_tasks_than_places_are_refused(void **state) {
    static struct probe many[9];
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        make(&many[i], "many", 0);
    }
    many[8].task.step = step;
    assert_int_equal(cleat_port_start(&many[8].task), CLEAT_ERR_IO);
    for (size_t i = 0; i < 8; i++) {
        cleat_port_stop(&many[i].task);
    }
}

static void a_stopped_task_is_not_stepped_or_woken(void **state) {
    uint64_t end = now_us + 30000;
    (void)state;
    make(&a, "a", 10);
    make(&b, "b", 10);
    cleat_port_stop(&b.task);
    cleat_port_wake(&b.task);
    cleat_bare_run(after, &end);
    assert_int_equal(b.steps, 0);
    assert_int_equal(a.steps, 3);
}

static void the_clocks_go_on_when_the_counter_wraps(void **state) {
    (void)state;
    uint64_t begin_us = cleat_port_now_us();
    uint64_t begin_ms = cleat_port_now_ms();
    for (uint64_t passed = 0; passed < 4ull << 32; passed += 1234567891) {
        assert_int_equal(cleat_port_now_us() - begin_us, passed);
        assert_int_equal(cleat_port_now_ms() - begin_ms, passed / 1000);
        now_us += 1234567891;
    }
}

static void a_delay_lasts_as_long_as_asked(void **state) {
    uint64_t before;
    (void)state;
    tick_us = 1;
    before = now_us;
    cleat_port_delay_us(300);
    assert_in_range(now_us - before, 300, 310);
}

static void a_far_deadline_is_slept_for_in_parts(void **state) {
    uint64_t end = now_us + (10ull << 32);
    (void)state;
    make(&a, "a", 20u << 22); /* ms: 19 wraps of the counter */
    far = true;
    cleat_bare_run(after, &end);
    assert_int_equal(a.steps, 1);
    assert_true(sleeps >= 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_started_task_is_stepped_and_then_when_it_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(
            it_sleeps_between_deadlines_and_counts_it, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_interrupt_ends_the_sleep_and_steps_who_it_woke, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_wake_by_a_later_task_is_served_before_any_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_task_that_never_rests_starves_the_watchdog, setup, teardown),
        cmocka_unit_test_setup_teardown(
            waiting_steps_the_helper_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_ends_at_its_deadline, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_tasks_than_places_are_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_stopped_task_is_not_stepped_or_woken,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_clocks_go_on_when_the_counter_wraps,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_delay_lasts_as_long_as_asked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_far_deadline_is_slept_for_in_parts,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
