/* SPDX-License-Identifier: MIT */
/*
 * Every command of the virtual chip, its results checked by OpenSSL used
 * directly, and the errors it must refuse with.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

static struct host h;

static const char digest[] = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
                             "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf";

static int setup(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    host_stop(&h);
    return 0;
}

static void hex(char *out, struct cleat_bytes b) {
    for (size_t i = 0; i < b.len; i++) {
        snprintf(out + 2 * i, 3, "%02x", b.data[i]);
    }
}

/* Run a command made of a format. */
static int run(const char *fmt, ...) {
    static char text[4000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return host_hex(&h, text);
}

/* Public key of the last GenKeyPair, behind its tag, as hex of the BIT
 * STRING. */
static void public_hex(char *out) {
    struct cleat_bytes d = host_data(&h);
    assert_int_equal(d.data[0], 0x02);
    assert_int_equal(d.data[1] << 8 | d.data[2], d.len - 3);
    hex(out, cleat_bytes_of(d.data + 3, d.len - 3));
}

/* SubjectPublicKeyInfo around a BIT STRING given in hex. */
static EVP_PKEY *public_key(const char *group, const char *bits_hex) {
    uint8_t bits[200];
    size_t n = host_unhex(bits_hex, bits, sizeof bits);
    size_t head = bits[1] == 0x81 ? 4 : 3;
    EVP_PKEY *params = EVP_EC_gen(group);
    assert_non_null(params);
    EVP_PKEY *key = EVP_PKEY_new();
    assert_int_equal(EVP_PKEY_copy_parameters(key, params), 1);
    assert_int_equal(
        EVP_PKEY_set1_encoded_public_key(key, bits + head, n - head), 1);
    EVP_PKEY_free(params);
    return key;
}

static size_t der_integer(const uint8_t *in, uint8_t *out) {
    size_t n = in[1];
    const uint8_t *v = in + 2;
    while (n > 1 && v[0] == 0 && v[1] < 0x80) {
        v++;
        n--;
    }
    out[0] = 0x02;
    out[1] = (uint8_t)n;
    memcpy(out + 2, v, n);
    return n + 2;
}

/* Minimal DER out of the chip's two INTEGERs. */
static size_t der_signature(struct cleat_bytes s, uint8_t *out) {
    uint8_t body[160];
    size_t first = 2u + s.data[1];
    size_t n = der_integer(s.data, body);
    n += der_integer(s.data + first, body + n);
    assert_int_equal(first + 2u + s.data[first + 1], s.len);
    size_t head = n > 127 ? 3 : 2;
    out[0] = 0x30;
    out[1] = n > 127 ? 0x81 : (uint8_t)n;
    if (n > 127) {
        out[2] = (uint8_t)n;
    }
    memcpy(out + head, body, n);
    return n + head;
}

static int openssl_verifies(EVP_PKEY *key, struct cleat_bytes signature) {
    uint8_t der[200];
    uint8_t d[32];
    size_t n = der_signature(signature, der);
    host_unhex(digest, d, sizeof d);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    int ok = EVP_PKEY_verify_init(ctx) == 1 &&
             EVP_PKEY_verify(ctx, der, n, d, sizeof d) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static X509 *device_certificate(void) {
    struct cleat_bytes c = cleat_sim_certificate(h.sim);
    const unsigned char *p = c.data + 9;
    assert_int_equal(c.data[0], 0xC0);
    assert_int_equal(c.data[1] << 8 | c.data[2], c.len - 3);
    assert_int_equal(c.data[7] << 8 | c.data[8], c.len - 9);
    X509 *x = d2i_X509(NULL, &p, (long)c.len - 9);
    assert_non_null(x);
    return x;
}

static void device_key_signs_for_the_device_certificate(void **state) {
    (void)state;
    X509 *x = device_certificate();
    assert_int_equal(run("B1 11 0028 | 01 0020 %s | 03 0002 E0F0", digest), 0);
    assert_true(openssl_verifies(X509_get0_pubkey(x), host_data(&h)));
    X509_free(x);
}

static void every_curve_generates_signs_verifies_and_agrees(void **state) {
    (void)state;
    static const struct {
        unsigned alg;
        const char *group;
        size_t field;
    } curves[] = {{0x03, "P-256", 32},           {0x04, "P-384", 48},
                  {0x05, "P-521", 66},           {0x13, "brainpoolP256r1", 32},
                  {0x15, "brainpoolP384r1", 48}, {0x16, "brainpoolP512r1", 64}};
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        char pub[300];
        char sig[400];
        unsigned alg = curves[i].alg;
        assert_int_equal(run("B8 %02x 0009 01 0002 E100 02 0001 30", alg), 0);
        public_hex(pub);
        assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0);
        EVP_PKEY *key = public_key(curves[i].group, pub);
        assert_true(openssl_verifies(key, host_data(&h)));
        hex(sig, host_data(&h));
        size_t s = strlen(sig) / 2;
        size_t p = strlen(pub) / 2;
        assert_int_equal(run("B2 11 %04zx 01 0020 %s 02 %04zx %s 05 0001 %02x "
                             "06 %04zx %s",
                             35 + 3 + s + 4 + 3 + p, digest, s, sig, alg, p,
                             pub),
                         0);
        /* ECDH against a key of OpenSSL's. */
        EVP_PKEY *peer = EVP_EC_gen(curves[i].group);
        uint8_t *point = NULL;
        size_t n = EVP_PKEY_get1_encoded_public_key(peer, &point);
        char point_hex[300];
        hex(point_hex, cleat_bytes_of(point, n));
        OPENSSL_free(point);
        assert_int_equal(run("B3 01 %04zx 01 0002 E100 05 0001 %02x 06 %04zx "
                             "%.*s 00 %s 07 0000",
                             5 + 4 + 3 + p + 3, alg, p,
                             pub[2] == '8' && pub[3] == '1' ? 6 : 4, pub,
                             point_hex),
                         0);
        uint8_t want[66];
        size_t want_len = sizeof want;
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
        assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
        assert_int_equal(EVP_PKEY_derive_set_peer(ctx, key), 1);
        assert_int_equal(EVP_PKEY_derive(ctx, want, &want_len), 1);
        EVP_PKEY_CTX_free(ctx);
        assert_int_equal(want_len, curves[i].field);
        assert_int_equal(host_data(&h).len, want_len);
        assert_memory_equal(host_data(&h).data, want, want_len);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(key);
    }
}

