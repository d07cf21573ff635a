/* SPDX-License-Identifier: MIT */
/* A secure element made of OpenSSL; see element.h. */
#include "element.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static const char *curve_name(enum cleat_curve curve) {
    return curve == CLEAT_CURVE_P384 ? "P-384" : "P-256";
}

static EVP_PKEY *public_key(enum cleat_curve curve, struct cleat_bytes point) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[3];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    params[0] = OSSL_PARAM_construct_utf8_string(
        OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve_name(curve), 0);
    params[1] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.len);
    params[2] = OSSL_PARAM_construct_end();
    if (EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY **key_slot(struct element *e, uint16_t object) {
    if (object == CLEAT_SE_OBJECT_KEY) {
        return &e->identity;
    }
    if (object >= CLEAT_SE_OBJECT_SESSION &&
        object < CLEAT_SE_OBJECT_SESSION + 4) {
        return &e->session[object - CLEAT_SE_OBJECT_SESSION];
    }
    return NULL;
}

static int generate(struct element *e, struct cleat_se_op *op) {
    EVP_PKEY **slot = key_slot(e, op->object);
    if (slot == NULL || slot == &e->identity) {
        return CLEAT_ERR_DENIED;
    }
    EVP_PKEY_free(*slot);
    *slot = EVP_EC_gen(curve_name(op->curve));
    size_t len;
    if (EVP_PKEY_get_octet_string_param(*slot, OSSL_PKEY_PARAM_PUB_KEY,
                                        op->out.data, op->out.cap, &len) != 1) {
        return CLEAT_ERR_CHIP;
    }
    op->out.len = len;
    return 0;
}

static int sign(struct element *e, struct cleat_se_op *op) {
    EVP_PKEY **slot = key_slot(e, op->object);
    size_t half = cleat_curve_bytes(op->curve);
    unsigned char der[160];
    size_t der_len = sizeof der;
    e->sign_len = op->in.len;
    if (slot == NULL || *slot == NULL) {
        return CLEAT_ERR_CHIP;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(*slot, NULL);
    int err = CLEAT_ERR_CHIP;
    if (EVP_PKEY_sign_init(ctx) == 1 &&
        EVP_PKEY_sign(ctx, der, &der_len, op->in.data, op->in.len) == 1) {
        const unsigned char *p = der;
        ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
        BN_bn2binpad(ECDSA_SIG_get0_r(sig), op->out.data, (int)half);
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), op->out.data + half, (int)half);
        op->out.len = 2 * half;
        ECDSA_SIG_free(sig);
        err = 0;
    }
    EVP_PKEY_CTX_free(ctx);
    return err;
}

static int verify(struct cleat_se_op *op) {
    int half = (int)(op->signature.len / 2);
    EVP_PKEY *key = public_key(op->curve, op->key);
    if (key == NULL) {
        return CLEAT_ERR_CHIP;
    }
    ECDSA_SIG *sig = ECDSA_SIG_new();
    ECDSA_SIG_set0(sig, BN_bin2bn(op->signature.data, half, NULL),
                   BN_bin2bn(op->signature.data + half, half, NULL));
    unsigned char *der = NULL;
    int der_len = i2d_ECDSA_SIG(sig, &der);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    int ok = EVP_PKEY_verify_init(ctx) == 1
                 ? EVP_PKEY_verify(ctx, der, (size_t)der_len, op->in.data,
                                   op->in.len)
                 : -1;
    EVP_PKEY_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_PKEY_free(key);
    return ok == 1 ? 0 : CLEAT_ERR_VERIFY;
}

static int agree(struct element *e, struct cleat_se_op *op) {
    EVP_PKEY **slot = key_slot(e, op->object);
    EVP_PKEY *peer = public_key(op->curve, op->key);
    size_t len = op->out.cap;
    int err = CLEAT_ERR_CHIP;
    if (slot == NULL || *slot == NULL || peer == NULL) {
        EVP_PKEY_free(peer);
        return err;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(*slot, NULL);
    if (EVP_PKEY_derive_init(ctx) == 1 &&
        EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
        EVP_PKEY_derive(ctx, op->out.data, &len) == 1) {
        op->out.len = len;
        e->secret_len = len;
        memcpy(e->secret, op->out.data, len);
        err = 0;
    }
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return err;
}

static int read_object(const struct element *e, struct cleat_se_op *op) {
    if (op->object != e->object || e->object == 0) {
        return CLEAT_ERR_NOT_FOUND;
    }
    if (e->content.len > op->out.cap) {
        return CLEAT_ERR_SIZE;
    }
    memcpy(op->out.data, e->content.data, e->content.len);
    op->out.len = e->content.len;
    return 0;
}

static int run(struct element *e, struct cleat_se_op *op) {
    switch (op->type) {
    case CLEAT_SE_RANDOM:
        RAND_bytes(op->out.data, (int)op->out.cap);
        op->out.len = op->out.cap;
        return 0;
    case CLEAT_SE_READ:
        return read_object(e, op);
    case CLEAT_SE_GENERATE:
        return generate(e, op);
    case CLEAT_SE_SIGN:
        return sign(e, op);
    case CLEAT_SE_VERIFY:
        return verify(op);
    case CLEAT_SE_AGREE:
        return agree(e, op);
    default:
        return CLEAT_ERR_UNSUPPORTED;
    }
}

static int driver_start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct element *e = *(struct element **)ctx;
    (void)now_us;
    e->asked[op->type]++;
    if ((int)op->type == e->fail_type && e->asked[op->type] > e->fail_after) {
        op->err = e->fail_err;
        op->detail = (struct cleat_detail){CLEAT_LAYER_CHIP, 0x8007, op->object,
                                           "access conditions not satisfied"};
        return 0;
    }
    if (op->curve == 0) {
        op->curve = CLEAT_CURVE_P256;
    }
    op->err = run(e, op);
    op->on_host = (int)op->type == e->on_host_type;
    return 0;
}

static int driver_init(void *ctx, const struct cleat_se_config *config,
                       struct cleat_detail *detail) {
    (void)detail;
    /* The address is the struct element itself. */
    *(const void **)ctx = config->address;
    return 0;
}

static void driver_deinit(void *ctx) {
    (void)ctx;
}

const struct cleat_se_driver element_driver = {
    .name = "element",
    .summary = "for the tests of src/tls",
    .tests_only = true,
    .can = CLEAT_SE_CAN_RANDOM | CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_SIGN |
           CLEAT_SE_CAN_VERIFY | CLEAT_SE_CAN_AGREE | CLEAT_SE_CAN_OBJECTS,
    .session_first = CLEAT_SE_OBJECT_SESSION,
    .session_count = 4,
    .ctx_size = sizeof(void *),
    .init = driver_init,
    .deinit = driver_deinit,
    .start = driver_start,
};

void element_init(struct element *e, EVP_PKEY *identity) {
    memset(e, 0, sizeof *e);
    e->identity = identity;
    e->fail_type = -1;
    e->on_host_type = -1;
    e->task = (struct cleat_task){
        .name = "se", .step = cleat_se_step, .self = &e->se};
    struct cleat_se_config config = {.address = (const char *)e};
    if (cleat_se_init(&e->se, &element_driver, &config, &e->task, NULL) != 0) {
        abort();
    }
}

void element_deinit(struct element *e) {
    cleat_se_deinit(&e->se);
    for (size_t i = 0; i < 4; i++) {
        EVP_PKEY_free(e->session[i]);
    }
}
