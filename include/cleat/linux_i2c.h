/* SPDX-License-Identifier: MIT */
/*
 * Buses a Linux program can reach: the kernel's i2c-dev, and a chip behind a
 * Unix socket (cleat-chipsim). Each open fills in a struct cleat_i2c; the task
 * that uses it owns it until close.
 */
#ifndef CLEAT_LINUX_I2C_H
#define CLEAT_LINUX_I2C_H

#include "cleat/error.h"
#include "cleat/i2c.h"
#include "cleat/linux_gpio.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Open a bus of the kernel, as "/dev/i2c-1". Its clock is fixed by the system;
 * the chip's lines are those of cleat_linux_i2c_dev_lines(), at first none.
 * @return 0; CLEAT_ERR_NOT_FOUND no such device; CLEAT_ERR_DENIED no
 *         permission; CLEAT_ERR_UNSUPPORTED the adapter cannot do plain
 *         transfers; CLEAT_ERR_IO anything else. detail (may be NULL) has
 *         errno.
 */
int cleat_linux_i2c_dev_open(const char *path, struct cleat_i2c *bus,
                             struct cleat_detail *detail);
/**
 * Give an open bus the lines of its chip, before its first use. They are taken
 * already (cleat_linux_gpio_drive()) and stay the caller's, who closes them
 * after the bus. RST is active while the chip is held in reset, the power line
 * while the chip is on. NULL: not wired.
 */
void cleat_linux_i2c_dev_lines(struct cleat_i2c *bus,
                               struct cleat_linux_gpio *reset,
                               struct cleat_linux_gpio *power);
/** Close what cleat_linux_i2c_dev_open() opened. */
void cleat_linux_i2c_dev_close(struct cleat_i2c *bus);

/** A chip on a socket. Allocate it anywhere; only bus is public. */
struct cleat_linux_i2c_unix {
    struct cleat_i2c bus; /**< Valid while open. */
    int fd;               /**< Private; -1: not connected. */
    char path[108];       /**< Private. */
};

/**
 * Connect to a cleat-chipsim. When the connection breaks later, the transfer
 * fails with CLEAT_ERR_IO and the next one connects anew.
 *
 * @param detail  Words and errno on failure; may be NULL.
 * @return 0; CLEAT_ERR_SIZE (path too long); CLEAT_ERR_IO (nobody listens:
 *         start cleat-chipsim); CLEAT_ERR_FULL (another client has the chip:
 *         retry when it is gone); CLEAT_ERR_PROTO (not a cleat-chipsim);
 *         CLEAT_ERR_TIMEOUT (no greeting).
 */
int cleat_linux_i2c_unix_open(struct cleat_linux_i2c_unix *port,
                              const char *path, struct cleat_detail *detail);
/** Leave; the chip stays powered. Safe when not open. */
void cleat_linux_i2c_unix_close(struct cleat_linux_i2c_unix *port);

#ifdef __cplusplus
}
#endif
#endif
