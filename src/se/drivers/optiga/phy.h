/* SPDX-License-Identifier: MIT */
/*
 * Physical layer of the IFX I2C protocol: one register access at a time, with
 * the guard time after each transfer and the repeats a sleeping chip asks for
 * by not acknowledging its address. An engine: jobs in, transfers out.
 */
#ifndef CLEAT_OPTIGA_PHY_H
#define CLEAT_OPTIGA_PHY_H

#include "cleat/se.h"
#include "se/drivers/optiga/cause.h"

#define CLEAT_OPTIGA_ADDRESS 0x30

enum {
    CLEAT_OPTIGA_REG_DATA = 0x80,
    CLEAT_OPTIGA_REG_DATA_LEN = 0x81,
    CLEAT_OPTIGA_REG_STATE = 0x82,
    CLEAT_OPTIGA_REG_MAX_SCL = 0x84,
    CLEAT_OPTIGA_REG_SOFT_RESET = 0x88,
    CLEAT_OPTIGA_REG_MODE = 0x89
};

/** Times are the low 32 bits of the clock; no wait is longer than 33 s.
 *  @return true unless t is that near ahead of now. */
static inline bool cleat_optiga_phy_reached(uint32_t now_us, uint32_t t) {
    return t - now_us - 1 >= 0x2000000u;
}

struct cleat_optiga_phy {
    uint8_t reg;
    uint8_t faults;    /**< Of this job. */
    bool reading;      /**< The job is a read; it begins by writing reg. */
    uint8_t cause;     /**< Why the job that ended last failed, or FINE; or
                            why a layer above failed after it. */
    uint8_t small[4];  /**< Register values, written and read. */
    uint32_t until_us; /**< WAIT: the end. */
    uint32_t ready_us; /**< Nothing else before this. */
    struct cleat_se_ask next; /**< The job; IDLE: none. */
};

/** Begin a job; the one before has ended. `data` begins with the register. */
void cleat_optiga_phy_write(struct cleat_optiga_phy *p, const uint8_t *data,
                            size_t len);
/** Write a 2-byte register. */
void cleat_optiga_phy_write_u16(struct cleat_optiga_phy *p, uint8_t reg,
                                uint16_t value);
void cleat_optiga_phy_read(struct cleat_optiga_phy *p, uint8_t reg,
                           uint8_t *data, size_t len);
/** Read a register of n <= 4 bytes into p->small. */
void cleat_optiga_phy_read_small(struct cleat_optiga_phy *p, uint8_t reg,
                                 size_t n);
/** @return four bytes read last as a number; two are its high half. */
static inline uint32_t
cleat_optiga_phy_value(const struct cleat_optiga_phy *p) {
    return (uint32_t)p->small[0] << 24 | (uint32_t)p->small[1] << 16 |
           (uint32_t)p->small[2] << 8 | p->small[3];
}
void cleat_optiga_phy_wait(struct cleat_optiga_phy *p, uint32_t until_us);
void cleat_optiga_phy_speed(struct cleat_optiga_phy *p, uint32_t khz);
void cleat_optiga_phy_line(struct cleat_optiga_phy *p, enum cleat_i2c_line line,
                           bool high);
/** Forget the job; the next begins after a guard time from now. */
void cleat_optiga_phy_drop(struct cleat_optiga_phy *p, uint32_t now_us);

/** @return true if no job is under way: p->cause tells how it went. */
bool cleat_optiga_phy_ask(struct cleat_optiga_phy *p, struct cleat_se_ask *ask,
                          uint32_t now_us);
void cleat_optiga_phy_told(struct cleat_optiga_phy *p, int result,
                           uint32_t now_us);

#endif
