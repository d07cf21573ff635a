/* SPDX-License-Identifier: MIT */
/* -L of `cleat pub` and `cleat sub`: one URL for host, port, login, and the
 * topic or the path of a WebSocket, taken apart in a copy of its own. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "pubsub.h"

/* USER:PASSWORD, cut in place. */
static void take_login(struct cli_pubsub_options *o, char *login) {
    char *colon = strchr(login, ':');
    o->user = login;
    if (colon != NULL) {
        *colon = '\0';
        o->password = colon + 1;
    }
}

static bool take_host(struct cli_pubsub_options *o, char *host) {
    char *port = strrchr(host, ':');
    if (host[0] == '[') { /* an IPv6 address: [::1]:1883 */
        char *end = strchr(host, ']');
        if (end == NULL) {
            cli_error("-L: \"%s\": no ] after the address", host);
            return false;
        }
        port = end[1] == ':' ? end + 1 : NULL;
        *end = '\0';
        host++;
    }
    if (port != NULL) {
        *port = '\0';
        if (!cli_pubsub_number16("-L, port", port + 1, 1, &o->port)) {
            return false;
        }
    }
    if (host[0] != '\0') {
        o->host = host;
    }
    return true;
}

/* What the scheme says. @return the rest, or NULL. */
static const char *take_scheme(struct cli_pubsub_options *o, const char *text) {
    static const struct {
        const char *name;
        bool tls, ws;
    } schemes[] = {{"mqtt://", false, false},
                   {"mqtts://", true, false},
                   {"ws://", false, true},
                   {"wss://", true, true}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i].name);
        if (strncmp(text, schemes[i].name, n) == 0) {
            o->url_tls = schemes[i].tls;
            o->ws_path = schemes[i].ws ? "/mqtt" : NULL;
            return text + n;
        }
    }
    return NULL;
}

/* Behind the host is the topic, or the path of a WebSocket. */
static bool take_path(struct cli_pubsub_options *o, char *slash) {
    if (o->ws_path == NULL) {
        return cli_pubsub_add_text(&o->topics, slash + 1);
    }
    if (slash != NULL && slash[1] != '\0') {
        o->ws_text = strdup(slash);
        o->ws_path = o->ws_text;
    }
    return o->ws_path != NULL;
}

bool cli_pubsub_url(struct cli_pubsub_options *o, const char *text) {
    const char *rest = o->url == NULL ? take_scheme(o, text) : NULL;
    char *slash = NULL;
    if (rest != NULL && (o->url = strdup(rest)) != NULL) {
        o->url_len = strlen(rest);
        slash = strchr(o->url, '/');
    }
    bool has_topic = slash != NULL && slash[1] != '\0';
    if (o->url == NULL || rest == NULL || !(has_topic || o->ws_path != NULL)) {
        cli_error("-L: give it once, as "
                  "mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC or "
                  "ws[s]://[USER[:PASSWORD]@]HOST[:PORT][/PATH]");
        return false;
    }
    if (!take_path(o, slash)) {
        return false;
    }
    char *host = o->url;
    if (slash != NULL) { /* The topic keeps its place behind it. */
        *slash = '\0';
    }
    char *at = strrchr(o->url, '@');
    if (at != NULL) {
        *at = '\0';
        take_login(o, o->url);
        host = at + 1;
    }
    return take_host(o, host);
}
