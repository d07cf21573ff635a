/* SPDX-License-Identifier: MIT */
/*
 * Commands, one a line, on the console and on the control channel: the button
 * and the end. An empty line on the console presses the button.
 */
#include "firmware.h"

#include "board.h"

struct channel {
    char line[FIRMWARE_TESTS ? 32 : 2];
    size_t len;
};

static struct cleat_device *device;
static struct channel channels[2]; /* console, control */

/* The first letter is enough for these. */
static const char *obey(bool control, const char *line) {
    switch (line[0]) {
    case '\0':
    case 'p':
        board_press();
        break;
    case 'q':
        cleat_device_stop(device);
        break;
    default:
        return FIRMWARE_TESTS ? firmware_test(device, control, line)
                              : "press, quit";
    }
    return control ? "ok" : NULL;
}

static void take(bool control, char byte) {
    struct channel *c = &channels[control];
    const char *answer = NULL;
    if (byte != '\n' && byte != '\r') {
        c->line[c->len] = byte;
        c->len += c->len < sizeof c->line - 1;
        return;
    }
    c->line[c->len] = '\0';
    /* An empty line is a press on the console, the end of "\r\n" elsewhere. */
    if (c->len > 0 || !control) {
        answer = obey(control, c->line);
    }
    c->len = 0;
    if (answer != NULL) {
        board_print(control, answer);
    }
}

static uint64_t control_step(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    for (int control = 0; control < 2; control++) {
        int byte;
        while ((byte = board_receive(control != 0)) >= 0) {
            take(control != 0, (char)byte);
        }
    }
    return CLEAT_NEVER;
}

static struct cleat_task task = {"control", control_step, NULL, NULL};

int firmware_control_start(struct cleat_device *d) {
    device = d;
    int err = cleat_port_start(&task);
    board_on_receive(&task);
    return err;
}
