/* SPDX-License-Identifier: MIT */
/*
 * Keys of every kind, ciphers, tags and derived secrets: the product's commands
 * on the virtual chip, each result checked by OpenSSL; then the same with
 * answers that are not what they should be.
 */
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
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "cleat/se_keys.h"
#include "driver_fixture.h"

static const uint8_t digest[64] = {7, 1, 4, 9};
static const struct cleat_bytes none = {NULL, 0};
static uint8_t a[1600], b[1600];

static struct cleat_buf room(uint8_t *at) {
    struct cleat_buf r = {at, 1600, 0};
    return r;
}

static struct cleat_bytes view(struct cleat_buf buf) {
    return cleat_bytes_of(buf.data, buf.len);
}

static struct cleat_se_key key_of(uint16_t object, enum cleat_se_alg alg) {
    struct cleat_se_key key = {&fixture_se, object, alg, 0, {0}};
    return key;
}

static void begin(int level) {
    const struct cleat_sim_options o = {0};
    fixture_begin(&o, 0, level);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
}

/* --- curves --- */

static const struct {
    enum cleat_se_alg alg;
    const char *group;
} curves[] = {
    {CLEAT_SE_ALG_P256, "prime256v1"},
    {CLEAT_SE_ALG_P384, "secp384r1"},
    {CLEAT_SE_ALG_P521, "secp521r1"},
    {CLEAT_SE_ALG_BRAINPOOL256, "brainpoolP256r1"},
    {CLEAT_SE_ALG_BRAINPOOL384, "brainpoolP384r1"},
    {CLEAT_SE_ALG_BRAINPOOL512, "brainpoolP512r1"},
};

static EVP_PKEY *load_point(const char *group, struct cleat_bytes point) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                         (char *)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                          (void *)point.data, point.len),
        OSSL_PARAM_construct_end()};
    assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
    assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, p), 1);
    EVP_PKEY_CTX_free(c);
    return key;
}

static bool ecdsa_good(EVP_PKEY *key, struct cleat_bytes pair, size_t n) {
    uint8_t *der = NULL;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(
        sig, BN_bin2bn(pair.data, (int)pair.len / 2, NULL),
        BN_bin2bn(pair.data + pair.len / 2, (int)pair.len / 2, NULL));
    int len = i2d_ECDSA_SIG(sig, &der);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(c), 1);
    int good = EVP_PKEY_verify(c, der, (size_t)len, digest, n);
    EVP_PKEY_CTX_free(c);
    ECDSA_SIG_free(sig);
    OPENSSL_free(der);
    return good == 1;
}

static void agree(struct cleat_se_key key, const char *group, EVP_PKEY *chips) {
    uint8_t point[CLEAT_SE_KEYS_POINT_MAX], want[80];
    size_t point_len = 0, want_len = sizeof want;
    struct cleat_buf secret = room(b);
    EVP_PKEY *mine = EVP_EC_gen(group);
    assert_int_equal(EVP_PKEY_get_octet_string_param(
                         mine, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                         sizeof point, &point_len),
                     1);
    assert_int_equal(
        cleat_se_key_agree(&key, cleat_bytes_of(point, point_len), &secret), 0);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(mine, NULL);
    assert_int_equal(EVP_PKEY_derive_init(c), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(c, chips), 1);
    assert_int_equal(EVP_PKEY_derive(c, want, &want_len), 1);
    assert_int_equal(secret.len, want_len);
    assert_memory_equal(b, want, want_len);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(mine);
}

