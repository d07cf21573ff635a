/* SPDX-License-Identifier: MIT */
/* The file store: its log cut off after every byte, rotten bits, two
 * processes, compaction, a full disk, files that are something else. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleat/linux_store.h"
#include "model.h"

static char path[64];
static struct cleat_linux_store file;
static struct cleat_store_found found;
static struct cleat_detail detail;
static uint8_t log_bytes[1 << 16];

static int open_it(enum cleat_linux_store_sync sync) {
    const struct cleat_linux_store_config c = {path, 0, 2000, sync};
    return cleat_linux_store_open(&file, &c, &found, &detail);
}

static size_t file_size(void) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static size_t read_file(void) {
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, log_bytes, sizeof log_bytes);
    close(fd);
    assert_true(n > 0 && (size_t)n < sizeof log_bytes);
    return (size_t)n;
}

static void write_file(size_t len) {
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    assert_int_equal(write(fd, log_bytes, len), len);
    close(fd);
}

/* Operations, and the model and the size of the log after each. */
#define OPS 40
static struct model after[OPS + 1];
static size_t size_after[OPS + 1];

static size_t make_log(uint64_t seed) {
    struct model m;
    unlink(path);
    model_init(&m, seed, 90);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    for (size_t i = 0; i <= OPS; i++) {
        after[i] = m;
        size_after[i] = file_size();
        struct model_op op = model_pick(&m);
        if (i < OPS) {
            assert_int_equal(model_do(&file.store, &op), CLEAT_OK);
            model_note(&m, &op);
        }
    }
    cleat_linux_store_close(&file);
    return read_file();
}

static void a_log_cut_after_any_byte_has_each_operation_before(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        size_t len = make_log(seed);
        size_t done = 0;
        for (size_t cut = size_after[0]; cut <= len; cut++) {
            while (done < OPS && size_after[done + 1] <= cut) {
                done++;
            }
            write_file(cut);
            assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_NEVER), CLEAT_OK);
            assert_true(model_same(&after[done], &file.store));
            assert_int_equal(found.torn, cut > size_after[done] ? 1 : 0);
            /* The torn tail is gone: what is added now is found again. */
            const struct model_op op = {3, {true, 33, 7777}};
            assert_int_equal(model_do(&file.store, &op), CLEAT_OK);
            struct model m = after[done];
            model_note(&m, &op);
            cleat_linux_store_close(&file);
            assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_NEVER), CLEAT_OK);
            assert_int_equal(found.torn, 0);
            assert_true(model_same(&m, &file.store));
            cleat_linux_store_close(&file);
        }
    }
}

static void a_tail_of_garbage_is_cut_off(void **state) {
    (void)state;
    size_t len = make_log(4);
    for (size_t n = 1; n < 300; n += 7) {
        for (size_t i = 0; i < n; i++) {
            log_bytes[len + i] = n % 2 == 0 ? 0 : (uint8_t)(i * 31 + n);
        }
        write_file(len + n);
        assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_NEVER), CLEAT_OK);
        assert_true(model_same(&after[OPS], &file.store));
        assert_int_equal(found.torn, 1);
        cleat_linux_store_close(&file);
        assert_int_equal(file_size(), len);
    }
}

