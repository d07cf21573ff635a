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
#define POLL_MAX_US 20000u
#define ODDITIES_MAX 16u
#define FLUSH_MAX 200u /* The longest reply in the shortest frames. */

#define STATE_BUSY 0x80000000u
#define STATE_RESPONSE 0x40000000u

/* FCTR, section 8.2 of the protocol. */
#define FCTR_CONTROL 0x80u
#define FCTR_RESERVED 0x10u
#define FCTR_RESYNC 0xC0u
#define SEQ_ACK 0u
#define SEQ_NAK 1u
#define FCTR_NAK_BITS 0x20u

enum state { IDLE, SENDING, PAUSE, POLLING, FETCHING, CONTROL, RESYNC };

uint16_t cleat_optiga_link_crc(struct cleat_bytes bytes) {
    uint32_t crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? (crc >> 1) ^ 0x8408u : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

void cleat_optiga_link_restart(struct cleat_optiga_link *l) {
    l->tx_nr = 3;
    l->rx_nr = 3;
    l->state = IDLE;
}

static enum cleat_optiga_link_event fail(struct cleat_optiga_link *l, int err,
                                         const char *text) {
    l->state = IDLE;
    l->err = (int16_t)err;
    l->layer = CLEAT_LAYER_LINK;
    l->text = text;
    return CLEAT_OPTIGA_LINK_FAILED;
}

struct cleat_buf cleat_optiga_link_room(struct cleat_optiga_link *l) {
    struct cleat_buf room = {l->frame + 4,
                             l->frame_len - CLEAT_OPTIGA_FRAME_EXTRA, 0};
    return room;
}

void cleat_optiga_link_resend(struct cleat_optiga_link *l, size_t len) {
    struct cleat_writer w = cleat_writer_of(l->frame, sizeof l->frame);
    cleat_write_u8(&w, CLEAT_OPTIGA_REG_DATA);
    cleat_write_u8(&w, (uint8_t)(l->tx_nr << 2 | l->rx_nr));
    cleat_write_u16(&w, (uint16_t)len);
    w.len += len;
    cleat_write_u16(
        &w, cleat_optiga_link_crc(cleat_bytes_of(l->frame + 1, len + 3)));
    cleat_optiga_phy_write(&l->phy, l->frame, w.len);
    l->state = SENDING;
}

void cleat_optiga_link_send(struct cleat_optiga_link *l, size_t len) {
    l->tx_nr = (l->tx_nr + 1) & 3;
    l->repeats = 0;
    l->oddities = 0;
    l->naks = 0;
    l->nak_open = false;
    l->flushing = false;
    l->awaiting_ack = true;
    l->refused = false;
    cleat_optiga_link_resend(l, len);
}

static void poll(struct cleat_optiga_link *l) {
    l->state = POLLING;
    cleat_optiga_phy_read_small(&l->phy, CLEAT_OPTIGA_REG_STATE, 4);
}

void cleat_optiga_link_listen(struct cleat_optiga_link *l) {
    poll(l);
}

struct cleat_bytes cleat_optiga_link_packet(const struct cleat_optiga_link *l) {
    return cleat_bytes_of(l->frame + 4, l->packet_len);
}

static void control(struct cleat_optiga_link *l, uint8_t fctr,
                    enum state state) {
    struct cleat_writer w = cleat_writer_of(l->control, sizeof l->control);
    cleat_write_u8(&w, CLEAT_OPTIGA_REG_DATA);
    cleat_write_u8(&w, fctr);
    cleat_write_u16(&w, 0);
    cleat_write_u16(&w,
                    cleat_optiga_link_crc(cleat_bytes_of(l->control + 1, 3)));
    cleat_optiga_phy_write(&l->phy, l->control, w.len);
    l->state = (uint8_t)state;
}

void cleat_optiga_link_ack(struct cleat_optiga_link *l, bool more) {
    l->more = more;
    control(l, FCTR_CONTROL | l->rx_nr, CONTROL);
}

static enum cleat_optiga_link_event ack_and_poll(struct cleat_optiga_link *l) {
    cleat_optiga_link_ack(l, true);
    return CLEAT_OPTIGA_LINK_NONE;
}

static enum cleat_optiga_link_event nak(struct cleat_optiga_link *l) {
    if (l->naks >= TRANS_REPEAT) {
        return fail(l, CLEAT_ERR_PROTO, "frames keep arriving damaged");
    }
    l->naks++;
    l->nak_open = true;
    l->more = true;
    control(l, (uint8_t)(FCTR_CONTROL | FCTR_NAK_BITS | ((l->rx_nr + 1) & 3)),
            CONTROL);
    return CLEAT_OPTIGA_LINK_NONE;
}

static enum cleat_optiga_link_event again(struct cleat_optiga_link *l) {
    l->repeats++;
    return CLEAT_OPTIGA_LINK_AGAIN;
}

void cleat_optiga_link_recover(struct cleat_optiga_link *l, uint32_t now_us) {
    l->flushing = true;
    l->awaiting_ack = false;
    l->oddities = 0;
    l->since_us = now_us;
    poll(l);
}

static enum cleat_optiga_link_event pause(struct cleat_optiga_link *l,
                                          uint32_t now_us) {
    uint32_t wait = (now_us - l->since_us) / 8;
    if (wait < POLL_MIN_US) {
        wait = POLL_MIN_US;
    }
    if (wait > POLL_MAX_US) {
        wait = POLL_MAX_US;
    }
    l->state = PAUSE;
    cleat_optiga_phy_wait(&l->phy, now_us + wait);
    return CLEAT_OPTIGA_LINK_NONE;
}

/* Nothing to fetch yet while recovering. */
static enum cleat_optiga_link_event
flush_not_ready(struct cleat_optiga_link *l, bool busy, uint32_t now_us) {
    if (!busy) {
        control(l, FCTR_RESYNC, RESYNC);
        return CLEAT_OPTIGA_LINK_NONE;
    }
    if (now_us - l->since_us >= FLUSH_BUSY_MAX_US) {
        return fail(l, CLEAT_ERR_TIMEOUT, "chip stays busy");
    }
    return pause(l, now_us);
}

static enum cleat_optiga_link_event not_ready(struct cleat_optiga_link *l,
                                              bool busy, uint32_t now_us) {
    uint32_t waited = now_us - l->since_us;
    if (cleat_optiga_phy_reached(now_us, l->give_up_us)) {
        return fail(l, CLEAT_ERR_TIMEOUT, "chip does not answer");
    }
    if (l->flushing) {
        return flush_not_ready(l, busy, now_us);
    }
    if (waited >= REPLY_MAX_US) {
        return fail(l, CLEAT_ERR_TIMEOUT, "no reply to the command");
    }
    if (busy || waited < TRANS_TIMEOUT_US) {
        return pause(l, now_us);
    }
    if (l->awaiting_ack && l->repeats < TRANS_REPEAT) {
        return again(l);
    }
    if (l->awaiting_ack && waited >= LATE_REPLY_US) {
        return fail(l, CLEAT_ERR_TIMEOUT, "frame is never acknowledged");
    }
    if (l->nak_open) {
        return nak(l);
    }
    return pause(l, now_us);
}

/* A frame that is of no use was dropped: poll on, but not for ever. */
static enum cleat_optiga_link_event dropped(struct cleat_optiga_link *l,
                                            uint32_t now_us) {
    if (cleat_optiga_phy_reached(now_us, l->give_up_us)) {
        return fail(l, CLEAT_ERR_TIMEOUT, "no useful frame in time");
    }
    return pause(l, now_us);
}

/* Count what is of no use; the registers have no checksum of their own. */
static bool odd(struct cleat_optiga_link *l) {
    l->oddities++;
    return l->oddities <= (l->flushing ? FLUSH_MAX : ODDITIES_MAX);
}

static enum cleat_optiga_link_event no_progress(struct cleat_optiga_link *l) {
    return fail(l, CLEAT_ERR_PROTO, "frames make no progress");
}

static enum cleat_optiga_link_event on_state(struct cleat_optiga_link *l,
                                             uint32_t now_us) {
    uint32_t state = cleat_optiga_phy_value(&l->phy, 4);
    uint16_t len = (uint16_t)state;
    /* BUSY does not matter when a frame is there: it may be the ACK. */
    if ((state & STATE_RESPONSE) == 0 || len == 0) {
        return not_ready(l, (state & STATE_BUSY) != 0, now_us);
    }
    if (len > l->frame_max) {
        return odd(l) ? dropped(l, now_us) : no_progress(l);
    }
    l->got = len;
    l->state = FETCHING;
    cleat_optiga_phy_read(&l->phy, CLEAT_OPTIGA_REG_DATA, l->frame + 1, len);
    return CLEAT_OPTIGA_LINK_NONE;
}

static enum cleat_optiga_link_event on_control(struct cleat_optiga_link *l,
                                               uint8_t fctr, uint32_t now_us) {
    uint8_t seq = (fctr >> 5) & 3;
    if (fctr == FCTR_RESYNC) {
        cleat_optiga_link_restart(l);
        return fail(l, CLEAT_ERR_PROTO, "chip reset the frame numbers");
    }
    bool ours = l->awaiting_ack && (fctr & 0x0Fu) == l->tx_nr;
    if (ours && seq == SEQ_ACK) {
        l->awaiting_ack = false;
        l->refused = false;
        l->since_us = now_us;
        return CLEAT_OPTIGA_LINK_ACKED;
    }
    if (ours && seq == SEQ_NAK) {
        if (l->repeats >= TRANS_REPEAT) {
            return fail(l, CLEAT_ERR_PROTO, "chip keeps refusing the frame");
        }
        return again(l);
    }
    if (l->awaiting_ack && seq == SEQ_ACK && l->repeats == 0) {
        l->refused = true;
    }
    return dropped(l, now_us);
}

static enum cleat_optiga_link_event on_data(struct cleat_optiga_link *l,
                                            uint8_t fctr, uint32_t now_us) {
    uint8_t seq = (fctr >> 5) & 3;
    uint8_t nr = (fctr >> 2) & 3;
    if (seq == SEQ_NAK && l->awaiting_ack && (fctr & 3u) == l->tx_nr) {
        if (l->repeats >= TRANS_REPEAT) {
            return fail(l, CLEAT_ERR_PROTO, "chip keeps refusing the frame");
        }
        return again(l);
    }
    if (nr != ((l->rx_nr + 1) & 3)) {
        return ack_and_poll(l); /* Duplicate or gap: the last good one. */
    }
    l->rx_nr = nr;
    if (seq != SEQ_ACK || (fctr & 3u) != l->tx_nr) {
        return ack_and_poll(l); /* The reply to something older. */
    }
    l->awaiting_ack = false;
    l->refused = false;
    l->nak_open = false;
    l->naks = 0;
    l->oddities = 0;
    l->since_us = now_us;
    return CLEAT_OPTIGA_LINK_PACKET;
}

/* Recovering: a data frame is acknowledged with its own number. */
static enum cleat_optiga_link_event flush_frame(struct cleat_optiga_link *l,
                                                bool good, uint8_t fctr,
                                                uint32_t now_us) {
    if (!good || (fctr & FCTR_CONTROL) != 0) {
        return dropped(l, now_us);
    }
    l->rx_nr = (fctr >> 2) & 3;
    return ack_and_poll(l);
}

static enum cleat_optiga_link_event on_frame(struct cleat_optiga_link *l,
                                             uint32_t now_us) {
    struct cleat_bytes whole = cleat_bytes_of(l->frame + 1, l->got);
    struct cleat_reader r = cleat_reader_of(whole);
    uint8_t fctr = cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    cleat_read_bytes(&r, len);
    uint16_t crc = cleat_read_u16(&r);
    bool good =
        !r.failed && cleat_reader_left(&r) == 0 &&
        crc == cleat_optiga_link_crc(cleat_bytes_of(whole.data, len + 3u)) &&
        (fctr & FCTR_RESERVED) == 0;
    if (!odd(l)) {
        return no_progress(l);
    }
    if (l->flushing) {
        return flush_frame(l, good, fctr, now_us);
    }
    if (!good) {
        /* What looks like a control frame is dropped, not refused. */
        return l->got == CLEAT_OPTIGA_FRAME_EXTRA ? dropped(l, now_us) : nak(l);
    }
    l->packet_len = len;
    bool is_control = (fctr & FCTR_CONTROL) != 0;
    if (is_control == (len != 0) || (!is_control && (fctr & 0x40u) != 0)) {
        return is_control ? dropped(l, now_us) : nak(l);
    }
    return is_control ? on_control(l, fctr, now_us) : on_data(l, fctr, now_us);
}

enum cleat_optiga_link_event cleat_optiga_link_step(struct cleat_optiga_link *l,
                                                    uint32_t now_us) {
    if (l->phy.result != 0) {
        return fail(l, l->phy.result, NULL);
    }
    switch (l->state) {
    case SENDING:
        l->since_us = now_us;
        break;
    case PAUSE:
        break;
    case POLLING:
        return on_state(l, now_us);
    case FETCHING:
        return on_frame(l, now_us);
    case CONTROL:
        l->since_us = now_us;
        if (!l->more) {
            l->state = IDLE;
            return CLEAT_OPTIGA_LINK_DONE;
        }
        break;
    case RESYNC:
        cleat_optiga_link_restart(l);
        return CLEAT_OPTIGA_LINK_DONE;
    default:
        return fail(l, CLEAT_ERR_STATE, "no frame is under way");
    }
    poll(l);
    return CLEAT_OPTIGA_LINK_NONE;
}
