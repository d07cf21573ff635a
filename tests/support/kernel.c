/* SPDX-License-Identifier: MIT */
/* Devices of a kernel that is not there; see kernel.h. */
#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleat/error.h"

#define FDS 1024

struct kernel_chip *kernel_chips;
struct kernel_bus kernel_bus;
void (*kernel_level)(const struct kernel_line *line, bool high);
unsigned kernel_interrupts;
int kernel_line_error, kernel_set_error;
struct gpio_v2_line_request kernel_request;

/* What a descriptor is: a chip, a line, or the bus. */
static struct {
    struct kernel_chip *chip;
    struct kernel_line *line;
    bool bus;
} fds[FDS];

int __real_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long number, ...);
int __real_close(int fd);
int __real_access(const char *path, int mode);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long number, ...);
int __wrap_close(int fd);
int __wrap_access(const char *path, int mode);

unsigned kernel_open_count(void) {
    unsigned n = 0;
    for (size_t i = 0; i < FDS; i++) {
        n += fds[i].chip != NULL || fds[i].line != NULL || fds[i].bus;
    }
    return n;
}

static struct kernel_chip *chip_at(const char *path) {
    for (struct kernel_chip *c = kernel_chips; c != NULL && c->path != NULL;
         c++) {
        if (strcmp(c->path, path) == 0) {
            return c;
        }
    }
    return NULL;
}

static bool is_bus(const char *path) {
    return kernel_bus.path != NULL && strcmp(kernel_bus.path, path) == 0;
}

static int fail(int error) {
    errno = error;
    return -1;
}

static int new_fd(void) {
    int fd = memfd_create("device", MFD_CLOEXEC);
    if (fd >= FDS) {
        __real_close(fd);
        fd = fail(EMFILE);
    }
    return fd;
}

int __wrap_access(const char *path, int mode) {
    return chip_at(path) != NULL || is_bus(path) ? 0
                                                 : __real_access(path, mode);
}

int __wrap_open(const char *path, int flags, ...) {
    struct kernel_chip *chip = chip_at(path);
    va_list args;
    va_start(args, flags);
    int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    if (chip == NULL && !is_bus(path)) {
        return __real_open(path, flags, mode);
    }
    if (chip != NULL && chip->open_error != 0) {
        return fail(chip->open_error);
    }
    int fd = chip == NULL && kernel_bus.file != NULL
                 ? __real_open(kernel_bus.file, flags)
                 : new_fd();
    if (fd >= 0) {
        fds[fd].chip = chip;
        fds[fd].bus = chip == NULL;
    }
    return fd;
}

int __wrap_close(int fd) {
    if (fd >= 0 && fd < FDS) {
        if (fds[fd].line != NULL) {
            fds[fd].line->consumer = NULL;
        }
        memset(&fds[fd], 0, sizeof fds[fd]);
    }
    return __real_close(fd);
}

/* ---- the bus ---- */

static int error_of(int err) {
    switch (err) {
    case CLEAT_ERR_NACK:
        return ENXIO;
    case CLEAT_ERR_TIMEOUT:
        return ETIMEDOUT;
    default:
        return EIO;
    }
}

static int transfers(const struct i2c_rdwr_ioctl_data *r) {
    struct cleat_i2c *bus = kernel_bus.to == NULL ? NULL : kernel_bus.to();
    for (unsigned i = 0; i < r->nmsgs; i++) {
        const struct i2c_msg *m = &r->msgs[i];
        int err = CLEAT_ERR_NACK;
        if (bus != NULL && (m->flags & I2C_M_RD) != 0) {
            err = bus->read(bus->self, (uint8_t)m->addr, m->buf, m->len);
        } else if (bus != NULL) {
            err = bus->write(bus->self, (uint8_t)m->addr, m->buf, m->len);
        }
        if (err != CLEAT_OK) {
            return fail(error_of(err));
        }
    }
    return (int)r->nmsgs;
}

static int bus_ioctl(unsigned long number, void *arg) {
    if (number == I2C_FUNCS) {
        *(unsigned long *)arg = I2C_FUNC_I2C;
        return 0;
    }
    return number == I2C_RDWR ? transfers(arg) : fail(ENOTTY);
}

/* ---- GPIO ---- */

