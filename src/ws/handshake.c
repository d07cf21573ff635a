/* SPDX-License-Identifier: MIT */
/* The opening handshake, RFC 6455 4.1: the request, and the answer read line
 * by line. Fields that do not matter may have any length. */
#include <string.h>

#include "ws/ws.h"

#define HEAD_MAX 8192u /* bytes of an answer */

enum {
    SEEN_STATUS = 1,
    SEEN_UPGRADE = 2,
    SEEN_CONNECTION = 4,
    SEEN_ACCEPT = 8,
    SEEN_PROTOCOL = 16,
    SEEN_ALL = 31
};

int cleat_ws_failed(struct cleat_ws *w, int err, int32_t code,
                    const char *text) {
    w->detail.layer = CLEAT_LAYER_NET;
    w->detail.code = code;
    w->detail.object = 0;
    w->detail.text = text;
    return err;
}

/* --- the request ------------------------------------------------------------
 */

/* No space and no control character, so that it stays one line. */
static bool one_word(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text == 0x7F) {
            return false;
        }
    }
    return true;
}

int cleat_ws_handshake_check(const struct cleat_ws_config *c) {
    bool good = c->host[0] != '\0' && one_word(c->host) && c->path[0] == '/' &&
                one_word(c->path) && c->protocol[0] != '\0' &&
                one_word(c->protocol) &&
                (c->origin == NULL || one_word(c->origin));
    return good ? CLEAT_OK : CLEAT_ERR_ARG;
}

static void put(struct cleat_writer *w, const char *a, const char *b) {
    cleat_write_bytes(w, cleat_bytes_str(a));
    cleat_write_bytes(w, cleat_bytes_str(b));
}

int cleat_ws_handshake_begin(struct cleat_ws *w) {
    const struct cleat_ws_config *c = &w->config;
    uint8_t nonce[16];
    char key[CLEAT_WS_KEY_LEN + 1];
    int err = c->random(c->random_arg, nonce, sizeof nonce);
    if (err != CLEAT_OK) {
        return cleat_ws_failed(w, err, 0,
                               CLEAT_TEXT("no random numbers for websocket"));
    }
    cleat_ws_base64(cleat_bytes_of(nonce, sizeof nonce), key);
    cleat_ws_accept(key, w->accept);
    struct cleat_writer out = cleat_writer_of(c->out_buf, c->out_cap);
    put(&out, "GET ", c->path);
    put(&out, " HTTP/1.1\r\nHost: ", c->host);
    put(&out, "\r\nUpgrade: websocket\r\nConnection: Upgrade", "");
    put(&out, "\r\nSec-WebSocket-Key: ", key);
    put(&out, "\r\nSec-WebSocket-Version: 13", "");
    put(&out, "\r\nSec-WebSocket-Protocol: ", c->protocol);
    if (c->origin != NULL) {
        put(&out, "\r\nOrigin: ", c->origin);
    }
    put(&out, "\r\n\r\n", "");
    w->out_pos = 0;
    w->out_len = out.failed ? 0 : out.len;
    w->line_len = w->head_len = 0;
    w->line_long = false;
    w->seen = 0;
    return out.failed ? CLEAT_ERR_SIZE : CLEAT_OK;
}

/* --- the answer --------------------------------------------------------------
 */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, size_t len, const char *word) {
    if (len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower(a[i]) != lower(word[i])) {
            return false;
        }
    }
    return true;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* Is the word one of a list with commas? */
static bool in_list(const char *list, size_t len, const char *word) {
    size_t begin = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && list[i] != ',') {
            continue;
        }
        size_t end = i;
        while (begin < end && is_space(list[begin])) {
            begin++;
        }
        while (end > begin && is_space(list[end - 1])) {
            end--;
        }
        if (same_word(list + begin, end - begin, word)) {
            return true;
        }
        begin = i + 1;
    }
    return false;
}

static int status_line(struct cleat_ws *w) {
    const char *l = w->line;
    if (w->line_len < 12 || memcmp(l, "HTTP/1.1 ", 9) != 0 || l[9] < '1' ||
        l[9] > '5' || l[10] < '0' || l[10] > '9' || l[11] < '0' ||
        l[11] > '9' || (w->line_len > 12 && l[12] != ' ')) {
        return cleat_ws_failed(
            w, CLEAT_ERR_PROTO, 0,
            CLEAT_TEXT("the answer is not http/1.1: no websocket there"));
    }
    int code = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
    w->seen = SEEN_STATUS;
    if (code == 101) {
        return 0;
    }
    bool denied = code == 401 || code == 403;
    return cleat_ws_failed(
        w, denied ? CLEAT_ERR_DENIED : CLEAT_ERR_PROTO, code,
        denied ? CLEAT_TEXT("the http server refused: not authorised")
               : CLEAT_TEXT("the http server does not switch to websocket"));
}

