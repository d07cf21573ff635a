/* SPDX-License-Identifier: MIT */
/*
 * The connection of `cleat pub` and `cleat sub`: element, TCP, TLS, session
 * and client, all run by the calling thread, which sleeps in poll() on the
 * socket, standard input and a pipe that signals write to.
 */
#define _GNU_SOURCE
#include "pubsub.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleat/linux_random.h"

#define CA_MAX (4u << 20)
#define CERTIFICATE_MAX 8192u
/* A CONNECT with every text at its longest, and any topic. */
#define RX_CAP (512u * 1024u)
#define QOS2_COUNT UINT16_MAX
/* mosquitto waits for answers as long as the connection stands; a broker that
 * is silent for a minute is given up here. */
#define ANSWER_MS 60000u
#define LINGER_MS 500u
#define ALIAS_ROOM 1026u /* of a topic, and its length */

static volatile sig_atomic_t signalled;
static int signal_pipe[2] = {-1, -1};

static void on_signal(int number) {
    int saved = errno;
    const char c = 0;
    signalled = number;
    ssize_t n = write(signal_pipe[1], &c, 1);
    (void)n;
    errno = saved;
}

/* The first SIGINT or SIGTERM ends in order, the second at once. */
static bool catch_signals(void) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = (int)SA_RESETHAND;
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        cli_error("pipe: %s", strerror(errno));
        return false;
    }
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
    return true;
}

/* A descriptor below 3 that is closed would become a socket of ours. */
static bool fill_standard_descriptors(void) {
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            return false;
        }
    }
    return true;
}

void cli_pubsub_say(const struct cli_pubsub_options *o, const char *fmt, ...) {
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (!o->quiet) {
        cli_error("%s", line);
    }
}

/* ---- the stream that -d looks at ---- */

static int watched_open(void *self, uint64_t now_ms) {
    struct cli_pubsub *p = self;
    p->sent.state = p->received.state = 0;
    return p->lower->open(p->lower->self, now_ms);
}

static int watched_read(void *self, uint8_t *data, size_t cap) {
    struct cli_pubsub *p = self;
    int n = p->lower->read(p->lower->self, data, cap);
    if (n > 0) {
        cli_packet_watch(&p->received, p->o->id, data, (size_t)n);
    }
    return n;
}

static int watched_write(void *self, const uint8_t *data, size_t len) {
    struct cli_pubsub *p = self;
    int n = p->lower->write(p->lower->self, data, len);
    if (n > 0) {
        cli_packet_watch(&p->sent, p->o->id, data, (size_t)n);
    }
    return n;
}

static void watched_close(void *self) {
    struct cli_pubsub *p = self;
    p->lower->close(p->lower->self);
}

static void watched_detail(void *self, struct cleat_detail *out) {
    struct cli_pubsub *p = self;
    if (p->lower->detail != NULL) {
        p->lower->detail(p->lower->self, out);
    }
}

static bool watch_stream(struct cli_pubsub *p) {
    p->sent.sending = true;
    p->sent.v5 = p->received.v5 = p->o->v5;
    p->sent.head = malloc(CLI_PACKET_HEAD);
    p->received.head = malloc(CLI_PACKET_HEAD);
    p->watched =
        (struct cleat_stream){watched_open,  watched_read,   watched_write,
                              watched_close, watched_detail, p};
    return p->sent.head != NULL && p->received.head != NULL;
}

/* ---- building it ---- */

static int out_of_memory(void) {
    cli_error("out of memory");
    return CLI_PUBSUB_FAILED;
}

static int open_net(struct cli_pubsub *p) {
    struct cleat_linux_net_config c;
    memset(&c, 0, sizeof c);
    c.host = p->o->host;
    c.port = p->o->port;
    c.path = p->o->unix_path;
    c.bind = p->o->bind;
    if (cleat_linux_net_init(&p->net, &c) != CLEAT_OK) {
        if (c.path != NULL) {
            cli_error("--unix: \"%.100s\" is no path of a socket, or longer "
                      "than 107 bytes",
                      c.path);
        } else if (c.bind != NULL) {
            cli_error("-A or -h: \"%.60s\" must be an address, \"%.100s\" a "
                      "host name",
                      c.bind, p->o->host);
        } else {
            cli_error("-h: \"%.100s\" is no host name", p->o->host);
        }
        return CLI_PUBSUB_FAILED;
    }
    p->net_ready = true;
    p->lower = cleat_linux_net_stream(&p->net);
    return CLI_OK;
}

