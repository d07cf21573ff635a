/* SPDX-License-Identifier: MIT */
/*
 * What of lwIP is compiled: IPv4, DHCP, DNS and one TCP client on one loop, no
 * threads. Sizes decide static RAM; each says what it buys.
 */
#ifndef CLEAT_LWIPOPTS_H
#define CLEAT_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0 /* no call from an interrupt */
#define LWIP_SINGLE_NETIF 1
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_RAW 0
#define LWIP_ICMP 1
#define LWIP_IGMP 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define LWIP_DHCP 1
#define LWIP_ACD 0 /* with it DHCP takes seconds longer */
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define LWIP_DNS 1
#define LWIP_UDP 1
#define LWIP_TCP 1
#define TCP_QUEUE_OOSEQ 0 /* what comes out of order is sent again */
#define LWIP_NETIF_LINK_CALLBACK 0
#define LWIP_NETIF_TX_SINGLE_PBUF 0

/* Room. The window stays below what the pool holds, and the pool below the
   controller's FIFO: nothing in flight is dropped. */
#define MEM_ALIGNMENT 4
#define MEM_SIZE 6144 /* sent and not acknowledged; DHCP and DNS messages */
#define TCP_MSS 1460
#define TCP_WND (3 * TCP_MSS)
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 8
#define PBUF_POOL_SIZE 12
#define PBUF_POOL_BUFSIZE 512
#define MEMP_NUM_PBUF 8
#define MEMP_NUM_UDP_PCB 2
#define MEMP_NUM_TCP_PCB 3 /* this one, and closed ones in TIME-WAIT */
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG 12
#define MEMP_NUM_SYS_TIMEOUT 8
#define MEMP_NUM_REASSDATA 1
#define MEMP_NUM_ARP_QUEUE 4
#define ARP_TABLE_SIZE 4
#define DNS_TABLE_SIZE 1
#define DNS_MAX_NAME_LENGTH 128
#define DNS_MAX_REQUESTS 1

#define LWIP_STATS 1
#define LWIP_STATS_DISPLAY 0
#define LINK_STATS 0
#define ETHARP_STATS 0
#define IP_STATS 0
#define ICMP_STATS 0
#define UDP_STATS 0
#define TCP_STATS 0
#define SYS_STATS 0
#define MEM_STATS 1
#define MEMP_STATS 0

#define LWIP_NO_CTYPE_H 1 /* the C library's table is larger */
#define LWIP_RAND() cleat_bare_link_random()
unsigned int cleat_bare_link_random(void);

#endif
