/* SPDX-License-Identifier: MIT */
/* Settings: what is missing is named, what cannot be parsed is refused. */
#include "rig.h"

#include <mbedtls/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refused(const struct cleat_tls_config *config, int err,
                    const char *words) {
    struct cleat_tls t;
    struct cleat_detail detail;
    assert_int_equal(cleat_tls_init(&t, config, &detail), err);
    assert_non_null(detail.text);
    assert_has(detail.text, words);
}

static void what_is_missing_is_named(void **state) {
    const struct cleat_bytes none = {NULL, 0};
    struct rig r;
    (void)state;
    rig_init(&r);
    struct cleat_tls_config config = r.config;
    config.certificate = none;
    refused(&config, CLEAT_ERR_ARG, "client certificate missing");
    config = r.config;
    config.ca[0] = none;
    refused(&config, CLEAT_ERR_ARG, "root ca missing");
    config = r.config;
    config.se = NULL;
    refused(&config, CLEAT_ERR_ARG, "private key missing");
    config = r.config;
    config.hostname = "";
    refused(&config, CLEAT_ERR_ARG, "host name missing");
    config = r.config;
    config.lower = NULL;
    refused(&config, CLEAT_ERR_ARG, "no stream");
    element_deinit(&r.element);
}

static void what_cannot_be_parsed_is_refused(void **state) {
    static const uint8_t junk[] = "junk";
    struct rig r;
    (void)state;
    rig_init(&r);
    struct cleat_tls_config config = r.config;
    config.certificate = cleat_bytes_of(junk, 4);
    refused(&config, CLEAT_ERR_VERIFY, "own certificate");
    config.certificate =
        cleat_bytes_of(rig_pki.device_der.data, rig_pki.device_der.len - 1);
    refused(&config, CLEAT_ERR_VERIFY, "own certificate");
    config = r.config;
    config.ca[0] = cleat_bytes_of(junk, 4);
    refused(&config, CLEAT_ERR_VERIFY, "ca certificate");
    config.ca[0] = cleat_bytes_str("-----BEGIN CERTIFICATE-----\nMII=\n"
                                   "-----END CERTIFICATE-----\n");
    refused(&config, CLEAT_ERR_VERIFY, "ca certificate");
    element_deinit(&r.element);
}

static void an_identity_of_another_kind_is_refused(void **state) {
    static const char *const kinds[] = {"RSA", "P-521"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct pki_spec spec = {.key = kinds[i], .cn = "device"};
        struct pki device = pki_make(&spec, &rig_pki.device_ca);
        struct cleat_bytes der = pki_der(&device);
        struct rig r;
        rig_init(&r);
        r.config.certificate = der;
        refused(&r.config, CLEAT_ERR_UNSUPPORTED, "certificate");
        element_deinit(&r.element);
        OPENSSL_free((void *)(uintptr_t)der.data);
        pki_free(&device);
    }
}

static void a_pem_bundle_with_text_between_is_read_whole(void **state) {
    struct cleat_bytes a = pki_pem(&rig_pki.device_ca);
    struct cleat_bytes b = pki_pem(&rig_pki.ca);
    size_t len = a.len + b.len + 40;
    char *bundle = malloc(len);
    struct rig r;
    (void)state;
    size_t at = (size_t)snprintf(bundle, len, "# one\r\n");
    memcpy(bundle + at, a.data, a.len);
    at += a.len;
    memcpy(bundle + at, "# two\n", 6);
    at += 6;
    memcpy(bundle + at, b.data, b.len);
    at += b.len;
    rig_init(&r);
    r.config.ca[0] = cleat_bytes_of(bundle, at);
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);
    free(bundle);
    OPENSSL_free((void *)(uintptr_t)a.data);
    OPENSSL_free((void *)(uintptr_t)b.data);
}

static void several_ca_views_are_all_trusted(void **state) {
    struct cleat_bytes other = pki_der(&rig_pki.device_ca);
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.ca[3] = r.config.ca[0];
    r.config.ca[0] = other;
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);
    OPENSSL_free((void *)(uintptr_t)other.data);
}

/* An intermediate stands behind the leaf, as the element yields it. */
static void the_whole_own_chain_is_sent(void **state) {
    const struct pki_spec mid_spec = {.key = "P-256", .cn = "mid", .ca = true};
    const struct pki_spec spec = {.key = "P-256", .cn = "device-2"};
    struct pki mid = pki_make(&mid_spec, &rig_pki.device_ca);
    struct pki device = pki_make(&spec, &mid);
    struct cleat_bytes a = pki_der(&device);
    struct cleat_bytes b = pki_der(&mid);
    uint8_t *chain = malloc(a.len + b.len);
    struct rig r;
    (void)state;
    memcpy(chain, a.data, a.len);
    memcpy(chain + a.len, b.data, b.len);
    rig_init(&r);
    r.element.identity = device.key;
    r.config.certificate = cleat_bytes_of(chain, a.len + b.len);
    assert_int_equal(rig_go(&r), 0);
    rig_deinit(&r);
    free(chain);
    OPENSSL_free((void *)(uintptr_t)a.data);
    OPENSSL_free((void *)(uintptr_t)b.data);
    pki_free(&device);
    pki_free(&mid);
}