static int open_element(struct cli_pubsub *p) {
    struct cleat_se_op op;
    char what[64];
    if (cli_se_open_wait(&p->element, p->o->chip, 0, p->o->shield, 0) !=
        CLI_OK) {
        return CLI_PUBSUB_FAILED;
    }
    p->element_open = true;
    p->certificate = malloc(CERTIFICATE_MAX);
    if (p->certificate == NULL) {
        return out_of_memory();
    }
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_CERTIFICATE;
    op.object = p->o->certificate_object;
    op.out.data = p->certificate;
    op.out.cap = CERTIFICATE_MAX;
    if (cleat_se_do(&p->element.se, &op, 0) != CLEAT_OK) {
        snprintf(what, sizeof what, "certificate 0x%04X cannot be read",
                 op.object);
        cli_se_error(what, &op);
        return CLI_PUBSUB_FAILED;
    }
    p->certificate_len = op.out.len;
    return CLI_OK;
}

static int read_crl(struct cli_pubsub *p) {
    char why[512] = "it is empty";
    if (p->o->crlfile == NULL) {
        return CLI_OK;
    }
    p->crl = cli_read_file(p->o->crlfile, CA_MAX, &p->crl_len, why, sizeof why);
    if (p->crl == NULL || p->crl_len == 0) {
        cli_error("--crlfile: %s", why);
        return CLI_PUBSUB_FAILED;
    }
    return CLI_OK;
}

static int open_tls(struct cli_pubsub *p) {
    struct cleat_tls_config c;
    struct cleat_detail detail = {0};
    char why[512];
    p->ca = cli_read_file(p->o->cafile, CA_MAX, &p->ca_len, why, sizeof why);
    if (p->ca == NULL) {
        cli_error("--cafile: %s", why);
        return CLI_PUBSUB_FAILED;
    }
    int status = read_crl(p);
    if (status == CLI_OK) {
        status = open_element(p);
    }
    if (status != CLI_OK) {
        return status;
    }
    memset(&c, 0, sizeof c);
    c.version = p->o->tls_version;
    c.crl = cleat_bytes_of(p->crl, p->crl_len);
    c.lower = p->lower;
    c.se = &p->element.se;
    c.key_object = p->o->key_object;
    c.certificate = cleat_bytes_of(p->certificate, p->certificate_len);
    c.ca[0] = cleat_bytes_of(p->ca, p->ca_len);
    c.hostname = p->o->host;
    c.alpn = p->o->alpn;
    c.allow_rsa = p->o->allow_rsa;
    if (p->o->tls_resume) {
        cli_tls_files_session(&p->files, "--tls-session-file",
                              p->o->tls_session_file);
        c.session = &p->files.session;
    }
    if ((p->element.chip.driver->can & CLEAT_SE_CAN_RANDOM) == 0) {
        c.random = cleat_linux_random;
    }
    int err = cleat_tls_init(&p->tls, &c, &detail);
    if (err != CLEAT_OK) {
        cli_error("TLS cannot be set up: %s (--cafile %s)",
                  detail.text != NULL ? detail.text : cleat_strerror(err),
                  p->o->cafile);
        return CLI_PUBSUB_FAILED;
    }
    p->tls_ready = true;
    p->lower = cleat_tls_stream(&p->tls);
    return CLI_OK;
}

