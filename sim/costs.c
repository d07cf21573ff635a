/* SPDX-License-Identifier: MIT */
/*
 * What the bus and the chip cost: transfers, bytes, polls and time, counted as
 * the vendor's library was measured, and the virtual clock that goes with it.
 */
#include "chip.h"

#define REG_STATE 0x82
#define NACK_BITS 11

/* Address, bytes and their ACK bits, START and STOP. */
static uint64_t bits(size_t len) {
    return 9 * ((uint64_t)len + 1) + 2;
}

static void count(struct cleat_sim_costs *c, bool write, bool state,
                  size_t len) {
    if (state) {
        c->polls += !write; /* its select is part of it */
        return;
    }
    c->writes += write;
    c->reads += !write;
    c->write_bytes += write ? len : 0;
    c->read_bytes += write ? 0 : len;
}

void cleat_sim_costs_transfer(struct cleat_sim *s, bool write, size_t len,
                              int err, uint32_t stretch_us) {
    uint64_t ns =
        (err == CLEAT_ERR_NACK ? NACK_BITS : bits(len)) * 1000000u / s->bus_khz;
    if (err == CLEAT_OK) {
        count(&s->costs, write, s->reg == REG_STATE, len);
    } else if (err == CLEAT_ERR_NACK) {
        s->costs.nacks++;
    }
    s->costs_bus_ns += ns;
    s->clock_ns += ns + (uint64_t)stretch_us * 1000;
}

struct cleat_sim_costs cleat_sim_costs(struct cleat_sim *sim, bool reset) {
    struct cleat_sim_costs c = sim->costs;
    c.bus_us = sim->costs_bus_ns / 1000;
    c.passed_us = cleat_sim_time_us(sim) - sim->costs_from_us;
    if (reset) {
        sim->costs = (struct cleat_sim_costs){0};
        sim->costs_bus_ns = 0;
        sim->costs_from_us = cleat_sim_time_us(sim);
    }
    return c;
}

uint64_t cleat_sim_time_us(const struct cleat_sim *sim) {
    return sim->clock_ns / 1000;
}

void cleat_sim_pass(struct cleat_sim *sim, uint64_t us) {
    sim->clock_ns += us * 1000;
}
