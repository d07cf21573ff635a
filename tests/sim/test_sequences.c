/* SPDX-License-Identifier: MIT */
/*
 * Commands that come in sequences: EncryptSym and DecryptSym from start to
 * final, and the protected update, signed and encrypted here as its author
 * would.
 */
#define _GNU_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "cleat/log.h"
#include "host.h"
#include "sim/chip.h"

#define BLOCK_A "00112233445566778899aabbccddeeff"
#define BLOCK_B "ffeeddccbbaa99887766554433221100"
#define IV "410010 000102030405060708090a0b0c0d0e0f"

static struct host h;
static EVP_PKEY *author;

static int run(const char *fmt, ...) CLEAT_PRINTF(1, 2);
static int run(const char *fmt, ...) {
    static char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return host_hex(&h, text);
}

static int set_up(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    host_stop(&h);
    EVP_PKEY_free(author);
    author = NULL;
    return 0;
}

static void make_aes_key(void) {
    assert_int_equal(run("82010009e2000000 2003d00100"), 0);
    assert_int_equal(run("b9810009 010002e200 02000113"), 0);
}

static void hex_of(struct cleat_bytes b, char *out) {
    out[0] = '\0';
    for (size_t i = 0; i < b.len; i++) {
        snprintf(out + 2 * i, 3, "%02x", b.data[i]);
    }
}

static void cbc_in_parts_equals_cbc_in_one(void **state) {
    (void)state;
    char whole[200];
    char first[200];
    char last[200];
    make_aes_key();
    assert_int_equal(run("94090038e200 010020" BLOCK_A BLOCK_B IV), 0);
    hex_of(host_data(&h), whole);
    assert_int_equal(run("94090028e200 000010" BLOCK_A IV), 0);
    hex_of(host_data(&h), first);
    assert_int_equal(run("94090015e200 030010" BLOCK_B), 0);
    hex_of(host_data(&h), last);
    assert_memory_equal(whole + 6, first + 6, 32);
    assert_memory_equal(whole + 38, last + 6, 32);
    assert_int_equal(run("95090028e200 000010 %.32s" IV, first + 6), 0);
    hex_of(host_data(&h), whole);
    assert_string_equal(whole + 6, BLOCK_A);
    assert_int_equal(run("950900150000 030010 %.32s", last + 6), 0);
    hex_of(host_data(&h), whole); /* the OID did not matter */
    assert_string_equal(whole + 6, BLOCK_B);
}

static void macs_in_parts_equal_macs_in_one(void **state) {
    (void)state;
    static const char *const modes[] = {"0a", "0b"};
    char whole[200];
    make_aes_key();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            run("94%s0035e200 010030" BLOCK_A BLOCK_B BLOCK_A, modes[i]), 0);
        hex_of(host_data(&h), whole);
        assert_int_equal(strlen(whole), 38);
        assert_int_equal(run("94%s0015e200 000010" BLOCK_A, modes[i]), 0);
        assert_int_equal(host_data(&h).len, 0);
        assert_int_equal(run("94%s0015e200 020010" BLOCK_B, modes[i]), 0);
        assert_int_equal(run("94%s0015e200 030010" BLOCK_A, modes[i]), 0);
        char parts[200];
        hex_of(host_data(&h), parts);
        assert_string_equal(whole, parts);
    }
}

static void hmac_in_odd_parts_equals_hmac_in_one(void **state) {
    (void)state;
    char whole[200];
    char parts[200];
    assert_int_equal(run("82400014f1d00000" BLOCK_A), 0);
    assert_int_equal(run("8201000cf1d00000 2006e80121d30100"), 0);
    assert_int_equal(run("94200015f1d0 010010" BLOCK_B), 0);
    hex_of(host_data(&h), whole);
    assert_int_equal(run("94200008f1d0 000003 ffeedd"), 0);
    assert_int_equal(run("94200012f1d0 03000d ccbbaa99887766554433221100"), 0);
    hex_of(host_data(&h), parts);
    assert_string_equal(whole, parts);
}

