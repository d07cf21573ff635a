/* SPDX-License-Identifier: MIT */
/*
 * Renewal of an identity, killed at every bus transfer and every file
 * operation: whatever is left, the settings name a key and certificate that
 * work, and the next run ends well.
 *
 * What a kill leaves is the files, and nothing else. So one run is watched: at
 * each point where it could be killed the files are compared with those of the
 * point before, and kept where they differ. Each set of files is then gone on
 * from, for all the points that leave it. Every SAMPLE-th point is a real kill.
 */
#define _GNU_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <dirent.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleat/log.h"
#include "renew.h"

#define KILLED 99
#define SAMPLE 25

/* ---- dying at a chosen moment ---- */

static long points;
static long die_at; /* 0: never */

static bool watched; /* Keep what is there at each point. */
static void keep_files(void);

static void point(void) {
    points++;
    if (watched) {
        keep_files();
    } else if (die_at != 0 && points == die_at) {
        _exit(KILLED);
    }
}

static void on_transfer(void *arg, const char *seam, const char *what,
                        const uint8_t *data, size_t len) {
    (void)arg;
    (void)what;
    (void)data;
    (void)len;
    if (strcmp(seam, "i2c") == 0) {
        point();
    }
}

/* In place of the C library's: the virtual chip's memory and the settings file
 * are written through these. */
int rename(const char *from, const char *to) {
    point();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int fd) {
    (void)fd; /* The disk's own loss is not what is tested here. */
    point();
    return 0;
}

/* ---- one device ---- */

static char dir[256];
static char conf[300];
static char chip_dir[300];
static char spec[310];
static X509 *ca;
static EVP_PKEY *ca_key;
static struct cli_chip_call call;

static void shell(const char *fmt, ...) CLEAT_PRINTF(1, 2);

static void shell(const char *fmt, ...) {
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    assert_int_equal(system(line), 0);
}

/* ---- what is on the disk ---- */

/* All files of the device, one behind the other. */
struct image {
    uint8_t *data;
    size_t len, cap;
};

static void put(struct image *m, const void *data, size_t len) {
    if (m->len + len > m->cap) {
        m->cap = 2 * (m->len + len);
        m->data = realloc(m->data, m->cap);
        assert_non_null(m->data);
    }
    memcpy(m->data + m->len, data, len);
    m->len += len;
}

static void put_file(struct image *m, const char *folder, const char *name) {
    char path[700];
    char block[4096];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    put(m, path, strlen(path) + 1);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return; /* A folder. */
    }
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        put(m, block, n);
    }
    fclose(f);
}

static int is_ours(const struct dirent *e) {
    return e->d_name[0] != '.' && strcmp(e->d_name, "keep") != 0 &&
           strcmp(e->d_name, "kept") != 0;
}

