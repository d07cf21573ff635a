/* SPDX-License-Identifier: MIT */
/* Handshake, records and alerts; see shield.h. */
#include "se/drivers/optiga/shield.h"

#include <string.h>

/* SCTR */
#define HELLO 0x00u
#define FINISHED 0x08u
#define RECORD 0x20u
#define ALERT_FATAL 0x40u
#define ALERT_INTEGRITY 0x44u
#define SAVE 0x60u
#define SAVED 0x64u
#define RESTORE 0x68u
#define RESTORED 0x6Cu

#define PVER 0x01u
#define RND_LEN 32u
#define FINISHED_LEN 36u /* RND and a sequence number. */
#define HEAD_LEN 5u      /* SCTR and the sequence number. */
#define TAG_LEN 8u
#define WINDOW 3u
#define REKEY_AT 0xFFFFFFF0u

/* In the key block: two keys, then two nonce prefixes. */
#define KEY_LEN 16u
#define PREFIX_AT 32u
#define PREFIX_LEN 4u
enum side { HOST, CHIP };

/* First bytes of CCM blocks for a nonce of 8 and a tag of 8. */
#define CCM_FIRST 0x5Eu
#define CCM_COUNTER 0x06u

static enum cleat_optiga_transport_event fail(struct cleat_optiga_transport *t,
                                              enum cleat_optiga_cause cause) {
    t->link.phy.cause = (uint8_t)cause;
    return CLEAT_OPTIGA_TRANSPORT_FAILED;
}

