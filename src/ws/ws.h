/* SPDX-License-Identifier: MIT */
/* What the parts of the WebSocket stream share: handshake.c (request and
 * answer), accept.c (the key in them), stream.c (frames). */
#ifndef CLEAT_WS_WS_H
#define CLEAT_WS_WS_H

#include "cleat/ws.h"

#define CLEAT_WS_KEY_LEN 24u    /* 16 bytes in base64 */
#define CLEAT_WS_ACCEPT_LEN 28u /* 20 bytes in base64 */

/* Base64 with padding and a NUL; out has room for (len + 2) / 3 * 4 + 1. */
void cleat_ws_base64(struct cleat_bytes in, char *out);
/* What the server must answer to this key, RFC 6455 4.2.2. */
void cleat_ws_accept(const char *key, char out[CLEAT_WS_ACCEPT_LEN + 1]);

/* @return 0, or CLEAT_ERR_ARG for texts that would break the request. */
int cleat_ws_handshake_check(const struct cleat_ws_config *config);
/* Put the request into out_buf. @return 0, _SIZE, or what random said. */
int cleat_ws_handshake_begin(struct cleat_ws *w);
/* Take bytes of the answer. @return 1 when it is complete and good, 0 when
 * more is needed, or an error with w->detail; *used bytes were taken. */
int cleat_ws_handshake_input(struct cleat_ws *w, struct cleat_bytes bytes,
                             size_t *used);

/* Keep words for what went wrong. @return err. */
int cleat_ws_failed(struct cleat_ws *w, int err, int32_t code,
                    const char *text);

#endif
