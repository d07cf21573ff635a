/* SPDX-License-Identifier: MIT */
/* Renewal of an identity, step by step; see renew.h. */
#define _POSIX_C_SOURCE 200809L
#include "renew.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "outfile.h"

#define RECORD_MAX 512
#define CONFIG_MAX (1u << 20)

/* ---- the record ---- */

static bool pair_of(const char *text, uint16_t *key, uint16_t *certificate) {
    unsigned a = 0;
    unsigned b = 0;
    int end = 0;
    if (sscanf(text, "0x%4x 0x%4x%n", &a, &b, &end) != 2 || text[end] != '\0' ||
        a == 0 || b == 0) {
        return false;
    }
    *key = (uint16_t)a;
    *certificate = (uint16_t)b;
    return true;
}

static bool take_line(struct cli_renewal *r, const char *line) {
    if (line[0] == '\0' || line[0] == '#') {
        return true;
    }
    if (strncmp(line, "stage = ", 8) == 0) {
        return pair_of(line + 8, &r->key, &r->certificate);
    }
    if (strncmp(line, "from = ", 7) == 0) {
        return pair_of(line + 7, &r->from_key, &r->from_certificate);
    }
    if (strncmp(line, "retired = ", 10) == 0) {
        return pair_of(line + 10, &r->retired_key, &r->retired_certificate);
    }
    r->key_made = strcmp(line, "key = made") == 0;
    return r->key_made;
}

bool cli_renewal_parse(struct cli_renewal *r, struct cleat_bytes text) {
    char line[80];
    size_t n = 0;
    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\n') {
            if (n + 1 >= sizeof line || text.data[i] == '\0') {
                return false;
            }
            line[n++] = (char)text.data[i];
            continue;
        }
        line[n] = '\0';
        n = 0;
        if (!take_line(r, line)) {
            return false;
        }
    }
    return n == 0 && (r->key != 0 || !r->key_made);
}

static size_t put_pair(char *out, size_t cap, const char *name, uint16_t key,
                       uint16_t certificate) {
    if (key == 0) {
        return 0;
    }
    return (size_t)snprintf(out, cap, "%s = 0x%04X 0x%04X\n", name, key,
                            certificate);
}

size_t cli_renewal_format(const struct cli_renewal *r, char *out, size_t cap) {
    size_t n = (size_t)snprintf(out, cap,
                                "# `cleat cert renew` keeps here what it is "
                                "doing; leave it alone.\n");
    n += put_pair(out + n, cap - n, "stage", r->key, r->certificate);
    n += put_pair(out + n, cap - n, "from", r->from_key, r->from_certificate);
    n += put_pair(out + n, cap - n, "retired", r->retired_key,
                  r->retired_certificate);
    if (r->key_made) {
        n += (size_t)snprintf(out + n, cap - n, "key = made\n");
    }
    return n;
}

static int save_record(struct cli_renew *n) {
    char text[RECORD_MAX];
    size_t len = cli_renewal_format(&n->renewal, text, sizeof text);
    return cli_outfile_replace(n->record, cleat_bytes_of(text, len), 0644);
}

static int load_record(struct cli_renew *n) {
    uint8_t text[RECORD_MAX];
    FILE *f = fopen(n->record, "rb");
    memset(&n->renewal, 0, sizeof n->renewal);
    if (f == NULL) {
        return CLI_OK;
    }
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    if (len == sizeof text ||
        !cli_renewal_parse(&n->renewal, cleat_bytes_of(text, len))) {
        return cli_report_fail(&n->c->report, CLI_FAILED,
                               "remove it if no renewal is under way",
                               "%s is not a record of a renewal", n->record);
    }
    if (n->renewal.key == n->key && n->renewal.certificate == n->certificate) {
        /* Killed after the switch: only the record is behind. */
        n->renewal.retired_key = n->renewal.from_key;
        n->renewal.retired_certificate = n->renewal.from_certificate;
        n->renewal.key = n->renewal.certificate = 0;
        n->renewal.from_key = n->renewal.from_certificate = 0;
        n->renewal.key_made = false;
        return save_record(n);
    }
    return CLI_OK;
}

