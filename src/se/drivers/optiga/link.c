/* SPDX-License-Identifier: MIT */
/* Frames, numbers, acknowledgements and repeats; see link.h. */
#include "se/drivers/optiga/link.h"

/* Datasheet table 25. */
#define TRANS_TIMEOUT_US 10000u
#define TRANS_REPEAT 3u
/* A frame that was never acknowledged: how long to look for a late reply
 * after the last repeat, before the numbers are reset. */
#define LATE_REPLY_US 300000u
/* The chip may delay a protected command by 5 s (security events). */
#define REPLY_MAX_US 6500000u
/* Recovering: how long a command of before may still run. */
#define FLUSH_BUSY_MAX_US 5500000u
#define POLL_MIN_US 1000u
/* A poll begins with selecting the register: so much earlier. */
#define POLL_AHEAD_US 100u
#define POLL_MAX_US 20000u
#define PATIENCE 16u
#define FLUSH_MAX 200u /* The longest reply in the shortest frames. */

#define STATE_BUSY 0x80000000u
#define STATE_RESPONSE 0x40000000u

/* FCTR, section 8.2 of the protocol. */
#define FCTR_CONTROL 0x80u
#define FCTR_SEQ 0x60u
#define FCTR_NAK 0x20u
/* Bits that are fixed in a control and in a data frame. */
#define FCTR_OF_CONTROL 0x90u
#define FCTR_OF_DATA 0xD0u
#define FCTR_RESYNC 0xC0u

/* What the physical job under way is; of control frames what follows them. */
enum state {
    PAUSE,
    SENDING,
    POLLING,
    FETCHING,
    THEN_POLL,
    THEN_STOP,
    THEN_RESTART
};

