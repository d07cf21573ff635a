/* SPDX-License-Identifier: MIT */
/* The clock of the fake port; see fake_port.c. */
#ifndef TEST_TLS_FAKE_PORT_H
#define TEST_TLS_FAKE_PORT_H

#include "cleat/port.h"

extern uint64_t fake_port_now_ms;

/** For config.random. */
int fake_port_random(void *arg, uint8_t *data, size_t len);

#endif
