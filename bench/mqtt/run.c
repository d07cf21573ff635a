/* SPDX-License-Identifier: MIT */
/*
 * Runs every client under the same load against a Mosquitto that it starts on
 * loopback and ends again: one publisher, one subscriber, of which one is the
 * client measured and the other the raw program. Passes are interleaved, the
 * median counts. With --instructions it counts user-space instructions
 * (callgrind), system calls (strace) and allocations (memcheck) a message, as
 * the difference of two run lengths.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../report.h"
#include "gate.h"

#define PASSES_MAX 25
#define WINDOW 20
#define START 2000 /* messages of the shorter run of two */
#define PEERS_PART                                                             \
    4 /* what nobody judges is counted over so many times fewer */

enum { RAW, CLEAT, AWAKE, MOSQUITTO, PAHO, CLIENTS };
enum { PUBLISH, SUBSCRIBE };
enum { PLAIN, TLS };
enum measure { CPU_TIME, INSTRUCTIONS, ALLOCATIONS, SYSCALLS };

/* AWAKE is Cleat without the rests on a busy line, see cleat_linux_net_rest().
 */
static const char *const client_names[CLIENTS] = {
    "raw", "cleat", "cleat, no rests", "libmosquitto", "Paho C"};
static const char *const client_files[CLIENTS] = {
    "bench_mqtt_raw", "bench_mqtt_cleat", "bench_mqtt_cleat",
    "bench_mqtt_mosquitto", "bench_mqtt_paho"};
static const char *only = ""; /* part of the names of the loads to run */

struct load {
    int side, qos;
    unsigned size, count, buffer;
    int security;    /* of the client under test */
    unsigned window; /* 0: WINDOW */
    bool gate;       /* the client under test gets what comes window by window,
                        see gate.h */
};

static const char *dir; /* of the clients' programs */
static char work[] = "/tmp/cleat-bench.XXXXXX";
static pid_t broker = -1;
static unsigned ports[2]; /* without and with TLS */

static void stop_broker(void) {
    char path[64];
    if (broker > 0) {
        kill(broker, SIGTERM);
        waitpid(broker, NULL, 0);
        broker = -1;
    }
    static const char *const files[] = {
        "broker.conf", "tool.out",   "ca.pem",     "ca.key",
        "ca.srl",      "id.key",     "id.pem",     "broker.key",
        "broker.pem",  "broker.csr", "openssl.out"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", work, files[i]);
        unlink(path);
    }
    rmdir(work);
}

static void die(const char *what) {
    perror(what);
    stop_broker();
    exit(2);
}

static void on_signal(int number) {
    (void)number;
    kill(broker, SIGTERM);
    _exit(2);
}

static unsigned free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        die("a free port");
    }
    close(fd);
    return ntohs(a.sin_port);
}

static bool answers(void) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)ports[PLAIN])};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool up = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return up;
}

/** A CA, the broker's certificate, and an identity as the software element
 *  loads it; made for this run, gone with it. */
static void make_certificates(void) {
    char command[1600];
    snprintf(
        command, sizeof command,
        "cd %s && exec >openssl.out 2>&1 && ec='-newkey ec -pkeyopt "
        "ec_paramgen_curve:P-256 -nodes -days 2' && "
        "openssl req -x509 $ec -keyout ca.key -out ca.pem -subj /CN=bench-ca "
        "&& openssl req $ec -keyout broker.key -out broker.csr -subj "
        "/CN=localhost -addext subjectAltName=DNS:localhost && "
        "openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key "
        "-CAcreateserial -days 2 -copy_extensions copy -out broker.pem && "
        "openssl req -x509 $ec -keyout id.key -out id.pem -subj /CN=bench-id",
        work);
    if (system(command) != 0) {
        errno = 0;
        die("openssl made no certificates");
    }
}