static void curve_works(enum cleat_se_alg alg, const char *group,
                        uint16_t object) {
    struct cleat_se_key key = key_of(object, alg);
    struct cleat_buf point = room(a), signature = room(b);
    size_t n = cleat_se_alg_bytes(alg) < 64 ? cleat_se_alg_bytes(alg) : 64;
    assert_int_equal(cleat_se_key_generate(
                         &key, CLEAT_SE_USE_SIGN | CLEAT_SE_USE_AGREE, &point),
                     0);
    EVP_PKEY *chips = load_point(group, view(point));
    assert_int_equal(
        cleat_se_key_sign(&key, cleat_bytes_of(digest, 64), &signature), 0);
    assert_int_equal(signature.len, 2 * cleat_se_alg_bytes(alg));
    assert_true(ecdsa_good(chips, view(signature), n));
    assert_int_equal(cleat_se_key_verify(&key, view(point),
                                         cleat_bytes_of(digest, 64),
                                         view(signature)),
                     0);
    b[5] ^= 1;
    assert_int_equal(cleat_se_key_verify(&key, view(point),
                                         cleat_bytes_of(digest, 64),
                                         view(signature)),
                     CLEAT_ERR_VERIFY);
    agree(key, group, chips);
    EVP_PKEY_free(chips);
}

static void every_curve_of_the_chip_works_in_slots_and_sessions(void **state) {
    (void)state;
    for (int level = FIXTURE_CLEAR; level <= CLEAT_SE_PROTECT_BOTH;
         level += 4) {
        begin(level);
        for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
            curve_works(curves[i].alg, curves[i].group, 0xE0F1);
            curve_works(curves[i].alg, curves[i].group, 0xE101);
        }
        fixture_end();
    }
}

static void
a_key_stays_over_power_off_and_a_session_key_does_not(void **state) {
    (void)state;
    struct cleat_se_key slot = key_of(0xE0F2, CLEAT_SE_ALG_P384);
    struct cleat_se_key session = key_of(0xE102, CLEAT_SE_ALG_P256);
    struct cleat_buf point = room(a), other = room(b), signature = room(b);
    begin(FIXTURE_CLEAR);
    assert_int_equal(cleat_se_key_generate(&session, CLEAT_SE_USE_SIGN, &other),
                     0);
    assert_int_equal(cleat_se_key_generate(&slot, CLEAT_SE_USE_SIGN, &point),
                     0);
    assert_int_equal(fixture_simple(CLEAT_SE_RESET), 0);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(
        cleat_se_key_sign(&slot, cleat_bytes_of(digest, 48), &signature), 0);
    assert_int_equal(cleat_se_key_verify(&slot, view(point),
                                         cleat_bytes_of(digest, 48),
                                         view(signature)),
                     0);
    assert_true(cleat_se_key_sign(&session, cleat_bytes_of(digest, 32),
                                  &signature) < 0);
    assert_int_equal(session.detail.object, 0xE102);
    fixture_end();
}

static void access_conditions_hold_for_keys_too(void **state) {
    (void)state;
    static const uint8_t lock[] = {0x20, 0x03, 0xD0, 0x01, 0xFF};
    struct cleat_se_key key = key_of(0xE0F0, CLEAT_SE_ALG_P256);
    struct cleat_buf point = room(a), out = room(b);
    begin(FIXTURE_CLEAR);
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &point),
                     CLEAT_ERR_DENIED);
    assert_int_equal(key.detail.code, 7);
    key.object = 0xE0F1;
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_AGREE, &point),
                     0);
    assert_int_equal(cleat_se_key_sign(&key, cleat_bytes_of(digest, 32), &out),
                     CLEAT_ERR_DENIED);
    assert_int_equal(fixture_metadata(0xE0F1, lock, sizeof lock), 0);
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &point),
                     CLEAT_ERR_DENIED);
    key.object = 0xE0C2;
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &point),
                     CLEAT_ERR_NOT_FOUND);
    fixture_end();
}

static void v1_refuses_what_came_later(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.variant = CLEAT_SIM_V1};
    struct cleat_buf out = room(a);
    fixture_begin(&o, 0, FIXTURE_CLEAR);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        struct cleat_se_key key = key_of(0xE0F1, curves[i].alg);
        int err = cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &out);
        assert_int_equal(err, i < 2 ? 0 : CLEAT_ERR_CHIP);
    }
    struct cleat_se_key aes = key_of(0xE200, CLEAT_SE_ALG_AES128);
    assert_int_equal(cleat_se_key_generate(&aes, CLEAT_SE_USE_ENCRYPT, NULL),
                     CLEAT_ERR_CHIP);
    assert_int_equal(aes.detail.code, 0x0A);
    fixture_end();
}

