/* SPDX-License-Identifier: MIT */
/* Reset and negotiation; see up.h. */
#include "se/drivers/optiga/up.h"

/* Datasheet tables 14 and 15; the low times are ours. RST may be low for
 * 2.5 ms at most, so that wait is short enough to be spun. */
#define POWER_LOW_US 2000u
#define RESET_LOW_US 200u
#define START_UP_US 15000u

#define KHZ_SLOW 100u
#define KHZ_FAST 400u
#define MODE_FAST 0x0003u /* Volatile: bit 15 would write the NVM. */
#define MODE_PLUS 0x0004u
#define STATE_SOFT_RESET 0x08000000u

/* Two lines, each low and then high again. */
static void drive(struct cleat_optiga_up *u, struct cleat_optiga_phy *p,
                  enum cleat_optiga_action action) {
    bool high = action > CLEAT_OPTIGA_LOW_WAIT;
    bool power =
        action == CLEAT_OPTIGA_POWER_LOW || action == CLEAT_OPTIGA_POWER_HIGH;
    enum cleat_i2c_line line =
        power ? CLEAT_I2C_LINE_POWER : CLEAT_I2C_LINE_RESET;
    if ((u->lines & (unsigned)line) != 0) {
        cleat_optiga_phy_line(p, line, high);
    }
    if (high && !power) {
        u->action = CLEAT_OPTIGA_START_WAIT;
    }
}

static void soft_reset(struct cleat_optiga_up *u, struct cleat_optiga_phy *p) {
    uint32_t state = cleat_optiga_phy_value(p);
    if ((state & STATE_SOFT_RESET) == 0 || state == 0xFFFFFFFFu) {
        u->action++; /* It cannot: no start to wait for. */
        return;
    }
    cleat_optiga_phy_write_u16(p, CLEAT_OPTIGA_REG_SOFT_RESET, 0);
}

/* @return the fastest clock of the mode that the chip is in. */
static uint32_t max_khz(const struct cleat_optiga_phy *p) {
    uint32_t khz = cleat_optiga_phy_value(p);
    return khz - 1 >= 100000u ? KHZ_FAST : khz;
}

static void mode(struct cleat_optiga_up *u, struct cleat_optiga_phy *p) {
    bool want_plus = u->khz > KHZ_FAST;
    if (CLEAT_SE_KHZ_MAX <= KHZ_FAST || want_plus == (max_khz(p) > KHZ_FAST)) {
        u->action++; /* Nothing to read again. */
        return;
    }
    cleat_optiga_phy_write_u16(p, CLEAT_OPTIGA_REG_MODE,
                               want_plus ? MODE_PLUS : MODE_FAST);
}

static void act(struct cleat_optiga_up *u, struct cleat_optiga_phy *p,
                enum cleat_optiga_action action, uint32_t now_us) {
    uint32_t khz = KHZ_SLOW;
    uint8_t reg = 0; /* to be read, so many bytes */
    size_t len = 4;
    switch (action) {
    case CLEAT_OPTIGA_LOW_WAIT:
        cleat_optiga_phy_wait(p, now_us + (u->lines == CLEAT_I2C_LINE_RESET
                                               ? RESET_LOW_US
                                               : POWER_LOW_US));
        break;
    case CLEAT_OPTIGA_SOFT_STATE:
        reg = CLEAT_OPTIGA_REG_STATE;
        break;
    case CLEAT_OPTIGA_SOFT_RESET:
        soft_reset(u, p);
        break;
    case CLEAT_OPTIGA_START_WAIT:
        cleat_optiga_phy_wait(p, now_us + START_UP_US);
        break;
    case CLEAT_OPTIGA_SPEED:
        khz = max_khz(p);
        khz = u->khz < khz ? u->khz : khz;
        cleat_optiga_phy_speed(p, khz);
        break;
    case CLEAT_OPTIGA_SLOW:
        cleat_optiga_phy_speed(p, khz);
        break;
    case CLEAT_OPTIGA_MODE_WRITE:
        mode(u, p);
        break;
    case CLEAT_OPTIGA_MAX_READ:
    case CLEAT_OPTIGA_MAX_AGAIN:
        reg = CLEAT_OPTIGA_REG_MAX_SCL;
        break;
    case CLEAT_OPTIGA_LEN_WRITE:
        cleat_optiga_phy_write_u16(p, CLEAT_OPTIGA_REG_DATA_LEN, u->frame_max);
        break;
    case CLEAT_OPTIGA_LEN_READ:
        reg = CLEAT_OPTIGA_REG_DATA_LEN;
        len = 2;
        break;
    default:
        drive(u, p, action);
        break;
    }
    if (reg != 0) {
        cleat_optiga_phy_read_small(p, reg, len);
    }
}

void cleat_optiga_up_begin(struct cleat_optiga_up *u,
                           enum cleat_optiga_action first,
                           enum cleat_optiga_action last) {
    if (first == CLEAT_OPTIGA_POWER_LOW && u->lines == 0) {
        first = CLEAT_OPTIGA_SOFT_STATE;
    }
    u->action = (uint8_t)first;
    u->last = (uint8_t)last;
}

bool cleat_optiga_up_step(struct cleat_optiga_up *u, struct cleat_optiga_phy *p,
                          uint32_t now_us) {
    enum cleat_optiga_action action = (enum cleat_optiga_action)u->action;
    if (action == u->last) {
        return true;
    }
    u->action++;
    act(u, p, action, now_us);
    return false;
}
