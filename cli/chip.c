/* SPDX-License-Identifier: MIT */
/*
 * The secure element behind --chip: one table of name prefixes. A prefix that
 * is no bus is looked up among the drivers.
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <unistd.h>

#include "cleat/linux_crypto.h"
#include "cleat/linux_i2c.h"
#include "cleat/port.h"
#include "cli.h"
#include "doctor.h"
#include "lock.h"
#include "secret.h"
#include "sim/sim.h"

#define BUS_DRIVER "optiga"

static void close_sim(struct cli_chip *chip) {
    cleat_sim_close(chip->handle);
}

static int open_sim(struct cli_chip *chip, const char *dir,
                    const struct cli_chip_factory *factory) {
    char why[512];
    struct cleat_sim_options o;
    snprintf(why, sizeof why, "%s/lock", dir);
    if (!cli_lock_free(why)) { /* The virtual chip takes it itself. */
        return CLI_BUSY;
    }
    memset(&o, 0, sizeof o);
    o.dir = dir;
    if (factory != NULL) {
        o.ca_cert = factory->ca_cert;
        o.ca_key = factory->ca_key;
        o.common_name = factory->common_name;
    }
    struct cleat_sim *sim = cleat_sim_open(&o, why, sizeof why);
    if (sim == NULL) {
        cli_error("sim:%s: %s", dir, why);
        return CLI_UNREACHED;
    }
    chip->handle = sim;
    chip->bus = *cleat_sim_bus(sim);
    chip->close_bus = close_sim;
    return CLI_OK;
}

static void close_dev(struct cli_chip *chip) {
    cleat_linux_i2c_dev_close(&chip->bus);
    cli_lines_close(&chip->lines);
}

static int say_open_failed(const char *spec, int err,
                           const struct cleat_detail *detail,
                           const char *remedy) {
    if (err == CLEAT_ERR_FULL) {
        return CLI_BUSY;
    }
    cli_error("%s: %s%s%s", spec,
              detail->text != NULL ? detail->text : cleat_strerror(err),
              remedy == NULL ? "" : "; ", remedy == NULL ? "" : remedy);
    return CLI_UNREACHED;
}

static void close_unix(struct cli_chip *chip) {
    cleat_linux_i2c_unix_close(&chip->socket);
}

static int open_unix(struct cli_chip *chip, const char *path,
                     const struct cli_chip_factory *factory) {
    struct cleat_detail detail = {0};
    (void)factory;
    int err = cleat_linux_i2c_unix_open(&chip->socket, path, &detail);
    if (err != CLEAT_OK) {
        return say_open_failed(path, err, &detail, NULL);
    }
    chip->bus = chip->socket.bus;
    chip->close_bus = close_unix;
    return CLI_OK;
}

static int open_lines(struct cli_chip *chip,
                      const struct cli_lines_name *name) {
    char why[256];
    const char *cause =
        cli_lines_open(&chip->lines, name, &chip->bus, why, sizeof why);
    if (cause == NULL) {
        return CLI_OK;
    }
    cli_error("i2c:%s: %s; %s", name->path, why,
              cli_doctor_cause(cause)->remedy);
    close_dev(chip);
    return CLI_UNREACHED;
}

static int open_i2c(struct cli_chip *chip, const char *rest,
                    const struct cli_chip_factory *factory) {
    struct cleat_detail detail = {0};
    struct cli_lines_name name;
    const char *path = name.path;
    (void)factory;
    if (!cli_lines_split(rest, &name)) {
        return CLI_USAGE; /* it was checked before */
    }
    int fd = cli_lock_take(path);
    if (fd == CLEAT_ERR_FULL) {
        return CLI_BUSY;
    }
    chip->lock = fd >= 0 ? fd + 1 : 0; /* What is wrong, the next one tells. */
    int err = cleat_linux_i2c_dev_open(path, &chip->bus, &detail);
    if (err != CLEAT_OK) {
        return say_open_failed(path, err, &detail,
                               "is the i2c-dev module loaded, and may this "
                               "user open it (group i2c)?");
    }
    chip->close_bus = close_dev;
    return open_lines(chip, &name);
}

typedef int open_bus(struct cli_chip *chip, const char *rest,
                     const struct cli_chip_factory *factory);

