/* SPDX-License-Identifier: MIT */
/* The kit's certificate authority, with OpenSSL. */
#define _POSIX_C_SOURCE 200809L
#include "pki.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pem.h"

#define DAY 86400L
#define VALID_DAYS 3650L

struct issue {
    const char *common_name;
    const char *extensions[4][2]; /* name, value; ends with NULL */
};

static const struct issue ca_issue = {
    "Cleat kit CA",
    {{"basicConstraints", "critical,CA:TRUE,pathlen:0"},
     {"keyUsage", "critical,keyCertSign,cRLSign"},
     {NULL, NULL}}};
static const struct issue broker_issue = {
    "localhost",
    {{"subjectAltName", "DNS:localhost,IP:127.0.0.1,IP:::1"},
     {"keyUsage", "critical,digitalSignature"},
     {"extendedKeyUsage", "serverAuth"},
     {NULL, NULL}}};
static const struct issue observer_issue = {
    "observer",
    {{"keyUsage", "critical,digitalSignature"},
     {"extendedKeyUsage", "clientAuth"},
     {NULL, NULL}}};

static bool add_extensions(X509 *cert, X509 *issuer, const struct issue *what) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; what->extensions[i][0] != NULL; i++) {
        X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, what->extensions[i][0],
                                            what->extensions[i][1]);
        bool ok = e != NULL && X509_add_ext(cert, e, -1) == 1;
        X509_EXTENSION_free(e);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool fill(X509 *cert, EVP_PKEY *key, X509 *issuer,
                 const struct issue *what) {
    unsigned char serial[16];
    BIGNUM *number = NULL;
    bool ok = RAND_bytes(serial, sizeof serial) == 1;
    serial[0] &= 0x7F;
    number = BN_bin2bn(serial, sizeof serial, NULL);
    ok = ok && number != NULL &&
         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    X509_NAME *name = X509_get_subject_name(cert);
    ok = ok && X509_set_version(cert, 2) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(cert), VALID_DAYS * DAY) != NULL &&
         X509_set_pubkey(cert, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                    (const unsigned char *)what->common_name,
                                    -1, -1, 0) == 1;
    X509 *signer = issuer == NULL ? cert : issuer;
    return ok &&
           X509_set_issuer_name(cert, X509_get_subject_name(signer)) == 1 &&
           add_extensions(cert, signer, what);
}

/* Write through a temporary file, so that a half-written one never counts. */
static bool save(const char *path, X509 *cert, EVP_PKEY *key) {
    char temp[600];
    snprintf(temp, sizeof temp, "%s.new", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (f == NULL) {
        return false;
    }
    bool ok =
        cert != NULL
            ? PEM_write_X509(f, cert) == 1 && fchmod(fd, 0644) == 0
            : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = fflush(f) == 0 && fsync(fd) == 0 && ok;
    return fclose(f) == 0 && ok && rename(temp, path) == 0;
}

/* Make one certificate and its key; issuer NULL: self-signed. */
static bool issue(const char *cert_path, const char *key_path, X509 *issuer,
                  EVP_PKEY *issuer_key, const struct issue *what) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool ok =
        key != NULL && cert != NULL && fill(cert, key, issuer, what) &&
        X509_sign(cert, issuer == NULL ? key : issuer_key, EVP_sha256()) > 0 &&
        save(key_path, NULL, key) && save(cert_path, cert, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

static bool present(const char *cert, const char *key) {
    return access(cert, R_OK) == 0 && access(key, R_OK) == 0;
}

static bool issue_missing(struct cli_pki *p, X509 *ca, EVP_PKEY *key) {
    return (present(p->broker_cert, p->broker_key) ||
            issue(p->broker_cert, p->broker_key, ca, key, &broker_issue)) &&
           (present(p->observer_cert, p->observer_key) ||
            issue(p->observer_cert, p->observer_key, ca, key, &observer_issue));
}

bool cli_pki_prepare(struct cli_pki *pki, const char *dir, char *why,
                     size_t why_cap) {
    const struct {
        char *path;
        const char *name;
    } files[] = {{pki->ca_cert, "ca.pem"},
                 {pki->ca_key, "ca.key"},
                 {pki->broker_cert, "broker.pem"},
                 {pki->broker_key, "broker.key"},
                 {pki->observer_cert, "observer.pem"},
                 {pki->observer_key, "observer.key"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (snprintf(files[i].path, sizeof pki->ca_cert, "%s/%s", dir,
                     files[i].name) >= (int)sizeof pki->ca_cert) {
            snprintf(why, why_cap, "the folder's name is too long");
            return false;
        }
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_cap, "%s: %s", dir, strerror(errno));
        return false;
    }
    if (!present(pki->ca_cert, pki->ca_key) &&
        !issue(pki->ca_cert, pki->ca_key, NULL, NULL, &ca_issue)) {
        snprintf(why, why_cap, "%s: a CA cannot be made there", dir);
        return false;
    }
    X509 *ca = cli_pem_certificate(pki->ca_cert, why, why_cap);
    EVP_PKEY *key = cli_pem_private_key(pki->ca_key, why, why_cap);
    bool ok = ca != NULL && key != NULL && issue_missing(pki, ca, key);
    if (!ok) {
        snprintf(why, why_cap,
                 "%s: its CA is damaged or cannot issue; remove the folder to "
                 "start anew",
                 dir);
    }
    X509_free(ca);
    EVP_PKEY_free(key);
    return ok;
}
