/* SPDX-License-Identifier: MIT */
/*
 * Looking up a host name without waiting for it: getaddrinfo() in a thread of
 * its own, which may outlive whoever asked. Used by net.c only.
 */
#ifndef CLEAT_LINUX_NET_LOOKUP_H
#define CLEAT_LINUX_NET_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

struct cleat_linux_net_lookup;

/** Start. @return NULL when there are no resources; errno tells. */
struct cleat_linux_net_lookup *cleat_linux_net_lookup_start(const char *host,
                                                            uint16_t port);
/** @return an eventfd, readable once it is done. */
int cleat_linux_net_lookup_fd(const struct cleat_linux_net_lookup *l);
/** @return true once it is done; then result is an EAI code, error the errno
 *  with EAI_SYSTEM, list the addresses: valid until dropped. */
bool cleat_linux_net_lookup_done(struct cleat_linux_net_lookup *l, int *result,
                                 int *error, const struct addrinfo **list);
/** Done with it, finished or not. NULL is fine. */
void cleat_linux_net_lookup_drop(struct cleat_linux_net_lookup *l);

#endif
