/* SPDX-License-Identifier: MIT */
/* Keys and certificates of an element; see identity.h. */
#define _POSIX_C_SOURCE 200809L
#include "identity.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>
#include <strings.h>

#include "chip_keys.h"
#include "cleat/linux_random.h"
#include "metadata.h"

static const struct {
    enum cleat_curve curve;
    const char *group, *name;
} curves[] = {
    {CLEAT_CURVE_P256, "prime256v1", "p256"},
    {CLEAT_CURVE_P384, "secp384r1", "p384"},
    /* Beyond what TLS here needs: by commands of cleat/se_keys.h. */
    {(enum cleat_curve)CLEAT_SE_ALG_P521, "secp521r1", "p521"},
    {(enum cleat_curve)CLEAT_SE_ALG_BRAINPOOL256, "brainpoolP256r1", "bp256"},
    {(enum cleat_curve)CLEAT_SE_ALG_BRAINPOOL384, "brainpoolP384r1", "bp384"},
    {(enum cleat_curve)CLEAT_SE_ALG_BRAINPOOL512, "brainpoolP512r1", "bp512"}};

#define CURVES (sizeof curves / sizeof curves[0])

const char *cli_identity_group(enum cleat_curve curve) {
    for (size_t i = 0; i < CURVES; i++) {
        if (curves[i].curve == curve) {
            return curves[i].group;
        }
    }
    return NULL;
}

enum cleat_curve cli_identity_curve_named(const char *name) {
    for (size_t i = 0; i < CURVES; i++) {
        if (strcasecmp(curves[i].name, name) == 0 ||
            strcasecmp(curves[i].group, name) == 0) {
            return curves[i].curve;
        }
    }
    return (enum cleat_curve)0;
}

enum cleat_curve cli_identity_curve(const EVP_PKEY *key) {
    char name[64] = "";
    size_t len = 0;
    if (key == NULL ||
        EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1) {
        ERR_clear_error();
        return (enum cleat_curve)0;
    }
    return cli_identity_curve_named(name);
}

size_t cli_identity_bytes(enum cleat_curve curve) {
    return cli_identity_group(curve) == NULL
               ? 0
               : cleat_se_alg_bytes((enum cleat_se_alg)curve);
}

const EVP_MD *cli_identity_digest(enum cleat_curve curve) {
    size_t n = cli_identity_bytes(curve);
    return n > 48 ? EVP_sha512() : n > 32 ? EVP_sha384() : EVP_sha256();
}

static size_t digest_len(enum cleat_curve curve) {
    return (size_t)EVP_MD_get_size(cli_identity_digest(curve));
}

/* Curves that the operations of cleat/se.h do not know. */
static bool is_wide(enum cleat_curve curve) {
    return cleat_curve_bytes(curve) == 0;
}

static struct cleat_se_key key_of(struct cli_chip_call *c, uint16_t object,
                                  enum cleat_curve curve) {
    return cli_keys_open(c, object, (enum cleat_se_alg)curve);
}

EVP_PKEY *cli_identity_key(enum cleat_curve curve, struct cleat_bytes point) {
    char group[32];
    const char *name = cli_identity_group(curve);
    snprintf(group, sizeof group, "%s", name == NULL ? "" : name);
    OSSL_PARAM params[3] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(
            OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.len),
        OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

size_t cli_identity_point(const EVP_PKEY *key, uint8_t *out, size_t cap) {
    size_t len = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, cap,
                                        &len) != 1) {
        ERR_clear_error();
        return 0;
    }
    return len;
}

/* ---- signatures ---- */

static ECDSA_SIG *sig_of(struct cleat_bytes rs) {
    int half = (int)(rs.len / 2);
    BIGNUM *r = BN_bin2bn(rs.data, half, NULL);
    BIGNUM *s = BN_bin2bn(rs.data + half, half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    if (r == NULL || s == NULL || sig == NULL ||
        ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return NULL;
    }
    return sig;
}

size_t cli_identity_to_der(struct cleat_bytes rs, uint8_t *out, size_t cap) {
    ECDSA_SIG *sig = sig_of(rs);
    int len = sig == NULL ? 0 : i2d_ECDSA_SIG(sig, NULL);
    if (len > 0 && (size_t)len <= cap) {
        len = i2d_ECDSA_SIG(sig, &out);
    } else {
        len = 0;
    }
    ECDSA_SIG_free(sig);
    return len < 0 ? 0 : (size_t)len;
}

size_t cli_identity_from_der(enum cleat_curve curve, struct cleat_bytes der,
                             uint8_t *out, size_t cap) {
    int n = (int)cli_identity_bytes(curve);
    const unsigned char *at = der.data;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    bool ok = sig != NULL && at == der.data + der.len && cap >= 2 * (size_t)n &&
              BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, n) == n &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + n, n) == n;
    ECDSA_SIG_free(sig);
    ERR_clear_error();
    return ok ? 2 * (size_t)n : 0;
}

