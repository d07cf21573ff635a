/* SPDX-License-Identifier: MIT */
/* Exchanges of MQTT 5, byte for byte and split at every place, and what a
 * broker must not send. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "cleat/mqtt5.h"
#include "script.h"

/* CONNECT of client "c", keep-alive 60, receive maximum 3, aliases 2. */
#define HELLO                                                                  \
    "101400044d515454050000"                                                   \
    "3c"                                                                       \
    "06"                                                                       \
    "210003"                                                                   \
    "220002"                                                                   \
    "000163"
#define UP "connected present=0 lost=0\n"
#define ACCEPT "connect < 2003000000 "

struct exchange {
    const char *script;
    const char *events;
    const char *out;
};

static uint8_t aliases[2 * 10];

static void prepare(struct script *s) {
    script_init(s);
    s->config.v5 = &cleat_mqtt_v5;
    s->config.alias_buf = aliases;
    s->config.alias_count = 2;
    s->config.alias_room = 10;
}

static void play(struct script *s, const char *script, size_t split,
                 size_t piece, size_t rx_cap) {
    prepare(s);
    s->split = split;
    s->piece = piece;
    s->config.rx_cap = rx_cap;
    script_play(s, script);
}

static void check_cap(const struct exchange *x, size_t rx_cap) {
    static struct script s;
    play(&s, x->script, SIZE_MAX, 0, rx_cap);
    assert_string_equal(s.events, x->events);
    assert_string_equal(s.out, x->out);
    size_t total = s.received;
    for (size_t k = 0; k <= total; k++) {
        play(&s, x->script, k, k == 0 ? 1 : 0, rx_cap);
        assert_string_equal(s.events, x->events);
        assert_string_equal(s.out, x->out);
    }
}

static void check(const char *script, const char *events, const char *out) {
    const struct exchange x = {script, events, out};
    check_cap(&x, sizeof((struct script *)0)->rx);
    /* What goes out is the same however few bytes of it are taken. */
    static struct script s;
    for (size_t n = 1; n <= strlen(out) / 2; n++) {
        prepare(&s);
        s.take = n;
        script_play(&s, script);
        assert_string_equal(s.events, events);
        assert_string_equal(s.out, out);
    }
}

static void connect_says_what_we_can_take(void **state) {
    (void)state;
    check(ACCEPT, UP, HELLO);
    /* Session expiry, assigned id, user property and all the limits. */
    check("connect < "
          "202b0000"
          "28"
          "1100000010"
          "210005"
          "2401"
          "2500"
          "2700000080"
          "220004"
          "12000178"
          "1300"
          "0a"
          "2800"
          "2900"
          "2a00"
          "260001610001"
          "62",
          UP, HELLO);
}

static void a_refusal_has_its_reason(void **state) {
    (void)state;
    check("connect < 2003008700", "refused 135\n", HELLO);
    check("connect < 2007009d041c000178", "refused 157\n", HELLO);
    /* A broker of 3.1.1. */
    check("connect < 20020001", "refused 132\n", HELLO);
}

static void messages_go_out_and_are_acknowledged(void **state) {
    (void)state;
    check(ACCEPT "pub0 a hi pub1 a x < 40020001 pub2 a y < 50020002 < 70020002",
          UP "delivered 1\ndelivered 2\n",
          HELLO "300600016100"
                "6869"
                "32070001610001"
                "0078"
                "34070001610002"
                "0079"
                "62020002");
}

static void a_message_may_be_refused(void **state) {
    (void)state;
    check(ACCEPT "pub1 a x < 4003000187 pub2 a y < 5004000297"
                 "00 pub1 a z < 400300"
                 "0310",
          UP "delivered 1 87\ndelivered 2 97\ndelivered 3 10\n",
          HELLO "32070001610001"
                "0078"
                "34070001610002"
                "0079"
                "32070001610003"
                "007a");
}

/* Each acknowledgement in its three forms, and PINGRESP. */
static void acknowledgements_may_have_reasons_and_properties(void **state) {
    (void)state;
    check(ACCEPT "pub1 a x < 40080001"
                 "00041f000161 "
                 "pub2 a y < 5003000200 < 7003000200 "
                 "pub2 a z < 500b00030007260001"
                 "6b000176 < 7008000300041f000161",
          UP "delivered 1\ndelivered 2\ndelivered 3\n",
          HELLO "320700016100010078"
                "340700016100020079"
                "62020002"
                "34070001610003007a"
                "62020003");
    check(ACCEPT "< 340700016100010078 < 6203000100 < 340700016100010078 "
                 "< 6208000192041f000161 time 55000 < d000",
          UP "message a x q2 id1 at 0/1\nmessage a x q2 id1 at 0/1\n",
          HELLO "50020001700200015002000170020001c000");
}

