/* SPDX-License-Identifier: MIT */
/*
 * Interrupt masking, and the routines that belong to no driver. Each one clears
 * its cause and wakes a task; nothing is read, printed or decided here.
 */
#include "irq.h"

#include "board.h"
#include "cleat/bare_port.h"
#include "registers.h"

static struct cleat_task *receiver;
static void (*pressed)(void);

uint32_t cleat_bare_mask(void) {
    uint32_t before;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(before)::"memory");
    return before;
}

void cleat_bare_unmask(uint32_t before) {
    __asm__ volatile("msr primask, %0" ::"r"(before) : "memory");
}

void board_irq_enable(unsigned irq) {
    NVIC_UNPEND = 1u << irq;
    NVIC_ENABLE = 1u << irq;
}

static void received(uint32_t base) {
    REG(base + 0x0C) = 2;
    cleat_port_wake(receiver);
}

void board_irq_console(void) {
    received(UART0);
}

void board_irq_control(void) {
    received(UART2);
}

/* The bridge's driver waits for it itself; the interrupt ends its sleep. */
void board_irq_bridge(void) {
    REG(UART1 + 0x0C) = 2;
}

void board_irq_button(void) {
    if (pressed != NULL) {
        pressed();
    }
}

void board_on_receive(struct cleat_task *task) {
    receiver = task;
    board_irq_enable(IRQ_UART0_RX);
    board_irq_enable(IRQ_UART2_RX);
    cleat_port_wake(task); /* what came before was not told */
}

void board_on_button(void (*routine)(void)) {
    pressed = routine;
    board_irq_enable(IRQ_BUTTON);
}

void board_press(void) {
    NVIC_PEND = 1u << IRQ_BUTTON;
}
