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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
