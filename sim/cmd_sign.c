/* SPDX-License-Identifier: MIT */
/*
 * CalcSign and VerifySign (reference 6.7, 6.8): ECDSA and RSA PKCS#1 v1.5 on
 * digests the host made; verification with a key from the host or from a
 * certificate object.
 */
#include <openssl/x509v3.h>

#include "chip.h"

#define P_ECDSA 0x11
#define DIGEST_MIN 10
#define SIGNATURE_MAX 520
#define CERT_MAX 1300

static const EVP_MD *rsa_digest(uint8_t param) {
    switch (param) {
    case 0x01:
        return EVP_sha256();
    case 0x02:
        return EVP_sha384();
    case 0x03:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool digest_fits(uint8_t param, uint8_t alg, size_t len) {
    if (param == P_ECDSA) {
        return len >= DIGEST_MIN && len <= cleat_sim_crypto_field_len(alg);
    }
    return len == (size_t)EVP_MD_get_size(rsa_digest(param));
}

/* Does the scheme go with the kind of key? */
static bool scheme_fits(uint8_t param, uint8_t alg) {
    return param == P_ECDSA ? cleat_sim_crypto_is_ec(alg)
                            : cleat_sim_crypto_is_rsa(alg);
}

int cleat_sim_cmd_sign(struct cleat_sim *s, uint8_t param,
                       struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_bytes digest;
    struct cleat_sim_key *key = NULL;
    uint16_t oid = 0;
    if (param != P_ECDSA && rsa_digest(param) == NULL) {
        return SIM_E_PARAM;
    }
    if (!cleat_sim_command_tlv(&in, 0x01, &digest) ||
        !cleat_sim_command_tlv16(&in, 0x03, &oid) ||
        cleat_sim_command_end(&in) != SIM_OK) {
        return in.failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    int code = cleat_sim_keys_use(s, oid, SIM_U_AUTH | SIM_U_SIGN, &key);
    if (code != SIM_OK) {
        return code;
    }
    if (!scheme_fits(param, key->alg) ||
        !digest_fits(param, key->alg, digest.len)) {
        return SIM_E_DATA;
    }
    cleat_sim_keys_charge(s, oid);
    int err = 0;
    if (param == P_ECDSA) {
        cleat_sim_chip_cost_as(s, 65000, 62000);
        err = cleat_sim_crypto_ecdsa_sign(key, digest, s->opt.padded_signatures,
                                          out);
    } else {
        cleat_sim_chip_cost(s, 310000);
        err = cleat_sim_crypto_rsa_sign(key, rsa_digest(param), digest, out);
    }
    return err == 0 ? SIM_OK : SIM_E_INTERNAL;
}

/* --- verification --------------------------------------------------------- */

/* Curve or modulus of a key out of a certificate, as the chip numbers it. */
static uint8_t alg_of(const EVP_PKEY *key) {
    char group[32] = "";
    size_t len = 0;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        int bits = EVP_PKEY_get_bits(key);
        return bits == 1024 ? SIM_A_RSA1024 : bits == 2048 ? SIM_A_RSA2048 : 0;
    }
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1) {
        return 0;
    }
    return cleat_sim_crypto_alg_named(group);
}

/* The chip's parser: X.509v3, an issuer, and a key usage that may verify. */
static int check_certificate(X509 *x) {
    if (X509_get_version(x) != 2 ||
        X509_NAME_entry_count(X509_get_issuer_name(x)) == 0) {
        return SIM_E_CERT_FORMAT;
    }
    uint32_t usage = X509_get_key_usage(x);
    if ((X509_get_extension_flags(x) & EXFLAG_KUSAGE) == 0 ||
        (usage & (KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN)) == 0) {
        return SIM_E_EXTENSION;
    }
    return SIM_OK;
}

static int key_from_certificate(struct cleat_bytes der, EVP_PKEY **key,
                                uint8_t *alg) {
    const uint8_t *p = der.data;
    if (der.len > CERT_MAX) {
        return SIM_E_CERT;
    }
    X509 *x =
        der.len == 0 || *p != 0x30 ? NULL : d2i_X509(NULL, &p, (long)der.len);
    if (x == NULL) {
        return SIM_E_CERT_FORMAT;
    }
    int code = check_certificate(x);
    if (code == SIM_OK) {
        *key = X509_get_pubkey(x);
        *alg = *key == NULL ? 0 : alg_of(*key);
        code = *alg == 0 ? SIM_E_EXTENSION : SIM_OK;
    }
    X509_free(x);
    return code;
}

int cleat_sim_sign_object(struct cleat_sim *s, uint16_t oid, EVP_PKEY **key,
                          uint8_t *alg) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    uint8_t type = o == NULL ? 0 : cleat_sim_meta_byte(o, SIM_T_TYPE, 0);
    if (o == NULL || (type != 0x11 && type != 0x12)) {
        return SIM_E_OID;
    }
    int code = cleat_sim_access_check(s, o, SIM_T_EXECUTE);
    if (code != SIM_OK) {
        return code;
    }
    return key_from_certificate(cleat_bytes_of(o->data, o->used), key, alg);
}

