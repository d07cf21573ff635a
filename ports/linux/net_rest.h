/* SPDX-License-Identifier: MIT */
/* Private to the port: when to let bytes gather before a line is read again. */
#ifndef CLEAT_PORT_LINUX_NET_REST_H
#define CLEAT_PORT_LINUX_NET_REST_H

#include "cleat/linux_net.h"

/** Begin, on a new connection. */
void cleat_linux_net_rest_begin(struct cleat_linux_net_rest *r,
                                uint64_t now_us);
/**
 * Once before each wait.
 * @param total  Bytes received so far.
 * @return microseconds to sleep before waiting; 0: none.
 */
uint32_t cleat_linux_net_rest_next(struct cleat_linux_net_rest *r,
                                   uint64_t now_us, uint64_t total);

#endif
