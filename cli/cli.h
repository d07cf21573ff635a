/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of `cleat` share: the table they join, settings with
 * their origin, the secure element behind --chip, and exit statuses.
 */
#ifndef CLEAT_CLI_H
#define CLEAT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cleat/bytes.h"
#include "cleat/linux_i2c.h"
#include "cleat/se.h"
#include "cleat/settings.h"
#include "cleat/shield.h"
#include "lines.h"

/** Exit statuses; those of a device are in enum cleat_device_status. From
 *  CLI_UNREACHED on they are those of commands that work on an element. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,     /**< Wrong call or setting. */
    CLI_UNREACHED = 3, /**< The element does not answer or cannot be opened. */
    CLI_REFUSED = 4,   /**< The element refused, or cannot do it. */
    CLI_NO_OBJECT = 5, /**< It has no such object. */
    CLI_CONFIRM = 6,   /**< The safety catch: not confirmed, nothing done. */
    CLI_MISMATCH = 7,  /**< Signature, certificate or key does not match. */
    CLI_BUSY = 8       /**< Another process has the element. */
};

/** One subcommand: cli/cmd_NAME.c defines `cli_command_NAME`; the build finds
 *  the file and adds it to cli_commands[]. */
struct cli_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /**< argv[0] is the name. */
};
extern const struct cli_command *const cli_commands[];

/* ---- config.c: settings and where each came from ---- */

#define CLI_SETTINGS_MAX 64

struct cli_config {
    struct cleat_settings settings;
    char origin[CLI_SETTINGS_MAX][48]; /**< "default", "cleat.conf:3"... */
    char **owned;
    size_t owned_count;
    uint8_t *root_ca;
    size_t root_ca_len;
};

/** Options that every command with settings takes. */
struct cli_options {
    const char *file; /**< --config; NULL: CLEAT_CONFIG, else ./cleat.conf. */
    const char *set[64]; /**< --set NAME=VALUE, in order. */
    size_t set_count;
    const char *profile; /**< --profile; NULL: by the broker's address. */
};

/** Fill in the defaults. */
void cli_config_init(struct cli_config *c);
/** Take the lines of an open settings file; path is for messages. Prints
 *  errors. @return CLI_OK or CLI_USAGE. */
int cli_config_read(struct cli_config *c, FILE *file, const char *path);
/** Load defaults, file, environment, --set, in this order, and check each.
 *  Prints errors. @return CLI_OK or CLI_USAGE. */
int cli_config_load(struct cli_config *c, const struct cli_options *options);
/** Set one by name, as from `origin`. Prints errors. @return as load. */
int cli_config_set(struct cli_config *c, const char *name, const char *value,
                   const char *origin);
/** Read ROOT_CA_CERTIFICATE: its file, or the text itself. Prints errors.
 *  @return CLI_OK (empty view if not set) or CLI_USAGE. */
int cli_config_root_ca(struct cli_config *c, struct cleat_bytes *out);
void cli_config_free(struct cli_config *c);

/** Read a whole file, at most `max` bytes; adds a NUL that does not count.
 *  @return NULL with a sentence in why. */
uint8_t *cli_read_file(const char *path, size_t max, size_t *len, char *why,
                       size_t why_cap);

/* ---- chip.c: the secure element behind --chip ---- */

struct cli_chip {
    const struct cleat_se_driver *driver;
    struct cleat_se_config element;
    struct cleat_i2c bus;
    void (*close_bus)(struct cli_chip *chip);
    void *handle; /**< The virtual chip. */
    int lock;     /**< Descriptor that holds the lock, and 1; 0: none. */
    struct cleat_linux_i2c_unix socket;
    struct cli_lines lines; /**< Beside a bus of the kernel. */
    struct cleat_se_shield shield;
};

/** Virtual chip options: who signs the certificate of a new sim:DIR. */
struct cli_chip_factory {
    const char *ca_cert; /**< PEM files; NULL: a CA of its own. */
    const char *ca_key;
    const char *common_name; /**< NULL: from the UID. */
};

/**
 * Open the bus of sim:DIR, unix:PATH, i2c:DEVICE[,reset=LINE][,power=LINE], or
 * name the driver of soft:KEY,CERT. Nothing is sent to the chip yet.
 * @return CLI_OK, CLI_USAGE (not such a name), CLI_UNREACHED or CLI_BUSY;
 *         prints errors.
 */
int cli_chip_open(struct cli_chip *chip, const char *spec,
                  const struct cli_chip_factory *factory);
/** The same, waiting up to wait_s seconds for another process to let go.
 *  @return CLI_BUSY if it does not. */
int cli_chip_open_wait(struct cli_chip *chip, const char *spec,
                       const struct cli_chip_factory *factory, uint32_t wait_s);
/** Call fn with each bus that is opened from now on, before its first use. */
void cli_chip_on_open(void (*fn)(struct cleat_i2c *bus));
/** @return CLI_OK or CLI_USAGE: the name's form alone; opens nothing. */
int cli_chip_check(const char *spec);
/** What is opened on it goes over a shielded connection, with the binding
 *  secret (in hex) of secret_file, which is read once in each handshake and
 *  whose name must stay; NULL or "": in the clear. Prints errors.
 *  @return CLI_OK, CLI_USAGE (the file), CLI_REFUSED (no such connection). */
int cli_chip_shield(struct cli_chip *chip, const char *secret_file);
/** Close the bus; wipe the keys of a shielded connection. */
void cli_chip_close(struct cli_chip *chip);

/** Bus clocks that --i2c-speed takes, kHz. */
#define CLI_KHZ_MIN 10
#define CLI_KHZ_MAX 1000

/** An opened chip for commands without tasks: the caller's thread runs it. */
struct cli_se {
    struct cli_chip chip;
    struct cleat_task task;
    struct cleat_se se;
};
/** Open spec and the application on it. Prints errors. @return CLI_... */
int cli_se_open(struct cli_se *s, const char *spec,
                const struct cli_chip_factory *factory);
/** The same, waiting up to wait_s seconds for another process to let go,
 *  shielded as cli_chip_shield() does it, and with this bus clock if the bus
 *  and the chip can do it; 0: 400 kHz. */
int cli_se_open_wait(struct cli_se *s, const char *spec, uint32_t wait_s,
                     const char *secret_file, uint32_t khz);
void cli_se_close(struct cli_se *s);
/** Print "cleat: what: words, object, code" for a failed operation. */
void cli_se_error(const char *what, const struct cleat_se_op *op);

/* ---- log.c: what --verbose and --trace show ---- */

/** Send log lines up to this level to standard error; -1: none. */
void cli_log_install(int level);
/** Show bytes at seams: "mqtt,tls,net,i2c" or "all". @return false: unknown. */
bool cli_trace_install(const char *seams);

/** Errors go to `out` (cut to cap) instead of standard error; NULL ends that.
 *  For a caller that says them in its own place. */
void cli_error_hold(char *out, size_t cap);
/** @return what cli_error() has printed so far, its lines joined and cut. */
const char *cli_error_said(void);
/** Print "cleat: ..." to standard error. */
void cli_error(const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

#endif
