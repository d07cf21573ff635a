/* SPDX-License-Identifier: MIT */
/* Requests for certificates (PKCS#10); see csr.h. */
#define _POSIX_C_SOURCE 200809L
#include "csr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define PART_MAX 256

X509_REQ *cli_csr_new(EVP_PKEY *key) {
    X509_REQ *req = X509_REQ_new();
    if (req != NULL && (X509_REQ_set_version(req, 0) != 1 ||
                        X509_REQ_set_pubkey(req, key) != 1)) {
        X509_REQ_free(req);
        req = NULL;
    }
    return req;
}

/* ---- names ---- */

/* The next part of "/CN=a\/b/O=c", unescaped. @return false: malformed. */
static bool next_part(const char **at, char *part, size_t cap) {
    size_t n = 0;
    if (**at != '/') {
        return false;
    }
    for ((*at)++; **at != '\0' && **at != '/'; (*at)++) {
        if (**at == '\\' && (*at)[1] != '\0') {
            (*at)++;
        }
        if (n + 1 == cap) {
            return false;
        }
        part[n++] = **at;
    }
    part[n] = '\0';
    return n > 0;
}

bool cli_csr_subject(X509_REQ *req, const char *text) {
    char part[PART_MAX];
    const char *at = text;
    X509_NAME *name = X509_NAME_new();
    bool ok = name != NULL && *at != '\0';
    while (ok && *at != '\0') {
        ok = next_part(&at, part, sizeof part);
        char *equals = ok ? strchr(part, '=') : NULL;
        if (equals == NULL || equals[1] == '\0') {
            ok = false;
            break;
        }
        *equals = '\0';
        ok = X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
                                        (unsigned char *)equals + 1, -1, -1,
                                        0) == 1;
    }
    ok = ok && X509_REQ_set_subject_name(req, name) == 1;
    X509_NAME_free(name);
    ERR_clear_error();
    return ok;
}

/* "DNS:host", "IP:::1", "URI:urn:x", "email:a@b": no list, no file names. */
static GENERAL_NAME *san_of(const char *text) {
    static const struct {
        const char *prefix;
        int type;
    } kinds[] = {{"DNS:", GEN_DNS},
                 {"IP:", GEN_IPADD},
                 {"URI:", GEN_URI},
                 {"email:", GEN_EMAIL}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].prefix);
        if (strncmp(text, kinds[i].prefix, n) == 0 && text[n] != '\0') {
            return a2i_GENERAL_NAME(NULL, NULL, NULL, kinds[i].type,
                                    (char *)(uintptr_t)(text + n), 0);
        }
    }
    return NULL;
}

bool cli_csr_sans(X509_REQ *req, const char *const *san, size_t count) {
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        GENERAL_NAME *name = san_of(san[i]);
        ok = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
    }
    ok =
        ok && (count == 0 || (X509V3_add1_i2d(&extensions, NID_subject_alt_name,
                                              names, 0, 0) == 1 &&
                              X509_REQ_add_extensions(req, extensions) == 1));
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    ERR_clear_error();
    return ok;
}

bool cli_csr_common_name(X509_REQ *req, const char *text) {
    bool ok = X509_NAME_add_entry_by_txt(
                  X509_REQ_get_subject_name(req), "CN", MBSTRING_UTF8,
                  (const unsigned char *)text, -1, -1, 0) == 1;
    ERR_clear_error();
    return ok;
}

/* ---- the signature ---- */

/* What is signed is the request's info alone. @return the digest's length. */
static size_t digest_of(X509_REQ *req, const EVP_MD *md, uint8_t *digest) {
    unsigned n = 0;
    uint8_t *info = NULL;
    int len = i2d_re_X509_REQ_tbs(req, &info);
    if (len <= 0 || EVP_Digest(info, (size_t)len, digest, &n, md, NULL) != 1) {
        n = 0;
    }
    OPENSSL_free(info);
    return n;
}

/* Algorithm and signature are put beside the info. */
static bool attach(X509_REQ *req, const EVP_MD *md, const uint8_t *der,
                   size_t der_len) {
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_BIT_STRING *signature = ASN1_BIT_STRING_new();
    int nid = NID_undef;
    (void)OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(md), EVP_PKEY_EC);
    bool ok =
        der_len > 0 && algorithm != NULL && signature != NULL &&
        X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL) == 1 &&
        ASN1_BIT_STRING_set(signature, (uint8_t *)(uintptr_t)der,
                            (int)der_len) == 1 &&
        X509_REQ_set1_signature_algo(req, algorithm) == 1;
    if (ok) {
        signature->flags = ASN1_STRING_FLAG_BITS_LEFT; /* no unused bits */
        X509_REQ_set0_signature(req, signature);
    } else {
        ASN1_BIT_STRING_free(signature);
    }
    X509_ALGOR_free(algorithm);
    return ok;
}

int cli_csr_seal(X509_REQ *req, EVP_PKEY *key,
                 const struct cli_csr_signer *signer) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t rs[CLI_IDENTITY_MAX];
    uint8_t der[CLI_IDENTITY_MAX + 16];
    struct cleat_buf out = {rs, sizeof rs, 0};
    enum cleat_curve curve = cli_identity_curve(key);
    const EVP_MD *md = cli_identity_digest(curve);
    size_t n = digest_of(req, md, digest);
    if (n == 0) {
        return CLI_FAILED;
    }
    int status =
        signer->sign(signer->arg, curve, cleat_bytes_of(digest, n), &out);
    if (status != CLI_OK) {
        return status;
    }
    size_t der_len =
        cli_identity_to_der(cleat_bytes_of(rs, out.len), der, sizeof der);
    bool good = attach(req, md, der, der_len) && X509_REQ_verify(req, key) == 1;
    ERR_clear_error();
    return good ? CLI_OK : CLI_MISMATCH;
}

char *cli_csr_pem(X509_REQ *req) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    char *copy = NULL;
    if (bio != NULL && PEM_write_bio_X509_REQ(bio, req) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        copy = OPENSSL_strndup(text, (size_t)len);
    }
    BIO_free(bio);
    return copy;
}
