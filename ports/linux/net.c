/* SPDX-License-Identifier: MIT */
/*
 * TCP as a stream, or a Unix socket: the name by net_lookup.c, then each of its
 * addresses with a time-out of its own, then bytes. Never blocks; what it waits
 * for is told to the port by cleat_linux_watch().
 */
#define _GNU_SOURCE
#include "cleat/linux_net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleat/linux_port.h"
#include "cleat/log.h"
#include "net_lookup.h"
#include "net_rest.h"

#define CONNECT_TIMEOUT_MS 5000u
#define RESOLVE_TIMEOUT_MS 10000u
#define NEXT_ADDRESS_MS 1500u
#define PATIENCE_MAX_MS 60000

enum { IDLE, RESOLVING, CONNECTING, UP, BROKEN, FAILED };

_Static_assert(sizeof(((struct cleat_linux_net *)0)->addresses[0]) >=
                   sizeof(struct sockaddr_in6),
               "an address must fit");

static const char *errno_text(int error) {
    switch (error) {
    case ECONNREFUSED:
        return "connection refused: nothing listens on that port";
    case ECONNRESET:
        return "connection reset by peer";
    case EPIPE:
        return "connection is closed";
    case ETIMEDOUT:
        return "connection timed out";
    case EHOSTUNREACH:
        return "no route to host";
    case ENETUNREACH:
        return "network is unreachable";
    case ENETDOWN:
        return "network is down";
    case ECONNABORTED:
        return "connection was aborted";
    case EADDRNOTAVAIL:
        return "no local address or port left";
    case EACCES:
    case EPERM:
        return "forbidden, perhaps by a firewall";
    case EMFILE:
    case ENFILE:
        return "too many open files";
    case ENOENT:
        return "no such socket";
    case ENOTSOCK:
        return "that file is no socket";
    case ENOMEM:
    case ENOBUFS:
        return "out of memory for sockets";
    default:
        return "socket failed";
    }
}

#ifndef EAI_NODATA /* not in every C library */
#define EAI_NODATA EAI_NONAME
#endif

static const char *eai_text(int code) {
    if (code == EAI_NONAME || code == EAI_NODATA) {
        return "name not known";
    }
    switch (code) {
    case EAI_AGAIN:
        return "name server did not answer; try again";
    case EAI_FAIL:
        return "name server failed";
    case EAI_MEMORY:
        return "out of memory to look the name up";
    default:
        return "name cannot be looked up";
    }
}

/** Tell the port what to wait for on the descriptor of now. */
static void watch(struct cleat_linux_net *n, short events) {
    int fd = cleat_linux_net_fd(n);
    if (fd >= 0 && events != n->events) {
        cleat_linux_watch(n->task, fd, events);
    }
    n->events = events;
}

static void timer_stop(struct cleat_linux_net *n) {
    if (n->timer_fd >= 0) {
        cleat_linux_watch(n->task, n->timer_fd, 0);
        close(n->timer_fd);
        n->timer_fd = -1;
    }
}

/** Be called at the deadline too, if nothing happens before. */
static void timer_start(struct cleat_linux_net *n, uint64_t now_ms,
                        uint32_t wait_ms) {
    const struct itimerspec when = {
        .it_value = {(time_t)(wait_ms / 1000),
                     (long)(wait_ms % 1000) * 1000000L}};
    timer_stop(n);
    n->deadline_ms = now_ms + wait_ms;
    n->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (n->timer_fd >= 0) {
        timerfd_settime(n->timer_fd, 0, &when, NULL);
        cleat_linux_watch(n->task, n->timer_fd, POLLIN);
    }
}

static void drop_socket(struct cleat_linux_net *n) {
    n->early_at = 0;
    n->early_len = 0;
    n->early_error = 0;
    n->patience_ms = 0;
    if (n->fd >= 0) {
        watch(n, 0);
        close(n->fd);
        n->fd = -1;
    }
}

static void drop_lookup(struct cleat_linux_net *n) {
    if (n->lookup != NULL) {
        watch(n, 0);
        cleat_linux_net_lookup_drop(n->lookup);
        n->lookup = NULL;
    }
}

static void note(struct cleat_linux_net *n, int32_t code, const char *text) {
    n->detail = (struct cleat_detail){CLEAT_LAYER_NET, code, 0, text};
    CLEAT_LOG(CLEAT_LEVEL_WARN, "net", "failed host=%s port=%u peer=%s: %s",
              n->host, (unsigned)n->port, n->remote, text);
}

