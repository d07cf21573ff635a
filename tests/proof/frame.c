/* SPDX-License-Identifier: MIT */
/* Frames of WebSocket: the head of one, whatever its bytes; a control frame
 * with up to 3 bytes or 125; and one that is sent, with up to 3 bytes or 126.
 */
/* slevel 1000 */
#include "proof.h"

/* Here for what it does not export. */
#include "ws/stream.c"

static uint8_t out[CLEAT_WS_OUT_MIN];

int cleat_ws_failed(struct cleat_ws *w, int err, int32_t code,
                    const char *text) {
    w->detail.code = code;
    w->detail.text = text;
    return err;
}

static int some(void *self, const uint8_t *data, size_t len) {
    (void)self;
    (void)data;
    return Frama_C_interval(0, 1) != 0 ? (int)len : Frama_C_interval(-1, 0);
}

static int any_bytes(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    Frama_C_make_unknown((char *)data, len);
    return Frama_C_interval(-1, 0);
}

static void head(struct cleat_ws *w) {
    Frama_C_make_unknown((char *)w->head, sizeof w->head);
    w->head_have = 2;
    w->head_have = (uint8_t)head_need(w);
    //@ split w->head_have;
    w->in_message = Frama_C_interval(0, 1) != 0;
    (void)take_head(w);
}

static void control(struct cleat_ws *w) {
    w->opcode = (uint8_t)Frama_C_interval(OP_CLOSE, OP_PONG);
    //@ split w->opcode;
    Frama_C_make_unknown((char *)w->control, sizeof w->control);
    int len = Frama_C_interval(0, 4);
    //@ split len;
    w->control_len = (uint8_t)(len < 4 ? len : CONTROL_MAX);
    (void)take_control(w);
}

/* A head and, of a control frame, what follows it, from what was read ahead. */
static void ahead(struct cleat_ws *w) {
    Frama_C_make_unknown((char *)w->in, sizeof w->in);
    int len = Frama_C_interval(0, 4);
    //@ split len;
    w->in_len = len < 4 ? (size_t)len : sizeof w->in;
    w->in_state = IN_HEAD;
    w->head_have = 2; /* That many of them are there. */
    Frama_C_make_unknown((char *)w->head, 2);
    if (take_some(w) == CLEAT_OK && w->in_state == IN_CONTROL) {
        (void)take_some(w);
    }
}

static void frame(struct cleat_ws *w) {
    uint8_t data[126];
    size_t len = (size_t)Frama_C_interval(0, 4);
    //@ split len;
    Frama_C_make_unknown((char *)data, sizeof data);
    (void)make_frame(w, OP_BINARY, data, len < 4 ? len : sizeof data);
}

int main(void) {
    struct cleat_ws w = {0};
    struct cleat_stream lower = {0};
    lower.write = some;
    w.config.lower = &lower;
    w.config.random = any_bytes;
    w.config.out_buf = out;
    w.config.out_cap = sizeof out;
    w.state = WS_UP;
    switch (Frama_C_interval(0, 3)) {
    case 0:
        head(&w);
        break;
    case 2:
        ahead(&w);
        break;
    case 1:
        control(&w);
        break;
    default:
        frame(&w);
        break;
    }
    return 0;
}
