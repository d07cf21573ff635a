/* SPDX-License-Identifier: MIT */
/*
 * The LAN9118 Ethernet controller: frames by its FIFOs, polled by the network
 * task, which its interrupt wakes.
 */
#include <string.h>

#include "cleat/bare_net.h"
#include "cleat/error.h"
#include "irq.h"
#include "registers.h"

#define RX_DATA REG(ETHERNET + 0x00)
#define TX_DATA REG(ETHERNET + 0x20)
#define RX_STATUS REG(ETHERNET + 0x40)
#define TX_STATUS REG(ETHERNET + 0x48)
#define IRQ_CFG REG(ETHERNET + 0x54)
#define INT_STS REG(ETHERNET + 0x58)
#define INT_EN REG(ETHERNET + 0x5C)
#define BYTE_TEST REG(ETHERNET + 0x64)
#define FIFO_INT REG(ETHERNET + 0x68)
#define TX_CFG REG(ETHERNET + 0x70)
#define HW_CFG REG(ETHERNET + 0x74)
#define RX_FIFO_INF REG(ETHERNET + 0x7C)
#define TX_FIFO_INF REG(ETHERNET + 0x80)
#define MAC_CMD REG(ETHERNET + 0xA4)
#define MAC_DATA REG(ETHERNET + 0xA8)

#define BYTE_TEST_VALUE 0x87654321u
#define SOFT_RESET 1u
#define IRQ_ON_HIGH_PUSHPULL 0x111u
#define INT_FRAME (1u << 3)
#define TX_ON 2u
#define MAC_BUSY (1u << 31)
#define MAC_READ (1u << 30)
#define MAC_CR 1u
#define MAC_ADDRESS_HIGH 2u
#define MAC_ADDRESS_LOW 3u
#define MAC_MII_ACCESS 6u
#define MAC_MII_DATA 7u
#define MAC_FULL_DUPLEX_TX_RX ((1u << 20) | (1u << 3) | (1u << 2))
#define TX_WHOLE_FRAME 0x3000u
#define RX_ERROR (1u << 15)
#define CRC_LEN 4u
#define FRAME_MAX 1514u

#define PHY_ADDRESS (1u << 11)
#define PHY_BUSY 1u
#define PHY_STATUS 1u
#define PHY_STATUS_LINK 4u

static struct cleat_task *owner;
static uint32_t word; /* of a FIFO, in part filled or read */
static size_t count;  /* bytes written, or left to read: whole words */

/* Read, or write value. */
__attribute__((noinline)) static uint32_t mac(uint32_t what, uint32_t value) {
    MAC_DATA = value;
    MAC_CMD = MAC_BUSY | what;
    while ((MAC_CMD & MAC_BUSY) != 0) {
    }
    return MAC_DATA;
}

void board_irq_ethernet(void) {
    INT_STS = INT_FRAME;
    cleat_port_wake(owner);
}

int cleat_bare_ethernet_start(uint8_t address[6], struct cleat_task *task) {
    owner = task;
    if (BYTE_TEST != BYTE_TEST_VALUE) {
        return CLEAT_ERR_IO;
    }
    HW_CFG = SOFT_RESET;
    while ((HW_CFG & SOFT_RESET) != 0) {
    }
    FIFO_INT = 0;
    IRQ_CFG = IRQ_ON_HIGH_PUSHPULL;
    const uint32_t low = mac(MAC_READ | MAC_ADDRESS_LOW, 0);
    const uint32_t high = mac(MAC_READ | MAC_ADDRESS_HIGH, 0);
    memcpy(address, &low, 4);
    memcpy(address + 4, &high, 2);
    TX_CFG = TX_ON;
    (void)mac(MAC_CR, MAC_FULL_DUPLEX_TX_RX);
    INT_EN = INT_FRAME;
    /* Only now: until IRQ_CFG it is active low, so that quiet is active. */
    NVIC_UNPEND = 1u << IRQ_ETHERNET;
    NVIC_ENABLE = 1u << IRQ_ETHERNET;
    return CLEAT_OK;
}

bool cleat_bare_ethernet_link_up(void) {
    (void)mac(MAC_MII_ACCESS, PHY_ADDRESS | PHY_STATUS << 6 | PHY_BUSY);
    return (mac(MAC_READ | MAC_MII_DATA, 0) & PHY_STATUS_LINK) != 0;
}

int cleat_bare_ethernet_send_begin(size_t len) {
    if (len > FRAME_MAX || (TX_FIFO_INF & 0xFFFFu) < len + 16) {
        return CLEAT_ERR_FULL;
    }
    TX_DATA = TX_WHOLE_FRAME | (uint32_t)len;
    TX_DATA = (uint32_t)len << 16 | (uint32_t)len;
    count = 0;
    return CLEAT_OK;
}

void cleat_bare_ethernet_send_part(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        word = word >> 8 | (uint32_t)data[i] << 24;
        if (++count % 4 == 0) {
            TX_DATA = word;
        }
    }
}

void cleat_bare_ethernet_send_end(void) {
    static const uint8_t padding[3];
    cleat_bare_ethernet_send_part(padding, -count % 4);
    while ((TX_FIFO_INF >> 16 & 0xFFu) != 0) {
        (void)TX_STATUS;
    }
}

static void skip_words(void) {
    for (; count >= 4; count -= 4) {
        (void)RX_DATA;
    }
}

size_t cleat_bare_ethernet_receive_begin(void) {
    while ((RX_FIFO_INF >> 16 & 0xFFu) != 0) {
        uint32_t status = RX_STATUS;
        size_t len = status >> 16 & 0x3FFFu;
        count = (len + 3) / 4 * 4;
        if ((status & RX_ERROR) == 0 && len > CRC_LEN &&
            len <= FRAME_MAX + CRC_LEN) {
            return len - CRC_LEN;
        }
        skip_words();
    }
    return 0;
}

void cleat_bare_ethernet_receive_part(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        word = count % 4 == 0 ? RX_DATA : word >> 8;
        count--;
        data[i] = (uint8_t)word;
    }
}

void cleat_bare_ethernet_receive_end(void) {
    skip_words();
}