/* ---- slots ---- */

static bool slot_metadata(struct cli_renew *n, uint16_t object, uint8_t *raw,
                          struct cli_metadata *m) {
    size_t len = cli_chip_metadata(n->c, object, raw, 64);
    return len > 0 && cli_metadata_parse(m, cleat_bytes_of(raw, len));
}

/* A pair that can be written, and holds nothing that anybody needs. */
static bool is_free(struct cli_renew *n, uint16_t key, uint16_t certificate,
                    bool asked) {
    uint8_t raw[2][64];
    struct cli_metadata k;
    struct cli_metadata c;
    struct cli_safety s = cli_chip_safety(n->c);
    if (key == n->key || certificate == n->certificate ||
        !slot_metadata(n, key, raw[0], &k) ||
        !slot_metadata(n, certificate, raw[1], &c) ||
        cli_safety_reach(&s, k.change, k.life_cycle) == CLI_REACH_NEVER ||
        cli_safety_reach(&s, c.change, c.life_cycle) == CLI_REACH_NEVER) {
        return false;
    }
    bool retired = key == n->renewal.retired_key &&
                   certificate == n->renewal.retired_certificate;
    return asked || retired || (k.algorithm < 0 && c.used_size == 0);
}

/* @return CLI_OK with n->renewal.key and .certificate set. */
static int choose(struct cli_renew *n) {
    struct cli_renewal *r = &n->renewal;
    bool asked = n->stage[0] != 0;
    if (asked && is_free(n, n->stage[0], n->stage[1], true)) {
        r->key = n->stage[0];
        r->certificate = n->stage[1];
        return CLI_OK;
    }
    for (uint16_t i = 0; !asked && i < 4; i++) {
        if (is_free(n, (uint16_t)(0xE0F0 + i), (uint16_t)(0xE0E0 + i), false)) {
            r->key = (uint16_t)(0xE0F0 + i);
            r->certificate = (uint16_t)(0xE0E0 + i);
            return CLI_OK;
        }
    }
    return cli_report_fail(
        &n->c->report, CLI_REFUSED,
        "`cleat chip objects` shows the slots; name a pair that nobody needs "
        "with --stage 0xKEY,0xCERTIFICATE: its key is then destroyed",
        asked ? "0x%04X and 0x%04X cannot be used: in use, not there, or not "
                "changeable"
              : "no empty pair of slots beside 0x%04X and 0x%04X",
        asked ? n->stage[0] : n->key, asked ? n->stage[1] : n->certificate);
}

/* ---- the new key ---- */

static int make_key(struct cli_renew *n) {
    struct cli_renewal *r = &n->renewal;
    int status = CLI_OK;
    if (r->key_made) {
        return CLI_OK; /* A request for it may be with the CA already. */
    }
    if (r->key == 0) {
        status = choose(n);
        r->from_key = n->key;
        r->from_certificate = n->certificate;
        /* The record goes first: what is in these slots is now ours. */
        status = status == CLI_OK ? save_record(n) : status;
    }
    if (status != CLI_OK) {
        return status;
    }
    EVP_PKEY *key =
        cli_identity_generate(n->c, r->key, cli_identity_curve_of(n->c, n->key),
                              CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN, &status);
    EVP_PKEY_free(key);
    r->key_made = status == CLI_OK;
    return status == CLI_OK ? save_record(n) : status;
}

