/* SPDX-License-Identifier: MIT */
/*
 * What the FreeRTOS port offers beyond cleat/port.h: the stacks its tasks run
 * on, a finer clock than the tick, and how much of a stack was used. Nothing
 * is allocated. See docs/freertos.md.
 */
#ifndef CLEAT_FREERTOS_PORT_H
#define CLEAT_FREERTOS_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of stack of a device's tasks (cleat_freertos_device_stacks);
 *  docs/freertos.md has what was measured. */
#ifndef CLEAT_FREERTOS_STACK_ELEMENT
#define CLEAT_FREERTOS_STACK_ELEMENT 3072
#endif
/** Of the MQTT client's task, TLS included. */
#ifndef CLEAT_FREERTOS_STACK_MQTT
#define CLEAT_FREERTOS_STACK_MQTT 4096
#endif
/** Of the publisher's and the subscriber's task, each. */
#ifndef CLEAT_FREERTOS_STACK_WORKER
#define CLEAT_FREERTOS_STACK_WORKER 2048
#endif
/** Of all four. Equal priorities share time if configUSE_TIME_SLICING is on. */
#ifndef CLEAT_FREERTOS_PRIORITY
#define CLEAT_FREERTOS_PRIORITY 2
#endif

/** What one task runs on; used by one task at a time. */
struct cleat_freertos_stack {
    const char *name; /**< Of the struct cleat_task; NULL: any task. */
    void *stack;      /**< Aligned to 8 bytes; the caller's, for good. */
    size_t size;      /**< Bytes. */
    unsigned priority;
};

/** Stacks for the four tasks of a device. Linked in only if named. */
extern const struct cleat_freertos_stack cleat_freertos_device_stacks[];
/** How many those are. */
extern const size_t cleat_freertos_device_stack_count;

/** Say which stacks there are, before the first cleat_port_start(). Each task
 *  takes the first free one that has its name. The table must stay. */
void cleat_freertos_use_stacks(const struct cleat_freertos_stack *stacks,
                               size_t count);

/**
 * Take time from a counter of the board's, monotonic, microseconds; call it
 * before the first task starts. Without one time has the resolution of the
 * tick, and each guard time of the secure element costs one or two ticks.
 */
void cleat_freertos_use_clock(uint64_t (*now_us)(void));

/** @return bytes of this task's stack that were never used, or 0 when it is
 *          not started (needs INCLUDE_uxTaskGetStackHighWaterMark). */
size_t cleat_freertos_stack_left(const struct cleat_task *task);

#ifdef __cplusplus
}
#endif
#endif
