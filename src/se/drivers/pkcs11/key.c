/* SPDX-License-Identifier: MIT */
/*
 * What is computed with keys inside the token. Session keys are session
 * objects: both halves are destroyed when the slot is used again or closed.
 */
#include <string.h>

#include "cleat/log.h"
#include "se/drivers/pkcs11/token.h"

#define OCTET_STRING 0x04

/* Named curves, DER: CKA_EC_PARAMS. */
static const uint8_t p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48,
                               0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};

static struct cleat_bytes params_of(enum cleat_curve curve) {
    return curve == CLEAT_CURVE_P384 ? cleat_bytes_of(p384, sizeof p384)
                                     : cleat_bytes_of(p256, sizeof p256);
}

enum cleat_curve cleat_pkcs11_key_curve(struct cleat_bytes params) {
    if (cleat_bytes_equal(params, params_of(CLEAT_CURVE_P256))) {
        return CLEAT_CURVE_P256;
    }
    if (cleat_bytes_equal(params, params_of(CLEAT_CURVE_P384))) {
        return CLEAT_CURVE_P384;
    }
    return (enum cleat_curve)0;
}

static enum cleat_curve curve_of(const struct cleat_se_op *op) {
    return op->curve == 0 ? CLEAT_CURVE_P256 : op->curve;
}

static size_t field_of(const struct cleat_se_op *op) {
    return cleat_curve_bytes(curve_of(op));
}

static struct cleat_pkcs11_pair *pair_of(struct cleat_pkcs11 *t,
                                         const struct cleat_se_op *op) {
    unsigned i = (unsigned)op->object - CLEAT_SE_OBJECT_SESSION;
    return i < CLEAT_PKCS11_SESSION_KEYS ? &t->pair[i] : NULL;
}

static int no_such_key(struct cleat_se_op *op) {
    return cleat_pkcs11_words_say(op, CLEAT_ERR_NOT_FOUND,
                                  "no such key: a token has its identity key "
                                  "as 0xE0F0 and session keys from 0xE100");
}

static void destroy(struct cleat_pkcs11 *t, CK_OBJECT_HANDLE *object) {
    if (*object != CLEAT_PKCS11_NONE && t->session != CLEAT_PKCS11_NONE) {
        (void)t->fn->C_DestroyObject(t->session, *object);
    }
    *object = CLEAT_PKCS11_NONE;
}

void cleat_pkcs11_key_forget(struct cleat_pkcs11 *t,
                             struct cleat_pkcs11_pair *pair) {
    destroy(t, &pair->private_key);
    destroy(t, &pair->public_key);
    EVP_PKEY_free(pair->host); /* OpenSSL wipes private numbers. */
    pair->host = NULL;
    pair->curve = (enum cleat_curve)0;
}

/* Generate. */

/* CKA_EC_POINT is an OCTET STRING around the point; some modules give the
 * point itself. */
static bool point_read(struct cleat_bytes value, struct cleat_se_op *op) {
    size_t want = 1 + 2 * field_of(op);
    struct cleat_reader r = cleat_reader_of(value);
    if (value.len == want + 2 &&
        (cleat_read_u8(&r) != OCTET_STRING || cleat_read_u8(&r) != want)) {
        return false;
    }
    struct cleat_bytes point = cleat_read_bytes(&r, want);
    if (r.failed || cleat_reader_left(&r) != 0 || point.data[0] != 0x04) {
        return false;
    }
    memcpy(op->out.data, point.data, want);
    op->out.len = want;
    return true;
}

static CK_RV generate_pair(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                           struct cleat_pkcs11_pair *pair) {
    struct cleat_bytes params = params_of(curve_of(op));
    CK_MECHANISM how = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL sign = (op->usage & (CLEAT_SE_USE_SIGN | CLEAT_SE_USE_AUTH)) != 0
                        ? CK_TRUE
                        : CK_FALSE;
    CK_BBOOL agree = (op->usage & CLEAT_SE_USE_AGREE) != 0 ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE public_half[] = {
        {CKA_TOKEN, &no, sizeof no},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &sign, sizeof sign},
        {CKA_EC_PARAMS, (void *)(uintptr_t)params.data, params.len}};
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &sign, sizeof sign},    {CKA_DERIVE, &agree, sizeof agree}};
    return t->fn->C_GenerateKeyPair(
        t->session, &how, public_half,
        sizeof public_half / sizeof public_half[0], private_half,
        sizeof private_half / sizeof private_half[0], &pair->public_key,
        &pair->private_key);
}

