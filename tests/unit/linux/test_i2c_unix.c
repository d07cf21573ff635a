/* SPDX-License-Identifier: MIT */
/* The host side of a chip's socket against a peer that says what a chip never
 * would: every transfer ends, and the next one starts afresh. */
/* clang-format off */
#define _DEFAULT_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleat/linux_i2c.h"

#define ANSWERS_MAX 4

static char folder[] = "/tmp/cleat-unix.XXXXXX";
static struct sockaddr_un at = {.sun_family = AF_UNIX};
static struct cleat_linux_i2c_unix port;

/* What the peer says: to each connection a greeting, then answer n to request
 * n, so many times. */
static struct {
    const void *bytes;
    size_t len;
    unsigned times;
} answers[ANSWERS_MAX];
static size_t answer_count;

#define SAY(n, text, count) say(n, text, sizeof text - 1, count)

static void say(size_t n, const void *bytes, size_t len, unsigned times) {
    answers[n].bytes = bytes;
    answers[n].len = len;
    answers[n].times = times;
    answer_count = n + 1;
}

static void put(int fd, const void *bytes, size_t len) {
    (void)!send(fd, bytes, len, MSG_NOSIGNAL);
}

/* One connection after the other, until all answers are given. */
static void *peer(void *arg) {
    const int *listener = arg;
    char request[64];
    int fd = -1;
    for (size_t i = 0; i < answer_count;) {
        if (fd < 0) {
            fd = accept(*listener, NULL, NULL);
            put(fd, "H\x01\x00\x00", 4);
        }
        if (recv(fd, request, sizeof request, 0) <= 0) {
            close(fd);
            fd = -1;
            continue;
        }
        for (unsigned n = 0; n < answers[i].times; n++) {
            put(fd, answers[i].bytes, answers[i].len);
        }
        i++;
    }
    while (recv(fd, request, sizeof request, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static int listener;
static pthread_t thread;

static void begin(void) {
    struct cleat_detail detail;
    assert_int_equal(pthread_create(&thread, NULL, peer, &listener), 0);
    assert_int_equal(cleat_linux_i2c_unix_open(&port, at.sun_path, &detail), 0);
}

static void end(void) {
    cleat_linux_i2c_unix_close(&port);
    pthread_join(thread, NULL);
}

static int read_two(uint8_t *to) {
    return port.bus.read(port.bus.self, 0x30, to, 2);
}

/* A write is one message of 4 bytes and its payload. */
static void endless_stretches_end(void **state) {
    (void)state;
    uint8_t two[2];
    SAY(0, "S\x00\x00\x04\x00\x00\x00\x01", 1000);
    SAY(1, "A\x00\x00\x02\x12\x34", 1);
    begin();
    assert_int_equal(read_two(two), CLEAT_ERR_TIMEOUT);
    assert_int_equal(read_two(two), 0); /* on a new connection */
    assert_int_equal(two[0], 0x12);
    end();
}

static void one_stretch_too_long_counts_whatever_follows(void **state) {
    (void)state;
    uint8_t two[2];
    SAY(0,
        "S\x00\x00\x04\x00\x00\xFF\xFF"
        "S\x00\x00\x04\x00\x00\x00\x01"
        "A\x00\x00\x02\x12\x34",
        1);
    SAY(1,
        "S\x00\x00\x04\x00\x00\x00\x01"
        "A\x00\x00\x02\x56\x78",
        1);
    begin();
    assert_int_equal(read_two(two), CLEAT_ERR_TIMEOUT);
    assert_int_equal(read_two(two), 0); /* on the same one */
    assert_int_equal(two[0], 0x56);
    end();
}

static void answers_of_another_length_or_kind_are_errors(void **state) {
    (void)state;
    uint8_t two[2];
    SAY(0, "A\x00\x00\x03\x12\x34\x56", 1);
    SAY(1, "A\x00\xFF\xFF\x12\x34\x56", 1);
    SAY(2, "?\x00\x00\x00", 1);
    SAY(3, "N\x00\x00\x00", 1);
    begin();
    assert_int_equal(read_two(two), CLEAT_ERR_IO);
    assert_int_equal(read_two(two), CLEAT_ERR_IO);
    assert_int_equal(read_two(two), CLEAT_ERR_IO);
    assert_int_equal(read_two(two), CLEAT_ERR_NACK);
    end();
}

static int set_up(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(at.sun_path, sizeof at.sun_path, "%s/bus", folder);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 ||
                   listen(listener, 4) != 0
               ? -1
               : 0;
}

static int tear_down(void **state) {
    (void)state;
    close(listener);
    unlink(at.sun_path);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_stretches_end),
        cmocka_unit_test(one_stretch_too_long_counts_whatever_follows),
        cmocka_unit_test(answers_of_another_length_or_kind_are_errors),
    };
    return cmocka_run_group_tests_name("i2c_unix", tests, set_up, tear_down);
}
