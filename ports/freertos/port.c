/* SPDX-License-Identifier: MIT */
/*
 * The FreeRTOS port: each task a static FreeRTOS task that steps it and then
 * sleeps on a direct notification. A wake is that notification, from a task or
 * an interrupt routine.
 */
#include "cleat/freertos_port.h"

#include <string.h>

#include "cleat/error.h"
#include "cleat/log.h"
#include "requirements.h"

#define DELAY_MAX_US 1000u
#define SLEEP_MAX_MS 60000u

/* What a task runs on. In use while task is not NULL. */
struct runner {
    struct cleat_task *task;
    TaskHandle_t handle;
    const struct cleat_freertos_stack *stack; /* NULL: a task not of ours */
    volatile bool stop;
    volatile bool finished;
    void *local;
    StaticTask_t control;
    struct cleat_task foreign; /* stands for a task not of ours */
};

static struct runner runners[CLEAT_FREERTOS_TASKS];
static const struct cleat_freertos_stack *stacks;
static size_t stack_count;
static uint64_t (*clock_us)(void);
static void *local_before; /* until the scheduler runs */
static UBaseType_t mask_before;

void cleat_freertos_use_stacks(const struct cleat_freertos_stack *table,
                               size_t count) {
    stacks = table;
    stack_count = count;
}

void cleat_freertos_use_clock(uint64_t (*now_us)(void)) {
    clock_us = now_us;
}

static bool scheduler_runs(void) {
    return xTaskGetSchedulerState() != taskSCHEDULER_NOT_STARTED;
}

/* The kernel keeps how often its count of ticks has wrapped: the only public
 * way to both, taken together, is this one. */
static uint64_t ticks(void) {
    const unsigned half = 4u * sizeof(TickType_t);
    TimeOut_t now;
    vTaskSetTimeOutState(&now);
    return ((uint64_t)(UBaseType_t)now.xOverflowCount << half << half) |
           now.xTimeOnEntering;
}

uint64_t cleat_port_now_us(void) {
    if (clock_us != NULL) {
        return clock_us();
    }
    return ticks() * 1000000u / configTICK_RATE_HZ;
}

uint64_t cleat_port_now_ms(void) {
    return cleat_port_now_us() / 1000u;
}

static TickType_t ticks_of_ms(uint64_t ms) {
    uint64_t limited = ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : ms;
    return (TickType_t)((limited * configTICK_RATE_HZ + 999u) / 1000u);
}

/* Waiting before the scheduler runs never ends: ticks do not come. */
static bool can_wait(void) {
    if (scheduler_runs()) {
        return true;
    }
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "port",
              "the scheduler does not run yet: use the chip from a task");
    return false;
}

void cleat_port_delay_us(uint32_t us) {
    uint64_t end =
        cleat_port_now_us() + (us > DELAY_MAX_US ? DELAY_MAX_US : us);
    if (clock_us == NULL && !can_wait()) {
        return;
    }
    while (cleat_port_now_us() < end) {
        if (clock_us == NULL) {
            vTaskDelay(1);
        }
    }
}

void cleat_port_enter(void) {
    if (CLEAT_FREERTOS_IN_INTERRUPT()) {
        UBaseType_t before = taskENTER_CRITICAL_FROM_ISR();
        mask_before = before;
    } else {
        taskENTER_CRITICAL();
    }
}

void cleat_port_leave(void) {
    if (CLEAT_FREERTOS_IN_INTERRUPT()) {
        taskEXIT_CRITICAL_FROM_ISR(mask_before);
    } else {
        taskEXIT_CRITICAL();
    }
}

/* Under the critical section: a place for this task (NULL: for one that is not
 * of ours), or NULL. */
static struct runner *runner_take(struct cleat_task *task) {
    for (size_t i = 0; i < CLEAT_FREERTOS_TASKS; i++) {
        struct runner *r = &runners[i];
        if (r->task == NULL) {
            memset(r, 0, sizeof *r);
            r->task = task == NULL ? &r->foreign : task;
            r->task->port = r;
            return r;
        }
    }
    return NULL;
}

/* @return what the caller runs on; a task not of ours gets a place on first
 *  use. NULL before the scheduler runs, or with all places taken. */
static struct runner *runner_here(void) {
    TaskHandle_t handle;
    struct runner *r = NULL;
    if (!scheduler_runs()) {
        return NULL;
    }
    handle = xTaskGetCurrentTaskHandle();
    taskENTER_CRITICAL();
    for (size_t i = 0; i < CLEAT_FREERTOS_TASKS && r == NULL; i++) {
        if (runners[i].task != NULL && runners[i].handle == handle) {
            r = &runners[i];
        }
    }
    if (r == NULL) {
        r = runner_take(NULL);
        if (r != NULL) {
            r->handle = handle;
            r->foreign.name = "application";
        }
    }
    taskEXIT_CRITICAL();
    return r;
}

struct cleat_task *cleat_port_current(void) {
    struct runner *r = runner_here();
    return r == NULL ? NULL : r->task;
}

void **cleat_port_local(void) {
    struct runner *r = runner_here();
    return r == NULL ? &local_before : &r->local;
}

static void wake_from_interrupt(const struct cleat_task *task) {
    BaseType_t yield = pdFALSE;
    UBaseType_t before = taskENTER_CRITICAL_FROM_ISR();
    const struct runner *r = task->port;
    if (r != NULL && r->handle != NULL) {
        vTaskNotifyGiveIndexedFromISR(r->handle, CLEAT_FREERTOS_NOTIFICATION,
                                      &yield);
    }
    taskEXIT_CRITICAL_FROM_ISR(before);
    portYIELD_FROM_ISR(yield);
}

