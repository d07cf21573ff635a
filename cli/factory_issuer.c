/* SPDX-License-Identifier: MIT */
/* The CA of `cleat factory`: files of this machine, used by OpenSSL. */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "aws.h"
#include "cleat/tls.h"
#include "factory.h"
#include "pem.h"

#define BEFORE_S (-60L * 60)
#define DATE_LEN 32

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
           (X509_get0_subject_key_id(ca) == NULL ||
            extend(x, ca, NID_authority_key_identifier, "keyid"));
}

static X509_REQ *parse_request(const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509_REQ *req =
        bio == NULL ? NULL : PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return req;
}

/* What the key's type demands, else SHA-256; NULL for keys that hash by
 * themselves (Ed25519, Ed448). Asked by name: OpenSSL 3.0 does not tell it of
 * them by number. */
static const EVP_MD *digest_of(EVP_PKEY *key) {
    char name[64] = "";
    if (EVP_PKEY_get_default_digest_name(key, name, sizeof name) != 2) {
        return EVP_sha256();
    }
    return strcmp(name, "UNDEF") == 0 ? NULL : EVP_get_digestbyname(name);
}

/* OpenSSL's word for what went wrong last. */
static const char *reason(void) {
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text == NULL ? "OpenSSL does not say why" : text;
}

static X509 *sign_for(const struct cli_issuer *i, EVP_PKEY *key,
                      const char *common_name, char *why, size_t why_cap) {
    X509 *x = X509_new();
    ERR_clear_error();
    if (x == NULL || !fill(i, x, key, common_name) ||
        X509_sign(x, i->key, digest_of(i->key)) <= 0) {
        snprintf(why, why_cap, "the CA cannot issue a certificate: %s",
                 reason());
        X509_free(x);
        x = NULL;
    }
    ERR_clear_error();
    return x;
}

X509 *cli_issuer_issue(const struct cli_issuer *i, const char *request,
                       const char *common_name, char *why, size_t why_cap) {
    X509_REQ *req = parse_request(request);
    EVP_PKEY *key = req == NULL ? NULL : X509_REQ_get0_pubkey(req);
    X509 *x = NULL;
    if (key != NULL && X509_REQ_verify(req, key) == 1) {
        x = sign_for(i, key, common_name, why, why_cap);
    } else {
        snprintf(why, why_cap, "the request's signature is not good");
    }
    X509_REQ_free(req);
    ERR_clear_error();
    return x;
}

/* ---- is it good for devices? ---- */

/* Whether the TLS of devices takes it for its own; nothing is opened. */
static bool tls_reads(struct cleat_bytes der) {
    static struct cleat_tls tls; /* large */
    struct cleat_stream no_stream;
    struct cleat_se no_element;
    struct cleat_tls_config config;
    memset(&no_stream, 0, sizeof no_stream);
    memset(&no_element, 0, sizeof no_element);
    memset(&config, 0, sizeof config);
    config.lower = &no_stream;
    config.se = &no_element;
    config.certificate = der;
    config.ca[0] = der; /* There must be one. */
    config.hostname = "localhost";
    if (cleat_tls_init(&tls, &config, NULL) != CLEAT_OK) {
        return false;
    }
    cleat_tls_deinit(&tls);
    return true;
}

static bool is_good(X509 *x, char *why, size_t why_cap) {
    uint8_t stored[CLI_AWS_STORED_MAX];
    unsigned char *der = NULL;
    if (cli_aws_stored(x, stored, sizeof stored) == 0) {
        snprintf(why, why_cap,
                 "the CA's certificates are too large: a chip has room for %u "
                 "bytes; mind the CA's name and key",
                 CLI_AWS_STORED_MAX);
        return false;
    }
    int len = i2d_X509(x, &der);
    bool reads = len > 0 && tls_reads(cleat_bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    ERR_clear_error();
    if (!reads) {
        snprintf(why, why_cap,
                 "the CA signs with %s, which the TLS of devices does not "
                 "know; take one with an ECDSA key",
                 OBJ_nid2ln(X509_get_signature_nid(x)));
    }
    return reads;
}

X509 *cli_issuer_try(const struct cli_issuer *i, const char *common_name,
                     char *why, size_t why_cap) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = NULL;
    if (key == NULL) {
        snprintf(why, why_cap, "no key can be made: %s", reason());
    } else {
        x = sign_for(i, key, common_name, why, why_cap);
    }
    EVP_PKEY_free(key);
    if (x != NULL && !is_good(x, why, why_cap)) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

/* ---- the CA's files ---- */

static const char *date(const ASN1_TIME *t, char *out) {
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1 ||
        strftime(out, DATE_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(out, DATE_LEN, "an unknown date");
    }
    return out;
}

static int load(struct cli_issuer *i, const char *certificate,
                const char *key) {
    char why[512];
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
    return CLI_OK;
}

static int check_ca(const struct cli_issuer *i, const char *path) {
    const ASN1_TIME *from = X509_get0_notBefore(i->certificate);
    const ASN1_TIME *to = X509_get0_notAfter(i->certificate);
    char when[DATE_LEN];
    if (X509_check_ca(i->certificate) == 0) {
        cli_error("--ca-cert: %s is not a CA's certificate: brokers would not "
                  "take what it signs",
                  path);
        return CLI_USAGE;
    }
    if (X509_cmp_current_time(from) >= 0) {
        cli_error("--ca-cert: %s is not valid before %s", path,
                  date(from, when));
        return CLI_USAGE;
    }
    if (X509_cmp_current_time(to) <= 0) {
        cli_error("--ca-cert: %s has expired, at %s", path, date(to, when));
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* Before any chip loses its key for a certificate that cannot be had. */
static int try_out(const struct cli_issuer *i, const char *path) {
    char why[300];
    char ends[DATE_LEN];
    char would[DATE_LEN];
    const ASN1_TIME *to = X509_get0_notAfter(i->certificate);
    X509 *x = cli_issuer_try(i, "0", why, sizeof why);
    if (x == NULL) {
        cli_error("--ca-cert: %s: %s", path, why);
        return CLI_USAGE;
    }
    if (ASN1_TIME_compare(X509_get0_notAfter(x), to) > 0) {
        cli_error("warning: %s ends at %s, the certificates that it issues "
                  "now at %s; brokers refuse them once it has ended: fewer "
                  "--days, or a CA that lasts longer",
                  path, date(to, ends), date(X509_get0_notAfter(x), would));
    }
    X509_free(x);
    return CLI_OK;
}

int cli_issuer_load(struct cli_issuer *i, const char *certificate,
                    const char *key, long days) {
    i->days = days;
    int status = load(i, certificate, key);
    if (status == CLI_OK) {
        status = check_ca(i, certificate);
    }
    if (status == CLI_OK) {
        status = try_out(i, certificate);
    }
    ERR_clear_error();
    return status;
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
