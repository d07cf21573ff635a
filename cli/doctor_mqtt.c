/* SPDX-License-Identifier: MIT */
/*
 * The last two steps of `cleat doctor`: CONNECT and a message there and back.
 * MQTT 3.1.1 says little when a broker refuses, so what it says nothing about
 * is found by trying once more with one thing changed.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cleat/linux_random.h"
#include "cleat/port.h"
#include "doctor.h"

#define SHORT_KEEP_ALIVE_S 30
#define LONG_KEEP_ALIVE_S 60

/* ---- one connection ---- */

static void on_message(struct cli_doctor_talk *t,
                       const struct cleat_mqtt_event *e) {
    struct cleat_bytes nonce = cleat_bytes_str(t->nonce);
    if (t->message != NULL) {
        t->message(t->message_arg, e);
    }
    if (e->offset == 0 && e->last && nonce.len > 0 &&
        cleat_bytes_equal(e->payload, nonce)) {
        t->echoed = true;
    } else if (e->last) {
        t->others++;
    }
}

/* @return what all filters got at least, or that one was refused. */
static uint8_t lowest(struct cleat_bytes codes) {
    uint8_t qos = codes.len > 0 ? 2 : (uint8_t)CLEAT_MQTT_SUBACK_REFUSED;
    for (size_t i = 0; i < codes.len; i++) {
        if (codes.data[i] == CLEAT_MQTT_SUBACK_REFUSED) {
            return codes.data[i];
        }
        qos = codes.data[i] < qos ? codes.data[i] : qos;
    }
    return qos;
}

static void on_event(struct cli_doctor_talk *t,
                     const struct cleat_mqtt_event *e) {
    switch (e->type) {
    case CLEAT_MQTT_CONNECTED:
        t->connected = true;
        t->session_present = e->session_present;
        break;
    case CLEAT_MQTT_REFUSED:
        t->end = CLI_DOCTOR_TALK_REFUSED;
        t->code = e->code;
        break;
    case CLEAT_MQTT_SUBSCRIBED:
        t->subscribed = true;
        t->granted = lowest(e->codes);
        break;
    case CLEAT_MQTT_DELIVERED:
        t->delivered = true;
        break;
    case CLEAT_MQTT_MESSAGE:
        on_message(t, e);
        break;
    case CLEAT_MQTT_FAILED:
        t->end = e->err == CLEAT_ERR_TIMEOUT ? CLI_DOCTOR_TALK_SILENT
                                             : CLI_DOCTOR_TALK_PROTO;
        t->err = e->err;
        t->detail = e->detail;
        break;
    case CLEAT_MQTT_CLOSED:
        t->end = CLI_DOCTOR_TALK_CLOSED;
        break;
    default:
        break;
    }
}

static void drain(struct cli_doctor_talk *t, uint64_t now) {
    struct cleat_mqtt_event e;
    while (t->end == CLI_DOCTOR_TALK_OK &&
           cleat_mqtt_event(&t->session, &e, now)) {
        on_event(t, &e);
    }
}

/* An end without a word: by FIN or by reset, as luck will have it. A TLS alert
 * says more. */
static void stream_ended(struct cli_doctor *d, int err) {
    struct cleat_detail tcp = {0};
    struct cleat_stream *net = cleat_linux_net_stream(&d->net);
    net->detail(net->self, &tcp);
    bool alert =
        d->tls_ready && cleat_tls_get_failure(&d->tls) == CLEAT_TLS_REFUSED;
    bool cut =
        err == CLEAT_ERR_CLOSED || tcp.code == ECONNRESET || tcp.code == EPIPE;
    d->talk.err = err;
    d->talk.end =
        cut && !alert ? CLI_DOCTOR_TALK_CLOSED : CLI_DOCTOR_TALK_STREAM;
}

static void send_out(struct cli_doctor *d, uint64_t now) {
    struct cli_doctor_talk *t = &d->talk;
    for (;;) {
        struct cleat_bytes out = cleat_mqtt_output(&t->session);
        if (out.len == 0 || t->end != CLI_DOCTOR_TALK_OK) {
            return;
        }
        int n = d->stream->write(d->stream->self, out.data, out.len);
        if (n == CLEAT_ERR_AGAIN) {
            return;
        }
        if (n < 0) {
            stream_ended(d, n);
            return;
        }
        cleat_mqtt_output_done(&t->session, (size_t)n, now);
    }
}

