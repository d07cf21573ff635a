/* SPDX-License-Identifier: MIT */
/* Publisher and subscriber alone: their steps, mailboxes and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/app.h"
#include "rig.h"

#include <string.h>

static struct app_rig rig;
static struct cleat_device *d;

/* The tasks exist but none is started: the test steps them. */
static int setup(void **state) {
    char why[200];
    (void)state;
    app_rig_init(&rig);
    d = &rig.device;
    assert_int_equal(
        cleat_device_init(d, &rig.settings, &rig.platform, why, sizeof why),
        CLEAT_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    cleat_device_deinit(d);
    return 0;
}

static uint64_t publisher(void) {
    return cleat_app_publisher_step(d, cleat_port_now_ms());
}

static uint64_t subscriber(void) {
    return cleat_app_subscriber_step(d, cleat_port_now_ms());
}

/* @return 1 on, 0 off, -1 nothing asked. */
static int asked(void) {
    struct cleat_client_message m;
    if (!cleat_mailbox_take(&d->client_box, &m)) {
        return -1;
    }
    assert_int_equal(m.type, CLEAT_ASK_PUBLISH);
    return m.on;
}

static void tell(int type, bool on, int err) {
    struct cleat_publisher_message m = {type, on, (int16_t)err};
    assert_int_equal(cleat_mailbox_post(&d->publisher_box, &m), CLEAT_OK);
}

static void arrive(const char *payload, size_t len) {
    struct cleat_subscriber_message m;
    memset(&m, 0, sizeof m);
    m.type = CLEAT_SUBSCRIBER_MESSAGE;
    m.qos = 1;
    m.topic_len = 9;
    memcpy(m.topic, "ledstatus", 9);
    m.payload_len = (uint32_t)len;
    memcpy(m.payload, payload, len < sizeof m.payload ? len : sizeof m.payload);
    assert_int_equal(cleat_mailbox_post(&d->subscriber_box, &m), CLEAT_OK);
    subscriber();
}

static void grant(uint8_t code) {
    struct cleat_subscriber_message m;
    memset(&m, 0, sizeof m);
    m.type = CLEAT_SUBSCRIBER_GRANTED;
    m.qos = code;
    assert_int_equal(cleat_mailbox_post(&d->subscriber_box, &m), CLEAT_OK);
}

static void each_press_asks_for_one_message_in_turn(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++) {
        cleat_device_press(d);
        publisher();
        assert_int_equal(asked(), i % 2 == 0);
        assert_int_equal(asked(), -1);
    }
}

static void presses_faster_than_steps_are_all_counted(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        cleat_device_press(d);
    }
    publisher();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(asked(), i % 2 == 0);
    }
    assert_int_equal(asked(), -1);
}

static void lagging_echoes_do_not_turn_a_press_back(void **state) {
    (void)state;
    cleat_device_press(d);
    publisher(); /* ON is on its way */
    cleat_device_press(d);
    publisher();                        /* OFF too */
    tell(CLEAT_PUBLISHER_LED, true, 0); /* echo of ON comes late */
    cleat_device_press(d);
    publisher();
    assert_int_equal(asked(), 1);
    assert_int_equal(asked(), 0);
    assert_int_equal(asked(), 1);
    assert_int_equal(asked(), -1);
}

static void another_devices_message_decides_what_comes_next(void **state) {
    (void)state;
    tell(CLEAT_PUBLISHER_LED, true, 0);
    cleat_device_press(d);
    publisher();
    assert_int_equal(asked(), 0);
}

static void an_echo_that_never_comes_is_given_up(void **state) {
    (void)state;
    cleat_device_press(d);
    uint64_t due = publisher();
    assert_int_equal(due, cleat_port_now_ms() + rig.settings.mqtt_timeout_ms);
    port_loop_advance(rig.settings.mqtt_timeout_ms);
    assert_true(publisher() == CLEAT_NEVER);
    assert_int_equal(asked(), 1);
    tell(CLEAT_PUBLISHER_LED, false, 0);
    cleat_device_press(d);
    publisher();
    assert_int_equal(asked(), 1);
}

static void a_failed_publish_is_told_and_taken_back(void **state) {
    (void)state;
    cleat_device_press(d);
    publisher();
    assert_int_equal(asked(), 1);
    tell(CLEAT_PUBLISHER_FAILED, true, CLEAT_ERR_FULL);
    publisher();
    assert_int_equal(app_rig_said(&rig, "\"TURN ON\" was not published"), 1);
    cleat_device_press(d);
    publisher();
    assert_int_equal(asked(), 1);
}

static void a_full_mailbox_loses_the_press_and_says_so(void **state) {
    (void)state;
    for (int i = 0; i < 18; i++) {
        cleat_device_press(d);
    }
    publisher();
    assert_int_equal(app_rig_said(&rig, "too many presses"), 2);
    int last = -1;
    for (int on = asked(), n = 0; on >= 0; on = asked(), n++) {
        assert_int_equal(on, n % 2 == 0);
        last = on;
    }
    cleat_device_press(d);
    publisher();
    assert_int_equal(asked(), !last);
}

