/* SPDX-License-Identifier: MIT */
/* Chains of packets; see transport.h. */
#include "se/drivers/optiga/transport.h"

#include <string.h>

/* PCTR: channel 0, no presentation layer, chain in the low bits. */
enum chain { SINGLE = 0, FIRST = 1, MIDDLE = 2, LAST = 4, ERROR = 7 };
#define HEADER_LEN 4u

size_t cleat_optiga_transport_data(const struct cleat_optiga_transport *t) {
    return t->len - HEADER_LEN;
}

static enum cleat_optiga_transport_event fail(struct cleat_optiga_transport *t,
                                              const char *text) {
    t->link.err = CLEAT_ERR_PROTO;
    t->link.layer = CLEAT_LAYER_TRANSPORT;
    t->link.text = text;
    return CLEAT_OPTIGA_TRANSPORT_FAILED;
}

/* Copy n bytes of the command from its offset `from`. */
static void gather(const struct cleat_optiga_transport *t, size_t from,
                   struct cleat_writer *w, size_t n) {
    for (size_t i = 0; i < t->part_count && n > 0; i++) {
        struct cleat_bytes part = t->part[i];
        if (from >= part.len) {
            from -= part.len;
            continue;
        }
        size_t take = part.len - from < n ? part.len - from : n;
        cleat_write_bytes(w, cleat_bytes_of(part.data + from, take));
        from = 0;
        n -= take;
    }
}

static uint8_t chain_bits(const struct cleat_optiga_transport *t) {
    bool first = t->offset == 0;
    bool last = t->offset + t->fragment == t->total;
    if (first) {
        return last ? SINGLE : FIRST;
    }
    return last ? LAST : MIDDLE;
}

/* Build the fragment at t->offset; @return its packet length. */
static size_t build(struct cleat_optiga_transport *t) {
    struct cleat_buf room = cleat_optiga_link_room(&t->link);
    struct cleat_writer w = cleat_writer_of(room.data, room.cap);
    if (t->complaining) {
        cleat_write_u8(&w, ERROR);
        return w.len;
    }
    size_t left = (size_t)t->total - t->offset;
    size_t most = room.cap - 1;
    t->fragment = (uint16_t)(left < most ? left : most);
    cleat_write_u8(&w, chain_bits(t));
    gather(t, t->offset, &w, t->fragment);
    return w.len;
}

static void response_restart(struct cleat_optiga_transport *t) {
    t->len = 0;
    t->want = HEADER_LEN;
    t->chained = false;
    t->last = false;
    t->ended = false;
}

static void command_restart(struct cleat_optiga_transport *t) {
    t->offset = 0;
    t->complaining = false;
    response_restart(t);
    cleat_optiga_link_send(&t->link, build(t));
}

void cleat_optiga_transport_send(struct cleat_optiga_transport *t,
                                 const struct cleat_bytes *part, size_t count,
                                 struct cleat_buf sink) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += part[i].len;
    }
    t->part = part;
    t->part_count = (uint8_t)count;
    t->total = (uint16_t)total;
    t->sink = sink.data;
    t->sink_cap = (uint16_t)sink.cap;
    t->chain_again = false;
    t->complained = false;
    command_restart(t);
}

