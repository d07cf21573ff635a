/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary bytes as the virtual chip's state file, with the check sum made
 * good so that the contents are reached.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "chip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cleat_sim *sim;
    static uint8_t good[32768];
    static size_t good_len;
    char why[128];
    uint8_t image[40000];
    if (sim == NULL) {
        struct cleat_sim_options o = {0};
        sim = cleat_sim_open(&o, why, sizeof why);
        if (sim == NULL) {
            abort();
        }
        sim->saved.set = true; /* with a connection in it */
        sim->saved.shielded = true;
        sim->saved.channel_set = true;
        good_len = cleat_sim_state_write(sim, good, sizeof good);
    }
    /* Pairs of position and value change a good image; then its length. */
    memcpy(image, good, good_len);
    size_t len = good_len - 32;
    for (size_t i = 0; i + 3 <= size; i += 3) {
        size_t at = ((size_t)data[i] << 8 | data[i + 1]) % len;
        image[at] = data[i + 2];
    }
    if (size % 3 != 0) {
        len = len * data[size - 1] / 255;
    }
    EVP_Digest(image, len, image + len, NULL, EVP_sha256(), NULL);
    (void)cleat_sim_state_read(sim, cleat_bytes_of(image, len + 32));
    (void)cleat_sim_state_read(sim, cleat_bytes_of(good, good_len));
    return 0;
}
