/* SPDX-License-Identifier: MIT */
/* Connections that must not work: each kind of failure has its own words. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "tls/context.h"

static void unknown_ca_is_said(void **state) {
    const struct pki_spec ca = {.key = "P-256", .cn = "other ca", .ca = true};
    const struct pki_spec leaf = {
        .key = "P-256", .cn = "x", .san = "DNS:localhost"};
    struct pki other = pki_make(&ca, NULL);
    struct pki server = pki_make(&leaf, &other);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_UNKNOWN_CA,
                   "unknown ca");
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_UNKNOWN_CA,
                   "issued by CN=other ca");
    pki_free(&server);
    pki_free(&other);
}

/* The name of the right CA, but another key: the element says no. */
static void a_forged_ca_signature_is_unknown_ca(void **state) {
    const struct pki_spec ca = {.key = "P-256", .cn = "test ca", .ca = true};
    const struct pki_spec leaf = {
        .key = "P-256", .cn = "x", .san = "DNS:localhost"};
    struct pki forged = pki_make(&ca, NULL);
    struct pki server = pki_make(&leaf, &forged);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_UNKNOWN_CA,
                   "unknown ca");
    pki_free(&server);
    pki_free(&forged);
}

static void wrong_host_names_what_the_certificate_says(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.hostname = "example.test";
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_WRONG_HOST, "wrong host");
    assert_has(r.words, "it says localhost, 127.0.0.1, 0:0:0:0:0:0:0:1, not "
                        "example.test");
    rig_deinit(&r);
}

static void wrong_host_without_alternative_names_shows_the_cn(void **state) {
    const struct pki_spec spec = {.key = "P-256", .cn = "only.a\ncn"};
    struct pki server = pki_make(&spec, &rig_pki.ca);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_WRONG_HOST,
                   "it says only.a?cn, not localhost");
    pki_free(&server);
}

static void expired_tells_since_when(void **state) {
    const struct pki_spec spec = {.key = "P-256",
                                  .cn = "old",
                                  .san = "DNS:localhost",
                                  .from_s = -7200,
                                  .to_s = -3600};
    struct pki server = pki_make(&spec, &rig_pki.ca);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_EXPIRED,
                   "has expired: CN=old ended 20");
    pki_free(&server);
}

static void not_yet_valid_asks_for_the_clock(void **state) {
    const struct pki_spec spec = {.key = "P-256",
                                  .cn = "young",
                                  .san = "DNS:localhost",
                                  .from_s = 3600,
                                  .to_s = 7200};
    struct pki server = pki_make(&spec, &rig_pki.ca);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_NOT_YET_VALID,
                   "is our clock right?");
    pki_free(&server);
}

static int64_t given_clock(void *arg) {
    return *(int64_t *)arg;
}

static void dates_are_held_against_the_given_clock(void **state) {
    int64_t now = 4102444800; /* 2100 */
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.clock = given_clock;
    r.config.clock_arg = &now;
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_EXPIRED, "expired");
    rig_deinit(&r);

    rig_init(&r);
    r.config.clock = given_clock;
    r.config.clock_arg = &now;
    r.config.ignore_dates = true;
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);

    now = 0; /* not set */
    rig_init(&r);
    r.config.clock = given_clock;
    r.config.clock_arg = &now;
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);
}

static void wrong_usage_is_said(void **state) {
    const struct pki_spec spec = {.key = "P-256",
                                  .cn = "client only",
                                  .san = "DNS:localhost",
                                  .usage = "clientAuth"};
    struct pki server = pki_make(&spec, &rig_pki.ca);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_WRONG_USAGE,
                   "not for servers (CN=client only)");
    pki_free(&server);
}

static void a_weak_signature_is_refused(void **state) {
    const struct pki_spec spec = {
        .key = "P-256", .cn = "weak", .san = "DNS:localhost", .sha1 = true};
    struct pki server = pki_make(&spec, &rig_pki.ca);
    (void)state;
    rig_fails_with(&server, CLEAT_ERR_VERIFY, CLEAT_TLS_BAD_CERTIFICATE,
                   "malformed or too weak");
    pki_free(&server);
}

