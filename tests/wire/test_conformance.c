/* SPDX-License-Identifier: MIT */
/* Clauses of MQTT 3.1.1 that the other tests here do not show, each as an
 * exchange with a scripted broker at every split of what is received;
 * docs/conformance.md says which case stands for which clause. */
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

/* CONNECT of client "c", keep-alive 60, not clean; and clean. */
#define HELLO "100d00044d5154540400003c000163"
#define HELLO_CLEAN "100d00044d5154540402003c000163"
#define UP "connected present=0 lost=0\n"

struct exchange {
    const char *script;
    const char *events;
    const char *out;
    bool clean;
    bool offline;
};

static void play(struct script *s, const struct exchange *x, size_t split,
                 size_t piece) {
    script_init(s);
    s->split = split;
    s->piece = piece;
    s->config.clean_session = x->clean;
    s->config.queue_offline = x->offline;
    script_play(s, x->script);
    assert_string_equal(s->events, x->events);
    assert_string_equal(s->out, x->out);
}

/* Whole, split at every byte, and byte by byte. */
static void check(const struct exchange *x) {
    static struct script s;
    play(&s, x, SIZE_MAX, 0);
    size_t total = s.received;
    for (size_t k = 0; k <= total; k++) {
        play(&s, x, k, k == 0 ? 1 : 0);
    }
}

/* --- connecting --------------------------------------------------------- */

static void connect_goes_first_whatever_is_queued(void **state) {
    (void)state;
    check(&(struct exchange){.script = "pub1 a x pub0 a y connect < 20020000 "
                                       "< 40020001",
                             .events = UP "delivered 1\n",
                             .out = HELLO "3206000161000178"
                                          "300400016179",
                             .offline = true});
}

static void connect_goes_out_once_a_connection(void **state) {
    (void)state;
    check(&(struct exchange){.script = "connect connect < 20020000 connect",
                             .events = "error -3\n" UP "error -3\n",
                             .out = HELLO});
}

static void every_refusal_ends_the_connection_with_its_code(void **state) {
    (void)state;
    for (unsigned code = 1; code <= 5; code++) {
        char script[64];
        char events[64];
        snprintf(script, sizeof script, "connect < 200200%02x < 3003000161",
                 code);
        snprintf(events, sizeof events, "refused %u\n", code);
        check(&(struct exchange){
            .script = script, .events = events, .out = HELLO});
    }
}

static void what_is_queued_survives_a_refusal(void **state) {
    (void)state;
    check(&(struct exchange){
        .script = "pub1 a x connect < 20020003 lost connect < 20020000 "
                  "< 40020001",
        .events = "refused 3\n" UP "delivered 1\n",
        .out = HELLO HELLO "3206000161000178",
        .offline = true});
}

static void a_clean_session_starts_from_nothing(void **state) {
    (void)state;
    /* Incoming id 7 is forgotten; the message goes out as a new one. */
    check(&(struct exchange){
        .script = "connect < 20020000 pub1 a x < 3406000161000778 lost "
                  "connect < 20020000 < 3406000161000779 < 40020001",
        .events = UP "message a x q2 id7 at 0/1\n"
                     "connected present=0 lost=1\n"
                     "message a y q2 id7 at 0/1\ndelivered 1\n",
        .out = HELLO_CLEAN "3206000161000178"
                           "50020007" HELLO_CLEAN "3206000161000178"
                           "50020007",
        .clean = true});
}

/* A CONNECT written from the standard, for any combination of settings. */
struct wanted {
    uint8_t bytes[64];
    size_t len;
};

static void want_text(struct wanted *w, struct cleat_bytes text) {
    w->bytes[w->len++] = 0;
    w->bytes[w->len++] = (uint8_t)text.len;
    memcpy(w->bytes + w->len, text.data, text.len);
    w->len += text.len;
}

static struct wanted want(const struct cleat_mqtt_config *c) {
    static const uint8_t head[] = {0x10, 0, 0, 4, 'M', 'Q', 'T', 'T', 4};
    struct wanted w = {{0}, sizeof head};
    bool will = c->will.topic.len > 0;
    int flags = (c->clean_session ? 2 : 0) | (will ? 4 : 0) |
                (will ? c->will.qos << 3 : 0) |
                (will && c->will.retain ? 32 : 0) |
                (c->password.data != NULL ? 64 : 0) |
                (c->username.data != NULL ? 128 : 0);
    memcpy(w.bytes, head, sizeof head);
    w.bytes[w.len++] = (uint8_t)flags;
    w.bytes[w.len++] = (uint8_t)(c->keep_alive_s >> 8);
    w.bytes[w.len++] = (uint8_t)c->keep_alive_s;
    want_text(&w, c->client_id);
    if (will) {
        want_text(&w, c->will.topic);
        want_text(&w, c->will.payload);
    }
    if (c->username.data != NULL) {
        want_text(&w, c->username);
    }
    if (c->password.data != NULL) {
        want_text(&w, c->password);
    }
    w.bytes[1] = (uint8_t)(w.len - 2);
    return w;
}

