/* SPDX-License-Identifier: MIT */
/* A whole device against a broker in memory: order of starting and ending,
 * what is lost and restored, and what is said when it cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

#include <stdlib.h>
#include <string.h>

static struct app_rig rig;

static int setup(void **state) {
    (void)state;
    app_rig_init(&rig);
    return 0;
}

static void tasks_start_in_order_each_when_its_ground_is_there(void **state) {
    (void)state;
    app_rig_start(&rig);
    assert_string_equal(port_loop_started(), "element");
    app_rig_run(&rig, 50);
    assert_string_equal(port_loop_started(),
                        "element mqtt subscriber publisher");
    assert_true(cleat_device_ready(&rig.device));
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
    assert_int_equal(rig.broker.disconnects, 1);
    assert_int_equal(rig.leaves, 1);
    assert_int_equal(test_element.closes, 1);
    assert_string_equal(rig.lines[rig.line_count - 1], "Device: ended");
    assert_null(rig.broker.error);
}

static void
the_mqtt_task_does_not_start_before_the_chip_is_ready(void **state) {
    (void)state;
    test_element.cert_error = CLEAT_ERR_DENIED;
    app_rig_start(&rig);
    app_rig_run(&rig, 1000);
    int status = 0;
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_CHIP);
    assert_string_equal(port_loop_started(), "element");
    assert_int_equal(app_rig_said(&rig, "Certificate cannot be read"), 1);
    assert_int_equal(test_element.closes, 1);
    cleat_device_deinit(&rig.device);
}

static void nothing_connects_before_the_link_is_up(void **state) {
    (void)state;
    rig.link_up = false;
    app_rig_start(&rig);
    app_rig_run(&rig, 3000);
    assert_int_equal(rig.broker.connections, 0);
    assert_string_equal(port_loop_started(), "element mqtt");
    rig.link_up = true;
    app_rig_run(&rig, 2000);
    assert_int_equal(rig.broker.connections, 1);
    assert_true(cleat_device_ready(&rig.device));
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_press_toggles_only_after_the_round_trip(void **state) {
    (void)state;
    rig.echo = false;
    app_rig_up(&rig);
    cleat_device_press(&rig.device);
    app_rig_run(&rig, 1000);
    assert_int_equal(broker_count(&rig.broker, "TURN ON"), 1);
    assert_int_equal(rig.led_sets, 0);
    rig.echo = true;
    app_rig_run(&rig, 100);
    assert_int_equal(rig.led_sets, 1);
    assert_true(rig.led);
    cleat_device_press(&rig.device);
    app_rig_run(&rig, 100);
    assert_false(rig.led);
    assert_int_equal(rig.broker.got_len, 2);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_lost_connection_is_restored(void **state) {
    (void)state;
    app_rig_up(&rig);
    rig.broker.budget = 0;
    app_rig_run(&rig, 1500);
    assert_int_equal(app_rig_said(&rig, "MQTT: Connection lost"), 1);
    rig.broker.budget = -1;
    app_rig_run(&rig, 10000);
    assert_int_equal(rig.broker.connects, 2);
    cleat_device_press(&rig.device);
    app_rig_run(&rig, 100);
    assert_true(rig.led);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_lost_link_closes_the_connection_then_comes_first(void **state) {
    (void)state;
    app_rig_up(&rig);
    rig.link_up = false;
    app_rig_run(&rig, 1500);
    assert_int_equal(app_rig_said(&rig, "Link: Lost"), 1);
    assert_false(rig.broker.open);
    assert_int_equal(app_rig_said(&rig, "Connection lost"), 0);
    rig.link_up = true;
    app_rig_run(&rig, 6000);
    assert_int_equal(app_rig_said(&rig, "Link: Up"), 2);
    assert_int_equal(rig.broker.connects, 2);
    assert_int_equal(app_rig_said(&rig, "MQTT: Connected"), 2);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void presses_without_link_are_kept_up_to_the_send_buffer(void **state) {
    (void)state;
    app_rig_up(&rig);
    rig.link_up = false;
    app_rig_run(&rig, 1500);
    for (int i = 0; i < 25; i++) {
        cleat_device_press(&rig.device);
        app_rig_run(&rig, 10);
    }
    assert_int_equal(app_rig_said(&rig, "too many presses"), 0);
    assert_int_equal(app_rig_said(&rig, "was not published"), 0);
    rig.link_up = true;
    app_rig_run(&rig, 6000);
    assert_int_equal(rig.broker.got_len, 25);
    for (size_t i = 0; i < 25; i++) {
        assert_string_equal(rig.broker.got[i].payload,
                            i % 2 == 0 ? "TURN ON" : "TURN OFF");
    }
    assert_true(rig.led);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_publish_that_finds_no_room_is_reported(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_SEND_BUFFER_SIZE", "512");
    app_rig_up(&rig);
    rig.link_up = false;
    app_rig_run(&rig, 1500);
    for (int i = 0; i < 40; i++) {
        cleat_device_press(&rig.device);
        app_rig_run(&rig, 10);
    }
    assert_true(app_rig_said(&rig, "the send buffer is full") >= 8);
    size_t accepted =
        40 - (size_t)app_rig_said(&rig, "the send buffer is full");
    rig.link_up = true;
    app_rig_run(&rig, 6000);
    assert_int_equal(rig.broker.got_len, accepted);
    bool led = rig.led;
    cleat_device_press(&rig.device);
    app_rig_run(&rig, 100);
    assert_int_equal(rig.led, !led);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_burst_larger_than_the_mailbox_loses_nothing(void **state) {
    (void)state;
    app_rig_up(&rig);
    port_loop_hold(&rig.device.subscriber_task);
    for (int i = 0; i < 41; i++) {
        broker_publish(&rig.broker, "ledstatus",
                       i % 2 == 0 ? "TURN ON" : "TURN OFF", 1);
    }
    app_rig_run(&rig, 500);
    assert_int_equal(rig.led_sets, 0);
    port_loop_hold(NULL);
    app_rig_run(&rig, 500);
    assert_int_equal(rig.led_sets, 41);
    assert_true(rig.led);
    assert_int_equal(app_rig_said(&rig, "is lost"), 0);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_device_whose_subscriber_hangs_still_ends(void **state) {
    (void)state;
    app_rig_up(&rig);
    port_loop_hold(&rig.device.subscriber_task);
    for (int i = 0; i < 30; i++) {
        broker_publish(&rig.broker, "ledstatus", "TURN ON", 1);
    }
    app_rig_run(&rig, 500);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
    assert_int_equal(rig.broker.disconnects, 1);
}

static void used_up_attempts_take_everything_down_in_order(void **state) {
    (void)state;
    app_rig_set(&rig, "MAX_MQTT_CONN_RETRIES", "3");
    app_rig_up(&rig);
    rig.broker.budget = 0;
    app_rig_run(&rig, 600000);
    int status = 0;
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_CONNECTION);
    assert_int_equal(app_rig_said(&rig, "Giving up after 3 attempts"), 1);
    assert_false(port_loop_has(&rig.device.publisher_task));
    assert_false(port_loop_has(&rig.device.subscriber_task));
    assert_int_equal(rig.leaves, 1);
    assert_int_equal(test_element.closes, 1);
    assert_false(rig.broker.open);
    assert_string_equal(rig.lines[rig.line_count - 1], "Device: ended");
    cleat_device_deinit(&rig.device);
    assert_int_equal(port_loop_count(), 0);
}

static void a_link_that_never_comes_ends_the_device(void **state) {
    (void)state;
    rig.link_up = false;
    app_rig_set(&rig, "MAX_WIFI_CONN_RETRIES", "4");
    app_rig_set(&rig, "WIFI_CONN_RETRY_INTERVAL_MS", "700");
    app_rig_start(&rig);
    app_rig_run(&rig, 2050);
    int status = 0;
    assert_false(cleat_device_ended(&rig.device, &status));
    app_rig_run(&rig, 100);
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_LINK);
    assert_int_equal(rig.joins, 4);
    cleat_device_deinit(&rig.device);
}

static void attempts_of_zero_mean_for_ever(void **state) {
    (void)state;
    app_rig_set(&rig, "MAX_MQTT_CONN_RETRIES", "0");
    app_rig_set(&rig, "MQTT_CONN_RETRY_MAX_MS", "100000");
    rig.broker.open_error = CLEAT_ERR_IO;
    app_rig_start(&rig);
    app_rig_run(&rig, 3600000);
    assert_false(cleat_device_ended(&rig.device, NULL));
    assert_true(app_rig_said(&rig, "of no limit)") > 20);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_subscription_refused_three_times_is_told(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_SUB_TOPIC", "refuse");
    app_rig_start(&rig);
    app_rig_run(&rig, 5000);
    assert_int_equal(rig.broker.subscribes, 3);
    assert_int_equal(app_rig_said(&rig, "trying again in 1000 ms"), 2);
    assert_int_equal(app_rig_said(&rig, "do not allow this client"), 1);
    assert_true(cleat_device_ready(&rig.device));
    cleat_device_press(&rig.device);
    app_rig_run(&rig, 100);
    assert_int_equal(broker_count(&rig.broker, "TURN ON"), 1);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void refusals_are_not_made_up_while_offline(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_SUB_TOPIC", "refuse");
    app_rig_start(&rig);
    app_rig_run(&rig, 100);
    rig.link_up = false;
    app_rig_run(&rig, 20000);
    assert_int_equal(app_rig_said(&rig, "The broker refuse"), 1);
    rig.link_up = true;
    app_rig_run(&rig, 10000);
    assert_int_equal(app_rig_said(&rig, "do not allow this client"), 1);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_chip_that_wakes_late_is_reset_and_tried_again(void **state) {
    (void)state;
    test_element.open_errors = 2;
    app_rig_up(&rig);
    assert_int_equal(test_element.opens, 3);
    assert_int_equal(test_element.resets, 2);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_chip_that_never_opens_ends_the_device(void **state) {
    (void)state;
    int status = 0;
    test_element.open_errors = 99;
    app_rig_start(&rig);
    app_rig_run(&rig, 1000);
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_CHIP);
    assert_int_equal(test_element.opens, 3);
    assert_int_equal(app_rig_said(&rig, "wiring, power"), 1);
    cleat_device_deinit(&rig.device);
}

static void a_certificate_that_fills_the_buffer_is_shown(void **state) {
    (void)state;
    test_element_cert(CLEAT_DEVICE_CERTIFICATE_MAX);
    app_rig_up(&rig);
    assert_int_equal(app_rig_said(&rig, "-----END CERTIFICATE-----"), 1);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_certificate_above_the_buffer_is_refused(void **state) {
    (void)state;
    int status = 0;
    test_element_cert(CLEAT_DEVICE_CERTIFICATE_MAX + 1);
    app_rig_start(&rig);
    app_rig_run(&rig, 1000);
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_CHIP);
    assert_int_equal(app_rig_said(&rig, "Certificate cannot be read: longer"),
                     1);
    cleat_device_deinit(&rig.device);
}

static void without_a_broker_the_certificate_is_shown_anyway(void **state) {
    (void)state;
    int status = 0;
    app_rig_set(&rig, "MQTT_BROKER_ADDRESS", "");
    app_rig_set(&rig, "MQTT_SECURE_CONNECTION", "1");
    app_rig_start(&rig);
    app_rig_run(&rig, 1000);
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_SETTINGS);
    assert_int_equal(app_rig_said(&rig, "-----BEGIN CERTIFICATE-----"), 1);
    assert_int_equal(app_rig_said(&rig, "MQTT_BROKER_ADDRESS is not set"), 1);
    assert_int_equal(rig.broker.connections, 0);
    cleat_device_deinit(&rig.device);
}

static void tls_without_a_root_ca_names_what_is_missing(void **state) {
    (void)state;
    int status = 0;
    app_rig_set(&rig, "MQTT_SECURE_CONNECTION", "1");
    app_rig_start(&rig);
    app_rig_run(&rig, 1000);
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_SETTINGS);
    assert_int_equal(app_rig_said(&rig, "ROOT_CA_CERTIFICATE is not set"), 1);
    assert_int_equal(rig.broker.connections, 0);
    cleat_device_deinit(&rig.device);
}

static void settings_reach_connect(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_USERNAME", "ann");
    app_rig_set(&rig, "MQTT_PASSWORD", "secret");
    app_rig_set(&rig, "ENABLE_LWT_MESSAGE", "1");
    app_rig_set(&rig, "MQTT_WILL_TOPIC_NAME", "lamp/will");
    app_rig_set(&rig, "MQTT_WILL_MESSAGE", "gone");
    app_rig_set(&rig, "MQTT_KEEP_ALIVE_SECONDS", "77");
    app_rig_set(&rig, "MQTT_CLEAN_SESSION", "1");
    app_rig_set(&rig, "GENERATE_UNIQUE_CLIENT_ID", "0");
    app_rig_set(&rig, "MQTT_CLIENT_IDENTIFIER", "lamp-17");
    app_rig_up(&rig);
    assert_string_equal(rig.broker.username, "ann");
    assert_string_equal(rig.broker.password, "secret");
    assert_string_equal(rig.broker.will_topic, "lamp/will");
    assert_string_equal(rig.broker.will_payload, "gone");
    assert_int_equal(rig.broker.keep_alive, 77);
    assert_true(rig.broker.clean);
    assert_string_equal(rig.broker.client_id, "lamp-17");
    assert_int_equal(app_rig_said(&rig, "secret"), 0);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void will_texts_are_not_sent_while_the_will_is_off(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_WILL_TOPIC_NAME", "lamp/will");
    app_rig_up(&rig);
    assert_string_equal(rig.broker.will_topic, "");
    assert_string_equal(rig.broker.username, "");
    assert_false(rig.broker.clean);
    assert_int_equal(rig.broker.keep_alive, 60);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_ping_goes_out_within_the_keep_alive(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_KEEP_ALIVE_SECONDS", "20");
    app_rig_up(&rig);
    app_rig_run(&rig, 61000);
    assert_true(rig.broker.pings >= 3);
    assert_int_equal(rig.broker.connects, 1);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_step_that_is_not_answered_times_out(void **state) {
    (void)state;
    rig.broker.mute = true;
    app_rig_set(&rig, "MQTT_TIMEOUT_MS", "1234");
    app_rig_start(&rig);
    app_rig_run(&rig, 1200);
    assert_int_equal(app_rig_said(&rig, "Connection failed"), 0);
    app_rig_run(&rig, 200);
    assert_int_equal(app_rig_said(&rig, "MQTT: Connection failed"), 1);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void
a_network_buffer_too_small_for_connect_names_the_setting(void **state) {
    (void)state;
    char user[256];
    int status = 0;
    memset(user, 'u', 250);
    user[250] = '\0';
    app_rig_set(&rig, "MQTT_NETWORK_BUFFER_SIZE", "256");
    app_rig_set(&rig, "MQTT_USERNAME", user);
    app_rig_start(&rig);
    app_rig_run(&rig, 1000);
    assert_true(cleat_device_ended(&rig.device, &status));
    assert_int_equal(status, CLEAT_DEVICE_SETTINGS);
    assert_int_equal(app_rig_said(&rig, "raise MQTT_NETWORK_BUFFER_SIZE"), 1);
    cleat_device_deinit(&rig.device);
}

static void tasks_that_cannot_be_started_end_the_device(void **state) {
    (void)state;
    for (unsigned n = 2; n <= 4; n++) {
        int status = 0;
        app_rig_init(&rig);
        port_loop_fail_start(n);
        app_rig_start(&rig);
        app_rig_run(&rig, 10000);
        assert_true(cleat_device_ended(&rig.device, &status));
        assert_int_equal(status, CLEAT_DEVICE_CONNECTION);
        assert_int_equal(app_rig_said(&rig, "no resources"), 1);
        cleat_device_deinit(&rig.device);
        assert_int_equal(port_loop_count(), 0);
    }
}

static void waits_stay_within_their_bounds(void **state) {
    (void)state;
    static const char words[] = "Connecting again in ";
    unsigned long bound = 300;
    int waits = 0;
    int distinct = 0;
    unsigned long before = 0;
    app_rig_set(&rig, "MQTT_CONN_RETRY_INTERVAL_MS", "300");
    app_rig_set(&rig, "MQTT_CONN_RETRY_MAX_MS", "4000");
    rig.broker.open_error = CLEAT_ERR_IO;
    app_rig_start(&rig);
    app_rig_run(&rig, 60000);
    for (size_t i = 0; i < rig.line_count; i++) {
        const char *at = strstr(rig.lines[i], words);
        if (at == NULL) {
            continue;
        }
        unsigned long wait = strtoul(at + strlen(words), NULL, 10);
        assert_true(wait <= bound);
        bound = bound * 2 > 4000 ? 4000 : bound * 2;
        distinct += wait != before;
        before = wait;
        waits++;
    }
    assert_true(waits > 15);
    assert_true(distinct > 10); /* random, so that a fleet spreads */
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void a_refused_connection_is_told_and_tried_again(void **state) {
    (void)state;
    rig.broker.refuse = 5;
    app_rig_start(&rig);
    app_rig_run(&rig, 100);
    assert_int_equal(
        app_rig_said(&rig, "MQTT: The broker refused the connection: "), 1);
    rig.broker.refuse = 0;
    app_rig_run(&rig, 10000);
    assert_true(cleat_device_ready(&rig.device));
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
}

