/* SPDX-License-Identifier: MIT */
/*
 * GetRandom (reference 6.5): to the host, or into a session object as an RSA
 * pre-master secret or as a challenge to be authenticated.
 */
#include <string.h>

#include "chip.h"

enum { P_TRNG = 0x00, P_DRNG = 0x01, P_PREMASTER = 0x04 };

#define RANDOM_MIN 8
#define RANDOM_MAX 256
#define STORE_MAX 66
#define STORE_V1_MAX 48

/* length, session, 41 prefix: prefix and random together are the secret. */
static int store(struct cleat_sim *s, struct cleat_reader *in, size_t len,
                 struct cleat_bytes random) {
    struct cleat_bytes prefix;
    struct cleat_sim_session *session =
        cleat_sim_objects_session(s, cleat_read_u16(in));
    if (!cleat_sim_command_tlv(in, 0x41, &prefix) ||
        cleat_reader_left(in) != 0) {
        return SIM_E_LENGTH;
    }
    if (session == NULL) {
        return SIM_E_OID;
    }
    size_t most = cleat_sim_chip_is_v1(s) ? STORE_V1_MAX : STORE_MAX;
    if (prefix.len > most || len > most - prefix.len) {
        return SIM_E_DATA;
    }
    cleat_wipe(session, sizeof *session);
    memcpy(session->secret, prefix.data, prefix.len);
    memcpy(session->secret + prefix.len, random.data, len);
    session->secret_len = prefix.len + len;
    return SIM_OK;
}

int cleat_sim_cmd_random(struct cleat_sim *s, uint8_t param,
                         struct cleat_reader in, struct cleat_writer *out) {
    uint8_t random[RANDOM_MAX];
    if (param != P_TRNG && param != P_DRNG && param != P_PREMASTER) {
        return SIM_E_PARAM;
    }
    size_t len = cleat_read_u16(&in);
    bool kept = cleat_reader_left(&in) != 0; /* V1: the pre-master alone */
    if (in.failed ||
        (kept && param != P_PREMASTER && cleat_sim_chip_is_v1(s))) {
        return SIM_E_LENGTH;
    }
    if (len < RANDOM_MIN || len > RANDOM_MAX) {
        return SIM_E_DATA;
    }
    if (cleat_sim_chip_random(s, random, len) != 0) {
        return SIM_E_INTERNAL;
    }
    cleat_sim_chip_cost_as(s, 2000 + 40 * len, 15000);
    int code = SIM_OK;
    if (param == P_PREMASTER || kept) {
        code = store(s, &in, len, cleat_bytes_of(random, len));
    }
    if (code == SIM_OK && param != P_PREMASTER) {
        cleat_write_bytes(out, cleat_bytes_of(random, len));
    }
    cleat_wipe(random, sizeof random);
    return code;
}
