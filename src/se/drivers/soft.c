/* SPDX-License-Identifier: MIT */
/*
 * A software element for tests on a host: its keys are in this process, read
 * from PEM files or made by OpenSSL, its objects in memory only. Everything it
 * does ends within start(); it has no bus.
 */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "cleat/se.h"

#define KEY_COUNT 8 /* E0F0..E0F3, E100..E103 */
#define OBJECT_COUNT 32
#define OBJECT_MAX 1728
#define METADATA_MAX 46
#define CHAIN_MAX 16384
#define UID_LEN 27

struct object {
    uint16_t id; /* 0: free */
    size_t len;
    size_t metadata_len;
    uint8_t metadata[METADATA_MAX];
    uint8_t data[OBJECT_MAX];
};

struct soft {
    EVP_PKEY *key[KEY_COUNT];
    size_t chain_len;
    uint8_t chain[CHAIN_MAX];
    struct object object[OBJECT_COUNT];
    bool open;
};

static struct soft *soft_of(void *ctx) {
    return *(struct soft **)ctx;
}

static int fail(struct cleat_se_op *op, int err, int32_t code) {
    op->detail.layer = CLEAT_LAYER_CHIP;
    op->detail.code = code;
    op->detail.text = cleat_se_chip_error(code);
    return err;
}

/* Loading. */

static int load_error(struct cleat_detail *detail, const char *text) {
    detail->layer = CLEAT_LAYER_OS;
    detail->text = text;
    return CLEAT_ERR_NOT_FOUND;
}

static size_t group_bytes(const EVP_PKEY *key) {
    int bits = EVP_PKEY_is_a(key, "EC") == 1 ? EVP_PKEY_get_bits(key) : 0;
    return bits == 256 || bits == 384 ? (size_t)bits / 8 : 0;
}

static int load_key(struct soft *s, const char *path,
                    struct cleat_detail *detail) {
    BIO *file = BIO_new_file(path, "rb");
    if (file == NULL) {
        return load_error(detail, "cannot open the key file");
    }
    s->key[0] = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    BIO_free(file);
    if (s->key[0] == NULL || group_bytes(s->key[0]) == 0) {
        detail->text = "the key file holds no P-256 or P-384 private key";
        return CLEAT_ERR_ARG;
    }
    return 0;
}

static int load_chain(struct soft *s, const char *path,
                      struct cleat_detail *detail) {
    BIO *file = BIO_new_file(path, "rb");
    if (file == NULL) {
        return load_error(detail, "cannot open the certificate file");
    }
    X509 *cert;
    bool fits = true;
    while ((cert = PEM_read_bio_X509(file, NULL, NULL, NULL)) != NULL) {
        int len = i2d_X509(cert, NULL);
        fits = fits && len > 0 && (size_t)len <= CHAIN_MAX - s->chain_len;
        if (fits) {
            uint8_t *at = s->chain + s->chain_len;
            s->chain_len += (size_t)i2d_X509(cert, &at);
        }
        X509_free(cert);
    }
    BIO_free(file);
    if (!fits || s->chain_len == 0) {
        detail->text = "the certificate file holds no usable certificate";
        return CLEAT_ERR_ARG;
    }
    return 0;
}

static struct object *find(struct soft *s, uint16_t id) {
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (s->object[i].id == id) {
            return &s->object[i];
        }
    }
    return NULL;
}

/* @return the object, made if it is new; NULL when there is no room. */
static struct object *find_or_make(struct soft *s, uint16_t id) {
    static const uint8_t plain[] = {0x20, 0x09, 0xD0, 0x01, 0x00, 0xD1,
                                    0x01, 0x00, 0xD3, 0x01, 0x00};
    struct object *o = find(s, id);
    if (o != NULL) {
        return o;
    }
    o = find(s, 0);
    if (o != NULL) {
        o->id = id;
        o->len = 0;
        memcpy(o->metadata, plain, sizeof plain);
        o->metadata_len = sizeof plain;
    }
    return o;
}

static int load(struct soft *s, const char *address,
                struct cleat_detail *detail) {
    const char *comma = address == NULL ? NULL : strchr(address, ',');
    char key_path[1024];
    size_t key_len = comma == NULL ? 0 : (size_t)(comma - address);
    if (key_len == 0 || key_len >= sizeof key_path) {
        detail->text = "expected KEY.pem,CERT.pem";
        return CLEAT_ERR_ARG;
    }
    memcpy(key_path, address, key_len);
    key_path[key_len] = '\0';
    int err = load_key(s, key_path, detail);
    if (err == 0) {
        err = load_chain(s, comma + 1, detail);
    }
    return err;
}

