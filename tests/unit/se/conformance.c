/* SPDX-License-Identifier: MIT */
/* Driver conformance; see conformance.h. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "conformance.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

static struct cleat_se_op op;
static uint8_t out[2048];

static void fresh(enum cleat_se_op_type type, uint16_t object) {
    memset(&op, 0, sizeof op);
    memset(out, 0xEE, sizeof out);
    op.type = type;
    op.object = object;
    op.out.data = out;
    op.out.cap = sizeof out;
}

static int run(const struct conformance *c) {
    int err = cleat_se_do(c->se, &op, 0);
    if (err != 0) {
        assert_int_equal(op.out.len, 0);
    }
    return err;
}

static void must(const struct conformance *c) {
    int err = run(c);
    if (err != 0) {
        print_error("op %d object %04x: %s, %s (code %02x)\n", (int)op.type,
                    op.object, cleat_strerror(err),
                    op.detail.text == NULL ? "" : op.detail.text,
                    (unsigned)op.detail.code);
    }
    assert_int_equal(err, 0);
}

static bool can(const struct conformance *c, uint32_t bits) {
    return (c->se->driver->can & bits) == bits;
}

static EVP_PKEY *public_key(enum cleat_curve curve, const uint8_t *point) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(
        bld, OSSL_PKEY_PARAM_GROUP_NAME,
        curve == CLEAT_CURVE_P384 ? "P-384" : "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
                                     1 + 2 * cleat_curve_bytes(curve));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    /* Fails if the point is not on the curve. */
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params),
                     1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static bool openssl_verifies(EVP_PKEY *key, const uint8_t *rs, size_t n,
                             const uint8_t *digest, size_t len) {
    uint8_t der[160];
    uint8_t *at = der;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(sig, BN_bin2bn(rs, (int)n, NULL),
                   BN_bin2bn(rs + n, (int)n, NULL));
    int der_len = i2d_ECDSA_SIG(sig, &at);
    ECDSA_SIG_free(sig);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    int good = EVP_PKEY_verify(ctx, der, (size_t)der_len, digest, len);
    EVP_PKEY_CTX_free(ctx);
    return good == 1;
}

static void closed_elements_refuse(const struct conformance *c) {
    fresh(CLEAT_SE_RANDOM, 0);
    op.out.cap = 8;
    assert_int_equal(run(c), CLEAT_ERR_STATE);
    assert_non_null(op.detail.text);
}

static void random_differs(const struct conformance *c) {
    static const size_t sizes[] = {1, 7, 8, 32, 256, 257, 1000};
    uint8_t first[32];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fresh(CLEAT_SE_RANDOM, 0);
        op.out.cap = sizes[i];
        must(c);
        assert_int_equal(op.out.len, sizes[i]);
        assert_int_equal(out[sizes[i]], 0xEE);
    }
    fresh(CLEAT_SE_RANDOM, 0);
    op.out.cap = 32;
    must(c);
    memcpy(first, out, 32);
    fresh(CLEAT_SE_RANDOM, 0);
    op.out.cap = 32;
    must(c);
    assert_memory_not_equal(first, out, 32);
}

/* The certificate parses, and its key verifies what the chip's key signs. */
static void identity_matches(const struct conformance *c) {
    uint8_t digest[32];
    size_t n = cleat_curve_bytes(c->key_curve);
    fresh(CLEAT_SE_CERTIFICATE, c->certificate);
    must(c);
    size_t len = op.out.len;
    const uint8_t *at = out;
    X509 *cert = d2i_X509(NULL, &at, (long)len);
    assert_non_null(cert);
    assert_true(at <= out + len);
    EVP_PKEY *key = X509_get_pubkey(cert);
    assert_non_null(key);
    fresh(CLEAT_SE_CERTIFICATE, c->certificate);
    op.out.cap = 100;
    assert_int_equal(run(c), CLEAT_ERR_SIZE);
    for (uint8_t i = 0; i < 8; i++) {
        memset(digest, i * 31, sizeof digest);
        fresh(CLEAT_SE_SIGN, c->key);
        op.curve = c->key_curve;
        op.in = cleat_bytes_of(digest, sizeof digest);
        must(c);
        assert_int_equal(op.out.len, 2 * n);
        assert_true(openssl_verifies(key, out, n, digest, sizeof digest));
        digest[31] ^= 1;
        assert_false(openssl_verifies(key, out, n, digest, sizeof digest));
    }
    EVP_PKEY_free(key);
    X509_free(cert);
}