uint16_t cleat_optiga_link_crc(const uint8_t *data, size_t len) {
    uint32_t crc = 0;
    for (; len > 0; len--) {
        crc ^= *data++;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? (crc >> 1) ^ 0x8408u : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

void cleat_optiga_link_restart(struct cleat_optiga_link *l) {
    l->tx_nr = 3;
    l->state = PAUSE;
    l->rx_nr = 3;
    l->ack_due = false;
}

static enum cleat_optiga_link_event fail(struct cleat_optiga_link *l,
                                         enum cleat_optiga_cause cause) {
    l->phy.cause = (uint8_t)cause;
    return CLEAT_OPTIGA_LINK_FAILED;
}

/* Write a frame: the packet of len bytes that is in its place, or without one
 * a control frame. */
static void put_frame(struct cleat_optiga_link *l, unsigned fctr,
                      enum state state, size_t len) {
    uint8_t *at = len > 0 ? l->frame : l->control;
    l->state = (uint8_t)state;
    l->ack_due = false;
    at[0] = CLEAT_OPTIGA_REG_DATA;
    at[1] = (uint8_t)fctr;
    at[2] = (uint8_t)(len >> 8);
    at[3] = (uint8_t)len;
    unsigned crc = cleat_optiga_link_crc(at + 1, len + 3);
    at[len + 4] = (uint8_t)(crc >> 8);
    at[len + 5] = (uint8_t)crc;
    cleat_optiga_phy_write(&l->phy, at, len + 6);
}

void cleat_optiga_link_resend(struct cleat_optiga_link *l, size_t len) {
    put_frame(l, (unsigned)l->tx_nr << 2 | l->rx_nr, SENDING, len);
}

void cleat_optiga_link_send(struct cleat_optiga_link *l, size_t len,
                            uint32_t expect_us) {
    l->tx_nr = (l->tx_nr + 1) & 3;
    l->naks = 0;
    l->nak_open = false;
    l->flushing = false;
    l->refused = false;
    l->repeats = 0;
    l->awaiting_ack = true;
    l->patience = PATIENCE;
    l->expect_us = expect_us < POLL_AHEAD_US ? 0 : expect_us - POLL_AHEAD_US;
    cleat_optiga_link_resend(l, len);
}

static void poll(struct cleat_optiga_link *l) {
    l->state = POLLING;
    cleat_optiga_phy_read_small(&l->phy, CLEAT_OPTIGA_REG_STATE, 4);
}

static enum cleat_optiga_link_event control(struct cleat_optiga_link *l,
                                            unsigned fctr, enum state state) {
    put_frame(l, fctr, state, 0);
    return CLEAT_OPTIGA_LINK_NONE;
}

void cleat_optiga_link_ack(struct cleat_optiga_link *l, bool more) {
    control(l, FCTR_CONTROL | l->rx_nr, more ? THEN_POLL : THEN_STOP);
}

static enum cleat_optiga_link_event nak(struct cleat_optiga_link *l) {
    if (l->naks >= TRANS_REPEAT) {
        return fail(l, CLEAT_OPTIGA_DAMAGED);
    }
    l->naks++;
    l->nak_open = true;
    return control(l, FCTR_CONTROL | FCTR_NAK | ((l->rx_nr + 1u) & 3),
                   THEN_POLL);
}

static enum cleat_optiga_link_event again(struct cleat_optiga_link *l) {
    l->repeats++;
    return CLEAT_OPTIGA_LINK_AGAIN;
}

void cleat_optiga_link_recover(struct cleat_optiga_link *l, uint32_t now_us) {
    l->flushing = true;
    l->awaiting_ack = false;
    l->patience = FLUSH_MAX;
    l->since_us = now_us;
    l->expect_us = 0;
    poll(l);
}

/* Wait as long as there is nothing to expect; then ever longer. */
static enum cleat_optiga_link_event pause(struct cleat_optiga_link *l,
                                          uint32_t now_us) {
    uint32_t until = l->sent_us + l->expect_us;
    if (now_us - l->sent_us >= l->expect_us) {
        uint32_t wait = (now_us - l->since_us) / 16;
        if (wait < POLL_MIN_US) {
            wait = POLL_MIN_US;
        }
        if (wait > POLL_MAX_US) {
            wait = POLL_MAX_US;
        }
        until = now_us + wait;
    }
    l->state = PAUSE;
    cleat_optiga_phy_wait(&l->phy, until);
    return CLEAT_OPTIGA_LINK_NONE;
}

void cleat_optiga_link_listen(struct cleat_optiga_link *l, uint32_t now_us) {
    if (now_us - l->sent_us < l->expect_us) {
        pause(l, now_us);
    } else {
        poll(l);
    }
}

/* Sent. A frame that was lost is noticed after TRANS_TIMEOUT, so ask then
 * even if the answer takes longer. */
static enum cleat_optiga_link_event sent(struct cleat_optiga_link *l,
                                         uint32_t now_us) {
    l->since_us = now_us;
    l->sent_us = now_us;
    if (l->expect_us == 0) {
        poll(l);
        return CLEAT_OPTIGA_LINK_NONE;
    }
    l->state = PAUSE;
    cleat_optiga_phy_wait(&l->phy, now_us + (l->expect_us < TRANS_TIMEOUT_US
                                                 ? l->expect_us
                                                 : TRANS_TIMEOUT_US));
    return CLEAT_OPTIGA_LINK_NONE;
}

static enum cleat_optiga_link_event not_ready(struct cleat_optiga_link *l,
                                              bool busy, uint32_t now_us) {
    uint32_t waited = now_us - l->since_us;
    if (cleat_optiga_phy_reached(now_us, l->give_up_us)) {
        return fail(l, CLEAT_OPTIGA_SILENT);
    }
    if (l->flushing) {
        if (!busy) {
            return control(l, FCTR_RESYNC, THEN_RESTART);
        }
        return waited >= FLUSH_BUSY_MAX_US ? fail(l, CLEAT_OPTIGA_BUSY)
                                           : pause(l, now_us);
    }
    if (waited >= REPLY_MAX_US + 4 * l->expect_us) {
        return fail(l, CLEAT_OPTIGA_NO_REPLY);
    }
    if (busy || waited < TRANS_TIMEOUT_US) {
        return pause(l, now_us);
    }
    if (l->awaiting_ack && l->repeats < TRANS_REPEAT) {
        return again(l);
    }
    if (l->awaiting_ack && waited >= LATE_REPLY_US) {
        return fail(l, CLEAT_OPTIGA_NO_ACK);
    }
    return l->nak_open ? nak(l) : pause(l, now_us);
}

/* What came is of no use: go on, but not for ever; the registers have no
 * checksum of their own. A data frame is acknowledged all the same. */
static enum cleat_optiga_link_event drop(struct cleat_optiga_link *l,
                                         bool is_data, uint32_t now_us) {
    if (l->patience == 0) {
        return fail(l, CLEAT_OPTIGA_STUCK);
    }
    l->patience--;
    if (cleat_optiga_phy_reached(now_us, l->give_up_us)) {
        return fail(l, CLEAT_OPTIGA_USELESS);
    }
    return is_data ? control(l, FCTR_CONTROL | l->rx_nr, THEN_POLL)
                   : pause(l, now_us);
}

static enum cleat_optiga_link_event on_state(struct cleat_optiga_link *l,
                                             uint32_t now_us) {
    uint32_t state = cleat_optiga_phy_value(&l->phy);
    uint16_t len = (uint16_t)state;
    /* BUSY does not matter when a frame is there: it may be the ACK. */
    if ((state & STATE_RESPONSE) == 0 || len == 0) {
        return not_ready(l, (state & STATE_BUSY) != 0, now_us);
    }
    if (len > l->frame_max) {
        return drop(l, false, now_us);
    }
    l->got = len;
    l->state = FETCHING;
    cleat_optiga_phy_read(&l->phy, CLEAT_OPTIGA_REG_DATA, l->frame + 1, len);
    return CLEAT_OPTIGA_LINK_NONE;
}

/* Our packet arrived. */
static void acked(struct cleat_optiga_link *l, uint32_t now_us) {
    l->awaiting_ack = false;
    l->refused = false;
    l->since_us = now_us;
}

static enum cleat_optiga_link_event on_control(struct cleat_optiga_link *l,
                                               uint8_t fctr, bool ours,
                                               uint32_t now_us) {
    if (fctr == FCTR_RESYNC) {
        cleat_optiga_link_restart(l);
        return fail(l, CLEAT_OPTIGA_RENUMBERED);
    }
    if ((fctr & FCTR_SEQ) == 0) {
        if (ours) {
            acked(l, now_us);
            return CLEAT_OPTIGA_LINK_ACKED;
        }
        if (l->awaiting_ack && l->repeats == 0) {
            l->refused = true;
        }
    }
    return drop(l, false, now_us);
}

static enum cleat_optiga_link_event on_data(struct cleat_optiga_link *l,
                                            uint8_t fctr, uint32_t now_us) {
    uint8_t nr = (fctr >> 2) & 3;
    if (nr != ((l->rx_nr + 1) & 3)) {
        return drop(l, true, now_us); /* Duplicate or gap: the last good one. */
    }
    l->rx_nr = nr;
    if ((fctr & FCTR_SEQ) != 0 || (fctr & 3u) != l->tx_nr) {
        return drop(l, true, now_us); /* The reply to something older. */
    }
    acked(l, now_us);
    l->ack_due = true;
    l->nak_open = false;
    l->naks = 0;
    l->patience = PATIENCE;
    return CLEAT_OPTIGA_LINK_PACKET;
}

/* A frame whose checksum and lengths are right. */
static enum cleat_optiga_link_event on_good(struct cleat_optiga_link *l,
                                            uint8_t fctr, uint32_t now_us) {
    bool is_control = l->packet_len == 0;
    bool ours =
        l->awaiting_ack && (fctr & (is_control ? 0x0Fu : 0x03u)) == l->tx_nr;
    if (ours && (fctr & FCTR_SEQ) == FCTR_NAK) {
        return l->repeats >= TRANS_REPEAT ? fail(l, CLEAT_OPTIGA_REFUSED)
                                          : again(l);
    }
    return is_control ? on_control(l, fctr, ours, now_us)
                      : on_data(l, fctr, now_us);
}

/* Recovering: a data frame is acknowledged with its own number. */
static enum cleat_optiga_link_event flush(struct cleat_optiga_link *l,
                                          uint8_t fctr, uint32_t now_us) {
    l->rx_nr = (fctr >> 2) & 3;
    return drop(l, true, now_us);
}

static enum cleat_optiga_link_event on_frame(struct cleat_optiga_link *l,
                                             uint32_t now_us) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(l->frame + 1, l->got));
    uint8_t fctr = cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    cleat_read_bytes(&r, len);
    uint16_t crc = cleat_read_u16(&r);
    bool good = !r.failed && r.pos == r.len &&
                (fctr & (len == 0 ? FCTR_OF_CONTROL : FCTR_OF_DATA)) ==
                    (len == 0 ? FCTR_CONTROL : 0) &&
                crc == cleat_optiga_link_crc(l->frame + 1, len + 3u);
    l->packet_len = len;
    if (good && !l->flushing) {
        return on_good(l, fctr, now_us);
    }
    if (good && len != 0) {
        return flush(l, fctr, now_us);
    }
    /* What looks like a damaged control frame is dropped, not refused. */
    return l->flushing || l->got == CLEAT_OPTIGA_FRAME_EXTRA
               ? drop(l, false, now_us)
               : nak(l);
}

enum cleat_optiga_link_event cleat_optiga_link_step(struct cleat_optiga_link *l,
                                                    uint32_t now_us) {
    if (l->phy.cause != CLEAT_OPTIGA_FINE) {
        return CLEAT_OPTIGA_LINK_FAILED;
    }
    switch (l->state) {
    case SENDING:
        return sent(l, now_us);
    case POLLING:
        return on_state(l, now_us);
    case FETCHING:
        return on_frame(l, now_us);
    case THEN_POLL:
        l->since_us = now_us;
        break;
    case THEN_RESTART:
        cleat_optiga_link_restart(l);
        return CLEAT_OPTIGA_LINK_DONE;
    case THEN_STOP:
        return CLEAT_OPTIGA_LINK_DONE;
    default:
        break;
    }
    poll(l);
    return CLEAT_OPTIGA_LINK_NONE;
}
