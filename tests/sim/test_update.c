/* SPDX-License-Identifier: MIT */
/*
 * Protected updates built by the product, described by it and carried to the
 * virtual chip, whose own reader of them was written apart: data, metadata and
 * keys, in the clear and encrypted, and the ones that must be refused.
 */
#define _GNU_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_crypto.h"
#include "cleat/se_keys.h"
#include "cleat/se_update.h"
#include "driver_fixture.h"

#define TARGET 0xF1E0
#define ANCHOR 0xE0E8
#define SECRET 0xF1D4

static EVP_PKEY *author_key;
static uint8_t payload[1400];
static uint8_t file_room[CLEAT_SE_UPDATE_ROOM(1400)];
static struct cleat_buf file;
static struct cleat_detail detail;
static const uint8_t secret[32] = {4, 2};
static const uint8_t seed[32] = {8, 1};

static int sha256(void *arg, struct cleat_bytes data, uint8_t digest[32]) {
    (void)arg;
    return EVP_Digest(data.data, data.len, digest, NULL, EVP_sha256(), NULL) ==
                   1
               ? 0
               : CLEAT_ERR_ARG;
}

static int sign(void *arg, struct cleat_bytes message, uint8_t signature[64]) {
    (void)arg;
    uint8_t der[80], digest[32];
    const uint8_t *p = der;
    size_t n = sizeof der;
    sha256(NULL, message, digest);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(author_key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(c), 1);
    assert_int_equal(EVP_PKEY_sign(c, der, &n, digest, 32), 1);
    EVP_PKEY_CTX_free(c);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32);
    ECDSA_SIG_free(sig);
    return 0;
}

static const struct cleat_se_update_author author = {sha256,
                                                     sign,
                                                     NULL,
                                                     &cleat_linux_crypto,
                                                     {secret, sizeof secret},
                                                     {seed, sizeof seed}};

static void put_anchor(void) {
    static const uint8_t rule[] = {0x20, 0x05, 0xD0, 0x03, 0x21, 0xE0, 0xE8};
    X509 *x = X509_new();
    uint8_t *der = NULL;
    author_key = EVP_EC_gen("prime256v1");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"author", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, author_key);
    X509_EXTENSION *e =
        X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "digitalSignature");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, author_key, EVP_sha256()) > 0);
    int n = i2d_X509(x, &der);
    assert_int_equal(fixture_write(ANCHOR, der, (size_t)n), 0);
    assert_int_equal(fixture_metadata(TARGET, rule, sizeof rule), 0);
    OPENSSL_free(der);
    X509_free(x);
}

/* A secret of type protected update secret. */
static void put_secret(void) {
    static const uint8_t type[] = {0x20, 0x06, 0xE8, 0x01,
                                   0x23, 0xD3, 0x01, 0x00};
    assert_int_equal(fixture_write(SECRET, secret, sizeof secret), 0);
    assert_int_equal(fixture_metadata(SECRET, type, sizeof type), 0);
}

static int begin(void **state) {
    (void)state;
    const struct cleat_sim_options o = {0};
    fixture_begin(&o, 0, FIXTURE_CLEAR);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 11 + i / 256);
    }
    put_anchor();
    put_secret();
    file = (struct cleat_buf){file_room, sizeof file_room, 0};
    return 0;
}

static int end(void **state) {
    (void)state;
    EVP_PKEY_free(author_key);
    fixture_end();
    return 0;
}

static struct cleat_bytes whole(void) {
    return cleat_bytes_of(file.data, file.len);
}

static struct cleat_se_update data_update(uint16_t version) {
    struct cleat_se_update u = {
        .target = TARGET, .anchor = ANCHOR, .version = version, .erase = true};
    return u;
}

static void build(const struct cleat_se_update *u, size_t len) {
    assert_int_equal(
        cleat_se_update_build(u, cleat_bytes_of(payload, len), &author, &file),
        0);
}

static int apply(void) {
    size_t progress = 0;
    int err = cleat_se_update_apply(&fixture_se, whole(), &progress, &detail);
    assert_true(err != 0 || progress == file.len);
    return err;
}

static void expect_target(size_t len) {
    static uint8_t got[1500];
    assert_int_equal(fixture_read(TARGET, got, sizeof got), len);
    assert_memory_equal(got, payload, len);
}

