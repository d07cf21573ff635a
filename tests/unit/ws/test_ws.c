/* SPDX-License-Identifier: MIT */
/* The WebSocket stream against a scripted server: handshake and frames, each
 * split at every byte, and everything a server may do wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ws/ws.h"

#define OUT_CAP 600u

/* The stream below: what the server sends, and what it got. */
struct wire {
    struct cleat_stream stream;
    uint8_t in[200000];
    size_t in_len, in_pos, in_end; /* readable up to in_end */
    uint8_t out[200000];
    size_t out_len, room; /* bytes that may be written now */
    bool at_end;          /* after in_len: the server has hung up */
    int opens, closes;
};

static struct wire wire;
static struct cleat_ws ws;
static struct cleat_stream *s;
static uint8_t out_buf[OUT_CAP];
static uint8_t rng_next;

static int wire_open(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    wire.opens++;
    return wire.opens == 1 ? CLEAT_ERR_AGAIN : CLEAT_OK;
}

static int wire_read(void *self, uint8_t *data, size_t cap) {
    size_t n = wire.in_end - wire.in_pos;
    (void)self;
    if (n == 0) {
        return wire.at_end && wire.in_pos == wire.in_len ? CLEAT_ERR_CLOSED
                                                         : CLEAT_ERR_AGAIN;
    }
    n = n < cap ? n : cap;
    memcpy(data, wire.in + wire.in_pos, n);
    wire.in_pos += n;
    return (int)n;
}

static int wire_write(void *self, const uint8_t *data, size_t len) {
    size_t n = len < wire.room ? len : wire.room;
    (void)self;
    if (n == 0) {
        return CLEAT_ERR_AGAIN;
    }
    memcpy(wire.out + wire.out_len, data, n);
    wire.out_len += n;
    wire.room -= n;
    return (int)n;
}

static void wire_close(void *self) {
    (void)self;
    wire.closes++;
}

/* The nonce is the example of RFC 6455 1.2, masks count up. */
static int fixed_random(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    if (len == 16) {
        memcpy(data, "the sample nonce", 16);
        return CLEAT_OK;
    }
    for (size_t i = 0; i < len; i++) {
        data[i] = rng_next++;
    }
    return CLEAT_OK;
}

static const char good_answer[] =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: WebSocket\r\n"
    "Connection: keep-alive, upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "Sec-WebSocket-Protocol: mqtt\r\n"
    "\r\n";

static void feed(const void *data, size_t len) {
    memcpy(wire.in + wire.in_len, data, len);
    wire.in_len += len;
    wire.in_end = wire.in_len;
}

static void start(const char *answer) {
    struct cleat_ws_config c;
    memset(&wire, 0, sizeof wire);
    memset(&c, 0, sizeof c);
    wire.room = SIZE_MAX;
    wire.stream = (struct cleat_stream){wire_open,  wire_read, wire_write,
                                        wire_close, NULL,      NULL};
    c.lower = &wire.stream;
    c.host = "broker.example:8080";
    c.random = fixed_random;
    c.out_buf = out_buf;
    c.out_cap = sizeof out_buf;
    rng_next = 1;
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_OK);
    s = cleat_ws_stream(&ws);
    feed(answer, strlen(answer));
}

static int open_all(void) {
    int err = s->open(s->self, 0);
    return err == CLEAT_ERR_AGAIN ? s->open(s->self, 0) : err;
}

static void start_up(void) {
    start(good_answer);
    assert_int_equal(open_all(), CLEAT_OK);
    wire.out_len = 0;
}

/* Read until nothing comes. @return the last error; *len bytes are in data. */
static int read_all(uint8_t *data, size_t cap, size_t *len) {
    for (*len = 0;;) {
        int n = s->read(s->self, data + *len, cap - *len);
        if (n <= 0) {
            return n;
        }
        *len += (size_t)n;
    }
}

static void expect_detail(const char *words) {
    struct cleat_detail d;
    s->detail(s->self, &d);
    assert_non_null(d.text);
    if (strstr(d.text, words) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", d.text, words);
    }
}

static void the_request_is_that_of_the_standard(void **state) {
    static const char want[] =
        "GET /mqtt HTTP/1.1\r\nHost: broker.example:8080\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    (void)state;
    start(good_answer);
    assert_int_equal(s->open(s->self, 0), CLEAT_ERR_AGAIN);
    assert_int_equal(wire.out_len, 0);
    assert_int_equal(s->open(s->self, 0), CLEAT_OK);
    assert_int_equal(wire.out_len, sizeof want - 1);
    assert_memory_equal(wire.out, want, sizeof want - 1);
    assert_int_equal(s->open(s->self, 0), CLEAT_OK);
}

