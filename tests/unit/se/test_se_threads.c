/* SPDX-License-Identifier: MIT */
/*
 * The queue under real threads, for ThreadSanitizer above all: several tasks
 * submit, wait and give up while one owns the element. Has its own port.
 */
#define _POSIX_C_SOURCE 200809L
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "cleat/se.h"

#define USERS 4
#define ROUNDS 300

static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned wakes; /* Of anybody: each looks for itself. */
static pthread_key_t key;

uint64_t cleat_port_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

uint64_t cleat_port_now_ms(void) {
    return cleat_port_now_us() / 1000;
}

void cleat_port_delay_us(uint32_t us) {
    (void)us;
}

void cleat_port_enter(void) {
    pthread_mutex_lock(&critical);
}

void cleat_port_leave(void) {
    pthread_mutex_unlock(&critical);
}

struct cleat_task *cleat_port_current(void) {
    return (struct cleat_task *)pthread_getspecific(key);
}

void cleat_port_wake(struct cleat_task *task) {
    if (task == NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    wakes++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Wait for a wake after `seen`, or a moment: deadlines are kept by polling. */
static unsigned sleep_after(unsigned seen) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&lock);
    if (wakes == seen) {
        pthread_cond_timedwait(&changed, &lock, &t);
    }
    unsigned now = wakes;
    pthread_mutex_unlock(&lock);
    return now;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    unsigned seen = 0;
    (void)helper; /* It has a thread. */
    while (!done(arg)) {
        if (cleat_port_now_ms() >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        seen = sleep_after(seen);
    }
    return 0;
}

/* Every seventh operation takes longer than its caller waits. */
struct driver {
    struct cleat_se_op *op;
    unsigned asks, count;
};

static int driver_init(void *ctx, const struct cleat_se_config *config,
                       struct cleat_detail *detail) {
    (void)config;
    (void)detail;
    memset(ctx, 0, sizeof(struct driver));
    return 0;
}

static void driver_deinit(void *ctx) {
    (void)ctx;
}

static int driver_start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct driver *d = (struct driver *)ctx;
    (void)now_us;
    d->op = op;
    d->count++;
    d->asks = d->count % 7 == 0 ? 1000000 : d->count % 3;
    return CLEAT_ERR_AGAIN;
}

static bool driver_ask(void *ctx, struct cleat_se_ask *ask, uint32_t now_us) {
    struct driver *d = (struct driver *)ctx;
    (void)now_us;
    if (d->op == NULL) {
        return true;
    }
    if (d->asks == 0) {
        memset(d->op->out.data, d->op->object, d->op->out.cap);
        d->op->out.len = d->op->out.cap;
        return true;
    }
    d->asks--;
    ask->type = CLEAT_SE_ASK_WAIT;
    ask->wait_us = 1000;
    return false;
}

static void driver_told(void *ctx, int result, uint32_t now_us) {
    (void)ctx;
    (void)result;
    (void)now_us;
}

static void driver_cancel(void *ctx) {
    struct driver *d = (struct driver *)ctx;
    d->op->err = CLEAT_ERR_CANCELLED;
    d->op = NULL;
}

static const struct cleat_se_driver driver = {
    .name = "threads",
    .needs_bus = true,
    .can = CLEAT_SE_CAN_RANDOM,
    .session_first = 0xE100,
    .session_count = 4,
    .ctx_size = sizeof(struct driver),
    .init = driver_init,
    .deinit = driver_deinit,
    .start = driver_start,
    .ask = driver_ask,
    .told = driver_told,
    .cancel = driver_cancel,
};

static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static bool stop; /* Under lock. */

static bool stopping(void) {
    pthread_mutex_lock(&lock);
    bool now = stop;
    pthread_mutex_unlock(&lock);
    return now;
}

static void *owner(void *arg) {
    unsigned seen = 0;
    pthread_setspecific(key, &task);
    while (!stopping()) {
        cleat_se_step(&se, cleat_port_now_ms());
        seen = sleep_after(seen);
    }
    return arg;
}

static void *user(void *arg) {
    struct cleat_task self = {"user", NULL, NULL, NULL};
    uintptr_t bad = 0;
    pthread_setspecific(key, &self);
    for (int i = 0; i < ROUNDS; i++) {
        /* On this stack: gone as soon as the call returns. */
        uint8_t out[16] = {0};
        struct cleat_se_op op;
        struct cleat_se_stats stats;
        memset(&op, 0, sizeof op);
        op.type = CLEAT_SE_RANDOM;
        op.object = (uint16_t)(1 + (uintptr_t)arg);
        op.out.data = out;
        op.out.cap = sizeof out;
        int session = cleat_se_session_take(&se);
        int err = cleat_se_do(&se, &op, 4);
        bool good = err == 0 && op.out.len == 16 && out[15] == op.object;
        if (!good && err != CLEAT_ERR_TIMEOUT) {
            bad++;
        }
        if (session > 0) {
            cleat_se_session_give(&se, (uint16_t)session);
        }
        cleat_se_get_stats(&se, &stats);
    }
    return (void *)bad;
}

static void ops_of_many_tasks_all_come_back(void **state) {
    (void)state;
    struct cleat_i2c bus;
    struct cleat_se_config config = {&bus, NULL, 0, 0, NULL};
    pthread_t threads[USERS];
    pthread_t owning;
    struct cleat_se_stats stats;
    memset(&bus, 0, sizeof bus);
    assert_int_equal(pthread_key_create(&key, NULL), 0);
    assert_int_equal(cleat_se_init(&se, &driver, &config, &task, NULL), 0);
    assert_int_equal(pthread_create(&owning, NULL, owner, NULL), 0);
    for (uintptr_t i = 0; i < USERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, user, (void *)i), 0);
    }
    for (size_t i = 0; i < USERS; i++) {
        void *bad = NULL;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    pthread_mutex_lock(&lock);
    stop = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(owning, NULL);
    cleat_se_get_stats(&se, &stats);
    assert_in_range(stats.ops[CLEAT_SE_RANDOM], 1, USERS * ROUNDS);
    assert_in_range(stats.failed, 1, USERS * ROUNDS - 1);
    assert_int_equal(cleat_se_session_take(&se), 0xE100);
    pthread_key_delete(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_of_many_tasks_all_come_back),
    };
    return cmocka_run_group_tests_name("se threads", tests, NULL, NULL);
}
