/* SPDX-License-Identifier: MIT */
/* src/tls/config.c of the smallest build: what is not compiled is refused. */
#include "rig.h"

#include "tls/context.h"

static int some_random(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    (void)data;
    (void)len;
    return 0;
}

static int64_t some_clock(void *arg) {
    (void)arg;
    return 0;
}

static void check(const struct cleat_tls_config *config) {
    assert_int_equal(cleat_tls_config_check(config), CLEAT_TLS_NO_FEATURE);
}

static void settings_of_what_is_not_compiled_are_refused(void **state) {
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_int_equal(cleat_tls_config_check(&r.config), CLEAT_TLS_CONTENT);
    struct cleat_tls_config c = r.config;
    c.random = some_random;
    check(&c);
    c = r.config;
    c.clock = some_clock;
    check(&c);
    c = r.config;
    c.version = CLEAT_TLS_VERSION_ANY;
    check(&c);
    c = r.config;
    c.chain = CLEAT_TLS_CHAIN_FALLBACK;
    check(&c);
    c = r.config;
    c.ca_object = 0xE0E8;
    check(&c);
    c = r.config;
    c.chip_only = true;
    check(&c);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_what_is_not_compiled_are_refused),
    };
    return cmocka_run_group_tests_name("tls small", tests, rig_group_setup,
                                       rig_group_teardown);
}
