/* SPDX-License-Identifier: MIT */
/*
 * The link on Linux: an interface that the system brings up (cable or Wi-Fi),
 * watched by its state and address. The cut is for trying out what happens.
 */
#define _DEFAULT_SOURCE
#include "cleat/linux_link.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define LOOK_EVERY_MS 200

static bool usable(const struct cleat_linux_link *l, const struct ifaddrs *i) {
    const unsigned want = IFF_UP | IFF_RUNNING;
    if (i->ifa_addr == NULL || (i->ifa_flags & want) != want) {
        return false;
    }
    if (i->ifa_addr->sa_family != AF_INET &&
        i->ifa_addr->sa_family != AF_INET6) {
        return false;
    }
    return l->interface[0] == '\0' || strcmp(l->interface, i->ifa_name) == 0;
}

static void note(struct cleat_linux_link *l, const struct ifaddrs *i) {
    char text[INET6_ADDRSTRLEN] = "";
    if (i->ifa_addr->sa_family == AF_INET) {
        struct sockaddr_in a;
        memcpy(&a, i->ifa_addr, sizeof a);
        inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
    } else {
        struct sockaddr_in6 a;
        memcpy(&a, i->ifa_addr, sizeof a);
        inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
    }
    snprintf(l->found, sizeof l->found, "%s", i->ifa_name);
    snprintf(l->address, sizeof l->address, "%s", text);
}

/* A real interface counts more than loopback, IPv4 more than IPv6. */
static int rank(const struct ifaddrs *i) {
    int points = (i->ifa_flags & IFF_LOOPBACK) != 0 ? 1 : 3;
    return points + (i->ifa_addr->sa_family == AF_INET ? 1 : 0);
}

static void look(struct cleat_linux_link *l) {
    struct ifaddrs *list = NULL;
    int best = 0;
    l->up = false;
    if (getifaddrs(&list) != 0) {
        return;
    }
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        if (usable(l, i) && rank(i) > best) {
            best = rank(i);
            note(l, i);
            l->up = true;
        }
    }
    freeifaddrs(list);
}

static bool is_up(void *self, struct cleat_task *task) {
    struct cleat_linux_link *l = self;
    cleat_port_enter();
    bool cut = l->cut;
    l->task = task;
    cleat_port_leave();
    uint64_t now = cleat_port_now_ms();
    if (l->looked_ms == 0 || now - l->looked_ms >= LOOK_EVERY_MS) {
        l->looked_ms = now;
        look(l);
    }
    return l->up && !cut;
}

static int join(void *self, uint64_t now_ms) {
    (void)now_ms;
    struct cleat_linux_link *l = self;
    return is_up(self, l->task) ? CLEAT_OK : CLEAT_ERR_IO;
}

static void address(void *self, char *out, size_t cap) {
    const struct cleat_linux_link *l = self;
    snprintf(out, cap, "%s, address %s", l->found, l->address);
}

static void leave(void *self) {
    struct cleat_linux_link *l = self;
    cleat_port_enter();
    l->task = NULL;
    cleat_port_leave();
}

void cleat_linux_link_init(struct cleat_linux_link *l, const char *interface) {
    memset(l, 0, sizeof *l);
    l->link.join = join;
    l->link.is_up = is_up;
    l->link.address = address;
    l->link.leave = leave;
    l->link.self = l;
    snprintf(l->interface, sizeof l->interface, "%s", interface);
}

void cleat_linux_link_cut(struct cleat_linux_link *l, bool cut) {
    cleat_port_enter();
    l->cut = cut;
    struct cleat_task *task = l->task;
    cleat_port_leave();
    cleat_port_wake(task);
}

bool cleat_linux_link_is_cut(struct cleat_linux_link *l) {
    cleat_port_enter();
    bool cut = l->cut;
    cleat_port_leave();
    return cut;
}
