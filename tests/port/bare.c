/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite as an image of a board, on the bare-metal port. Text
 * goes to the debug UART; the status leaves the emulator.
 */
#include <cmocka.h>

#include "board.h"
#include "cleat/bare_port.h"
#include "conformance.h"

/* The loop needs a reason to end its sleep in time. */
static struct cleat_task bell;
static uint64_t bell_ms;

static uint64_t bell_step(void *self, uint64_t now_ms) {
    (void)self;
    return now_ms < bell_ms ? bell_ms : CLEAT_NEVER;
}

static bool one_turn(void *arg) {
    (void)arg;
    return true;
}

static void main_wait(uint64_t timeout_ms) {
    bell_ms = cleat_port_now_ms() + timeout_ms;
    cleat_port_wake(&bell);
    cleat_bare_run(one_turn, NULL);
}

static void interrupt(void (*routine)(void)) {
    board_on_button(routine);
    board_press();
}

/* Text comes in pieces, the board takes lines. */
void runner_put(const char *text) {
    static char line[160];
    static size_t used;
    for (; *text != '\0'; text++) {
        if (*text != '\n' && used < sizeof line - 1) {
            line[used++] = *text;
            continue;
        }
        line[used] = '\0';
        used = 0;
        board_print(false, line);
    }
}

int main(void) {
    static const struct port_conformance port = {"port: bare metal", main_wait,
                                                 interrupt};
    board_init();
    cleat_bare_set_clock(0); /* also brings in what the C library asks for */
    bell.name = "bell";
    bell.step = bell_step;
    int failed = cleat_port_start(&bell) == 0 ? port_conformance(&port) : 1;
    board_print(false, failed == 0 ? "exit 0" : "exit 1");
    board_end(failed);
    return 0;
}
