/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.3: that its key share, its agreement, its signature and its checks are
 * the element's as in 1.2, and that "all on the chip" is kept or refused.
 */
#include "rig.h"

#include <string.h>

#include "cleat/tls_session.h"

static struct cleat_tls_session kept;

static void prepare(struct rig *r) {
    rig_init(r);
    r->config.version = CLEAT_TLS_VERSION_1_3;
}

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

static void every_key_is_the_element_s(void **state) {
    static const char *const groups[] = {"P-256", "P-384"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        struct cleat_tls_info info;
        prepare(&r);
        r.config.chip_only = true;
        r.spec.groups = groups[i];
        assert_int_equal(rig_go(&r), 0);
        say_and_hear(&r);
        cleat_tls_get_info(&r.tls, &info);
        assert_string_equal(info.version, "TLSv1.3");
        assert_string_equal(info.suite, "TLS1-3-AES-128-GCM-SHA256");
        assert_string_equal(info.curve, i == 0 ? "secp256r1" : "secp384r1");
        assert_string_equal(info.subject, "CN=broker");
        /* P-384 takes a HelloRetryRequest, and a second pair. */
        assert_int_equal(info.calls->generate, 1 + i);
        assert_int_equal(info.calls->agree, 1);
        assert_int_equal(info.calls->sign, 1);
        assert_int_equal(info.calls->verify, 2);
        assert_int_equal(info.calls->random, 2);
        assert_int_equal(info.calls->on_host, 0);
        assert_int_equal(info.calls->rsa_verify, 0);
        assert_int_equal(info.calls->software_random, 0);
        assert_int_equal(r.element.asked[CLEAT_SE_GENERATE], 1 + i);
        assert_int_equal(r.element.asked[CLEAT_SE_AGREE], 1);
        assert_int_equal(r.element.asked[CLEAT_SE_SIGN], 1);
        rig_deinit(&r);
    }
}

static void the_server_chooses_the_version(void **state) {
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const char *const names[] = {"TLSv1.2", "TLSv1.3"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        struct cleat_tls_info info;
        rig_init(&r);
        r.config.version = CLEAT_TLS_VERSION_ANY;
        r.spec.max_version = versions[i];
        assert_int_equal(rig_go(&r), 0);
        cleat_tls_get_info(&r.tls, &info);
        assert_string_equal(info.version, names[i]);
        /* The share offered for 1.3 is of no use in 1.2. */
        assert_int_equal(info.calls->generate, 2 - i);
        assert_int_equal(info.calls->agree, 1);
        assert_int_equal(info.calls->sign, 1);
        say_and_hear(&r);
        rig_deinit(&r);
    }
}

static void a_server_of_1_2_only_is_told_apart(void **state) {
    struct rig r;
    (void)state;
    prepare(&r);
    r.spec.max_version = TLS1_2_VERSION;
    rig_fails(&r, CLEAT_ERR_PROTO, CLEAT_TLS_NO_COMMON, "no common");
    rig_deinit(&r);
}

static void an_address_is_no_sni_not_even_after_a_retry(void **state) {
    static const char *const groups[] = {"P-256", "P-384"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig r;
        prepare(&r);
        r.config.hostname = "127.0.0.1";
        r.spec.groups = groups[i];
        assert_int_equal(rig_go(&r), 0);
        assert_string_equal(r.server.sni, "");
        rig_deinit(&r);
        prepare(&r);
        r.config.hostname = "127.0.0.2";
        r.spec.groups = groups[i];
        rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_WRONG_HOST, "127.0.0.1");
        rig_deinit(&r);
    }
}

static void slow_delivery_and_cuts_everywhere_end_well(void **state) {
    struct rig r;
    (void)state;
    prepare(&r);
    assert_int_equal(rig_go(&r), 0);
    size_t all = r.server.delivered;
    rig_deinit(&r);
    for (size_t at = 0; at < all; at += 23) {
        prepare(&r);
        rig_start(&r);
        r.server.cut_at = at;
        assert_int_equal(rig_connect(&r), CLEAT_ERR_CLOSED);
        rig_deinit(&r);
    }
    prepare(&r);
    rig_start(&r);
    r.server.chunk = 3;
    assert_int_equal(rig_connect(&r), 0);
    say_and_hear(&r);
    rig_deinit(&r);
}

