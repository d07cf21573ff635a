/* SPDX-License-Identifier: MIT */
/* The board's interrupt routines, and what its parts share. */
#ifndef BOARD_IRQ_H
#define BOARD_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "cleat/port.h"

void board_irq_init(void);

/* Routines; the vector table in startup.c names them. */
void board_irq_console(void);
void board_irq_bridge(void);
void board_irq_button(void);
void board_irq_timer(void);
void board_irq_ethernet(void);

void board_fault(void);
void board_reset(void);

/* uart.c */
void board_uart_init(void);
void board_uart_put(uint32_t base, uint8_t byte);
void board_uart_text(uint32_t base, const char *text);
bool board_uart_ready(uint32_t base);
uint8_t board_uart_get(uint32_t base);

/* time.c */
void board_time_init(void);
void board_watchdog_init(void);

/* fault.c */
void board_guard_init(void);

/* semihosting.c */
long board_semihost(uint32_t operation, const void *argument);

#endif