/* @return false when nothing more can be taken now. */
static bool take_in(struct cli_doctor *d, uint64_t now) {
    struct cli_doctor_talk *t = &d->talk;
    if (t->io_pos == t->io_len) {
        int n = d->stream->read(d->stream->self, t->io, sizeof t->io);
        if (n == CLEAT_ERR_AGAIN) {
            return false;
        }
        if (n < 0) {
            stream_ended(d, n);
            return false;
        }
        t->io_pos = 0;
        t->io_len = (size_t)n;
    }
    int n = cleat_mqtt_input(
        &t->session, cleat_bytes_of(t->io + t->io_pos, t->io_len - t->io_pos),
        now);
    if (n > 0) {
        t->io_pos += (size_t)n;
    }
    bool event = cleat_mqtt_has_event(&t->session);
    drain(t, now);
    return t->end == CLI_DOCTOR_TALK_OK && (n > 0 || event);
}

/* Ended by a signal, the doctor says DISCONNECT first: else the broker
 * publishes the device's will, and all who listen take it for lost. */
static volatile sig_atomic_t asked_to_end;

static void on_signal(int number) {
    asked_to_end = number;
}

static void catch_signals(bool catch) {
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++) {
        struct sigaction now;
        struct sigaction next = {.sa_handler = catch ? on_signal : SIG_DFL};
        if (sigaction(numbers[i], NULL, &now) == 0 &&
            now.sa_handler != SIG_IGN) {
            (void)sigaction(numbers[i], &next, NULL);
        }
    }
}

static void end_if_asked(struct cli_doctor *d) {
    int number = asked_to_end;
    if (number != 0) {
        asked_to_end = 0;
        cli_doctor_hang_up(d);
        (void)raise(number);
    }
}

enum cli_doctor_talk_end
cli_doctor_go_on(struct cli_doctor *d,
                 bool (*done)(const struct cli_doctor_talk *),
                 uint32_t wait_ms) {
    struct cli_doctor_talk *t = &d->talk;
    uint64_t now = cleat_port_now_ms();
    const uint64_t limit = now + wait_ms;
    for (;;) {
        end_if_asked(d);
        send_out(d, now);
        while (t->end == CLI_DOCTOR_TALK_OK && take_in(d, now)) {
            send_out(d, now);
        }
        drain(t, now);
        bool over = done != NULL && done(t);
        if (over || t->end != CLI_DOCTOR_TALK_OK || now >= limit) {
            return t->end;
        }
        if (cleat_mqtt_output(&t->session).len == 0) {
            uint64_t due = cleat_mqtt_deadline(&t->session);
            cli_doctor_wait(d, due < limit ? due : limit);
        } else {
            cli_doctor_wait(d, now + 50);
        }
        now = cleat_port_now_ms();
    }
}

static bool is_connected(const struct cli_doctor_talk *t) {
    return t->connected;
}

static int init_session(struct cli_doctor *d,
                        const struct cli_doctor_variation *v) {
    const struct cleat_settings *s = d->s;
    struct cli_doctor_talk *t = &d->talk;
    struct cleat_mqtt_config *c = &t->config;
    c->client_id = cleat_bytes_str(d->client_id);
    if (s->mqtt_username[0] != '\0') {
        c->username = cleat_bytes_str(s->mqtt_username);
    }
    if (s->mqtt_password[0] != '\0') {
        c->password = cleat_bytes_str(s->mqtt_password);
    }
    if (s->enable_lwt_message && !v->no_will) {
        c->will.topic = cleat_bytes_str(s->mqtt_will_topic_name);
        c->will.payload = cleat_bytes_str(s->mqtt_will_message);
        c->will.qos = (uint8_t)s->mqtt_will_qos;
        c->will.retain = s->mqtt_will_retain != 0;
    }
    c->keep_alive_s = v->keep_alive_s != 0
                          ? v->keep_alive_s
                          : (uint16_t)s->mqtt_keep_alive_seconds;
    c->keep_alive_off = c->keep_alive_s == 0;
    c->clean_session = s->mqtt_clean_session != 0;
    c->timeout_ms = s->mqtt_timeout_ms;
    c->tx_buf = t->tx;
    c->tx_cap = sizeof t->tx;
    c->slots = t->slots;
    c->slot_count = sizeof t->slots / sizeof t->slots[0];
    c->rx_buf = t->rx;
    c->rx_cap = sizeof t->rx;
    c->qos2_ids = t->qos2_ids;
    c->qos2_count = sizeof t->qos2_ids / sizeof t->qos2_ids[0];
    return cleat_mqtt_init(&t->session, c);
}

