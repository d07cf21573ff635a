/* SPDX-License-Identifier: MIT */
/*
 * The data link layer: frames, their check sequence and numbers, ACK, NAK,
 * resync and resending, with one frame in flight each way. Good packets go on
 * to transport.c.
 */
#include <string.h>

#include "chip.h"

#define ACK_TIMER_US 3000 /* must be < 10 ms; not published */
#define RESEND_US 10000   /* TRANS_TIMEOUT */
#define REPEATS 3         /* TRANS_REPEAT */

#define F_CONTROL 0x80
#define F_SEQ 0x60
#define F_NAK 0x20
#define F_RESYNC 0x40
#define F_RESERVED 0x10

uint16_t cleat_sim_link_crc(struct cleat_bytes bytes) {
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x8408u : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

void cleat_sim_link_init(struct cleat_sim *s) {
    memset(&s->link, 0, sizeof s->link);
    s->link.rx_last = 3;
    s->link.tx_last = 3;
}

static void control(struct cleat_sim *s, uint8_t fctr, uint64_t at) {
    s->link.control_set = true;
    s->link.control = fctr;
    s->link.control_at = at;
}

static void control_ack(struct cleat_sim *s) {
    control(s, (uint8_t)(0x80 | s->link.rx_last), cleat_sim_chip_now(s));
}

static void control_nak(struct cleat_sim *s) {
    control(s, (uint8_t)(0xA0 | ((s->link.rx_last + 1) & 3)),
            cleat_sim_chip_now(s));
}

bool cleat_sim_link_busy(const struct cleat_sim *s, uint64_t now) {
    return s->link.frame_set && now < s->link.frame_at;
}

/* A frame that was fetched and not acknowledged in time is offered again; in
 * the end the chip gives up and asks for a resync. */
static void resend(struct cleat_sim *s, uint64_t now) {
    struct cleat_sim_link *l = &s->link;
    if (!l->frame_set || !l->frame_read || now < l->resend_at) {
        return;
    }
    if (l->repeats == REPEATS) {
        cleat_sim_link_init(s);
        cleat_sim_transport_init(s);
        control(s, F_CONTROL | F_RESYNC, now);
        return;
    }
    l->repeats++;
    l->frame_read = false;
}

size_t cleat_sim_link_offer(struct cleat_sim *s, uint64_t now) {
    struct cleat_sim_link *l = &s->link;
    resend(s, now);
    if (l->control_set) {
        return now >= l->control_at ? SIM_FRAME_OVER : 0;
    }
    if (l->frame_set && !l->frame_read && now >= l->frame_at) {
        return l->frame_len;
    }
    return 0;
}

static size_t build(uint8_t *out, uint8_t fctr, struct cleat_bytes packet) {
    struct cleat_writer w = cleat_writer_of(out, SIM_FRAME_MAX);
    cleat_write_u8(&w, fctr);
    cleat_write_u16(&w, (uint16_t)packet.len);
    cleat_write_bytes(&w, packet);
    cleat_write_u16(&w, cleat_sim_link_crc(cleat_bytes_of(out, w.len)));
    return w.len;
}

void cleat_sim_link_read(struct cleat_sim *s, uint8_t *out, size_t len) {
    struct cleat_sim_link *l = &s->link;
    uint64_t now = cleat_sim_chip_now(s);
    uint8_t short_frame[SIM_FRAME_MAX];
    memset(out, 0xFF, len);
    if (l->control_set) {
        size_t n = build(short_frame, l->control, cleat_bytes_of(NULL, 0));
        memcpy(out, short_frame, n < len ? n : len);
        l->control_set = len < n;
        return;
    }
    memcpy(out, l->frame, l->frame_len < len ? l->frame_len : len);
    if (len < l->frame_len) {
        return; /* no continued reading: it stays, whole */
    }
    if (s->twice) {
        s->twice = false;
        return;
    }
    l->frame_read = true;
    l->resend_at = now + RESEND_US;
}

void cleat_sim_link_send(struct cleat_sim *s, struct cleat_bytes packet,
                         uint64_t cost_us) {
    struct cleat_sim_link *l = &s->link;
    uint64_t now = cleat_sim_chip_now(s);
    l->tx_last = (l->tx_last + 1) & 3;
    l->frame_len =
        build(l->frame, (uint8_t)(l->tx_last << 2 | l->rx_last), packet);
    l->frame_set = true;
    l->frame_read = false;
    l->frame_at = now + cost_us;
    l->repeats = 0;
    l->idle_polls = s->opt.idle_polls;
    l->control_set = false;
    if (cost_us > ACK_TIMER_US) {
        control(s, (uint8_t)(0x80 | l->rx_last), now + ACK_TIMER_US);
    }
}

/* @return true if that was the frame in flight. */
static bool acknowledged(struct cleat_sim *s, uint8_t number) {
    struct cleat_sim_link *l = &s->link;
    if (!l->frame_set || number != l->tx_last ||
        cleat_sim_link_busy(s, cleat_sim_chip_now(s))) {
        return false;
    }
    l->frame_set = false;
    return true;
}

static void refused(struct cleat_sim *s, uint8_t number) {
    struct cleat_sim_link *l = &s->link;
    if (l->frame_set && number == l->tx_last) {
        l->frame_read = false;
    }
}

static void input_control(struct cleat_sim *s, uint8_t fctr,
                          struct cleat_bytes frame) {
    struct cleat_reader r = cleat_reader_of(frame);
    (void)cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    uint16_t fcs = cleat_read_u16(&r);
    uint8_t number = fctr & 3;
    if (r.failed || cleat_reader_left(&r) != 0 || len != 0 ||
        fcs != cleat_sim_link_crc(cleat_bytes_of(frame.data, 3)) ||
        (fctr & 0x1C) != 0) {
        return; /* malformed control frame: dropped [P Table 3-2] */
    }
    if ((fctr & F_SEQ) == 0) {
        if (acknowledged(s, number)) {
            cleat_sim_transport_acked(s);
        }
    } else if ((fctr & F_SEQ) == F_NAK) {
        refused(s, number);
    } else if (fctr == (F_CONTROL | F_RESYNC)) {
        cleat_sim_link_init(s);
        cleat_sim_transport_init(s);
    }
}

/* A number that is not the next: the last good one is acknowledged again, by
 * the answer itself if that is still wanted; nothing runs twice. */
static void unexpected(struct cleat_sim *s, uint8_t number) {
    struct cleat_sim_link *l = &s->link;
    if (l->frame_set && number == l->rx_last) {
        if (cleat_sim_link_busy(s, cleat_sim_chip_now(s))) {
            control_ack(s);
        }
        l->frame_read = false;
        return;
    }
    control_ack(s);
}

static void input_packet(struct cleat_sim *s, uint8_t fctr,
                         struct cleat_bytes packet) {
    struct cleat_sim_link *l = &s->link;
    uint8_t number = (fctr >> 2) & 3;
    uint8_t acked = fctr & 3;
    if (number != ((l->rx_last + 1) & 3)) {
        unexpected(s, number);
        return;
    }
    if ((fctr & F_SEQ) == F_NAK) {
        refused(s, acked);
    } else {
        /* Who speaks up in the middle of our chain gives up the rest of it. */
        (void)acknowledged(s, acked);
    }
    if (l->frame_set || s->shield.state == SIM_SHIELD_SILENT) {
        return; /* our answer comes first: window of one */
    }
    l->rx_last = number;
    if (!cleat_sim_transport_input(s, packet)) {
        control_ack(s);
    }
}

void cleat_sim_link_input(struct cleat_sim *s, struct cleat_bytes frame) {
    struct cleat_reader r = cleat_reader_of(frame);
    uint8_t fctr = cleat_read_u8(&r);
    (void)cleat_sim_link_offer(s, cleat_sim_chip_now(s));
    if (s->shield.state == SIM_SHIELD_SILENT && !s->link.frame_set) {
        return; /* its last word, the alert, is said */
    }
    if ((fctr & F_CONTROL) != 0) {
        input_control(s, fctr, frame);
        return;
    }
    uint16_t len = cleat_read_u16(&r);
    struct cleat_bytes packet = cleat_read_bytes(&r, len);
    uint16_t fcs = cleat_read_u16(&r);
    if (r.failed || cleat_reader_left(&r) != 0 || len == 0 ||
        frame.len > s->frame_max ||
        fcs != cleat_sim_link_crc(cleat_bytes_of(frame.data, frame.len - 2)) ||
        (fctr & F_RESERVED) != 0 || (fctr & F_RESYNC) != 0) {
        control_nak(s);
        return;
    }
    input_packet(s, fctr, packet);
}
