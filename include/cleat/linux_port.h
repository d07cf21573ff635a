/* SPDX-License-Identifier: MIT */
/*
 * What the Linux port offers beyond cleat/port.h: one thread per task (the
 * default) or all tasks in one loop, and file descriptors that wake a task.
 */
#ifndef CLEAT_LINUX_PORT_H
#define CLEAT_LINUX_PORT_H

#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Run all tasks in cleat_linux_loop() instead of threads, as bare metal does.
 *  Call before the first cleat_port_start(). */
void cleat_linux_use_loop(bool one_loop);

/** Descriptors that one task may watch at the same time. */
#define CLEAT_LINUX_WATCH_MAX 4

/**
 * Wake a task when fd is ready. Call it from the task's own step, whenever the
 * wanted events change, and with events 0 before closing fd.
 * @param task   NULL: the current task.
 * @param events POLLIN, POLLOUT or both; 0 forgets the fd.
 * @return 0, CLEAT_ERR_FULL (the task watches CLEAT_LINUX_WATCH_MAX others), or
 *         CLEAT_ERR_ARG (no descriptor, or a task that was not started).
 */
int cleat_linux_watch(struct cleat_task *task, int fd, short events);

/**
 * Wait in the main thread until it is woken (cleat_port_wake of the task that
 * cleat_port_current() returned there), fd is readable, or timeout. In
 * one-loop mode the tasks are stepped meanwhile.
 * @param fd -1: none.
 * @param timeout_ms CLEAT_NEVER: no limit.
 * @return true if fd is readable (or at its end).
 */
bool cleat_linux_main_wait(int fd, uint64_t timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
