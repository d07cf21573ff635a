/* SPDX-License-Identifier: MIT */
/*
 * In a program that has a loop of its own: one descriptor of the client's
 * beside those that are there already, standard input here. Lines typed are
 * published, messages are printed; end of input says goodbye.
 *
 *     own_loop HOST PORT TOPIC
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleat/linux_client.h"

static struct cleat_linux_client client;
static const char *topic;

static void on_message(void *arg, const struct cleat_mqtt_event *m) {
    (void)arg;
    fwrite(m->payload.data, 1, m->payload.len, stdout);
    if (m->last) {
        putchar('\n');
        fflush(stdout);
    }
}

static void on_event(void *arg, const struct cleat_client_event *e) {
    (void)arg;
    if (e->type == CLEAT_CLIENT_UP) {
        fputs("up\n", stderr);
    } else if (e->type == CLEAT_CLIENT_DOWN) {
        fprintf(stderr, "down: %s\n",
                e->detail.text != NULL ? e->detail.text
                                       : cleat_strerror(e->err));
    }
}

/** @return false at the end of input. */
static bool typed(void) {
    char line[256];
    ssize_t n = read(0, line, sizeof line);
    if (n <= 0) {
        return false;
    }
    size_t len = strcspn(line, "\n");
    len = len < (size_t)n ? len : (size_t)n;
    return cleat_linux_client_submit(&client, cleat_bytes_str(topic),
                                     cleat_bytes_of((const uint8_t *)line, len),
                                     1, false) == CLEAT_OK;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fputs("usage: own_loop HOST PORT TOPIC\n", stderr);
        return 2;
    }
    topic = argv[3];
    struct cleat_client_sub sub = {.filter = cleat_bytes_str(topic), .qos = 1};
    struct cleat_linux_client_config config = {
        .host = argv[1],
        .port = (uint16_t)atoi(argv[2]),
        .mqtt = {.client_id = cleat_bytes_str("own-loop"),
                 .queue_offline = true},
        .client = {.subs = &sub, .sub_count = 1, .backoff_base_ms = 100},
        .on_message = on_message,
        .on_event = on_event};
    int err = cleat_linux_client_init(&client, &config);
    if (err != CLEAT_OK) {
        fprintf(stderr, "%s\n", cleat_strerror(err));
        return 1;
    }
    struct pollfd fds[2] = {{cleat_linux_client_fd(&client), POLLIN, 0},
                            {0, POLLIN, 0}};
    while ((err = cleat_linux_client_step(&client)) == CLEAT_ERR_AGAIN) {
        poll(fds, 2, -1);
        if (fds[1].revents != 0 && !typed()) {
            cleat_linux_client_stop(&client);
            fds[1].fd = -1;
        }
    }
    cleat_linux_client_deinit(&client);
    return err == CLEAT_OK ? 0 : 1;
}
