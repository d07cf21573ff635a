/* SPDX-License-Identifier: MIT */
/* Certificates in and out of objects; see cert.h. */
#define _POSIX_C_SOURCE 200809L
#include "cert.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

uint16_t cli_cert_key_of(uint16_t object) {
    return object >= 0xE0E0 && object <= 0xE0E3 ? (uint16_t)(object + 0x10) : 0;
}

void cli_cert_name(const X509_NAME *name, char *out, size_t cap) {
    BIO *bio = BIO_new(BIO_s_mem());
    int n = -1;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE) >= 0) {
        n = BIO_read(bio, out, (int)cap - 1);
    }
    out[n < 0 ? 0 : n] = '\0';
    BIO_free(bio);
}

/* ---- reading ---- */

static STACK_OF(X509) * parse_pem(struct cleat_bytes text) {
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    bool good = certs != NULL && bio != NULL;
    X509 *x;
    while (good && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        good = sk_X509_push(certs, x) > 0;
    }
    /* The end of the text is no error; a damaged block is. */
    unsigned long err = ERR_peek_last_error();
    good = good && sk_X509_num(certs) > 0 && ERR_GET_LIB(err) == ERR_LIB_PEM &&
           ERR_GET_REASON(err) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    if (!good) {
        sk_X509_pop_free(certs, X509_free);
        return NULL;
    }
    return certs;
}

STACK_OF(X509) * cli_cert_parse(struct cleat_bytes text) {
    if (text.len == 0 || text.len > CLI_CHIP_OBJECT_MAX * 8) {
        return NULL;
    }
    if (text.data[0] != 0x30) {
        return parse_pem(text);
    }
    const unsigned char *at = text.data;
    X509 *x = d2i_X509(NULL, &at, (long)text.len);
    STACK_OF(X509) *certs = sk_X509_new_null();
    ERR_clear_error();
    if (x == NULL || certs == NULL || at != text.data + text.len ||
        sk_X509_push(certs, x) <= 0) {
        X509_free(x);
        sk_X509_free(certs);
        return NULL;
    }
    return certs;
}

static X509 *find_key(STACK_OF(X509) * certs, EVP_PKEY *key) {
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *x = sk_X509_value(certs, i);
        EVP_PKEY *own = X509_get0_pubkey(x);
        if (own != NULL && EVP_PKEY_eq(own, key) == 1) {
            return x;
        }
    }
    ERR_clear_error();
    return NULL;
}

static bool self_signed(X509 *x) {
    return X509_check_issued(x, x) == X509_V_OK;
}

static X509 *find_issuer(STACK_OF(X509) * certs, X509 *x) {
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *other = sk_X509_value(certs, i);
        if (other != x && X509_check_issued(other, x) == X509_V_OK) {
            return other;
        }
    }
    return NULL;
}

STACK_OF(X509) * cli_cert_order(STACK_OF(X509) * certs, EVP_PKEY *key,
                                char *why, size_t why_cap) {
    X509 *at = find_key(certs, key);
    if (at == NULL) {
        snprintf(why, why_cap, "none of the %d certificates is for this key",
                 sk_X509_num(certs));
        return NULL;
    }
    STACK_OF(X509) *chain = sk_X509_new_null();
    int used = 0;
    while (chain != NULL && at != NULL && used < sk_X509_num(certs)) {
        used++;
        if (!self_signed(at) || sk_X509_num(chain) == 0) {
            X509_up_ref(at);
            sk_X509_push(chain, at);
        }
        at = self_signed(at) ? NULL : find_issuer(certs, at);
    }
    if (used != sk_X509_num(certs)) {
        snprintf(why, why_cap,
                 "%d of the certificates do not belong to the chain of the "
                 "one for this key",
                 sk_X509_num(certs) - used);
        sk_X509_pop_free(chain, X509_free);
        return NULL;
    }
    return chain;
}

