/* SPDX-License-Identifier: MIT */
/*
 * What a token stores: the certificate that shares its key's CKA_ID, with the
 * issuers that are on the token too, and data objects (CKO_DATA of application
 * "cleat", labelled with the object's number: "F1D0").
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "se/drivers/pkcs11/token.h"

#define CERTIFICATE_MAX 8192
#define CHAIN_LONGEST 5
#define SAME_SUBJECT_MAX 4
#define NAME_MAX_LEN 1024
#define DATA_MAX 1728
#define LABEL_LEN 4
#define SAME_LABEL_MAX 8
#define BEYOND_THE_END 0x08 /* As the chip's own code. */

/* Certificates. */

struct chain {
    struct cleat_buf *out;
    bool fits;
};

static X509 *read_certificate(struct cleat_pkcs11 *t, CK_OBJECT_HANDLE o,
                              uint8_t der[CERTIFICATE_MAX], size_t *len) {
    const uint8_t *at = der;
    *len = cleat_pkcs11_token_attribute(t, o, CKA_VALUE, der, CERTIFICATE_MAX);
    X509 *cert = *len == 0 ? NULL : d2i_X509(NULL, &at, (long)*len);
    if (cert != NULL && at != der + *len) {
        *len = (size_t)(at - der); /* Padding of the object is no content. */
    }
    ERR_clear_error();
    return cert;
}

static void append(struct chain *c, const uint8_t *der, size_t len) {
    c->fits = c->fits && len <= c->out->cap - c->out->len;
    if (c->fits) {
        memcpy(c->out->data + c->out->len, der, len);
        c->out->len += len;
    }
}

/* @return how many certificates have this id; the first in *found. */
static int find_by_id(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                      CK_OBJECT_HANDLE *found) {
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_CERTIFICATE_TYPE, &type, sizeof type},
                            {CKA_ID, t->id, (CK_ULONG)t->id_len}};
    if (t->id_len == 0) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "the key on the token has no CKA_ID by which a certificate could "
            "be its own");
    }
    return cleat_pkcs11_token_find(t, op, t->session, match, 3, found, 1);
}

static int find_leaf(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                     CK_OBJECT_HANDLE *leaf) {
    int count = find_by_id(t, op, leaf);
    if (count < 0) {
        return count;
    }
    if (count == 0) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "no certificate on the token has the key's id (CKA_ID): write it "
            "there with the token's own tool");
    }
    if (count > 1) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_ARG,
            "several certificates on the token have the key's id (CKA_ID): "
            "delete the old ones");
    }
    return 0;
}

/* @return the issuer's certificate if it is on the token, else NULL. */
static X509 *find_issuer(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                         X509 *cert, uint8_t der[CERTIFICATE_MAX],
                         size_t *len) {
    uint8_t name[NAME_MAX_LEN];
    uint8_t *end = name;
    CK_OBJECT_HANDLE found[SAME_SUBJECT_MAX];
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    int name_len = i2d_X509_NAME(X509_get_issuer_name(cert), NULL);
    if (name_len <= 0 || (size_t)name_len > sizeof name) {
        return NULL;
    }
    name_len = i2d_X509_NAME(X509_get_issuer_name(cert), &end);
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_SUBJECT, name, (CK_ULONG)name_len}};
    int count = cleat_pkcs11_token_find(t, op, t->session, match, 2, found,
                                        SAME_SUBJECT_MAX);
    for (int i = 0; i < count && i < SAME_SUBJECT_MAX; i++) {
        X509 *issuer = read_certificate(t, found[i], der, len);
        if (issuer != NULL && X509_check_issued(issuer, cert) == X509_V_OK) {
            return issuer;
        }
        X509_free(issuer);
    }
    return NULL;
}

/* Issuers up to a root, which the other side has itself. */
static void append_issuers(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                           X509 **cert, struct chain *c) {
    uint8_t der[CERTIFICATE_MAX];
    for (int i = 0; i < CHAIN_LONGEST; i++) {
        size_t len = 0;
        X509 *issuer = find_issuer(t, op, *cert, der, &len);
        if (issuer == NULL || X509_check_issued(issuer, issuer) == X509_V_OK) {
            X509_free(issuer);
            break;
        }
        append(c, der, len);
        X509_free(*cert);
        *cert = issuer;
    }
    ERR_clear_error();
    memset(&op->detail, 0, sizeof op->detail); /* A lookup may have failed. */
}

