/* SPDX-License-Identifier: MIT */
/* The software element of src/se under TLS: what `--chip soft:` is. */
#define _GNU_SOURCE
#include "rig.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_files(const char *dir, char *address, size_t cap) {
    char key[64];
    char cert[64];
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    FILE *f = fopen(key, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, rig_pki.device.key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    f = fopen(cert, "w");
    assert_non_null(f);
    PEM_write_X509(f, rig_pki.device.cert);
    fclose(f);
    snprintf(address, cap, "%s,%s", key, cert);
}

static void remove_files(const char *dir) {
    char path[64];
    snprintf(path, sizeof path, "%s/key.pem", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/cert.pem", dir);
    unlink(path);
    rmdir(dir);
}

static void soft_element_carries_a_connection(void **state) {
    static uint8_t der[2048];
    static struct cleat_se se;
    char dir[] = "/tmp/cleat-tls-XXXXXX";
    char address[160];
    struct cleat_se_stats stats;
    struct cleat_detail detail;
    struct rig r;
    (void)state;
    assert_non_null(mkdtemp(dir));
    write_files(dir, address, sizeof address);
    struct cleat_task task = {.name = "se", .step = cleat_se_step, .self = &se};
    const struct cleat_se_config config = {.address = address};
    const struct cleat_se_driver *driver =
        cleat_se_driver_find(cleat_bytes_str("soft"));
    assert_non_null(driver);
    int err = cleat_se_init(&se, driver, &config, &task, &detail);
    remove_files(dir);
    assert_int_equal(err, 0);
    struct cleat_se_op op = {.type = CLEAT_SE_OPEN};
    assert_int_equal(cleat_se_do(&se, &op, 0), 0);
    op = (struct cleat_se_op){.type = CLEAT_SE_CERTIFICATE,
                              .object = CLEAT_SE_OBJECT_CERTIFICATE,
                              .out = {der, sizeof der, 0}};
    assert_int_equal(cleat_se_do(&se, &op, 0), 0);

    rig_init(&r);
    r.config.se = &se;
    r.config.certificate = cleat_bytes_of(der, op.out.len);
    assert_int_equal(rig_go(&r), 0);
    cleat_se_get_stats(&se, &stats);
    assert_int_equal(stats.ops[CLEAT_SE_GENERATE], 1);
    assert_int_equal(stats.ops[CLEAT_SE_AGREE], 1);
    assert_int_equal(stats.ops[CLEAT_SE_SIGN], 1);
    assert_int_equal(stats.ops[CLEAT_SE_VERIFY], 2);
    assert_int_equal(stats.ops[CLEAT_SE_RANDOM], 1);
    assert_int_equal(se.sessions_used, 0);
    rig_deinit(&r);
    cleat_se_deinit(&se);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_element_carries_a_connection),
    };
    return cmocka_run_group_tests_name("tls soft", tests, rig_group_setup,
                                       rig_group_teardown);
}