static void start_broker(void) {
    char path[64];
    if (mkdtemp(work) == NULL) {
        die(work);
    }
    snprintf(path, sizeof path, "%s/broker.conf", work);
    FILE *f = fopen(path, "w");
    ports[PLAIN] = free_port();
    ports[TLS] = free_port();
    make_certificates();
    if (f == NULL) {
        die(path);
    }
    fprintf(f,
            "listener %u 127.0.0.1\nlistener %u 127.0.0.1\n"
            "certfile %s/broker.pem\nkeyfile %s/broker.key\n"
            "user root\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 0\nmax_inflight_messages 20\nlog_type none\n"
            "set_tcp_nodelay true\n",
            ports[PLAIN], ports[TLS], work, work);
    fclose(f);
    broker = fork();
    if (broker == 0) {
        execlp("mosquitto", "mosquitto", "-c", path, (char *)NULL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 100 && !answers(); i++) {
        usleep(50000);
    }
    if (!answers()) {
        die("mosquitto does not answer");
    }
}

struct process {
    pid_t pid;
    FILE *out;
};

/** What to put before a client's command line to measure it. */
static void exec_client(char *const *args, enum measure measure) {
    char report[64];
    const char *argv[24];
    int n = 0;
    snprintf(report, sizeof report, "%s%s/tool.out",
             measure == SYSCALLS ? "" : "--log-file=", work);
    if (measure == INSTRUCTIONS) {
        argv[n++] = "valgrind";
        argv[n++] = "--tool=callgrind";
        argv[n++] = "--callgrind-out-file=/dev/null";
        argv[n++] = report;
    } else if (measure == ALLOCATIONS) {
        argv[n++] = "valgrind";
        argv[n++] = "--tool=memcheck";
        argv[n++] = "--leak-check=no";
        argv[n++] = "--undef-value-errors=no";
        argv[n++] = report;
    } else if (measure == SYSCALLS) {
        argv[n++] = "strace";
        argv[n++] = "-fc";
        argv[n++] = "-o";
        argv[n++] = report;
    }
    for (int i = 0; args[i] != NULL; i++) {
        argv[n++] = args[i];
    }
    argv[n] = NULL;
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/** @param gate  The port to connect to instead of the broker's; 0: none. */
static struct process start(int client, int side, const struct load *load,
                            enum measure measure, unsigned gate) {
    char path[512], text[6][16], ca[64];
    int pipes[2];
    struct process p;
    snprintf(path, sizeof path, "%s/%s", dir, client_files[client]);
    int security = client == RAW ? PLAIN : load->security;
    snprintf(text[0], 16, "%u", gate != 0 ? gate : ports[security]);
    snprintf(ca, sizeof ca, "%s/ca.pem", work);
    snprintf(text[1], 16, "%d", load->qos);
    snprintf(text[2], 16, "%u", load->size);
    snprintf(text[3], 16, "%u", load->count);
    snprintf(text[4], 16, "%u", load->buffer);
    snprintf(text[5], 16, "%u", load->window != 0 ? load->window : WINDOW);
    char pub[] = "pub", sub[] = "sub";
    char *args[] = {path,
                    side == PUBLISH ? pub : sub,
                    text[0],
                    text[1],
                    text[2],
                    text[3],
                    text[5],
                    text[4],
                    security == TLS ? ca : NULL,
                    NULL};
    if (pipe(pipes) != 0 || (p.pid = fork()) < 0) {
        die("start a client");
    }
    if (p.pid == 0) {
        dup2(pipes[1], 1);
        close(pipes[0]);
        close(pipes[1]);
        if (client == AWAKE) {
            setenv("CLEAT_BENCH_NO_REST", "1", 1);
        }
        exec_client(args, measure);
    }
    close(pipes[1]);
    p.out = fdopen(pipes[0], "r");
    return p;
}

static void until_ready(struct process *p) {
    char line[32];
    if (fgets(line, sizeof line, p->out) == NULL ||
        strcmp(line, "ready\n") != 0) {
        errno = 0;
        die("a client did not become ready");
    }
}

/** @return its processor time in microseconds. */
static double until_done(struct process *p, double *wall) {
    double cpu = 0;
    int status;
    if (fscanf(p->out, "%lf %lf", &cpu, wall) != 2) {
        errno = 0;
        die("a client did not finish");
    }
    fclose(p->out);
    waitpid(p->pid, &status, 0);
    return cpu;
}

/** What the tool counted for the whole run. */
static double tool_count(enum measure measure) {
    char path[64], line[256], digits[32];
    double value = -1;
    snprintf(path, sizeof path, "%s/tool.out", work);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *at = NULL;
        if (measure == INSTRUCTIONS) {
            at = strstr(line, "Collected : ");
            at = at == NULL ? NULL : at + 12;
        } else if (measure == ALLOCATIONS) {
            at = strstr(line, "total heap usage: ");
            at = at == NULL ? NULL : at + 18;
        } else if (strstr(line, " total") != NULL) {
            at = line; /* % time, seconds, usecs/call, calls, errors, total */
            for (int word = 0; word < 3; word++) {
                at += strspn(at, " ");
                at += strcspn(at, " ");
            }
            at += strspn(at, " ");
        }
        if (at != NULL) {
            size_t n = 0;
            for (; (*at >= '0' && *at <= '9') || *at == ','; at++) {
                if (*at != ',' && n + 1 < sizeof digits) {
                    digits[n++] = *at;
                }
            }
            digits[n] = '\0';
            value = atof(digits);
        }
    }
    if (f != NULL) {
        fclose(f);
        unlink(path);
    }
    if (value < 0) {
        errno = 0;
        die("valgrind or strace printed no count");
    }
    return value;
}

/** One load once. @return CPU microseconds, or what the tool counted. */
static double run(int client, const struct load *load, enum measure measure,
                  double *wall) {
    int subscriber = load->side == SUBSCRIBE ? client : RAW;
    int publisher = load->side == PUBLISH ? client : RAW;
    double other_wall;
    bool publishing = load->side == PUBLISH;
    unsigned port = 0;
    pid_t gate = load->gate ? bench_gate_open(ports[load->security], &port) : 0;
    if (gate < 0) {
        die("a gate");
    }
    struct process sub =
        start(subscriber, SUBSCRIBE, load, publishing ? CPU_TIME : measure,
              publishing ? 0 : port);
    until_ready(&sub);
    struct process pub =
        start(publisher, PUBLISH, load, publishing ? measure : CPU_TIME,
              publishing ? port : 0);
    until_ready(&pub);
    double pub_cpu = until_done(&pub, publishing ? wall : &other_wall);
    double sub_cpu = until_done(&sub, publishing ? &other_wall : wall);
    if (gate > 0) {
        waitpid(gate, NULL, 0);
    }
    if (measure != CPU_TIME) {
        return tool_count(measure);
    }
    return publishing ? pub_cpu : sub_cpu;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, ascending);
    return values[n / 2];
}

