/* SPDX-License-Identifier: MIT */
/*
 * Key pair and random bytes that the element made before the connection needed
 * them: taken here if they are there. Linked only if CLEAT_TLS_READY.
 */
#include "context.h"

#include "cleat/se_ready.h"

bool cleat_tls_ready_key(struct cleat_tls_ctx *c, enum cleat_curve curve,
                         struct cleat_buf *point) {
    if (c->config.ready == NULL) {
        return false;
    }
    int object = cleat_se_ready_take_key(c->config.ready, curve, point);
    if (object <= 0) {
        return false;
    }
    /* One object per connection: after a HelloRetryRequest the first one goes
       back. */
    cleat_tls_key_release(c);
    c->session_object = (uint16_t)object;
    c->run.calls.prepared++;
    return true;
}

bool cleat_tls_ready_random(struct cleat_tls_ctx *c, uint8_t *out, size_t len) {
    if (c->config.ready == NULL ||
        cleat_se_ready_take_random(c->config.ready, out, len) != 0) {
        return false;
    }
    c->run.calls.prepared++;
    return true;
}