static void sequences_are_strict(void **state) {
    (void)state;
    make_aes_key();
    assert_int_equal(run("94080015e200 020010" BLOCK_A), 0x0B);
    assert_int_equal(run("94080015e200 000010" BLOCK_A), 0);
    assert_int_equal(run("95080015e200 020010" BLOCK_A), 0x0B);
    assert_int_equal(run("94080015e200 030010" BLOCK_A), 0x0B);
    assert_int_equal(run("94080015e200 000010" BLOCK_A), 0);
    assert_int_equal(run("81000002e0c5"), 0); /* in between */
    assert_int_equal(run("94080015e200 030010" BLOCK_A), 0x0B);
    assert_int_equal(run("94080014e200 00000f 00112233445566778899aabbccddee"),
                     0x05);
    assert_int_equal(run("94080005e200 010000"), 0x05);
}

/* --- protected update ----------------------------------------------------- */

struct out {
    uint8_t bytes[1400];
    size_t len;
};

static void put(struct out *o, const void *bytes, size_t n) {
    assert_true(o->len + n <= sizeof o->bytes);
    if (n > 0) {
        memcpy(o->bytes + o->len, bytes, n);
    }
    o->len += n;
}

static void put_hex(struct out *o, const char *hex) {
    uint8_t b[256];
    put(o, b, host_unhex(hex, b, sizeof b));
}

static void put_head(struct out *o, uint8_t major, size_t v) {
    size_t low = v < 24 ? v : v < 256 ? 24u : 25u;
    uint8_t b[3] = {(uint8_t)((unsigned)major << 5 | low)};
    if (v < 24) {
        put(o, b, 1);
    } else if (v < 256) {
        b[1] = (uint8_t)v;
        put(o, b, 2);
    } else {
        b[1] = (uint8_t)(v >> 8);
        b[2] = (uint8_t)v;
        put(o, b, 3);
    }
}

static void put_bytes(struct out *o, const void *bytes, size_t n) {
    put_head(o, 2, n);
    put(o, bytes, n);
}

/* What is to be updated, and how. */
struct update {
    uint16_t target;
    const char *type; /* CBOR of payload type */
    const char *info; /* CBOR of additional information */
    uint16_t version;
    const uint8_t *payload;
    size_t len;
    const char *secret; /* hex of the OID, NULL: not encrypted */
    const uint8_t *uid; /* 25 bytes, NULL: for all */
    uint8_t keys[27];
    struct out fragments;
    size_t count;
};

static void sha256(const void *p, size_t n, uint8_t *out) {
    assert_int_equal(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL), 1);
}

static size_t seal(const struct update *u, size_t at, size_t n, uint8_t *out) {
    uint8_t nonce[13];
    uint8_t aad[8] = {(uint8_t)(u->version >> 8), (uint8_t)u->version, 0,
                      (uint8_t)(at >> 8),         (uint8_t)at,         0,
                      (uint8_t)(u->len >> 8),     (uint8_t)u->len};
    int m = 0;
    memcpy(nonce, u->keys + 16, 11);
    nonce[11] = 0;
    nonce[12] = (uint8_t)(at / 600 + 1);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ccm(), NULL, NULL, NULL),
                     1);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 13, NULL);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 8, NULL);
    EVP_EncryptInit_ex(c, NULL, NULL, u->keys, nonce);
    EVP_EncryptUpdate(c, NULL, &m, NULL, (int)n);
    EVP_EncryptUpdate(c, NULL, &m, aad, sizeof aad);
    EVP_EncryptUpdate(c, out, &m, u->payload + at, (int)n);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 8, out + n);
    EVP_CIPHER_CTX_free(c);
    return n + 8;
}

/* From the last to the first: each carries the digest of the next. */
static void fragment(struct update *u, uint8_t *first_digest) {
    size_t step = u->secret != NULL ? 600 : 608;
    u->count = (u->len + step - 1) / step;
    u->fragments.len = 0;
    for (size_t i = u->count; i-- > 0;) {
        uint8_t *f = u->fragments.bytes + i * 640;
        size_t n = u->len - i * step < step ? u->len - i * step : step;
        if (u->secret != NULL) {
            n = seal(u, i * step, n, f);
        } else {
            memcpy(f, u->payload + i * step, n);
        }
        if (i + 1 == u->count) {
            u->fragments.len = i * 640 + n;
        } else {
            memcpy(f + n, first_digest, 32);
            n = 640;
        }
        sha256(f, n, first_digest);
    }
}

