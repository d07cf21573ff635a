/* SPDX-License-Identifier: MIT */
/* A certificate signing request whose signature is made by the element. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "aws.h"

static EVP_PKEY *key_of(struct cleat_bytes point) {
    EVP_PKEY *key = NULL;
    char group[] = "prime256v1";
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(
            OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.len),
        OSSL_PARAM_construct_end()};
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

bool cli_aws_is_for(X509 *certificate, struct cleat_bytes point) {
    EVP_PKEY *key = key_of(point);
    EVP_PKEY *other = X509_get0_pubkey(certificate);
    bool same = key != NULL && other != NULL && EVP_PKEY_eq(key, other) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return same;
}

size_t cli_aws_stored(X509 *certificate, uint8_t *out, size_t cap) {
    unsigned char *der = NULL;
    struct cleat_writer w = cleat_writer_of(out, cap);
    int len = i2d_X509(certificate, &der);
    if (len <= 0 || (size_t)len + 9 > cap) {
        OPENSSL_free(der);
        return 0;
    }
    cleat_write_u8(&w, 0xC0);
    cleat_write_u16(&w, (uint16_t)(len + 6));
    cleat_write_u8(&w, 0);
    cleat_write_u16(&w, (uint16_t)(len + 3));
    cleat_write_u8(&w, 0);
    cleat_write_u16(&w, (uint16_t)len);
    cleat_write_bytes(&w, cleat_bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    return w.failed ? 0 : w.len;
}

/* r s of fixed width into DER. @return its length, or <= 0. */
static int to_der(struct cleat_bytes rs, unsigned char **der) {
    int half = (int)(rs.len / 2);
    BIGNUM *r = BN_bin2bn(rs.data, half, NULL);
    BIGNUM *s = BN_bin2bn(rs.data + half, half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    int len = -1;
    if (r == NULL || s == NULL || sig == NULL ||
        ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    } else {
        len = i2d_ECDSA_SIG(sig, der);
    }
    ECDSA_SIG_free(sig);
    return len;
}

static bool sign_in_element(struct cleat_se *se, uint16_t object, X509_REQ *req,
                            char *why, size_t cap) {
    unsigned char *tbs = NULL;
    unsigned char *der = NULL;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    uint8_t rs[CLEAT_SE_SIGNATURE_MAX];
    struct cleat_se_op op = {.type = CLEAT_SE_SIGN, .object = object};
    int len = i2d_re_X509_REQ_tbs(req, &tbs);
    if (len <= 0 || SHA256(tbs, (size_t)len, digest) == NULL) {
        OPENSSL_free(tbs);
        snprintf(why, cap, "the request cannot be encoded");
        return false;
    }
    OPENSSL_free(tbs);
    op.curve = CLEAT_CURVE_P256;
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.out.data = rs;
    op.out.cap = sizeof rs;
    if (cleat_se_do(se, &op, 0) != CLEAT_OK) {
        snprintf(why, cap, "key 0x%04X does not sign: %s", object,
                 op.detail.text != NULL ? op.detail.text
                                        : cleat_strerror(op.err));
        return false;
    }
    len = to_der(cleat_bytes_of(rs, op.out.len), &der);
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool ok = len > 0 && bits != NULL && ASN1_BIT_STRING_set(bits, der, len);
    if (ok) {
        bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
        bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
        X509_REQ_set0_signature(req, bits);
    } else {
        ASN1_BIT_STRING_free(bits);
        snprintf(why, cap, "the signature cannot be encoded");
    }
    OPENSSL_free(der);
    return ok;
}

static bool fill(X509_REQ *req, EVP_PKEY *key, const char *common_name) {
    X509_NAME *name = X509_REQ_get_subject_name(req);
    X509_ALGOR *algorithm = X509_ALGOR_new();
    bool ok = algorithm != NULL &&
              X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA256),
                              V_ASN1_UNDEF, NULL) == 1 &&
              X509_REQ_set1_signature_algo(req, algorithm) == 1 &&
              X509_REQ_set_version(req, 0) == 1 &&
              X509_REQ_set_pubkey(req, key) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                         (const unsigned char *)common_name, -1,
                                         -1, 0) == 1;
    X509_ALGOR_free(algorithm);
    return ok;
}

static char *to_pem(X509_REQ *req) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    char *copy = NULL;
    if (bio != NULL && PEM_write_bio_X509_REQ(bio, req) == 1) {
        long n = BIO_get_mem_data(bio, &text);
        copy = OPENSSL_strndup(text, (size_t)n);
    }
    BIO_free(bio);
    return copy;
}

char *cli_aws_request(struct cleat_se *se, uint16_t object,
                      struct cleat_bytes point, const char *common_name,
                      char *why, size_t why_cap) {
    EVP_PKEY *key = key_of(point);
    X509_REQ *req = X509_REQ_new();
    char *pem = NULL;
    if (key == NULL || req == NULL || !fill(req, key, common_name)) {
        snprintf(why, why_cap,
                 "no request for CN=%s (1 to 64 characters) can be made",
                 common_name);
    } else if (sign_in_element(se, object, req, why, why_cap)) {
        /* What goes out is checked as the other side will check it. */
        if (X509_REQ_verify(req, key) == 1) {
            pem = to_pem(req);
        } else {
            snprintf(why, why_cap,
                     "the element's signature of the request is not good");
        }
    }
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return pem;
}
