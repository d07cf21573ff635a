/* SPDX-License-Identifier: MIT */
/* Whole exchanges, byte for byte, with what is received split at every place
 * and into single bytes: neither events nor answers may depend on it. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "script.h"

/* CONNECT of client "c", keep-alive 60, not clean. */
#define HELLO "100d00044d5154540400003c000163"
#define UP "connected present=0 lost=0\n"

struct exchange {
    const char *script;
    const char *events;
    const char *out;
};

static void play(struct script *s, const struct exchange *x, size_t split,
                 size_t piece, size_t rx_cap) {
    script_init(s);
    s->split = split;
    s->piece = piece;
    s->config.rx_cap = rx_cap;
    script_play(s, x->script);
}

static void check_cap(const struct exchange *x, size_t rx_cap) {
    static struct script s;
    play(&s, x, SIZE_MAX, 0, rx_cap);
    assert_string_equal(s.events, x->events);
    assert_string_equal(s.out, x->out);
    size_t total = s.received;
    for (size_t k = 0; k <= total; k++) {
        play(&s, x, k, k == 0 ? 1 : 0, rx_cap);
        assert_string_equal(s.events, x->events);
        assert_string_equal(s.out, x->out);
    }
}

/* What goes out is the same however few bytes of it are taken at a time. */
static void check_taken(const struct exchange *x) {
    static struct script s;
    for (size_t n = 1; n <= strlen(x->out) / 2; n++) {
        script_init(&s);
        s.take = n;
        script_play(&s, x->script);
        assert_string_equal(s.events, x->events);
        assert_string_equal(s.out, x->out);
    }
}

static void check(const struct exchange *x) {
    check_taken(x);
    check_cap(x, sizeof((struct script *)0)->rx);
}

static void connect_is_answered_once(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020000", UP, HELLO});
    check(&(struct exchange){"connect < 20020100",
                             "connected present=1 lost=0\n", HELLO});
}

static void a_refusal_ends_the_connection(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020005 < 3003000161 pub0 a b",
                             "refused 5\nerror -3\n", HELLO});
}

static void qos0_goes_out_and_is_forgotten(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020000 pub0 a hi", UP,
                             HELLO "3005000161"
                                   "6869"});
}

static void qos1_is_delivered_with_its_puback(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 pub1 a x pub1 a y < 40020001 < 40020002",
        UP "delivered 1\ndelivered 2\n",
        HELLO "3206000161000178"
              "3206000161000279"});
}

static void qos2_is_delivered_with_its_pubcomp(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 pub2 a x < 50020001 < 70020001", UP "delivered 1\n",
        HELLO "3406000161000178"
              "62020001"});
}

static void a_second_pubrec_is_answered_again(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 pub2 a x < 50020001 < 50020001 < 70020001",
        UP "delivered 1\n",
        HELLO "3406000161000178"
              "6202000162020001"});
}

static void answers_to_unknown_ids_are_passed_over(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020000 < 40020009 < 70020009 "
                             "< 50020009 < 62020009",
                             UP,
                             HELLO "62020009"
                                   "70020009"});
}

static void messages_come_up_and_are_acknowledged(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020000 < 3005000161"
                             "6869 < 3306000161000178 < 3a06000161000279",
                             UP "message a hi q0 id0 at 0/2\n"
                                "message a x q1 id1 at 0/1 retain\n"
                                "message a y q1 id2 at 0/1 dup\n",
                             HELLO "4002000140020002"});
}

static void an_empty_payload_is_a_message(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020000 < 3003000161 < "
                             "32050001610005",
                             UP "message a  q0 id0 at 0/0\n"
                                "message a  q1 id5 at 0/0\n",
                             HELLO "40020005"});
}

static void qos2_comes_up_once_though_sent_twice(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 < 3406000161000778 < 3c06000161000778 "
        "< 62020007 < 62020007 < 3406000161000779",
        UP "message a x q2 id7 at 0/1\nmessage a y q2 id7 at 0/1\n",
        HELLO "5002000750020007"
              "7002000770020007"
              "50020007"});
}

static void an_empty_qos2_message_comes_up_once_too(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 < 34050001610007 < 3c050001610007 < 62020007",
        UP "message a  q2 id7 at 0/0\n",
        HELLO "5002000750020007"
              "70020007"});
}

static void qos2_is_known_again_on_the_next_connection(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 < 3406000161000778 lost connect < 20020100 "
        "< 3c06000161000778 < 62020007",
        UP "message a x q2 id7 at 0/1\nconnected present=1 lost=0\n",
        HELLO "50020007" HELLO "50020007"
              "70020007"});
}

static void a_lost_session_forgets_incoming_ids(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 < 3406000161000778 lost connect < 20020000 "
        "< 3406000161000779",
        UP "message a x q2 id7 at 0/1\nconnected present=0 lost=1\n"
           "message a y q2 id7 at 0/1\n",
        HELLO "50020007" HELLO "50020007"});
}

