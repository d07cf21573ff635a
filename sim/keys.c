/* SPDX-License-Identifier: MIT */
/*
 * Keys and secrets behind an object number: who may use them for what, and
 * where a fresh secret is put.
 */
#include <stdio.h>
#include <string.h>

#include "chip.h"

int cleat_sim_keys_use(struct cleat_sim *s, uint16_t oid, uint8_t usage,
                       struct cleat_sim_key **key) {
    struct cleat_sim_session *session = cleat_sim_objects_session(s, oid);
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    if (session != NULL) {
        *key = &session->key;
    } else if (o != NULL && o->key != NULL) {
        int code = cleat_sim_access_check(s, o, SIM_T_EXECUTE);
        if (code != SIM_OK) {
            return code;
        }
        *key = o->key;
        (*key)->usage = cleat_sim_meta_byte(o, SIM_T_USAGE, 0);
    } else {
        return SIM_E_OID;
    }
    if ((*key)->len == 0) {
        return SIM_E_DATA;
    }
    return ((*key)->usage & usage) != 0 ? SIM_OK : SIM_E_ACCESS;
}

void cleat_sim_keys_charge(struct cleat_sim *s, uint16_t oid) {
    if (cleat_sim_objects_session(s, oid) == NULL) {
        cleat_sim_chip_event(s);
    }
}

int cleat_sim_keys_secret(struct cleat_sim *s, uint16_t oid,
                          struct cleat_bytes *secret) {
    const struct cleat_sim_session *session = cleat_sim_objects_session(s, oid);
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    if (session != NULL) {
        *secret = cleat_bytes_of(session->secret, session->secret_len);
        return session->secret_len != 0 ? SIM_OK : SIM_E_DATA;
    }
    if (o == NULL || o->key != NULL) {
        return SIM_E_OID;
    }
    int code = cleat_sim_access_check(s, o, SIM_T_EXECUTE);
    if (code != SIM_OK) {
        return code;
    }
    if (cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != 0x21 || o->used == 0 ||
        o->used > 64) {
        return SIM_E_DATA;
    }
    *secret = cleat_bytes_of(o->data, o->used);
    return SIM_OK;
}

void cleat_sim_keys_reveal(struct cleat_sim *s, const struct cleat_sim_key *k) {
    uint8_t scalar[256];
    size_t len = 0;
    if (s->opt.reveal_keys == NULL ||
        cleat_sim_crypto_private(k, scalar, &len) != 0) {
        return;
    }
    FILE *f = fopen(s->opt.reveal_keys, "a");
    if (f != NULL) {
        for (size_t i = 0; i < len; i++) {
            fprintf(f, "%02x", scalar[i]);
        }
        fputc('\n', f);
        fclose(f);
    }
    cleat_wipe(scalar, sizeof scalar);
}

int cleat_sim_keys_target(struct cleat_sim *s, struct cleat_reader *in,
                          struct cleat_sim_target *target) {
    struct cleat_bytes none;
    uint16_t oid = 0;
    target->session = NULL;
    if (cleat_sim_command_tlv(in, 0x07, &none)) {
        return none.len == 0 ? cleat_sim_command_end(in) : SIM_E_LENGTH;
    }
    if (!cleat_sim_command_tlv16(in, 0x08, &oid)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    target->session = cleat_sim_objects_session(s, oid);
    return target->session == NULL ? SIM_E_OID : cleat_sim_command_end(in);
}

int cleat_sim_keys_deliver(struct cleat_sim_target *target,
                           struct cleat_bytes secret,
                           struct cleat_writer *out) {
    struct cleat_sim_session *session = target->session;
    if (session == NULL) {
        cleat_write_bytes(out, secret);
        return SIM_OK;
    }
    if (secret.len > sizeof session->secret) {
        return SIM_E_MEMORY;
    }
    cleat_wipe(session, sizeof *session);
    memcpy(session->secret, secret.data, secret.len);
    session->secret_len = secret.len;
    return SIM_OK;
}
