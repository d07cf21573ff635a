/* SPDX-License-Identifier: MIT */
/*
 * The bare-metal port: a fixed list of tasks, stepped in turn by one loop. What
 * only a board can do (time, masking, sleeping) is in cleat/bare_port.h.
 */
#include "cleat/bare_port.h"

#include <stddef.h>
#include <string.h>

#include "cleat/error.h"

/* The device's four, the network, the firmware's control channel, room. */
#define TASK_MAX 8

struct slot {
    struct cleat_task *task;
    volatile bool woken; /* also written by interrupts */
    uint64_t due_ms;
    void *local;
};

/* Apart from what is small: that stays within the reach of short instructions.
 */
__attribute__((section(".bss.slots"))) static struct slot slots[TASK_MAX];
static struct slot *const slots_end = slots + TASK_MAX;
static struct slot outside; /* of any step */
static struct slot *here = &outside;
static volatile bool any_woken; /* since the tasks were looked at */
static struct cleat_bare_counts counts;
static uint64_t began_us;

void cleat_port_delay_us(uint32_t us) {
    const uint32_t begin = cleat_bare_now_us();
    while (cleat_bare_now_us() - begin <= us) {
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
            s->task = task;
            s->due_ms = 0;
            s->local = NULL;
            task->port = s;
            any_woken = true;
            return CLEAT_OK;
        }
    }
    return CLEAT_ERR_IO;
}

/* An interrupt that still finds the place there wakes whoever has it next. */
void cleat_port_stop(struct cleat_task *task) {
    struct slot *s = task->port;
    task->port = NULL;
    if (s != NULL) {
        s->task = NULL;
    }
}

void cleat_port_wake(struct cleat_task *task) {
    struct slot *s = task == NULL ? NULL : task->port;
    if (s != NULL) {
        s->woken = true;
        any_woken = true;
    }
}

struct cleat_task *cleat_port_current(void) {
    return here->task;
}

void **cleat_port_local(void) {
    return &here->local;
}

static void count_sleep(uint64_t start_us) {
    counts.asleep_us += cleat_port_now_us() - start_us;
    counts.sleeps++;
}

/* Sleep unless a task has been woken since any_woken was cleared; the test and
 * the sleep are one. */
static void sleep_until(uint64_t due_ms) {
    const uint64_t due_us = due_ms * 1000u; /* CLEAT_NEVER remains about that */
    const uint64_t now_us = cleat_port_now_us();
    if (due_us <= now_us) {
        return;
    }
    const uint64_t us = due_us - now_us;
    cleat_bare_mask();
    if (!any_woken) {
        cleat_bare_alive();
        cleat_bare_sleep(us < UINT32_MAX ? (uint32_t)us : UINT32_MAX);
        if (CLEAT_BARE_COUNTS) {
            count_sleep(now_us);
        }
    }
    cleat_bare_unmask();
}

/* Step a task as the one there. @return when it is due again. */
static uint64_t step(struct cleat_task *task, struct slot *as) {
    struct slot *caller = here;
    here = as;
    counts.steps += CLEAT_BARE_COUNTS;
    uint64_t due = task->step(task->self, cleat_port_now_ms());
    here = caller;
    return due;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    int err = CLEAT_OK;
    uint64_t due = 0; /* not asleep before the helper had its turn */
    while (!done(arg)) {
        if (cleat_port_now_ms() >= deadline_ms) {
            err = CLEAT_ERR_TIMEOUT;
            break;
        }
        sleep_until(due);
        any_woken = false;
        due = deadline_ms;
        if (helper != NULL) {
            struct slot *at = helper->port;
            uint64_t next = step(helper, at == NULL ? here : at);
            due = next < due ? next : due;
        }
    }
    /* A wake may have been for something else too: step again soon. */
    cleat_port_wake(cleat_port_current());
    return err;
}

void cleat_bare_run(bool (*done)(void *arg), void *arg) {
    if (CLEAT_BARE_COUNTS) {
        began_us = cleat_port_now_us();
        memset(&counts, 0, sizeof counts);
    }
    do {
        uint64_t next = CLEAT_NEVER;
        any_woken = false;
        for (struct slot *s = slots; s < slots_end; s++) {
            if (s->task == NULL) {
                continue;
            }
            if (s->woken || s->due_ms <= cleat_port_now_ms()) {
                s->woken = false;
                s->due_ms = step(s->task, s);
            }
            next = s->due_ms < next ? s->due_ms : next;
        }
        counts.rounds += CLEAT_BARE_COUNTS;
        sleep_until(next);
    } while (!done(arg));
}

void cleat_bare_get_counts(struct cleat_bare_counts *out) {
    *out = counts;
    out->total_us = cleat_port_now_us() - began_us;
}