static int generate_in_token(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                             struct cleat_pkcs11_pair *pair) {
    uint8_t value[CLEAT_SE_POINT_MAX + 2];
    CK_RV rv = generate_pair(t, op, pair);
    if (rv != CKR_OK) {
        pair->private_key = CLEAT_PKCS11_NONE;
        pair->public_key = CLEAT_PKCS11_NONE;
        int err = cleat_pkcs11_words_rv(t, op, rv);
        if (err == CLEAT_ERR_UNSUPPORTED) {
            op->detail.text = "the token makes no session keys of this curve "
                              "(x-ecdhe=host makes them in this process)";
        }
        return err;
    }
    size_t len = cleat_pkcs11_token_attribute(t, pair->public_key, CKA_EC_POINT,
                                              value, sizeof value);
    if (!point_read(cleat_bytes_of(value, len), op)) {
        cleat_pkcs11_key_forget(t, pair);
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      "the token's new public key is no point");
    }
    pair->curve = curve_of(op);
    return 0;
}

int cleat_pkcs11_key_generate(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    struct cleat_pkcs11_pair *pair = pair_of(t, op);
    if (pair == NULL) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_UNSUPPORTED,
            "lasting keys are made with the token's own tool (pkcs11-tool, "
            "softhsm2-util, tpm2_ptool, ykman)");
    }
    cleat_pkcs11_key_forget(t, pair);
    if (t->host_ecdhe && op->usage == CLEAT_SE_USE_AGREE) {
        return cleat_pkcs11_host_generate(pair, op);
    }
    if (!t->able.generate) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_UNSUPPORTED,
            "the token cannot generate EC keys (CKM_EC_KEY_PAIR_GEN); "
            "x-ecdhe=host makes the ephemeral ones in this process");
    }
    if ((op->usage & CLEAT_SE_USE_AGREE) != 0 && !t->able.agree) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_UNSUPPORTED,
            "the token cannot agree on secrets (CKM_ECDH1_DERIVE); "
            "x-ecdhe=host does it in this process");
    }
    return generate_in_token(t, op, pair);
}

/* Sign. */

static int signing_key(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                       CK_OBJECT_HANDLE *key) {
    struct cleat_pkcs11_pair *pair = pair_of(t, op);
    enum cleat_curve curve = pair == NULL ? t->key_curve : pair->curve;
    if (pair == NULL && op->object != CLEAT_SE_OBJECT_KEY) {
        return no_such_key(op);
    }
    *key = pair == NULL ? t->key : pair->private_key;
    if (*key == CLEAT_PKCS11_NONE) {
        return cleat_pkcs11_words_say(op, CLEAT_ERR_NOT_FOUND,
                                      "no key was made in this object");
    }
    if (pair == NULL && t->key_type != CKK_EC) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_UNSUPPORTED,
            "the key on the token is no EC key: only ECDSA is done");
    }
    if (curve != 0 && curve != curve_of(op)) {
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      "the key is on another curve");
    }
    if (!t->able.sign) {
        return cleat_pkcs11_words_say(op, CLEAT_ERR_UNSUPPORTED,
                                      "the token cannot sign (CKM_ECDSA)");
    }
    return 0;
}

static struct cleat_bytes digest_of(const struct cleat_se_op *op) {
    size_t most = field_of(op);
    return cleat_bytes_of(op->in.data, op->in.len < most ? op->in.len : most);
}

int cleat_pkcs11_key_sign(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    CK_MECHANISM how = {CKM_ECDSA, NULL, 0};
    uint8_t signature[CLEAT_SE_SIGNATURE_MAX];
    CK_ULONG len = sizeof signature;
    CK_OBJECT_HANDLE key = CLEAT_PKCS11_NONE;
    struct cleat_bytes digest = digest_of(op);
    int err = signing_key(t, op, &key);
    if (err != 0) {
        return err;
    }
    CK_RV rv = t->fn->C_SignInit(t->session, &how, key);
    if (rv != CKR_OK) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    if (key == t->key && t->key_asks_each_time) {
        err = cleat_pkcs11_token_login(t, op, CKU_CONTEXT_SPECIFIC);
        if (err != 0) {
            t->lost = true; /* The signature under way ends with the session. */
            return err;
        }
    }
    rv = t->fn->C_Sign(t->session, (CK_BYTE_PTR)(uintptr_t)digest.data,
                       digest.len, signature, &len);
    if (rv != CKR_OK) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    if (len != 2 * field_of(op)) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_CHIP, "the token's signature has a wrong length");
    }
    memcpy(op->out.data, signature, len);
    op->out.len = len;
    return 0;
}

