/* SPDX-License-Identifier: MIT */
/* What a broker must not send: each ends the connection with its reason, at
 * every split of the bytes, and nothing of it comes up. */
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

struct wrong {
    const char *bytes;
    const char *reason; /* part of it */
};

/* While these are under way: PUBLISH QoS 1 id 1, QoS 2 id 2, SUBSCRIBE id 3
 * (one filter), UNSUBSCRIBE id 4. */
#define BUSY "connect < 20020000 pub1 a x pub2 a y sub b 1 unsub b "
#define BUSY_EVENTS "connected present=0 lost=0\n"

static void check(const char *prefix, const char *events,
                  const struct wrong *w) {
    static struct script s;
    char script[1024];
    char expect[256];
    size_t total = 1;
    snprintf(script, sizeof script, "%s< %s < d000", prefix, w->bytes);
    snprintf(expect, sizeof expect, "%sfailed -6 ", events);
    for (size_t k = 0; k <= total; k++) {
        script_init(&s);
        s.split = k;
        s.piece = k == 0 ? 1 : 0;
        script_play(&s, script);
        total = s.received;
        if (strncmp(s.events, expect, strlen(expect)) != 0 ||
            strstr(s.events, w->reason) == NULL ||
            strchr(s.events + strlen(expect), '\n')[1] != 0) {
            fail_msg("%s split at %zu: expected \"%s\", got \"%s\"", w->bytes,
                     k, w->reason, s.events);
        }
        assert_true(cleat_mqtt_output(&s.session).len == 0);
    }
}

static void check_all(const char *prefix, const char *events,
                      const struct wrong *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        check(prefix, events, &list[i]);
    }
}

#define CHECK_ALL(prefix, events, list)                                        \
    check_all(prefix, events, list, sizeof list / sizeof list[0])

static void fixed_headers_are_checked(void **state) {
    (void)state;
    static const struct wrong list[] = {
        {"0000", "reserved packet type"},
        {"f000", "reserved packet type"},
        {"1000", "only clients"},
        {"82050001000161", "only clients"},
        {"a2050001000161", "only clients"},
        {"c000", "only clients"},
        {"e000", "only clients"},
        {"41020001", "2.2.2-2"},
        {"52020002", "2.2.2-2"},
        {"60020001", "2.2.2-2"},
        {"60020002", "2.2.2-2"},
        {"63020001", "2.2.2-2"},
        {"72020002", "2.2.2-2"},
        {"9203000301", "2.2.2-2"},
        {"b1020004", "2.2.2-2"},
        {"d100", "2.2.2-2"},
        {"21020000", "2.2.2-2"},
        {"308000", "more than four bytes or than it needs"},
        {"30838000", "more than four bytes or than it needs"},
        {"4082000001", "more than four bytes or than it needs"},
        {"30ffffffff", "more than four"},
    };
    CHECK_ALL(BUSY, BUSY_EVENTS, list);
}

static void publish_is_checked(void **state) {
    (void)state;
    static const struct wrong list[] = {
        {"3606000161000178", "3.3.1-4"},
        {"3e06000161000178", "3.3.1-4"},
        {"3804000161"
         "78",
         "3.3.1-2"},
        {"3000", "remaining length"},
        {"3002", "remaining length"},
        {"32040001", "remaining length"},
        {"3003000261", "topic longer"},
        {"3003ffff61", "topic longer"},
        {"32050002610001", "topic longer"},
        {"3003000078", "4.7.3-1"},
        {"3003000123", "3.3.2-1"},
        {"300300012b", "3.3.2-1"},
        {"3005000361"
         "2f23",
         "3.3.2-1"},
        {"3003000100", "3.3.2-1"},
        {"30030001ff", "3.3.2-1"},
        {"3004000280"
         "80",
         "3.3.2-1"},
        {"30040002c0"
         "80",
         "3.3.2-1"},
        {"30050003eda080", "3.3.2-1"},
        {"30050003edbfbf", "3.3.2-1"},
        {"30050003e08080", "3.3.2-1"},
        {"30060004f0808080", "3.3.2-1"},
        {"30060004f4908080", "3.3.2-1"},
        {"30030001c3", "3.3.2-1"},
        {"3206000161000078", "2.3.1-1"},
        {"3406000161000078", "2.3.1-1"},
    };
    CHECK_ALL(BUSY, BUSY_EVENTS, list);
}

#define LONG 26u
#define LONG_CAP 20u

/* A topic of LONG bytes that does not fit rx_buf, at is what lies at byte `pos`
 * of it, at every split. */