static void messages_come_up_with_their_properties(void **state) {
    (void)state;
    check(ACCEPT "< 3006000161006869 < 320f00016100070803000178"
                 "0b05"
                 "0b06"
                 "79",
          UP "message a hi q0 id0 at 0/2\nmessage a y q1 id7 at 0/1\n",
          HELLO "40020007");
}

static void aliases_stand_for_their_topics(void **state) {
    (void)state;
    check(ACCEPT "< 30090002612f0323000178 < 30070000032300"
                 "0179 < 320a0001620009032300027a < 3007000003230002"
                 "77",
          UP "message a/ x q0 id0 at 0/1\nmessage a/ y q0 id0 at 0/1\n"
             "message b z q1 id9 at 0/1\nmessage b w q0 id0 at 0/1\n",
          HELLO "40020009");
    /* Its topic did not fit the room. */
    check(ACCEPT "< 30100009616161616161616161032300017"
                 "8 < 300700000323000179",
          UP "message aaaaaaaaa x q0 id0 at 0/1\nmessage  y q0 id0 at 0/1\n",
          HELLO);
}

static void large_messages_come_in_pieces(void **state) {
    (void)state;
    check_cap(&(struct exchange){ACCEPT
                                 "< 321f0001610009050200000064"
                                 "6162636465666768697061626364656667686970",
                                 UP "message a abcdefghipa q1 id9 at 0/20\n"
                                    "message a bcdefghip q1 id9 at 11/20\n",
                                 HELLO "40020009"},
              24);
}

static void a_head_longer_than_the_buffer_is_skipped(void **state) {
    (void)state;
    check_cap(&(struct exchange){ACCEPT
                                 "< 322300016100091b26000c6161616161616161"
                                 "61616161000a626262626262626262627879 "
                                 "< 3005000162"
                                 "0078",
                                 UP "skipped q1 id9 of 2\n"
                                    "message b x q0 id0 at 0/1\n",
                                 HELLO "40020009"},
              24);
}

/* The topic, where it is dropped itself and where properties behind it are. */
static void a_topic_that_is_skipped_is_checked(void **state) {
    (void)state;
#define WRONG_TOPIC                                                            \
    UP "failed -6 publish topic with wildcard, nul or ill-formed utf-8 "       \
       "[MQTT-3.3.2-1]\n"
    check_cap(&(struct exchange){ACCEPT "< 301a0016616161616161616161616161"
                                        "6161616161616161c3610078",
                                 WRONG_TOPIC, HELLO "e00181"},
              24);
    check_cap(&(struct exchange){ACCEPT "< 301a0016c3a961616161616161616161"
                                        "6161616161616161f09f0078",
                                 WRONG_TOPIC, HELLO "e00181"},
              24);
    check_cap(&(struct exchange){ACCEPT
                                 "< 322300012b00091b26000c6161616161616161"
                                 "61616161000a626262626262626262627879",
                                 WRONG_TOPIC, HELLO "e00181"},
              24);
    /* A character in two pieces is no fault; what is wrong later has its own
     * reason. */
    check_cap(&(struct exchange){ACCEPT "< 301a0016c3a961616161616161616161"
                                        "616161616161f09f98800078 "
                                        "< 2003000000",
                                 UP "skipped q0 id0 of 1\n"
                                    "failed -6 second connack\n",
                                 HELLO "e00182"},
              24);
}

/* A user property of 27 bytes, so that no others fit 24. */
#define FILL "26000c616161616161616161616161000a62626262626262626262"

/* Put "< ", a PUBLISH with that topic, identifier 9, those properties and a
 * payload of two bytes behind a script; all but the topic in hexadecimal. */
static void put_publish(char *script, uint8_t first, const char *topic,
                        const char *props) {
    size_t len = strlen(props) / 2;
    size_t id = (first & 6) != 0 ? 2 : 0;
    size_t all = 2 + strlen(topic) + id + 1 + len + 2;
    assert_true(len < 128 && all < 128);
    script += strlen(script);
    script += sprintf(script, "< %02x%02x%04x", first, (unsigned)all,
                      (unsigned)strlen(topic)); /* newlib-nano has no %zx. */
    for (; *topic != 0; topic++) {
        script += sprintf(script, "%02x", (unsigned)(uint8_t)*topic);
    }
    sprintf(script, "%s%02x%s7879 ", id > 0 ? "0009" : "", (unsigned)len,
            props);
}