static void unacknowledged_messages_are_resent_with_dup_in_order(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 pub2 a x pub1 a y pub2 a z < 50020001 lost "
        "connect < 20020100 < 70020001 < 40020002 < 50020003 < 70020003",
        UP "connected present=1 lost=0\ndelivered 1\ndelivered 2\n"
           "delivered 3\n",
        HELLO "3406000161000178"
              "3206000161000279"
              "340600016100037a"
              "62020001" HELLO "62020001"
              "3a06000161000279"
              "3c0600016100037a"
              "62020003"});
}

static void a_lost_session_makes_messages_new(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 pub2 a x pub1 a y < 50020001 lost connect "
        "< 20020000 < 40020002",
        UP "connected present=0 lost=1\ndelivered 1\ndelivered 2\n",
        HELLO "3406000161000178"
              "3206000161000279"
              "62020001" HELLO "3206000161000279"});
}

static void subscriptions_are_answered(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 sub a/# 1 < 9003000101 sub b 2 < 9003000280 "
        "unsub b < b0020003",
        UP "subscribed 1 codes 1 01\nsubscribed 2 codes 1 80\n"
           "unsubscribed 3\n",
        HELLO "8208"
              "00010003612f2301"
              "8206"
              "000200016202"
              "a205"
              "0003000162"});
}

static void a_subscribe_is_not_repeated_by_the_session(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 sub b 2 lost connect < 20020100 pub1 a x "
        "< 40020002",
        UP "connected present=1 lost=0\ndelivered 2\n",
        HELLO "8206"
              "000100016202" HELLO "3206000161000278"});
}

static void large_messages_come_in_pieces(void **state) {
    (void)state;
    /* 25 bytes of room, 7 of them for the head: pieces of 18. */
    check_cap(
        &(struct exchange){
            "connect < 20020000 < 3219000161000961626364656667686970616263"
            "64656667686970 < 3003000162",
            UP "message a abcdefghipabcdefgh q1 id9 at 0/20\n"
               "message a ip q1 id9 at 18/20\n"
               "message b  q0 id0 at 0/0\n",
            HELLO "40020009"},
        25);
}

static void a_topic_longer_than_the_buffer_is_skipped(void **state) {
    (void)state;
    check_cap(
        &(struct exchange){
            "connect < 20020000 < 321c00166161616161616161616161"
            "616161616161616161616100097879 < 301800166161616161616161616161"
            "6161616161616161616161 < 300400016278",
            UP "skipped q1 id9 of 2\nskipped q0 id0 of 0\n"
               "message b x q0 id0 at 0/1\n",
            HELLO "40020009"},
        20);
}

static void disconnect_is_the_last_packet(void **state) {
    (void)state;
    check(&(struct exchange){"connect < 20020000 pub1 a x disconnect pub1 a y",
                             UP "closed\nerror -3\n",
                             HELLO "3206000161000178"
                                   "e000"});
    check(&(struct exchange){"connect disconnect", "closed\n", HELLO "e000"});
}

static void pings_keep_an_idle_connection(void **state) {
    (void)state;
    check(&(struct exchange){
        "connect < 20020000 time 54999 pub0 a x time 1 < d000 "
        "time 54999 pub0 a y time 1",
        UP,
        HELLO "300400016178"
              "c000"
              "300400016179"
              "c000"});
}

static void silence_fails_in_time(void **state) {
    (void)state;
    check(&(struct exchange){"connect time 9999 time 1",
                             "failed -11 no connack in time\n", HELLO});
    check(&(struct exchange){"connect < 20020000 time 55000 time 9999 time 1",
                             UP "failed -11 no pingresp in time\n",
                             HELLO "c000"});
    check(&(struct exchange){"connect < 20020000 pub1 a x time 9999 time 1",
                             UP "failed -11 no acknowledgement in time\n",
                             HELLO "3206000161000178"});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_is_answered_once),
        cmocka_unit_test(a_refusal_ends_the_connection),
        cmocka_unit_test(qos0_goes_out_and_is_forgotten),
        cmocka_unit_test(qos1_is_delivered_with_its_puback),
        cmocka_unit_test(qos2_is_delivered_with_its_pubcomp),
        cmocka_unit_test(a_second_pubrec_is_answered_again),
        cmocka_unit_test(answers_to_unknown_ids_are_passed_over),
        cmocka_unit_test(messages_come_up_and_are_acknowledged),
        cmocka_unit_test(an_empty_payload_is_a_message),
        cmocka_unit_test(qos2_comes_up_once_though_sent_twice),
        cmocka_unit_test(an_empty_qos2_message_comes_up_once_too),
        cmocka_unit_test(qos2_is_known_again_on_the_next_connection),
        cmocka_unit_test(a_lost_session_forgets_incoming_ids),
        cmocka_unit_test(unacknowledged_messages_are_resent_with_dup_in_order),
        cmocka_unit_test(a_lost_session_makes_messages_new),
        cmocka_unit_test(subscriptions_are_answered),
        cmocka_unit_test(a_subscribe_is_not_repeated_by_the_session),
        cmocka_unit_test(large_messages_come_in_pieces),
        cmocka_unit_test(a_topic_longer_than_the_buffer_is_skipped),
        cmocka_unit_test(disconnect_is_the_last_packet),
        cmocka_unit_test(pings_keep_an_idle_connection),
        cmocka_unit_test(silence_fails_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
