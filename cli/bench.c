/* SPDX-License-Identifier: MIT */
/*
 * The load of `cleat bench`: publishers and subscribers, each a client of its
 * own, in one loop. Every payload carries who sent it, its number and the time,
 * so that a subscriber knows what is late, missing or there twice.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cleat/linux_client.h"
#include "cli.h"

#define MAGIC 0x434C4254u
#define GRACE_MS 2000u /* for what is under way once all is sent */

struct bench;

struct peer {
    struct bench *bench;
    struct cleat_linux_client *client;
    struct cleat_client_sub sub;
    char id[32];
    uint32_t index;
    uint32_t sent, delivered;
    bool up, failed;
};

struct bench {
    const struct cli_bench_load *load;
    struct cli_bench_result *result;
    struct peer peers[2 * CLI_BENCH_CLIENTS_MAX]; /* subscribers first */
    size_t count;
    uint8_t *payload;
    uint64_t start_ns;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- what arrives --- */

static bool first_time(struct bench *b, uint32_t subscriber, uint32_t publisher,
                       uint32_t number) {
    uint64_t bit = ((uint64_t)subscriber * b->load->publishers + publisher) *
                       b->load->messages +
                   number;
    uint8_t mask = (uint8_t)(1u << (bit & 7u));
    bool seen = (b->result->seen[bit >> 3] & mask) != 0;
    b->result->seen[bit >> 3] |= mask;
    return !seen;
}

static void on_message(void *arg, const struct cleat_mqtt_event *m) {
    struct peer *p = arg;
    struct bench *b = p->bench;
    struct cli_bench_result *r = b->result;
    if (m->offset > 0) {
        return; /* The head is in the first piece. */
    }
    struct cleat_reader in = cleat_reader_of(m->payload);
    uint32_t magic = cleat_read_u32(&in);
    uint16_t publisher = cleat_read_u16(&in);
    uint32_t number = cleat_read_u32(&in);
    uint64_t at = (uint64_t)cleat_read_u32(&in) << 32;
    at |= cleat_read_u32(&in);
    uint64_t now = now_ns();
    if (in.failed || magic != MAGIC || publisher >= b->load->publishers ||
        number >= b->load->messages || m->total_len != b->load->size ||
        at < b->start_ns || at > now) {
        r->damaged++; /* Not ours, or not of this run. */
        return;
    }
    if (!first_time(b, p->index, publisher, number)) {
        r->duplicates++;
        return;
    }
    r->received++;
    if (r->latency_count < r->latency_cap) {
        r->latency[r->latency_count++] = now - at;
    }
}

static void on_event(void *arg, const struct cleat_client_event *e) {
    struct peer *p = arg;
    switch (e->type) {
    case CLEAT_CLIENT_UP:
        p->up = true;
        break;
    case CLEAT_CLIENT_MQTT:
        p->delivered += e->mqtt.type == CLEAT_MQTT_DELIVERED;
        break;
    case CLEAT_CLIENT_DOWN:
    case CLEAT_CLIENT_GAVE_UP:
        p->failed = true;
        cli_error("%s: %s", p->id,
                  e->detail.text != NULL ? e->detail.text
                                         : cleat_strerror(e->err));
        break;
    default:
        break;
    }
}

/* --- what is sent --- */

static bool may_send(const struct bench *b, const struct peer *p) {
    const struct cli_bench_load *l = b->load;
    if (p->sent == l->messages ||
        (l->qos > 0 && p->sent - p->delivered >= l->window)) {
        return false;
    }
    if (l->rate == 0) {
        return true;
    }
    double due = (double)(now_ns() - b->start_ns) / 1e9 * l->rate /
                 (double)l->publishers;
    return p->sent < due;
}

static void send_some(struct bench *b, struct peer *p) {
    struct cleat_bytes topic = cleat_bytes_str(b->load->topic);
    while (may_send(b, p)) {
        struct cleat_writer w = cleat_writer_of(b->payload, CLI_BENCH_HEAD);
        uint64_t now = now_ns();
        cleat_write_u32(&w, MAGIC);
        cleat_write_u16(&w, (uint16_t)p->index);
        cleat_write_u32(&w, p->sent);
        cleat_write_u32(&w, (uint32_t)(now >> 32));
        cleat_write_u32(&w, (uint32_t)now);
        if (cleat_linux_client_submit(p->client, topic,
                                      cleat_bytes_of(b->payload, b->load->size),
                                      b->load->qos, false) != CLEAT_OK) {
            return; /* Full: after the next step. */
        }
        p->sent++;
        b->result->sent++;
    }
}

/* --- the loop --- */

static bool is_publisher(const struct bench *b, size_t i) {
    return i >= b->load->subscribers;
}

/** @return false when a client has failed. */
static bool step_all(struct bench *b) {
    bool fine = true;
    uint64_t delivered = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct peer *p = &b->peers[i];
        if (cleat_linux_client_step(p->client) != CLEAT_ERR_AGAIN ||
            p->failed) {
            fine = false;
        }
        delivered += p->delivered;
    }
    b->result->delivered = delivered;
    return fine;
}