static void the_handshake_works_split_at_every_byte(void **state) {
    (void)state;
    for (size_t cut = 0; cut < sizeof good_answer - 1; cut++) {
        start(good_answer);
        wire.in_end = cut;
        wire.room = cut;
        assert_int_equal(open_all(), CLEAT_ERR_AGAIN);
        wire.room = SIZE_MAX;
        assert_int_equal(s->open(s->self, 0), CLEAT_ERR_AGAIN);
        wire.in_end = wire.in_len;
        assert_int_equal(s->open(s->self, 0), CLEAT_OK);
        start(good_answer); /* And hung up there. */
        wire.in_len = wire.in_end = cut;
        wire.at_end = true;
        assert_int_equal(open_all(), CLEAT_ERR_CLOSED);
        expect_detail("hung up");
    }
}

static void a_list_may_be_spread_over_fields(void **state) {
    static const char *const lists[] = {
        "Connection: keep-alive\r\nConnection: upgrade\r\n",
        "Connection: upgrade\r\nConnection: keep-alive\r\n"};
    static const char one[] = "Connection: keep-alive, upgrade\r\n";
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char answer[1024];
        const char *at = strstr(good_answer, one);
        assert_non_null(at);
        snprintf(answer, sizeof answer, "%.*s%s%s", (int)(at - good_answer),
                 good_answer, lists[i], at + sizeof one - 1);
        start(answer);
        assert_int_equal(open_all(), CLEAT_OK);
        s->close(s->self);
    }
}

