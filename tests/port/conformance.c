/* SPDX-License-Identifier: MIT */
/*
 * Clocks, steps, wakes, deadlines, waiting inside a step, critical sections,
 * mailboxes, starting and stopping. Nothing here knows which port it runs on,
 * nor whether a task has a thread.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "conformance.h"

#include <stdbool.h>
#include <string.h>

#include "cleat/mailbox.h"
#include "cleat/port.h"

#define LIMIT_MS 8000 /* a port that hangs fails instead */
#define TURN_MS 20
#define MESSAGES 2000u
#define ADDITIONS 20000
#define DEVICE_TASKS 4

static const struct port_conformance *port;

/* What tasks and suite share is read and written under the critical section
 * only. Static, since a failed case leaves its tasks running. */
struct counter {
    struct cleat_task task;
    struct cleat_task *watcher;
    int steps;
    uint64_t period_ms; /* 0: only when woken */
    struct cleat_task *seen;
    void **local;
    void *local_first;
};

static struct counter counters[DEVICE_TASKS];

static int steps_of(struct counter *c) {
    cleat_port_enter();
    int n = c->steps;
    cleat_port_leave();
    return n;
}

static uint64_t count_step(void *self, uint64_t now_ms) {
    struct counter *c = self;
    void **local = cleat_port_local();
    cleat_port_enter();
    if (c->steps == 0) {
        c->seen = cleat_port_current();
        c->local = local;
        c->local_first = *local;
        *local = c;
    }
    c->steps++;
    cleat_port_leave();
    cleat_port_wake(c->watcher);
    return c->period_ms == 0 ? CLEAT_NEVER : now_ms + c->period_ms;
}

static void counter_init(struct counter *c, uint64_t period_ms) {
    memset(c, 0, sizeof *c);
    c->task = (struct cleat_task){"counter", count_step, c, NULL};
    c->period_ms = period_ms;
    c->watcher = cleat_port_current();
}

static struct counter *counter_start(uint64_t period_ms) {
    struct counter *c = &counters[0];
    counter_init(c, period_ms);
    assert_int_equal(cleat_port_start(&c->task), 0);
    return c;
}

static bool reaches(struct counter *c, int steps) {
    uint64_t end = cleat_port_now_ms() + LIMIT_MS;
    while (steps_of(c) < steps && cleat_port_now_ms() < end) {
        port->wait(TURN_MS);
    }
    return steps_of(c) >= steps;
}

static bool becomes_true(bool *flag) {
    uint64_t end = cleat_port_now_ms() + LIMIT_MS;
    bool is = false;
    do {
        port->wait(TURN_MS);
        cleat_port_enter();
        is = *flag;
        cleat_port_leave();
    } while (!is && cleat_port_now_ms() < end);
    return is;
}

/* Clocks. */

static void the_two_clocks_run_together_and_never_back(void **state) {
    (void)state;
    uint64_t before = cleat_port_now_us();
    for (int i = 0; i < 2000; i++) {
        uint64_t us = cleat_port_now_us();
        uint64_t ms = cleat_port_now_ms();
        assert_true(us >= before);
        assert_true(ms >= us / 1000);
        before = us;
        assert_true(ms <= cleat_port_now_us() / 1000);
    }
    port->wait(30);
    assert_true(cleat_port_now_us() >= before);
}

static void a_wait_of_the_suite_takes_time_on_the_clock(void **state) {
    (void)state;
    uint64_t before = cleat_port_now_ms();
    for (int i = 0; i < 1000 && cleat_port_now_ms() < before + 20; i++) {
        port->wait(20);
    }
    assert_true(cleat_port_now_ms() >= before + 20);
}

static void a_delay_is_never_shorter_than_asked(void **state) {
    (void)state;
    static const uint32_t us[] = {0, 1, 10, 50, 300, 999, 1000};
    for (size_t i = 0; i < sizeof us / sizeof us[0]; i++) {
        uint64_t before = cleat_port_now_us();
        cleat_port_delay_us(us[i]);
        assert_true(cleat_port_now_us() - before >= us[i]);
    }
}

