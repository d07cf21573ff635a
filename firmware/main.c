/* SPDX-License-Identifier: MIT */
/*
 * The device as a firmware image. main() sets up the board and the debug UART
 * and starts the secure element's task; that starts the others when the chip is
 * ready. Then the loop runs until the device ends.
 */
#include "firmware.h"

#include <string.h>

#include "board.h"
#include "cleat/bare_net.h"
#include "cleat/bare_port.h"
#include "cleat/log.h"

#define LAST_WORDS_MS 200 /* for what the network still has to say */

struct cleat_device firmware_device;
static struct cleat_bare_net net;
static int status = CLEAT_DEVICE_SETTINGS;
static uint32_t end_ms;

/* A build that names the driver asks nobody for it. */
#ifdef CLEAT_SE_DRIVER
#define DRIVER NULL
#else
extern const struct cleat_se_driver cleat_se_driver_optiga;
#define DRIVER (&cleat_se_driver_optiga)
#endif

static void log_line(void *arg, enum cleat_level level, const char *module,
                     const char *line) {
    static const char *const names[] = {
        "error: ", "warning: ", "info: ", "debug: "};
    char text[200];
    (void)arg;
    (void)module;
    text[0] = '\0';
    strncat(text, names[level], sizeof text - 1);
    strncat(text, line, sizeof text - 1 - strlen(text));
    board_print(false, text);
}

/* The button's interrupt routine. */
static void pressed(void) {
    cleat_device_press(&firmware_device);
}

static bool over(void *arg) {
    (void)arg;
    if (!cleat_device_ended(&firmware_device, &status)) {
        return false;
    }
    const uint32_t now_ms = (uint32_t)cleat_port_now_ms();
    if (end_ms == 0) {
        end_ms = now_ms + LAST_WORDS_MS;
    }
    return (int32_t)(now_ms - end_ms) >= 0;
}

static int start(char *why, size_t why_cap) {
    struct cleat_bytes root_ca;
    const struct cleat_settings *settings =
        firmware_settings(&root_ca, why, why_cap);
    if (settings == NULL) {
        return CLEAT_ERR_ARG;
    }
    const struct cleat_platform platform = {
        .board = board_device(),
        .link = cleat_bare_link(),
        .net = cleat_bare_net_init(&net, settings->mqtt_broker_address,
                                   (uint16_t)settings->mqtt_port),
        .driver = DRIVER,
        .element.bus = board_bus(),
        .root_ca = root_ca,
    };
    int err =
        cleat_device_init(&firmware_device, settings, &platform, why, why_cap);
    if (err != CLEAT_OK) {
        return err;
    }
    board_on_button(pressed);
    err = firmware_control_start();
    return err == CLEAT_OK ? cleat_device_start(&firmware_device) : err;
}

static int start_or_say_why(void) {
    char why[160];
    why[0] = '\0';
    int err = start(why, sizeof why);
    if (why[0] != '\0') {
        board_print(false, why);
    }
    return err;
}

int main(void) {
    board_init();
    board_print(false, "\r\nCleat on " BOARD_NAME);
    if (CLEAT_LOG_FLOOR >= 0) {
        cleat_log_sink(log_line, NULL);
    }
    cleat_bare_set_clock(board_host_time());
    firmware_memory_init();
    /* Built in, settings have nothing to say. */
    if ((CLEAT_SETTINGS_FIXED ? start(NULL, 0) : start_or_say_why()) ==
        CLEAT_OK) {
        cleat_bare_run(over, NULL);
        cleat_device_deinit(&firmware_device);
    } else {
        board_print(false, "Not started");
    }
    board_end(status);
    return 0;
}