static void session_keys_sign_and_verify(const struct conformance *c,
                                         enum cleat_curve curve) {
    size_t n = cleat_curve_bytes(curve);
    uint8_t digest[64];
    uint8_t point[CLEAT_SE_POINT_MAX];
    uint8_t signature[CLEAT_SE_SIGNATURE_MAX];
    memset(digest, 0x5C, sizeof digest);
    int object = cleat_se_session_take(c->se);
    assert_true(object > 0);
    fresh(CLEAT_SE_GENERATE, (uint16_t)object);
    op.curve = curve;
    op.usage = CLEAT_SE_USE_SIGN;
    must(c);
    assert_int_equal(op.out.len, 1 + 2 * n);
    memcpy(point, out, op.out.len);
    EVP_PKEY *key = public_key(curve, point);
    fresh(CLEAT_SE_SIGN, (uint16_t)object);
    op.curve = curve;
    op.in = cleat_bytes_of(digest, sizeof digest); /* Longer than the curve */
    must(c);
    assert_int_equal(op.out.len, 2 * n);
    memcpy(signature, out, 2 * n);
    assert_true(openssl_verifies(key, signature, n, digest, n));
    EVP_PKEY_free(key);
    for (int bad = 0; bad < 2; bad++) {
        fresh(CLEAT_SE_VERIFY, 0);
        op.curve = curve;
        op.in = cleat_bytes_of(digest, sizeof digest);
        op.key = cleat_bytes_of(point, 1 + 2 * n);
        op.signature = cleat_bytes_of(signature, 2 * n);
        assert_int_equal(run(c), bad == 0 ? 0 : CLEAT_ERR_VERIFY);
        signature[2 * n - 1] ^= 1;
    }
    cleat_se_session_give(c->se, (uint16_t)object);
}

static void secrets_agree(const struct conformance *c, enum cleat_curve curve) {
    size_t n = cleat_curve_bytes(curve);
    uint8_t peer_point[CLEAT_SE_POINT_MAX];
    uint8_t secret[CLEAT_SE_FIELD_MAX];
    size_t len = 0;
    EVP_PKEY *peer = EVP_EC_gen(curve == CLEAT_CURVE_P384 ? "P-384" : "P-256");
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY,
                                        peer_point, sizeof peer_point, &len),
        1);
    int object = cleat_se_session_take(c->se);
    assert_true(object > 0);
    fresh(CLEAT_SE_GENERATE, (uint16_t)object);
    op.curve = curve;
    op.usage = CLEAT_SE_USE_AGREE;
    must(c);
    EVP_PKEY *own = public_key(curve, out);
    fresh(CLEAT_SE_AGREE, (uint16_t)object);
    op.curve = curve;
    op.key = cleat_bytes_of(peer_point, len);
    must(c);
    assert_int_equal(op.out.len, n);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
    len = sizeof secret;
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(ctx, own), 1);
    assert_int_equal(EVP_PKEY_derive(ctx, secret, &len), 1);
    assert_memory_equal(secret, out, n);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    cleat_se_session_give(c->se, (uint16_t)object);
}

static void objects_keep_what_is_written(const struct conformance *c) {
    fresh(CLEAT_SE_WRITE, c->scratch);
    op.erase = true;
    op.in = cleat_bytes_str("hello, element");
    must(c);
    fresh(CLEAT_SE_WRITE, c->scratch);
    op.offset = 7;
    op.in = cleat_bytes_str("object ");
    must(c);
    fresh(CLEAT_SE_READ, c->scratch);
    op.out.cap = 140;
    must(c);
    assert_int_equal(op.out.len, 14);
    assert_memory_equal(out, "hello, object ", 14);
    fresh(CLEAT_SE_READ, c->scratch);
    op.offset = 7;
    op.out.cap = 6;
    must(c);
    assert_int_equal(op.out.len, 6);
    assert_memory_equal(out, "object", 6);
    fresh(CLEAT_SE_WRITE, c->scratch);
    op.erase = true;
    op.in = cleat_bytes_str("x");
    must(c);
    fresh(CLEAT_SE_READ, c->scratch);
    must(c);
    assert_int_equal(op.out.len, 1);
    fresh(CLEAT_SE_READ, 0xF1F0);
    assert_int_equal(run(c), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(op.detail.object, 0xF1F0);
    fresh(CLEAT_SE_READ, c->scratch);
    op.offset = 100;
    assert_int_equal(run(c), CLEAT_ERR_CHIP);
    assert_int_equal(op.detail.code, 0x08);
}

static void big_objects_are_whole(const struct conformance *c) {
    static uint8_t data[1500];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 13 + (i >> 8));
    }
    fresh(CLEAT_SE_WRITE, c->big_scratch);
    op.erase = true;
    op.in = cleat_bytes_of(data, sizeof data);
    must(c);
    fresh(CLEAT_SE_READ, c->big_scratch);
    must(c);
    assert_int_equal(op.out.len, sizeof data);
    assert_memory_equal(out, data, sizeof data);
}