static void a_curve_the_element_lacks_is_said(void **state) {
    const struct pki_spec mid_spec = {.key = "P-521", .cn = "mid", .ca = true};
    const struct pki_spec spec = {
        .key = "P-256", .cn = "leaf", .san = "DNS:localhost"};
    struct pki mid = pki_make(&mid_spec, &rig_pki.ca);
    struct pki server = pki_make(&spec, &mid);
    struct rig r;
    (void)state;
    rig_init(&r);
    r.spec.cert = &server;
    r.spec.extra = &mid;
    rig_fails(&r, CLEAT_ERR_UNSUPPORTED, CLEAT_TLS_UNSUPPORTED, "do not have");
    rig_deinit(&r);
    pki_free(&server);
    pki_free(&mid);
}

static void the_servers_refusal_names_the_alert(void **state) {
    const struct pki_spec ca = {.key = "P-256", .cn = "not ours", .ca = true};
    struct pki other = pki_make(&ca, NULL);
    struct rig r;
    (void)state;
    rig_init(&r);
    r.spec.client_ca = &other;
    rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_REFUSED, "refused by the server");
    assert_has(r.words, "unknown_ca");
    assert_int_equal(cleat_tls_get_alert(&r.tls), 48);
    rig_deinit(&r);
    pki_free(&other);
}

static void an_expired_identity_is_refused_with_its_alert(void **state) {
    const struct pki_spec spec = {
        .key = "P-256", .cn = "old", .from_s = -7200, .to_s = -3600};
    struct pki device = pki_make(&spec, &rig_pki.device_ca);
    struct cleat_bytes der = pki_der(&device);
    struct rig r;
    (void)state;
    rig_init(&r);
    r.element.identity = device.key;
    r.config.certificate = der;
    rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_REFUSED, "certificate_expired");
    rig_deinit(&r);
    OPENSSL_free((void *)(uintptr_t)der.data);
    pki_free(&device);
}

static void a_key_of_another_certificate_is_refused(void **state) {
    EVP_PKEY *other = EVP_EC_gen("P-256");
    struct rig r;
    (void)state;
    rig_init(&r);
    r.element.identity = other;
    rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_REFUSED, "refused");
    rig_deinit(&r);
    EVP_PKEY_free(other);
}

static void a_wrong_alpn_is_refused_with_its_alert(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.alpn = "mqtt";
    r.spec.alpn = "x-amzn-mqtt-ca";
    rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_REFUSED,
              "no_application_protocol");
    rig_deinit(&r);
}

static void no_common_suite_is_said(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.spec.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305";
    rig_fails(&r, CLEAT_ERR_PROTO, CLEAT_TLS_NO_COMMON, "no common suite");
    assert_has(r.words, "handshake_failure");
    rig_deinit(&r);
}

static void no_common_curve_is_said(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.spec.groups = "X25519";
    rig_fails(&r, CLEAT_ERR_PROTO, CLEAT_TLS_NO_COMMON, "no common suite");
    rig_deinit(&r);
}

static void no_common_version_is_said(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.spec.min_version = TLS1_3_VERSION;
    rig_fails(&r, CLEAT_ERR_PROTO, CLEAT_TLS_NO_COMMON, "protocol_version");
    rig_deinit(&r);
}

static void what_is_not_tls_is_said(void **state) {
    static const char *const raws[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                       "SSH-2.0-x\r\n", "\x20", "\x16HTTP"};
    (void)state;
    for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++) {
        struct rig r;
        rig_init(&r);
        rig_start(&r);
        r.server.raw = raws[i];
        assert_int_equal(rig_connect(&r), CLEAT_ERR_PROTO);
        assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_NOT_TLS);
        rig_deinit(&r);
    }
}

