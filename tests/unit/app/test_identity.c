/* SPDX-License-Identifier: MIT */
/* Client ID, certificate as PEM, and the steps to register it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/app.h"
#include "rig.h"

#include <stdio.h>
#include <string.h>

static struct app_rig rig;
static struct cleat_device *d;

static int setup(void **state) {
    char why[200];
    (void)state;
    app_rig_init(&rig);
    d = &rig.device;
    assert_int_equal(
        cleat_device_init(d, &rig.settings, &rig.platform, why, sizeof why),
        CLEAT_OK);
    memset(d->uid, 7, 27);
    d->uid_len = 27;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    cleat_device_deinit(d);
    return 0;
}

static void client_id_keeps_the_longest_length_for_all_lengths(void **state) {
    (void)state;
    char max[8];
    app_rig_set(
        &rig, "MQTT_CLIENT_IDENTIFIER",
        "a-prefix-that-is-longer-than-some-of-the-lengths-tried-here-"
        "and-ends-only-after-one-hundred-and-twenty-eight-bytes-of-it-all-i");
    for (unsigned n = 12; n <= 128; n++) {
        snprintf(max, sizeof max, "%u", n);
        app_rig_set(&rig, "MQTT_CLIENT_IDENTIFIER_MAX_LEN", max);
        cleat_app_make_client_id(d);
        assert_int_equal(strlen(d->client_id), n);
    }
}

static void client_id_of_defaults_fits_every_broker(void **state) {
    (void)state;
    cleat_app_make_client_id(d);
    assert_int_equal(strlen(d->client_id), 23);
    assert_memory_equal(d->client_id, "psoc6-mqtt-c-", 13);
    for (const char *c = d->client_id; *c != '\0'; c++) {
        assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c));
    }
}

static void client_id_is_the_same_at_every_start(void **state) {
    (void)state;
    char first[sizeof d->client_id];
    cleat_app_make_client_id(d);
    memcpy(first, d->client_id, sizeof first);
    memset(d->client_id, 0, sizeof d->client_id);
    cleat_app_make_client_id(d);
    assert_string_equal(d->client_id, first);
}

static void client_ids_of_close_uids_all_differ(void **state) {
    (void)state;
    static char ids[1000][24];
    for (size_t n = 0; n < 1000; n++) {
        d->uid[25] = (uint8_t)(n >> 8);
        d->uid[26] = (uint8_t)n;
        cleat_app_make_client_id(d);
        memcpy(ids[n], d->client_id, sizeof ids[n]);
        for (size_t k = 0; k < n; k++) {
            assert_string_not_equal(ids[k], ids[n]);
        }
    }
}

static void without_a_uid_the_certificate_makes_it_unique(void **state) {
    (void)state;
    char first[sizeof d->client_id];
    d->uid_len = 0;
    d->certificate_len = 300;
    d->certificate[200] = 1;
    cleat_app_make_client_id(d);
    memcpy(first, d->client_id, sizeof first);
    d->certificate[200] = 2;
    cleat_app_make_client_id(d);
    assert_string_not_equal(d->client_id, first);
}

static void a_plain_client_id_is_taken_as_it_is(void **state) {
    (void)state;
    app_rig_set(&rig, "GENERATE_UNIQUE_CLIENT_ID", "0");
    app_rig_set(&rig, "MQTT_CLIENT_IDENTIFIER", "lamp");
    cleat_app_make_client_id(d);
    assert_string_equal(d->client_id, "lamp");
}

static void a_prefix_is_never_cut_inside_a_character(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_CLIENT_IDENTIFIER",
                "l\xc3\xa4mp\xe2\x82\xac\xf0\x9f\x92\xa1\xf0\x9f\x92\xa1");
    for (unsigned n = 12; n < 30; n++) {
        char max[8];
        snprintf(max, sizeof max, "%u", n);
        app_rig_set(&rig, "MQTT_CLIENT_IDENTIFIER_MAX_LEN", max);
        cleat_app_make_client_id(d);
        assert_true(strlen(d->client_id) <= n);
        /* A text that is no UTF-8 is no topic either. */
        assert_true(cleat_mqtt_topic_valid(cleat_bytes_str(d->client_id)));
    }
}

/* @return bytes that the PEM lines from `at` on decode to, or -1. */
static long decoded(size_t at, uint8_t *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789+/";
    long n = 0;
    uint32_t bits = 0;
    int have = 0;
    if (strcmp(rig.lines[at], "-----BEGIN CERTIFICATE-----") != 0) {
        return -1;
    }
    for (at++; rig.lines[at][0] != '-'; at++) {
        assert_true(strlen(rig.lines[at]) <= 64);
        for (const char *c = rig.lines[at]; *c != '\0' && *c != '='; c++) {
            const char *digit = strchr(digits, *c);
            assert_non_null(digit);
            bits = bits << 6 | (uint32_t)(digit - digits);
            have += 6;
            if (have >= 8) {
                have -= 8;
                out[n++] = (uint8_t)(bits >> have);
            }
        }
    }
    assert_string_equal(rig.lines[at], "-----END CERTIFICATE-----");
    return n;
}

static size_t der(uint8_t *out, size_t len) {
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(i * 7 + 3);
    }
    out[0] = 0x30;
    if (len < 130) {
        out[1] = (uint8_t)(len - 2);
    } else if (len < 259) {
        out[1] = 0x81;
        out[2] = (uint8_t)(len - 3);
    } else {
        out[1] = 0x82;
        out[2] = (uint8_t)((len - 4) >> 8);
        out[3] = (uint8_t)(len - 4);
    }
    return len;
}

