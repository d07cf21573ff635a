/* SPDX-License-Identifier: MIT */
/*
 * The client for Linux programs, submitting and flushing from another thread
 * than the one that runs it, against a broker of a few lines on loopback.
 */
#define _DEFAULT_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleat/linux_client.h"
#include "cleat/mqtt5.h"

/* Packets are short here: one byte of length is enough. */
static bool take_packet(int fd, uint8_t *packet) {
    size_t have = 0;
    size_t need = 2;
    while (have < need) {
        ssize_t n = recv(fd, packet + have, need - have, 0);
        if (n <= 0) {
            return false;
        }
        have += (size_t)n;
        need = have >= 2 ? 2u + (packet[1] & 0x7Fu) : 2;
    }
    return true;
}

/* Packets of 64 bytes at most; each message of QoS 1 is acknowledged. */
static void *broker(void *arg) {
    static const uint8_t connack[] = {0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 64};
    uint8_t packet[200];
    int listener = *(int *)arg;
    int fd = accept(listener, NULL, NULL);
    bool more = take_packet(fd, packet) &&
                send(fd, connack, sizeof connack, 0) == sizeof connack;
    while (more && take_packet(fd, packet)) {
        const size_t id = 4u + packet[3];
        const uint8_t puback[] = {0x40, 2, packet[id], packet[id + 1]};
        if (packet[0] >> 4 == 3) {
            more = send(fd, puback, sizeof puback, 0) == sizeof puback;
        }
    }
    close(fd);
    return NULL;
}

static void *run(void *client) {
    (void)cleat_linux_client_run(client);
    return NULL;
}

static int submit(struct cleat_linux_client *c, size_t len) {
    static const uint8_t payload[200];
    return cleat_linux_client_submit(c, cleat_bytes_str("t"),
                                     cleat_bytes_of(payload, len), 1, false);
}

static void a_message_the_broker_does_not_take_is_told_by_flush(void **state) {
    static struct cleat_linux_client client; /* large */
    struct cleat_linux_client_config c = {.host = "127.0.0.1"};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    pthread_t threads[2];
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    c.port = ntohs(at.sin_port);
    c.mqtt.client_id = cleat_bytes_str("test");
    c.mqtt.clean_session = true;
    c.mqtt.v5 = &cleat_mqtt_v5;
    assert_int_equal(cleat_linux_client_init(&client, &c), CLEAT_OK);
    pthread_create(&threads[0], NULL, broker, &listener);
    pthread_create(&threads[1], NULL, run, &client);
    assert_int_equal(submit(&client, 20), CLEAT_OK);
    assert_int_equal(submit(&client, 100), CLEAT_OK); /* fits our buffer */
    assert_int_equal(submit(&client, 30), CLEAT_OK);
    assert_int_equal(cleat_linux_client_flush(&client, 20000), CLEAT_ERR_SIZE);
    assert_int_equal(submit(&client, 20), CLEAT_OK);
    assert_int_equal(cleat_linux_client_flush(&client, 20000), CLEAT_OK);
    cleat_linux_client_stop(&client);
    pthread_join(threads[1], NULL);
    pthread_join(threads[0], NULL);
    cleat_linux_client_deinit(&client);
    close(listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_the_broker_does_not_take_is_told_by_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