static void signatures_keep_their_leading_zeros(void **state) {
    (void)state;
    host_stop(&h);
    host_start(&h, &(struct cleat_sim_options){.padded_signatures = true});
    host_open(&h);
    X509 *x = device_certificate();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E0F0", digest), 0);
        struct cleat_bytes s = host_data(&h);
        size_t second = 2u + s.data[1];
        bool r0 = s.data[1] == 32 && s.data[2] == 0 && s.data[3] < 0x80;
        bool s0 = s.data[second + 1] == 32 && s.data[second + 2] == 0 &&
                  s.data[second + 3] < 0x80;
        assert_true(r0 || s0);
        assert_true(openssl_verifies(X509_get0_pubkey(x), s));
    }
    X509_free(x);
}

static void sign_refuses_what_the_chip_refuses(void **state) {
    (void)state;
    assert_int_equal(run("B1 12 0028 01 0020 %s 03 0002 E0F0", digest), 0x03);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E0F9", digest), 0x01);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E0F1", digest), 0x05);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0x05);
    assert_int_equal(run("B1 11 0011 01 0009 %.18s 03 0002 E0F0", digest),
                     0x05);
    assert_int_equal(run("B1 11 0012 01 000A %.20s 03 0002 E0F0", digest), 0);
    assert_int_equal(run("B1 11 0029 01 0021 %s00 03 0002 E0F0", digest), 0x05);
    assert_int_equal(run("B1 11 0028 01 0021 %s 03 0002 E0F0", digest), 0x05);
    assert_int_equal(run("B1 11 0029 01 0020 %s 03 0002 E0F0 00", digest),
                     0x05);
    assert_int_equal(run("B1 11 0027 01 0020 %s 03 0002 E0F0", digest), 0x04);
    assert_int_equal(run("B1 01 0028 01 0020 %s 03 0002 E0F0", digest), 0x05);
    /* A key for agreement only does not sign, and the other way round. */
    assert_int_equal(run("B8 03 0009 01 0002 E101 02 0001 20"), 0);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E101", digest), 0x07);
}

