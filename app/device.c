/* SPDX-License-Identifier: MIT */
/*
 * The architecture as code: what a device consists of, built from the bottom
 * up in static storage and taken down in reverse. It alone knows all parts.
 */
#include "cleat/device.h"

#include <stdio.h>
#include <string.h>

#include "app.h"

static void make_task(struct cleat_device *d, struct cleat_task *task,
                      const char *name,
                      uint64_t (*step)(void *self, uint64_t now_ms)) {
    if (CLEAT_TASK_NAMES) {
        task->name = name;
    }
    task->step = step;
    task->self = d;
}

/* A mailbox over an array of the device. */
#define BOX(name, slots)                                                       \
    cleat_mailbox_init(&d->name##_box, &d->name##_task, d->slots,              \
                       sizeof d->slots[0],                                     \
                       sizeof d->slots / sizeof d->slots[0])

static void make_tasks(struct cleat_device *d) {
    make_task(d, &d->element_task, "element", cleat_app_element_step);
    make_task(d, &d->client_task, "mqtt", cleat_app_client_step);
    make_task(d, &d->publisher_task, "publisher", cleat_app_publisher_step);
    make_task(d, &d->subscriber_task, "subscriber", cleat_app_subscriber_step);
    BOX(client, client_slots);
    BOX(publisher, publisher_slots);
    BOX(subscriber, subscriber_slots);
}

int cleat_device_init(struct cleat_device *d,
                      const struct cleat_settings *settings,
                      const struct cleat_platform *platform, char *why,
                      size_t why_cap) {
    struct cleat_detail detail = {0};
    int err = CLEAT_SETTINGS_FIXED
                  ? CLEAT_OK
                  : cleat_settings_check(settings, why, why_cap);
    if (err != CLEAT_OK) {
        return err;
    }
    memset(d, 0, sizeof *d);
    d->settings = CLEAT_SETTINGS_FIXED ? NULL : settings;
    d->platform = *platform;
    d->subscribe_ms = CLEAT_NEVER;
    make_tasks(d);
    err = cleat_se_init(&d->se, platform->driver, &d->platform.element,
                        &d->element_task, &detail);
    if (err != CLEAT_OK && !CLEAT_SETTINGS_FIXED) {
        snprintf(why, why_cap, SAY_CHIP_INIT, SAID(err, CLEAT_OK, ""),
                 detail.text == NULL ? SAY_NOT_USABLE : detail.text);
    }
    return err;
}

int cleat_device_start(struct cleat_device *d) {
    return cleat_port_start(&d->element_task);
}

void cleat_device_press(struct cleat_device *d) {
    cleat_port_enter();
    d->presses++;
    cleat_port_leave();
    cleat_port_wake(&d->publisher_task);
}

void cleat_device_stop(struct cleat_device *d) {
    cleat_app_end(d, CLEAT_DEVICE_OK);
}

bool cleat_device_ended(struct cleat_device *d, int *status) {
    cleat_port_enter();
    bool ended = d->ended;
    if (status != NULL) {
        *status = d->status;
    }
    cleat_port_leave();
    return ended;
}

bool cleat_device_ready(struct cleat_device *d) {
    cleat_port_enter();
    bool ready = d->ready;
    cleat_port_leave();
    return ready;
}

void cleat_device_deinit(struct cleat_device *d) {
    cleat_port_stop(&d->publisher_task);
    cleat_port_stop(&d->subscriber_task);
    cleat_port_stop(&d->client_task);
    cleat_port_stop(&d->element_task);
    if (d->tls_ready) {
        cleat_tls_deinit(&d->tls);
    }
    cleat_se_deinit(&d->se);
    cleat_wipe(d, sizeof *d);
}

void cleat_app_end(struct cleat_device *d, int status) {
    cleat_port_enter();
    if (!d->ending) {
        d->ending = true;
        d->status = status;
    }
    cleat_port_leave();
    cleat_port_wake(&d->client_task);
    cleat_port_wake(&d->element_task);
}

bool cleat_app_ending(struct cleat_device *d) {
    cleat_port_enter();
    bool ending = d->ending;
    cleat_port_leave();
    return ending;
}

void cleat_app_client_ended(struct cleat_device *d) {
    cleat_port_enter();
    d->client_runs = false;
    cleat_port_leave();
    cleat_port_wake(&d->element_task);
}

void cleat_app_element_ended(struct cleat_device *d) {
    cleat_app_say(d, SAY_ENDED);
    cleat_port_enter();
    d->ended = true;
    cleat_port_leave();
    cleat_port_wake(d->platform.supervisor);
}