static const struct {
    const char *prefix;
    open_bus *open;
} buses[] = {{"sim:", open_sim}, {"unix:", open_unix}, {"i2c:", open_i2c}};

/* What a name names: a bus to be opened, or a driver with its address. */
static int look_up(struct cli_chip *chip, const char *spec, open_bus **open,
                   const char **rest) {
    struct cli_lines_name name;
    *open = NULL;
    if (spec == NULL || spec[0] == '\0') {
        cli_error("no secure element named: give --chip sim:DIR (virtual), "
                  "unix:PATH, i2c:/dev/i2c-N, or set CLEAT_CHIP");
        return CLI_USAGE;
    }
    for (size_t i = 0; i < sizeof buses / sizeof buses[0]; i++) {
        size_t n = strlen(buses[i].prefix);
        if (strncmp(spec, buses[i].prefix, n) == 0) {
            *open = buses[i].open;
            *rest = spec + n;
            chip->driver = cleat_se_driver_find(cleat_bytes_str(BUS_DRIVER));
            chip->element.bus = &chip->bus;
        }
    }
    if (*open == NULL) {
        size_t n = strcspn(spec, ":");
        chip->driver = cleat_se_driver_find(cleat_bytes_of(spec, n));
        if (spec[n] != ':' || chip->driver == NULL || chip->driver->needs_bus) {
            cli_error("--chip: \"%s\" is not sim:DIR, unix:PATH, i2c:DEVICE "
                      "or DRIVER:... (`cleat chip list`)",
                      spec);
            return CLI_USAGE;
        }
        *rest = chip->element.address = spec + n + 1;
    }
    if (**rest == '\0') {
        cli_error("--chip: something must follow \"%s\"", spec);
        return CLI_USAGE;
    }
    if (*open == open_i2c && !cli_lines_split(*rest, &name)) {
        cli_error("--chip: \"%s\" is not i2c:DEVICE, with ,reset=LINE and "
                  ",power=LINE behind it if they are wired",
                  spec);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int cli_chip_check(const char *spec) {
    struct cli_chip chip = {0};
    open_bus *open;
    const char *rest;
    return look_up(&chip, spec, &open, &rest);
}

/* Who has it, for the words: the file that is locked, or the socket. */
static void say_busy(const char *spec, const char *rest) {
    char path[600];
    char holder[128];
    bool i2c = strncmp(spec, "i2c:", 4) == 0;
    snprintf(path, sizeof path, "%.*s%s", i2c ? (int)strcspn(rest, ",") : 599,
             rest, strncmp(spec, "sim:", 4) == 0 ? "/lock" : "");
    cli_lock_holder(path, holder, sizeof holder);
    cli_error("%s: this element is in use by %s; end that, or wait for it "
              "with --wait SECONDS",
              spec, holder[0] != '\0' ? holder : "another process");
}

static void let_go(struct cli_chip *chip) {
    if (chip->lock > 0) {
        close(chip->lock - 1);
    }
    chip->lock = 0;
}

static void (*opened)(struct cleat_i2c *bus);

void cli_chip_on_open(void (*fn)(struct cleat_i2c *bus)) {
    opened = fn;
}

int cli_chip_open_wait(struct cli_chip *chip, const char *spec,
                       const struct cli_chip_factory *factory,
                       uint32_t wait_s) {
    open_bus *open;
    const char *rest;
    memset(chip, 0, sizeof *chip);
    int status = look_up(chip, spec, &open, &rest);
    if (status != CLI_OK || open == NULL) {
        return status;
    }
    uint64_t until_ms = cleat_port_now_ms() + (uint64_t)wait_s * 1000;
    while ((status = open(chip, rest, factory)) == CLI_BUSY &&
           cleat_port_now_ms() < until_ms) {
        cleat_port_delay_us(50000);
    }
    if (status == CLI_BUSY) {
        say_busy(spec, rest);
    }
    if (status != CLI_OK) {
        let_go(chip);
    } else if (opened != NULL) {
        opened(&chip->bus);
    }
    return status;
}

int cli_chip_open(struct cli_chip *chip, const char *spec,
                  const struct cli_chip_factory *factory) {
    return cli_chip_open_wait(chip, spec, factory, 0);
}

void cli_chip_close(struct cli_chip *chip) {
    if (chip->close_bus != NULL) {
        chip->close_bus(chip);
    }
    let_go(chip);
    cleat_wipe(&chip->shield, sizeof chip->shield); /* Live keys. */
    memset(chip, 0, sizeof *chip);
}

void cli_se_error(const char *what, const struct cleat_se_op *op) {
    char where[64] = "";
    if (op->detail.object != 0) {
        snprintf(where, sizeof where, ", object 0x%04X", op->detail.object);
    }
    cli_error("%s: %s%s", what,
              op->detail.text != NULL ? op->detail.text
                                      : cleat_strerror(op->err),
              where);
}

/* The element on an opened bus. */
static int start_element(struct cli_se *s) {
    struct cleat_detail detail = {0};
    struct cleat_se_op op;
    s->task.name = "element";
    s->task.step = cleat_se_step;
    s->task.self = &s->se;
    int err = cleat_se_init(&s->se, s->chip.driver, &s->chip.element, &s->task,
                            &detail);
    if (err != CLEAT_OK) {
        /* Not the whole address: it may hold what the driver refused. */
        cli_error("%s: %s", s->chip.driver->name,
                  detail.text != NULL ? detail.text : cleat_strerror(err));
        cli_chip_close(&s->chip);
        return CLI_UNREACHED;
    }
    if (s->chip.driver->tests_only) {
        cli_error("WARNING: the key of \"%s\" is in this process's memory. For "
                  "tests only, never for a device.",
                  s->chip.driver->name);
    }
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_OPEN;
    if (cleat_se_do(&s->se, &op, 0) != CLEAT_OK) {
        cli_se_error("the secure element cannot be opened", &op);
        if (s->chip.element.shield != NULL) {
            cli_error("is --shield the secret that `cleat chip pair` wrote "
                      "for this very chip?");
        }
        cleat_se_deinit(&s->se);
        cli_chip_close(&s->chip);
        return CLI_UNREACHED;
    }
    return CLI_OK;
}

int cli_se_open(struct cli_se *s, const char *spec,
                const struct cli_chip_factory *factory) {
    memset(s, 0, sizeof *s);
    int status = cli_chip_open(&s->chip, spec, factory);
    return status == CLI_OK ? start_element(s) : status;
}

static int shield_secret(void *arg, uint8_t *out, size_t cap) {
    size_t len = 0;
    return cli_secret_load(arg, out, cap, &len) ? (int)len : CLEAT_ERR_IO;
}

int cli_chip_shield(struct cli_chip *chip, const char *secret_file) {
    uint8_t secret[CLEAT_SE_SECRET_MAX];
    size_t len = 0;
    if (secret_file == NULL || secret_file[0] == '\0') {
        return CLI_OK;
    }
    bool ok = cli_secret_load(secret_file, secret, sizeof secret, &len);
    cleat_wipe(secret, sizeof secret);
    if (!ok) {
        return CLI_USAGE;
    }
    if ((chip->driver->can & CLEAT_SE_CAN_SHIELD) == 0) {
        cli_error("%s: this element has no shielded connection: --shield, "
                  "CHIP_SHIELD",
                  chip->driver->name);
        return CLI_REFUSED;
    }
    chip->shield.driver = &cleat_se_shield_optiga;
    chip->shield.crypto = &cleat_linux_crypto;
    chip->shield.secret = shield_secret;
    chip->shield.secret_arg = (void *)(uintptr_t)secret_file;
    chip->shield.level = CLEAT_SE_PROTECT_BOTH;
    chip->element.shield = &chip->shield;
    return CLI_OK;
}

int cli_se_open_wait(struct cli_se *s, const char *spec, uint32_t wait_s,
                     const char *secret_file, uint32_t khz) {
    memset(s, 0, sizeof *s);
    int status = cli_chip_open_wait(&s->chip, spec, NULL, wait_s);
    if (status != CLI_OK) {
        return status;
    }
    s->chip.element.bus_khz = khz;
    status = cli_chip_shield(&s->chip, secret_file);
    if (status != CLI_OK) {
        cli_chip_close(&s->chip);
        return status;
    }
    return start_element(s);
}

void cli_se_close(struct cli_se *s) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_CLOSE;
    cleat_se_do(&s->se, &op, 0);
    cleat_se_deinit(&s->se);
    cli_chip_close(&s->chip);
}
