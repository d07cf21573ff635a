/* SPDX-License-Identifier: MIT */
/* The chip's reset and power lines on GPIO: what names them, and taking them
 * for a bus. */
#ifndef CLEAT_CLI_LINES_H
#define CLEAT_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "cleat/linux_gpio.h"
#include "cleat/linux_i2c.h"
#include "cleat/settings.h"

/** Longest path of a bus, and longest name of a line, with their zeros. */
#define CLI_LINES_TEXT 320

struct cli_lines {
    struct cleat_linux_gpio reset, power;
};

/** What stands behind "i2c:": PATH[,reset=LINE][,power=LINE]. */
struct cli_lines_name {
    char path[CLI_LINES_TEXT];
    char reset[CLI_LINES_TEXT]; /**< "": not wired. */
    char power[CLI_LINES_TEXT];
};

/** Take it apart. A line that it does not name is that of the settings, or of
 *  the environment where no settings were read. @return false: malformed. */
bool cli_lines_split(const char *text, struct cli_lines_name *out);

/** What CHIP_RESET_LINE and CHIP_POWER_LINE say, from now on. */
void cli_lines_set(const struct cleat_settings *s);

/**
 * Take the lines, with the chip on and not in reset, and give them to the bus.
 * @return NULL, or the cause as `cleat doctor` names it, with words in why;
 *         then nothing is taken.
 */
const char *cli_lines_open(struct cli_lines *l,
                           const struct cli_lines_name *name,
                           struct cleat_i2c *bus, char *why, size_t cap);
/** Let go of them, once their bus is closed. */
void cli_lines_close(struct cli_lines *l);

/** Where they are: "reset gpiochip0:17 (GPIO17), power ...", or "". */
void cli_lines_tell(const struct cli_lines *l, char *out, size_t cap);

#endif