/* Steps. */

static void a_started_task_is_stepped_once_without_a_wake(void **state) {
    (void)state;
    struct counter *c = counter_start(0);
    assert_true(reaches(c, 1));
    port->wait(TURN_MS);
    cleat_port_stop(&c->task);
    assert_int_equal(steps_of(c), 1);
}

static void a_wake_leads_to_a_step(void **state) {
    (void)state;
    struct counter *c = counter_start(0);
    assert_true(reaches(c, 1));
    for (int i = 2; i < 20; i++) {
        cleat_port_wake(&c->task);
        assert_true(reaches(c, i));
    }
    cleat_port_stop(&c->task);
}

static void a_deadline_leads_to_a_step(void **state) {
    (void)state;
    uint64_t begin = cleat_port_now_ms();
    struct counter *c = counter_start(5);
    assert_true(reaches(c, 4));
    assert_true(cleat_port_now_ms() - begin >= 15);
    cleat_port_stop(&c->task);
}

static uint64_t self_waking_step(void *self, uint64_t now_ms) {
    struct counter *c = self;
    (void)now_ms;
    cleat_port_enter();
    bool more = ++c->steps < 5;
    cleat_port_leave();
    cleat_port_wake(more ? &c->task : c->watcher);
    return CLEAT_NEVER;
}

static void a_wake_during_a_step_is_not_lost(void **state) {
    (void)state;
    struct counter *c = &counters[0];
    counter_init(c, 0);
    c->task.step = self_waking_step;
    assert_int_equal(cleat_port_start(&c->task), 0);
    assert_true(reaches(c, 5));
    cleat_port_stop(&c->task);
}

static uint64_t restless_step(void *self, uint64_t now_ms) {
    struct counter *c = self;
    cleat_port_enter();
    c->steps++;
    cleat_port_leave();
    return now_ms; /* due again at once */
}

static void a_task_that_is_always_due_lets_the_others_run(void **state) {
    (void)state;
    struct counter *restless = &counters[1];
    counter_init(restless, 0);
    restless->task.step = restless_step;
    assert_int_equal(cleat_port_start(&restless->task), 0);
    struct counter *c = counter_start(5);
    assert_true(reaches(c, 4));
    assert_true(reaches(restless, 4));
    cleat_port_stop(&c->task);
    cleat_port_stop(&restless->task);
}

static void as_many_tasks_as_a_device_has_run_side_by_side(void **state) {
    (void)state;
    for (int i = 0; i < DEVICE_TASKS; i++) {
        counter_init(&counters[i], (uint64_t)i + 3);
        assert_int_equal(cleat_port_start(&counters[i].task), 0);
    }
    for (int i = 0; i < DEVICE_TASKS; i++) {
        assert_true(reaches(&counters[i], 5));
    }
    for (int i = 0; i < DEVICE_TASKS; i++) {
        cleat_port_stop(&counters[i].task);
    }
}

static void
each_task_is_current_in_its_step_and_has_its_own_local(void **state) {
    (void)state;
    for (int i = 0; i < DEVICE_TASKS; i++) {
        counter_init(&counters[i], 0);
        assert_int_equal(cleat_port_start(&counters[i].task), 0);
    }
    for (int i = 0; i < DEVICE_TASKS; i++) {
        struct counter *c = &counters[i];
        assert_true(reaches(c, 1));
        assert_ptr_equal(c->seen, &c->task);
        assert_null(c->local_first);
        assert_ptr_equal(*c->local, c);
        for (int k = 0; k < i; k++) {
            assert_true(c->local != counters[k].local);
        }
        assert_true(cleat_port_local() != c->local);
    }
    for (int i = 0; i < DEVICE_TASKS; i++) {
        cleat_port_stop(&counters[i].task);
    }
    assert_true(cleat_port_current() != &counters[0].task);
}

