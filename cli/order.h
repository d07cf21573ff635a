/* SPDX-License-Identifier: MIT */
/* One line of the console as what it asks for. No I/O: the console does it. */
#ifndef CLEAT_CLI_ORDER_H
#define CLEAT_CLI_ORDER_H

#include <stdbool.h>
#include <stddef.h>

enum cli_order_verb {
    CLI_ORDER_NOTHING, /**< An empty line, or a comment. */
    CLI_ORDER_PRESS,
    CLI_ORDER_WAIT,
    CLI_ORDER_LINK,
    CLI_ORDER_BROKER,
    CLI_ORDER_SLEEP,
    CLI_ORDER_QUIT
};

struct cli_order {
    enum cli_order_verb verb;
    bool on;      /**< WAIT: LED on; LINK: up; BROKER: start. */
    size_t kit;   /**< PRESS, WAIT: from 1; 0: none was named. */
    long long ms; /**< WAIT, SLEEP. */
};

/**
 * Read a line. @param line  Without line end; is changed.
 * @param kits  Highest number of a kit.
 * @return false with a sentence in why: not an order.
 */
bool cli_order_read(char *line, size_t kits, struct cli_order *out, char *why,
                    size_t why_cap);

#endif