bool cli_identity_good(EVP_PKEY *key, struct cleat_bytes digest,
                       struct cleat_bytes rs) {
    uint8_t der[CLI_IDENTITY_MAX + 16];
    size_t len = cli_identity_to_der(rs, der, sizeof der);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool good = len > 0 && ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_verify(ctx, der, len, digest.data, digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

/* A slot that was never filled is the commonest reason. */
static void say_if_empty(struct cli_chip_call *c, uint16_t object) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len = cli_chip_metadata(c, object, raw, sizeof raw);
    if (len > 0 && cli_metadata_parse(&m, cleat_bytes_of(raw, len)) &&
        m.algorithm < 0) {
        cli_error("0x%04X is empty: `cleat chip keygen 0x%04X` makes a key",
                  object, object);
    }
}

int cli_identity_sign(struct cli_chip_call *c, uint16_t object,
                      enum cleat_curve curve, struct cleat_bytes digest,
                      struct cleat_buf *rs) {
    if (is_wide(curve)) {
        struct cleat_se_key key = key_of(c, object, curve);
        int err = cleat_se_key_sign(&key, digest, rs);
        return cli_keys_said(c, &key, err, "the key does not sign");
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_SIGN, object, rs->data, rs->cap);
    op.curve = curve;
    op.in = digest;
    int status = cli_chip_do(c, &op, "the key does not sign");
    if (status == CLI_REFUSED) {
        say_if_empty(c, object);
    }
    rs->len = op.out.len;
    return status;
}

int cli_identity_verify(struct cli_chip_call *c, enum cleat_curve curve,
                        struct cleat_bytes point, struct cleat_bytes digest,
                        struct cleat_bytes rs) {
    if (is_wide(curve)) {
        struct cleat_se_key key = key_of(c, 0, curve);
        return cli_keys_said(c, &key,
                             cleat_se_key_verify(&key, point, digest, rs),
                             "not a good signature");
    }
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_VERIFY, 0, NULL, 0);
    op.curve = curve;
    op.in = digest;
    op.signature = rs;
    op.key = point;
    return cli_chip_do(c, &op, "not a good signature");
}

static int make_key(struct cli_chip_call *c, uint16_t object,
                    enum cleat_curve curve, uint8_t usage,
                    struct cleat_buf *point) {
    if (is_wide(curve)) {
        struct cleat_se_key key = key_of(c, object, curve);
        return cli_keys_said(c, &key, cleat_se_key_generate(&key, usage, point),
                             "no key was made");
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_GENERATE, object, point->data, point->cap);
    op.curve = curve;
    op.usage = usage;
    int status = cli_chip_do(c, &op, "no key was made");
    point->len = op.out.len;
    return status;
}

