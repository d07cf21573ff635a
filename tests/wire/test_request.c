/* SPDX-License-Identifier: MIT */
/* Requests and answers: a session with a requester or a responder, and a broker
 * that is written out byte by byte. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "cleat/mqtt_request.h"

#define SEED 0xA1B2C3D4u
#define PENDING 2

static struct {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    uint8_t tx[256], rx[64];
    struct cleat_mqtt_slot slots[4];
    struct cleat_mqtt_requester requester;
    struct cleat_mqtt_requester_config asks;
    struct cleat_mqtt_pending pending[PENDING];
    uint8_t topic[24];
    uint64_t now;
    char said[512]; /* what came up */
    char out[512];  /* hexadecimal */
    struct cleat_mqtt_return back;
    int back_err;
    uint8_t kept[32];
} t;

static void say(const char *text) {
    assert_true(strlen(t.said) + strlen(text) < sizeof t.said);
    strcat(t.said, text);
}

static void say_reply(const struct cleat_mqtt_reply *r) {
    static const char *const names[] = {
        "none", "ready", "denied", "answer", "refused", "timed out", "stray"};
    char line[96];
    snprintf(line, sizeof line, "%s", names[r->type]);
    say(line);
    if (r->number != 0) {
        snprintf(line, sizeof line, " %u", (unsigned)r->number);
        say(line);
        assert_ptr_equal(r->user, &t);
    }
    if (r->code != 0) {
        snprintf(line, sizeof line, " %02x", r->code);
        say(line);
    }
    if (r->message != NULL) {
        snprintf(line, sizeof line, " %.*s%s", (int)r->message->payload.len,
                 (const char *)r->message->payload.data,
                 r->message->last ? "" : "...");
        say(line);
    }
    say("\n");
}

/* Everything that can happen now; what is sent is appended to t.out. */
static void settle(void) {
    struct cleat_mqtt_event e;
    struct cleat_mqtt_reply reply;
    bool any;
    do {
        any = false;
        while (cleat_mqtt_event(&t.session, &e, t.now)) {
            any = true;
            if (cleat_mqtt_requester_input(&t.requester, &t.session, &e, &reply,
                                           t.now)) {
                say_reply(&reply);
            } else if (e.type == CLEAT_MQTT_MESSAGE) {
                t.back_err =
                    cleat_mqtt_return_of(&e, cleat_bytes_str("r/#"), &t.back);
                say("message\n");
                if (t.back_err == 0) {
                    assert_int_equal(
                        cleat_mqtt_return_keep(&t.back, t.kept, sizeof t.kept),
                        0);
                }
            } else if (e.type == CLEAT_MQTT_FAILED) {
                say("failed\n");
            }
        }
        while (cleat_mqtt_requester_event(&t.requester, &t.session, &reply,
                                          t.now)) {
            say_reply(&reply);
            any = true;
        }
        struct cleat_bytes out = cleat_mqtt_output(&t.session);
        for (size_t i = 0; i < out.len; i++) {
            size_t len = strlen(t.out);
            assert_true(len + 3 < sizeof t.out);
            snprintf(t.out + len, 3, "%02x", out.data[i]);
        }
        cleat_mqtt_output_done(&t.session, out.len, t.now);
        any = any || out.len > 0;
    } while (any);
}

