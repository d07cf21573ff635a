/* SPDX-License-Identifier: MIT */
/*
 * The MPS2 boards to their firmware. The first part names the resources a
 * firmware needs, by purpose; firmware/resources.c refuses a board that lacks
 * one, with its name.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/board.h"
#include "cleat/i2c.h"
#include "cleat/port.h"

#define BOARD_DEBUG_UART "UART0, 115200 8N1"
#define BOARD_USER_LED "FPGAIO LED0"
#define BOARD_USER_BUTTON "interrupt 6, pended by the control channel"
#define BOARD_CHIP_I2C "UART1 to a bridge; address and lines by its messages"
#define BOARD_CHIP_RESET "line 1 of the bridge"
#define BOARD_CHIP_POWER "line 2 of the bridge"
/** Which of them are wired; CMake's CLEAT_CHIP_LINES says. What is not, the
 *  driver does without: see docs/new-board.md. */
#ifndef BOARD_CHIP_LINES
#define BOARD_CHIP_LINES (CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER)
#endif
#define BOARD_NETWORK "LAN9118"
#define BOARD_TIMER "FPGAIO COUNTER and CMSDK timer 0"
#define BOARD_WATCHDOG "CMSDK watchdog"

/** Clocks, UARTs, LED, MPU guard, watchdog. Call it first. */
void board_init(void);
/** @return button, LED and console for the device. */
const struct cleat_board *board_device(void);
/** @return the bus with the chip on it. */
struct cleat_i2c *board_bus(void);

/** Call this from the button's interrupt routine; NULL: nothing. */
void board_on_button(void (*pressed)(void));
/** Press it, for boards whose button nobody can reach. */
void board_press(void);
/** @return true if the LED is on. */
bool board_led(void);

/** One received byte, or -1. `control`: from the control channel, else from
 *  the console. */
int board_receive(bool control);
/** Print a line there. */
void board_print(bool control, const char *line);
/** Wake this task when bytes have come on either. */
void board_on_receive(struct cleat_task *task);

/** @return text of the settings given for this run, "NAME=VALUE NAME=VALUE";
 *  "" where there is no way to give any. */
const char *board_settings(void);
/** Read a file of the host into room. @return bytes, or -1. */
long board_read_file(const char *path, uint8_t *room, size_t cap);
/** @return seconds since 1970 as a debugger tells, or 0. */
int64_t board_host_time(void);
/** The device has ended: leave the emulator, or wait for the watchdog. */
void board_end(int status);

/** @return most bytes of stack used since the start, and its size. */
size_t board_stack_used(size_t *size);

#endif