/* The subject of the certificate in use, as --subject takes it. */
static bool subject_of(struct cli_renew *n, char *out, size_t cap) {
    int status;
    STACK_OF(X509) *chain = cli_identity_chain(n->c, n->certificate, &status);
    if (chain == NULL) {
        return false;
    }
    const X509_NAME *name = X509_get_subject_name(sk_X509_value(chain, 0));
    size_t len = 0;
    bool ok = true;
    out[0] = '\0';
    for (int i = 0; ok && i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
        unsigned char *text = NULL;
        int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));
        ok = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e)) >= 0 &&
             nid != NID_undef && len + 16 < cap;
        if (ok) {
            len +=
                (size_t)snprintf(out + len, cap - len, "/%s=", OBJ_nid2sn(nid));
        }
        for (unsigned char *t = text; ok && *t != '\0'; t++) {
            ok = len + 3 < cap;
            if (ok && (*t == '/' || *t == '\\')) {
                out[len++] = '\\';
            }
            if (ok) {
                out[len++] = (char)*t;
                out[len] = '\0';
            }
        }
        OPENSSL_free(text);
    }
    sk_X509_pop_free(chain, X509_free);
    return ok && len > 0;
}

static int request(struct cli_renew *n, char **pem) {
    char subject[1024];
    int status;
    if (n->subject == NULL && !subject_of(n, subject, sizeof subject)) {
        return cli_report_fail(&n->c->report, CLI_REFUSED,
                               "give --subject /CN=NAME",
                               "the certificate in use, 0x%04X, tells no "
                               "subject",
                               n->certificate);
    }
    EVP_PKEY *key = cli_identity_recover(n->c, n->renewal.key, &status);
    if (key == NULL) {
        return status;
    }
    *pem = cli_cert_request(n->c, n->renewal.key, key,
                            n->subject == NULL ? subject : n->subject,
                            n->c->san, n->c->san_count, &status);
    EVP_PKEY_free(key);
    return status;
}

int cli_renew_begin(struct cli_renew *n, char **pem) {
    *pem = NULL;
    int status = load_record(n);
    if (status == CLI_OK) {
        status = cli_chip_enter(n->c, n->spec);
    }
    if (status != CLI_OK) {
        return status;
    }
    if ((n->c->se.chip.driver->can & CLEAT_SE_CAN_METADATA) == 0) {
        status = cli_report_fail(&n->c->report, CLI_REFUSED,
                                 "make the key with the token's own tool, then "
                                 "`cleat cert csr`",
                                 "this element has no second slot for a key");
    }
    status = status == CLI_OK ? make_key(n) : status;
    status = status == CLI_OK ? request(n, pem) : status;
    cli_se_close(&n->c->se);
    return status;
}

/* ---- the certificate ---- */

static int store(struct cli_renew *n, STACK_OF(X509) * certs) {
    char why[200];
    int status = cli_chip_enter(n->c, n->spec);
    if (status != CLI_OK) {
        return status;
    }
    EVP_PKEY *key = cli_identity_recover(n->c, n->renewal.key, &status);
    if (key != NULL) {
        STACK_OF(X509) *chain = cli_cert_order(certs, key, why, sizeof why);
        status =
            chain == NULL
                ? cli_report_fail(&n->c->report, CLI_MISMATCH,
                                  "the identity in use is unchanged; give "
                                  "the CA's answer to the last request",
                                  "the new certificate was not written: "
                                  "%s (0x%04X)",
                                  why, n->renewal.key)
                : cli_cert_store(n->c, n->renewal.certificate, chain, false);
        sk_X509_pop_free(chain, X509_free);
    }
    EVP_PKEY_free(key);
    cli_se_close(&n->c->se);
    return status;
}

static bool names_setting(const char *line, const char *name) {
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0) {
        return false;
    }
    line += n + strspn(line + n, " \t");
    return *line == '=' || *line == ':';
}

static const char *next_line(const char *line) {
    size_t n = strcspn(line, "\n");
    return line + n + (line[n] == '\n');
}

