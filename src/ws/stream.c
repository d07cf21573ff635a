/* SPDX-License-Identifier: MIT */
/* Frames both ways, RFC 6455 5: what is written becomes masked binary frames,
 * what comes in is unpacked, and pings and closes are answered in between. */
#include <string.h>

#include "ws/ws.h"

enum ws_state { WS_IDLE, WS_LOWER, WS_ANSWER, WS_UP, WS_OVER };

enum in_state { IN_HEAD, IN_DATA, IN_CONTROL };

enum opcode {
    OP_CONTINUE = 0,
    OP_TEXT = 1,
    OP_BINARY = 2,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10
};

#define FINAL 0x80u
#define MASKED 0x80u
#define HEAD_OUT_MAX 14u
#define CONTROL_MAX 125u

enum { CLOSE_NORMAL = 1000, CLOSE_PROTOCOL = 1002, CLOSE_NOT_BINARY = 1003 };

/* --- sending -----------------------------------------------------------------
 */

/* @return 0 when nothing waits any more, AGAIN or an error. */
static int flush(struct cleat_ws *w) {
    struct cleat_stream *lower = w->config.lower;
    while (w->out_pos < w->out_len) {
        int n = lower->write(lower->self, w->config.out_buf + w->out_pos,
                             w->out_len - w->out_pos);
        if (n <= 0) {
            return n == 0 ? CLEAT_ERR_AGAIN : n;
        }
        w->out_pos += (size_t)n;
    }
    w->out_pos = w->out_len = 0;
    return CLEAT_OK;
}

/* Put a frame into the empty out_buf. */
static int make_frame(struct cleat_ws *w, uint8_t opcode, const uint8_t *data,
                      size_t len) {
    const struct cleat_ws_config *c = &w->config;
    uint8_t mask[4];
    int err = c->random(c->random_arg, mask, sizeof mask);
    if (err != CLEAT_OK) {
        return cleat_ws_failed(w, err, 0,
                               CLEAT_TEXT("no random numbers for websocket"));
    }
    struct cleat_writer out = cleat_writer_of(c->out_buf, c->out_cap);
    cleat_write_u8(&out, (uint8_t)(FINAL | opcode));
    if (len < 126) {
        cleat_write_u8(&out, (uint8_t)(MASKED | len));
    } else if (len <= UINT16_MAX) {
        cleat_write_u8(&out, MASKED | 126u);
        cleat_write_u16(&out, (uint16_t)len);
    } else {
        cleat_write_u8(&out, MASKED | 127u);
        cleat_write_u32(&out, 0);
        cleat_write_u32(&out, (uint32_t)len);
    }
    cleat_write_bytes(&out, cleat_bytes_of(mask, sizeof mask));
    for (size_t i = 0; i < len; i++) {
        c->out_buf[out.len + i] = data[i] ^ mask[i & 3u];
    }
    w->out_pos = 0;
    w->out_len = out.len + len;
    return CLEAT_OK;
}

/* The answers that are due, one after the other, as room comes. */
static int send_due(struct cleat_ws *w) {
    int err = flush(w);
    if (err == CLEAT_OK && w->pong_due && !w->close_sent) {
        w->pong_due = false;
        err = make_frame(w, OP_PONG, w->pong, w->pong_len);
        err = err == CLEAT_OK ? flush(w) : err;
    }
    if (err == CLEAT_OK && w->close_due && !w->close_sent) {
        const uint8_t code[2] = {(uint8_t)(w->close_code >> 8),
                                 (uint8_t)w->close_code};
        w->close_sent = true;
        err = make_frame(w, OP_CLOSE, code, sizeof code);
        err = err == CLEAT_OK ? flush(w) : err;
    }
    return err;
}

static void say_close(struct cleat_ws *w, uint16_t code) {
    if (!w->close_due) {
        w->close_due = true;
        w->close_code = code;
    }
    (void)send_due(w);
}

