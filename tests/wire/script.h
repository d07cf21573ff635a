/* SPDX-License-Identifier: MIT */
/*
 * Plays a scripted broker against a session: a script is a list of words, what
 * comes up and what goes out are collected as text. Received bytes can be split
 * at any place, which must not change either text.
 *
 *   < HEX        bytes arrive              connect, lost   the network
 *   pubQ T P     publish P to T at QoS Q   sub F Q, unsub F
 *   disconnect   auth REASON (hex)          with the settings' properties
 *   time MS      clock forward, timers run
 */
#ifndef TEST_SCRIPT_H
#define TEST_SCRIPT_H

#include "cleat/mqtt.h"

#define SCRIPT_TEXT 4096

struct script {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    uint8_t tx[256], rx[128];
    struct cleat_mqtt_slot slots[8];
    uint16_t ids[4];
    uint64_t now;
    size_t split;    /* received bytes are cut here, counted from the start */
    size_t piece;    /* and into pieces of at most this; 0: no bound */
    size_t take;     /* what is sent goes out by this many bytes; 0: all */
    size_t received; /* bytes so far */
    char events[SCRIPT_TEXT];
    char out[SCRIPT_TEXT]; /* hexadecimal */
};

/* A sound configuration to start from. */
void script_init(struct script *s);
void script_play(struct script *s, const char *text);

#endif
