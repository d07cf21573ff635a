/* SPDX-License-Identifier: MIT */
/* Connections that work: what was agreed, and who did the cryptography. */
#include "rig.h"

#include <string.h>

static void mutual_tls_is_done_by_the_element(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_string_equal(info.version, "TLSv1.2");
    assert_string_equal(info.suite, "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256");
    assert_string_equal(info.curve, "secp256r1");
    assert_string_equal(info.subject, "CN=broker");
    assert_string_equal(info.anchor, "CN=test ca");
    assert_string_equal(info.alpn, "");
    assert_int_equal(info.calls->generate, 1);
    assert_int_equal(info.calls->agree, 1);
    assert_int_equal(info.calls->sign, 1);
    assert_int_equal(info.calls->verify, 2);
    assert_int_equal(info.calls->random, 1);
    assert_int_equal(info.calls->failed, 0);
    assert_int_equal(info.calls->software_random, 0);
    assert_int_equal(r.element.asked[CLEAT_SE_GENERATE], 1);
    assert_int_equal(r.element.asked[CLEAT_SE_AGREE], 1);
    assert_int_equal(r.element.asked[CLEAT_SE_SIGN], 1);
    assert_int_equal(r.element.asked[CLEAT_SE_VERIFY], 2);
    assert_int_equal(SSL_get_verify_result(r.server.ssl), X509_V_OK);
    X509 *seen = SSL_get1_peer_certificate(r.server.ssl);
    assert_int_equal(X509_cmp(seen, rig_pki.device.cert), 0);
    X509_free(seen);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_FINE);
    assert_int_equal(cleat_tls_explain(&r.tls, r.words, sizeof r.words), 0);
    rig_deinit(&r);
}

static int counting_random(void *arg, uint8_t *data, size_t len) {
    int *left = arg;
    if (*left == 0) {
        return CLEAT_ERR_IO;
    }
    (*left)--;
    memset(data, 0x5A, len);
    return 0;
}

static void a_hosts_random_source_replaces_the_elements(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    int left = 100;
    (void)state;
    rig_init(&r);
    r.config.random = counting_random;
    r.config.random_arg = &left;
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_int_equal(info.calls->random, 0);
    assert_int_equal(info.calls->software_random, 1);
    assert_int_equal(left, 99);
    assert_int_equal(r.element.asked[CLEAT_SE_RANDOM], 0);
    rig_deinit(&r);
}

static void a_random_source_that_fails_fails_the_handshake(void **state) {
    struct rig r;
    int left = 0;
    (void)state;
    rig_init(&r);
    r.config.random = counting_random;
    r.config.random_arg = &left;
    rig_fails(&r, CLEAT_ERR_IO, CLEAT_TLS_CHIP, "random source");
    rig_deinit(&r);
}

static void p384_works_with_an_intermediate(void **state) {
    const struct pki_spec root_spec = {
        .key = "P-384", .cn = "root", .ca = true};
    const struct pki_spec mid_spec = {.key = "P-256", .cn = "mid", .ca = true};
    const struct pki_spec leaf_spec = {
        .key = "P-384", .cn = "leaf", .san = "DNS:localhost"};
    struct pki root = pki_make(&root_spec, NULL);
    struct pki mid = pki_make(&mid_spec, &root);
    struct pki leaf = pki_make(&leaf_spec, &mid);
    struct cleat_bytes pem = pki_pem(&root);
    struct cleat_tls_info info;
    struct rig r;
    (void)state;
    rig_init(&r);
    r.spec.cert = &leaf;
    r.spec.extra = &mid;
    r.spec.groups = "P-384:P-256";
    r.spec.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
    r.config.ca[0] = pem;
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_string_equal(info.curve, "secp384r1");
    assert_string_equal(info.suite, "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384");
    assert_int_equal(info.calls->verify, 3);
    assert_int_equal(info.calls->sign, 1);
    rig_deinit(&r);
    OPENSSL_free((void *)(uintptr_t)pem.data);
    pki_free(&leaf);
    pki_free(&mid);
    pki_free(&root);
}

static void a_p384_identity_signs(void **state) {
    const struct pki_spec spec = {.key = "P-384", .cn = "device-384"};
    struct pki device = pki_make(&spec, &rig_pki.device_ca);
    struct cleat_bytes der = pki_der(&device);
    struct rig r;
    (void)state;
    rig_init(&r);
    r.element.identity = device.key;
    r.config.certificate = der;
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);
    OPENSSL_free((void *)(uintptr_t)der.data);
    pki_free(&device);
}

static void alpn_is_offered_and_its_answer_told(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    rig_init(&r);
    r.config.alpn = "x-amzn-mqtt-ca";
    r.spec.alpn = "x-amzn-mqtt-ca";
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_string_equal(info.alpn, "x-amzn-mqtt-ca");
    rig_deinit(&r);
}

static void a_server_that_ignores_alpn_is_accepted(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.alpn = "x-amzn-mqtt-ca";
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);
}

static void the_host_name_is_sent_as_sni(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    assert_string_equal(r.server.sni, "localhost");
    rig_deinit(&r);
}

static void sni_setting_replaces_the_host_name(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.hostname = "127.0.0.1";
    r.config.sni = "localhost";
    assert_int_equal(rig_go(&r), 0);
    assert_string_equal(r.server.sni, "localhost");
    rig_deinit(&r);
}