static void set(struct cleat_mqtt_config *c, unsigned bits) {
    c->clean_session = (bits & 1) != 0;
    c->will.topic = cleat_bytes_str((bits & 2) != 0 ? "w" : "");
    c->will.payload = cleat_bytes_str((bits & 4) != 0 ? "gone" : "");
    c->will.retain = (bits & 8) != 0;
    c->username.data = NULL;
    c->password.data = NULL;
    if ((bits & 16) != 0) {
        c->username = cleat_bytes_str((bits & 64) != 0 ? "" : "u");
        if ((bits & 32) != 0) {
            c->password = cleat_bytes_str((bits & 128) != 0 ? "" : "pw");
        }
    }
    c->will.qos = (uint8_t)((bits >> 8) & 3u);
    c->client_id = cleat_bytes_str((bits & 1024) != 0 ? "" : "c");
    c->keep_alive_s = (uint16_t)(bits * 31 + 1);
}

static void connect_follows_the_settings_in_every_combination(void **state) {
    static struct script s;
    (void)state;
    size_t sent = 0;
    for (unsigned bits = 0; bits < 2048; bits++) {
        script_init(&s);
        set(&s.config, bits);
        int err = cleat_mqtt_init(&s.session, &s.config);
        if ((s.config.client_id.len == 0 && !s.config.clean_session) ||
            s.config.will.qos == 3) {
            assert_int_equal(err, CLEAT_ERR_ARG);
            continue;
        }
        assert_int_equal(err, 0);
        assert_int_equal(cleat_mqtt_connect(&s.session, 0), 0);
        struct wanted w = want(&s.config);
        struct cleat_bytes out = cleat_mqtt_output(&s.session);
        assert_true(cleat_bytes_equal(out, cleat_bytes_of(w.bytes, w.len)));
        sent++;
    }
    assert_true(sent > 1000);
}

/* --- identifiers --------------------------------------------------------- */

static void answer(struct cleat_mqtt *m, uint8_t first, uint16_t id, int code) {
    uint8_t bytes[5] = {first, (uint8_t)(code < 0 ? 2 : 3), (uint8_t)(id >> 8),
                        (uint8_t)id, (uint8_t)code};
    size_t len = code < 0 ? 4 : 5;
    struct cleat_mqtt_event e;
    cleat_mqtt_output_done(m, cleat_mqtt_output(m).len, 0);
    assert_int_equal(cleat_mqtt_input(m, cleat_bytes_of(bytes, len), 0),
                     (int)len);
    while (cleat_mqtt_event(m, &e, 0)) {
        assert_true(e.type != CLEAT_MQTT_FAILED);
    }
    cleat_mqtt_output_done(m, cleat_mqtt_output(m).len, 0);
}

static void up(struct script *s) {
    script_init(s);
    script_play(s, "connect < 20020000");
}

/* Use every id once, except those that are not free.
 * @return how often that one came. */
static int once_round(struct cleat_mqtt *m, int id) {
    int seen = 0;
    for (unsigned i = 0; i < 65535; i++) {
        int used = cleat_mqtt_publish(m, cleat_bytes_str("a"),
                                      cleat_bytes_str(""), 1, false, 0);
        assert_true(used > 0 && used <= 65535);
        seen += used == id;
        answer(m, 0x40, (uint16_t)used, -1);
    }
    return seen;
}

