/* SPDX-License-Identifier: MIT */
/*
 * Network without an operating system: lwIP between a board's Ethernet driver
 * and the interfaces cleat/link.h (cable and DHCP) and cleat/stream.h (TCP,
 * with DNS). One network per program; it runs as a task of its own beside the
 * device's four, and all of it on one loop.
 */
#ifndef CLEAT_BARE_NET_H
#define CLEAT_BARE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/link.h"
#include "cleat/port.h"
#include "cleat/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Supplied by the board, as the five functions of cleat/bare_port.h: its
 *  Ethernet controller. Nothing here blocks. Bring it up; frames wake `task`
 *  from then on.
 *  @return 0 with its address in mac, or CLEAT_ERR_IO: not there. */
int cleat_bare_ethernet_start(uint8_t mac[6], struct cleat_task *task);
/** Supplied by the board: @return true while a cable is plugged in. */
bool cleat_bare_ethernet_link_up(void);
/** Supplied by the board: send one frame of len bytes, CRC not included: begin,
 *  its parts in order, end. @return 0, or CLEAT_ERR_FULL: drop it. */
int cleat_bare_ethernet_send_begin(size_t len);
/** Supplied by the board: the next part of that frame. */
void cleat_bare_ethernet_send_part(const uint8_t *data, size_t len);
/** Supplied by the board: that frame is whole. */
void cleat_bare_ethernet_send_end(void);
/** Supplied by the board: take one frame: its length without CRC, or 0 when
 *  none is there; then its parts in order, or none (it is dropped), then end.
 */
size_t cleat_bare_ethernet_receive_begin(void);
/** Supplied by the board: the next len bytes of that frame. */
void cleat_bare_ethernet_receive_part(uint8_t *data, size_t len);
/** Supplied by the board: drop what was not taken of it. */
void cleat_bare_ethernet_receive_end(void);

/** What happened on the wire, and what lwIP ran out of. */
struct cleat_bare_net_counts {
    uint32_t frames_in, frames_out;
    uint32_t dropped;   /**< Frames in or out that found no room. */
    uint32_t heap_peak; /**< Bytes of lwIP's heap used at most. */
};

/** @return the link on the controller: up means cable and an address from DHCP.
 * The first join() starts controller and lwIP. */
struct cleat_link *cleat_bare_link(void);
/** Read the counters; from the task that runs the network. */
void cleat_bare_net_get_counts(struct cleat_bare_net_counts *out);

/** One TCP connection at a time. Allocate it anywhere; the fields are private
 *  but for the first three, which the caller may change before an open. */
struct cleat_bare_net {
    const char *host; /**< Name or address; must stay. */
    uint16_t port;
    uint32_t connect_timeout_ms; /**< For name and connection; 5000. */

    uint8_t state;
    int8_t failure;          /* as lwIP says; 0: none */
    bool ended;              /* the peer's bytes have */
    struct cleat_task *task; /* whose step opened it: woken when it matters */
    uint32_t begin_ms;       /* of the open */
    void *pcb;
    void *received; /* chain of what has arrived and was not read yet */
    struct cleat_stream stream;
};

/** Make it ready. @return its stream. */
struct cleat_stream *cleat_bare_net_init(struct cleat_bare_net *n,
                                         const char *host, uint16_t port);

#ifdef __cplusplus
}
#endif
#endif
