/* SPDX-License-Identifier: MIT */
/* Keys and certificates for the tests of src/tls; see pki.h. */
#include "pki.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void need(bool ok) {
    if (!ok) {
        abort();
    }
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    need(e != NULL && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

struct pki pki_make(const struct pki_spec *spec, const struct pki *issuer) {
    static long serial = 1;
    struct pki p;
    p.key = strcmp(spec->key, "RSA") == 0 ? EVP_RSA_gen(2048)
                                          : EVP_EC_gen(spec->key);
    p.cert = X509_new();
    need(p.key != NULL && p.cert != NULL);
    X509_set_version(p.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(p.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(p.cert),
                    spec->from_s == 0 ? -60 : spec->from_s);
    X509_gmtime_adj(X509_getm_notAfter(p.cert),
                    spec->to_s == 0 ? 86400 : spec->to_s);
    X509_set_pubkey(p.cert, p.key);
    X509_NAME *name = X509_get_subject_name(p.cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *)spec->cn, -1, -1, 0);
    X509 *by = issuer == NULL ? p.cert : issuer->cert;
    X509_set_issuer_name(p.cert, X509_get_subject_name(by));
    if (spec->ca) {
        extend(p.cert, by, NID_basic_constraints, "critical,CA:TRUE");
        extend(p.cert, by, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    if (spec->san != NULL) {
        extend(p.cert, by, NID_subject_alt_name, spec->san);
    }
    if (spec->usage != NULL) {
        extend(p.cert, by, NID_ext_key_usage, spec->usage);
    }
    need(X509_sign(p.cert, issuer == NULL ? p.key : issuer->key,
                   spec->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return p;
}

void pki_free(struct pki *p) {
    EVP_PKEY_free(p->key);
    X509_free(p->cert);
    p->key = NULL;
    p->cert = NULL;
}

struct cleat_bytes pki_der(const struct pki *p) {
    unsigned char *der = NULL;
    int len = i2d_X509(p->cert, &der);
    need(len > 0);
    return cleat_bytes_of(der, (size_t)len);
}

struct cleat_bytes pki_pem(const struct pki *p) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    need(bio != NULL && PEM_write_bio_X509(bio, p->cert) == 1);
    long len = BIO_get_mem_data(bio, &text);
    void *copy = OPENSSL_malloc((size_t)len);
    need(len > 0 && copy != NULL);
    memcpy(copy, text, (size_t)len);
    BIO_free(bio);
    return cleat_bytes_of(copy, (size_t)len);
}