EVP_PKEY *cli_identity_generate(struct cli_chip_call *c, uint16_t object,
                                enum cleat_curve curve, uint8_t usage,
                                int *status) {
    uint8_t room[CLI_IDENTITY_MAX];
    struct cleat_buf point = {room, sizeof room, 0};
    *status = make_key(c, object, curve, usage, &point);
    if (*status != CLI_OK) {
        return NULL;
    }
    EVP_PKEY *key = cli_identity_key(curve, cleat_bytes_of(room, point.len));
    if (key == NULL) {
        *status = cli_report_fail(&c->report, CLI_MISMATCH, "try once more",
                                  "the element's public key is no point of "
                                  "the curve");
        return NULL;
    }
    if ((usage & (CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN)) != 0) {
        *status = cli_identity_challenge(c, object, key);
    }
    if (*status == CLI_MISMATCH) {
        cli_report_fail(&c->report, *status, "try once more",
                        "the new key does not sign for its public key");
    }
    if (*status != CLI_OK) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* ---- the public key of a slot ---- */

/* What recovering one candidate needs. */
struct recovery {
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *r, *s, *e, *inverse;
    EC_POINT *point, *q;
    struct cleat_bytes digest, rs;
    enum cleat_curve curve;
};

/* A digest as a number, cut to the bits of the order. */
static bool number_of(struct recovery *v) {
    const BIGNUM *order = EC_GROUP_get0_order(v->group);
    int bits = BN_num_bits(order);
    size_t len = v->digest.len;
    if (len > (size_t)(bits + 7) / 8) {
        len = (size_t)(bits + 7) / 8;
    }
    return BN_bin2bn(v->digest.data, (int)len, v->e) != NULL &&
           ((int)(len * 8) <= bits ||
            BN_rshift(v->e, v->e, (int)(len * 8) - bits) == 1);
}

/* Q = (s R - e G) / r, SEC 1 4.1.6. @return the key, or NULL. */
static EVP_PKEY *candidate(struct recovery *v, int odd) {
    uint8_t out[CLI_IDENTITY_MAX];
    const BIGNUM *order = EC_GROUP_get0_order(v->group);
    if (EC_POINT_set_compressed_coordinates(v->group, v->point, v->r, odd,
                                            v->ctx) != 1 ||
        BN_mod_inverse(v->inverse, v->r, order, v->ctx) == NULL) {
        ERR_clear_error();
        return NULL;
    }
    BIGNUM *a = BN_new();
    BIGNUM *b = BN_new();
    size_t len = 0;
    if (a != NULL && b != NULL && BN_mod_sub(b, order, v->e, order, v->ctx) &&
        BN_mod_mul(a, v->s, v->inverse, order, v->ctx) &&
        BN_mod_mul(b, b, v->inverse, order, v->ctx) &&
        EC_POINT_mul(v->group, v->q, b, v->point, a, v->ctx)) {
        len = EC_POINT_point2oct(v->group, v->q, POINT_CONVERSION_UNCOMPRESSED,
                                 out, sizeof out, v->ctx);
    }
    BN_free(a);
    BN_free(b);
    return len == 0 ? NULL
                    : cli_identity_key(v->curve, cleat_bytes_of(out, len));
}

static void end_recovery(struct recovery *v) {
    EC_POINT_free(v->point);
    EC_POINT_free(v->q);
    EC_GROUP_free(v->group);
    BN_free(v->r);
    BN_free(v->s);
    BN_free(v->e);
    BN_free(v->inverse);
    BN_CTX_free(v->ctx);
}

static bool begin_recovery(struct recovery *v) {
    int half = (int)(v->rs.len / 2);
    v->group =
        EC_GROUP_new_by_curve_name(OBJ_sn2nid(cli_identity_group(v->curve)));
    if (v->group == NULL) {
        return false;
    }
    v->ctx = BN_CTX_new();
    v->r = BN_bin2bn(v->rs.data, half, NULL);
    v->s = BN_bin2bn(v->rs.data + half, half, NULL);
    v->e = BN_new();
    v->inverse = BN_new();
    v->point = EC_POINT_new(v->group);
    v->q = EC_POINT_new(v->group);
    return v->ctx != NULL && v->r != NULL && v->s != NULL && v->e != NULL &&
           v->inverse != NULL && v->point != NULL && v->q != NULL &&
           number_of(v);
}

/* @return the candidate that made the other signature, too. */
static EVP_PKEY *recover(struct recovery *v, struct cleat_bytes digest,
                         struct cleat_bytes rs) {
    EVP_PKEY *found = NULL;
    bool ready = begin_recovery(v);
    for (int odd = 0; ready && found == NULL && odd < 2; odd++) {
        EVP_PKEY *key = candidate(v, odd);
        if (key != NULL && cli_identity_good(key, digest, rs)) {
            found = key;
        } else {
            EVP_PKEY_free(key);
        }
    }
    end_recovery(v);
    return found;
}

/* Its certificate tells; without one, trying does. */
static enum cleat_curve curve_without_metadata(struct cli_chip_call *c,
                                               uint16_t object) {
    uint8_t digest[48] = {1};
    uint8_t rs[CLEAT_SE_SIGNATURE_MAX];
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_CERTIFICATE, CLEAT_SE_OBJECT_CERTIFICATE, c->data,
                    CLI_CHIP_OBJECT_MAX);
    if (cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK) {
        const unsigned char *at = c->data;
        X509 *x = d2i_X509(NULL, &at, (long)op.out.len);
        enum cleat_curve found =
            cli_identity_curve(x == NULL ? NULL : X509_get0_pubkey(x));
        X509_free(x);
        ERR_clear_error();
        return found == (enum cleat_curve)0 ? CLEAT_CURVE_P256 : found;
    }
    op = cli_chip_op(CLEAT_SE_SIGN, object, rs, sizeof rs);
    op.curve = CLEAT_CURVE_P384;
    op.in = cleat_bytes_of(digest, sizeof digest);
    return cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK ? CLEAT_CURVE_P384
                                                      : CLEAT_CURVE_P256;
}

