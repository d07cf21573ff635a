/* SPDX-License-Identifier: MIT */
/*
 * TCP of lwIP's netconn interface as a stream, for systems where lwIP has a
 * thread (ports/freertos). Names are resolved by lwIP; nothing blocks but for
 * the moment in which that thread takes a request. lwIP 2.2 or newer.
 */
#ifndef CLEAT_LWIP_NET_H
#define CLEAT_LWIP_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/link.h"
#include "cleat/port.h"
#include "cleat/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One TCP connection at a time. In static storage: a name that is being
 *  looked up comes back to it even after close. Set the first three fields;
 *  the others are private. */
struct cleat_lwip_net {
    const char *host; /**< Name or address; must stay. */
    uint16_t port;
    uint32_t connect_timeout_ms; /**< For name and connection. 0: 5000. */

    struct cleat_stream stream;
    struct cleat_task *task; /* whose step opened it: woken when it matters */
    int state;
    int err; /* FAILED: why */
    uint64_t deadline_ms;
    void *conn;
    void *received; /* what has arrived and was not read yet */
    size_t read;    /* bytes of it that were */
    struct cleat_detail detail;
    /* Written by lwIP's thread, under the port's critical section. */
    int lookup;       /* none, under way, found, failed */
    bool established; /* the connection came about, or failed */
    uint32_t address[5];
};

/** @return the stream; host and port as above. */
struct cleat_stream *cleat_lwip_net_init(struct cleat_lwip_net *n,
                                         const char *host, uint16_t port);

/** The link below it: a network interface of lwIP's that the system brings up
 *  (cable, Wi-Fi, DHCP). It is up while it has an address. */
struct cleat_lwip_link {
    struct cleat_link link;
    void *netif; /* struct netif; NULL: the default one */
};

/** @param netif a struct netif, or NULL for lwIP's default one. */
struct cleat_link *cleat_lwip_link_init(struct cleat_lwip_link *l, void *netif);

#ifdef __cplusplus
}
#endif
#endif
