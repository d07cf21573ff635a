/* SPDX-License-Identifier: MIT */
/*
 * The factory: gives a new chip its UID, its key pair inside 0xE0F0, and a
 * device certificate in 0xE0E0 in stored form (reference 11), signed by the
 * given CA or by a fresh one whose key is thrown away.
 */
#define _POSIX_C_SOURCE 200809L
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "chip.h"

#define VALID_BEFORE_S (-24L * 60 * 60)
#define VALID_DAYS (20 * 365 + 5)
#define CN_MAX 64

static const char readme[] =
    "This folder is one virtual OPTIGA Trust M chip, made by Cleat. It holds\n"
    "the chip's private key in the clear and is for development only; remove\n"
    "the folder and the next start makes a new chip with a new identity.\n";

static int make_uid(struct cleat_sim *s) {
    static const uint8_t fixed[CLEAT_SIM_UID_LEN] = {
        0xCD, 0x16, 0x33, 0x94, 0x01,       /* CIM, platform, model, ROM mask */
        0x00, 0x1C, 0x00, 0x01, 0x00, 0x00, /* chip type */
        0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,               /* batch, x, y: its own */
        0x80, 0x10, 0x10, 0x71, 0x24, 0x40 /* firmware, build 2440 */
    };
    memcpy(s->uid, fixed, sizeof fixed);
    if (s->opt.variant == CLEAT_SIM_V1) {
        s->uid[3] = 0x84;
        s->uid[25] = 0x08;
        s->uid[26] = 0x09;
    }
    if (cleat_sim_crypto_random(s->uid + 11, 10) != 0) {
        return -1;
    }
    cleat_sim_objects_fill(cleat_sim_objects_find(s, 0xE0C2),
                           cleat_bytes_of(s->uid, sizeof s->uid));
    return 0;
}

static int make_key(struct cleat_sim *s) {
    static const uint8_t alg = SIM_A_P256;
    static const uint8_t usage = SIM_U_AUTH | SIM_U_SIGN | SIM_U_AGREE;
    struct cleat_sim_object *o = cleat_sim_objects_find(s, 0xE0F0);
    if (cleat_sim_crypto_generate(alg, o->key) != 0) {
        return -1;
    }
    o->key->usage = usage;
    cleat_sim_keys_reveal(s, o->key);
    (void)cleat_sim_meta_put(&o->meta, SIM_T_ALG, cleat_bytes_of(&alg, 1));
    (void)cleat_sim_meta_put(&o->meta, SIM_T_USAGE, cleat_bytes_of(&usage, 1));
    return 0;
}

static void common_name(const struct cleat_sim *s, char *out, size_t cap) {
    if (s->opt.common_name != NULL) {
        snprintf(out, cap, "%s", s->opt.common_name);
        return;
    }
    size_t n = (size_t)snprintf(out, cap, "optiga-");
    for (size_t i = 11; i < 21 && n + 2 < cap; i++) {
        n += (size_t)snprintf(out + n, cap - n, "%02x", s->uid[i]);
    }
}

static bool extension(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

/* Version 3, a random positive serial number, 20 years from yesterday on. */
static bool frame_certificate(X509 *x, const char *cn, EVP_PKEY *key) {
    uint8_t serial[16];
    X509_NAME *name = X509_get_subject_name(x);
    BIGNUM *bn = NULL;
    bool ok = cleat_sim_crypto_random(serial, sizeof serial) == 0;
    serial[0] = (uint8_t)((serial[0] & 0x7F) | 0x40);
    bn = BN_bin2bn(serial, sizeof serial, NULL);
    ok =
        ok && bn != NULL &&
        BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL &&
        X509_set_version(x, 2) == 1 && X509_set_pubkey(x, key) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   (const unsigned char *)cn, -1, -1, 0) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), VALID_BEFORE_S) != NULL &&
        X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) != NULL;
    BN_free(bn);
    return ok;
}

struct ca {
    X509 *cert;
    EVP_PKEY *key;
};

/* Each factory has a name of its own: who trusts two of them could not tell
 * them apart by their subjects. */
static bool make_ca(struct ca *ca) {
    uint8_t id[4];
    char cn[CN_MAX + 1];
    ca->key = EVP_EC_gen("prime256v1");
    ca->cert = X509_new();
    if (cleat_sim_crypto_random(id, sizeof id) != 0) {
        return false;
    }
    snprintf(cn, sizeof cn, "Cleat virtual chip factory %02x%02x%02x%02x",
             id[0], id[1], id[2], id[3]);
    return ca->key != NULL && ca->cert != NULL &&
           frame_certificate(ca->cert, cn, ca->key) &&
           X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) ==
               1 &&
           extension(ca->cert, ca->cert, NID_basic_constraints,
                     "critical,CA:TRUE,pathlen:0") &&
           extension(ca->cert, ca->cert, NID_key_usage,
                     "critical,keyCertSign,cRLSign") &&
           extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash") &&
           X509_sign(ca->cert, ca->key, EVP_sha256()) > 0;
}

