/* SPDX-License-Identifier: MIT */
/* The fake port; see port_fake.h. */
#include "port_fake.h"

#include <assert.h>

#include "cleat/error.h"

static uint64_t clock_us;
static unsigned wakes;
static int depth;
static struct cleat_task *current;
static void *local;

uint64_t port_fake_now_us(void) {
    return clock_us;
}

void port_fake_advance_us(uint64_t us) {
    clock_us += us;
}

unsigned port_fake_wakes(void) {
    return wakes;
}

void port_fake_set_current(struct cleat_task *task) {
    current = task;
}

uint64_t cleat_port_now_us(void) {
    return clock_us;
}

uint64_t cleat_port_now_ms(void) {
    return clock_us / 1000;
}

void cleat_port_delay_us(uint32_t us) {
    assert(us <= 1000);
    clock_us += us;
}

void cleat_port_wake(struct cleat_task *task) {
    if (task != NULL) {
        wakes++;
    }
}

struct cleat_task *cleat_port_current(void) {
    return current;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    for (;;) {
        if (done(arg)) {
            return 0;
        }
        struct cleat_task *before = current;
        current = helper;
        uint64_t next = helper->step(helper->self, cleat_port_now_ms());
        current = before;
        if (done(arg)) {
            return 0;
        }
        uint64_t now = cleat_port_now_ms();
        if (now >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        next = next < deadline_ms ? next : deadline_ms;
        if (next * 1000 > clock_us) {
            clock_us = next * 1000;
        }
    }
}

void cleat_port_enter(void) {
    depth++;
    assert(depth == 1);
}

void cleat_port_leave(void) {
    assert(depth == 1);
    depth--;
}

void **cleat_port_local(void) {
    return &local;
}