static const char *side_name(int side) {
    return side == PUBLISH ? "publish" : "receive";
}

/** The project's bounds: against the floor at QoS 1 and 2, against
 *  libmosquitto at QoS 0. Given for 64-byte messages. */
static int peer_of(const struct load *load) {
    return load->qos == 0 ? MOSQUITTO : RAW;
}

static struct bench_row compare(const struct load *load,
                                const double *median_of) {
    struct bench_row row = {.unit = "s/100k"};
    int peer = peer_of(load);
    row.value = median_of[CLEAT];
    row.peer = client_names[peer];
    row.peer_value = median_of[peer];
    row.bound_on = load->size == 64 ? BENCH_RATIO_AT_MOST : BENCH_NO_BOUND;
    row.bound = load->qos == 1          ? 1.15
                : load->qos == 2        ? 1.2
                : load->side == PUBLISH ? 0.5
                                        : 0.6;
    return row;
}

/** A bound that holds in the median and not in most passes is luck. */
static void say_spread(struct bench_report *r, const double *ours,
                       const double *peers, const char *peer, int passes) {
    double ratio[PASSES_MAX];
    for (int i = 0; i < passes; i++) {
        ratio[i] = ours[i] / peers[i];
    }
    double middle = median(ratio, passes);
    bench_say(r, "    pass by pass, x %s: %.2f to %.2f, median %.2f", peer,
              ratio[0], ratio[passes - 1], middle);
}

