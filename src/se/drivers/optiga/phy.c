/* SPDX-License-Identifier: MIT */
/* Register accesses as single transfers; see phy.h. */
#include "se/drivers/optiga/phy.h"

/* Datasheet table 25: from the end of a transfer to the next START. */
#define GUARD_US 50u
/* "Late acknowledge": repeat until the chip is awake, 100 ms at the worst; so
 * often, each time after a pause. */
#define NACK_PAUSE_US 1000u
#define FAULTS_MAX 200u
/* A bus fault that is no missing acknowledge counts for so many: the fourth is
 * one too many. */
#define FAULT 60u

static void end(struct cleat_optiga_phy *p, int result) {
    p->next.type = CLEAT_SE_ASK_IDLE;
    p->reading = false;
    p->faults = 0;
    p->cause = CLEAT_OPTIGA_FINE;
    if (result != 0) {
        p->cause = result == CLEAT_ERR_NACK ? CLEAT_OPTIGA_NO_ADDRESS
                                            : CLEAT_OPTIGA_BUS;
    }
}

void cleat_optiga_phy_write(struct cleat_optiga_phy *p, const uint8_t *data,
                            size_t len) {
    p->next.type = CLEAT_SE_ASK_WRITE;
    p->next.address = CLEAT_OPTIGA_ADDRESS;
    p->next.write = cleat_bytes_of(data, len);
}

void cleat_optiga_phy_write_u16(struct cleat_optiga_phy *p, uint8_t reg,
                                uint16_t value) {
    p->small[0] = reg;
    p->small[1] = (uint8_t)(value >> 8);
    p->small[2] = (uint8_t)value;
    cleat_optiga_phy_write(p, p->small, 3);
}

void cleat_optiga_phy_read(struct cleat_optiga_phy *p, uint8_t reg,
                           uint8_t *data, size_t len) {
    p->reg = reg;
    cleat_optiga_phy_write(p, &p->reg, 1);
    p->reading = true;
    p->next.read = data;
    p->next.read_len = len;
}

void cleat_optiga_phy_read_small(struct cleat_optiga_phy *p, uint8_t reg,
                                 size_t n) {
    cleat_optiga_phy_read(p, reg, p->small, n);
}

void cleat_optiga_phy_wait(struct cleat_optiga_phy *p, uint32_t until_us) {
    p->next.type = CLEAT_SE_ASK_WAIT;
    p->until_us = until_us;
}

void cleat_optiga_phy_speed(struct cleat_optiga_phy *p, uint32_t khz) {
    p->next.type = CLEAT_SE_ASK_SPEED;
    p->next.khz = khz;
}

void cleat_optiga_phy_line(struct cleat_optiga_phy *p, enum cleat_i2c_line line,
                           bool high) {
    p->next.type = CLEAT_SE_ASK_LINE;
    p->next.line = line;
    p->next.high = high;
}

void cleat_optiga_phy_drop(struct cleat_optiga_phy *p, uint32_t now_us) {
    if (p->ready_us - now_us > NACK_PAUSE_US) {
        p->ready_us = now_us; /* Long ago. */
    }
    end(p, 0);
}

bool cleat_optiga_phy_ask(struct cleat_optiga_phy *p, struct cleat_se_ask *ask,
                          uint32_t now_us) {
    bool waits = p->next.type == CLEAT_SE_ASK_WAIT;
    uint32_t from = waits ? p->until_us : p->ready_us;
    if (p->next.type == CLEAT_SE_ASK_IDLE) {
        return true;
    }
    *ask = p->next;
    if (!cleat_optiga_phy_reached(now_us, from)) {
        ask->type = CLEAT_SE_ASK_WAIT;
        ask->wait_us = from - now_us;
    } else if (waits) {
        end(p, 0);
        return true;
    }
    return false;
}

/* The transfer failed: shall it be repeated? A read is repeated from its
 * register select, because the chip may have been reset in between. */
static bool repeat(struct cleat_optiga_phy *p, int result) {
    unsigned faults = p->faults + (result == CLEAT_ERR_NACK ? 1u : FAULT);
    if (faults > FAULTS_MAX) {
        return false;
    }
    p->faults = (uint8_t)faults;
    p->ready_us += NACK_PAUSE_US - GUARD_US;
    p->next.type = CLEAT_SE_ASK_WRITE;
    return true;
}

void cleat_optiga_phy_told(struct cleat_optiga_phy *p, int result,
                           uint32_t now_us) {
    enum cleat_se_ask_type type = p->next.type;
    if (type == CLEAT_SE_ASK_WRITE || type == CLEAT_SE_ASK_READ) {
        p->ready_us = now_us + GUARD_US;
        if (result != 0 && repeat(p, result)) {
            return;
        }
        if (result == 0 && p->reading && type == CLEAT_SE_ASK_WRITE) {
            p->next.type = CLEAT_SE_ASK_READ;
            return;
        }
    }
    end(p, result);
}