/* --- RSA --- */

static void rsa_works(enum cleat_se_alg alg) {
    struct cleat_se_key key = key_of(0xE0FC, alg);
    uint8_t der[CLEAT_SE_KEYS_PUBLIC_MAX];
    struct cleat_buf public_key = {der, sizeof der, 0};
    struct cleat_buf out = room(a), back = room(b);
    assert_int_equal(
        cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN | CLEAT_SE_USE_ENCRYPT,
                              &public_key),
        0);
    const uint8_t *p = der;
    EVP_PKEY *pub = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)public_key.len);
    assert_non_null(pub);
    assert_ptr_equal(p, der + public_key.len);
    static const size_t sizes[] = {32, 48, 64};
    const EVP_MD *md[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    for (size_t i = 0; i < 3; i++) {
        struct cleat_bytes d = cleat_bytes_of(digest, sizes[i]);
        assert_int_equal(cleat_se_key_sign(&key, d, &out), 0);
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pub, NULL);
        EVP_PKEY_verify_init(c);
        EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING);
        EVP_PKEY_CTX_set_signature_md(c, md[i]);
        assert_int_equal(EVP_PKEY_verify(c, out.data, out.len, d.data, d.len),
                         1);
        EVP_PKEY_CTX_free(c);
        assert_int_equal(
            cleat_se_key_verify(&key, view(public_key), d, view(out)), 0);
        out.data[3] ^= 1;
        assert_int_equal(
            cleat_se_key_verify(&key, view(public_key), d, view(out)),
            CLEAT_ERR_VERIFY);
    }
    assert_int_equal(cleat_se_key_encrypt_to(&key, view(public_key),
                                             cleat_bytes_str("hello"), &out),
                     0);
    assert_int_equal(cleat_se_key_decrypt_from(&key, view(out), &back), 0);
    assert_int_equal(back.len, 5);
    assert_memory_equal(back.data, "hello", 5);
    EVP_PKEY_free(pub);
}

static void rsa_signs_verifies_and_decrypts(void **state) {
    (void)state;
    begin(FIXTURE_CLEAR);
    rsa_works(CLEAT_SE_ALG_RSA1024);
    rsa_works(CLEAT_SE_ALG_RSA2048);
    fixture_end();
}

/* 2.9 s at full current, two and a half times that at the factory's. */
static void an_rsa_key_may_take_many_seconds(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    struct cleat_se_key key = key_of(0xE0FD, CLEAT_SE_ALG_RSA1024);
    struct cleat_buf out = room(a);
    fixture_begin(&o, 0, FIXTURE_CLEAR);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &out), 0);
    fixture_end();
}

/* --- AES, tags --- */

static struct cleat_se_key aes_key(enum cleat_se_alg alg) {
    static const uint8_t open[] = {0x20, 0x03, 0xD0, 0x01, 0x00};
    struct cleat_se_key key = key_of(0xE200, alg);
    assert_int_equal(fixture_metadata(0xE200, open, sizeof open), 0);
    assert_int_equal(cleat_se_key_generate(
                         &key, CLEAT_SE_USE_ENCRYPT | CLEAT_SE_USE_AUTH, NULL),
                     0);
    return key;
}

