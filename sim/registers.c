/* SPDX-License-Identifier: MIT */
/*
 * The physical layer: what the chip does with one write or read transfer. The
 * registers, the late acknowledge while it starts or sleeps, and the faults;
 * frames go on to link.c.
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <time.h>

#include "chip.h"

enum {
    REG_DATA = 0x80,
    REG_DATA_LEN = 0x81,
    REG_STATE = 0x82,
    REG_BASE_ADDR = 0x83,
    REG_MAX_SCL = 0x84,
    REG_SOFT_RESET = 0x88,
    REG_MODE = 0x89
};

#define GUARD_US 50
#define WAKE_US 500
#define STRETCH_LIMIT_US 25000

#define FAULT(kind) (1u << (kind))

static uint32_t max_khz(const struct cleat_sim *s) {
    return s->mode == 4 ? 1000 : 400;
}

/* Asleep after a while without traffic, but only once the SEC is at 0. */
static bool fell_asleep(struct cleat_sim *s, uint64_t now) {
    uint64_t delay = (uint64_t)cleat_sim_objects_byte(s, 0xE0C3) * 1000;
    if (s->opt.latency == CLEAT_SIM_LATENCY_NONE || s->sec.count != 0 ||
        cleat_sim_link_busy(s, now)) {
        return false;
    }
    return now - s->last_us > delay;
}

/* Does the chip acknowledge its address now? */
static bool acknowledges(struct cleat_sim *s, uint8_t address) {
    uint64_t now = cleat_sim_chip_now(s);
    if (!s->power || !s->reset_high || s->hang != 0 || address != s->address) {
        return false;
    }
    cleat_sim_chip_count_down(s);
    if (now < s->ready_us || now < s->guard_us ||
        (s->bus_khz > max_khz(s) && s->opt.latency != CLEAT_SIM_LATENCY_NONE)) {
        return false;
    }
    if (fell_asleep(s, now)) {
        s->ready_us = now + WAKE_US;
        s->last_us = now;
        return false;
    }
    s->last_us = now;
    return true;
}

static void write_frame_len(struct cleat_sim *s, struct cleat_bytes value) {
    struct cleat_reader r = cleat_reader_of(value);
    uint16_t wish = cleat_read_u16(&r);
    if (r.failed || wish < 0x10) {
        return;
    }
    s->frame_max = wish < s->opt.frame_cap ? wish : s->opt.frame_cap;
}

static void write_base_addr(struct cleat_sim *s, struct cleat_bytes value) {
    struct cleat_reader r = cleat_reader_of(value);
    uint16_t v = cleat_read_u16(&r);
    if (r.failed) {
        return;
    }
    s->address = v & 0x7F;
    if ((v & 0x8000) != 0) {
        s->address_nvm = s->address;
        s->dirty = true;
    }
}

static void write_mode(struct cleat_sim *s, struct cleat_bytes value) {
    struct cleat_reader r = cleat_reader_of(value);
    uint16_t v = cleat_read_u16(&r);
    uint8_t mode = v & 0x07;
    if (r.failed || mode < 1 || mode > 4) {
        return;
    }
    s->mode = mode;
    if ((v & 0x8000) != 0) {
        s->mode_nvm = mode;
        s->dirty = true;
    }
}

static void write_data(struct cleat_sim *s, struct cleat_bytes frame) {
    if (s->lose_frame) {
        s->lose_frame = false;
        return;
    }
    if (!s->mute) {
        cleat_sim_link_input(s, frame);
    }
}

static void write_register(struct cleat_sim *s, struct cleat_bytes value) {
    switch (s->reg) {
    case REG_DATA:
        write_data(s, value);
        break;
    case REG_DATA_LEN:
        write_frame_len(s, value);
        break;
    case REG_BASE_ADDR:
        write_base_addr(s, value);
        break;
    case REG_MODE:
        write_mode(s, value);
        break;
    case REG_SOFT_RESET:
        cleat_sim_chip_reset(s);
        break;
    default: /* read-only or unknown: ignored */
        break;
    }
}

static void read_state(struct cleat_sim *s, struct cleat_writer *w) {
    uint64_t now = cleat_sim_chip_now(s);
    size_t len = cleat_sim_link_offer(s, now);
    unsigned bits = 0x08;
    if (len != 0 && s->link.idle_polls > 0 && !s->link.control_set) {
        s->link.idle_polls--;
        len = 0;
    } else if (cleat_sim_link_busy(s, now)) {
        bits |= 0x80;
    }
    if (len != 0) {
        bits |= 0x40;
    }
    cleat_write_u8(w, (uint8_t)bits);
    cleat_write_u8(w, 0x80);
    cleat_write_u16(w, (uint16_t)len);
}

