/* SPDX-License-Identifier: MIT */
/* What lwIP wants to know of compiler and processor. */
#ifndef CLEAT_ARCH_CC_H
#define CLEAT_ARCH_CC_H

#define LWIP_TIMEVAL_PRIVATE 0
#include <sys/time.h>

#define LWIP_PLATFORM_DIAG(x)
/* The texts stay out of the image; the line leads to them. */
#define LWIP_PLATFORM_ASSERT(x) cleat_bare_link_assert(__FILE_NAME__, __LINE__)
void cleat_bare_link_assert(const char *file, int line);

#endif