static int open_ws(struct cli_pubsub *p) {
    struct cleat_ws_config c;
    uint16_t usual = p->o->url_tls ? 443 : 80;
    bool v6 = strchr(p->o->host, ':') != NULL;
    snprintf(p->ws_host, sizeof p->ws_host, v6 ? "[%s]" : "%s", p->o->host);
    if (p->o->port != usual) {
        size_t n = strlen(p->ws_host);
        snprintf(p->ws_host + n, sizeof p->ws_host - n, ":%u",
                 (unsigned)p->o->port);
    }
    memset(&c, 0, sizeof c);
    c.lower = p->lower;
    c.host = p->ws_host;
    c.path = p->o->ws_path;
    c.random = cleat_linux_random;
    c.out_buf = p->ws_buf = malloc(CLI_PUBSUB_CHUNK);
    c.out_cap = CLI_PUBSUB_CHUNK;
    if (p->ws_buf == NULL) {
        return out_of_memory();
    }
    if (cleat_ws_init(&p->ws, &c) != CLEAT_OK) {
        cli_error("-L: \"%.100s\" is no path of a WebSocket", p->o->ws_path);
        return CLI_PUBSUB_FAILED;
    }
    p->lower = cleat_ws_stream(&p->ws);
    return CLI_OK;
}

static uint32_t random_bits(void *arg) {
    uint32_t v = 1;
    (void)cleat_linux_random(arg, (uint8_t *)&v, sizeof v);
    return v;
}

static struct cleat_bytes text_or_none(const char *text) {
    return text == NULL ? cleat_bytes_of(NULL, 0) : cleat_bytes_str(text);
}

static int init_session(struct cli_pubsub *p, size_t tx_cap,
                        uint16_t slot_count) {
    const struct cli_pubsub_options *o = p->o;
    struct cleat_mqtt_config c = {0};
    c.client_id = text_or_none(o->id);
    c.username = text_or_none(o->user);
    c.password = text_or_none(o->password);
    c.will.topic = text_or_none(o->will_topic);
    c.will.payload = text_or_none(o->will_payload);
    c.will.qos = o->will_qos;
    c.will.retain = o->will_retain;
    if (o->v5) {
        c.v5 = &cleat_mqtt_v5;
        c.receive_max = o->receive_max;
        c.alias_count = o->alias_max;
        c.alias_room = ALIAS_ROOM;
        if (o->alias_max > 0) {
            c.alias_buf = p->aliases =
                malloc((size_t)o->alias_max * ALIAS_ROOM);
            if (p->aliases == NULL) {
                return out_of_memory();
            }
        }
        c.props = o->props[CLI_PROPS_CONNECT].items;
        c.prop_count = o->props[CLI_PROPS_CONNECT].count;
        c.will.props = o->props[CLI_PROPS_WILL].items;
        c.will.prop_count = o->props[CLI_PROPS_WILL].count;
    }
    c.keep_alive_s = o->keep_alive_s;
    c.keep_alive_off = o->keep_alive_off;
    c.clean_session = !o->keep_session;
    c.take_session = true; /* What the program before this one left. */
    c.timeout_ms = ANSWER_MS;
    c.inflight_max = o->inflight_max;
    c.tx_buf = p->tx = malloc(tx_cap);
    c.tx_cap = tx_cap;
    c.slots = p->slots = calloc(slot_count, sizeof *p->slots);
    c.slot_count = slot_count;
    c.rx_buf = p->rx = malloc(RX_CAP);
    c.rx_cap = RX_CAP;
    c.qos2_ids = p->qos2_ids = malloc(QOS2_COUNT * sizeof *p->qos2_ids);
    c.qos2_count = QOS2_COUNT;
    if (!o->publishing) {
        c.unacked = p->unacked = malloc(QOS2_COUNT * sizeof *p->unacked);
        c.unacked_count = QOS2_COUNT;
    }
    if (p->store_open) {
        c.queue_offline = true;
        c.journal = cleat_keeper_journal(&p->keeper);
        c.first_id = cleat_keeper_first_id(&p->keeper);
    }
    p->io = malloc(CLI_PUBSUB_CHUNK);
    if (p->tx == NULL || p->slots == NULL || p->rx == NULL ||
        p->qos2_ids == NULL || p->io == NULL ||
        (!o->publishing && p->unacked == NULL)) {
        return out_of_memory();
    }
    p->session_config = c;
    int err = cleat_mqtt_init(&p->session, &p->session_config);
    if (err != CLEAT_OK) { /* The options are checked; this is the rest. */
        cli_error("the connection cannot be set up: %s", cleat_strerror(err));
        return CLI_PUBSUB_FAILED;
    }
    return CLI_OK;
}