static void check_publish(uint8_t first, const char *topic, const char *props,
                          const char *events, const char *out) {
    char script[600] = ACCEPT;
    put_publish(script, first, topic, props);
    strcat(script, "< 3005000162"
                   "0078");
    check_cap(&(struct exchange){script, events, out}, 24);
}

#define LONG "abcdefghijklmnopqrstuvwxyz"
#define AND_B "message b x q0 id0 at 0/1\n"

static void properties_longer_than_the_buffer_are_passed_over(void **state) {
    (void)state;
    static const char *const sound[] = {
        FILL,
        FILL "0101",
        "0100" FILL "0200000001",
        FILL "0300046ac3a96e",       /* content type */
        FILL "080003612f62",         /* response topic */
        FILL "0900030080ff",         /* correlation data: any bytes */
        FILL "0b010bffffff7f0b8001", /* subscription identifiers */
        FILL "2600000000" FILL "230002",
        "26000000"
        "04f09f9880" FILL,
    };
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        check_publish(0x32, "a", sound[i], UP "skipped q1 id9 of 2\n" AND_B,
                      HELLO "40020009");
        check_publish(0x30, LONG, sound[i], UP "skipped q0 id0 of 2\n" AND_B,
                      HELLO);
        check_publish(0x34, LONG, sound[i], UP "skipped q2 id9 of 2\n" AND_B,
                      HELLO "50020009");
    }
    check_publish(0x32, LONG, "", UP "skipped q1 id9 of 2\n" AND_B,
                  HELLO "40020009");
    check_publish(0x30, LONG, "0100", UP "skipped q0 id0 of 2\n" AND_B, HELLO);
}