static void pem_decodes_to_the_certificate_at_every_length(void **state) {
    (void)state;
    uint8_t cert[CLEAT_DEVICE_CERTIFICATE_MAX];
    uint8_t back[CLEAT_DEVICE_CERTIFICATE_MAX];
    static const size_t lengths[] = {2,   3,   47,  48,  49,   50,   96,  97,
                                     129, 131, 258, 260, 1200, 1201, 1728};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t at = rig.line_count;
        size_t len = der(cert, lengths[i]);
        cleat_app_say_certificate(d, cleat_bytes_of(cert, len));
        assert_int_equal(decoded(at, back), len);
        assert_memory_equal(back, cert, len);
    }
}

static void a_chain_is_several_certificates(void **state) {
    (void)state;
    uint8_t chain[1000];
    size_t n = der(chain, 300);
    n += der(chain + n, 200);
    n += der(chain + n, 100);
    cleat_app_say_certificate(d, cleat_bytes_of(chain, n));
    assert_int_equal(app_rig_said(&rig, "BEGIN CERTIFICATE"), 3);
    assert_int_equal(app_rig_said(&rig, "END CERTIFICATE"), 3);
}

static void rubbish_is_called_so(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rubbish[] = {{"\x30", 1},
                   {"\x30\x05\x01", 3},
                   {"\x30\x80\x01\x01\x00\x00", 6},
                   {"\x30\x83\x00\x00\x01\x00", 6},
                   {"\x30\x82\xff\xff\x00\x00", 6},
                   {"\x30\x81", 2},
                   {"\x30\x82\x00", 3}};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        cleat_app_say_certificate(d, cleat_bytes_of(rubbish[i].bytes, rubbish[i].len));
    }
    assert_int_equal(app_rig_said(&rig, "that are no certificate"), 7);
    assert_int_equal(app_rig_said(&rig, "CERTIFICATE-----"), 0);
}

static void what_follows_a_certificate_is_told(void **state) {
    (void)state;
    uint8_t chain[110];
    der(chain, 100);
    memset(chain + 100, 0xFF, 10);
    cleat_app_say_certificate(d, cleat_bytes_of(chain, sizeof chain));
    assert_int_equal(app_rig_said(&rig, "END CERTIFICATE"), 1);
    assert_int_equal(app_rig_said(&rig, "(10 bytes that are no"), 1);
}

static void the_policy_names_what_the_device_uses_and_no_more(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_PUB_TOPIC", "lamp/out");
    app_rig_set(&rig, "MQTT_SUB_TOPIC", "lamp/+/in/#");
    cleat_app_make_client_id(d);
    cleat_app_say_registration(d);
    char want[200];
    snprintf(want, sizeof want, ":client/%s\"}", d->client_id);
    assert_int_equal(app_rig_said(&rig, want), 1);
    assert_int_equal(app_rig_said(&rig, "iot:Publish\""), 1);
    assert_int_equal(app_rig_said(&rig, ":topic/lamp/out\"}"), 1);
    assert_int_equal(app_rig_said(&rig, ":topicfilter/lamp/+/in/#\"}"), 1);
    /* In a policy * stands for what + and # match. */
    assert_int_equal(app_rig_said(&rig, ":topic/lamp/*/in/*\"}"), 1);
    assert_int_equal(app_rig_said(&rig, "\"*\""), 0);
    assert_int_equal(app_rig_said(&rig, "will"), 0);
}

static void the_policy_allows_the_will_when_there_is_one(void **state) {
    (void)state;
    app_rig_set(&rig, "ENABLE_LWT_MESSAGE", "1");
    app_rig_set(&rig, "MQTT_WILL_TOPIC_NAME", "lamp/will");
    cleat_app_say_registration(d);
    assert_int_equal(app_rig_said(&rig, ":topic/lamp/will\"}"), 1);
    app_rig_set(&rig, "MQTT_WILL_RETAIN", "1");
    cleat_app_say_registration(d);
    assert_int_equal(app_rig_said(&rig, "iot:RetainPublish"), 1);
}

static void a_topic_cannot_break_the_policys_json(void **state) {
    (void)state;
    app_rig_set(&rig, "MQTT_PUB_TOPIC", "a\"b\\c");
    cleat_app_say_registration(d);
    assert_int_equal(app_rig_said(&rig, ":topic/a\\\"b\\\\c\"}"), 1);
}

static void registration_says_each_step(void **state) {
    (void)state;
    static const char *const steps[] = {
        "device.pem",
        "register-certificate-without-ca",
        "Do not create a certificate or key",
        "-ats.iot.REGION.amazonaws.com",
        "MQTT_BROKER_ADDRESS and MQTT_SNI_HOSTNAME",
        "MQTT_PORT=8883",
        "Amazon Root CA 3 for ECDHE_ECDSA",
        "Amazon Root CA 1"};
    cleat_app_say_registration(d);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (app_rig_said(&rig, steps[i]) < 1) {
            fail_msg("not said: %s", steps[i]);
        }
    }
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(client_id_keeps_the_longest_length_for_all_lengths),
        CASE(client_id_of_defaults_fits_every_broker),
        CASE(client_id_is_the_same_at_every_start),
        CASE(client_ids_of_close_uids_all_differ),
        CASE(without_a_uid_the_certificate_makes_it_unique),
        CASE(a_plain_client_id_is_taken_as_it_is),
        CASE(a_prefix_is_never_cut_inside_a_character),
        CASE(pem_decodes_to_the_certificate_at_every_length),
        CASE(a_chain_is_several_certificates),
        CASE(rubbish_is_called_so),
        CASE(what_follows_a_certificate_is_told),
        CASE(the_policy_names_what_the_device_uses_and_no_more),
        CASE(the_policy_allows_the_will_when_there_is_one),
        CASE(a_topic_cannot_break_the_policys_json),
        CASE(registration_says_each_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