static void check_long(const char *at, size_t pos, uint32_t qos,
                       const char *events) {
    static struct script s;
    char text[256];
    size_t total = 1;
    int n = snprintf(text, sizeof text, "connect < 20020000 < 3%x%02x%04x",
                     (unsigned)(qos << 1),
                     (unsigned)(2 + LONG + (qos > 0 ? 2 : 0) + 1), LONG);
    for (size_t i = 0; i < LONG; i++) {
        memcpy(text + n + 2 * i, "61", 2);
    }
    memcpy(text + n + 2 * pos, at, strlen(at));
    snprintf(text + n + 2 * LONG, sizeof text - (size_t)n - 2 * LONG, "%s78",
             qos > 0 ? "0009" : "");
    for (size_t k = 0; k <= total; k++) {
        script_init(&s);
        s.config.rx_cap = LONG_CAP;
        s.split = k;
        s.piece = k == 0 ? 1 : 0;
        script_play(&s, text);
        total = s.received;
        if (strcmp(s.events, events) != 0) {
            fail_msg("%s at %zu split at %zu: %s", at, pos, k, s.events);
        }
        assert_int_equal(s.rx[LONG_CAP], 0); /* Behind rx_buf. */
    }
}

static void a_topic_too_long_for_the_buffer_is_checked(void **state) {
    (void)state;
    static const char *const list[] = {
        "00",     "23",     "2b",       "80",       "bf",         "c0",
        "c080",   "c1bf",   "c361",     "c300",     "c3c3a9",     "e08080",
        "e09fbf", "e28261", "e282e282", "eda080",   "edbfbf",     "e2",
        "f0",     "f09f",   "f09f9861", "f08fbfbf", "f4908080",   "f5808080",
        "f8",     "ff",     "c3a9a9",   "e282acac", "f09f988080",
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (size_t pos = 0; pos + strlen(list[i]) / 2 <= LONG; pos++) {
            check_long(list[i], pos, (uint32_t)(pos % 3),
                       BUSY_EVENTS "failed -6 publish topic with wildcard, nul "
                                   "or ill-formed utf-8 [MQTT-3.3.2-1]\n");
        }
    }
}

static void a_topic_too_long_for_the_buffer_may_be_any_text(void **state) {
    (void)state;
    static const char *const list[] = {
        "01",     "7f",       "24",       "2f2f",         "c280",
        "dfbf",   "e0a080",   "ed9fbf",   "ee8080",       "efbfbf",
        "efbbbf", "f0908080", "f48fbfbf", "c3a9f09f9880", "f09f9880e282acc3a9",
    };
    static const char *const events[] = {
        BUSY_EVENTS "skipped q0 id0 of 1\n",
        BUSY_EVENTS "skipped q1 id9 of 1\n",
        BUSY_EVENTS "skipped q2 id9 of 1\n",
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (size_t pos = 0; pos + strlen(list[i]) / 2 <= LONG; pos++) {
            check_long(list[i], pos, (uint32_t)(pos % 3), events[pos % 3]);
        }
    }
}

static void acknowledgements_are_checked(void **state) {
    (void)state;
    static const struct wrong list[] = {
        {"400100", "remaining length"},
        {"4003000100", "remaining length"},
        {"4000", "remaining length"},
        {"5003000200", "remaining length"},
        {"620100", "remaining length"},
        {"7003000200", "remaining length"},
        {"b003000400", "remaining length"},
        {"d00100", "remaining length"},
        {"40020000", "2.3.1-1"},
        {"50020000", "2.3.1-1"},
        {"62020000", "2.3.1-1"},
        {"70020000", "2.3.1-1"},
        {"b0020000", "2.3.1-1"},
        {"9003000001", "2.3.1-1"},
        {"50020001", "wrong type"},
        {"70020001", "wrong type"},
        {"40020002", "wrong type"},
        {"70020002", "wrong type"},
        {"40020003", "wrong type"},
        {"50020004", "wrong type"},
        {"d000", "3.13"},
    };
    CHECK_ALL(BUSY, BUSY_EVENTS, list);
}

static void suback_and_unsuback_are_checked(void **state) {
    (void)state;
    static const struct wrong list[] = {
        {"90020003", "remaining length"}, {"9003000303", "3.9.3-2"},
        {"900300037f", "3.9.3-2"},        {"90030003ff", "3.9.3-2"},
        {"900400030101", "3.8.4-5"},      {"90ff7f0003", "3.8.4-5"},
        {"9003000901", "3.8.4-2"},        {"9003000101", "3.8.4-2"},
        {"9003000401", "3.8.4-2"},        {"b0020009", "3.10.4-4"},
        {"b0020003", "3.10.4-4"},
    };
    CHECK_ALL(BUSY, BUSY_EVENTS, list);
}

