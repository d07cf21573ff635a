/* SPDX-License-Identifier: MIT */
/*
 * Commands, one a line, on the console and on the control channel: the button
 * and the end. An empty line on the console presses the button.
 */
#include "firmware.h"

#include <string.h>

#include "board.h"
#include "cleat/config.h"

/* Of console and control; zero after what they hold. */
static char lines[2][FIRMWARE_TESTS ? 32 : 1];

/* The first letter is enough for these. */
static const char *obey(bool control, const char *line) {
    switch (line[0]) {
    case '\0':
    case 'p':
        board_press();
        break;
    case 'q':
        cleat_device_stop(&firmware_device);
        break;
    default:
        return FIRMWARE_TESTS ? firmware_test(control, line) : "press, quit";
    }
    return control ? "ok" : NULL;
}

/* The rest of a line that begins already. */
static void append(char *line, char byte) {
    const size_t len = strlen(line);
    if (len < sizeof lines[0] - 1) {
        line[len] = byte;
    }
}

static void take(bool control, char byte) {
    char *line = lines[control];
    const char *answer = NULL;
    if (byte != '\n' && byte != '\r') {
        if (line[0] == '\0') {
            line[0] = byte;
        } else if (FIRMWARE_TESTS) {
            append(line, byte);
        }
        return;
    }
    /* An empty line is a press on the console, the end of "\r\n" elsewhere. */
    if (line[0] != '\0' || !control) {
        answer = obey(control, line);
    }
    memset(line, 0, sizeof lines[0]);
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

static struct cleat_task task;

int firmware_control_start(void) {
    if (CLEAT_TASK_NAMES) {
        task.name = "control";
    }
    task.step = control_step;
    int err = cleat_port_start(&task);
    board_on_receive(&task);
    return err;
}
