/* SPDX-License-Identifier: MIT */
/*
 * The operating system for the tests of src/tls: one thread, a clock that the
 * test moves, waits that step the helper.
 */
#include "fake_port.h"

#include <openssl/rand.h>

#include "cleat/error.h"

uint64_t fake_port_now_ms = 1000;
static void *local;

uint64_t cleat_port_now_ms(void) {
    return fake_port_now_ms;
}

uint64_t cleat_port_now_us(void) {
    return fake_port_now_ms * 1000;
}

void cleat_port_delay_us(uint32_t us) {
    (void)us;
}

void cleat_port_wake(struct cleat_task *task) {
    (void)task;
}

struct cleat_task *cleat_port_current(void) {
    return NULL;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    while (!done(arg)) {
        if (fake_port_now_ms >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        helper->step(helper->self, fake_port_now_ms);
        fake_port_now_ms++;
    }
    return 0;
}

void cleat_port_enter(void) {
}

void cleat_port_leave(void) {
}

void **cleat_port_local(void) {
    return &local;
}

int fake_port_random(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    return RAND_bytes(data, (int)len) == 1 ? 0 : CLEAT_ERR_IO;
}
