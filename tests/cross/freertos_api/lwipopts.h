/* SPDX-License-Identifier: MIT */
/* lwIP with threads, as ports/freertos/lwip_*.c are for: for compiling only. */
#define NO_SYS 0
#define LWIP_SOCKET 0
#define LWIP_NETCONN 1
#define LWIP_DNS 1