/* ---- what an object holds ---- */

static void put24(struct cleat_writer *w, size_t v) {
    cleat_write_u8(w, (uint8_t)(v >> 16));
    cleat_write_u16(w, (uint16_t)v);
}

static void put_der(struct cleat_writer *w, X509 *x, bool length) {
    uint8_t *der = NULL;
    int len = i2d_X509(x, &der);
    if (len <= 0 || len > UINT16_MAX) {
        w->failed = true;
        return;
    }
    if (length) {
        put24(w, (size_t)len);
    }
    cleat_write_bytes(w, cleat_bytes_of(der, (size_t)len));
    OPENSSL_free(der);
}

/* C0 length, then the body of a TLS Certificate message: length of the list,
 * then each certificate with its length. */
size_t cli_cert_encode(STACK_OF(X509) * chain, enum cli_cert_form form,
                       uint8_t *out, size_t cap) {
    struct cleat_writer w = cleat_writer_of(out, cap);
    if (form == CLI_CERT_BARE) {
        if (sk_X509_num(chain) != 1) {
            return 0;
        }
        put_der(&w, sk_X509_value(chain, 0), false);
        return w.failed ? 0 : w.len;
    }
    cleat_write_u8(&w, 0xC0);
    cleat_write_u16(&w, 0);
    put24(&w, 0);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        put_der(&w, sk_X509_value(chain, i), true);
    }
    if (w.failed || w.len > UINT16_MAX) {
        return 0;
    }
    struct cleat_writer head = cleat_writer_of(out + 1, 5);
    cleat_write_u16(&head, (uint16_t)(w.len - 3));
    put24(&head, w.len - 6);
    return w.len;
}

static size_t room_of(struct cli_chip_call *c, uint16_t object) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len = cli_chip_metadata(c, object, raw, sizeof raw);
    bool told = len > 0 && cli_metadata_parse(&m, cleat_bytes_of(raw, len)) &&
                m.max_size >= 0;
    return told ? (size_t)m.max_size : CLI_CHIP_OBJECT_MAX;
}

static int check_stored(struct cli_chip_call *c, uint16_t object,
                        STACK_OF(X509) * chain) {
    int status;
    STACK_OF(X509) *back = cli_identity_chain(c, object, &status);
    bool same = back != NULL && sk_X509_num(back) == sk_X509_num(chain);
    for (int i = 0; same && i < sk_X509_num(chain); i++) {
        same = X509_cmp(sk_X509_value(back, i), sk_X509_value(chain, i)) == 0;
    }
    sk_X509_pop_free(back, X509_free);
    if (status == CLI_OK && !same) {
        status =
            cli_report_fail(&c->report, CLI_FAILED, "write it once more",
                            "0x%04X does not read back as written", object);
    }
    return status;
}

int cli_cert_store(struct cli_chip_call *c, uint16_t object,
                   STACK_OF(X509) * chain, bool tagged) {
    uint8_t content[CLI_CHIP_OBJECT_MAX];
    size_t room = room_of(c, object);
    bool tls = tagged || sk_X509_num(chain) > 1;
    size_t len = cli_cert_encode(chain, tls ? CLI_CERT_TLS : CLI_CERT_BARE,
                                 content, sizeof content);
    if (len == 0 || len > room) {
        return cli_report_fail(
            &c->report, CLI_REFUSED,
            sk_X509_num(chain) > 1
                ? "leave intermediate certificates out that the broker has"
                : "ask the CA for a certificate with fewer extensions",
            "0x%04X has room for %zu bytes; %d certificate(s) take %zu", object,
            room, sk_X509_num(chain), len);
    }
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_WRITE, object, NULL, 0);
    op.erase = true;
    op.in = cleat_bytes_of(content, len);
    int status = cli_chip_do(c, &op, "the certificate cannot be written");
    return status == CLI_OK ? check_stored(c, object, chain) : status;
}
