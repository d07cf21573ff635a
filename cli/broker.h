/* SPDX-License-Identifier: MIT */
/* A Mosquitto broker of our own on a free loopback port. */
#ifndef CLEAT_CLI_BROKER_H
#define CLEAT_CLI_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pki.h"

struct cli_broker {
    char dir[400];
    uint16_t port;
    pid_t pid; /**< 0: not running. */
};

/** Choose a port and write its configuration into dir (existing).
 *  @return false with a sentence in why. */
bool cli_broker_prepare(struct cli_broker *b, const char *dir,
                        const struct cli_pki *pki, char *why, size_t why_cap);
/** Start it and wait until it listens. @return false with a sentence. */
bool cli_broker_start(struct cli_broker *b, char *why, size_t why_cap);
/** Stop it (SIGTERM, SIGKILL after 3 s) and wait for its end. */
void cli_broker_stop(struct cli_broker *b);

#endif