static void a_flipped_bit_never_connects(void **state) {
    struct rig r;
    (void)state;
    prepare(&r);
    assert_int_equal(rig_go(&r), 0);
    size_t all = r.server.delivered;
    rig_deinit(&r);
    for (size_t at = 5; at < all; at += 41) {
        prepare(&r);
        rig_start(&r);
        r.server.flip_at = at;
        int err = rig_connect(&r);
        if (r.server.flipped) {
            uint8_t byte;
            /* What comes behind the handshake is seen by the first read. */
            err = err == 0 ? r.stream->read(r.stream->self, &byte, 1) : err;
        }
        assert_true(err != 0 || !r.server.flipped);
        rig_deinit(&r);
    }
}

static void a_key_the_element_cannot_use_ends_with_its_words(void **state) {
    static const int types[] = {CLEAT_SE_GENERATE, CLEAT_SE_AGREE,
                                CLEAT_SE_SIGN, CLEAT_SE_VERIFY,
                                CLEAT_SE_RANDOM};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct rig r;
        prepare(&r);
        r.element.fail_type = types[i];
        r.element.fail_err = CLEAT_ERR_DENIED;
        rig_fails(&r, CLEAT_ERR_DENIED, CLEAT_TLS_CHIP, "access conditions");
        rig_deinit(&r);
    }
}

static void a_refused_client_learns_it_from_the_first_read(void **state) {
    struct rig r;
    uint8_t byte;
    (void)state;
    prepare(&r);
    r.spec.client_ca = &rig_pki.ca; /* not who signed the device's */
    int err = rig_go(&r);
    server_step(&r.server);
    err = err == 0 ? r.stream->read(r.stream->self, &byte, 1) : err;
    assert_int_equal(err, CLEAT_ERR_DENIED);
    assert_int_equal(cleat_tls_get_alert(&r.tls), 48);
    cleat_tls_explain(&r.tls, r.words, sizeof r.words);
    assert_has(r.words, "does not know who signed our certificate");
    rig_deinit(&r);
}

static void an_untrusted_server_is_refused(void **state) {
    struct pki other = pki_make(
        &(struct pki_spec){.key = "P-256", .cn = "other ca", .ca = true}, NULL);
    struct pki server = pki_make(&(struct pki_spec){.key = "P-256",
                                                    .cn = "broker",
                                                    .san = "DNS:localhost"},
                                 &other);
    struct rig r;
    (void)state;
    prepare(&r);
    r.spec.cert = &server;
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_UNKNOWN_CA, "unknown ca");
    rig_deinit(&r);
    pki_free(&server);
    pki_free(&other);
}

/* The element says of the second signature, the server's own, that it is bad.
 */
static void a_server_without_its_key_is_refused(void **state) {
    struct rig r;
    (void)state;
    prepare(&r);
    r.element.fail_type = CLEAT_SE_VERIFY;
    r.element.fail_err = CLEAT_ERR_VERIFY;
    r.element.fail_after = 1;
    rig_fails(&r, CLEAT_ERR_VERIFY, CLEAT_TLS_BAD_SIGNATURE, "signature");
    rig_deinit(&r);
}

static int again(struct rig *r) {
    r->stream->close(r->stream->self);
    server_renew(&r->server);
    return rig_connect(r);
}

static void a_resumed_session_still_agrees_anew(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    cleat_tls_session_init(&kept, 0);
    prepare(&r);
    r.config.session = &kept;
    r.spec.tickets = true;
    assert_int_equal(rig_go(&r), 0);
    say_and_hear(&r);
    assert_true(kept.len > 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(again(&r), 0);
        say_and_hear(&r);
        cleat_tls_get_info(&r.tls, &info);
        assert_true(info.resumed);
        assert_true(SSL_session_reused(r.server.ssl));
        assert_int_equal(info.calls->generate, 1);
        assert_int_equal(info.calls->agree, 1);
        assert_int_equal(info.calls->sign, 0);
        assert_int_equal(info.calls->verify, 0);
        assert_int_equal(info.calls->random, 0);
        assert_string_equal(info.subject, "CN=broker");
    }
    rig_deinit(&r);
}

