/* SPDX-License-Identifier: MIT */
/*
 * What the shielded connection computes with, by OpenSSL: AES-128-CCM with an
 * eight byte tag, and the key derivation of TLS 1.2.
 */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "chip.h"

#define TAG 8

/* Lengths, key and nonce in the order OpenSSL wants them. */
static bool begin(EVP_CIPHER_CTX *ctx, const struct cleat_sim_ccm *c,
                  uint8_t *tag, int text_len, bool seal) {
    int n = 0;
    return ctx != NULL &&
           EVP_CipherInit_ex(ctx, EVP_aes_128_ccm(), NULL, NULL, NULL, seal) ==
               1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)c->nonce.len,
                               NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
                               seal ? NULL : tag) == 1 &&
           EVP_CipherInit_ex(ctx, NULL, NULL, c->key, c->nonce.data, seal) ==
               1 &&
           EVP_CipherUpdate(ctx, NULL, &n, NULL, text_len) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, c->aad.data, (int)c->aad.len) == 1;
}

int cleat_sim_crypto_seal(const struct cleat_sim_ccm *c,
                          struct cleat_bytes plain, uint8_t *out) {
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = begin(ctx, c, NULL, (int)plain.len, true) &&
              EVP_CipherUpdate(ctx, out, &n, plain.data, (int)plain.len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
                                  out + plain.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? 0 : -1;
}

int cleat_sim_crypto_unseal(const struct cleat_sim_ccm *c,
                            struct cleat_bytes sealed, uint8_t *out) {
    struct cleat_reader r = cleat_reader_of(sealed);
    if (sealed.len <= TAG) {
        return -1;
    }
    struct cleat_bytes text = cleat_read_bytes(&r, sealed.len - TAG);
    struct cleat_bytes tail = cleat_read_bytes(&r, TAG);
    uint8_t tag[TAG];
    int n = 0;
    memcpy(tag, tail.data, sizeof tag);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = begin(ctx, c, tag, (int)text.len, false) &&
              EVP_CipherUpdate(ctx, out, &n, text.data, (int)text.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        cleat_wipe(out, text.len);
    }
    return ok ? 0 : -1;
}

int cleat_sim_crypto_prf(struct cleat_bytes secret, struct cleat_bytes seed,
                         uint8_t *out, size_t len) {
    EVP_KDF *method = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = method == NULL ? NULL : EVP_KDF_CTX_new(method);
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
                                          (void *)secret.data, secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED,
                                          (void *)seed.data, seed.len),
        OSSL_PARAM_construct_end()};
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, p) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(method);
    return ok ? 0 : -1;
}