static void properties_longer_than_the_buffer_are_checked(void **state) {
    static const struct {
        const char *props;
        const char *code;
    } list[] = {
        {FILL "0102", "81"},         /* payload format 2 */
        {FILL "01000100", "82"},     /* twice */
        {"0100" FILL "0100", "82"},  /* the same, far apart */
        {FILL "1100000000", "81"},   /* not in PUBLISH */
        {FILL "ff", "81"},           /* unknown */
        {FILL "00", "81"},           /* the same */
        {FILL "0b00", "82"},         /* subscription identifier 0 */
        {FILL "0b8000", "81"},       /* in more bytes than it needs */
        {FILL "0bffffffff01", "81"}, /* in more than four */
        {FILL "230000", "94"},       /* alias 0 */
        {FILL "230003", "94"},       /* above the maximum */
        {FILL "03000161030001"
              "61",
         "82"},
        {FILL "030001ff", "81"}, /* ill-formed UTF-8 */
        {FILL "030002c3c3", "81"},
        {FILL "030001c3", "81"}, /* cut by its length */
        {FILL "03000100", "81"}, /* NUL */
        {FILL "260003eda08000"
              "00",
         "81"}, /* a surrogate in a name */
        {FILL "26000000"
              "03eda080",
         "81"},                  /* and in a value */
        {FILL "080000", "81"},   /* response topic: empty */
        {FILL "08000123", "81"}, /* a wildcard */
        {FILL "0300", "81"},     /* cut in a length */
        {FILL "03000461", "81"}, /* in a text */
        {FILL "02000000", "81"}, /* in a number */
        {FILL "26000161", "81"}, /* a pair of one */
        {FILL "0b80", "81"},
        {FILL "23", "81"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (size_t k = 0; k < 4; k++) {
            static struct script s;
            char script[600] = ACCEPT;
            put_publish(script, k % 2 == 0 ? 0x30 : 0x34, k < 2 ? "a" : LONG,
                        list[i].props);
            size_t total = 1;
            for (size_t cut = 0; cut <= total; cut++) {
                play(&s, script, cut, cut == 0 ? 1 : 0, 24);
                total = s.received;
                const char *end = s.out + strlen(HELLO);
                if (strstr(s.events, "failed -6") == NULL ||
                    strncmp(end, "e001", 4) != 0 ||
                    strcmp(end + 4, list[i].code) != 0) {
                    fail_msg("%s split at %zu: %s, out %s", script, cut,
                             s.events, end);
                }
            }
        }
    }
}

static void properties_end_with_their_packet(void **state) {
    (void)state;
#define TOO_LONG UP "failed -6 properties longer than the packet\n"
    /* None at all behind a topic that is dropped; only the beginning of their
     * length; more of them than are left. */
    static const char *const list[] = {
        "301c001a6162636465666768696a6b6c6d6e6f707172737475767778797a",
        "321e001a6162636465666768696a6b6c6d6e6f707172737475767778797a0009",
        "301d001a6162636465666768696a6b6c6d6e6f707172737475767778797a80",
        "301e001a6162636465666768696a6b6c6d6e6f707172737475767778797a0200",
        ("3022001a6162636465666768696a6b6c6d6e6f707172737475767778797affffffff"
         "00"),
        "301a0001612b0000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char script[200];
        sprintf(script, ACCEPT "< %s", list[i]);
        check_cap(&(struct exchange){script, TOO_LONG, HELLO "e00181"}, 24);
    }
}

/* With this topic, then by its alias, then a message by the same. */
static void check_alias_passed_over(const char *topic, const char *then) {
    char script[600] = ACCEPT;
    char events[200];
    put_publish(script, 0x30, topic, FILL "230001");
    put_publish(script, 0x30, "", FILL "230001");
    strcat(script, "< 300700000323000178");
    snprintf(events, sizeof events,
             UP "skipped q0 id0 of 2\nskipped q0 id0 of 2\n"
                "message %s x q0 id0 at 0/1\n",
             then);
    check_cap(&(struct exchange){script, events, HELLO}, 24);
}

static void a_message_passed_over_sets_its_alias(void **state) {
    (void)state;
    /* Its topic had room beside what checks the properties; or not; or was
     * larger than the buffer. */
    check_alias_passed_over("a", "a");
    check_alias_passed_over("abcdef", "");
    check_alias_passed_over(LONG, "");
    /* Neither a topic nor an alias; an alias that nobody set. */
    check_publish(0x30, "", FILL,
                  UP "failed -6 publish with neither topic nor alias "
                     "[MQTT5-3.3.2-8]\n",
                  HELLO "e00182");
    check_publish(0x30, "", FILL "230001",
                  UP "failed -6 topic alias that was not set [MQTT5-3.3.4]\n",
                  HELLO "e00182");
}

static void subscriptions_are_answered_with_reasons(void **state) {
    (void)state;
    check(ACCEPT "sub a/# 1 < 900400010001 sub b 2 < 900400020087 unsub b "
                 "< b00400030011",
          UP "subscribed 1 codes 1 01\nsubscribed 2 codes 1 87\n"
             "unsubscribed 3\n",
          HELLO "8209"
                "0001000003612f2301"
                "8207"
                "00020000016202"
                "a206"
                "000300000162");
}

static void the_broker_says_why_it_leaves(void **state) {
    (void)state;
    check(ACCEPT "< e0018b pub0 a b",
          UP "failed -12 server shutting down\nerror -3\n", HELLO);
    check(ACCEPT "< e000", UP "failed -12 success\n", HELLO);
    check(ACCEPT "< e0069d041c000178", UP "failed -12 server moved\n", HELLO);
}

static void the_servers_limits_hold(void **state) {
    (void)state;
    /* Maximum QoS 1, no retain, packets of 16 bytes, no wildcards. */
    check("connect < 200c000009240127000000102800 pub2 a x sub a/# 1 "
          "pub0 a 0123456789abcdef pub1 a x",
          UP "error -14\nerror -14\nerror -5\n",
          HELLO "32070001610003"
                "0078");
    /* Receive maximum 1. */
    check("connect < 2006000003210001 pub1 a x pub1 a y < 40020001",
          UP "delivered 1\n",
          HELLO "32070001610001"
                "0078"
                "32070001610002"
                "0079");
    /* The queue of an outage meets a server that cannot do it. */
    check(ACCEPT "pub2 a x lost connect < 20050100022401",
          UP "connected present=1 lost=0\ndelivered 1 9b\n",
          HELLO "34070001610001"
                "0078" HELLO);
    /* Keep-alive 10 instead of 60. */
    check("connect < 200600000313000a time 7499 time 1", UP, HELLO "c000");
}

static void a_broker_that_overruns_us_is_told(void **state) {
    (void)state;
    check(ACCEPT "< 340700016100010078 < 340700016100020078 "
                 "< 340700016100030078 < 340700016100040078 "
                 "< 340700016100050078 < 62020001 < 62020002 "
                 "< 62020003 < 62020004",
          UP "message a x q2 id1 at 0/1\nmessage a x q2 id2 at 0/1\n"
             "message a x q2 id3 at 0/1\nmessage a x q2 id4 at 0/1\n"
             "failed -4 more qos 2 messages under way than qos2_count\n",
          HELLO "50020001500200025002000350020004"
                "70020001700200027002000370020004e00193");
}

struct wrong {
    const char *bytes;
    const char *out; /* DISCONNECT's reason */
};

static void wrong_packets_end_it_with_a_reason(void **state) {
    static const struct wrong list[] = {
        {"0000", "81"},
        {"4101", "81"},
        {"30020000", "81"},       /* no property length */
        {"3003000000", "82"},     /* no topic, no alias */
        {"3004000161ff", "81"},   /* property length too long */
        {"300500016101ff", "81"}, /* unknown property */
        {"30060001610201"
         "02",
         "81"}, /* payload format 2 */
        {"3008000161040101"
         "0100",
         "82"}, /* twice */
        {"30070001610311"
         "0000",
         "81"}, /* not in PUBLISH */
        {"3007000161032300"
         "00",
         "94"}, /* alias 0 */
        {"3007000161032300"
         "03",
         "94"},                     /* alias above the maximum */
        {"3006000003230001", "82"}, /* alias never set */
        {"3008000161040800"
         "0123",
         "81"},                     /* response topic a wildcard */
        {"3006000161020b00", "82"}, /* subscription id 0 */
        {"30090001610526000161"
         "00",
         "81"},                     /* cut pair */
        {"4003000101", "81"},       /* wrong reason code */
        {"4003000092", "81"},       /* id 0 */
        {"40050001000100", "81"},   /* properties too long */
        {"4006000100020100", "81"}, /* property not in PUBACK */
        {"62030001"
         "87",
         "81"},                 /* not for PUBREL */
        {"90040003007f", "81"}, /* not a code of SUBACK */
        {"9004000900"
         "01",
         "82"}, /* for no subscribe */
        {"900500030001"
         "01",
         "82"},                       /* two codes for one filter */
        {"e00104", "81"},             /* only a client says that */
        {"e00700051100000001", "81"}, /* session expiry */
        {"f000", "82"},               /* no method was agreed */
        {"2003000000", "82"},         /* second CONNACK */
        {"d000", "82"},               /* no PINGREQ */
    };
    static struct script s;
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char script[256];
        char end[16];
        size_t total = 1;
        snprintf(script, sizeof script, ACCEPT "pub1 a x pub2 a y sub b 1 < %s",
                 list[i].bytes);
        snprintf(end, sizeof end, "e001%s", list[i].out);
        for (size_t k = 0; k <= total; k++) {
            play(&s, script, k, k == 0 ? 1 : 0, 128);
            total = s.received;
            size_t len = strlen(s.out);
            if (strstr(s.events, "failed -6") == NULL || len < 6 ||
                strcmp(s.out + len - 6, end) != 0) {
                fail_msg("%s split at %zu: %s, out ends %s", list[i].bytes, k,
                         s.events, s.out + (len < 6 ? 0 : len - 6));
            }
        }
    }
}

