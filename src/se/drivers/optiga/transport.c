/* SPDX-License-Identifier: MIT */
/* Chains of packets; see transport.h. */
#include "se/drivers/optiga/transport.h"

#include <string.h>

#include "se/drivers/optiga/shield.h"

/* PCTR: channel 0, presence of the presentation layer, chain in the low
 * bits. */
enum chain { SINGLE = 0, FIRST = 1, MIDDLE = 2, LAST = 4, ERROR = 7 };
#define HEADER_LEN 4u

size_t cleat_optiga_transport_data(const struct cleat_optiga_transport *t) {
    return t->len - HEADER_LEN;
}

static enum cleat_optiga_transport_event fail(struct cleat_optiga_transport *t,
                                              enum cleat_optiga_cause cause) {
    t->link.cause = (uint8_t)cause;
    return CLEAT_OPTIGA_TRANSPORT_FAILED;
}

void cleat_optiga_transport_gather(const struct cleat_optiga_transport *t,
                                   size_t from, uint8_t *to, size_t n) {
    for (const struct cleat_bytes *part = t->part; n > 0; part++) {
        size_t take = part->len;
        if (from >= take) {
            from -= take;
            continue;
        }
        take -= from;
        if (take > n) {
            take = n;
        }
        memcpy(to, part->data + from, take);
        to += take;
        from = 0;
        n -= take;
    }
}

/* Build the packet that is due; @return its length. */
static size_t build(struct cleat_optiga_transport *t) {
    struct cleat_buf room = cleat_optiga_link_room(&t->link);
    room.data[0] = ERROR;
    if (t->complaining) {
        return 1;
    }
    size_t left = (size_t)t->total - t->offset;
    size_t n = room.cap - 1;
    unsigned chain = t->offset == 0 ? FIRST : MIDDLE;
    if (left <= n) {
        n = left;
        chain = t->offset == 0 ? SINGLE : LAST;
    }
    t->fragment = (uint16_t)n;
    room.data[0] = (uint8_t)(chain | t->presence);
    if (t->sealing != NULL) {
        t->sealing->driver->seal(t->sealing, t, t->offset, room.data + 1, n);
    } else {
        cleat_optiga_transport_gather(t, t->offset, room.data + 1, n);
    }
    return n + 1;
}

/* Send the packet that is due; only the last one takes the chip time. */
static enum cleat_optiga_transport_event
send_packet(struct cleat_optiga_transport *t) {
    size_t len = build(t);
    bool last = t->offset + t->fragment == t->total;
    cleat_optiga_link_send(&t->link, len,
                           last && !t->complaining ? t->expect_us : 0);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

static enum cleat_optiga_transport_event
restart(struct cleat_optiga_transport *t) {
    t->len = t->raw ? HEADER_LEN : 0;
    t->want = (uint16_t)(HEADER_LEN + (t->raw ? t->sink_cap : 0));
    t->misfit = false;
    t->chained = false;
    if (t->sealing != NULL) {
        t->sealing->driver->reopen(t->sealing);
    }
    if (!t->complaining) {
        t->offset = 0;
    }
    return send_packet(t);
}

void cleat_optiga_transport_send(struct cleat_optiga_transport *t,
                                 const struct cleat_bytes *part, size_t count,
                                 struct cleat_buf sink, uint32_t expect_us) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += part[i].len;
    }
    if (t->sealing != NULL) {
        total += t->sealing->driver->overhead(t->sealing);
    }
    t->part = part;
    t->total = (uint16_t)total;
    t->sink = sink.data;
    t->sink_cap = (uint16_t)sink.cap;
    t->expect_us = expect_us;
    t->chain_again = false;
    t->complained = false;
    t->complaining = false;
    restart(t);
}

/* The response chain makes no sense: ask for it again, once. */
static enum cleat_optiga_transport_event
complain(struct cleat_optiga_transport *t) {
    if (t->complained) {
        return fail(t, CLEAT_OPTIGA_CHAIN_BROKEN);
    }
    t->complained = true;
    t->complaining = true;
    return restart(t);
}

