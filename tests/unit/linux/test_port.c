/* SPDX-License-Identifier: MIT */
/*
 * What every port must do, run on the Linux port with threads and in one loop:
 * steps, wakes, deadlines, waiting inside a step, mailboxes, stopping.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cleat/linux_port.h"
#include "cleat/mailbox.h"

#ifndef ONE_LOOP
#define ONE_LOOP 0
#endif

/* Shared state is read and written under the critical section only. */
struct counter {
    struct cleat_task task;
    struct cleat_task *watcher;
    int steps;
    uint64_t period_ms;
};

static int steps_of(struct counter *c) {
    cleat_port_enter();
    int n = c->steps;
    cleat_port_leave();
    return n;
}

static uint64_t count_step(void *self, uint64_t now_ms) {
    struct counter *c = self;
    cleat_port_enter();
    c->steps++;
    cleat_port_leave();
    cleat_port_wake(c->watcher);
    return c->period_ms == 0 ? CLEAT_NEVER : now_ms + c->period_ms;
}

static void counter_start(struct counter *c, uint64_t period_ms) {
    memset(c, 0, sizeof *c);
    c->task.name = "counter";
    c->task.step = count_step;
    c->task.self = c;
    c->period_ms = period_ms;
    c->watcher = cleat_port_current();
    assert_int_equal(cleat_port_start(&c->task), 0);
}

/* Bounded: a port that never steps fails here instead of hanging. */
static bool reaches(struct counter *c, int steps) {
    uint64_t end = cleat_port_now_ms() + 5000;
    while (steps_of(c) < steps && cleat_port_now_ms() < end) {
        cleat_linux_main_wait(-1, 20);
    }
    return steps_of(c) >= steps;
}

static void a_started_task_is_stepped_once_without_a_wake(void **state) {
    (void)state;
    struct counter c;
    counter_start(&c, 0);
    assert_true(reaches(&c, 1));
    cleat_port_stop(&c.task);
    assert_int_equal(steps_of(&c), 1);
}

static void a_wake_leads_to_a_step(void **state) {
    (void)state;
    struct counter c;
    counter_start(&c, 0);
    assert_true(reaches(&c, 1));
    for (int i = 2; i < 20; i++) {
        cleat_port_wake(&c.task);
        assert_true(reaches(&c, i));
    }
    cleat_port_stop(&c.task);
}

static void a_deadline_leads_to_a_step(void **state) {
    (void)state;
    struct counter c;
    uint64_t begin = cleat_port_now_ms();
    counter_start(&c, 5);
    assert_true(reaches(&c, 4));
    assert_true(cleat_port_now_ms() - begin >= 15);
    cleat_port_stop(&c.task);
}

static void nothing_steps_after_stop_and_wakes_do_no_harm(void **state) {
    (void)state;
    struct counter c;
    counter_start(&c, 1);
    assert_true(reaches(&c, 2));
    cleat_port_stop(&c.task);
    int steps = steps_of(&c);
    cleat_port_wake(&c.task);
    cleat_linux_main_wait(-1, 10);
    assert_int_equal(steps_of(&c), steps);
    cleat_port_stop(&c.task);
    cleat_port_wake(NULL);
}

/* A client task waits inside its step for a helper that works piece by piece.
 */
struct helper {
    struct cleat_task task;
    int asked, done;
    struct cleat_task *waiter;
};

static uint64_t helper_step(void *self, uint64_t now_ms) {
    struct helper *h = self;
    cleat_port_enter();
    bool work = h->done < h->asked;
    if (work) {
        h->done++;
    }
    bool more = h->done < h->asked;
    struct cleat_task *waiter = h->waiter;
    cleat_port_leave();
    cleat_port_wake(waiter);
    return more ? now_ms + 1 : CLEAT_NEVER;
}

struct waiter {
    struct cleat_task task;
    struct helper *helper;
    struct cleat_task *watcher;
    int result, early;
    bool finished;
};

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
    if (w->finished) {
        return CLEAT_NEVER;
    }
    cleat_port_enter();
    w->helper->asked = 5;
    w->helper->waiter = cleat_port_current();
    cleat_port_leave();
    cleat_port_wake(&w->helper->task);
    int result = cleat_port_wait(helper_done, w->helper, now_ms + 5000,
                                 &w->helper->task);
    int early = cleat_port_wait(never_done, NULL, cleat_port_now_ms() + 5,
                                &w->helper->task);
    cleat_port_enter();
    w->result = result;
    w->early = early;
    w->finished = true;
    cleat_port_leave();
    cleat_port_wake(w->watcher);
    return CLEAT_NEVER;
}

