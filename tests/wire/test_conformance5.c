/* SPDX-License-Identifier: MIT */
/* Clauses of MQTT 5 that test_v5.c does not show, as exchanges at every split;
 * docs/conformance.md says which case stands for which clause. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/mqtt5.h"
#include "script.h"

/* CONNECT of client "c", keep-alive 60, receive maximum 3. */
#define HELLO "101100044d5154540500003c03210003000163"
#define UP "connected present=0 lost=0\n"
#define ACCEPT "connect < 2003000000 "

static void prepare(struct script *s) {
    script_init(s);
    s->config.v5 = &cleat_mqtt_v5;
}

/* What is received ends the connection, wherever it is split. */
static void check_refused(const char *script, bool clean) {
    static struct script s;
    size_t total = 1;
    for (size_t k = 0; k <= total; k++) {
        prepare(&s);
        s.config.clean_session = clean;
        s.split = k;
        s.piece = k == 0 ? 1 : 0;
        script_play(&s, script);
        total = s.received;
        if (strstr(s.events, "failed -6 ") == NULL) {
            fail_msg("split at %zu: %s", k, s.events);
        }
        assert_null(strstr(s.events, "message"));
    }
}

static void up(struct script *s) {
    prepare(s);
    script_play(s, ACCEPT);
    assert_string_equal(s->events, UP);
}

static void both_texts_of_a_pair_are_checked(void **state) {
    static struct script s;
    (void)state;
    check_refused(ACCEPT "< 300b00016107260001ff000161", false);
    check_refused(ACCEPT "< 300b00016107260001610001ff", false);
    struct cleat_mqtt_property p = {0};
    struct cleat_mqtt_message m = {0};
    m.topic = cleat_bytes_str("a");
    m.props = &p;
    m.prop_count = 1;
    p.id = CLEAT_MQTT_USER_PROPERTY;
    p.text = cleat_bytes_str("k");
    p.value = cleat_bytes_str("\xFF");
    up(&s);
    assert_int_equal(cleat_mqtt_send(&s.session, &m, s.now), CLEAT_ERR_ARG);
    p.text = cleat_bytes_str("\xED\xA0\x80");
    p.value = cleat_bytes_str("v");
    assert_int_equal(cleat_mqtt_send(&s.session, &m, s.now), CLEAT_ERR_ARG);
    p.text = cleat_bytes_str("k");
    assert_int_equal(cleat_mqtt_send(&s.session, &m, s.now), 0);
}

static void what_only_a_server_may_say_is_refused_before(void **state) {
    static struct script s;
    (void)state;
    struct cleat_mqtt_property p = {0};
    struct cleat_mqtt_message m = {0};
    m.topic = cleat_bytes_str("a");
    m.props = &p;
    m.prop_count = 1;
    p.id = CLEAT_MQTT_SUBSCRIPTION_ID;
    p.number = 1;
    up(&s);
    assert_int_equal(cleat_mqtt_send(&s.session, &m, s.now), CLEAT_ERR_ARG);
    p.id = CLEAT_MQTT_CONTENT_TYPE;
    p.text = cleat_bytes_str("\xC0\xAF");
    assert_int_equal(cleat_mqtt_send(&s.session, &m, s.now), CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_output(&s.session).len, 0);
}

static void a_clean_start_never_finds_a_session(void **state) {
    static struct script s;
    (void)state;
    check_refused("connect < 2003010000", true);
    prepare(&s);
    s.config.clean_session = true;
    script_play(&s, "connect");
    assert_string_equal(s.out, "101100044d5154540502003c03210003000163");
}

static void a_will_has_its_properties(void **state) {
    static struct script s;
    (void)state;
    struct cleat_mqtt_property p = {0};
    p.id = CLEAT_MQTT_WILL_DELAY;
    p.number = 5;
    prepare(&s);
    s.config.will.topic = cleat_bytes_str("w");
    s.config.will.payload = cleat_bytes_str("x");
    s.config.will.qos = 1;
    s.config.will.props = &p;
    s.config.will.prop_count = 1;
    script_play(&s, "connect");
    assert_string_equal(s.out, "101d00044d515454050c003c03210003000163"
                               "051800000005"
                               "000177"
                               "000178");
}

