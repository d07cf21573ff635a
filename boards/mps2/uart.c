/* SPDX-License-Identifier: MIT */
/* The CMSDK UARTs: one byte each way, no FIFO, 115200 8N1. */
#include "irq.h"
#include "registers.h"

#define BAUD 115200u
#define DATA 0x00
#define STATE 0x04
#define CTRL 0x08
#define BAUDDIV 0x10
#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CTRL_TX_RX_RXIRQ 0x0Bu

void board_uart_init(void) {
    for (uint32_t base = UART0; base <= UART2; base += UART1 - UART0) {
        REG(base + BAUDDIV) = CORE_CLOCK_HZ / BAUD;
        REG(base + CTRL) = CTRL_TX_RX_RXIRQ;
    }
}

void board_uart_put(uint32_t base, uint8_t byte) {
    while ((REG(base + STATE) & STATE_TX_FULL) != 0) {
    }
    REG(base + DATA) = byte;
}

void board_uart_text(uint32_t base, const char *text) {
    for (; *text != '\0'; text++) {
        board_uart_put(base, (uint8_t)*text);
    }
}

bool board_uart_ready(uint32_t base) {
    return (REG(base + STATE) & STATE_RX_FULL) != 0;
}

uint8_t board_uart_get(uint32_t base) {
    return (uint8_t)REG(base + DATA);
}