static void measure_cpu(struct bench_report *r, const struct load *load,
                        int passes) {
    static double cpu[CLIENTS][PASSES_MAX], wall[CLIENTS][PASSES_MAX];
    double cpu_of[CLIENTS], rate[CLIENTS];
    char name[64];
    snprintf(name, sizeof name, "%s QoS %d, %u B, CPU", side_name(load->side),
             load->qos, load->size);
    if (strstr(name, only) == NULL) {
        return;
    }
    for (int pass = 0; pass < passes; pass++) {
        for (int client = 0; client < CLIENTS; client++) {
            cpu[client][pass] =
                run(client, load, CPU_TIME, &wall[client][pass]);
        }
    }
    int judge = peer_of(load);
    static double pairs[2][PASSES_MAX]; /* The median sorts what it is given. */
    memcpy(pairs[0], cpu[CLEAT], sizeof pairs[0]);
    memcpy(pairs[1], cpu[judge], sizeof pairs[1]);
    for (int client = 0; client < CLIENTS; client++) {
        cpu_of[client] = median(cpu[client], passes) / 1e6 * 1e5 / load->count;
        rate[client] = load->count / (median(wall[client], passes) / 1e6);
    }
    struct bench_row row = compare(load, cpu_of);
    row.name = name;
    bench_add(r, &row);
    say_spread(r, pairs[0], pairs[1], client_names[judge], passes);
    for (int client = 0; client < CLIENTS; client++) {
        bench_say(r, "    %-15s %8.3f s CPU/100k %10.0f messages/s",
                  client_names[client], cpu_of[client], rate[client]);
    }
    row.bound_on = BENCH_NO_BOUND;
    for (int client = RAW; client < CLIENTS; client++) {
        if (client != CLEAT && strcmp(client_names[client], row.peer) != 0) {
            struct bench_row other = row;
            other.peer = client_names[client];
            other.peer_value = cpu_of[client];
            bench_add(r, &other);
        }
    }
}

/** What START messages cost, and what so many more: their difference knows
 *  nothing of how a run begins and ends. */
static double per_message(int client, struct load load, enum measure measure) {
    double wall, few, many;
    unsigned more = load.count;
    load.count = START;
    few = run(client, &load, measure, &wall);
    load.count = START + more;
    many = run(client, &load, measure, &wall);
    return (many - few) / more;
}

/** A row beside each of two peers; the lowest and highest of several passes of
 *  ours stand below. */
static void count(struct bench_report *r, struct load load,
                  enum measure measure, const char *what, double bound,
                  const int *peers, int passes) {
    char name[64];
    double ours[PASSES_MAX];
    snprintf(name, sizeof name, "%s QoS %d, %s", side_name(load.side), load.qos,
             what);
    if (strstr(name, only) == NULL) {
        return;
    }
    for (int pass = 0; pass < passes; pass++) {
        ours[pass] = per_message(CLEAT, load, measure);
    }
    struct bench_row row = {.name = name,
                            .unit = "a message",
                            .value = median(ours, passes),
                            .bound_on = bound < 0 ? BENCH_NO_BOUND
                                                  : BENCH_VALUE_AT_MOST,
                            .bound = bound};
    for (int i = 0; i < 2 && peers[i] >= 0; i++) {
        struct load fewer = load;
        fewer.count /= PEERS_PART;
        row.peer = client_names[peers[i]];
        row.peer_value = per_message(peers[i], fewer, measure);
        bench_add(r, &row);
        row.bound_on = BENCH_NO_BOUND; /* Judged once. */
    }
    if (passes > 1) {
        bench_say(r, "    %d passes: %.2f to %.2f", passes, ours[0],
                  ours[passes - 1]);
    }
}

static void measure_counts(struct bench_report *r, unsigned messages,
                           int passes) {
    static const double instructions[2][3] = {{300, 700, 1200},
                                              {350, 500, 900}};
    static const int both[2] = {MOSQUITTO, PAHO}, floor[2] = {RAW, MOSQUITTO};
    for (int side = PUBLISH; side <= SUBSCRIBE; side++) {
        struct load load = {.side = side,
                            .size = 64,
                            .count = messages,
                            .buffer = 16384,
                            .gate = true};
        for (load.qos = 0; load.qos <= 2; load.qos++) {
            count(r, load, INSTRUCTIONS, "instructions",
                  instructions[side][load.qos], both, passes);
        }
        load.qos = 1;
        load.buffer = 262144;
        count(r, load, INSTRUCTIONS, "instructions, 256 KiB buffer",
              instructions[side][1], both, passes);
        load.buffer = 16384;
        load.gate = false;
        count(r, load, SYSCALLS, "system calls", 1.0, floor, passes);
        count(r, load, ALLOCATIONS, "allocations", 0, both, 1);
        load.window = 1;
        load.count = messages / PEERS_PART; /* Each waits for the one before. */
        count(r, load, INSTRUCTIONS, "instructions, one message at a time", -1,
              both, 1);
    }
}

