/* SPDX-License-Identifier: MIT */
/*
 * lwIP's netconn as a stream. Its callback, in lwIP's thread, only notes what
 * happened and wakes the task that opened the stream; that task then asks.
 */
#include "cleat/lwip_net.h"

#include <lwip/api.h>
#include <lwip/dns.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <string.h>

#include "cleat/log.h"

#define CONNECT_TIMEOUT_MS 5000u

enum { IDLE, RESOLVING, CONNECTING, UP, FAILED };
enum { LOOKUP_NONE, LOOKUP_RUNS, LOOKUP_FOUND, LOOKUP_FAILED };

typedef int address_fits[sizeof(ip_addr_t) <= 20 ? 1 : -1];

static int error_of(err_t e) {
    switch (e) {
    case ERR_MEM:
    case ERR_BUF:
        return CLEAT_ERR_FULL;
    case ERR_TIMEOUT:
    case ERR_ABRT:
        return CLEAT_ERR_TIMEOUT;
    case ERR_CLSD:
        return CLEAT_ERR_CLOSED;
    default:
        return CLEAT_ERR_IO;
    }
}

static const char *text_of(err_t e, bool connecting) {
    switch (e) {
    case ERR_RST:
        return connecting ? "connection refused: nothing listens on that port"
                          : "connection reset by peer";
    case ERR_ABRT:
    case ERR_TIMEOUT:
        return connecting ? "no answer from that address"
                          : "connection aborted: the peer does not answer";
    case ERR_RTE:
        return "no route to host";
    case ERR_MEM:
    case ERR_BUF:
        return "the TCP/IP stack is out of memory";
    default:
        return "connection failed";
    }
}

static void drop(struct cleat_lwip_net *n) {
    if (n->received != NULL) {
        pbuf_free(n->received);
        n->received = NULL;
    }
    n->read = 0;
    if (n->conn != NULL) {
        (void)netconn_delete(n->conn);
        n->conn = NULL;
    }
}

static int note(struct cleat_lwip_net *n, int err, int32_t code,
                const char *text) {
    n->detail = (struct cleat_detail){CLEAT_LAYER_NET, code, 0, text};
    CLEAT_LOG(CLEAT_LEVEL_WARN, "net", "failed host=%s port=%u: %s", n->host,
              (unsigned)n->port, text);
    return err;
}

static int fail(struct cleat_lwip_net *n, int err, int32_t code,
                const char *text) {
    drop(n);
    n->state = FAILED;
    n->err = err;
    return note(n, err, code, text);
}

/* In lwIP's thread. */
static void on_found(const char *name, const ip_addr_t *found, void *arg) {
    struct cleat_lwip_net *n = arg;
    (void)name;
    cleat_port_enter();
    n->lookup = found == NULL ? LOOKUP_FAILED : LOOKUP_FOUND;
    if (found != NULL) {
        memcpy(n->address, found, sizeof *found);
    }
    cleat_port_leave();
    cleat_port_wake(n->task);
}

/* In lwIP's thread. */
static void look_up(void *arg) {
    struct cleat_lwip_net *n = arg;
    ip_addr_t found;
    err_t e = dns_gethostbyname(n->host, &found, on_found, n);
    if (e != ERR_INPROGRESS) {
        on_found(n->host, e == ERR_OK ? &found : NULL, n);
    }
}

/* In lwIP's thread. */
static void on_event(struct netconn *conn, enum netconn_evt event, u16_t len) {
    struct cleat_lwip_net *n = netconn_get_callback_arg(conn);
    (void)len;
    if (n == NULL) {
        return;
    }
    cleat_port_enter();
    bool first = !n->established;
    n->established |=
        event == NETCONN_EVT_SENDPLUS || event == NETCONN_EVT_ERROR;
    cleat_port_leave();
    if (first && event == NETCONN_EVT_SENDPLUS && conn->pcb.tcp != NULL) {
        tcp_nagle_disable(conn->pcb.tcp);
    }
    if (event != NETCONN_EVT_SENDMINUS && event != NETCONN_EVT_RCVMINUS) {
        cleat_port_wake(n->task);
    }
}

static int lookup_of(struct cleat_lwip_net *n) {
    cleat_port_enter();
    int lookup = n->lookup;
    cleat_port_leave();
    return lookup;
}

static int begin(struct cleat_lwip_net *n, uint64_t now_ms) {
    n->task = cleat_port_current();
    n->detail = (struct cleat_detail){0};
    n->deadline_ms =
        now_ms + (n->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS
                                             : n->connect_timeout_ms);
    n->state = RESOLVING;
    if (lookup_of(n) == LOOKUP_RUNS) {
        return CLEAT_ERR_AGAIN; /* still the last one's */
    }
    n->lookup = LOOKUP_RUNS;
    err_t e = tcpip_try_callback(look_up, n);
    if (e != ERR_OK) {
        n->lookup = LOOKUP_NONE;
        return fail(n, error_of(e), e, text_of(e, true));
    }
    return CLEAT_ERR_AGAIN;
}

