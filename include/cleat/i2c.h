/* SPDX-License-Identifier: MIT */
/*
 * A bus with the chip on it, as the host sees it: whole transfers to a 7-bit
 * address, and the chip's two lines if they are wired. Ports implement it
 * (i2c-dev, a socket), the virtual chip implements it too. One task owns a bus.
 */
#ifndef CLEAT_I2C_H
#define CLEAT_I2C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Lines beside the bus that a host may drive. */
enum cleat_i2c_line {
    CLEAT_I2C_LINE_RESET = 1, /**< Chip RST, low resets. */
    CLEAT_I2C_LINE_POWER = 2  /**< Chip VCC switch, low is off. */
};

/** A bus with one chip's lines. One task owns it. */
struct cleat_i2c {
    /**
     * One write transfer: START, address, data, STOP.
     * @return 0, CLEAT_ERR_NACK (address not acknowledged: the chip may be
     *         asleep, repeat), CLEAT_ERR_IO or CLEAT_ERR_TIMEOUT (bus fault).
     */
    int (*write)(void *self, uint8_t address, const uint8_t *data, size_t len);
    /** One read transfer of exactly len bytes. Returns as write. */
    int (*read)(void *self, uint8_t address, uint8_t *data, size_t len);
    /** Set the clock, kHz. NULL: fixed by the system. @return 0 or error. */
    int (*speed)(void *self, uint32_t khz);
    /** Drive a line of `lines`. NULL if lines is 0. @return 0 or error. */
    int (*line)(void *self, enum cleat_i2c_line line, bool high);
    unsigned lines; /**< Bit set of the enum cleat_i2c_line that are wired. */
    size_t max_len; /**< Longest transfer, bytes; 0: no limit. */
    void *self;     /**< First argument of the functions. */
};

#ifdef __cplusplus
}
#endif
#endif