static void a_flipped_bit_never_makes_a_false_value(void **state) {
    (void)state;
    size_t len = make_log(5);
    unsigned rotten = 0;
    for (size_t bit = 0; bit < len * 8; bit += 3) {
        log_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_file(len);
        int err = open_it(CLEAT_LINUX_STORE_SYNC_NEVER);
        if (bit / 8 < size_after[0]) {
            assert_int_equal(err, CLEAT_ERR_VERIFY);
        } else {
            struct cleat_store_item item;
            assert_int_equal(err, CLEAT_OK);
            assert_int_equal(found.torn + found.damaged, 1);
            rotten += found.damaged;
            for (uint64_t from = 0;
                 file.store.next(file.store.self, from, &item);
                 from = item.key + 1) {
                uint8_t data[128];
                struct cleat_buf out = {data, sizeof data, 0};
                assert_int_equal(
                    file.store.get(file.store.self, item.key, 0, &out),
                    CLEAT_OK);
                assert_true(model_had(&after[OPS], item.key & 0xFFFF,
                                      cleat_bytes_of(data, out.len)));
            }
            cleat_linux_store_close(&file);
        }
        log_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(rotten > 1000);
}

static void a_rotten_head_costs_one_value(void **state) {
    enum { VALUES = 8, LEN = 50, RECORD = 24 + LEN };
    static uint8_t value[LEN];
    const struct cleat_bytes v = cleat_bytes_of(value, LEN);
    (void)state;
    unlink(path);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    size_t begin = file_size();
    for (uint64_t key = 0; key < VALUES; key++) {
        assert_int_equal(file.store.put(file.store.self, key, &v, 1), 0);
    }
    cleat_linux_store_close(&file);
    size_t len = read_file();
    for (size_t bad = 0; bad < VALUES - 1; bad++) {
        for (size_t at = 0; at < 24; at++) {
            size_t rotten = begin + bad * RECORD + at;
            log_bytes[rotten] ^= 0x10;
            write_file(len);
            log_bytes[rotten] ^= 0x10;
            /* Told once: the file is written anew without it. */
            for (uint64_t run = 0; run < 2; run++) {
                struct cleat_store_usage usage;
                assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), 0);
                assert_int_equal(found.damaged, 1 - run);
                assert_int_equal(found.torn, 0);
                file.store.usage(file.store.self, &usage);
                assert_int_equal(usage.records, VALUES - 1 + run);
                assert_int_equal(usage.lost, 1 - run);
                for (uint64_t key = 0; key < VALUES; key++) {
                    uint8_t data[LEN];
                    struct cleat_buf out = {data, sizeof data, 0};
                    assert_int_equal(
                        file.store.get(file.store.self, key, 0, &out),
                        key == bad ? CLEAT_ERR_NOT_FOUND : CLEAT_OK);
                }
                assert_int_equal(
                    file.store.put(file.store.self, 100 + run, &v, 1), 0);
                cleat_linux_store_close(&file);
            }
        }
    }
}

static void a_value_that_looks_like_records_is_none(void **state) {
    (void)state;
    size_t len = make_log(6);
    struct cleat_bytes whole = cleat_bytes_of(log_bytes, len);
    unlink(path);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    assert_int_equal(file.store.put(file.store.self, 1, &whole, 1), CLEAT_OK);
    cleat_linux_store_close(&file);
    /* Cut within the value: none of the records in it come to life. */
    assert_int_equal(truncate(path, (off_t)len), 0);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    struct cleat_store_item item;
    assert_false(file.store.next(file.store.self, 0, &item));
    cleat_linux_store_close(&file);
}

static void it_is_written_anew_when_most_is_out_of_date(void **state) {
    static uint8_t value[65536];
    const struct cleat_bytes v = cleat_bytes_of(value, sizeof value);
    struct model m;
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        unlink(path);
        model_init(&m, 9, 90);
        assert_int_equal(open_it((enum cleat_linux_store_sync)mode), CLEAT_OK);
        for (unsigned i = 0; i < 30; i++) {
            struct model_op op = model_pick(&m);
            assert_int_equal(model_do(&file.store, &op), CLEAT_OK);
            model_note(&m, &op);
        }
        size_t most = 0;
        for (unsigned i = 0; i < 64; i++) { /* 4 MB through a small file */
            assert_int_equal(file.store.put(file.store.self, 12345, &v, 1),
                             CLEAT_OK);
            most = file_size() > most ? file_size() : most;
        }
        assert_int_equal(file.store.del(file.store.self, 12345), CLEAT_OK);
        assert_true(most < 1200000 && most > 1000000);
        assert_true(model_same(&m, &file.store));
        cleat_linux_store_close(&file);
        assert_int_equal(open_it((enum cleat_linux_store_sync)mode), CLEAT_OK);
        assert_true(model_same(&m, &file.store));
        cleat_linux_store_close(&file);
        char name[80];
        snprintf(name, sizeof name, "%s.cleat-new", path);
        assert_int_equal(access(name, F_OK), -1);
    }
}

