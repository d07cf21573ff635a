/* SPDX-License-Identifier: MIT */
/* The same packets, sound and mutated, to our session and to libmosquitto on a
 * loopback connection, in the same state: whether they are taken, what comes up
 * and what is answered must agree, but for the differences that are listed and
 * explained here and in docs/conformance.md. */
#define _POSIX_C_SOURCE 200809L
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleat/mqtt.h"

#define TRACES 4000
#define TRACE_MAX 128
#define TEXT_MAX 1024

/* What became of a trace. */
struct outcome {
    bool refused;
    char why[128];
    char messages[TEXT_MAX];
    char sent[TEXT_MAX]; /* hexadecimal */
};

static void add_hex(char *text, const void *data, size_t len) {
    size_t at = strlen(text);
    for (size_t i = 0; i < len && at + 3 < TEXT_MAX; i++, at += 2) {
        snprintf(text + at, 3, "%02x", ((const uint8_t *)data)[i]);
    }
}

static void add_message(struct outcome *o, struct cleat_bytes topic,
                        struct cleat_bytes payload, int qos, bool retain) {
    size_t at = strlen(o->messages);
    snprintf(o->messages + at, TEXT_MAX - at, "%d%s ", qos, retain ? "r" : "");
    add_hex(o->messages, topic.data, topic.len);
    strncat(o->messages, ":", TEXT_MAX - strlen(o->messages) - 1);
    add_hex(o->messages, payload.data, payload.len);
    strncat(o->messages, "\n", TEXT_MAX - strlen(o->messages) - 1);
}

/* --- ours ------------------------------------------------------------------
 */

static void ours_settle(struct cleat_mqtt *m, struct outcome *o) {
    struct cleat_mqtt_event e;
    for (bool any = true; any;) {
        struct cleat_bytes out = cleat_mqtt_output(m);
        add_hex(o->sent, out.data, out.len);
        cleat_mqtt_output_done(m, out.len, 0);
        any = out.len > 0;
        while (cleat_mqtt_event(m, &e, 0)) {
            any = true;
            if (e.type == CLEAT_MQTT_MESSAGE && e.qos < 2) {
                add_message(o, e.topic, e.payload, e.qos, e.retain);
            } else if (e.type == CLEAT_MQTT_FAILED) {
                o->refused = true;
                snprintf(o->why, sizeof o->why, "%s", e.detail.text);
            }
        }
    }
}

static void ours_receive(struct cleat_mqtt *m, const uint8_t *data, size_t len,
                         struct outcome *o) {
    size_t at = 0;
    while (at < len && !o->refused) {
        int n = cleat_mqtt_input(m, cleat_bytes_of(data + at, len - at), 0);
        ours_settle(m, o);
        if (n < 0) {
            return;
        }
        at += (size_t)n;
    }
}

static void ours(const uint8_t *trace, size_t len, struct outcome *o) {
    static uint8_t tx[256], rx[256];
    static struct cleat_mqtt_slot slots[8];
    static uint16_t ids[20];
    static struct cleat_mqtt_config c;
    struct cleat_mqtt m;
    struct cleat_bytes a = cleat_bytes_str("a");
    struct cleat_bytes b = cleat_bytes_str("b");
    struct cleat_mqtt_filter f = {b, 1};
    c = (struct cleat_mqtt_config){.client_id = cleat_bytes_str("c"),
                                   .tx_buf = tx,
                                   .tx_cap = sizeof tx,
                                   .rx_buf = rx,
                                   .rx_cap = sizeof rx,
                                   .slots = slots,
                                   .slot_count = 8,
                                   .qos2_ids = ids,
                                   .qos2_count = 20};
    assert_int_equal(cleat_mqtt_init(&m, &c), 0);
    assert_int_equal(cleat_mqtt_connect(&m, 0), 0);
    ours_settle(&m, o);
    ours_receive(&m, (const uint8_t *)"\x20\2\0\0", 4, o);
    assert_int_equal(cleat_mqtt_publish(&m, a, a, 1, false, 0), 1);
    assert_int_equal(cleat_mqtt_publish(&m, a, a, 2, false, 0), 2);
    assert_int_equal(cleat_mqtt_subscribe(&m, &f, 1, 0), 3);
    assert_int_equal(cleat_mqtt_unsubscribe(&m, &b, 1, 0), 4);
    ours_settle(&m, o);
    o->sent[0] = 0;
    ours_receive(&m, trace, len, o);
}

