/* SPDX-License-Identifier: MIT */
/* Chains of packets; see transport.h. */
#include "se/drivers/optiga/transport.h"

#include <string.h>

#include "se/drivers/optiga/shield.h"

/* PCTR: channel 0, presence of the presentation layer, chain in the low
 * bits. */
enum chain { SINGLE = 0, FIRST = 1, MIDDLE = 2, LAST = 4, ERROR = 7 };
#define HEADER_LEN 4u
/* The longest response in the shortest frames takes 160. */
#define PACKETS_MAX 200u

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
    for (const struct cleat_bytes *part = t->request.part; n > 0; part++) {
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
    uint8_t *packet = cleat_optiga_link_packet(&t->link);
    size_t left = (size_t)t->total - t->offset;
    size_t n = t->link.frame_len - CLEAT_OPTIGA_FRAME_EXTRA - 1u;
    unsigned chain = t->offset == 0 ? FIRST : MIDDLE;
    if (left <= n) {
        n = left;
        chain = t->offset == 0 ? SINGLE : LAST;
    }
    packet[0] = (uint8_t)(chain | t->presence);
    if (t->complaining) {
        packet[0] = ERROR;
        return 1;
    }
    t->fragment = (uint16_t)n;
    if (t->sealing != NULL) {
        t->sealing->driver->seal(t->sealing, t, t->offset, packet + 1, n);
    } else {
        cleat_optiga_transport_gather(t, t->offset, packet + 1, n);
    }
    return n + 1;
}

/* Is what was sent last the end of the command? */
static bool all_sent(const struct cleat_optiga_transport *t) {
    return t->offset + t->fragment == t->total;
}

/* Send the packet that is due; only the last one takes the chip time. */
static enum cleat_optiga_transport_event
send_packet(struct cleat_optiga_transport *t) {
    size_t len = build(t);
    cleat_optiga_link_send(&t->link, len,
                           all_sent(t) && !t->complaining ? t->request.expect_us
                                                          : 0);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

static enum cleat_optiga_transport_event
restart(struct cleat_optiga_transport *t) {
    t->len = t->raw ? HEADER_LEN : 0;
    t->want = (uint16_t)(HEADER_LEN + (t->raw ? t->request.cap : 0));
    t->packets = 0;
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
                                 const struct cleat_optiga_request *request) {
    size_t total = 0;
    for (size_t i = 0; i < request->count; i++) {
        total += request->part[i].len;
    }
    if (t->sealing != NULL) {
        total += t->sealing->driver->overhead(t->sealing);
    }
    t->request = *request;
    t->total = (uint16_t)total;
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
            t->request.sink[t->len - HEADER_LEN] = byte;
        } else {
            t->header[t->len] = byte;
        }
        t->len++;
        if (t->len == HEADER_LEN) {
            size_t out_len = (size_t)t->header[2] << 8 | t->header[3];
            t->status = t->header[0]; /* UnDef behind it: anything. */
            t->want = (uint16_t)(HEADER_LEN + out_len);
            if (out_len > t->request.cap) {
                t->want = HEADER_LEN;
                return false;
            }
        }
    }
    return true;
}

/* A packet with payload that fits what was before it. */
static enum cleat_optiga_transport_event
on_payload(struct cleat_optiga_transport *t, uint8_t *data, size_t n,
           bool last) {
    t->chained = true;
    t->packets++;
    if (t->packets > PACKETS_MAX) {
        return fail(t, CLEAT_OPTIGA_LENGTH);
    }
    if (t->sealing != NULL) {
        n = t->sealing->driver->open(t->sealing, data, n);
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, n));
    t->misfit = !take(t, &r) || t->misfit;
    if (!last) {
        cleat_optiga_link_ack(&t->link, true);
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
    /* Of a sealed one this means nothing before it is known to be whole. */
    t->misfit = t->misfit || (t->len != t->want && !t->raw);
    return t->misfit && t->sealing == NULL ? fail(t, CLEAT_OPTIGA_LENGTH)
                                           : CLEAT_OPTIGA_TRANSPORT_DONE;
}

static enum cleat_optiga_transport_event
on_packet(struct cleat_optiga_transport *t) {
    uint8_t *packet = cleat_optiga_link_packet(&t->link);
    size_t n = t->link.packet_len - 1u; /* A data frame is not empty. */
    uint8_t pctr = packet[0];
    uint8_t chain = pctr & (uint8_t)~t->presence;
    bool begins = chain <= FIRST;
    t->complaining = false;
    if (chain == ERROR && n == 0 && !t->chained) {
        return repeat(t);
    }
    if (!all_sent(t)) {
        return fail(t, CLEAT_OPTIGA_EARLY);
    }
    if (chain > LAST || chain == MIDDLE + 1 || begins == t->chained || n == 0 ||
        (begins && pctr - chain != t->presence)) {
        return complain(t);
    }
    return on_payload(t, packet + 1, n, chain == SINGLE || chain == LAST);
}

static enum cleat_optiga_transport_event
on_acked(struct cleat_optiga_transport *t, uint32_t now_us) {
    if (!t->complaining && !all_sent(t)) {
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