static void put_folder(struct image *m, const char *folder) {
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_ours, alphasort);
    for (int i = 0; i < n; i++) {
        put_file(m, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

static unsigned kept;

/* In the watched process: a copy where something changed. */
static void keep_files(void) {
    static struct image last;
    struct image now = {NULL, 0, 0};
    put_folder(&now, dir);
    put_folder(&now, chip_dir);
    if (now.len == last.len && memcmp(now.data, last.data, now.len) == 0) {
        free(now.data);
        return;
    }
    free(last.data);
    last = now;
    kept++;
    shell("mkdir -p %s/kept/%u && cd %s && cp -r $(ls | grep -v "
          "'^\\(keep\\|kept\\)$') "
          "%s/kept/%u",
          dir, kept, dir, dir, kept);
}

static void restore(const char *folder, unsigned number) {
    char from[400];
    snprintf(from, sizeof from, number == 0 ? "%s/%s" : "%s/%s/%u", dir, folder,
             number);
    shell(
        "cd %s && rm -rf $(ls | grep -v '^\\(keep\\|kept\\)$') && cp -r %s/. .",
        dir, from);
}

static void set_x509(X509 *x, EVP_PKEY *key, X509_NAME *subject) {
    ASN1_INTEGER_set(X509_get_serialNumber(x), rand() % 100000 + 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_version(x, 2);
    X509_set_pubkey(x, key);
    X509_set_subject_name(x, subject);
    X509_set_issuer_name(x, ca == NULL ? subject : X509_get_subject_name(ca));
    assert_true(X509_sign(x, ca_key, EVP_sha256()) > 0);
}

static char *issue(struct cli_renew *n, const char *request) {
    BIO *in = BIO_new_mem_buf(request, -1);
    X509_REQ *req = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
    BIO *out = BIO_new(BIO_s_mem());
    X509 *x = X509_new();
    char *text = NULL;
    (void)n;
    if (req == NULL || X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1) {
        _exit(98);
    }
    set_x509(x, X509_REQ_get0_pubkey(req), X509_REQ_get_subject_name(req));
    PEM_write_bio_X509(out, x);
    long len = BIO_get_mem_data(out, &text);
    char *copy = strndup(text, (size_t)len);
    X509_free(x);
    X509_REQ_free(req);
    BIO_free(in);
    BIO_free(out);
    return copy;
}

static int match(uint16_t key, uint16_t certificate) {
    int status = cli_chip_enter(&call, spec);
    if (status != CLI_OK) {
        return status;
    }
    STACK_OF(X509) *chain = cli_identity_chain(&call, certificate, &status);
    if (chain != NULL) {
        status = cli_identity_challenge(
            &call, key, X509_get0_pubkey(sk_X509_value(chain, 0)));
    }
    sk_X509_pop_free(chain, X509_free);
    cli_se_close(&call.se);
    return status;
}

/* The broker's part. */
static int prove(struct cli_renew *n) {
    return match(n->renewal.key, n->renewal.certificate);
}

static void load(uint16_t *key, uint16_t *certificate) {
    struct cli_config config;
    struct cli_options options = {.file = conf};
    assert_int_equal(cli_config_load(&config, &options), CLI_OK);
    *key = (uint16_t)cleat_settings_object(config.settings.client_private_key);
    *certificate =
        (uint16_t)cleat_settings_object(config.settings.client_certificate);
    cli_config_free(&config);
}

static int renew(void) {
    struct cli_renew n;
    memset(&n, 0, sizeof n);
    n.c = &call;
    n.spec = spec;
    n.issue = issue;
    n.prove = prove;
    snprintf(n.config, sizeof n.config, "%s", conf);
    snprintf(n.record, sizeof n.record, "%s.renewal", conf);
    load(&n.key, &n.certificate);
    return cli_renew_run(&n);
}

/* In a process of its own, that dies at point `at`. @return exit status. */
static int run_and_die(int (*run)(void), long at) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, 1);
        dup2(nothing, 2);
        die_at = at;
        points = 0;
        cleat_trace_sink(on_transfer, NULL);
        _exit(run());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* In a process of its own, whose files are kept at each point and at its end.
 * @return how many there are of them; *count: points. */
static unsigned watch(int (*run)(void), long *count) {
    int status = 0;
    int fds[2];
    long told[2] = {0, 0};
    shell("rm -rf %s/kept", dir);
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, 1);
        dup2(nothing, 2);
        watched = true;
        points = 0;
        cleat_trace_sink(on_transfer, NULL);
        status = run();
        keep_files();
        told[0] = points;
        told[1] = (long)kept;
        _exit(write(fds[1], told, sizeof told) == sizeof told ? status : 97);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CLI_OK);
    assert_int_equal(read(fds[0], told, sizeof told), sizeof told);
    close(fds[0]);
    close(fds[1]);
    *count = told[0];
    return (unsigned)told[1];
}

static int renew_and_die(long at) {
    return run_and_die(renew, at);
}

static void assert_identity_works(long at) {
    uint16_t key;
    uint16_t certificate;
    load(&key, &certificate);
    if (match(key, certificate) != CLI_OK) {
        fail_msg("killed at %ld: 0x%04X and 0x%04X do not work", at, key,
                 certificate);
    }
}

static void assert_nothing_is_under_way(void) {
    char path[320];
    char text[1024];
    struct cli_renewal r;
    snprintf(path, sizeof path, "%s.renewal", conf);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    assert_true(cli_renewal_parse(&r, cleat_bytes_of(text, len)));
    assert_int_equal(r.key, 0);
    assert_false(r.key_made);
}

/* ---- scenarios ---- */