static void an_id_is_free_again_after_its_last_acknowledgement(void **state) {
    static struct script s;
    (void)state;
    up(&s);
    struct cleat_mqtt *m = &s.session;
    struct cleat_mqtt_filter f = {cleat_bytes_str("f"), 1};
    struct cleat_bytes t = cleat_bytes_str("t");
    int qos2 = cleat_mqtt_publish(m, t, t, 2, false, 0);
    int sub = cleat_mqtt_subscribe(m, &f, 1, 0);
    int unsub = cleat_mqtt_unsubscribe(m, &f.filter, 1, 0);
    assert_true(qos2 > 0 && sub > 0 && unsub > 0);
    assert_int_equal(once_round(m, qos2), 0);
    answer(m, 0x50, (uint16_t)qos2, -1); /* PUBREC: not yet. */
    assert_int_equal(once_round(m, qos2), 0);
    assert_int_equal(once_round(m, sub), 0);
    answer(m, 0x70, (uint16_t)qos2, -1);
    answer(m, 0x90, (uint16_t)sub, 1);
    answer(m, 0xB0, (uint16_t)unsub, -1);
    assert_int_equal(once_round(m, qos2), 1);
    assert_int_equal(once_round(m, sub), 1);
    assert_int_equal(once_round(m, unsub), 1);
}

/* --- messages ------------------------------------------------------------ */

static void a_byte_order_mark_stays_in_a_topic(void **state) {
    (void)state;
    check(&(struct exchange){.script =
                                 "connect < 20020000 < 30070004efbbbf6178 "
                                 "pub0 \xEF\xBB\xBF"
                                 "a x",
                             .events = UP "message \xEF\xBB\xBF"
                                          "a x q0 id0 at 0/1\n",
                             .out = HELLO "30070004efbbbf6178"});
}

static void retain_goes_out_as_asked(void **state) {
    static struct script s;
    (void)state;
    static const char *const out[] = {"310300", "330500", "350500"};
    for (uint8_t qos = 0; qos < 3; qos++) {
        up(&s);
        /* No payload: this removes what the broker keeps. */
        assert_true(cleat_mqtt_publish(&s.session, cleat_bytes_str("a"),
                                       cleat_bytes_str(""), qos, true,
                                       s.now) >= 0);
        struct cleat_bytes sent = cleat_mqtt_output(&s.session);
        char hex[8];
        snprintf(hex, sizeof hex, "%02x%02x%02x", sent.data[0], sent.data[1],
                 sent.data[2]);
        assert_string_equal(hex, out[qos]);
    }
}

static void an_acknowledged_id_may_carry_a_new_message(void **state) {
    (void)state;
    /* With DUP, too: after PUBACK it is a new publication all the same. */
    check(&(struct exchange){
        .script = "connect < 20020000 < 3206000161000778 < 3206000161000779 "
                  "< 3a0600016100077a",
        .events = UP "message a x q1 id7 at 0/1\nmessage a y q1 id7 at 0/1\n"
                     "message a z q1 id7 at 0/1 dup\n",
        .out = HELLO "400200074002000740020007"});
}

static void acknowledgements_go_out_in_the_order_of_arrival(void **state) {
    (void)state;
    check(&(struct exchange){
        .script = "connect < 20020000 pub2 a p pub2 a q pub2 a r "
                  "< 3406000161000978320600016100087834060001610007783206000161"
                  "000678 < 500200025002000350020001",
        .events = UP "message a x q2 id9 at 0/1\nmessage a x q1 id8 at 0/1\n"
                     "message a x q2 id7 at 0/1\nmessage a x q1 id6 at 0/1\n",
        .out = HELLO "3406000161000170"
                     "3406000161000271"
                     "3406000161000372"
                     "50020009400200085002000740020006"
                     "620200026202000362020001"});
}

static void a_message_nobody_asked_for_is_acknowledged(void **state) {
    (void)state;
    check(&(struct exchange){
        .script = "connect < 20020000 < 32070002787900017a < 340700027879000"
                  "27a < 62020002",
        .events = UP "message xy z q1 id1 at 0/1\nmessage xy z q2 id2 at "
                     "0/1\n",
        .out = HELLO "4002000150020002"
                     "70020002"});
}

static void every_qos_comes_up_whatever_was_granted(void **state) {
    (void)state;
    check(&(struct exchange){
        .script = "connect < 20020000 sub a 2 < 9003000100 < 3206000161000778 "
                  "< 3406000161000878 < 62020008",
        .events = UP "subscribed 1 codes 1 00\nmessage a x q1 id7 at 0/1\n"
                     "message a x q2 id8 at 0/1\n",
        .out = HELLO "8206000100016102"
                     "4002000750020008"
                     "70020008"});
}

static void a_message_under_way_is_finished_after_unsuback(void **state) {
    (void)state;
    check(&(struct exchange){
        .script = "connect < 20020000 < 3406000161000778 unsub a < b0020001 "
                  "< 62020007",
        .events = UP "message a x q2 id7 at 0/1\nunsubscribed 1\n",
        .out = HELLO "50020007"
                     "a2050001000161"
                     "70020007"});
}