static void nothing_steps_after_stop_and_wakes_do_no_harm(void **state) {
    (void)state;
    struct counter *c = counter_start(1);
    assert_true(reaches(c, 2));
    cleat_port_stop(&c->task);
    int steps = steps_of(c);
    cleat_port_wake(&c->task);
    port->wait(TURN_MS);
    assert_int_equal(steps_of(c), steps);
    cleat_port_stop(&c->task);
    cleat_port_wake(NULL);
}

static void a_stopped_task_can_be_started_again(void **state) {
    (void)state;
    for (int round = 0; round < 30; round++) {
        struct counter *c = counter_start(0);
        assert_true(reaches(c, 1));
        assert_null(c->local_first);
        cleat_port_stop(&c->task);
        assert_null(c->task.port);
    }
}

/* A task starts another, as the device's do. */
static uint64_t starting_step(void *self, uint64_t now_ms) {
    struct counter *c = self;
    (void)now_ms;
    cleat_port_enter();
    bool first = c->steps++ == 0;
    cleat_port_leave();
    if (first) {
        (void)cleat_port_start(&counters[1].task);
    }
    return CLEAT_NEVER;
}

static void a_task_can_start_another(void **state) {
    (void)state;
    struct counter *c = &counters[0];
    counter_init(c, 0);
    counter_init(&counters[1], 0);
    c->task.step = starting_step;
    assert_int_equal(cleat_port_start(&c->task), 0);
    assert_true(reaches(&counters[1], 1));
    cleat_port_stop(&counters[1].task);
    cleat_port_stop(&c->task);
}

/* Waiting: a task waits inside its step for a helper that works in pieces. */
struct helper {
    struct cleat_task task;
    int asked, done;
    struct cleat_task *waiter;
};

struct waiter {
    struct cleat_task task;
    struct cleat_task *watcher;
    int result, early, steps;
    bool finished;
    uint64_t waited_ms;
};

static struct helper helper;
static struct waiter waiter;

static uint64_t helper_step(void *self, uint64_t now_ms) {
    struct helper *h = self;
    cleat_port_enter();
    if (h->done < h->asked) {
        h->done++;
    }
    bool more = h->done < h->asked;
    struct cleat_task *to = h->waiter;
    cleat_port_leave();
    cleat_port_wake(to);
    return more ? now_ms + 1 : CLEAT_NEVER;
}

static bool helper_done(void *arg) {
    struct helper *h = arg;
    cleat_port_enter();
    bool done = h->done == h->asked;
    cleat_port_leave();
    return done;
}

static bool never_done(void *arg) {
    (void)arg;
    return false;
}

static uint64_t waiter_step(void *self, uint64_t now_ms) {
    struct waiter *w = self;
    cleat_port_enter();
    bool first = w->steps++ == 0;
    helper.asked = first ? 5 : helper.asked;
    helper.waiter = cleat_port_current();
    cleat_port_leave();
    if (!first) {
        cleat_port_wake(w->watcher);
        return CLEAT_NEVER;
    }
    cleat_port_wake(&helper.task);
    int result = cleat_port_wait(helper_done, &helper, now_ms + LIMIT_MS / 2,
                                 &helper.task);
    uint64_t begin = cleat_port_now_ms();
    int early = cleat_port_wait(never_done, NULL, begin + 5, &helper.task);
    cleat_port_enter();
    w->result = result;
    w->early = early;
    w->waited_ms = cleat_port_now_ms() - begin;
    w->finished = true;
    cleat_port_leave();
    cleat_port_wake(w->watcher);
    return CLEAT_NEVER;
}

