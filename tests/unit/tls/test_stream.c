/* SPDX-License-Identifier: MIT */
/* Bytes through a standing connection, both ways, and how it ends. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

static uint8_t pattern(size_t i) {
    return (uint8_t)(i * 31 + (i >> 8));
}

/** Send total bytes to the server, in pieces of at most piece. */
static void send_all(struct rig *r, size_t total, size_t piece) {
    uint8_t out[20000];
    uint8_t in[20000];
    size_t sent = 0;
    size_t got = 0;
    for (int idle = 0; got < total && idle < 100000; idle++) {
        size_t n = total - sent < piece ? total - sent : piece;
        for (size_t i = 0; i < n; i++) {
            out[i] = pattern(sent + i);
        }
        int w = n > 0 ? r->stream->write(r->stream->self, out, n) : 0;
        assert_true(w >= 0 || w == CLEAT_ERR_AGAIN);
        sent += w > 0 ? (size_t)w : 0;
        /* Reading is what flushes when there is nothing more to write. */
        assert_int_equal(r->stream->read(r->stream->self, in, 1),
                         CLEAT_ERR_AGAIN);
        int s = SSL_read(r->server.ssl, in, sizeof in);
        for (int i = 0; i < s; i++) {
            assert_int_equal(in[i], pattern(got++));
        }
    }
    assert_int_equal(got, total);
}

/** Have the server send total bytes. */
static void receive_all(struct rig *r, size_t total) {
    uint8_t out[20000];
    uint8_t in[777];
    size_t sent = 0;
    size_t got = 0;
    while (got < total) {
        size_t n = total - sent < sizeof out ? total - sent : sizeof out;
        for (size_t i = 0; i < n; i++) {
            out[i] = pattern(sent + i);
        }
        int w = n > 0 ? SSL_write(r->server.ssl, out, (int)n) : 0;
        sent += w > 0 ? (size_t)w : 0;
        int s = r->stream->read(r->stream->self, in, sizeof in);
        assert_true(s > 0 || s == CLEAT_ERR_AGAIN);
        for (int i = 0; i < s; i++) {
            assert_int_equal(in[i], pattern(got++));
        }
    }
}

static void large_transfers_arrive_whole_both_ways(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    send_all(&r, 300000, 20000);
    receive_all(&r, 300000);
    rig_deinit(&r);
}

static void transfers_survive_a_slow_line(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    r.server.chunk = 3;
    send_all(&r, 20000, 5000);
    r.server.chunk = 1;
    receive_all(&r, 5000);
    rig_deinit(&r);
}

/* A full line: bytes taken once are never lost, doubled or replaced, even if
   the caller comes back with others. */
static void a_blocked_line_loses_nothing(void **state) {
    struct rig r;
    uint8_t in[64];
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    r.server.blocked = true;
    assert_int_equal(r.stream->write(r.stream->self, (uint8_t *)"one", 3), 3);
    assert_int_equal(r.stream->write(r.stream->self, (uint8_t *)"two", 3),
                     CLEAT_ERR_AGAIN);
    assert_int_equal(r.stream->write(r.stream->self, (uint8_t *)"three", 5),
                     CLEAT_ERR_AGAIN);
    r.server.blocked = false;
    assert_int_equal(r.stream->write(r.stream->self, (uint8_t *)"four", 4), 4);
    assert_int_equal(SSL_read(r.server.ssl, in, sizeof in), 3);
    assert_memory_equal(in, "one", 3);
    assert_int_equal(SSL_read(r.server.ssl, in, sizeof in), 4);
    assert_memory_equal(in, "four", 4);
    rig_deinit(&r);
}

static void an_orderly_end_is_closed_and_no_failure(void **state) {
    struct rig r;
    uint8_t in[8];
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(SSL_write(r.server.ssl, "bye", 3), 3);
    SSL_shutdown(r.server.ssl);
    assert_int_equal(r.stream->read(r.stream->self, in, sizeof in), 3);
    assert_int_equal(r.stream->read(r.stream->self, in, sizeof in),
                     CLEAT_ERR_CLOSED);
    assert_int_equal(r.stream->read(r.stream->self, in, sizeof in),
                     CLEAT_ERR_CLOSED);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_FINE);
    rig_deinit(&r);
}

static void a_truncated_stream_is_told_apart(void **state) {
    struct rig r;
    uint8_t in[8];
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    r.server.cut_at = r.server.delivered;
    assert_int_equal(r.stream->read(r.stream->self, in, sizeof in),
                     CLEAT_ERR_CLOSED);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_CLOSED);
    cleat_tls_explain(&r.tls, r.words, sizeof r.words);
    assert_has(r.words, "without saying so");
    assert_int_equal(r.stream->write(r.stream->self, in, 1), CLEAT_ERR_CLOSED);
    rig_deinit(&r);
}

static void a_flipped_bit_in_data_is_found(void **state) {
    struct rig r;
    uint8_t in[64];
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(SSL_write(r.server.ssl, "attack at dawn", 14), 14);
    r.server.flip_at = r.server.delivered + 20;
    assert_int_equal(r.stream->read(r.stream->self, in, sizeof in),
                     CLEAT_ERR_PROTO);
    rig_deinit(&r);
}

static void wrong_calls_are_refused(void **state) {
    struct rig r;
    uint8_t in[8];
    (void)state;
    rig_init(&r);
    rig_start(&r);
    assert_int_equal(r.stream->read(r.stream->self, in, 8), CLEAT_ERR_STATE);
    assert_int_equal(r.stream->write(r.stream->self, in, 8), CLEAT_ERR_STATE);
    r.stream->close(r.stream->self);
    assert_int_equal(rig_connect(&r), 0);
    assert_int_equal(r.stream->read(r.stream->self, in, 0), CLEAT_ERR_ARG);
    assert_int_equal(r.stream->write(r.stream->self, in, 0), CLEAT_ERR_ARG);
    rig_deinit(&r);
}

/* [RFC 5246 7.4.1.1] A HelloRequest may be ignored; it must not break us. */
static void a_wish_to_renegotiate_is_turned_down(void **state) {
    struct rig r;
    uint8_t in[8];
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    SSL_renegotiate(r.server.ssl);
    server_step(&r.server);
    assert_int_equal(r.stream->read(r.stream->self, in, sizeof in),
                     CLEAT_ERR_AGAIN);
    assert_int_equal(r.element.asked[CLEAT_SE_GENERATE], 1);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_transfers_arrive_whole_both_ways),
        cmocka_unit_test(transfers_survive_a_slow_line),
        cmocka_unit_test(a_blocked_line_loses_nothing),
        cmocka_unit_test(an_orderly_end_is_closed_and_no_failure),
        cmocka_unit_test(a_truncated_stream_is_told_apart),
        cmocka_unit_test(a_flipped_bit_in_data_is_found),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(a_wish_to_renegotiate_is_turned_down),
    };
    return cmocka_run_group_tests_name("tls stream", tests, rig_group_setup,
                                       rig_group_teardown);
}
