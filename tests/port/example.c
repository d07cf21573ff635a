/* SPDX-License-Identifier: MIT */
/*
 * The smallest port: one loop that polls, no threads, no interrupts, nothing
 * of a system but a clock. The worked example of docs/porting.md, and proof
 * that the conformance suite asks for no more than cleat/port.h promises.
 */
#include "cleat/port.h"

#include <time.h>

#include "cleat/error.h"

#define TASK_MAX 8

struct slot {
    struct cleat_task *task; /* NULL: free */
    bool woken;
    uint64_t due_ms;
    void *local;
};

static struct slot slots[TASK_MAX];
static struct slot *here; /* whose step runs */
static void *main_local;

/* 1. Time. */
uint64_t cleat_port_now_us(void) {
    struct timespec t;
    (void)timespec_get(&t, TIME_UTC); /* a product takes a monotonic clock */
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t cleat_port_now_ms(void) {
    return cleat_port_now_us() / 1000u;
}

void cleat_port_delay_us(uint32_t us) {
    uint64_t end = cleat_port_now_us() + us;
    while (cleat_port_now_us() < end) {
    }
}

/* 2. Nothing here runs beside the loop, so nothing needs to be kept out. With
 * interrupts these two hold them off. */
void cleat_port_enter(void) {
}

void cleat_port_leave(void) {
}

/* 3. Tasks. */
int cleat_port_start(struct cleat_task *task) {
    for (struct slot *s = slots; s < slots + TASK_MAX; s++) {
        if (s->task == NULL) {
            *s = (struct slot){task, true, CLEAT_NEVER, NULL};
            task->port = s;
            return CLEAT_OK;
        }
    }
    return CLEAT_ERR_IO;
}

void cleat_port_stop(struct cleat_task *task) {
    struct slot *s = task->port;
    if (s != NULL) {
        s->task = NULL;
        task->port = NULL;
    }
}

void cleat_port_wake(struct cleat_task *task) {
    struct slot *s = task == NULL ? NULL : task->port;
    if (s != NULL) {
        s->woken = true;
    }
}

struct cleat_task *cleat_port_current(void) {
    return here == NULL ? NULL : here->task;
}

void **cleat_port_local(void) {
    return here == NULL ? &main_local : &here->local;
}

static uint64_t step(struct cleat_task *task, struct slot *as) {
    struct slot *caller = here;
    here = as;
    uint64_t due = task->step(task->self, cleat_port_now_ms());
    here = caller;
    return due;
}

/* 4. The loop. @return true if any task was stepped. */
static bool turn(void) {
    bool any = false;
    for (struct slot *s = slots; s < slots + TASK_MAX; s++) {
        struct cleat_task *task = s->task;
        if (task != NULL && (s->woken || s->due_ms <= cleat_port_now_ms())) {
            s->woken = false; /* before the step: it may wake itself */
            uint64_t due = step(task, s);
            if (s->task == task) {
                s->due_ms = due;
            }
            any = true;
        }
    }
    return any;
}

/* 5. Waiting inside a step: only the helper is stepped meanwhile. */
int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    struct slot *as = here;
    if (helper != NULL && helper->port != NULL) {
        as = helper->port;
    }
    while (!done(arg)) {
        if (cleat_port_now_ms() >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (helper != NULL) {
            (void)step(helper, as);
        }
    }
    cleat_port_wake(cleat_port_current()); /* a wake may be for other things */
    return CLEAT_OK;
}

/* The glue of the conformance suite. */
#include "conformance.h"

static void main_wait(uint64_t timeout_ms) {
    uint64_t end = cleat_port_now_ms() + timeout_ms;
    while (!turn() && cleat_port_now_ms() < end) {
    }
}

int main(void) {
    static const struct port_conformance port = {"port: example", main_wait,
                                                 NULL};
    return port_conformance(&port);
}
