/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary APDUs to the virtual chip, longer than a transfer's fuzzer makes
 * them: each is two bytes of length and so many more. The application is open;
 * a trust anchor and a protected update secret are there.
 */
#include <stdlib.h>
#include <string.h>

#include "chip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t fuzz_clock(void *arg) {
    (void)arg;
    return 1000000;
}

static void retype(struct cleat_sim *s, uint16_t oid, uint8_t type,
                   struct cleat_bytes contents) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    static const uint8_t always = 0;
    (void)cleat_sim_meta_put(&o->meta, SIM_T_TYPE, cleat_bytes_of(&type, 1));
    (void)cleat_sim_meta_put(&o->meta, SIM_T_EXECUTE,
                             cleat_bytes_of(&always, 1));
    cleat_sim_objects_fill(o, contents);
}

static struct cleat_sim *the_chip(void) {
    static struct cleat_sim *sim;
    static uint8_t fresh[32768];
    static size_t fresh_len;
    static const uint8_t secret[16];
    char why[128];
    struct cleat_sim_options o = {.now_us = fuzz_clock};
    if (sim == NULL) {
        sim = cleat_sim_open(&o, why, sizeof why);
        if (sim == NULL) {
            abort();
        }
        struct cleat_bytes stored = cleat_sim_certificate(sim);
        retype(sim, 0xE0E8, 0x11,
               cleat_bytes_of(stored.data + 9, stored.len - 9));
        retype(sim, 0xF1D4, 0x23, cleat_bytes_of(secret, sizeof secret));
        fresh_len = cleat_sim_state_write(sim, fresh, sizeof fresh);
    }
    if (cleat_sim_state_read(sim, cleat_bytes_of(fresh, fresh_len)) != 0) {
        abort();
    }
    cleat_sim_chip_reset(sim);
    sim->open = true;
    return sim;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t apdu[SIM_APDU_MAX];
    static uint8_t out[SIM_APDU_MAX];
    struct cleat_sim *sim = the_chip();
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, size));
    for (int i = 0; i < 16 && cleat_reader_left(&r) > 2; i++) {
        size_t len = cleat_read_u16(&r);
        size_t left = cleat_reader_left(&r);
        len = len < left ? len : left;
        len = len < sizeof apdu ? len : sizeof apdu;
        struct cleat_bytes part = cleat_read_bytes(&r, len);
        memcpy(apdu, part.data, len);
        if (len > 4) { /* its length is right, and no RSA key is made */
            apdu[2] = (uint8_t)((len - 4) >> 8);
            apdu[3] = (uint8_t)(len - 4);
            bool slow = (apdu[0] & 0x7F) == 0x38 && (apdu[1] & 0xF0) == 0x40;
            apdu[1] = slow ? 0x03 : apdu[1];
        }
        size_t n =
            cleat_sim_command_run(sim, cleat_bytes_of(apdu, len), false, out);
        if (n < 4 || n > sizeof out ||
            (size_t)(out[2] << 8 | out[3]) != n - 4) {
            abort();
        }
    }
    return 0;
}