static void a_close_before_the_first_byte_is_said(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_start(&r);
    r.server.raw = "";
    assert_int_equal(rig_connect(&r), CLEAT_ERR_CLOSED);
    cleat_tls_explain(&r.tls, r.words, sizeof r.words);
    assert_has(r.words, "does not speak tls on this port");
    rig_deinit(&r);
    /* The same by a reset. */
    rig_init(&r);
    rig_start(&r);
    r.server.cut_at = 0;
    r.server.cut_err = CLEAT_ERR_IO;
    assert_int_equal(rig_connect(&r), CLEAT_ERR_IO);
    cleat_tls_explain(&r.tls, r.words, sizeof r.words);
    assert_has(r.words, "connection reset by peer, before it said anything");
    assert_has(r.words, "does not speak tls on this port");
    rig_deinit(&r);
}

static void a_silent_server_times_out(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.handshake_timeout_ms = 3000;
    rig_start(&r);
    r.server.silent = true;
    uint64_t before = fake_port_now_ms;
    assert_int_equal(rig_connect(&r), CLEAT_ERR_TIMEOUT);
    assert_in_range(fake_port_now_ms - before, 3000, 3020);
    cleat_tls_explain(&r.tls, r.words, sizeof r.words);
    assert_has(r.words, "timed out");
    rig_deinit(&r);
}

static void a_lower_error_keeps_its_words(void **state) {
    struct rig r;
    struct cleat_detail detail;
    (void)state;
    rig_init(&r);
    rig_start(&r);
    r.server.cut_at = 100;
    r.server.cut_err = CLEAT_ERR_IO;
    assert_int_equal(rig_connect(&r), CLEAT_ERR_IO);
    r.stream->detail(r.stream->self, &detail);
    assert_int_equal(detail.layer, CLEAT_LAYER_NET);
    assert_int_equal(detail.code, 104);
    cleat_tls_explain(&r.tls, r.words, sizeof r.words);
    assert_has(r.words, "connection reset by peer");
    assert_null(strstr(r.words, "does not speak"));
    rig_deinit(&r);
}

/* Each operation, failing, is the element's fault and nobody else's. */
static void a_failing_element_is_told_apart_from_an_attack(void **state) {
    static const enum cleat_se_op_type types[] = {
        CLEAT_SE_RANDOM, CLEAT_SE_VERIFY, CLEAT_SE_GENERATE, CLEAT_SE_AGREE,
        CLEAT_SE_SIGN};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct rig r;
        struct cleat_detail detail;
        struct cleat_tls_info info;
        rig_init(&r);
        r.element.fail_type = (int)types[i];
        r.element.fail_err = CLEAT_ERR_DENIED;
        rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_CHIP,
                  "access conditions not satisfied");
        r.stream->detail(r.stream->self, &detail);
        assert_int_equal(detail.layer, CLEAT_LAYER_CHIP);
        assert_int_equal(detail.code, 0x8007);
        cleat_tls_get_info(&r.tls, &info);
        assert_true(info.calls->failed >= 1);
        /* It recovers on the next open. */
        r.element.fail_type = -1;
        r.stream->close(r.stream->self);
        server_deinit(&r.server);
        server_init(&r.server, &r.spec);
        assert_int_equal(rig_connect(&r), 0);
        rig_deinit(&r);
    }
}

static void no_free_session_key_is_said(void **state) {
    struct rig r;
    int taken[4];
    (void)state;
    rig_init(&r);
    for (int i = 0; i < 4; i++) {
        taken[i] = cleat_se_session_take(&r.element.se);
    }
    rig_fails(&r, CLEAT_ERR_FULL, CLEAT_TLS_CHIP, "in use");
    for (int i = 0; i < 4; i++) {
        cleat_se_session_give(&r.element.se, (uint16_t)taken[i]);
    }
    rig_deinit(&r);
}

/** How many bytes the server sends until we are connected. */
static size_t handshake_bytes(void) {
    struct rig r;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    size_t n = r.server.delivered;
    rig_deinit(&r);
    return n;
}