/* From what is there now. */
static void assert_goes_on(long at) {
    uint16_t key;
    uint16_t certificate;
    assert_identity_works(at);
    if (renew_and_die(0) != CLI_OK) {
        fail_msg("killed at %ld: the next run does not end well", at);
    }
    assert_identity_works(at);
    assert_nothing_is_under_way();
    load(&key, &certificate);
    assert_int_not_equal(key, 0xE0F0);
}

/* End it at every point: in each set of files that a kill may leave, and by
 * real kills now and then; `check` is told where. @return the sets; points in
 * count. */
static unsigned end_everywhere(int (*run)(void), void (*check)(long at),
                               long *count) {
    shell("rm -rf %s/keep && mkdir %s/keep && cp -r %s %s* %s/keep", dir, dir,
          chip_dir, conf, dir);
    unsigned sets = watch(run, count);
    for (unsigned i = 1; i <= sets; i++) {
        restore("kept", i);
        check((long)i);
    }
    for (long at = 1; at + 5 < *count; at += SAMPLE) {
        restore("keep", 0);
        assert_int_equal(run_and_die(run, at), KILLED);
        check(at);
    }
    print_message("%ld points leave %u sets of files\n", *count, sets);
    return sets;
}

static void killed_everywhere(unsigned before) {
    long count;
    for (unsigned i = 0; i < before; i++) {
        assert_int_equal(renew_and_die(0), CLI_OK);
    }
    unsigned sets = end_everywhere(renew, assert_goes_on, &count);
    assert_true(count > 100 && sets > 10); /* A renewal is not that short. */
}

static void
first_renewal_killed_anywhere_leaves_a_working_identity(void **state) {
    (void)state;
    killed_everywhere(0);
}

static void
renewal_over_a_retired_key_killed_anywhere_leaves_an_identity(void **state) {
    (void)state;
    killed_everywhere(3);
}

static int refuse(struct cli_renew *n) {
    (void)n;
    return CLI_MISMATCH;
}

static void refused_by_the_broker_nothing_is_switched(void **state) {
    struct cli_renew n;
    uint16_t key;
    uint16_t certificate;
    (void)state;
    memset(&n, 0, sizeof n);
    n.c = &call;
    n.spec = spec;
    n.issue = issue;
    n.prove = refuse;
    snprintf(n.config, sizeof n.config, "%s", conf);
    snprintf(n.record, sizeof n.record, "%s.renewal", conf);
    load(&n.key, &n.certificate);
    assert_int_equal(cli_renew_run(&n), CLI_MISMATCH);
    load(&key, &certificate);
    assert_int_equal(key, 0xE0F0);
    assert_int_equal(certificate, 0xE0E0);
    assert_identity_works(0);
    n.prove = prove; /* The broker trusts the CA now: the same goes on. */
    assert_int_equal(cli_renew_run(&n), CLI_OK);
    assert_identity_works(0);
}

/* ---- pairing ---- */

extern const struct cli_command cli_command_chip;

static int pair(void) {
    char file[320];
    snprintf(file, sizeof file, "%s/binding.hex", dir);
    char *argv[] = {"chip", "pair",      "--chip", spec, "--secret-file",
                    file,   "--confirm", "0xE140", NULL};
    return cli_command_chip.run(8, argv);
}

static int read_shielded(void) {
    char file[320];
    snprintf(file, sizeof file, "%s/binding.hex", dir);
    char *argv[] = {"chip", "read",     "0xE0C2", "--chip",
                    spec,   "--shield", file,     NULL};
    return cli_command_chip.run(7, argv);
}

/* Refused if the lock was there already: it is paired then. */
static void assert_pairs(long at) {
    int again = run_and_die(pair, 0);
    if ((again != CLI_OK && again != CLI_REFUSED) ||
        run_and_die(read_shielded, 0) != CLI_OK) {
        fail_msg("killed at %ld: %d, and the host is locked out", at, again);
    }
}

static void
pairing_killed_anywhere_is_mended_by_the_same_command(void **state) {
    long count;
    (void)state;
    unsigned sets = end_everywhere(pair, assert_pairs, &count);
    assert_true(count > 30 && sets > 3);
}

/* ---- texts ---- */

