/* SPDX-License-Identifier: MIT */
/* The key of the handshake: SHA-1 (FIPS 180-4) and base64 (RFC 4648). It shows
 * that the other end speaks WebSocket and protects nothing. */
#include <string.h>

#include "ws/ws.h"

#define BLOCK 64u

struct sha1 {
    uint32_t h[5];
};

static uint32_t left(uint32_t v, unsigned n) {
    return v << n | v >> (32 - n);
}

static uint32_t mix(unsigned i, uint32_t b, uint32_t c, uint32_t d) {
    if (i < 20) {
        return ((b & c) | (~b & d)) + 0x5A827999u;
    }
    if (i < 40) {
        return (b ^ c ^ d) + 0x6ED9EBA1u;
    }
    if (i < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDCu;
    }
    return (b ^ c ^ d) + 0xCA62C1D6u;
}

static void sha1_block(struct sha1 *s, const uint8_t *data) {
    uint32_t w[80];
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, BLOCK));
    for (unsigned i = 0; i < 16; i++) {
        w[i] = cleat_read_u32(&r);
    }
    for (unsigned i = 16; i < 80; i++) {
        w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    uint32_t a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = left(a, 5) + mix(i, b, c, d) + e + w[i];
        e = d;
        d = c;
        c = left(b, 30);
        b = a;
        a = next;
    }
    s->h[0] += a;
    s->h[1] += b;
    s->h[2] += c;
    s->h[3] += d;
    s->h[4] += e;
}

/* Of 60 bytes, which is what key and GUID always are: two blocks. */
static void sha1_of_60(const uint8_t *data, uint8_t out[20]) {
    struct sha1 s = {
        {0x67452301u, 0xEFCDAB89u, 0x98BADCFEu, 0x10325476u, 0xC3D2E1F0u}};
    uint8_t block[BLOCK] = {0};
    memcpy(block, data, 60);
    block[60] = 0x80;
    sha1_block(&s, block);
    memset(block, 0, sizeof block);
    struct cleat_writer w = cleat_writer_of(block + 60, 4);
    cleat_write_u32(&w, 60 * 8);
    sha1_block(&s, block);
    w = cleat_writer_of(out, 20);
    for (unsigned i = 0; i < 5; i++) {
        cleat_write_u32(&w, s.h[i]);
    }
}

void cleat_ws_base64(struct cleat_bytes in, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < in.len; i += 3) {
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++) {
            v = v << 8 | (i + k < in.len ? in.data[i + k] : 0u);
        }
        for (unsigned k = 0; k < 4; k++) {
            bool used = i + k <= in.len;
            *out++ = used ? digits[v >> (18 - 6 * k) & 63u] : '=';
        }
    }
    *out = '\0';
}

void cleat_ws_accept(const char *key, char out[CLEAT_WS_ACCEPT_LEN + 1]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[60];
    uint8_t hash[20];
    memcpy(text, key, CLEAT_WS_KEY_LEN);
    memcpy(text + CLEAT_WS_KEY_LEN, guid, sizeof guid - 1);
    sha1_of_60(text, hash);
    cleat_ws_base64(cleat_bytes_of(hash, sizeof hash), out);
}