static void a_cut_after_any_byte_ends_in_closed(void **state) {
    size_t at = 0;
    int err = CLEAT_ERR_CLOSED;
    (void)state;
    /* The length differs from run to run by that of the signatures. */
    for (; err != 0; at++) {
        struct rig r;
        rig_init(&r);
        rig_start(&r);
        r.server.cut_at = at;
        err = rig_connect(&r);
        if (err != 0 && (err != CLEAT_ERR_CLOSED ||
                         cleat_tls_get_failure(&r.tls) != CLEAT_TLS_CLOSED)) {
            fail_msg("cut at %zu: error %d, failure %d", at, err,
                     (int)cleat_tls_get_failure(&r.tls));
        }
        rig_deinit(&r);
    }
    assert_true(at > 500);
}

/* Every byte the server sends is under a signature, a MAC or a check. */
static void a_flipped_bit_never_connects(void **state) {
    size_t total = handshake_bytes();
    size_t flipped = 0;
    (void)state;
    for (size_t at = 0; at < total; at++) {
        struct rig r;
        rig_init(&r);
        rig_start(&r);
        r.server.flip_at = at;
        int err = rig_connect(&r);
        if (r.server.flipped) {
            flipped++;
            assert_int_not_equal(err, 0);
            assert_int_not_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_FINE);
            assert_true(cleat_tls_explain(&r.tls, r.words, sizeof r.words) > 0);
        } else {
            assert_int_equal(err, 0);
        }
        rig_deinit(&r);
    }
    assert_true(flipped + 30 > total);
}

static void explanations_are_cut_to_the_buffer(void **state) {
    struct rig r;
    char tiny[9];
    (void)state;
    rig_init(&r);
    r.config.hostname = "example.test";
    assert_int_equal(rig_go(&r), CLEAT_ERR_VERIFY);
    assert_int_equal(cleat_tls_explain(&r.tls, tiny, sizeof tiny), 8);
    assert_string_equal(tiny, "wrong ho");
    assert_int_equal(cleat_tls_explain(&r.tls, tiny, 0), 0);
    rig_deinit(&r);
}

static void every_failure_and_alert_has_words(void **state) {
    (void)state;
    for (int i = CLEAT_TLS_LOWER; i <= CLEAT_TLS_CONFIG; i++) {
        const char *text = cleat_tls_explain_text((enum cleat_tls_failure)i);
        assert_string_not_equal(text, "unknown failure");
        assert_true(strlen(text) > 8);
    }
    assert_string_equal(cleat_tls_alert_name(42), "bad_certificate");
    assert_string_equal(cleat_tls_alert_name(116), "certificate_required");
    assert_string_equal(cleat_tls_alert_name(200), "unknown alert");
    assert_string_equal(cleat_tls_alert_name(-1), "none");
}

/* A server that hangs up while we still send, its alert already received. */
struct hang_up {
    struct cleat_stream stream;
    struct cleat_stream *inner;
    int writes; /* let through before the end; -1: reading goes on */
    int err;
    size_t told;
};

static const uint8_t alert_record[] = {21, 3, 3, 0, 2, 2, 48};

static int hang_open(void *self, uint64_t now_ms) {
    struct hang_up *h = self;
    return h->inner->open(h->inner->self, now_ms);
}

static int hang_read(void *self, uint8_t *data, size_t cap) {
    struct hang_up *h = self;
    if (h->writes != 0) {
        return h->inner->read(h->inner->self, data, cap);
    }
    if (h->told == sizeof alert_record || cap == 0) {
        return CLEAT_ERR_CLOSED;
    }
    *data = alert_record[h->told++]; /* one byte at a time */
    return 1;
}

static int hang_write(void *self, const uint8_t *data, size_t len) {
    struct hang_up *h = self;
    if (h->writes <= 0) {
        return h->err;
    }
    h->writes--;
    return h->inner->write(h->inner->self, data, len);
}

static void hang_close(void *self) {
    struct hang_up *h = self;
    h->inner->close(h->inner->self);
}