static void wrong_connacks_are_refused(void **state) {
    static const char *const list[] = {
        "2003020000",       /* reserved flag */
        "2003000100",       /* reason 1 in a CONNACK of MQTT 5 */
        "2003018700",       /* refused with a session */
        "20050000020101",   /* property of PUBLISH */
        "2006000003210000", /* receive maximum 0 */
        "2003001000",       /* not a reason of CONNACK */
        "200400000000",     /* a byte behind */
        "20020000",         /* no properties */
        "e000",             /* DISCONNECT first */
    };
    static struct script s;
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char script[128];
        snprintf(script, sizeof script, "connect < %s", list[i]);
        size_t total = 1;
        for (size_t k = 0; k <= total; k++) {
            play(&s, script, k, k == 0 ? 1 : 0, 128);
            total = s.received;
            if (strncmp(s.events, "failed -6", 9) != 0) {
                fail_msg("%s split at %zu: %s", list[i], k, s.events);
            }
        }
    }
}

static struct cleat_mqtt_event e;

static void come_up(struct script *s, const char *connack) {
    char script[128];
    snprintf(script, sizeof script, "connect < %s", connack);
    script_play(s, script);
    assert_string_equal(s->events, UP);
    s->out[0] = 0;
}

static void flush(struct script *s) {
    struct cleat_bytes out = cleat_mqtt_output(&s->session);
    while (out.len > 0) {
        for (size_t i = 0; i < out.len; i++) {
            char hex[3];
            snprintf(hex, sizeof hex, "%02x", out.data[i]);
            strcat(s->out, hex);
        }
        cleat_mqtt_output_done(&s->session, out.len, s->now);
        out = cleat_mqtt_output(&s->session);
    }
}

static int send(struct script *s, const char *topic, uint8_t qos,
                const struct cleat_mqtt_property *props, uint8_t count) {
    const struct cleat_mqtt_message m = {cleat_bytes_str(topic),
                                         cleat_bytes_str("x"),
                                         qos,
                                         false,
                                         count,
                                         props,
                                         NULL};
    return cleat_mqtt_send(&s->session, &m, s->now);
}

