/* SPDX-License-Identifier: MIT */
/* The CA of `cleat factory`: files of this machine, used by OpenSSL. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "factory.h"
#include "pem.h"

#define BEFORE_S (-60L * 60)

int cli_issuer_load(struct cli_issuer *i, const char *certificate,
                    const char *key, long days) {
    char why[512];
    i->days = days;
    i->certificate = cli_pem_certificate(certificate, why, sizeof why);
    if (i->certificate == NULL) {
        cli_error("--ca-cert: %s", why);
        return CLI_USAGE;
    }
    i->key = cli_pem_private_key(key, why, sizeof why);
    if (i->key == NULL) {
        cli_error("--ca-key: %s", why);
        return CLI_USAGE;
    }
    if (X509_check_private_key(i->certificate, i->key) != 1) {
        cli_error("--ca-key: %s is not the private key of %s", key,
                  certificate);
        return CLI_USAGE;
    }
    if (X509_check_ca(i->certificate) == 0) {
        cli_error("--ca-cert: %s is not a CA's certificate: brokers would not "
                  "take what it signs",
                  certificate);
        return CLI_USAGE;
    }
    if (X509_cmp_current_time(X509_get0_notAfter(i->certificate)) <= 0) {
        cli_error("--ca-cert: %s has expired", certificate);
        return CLI_USAGE;
    }
    ERR_clear_error();
    return CLI_OK;
}

void cli_issuer_free(struct cli_issuer *i) {
    X509_free(i->certificate);
    EVP_PKEY_free(i->key);
    memset(i, 0, sizeof *i);
}

static bool extend(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool set_serial(X509 *x) {
    unsigned char bytes[16];
    bool ok = RAND_bytes(bytes, sizeof bytes) == 1;
    bytes[0] = (unsigned char)((bytes[0] & 0x7F) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    ok = ok && number != NULL &&
         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
    BN_free(number);
    return ok;
}

static bool fill(const struct cli_issuer *i, X509 *x, EVP_PKEY *key,
                 const char *common_name) {
    X509 *ca = i->certificate;
    X509_NAME *name = X509_get_subject_name(x);
    return X509_set_version(x, 2) == 1 && set_serial(x) &&
           X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)common_name, -1,
                                      -1, 0) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(x), BEFORE_S) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int)i->days, 0, NULL) !=
               NULL &&
           X509_set_pubkey(x, key) == 1 &&
           extend(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
           extend(x, ca, NID_key_usage, "critical,digitalSignature") &&
           extend(x, ca, NID_ext_key_usage, "clientAuth") &&
           extend(x, ca, NID_subject_key_identifier, "hash") &&
           extend(x, ca, NID_authority_key_identifier, "keyid");
}

static X509_REQ *parse_request(const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509_REQ *req =
        bio == NULL ? NULL : PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return req;
}

/* No digest for keys that have one of their own (Ed25519). */
static const EVP_MD *digest_of(EVP_PKEY *key) {
    int nid = 0;
    int ret = EVP_PKEY_get_default_digest_nid(key, &nid);
    return ret == 2 && nid == NID_undef ? NULL : EVP_sha256();
}

X509 *cli_issuer_issue(const struct cli_issuer *i, const char *request,
                       const char *common_name, char *why, size_t why_cap) {
    X509_REQ *req = parse_request(request);
    EVP_PKEY *key = req == NULL ? NULL : X509_REQ_get0_pubkey(req);
    X509 *x = X509_new();
    bool proven = key != NULL && X509_REQ_verify(req, key) == 1;
    bool ok = proven && x != NULL && fill(i, x, key, common_name) &&
              X509_sign(x, i->key, digest_of(i->key)) > 0;
    if (!ok) {
        snprintf(why, why_cap, "%s",
                 proven ? "the CA cannot issue a certificate"
                        : "the request's signature is not good");
        X509_free(x);
        x = NULL;
    }
    X509_REQ_free(req);
    ERR_clear_error();
    return x;
}

bool cli_issuer_is_ours(const struct cli_issuer *i, X509 *certificate,
                        const char *common_name) {
    char name[80] = "";
    EVP_PKEY *key = X509_get0_pubkey(i->certificate);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                              NID_commonName, name, sizeof name);
    bool ours = X509_verify(certificate, key) == 1 &&
                strcmp(name, common_name) == 0 &&
                X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
    ERR_clear_error();
    return ours;
}
