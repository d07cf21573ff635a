/* SPDX-License-Identifier: MIT */
/*
 * The program cleat-chipsim and its socket: the message format byte by byte as
 * docs/chipsim.md has it, and the Linux port's bus that speaks it.
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
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleat/bytes.h"
#include "cleat/error.h"
#include "cleat/linux_i2c.h"

static char dir[64];
static char sock[96];
static char chip[96];
static pid_t server;

static void clean(void) {
    char text[256];
    snprintf(text, sizeof text, "rm -rf %s", dir);
    assert_int_equal(system(text), 0);
}

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/cleat-sock-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return -1;
    }
    snprintf(sock, sizeof sock, "%s/bus", dir);
    snprintf(chip, sizeof chip, "%s/chip", dir);
    server = 0;
    return 0;
}

/* Start the program; returns when it prints its first line or ends. */
static pid_t spawn(const char *const *extra, char *line, size_t cap) {
    const char *args[16] = {CHIPSIM, NULL};
    size_t n = 1;
    int fds[2];
    for (; *extra != NULL; extra++) {
        args[n++] = *extra;
    }
    args[n] = NULL;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], 1);
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        close(fds[0]);
        execv(CHIPSIM, (char *const *)args);
        _exit(126);
    }
    close(fds[1]);
    FILE *f = fdopen(fds[0], "r");
    line[0] = '\0';
    if (fgets(line, (int)cap, f) == NULL) {
        line[0] = '\0';
    }
    fclose(f);
    return child;
}