/* One field whose value is good or not. */
static int seen(struct cleat_ws *w, uint8_t what, bool good,
                const char *otherwise) {
    if (!good || (w->seen & what) != 0) {
        return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0, otherwise);
    }
    w->seen = (uint8_t)(w->seen | what);
    return 0;
}

static int take_field(struct cleat_ws *w, const char *name, size_t name_len,
                      const char *value, size_t len) {
    if (same_word(name, name_len, "Upgrade")) {
        return seen(w, SEEN_UPGRADE, same_word(value, len, "websocket"),
                    CLEAT_TEXT("the answer upgrades to something else"));
    }
    /* A list, which may be spread over several fields [RFC 9110 5.3]. */
    if (same_word(name, name_len, "Connection")) {
        if (in_list(value, len, "Upgrade")) {
            w->seen = (uint8_t)(w->seen | SEEN_CONNECTION);
        }
        return 0;
    }
    if (same_word(name, name_len, "Sec-WebSocket-Accept")) {
        bool good = len == CLEAT_WS_ACCEPT_LEN &&
                    memcmp(value, w->accept, CLEAT_WS_ACCEPT_LEN) == 0;
        return seen(w, SEEN_ACCEPT, good,
                    CLEAT_TEXT("the answer is not to our key"));
    }
    if (same_word(name, name_len, "Sec-WebSocket-Protocol")) {
        bool good = len == strlen(w->config.protocol) &&
                    memcmp(value, w->config.protocol, len) == 0;
        return seen(w, SEEN_PROTOCOL, good, /* [MQTT-6.0.0-4] */
                    CLEAT_TEXT("the server chose another subprotocol"));
    }
    if (same_word(name, name_len, "Sec-WebSocket-Extensions")) {
        return cleat_ws_failed(
            w, CLEAT_ERR_PROTO, 0,
            CLEAT_TEXT("the server chose an extension nobody offered"));
    }
    return 0;
}

static int field_line(struct cleat_ws *w) {
    const char *colon = memchr(w->line, ':', w->line_len);
    if (colon == NULL && w->line_long) {
        return 0; /* A name of that length is none of ours. */
    }
    if (colon == NULL || colon == w->line || is_space(colon[-1])) {
        return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0,
                               CLEAT_TEXT("a broken http field"));
    }
    const char *value = colon + 1;
    const char *end = w->line + w->line_len;
    while (value < end && is_space(*value)) {
        value++;
    }
    while (end > value && is_space(end[-1])) {
        end--;
    }
    return take_field(w, w->line, (size_t)(colon - w->line), value,
                      (size_t)(end - value));
}

/* @return 1 after the empty line, if all was there. */
static int take_line(struct cleat_ws *w) {
    if (w->seen == 0) {
        return status_line(w);
    }
    if (w->line_len > 0 || w->line_long) {
        return field_line(w);
    }
    if ((w->seen & SEEN_PROTOCOL) == 0) {
        return cleat_ws_failed(
            w, CLEAT_ERR_PROTO, 0,
            CLEAT_TEXT("the websocket server does not speak mqtt"));
    }
    if ((w->seen & SEEN_CONNECTION) == 0) {
        return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0,
                               CLEAT_TEXT("the answer does not upgrade"));
    }
    if (w->seen != SEEN_ALL) {
        return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0,
                               CLEAT_TEXT("an incomplete websocket answer"));
    }
    return 1;
}

/* @return 1 when a line is complete, 0, or an error. */
static int take_char(struct cleat_ws *w, char c) {
    bool after_cr = w->line_len > 0 && w->line[w->line_len - 1] == '\r';
    if (++w->head_len > HEAD_MAX) {
        return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0,
                               CLEAT_TEXT("an endless http answer"));
    }
    if (c == '\n' && after_cr) {
        w->line_len--;
        return 1;
    }
    if (after_cr || c == '\n' || c == '\0') {
        return cleat_ws_failed(w, CLEAT_ERR_PROTO, 0,
                               CLEAT_TEXT("a broken line in the http answer"));
    }
    /* The last place is for the end of a line that is too long. */
    if (w->line_len < sizeof w->line - 1 || c == '\r') {
        w->line[w->line_len++] = c;
    } else {
        w->line_long = true;
    }
    return 0;
}

int cleat_ws_handshake_input(struct cleat_ws *w, struct cleat_bytes bytes,
                             size_t *used) {
    for (*used = 0; *used < bytes.len;) {
        int n = take_char(w, (char)bytes.data[(*used)++]);
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            continue;
        }
        n = take_line(w);
        w->line_len = 0;
        w->line_long = false;
        if (n != 0) {
            return n;
        }
    }
    return 0;
}
