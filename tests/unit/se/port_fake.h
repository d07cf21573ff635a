/* SPDX-License-Identifier: MIT */
/*
 * A port for unit tests: one thread, a clock that moves only when somebody
 * waits, delays or transfers. Nothing sleeps.
 */
#ifndef TEST_PORT_FAKE_H
#define TEST_PORT_FAKE_H

#include "cleat/port.h"

/** Microseconds since the test began. */
uint64_t port_fake_now_us(void);
void port_fake_advance_us(uint64_t us);
/** Wakes of any task so far. */
unsigned port_fake_wakes(void);
/** What cleat_port_current() returns outside steps. */
void port_fake_set_current(struct cleat_task *task);

#endif
