/* SPDX-License-Identifier: MIT */
/* TCP on the loopback: connecting, bytes, and every way it ends. */
#define _GNU_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cleat/linux_net.h"
#include "cleat/linux_port.h"
#include "cleat/linux_random.h"

#define FD_MAX 256

/* What the port was told, by descriptor. */
static short watched[FD_MAX];
static struct cleat_task *watcher;

int cleat_linux_watch(struct cleat_task *task, int fd, short events) {
    assert_in_range(fd, 0, FD_MAX - 1);
    watcher = task;
    watched[fd] = events;
    return CLEAT_OK;
}

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t cleat_port_now_ms(void) {
    return now_ms();
}

/** As the port: sleep until what was watched for. */
static void wait_for(const struct cleat_linux_net *n) {
    struct pollfd p = {cleat_linux_net_fd(n), cleat_linux_net_events(n), 0};
    assert_int_equal(watched[p.fd], p.events);
    poll(&p, 1, 2000);
}

static int open_now(struct cleat_linux_net *n) {
    struct cleat_stream *s = cleat_linux_net_stream(n);
    int err = CLEAT_ERR_AGAIN;
    for (int i = 0; i < 100 && err == CLEAT_ERR_AGAIN; i++) {
        err = s->open(s->self, now_ms());
        if (err == CLEAT_ERR_AGAIN) {
            wait_for(n);
        }
    }
    return err;
}

/** Listen on a free loopback port. */
static int listen_any(uint16_t *port) {
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    *port = ntohs(sa.sin_port);
    return fd;
}

struct pair {
    int listener, peer;
    uint16_t port;
    struct cleat_linux_net n;
    struct cleat_stream *s;
    struct cleat_task task;
};

static void pair_open(struct pair *p, const char *host) {
    memset(p, 0, sizeof *p);
    p->listener = listen_any(&p->port);
    struct cleat_linux_net_config config = {
        .host = host, .port = p->port, .task = &p->task};
    assert_int_equal(cleat_linux_net_init(&p->n, &config), 0);
    p->s = cleat_linux_net_stream(&p->n);
    assert_int_equal(open_now(&p->n), 0);
    p->peer = accept(p->listener, NULL, NULL);
    assert_true(p->peer >= 0);
}

static void pair_close(struct pair *p) {
    int fd = cleat_linux_net_fd(&p->n);
    cleat_linux_net_deinit(&p->n);
    assert_int_equal(cleat_linux_net_fd(&p->n), -1);
    if (fd >= 0) {
        assert_int_equal(watched[fd], 0);
    }
    close(p->peer);
    close(p->listener);
}

static int read_now(struct pair *p, void *data, size_t cap) {
    int n = CLEAT_ERR_AGAIN;
    for (int i = 0; i < 100 && n == CLEAT_ERR_AGAIN; i++) {
        n = p->s->read(p->s->self, data, cap);
        if (n == CLEAT_ERR_AGAIN) {
            wait_for(&p->n);
        }
    }
    return n;
}

static void bytes_go_both_ways(void **state) {
    struct pair p;
    uint8_t in[16];
    char want[64];
    (void)state;
    pair_open(&p, "127.0.0.1");
    assert_ptr_equal(watcher, &p.task);
    assert_int_equal(p.s->open(p.s->self, 0), 0);
    assert_int_equal(p.s->read(p.s->self, in, sizeof in), CLEAT_ERR_AGAIN);
    assert_int_equal(p.s->write(p.s->self, (const uint8_t *)"ping", 4), 4);
    assert_int_equal(recv(p.peer, in, 4, MSG_WAITALL), 4);
    assert_memory_equal(in, "ping", 4);
    assert_int_equal(send(p.peer, "pong!", 5, 0), 5);
    assert_int_equal(read_now(&p, in, sizeof in), 5);
    assert_memory_equal(in, "pong!", 5);
    snprintf(want, sizeof want, "127.0.0.1:%u", p.port);
    assert_string_equal(cleat_linux_net_remote(&p.n), want);
    assert_memory_equal(cleat_linux_net_local(&p.n), "127.0.0.1:", 10);
    pair_close(&p);
    assert_string_equal(cleat_linux_net_local(&p.n), "");
}

static void a_name_is_looked_up_and_its_addresses_tried(void **state) {
    struct pair p;
    (void)state;
    /* Perhaps ::1 first, which nobody listens on. */
    pair_open(&p, "localhost");
    pair_close(&p);
}

