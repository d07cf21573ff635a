/* SPDX-License-Identifier: MIT */
/*
 * What a board offers the device: a line-wise console (the debug UART), a user
 * LED and the name of its user button. The button's interrupt routine calls
 * cleat_device_press() and nothing else.
 */
#ifndef CLEAT_BOARD_H
#define CLEAT_BOARD_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a board has for people: a console, a button, an LED. */
struct cleat_board {
    const char *name;        /**< "host", "CYSBSYSKIT-DEV-01"... */
    const char *button_name; /**< As printed on the board: "SW2". */
    /** Print one line; the board adds the line end. Any task may call it. */
    void (*print)(void *self, const char *line);
    /** Set the user LED. Only the subscriber task calls it. */
    void (*led)(void *self, bool on);
    void *self; /**< First argument of the functions. */
};

#ifdef __cplusplus
}
#endif
#endif
