/* SPDX-License-Identifier: MIT */
/* The table of settings: defaults, every edge of every range, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cleat/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cleat_settings s;
static char why[300];

static int setup(void **state) {
    (void)state;
    cleat_settings_defaults(&s);
    why[0] = '\0';
    return 0;
}

static int set(const char *name, const char *value) {
    assert_non_null(cleat_settings_find(name));
    return cleat_settings_set(&s, name, value, why, sizeof why);
}

static void must(const char *name, const char *value) {
    assert_int_equal(set(name, value), CLEAT_OK);
}

static void refused(const char *word) {
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_ERR_ARG);
    if (strstr(why, word) == NULL) {
        fail_msg("\"%s\" is not in: %s", word, why);
    }
}

static void every_default_is_valid_and_shown_as_it_is(void **state) {
    (void)state;
    char text[256];
    assert_true(cleat_settings_count > 40);
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        struct cleat_settings fresh = s;
        assert_int_equal(cleat_settings_set(&fresh, row->name, row->standard,
                                            why, sizeof why),
                         CLEAT_OK);
        assert_int_equal(cleat_settings_get(&s, row, text, sizeof text),
                         CLEAT_OK);
        assert_string_equal(text, row->standard);
        assert_ptr_equal(cleat_settings_find(row->name), row);
        assert_true(strlen(row->meaning) > 10);
    }
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
}

static void each_row_has_a_field_of_its_own(void **state) {
    (void)state;
    for (size_t i = 0; i < cleat_settings_count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(cleat_settings_table[i].offset,
                                 cleat_settings_table[k].offset);
            assert_string_not_equal(cleat_settings_table[i].name,
                                    cleat_settings_table[k].name);
        }
    }
}

static void defaults_are_the_checklists(void **state) {
    (void)state;
    assert_int_equal(s.mqtt_port, 8883);
    assert_int_equal(s.mqtt_secure_connection, 1);
    assert_string_equal(s.mqtt_pub_topic, "ledstatus");
    assert_string_equal(s.mqtt_sub_topic, "ledstatus");
    assert_int_equal(s.mqtt_messages_qos, 1);
    assert_int_equal(s.enable_lwt_message, 0);
    assert_string_equal(s.mqtt_device_on_message, "TURN ON");
    assert_string_equal(s.mqtt_device_off_message, "TURN OFF");
    assert_string_equal(s.mqtt_client_identifier, "psoc6-mqtt-client");
    assert_int_equal(s.generate_unique_client_id, 1);
    assert_int_equal(s.mqtt_client_identifier_max_len, 23);
    assert_int_equal(s.mqtt_timeout_ms, 5000);
    assert_int_equal(s.mqtt_keep_alive_seconds, 60);
    assert_int_equal(s.mqtt_network_buffer_size, 512); /* twice its minimum */
    assert_int_equal(s.max_mqtt_conn_retries, 150);
    assert_int_equal(s.mqtt_conn_retry_interval_ms, 2000);
    assert_int_equal(s.max_wifi_conn_retries, 120);
    assert_int_equal(s.wifi_conn_retry_interval_ms, 5000);
    assert_string_equal(s.wifi_security, "WPA2");
    assert_string_equal(s.tls_key_exchanges, "ECDHE_ECDSA");
}

static void number_edges(const struct cleat_setting *row) {
    char text[32];
    const long long low = row->min;
    const long long high = row->max;
    const struct {
        long long value;
        int want;
    } tries[] = {{low, CLEAT_OK},
                 {high, CLEAT_OK},
                 {high + 1, CLEAT_ERR_ARG},
                 {low - 1, low > 0 ? CLEAT_ERR_ARG : CLEAT_ERR_ARG}};
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "%lld", tries[i].value);
        assert_int_equal(
            cleat_settings_set(&s, row->name, text, why, sizeof why),
            tries[i].want);
        if (tries[i].want != CLEAT_OK) {
            assert_non_null(strstr(why, row->name));
            assert_non_null(strstr(why, "use a number from"));
        }
    }
    cleat_settings_get(&s, row, text, sizeof text);
    assert_int_equal(strtoll(text, NULL, 10),
                     high); /* refusals change nothing */
}

static void text_edges(const struct cleat_setting *row) {
    char *text = malloc((size_t)row->max + 2);
    assert_non_null(text);
    memset(text, 'x', (size_t)row->max + 1);
    text[row->max + 1] = '\0';
    assert_int_equal(cleat_settings_set(&s, row->name, text, why, sizeof why),
                     CLEAT_ERR_ARG);
    assert_non_null(strstr(why, row->name));
    assert_non_null(strstr(why, "bytes"));
    text[row->max] = '\0';
    assert_int_equal(cleat_settings_set(&s, row->name, text, why, sizeof why),
                     CLEAT_OK);
    text[row->min] = '\0';
    assert_int_equal(cleat_settings_set(&s, row->name, text, why, sizeof why),
                     CLEAT_OK);
    if (row->min > 0) {
        text[row->min - 1] = '\0';
        assert_int_equal(
            cleat_settings_set(&s, row->name, text, why, sizeof why),
            CLEAT_ERR_ARG);
    }
    cleat_settings_set(&s, row->name, row->standard, NULL, 0);
    free(text);
}

