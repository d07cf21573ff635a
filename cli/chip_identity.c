/* SPDX-License-Identifier: MIT */
/* `cleat chip cert` and `cleat chip verify-identity`: the certificates, and
 * whether the key in the element is theirs. OpenSSL checks what it signed. */
#include <openssl/pem.h>
#include <string.h>

#include "identity.h"

int cli_chip_cert(struct cli_chip_call *c) {
    int status;
    STACK_OF(X509) *chain = cli_identity_chain(c, c->certificate, &status);
    BIO *bio = BIO_new(BIO_s_mem());
    for (int i = 0; chain != NULL && bio != NULL && i < sk_X509_num(chain);
         i++) {
        PEM_write_bio_X509(bio, sk_X509_value(chain, i));
    }
    if (status == CLI_OK && bio != NULL && BIO_write(bio, "", 1) == 1) {
        char *text = NULL;
        BIO_get_mem_data(bio, &text);
        cli_report_string(&c->report, "certificates", text);
        if (!c->json) {
            fputs(text, stdout);
        }
    }
    BIO_free(bio);
    sk_X509_pop_free(chain, X509_free);
    return status;
}

int cli_chip_verify_identity(struct cli_chip_call *c) {
    int status;
    char name[256];
    STACK_OF(X509) *chain = cli_identity_chain(c, c->certificate, &status);
    if (chain == NULL) {
        return status;
    }
    X509 *leaf = sk_X509_value(chain, 0);
    status = cli_identity_challenge(c, c->key, X509_get0_pubkey(leaf));
    if (status == CLI_OK) {
        BIO *bio = BIO_new(BIO_s_mem());
        X509_NAME_print_ex(bio, X509_get_subject_name(leaf), 0,
                           XN_FLAG_ONELINE);
        int n = BIO_read(bio, name, sizeof name - 1);
        name[n < 0 ? 0 : n] = '\0';
        BIO_free(bio);
        if (!c->json) {
            printf("key 0x%04X signs for the certificate in 0x%04X: %s\n",
                   c->key, c->certificate, name);
        }
        cli_report_object(&c->report, "key", c->key);
        cli_report_object(&c->report, "certificate", c->certificate);
        cli_report_text(&c->report, "subject", NULL, "%s", name);
    } else if (status == CLI_MISMATCH) {
        cli_report_fail(&c->report, status,
                        "name the right ones with --key and --object, or make "
                        "a certificate for this key: `cleat cert csr`",
                        "key 0x%04X is not the one of the certificate in "
                        "0x%04X: the device cannot log in anywhere with this "
                        "pair",
                        c->key, c->certificate);
    }
    sk_X509_pop_free(chain, X509_free);
    return status;
}