static void aes_goes_there_and_back_in_any_number_of_commands(void **state) {
    (void)state;
    static const size_t sizes[] = {16, 608, 624, 1584};
    uint8_t iv[16] = {9};
    for (int level = FIXTURE_CLEAR; level <= CLEAT_SE_PROTECT_BOTH;
         level += 4) {
        begin(level);
        for (unsigned alg = CLEAT_SE_ALG_AES128; alg <= CLEAT_SE_ALG_AES256;
             alg++) {
            struct cleat_se_key key = aes_key((enum cleat_se_alg)alg);
            for (size_t i = 0; i < 4; i++) {
                memset(a, (int)i, sizeof a);
                struct cleat_bytes data = cleat_bytes_of(a, sizes[i]);
                struct cleat_bytes start = cleat_bytes_of(iv, 16);
                struct cleat_buf out = room(b);
                assert_int_equal(
                    cleat_se_key_encrypt(&key, CLEAT_SE_CBC, start, data, &out),
                    0);
                assert_int_equal(out.len, sizes[i]);
                assert_memory_not_equal(a, b, 16);
                assert_int_equal(cleat_se_key_decrypt(&key, CLEAT_SE_CBC, start,
                                                      view(out), &out),
                                 0);
                assert_memory_equal(a, b, sizes[i]);
            }
        }
        fixture_end();
    }
}

static void equal_blocks_show_in_ecb_and_not_in_cbc(void **state) {
    (void)state;
    uint8_t iv[16] = {0};
    begin(FIXTURE_CLEAR);
    struct cleat_se_key key = aes_key(CLEAT_SE_ALG_AES128);
    struct cleat_buf out = room(b);
    memset(a, 3, 32);
    assert_int_equal(cleat_se_key_encrypt(&key, CLEAT_SE_ECB, none,
                                          cleat_bytes_of(a, 32), &out),
                     0);
    assert_memory_equal(b, b + 16, 16);
    assert_int_equal(cleat_se_key_encrypt(&key, CLEAT_SE_CBC,
                                          cleat_bytes_of(iv, 16),
                                          cleat_bytes_of(a, 32), &out),
                     0);
    assert_memory_not_equal(b, b + 16, 16);
    assert_int_equal(cleat_se_key_encrypt(&key, CLEAT_SE_CBC, none,
                                          cleat_bytes_of(a, 32), &out),
                     CLEAT_ERR_ARG);
    fixture_end();
}

/* A secret of type pre-shared secret that may be used. */
static void put_secret(uint16_t object, size_t len) {
    static const uint8_t type[] = {0x20, 0x06, 0xE8, 0x01,
                                   0x21, 0xD3, 0x01, 0x00};
    for (size_t i = 0; i < len; i++) {
        a[i] = (uint8_t)(i * 5 + 3);
    }
    assert_int_equal(fixture_write(object, a, len), 0);
    assert_int_equal(fixture_metadata(object, type, sizeof type), 0);
}

