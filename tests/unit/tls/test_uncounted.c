/* SPDX-License-Identifier: MIT */
/* src/tls/key.c with CLEAT_TLS_COUNTS=0: the element works, nobody counts. */
#include "rig.h"

#include <string.h>

static void the_element_works_and_nobody_counts(void **state) {
    const struct cleat_tls_calls none = {0};
    struct rig r;
    struct cleat_tls_info info;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    cleat_tls_get_info(&r.tls, &info);
    assert_string_equal(info.version, "TLSv1.2");
    assert_int_equal(r.element.asked[CLEAT_SE_GENERATE], 1);
    assert_int_equal(r.element.asked[CLEAT_SE_AGREE], 1);
    assert_int_equal(r.element.asked[CLEAT_SE_SIGN], 1);
    assert_int_equal(r.element.asked[CLEAT_SE_VERIFY], 2);
    assert_memory_equal(info.calls, &none, sizeof none);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_element_works_and_nobody_counts),
    };
    return cmocka_run_group_tests_name("tls uncounted", tests, rig_group_setup,
                                       rig_group_teardown);
}
