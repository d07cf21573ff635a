/* SPDX-License-Identifier: MIT */
/* `cleat cert show` and `cleat cert write`. */
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cert.h"

/* ---- show ---- */

static void put(cJSON *o, const char *key, const char *label,
                const char *value) {
    if (o != NULL) {
        cJSON_AddStringToObject(o, key, value);
    } else {
        printf("  %s: %s\n", label, value);
    }
}

static void put_time(cJSON *o, const char *key, const char *label,
                     const ASN1_TIME *t) {
    struct tm tm;
    char text[40] = "";
    if (ASN1_TIME_to_tm(t, &tm) == 1) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    put(o, key, label, text);
}

static void put_serial(cJSON *o, X509 *x) {
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = bn == NULL ? NULL : BN_bn2hex(bn);
    put(o, "serial", "serial", hex == NULL ? "" : hex);
    OPENSSL_free(hex);
    BN_free(bn);
}

static void put_sans(cJSON *o, X509 *x) {
    char text[512];
    GENERAL_NAMES *names =
        X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    for (int i = 0; bio != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        BIO_puts(bio, i == 0 ? "" : ", ");
        GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
    }
    int n = names == NULL || bio == NULL ? -1
                                         : BIO_read(bio, text, sizeof text - 1);
    if (n > 0) {
        text[n] = '\0';
        put(o, "alternative_names", "alternative names", text);
    }
    BIO_free(bio);
    GENERAL_NAMES_free(names);
}

/* Whole days until it ends; negative when it has. */
static int days_left(X509 *x) {
    int days = 0;
    int seconds = 0;
    (void)ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x));
    return seconds < 0 && days == 0 ? -1 : days;
}

static bool valid_now(X509 *x) {
    return X509_cmp_current_time(X509_get0_notBefore(x)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(x)) > 0;
}

static void show_one(struct cli_chip_call *c, cJSON *list, X509 *x) {
    char text[256];
    cJSON *o = list == NULL ? NULL : cJSON_CreateObject();
    (void)c;
    if (o == NULL) {
        printf("certificate\n");
    }
    cli_cert_name(X509_get_subject_name(x), text, sizeof text);
    put(o, "subject", "subject", text);
    cli_cert_name(X509_get_issuer_name(x), text, sizeof text);
    put(o, "issuer", "issuer", text);
    put_serial(o, x);
    put_time(o, "not_before", "valid from", X509_get0_notBefore(x));
    put_time(o, "not_after", "valid until", X509_get0_notAfter(x));
    if (o != NULL) {
        cJSON_AddNumberToObject(o, "days_left", days_left(x));
        cJSON_AddBoolToObject(o, "valid_now", valid_now(x));
        cJSON_AddItemToArray(list, o);
    } else {
        printf("  days left: %d%s\n", days_left(x),
               valid_now(x) ? "" : " (NOT VALID NOW)");
    }
    enum cleat_curve curve = cli_identity_curve(X509_get0_pubkey(x));
    put(o, "key", "key",
        curve == (enum cleat_curve)0 ? "a kind that is not used here"
                                     : cli_identity_group(curve));
    put_sans(o, x);
}

static void show_form(struct cli_chip_call *c) {
    uint8_t first = 0;
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ, c->certificate, &first, 1);
    if (cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK && op.out.len == 1) {
        cli_report_text(&c->report, "form", "form", "%s",
                        first == 0x30   ? "bare DER"
                        : first == 0xC0 ? "TLS identity (tag C0)"
                                        : "other");
    }
}

static int show_match(struct cli_chip_call *c, X509 *leaf) {
    if (c->key == 0) {
        return CLI_OK; /* A trust anchor: its key is not in here. */
    }
    int status = cli_identity_challenge(c, c->key, X509_get0_pubkey(leaf));
    cli_report_object(&c->report, "key", c->key);
    cli_report_flag(&c->report, "key_matches", status == CLI_OK);
    if (status == CLI_OK && !c->json) {
        printf("key 0x%04X signs for it\n", c->key);
    } else if (status == CLI_MISMATCH) {
        cli_report_fail(&c->report, status,
                        "name the right key with --key, or ask for a "
                        "certificate for this one: `cleat cert csr`",
                        "key 0x%04X is not the one of the certificate in "
                        "0x%04X",
                        c->key, c->certificate);
    }
    return status;
}

/* Without --key: the one with the same number. */
static void default_key(struct cli_chip_call *c) {
    if (c->opt[CLI_OPT_KEY] == NULL) {
        c->key = cli_cert_key_of(c->certificate);
    }
}

int cli_cert_show(struct cli_chip_call *c) {
    int status;
    default_key(c);
    STACK_OF(X509) *chain = cli_identity_chain(c, c->certificate, &status);
    if (chain == NULL) {
        return status;
    }
    cJSON *root = cli_report_root(&c->report);
    cJSON *list =
        root == NULL ? NULL : cJSON_AddArrayToObject(root, "certificates");
    cli_report_object(&c->report, "object", c->certificate);
    bool all_valid = true;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        show_one(c, list, sk_X509_value(chain, i));
        all_valid = all_valid && valid_now(sk_X509_value(chain, i));
    }
    show_form(c);
    status = show_match(c, sk_X509_value(chain, 0));
    if (status == CLI_OK && !all_valid) {
        status = cli_report_fail(&c->report, CLI_FAILED,
                                 "check this machine's clock; `cleat cert "
                                 "renew` gets a new one",
                                 "a certificate is not valid now");
    }
    sk_X509_pop_free(chain, X509_free);
    return status;
}

/* ---- write ---- */