static int init_client(struct cli_pubsub *p) {
    struct cleat_client_config c;
    memset(&c, 0, sizeof c);
    c.session = &p->session;
    c.stream = p->o->debug ? &p->watched : p->lower;
    c.io_buf = p->io;
    c.io_cap = CLI_PUBSUB_CHUNK;
    c.backoff_cap_ms = 30000;
    c.refused_is_final = true;
    c.random = random_bits;
    if (p->o->debug && !watch_stream(p)) {
        return out_of_memory();
    }
    int err = cleat_client_init(&p->client, &c);
    if (err == CLEAT_OK) {
        err = cleat_client_start(&p->client, cleat_port_now_ms());
    }
    if (err != CLEAT_OK) {
        cli_error("the client cannot be set up: %s", cleat_strerror(err));
        return CLI_PUBSUB_FAILED;
    }
    return CLI_OK;
}

int cli_pubsub_open(struct cli_pubsub *p, const struct cli_pubsub_options *o,
                    size_t tx_cap, uint16_t slot_count) {
    memset(p, 0, sizeof *p);
    p->o = o;
    if (!fill_standard_descriptors() || !catch_signals()) {
        return CLI_PUBSUB_FAILED;
    }
    int status = open_net(p);
    if (status == CLI_OK && o->cafile != NULL) {
        status = open_tls(p);
    }
    if (status == CLI_OK && o->ws_path != NULL) {
        status = open_ws(p);
    }
    if (status == CLI_OK && o->store != NULL &&
        !cli_pubsub_store_open(p, &tx_cap)) {
        status = CLI_PUBSUB_FAILED;
    }
    if (status == CLI_OK) {
        status = init_session(p, tx_cap, slot_count);
    }
    if (status == CLI_OK && p->store_open && !cli_pubsub_store_restore(p)) {
        status = CLI_PUBSUB_FAILED;
    }
    if (status == CLI_OK) {
        status = init_client(p);
    }
    if (status != CLI_OK) {
        p->status = status;
    }
    return status;
}

/* A socket that is closed with bytes unread resets the connection, and what
 * was said last, an acknowledgement and DISCONNECT, may never be read: so wait
 * until the broker has hung up. */
static void linger(struct cli_pubsub *p) {
    char bytes[4096];
    struct pollfd fd = {p->linger_fd, POLLIN, 0};
    const uint64_t end_ms = cleat_port_now_ms() + LINGER_MS;
    if (p->linger_fd <= 0) {
        return;
    }
    (void)shutdown(p->linger_fd, SHUT_WR);
    while (cleat_port_now_ms() < end_ms && poll(&fd, 1, (int)LINGER_MS) > 0 &&
           read(p->linger_fd, bytes, sizeof bytes) > 0) {
    }
    (void)close(p->linger_fd);
}

void cli_pubsub_close(struct cli_pubsub *p) {
    if (p->lower != NULL) {
        p->lower->close(p->lower->self);
    }
    linger(p);
    if (p->tls_ready) {
        cleat_tls_deinit(&p->tls);
    }
    cli_tls_files_close(&p->files);
    if (p->net_ready) {
        cleat_linux_net_deinit(&p->net);
    }
    if (p->element_open) {
        cli_se_close(&p->element);
    }
    if (p->rx != NULL) {
        cleat_wipe(p->rx, RX_CAP); /* It held a password. */
    }
    if (p->ws_buf != NULL) {
        cleat_wipe(p->ws_buf, CLI_PUBSUB_CHUNK); /* So did this. */
    }
    free(p->certificate);
    free(p->ws_buf);
    free(p->crl);
    free(p->ca);
    free(p->tx);
    free(p->rx);
    free(p->io);
    free(p->slots);
    free(p->qos2_ids);
    free(p->unacked);
    free(p->aliases);
    free(p->sent.head);
    free(p->received.head);
    for (int i = 0; i < 2; i++) {
        if (signal_pipe[i] >= 0) {
            close(signal_pipe[i]);
            signal_pipe[i] = -1;
        }
    }
    cli_pubsub_store_close(p); /* Last: until then the input is not done. */
}

