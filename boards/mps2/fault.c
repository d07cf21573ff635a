/* SPDX-License-Identifier: MIT */
/*
 * What happens when software fails: the MPU guard below the stack and over
 * address 0, the report of a fault in a form that addr2line takes, and a reset.
 */
#include <stddef.h>
#include <stdint.h>

#include "cleat/config.h"
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

#define NMI 2u
#define CODE_SEMIHOSTING 0xBEABu /* bkpt */
#define CODE_CANARY 0xDECAu      /* udf, see __stack_chk_fail() */

/* In a build without texts what docs/sentences.md tells the rest about. */
#define WORDS(text, brief) (CLEAT_TEXTS ? (text) : (brief))

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

/* The end of a report: the command that says where it was, and a restart. From
 * p on in the stack two words that look like places in the code tell where,
 * innermost first. */
__attribute__((noreturn)) static void end(const uint32_t *p) {
    report(WORDS("\r\narm-none-eabi-addr2line -fipe firmware.elf", "\r\nat"),
           NULL);
    for (unsigned found = 0; p < board_stack_top && found < 2; p++) {
        if ((*p & 1) != 0 && *p > NULL_GUARD &&
            *p < (uintptr_t)board_data_load) {
            report(" @", p);
            found++;
        }
    }
    report("\r\n", NULL);
    SCB_RESET = SCB_RESET_NOW;
    for (;;) {
    }
}

/* @return the instruction at pc, or 0 where there can be none. */
static unsigned instruction(uint32_t pc) {
    return (pc & 1) == 0 && pc < 0x00400000u ? *(const uint16_t *)(uintptr_t)pc
                                             : 0;
}

/* What happened, as far as instruction and exception tell. */
static const char *what(unsigned code) {
    unsigned exception;
    __asm__("mrs %0, ipsr" : "=r"(exception));
    if (exception == NMI) { /* first expiry of the watchdog */
        return WORDS("\r\nWATCHDOG: no progress:", "\r\nWATCHDOG");
    }
    return code == CODE_CANARY
               ? WORDS("\r\nCANARY: a function wrote past its array:",
                       "\r\nCANARY")
               : WORDS("\r\nFAULT:", "\r\nFAULT");
}

/* `more`: the stack pointer and EXC_RETURN. */
void board_fault_report(struct frame *f, const uint32_t *more);
__attribute__((used)) void board_fault_report(struct frame *f,
                                              const uint32_t *more) {
    const uint32_t *where = board_stack_limit;
    if ((uintptr_t)f < (uintptr_t)board_stack_limit) {
        report(WORDS("\r\nFAULT: the stack is used up:", "\r\nSTACK"), NULL);
    } else {
        const unsigned code = instruction(f->pc);
        if (code == CODE_SEMIHOSTING) { /* no debugger: pretend it said no */
            f->pc += 2;
            f->r0 = UINT32_MAX;
            return;
        }
        report(what(code), NULL);
        report(WORDS(" r0=@ r1=@ r2=@ r3=@ r12=@ lr=@ pc=@ psr=@",
                     " @ @ @ @ @ @ @ @"),
               &f->r0);
        f->r12 = f->pc | 1; /* sacrificed, to tell where */
        where = &f->r12;
    }
    /* They lie side by side. */
    report(WORDS(" cfsr=@ hfsr=@ dfsr=@ mmfar=@ bfar=@", " @ @ @ @ @"),
           &SCB_CFSR);
    report(WORDS(" sp=@ exc=@", " @ @"), more);
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

/* Its place on the stack is told by lr. */
void __stack_chk_fail(void);
__attribute__((naked)) void __stack_chk_fail(void) {
    __asm__ volatile("udf #0xCA");
}