static STACK_OF(X509) * read_certs(struct cli_chip_call *c) {
    char why[512];
    size_t len = 0;
    const char *path = c->args[0];
    uint8_t *text =
        cli_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path,
                      CLI_CHIP_OBJECT_MAX * 8, &len, why, sizeof why);
    if (text == NULL) {
        cli_error("cert write: %s", why);
        return NULL;
    }
    STACK_OF(X509) *certs = cli_cert_parse(cleat_bytes_of(text, len));
    if (certs == NULL) {
        cli_error("cert write: %s holds no certificate in PEM or DER, or a "
                  "damaged one",
                  path);
    }
    free(text);
    return certs;
}

/* What the write replaces. @return CLI_OK, or a status: it cannot be told. */
static int plan_write(struct cli_chip_call *c, struct cli_plan *p,
                      STACK_OF(X509) * chain) {
    uint8_t raw[64];
    char name[160];
    struct cleat_bytes now;
    struct cli_metadata m;
    int status = cli_chip_look(c, c->certificate, raw, sizeof raw, &now);
    if (status != CLI_OK) {
        return status;
    }
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_CERTIFICATE, c->certificate,
                                        c->data, CLI_CHIP_OBJECT_MAX);
    bool is_there = cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK;
    struct cli_safety s = cli_chip_safety(c);
    cli_safety_write(p, &s, c->certificate, now, cleat_bytes_of(c->data, 0),
                     cleat_bytes_of(c->data, 0), 0);
    const unsigned char *at = c->data;
    X509 *old = is_there ? d2i_X509(NULL, &at, (long)op.out.len) : NULL;
    if (old != NULL && X509_cmp(old, sk_X509_value(chain, 0)) != 0) {
        cli_cert_name(X509_get_subject_name(old), name, sizeof name);
        cli_plan_add(p,
                     "replaces the certificate of %s; the element keeps no "
                     "copy, and a power cut while it is written leaves neither "
                     "(`cleat cert renew` does it without that risk)",
                     name);
        p->locks = true;
    } else if (old == NULL && cli_metadata_parse(&m, now) && m.used_size > 0) {
        cli_plan_add(p, "replaces what is in it, which cannot be read as a "
                        "certificate now");
        p->locks = true;
    }
    X509_free(old);
    ERR_clear_error();
    return CLI_OK;
}

static int store(struct cli_chip_call *c, STACK_OF(X509) * chain) {
    struct cli_plan plan;
    int status;
    const char *form = c->opt[CLI_OPT_FORM];
    status = plan_write(c, &plan, chain);
    if (status != CLI_OK ||
        !cli_safety_pass(&c->report, &plan, &c->said, &status)) {
        return status;
    }
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (!valid_now(sk_X509_value(chain, i))) {
            cli_error("warning: certificate %d is not valid now, by this "
                      "machine's clock",
                      i + 1);
        }
    }
    status = cli_cert_store(c, c->certificate, chain,
                            form != NULL && strcmp(form, "tls") == 0);
    if (status == CLI_OK) {
        cli_report_number(&c->report, "certificates", NULL, sk_X509_num(chain),
                          "");
        if (!c->json) {
            printf("0x%04X: %d certificate(s) written and read back\n",
                   c->certificate, sk_X509_num(chain));
        }
    }
    return status;
}

/* Trust anchors: one, bare, of a CA, as the chip's own parser wants it. */
static int store_anchor(struct cli_chip_call *c, STACK_OF(X509) * certs) {
    X509 *x = sk_X509_value(certs, 0);
    if (sk_X509_num(certs) != 1 || X509_check_ca(x) == 0 ||
        i2d_X509(x, NULL) > CLI_CERT_CHIP_MAX) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "a trust anchor is one certificate of a CA, at "
                               "most %d bytes",
                               CLI_CERT_CHIP_MAX);
    }
    return store(c, certs);
}

static int store_identity(struct cli_chip_call *c, STACK_OF(X509) * certs) {
    char why[200];
    int status;
    EVP_PKEY *key = cli_identity_recover(c, c->key, &status);
    if (key == NULL) {
        return status;
    }
    STACK_OF(X509) *chain = cli_cert_order(certs, key, why, sizeof why);
    EVP_PKEY_free(key);
    if (chain == NULL) {
        return cli_report_fail(&c->report, CLI_MISMATCH,
                               "`cleat cert csr` asks for a certificate for "
                               "this key; --key names another",
                               "0x%04X was not written: %s (0x%04X)",
                               c->certificate, why, c->key);
    }
    status = store(c, chain);
    sk_X509_pop_free(chain, X509_free);
    return status;
}

int cli_cert_write(struct cli_chip_call *c) {
    const char *form = c->opt[CLI_OPT_FORM];
    if (form != NULL && strcmp(form, "bare") != 0 && strcmp(form, "tls") != 0) {
        cli_error("--form: bare or tls");
        return CLI_USAGE;
    }
    default_key(c);
    STACK_OF(X509) *certs = read_certs(c);
    if (certs == NULL) {
        return CLI_USAGE;
    }
    bool anchor = c->certificate == 0xE0E8 || c->certificate == 0xE0E9 ||
                  c->certificate == 0xE0EF;
    int status;
    if (c->key == 0 && !anchor) {
        cli_error("cert write: 0x%04X is no certificate object; name its key "
                  "with --key if it is meant",
                  c->certificate);
        status = CLI_USAGE;
    } else {
        status = anchor ? store_anchor(c, certs) : store_identity(c, certs);
    }
    sk_X509_pop_free(certs, X509_free);
    return status;
}