static void identity_check_tells_whether_key_and_certificate_match(void **s) {
    EVP_PKEY *other = EVP_EC_gen("P-256");
    struct cleat_detail detail;
    struct rig r;
    (void)s;
    rig_init(&r);
    rig_start(&r);
    assert_int_equal(cleat_tls_check_identity(&r.tls, &detail), 0);
    r.element.identity = other;
    assert_int_equal(cleat_tls_check_identity(&r.tls, &detail),
                     CLEAT_ERR_VERIFY);
    assert_has(detail.text, "do not belong together");
    assert_int_equal(detail.object, CLEAT_SE_OBJECT_KEY);
    r.element.fail_type = CLEAT_SE_SIGN;
    r.element.fail_err = CLEAT_ERR_DENIED;
    assert_int_equal(cleat_tls_check_identity(&r.tls, &detail),
                     CLEAT_ERR_DENIED);
    assert_int_equal(detail.layer, CLEAT_LAYER_CHIP);
    rig_deinit(&r);
    EVP_PKEY_free(other);
}

static int allocations_left;

static void *scarce_calloc(size_t count, size_t size) {
    if (allocations_left == 0) {
        return NULL;
    }
    allocations_left--;
    return calloc(count, size);
}

static void running_out_of_memory_anywhere_is_survived(void **state) {
    int err = CLEAT_ERR_FULL;
    (void)state;
    mbedtls_platform_set_calloc_free(scarce_calloc, free);
    for (int n = 0; err != 0; n++) {
        struct rig r;
        struct cleat_detail detail;
        rig_init(&r);
        server_init(&r.server, &r.spec);
        allocations_left = n;
        err = cleat_tls_init(&r.tls, &r.config, &detail);
        if (err == 0) {
            r.stream = cleat_tls_stream(&r.tls);
            err = rig_connect(&r);
            assert_int_not_equal(err, CLEAT_ERR_AGAIN);
            cleat_tls_deinit(&r.tls);
        }
        assert_int_equal(r.element.se.sessions_used, 0);
        server_deinit(&r.server);
        element_deinit(&r.element);
    }
    mbedtls_platform_set_calloc_free(calloc, free);
}

static void deinit_leaves_zeros(void **state) {
    static const struct cleat_tls zero;
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_deinit(&r.tls);
    assert_memory_equal(&r.tls, &zero, sizeof zero);
    rig_deinit(&r); /* a second time is fine */
}

static void a_failed_connection_does_not_hide_the_elements_error(void **state) {
    struct rig r;
    struct cleat_detail detail;
    (void)state;
    rig_init(&r);
    r.config.hostname = "elsewhere";
    rig_start(&r);
    assert_int_equal(rig_connect(&r), CLEAT_ERR_VERIFY);
    r.stream->close(r.stream->self);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_WRONG_HOST);
    r.element.fail_type = CLEAT_SE_SIGN;
    r.element.fail_err = CLEAT_ERR_IO;
    assert_int_equal(cleat_tls_check_identity(&r.tls, &detail), CLEAT_ERR_IO);
    assert_int_equal(detail.layer, CLEAT_LAYER_CHIP);
    assert_int_equal(detail.object, CLEAT_SE_OBJECT_KEY);
    r.element.fail_type = -1;
    assert_int_equal(cleat_tls_check_identity(&r.tls, &detail), 0);
    assert_int_equal(cleat_tls_get_failure(&r.tls), CLEAT_TLS_FINE);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_cannot_be_parsed_is_refused),
        cmocka_unit_test(an_identity_of_another_kind_is_refused),
        cmocka_unit_test(a_pem_bundle_with_text_between_is_read_whole),
        cmocka_unit_test(several_ca_views_are_all_trusted),
        cmocka_unit_test(the_whole_own_chain_is_sent),
        cmocka_unit_test(
            identity_check_tells_whether_key_and_certificate_match),
        cmocka_unit_test(running_out_of_memory_anywhere_is_survived),
        cmocka_unit_test(deinit_leaves_zeros),
        cmocka_unit_test(a_failed_connection_does_not_hide_the_elements_error),
    };
    return cmocka_run_group_tests_name("tls config", tests, rig_group_setup,
                                       rig_group_teardown);
}
