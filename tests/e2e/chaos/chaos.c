/* SPDX-License-Identifier: MIT */
/*
 * Everything that can go wrong between a publisher, Mosquitto and a subscriber,
 * at once: processes are killed, the broker is stopped hard and started again,
 * the link is cut in the middle of a packet, stalled and slowed. At the end no
 * message may be lost, and none at QoS 2 doubled. This process is the link, and
 * plays a list of faults that follows from the seed alone.
 *
 *   chaos BIN-DIR MESSAGES FAULTS SEED
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINKS 16
#define CHUNK 4096

enum fault {
    CUT,         /* both connections, now */
    CUT_IN,      /* after some bytes more, most likely within a packet */
    STALL,       /* nothing moves for a while */
    SLOW,        /* a few bytes at a time for a while */
    KILL_PUB,    /* SIGKILL, and a new process */
    KILL_SUB,    /* the same */
    STOP_BROKER, /* SIGTERM: it writes its database */
    KILL_BROKER, /* SIGKILL, after its database is written: see below */
    FAULT_KINDS
};

static const char *const fault_names[FAULT_KINDS] = {
    "cut",         "cut in a packet", "stall",
    "slow",        "kill publisher",  "kill subscriber",
    "stop broker", "kill broker"};

struct link {
    int client, broker;
    uint8_t data[2][CHUNK]; /* to the broker, to the client */
    size_t len[2];
};

static struct {
    const char *bin;
    char folder[64];
    unsigned messages, faults;
    uint64_t seed, rng;
    int listener;
    uint16_t port, broker_port;
    pid_t broker, pub, sub;
    bool pub_done;
    struct link links[LINKS];
    long budget; /* bytes until the link breaks; -1: never */
    uint64_t stall_until, slow_until;
    unsigned done[FAULT_KINDS];
    /* what the subscriber has written */
    FILE *log;
    uint8_t *seen;
    unsigned number_of[65536]; /* by packet identifier, at QoS 2 */
    bool released[65536];      /* PUBREL came for it */
    unsigned anew;             /* sent again by the broker all the same */
    unsigned distinct;
    int progress; /* a file that tells the publisher */
} c;

static uint32_t rng(void) {
    c.rng ^= c.rng << 13;
    c.rng ^= c.rng >> 7;
    c.rng ^= c.rng << 17;
    return (uint32_t)(c.rng >> 24);
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void kill_all(void) {
    const pid_t all[] = {c.pub, c.sub, c.broker};
    for (size_t i = 0; i < 3; i++) {
        if (all[i] > 0) {
            kill(all[i], SIGKILL);
        }
    }
}

static void die(const char *what) {
    perror(what);
    kill_all();
    exit(2);
}

/* --- processes ---------------------------------------------------------- */

static pid_t spawn(char *const argv[]) {
    pid_t pid = fork();
    if (pid == 0) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s.err", c.folder,
                 strstr(argv[0], "mosquitto") ? "broker" : argv[1]);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 2);
        dup2(fd, 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid < 0) {
        die("fork");
    }
    return pid;
}

static void broker_start(void) {
    char conf[96];
    snprintf(conf, sizeof conf, "%s/broker.conf", c.folder);
    char *argv[] = {"mosquitto", "-c", conf, NULL};
    c.broker = spawn(argv);
}

static void peer_start(pid_t *pid, const char *kind) {
    char path[512];
    char port[16];
    char count[16];
    snprintf(path, sizeof path, "%s/chaos_peer", c.bin);
    snprintf(port, sizeof port, "%u", c.port);
    snprintf(count, sizeof count, "%u", c.messages);
    char *argv[] = {path,
                    (char *)kind,
                    port,
                    c.folder,
                    strcmp(kind, "pub") == 0 ? count : NULL,
                    NULL};
    *pid = spawn(argv);
}

static void peer_kill(pid_t *pid, const char *kind) {
    kill(*pid, SIGKILL);
    waitpid(*pid, NULL, 0);
    peer_start(pid, kind);
}

/* --- the link ------------------------------------------------------------ */

static int listen_on(uint16_t *port) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        die("listen");
    }
    *port = ntohs(a.sin_port);
    return fd;
}