static void wrong_answers_are_refused_in_words(void **state) {
    static const struct {
        const char *from, *to, *words;
        int err;
    } wrong[] = {
        {"HTTP/1.1 101", "HTTP/1.0 101", "not http/1.1", CLEAT_ERR_PROTO},
        {"HTTP/1.1 101", "MQTT", "not http/1.1", CLEAT_ERR_PROTO},
        {"101 S", "200 S", "does not switch", CLEAT_ERR_PROTO},
        {"101 S", "401 S", "not authorised", CLEAT_ERR_DENIED},
        {"101 S", "403 S", "not authorised", CLEAT_ERR_DENIED},
        {"101 S", "1012 ", "not http", CLEAT_ERR_PROTO},
        {"101 S", "10", "not http", CLEAT_ERR_PROTO},
        {"WebSocket\r\nC", "h2c\r\nC", "something else", CLEAT_ERR_PROTO},
        {"Upgrade: WebSocket\r\n", "", "incomplete", CLEAT_ERR_PROTO},
        {"alive, upgrade", "alive, upgrades", "does not upgrade",
         CLEAT_ERR_PROTO},
        {"Connection: keep-alive, upgrade\r\n", "", "does not upgrade",
         CLEAT_ERR_PROTO},
        {"s3pP", "S3pP", "our key", CLEAT_ERR_PROTO},
        {"xOo=", "xOo", "our key", CLEAT_ERR_PROTO},
        {"xOo=", "xOo==", "our key", CLEAT_ERR_PROTO},
        {"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "",
         "incomplete", CLEAT_ERR_PROTO},
        {"Protocol: mqtt", "Protocol: mqttv3.1", "another subprotocol",
         CLEAT_ERR_PROTO},
        {"Protocol: mqtt", "Protocol: MQTT", "another subprotocol",
         CLEAT_ERR_PROTO},
        {"Sec-WebSocket-Protocol: mqtt\r\n", "", "does not speak mqtt",
         CLEAT_ERR_PROTO},
        {"Sec-WebSocket-Protocol: mqtt\r\n",
         "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: mqtt\r\n",
         "another subprotocol", CLEAT_ERR_PROTO},
        {"\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         "extension", CLEAT_ERR_PROTO},
        {"\r\n\r\n", "\r\nno field\r\n\r\n", "broken http field",
         CLEAT_ERR_PROTO},
        {"\r\n\r\n", "\r\n: x\r\n\r\n", "broken http field", CLEAT_ERR_PROTO},
        {"\r\n\r\n", "\r\nX : y\r\n\r\n", "broken http field", CLEAT_ERR_PROTO},
        {"\r\n\r\n", "\n\n", "broken line", CLEAT_ERR_PROTO},
        {"Upgrade:", "Up\rgrade:", "broken line", CLEAT_ERR_PROTO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char answer[1024];
        const char *at = strstr(good_answer, wrong[i].from);
        assert_non_null(at);
        snprintf(answer, sizeof answer, "%.*s%s%s", (int)(at - good_answer),
                 good_answer, wrong[i].to, at + strlen(wrong[i].from));
        start(answer);
        assert_int_equal(open_all(), wrong[i].err);
        expect_detail(wrong[i].words);
        assert_true(s->open(s->self, 0) < 0);
        s->close(s->self);
        assert_int_equal(wire.closes, 1);
    }
}

static void other_fields_may_be_long_but_not_endless(void **state) {
    char answer[20000];
    (void)state;
    for (int size = 200; size < 10000; size += 350) {
        const char *rest = strstr(good_answer, "Upgrade");
        int n = snprintf(answer, sizeof answer,
                         "HTTP/1.1 101 x\r\nX-Long: %0*d\r\n%s", size, 0, rest);
        start(answer);
        if (n <= 8192) {
            assert_int_equal(open_all(), CLEAT_OK);
        } else {
            assert_int_equal(open_all(), CLEAT_ERR_PROTO);
            expect_detail("endless");
        }
    }
    snprintf(answer, sizeof answer, "HTTP/1.1 101 x\r\n%0500d\r\n%s", 0,
             strstr(good_answer, "Upgrade"));
    start(answer); /* A name that long: not ours. */
    assert_int_equal(open_all(), CLEAT_OK);
}

/* Undo one frame of ours. @return its payload's length. */
static size_t unmask(size_t *at, uint8_t *opcode, uint8_t *payload) {
    const uint8_t *f = wire.out + *at;
    size_t len = f[1] & 0x7Fu;
    size_t head = 2;
    assert_int_equal(f[0] & 0xF0, 0x80);
    assert_int_equal(f[1] & 0x80, 0x80);
    assert_int_not_equal(len, 127);
    if (len == 126) {
        len = (size_t)f[2] << 8 | f[3];
        assert_true(len >= 126);
        head = 4;
    }
    *opcode = f[0] & 0x0F;
    for (size_t i = 0; i < len; i++) {
        payload[i] = f[head + 4 + i] ^ f[head + (i & 3)];
    }
    *at += head + 4 + len;
    return len;
}

static void what_is_written_arrives_masked_however_it_is_taken(void **state) {
    static uint8_t data[3000];
    static uint8_t got[4000];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t len = 1; len < sizeof data; len += len < 140 ? 1 : 97) {
        start_up();
        size_t sent = 0;
        for (unsigned n = 0;
             n < 100000 && (sent < len || wire.out_len == 0 || ws.out_len > 0);
             n++) {
            wire.room = n % 3; /* a trickle */
            uint8_t none;
            int put = sent < len ? s->write(s->self, data + sent, len - sent)
                                 : s->read(s->self, &none, 1);
            assert_true(put > 0 || put == CLEAT_ERR_AGAIN);
            sent += put > 0 ? (size_t)put : 0;
        }
        assert_int_equal(sent, len);
        size_t at = 0;
        size_t total = 0;
        while (at < wire.out_len) {
            uint8_t opcode;
            total += unmask(&at, &opcode, got + total);
            assert_int_equal(opcode, 2);
        }
        assert_int_equal(at, wire.out_len);
        assert_int_equal(total, len);
        assert_memory_equal(got, data, len);
    }
}

static void masks_are_new_for_each_frame(void **state) {
    (void)state;
    start_up();
    assert_int_equal(s->write(s->self, (const uint8_t *)"same", 4), 4);
    assert_int_equal(s->write(s->self, (const uint8_t *)"same", 4), 4);
    assert_int_equal(wire.out_len, 20);
    assert_memory_not_equal(wire.out + 2, wire.out + 12, 4);
}

/* Frames of a server, with pings, in every way they may be cut up. */
static size_t make_frames(uint8_t *f, uint8_t *want, size_t *want_len) {
    static const struct {
        uint8_t first;
        size_t len;
    } frames[] = {{0x82, 5},   {0x02, 3},   {0x89, 4},   {0x00, 0},
                  {0x8A, 2},   {0x80, 200}, {0x82, 126}, {0x82, 0},
                  {0x89, 0},   {0x02, 1},   {0x80, 0},   {0x82, 70000},
                  {0x89, 125}, {0x82, 125}};
    size_t n = 0;
    *want_len = 0;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        size_t len = frames[i].len;
        f[n++] = frames[i].first;
        if (len < 126) {
            f[n++] = (uint8_t)len;
        } else if (len < 65536) {
            f[n++] = 126;
            f[n++] = (uint8_t)(len >> 8);
            f[n++] = (uint8_t)len;
        } else {
            f[n++] = 127;
            for (int k = 7; k >= 0; k--) {
                f[n++] = (uint8_t)((uint64_t)len >> (8 * k));
            }
        }
        for (size_t k = 0; k < len; k++) {
            uint8_t b = (uint8_t)(i * 31 + k);
            f[n++] = b;
            if ((frames[i].first & 8) == 0) {
                want[(*want_len)++] = b;
            }
        }
    }
    return n;
}

