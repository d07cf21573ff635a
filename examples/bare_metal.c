/* SPDX-License-Identifier: MIT */
/*
 * Ten lines to connect, on bare metal: a board of boards/, lwIP and the loop of
 * ports/bare. tests/e2e/bare_metal.sh builds it and runs it in an emulator.
 */
#include "board.h"
#include "cleat/bare_net.h"
#include "cleat/bare_port.h"
#include "hello_task.h"

#ifndef BROKER_HOST
#define BROKER_HOST "10.0.2.2" /* this machine, to a board in QEMU */
#endif
#ifndef BROKER_PORT
#define BROKER_PORT 1883
#endif

int main(void) {
    static struct cleat_bare_net net;
    board_init();
    cleat_bare_set_clock(0); /* not known, and not needed */
    int err = hello_start(cleat_bare_net_init(&net, BROKER_HOST, BROKER_PORT),
                          cleat_bare_link());
    if (err == CLEAT_OK) {
        cleat_bare_run(hello_is_over, NULL); /* sleeps between the steps */
    }
    board_print(false, cleat_strerror(err));
    board_end(err == CLEAT_OK ? 0 : 1);
    return 0;
}
