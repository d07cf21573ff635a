/* SPDX-License-Identifier: MIT */
/*
 * The network and transport layer: one APDU is one packet or a chain of them,
 * both ways. Whole messages go on to shield.c if the presentation layer is on,
 * else to command.c.
 */
#include <string.h>

#include "chip.h"

#define CHAIN_SINGLE 0
#define CHAIN_FIRST 1
#define CHAIN_MIDDLE 2
#define CHAIN_LAST 4
#define CHAIN_ERROR 7
#define PRESENCE 0x08
#define CHANNEL 0xF0

void cleat_sim_transport_init(struct cleat_sim *s) {
    cleat_wipe(&s->tp, sizeof s->tp);
}

/* Bytes of an APDU in one full frame. */
static size_t fragment_cap(const struct cleat_sim *s) {
    return (size_t)s->frame_max - SIM_FRAME_OVER - 1;
}

static void send_fragment(struct cleat_sim *s, uint64_t cost_us) {
    struct cleat_sim_transport *t = &s->tp;
    uint8_t packet[SIM_FRAME_MAX];
    struct cleat_writer w = cleat_writer_of(packet, sizeof packet);
    size_t left = t->out_len - t->out_pos;
    size_t cap = fragment_cap(s);
    size_t n = left < cap ? left : cap;
    uint8_t chain = t->out_pos == 0 ? (left > cap ? CHAIN_FIRST : CHAIN_SINGLE)
                                    : (left > cap ? CHAIN_MIDDLE : CHAIN_LAST);
    uint32_t other = 0;
    if (t->out_pos == 0 && cleat_sim_fault_take(s, CLEAT_SIM_FAULT_BADCHAIN,
                                                &other, CHAIN_ERROR)) {
        chain = other & 7;
    }
    cleat_write_u8(&w, (uint8_t)(chain | (s->shield.mandatory ? PRESENCE : 0)));
    cleat_write_bytes(&w, cleat_bytes_of(t->out + t->out_pos, n));
    t->out_pos += n;
    cleat_sim_link_send(s, cleat_bytes_of(packet, w.len), cost_us);
    cleat_wipe(packet, sizeof packet);
}

static void chain_error(struct cleat_sim *s) {
    const uint8_t packet = CHAIN_ERROR;
    s->tp.chaining = false;
    s->tp.in_len = 0;
    s->tp.overflow = false;
    s->tp.out_pos = s->tp.out_len;
    cleat_sim_link_send(s, cleat_bytes_of(&packet, 1), 0);
}

static size_t answer(struct cleat_sim *s) {
    struct cleat_sim_transport *t = &s->tp;
    struct cleat_bytes in = cleat_bytes_of(t->in, t->in_len);
    if (!s->shield.mandatory) {
        bool overflow = t->overflow || t->in_len > SIM_APDU_MAX;
        return cleat_sim_command_run(s, in, overflow, t->out);
    }
    return t->presence ? cleat_sim_shield_run(s, in, t->overflow, t->out)
                       : cleat_sim_shield_refuse(s, t->out);
}

/* @return false if nothing but an acknowledgement goes back. */
static bool run(struct cleat_sim *s) {
    struct cleat_sim_transport *t = &s->tp;
    s->cost_us = 0;
    t->out_pos = 0;
    t->out_len = answer(s);
    cleat_wipe(t->in, t->in_len);
    t->chaining = false;
    t->overflow = false;
    t->in_len = 0;
    if (t->out_len == 0) {
        return false;
    }
    s->costs.chip_us += s->cost_us;
    send_fragment(s, s->cost_us);
    return true;
}

static void append(struct cleat_sim_transport *t, struct cleat_bytes part) {
    if (part.len > sizeof t->in - t->in_len) {
        t->overflow = true;
        return;
    }
    memcpy(t->in + t->in_len, part.data, part.len);
    t->in_len += part.len;
}

/* The host lost count of our chain: once more from the start, if it is still
 * known. */
static void repeat_answer(struct cleat_sim *s) {
    if (s->tp.out_len == 0) {
        return;
    }
    s->tp.out_pos = 0;
    send_fragment(s, 0);
}

static bool fits(const struct cleat_sim *s, uint8_t chain, size_t len) {
    bool inside = s->tp.chaining;
    switch (chain) {
    case CHAIN_SINGLE:
        return !inside;
    case CHAIN_FIRST:
        return !inside && len == fragment_cap(s);
    case CHAIN_MIDDLE:
        return inside && len == fragment_cap(s);
    case CHAIN_LAST:
        return inside && len != 0;
    default:
        return false;
    }
}

bool cleat_sim_transport_input(struct cleat_sim *s, struct cleat_bytes packet) {
    struct cleat_sim_transport *t = &s->tp;
    struct cleat_reader r = cleat_reader_of(packet);
    uint8_t pctr = cleat_read_u8(&r);
    struct cleat_bytes part = cleat_read_bytes(&r, cleat_reader_left(&r));
    uint8_t chain = pctr & 7;
    if ((pctr & ~PRESENCE) == CHAIN_ERROR && part.len == 0) {
        repeat_answer(s);
        return s->tp.out_len != 0;
    }
    if ((pctr & CHANNEL) != 0 || !fits(s, chain, part.len)) {
        chain_error(s);
        return true;
    }
    if (!t->chaining) { /* PRESENCE counts in the first packet [P 6.1] */
        t->presence = (pctr & PRESENCE) != 0;
        s->shield.mandatory = s->shield.mandatory || t->presence;
    }
    append(t, part);
    if (chain == CHAIN_FIRST || chain == CHAIN_MIDDLE) {
        t->chaining = true;
        return false;
    }
    return run(s);
}

void cleat_sim_transport_acked(struct cleat_sim *s) {
    if (s->tp.out_pos < s->tp.out_len) {
        send_fragment(s, 0);
    }
}
