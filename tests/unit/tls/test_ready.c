/* SPDX-License-Identifier: MIT */
/*
 * Keys and random numbers made ahead: a handshake takes them, makes its own
 * where there are none, and gives the session object back either way.
 */
#include "rig.h"

#include <string.h>

#include "cleat/se_ready.h"

struct ahead {
    struct rig r;
    struct cleat_se_ready ready;
};

static void ahead_init(struct ahead *a, enum cleat_tls_version version) {
    rig_init(&a->r);
    a->r.config.version = version;
    a->r.config.ready = &a->ready;
    cleat_se_ready_init(&a->ready, &a->r.element.se, CLEAT_CURVE_P256);
}

static void ahead_fill(struct ahead *a) {
    int err = CLEAT_ERR_AGAIN;
    for (int i = 0; i < 20 && err == CLEAT_ERR_AGAIN; i++) {
        err = cleat_se_ready_fill(&a->ready);
        cleat_se_step(&a->r.element.se, fake_port_now_ms);
    }
    assert_int_equal(err, 0);
}

static void ahead_deinit(struct ahead *a) {
    cleat_se_ready_drop(&a->ready);
    rig_deinit(&a->r);
}

static void what_is_ready_is_taken(void **state) {
    (void)state;
    for (int v = CLEAT_TLS_VERSION_1_2; v <= CLEAT_TLS_VERSION_1_3; v++) {
        struct ahead a;
        struct cleat_tls_info info;
        ahead_init(&a, (enum cleat_tls_version)v);
        ahead_fill(&a);
        uint32_t generated = a.r.element.asked[CLEAT_SE_GENERATE];
        uint32_t drawn = a.r.element.asked[CLEAT_SE_RANDOM];
        assert_int_equal(rig_go(&a.r), 0);
        cleat_tls_get_info(&a.r.tls, &info);
        assert_int_equal(info.calls->prepared, 2);
        assert_int_equal(info.calls->generate, 0);
        assert_int_equal(info.calls->random,
                         v == CLEAT_TLS_VERSION_1_2 ? 0 : 1);
        assert_int_equal(info.calls->agree, 1);
        assert_int_equal(a.r.element.asked[CLEAT_SE_GENERATE], generated);
        assert_int_equal(a.r.element.asked[CLEAT_SE_RANDOM],
                         drawn + info.calls->random);
        assert_int_equal(a.r.element.se.sessions_used, 0);
        ahead_deinit(&a);
    }
}

static void what_is_not_ready_is_made(void **state) {
    struct ahead a;
    struct cleat_tls_info info;
    (void)state;
    ahead_init(&a, CLEAT_TLS_VERSION_1_2);
    assert_int_equal(rig_go(&a.r), 0);
    cleat_tls_get_info(&a.r.tls, &info);
    assert_int_equal(info.calls->prepared, 0);
    assert_int_equal(info.calls->generate, 1);
    assert_int_equal(info.calls->random, 1);
    ahead_deinit(&a);
}

static void a_key_of_another_curve_stays_for_later(void **state) {
    struct ahead a;
    struct cleat_tls_info info;
    (void)state;
    ahead_init(&a, CLEAT_TLS_VERSION_1_2);
    ahead_fill(&a);
    a.r.spec.groups = "P-384:P-256";
    a.r.spec.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"; /* its order counts */
    assert_int_equal(rig_go(&a.r), 0);
    cleat_tls_get_info(&a.r.tls, &info);
    assert_string_equal(info.curve, "secp384r1");
    assert_int_equal(info.calls->generate, 1);
    assert_int_equal(a.r.element.se.sessions_used, 1); /* still held ready */
    ahead_deinit(&a);
}

static void a_retry_gives_the_first_key_back(void **state) {
    struct ahead a;
    struct cleat_tls_info info;
    (void)state;
    ahead_init(&a, CLEAT_TLS_VERSION_1_3);
    ahead_fill(&a);
    a.r.spec.groups = "P-384";
    assert_int_equal(rig_go(&a.r), 0);
    cleat_tls_get_info(&a.r.tls, &info);
    assert_int_equal(info.calls->generate, 1);
    assert_int_equal(info.calls->prepared, 2);
    assert_int_equal(a.r.element.se.sessions_used, 0);
    ahead_deinit(&a);
}

static void each_connection_has_a_key_of_its_own(void **state) {
    struct ahead a;
    struct cleat_tls_info info;
    (void)state;
    ahead_init(&a, CLEAT_TLS_VERSION_1_2);
    ahead_fill(&a);
    assert_int_equal(rig_go(&a.r), 0);
    a.r.stream->close(a.r.stream->self);
    server_renew(&a.r.server);
    assert_int_equal(rig_connect(&a.r), 0);
    cleat_tls_get_info(&a.r.tls, &info);
    assert_int_equal(info.calls->generate, 1); /* nobody filled it again */
    ahead_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ready_is_taken),
        cmocka_unit_test(what_is_not_ready_is_made),
        cmocka_unit_test(a_key_of_another_curve_stays_for_later),
        cmocka_unit_test(a_retry_gives_the_first_key_back),
        cmocka_unit_test(each_connection_has_a_key_of_its_own),
    };
    return cmocka_run_group_tests_name("tls ready", tests, rig_group_setup,
                                       rig_group_teardown);
}
