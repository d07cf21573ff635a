/* SPDX-License-Identifier: MIT */
/*
 * The MQTT client as one task, for a main() that has a stream and a link:
 * bare_metal.c and freertos.c.
 */
#ifndef HELLO_TASK_H
#define HELLO_TASK_H

#include <stdbool.h>

#include "cleat/link.h"
#include "cleat/stream.h"

/** Publish one message over this stream at QoS 1, once the link is up.
 *  @return 0, or why not. */
int hello_start(struct cleat_stream *stream, struct cleat_link *link);
/** @return true when the broker has the message and was told goodbye. */
bool hello_is_over(void *arg);

#endif