static void share_names_have_no_wildcards(void **state) {
    static const char *const wrong[] = {"$share/a+/b", "$share/#/b",
                                        "$share/+/b", "$share/a"};
    static struct script s;
    (void)state;
    up(&s);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cleat_mqtt_filter f = {cleat_bytes_str(wrong[i]), 1};
        assert_int_equal(cleat_mqtt_subscribe(&s.session, &f, 1, s.now),
                         CLEAT_ERR_ARG);
    }
}

static void auth_needs_a_method(void **state) {
    static struct script s;
    (void)state;
    check_refused(ACCEPT "< f000", false);
    check_refused(ACCEPT "< f0021800", false);
    check_refused("connect < f0021800", false);
    up(&s);
    assert_true(cleat_mqtt_auth(&s.session, 0x19, NULL, 0, s.now) < 0);
    assert_int_equal(cleat_mqtt_output(&s.session).len, 0);
}

static void wrong_flags_and_codes_of_auth_are_refused(void **state) {
    (void)state;
    check_refused(ACCEPT "< f1021800", false);
    check_refused(ACCEPT "< f0021900", false);
    check_refused(ACCEPT "< f0020100", false);
}

/* PUBACK and PINGREQ, while messages wait for the server's receive maximum. */
static void answers_go_out_when_the_quota_is_used_up(void **state) {
    static struct script s;
    (void)state;
    prepare(&s);
    script_play(&s, "connect < 2006000003210001 pub1 a x pub1 a y "
                    "< 320700016100090078 < 40020001 < 40020002 "
                    "time 55000");
    assert_string_equal(s.out, HELLO "320700016100010078"
                                     "40020009"
                                     "320700016100020079"
                                     "c000");
}

/* SUBSCRIBE and UNSUBSCRIBE do not wait for it. */
static void requests_go_out_when_the_quota_is_used_up(void **state) {
    static struct script s;
    (void)state;
    prepare(&s);
    script_play(&s, "connect < 2006000003210001 pub1 a x pub1 a y sub b 1 "
                    "unsub b < 40020001 < 900400030001 < b00400040000 "
                    "< 40020002");
    assert_string_equal(s.events, UP "delivered 1\nsubscribed 3 codes 1 01\n"
                                     "unsubscribed 4\ndelivered 2\n");
    assert_string_equal(s.out, HELLO "320700016100010078"
                                     "820700030000016201"
                                     "a206000400000162"
                                     "320700016100020079");
}

/* The script ends the connection, and DISCONNECT says so; at every split. */
static void check_bye(const char *script, const struct cleat_mqtt_property *p,
                      uint8_t count, const char *bye) {
    static struct script s;
    size_t total = 1;
    for (size_t k = 0; k <= total; k++) {
        prepare(&s);
        s.config.props = p;
        s.config.prop_count = count;
        s.split = k;
        s.piece = k == 0 ? 1 : 0;
        script_play(&s, script);
        total = s.received;
        size_t len = strlen(s.out);
        if (strstr(s.events, "failed -6 ") == NULL || len < 6 ||
            strcmp(s.out + len - 6, bye) != 0) {
            fail_msg("%s split at %zu: %s %s", script, k, s.events, s.out);
        }
    }
}

static void a_session_that_we_never_had_is_refused(void **state) {
    static struct script s;
    static struct cleat_mqtt_journal journal;
    (void)state;
    check_bye("connect < 2003010000", NULL, 0, "e00182");
    /* Unless the caller vouches for it, or a journal was asked, or it is ours:
     * then what is under way on it goes on. */
    prepare(&s);
    s.config.take_session = true;
    script_play(&s, "connect < 2003010000");
    assert_string_equal(s.events, "connected present=1 lost=0\n");
    prepare(&s);
    s.config.journal = &journal;
    script_play(&s, "connect < 2003010000");
    assert_string_equal(s.events, "connected present=1 lost=0\n");
    prepare(&s);
    script_play(&s, ACCEPT "lost connect < 2003010000");
    assert_string_equal(s.events, UP "connected present=1 lost=0\n");
}

