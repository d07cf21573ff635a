/* SPDX-License-Identifier: MIT */
/*
 * Requests for certificates (PKCS#10): OpenSSL writes them, a key that never
 * comes out signs them, and what goes out is checked as the other side will.
 * Shared by `cleat cert`, `cleat aws` and `cleat factory`.
 */
#ifndef CLEAT_CLI_CSR_H
#define CLEAT_CLI_CSR_H

#include <openssl/x509.h>

#include "identity.h"

/** Signs a digest with the key of that curve: r s to rs. */
struct cli_csr_signer {
    /** @return CLI_OK, or the status that cli_csr_seal() then returns. */
    int (*sign)(void *arg, enum cleat_curve curve, struct cleat_bytes digest,
                struct cleat_buf *rs);
    void *arg;
};

/** @return a request for that public key without a subject, or NULL. */
X509_REQ *cli_csr_new(EVP_PKEY *key);
/** Take "/CN=a\/b/O=c" as the subject. @return false: it is not as that. */
bool cli_csr_subject(X509_REQ *req, const char *text);
/** Take a text of 1 to 64 characters as the subject's one name. */
bool cli_csr_common_name(X509_REQ *req, const char *text);
/** Take "DNS:host", "IP:::1", "URI:urn:x", "email:a@b" as other names: no list
 *  and no file names. @return false: one is not as that. */
bool cli_csr_sans(X509_REQ *req, const char *const *san, size_t count);
/** Have it signed. @return CLI_OK; CLI_FAILED it cannot be encoded;
 *  CLI_MISMATCH the signature is not the key's; or as sign(). */
int cli_csr_seal(X509_REQ *req, EVP_PKEY *key,
                 const struct cli_csr_signer *signer);
/** @return PEM, to be freed with OPENSSL_free(), or NULL. */
char *cli_csr_pem(X509_REQ *req);

#endif
