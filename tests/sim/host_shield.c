/* SPDX-License-Identifier: MIT */
/*
 * The host's end of the shielded connection, for tests only. CCM and the PRF
 * are built here from one AES block and HMAC, so that the chip's are not
 * checked by the same functions of OpenSSL that it uses.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "host.h"

#define TAG 8

static void put32(uint8_t *out, uint32_t v) {
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

static uint32_t get32(const uint8_t *in) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
           (uint32_t)in[2] << 8 | in[3];
}

static void block(const uint8_t *key, const uint8_t *in, uint8_t *out) {
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    assert_non_null(ctx);
    assert_int_equal(
        EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, in, 16), 1);
    assert_int_equal(n, 16);
    EVP_CIPHER_CTX_free(ctx);
}

struct ccm {
    const uint8_t *key;
    uint8_t nonce[8];
    uint8_t aad[8];
};

/* Key stream block i; block 0 hides the tag. L is 7. */
static void stream(const struct ccm *c, uint32_t i, uint8_t *out) {
    uint8_t a[16] = {6};
    memcpy(a + 1, c->nonce, 8);
    put32(a + 12, i);
    block(c->key, a, out);
}

static void crypt(const struct ccm *c, const uint8_t *in, size_t len,
                  uint8_t *out) {
    uint8_t s[16];
    for (size_t i = 0; i < len; i++) {
        if (i % 16 == 0) {
            stream(c, (uint32_t)(i / 16 + 1), s);
        }
        out[i] = in[i] ^ s[i % 16];
    }
}

static void mac(const struct ccm *c, const uint8_t *text, size_t len,
                uint8_t *tag) {
    uint8_t x[16] = {0x5E}; /* there is AAD, M is 8, L is 7 */
    uint8_t s[16];
    memcpy(x + 1, c->nonce, 8);
    put32(x + 12, (uint32_t)len);
    block(c->key, x, x);
    x[1] ^= 8; /* length of the AAD, which then fills its block */
    for (int i = 0; i < 8; i++) {
        x[2 + i] ^= c->aad[i];
    }
    block(c->key, x, x);
    for (size_t i = 0; i < len; i++) {
        x[i % 16] ^= text[i];
        if (i % 16 == 15 || i == len - 1) {
            block(c->key, x, x);
        }
    }
    stream(c, 0, s);
    for (int i = 0; i < TAG; i++) {
        tag[i] = x[i] ^ s[i];
    }
}

static struct ccm envelope(const struct host *h, bool from_host, uint8_t sctr,
                           uint32_t seq, size_t len) {
    struct ccm c = {.key = h->shield.keys + (from_host ? 0 : 16)};
    memcpy(c.nonce, h->shield.keys + (from_host ? 32 : 36), 4);
    put32(c.nonce + 4, seq);
    c.aad[0] = sctr;
    put32(c.aad + 1, seq);
    c.aad[5] = 1;
    c.aad[6] = (uint8_t)(len >> 8);
    c.aad[7] = (uint8_t)len;
    return c;
}

size_t host_seal(struct host *h, uint8_t sctr, uint32_t seq, const void *text,
                 size_t len, uint8_t *out) {
    struct ccm c = envelope(h, true, sctr, seq, len);
    out[0] = sctr;
    put32(out + 1, seq);
    mac(&c, text, len, out + 5 + len);
    crypt(&c, text, len, out + 5);
    return len + 13;
}

bool host_unseal(struct host *h, const uint8_t *sealed, size_t len,
                 uint8_t *text) {
    uint8_t tag[TAG];
    if (len <= 13) {
        return false;
    }
    size_t n = len - 13;
    struct ccm c = envelope(h, false, sealed[0], get32(sealed + 1), n);
    crypt(&c, sealed + 5, n, text);
    mac(&c, text, n, tag);
    return memcmp(tag, sealed + 5 + n, TAG) == 0;
}

/* P_SHA256 of RFC 5246, section 5. */
static void prf(const struct host_shield *s, uint8_t *out, size_t len) {
    uint8_t buf[32 + 16 + 32];
    unsigned n = 0;
    memcpy(buf + 32, "Platform Binding", 16);
    memcpy(buf + 48, s->rnd, 32);
    HMAC(EVP_sha256(), s->secret, (int)s->secret_len, buf + 32, 48, buf, &n);
    for (size_t at = 0; at < len; at += 32) {
        uint8_t part[32];
        HMAC(EVP_sha256(), s->secret, (int)s->secret_len, buf, sizeof buf, part,
             &n);
        memcpy(out + at, part, len - at < 32 ? len - at : 32);
        HMAC(EVP_sha256(), s->secret, (int)s->secret_len, buf, 32, buf, &n);
    }
}

