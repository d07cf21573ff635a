/* SPDX-License-Identifier: MIT */
/* The MPS2 boards: console, LED and what init sets up, in order. */
#include "board.h"

#include "irq.h"
#include "registers.h"

void board_print(bool control, const char *line) {
    uint32_t base = control ? UART2 : UART0;
    board_uart_text(base, line);
    board_uart_text(base, control ? "\n" : "\r\n");
}

static void print(void *self, const char *line) {
    (void)self;
    board_print(false, line);
}

static void led(void *self, bool on) {
    FPGAIO_LED = on ? 1u : 0u;
    print(self, on ? "LED on" : "LED off");
}

static const struct cleat_board device = {BOARD_NAME, "SW2", print, led, NULL};

const struct cleat_board *board_device(void) {
    return &device;
}

bool board_led(void) {
    return (FPGAIO_LED & 1u) != 0;
}

int board_receive(bool control) {
    uint32_t base = control ? UART2 : UART0;
    return board_uart_ready(base) ? board_uart_get(base) : -1;
}

void board_init(void) {
    board_uart_init();
    board_guard_init();
    board_time_init();
    board_irq_init();
    board_watchdog_init();
}
