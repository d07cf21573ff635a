/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary transfers to the virtual chip. The input is a program: each step
 * is a length byte with its kind in the top bits, then that many bytes. Frames
 * get a good check sequence and number half of the time, or little would come
 * past the data link; messages of the shielded connection are sealed with the
 * chip's own keys for the same reason.
 */
#include <stdlib.h>
#include <string.h>

#include "chip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t now_us;

static uint64_t fuzz_clock(void *arg) {
    (void)arg;
    return now_us;
}

/* A chip costs a key pair to make: keep it, and give it back its first state
 * for each input, or one that ends its life would end the search. */
static struct cleat_sim *the_chip(void) {
    static struct cleat_sim *sim;
    static uint8_t fresh[32768];
    static size_t fresh_len;
    char why[128];
    struct cleat_sim_options o = {.now_us = fuzz_clock};
    if (sim == NULL) {
        sim = cleat_sim_open(&o, why, sizeof why);
        if (sim != NULL) {
            uint8_t secret[32] = {1};
            cleat_sim_objects_fill(cleat_sim_objects_find(sim, 0xE140),
                                   cleat_bytes_of(secret, sizeof secret));
        }
        fresh_len =
            sim == NULL ? 0 : cleat_sim_state_write(sim, fresh, sizeof fresh);
    }
    if (fresh_len == 0 ||
        cleat_sim_state_read(sim, cleat_bytes_of(fresh, fresh_len)) != 0) {
        abort();
    }
    return sim;
}

static uint16_t crc(const uint8_t *p, size_t n) {
    unsigned c = 0;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int b = 0; b < 8; b++) {
            c = (c & 1) != 0 ? (c >> 1) ^ 0x8408u : c >> 1;
        }
    }
    return (uint16_t)c;
}

/* Numbers of a host that always hears its answers. */
struct numbers {
    unsigned sent, got;
};

static void write_raw(struct cleat_sim *sim, struct cleat_bytes bytes) {
    uint32_t us = 0;
    (void)cleat_sim_write(sim, 0x30, bytes.data, bytes.len, &us);
}

/* One good packet, and every answer to it taken and acknowledged. */
static void write_packet(struct cleat_sim *sim, struct numbers *n, uint8_t pctr,
                         struct cleat_bytes body) {
    uint8_t frame[300] = {0x80};
    uint8_t answer[277];
    uint32_t us = 0;
    struct cleat_writer w = cleat_writer_of(frame + 1, 277);
    n->sent = (n->sent + 1) & 3;
    cleat_write_u8(&w, (uint8_t)(n->sent << 2 | n->got));
    cleat_write_u16(&w, (uint16_t)(body.len + 1));
    cleat_write_u8(&w, pctr);
    cleat_write_bytes(&w, body);
    cleat_write_u16(&w, crc(frame + 1, w.len));
    (void)cleat_sim_write(sim, 0x30, frame, w.len + 1, &us);
    for (int i = 0; i < 120; i++) {
        (void)cleat_sim_read(sim, 0x30, answer, sizeof answer, &us);
        if ((answer[0] & 0x80) != 0) {
            if (answer[0] == 0xFF) {
                break;
            }
            continue;
        }
        n->got = (answer[0] >> 2) & 3u;
        uint8_t ack[6] = {0x80, (uint8_t)(0x80 | n->got), 0, 0, 0, 0};
        uint16_t sum = crc(ack + 1, 3);
        ack[4] = (uint8_t)(sum >> 8);
        ack[5] = (uint8_t)sum;
        (void)cleat_sim_write(sim, 0x30, ack, sizeof ack, &us);
    }
}

/* An APDU whose length field is right. */
static void write_command(struct cleat_sim *sim, struct numbers *n,
                          struct cleat_bytes bytes) {
    static const uint8_t codes[] = {0x81, 0x82, 0x83, 0x8C, 0x94, 0x95,
                                    0x9E, 0x9F, 0xB0, 0xB1, 0xB2, 0xB3,
                                    0xB4, 0xB8, 0xB9, 0xF0, 0xF1};
    uint8_t apdu[128];
    struct cleat_reader r = cleat_reader_of(bytes);
    struct cleat_writer w = cleat_writer_of(apdu, sizeof apdu);
    uint8_t code = codes[cleat_read_u8(&r) % sizeof codes];
    uint8_t param = cleat_read_u8(&r);
    if (code == 0xB8 && (param & 0xF0) == 0x40) {
        param = 0x03; /* RSA keys take too long to make here */
    }
    size_t left = cleat_reader_left(&r);
    cleat_write_u8(&w, code);
    cleat_write_u8(&w, param);
    cleat_write_u16(&w, (uint16_t)left);
    cleat_write_bytes(&w, cleat_read_bytes(&r, left));
    write_packet(sim, n, 0, cleat_bytes_of(apdu, w.len));
}

/* Sealed as its host would: SCTR from the first byte, the rest is an APDU. */
static void write_sealed(struct cleat_sim *sim, struct numbers *n, uint8_t sctr,
                         uint32_t seq, struct cleat_bytes plain) {
    uint8_t message[160];
    uint8_t nonce[8];
    uint8_t aad[8];
    const struct cleat_sim_channel *c = &sim->shield.channel;
    struct cleat_writer w = cleat_writer_of(message, sizeof message);
    struct cleat_writer wn = cleat_writer_of(nonce, sizeof nonce);
    struct cleat_writer wa = cleat_writer_of(aad, sizeof aad);
    cleat_write_bytes(&wn, cleat_bytes_of(c->keys + 32, 4));
    cleat_write_u32(&wn, seq);
    cleat_write_u8(&wa, sctr);
    cleat_write_u32(&wa, seq);
    cleat_write_u8(&wa, 1);
    cleat_write_u16(&wa, (uint16_t)plain.len);
    struct cleat_sim_ccm ccm = {.key = c->keys,
                                .nonce = cleat_bytes_of(nonce, sizeof nonce),
                                .aad = cleat_bytes_of(aad, sizeof aad)};
    cleat_write_u8(&w, sctr);
    cleat_write_u32(&w, seq);
    (void)cleat_sim_crypto_seal(&ccm, plain, message + w.len);
    write_packet(sim, n, 8, cleat_bytes_of(message, w.len + plain.len + 8));
}