void host_secret(struct host *h, const void *secret, size_t len) {
    memcpy(h->shield.secret, secret, len);
    h->shield.secret_len = len;
}

void host_pair(struct host *h) {
    uint8_t apdu[8 + 64] = {0x82, 0x40, 0x00, 0x44, 0xE1, 0x40, 0x00, 0x00};
    for (int i = 0; i < 64; i++) {
        apdu[8 + i] = (uint8_t)(i + 1);
    }
    assert_int_equal(host_apdu(h, apdu, sizeof apdu), 0);
    host_secret(h, apdu + 8, 64);
}

static int alert_of(const struct host *h) {
    bool is = h->rsp_len == 1 && (h->rsp[0] & 0xE0) == 0x40;
    return is ? HOST_ALERT + h->rsp[0] : -1;
}

int host_shield_hello(struct host *h) {
    struct host_shield *s = &h->shield;
    static const uint8_t hello[] = {0x00, 0x01};
    s->presence = true;
    if (!host_message(h, hello, sizeof hello)) {
        return -1;
    }
    if (h->rsp_len != 38 || h->rsp[0] != 0 || h->rsp[1] != 1) {
        return alert_of(h);
    }
    memcpy(s->rnd, h->rsp + 2, 32);
    s->sseq = get32(h->rsp + 34);
    prf(s, s->keys, sizeof s->keys);
    return 0;
}

int host_shield_finish(struct host *h) {
    struct host_shield *s = &h->shield;
    uint8_t proof[36];
    uint8_t message[64];
    uint8_t theirs[64];
    memcpy(proof, s->rnd, 32);
    put32(proof + 32, s->sseq);
    size_t n = host_seal(h, 0x08, s->sseq, proof, sizeof proof, message);
    if (!host_message(h, message, n)) {
        return -1;
    }
    if (h->rsp_len != 49 || h->rsp[0] != 0x08) {
        return alert_of(h);
    }
    assert_true(host_unseal(h, h->rsp, h->rsp_len, theirs));
    assert_memory_equal(theirs, s->rnd, 32);
    assert_memory_equal(theirs + 32, h->rsp + 1, 4);
    s->mseq = get32(h->rsp + 1);
    return 0;
}

void host_shield_up(struct host *h, uint8_t level) {
    assert_int_equal(host_shield_hello(h), 0);
    assert_int_equal(host_shield_finish(h), 0);
    h->shield.level = level;
}

int host_take_record(struct host *h, uint8_t sctr) {
    uint8_t text[HOST_APDU_MAX];
    size_t n = 0;
    if (h->rsp_len < 2 || h->rsp[0] != sctr) {
        return alert_of(h);
    }
    if ((sctr & 2) == 0) {
        n = h->rsp_len - 1;
        memcpy(text, h->rsp + 1, n);
    } else {
        assert_true(host_unseal(h, h->rsp, h->rsp_len, text));
        assert_int_equal(get32(h->rsp + 1), h->shield.sseq + 1);
        h->shield.sseq++;
        n = h->rsp_len - 13;
    }
    memcpy(h->rsp, text, n);
    h->rsp_len = n;
    return 0;
}

int host_record(struct host *h, const void *apdu, size_t len) {
    uint8_t message[HOST_APDU_MAX];
    uint8_t sctr = (uint8_t)(0x20 | h->shield.level);
    size_t n = len + 1;
    if ((sctr & 1) != 0) {
        h->shield.mseq++;
        n = host_seal(h, sctr, h->shield.mseq, apdu, len, message);
    } else {
        message[0] = sctr;
        memcpy(message + 1, apdu, len);
    }
    return host_message(h, message, n) ? host_take_record(h, sctr) : -1;
}

void host_start_paired(struct host *h) {
    host_start(h, NULL);
    host_open(h);
    host_pair(h);
}

void host_start_shielded(struct host *h, uint8_t level) {
    host_start_paired(h);
    host_shield_up(h, level);
}

void host_soft_reset(struct host *h) {
    static const uint8_t zero[2];
    assert_int_equal(host_write(h, 0x88, zero, sizeof zero), 0);
    h->sent = 3;
    h->got = 3;
    h->shield.presence = false;
}

int host_send_hex(struct host *h, const char *hex) {
    uint8_t m[HOST_APDU_MAX];
    return host_message(h, m, host_unhex(hex, m, sizeof m)) ? 0 : -1;
}