static void properties_are_checked_before_they_go_out(void **state) {
    static struct script s;
    struct cleat_mqtt_property p[2];
    (void)state;
    prepare(&s);
    come_up(&s, "2003000000");
    memset(p, 0, sizeof p);
    p[0].id = CLEAT_MQTT_MESSAGE_EXPIRY;
    p[0].number = 5;
    p[1].id = CLEAT_MQTT_USER_PROPERTY;
    p[1].text = cleat_bytes_str("k");
    p[1].value = cleat_bytes_str("v");
    assert_int_equal(send(&s, "a", 1, p, 2), 1);
    flush(&s);
    assert_string_equal(s.out, "321300016100010c020000000526"
                               "00016b00017678");
    p[1] = p[0];
    assert_int_equal(send(&s, "a", 1, p, 2), CLEAT_ERR_ARG); /* twice */
    p[0].id = CLEAT_MQTT_SESSION_EXPIRY;
    assert_int_equal(send(&s, "a", 1, p, 1), CLEAT_ERR_ARG);
    p[0].id = CLEAT_MQTT_SUBSCRIPTION_ID; /* A client must not. */
    assert_int_equal(send(&s, "a", 1, p, 1), CLEAT_ERR_ARG);
    p[0].id = 99;
    assert_int_equal(send(&s, "a", 1, p, 1), CLEAT_ERR_ARG);
    p[0].id = CLEAT_MQTT_RESPONSE_TOPIC;
    p[0].text = cleat_bytes_str("a/#");
    assert_int_equal(send(&s, "a", 1, p, 1), CLEAT_ERR_ARG);
    p[0].id = CLEAT_MQTT_PAYLOAD_FORMAT;
    p[0].number = 2;
    assert_int_equal(send(&s, "a", 1, p, 1), CLEAT_ERR_ARG);
    assert_int_equal(send(&s, "", 0, NULL, 0), CLEAT_ERR_ARG);
    flush(&s);
    assert_int_equal(strlen(s.out), 42);
}

static void aliases_go_out_once_they_are_set(void **state) {
    static struct script s;
    struct cleat_mqtt_property p;
    (void)state;
    prepare(&s);
    come_up(&s, "2006000003220002");
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_TOPIC_ALIAS;
    p.number = 2;
    assert_int_equal(send(&s, "", 0, &p, 1), CLEAT_ERR_STATE);
    assert_int_equal(send(&s, "ab", 1, &p, 1), CLEAT_ERR_ARG);
    assert_int_equal(send(&s, "ab", 0, &p, 1), 0);
    assert_int_equal(send(&s, "", 0, &p, 1), 0);
    p.number = 3;
    assert_int_equal(send(&s, "ab", 0, &p, 1), CLEAT_ERR_STATE);
    flush(&s);
    assert_string_equal(s.out, "300900026162032300027830070000032300"
                               "0278");
    /* On the next connection none is known, and none is sent that was queued
     * with one. */
    p.number = 2;
    assert_int_equal(send(&s, "", 0, &p, 1), 0);
    cleat_mqtt_lost(&s.session, s.now);
    assert_false(cleat_mqtt_is_busy(&s.session));
}

static void options_and_shares_are_checked(void **state) {
    static struct script s;
    static const struct {
        const char *filter;
        uint8_t qos;
        int err;
    } list[] = {
        {"a", 2 | CLEAT_MQTT_NO_LOCAL | CLEAT_MQTT_RETAIN_NEVER, 1},
        {"$share/g/a/#", 1, 2},
        {"$share/g/a", CLEAT_MQTT_NO_LOCAL, CLEAT_ERR_ARG},
        {"$share/g", 1, CLEAT_ERR_ARG},
        {"$share//a", 1, CLEAT_ERR_ARG},
        {"$share/g/", 1, CLEAT_ERR_ARG},
        {"a", 3, CLEAT_ERR_ARG},
        {"a", 0x30, CLEAT_ERR_ARG},
        {"a", 0x40, CLEAT_ERR_ARG},
    };
    struct cleat_mqtt_property p;
    (void)state;
    prepare(&s);
    come_up(&s, "2003000000");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct cleat_mqtt_filter f = {cleat_bytes_str(list[i].filter),
                                            list[i].qos};
        int err = cleat_mqtt_subscribe(&s.session, &f, 1, s.now);
        if (list[i].err < 0) {
            assert_int_equal(err, list[i].err);
        } else {
            assert_true(err > 0);
        }
        flush(&s);
    }
    s.out[0] = 0;
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_SUBSCRIPTION_ID;
    p.number = 300;
    const struct cleat_mqtt_filter f = {cleat_bytes_str("a"), 1};
    int id = cleat_mqtt_subscribe_with(&s.session, &f, 1, &p, 1, s.now);
    assert_true(id > 0);
    flush(&s);
    char want[64];
    snprintf(want, sizeof want, "820a%04x030bac0200016101", (unsigned)id);
    assert_string_equal(s.out, want);
    p.number = 0;
    assert_int_equal(cleat_mqtt_subscribe_with(&s.session, &f, 1, &p, 1, s.now),
                     CLEAT_ERR_ARG);
}