char *cli_renew_switch_text(const char *text, uint16_t key,
                            uint16_t certificate) {
    char lines[2][64];
    bool done[2] = {false, false};
    static const char *const names[] = {"CLIENT_PRIVATE_KEY",
                                        "CLIENT_CERTIFICATE"};
    char *out = malloc(strlen(text) + sizeof lines + 8);
    char *at = out;
    if (out == NULL) {
        return NULL;
    }
    snprintf(lines[0], sizeof lines[0], "%s = 0x%04X\n", names[0], key);
    snprintf(lines[1], sizeof lines[1], "%s = 0x%04X\n", names[1], certificate);
    /* Lines that are missing go in front: what follows may be a section. */
    for (int i = 0; i < 2; i++) {
        for (const char *l = text; *l != '\0'; l = next_line(l)) {
            done[i] = done[i] || names_setting(l, names[i]);
        }
        if (!done[i]) {
            at = stpcpy(at, lines[i]);
        }
    }
    for (const char *l = text; *l != '\0'; l = next_line(l)) {
        size_t len = (size_t)(next_line(l) - l);
        int which = names_setting(l, names[0])   ? 0
                    : names_setting(l, names[1]) ? 1
                                                 : -1;
        if (which >= 0) {
            at = stpcpy(at, lines[which]);
        } else {
            memcpy(at, l, len);
            at += len;
        }
    }
    *at = '\0';
    return out;
}

static int switch_over(struct cli_renew *n) {
    char why[700];
    size_t len = 0;
    uint8_t *old = cli_read_file(n->config, CONFIG_MAX, &len, why, sizeof why);
    char *text = old == NULL
                     ? NULL
                     : cli_renew_switch_text((char *)old, n->renewal.key,
                                             n->renewal.certificate);
    int status;
    if (text == NULL) {
        status = cli_report_fail(&n->c->report, CLI_FAILED, NULL, "%s",
                                 old == NULL ? why : "out of memory");
    } else {
        status = cli_outfile_replace(n->config, cleat_bytes_str(text), 0644);
        cleat_wipe(text, strlen(text)); /* A password may be in it. */
    }
    if (old != NULL) {
        cleat_wipe(old, len);
    }
    free(old);
    free(text);
    return status;
}

int cli_renew_finish(struct cli_renew *n, struct cleat_bytes certificates) {
    int status = load_record(n);
    if (status != CLI_OK) {
        return status;
    }
    if (!n->renewal.key_made) {
        return cli_report_fail(&n->c->report, CLI_FAILED,
                               "start it with `cleat cert renew begin`",
                               "no renewal is under way");
    }
    STACK_OF(X509) *certs = cli_cert_parse(certificates);
    if (certs == NULL) {
        return cli_report_fail(&n->c->report, CLI_MISMATCH,
                               "the identity in use is unchanged",
                               "the answer holds no certificate in PEM or DER, "
                               "or a damaged one");
    }
    status = store(n, certs);
    sk_X509_pop_free(certs, X509_free);
    if (status == CLI_OK) {
        status = n->prove(n);
        if (status != CLI_OK) {
            return cli_report_fail(
                &n->c->report, CLI_MISMATCH,
                "the identity in use is unchanged; does the broker trust the "
                "new certificate's CA, and is it activated there? Then "
                "`cleat cert renew finish` once more",
                "the new identity was not proven");
        }
        status = switch_over(n);
    }
    if (status != CLI_OK) {
        return status;
    }
    n->key = n->renewal.key;
    n->certificate = n->renewal.certificate;
    return load_record(n); /* Which notes that it is over. */
}

int cli_renew_run(struct cli_renew *n) {
    char *pem = NULL;
    int status = cli_renew_begin(n, &pem);
    if (status != CLI_OK) {
        return status;
    }
    char *answer = n->issue(n, pem);
    OPENSSL_free(pem);
    if (answer == NULL) {
        return cli_report_fail(&n->c->report, CLI_FAILED,
                               "the identity in use is unchanged; the next "
                               "`cleat cert renew` goes on with the same key",
                               "no certificate was issued");
    }
    status = cli_renew_finish(n, cleat_bytes_str(answer));
    free(answer);
    return status;
}
