/* SPDX-License-Identifier: MIT */
/*
 * OpenApplication and CloseApplication, with hibernate and restore
 * (reference 6.1, 6.2).
 */
#include <string.h>

#include "chip.h"

/* Not published; polled every 5 ms they look as in the recordings. */
#define OPEN_US 18000
#define CLOSE_US 10000

static const uint8_t application_id[16] = {0xD2, 0x76, 0x00, 0x00, 0x04, 0x47,
                                           0x65, 0x6E, 0x41, 0x75, 0x74, 0x68,
                                           0x41, 0x70, 0x70, 0x6C};

static void forget_saved(struct cleat_sim *s) {
    if (s->saved.set) {
        cleat_wipe(&s->saved, sizeof s->saved);
        s->dirty = true;
    }
}

static int restore(struct cleat_sim *s, struct cleat_bytes handle) {
    bool good =
        s->saved.set && (!s->saved.shielded || s->shield.cmd_protected) &&
        handle.len == sizeof s->saved.handle &&
        cleat_equal_ct(s->saved.handle, handle.data, sizeof s->saved.handle);
    cleat_sim_chip_drop_sessions(s);
    if (good) {
        memcpy(s->sessions, s->saved.sessions, sizeof s->sessions);
    }
    forget_saved(s);
    s->open = good;
    return good ? SIM_OK : SIM_E_DATA;
}

int cleat_sim_cmd_open(struct cleat_sim *s, uint8_t param,
                       struct cleat_reader in, struct cleat_writer *out) {
    (void)out;
    if (param > 1) {
        return SIM_E_PARAM;
    }
    struct cleat_bytes id = cleat_read_bytes(&in, sizeof application_id);
    struct cleat_bytes handle = cleat_read_bytes(&in, param == 1 ? 8 : 0);
    if (in.failed || cleat_reader_left(&in) != 0) {
        return SIM_E_LENGTH;
    }
    if (!cleat_bytes_equal(
            id, cleat_bytes_of(application_id, sizeof application_id))) {
        return SIM_E_DATA;
    }
    cleat_sim_chip_cost_flat(s, OPEN_US);
    if (param == 1) {
        return restore(s, handle);
    }
    forget_saved(s);
    cleat_sim_chip_drop_sessions(s);
    s->open = true;
    return SIM_OK;
}

static int hibernate(struct cleat_sim *s, struct cleat_writer *out) {
    cleat_sim_chip_count_down(s);
    if (s->sec.count != 0) {
        return SIM_E_SEQUENCE;
    }
    if (cleat_sim_chip_random(s, s->saved.handle, sizeof s->saved.handle) !=
        0) {
        return SIM_E_INTERNAL;
    }
    memcpy(s->saved.sessions, s->sessions, sizeof s->sessions);
    s->saved.set = true;
    s->saved.shielded = s->shield.cmd_protected;
    cleat_write_bytes(out,
                      cleat_bytes_of(s->saved.handle, sizeof s->saved.handle));
    return SIM_OK;
}

int cleat_sim_cmd_close(struct cleat_sim *s, uint8_t param,
                        struct cleat_reader in, struct cleat_writer *out) {
    if (param > 1) {
        return SIM_E_PARAM;
    }
    if (cleat_reader_left(&in) != 0) {
        return SIM_E_LENGTH;
    }
    cleat_sim_chip_cost_flat(s, CLOSE_US);
    if (param == 1) {
        int code = hibernate(s, out);
        if (code != SIM_OK) {
            return code;
        }
    } else {
        forget_saved(s);
    }
    cleat_sim_chip_drop_sessions(s);
    s->open = false;
    s->dirty = true; /* the SEC goes to NVM */
    return SIM_OK;
}
