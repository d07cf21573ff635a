/* SPDX-License-Identifier: MIT */
/*
 * What a unit test needs on a bare Cortex-M: vectors, a start, and the C
 * library's few calls to the host by semihosting. With CROSS_TRAP_UNALIGNED an
 * unaligned access ends here as a fault. Not part of any product image.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_WRITE 0x05
#define SYS_WRITE0 0x04
#define SYS_READ 0x06
#define SYS_EXIT_EXTENDED 0x20
#define STOPPED_APPLICATION_EXIT 0x20026u
#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define CCR_UNALIGN_TRP 0x8u
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU 0xF00000u
#define FILES 8

#ifndef CROSS_TRAP_UNALIGNED
#define CROSS_TRAP_UNALIGNED 0 /* newlib for the M4 makes such accesses */
#endif

int main(void);
void cross_reset(void);
extern char cross_stack_top, end, cross_heap_end;

static uintptr_t host(uintptr_t operation, const void *block) {
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void _exit(int status) {
    const uint32_t block[2] = {STOPPED_APPLICATION_EXIT, (uint32_t)status};
    host(SYS_WRITE0, status == 0 ? "exit 0\n" : "exit not 0\n");
    for (;;) {
        host(SYS_EXIT_EXTENDED, block);
    }
}

/* Where it happened, for addr2line. */
__attribute__((used)) static void report(const uint32_t *frame) {
    static char text[] = "fault pc=0x00000000\n";
    for (int i = 0; i < 8; i++) {
        text[11 + i] = "0123456789abcdef"[frame[6] >> (28 - 4 * i) & 15u];
    }
    host(SYS_WRITE0, text);
    _exit(100);
}

__attribute__((naked)) static void fault(void) {
    __asm__ volatile("mrs r0, msp\n\tbl report");
}

/* What the host calls a file; 0 and 1 are opened at start. */
static uintptr_t files[FILES];

static uintptr_t host_open(const char *name, uintptr_t mode) {
    const uintptr_t block[3] = {(uintptr_t)name, mode, strlen(name)};
    return host(SYS_OPEN, block);
}

int _open(const char *name, int flags, int mode) {
    (void)mode;
    if (flags != 0) {
        return -1; /* The tests only read. */
    }
    for (int i = 3; i < FILES; i++) {
        if (files[i] == 0) {
            files[i] = host_open(name, 1);
            return files[i] == (uintptr_t)-1 ? (int)(files[i] = 0) - 1 : i;
        }
    }
    return -1;
}

int _close(int fd) {
    const uintptr_t block[1] = {files[fd]};
    files[fd] = 0;
    return (int)host(SYS_CLOSE, block);
}

int _read(int fd, void *data, size_t len) {
    const uintptr_t block[3] = {files[fd], (uintptr_t)data, len};
    return (int)(len - host(SYS_READ, block));
}

int _write(int fd, const void *data, size_t len) {
    const uintptr_t block[3] = {files[fd <= 2 ? 1 : fd], (uintptr_t)data, len};
    return (int)(len - host(SYS_WRITE, block));
}

void *_sbrk(ptrdiff_t by) {
    static char *at = &end;
    char *before = at;
    if (by > &cross_heap_end - at) {
        return (void *)-1;
    }
    at += by;
    return before;
}

int _fstat(int fd, struct stat *s) {
    memset(s, 0, sizeof *s);
    s->st_mode = fd <= 2 ? S_IFCHR : S_IFREG;
    return 0;
}

int _isatty(int fd) {
    return fd <= 2;
}

int _lseek(int fd, int offset, int whence) {
    (void)fd, (void)offset, (void)whence;
    return -1;
}

int _kill(int pid, int signal) {
    (void)pid, (void)signal;
    _exit(101); /* abort() */
}

int _getpid(void) {
    return 1;
}

void cross_reset(void) {
    CPACR |= CPACR_FPU; /* Ignored where there is no FPU. */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    if (CROSS_TRAP_UNALIGNED) {
        CCR |= CCR_UNALIGN_TRP;
    }
    files[1] = host_open(":tt", 4);
    int status = main();
    _exit(status);
}

typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    (vector)(void *)&cross_stack_top,
    cross_reset,
    fault,
    fault,
    fault,
    fault,
    fault,
    NULL,
    NULL,
    NULL,
    NULL,
    fault,
    fault,
    NULL,
    fault,
    fault,
};