/* --- subscribing --------------------------------------------------------- */

static void a_filter_may_be_subscribed_to_again(void **state) {
    (void)state;
    check(&(struct exchange){
        .script = "connect < 20020000 sub a 1 < 9003000101 sub a 2 "
                  "< 9003000202",
        .events = UP "subscribed 1 codes 1 01\nsubscribed 2 codes 1 02\n",
        .out = HELLO "8206000100016101"
                     "8206000200016102"});
}

static void codes_come_up_in_the_order_of_the_filters(void **state) {
    static struct script s;
    (void)state;
    static const uint8_t suback[] = {0x90, 6, 0, 1, 2, 0x80, 0, 1};
    struct cleat_mqtt_filter f[4] = {{cleat_bytes_str("a"), 2},
                                     {cleat_bytes_str("b/#"), 2},
                                     {cleat_bytes_str("+"), 2},
                                     {cleat_bytes_str("d"), 1}};
    struct cleat_mqtt_event e;
    for (size_t split = 0; split <= sizeof suback; split++) {
        up(&s);
        assert_int_equal(cleat_mqtt_subscribe(&s.session, f, 4, s.now), 1);
        cleat_mqtt_output_done(&s.session, cleat_mqtt_output(&s.session).len,
                               s.now);
        assert_int_equal(
            cleat_mqtt_input(&s.session, cleat_bytes_of(suback, split), s.now),
            (int)split);
        assert_int_equal(cleat_mqtt_input(&s.session,
                                          cleat_bytes_of(suback + split,
                                                         sizeof suback - split),
                                          s.now),
                         (int)(sizeof suback - split));
        assert_true(cleat_mqtt_event(&s.session, &e, s.now));
        assert_int_equal(e.type, CLEAT_MQTT_SUBSCRIBED);
        assert_true(cleat_bytes_equal(e.codes, cleat_bytes_of(suback + 4, 4)));
    }
}

static void one_unsuback_answers_several_filters(void **state) {
    static struct script s;
    (void)state;
    static const uint8_t wanted[] = {0xA2, 9, 0, 1, 0, 1, 'a', 0, 2, 'b', '/'};
    struct cleat_bytes f[2] = {cleat_bytes_str("a"), cleat_bytes_str("b/")};
    struct cleat_mqtt_event e;
    up(&s);
    assert_int_equal(cleat_mqtt_unsubscribe(&s.session, f, 2, s.now), 1);
    struct cleat_bytes out = cleat_mqtt_output(&s.session);
    assert_true(cleat_bytes_equal(out, cleat_bytes_of(wanted, sizeof wanted)));
    cleat_mqtt_output_done(&s.session, out.len, s.now);
    assert_int_equal(
        cleat_mqtt_input(&s.session, cleat_bytes_of("\xB0\2\0\1", 4), s.now),
        4);
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    assert_int_equal(e.type, CLEAT_MQTT_UNSUBSCRIBED);
    assert_false(cleat_mqtt_is_busy(&s.session));
}

static void an_answer_that_never_comes_ends_the_connection(void **state) {
    (void)state;
    static const char *const asked[] = {"sub a 1", "unsub a", "pub2 a x",
                                        "pub2 a x < 50020001"};
    static struct script s;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        char text[96];
        script_init(&s);
        snprintf(text, sizeof text, "connect < 20020000 %s time 9999 time 1",
                 asked[i]);
        script_play(&s, text);
        assert_string_equal(s.events,
                            UP "failed -11 no acknowledgement in time\n");
    }
}

