/* SPDX-License-Identifier: MIT */
/* Builds one device from settings: chip, link, TCP, board, then the tasks. */
#include "unit.h"

#include <string.h>

#include "cleat/linux_random.h"

static void describe(struct cli_unit *u, const struct cleat_bytes *root_ca,
                     struct cleat_platform *p) {
    memset(p, 0, sizeof *p);
    p->board = &u->board.board;
    p->link = &u->link.link;
    p->net = cleat_linux_net_stream(&u->net);
    p->driver = u->chip.driver;
    p->element = u->chip.element;
    p->root_ca = *root_ca;
    p->crl = cleat_bytes_of(u->files.crl, u->files.crl_len);
    p->tls_session = &u->files.session;
    p->store = cli_device_store(&u->store);
    p->random = cleat_linux_random;
    p->supervisor = cleat_port_current();
}

static int open_net(struct cli_unit *u) {
    struct cleat_linux_net_config n;
    const struct cleat_settings *s = &u->config.settings;
    memset(&n, 0, sizeof n);
    /* Without a broker the device still shows its certificate, then says what
     * is missing; the stream is never opened. */
    n.host = s->mqtt_broker_address[0] == '\0' ? "unset.invalid"
                                               : s->mqtt_broker_address;
    n.port = (uint16_t)s->mqtt_port;
    n.connect_timeout_ms = s->mqtt_timeout_ms;
    n.resolve_timeout_ms = s->mqtt_timeout_ms;
    n.task = &u->device.client_task;
    return cleat_linux_net_init(&u->net, &n) == CLEAT_OK ? CLI_OK : CLI_USAGE;
}

static int open_chip(struct cli_unit *u,
                     const struct cli_chip_factory *factory) {
    const struct cleat_settings *s = &u->config.settings;
    int status = cli_chip_open(&u->chip, s->chip, factory);
    if (status == CLI_OK) {
        u->chip.element.bus_khz = s->chip_i2c_khz;
        status = cli_chip_shield(&u->chip, s->chip_shield);
        if (status != CLI_OK) {
            cli_chip_close(&u->chip);
        }
    }
    return status == CLI_OK || status == CLI_USAGE ? status
                                                   : (int)CLEAT_DEVICE_CHIP;
}

int cli_unit_start(struct cli_unit *u, unsigned number,
                   const struct cli_chip_factory *factory) {
    char prefix[16] = "";
    char why[512];
    struct cleat_bytes root_ca;
    struct cleat_platform platform;
    if (number > 0) {
        snprintf(prefix, sizeof prefix, "kit%u: ", number % 1000);
    }
    if (cleat_settings_check(&u->config.settings, why, sizeof why) != 0) {
        cli_error("%s", why);
        return CLI_USAGE;
    }
    int status = cli_config_root_ca(&u->config, &root_ca);
    if (status == CLI_OK) {
        status = cli_tls_files_open(&u->files, &u->config.settings);
    }
    if (status == CLI_OK) {
        status = cli_device_store_open(&u->store, &u->config.settings);
    }
    if (status == CLI_OK) {
        status = open_chip(u, factory);
    }
    if (status != CLI_OK) {
        return status;
    }
    cleat_board_host_init(&u->board, prefix, cleat_port_current());
    cleat_linux_link_init(&u->link, u->config.settings.link_interface);
    if (open_net(u) != CLI_OK) {
        cli_error("MQTT_BROKER_ADDRESS: too long");
        cli_chip_close(&u->chip);
        return CLI_USAGE;
    }
    describe(u, &root_ca, &platform);
    if (cleat_device_init(&u->device, &u->config.settings, &platform, why,
                          sizeof why) != CLEAT_OK ||
        cleat_device_start(&u->device) != CLEAT_OK) {
        cli_error("%s", why);
        cleat_linux_net_deinit(&u->net);
        cli_chip_close(&u->chip);
        return CLI_USAGE;
    }
    u->running = true;
    return CLI_OK;
}

int cli_unit_end(struct cli_unit *u) {
    int status = CLEAT_DEVICE_OK;
    if (u->running) {
        (void)cleat_device_ended(&u->device, &status);
        cleat_device_deinit(&u->device);
        cleat_linux_net_deinit(&u->net);
        cli_chip_close(&u->chip);
        u->running = false;
    }
    cli_device_store_close(&u->store);
    cli_tls_files_close(&u->files);
    cli_config_free(&u->config);
    return status;
}
