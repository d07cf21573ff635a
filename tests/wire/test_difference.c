/* SPDX-License-Identifier: MIT */
/* The same packets, sound and mutated, to our session and to libmosquitto on a
 * loopback connection, in the same state: whether they are taken, what comes up
 * and what is answered must agree, but for the differences that are listed and
 * explained here and in docs/conformance.md. */
#define _DEFAULT_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleat/mqtt5.h"
#include "traces.h"

#define TRACES 4000
#define TEXT_MAX 1024

/* What became of a trace. */
struct outcome {
    bool refused;
    bool closed; /* by a DISCONNECT */
    char why[128];
    char messages[TEXT_MAX];
    char sent[TEXT_MAX]; /* hexadecimal */
};

/* MQTT 5? */
static bool five;

static void add_hex(char *text, const void *data, size_t len) {
    size_t at = strlen(text);
    for (size_t i = 0; i < len && at + 3 < TEXT_MAX; i++, at += 2) {
        snprintf(text + at, 3, "%02x", ((const uint8_t *)data)[i]);
    }
}

/* props: as they were received. */
static void add_message(struct outcome *o, struct cleat_bytes topic,
                        struct cleat_bytes payload, int qos, bool retain,
                        const char *props) {
    size_t at = strlen(o->messages);
    snprintf(o->messages + at, TEXT_MAX - at, "%d%s ", qos, retain ? "r" : "");
    add_hex(o->messages, topic.data, topic.len);
    strncat(o->messages, ":", TEXT_MAX - strlen(o->messages) - 1);
    add_hex(o->messages, payload.data, payload.len);
    strncat(o->messages, props, TEXT_MAX - strlen(o->messages) - 1);
    strncat(o->messages, "\n", TEXT_MAX - strlen(o->messages) - 1);
}

/* --- ours ------------------------------------------------------------------
 */

static void add_prop(char *text, uint32_t id, uint32_t number, const void *one,
                     size_t one_len, const void *two, size_t two_len) {
    size_t at = strlen(text);
    snprintf(text + at, TEXT_MAX - at, " %u=%u", (unsigned)id,
             (unsigned)number);
    add_hex(text, one, one_len);
    strncat(text, ",", TEXT_MAX - strlen(text) - 1);
    add_hex(text, two, two_len);
}

static const char *ours_props(struct cleat_bytes props) {
    static char text[TEXT_MAX];
    struct cleat_mqtt_property p;
    text[0] = 0;
    while (cleat_mqtt_property_next(&props, &p)) {
        add_prop(text, p.id, p.number, p.text.data, p.text.len, p.value.data,
                 p.value.len);
    }
    return text;
}

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
                add_message(o, e.topic, e.payload, e.qos, e.retain,
                            ours_props(e.props));
            } else if (e.type == CLEAT_MQTT_FAILED &&
                       e.err == CLEAT_ERR_CLOSED) {
                o->closed = true; /* It has said so. */
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
    while (at < len && !o->refused && !o->closed) {
        int n = cleat_mqtt_input(m, cleat_bytes_of(data + at, len - at), 0);
        ours_settle(m, o);
        if (n < 0) {
            return;
        }
        at += (size_t)n;
    }
}

static const uint8_t *connack(void) {
    return (const uint8_t *)(five ? "\x20\3\0\0\0" : "\x20\2\0\0");
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
                                   .qos2_count = 20,
                                   .v5 = five ? &cleat_mqtt_v5 : NULL};
    assert_int_equal(cleat_mqtt_init(&m, &c), 0);
    assert_int_equal(cleat_mqtt_connect(&m, 0), 0);
    ours_settle(&m, o);
    ours_receive(&m, connack(), connack()[1] + 2u, o);
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

static void theirs_prop(const mosquitto_property *p, char *text) {
    int id = mosquitto_property_identifier(p);
    uint8_t byte = 0;
    uint32_t number = 0;
    char *one = NULL;
    char *two = NULL;
    void *data = NULL;
    uint16_t len = 0;
    switch (id) {
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
        mosquitto_property_read_byte(p, id, &byte, false);
        number = byte;
        break;
    case MQTT_PROP_MESSAGE_EXPIRY_INTERVAL:
        mosquitto_property_read_int32(p, id, &number, false);
        break;
    case MQTT_PROP_SUBSCRIPTION_IDENTIFIER:
        mosquitto_property_read_varint(p, id, &number, false);
        break;
    case MQTT_PROP_CORRELATION_DATA:
        mosquitto_property_read_binary(p, id, &data, &len, false);
        break;
    case MQTT_PROP_USER_PROPERTY:
        mosquitto_property_read_string_pair(p, id, &one, &two, false);
        break;
    default:
        mosquitto_property_read_string(p, id, &one, false);
        break;
    }
    if (data != NULL) {
        add_prop(text, (uint32_t)id, 0, data, len, NULL, 0);
    } else {
        add_prop(text, (uint32_t)id, number, one, one == NULL ? 0 : strlen(one),
                 two, two == NULL ? 0 : strlen(two));
    }
    free(data);
    free(one);
    free(two);
}