static void all_on_the_chip_is_refused_where_it_cannot_be(void **state) {
    struct rig r;
    struct cleat_detail detail;
    (void)state;
    prepare(&r);
    server_init(&r.server, &r.spec);
    r.config.chip_only = true;
    r.config.allow_rsa = true;
    assert_int_equal(cleat_tls_init(&r.tls, &r.config, &detail), CLEAT_ERR_ARG);
    assert_has(detail.text, "rsa");
    r.config.allow_rsa = false;
    r.config.random = fake_port_random;
    assert_int_equal(cleat_tls_init(&r.tls, &r.config, &detail), CLEAT_ERR_ARG);
    assert_has(detail.text, "random");
    r.config.random = NULL;
    r.config.session = &kept;
    assert_int_equal(cleat_tls_init(&r.tls, &r.config, &detail), CLEAT_ERR_ARG);
    assert_has(detail.text, "resumed");
    r.config.session = NULL;
    server_deinit(&r.server);

    r.element.on_host_type = CLEAT_SE_AGREE;
    rig_fails(&r, CLEAT_ERR_UNSUPPORTED, CLEAT_TLS_NOT_ON_CHIP,
              "all on the chip is demanded");
    rig_deinit(&r);
}

static void what_the_driver_does_on_the_host_is_told(void **state) {
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    prepare(&r);
    r.element.on_host_type = CLEAT_SE_AGREE;
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_int_equal(info.calls->agree, 0);
    assert_int_equal(info.calls->on_host, 1);
    rig_deinit(&r);
}

static void rsa_signatures_are_counted_as_the_host_s(void **state) {
    struct pki ca = pki_make(
        &(struct pki_spec){.key = "RSA", .cn = "rsa ca", .ca = true}, NULL);
    struct pki mid = pki_make(
        &(struct pki_spec){.key = "RSA", .cn = "mid", .ca = true}, &ca);
    struct pki leaf = pki_make(&(struct pki_spec){.key = "RSA",
                                                  .cn = "broker",
                                                  .san = "DNS:localhost"},
                               &mid);
    struct cleat_bytes der = pki_der(&ca);
    (void)state;
    for (int v = CLEAT_TLS_VERSION_1_2; v <= CLEAT_TLS_VERSION_1_3; v++) {
        struct rig r;
        struct cleat_tls_info info;
        rig_init(&r);
        r.config.version = (enum cleat_tls_version)v;
        r.config.allow_rsa = true;
        r.config.ca[0] = der;
        r.spec.cert = &leaf;
        r.spec.extra = &mid;
        assert_int_equal(rig_go(&r), 0);
        say_and_hear(&r);
        cleat_tls_get_info(&r.tls, &info);
        assert_int_equal(info.calls->verify, 0);
        assert_int_equal(info.calls->rsa_verify, 3);
        rig_deinit(&r);
    }
    OPENSSL_free((void *)(uintptr_t)der.data);
    pki_free(&leaf);
    pki_free(&mid);
    pki_free(&ca);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_the_element_s),
        cmocka_unit_test(the_server_chooses_the_version),
        cmocka_unit_test(a_server_of_1_2_only_is_told_apart),
        cmocka_unit_test(an_address_is_no_sni_not_even_after_a_retry),
        cmocka_unit_test(slow_delivery_and_cuts_everywhere_end_well),
        cmocka_unit_test(a_flipped_bit_never_connects),
        cmocka_unit_test(a_key_the_element_cannot_use_ends_with_its_words),
        cmocka_unit_test(a_refused_client_learns_it_from_the_first_read),
        cmocka_unit_test(an_untrusted_server_is_refused),
        cmocka_unit_test(a_server_without_its_key_is_refused),
        cmocka_unit_test(a_resumed_session_still_agrees_anew),
        cmocka_unit_test(all_on_the_chip_is_refused_where_it_cannot_be),
        cmocka_unit_test(what_the_driver_does_on_the_host_is_told),
        cmocka_unit_test(rsa_signatures_are_counted_as_the_host_s),
    };
    return cmocka_run_group_tests_name("tls 1.3", tests, rig_group_setup,
                                       rig_group_teardown);
}
