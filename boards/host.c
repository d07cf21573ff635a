/* SPDX-License-Identifier: MIT */
/* The terminal as a board. */
#define _POSIX_C_SOURCE 200809L
#include "host.h"

#include <stdio.h>
#include <string.h>

static void print(void *self, const char *line) {
    const struct cleat_board_host *b = self;
    flockfile(stdout);
    fputs(b->prefix, stdout);
    fputs(line, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    funlockfile(stdout);
}

static void led(void *self, bool on) {
    struct cleat_board_host *b = self;
    cleat_port_enter();
    b->led = on;
    cleat_port_leave();
    print(self, on ? "LED on" : "LED off");
    cleat_port_wake(b->watcher);
}

void cleat_board_host_init(struct cleat_board_host *b, const char *prefix,
                           struct cleat_task *watcher) {
    memset(b, 0, sizeof *b);
    b->board.name = "host";
    b->board.button_name = "SW2";
    b->board.print = print;
    b->board.led = led;
    b->board.self = b;
    b->watcher = watcher;
    snprintf(b->prefix, sizeof b->prefix, "%s", prefix);
}

bool cleat_board_host_led(struct cleat_board_host *b) {
    cleat_port_enter();
    bool on = b->led;
    cleat_port_leave();
    return on;
}