static void data_of_any_length_arrives(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 23, 24, 600, 601, 608, 609, 1216, 1400};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cleat_se_update u = data_update((uint16_t)(2 * i + 1));
        payload[0] = (uint8_t)i;
        build(&u, sizes[i]);
        assert_int_equal(apply(), 0);
        expect_target(sizes[i]);
        u.version++;
        u.secret = SECRET;
        payload[0] ^= 0x80;
        build(&u, sizes[i]);
        assert_int_equal(apply(), 0);
        expect_target(sizes[i]);
    }
}

static void what_is_encrypted_is_not_in_the_file(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(1);
    build(&u, 64);
    assert_non_null(memmem(file.data, file.len, payload, 64));
    u.secret = SECRET;
    build(&u, 64);
    assert_null(memmem(file.data, file.len, payload, 8));
}

static void an_update_says_what_it_does(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(0x1234), got;
    u.secret = SECRET;
    u.offset = 300;
    u.erase = false;
    u.one_chip = true;
    memcpy(u.uid, cleat_sim_uid(fixture_sim).data, sizeof u.uid);
    build(&u, 700);
    assert_int_equal(cleat_se_update_describe(whole(), &got), 0);
    u.size = 700;
    assert_memory_equal(&got, &u, sizeof u);
    assert_int_equal(apply(), 0);
}

static void it_may_be_for_one_chip_only(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(1);
    u.one_chip = true;
    memset(u.uid, 0x11, sizeof u.uid);
    build(&u, 10);
    assert_int_equal(apply(), CLEAT_ERR_CHIP);
    assert_int_equal(detail.code, 0x0F);
    assert_int_equal(detail.object, TARGET);
}

static void old_ones_are_refused_with_their_code(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(7);
    build(&u, 10);
    assert_int_equal(apply(), 0);
    assert_int_equal(apply(), CLEAT_ERR_CHIP);
    assert_int_equal(detail.code, 0x10);
}

static void another_authors_signature_is_not_good(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(1);
    EVP_PKEY *real = author_key;
    author_key = EVP_EC_gen("prime256v1");
    build(&u, 10);
    assert_int_equal(apply(), CLEAT_ERR_VERIFY);
    EVP_PKEY_free(author_key);
    author_key = real;
}

static void a_target_that_does_not_name_the_anchor_is_denied(void **state) {
    (void)state;
    static const uint8_t never[] = {0x20, 0x03, 0xD0, 0x01, 0xFF};
    struct cleat_se_update u = data_update(1);
    u.target = 0xF1E1;
    assert_int_equal(fixture_metadata(0xF1E1, never, sizeof never), 0);
    build(&u, 10);
    assert_int_equal(apply(), CLEAT_ERR_DENIED);
}

static void a_damaged_fragment_ends_it_and_it_can_be_tried_again(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(3);
    build(&u, 1400);
    file.data[file.len - 5] ^= 1;
    assert_int_equal(apply(), CLEAT_ERR_CHIP);
    assert_int_equal(detail.code, 0x2D);
    file.data[file.len - 5] ^= 1;
    assert_int_equal(apply(), 0);
    expect_target(1400);
}

/* In every prefix, and with every byte of its form changed: nothing is sent
 * that is not a whole update, and nothing is read beyond its end. */
static void what_is_no_update_is_not_sent(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(1), got;
    u.secret = SECRET;
    build(&u, 700);
    uint64_t before = cleat_sim_transfers(fixture_sim);
    for (size_t n = 0; n < file.len; n++) {
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, file.data, n);
        assert_int_equal(cleat_se_update_apply(&fixture_se,
                                               cleat_bytes_of(copy, n), NULL,
                                               &detail),
                         CLEAT_ERR_PROTO);
        free(copy);
    }
    assert_true(cleat_sim_transfers(fixture_sim) == before);
    unsigned refused = 0;
    for (size_t i = 0; i < 200; i++) {
        file.data[i] ^= 0xFF;
        refused += cleat_se_update_describe(whole(), &got) != 0;
        file.data[i] ^= 0xFF;
    }
    assert_in_range(refused, 30, 200);
}

static struct cleat_se_update key_update(uint16_t target, uint8_t alg) {
    struct cleat_se_update u = {.kind = CLEAT_SE_UPDATE_KEY,
                                .target = target,
                                .anchor = ANCHOR,
                                .secret = SECRET,
                                .version = 1,
                                .alg = alg,
                                .usage = CLEAT_SE_USE_SIGN};
    return u;
}

