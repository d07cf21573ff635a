/* SPDX-License-Identifier: MIT */
/*
 * The virtual chip's folder: what it holds, that it survives being killed at
 * any moment, and that nothing is overwritten by mistake.
 */
#define _DEFAULT_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static char dir[64];
static char path_[128];
static struct host h;

static const char *in_dir(const char *name) {
    snprintf(path_, sizeof path_, "%s/%s", dir, name);
    return path_;
}

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/cleat-sim-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int teardown(void **state) {
    static const char *const names[] = {
        "lock", "chip.state", "chip.state.new", "README.txt", "factory-ca.pem",
        "keys", "ca.pem",     "ca.key",         "foreign"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlink(in_dir(names[i]));
    }
    return rmdir(dir);
}

static void start(void) {
    host_start(&h, &(struct cleat_sim_options){.dir = dir});
    host_open(&h);
}

/* Opening must fail, with these words among the reason. */
static void expect_refusal(const struct cleat_sim_options *o,
                           const char *words) {
    char why[256];
    struct cleat_sim *s = cleat_sim_open(o, why, sizeof why);
    assert_null(s);
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why, words);
    }
}

static X509 *device_certificate(void) {
    struct cleat_bytes c = cleat_sim_certificate(h.sim);
    const unsigned char *p = c.data + 9;
    X509 *x = d2i_X509(NULL, &p, (long)c.len - 9);
    assert_non_null(x);
    return x;
}

static int mode_of(const char *name) {
    struct stat st;
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 0777;
}

static void new_folder_gets_a_chip_with_an_identity_of_its_own(void **state) {
    (void)state;
    uint8_t uid[27];
    start();
    memcpy(uid, cleat_sim_uid(h.sim).data, 27);
    X509 *x = device_certificate();
    FILE *f = fopen(in_dir("factory-ca.pem"), "r");
    X509 *ca = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
    assert_int_equal(X509_get_version(x), 2);
    assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_CLIENT);
    assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
    assert_true(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);
    char cn[80];
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, 80);
    host_stop(&h);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(in_dir("chip.state")), 0600);
    assert_int_equal(mode_of(in_dir("README.txt")), 0600);
    start(); /* the same one again */
    assert_memory_equal(cleat_sim_uid(h.sim).data, uid, 27);
    X509 *y = device_certificate();
    assert_int_equal(X509_cmp(x, y), 0);
    host_stop(&h);
    host_start(&h, NULL); /* and another one is different */
    assert_memory_not_equal(cleat_sim_uid(h.sim).data, uid, 27);
    X509_free(y);
    y = device_certificate();
    char other[80];
    X509_NAME_get_text_by_NID(X509_get_subject_name(y), NID_commonName, other,
                              80);
    assert_string_not_equal(cn, other);
    host_stop(&h);
    X509_free(x);
    X509_free(y);
    X509_free(ca);
}

static void make_ca(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_NAME *n = X509_get_subject_name(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
                               (const unsigned char *)"test CA", -1, -1, 0);
    X509_set_issuer_name(x, n);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_sign(x, key, EVP_sha256());
    FILE *f = fopen("ca.pem", "w");
    PEM_write_X509(f, x);
    fclose(f);
    f = fopen("ca.key", "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void factory_uses_the_given_ca_and_name(void **state) {
    (void)state;
    char cwd[512];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(dir), 0);
    make_ca();
    struct cleat_sim_options o = {.dir = NULL,
                                  .ca_cert = "ca.pem",
                                  .ca_key = "ca.key",
                                  .common_name = "kit 7"};
    host_start(&h, &o);
    X509 *x = device_certificate();
    char cn[80];
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, 80);
    assert_string_equal(cn, "kit 7");
    X509_NAME_get_text_by_NID(X509_get_issuer_name(x), NID_commonName, cn, 80);
    assert_string_equal(cn, "test CA");
    X509_free(x);
    host_stop(&h);
    o.ca_cert = "missing.pem";
    expect_refusal(&o, "missing.pem");
    o.ca_cert = "ca.pem";
    o.ca_key = "ca.pem";
    expect_refusal(&o, "private key");
    o.ca_key = "ca.key";
    o.common_name = "";
    expect_refusal(&o, "common name");
    o.ca_key = NULL;
    expect_refusal(&o, "together");
    assert_int_equal(chdir(cwd), 0);
}

static void contents_survive_a_restart_and_session_keys_do_not(void **state) {
    (void)state;
    start();
    assert_int_equal(host_hex(&h, "82 40 0008 F1D0 0000 CAFEBABE"), 0);
    assert_int_equal(host_hex(&h, "82 01 0009 F1D0 0000 20 03 C0 01 03"), 0);
    assert_int_equal(host_hex(&h, "B8 03 0009 01 0002 E0F1 02 0001 10"), 0);
    assert_int_equal(host_hex(&h, "B8 03 0009 01 0002 E100 02 0001 10"), 0);
    host_stop(&h);
    start();
    assert_int_equal(host_hex(&h, "81 00 0002 F1D0"), 0);
    assert_memory_equal(host_data(&h).data, "\xCA\xFE\xBA\xBE", 4);
    assert_int_equal(host_hex(&h, "82 01 0009 F1D0 0000 20 03 C0 01 01"), 7);
    assert_int_equal(host_hex(&h, "B1 11 0018 01 0010 000102030405060708090a0b"
                                  "0c0d0e0f 03 0002 E0F1"),
                     0);
    assert_int_equal(host_hex(&h, "B1 11 0018 01 0010 000102030405060708090a0b"
                                  "0c0d0e0f 03 0002 E100"),
                     5);
    host_stop(&h);
}

