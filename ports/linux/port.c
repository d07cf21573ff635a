/* SPDX-License-Identifier: MIT */
/*
 * The Linux port: clocks, and tasks as threads that sleep in poll() on an
 * eventfd and the descriptors they watch. In one-loop mode the main thread
 * steps all tasks, which is the bare-metal schedule on a desk.
 */
#define _GNU_SOURCE
#include "cleat/linux_port.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "cleat/error.h"

#define TASK_MAX 32

/* What a task, or the main thread, runs on. */
struct runner {
    struct cleat_task *task;
    pthread_t thread;
    bool has_thread;
    int wake_fd;
    atomic_bool woken; /* one-loop mode: step it */
    atomic_bool stop;
    uint64_t due_ms;
    struct pollfd watch[CLEAT_LINUX_WATCH_MAX];
    void *local;
};

static bool loop_mode;
static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER;
/* Guards task->port: a wake may come while its task is started or stopped. */
static pthread_mutex_t runners = PTHREAD_MUTEX_INITIALIZER;
static struct runner *loop_tasks[TASK_MAX];
static size_t loop_count;
static struct runner *loop_main;
static _Thread_local struct runner *here;

/* A thread that the port did not make gets a runner on first use. */
static _Thread_local struct runner foreign;
static _Thread_local struct cleat_task foreign_task;

uint64_t cleat_port_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t cleat_port_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void cleat_port_delay_us(uint32_t us) {
    struct timespec t = {0, (long)(us > 1000 ? 1000 : us) * 1000L};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

void cleat_port_enter(void) {
    pthread_mutex_lock(&critical);
}

void cleat_port_leave(void) {
    pthread_mutex_unlock(&critical);
}

static int runner_init(struct runner *r, struct cleat_task *task) {
    memset(r, 0, sizeof *r);
    r->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->wake_fd < 0) {
        return CLEAT_ERR_IO;
    }
    for (size_t i = 0; i < CLEAT_LINUX_WATCH_MAX; i++) {
        r->watch[i].fd = -1;
    }
    r->task = task;
    pthread_mutex_lock(&runners);
    task->port = r;
    pthread_mutex_unlock(&runners);
    return CLEAT_OK;
}

static struct runner *runner_of(const struct cleat_task *task) {
    pthread_mutex_lock(&runners);
    struct runner *r = task == NULL ? NULL : task->port;
    pthread_mutex_unlock(&runners);
    return r;
}

static void runner_free(struct runner *r) {
    pthread_mutex_lock(&runners);
    r->task->port = NULL;
    pthread_mutex_unlock(&runners);
    close(r->wake_fd);
    free(r);
}

static struct runner *runner_here(void) {
    if (here == NULL) {
        foreign_task.name = "main";
        if (runner_init(&foreign, &foreign_task) != CLEAT_OK) {
            abort(); /* No descriptor for the first thread: nothing works. */
        }
        here = &foreign;
        if (loop_mode && loop_main == NULL) {
            loop_main = here;
        }
    }
    return here;
}

struct cleat_task *cleat_port_current(void) {
    return runner_here()->task;
}

void **cleat_port_local(void) {
    return &runner_here()->local;
}

static void kick(struct runner *r) {
    const uint64_t one = 1;
    ssize_t n = write(r->wake_fd, &one, sizeof one);
    (void)n; /* EAGAIN means it is awake already. */
}

/** Take the wake-up off, if poll() saw one: waker is the entry of wake_fd. */
static void drain(const struct pollfd *waker) {
    uint64_t count;
    if ((waker->revents & POLLIN) != 0) {
        ssize_t n = read(waker->fd, &count, sizeof count);
        (void)n; /* EAGAIN: somebody else took it. */
    }
}

