/* SPDX-License-Identifier: MIT */
/*
 * Commands for tests: figures, and ways to make the device fail on purpose. An
 * image of the tiny profile has none of them.
 */
#include "firmware.h"

#include <lwip/mem.h>
#include <lwip/pbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "cleat/bare_net.h"
#include "cleat/bare_port.h"

static void stats(bool control) {
    char text[160];
    struct cleat_bare_counts c;
    struct cleat_bare_net_counts n;
    size_t stack_size;
    size_t heap_size;
    cleat_bare_get_counts(&c);
    cleat_bare_net_get_counts(&n);
    size_t stack = board_stack_used(&stack_size);
    size_t heap = firmware_memory_peak(&heap_size);
    snprintf(text, sizeof text,
             "stats total_ms=%lu awake_us=%lu rounds=%lu steps=%lu sleeps=%lu",
             (unsigned long)(c.total_us / 1000),
             (unsigned long)(c.total_us - c.asleep_us), (unsigned long)c.rounds,
             (unsigned long)c.steps, (unsigned long)c.sleeps);
    board_print(control, text);
    snprintf(text, sizeof text,
             "memory stack=%lu/%lu tls_heap=%lu/%lu lwip_heap=%lu",
             (unsigned long)stack, (unsigned long)stack_size,
             (unsigned long)heap, (unsigned long)heap_size,
             (unsigned long)n.heap_peak);
    board_print(control, text);
    snprintf(text, sizeof text, "net in=%lu out=%lu dropped=%lu",
             (unsigned long)n.frames_in, (unsigned long)n.frames_out,
             (unsigned long)n.dropped);
    board_print(control, text);
}

/* Past the end of the stack: the guard must stop it. */
__attribute__((noinline)) static unsigned overflow(unsigned depth) {
    volatile unsigned room[32];
    room[0] = depth;
    room[31] = depth == 0 ? 0 : overflow(depth - 1);
    return room[0] + room[31];
}

/* By a pointer, so that the compiler does not see what goes wrong. */
static void *(*volatile fill)(void *, int, size_t) = memset;

__attribute__((noinline)) static void smash(size_t len) {
    char room[16];
    (void)fill(room, 'x', len);
}

static void touch(uintptr_t address) {
    volatile uintptr_t at = address;
    *(volatile int *)at = 1;
}

static void fail_as_told(const char *how) {
    if (strcmp(how, "null") == 0) {
        touch(8);
    } else if (strcmp(how, "bus") == 0) {
        touch(0x50000000);
    } else if (strcmp(how, "stack") == 0) {
        (void)overflow(1000000);
    } else if (strcmp(how, "canary") == 0) {
        smash(64);
    } else if (strcmp(how, "hang") == 0) {
        for (volatile bool on = true; on;) {
        }
    }
}

/* Take all of lwIP's heap, or give it back; each block points to the one before
 * it. */
static void starve(bool on) {
    static void **last;
    while (!on && last != NULL) {
        void **before = *last;
        mem_free(last);
        last = before;
    }
    for (mem_size_t size = MEM_SIZE; on && size >= sizeof *last; size /= 2) {
        for (void **p = mem_malloc(size); p != NULL; p = mem_malloc(size)) {
            *p = last;
            last = p;
        }
    }
}

/* Take all buffers for received frames, or give them back. */
static void drain(bool on) {
    static struct pbuf *all;
    if (!on && all != NULL) {
        pbuf_free(all);
        all = NULL;
    }
    for (struct pbuf *p = NULL;
         on && (p = pbuf_alloc(PBUF_RAW, 1, PBUF_POOL)) != NULL;) {
        if (all != NULL) {
            pbuf_cat(p, all);
        }
        all = p;
    }
}

const char *firmware_test(bool control, const char *line) {
    if (strcmp(line, "led") == 0) {
        return board_led() ? "led on" : "led off";
    } else if (strcmp(line, "ready") == 0) {
        return cleat_device_ready(&firmware_device) ? "ready" : "not ready";
    } else if (strcmp(line, "stats") == 0) {
        stats(control);
    } else if (strncmp(line, "hog ", 4) == 0) {
        if (firmware_memory_hog(strtoul(line + 4, NULL, 10)) != CLEAT_OK) {
            return "not so much";
        }
    } else if (strcmp(line, "starve on") == 0) {
        starve(true);
    } else if (strcmp(line, "starve off") == 0) {
        starve(false);
    } else if (strcmp(line, "drain on") == 0) {
        drain(true);
    } else if (strcmp(line, "drain off") == 0) {
        drain(false);
    } else if (strncmp(line, "fail ", 5) == 0) {
        fail_as_told(line + 5);
        return "fail null|bus|stack|canary|hang";
    } else {
        return "press, led, ready, stats, hog BYTES, starve on|off, "
               "drain on|off, fail HOW, quit";
    }
    return control ? "ok" : NULL;
}