static void second_opening_is_refused(void **state) {
    (void)state;
    start();
    expect_refusal(&(struct cleat_sim_options){.dir = dir}, "in use");
    pid_t child = fork();
    if (child == 0) {
        char why[256];
        struct cleat_sim_options o = {.dir = dir};
        _exit(cleat_sim_open(&o, why, sizeof why) == NULL ? 7 : 8);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    host_stop(&h);
    start();
    host_stop(&h);
}

static void damaged_state_is_reported_and_left_alone(void **state) {
    (void)state;
    static uint8_t image[20000];
    start();
    host_stop(&h);
    FILE *f = fopen(in_dir("chip.state"), "rb");
    size_t n = fread(image, 1, sizeof image, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut += cut < 64 ? 1 : 97) {
        f = fopen(in_dir("chip.state"), "wb");
        fwrite(image, 1, cut, f);
        fclose(f);
        expect_refusal(&(struct cleat_sim_options){.dir = dir}, "damaged");
    }
    for (size_t at = 0; at < n; at += 53) {
        image[at] ^= 0x10;
        f = fopen(in_dir("chip.state"), "wb");
        fwrite(image, 1, n, f);
        fclose(f);
        expect_refusal(&(struct cleat_sim_options){.dir = dir}, "damaged");
        image[at] ^= 0x10;
    }
    struct stat st;
    assert_int_equal(stat(in_dir("chip.state"), &st), 0);
    assert_int_equal((size_t)st.st_size, n);
}

static void folder_with_other_files_is_not_made_a_chip(void **state) {
    (void)state;
    FILE *f = fopen(in_dir("foreign"), "w");
    fclose(f);
    expect_refusal(&(struct cleat_sim_options){.dir = dir}, "other files");
    expect_refusal(&(struct cleat_sim_options){.dir = "/proc/nowhere/x"},
                   "cannot make the folder");
}

/* A child writes one counter into two objects, the second after the first,
 * until it is killed. What is found then is a state it really was in. */
static void writer(int ready) {
    struct host c;
    host_start(&c, &(struct cleat_sim_options){.dir = dir});
    host_open(&c);
    if (write(ready, "r", 1) != 1) {
        _exit(1);
    }
    for (unsigned n = 1;; n++) {
        char text[80];
        snprintf(text, sizeof text, "82 40 0008 F1D0 0000 %08x", n);
        (void)host_hex(&c, text);
        snprintf(text, sizeof text, "82 40 0008 F1D1 0000 %08x", n);
        (void)host_hex(&c, text);
    }
}

static unsigned counter_in(const char *get) {
    assert_int_equal(host_hex(&h, get), 0);
    struct cleat_bytes d = host_data(&h);
    if (d.len == 0) {
        return 0;
    }
    return (unsigned)d.data[0] << 24 | (unsigned)d.data[1] << 16 |
           (unsigned)d.data[2] << 8 | d.data[3];
}

static void killed_at_any_moment_the_state_is_whole(void **state) {
    (void)state;
    unsigned seed = 12345;
    unsigned moved = 0;
    for (int round = 0; round < 25; round++) {
        int fds[2];
        char byte;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0) {
            writer(fds[1]);
        }
        assert_int_equal(read(fds[0], &byte, 1), 1);
        seed = seed * 1103515245u + 12345u;
        usleep(500 + (seed >> 16) % 15000);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(fds[0]);
        close(fds[1]);
        start();
        unsigned first = counter_in("81 00 0002 F1D0");
        unsigned second = counter_in("81 00 0002 F1D1");
        /* Each child begins at 1 again, over what the last one left. */
        assert_true(first == second || first == second + 1 || first == 1);
        moved += first != 0;
        host_stop(&h);
    }
    assert_true(moved > 0);
}

static void killed_while_being_made_leaves_no_half_chip(void **state) {
    (void)state;
    for (unsigned us = 0; us < 12000; us += 800) {
        pid_t child = fork();
        if (child == 0) {
            char why[256];
            struct cleat_sim_options o = {.dir = dir};
            (void)cleat_sim_open(&o, why, sizeof why);
            for (;;) {
                pause();
            }
        }
        usleep(us);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        start();
        X509_free(device_certificate());
        host_stop(&h);
        (void)unlink(in_dir("chip.state"));
    }
}

static void revealed_keys_are_the_keys(void **state) {
    (void)state;
    char keys[128];
    char line[200];
    unsigned lines = 0;
    snprintf(keys, sizeof keys, "%s", in_dir("keys"));
    host_start(&h, &(struct cleat_sim_options){.reveal_keys = keys});
    host_open(&h);
    assert_int_equal(host_hex(&h, "B8 03 0003 07 0000"), 0);
    char want[65];
    for (size_t i = 0; i < 32; i++) {
        snprintf(want + 2 * i, 3, "%02x", host_data(&h).data[5 + i]);
    }
    host_stop(&h);
    FILE *f = fopen(keys, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        lines++;
        assert_int_equal(strlen(line), 65);
    }
    fclose(f);
    assert_int_equal(lines, 2); /* the device key, then this one */
    assert_memory_equal(line, want, 64);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(new_folder_gets_a_chip_with_an_identity_of_its_own),
        CASE(factory_uses_the_given_ca_and_name),
        CASE(contents_survive_a_restart_and_session_keys_do_not),
        CASE(second_opening_is_refused),
        CASE(damaged_state_is_reported_and_left_alone),
        CASE(folder_with_other_files_is_not_made_a_chip),
        CASE(killed_at_any_moment_the_state_is_whole),
        CASE(killed_while_being_made_leaves_no_half_chip),
        CASE(revealed_keys_are_the_keys),
    };
    return cmocka_run_group_tests_name("sim store", tests, NULL, NULL);
}