static void an_authentication_is_an_exchange(void **state) {
    static struct script s;
    struct cleat_mqtt_property p[2];
    (void)state;
    memset(p, 0, sizeof p);
    p[0].id = CLEAT_MQTT_AUTH_METHOD;
    p[0].text = cleat_bytes_str("m");
    p[1].id = CLEAT_MQTT_AUTH_DATA;
    p[1].text = cleat_bytes_str("d");
    prepare(&s);
    s.config.props = p;
    s.config.prop_count = 2;
    script_play(&s, "connect < f00a18081500016d16000131");
    assert_string_equal(s.events, "auth 18 props 8\n");
    s.out[0] = 0;
    assert_int_equal(cleat_mqtt_auth(&s.session, 0x18, p, 2, s.now), 0);
    flush(&s);
    assert_string_equal(s.out, "f00a18081500016d16000164");
    const uint8_t connack[] = {0x20, 7, 0, 0, 4, 21, 0, 1, 'm'};
    assert_int_equal(
        cleat_mqtt_input(&s.session, cleat_bytes_of(connack, 9), s.now), 9);
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    assert_int_equal(e.type, CLEAT_MQTT_CONNECTED);
    /* And again, on the connection that stands. */
    s.out[0] = 0;
    assert_int_equal(cleat_mqtt_auth(&s.session, 0x19, p, 1, s.now), 0);
    flush(&s);
    assert_string_equal(s.out, "f00619041500016d");
    const uint8_t done[] = {0xF0, 6, 0, 4, 21, 0, 1, 'm'};
    assert_int_equal(
        cleat_mqtt_input(&s.session, cleat_bytes_of(done, 8), s.now), 8);
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    assert_int_equal(e.type, CLEAT_MQTT_AUTH);
    assert_int_equal(e.code, 0);
}

static void we_say_why_we_leave(void **state) {
    static struct script s;
    struct cleat_mqtt_property p;
    (void)state;
    prepare(&s);
    come_up(&s, "2003000000");
    assert_int_equal(cleat_mqtt_disconnect_with(&s.session, 4, NULL, 0, s.now),
                     0);
    flush(&s);
    assert_string_equal(s.out, "e00104");
    prepare(&s);
    come_up(&s, "2003000000");
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_SESSION_EXPIRY;
    p.number = 7;
    assert_int_equal(send(&s, "a", 0, NULL, 0), 0);
    assert_int_equal(cleat_mqtt_disconnect_with(&s.session, 0, &p, 1, s.now),
                     0);
    flush(&s);
    assert_string_equal(s.out, "30050001610078e007"
                               "00051100000007");
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    assert_int_equal(e.type, CLEAT_MQTT_CLOSED);
}

static void settings_are_checked(void **state) {
    static struct script s;
    struct cleat_mqtt_property p;
    (void)state;
    memset(&p, 0, sizeof p);
    prepare(&s);
    s.config.props = &p;
    s.config.prop_count = 1;
    p.id = CLEAT_MQTT_RECEIVE_MAX; /* We give that ourselves. */
    p.number = 3;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), CLEAT_ERR_ARG);
    p.id = CLEAT_MQTT_WILL_DELAY;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), CLEAT_ERR_ARG);
    p.id = CLEAT_MQTT_AUTH_DATA; /* without a method */
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), CLEAT_ERR_ARG);
    p.id = CLEAT_MQTT_SESSION_EXPIRY;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), 0);
    s.config.prop_count = 0;
    s.config.will.topic = cleat_bytes_str("w");
    s.config.will.props = &p;
    s.config.will.prop_count = 1;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), CLEAT_ERR_ARG);
    p.id = CLEAT_MQTT_WILL_DELAY;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), 0);
    s.config.alias_buf = NULL;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), CLEAT_ERR_ARG);
}