static void write_record(struct cleat_sim *sim, struct numbers *n,
                         struct cleat_bytes part) {
    uint8_t apdu[80] = {0};
    struct cleat_reader r = cleat_reader_of(part);
    struct cleat_writer w = cleat_writer_of(apdu, sizeof apdu);
    uint8_t sctr = 0x20 | (cleat_read_u8(&r) & 3);
    cleat_write_u8(&w, cleat_read_u8(&r));
    cleat_write_u8(&w, cleat_read_u8(&r));
    if ((apdu[0] & 0x7F) == 0x38 && (apdu[1] & 0xF0) == 0x40) {
        apdu[1] = 0x03; /* as below */
    }
    size_t left = cleat_reader_left(&r);
    cleat_write_u16(&w, (uint16_t)left);
    cleat_write_bytes(&w, cleat_read_bytes(&r, left));
    if ((sctr & 1) != 0) {
        write_sealed(sim, n, sctr, sim->shield.channel.host_seq + 1,
                     cleat_bytes_of(apdu, w.len));
        return;
    }
    uint8_t message[81] = {sctr};
    memcpy(message + 1, apdu, w.len);
    write_packet(sim, n, 8, cleat_bytes_of(message, w.len + 1));
}

static void handshake(struct cleat_sim *sim, struct numbers *n, bool finish) {
    static const uint8_t hello[] = {0x00, 0x01};
    uint8_t proof[36];
    write_packet(sim, n, 8, cleat_bytes_of(hello, sizeof hello));
    if (!finish) {
        return;
    }
    uint32_t seq = sim->shield.channel.chip_seq;
    struct cleat_writer w = cleat_writer_of(proof, sizeof proof);
    cleat_write_bytes(&w, cleat_bytes_of(sim->shield.rnd, 32));
    cleat_write_u32(&w, seq);
    write_sealed(sim, n, 0x08, seq, cleat_bytes_of(proof, sizeof proof));
}

static void arm(struct cleat_sim *sim, struct cleat_bytes part) {
    struct cleat_reader r = cleat_reader_of(part);
    unsigned kinds = CLEAT_SIM_FAULT_KINDS - CLEAT_SIM_FAULT_OUTLEN;
    unsigned kind = CLEAT_SIM_FAULT_OUTLEN + cleat_read_u8(&r) % kinds;
    uint32_t arg = cleat_read_u8(&r);
    cleat_sim_fault_arm(sim, (enum cleat_sim_fault_kind)kind,
                        arg == 0xFF ? CLEAT_SIM_FAULT_ANY : arg * arg);
}

/* Steps above the plain bus. */
static void shielded_step(struct cleat_sim *sim, struct numbers *n,
                          unsigned step, struct cleat_bytes part) {
    switch (step & 7) {
    case 0:
        handshake(sim, n, true);
        break;
    case 1:
        handshake(sim, n, false);
        break;
    case 2:
    case 3:
        write_record(sim, n, part);
        break;
    case 4:
        write_packet(sim, n, 8, part);
        break;
    case 5:
        write_sealed(sim, n, 0x23, sim->shield.channel.host_seq + 1, part);
        break;
    case 6:
        arm(sim, part);
        break;
    default:
        now_us += 6000000;
        break;
    }
}

static void open_application(struct cleat_sim *sim, struct numbers *n) {
    static const uint8_t open[] = {0xF0, 0x00, 0x00, 0x10, 0xD2, 0x76, 0x00,
                                   0x00, 0x04, 0x47, 0x65, 0x6E, 0x41, 0x75,
                                   0x74, 0x68, 0x41, 0x70, 0x70, 0x6C};
    write_packet(sim, n, 0, cleat_bytes_of(open, sizeof open));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t reset[] = {0x88, 0x00, 0x00};
    struct cleat_sim *sim = the_chip();
    const struct cleat_i2c *bus = cleat_sim_bus(sim);
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, size));
    struct numbers n = {3, 3};
    uint8_t in[96];
    uint32_t us = 0;
    (void)bus->line(bus->self, CLEAT_I2C_LINE_POWER, false);
    (void)bus->line(bus->self, CLEAT_I2C_LINE_POWER, true);
    write_raw(sim, cleat_bytes_of(reset, sizeof reset));
    open_application(sim, &n);
    for (int i = 0; i < 64 && cleat_reader_left(&r) > 0; i++) {
        uint8_t head = cleat_read_u8(&r);
        size_t left = cleat_reader_left(&r);
        size_t len = head & 0x3F;
        struct cleat_bytes part = cleat_read_bytes(&r, len < left ? len : left);
        now_us += 700;
        switch (head >> 6) {
        case 0:
            write_raw(sim, part);
            break;
        case 1:
            if (len >= 40) {
                shielded_step(sim, &n, (unsigned)len, part);
            } else {
                (void)cleat_sim_read(sim, 0x30, in, len, &us);
            }
            break;
        case 2:
            write_packet(sim, &n, part.len > 0 ? part.data[0] & 15 : 0, part);
            break;
        default:
            write_command(sim, &n, part);
            break;
        }
    }
    return 0;
}