static void read_data(struct cleat_sim *s, uint8_t *out, size_t len) {
    if (cleat_sim_link_offer(s, cleat_sim_chip_now(s)) == 0) {
        return;
    }
    uint8_t gone[SIM_FRAME_MAX];
    if (s->lose_frame) {
        s->lose_frame = false;
        cleat_sim_link_read(s, gone, sizeof gone);
        return;
    }
    cleat_sim_link_read(s, out, len);
}

/* Short registers; the rest of a longer read is 0xFF, as [P 2.1] has it. */
static void read_register(struct cleat_sim *s, uint8_t *out, size_t len) {
    uint8_t value[4];
    struct cleat_writer w = cleat_writer_of(value, sizeof value);
    memset(out, 0xFF, len);
    switch (s->reg) {
    case REG_DATA:
        read_data(s, out, len);
        return;
    case REG_DATA_LEN:
        cleat_write_u16(&w, s->frame_max);
        break;
    case REG_STATE:
        read_state(s, &w);
        break;
    case REG_MAX_SCL:
        cleat_write_u32(&w, max_khz(s));
        break;
    case REG_MODE:
        cleat_write_u16(&w, s->mode);
        break;
    default: /* GUARD_TIME and TRANS_TIMEOUT: not implemented, 0xFF */
        break;
    }
    memcpy(out, value, w.len < len ? w.len : len);
}

/* What a fault does before the chip sees the transfer. */
static int faults_before(struct cleat_sim *s, unsigned faults,
                         uint32_t stretch_us) {
    if ((faults & FAULT(CLEAT_SIM_FAULT_POWER)) != 0 ||
        (faults & FAULT(CLEAT_SIM_FAULT_RESET)) != 0) {
        cleat_sim_chip_reset(s);
    }
    if ((faults & FAULT(CLEAT_SIM_FAULT_MUTE)) != 0) {
        s->mute = true;
    }
    if ((faults & FAULT(CLEAT_SIM_FAULT_LOST)) != 0) {
        s->lose_frame = true;
    }
    if ((faults & FAULT(CLEAT_SIM_FAULT_DUPLICATE)) != 0) {
        s->twice = true;
    }
    if ((faults & FAULT(CLEAT_SIM_FAULT_NACK)) != 0) {
        return CLEAT_ERR_NACK;
    }
    return stretch_us >= STRETCH_LIMIT_US ? CLEAT_ERR_TIMEOUT : CLEAT_OK;
}

static void flip(uint8_t *data, size_t len, uint32_t bit) {
    if (len != 0) {
        size_t at = bit % (len * 8);
        data[at / 8] = (uint8_t)(data[at / 8] ^ (0x80u >> (at % 8)));
    }
}

/* Longest write that matters: a frame and some, behind its register number.
 * What is longer cannot be a frame, whatever it holds. */
#define WRITE_MAX (1 + SIM_FRAME_MAX + 64)

static void take_write(struct cleat_sim *s, const uint8_t *data, size_t len,
                       bool flipped, uint32_t bit) {
    uint8_t copy[WRITE_MAX];
    size_t kept = len < sizeof copy ? len : sizeof copy;
    if (kept == 0) {
        return;
    }
    memcpy(copy, data, kept);
    if (flipped) {
        flip(copy + 1, kept - 1, bit);
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(copy, kept));
    s->reg = cleat_read_u8(&r);
    size_t left = cleat_reader_left(&r);
    if (left != 0) {
        write_register(s, cleat_read_bytes(&r, left));
    }
    if (s->power_fails) {
        s->power_fails = false;
        cleat_sim_chip_reset(s);
    }
    if (s->dirty) {
        (void)cleat_sim_store_save(s);
    }
}

