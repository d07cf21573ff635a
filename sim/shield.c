/* SPDX-License-Identifier: MIT */
/*
 * The presentation layer (shielded connection, reference 4): handshake,
 * protected records, alerts, and the context kept over hibernation. Sits
 * between transport.c and command.c once the host has shown PRESENCE.
 */
#include <string.h>

#include "chip.h"

/* SCTR: protocol, message, protection. */
enum {
    HELLO = 0x00,
    FINISHED = 0x08,
    RECORD = 0x20,
    ALERT_FATAL = 0x40,
    ALERT_INTEGRITY = 0x44,
    SAVE = 0x60,
    SAVED = 0x64,
    RESTORE = 0x68,
    RESTORED = 0x6C
};

#define CMD_PROTECTED 0x01
#define RSP_PROTECTED 0x02
#define VERSION 0x01 /* of the protocol; a bit field in Hello */
#define REPEATS 3    /* resends, and width of the window */
#define SEQ_FIRST_MAX 0xFFFFu
#define OID_BINDING 0xE140
#define TYPE_BINDING 0x22
#define PROOF_LEN (SIM_RND_LEN + 4) /* plaintext of Finished */

/* Parts of the key block. */
#define HOST_KEY 0
#define CHIP_KEY 16
#define HOST_PREFIX 32
#define CHIP_PREFIX 36

static const char label[] = "Platform Binding";

/* What it costs to protect or check one message (the published times of
 * shielded commands are about 5 ms longer), and a handshake; the latter is
 * ours. */
#define SEAL_US 2500
#define HELLO_US 50000

static size_t put_sctr(uint8_t *out, uint8_t sctr) {
    out[0] = sctr;
    return 1;
}

static void forget(struct cleat_sim *s) {
    bool mandatory = s->shield.mandatory;
    cleat_wipe(&s->shield, sizeof s->shield);
    s->shield.mandatory = mandatory;
}

static size_t fatal(struct cleat_sim *s, uint8_t *out) {
    forget(s);
    return put_sctr(out, ALERT_FATAL);
}

size_t cleat_sim_shield_refuse(struct cleat_sim *s, uint8_t *out) {
    return fatal(s, out);
}

bool cleat_sim_shield_covers(const struct cleat_sim *s, bool command) {
    const struct cleat_sim_shield *h = &s->shield;
    return !h->mandatory || (command ? h->cmd_protected : h->rsp_protected);
}

/* --- sealing -------------------------------------------------------------- */

/* Nonce and associated data of one message. */
struct envelope {
    uint8_t nonce[8];
    uint8_t aad[8];
    struct cleat_sim_ccm ccm;
};

static void address(struct envelope *e, const struct cleat_sim_channel *c,
                    bool from_host, uint8_t sctr, uint32_t seq, size_t len) {
    struct cleat_writer n = cleat_writer_of(e->nonce, sizeof e->nonce);
    struct cleat_writer a = cleat_writer_of(e->aad, sizeof e->aad);
    cleat_write_bytes(
        &n,
        cleat_bytes_of(c->keys + (from_host ? HOST_PREFIX : CHIP_PREFIX), 4));
    cleat_write_u32(&n, seq);
    cleat_write_u8(&a, sctr);
    cleat_write_u32(&a, seq);
    cleat_write_u8(&a, VERSION);
    cleat_write_u16(&a, (uint16_t)len);
    e->ccm.key = c->keys + (from_host ? HOST_KEY : CHIP_KEY);
    e->ccm.nonce = cleat_bytes_of(e->nonce, sizeof e->nonce);
    e->ccm.aad = cleat_bytes_of(e->aad, sizeof e->aad);
}

/* SCTR, number, text and tag. @return length, 0 on failure. */
static size_t seal(struct cleat_sim *s, uint8_t sctr, uint32_t seq,
                   struct cleat_bytes plain, uint8_t *out) {
    struct envelope e;
    struct cleat_writer w = cleat_writer_of(out, SIM_MESSAGE_MAX);
    address(&e, &s->shield.channel, false, sctr, seq, plain.len);
    cleat_write_u8(&w, sctr);
    cleat_write_u32(&w, seq);
    if (cleat_sim_crypto_seal(&e.ccm, plain, out + w.len) != 0) {
        return 0;
    }
    return plain.len + SIM_SEAL_OVER;
}

