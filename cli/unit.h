/* SPDX-License-Identifier: MIT */
/* One device with everything it runs on here, and a console over several. */
#ifndef CLEAT_CLI_UNIT_H
#define CLEAT_CLI_UNIT_H

#include "boards/host.h"
#include "cleat/device.h"
#include "cleat/linux_link.h"
#include "cleat/linux_net.h"
#include "cli.h"
#include "device_store.h"
#include "tls_files.h"

/** One device. Several of them are kits; a single one has no prefix. */
struct cli_unit {
    struct cli_config config;
    struct cli_chip chip;
    struct cleat_board_host board;
    struct cleat_linux_link link;
    struct cleat_linux_net net;
    struct cli_tls_files files;
    struct cli_device_store store;
    struct cleat_device device;
    bool running; /**< cleat_device_init succeeded. */
};

/** Build it from its loaded config and start it. Prints errors.
 *  @param number  0: no prefix; else "kitN: ". @return CLI_... */
int cli_unit_start(struct cli_unit *u, unsigned number,
                   const struct cli_chip_factory *factory);
/** Take it down. @return its enum cleat_device_status. */
int cli_unit_end(struct cli_unit *u);

/** What the console commands act on. */
struct cli_console {
    struct cli_unit *units;
    size_t count;
    /** Start (true) or stop the local broker; NULL: there is none.
     *  @return false if that failed (told already). */
    bool (*broker)(void *arg, bool start);
    void *arg;
    bool broker_runs;
    bool no_input; /**< Leave standard input alone; a signal ends it. */
};

/** Read keys (terminal) or lines (otherwise) from standard input until quit,
 *  end of input, a signal, or the end of all units. @return exit status. */
int cli_console_run(struct cli_console *console);

#endif
