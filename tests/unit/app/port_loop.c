/* SPDX-License-Identifier: MIT */
/* The loop; see port_loop.h. */
#include "port_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/error.h"

#define TASKS_MAX 8

static struct {
    struct cleat_task *task;
    bool woken;
    uint64_t due;
} tasks[TASKS_MAX];
static size_t task_count;
static uint64_t clock_ms;
static struct cleat_task *running;
static const struct cleat_task *held;
static unsigned fail_in;
static int depth;
static char started[256];
static void *local;

static void must(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "port_loop: %s\n", what);
        abort();
    }
}

void port_loop_reset(void) {
    memset(tasks, 0, sizeof tasks);
    task_count = 0;
    clock_ms = 1000;
    running = NULL;
    held = NULL;
    fail_in = 0;
    started[0] = '\0';
}

void port_loop_fail_start(unsigned n) {
    fail_in = n;
}

void port_loop_hold(const struct cleat_task *task) {
    held = task;
}

void port_loop_advance(uint64_t ms) {
    clock_ms += ms;
}

bool port_loop_has(const struct cleat_task *task) {
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].task == task) {
            return true;
        }
    }
    return false;
}

size_t port_loop_count(void) {
    return task_count;
}

const char *port_loop_started(void) {
    return started;
}

static void step(size_t i) {
    struct cleat_task *before = running;
    struct cleat_task *task = tasks[i].task;
    running = task;
    tasks[i].woken = false;
    uint64_t due = task->step(task->self, clock_ms);
    running = before;
    for (size_t k = 0; k < task_count; k++) {
        if (tasks[k].task == task) {
            tasks[k].due = due; /* it may have moved: others were stopped */
        }
    }
}

static bool round_of_steps(void) {
    bool any = false;
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].task != held &&
            (tasks[i].woken || tasks[i].due <= clock_ms)) {
            step(i);
            any = true;
        }
    }
    return any;
}

void port_loop_run(uint64_t ms) {
    uint64_t end = clock_ms + ms;
    for (;;) {
        unsigned rounds = 0;
        while (round_of_steps()) {
            must(++rounds < 10000, "a task spins");
        }
        uint64_t next = end;
        for (size_t i = 0; i < task_count; i++) {
            if (tasks[i].task != held && tasks[i].due < next) {
                next = tasks[i].due;
            }
        }
        if (next >= end) {
            clock_ms = end;
            return;
        }
        clock_ms = next;
    }
}

uint64_t cleat_port_now_ms(void) {
    return clock_ms;
}

uint64_t cleat_port_now_us(void) {
    return clock_ms * 1000;
}

void cleat_port_delay_us(uint32_t us) {
    must(us <= 1000, "long delay");
}

int cleat_port_start(struct cleat_task *task) {
    if (fail_in > 0 && --fail_in == 0) {
        return CLEAT_ERR_IO;
    }
    must(task_count < TASKS_MAX && !port_loop_has(task), "started twice");
    tasks[task_count].task = task;
    tasks[task_count].woken = true;
    tasks[task_count].due = CLEAT_NEVER;
    task_count++;
    snprintf(started + strlen(started), sizeof started - strlen(started),
             "%s%s", started[0] == '\0' ? "" : " ", task->name);
    return CLEAT_OK;
}

void cleat_port_stop(struct cleat_task *task) {
    must(task != running, "a task stops itself");
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].task == task) {
            task_count--;
            memmove(tasks + i, tasks + i + 1,
                    (task_count - i) * sizeof tasks[0]);
            return;
        }
    }
}

void cleat_port_wake(struct cleat_task *task) {
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].task == task) {
            tasks[i].woken = true;
        }
    }
}

struct cleat_task *cleat_port_current(void) {
    return running;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    while (!done(arg)) {
        if (clock_ms >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        struct cleat_task *before = running;
        running = helper;
        helper->step(helper->self, clock_ms);
        running = before;
        clock_ms += !done(arg);
    }
    return CLEAT_OK;
}

void cleat_port_enter(void) {
    must(depth++ == 0, "critical sections nested");
}

void cleat_port_leave(void) {
    must(--depth == 0, "critical section left twice");
}

void **cleat_port_local(void) {
    return &local;
}