static void put_u32(uint8_t *at, uint32_t v) {
    at[0] = (uint8_t)(v >> 24);
    at[1] = (uint8_t)(v >> 16);
    at[2] = (uint8_t)(v >> 8);
    at[3] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

/* CCM, a byte at a time, so that a record needs no buffer of its length and a
 * packet can be built again from any offset. */

static void aes(struct cleat_se_shield *s, enum side side, uint8_t block[16]) {
    const uint8_t *key = s->keys + (side == HOST ? 0 : KEY_LEN);
    if (s->crypto->aes128(key, block, block) != 0) {
        s->broken = true;
    }
}

/* One of the two sorts of blocks that begin with the nonce. */
static void nonce_block(struct cleat_se_shield *s, enum side side,
                        uint8_t first, uint32_t seq, size_t tail,
                        uint8_t block[16]) {
    memset(block, 0, 16);
    block[0] = first;
    memcpy(block + 1, s->keys + PREFIX_AT + (side == HOST ? 0 : PREFIX_LEN),
           PREFIX_LEN);
    put_u32(block + 5, seq);
    block[14] = (uint8_t)(tail >> 8);
    block[15] = (uint8_t)tail;
    aes(s, side, block);
}

static void mac_begin(struct cleat_se_shield *s, enum side side, uint32_t seq,
                      size_t len) {
    uint8_t aad[10] = {0, 8, s->sctr, 0, 0, 0, 0, PVER};
    put_u32(aad + 3, seq);
    aad[8] = (uint8_t)(len >> 8);
    aad[9] = (uint8_t)len;
    nonce_block(s, side, CCM_FIRST, seq, len, s->mac);
    for (size_t i = 0; i < sizeof aad; i++) {
        s->mac[i] ^= aad[i];
    }
    aes(s, side, s->mac);
}

static void mac_byte(struct cleat_se_shield *s, enum side side, size_t pos,
                     size_t len, uint8_t byte) {
    s->mac[pos & 15] ^= byte;
    if ((pos & 15) == 15 || pos + 1 == len) {
        aes(s, side, s->mac);
    }
}

static void mac_end(struct cleat_se_shield *s, enum side side, uint32_t seq) {
    nonce_block(s, side, CCM_COUNTER, seq, 0, s->stream);
    for (size_t i = 0; i < TAG_LEN; i++) {
        s->mac[i] ^= s->stream[i];
    }
}

/* @return the byte en- or decrypted; `first`: the stream is not there yet. */
static uint8_t crypt(struct cleat_se_shield *s, enum side side, uint32_t seq,
                     size_t pos, bool first, uint8_t byte) {
    if (first || (pos & 15) == 0) {
        nonce_block(s, side, CCM_COUNTER, seq, (pos >> 4) + 1, s->stream);
    }
    /* Without a key stream nothing leaves. */
    return s->broken ? 0 : (uint8_t)(byte ^ s->stream[pos & 15]);
}

static void seal(struct cleat_se_shield *s,
                 const struct cleat_optiga_transport *t, size_t from,
                 uint8_t *to, size_t n) {
    uint8_t head[HEAD_LEN] = {s->sctr};
    size_t skip = from < s->head_len ? s->head_len - from : 0;
    put_u32(head + 1, s->out_seq);
    if (skip < n) { /* What is behind the command is not written. */
        cleat_optiga_transport_gather(t, from + skip - s->head_len, to + skip,
                                      n - skip);
    }
    for (size_t i = 0; i < n; i++) {
        size_t pos = from + i - s->head_len;
        if (i < skip) {
            to[i] = head[from + i];
        } else if (pos >= s->out_plain) {
            to[i] = s->tag_out[(pos - s->out_plain) % TAG_LEN];
        } else if (s->seals) {
            to[i] = crypt(s, HOST, s->out_seq, pos, i == 0 || pos == 0, to[i]);
        }
    }
}

/* The tag of the command that is about to be sent. */
static void make_tag(struct cleat_se_shield *s,
                     const struct cleat_optiga_transport *t) {
    uint8_t block[16];
    mac_begin(s, HOST, s->out_seq, s->out_plain);
    for (size_t i = 0; i < s->out_plain; i++) {
        if ((i & 15) == 0) {
            cleat_optiga_transport_gather(t, i, block, sizeof block);
        }
        mac_byte(s, HOST, i, s->out_plain, block[i & 15]);
    }
    cleat_wipe(block, sizeof block);
    mac_end(s, HOST, s->out_seq);
    memcpy(s->tag_out, s->mac, TAG_LEN);
}

static void reopen(struct cleat_se_shield *s) {
    s->in_pos = 0;
    s->in_seq = 0;
    s->alert = 0;
    /* The length of a response stands in its first four bytes. */
    s->in_plain = s->fixed ? FINISHED_LEN : 4;
}

/* Plain byte number pos of the response. */
static void absorb(struct cleat_se_shield *s, size_t pos, uint8_t byte) {
    if (pos < 4) {
        s->tag_in[pos] = byte; /* Not needed for the tag before the end. */
        if (pos == 3) {
            if (!s->fixed) {
                s->in_plain = 4u + ((uint32_t)s->tag_in[2] << 8 | byte);
            }
            mac_begin(s, CHIP, s->in_seq, s->in_plain);
            for (size_t i = 0; i < 4; i++) {
                mac_byte(s, CHIP, i, s->in_plain, s->tag_in[i]);
            }
        }
        return;
    }
    mac_byte(s, CHIP, pos, s->in_plain, byte);
}

/* One received byte; @return true if *byte now is one of the response. */
static bool open_byte(struct cleat_se_shield *s, size_t pos, bool first,
                      uint8_t *byte) {
    if (pos == 0) {
        s->alert = *byte == s->sctr ? 0 : *byte | 0x01u;
        return false;
    }
    if (s->alert != 0) {
        return false;
    }
    if (!s->opens) {
        return true;
    }
    if (pos < HEAD_LEN) {
        s->in_seq = s->in_seq << 8 | *byte;
        return false;
    }
    pos -= HEAD_LEN;
    if (pos < s->in_plain) {
        *byte = crypt(s, CHIP, s->in_seq, pos, first, *byte);
        absorb(s, pos, *byte);
        return true;
    }
    s->tag_in[(pos - s->in_plain) % TAG_LEN] = *byte;
    return false;
}

static size_t open(struct cleat_se_shield *s, uint8_t *data, size_t n,
                   bool first) {
    size_t plain = 0;
    if (first) {
        reopen(s);
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = data[i];
        bool is_plain = open_byte(s, s->in_pos, i == 0, &byte);
        s->in_pos++; /* The transport's packets are too few to wrap it. */
        if (is_plain) {
            data[plain] = byte;
            plain++;
        }
    }
    return plain;
}

/* @return true if the response is whole and authentic. */
static bool authentic(struct cleat_se_shield *s) {
    if (!s->opens) {
        return s->in_pos > 0;
    }
    if (s->in_pos != HEAD_LEN + s->in_plain + TAG_LEN) {
        return false;
    }
    mac_end(s, CHIP, s->in_seq);
    return !s->broken && cleat_equal_ct(s->mac, s->tag_in, TAG_LEN);
}

/* Sending. */

static void drop(struct cleat_se_shield *s) {
    s->session = CLEAT_OPTIGA_SESSION_NONE;
    cleat_wipe(s->keys, sizeof s->keys);
    cleat_wipe(s->rnd, sizeof s->rnd);
    cleat_wipe(s->stream, sizeof s->stream);
    cleat_wipe(s->mac, sizeof s->mac);
}

/* The command is a struct cleat_bytes. */
static size_t write_own(const void *command, size_t from, uint8_t *to,
                        size_t n) {
    const struct cleat_bytes *own = command;
    for (size_t i = 0; i < n && from + i < own->len; i++) {
        to[i] = own->data[from + i];
    }
    return own->len;
}

/* A message of the layer itself; its answer goes to reply. */
static struct cleat_optiga_request own(struct cleat_se_shield *s,
                                       const uint8_t *bytes, size_t n) {
    struct cleat_optiga_request request = {
        write_own, &s->own, s->reply, 0, (uint16_t)n, sizeof s->reply};
    s->own = cleat_bytes_of(bytes, n);
    return request;
}

/* One as it is. */
static void send_raw(struct cleat_se_shield *s,
                     struct cleat_optiga_transport *t, uint8_t stage,
                     const uint8_t *bytes, size_t n) {
    struct cleat_optiga_request request = own(s, bytes, n);
    s->stage = stage;
    t->sealing = NULL;
    t->raw = true;
    cleat_optiga_transport_send(t, &request, 0);
}

static void send_hello(struct cleat_se_shield *s,
                       struct cleat_optiga_transport *t) {
    static const uint8_t hello[] = {HELLO, PVER};
    drop(s);
    send_raw(s, t, HELLO, hello, sizeof hello);
}

/* A protected, or marked, message: protection as the low bits of sctr. */
static void send_sealed(struct cleat_se_shield *s,
                        struct cleat_optiga_transport *t,
                        const struct cleat_optiga_request *request) {
    s->out_plain = request->total;
    s->broken = false;
    s->head_len = s->seals ? HEAD_LEN : 1;
    t->sealing = s;
    t->request = *request;
    if (s->seals) {
        make_tag(s, t);
    }
    cleat_optiga_transport_send(t, request,
                                s->head_len + (s->seals ? TAG_LEN : 0u));
}

static void send_record(struct cleat_se_shield *s,
                        struct cleat_optiga_transport *t, unsigned level) {
    s->stage = RECORD;
    s->sctr = (uint8_t)(RECORD | level);
    s->seals = (level & 1u) != 0;
    s->opens = (level & 2u) != 0;
    s->fixed = false;
    if (s->seals) {
        s->tx_seq++;
        s->out_seq = s->tx_seq;
    }
    t->raw = false;
    send_sealed(s, t, s->request);
}

static void shield_send(struct cleat_se_shield *s,
                        struct cleat_optiga_transport *t,
                        const struct cleat_optiga_request *request,
                        bool in_clear) {
    bool ready = s->session == CLEAT_OPTIGA_SESSION_READY;
    s->request = request;
    s->tries = 0;
    if (ready && s->tx_seq < REKEY_AT && s->rx_seq < REKEY_AT) {
        send_record(s, t, s->level);
    } else if (s->level == CLEAT_SE_PROTECT_NOTHING || (in_clear && !ready)) {
        send_record(s, t, CLEAT_SE_PROTECT_NOTHING);
    } else {
        send_hello(s, t);
    }
}

/* Receiving. */

/* The key block, TLS 1.2 PRF with SHA-256. */
static int derive(struct cleat_se_shield *s) {
    static const uint8_t label[16] = {'P', 'l', 'a', 't', 'f', 'o', 'r', 'm',
                                      ' ', 'B', 'i', 'n', 'd', 'i', 'n', 'g'};
    uint8_t secret[CLEAT_SE_SECRET_MAX];
    uint8_t a[32] = {0};
    uint8_t block[32];
    struct cleat_bytes seed[3] = {cleat_bytes_of(a, sizeof a),
                                  cleat_bytes_of(label, sizeof label),
                                  cleat_bytes_of(s->rnd, RND_LEN)};
    int err = s->secret(s->secret_arg, secret, sizeof secret);
    if (err > 0 && (size_t)err <= sizeof secret) {
        struct cleat_bytes key = cleat_bytes_of(secret, (size_t)err);
        err = s->crypto->hmac_sha256(key, seed + 1, 2, a);
        err |= s->crypto->hmac_sha256(key, seed, 3, block);
        memcpy(s->keys, block, sizeof block);
        err |= s->crypto->hmac_sha256(key, seed, 1, a);
        err |= s->crypto->hmac_sha256(key, seed, 3, block);
        memcpy(s->keys + sizeof block, block, sizeof s->keys - sizeof block);
    } else {
        err = CLEAT_ERR_ARG;
    }
    cleat_wipe(secret, sizeof secret);
    cleat_wipe(a, sizeof a);
    cleat_wipe(block, sizeof block);
    return err;
}

static enum cleat_optiga_transport_event lost(struct cleat_se_shield *s,
                                              struct cleat_optiga_transport *t,
                                              enum cleat_optiga_cause cause) {
    drop(s);
    return fail(t, cause);
}

static enum cleat_optiga_transport_event
on_hello(struct cleat_se_shield *s, struct cleat_optiga_transport *t) {
    if (t->len != 2 + FINISHED_LEN || s->reply[0] != HELLO ||
        s->reply[1] != PVER) {
        return lost(s, t,
                    (s->reply[0] & ALERT_FATAL) != 0
                        ? CLEAT_OPTIGA_SHIELD_REFUSED
                        : CLEAT_OPTIGA_SHIELD_HANDSHAKE);
    }
    memcpy(s->rnd, s->reply + 2, FINISHED_LEN);
    s->rx_seq = get_u32(s->rnd + RND_LEN);
    if (derive(s) != 0) {
        return lost(s, t, CLEAT_OPTIGA_SHIELD_SECRET);
    }
    s->stage = FINISHED;
    s->sctr = FINISHED;
    s->seals = true;
    s->opens = true;
    s->fixed = true;
    s->out_seq = s->rx_seq;
    struct cleat_optiga_request request = own(s, s->rnd, FINISHED_LEN);
    send_sealed(s, t, &request);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

static enum cleat_optiga_transport_event
on_finished(struct cleat_se_shield *s, struct cleat_optiga_transport *t) {
    if (s->alert != 0 || !authentic(s) ||
        !cleat_equal_ct(s->reply, s->rnd, RND_LEN) ||
        get_u32(s->reply + RND_LEN) != s->in_seq) {
        return lost(s, t, CLEAT_OPTIGA_NOT_PAIRED);
    }
    /* Each side goes on from the number the other one chose. */
    s->tx_seq = s->in_seq;
    s->session = CLEAT_OPTIGA_SESSION_READY;
    cleat_wipe(s->rnd, sizeof s->rnd);
    cleat_wipe(s->reply, sizeof s->reply);
    if (s->request == NULL) { /* That was all. */
        return CLEAT_OPTIGA_TRANSPORT_DONE;
    }
    send_record(s, t, s->level);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

/* The response was damaged on its way: have it sent again, once. */
static enum cleat_optiga_transport_event
ask_again(struct cleat_se_shield *s, struct cleat_optiga_transport *t) {
    static const uint8_t alert[] = {ALERT_INTEGRITY};
    struct cleat_optiga_request request = own(s, alert, sizeof alert);
    request.sink = s->request->sink;
    request.cap = s->request->cap;
    s->tries++;
    t->sealing = s; /* The answer is a record; the alert is none. */
    s->head_len = 0;
    s->seals = false;
    s->out_plain = 1;
    cleat_optiga_transport_send(t, &request, 0);
    return CLEAT_OPTIGA_TRANSPORT_NONE;
}

static enum cleat_optiga_transport_event
on_record(struct cleat_se_shield *s, struct cleat_optiga_transport *t) {
    if (s->alert == (ALERT_INTEGRITY | 1u) && s->in_pos == 1 && s->tries == 0) {
        /* The chip did not take the command: again, under a new number. */
        s->tries++;
        send_record(s, t, s->sctr & 3u);
        return CLEAT_OPTIGA_TRANSPORT_NONE;
    }
    if (s->alert != 0) {
        return lost(s, t, CLEAT_OPTIGA_SHIELD_LOST);
    }
    if (!authentic(s)) {
        return s->tries == 0 && s->opens
                   ? ask_again(s, t)
                   : lost(s, t, CLEAT_OPTIGA_SHIELD_DAMAGED);
    }
    if (s->opens) {
        if (s->in_seq - s->rx_seq - 1 >= WINDOW) {
            return lost(s, t, CLEAT_OPTIGA_SHIELD_DAMAGED);
        }
        s->rx_seq = s->in_seq;
    }
    return t->misfit ? fail(t, CLEAT_OPTIGA_LENGTH)
                     : CLEAT_OPTIGA_TRANSPORT_DONE;
}

static void save(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
                 uint8_t what, size_t n) {
    s->rnd[0] = what;
    put_u32(s->rnd + 1, s->rx_seq);
    send_raw(s, t, what, s->rnd, n);
}

static bool manage(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
                   enum cleat_optiga_moment moment) {
    bool ready = s->session == CLEAT_OPTIGA_SESSION_READY;
    bool saved = s->session == CLEAT_OPTIGA_SESSION_SAVED;
    if (moment == CLEAT_OPTIGA_ASLEEP && ready) {
        save(s, t, SAVE, 1);
        return true;
    }
    if (moment == CLEAT_OPTIGA_AWAKE && saved) {
        save(s, t, RESTORE, HEAD_LEN);
        return true;
    }
    if (moment == CLEAT_OPTIGA_OPENED && !ready &&
        s->level != CLEAT_SE_PROTECT_NOTHING) {
        /* Now, as whoever opens it wants to know that they are not paired. */
        s->request = NULL;
        send_hello(s, t);
        return true;
    }
    if (moment == CLEAT_OPTIGA_GONE ||
        (moment == CLEAT_OPTIGA_FORGOTTEN && !saved)) {
        drop(s);
    }
    return false;
}

static enum cleat_optiga_transport_event
on_managed(struct cleat_se_shield *s, struct cleat_optiga_transport *t) {
    size_t n = t->len;
    if (s->stage == SAVE && n == 1 && s->reply[0] == SAVED) {
        s->session = CLEAT_OPTIGA_SESSION_SAVED;
        return CLEAT_OPTIGA_TRANSPORT_DONE;
    }
    /* The vendor's library ignores the number that the chip returns. */
    if (s->stage == RESTORE && n == HEAD_LEN && s->reply[0] == RESTORED &&
        get_u32(s->reply + 1) == s->tx_seq) {
        s->session = CLEAT_OPTIGA_SESSION_READY;
        return CLEAT_OPTIGA_TRANSPORT_DONE;
    }
    return lost(s, t, CLEAT_OPTIGA_SHIELD_LOST);
}

static enum cleat_optiga_transport_event
shield_step(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
            uint32_t now_us) {
    enum cleat_optiga_transport_event event =
        cleat_optiga_transport_step(t, now_us);
    if (event == CLEAT_OPTIGA_TRANSPORT_FAILED && s->stage != RECORD) {
        drop(s);
    }
    if (event != CLEAT_OPTIGA_TRANSPORT_DONE) {
        return event;
    }
    switch (s->stage) {
    case HELLO:
        return on_hello(s, t);
    case FINISHED:
        return on_finished(s, t);
    case RECORD:
        return on_record(s, t);
    default:
        return on_managed(s, t);
    }
}

const struct cleat_se_shield_driver cleat_se_shield_optiga = {
    .send = shield_send,
    .manage = manage,
    .step = shield_step,
    .seal = seal,
    .open = open,
};