static void a_refused_port_is_said(void **state) {
    struct cleat_linux_net n;
    struct cleat_detail detail;
    uint16_t port;
    (void)state;
    close(listen_any(&port));
    struct cleat_linux_net_config config = {.host = "127.0.0.1", .port = port};
    assert_int_equal(cleat_linux_net_init(&n, &config), 0);
    struct cleat_stream *s = cleat_linux_net_stream(&n);
    assert_int_equal(open_now(&n), CLEAT_ERR_IO);
    s->detail(s->self, &detail);
    assert_int_equal(detail.layer, CLEAT_LAYER_NET);
    assert_int_equal(detail.code, ECONNREFUSED);
    assert_memory_equal(detail.text, "connection refused", 18);
    assert_int_equal(s->open(s->self, 0), CLEAT_ERR_STATE);
    /* After close it starts anew. */
    s->close(s->self);
    assert_int_equal(open_now(&n), CLEAT_ERR_IO);
    cleat_linux_net_deinit(&n);
}

static void an_unknown_name_is_said(void **state) {
    /* A label longer than 63 bytes never leaves this machine. */
    char host[80];
    struct cleat_linux_net n;
    struct cleat_detail detail;
    (void)state;
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    struct cleat_linux_net_config config = {.host = host, .port = 1};
    assert_int_equal(cleat_linux_net_init(&n, &config), 0);
    struct cleat_stream *s = cleat_linux_net_stream(&n);
    assert_int_equal(open_now(&n), CLEAT_ERR_NOT_FOUND);
    s->detail(s->self, &detail);
    assert_int_equal(detail.code, EAI_NONAME);
    assert_string_equal(detail.text, "name not known");
    cleat_linux_net_deinit(&n);
}

static void an_abandoned_lookup_frees_itself(void **state) {
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct cleat_linux_net n;
        struct cleat_linux_net_config config = {.host = "localhost", .port = 1};
        assert_int_equal(cleat_linux_net_init(&n, &config), 0);
        struct cleat_stream *s = cleat_linux_net_stream(&n);
        assert_int_equal(s->open(s->self, 0), CLEAT_ERR_AGAIN);
        assert_int_equal(cleat_linux_net_deadline(&n), 10000);
        int fd = cleat_linux_net_fd(&n);
        assert_int_equal(watched[fd], POLLIN);
        cleat_linux_net_deinit(&n);
        assert_int_equal(watched[fd], 0);
    }
}

/** A listener whose backlog is full leaves connections unanswered. */
struct deaf {
    int listener;
    int fill[16];
    uint16_t port;
};

static void deaf_open(struct deaf *d) {
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    d->listener = listen_any(&d->port);
    assert_int_equal(listen(d->listener, 0), 0);
    sa.sin_port = htons(d->port);
    for (size_t i = 0; i < 16; i++) {
        d->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(d->fill[i], (struct sockaddr *)&sa, sizeof sa);
    }
}

static void deaf_close(struct deaf *d) {
    for (size_t i = 0; i < 16; i++) {
        close(d->fill[i]);
    }
    close(d->listener);
}

static void an_address_that_does_not_answer_times_out(void **state) {
    struct deaf d;
    struct cleat_linux_net n;
    struct cleat_detail detail;
    (void)state;
    deaf_open(&d);
    struct cleat_linux_net_config config = {
        .host = "127.0.0.1", .port = d.port, .connect_timeout_ms = 700};
    assert_int_equal(cleat_linux_net_init(&n, &config), 0);
    struct cleat_stream *s = cleat_linux_net_stream(&n);
    assert_int_equal(s->open(s->self, 5000), CLEAT_ERR_AGAIN);
    assert_int_equal(cleat_linux_net_deadline(&n), 5700);
    int timer = n.timer_fd;
    assert_int_equal(watched[timer], POLLIN);
    assert_int_equal(s->open(s->self, 5699), CLEAT_ERR_AGAIN);
    assert_int_equal(s->open(s->self, 5700), CLEAT_ERR_TIMEOUT);
    assert_int_equal(watched[timer], 0);
    s->detail(s->self, &detail);
    assert_int_equal(detail.code, ETIMEDOUT);
    cleat_linux_net_deinit(&n);
    deaf_close(&d);
}