enum cli_doctor_talk_end
cli_doctor_connect(struct cli_doctor *d,
                   const struct cli_doctor_variation *variation, bool fresh) {
    struct cli_doctor_talk *t = &d->talk;
    cleat_wipe(t, sizeof *t);
    int err = CLEAT_OK;
    if (!fresh) {
        d->stream->close(d->stream->self);
        err = cli_doctor_open_stream(d);
    }
    if (err == CLEAT_OK) {
        err = init_session(d, variation);
    }
    if (err == CLEAT_OK) {
        catch_signals(true);
        err = cleat_mqtt_connect(&t->session, cleat_port_now_ms());
    }
    if (err != CLEAT_OK) {
        t->err = err;
        t->end = CLI_DOCTOR_TALK_STREAM;
        return t->end;
    }
    (void)cli_doctor_go_on(d, is_connected, 2 * d->s->mqtt_timeout_ms);
    if (t->end == CLI_DOCTOR_TALK_OK && !t->connected) {
        t->end = CLI_DOCTOR_TALK_SILENT;
    }
    if (t->end != CLI_DOCTOR_TALK_OK) {
        catch_signals(false);
    }
    return t->end;
}

void cli_doctor_hang_up(struct cli_doctor *d) {
    catch_signals(false);
    if (d->talk.connected && d->talk.end == CLI_DOCTOR_TALK_OK &&
        cleat_mqtt_disconnect(&d->talk.session, cleat_port_now_ms()) ==
            CLEAT_OK) {
        (void)cli_doctor_go_on(d, NULL, 1000);
    }
    d->stream->close(d->stream->self);
}

/* ---- CONNECT ---- */

/* Is it only this that the broker does not like? */
static bool goes_with(struct cli_doctor *d,
                      const struct cli_doctor_variation *v) {
    bool goes = cli_doctor_connect(d, v, false) == CLI_DOCTOR_TALK_OK;
    cli_doctor_hang_up(d);
    return goes;
}

static const char *end_words(const struct cli_doctor_talk *t, char *out,
                             size_t cap) {
    if (t->end == CLI_DOCTOR_TALK_REFUSED) {
        snprintf(out, cap, "CONNACK %u: %s", t->code,
                 cleat_mqtt_connack_text(t->code));
    } else if (t->end == CLI_DOCTOR_TALK_CLOSED) {
        snprintf(out, cap, "the connection was closed");
    } else if (t->end == CLI_DOCTOR_TALK_SILENT) {
        snprintf(out, cap, "nothing came in time");
    } else {
        snprintf(out, cap, "%s",
                 t->detail.text != NULL ? t->detail.text
                                        : cleat_strerror(t->err));
    }
    return out;
}

/* @return a cause that an experiment proved, or NULL. */
static const char *try_without(struct cli_doctor *d, bool code_2, bool closed) {
    const struct cleat_settings *s = d->s;
    uint32_t now_s = s->mqtt_keep_alive_seconds;
    struct cli_doctor_variation v = {0};
    if (s->enable_lwt_message) {
        v.no_will = true;
        if (goes_with(d, &v)) {
            return "mqtt-will";
        }
        v.no_will = false;
    }
    if ((code_2 || closed) && (now_s == 0 || now_s > SHORT_KEEP_ALIVE_S)) {
        v.keep_alive_s = now_s == 0 || now_s > LONG_KEEP_ALIVE_S
                             ? LONG_KEEP_ALIVE_S
                             : SHORT_KEEP_ALIVE_S;
        if (goes_with(d, &v)) {
            return "mqtt-keep-alive";
        }
    }
    return NULL;
}