int cleat_pkcs11_object_certificate(struct cleat_pkcs11 *t,
                                    struct cleat_se_op *op) {
    uint8_t der[CERTIFICATE_MAX];
    CK_OBJECT_HANDLE leaf = CLEAT_PKCS11_NONE;
    struct chain c = {&op->out, true};
    size_t len = 0;
    if (op->object != CLEAT_SE_OBJECT_CERTIFICATE) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "a token's certificate is object 0xE0E0 only");
    }
    int err = find_leaf(t, op, &leaf);
    if (err != 0) {
        return err;
    }
    X509 *cert = read_certificate(t, leaf, der, &len);
    if (cert == NULL) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_CHIP, "the certificate on the token is not X.509");
    }
    append(&c, der, len);
    append_issuers(t, op, &cert, &c);
    X509_free(cert);
    return c.fits ? 0
                  : cleat_pkcs11_words_say(
                        op, CLEAT_ERR_SIZE,
                        "the certificates on the token do not fit the buffer");
}

/* The UID: of the key, not of the plastic, so that a key tells its device. */

static size_t point_of_certificate(struct cleat_pkcs11 *t,
                                   struct cleat_se_op *op,
                                   uint8_t point[CLEAT_SE_POINT_MAX]) {
    uint8_t der[CERTIFICATE_MAX];
    CK_OBJECT_HANDLE leaf = CLEAT_PKCS11_NONE;
    size_t len = 0;
    X509 *cert = find_leaf(t, op, &leaf) != 0
                     ? NULL
                     : read_certificate(t, leaf, der, &len);
    memset(&op->detail, 0, sizeof op->detail);
    len = 0;
    ASN1_BIT_STRING *bits = cert == NULL ? NULL : X509_get0_pubkey_bitstr(cert);
    if (bits != NULL && bits->length > 0 &&
        (size_t)bits->length <= CLEAT_SE_POINT_MAX) {
        len = (size_t)bits->length;
        memcpy(point, bits->data, len);
    }
    X509_free(cert);
    return len;
}

static size_t point_of_public_key(struct cleat_pkcs11 *t,
                                  struct cleat_se_op *op,
                                  uint8_t point[CLEAT_SE_POINT_MAX]) {
    uint8_t value[CLEAT_SE_POINT_MAX + 2];
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_OBJECT_HANDLE key = CLEAT_PKCS11_NONE;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_ID, t->id, (CK_ULONG)t->id_len}};
    size_t want = 1 + 2 * cleat_curve_bytes(t->key_curve);
    int count = t->id_len == 0 ? 0
                               : cleat_pkcs11_token_find(t, op, t->session,
                                                         match, 2, &key, 1);
    memset(&op->detail, 0, sizeof op->detail);
    size_t len = count != 1 ? 0
                            : cleat_pkcs11_token_attribute(t, key, CKA_EC_POINT,
                                                           value, sizeof value);
    if (len != want + 2 && len != want) {
        return 0;
    }
    memcpy(point, value + (len - want), want);
    return want;
}

static int read_uid(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                    uint8_t uid[EVP_MAX_MD_SIZE]) {
    uint8_t point[CLEAT_SE_POINT_MAX];
    size_t len = point_of_certificate(t, op, point);
    if (len == 0) {
        len = point_of_public_key(t, op, point);
    }
    if (len == 0 ||
        EVP_Digest(point, len, uid, NULL, EVP_sha256(), NULL) != 1) {
        return cleat_pkcs11_words_say(
            op, CLEAT_ERR_NOT_FOUND,
            "neither certificate nor public key of this key is on the token");
    }
    return CLEAT_PKCS11_UID_LEN;
}

/* Data. */

static bool is_data(uint16_t object) {
    return (object >= 0xF1D0 && object <= 0xF1DB) || object == 0xF1E0 ||
           object == 0xF1E1;
}

static int no_such_object(struct cleat_se_op *op) {
    return cleat_pkcs11_words_say(
        op, CLEAT_ERR_NOT_FOUND,
        "a token has the data objects 0xF1D0 to 0xF1DB, 0xF1E0 and 0xF1E1, "
        "and the uid 0xE0C2");
}

