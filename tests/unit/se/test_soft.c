/* SPDX-License-Identifier: MIT */
/* The software element: the conformance suite, and what it refuses to load. */
#define _POSIX_C_SOURCE 200809L
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance.h"

static char dir[] = "/tmp/cleat-soft-XXXXXX";
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};

static void path_of(char out[128], const char *name) {
    snprintf(out, 128, "%s/%s", dir, name);
}

static void write_identity(const char *group, const char *key_name,
                           const char *cert_name) {
    char path[128];
    EVP_PKEY *key = EVP_EC_gen(group);
    X509 *cert = X509_new();
    assert_non_null(key);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    path_of(path, key_name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    path_of(path, cert_name);
    f = fopen(path, "w");
    assert_non_null(f);
    PEM_write_X509(f, cert);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int init(const char *key, const char *cert,
                struct cleat_detail *detail) {
    char address[512];
    snprintf(address, sizeof address, "%s/%s,%s/%s", dir, key, dir, cert);
    struct cleat_se_config config = {NULL, address, 0, 0, NULL};
    const struct cleat_se_driver *driver =
        cleat_se_driver_find(cleat_bytes_str("soft"));
    assert_non_null(driver);
    assert_true(driver->tests_only);
    return cleat_se_init(&se, driver, &config, &task, detail);
}

static void conforms_with(const char *key, const char *cert,
                          enum cleat_curve curve) {
    struct conformance c = {&se,
                            CLEAT_SE_OBJECT_KEY,
                            CLEAT_SE_OBJECT_CERTIFICATE,
                            curve,
                            0xF1D0,
                            0xF1E0,
                            0xE120};
    assert_int_equal(init(key, cert, NULL), 0);
    conformance_run(&c);
    cleat_se_deinit(&se);
}

static void soft_conforms_with_a_p256_identity(void **state) {
    (void)state;
    conforms_with("key256.pem", "cert256.pem", CLEAT_CURVE_P256);
}

static void soft_conforms_with_a_p384_identity(void **state) {
    (void)state;
    conforms_with("key384.pem", "cert384.pem", CLEAT_CURVE_P384);
}

static void soft_says_which_file_it_cannot_use(void **state) {
    (void)state;
    struct cleat_detail detail;
    assert_int_equal(init("none.pem", "cert256.pem", &detail),
                     CLEAT_ERR_NOT_FOUND);
    assert_string_equal(detail.text, "cannot open the key file");
    assert_int_equal(init("key256.pem", "none.pem", &detail),
                     CLEAT_ERR_NOT_FOUND);
    assert_string_equal(detail.text, "cannot open the certificate file");
    assert_int_equal(init("cert256.pem", "cert256.pem", &detail),
                     CLEAT_ERR_ARG);
    assert_int_equal(init("key256.pem", "key256.pem", &detail), CLEAT_ERR_ARG);
    struct cleat_se_config config = {NULL, "nocomma.pem", 0, 0, NULL};
    assert_int_equal(
        cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("soft")),
                      &config, &task, &detail),
        CLEAT_ERR_ARG);
    assert_string_equal(detail.text, "expected KEY.pem,CERT.pem");
}

static int make_files(void **state) {
    (void)state;
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    write_identity("P-256", "key256.pem", "cert256.pem");
    write_identity("P-384", "key384.pem", "cert384.pem");
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    static const char *const names[] = {"key256.pem", "cert256.pem",
                                        "key384.pem", "cert384.pem"};
    char path[128];
    for (size_t i = 0; i < 4; i++) {
        path_of(path, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soft_conforms_with_a_p256_identity),
        cmocka_unit_test(soft_conforms_with_a_p384_identity),
        cmocka_unit_test(soft_says_which_file_it_cannot_use),
    };
    return cmocka_run_group_tests_name("soft", tests, make_files, remove_files);
}
