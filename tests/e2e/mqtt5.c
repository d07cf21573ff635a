/* SPDX-License-Identifier: MIT */
/* What MQTT 5 adds, against a real broker on loopback: `mqtt5 PORT`. Each check
 * names itself when it fails; the program ends with 0 if all hold. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cleat/mqtt5.h"

struct peer {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    int fd;
    uint8_t tx[8192], rx[1024], io[512];
    size_t at, len;
    struct cleat_mqtt_slot slots[64];
    uint16_t ids[20];
    uint8_t aliases[4 * 40];
    struct cleat_mqtt_event e;
    char text[8][64]; /* topic=payload of what arrived */
    size_t got;
    uint32_t number; /* last subscription identifier */
    char value[64];  /* last user property */
    bool aliased;    /* a topic alias stood in for a topic */
};

static int port;
static const char *checking = "start";

static void expect(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "mqtt5: %s: %s\n", checking, what);
        exit(1);
    }
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void note_message(struct peer *p) {
    struct cleat_mqtt_property property;
    char *text = p->text[p->got % 8];
    snprintf(text, sizeof p->text[0], "%.*s=%.*s", (int)p->e.topic.len,
             (const char *)p->e.topic.data, (int)p->e.payload.len,
             (const char *)p->e.payload.data);
    p->got++;
    p->number = 0;
    if (cleat_mqtt_property_find(p->e.props, CLEAT_MQTT_SUBSCRIPTION_ID,
                                 &property)) {
        p->number = property.number;
    }
    if (cleat_mqtt_property_find(p->e.props, CLEAT_MQTT_USER_PROPERTY,
                                 &property)) {
        snprintf(p->value, sizeof p->value, "%.*s", (int)property.value.len,
                 (const char *)property.value.data);
    }
    p->aliased =
        p->aliased ||
        cleat_mqtt_property_find(p->e.props, CLEAT_MQTT_TOPIC_ALIAS, &property);
}

/* Move bytes until that event came (then it is in p->e), for at most a time.
 * @return true if it came. */
static bool wait_for(struct peer *p, enum cleat_mqtt_event_type type,
                     uint64_t ms) {
    uint64_t until = now() + ms;
    for (;;) {
        while (cleat_mqtt_event(&p->session, &p->e, now())) {
            if (p->e.type == CLEAT_MQTT_MESSAGE) {
                note_message(p);
            }
            if (p->e.type == type) {
                return true;
            }
            if (p->e.type == CLEAT_MQTT_FAILED) {
                fprintf(stderr, "mqtt5: %s: failed %d %02x %s\n", checking,
                        p->e.err, p->e.code,
                        p->e.detail.text != NULL ? p->e.detail.text : "");
                return false;
            }
        }
        struct cleat_bytes out = cleat_mqtt_output(&p->session);
        if (out.len > 0) {
            ssize_t n = write(p->fd, out.data, out.len);
            expect(n > 0, "write");
            cleat_mqtt_output_done(&p->session, (size_t)n, now());
            continue;
        }
        if (p->at < p->len) {
            int n = cleat_mqtt_input(
                &p->session, cleat_bytes_of(p->io + p->at, p->len - p->at),
                now());
            p->at = n > 0 ? p->at + (size_t)n : n < 0 ? p->len : p->at;
            continue;
        }
        struct pollfd fd = {p->fd, POLLIN, 0};
        uint64_t left = until > now() ? until - now() : 0;
        if (left == 0 || poll(&fd, 1, (int)left) <= 0) {
            return false;
        }
        ssize_t n = read(p->fd, p->io, sizeof p->io);
        if (n <= 0) {
            return false;
        }
        p->at = 0;
        p->len = (size_t)n;
    }
}

static void prepare(struct peer *p, const char *id) {
    memset(p, 0, sizeof *p);
    p->config.v5 = &cleat_mqtt_v5;
    p->config.client_id = cleat_bytes_str(id);
    p->config.clean_session = true;
    p->config.tx_buf = p->tx;
    p->config.tx_cap = sizeof p->tx;
    p->config.rx_buf = p->rx;
    p->config.rx_cap = sizeof p->rx;
    p->config.slots = p->slots;
    p->config.slot_count = 64;
    p->config.qos2_ids = p->ids;
    p->config.qos2_count = 20;
    p->config.alias_buf = p->aliases;
    p->config.alias_count = 4;
    p->config.alias_room = 40;
}