static int failed(struct cleat_linux_net *n, int err, int32_t code,
                  const char *text) {
    timer_stop(n);
    drop_lookup(n);
    drop_socket(n);
    n->state = FAILED;
    note(n, code, text);
    return err;
}

static int err_of(int error) {
    return error == ETIMEDOUT ? CLEAT_ERR_TIMEOUT : CLEAT_ERR_IO;
}

static int failed_errno(struct cleat_linux_net *n, int error) {
    return failed(n, err_of(error), error, errno_text(error));
}

/** Nothing goes out any more. What has come in can still be read: it may say
 *  why. */
static int broken(struct cleat_linux_net *n, int error) {
    n->state = BROKEN;
    n->drained = false;
    note(n, error, errno_text(error));
    return err_of(error);
}

/** Of a broken connection everything has been read. */
static int ended(struct cleat_linux_net *n) {
    drop_socket(n);
    n->state = FAILED;
    return err_of(n->detail.code);
}

static void address_text(const struct sockaddr *sa, socklen_t len, char *out) {
    char host[CLEAT_LINUX_NET_ADDRESS_TEXT];
    char port[8];
    if (getnameinfo(sa, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        out[0] = '\0';
        return;
    }
    /* 45 characters of address, two brackets, a colon, five digits. */
    snprintf(out, CLEAT_LINUX_NET_ADDRESS_TEXT,
             sa->sa_family == AF_INET6 ? "[%.48s]:%.6s" : "%.48s:%.6s", host,
             port);
}

/** Keep the addresses that are ours to use. */
static void keep_addresses(struct cleat_linux_net *n,
                           const struct addrinfo *list) {
    n->address_count = 0;
    n->address_next = 0;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        if (n->address_count == CLEAT_LINUX_NET_ADDRESS_MAX) {
            break;
        }
        if ((a->ai_family == AF_INET || a->ai_family == AF_INET6) &&
            a->ai_addrlen <= sizeof n->addresses[0]) {
            memcpy(n->addresses[n->address_count++], a->ai_addr, a->ai_addrlen);
        }
    }
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void connected(struct cleat_linux_net *n) {
    struct sockaddr_storage local;
    socklen_t len = sizeof local;
    const int on = 1;
    setsockopt(n->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (getsockname(n->fd, (struct sockaddr *)&local, &len) == 0) {
        address_text((struct sockaddr *)&local, len, n->local);
    }
    n->state = UP;
    n->drained = false;
    n->received = 0;
    cleat_linux_net_rest_begin(&n->rest, now_us());
    timer_stop(n);
    watch(n, POLLIN);
    CLEAT_LOG(CLEAT_LEVEL_INFO, "net", "connected local=%s peer=%s", n->local,
              n->remote);
}

/** Where there are more addresses, the first ones get less time. */
static uint32_t patience(const struct cleat_linux_net *n) {
    bool last = n->address_next == n->address_count;
    return last || n->connect_timeout_ms < NEXT_ADDRESS_MS
               ? n->connect_timeout_ms
               : NEXT_ADDRESS_MS;
}

/** @return 0, or an errno: also if this end's address is of another kind. */
static int bind_to(const struct cleat_linux_net *n, sa_family_t family) {
    const struct sockaddr *from = (const void *)n->bind;
    socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                       : sizeof(struct sockaddr_in);
    if (from->sa_family == AF_UNSPEC) {
        return 0;
    }
    if (from->sa_family != family) {
        return EADDRNOTAVAIL;
    }
    return bind(n->fd, from, len) == 0 ? 0 : errno;
}

/** Begin with one address. @return 0 if it stands or is under way, else an
 *  errno. */
static int try_one(struct cleat_linux_net *n, const struct sockaddr *sa,
                   uint64_t now_ms) {
    socklen_t len = sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                              : sizeof(struct sockaddr_in);
    address_text(sa, len, n->remote);
    n->fd =
        socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (n->fd < 0) {
        return errno;
    }
    int error = bind_to(n, sa->sa_family);
    if (error != 0) {
        drop_socket(n);
        return error;
    }
    n->state = CONNECTING;
    timer_start(n, now_ms, patience(n));
    if (connect(n->fd, sa, len) == 0) {
        connected(n);
        return 0;
    }
    if (errno == EINPROGRESS || errno == EINTR) {
        watch(n, POLLOUT);
        return 0;
    }
    error = errno;
    drop_socket(n);
    return error;
}

/** Begin with the next address that can be begun with; error is what the one
 *  before failed with. */
static int try_next(struct cleat_linux_net *n, uint64_t now_ms, int error) {
    drop_socket(n);
    while (n->address_next < n->address_count) {
        const void *sa = n->addresses[n->address_next++];
        error = try_one(n, sa, now_ms);
        if (error == 0) {
            return n->state == UP ? 0 : CLEAT_ERR_AGAIN;
        }
    }
    if (error == 0) {
        return failed(n, CLEAT_ERR_NOT_FOUND, EAI_NONAME, eai_text(EAI_NONAME));
    }
    return failed_errno(n, error);
}

/** An address needs no lookup. @return false if host is a name. */
static bool take_literal(struct cleat_linux_net *n) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)n->port);
    if (getaddrinfo(n->host, port, &hints, &list) != 0) {
        return false;
    }
    keep_addresses(n, list);
    freeaddrinfo(list);
    return true;
}