static int connect_to(struct cleat_lwip_net *n) {
    ip_addr_t to;
    memcpy(&to, n->address, sizeof to);
    struct netconn *conn = netconn_new_with_callback(NETCONN_TCP, on_event);
    if (conn == NULL) {
        return fail(n, CLEAT_ERR_FULL, ERR_MEM, text_of(ERR_MEM, true));
    }
    netconn_set_nonblocking(conn, 1);
    n->established = false;
    netconn_set_callback_arg(conn, n);
    n->conn = conn;
    n->state = CONNECTING;
    err_t e = netconn_connect(conn, &to, n->port);
    if (e != ERR_OK && e != ERR_INPROGRESS) {
        return fail(n, error_of(e), e, text_of(e, true));
    }
    return CLEAT_ERR_AGAIN;
}

static int go_on(struct cleat_lwip_net *n) {
    if (n->state == RESOLVING) {
        int lookup = lookup_of(n);
        if (lookup == LOOKUP_FAILED) {
            return fail(n, CLEAT_ERR_IO, ERR_ARG, "name not known");
        }
        return lookup == LOOKUP_FOUND ? connect_to(n) : CLEAT_ERR_AGAIN;
    }
    cleat_port_enter();
    bool established = n->established;
    cleat_port_leave();
    if (!established) {
        return CLEAT_ERR_AGAIN;
    }
    err_t e = netconn_err(n->conn);
    if (e != ERR_OK) {
        return fail(n, error_of(e), e, text_of(e, true));
    }
    n->state = UP;
    return CLEAT_OK;
}

static int net_open(void *self, uint64_t now_ms) {
    struct cleat_lwip_net *n = self;
    if (n->state == IDLE) {
        return begin(n, now_ms);
    }
    if (n->state == UP) {
        return CLEAT_OK;
    }
    if (n->state == FAILED) {
        return n->err;
    }
    int err = go_on(n);
    if (err == CLEAT_ERR_AGAIN && now_ms >= n->deadline_ms) {
        bool named = n->state == RESOLVING;
        return fail(n, CLEAT_ERR_TIMEOUT, ERR_TIMEOUT,
                    named ? "name server did not answer"
                          : "connection timed out");
    }
    return err;
}

/* @return 0 with something to read from, or why not. */
static int receive(struct cleat_lwip_net *n) {
    struct pbuf *p = NULL;
    if (n->received != NULL) {
        return CLEAT_OK;
    }
    err_t e = netconn_recv_tcp_pbuf_flags(n->conn, &p, NETCONN_DONTBLOCK);
    if (e == ERR_WOULDBLOCK || e == ERR_TIMEOUT) {
        return CLEAT_ERR_AGAIN;
    }
    if (e == ERR_CLSD) {
        return CLEAT_ERR_CLOSED;
    }
    if (e != ERR_OK) {
        return fail(n, error_of(e), e, text_of(e, false));
    }
    n->received = p;
    n->read = 0;
    return CLEAT_OK;
}

static int net_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_lwip_net *n = self;
    if (n->state != UP) {
        return n->state == FAILED ? n->err : CLEAT_ERR_STATE;
    }
    int err = receive(n);
    if (err != CLEAT_OK) {
        return err;
    }
    struct pbuf *p = n->received;
    size_t len = p->tot_len - n->read;
    len = len < cap ? len : cap;
    (void)pbuf_copy_partial(p, data, (u16_t)len, (u16_t)n->read);
    n->read += len;
    if (n->read == p->tot_len) {
        pbuf_free(p);
        n->received = NULL;
    }
    cleat_trace("net", "read", data, len);
    return (int)len;
}

static int net_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_lwip_net *n = self;
    size_t taken = 0;
    if (n->state != UP) {
        return n->state == FAILED ? n->err : CLEAT_ERR_STATE;
    }
    err_t e = netconn_write_partly(n->conn, data, len,
                                   NETCONN_COPY | NETCONN_DONTBLOCK, &taken);
    if (e == ERR_WOULDBLOCK || (e == ERR_OK && taken == 0)) {
        return CLEAT_ERR_AGAIN;
    }
    if (e != ERR_OK) { /* what has come in can still be read */
        return note(n, error_of(e), e, text_of(e, false));
    }
    cleat_trace("net", "write", data, taken);
    return (int)taken;
}

static void net_close(void *self) {
    struct cleat_lwip_net *n = self;
    drop(n);
    n->state = IDLE;
}

static void net_detail(void *self, struct cleat_detail *out) {
    const struct cleat_lwip_net *n = self;
    *out = n->detail;
}

struct cleat_stream *cleat_lwip_net_init(struct cleat_lwip_net *n,
                                         const char *host, uint16_t port) {
    memset(n, 0, sizeof *n);
    n->host = host;
    n->port = port;
    n->stream = (struct cleat_stream){net_open,  net_read,   net_write,
                                      net_close, net_detail, n};
    return &n->stream;
}