static void two_processes_cannot_have_it(void **state) {
    static uint8_t value[65536];
    const struct cleat_bytes v = cleat_bytes_of(value, sizeof value);
    (void)state;
    unlink(path);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    for (int round = 0; round < 2; round++) {
        struct cleat_linux_store second;
        const struct cleat_linux_store_config c = {path, 0, 0,
                                                   CLEAT_LINUX_STORE_SYNC_CALL};
        assert_int_equal(cleat_linux_store_open(&second, &c, &found, &detail),
                         CLEAT_ERR_STATE);
        for (int i = 0; i < 40; i++) { /* it gets a new file meanwhile */
            assert_int_equal(file.store.put(file.store.self, 1, &v, 1), 0);
        }
    }
    cleat_linux_store_close(&file);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    cleat_linux_store_close(&file);
}

static void a_killed_process_loses_nothing(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) {
        int said[2];
        unlink(path);
        assert_int_equal(pipe(said), 0);
        pid_t child = fork();
        if (child == 0) {
            (void)open_it(CLEAT_LINUX_STORE_SYNC_NEVER);
            for (uint32_t i = 0;; i++) {
                struct cleat_bytes v = cleat_bytes_of(&i, sizeof i);
                (void)file.store.put(file.store.self, i % 1000, &v, 1);
                if (write(said[1], &i, sizeof i) != sizeof i) {
                    _exit(1);
                }
            }
        }
        uint32_t last = 0;
        for (int i = 0; i < 500 + round * 97; i++) {
            assert_int_equal(read(said[0], &last, sizeof last), sizeof last);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(said[1]);
        while (read(said[0], &last, sizeof last) == sizeof last) {
        }
        close(said[0]);
        assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_NEVER), CLEAT_OK);
        uint32_t value = 0;
        struct cleat_buf out = {(uint8_t *)&value, sizeof value, 0};
        assert_int_equal(file.store.get(file.store.self, last % 1000, 0, &out),
                         CLEAT_OK);
        assert_true(value == last || value == last + 1000);
        cleat_linux_store_close(&file);
    }
}

static void a_full_disk_is_full_and_no_more(void **state) {
    static uint8_t value[4000];
    const struct cleat_bytes v = cleat_bytes_of(value, sizeof value);
    struct rlimit old;
    uint64_t n = 0;
    int err;
    (void)state;
    unlink(path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {30000, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    setrlimit(RLIMIT_FSIZE, &small);
    while ((err = file.store.put(file.store.self, n, &v, 1)) == CLEAT_OK) {
        n++;
    }
    assert_int_equal(err, CLEAT_ERR_FULL);
    assert_int_equal(n, 7);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(file.store.put(file.store.self, n, &v, 1), CLEAT_OK);
    cleat_linux_store_close(&file);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    assert_int_equal(found.records, 8);
    assert_int_equal(found.torn, 0);
    cleat_linux_store_close(&file);
}

/* In a folder of others, the name of the new file may be taken. */
static void the_new_file_is_nobody_elses(void **state) {
    char name[80];
    struct stat st;
    (void)state;
    snprintf(name, sizeof name, "%s.cleat-new", path);
    unlink(path);
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0666), 0);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    close(fd);
    cleat_linux_store_close(&file);
}

/* On a disk without one byte of room. */
static void a_full_disk_does_not_keep_what_is_deleted(void **state) {
    static uint8_t value[100];
    const struct cleat_bytes v = cleat_bytes_of(value, sizeof value);
    struct cleat_store_item item;
    struct rlimit old;
    (void)state;
    unlink(path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    for (uint64_t key = 1; key <= 4; key++) {
        assert_int_equal(file.store.put(file.store.self, key, &v, 1), CLEAT_OK);
    }
    const struct rlimit full = {file_size(), old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
    assert_int_equal(file.store.put(file.store.self, 5, &v, 1), CLEAT_ERR_FULL);
    assert_int_equal(file.store.del(file.store.self, 2), CLEAT_OK);
    assert_int_equal(file.store.del(file.store.self, 4), CLEAT_OK);
    setrlimit(RLIMIT_FSIZE, &old);
    cleat_linux_store_close(&file);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_CALL), CLEAT_OK);
    assert_int_equal(found.damaged, 0);
    assert_int_equal(found.torn, 0);
    assert_true(file.store.next(file.store.self, 0, &item));
    assert_int_equal(item.key, 1);
    assert_true(file.store.next(file.store.self, 2, &item));
    assert_int_equal(item.key, 3);
    assert_false(file.store.next(file.store.self, 4, &item));
    struct cleat_store_usage usage;
    file.store.usage(file.store.self, &usage);
    assert_int_equal(usage.bytes, 2 * (24 + sizeof value));
    cleat_linux_store_close(&file);
}

