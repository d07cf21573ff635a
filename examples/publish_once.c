/* SPDX-License-Identifier: MIT */
/*
 * The smallest whole client: open the secure element, read the certificate out
 * of it, put it into the TLS settings, connect, publish one message, leave.
 * One thread, no tasks: the caller's thread runs the element by itself.
 *
 *     publish_once CHIP-DIR CA.pem HOST PORT TOPIC MESSAGE
 *
 * CHIP-DIR holds a virtual chip (made when new). On a device, replace the bus
 * by that of your port, and nothing else.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/client.h"
#include "cleat/linux_net.h"
#include "cleat/se.h"
#include "cleat/tls.h"
#include "sim/sim.h"

/* Everything lives in static storage; the library allocates nothing. */
static struct cleat_se se;
static struct cleat_task se_task = {"element", cleat_se_step, &se, NULL};
static uint8_t certificate[1728];
static size_t certificate_len;
static struct cleat_linux_net net;
static struct cleat_tls tls;
static struct cleat_mqtt session;
static struct cleat_client client;
static uint8_t tx[4096], rx[512], io[256];
static struct cleat_mqtt_slot slots[8];

static void stop_with(const char *what, int err) {
    fprintf(stderr, "%s: %s\n", what, cleat_strerror(err));
    exit(1);
}

/* 1. The element: open it, read its certificate. */
static void open_element(struct cleat_i2c *bus) {
    struct cleat_detail detail;
    struct cleat_se_config config = {.bus = bus};
    const struct cleat_se_driver *driver =
        cleat_se_driver_find(cleat_bytes_str("optiga"));
    struct cleat_se_op op = {.type = CLEAT_SE_OPEN};
    int err = cleat_se_init(&se, driver, &config, &se_task, &detail);
    if (err == CLEAT_OK) {
        err = cleat_se_do(&se, &op, 0);
    }
    if (err == CLEAT_OK) {
        op = (struct cleat_se_op){.type = CLEAT_SE_CERTIFICATE,
                                  .object = CLEAT_SE_OBJECT_CERTIFICATE,
                                  .out = {certificate, sizeof certificate, 0}};
        err = cleat_se_do(&se, &op, 0);
        certificate_len = op.out.len;
    }
    if (err != CLEAT_OK) {
        stop_with("secure element", err);
    }
}

/* 2. TCP, and TLS on it: certificate and key are the element's. */
static struct cleat_stream *prepare_tls(const char *host, uint16_t port,
                                        struct cleat_bytes ca) {
    struct cleat_detail detail = {0};
    struct cleat_linux_net_config tcp = {.host = host, .port = port};
    int err = cleat_linux_net_init(&net, &tcp);
    struct cleat_tls_config config = {
        .lower = cleat_linux_net_stream(&net),
        .se = &se,
        .certificate = cleat_bytes_of(certificate, certificate_len),
        .ca = {ca},
        .hostname = host};
    if (err == CLEAT_OK) {
        err = cleat_tls_init(&tls, &config, &detail);
    }
    if (err != CLEAT_OK) {
        stop_with(detail.text == NULL ? "network" : detail.text, err);
    }
    return cleat_tls_stream(&tls);
}

/* 3. MQTT on that. */
static void prepare_mqtt(struct cleat_stream *stream) {
    static struct cleat_mqtt_config mqtt;
    mqtt = (struct cleat_mqtt_config){.client_id = cleat_bytes_str("once"),
                                      .clean_session = true,
                                      .tx_buf = tx,
                                      .tx_cap = sizeof tx,
                                      .slots = slots,
                                      .slot_count = 8,
                                      .rx_buf = rx,
                                      .rx_cap = sizeof rx};
    struct cleat_client_config config = {.session = &session,
                                         .stream = stream,
                                         .io_buf = io,
                                         .io_cap = sizeof io,
                                         .max_retries = 1};
    int err = cleat_mqtt_init(&session, &mqtt);
    if (err == CLEAT_OK) {
        err = cleat_client_init(&client, &config);
    }
    if (err != CLEAT_OK) {
        stop_with("MQTT", err);
    }
}

static void sleep_until(uint64_t deadline) {
    uint64_t now = cleat_port_now_ms();
    struct pollfd fd = {cleat_linux_net_fd(&net), cleat_linux_net_events(&net),
                        0};
    uint64_t wait = deadline <= now ? 0 : deadline - now;
    poll(&fd, fd.fd >= 0 ? 1 : 0, wait > 100 ? 100 : (int)wait);
}

/* 4. Pump until the message is with the broker and we have said goodbye. */
static int run(const char *topic, const char *message) {
    struct cleat_client_event e;
    int result = 1;
    cleat_client_start(&client, cleat_port_now_ms());
    for (;;) {
        uint64_t due = cleat_client_step(&client, cleat_port_now_ms());
        while (cleat_client_event(&client, &e, cleat_port_now_ms())) {
            if (e.type == CLEAT_CLIENT_UP) {
                cleat_client_publish(&client, cleat_bytes_str(topic),
                                     cleat_bytes_str(message), 1, false,
                                     cleat_port_now_ms());
            } else if (e.type == CLEAT_CLIENT_MQTT &&
                       e.mqtt.type == CLEAT_MQTT_DELIVERED) {
                result = 0;
                cleat_client_stop(&client, cleat_port_now_ms());
            } else if (e.type == CLEAT_CLIENT_GAVE_UP) {
                char why[200];
                cleat_tls_explain(&tls, why, sizeof why);
                fprintf(stderr, "%s\n", why[0] ? why : cleat_strerror(e.err));
                return 1;
            } else if (e.type == CLEAT_CLIENT_STOPPED) {
                return result;
            }
        }
        sleep_until(due);
    }
}

int main(int argc, char **argv) {
    static uint8_t ca[16384];
    char why[256];
    if (argc != 7) {
        fprintf(stderr, "usage: publish_once CHIP-DIR CA.pem HOST PORT TOPIC "
                        "MESSAGE\n");
        return 2;
    }
    FILE *f = fopen(argv[2], "rb");
    size_t ca_len = f == NULL ? 0 : fread(ca, 1, sizeof ca, f);
    if (f != NULL) {
        fclose(f);
    }
    struct cleat_sim_options options = {.dir = argv[1]};
    struct cleat_sim *chip = cleat_sim_open(&options, why, sizeof why);
    if (chip == NULL) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    struct cleat_i2c bus = *cleat_sim_bus(chip);
    open_element(&bus);
    prepare_mqtt(prepare_tls(argv[3], (uint16_t)atoi(argv[4]),
                             cleat_bytes_of(ca, ca_len)));
    int result = run(argv[5], argv[6]);
    cleat_tls_deinit(&tls);
    cleat_linux_net_deinit(&net);
    cleat_se_deinit(&se);
    cleat_sim_close(chip);
    return result;
}
