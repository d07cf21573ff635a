/* SPDX-License-Identifier: MIT */
/*
 * How a connection of `cleat pub` and `cleat sub` ended, in words, and whether
 * that is the end of the program: refusals, failures, retries.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "pubsub.h"

static enum cleat_tls_failure tls_failure(const struct cli_pubsub *p) {
    return p->tls_ready ? cleat_tls_get_failure(&p->tls) : CLEAT_TLS_FINE;
}

/* What TCP itself has to say, under TLS too. */
static struct cleat_detail tcp_detail(struct cli_pubsub *p) {
    struct cleat_detail d = {0};
    struct cleat_stream *tcp = cleat_linux_net_stream(&p->net);
    tcp->detail(tcp->self, &d);
    return d;
}

static void describe(struct cli_pubsub *p, const struct cleat_client_event *e,
                     char *out, size_t cap) {
    struct cleat_detail d = e->detail;
    enum cleat_tls_failure kind = tls_failure(p);
    if (kind == CLEAT_TLS_FINE) {
        snprintf(out, cap, "%s",
                 d.text != NULL ? d.text : cleat_strerror(e->err));
    } else {
        cleat_tls_explain(&p->tls, out, cap);
    }
    if (kind == CLEAT_TLS_LOWER) {
        d = tcp_detail(p);
    }
    if (d.layer == CLEAT_LAYER_NET && d.code > 0 &&
        strcasestr(out, strerror(d.code)) == NULL) {
        size_t n = strlen(out);
        snprintf(out + n, cap - n, " (%s)", strerror(d.code));
    }
}

/* A server that does not know the client's CA says so in an alert, and hangs
 * up: if we were still sending, the alert may be lost. */
static bool hung_up(struct cli_pubsub *p) {
    int32_t code = tcp_detail(p).code;
    return tls_failure(p) == CLEAT_TLS_LOWER &&
           (code == EPIPE || code == ECONNRESET);
}

static const char *remedy(struct cli_pubsub *p) {
    enum cleat_tls_failure kind = tls_failure(p);
    bool rsa = kind == CLEAT_TLS_NO_COMMON || kind == CLEAT_TLS_BAD_CERTIFICATE;
    if (rsa && !p->o->allow_rsa) {
        return "; if the broker's certificate is RSA, give --allow-rsa";
    }
    if (kind == CLEAT_TLS_UNKNOWN_CA) {
        return "; is it the right --cafile?";
    }
    if (kind == CLEAT_TLS_REFUSED || kind == CLEAT_TLS_CLOSED || hung_up(p)) {
        return "; does the broker know the CA of this certificate (`cleat "
               "chip cert`)?";
    }
    return "";
}

static void say_down(struct cli_pubsub *p, const struct cleat_client_event *e,
                     bool retries) {
    char why[512] = "";
    describe(p, e, why, sizeof why);
    const char *what = e->was_up ? "connection lost" : "cannot connect";
    if (retries) {
        cli_pubsub_say(p->o, "%s:%u: %s: %s; trying again in %.1f s",
                       p->o->host, (unsigned)p->o->port, what, why,
                       (double)e->retry_in_ms / 1000.0);
        return;
    }
    cli_pubsub_say(p->o, "%s:%u: %s: %s%s", p->o->host, (unsigned)p->o->port,
                   what, why, remedy(p));
}

static void say_connected(const struct cli_pubsub *p) {
    struct cleat_tls_info tls;
    if (!p->o->debug || !p->tls_ready) {
        return;
    }
    cleat_tls_get_info(&p->tls, &tls);
    printf("Client %s over %s %s, curve %s%s; done by the secure element: %lu "
           "key pair, %lu shared secret, %lu signature, %lu verifications, "
           "%lu random\n",
           p->o->id, tls.version, tls.suite, tls.curve,
           tls.resumed ? ", resumed" : "", (unsigned long)tls.calls->generate,
           (unsigned long)tls.calls->agree, (unsigned long)tls.calls->sign,
           (unsigned long)tls.calls->verify, (unsigned long)tls.calls->random);
}

/* MQTT 5: the broker sends us elsewhere. */
static void say_reference(const struct cli_pubsub *p,
                          const struct cleat_mqtt_event *e) {
    struct cleat_mqtt_property ref;
    if (cleat_mqtt_property_find(e->props, CLEAT_MQTT_SERVER_REFERENCE, &ref)) {
        cli_pubsub_say(p->o, "%s:%u: the broker names another server: %.*s",
                       p->o->host, (unsigned)p->o->port, (int)ref.text.len,
                       (const char *)ref.text.data);
    }
}

/* What an authentication method wants to hear depends on the method, and we
 * know none: those of one step need no answer. */
static bool asked(struct cli_pubsub *p, const struct cleat_mqtt_event *e) {
    struct cleat_mqtt_property method = {.text = {NULL, 0}};
    (void)cleat_mqtt_property_find(e->props, CLEAT_MQTT_AUTH_METHOD, &method);
    cli_pubsub_say(p->o,
                   "%s:%u: the broker wants an answer in authentication method "
                   "\"%.*s\"; only methods of one step are known here",
                   p->o->host, (unsigned)p->o->port, (int)method.text.len,
                   (const char *)method.text.data);
    p->status = CLI_PUBSUB_FAILED;
    return true;
}

static bool refused(struct cli_pubsub *p, uint8_t code) {
    cli_pubsub_say(p->o, "%s:%u: %s", p->o->host, (unsigned)p->o->port,
                   code < 0x80 ? cleat_mqtt_connack_text(code)
                               : cleat_mqtt_reason_text(code));
    p->status = code;
    return true;
}

/* MQTT 5: the same server would say the same again (0x9D, server moved), or
 * another process has this client ID, and the two would take the session from
 * each other for ever (0x8E). */
static bool is_final(const struct cleat_client_event *e) {
    return e->detail.layer == CLEAT_LAYER_MQTT &&
           (e->detail.code == 0x9D || e->detail.code == 0x8E);
}

static bool down(struct cli_pubsub *p, const struct cleat_client_event *e) {
    bool retries = e->type == CLEAT_CLIENT_DOWN && p->reconnects &&
                   (p->was_connected || p->store_open) && !is_final(e);
    say_down(p, e, retries);
    if (!retries) {
        p->status = CLI_PUBSUB_FAILED;
    }
    return !retries;
}

bool cli_pubsub_ended(struct cli_pubsub *p,
                      const struct cleat_client_event *event) {
    switch (event->type) {
    case CLEAT_CLIENT_MQTT:
        if (event->mqtt.type == CLEAT_MQTT_REFUSED ||
            event->mqtt.type == CLEAT_MQTT_FAILED) {
            say_reference(p, &event->mqtt);
        }
        if (event->mqtt.type == CLEAT_MQTT_AUTH) {
            return asked(p, &event->mqtt);
        }
        if (event->mqtt.type == CLEAT_MQTT_REFUSED) {
            return refused(p, event->mqtt.code);
        }
        if (event->mqtt.type == CLEAT_MQTT_CONNECTED) {
            p->was_connected = true;
            say_connected(p);
        }
        return false;
    case CLEAT_CLIENT_DOWN:
    case CLEAT_CLIENT_GAVE_UP:
        return down(p, event);
    case CLEAT_CLIENT_STOPPED:
        if (event->err != CLEAT_OK && p->status == CLI_OK) {
            cli_pubsub_say(p->o,
                           "the connection broke before DISCONNECT was "
                           "sent: %s",
                           cleat_strerror(event->err));
            p->status = CLI_PUBSUB_FAILED;
        }
        return true;
    default:
        return false;
    }
}
