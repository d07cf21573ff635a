/* SPDX-License-Identifier: MIT */
/* A certificate signing request whose signature is made by the element. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "aws.h"
#include "cert.h"

bool cli_aws_is_for(X509 *certificate, struct cleat_bytes point) {
    EVP_PKEY *key = cli_identity_key(CLEAT_CURVE_P256, point);
    EVP_PKEY *other = X509_get0_pubkey(certificate);
    bool same = key != NULL && other != NULL && EVP_PKEY_eq(key, other) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return same;
}

size_t cli_aws_stored(X509 *certificate, uint8_t *out, size_t cap) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    size_t len = 0;
    if (chain != NULL && sk_X509_push(chain, certificate) > 0) {
        len = cli_cert_encode(chain, CLI_CERT_TLS, out, cap);
    }
    sk_X509_free(chain);
    return len;
}

static bool sign_in_element(struct cleat_se *se, uint16_t object, X509_REQ *req,
                            char *why, size_t cap) {
    unsigned char *tbs = NULL;
    uint8_t der[2 * CLEAT_SE_SIGNATURE_MAX];
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
    size_t der_len =
        cli_identity_to_der(cleat_bytes_of(rs, op.out.len), der, sizeof der);
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    if (der_len == 0 || bits == NULL ||
        ASN1_BIT_STRING_set(bits, der, (int)der_len) != 1) {
        ASN1_BIT_STRING_free(bits);
        snprintf(why, cap, "the signature cannot be encoded");
        return false;
    }
    bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
    X509_REQ_set0_signature(req, bits);
    return true;
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
    EVP_PKEY *key = cli_identity_key(CLEAT_CURVE_P256, point);
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