/* @return length of the plaintext, 0 if the tag is wrong. */
static size_t unseal(struct cleat_sim *s, uint8_t sctr, uint32_t seq,
                     struct cleat_bytes sealed, uint8_t *out) {
    struct envelope e;
    if (sealed.len <= 8 || sealed.len > SIM_APDU_MAX + 8) {
        return 0;
    }
    size_t len = sealed.len - 8;
    address(&e, &s->shield.channel, true, sctr, seq, len);
    return cleat_sim_crypto_unseal(&e.ccm, sealed, out) == 0 ? len : 0;
}

/* --- handshake ------------------------------------------------------------ */

/* The binding secret, if there is one and it may be used. */
static bool binding(struct cleat_sim *s, struct cleat_bytes *secret) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, OID_BINDING);
    if (o == NULL || o->used == 0 ||
        cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != TYPE_BINDING ||
        cleat_sim_access_check(s, o, SIM_T_EXECUTE) != SIM_OK) {
        return false;
    }
    *secret = cleat_bytes_of(o->data, o->used);
    return true;
}

static bool derive(struct cleat_sim *s, struct cleat_bytes secret) {
    uint8_t seed[sizeof label - 1 + SIM_RND_LEN];
    struct cleat_writer w = cleat_writer_of(seed, sizeof seed);
    cleat_write_bytes(&w, cleat_bytes_str(label));
    cleat_write_bytes(&w, cleat_bytes_of(s->shield.rnd, SIM_RND_LEN));
    return cleat_sim_crypto_prf(secret, cleat_bytes_of(seed, w.len),
                                s->shield.channel.keys, SIM_KEY_BLOCK) == 0;
}

/* A first sequence number, small as the protocol wants it. */
static bool draw_seq(struct cleat_sim *s, uint32_t *seq) {
    uint8_t raw[4];
    if (cleat_sim_chip_random(s, raw, sizeof raw) != 0) {
        return false;
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(raw, sizeof raw));
    *seq = cleat_read_u32(&r) & SEQ_FIRST_MAX;
    return true;
}

static size_t hello(struct cleat_sim *s, struct cleat_reader in, uint8_t *out) {
    struct cleat_sim_shield *h = &s->shield;
    struct cleat_bytes secret;
    uint8_t versions = cleat_read_u8(&in);
    forget(s);
    if (s->saved.channel_set) { /* single use, and this was it */
        cleat_wipe(&s->saved.channel, sizeof s->saved.channel);
        s->saved.channel_set = false;
        s->dirty = true;
    }
    if (in.failed || cleat_reader_left(&in) != 0 || (versions & VERSION) == 0 ||
        !binding(s, &secret)) {
        return fatal(s, out);
    }
    cleat_sim_chip_event(s); /* the secret is a persistent one */
    cleat_sim_chip_cost(s, HELLO_US);
    if (cleat_sim_chip_random(s, h->rnd, sizeof h->rnd) != 0 ||
        !draw_seq(s, &h->channel.chip_seq) || !derive(s, secret)) {
        return fatal(s, out);
    }
    struct cleat_writer w = cleat_writer_of(out, SIM_MESSAGE_MAX);
    cleat_write_u8(&w, HELLO);
    cleat_write_u8(&w, VERSION);
    cleat_write_bytes(&w, cleat_bytes_of(h->rnd, sizeof h->rnd));
    cleat_write_u32(&w, h->channel.chip_seq);
    h->state = SIM_SHIELD_HELLO;
    return w.len;
}

/* RND and the number that stands in front of it. */
static void proof(const struct cleat_sim *s, uint32_t seq, uint8_t *out) {
    struct cleat_writer w = cleat_writer_of(out, PROOF_LEN);
    cleat_write_bytes(&w, cleat_bytes_of(s->shield.rnd, SIM_RND_LEN));
    cleat_write_u32(&w, seq);
}

/* A host with another secret: one alert, then nothing until reset, as it is
 * reported of the real part. */
static size_t stranger(struct cleat_sim *s, uint8_t *out) {
    size_t n = fatal(s, out);
    cleat_sim_chip_event(s);
    s->shield.state = SIM_SHIELD_SILENT;
    return n;
}