void cleat_port_wake(struct cleat_task *task) {
    if (task == NULL) {
        return;
    }
    pthread_mutex_lock(&runners);
    struct runner *r = task->port;
    if (r != NULL) {
        atomic_store(&r->woken, true);
        kick(r);
        if (loop_mode && loop_main != NULL && loop_main != r) {
            kick(loop_main);
        }
    }
    pthread_mutex_unlock(&runners);
}

int cleat_linux_watch(struct cleat_task *task, int fd, short events) {
    struct runner *r = task == NULL ? runner_here() : runner_of(task);
    struct pollfd *slot = NULL;
    if (r == NULL || fd < 0) {
        return CLEAT_ERR_ARG;
    }
    for (size_t i = 0; i < CLEAT_LINUX_WATCH_MAX; i++) {
        if (r->watch[i].fd == fd) {
            slot = &r->watch[i];
            break;
        }
        if (slot == NULL && r->watch[i].fd < 0) {
            slot = &r->watch[i];
        }
    }
    if (slot == NULL) {
        return CLEAT_ERR_FULL;
    }
    slot->fd = events == 0 ? -1 : fd;
    slot->events = events;
    return CLEAT_OK;
}

static int until_ms(uint64_t due_ms) {
    uint64_t now = cleat_port_now_ms();
    if (due_ms == CLEAT_NEVER) {
        return -1;
    }
    if (due_ms <= now) {
        return 0;
    }
    return due_ms - now > 60000 ? 60000 : (int)(due_ms - now);
}

/* Sleep on the wake descriptor and, if asked, on the watched ones. */
static void runner_sleep(struct runner *r, uint64_t due_ms, bool watched) {
    struct pollfd fds[1 + CLEAT_LINUX_WATCH_MAX];
    nfds_t n = 1;
    fds[0] = (struct pollfd){r->wake_fd, POLLIN, 0};
    for (size_t i = 0; watched && i < CLEAT_LINUX_WATCH_MAX; i++) {
        if (r->watch[i].fd >= 0) {
            fds[n++] = r->watch[i];
        }
    }
    poll(fds, n, until_ms(due_ms));
    drain(&fds[0]);
}

static void *thread_main(void *arg) {
    struct runner *r = arg;
    here = r;
    pthread_setname_np(pthread_self(), r->task->name);
    while (!atomic_load(&r->stop)) {
        uint64_t due = r->task->step(r->task->self, cleat_port_now_ms());
        if (!atomic_load(&r->stop)) {
            runner_sleep(r, due, true);
        }
    }
    return NULL;
}

void cleat_linux_use_loop(bool one_loop) {
    loop_mode = one_loop;
    if (one_loop) {
        loop_main = runner_here();
    }
}

int cleat_port_start(struct cleat_task *task) {
    struct runner *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return CLEAT_ERR_IO;
    }
    if (runner_init(r, task) != CLEAT_OK) {
        free(r);
        return CLEAT_ERR_IO;
    }
    if (loop_mode) {
        if (loop_count == TASK_MAX) {
            runner_free(r);
            return CLEAT_ERR_IO;
        }
        loop_tasks[loop_count++] = r;
        cleat_port_wake(task);
        return CLEAT_OK;
    }
    /* Under the lock: whoever stops the task finds the thread's id written.
     * After it the runner may be gone already. */
    pthread_mutex_lock(&runners);
    r->has_thread = pthread_create(&r->thread, NULL, thread_main, r) == 0;
    bool started = r->has_thread;
    pthread_mutex_unlock(&runners);
    if (!started) {
        runner_free(r);
        return CLEAT_ERR_IO;
    }
    return CLEAT_OK;
}

void cleat_port_stop(struct cleat_task *task) {
    struct runner *r = runner_of(task);
    if (r == NULL) {
        return;
    }
    if (r->has_thread) {
        atomic_store(&r->stop, true);
        kick(r);
        pthread_join(r->thread, NULL);
    }
    for (size_t i = 0; i < loop_count; i++) {
        if (loop_tasks[i] == r) {
            loop_tasks[i] = loop_tasks[--loop_count];
            break;
        }
    }
    runner_free(r);
}

