/* SPDX-License-Identifier: MIT */
/*
 * Commands, one a line, on the console and on the control channel: the button,
 * the LED, the end. An empty line on the console presses the button.
 */
#include "firmware.h"

#include <string.h>

#include "board.h"

struct channel {
    char line[32];
    size_t len;
};

static struct cleat_device *device;
static struct channel channels[2]; /* console, control */
static struct cleat_task task;

static const char *obey(bool control, const char *line) {
    if (strcmp(line, "press") == 0 || (line[0] == '\0' && !control)) {
        board_press();
    } else if (strcmp(line, "led") == 0) {
        return board_led() ? "led on" : "led off";
    } else if (strcmp(line, "ready") == 0) {
        return cleat_device_ready(device) ? "ready" : "not ready";
    } else if (strcmp(line, "quit") == 0) {
        cleat_device_stop(device);
    } else if (FIRMWARE_TESTS) {
        return firmware_test(control, line);
    } else {
        return "press, led, ready, quit";
    }
    return control ? "ok" : NULL;
}

static void take(bool control, char byte) {
    struct channel *c = &channels[control];
    if (byte != '\n' && byte != '\r') {
        c->line[c->len] = byte;
        c->len += c->len < sizeof c->line - 1;
        return;
    }
    c->line[c->len] = '\0';
    c->len = 0;
    if (byte == '\n' || c->line[0] != '\0' || !control) {
        const char *answer = obey(control, c->line);
        if (answer != NULL) {
            board_print(control, answer);
        }
    }
}

static uint64_t control_step(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    for (int channel = 0; channel < 2; channel++) {
        for (int byte = board_receive(channel == 1); byte >= 0;
             byte = board_receive(channel == 1)) {
            take(channel == 1, (char)byte);
        }
    }
    return CLEAT_NEVER;
}

int firmware_control_start(struct cleat_device *d) {
    device = d;
    task.name = "control";
    task.step = control_step;
    int err = cleat_port_start(&task);
    board_on_receive(&task);
    return err;
}
