/* SPDX-License-Identifier: MIT */
/*
 * One output of the kernel's GPIO character device (interface v2, Linux 5.10),
 * named by text: a line beside the chip's bus, or any other. No library behind
 * it. One task owns a line.
 */
#ifndef CLEAT_LINUX_GPIO_H
#define CLEAT_LINUX_GPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "cleat/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Room for a name of the kernel's, with its zero. */
#define CLEAT_LINUX_GPIO_NAME 32

/** An output. Zero it once; then open and close it as often as you like. */
struct cleat_linux_gpio {
    int fd_plus_1;   /**< Private: the chip, then the line; 0: none. */
    bool driven;     /**< Private: fd is the line's. */
    bool active_low; /**< Active is the low level. */
    uint32_t offset; /**< On its chip; valid once found. */
    char chip[CLEAT_LINUX_GPIO_NAME]; /**< "gpiochip0"; valid once found. */
    char name[CLEAT_LINUX_GPIO_NAME]; /**< The line's own; may be "". */
    char why[192]; /**< What the last call that failed has to say. */
};

/**
 * Look a line up. Nothing is driven yet.
 *
 * @param line  [CHIP:]OFFSET or [CHIP:]NAME, with ":active-low" or
 *              ":active-high" behind it if that is not as the caller has it.
 *              CHIP is a path, a device in /dev, or a chip's label. An offset
 *              needs a CHIP; a name must be that of one line only.
 * @param active_low  What holds where the text does not say it.
 * @return 0, or with a sentence in g->why
 *         CLEAT_ERR_ARG          no such form, several lines have the name, or
 *                                what is named is no GPIO chip;
 *         CLEAT_ERR_NOT_FOUND    no such chip, offset or name;
 *         CLEAT_ERR_DENIED       no permission for the chip;
 *         CLEAT_ERR_UNSUPPORTED  a kernel before 5.10;
 *         CLEAT_ERR_IO           anything else.
 */
int cleat_linux_gpio_find(struct cleat_linux_gpio *g, const char *line,
                          bool active_low);

/**
 * Take what was found as an output that is active or not from the first moment.
 *
 * @param consumer  Shown to others as its user; at most 31 bytes count.
 * @return 0, or with a sentence in g->why
 *         CLEAT_ERR_FULL         somebody has the line: the sentence says who;
 *         CLEAT_ERR_UNSUPPORTED  the line cannot be an output;
 *         CLEAT_ERR_STATE        nothing was found;
 *         CLEAT_ERR_DENIED, CLEAT_ERR_IO  as above.
 */
int cleat_linux_gpio_drive(struct cleat_linux_gpio *g, const char *consumer,
                           bool active);

/** Drive it. @return 0, CLEAT_ERR_STATE (not taken), CLEAT_ERR_IO. */
int cleat_linux_gpio_set(struct cleat_linux_gpio *g, bool active);

/** @return true if two that were found are the same line. */
bool cleat_linux_gpio_same(const struct cleat_linux_gpio *a,
                           const struct cleat_linux_gpio *b);

/** Let go of it; the level that it has from then on is the kernel driver's
 *  affair. Safe when nothing is open. */
void cleat_linux_gpio_close(struct cleat_linux_gpio *g);

#ifdef __cplusplus
}
#endif
#endif
