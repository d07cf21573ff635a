/* SPDX-License-Identifier: MIT */
/* A gate between the client whose instructions are counted and the broker: what
 * the client sends goes through at once, what the broker sends once it has been
 * silent for a moment. So each wake-up of the client brings all that its window
 * allows, on every machine and under every load. */
#ifndef BENCH_MQTT_GATE_H
#define BENCH_MQTT_GATE_H

#include <sys/types.h>

/**
 * Start the gate, a process that takes one connection and ends with it.
 * @param broker  The port on loopback to connect to.
 * @param port    Becomes the port on loopback of the gate.
 * @return its process, to be waited for, or -1 with errno set.
 */
pid_t bench_gate_open(unsigned broker, unsigned *port);

#endif