static void settings_are_switched_and_all_else_stays(void **state) {
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"", "CLIENT_PRIVATE_KEY = 0xE0F1\nCLIENT_CERTIFICATE = 0xE0E1\n"},
        {"A = b", "CLIENT_PRIVATE_KEY = 0xE0F1\nCLIENT_CERTIFICATE = "
                  "0xE0E1\nA = b"},
        {"[s]\nCLIENT_CERTIFICATE=0xE0E0\nX = 1\n",
         "CLIENT_PRIVATE_KEY = 0xE0F1\n[s]\nCLIENT_CERTIFICATE = 0xE0E1\nX = "
         "1\n"},
        {"CLIENT_PRIVATE_KEY : 0xE0F0\r\nCLIENT_CERTIFICATE\t= 0xE0E0",
         "CLIENT_PRIVATE_KEY = 0xE0F1\nCLIENT_CERTIFICATE = 0xE0E1\n"},
        {"CLIENT_CERTIFICATE_X = 1\n# CLIENT_CERTIFICATE = 2\n",
         "CLIENT_PRIVATE_KEY = 0xE0F1\nCLIENT_CERTIFICATE = 0xE0E1\n"
         "CLIENT_CERTIFICATE_X = 1\n# CLIENT_CERTIFICATE = 2\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = cli_renew_switch_text(cases[i].before, 0xE0F1, 0xE0E1);
        assert_string_equal(text, cases[i].after);
        free(text);
    }
}

static void record_is_read_as_written_and_nothing_else(void **state) {
    static const char *const bad[] = {
        "stage = 0xE0F1\n",     "stage = 0xE0F1 0xE0E1",
        "key = made\n",         "stage = 0xE0F1 0xE0E1 0\n",
        "stage = 0x0 0xE0E1\n", "nonsense\n",
        "key = maybe\n"};
    struct cli_renewal a = {0xE0F2, 0xE0E2, 0xE0F1, 0xE0E1,
                            true,   0xE0F0, 0xE0E0};
    struct cli_renewal b;
    char text[512];
    (void)state;
    size_t len = cli_renewal_format(&a, text, sizeof text);
    assert_true(cli_renewal_parse(&b, cleat_bytes_of(text, len)));
    char again[512];
    assert_int_equal(cli_renewal_format(&b, again, sizeof again), len);
    assert_string_equal(again, text);
    assert_true(b.key_made);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cli_renewal_parse(&b, cleat_bytes_str(bad[i])));
    }
}

/* ---- set-up ---- */

static int fresh_device(void **state) {
    (void)state;
    shell("rm -rf %s %s*", chip_dir, conf);
    FILE *f = fopen(conf, "w");
    fputs("# ours\nMQTT_PORT = 8883\n", f);
    fclose(f);
    memset(&call, 0, sizeof call);
    return match(0xE0F0, 0xE0E0); /* A new chip comes out of the factory. */
}

static int make_ca(void **state) {
    X509_NAME *name = X509_NAME_new();
    (void)state;
    snprintf(dir, sizeof dir, "%s/cleat-renew.XXXXXX",
             getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    snprintf(conf, sizeof conf, "%s/device.conf", dir);
    snprintf(chip_dir, sizeof chip_dir, "%s/chip", dir);
    snprintf(spec, sizeof spec, "sim:%s", chip_dir);
    ca_key = EVP_EC_gen("prime256v1");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const unsigned char *)"ca", -1, -1, 0);
    X509 *x = X509_new();
    set_x509(x, ca_key, name);
    ca = x;
    X509_NAME_free(name);
    return 0;
}

static int tidy_up(void **state) {
    (void)state;
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    shell("rm -rf %s", dir);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_switched_and_all_else_stays),
        cmocka_unit_test(record_is_read_as_written_and_nothing_else),
        cmocka_unit_test_setup(refused_by_the_broker_nothing_is_switched,
                               fresh_device),
        cmocka_unit_test_setup(
            pairing_killed_anywhere_is_mended_by_the_same_command,
            fresh_device),
        cmocka_unit_test_setup(
            first_renewal_killed_anywhere_leaves_a_working_identity,
            fresh_device),
        cmocka_unit_test_setup(
            renewal_over_a_retired_key_killed_anywhere_leaves_an_identity,
            fresh_device),
    };
    return cmocka_run_group_tests(tests, make_ca, tidy_up);
}