static void the_next_address_is_tried_after_the_time_out(void **state) {
    struct deaf d;
    struct cleat_linux_net n;
    uint16_t port;
    (void)state;
    deaf_open(&d);
    int listener = listen_any(&port);
    struct cleat_linux_net_config config = {.host = "127.0.0.1",
                                            .port = d.port};
    assert_int_equal(cleat_linux_net_init(&n, &config), 0);
    struct cleat_stream *s = cleat_linux_net_stream(&n);
    assert_int_equal(s->open(s->self, 5000), CLEAT_ERR_AGAIN);
    const struct sockaddr_in next = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                     .sin_port = htons(port)};
    memcpy(n.addresses[1], &next, sizeof next);
    n.address_count = 2;
    int err = s->open(s->self, 10000);
    for (int i = 0; i < 10 && err == CLEAT_ERR_AGAIN; i++) {
        wait_for(&n);
        err = s->open(s->self, 10001);
    }
    assert_int_equal(err, 0);
    cleat_linux_net_deinit(&n);
    close(listener);
    deaf_close(&d);
}

static void the_peers_end_is_closed_after_its_last_bytes(void **state) {
    struct pair p;
    uint8_t in[16];
    (void)state;
    pair_open(&p, "127.0.0.1");
    send(p.peer, "end", 3, 0);
    shutdown(p.peer, SHUT_WR);
    assert_int_equal(read_now(&p, in, sizeof in), 3);
    assert_int_equal(read_now(&p, in, sizeof in), CLEAT_ERR_CLOSED);
    /* Nobody is woken again and again by the end. */
    assert_int_equal(watched[cleat_linux_net_fd(&p.n)] & POLLIN, 0);
    pair_close(&p);
}