static void sleep_all(struct bench *b, int ms) {
    struct pollfd fds[2 * CLI_BENCH_CLIENTS_MAX];
    for (size_t i = 0; i < b->count; i++) {
        fds[i] = (struct pollfd){cleat_linux_client_fd(b->peers[i].client),
                                 POLLIN, 0};
    }
    poll(fds, b->count, ms);
}

static bool all_up(const struct bench *b) {
    for (size_t i = 0; i < b->count; i++) {
        if (!b->peers[i].up) {
            return false;
        }
    }
    return true;
}

static bool over(const struct bench *b, uint64_t all_sent_ns) {
    const struct cli_bench_result *r = b->result;
    uint64_t total = (uint64_t)b->load->messages * b->load->publishers;
    if (r->received == r->expected &&
        (b->load->qos == 0 || r->delivered == total)) {
        return true;
    }
    return all_sent_ns > 0 &&
           now_ns() - all_sent_ns > (uint64_t)GRACE_MS * 1000000u;
}

/** @return CLI_OK, or CLI_FAILED. */
static int connect_all(struct bench *b, uint64_t end_ns) {
    while (!all_up(b)) {
        if (!step_all(b) || interrupted) {
            return CLI_FAILED;
        }
        if (now_ns() > end_ns) {
            cli_error("not all clients are connected in time (--timeout)");
            return CLI_FAILED;
        }
        sleep_all(b, 100);
    }
    return CLI_OK;
}

static int load_all(struct bench *b, uint64_t end_ns,
                    void (*progress)(const struct cli_bench_result *r)) {
    uint64_t total = (uint64_t)b->load->messages * b->load->publishers;
    uint64_t all_sent = 0, moved = 0, told = now_ns();
    while (!over(b, all_sent)) {
        for (size_t i = b->load->subscribers; i < b->count; i++) {
            send_some(b, &b->peers[i]);
        }
        uint64_t before = b->result->received + b->result->delivered;
        if (!step_all(b) || interrupted) {
            return CLI_FAILED;
        }
        uint64_t now = now_ns();
        moved = b->result->received + b->result->delivered;
        if (b->result->sent == total && (all_sent == 0 || moved != before)) {
            all_sent = now; /* The grace begins with the last that moved. */
        }
        if (now > end_ns) {
            cli_error("stopped: the time is over (--timeout)");
            return CLI_FAILED;
        }
        if (progress != NULL && now - told > 1000000000u) {
            told = now;
            progress(b->result);
        }
        sleep_all(b, b->load->rate > 0 ? 1 : 20);
    }
    return CLI_OK;
}

/* --- set-up --- */

