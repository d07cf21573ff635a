/* SPDX-License-Identifier: MIT */
/*
 * RSA by OpenSSL, in the encodings of the chip: PKCS#1 v1.5 on a digest the
 * host made, public keys with the manual's four-byte exponent.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "chip.h"

#define MODULUS_MAX 256

bool cleat_sim_crypto_is_rsa(uint8_t alg) {
    return alg == SIM_A_RSA1024 || alg == SIM_A_RSA2048;
}

static unsigned bits_of(uint8_t alg) {
    return alg == SIM_A_RSA1024 ? 1024 : 2048;
}

int cleat_sim_crypto_rsa_generate(uint8_t alg, struct cleat_sim_key *key) {
    EVP_PKEY *pkey = EVP_RSA_gen(bits_of(alg));
    int err = pkey == NULL ? -1 : cleat_sim_crypto_keep(pkey, alg, key);
    EVP_PKEY_free(pkey);
    return err;
}

/* SEQUENCE { INTEGER n, INTEGER e }, e with the zero byte the chip has. */
int cleat_sim_crypto_rsa_public(EVP_PKEY *pkey, struct cleat_writer *out) {
    static const uint8_t exponent[] = {0x02, 0x04, 0x00, 0x01, 0x00, 0x01};
    uint8_t n[MODULUS_MAX + 1] = {0};
    uint8_t body[MODULUS_MAX + 32];
    uint8_t seq[MODULUS_MAX + 40];
    size_t size = (size_t)EVP_PKEY_get_size(pkey);
    BIGNUM *bn = NULL;
    if (size > MODULUS_MAX ||
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bn) != 1) {
        return -1;
    }
    (void)BN_bn2binpad(bn, n + 1, (int)size);
    BN_free(bn);
    struct cleat_writer b = cleat_writer_of(body, sizeof body);
    cleat_sim_crypto_der_head(&b, 0x02, size + 1);
    cleat_write_bytes(&b, cleat_bytes_of(n, size + 1));
    cleat_write_bytes(&b, cleat_bytes_of(exponent, sizeof exponent));
    struct cleat_writer s = cleat_writer_of(seq, sizeof seq);
    cleat_write_u8(&s, 0);
    cleat_sim_crypto_der_head(&s, 0x30, b.len);
    cleat_write_bytes(&s, cleat_bytes_of(body, b.len));
    cleat_sim_crypto_der_head(out, 0x03, s.len);
    cleat_write_bytes(out, cleat_bytes_of(seq, s.len));
    return 0;
}

static EVP_PKEY *from_numbers(struct cleat_bytes n, struct cleat_bytes e) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *bn = BN_bin2bn(n.data, (int)n.len, NULL);
    BIGNUM *be = BN_bin2bn(e.data, (int)e.len, NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (bld != NULL && bn != NULL && be != NULL &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1) {
        params = OSSL_PARAM_BLD_to_param(bld);
    }
    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(bn);
    BN_free(be);
    return pkey;
}

int cleat_sim_crypto_rsa_load(uint8_t alg, struct cleat_bytes body,
                              EVP_PKEY **key) {
    struct cleat_reader r = cleat_reader_of(body);
    struct cleat_bytes seq;
    struct cleat_bytes n;
    struct cleat_bytes e;
    if (!cleat_sim_crypto_der_take(&r, 0x30, &seq) ||
        cleat_reader_left(&r) != 0) {
        return SIM_E_DATA;
    }
    struct cleat_reader in = cleat_reader_of(seq);
    if (!cleat_sim_crypto_der_take(&in, 0x02, &n) ||
        !cleat_sim_crypto_der_take(&in, 0x02, &e) ||
        cleat_reader_left(&in) != 0) {
        return SIM_E_DATA;
    }
    *key = from_numbers(n, e);
    if (*key == NULL) {
        return SIM_E_DATA;
    }
    if (EVP_PKEY_get_bits(*key) != (int)bits_of(alg)) {
        EVP_PKEY_free(*key);
        *key = NULL;
        return SIM_E_DATA;
    }
    return SIM_OK;
}

static bool pkcs1(EVP_PKEY_CTX *ctx, const EVP_MD *md) {
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
           (md == NULL || EVP_PKEY_CTX_set_signature_md(ctx, md) == 1);
}

int cleat_sim_crypto_rsa_sign(const struct cleat_sim_key *key, const EVP_MD *md,
                              struct cleat_bytes digest,
                              struct cleat_writer *out) {
    uint8_t signature[MODULUS_MAX];
    size_t len = sizeof signature;
    EVP_PKEY *pkey = cleat_sim_crypto_load(key);
    EVP_PKEY_CTX *ctx =
        pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && pkcs1(ctx, md) &&
              EVP_PKEY_sign(ctx, signature, &len, digest.data, digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    if (ok) {
        cleat_write_bytes(out, cleat_bytes_of(signature, len));
    }
    return ok ? 0 : -1;
}

int cleat_sim_crypto_rsa_verify(EVP_PKEY *key, const EVP_MD *md,
                                struct cleat_bytes digest,
                                struct cleat_bytes signature) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
                pkcs1(ctx, md) &&
                EVP_PKEY_verify(ctx, signature.data, signature.len, digest.data,
                                digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good ? SIM_OK : SIM_E_SIGNATURE;
}

int cleat_sim_crypto_rsa_encrypt(EVP_PKEY *key, struct cleat_bytes message,
                                 struct cleat_writer *out) {
    uint8_t text[MODULUS_MAX];
    size_t len = sizeof text;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
              pkcs1(ctx, NULL) &&
              EVP_PKEY_encrypt(ctx, text, &len, message.data, message.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (ok) {
        cleat_sim_command_put(out, 0x61, cleat_bytes_of(text, len));
    }
    return ok ? SIM_OK : SIM_E_DATA;
}

int cleat_sim_crypto_rsa_decrypt(const struct cleat_sim_key *key,
                                 struct cleat_bytes text, uint8_t *out,
                                 size_t *len) {
    EVP_PKEY *pkey = cleat_sim_crypto_load(key);
    EVP_PKEY_CTX *ctx =
        pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok =
        ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 && pkcs1(ctx, NULL);
    if (ok) {
        /* OpenSSL 3.2 and later would answer bad padding with a made-up
         * message; the chip reports it. Older ones do not know the name. */
        (void)EVP_PKEY_CTX_ctrl_str(ctx, "rsa_pkcs1_implicit_rejection", "0");
    }
    ok = ok && EVP_PKEY_decrypt(ctx, out, len, text.data, text.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok ? SIM_OK : SIM_E_DECRYPT;
}
