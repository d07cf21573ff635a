/* SPDX-License-Identifier: MIT */
/*
 * Buses a Linux program can reach: the kernel's i2c-dev. Each open fills in a
 * struct cleat_i2c; the task that uses it owns it until close.
 */
#ifndef CLEAT_LINUX_I2C_H
#define CLEAT_LINUX_I2C_H

#include "cleat/error.h"
#include "cleat/i2c.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Open a bus of the kernel, as "/dev/i2c-1". Its clock is fixed by the system
 * and the chip's lines are not driven.
 * @return 0; CLEAT_ERR_NOT_FOUND no such device; CLEAT_ERR_DENIED no
 *         permission; CLEAT_ERR_UNSUPPORTED the adapter cannot do plain
 *         transfers; CLEAT_ERR_IO anything else. detail (may be NULL) has
 * errno.
 */
int cleat_linux_i2c_dev_open(const char *path, struct cleat_i2c *bus,
                             struct cleat_detail *detail);
void cleat_linux_i2c_dev_close(struct cleat_i2c *bus);

#ifdef __cplusplus
}
#endif
#endif