static int exit_status(pid_t child) {
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void serve(const char *option, const char *value) {
    char line[200];
    char want[200];
    const char *const args[] = {"--dir", chip,  "--listen", sock,
                                option,  value, NULL};
    server = spawn(args, line, sizeof line);
    snprintf(want, sizeof want, "cleat-chipsim: listening on %s\n", sock);
    assert_string_equal(line, want);
}

static void stop(int signal_number) {
    assert_int_equal(kill(server, signal_number), 0);
    assert_int_equal(exit_status(server), 0);
    server = 0;
}

static int teardown(void **state) {
    (void)state;
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    clean();
    return 0;
}

static int run(const char *const *args) {
    char line[200];
    return exit_status(spawn(args, line, sizeof line));
}

/* --- as a stranger would write it ----------------------------------------- */

static int dial(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", sock);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void put(int fd, const void *bytes, size_t n) {
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Read one message; its payload is terminated like a string. */
static char take(int fd, char *payload, size_t *len) {
    uint8_t head[4];
    assert_int_equal(recv(fd, head, 4, MSG_WAITALL), 4);
    *len = (size_t)(head[2] << 8 | head[3]);
    assert_true(*len < 1000);
    if (*len > 0) { /* receiving nothing would wait for something */
        assert_int_equal(recv(fd, payload, *len, MSG_WAITALL), (ssize_t)*len);
    }
    payload[*len] = '\0';
    return (char)head[0];
}

static void messages_are_as_the_document_says(void **state) {
    (void)state;
    char p[1000];
    size_t n = 0;
    serve("--fault", "stretch@4:700");
    int fd = dial();
    assert_int_equal(take(fd, p, &n), 'H');
    put(fd, "W\x30\x00\x01\x82", 5);
    assert_int_equal(take(fd, p, &n), 'A');
    assert_int_equal(n, 0);
    put(fd, "R\x30\x00\x02\x00\x04", 6);
    assert_int_equal(take(fd, p, &n), 'A');
    assert_int_equal(n, 4);
    assert_memory_equal(p, "\x08\x80\x00\x00", 4);
    put(fd, "W\x31\x00\x01\x82", 5); /* nobody there */
    assert_int_equal(take(fd, p, &n), 'N');
    put(fd, "W\x30\x00\x01\x82", 5); /* held for 700 us */
    assert_int_equal(take(fd, p, &n), 'S');
    assert_memory_equal(p, "\x00\x00\x02\xBC", 4);
    assert_int_equal(take(fd, p, &n), 'A');
    put(fd, "C\x00\x00\x04\x00\x00\x01\x90", 8);
    assert_int_equal(take(fd, p, &n), 'A');
    put(fd, "L\x01\x00\x01\x00", 5); /* reset low */
    assert_int_equal(take(fd, p, &n), 'A');
    put(fd, "W\x30\x00\x01\x82", 5);
    assert_int_equal(take(fd, p, &n), 'N');
    put(fd, "L\x01\x00\x01\x01", 5);
    assert_int_equal(take(fd, p, &n), 'A');
    put(fd, "W\x30\x00\x01", 4); /* in pieces */
    put(fd, "\x82", 1);
    assert_int_equal(take(fd, p, &n), 'A');
    put(fd, "X\x00\x00\x00", 4);
    assert_int_equal(take(fd, p, &n), 'E');
    assert_int_equal(recv(fd, p, 1, 0), 0);
    close(fd);
    stop(SIGTERM);
}

static void second_client_is_told_to_wait(void **state) {
    (void)state;
    char p[1000];
    size_t n = 0;
    serve(NULL, NULL);
    int first = dial();
    assert_int_equal(take(first, p, &n), 'H');
    int second = dial();
    assert_int_equal(take(second, p, &n), 'B');
    assert_non_null(strstr(p, "in use"));
    close(second);
    struct cleat_linux_i2c_unix port;
    struct cleat_detail detail = {0};
    assert_int_equal(cleat_linux_i2c_unix_open(&port, sock, &detail),
                     CLEAT_ERR_FULL);
    assert_non_null(strstr(detail.text, "in use"));
    put(first, "W\x30\x00\x01\x82", 5);
    assert_int_equal(take(first, p, &n), 'A');
    close(first);
    stop(SIGINT);
}

static void chip_stays_powered_when_the_client_leaves(void **state) {
    (void)state;
    struct cleat_linux_i2c_unix port;
    uint8_t b[2];
    serve(NULL, NULL);
    assert_int_equal(cleat_linux_i2c_unix_open(&port, sock, NULL), 0);
    assert_int_equal(
        port.bus.write(port.bus.self, 0x30, (const uint8_t *)"\x81\x00\x40", 3),
        0);
    cleat_linux_i2c_unix_close(&port);
    /* The next connection may come before the server saw this one go. */
    int err = CLEAT_ERR_FULL;
    for (int i = 0; i < 100 && err == CLEAT_ERR_FULL; i++) {
        err = cleat_linux_i2c_unix_open(&port, sock, NULL);
        usleep(err == CLEAT_ERR_FULL ? 1000 : 0);
    }
    assert_int_equal(err, 0);
    assert_int_equal(port.bus.read(port.bus.self, 0x30, b, 2), 0);
    assert_memory_equal(b, "\x00\x40", 2);
    cleat_linux_i2c_unix_close(&port);
    stop(SIGTERM);
}

static void port_reports_bus_faults_and_connects_again(void **state) {
    (void)state;
    struct cleat_linux_i2c_unix port;
    struct cleat_detail detail = {0};
    const uint8_t select = 0x82;
    uint8_t b[4];
    assert_int_equal(cleat_linux_i2c_unix_open(&port, sock, &detail),
                     CLEAT_ERR_IO);
    assert_non_null(detail.text);
    serve("--fault", "stretch@2:40000");
    assert_int_equal(cleat_linux_i2c_unix_open(&port, sock, NULL), 0);
    const struct cleat_i2c *bus = &port.bus;
    assert_int_equal(bus->write(bus->self, 0x30, &select, 1), 0);
    assert_int_equal(bus->write(bus->self, 0x30, &select, 1),
                     CLEAT_ERR_TIMEOUT);
    assert_int_equal(bus->write(bus->self, 0x44, &select, 1), CLEAT_ERR_NACK);
    assert_int_equal(bus->speed(bus->self, 400), 0);
    assert_int_equal(bus->speed(bus->self, 0), CLEAT_ERR_ARG);
    assert_int_equal(bus->line(bus->self, CLEAT_I2C_LINE_POWER, false), 0);
    assert_int_equal(bus->write(bus->self, 0x30, &select, 1), CLEAT_ERR_NACK);
    assert_int_equal(bus->line(bus->self, CLEAT_I2C_LINE_POWER, true), 0);
    stop(SIGTERM);
    assert_int_equal(bus->write(bus->self, 0x30, &select, 1), CLEAT_ERR_IO);
    assert_int_equal(bus->write(bus->self, 0x30, &select, 1), CLEAT_ERR_IO);
    serve(NULL, NULL);
    assert_int_equal(bus->write(bus->self, 0x30, &select, 1), 0);
    assert_int_equal(bus->read(bus->self, 0x30, b, 4), 0);
    assert_memory_equal(b, "\x08\x80\x00\x00", 4);
    cleat_linux_i2c_unix_close(&port);
    stop(SIGTERM);
}

static void
socket_path_in_use_is_refused_and_a_stale_one_replaced(void **state) {
    (void)state;
    char other[96];
    struct stat st;
    serve(NULL, NULL);
    snprintf(other, sizeof other, "%s/other", dir);
    const char *const again[] = {"--dir", other, "--listen", sock, NULL};
    assert_int_equal(run(again), 1);
    const char *const same[] = {"--dir", chip, "--listen", other, NULL};
    assert_int_equal(run(same), 1); /* the chip itself is in use */
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, NULL, 0), server);
    assert_int_equal(stat(sock, &st), 0); /* left behind */
    serve(NULL, NULL);
    stop(SIGTERM);
    assert_int_equal(stat(sock, &st), -1); /* removed */
    FILE *f = fopen(sock, "w");
    fclose(f);
    const char *const file[] = {"--dir", chip, "--listen", sock, NULL};
    assert_int_equal(run(file), 1);
    assert_int_equal(stat(sock, &st), 0);
}

