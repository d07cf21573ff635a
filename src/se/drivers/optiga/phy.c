/* SPDX-License-Identifier: MIT */
/* Register accesses as single transfers; see phy.h. */
#include "se/drivers/optiga/phy.h"

/* Datasheet table 25: from the end of a transfer to the next START. */
#define GUARD_US 50u
/* "Late acknowledge": repeat until the chip is awake; 100 ms at the worst. */
#define NACK_PAUSE_US 1000u
#define NACK_MAX_US 200000u
/* Bus faults that are no missing acknowledge. */
#define FAULT_MAX 3u

enum job { NONE, WRITE, SELECT, READ, WAIT, SPEED, LINE };

static void begin(struct cleat_optiga_phy *p, enum job job) {
    p->job = (uint8_t)job;
    p->faults = 0;
    p->nacked = false;
    p->result = 0;
}

static void end(struct cleat_optiga_phy *p, int result) {
    p->job = NONE;
    p->result = (int16_t)result;
}

void cleat_optiga_phy_write(struct cleat_optiga_phy *p, const uint8_t *data,
                            size_t len) {
    begin(p, WRITE);
    p->out = data;
    p->len = (uint16_t)len;
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
    begin(p, SELECT);
    p->reg = reg;
    p->in = data;
    p->len = (uint16_t)len;
}

void cleat_optiga_phy_read_small(struct cleat_optiga_phy *p, uint8_t reg,
                                 size_t n) {
    cleat_optiga_phy_read(p, reg, p->small, n);
}

uint32_t cleat_optiga_phy_value(const struct cleat_optiga_phy *p, size_t n) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(p->small, n));
    return n == 2 ? cleat_read_u16(&r) : cleat_read_u32(&r);
}

void cleat_optiga_phy_wait(struct cleat_optiga_phy *p, uint32_t until_us) {
    begin(p, WAIT);
    p->until_us = until_us;
}

void cleat_optiga_phy_speed(struct cleat_optiga_phy *p, uint32_t khz) {
    begin(p, SPEED);
    p->khz = khz;
}

void cleat_optiga_phy_line(struct cleat_optiga_phy *p, enum cleat_i2c_line line,
                           bool high) {
    begin(p, LINE);
    p->line = (uint8_t)line;
    p->high = high;
}

void cleat_optiga_phy_drop(struct cleat_optiga_phy *p, uint32_t now_us) {
    if (p->job != NONE) {
        p->ready_us = now_us + GUARD_US;
    } else if (p->ready_us - now_us > GUARD_US) {
        p->ready_us = now_us; /* Long ago. */
    }
    end(p, 0);
}

static bool ask_wait(struct cleat_se_ask *ask, uint64_t now_us,
                     uint32_t until_us) {
    ask->type = CLEAT_SE_ASK_WAIT;
    ask->until_us = now_us + (until_us - (uint32_t)now_us);
    return false;
}

bool cleat_optiga_phy_ask(struct cleat_optiga_phy *p, uint64_t now_us,
                          struct cleat_se_ask *ask) {
    uint32_t now = (uint32_t)now_us;
    if (p->job == WAIT && cleat_optiga_phy_reached(now, p->until_us)) {
        end(p, 0);
    }
    if (p->job == NONE) {
        return true;
    }
    if (p->job == WAIT) {
        return ask_wait(ask, now_us, p->until_us);
    }
    if (p->job <= READ && !cleat_optiga_phy_reached(now, p->ready_us)) {
        return ask_wait(ask, now_us, p->ready_us);
    }
    ask->address = CLEAT_OPTIGA_ADDRESS;
    switch (p->job) {
    case WRITE:
        ask->type = CLEAT_SE_ASK_WRITE;
        ask->write = cleat_bytes_of(p->out, p->len);
        break;
    case SELECT:
        ask->type = CLEAT_SE_ASK_WRITE;
        ask->write = cleat_bytes_of(&p->reg, 1);
        break;
    case READ:
        ask->type = CLEAT_SE_ASK_READ;
        ask->read = p->in;
        ask->read_len = p->len;
        break;
    case SPEED:
        ask->type = CLEAT_SE_ASK_SPEED;
        ask->khz = p->khz;
        break;
    default:
        ask->type = CLEAT_SE_ASK_LINE;
        ask->line = (enum cleat_i2c_line)p->line;
        ask->high = p->high;
        break;
    }
    return false;
}

/* The transfer failed: shall it be repeated? A read is repeated from its
 * register select, because the chip may have been reset in between. */
static bool repeat(struct cleat_optiga_phy *p, int result, uint32_t now_us) {
    if (result == CLEAT_ERR_NACK) {
        if (!p->nacked) {
            p->nacked = true;
            p->nack_until_us = now_us + NACK_MAX_US;
        }
        if (cleat_optiga_phy_reached(now_us, p->nack_until_us)) {
            return false;
        }
    } else {
        p->faults++;
        if (p->faults > FAULT_MAX) {
            return false;
        }
    }
    p->ready_us = now_us + NACK_PAUSE_US;
    if (p->job == READ) {
        p->job = SELECT;
    }
    return true;
}

void cleat_optiga_phy_told(struct cleat_optiga_phy *p, int result,
                           uint32_t now_us) {
    if (p->job == SPEED || p->job == LINE) {
        end(p, result);
        return;
    }
    if (p->job == NONE || p->job == WAIT) {
        return;
    }
    p->ready_us = now_us + GUARD_US;
    if (result != 0) {
        if (!repeat(p, result, now_us)) {
            end(p, result);
        }
        return;
    }
    if (p->job == SELECT) {
        p->job = READ;
        return;
    }
    end(p, 0);
}
