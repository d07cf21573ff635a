/* SPDX-License-Identifier: MIT */
/*
 * Elliptic curve arithmetic by OpenSSL, in the encodings of the chip
 * (reference 7): BIT STRING points, bare INTEGER pairs, fixed-width secrets.
 * RSA has crypto_rsa.c to itself.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "chip.h"

#define FIELD_MAX 66

struct curve {
    uint8_t alg;
    const char *name;
    size_t field;
};

static const struct curve curves[] = {
    {SIM_A_P256, "prime256v1", 32},       {SIM_A_P384, "secp384r1", 48},
    {SIM_A_P521, "secp521r1", 66},        {SIM_A_BP256, "brainpoolP256r1", 32},
    {SIM_A_BP384, "brainpoolP384r1", 48}, {SIM_A_BP512, "brainpoolP512r1", 64},
};

static const struct curve *curve_of(uint8_t alg) {
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (curves[i].alg == alg) {
            return &curves[i];
        }
    }
    return NULL;
}

size_t cleat_sim_crypto_field_len(uint8_t alg) {
    const struct curve *c = curve_of(alg);
    return c == NULL ? 0 : c->field;
}

bool cleat_sim_crypto_is_ec(uint8_t alg) {
    return curve_of(alg) != NULL;
}

bool cleat_sim_crypto_on_v1(uint8_t alg) {
    return alg == SIM_A_P256 || alg == SIM_A_P384 ||
           cleat_sim_crypto_is_rsa(alg);
}

uint8_t cleat_sim_crypto_alg_named(const char *group) {
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (strcmp(curves[i].name, group) == 0) {
            return curves[i].alg;
        }
    }
    return 0;
}

int cleat_sim_crypto_random(uint8_t *out, size_t len) {
    return RAND_bytes(out, (int)len) == 1 ? 0 : -1;
}

int cleat_sim_crypto_keep(EVP_PKEY *pkey, uint8_t alg,
                          struct cleat_sim_key *key) {
    uint8_t *der = NULL;
    int len = i2d_PrivateKey(pkey, &der);
    if (len <= 0 || (size_t)len > sizeof key->der) {
        OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
        return -1;
    }
    key->alg = alg;
    memcpy(key->der, der, (size_t)len);
    key->len = (size_t)len;
    OPENSSL_clear_free(der, (size_t)len);
    return 0;
}

static EVP_PKEY *pair_from(const struct curve *c, const uint8_t *point,
                           size_t len, const BIGNUM *d) {
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params = NULL;
    if (b != NULL && ctx != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, c->name,
                                        0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         len) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1) {
        params = OSSL_PARAM_BLD_to_param(b);
    }
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
        pkey = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

int cleat_sim_crypto_ec_from(uint8_t alg, struct cleat_bytes scalar,
                             struct cleat_sim_key *key) {
    const struct curve *c = curve_of(alg);
    uint8_t point[1 + 2 * FIELD_MAX];
    size_t len = 0;
    EC_GROUP *g =
        c == NULL ? NULL : EC_GROUP_new_by_curve_name(OBJ_sn2nid(c->name));
    EC_POINT *p = g == NULL ? NULL : EC_POINT_new(g);
    BIGNUM *d = BN_bin2bn(scalar.data, (int)scalar.len, NULL);
    if (p != NULL && d != NULL && !BN_is_zero(d) &&
        BN_cmp(d, EC_GROUP_get0_order(g)) < 0 &&
        EC_POINT_mul(g, p, d, NULL, NULL, NULL) == 1) {
        len = EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED, point,
                                 sizeof point, NULL);
    }
    EVP_PKEY *pkey = len == 0 ? NULL : pair_from(c, point, len, d);
    int err = pkey == NULL ? -1 : cleat_sim_crypto_keep(pkey, alg, key);
    EVP_PKEY_free(pkey);
    BN_clear_free(d);
    EC_POINT_free(p);
    EC_GROUP_free(g);
    return err;
}

int cleat_sim_crypto_generate(uint8_t alg, struct cleat_sim_key *key) {
    const struct curve *c = curve_of(alg);
    if (cleat_sim_crypto_is_rsa(alg)) {
        return cleat_sim_crypto_rsa_generate(alg, key);
    }
    EVP_PKEY *pkey = c == NULL ? NULL : EVP_EC_gen(c->name);
    int err = pkey == NULL ? -1 : cleat_sim_crypto_keep(pkey, alg, key);
    EVP_PKEY_free(pkey);
    return err;
}

EVP_PKEY *cleat_sim_crypto_load(const struct cleat_sim_key *key) {
    const uint8_t *p = key->der;
    int type = cleat_sim_crypto_is_rsa(key->alg) ? EVP_PKEY_RSA : EVP_PKEY_EC;
    return d2i_PrivateKey(type, NULL, &p, (long)key->len);
}

/* DER length octets. */
void cleat_sim_crypto_der_head(struct cleat_writer *w, uint8_t tag,
                               size_t len) {
    cleat_write_u8(w, tag);
    if (len >= 256) {
        cleat_write_u8(w, 0x82);
        cleat_write_u16(w, (uint16_t)len);
        return;
    }
    if (len >= 128) {
        cleat_write_u8(w, 0x81);
    }
    cleat_write_u8(w, (uint8_t)len);
}