static bool connect_failed(struct cli_doctor *d) {
    static const char *const codes[] = {
        "mqtt-other",       "mqtt-version",  "mqtt-client-id",
        "mqtt-unavailable", "mqtt-password", "mqtt-not-authorized"};
    char words[200];
    const enum cli_doctor_talk_end end = d->talk.end;
    const uint8_t code = d->talk.code;
    if (end == CLI_DOCTOR_TALK_STREAM) {
        return cli_doctor_stream_broken(d, d->talk.err);
    }
    end_words(&d->talk, words, sizeof words);
    bool refused = end == CLI_DOCTOR_TALK_REFUSED;
    bool closed = end == CLI_DOCTOR_TALK_CLOSED;
    const char *id = NULL;
    if (refused || closed) {
        id = try_without(d, refused && code == 2, closed);
    }
    if (id == NULL && refused) {
        id = code < sizeof codes / sizeof codes[0] ? codes[code] : codes[0];
    } else if (id == NULL) {
        id = closed                          ? "mqtt-closed"
             : end == CLI_DOCTOR_TALK_SILENT ? "mqtt-silent"
                                             : "mqtt-other";
    }
    return cli_doctor_broken(d, id, "as %s: %s", d->client_id, words);
}

bool cli_doctor_mqtt(struct cli_doctor *d) {
    const struct cli_doctor_variation as_set = {0};
    if (d->client_id_asked != NULL) {
        snprintf(d->client_id, sizeof d->client_id, "%s", d->client_id_asked);
    } else {
        cli_client_id(d->s, cleat_bytes_of(d->uid, d->uid_len),
                      cleat_bytes_of(d->certificate, d->certificate_len),
                      d->client_id, sizeof d->client_id);
    }
    if (cli_doctor_connect(d, &as_set, true) != CLI_DOCTOR_TALK_OK) {
        return connect_failed(d);
    }
    cli_doctor_say(d, "accepted as %s, %s, keep-alive %lu s%s", d->client_id,
                   d->talk.session_present ? "session kept" : "new session",
                   (unsigned long)d->s->mqtt_keep_alive_seconds,
                   d->s->enable_lwt_message ? ", with the will" : "");
    return true;
}

/* ---- there and back ---- */

static bool is_subscribed(const struct cli_doctor_talk *t) {
    return t->subscribed;
}

static bool is_through(const struct cli_doctor_talk *t) {
    return t->delivered && t->echoed;
}

static bool is_delivered(const struct cli_doctor_talk *t) {
    return t->delivered;
}

static void subscribe(struct cli_doctor *d, uint8_t qos) {
    const struct cleat_mqtt_filter f = {cleat_bytes_str(d->s->mqtt_sub_topic),
                                        qos};
    (void)cleat_mqtt_subscribe(&d->talk.session, &f, 1, cleat_port_now_ms());
    (void)cli_doctor_go_on(d, is_subscribed, 2 * d->s->mqtt_timeout_ms);
}

static bool echo_expected(const struct cli_doctor *d) {
    return cleat_mqtt_topic_match(cleat_bytes_str(d->s->mqtt_sub_topic),
                                  cleat_bytes_str(d->s->mqtt_pub_topic));
}

static void publish(struct cli_doctor *d, uint8_t qos) {
    struct cli_doctor_talk *t = &d->talk;
    uint8_t bits[8] = {0};
    (void)cleat_linux_random(NULL, bits, sizeof bits);
    size_t n = (size_t)snprintf(t->nonce, sizeof t->nonce, "cleat doctor ");
    for (size_t i = 0; i < sizeof bits; i++) {
        n += (size_t)snprintf(t->nonce + n, sizeof t->nonce - n, "%02x",
                              bits[i]);
    }
    t->delivered = qos == 0;
    (void)cleat_mqtt_publish(&t->session, cleat_bytes_str(d->s->mqtt_pub_topic),
                             cleat_bytes_str(t->nonce), qos, false,
                             cleat_port_now_ms());
    (void)cli_doctor_go_on(d, echo_expected(d) ? is_through : is_delivered,
                           2 * d->s->mqtt_timeout_ms);
}

/* Does it stand when nothing is said? If not, somebody else cuts it. */
static bool cut_while_idle(struct cli_doctor *d) {
    const struct cli_doctor_variation as_set = {0};
    if (cli_doctor_connect(d, &as_set, false) != CLI_DOCTOR_TALK_OK) {
        return false;
    }
    bool cut = cli_doctor_go_on(d, NULL, d->hold_ms) == CLI_DOCTOR_TALK_CLOSED;
    cli_doctor_hang_up(d);
    return cut;
}

static bool goes_with_qos_1(struct cli_doctor *d) {
    const struct cli_doctor_variation as_set = {0};
    if (cli_doctor_connect(d, &as_set, false) != CLI_DOCTOR_TALK_OK) {
        return false;
    }
    subscribe(d, 1);
    if (d->talk.end == CLI_DOCTOR_TALK_OK) {
        publish(d, 1);
    }
    bool goes = d->talk.end == CLI_DOCTOR_TALK_OK && d->talk.delivered;
    cli_doctor_hang_up(d);
    return goes;
}

