/* SPDX-License-Identifier: MIT */
/* `cleat cert csr`: a request for a certificate, signed in the element. */
#define _POSIX_C_SOURCE 200809L
#include <openssl/crypto.h>

#include "cert.h"
#include "csr.h"
#include "outfile.h"

struct signing {
    struct cli_chip_call *c;
    uint16_t object;
};

static int sign(void *arg, enum cleat_curve curve, struct cleat_bytes digest,
                struct cleat_buf *rs) {
    const struct signing *s = arg;
    return cli_identity_sign(s->c, s->object, curve, digest, rs);
}

static int seal(struct cli_chip_call *c, uint16_t object, X509_REQ *req,
                EVP_PKEY *key) {
    struct signing s = {c, object};
    const struct cli_csr_signer signer = {sign, &s};
    int status = cli_csr_seal(req, key, &signer);
    if (status == CLI_FAILED) {
        return cli_report_fail(&c->report, status, NULL,
                               "the request cannot be made");
    }
    if (status == CLI_MISMATCH) {
        return cli_report_fail(&c->report, status, "try once more",
                               "the element's signature of the request is "
                               "not good");
    }
    return status;
}

char *cli_cert_request(struct cli_chip_call *c, uint16_t object, EVP_PKEY *key,
                       const char *subject, const char *const *san,
                       size_t san_count, int *status) {
    char *pem = NULL;
    X509_REQ *req = cli_csr_new(key);
    if (req == NULL) {
        *status = cli_report_fail(&c->report, CLI_FAILED, NULL,
                                  "the request cannot be made");
    } else if (!cli_csr_subject(req, subject)) {
        *status = cli_report_fail(&c->report, CLI_USAGE, NULL,
                                  "--subject: \"%s\" is not as /CN=NAME/O=NAME",
                                  subject);
    } else if (!cli_csr_sans(req, san, san_count)) {
        *status = cli_report_fail(&c->report, CLI_USAGE, NULL,
                                  "--san: DNS:NAME, IP:ADDRESS, URI:URI or "
                                  "email:ADDRESS");
    } else {
        *status = seal(c, object, req, key);
    }
    if (req != NULL && *status == CLI_OK) {
        pem = cli_csr_pem(req);
        *status = pem == NULL ? CLI_FAILED : CLI_OK;
    }
    X509_REQ_free(req);
    return pem;
}

int cli_cert_csr(struct cli_chip_call *c) {
    int status;
    const char *subject = c->opt[CLI_OPT_SUBJECT];
    const char *out = c->opt[CLI_OPT_OUT];
    if (subject == NULL) {
        cli_error("cert csr: give --subject, as --subject /CN=device-1");
        return CLI_USAGE;
    }
    EVP_PKEY *key = cli_identity_recover(c, c->key, &status);
    if (key == NULL) {
        return status;
    }
    char *pem = cli_cert_request(c, c->key, key, subject, c->san, c->san_count,
                                 &status);
    EVP_PKEY_free(key);
    if (pem == NULL) {
        return status;
    }
    if (out != NULL) {
        status = cli_outfile_replace(out, cleat_bytes_str(pem), 0644);
    } else if (!c->json) {
        fputs(pem, stdout);
    }
    cli_report_object(&c->report, "key", c->key);
    cli_report_string(&c->report, "csr", pem);
    OPENSSL_free(pem);
    return status;
}
