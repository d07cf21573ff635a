/* SPDX-License-Identifier: MIT */
/*
 * Outputs through /dev/gpiochipN: found by what a user writes, then taken with
 * a label and a first level. See cleat/linux_gpio.h.
 */
#define _DEFAULT_SOURCE

#include "cleat/linux_gpio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHIPS_MAX 256 /* as many as the kernel gives minor numbers */
#define PATH_ROOM 256
#define DIGITS "0123456789"
#define NOT_SUPPORTED 524 /* ENOTSUPP: the kernel's own, in no header */

/* What a text says, its parts cut out. */
struct parts {
    char chip[PATH_ROOM];
    char line[CLEAT_LINUX_GPIO_NAME];
    bool is_number;
    uint32_t offset;
    bool active_low;
};

static int fail(struct cleat_linux_gpio *g, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct cleat_linux_gpio *g, int err, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(g->why, sizeof g->why, fmt, args);
    va_end(args);
    return err;
}

static int request(int fd, unsigned long number, void *arg) {
    int n;
    do {
        n = ioctl(fd, number, arg);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

/* ---- text ---- */

static bool take_suffix(char *text, const char *suffix) {
    size_t n = strlen(text);
    size_t m = strlen(suffix);
    if (n <= m || strcmp(text + n - m, suffix) != 0) {
        return false;
    }
    text[n - m] = '\0';
    return true;
}

static bool take_offset(const char *text, uint32_t *out) {
    uint32_t v = 0;
    for (; *text != '\0'; text++) {
        v = v * 10 + (uint32_t)(*text - '0');
        if (v > UINT16_MAX) {
            return false;
        }
    }
    *out = v;
    return true;
}

static bool split(const char *text, bool active_low, struct parts *p) {
    char copy[PATH_ROOM + 64];
    memset(p, 0, sizeof *p);
    p->active_low = active_low;
    if (strlen(text) >= sizeof copy) {
        return false;
    }
    strcpy(copy, text);
    if (take_suffix(copy, ":active-low")) {
        p->active_low = true;
    } else if (take_suffix(copy, ":active-high")) {
        p->active_low = false;
    }
    char *colon = strrchr(copy, ':');
    const char *line = colon == NULL ? copy : colon + 1;
    size_t chip_len = colon == NULL ? 0 : (size_t)(colon - copy);
    size_t line_len = strlen(line);
    if (line_len == 0 || line_len >= sizeof p->line ||
        chip_len >= sizeof p->chip || (colon != NULL && chip_len == 0)) {
        return false;
    }
    memcpy(p->chip, copy, chip_len);
    memcpy(p->line, line, line_len);
    p->is_number = strspn(line, DIGITS) == line_len;
    return !p->is_number || (chip_len > 0 && take_offset(line, &p->offset));
}

/* ---- chips ---- */

static int open_failed(struct cleat_linux_gpio *g, const char *path) {
    int error = errno;
    if (error == ENOENT || error == ENODEV || error == ENXIO ||
        error == ENOTDIR) {
        return fail(g, CLEAT_ERR_NOT_FOUND, "there is no GPIO chip %.80s",
                    path);
    }
    if (error == EACCES || error == EPERM) {
        return fail(g, CLEAT_ERR_DENIED,
                    "no permission for %.80s (group gpio?)", path);
    }
    return fail(g, CLEAT_ERR_IO, "%.80s: %s", path, strerror(error));
}

static int chip_open(struct cleat_linux_gpio *g, const char *path,
                     struct gpiochip_info *info) {
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return open_failed(g, path);
    }
    memset(info, 0, sizeof *info);
    if (request(fd, GPIO_GET_CHIPINFO_IOCTL, info) != 0) {
        close(fd);
        return fail(g, CLEAT_ERR_ARG, "%.80s is no GPIO chip", path);
    }
    info->name[sizeof info->name - 1] = '\0';
    info->label[sizeof info->label - 1] = '\0';
    g->fd_plus_1 = fd + 1;
    return CLEAT_OK;
}

/* @return false: the kernel cannot tell. */
static bool line_info(const struct cleat_linux_gpio *g, uint32_t offset,
                      struct gpio_v2_line_info *info) {
    memset(info, 0, sizeof *info);
    info->offset = offset;
    if (request(g->fd_plus_1 - 1, GPIO_V2_GET_LINEINFO_IOCTL, info) != 0) {
        return false;
    }
    info->name[sizeof info->name - 1] = '\0';
    info->consumer[sizeof info->consumer - 1] = '\0';
    return true;
}

/* Note the line if this chip, which is open, has it.
 * @return how many lines it has that fit. */
static unsigned look(struct cleat_linux_gpio *g, const struct parts *p,
                     const struct gpiochip_info *chip) {
    struct gpio_v2_line_info info;
    unsigned found = 0;
    uint32_t first = p->is_number ? p->offset : 0;
    uint32_t end = p->is_number ? p->offset + 1 : chip->lines;
    for (uint32_t i = first; i < end && i < chip->lines; i++) {
        if (!line_info(g, i, &info) ||
            (!p->is_number && strcmp(info.name, p->line) != 0)) {
            continue;
        }
        found++;
        g->offset = i;
        memcpy(g->chip, chip->name, sizeof g->chip);
        memcpy(g->name, info.name, sizeof g->name);
    }
    return found;
}

/* What a look at one named chip came to. */
static int verdict(struct cleat_linux_gpio *g, const struct parts *p,
                   const struct gpiochip_info *chip, unsigned found) {
    struct gpio_v2_line_info info;
    if (found == 1) {
        return CLEAT_OK;
    }
    if (found > 1) {
        return fail(g, CLEAT_ERR_ARG, "%u lines are named %s on %s", found,
                    p->line, chip->name);
    }
    if (chip->lines > 0 && !line_info(g, 0, &info)) {
        return fail(g, CLEAT_ERR_UNSUPPORTED,
                    "%s does not know the GPIO interface of Linux 5.10",
                    chip->name);
    }
    if (!p->is_number) {
        return fail(g, CLEAT_ERR_NOT_FOUND, "%s (%s) has no line named %s",
                    chip->name, chip->label, p->line);
    }
    return fail(g, CLEAT_ERR_NOT_FOUND,
                "%s (%s) has no line %u: it has %u, counted from 0", chip->name,
                chip->label, (unsigned)p->offset, (unsigned)chip->lines);
}

static int find_on(struct cleat_linux_gpio *g, const struct parts *p,
                   const char *path) {
    struct gpiochip_info chip;
    int err = chip_open(g, path, &chip);
    return err != CLEAT_OK ? err : verdict(g, p, &chip, look(g, p, &chip));
}

static void drop(struct cleat_linux_gpio *g) {
    if (g->fd_plus_1 > 0) {
        close(g->fd_plus_1 - 1);
    }
    g->fd_plus_1 = 0;
    g->driven = false;
}

/* Go through all chips: for those of this label, or, if p->chip is empty, for
 * any line of this name. Leaves the last fitting one's number.
 * @return how many there are. */
static unsigned search(struct cleat_linux_gpio *g, const struct parts *p,
                       unsigned *where, bool *denied) {
    unsigned found = 0;
    *denied = false;
    for (unsigned i = 0; i < CHIPS_MAX; i++) {
        char path[32];
        unsigned here = 0;
        struct gpiochip_info chip;
        snprintf(path, sizeof path, "/dev/gpiochip%u", i);
        int err = chip_open(g, path, &chip);
        *denied = *denied || err == CLEAT_ERR_DENIED;
        if (err != CLEAT_OK) {
            continue;
        }
        /* A link, as /dev/gpiochip4 of some boards, is not another chip. */
        if (strcmp(chip.name, path + strlen("/dev/")) == 0) {
            here = p->chip[0] == '\0' ? look(g, p, &chip)
                                      : strcmp(chip.label, p->chip) == 0;
        }
        *where = here > 0 ? i : *where;
        found += here;
        drop(g);
    }
    return found;
}

static int find_anywhere(struct cleat_linux_gpio *g, const struct parts *p) {
    char path[32];
    bool denied;
    unsigned where = 0;
    bool by_label = p->chip[0] != '\0';
    const char *name = by_label ? p->chip : p->line;
    unsigned found = search(g, p, &where, &denied);
    if (found == 0 && denied) {
        return fail(g, CLEAT_ERR_DENIED,
                    "%.60s is on no GPIO chip that may be opened (group gpio?)",
                    name);
    }
    if (found == 0) {
        return fail(g, CLEAT_ERR_NOT_FOUND,
                    by_label ? "there is no GPIO chip %.60s"
                             : "no GPIO chip has a line named %.60s",
                    name);
    }
    if (found > 1) {
        return fail(g, CLEAT_ERR_ARG, "%u %s are named %.60s", found,
                    by_label ? "GPIO chips" : "lines", name);
    }
    snprintf(path, sizeof path, "/dev/gpiochip%u", where);
    return find_on(g, p, path);
}

/* A chip without a slash is a device of /dev, or else a label. */
static int find(struct cleat_linux_gpio *g, const struct parts *p) {
    char path[PATH_ROOM + 8];
    if (p->chip[0] == '\0') {
        return find_anywhere(g, p);
    }
    if (strchr(p->chip, '/') != NULL) {
        return find_on(g, p, p->chip);
    }
    snprintf(path, sizeof path, "/dev/%s", p->chip);
    if (access(path, F_OK) != 0) {
        return find_anywhere(g, p);
    }
    return find_on(g, p, path);
}

int cleat_linux_gpio_find(struct cleat_linux_gpio *g, const char *line,
                          bool active_low) {
    struct parts p;
    memset(g, 0, sizeof *g);
    if (!split(line, active_low, &p)) {
        return fail(g, CLEAT_ERR_ARG,
                    "\"%.80s\" is not CHIP:OFFSET, CHIP:NAME or NAME", line);
    }
    g->active_low = p.active_low;
    int err = find(g, &p);
    if (err != CLEAT_OK) {
        drop(g);
    }
    return err;
}

/* ---- the line ---- */

static int busy(struct cleat_linux_gpio *g, const char *where) {
    struct gpio_v2_line_info info;
    bool told = line_info(g, g->offset, &info) && info.consumer[0] != '\0';
    return fail(g, CLEAT_ERR_FULL, "%s is in use by %s%s%s", where,
                told ? "\"" : "", told ? info.consumer : "another",
                told ? "\"" : "");
}

static int drive_failed(struct cleat_linux_gpio *g) {
    int error = errno;
    char where[2 * CLEAT_LINUX_GPIO_NAME];
    snprintf(where, sizeof where, "line %u of %s", (unsigned)g->offset,
             g->chip);
    switch (error) {
    case EBUSY:
        return busy(g, where);
    case EACCES:
    case EPERM:
        return fail(g, CLEAT_ERR_DENIED, "%s may not be taken", where);
    case EIO:
    case EOPNOTSUPP:
    case NOT_SUPPORTED:
        return fail(g, CLEAT_ERR_UNSUPPORTED, "%s cannot be an output", where);
    case ENODEV:
    case ENXIO:
        return fail(g, CLEAT_ERR_NOT_FOUND, "%s has gone", where);
    default:
        return fail(g, CLEAT_ERR_IO, "%s: %s", where, strerror(error));
    }
}

int cleat_linux_gpio_drive(struct cleat_linux_gpio *g, const char *consumer,
                           bool active) {
    struct gpio_v2_line_request r;
    if (g->fd_plus_1 <= 0 || g->driven) {
        return fail(g, CLEAT_ERR_STATE, "no line, or one that is taken");
    }
    memset(&r, 0, sizeof r);
    r.offsets[0] = g->offset;
    r.num_lines = 1;
    strncat(r.consumer, consumer, sizeof r.consumer - 1);
    r.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
    if (g->active_low) {
        r.config.flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
    }
    r.config.num_attrs = 1;
    r.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
    r.config.attrs[0].attr.values = active;
    r.config.attrs[0].mask = 1;
    if (request(g->fd_plus_1 - 1, GPIO_V2_GET_LINE_IOCTL, &r) != 0) {
        int err = drive_failed(g);
        drop(g);
        return err;
    }
    close(g->fd_plus_1 - 1);
    g->fd_plus_1 = r.fd + 1; /* the kernel opens it close-on-exec */
    g->driven = true;
    return CLEAT_OK;
}

int cleat_linux_gpio_set(struct cleat_linux_gpio *g, bool active) {
    struct gpio_v2_line_values v;
    if (!g->driven) {
        return fail(g, CLEAT_ERR_STATE, "the line is not taken");
    }
    memset(&v, 0, sizeof v);
    v.bits = active;
    v.mask = 1;
    if (request(g->fd_plus_1 - 1, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) != 0) {
        return fail(g, CLEAT_ERR_IO, "line %u of %s: %s", (unsigned)g->offset,
                    g->chip, strerror(errno));
    }
    return CLEAT_OK;
}

bool cleat_linux_gpio_same(const struct cleat_linux_gpio *a,
                           const struct cleat_linux_gpio *b) {
    return a->fd_plus_1 > 0 && b->fd_plus_1 > 0 && a->offset == b->offset &&
           strcmp(a->chip, b->chip) == 0;
}

void cleat_linux_gpio_close(struct cleat_linux_gpio *g) {
    drop(g);
}
