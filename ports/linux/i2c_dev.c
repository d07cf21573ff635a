/* SPDX-License-Identifier: MIT */
/*
 * A bus of the kernel through /dev/i2c-N: one message per transfer, so that no
 * repeated start is ever made. See cleat/linux_i2c.h.
 */
#define _DEFAULT_SOURCE

#include "cleat/linux_i2c.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleat/port.h"

/* RST may be low for 2.5 ms at most (datasheet, table 15); a thread that lost
 * its processor meanwhile pulls it again, for so long. */
#define RESET_LOW_MAX_US 2500u
#define RESET_LOW_US 50u
#define RESETS_MAX 5

#define TRANSFER_MAX 8192u /* of the kernel's ioctl */

struct i2c_dev {
    int fd;
    struct cleat_linux_gpio *reset, *power; /* NULL: not wired */
    uint64_t low_us; /* since when RST is low while the chip is on */
};

/* Drivers differ in how they report a missing acknowledge. */
static int error_of(int error) {
    switch (error) {
    case ENXIO:
    case EREMOTEIO:
        return CLEAT_ERR_NACK;
    case ETIMEDOUT:
        return CLEAT_ERR_TIMEOUT;
    default:
        return CLEAT_ERR_IO;
    }
}

static int transfer(void *self, uint8_t address, uint16_t flags, uint8_t *data,
                    size_t len) {
    const struct i2c_dev *dev = (const struct i2c_dev *)self;
    struct i2c_msg message;
    if (len > TRANSFER_MAX) {
        return CLEAT_ERR_SIZE;
    }
    memset(&message, 0, sizeof message);
    message.addr = address;
    message.flags = flags;
    message.len = (uint16_t)len;
    message.buf = data;
    struct i2c_rdwr_ioctl_data request = {&message, 1};
    int n;
    do {
        n = ioctl(dev->fd, I2C_RDWR, &request);
    } while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : error_of(n < 0 ? errno : EIO);
}

static int dev_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    /* The kernel's struct is not const; a write does not change it. */
    return transfer(self, address, 0, (uint8_t *)(uintptr_t)data, len);
}

static int dev_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    return transfer(self, address, I2C_M_RD, data, len);
}

static int drive_power(struct i2c_dev *dev, bool high) {
    dev->low_us = cleat_port_now_us();
    return cleat_linux_gpio_set(dev->power, high);
}

static int pull_reset(struct i2c_dev *dev) {
    dev->low_us = cleat_port_now_us();
    return cleat_linux_gpio_set(dev->reset, true);
}

static int release_reset(struct i2c_dev *dev) {
    for (int i = 0;; i++) {
        int err = cleat_linux_gpio_set(dev->reset, false);
        if (err != CLEAT_OK || i == RESETS_MAX ||
            cleat_port_now_us() - dev->low_us <= RESET_LOW_MAX_US) {
            return err;
        }
        err = pull_reset(dev);
        if (err != CLEAT_OK) {
            return err;
        }
        cleat_port_delay_us(RESET_LOW_US);
    }
}

static int dev_line(void *self, enum cleat_i2c_line line, bool high) {
    struct i2c_dev *dev = (struct i2c_dev *)self;
    if (line == CLEAT_I2C_LINE_RESET && dev->reset != NULL) {
        return high ? release_reset(dev) : pull_reset(dev);
    }
    if (line == CLEAT_I2C_LINE_POWER && dev->power != NULL) {
        return drive_power(dev, high);
    }
    return CLEAT_ERR_ARG;
}

void cleat_linux_i2c_dev_lines(struct cleat_i2c *bus,
                               struct cleat_linux_gpio *reset,
                               struct cleat_linux_gpio *power) {
    struct i2c_dev *dev = (struct i2c_dev *)bus->self;
    dev->reset = reset;
    dev->power = power;
    bus->lines = (reset == NULL ? 0u : (unsigned)CLEAT_I2C_LINE_RESET) |
                 (power == NULL ? 0u : (unsigned)CLEAT_I2C_LINE_POWER);
    bus->line = bus->lines == 0 ? NULL : dev_line;
}

static int fail(struct cleat_detail *detail, int err, int error,
                const char *text) {
    if (detail != NULL) {
        memset(detail, 0, sizeof *detail);
        detail->layer = CLEAT_LAYER_BUS;
        detail->code = error;
        detail->text = text;
    }
    return err;
}

static int open_error(struct cleat_detail *detail, int error) {
    if (error == ENOENT || error == ENODEV || error == ENXIO) {
        return fail(detail, CLEAT_ERR_NOT_FOUND, error, "no such i2c device");
    }
    if (error == EACCES || error == EPERM) {
        return fail(detail, CLEAT_ERR_DENIED, error,
                    "no permission for the i2c device (group i2c?)");
    }
    return fail(detail, CLEAT_ERR_IO, error, "cannot open the i2c device");
}

int cleat_linux_i2c_dev_open(const char *path, struct cleat_i2c *bus,
                             struct cleat_detail *detail) {
    memset(bus, 0, sizeof *bus);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return open_error(detail, errno);
    }
    unsigned long functions = 0;
    if (ioctl(fd, I2C_FUNCS, &functions) < 0 ||
        (functions & I2C_FUNC_I2C) == 0) {
        int error = errno;
        close(fd);
        return fail(detail, CLEAT_ERR_UNSUPPORTED, error,
                    "not an i2c adapter with plain transfers");
    }
    struct i2c_dev *dev = malloc(sizeof *dev);
    if (dev == NULL) {
        close(fd);
        return fail(detail, CLEAT_ERR_IO, ENOMEM, "out of memory");
    }
    dev->fd = fd;
    bus->write = dev_write;
    bus->read = dev_read;
    bus->max_len = TRANSFER_MAX;
    bus->self = dev;
    return 0;
}

void cleat_linux_i2c_dev_close(struct cleat_i2c *bus) {
    struct i2c_dev *dev = (struct i2c_dev *)bus->self;
    if (dev != NULL) {
        close(dev->fd);
        free(dev);
    }
    memset(bus, 0, sizeof *bus);
}