/* What the real element has from the start, so that one test fits both. */
static void furnish(struct soft *s) {
    struct object *uid = find_or_make(s, CLEAT_SE_OBJECT_UID);
    uid->len = UID_LEN;
    memcpy(uid->data, "soft element, tests only   ", UID_LEN);
    for (uint16_t id = 0xE120; id <= 0xE123; id++) {
        struct object *counter = find_or_make(s, id);
        counter->len = 8;
        memset(counter->data + 4, 0xFF, 4);
    }
    for (uint16_t id = 0xF1D0; id <= 0xF1DB; id++) {
        find_or_make(s, id);
    }
    find_or_make(s, 0xF1E0);
    find_or_make(s, 0xF1E1);
}

static void soft_deinit(void *ctx) {
    struct soft *s = soft_of(ctx);
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        EVP_PKEY_free(s->key[i]); /* OpenSSL wipes private numbers. */
    }
    OPENSSL_clear_free(s, sizeof *s);
    *(struct soft **)ctx = NULL;
}

static int soft_init(void *ctx, const struct cleat_se_config *config,
                     struct cleat_detail *detail) {
    struct soft *s = OPENSSL_zalloc(sizeof *s);
    *(struct soft **)ctx = s;
    if (s == NULL) {
        return CLEAT_ERR_FULL;
    }
    int err = load(s, config->address, detail);
    if (err != 0) {
        soft_deinit(ctx);
        return err;
    }
    furnish(s);
    return 0;
}

/* Keys. */

static EVP_PKEY **slot(struct soft *s, uint16_t object) {
    if (object >= CLEAT_SE_OBJECT_KEY && object < CLEAT_SE_OBJECT_KEY + 4) {
        return &s->key[object - CLEAT_SE_OBJECT_KEY];
    }
    if (object >= CLEAT_SE_OBJECT_SESSION &&
        object < CLEAT_SE_OBJECT_SESSION + 4) {
        return &s->key[4 + object - CLEAT_SE_OBJECT_SESSION];
    }
    return NULL;
}

static enum cleat_curve curve_of(const struct cleat_se_op *op) {
    return op->curve == 0 ? CLEAT_CURVE_P256 : op->curve;
}

static size_t field_of(const struct cleat_se_op *op) {
    return cleat_curve_bytes(curve_of(op));
}

static const char *group_name(const struct cleat_se_op *op) {
    return curve_of(op) == CLEAT_CURVE_P384 ? "P-384" : "P-256";
}

/* @return the key of op->object if it is there and on op's curve. */
static EVP_PKEY *key_of(struct soft *s, const struct cleat_se_op *op) {
    EVP_PKEY **at = slot(s, op->object);
    if (at == NULL || *at == NULL || group_bytes(*at) != field_of(op)) {
        return NULL;
    }
    return *at;
}

static EVP_PKEY *public_key(const struct cleat_se_op *op) {
    char name[8];
    snprintf(name, sizeof name, "%s", group_name(op));
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

static int generate(struct soft *s, struct cleat_se_op *op) {
    EVP_PKEY **at = slot(s, op->object);
    if (at == NULL) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    EVP_PKEY *key = EVP_EC_gen(group_name(op));
    size_t len = 0;
    if (key == NULL ||
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                        op->out.data, op->out.cap, &len) != 1 ||
        len != 1 + 2 * field_of(op)) {
        EVP_PKEY_free(key);
        return fail(op, CLEAT_ERR_CHIP, 0x06);
    }
    op->out.len = len;
    EVP_PKEY_free(*at);
    *at = key;
    return 0;
}

static size_t digest_len(const struct cleat_se_op *op) {
    return op->in.len < field_of(op) ? op->in.len : field_of(op);
}

static int sign(struct soft *s, struct cleat_se_op *op) {
    EVP_PKEY *key = key_of(s, op);
    uint8_t der[160];
    size_t len = sizeof der;
    if (key == NULL) {
        return fail(op, CLEAT_ERR_CHIP, 0x05);
    }
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    bool ok = c != NULL && EVP_PKEY_sign_init(c) == 1 &&
              EVP_PKEY_sign(c, der, &len, op->in.data, digest_len(op)) == 1;
    EVP_PKEY_CTX_free(c);
    const uint8_t *at = der;
    ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &at, (long)len) : NULL;
    int n = (int)field_of(op);
    ok = sig != NULL &&
         BN_bn2binpad(ECDSA_SIG_get0_r(sig), op->out.data, n) == n &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), op->out.data + n, n) == n;
    ECDSA_SIG_free(sig);
    if (!ok) {
        return fail(op, CLEAT_ERR_CHIP, 0x06);
    }
    op->out.len = 2 * (size_t)n;
    return 0;
}

