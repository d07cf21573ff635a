/* SPDX-License-Identifier: MIT */
/*
 * One chip of `cleat factory`: who it is, whether it is done already, and if
 * not, key, request, certificate, in an order that can be cut anywhere: until
 * the certificate stands there the chip counts as not made.
 */
#define _POSIX_C_SOURCE 200809L
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws.h"
#include "factory.h"
#include "safety.h"

struct work {
    struct cli_factory *f;
    struct cli_factory_row *row;
    struct cli_se se;
    uint8_t point[CLEAT_SE_POINT_MAX];
    size_t point_len;
};

static bool failed(struct work *w, const char *what, const char *why) {
    snprintf(w->row->error, sizeof w->row->error, "%.80s: %.160s", what, why);
    return false;
}

static bool op_failed(struct work *w, const char *what,
                      const struct cleat_se_op *op) {
    return failed(w, what,
                  op->detail.text != NULL ? op->detail.text
                                          : cleat_strerror(op->err));
}

static void to_hex(const uint8_t *data, size_t len, char *out, size_t cap) {
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < len && n + 2 < cap; i++) {
        out[n++] = digits[data[i] >> 4];
        out[n++] = digits[data[i] & 15];
    }
    out[n] = '\0';
}

/* The same chip under another serial: it was not taken out of the socket. */
static bool is_another(struct work *w) {
    const struct cli_factory_list *made = w->f->made;
    for (size_t i = 0; i < made->count; i++) {
        const struct cli_factory_row *r = &made->rows[i];
        if (strcmp(r->outcome, "ok") == 0 && strcmp(r->uid, w->row->uid) == 0 &&
            strcmp(r->serial, w->row->serial) != 0) {
            char why[120];
            snprintf(why, sizeof why, "it was made as %.64s", r->serial);
            return failed(w, "this chip is another one", why);
        }
    }
    return true;
}

static bool identify(struct work *w) {
    uint8_t uid[32];
    struct cleat_se_op op = {.type = CLEAT_SE_READ,
                             .object = CLEAT_SE_OBJECT_UID};
    op.out.data = uid;
    op.out.cap = sizeof uid;
    if (cleat_se_do(&w->se.se, &op, 0) != CLEAT_OK) {
        return op_failed(w, "the UID cannot be read", &op);
    }
    to_hex(uid, op.out.len, w->row->uid, sizeof w->row->uid);
    return is_another(w);
}

static bool note(struct work *w, X509 *x) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct tm tm;
    if (X509_digest(x, EVP_sha256(), digest, &len) != 1 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1) {
        return failed(w, "certificate", "it cannot be read");
    }
    to_hex(digest, len, w->row->fingerprint, sizeof w->row->fingerprint);
    (void)strftime(w->row->not_after, sizeof w->row->not_after,
                   "%Y-%m-%dT%H:%M:%SZ", &tm);
    return true;
}

/* @return the certificate in the slot, or NULL. *empty: there is none. */
static X509 *present(struct work *w, bool *empty) {
    uint8_t data[4096];
    struct cleat_se_op op = {.type = CLEAT_SE_CERTIFICATE,
                             .object = w->f->certificate};
    op.out.data = data;
    op.out.cap = sizeof data;
    int err = cleat_se_do(&w->se.se, &op, 0);
    *empty = err != CLEAT_OK && op.detail.text != NULL &&
             strstr(op.detail.text, "empty") != NULL;
    if (err != CLEAT_OK) {
        return NULL;
    }
    const unsigned char *at = data;
    X509 *x = d2i_X509(NULL, &at, (long)op.out.len);
    ERR_clear_error();
    return x;
}

/* A request signed by the slot's key verifies with it: key and certificate
 * belong together. */
static bool key_is_of(struct work *w, X509 *x, char *why, size_t cap) {
    unsigned char *point = NULL;
    EVP_PKEY *key = X509_get0_pubkey(x);
    size_t len =
        key == NULL ? 0 : EVP_PKEY_get1_encoded_public_key(key, &point);
    char *request =
        cli_aws_request(&w->se.se, w->f->key, cleat_bytes_of(point, len),
                        w->row->common_name, why, cap);
    bool good = request != NULL;
    OPENSSL_free(request);
    OPENSSL_free(point);
    return good;
}

/* No chip gives its key for a certificate that cannot be had: the CA may issue
 * for other names, and this one makes it too large. */
static bool can_issue(struct work *w) {
    char why[300] = "";
    X509 *x =
        cli_issuer_try(&w->f->issuer, w->row->common_name, why, sizeof why);
    X509_free(x);
    return x != NULL || failed(w, "no certificate", why);
}

/* From here on the key in the slot is ours, whatever happens. */
static bool begin(struct work *w) {
    snprintf(w->row->outcome, sizeof w->row->outcome, "begun");
    snprintf(w->row->begun, sizeof w->row->begun, "%s", w->row->uid);
    return cli_factory_append(w->f->manifest, w->row) ||
           failed(w, "the manifest", "it cannot be written");
}

static bool make_key(struct work *w) {
    struct cleat_se_op op = {.type = CLEAT_SE_GENERATE,
                             .object = w->f->key,
                             .curve = CLEAT_CURVE_P256,
                             .usage = CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN};
    op.out.data = w->point;
    op.out.cap = sizeof w->point;
    if (cleat_se_do(&w->se.se, &op, 0) != CLEAT_OK) {
        return op_failed(w, "no key pair can be made", &op);
    }
    w->point_len = op.out.len;
    return true;
}