/* --- theirs ----------------------------------------------------------------
 */

static int listener;
static int port;

static void listen_on_loopback(void) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    port = ntohs(a.sin_port);
}

static void on_message(struct mosquitto *m, void *arg,
                       const struct mosquitto_message *msg) {
    (void)m;
    if (msg->qos < 2) {
        add_message(arg, cleat_bytes_str(msg->topic),
                    cleat_bytes_of(msg->payload, (size_t)msg->payloadlen),
                    msg->qos, msg->retain);
    }
}

/* Read what is there, at least `least` bytes. */
static void server_read(int fd, size_t least, char *hex) {
    uint8_t data[512];
    size_t got = 0;
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, got < least ? 2000 : 0) == 1) {
        ssize_t n = recv(fd, data, sizeof data, 0);
        if (n <= 0) {
            return;
        }
        got += (size_t)n;
        if (hex != NULL) {
            add_hex(hex, data, (size_t)n);
        }
    }
}

static int theirs_read(struct mosquitto *m) {
    int rc = MOSQ_ERR_SUCCESS;
    for (int i = 0; i < 12 && rc == MOSQ_ERR_SUCCESS; i++) {
        struct pollfd p = {mosquitto_socket(m), POLLIN, 0};
        if (p.fd < 0 || poll(&p, 1, 2000) != 1) {
            return MOSQ_ERR_CONN_LOST;
        }
        rc = mosquitto_loop_read(m, 1);
    }
    return rc;
}

static void theirs(const uint8_t *trace, size_t len, struct outcome *o) {
    struct mosquitto *m = mosquitto_new("c", false, o);
    struct linger hard = {1, 0};
    assert_non_null(m);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    assert_int_equal(mosquitto_connect(m, "127.0.0.1", port, 60), 0);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    server_read(fd, 15, NULL);
    assert_int_equal(send(fd, "\x20\2\0\0", 4, 0), 4);
    struct pollfd p = {mosquitto_socket(m), POLLIN, 0};
    assert_int_equal(poll(&p, 1, 2000), 1);
    assert_int_equal(mosquitto_loop_read(m, 1), 0);
    assert_int_equal(mosquitto_publish(m, NULL, "a", 1, "a", 1, false), 0);
    assert_int_equal(mosquitto_publish(m, NULL, "a", 1, "a", 2, false), 0);
    assert_int_equal(mosquitto_subscribe(m, NULL, "b", 1), 0);
    assert_int_equal(mosquitto_unsubscribe(m, NULL, "b"), 0);
    server_read(fd, 31, NULL);
    assert_int_equal(send(fd, trace, len, MSG_NOSIGNAL), (ssize_t)len);
    shutdown(fd, SHUT_WR);
    int rc = theirs_read(m);
    /* An end within a packet is an errno to it, and that is 0. */
    o->refused = rc != MOSQ_ERR_CONN_LOST && rc != MOSQ_ERR_ERRNO;
    snprintf(o->why, sizeof o->why, "%s", mosquitto_strerror(rc));
    server_read(fd, 0, o->sent);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    mosquitto_destroy(m);
}

/* --- traces ----------------------------------------------------------------
 */

static uint64_t rng_state;

static uint32_t rng(void) {
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 24);
}

static const struct {
    const char *bytes;
    size_t len;
} sound[] = {
    {"\x30\5\0\1axy", 7},
    {"\x31\3\0\1b", 5},
    {"\x32\7\0\2\xC3\xA9\0\1x", 9},
    {"\x34\7\0\3q/r\0\1", 9},
    {"\x34\6\0\1q\0\2y", 8},
    {"\x3C\6\0\1q\0\2y", 8},
    {"\x32\5\0\1z\0\7", 7},
    {"\x40\2\0\1", 4},
    {"\x50\2\0\2", 4},
    {"\x70\2\0\2", 4},
    {"\x62\2\0\1", 4},
    {"\x62\2\0\2", 4},
    {"\x90\3\0\3\1", 5},
    {"\x90\3\0\3\x80", 5},
    {"\xB0\2\0\4", 4},
};