/* Neither case nor Unicode's other spellings of a character make two alike. */
static void topics_are_compared_byte_by_byte(void **state) {
    static const char *const pairs[][2] = {
        {"ACCOUNTS", "Accounts"},
        {"/finance", "finance"},
        {"a/", "a"},
        {"a//b", "a/b"},
        {"\xC3\x85", "A\xCC\x8A"},
        {"\xEF\xBB\xBF"
         "a",
         "a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct cleat_bytes a = cleat_bytes_str(pairs[i][0]);
        struct cleat_bytes b = cleat_bytes_str(pairs[i][1]);
        assert_true(cleat_mqtt_topic_match(a, a));
        assert_true(cleat_mqtt_topic_match(b, b));
        assert_false(cleat_mqtt_topic_match(a, b));
        assert_false(cleat_mqtt_topic_match(b, a));
    }
}

/* --- wrong packets ------------------------------------------------------- */

/* The fourteen that no client we measured refuses completely, in the order of
 * docs/conformance.md; several rows have more than one form. */
static void the_fourteen_malformed_packets_are_refused(void **state) {
    (void)state;
    static const char *const list[] = {
        "3606000161000178", /* 1: QoS 3 */
        "30050004616263",   /* 2: topic past the end */
        "3003ffff61",       /* 2 */
        "3206000161000078", /* 3: PUBLISH with id 0 */
        "3406000161000078", /* 3 */
        "40020000",         /* 4: PUBACK of id 0 */
        "30060003c0af6178", /* 5: UTF-8 longer than needed */
        "30060003eda08078", /* 5: a surrogate */
        "30040001ff78",     /* 5: no UTF-8 at all */
        "30060003610062"    /* 6: NUL in the topic */
        "78",
        "30060003612f2378", /* 7: wildcard # */
        "300400012b78",     /* 7: wildcard + */
        "3003000078",       /* 8: empty topic */
        "3804000161"        /* 9: DUP at QoS 0 */
        "78",
        "41020001",     /* 10: flag bits */
        "60020001",     /* 10 */
        "d100",         /* 10 */
        "400100",       /* 11: short PUBACK */
        "4000",         /* 11 */
        "30ffffffff01", /* 12: remaining length of five bytes */
        "4082000001",   /* 13: longer than needed */
        "308480000161", /* 13 */
        "900300037f",   /* 14: SUBACK code 0x7F */
    };
    static struct script s;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        size_t len = strlen(list[i]) / 2;
        for (size_t k = 0; k <= len; k++) {
            char text[128];
            script_init(&s);
            s.split = 4 + k; /* Behind the CONNACK. */
            snprintf(text, sizeof text,
                     "connect < 20020000 pub1 a x pub2 a y sub b 1 < %s",
                     list[i]);
            script_play(&s, text);
            if (strncmp(s.events, UP "failed -6 ", strlen(UP) + 10) != 0) {
                fail_msg("%s split at %zu: %s", list[i], k, s.events);
            }
        }
    }
}

/* The first two bytes of a packet: whatever they are, nothing comes up, and
 * they are refused unless a broker may go on from there. */
static void two_bytes_are_enough_to_refuse_a_wrong_beginning(void **state) {
    static struct script s;
    (void)state;
    for (unsigned v = 0; v < 65536; v++) {
        uint8_t p[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        up(&s);
        int n = cleat_mqtt_input(&s.session, cleat_bytes_of(p, 2), s.now);
        bool begun = n == 2; /* More of it is awaited. */
        if (begun && p[1] < 0x80) {
            uint8_t type = p[0] & 0xF0;
            bool sound = type == 0x30 || ((type & 0x80) == 0 && p[1] == 2) ||
                         (p[0] == 0x90 && p[1] > 2) ||
                         (p[0] == 0xB0 && p[1] == 2);
            assert_true(sound);
        }
        struct cleat_mqtt_event e;
        bool told = cleat_mqtt_event(&s.session, &e, s.now);
        assert_int_equal(told, !begun);
        assert_true(!told || e.type == CLEAT_MQTT_FAILED);
    }
}

#define CASE(name) cmocka_unit_test(name)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(connect_goes_first_whatever_is_queued),
        CASE(connect_goes_out_once_a_connection),
        CASE(every_refusal_ends_the_connection_with_its_code),
        CASE(what_is_queued_survives_a_refusal),
        CASE(a_clean_session_starts_from_nothing),
        CASE(connect_follows_the_settings_in_every_combination),
        CASE(an_id_is_free_again_after_its_last_acknowledgement),
        CASE(a_byte_order_mark_stays_in_a_topic),
        CASE(retain_goes_out_as_asked),
        CASE(an_acknowledged_id_may_carry_a_new_message),
        CASE(acknowledgements_go_out_in_the_order_of_arrival),
        CASE(a_message_nobody_asked_for_is_acknowledged),
        CASE(every_qos_comes_up_whatever_was_granted),
        CASE(a_message_under_way_is_finished_after_unsuback),
        CASE(a_filter_may_be_subscribed_to_again),
        CASE(codes_come_up_in_the_order_of_the_filters),
        CASE(one_unsuback_answers_several_filters),
        CASE(an_answer_that_never_comes_ends_the_connection),
        CASE(topics_are_compared_byte_by_byte),
        CASE(the_fourteen_malformed_packets_are_refused),
        CASE(two_bytes_are_enough_to_refuse_a_wrong_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
