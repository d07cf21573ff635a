/* SPDX-License-Identifier: MIT */
/* A link that the Linux system manages: we watch it, and can pretend a cut. */
#ifndef CLEAT_LINUX_LINK_H
#define CLEAT_LINUX_LINK_H

#include "cleat/link.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One link. The fields are private. */
struct cleat_linux_link {
    struct cleat_link link;
    char interface[16]; /* "": any */
    char found[16];
    char address[64];
    bool up;
    bool cut; /* under the port's critical section */
    uint64_t looked_ms;
    struct cleat_task *task; /* under the port's critical section */
};

/** @param interface  Name, or "" for any that is up and has an address. */
void cleat_linux_link_init(struct cleat_linux_link *l, const char *interface);
/** Cut the link, or mend it, as if a cable were pulled. Any task. */
void cleat_linux_link_cut(struct cleat_linux_link *l, bool cut);
/** @return true while it is cut. */
bool cleat_linux_link_is_cut(struct cleat_linux_link *l);

#ifdef __cplusplus
}
#endif
#endif