static void hmac_is_openssls_in_any_number_of_commands(void **state) {
    (void)state;
    static const enum cleat_se_mac modes[] = {
        CLEAT_SE_HMAC_SHA256, CLEAT_SE_HMAC_SHA384, CLEAT_SE_HMAC_SHA512};
    const EVP_MD *md[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    static const size_t sizes[] = {1, 608, 609, 1500};
    uint8_t want[64], tag[64];
    unsigned n = 0;
    begin(FIXTURE_CLEAR);
    put_secret(0xF1D1, 40);
    struct cleat_se_key key = key_of(0xF1D1, 0);
    for (size_t m = 0; m < 3; m++) {
        for (size_t i = 0; i < 4; i++) {
            struct cleat_buf out = {tag, sizeof tag, 0};
            memset(b, 0x77, sizes[i]);
            assert_int_equal(cleat_se_key_mac(&key, modes[m],
                                              cleat_bytes_of(b, sizes[i]),
                                              &out),
                             0);
            assert_non_null(HMAC(md[m], a, 40, b, sizes[i], want, &n));
            assert_int_equal(out.len, n);
            assert_memory_equal(tag, want, n);
        }
    }
    fixture_end();
}

static void cmac_and_cbc_mac_need_an_aes_key(void **state) {
    (void)state;
    uint8_t tag[16], whole[16];
    struct cleat_buf out = {tag, sizeof tag, 0};
    begin(FIXTURE_CLEAR);
    struct cleat_se_key key = aes_key(CLEAT_SE_ALG_AES256);
    assert_int_equal(
        cleat_se_key_mac(&key, CLEAT_SE_CBC_MAC, cleat_bytes_of(a, 1600), &out),
        0);
    /* CBC-MAC is the last block of CBC with an IV of zeros. */
    uint8_t iv[16] = {0};
    struct cleat_buf cbc = room(b);
    assert_int_equal(cleat_se_key_encrypt(&key, CLEAT_SE_CBC,
                                          cleat_bytes_of(iv, 16),
                                          cleat_bytes_of(a, 1600), &cbc),
                     0);
    memcpy(whole, b + 1584, 16);
    assert_memory_equal(tag, whole, 16);
    assert_int_equal(
        cleat_se_key_mac(&key, CLEAT_SE_CMAC, cleat_bytes_of(a, 21), &out), 0);
    assert_int_equal(
        cleat_se_key_mac(&key, CLEAT_SE_CBC_MAC, cleat_bytes_of(a, 21), &out),
        CLEAT_ERR_ARG);
    fixture_end();
}

/* --- derived secrets --- */

static void openssl_derives(const char *method, const char *salt_name,
                            const char *key_name, struct cleat_bytes salt,
                            struct cleat_bytes info, uint8_t *out, size_t n) {
    OSSL_PARAM p[5];
    size_t i = 0;
    EVP_KDF *k = EVP_KDF_fetch(NULL, method, NULL);
    EVP_KDF_CTX *c = EVP_KDF_CTX_new(k);
    p[i++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                              (char *)"SHA256", 0);
    p[i++] = OSSL_PARAM_construct_octet_string(key_name, a, 40);
    p[i++] = OSSL_PARAM_construct_octet_string(salt_name, (void *)salt.data,
                                               salt.len);
    if (info.len > 0) {
        p[i++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                                   (void *)info.data, info.len);
    }
    p[i] = OSSL_PARAM_construct_end();
    assert_int_equal(EVP_KDF_derive(c, out, n, p), 1);
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(k);
}

static void prf_and_hkdf_are_openssls(void **state) {
    (void)state;
    uint8_t want[256];
    struct cleat_bytes salt = cleat_bytes_str("master secret and a seed");
    struct cleat_bytes info = cleat_bytes_str("context");
    for (int level = FIXTURE_CLEAR; level <= CLEAT_SE_PROTECT_BOTH;
         level += 4) {
        begin(level);
        put_secret(0xF1D2, 40);
        struct cleat_se_key key = key_of(0xF1D2, 0);
        struct cleat_buf out = room(b);
        assert_int_equal(cleat_se_key_derive(&key, CLEAT_SE_PRF_SHA256, salt,
                                             none, 48, &out),
                         0);
        openssl_derives("TLS1-PRF", OSSL_KDF_PARAM_SEED, OSSL_KDF_PARAM_SECRET,
                        salt, none, want, 48);
        assert_int_equal(out.len, 48);
        assert_memory_equal(b, want, 48);
        assert_int_equal(cleat_se_key_derive(&key, CLEAT_SE_HKDF_SHA256, salt,
                                             info, 256, &out),
                         0);
        openssl_derives("HKDF", OSSL_KDF_PARAM_SALT, OSSL_KDF_PARAM_KEY, salt,
                        info, want, 256);
        assert_memory_equal(b, want, 256);
        assert_int_equal(cleat_se_key_derive(&key, CLEAT_SE_PRF_SHA256, salt,
                                             info, 48, &out),
                         CLEAT_ERR_ARG);
        fixture_end();
    }
}

/* ECDH and the PRF with nothing but the key block leaving the chip. */
static void a_secret_can_stay_in_its_session(void **state) {
    (void)state;
    struct cleat_se_key key = key_of(0xE100, CLEAT_SE_ALG_P256);
    struct cleat_buf point = room(a), block = room(b);
    begin(CLEAT_SE_PROTECT_BOTH);
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_AGREE, &point),
                     0);
    key.keep = 0xE100;
    assert_int_equal(cleat_se_key_agree(&key, view(point), NULL), 0);
    assert_int_equal(cleat_se_key_derive(&key, CLEAT_SE_PRF_SHA256,
                                         cleat_bytes_str("master secret......"),
                                         none, 48, NULL),
                     0);
    key.keep = 0;
    assert_int_equal(cleat_se_key_derive(&key, CLEAT_SE_PRF_SHA256,
                                         cleat_bytes_str("key expansion......"),
                                         none, 40, &block),
                     0);
    assert_int_equal(block.len, 40);
    fixture_end();
}