static X509 *issue(struct work *w) {
    char why[200] = "";
    X509 *x = NULL;
    char *request = cli_aws_request(&w->se.se, w->f->key,
                                    cleat_bytes_of(w->point, w->point_len),
                                    w->row->common_name, why, sizeof why);
    if (request != NULL) {
        x = cli_issuer_issue(&w->f->issuer, request, w->row->common_name, why,
                             sizeof why);
    }
    OPENSSL_free(request);
    if (x == NULL) {
        failed(w, "no certificate", why);
    }
    return x;
}

static bool write_certificate(struct work *w, X509 *x) {
    uint8_t stored[CLI_AWS_STORED_MAX];
    size_t len = cli_aws_stored(x, stored, sizeof stored);
    struct cleat_se_op op = {
        .type = CLEAT_SE_WRITE, .object = w->f->certificate, .erase = true};
    op.in = cleat_bytes_of(stored, len);
    if (len == 0) {
        return failed(w, "certificate", "it does not fit the chip's object");
    }
    if (cleat_se_do(&w->se.se, &op, 0) != CLEAT_OK) {
        return op_failed(w, "the certificate cannot be written", &op);
    }
    return true;
}

/* Read it back, and let the key sign. */
static bool check(struct work *w, X509 *x) {
    char why[200] = "";
    bool empty;
    X509 *back = present(w, &empty);
    bool same = back != NULL && X509_cmp(back, x) == 0;
    X509_free(back);
    if (!same) {
        return failed(w, "certificate", "another one is read back");
    }
    return key_is_of(w, x, why, sizeof why) || failed(w, "the new pair", why);
}

static bool make_new(struct work *w) {
    if (!begin(w) || !make_key(w)) {
        return false;
    }
    X509 *x = issue(w);
    bool ok = x != NULL && write_certificate(w, x) && check(w, x) && note(w, x);
    X509_free(x);
    return ok;
}

/* ---- the safety catch ---- */

bool cli_factory_confirm(struct cli_factory *f, const char *text, size_t most) {
    char full[48];
    unsigned long n = strtoul(text, NULL, 10);
    snprintf(full, sizeof full, "%lu-chips:0x%04X", n, f->key);
    if (n == 0 || n > most || strcmp(text, full) != 0) {
        return false;
    }
    f->confirmed = n;
    return true;
}

static bool is_virtual(const struct work *w) {
    return strncmp(w->row->chip, "sim:", 4) == 0;
}

/* A key that a run before made and did not get a certificate for. */
static bool key_is_ours(const struct work *w) {
    const struct cli_factory_row *r =
        cli_factory_find(w->f->made, w->row->serial);
    return r != NULL && r->begun[0] != '\0' &&
           strcmp(r->begun, w->row->uid) == 0;
}

/* Say what is lost, and whether that is meant. */
static bool is_meant(struct work *w) {
    struct cli_plan p;
    struct cli_factory *f = w->f;
    cli_safety_pair(&p, &w->se.se, f->key, f->certificate, key_is_ours(w));
    for (size_t i = 0; i < p.count; i++) {
        fprintf(stderr, "%s: 0x%04X: %s\n", w->row->serial, p.object,
                p.lines[i]);
    }
    if (p.refused) {
        return failed(w, "it cannot be made", p.lines[0]);
    }
    if ((!p.forever && !p.locks) || (f->lab && is_virtual(w))) {
        return true;
    }
    if (f->confirmed > 0 && !f->dry_run) {
        f->confirmed--;
        return true;
    }
    w->row->unconfirmed = true;
    return failed(w, "not confirmed", p.lines[0]);
}

/* What is in the slot decides: nothing, what we would put there, or somebody
 * else's. */
static bool make_on(struct work *w) {
    char why[200] = "";
    bool empty = false;
    if (!identify(w)) {
        return false;
    }
    X509 *x = present(w, &empty);
    if (x != NULL &&
        cli_issuer_is_ours(&w->f->issuer, x, w->row->common_name) &&
        key_is_of(w, x, why, sizeof why)) {
        bool ok = note(w, x); /* A run before was cut behind the write. */
        X509_free(x);
        return ok;
    }
    bool taken = x != NULL || !empty;
    X509_free(x);
    if (taken && !w->f->replace) {
        snprintf(why, sizeof why,
                 "object 0x%04X holds something else; --replace overwrites it "
                 "and its key 0x%04X",
                 w->f->certificate, w->f->key);
        return failed(w, "the slot is in use", why);
    }
    return can_issue(w) && is_meant(w) && (w->f->dry_run || make_new(w));
}

/* Opening a virtual chip that is not there would make it. */
static bool is_new(const struct work *w) {
    char path[CLI_FACTORY_TEXT + 16];
    snprintf(path, sizeof path, "%s/chip.state", w->row->chip + strlen("sim:"));
    return is_virtual(w) && access(path, F_OK) != 0;
}

void cli_factory_make(struct cli_factory *f, struct cli_factory_row *row) {
    static struct work w; /* large */
    char why[CLI_FACTORY_TEXT] = "";
    memset(&w, 0, sizeof w);
    w.f = f;
    w.row = row;
    row->error[0] = '\0';
    if (f->dry_run && is_new(&w)) {
        snprintf(row->outcome, sizeof row->outcome, "ok");
        return;
    }
    cli_error_hold(why, sizeof why);
    int status = cli_se_open(&w.se, row->chip, NULL);
    cli_error_hold(NULL, 0);
    bool ok = false;
    if (status == CLI_OK) {
        ok = make_on(&w);
        cli_se_close(&w.se);
    } else {
        snprintf(row->error, sizeof row->error, "%s", why);
    }
    snprintf(row->outcome, sizeof row->outcome, "%s", ok ? "ok" : "error");
}
