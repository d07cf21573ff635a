/* SPDX-License-Identifier: MIT */
/*
 * Taking a session up again: that it asks the element for nothing, that it
 * falls back, and that what is kept is good for nothing else.
 */
#include "rig.h"

#include <string.h>

#include "cleat/tls_session.h"

static struct cleat_tls_session kept;

static const struct cleat_tls_calls *calls(struct rig *r,
                                           struct cleat_tls_info *info) {
    cleat_tls_get_info(&r->tls, info);
    return info->calls;
}

static uint32_t asked(const struct rig *r) {
    uint32_t sum = 0;
    for (size_t i = 0; i < CLEAT_SE_OP_COUNT; i++) {
        sum += r->element.asked[i];
    }
    return sum;
}

static void prepare(struct rig *r, bool tickets) {
    cleat_tls_session_init(&kept, 0);
    rig_init(r);
    r->spec.tickets = tickets;
    r->spec.sessions = true;
    r->spec.max_version = TLS1_2_VERSION;
    r->config.session = &kept;
}

/** Close, and connect to the same server. */
static int again(struct rig *r) {
    r->stream->close(r->stream->self);
    server_renew(&r->server);
    return rig_connect(r);
}

/** A byte each way: that the keys are right. */
static void say_and_hear(struct rig *r) {
    uint8_t byte = 0x5a;
    assert_int_equal(r->stream->write(r->stream->self, &byte, 1), 1);
    byte = 0;
    assert_int_equal(SSL_read(r->server.ssl, &byte, 1), 1);
    assert_int_equal(byte, 0x5a);
    assert_int_equal(SSL_write(r->server.ssl, "!", 1), 1);
    assert_int_equal(r->stream->read(r->stream->self, &byte, 1), 1);
    assert_int_equal(byte, '!');
}

static void resumes_without_the_element(bool tickets) {
    struct rig r;
    struct cleat_tls_info info;
    prepare(&r, tickets);
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 1);
    assert_false(info.resumed);
    for (int i = 0; i < 3; i++) {
        uint32_t before = asked(&r);
        assert_int_equal(again(&r), 0);
        assert_true(SSL_session_reused(r.server.ssl));
        assert_int_equal(asked(&r), before);
        assert_int_equal(calls(&r, &info)->sign, 0);
        assert_int_equal(info.calls->generate + info.calls->agree +
                             info.calls->verify + info.calls->random,
                         0);
        assert_true(info.calls->software_random > 0);
        assert_true(info.resumed);
        assert_string_equal(info.subject, "CN=broker");
        say_and_hear(&r);
    }
    rig_deinit(&r);
}

static void a_ticket_is_taken_up_without_the_element(void **state) {
    (void)state;
    resumes_without_the_element(true);
}

static void a_session_id_is_taken_up_without_the_element(void **state) {
    (void)state;
    resumes_without_the_element(false);
}

