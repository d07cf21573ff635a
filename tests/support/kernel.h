/* SPDX-License-Identifier: MIT */
/*
 * The kernel's I2C and GPIO character devices, played for a program that is
 * linked with --wrap=open,ioctl,close,access (see cleat_test_kernel in
 * tests/CMakeLists.txt): a bus that leads to a struct cleat_i2c, and GPIO chips
 * whose outputs are told to the test. As Linux has them since 5.10.
 */
#ifndef TEST_KERNEL_H
#define TEST_KERNEL_H

#include <linux/gpio.h>
#include <stdbool.h>
#include <stddef.h>

#include "cleat/i2c.h"

struct kernel_line {
    const char *name;     /**< NULL: none. */
    const char *consumer; /**< Who has it; NULL: nobody. "": does not say. */
    bool input_only;
    bool high;              /**< Electrical level, once somebody drives it. */
    struct kernel_chip *of; /**< Private. */
    char holder[GPIO_MAX_NAME_SIZE]; /**< Private. */
    bool active_low;                 /**< Private: as requested. */
};

struct kernel_chip {
    const char *path;  /**< "/dev/gpiochip7"; NULL ends the list. */
    const char *name;  /**< "gpiochip7" */
    const char *label; /**< NULL: this is no GPIO chip. */
    struct kernel_line *lines;
    unsigned count;
    int open_error; /**< An errno; 0: it opens. */
    bool old;       /**< Knows only the first interface. */
};

struct kernel_bus {
    const char *path; /**< "/dev/i2c-7"; NULL: there is none. */
    const char *file; /**< What is opened, for locks; NULL: memory. */
    struct cleat_i2c *(*to)(void); /**< Where transfers go; NULL: no answer. */
};

extern struct kernel_chip *kernel_chips;
extern struct kernel_bus kernel_bus;
/** Called at each level that an output is given. NULL: not. */
extern void (*kernel_level)(const struct kernel_line *line, bool high);
/** So many ioctls are interrupted by a signal first. */
extern unsigned kernel_interrupts;
/** The next request for a line, or the next level, fails so. 0: not. */
extern int kernel_line_error, kernel_set_error;
/** The last request for a line. */
extern struct gpio_v2_line_request kernel_request;

/** @return descriptors of these devices that are open. */
unsigned kernel_open_count(void);

#endif
