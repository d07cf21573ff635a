/* SPDX-License-Identifier: MIT */
/*
 * lwIP on a board's Ethernet controller, and the link that the MQTT client task
 * joins: cable first, then an address by DHCP. The network task drains the
 * controller and runs lwIP's timers; an interrupt only wakes it.
 */
#include "cleat/bare_net.h"

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/stats.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>
#include <string.h>

#include "cleat/bare_port.h"
#include "cleat/config.h"
#include "cleat/log.h"

#define DHCP_TIMEOUT_MS 10000

static struct netif interface;
static struct cleat_task *watcher; /* wants to know of changes */
static struct cleat_bare_net_counts counts;
static bool was_up;
static bool joining;
static uint32_t join_ms; /* since then */
static uint32_t seed;

unsigned int cleat_bare_link_random(void) {
    seed = (seed ^ cleat_bare_now_us()) * 1664525u + 1;
    return seed ^ seed >> 15;
}

void cleat_bare_link_assert(const char *file, int line) {
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "net", "lwip assertion at=%s:%d", file, line);
}

u32_t sys_now(void) {
    return (u32_t)cleat_port_now_ms();
}

static err_t send_frame(struct netif *netif, struct pbuf *p) {
    (void)netif;
    if (cleat_bare_ethernet_send_begin(p->tot_len) != CLEAT_OK) {
        counts.dropped += CLEAT_BARE_COUNTS;
        return ERR_BUF;
    }
    for (const struct pbuf *q = p; q != NULL; q = q->next) {
        cleat_bare_ethernet_send_part(q->payload, q->len);
    }
    cleat_bare_ethernet_send_end();
    counts.frames_out += CLEAT_BARE_COUNTS;
    return ERR_OK;
}

/* Up from the start: without an address nothing but DHCP is sent. The cable is
 * taken to be in until the network task has looked. */
static err_t interface_init(struct netif *netif) {
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_UP |
                   NETIF_FLAG_LINK_UP;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    return ERR_OK;
}

static bool overrun; /* the last frame found no buffer */

static void take_frame(size_t len) {
    struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
    for (const struct pbuf *q = p; q != NULL; q = q->next) {
        cleat_bare_ethernet_receive_part(q->payload, q->len);
    }
    cleat_bare_ethernet_receive_end();
    if (p == NULL) {
        counts.dropped += CLEAT_BARE_COUNTS;
        if (!overrun) { /* once for all that are lost in a row */
            CLEAT_LOG(CLEAT_LEVEL_ERROR, "net",
                      "no buffer for a frame, dropped; it is sent again");
        }
        overrun = true;
        return;
    }
    overrun = false;
    counts.frames_in += CLEAT_BARE_COUNTS;
    (void)ethernet_input(p, &interface); /* frees it, and never fails */
}

static void look_at_cable(void) {
    bool up = cleat_bare_ethernet_link_up();
    if (up == netif_is_link_up(&interface)) {
        return;
    }
    if (up) {
        netif_set_link_up(&interface);
    } else {
        netif_set_link_down(&interface);
    }
}

static bool usable(void) {
    return netif_is_link_up(&interface) && dhcp_supplied_address(&interface);
}

static uint64_t net_step(void *self, uint64_t now_ms) {
    (void)self;
    for (size_t len = cleat_bare_ethernet_receive_begin(); len != 0;
         len = cleat_bare_ethernet_receive_begin()) {
        take_frame(len);
    }
    look_at_cable();
    sys_check_timeouts();
    const bool up = usable();
    if (up != was_up) {
        was_up = up;
        cleat_port_wake(watcher);
    }
    return now_ms + sys_timeouts_sleeptime(); /* ARP's never ends */
}

static struct cleat_task net_task;

/* The network task looks at the cable: lwIP has it step twice a second. */
static bool is_up(void *self, struct cleat_task *task) {
    (void)self;
    watcher = task;
    return usable();
}

static int start(void) {
    int err = cleat_bare_ethernet_start(interface.hwaddr, &net_task);
    if (err != CLEAT_OK) {
        return err;
    }
    memcpy(&seed, interface.hwaddr + 2, sizeof seed);
    lwip_init();
    (void)netif_add_noaddr(&interface, NULL, interface_init, ethernet_input);
    netif_set_default(&interface);
    if (CLEAT_TASK_NAMES) {
        net_task.name = "network";
    }
    net_task.step = net_step;
    return cleat_port_start(&net_task);
}

/* @return CLEAT_ERR_AGAIN while DHCP is under way. */
static int lease(uint32_t now_ms) {
    if (!netif_is_link_up(&interface)) {
        return CLEAT_ERR_IO;
    }
    if (usable()) {
        return CLEAT_OK;
    }
    if (!joining) {
        join_ms = now_ms;
        return dhcp_start(&interface) == ERR_OK ? CLEAT_ERR_AGAIN
                                                : CLEAT_ERR_FULL;
    }
    return now_ms - join_ms < DHCP_TIMEOUT_MS ? CLEAT_ERR_AGAIN
                                              : CLEAT_ERR_TIMEOUT;
}

static int join(void *self, uint64_t now_ms) {
    int err = CLEAT_OK;
    (void)self;
    if (net_task.port == NULL) {
        err = start();
    }
    if (err == CLEAT_OK) {
        err = lease((uint32_t)now_ms);
    }
    joining = err == CLEAT_ERR_AGAIN;
    return err;
}

static void address(void *self, char *out, size_t cap) {
    (void)self;
    (void)ip4addr_ntoa_r(netif_ip4_addr(&interface), out, (int)cap);
}

static void leave(void *self) {
    (void)self;
    watcher = NULL;
    joining = false;
    dhcp_release_and_stop(&interface);
}

static struct cleat_link the_link = {join, is_up, address, leave, NULL};

struct cleat_link *cleat_bare_link(void) {
    return &the_link;
}

void cleat_bare_net_get_counts(struct cleat_bare_net_counts *out) {
    *out = counts;
    out->heap_peak = (uint32_t)lwip_stats.mem.max;
}