static void verify_tells_bad_signatures_from_bad_input(void **state) {
    (void)state;
    char pub[300];
    char sig[400];
    assert_int_equal(run("B8 03 0009 01 0002 E100 02 0001 10"), 0);
    public_hex(pub);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0);
    hex(sig, host_data(&h));
    size_t s = strlen(sig) / 2;
    size_t len = 35 + 3 + s + 4 + 3 + 68;
    assert_int_equal(run("B2 11 %04zx 01 0020 ff%s 02 %04zx %s 05 0001 03 06 "
                         "0044 %s",
                         len, digest + 2, s, sig, pub),
                     0x2C);
    assert_int_equal(run("B2 11 %04zx 01 0020 %s 02 %04zx 03%s 05 0001 03 06 "
                         "0044 %s",
                         len, digest, s, sig + 2, pub),
                     0x05);
    pub[20] = pub[20] == '0' ? '1' : '0'; /* off the curve */
    assert_int_equal(run("B2 11 %04zx 01 0020 %s 02 %04zx %s 05 0001 03 06 "
                         "0044 %s",
                         len, digest, s, sig, pub),
                     0x05);
    /* No security event came of it. */
    assert_int_equal(run("81 00 0002 E0C5"), 0);
    assert_int_equal(host_data(&h).data[0], 0);
}

static void verify_with_a_certificate_wants_a_bare_one(void **state) {
    (void)state;
    char der[2 * 1300];
    char sig[400];
    struct cleat_bytes c = cleat_sim_certificate(h.sim);
    hex(der, cleat_bytes_of(c.data + 9, c.len - 9));
    size_t n = c.len - 9;
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E0F0", digest), 0);
    hex(sig, host_data(&h));
    size_t s = strlen(sig) / 2;
    const char *fmt = "B2 11 %04zx 01 0020 %s 02 %04zx %s 04 0002 %s";
    size_t len = 35 + 3 + s + 5;
    assert_int_equal(run(fmt, len, digest, s, sig, "E0E0"), 0x29);
    assert_int_equal(run("82 40 %04zx E0E1 0000 %s", n + 4, der), 0);
    assert_int_equal(run(fmt, len, digest, s, sig, "E0E1"), 0);
    assert_int_equal(run(fmt, len, digest, s, sig, "E0E2"), 0x29);
    assert_int_equal(run(fmt, len, digest, s, sig, "F1D0"), 0x01);
}

static void
agree_with_a_point_off_the_curve_sets_the_event_counter(void **state) {
    (void)state;
    char pub[300];
    assert_int_equal(run("B8 03 0009 01 0002 E100 02 0001 20"), 0);
    public_hex(pub);
    pub[100] = pub[100] == '0' ? '1' : '0';
    assert_int_equal(run("B3 01 0053 01 0002 E100 05 0001 03 06 0044 %s "
                         "07 0000",
                         pub),
                     0x05);
    assert_int_equal(run("81 00 0002 E0C5"), 0);
    assert_int_equal(host_data(&h).data[0], 255);
}

static void exported_key_pair_is_a_pair(void **state) {
    (void)state;
    assert_int_equal(run("B8 03 0003 07 0000"), 0);
    struct cleat_bytes d = host_data(&h);
    assert_int_equal(d.len, 0x6C);
    assert_memory_equal(d.data, "\x01\x00\x22\x04\x20", 5);
    assert_memory_equal(d.data + 37, "\x02\x00\x44\x03\x42\x00\x04", 7);
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *k = BN_bin2bn(d.data + 5, 32, NULL);
    EC_POINT *p = EC_POINT_new(g);
    uint8_t point[65];
    assert_int_equal(EC_POINT_mul(g, p, k, NULL, NULL, NULL), 1);
    EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL);
    assert_memory_equal(point, d.data + 43, 65);
    EC_POINT_free(p);
    BN_free(k);
    EC_GROUP_free(g);
}

static void random_has_the_length_asked_for(void **state) {
    (void)state;
    uint8_t first[32];
    assert_int_equal(run("8C 00 0002 0020"), 0);
    assert_int_equal(host_data(&h).len, 32);
    memcpy(first, host_data(&h).data, 32);
    assert_int_equal(run("8C 01 0002 0020"), 0);
    assert_memory_not_equal(first, host_data(&h).data, 32);
    assert_int_equal(run("8C 00 0002 0100"), 0);
    assert_int_equal(run("8C 00 0002 0007"), 0x05);
    assert_int_equal(run("8C 00 0002 0101"), 0x05);
    assert_int_equal(run("8C 02 0002 0020"), 0x03);
    assert_int_equal(run("8C 00 0001 00"), 0x04);
}

