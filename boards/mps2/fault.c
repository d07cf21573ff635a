/* SPDX-License-Identifier: MIT */
/*
 * What happens when software fails: the MPU guard below the stack and over
 * address 0, the report of a fault in a form that addr2line takes, and a reset.
 */
#include <stdint.h>

#include "irq.h"
#include "registers.h"

#define MPU_ENABLE_DEFAULT 5u /* on, default map behind, off in HardFault */
#define MPU_REGION_VALID 0x10u
#define MPU_NO_ACCESS_256 0x1000000Fu /* execute never, none, 2^(7+1), on */

/* The linker script begins the RAM with it. */
extern uint32_t board_guard[];
extern uint32_t board_stack_limit[], board_stack_top[];
extern uint32_t board_data_load[]; /* code ends before it */

#define ADDR2LINE "arm-none-eabi-addr2line -fipe firmware.elf "

struct frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
};

static void region(uint32_t number, uintptr_t base) {
    MPU_RBAR = (uint32_t)base | MPU_REGION_VALID | number;
    MPU_RASR = MPU_NO_ACCESS_256;
}

void board_guard_init(void) {
    region(0, 0); /* a null pointer; fetching vectors is not affected */
    region(1, (uintptr_t)board_guard);
    MPU_CTRL = MPU_ENABLE_DEFAULT;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

static void put_hex(const char *name, uint32_t value) {
    static const char digits[] = "0123456789abcdef";
    board_uart_text(UART0, name);
    board_uart_text(UART0, "0x");
    for (int shift = 28; shift >= 0; shift -= 4) {
        board_uart_put(UART0, (uint8_t)digits[value >> shift & 15]);
    }
}

/* With no frame to read: what looks like return addresses, innermost first. */
static void put_callers(const char *before) {
    unsigned found = 0;
    for (const uint32_t *p = board_stack_limit;
         p < board_stack_top && found < 4; p++) {
        if ((*p & 1) != 0 && *p > 256 && *p < (uintptr_t)board_data_load) {
            put_hex(before, *p - 1);
            before = " ";
            found++;
        }
    }
}

static void restart(void) {
    SCB_RESET = SCB_RESET_NOW;
    for (;;) {
    }
}

/* Semihosting without a debugger: pretend that it said no. */
static int is_semihosting(const struct frame *f) {
    return (f->pc & 1) == 0 && f->pc < 0x00400000u &&
           *(const uint16_t *)(uintptr_t)f->pc == 0xBEABu;
}

void board_fault_report(struct frame *f, uint32_t exc_return);
void board_fault_report(struct frame *f, uint32_t exc_return) {
    if (is_semihosting(f)) {
        f->pc += 2;
        f->r0 = UINT32_MAX;
        return;
    }
    board_uart_text(UART0, "\r\nFAULT:");
    put_hex(" pc=", f->pc);
    put_hex(" lr=", f->lr);
    put_hex(" sp=", (uint32_t)(uintptr_t)f);
    put_hex(" psr=", f->psr);
    put_hex(" r0=", f->r0);
    put_hex(" r1=", f->r1);
    put_hex(" r2=", f->r2);
    put_hex(" r3=", f->r3);
    put_hex(" r12=", f->r12);
    put_hex("\r\nFAULT: cfsr=", SCB_CFSR);
    put_hex(" hfsr=", SCB_HFSR);
    put_hex(" mmfar=", SCB_MMFAR);
    put_hex(" bfar=", SCB_BFAR);
    put_hex(" exc=", exc_return);
    if ((uintptr_t)f < (uintptr_t)board_stack_limit) {
        board_uart_text(UART0, "\r\nFAULT: the stack is used up;"
                               " pc and lr are not known, these returned to:");
        put_callers("\r\nFAULT: " ADDR2LINE);
    } else {
        put_hex("\r\nFAULT: " ADDR2LINE, f->pc);
        put_hex(" ", f->lr);
    }
    board_uart_text(UART0, "\r\n");
    restart();
}

/* The stack may be the trouble: the report runs on one of its own. A return
 * from it (semihosting) goes back through the old one. */
static uint32_t fault_stack[72] __attribute__((section(".noinit"), used));

__attribute__((naked)) void board_fault(void) {
    __asm__ volatile("mov r0, sp\n\t"
                     "mov r1, lr\n\t"
                     "mov r4, sp\n\t"
                     "ldr r2, =fault_stack + 288\n\t"
                     "mov sp, r2\n\t"
                     "push {r4, lr}\n\t"
                     "bl board_fault_report\n\t"
                     "pop {r4, lr}\n\t"
                     "mov sp, r4\n\t"
                     "bx lr\n\t"
                     ".ltorg");
}

void board_watchdog_report(const struct frame *f);
void board_watchdog_report(const struct frame *f) {
    board_uart_text(UART0, "\r\nWATCHDOG: no progress;");
    put_hex(" pc=", f->pc);
    put_hex(" lr=", f->lr);
    put_hex("\r\nWATCHDOG: " ADDR2LINE, f->pc);
    put_hex(" ", f->lr);
    board_uart_text(UART0, "\r\n");
    restart();
}

__attribute__((naked)) void board_watchdog_bite(void) {
    __asm__ volatile("mov r0, sp\n\t"
                     "b board_watchdog_report");
}

void __stack_chk_fail(void);
__attribute__((noreturn)) void __stack_chk_fail(void) {
    board_uart_text(UART0, "\r\nCANARY: a function wrote past its array");
    put_hex("\r\nCANARY: " ADDR2LINE,
            (uint32_t)(uintptr_t)__builtin_return_address(0));
    board_uart_text(UART0, "\r\n");
    restart();
    for (;;) {
    }
}