static void the_led_follows_both_messages(void **state) {
    (void)state;
    arrive("TURN ON", 7);
    assert_true(rig.led);
    arrive("TURN OFF", 8);
    assert_false(rig.led);
    assert_int_equal(rig.led_sets, 2);
    struct cleat_publisher_message m;
    assert_true(cleat_mailbox_take(&d->publisher_box, &m));
    assert_int_equal(m.type, CLEAT_PUBLISHER_LED);
    assert_true(m.on);
}

static void the_led_follows_configured_messages_only(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_DEVICE_ON_MESSAGE", "{\"on\":1}");
    app_rig_set(&rig, "MQTT_DEVICE_OFF_MESSAGE", "{\"on\":0}");
    arrive("TURN ON", 7);
    assert_int_equal(rig.led_sets, 0);
    arrive("{\"on\":1}", 8);
    assert_true(rig.led);
}

static void what_is_neither_message_is_shown_and_ignored(void **state) {
    (void)state;
    static const struct {
        const char *payload;
        size_t len;
    } wrong[] = {{"", 0},          {"TURN", 4},      {"turn on", 7},
                 {"TURN ON ", 8},  {"TURN ON\0", 8}, {"TURN OFFF", 9},
                 {"\x1b[31mX", 6}, {" TURN ON", 8}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        arrive(wrong[i].payload, wrong[i].len);
    }
    assert_int_equal(rig.led_sets, 0);
    assert_int_equal(app_rig_said(&rig, "Not a message for the LED"), 8);
    assert_int_equal(app_rig_said(&rig, "\x1b"), 0);
    assert_int_equal(app_rig_said(&rig, ".[31mX"), 1);
}

static void a_payload_cut_at_the_buffer_is_no_message(void **state) {
    (void)state;
    char on[CLEAT_DEVICE_PAYLOAD_MAX + 1];
    memset(on, 'x', sizeof on);
    on[CLEAT_DEVICE_PAYLOAD_MAX] = '\0';
    app_rig_set(&rig, "MQTT_DEVICE_ON_MESSAGE", on);
    char longer[CLEAT_DEVICE_PAYLOAD_MAX + 1];
    memset(longer, 'x', sizeof longer);
    arrive(longer, sizeof longer);
    assert_int_equal(rig.led_sets, 0);
    assert_int_equal(app_rig_said(&rig, "xxx..."), 1);
    arrive(on, CLEAT_DEVICE_PAYLOAD_MAX);
    assert_true(rig.led);
}

static void a_message_is_told_with_topic_qos_and_payload(void **state) {
    (void)state;
    arrive("TURN ON", 7);
    assert_int_equal(app_rig_said(&rig, "    Topic   : ledstatus"), 1);
    assert_int_equal(app_rig_said(&rig, "    QoS     : 1"), 1);
    assert_int_equal(app_rig_said(&rig, "    Payload : TURN ON"), 1);
}

static void the_button_line_shows_what_is_configured(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_PUB_TOPIC", "a/b");
    app_rig_set(&rig, "MQTT_DEVICE_ON_MESSAGE", "1");
    app_rig_set(&rig, "MQTT_DEVICE_OFF_MESSAGE", "0");
    tell(CLEAT_PUBLISHER_READY, false, 0);
    publisher();
    assert_string_equal(
        rig.lines[rig.line_count - 1],
        "Press the user button (SW2) to publish \"1\"/\"0\" on the topic "
        "'a/b'...");
    assert_true(cleat_device_ready(d));
}

static void lines_hold_the_longest_settings(void **state) {
    (void)state;
    char topic[256];
    char on[65];
    char off[65];
    memset(topic, 't', 255);
    topic[255] = '\0';
    memset(on, '1', 64);
    memset(off, '0', 64);
    on[64] = off[64] = '\0';
    app_rig_set(&rig, "MQTT_PUB_TOPIC", topic);
    app_rig_set(&rig, "MQTT_SUB_TOPIC", topic);
    app_rig_set(&rig, "MQTT_DEVICE_ON_MESSAGE", on);
    app_rig_set(&rig, "MQTT_DEVICE_OFF_MESSAGE", off);
    tell(CLEAT_PUBLISHER_READY, false, 0);
    publisher();
    assert_non_null(strstr(rig.lines[rig.line_count - 1], "t'..."));
    cleat_device_press(d);
    publisher();
    size_t n = strlen(rig.lines[rig.line_count - 1]);
    assert_int_equal(rig.lines[rig.line_count - 1][n - 1], '\'');
    grant(1);
    subscriber();
    assert_non_null(strstr(rig.lines[rig.line_count - 1], "with QoS 1"));
    cleat_app_say_registration(d);
    assert_int_equal(app_rig_said(&rig, "t\"},"), 2);
    assert_int_equal(app_rig_said(&rig, "t\"}]}"), 1);
}