static void every_range_holds_at_its_edges(void **state) {
    (void)state;
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        if (row->type == CLEAT_SETTING_NUMBER) {
            number_edges(row);
        } else if (row->type == CLEAT_SETTING_TEXT ||
                   row->type == CLEAT_SETTING_SECRET) {
            text_edges(row);
        }
    }
}

static void numbers_are_numbers_only(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        " 1883",
                                        "1883 ",
                                        "-1",
                                        "+1",
                                        "0x10",
                                        "1e3",
                                        "4294967296",
                                        "4294968179",
                                        "18446744073709551617",
                                        "1.5",
                                        "ten",
                                        "99999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(set("MQTT_PORT", wrong[i]), CLEAT_ERR_ARG);
    }
    assert_int_equal(s.mqtt_port, 8883);
}

static void switches_take_eight_words(void **state) {
    (void)state;
    static const char *const on[] = {"1", "on", "yes", "true"};
    static const char *const off[] = {"0", "off", "no", "false"};
    static const char *const wrong[] = {"", "2", "ON", "y", "enabled"};
    for (size_t i = 0; i < 4; i++) {
        must("MQTT_CLEAN_SESSION", on[i]);
        assert_int_equal(s.mqtt_clean_session, 1);
        must("MQTT_CLEAN_SESSION", off[i]);
        assert_int_equal(s.mqtt_clean_session, 0);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(set("MQTT_CLEAN_SESSION", wrong[i]), CLEAT_ERR_ARG);
        assert_non_null(strstr(why, "use 1 or 0"));
    }
}

static void choices_are_taken_whole(void **state) {
    (void)state;
    must("WIFI_SECURITY", "OPEN");
    must("WIFI_SECURITY", "WPA2_WPA3");
    assert_int_equal(set("WIFI_SECURITY", "WEP"), CLEAT_ERR_ARG);
    assert_non_null(strstr(why, "OPEN|WPA|"));
    assert_int_equal(set("WIFI_SECURITY", ""), CLEAT_ERR_ARG);
    assert_int_equal(set("WIFI_SECURITY", "WPA|WPA2"), CLEAT_ERR_ARG);
    assert_int_equal(set("WIFI_SECURITY", "WP"), CLEAT_ERR_ARG);
}

static void names_are_exact(void **state) {
    (void)state;
    assert_null(cleat_settings_find("mqtt_port"));
    assert_null(cleat_settings_find(""));
    assert_null(cleat_settings_find("MQTT_POR"));
    assert_int_equal(cleat_settings_set(&s, "MQTT_POR", "1", why, sizeof why),
                     CLEAT_ERR_NOT_FOUND);
    assert_string_equal(why, "unknown setting MQTT_POR");
    assert_int_equal(cleat_settings_set(&s, "", "1", NULL, 0),
                     CLEAT_ERR_NOT_FOUND);
}

static void secrets_are_never_shown(void **state) {
    (void)state;
    char text[80];
    char longest[300];
    static const char *const secrets[] = {"MQTT_PASSWORD", "WIFI_PASSWORD"};
    for (size_t i = 0; i < 2; i++) {
        const struct cleat_setting *row = cleat_settings_find(secrets[i]);
        assert_int_equal(cleat_settings_get(&s, row, text, sizeof text),
                         CLEAT_OK);
        assert_string_equal(text, "");
        must(secrets[i], "hunter22");
        cleat_settings_get(&s, row, text, sizeof text);
        assert_string_equal(text, "(set)");
        memset(longest, 'q', sizeof longest);
        longest[sizeof longest - 1] = '\0';
        assert_int_equal(set(secrets[i], longest), CLEAT_ERR_ARG);
        assert_null(strstr(why, "qq"));
        assert_non_null(strstr(why, "not shown"));
    }
}

static void a_refusal_fits_any_room(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 60; cap++) {
        char *room = malloc(cap + 1);
        assert_non_null(room);
        assert_int_equal(cleat_settings_set(&s, "MQTT_PORT", "x",
                                            cap == 0 ? NULL : room, cap),
                         CLEAT_ERR_ARG);
        free(room);
    }
}

static void a_value_cut_for_lack_of_room_is_told(void **state) {
    (void)state;
    char text[5];
    assert_int_equal(cleat_settings_get(&s, cleat_settings_find("MQTT_PORT"),
                                        text, sizeof text),
                     CLEAT_OK);
    assert_int_equal(cleat_settings_get(&s,
                                        cleat_settings_find("MQTT_PUB_TOPIC"),
                                        text, sizeof text),
                     CLEAT_ERR_SIZE);
}