static int build_key(const struct cleat_se_update *u, struct cleat_bytes key) {
    uint8_t room[CLEAT_SE_UPDATE_KEY_MAX];
    struct cleat_buf made = {room, sizeof room, 0};
    int err = cleat_se_update_key(u->alg, key, &made);
    return err != 0
               ? err
               : cleat_se_update_build(u, cleat_bytes_of(made.data, made.len),
                                       &author, &file);
}

static void let_anchor_change(uint16_t object) {
    static const uint8_t rule[] = {0x20, 0x05, 0xD0, 0x03, 0x21, 0xE0, 0xE8};
    assert_int_equal(fixture_metadata(object, rule, sizeof rule), 0);
}

/* What the chip signs is good by the key pair's other half. */
static void expect_signature_by(EVP_PKEY *pair, uint16_t object) {
    static uint8_t room[200];
    uint8_t der[80], *end = der;
    struct cleat_se_key key = {&fixture_se, object, CLEAT_SE_ALG_P256, 0, {0}};
    struct cleat_buf out = {room, sizeof room, 0};
    struct cleat_bytes digest = cleat_bytes_of(secret, 32);
    assert_int_equal(cleat_se_key_sign(&key, digest, &out), 0);
    assert_int_equal(out.len, 64);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(sig, BN_bin2bn(out.data, 32, NULL),
                   BN_bin2bn(out.data + 32, 32, NULL));
    int n = i2d_ECDSA_SIG(sig, &end);
    ECDSA_SIG_free(sig);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pair, NULL);
    assert_int_equal(EVP_PKEY_verify_init(c), 1);
    assert_int_equal(EVP_PKEY_verify(c, der, (size_t)n, digest.data, 32), 1);
    EVP_PKEY_CTX_free(c);
}

static void a_private_key_can_be_put_into_its_slot(void **state) {
    (void)state;
    uint8_t scalar[32];
    BIGNUM *d = NULL;
    EVP_PKEY *pair = EVP_EC_gen("prime256v1");
    struct cleat_se_update u = key_update(0xE0F1, CLEAT_SE_ALG_P256), got;
    assert_int_equal(EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &d),
                     1);
    BN_bn2binpad(d, scalar, 32);
    BN_free(d);
    let_anchor_change(0xE0F1);
    assert_int_equal(build_key(&u, cleat_bytes_of(scalar, 32)), 0);
    assert_null(memmem(file.data, file.len, scalar, 8));
    assert_int_equal(cleat_se_update_describe(whole(), &got), 0);
    assert_int_equal(got.kind, CLEAT_SE_UPDATE_KEY);
    assert_int_equal(got.alg, CLEAT_SE_ALG_P256);
    assert_int_equal(got.usage, CLEAT_SE_USE_SIGN);
    assert_int_equal(apply(), 0);
    expect_signature_by(pair, 0xE0F1);
    EVP_PKEY_free(pair);
}

static void a_symmetric_key_can_be_put_into_its_slot(void **state) {
    (void)state;
    struct cleat_se_update u = key_update(0xE200, CLEAT_SE_ALG_AES256);
    struct cleat_se_key key = {
        &fixture_se, 0xE200, CLEAT_SE_ALG_AES256, 0, {0}};
    uint8_t clear[16] = {1, 2, 3}, room[16], want[16];
    struct cleat_buf out = {room, sizeof room, 0};
    int n = 0;
    u.usage = CLEAT_SE_USE_ENCRYPT;
    let_anchor_change(0xE200);
    assert_int_equal(build_key(&u, cleat_bytes_of(secret, 16)), CLEAT_ERR_ARG);
    assert_int_equal(build_key(&u, cleat_bytes_of(secret, 32)), 0);
    assert_int_equal(apply(), 0);
    assert_int_equal(cleat_se_key_encrypt(&key, CLEAT_SE_ECB,
                                          cleat_bytes_of(NULL, 0),
                                          cleat_bytes_of(clear, 16), &out),
                     0);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    assert_int_equal(
        EVP_EncryptInit_ex(c, EVP_aes_256_ecb(), NULL, secret, NULL), 1);
    EVP_CIPHER_CTX_set_padding(c, 0);
    assert_int_equal(EVP_EncryptUpdate(c, want, &n, clear, 16), 1);
    EVP_CIPHER_CTX_free(c);
    assert_memory_equal(room, want, 16);
}

