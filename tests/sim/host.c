/* SPDX-License-Identifier: MIT */
/*
 * The tests' own host stack for the virtual chip; see host.h. It is as short
 * as it can be and takes no part in the product.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define ADDRESS 0x30

static uint64_t host_clock(void *arg) {
    const struct host *h = arg;
    return h->now_us;
}

void host_start(struct host *h, const struct cleat_sim_options *options) {
    char why[256];
    struct cleat_sim_options o = {0};
    if (options != NULL) {
        o = *options;
    }
    memset(h, 0, sizeof *h);
    h->now_us = 1000000;
    h->sent = 3;
    h->got = 3;
    h->frame_max = o.frame_cap != 0 ? o.frame_cap : 277;
    o.now_us = host_clock;
    o.now_arg = h;
    h->sim = cleat_sim_open(&o, why, sizeof why);
    if (h->sim == NULL) {
        fail_msg("%s", why);
    }
    h->bus = cleat_sim_bus(h->sim);
}

void host_stop(struct host *h) {
    cleat_sim_close(h->sim);
    h->sim = NULL;
}

static int again(struct host *h, int err, unsigned *tries) {
    h->now_us += 200;
    if (err != CLEAT_ERR_NACK || *tries == 0) {
        return 0;
    }
    h->now_us += 1000;
    (*tries)--;
    return 1;
}

int host_write(struct host *h, uint8_t reg, const void *data, size_t len) {
    uint8_t bytes[HOST_APDU_MAX];
    unsigned tries = 100;
    int err = 0;
    bytes[0] = reg;
    assert_true(len < sizeof bytes);
    if (len > 0) {
        memcpy(bytes + 1, data, len);
    }
    do {
        err = h->bus->write(h->bus->self, ADDRESS, bytes, len + 1);
    } while (again(h, err, &tries));
    return err;
}

int host_read(struct host *h, uint8_t reg, void *data, size_t len) {
    unsigned tries = 100;
    int err = host_write(h, reg, NULL, 0);
    if (err != 0) {
        return err;
    }
    do {
        err = h->bus->read(h->bus->self, ADDRESS, data, len);
    } while (again(h, err, &tries));
    return err;
}

uint32_t host_state(struct host *h) {
    uint8_t b[4] = {0};
    assert_int_equal(host_read(h, 0x82, b, sizeof b), 0);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
}

/* Written from the polynomial, bit by bit, the other way round than sim. */
uint16_t host_crc(const uint8_t *data, size_t len) {
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            unsigned in = (data[i] >> bit) & 1u;
            unsigned out = crc & 1u;
            crc = (uint16_t)(crc >> 1);
            if (in != out) {
                crc = (uint16_t)(crc ^ 0x8408u);
            }
        }
    }
    return crc;
}

void host_send(struct host *h, uint8_t fctr, const void *packet, size_t len) {
    uint8_t f[HOST_APDU_MAX];
    f[0] = fctr;
    f[1] = (uint8_t)(len >> 8);
    f[2] = (uint8_t)len;
    if (len > 0) {
        memcpy(f + 3, packet, len);
    }
    uint16_t crc = host_crc(f, len + 3);
    f[len + 3] = (uint8_t)(crc >> 8);
    f[len + 4] = (uint8_t)crc;
    (void)host_write(h, 0x80, f, len + 5);
}

size_t host_fetch(struct host *h, uint8_t *frame, size_t cap) {
    for (unsigned i = 0; i < 4000; i++) {
        uint32_t state = host_state(h);
        size_t len = state & 0xFFFF;
        if ((state & 0x40000000u) != 0 && len <= cap) {
            if (host_read(h, 0x80, frame, len) != 0) {
                return 0;
            }
            uint16_t crc = host_crc(frame, len - 2);
            assert_int_equal(frame[len - 2], crc >> 8);
            assert_int_equal(frame[len - 1], crc & 0xFF);
            return len;
        }
        h->now_us += 5000;
    }
    return 0;
}

/* Send a packet and wait until it is acknowledged. @return length of the data
 * frame that did it, 5 for a control frame, 0 for silence. */
static size_t exchange(struct host *h, const uint8_t *packet, size_t len,
                       uint8_t *frame) {
    h->sent = (h->sent + 1) & 3;
    host_send(h, (uint8_t)(h->sent << 2 | h->got), packet, len);
    size_t n = host_fetch(h, frame, 300);
    if (n == 5 && frame[0] == (0x80 | h->sent)) {
        h->separate_acks++;
        return n;
    }
    return n > 5 && (frame[0] & 0xF3) == h->sent ? n : 0;
}