static void an_address_is_checked_but_not_sent_as_sni(void **state) {
    static const char *const good[] = {"127.0.0.1", "::1"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        rig_init(&r);
        r.config.hostname = good[i];
        assert_int_equal(rig_go(&r), 0);
        assert_string_equal(r.server.sni, "");
        rig_deinit(&r);
    }
    struct rig r;
    rig_init(&r);
    r.config.hostname = "127.0.0.2";
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_WRONG_HOST, "not 127.0.0.2");
    assert_has(r.words, "localhost, 127.0.0.1");
    rig_deinit(&r);
}

static void ecdhe_rsa_works_when_it_is_allowed(void **state) {
    const struct pki_spec spec = {
        .key = "RSA", .cn = "rsa", .san = "DNS:localhost"};
    const struct pki_spec ca_spec = {.key = "RSA", .cn = "rsa ca", .ca = true};
    struct pki ca = pki_make(&ca_spec, NULL);
    struct pki server = pki_make(&spec, &ca);
    struct cleat_bytes der = pki_der(&ca);
    struct cleat_tls_info info;
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.ca[1] = der;
    r.config.allow_rsa = true;
    r.spec.cert = &server;
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_string_equal(info.suite, "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256");
    assert_int_equal(info.calls->generate, 1);
    assert_int_equal(info.calls->agree, 1);
    assert_int_equal(info.calls->sign, 1);
    assert_int_equal(info.calls->verify, 0);
    rig_deinit(&r);

    rig_init(&r);
    r.config.ca[1] = der;
    r.spec.cert = &server;
    rig_fails(&r, CLEAT_ERR_PROTO, CLEAT_TLS_NO_COMMON, "no common suite");
    rig_deinit(&r);
    OPENSSL_free((void *)(uintptr_t)der.data);
    pki_free(&server);
    pki_free(&ca);
}

static void bytes_may_come_one_at_a_time(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_start(&r);
    r.server.chunk = 1;
    assert_int_equal(rig_connect(&r), 0);
    rig_deinit(&r);
}

static void two_connections_do_not_disturb_each_other(void **state) {
    struct rig a;
    struct rig b;
    int done = 0;
    (void)state;
    rig_init(&a);
    rig_init(&b);
    /* Both on one element, in turns, byte by byte. */
    b.config.se = &a.element.se;
    rig_start(&a);
    rig_start(&b);
    a.server.chunk = 7;
    b.server.chunk = 5;
    for (int i = 0; i < 20000 && done != 3; i++) {
        int ea = a.stream->open(a.stream->self, 0);
        int eb = b.stream->open(b.stream->self, 0);
        assert_true(ea == 0 || ea == CLEAT_ERR_AGAIN);
        assert_true(eb == 0 || eb == CLEAT_ERR_AGAIN);
        done = (ea == 0 ? 1 : 0) | (eb == 0 ? 2 : 0);
        server_step(&a.server);
        server_step(&b.server);
    }
    assert_int_equal(done, 3);
    assert_int_equal(a.element.asked[CLEAT_SE_AGREE], 2);
    rig_deinit(&b);
    rig_deinit(&a);
}

static void a_stream_opens_again_after_close(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    for (int i = 0; i < 3; i++) {
        struct cleat_tls_info info;
        r.stream->close(r.stream->self);
        assert_false(r.server.open);
        assert_int_equal(r.stream->write(r.stream->self, (uint8_t *)"x", 1),
                         CLEAT_ERR_STATE);
        server_deinit(&r.server);
        server_init(&r.server, &r.spec);
        assert_int_equal(rig_connect(&r), 0);
        cleat_tls_get_info(&r.tls, &info);
        assert_int_equal(info.calls->generate, 1);
    }
    rig_deinit(&r);
}

static void close_tells_the_server(void **state) {
    struct rig r;
    char byte;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    r.stream->close(r.stream->self);
    int n = SSL_read(r.server.ssl, &byte, 1);
    assert_int_equal(SSL_get_error(r.server.ssl, n), SSL_ERROR_ZERO_RETURN);
    rig_deinit(&r);
}

/* Ours puts AES-128 first; a server may go by its own order instead. */
static void the_suite_order_is_ours_unless_the_server_has_one(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    for (int own = 0; own < 2; own++) {
        rig_init(&r);
        r.spec.ciphers = own ? "ECDHE-ECDSA-AES256-GCM-SHA384:"
                               "ECDHE-ECDSA-AES128-GCM-SHA256"
                             : NULL;
        assert_int_equal(rig_go(&r), 0);
        cleat_tls_get_info(&r.tls, &info);
        assert_string_equal(info.suite,
                            own ? "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"
                                : "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256");
        rig_deinit(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_order_is_ours_unless_the_server_has_one),
        cmocka_unit_test(mutual_tls_is_done_by_the_element),
        cmocka_unit_test(a_hosts_random_source_replaces_the_elements),
        cmocka_unit_test(a_random_source_that_fails_fails_the_handshake),
        cmocka_unit_test(p384_works_with_an_intermediate),
        cmocka_unit_test(a_p384_identity_signs),
        cmocka_unit_test(alpn_is_offered_and_its_answer_told),
        cmocka_unit_test(a_server_that_ignores_alpn_is_accepted),
        cmocka_unit_test(the_host_name_is_sent_as_sni),
        cmocka_unit_test(sni_setting_replaces_the_host_name),
        cmocka_unit_test(an_address_is_checked_but_not_sent_as_sni),
        cmocka_unit_test(ecdhe_rsa_works_when_it_is_allowed),
        cmocka_unit_test(bytes_may_come_one_at_a_time),
        cmocka_unit_test(two_connections_do_not_disturb_each_other),
        cmocka_unit_test(a_stream_opens_again_after_close),
        cmocka_unit_test(close_tells_the_server),
    };
    return cmocka_run_group_tests_name("tls handshake", tests, rig_group_setup,
                                       rig_group_teardown);
}
