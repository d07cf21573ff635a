/* SPDX-License-Identifier: MIT */
/*
 * The bare-metal port: a fixed list of tasks, stepped in turn by one loop. What
 * only a board can do (time, masking, sleeping) is in cleat/bare_port.h.
 */
#include "cleat/bare_port.h"

#include <stddef.h>
#include <string.h>

#include "cleat/error.h"
#include "clock.h"

/* The device's four, the network, the firmware's control channel, room. */
#define TASK_MAX 8

struct slot {
    struct cleat_task *task;
    volatile bool woken; /* also written by interrupts */
    uint64_t due_ms;
    void *local;
};

static struct slot slots[TASK_MAX];
static struct slot *const slots_end = slots + TASK_MAX;
static volatile bool any_woken; /* since the loop's turn began */
static struct slot *here;
static void *main_local;
static struct cleat_bare_counts counts;
static uint64_t began_us;
static const volatile bool never = false;

uint64_t cleat_port_now_us(void) {
    return cleat_bare_now_us();
}

uint64_t cleat_port_now_ms(void) {
    return cleat_bare_divide(cleat_bare_now_us(), 1000);
}

void cleat_port_delay_us(uint32_t us) {
    uint64_t end = cleat_bare_now_us() + (us > 1000 ? 1000 : us);
    while (cleat_bare_now_us() < end) {
    }
}

void cleat_port_enter(void) {
    cleat_bare_mask();
}

void cleat_port_leave(void) {
    cleat_bare_unmask();
}

int cleat_port_start(struct cleat_task *task) {
    for (struct slot *s = slots; s < slots_end; s++) {
        if (s->task == NULL) {
            s->due_ms = CLEAT_NEVER;
            s->local = NULL;
            s->woken = true;
            any_woken = true;
            s->task = task;
            task->port = s;
            return CLEAT_OK;
        }
    }
    return CLEAT_ERR_IO;
}

void cleat_port_stop(struct cleat_task *task) {
    cleat_bare_mask();
    struct slot *s = task->port;
    if (s != NULL) {
        task->port = NULL;
        s->task = NULL;
        s->woken = false;
    }
    cleat_bare_unmask();
}

void cleat_port_wake(struct cleat_task *task) {
    if (task == NULL) {
        return;
    }
    cleat_bare_mask();
    struct slot *s = task->port;
    if (s != NULL) {
        s->woken = true;
        any_woken = true;
    }
    cleat_bare_unmask();
}

struct cleat_task *cleat_port_current(void) {
    return here == NULL ? NULL : here->task;
}

void **cleat_port_local(void) {
    return here == NULL ? &main_local : &here->local;
}

static void count_sleep(uint64_t start_us) {
    counts.asleep_us += cleat_bare_now_us() - start_us;
    counts.sleeps++;
}

/* Sleep unless a task was woken meanwhile; the test and the sleep are one. */
static void sleep_until(uint64_t due_ms, const volatile bool *woken) {
    uint64_t until = due_ms * 1000u; /* CLEAT_NEVER remains about that */
    cleat_bare_mask();
    uint64_t start = CLEAT_BARE_COUNTS ? cleat_bare_now_us() : 0;
    if (!*woken) {
        cleat_bare_alive();
        cleat_bare_sleep(until);
        if (CLEAT_BARE_COUNTS) {
            count_sleep(start);
        }
    }
    cleat_bare_unmask();
}

/* Step a task as itself. @return when it is due again. */
static uint64_t step(struct cleat_task *task, struct slot *as) {
    struct slot *caller = here;
    here = as;
    counts.steps += CLEAT_BARE_COUNTS;
    uint64_t due = task->step(task->self, cleat_port_now_ms());
    here = caller;
    return due;
}

static bool helper_is_ours(const struct cleat_task *helper) {
    return helper != NULL && helper->step != NULL;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    struct slot *at = helper == NULL ? NULL : helper->port;
    uint64_t due = 0; /* not asleep before the helper had its turn */
    while (!done(arg)) {
        if (cleat_port_now_ms() >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        sleep_until(due, at == NULL ? &never : &at->woken);
        due = deadline_ms;
        if (helper_is_ours(helper)) {
            if (at != NULL) {
                at->woken = false;
            }
            uint64_t next = step(helper, at == NULL ? here : at);
            due = next < due ? next : due;
        }
    }
    /* A wake may have been for something else too: step again soon. */
    cleat_port_wake(cleat_port_current());
    return CLEAT_OK;
}

/* Step those that are due. @return when the next one is, if none is woken. */
static uint64_t turn(void) {
    uint64_t next = CLEAT_NEVER;
    for (struct slot *s = slots; s < slots_end; s++) {
        struct cleat_task *task = s->task;
        if (task == NULL) {
            continue;
        }
        uint64_t due = s->due_ms;
        if (s->woken || due <= cleat_port_now_ms()) {
            s->woken = false;
            due = step(task, s);
            if (s->task == task) {
                s->due_ms = due;
            }
        }
        next = due < next ? due : next;
    }
    counts.rounds += CLEAT_BARE_COUNTS;
    return next;
}

void cleat_bare_run(bool (*done)(void *arg), void *arg) {
    if (CLEAT_BARE_COUNTS) {
        began_us = cleat_bare_now_us();
        memset(&counts, 0, sizeof counts);
    }
    do {
        any_woken = false;
        uint64_t due = turn();
        if (due > cleat_port_now_ms()) {
            sleep_until(due, &any_woken);
        }
    } while (!done(arg));
}

void cleat_bare_get_counts(struct cleat_bare_counts *out) {
    *out = counts;
    out->total_us = cleat_bare_now_us() - began_us;
}