static void the_button_is_announced_once(void **state) {
    (void)state;
    struct cleat_publisher_message m;
    grant(1);
    grant(1);
    subscriber();
    assert_true(cleat_mailbox_take(&d->publisher_box, &m));
    assert_int_equal(m.type, CLEAT_PUBLISHER_READY);
    assert_false(cleat_mailbox_take(&d->publisher_box, &m));
}

static void the_announcement_waits_for_room(void **state) {
    (void)state;
    struct cleat_publisher_message m;
    for (size_t i = 0; i < 16; i++) {
        tell(CLEAT_PUBLISHER_LED, true, 0);
    }
    grant(1);
    uint64_t due = subscriber();
    assert_true(due != CLEAT_NEVER);
    while (cleat_mailbox_take(&d->publisher_box, &m)) {
        assert_int_equal(m.type, CLEAT_PUBLISHER_LED);
    }
    port_loop_advance(due - cleat_port_now_ms());
    assert_true(subscriber() == CLEAT_NEVER);
    assert_true(cleat_mailbox_take(&d->publisher_box, &m));
    assert_int_equal(m.type, CLEAT_PUBLISHER_READY);
}

static void a_refused_subscription_is_asked_for_again(void **state) {
    (void)state;
    struct cleat_client_message m;
    grant(0x80);
    uint64_t due = subscriber();
    assert_int_equal(due, cleat_port_now_ms() + 1000);
    assert_false(cleat_mailbox_take(&d->client_box, &m));
    port_loop_advance(1000);
    assert_true(subscriber() == CLEAT_NEVER);
    assert_true(cleat_mailbox_take(&d->client_box, &m));
    assert_int_equal(m.type, CLEAT_ASK_SUBSCRIBE);
    grant(2);
    subscriber();
    assert_int_equal(app_rig_said(&rig, "Subscribed to the topic"), 1);
}

static void the_interrupt_side_of_a_press_only_notifies(void **state) {
    (void)state;
    struct cleat_client_message m;
    cleat_device_press(d);
    assert_false(cleat_mailbox_take(&d->client_box, &m));
    assert_int_equal(rig.line_count, 0);
    assert_int_equal(d->presses, 1);
}

static void asking_again_waits_for_room(void **state) {
    (void)state;
    struct cleat_client_message m = {CLEAT_ASK_PUBLISH, true};
    grant(0x80);
    subscriber();
    port_loop_advance(1000);
    while (cleat_mailbox_post(&d->client_box, &m) == CLEAT_OK) {
    }
    assert_int_equal(subscriber(), cleat_port_now_ms() + 20);
    while (cleat_mailbox_take(&d->client_box, &m)) {
        assert_int_equal(m.type, CLEAT_ASK_PUBLISH);
    }
    port_loop_advance(20);
    assert_true(subscriber() == CLEAT_NEVER);
    assert_true(cleat_mailbox_take(&d->client_box, &m));
    assert_int_equal(m.type, CLEAT_ASK_SUBSCRIBE);
}

static void a_message_keeps_its_place_until_it_is_done(void **state) {
    (void)state;
    struct cleat_client_message m = {CLEAT_ASK_SUBSCRIBE, false};
    assert_null(cleat_mailbox_next(&d->client_box, NULL));
    assert_int_equal(cleat_mailbox_post(&d->client_box, &m), CLEAT_OK);
    m.type = CLEAT_ASK_PUBLISH;
    while (cleat_mailbox_post(&d->client_box, &m) == CLEAT_OK) {
    }
    const struct cleat_client_message *at =
        cleat_mailbox_next(&d->client_box, NULL);
    assert_non_null(at);
    assert_int_equal(at->type, CLEAT_ASK_SUBSCRIBE);
    assert_int_equal(cleat_mailbox_room(&d->client_box), 0);
    assert_ptr_equal(cleat_mailbox_next(&d->client_box, NULL), at);
    at = cleat_mailbox_next(&d->client_box, at);
    assert_int_equal(at->type, CLEAT_ASK_PUBLISH);
    assert_int_equal(cleat_mailbox_room(&d->client_box), 1);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(each_press_asks_for_one_message_in_turn),
        CASE(presses_faster_than_steps_are_all_counted),
        CASE(lagging_echoes_do_not_turn_a_press_back),
        CASE(another_devices_message_decides_what_comes_next),
        CASE(an_echo_that_never_comes_is_given_up),
        CASE(a_failed_publish_is_told_and_taken_back),
        CASE(a_full_mailbox_loses_the_press_and_says_so),
        CASE(the_led_follows_both_messages),
        CASE(the_led_follows_configured_messages_only),
        CASE(what_is_neither_message_is_shown_and_ignored),
        CASE(a_payload_cut_at_the_buffer_is_no_message),
        CASE(a_message_is_told_with_topic_qos_and_payload),
        CASE(the_button_line_shows_what_is_configured),
        CASE(lines_hold_the_longest_settings),
        CASE(the_button_is_announced_once),
        CASE(the_announcement_waits_for_room),
        CASE(a_refused_subscription_is_asked_for_again),
        CASE(asking_again_waits_for_room),
        CASE(a_message_keeps_its_place_until_it_is_done),
        CASE(the_interrupt_side_of_a_press_only_notifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