static int find_data(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                     CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found,
                     size_t cap) {
    static char application[] = "cleat";
    char label[LABEL_LEN + 1];
    CK_OBJECT_CLASS class = CKO_DATA;
    snprintf(label, sizeof label, "%04X", op->object);
    CK_ATTRIBUTE match[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_APPLICATION, application, sizeof application - 1},
        {CKA_LABEL, label, LABEL_LEN}};
    return cleat_pkcs11_token_find(t, op, session, match, 3, found, cap);
}

/* @return length of the object's data, 0 if it has never been written. */
static int read_data(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                     uint8_t data[DATA_MAX]) {
    CK_OBJECT_HANDLE o = CLEAT_PKCS11_NONE;
    int count = find_data(t, op, t->session, &o, 1);
    if (count <= 0) {
        return count;
    }
    return (int)cleat_pkcs11_token_attribute(t, o, CKA_VALUE, data, DATA_MAX);
}

int cleat_pkcs11_object_read(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    uint8_t data[DATA_MAX];
    int len = 0;
    if (op->object == CLEAT_SE_OBJECT_UID) {
        len = read_uid(t, op, data);
    } else if (is_data(op->object)) {
        len = read_data(t, op, data);
    } else {
        return no_such_object(op);
    }
    if (len < 0) {
        return len;
    }
    if (op->offset > len) {
        op->detail.code = BEYOND_THE_END;
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      cleat_se_chip_error(BEYOND_THE_END));
    }
    size_t left = (size_t)len - op->offset;
    op->out.len = left < op->out.cap ? left : op->out.cap;
    memcpy(op->out.data, data + op->offset, op->out.len);
    cleat_wipe(data, sizeof data);
    return 0;
}

static CK_RV store(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                   CK_SESSION_HANDLE session, struct cleat_bytes data) {
    static char application[] = "cleat";
    char label[LABEL_LEN + 1];
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE made;
    snprintf(label, sizeof label, "%04X", op->object);
    CK_ATTRIBUTE all[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_APPLICATION, application, sizeof application - 1},
        {CKA_LABEL, label, LABEL_LEN},
        {CKA_VALUE, (void *)(uintptr_t)data.data, data.len}};
    return t->fn->C_CreateObject(session, all, sizeof all / sizeof all[0],
                                 &made);
}

/* The new data is on the token before the old is taken away: a cut leaves
 * either, or both, and the next write leaves one. */
static int replace_data(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                        CK_SESSION_HANDLE session, struct cleat_bytes data) {
    CK_OBJECT_HANDLE old[SAME_LABEL_MAX];
    int count = find_data(t, op, session, old, SAME_LABEL_MAX);
    if (count < 0) {
        return count;
    }
    CK_RV rv = store(t, op, session, data);
    for (int i = 0; rv == CKR_OK && i < count && i < SAME_LABEL_MAX; i++) {
        rv = t->fn->C_DestroyObject(session, old[i]);
    }
    return rv == CKR_OK ? 0 : cleat_pkcs11_words_rv(t, op, rv);
}

/* The session in use is read-only, which any token allows; writing opens one
 * of its own, which shares the login. */
static int write_data(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                      struct cleat_bytes data) {
    CK_SESSION_HANDLE session;
    CK_RV rv = t->fn->C_OpenSession(
        t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
    if (rv != CKR_OK) {
        return cleat_pkcs11_words_rv(t, op, rv);
    }
    int err = replace_data(t, op, session, data);
    (void)t->fn->C_CloseSession(session);
    return err;
}

int cleat_pkcs11_object_write(struct cleat_pkcs11 *t, struct cleat_se_op *op) {
    uint8_t data[DATA_MAX];
    if (!is_data(op->object)) {
        return no_such_object(op);
    }
    size_t end = op->offset + op->in.len;
    if (end > sizeof data) {
        op->detail.code = BEYOND_THE_END;
        return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP,
                                      cleat_se_chip_error(BEYOND_THE_END));
    }
    memset(data, 0, sizeof data);
    int len = read_data(t, op, data);
    if (len < 0) {
        return len;
    }
    if (op->in.len > 0) {
        memcpy(data + op->offset, op->in.data, op->in.len);
    }
    size_t used = op->erase || end > (size_t)len ? end : (size_t)len;
    int err = write_data(t, op, cleat_bytes_of(data, used));
    cleat_wipe(data, sizeof data);
    return err;
}