/** A Unix socket connects at once or not at all. */
static int begin_unix(struct cleat_linux_net *n) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    memcpy(sa.sun_path, n->path, sizeof n->path);
    snprintf(n->remote, sizeof n->remote, "%.60s", n->path);
    n->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (n->fd < 0 ||
        connect(n->fd, (const struct sockaddr *)&sa, sizeof sa) != 0) {
        return failed_errno(n, errno == EAGAIN ? ECONNREFUSED : errno);
    }
    connected(n);
    return 0;
}

static int begin(struct cleat_linux_net *n, uint64_t now_ms) {
    n->detail = (struct cleat_detail){0};
    n->local[0] = '\0';
    n->remote[0] = '\0';
    if (n->path[0] != '\0') {
        return begin_unix(n);
    }
    if (take_literal(n)) {
        return try_next(n, now_ms, 0);
    }
    n->lookup = cleat_linux_net_lookup_start(n->host, n->port);
    if (n->lookup == NULL) {
        return failed_errno(n, errno);
    }
    n->state = RESOLVING;
    timer_start(n, now_ms, n->resolve_timeout_ms);
    watch(n, POLLIN);
    return CLEAT_ERR_AGAIN;
}

static int resolve(struct cleat_linux_net *n, uint64_t now_ms) {
    int result;
    int error;
    const struct addrinfo *list;
    if (!cleat_linux_net_lookup_done(n->lookup, &result, &error, &list)) {
        if (now_ms < n->deadline_ms) {
            return CLEAT_ERR_AGAIN;
        }
        return failed(n, CLEAT_ERR_TIMEOUT, EAI_AGAIN,
                      "looking the name up timed out");
    }
    if (result == EAI_SYSTEM) {
        return failed_errno(n, error);
    }
    if (result != 0) {
        int err = result == EAI_AGAIN ? CLEAT_ERR_IO : CLEAT_ERR_NOT_FOUND;
        return failed(n, err, result, eai_text(result));
    }
    keep_addresses(n, list);
    drop_lookup(n);
    return try_next(n, now_ms, 0);
}

