/* SPDX-License-Identifier: MIT */
/* The chip's half of the shielded connection, with OpenSSL's CCM and PRF
 * instead of ours; see chip.h. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "chip.h"

static const uint8_t hello_rnd[32] = {0x76, 0x09, 0xd4, 0x14};

static void derive(struct chip *c) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_TLS1_PRF, NULL);
    size_t n = sizeof c->keys;
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_tls1_prf_md(ctx, EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set1_tls1_prf_secret(ctx, c->secret, 64) != 1 ||
        EVP_PKEY_CTX_add1_tls1_prf_seed(
            ctx, (const unsigned char *)"Platform Binding", 16) != 1 ||
        EVP_PKEY_CTX_add1_tls1_prf_seed(ctx, hello_rnd, 32) != 1 ||
        EVP_PKEY_derive(ctx, c->keys, &n) != 1) {
        abort();
    }
    EVP_PKEY_CTX_free(ctx);
}

/* Seal or open `n` bytes with the keys of `side`: 0 the host's, 1 ours.
 * @return false if the tag is not good. */
static bool ccm(const struct chip *c, int side, bool seal, uint8_t sctr,
                const uint8_t seq[4], const uint8_t *in, size_t n, uint8_t *out,
                uint8_t tag[8]) {
    uint8_t nonce[8];
    uint8_t aad[8] = {
        sctr, seq[0], seq[1], seq[2], seq[3], 1, (uint8_t)(n >> 8), (uint8_t)n};
    memcpy(nonce, c->keys + 32 + 4 * side, 4);
    memcpy(nonce + 4, seq, 4);
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    int len = 0;
    bool good =
        x != NULL &&
        EVP_CipherInit_ex(x, EVP_aes_128_ccm(), NULL, NULL, NULL, seal) == 1 &&
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_CCM_SET_IVLEN, 8, NULL) == 1 &&
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_CCM_SET_TAG, 8, seal ? NULL : tag) ==
            1 &&
        EVP_CipherInit_ex(x, NULL, NULL, c->keys + 16 * side, nonce, seal) ==
            1 &&
        EVP_CipherUpdate(x, NULL, &len, NULL, (int)n) == 1 &&
        EVP_CipherUpdate(x, NULL, &len, aad, 8) == 1 &&
        EVP_CipherUpdate(x, out, &len, in, (int)n) == 1;
    if (good && seal) {
        good = EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_CCM_GET_TAG, 8, tag) == 1;
    }
    EVP_CIPHER_CTX_free(x);
    return good;
}

static void put_seq(uint8_t at[4], uint32_t v) {
    at[0] = (uint8_t)(v >> 24);
    at[1] = (uint8_t)(v >> 16);
    at[2] = (uint8_t)(v >> 8);
    at[3] = (uint8_t)v;
}

static uint32_t get_seq(const uint8_t at[4]) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static bool alert(struct chip *c, uint8_t code) {
    c->response[0] = code;
    c->response_len = 1;
    if (code == 0x40) {
        c->session = false;
    }
    return false;
}

static void seal_message(struct chip *c, uint8_t sctr, uint32_t seq,
                         const uint8_t *plain, size_t n) {
    c->response[0] = sctr;
    put_seq(c->response + 1, seq);
    if (!ccm(c, 1, true, sctr, c->response + 1, plain, n, c->response + 5,
             c->response + 5 + n)) {
        abort();
    }
    if (c->spoil > 0) {
        c->spoil--;
        c->response[5 + n / 2] ^= 0x10;
    }
    c->response_len = n + 13;
}

static void hello(struct chip *c) {
    c->session = false;
    c->handshakes++;
    c->response[0] = 0;
    c->response[1] = 1;
    memcpy(c->response + 2, hello_rnd, 32);
    c->own_seq = 0xABCD + c->handshakes;
    put_seq(c->response + 34, c->own_seq);
    c->response_len = 38;
    derive(c);
}

static void finished(struct chip *c) {
    uint8_t plain[36];
    if (c->command_len != 49 || get_seq(c->command + 1) != c->own_seq ||
        !ccm(c, 0, false, 8, c->command + 1, c->command + 5, 36, plain,
             c->command + 41) ||
        memcmp(plain, hello_rnd, 32) != 0) {
        alert(c, 0x40);
        return;
    }
    c->host_seq = c->first_host_seq != 0 ? c->first_host_seq : 0x1234;
    memcpy(plain, hello_rnd, 32);
    put_seq(plain + 32, c->host_seq);
    seal_message(c, 8, c->host_seq, plain, sizeof plain);
    c->session = true;
}

/* The record's plain bytes at the front of c->command. */
static bool open_record(struct chip *c) {
    size_t n = c->command_len;
    uint8_t plain[2048];
    if ((c->sctr & 1) == 0) {
        memmove(c->command, c->command + 1, n - 1);
        c->command_len = n - 1;
        return true;
    }
    uint32_t seq = get_seq(c->command + 1);
    if (!c->session || n < 13 || seq - c->host_seq - 1 >= 3) {
        return alert(c, 0x40);
    }
    if (c->refuse_records > 0) {
        c->refuse_records--;
        return alert(c, c->refuse_with);
    }
    if (!ccm(c, 0, false, c->sctr, c->command + 1, c->command + 5, n - 13,
             plain, c->command + n - 8)) {
        return alert(c, 0x44);
    }
    c->host_seq = seq;
    memcpy(c->command, plain, n - 13);
    c->command_len = n - 13;
    return true;
}

bool chip_shield_in(struct chip *c) {
    c->sctr = c->command[0];
    if ((c->sctr & 0xFC) == 0x20) {
        return open_record(c);
    }
    switch (c->sctr) {
    case 0x00:
        hello(c);
        break;
    case 0x08:
        finished(c);
        break;
    case 0x44: /* The host could not read our answer: again. */
        memcpy(c->response, c->plain, c->plain_len);
        c->response_len = c->plain_len;
        c->sctr = c->plain_sctr;
        chip_shield_out(c);
        break;
    case 0x60:
        c->response[0] = 0x64;
        c->response_len = 1;
        c->saved = true;
        break;
    case 0x68:
        if (!c->saved || get_seq(c->command + 1) != c->own_seq) {
            alert(c, 0x40);
            break;
        }
        c->saved = false;
        c->session = true;
        c->response[0] = 0x6C;
        put_seq(c->response + 1, c->host_seq);
        c->response_len = 5;
        break;
    default:
        alert(c, 0x40);
        break;
    }
    return false;
}

void chip_shield_out(struct chip *c) {
    memcpy(c->plain, c->response, c->response_len);
    c->plain_len = c->response_len;
    c->plain_sctr = c->sctr;
    if ((c->sctr & 2) == 0) {
        memmove(c->response + 1, c->response, c->response_len);
        c->response[0] = c->sctr;
        c->response_len++;
        return;
    }
    c->own_seq += 1 + c->skip_seq;
    seal_message(c, c->sctr, c->own_seq, c->plain, c->plain_len);
}