static void frames_arrive_split_at_every_byte(void **state) {
    static uint8_t frames[80000], want[80000], got[80000];
    size_t want_len;
    size_t len = make_frames(frames, want, &want_len);
    (void)state;
    for (size_t cut = 0; cut<len; cut += cut> 600 && cut < 70000 ? 701 : 1) {
        size_t n;
        size_t more;
        start_up();
        feed(frames, len);
        wire.in_end = wire.in_pos + cut;
        assert_int_equal(read_all(got, sizeof got, &n), CLEAT_ERR_AGAIN);
        wire.in_end = wire.in_len;
        assert_int_equal(read_all(got + n, sizeof got - n, &more),
                         CLEAT_ERR_AGAIN);
        assert_int_equal(n + more, want_len);
        assert_memory_equal(got, want, want_len);
        /* Each ping was answered with its bytes. */
        uint8_t opcode;
        uint8_t payload[125];
        static const size_t pings[] = {4, 0, 125};
        size_t at = 0;
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(unmask(&at, &opcode, payload), pings[i]);
            assert_int_equal(opcode, 10);
        }
        assert_int_equal(payload[1], (uint8_t)(12 * 31 + 1));
        assert_int_equal(at, wire.out_len);
    }
    start_up(); /* And byte by byte. */
    feed(frames, len);
    size_t total = 0;
    for (wire.in_end = wire.in_pos; wire.in_end <= wire.in_len; wire.in_end++) {
        size_t n;
        assert_int_equal(read_all(got + total, sizeof got - total, &n),
                         CLEAT_ERR_AGAIN);
        total += n;
    }
    assert_int_equal(total, want_len);
    assert_memory_equal(got, want, want_len);
}

static void wrong_frames_end_the_connection(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        const char *words;
        uint16_t close;
    } wrong[] = {
        {"\x81\x01x", 3, "not binary", 1003},
        {"\x83\x01x", 3, "not binary", 1002},
        {"\x8B\x00", 2, "not binary", 1002},
        {"\x80\x01x", 3, "continuation of no", 1002},
        {"\x02\x01x\x82\x01y", 6, "within another", 1002},
        {"\xC2\x01x", 3, "reserved bit", 1002},
        {"\xA2\x01x", 3, "reserved bit", 1002},
        {"\x92\x01x", 3, "reserved bit", 1002},
        {"\x82\x81\x01\x02\x03\x04x", 7, "masked", 1002},
        {"\x82\x7E\x00\x7D", 4, "wrong length", 1002},
        {"\x82\x7F\x00\x00\x00\x00\x00\x00\xFF\xFF", 10, "wrong length", 1002},
        {"\x82\x7F\x80\x00\x00\x00\x00\x00\x00\x00", 10, "wrong length", 1002},
        {"\x09\x00", 2, "control frame", 1002},
        {"\x89\x7E\x00\x7E", 4, "control frame", 1002},
        {"\x88\x01x", 3, "broken websocket close", 1002},
        {"\x88\x02\x03\xE7", 4, "broken websocket close", 1002},
        {"\x88\x02\x03\xED", 4, "broken websocket close", 1002},
        {"\x88\x02\x13\x88", 4, "broken websocket close", 1002},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        for (size_t cut = 0; cut <= wrong[i].len; cut++) {
            uint8_t got[64];
            uint8_t opcode;
            size_t n;
            size_t at = 0;
            start_up();
            feed(wrong[i].bytes, wrong[i].len);
            wire.in_end = wire.in_pos + cut;
            int err = read_all(got, sizeof got, &n);
            wire.in_end = wire.in_len;
            if (err == CLEAT_ERR_AGAIN) {
                err = read_all(got, sizeof got, &n);
            }
            assert_int_equal(err, CLEAT_ERR_PROTO);
            expect_detail(wrong[i].words);
            assert_int_equal(unmask(&at, &opcode, got), 2);
            assert_int_equal(opcode, 8);
            assert_int_equal(got[0] << 8 | got[1], wrong[i].close);
            assert_int_equal(s->read(s->self, got, 1), CLEAT_ERR_CLOSED);
            assert_int_equal(s->write(s->self, got, 1), CLEAT_ERR_STATE);
        }
    }
}

