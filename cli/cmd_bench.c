/* SPDX-License-Identifier: MIT */
/* `cleat bench`: put a bounded load on a broker, and print rate, losses and
 * latency percentiles. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "cleat/mqtt.h"
#include "cli.h"
#include "json.h"

static const char usage[] =
    "usage: cleat bench [OPTION ...]\n"
    "Publish to a broker and receive it back: messages a second, losses, "
    "latency.\n"
    "  -h, --host HOST        broker; default localhost\n"
    "  -p, --port PORT        default 1883; without TLS\n"
    "  -t, --topic TOPIC      default cleat/bench\n"
    "  -q, --qos QOS          0, 1 or 2; default 1\n"
    "  -s, --size BYTES       of each payload, 18 to 32768; default 64\n"
    "  -n, --count N          messages of each publisher; default 10000\n"
    "  -r, --rate N           messages a second, all publishers; default: as "
    "fast\n"
    "                         as the window allows\n"
    "  -w, --window N         unacknowledged messages, 1 to 200; default 20\n"
    "      --publishers N     1 to 64; default 1\n"
    "      --subscribers N    0 to 64; default 1\n"
    "  -u, --username NAME    and\n"
    "  -P, --pw PASSWORD\n"
    "      --timeout SECONDS  give up after; default 60\n"
    "      --json             one JSON object\n"
    "      --help\n"
    "Status: 0; 1 not connected, time over, or a message of QoS 1 or 2 lost or "
    "at\nQoS 2 there twice; 2 wrong call.\n";

struct option {
    char letter;
    const char *name;
    unsigned long low, high;
    uint32_t *number;
    const char **text;
};

static bool parse_number(const struct option *o, const char *text) {
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || n < o->low ||
        n > o->high) {
        cli_error("--%s %s: a number from %lu to %lu is expected", o->name,
                  text, o->low, o->high);
        return false;
    }
    *o->number = (uint32_t)n;
    return true;
}

static const struct option *find(const struct option *options,
                                 const char *word) {
    for (; options->name != NULL; options++) {
        if ((word[0] == '-' && word[1] == options->letter &&
             options->letter != '\0' && word[2] == '\0') ||
            (strncmp(word, "--", 2) == 0 &&
             strcmp(word + 2, options->name) == 0)) {
            return options;
        }
    }
    return NULL;
}

/** @return CLI_OK to go on, else the status to end with (help: -1). */
static int parse(struct cli_bench_load *l, bool *json, int argc, char **argv) {
    uint32_t port = 1883, qos = 1;
    const struct option options[] = {
        {'h', "host", 0, 0, NULL, &l->host},
        {'p', "port", 1, 65535, &port, NULL},
        {'t', "topic", 0, 0, NULL, &l->topic},
        {'q', "qos", 0, 2, &qos, NULL},
        {'s', "size", CLI_BENCH_HEAD, 32768, &l->size, NULL},
        {'n', "count", 1, CLI_BENCH_MESSAGES_MAX, &l->messages, NULL},
        {'r', "rate", 0, 10000000, &l->rate, NULL},
        {'w', "window", 1, 200, &l->window, NULL},
        {'\0', "publishers", 1, CLI_BENCH_CLIENTS_MAX, &l->publishers, NULL},
        {'\0', "subscribers", 0, CLI_BENCH_CLIENTS_MAX, &l->subscribers, NULL},
        {'u', "username", 0, 0, NULL, &l->username},
        {'P', "pw", 0, 0, NULL, &l->password},
        {'\0', "timeout", 1, 86400, &l->timeout_s, NULL},
        {'\0', NULL, 0, 0, NULL, NULL}};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return -1;
        }
        if (strcmp(argv[i], "--json") == 0) {
            *json = true;
            continue;
        }
        const struct option *o = find(options, argv[i]);
        if (o == NULL || i + 1 == argc) {
            cli_error(o == NULL ? "%s: unknown option; cleat bench --help"
                                : "%s needs a value",
                      argv[i]);
            return CLI_USAGE;
        }
        i++;
        if (o->text != NULL) {
            *o->text = argv[i];
        } else if (!parse_number(o, argv[i])) {
            return CLI_USAGE;
        }
    }
    l->port = (uint16_t)port;
    l->qos = (uint8_t)qos;
    if (!cleat_mqtt_topic_valid(cleat_bytes_str(l->topic))) {
        cli_error("--topic %s: not a topic that one may publish to", l->topic);
        return CLI_USAGE;
    }
    if (l->password != NULL && l->username == NULL) {
        cli_error("--pw needs --username");
        return CLI_USAGE;
    }
    return CLI_OK;
}