static void a_session_is_kept_for_its_expiry(void **state) {
    static struct script s;
    (void)state;
    struct cleat_mqtt_property p = {0};
    p.id = CLEAT_MQTT_SESSION_EXPIRY;
    p.number = 3600;
    prepare(&s);
    s.config.props = &p;
    s.config.prop_count = 1;
    /* One message of ours and one of the broker's are under way when the link
     * is lost; an hour later both exchanges go on. */
    script_play(&s, ACCEPT "pub2 a x < 340700016100090079 lost time 3599000 "
                           "connect < 2003010000 < 3c0700016100090079 "
                           "< 62020009 < 50020001 < 70020001");
    assert_string_equal(s.events, UP "message a y q2 id9 at 0/1\n"
                                     "connected present=1 lost=0\n"
                                     "delivered 1\n");
    assert_string_equal(s.out, "101600044d5154540500003c"
                               "08210003"
                               "1100000e10"
                               "000163"
                               "340700016100010078"
                               "50020009"
                               "101600044d5154540500003c"
                               "08210003"
                               "1100000e10"
                               "000163"
                               "3c0700016100010078"
                               "50020009"
                               "70020009"
                               "62020001");
}

static void packets_above_our_maximum_are_refused(void **state) {
    static const char *const large[] = {
        "connect < 201000000d1f000a61616161616161616161",  /* CONNACK: 18 */
        ACCEPT "< 300f0001610061616161616161616161616161", /* PUBLISH: 17 */
        ACCEPT "< 30ff7f00016100",                         /* only its head */
        ACCEPT "pub1 a x < 400f000100"
               "0b1f00086161616161616161",
        ACCEPT "< e00f000d1f000a61616161616161616161",
    };
    static struct script s;
    struct cleat_mqtt_property p = {0};
    (void)state;
    p.id = CLEAT_MQTT_MAX_PACKET_SIZE;
    p.number = 16;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        check_bye(large[i], &p, 1, "e00195");
    }
    /* 16 bytes are taken. */
    prepare(&s);
    s.config.props = &p;
    s.config.prop_count = 1;
    script_play(&s, ACCEPT "< 300e0001610061616161616161616161");
    assert_string_equal(s.events, UP "message a aaaaaaaaaa q0 id0 at 0/10\n");
    /* A maximum above rx_buf: messages up to it come in pieces. */
    p.number = 200;
    check_bye(ACCEPT "< 30c60100016100", &p, 1, "e00195");
    /* What does not fit rx_buf and cannot come in pieces. */
    check_bye(ACCEPT "< e0ff01", NULL, 0, "e00195");
}

static void nothing_but_auth_goes_out_before_connack(void **state) {
    static struct script s;
    struct cleat_mqtt_property p = {0};
    (void)state;
    p.id = CLEAT_MQTT_AUTH_METHOD;
    p.text = cleat_bytes_str("m");
    prepare(&s);
    s.config.props = &p;
    s.config.prop_count = 1;
    s.config.queue_offline = true;
    s.config.timeout_ms = 600000;
    s.config.keep_alive_s = 1;
    /* Messages, a request and the end of the keep-alive, and the exchange. */
    script_play(&s, "connect pub1 a x pub0 a y sub b 1 unsub b time 5000 "
                    "< f00618041500016d");
    assert_string_equal(s.events, "error -3\nerror -3\nauth 18 props 4\n");
    assert_string_equal(s.out, "101500044d51545405000001"
                               "07210003"
                               "1500016d"
                               "000163");
    assert_int_equal(cleat_mqtt_auth(&s.session, 0x18, &p, 1, s.now), 0);
    s.out[0] = 0;
    assert_int_equal(cleat_mqtt_output(&s.session).len, 8);
    assert_int_equal(cleat_mqtt_output(&s.session).data[0], 0xF0);
    cleat_mqtt_output_done(&s.session, 8, s.now);
    assert_int_equal(cleat_mqtt_output(&s.session).len, 0);
    /* DISCONNECT may, too. */
    assert_int_equal(cleat_mqtt_disconnect(&s.session, s.now), 0);
    struct cleat_bytes out = cleat_mqtt_output(&s.session);
    assert_int_equal(out.len, 2);
    assert_int_equal(out.data[0], 0xE0);
}

