/* SPDX-License-Identifier: MIT */
/*
 * A device with a board that keeps its lines, a link that the test cuts, and a
 * broker in memory that sends each message back (or not).
 */
#ifndef TEST_APP_RIG_H
#define TEST_APP_RIG_H

#include "broker.h"
#include "cleat/device.h"
#include "element.h"
#include "port_loop.h"

#define RIG_LINES 400

struct app_rig {
    struct cleat_settings settings;
    struct cleat_platform platform;
    struct cleat_device device;
    struct cleat_board board;
    struct cleat_link link;
    bool link_up;
    int joins, leaves;
    struct broker broker;
    bool echo;     /* the broker sends back what it gets */
    size_t echoed; /* messages of broker.got sent back so far */
    bool led;
    int led_sets;
    char lines[RIG_LINES][520];
    size_t line_count;
};

/** Settings without TLS, an element, a link that is up, an echoing broker. */
void app_rig_init(struct app_rig *r);
/** Init and start the device. */
void app_rig_start(struct app_rig *r);
/** Let time pass, the broker echoing meanwhile. */
void app_rig_run(struct app_rig *r, uint64_t ms);
/** app_rig_start and run until the button is announced; fails if it is not. */
void app_rig_up(struct app_rig *r);
/** Stop and take down; @return the device's status. */
int app_rig_end(struct app_rig *r);
/** @return how many lines contain the text. */
int app_rig_said(const struct app_rig *r, const char *text);
/** Set by name; fails the test if it is refused. */
void app_rig_set(struct app_rig *r, const char *name, const char *value);

#endif
