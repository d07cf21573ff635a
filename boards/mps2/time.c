/* SPDX-License-Identifier: MIT */
/*
 * Time from the FPGAIO counter (1 MHz), sleep on CMSDK timer 0, and the
 * watchdog, which is fed where the loop has no work left and nowhere else.
 */
#include "cleat/bare_port.h"
#include "irq.h"
#include "registers.h"

#define CTRL 0x00
#define RELOAD 0x08 /* writing it sets the count, too */
#define CLEAR 0x0C
#define TIMER_RUN_IRQ 9u
#define TICKS_PER_US (CORE_CLOCK_HZ / 1000000u)

#define WATCHDOG_S 8u
#define SLEEP_MAX_US 2000000u /* well inside the watchdog's time */
#define WATCHDOG_LOCK 0xC00u
#define WATCHDOG_KEY 0x1ACCE551u
#define WATCHDOG_IRQ_RESET 3u

void board_time_init(void) {
    FPGAIO_PRESCALE = TICKS_PER_US - 1;
}

uint32_t cleat_bare_now_us(void) {
    return FPGAIO_COUNTER;
}

void cleat_bare_sleep(uint32_t us) {
    us = us > SLEEP_MAX_US ? SLEEP_MAX_US : us;
    REG(TIMER0 + CTRL) = 0;
    REG(TIMER0 + RELOAD) = us * TICKS_PER_US;
    REG(TIMER0 + CTRL) = TIMER_RUN_IRQ;
    __asm__ volatile("dsb\n\twfi\n\tisb" ::: "memory");
}

void board_irq_timer(void) {
    REG(TIMER0 + CTRL) = 0;
    REG(TIMER0 + CLEAR) = 1;
}

void board_watchdog_init(void) {
    REG(WATCHDOG + WATCHDOG_LOCK) = WATCHDOG_KEY;
    REG(WATCHDOG + 0x00) = WATCHDOG_S * CORE_CLOCK_HZ;
    REG(WATCHDOG + 0x08) = WATCHDOG_IRQ_RESET;
}

/* Writing the load value starts the count anew. */
void cleat_bare_alive(void) {
    REG(WATCHDOG + 0x00) = WATCHDOG_S * CORE_CLOCK_HZ;
}