static int add_peer(struct bench *b) {
    struct peer *p = &b->peers[b->count];
    bool publishes = is_publisher(b, b->count);
    const struct cli_bench_load *l = b->load;
    struct cleat_linux_client_config c = {.host = l->host, .port = l->port};
    p->bench = b;
    p->index = (uint32_t)(publishes ? b->count - l->subscribers : b->count);
    snprintf(p->id, sizeof p->id, "cleat-bench-%s-%lx-%u",
             publishes ? "pub" : "sub", (unsigned long)now_ns() & 0xFFFFFu,
             (unsigned)p->index);
    p->sub.filter = cleat_bytes_str(l->topic);
    p->sub.qos = l->qos;
    c.mqtt.client_id = cleat_bytes_str(p->id);
    c.mqtt.clean_session = true;
    if (l->username != NULL) {
        c.mqtt.username = cleat_bytes_str(l->username);
    }
    if (l->password != NULL) {
        c.mqtt.password = cleat_bytes_str(l->password);
    }
    c.client.subs = publishes ? NULL : &p->sub;
    c.client.sub_count = publishes ? 0 : 1;
    c.client.max_retries = 1;
    c.on_message = on_message;
    c.on_event = on_event;
    c.arg = p;
    p->client = malloc(sizeof *p->client);
    if (p->client == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    int err = cleat_linux_client_init(p->client, &c);
    if (err != CLEAT_OK) {
        free(p->client);
        cli_error("%s: %s", p->id, cleat_strerror(err));
        return CLI_USAGE;
    }
    b->count++;
    return CLI_OK;
}

static int prepare(struct bench *b) {
    const struct cli_bench_load *l = b->load;
    struct cli_bench_result *r = b->result;
    uint64_t total = (uint64_t)l->messages * l->publishers;
    r->expected = total * l->subscribers;
    if (r->expected > CLI_BENCH_MESSAGES_MAX) {
        cli_error("%llu messages are more than %u to be received: lower "
                  "--count, --publishers or --subscribers",
                  (unsigned long long)r->expected, CLI_BENCH_MESSAGES_MAX);
        return CLI_USAGE;
    }
    r->latency_cap = (size_t)r->expected;
    r->latency = malloc((r->latency_cap + 1) * sizeof *r->latency);
    r->seen = calloc(1, (size_t)(r->expected / 8 + 1));
    b->payload = calloc(1, l->size);
    if (r->latency == NULL || r->seen == NULL || b->payload == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    for (size_t i = 0; i < l->subscribers + l->publishers; i++) {
        int status = add_peer(b);
        if (status != CLI_OK) {
            return status;
        }
    }
    return CLI_OK;
}

static void say_goodbye(struct bench *b) {
    uint64_t end = now_ns() + 1000000000u;
    bool more = true;
    for (size_t i = 0; i < b->count; i++) {
        cleat_linux_client_stop(b->peers[i].client);
    }
    while (more && now_ns() < end) {
        more = false;
        for (size_t i = 0; i < b->count; i++) {
            more = cleat_linux_client_step(b->peers[i].client) ==
                       CLEAT_ERR_AGAIN ||
                   more;
        }
        if (more) {
            sleep_all(b, 10);
        }
    }
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int cli_bench_run(const struct cli_bench_load *load,
                  struct cli_bench_result *result,
                  void (*progress)(const struct cli_bench_result *r)) {
    struct bench *b = calloc(1, sizeof *b);
    memset(result, 0, sizeof *result);
    if (b == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    b->load = load;
    b->result = result;
    interrupted = 0;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    uint64_t end = now_ns() + (uint64_t)load->timeout_s * 1000000000u;
    int status = prepare(b);
    if (status == CLI_OK) {
        status = connect_all(b, end);
    }
    if (status == CLI_OK) {
        double cpu = cpu_seconds();
        b->start_ns = now_ns();
        status = load_all(b, end, progress);
        result->seconds = (double)(now_ns() - b->start_ns) / 1e9;
        result->cpu_seconds = cpu_seconds() - cpu;
    }
    say_goodbye(b);
    for (size_t i = 0; i < b->count; i++) {
        cleat_linux_client_deinit(b->peers[i].client);
        free(b->peers[i].client);
    }
    if (result->latency_count > 0) {
        qsort(result->latency, result->latency_count, sizeof *result->latency,
              ascending);
    }
    free(b->payload);
    free(b);
    return status;
}

void cli_bench_free(struct cli_bench_result *result) {
    free(result->latency);
    free(result->seen);
}

double cli_bench_percentile(const struct cli_bench_result *r, double share) {
    if (r->latency_count == 0) {
        return 0;
    }
    double at = share * (double)r->latency_count;
    size_t i = at < 1 ? 0 : (size_t)(at + 0.5) - 1;
    i = i < r->latency_count ? i : r->latency_count - 1;
    return (double)r->latency[i] / 1e6;
}
