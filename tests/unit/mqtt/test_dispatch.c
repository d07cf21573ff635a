/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/mqtt5.h"
#include "cleat/mqtt_dispatch.h"

/* Handlers write the letter in their user argument here. */
static char called[32];

static void note(void *user, const struct cleat_mqtt_event *m) {
    size_t len = strlen(called);
    assert_int_equal(m->type, CLEAT_MQTT_MESSAGE);
    assert_true(len + 1 < sizeof called);
    called[len] = *(const char *)user;
    called[len + 1] = '\0';
}

#define ROUTE(text, letter)                                                    \
    {                                                                          \
        .filter = {(const uint8_t *)(text), sizeof(text) - 1},                 \
        .handler = note, .user = letter                                        \
    }

static const struct cleat_mqtt_route routes[] = {
    ROUTE("home/+/temp", "a"),
    ROUTE("home/#", "b"),
    ROUTE("$share/pool/jobs/#", "c"),
    ROUTE("#", "d"),
    ROUTE("$SYS/#", "e"),
    ROUTE("$share/all/#", "f"),
    ROUTE("home/kitchen/temp", "g"),
};

static const struct cleat_mqtt_dispatch each = {.routes = routes,
                                                .count = sizeof routes /
                                                         sizeof routes[0],
                                                .otherwise = note,
                                                .otherwise_user = "z"};

static struct cleat_mqtt_event message(const char *topic) {
    struct cleat_mqtt_event e;
    memset(&e, 0, sizeof e);
    e.type = CLEAT_MQTT_MESSAGE;
    e.topic = cleat_bytes_str(topic);
    return e;
}

static const char *hand(const struct cleat_mqtt_dispatch *table,
                        const struct cleat_mqtt_event *e) {
    called[0] = '\0';
    size_t count = cleat_mqtt_dispatch(table, e);
    bool other = strcmp(called, "z") == 0;
    assert_int_equal(count, other ? 0 : strlen(called));
    return called;
}

static const char *to(const struct cleat_mqtt_dispatch *table,
                      const char *topic) {
    struct cleat_mqtt_event e = message(topic);
    return hand(table, &e);
}

static void every_matching_entry_is_called_in_order(void **state) {
    (void)state;
    assert_string_equal(to(&each, "home/kitchen/temp"), "abdfg");
    assert_string_equal(to(&each, "home/hall/temp"), "abdf");
    assert_string_equal(to(&each, "home"), "bdf");
    assert_string_equal(to(&each, "x"), "df");
}

static void shared_filters_match_by_what_follows_the_name(void **state) {
    (void)state;
    assert_string_equal(to(&each, "jobs/1"), "cdf");
    assert_string_equal(to(&each, "jobs"), "cdf");
    assert_string_equal(to(&each, "pool/jobs/1"), "df");
}

static void wildcards_in_front_leave_dollar_topics_alone(void **state) {
    (void)state;
    assert_string_equal(to(&each, "$SYS/uptime"), "e");
    assert_string_equal(to(&each, "$other"), "z");
}

static void only_the_first_one_is_called_if_so_wanted(void **state) {
    struct cleat_mqtt_dispatch first = each;
    (void)state;
    first.first_only = true;
    assert_string_equal(to(&first, "home/kitchen/temp"), "a");
    assert_string_equal(to(&first, "home/kitchen"), "b");
    assert_string_equal(to(&first, "$other"), "z");
}

static void what_nobody_wants_may_go_nowhere(void **state) {
    struct cleat_mqtt_dispatch none = each;
    (void)state;
    none.otherwise = NULL;
    assert_string_equal(to(&none, "$other"), "");
    none.count = 0;
    assert_string_equal(to(&none, "home"), "");
}

static void entries_without_handler_are_passed_over(void **state) {
    struct cleat_mqtt_route own[2] = {ROUTE("a", "1"), ROUTE("a", "2")};
    const struct cleat_mqtt_dispatch table = {.routes = own, .count = 2};
    (void)state;
    assert_string_equal(to(&table, "a"), "12");
    own[0].handler = NULL; /* A table in RAM may change. */
    assert_string_equal(to(&table, "a"), "2");
}

static void other_events_call_nothing(void **state) {
    struct cleat_mqtt_event e = message("home");
    (void)state;
    e.type = CLEAT_MQTT_SKIPPED;
    assert_string_equal(hand(&each, &e), "");
}

/* Properties of a message: that many identifiers from number on. */
static struct cleat_bytes ids(uint8_t number, uint8_t count) {
    static uint8_t bytes[64];
    size_t len = 0;
    bytes[len++] = CLEAT_MQTT_PAYLOAD_FORMAT;
    bytes[len++] = 1;
    for (uint8_t i = 0; i < count; i++) {
        bytes[len++] = CLEAT_MQTT_SUBSCRIPTION_ID;
        bytes[len++] = (uint8_t)(number + i);
    }
    return cleat_bytes_of(bytes, len);
}

static const struct cleat_mqtt_route numbered[] = {
    {.filter = {(const uint8_t *)"a/#", 3},
     .subscription_id = 1,
     .handler = note,
     .user = "1"},
    {.filter = {(const uint8_t *)"$share/g/a/#", 12},
     .subscription_id = 2,
     .handler = note,
     .user = "2"},
    {.filter = {(const uint8_t *)"a/b", 3},
     .local = true,
     .handler = note,
     .user = "3"},
    {.filter = {(const uint8_t *)"a/b", 3},
     .subscription_id = 1,
     .local = true,
     .handler = note,
     .user = "4"},
};
static const struct cleat_mqtt_dispatch by_number = {
    .routes = numbered, .count = 4, .otherwise = note, .otherwise_user = "z"};