static bool load_ca(const struct cleat_sim *s, struct ca *ca, char *why,
                    size_t cap) {
    FILE *f = fopen(s->opt.ca_cert, "r");
    ca->cert = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
    if (f != NULL) {
        fclose(f);
    }
    if (ca->cert == NULL) {
        snprintf(why, cap, "cannot read a PEM certificate from %s",
                 s->opt.ca_cert);
        return false;
    }
    f = fopen(s->opt.ca_key, "r");
    ca->key = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
    if (f != NULL) {
        fclose(f);
    }
    if (ca->key == NULL || X509_check_private_key(ca->cert, ca->key) != 1) {
        snprintf(why, cap, "%s is not the PEM private key of %s", s->opt.ca_key,
                 s->opt.ca_cert);
        return false;
    }
    return true;
}

/* The CA's certificate for those who must trust it. */
static int publish_ca(struct cleat_sim *s, X509 *cert) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int err = -1;
    if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        err = cleat_sim_store_file(s, "factory-ca.pem",
                                   cleat_bytes_of(text, (size_t)len));
    }
    BIO_free(bio);
    return err;
}

static X509 *make_certificate(struct cleat_sim *s, const struct ca *ca) {
    char cn[CN_MAX + 1];
    EVP_PKEY *key =
        cleat_sim_crypto_load(cleat_sim_objects_find(s, 0xE0F0)->key);
    X509 *x = X509_new();
    const EVP_MD *md = EVP_sha256();
    common_name(s, cn, sizeof cn);
    bool ok =
        key != NULL && x != NULL && frame_certificate(x, cn, key) &&
        X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) == 1 &&
        extension(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
        extension(x, ca->cert, NID_key_usage, "critical,digitalSignature") &&
        extension(x, ca->cert, NID_ext_key_usage, "clientAuth") &&
        X509_sign(x, ca->key, md) > 0;
    EVP_PKEY_free(key);
    if (!ok) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

/* C0 length, then the body of a TLS Certificate message with one entry. */
static int store_certificate(struct cleat_sim *s, X509 *x) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, 0xE0E0);
    uint8_t stored[1728];
    struct cleat_writer w = cleat_writer_of(stored, sizeof stored);
    uint8_t *der = NULL;
    int len = i2d_X509(x, &der);
    if (len <= 0) {
        return -1;
    }
    cleat_write_u8(&w, 0xC0);
    cleat_write_u16(&w, (uint16_t)(len + 6));
    cleat_write_u8(&w, 0);
    cleat_write_u16(&w, (uint16_t)(len + 3));
    cleat_write_u8(&w, 0);
    cleat_write_u16(&w, (uint16_t)len);
    cleat_write_bytes(&w, cleat_bytes_of(der, (size_t)len));
    OPENSSL_free(der);
    if (w.failed) {
        return -1;
    }
    cleat_sim_objects_fill(o, cleat_bytes_of(stored, w.len));
    return 0;
}

static int certify(struct cleat_sim *s, char *why, size_t cap) {
    struct ca ca = {0};
    bool own = s->opt.ca_cert == NULL;
    bool ok = own ? make_ca(&ca) : load_ca(s, &ca, why, cap);
    X509 *x = ok ? make_certificate(s, &ca) : NULL;
    ok = x != NULL && store_certificate(s, x) == 0;
    if (ok && own && s->dir != NULL && publish_ca(s, ca.cert) != 0) {
        snprintf(why, cap, "cannot write factory-ca.pem in %s", s->opt.dir);
        ok = false;
    } else if (!ok && why[0] == '\0') {
        snprintf(why, cap,
                 "cannot make the device certificate (common name "
                 "must have 1 to %d characters)",
                 CN_MAX);
    }
    X509_free(x);
    X509_free(ca.cert);
    EVP_PKEY_free(ca.key);
    return ok ? 0 : -1;
}

int cleat_sim_factory_provision(struct cleat_sim *s, char *why, size_t cap) {
    if (s->opt.common_name != NULL && (s->opt.common_name[0] == '\0' ||
                                       strlen(s->opt.common_name) > CN_MAX)) {
        snprintf(why, cap, "common name must have 1 to %d characters", CN_MAX);
        return -1;
    }
    if (make_uid(s) != 0 || make_key(s) != 0) {
        snprintf(why, cap, "cannot make the chip's key pair");
        return -1;
    }
    if (certify(s, why, cap) != 0) {
        return -1;
    }
    if (s->dir == NULL) {
        return 0;
    }
    /* The state goes last: without it the folder holds no chip yet. */
    if (cleat_sim_store_file(s, "README.txt",
                             cleat_bytes_of(readme, sizeof readme - 1)) != 0 ||
        cleat_sim_store_save(s) != 0) {
        snprintf(why, cap, "cannot write the chip's state in %s", s->opt.dir);
        return -1;
    }
    return 0;
}
