/* SPDX-License-Identifier: MIT */
/*
 * What the Linux port offers beyond port.h: descriptors that wake a task.
 */
#ifndef CLEAT_LINUX_PORT_H
#define CLEAT_LINUX_PORT_H

#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Wake task when fd shows one of the poll(2) events; replaces what was asked
 *  for this fd before. events 0 forgets it: call so before close(fd). */
void cleat_linux_watch(struct cleat_task *task, int fd, short events);

#ifdef __cplusplus
}
#endif
#endif