static void drive(struct kernel_line *l, bool value) {
    l->high = value != l->active_low;
    if (kernel_level != NULL) {
        kernel_level(l, l->high);
    }
}

static int tell_chip(const struct kernel_chip *c, struct gpiochip_info *info) {
    memset(info, 0, sizeof *info);
    strncat(info->name, c->name, sizeof info->name - 1);
    strncat(info->label, c->label, sizeof info->label - 1);
    info->lines = c->count;
    return 0;
}

static int tell_line(const struct kernel_chip *c,
                     struct gpio_v2_line_info *info) {
    if (c->old || info->offset >= c->count) {
        return fail(EINVAL);
    }
    const struct kernel_line *l = &c->lines[info->offset];
    uint32_t offset = info->offset;
    memset(info, 0, sizeof *info);
    info->offset = offset;
    info->flags = l->consumer != NULL ? GPIO_V2_LINE_FLAG_USED : 0;
    strncat(info->name, l->name == NULL ? "" : l->name, sizeof info->name - 1);
    strncat(info->consumer, l->consumer == NULL ? "" : l->consumer,
            sizeof info->consumer - 1);
    return 0;
}

static int give_line(struct kernel_chip *c, struct gpio_v2_line_request *r) {
    int error = kernel_line_error;
    kernel_line_error = 0;
    kernel_request = *r;
    if (c->old || r->num_lines != 1 || r->offsets[0] >= c->count ||
        (r->config.flags & GPIO_V2_LINE_FLAG_OUTPUT) == 0) {
        return fail(EINVAL);
    }
    struct kernel_line *l = &c->lines[r->offsets[0]];
    if (error != 0 || l->consumer != NULL || l->input_only) {
        return fail(error != 0 ? error : l->consumer != NULL ? EBUSY : EIO);
    }
    int fd = new_fd();
    if (fd < 0) {
        return -1;
    }
    r->fd = fd;
    fds[fd].line = l;
    memcpy(l->holder, r->consumer, sizeof l->holder);
    l->consumer = l->holder;
    l->of = c;
    l->active_low = (r->config.flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW) != 0;
    bool value = false;
    for (unsigned i = 0; i < r->config.num_attrs; i++) {
        const struct gpio_v2_line_config_attribute *a = &r->config.attrs[i];
        if (a->attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES &&
            (a->mask & 1) != 0) {
            value = (a->attr.values & 1) != 0;
        }
    }
    drive(l, value);
    return 0;
}

static int chip_ioctl(struct kernel_chip *c, unsigned long number, void *arg) {
    if (c->label == NULL) {
        return fail(ENOTTY);
    }
    switch (number) {
    case GPIO_GET_CHIPINFO_IOCTL:
        return tell_chip(c, arg);
    case GPIO_V2_GET_LINEINFO_IOCTL:
        return tell_line(c, arg);
    case GPIO_V2_GET_LINE_IOCTL:
        return give_line(c, arg);
    default:
        return fail(EINVAL);
    }
}

static int line_ioctl(struct kernel_line *l, unsigned long number, void *arg) {
    const struct gpio_v2_line_values *v = arg;
    int error = kernel_set_error;
    kernel_set_error = 0;
    if (number != GPIO_V2_LINE_SET_VALUES_IOCTL || (v->mask & 1) == 0) {
        return fail(EINVAL);
    }
    if (error != 0) {
        return fail(error);
    }
    drive(l, (v->bits & 1) != 0);
    return 0;
}

int __wrap_ioctl(int fd, unsigned long number, ...) {
    va_list args;
    va_start(args, number);
    void *arg = va_arg(args, void *);
    va_end(args);
    bool ours = fd >= 0 && fd < FDS &&
                (fds[fd].chip != NULL || fds[fd].line != NULL || fds[fd].bus);
    if (!ours) {
        return __real_ioctl(fd, number, arg);
    }
    if (kernel_interrupts > 0) {
        kernel_interrupts--;
        return fail(EINTR);
    }
    if (fds[fd].bus) {
        return bus_ioctl(number, arg);
    }
    return fds[fd].line != NULL ? line_ioctl(fds[fd].line, number, arg)
                                : chip_ioctl(fds[fd].chip, number, arg);
}
