/* SPDX-License-Identifier: MIT */
/*
 * One session with all its buffers, and its broker played by hand: what the
 * tests of the session here share. They change t.config before
 * cleat_mqtt_init() where they want it otherwise.
 */
#ifndef TEST_MQTT_FIXTURE_H
#define TEST_MQTT_FIXTURE_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "cleat/mqtt5.h"

struct fixture {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    uint8_t tx[512], rx[512]; /* 128 of each by default */
    struct cleat_mqtt_slot slots[4];
    uint16_t ids[4];
    struct cleat_mqtt_event e; /* taken last */
    char out[1024];            /* hexadecimal: what flush() took */
};

extern struct fixture t;
#define S (&t.session)
#define STR(text) cleat_bytes_str(text)

/* Everything anew; t.config is sound, the session not initialised. */
void fixture_reset(void);
/* Take what goes out, all of it, into t.out. */
void flush(void);
/* Bytes of the broker's. @return as cleat_mqtt_input(). */
int input(const void *bytes, size_t len);
/* The same, and all of them are taken. */
void receive(const void *bytes, size_t len);
/* The next event is of that type; it is in t.e. */
void expect_event(enum cleat_mqtt_event_type type);
/* CONNECT, and a CONNACK of the version in t.config. */
void come_up(bool session_present);

#endif