static void on_message(struct mosquitto *m, void *arg,
                       const struct mosquitto_message *msg,
                       const mosquitto_property *props) {
    char text[TEXT_MAX] = "";
    (void)m;
    for (; props != NULL; props = mosquitto_property_next(props)) {
        theirs_prop(props, text);
    }
    if (msg->qos < 2) {
        add_message(arg, cleat_bytes_str(msg->topic),
                    cleat_bytes_of(msg->payload, (size_t)msg->payloadlen),
                    msg->qos, msg->retain, text);
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
    mosquitto_message_v5_callback_set(m, on_message);
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION,
                         five ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    assert_int_equal(mosquitto_connect(m, "127.0.0.1", port, 60), 0);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    server_read(fd, 15, NULL);
    size_t hello = connack()[1] + 2u;
    assert_int_equal(send(fd, connack(), hello, 0), (ssize_t)hello);
    struct pollfd p = {mosquitto_socket(m), POLLIN, 0};
    assert_int_equal(poll(&p, 1, 2000), 1);
    assert_int_equal(mosquitto_loop_read(m, 1), 0);
    assert_int_equal(mosquitto_publish(m, NULL, "a", 1, "a", 1, false), 0);
    assert_int_equal(mosquitto_publish(m, NULL, "a", 1, "a", 2, false), 0);
    assert_int_equal(mosquitto_subscribe(m, NULL, "b", 1), 0);
    assert_int_equal(mosquitto_unsubscribe(m, NULL, "b"), 0);
    server_read(fd, five ? 35 : 31, NULL);
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

static unsigned died;

/* In a process of its own: libmosquitto 2.0.11 ends in an assertion where it
 * wants to log a wrong property. */
static void theirs_apart(const uint8_t *trace, size_t len, struct outcome *o) {
    struct outcome *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    assert_true(shared != MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        theirs(trace, len, shared);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *o = *shared;
    munmap(shared, sizeof *shared);
    if (WIFSIGNALED(status)) {
        o->refused = true;
        snprintf(o->why, sizeof o->why, "died of signal %d", WTERMSIG(status));
        died++;
    }
}

/* --- differences -----------------------------------------------------------
 */

/* What we refuse and they take, by our words for it, and, last, the reverse by
 * theirs. docs/conformance.md explains each. */
static struct known {
    const char *what;
    bool they_refuse;
    unsigned count;
    bool bye; /* only where the server says DISCONNECT */
} known[] = {
    {"reserved packet type", false, 0, false},
    {"packet type that only clients send", false, 0, false},
    {"reserved flag bits set wrongly", false, 0, false},
    {"remaining length does not fit the packet type", false, 0, false},
    {"remaining length is longer than needed", false, 0, false},
    {"remaining length has more than four bytes", false, 0, false},
    {"publish with qos 3", false, 0, false},
    {"publish with dup at qos 0", false, 0, false},
    {"publish topic with wildcard, nul or ill-formed utf-8", false, 0, false},
    {"acknowledgement of the wrong type for this packet", false, 0, false},
    {"suback for no subscribe", false, 0, false},
    {"unsuback for no unsubscribe", false, 0, false},
    {"suback with a reserved return code", false, 0, false},
    {"suback with a wrong number of codes", false, 0, false},
    {"pingresp without pingreq", false, 0, false},
    {"a reason code that this packet cannot have", false, 0, false},
    {"suback or unsuback with no reason code, or a wrong one", false, 0, false},
    {"bytes behind the properties", false, 0, false},
    {"properties longer than the packet", false, 0, false},
    {"a property with a wrong value", false, 0, false},
    {"packet larger than rx_buf", false, 0, false},
    {"publish topic longer than the packet", false, 0, false},
    {"Malformed UTF-8", true, 0, false},
    {"A network protocol error occurred", true, 0, true}, /* 2.0.11 */
    {"Unknown error.", true, 0, true},                    /* 2.0.21 */
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
            (!known[i].bye || a->closed) &&
            strncmp(why, known[i].what, strlen(known[i].what)) == 0) {
            known[i].count++;
            return true;
        }
    }
    return false;
}

/* A connection that the server ended may end before answers are written. */
static bool same_answers(const struct outcome *a, const struct outcome *b) {
    return a->closed ? strncmp(a->sent, b->sent, strlen(a->sent)) == 0
                     : strcmp(a->sent, b->sent) == 0;
}

static unsigned both_took, both_refused;

static void compare(const uint8_t *trace, size_t len) {
    static struct outcome a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    ours(trace, len, &a);
    (five ? theirs_apart : theirs)(trace, len, &b);
    if (a.refused && b.refused) {
        both_refused++;
    } else if (!a.refused && !b.refused &&
               strcmp(a.messages, b.messages) == 0 && same_answers(&a, &b)) {
        both_took++;
    } else if (!explained(&a, &b)) {
        tell(trace, len, &a, &b);
    }
}

static void compare_all(bool version_5, unsigned traces, uint64_t seed) {
    uint8_t trace[TRACE_MAX];
    five = version_5;
    both_took = both_refused = 0;
    mosquitto_lib_init();
    listen_on_loopback();
    traces_seed(seed);
    for (size_t i = 0; i < KNOWN; i++) {
        known[i].count = 0;
    }
    for (unsigned i = 0; i < traces; i++) {
        size_t len = traces_make(trace, five, i % 4 != 0);
        compare(trace, len);
    }
    close(listener);
    mosquitto_lib_cleanup();
    printf("%u traces of MQTT %s: both took %u, with the same messages and "
           "answers, both refused %u "
           "(%u of them with an assertion of theirs)\n",
           traces, five ? "5" : "3.1.1", both_took, both_refused, died);
    for (size_t i = 0; i < KNOWN; i++) {
        if (known[i].count > 0) {
            printf("%6u %s: %s\n", known[i].count,
                   known[i].they_refuse ? "they refuse" : "we refuse",
                   known[i].what);
        }
    }
    assert_true(both_took > traces / 4 && both_refused > 0);
}

static void sound_and_mutated_packets_mean_the_same(void **state) {
    (void)state;
    compare_all(false, TRACES, 0x9E3779B97F4A7C15u);
}

static void those_of_mqtt_5_mean_the_same(void **state) {
    (void)state;
    compare_all(true, TRACES, 0xD1B54A32D192ED03u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_and_mutated_packets_mean_the_same),
        cmocka_unit_test(those_of_mqtt_5_mean_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