/* @return length of the DER form of op's signature, 0 on failure. */
static size_t encode_signature(const struct cleat_se_op *op, uint8_t der[160]) {
    int n = (int)field_of(op);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(op->signature.data, n, NULL);
    BIGNUM *s = BN_bin2bn(op->signature.data + n, n, NULL);
    int len = 0;
    if (sig != NULL && r != NULL && s != NULL &&
        ECDSA_SIG_set0(sig, r, s) == 1) {
        r = NULL;
        s = NULL;
        len = i2d_ECDSA_SIG(sig, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return len < 0 ? 0 : (size_t)len;
}

static int verify(struct cleat_se_op *op) {
    EVP_PKEY *key = public_key(op);
    if (key == NULL) {
        return fail(op, CLEAT_ERR_CHIP, 0x05);
    }
    uint8_t der[160];
    size_t len = encode_signature(op, der);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    bool good = len > 0 && c != NULL && EVP_PKEY_verify_init(c) == 1 &&
                EVP_PKEY_verify(c, der, len, op->in.data, digest_len(op)) == 1;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    return good ? 0 : fail(op, CLEAT_ERR_VERIFY, 0x2C);
}

static int agree(struct soft *s, struct cleat_se_op *op) {
    EVP_PKEY *own = key_of(s, op);
    EVP_PKEY *peer = public_key(op);
    size_t len = op->out.cap;
    EVP_PKEY_CTX *c = own == NULL ? NULL : EVP_PKEY_CTX_new(own, NULL);
    bool ok = peer != NULL && c != NULL && EVP_PKEY_derive_init(c) == 1 &&
              EVP_PKEY_derive_set_peer(c, peer) == 1 &&
              EVP_PKEY_derive(c, op->out.data, &len) == 1 &&
              len == field_of(op);
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(peer);
    if (!ok) {
        return fail(op, CLEAT_ERR_CHIP, 0x05);
    }
    op->out.len = len;
    return 0;
}

/* Data. */

static int fill_random(struct cleat_se_op *op) {
    if (op->out.cap > 0x7FFFFFFF ||
        RAND_bytes(op->out.data, (int)op->out.cap) != 1) {
        return fail(op, CLEAT_ERR_CHIP, 0x06);
    }
    op->out.len = op->out.cap;
    return 0;
}

static int certificate(struct soft *s, struct cleat_se_op *op) {
    if (op->object != CLEAT_SE_OBJECT_CERTIFICATE) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    if (s->chain_len > op->out.cap) {
        op->detail.text = "certificate does not fit the buffer";
        return CLEAT_ERR_SIZE;
    }
    memcpy(op->out.data, s->chain, s->chain_len);
    op->out.len = s->chain_len;
    return 0;
}

static int read_object(struct soft *s, struct cleat_se_op *op) {
    const struct object *o = op->object == 0 ? NULL : find(s, op->object);
    if (o == NULL) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    if (op->offset > o->len) {
        return fail(op, CLEAT_ERR_CHIP, 0x08);
    }
    size_t left = o->len - op->offset;
    op->out.len = left < op->out.cap ? left : op->out.cap;
    memcpy(op->out.data, o->data + op->offset, op->out.len);
    return 0;
}

static int write_object(struct soft *s, struct cleat_se_op *op) {
    struct object *o = op->object == 0 ? NULL : find_or_make(s, op->object);
    if (o == NULL) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    size_t end = op->offset + op->in.len;
    if (end > OBJECT_MAX) {
        return fail(op, CLEAT_ERR_CHIP, 0x08);
    }
    if (op->in.len > 0) {
        memcpy(o->data + op->offset, op->in.data, op->in.len);
    }
    if (op->erase || end > o->len) {
        o->len = end;
    }
    return 0;
}

static int count(struct soft *s, struct cleat_se_op *op) {
    struct object *o = op->object == 0 ? NULL : find(s, op->object);
    if (o == NULL || o->len != 8) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(o->data, 8));
    uint32_t value = cleat_read_u32(&r);
    uint32_t threshold = cleat_read_u32(&r);
    uint32_t step = op->in.data[0];
    if (step > threshold - value) {
        return fail(op, CLEAT_ERR_CHIP, 0x0E);
    }
    struct cleat_writer w = cleat_writer_of(o->data, 4);
    cleat_write_u32(&w, value + step);
    return 0;
}

static int read_metadata(struct soft *s, struct cleat_se_op *op) {
    const struct object *o = op->object == 0 ? NULL : find(s, op->object);
    if (o == NULL) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    if (o->metadata_len > op->out.cap) {
        return CLEAT_ERR_SIZE;
    }
    memcpy(op->out.data, o->metadata, o->metadata_len);
    op->out.len = o->metadata_len;
    return 0;
}

/* Replaced as a whole, not tag by tag; conditions are not enforced. */
static int write_metadata(struct soft *s, struct cleat_se_op *op) {
    struct object *o = op->object == 0 ? NULL : find(s, op->object);
    struct cleat_reader r = cleat_reader_of(op->in);
    if (o == NULL) {
        return fail(op, CLEAT_ERR_NOT_FOUND, 0x01);
    }
    uint8_t tag = cleat_read_u8(&r);
    uint8_t len = cleat_read_u8(&r);
    if (tag != 0x20 || len != cleat_reader_left(&r)) {
        return fail(op, CLEAT_ERR_CHIP, 0x11);
    }
    memcpy(o->metadata, op->in.data, op->in.len);
    o->metadata_len = op->in.len;
    return 0;
}

static int hash(struct cleat_se_op *op) {
    unsigned len = 0;
    if (EVP_Digest(op->in.data, op->in.len, op->out.data, &len, EVP_sha256(),
                   NULL) != 1) {
        return fail(op, CLEAT_ERR_CHIP, 0x06);
    }
    op->out.len = len;
    return 0;
}

static void close_sessions(struct soft *s) {
    for (size_t i = 4; i < KEY_COUNT; i++) {
        EVP_PKEY_free(s->key[i]);
        s->key[i] = NULL;
    }
}

static int run(struct soft *s, struct cleat_se_op *op) {
    switch (op->type) {
    case CLEAT_SE_OPEN:
    case CLEAT_SE_CLOSE:
    case CLEAT_SE_RESET:
        close_sessions(s);
        s->open = op->type == CLEAT_SE_OPEN;
        return 0;
    case CLEAT_SE_RANDOM:
        return fill_random(op);
    case CLEAT_SE_CERTIFICATE:
        return certificate(s, op);
    case CLEAT_SE_READ:
        return read_object(s, op);
    case CLEAT_SE_WRITE:
        return write_object(s, op);
    case CLEAT_SE_COUNT:
        return count(s, op);
    case CLEAT_SE_READ_METADATA:
        return read_metadata(s, op);
    case CLEAT_SE_WRITE_METADATA:
        return write_metadata(s, op);
    case CLEAT_SE_GENERATE:
        return generate(s, op);
    case CLEAT_SE_SIGN:
        return sign(s, op);
    case CLEAT_SE_VERIFY:
        return verify(op);
    case CLEAT_SE_AGREE:
        return agree(s, op);
    case CLEAT_SE_HASH:
        return hash(op);
    default:
        return CLEAT_ERR_UNSUPPORTED;
    }
}

static int soft_start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct soft *s = soft_of(ctx);
    (void)now_us;
    if (!s->open && op->type != CLEAT_SE_OPEN && op->type != CLEAT_SE_CLOSE &&
        op->type != CLEAT_SE_RESET) {
        op->err = fail(op, CLEAT_ERR_STATE, 0x0C);
        op->detail.text = "the element is not open";
        return 0;
    }
    op->err = run(s, op);
    if (op->err != 0) {
        op->out.len = 0;
    }
    return 0;
}

const struct cleat_se_driver cleat_se_driver_soft = {
    .name = "soft",
    .summary = "keys in this process, from PEM files: for tests only",
    .usage = "KEY.pem,CERT.pem",
    .tests_only = true,
    .can = CLEAT_SE_CAN_RANDOM | CLEAT_SE_CAN_CERTIFICATE |
           CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_SIGN | CLEAT_SE_CAN_VERIFY |
           CLEAT_SE_CAN_AGREE | CLEAT_SE_CAN_OBJECTS | CLEAT_SE_CAN_METADATA |
           CLEAT_SE_CAN_HASH,
    .session_first = CLEAT_SE_OBJECT_SESSION,
    .session_count = 4,
    .ctx_size = sizeof(struct soft *),
    .init = soft_init,
    .deinit = soft_deinit,
    .start = soft_start,
};
