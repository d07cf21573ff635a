/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite (tests/port) on the Linux port, with threads or in one
 * loop, and what only this port has: descriptors that wake a task.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../port/conformance.h"
#include "cleat/error.h"
#include "cleat/linux_port.h"

#ifndef ONE_LOOP
#define ONE_LOOP 0
#endif

static void main_wait(uint64_t timeout_ms) {
    cleat_linux_main_wait(-1, timeout_ms);
}

struct watch {
    struct cleat_task task;
    int fd;
    struct cleat_task *watcher;
    int bytes;
};

static uint64_t watch_step(void *self, uint64_t now_ms) {
    struct watch *w = self;
    char c;
    (void)now_ms;
    cleat_linux_watch(NULL, w->fd, POLLIN);
    struct pollfd p = {w->fd, POLLIN, 0};
    while (poll(&p, 1, 0) == 1 && read(w->fd, &c, 1) == 1) {
        cleat_port_enter();
        w->bytes++;
        cleat_port_leave();
    }
    cleat_port_wake(w->watcher);
    return CLEAT_NEVER;
}

struct watches {
    struct cleat_task task;
    int fds[CLEAT_LINUX_WATCH_MAX + 1];
    int full, freed, none;
    bool done;
};

static uint64_t watch_all(void *self, uint64_t now_ms) {
    struct watches *w = self;
    const int more = w->fds[CLEAT_LINUX_WATCH_MAX];
    (void)now_ms;
    for (int i = 0; i < CLEAT_LINUX_WATCH_MAX; i++) {
        (void)cleat_linux_watch(NULL, w->fds[i], POLLIN);
    }
    w->full = cleat_linux_watch(NULL, more, POLLIN);
    (void)cleat_linux_watch(NULL, w->fds[0], 0);
    w->freed = cleat_linux_watch(NULL, more, POLLIN);
    w->none = cleat_linux_watch(NULL, -1, POLLIN);
    for (int i = 1; i <= CLEAT_LINUX_WATCH_MAX; i++) {
        (void)cleat_linux_watch(NULL, w->fds[i], 0);
    }
    cleat_port_enter();
    w->done = true;
    cleat_port_leave();
    return CLEAT_NEVER;
}

static void one_descriptor_too_many_is_told(void **state) {
    static struct watches w;
    bool done = false;
    (void)state;
    w.task = (struct cleat_task){"watches", watch_all, &w, NULL};
    for (int i = 0; i <= CLEAT_LINUX_WATCH_MAX; i++) {
        w.fds[i] = eventfd(0, EFD_CLOEXEC);
        assert_true(w.fds[i] >= 0);
    }
    assert_int_equal(cleat_port_start(&w.task), 0);
    for (int i = 0; i < 200 && !done; i++) {
        cleat_linux_main_wait(-1, 20);
        cleat_port_enter();
        done = w.done;
        cleat_port_leave();
    }
    assert_true(done);
    assert_int_equal(w.full, CLEAT_ERR_FULL);
    assert_int_equal(w.freed, CLEAT_OK);
    assert_int_equal(w.none, CLEAT_ERR_ARG);
    for (int i = 0; i <= CLEAT_LINUX_WATCH_MAX; i++) {
        close(w.fds[i]);
    }
}

static void a_readable_descriptor_wakes_its_task(void **state) {
    (void)state;
    int ends[2];
    struct watch w;
    assert_int_equal(pipe(ends), 0);
    memset(&w, 0, sizeof w);
    w.task = (struct cleat_task){"watch", watch_step, &w, NULL};
    w.fd = ends[0];
    w.watcher = cleat_port_current();
    assert_int_equal(cleat_port_start(&w.task), 0);
    cleat_linux_main_wait(-1, 20);
    int got = 0;
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(write(ends[1], "x", 1), 1);
        for (uint64_t end = cleat_port_now_ms() + 5000;
             got < i && cleat_port_now_ms() < end;) {
            cleat_linux_main_wait(-1, 50);
            cleat_port_enter();
            got = w.bytes;
            cleat_port_leave();
        }
        assert_int_equal(got, i);
    }
    cleat_port_stop(&w.task);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    static const struct port_conformance linux_port = {
        ONE_LOOP ? "port: linux, one loop" : "port: linux, threads", main_wait,
        NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_readable_descriptor_wakes_its_task),
        cmocka_unit_test(one_descriptor_too_many_is_told),
    };
    cleat_linux_use_loop(ONE_LOOP != 0);
    int failed = port_conformance(&linux_port);
    failed +=
        cmocka_run_group_tests_name("port: descriptors", tests, NULL, NULL);
    return failed;
}
