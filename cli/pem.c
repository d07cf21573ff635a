/* SPDX-License-Identifier: MIT */
/* PEM files of the user; see pem.h. */
#include "pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define FILE_MAX_BYTES (256u * 1024u)

static void *certificate_of(BIO *bio) {
    return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

static void *private_key_of(BIO *bio) {
    return PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
}

static void *public_key_of(BIO *bio) {
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    if (key != NULL || BIO_reset(bio) != 1) {
        return key;
    }
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    key = x == NULL ? NULL : X509_get_pubkey(x);
    X509_free(x);
    return key;
}

/* As OpenSSL writes them: PKCS #8, and its older form. */
static bool is_encrypted(const char *text) {
    return strstr(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL ||
           strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL;
}

static void *first_of(const char *path, void *(*take)(BIO *bio),
                      const char *what, char *why, size_t why_cap) {
    size_t len = 0;
    uint8_t *text = cli_read_file(path, FILE_MAX_BYTES, &len, why, why_cap);
    if (text == NULL) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    void *found = bio == NULL ? NULL : take(bio);
    BIO_free(bio);
    bool encrypted = take == private_key_of && is_encrypted((char *)text);
    ERR_clear_error();
    cleat_wipe(text, len);
    free(text);
    if (found == NULL && encrypted) {
        snprintf(why, why_cap,
                 "the key in %s is encrypted, and nobody typed the passphrase "
                 "that opens it: type it at a terminal, or decrypt the key "
                 "with `openssl pkey`",
                 path);
    } else if (found == NULL) {
        snprintf(why, why_cap, "%s holds no %s in PEM", path, what);
    }
    return found;
}

X509 *cli_pem_certificate(const char *path, char *why, size_t why_cap) {
    return first_of(path, certificate_of, "certificate", why, why_cap);
}

EVP_PKEY *cli_pem_private_key(const char *path, char *why, size_t why_cap) {
    return first_of(path, private_key_of, "private key", why, why_cap);
}

EVP_PKEY *cli_pem_public_key(const char *path, char *why, size_t why_cap) {
    return first_of(path, public_key_of, "public key or certificate", why,
                    why_cap);
}
