/* SPDX-License-Identifier: MIT */
/*
 * Refuses to build for a board that lacks a resource, with its name. A board
 * names what it has in its board.h, by purpose.
 */
#include "board.h"

#ifndef BOARD_DEBUG_UART
#error "this board lacks the debug UART: BOARD_DEBUG_UART in its board.h"
#endif
#ifndef BOARD_USER_LED
#error "this board lacks the user LED: BOARD_USER_LED in its board.h"
#endif
#ifndef BOARD_USER_BUTTON
#error "this board lacks the user button: BOARD_USER_BUTTON in its board.h"
#endif
#ifndef BOARD_CHIP_I2C
#error                                                                         \
    "this board lacks the secure element's bus: BOARD_CHIP_I2C in its board.h"
#endif
#ifndef BOARD_NETWORK
#error "this board lacks a network: BOARD_NETWORK in its board.h"
#endif
#ifndef BOARD_TIMER
#error "this board lacks a timer: BOARD_TIMER in its board.h"
#endif
#ifndef BOARD_WATCHDOG
#error "this board lacks a watchdog: BOARD_WATCHDOG in its board.h"
#endif

typedef int firmware_resources_are_there;
