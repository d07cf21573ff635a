/* SPDX-License-Identifier: MIT */
/* Chains of packets; see transport.h. */
#include "se/drivers/optiga/transport.h"

#include "se/drivers/optiga/shield.h"

/* PCTR: channel 0, presence of the presentation layer, chain in the low
 * bits. */
enum chain { SINGLE = 0, FIRST = 1, MIDDLE = 2, LAST = 4, ERROR = 7 };
#define HEADER_LEN 4u
/* The longest response in the shortest frames takes 160. */
#define PACKETS_MAX 200u

/* @return the shielded connection that its bytes pass, or NULL. */
static struct cleat_se_shield *sealing(const struct cleat_optiga_transport *t) {
    return CLEAT_SE_EXTRAS ? t->sealing : NULL;
}

static uint8_t presence(const struct cleat_optiga_transport *t) {
    return CLEAT_SE_EXTRAS ? t->presence : 0;
}

static bool raw(const struct cleat_optiga_transport *t) {
    return CLEAT_SE_EXTRAS && t->raw;
}

static enum cleat_optiga_transport_event fail(struct cleat_optiga_transport *t,
                                              enum cleat_optiga_cause cause) {
    t->link.phy.cause = (uint8_t)cause;
    return CLEAT_OPTIGA_TRANSPORT_FAILED;
}

/* Build the packet that is due; @return its length. */
static size_t build(struct cleat_optiga_transport *t) {
    uint8_t *packet = cleat_optiga_link_packet(&t->link);
    size_t left = (size_t)t->total - t->offset;
    size_t n = t->link.frame_len - CLEAT_OPTIGA_FRAME_EXTRA - 1u;
    unsigned chain = t->offset == 0 ? FIRST : MIDDLE;
    if (t->complaining) {
        packet[0] = ERROR;
        return 1;
    }
    t->all_sent = left <= n;
    if (t->all_sent) {
        n = left;
        chain = t->offset == 0 ? SINGLE : LAST;
    }
    packet[0] = (uint8_t)(chain | presence(t));
    t->fragment = (uint16_t)n;
    if (sealing(t) != NULL) {
        t->sealing->driver->seal(t->sealing, t, t->offset, packet + 1, n);
    } else {
        cleat_optiga_transport_gather(t, t->offset, packet + 1, n);
    }
    return n + 1;
}

/* Send the packet that is due; only the last one takes the chip time. */
static enum cleat_optiga_transport_event
send_packet(struct cleat_optiga_transport *t) {
    size_t len = build(t);
    cleat_optiga_link_send(&t->link, len,
                           t->all_sent && !t->complaining ? t->request.expect_us
                                                          : 0);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

static enum cleat_optiga_transport_event
restart(struct cleat_optiga_transport *t) {
    t->len = raw(t) ? HEADER_LEN : 0;
    t->want = (uint16_t)(HEADER_LEN + (raw(t) ? t->request.cap : 0));
    t->packets = 0;
    t->misfit = false;
    t->chained = false;
    if (!t->complaining) {
        t->offset = 0;
    }
    return send_packet(t);
}

void cleat_optiga_transport_send(struct cleat_optiga_transport *t,
                                 const struct cleat_optiga_request *request,
                                 size_t extra) {
    t->request = *request;
    t->total = (uint16_t)(request->total + extra);
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

/* The header is there: what it announces. */
static bool take_header(struct cleat_optiga_transport *t) {
    size_t out_len = (size_t)t->header[2] << 8 | t->header[3];
    t->status = t->header[0]; /* UnDef behind it: anything. */
    if (out_len > t->request.cap) {
        return false;
    }
    t->want = (uint16_t)(HEADER_LEN + out_len);
    return true;
}

/* Take a byte of payload: four of header first, the rest into the sink. */
static bool take(struct cleat_optiga_transport *t, uint8_t byte) {
    unsigned at = t->len;
    if (at >= t->want) {
        return false;
    }
    t->len++;
    if (at >= HEADER_LEN) {
        t->request.sink[at - HEADER_LEN] = byte;
        return true;
    }
    t->header[at] = byte;
    return at < HEADER_LEN - 1 || take_header(t);
}

/* A packet with payload that fits what was before it. */
static enum cleat_optiga_transport_event
on_payload(struct cleat_optiga_transport *t, uint8_t *data, size_t n,
           bool last) {
    bool first = !t->chained;
    t->chained = true;
    t->packets++;
    if (t->packets > PACKETS_MAX) {
        return fail(t, CLEAT_OPTIGA_LENGTH);
    }
    if (sealing(t) != NULL) {
        n = t->sealing->driver->open(t->sealing, data, n, first);
    }
    for (; n > 0 && !t->misfit; n--) {
        t->misfit = !take(t, *data++);
    }
    if (!last) {
        cleat_optiga_link_ack(&t->link, true);
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
    t->misfit = t->misfit || (t->len != t->want && !raw(t));
    t->len = (uint16_t)(t->len - HEADER_LEN);
    /* Of a sealed one this means nothing before it is known to be whole. */
    return t->misfit && sealing(t) == NULL ? fail(t, CLEAT_OPTIGA_LENGTH)
                                           : CLEAT_OPTIGA_TRANSPORT_DONE;
}

static enum cleat_optiga_transport_event
on_packet(struct cleat_optiga_transport *t) {
    uint8_t *packet = cleat_optiga_link_packet(&t->link);
    size_t n = t->link.packet_len - 1u; /* A data frame is not empty. */
    uint8_t pctr = packet[0];
    uint8_t chain = pctr & (uint8_t)~presence(t);
    bool begins = chain <= FIRST;
    t->complaining = false;
    if (chain == ERROR && n == 0 && !t->chained) {
        return repeat(t);
    }
    if (!t->all_sent) {
        return fail(t, CLEAT_OPTIGA_EARLY);
    }
    if (chain > LAST || chain == MIDDLE + 1 || begins == t->chained || n == 0 ||
        (begins && pctr - chain != presence(t))) {
        return complain(t);
    }
    return on_payload(t, packet + 1, n, chain == SINGLE || chain == LAST);
}

static enum cleat_optiga_transport_event
on_acked(struct cleat_optiga_transport *t, uint32_t now_us) {
    if (!t->complaining && !t->all_sent) {
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
