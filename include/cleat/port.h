/* SPDX-License-Identifier: MIT */
/*
 * What one operating system must supply: time, wake and wait, a short critical
 * section, and threads or a loop that steps the tasks. Each ports/NAME/ has
 * exactly one implementation of these functions; they are chosen by linking.
 */
#ifndef CLEAT_PORT_H
#define CLEAT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** "No deadline": step me again only when something wakes me. */
#define CLEAT_NEVER UINT64_MAX

/** One of the device's tasks: a struct and a step. The port runs it. */
struct cleat_task {
    const char *name;
    /**
     * Do the work that is ready, then return. Never blocks, never sleeps.
     * @return when to be called if nobody wakes it (ms), or CLEAT_NEVER.
     */
    uint64_t (*step)(void *self, uint64_t now_ms);
    void *self;
    void *port; /**< Owned by the port; zero it. */
};

/** Monotonic clocks; the origin does not matter, both have the same. */
uint64_t cleat_port_now_ms(void);
/** The same clock in microseconds. */
uint64_t cleat_port_now_us(void);

/** Delay for a bus guard time; at most 1000 us. */
void cleat_port_delay_us(uint32_t us);

/**
 * Give a task what it runs on: a thread, or a place in the loop. Its first
 * step follows soon. The task must stay until cleat_port_stop().
 * @return 0, or CLEAT_ERR_IO when the system has no resources left.
 */
int cleat_port_start(struct cleat_task *task);

/** Take a task down; returns when its last step is over. Not from its own
 *  step. A task that was never started is fine. */
void cleat_port_stop(struct cleat_task *task);

/** Step this task soon. A hint, never data. Interrupt-safe; NULL is fine. */
void cleat_port_wake(struct cleat_task *task);

/** @return the task whose step is running, or NULL outside any task. */
struct cleat_task *cleat_port_current(void);

/**
 * Sleep inside a step until done(arg) is true. The one allowed exception to
 * "never blocks": TLS must sign within one library call. On a threaded port it
 * waits for wakes of the current task; where `helper` has no thread of its own
 * it steps the helper and nothing else.
 *
 * @return 0 once done(arg) is true, CLEAT_ERR_TIMEOUT at deadline_ms,
 *         CLEAT_ERR_STATE where nobody can wait yet: a scheduler that has not
 *         been started.
 */
int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper);

/** Short critical section against other tasks and interrupts. Not nested. */
void cleat_port_enter(void);
/** The end of what cleat_port_enter() began. */
void cleat_port_leave(void);

/** One pointer per task (thread), NULL at first: for libraries that pass no
 *  context. @return its address. */
void **cleat_port_local(void);

#ifdef __cplusplus
}
#endif
#endif
