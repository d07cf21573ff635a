/* SPDX-License-Identifier: MIT */
/*
 * Bringing the chip up: reset by the strongest means there is, then the clock
 * and the frame length that both sides can. One physical job after the other.
 */
#ifndef CLEAT_OPTIGA_UP_H
#define CLEAT_OPTIGA_UP_H

#include "se/drivers/optiga/phy.h"

/** One action after the other. A line that is not wired is skipped; without any
 *  the chip is reset by register. Both lines or power: cold; the reset line
 *  alone: warm. */
enum cleat_optiga_action {
    CLEAT_OPTIGA_POWER_LOW,
    CLEAT_OPTIGA_RESET_LOW,
    CLEAT_OPTIGA_LOW_WAIT, /**< Stopping here, it is off. */
    CLEAT_OPTIGA_POWER_HIGH,
    CLEAT_OPTIGA_RESET_HIGH,
    CLEAT_OPTIGA_SOFT_STATE,
    CLEAT_OPTIGA_SOFT_RESET,
    CLEAT_OPTIGA_START_WAIT,
    CLEAT_OPTIGA_SLOW, /**< Stopping here, it is reset. */
    CLEAT_OPTIGA_MAX_READ,
    CLEAT_OPTIGA_MODE_WRITE,
    CLEAT_OPTIGA_MAX_AGAIN, /**< Only if the mode was written. */
    CLEAT_OPTIGA_SPEED,
    CLEAT_OPTIGA_LEN_WRITE,
    CLEAT_OPTIGA_LEN_READ,
    CLEAT_OPTIGA_UP /**< Stopping here, the frame length was read last. */
};

struct cleat_optiga_up {
    uint8_t action; /**< Due. */
    uint8_t last;   /**< Stop before this one. */
    uint8_t lines;  /**< Wired ones. */
    uint16_t frame_max;
    uint32_t khz; /**< Wanted. */
};

/** Do it from `first` up to `last`. */
void cleat_optiga_up_begin(struct cleat_optiga_up *u,
                           enum cleat_optiga_action first,
                           enum cleat_optiga_action last);
/** Go on; the physical job has ended well. @return true once it is over. */
bool cleat_optiga_up_step(struct cleat_optiga_up *u, struct cleat_optiga_phy *p,
                          uint32_t now_us);

#endif
