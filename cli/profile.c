/* SPDX-License-Identifier: MIT */
/*
 * Broker profiles. AWS IoT Core closes the connection without a word when its
 * limits are not kept; here they are words. The limits are those that AWS
 * publishes as not adjustable ("AWS IoT Core endpoints and quotas").
 */
#include "profile.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleat/log.h"
#include "cli.h"

#define AWS_TOPIC_BYTES 256
#define AWS_TOPIC_SLASHES 7
#define AWS_CLIENT_ID_BYTES 128
#define AWS_PAYLOAD_BYTES (128u * 1024u)
#define AWS_KEEP_ALIVE_MIN 30
#define AWS_KEEP_ALIVE_MAX 1200
#define AWS_ALPN "x-amzn-mqtt-ca"
#define AWS_ALPN_CUSTOM "mqtt"
#define AWS_RULES "$aws/rules/"

struct check {
    cli_profile_tell *tell;
    void *arg;
    unsigned count;
};

static void beyond(struct check *c, const char *setting, const char *fmt, ...)
    CLEAT_PRINTF(3, 4);

static void beyond(struct check *c, const char *setting, const char *fmt, ...) {
    char sentence[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    c->count++;
    c->tell(c->arg, setting, sentence);
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text);
    size_t m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static bool is_aws(const char *address) {
    return ends_with(address, ".amazonaws.com") ||
           ends_with(address, ".amazonaws.com.cn");
}

static bool is_address(const char *name) {
    return strchr(name, ':') != NULL ||
           (name[0] != '\0' && name[strspn(name, "0123456789.")] == '\0');
}

bool cli_profile_aws_region(const char *endpoint, char *region, size_t cap) {
    const char *iot = strstr(endpoint, ".iot.");
    if (iot == NULL || iot == endpoint || !is_aws(endpoint)) {
        return false;
    }
    const char *from = iot + 5;
    size_t n = strcspn(from, ".");
    if (n == 0 || n >= cap || strncmp(from + n, ".amazonaws.com", 14) != 0) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)from[i]) && from[i] != '-') {
            return false;
        }
    }
    memcpy(region, from, n);
    region[n] = '\0';
    return true;
}

static void check_endpoint(struct check *c, const struct cleat_settings *s) {
    char region[40];
    const char *address = s->mqtt_broker_address;
    if (address[0] == '\0') {
        return; /* said elsewhere */
    }
    if (is_address(address) && s->mqtt_sni_hostname[0] == '\0') {
        beyond(c, "MQTT_BROKER_ADDRESS",
               "AWS IoT finds the account by the host name in SNI, and \"%s\" "
               "is an address: use the endpoint's name, or set "
               "MQTT_SNI_HOSTNAME to it",
               address);
        return;
    }
    if (!is_aws(address)) {
        return; /* a name of the account's own */
    }
    if (!cli_profile_aws_region(address, region, sizeof region)) {
        beyond(c, "MQTT_BROKER_ADDRESS",
               "\"%s\" is no endpoint for devices; `aws iot describe-endpoint "
               "--endpoint-type iot:Data-ATS` prints yours, "
               "xxxxxxxxxxxxxx-ats.iot.REGION.amazonaws.com",
               address);
        return;
    }
    if (strstr(address, "-ats.iot.") == NULL &&
        strstr(address, ".ats.iot.") == NULL) {
        beyond(c, "MQTT_BROKER_ADDRESS",
               "\"%s\" is the old endpoint, whose certificate is of a CA that "
               "nobody trusts any more: use the one with -ats "
               "(--endpoint-type iot:Data-ATS)",
               address);
    }
}

static void check_port(struct check *c, const struct cleat_settings *s) {
    const char *alpn = s->mqtt_alpn_protocol_name;
    if (!s->mqtt_secure_connection) {
        beyond(c, "MQTT_SECURE_CONNECTION",
               "AWS IoT takes TLS only: set it to 1");
    }
    if (s->mqtt_port != 8883 && s->mqtt_port != 443) {
        beyond(c, "MQTT_PORT",
               "AWS IoT speaks MQTT on 8883, and on 443 with ALPN, not on %lu",
               (unsigned long)s->mqtt_port);
    }
    if (s->mqtt_port == 443 && alpn[0] == '\0') {
        beyond(c, "MQTT_ALPN_PROTOCOL_NAME",
               "on port 443 AWS IoT knows MQTT by its ALPN name only: set it "
               "to " AWS_ALPN);
    } else if (alpn[0] != '\0' && strcmp(alpn, AWS_ALPN) != 0 &&
               strcmp(alpn, AWS_ALPN_CUSTOM) != 0) {
        beyond(c, "MQTT_ALPN_PROTOCOL_NAME",
               "AWS IoT does not know \"%s\": use " AWS_ALPN
               ", or leave it empty on port 8883",
               alpn);
    }
}