static void identifiers_decide_where_both_sides_have_them(void **state) {
    struct cleat_mqtt_event e = message("a/b");
    (void)state;
    assert_string_equal(hand(&by_number, &e), "1234");
    e.props = ids(1, 1);
    assert_string_equal(hand(&by_number, &e), "134");
    e.props = ids(2, 1);
    assert_string_equal(hand(&by_number, &e), "23");
    e.props = ids(1, 2);
    assert_string_equal(hand(&by_number, &e), "1234");
    e.topic = cleat_bytes_str("other"); /* An alias too long to be kept. */
    assert_string_equal(hand(&by_number, &e), "12");
    e.props = ids(9, 1);
    assert_string_equal(hand(&by_number, &e), "z");
    e.topic = cleat_bytes_str("a/c");
    e.props = ids(1, 1);
    assert_string_equal(hand(&by_number, &e), "1");
    e.topic = cleat_bytes_str("other");
    e.props = ids(9, 0);
    assert_string_equal(hand(&by_number, &e), "z");
}

static void too_many_identifiers_leave_it_to_the_topic(void **state) {
    struct cleat_mqtt_event e = message("a/b");
    (void)state;
    e.props = ids(10, 16);
    assert_string_equal(hand(&by_number, &e), "3");
    e.props = ids(10, 17);
    assert_string_equal(hand(&by_number, &e), "1234");
}

static void the_share_name_is_taken_off(void **state) {
    static const char *const cases[][2] = {{"a/b", "a/b"},
                                           {"$share/g/a", "a"},
                                           {"$share/g/", ""},
                                           {"$share/g", ""},
                                           {"$share/", ""},
                                           {"$share", "$share"},
                                           {"$shared/g", "$shared/g"},
                                           {"$share/g//a", "/a"},
                                           {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(cleat_bytes_equal(
            cleat_mqtt_filter_unshared(cleat_bytes_str(cases[i][0])),
            cleat_bytes_str(cases[i][1])));
    }
}

static int check(struct cleat_mqtt_route first,
                 struct cleat_mqtt_route second) {
    const struct cleat_mqtt_route both[2] = {first, second};
    const struct cleat_mqtt_dispatch table = {.routes = both, .count = 2};
    return cleat_mqtt_dispatch_check(&table);
}

static void tables_are_checked(void **state) {
    static const char *const bad[] = {"",           "a#",        "$share/g",
                                      "$share//a",  "$share/g/", "$share/+/a",
                                      "$share/g/a#"};
    struct cleat_mqtt_route a = ROUTE("a", "1"), b = ROUTE("a", "2");
    const struct cleat_mqtt_dispatch missing = {.count = 1};
    (void)state;
    assert_int_equal(cleat_mqtt_dispatch_check(&each), 0);
    assert_int_equal(cleat_mqtt_dispatch_check(&by_number), 0);
    assert_int_equal(cleat_mqtt_dispatch_check(&missing), CLEAT_ERR_ARG);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        b.filter = cleat_bytes_str(bad[i]);
        assert_int_equal(check(a, b), CLEAT_ERR_ARG);
        b.handler = NULL; /* Not in use. */
        assert_int_equal(check(a, b), 0);
        b.handler = note;
    }
    b.filter = a.filter;
    assert_int_equal(check(a, b), 0);
    b.qos = 3;
    assert_int_equal(check(b, a), CLEAT_ERR_ARG);
    b.qos = 0x30;
    assert_int_equal(check(b, a), CLEAT_ERR_ARG);
    b.qos = 0x40;
    assert_int_equal(check(b, a), CLEAT_ERR_ARG);
    b.qos = 1; /* Would replace the other subscription. */
    assert_int_equal(check(a, b), CLEAT_ERR_ARG);
    b.local = true;
    assert_int_equal(check(a, b), 0);
    b.subscription_id = 1;
    assert_int_equal(check(a, b), 0);
    b.local = false;
    b.qos = 0;
    assert_int_equal(check(a, b), CLEAT_ERR_ARG);
    a.subscription_id = 1;
    assert_int_equal(check(a, b), 0);
    a.subscription_id = b.subscription_id = CLEAT_MQTT_LENGTH_MAX + 1;
    assert_int_equal(check(a, b), CLEAT_ERR_ARG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_matching_entry_is_called_in_order),
        cmocka_unit_test(shared_filters_match_by_what_follows_the_name),
        cmocka_unit_test(wildcards_in_front_leave_dollar_topics_alone),
        cmocka_unit_test(only_the_first_one_is_called_if_so_wanted),
        cmocka_unit_test(what_nobody_wants_may_go_nowhere),
        cmocka_unit_test(entries_without_handler_are_passed_over),
        cmocka_unit_test(other_events_call_nothing),
        cmocka_unit_test(identifiers_decide_where_both_sides_have_them),
        cmocka_unit_test(too_many_identifiers_leave_it_to_the_topic),
        cmocka_unit_test(the_share_name_is_taken_off),
        cmocka_unit_test(tables_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