/* The chip refused the command chain: send it again, once. */
static enum cleat_optiga_transport_event
repeat(struct cleat_optiga_transport *t) {
    if (t->chain_again) {
        return fail(t, CLEAT_OPTIGA_CHAIN_REFUSED);
    }
    t->chain_again = true;
    return restart(t);
}

/* Take payload: four bytes of header first, the rest into the sink. */
static bool take(struct cleat_optiga_transport *t, struct cleat_reader *r) {
    while (r->pos < r->len) {
        uint8_t byte = cleat_read_u8(r);
        if (t->len >= t->want) {
            return false;
        }
        if (t->len >= HEADER_LEN) {
            t->sink[t->len - HEADER_LEN] = byte;
        } else {
            t->header[t->len] = byte;
        }
        t->len++;
        if (t->len == HEADER_LEN) {
            size_t out_len = (size_t)t->header[2] << 8 | t->header[3];
            t->status = t->header[0]; /* UnDef behind it: anything. */
            t->want = (uint16_t)(HEADER_LEN + out_len);
            if (out_len > t->sink_cap) {
                t->want = HEADER_LEN;
                return false;
            }
        }
    }
    return true;
}

static enum cleat_optiga_transport_event
on_packet(struct cleat_optiga_transport *t) {
    struct cleat_buf packet = cleat_optiga_link_packet(&t->link);
    uint8_t pctr = packet.len == 0 ? ERROR : packet.data[0];
    uint8_t chain = pctr & (uint8_t)~t->presence;
    bool last = chain == SINGLE || chain == LAST;
    bool begins = chain == SINGLE || chain == FIRST;
    t->complaining = false;
    if (chain == ERROR && packet.len == 1 && !t->chained) {
        return repeat(t);
    }
    if (t->offset + t->fragment != t->total) {
        return fail(t, CLEAT_OPTIGA_EARLY);
    }
    if ((!last && !begins && chain != MIDDLE) || begins == t->chained ||
        packet.len <= 1 || (begins && pctr - chain != t->presence)) {
        return complain(t);
    }
    t->chained = true;
    size_t n = packet.len - 1;
    if (t->sealing != NULL) {
        n = t->sealing->driver->open(t->sealing, packet.data + 1, n);
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(packet.data + 1, n));
    t->misfit = t->misfit || !take(t, &r);
    if (t->misfit && t->sealing == NULL) {
        return fail(t, CLEAT_OPTIGA_TOO_LONG);
    }
    if (!last) {
        cleat_optiga_link_ack(&t->link, true);
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
    /* Of a sealed one this means nothing before it is known to be whole. */
    t->misfit = t->misfit || (t->len != t->want && !t->raw);
    if (t->misfit && t->sealing == NULL) {
        return fail(t, CLEAT_OPTIGA_LENGTH);
    }
    return CLEAT_OPTIGA_TRANSPORT_DONE;
}

static enum cleat_optiga_transport_event
on_acked(struct cleat_optiga_transport *t, uint32_t now_us) {
    if (!t->complaining && t->offset + t->fragment < t->total) {
        t->offset = (uint16_t)(t->offset + t->fragment);
        return send_packet(t);
    }
    t->complaining = false;
    cleat_optiga_link_listen(&t->link, now_us);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

enum cleat_optiga_transport_event
cleat_optiga_transport_step(struct cleat_optiga_transport *t, uint32_t now_us) {
    switch (cleat_optiga_link_step(&t->link, now_us)) {
    case CLEAT_OPTIGA_LINK_ACKED:
        return on_acked(t, now_us);
    case CLEAT_OPTIGA_LINK_AGAIN:
        cleat_optiga_link_resend(&t->link, build(t));
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    case CLEAT_OPTIGA_LINK_PACKET:
        return on_packet(t);
    case CLEAT_OPTIGA_LINK_FAILED:
        return CLEAT_OPTIGA_TRANSPORT_FAILED;
    default:
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
}