static int ws_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_ws *w = self;
    if (w->state != WS_UP) {
        return CLEAT_ERR_STATE;
    }
    int err = send_due(w);
    if (err != CLEAT_OK) {
        return err;
    }
    size_t most = w->config.out_cap - HEAD_OUT_MAX;
    size_t n = len < most ? len : most;
    n = n < INT32_MAX ? n : INT32_MAX;
    if (n == 0) {
        return CLEAT_ERR_AGAIN;
    }
    err = make_frame(w, OP_BINARY, data, n);
    if (err == CLEAT_OK) {
        err = flush(w); /* The rest goes with the next call of any kind. */
    }
    return err == CLEAT_OK || err == CLEAT_ERR_AGAIN ? (int)n : err;
}

/* --- receiving
 * ---------------------------------------------------------------- */

static int broken(struct cleat_ws *w, const char *text) {
    say_close(w, w->opcode == OP_TEXT ? CLOSE_NOT_BINARY : CLOSE_PROTOCOL);
    w->state = WS_OVER;
    return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0, text);
}

/* @return bytes of the head of a frame, as far as it tells. */
static size_t head_need(const struct cleat_ws *w) {
    if (w->head_have < 2) {
        return 2;
    }
    uint8_t len = w->head[1] & 0x7Fu;
    return len == 127 ? 10 : len == 126 ? 4 : 2;
}

/* Words for what is wrong; never NULL. */
#define WRONG(words) (CLEAT_TEXTS ? (words) : "")

/* May this kind of frame come now? @return words if not. */
static const char *opcode_check(const struct cleat_ws *w) {
    switch (w->opcode) {
    case OP_CONTINUE:
        return w->in_message ? NULL
                             : WRONG("a continuation of no websocket message");
    case OP_BINARY:
        return w->in_message ? WRONG("a websocket message within another")
                             : NULL;
    case OP_CLOSE:
    case OP_PING:
    case OP_PONG:
        return w->final && w->left <= CONTROL_MAX
                   ? NULL
                   : WRONG("a websocket control frame in pieces or too long");
    default: /* Text, [MQTT-6.0.0-1], and what is not defined. */
        return WRONG("a websocket frame that is not binary");
    }
}

static uint64_t take_length(struct cleat_reader *r, uint8_t len,
                            bool *shortest) {
    uint64_t v = len;
    *shortest = true;
    if (len == 126) {
        v = cleat_read_u16(r);
        *shortest = v >= 126;
    } else if (len == 127) {
        v = (uint64_t)cleat_read_u32(r) << 32;
        v |= cleat_read_u32(r);
        *shortest = v > UINT16_MAX && v <= INT64_MAX;
    }
    return v;
}

static int take_head(struct cleat_ws *w) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(w->head, w->head_have));
    uint8_t first = cleat_read_u8(&r);
    uint8_t second = cleat_read_u8(&r);
    bool shortest;
    w->left = take_length(&r, second & 0x7Fu, &shortest);
    w->head_have = 0;
    w->opcode = first & 0x0Fu;
    w->final = (first & FINAL) != 0;
    if ((first & 0x70u) != 0) {
        return broken(w, WRONG("a reserved bit in a websocket frame"));
    }
    if ((second & MASKED) != 0) {
        return broken(w, WRONG("a masked websocket frame of a server"));
    }
    if (!shortest) {
        return broken(w, WRONG("a wrong length of a websocket frame"));
    }
    const char *wrong = opcode_check(w);
    if (wrong != NULL) {
        return broken(w, wrong);
    }
    if ((w->opcode & 8u) == 0) {
        w->in_message = !w->final;
        w->in_state = IN_DATA;
    } else {
        w->control_len = 0;
        w->in_state = IN_CONTROL;
    }
    return CLEAT_OK;
}