/* The BIT STRING a point is wrapped in, as it ends a SubjectPublicKeyInfo. */
static int write_point(EVP_PKEY *pkey, struct cleat_writer *out) {
    uint8_t point[1 + 2 * FIELD_MAX];
    size_t len = 0;
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
                                        sizeof point, &len) != 1) {
        return -1;
    }
    cleat_sim_crypto_der_head(out, 0x03, len + 1);
    cleat_write_u8(out, 0);
    cleat_write_bytes(out, cleat_bytes_of(point, len));
    return 0;
}

int cleat_sim_crypto_public(const struct cleat_sim_key *key,
                            struct cleat_writer *out) {
    EVP_PKEY *pkey = cleat_sim_crypto_load(key);
    if (pkey == NULL) {
        return -1;
    }
    int err = cleat_sim_crypto_is_rsa(key->alg)
                  ? cleat_sim_crypto_rsa_public(pkey, out)
                  : write_point(pkey, out);
    EVP_PKEY_free(pkey);
    return err;
}

int cleat_sim_crypto_private(const struct cleat_sim_key *key, uint8_t *out,
                             size_t *len) {
    bool rsa = cleat_sim_crypto_is_rsa(key->alg);
    EVP_PKEY *pkey = cleat_sim_crypto_load(key);
    BIGNUM *bn = NULL;
    int ok = pkey != NULL &&
             EVP_PKEY_get_bn_param(
                 pkey, rsa ? OSSL_PKEY_PARAM_RSA_D : OSSL_PKEY_PARAM_PRIV_KEY,
                 &bn) == 1;
    if (ok) {
        *len = rsa ? (size_t)EVP_PKEY_get_size(pkey)
                   : cleat_sim_crypto_field_len(key->alg);
        ok = BN_bn2binpad(bn, out, (int)*len) == (int)*len;
    }
    BN_clear_free(bn);
    EVP_PKEY_free(pkey);
    return ok ? 0 : -1;
}

/* Length octets of a BIT STRING or INTEGER; minimal or not. */
bool cleat_sim_crypto_der_take(struct cleat_reader *r, uint8_t tag,
                               struct cleat_bytes *value) {
    if (cleat_read_u8(r) != tag) {
        return false;
    }
    size_t len = cleat_read_u8(r);
    if (len == 0x81) {
        len = cleat_read_u8(r);
    } else if (len == 0x82) {
        len = cleat_read_u16(r);
    } else if (len > 0x7F) {
        return false;
    }
    *value = cleat_read_bytes(r, len);
    return !r->failed;
}

static EVP_PKEY *load_point(const struct curve *c, struct cleat_bytes point) {
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char name[24];
    uint8_t copy[1 + 2 * FIELD_MAX];
    strcpy(name, c->name);
    memcpy(copy, point.data, point.len);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy,
                                          point.len),
        OSSL_PARAM_construct_end()};
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_CTX *check =
        pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (check == NULL || EVP_PKEY_public_check(check) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(check);
    return pkey;
}