enum cleat_curve cli_identity_curve_of(struct cli_chip_call *c,
                                       uint16_t object) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len = cli_chip_metadata(c, object, raw, sizeof raw);
    if (len > 0 && cli_metadata_parse(&m, cleat_bytes_of(raw, len)) &&
        m.algorithm >= 0) {
        return (enum cleat_curve)m.algorithm;
    }
    return len == 0 ? curve_without_metadata(c, object) : CLEAT_CURVE_P256;
}

EVP_PKEY *cli_identity_recover(struct cli_chip_call *c, uint16_t object,
                               int *status) {
    uint8_t digest[2][EVP_MAX_MD_SIZE];
    uint8_t rs[2][CLI_IDENTITY_MAX];
    size_t rs_len[2];
    struct recovery v;
    memset(&v, 0, sizeof v);
    v.curve = cli_identity_curve_of(c, object);
    if (cli_identity_group(v.curve) == NULL) {
        *status = cli_report_fail(
            &c->report, CLI_REFUSED, NULL,
            "the key in 0x%04X is not " CLI_IDENTITY_KINDS, object);
        return NULL;
    }
    size_t len = digest_len(v.curve);
    for (size_t i = 0; i < 2; i++) {
        struct cleat_buf out = {rs[i], sizeof rs[i], 0};
        if (cleat_linux_random(NULL, digest[i], len) != CLEAT_OK) {
            *status = cli_report_fail(&c->report, CLI_FAILED, NULL,
                                      "no random numbers");
            return NULL;
        }
        *status = cli_identity_sign(c, object, v.curve,
                                    cleat_bytes_of(digest[i], len), &out);
        if (*status != CLI_OK) {
            return NULL;
        }
        rs_len[i] = out.len;
    }
    v.digest = cleat_bytes_of(digest[0], len);
    v.rs = cleat_bytes_of(rs[0], rs_len[0]);
    EVP_PKEY *key = recover(&v, cleat_bytes_of(digest[1], len),
                            cleat_bytes_of(rs[1], rs_len[1]));
    if (key == NULL) {
        *status = cli_report_fail(
            &c->report, CLI_MISMATCH, "`cleat chip selftest` tells more",
            "the signatures of key 0x%04X are not of one key", object);
    }
    return key;
}

int cli_identity_challenge(struct cli_chip_call *c, uint16_t object,
                           EVP_PKEY *key) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t rs[CLI_IDENTITY_MAX];
    struct cleat_buf out = {rs, sizeof rs, 0};
    enum cleat_curve curve = cli_identity_curve(key);
    if (curve == (enum cleat_curve)0) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "the certificate is for a key that is "
                               "not " CLI_IDENTITY_KINDS);
    }
    size_t len = digest_len(curve);
    if (cleat_linux_random(NULL, digest, len) != CLEAT_OK) {
        return cli_report_fail(&c->report, CLI_FAILED, NULL,
                               "no random numbers");
    }
    struct cleat_bytes d = cleat_bytes_of(digest, len);
    int status = cli_identity_sign(c, object, curve, d, &out);
    if (status != CLI_OK) {
        return status;
    }
    return cli_identity_good(key, d, cleat_bytes_of(rs, out.len))
               ? CLI_OK
               : CLI_MISMATCH;
}

/* ---- certificates ---- */

STACK_OF(X509) *
    cli_identity_chain(struct cli_chip_call *c, uint16_t object, int *status) {
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_CERTIFICATE, object, c->data, CLI_CHIP_OBJECT_MAX);
    *status = cli_chip_do(c, &op, "the certificate cannot be read");
    if (*status != CLI_OK) {
        return NULL;
    }
    STACK_OF(X509) *chain = sk_X509_new_null();
    const unsigned char *at = c->data;
    const unsigned char *end = c->data + op.out.len;
    while (chain != NULL && at < end) {
        X509 *x = d2i_X509(NULL, &at, end - at);
        if (x == NULL || sk_X509_push(chain, x) <= 0) {
            X509_free(x);
            ERR_clear_error();
            *status = cli_report_fail(
                &c->report, CLI_REFUSED,
                "`cleat cert write` puts one there, `cleat chip read` shows "
                "what is in it",
                "object 0x%04X does not hold an X.509 certificate", object);
            sk_X509_pop_free(chain, X509_free);
            return NULL;
        }
    }
    return chain;
}