/* Verify. */

static CK_RV verify_in_token(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    struct cleat_bytes params = params_of(curve_of(op));
    struct cleat_bytes digest = digest_of(op);
    CK_MECHANISM how = {CKM_ECDSA, NULL, 0};
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_EC;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE key = CLEAT_PKCS11_NONE;
    uint8_t point[CLEAT_SE_POINT_MAX + 2];
    struct cleat_writer w = cleat_writer_of(point, sizeof point);
    cleat_write_u8(&w, OCTET_STRING);
    cleat_write_u8(&w, (uint8_t)op->key.len);
    cleat_write_bytes(&w, op->key);
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_EC_PARAMS, (void *)(uintptr_t)params.data, params.len},
        {CKA_EC_POINT, point, w.len}};
    CK_RV rv = t->fn->C_CreateObject(
        t->session, attributes, sizeof attributes / sizeof attributes[0], &key);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = t->fn->C_VerifyInit(t->session, &how, key);
    if (rv == CKR_OK) {
        rv = t->fn->C_Verify(
            t->session, (CK_BYTE_PTR)(uintptr_t)digest.data, digest.len,
            (CK_BYTE_PTR)(uintptr_t)op->signature.data, op->signature.len);
    }
    (void)t->fn->C_DestroyObject(t->session, key);
    return rv;
}

/* Of public data, so the host may do it where the token does not: what the
 * token refuses, other than as a bad signature, the host decides. */
int cleat_pkcs11_key_verify(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    if (!t->able.verify || t->host_verify) {
        return cleat_pkcs11_host_verify(op);
    }
    CK_RV rv = verify_in_token(t, op);
    if (rv == CKR_OK) {
        return 0;
    }
    int err = cleat_pkcs11_words_rv(t, op, rv);
    if (err == CLEAT_ERR_VERIFY || t->lost) {
        return err;
    }
    CLEAT_LOG(CLEAT_LEVEL_WARN, "pkcs11",
              "token does not verify rv=0x%lx text=\"%s\", the host does it",
              (unsigned long)rv, op->detail.text);
    t->host_verify = err == CLEAT_ERR_UNSUPPORTED;
    memset(&op->detail, 0, sizeof op->detail);
    return cleat_pkcs11_host_verify(op);
}

/* Agree. */

static CK_RV derive(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                    CK_OBJECT_HANDLE own, CK_OBJECT_HANDLE *secret) {
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, op->key.len,
                                     (CK_BYTE_PTR)(uintptr_t)op->key.data};
    CK_MECHANISM how = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG len = field_of(op);
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    /* TLS needs the secret itself: it leaves the token, as with any element. */
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},         {CKA_SENSITIVE, &no, sizeof no},
        {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE_LEN, &len, sizeof len}};
    return t->fn->C_DeriveKey(t->session, &how, own, attributes,
                              sizeof attributes / sizeof attributes[0], secret);
}

int cleat_pkcs11_key_agree(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    struct cleat_pkcs11_pair *pair = pair_of(t, op);
    CK_OBJECT_HANDLE secret = CLEAT_PKCS11_NONE;
    if (pair == NULL) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_DENIED,
            "secrets are agreed on with session keys only, not with the "
            "identity");
    }
    if (pair->curve == 0 || pair->curve != curve_of(op)) {
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      "no key of this curve was made here");
    }
    if (pair->host != NULL) {
        return cleat_pkcs11_host_agree(pair, op);
    }
    CK_RV rv = derive(t, op, pair->private_key, &secret);
    if (rv != CKR_OK) {
        int err = cleat_pkcs11_words_rv(t, op, rv);
        if (err == CLEAT_ERR_UNSUPPORTED) {
            op->detail.text = "the token does not hand out agreed secrets "
                              "(x-ecdhe=host agrees in this process)";
        }
        return err;
    }
    size_t len = cleat_pkcs11_token_attribute(t, secret, CKA_VALUE,
                                              op->out.data, field_of(op));
    destroy(t, &secret);
    if (len != field_of(op)) {
        cleat_wipe(op->out.data, field_of(op));
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      "the token does not hand out the agreed "
                                      "secret (x-ecdhe=host agrees in this "
                                      "process)");
    }
    op->out.len = len;
    return 0;
}
