/* SPDX-License-Identifier: MIT */
/*
 * Interrupt masking, and the routines that belong to no driver. Each one clears
 * its cause and wakes a task; nothing is read, printed or decided here.
 */
#include "irq.h"

#include "board.h"
#include "cleat/bare_port.h"
#include "registers.h"

/* Written before what they are for can interrupt: volatile keeps that order. */
static struct cleat_task *volatile receiver;
static void (*volatile pressed)(void);

void cleat_bare_mask(void) {
    __asm__ volatile("cpsid i" ::: "memory");
}

void cleat_bare_unmask(void) {
    __asm__ volatile("cpsie i" ::: "memory");
}

/* All that are quiet until wanted: a routine without a task to wake does
 * nothing. */
void board_irq_init(void) {
    NVIC_ENABLE = 1u << IRQ_UART0_RX | 1u << IRQ_UART1_RX | 1u << IRQ_UART2_RX |
                  1u << IRQ_BUTTON | 1u << IRQ_TIMER0;
}

/* On the console, or the control channel. */
void board_irq_console(void) {
    REG(UART0 + 0x0C) = 2;
    REG(UART2 + 0x0C) = 2;
    cleat_port_wake(receiver);
}

/* The bridge's driver waits for it itself; the interrupt ends its sleep. */
void board_irq_bridge(void) {
    REG(UART1 + 0x0C) = 2;
}

void board_irq_button(void) {
    void (*routine)(void) = pressed;
    if (routine != NULL) {
        routine();
    }
}

void board_on_receive(struct cleat_task *task) {
    receiver = task;
    cleat_port_wake(task); /* what came before was not told */
}

void board_on_button(void (*routine)(void)) {
    pressed = routine;
}

void board_press(void) {
    NVIC_PEND = 1u << IRQ_BUTTON;
}
