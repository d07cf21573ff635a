/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip selftest`: tries what the element says it can do and checks each
 * answer with OpenSSL or by itself. Nothing that lasts is changed; what it
 * leaves are security events, which the element takes back with time: one for
 * the identity's signature, and two more where there is an AES key to try.
 */
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#include "chip_keys.h"
#include "cleat/port.h"
#include "cleat/se_chip.h"
#include "cleat/se_keys.h"
#include "identity.h"

#define RANDOM_LEN 256
#define DIGEST_LEN 32
#define POINT_LEN 65

enum { NO, YES, SKIP };

/** One check. Words in why when it fails. */
struct check {
    const char *name, *what;
    uint32_t can; /* capabilities it needs: all, or with `any` one of them */
    /* YES, NO or SKIP. */
    int (*run)(struct cli_chip_call *c, char *why, size_t cap);
    bool any;
};

static bool bad(char *why, size_t cap, const char *text) {
    snprintf(why, cap, "%s", text);
    return false;
}

/* An operation that was done has failed. */
static bool op_bad(const struct cleat_se_op *op, char *why, size_t cap) {
    return bad(why, cap,
               op->detail.text != NULL ? op->detail.text
                                       : cleat_strerror(op->err));
}

static bool ask(struct cli_chip_call *c, struct cleat_se_op *op, char *why,
                size_t cap) {
    return cleat_se_do(&c->se.se, op, 0) == CLEAT_OK || op_bad(op, why, cap);
}

static int check_uid(struct cli_chip_call *c, char *why, size_t cap) {
    uint8_t uid[64];
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID, uid, sizeof uid);
    if (!ask(c, &op, why, cap)) {
        return false;
    }
    return op.out.len > 0 || bad(why, cap, "the UID is empty");
}

/* Not a test of quality: stuck, repeating and lopsided ones are seen. */
static int check_random(struct cli_chip_call *c, char *why, size_t cap) {
    uint8_t data[2][RANDOM_LEN];
    int ones = 0;
    for (size_t i = 0; i < 2; i++) {
        struct cleat_se_op op =
            cli_chip_op(CLEAT_SE_RANDOM, 0, data[i], RANDOM_LEN);
        if (!ask(c, &op, why, cap)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof data; i++) {
        for (int bit = 0; bit < 8; bit++) {
            ones += data[i / RANDOM_LEN][i % RANDOM_LEN] >> bit & 1;
        }
    }
    bool repeats = memcmp(data[0], data[1], RANDOM_LEN) == 0;
    cleat_wipe(data, sizeof data);
    if (repeats) {
        return bad(why, cap, "the same random bytes twice");
    }
    /* 4096 fair bits lie 6 sigma (192) from 2048 once in 10^9. */
    return (ones > 2048 - 192 && ones < 2048 + 192) ||
           bad(why, cap, "random bits are lopsided");
}

static int check_hash(struct cli_chip_call *c, char *why, size_t cap) {
    uint8_t message[300];
    uint8_t want[DIGEST_LEN];
    uint8_t have[DIGEST_LEN];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)i;
    }
    struct cleat_bytes view = cleat_bytes_of(message, sizeof message);
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_HASH, 0, have, sizeof have);
    struct cleat_se_key key = {.se = &c->se.se};
    op.in = view;
    if ((c->se.chip.driver->can & CLEAT_SE_CAN_HASH) != 0) {
        if (!ask(c, &op, why, cap)) {
            return false;
        }
    } else if (cleat_se_key_hash(&key, view, have) != CLEAT_OK) {
        return bad(why, cap,
                   key.detail.text != NULL ? key.detail.text : "no answer");
    }
    EVP_Digest(message, sizeof message, want, NULL, EVP_sha256(), NULL);
    return memcmp(want, have, sizeof want) == 0 ||
           bad(why, cap, "SHA-256 differs from the host's");
}

/* A host key's signature: the element takes it, and not a changed one. */
static int check_verify(struct cli_chip_call *c, char *why, size_t cap) {
    uint8_t digest[DIGEST_LEN];
    uint8_t der[160];
    uint8_t rs[64];
    uint8_t point[POINT_LEN];
    size_t len = sizeof der;
    EVP_PKEY *key = EVP_EC_gen("prime256v1");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool made =
        RAND_bytes(digest, sizeof digest) == 1 && ctx != NULL &&
        EVP_PKEY_sign_init(ctx) == 1 &&
        EVP_PKEY_sign(ctx, der, &len, digest, sizeof digest) == 1 &&
        cli_identity_from_der(CLEAT_CURVE_P256, cleat_bytes_of(der, len), rs,
                              sizeof rs) == sizeof rs;
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_VERIFY, 0, NULL, 0);
    op.curve = CLEAT_CURVE_P256;
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.signature = cleat_bytes_of(rs, sizeof rs);
    op.key =
        cleat_bytes_of(point, cli_identity_point(key, point, sizeof point));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (!made) {
        return bad(why, cap, "the host cannot make a signature");
    }
    if (!ask(c, &op, why, cap)) {
        return false;
    }
    rs[40] ^= 1;
    int err = cleat_se_do(&c->se.se, &op, 0);
    if (err == CLEAT_OK) {
        return bad(why, cap, "a wrong signature is taken for good");
    }
    return err == CLEAT_ERR_VERIFY || op_bad(&op, why, cap);
}

/* What both sides agree on, by OpenSSL for the host. */
static bool host_secret(EVP_PKEY *host, EVP_PKEY *chip, uint8_t *out) {
    size_t len = DIGEST_LEN;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(host, NULL);
    bool ok = chip != NULL && ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
              EVP_PKEY_derive_set_peer(ctx, chip) == 1 &&
              EVP_PKEY_derive(ctx, out, &len) == 1 && len == DIGEST_LEN;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool agree(struct cli_chip_call *c, uint16_t session, EVP_PKEY *host,
                  char *why, size_t cap) {
    uint8_t own[POINT_LEN];
    uint8_t peer[POINT_LEN];
    uint8_t have[DIGEST_LEN];
    uint8_t want[DIGEST_LEN];
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_GENERATE, session, own, sizeof own);
    op.usage = CLEAT_SE_USE_AGREE;
    if (!ask(c, &op, why, cap)) {
        return false;
    }
    EVP_PKEY *chip =
        cli_identity_key(CLEAT_CURVE_P256, cleat_bytes_of(own, op.out.len));
    bool ok = host_secret(host, chip, want);
    EVP_PKEY_free(chip);
    if (!ok) {
        return bad(why, cap, "the session key's public point is not good");
    }
    op = cli_chip_op(CLEAT_SE_AGREE, session, have, sizeof have);
    op.key = cleat_bytes_of(peer, cli_identity_point(host, peer, sizeof peer));
    if (!ask(c, &op, why, cap)) {
        return false;
    }
    ok = op.out.len == sizeof want && cleat_equal_ct(want, have, sizeof want);
    cleat_wipe(want, sizeof want);
    cleat_wipe(have, sizeof have);
    return ok || bad(why, cap, "the shared secret differs from the host's");
}

static int check_agree(struct cli_chip_call *c, char *why, size_t cap) {
    int session = cleat_se_session_take(&c->se.se);
    if (session < 0) {
        return bad(why, cap, "no session key is free");
    }
    EVP_PKEY *host = EVP_EC_gen("prime256v1");
    bool ok = host != NULL && agree(c, (uint16_t)session, host, why, cap);
    EVP_PKEY_free(host);
    cleat_se_session_give(&c->se.se, (uint16_t)session);
    return ok;
}

static int check_identity(struct cli_chip_call *c, char *why, size_t cap) {
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_CERTIFICATE, c->certificate,
                                        c->data, CLI_CHIP_OBJECT_MAX);
    if (!ask(c, &op, why, cap)) {
        return false;
    }
    const unsigned char *at = c->data;
    X509 *x = d2i_X509(NULL, &at, (long)op.out.len);
    int status = x == NULL
                     ? CLI_FAILED
                     : cli_identity_challenge(c, c->key, X509_get0_pubkey(x));
    X509_free(x);
    ERR_clear_error();
    if (status == CLI_OK) {
        return true;
    }
    return bad(why, cap,
               status == CLI_MISMATCH
                   ? "the key is not the one of the certificate"
                   : "no certificate, or its key does not sign");
}

static int check_objects(struct cli_chip_call *c, char *why, size_t cap) {
    static const uint16_t some[] = {0xE0C2, 0xE0E0, 0xE0F0, 0xE140, 0xF1D0};
    uint8_t raw[64];
    struct cli_metadata m;
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        struct cleat_se_op op =
            cli_chip_op(CLEAT_SE_READ_METADATA, some[i], raw, sizeof raw);
        if (cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK &&
            !cli_metadata_parse(&m, cleat_bytes_of(raw, op.out.len))) {
            return bad(why, cap, "metadata is malformed");
        }
        if (op.err != CLEAT_OK && op.err != CLEAT_ERR_NOT_FOUND) {
            return op_bad(&op, why, cap);
        }
    }
    return true;
}

static int check_events(struct cli_chip_call *c, char *why, size_t cap) {
    uint8_t events = 0;
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ, CLEAT_SE_OBJECT_EVENTS, &events, 1);
    if (cleat_se_do(&c->se.se, &op, 0) != CLEAT_OK) {
        return op.err == CLEAT_ERR_NOT_FOUND || op_bad(&op, why, cap);
    }
    uint32_t delay = cleat_se_event_delay_ms(events);
    if (delay > 0) {
        snprintf(why, cap,
                 "the chip slows itself down: %u security events, %u ms for "
                 "each use of a key; leave it powered and quiet",
                 events, (unsigned)delay);
    }
    return delay == 0;
}

/* ---- what is no curve's ---- */

static int said(const struct cleat_se_key *key, int err, char *why,
                size_t cap) {
    snprintf(why, cap, "%s",
             err == CLEAT_ERR_UNSUPPORTED ? "this element cannot do it"
             : key->detail.text != NULL   ? key->detail.text
                                          : cleat_strerror(err));
    return err == CLEAT_ERR_UNSUPPORTED ? SKIP : NO;
}

static bool host_decrypts(EVP_PKEY *host, const struct cleat_buf *in,
                          struct cleat_bytes want) {
    uint8_t out[CLEAT_SE_KEYS_RSA_MAX];
    size_t len = sizeof out;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(host, NULL);
    bool ok = ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
              EVP_PKEY_decrypt(ctx, out, &len, in->data, in->len) == 1 &&
              cleat_bytes_equal(cleat_bytes_of(out, len), want);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* A host key: the element encrypts to it and takes its signature. */
static int try_rsa(struct cli_chip_call *c, EVP_PKEY *host, char *why,
                   size_t cap) {
    uint8_t der[CLEAT_SE_KEYS_PUBLIC_MAX];
    uint8_t room[CLEAT_SE_KEYS_RSA_MAX];
    uint8_t signature[CLEAT_SE_KEYS_RSA_MAX];
    uint8_t digest[DIGEST_LEN];
    size_t len = sizeof signature;
    struct cleat_buf out = {room, sizeof room, 0};
    struct cleat_se_key key = cli_keys_open(c, 0, CLEAT_SE_ALG_RSA2048);
    struct cleat_bytes own =
        cleat_bytes_of(der, cli_keys_public_der(host, der, sizeof der));
    struct cleat_bytes text = cleat_bytes_str("a message");
    int err = cleat_se_key_encrypt_to(&key, own, text, &out);
    if (err != CLEAT_OK) {
        return said(&key, err, why, cap);
    }
    if (!host_decrypts(host, &out, text)) {
        return bad(why, cap, "the host decrypts something else");
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool made =
        ctx != NULL &&
        EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, host) == 1 &&
        EVP_DigestSign(ctx, signature, &len, text.data, text.len) == 1 &&
        EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!made) {
        return bad(why, cap, "the host cannot make a signature");
    }
    struct cleat_bytes given = cleat_bytes_of(signature, len);
    struct cleat_bytes d = cleat_bytes_of(digest, sizeof digest);
    err = cleat_se_key_verify(&key, own, d, given);
    if (err != CLEAT_OK) {
        return said(&key, err, why, cap);
    }
    digest[0] ^= 1;
    err = cleat_se_key_verify(&key, own, d, given);
    if (err == CLEAT_OK) {
        return bad(why, cap, "a wrong signature is taken for good");
    }
    return err == CLEAT_ERR_VERIFY ? YES : said(&key, err, why, cap);
}

static int check_rsa(struct cli_chip_call *c, char *why, size_t cap) {
    EVP_PKEY *host = EVP_RSA_gen(2048);
    int result = host == NULL ? bad(why, cap, "the host cannot make a key")
                              : try_rsa(c, host, why, cap);
    EVP_PKEY_free(host);
    return result;
}

/* Which AES key there is in 0xE200. @return YES, NO or SKIP: none. */
static int find_aes(struct cli_chip_call *c, enum cleat_se_alg *alg, char *why,
                    size_t cap) {
    uint8_t raw[64];
    struct cli_metadata m;
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ_METADATA, 0xE200, raw, sizeof raw);
    int err = cleat_se_do(&c->se.se, &op, 0);
    if (err != CLEAT_OK && err != CLEAT_ERR_NOT_FOUND) {
        return op_bad(&op, why, cap);
    }
    if (err == CLEAT_OK &&
        !cli_metadata_parse(&m, cleat_bytes_of(raw, op.out.len))) {
        return bad(why, cap, "metadata is malformed");
    }
    *alg = (enum cleat_se_alg)(err == CLEAT_OK && m.algorithm >= 0 ? m.algorithm
                                                                   : 0);
    if (cli_keys_is_aes(*alg)) {
        return YES;
    }
    snprintf(why, cap, "there is no AES key in 0xE200");
    return SKIP;
}

/* Only if there is a key: none is made, as it could not be taken away. */
static int check_aes(struct cli_chip_call *c, char *why, size_t cap) {
    uint8_t iv[16];
    uint8_t plain[64];
    uint8_t data[64];
    struct cleat_buf out = {data, sizeof data, 0};
    enum cleat_se_alg alg;
    int found = find_aes(c, &alg, why, cap);
    if (found != YES) {
        return found;
    }
    struct cleat_se_key key = cli_keys_open(c, 0xE200, alg);
    if (RAND_bytes(iv, sizeof iv) != 1 ||
        RAND_bytes(plain, sizeof plain) != 1) {
        return bad(why, cap, "the host has no random numbers");
    }
    struct cleat_bytes vector = cleat_bytes_of(iv, sizeof iv);
    int err = cleat_se_key_encrypt(&key, CLEAT_SE_CBC, vector,
                                   cleat_bytes_of(plain, sizeof plain), &out);
    if (err == CLEAT_ERR_DENIED) {
        snprintf(why, cap, "the key in 0xE200 is not for that");
        return SKIP;
    }
    bool changed = memcmp(plain, data, sizeof plain) != 0;
    if (err == CLEAT_OK) {
        err = cleat_se_key_decrypt(&key, CLEAT_SE_CBC, vector,
                                   cleat_bytes_of(data, sizeof data), &out);
    }
    if (err != CLEAT_OK) {
        return said(&key, err, why, cap);
    }
    return (changed && memcmp(plain, data, sizeof plain) == 0) ||
           bad(why, cap, "what was encrypted decrypts to something else");
}

/* A secret that host and element share, in a session of the element. */
static int shared(struct cli_chip_call *c, uint16_t session, uint8_t *secret,
                  char *why, size_t cap) {
    uint8_t own[POINT_LEN];
    uint8_t peer[POINT_LEN];
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_GENERATE, session, own, sizeof own);
    struct cleat_se_key key = cli_keys_open(c, session, CLEAT_SE_ALG_P256);
    op.usage = CLEAT_SE_USE_AGREE;
    if (!ask(c, &op, why, cap)) {
        return NO;
    }
    EVP_PKEY *chip =
        cli_identity_key(CLEAT_CURVE_P256, cleat_bytes_of(own, op.out.len));
    EVP_PKEY *host = EVP_EC_gen("prime256v1");
    size_t len = host == NULL ? 0 : cli_identity_point(host, peer, sizeof peer);
    bool ok = len > 0 && host_secret(host, chip, secret);
    EVP_PKEY_free(chip);
    EVP_PKEY_free(host);
    if (!ok) {
        return bad(why, cap, "the session key's public point is not good");
    }
    key.keep = session;
    int err = cleat_se_key_agree(&key, cleat_bytes_of(peer, len), NULL);
    return err == CLEAT_OK ? YES : said(&key, err, why, cap);
}

/* HMAC by the element and by OpenSSL. */
static int try_hmac(struct cli_chip_call *c, uint16_t session,
                    const uint8_t *secret, char *why, size_t cap) {
    uint8_t have[CLEAT_SE_KEYS_MAC_MAX];
    uint8_t want[CLEAT_SE_KEYS_MAC_MAX];
    unsigned len = 0;
    struct cleat_buf tag = {have, sizeof have, 0};
    struct cleat_bytes text = cleat_bytes_str("a message");
    struct cleat_se_key key = cli_keys_open(c, session, (enum cleat_se_alg)0);
    int err = cleat_se_key_mac(&key, CLEAT_SE_HMAC_SHA256, text, &tag);
    if (err != CLEAT_OK) {
        return said(&key, err, why, cap);
    }
    return (HMAC(EVP_sha256(), secret, DIGEST_LEN, text.data, text.len, want,
                 &len) != NULL &&
            tag.len == len && memcmp(want, have, len) == 0) ||
           bad(why, cap, "the tag differs from the host's");
}

/* HKDF (RFC 5869) of one block and no info: HMAC twice. */
static bool host_hkdf(const uint8_t *secret, uint8_t *out) {
    static const uint8_t salt[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t first[1] = {1};
    uint8_t prk[DIGEST_LEN];
    return HMAC(EVP_sha256(), salt, sizeof salt, secret, DIGEST_LEN, prk,
                NULL) != NULL &&
           HMAC(EVP_sha256(), prk, sizeof prk, first, sizeof first, out,
                NULL) != NULL;
}

static int try_derive(struct cli_chip_call *c, uint16_t session,
                      const uint8_t *secret, char *why, size_t cap) {
    static const uint8_t salt[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t have[DIGEST_LEN];
    uint8_t want[DIGEST_LEN];
    struct cleat_buf out = {have, sizeof have, 0};
    struct cleat_se_key key = cli_keys_open(c, session, (enum cleat_se_alg)0);
    int err = cleat_se_key_derive(&key, CLEAT_SE_HKDF_SHA256,
                                  cleat_bytes_of(salt, sizeof salt),
                                  cleat_bytes_of(NULL, 0), sizeof have, &out);
    if (err != CLEAT_OK) {
        return said(&key, err, why, cap);
    }
    bool same = host_hkdf(secret, want) && out.len == sizeof want &&
                cleat_equal_ct(want, have, sizeof want);
    cleat_wipe(want, sizeof want);
    cleat_wipe(have, sizeof have);
    return same || bad(why, cap, "the derived key differs from the host's");
}

static int with_secret(struct cli_chip_call *c,
                       int (*use)(struct cli_chip_call *c, uint16_t session,
                                  const uint8_t *secret, char *why, size_t cap),
                       char *why, size_t cap) {
    uint8_t secret[DIGEST_LEN];
    int session = cleat_se_session_take(&c->se.se);
    if (session < 0) {
        return bad(why, cap, "no session is free");
    }
    int result = shared(c, (uint16_t)session, secret, why, cap);
    if (result == YES) {
        result = use(c, (uint16_t)session, secret, why, cap);
    }
    cleat_wipe(secret, sizeof secret);
    cleat_se_session_give(&c->se.se, (uint16_t)session);
    return result;
}

static int check_hmac(struct cli_chip_call *c, char *why, size_t cap) {
    return with_secret(c, try_hmac, why, cap);
}

static int check_derive(struct cli_chip_call *c, char *why, size_t cap) {
    return with_secret(c, try_derive, why, cap);
}

static const struct check checks[] = {
    {"uid", "UID can be read", CLEAT_SE_CAN_OBJECTS, check_uid, false},
    {"objects", "metadata is well formed", CLEAT_SE_CAN_METADATA, check_objects,
     false},
    {"random", "random numbers", CLEAT_SE_CAN_RANDOM, check_random, false},
    {"hash", "SHA-256", CLEAT_SE_CAN_HASH | CLEAT_SE_CAN_COMMAND, check_hash,
     true},
    {"verify", "good signatures are taken, wrong ones not", CLEAT_SE_CAN_VERIFY,
     check_verify, false},
    {"agree", "key pair and shared secret",
     CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_AGREE, check_agree, false},
    {"rsa", "RSA with a key of the host", CLEAT_SE_CAN_COMMAND, check_rsa,
     false},
    {"aes", "AES there and back", CLEAT_SE_CAN_COMMAND, check_aes, false},
    {"hmac", "HMAC with a shared secret",
     CLEAT_SE_CAN_COMMAND | CLEAT_SE_CAN_GENERATE, check_hmac, false},
    {"derive", "key derivation from a shared secret",
     CLEAT_SE_CAN_COMMAND | CLEAT_SE_CAN_GENERATE, check_derive, false},
    {"identity", "key and certificate match",
     CLEAT_SE_CAN_CERTIFICATE | CLEAT_SE_CAN_SIGN, check_identity, false},
    {"events", "security event counter is low", CLEAT_SE_CAN_METADATA,
     check_events, false},
};

static void tell(struct cli_chip_call *c, cJSON *list, const struct check *k,
                 const char *result, const char *why, double ms) {
    if (list == NULL) {
        printf("%-8s %s (%.1f ms)%s%s\n", result, k->what, ms,
               why[0] == '\0' ? "" : ": ", why);
        return;
    }
    cJSON *o = cJSON_CreateObject();
    (void)c;
    cJSON_AddStringToObject(o, "check", k->name);
    cJSON_AddStringToObject(o, "result", result);
    cJSON_AddNumberToObject(o, "ms", ms);
    if (why[0] != '\0') {
        cJSON_AddStringToObject(o, "why", why);
    }
    cJSON_AddItemToArray(list, o);
}

int cli_chip_selftest(struct cli_chip_call *c) {
    unsigned failed = 0;
    cJSON *root = cli_report_root(&c->report);
    cJSON *list = root == NULL ? NULL : cJSON_AddArrayToObject(root, "checks");
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        char why[200] = "";
        const struct check *k = &checks[i];
        uint32_t can = c->se.chip.driver->can & k->can;
        if (k->any ? can == 0 : can != k->can) {
            tell(c, list, k, "skipped", "this element cannot do it", 0);
            continue;
        }
        uint64_t from = cleat_port_now_us();
        int result = k->run(c, why, sizeof why);
        double ms = (double)(cleat_port_now_us() - from) / 1000.0;
        failed += result == NO;
        tell(c, list, k,
             result == YES    ? "ok"
             : result == SKIP ? "skipped"
                              : "FAILED",
             why, ms);
        fflush(stdout);
    }
    return failed == 0 ? CLI_OK
                       : cli_report_fail(&c->report, CLI_FAILED, NULL,
                                         "%u of the checks failed", failed);
}
