/* SPDX-License-Identifier: MIT */
/* A board that is this terminal: lines go to standard output, the LED is a
 * line, the button is a command of whoever runs the device. */
#ifndef CLEAT_BOARD_HOST_H
#define CLEAT_BOARD_HOST_H

#include "cleat/board.h"
#include "cleat/port.h"

/** One such board. The fields are private. */
struct cleat_board_host {
    struct cleat_board board;
    char prefix[16]; /**< "kit2: ", or "". */
    bool led;        /* under the port's critical section */
    struct cleat_task *watcher;
};

/** @param prefix   Put before each line; at most 15 bytes.
 *  @param watcher  Woken when the LED changes; may be NULL. */
void cleat_board_host_init(struct cleat_board_host *b, const char *prefix,
                           struct cleat_task *watcher);
/** @return the LED's state. Any task. */
bool cleat_board_host_led(struct cleat_board_host *b);

#endif
