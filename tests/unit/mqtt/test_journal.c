/* SPDX-License-Identifier: MIT */
/* What a session tells its journal, and how it goes on after a restart with
 * what the journal kept. The journal here is a log in memory. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct {
    struct cleat_mqtt_journal journal;
    char log[512];
    int refuse; /* this note is answered with an error */
    uint8_t kept[64];
    size_t kept_len;
} j;

static int note(void *arg, enum cleat_mqtt_note what, uint16_t id,
                struct cleat_bytes packet) {
    static const char *const names[] = {"queued",  "pubrec",   "done",
                                        "qos2 in", "qos2 out", "new"};
    size_t used = strlen(j.log);
    (void)arg;
    snprintf(j.log + used, sizeof j.log - used, "%s %d\n", names[what], id);
    if (packet.len > 0) {
        assert_true(packet.len <= sizeof j.kept);
        memcpy(j.kept, packet.data, packet.len);
        j.kept_len = packet.len;
    }
    return (int)what == j.refuse ? CLEAT_ERR_IO : 0;
}

static int fresh(void **state) {
    (void)state;
    fixture_reset();
    memset(&j, 0, sizeof j);
    j.refuse = -1;
    j.journal.note = note;
    t.config.rx_cap = 64;
    t.config.journal = &j.journal;
    return cleat_mqtt_init(S, &t.config);
}

static void drop_events(void) {
    while (cleat_mqtt_event(S, &t.e, 0)) {
    }
}

/* Receive, and drop what comes up. */
static void pass(const void *bytes, size_t len) {
    receive(bytes, len);
    drop_events();
}

#define PASS(literal) pass(literal, sizeof literal - 1)

static int publish(uint8_t qos) {
    return cleat_mqtt_publish(S, cleat_bytes_str("a"), cleat_bytes_str("x"),
                              qos, false, 0);
}

static void each_change_is_noted_before_it_is_acted_on(void **state) {
    (void)state;
    come_up(false);
    publish(0);
    publish(1);
    assert_memory_equal(j.kept, "\x32\6\0\1a\0\1x", 8);
    publish(2);
    flush();
    PASS("\x40\2\0\1");
    PASS("\x50\2\0\2");
    flush();
    PASS("\x70\2\0\2");
    PASS("\x34\6\0\1a\0\7x");
    flush();
    PASS("\x62\2\0\7");
    assert_string_equal(j.log, "new 0\nqueued 1\nqueued 2\ndone 1\npubrec 2\n"
                               "done 2\nqos2 in 7\nqos2 out 7\n");
}

static void a_message_that_cannot_be_kept_is_not_accepted(void **state) {
    (void)state;
    come_up(false);
    j.refuse = CLEAT_MQTT_NOTE_QUEUED;
    assert_int_equal(publish(1), CLEAT_ERR_IO);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    assert_int_equal(publish(0), 0);
}

static void a_pubrec_that_cannot_be_kept_is_not_answered(void **state) {
    (void)state;
    come_up(false);
    publish(2);
    flush();
    j.refuse = CLEAT_MQTT_NOTE_PUBREC;
    receive("\x50\2\0\1", 4);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    expect_event(CLEAT_MQTT_FAILED);
    assert_int_equal(t.e.err, CLEAT_ERR_IO);
}

static void a_message_received_that_cannot_be_kept_comes_again(void **state) {
    (void)state;
    come_up(false);
    j.refuse = CLEAT_MQTT_NOTE_QOS2_IN;
    receive("\x34\6\0\1a\0\7x", 8);
    /* It does not come up, or it would do so twice. */
    expect_event(CLEAT_MQTT_FAILED);
    assert_int_equal(t.e.err, CLEAT_ERR_IO);
    assert_int_equal(cleat_mqtt_output(S).len, 0);
    j.refuse = -1;
    cleat_mqtt_lost(S, 0);
    come_up(true);
    receive("\x3C\6\0\1a\0\7x", 8);
    expect_event(CLEAT_MQTT_MESSAGE);
    assert_int_equal(cleat_mqtt_output(S).len, 4);
}

