/* SPDX-License-Identifier: MIT */
/*
 * A handler for each topic filter: one table says what is subscribed to and who
 * gets it. Ends after the message "stop" to the filter lamps/+/set.
 *
 *     routes HOST PORT
 */
#include <stdio.h>
#include <stdlib.h>

#include "cleat/linux_client.h"
#include "cleat/mqtt5.h"

static struct cleat_linux_client client;

static void show(void *user, const struct cleat_mqtt_event *m) {
    printf("%s %.*s %.*s\n", (const char *)user, (int)m->topic.len,
           (const char *)m->topic.data, (int)m->payload.len,
           (const char *)m->payload.data);
    fflush(stdout);
}

static void lamp(void *user, const struct cleat_mqtt_event *m) {
    show(user, m);
    if (cleat_bytes_equal(m->payload, cleat_bytes_str("stop"))) {
        cleat_linux_client_stop(&client);
    }
}

#define FILTER(text)                                                           \
    { (const uint8_t *)(text), sizeof(text) - 1 }

/* The third one is no subscription: the second one brings its messages. */
static const struct cleat_mqtt_route routes[] = {
    {.filter = FILTER("lamps/+/set"),
     .qos = 1,
     .subscription_id = 1,
     .handler = lamp,
     .user = "lamp"},
    {.filter = FILTER("lamps/#"),
     .qos = 1,
     .subscription_id = 2,
     .handler = show,
     .user = "log"},
    {.filter = FILTER("lamps/all/#"),
     .local = true,
     .subscription_id = 2,
     .handler = show,
     .user = "all"},
    {.filter = FILTER("$share/workers/jobs"),
     .qos = 1,
     .subscription_id = 3,
     .handler = show,
     .user = "job"},
};
#define ROUTES (sizeof routes / sizeof routes[0])

static const struct cleat_mqtt_dispatch table = {.routes = routes,
                                                 .count = ROUTES};

static void on_event(void *arg, const struct cleat_client_event *e) {
    (void)arg;
    if (e->type == CLEAT_CLIENT_UP) {
        fputs("up\n", stderr);
    }
}

int main(int argc, char **argv) {
    static struct cleat_client_sub subs[ROUTES];
    if (argc != 3) {
        fputs("usage: routes HOST PORT\n", stderr);
        return 2;
    }
    struct cleat_linux_client_config config = {
        .host = argv[1],
        .port = (uint16_t)atoi(argv[2]),
        .mqtt = {.clean_session = true, .v5 = &cleat_mqtt_v5},
        .client = {.subs = subs, .sub_count = ROUTES, .backoff_base_ms = 100},
        .dispatch = &table,
        .on_event = on_event};
    if (cleat_linux_client_init(&client, &config) != CLEAT_OK) {
        return 1;
    }
    int err = cleat_linux_client_run(&client);
    cleat_linux_client_deinit(&client);
    return err == CLEAT_OK ? 0 : 1;
}
