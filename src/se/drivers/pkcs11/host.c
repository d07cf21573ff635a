/* SPDX-License-Identifier: MIT */
/*
 * What OpenSSL computes for a token: hashes, checks of signatures where the
 * token does not check, and ephemeral keys if the user asked for that with
 * x-ecdhe=host. The identity key is never here.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "se/drivers/pkcs11/token.h"

#define DER_MAX 160

static enum cleat_curve curve_of(const struct cleat_se_op *op) {
    return op->curve == 0 ? CLEAT_CURVE_P256 : op->curve;
}

static int failed(struct cleat_se_op *op, const char *text) {
    ERR_clear_error();
    return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP, text);
}

static EVP_PKEY *public_key(const struct cleat_se_op *op) {
    char p256[] = "P-256";
    char p384[] = "P-384";
    char *name = curve_of(op) == CLEAT_CURVE_P384 ? p384 : p256;
    OSSL_PARAM params[3] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                          (void *)(uintptr_t)op->key.data,
                                          op->key.len),
        OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
        EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(c);
    return key;
}

/* @return length of the DER form of r s, 0 on failure. */
static size_t encode(struct cleat_bytes rs, uint8_t der[DER_MAX]) {
    int half = (int)(rs.len / 2);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(rs.data, half, NULL);
    BIGNUM *s = BN_bin2bn(rs.data + half, half, NULL);
    int len = 0;
    if (sig != NULL && r != NULL && s != NULL &&
        ECDSA_SIG_set0(sig, r, s) == 1) {
        r = NULL; /* The signature owns both now. */
        s = NULL;
        len = i2d_ECDSA_SIG(sig, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return len < 0 ? 0 : (size_t)len;
}

int cleat_pkcs11_host_verify(struct cleat_se_op *op) {
    uint8_t der[DER_MAX];
    size_t most = cleat_curve_bytes(curve_of(op));
    size_t digest_len = op->in.len < most ? op->in.len : most;
    op->on_host = true;
    EVP_PKEY *key = public_key(op);
    if (key == NULL) {
        return failed(op, "the public key is not on its curve");
    }
    size_t len = encode(op->signature, der);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    bool good = len > 0 && c != NULL && EVP_PKEY_verify_init(c) == 1 &&
                EVP_PKEY_verify(c, der, len, op->in.data, digest_len) == 1;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return good ? 0
                : cleat_pkcs11_words_say(op, CLEAT_ERR_VERIFY,
                                         "signature is not good");
}

int cleat_pkcs11_host_generate(struct cleat_pkcs11_pair *pair,
                               struct cleat_se_op *op) {
    size_t want = 1 + 2 * cleat_curve_bytes(curve_of(op));
    size_t len = 0;
    op->on_host = true;
    pair->host =
        EVP_EC_gen(curve_of(op) == CLEAT_CURVE_P384 ? "P-384" : "P-256");
    if (pair->host == NULL ||
        EVP_PKEY_get_octet_string_param(pair->host, OSSL_PKEY_PARAM_PUB_KEY,
                                        op->out.data, op->out.cap, &len) != 1 ||
        len != want) {
        EVP_PKEY_free(pair->host);
        pair->host = NULL;
        return failed(op, "no ephemeral key could be made");
    }
    pair->curve = curve_of(op);
    op->out.len = len;
    return 0;
}

int cleat_pkcs11_host_agree(struct cleat_pkcs11_pair *pair,
                            struct cleat_se_op *op) {
    size_t want = cleat_curve_bytes(pair->curve);
    size_t len = op->out.cap;
    op->on_host = true;
    EVP_PKEY *peer = public_key(op);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pair->host, NULL);
    bool ok = peer != NULL && c != NULL && EVP_PKEY_derive_init(c) == 1 &&
              EVP_PKEY_derive_set_peer(c, peer) == 1 &&
              EVP_PKEY_derive(c, op->out.data, &len) == 1 && len == want;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(peer);
    if (!ok) {
        return failed(op, "no secret could be agreed on");
    }
    op->out.len = len;
    return 0;
}

int cleat_pkcs11_host_hash(struct cleat_se_op *op) {
    unsigned len = 0;
    op->on_host = true;
    if (EVP_Digest(op->in.data, op->in.len, op->out.data, &len, EVP_sha256(),
                   NULL) != 1) {
        return failed(op, "the hash could not be computed");
    }
    op->out.len = len;
    return 0;
}
