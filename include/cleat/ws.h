/* SPDX-License-Identifier: MIT */
/*
 * MQTT over WebSocket (RFC 6455), the client's side, as a stream over another
 * stream (TCP, or TLS for wss). No clock, no heap; the random numbers, that
 * masks and the key of the handshake are made of, come from the caller. One
 * task owns it.
 */
#ifndef CLEAT_WS_H
#define CLEAT_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/error.h"
#include "cleat/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the buffer for what is sent; the request must fit. */
#define CLEAT_WS_OUT_MIN 512u
/** Longest line of the server's answer. */
#define CLEAT_WS_LINE_MAX 256u

/** Settings. Zero the struct, then set what you need: zero is the default.
 *  Everything pointed to must stay as long as the stream. */
struct cleat_ws_config {
    struct cleat_stream *lower; /**< Required. */
    const char *host; /**< For the Host field, with :PORT where it is not the
                           usual one. Required. */
    const char *path; /**< Begins with a slash. Default /mqtt. */
    const char *protocol; /**< Subprotocol. Default mqtt. */
    const char *origin;   /**< Origin field; NULL: none. */
    /** Fill len bytes. Required; a predictable one weakens what protects
     *  proxies in between, RFC 6455 10.3. @return 0 or an error. */
    int (*random)(void *arg, uint8_t *data, size_t len);
    void *random_arg;
    uint8_t *out_buf; /**< Frames on their way, masked. Required. */
    size_t out_cap;   /**< At least CLEAT_WS_OUT_MIN; larger: fewer frames. */
};

/** One connection at a time. The fields are private. */
struct cleat_ws {
    struct cleat_stream stream;
    struct cleat_ws_config config;
    uint8_t state;
    uint8_t in_state;
    struct cleat_detail detail;
    /* sending: bytes of out_buf that wait, from out_pos to out_len */
    size_t out_pos, out_len;
    uint8_t pong[125]; /* of the ping last received, to be answered */
    uint8_t pong_len;
    bool pong_due;
    bool close_due, close_sent;
    uint16_t close_code;
    /* handshake */
    char accept[29]; /* what the server must answer, and a NUL */
    char line[CLEAT_WS_LINE_MAX];
    size_t line_len, head_len;
    bool line_long;
    uint8_t seen; /* fields of the answer */
    /* receiving */
    uint8_t head[14];
    uint8_t head_have;
    uint8_t opcode; /* of the frame */
    bool final;
    bool in_message; /* a message was begun and not finished */
    uint64_t left;   /* bytes of the frame to come */
    uint8_t control[125];
    uint8_t control_len;
    uint8_t in[256]; /* read from below, not taken yet */
    size_t in_pos, in_len;
};

/** @return 0, CLEAT_ERR_ARG, or CLEAT_ERR_SIZE (the request does not fit
 *          out_buf). */
int cleat_ws_init(struct cleat_ws *w, const struct cleat_ws_config *config);
/** @return the connection's payload as a stream, valid as long as w. */
struct cleat_stream *cleat_ws_stream(struct cleat_ws *w);

#ifdef __cplusplus
}
#endif
#endif