static void the_authentication_method_stays(void **state) {
    static struct script s;
    struct cleat_mqtt_property p[2];
    (void)state;
    memset(p, 0, sizeof p);
    p[0].id = CLEAT_MQTT_AUTH_METHOD;
    p[0].text = cleat_bytes_str("m");
    /* CONNACK and AUTH without it, with another, with a longer one. */
    check_bye("connect < 2003000000", p, 1, "e00182");
    check_bye("connect < 20070000041500016e", p, 1, "e00182");
    check_bye("connect < 200800000515000"
              "26d6d",
              p, 1, "e00182");
    check_bye("connect < f00618041500016e", p, 1, "e00182");
    check_bye("connect < f0021800", p, 1, "e00182");
    check_bye("connect < 20070000041500016d < f000", p, 1, "e00182");
    /* And with one where none was asked for. */
    check_bye("connect < 20070000041500016d", NULL, 0, "e00182");
    /* Ours. */
    prepare(&s);
    s.config.props = p;
    s.config.prop_count = 1;
    script_play(&s, "connect < 20070000041500016d");
    assert_string_equal(s.events, UP);
    p[1] = p[0];
    p[1].text = cleat_bytes_str("n");
    assert_int_equal(cleat_mqtt_auth(&s.session, 0x19, NULL, 0, s.now),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_auth(&s.session, 0x19, p + 1, 1, s.now),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_output(&s.session).len, 0);
    assert_int_equal(cleat_mqtt_auth(&s.session, 0x19, p, 1, s.now), 0);
    assert_int_equal(cleat_mqtt_output(&s.session).len, 8);
}

/* At every split, both ways. */
static void an_authentication_goes_on_wherever_it_is_split(void **state) {
    static struct script s;
    static const char script[] = "connect < f00618041500016d auth 18 "
                                 "< 20070000041500016d auth 19 "
                                 "< f00618041500016d auth 18 "
                                 "< f00600041500016d";
    struct cleat_mqtt_property p = {0};
    size_t total = 1;
    (void)state;
    p.id = CLEAT_MQTT_AUTH_METHOD;
    p.text = cleat_bytes_str("m");
    for (size_t k = 0; k <= total; k++) {
        prepare(&s);
        s.config.props = &p;
        s.config.prop_count = 1;
        s.split = k;
        s.piece = k == 0 ? 1 : 0;
        s.take = k;
        script_play(&s, script);
        total = s.received;
        assert_string_equal(s.events, "auth 18 props 4\n" UP
                                      "auth 18 props 4\nauth 00 props 4\n");
        assert_string_equal(s.out, "101500044d5154540500003c"
                                   "07210003"
                                   "1500016d"
                                   "000163"
                                   "f00618041500016d"
                                   "f00619041500016d"
                                   "f00618041500016d");
    }
}