static int finish_connect(struct cleat_linux_net *n, uint64_t now_ms) {
    struct pollfd p = {.fd = n->fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;
    if (poll(&p, 1, 0) <= 0) {
        return now_ms < n->deadline_ms ? CLEAT_ERR_AGAIN
                                       : try_next(n, now_ms, ETIMEDOUT);
    }
    if (getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        return try_next(n, now_ms, error);
    }
    connected(n);
    return 0;
}

static int net_open(void *self, uint64_t now_ms) {
    struct cleat_linux_net *n = self;
    switch (n->state) {
    case IDLE:
        return begin(n, now_ms);
    case RESOLVING:
        return resolve(n, now_ms);
    case CONNECTING:
        return finish_connect(n, now_ms);
    case UP:
        return 0;
    default:
        return CLEAT_ERR_STATE;
    }
}

static bool not_now(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/** What came during cleat_linux_net_wait(). */
static int read_early(struct cleat_linux_net *n, uint8_t *data, size_t cap) {
    size_t left = n->early_len - n->early_at;
    size_t len = left < cap ? left : cap;
    memcpy(data, n->early + n->early_at, len);
    n->early_at += len;
    if (n->early_at == n->early_len) {
        n->drained = n->early_len < sizeof n->early && n->state == UP;
        n->early_at = 0;
        n->early_len = 0;
    }
    cleat_trace("net", "read", data, len);
    return (int)len;
}

static int net_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_linux_net *n = self;
    if (n->state != UP && n->state != BROKEN) {
        return CLEAT_ERR_STATE;
    }
    if (n->early_len > 0 && cap > 0) {
        return read_early(n, data, cap);
    }
    if (n->early_error != 0) { /* The system tells it only once. */
        return failed_errno(n, n->early_error);
    }
    if (n->drained) { /* Whatever came since wakes the task again. */
        n->drained = false;
        return CLEAT_ERR_AGAIN;
    }
    ssize_t got =
        recv(n->fd, data, cap < INT_MAX ? cap : INT_MAX, MSG_DONTWAIT);
    if (got > 0) {
        cleat_trace("net", "read", data, (size_t)got);
        n->received += (size_t)got;
        n->drained = (size_t)got < cap && n->state == UP;
        return (int)got;
    }
    if (n->state == BROKEN) {
        return ended(n);
    }
    if (got < 0 && not_now(errno)) {
        return CLEAT_ERR_AGAIN;
    }
    if (got < 0) {
        return failed_errno(n, errno);
    }
    if (cap > 0) {
        /* Its end is readable for ever: stop being woken by it. */
        watch(n, (short)(n->events & ~POLLIN));
    }
    return cap > 0 ? CLEAT_ERR_CLOSED : CLEAT_ERR_ARG;
}

static int net_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_linux_net *n = self;
    if (n->state != UP) {
        return CLEAT_ERR_STATE;
    }
    ssize_t put = send(n->fd, data, len < INT_MAX ? len : INT_MAX,
                       MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && !not_now(errno)) {
        return broken(n, errno);
    }
    bool all = put >= 0 && (size_t)put == len;
    watch(n, (short)(all ? n->events & ~POLLOUT : n->events | POLLOUT));
    if (put <= 0) {
        return CLEAT_ERR_AGAIN;
    }
    cleat_trace("net", "write", data, (size_t)put);
    return (int)put;
}

static void net_close(void *self) {
    struct cleat_linux_net *n = self;
    timer_stop(n);
    drop_lookup(n);
    drop_socket(n);
    n->local[0] = '\0';
    n->state = IDLE;
}

/* --- waiting --- */

/** Nothing but bytes is waited for, and none of them are here yet. */
static bool is_quiet(const struct cleat_linux_net *n) {
    return n->state == UP && n->events == POLLIN && n->early_len == 0 &&
           n->early_error == 0;
}

static bool rest(struct cleat_linux_net *n, uint64_t now) {
    uint32_t us =
        n->no_rest ? 0 : cleat_linux_net_rest_next(&n->rest, now, n->received);
    const struct timespec t = {.tv_nsec = (long)us * 1000L};
    if (us > 0) {
        n->drained = false;
        nanosleep(&t, NULL); /* A signal may end it. */
    }
    return us > 0;
}

bool cleat_linux_net_rest(struct cleat_linux_net *n) {
    return is_quiet(n) && rest(n, now_us());
}

/** Let a blocking recv() give up after about wait_ms: never later, and no
 *  system call while what is set is near enough. @return false on failure. */