static void deinit_leaves_nothing_of_the_settings_behind(void **state) {
    (void)state;
    app_rig_up(&rig);
    assert_int_equal(app_rig_end(&rig), CLEAT_DEVICE_OK);
    const uint8_t *bytes = (const uint8_t *)&rig.device;
    for (size_t i = 0; i < sizeof rig.device; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        CASE(tasks_start_in_order_each_when_its_ground_is_there),
        CASE(the_mqtt_task_does_not_start_before_the_chip_is_ready),
        CASE(nothing_connects_before_the_link_is_up),
        CASE(a_press_toggles_only_after_the_round_trip),
        CASE(a_lost_connection_is_restored),
        CASE(a_lost_link_closes_the_connection_then_comes_first),
        CASE(presses_without_link_are_kept_up_to_the_send_buffer),
        CASE(a_publish_that_finds_no_room_is_reported),
        CASE(a_burst_larger_than_the_mailbox_loses_nothing),
        CASE(a_device_whose_subscriber_hangs_still_ends),
        CASE(used_up_attempts_take_everything_down_in_order),
        CASE(a_link_that_never_comes_ends_the_device),
        CASE(attempts_of_zero_mean_for_ever),
        CASE(a_subscription_refused_three_times_is_told),
        CASE(refusals_are_not_made_up_while_offline),
        CASE(a_chip_that_wakes_late_is_reset_and_tried_again),
        CASE(a_chip_that_never_opens_ends_the_device),
        CASE(a_certificate_that_fills_the_buffer_is_shown),
        CASE(a_certificate_above_the_buffer_is_refused),
        CASE(without_a_broker_the_certificate_is_shown_anyway),
        CASE(tls_without_a_root_ca_names_what_is_missing),
        CASE(settings_reach_connect),
        CASE(will_texts_are_not_sent_while_the_will_is_off),
        CASE(a_ping_goes_out_within_the_keep_alive),
        CASE(a_step_that_is_not_answered_times_out),
        CASE(a_network_buffer_too_small_for_connect_names_the_setting),
        CASE(tasks_that_cannot_be_started_end_the_device),
        CASE(waits_stay_within_their_bounds),
        CASE(a_refused_connection_is_told_and_tried_again),
        CASE(deinit_leaves_nothing_of_the_settings_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