static void hash_in_pieces_equals_hash_at_once(void **state) {
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223"
                              "b00361a396177a9cb410ff61f20015ad";
    char got[600];
    char ctx[600];
    assert_int_equal(run("B0 E2 0006 01 0003 616263"), 0);
    hex(got, host_data(&h));
    assert_string_equal(got + 6, abc);
    /* Context inside. */
    assert_int_equal(run("B0 E2 0004 00 0001 61"), 0);
    assert_int_equal(host_data(&h).len, 0);
    assert_int_equal(run("B0 E2 0004 02 0001 62"), 0);
    assert_int_equal(run("B0 E2 0004 05 0001 63"), 0);
    hex(got, host_data(&h));
    assert_string_equal(got + 6, abc);
    assert_int_equal(run("B0 E2 0003 03 0000"), 0);
    hex(got, host_data(&h));
    assert_string_equal(got + 6, abc);
    assert_int_equal(run("B0 E2 0003 03 0000"), 0x0B);
    /* Context outside; one that was changed is refused. */
    assert_int_equal(run("B0 E2 0007 00 0001 61 07 0000"), 0);
    assert_int_equal(host_data(&h).len, 3 + 0xD1);
    hex(ctx, host_data(&h));
    assert_int_equal(run("B0 E2 00D9 03 0002 6263 %s", ctx), 0);
    hex(got, host_data(&h));
    assert_string_equal(got + 6, abc);
    ctx[8] = ctx[8] == '0' ? '1' : '0';
    assert_int_equal(run("B0 E2 00D9 03 0002 6263 %s", ctx), 0x05);
    /* From an object. */
    assert_int_equal(run("82 40 0009 F1D0 0000 7861626378"), 0);
    assert_int_equal(run("B0 E2 0009 11 0006 F1D0 0001 0003"), 0);
    hex(got, host_data(&h));
    assert_string_equal(got + 6, abc);
    assert_int_equal(run("B0 E2 0009 11 0006 F1D0 0003 0003"), 0x08);
    assert_int_equal(run("B0 E1 0006 01 0003 616263"), 0x03);
    assert_int_equal(run("B0 E2 0003 04 0000"), 0);
}

static void prf_and_hkdf_equal_openssl(void **state) {
    (void)state;
    uint8_t want[32];
    uint8_t secret[16];
    size_t len = sizeof want;
    memset(secret, 0x11, sizeof secret);
    assert_int_equal(
        run("82 40 0014 F1D0 0000 11111111111111111111111111111111"), 0);
    const char *hkdf = "B4 08 001B 01 0002 F1D0 03 0002 0020 04 0004 696e666f "
                       "02 0004 73616c74 07 0000";
    /* Not a pre-shared secret yet. */
    assert_int_equal(host_hex(&h, hkdf), 0x07);
    assert_int_equal(run("82 01 000C F1D0 0000 20 06 E8 01 21 D3 01 00"), 0);
    assert_int_equal(host_hex(&h, hkdf), 0);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256());
    EVP_PKEY_CTX_set1_hkdf_key(ctx, secret, sizeof secret);
    EVP_PKEY_CTX_set1_hkdf_salt(ctx, (const uint8_t *)"salt", 4);
    EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)"info", 4);
    assert_int_equal(EVP_PKEY_derive(ctx, want, &len), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_int_equal(host_data(&h).len, 32);
    assert_memory_equal(host_data(&h).data, want, 32);
    /* PRF: from the object, and the same again by way of a session. */
    assert_int_equal(run("B4 01 0018 01 0002 F1D0 03 0002 0020 02 0008 "
                         "6d61737465722b2b 07 0000"),
                     0);
    len = sizeof want;
    ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_TLS1_PRF, NULL);
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    EVP_PKEY_CTX_set_tls1_prf_md(ctx, EVP_sha256());
    EVP_PKEY_CTX_set1_tls1_prf_secret(ctx, secret, sizeof secret);
    EVP_PKEY_CTX_add1_tls1_prf_seed(ctx, (const uint8_t *)"master++", 8);
    assert_int_equal(EVP_PKEY_derive(ctx, want, &len), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_memory_equal(host_data(&h).data, want, 32);
    assert_int_equal(run("B4 01 001A 01 0002 F1D0 03 0002 0020 02 0008 "
                         "6d61737465722b2b 08 0002 E101"),
                     0);
    assert_int_equal(host_data(&h).len, 0);
    assert_int_equal(run("B4 01 0018 01 0002 E101 03 0002 0028 02 0008 "
                         "6b65792b657870 61 07 0000"),
                     0);
    assert_int_equal(host_data(&h).len, 40);
    assert_int_equal(run("B4 01 0018 01 0002 F1D0 03 0002 000F 02 0008 "
                         "6d61737465722b2b 07 0000"),
                     0x05);
    assert_int_equal(run("B4 01 001A 01 0002 F1D0 03 0002 0043 02 0008 "
                         "6d61737465722b2b 08 0002 E101"),
                     0x05);
}