int cleat_sim_crypto_public_load(uint8_t alg, struct cleat_bytes bits,
                                 EVP_PKEY **key) {
    const struct curve *c = curve_of(alg);
    struct cleat_reader r = cleat_reader_of(bits);
    struct cleat_bytes inner;
    *key = NULL;
    if (!cleat_sim_crypto_der_take(&r, 0x03, &inner) ||
        cleat_reader_left(&r) != 0) {
        return SIM_E_DATA;
    }
    struct cleat_reader in = cleat_reader_of(inner);
    uint8_t unused = cleat_read_u8(&in);
    struct cleat_bytes body = cleat_read_bytes(&in, cleat_reader_left(&in));
    if (cleat_sim_crypto_is_rsa(alg)) {
        return unused == 0 ? cleat_sim_crypto_rsa_load(alg, body, key)
                           : SIM_E_DATA;
    }
    if (c == NULL || unused != 0 || body.len != 1 + 2 * c->field ||
        body.data[0] != 0x04) {
        return SIM_E_DATA;
    }
    *key = load_point(c, body);
    return *key == NULL ? SIM_E_OFF_CURVE : SIM_OK;
}

/* The chip writes the whole width and never drops a leading zero byte, so
 * about 1 in 256 is not minimal DER. */
static void write_integer(struct cleat_writer *w, const uint8_t *be,
                          size_t len) {
    bool high = (be[0] & 0x80) != 0;
    cleat_sim_crypto_der_head(w, 0x02, len + high);
    if (high) {
        cleat_write_u8(w, 0);
    }
    cleat_write_bytes(w, cleat_bytes_of(be, len));
}

static bool sign_once(EVP_PKEY *pkey, struct cleat_bytes digest, uint8_t *r,
                      uint8_t *s, size_t field) {
    uint8_t der[160];
    size_t len = sizeof der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
              EVP_PKEY_sign(ctx, der, &len, digest.data, digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    const uint8_t *p = der;
    ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &p, (long)len) : NULL;
    ok = sig != NULL &&
         BN_bn2binpad(ECDSA_SIG_get0_r(sig), r, (int)field) > 0 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), s, (int)field) > 0;
    ECDSA_SIG_free(sig);
    return ok;
}

static bool is_padded(const uint8_t *n) {
    return n[0] == 0 && n[1] < 0x80;
}

int cleat_sim_crypto_ecdsa_sign(const struct cleat_sim_key *key,
                                struct cleat_bytes digest, bool padded,
                                struct cleat_writer *out) {
    uint8_t r[FIELD_MAX];
    uint8_t s[FIELD_MAX];
    size_t field = cleat_sim_crypto_field_len(key->alg);
    EVP_PKEY *pkey = cleat_sim_crypto_load(key);
    bool ok = false;
    /* Signatures differ from one to the next: draw until one has the zero. */
    for (int i = 0; pkey != NULL && i < 20000; i++) {
        ok = sign_once(pkey, digest, r, s, field);
        if (!ok || !padded || is_padded(r) || is_padded(s)) {
            break;
        }
    }
    EVP_PKEY_free(pkey);
    if (!ok) {
        return -1;
    }
    write_integer(out, r, field);
    write_integer(out, s, field);
    return 0;
}

static BIGNUM *take_integer(struct cleat_reader *r, size_t field) {
    struct cleat_bytes n;
    if (!cleat_sim_crypto_der_take(r, 0x02, &n) || n.len == 0 ||
        n.len > field + 1 || (n.data[0] & 0x80) != 0) {
        return NULL;
    }
    return BN_bin2bn(n.data, (int)n.len, NULL);
}

int cleat_sim_crypto_ecdsa_verify(EVP_PKEY *key, size_t field,
                                  struct cleat_bytes digest,
                                  struct cleat_bytes signature) {
    struct cleat_reader in = cleat_reader_of(signature);
    BIGNUM *r = take_integer(&in, field);
    BIGNUM *s = r == NULL ? NULL : take_integer(&in, field);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    if (s == NULL || cleat_reader_left(&in) != 0 || sig == NULL ||
        ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return SIM_E_DATA;
    }
    uint8_t *der = NULL;
    int len = i2d_ECDSA_SIG(sig, &der);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool good =
        len > 0 && ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
        EVP_PKEY_verify(ctx, der, (size_t)len, digest.data, digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return good ? SIM_OK : SIM_E_SIGNATURE;
}

int cleat_sim_crypto_ecdh(const struct cleat_sim_key *key, EVP_PKEY *peer,
                          uint8_t *out, size_t *len) {
    EVP_PKEY *own = cleat_sim_crypto_load(key);
    EVP_PKEY_CTX *ctx =
        own == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, out, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    return ok ? 0 : -1;
}