static void run_waiter(bool start_helper) {
    memset(&helper, 0, sizeof helper);
    memset(&waiter, 0, sizeof waiter);
    helper.task = (struct cleat_task){"helper", helper_step, &helper, NULL};
    waiter.task = (struct cleat_task){"waiter", waiter_step, &waiter, NULL};
    waiter.watcher = cleat_port_current();
    waiter.result = 1;
    if (start_helper) {
        assert_int_equal(cleat_port_start(&helper.task), 0);
    }
    assert_int_equal(cleat_port_start(&waiter.task), 0);
    bool finished = becomes_true(&waiter.finished);
    cleat_port_stop(&waiter.task);
    cleat_port_stop(&helper.task);
    assert_true(finished);
    assert_int_equal(waiter.result, 0);
    assert_int_equal(waiter.early, CLEAT_ERR_TIMEOUT);
    assert_true(waiter.waited_ms >= 5);
    assert_int_equal(helper.done, 5);
}

static void a_step_can_wait_for_another_task(void **state) {
    (void)state;
    run_waiter(true);
}

static void a_step_can_wait_for_a_helper_without_a_place(void **state) {
    (void)state;
    run_waiter(false);
}

static uint64_t deaf_step(void *self, uint64_t now_ms) {
    struct waiter *w = self;
    (void)now_ms;
    cleat_port_enter();
    bool first = w->steps++ == 0;
    w->finished = !first;
    helper.asked = 1;
    helper.waiter = cleat_port_current();
    cleat_port_leave();
    if (first) {
        cleat_port_wake(&w->task); /* for what this step has not looked at */
        cleat_port_wake(&helper.task);
        (void)cleat_port_wait(helper_done, &helper,
                              cleat_port_now_ms() + LIMIT_MS, &helper.task);
    }
    return CLEAT_NEVER;
}

static void a_wake_during_a_wait_leads_to_a_step_after_it(void **state) {
    (void)state;
    memset(&helper, 0, sizeof helper);
    memset(&waiter, 0, sizeof waiter);
    helper.task = (struct cleat_task){"helper", helper_step, &helper, NULL};
    waiter.task = (struct cleat_task){"waiter", deaf_step, &waiter, NULL};
    assert_int_equal(cleat_port_start(&helper.task), 0);
    assert_int_equal(cleat_port_start(&waiter.task), 0);
    bool finished = becomes_true(&waiter.finished);
    cleat_port_stop(&waiter.task);
    cleat_port_stop(&helper.task);
    assert_true(finished);
}

/* Critical sections: two tasks add to one number, each until both have. */
static volatile int32_t sum;

static uint64_t adding_step(void *self, uint64_t now_ms) {
    struct counter *c = self;
    for (int i = 0; i < 100; i++) {
        cleat_port_enter();
        int32_t before = sum;
        for (volatile int k = 0; k < 20; k++) {
            /* Time for another task to come between. */
        }
        sum = before + 1;
        cleat_port_leave();
    }
    cleat_port_enter();
    c->steps += 100;
    bool more = counters[0].steps < ADDITIONS || counters[1].steps < ADDITIONS;
    cleat_port_leave();
    cleat_port_wake(c->watcher);
    return more ? now_ms : CLEAT_NEVER;
}

static void a_critical_section_excludes_the_other_tasks(void **state) {
    (void)state;
    sum = 0;
    counter_init(&counters[0], 0);
    counter_init(&counters[1], 0);
    for (int i = 0; i < 2; i++) {
        counters[i].task.step = adding_step;
        assert_int_equal(cleat_port_start(&counters[i].task), 0);
    }
    assert_true(reaches(&counters[0], ADDITIONS));
    assert_true(reaches(&counters[1], ADDITIONS));
    cleat_port_stop(&counters[0].task);
    cleat_port_stop(&counters[1].task);
    assert_int_equal(sum, counters[0].steps + counters[1].steps);
}

/* Mailboxes. */
struct taker {
    struct cleat_task task;
    struct cleat_mailbox box;
    uint32_t slots[8];
    uint32_t expected;
    bool wrong;
    struct cleat_task *watcher;
};

static struct taker taker;