static void loop_step(struct runner *r) {
    struct runner *caller = here;
    here = r;
    atomic_store(&r->woken, false);
    r->due_ms = r->task->step(r->task->self, cleat_port_now_ms());
    here = caller;
}

/* One round of the loop. @return when the next step is due. */
static uint64_t loop_round(void) {
    uint64_t due = CLEAT_NEVER;
    for (size_t i = 0; i < loop_count; i++) {
        struct runner *r = loop_tasks[i];
        if (atomic_load(&r->woken) || r->due_ms <= cleat_port_now_ms()) {
            loop_step(r);
        }
    }
    for (size_t i = 0; i < loop_count; i++) {
        struct runner *r = loop_tasks[i];
        uint64_t at = atomic_load(&r->woken) ? 0 : r->due_ms;
        due = at < due ? at : due;
    }
    return due;
}

/* Sleep until something any task waits for happens. @return fd is readable. */
static bool loop_sleep(uint64_t due_ms, int fd) {
    struct pollfd fds[2 + TASK_MAX * CLEAT_LINUX_WATCH_MAX];
    struct runner *owner[2 + TASK_MAX * CLEAT_LINUX_WATCH_MAX];
    nfds_t n = 2;
    fds[0] = (struct pollfd){loop_main->wake_fd, POLLIN, 0};
    fds[1] = (struct pollfd){fd, POLLIN, 0};
    for (size_t i = 0; i < loop_count; i++) {
        for (size_t k = 0; k < CLEAT_LINUX_WATCH_MAX; k++) {
            if (loop_tasks[i]->watch[k].fd >= 0) {
                owner[n] = loop_tasks[i];
                fds[n++] = loop_tasks[i]->watch[k];
            }
        }
    }
    if (poll(fds, n, until_ms(due_ms)) <= 0) {
        return false;
    }
    drain(&fds[0]);
    for (nfds_t i = 2; i < n; i++) {
        if (fds[i].revents != 0) {
            atomic_store(&owner[i]->woken, true);
        }
    }
    return fds[1].revents != 0;
}

bool cleat_linux_main_wait(int fd, uint64_t timeout_ms) {
    struct runner *r = runner_here();
    uint64_t end = timeout_ms == CLEAT_NEVER ? CLEAT_NEVER
                                             : cleat_port_now_ms() + timeout_ms;
    struct pollfd fds[2] = {{r->wake_fd, POLLIN, 0}, {fd, POLLIN, 0}};
    if (!loop_mode) {
        int n = poll(fds, fd >= 0 ? 2 : 1, until_ms(end));
        drain(&fds[0]);
        atomic_store(&r->woken, false);
        return n > 0 && fd >= 0 && fds[1].revents != 0;
    }
    for (;;) {
        uint64_t due = loop_round();
        bool readable = loop_sleep(due < end ? due : end, fd);
        if (atomic_exchange(&r->woken, false) || readable ||
            cleat_port_now_ms() >= end) {
            return readable;
        }
    }
}

static bool runs_elsewhere(const struct cleat_task *helper) {
    const struct runner *r = runner_of(helper);
    return helper == NULL || (r != NULL && r->has_thread);
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    struct runner *r = runner_here();
    struct runner *at = runner_of(helper);
    while (!done(arg)) {
        uint64_t due = deadline_ms;
        if (cleat_port_now_ms() >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (!runs_elsewhere(helper)) {
            here = at == NULL ? r : at;
            uint64_t next = helper->step(helper->self, cleat_port_now_ms());
            here = r;
            if (done(arg)) {
                break;
            }
            due = next < due ? next : due;
        }
        runner_sleep(r, due, false);
    }
    /* A wake may have been for something else too: step again soon. */
    atomic_store(&r->woken, true);
    kick(r);
    return CLEAT_OK;
}