static void link_close(struct link *l) {
    /* With a reset: the hard way. */
    struct linger hard = {1, 0};
    setsockopt(l->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    setsockopt(l->broker, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(l->client);
    close(l->broker);
    l->client = l->broker = -1;
    l->len[0] = l->len[1] = 0;
}

static void links_cut(void) {
    for (size_t i = 0; i < LINKS; i++) {
        if (c.links[i].client >= 0) {
            link_close(&c.links[i]);
        }
    }
    c.budget = -1;
}

static void link_accept(void) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(c.broker_port)};
    int client = accept4(c.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) {
        return;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(client); /* The broker is down. */
        close(fd);
        return;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < LINKS; i++) {
        if (c.links[i].client < 0) {
            c.links[i].client = client;
            c.links[i].broker = fd;
            return;
        }
    }
    close(client);
    close(fd);
}

/* Move bytes from one side to the other. @return false when it broke. */
static bool link_move(struct link *l, int way, size_t most) {
    int from = way == 0 ? l->client : l->broker;
    int to = way == 0 ? l->broker : l->client;
    if (l->len[way] == 0) {
        ssize_t n = recv(from, l->data[way], most < CHUNK ? most : CHUNK, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return false;
        }
        l->len[way] = n > 0 ? (size_t)n : 0;
    }
    size_t len = l->len[way] < most ? l->len[way] : most;
    if (c.budget >= 0 && (long)len > c.budget) {
        len = (size_t)c.budget;
    }
    if (len > 0) {
        ssize_t n = send(to, l->data[way], len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        n = n > 0 ? n : 0;
        memmove(l->data[way], l->data[way] + n, l->len[way] - (size_t)n);
        l->len[way] -= (size_t)n;
        c.budget = c.budget >= 0 ? c.budget - n : -1;
    }
    return true;
}

static void links_move(void) {
    uint64_t now = now_ms();
    size_t most = now < c.slow_until ? 20 : CHUNK;
    if (now < c.stall_until) {
        return;
    }
    for (size_t i = 0; i < LINKS; i++) {
        struct link *l = &c.links[i];
        if (l->client >= 0 &&
            !(link_move(l, 0, most) && link_move(l, 1, most))) {
            link_close(l);
        }
        if (c.budget == 0) {
            links_cut();
        }
    }
}

static void links_poll(void) {
    struct pollfd fds[1 + 2 * LINKS];
    nfds_t n = 0;
    uint64_t now = now_ms();
    fds[n++] = (struct pollfd){c.listener, POLLIN, 0};
    for (size_t i = 0; i < LINKS && now >= c.stall_until; i++) {
        if (c.links[i].client >= 0) {
            fds[n++] = (struct pollfd){c.links[i].client, POLLIN, 0};
            fds[n++] = (struct pollfd){c.links[i].broker, POLLIN, 0};
        }
    }
    poll(fds, n, 5);
    if (now < c.slow_until) {
        poll(NULL, 0, 2); /* 20 bytes each 2 ms */
    }
    if ((fds[0].revents & POLLIN) != 0) {
        link_accept();
    }
    links_move();
}

/* --- progress ------------------------------------------------------------ */

/* Mosquitto may send a message at QoS 2 anew, as PUBLISH with its old
 * identifier, after it has sent PUBREL for it, when it was ended in between:
 * see docs/conformance.md. No client can know it then; it is counted apart. */
static void log_line(const char *line) {
    char what;
    unsigned number;
    unsigned id;
    if (sscanf(line, "%c %u %u", &what, &number, &id) != 3 || id > 65535 ||
        number > c.messages) {
        return;
    }
    if (what == 'O') {
        c.released[id] = true;
    }
    if (what != 'M') {
        return;
    }
    if (id > 0 && c.number_of[id] == number && c.released[id]) {
        c.anew++;
        return;
    }
    c.number_of[id] = number;
    c.released[id] = false;
    c.distinct += c.seen[number] == 0;
    if (c.seen[number] < 255) {
        c.seen[number]++;
    }
}

static void log_read(void) {
    char line[64];
    char path[128];
    if (c.log == NULL) {
        snprintf(path, sizeof path, "%s/sub.log", c.folder);
        c.log = fopen(path, "r");
        if (c.log == NULL) {
            return;
        }
    }
    clearerr(c.log);
    for (;;) {
        long at = ftell(c.log);
        if (fgets(line, sizeof line, c.log) == NULL) {
            return;
        }
        if (strchr(line, '\n') == NULL) {
            fseek(c.log, at, SEEK_SET);
            return;
        }
        log_line(line);
    }
}

static void peers_look_after(void) {
    int status;
    if (c.pub > 0 && !c.pub_done && waitpid(c.pub, &status, WNOHANG) == c.pub) {
        c.pub_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!c.pub_done) {
            fprintf(stderr, "publisher ended with status %x\n",
                    (unsigned)status);
            kill_all();
            exit(1);
        }
    }
    if (waitpid(c.sub, &status, WNOHANG) == c.sub) {
        fprintf(stderr, "subscriber ended with status %x\n", (unsigned)status);
        kill_all();
        exit(1);
    }
}

