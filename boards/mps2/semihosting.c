/* SPDX-License-Identifier: MIT */
/*
 * The emulator's (or a debugger's) way to give settings for one run and to take
 * an exit status. Without it each call fails quietly: see fault.c.
 */
#include <string.h>

#include "board.h"
#include "cleat/config.h"
#include "irq.h"
#include "registers.h"

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_READ 0x06
#define SYS_TIME 0x11
#define SYS_GET_CMDLINE 0x15
#define SYS_EXIT_EXTENDED 0x20
#define EXIT_APPLICATION 0x20026u
#define OPEN_READ_BINARY 1u

static char settings[2048] __attribute__((section(".settings")));

long board_semihost(uint32_t operation, const void *argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = (uintptr_t)argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return (long)r0;
}

const char *board_settings(void) {
    const uintptr_t block[2] = {(uintptr_t)settings, sizeof settings - 1};
    memset(settings, 0, sizeof settings);
    if (board_semihost(SYS_GET_CMDLINE, block) != 0) {
        settings[0] = '\0';
    }
    return settings;
}

long board_read_file(const char *path, uint8_t *room, size_t cap) {
    const uintptr_t open[3] = {(uintptr_t)path, OPEN_READ_BINARY, strlen(path)};
    long handle = board_semihost(SYS_OPEN, open);
    if (handle < 0) {
        return -1;
    }
    const uintptr_t read[3] = {(uintptr_t)handle, (uintptr_t)room, cap};
    long rest = board_semihost(SYS_READ, read);
    const uintptr_t close[1] = {(uintptr_t)handle};
    (void)board_semihost(SYS_CLOSE, close);
    return rest < 0 || (size_t)rest > cap ? -1 : (long)cap - rest;
}

int64_t board_host_time(void) {
    long now = board_semihost(SYS_TIME, NULL);
    return now == -1 ? 0 : (int64_t)(uint32_t)now;
}

void board_end(int status) {
    const uintptr_t block[2] = {EXIT_APPLICATION, (uintptr_t)status};
    (void)board_semihost(SYS_EXIT_EXTENDED, block);
    if (CLEAT_TEXTS) {
        board_uart_text(UART0, "Ended; the watchdog restarts the board\r\n");
    }
    for (;;) {
        __asm__ volatile("wfi");
    }
}
