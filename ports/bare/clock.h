/* SPDX-License-Identifier: MIT */
/* Uptime in other units; see clock.c. */
#ifndef CLEAT_BARE_CLOCK_H
#define CLEAT_BARE_CLOCK_H

#include <stdint.h>

/** @return whole seconds since the start. */
uint32_t cleat_bare_uptime_s(void);

#endif