static void run_waiter(bool start_helper) {
    struct helper h;
    struct waiter w;
    memset(&h, 0, sizeof h);
    memset(&w, 0, sizeof w);
    h.task = (struct cleat_task){"helper", helper_step, &h, NULL};
    w.task = (struct cleat_task){"waiter", waiter_step, &w, NULL};
    w.helper = &h;
    w.watcher = cleat_port_current();
    w.result = 1;
    if (start_helper) {
        assert_int_equal(cleat_port_start(&h.task), 0);
    }
    assert_int_equal(cleat_port_start(&w.task), 0);
    bool finished = false;
    for (uint64_t end = cleat_port_now_ms() + 8000;
         !finished && cleat_port_now_ms() < end;) {
        cleat_linux_main_wait(-1, 20);
        cleat_port_enter();
        finished = w.finished;
        cleat_port_leave();
    }
    cleat_port_stop(&w.task);
    cleat_port_stop(&h.task);
    assert_true(finished);
    assert_int_equal(w.result, 0);
    assert_int_equal(w.early, CLEAT_ERR_TIMEOUT);
    assert_int_equal(h.done, 5);
}

static void a_step_can_wait_for_another_task(void **state) {
    (void)state;
    run_waiter(true);
}

static void a_step_can_wait_for_a_helper_without_a_place(void **state) {
    (void)state;
    run_waiter(false);
}

struct taker {
    struct cleat_task task;
    struct cleat_mailbox box;
    uint32_t slots[8];
    uint32_t expected;
    bool wrong;
    struct cleat_task *watcher;
};

static uint64_t taker_step(void *self, uint64_t now_ms) {
    struct taker *t = self;
    uint32_t m;
    (void)now_ms;
    while (cleat_mailbox_take(&t->box, &m)) {
        cleat_port_enter();
        t->wrong |= m != t->expected;
        t->expected++;
        cleat_port_leave();
    }
    cleat_port_wake(t->watcher);
    return CLEAT_NEVER;
}

static void messages_arrive_once_and_in_order(void **state) {
    (void)state;
    struct taker t;
    memset(&t, 0, sizeof t);
    t.task = (struct cleat_task){"taker", taker_step, &t, NULL};
    t.watcher = cleat_port_current();
    cleat_mailbox_init(&t.box, &t.task, t.slots, sizeof t.slots[0], 8);
    assert_int_equal(cleat_port_start(&t.task), 0);
    uint32_t full = 0;
    for (uint32_t i = 0; i < 2000;) {
        if (cleat_mailbox_post(&t.box, &i) == 0) {
            i++;
        } else {
            full++;
            cleat_linux_main_wait(-1, 20);
        }
    }
    uint32_t got = 0;
    for (uint64_t end = cleat_port_now_ms() + 5000;
         got < 2000 && cleat_port_now_ms() < end;) {
        cleat_linux_main_wait(-1, 20);
        cleat_port_enter();
        got = t.expected;
        cleat_port_leave();
    }
    cleat_port_stop(&t.task);
    assert_int_equal(got, 2000);
    assert_false(t.wrong);
    assert_int_equal(cleat_mailbox_dropped(&t.box), full);
}

struct watch {
    struct cleat_task task;
    int fd;
    struct cleat_task *watcher;
    int bytes;
};

static uint64_t watch_step(void *self, uint64_t now_ms) {
    struct watch *w = self;
    char c;
    (void)now_ms;
    cleat_linux_watch(NULL, w->fd, POLLIN);
    struct pollfd p = {w->fd, POLLIN, 0};
    while (poll(&p, 1, 0) == 1 && read(w->fd, &c, 1) == 1) {
        cleat_port_enter();
        w->bytes++;
        cleat_port_leave();
    }
    cleat_port_wake(w->watcher);
    return CLEAT_NEVER;
}

static void a_readable_descriptor_wakes_its_task(void **state) {
    (void)state;
    int ends[2];
    struct watch w;
    assert_int_equal(pipe(ends), 0);
    memset(&w, 0, sizeof w);
    w.task = (struct cleat_task){"watch", watch_step, &w, NULL};
    w.fd = ends[0];
    w.watcher = cleat_port_current();
    assert_int_equal(cleat_port_start(&w.task), 0);
    cleat_linux_main_wait(-1, 20);
    int got = 0;
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(write(ends[1], "x", 1), 1);
        for (uint64_t end = cleat_port_now_ms() + 5000;
             got < i && cleat_port_now_ms() < end;) {
            cleat_linux_main_wait(-1, 50);
            cleat_port_enter();
            got = w.bytes;
            cleat_port_leave();
        }
        assert_int_equal(got, i);
    }
    cleat_port_stop(&w.task);
    close(ends[0]);
    close(ends[1]);
}

static int use_mode(void **state) {
    (void)state;
    cleat_linux_use_loop(ONE_LOOP != 0);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_started_task_is_stepped_once_without_a_wake),
        cmocka_unit_test(a_wake_leads_to_a_step),
        cmocka_unit_test(a_deadline_leads_to_a_step),
        cmocka_unit_test(nothing_steps_after_stop_and_wakes_do_no_harm),
        cmocka_unit_test(a_step_can_wait_for_another_task),
        cmocka_unit_test(a_step_can_wait_for_a_helper_without_a_place),
        cmocka_unit_test(messages_arrive_once_and_in_order),
        cmocka_unit_test(a_readable_descriptor_wakes_its_task),
    };
    return cmocka_run_group_tests_name("port", tests, use_mode, NULL);
}
