/* SPDX-License-Identifier: MIT */
/*
 * Traces of a server for tests that compare decoders: a few packets in a row,
 * sound ones or with one mutation, from a seed. They fit a client that has a
 * message at QoS 1 (id 1), one at QoS 2 (2), a SUBSCRIBE (3) and an
 * UNSUBSCRIBE (4) under way.
 */
#ifndef TEST_TRACES_H
#define TEST_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest trace. */
#define TRACE_MAX 256

void traces_seed(uint64_t seed);
/* Write the next one. @return its length. */
size_t traces_make(uint8_t trace[TRACE_MAX], bool five, bool mutate);

#endif