static void writing_to_a_gone_peer_is_an_error_and_no_signal(void **state) {
    struct pair p;
    struct linger hard = {1, 0};
    uint8_t out[1000] = {0};
    int err = 0;
    (void)state;
    pair_open(&p, "127.0.0.1");
    setsockopt(p.peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(p.peer);
    p.peer = -1;
    for (int i = 0; i < 1000 && err >= 0; i++) {
        err = p.s->write(p.s->self, out, sizeof out);
    }
    struct cleat_detail detail;
    assert_int_equal(err, CLEAT_ERR_IO);
    p.s->detail(p.s->self, &detail);
    assert_true(detail.code == ECONNRESET || detail.code == EPIPE);
    assert_int_equal(p.s->write(p.s->self, out, 1), CLEAT_ERR_STATE);
    pair_close(&p);
}

static void a_full_line_asks_to_be_woken_and_goes_on(void **state) {
    static uint8_t out[65536];
    static uint8_t in[65536];
    struct pair p;
    size_t sent = 0;
    size_t got = 0;
    int n;
    (void)state;
    pair_open(&p, "127.0.0.1");
    while ((n = p.s->write(p.s->self, out, sizeof out)) > 0) {
        sent += (size_t)n;
    }
    assert_int_equal(n, CLEAT_ERR_AGAIN);
    assert_int_equal(cleat_linux_net_events(&p.n), POLLIN | POLLOUT);
    while (got < sent) {
        ssize_t r = recv(p.peer, in, sizeof in, 0);
        assert_true(r > 0);
        got += (size_t)r;
    }
    wait_for(&p.n);
    assert_int_equal(p.s->write(p.s->self, out, 10), 10);
    assert_int_equal(cleat_linux_net_events(&p.n), POLLIN);
    pair_close(&p);
}

/** Wait in the stream, then take what came without asking the system. */
static int read_waited(struct pair *p, void *data, size_t cap) {
    cleat_linux_net_wait(&p->n, now_ms() + 2000);
    return p->s->read(p->s->self, data, cap);
}

static void what_comes_while_waiting_is_read_next(void **state) {
    static uint8_t out[CLEAT_LINUX_NET_EARLY + 100], in[sizeof out];
    struct pair p;
    (void)state;
    for (size_t i = 0; i < sizeof out; i++) {
        out[i] = (uint8_t)(i * 7);
    }
    pair_open(&p, "127.0.0.1");
    for (int round = 0; round < 3; round++) {
        send(p.peer, "hello", 5, 0);
        assert_int_equal(read_waited(&p, in, 2), 2); /* in pieces, too */
        cleat_linux_net_wait(&p.n,
                             now_ms() + 60000); /* there is more: no wait */
        assert_int_equal(p.s->read(p.s->self, in + 2, 10), 3);
        assert_memory_equal(in, "hello", 5);
        assert_int_equal(p.s->read(p.s->self, in, 10), CLEAT_ERR_AGAIN);
    }
    /* More than is kept while waiting: the rest comes with the next reads. */
    send(p.peer, out, sizeof out, 0);
    size_t got = 0;
    while (got < sizeof out) {
        int n = read_waited(&p, in + got, sizeof in - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_memory_equal(in, out, sizeof out);
    pair_close(&p);
}

static void waiting_ends_in_time_and_reading_never_blocks(void **state) {
    struct pair p;
    uint8_t in[4];
    (void)state;
    pair_open(&p, "127.0.0.1");
    uint64_t begun = now_ms();
    cleat_linux_net_wait(&p.n, begun);
    cleat_linux_net_wait(&p.n, begun + 20);
    cleat_linux_net_wait(&p.n, begun + 40); /* as set, or shorter */
    assert_true(now_ms() >= begun + 20);
    assert_true(now_ms() < begun + 2000);
    assert_int_equal(p.s->read(p.s->self, in, 4), CLEAT_ERR_AGAIN);
    assert_int_equal(p.s->read(p.s->self, in, 4), CLEAT_ERR_AGAIN);
    pair_close(&p);
}

static void an_end_or_a_failure_while_waiting_is_read_next(void **state) {
    struct linger hard = {1, 0};
    struct pair p;
    uint8_t in[4];
    (void)state;
    pair_open(&p, "127.0.0.1");
    shutdown(p.peer, SHUT_WR);
    assert_int_equal(read_waited(&p, in, 4), CLEAT_ERR_CLOSED);
    pair_close(&p);
    pair_open(&p, "127.0.0.1");
    setsockopt(p.peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(p.peer);
    p.peer = -1;
    assert_int_equal(read_waited(&p, in, 4), CLEAT_ERR_IO);
    struct cleat_detail detail;
    p.s->detail(p.s->self, &detail);
    assert_int_equal(detail.code, ECONNRESET);
    pair_close(&p);
}

static void waiting_for_a_full_line_ends_when_it_is_free(void **state) {
    static uint8_t out[65536], in[65536];
    struct pair p;
    size_t sent = 0, got = 0;
    int n;
    (void)state;
    pair_open(&p, "127.0.0.1");
    cleat_linux_net_wait(&p.n, now_ms() + 1); /* Its socket blocks from here. */
    while ((n = p.s->write(p.s->self, out, sizeof out)) > 0) {
        sent += (size_t)n;
    }
    assert_int_equal(n, CLEAT_ERR_AGAIN);
    while (got < sent) {
        ssize_t r = recv(p.peer, in, sizeof in, 0);
        assert_true(r > 0);
        got += (size_t)r;
    }
    cleat_linux_net_wait(&p.n, now_ms() + 2000);
    assert_int_equal(p.s->write(p.s->self, out, 10), 10);
    pair_close(&p);
}

static void settings_are_checked(void **state) {
    struct cleat_linux_net n;
    char host[CLEAT_LINUX_NET_NAME_MAX + 1];
    struct cleat_linux_net_config config = {.host = "", .port = 1};
    (void)state;
    assert_int_equal(cleat_linux_net_init(&n, &config), CLEAT_ERR_ARG);
    config.host = NULL;
    assert_int_equal(cleat_linux_net_init(&n, &config), CLEAT_ERR_ARG);
    config.host = "x";
    config.port = 0;
    assert_int_equal(cleat_linux_net_init(&n, &config), CLEAT_ERR_ARG);
    memset(host, 'x', sizeof host);
    host[sizeof host - 1] = '\0';
    config.host = host;
    config.port = 1;
    assert_int_equal(cleat_linux_net_init(&n, &config), CLEAT_ERR_SIZE);
}

static void random_numbers_differ(void **state) {
    uint8_t a[300] = {0};
    uint8_t b[300] = {0};
    (void)state;
    assert_int_equal(cleat_linux_random(NULL, a, sizeof a), 0);
    assert_int_equal(cleat_linux_random(NULL, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(a_name_is_looked_up_and_its_addresses_tried),
        cmocka_unit_test(a_refused_port_is_said),
        cmocka_unit_test(an_unknown_name_is_said),
        cmocka_unit_test(an_abandoned_lookup_frees_itself),
        cmocka_unit_test(an_address_that_does_not_answer_times_out),
        cmocka_unit_test(the_next_address_is_tried_after_the_time_out),
        cmocka_unit_test(the_peers_end_is_closed_after_its_last_bytes),
        cmocka_unit_test(writing_to_a_gone_peer_is_an_error_and_no_signal),
        cmocka_unit_test(a_full_line_asks_to_be_woken_and_goes_on),
        cmocka_unit_test(what_comes_while_waiting_is_read_next),
        cmocka_unit_test(waiting_ends_in_time_and_reading_never_blocks),
        cmocka_unit_test(an_end_or_a_failure_while_waiting_is_read_next),
        cmocka_unit_test(waiting_for_a_full_line_ends_when_it_is_free),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(random_numbers_differ),
    };
    return cmocka_run_group_tests_name("linux net", tests, NULL, NULL);
}
