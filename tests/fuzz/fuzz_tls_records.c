/* SPDX-License-Identifier: MIT */
/*
 * A server that says anything: a real one answers, and the input says which of
 * its bytes to change (two bytes of offset, one of value, again and again).
 * Whatever it says, opening ends, and everything is given back.
 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok) {
        abort();
    }
}

static struct rig r;
static const uint8_t *patches;
static size_t patches_len;
static int (*plain_read)(void *self, uint8_t *data, size_t cap);

static int patched_read(void *self, uint8_t *data, size_t cap) {
    size_t start = r.server.delivered;
    int n = plain_read(self, data, cap);
    struct cleat_reader in =
        cleat_reader_of(cleat_bytes_of(patches, patches_len));
    while (n > 0 && cleat_reader_left(&in) >= 3) {
        size_t at = cleat_read_u16(&in) & 0x0FFF;
        uint8_t value = cleat_read_u8(&in);
        if (at >= start && at < start + (size_t)n) {
            data[at - start] = (uint8_t)(data[at - start] ^ value);
        }
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cleat_detail detail;
    if (rig_pki.ca.key == NULL) {
        void *none = NULL;
        rig_group_setup(&none);
    }
    rig_init(&r);
    server_init(&r.server, &r.spec);
    patches = data;
    patches_len = size;
    plain_read = r.server.stream.read;
    r.server.stream.read = patched_read;
    check(cleat_tls_init(&r.tls, &r.config, &detail) == 0);
    r.stream = cleat_tls_stream(&r.tls);
    int err = rig_connect(&r);
    check(err != CLEAT_ERR_AGAIN);
    if (err != 0) {
        check(cleat_tls_get_failure(&r.tls) != CLEAT_TLS_FINE);
        check(cleat_tls_explain(&r.tls, r.words, sizeof r.words) > 0);
    }
    cleat_tls_deinit(&r.tls);
    check(r.element.se.sessions_used == 0);
    server_deinit(&r.server);
    element_deinit(&r.element);
    return 0;
}