/** Over TLS the raw program has no part: ours beside libmosquitto. */
static void measure_tls(struct bench_report *r, const struct load *load,
                        int passes) {
    static const int clients[] = {CLEAT, MOSQUITTO};
    static double cpu[CLIENTS][PASSES_MAX];
    double cpu_of[CLIENTS], wall;
    char name[64];
    snprintf(name, sizeof name, "%s QoS %d, %u B, TLS, CPU",
             side_name(load->side), load->qos, load->size);
    if (strstr(name, only) == NULL) {
        return;
    }
    for (int pass = 0; pass < passes; pass++) {
        for (int i = 0; i < 2; i++) {
            cpu[clients[i]][pass] = run(clients[i], load, CPU_TIME, &wall);
        }
    }
    for (int i = 0; i < 2; i++) {
        cpu_of[clients[i]] =
            median(cpu[clients[i]], passes) / 1e6 * 1e5 / load->count;
    }
    struct bench_row row = {.name = name,
                            .unit = "s/100k",
                            .value = cpu_of[CLEAT],
                            .peer = client_names[MOSQUITTO],
                            .peer_value = cpu_of[MOSQUITTO],
                            .bound_on = BENCH_RATIO_AT_MOST,
                            .bound = 0.85};
    bench_add(r, &row);
}

/** On standard error, so that it stays out of the table. */
static void progress(int step, int steps) {
    static time_t begun;
    time_t now = time(NULL);
    begun = begun == 0 ? now : begun;
    fprintf(stderr, "bench mqtt: %d of %d, %lld s\n", step, steps,
            (long long)(now - begun));
}

/** Messages take longer the higher the QoS: so there are fewer. What has no
 *  bound (1 KiB) gets fewer passes. */
static void measure_all_cpu(struct bench_report *r, unsigned messages,
                            int passes) {
    static const unsigned sizes[2] = {64, 1024};
    for (int step = 0; step < 12; step++) {
        bool judged = step < 6;
        int side = step / 3 % 2 == 0 ? PUBLISH : SUBSCRIBE, qos = step % 3;
        unsigned count = messages >> qos;
        struct load load = {.side = side,
                            .qos = qos,
                            .size = sizes[judged ? 0 : 1],
                            .count = count,
                            .buffer = 65536};
        progress(step, 12);
        measure_cpu(r, &load, judged ? passes : (passes + 1) / 2);
        if (judged) {
            load.security = TLS;
            measure_tls(r, &load, (passes + 1) / 2);
        }
    }
    progress(12, 12);
}

static void usage(void) {
    fputs("usage: bench_mqtt [--instructions] [--messages N] [--passes N] "
          "[--only PART-OF-NAME] [--json FILE]\n",
          stderr);
    exit(2);
}

static int number_in(const char *text, int low, int high) {
    char *end;
    long n = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || n < low || n > high) {
        usage();
    }
    return (int)n;
}

int main(int argc, char **argv) {
    static char self[512];
    const char *json = NULL;
    int messages = 0, passes = 0; /* 0: as usual for what is measured */
    bool counts = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--instructions") == 0) {
            counts = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--json") == 0) {
            json = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--only") == 0) {
            only = argv[++i];
        } else if (i + 1 < argc && strcmp(argv[i], "--messages") == 0) {
            messages = number_in(argv[++i], 100, 10000000);
        } else if (i + 1 < argc && strcmp(argv[i], "--passes") == 0) {
            passes = number_in(argv[++i], 1, PASSES_MAX);
        } else {
            usage();
        }
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || strrchr(self, '/') == NULL) {
        die("my own place");
    }
    *strrchr(self, '/') = '\0';
    dir = self;
    start_broker();
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    struct bench_report *r =
        bench_open(counts ? "MQTT client, costs a message (64 B)"
                          : "MQTT client, CPU seconds per 100,000 messages",
                   json);
    if (counts) {
        measure_counts(r, messages > 0 ? (unsigned)messages : 10000,
                       passes > 0 ? passes : 3);
    } else {
        measure_all_cpu(r, messages > 0 ? (unsigned)messages : 20000,
                        passes > 0 ? passes : 7);
    }
    stop_broker();
    return bench_close(r) < 0 ? 2 : 0;
}