void cleat_port_wake(struct cleat_task *task) {
    if (task == NULL) {
        return;
    }
    if (CLEAT_FREERTOS_IN_INTERRUPT()) {
        wake_from_interrupt(task);
        return;
    }
    taskENTER_CRITICAL();
    const struct runner *r = task->port;
    if (r != NULL && r->handle != NULL) {
        (void)xTaskNotifyGiveIndexed(r->handle, CLEAT_FREERTOS_NOTIFICATION);
    }
    taskEXIT_CRITICAL();
}

/* Sleep until woken or due. The tick and the board's clock are two things: a
 * sleep that ended early goes on. A task that is due at once still lets others
 * of its priority run. */
static void sleep_until(uint64_t due_ms) {
    for (;;) {
        TickType_t wait = portMAX_DELAY;
        uint64_t now = cleat_port_now_ms();
        if (due_ms != CLEAT_NEVER) {
            wait = due_ms <= now ? 0 : ticks_of_ms(due_ms - now);
        }
        if (ulTaskNotifyTakeIndexed(CLEAT_FREERTOS_NOTIFICATION, pdTRUE,
                                    wait) != 0) {
            return;
        }
        if (wait == 0) {
            taskYIELD();
            return;
        }
    }
}

static void task_main(void *arg) {
    struct runner *r = arg;
    r->handle = xTaskGetCurrentTaskHandle();
    while (!r->stop) {
        uint64_t due = r->task->step(r->task->self, cleat_port_now_ms());
        if (!r->stop) {
            sleep_until(due);
        }
    }
    r->finished = true;
    for (;;) {
        vTaskSuspend(NULL); /* Until cleat_port_stop() deletes us. */
    }
}

static bool stack_is_free(const struct cleat_freertos_stack *s) {
    for (size_t i = 0; i < CLEAT_FREERTOS_TASKS; i++) {
        if (runners[i].task != NULL && runners[i].stack == s) {
            return false;
        }
    }
    return true;
}

/* Under the critical section. */
static const struct cleat_freertos_stack *stack_for(const char *name) {
    for (size_t i = 0; i < stack_count; i++) {
        const struct cleat_freertos_stack *s = &stacks[i];
        if ((s->name == NULL || strcmp(s->name, name) == 0) &&
            stack_is_free(s)) {
            return s;
        }
    }
    return NULL;
}

int cleat_port_start(struct cleat_task *task) {
    struct runner *r = NULL;
    taskENTER_CRITICAL();
    const struct cleat_freertos_stack *stack = stack_for(task->name);
    if (stack != NULL) {
        r = runner_take(task);
    }
    if (r != NULL) {
        r->stack = stack;
    }
    taskEXIT_CRITICAL();
    if (r == NULL) {
        CLEAT_LOG(CLEAT_LEVEL_ERROR, "port", "no %s for task %s",
                  stack == NULL ? "stack" : "place (CLEAT_FREERTOS_TASKS)",
                  task->name);
        return CLEAT_ERR_IO;
    }
    /* It may run before this returns and then sets its handle itself. A wake
     * that comes before either did needs no handle: the first step follows. */
    TaskHandle_t handle = xTaskCreateStatic(
        task_main, task->name,
        (configSTACK_DEPTH_TYPE)(stack->size / sizeof(StackType_t)), r,
        stack->priority, stack->stack, &r->control);
    taskENTER_CRITICAL();
    r->handle = handle;
    taskEXIT_CRITICAL();
    return CLEAT_OK;
}

void cleat_port_stop(struct cleat_task *task) {
    struct runner *r = task->port;
    if (r == NULL) {
        return;
    }
    r->stop = true;
    cleat_port_wake(task);
    while (scheduler_runs() && !r->finished) {
        vTaskDelay(1);
    }
    taskENTER_CRITICAL();
    task->port = NULL; /* No wake reaches it from here on. */
    TaskHandle_t handle = r->handle;
    taskEXIT_CRITICAL();
    vTaskDelete(handle);
    taskENTER_CRITICAL();
    r->task = NULL;
    taskEXIT_CRITICAL();
}

static bool runs_elsewhere(const struct cleat_task *helper) {
    return helper == NULL || helper->port != NULL;
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    if (done(arg)) {
        return CLEAT_OK;
    }
    if (!can_wait()) {
        return CLEAT_ERR_STATE;
    }
    do {
        uint64_t due = deadline_ms;
        if (cleat_port_now_ms() >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (!runs_elsewhere(helper)) {
            uint64_t next = helper->step(helper->self, cleat_port_now_ms());
            if (done(arg)) {
                break;
            }
            due = next < due ? next : due;
        }
        sleep_until(due);
    } while (!done(arg));
    /* A wake may have been for something else too: step again soon. */
    cleat_port_wake(cleat_port_current());
    return CLEAT_OK;
}

#if defined(INCLUDE_uxTaskGetStackHighWaterMark) &&                            \
    INCLUDE_uxTaskGetStackHighWaterMark == 1
size_t cleat_freertos_stack_left(const struct cleat_task *task) {
    const struct runner *r = task->port;
    return r == NULL
               ? 0
               : uxTaskGetStackHighWaterMark(r->handle) * sizeof(StackType_t);
}
#endif