/* The broker hung up in the middle: upon what? */
static bool closed_upon(struct cli_doctor *d, const char *what,
                        const char *id) {
    char words[200];
    end_words(&d->talk, words, sizeof words);
    if (d->talk.end == CLI_DOCTOR_TALK_STREAM) {
        return cli_doctor_stream_broken(d, d->talk.err);
    }
    if (d->talk.end == CLI_DOCTOR_TALK_CLOSED) {
        if (cut_while_idle(d)) {
            id = "client-id-taken";
        } else if (d->s->mqtt_messages_qos == 2 && goes_with_qos_1(d)) {
            id = "publish-qos";
        }
    } else if (d->talk.end != CLI_DOCTOR_TALK_SILENT) {
        id = "trip-broken";
    }
    return cli_doctor_broken(d, id, "%s: %s", what, words);
}

static bool check_subscription(struct cli_doctor *d, uint8_t qos) {
    const struct cli_doctor_talk *t = &d->talk;
    bool silent = t->end == CLI_DOCTOR_TALK_SILENT ||
                  (t->end == CLI_DOCTOR_TALK_OK && !t->subscribed);
    if (silent) {
        return cli_doctor_broken(d, "subscribe-silent", "no SUBACK for %s",
                                 d->s->mqtt_sub_topic);
    }
    if (t->end != CLI_DOCTOR_TALK_OK) {
        return closed_upon(d, "SUBSCRIBE", "subscribe-closed");
    }
    if (t->granted == CLEAT_MQTT_SUBACK_REFUSED) {
        return cli_doctor_broken(d, "subscribe-denied", "SUBACK 0x80 for %s",
                                 d->s->mqtt_sub_topic);
    }
    if (t->granted < qos) {
        cli_doctor_warn(d, "only QoS %u is granted, %u was asked for; ",
                        t->granted, qos);
    }
    return true;
}

static bool check_message(struct cli_doctor *d) {
    const struct cli_doctor_talk *t = &d->talk;
    const char *topic = d->s->mqtt_pub_topic;
    if (t->end == CLI_DOCTOR_TALK_SILENT ||
        (t->end == CLI_DOCTOR_TALK_OK && !t->delivered)) {
        return cli_doctor_broken(d, "publish-silent",
                                 "no acknowledgement of QoS %lu on %s",
                                 (unsigned long)d->s->mqtt_messages_qos, topic);
    }
    if (t->end != CLI_DOCTOR_TALK_OK) {
        return closed_upon(d, "PUBLISH", "publish-closed");
    }
    if (!echo_expected(d)) {
        cli_doctor_warn(d,
                        "published on %s; MQTT_SUB_TOPIC does not cover it, so "
                        "no echo is awaited; ",
                        topic);
        return true;
    }
    if (!t->echoed) {
        return cli_doctor_broken(d, "no-echo", "published on %s, nothing on %s",
                                 topic, d->s->mqtt_sub_topic);
    }
    return true;
}

bool cli_doctor_round_trip(struct cli_doctor *d) {
    const uint8_t qos = (uint8_t)d->s->mqtt_messages_qos;
    uint64_t begin = cleat_port_now_ms();
    subscribe(d, qos);
    if (!check_subscription(d, qos)) {
        return false;
    }
    if (d->no_publish) {
        cli_doctor_hang_up(d);
        cli_doctor_say(d, "subscribed to %s; nothing published (--no-publish)",
                       d->s->mqtt_sub_topic);
        return true;
    }
    publish(d, qos);
    if (!check_message(d)) {
        return false;
    }
    uint64_t took = cleat_port_now_ms() - begin;
    if (cli_doctor_go_on(d, NULL, d->hold_ms) != CLI_DOCTOR_TALK_OK) {
        return closed_upon(d, "waiting", "trip-broken");
    }
    uint32_t others = d->talk.others;
    cli_doctor_hang_up(d);
    cli_doctor_say(d, "%s with QoS %u in %lu ms; the connection holds",
                   d->s->mqtt_pub_topic, qos, (unsigned long)took);
    if (others > 0) {
        cli_doctor_warn(d,
                        "; %lu other messages were taken from the device's "
                        "session",
                        (unsigned long)others);
    }
    return true;
}