static void texts_above_the_servers_maximum_stay_here(void **state) {
    static struct script s;
    struct cleat_mqtt_property p[2];
    (void)state;
    memset(p, 0, sizeof p);
    p[0].id = CLEAT_MQTT_AUTH_METHOD;
    p[0].text = cleat_bytes_str("m");
    for (int user = 0; user < 2; user++) {
        prepare(&s);
        s.config.props = p;
        s.config.prop_count = 1;
        script_play(&s, "connect < 200c0000092700000010"
                        "1500016d");
        assert_string_equal(s.events, UP);
        p[1].id =
            user != 0 ? CLEAT_MQTT_USER_PROPERTY : CLEAT_MQTT_REASON_STRING;
        p[1].text = cleat_bytes_str(user != 0 ? "kkk" : "aaaaaa");
        p[1].value = cleat_bytes_str(user != 0 ? "v" : "");
        /* AUTH of 17 bytes, and without it of 8. */
        assert_int_equal(cleat_mqtt_auth(&s.session, 0x19, p, 2, s.now),
                         CLEAT_ERR_SIZE);
        assert_int_equal(cleat_mqtt_auth(&s.session, 0x19, p, 1, s.now), 0);
        /* DISCONNECT of 17 bytes, of 16, and without it. */
        p[1].text = cleat_bytes_str(user != 0 ? "kkkk" : "aaaaaaaaaa");
        p[1].value = cleat_bytes_str(user != 0 ? "vvvv" : "");
        assert_int_equal(
            cleat_mqtt_disconnect_with(&s.session, 4, p + 1, 1, s.now),
            CLEAT_ERR_SIZE);
        assert_true(cleat_mqtt_is_connected(&s.session));
        p[1].text.len--;
        assert_int_equal(
            cleat_mqtt_disconnect_with(&s.session, 4, p + 1, 1, s.now), 0);
        assert_int_equal(cleat_mqtt_output(&s.session).len, 8 + 16);
    }
}

static void the_broker_may_name_the_client(void **state) {
    static struct script s;
    struct cleat_mqtt_event e;
    struct cleat_mqtt_property p;
    (void)state;
    static const uint8_t connack[] = {0x20, 8, 0, 0, 5, 18, 0, 2, 'i', 'd'};
    for (int clean = 0; clean < 2; clean++) {
        prepare(&s);
        s.config.client_id = cleat_bytes_str("");
        s.config.clean_session = clean != 0;
        script_play(&s, "connect");
        assert_string_equal(
            s.out, clean != 0 ? "101000044d5154540502003c032100030000"
                              : "101000044d5154540500003c032100030000");
        assert_int_equal(
            cleat_mqtt_input(&s.session, cleat_bytes_of(connack, 10), s.now),
            10);
        assert_true(cleat_mqtt_event(&s.session, &e, s.now));
        assert_int_equal(e.type, CLEAT_MQTT_CONNECTED);
        assert_true(cleat_mqtt_property_find(
            e.props, CLEAT_MQTT_ASSIGNED_CLIENT_ID, &p));
        assert_int_equal(p.text.len, 2);
        assert_memory_equal(p.text.data, "id", 2);
    }
}

static void disconnect_before_connack_is_refused(void **state) {
    (void)state;
    check_refused("connect < e000", false);
    check_refused("connect < e0018b", false);
    check_refused("connect < e00700051100000001", false);
    check_refused(ACCEPT "< e00700051100000001", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_texts_of_a_pair_are_checked),
        cmocka_unit_test(what_only_a_server_may_say_is_refused_before),
        cmocka_unit_test(a_clean_start_never_finds_a_session),
        cmocka_unit_test(a_will_has_its_properties),
        cmocka_unit_test(share_names_have_no_wildcards),
        cmocka_unit_test(auth_needs_a_method),
        cmocka_unit_test(wrong_flags_and_codes_of_auth_are_refused),
        cmocka_unit_test(answers_go_out_when_the_quota_is_used_up),
        cmocka_unit_test(requests_go_out_when_the_quota_is_used_up),
        cmocka_unit_test(a_session_that_we_never_had_is_refused),
        cmocka_unit_test(a_session_is_kept_for_its_expiry),
        cmocka_unit_test(packets_above_our_maximum_are_refused),
        cmocka_unit_test(nothing_but_auth_goes_out_before_connack),
        cmocka_unit_test(the_authentication_method_stays),
        cmocka_unit_test(an_authentication_goes_on_wherever_it_is_split),
        cmocka_unit_test(texts_above_the_servers_maximum_stay_here),
        cmocka_unit_test(the_broker_may_name_the_client),
        cmocka_unit_test(disconnect_before_connack_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