static size_t finished(struct cleat_sim *s, struct cleat_reader in,
                       uint8_t *out) {
    struct cleat_sim_shield *h = &s->shield;
    uint8_t want[PROOF_LEN];
    uint8_t got[PROOF_LEN];
    uint32_t seq = cleat_read_u32(&in);
    struct cleat_bytes sealed = cleat_read_bytes(&in, cleat_reader_left(&in));
    if (h->state != SIM_SHIELD_HELLO || in.failed ||
        sealed.len != PROOF_LEN + 8 || seq != h->channel.chip_seq) {
        return fatal(s, out);
    }
    proof(s, seq, want);
    cleat_sim_chip_cost(s, 2 * SEAL_US);
    if (unseal(s, FINISHED, seq, sealed, got) != sizeof got ||
        !cleat_equal_ct(got, want, sizeof got)) {
        return stranger(s, out);
    }
    if (!draw_seq(s, &h->channel.host_seq)) {
        return fatal(s, out);
    }
    proof(s, h->channel.host_seq, want);
    size_t n = seal(s, FINISHED, h->channel.host_seq,
                    cleat_bytes_of(want, sizeof want), out);
    if (n == 0) {
        return fatal(s, out);
    }
    h->state = SIM_SHIELD_UP;
    return n;
}

/* --- records -------------------------------------------------------------- */

/* The answer kept in shield.answer, as the last record wants it. */
static size_t reply(struct cleat_sim *s, uint8_t *out) {
    struct cleat_sim_shield *h = &s->shield;
    struct cleat_bytes plain = cleat_bytes_of(h->answer, h->answer_len);
    if ((h->sctr & RSP_PROTECTED) == 0) {
        struct cleat_writer w = cleat_writer_of(out, SIM_MESSAGE_MAX);
        cleat_write_u8(&w, h->sctr);
        cleat_write_bytes(&w, plain);
        cleat_wipe(h->answer, h->answer_len);
        h->answer_len = 0; /* nobody can ask for it again */
        return w.len;
    }
    if (h->channel.chip_seq == UINT32_MAX) {
        return fatal(s, out);
    }
    h->channel.chip_seq++;
    cleat_sim_chip_cost_flat(s, SEAL_US);
    uint32_t ahead = 0; /* a hostile chip's number runs away */
    if (!cleat_sim_fault_take(s, CLEAT_SIM_FAULT_BADSEQ, &ahead, REPEATS + 1)) {
        ahead = 0;
    }
    size_t n = seal(s, h->sctr, h->channel.chip_seq + ahead, plain, out);
    return n != 0 ? n : fatal(s, out);
}

static size_t execute(struct cleat_sim *s, uint8_t sctr,
                      struct cleat_bytes apdu, bool overflow, uint8_t *out) {
    struct cleat_sim_shield *h = &s->shield;
    h->sctr = sctr;
    h->resends = 0;
    h->refusals = 0;
    h->cmd_protected = (sctr & CMD_PROTECTED) != 0;
    h->rsp_protected = (sctr & RSP_PROTECTED) != 0;
    cleat_wipe(h->answer, h->answer_len);
    h->answer_len = cleat_sim_command_run(s, apdu, overflow, h->answer);
    h->cmd_protected = false;
    h->rsp_protected = false;
    return reply(s, out);
}

/* A damaged command: the host may try again with a higher number. */
static size_t damaged(struct cleat_sim *s, uint8_t *out) {
    cleat_sim_chip_event(s);
    if (s->shield.refusals == REPEATS) {
        return fatal(s, out);
    }
    s->shield.refusals++;
    return put_sctr(out, ALERT_INTEGRITY);
}

static size_t open_record(struct cleat_sim *s, uint8_t sctr,
                          struct cleat_reader in, bool overflow, uint8_t *out) {
    struct cleat_sim_shield *h = &s->shield;
    uint8_t apdu[SIM_APDU_MAX];
    uint32_t seq = cleat_read_u32(&in);
    struct cleat_bytes sealed = cleat_read_bytes(&in, cleat_reader_left(&in));
    uint32_t ahead = seq - h->channel.host_seq;
    if (in.failed || seq <= h->channel.host_seq || ahead > REPEATS) {
        return fatal(s, out);
    }
    cleat_sim_chip_cost_flat(s, SEAL_US);
    size_t len = overflow ? 0 : unseal(s, sctr, seq, sealed, apdu);
    if (len == 0) {
        return damaged(s, out);
    }
    h->channel.host_seq = seq;
    size_t n = execute(s, sctr, cleat_bytes_of(apdu, len), false, out);
    cleat_wipe(apdu, sizeof apdu);
    return n;
}