/* A key goes nowhere in the clear, and only as what it is. */
static void a_key_that_is_none_is_not_built(void **state) {
    (void)state;
    uint8_t small[34];
    struct cleat_buf none = {small, sizeof small, 0};
    struct cleat_bytes scalar = cleat_bytes_of(payload, 32);
    struct cleat_se_update u = key_update(0xE0F1, CLEAT_SE_ALG_P256);
    assert_int_equal(cleat_se_update_key(u.alg, scalar, &none), CLEAT_ERR_SIZE);
    assert_int_equal(none.len, 0);
    scalar.len = 31;
    assert_int_equal(build_key(&u, scalar), CLEAT_ERR_ARG);
    scalar.len = 32;
    u.alg = CLEAT_SE_ALG_RSA2048;
    assert_int_equal(build_key(&u, scalar), CLEAT_ERR_ARG);
    u.alg = CLEAT_SE_ALG_P256;
    u.usage = 0;
    assert_int_equal(build_key(&u, scalar), CLEAT_ERR_ARG);
    u.usage = CLEAT_SE_USE_SIGN;
    u.secret = 0;
    assert_int_equal(build_key(&u, scalar), CLEAT_ERR_ARG);
    u.secret = SECRET;
    assert_int_equal(build_key(&u, scalar), 0);
    payload[0] = 0x02; /* Not made by cleat_se_update_key(). */
    assert_int_equal(
        cleat_se_update_build(&u, cleat_bytes_of(payload, 35), &author, &file),
        CLEAT_ERR_ARG);
}

static void metadata_can_be_opened_again_if_prepared(void **state) {
    (void)state;
    /* D8: metadata change by the anchor; F0: what becomes of the contents. */
    static const uint8_t prepare[] = {0x20, 0x0B, 0xC0, 0x01, 0x07, 0xD8, 0x03,
                                      0x21, 0xE0, 0xE8, 0xF0, 0x01, 0x01};
    static const uint8_t reopened[] = {0x20, 0x06, 0xC0, 0x01,
                                       0x01, 0xD0, 0x01, 0x00};
    struct cleat_se_update u = {.kind = CLEAT_SE_UPDATE_METADATA,
                                .target = TARGET,
                                .anchor = ANCHOR,
                                .version = 1};
    assert_int_equal(fixture_metadata(TARGET, prepare, sizeof prepare), 0);
    assert_int_equal(fixture_write(TARGET, "x", 1), CLEAT_ERR_DENIED);
    assert_int_equal(
        cleat_se_update_build(&u, cleat_bytes_of(reopened, sizeof reopened),
                              &author, &file),
        0);
    assert_int_equal(apply(), 0);
    assert_int_equal(fixture_write(TARGET, "x", 1), 0);
}

static void what_cannot_be_said_is_not_built(void **state) {
    (void)state;
    struct cleat_se_update u = data_update(0);
    struct cleat_se_update_author poor = author;
    struct cleat_bytes some = cleat_bytes_of(payload, 100);
    assert_int_equal(cleat_se_update_build(&u, some, &author, &file),
                     CLEAT_ERR_ARG);
    u.version = 0x8000;
    assert_int_equal(cleat_se_update_build(&u, some, &author, &file),
                     CLEAT_ERR_ARG);
    u.version = 1;
    some.len = 0;
    assert_int_equal(cleat_se_update_build(&u, some, &author, &file),
                     CLEAT_ERR_ARG);
    some.len = 1400;
    u.secret = SECRET;
    poor.seed.len = 15;
    assert_int_equal(cleat_se_update_build(&u, some, &poor, &file),
                     CLEAT_ERR_ARG);
    for (size_t cap = 0; cap < 1500; cap += 37) {
        struct cleat_buf small = {file_room, cap, 0};
        assert_int_equal(cleat_se_update_build(&u, some, &author, &small),
                         CLEAT_ERR_SIZE);
        assert_int_equal(small.len, 0);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(data_of_any_length_arrives),
        CASE(what_is_encrypted_is_not_in_the_file),
        CASE(an_update_says_what_it_does),
        CASE(it_may_be_for_one_chip_only),
        CASE(old_ones_are_refused_with_their_code),
        CASE(another_authors_signature_is_not_good),
        CASE(a_target_that_does_not_name_the_anchor_is_denied),
        CASE(a_damaged_fragment_ends_it_and_it_can_be_tried_again),
        CASE(what_is_no_update_is_not_sent),
        CASE(a_private_key_can_be_put_into_its_slot),
        CASE(a_symmetric_key_can_be_put_into_its_slot),
        CASE(a_key_that_is_none_is_not_built),
        CASE(metadata_can_be_opened_again_if_prepared),
        CASE(what_cannot_be_said_is_not_built),
    };
    return cmocka_run_group_tests_name("protected update", tests, NULL, NULL);
}
