/* SPDX-License-Identifier: MIT */
/*
 * A network interface of lwIP's as the link: watched, not driven. Whoever owns
 * the interface brings it up and asks for its address.
 */
#include <lwip/netif.h>
#include <stdio.h>
#include <string.h>

#include "cleat/lwip_net.h"

static struct netif *netif_of(const struct cleat_lwip_link *l) {
    return l->netif == NULL ? netif_default : l->netif;
}

static bool link_is_up(void *self, struct cleat_task *task) {
    const struct netif *netif = netif_of(self);
    (void)task; /* lwIP tells one listener only, and that is its owner's. */
    return netif != NULL && netif_is_up(netif) && netif_is_link_up(netif) &&
           !ip4_addr_isany_val(*netif_ip4_addr(netif));
}

static int link_join(void *self, uint64_t now_ms) {
    const struct netif *netif = netif_of(self);
    (void)now_ms;
    if (link_is_up(self, NULL)) {
        return CLEAT_OK;
    }
    /* Without interface or cable there is nothing to wait for. */
    return netif == NULL || !netif_is_link_up(netif) ? CLEAT_ERR_IO
                                                     : CLEAT_ERR_AGAIN;
}

static void link_address(void *self, char *out, size_t cap) {
    const struct netif *netif = netif_of(self);
    char text[IP4ADDR_STRLEN_MAX] = "";
    if (netif != NULL) {
        (void)ip4addr_ntoa_r(netif_ip4_addr(netif), text, sizeof text);
    }
    snprintf(out, cap, "lwIP, address %s", text);
}

static void link_leave(void *self) {
    (void)self;
}

struct cleat_link *cleat_lwip_link_init(struct cleat_lwip_link *l,
                                        void *netif) {
    memset(l, 0, sizeof *l);
    l->netif = netif;
    l->link =
        (struct cleat_link){link_join, link_is_up, link_address, link_leave, l};
    return &l->link;
}