static void check_topic(struct check *c, const char *setting,
                        const char *topic) {
    unsigned slashes = 0;
    const char *from = topic;
    size_t len = strlen(topic);
    if (strncmp(topic, AWS_RULES, strlen(AWS_RULES)) == 0) {
        /* The prefix with the rule's name does not count. */
        const char *end = strchr(topic + strlen(AWS_RULES), '/');
        from = end == NULL ? topic + len : end + 1;
    }
    for (const char *p = from; *p != '\0'; p++) {
        slashes += *p == '/';
    }
    if (len > AWS_TOPIC_BYTES) {
        beyond(c, setting, "AWS IoT takes topics of %d bytes at most, not %zu",
               AWS_TOPIC_BYTES, len);
    }
    if (slashes > AWS_TOPIC_SLASHES) {
        beyond(c, setting, "AWS IoT takes %d slashes in a topic, not %u",
               AWS_TOPIC_SLASHES, slashes);
    }
    if (topic[0] == '$' && strncmp(topic, "$aws/", 5) != 0) {
        beyond(c, setting,
               "topics that begin with $ are AWS's own: leave the $ away");
    }
}

static void check_payload(struct check *c, const char *setting,
                          const char *payload) {
    if (strlen(payload) > AWS_PAYLOAD_BYTES) {
        beyond(c, setting, "AWS IoT takes payloads of 128 KiB at most");
    }
}

static void check_qos(struct check *c, const char *setting, uint32_t qos) {
    if (qos > 1) {
        beyond(c, setting, "AWS IoT has no QoS 2 and hangs up: set 1 or 0");
    }
}

static void check_messages(struct check *c, const struct cleat_settings *s) {
    check_qos(c, "MQTT_MESSAGES_QOS", s->mqtt_messages_qos);
    check_topic(c, "MQTT_PUB_TOPIC", s->mqtt_pub_topic);
    check_topic(c, "MQTT_SUB_TOPIC", s->mqtt_sub_topic);
    check_payload(c, "MQTT_DEVICE_ON_MESSAGE", s->mqtt_device_on_message);
    check_payload(c, "MQTT_DEVICE_OFF_MESSAGE", s->mqtt_device_off_message);
    if (s->enable_lwt_message) {
        check_qos(c, "MQTT_WILL_QOS", s->mqtt_will_qos);
        check_topic(c, "MQTT_WILL_TOPIC_NAME", s->mqtt_will_topic_name);
        check_payload(c, "MQTT_WILL_MESSAGE", s->mqtt_will_message);
    }
}

static void check_session(struct check *c, const struct cleat_settings *s) {
    if (s->mqtt_keep_alive_seconds < AWS_KEEP_ALIVE_MIN ||
        s->mqtt_keep_alive_seconds > AWS_KEEP_ALIVE_MAX) {
        beyond(c, "MQTT_KEEP_ALIVE_SECONDS",
               "AWS IoT works with %d to %d s and takes every other value for "
               "the next of these, so that broker and device would disagree: "
               "not %lu",
               AWS_KEEP_ALIVE_MIN, AWS_KEEP_ALIVE_MAX,
               (unsigned long)s->mqtt_keep_alive_seconds);
    }
    size_t len = strlen(s->mqtt_client_identifier);
    if (len > AWS_CLIENT_ID_BYTES) {
        beyond(c, "MQTT_CLIENT_IDENTIFIER",
               "AWS IoT takes client IDs of %d bytes at most, not %zu",
               AWS_CLIENT_ID_BYTES, len);
    }
    if (len == 0 && !s->generate_unique_client_id) {
        beyond(c, "MQTT_CLIENT_IDENTIFIER",
               "a policy of AWS IoT names the client ID: it cannot be empty");
    }
    if (s->mqtt_conn_retry_interval_ms < 1000) {
        beyond(c, "MQTT_CONN_RETRY_INTERVAL_MS",
               "AWS IoT takes one CONNECT a second of a client ID: set 1000 or "
               "more");
    }
}

const char *cli_profile_of(const struct cleat_settings *s, const char *asked) {
    if (asked == NULL && strcmp(s->broker_profile, "aws") == 0) {
        return "aws";
    }
    if (asked == NULL || strcmp(asked, "auto") == 0) {
        return is_aws(s->mqtt_broker_address) ? "aws" : "none";
    }
    if (strcmp(asked, "aws") == 0) {
        return "aws";
    }
    return strcmp(asked, "none") == 0 ? "none" : NULL;
}

unsigned cli_profile_check(const struct cleat_settings *s, const char *profile,
                           cli_profile_tell *tell, void *arg) {
    struct check c = {tell, arg, 0};
    if (strcmp(profile, "aws") == 0) {
        check_endpoint(&c, s);
        check_port(&c, s);
        check_messages(&c, s);
        check_session(&c, s);
    }
    return c.count;
}

static void print(void *arg, const char *setting, const char *sentence) {
    (void)arg;
    cli_error("%s: %s", setting, sentence);
}

int cli_profile_hold(const struct cleat_settings *s, const char *asked) {
    const char *profile = cli_profile_of(s, asked);
    if (profile == NULL) {
        cli_error("--profile: \"%s\" is not auto, none or aws", asked);
        return CLI_USAGE;
    }
    unsigned count = cli_profile_check(s, profile, print, NULL);
    if (count > 0) {
        cli_error("%u setting%s beyond what profile \"%s\" allows; --profile "
                  "none tries it all the same",
                  count, count == 1 ? " is" : "s are", profile);
        return CLI_USAGE;
    }
    return CLI_OK;
}