static int key_from_host(struct cleat_reader *in, EVP_PKEY **key,
                         uint8_t *alg) {
    struct cleat_bytes id;
    struct cleat_bytes bits;
    if (!cleat_sim_command_tlv(in, 0x05, &id) ||
        !cleat_sim_command_tlv(in, 0x06, &bits)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    struct cleat_reader r = cleat_reader_of(id);
    *alg = cleat_read_u8(&r);
    if (r.failed || cleat_reader_left(&r) != 0) {
        return SIM_E_LENGTH;
    }
    int code = cleat_sim_crypto_public_load(*alg, bits, key);
    return code == SIM_E_OFF_CURVE ? SIM_E_DATA : code;
}

int cleat_sim_sign_public(struct cleat_sim *s, struct cleat_reader *in,
                          EVP_PKEY **key, uint8_t *alg) {
    uint16_t oid = 0;
    int code = cleat_sim_command_tlv16(in, 0x04, &oid)
                   ? cleat_sim_sign_object(s, oid, key, alg)
                   : key_from_host(in, key, alg);
    if (code == SIM_OK && cleat_sim_chip_is_v1(s) &&
        !cleat_sim_crypto_on_v1(*alg)) {
        code = SIM_E_DATA;
    }
    return code == SIM_OK ? cleat_sim_command_end(in) : code;
}

static int verify(uint8_t param, uint8_t alg, EVP_PKEY *key,
                  struct cleat_bytes digest, struct cleat_bytes signature) {
    if (!scheme_fits(param, alg) || !digest_fits(param, alg, digest.len)) {
        return SIM_E_DATA;
    }
    if (param != P_ECDSA) {
        return cleat_sim_crypto_rsa_verify(key, rsa_digest(param), digest,
                                           signature);
    }
    return cleat_sim_crypto_ecdsa_verify(key, cleat_sim_crypto_field_len(alg),
                                         digest, signature);
}

int cleat_sim_cmd_verify(struct cleat_sim *s, uint8_t param,
                         struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_bytes digest;
    struct cleat_bytes signature;
    EVP_PKEY *key = NULL;
    uint8_t alg = 0;
    (void)out;
    if (param != P_ECDSA && rsa_digest(param) == NULL) {
        return SIM_E_PARAM;
    }
    if (!cleat_sim_command_tlv(&in, 0x01, &digest) ||
        !cleat_sim_command_tlv(&in, 0x02, &signature)) {
        return in.failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    if (signature.len > SIGNATURE_MAX) {
        return SIM_E_DATA;
    }
    int code = cleat_sim_sign_public(s, &in, &key, &alg);
    if (code == SIM_OK) {
        cleat_sim_chip_cost_as(s, param == P_ECDSA ? 85000 : 40000,
                               param == P_ECDSA ? 80000 : 40000);
        code = verify(param, alg, key, digest, signature);
    }
    EVP_PKEY_free(key);
    return code;
}
