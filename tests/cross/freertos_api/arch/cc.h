/* SPDX-License-Identifier: MIT */
/* For compiling only. */
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_PLATFORM_ASSERT(x)
