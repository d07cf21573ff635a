/* SPDX-License-Identifier: MIT */
/* The rig; see rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "rig: %s\n", what);
        abort();
    }
}

static void print(void *self, const char *line) {
    struct app_rig *r = self;
    must(r->line_count < RIG_LINES, "too many lines");
    snprintf(r->lines[r->line_count++], sizeof r->lines[0], "%s", line);
}

static void led(void *self, bool on) {
    struct app_rig *r = self;
    r->led = on;
    r->led_sets++;
}

static bool link_is_up(void *self, struct cleat_task *task) {
    struct app_rig *r = self;
    (void)task;
    return r->link_up;
}

static int link_join(void *self, uint64_t now_ms) {
    struct app_rig *r = self;
    (void)now_ms;
    r->joins++;
    return r->link_up ? CLEAT_OK : CLEAT_ERR_IO;
}

static void link_address(void *self, char *out, size_t cap) {
    (void)self;
    snprintf(out, cap, "test0, address 192.0.2.1");
}

static void link_leave(void *self) {
    struct app_rig *r = self;
    r->leaves++;
}

void app_rig_set(struct app_rig *r, const char *name, const char *value) {
    char why[200];
    const struct cleat_setting *row = cleat_settings_find(name);
    must(row != NULL, name);
    must(cleat_settings_set(&r->settings, name, value, why, sizeof why) == 0,
         why);
}

void app_rig_init(struct app_rig *r) {
    memset(r, 0, sizeof *r);
    port_loop_reset();
    test_element_reset(1);
    broker_init(&r->broker);
    cleat_settings_defaults(&r->settings);
    app_rig_set(r, "MQTT_SECURE_CONNECTION", "0");
    app_rig_set(r, "MQTT_BROKER_ADDRESS", "broker.example");
    r->board.name = "test";
    r->board.button_name = "SW2";
    r->board.print = print;
    r->board.led = led;
    r->board.self = r;
    r->link.join = link_join;
    r->link.is_up = link_is_up;
    r->link.address = link_address;
    r->link.leave = link_leave;
    r->link.self = r;
    r->link_up = true;
    r->echo = true;
    r->platform.board = &r->board;
    r->platform.link = &r->link;
    r->platform.net = &r->broker.stream;
    r->platform.driver = &test_element_driver;
}

void app_rig_start(struct app_rig *r) {
    char why[200] = "";
    must(cleat_device_init(&r->device, &r->settings, &r->platform, why,
                           sizeof why) == CLEAT_OK,
         why);
    must(cleat_device_start(&r->device) == CLEAT_OK, "start");
}

/* A real socket would wake the client task; here it is done by hand. */
void app_rig_run(struct app_rig *r, uint64_t ms) {
    uint64_t end = cleat_port_now_ms() + ms;
    for (;;) {
        port_loop_run(0);
        bool more = r->broker.out_pos < r->broker.out_len;
        while (r->echo && r->broker.connected &&
               r->echoed < r->broker.got_len) {
            const struct broker_message *m = &r->broker.got[r->echoed++];
            broker_publish(&r->broker, m->topic, m->payload, m->qos);
            more = true;
        }
        if (more) {
            cleat_port_wake(&r->device.client_task);
            port_loop_run(0);
        }
        uint64_t now = cleat_port_now_ms();
        if (now >= end) {
            return;
        }
        port_loop_run(end - now < 10 ? end - now : 10);
    }
}

void app_rig_up(struct app_rig *r) {
    app_rig_start(r);
    app_rig_run(r, 100);
    must(cleat_device_ready(&r->device), "not ready");
}

int app_rig_end(struct app_rig *r) {
    int status = -1;
    cleat_device_stop(&r->device);
    app_rig_run(r, 30000);
    must(cleat_device_ended(&r->device, &status), "not ended");
    cleat_device_deinit(&r->device);
    must(port_loop_count() == 0, "a task is left");
    return status;
}

int app_rig_said(const struct app_rig *r, const char *text) {
    int n = 0;
    for (size_t i = 0; i < r->line_count; i++) {
        n += strstr(r->lines[i], text) != NULL;
    }
    return n;
}