static void derive(struct update *u, const char *label, const char *seed) {
    uint8_t secret[16];
    uint8_t both[64];
    size_t n = strlen(label);
    host_unhex(BLOCK_A, secret, sizeof secret);
    memcpy(both, label, n);
    n += host_unhex(seed, both + n, sizeof both - n);
    EVP_KDF *k = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *c = EVP_KDF_CTX_new(k);
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret, 16),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, both, n),
        OSSL_PARAM_construct_end()};
    assert_int_equal(EVP_KDF_derive(c, u->keys, sizeof u->keys, p), 1);
    EVP_KDF_CTX_free(c);
    EVP_KDF_free(k);
}

static void put_encryption(struct update *u, struct out *m) {
    struct out r = {.len = 0};
    if (u->secret == NULL) {
        put_hex(m, "f6");
        return;
    }
    put_hex(&r, "a304");
    put_hex(&r, "42");
    put_hex(&r, u->secret);
    put_hex(&r, "013a000100b7"); /* -65720 */
    put_hex(&r, "0582447465737450" BLOCK_B);
    put_hex(m, "820183");
    put_hex(m, "43a1010a");
    put_hex(m, "8182");
    put_bytes(m, r.bytes, r.len);
    put_hex(m, "f6f6");
}

/* r and s, fixed width, over the structure that COSE signs. */
static void put_signature(struct out *all, const struct out *manifest) {
    struct out s = {.len = 0};
    uint8_t digest[32];
    uint8_t der[80];
    uint8_t raw[64];
    size_t n = sizeof der;
    put_hex(&s, "846a5369676e617475726531");
    put_hex(&s, "43a1012640");
    put_bytes(&s, manifest->bytes, manifest->len);
    sha256(s.bytes, s.len, digest);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(author, NULL);
    assert_int_equal(EVP_PKEY_sign_init(c), 1);
    assert_int_equal(EVP_PKEY_sign(c, der, &n, digest, 32), 1);
    EVP_PKEY_CTX_free(c);
    const uint8_t *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    put_bytes(all, raw, 64);
}

static void build(struct update *u, struct out *all) {
    struct out m = {.len = 0};
    uint8_t digest[32];
    uint8_t target[2] = {(uint8_t)(u->target >> 8), (uint8_t)u->target};
    if (u->secret != NULL) {
        derive(u, "test", BLOCK_B);
    }
    fragment(u, digest);
    put_hex(&m, "8601f6f684");
    put_hex(&m, u->type);
    put_head(&m, 0, u->len);
    put_head(&m, 0, u->version);
    put_hex(&m, u->info);
    put_hex(&m, "828220582582182958 20");
    put(&m, digest, 32);
    put_encryption(u, &m);
    put_hex(&m, "82");
    put_bytes(&m, u->uid, u->uid == NULL ? 0 : 25);
    put_bytes(&m, target, 2);
    all->len = 0;
    put_hex(all, "8443a10126a10442e0e8");
    put_bytes(all, m.bytes, m.len);
    put_signature(all, &m);
}

static int send_part(uint8_t tag, const uint8_t *bytes, size_t n) {
    char text[2 * 700 + 1];
    hex_of(cleat_bytes_of(bytes, n), text);
    return run("8301%04zx %02x%04zx %s", n + 3, tag, n, text);
}

static int send_fragments(const struct update *u) {
    int code = 0;
    for (size_t i = 0; i < u->count && code == 0; i++) {
        bool last = i + 1 == u->count;
        code = send_part(last ? 0x31 : 0x32, u->fragments.bytes + i * 640,
                         last ? u->fragments.len - i * 640 : 640);
    }
    return code;
}

static int apply(struct update *u) {
    struct out all;
    build(u, &all);
    int code = send_part(0x30, all.bytes, all.len);
    return code != 0 ? code : send_fragments(u);
}

/* A trust anchor in 0xE0E8, and 0xF1E0 that only it may update. */
static void anchor(void) {
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    uint8_t *der = NULL;
    author = EVP_EC_gen("prime256v1");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"author", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, author);
    X509_EXTENSION *e =
        X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "digitalSignature");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, author, EVP_sha256()) > 0);
    int n = i2d_X509(x, &der);
    X509_free(x);
    assert_true(n > 0);
    char text[2048];
    hex_of(cleat_bytes_of(der, (size_t)n), text);
    OPENSSL_free(der);
    assert_int_equal(run("8240%04x e0e80000 %s", (unsigned)n + 4, text), 0);
    assert_int_equal(run("8201000bf1e00000 2005d00321e0e8"), 0);
}

