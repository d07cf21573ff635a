/* SPDX-License-Identifier: MIT */
/*
 * Ten lines to connect, on Linux: publish one message at QoS 1 and wait until
 * the broker has it.
 *
 *     ten_lines HOST PORT TOPIC MESSAGE
 */
#include <stdlib.h>

#include "cleat/linux_client.h"

static struct cleat_linux_client client;

static void on_event(void *arg, const struct cleat_client_event *e) {
    (void)arg;
    if (e->type == CLEAT_CLIENT_MQTT && e->mqtt.type == CLEAT_MQTT_DELIVERED) {
        cleat_linux_client_stop(&client);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) {
        return 2;
    }
    struct cleat_linux_client_config config = {.host = argv[1],
                                               .port = (uint16_t)atoi(argv[2]),
                                               .mqtt = {.clean_session = true},
                                               .client = {.max_retries = 1},
                                               .on_event = on_event};
    if (cleat_linux_client_init(&client, &config) != CLEAT_OK ||
        cleat_linux_client_submit(&client, cleat_bytes_str(argv[3]),
                                  cleat_bytes_str(argv[4]), 1,
                                  false) != CLEAT_OK) {
        return 1;
    }
    int err = cleat_linux_client_run(&client);
    cleat_linux_client_deinit(&client);
    return err == CLEAT_OK ? 0 : 1;
}
