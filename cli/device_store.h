/* SPDX-License-Identifier: MIT */
/* What MQTT_STORE names: a device's messages in a file. */
#ifndef CLEAT_CLI_DEVICE_STORE_H
#define CLEAT_CLI_DEVICE_STORE_H

#include "cleat/device.h"
#include "cleat/keeper.h"
#include "cleat/linux_store.h"

/** Zero it, then open. The fields are private. */
struct cli_device_store {
    bool is_open;
    struct cleat_linux_store file;
    struct cleat_keeper keeper;
    struct cleat_device_store device;
    uint8_t *packet;
};

/** Open it if the settings name one. Prints errors. @return CLI_OK or
 *  CLI_USAGE. */
int cli_device_store_open(struct cli_device_store *s,
                          const struct cleat_settings *settings);
/** @return it for the device's platform; NULL: none. */
const struct cleat_device_store *
cli_device_store(const struct cli_device_store *s);
/** After the device. */
void cli_device_store_close(struct cli_device_store *s);

#endif