static size_t record(struct cleat_sim *s, uint8_t sctr, struct cleat_reader in,
                     bool overflow, uint8_t *out) {
    if (sctr != RECORD && s->shield.state != SIM_SHIELD_UP) {
        return fatal(s, out);
    }
    if ((sctr & CMD_PROTECTED) != 0) {
        return open_record(s, sctr, in, overflow, out);
    }
    struct cleat_bytes apdu = cleat_read_bytes(&in, cleat_reader_left(&in));
    return execute(s, sctr, apdu, overflow || apdu.len > SIM_APDU_MAX, out);
}

/* --- alerts and the saved context ----------------------------------------- */

static size_t alert(struct cleat_sim *s, uint8_t sctr, uint8_t *out) {
    struct cleat_sim_shield *h = &s->shield;
    if (sctr == ALERT_FATAL) {
        forget(s); /* a last word is not answered */
        return 0;
    }
    if (h->state != SIM_SHIELD_UP || h->answer_len == 0 ||
        h->resends == REPEATS) {
        return fatal(s, out);
    }
    h->resends++;
    return reply(s, out);
}

static size_t save(struct cleat_sim *s, uint8_t *out) {
    if (s->shield.state != SIM_SHIELD_UP || !s->saved.set ||
        !s->saved.shielded || s->open) {
        return fatal(s, out);
    }
    s->saved.channel = s->shield.channel;
    s->saved.channel_set = true;
    s->dirty = true;
    forget(s);
    return put_sctr(out, SAVED);
}

static size_t restore(struct cleat_sim *s, struct cleat_reader in,
                      uint8_t *out) {
    struct cleat_sim_channel *c = &s->saved.channel;
    uint32_t seq = cleat_read_u32(&in);
    bool good = !in.failed && cleat_reader_left(&in) == 0 &&
                s->saved.channel_set && seq == c->chip_seq;
    forget(s);
    if (good) {
        s->shield.channel = *c;
        s->shield.state = SIM_SHIELD_UP;
    }
    s->dirty = s->dirty || s->saved.channel_set;
    cleat_wipe(c, sizeof *c);
    s->saved.channel_set = false;
    if (!good) {
        return fatal(s, out);
    }
    struct cleat_writer w = cleat_writer_of(out, SIM_MESSAGE_MAX);
    cleat_write_u8(&w, RESTORED);
    cleat_write_u32(&w, s->shield.channel.host_seq);
    return w.len;
}

static size_t dispatch(struct cleat_sim *s, struct cleat_reader in,
                       bool overflow, uint8_t *out) {
    uint8_t sctr = cleat_read_u8(&in);
    bool bare = cleat_reader_left(&in) == 0;
    if (in.failed) {
        return fatal(s, out);
    }
    if ((sctr & ~(CMD_PROTECTED | RSP_PROTECTED)) == RECORD) {
        return record(s, sctr, in, overflow, out);
    }
    if (sctr == HELLO) {
        return hello(s, in, out);
    }
    if (sctr == FINISHED) {
        return finished(s, in, out);
    }
    if ((sctr == ALERT_FATAL || sctr == ALERT_INTEGRITY) && bare) {
        return alert(s, sctr, out);
    }
    if (sctr == SAVE && bare) {
        return save(s, out);
    }
    return sctr == RESTORE ? restore(s, in, out) : fatal(s, out);
}

size_t cleat_sim_shield_run(struct cleat_sim *s, struct cleat_bytes message,
                            bool overflow, uint8_t *out) {
    size_t n = dispatch(s, cleat_reader_of(message), overflow, out);
    if (s->dirty && cleat_sim_store_save(s) != 0) {
        n = fatal(s, out);
    }
    return cleat_sim_hostile_message(s, out, n);
}