static uint64_t taker_step(void *self, uint64_t now_ms) {
    struct taker *t = self;
    uint32_t m;
    (void)now_ms;
    while (cleat_mailbox_take(&t->box, &m)) {
        cleat_port_enter();
        t->wrong = t->wrong || m != t->expected;
        t->expected++;
        cleat_port_leave();
    }
    cleat_port_wake(t->watcher);
    return CLEAT_NEVER;
}

static void taker_start(void) {
    memset(&taker, 0, sizeof taker);
    taker.task = (struct cleat_task){"taker", taker_step, &taker, NULL};
    taker.watcher = cleat_port_current();
    cleat_mailbox_init(&taker.box, &taker.task, taker.slots,
                       sizeof taker.slots[0], 8);
    assert_int_equal(cleat_port_start(&taker.task), 0);
}

static uint32_t taken(uint32_t wanted) {
    uint64_t end = cleat_port_now_ms() + LIMIT_MS;
    uint32_t got = 0;
    do {
        port->wait(TURN_MS);
        cleat_port_enter();
        got = taker.expected;
        cleat_port_leave();
    } while (got < wanted && cleat_port_now_ms() < end);
    return got;
}

static void messages_arrive_once_and_in_order(void **state) {
    (void)state;
    taker_start();
    uint64_t end = cleat_port_now_ms() + LIMIT_MS;
    uint32_t full = 0;
    uint32_t i = 0;
    while (i < MESSAGES && cleat_port_now_ms() < end) {
        if (cleat_mailbox_post(&taker.box, &i) == 0) {
            i++;
        } else {
            full++;
            port->wait(TURN_MS);
        }
    }
    uint32_t got = taken(i);
    cleat_port_stop(&taker.task);
    assert_int_equal(i, MESSAGES);
    assert_int_equal(got, MESSAGES);
    assert_false(taker.wrong);
    assert_int_equal(cleat_mailbox_dropped(&taker.box), full);
}

/* Interrupts. */
static uint32_t pressed;

static void routine(void) {
    if (cleat_mailbox_post(&taker.box, &pressed) == 0) {
        pressed++;
    }
}

static void an_interrupt_can_post_and_wake(void **state) {
    (void)state;
    if (port->interrupt == NULL) {
        skip();
    }
    taker_start();
    pressed = 0;
    for (uint32_t i = 1; i <= 50; i++) {
        port->interrupt(routine);
        assert_int_equal(taken(i), i);
    }
    cleat_port_stop(&taker.task);
    assert_false(taker.wrong);
}

int port_conformance(const struct port_conformance *of) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_clocks_run_together_and_never_back),
        cmocka_unit_test(a_wait_of_the_suite_takes_time_on_the_clock),
        cmocka_unit_test(a_delay_is_never_shorter_than_asked),
        cmocka_unit_test(a_started_task_is_stepped_once_without_a_wake),
        cmocka_unit_test(a_wake_leads_to_a_step),
        cmocka_unit_test(a_deadline_leads_to_a_step),
        cmocka_unit_test(a_wake_during_a_step_is_not_lost),
        cmocka_unit_test(a_task_that_is_always_due_lets_the_others_run),
        cmocka_unit_test(as_many_tasks_as_a_device_has_run_side_by_side),
        cmocka_unit_test(
            each_task_is_current_in_its_step_and_has_its_own_local),
        cmocka_unit_test(nothing_steps_after_stop_and_wakes_do_no_harm),
        cmocka_unit_test(a_stopped_task_can_be_started_again),
        cmocka_unit_test(a_task_can_start_another),
        cmocka_unit_test(a_step_can_wait_for_another_task),
        cmocka_unit_test(a_step_can_wait_for_a_helper_without_a_place),
        cmocka_unit_test(a_wake_during_a_wait_leads_to_a_step_after_it),
        cmocka_unit_test(a_critical_section_excludes_the_other_tasks),
        cmocka_unit_test(messages_arrive_once_and_in_order),
        cmocka_unit_test(an_interrupt_can_post_and_wake),
    };
    port = of;
    return cmocka_run_group_tests_name(of->name, tests, NULL, NULL);
}