/* RFC 6455 7.4: codes that may travel. */
static bool close_code_ok(uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static int take_close(struct cleat_ws *w) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(w->control, w->control_len));
    uint16_t code = w->control_len == 0 ? CLOSE_NORMAL : cleat_read_u16(&r);
    if (r.failed || !close_code_ok(code)) {
        return broken(w, WRONG("a broken websocket close"));
    }
    say_close(w, code);
    w->state = WS_OVER;
    return cleat_ws_failed(w, CLEAT_ERR_CLOSED, code,
                           CLEAT_TEXT("the server closed the websocket"));
}

static int take_control(struct cleat_ws *w) {
    w->in_state = IN_HEAD;
    if (w->opcode == OP_CLOSE) {
        return take_close(w);
    }
    if (w->opcode == OP_PING) { /* Only the latest needs an answer, 5.5.3. */
        memcpy(w->pong, w->control, w->control_len);
        w->pong_len = w->control_len;
        w->pong_due = true;
        int err = send_due(w);
        return err == CLEAT_ERR_AGAIN ? CLEAT_OK : err;
    }
    return CLEAT_OK;
}

/* Bytes read ahead. @return 0, or what the stream below says. */
static int fill(struct cleat_ws *w) {
    struct cleat_stream *lower = w->config.lower;
    if (w->in_pos < w->in_len) {
        return CLEAT_OK;
    }
    int n = lower->read(lower->self, w->in, sizeof w->in);
    if (n <= 0) {
        return n == 0 ? CLEAT_ERR_CLOSED : n;
    }
    w->in_pos = 0;
    w->in_len = (size_t)n;
    return CLEAT_OK;
}

/* Move up to n bytes that were read ahead. @return how many. */
static size_t take_in(struct cleat_ws *w, uint8_t *to, size_t n) {
    size_t have = w->in_len - w->in_pos;
    n = n < have ? n : have;
    memcpy(to, w->in + w->in_pos, n);
    w->in_pos += n;
    return n;
}

/* @return bytes given to the caller, or as read. */
static int read_data(struct cleat_ws *w, uint8_t *data, size_t cap) {
    struct cleat_stream *lower = w->config.lower;
    size_t most = cap < INT32_MAX ? cap : INT32_MAX;
    most = w->left < most ? (size_t)w->left : most;
    int n = w->in_pos < w->in_len ? (int)take_in(w, data, most)
                                  : lower->read(lower->self, data, most);
    if (n > 0) {
        w->left -= (uint64_t)n;
        w->in_state = w->left == 0 ? IN_HEAD : IN_DATA;
    }
    return n == 0 ? CLEAT_ERR_CLOSED : n;
}

/* Take what has been read ahead, short of data. @return 0 or an error. */
static int take_some(struct cleat_ws *w) {
    if (w->in_state == IN_HEAD) {
        size_t need = head_need(w) - w->head_have;
        w->head_have =
            (uint8_t)(w->head_have + take_in(w, w->head + w->head_have, need));
        if (w->head_have < head_need(w)) {
            return CLEAT_OK;
        }
        int err = take_head(w);
        if (err != CLEAT_OK || w->left > 0) {
            return err;
        }
    } else {
        size_t n = take_in(w, w->control + w->control_len, (size_t)w->left);
        w->control_len = (uint8_t)(w->control_len + n);
        w->left -= n;
    }
    if (w->left > 0) {
        return CLEAT_OK;
    }
    if (w->in_state == IN_CONTROL) {
        return take_control(w);
    }
    w->in_state = IN_HEAD; /* A frame without bytes. */
    return CLEAT_OK;
}

static int ws_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_ws *w = self;
    if (w->state != WS_UP) {
        return w->state == WS_OVER ? CLEAT_ERR_CLOSED : CLEAT_ERR_STATE;
    }
    if (cap == 0) {
        return CLEAT_ERR_ARG;
    }
    int err = send_due(w);
    if (err != CLEAT_OK && err != CLEAT_ERR_AGAIN) {
        return err;
    }
    for (;;) {
        if (w->in_state == IN_DATA) {
            return read_data(w, data, cap);
        }
        err = fill(w);
        if (err == CLEAT_OK) {
            err = take_some(w);
        }
        if (err != CLEAT_OK) {
            return err;
        }
    }
}