static void step(void) {
    uint32_t arrived;
    links_poll();
    log_read();
    arrived = c.distinct;
    if (pwrite(c.progress, &arrived, sizeof arrived, 0) != sizeof arrived) {
        die("progress");
    }
    peers_look_after();
}

static void step_for(uint64_t ms) {
    uint64_t end = now_ms() + ms;
    while (now_ms() < end) {
        step();
    }
}

/* --- faults --------------------------------------------------------------- */

static void broker_wait(void) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons(c.broker_port)};
    for (int i = 0; i < 1000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool ok = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
        close(fd);
        if (ok) {
            return;
        }
        poll(NULL, 0, 10);
    }
    die("broker does not come back");
}

static ino_t database(void) {
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/mosquitto.db", c.folder);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* It writes a new file and renames it; a loaded machine may take its time. */
static void broker_save(void) {
    ino_t before = database();
    uint64_t end = now_ms() + 5000;
    poll(NULL, 0, 100); /* What it has received so far is to be in it. */
    kill(c.broker, SIGUSR1);
    while (database() == before && now_ms() < end) {
        poll(NULL, 0, 10);
    }
}

/* Mosquitto acknowledges before it writes its database, and does not write it
 * for every step of an exchange at QoS 2, so that a SIGKILL in between loses or
 * doubles what it has promised, whoever the client is. The link is cut first,
 * and SIGUSR1 makes it write. */
static void broker_fault(int signal) {
    links_cut();
    if (signal == SIGKILL) {
        broker_save(); /* Twice: it may still have had bytes to read. */
        broker_save();
    }
    kill(c.broker, signal);
    waitpid(c.broker, NULL, 0);
    broker_start();
    broker_wait();
}

static void play(enum fault kind, uint32_t amount) {
    c.done[kind]++;
    fprintf(stderr, "%s after %u messages\n", fault_names[kind], c.distinct);
    switch (kind) {
    case CUT:
        links_cut();
        break;
    case CUT_IN:
        c.budget = 1 + amount % 200;
        break;
    case STALL:
        c.stall_until = now_ms() + 50 + amount % 400;
        break;
    case SLOW:
        c.slow_until = now_ms() + 50 + amount % 500;
        break;
    case KILL_PUB:
        if (!c.pub_done) {
            peer_kill(&c.pub, "pub");
        }
        break;
    case KILL_SUB:
        peer_kill(&c.sub, "sub");
        break;
    case STOP_BROKER:
        broker_fault(SIGTERM);
        break;
    case KILL_BROKER:
        broker_fault(SIGKILL);
        break;
    case FAULT_KINDS:
        break;
    }
}

/* The n-th fault comes after so many messages, plus some time. */
static void faults_play(void) {
    uint64_t patience = now_ms() + 60000;
    for (unsigned i = 0; i < c.faults; i++) {
        uint32_t kind = rng() % FAULT_KINDS;
        uint32_t amount = rng();
        uint32_t wait = rng() % 40;
        unsigned due =
            (unsigned)((uint64_t)c.messages * (i + 1) / (c.faults + 1));
        unsigned before = c.distinct;
        while (c.distinct < due) {
            step();
            if (c.distinct != before) {
                before = c.distinct;
                patience = now_ms() + 60000;
            } else if (now_ms() > patience) {
                fprintf(stderr, "stuck at %u messages\n", c.distinct);
                return;
            }
        }
        step_for(wait);
        play((enum fault)kind, amount);
    }
}

static void finish(void) {
    uint64_t patience = now_ms() + 60000;
    unsigned before = c.distinct;
    while (!(c.pub_done && c.distinct == c.messages) && now_ms() < patience) {
        step();
        if (c.distinct != before) {
            before = c.distinct;
            patience = now_ms() + 60000;
        }
    }
    step_for(1500); /* For what comes twice, late. */
    kill(c.sub, SIGKILL);
    waitpid(c.sub, NULL, 0);
    if (!c.pub_done) {
        kill(c.pub, SIGKILL);
        waitpid(c.pub, NULL, 0);
    }
    kill(c.broker, SIGTERM);
    waitpid(c.broker, NULL, 0);
    log_read();
}

static int report(double took) {
    unsigned lost = 0;
    unsigned twice[3] = {0, 0, 0};
    for (unsigned i = 1; i <= c.messages; i++) {
        lost += c.seen[i] == 0;
        twice[i % 2 == 1 ? 1 : 2] += c.seen[i] > 1;
    }
    printf("%u messages (half at QoS 1, half at QoS 2), seed %llu, %.1f s\n",
           c.messages, (unsigned long long)c.seed, took);
    for (size_t i = 0; i < FAULT_KINDS; i++) {
        printf("  %-16s %u\n", fault_names[i], c.done[i]);
    }
    printf("lost %u, doubled at QoS 2: %u (at QoS 1, where it may be: %u)%s\n",
           lost, twice[2], twice[1], c.pub_done ? "" : ", publisher not done");
    printf("sent anew by the broker after its own PUBREL: %u\n", c.anew);
    return lost == 0 && twice[2] == 0 && c.pub_done ? 0 : 1;
}

static void prepare(void) {
    char path[96];
    snprintf(c.folder, sizeof c.folder, "/tmp/cleat-chaos.XXXXXX");
    if (mkdtemp(c.folder) == NULL) {
        die("mkdtemp");
    }
    for (size_t i = 0; i < LINKS; i++) {
        c.links[i].client = c.links[i].broker = -1;
    }
    c.listener = listen_on(&c.port);
    close(listen_on(&c.broker_port)); /* A free one. */
    snprintf(path, sizeof path, "%s/progress", c.folder);
    c.progress = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/broker.conf", c.folder);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        die(path);
    }
    fprintf(f,
            "listener %u 127.0.0.1\nallow_anonymous true\npersistence true\n"
            "persistence_location %s/\nautosave_interval 1\n"
            "autosave_on_changes true\nmax_queued_messages 0\n"
            "max_queued_bytes 0\nmax_inflight_messages 1000\nlog_type error\n"
            "log_type warning\nlog_dest stderr\n%s",
            c.broker_port, c.folder, getuid() == 0 ? "user root\n" : "");
    fclose(f);
}