static void objects_are_chip_numbers(void **state) {
    (void)state;
    assert_int_equal(cleat_settings_object("0xE0F0"), 0xE0F0);
    assert_int_equal(cleat_settings_object("chip:0xe0f0"), 0xE0F0);
    assert_int_equal(cleat_settings_object("0XFFFF"), 0xFFFF);
    static const char *const wrong[] = {"",
                                        "E0F0",
                                        "57584",
                                        "0x",
                                        "0x0",
                                        "0xFFG",
                                        "0x10000",
                                        "chip:",
                                        "file:0x12",
                                        "key.pem",
                                        "0x-1",
                                        "0x 12",
                                        "0x1234567890ABCDEF12"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (cleat_settings_object(wrong[i]) != CLEAT_ERR_ARG) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
    }
}

static void a_key_or_certificate_file_is_refused(void **state) {
    (void)state;
    must("CLIENT_PRIVATE_KEY", "device-key.pem");
    refused("a private key never belongs into settings");
    must("CLIENT_PRIVATE_KEY", "0xE0F1");
    must("CLIENT_CERTIFICATE", "device.pem");
    refused("certificate files are not used");
}

static void only_exchanges_that_the_chip_can_do_are_offered(void **state) {
    (void)state;
    static const char *const wrong[] = {"PSK",         "RSA",
                                        "DHE_RSA",     "ECDH_ECDSA",
                                        "ECDHE_PSK",   "ECDHE_ECDSA,PSK",
                                        ",",           "ECDHE_ECDSA,,ECDHE_RSA",
                                        "ecdhe_ecdsa", "ECDHE_ECDSA ECDHE_RSA"};
    assert_false(cleat_settings_allow_rsa(&s));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        must("TLS_KEY_EXCHANGES", wrong[i]);
        refused("TLS_KEY_EXCHANGES");
    }
    must("TLS_KEY_EXCHANGES", "ECDHE_ECDSA,ECDHE_RSA");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
    assert_true(cleat_settings_allow_rsa(&s));
}

static void rsa_alone_is_refused_as_ecdsa_stays_offered(void **state) {
    (void)state;
    must("TLS_KEY_EXCHANGES", "ECDHE_RSA");
    refused("ECDHE_ECDSA,ECDHE_RSA");
}

static void topics_are_checked(void **state) {
    (void)state;
    must("MQTT_PUB_TOPIC", "a/#");
    refused("MQTT_PUB_TOPIC");
    must("MQTT_PUB_TOPIC", "a");
    must("MQTT_SUB_TOPIC", "a/#/b");
    refused("MQTT_SUB_TOPIC");
    must("MQTT_SUB_TOPIC", "a/+/#");
    must("MQTT_WILL_TOPIC_NAME", "");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
    must("ENABLE_LWT_MESSAGE", "1");
    refused("MQTT_WILL_TOPIC_NAME");
    must("MQTT_WILL_TOPIC_NAME", "\xff\xfe");
    refused("MQTT_WILL_TOPIC_NAME");
}

static void names_are_utf_8(void **state) {
    (void)state;
    must("MQTT_CLIENT_IDENTIFIER", "Gro\xc3\x9f");
    must("MQTT_USERNAME", "Gro\xc3\x9f");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
    must("MQTT_USERNAME", "Gro\xdf");
    refused("MQTT_USERNAME");
    must("MQTT_USERNAME", "");
    must("MQTT_CLIENT_IDENTIFIER", "Gro\xdf");
    refused("MQTT_CLIENT_IDENTIFIER");
    must("GENERATE_UNIQUE_CLIENT_ID", "0");
    refused("MQTT_CLIENT_IDENTIFIER");
}

static void both_messages_must_differ(void **state) {
    (void)state;
    must("MQTT_DEVICE_ON_MESSAGE", "X");
    must("MQTT_DEVICE_OFF_MESSAGE", "X");
    refused("must differ");
}

static void client_ids_are_checked(void **state) {
    (void)state;
    must("MQTT_CLIENT_IDENTIFIER", "a-name-of-more-than-23-bytes");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
    must("GENERATE_UNIQUE_CLIENT_ID", "0");
    refused("longer than MQTT_CLIENT_IDENTIFIER_MAX_LEN");
    must("MQTT_CLIENT_IDENTIFIER_MAX_LEN", "28");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
    must("MQTT_CLIENT_IDENTIFIER", "");
    refused("MQTT_CLEAN_SESSION=1");
    must("MQTT_CLEAN_SESSION", "1");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
}