static bool be_patient(struct cleat_linux_net *n, uint64_t wait_ms) {
    uint32_t most =
        wait_ms < PATIENCE_MAX_MS ? (uint32_t)wait_ms : PATIENCE_MAX_MS;
    if (n->patience_ms == 0) { /* The first wait on this connection. */
        int flags = fcntl(n->fd, F_GETFL);
        if (flags < 0 || fcntl(n->fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
            return false;
        }
    }
    if (n->patience_ms > 0 && n->patience_ms <= most &&
        n->patience_ms >= most / 4) {
        return true;
    }
    most -= most / 8; /* A deadline that draws nearer needs no other. */
    const struct timeval t = {.tv_sec = (time_t)(most / 1000),
                              .tv_usec = (suseconds_t)(most % 1000) * 1000};
    if (setsockopt(n->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) != 0) {
        return false;
    }
    n->patience_ms = most;
    return true;
}

static void wait_in_poll(const struct cleat_linux_net *n, uint64_t wait_ms) {
    struct pollfd p = {.fd = n->events == 0 ? -1 : cleat_linux_net_fd(n),
                       .events = n->events};
    poll(&p, 1, wait_ms < PATIENCE_MAX_MS ? (int)wait_ms : PATIENCE_MAX_MS);
}

void cleat_linux_net_wait(struct cleat_linux_net *n, uint64_t due_ms) {
    uint64_t at_us = now_us(), now = at_us / 1000u;
    uint64_t own = cleat_linux_net_deadline(n);
    bool quiet = is_quiet(n);
    due_ms = own < due_ms ? own : due_ms;
    if (due_ms <= now || n->early_len > 0 || n->early_error != 0 ||
        (quiet && rest(n, at_us))) {
        return;
    }
    if (!quiet || !be_patient(n, due_ms - now)) {
        wait_in_poll(n, due_ms - now);
        return;
    }
    ssize_t got = recv(n->fd, n->early, sizeof n->early, 0);
    n->drained = false;
    if (got > 0) {
        n->early_len = (size_t)got;
        n->received += (size_t)got;
    } else if (got < 0 && !not_now(errno)) {
        n->early_error = errno;
    } /* Its end: the next read meets it again. */
}

static void net_detail(void *self, struct cleat_detail *out) {
    *out = ((struct cleat_linux_net *)self)->detail;
}

static int take_bind(struct cleat_linux_net *n, const char *text) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;
    if (getaddrinfo(text, NULL, &hints, &list) != 0) {
        return CLEAT_ERR_ARG;
    }
    if (list->ai_addrlen <= sizeof n->bind) {
        memcpy(n->bind, list->ai_addr, list->ai_addrlen);
    }
    freeaddrinfo(list);
    return CLEAT_OK;
}

static int take_names(struct cleat_linux_net *n,
                      const struct cleat_linux_net_config *config) {
    bool is_unix = config->path != NULL && config->path[0] != '\0';
    const char *from = is_unix ? config->path : config->host;
    char *to = is_unix ? n->path : n->host;
    size_t room = is_unix ? sizeof n->path : sizeof n->host;
    if (from == NULL || from[0] == '\0' || (!is_unix && config->port == 0)) {
        return CLEAT_ERR_ARG;
    }
    size_t len = strlen(from);
    if (len >= room) {
        return CLEAT_ERR_SIZE;
    }
    memcpy(to, from, len + 1);
    return config->bind == NULL ? CLEAT_OK : take_bind(n, config->bind);
}

int cleat_linux_net_init(struct cleat_linux_net *n,
                         const struct cleat_linux_net_config *config) {
    memset(n, 0, sizeof *n);
    n->fd = -1;
    n->timer_fd = -1;
    int err = take_names(n, config);
    if (err != CLEAT_OK) {
        return err;
    }
    n->port = config->port;
    n->task = config->task;
    n->no_rest = config->no_rest;
    n->connect_timeout_ms = config->connect_timeout_ms != 0
                                ? config->connect_timeout_ms
                                : CONNECT_TIMEOUT_MS;
    n->resolve_timeout_ms = config->resolve_timeout_ms != 0
                                ? config->resolve_timeout_ms
                                : RESOLVE_TIMEOUT_MS;
    n->stream = (struct cleat_stream){net_open,  net_read,   net_write,
                                      net_close, net_detail, n};
    return CLEAT_OK;
}

void cleat_linux_net_deinit(struct cleat_linux_net *n) {
    net_close(n);
}

struct cleat_stream *cleat_linux_net_stream(struct cleat_linux_net *n) {
    return &n->stream;
}

int cleat_linux_net_fd(const struct cleat_linux_net *n) {
    return n->lookup != NULL ? cleat_linux_net_lookup_fd(n->lookup) : n->fd;
}

short cleat_linux_net_events(const struct cleat_linux_net *n) {
    return n->events;
}

uint64_t cleat_linux_net_deadline(const struct cleat_linux_net *n) {
    return n->state == RESOLVING || n->state == CONNECTING ? n->deadline_ms
                                                           : CLEAT_NEVER;
}

const char *cleat_linux_net_local(const struct cleat_linux_net *n) {
    return n->local;
}

const char *cleat_linux_net_remote(const struct cleat_linux_net *n) {
    return n->remote;
}
