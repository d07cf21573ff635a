/* SPDX-License-Identifier: MIT */
/* What lwIP wants to know of compiler and processor. */
#ifndef CLEAT_ARCH_CC_H
#define CLEAT_ARCH_CC_H

#define LWIP_TIMEVAL_PRIVATE 0
#include <sys/time.h>

#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x) cleat_bare_link_assert(x)
void cleat_bare_link_assert(const char *what);

#endif
