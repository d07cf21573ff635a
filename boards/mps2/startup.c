/* SPDX-License-Identifier: MIT */
/* From reset to main(), and the vector table. */
#include <stdint.h>

#include "board.h"
#include "cleat/bare_port.h"
#include "irq.h"
#include "registers.h"

#define STACK_PAINT 0xC5C5C5C5u
#define CPACR_FPU (0xFu << 20)

extern uint32_t board_data[], board_data_end[], board_data_load[];
extern uint32_t board_bss_end[];
extern uint32_t board_stack_limit[], board_stack_top[];

int main(void);

/* Checked on the way out of every function with an array. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x00FF0AC5u;

static void idle_irq(void) {
}

__attribute__((no_stack_protector)) static void prepare(void) {
    for (uint32_t *p = board_stack_limit;
         CLEAT_BARE_COUNTS && p < (uint32_t *)__builtin_frame_address(0) - 16;
         p++) {
        *p = STACK_PAINT;
    }
    const uint32_t *from = board_data_load;
    uint32_t *p = board_data;
    while (p < board_data_end) {
        *p++ = *from++;
    }
    while (p < board_bss_end) { /* which follows */
        *p++ = 0;
    }
}

size_t board_stack_used(size_t *size) {
    const uint32_t *p = board_stack_limit;
    while (p < board_stack_top && *p == STACK_PAINT) {
        p++;
    }
    *size = (size_t)(board_stack_top - board_stack_limit) * sizeof *p;
    return (size_t)(board_stack_top - p) * sizeof *p;
}

void board_reset(void) {
    SCB_CPACR |= CPACR_FPU; /* ignored where there is none */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    prepare();
    (void)main();
    for (;;) {
    }
}

typedef void (*routine)(void);

__attribute__((section(".vectors"), used)) static const routine vectors[] = {
    (routine)(uintptr_t)board_stack_top,
    board_reset,
    board_fault, /* NMI: first expiry of the watchdog */
    board_fault, /* HardFault, and all that escalates to it */
    board_fault,
    board_fault,
    board_fault,
    NULL,
    NULL,
    NULL,
    NULL,
    idle_irq, /* SVC */
    idle_irq,
    NULL,
    idle_irq, /* PendSV */
    idle_irq, /* SysTick */
    [16 + IRQ_UART0_RX] = board_irq_console,
    [16 + 1] = idle_irq,
    [16 + IRQ_UART1_RX] = board_irq_bridge,
    [16 + 3] = idle_irq,
    [16 + IRQ_UART2_RX] = board_irq_console,
    [16 + 5] = idle_irq,
    [16 + IRQ_BUTTON] = board_irq_button,
    [16 + 7] = idle_irq,
    [16 + IRQ_TIMER0] = board_irq_timer,
    [16 + 9] = idle_irq,
    [16 + 10] = idle_irq,
    [16 + 11] = idle_irq,
    [16 + 12] = idle_irq,
    [16 + IRQ_ETHERNET] = board_irq_ethernet,
};