static void what_was_kept_goes_on_after_a_restart(void **state) {
    static const uint8_t want[] = {0x62, 2,    0, 4, 0x3A, 6,   0, 1, 'a', 0, 5,
                                   'x',  0x32, 6, 0, 1,    'b', 0, 6, 'y'};
    (void)state;
    assert_int_equal(cleat_mqtt_restore_pubrel(S, 4), 4);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x32\6\0\1a\0\5x", 8), true), 5);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x32\6\0\1b\0\6y", 8), false), 6);
    assert_int_equal(cleat_mqtt_restore_qos2(S, 7), 0);
    assert_string_equal(j.log, "");
    assert_int_equal(cleat_mqtt_connect(S, 0), 0);
    flush();
    receive("\x20\2\1\0", 4);
    assert_true(cleat_mqtt_event(S, &t.e, 0));
    assert_false(t.e.session_lost);
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, sizeof want);
    assert_memory_equal(out.data, want, sizeof want);
    flush();
    /* A QoS 2 message that was delivered before the restart. */
    receive("\x3C\6\0\1a\0\7x", 8);
    assert_false(cleat_mqtt_event(S, &t.e, 0));
    assert_memory_equal(cleat_mqtt_output(S).data, "\x50\2\0\7", 4);
    flush();
    PASS("\x62\2\0\7");
    PASS("\x70\2\0\4");
    PASS("\x40\2\0\5");
    assert_string_equal(j.log, "qos2 out 7\ndone 4\ndone 5\n");
    t.config.first_id = 6;
    t.session.next_id = 6;
    t.session.id_run = 0;
    assert_int_equal(publish(1), 7); /* 6 is under way. */
}

static void a_broker_that_forgot_us_gets_it_as_new(void **state) {
    (void)state;
    assert_int_equal(cleat_mqtt_restore_pubrel(S, 4), 4);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x32\6\0\1a\0\5x", 8), true), 5);
    come_up(false);
    drop_events();
    struct cleat_bytes out = cleat_mqtt_output(S);
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "\x32\6\0\1a\0\5x", 8);
    assert_string_equal(j.log, "new 0\ndone 4\n");
}

static void what_no_journal_can_hold_is_refused(void **state) {
    (void)state;
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x30\4\0\1ax", 6), true),
        CLEAT_ERR_ARG);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x32\6\0\1a\0\5x", 7), true),
        CLEAT_ERR_ARG);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x40\2\0\5", 4), true),
        CLEAT_ERR_ARG);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x32\6\0\1a\0\5x", 8), true), 5);
    assert_int_equal(
        cleat_mqtt_restore(S, cleat_bytes_of("\x32\6\0\1a\0\5x", 8), true),
        CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_restore_pubrel(S, 0), CLEAT_ERR_ARG);
    assert_int_equal(cleat_mqtt_restore_pubrel(S, 5), CLEAT_ERR_ARG);
    for (uint16_t id = 6; id < 9; id++) {
        assert_int_equal(cleat_mqtt_restore_pubrel(S, id), id);
    }
    assert_int_equal(cleat_mqtt_restore_pubrel(S, 9), CLEAT_ERR_FULL);
    for (uint16_t id = 1; id <= 4; id++) {
        /* All of one place. */
        assert_int_equal(cleat_mqtt_restore_qos2(S, (uint16_t)(id * 4)), 0);
    }
    assert_int_equal(cleat_mqtt_restore_qos2(S, 5), CLEAT_ERR_FULL);
}

static void ids_that_share_a_place_are_told_apart(void **state) {
    static const uint8_t ids[] = {4, 8, 12, 5};
    (void)state;
    come_up(false);
    for (size_t i = 0; i < 4; i++) {
        const uint8_t m[] = {0x34, 6, 0, 1, 'a', 0, ids[i], 'x'};
        pass(m, sizeof m);
        flush();
    }
    for (size_t i = 4; i > 0; i--) {
        const uint8_t rel[] = {0x62, 2, 0, ids[i - 1]};
        const uint8_t again[] = {0x3C, 6, 0, 1, 'a', 0, ids[i - 1], 'x'};
        receive(again, 8);
        assert_false(cleat_mqtt_has_event(S)); /* Known. */
        pass(rel, sizeof rel);
        flush();
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(t.ids[i], 0);
    }
    assert_int_equal(t.session.qos2_moved, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, fresh)
        CASE(each_change_is_noted_before_it_is_acted_on),
        CASE(a_message_that_cannot_be_kept_is_not_accepted),
        CASE(a_pubrec_that_cannot_be_kept_is_not_answered),
        CASE(a_message_received_that_cannot_be_kept_comes_again),
        CASE(what_was_kept_goes_on_after_a_restart),
        CASE(a_broker_that_forgot_us_gets_it_as_new),
        CASE(what_no_journal_can_hold_is_refused),
        CASE(ids_that_share_a_place_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