static void rsa_signs_verifies_and_decrypts(void **state) {
    (void)state;
    char pub[700];
    char sig[600];
    char text[600];
    assert_int_equal(run("B8 41 0009 01 0002 E100 02 0001 12"), 0x01);
    assert_int_equal(run("B8 41 0009 01 0002 E0FC 02 0001 20"), 0x05);
    assert_int_equal(run("B8 41 0009 01 0002 E0FC 02 0001 12"), 0);
    public_hex(pub);
    size_t p = strlen(pub) / 2;
    assert_string_equal(pub + strlen(pub) - 12, "020400010001");
    assert_int_equal(run("B1 01 0028 01 0020 %s 03 0002 E0FC", digest), 0);
    assert_int_equal(host_data(&h).len, 128);
    hex(sig, host_data(&h));
    assert_int_equal(run("B2 01 %04zx 01 0020 %s 02 0080 %s 05 0001 41 06 "
                         "%04zx %s",
                         35 + 131 + 4 + 3 + p, digest, sig, p, pub),
                     0);
    assert_int_equal(run("B2 01 %04zx 01 0020 ff%s 02 0080 %s 05 0001 41 06 "
                         "%04zx %s",
                         35 + 131 + 4 + 3 + p, digest + 2, sig, p, pub),
                     0x2C);
    assert_int_equal(run("9E 11 %04zx 61 0003 616263 05 0001 41 06 %04zx %s",
                         6 + 4 + 3 + p, p, pub),
                     0);
    hex(text, host_data(&h));
    assert_int_equal(run("9F 11 0088 %s 03 0002 E0FC", text), 0);
    assert_memory_equal(host_data(&h).data,
                        "\x61\x00\x03"
                        "abc",
                        6);
    text[10] = text[10] == '0' ? '1' : '0';
    assert_int_equal(run("9F 11 0088 %s 03 0002 E0FC", text), 0x2E);
}

static void aes_round_trips_and_needs_change_rights(void **state) {
    (void)state;
    char text[200];
    static const char plain[] = "000102030405060708090a0b0c0d0e0f";
    static const char iv[] = "41 0010 00000000000000000000000000000000";
    assert_int_equal(run("B9 81 0009 01 0002 E200 02 0001 02"), 0x07);
    assert_int_equal(run("82 01 0009 E200 0000 20 03 D0 01 00"), 0);
    assert_int_equal(run("B9 81 0009 01 0002 E200 02 0001 02"), 0);
    assert_int_equal(run("94 09 0028 E200 01 0010 %s %s", plain, iv), 0);
    hex(text, host_data(&h));
    assert_int_equal(run("95 09 0028 E200 01 0010 %s %s", text + 6, iv), 0);
    hex(text, host_data(&h));
    assert_string_equal(text + 6, plain);
    assert_int_equal(run("94 08 0015 E200 01 0010 %s", plain), 0);
    assert_int_equal(run("94 08 0014 E200 01 000F %.30s", plain), 0x05);
    assert_int_equal(run("81 00 0002 E200"), 0x07);
}