/* The response chain makes no sense: ask for it again, once. */
static enum cleat_optiga_transport_event
complain(struct cleat_optiga_transport *t) {
    if (t->complained) {
        return fail(t, "response chain is broken");
    }
    t->complained = true;
    t->complaining = true;
    response_restart(t);
    cleat_optiga_link_ack(&t->link, false);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

/* Take payload: four bytes of header first, the rest into the sink. */
static bool take(struct cleat_optiga_transport *t, struct cleat_bytes payload) {
    struct cleat_reader r = cleat_reader_of(payload);
    while (t->len < HEADER_LEN && cleat_reader_left(&r) > 0) {
        t->header[t->len] = cleat_read_u8(&r);
        t->len++;
        if (t->len == HEADER_LEN) {
            struct cleat_reader h =
                cleat_reader_of(cleat_bytes_of(t->header, HEADER_LEN));
            t->status = cleat_read_u8(&h);
            cleat_read_u8(&h); /* UnDef: anything. */
            uint32_t want = (uint32_t)HEADER_LEN + cleat_read_u16(&h);
            if (want > (uint32_t)HEADER_LEN + t->sink_cap) {
                return false;
            }
            t->want = (uint16_t)want;
        }
    }
    size_t n = cleat_reader_left(&r);
    if (n > (size_t)(t->want - (t->len < t->want ? t->len : t->want))) {
        return false;
    }
    if (n > 0) {
        struct cleat_bytes data = cleat_read_bytes(&r, n);
        memcpy(t->sink + (t->len - HEADER_LEN), data.data, data.len);
        t->len = (uint16_t)(t->len + n);
    }
    return true;
}

static enum cleat_optiga_transport_event
on_packet(struct cleat_optiga_transport *t) {
    struct cleat_reader r = cleat_reader_of(cleat_optiga_link_packet(&t->link));
    uint8_t chain = cleat_read_u8(&r);
    struct cleat_bytes payload = cleat_read_bytes(&r, cleat_reader_left(&r));
    if (chain == ERROR && payload.len == 0 && !t->chained) {
        if (t->chain_again) {
            return fail(t, "chip refuses the command chain");
        }
        t->chain_again = true;
        t->ended = false;
        t->last = false;
        cleat_optiga_link_ack(&t->link, false);
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
    if (t->offset + t->fragment != t->total) {
        return fail(t, "reply before the end of the command");
    }
    bool begins = chain == SINGLE || chain == FIRST;
    bool continues = chain == MIDDLE || chain == LAST;
    if ((!begins && !continues) || begins == t->chained || payload.len == 0) {
        return complain(t);
    }
    t->chained = true;
    t->last = chain == SINGLE || chain == LAST;
    if (!take(t, payload)) {
        return fail(t, "response is longer than it may be");
    }
    t->ended = t->last;
    if (t->last && (t->len < HEADER_LEN || t->len != t->want)) {
        return fail(t, "response length disagrees with its header");
    }
    cleat_optiga_link_ack(&t->link, !t->last);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

static enum cleat_optiga_transport_event
on_acked(struct cleat_optiga_transport *t) {
    if (!t->complaining && t->offset + t->fragment < t->total) {
        t->offset = (uint16_t)(t->offset + t->fragment);
        cleat_optiga_link_send(&t->link, build(t));
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
    t->complaining = false;
    cleat_optiga_link_listen(&t->link);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

/* Our acknowledgement is out and nothing more is due on this exchange. */
static enum cleat_optiga_transport_event
on_done(struct cleat_optiga_transport *t) {
    if (t->ended) {
        return CLEAT_OPTIGA_TRANSPORT_DONE;
    }
    if (t->complaining) {
        cleat_optiga_link_send(&t->link, build(t));
    } else {
        command_restart(t);
    }
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

enum cleat_optiga_transport_event
cleat_optiga_transport_step(struct cleat_optiga_transport *t, uint32_t now_us) {
    switch (cleat_optiga_link_step(&t->link, now_us)) {
    case CLEAT_OPTIGA_LINK_ACKED:
        return on_acked(t);
    case CLEAT_OPTIGA_LINK_AGAIN:
        cleat_optiga_link_resend(&t->link, build(t));
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    case CLEAT_OPTIGA_LINK_PACKET:
        t->complaining = false;
        return on_packet(t);
    case CLEAT_OPTIGA_LINK_DONE:
        return on_done(t);
    case CLEAT_OPTIGA_LINK_FAILED:
        /* The whole response is here: only our last ACK was lost. */
        return t->ended ? CLEAT_OPTIGA_TRANSPORT_DONE
                        : CLEAT_OPTIGA_TRANSPORT_FAILED;
    default:
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
}
