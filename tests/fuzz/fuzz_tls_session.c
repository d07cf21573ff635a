/* SPDX-License-Identifier: MIT */
/*
 * A session that was written down: whatever the file holds, it is refused, or
 * it is kept and mbedTLS loads it or says no.
 */
#include <mbedtls/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/tls_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S 1900000000
#define HEAD (4 + 8 + 32 + 32 + 4 + 128 + 2)

static struct cleat_tls_session kept;

static void load(struct cleat_bytes file) {
    mbedtls_ssl_session session;
    cleat_tls_session_init(&kept, 0);
    if (cleat_tls_session_import(&kept, NOW_S, file) != 0) {
        if (kept.len != 0) {
            abort();
        }
        return;
    }
    mbedtls_ssl_session_init(&session);
    (void)mbedtls_ssl_session_load(&session, kept.bytes, kept.len);
    mbedtls_ssl_session_free(&session);
}

/** The first bytes of mbedTLS's own form: its version and configuration. */
static size_t own_head(uint8_t *out, size_t cap) {
    mbedtls_ssl_session session;
    size_t len = 0;
    mbedtls_ssl_session_init(&session);
    session.MBEDTLS_PRIVATE(tls_version) = MBEDTLS_SSL_VERSION_TLS1_2;
    (void)mbedtls_ssl_session_save(&session, out, cap, &len);
    mbedtls_ssl_session_free(&session);
    return len < 9 ? len : 9;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t file[HEAD + 600] = {0};
    struct cleat_writer w = cleat_writer_of(file, sizeof file);
    uint8_t head[600];
    size_t head_len = own_head(head, sizeof head);
    load(cleat_bytes_of(data, size));
    if (size > 500) {
        return 0;
    }
    /* And with everything right but what mbedTLS reads. */
    cleat_write_u32(&w, 0xC1EA5E51u);
    cleat_write_u32(&w, 0);
    cleat_write_u32(&w, NOW_S - 5);
    w.len = HEAD - 2;
    cleat_write_u16(&w, (uint16_t)(head_len + size));
    cleat_write_bytes(&w, cleat_bytes_of(head, head_len));
    cleat_write_bytes(&w, cleat_bytes_of(data, size));
    load(cleat_bytes_of(file, w.len));
    return 0;
}