static void good_hmac_authorizes_until_reset(void **state) {
    (void)state;
    /* F1D0: reference; F1D1: readable only when authorized. */
    char random[80];
    char mac[80];
    uint8_t key[16];
    uint8_t random_bytes[16];
    uint8_t tag[32];
    size_t n = 0;
    memset(key, 0x22, sizeof key);
    assert_int_equal(
        run("82 40 0014 F1D0 0000 22222222222222222222222222222222"), 0);
    assert_int_equal(run("82 01 000C F1D0 0000 20 06 E8 01 31 D3 01 00"), 0);
    assert_int_equal(run("82 40 0005 F1D1 0000 77"), 0);
    assert_int_equal(run("82 01 000B F1D1 0000 20 05 D1 03 23 F1 D0"), 0);
    assert_int_equal(run("81 00 0002 F1D1"), 0x07);
    assert_int_equal(run("8C 00 0007 0010 E100 41 0000"), 0);
    memcpy(random_bytes, host_data(&h).data, 16);
    hex(random, host_data(&h));
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, 16,
                              random_bytes, 16, tag, sizeof tag, &n));
    hex(mac, cleat_bytes_of(tag, n));
    assert_int_equal(
        run("95 20 003A F1D0 01 0012 E100 %s 43 0020 %s", random, mac), 0);
    assert_int_equal(run("81 00 0002 F1D1"), 0);
    /* The challenge is good once. */
    assert_int_equal(
        run("95 20 003A F1D0 01 0012 E100 %s 43 0020 %s", random, mac), 0x05);
    assert_int_equal(host_write(&h, 0x88, "\0\0", 2), 0);
    h.sent = h.got = 3;
    host_open(&h);
    assert_int_equal(run("81 00 0002 F1D1"), 0x07);
}

static void session_keys_are_gone_after_close_and_reset(void **state) {
    (void)state;
    assert_int_equal(run("B8 03 0009 01 0002 E100 02 0001 10"), 0);
    assert_int_equal(run("F1 00 0000"), 0);
    host_open(&h);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0x05);
    assert_int_equal(run("B8 03 0009 01 0002 E100 02 0001 10"), 0);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0);
    assert_int_equal(host_write(&h, 0x88, "\0\0", 2), 0);
    h.sent = h.got = 3;
    host_open(&h);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0x05);
}

static void nothing_works_before_open_and_after_close(void **state) {
    (void)state;
    static const uint8_t uid[] = {0x81, 0x00, 0x00, 0x02, 0xE0, 0xC2};
    assert_int_equal(run("F1 00 0000"), 0);
    assert_int_equal(host_apdu(&h, uid, sizeof uid), 0xFF);
    host_open(&h);
    assert_int_equal(host_apdu(&h, uid, sizeof uid), 0);
    assert_int_equal(run("F0 00 0010 D276000004 47656E41757468417070 6D"),
                     0x05);
    assert_int_equal(run("F0 02 0000"), 0x03);
    assert_int_equal(run("AA 00 0000"), 0x0A);
}

static void hibernation_wants_a_quiet_chip_and_works_once(void **state) {
    (void)state;
    char handle[32];
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E0F0", digest), 0);
    assert_int_equal(run("F1 01 0000"), 0x0B); /* SEC is 1 */
    h.now_us += 6000000;
    assert_int_equal(run("B8 03 0009 01 0002 E100 02 0001 10"), 0);
    assert_int_equal(run("F1 01 0000"), 0);
    hex(handle, host_data(&h));
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, false);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, true);
    h.sent = h.got = 3;
    const char *fmt = "F0 01 0018 D276000004 47656E41757468417070 6C %s";
    assert_int_equal(run(fmt, handle), 0);
    assert_int_equal(run("B1 11 0028 01 0020 %s 03 0002 E100", digest), 0);
    static uint8_t again[64];
    char text[128];
    snprintf(text, sizeof text, fmt, handle);
    size_t n = host_unhex(text, again, sizeof again);
    assert_int_equal(host_apdu(&h, again, n), 0xFF);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(device_key_signs_for_the_device_certificate),
        CASE(every_curve_generates_signs_verifies_and_agrees),
        CASE(signatures_keep_their_leading_zeros),
        CASE(sign_refuses_what_the_chip_refuses),
        CASE(verify_tells_bad_signatures_from_bad_input),
        CASE(verify_with_a_certificate_wants_a_bare_one),
        CASE(agree_with_a_point_off_the_curve_sets_the_event_counter),
        CASE(exported_key_pair_is_a_pair),
        CASE(random_has_the_length_asked_for),
        CASE(hash_in_pieces_equals_hash_at_once),
        CASE(prf_and_hkdf_equal_openssl),
        CASE(rsa_signs_verifies_and_decrypts),
        CASE(aes_round_trips_and_needs_change_rights),
        CASE(good_hmac_authorizes_until_reset),
        CASE(session_keys_are_gone_after_close_and_reset),
        CASE(nothing_works_before_open_and_after_close),
        CASE(hibernation_wants_a_quiet_chip_and_works_once),
    };
    return cmocka_run_group_tests_name("sim commands", tests, NULL, NULL);
}
