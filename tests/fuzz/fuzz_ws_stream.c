/* SPDX-License-Identifier: MIT */
/*
 * What a WebSocket server may send. The first byte chooses: a good answer and
 * then the input as frames, or the input as the answer; and how it is cut up.
 */
#include <stdlib.h>
#include <string.h>

#include "cleat/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char answer[] =
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n";

static struct {
    struct cleat_bytes parts[2];
    size_t step, turn;
} in;

static int wire_open(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    return CLEAT_OK;
}

static int wire_read(void *self, uint8_t *data, size_t cap) {
    (void)self;
    struct cleat_bytes *p = in.parts[0].len > 0 ? &in.parts[0] : &in.parts[1];
    if (p->len == 0) {
        return CLEAT_ERR_CLOSED;
    }
    if (++in.turn % 4 == 0) {
        return CLEAT_ERR_AGAIN;
    }
    size_t n = p->len < in.step ? p->len : in.step;
    n = n < cap ? n : cap;
    memcpy(data, p->data, n);
    p->data += n;
    p->len -= n;
    return (int)n;
}

static int wire_write(void *self, const uint8_t *data, size_t len) {
    static volatile uint8_t sink;
    (void)self;
    if (len == 0) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        sink = data[i];
    }
    (void)sink;
    return ++in.turn % 3 == 0 ? CLEAT_ERR_AGAIN : 1 + (int)((len - 1) / 2);
}

static void wire_close(void *self) {
    (void)self;
}

static int fixed_random(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    memcpy(data, "the sample nonce", len < 16 ? len : 16);
    return CLEAT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cleat_stream lower = {wire_open,  wire_read, wire_write,
                                        wire_close, NULL,      NULL};
    static uint8_t out[CLEAT_WS_OUT_MIN];
    static const size_t steps[] = {1, 2, 3, 7, 64, 300, 4096, 65536};
    struct cleat_ws w;
    struct cleat_ws_config c;
    uint8_t got[300];
    if (size == 0) {
        return 0;
    }
    memset(&c, 0, sizeof c);
    c.lower = &lower;
    c.host = "h";
    c.random = fixed_random;
    c.out_buf = out;
    c.out_cap = sizeof out;
    in.parts[0] =
        (data[0] & 1) != 0 ? cleat_bytes_str(answer) : cleat_bytes_of(NULL, 0);
    in.parts[1] = cleat_bytes_of(data + 1, size - 1);
    in.step = steps[data[0] >> 1 & 7];
    in.turn = 0;
    if (cleat_ws_init(&w, &c) != CLEAT_OK) {
        abort();
    }
    struct cleat_stream *s = cleat_ws_stream(&w);
    int n;
    do {
        n = s->open(s->self, 0);
    } while (n == CLEAT_ERR_AGAIN);
    size_t total = 0;
    while (n >= 0 || n == CLEAT_ERR_AGAIN) {
        size_t cap = 1 + data[0] % sizeof got;
        n = s->read(s->self, got, cap);
        if (n > (int)cap) {
            abort();
        }
        total += n > 0 ? (size_t)n : 0;
        (void)s->write(s->self, got, cap);
    }
    if (total > size) {
        abort();
    }
    s->close(s->self);
    return 0;
}