static void connack_is_checked(void **state) {
    (void)state;
    static const struct wrong first[] = {
        {"3003000161", "3.2.0-1"},
        {"40020001", "3.2.0-1"},
        {"d000", "3.2.0-1"},
        {"200100", "remaining length"},
        {"2003000000", "remaining length"},
        {"20020200", "reserved flags"},
        {"2002ff00", "reserved flags"},
        {"20020006", "return code"},
        {"200200ff", "return code"},
        {"20020105", "3.2.2-4"},
    };
    static const struct wrong second[] = {{"20020000", "second connack"}};
    CHECK_ALL("connect ", "", first);
    CHECK_ALL(BUSY, BUSY_EVENTS, second);
}

static void a_clean_session_is_never_present(void **state) {
    static struct script s;
    (void)state;
    script_init(&s);
    s.config.clean_session = true;
    script_play(&s, "connect < 20020100");
    assert_non_null(strstr(s.events, "3.2.2-1"));
}

#define FOUR                                                                   \
    "connect < 20020000 < 3406000161000178 < 3406000161000278 "                \
    "< 3406000161000378 < 3406000161000478 "
/* One that is known is answered, those too many are not: neither with room
 * again, nor where their topic fits no buffer. */
#define SURPLUS                                                                \
    FOUR "< 3406000161000578 < 3c06000161000178 < 62020001 "                   \
         "< 3406000161000678 < 320600016100077a "

static void more_qos2_messages_than_slots_are_passed_over(void **state) {
    static struct script s;
    char text[1024] = SURPLUS "< 3486010082";
    size_t end = strlen(text);
    (void)state;
    memset(text + end, '6', 2 * 130);
    memcpy(text + end + 2 * 130, "0008", 5);
    script_init(&s);
    script_play(&s, text);
    assert_null(strstr(s.events, "failed"));
    assert_null(strstr(s.events, "id5"));
    assert_null(strstr(s.events, "id6"));
    assert_non_null(strstr(s.events, "id7"));
    assert_null(strstr(s.events, "skipped"));
    assert_non_null(strstr(s.out, "50020004500200017002000140020007"));
    assert_null(strstr(s.out, "50020005"));
    assert_int_equal(cleat_mqtt_surplus(&s.session), 3);
}

/* Once the four are done, not before. */
static void a_surplus_ends_the_connection_when_it_rests(void **state) {
    static struct script s;
    (void)state;
    script_init(&s);
    script_play(&s, SURPLUS "< 62020002 < 62020003");
    assert_null(strstr(s.events, "failed"));
    script_init(&s);
    script_play(&s, SURPLUS "< 62020002 < 62020003 < 62020004 lost connect "
                            "< 20020100 < 3c06000161000578");
    assert_non_null(strstr(s.events, "failed -4 more qos 2"));
    assert_non_null(strstr(s.events, "id5"));
}

/* Nor for ever where the broker does not release them. */
static void a_surplus_waits_for_pubrel_in_time(void **state) {
    static struct script s;
    (void)state;
    script_init(&s);
    script_play(&s, FOUR "< 3406000161000578 time 9999 < 62020001 time 9999");
    assert_null(strstr(s.events, "failed"));
    script_init(&s);
    script_play(&s, FOUR "< 3406000161000578 time 9999 < 62020001 time 10000");
    assert_non_null(strstr(s.events, "no acknowledgement in time"));
    /* The three that came up are known on the next connection. */
    for (size_t i = 0; i < 4; i++) {
        assert_true((s.ids[i] == 0) == (i == 1));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_headers_are_checked),
        cmocka_unit_test(publish_is_checked),
        cmocka_unit_test(a_topic_too_long_for_the_buffer_is_checked),
        cmocka_unit_test(a_topic_too_long_for_the_buffer_may_be_any_text),
        cmocka_unit_test(acknowledgements_are_checked),
        cmocka_unit_test(suback_and_unsuback_are_checked),
        cmocka_unit_test(connack_is_checked),
        cmocka_unit_test(a_clean_session_is_never_present),
        cmocka_unit_test(more_qos2_messages_than_slots_are_passed_over),
        cmocka_unit_test(a_surplus_ends_the_connection_when_it_rests),
        cmocka_unit_test(a_surplus_waits_for_pubrel_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