int cleat_sim_write(struct cleat_sim *sim, uint8_t address, const uint8_t *data,
                    size_t len, uint32_t *stretch_us) {
    uint32_t bit = 0;
    unsigned faults = cleat_sim_fault_draw(sim, stretch_us, &bit);
    int err = faults_before(sim, faults, *stretch_us);
    if (err == CLEAT_OK && !acknowledges(sim, address)) {
        err = CLEAT_ERR_NACK;
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, len));
    struct cleat_sim_seen seen = {.write = true,
                                  .address = address,
                                  .reg = cleat_read_u8(&r),
                                  .result = err,
                                  .faults = faults,
                                  .stretch_us = *stretch_us};
    seen.bytes = cleat_read_bytes(&r, cleat_reader_left(&r));
    cleat_sim_trace_transfer(sim, &seen);
    if (err == CLEAT_OK && len != 0) {
        sim->reg = seen.reg;
    }
    cleat_sim_costs_transfer(sim, true, len, err, *stretch_us);
    if (err == CLEAT_OK) {
        take_write(sim, data, len, (faults & FAULT(CLEAT_SIM_FAULT_FLIP)) != 0,
                   bit);
    }
    return err;
}

int cleat_sim_read(struct cleat_sim *sim, uint8_t address, uint8_t *data,
                   size_t len, uint32_t *stretch_us) {
    uint32_t bit = 0;
    unsigned faults = cleat_sim_fault_draw(sim, stretch_us, &bit);
    int err = faults_before(sim, faults, *stretch_us);
    if (err == CLEAT_OK && !acknowledges(sim, address)) {
        err = CLEAT_ERR_NACK;
    }
    cleat_sim_costs_transfer(sim, false, len, err, *stretch_us);
    if (err == CLEAT_OK) {
        read_register(sim, data, len);
        if ((faults & FAULT(CLEAT_SIM_FAULT_FLIP)) != 0) {
            flip(data, len, bit);
        }
        if (sim->opt.latency != CLEAT_SIM_LATENCY_NONE) {
            sim->guard_us = cleat_sim_chip_now(sim) + GUARD_US;
        }
    }
    struct cleat_sim_seen seen = {.address = address,
                                  .reg = sim->reg,
                                  .result = err,
                                  .faults = faults,
                                  .stretch_us = *stretch_us,
                                  .bytes = cleat_bytes_of(data, len)};
    if (err != CLEAT_OK) {
        seen.bytes.len = 0;
    }
    cleat_sim_trace_transfer(sim, &seen);
    return err;
}

/* --- the same as a struct cleat_i2c --------------------------------------- */

/* A program on a clock of its own sees no real time pass. */
static void hold(const struct cleat_sim *s, uint32_t us, int err) {
    if (us != 0 && s->opt.now_us == NULL && !s->opt.virtual_time &&
        err != CLEAT_ERR_TIMEOUT) {
        struct timespec t = {.tv_nsec = (long)us * 1000};
        (void)nanosleep(&t, NULL);
    }
}

static int bus_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    uint32_t us = 0;
    int err = cleat_sim_write(self, address, data, len, &us);
    hold(self, us, err);
    return err;
}

static int bus_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    uint32_t us = 0;
    int err = cleat_sim_read(self, address, data, len, &us);
    hold(self, us, err);
    return err;
}

static int bus_speed(void *self, uint32_t khz) {
    struct cleat_sim *s = self;
    if (khz == 0 || khz > 1000) {
        return CLEAT_ERR_ARG;
    }
    s->bus_khz = khz;
    return CLEAT_OK;
}

static int bus_line(void *self, enum cleat_i2c_line line, bool high) {
    struct cleat_sim *s = self;
    bool *level = NULL;
    if (line == CLEAT_I2C_LINE_RESET) {
        level = &s->reset_high;
    } else if (line == CLEAT_I2C_LINE_POWER) {
        level = &s->power;
    } else {
        return CLEAT_ERR_ARG;
    }
    cleat_sim_chip_count_down(s);
    bool rising = high && !*level;
    *level = high;
    if (!high && (level == &s->power || s->hang == SIM_HANG_RESET)) {
        s->hang = 0;
    }
    if (!high || rising) {
        cleat_sim_chip_reset(s);
    }
    cleat_sim_trace_note(s, line == CLEAT_I2C_LINE_RESET
                                ? (high ? "reset line high" : "reset line low")
                                : (high ? "power on" : "power off"));
    return CLEAT_OK;
}

const struct cleat_i2c *cleat_sim_bus(struct cleat_sim *sim) {
    struct cleat_i2c bus = {.write = bus_write,
                            .read = bus_read,
                            .speed = bus_speed,
                            .line = bus_line,
                            .lines =
                                CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER,
                            .max_len = 0,
                            .self = sim};
    sim->bus = bus;
    return &sim->bus;
}
