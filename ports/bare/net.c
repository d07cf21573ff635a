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

enum { IDLE, RESOLVING, CONNECTING, UP };

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
    case ERR_VAL:
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

/* Let go of the connection; lwIP ends it in its own time, and its callbacks
 * find nobody. What has arrived stays: it may say why. */
static void disconnect(struct cleat_bare_net *n) {
    struct tcp_pcb *pcb = n->pcb;
    if (resolving == n) {
        resolving = NULL; /* it may be gone when the answer comes */
    }
    n->pcb = NULL;
    if (pcb == NULL) {
        return;
    }
    tcp_arg(pcb, NULL);
    if (tcp_close(pcb) != ERR_OK) {
        tcp_abort(pcb);
    }
}

/* It failed, as lwIP says, or as it would say it: ERR_ARG, no such name;
 * ERR_TIMEOUT, our patience ended. */
static void fail(struct cleat_bare_net *n, err_t e) {
    disconnect(n);
    n->failure = e;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "net", "failed host=%s port=%u: %s", n->host,
              (unsigned)n->port, text_of(e, n->state));
}

/* @return 0 while bytes may flow, CLEAT_ERR_AGAIN before, or why it failed. */
static int status(const struct cleat_bare_net *n) {
    switch (n->failure) {
    case ERR_OK:
        return n->state == UP ? CLEAT_OK : CLEAT_ERR_AGAIN;
    case ERR_MEM:
    case ERR_BUF:
        return CLEAT_ERR_FULL;
    case ERR_ABRT:
    case ERR_TIMEOUT:
        return CLEAT_ERR_TIMEOUT;
    default:
        return CLEAT_ERR_IO;
    }
}

static void wake(const struct cleat_bare_net *n) {
    if (n != NULL) {
        cleat_port_wake(n->task);
    }
}

static void on_error(void *arg, err_t e) {
    struct cleat_bare_net *n = arg;
    if (n != NULL) {
        n->pcb = NULL; /* lwIP has freed it */
        fail(n, e);
    }
    wake(n);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t e) {
    struct cleat_bare_net *n = arg;
    (void)pcb;
    (void)e;
    n->state = UP;
    wake(n);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len) {
    (void)pcb;
    (void)len;
    wake(arg);
    return ERR_OK;
}

/* After tcp_close() lwIP tells of the end, but passes on no bytes. */
static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p,
                         err_t e) {
    struct cleat_bare_net *n = arg;
    (void)pcb;
    (void)e;
    if (n == NULL) {
        return ERR_OK;
    }
    if (p == NULL) {
        n->ended = true;
    } else if (n->received == NULL) {
        n->received = p;
    } else {
        pbuf_cat(n->received, p);
    }
    wake(n);
    return ERR_OK;
}

static err_t connect_to(struct cleat_bare_net *n, const ip_addr_t *to) {
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL) {
        return ERR_MEM;
    }
    n->pcb = pcb;
    n->state = CONNECTING;
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, n);
    tcp_err(pcb, on_error);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    return tcp_connect(pcb, to, n->port, on_connected);
}

static void look_up(struct cleat_bare_net *n);

/* lwIP keeps the answer until this returns: whoever waits asks for it again,
 * since it may be to an earlier question. */
static void on_found(const char *name, const ip_addr_t *found, void *arg) {
    struct cleat_bare_net *n = resolving;
    (void)name;
    (void)arg;
    looking = false;
    if (n != NULL && found == NULL) {
        fail(n, ERR_ARG);
    } else if (n != NULL) {
        look_up(n);
    }
    wake(n);
}

/* Find the address, and connect as soon as it is known. */
static void look_up(struct cleat_bare_net *n) {
    static ip_addr_t found;
    err_t e = ERR_INPROGRESS;
    if (!looking) {
        e = dns_gethostbyname(n->host, &found, on_found, NULL);
        looking = e == ERR_INPROGRESS;
    }
    if (e == ERR_OK) {
        e = ip_addr_isany_val(found) ? ERR_ARG : connect_to(n, &found);
    }
    if (e != ERR_OK && e != ERR_INPROGRESS) {
        fail(n, e);
    }
}

static void begin(struct cleat_bare_net *n, uint32_t now_ms) {
    n->task = cleat_port_current();
    n->begin_ms = now_ms;
    n->state = RESOLVING;
    resolving = n;
    look_up(n);
}

static int net_open(void *self, uint64_t now_ms) {
    struct cleat_bare_net *n = self;
    if (n->state == IDLE) {
        begin(n, (uint32_t)now_ms);
    } else if (status(n) == CLEAT_ERR_AGAIN &&
               (uint32_t)now_ms - n->begin_ms >= n->connect_timeout_ms) {
        fail(n, ERR_TIMEOUT);
    }
    return status(n);
}

static int net_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_bare_net *n = self;
    struct pbuf *p = n->received;
    if (p == NULL) {
        int err = status(n);
        return err != CLEAT_OK ? err
               : n->ended      ? CLEAT_ERR_CLOSED
                               : CLEAT_ERR_AGAIN;
    }
    u16_t len = p->tot_len < cap ? p->tot_len : (u16_t)cap;
    (void)pbuf_copy_partial(p, data, len, 0);
    n->received = pbuf_free_header(p, len);
    if (n->pcb != NULL) {
        tcp_recved(n->pcb, len);
    }
    cleat_trace("net", "read", data, len);
    return len;
}

static int net_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_bare_net *n = self;
    struct tcp_pcb *pcb = n->pcb;
    int err = status(n);
    if (err != CLEAT_OK) {
        return err;
    }
    len = len < tcp_sndbuf(pcb) ? len : tcp_sndbuf(pcb);
    if (len == 0) {
        return CLEAT_ERR_AGAIN;
    }
    err_t e = tcp_write(pcb, data, (u16_t)len, TCP_WRITE_FLAG_COPY);
    if (e == ERR_MEM && tcp_sndqueuelen(pcb) > 0) {
        return CLEAT_ERR_AGAIN; /* what is under way gives memory back */
    }
    if (e != ERR_OK) {
        fail(n, e);
        return status(n);
    }
    (void)tcp_output(pcb);
    cleat_trace("net", "write", data, len);
    return (int)len;
}

static void net_close(void *self) {
    struct cleat_bare_net *n = self;
    disconnect(n);
    if (n->received != NULL) {
        pbuf_free(n->received);
    }
    n->received = NULL;
    n->ended = false;
    n->failure = ERR_OK;
    n->state = IDLE;
}

static void net_detail(void *self, struct cleat_detail *out) {
    const struct cleat_bare_net *n = self;
    memset(out, 0, sizeof *out);
    if (n->failure != ERR_OK) {
        out->layer = CLEAT_LAYER_NET;
        out->code = n->failure;
        out->text = CLEAT_TEXTS ? text_of(n->failure, n->state) : NULL;
    }
}

struct cleat_stream *cleat_bare_net_init(struct cleat_bare_net *n,
                                         const char *host, uint16_t port) {
    memset(n, 0, sizeof *n);
    n->host = host;
    n->port = port;
    n->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    n->stream = (struct cleat_stream){net_open,  net_read,   net_write,
                                      net_close, net_detail, n};
    return &n->stream;
}