static void the_digest_of_an_object_is_sha256(void **state) {
    (void)state;
    uint8_t got[32], want[32];
    begin(FIXTURE_CLEAR);
    memset(a, 0x5A, 1200);
    assert_int_equal(fixture_write(0xF1E0, a, 1200), 0);
    struct cleat_se_key key = key_of(0xF1E0, 0);
    assert_int_equal(cleat_se_key_hash_object(&key, 100, 1000, got), 0);
    assert_int_equal(EVP_Digest(a, 1000, want, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(got, want, 32);
    assert_true(cleat_se_key_hash_object(&key, 1000, 300, got) < 0);
    fixture_end();
}

/* --- what is refused here, and answers that are wrong --- */

static void wrong_arguments_do_not_reach_the_chip(void **state) {
    (void)state;
    struct cleat_se_key key = key_of(0xE0F1, CLEAT_SE_ALG_P521);
    struct cleat_buf small = {a, 130, 0};
    struct cleat_buf out = room(b);
    uint8_t point[133] = {0x02};
    begin(FIXTURE_CLEAR);
    uint64_t before = cleat_sim_transfers(fixture_sim);
    struct cleat_bytes d = cleat_bytes_of(digest, 64);
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &small),
                     CLEAT_ERR_SIZE);
    assert_int_equal(cleat_se_key_sign(&key, d, &small), CLEAT_ERR_SIZE);
    assert_int_equal(cleat_se_key_agree(&key, cleat_bytes_of(point, 133), &out),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_se_key_verify(&key, cleat_bytes_of(point, 133), d,
                                         cleat_bytes_of(b, 132)),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_se_key_verify(&key, none, d, cleat_bytes_of(b, 131)),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_se_key_sign(&key, cleat_bytes_of(digest, 9), &out),
                     CLEAT_ERR_ARG);
    key.alg = CLEAT_SE_ALG_RSA2048;
    assert_int_equal(cleat_se_key_sign(&key, cleat_bytes_of(digest, 33), &out),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_se_key_decrypt_from(&key, d, &out), CLEAT_ERR_ARG);
    key.alg = 0x77;
    assert_int_equal(cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &out),
                     CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(cleat_se_key_mac(&key, CLEAT_SE_CMAC, none, &out),
                     CLEAT_ERR_ARG);
    assert_true(cleat_sim_transfers(fixture_sim) == before);
    fixture_end();
}

static void nothing_may_be_longer_than_a_command(void **state) {
    (void)state;
    struct cleat_se_op op;
    begin(FIXTURE_CLEAR);
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_COMMAND;
    op.object = 0x0C00;
    op.in = cleat_bytes_of(a, 1000);
    op.key = cleat_bytes_of(a, 554);
    assert_int_equal(cleat_se_do(&fixture_se, &op, 0), CLEAT_ERR_SIZE);
    fixture_end();
}

