/* SPDX-License-Identifier: MIT */
/*
 * The architecture as code: what a device consists of, built from the bottom
 * up in static storage and taken down in reverse. It alone knows all parts.
 */
#include "cleat/device.h"

#include <stdio.h>
#include <string.h>

#include "app.h"

static void make_task(struct cleat_task *task, const char *name,
                      uint64_t (*step)(void *, uint64_t),
                      struct cleat_device *d) {
    task->name = name;
    task->step = step;
    task->self = d;
    task->port = NULL;
}

static void make_tasks(struct cleat_device *d) {
    make_task(&d->element_task, "element", cleat_app_element_step, d);
    make_task(&d->client_task, "mqtt", cleat_app_client_step, d);
    make_task(&d->publisher_task, "publisher", cleat_app_publisher_step, d);
    make_task(&d->subscriber_task, "subscriber", cleat_app_subscriber_step, d);
    cleat_mailbox_init(&d->client_box, &d->client_task, d->client_slots,
                       sizeof d->client_slots[0],
                       sizeof d->client_slots / sizeof d->client_slots[0]);
    cleat_mailbox_init(&d->publisher_box, &d->publisher_task,
                       d->publisher_slots, sizeof d->publisher_slots[0],
                       sizeof d->publisher_slots /
                           sizeof d->publisher_slots[0]);
    cleat_mailbox_init(&d->subscriber_box, &d->subscriber_task,
                       d->subscriber_slots, sizeof d->subscriber_slots[0],
                       sizeof d->subscriber_slots /
                           sizeof d->subscriber_slots[0]);
}

int cleat_device_init(struct cleat_device *d,
                      const struct cleat_settings *settings,
                      const struct cleat_platform *platform, char *why,
                      size_t why_cap) {
    struct cleat_detail detail = {0};
    int err = cleat_settings_check(settings, why, why_cap);
    if (err != CLEAT_OK) {
        return err;
    }
    memset(d, 0, sizeof *d);
    d->settings = settings;
    d->platform = *platform;
    if (settings->max_mqtt_conn_retries == 0) {
        memcpy(d->retries_text, SAY_NO_LIMIT, sizeof SAY_NO_LIMIT);
    } else {
        snprintf(d->retries_text, sizeof d->retries_text, "%lu",
                 (unsigned long)settings->max_mqtt_conn_retries);
    }
    make_tasks(d);
    err = cleat_se_init(&d->se, platform->driver, &d->platform.element,
                        &d->element_task, &detail);
    if (err != CLEAT_OK && why_cap > 0) {
        snprintf(why, why_cap, SAY_CHIP_INIT, cleat_strerror(err),
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