static void the_alert_is_heard_though_sending_failed(void **state) {
    (void)state;
    static const int errors[] = {CLEAT_ERR_CLOSED, CLEAT_ERR_IO};
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        rig_init(&r);
        struct hang_up h = {
            .inner = r.config.lower, .writes = 1, .err = errors[i]};
        h.stream = (struct cleat_stream){hang_open,  hang_read, hang_write,
                                         hang_close, NULL,      &h};
        r.config.lower = &h.stream;
        rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_REFUSED, "unknown_ca");
        assert_int_equal(cleat_tls_get_alert(&r.tls), 48);
        rig_deinit(&r);
    }
}

/* The way out is gone after the handshake: what the server has said comes
 * first, then why it is gone. */
static void what_was_said_is_read_though_sending_failed(void **state) {
    (void)state;
    uint8_t got[16];
    struct rig r;
    rig_init(&r);
    struct hang_up h = {
        .inner = r.config.lower, .writes = 1000, .err = CLEAT_ERR_IO};
    h.stream = (struct cleat_stream){hang_open,  hang_read, hang_write,
                                     hang_close, NULL,      &h};
    h.told = sizeof alert_record;
    r.config.lower = &h.stream;
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(SSL_write(r.server.ssl, "farewell", 8), 8);
    h.writes = -1;
    (void)r.stream->write(r.stream->self, (const uint8_t *)"hello", 5);
    assert_int_equal(r.stream->write(r.stream->self, got, 1), CLEAT_ERR_AGAIN);
    assert_int_equal(r.stream->read(r.stream->self, got, sizeof got), 8);
    assert_memory_equal(got, "farewell", 8);
    assert_int_equal(r.stream->read(r.stream->self, got, sizeof got),
                     CLEAT_ERR_IO);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_LOWER);
    r.stream->close(r.stream->self);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_ca_is_said),
        cmocka_unit_test(a_forged_ca_signature_is_unknown_ca),
        cmocka_unit_test(wrong_host_names_what_the_certificate_says),
        cmocka_unit_test(wrong_host_without_alternative_names_shows_the_cn),
        cmocka_unit_test(expired_tells_since_when),
        cmocka_unit_test(not_yet_valid_asks_for_the_clock),
        cmocka_unit_test(dates_are_held_against_the_given_clock),
        cmocka_unit_test(wrong_usage_is_said),
        cmocka_unit_test(a_weak_signature_is_refused),
        cmocka_unit_test(a_curve_the_element_lacks_is_said),
        cmocka_unit_test(the_servers_refusal_names_the_alert),
        cmocka_unit_test(the_alert_is_heard_though_sending_failed),
        cmocka_unit_test(what_was_said_is_read_though_sending_failed),
        cmocka_unit_test(an_expired_identity_is_refused_with_its_alert),
        cmocka_unit_test(a_key_of_another_certificate_is_refused),
        cmocka_unit_test(a_wrong_alpn_is_refused_with_its_alert),
        cmocka_unit_test(no_common_suite_is_said),
        cmocka_unit_test(no_common_curve_is_said),
        cmocka_unit_test(no_common_version_is_said),
        cmocka_unit_test(what_is_not_tls_is_said),
        cmocka_unit_test(a_close_before_the_first_byte_is_said),
        cmocka_unit_test(a_silent_server_times_out),
        cmocka_unit_test(a_lower_error_keeps_its_words),
        cmocka_unit_test(a_failing_element_is_told_apart_from_an_attack),
        cmocka_unit_test(no_free_session_key_is_said),
        cmocka_unit_test(a_cut_after_any_byte_ends_in_closed),
        cmocka_unit_test(a_flipped_bit_never_connects),
        cmocka_unit_test(explanations_are_cut_to_the_buffer),
        cmocka_unit_test(every_failure_and_alert_has_words),
    };
    return cmocka_run_group_tests_name("tls failures", tests, rig_group_setup,
                                       rig_group_teardown);
}
