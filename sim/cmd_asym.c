/* SPDX-License-Identifier: MIT */
/*
 * EncryptAsym and DecryptAsym (reference 6.14): RSAES PKCS#1 v1.5, with the
 * message from or to the host or a session object.
 */
#include <string.h>

#include "chip.h"

#define P_PKCS1 0x11

/* 61 message, or 02 session whose secret is the message. */
static int read_message(struct cleat_sim *s, struct cleat_reader *in,
                        struct cleat_bytes *message) {
    uint16_t oid = 0;
    if (cleat_sim_command_tlv(in, 0x61, message)) {
        return SIM_OK;
    }
    if (in->failed || !cleat_sim_command_tlv16(in, 0x02, &oid)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    if (cleat_sim_objects_session(s, oid) == NULL) {
        return SIM_E_OID;
    }
    if (!cleat_sim_shield_covers(s, true)) {
        return SIM_E_ACCESS;
    }
    return cleat_sim_keys_secret(s, oid, message);
}

int cleat_sim_cmd_encasym(struct cleat_sim *s, uint8_t param,
                          struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_bytes message;
    EVP_PKEY *key = NULL;
    uint8_t alg = 0;
    if (param != P_PKCS1) {
        return SIM_E_PARAM;
    }
    int code = read_message(s, &in, &message);
    if (code == SIM_OK) {
        code = cleat_sim_sign_public(s, &in, &key, &alg);
    }
    if (code == SIM_OK && !cleat_sim_crypto_is_rsa(alg)) {
        code = SIM_E_DATA;
    }
    if (code == SIM_OK) {
        cleat_sim_chip_cost(s, 40000);
        code = cleat_sim_crypto_rsa_encrypt(key, message, out);
    }
    EVP_PKEY_free(key);
    return code;
}

static int deliver(struct cleat_sim_session *session, struct cleat_bytes clear,
                   size_t most, struct cleat_writer *out) {
    if (session == NULL) {
        cleat_sim_command_put(out, 0x61, clear);
        return SIM_OK;
    }
    struct cleat_sim_target target = {.session = session};
    return clear.len <= most ? cleat_sim_keys_deliver(&target, clear, out)
                             : SIM_E_MEMORY;
}

int cleat_sim_cmd_decasym(struct cleat_sim *s, uint8_t param,
                          struct cleat_reader in, struct cleat_writer *out) {
    uint8_t clear[256];
    size_t len = sizeof clear;
    struct cleat_bytes text;
    struct cleat_sim_key *key = NULL;
    struct cleat_sim_session *session = NULL;
    uint16_t oid = 0;
    uint16_t to = 0;
    if (param != P_PKCS1) {
        return SIM_E_PARAM;
    }
    if (!cleat_sim_command_tlv(&in, 0x61, &text) ||
        !cleat_sim_command_tlv16(&in, 0x03, &oid)) {
        return in.failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    if (cleat_sim_command_tlv16(&in, 0x02, &to)) {
        session = cleat_sim_objects_session(s, to);
        if (session == NULL) {
            return SIM_E_OID;
        }
    }
    int code = cleat_sim_command_end(&in);
    if (code == SIM_OK && session == NULL &&
        !cleat_sim_shield_covers(s, false)) {
        code = SIM_E_ACCESS;
    }
    if (code == SIM_OK) {
        code = cleat_sim_keys_use(s, oid, SIM_U_ENC, &key);
    }
    if (code != SIM_OK) {
        return code;
    }
    if (!cleat_sim_crypto_is_rsa(key->alg)) {
        return SIM_E_DATA;
    }
    cleat_sim_keys_charge(s, oid);
    cleat_sim_chip_cost(s, 310000);
    code = cleat_sim_crypto_rsa_decrypt(key, text, clear, &len);
    if (code == SIM_OK) {
        code = deliver(session, cleat_bytes_of(clear, len),
                       cleat_sim_chip_is_v1(s) ? 48 : 66, out);
    } else {
        cleat_sim_chip_event(s); /* a decryption failure is one more */
    }
    cleat_wipe(clear, sizeof clear);
    return code;
}