/* ---- running it ---- */

static int sleep_ms(uint64_t due_ms) {
    uint64_t now = cleat_port_now_ms();
    if (due_ms == CLEAT_NEVER) {
        return -1;
    }
    if (due_ms <= now) {
        return 0;
    }
    return due_ms - now > 60000 ? 60000 : (int)(due_ms - now);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static bool take_signal(void) {
    char c;
    if (signalled == 0) {
        return false;
    }
    while (read(signal_pipe[0], &c, 1) > 0) {
    }
    signalled = 0;
    return true;
}

static enum cli_pubsub_wake sleep_until(struct cli_pubsub *p,
                                        const struct cli_pubsub_wants *wants,
                                        uint64_t due_ms) {
    enum { NET, SIGNALS, INPUT, OUTPUT, COUNT };
    short events = cleat_linux_net_events(&p->net);
    struct pollfd fds[COUNT] = {
        {events == 0 ? -1 : cleat_linux_net_fd(&p->net), events, 0},
        {signal_pipe[0], POLLIN, 0},
        {wants->input ? STDIN_FILENO : -1, POLLIN, 0},
        {wants->output ? STDOUT_FILENO : -1, 0, 0},
    };
    if (poll(fds, COUNT, sleep_ms(due_ms)) <= 0) {
        return CLI_WAKE_NONE;
    }
    if ((fds[OUTPUT].revents & POLLERR) != 0) {
        return CLI_WAKE_STDOUT;
    }
    return fds[INPUT].revents != 0 ? CLI_WAKE_STDIN : CLI_WAKE_NONE;
}

void cli_pubsub_stop(struct cli_pubsub *p) {
    const struct cli_props *props = &p->o->props[CLI_PROPS_DISCONNECT];
    uint64_t now = cleat_port_now_ms();
    if (props->count > 0 && cleat_mqtt_is_connected(&p->session)) {
        int err = cleat_mqtt_disconnect_with(&p->session, 0, props->items,
                                             props->count, now);
        if (err != CLEAT_OK && err != CLEAT_ERR_STATE) {
            cli_pubsub_say(p->o, "-D disconnect: %s", cleat_strerror(err));
            p->status = CLI_PUBSUB_FAILED;
        }
    }
    if (!p->o->publishing && p->linger_fd == 0 &&
        cleat_mqtt_is_connected(&p->session)) {
        p->linger_fd = fcntl(cleat_linux_net_fd(&p->net), F_DUPFD_CLOEXEC, 3);
    }
    cleat_client_stop(&p->client, now);
}

bool cli_pubsub_is_busy(struct cli_pubsub *p) {
    return cleat_client_is_busy(&p->client) ||
           (p->store_open && cleat_keeper_kept(&p->keeper) > 0);
}

bool cli_pubsub_is_heard(struct cli_pubsub *p) {
    struct pollfd fd = {cleat_linux_net_fd(&p->net), POLLIN, 0};
    return poll(&fd, 1, 0) > 0;
}

enum cli_pubsub_wake cli_pubsub_wait(struct cli_pubsub *p,
                                     const struct cli_pubsub_wants *wants,
                                     struct cleat_client_event *event) {
    uint64_t now = cleat_port_now_ms();
    if (p->store_open && !p->store_failed && !cli_pubsub_store_feed(p)) {
        p->store_failed = true;
        p->status = CLI_PUBSUB_FAILED;
        cli_pubsub_stop(p);
    }
    uint64_t due = cleat_client_step(&p->client, now);
    if (cleat_client_event(&p->client, event, now)) {
        return CLI_WAKE_EVENT;
    }
    if (take_signal()) {
        return CLI_WAKE_SIGNAL;
    }
    if (wants->room && !cli_pubsub_is_busy(p)) {
        return CLI_WAKE_NONE;
    }
    due = earlier(due, cleat_linux_net_deadline(&p->net));
    if (due > now) {
        cleat_linux_net_rest(&p->net);
    }
    return sleep_until(p, wants, earlier(due, wants->until_ms));
}