static void receive(const void *bytes, size_t len) {
    const uint8_t *at = bytes;
    while (len > 0) {
        int n = cleat_mqtt_input(&t.session, cleat_bytes_of(at, len), t.now);
        settle();
        if (n < 0) {
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}
#define RECEIVE(text) receive(text, sizeof(text) - 1)

static int fresh(void **state) {
    (void)state;
    memset(&t, 0, sizeof t);
    t.config.v5 = &cleat_mqtt_v5;
    t.config.client_id = cleat_bytes_str("c");
    t.config.tx_buf = t.tx;
    t.config.tx_cap = sizeof t.tx;
    t.config.rx_buf = t.rx;
    t.config.rx_cap = sizeof t.rx;
    t.config.slots = t.slots;
    t.config.slot_count = 4;
    t.config.queue_offline = true;
    t.asks.topic = cleat_bytes_str("r/c");
    t.asks.pending = t.pending;
    t.asks.pending_count = PENDING;
    t.asks.seed = SEED;
    t.now = 1000;
    return 0;
}

static void begin(const char *connack, size_t len) {
    assert_int_equal(cleat_mqtt_init(&t.session, &t.config), 0);
    assert_int_equal(cleat_mqtt_requester_init(&t.requester, &t.asks), 0);
    assert_int_equal(cleat_mqtt_connect(&t.session, t.now), 0);
    settle();
    memset(t.out, 0, sizeof t.out);
    receive(connack, len);
}
#define CONNECT_WITH(connack) begin(connack, sizeof(connack) - 1)

/* The connection breaks, and another one stands. */
static void again(const char *connack, size_t len) {
    cleat_mqtt_lost(&t.session, t.now);
    settle();
    assert_int_equal(cleat_mqtt_connect(&t.session, t.now), 0);
    settle();
    memset(t.out, 0, sizeof t.out);
    memset(t.said, 0, sizeof t.said);
    receive(connack, len);
}
#define AGAIN_WITH(connack) again(connack, sizeof(connack) - 1)

#define PLAIN "\x20\x03\0\0\0"
#define PRESENT "\x20\x03\x01\0\0"
#define SUBACK1 "\x90\x04\0\x01\0\0"

static void ready(void) {
    CONNECT_WITH(PLAIN);
    assert_string_equal(t.out, "8209000100"
                               "0003722f63"
                               "20");
    assert_int_equal(cleat_mqtt_requester_topic(&t.requester).len, 0);
    RECEIVE(SUBACK1);
    assert_string_equal(t.said, "ready\n");
    assert_true(cleat_bytes_equal(cleat_mqtt_requester_topic(&t.requester),
                                  t.asks.topic));
    memset(t.said, 0, sizeof t.said);
    memset(t.out, 0, sizeof t.out);
}

static int ask_with(uint8_t qos, const struct cleat_mqtt_property *props,
                    uint8_t count) {
    struct cleat_mqtt_message m;
    memset(&m, 0, sizeof m);
    m.topic = cleat_bytes_str("q");
    m.payload = cleat_bytes_str("?");
    m.qos = qos;
    m.props = props;
    m.prop_count = count;
    int number = cleat_mqtt_requester_send(&t.requester, &t.session, &m, 5000,
                                           &t, t.now);
    settle();
    return number;
}

static int ask(uint8_t qos) {
    return ask_with(qos, NULL, 0);
}

/* An answer at QoS 0 to the request of that number, "!!". */
static void answer(uint8_t number) {
    uint8_t p[] = {0x30, 19,   0,    3,    'r', '/', 'c', 11,     9,   0,  8,
                   0xA1, 0xB2, 0xC3, 0xD4, 0,   0,   0,   number, '!', '!'};
    receive(p, sizeof p);
}

static void
a_request_has_topic_and_correlation_and_gets_its_answer(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    /* Response topic 08, correlation data 09. */
    assert_string_equal(t.out, "3016"
                               "000171"
                               "11"
                               "080003722f63"
                               "090008a1b2c3d400000001"
                               "3f");
    assert_int_equal(cleat_mqtt_requester_deadline(&t.requester), 6000);
    answer(1);
    assert_string_equal(t.said, "answer 1 !!\n");
    assert_int_equal(cleat_mqtt_requester_deadline(&t.requester),
                     CLEAT_MQTT_NEVER);
}

static void answers_find_their_request_in_any_order(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    assert_int_equal(ask(0), 2);
    assert_int_equal(ask(0), CLEAT_ERR_FULL);
    answer(2);
    answer(1);
    answer(1); /* Twice. */
    answer(3); /* Never asked. */
    assert_string_equal(t.said,
                        "answer 2 !!\nanswer 1 !!\nstray !!\nstray !!\n");
    assert_int_equal(ask(0), 3);
}

static void messages_to_other_topics_are_for_others(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    RECEIVE("\x30\x11\0\x03x/c\x0b\x09\0\x08\xA1\xB2\xC3\xD4\0\0\0\x01");
    assert_string_equal(t.said, "message\n");
    answer(1);
    assert_string_equal(t.said, "message\nanswer 1 !!\n");
}

/* Of another start of the program, too short, none at all. */
static void foreign_correlation_data_is_stray(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    RECEIVE("\x30\x11\0\x03r/c\x0b\x09\0\x08\xA1\xB2\xC3\xD5\0\0\0\x01");
    RECEIVE("\x30\x10\0\x03r/c\x0a\x09\0\x07\xA1\xB2\xC3\xD4\0\0\x01");
    RECEIVE("\x30\x06\0\x03r/c\0");
    RECEIVE("\x30\x11\0\x03r/c\x0b\x09\0\x08\xA1\xB2\xC3\xD4\0\0\0\0");
    assert_string_equal(t.said, "stray \nstray \nstray \nstray \n");
}

static void without_answer_the_request_times_out(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    t.now = 3000;
    assert_int_equal(ask(0), 2);
    assert_int_equal(cleat_mqtt_requester_deadline(&t.requester), 6000);
    t.now = 5999;
    settle();
    assert_string_equal(t.said, "");
    t.now = 6000;
    settle();
    assert_string_equal(t.said, "timed out 1\n");
    assert_int_equal(cleat_mqtt_requester_deadline(&t.requester), 8000);
    answer(1);
    assert_string_equal(t.said, "timed out 1\nstray !!\n");
    answer(2);
    assert_string_equal(t.said, "timed out 1\nstray !!\nanswer 2 !!\n");
}

static void a_cancelled_request_is_not_told(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    cleat_mqtt_requester_cancel(&t.requester, 1);
    cleat_mqtt_requester_cancel(&t.requester, 7);
    cleat_mqtt_requester_cancel(&t.requester, 0);
    t.now += 10000;
    settle();
    assert_string_equal(t.said, "");
}

static void the_broker_may_refuse_a_request(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(1), 1);
    RECEIVE("\x40\x03\0\x02\x97"); /* quota exceeded */
    assert_string_equal(t.said, "refused 1 97\n");
    assert_int_equal(ask(1), 2);
    RECEIVE("\x40\x03\0\x03\x10"); /* nobody subscribes to it */
    assert_string_equal(t.said, "refused 1 97\nrefused 2 10\n");
    assert_int_equal(ask(1), 3);
    RECEIVE("\x40\x02\0\x04");
    answer(3);
    assert_string_equal(t.said, "refused 1 97\nrefused 2 10\nanswer 3 !!\n");
}

/* 64 bytes of rx_buf: a longer answer comes in pieces, which restart the time.
 */
static void a_long_answer_comes_in_pieces(void **state) {
    uint8_t head[] = {0x30, 0x6D, 0,    3,    'r',  '/', 'c', 11, 9, 0,
                      8,    0xA1, 0xB2, 0xC3, 0xD4, 0,   0,   0,  1};
    uint8_t body[92];
    (void)state;
    ready();
    assert_int_equal(ask(0), 1);
    memset(body, 'x', sizeof body);
    receive(head, sizeof head);
    t.now = 5500;
    receive(body, 60);
    assert_memory_equal(t.said, "answer 1 xxxx", 13);
    assert_non_null(strstr(t.said, "x...\n"));
    t.now = 9000; /* Past the first deadline. */
    receive(body + 60, 32);
    assert_null(strstr(t.said, "timed out"));
    assert_string_equal(t.said + strlen(t.said) - 2, "x\n");
    assert_int_equal(cleat_mqtt_requester_deadline(&t.requester),
                     CLEAT_MQTT_NEVER);
}

static void own_properties_go_along(void **state) {
    struct cleat_mqtt_property p[CLEAT_MQTT_REQUEST_PROPS_MAX + 1];
    (void)state;
    ready();
    memset(p, 0, sizeof p);
    p[0].id = CLEAT_MQTT_MESSAGE_EXPIRY;
    p[0].number = 5;
    assert_int_equal(ask_with(0, p, 1), 1);
    assert_non_null(strstr(t.out, "0200000005"
                                  "080003722f63"));
    assert_int_equal(ask_with(0, p, CLEAT_MQTT_REQUEST_PROPS_MAX + 1),
                     CLEAT_ERR_ARG);
    p[0].id = CLEAT_MQTT_RESPONSE_TOPIC; /* A second one. */
    p[0].text = cleat_bytes_str("r/x");
    assert_int_equal(ask_with(0, p, 1), CLEAT_ERR_ARG);
    assert_int_equal(ask(0), 3); /* Nothing is kept of those. */
    assert_int_equal(ask(0), CLEAT_ERR_FULL);
}

static void response_information_becomes_the_topic(void **state) {
    (void)state;
    t.asks.topic_buf = t.topic;
    t.asks.topic_cap = sizeof t.topic;
    t.asks.suffix = cleat_bytes_str("/x");
    CONNECT_WITH("\x20\x09\0\0\x06\x1a\0\x03zzz");
    assert_string_equal(t.out, "820b000100"
                               "00057a7a7a2f78"
                               "20");
    RECEIVE(SUBACK1);
    assert_string_equal(t.said, "ready\n");
    memset(t.out, 0, sizeof t.out);
    assert_int_equal(ask(0), 1);
    assert_non_null(strstr(t.out, "0800057a7a7a2f78"));
    /* The same session and the same topic: it stands. */
    AGAIN_WITH("\x20\x09\x01\0\x06\x1a\0\x03zzz");
    assert_string_equal(t.out, "");
    assert_int_equal(ask(0), 2);
    /* Another topic of the same length. */
    AGAIN_WITH("\x20\x09\x01\0\x06\x1a\0\x03zzy");
    assert_non_null(strstr(t.out, "00057a7a792f78"));
    assert_int_equal(ask(0), CLEAT_ERR_STATE);
    /* None at all: our own. */
    AGAIN_WITH(PRESENT);
    assert_non_null(strstr(t.out, "0003722f63"));
}

static void response_information_that_does_not_do_is_passed_over(void **state) {
    (void)state;
    t.asks.topic_buf = t.topic;
    t.asks.topic_cap = 4;
    CONNECT_WITH("\x20\x0b\0\0\x08\x1a\0\x05zzzzz"); /* too long */
    assert_string_equal(t.out, "8209000100"
                               "0003722f63"
                               "20");
    AGAIN_WITH("\x20\x09\0\0\x06\x1a\0\x03z/#"); /* a wildcard */
    assert_non_null(strstr(t.out, "0003722f63"));
}

static void
the_subscription_is_restored_only_if_the_broker_lost_it(void **state) {
    (void)state;
    ready();
    assert_int_equal(ask(1), 1);
    AGAIN_WITH(PRESENT);
    assert_null(strstr(t.out, "8209"));
    assert_int_equal(ask(0), 2); /* Still ready. */
    AGAIN_WITH(PLAIN);
    assert_memory_equal(t.out, "8209", 4); /* Before the request. */
    assert_non_null(strstr(t.out, "32"));
    /* Broken before the SUBACK: this session does not have it, either. */
    AGAIN_WITH(PRESENT);
    assert_memory_equal(t.out, "8209", 4);
    answer(1);
    assert_string_equal(t.said, "answer 1 !!\n");
}

static void a_refused_subscription_is_told(void **state) {
    (void)state;
    CONNECT_WITH(PLAIN);
    RECEIVE("\x90\x04\0\x01\0\x87");
    assert_string_equal(t.said, "denied 87\n");
    assert_int_equal(ask(0), CLEAT_ERR_STATE);
}

static void without_mqtt_5_there_are_no_requests(void **state) {
    struct cleat_mqtt_return to = {cleat_bytes_str("r/1"), {NULL, 0}, false};
    struct cleat_mqtt_message m;
    (void)state;
    memset(&m, 0, sizeof m);
    t.config.v5 = NULL;
    CONNECT_WITH("\x20\x02\0\0");
    assert_string_equal(t.out, "");
    assert_int_equal(ask(0), CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(cleat_mqtt_respond(&t.session, &to, &m, t.now),
                     CLEAT_ERR_UNSUPPORTED);
}

static void settings_are_checked(void **state) {
    struct cleat_mqtt_requester_config c = t.asks;
    (void)state;
    c.topic = cleat_bytes_str("r/#");
    assert_int_equal(cleat_mqtt_requester_init(&t.requester, &c),
                     CLEAT_ERR_ARG);
    c = t.asks;
    c.qos = 3;
    assert_int_equal(cleat_mqtt_requester_init(&t.requester, &c),
                     CLEAT_ERR_ARG);
    c = t.asks;
    c.pending = NULL;
    assert_int_equal(cleat_mqtt_requester_init(&t.requester, &c),
                     CLEAT_ERR_ARG);
    c = t.asks;
    c.pending_count = 0;
    assert_int_equal(cleat_mqtt_requester_init(&t.requester, &c),
                     CLEAT_ERR_ARG);
}

/* --- the answering side --- */

static int reply_with(uint8_t prop_count) {
    struct cleat_mqtt_property props[CLEAT_MQTT_REQUEST_PROPS_MAX + 1];
    struct cleat_mqtt_message m;
    memset(&m, 0, sizeof m);
    memset(props, 0, sizeof props);
    for (size_t i = 0; i <= CLEAT_MQTT_REQUEST_PROPS_MAX; i++) {
        props[i].id = CLEAT_MQTT_USER_PROPERTY;
    }
    m.payload = cleat_bytes_str("ok");
    m.props = props;
    m.prop_count = prop_count;
    int err = cleat_mqtt_respond(&t.session, &t.back, &m, t.now);
    settle();
    return err;
}

static void a_request_is_answered_with_its_correlation_data(void **state) {
    (void)state;
    ready();
    RECEIVE("\x30\x10\0\x01q\x0b\x08\0\x03r/7\x09\0\x02\x01\x02?");
    assert_int_equal(t.back_err, 0);
    assert_int_equal(reply_with(0), 0);
    assert_string_equal(t.out, "300d"
                               "0003722f37"
                               "05"
                               "0900020102"
                               "6f6b");
}

static void
an_answer_has_correlation_data_only_if_the_request_had(void **state) {
    (void)state;
    ready();
    RECEIVE("\x30\x0b\0\x01q\x06\x08\0\x03r/7?");
    assert_int_equal(t.back_err, 0);
    assert_int_equal(reply_with(0), 0);
    assert_string_equal(t.out, "3008"
                               "0003722f37"
                               "00"
                               "6f6b");
    /* It may be empty, and goes back as such. */
    memset(t.out, 0, sizeof t.out);
    RECEIVE("\x30\x0e\0\x01q\x09\x08\0\x03r/7\x09\0\0?");
    assert_int_equal(t.back_err, 0);
    assert_int_equal(reply_with(0), 0);
    assert_string_equal(t.out, "300b"
                               "0003722f37"
                               "03"
                               "090000"
                               "6f6b");
    assert_int_equal(reply_with(CLEAT_MQTT_REQUEST_PROPS_MAX), 0);
    assert_int_equal(reply_with(CLEAT_MQTT_REQUEST_PROPS_MAX + 1),
                     CLEAT_ERR_ARG);
}

static void answers_go_only_where_they_may(void **state) {
    (void)state;
    ready();
    RECEIVE("\x30\x05\0\x01q\0?");
    assert_int_equal(t.back_err, CLEAT_ERR_NOT_FOUND);
    RECEIVE("\x30\x0b\0\x01q\x06\x08\0\x03s/7?");
    assert_int_equal(t.back_err, CLEAT_ERR_DENIED);
    assert_string_equal(t.said, "message\nmessage\n");
    /* The session refuses wildcards before anybody else sees them. */
    RECEIVE("\x30\x0b\0\x01q\x06\x08\0\x03r/#?");
    assert_string_equal(t.said, "message\nmessage\nfailed\n");
    struct cleat_mqtt_event e;
    memset(&e, 0, sizeof e);
    e.props = cleat_bytes_of((const uint8_t *)"\x08\0\x01#", 4);
    assert_int_equal(cleat_mqtt_return_of(&e, cleat_bytes_of(NULL, 0), &t.back),
                     CLEAT_ERR_PROTO);
}

static void
an_answer_that_comes_later_needs_room_for_its_address(void **state) {
    struct cleat_mqtt_return to = {cleat_bytes_str("r/7"),
                                   cleat_bytes_str("ab"), true};
    uint8_t room[5];
    (void)state;
    assert_int_equal(cleat_mqtt_return_keep(&to, room, 4), CLEAT_ERR_SIZE);
    assert_int_equal(cleat_mqtt_return_keep(&to, room, 5), 0);
    assert_memory_equal(room, "r/7ab", 5);
    assert_ptr_equal(to.topic.data, room);
    assert_ptr_equal(to.correlation.data, room + 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, fresh)
        T(a_request_has_topic_and_correlation_and_gets_its_answer),
        T(answers_find_their_request_in_any_order),
        T(messages_to_other_topics_are_for_others),
        T(foreign_correlation_data_is_stray),
        T(without_answer_the_request_times_out),
        T(a_cancelled_request_is_not_told),
        T(the_broker_may_refuse_a_request),
        T(a_long_answer_comes_in_pieces),
        T(own_properties_go_along),
        T(response_information_becomes_the_topic),
        T(response_information_that_does_not_do_is_passed_over),
        T(the_subscription_is_restored_only_if_the_broker_lost_it),
        T(a_refused_subscription_is_told),
        T(without_mqtt_5_there_are_no_requests),
        T(settings_are_checked),
        T(a_request_is_answered_with_its_correlation_data),
        T(an_answer_has_correlation_data_only_if_the_request_had),
        T(answers_go_only_where_they_may),
        T(an_answer_that_comes_later_needs_room_for_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
