/* SPDX-License-Identifier: MIT */
/*
 * `cleat` on a jig, for e2e/lines: /dev/i2c-7 leads to the virtual chip that
 * listens on $JIG, and lines of /dev/gpiochip7 to its RST and the switch
 * of its power. Only the kernel is played (tests/support/kernel.c), the rest is
 * the program itself. $JIG.log gets each level: "US RST|VDD 0|1".
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_i2c.h"
#include "cleat/port.h"
#include "tests/support/kernel.h"

static struct kernel_line lines[] = {
    {.name = "FREE"},
    {.name = "RST"},
    {.name = "VDD"},
    {.name = "CS0", .consumer = "spi0 CS0"},
    {.name = "IN", .input_only = true},
    {.name = "RST_INVERTED"},
    {.name = "VDD_INVERTED"},
    {.name = "TWIN"},
    {.name = "TWIN"},
    {.name = NULL, .consumer = ""},
};
static struct kernel_line none[] = {{.name = NULL}};

static struct kernel_chip chips[] = {
    {.path = "/dev/gpiochip7",
     .name = "gpiochip7",
     .label = "jig",
     .lines = lines,
     .count = sizeof lines / sizeof lines[0]},
    {.path = "/dev/gpiochip8", .open_error = EACCES},
    {.path = "/dev/gpiochip9",
     .name = "gpiochip9",
     .label = "old",
     .lines = none,
     .count = 1,
     .old = true},
    {.path = NULL}};

static struct cleat_linux_i2c_unix chip;
static char file[1000];
static char log_file[1000];

static struct cleat_i2c *bus(void) {
    static bool open;
    if (!open) {
        struct cleat_detail detail = {0};
        const char *path = getenv("JIG");
        if (path == NULL ||
            cleat_linux_i2c_unix_open(&chip, path, &detail) != CLEAT_OK) {
            fprintf(stderr, "jig: no chip at %s: %s\n",
                    path == NULL ? "$JIG" : path,
                    detail.text == NULL ? "" : detail.text);
            exit(99);
        }
        open = true;
    }
    return &chip.bus;
}

static void note(const char *line, bool high) {
    FILE *f = fopen(log_file, "a");
    if (f != NULL) {
        fprintf(f, "%llu %s %d\n", (unsigned long long)cleat_port_now_us(),
                line, high);
        fclose(f);
    }
}

static void level(const struct kernel_line *l, bool high) {
    const char *name = l->name == NULL ? "" : l->name;
    bool reset = strncmp(name, "RST", 3) == 0;
    bool power = strncmp(name, "VDD", 3) == 0;
    bool at_chip = high != (strstr(name, "INVERTED") != NULL);
    if (reset || power) {
        note(reset ? "RST" : "VDD", at_chip);
        (void)bus()->line(bus()->self,
                          reset ? CLEAT_I2C_LINE_RESET : CLEAT_I2C_LINE_POWER,
                          at_chip);
    }
}

__attribute__((constructor)) static void set_up(void) {
    const char *path = getenv("JIG");
    snprintf(file, sizeof file, "%s.lock", path == NULL ? "" : path);
    snprintf(log_file, sizeof log_file, "%s.log", path == NULL ? "" : path);
    kernel_chips = chips;
    kernel_level = level;
    kernel_bus.path = "/dev/i2c-7";
    kernel_bus.file = path == NULL ? NULL : file;
    kernel_bus.to = bus;
}
