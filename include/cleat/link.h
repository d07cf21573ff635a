/* SPDX-License-Identifier: MIT */
/*
 * The link below TCP: Wi-Fi on a board, an interface that the system manages
 * on Linux. The MQTT client task brings it up before it connects, and again
 * when it was lost. Never blocks.
 */
#ifndef CLEAT_LINK_H
#define CLEAT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/error.h"
#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A network link: Wi-Fi, Ethernet, whatever carries IP. */
struct cleat_link {
    /** Start bringing it up, or go on with it. @return 0 when up,
     *  CLEAT_ERR_AGAIN while under way, or why this attempt failed. */
    int (*join)(void *self, uint64_t now_ms);
    /** @return true while it is up. `task` is to be woken when that changes,
     *  as far as the system tells; it asks at least once a second anyway. */
    bool (*is_up)(void *self, struct cleat_task *task);
    /** Write its name and address as text, e.g. "eth0 192.0.2.7". */
    void (*address)(void *self, char *out, size_t cap);
    /** Let go of it. */
    void (*leave)(void *self);
    void *self; /**< First argument of the functions. */
};

#ifdef __cplusplus
}
#endif
#endif