static void clean_up(bool keep) {
    char command[128];
    if (keep) {
        fprintf(stderr, "what is left: %s\n", c.folder);
        return;
    }
    snprintf(command, sizeof command, "rm -rf '%s'", c.folder);
    if (system(command) != 0) {
        perror(command);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: chaos BIN-DIR MESSAGES FAULTS SEED\n");
        return 2;
    }
    c.bin = argv[1];
    c.messages = (unsigned)strtoul(argv[2], NULL, 10);
    c.faults = (unsigned)strtoul(argv[3], NULL, 10);
    c.seed = strtoull(argv[4], NULL, 10);
    c.rng = c.seed * 0x9E3779B97F4A7C15u + 1;
    c.budget = -1;
    c.seen = calloc(c.messages + 1, 1);
    if (c.seen == NULL) {
        die("calloc");
    }
    signal(SIGPIPE, SIG_IGN);
    prepare();
    uint64_t begin = now_ms();
    broker_start();
    broker_wait();
    /* The subscription stands before the first message. */
    peer_start(&c.sub, "sub");
    step_for(1000);
    peer_start(&c.pub, "pub");
    faults_play();
    finish();
    int status = report((double)(now_ms() - begin) / 1000);
    clean_up(status != 0);
    if (c.log != NULL) {
        fclose(c.log);
    }
    free(c.seen);
    return status;
}