static void a_close_is_answered_and_told(void **state) {
    static const struct {
        const char *bytes;
        size_t len;
        int code;
    } closes[] = {{"\x88\x00", 2, 1000},
                  {"\x88\x02\x03\xE9", 4, 1001},
                  {"\x88\x05\x0F\xA0why", 7, 4000}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint8_t got[8];
        uint8_t opcode;
        size_t n;
        size_t at = 0;
        struct cleat_detail d;
        start_up();
        feed("\x82\x02ok", 4);
        feed(closes[i].bytes, closes[i].len);
        assert_int_equal(read_all(got, sizeof got, &n), CLEAT_ERR_CLOSED);
        assert_int_equal(n, 2);
        s->detail(s->self, &d);
        assert_int_equal(d.code, closes[i].code);
        assert_int_equal(unmask(&at, &opcode, got), 2);
        assert_int_equal(opcode, 8);
        assert_int_equal(got[0] << 8 | got[1], closes[i].code);
        assert_int_equal(at, wire.out_len);
    }
}

static void closing_says_so_and_it_opens_anew(void **state) {
    uint8_t got[8];
    uint8_t opcode;
    size_t at = 0;
    (void)state;
    start_up();
    feed("\x82\x09half", 6);
    size_t n;
    assert_int_equal(read_all(got, sizeof got, &n), CLEAT_ERR_AGAIN);
    s->close(s->self);
    assert_int_equal(unmask(&at, &opcode, got), 2);
    assert_int_equal(got[0] << 8 | got[1], 1000);
    assert_int_equal(wire.closes, 1);
    feed(good_answer, sizeof good_answer - 1);
    feed("\x82\x02ok", 4);
    assert_int_equal(open_all(), CLEAT_OK);
    assert_int_equal(read_all(got, sizeof got, &n), CLEAT_ERR_AGAIN);
    assert_int_equal(n, 2);
    s->close(s->self);
    s->close(s->self);
    assert_int_equal(wire.closes, 2);
}

static int no_random(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    (void)data;
    (void)len;
    return CLEAT_ERR_IO;
}

static void wrong_settings_are_refused(void **state) {
    static char long_path[400];
    struct cleat_ws_config c;
    (void)state;
    start(good_answer);
    c = ws.config;
    c.host = "a\r\nX: y";
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_ARG);
    c.host = "";
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_ARG);
    c.host = "h";
    c.path = "mqtt";
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_ARG);
    c.path = "/a b";
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_ARG);
    memset(long_path, '/', sizeof long_path - 1);
    c.path = long_path;
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_SIZE);
    c.path = NULL;
    c.out_cap = CLEAT_WS_OUT_MIN - 1;
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_SIZE);
    c.out_cap = sizeof out_buf;
    c.random = NULL;
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_ERR_ARG);
    c.random = no_random;
    assert_int_equal(cleat_ws_init(&ws, &c), CLEAT_OK);
    assert_int_equal(open_all(), CLEAT_ERR_IO);
    expect_detail("random");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_is_that_of_the_standard),
        cmocka_unit_test(the_handshake_works_split_at_every_byte),
        cmocka_unit_test(a_list_may_be_spread_over_fields),
        cmocka_unit_test(wrong_answers_are_refused_in_words),
        cmocka_unit_test(other_fields_may_be_long_but_not_endless),
        cmocka_unit_test(what_is_written_arrives_masked_however_it_is_taken),
        cmocka_unit_test(masks_are_new_for_each_frame),
        cmocka_unit_test(frames_arrive_split_at_every_byte),
        cmocka_unit_test(wrong_frames_end_the_connection),
        cmocka_unit_test(a_close_is_answered_and_told),
        cmocka_unit_test(closing_says_so_and_it_opens_anew),
        cmocka_unit_test(wrong_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