static void without_the_setting_each_handshake_is_full(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    prepare(&r, true);
    r.config.session = NULL;
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(again(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 1);
    assert_false(info.resumed);
    assert_int_equal(SSL_SESSION_has_ticket(SSL_get_session(r.server.ssl)), 0);
    rig_deinit(&r);
}

static void a_server_that_has_forgotten_gets_a_full_handshake(void **state) {
    (void)state;
    for (int tickets = 0; tickets < 2; tickets++) {
        struct rig r;
        struct cleat_tls_info info;
        prepare(&r, tickets != 0);
        assert_int_equal(rig_go(&r), 0);
        r.stream->close(r.stream->self);
        server_forget(&r.server, &r.spec);
        assert_int_equal(rig_connect(&r), 0);
        assert_int_equal(calls(&r, &info)->sign, 1);
        assert_int_equal(info.calls->verify, 2);
        assert_false(info.resumed);
        say_and_hear(&r);
        /* And the new one is kept. */
        assert_int_equal(again(&r), 0);
        assert_int_equal(calls(&r, &info)->sign, 0);
        rig_deinit(&r);
    }
}

static void an_old_session_is_not_offered(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    prepare(&r, true);
    assert_int_equal(rig_go(&r), 0);
    fake_port_now_ms += 7100u * 1000;
    assert_int_equal(again(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 0);
    /* Taking it up did not make it younger. */
    fake_port_now_ms += 200u * 1000;
    assert_int_equal(again(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 1);
    rig_deinit(&r);
}

static void a_session_of_other_settings_is_not_offered(void **state) {
    (void)state;
    for (int what = 0; what < 3; what++) {
        struct rig r;
        struct cleat_tls_info info;
        prepare(&r, true);
        assert_int_equal(rig_go(&r), 0);
        assert_true(kept.len > 0);
        cleat_tls_deinit(&r.tls);
        server_renew(&r.server);
        if (what == 0) {
            r.config.hostname = "127.0.0.1";
        } else if (what == 1) {
            r.config.ca[1] = rig_pki.device_der;
        } else {
            r.config.ignore_dates = true;
        }
        assert_int_equal(cleat_tls_init(&r.tls, &r.config, NULL), 0);
        r.stream = cleat_tls_stream(&r.tls);
        assert_int_equal(rig_connect(&r), 0);
        assert_int_equal(calls(&r, &info)->sign, 1);
        rig_deinit(&r);
    }
}

static void a_session_outlives_the_client_that_made_it(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    prepare(&r, true);
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_deinit(&r.tls);
    server_renew(&r.server);
    assert_int_equal(cleat_tls_init(&r.tls, &r.config, NULL), 0);
    r.stream = cleat_tls_stream(&r.tls);
    assert_int_equal(rig_connect(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 0);
    rig_deinit(&r);
}

static void a_session_survives_a_restart_written_down(void **state) {
    static uint8_t bytes[CLEAT_TLS_SESSION_EXPORT_MAX];
    struct cleat_buf out = {bytes, sizeof bytes, 0};
    struct rig r;
    struct cleat_tls_info info;
    const int64_t now_s = 1900000000;
    (void)state;
    prepare(&r, true);
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(cleat_tls_session_export(&kept, 0, &out), CLEAT_ERR_STATE);
    assert_int_equal(cleat_tls_session_export(&kept, now_s, &out), 0);
    struct cleat_bytes in = cleat_bytes_of(out.data, out.len);
    cleat_tls_session_forget(&kept);
    fake_port_now_ms = 5; /* the machine's clock began anew */
    assert_int_equal(cleat_tls_session_import(&kept, now_s + 7199, in), 0);
    assert_int_equal(again(&r), 0);
    /* again() keeps what it took up, so it is the kept one that was used. */
    assert_int_equal(calls(&r, &info)->sign, 0);
    assert_int_equal(cleat_tls_session_import(&kept, now_s + 7200, in),
                     CLEAT_ERR_TIMEOUT);
    assert_int_equal(cleat_tls_session_import(&kept, now_s - 1, in),
                     CLEAT_ERR_TIMEOUT);
    assert_int_equal(cleat_tls_session_import(&kept, 0, in), CLEAT_ERR_STATE);
    for (size_t len = 0; len < in.len; len++) {
        assert_int_equal(
            cleat_tls_session_import(&kept, now_s, cleat_bytes_of(bytes, len)),
            CLEAT_ERR_PROTO);
        assert_int_equal(kept.len, 0);
    }
    rig_deinit(&r);
}

static void a_failed_handshake_is_not_tried_with_it_again(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    prepare(&r, true);
    assert_int_equal(rig_go(&r), 0);
    r.stream->close(r.stream->self);
    server_renew(&r.server);
    r.server.flip_at = 100; /* in what answers the resumption */
    assert_int_not_equal(rig_connect(&r), 0);
    assert_int_equal(kept.len, 0);
    r.server.flip_at = SIZE_MAX;
    assert_int_equal(again(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 1);
    rig_deinit(&r);
}

static void a_lost_connection_keeps_the_session(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    uint8_t byte;
    (void)state;
    prepare(&r, true);
    assert_int_equal(rig_go(&r), 0);
    r.server.cut_at = r.server.delivered;
    assert_true(r.stream->read(r.stream->self, &byte, 1) < 0);
    r.server.cut_at = SIZE_MAX;
    assert_int_equal(again(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 0);
    rig_deinit(&r);
}

static void what_is_forgotten_is_wiped(void **state) {
    static const struct cleat_tls_session none = {.max_age_s = 7200};
    struct rig r;
    (void)state;
    prepare(&r, true);
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_session_forget(&kept);
    assert_memory_equal(&kept, &none, sizeof none);
    rig_deinit(&r);
}

static void the_host_s_random_source_needs_no_seed(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    prepare(&r, true);
    r.config.random = fake_port_random;
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(r.element.asked[CLEAT_SE_RANDOM], 0);
    assert_int_equal(again(&r), 0);
    assert_int_equal(calls(&r, &info)->sign, 0);
    rig_deinit(&r);
}

static void a_seed_the_element_refuses_costs_only_the_session(void **state) {
    struct rig r;
    (void)state;
    prepare(&r, true);
    rig_start(&r);
    /* The client random is drawn first; the seed is the second. */
    r.element.fail_type = CLEAT_SE_RANDOM;
    r.element.fail_err = CLEAT_ERR_IO;
    r.element.fail_after = 1;
    assert_int_equal(rig_connect(&r), 0);
    assert_int_equal(kept.len, 0);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_FINE);
    say_and_hear(&r);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_taken_up_without_the_element),
        cmocka_unit_test(a_session_id_is_taken_up_without_the_element),
        cmocka_unit_test(without_the_setting_each_handshake_is_full),
        cmocka_unit_test(a_server_that_has_forgotten_gets_a_full_handshake),
        cmocka_unit_test(an_old_session_is_not_offered),
        cmocka_unit_test(a_session_of_other_settings_is_not_offered),
        cmocka_unit_test(a_session_outlives_the_client_that_made_it),
        cmocka_unit_test(a_session_survives_a_restart_written_down),
        cmocka_unit_test(a_failed_handshake_is_not_tried_with_it_again),
        cmocka_unit_test(a_lost_connection_keeps_the_session),
        cmocka_unit_test(what_is_forgotten_is_wiped),
        cmocka_unit_test(the_host_s_random_source_needs_no_seed),
        cmocka_unit_test(a_seed_the_element_refuses_costs_only_the_session),
    };
    return cmocka_run_group_tests_name("tls session", tests, rig_group_setup,
                                       rig_group_teardown);
}