static void an_old_broker_gets_the_queue_as_3_1_1(void **state) {
    static struct script s;
    struct cleat_mqtt_property p;
    (void)state;
    memset(&p, 0, sizeof p);
    p.id = CLEAT_MQTT_CONTENT_TYPE;
    p.text = cleat_bytes_str("text");
    prepare(&s);
    s.config.queue_offline = true;
    s.config.fall_back = cleat_mqtt_fall_back;
    assert_int_equal(cleat_mqtt_init(&s.session, &s.config), 0);
    assert_int_equal(send(&s, "a", 1, &p, 1), 1);
    assert_int_equal(send(&s, "b", 0, &p, 1), 0);
    assert_int_equal(send(&s, "c", 2, NULL, 0), 2);
    assert_int_equal(cleat_mqtt_connect(&s.session, s.now), 0);
    flush(&s);
    assert_int_equal(
        cleat_mqtt_input(&s.session, cleat_bytes_of("\x20\2\0\1", 4), s.now),
        4);
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    assert_int_equal(e.type, CLEAT_MQTT_REFUSED);
    assert_int_equal(e.code, 0x84);
    cleat_mqtt_lost(&s.session, s.now);
    s.out[0] = 0;
    assert_int_equal(cleat_mqtt_connect(&s.session, s.now), 0);
    flush(&s);
    assert_string_equal(s.out, "100d00044d5154540400003c000163");
    s.out[0] = 0;
    assert_int_equal(
        cleat_mqtt_input(&s.session, cleat_bytes_of("\x20\2\0\0", 4), s.now),
        4);
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    flush(&s);
    assert_string_equal(s.out, "3206000161000178"
                               "300400016278"
                               "3406000163000278");
}

static void an_event_hands_out_its_properties(void **state) {
    static struct script s;
    struct cleat_mqtt_property p;
    static const uint8_t m[] = {0x30, 0x16, 0,    1,    'a',  16,   0x09, 0,
                                1,    0xFF, 0x0B, 0x80, 0x01, 0x26, 0,    1,
                                'k',  0,    1,    'v',  0x0B, 1,    'x',  'y'};
    (void)state;
    prepare(&s);
    come_up(&s, "2003000000");
    assert_int_equal(
        cleat_mqtt_input(&s.session, cleat_bytes_of(m, sizeof m), s.now),
        sizeof m);
    assert_true(cleat_mqtt_event(&s.session, &e, s.now));
    struct cleat_bytes rest = e.props;
    assert_true(cleat_mqtt_property_next(&rest, &p));
    assert_int_equal(p.id, CLEAT_MQTT_CORRELATION_DATA);
    assert_int_equal(p.text.data[0], 0xFF);
    assert_true(cleat_mqtt_property_next(&rest, &p));
    assert_int_equal(p.number, 128);
    assert_true(cleat_mqtt_property_next(&rest, &p));
    assert_memory_equal(p.value.data, "v", 1);
    assert_true(cleat_mqtt_property_next(&rest, &p));
    assert_int_equal(p.number, 1);
    assert_false(cleat_mqtt_property_next(&rest, &p));
    assert_true(
        cleat_mqtt_property_find(e.props, CLEAT_MQTT_USER_PROPERTY, &p));
    assert_false(
        cleat_mqtt_property_find(e.props, CLEAT_MQTT_CONTENT_TYPE, &p));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_says_what_we_can_take),
        cmocka_unit_test(a_refusal_has_its_reason),
        cmocka_unit_test(messages_go_out_and_are_acknowledged),
        cmocka_unit_test(a_message_may_be_refused),
        cmocka_unit_test(acknowledgements_may_have_reasons_and_properties),
        cmocka_unit_test(messages_come_up_with_their_properties),
        cmocka_unit_test(aliases_stand_for_their_topics),
        cmocka_unit_test(large_messages_come_in_pieces),
        cmocka_unit_test(a_head_longer_than_the_buffer_is_skipped),
        cmocka_unit_test(a_topic_that_is_skipped_is_checked),
        cmocka_unit_test(properties_longer_than_the_buffer_are_passed_over),
        cmocka_unit_test(properties_longer_than_the_buffer_are_checked),
        cmocka_unit_test(properties_end_with_their_packet),
        cmocka_unit_test(a_message_passed_over_sets_its_alias),
        cmocka_unit_test(subscriptions_are_answered_with_reasons),
        cmocka_unit_test(the_broker_says_why_it_leaves),
        cmocka_unit_test(the_servers_limits_hold),
        cmocka_unit_test(a_broker_that_overruns_us_is_told),
        cmocka_unit_test(wrong_packets_end_it_with_a_reason),
        cmocka_unit_test(wrong_connacks_are_refused),
        cmocka_unit_test(properties_are_checked_before_they_go_out),
        cmocka_unit_test(aliases_go_out_once_they_are_set),
        cmocka_unit_test(options_and_shares_are_checked),
        cmocka_unit_test(an_authentication_is_an_exchange),
        cmocka_unit_test(we_say_why_we_leave),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(an_old_broker_gets_the_queue_as_3_1_1),
        cmocka_unit_test(an_event_hands_out_its_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
