/* SPDX-License-Identifier: MIT */
/*
 * The device's name at the broker, and what its owner does to register it: the
 * steps for AWS IoT with the device's own client ID and topics filled in.
 */
#include <stdio.h>
#include <string.h>

#include "app.h"

#define SUFFIX_LEN 10

/* 64-bit FNV-1a, then a finaliser so that close inputs end far apart. */
static uint64_t mix(const uint8_t *data, size_t len) {
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ data[i]) * 0x100000001B3u;
    }
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDu;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53u;
    return h ^ (h >> 33);
}

void cleat_app_make_client_id(struct cleat_device *d) {
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
    const struct cleat_settings *s = cleat_app_settings(d);
    uint64_t h = d->uid_len > 0 ? mix(d->uid, d->uid_len)
                                : mix(d->certificate, d->certificate_len);
    d->rng = (uint32_t)(h >> 16);
    d->client_id[0] = '\0';
    if (!s->generate_unique_client_id) {
        strncat(d->client_id, s->mqtt_client_identifier,
                sizeof d->client_id - 1);
        return;
    }
    size_t max = s->mqtt_client_identifier_max_len;
    size_t keep = strlen(s->mqtt_client_identifier);
    if (keep > max - SUFFIX_LEN - 1) {
        keep = max - SUFFIX_LEN - 1;
    }
    while (keep > 0 && (s->mqtt_client_identifier[keep] & 0xC0) == 0x80) {
        keep--; /* not inside a UTF-8 character */
    }
    memcpy(d->client_id, s->mqtt_client_identifier, keep);
    char *at = d->client_id + keep;
    *at++ = '-';
    for (const char *end = at + SUFFIX_LEN; at < end; h >>= 5) {
        *at++ = digits[h & 31];
    }
    *at = '\0';
}

#if CLEAT_TEXTS
/* Longest topic, every byte escaped. */
#define RESOURCE_MAX 520

/* A text inside JSON quotes. In a policy * stands for what the wildcards + and
 * # of a filter match. */
static void quote(char *out, const char *text, bool wildcards) {
    size_t n = 0;
    for (; *text != '\0' && n + 7 < RESOURCE_MAX; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
        }
        if (wildcards && (c == '+' || c == '#')) {
            c = '*';
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
}

static void say_statement(struct cleat_device *d, const char *action,
                          const char *kind, const char *name, const char *end) {
    char resource[RESOURCE_MAX];
    quote(resource, name, strcmp(action, "Receive") == 0);
    cleat_app_say(d,
                  "   {\"Effect\":\"Allow\",\"Action\":\"iot:%s\","
                  "\"Resource\":\"arn:aws:iot:REGION:ACCOUNT:%s/%s\"}%s",
                  action, kind, resource, end);
}

static void say_policy(struct cleat_device *d) {
    const struct cleat_settings *s = cleat_app_settings(d);
    cleat_app_print(d, "  {\"Version\":\"2012-10-17\",\"Statement\":[");
    say_statement(d, "Connect", "client", d->client_id, ",");
    say_statement(d, "Publish", "topic", s->mqtt_pub_topic, ",");
    if (s->enable_lwt_message) {
        say_statement(d, "Publish", "topic", s->mqtt_will_topic_name, ",");
    }
    if (s->enable_lwt_message && s->mqtt_will_retain) {
        say_statement(d, "RetainPublish", "topic", s->mqtt_will_topic_name,
                      ",");
    }
    say_statement(d, "Receive", "topic", s->mqtt_sub_topic, ",");
    say_statement(d, "Subscribe", "topicfilter", s->mqtt_sub_topic, "]}");
}

static void say_steps(struct cleat_device *d) {
    cleat_app_print(d, "  1. Save the certificate above, BEGIN to END line, as "
                       "device.pem.");
    cleat_app_print(d, "  2. Register it without a certificate authority "
                       "(multi-account registration):");
    cleat_app_print(d, "     aws iot register-certificate-without-ca "
                       "--certificate-pem file://device.pem --status ACTIVE");
    cleat_app_print(d,
                    "     Do not create a certificate or key there: the chip "
                    "has both.");
    cleat_app_print(d, "  3. Create a thing and attach the certificate; attach "
                       "this policy with your REGION and ACCOUNT:");
    say_policy(d);
    cleat_app_print(d, "  4. Find the endpoint: aws iot describe-endpoint "
                       "--endpoint-type iot:Data-ATS");
    cleat_app_print(d, "     It looks like xxxxxxxxxxxxxx-ats.iot.REGION."
                       "amazonaws.com");
    cleat_app_print(d, "  5. Set MQTT_BROKER_ADDRESS and MQTT_SNI_HOSTNAME to "
                       "it, MQTT_PORT=8883, MQTT_SECURE_CONNECTION=1.");
    cleat_app_print(d, "  6. Set ROOT_CA_CERTIFICATE to the root CA's file: "
                       "Amazon Root CA 3 for ECDHE_ECDSA,");
    cleat_app_print(d, "     Amazon Root CA 1 with "
                       "TLS_KEY_EXCHANGES=ECDHE_ECDSA,ECDHE_RSA.");
}
void cleat_app_say_registration(struct cleat_device *d) {
    cleat_app_say(d, SAY_REGISTER);
    say_steps(d);
}
#endif