/* --- the stream
 * ---------------------------------------------------------------- */

static int read_answer(struct cleat_ws *w) {
    for (;;) {
        size_t used;
        int err = fill(w);
        if (err != CLEAT_OK) {
            return err == CLEAT_ERR_CLOSED
                       ? cleat_ws_failed(
                             w, err, 0,
                             CLEAT_TEXT("the server hung up during the "
                                        "websocket handshake"))
                       : err;
        }
        int n = cleat_ws_handshake_input(
            w, cleat_bytes_of(w->in + w->in_pos, w->in_len - w->in_pos), &used);
        w->in_pos += used;
        if (n != 0) {
            w->state = n > 0 ? WS_UP : WS_OVER;
            return n > 0 ? CLEAT_OK : n;
        }
    }
}

static void reset(struct cleat_ws *w) {
    w->state = WS_LOWER;
    w->in_state = IN_HEAD;
    memset(&w->detail, 0, sizeof w->detail);
    w->out_pos = w->out_len = 0;
    w->in_pos = w->in_len = 0;
    w->head_have = 0;
    w->in_message = w->pong_due = w->close_due = w->close_sent = false;
}

static int ws_open(void *self, uint64_t now_ms) {
    struct cleat_ws *w = self;
    struct cleat_stream *lower = w->config.lower;
    if (w->state == WS_IDLE) {
        reset(w);
    }
    if (w->state == WS_LOWER) {
        int err = lower->open(lower->self, now_ms);
        if (err == CLEAT_OK) {
            err = cleat_ws_handshake_begin(w);
        }
        if (err != CLEAT_OK) {
            return err;
        }
        w->state = WS_ANSWER;
    }
    if (w->state == WS_ANSWER) {
        int err = flush(w);
        return err != CLEAT_OK ? err : read_answer(w);
    }
    return w->state == WS_UP ? CLEAT_OK : CLEAT_ERR_STATE;
}

static void ws_close(void *self) {
    struct cleat_ws *w = self;
    if (w->state == WS_UP) {
        say_close(w, CLOSE_NORMAL);
    }
    if (w->state != WS_IDLE) {
        w->config.lower->close(w->config.lower->self);
    }
    w->state = WS_IDLE;
}

static void ws_detail(void *self, struct cleat_detail *out) {
    struct cleat_ws *w = self;
    struct cleat_stream *lower = w->config.lower;
    if (w->detail.text == NULL && w->detail.code == 0 &&
        lower->detail != NULL) {
        lower->detail(lower->self, out);
        return;
    }
    *out = w->detail;
}

int cleat_ws_init(struct cleat_ws *w, const struct cleat_ws_config *config) {
    memset(w, 0, sizeof *w);
    w->config = *config;
    struct cleat_ws_config *c = &w->config;
    c->path = c->path == NULL ? "/mqtt" : c->path;
    c->protocol = c->protocol == NULL ? "mqtt" : c->protocol;
    if (c->lower == NULL || c->host == NULL || c->random == NULL ||
        c->out_buf == NULL || cleat_ws_handshake_check(c) != CLEAT_OK) {
        return CLEAT_ERR_ARG;
    }
    size_t texts = strlen(c->host) + strlen(c->path) + strlen(c->protocol) +
                   (c->origin == NULL ? 0 : strlen(c->origin));
    if (c->out_cap < CLEAT_WS_OUT_MIN || texts > c->out_cap - 256) {
        return CLEAT_ERR_SIZE;
    }
    w->stream.open = ws_open;
    w->stream.read = ws_read;
    w->stream.write = ws_write;
    w->stream.close = ws_close;
    w->stream.detail = ws_detail;
    w->stream.self = w;
    return CLEAT_OK;
}

struct cleat_stream *cleat_ws_stream(struct cleat_ws *w) {
    return &w->stream;
}