static size_t make(uint8_t *trace, bool mutate) {
    size_t len = 0;
    for (uint32_t n = 1 + rng() % 3; n > 0; n--) {
        size_t i = rng() % (sizeof sound / sizeof sound[0]);
        memcpy(trace + len, sound[i].bytes, sound[i].len);
        len += sound[i].len;
    }
    if (!mutate) {
        return len;
    }
    static const uint8_t special[] = {0,    1,    2,    3,    4,    '#',
                                      '+',  0x7F, 0x80, 0xFF, 0xC0, 0xED,
                                      0x30, 0x36, 0x40, 0x62, 0x90, 0xD0};
    size_t at = rng() % len;
    switch (rng() % 4) {
    case 0:
        trace[at] = (uint8_t)(trace[at] ^ (1u << (rng() % 8)));
        break;
    case 1:
        trace[at] = special[rng() % sizeof special];
        break;
    case 2:
        memmove(trace + at + 1, trace + at, len - at);
        trace[at] = special[rng() % sizeof special];
        len++;
        break;
    default:
        len = at + 1;
        break;
    }
    return len;
}

/* --- differences -----------------------------------------------------------
 */

/* What we refuse and they take, by our words for it, and, last, the reverse by
 * theirs. docs/conformance.md explains each. */
static struct known {
    const char *what;
    bool they_refuse;
    unsigned count;
} known[] = {
    {"reserved packet type", false, 0},
    {"packet type that only clients send", false, 0},
    {"reserved flag bits set wrongly", false, 0},
    {"remaining length does not fit the packet type", false, 0},
    {"remaining length is longer than needed", false, 0},
    {"remaining length has more than four bytes", false, 0},
    {"publish with qos 3", false, 0},
    {"publish with dup at qos 0", false, 0},
    {"publish topic with wildcard, nul or ill-formed utf-8", false, 0},
    {"acknowledgement of the wrong type for this packet", false, 0},
    {"suback for no subscribe", false, 0},
    {"unsuback for no unsubscribe", false, 0},
    {"suback with a reserved return code", false, 0},
    {"suback with a wrong number of codes", false, 0},
    {"pingresp without pingreq", false, 0},
    {"Malformed UTF-8", true, 0},
};

#define KNOWN (sizeof known / sizeof known[0])

static void tell(const uint8_t *trace, size_t len, const struct outcome *a,
                 const struct outcome *b) {
    char hex[TEXT_MAX] = "";
    add_hex(hex, trace, len);
    fail_msg("%s\n ours   %s%s [%s] [%s]\n theirs %s%s [%s] [%s]\n", hex,
             a->refused ? "refused: " : "taken", a->why, a->messages, a->sent,
             b->refused ? "refused: " : "taken: ", b->why, b->messages,
             b->sent);
}

static bool explained(const struct outcome *a, const struct outcome *b) {
    if (a->refused == b->refused) {
        return false; /* Both took it: all must be the same. */
    }
    for (size_t i = 0; i < KNOWN; i++) {
        const char *why = b->refused ? b->why : a->why;
        if (known[i].they_refuse == b->refused &&
            strncmp(why, known[i].what, strlen(known[i].what)) == 0) {
            known[i].count++;
            return true;
        }
    }
    return false;
}

static unsigned both_took, both_refused;

static void compare(const uint8_t *trace, size_t len) {
    static struct outcome a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    ours(trace, len, &a);
    theirs(trace, len, &b);
    if (a.refused && b.refused) {
        both_refused++;
    } else if (!a.refused && !b.refused &&
               strcmp(a.messages, b.messages) == 0 &&
               strcmp(a.sent, b.sent) == 0) {
        both_took++;
    } else if (!explained(&a, &b)) {
        tell(trace, len, &a, &b);
    }
}

static void sound_and_mutated_packets_mean_the_same(void **state) {
    (void)state;
    uint8_t trace[TRACE_MAX];
    mosquitto_lib_init();
    listen_on_loopback();
    rng_state = 0x9E3779B97F4A7C15u;
    for (unsigned i = 0; i < TRACES; i++) {
        size_t len = make(trace, i % 4 != 0);
        compare(trace, len);
    }
    close(listener);
    mosquitto_lib_cleanup();
    printf("%u traces: both took %u, with the same messages and answers, both "
           "refused %u\n",
           TRACES, both_took, both_refused);
    for (size_t i = 0; i < KNOWN; i++) {
        printf("%6u %s: %s\n", known[i].count,
               known[i].they_refuse ? "they refuse" : "we refuse",
               known[i].what);
    }
    assert_true(both_took > TRACES / 4 && both_refused > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_and_mutated_packets_mean_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