static struct update data_update(uint16_t version, const uint8_t *p, size_t n) {
    return (struct update){.target = 0xF1E0,
                           .type = "20",
                           .info = "820002",
                           .version = version,
                           .payload = p,
                           .len = n};
}

static uint8_t payload[1300];

static void expect_payload(size_t n) {
    assert_int_equal(run("81000002f1e0"), 0);
    assert_int_equal(host_data(&h).len, n);
    assert_memory_equal(host_data(&h).data, payload, n);
}

static void signed_update_is_written(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 608, 609, 1300};
    memset(payload, 0x3C, sizeof payload);
    anchor();
    assert_int_equal(run("82400005f1e00000 11"), 0x07);
    for (size_t i = 0; i < 4; i++) {
        struct update u = data_update((uint16_t)(i + 1), payload, sizes[i]);
        payload[0] = (uint8_t)i;
        assert_int_equal(apply(&u), 0);
        expect_payload(sizes[i]);
    }
    assert_int_equal(run("81010002f1e0"), 0);
    assert_non_null(memmem(h.rsp, h.rsp_len, "\xC1\x02\x00\x04", 4));
}

static void old_versions_are_refused(void **state) {
    (void)state;
    anchor();
    struct update u = data_update(5, payload, 10);
    assert_int_equal(apply(&u), 0);
    assert_int_equal(apply(&u), 0x10);
    u.version = 4;
    assert_int_equal(apply(&u), 0x10);
    u.version = 6;
    assert_int_equal(apply(&u), 0);
}

static void interrupted_update_is_finished_with_its_version(void **state) {
    (void)state;
    struct out all;
    anchor();
    struct update u = data_update(1, payload, 1300);
    build(&u, &all);
    assert_int_equal(send_part(0x30, all.bytes, all.len), 0);
    assert_int_equal(send_part(0x32, u.fragments.bytes, 640), 0);
    assert_int_equal(run("81010002f1e0"), 0); /* ends it */
    assert_non_null(memmem(h.rsp, h.rsp_len, "\xC1\x02\x80\x01", 4));
    assert_int_equal(send_part(0x32, u.fragments.bytes + 640, 640), 0x0B);
    u.version = 2;
    assert_int_equal(apply(&u), 0x10);
    u.version = 1;
    assert_int_equal(apply(&u), 0);
    expect_payload(1300);
}

static void forged_updates_are_refused(void **state) {
    (void)state;
    struct out all;
    anchor();
    struct update u = data_update(1, payload, 700);
    build(&u, &all);
    all.bytes[all.len - 1] ^= 1; /* signature */
    assert_int_equal(send_part(0x30, all.bytes, all.len), 0x2C);
    all.bytes[all.len - 1] ^= 1;
    assert_int_equal(send_part(0x30, all.bytes, all.len - 1), 0x0F);
    all.bytes[20] ^= 1; /* inside the manifest */
    assert_true(send_part(0x30, all.bytes, all.len) != 0);
    all.bytes[20] ^= 1;
    assert_int_equal(send_part(0x30, all.bytes, all.len), 0);
    u.fragments.bytes[5] ^= 1;
    assert_int_equal(send_part(0x32, u.fragments.bytes, 640), 0x2D);
    u.fragments.bytes[5] ^= 1;
    assert_int_equal(send_part(0x32, u.fragments.bytes, 640), 0x0B);
    assert_int_equal(send_part(0x30, all.bytes, all.len), 0);
    assert_int_equal(send_part(0x32, u.fragments.bytes, 639), 0x04);
}

static void update_needs_its_rights(void **state) {
    (void)state;
    static const uint8_t other[25];
    anchor();
    struct update u = data_update(1, payload, 10);
    u.target = 0xF1E1; /* wants LcsO < op: that is met */
    assert_int_equal(apply(&u), 0);
    assert_int_equal(run("8201000bf1e10000 2005d00321e0e9"), 0);
    u.version = 2;
    assert_int_equal(apply(&u), 0x07); /* another anchor's */
    u.target = 0xE0C4;
    assert_int_equal(apply(&u), 0x01);
    u.target = 0xE0E8;
    u.len = 4;
    assert_int_equal(apply(&u), 0x07); /* the anchor itself */
    u.target = 0xF1E0;
    u.uid = other;
    assert_int_equal(apply(&u), 0x0F); /* for another chip */
    u.uid = cleat_sim_uid(h.sim).data;
    assert_int_equal(apply(&u), 0);
}

