/* SPDX-License-Identifier: MIT */
/*
 * TCP of lwIP as a stream: the name by DNS, then the connection, then bytes.
 * lwIP's callbacks only note what happened and wake the task that opened it.
 */
#include "cleat/bare_net.h"

#include <lwip/dns.h>
#include <lwip/pbuf.h>
#include <lwip/tcp.h>
#include <string.h>

#include "cleat/config.h"
#include "cleat/log.h"

#define CONNECT_TIMEOUT_MS 5000u

enum { IDLE, RESOLVING, CONNECTING, UP, FAILED };

static const char *text_of(err_t e, int state) {
    switch (e) {
    case ERR_RST:
        return state != UP ? "connection refused: nothing listens on that port"
                           : "connection reset by peer";
    case ERR_ABRT:
        return state != UP ? "no answer from that address"
                           : "connection aborted: the peer does not answer";
    case ERR_RTE:
        return "no route to host";
    case ERR_MEM:
    case ERR_BUF:
        return "the TCP/IP stack is out of memory";
    case ERR_ARG:
        return "name not known, or no name server answers";
    case ERR_TIMEOUT:
        return state == RESOLVING ? "name server did not answer"
                                  : "connection timed out";
    default:
        return "connection failed";
    }
}

/* lwIP looks up one name at a time and cannot be told to stop: an open that
 * comes while one is under way waits for that one's answer. */
static struct cleat_bare_net *resolving;
static bool looking;

/* Let go of the connection; lwIP ends it in its own time. */
static void drop(struct cleat_bare_net *n) {
    struct tcp_pcb *pcb = n->pcb;
    if (resolving == n) {
        resolving = NULL; /* it may be gone when the answer comes */
    }
    n->pcb = NULL;
    if (n->received != NULL) {
        pbuf_free(n->received);
        n->received = NULL;
    }
    n->read = 0;
    if (pcb == NULL) {
        return;
    }
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    if (tcp_close(pcb) != ERR_OK) {
        tcp_abort(pcb);
    }
}

/* It failed, as lwIP says, or as it would say it: ERR_ARG, no such name;
 * ERR_TIMEOUT, our patience ended. */
static int refuse(struct cleat_bare_net *n, err_t e) {
    const char *text = CLEAT_TEXTS ? text_of(e, n->state) : NULL;
    int err = CLEAT_ERR_IO;
    if (e == ERR_MEM || e == ERR_BUF) {
        err = CLEAT_ERR_FULL;
    } else if (e == ERR_ABRT || e == ERR_TIMEOUT) {
        err = CLEAT_ERR_TIMEOUT;
    }
    drop(n);
    n->state = FAILED;
    n->err = err;
    n->detail.layer = CLEAT_LAYER_NET;
    n->detail.code = e;
    n->detail.text = text;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "net", "failed host=%s port=%u: %s", n->host,
              (unsigned)n->port, text);
    return err;
}

static void on_error(void *arg, err_t e) {
    struct cleat_bare_net *n = arg;
    struct pbuf *rest = n->received; /* what came before may say why */
    n->received = NULL;
    n->pcb = NULL; /* lwIP has freed it */
    (void)refuse(n, e);
    n->received = rest;
    cleat_port_wake(n->task);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t e) {
    struct cleat_bare_net *n = arg;
    (void)pcb;
    (void)e;
    n->state = UP;
    cleat_port_wake(n->task);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len) {
    const struct cleat_bare_net *n = arg;
    (void)pcb;
    (void)len;
    cleat_port_wake(n->task);
    return ERR_OK;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p,
                         err_t e) {
    struct cleat_bare_net *n = arg;
    (void)pcb;
    (void)e;
    if (p == NULL) {
        n->ended = true;
    } else if (n->received == NULL) {
        n->received = p;
        n->read = 0;
    } else {
        pbuf_cat(n->received, p);
    }
    cleat_port_wake(n->task);
    return ERR_OK;
}

static int connect_to(struct cleat_bare_net *n, const ip_addr_t *to) {
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL) {
        return refuse(n, ERR_MEM);
    }
    n->pcb = pcb;
    n->state = CONNECTING;
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, n);
    tcp_err(pcb, on_error);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    err_t e = tcp_connect(pcb, to, n->port, on_connected);
    return e == ERR_OK ? CLEAT_ERR_AGAIN : refuse(n, e);
}

static int look_up(struct cleat_bare_net *n);

