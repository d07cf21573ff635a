/* SPDX-License-Identifier: MIT */
/*
 * A port for tests of whole devices: one loop, a clock that jumps to the next
 * deadline, and a record of which tasks were started and stopped.
 */
#ifndef TEST_APP_PORT_LOOP_H
#define TEST_APP_PORT_LOOP_H

#include <stddef.h>

#include "cleat/port.h"

/** Forget all tasks, set the clock to 1000 ms. */
void port_loop_reset(void);
/** Step what is due until nothing is, then jump to the next deadline, until
 *  so many milliseconds have passed. */
void port_loop_run(uint64_t ms);
/** @return true while the task is started. */
bool port_loop_has(const struct cleat_task *task);
/** Tasks that are started now. */
size_t port_loop_count(void);
/** Names of all tasks in the order of their starts, joined by spaces. */
const char *port_loop_started(void);
/** Let the n-th start from now on fail; 0: none. */
void port_loop_fail_start(unsigned n);
/** Keep a task from being stepped, as if it were slow. */
void port_loop_hold(const struct cleat_task *task);
/** Move the clock without stepping anything. */
void port_loop_advance(uint64_t ms);

#endif