static void a_password_needs_a_user_name(void **state) {
    (void)state;
    must("MQTT_PASSWORD", "secret");
    refused("MQTT_USERNAME");
    assert_null(strstr(why, "secret"));
    must("MQTT_USERNAME", "ann");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
}

static void a_protected_access_point_needs_its_passphrase(void **state) {
    (void)state;
    must("WIFI_SSID", "home");
    refused("WIFI_PASSWORD");
    must("WIFI_PASSWORD", "1234567");
    refused("8 to 63");
    must("WIFI_PASSWORD", "12345678");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
    must("WIFI_PASSWORD", "");
    must("WIFI_SECURITY", "OPEN");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
}

static void the_longest_wait_is_no_shorter_than_the_first(void **state) {
    (void)state;
    must("MQTT_CONN_RETRY_MAX_MS", "1999");
    refused("MQTT_CONN_RETRY_MAX_MS");
    must("MQTT_CONN_RETRY_MAX_MS", "2000");
    assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
}

static void what_a_connection_needs_is_named(void **state) {
    (void)state;
    assert_int_equal(cleat_settings_complete(&s, why, sizeof why),
                     CLEAT_ERR_ARG);
    assert_non_null(strstr(why, "MQTT_BROKER_ADDRESS"));
    must("MQTT_BROKER_ADDRESS", "broker.example");
    assert_int_equal(cleat_settings_complete(&s, why, sizeof why),
                     CLEAT_ERR_ARG);
    assert_non_null(strstr(why, "ROOT_CA_CERTIFICATE"));
    must("MQTT_SECURE_CONNECTION", "0");
    assert_int_equal(cleat_settings_complete(&s, why, sizeof why), CLEAT_OK);
}

/* Both sides of each limit, and that nobody else is held to it. */
static void a_brokers_profile_is_held(void **state) {
    (void)state;
    static const struct {
        const char *name, *good, *bad, *words;
    } limits[] = {
        {"MQTT_MESSAGES_QOS", "1", "2", "no QoS 2"},
        {"MQTT_KEEP_ALIVE_SECONDS", "30", "29", "30 to 1200"},
        {"MQTT_KEEP_ALIVE_SECONDS", "1200", "1201", "30 to 1200"},
        {"MQTT_KEEP_ALIVE_SECONDS", "60", "0", "30 to 1200"},
        {"MQTT_PUB_TOPIC", "1/2/3/4/5/6/7/8", "1/2/3/4/5/6/7/8/9", "7 slashes"},
        {"MQTT_SUB_TOPIC", "1/2/3/4/5/6/7/#", "1/2/3/4/5/6/7/8/#", "7 slashes"},
        {"MQTT_WILL_QOS", "1", "2", "no QoS 2"},
        {"MQTT_WILL_TOPIC_NAME", "w", "///////w/", "7 slashes"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        must("ENABLE_LWT_MESSAGE", "1");
        must("MQTT_WILL_TOPIC_NAME", "will");
        must("BROKER_PROFILE", "aws");
        must(limits[i].name, limits[i].good);
        assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
        must(limits[i].name, limits[i].bad);
        assert_int_equal(cleat_settings_check(&s, why, sizeof why),
                         CLEAT_ERR_ARG);
        assert_non_null(strstr(why, limits[i].words));
        must("BROKER_PROFILE", "generic");
        assert_int_equal(cleat_settings_check(&s, why, sizeof why), CLEAT_OK);
        cleat_settings_defaults(&s);
    }
    assert_int_equal(set("BROKER_PROFILE", "OPEN"), CLEAT_ERR_ARG);
    assert_non_null(strstr(why, "generic|aws"));
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        CASE(every_default_is_valid_and_shown_as_it_is),
        CASE(each_row_has_a_field_of_its_own),
        CASE(defaults_are_the_checklists),
        CASE(every_range_holds_at_its_edges),
        CASE(numbers_are_numbers_only),
        CASE(switches_take_eight_words),
        CASE(choices_are_taken_whole),
        CASE(names_are_exact),
        CASE(secrets_are_never_shown),
        CASE(a_refusal_fits_any_room),
        CASE(a_value_cut_for_lack_of_room_is_told),
        CASE(objects_are_chip_numbers),
        CASE(a_key_or_certificate_file_is_refused),
        CASE(only_exchanges_that_the_chip_can_do_are_offered),
        CASE(rsa_alone_is_refused_as_ecdsa_stays_offered),
        CASE(topics_are_checked),
        CASE(names_are_utf_8),
        CASE(both_messages_must_differ),
        CASE(client_ids_are_checked),
        CASE(a_password_needs_a_user_name),
        CASE(a_protected_access_point_needs_its_passphrase),
        CASE(the_longest_wait_is_no_shorter_than_the_first),
        CASE(what_a_connection_needs_is_named),
        CASE(a_brokers_profile_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
