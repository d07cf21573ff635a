/* SPDX-License-Identifier: MIT */
/*
 * What happens when software fails: the MPU guard below the stack and over
 * address 0, the report of a fault in a form that addr2line takes, and a reset.
 */
#include <stddef.h>
#include <stdint.h>

#include "irq.h"
#include "registers.h"

#define MPU_ENABLE_DEFAULT 5u /* on, default map behind, off in HardFault */
#define MPU_REGION_VALID 0x10u
#define MPU_NO_ACCESS 0x10000001u /* execute never, none, on */
#define NULL_GUARD 128u           /* as in the linker script */
#define MPU_SIZE_128 (6u << 1)
#define MPU_SIZE_256 (7u << 1)

/* The linker script begins the RAM with it. */
extern uint32_t board_guard[];
extern uint32_t board_stack_limit[], board_stack_top[];
extern uint32_t board_data_load[]; /* code ends before it */

struct frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
};

void board_guard_init(void) {
    /* A null pointer; fetching vectors is not affected. */
    MPU_RBAR = MPU_REGION_VALID | 0u;
    MPU_RASR = MPU_NO_ACCESS | MPU_SIZE_128;
    MPU_RBAR = (uint32_t)(uintptr_t)board_guard | MPU_REGION_VALID | 1u;
    MPU_RASR = MPU_NO_ACCESS | MPU_SIZE_256;
    MPU_CTRL = MPU_ENABLE_DEFAULT;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

/* Print a text; each @ in it is the next of these words. */
static void report(const char *text, const volatile uint32_t *values) {
    for (; *text != '\0'; text++) {
        if (*text != '@') {
            board_uart_put(UART0, (uint8_t)*text);
            continue;
        }
        board_uart_text(UART0, "0x");
        const uint32_t value = *values++;
        for (int shift = 28; shift >= 0; shift -= 4) {
            const unsigned digit = (value >> shift & 15) + '0';
            board_uart_put(UART0, (uint8_t)(digit > '9' ? digit + 39 : digit));
        }
    }
}

/* The end of each report: the command that says where it was, and a restart.
 * From p on in the stack two words that look like places in the code tell
 * where, innermost first. */
__attribute__((noreturn, noinline)) static void end(const uint32_t *p) {
    report("\r\narm-none-eabi-addr2line -fipe firmware.elf", NULL);
    for (unsigned found = 0; p < board_stack_top && found < 2; p++) {
        if ((*p & 1) != 0 && *p > NULL_GUARD &&
            *p < (uintptr_t)board_data_load) {
            report(" @", p);
            found++;
        }
    }
    board_uart_text(UART0, "\r\n");
    SCB_RESET = SCB_RESET_NOW;
    for (;;) {
    }
}

/* @return where it is told where the frame's code was: r12 is sacrificed. */
static const uint32_t *place(struct frame *f) {
    f->r12 = f->pc | 1;
    return &f->r12;
}

/* Semihosting without a debugger: pretend that it said no. */
static int is_semihosting(const struct frame *f) {
    return (f->pc & 1) == 0 && f->pc < 0x00400000u &&
           *(const uint16_t *)(uintptr_t)f->pc == 0xBEABu;
}

/* `more`: the stack pointer and EXC_RETURN. */
void board_fault_report(struct frame *f, const uint32_t *more);
__attribute__((used)) void board_fault_report(struct frame *f,
                                              const uint32_t *more) {
    const uint32_t *where = board_stack_limit;
    if ((uintptr_t)f < (uintptr_t)board_stack_limit) {
        report("\r\nFAULT: the stack is used up", NULL);
    } else if (is_semihosting(f)) {
        f->pc += 2;
        f->r0 = UINT32_MAX;
        return;
    } else {
        report("\r\nFAULT: r0=@ r1=@ r2=@ r3=@ r12=@ lr=@ pc=@ psr=@", &f->r0);
        where = place(f);
    }
    /* They lie side by side. */
    report("\r\nFAULT: cfsr=@ hfsr=@ dfsr=@ mmfar=@ bfar=@", &SCB_CFSR);
    report(" sp=@ exc=@", more);
    end(where);
}

/* The stack may be the trouble: the report runs on one of its own. A return
 * from it (semihosting) goes back through the old one. */
static uint32_t fault_stack[72] __attribute__((section(".noinit"), used));

__attribute__((naked)) void board_fault(void) {
    __asm__ volatile("mov r0, sp\n\t"
                     "ldr r1, =fault_stack + 288\n\t"
                     "mov sp, r1\n\t"
                     "push {r0, lr}\n\t"
                     "mov r1, sp\n\t"
                     "bl board_fault_report\n\t"
                     "pop {r0, lr}\n\t"
                     "mov sp, r0\n\t"
                     "bx lr\n\t"
                     ".ltorg");
}

void board_watchdog_report(struct frame *f);
__attribute__((used)) void board_watchdog_report(struct frame *f) {
    report("\r\nWATCHDOG: no progress", NULL);
    end(place(f));
}

__attribute__((naked)) void board_watchdog_bite(void) {
    __asm__ volatile("mov r0, sp\n\t"
                     "b board_watchdog_report");
}

void board_canary_report(const uint32_t *sp);
__attribute__((used)) void board_canary_report(const uint32_t *sp) {
    report("\r\nCANARY: a function wrote past its array", NULL);
    end(sp);
}

void __stack_chk_fail(void);
__attribute__((naked)) void __stack_chk_fail(void) {
    __asm__ volatile("push {lr}\n\t"
                     "mov r0, sp\n\t"
                     "b board_canary_report");
}