static void what_is_no_store_is_left_alone(void **state) {
    (void)state;
    memcpy(log_bytes, "root:x:0:0:root:/root:/bin/sh\n", 30);
    write_file(30);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_EACH), CLEAT_ERR_VERIFY);
    assert_int_equal(read_file(), 30);
    assert_memory_equal(log_bytes, "root:x:0:0", 10);
    write_file(3);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_EACH), CLEAT_ERR_VERIFY);
    assert_int_equal(file_size(), 3);
    char name[80];
    snprintf(name, sizeof name, "%s.link", path);
    unlink(path);
    assert_int_equal(symlink(name, path), 0);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_EACH), CLEAT_ERR_IO);
    assert_int_equal(detail.code, ELOOP);
    unlink(path);
    struct cleat_linux_store_config c = {"/nonexistent/x", 0, 0,
                                         CLEAT_LINUX_STORE_SYNC_EACH};
    assert_int_equal(cleat_linux_store_open(&file, &c, &found, &detail),
                     CLEAT_ERR_IO);
    assert_int_equal(detail.code, ENOENT);
    c.path = NULL;
    assert_int_equal(cleat_linux_store_open(&file, &c, &found, &detail),
                     CLEAT_ERR_ARG);
}

static void more_than_the_bounds_is_refused_at_opening(void **state) {
    struct cleat_linux_store_config c = {path, 0, 4,
                                         CLEAT_LINUX_STORE_SYNC_EACH};
    const struct cleat_bytes v = cleat_bytes_str("value");
    (void)state;
    unlink(path);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_EACH), CLEAT_OK);
    for (uint64_t key = 0; key < 5; key++) {
        assert_int_equal(file.store.put(file.store.self, key, &v, 1), 0);
    }
    cleat_linux_store_close(&file);
    assert_int_equal(cleat_linux_store_open(&file, &c, &found, &detail),
                     CLEAT_ERR_SIZE);
    c.record_cap = 5;
    c.bytes_cap = 100;
    assert_int_equal(cleat_linux_store_open(&file, &c, &found, &detail),
                     CLEAT_ERR_SIZE);
    assert_int_equal(open_it(CLEAT_LINUX_STORE_SYNC_EACH), CLEAT_OK);
    assert_int_equal(found.records, 5);
    cleat_linux_store_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_cut_after_any_byte_has_each_operation_before),
        cmocka_unit_test(a_tail_of_garbage_is_cut_off),
        cmocka_unit_test(a_flipped_bit_never_makes_a_false_value),
        cmocka_unit_test(a_rotten_head_costs_one_value),
        cmocka_unit_test(a_value_that_looks_like_records_is_none),
        cmocka_unit_test(it_is_written_anew_when_most_is_out_of_date),
        cmocka_unit_test(two_processes_cannot_have_it),
        cmocka_unit_test(a_killed_process_loses_nothing),
        cmocka_unit_test(a_full_disk_is_full_and_no_more),
        cmocka_unit_test(the_new_file_is_nobody_elses),
        cmocka_unit_test(a_full_disk_does_not_keep_what_is_deleted),
        cmocka_unit_test(what_is_no_store_is_left_alone),
        cmocka_unit_test(more_than_the_bounds_is_refused_at_opening),
    };
    snprintf(path, sizeof path, "/tmp/cleat-log-%ld", (long)getpid());
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
