/* SPDX-License-Identifier: MIT */
/* Policies for AWS IoT: what a device does and nothing more. */
#include <string.h>

#include "aws.h"

#define RESOURCE_MAX 600
#define CREATE "$aws/certificates/create-from-csr/json"
#define THING_NAME "${iot:Connection.Thing.ThingName}"

/* Partitions of AWS have other ARNs. */
static const char *partition(const char *region) {
    if (strncmp(region, "cn-", 3) == 0) {
        return "aws-cn";
    }
    return strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

static const char *region_of(const struct cli_aws *a) {
    if (a->region != NULL) {
        return a->region;
    }
    return a->found_region[0] != '\0' ? a->found_region : "REGION";
}

const char *cli_aws_partition(const struct cli_aws *a) {
    return partition(region_of(a));
}

static void add_resource(const struct cli_aws *a, cJSON *list, const char *kind,
                         const char *name) {
    char text[RESOURCE_MAX];
    snprintf(text, sizeof text, "arn:%s:iot:%s:%s:%s/%s", cli_aws_partition(a),
             region_of(a), a->account != NULL ? a->account : "ACCOUNT", kind,
             name);
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

/* @return its list of resources. */
static cJSON *add_statement(cJSON *statements, const char *action) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "Effect", "Allow");
    cJSON_AddStringToObject(o, "Action", action);
    cJSON *list = cJSON_AddArrayToObject(o, "Resource");
    cJSON_AddItemToArray(statements, o);
    return list;
}

/* In a topic's resource * stands for what + and # of a filter match; # matches
 * the level above, too. */
static void add_received(const struct cli_aws *a, cJSON *list,
                         const char *filter) {
    char topic[RESOURCE_MAX];
    size_t n = (size_t)snprintf(topic, sizeof topic, "%s", filter);
    if (n >= 2 && n < sizeof topic && strcmp(topic + n - 2, "/#") == 0) {
        topic[n - 2] = '\0';
        for (char *p = topic; *p != '\0'; p++) {
            *p = *p == '+' ? '*' : *p;
        }
        add_resource(a, list, "topic", topic);
        snprintf(topic, sizeof topic, "%s", filter);
    }
    for (char *p = topic; *p != '\0'; p++) {
        *p = *p == '+' || *p == '#' ? '*' : *p;
    }
    add_resource(a, list, "topic", topic);
}

static cJSON *begin(cJSON **statements) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "Version", "2012-10-17");
    *statements = cJSON_AddArrayToObject(root, "Statement");
    return root;
}

static cJSON *device_policy(const struct cli_aws *a, const char *client_id) {
    const struct cleat_settings *s = a->d->s;
    cJSON *statements;
    cJSON *root = begin(&statements);
    add_resource(a, add_statement(statements, "iot:Connect"), "client",
                 client_id);
    cJSON *publish = add_statement(statements, "iot:Publish");
    add_resource(a, publish, "topic", s->mqtt_pub_topic);
    if (s->enable_lwt_message &&
        strcmp(s->mqtt_will_topic_name, s->mqtt_pub_topic) != 0) {
        add_resource(a, publish, "topic", s->mqtt_will_topic_name);
    }
    if (s->enable_lwt_message && s->mqtt_will_retain) {
        add_resource(a, add_statement(statements, "iot:RetainPublish"), "topic",
                     s->mqtt_will_topic_name);
    }
    add_received(a, add_statement(statements, "iot:Receive"),
                 s->mqtt_sub_topic);
    add_resource(a, add_statement(statements, "iot:Subscribe"), "topicfilter",
                 s->mqtt_sub_topic);
    return root;
}

cJSON *cli_aws_policy(const struct cli_aws *a) {
    return device_policy(a, a->client_id);
}

cJSON *cli_aws_fleet_policy(const struct cli_aws *a) {
    return device_policy(a, THING_NAME);
}

cJSON *cli_aws_claim_policy(const struct cli_aws *a) {
    char provision[200];
    cJSON *statements;
    cJSON *root = begin(&statements);
    snprintf(provision, sizeof provision,
             "$aws/provisioning-templates/%s/provision/json", a->template_name);
    add_resource(a, add_statement(statements, "iot:Connect"), "client",
                 a->client_id[0] != '\0' ? a->client_id : "*");
    cJSON *publish = add_statement(statements, "iot:Publish");
    add_resource(a, publish, "topic", CREATE);
    add_resource(a, publish, "topic", provision);
    cJSON *receive = add_statement(statements, "iot:Receive");
    cJSON *subscribe = add_statement(statements, "iot:Subscribe");
    static const char *const answers[] = {"accepted", "rejected"};
    for (size_t i = 0; i < 2; i++) {
        char topic[260];
        snprintf(topic, sizeof topic, "%s/%s", CREATE, answers[i]);
        add_resource(a, receive, "topic", topic);
        add_resource(a, subscribe, "topicfilter", topic);
        snprintf(topic, sizeof topic, "%s/%s", provision, answers[i]);
        add_resource(a, receive, "topic", topic);
        add_resource(a, subscribe, "topicfilter", topic);
    }
    return root;
}