static void progress(const struct cli_bench_result *r) {
    fprintf(stderr, "%llu sent, %llu of %llu received\n",
            (unsigned long long)r->sent, (unsigned long long)r->received,
            (unsigned long long)r->expected);
}

static void print_text(const struct cli_bench_load *l,
                       const struct cli_bench_result *r) {
    printf("sent        %llu messages of %u bytes at QoS %u in %.3f s: "
           "%.0f a second\n",
           (unsigned long long)r->sent, (unsigned)l->size, (unsigned)l->qos,
           r->seconds, r->seconds > 0 ? (double)r->sent / r->seconds : 0);
    printf("received    %llu, lost %llu, twice %llu, not ours %llu\n",
           (unsigned long long)r->received,
           (unsigned long long)(r->expected - r->received),
           (unsigned long long)r->duplicates, (unsigned long long)r->damaged);
    if (r->latency_count > 0) {
        printf("latency ms  min %.3f, median %.3f, 90 %% %.3f, 99 %% %.3f, "
               "99.9 %% %.3f, max %.3f\n",
               cli_bench_percentile(r, 0), cli_bench_percentile(r, 0.5),
               cli_bench_percentile(r, 0.9), cli_bench_percentile(r, 0.99),
               cli_bench_percentile(r, 0.999), cli_bench_percentile(r, 1));
    }
    printf("processor   %.3f s of all clients together\n", r->cpu_seconds);
}

static int print_json(const struct cli_bench_load *l,
                      const struct cli_bench_result *r, int status) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "qos", l->qos);
    cJSON_AddNumberToObject(root, "size", l->size);
    cJSON_AddNumberToObject(root, "publishers", l->publishers);
    cJSON_AddNumberToObject(root, "subscribers", l->subscribers);
    cJSON_AddNumberToObject(root, "sent", (double)r->sent);
    cJSON_AddNumberToObject(root, "received", (double)r->received);
    cJSON_AddNumberToObject(root, "lost", (double)(r->expected - r->received));
    cJSON_AddNumberToObject(root, "duplicates", (double)r->duplicates);
    cJSON_AddNumberToObject(root, "foreign", (double)r->damaged);
    cJSON_AddNumberToObject(root, "seconds", r->seconds);
    cJSON_AddNumberToObject(root, "cpu_seconds", r->cpu_seconds);
    cJSON *latency = cJSON_AddObjectToObject(root, "latency_ms");
    cJSON_AddNumberToObject(latency, "min", cli_bench_percentile(r, 0));
    cJSON_AddNumberToObject(latency, "p50", cli_bench_percentile(r, 0.5));
    cJSON_AddNumberToObject(latency, "p90", cli_bench_percentile(r, 0.9));
    cJSON_AddNumberToObject(latency, "p99", cli_bench_percentile(r, 0.99));
    cJSON_AddNumberToObject(latency, "p99.9", cli_bench_percentile(r, 0.999));
    cJSON_AddNumberToObject(latency, "max", cli_bench_percentile(r, 1));
    if (status != CLI_OK) {
        cJSON_AddStringToObject(root, "error",
                                cli_error_said()[0] != '\0'
                                    ? cli_error_said()
                                    : "messages were lost or came twice");
    }
    return cli_json_end(root, status);
}

static int run(int argc, char **argv) {
    struct cli_bench_load load = {.host = "localhost",
                                  .topic = "cleat/bench",
                                  .size = 64,
                                  .messages = 10000,
                                  .window = 20,
                                  .publishers = 1,
                                  .subscribers = 1,
                                  .timeout_s = 60};
    struct cli_bench_result result;
    bool json = false;
    cli_json_guess(argc, argv);
    int status = parse(&load, &json, argc, argv);
    if (status != CLI_OK) {
        return status < 0 ? CLI_OK : status;
    }
    cli_json_ask(json);
    status = cli_bench_run(&load, &result, json ? NULL : progress);
    bool whole = load.qos == 0 || (result.received == result.expected &&
                                   (load.qos == 1 || result.duplicates == 0));
    status = status == CLI_OK && !whole ? CLI_FAILED : status;
    if (result.sent > 0 && json) {
        status = print_json(&load, &result, status);
    } else if (result.sent > 0) {
        print_text(&load, &result);
    }
    cli_bench_free(&result);
    return status;
}

const struct cli_command cli_command_bench = {
    "bench", "load a broker: rate, losses, latency percentiles", run};