static void encrypted_update_is_written(void **state) {
    (void)state;
    memset(payload, 0x77, sizeof payload);
    anchor();
    assert_int_equal(run("82400014f1d40000" BLOCK_A), 0);
    assert_int_equal(run("8201000cf1d40000 2006e80123d30100"), 0);
    assert_int_equal(run("82010012f1e10000 200cd00721e0e8fd20f1d4d10100"), 0);
    struct update u = data_update(1, payload, 1250);
    u.target = 0xF1E1;
    assert_int_equal(apply(&u), 0x07); /* must be confidential */
    u.secret = "f1d4";
    assert_int_equal(apply(&u), 0);
    assert_int_equal(run("81000002f1e1"), 0);
    assert_int_equal(host_data(&h).len, 1250);
    assert_memory_equal(host_data(&h).data, payload, 1250);
}

static void keys_are_updated(void **state) {
    (void)state;
    uint8_t key[3 + 32] = {0x01, 0x00, 0x20, 0};
    struct cleat_sim_key pair = {0};
    size_t n = 0;
    anchor();
    assert_int_equal(cleat_sim_crypto_generate(SIM_A_P256, &pair), 0);
    assert_int_equal(cleat_sim_crypto_private(&pair, key + 3, &n), 0);
    struct update u = {.target = 0xE0F1,
                       .type = "22",
                       .info = "820310",
                       .version = 1,
                       .payload = key,
                       .len = sizeof key};
    assert_int_equal(apply(&u), 0);
    struct cleat_sim_object *o = cleat_sim_objects_find(h.sim, 0xE0F1);
    assert_int_equal(o->key->len, pair.len);
    assert_memory_equal(o->key->der, pair.der, pair.len);
    u.version = 2;
    memset(key + 3, 0xFF, 32); /* beyond the order */
    assert_int_equal(apply(&u), 0x05);
    assert_memory_equal(o->key->der, pair.der, pair.len);
}

static void metadata_is_updated_even_when_operational(void **state) {
    (void)state;
    uint8_t list[16];
    struct update u = {.target = 0xF1E1,
                       .type = "21",
                       .info = "820000",
                       .version = 1,
                       .payload = list,
                       .len = 5};
    host_unhex("2003d10100", list, sizeof list);
    anchor();
    assert_int_equal(run("82400008f1e10000 01020304"), 0);
    assert_int_equal(apply(&u), 0x11); /* no reset type */
    assert_int_equal(run("82010014f1e10000 200ed80321e0e8 f00111 d101ff"
                         "c00107"),
                     0);
    assert_int_equal(run("81000002f1e1"), 0x07);
    assert_int_equal(run("82010009f1e10000 2003d10100"), 0x07);
    assert_int_equal(apply(&u), 0);
    struct cleat_sim_object *o = cleat_sim_objects_find(h.sim, 0xF1E1);
    assert_int_equal(cleat_sim_meta_byte(o, SIM_T_LCSO, 0), SIM_LCS_CR);
    assert_int_equal(run("81000002f1e1"), 0);
    assert_int_equal(host_data(&h).len, 0); /* flushed */
    u.version = 2;
    host_unhex("2004c1020009", list, sizeof list); /* not the version */
    u.len = 6;
    assert_int_equal(apply(&u), 0x11);
    host_unhex("2003c00107", list, sizeof list); /* LcsO as given */
    u.len = 5;
    assert_int_equal(apply(&u), 0);
    assert_int_equal(cleat_sim_meta_byte(o, SIM_T_LCSO, 0), SIM_LCS_OP);
    u.version = 3;
    host_unhex("2000", list, sizeof list); /* as F0 says */
    u.len = 2;
    assert_int_equal(apply(&u), 0);
    assert_int_equal(cleat_sim_meta_byte(o, SIM_T_LCSO, 0), SIM_LCS_CR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cbc_in_parts_equals_cbc_in_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(macs_in_parts_equal_macs_in_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(hmac_in_odd_parts_equals_hmac_in_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(sequences_are_strict, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(signed_update_is_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(old_versions_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            interrupted_update_is_finished_with_its_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forged_updates_are_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(update_needs_its_rights, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(encrypted_update_is_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_are_updated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            metadata_is_updated_even_when_operational, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("sim sequences", tests, NULL, NULL);
}