/* One call of each; @return its error. */
static int call(unsigned which, struct cleat_buf *out) {
    struct cleat_se_key ec = key_of(0xE0F1, CLEAT_SE_ALG_P521);
    struct cleat_se_key secret = key_of(0xF1D2, 0);
    struct cleat_se_key aes = key_of(0xE200, CLEAT_SE_ALG_AES128);
    struct cleat_bytes data = cleat_bytes_of(digest, 64);
    switch (which) {
    case 0:
        ec.object = 0xE101;
        return cleat_se_key_generate(&ec, CLEAT_SE_USE_SIGN, out);
    case 1:
        return cleat_se_key_sign(&ec, data, out);
    case 2:
        return cleat_se_key_derive(&secret, CLEAT_SE_HKDF_SHA256, data, none,
                                   48, out);
    case 3:
        return cleat_se_key_mac(&secret, CLEAT_SE_HMAC_SHA256, data, out);
    case 4:
        return cleat_se_key_encrypt(&aes, CLEAT_SE_ECB, none, data, out);
    default:
        ec.object = 0xF1D2;
        out->len = 32;
        return cleat_se_key_hash_object(&ec, 0, 40, out->data);
    }
}

static void a_wrong_answer_is_an_error_and_leaves_nothing_behind(void **state) {
    (void)state;
    static const struct {
        enum cleat_sim_fault_kind kind;
        uint32_t arg;
    } faults[] = {
        {CLEAT_SIM_FAULT_OUTLEN, 0},   {CLEAT_SIM_FAULT_OUTLEN, 5},
        {CLEAT_SIM_FAULT_OVERSIZE, 1}, {CLEAT_SIM_FAULT_OVERSIZE, 256},
        {CLEAT_SIM_FAULT_EMPTY, 0},    {CLEAT_SIM_FAULT_SHORT, 1},
        {CLEAT_SIM_FAULT_SHORT, 20},   {CLEAT_SIM_FAULT_STATUS, 1}};
    struct cleat_buf point = room(a);
    for (int level = FIXTURE_CLEAR; level <= CLEAT_SE_PROTECT_BOTH;
         level += 4) {
        begin(level);
        struct cleat_se_key ec = key_of(0xE0F1, CLEAT_SE_ALG_P521);
        put_secret(0xF1D2, 40);
        aes_key(CLEAT_SE_ALG_AES128);
        assert_int_equal(cleat_se_key_generate(&ec, CLEAT_SE_USE_SIGN, &point),
                         0);
        for (unsigned which = 0; which < 6; which++) {
            for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
                struct cleat_buf out = room(b);
                memset(b, 0xEE, sizeof b);
                cleat_sim_fault_arm(fixture_sim, faults[i].kind, faults[i].arg);
                int err = call(which, &out);
                if (err >= 0) {
                    fail_msg("call %u, fault %zu: succeeded", which, i);
                }
                err = call(which, &out);
                if (err != 0) {
                    fail_msg("call %u after fault %zu: %d", which, i, err);
                }
            }
        }
        fixture_end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_curve_of_the_chip_works_in_slots_and_sessions),
        cmocka_unit_test(a_key_stays_over_power_off_and_a_session_key_does_not),
        cmocka_unit_test(access_conditions_hold_for_keys_too),
        cmocka_unit_test(v1_refuses_what_came_later),
        cmocka_unit_test(rsa_signs_verifies_and_decrypts),
        cmocka_unit_test(an_rsa_key_may_take_many_seconds),
        cmocka_unit_test(aes_goes_there_and_back_in_any_number_of_commands),
        cmocka_unit_test(equal_blocks_show_in_ecb_and_not_in_cbc),
        cmocka_unit_test(hmac_is_openssls_in_any_number_of_commands),
        cmocka_unit_test(cmac_and_cbc_mac_need_an_aes_key),
        cmocka_unit_test(prf_and_hkdf_are_openssls),
        cmocka_unit_test(a_secret_can_stay_in_its_session),
        cmocka_unit_test(the_digest_of_an_object_is_sha256),
        cmocka_unit_test(wrong_arguments_do_not_reach_the_chip),
        cmocka_unit_test(nothing_may_be_longer_than_a_command),
        cmocka_unit_test(a_wrong_answer_is_an_error_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("keys and secrets", tests, NULL, NULL);
}
