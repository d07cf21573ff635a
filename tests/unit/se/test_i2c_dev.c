/* SPDX-License-Identifier: MIT */
/* i2c-dev where there is no bus: the errors it opens with. A real adapter is
 * needed for more. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>

#include "cleat/linux_i2c.h"

static void a_missing_device_is_not_found(void **state) {
    (void)state;
    struct cleat_i2c bus;
    struct cleat_detail detail;
    assert_int_equal(
        cleat_linux_i2c_dev_open("/nonexistent/i2c-9", &bus, &detail),
        CLEAT_ERR_NOT_FOUND);
    assert_int_equal(detail.layer, CLEAT_LAYER_BUS);
    assert_int_equal(detail.code, ENOENT);
    assert_non_null(detail.text);
    assert_null(bus.self);
    assert_int_equal(cleat_linux_i2c_dev_open("/nonexistent/i2c-9", &bus, NULL),
                     CLEAT_ERR_NOT_FOUND);
    cleat_linux_i2c_dev_close(&bus); /* Harmless. */
}

static void a_file_that_is_no_adapter_is_refused(void **state) {
    (void)state;
    struct cleat_i2c bus;
    struct cleat_detail detail;
    assert_int_equal(cleat_linux_i2c_dev_open("/dev/null", &bus, &detail),
                     CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(detail.code, ENOTTY);
    assert_null(bus.self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_device_is_not_found),
        cmocka_unit_test(a_file_that_is_no_adapter_is_refused),
    };
    return cmocka_run_group_tests_name("i2c_dev", tests, NULL, NULL);
}
