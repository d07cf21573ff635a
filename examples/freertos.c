/* SPDX-License-Identifier: MIT */
/*
 * Ten lines to connect, on FreeRTOS with lwIP. Both are the user's and not
 * here: CI only compiles this, docs/freertos.md says what ran.
 */
#include <FreeRTOS.h>
#include <task.h>

#include "cleat/freertos_port.h"
#include "cleat/lwip_net.h"
#include "hello_task.h"

#ifndef BROKER_HOST
#define BROKER_HOST "broker.example"
#endif
#ifndef BROKER_PORT
#define BROKER_PORT 1883
#endif

void board_start(void); /* clocks, UART; lwIP by tcpip_init() */

int main(void) {
    static uint64_t stack[256]; /* 2 kB */
    static const struct cleat_freertos_stack stacks[] = {
        {"mqtt", stack, sizeof stack, 2}};
    static struct cleat_lwip_net net;
    static struct cleat_lwip_link link;
    board_start();
    cleat_freertos_use_stacks(stacks, 1);
    if (hello_start(cleat_lwip_net_init(&net, BROKER_HOST, BROKER_PORT),
                    cleat_lwip_link_init(&link, NULL)) == CLEAT_OK) {
        vTaskStartScheduler();
    }
    return 1;
}