static void on_found(const char *name, const ip_addr_t *found, void *arg) {
    struct cleat_bare_net *n = resolving;
    (void)arg;
    looking = false;
    if (n == NULL) {
        return;
    }
    if (strcmp(name, n->host) != 0) {
        (void)look_up(n); /* that was somebody else's */
    } else if (found == NULL || ip_addr_isany_val(*found)) {
        (void)refuse(n, ERR_ARG);
    } else {
        (void)connect_to(n, found);
    }
    cleat_port_wake(n->task);
}

static int look_up(struct cleat_bare_net *n) {
    static ip_addr_t found;
    if (looking) {
        return CLEAT_ERR_AGAIN;
    }
    err_t e = dns_gethostbyname(n->host, &found, on_found, NULL);
    if (e == ERR_INPROGRESS) {
        looking = true;
        return CLEAT_ERR_AGAIN;
    }
    if (e != ERR_OK) {
        return refuse(n, e == ERR_MEM ? e : ERR_ARG);
    }
    return connect_to(n, &found);
}

static int begin(struct cleat_bare_net *n, uint64_t now_ms) {
    n->task = cleat_port_current();
    n->ended = false;
    memset(&n->detail, 0, sizeof n->detail);
    n->deadline_ms =
        now_ms + (n->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS
                                             : n->connect_timeout_ms);
    n->state = RESOLVING;
    resolving = n;
    return look_up(n);
}

static int net_open(void *self, uint64_t now_ms) {
    struct cleat_bare_net *n = self;
    if (n->state == IDLE) {
        return begin(n, now_ms);
    }
    if (n->state == UP) {
        return CLEAT_OK;
    }
    if (n->state == FAILED) {
        return n->err;
    }
    if (now_ms >= n->deadline_ms) {
        return refuse(n, ERR_TIMEOUT);
    }
    return CLEAT_ERR_AGAIN;
}

static int net_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_bare_net *n = self;
    struct pbuf *p = n->received;
    if (n->state == FAILED && p == NULL) {
        return n->err;
    }
    if (n->state != UP && n->state != FAILED) {
        return CLEAT_ERR_STATE;
    }
    if (p == NULL) {
        return n->ended ? CLEAT_ERR_CLOSED : CLEAT_ERR_AGAIN;
    }
    size_t len = p->len - n->read;
    len = len < cap ? len : cap;
    memcpy(data, (const uint8_t *)p->payload + n->read, len);
    n->read += len;
    if (n->read == p->len) {
        n->received = p->next;
        n->read = 0;
        if (p->next != NULL) {
            pbuf_ref(p->next);
        }
        pbuf_free(p);
    }
    if (n->pcb != NULL) {
        tcp_recved(n->pcb, (u16_t)len);
    }
    cleat_trace("net", "read", data, len);
    return (int)len;
}

static int net_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_bare_net *n = self;
    if (n->state != UP) {
        return n->state == FAILED ? n->err : CLEAT_ERR_STATE;
    }
    struct tcp_pcb *pcb = n->pcb;
    size_t room = tcp_sndbuf(pcb);
    len = len < room ? len : room;
    if (len == 0 || tcp_sndqueuelen(pcb) >= TCP_SND_QUEUELEN - 1) {
        return CLEAT_ERR_AGAIN;
    }
    err_t e = tcp_write(pcb, data, (u16_t)len, TCP_WRITE_FLAG_COPY);
    if (e == ERR_MEM && tcp_sndqueuelen(pcb) > 0) {
        return CLEAT_ERR_AGAIN; /* what is under way gives memory back */
    }
    if (e != ERR_OK) {
        return refuse(n, e);
    }
    (void)tcp_output(pcb);
    cleat_trace("net", "write", data, len);
    return (int)len;
}

static void net_close(void *self) {
    struct cleat_bare_net *n = self;
    drop(n);
    n->state = IDLE;
}

static void net_detail(void *self, struct cleat_detail *out) {
    const struct cleat_bare_net *n = self;
    *out = n->detail;
}

struct cleat_stream *cleat_bare_net_init(struct cleat_bare_net *n,
                                         const char *host, uint16_t port) {
    memset(n, 0, sizeof *n);
    n->host = host;
    n->port = port;
    n->stream = (struct cleat_stream){net_open,  net_read,   net_write,
                                      net_close, net_detail, n};
    return &n->stream;
}
