/* SPDX-License-Identifier: MIT */
/*
 * A two-way byte stream that never blocks. TCP, TLS, a test's pipe and a
 * recorded trace are interchangeable; TLS sits on one and is one. A stream is
 * opened and closed any number of times. One task owns a stream.
 */
#ifndef CLEAT_STREAM_H
#define CLEAT_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "cleat/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The five functions of a stream, and whose they are. */
struct cleat_stream {
    /**
     * Start connecting, or go on with it. Call until it does not say AGAIN.
     * @return 0 when bytes may flow; CLEAT_ERR_AGAIN while under way; any
     *         other error is final: call close, then open starts anew.
     */
    int (*open)(void *self, uint64_t now_ms);
    /**
     * @return bytes read (1..cap), CLEAT_ERR_AGAIN if none have arrived,
     *         CLEAT_ERR_CLOSED at the peer's orderly end, or an error.
     */
    int (*read)(void *self, uint8_t *data, size_t cap);
    /** @return bytes taken (1..len), CLEAT_ERR_AGAIN if none fit, or error. */
    int (*write)(void *self, const uint8_t *data, size_t len);
    /** End it and free what the connection held. Safe in any state. */
    void (*close)(void *self);
    /** What the last failure was about. May be NULL. */
    void (*detail)(void *self, struct cleat_detail *out);
    void *self; /**< First argument of the functions. */
};

#ifdef __cplusplus
}
#endif
#endif