static bool send_chain(struct host *h, const uint8_t *apdu, size_t len,
                       uint8_t *frame, size_t *got) {
    size_t cap = h->frame_max - 6;
    size_t at = 0;
    do {
        uint8_t packet[300];
        size_t n = len - at < cap ? len - at : cap;
        bool last = at + n == len;
        packet[0] = at == 0 ? (last ? 0 : 1) : (last ? 4 : 2);
        packet[0] |= h->shield.presence ? 8 : 0;
        memcpy(packet + 1, apdu + at, n);
        *got = exchange(h, packet, n + 1, frame);
        at += n;
        if (*got == 0) {
            return false;
        }
    } while (at < len);
    return true;
}

/* Collect the response whose first frame is here. */
static bool take_chain(struct host *h, uint8_t *frame, size_t n) {
    h->rsp_len = 0;
    for (;;) {
        size_t body = n - 6;
        uint8_t pctr = frame[3] & 7;
        assert_int_equal(frame[3] & 8, h->shield.presence ? 8 : 0);
        assert_int_equal((frame[0] >> 2) & 3, (h->got + 1) & 3);
        h->got = (h->got + 1) & 3;
        assert_true(h->rsp_len + body <= sizeof h->rsp);
        memcpy(h->rsp + h->rsp_len, frame + 4, body);
        h->rsp_len += body;
        host_send(h, (uint8_t)(0x80 | h->got), NULL, 0);
        if (pctr == 0 || pctr == 4) {
            return true;
        }
        if (pctr != 1 && pctr != 2) {
            return false;
        }
        n = host_fetch(h, frame, 300);
        if (n < 6) {
            return false;
        }
    }
}

bool host_message(struct host *h, const void *message, size_t len) {
    uint8_t frame[300];
    size_t n = 0;
    h->rsp_len = 0;
    if (!send_chain(h, message, len, frame, &n)) {
        return false;
    }
    if (n == 5) {
        n = host_fetch(h, frame, sizeof frame);
    }
    return n >= 6 && take_chain(h, frame, n);
}

int host_apdu(struct host *h, const void *apdu, size_t len) {
    if (h->shield.presence) {
        int err = host_record(h, apdu, len);
        if (err != 0) {
            return err;
        }
    } else if (!host_message(h, apdu, len)) {
        return -1;
    }
    if (h->rsp_len < 4) {
        return -1;
    }
    assert_int_equal(h->rsp[2] << 8 | h->rsp[3], h->rsp_len - 4);
    return h->rsp[0];
}

size_t host_unhex(const char *hex, uint8_t *out, size_t cap) {
    size_t n = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ' || *hex == '|') {
            continue;
        }
        char two[3] = {hex[0], hex[1], 0};
        char *end = NULL;
        unsigned long v = strtoul(two, &end, 16);
        if (*end != '\0' || hex[1] == '\0' || n == cap) {
            fail_msg("bad hex: %s", hex);
        }
        out[n++] = (uint8_t)v;
        hex++;
    }
    return n;
}

int host_hex(struct host *h, const char *hex) {
    static const uint8_t why[] = {0x01, 0x00, 0x00, 0x06, 0xF1,
                                  0xC2, 0x00, 0x00, 0x00, 0x01};
    uint8_t apdu[HOST_APDU_MAX];
    int status = host_apdu(h, apdu, host_unhex(hex, apdu, sizeof apdu));
    if (status == 0) {
        return 0;
    }
    assert_int_equal(status, 0xFF);
    assert_int_equal(h->rsp_len, 4);
    assert_int_equal(host_apdu(h, why, sizeof why), 0);
    assert_int_equal(h->rsp_len, 5);
    return h->rsp[4];
}

struct cleat_bytes host_data(const struct host *h) {
    return cleat_bytes_of(h->rsp + 4, h->rsp_len - 4);
}

void host_open(struct host *h) {
    static const uint8_t open[] = {0xF0, 0x00, 0x00, 0x10, 0xD2, 0x76, 0x00,
                                   0x00, 0x04, 0x47, 0x65, 0x6E, 0x41, 0x75,
                                   0x74, 0x68, 0x41, 0x70, 0x70, 0x6C};
    assert_int_equal(host_apdu(h, open, sizeof open), 0);
}