static void dial(struct peer *p) {
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    expect(connect(p->fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
    expect(cleat_mqtt_connect(&p->session, now()) == 0, "CONNECT");
    expect(wait_for(p, CLEAT_MQTT_CONNECTED, 5000), "no CONNACK");
}

static void up(struct peer *p) {
    expect(cleat_mqtt_init(&p->session, &p->config) == 0, "init");
    dial(p);
}

static void hang_up(struct peer *p) {
    close(p->fd);
    cleat_mqtt_lost(&p->session, now());
    p->at = p->len = 0;
}

static uint8_t subscribe(struct peer *p, const char *filter, uint8_t qos,
                         uint32_t id) {
    const struct cleat_mqtt_filter f = {cleat_bytes_str(filter), qos};
    struct cleat_mqtt_property prop;
    memset(&prop, 0, sizeof prop);
    prop.id = CLEAT_MQTT_SUBSCRIPTION_ID;
    prop.number = id;
    expect(cleat_mqtt_subscribe_with(&p->session, &f, 1, &prop, id > 0, now()) >
               0,
           "subscribe");
    expect(wait_for(p, CLEAT_MQTT_SUBSCRIBED, 5000), "no SUBACK");
    return p->e.codes.data[0];
}

static int publish(struct peer *p, const char *topic, const char *payload,
                   uint8_t qos, bool retain,
                   const struct cleat_mqtt_property *props, uint8_t count) {
    const struct cleat_mqtt_message m = {cleat_bytes_str(topic),
                                         cleat_bytes_str(payload),
                                         qos,
                                         retain,
                                         count,
                                         props,
                                         NULL};
    return cleat_mqtt_send(&p->session, &m, now());
}

static struct peer a, b;

static void properties_travel(void) {
    struct cleat_mqtt_property props[2];
    checking = "properties travel";
    memset(props, 0, sizeof props);
    props[0].id = CLEAT_MQTT_USER_PROPERTY;
    props[0].text = cleat_bytes_str("key");
    props[0].value = cleat_bytes_str("value");
    props[1].id = CLEAT_MQTT_CORRELATION_DATA;
    props[1].text = cleat_bytes_str("c-1");
    expect(subscribe(&b, "p/#", 2, 77) == 2, "granted");
    for (uint8_t qos = 0; qos < 3; qos++) {
        expect(publish(&a, "p/q", "hello", qos, false, props, 2) >= 0, "send");
        expect(wait_for(&a, CLEAT_MQTT_DELIVERED, qos > 0 ? 5000 : 50) ==
                   (qos > 0),
               "delivered");
        expect(a.e.code == 0, "refused");
        expect(wait_for(&b, CLEAT_MQTT_MESSAGE, 5000), "no message");
        expect(strcmp(b.text[(b.got - 1) % 8], "p/q=hello") == 0, "text");
        expect(b.number == 77, "subscription identifier");
        expect(strcmp(b.value, "value") == 0, "user property");
    }
}

static void aliases_work(void) {
    struct cleat_mqtt_property p;
    checking = "topic aliases";
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_TOPIC_ALIAS;
    p.number = 1;
    expect(publish(&a, "p/alias", "1", 0, false, &p, 1) == 0, "set");
    expect(publish(&a, "", "2", 0, false, &p, 1) == 0, "use");
    (void)wait_for(&a, CLEAT_MQTT_NONE, 50);
    expect(wait_for(&b, CLEAT_MQTT_MESSAGE, 5000), "first");
    expect(wait_for(&b, CLEAT_MQTT_MESSAGE, 5000), "second");
    expect(strcmp(b.text[(b.got - 1) % 8], "p/alias=2") == 0, "text");
}

static void options_work(void) {
    checking = "subscription options";
    expect(subscribe(&a, "n/1", 1 | CLEAT_MQTT_NO_LOCAL, 0) == 1, "granted");
    expect(publish(&a, "n/1", "x", 1, false, NULL, 0) > 0, "send");
    expect(wait_for(&a, CLEAT_MQTT_DELIVERED, 5000), "delivered");
    expect(!wait_for(&a, CLEAT_MQTT_MESSAGE, 200), "no local");
    expect(publish(&a, "r/1", "kept", 1, true, NULL, 0) > 0, "send");
    expect(wait_for(&a, CLEAT_MQTT_DELIVERED, 5000), "delivered");
    expect(a.e.code == 0x10, "no matching subscribers");
    subscribe(&b, "r/1", 1 | CLEAT_MQTT_RETAIN_NEVER, 0);
    expect(!wait_for(&b, CLEAT_MQTT_MESSAGE, 200), "retain never");
    subscribe(&b, "r/1", 1, 0);
    expect(wait_for(&b, CLEAT_MQTT_MESSAGE, 5000), "retained");
    expect(b.e.retain, "retain flag");
    expect(publish(&a, "r/1", "", 1, true, NULL, 0) > 0, "clear");
    expect(wait_for(&a, CLEAT_MQTT_DELIVERED, 5000), "delivered");
    const struct cleat_bytes none = cleat_bytes_str("no/such");
    expect(cleat_mqtt_unsubscribe(&a.session, &none, 1, now()) > 0, "unsub");
    expect(wait_for(&a, CLEAT_MQTT_UNSUBSCRIBED, 5000), "no UNSUBACK");
    expect(a.e.codes.len == 1 && a.e.codes.data[0] == 0x11, "0x11");
    expect(subscribe(&b, "$share/g/s/#", 1, 0) == 1, "shared");
    expect(publish(&a, "s/1", "x", 1, false, NULL, 0) > 0, "send");
    expect(wait_for(&a, CLEAT_MQTT_DELIVERED, 5000), "delivered");
    expect(wait_for(&b, CLEAT_MQTT_MESSAGE, 5000), "shared message");
}

/* Mosquitto 2.0.11 sends more than our receive maximum. What is too much ends
 * the connection, the session stays, and nothing is lost. */
static unsigned overruns;

static void turn(struct peer *p, uint64_t ms) {
    if (!wait_for(p, CLEAT_MQTT_NONE, ms) && p->e.type == CLEAT_MQTT_FAILED) {
        expect(p->e.err == CLEAT_ERR_FULL, "failed");
        overruns++;
        struct cleat_bytes out = cleat_mqtt_output(&p->session);
        expect(write(p->fd, out.data, out.len) > 0, "DISCONNECT");
        hang_up(p);
        dial(p);
        expect(p->e.session_present, "the session is gone");
    }
    p->e.type = CLEAT_MQTT_NONE;
}

static void many_go_through_both_windows(void) {
    checking = "flow control";
    size_t begin = b.got;
    for (int i = 0; i < 300; i++) {
        int id = publish(&a, "p/many", "x", 2, false, NULL, 0);
        while (id == CLEAT_ERR_FULL) {
            expect(wait_for(&a, CLEAT_MQTT_DELIVERED, 5000), "delivered");
            id = publish(&a, "p/many", "x", 2, false, NULL, 0);
        }
        expect(id > 0, "send");
        if (i % 10 == 0) {
            turn(&a, 1);
            turn(&b, 1);
        }
    }
    for (int i = 0;
         i < 500 && (b.got < begin + 300 || cleat_mqtt_is_busy(&a.session));
         i++) {
        turn(&a, 5);
        turn(&b, 5);
    }
    expect(b.got == begin + 300, "not 300");
}

static void a_session_outlives_the_connection(void) {
    static struct peer c;
    struct cleat_mqtt_property p;
    checking = "session expiry";
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_SESSION_EXPIRY;
    p.number = 100;
    prepare(&c, "keeper");
    c.config.clean_session = false;
    c.config.props = &p;
    c.config.prop_count = 1;
    up(&c);
    subscribe(&c, "k/#", 2, 0);
    hang_up(&c);
    expect(publish(&a, "k/1", "waited", 2, false, NULL, 0) > 0, "send");
    expect(wait_for(&a, CLEAT_MQTT_DELIVERED, 5000), "delivered");
    dial(&c);
    expect(c.e.session_present, "session present");
    expect(wait_for(&c, CLEAT_MQTT_MESSAGE, 5000), "no message");
    (void)wait_for(&c, CLEAT_MQTT_NONE, 200);
    /* Taken over. Mosquitto 2.0.11 closes before it has said so. */
    static struct peer d;
    prepare(&d, "keeper");
    up(&d);
    expect(!wait_for(&c, CLEAT_MQTT_CLOSED, 2000), "not taken over");
    expect(cleat_mqtt_disconnect_with(&d.session, 0, NULL, 0, now()) == 0,
           "disconnect");
    expect(wait_for(&d, CLEAT_MQTT_CLOSED, 2000), "closed");
}

static void a_will_is_published_on_request(void) {
    static struct peer c;
    struct cleat_mqtt_property p;
    checking = "will";
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_USER_PROPERTY;
    p.text = cleat_bytes_str("w");
    p.value = cleat_bytes_str("of the will");
    prepare(&c, "testator");
    c.config.will.topic = cleat_bytes_str("p/will");
    c.config.will.payload = cleat_bytes_str("gone");
    c.config.will.qos = 1;
    c.config.will.props = &p;
    c.config.will.prop_count = 1;
    up(&c);
    expect(cleat_mqtt_disconnect_with(&c.session, 4, NULL, 0, now()) == 0,
           "disconnect");
    expect(wait_for(&c, CLEAT_MQTT_CLOSED, 2000), "closed");
    expect(wait_for(&b, CLEAT_MQTT_MESSAGE, 5000), "no will");
    expect(strcmp(b.text[(b.got - 1) % 8], "p/will=gone") == 0, "text");
    expect(strcmp(b.value, "of the will") == 0, "property");
}

int main(int argc, char **argv) {
    struct cleat_mqtt_property p;
    port = argc == 2 ? atoi(argv[1]) : 0;
    prepare(&a, "");
    up(&a);
    expect(cleat_mqtt_property_find(a.e.props, CLEAT_MQTT_ASSIGNED_CLIENT_ID,
                                    &p) &&
               p.text.len > 0,
           "assigned client identifier");
    prepare(&b, "b");
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_SESSION_EXPIRY;
    p.number = 100;
    b.config.clean_session = false;
    b.config.props = &p;
    b.config.prop_count = 1;
    up(&b);
    properties_travel();
    aliases_work();
    options_work();
    many_go_through_both_windows();
    a_session_outlives_the_connection();
    a_will_is_published_on_request();
    printf("mqtt5: all checks hold; overrun by the broker %u times%s\n",
           overruns, b.aliased ? ", topic aliases came" : "");
    return 0;
}