static void counters_count(const struct conformance *c) {
    fresh(CLEAT_SE_READ, c->counter);
    must(c);
    assert_int_equal(op.out.len, 8);
    uint8_t before = out[3];
    fresh(CLEAT_SE_COUNT, c->counter);
    op.in = cleat_bytes_of("\x02", 1);
    must(c);
    fresh(CLEAT_SE_READ, c->counter);
    must(c);
    assert_int_equal(out[3], (uint8_t)(before + 2));
}

static void metadata_is_a_container(const struct conformance *c) {
    fresh(CLEAT_SE_READ_METADATA, c->scratch);
    must(c);
    assert_true(op.out.len >= 2);
    assert_int_equal(out[0], 0x20);
    assert_int_equal(out[1], op.out.len - 2);
}

static void hashes_are_sha256(const struct conformance *c) {
    static uint8_t message[3000];
    uint8_t want[32];
    static const size_t sizes[] = {0, 3, 64, 1280, 1281, 2560, 3000};
    memset(message, 0x61, sizeof message);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        EVP_Digest(message, sizes[i], want, NULL, EVP_sha256(), NULL);
        fresh(CLEAT_SE_HASH, 0);
        op.in = cleat_bytes_of(message, sizes[i]);
        must(c);
        assert_int_equal(op.out.len, 32);
        assert_memory_equal(out, want, 32);
    }
}

static void mistakes_of_the_caller_are_told(const struct conformance *c) {
    fresh(CLEAT_SE_SIGN, c->key);
    op.in = cleat_bytes_of(out, 32);
    op.out.cap = 63;
    assert_int_equal(run(c), CLEAT_ERR_SIZE);
    fresh(CLEAT_SE_SIGN, c->key);
    assert_int_equal(run(c), CLEAT_ERR_ARG);
    fresh(CLEAT_SE_AGREE, CLEAT_SE_OBJECT_SESSION);
    op.key = cleat_bytes_of(out, 64);
    assert_int_equal(run(c), CLEAT_ERR_ARG);
    fresh(CLEAT_SE_GENERATE, CLEAT_SE_OBJECT_SESSION);
    op.curve = (enum cleat_curve)0x77;
    op.usage = CLEAT_SE_USE_SIGN;
    assert_int_equal(run(c), CLEAT_ERR_UNSUPPORTED);
}

static void session_keys_end_with_close(const struct conformance *c) {
    uint8_t digest[32] = {1};
    fresh(CLEAT_SE_GENERATE, CLEAT_SE_OBJECT_SESSION);
    op.usage = CLEAT_SE_USE_SIGN;
    must(c);
    fresh(CLEAT_SE_CLOSE, 0);
    must(c);
    closed_elements_refuse(c);
    fresh(CLEAT_SE_OPEN, 0);
    must(c);
    fresh(CLEAT_SE_SIGN, CLEAT_SE_OBJECT_SESSION);
    op.in = cleat_bytes_of(digest, sizeof digest);
    assert_int_not_equal(run(c), 0);
    fresh(CLEAT_SE_RESET, 0);
    must(c);
    closed_elements_refuse(c);
    fresh(CLEAT_SE_OPEN, 0);
    must(c);
}

void conformance_run(const struct conformance *c) {
    struct cleat_se_stats stats;
    closed_elements_refuse(c);
    fresh(CLEAT_SE_OPEN, 0);
    must(c);
    if (can(c, CLEAT_SE_CAN_RANDOM)) {
        random_differs(c);
    }
    if (can(c, CLEAT_SE_CAN_CERTIFICATE | CLEAT_SE_CAN_SIGN)) {
        identity_matches(c);
        mistakes_of_the_caller_are_told(c);
    }
    if (can(c,
            CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_SIGN | CLEAT_SE_CAN_VERIFY)) {
        session_keys_sign_and_verify(c, CLEAT_CURVE_P256);
        session_keys_sign_and_verify(c, CLEAT_CURVE_P384);
        session_keys_end_with_close(c);
    }
    if (can(c, CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_AGREE)) {
        secrets_agree(c, CLEAT_CURVE_P256);
        secrets_agree(c, CLEAT_CURVE_P384);
    }
    if (can(c, CLEAT_SE_CAN_OBJECTS) && c->scratch != 0) {
        objects_keep_what_is_written(c);
    }
    if (can(c, CLEAT_SE_CAN_OBJECTS) && c->big_scratch != 0) {
        big_objects_are_whole(c);
    }
    if (can(c, CLEAT_SE_CAN_OBJECTS) && c->counter != 0) {
        counters_count(c);
    }
    if (can(c, CLEAT_SE_CAN_METADATA) && c->scratch != 0) {
        metadata_is_a_container(c);
    }
    if (can(c, CLEAT_SE_CAN_HASH)) {
        hashes_are_sha256(c);
    }
    fresh(CLEAT_SE_CLOSE, 0);
    must(c);
    cleat_se_get_stats(c->se, &stats);
    assert_true(stats.ops[CLEAT_SE_OPEN] >= 1);
    assert_int_not_equal(stats.failed, 0);
}