static void wrong_usage_ends_with_2(void **state) {
    (void)state;
    static const char *const bad[][5] = {
        {NULL},
        {"--dir", "x", NULL},
        {"--listen", "x", NULL},
        {"--dir", "x", "--json", NULL},
        {"--nonsense", NULL},
        {"--dir", "x", "--fault", "melt@1", NULL},
        {"--dir", "x", "--fault", "nack:0.5", NULL},
        {"--dir", "x", "--fault-rate", "nack@5", NULL},
        {"--dir", "x", "--latency", "slow", NULL},
        {"--dir", "x", "--frame-cap", "15", NULL},
        {"--dir", "x", "--seed", "-1", NULL},
        {"--dir", "x", "--ca-cert", "y", NULL},
        {"stray", NULL},
    };
    static const char *const good[][3] = {{"--help", NULL},
                                          {"--version", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(run(bad[i]), 2);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(run(good[i]), 0);
    }
}

static void print_info_names_the_chip(void **state) {
    (void)state;
    char first[200];
    char second[200];
    const char *const plain[] = {"--dir", chip, "--print-info", NULL};
    const char *const json[] = {"--dir", chip, "--print-info", "--json", NULL};
    assert_int_equal(exit_status(spawn(plain, first, sizeof first)), 0);
    assert_int_equal(strlen(first), 5 + 54 + 1);
    assert_memory_equal(first, "uid: cd1633", 11);
    (void)exit_status(spawn(json, second, sizeof second));
    assert_memory_equal(second, "{\"uid\": \"", 9);
    assert_memory_equal(second + 9, first + 5, 54);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(messages_are_as_the_document_says),
        CASE(second_client_is_told_to_wait),
        CASE(chip_stays_powered_when_the_client_leaves),
        CASE(port_reports_bus_faults_and_connects_again),
        CASE(socket_path_in_use_is_refused_and_a_stale_one_replaced),
        CASE(wrong_usage_ends_with_2),
        CASE(print_info_names_the_chip),
    };
    return cmocka_run_group_tests_name("sim socket", tests, NULL, NULL);
}
