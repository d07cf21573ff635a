/* SPDX-License-Identifier: MIT */
/*
 * MQTT_STORE: the keeper (cleat/keeper.h) over a file, as a device's platform
 * wants it. A kill or a power cut then takes no press that was published.
 */
#include "device_store.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

static int restore(void *self, struct cleat_mqtt *session) {
    struct cli_device_store *s = self;
    return cleat_keeper_restore(&s->keeper, session);
}

static int publish(void *self, const struct cleat_mqtt_message *message,
                   uint64_t now_ms) {
    struct cli_device_store *s = self;
    return cleat_keeper_publish(&s->keeper, message, now_ms);
}

static int feed(void *self) {
    struct cli_device_store *s = self;
    return cleat_keeper_feed(&s->keeper);
}

static const char *why_not(int err, const struct cleat_detail *detail) {
    switch (err) {
    case CLEAT_ERR_STATE:
        return "in use by another process";
    case CLEAT_ERR_VERIFY:
        return "it is no store of cleat";
    default:
        return detail->text != NULL ? detail->text : cleat_strerror(err);
    }
}

/* Any message of the device fits: the session refuses longer ones. */
static int open_keeper(struct cli_device_store *s, size_t packet_max) {
    struct cleat_keeper_config k = {.store = &s->file.store};
    k.cap = packet_max + 1;
    k.buf = s->packet = malloc(k.cap);
    return s->packet == NULL ? CLEAT_ERR_FULL
                             : cleat_keeper_init(&s->keeper, &k);
}

int cli_device_store_open(struct cli_device_store *s,
                          const struct cleat_settings *settings) {
    const char *path = settings->mqtt_store;
    struct cleat_linux_store_config c = {.path = path};
    struct cleat_store_found found = {0};
    struct cleat_detail detail = {0};
    memset(s, 0, sizeof *s);
    if (path[0] == '\0') {
        return CLI_OK;
    }
    int err = cleat_linux_store_open(&s->file, &c, &found, &detail);
    s->is_open = err == CLEAT_OK;
    if (err == CLEAT_OK) {
        err = open_keeper(s, settings->mqtt_send_buffer_size);
    }
    if (err != CLEAT_OK) {
        cli_error("MQTT_STORE: %s: %s", path, why_not(err, &detail));
        cli_device_store_close(s);
        return CLI_USAGE;
    }
    if (found.damaged > 0) {
        cli_error("MQTT_STORE: %s: damaged records, left out: %lu; messages "
                  "may be lost",
                  path, (unsigned long)found.damaged);
    }
    s->device = (struct cleat_device_store){
        .self = s,
        .journal = cleat_keeper_journal(&s->keeper),
        .first_id = cleat_keeper_first_id(&s->keeper),
        .restore = restore,
        .publish = publish,
        .feed = feed,
    };
    return CLI_OK;
}

const struct cleat_device_store *
cli_device_store(const struct cli_device_store *s) {
    return s->is_open ? &s->device : NULL;
}

void cli_device_store_close(struct cli_device_store *s) {
    if (s->is_open) {
        cleat_linux_store_close(&s->file);
        s->is_open = false;
    }
    free(s->packet);
    s->packet = NULL;
}
