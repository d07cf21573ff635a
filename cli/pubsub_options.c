/* SPDX-License-Identifier: MIT */
/*
 * The command line of `cleat pub` and `cleat sub`: mosquitto's flags under
 * mosquitto's names. Everything is checked here, before a byte is sent.
 */
#define _POSIX_C_SOURCE 200809L
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pubsub.h"
#include "pubsub_format.h"

/* Values above any character, for options without a short form. */
enum {
    OPT_HELP = 0x100,
    OPT_WILL_TOPIC,
    OPT_WILL_PAYLOAD,
    OPT_WILL_QOS,
    OPT_WILL_RETAIN,
    OPT_CAFILE,
    OPT_ALPN,
    OPT_QUIET,
    OPT_CHIP,
    OPT_KEY_OBJECT,
    OPT_CERT_OBJECT,
    OPT_ALLOW_RSA,
    OPT_SHIELD,
    OPT_TLS_VERSION,
    OPT_TLS_RESUME,
    OPT_TLS_SESSION_FILE,
    OPT_CRLFILE,
    OPT_REPEAT,
    OPT_REPEAT_DELAY,
    OPT_RETAINED_ONLY,
    OPT_NODELAY,
    OPT_STORE,
    OPT_UNIX,
    OPT_REMOVE_RETAINED,
    OPT_RANDOM_FILTER,
    OPT_RETAIN_AS_PUBLISHED,
    OPT_PRETTY,
    OPT_STORE_SYNC,
    OPT_REFUSED /* one of refused[] that would pass as an abbreviation */
};

#define COMMON_SHORT ":h:p:t:q:i:I:ck:u:P:dV:L:M:A:D:x:"
#define PUB_SHORT COMMON_SHORT "m:nsf:lr"
#define SUB_SHORT COMMON_SHORT "C:W:NvRT:U:EF:"

#define COMMON_LONGS                                                           \
    {"help", no_argument, NULL, OPT_HELP}, {"host", 1, NULL, 'h'},             \
        {"port", 1, NULL, 'p'}, {"topic", 1, NULL, 't'},                       \
        {"qos", 1, NULL, 'q'}, {"id", 1, NULL, 'i'},                           \
        {"id-prefix", 1, NULL, 'I'}, {"disable-clean-session", 0, NULL, 'c'},  \
        {"keepalive", 1, NULL, 'k'}, {"username", 1, NULL, 'u'},               \
        {"pw", 1, NULL, 'P'}, {"debug", 0, NULL, 'd'},                         \
        {"protocol-version", 1, NULL, 'V'}, {"url", 1, NULL, 'L'},             \
        {"max-inflight", 1, NULL, 'M'},                                        \
        {"will-topic", 1, NULL, OPT_WILL_TOPIC},                               \
        {"will-payload", 1, NULL, OPT_WILL_PAYLOAD},                           \
        {"will-qos", 1, NULL, OPT_WILL_QOS},                                   \
        {"will-retain", 0, NULL, OPT_WILL_RETAIN},                             \
        {"cafile", 1, NULL, OPT_CAFILE}, {"tls-alpn", 1, NULL, OPT_ALPN},      \
        {"quiet", 0, NULL, OPT_QUIET}, {"chip", 1, NULL, OPT_CHIP},            \
        {"key-object", 1, NULL, OPT_KEY_OBJECT},                               \
        {"cert-object", 1, NULL, OPT_CERT_OBJECT},                             \
        {"allow-rsa", 0, NULL, OPT_ALLOW_RSA}, {"property", 1, NULL, 'D'},     \
        {"shield", 1, NULL, OPT_SHIELD}, {"crlfile", 1, NULL, OPT_CRLFILE},    \
        {"tls-version", 1, NULL, OPT_TLS_VERSION},                             \
        {"tls-resume", 0, NULL, OPT_TLS_RESUME},                               \
        {"tls-session-file", 1, NULL, OPT_TLS_SESSION_FILE},                   \
        {"unix", 1, NULL, OPT_UNIX}, {"store", 1, NULL, OPT_STORE},            \
        {"store-sync", 1, NULL, OPT_STORE_SYNC},                               \
        {"nodelay", 0, NULL, OPT_NODELAY}, {"key", 1, NULL, OPT_REFUSED}, {    \
        "cert", 1, NULL, OPT_REFUSED                                           \
    }

static const struct option pub_longs[] = {
    COMMON_LONGS,
    {"message", 1, NULL, 'm'},
    {"null-message", 0, NULL, 'n'},
    {"stdin-file", 0, NULL, 's'},
    {"file", 1, NULL, 'f'},
    {"stdin-line", 0, NULL, 'l'},
    {"retain", 0, NULL, 'r'},
    {"repeat", 1, NULL, OPT_REPEAT},
    {"repeat-delay", 1, NULL, OPT_REPEAT_DELAY},
    {NULL, 0, NULL, 0}};

static const struct option sub_longs[] = {
    COMMON_LONGS,
    {"no-eol", 0, NULL, 'N'},
    {"verbose", 0, NULL, 'v'},
    {"no-retain", 0, NULL, 'R'},
    {"filter-out", 1, NULL, 'T'},
    {"unsubscribe", 1, NULL, 'U'},
    {"retained-only", 0, NULL, OPT_RETAINED_ONLY},
    {"remove-retained", 0, NULL, OPT_REMOVE_RETAINED},
    {"retain-as-published", 0, NULL, OPT_RETAIN_AS_PUBLISHED},
    {"random-filter", 1, NULL, OPT_RANDOM_FILTER},
    {"pretty", 0, NULL, OPT_PRETTY},
    {NULL, 0, NULL, 0}};

/* Flags of the originals that are not here, and what to do instead. */
static const struct {
    const char *name; /* "-x" or "--name" */
    const char *why;
} refused[] = {
    {"--cert", "the certificate is in the secure element: --chip"},
    {"--key", "the key is in the secure element: --chip"},
    {"--keyform", "the key is in the secure element: --chip"},
    {"--tls-engine", "the key is in the secure element: --chip"},
    {"--tls-engine-kpass-sha1", "the key is in the secure element: --chip"},
    {"--capath", "put the CAs into one file: --cafile"},
    {"--tls-use-os-certs", "name the CA: --cafile"},
    {"--insecure", "the broker's name is always checked"},
    {"--ciphers", "ECDHE-ECDSA with AES-GCM, with --allow-rsa ECDHE-RSA too"},
    {"--psk", "the identity is a certificate: --chip"},
    {"--psk-identity", "the identity is a certificate: --chip"},
    {"--proxy", "connect directly"},
    {"-S", "name the broker: -h"},
};

static const char *command(const struct cli_pubsub_options *o) {
    return o->publishing ? "pub" : "sub";
}

static bool wrong(const struct cli_pubsub_options *o) {
    fprintf(stderr, "`cleat %s --help` lists the options.\n", command(o));
    return false;
}

bool cli_pubsub_add_text(struct cli_texts *list, const char *text) {
    const char **items =
        realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL) {
        cli_error("out of memory");
        return false;
    }
    items[list->count++] = text;
    list->items = items;
    return true;
}

static bool number(const char *name, const char *text, unsigned long min,
                   unsigned long max, unsigned long *out) {
    char *end;
    *out = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || *out < min ||
        *out > max) {
        cli_error("%s: \"%s\" is not a number from %lu to %lu", name, text, min,
                  max);
        return false;
    }
    return true;
}

static bool number32(const char *name, const char *text, uint32_t min,
                     uint32_t max, uint32_t *out) {
    unsigned long v;
    bool ok = number(name, text, min, max, &v);
    *out = ok ? (uint32_t)v : 0;
    return ok;
}

bool cli_pubsub_number16(const char *name, const char *text, uint16_t min,
                         uint16_t *out) {
    uint32_t v;
    bool ok = number32(name, text, min, UINT16_MAX, &v);
    *out = (uint16_t)v;
    return ok;
}

static bool qos(const char *name, const char *text, uint8_t *out) {
    uint32_t v;
    bool ok = number32(name, text, 0, 2, &v);
    *out = (uint8_t)v;
    return ok;
}

static bool object(const char *name, const char *text, uint16_t *out) {
    int id = cleat_settings_object(text);
    if (id < 0) {
        cli_error("%s: \"%s\" is not an object as 0xE0F0", name, text);
        return false;
    }
    *out = (uint16_t)id;
    return true;
}

static bool keep_alive(struct cli_pubsub_options *o, const char *text) {
    if (!cli_pubsub_number16("-k", text, 0, &o->keep_alive_s)) {
        return false;
    }
    if (o->keep_alive_s > 0 && o->keep_alive_s < 5) {
        cli_error("-k: 0 (off), or 5 to 65535 seconds");
        return false;
    }
    o->keep_alive_off = o->keep_alive_s == 0;
    return true;
}

static bool version(struct cli_pubsub_options *o, const char *text) {
    if (strcmp(text, "mqttv5") == 0 || strcmp(text, "5") == 0) {
        o->v5 = true;
        return true;
    }
    if (strcmp(text, "mqttv311") == 0 || strcmp(text, "311") == 0) {
        return true;
    }
    cli_error("-V: \"%s\" is not offered; this client speaks MQTT 3.1.1 "
              "(mqttv311) and 5 (mqttv5)",
              text);
    return false;
}

static bool delay(struct cli_pubsub_options *o, const char *text) {
    char *end;
    double s = strtod(text, &end);
    if (end == text || *end != '\0' || !(s >= 0.0) || s > 4000000.0) {
        cli_error("--repeat-delay: \"%s\" is not a number of seconds", text);
        return false;
    }
    o->repeat_delay_ms = (uint32_t)(s * 1000.0);
    return true;
}

static bool percent(const char *text, uint32_t *out) {
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v >= 0.1) || v > 100.0) {
        cli_error("--random-filter: \"%s\" is not 0.1 to 100 (percent)", text);
        return false;
    }
    *out = (uint32_t)(v * 10.0 + 0.5);
    return true;
}

static bool set_mode(struct cli_pubsub_options *o, enum cli_pub_mode mode,
                     const char *message) {
    if (o->mode != CLI_PUB_UNSET) {
        cli_error("only one of -m, -n, -s, -f and -l can be given");
        return false;
    }
    o->mode = mode;
    o->message = message;
    return true;
}

static bool take_pub(struct cli_pubsub_options *o, int opt, const char *arg) {
    switch (opt) {
    case 'm':
        return set_mode(o, CLI_PUB_TEXT, arg);
    case 'n':
        return set_mode(o, CLI_PUB_EMPTY, NULL);
    case 's':
        return set_mode(o, CLI_PUB_STDIN, NULL);
    case 'f':
        return set_mode(o, CLI_PUB_FILE, arg);
    case 'l':
        return set_mode(o, CLI_PUB_LINES, NULL);
    case 'r':
        o->retain = true;
        return true;
    case OPT_REPEAT:
        return number32("--repeat", arg, 1, INT32_MAX, &o->repeat);
    default:
        return delay(o, arg); /* OPT_REPEAT_DELAY */
    }
}

static bool take_sub(struct cli_pubsub_options *o, int opt, const char *arg) {
    switch (opt) {
    case 'C':
        return number32("-C", arg, 1, INT32_MAX, &o->msg_count);
    case 'W':
        return number32("-W", arg, 1, 4000000, &o->timeout_s);
    case 'N':
        o->no_eol = true;
        return true;
    case 'v':
        o->verbose = true;
        return true;
    case 'R':
        o->no_retained = true;
        return true;
    case 'E':
        o->exit_after_sub = true;
        return true;
    case 'F':
        o->format = arg;
        return cli_format_check(arg);
    case OPT_RETAIN_AS_PUBLISHED:
        o->retain_as_published = true;
        return true;
    case OPT_REMOVE_RETAINED:
        o->remove_retained = true;
        return true;
    case OPT_PRETTY:
        o->pretty = true;
        return true;
    case OPT_RANDOM_FILTER:
        return percent(arg, &o->random_filter);
    case 'T':
        return cli_pubsub_add_text(&o->filter_out, arg);
    case 'U':
        return cli_pubsub_add_text(&o->unsubscribe, arg);
    default:
        o->retained_only = true; /* OPT_RETAINED_ONLY */
        return true;
    }
}

static bool take_version(struct cli_pubsub_options *o, const char *arg) {
    static const char *const names[] = {[CLEAT_TLS_VERSION_1_2] = "tlsv1.2",
                                        [CLEAT_TLS_VERSION_1_3] = "tlsv1.3",
                                        [CLEAT_TLS_VERSION_ANY] = "any"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(arg, names[i]) == 0) {
            o->tls_version = (enum cleat_tls_version)i;
            o->tls_version_asked = true;
            return true;
        }
    }
    cli_error("--tls-version: \"%.40s\" is not tlsv1.2, tlsv1.3 or any; older "
              "ones are broken and not offered",
              arg);
    return false;
}

static bool take_tls(struct cli_pubsub_options *o, int opt, const char *arg) {
    switch (opt) {
    case OPT_CAFILE:
        o->cafile = arg;
        return true;
    case OPT_ALPN:
        o->alpn = arg;
        return true;
    case OPT_CHIP:
        o->chip = arg;
        o->chip_asked = true;
        return true;
    case OPT_ALLOW_RSA:
        o->allow_rsa = true;
        return true;
    case OPT_SHIELD:
        o->shield = arg;
        return true;
    case OPT_CRLFILE:
        o->crlfile = arg;
        return true;
    case OPT_TLS_VERSION:
        return take_version(o, arg);
    case OPT_TLS_SESSION_FILE:
        o->tls_session_file = arg;
        o->tls_resume = true;
        return true;
    case OPT_TLS_RESUME:
        o->tls_resume = true;
        return true;
    case OPT_KEY_OBJECT:
        return object("--key-object", arg, &o->key_object);
    default:
        return object("--cert-object", arg, &o->certificate_object);
    }
}

static bool take_will(struct cli_pubsub_options *o, int opt, const char *arg) {
    switch (opt) {
    case OPT_WILL_TOPIC:
        o->will_topic = arg;
        return true;
    case OPT_WILL_PAYLOAD:
        o->will_payload = arg;
        return true;
    case OPT_WILL_QOS:
        return qos("--will-qos", arg, &o->will_qos);
    default:
        o->will_retain = true;
        return true;
    }
}

static bool take_common(struct cli_pubsub_options *o, int opt,
                        const char *arg) {
    switch (opt) {
    case 'h':
        o->host = arg;
        return true;
    case 'p':
        return cli_pubsub_number16("-p", arg, 1, &o->port);
    case 't':
        return cli_pubsub_add_text(&o->topics, arg);
    case 'q':
        return qos("-q", arg, &o->qos);
    case 'i':
        o->id = arg;
        return true;
    case 'I':
        o->id_prefix = arg;
        return true;
    case 'c':
        o->keep_session = true;
        return true;
    case 'k':
        return keep_alive(o, arg);
    case 'u':
        o->user = arg;
        return true;
    case 'P':
        o->password = arg;
        return true;
    case 'd':
        o->debug = true;
        return true;
    case 'V':
        return version(o, arg);
    case 'L':
        return cli_pubsub_url(o, arg);
    case 'M':
        return cli_pubsub_number16("-M", arg, 1, &o->inflight_max);
    case 'x':
        return cli_pubsub_props_expiry(o, arg);
    case OPT_QUIET:
        o->quiet = true;
        return true;
    case OPT_UNIX:
        o->unix_path = arg;
        return true;
    case 'A':
        o->bind = arg;
        return true;
    case OPT_STORE:
        o->store = arg;
        o->keep_session = true;
        return true;
    case OPT_STORE_SYNC:
        o->store_sync = arg;
        return true;
    default:
        return true; /* OPT_NODELAY: always so */
    }
}

static bool take(struct cli_pubsub_options *o, int opt, const char *arg) {
    if (opt >= OPT_WILL_TOPIC && opt <= OPT_WILL_RETAIN) {
        return take_will(o, opt, arg);
    }
    if (opt == OPT_CAFILE || opt == OPT_ALPN ||
        (opt >= OPT_CHIP && opt <= OPT_CRLFILE)) {
        return take_tls(o, opt, arg);
    }
    if (o->publishing && (opt == OPT_REPEAT || opt == OPT_REPEAT_DELAY ||
                          (opt < 0x100 && strchr("mnsflr", opt) != NULL))) {
        return take_pub(o, opt, arg);
    }
    if (!o->publishing && ((opt >= OPT_REMOVE_RETAINED && opt <= OPT_PRETTY) ||
                           opt == OPT_RETAINED_ONLY ||
                           (opt < 0x100 && strchr("CWNvRTUEF", opt) != NULL))) {
        return take_sub(o, opt, arg);
    }
    return take_common(o, opt, arg);
}

static bool unknown(const struct cli_pubsub_options *o, const char *arg) {
    size_t n = strncmp(arg, "--", 2) == 0 ? strcspn(arg, "=") : 2;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strlen(refused[i].name) == n &&
            strncmp(refused[i].name, arg, n) == 0) {
            cli_error("%s: %s is not offered; %s", command(o), refused[i].name,
                      refused[i].why);
            return wrong(o);
        }
    }
    cli_error("%s: unknown option \"%s\"", command(o), arg);
    return wrong(o);
}

/* getopt tells a short option in optopt, a long one only by its place. */
static bool getopt_failed(const struct cli_pubsub_options *o, int result,
                          char **argv) {
    char text[3] = {'-', (char)optopt, '\0'};
    bool is_short = optopt > 0 && optopt < 0x100;
    const char *arg = is_short ? text : argv[optind - 1];
    if (result == ':') {
        cli_error("%s: something must follow %s", command(o), arg);
        return wrong(o);
    }
    return unknown(o, arg);
}

static bool read_all(struct cli_pubsub_options *o, int argc, char **argv,
                     int *status) {
    const struct option *longs = o->publishing ? pub_longs : sub_longs;
    int at = 0;
    opterr = 0;
    optind = 1;
    for (int opt;
         (opt = getopt_long(argc, argv, o->publishing ? PUB_SHORT : SUB_SHORT,
                            longs, &at)) != -1;) {
        if (opt == OPT_HELP) {
            fputs(o->publishing ? cli_pubsub_pub_help : cli_pubsub_sub_help,
                  stdout);
            *status = CLI_OK;
            return false;
        }
        if (opt == OPT_REFUSED) {
            char name[32];
            snprintf(name, sizeof name, "--%s", longs[at].name);
            return unknown(o, name);
        }
        if (opt == '?' || opt == ':') {
            return getopt_failed(o, opt, argv);
        }
        if (opt == 'D') {
            int words =
                cli_pubsub_props_take(o, optarg, argv + optind, argc - optind);
            optind += words > 0 ? words : 0;
            if (words < 0) {
                return wrong(o);
            }
            continue;
        }
        if (!take(o, opt, optarg)) {
            return wrong(o);
        }
    }
    return optind == argc || unknown(o, argv[optind]);
}

/* One line of the options file. */
static bool take_words(struct cli_pubsub_options *o, int count, char **words) {
    int status;
    return read_all(o, count, words, &status);
}

bool cli_pubsub_parse(struct cli_pubsub_options *o, int argc, char **argv,
                      int *status) {
    *status = CLI_PUBSUB_FAILED;
    o->host = "localhost";
    o->store_sync = "accepted";
    o->keep_alive_s = 60;
    o->inflight_max = 20;
    o->repeat = 1;
    o->key_object = CLEAT_SE_OBJECT_KEY;
    o->certificate_object = CLEAT_SE_OBJECT_CERTIFICATE;
    if (!cli_pubsub_file_read(o, take_words)) {
        return false;
    }
    size_t from_file = o->topics.count;
    if (!read_all(o, argc, argv, status)) {
        return false;
    }
    if (o->publishing && o->topics.count > from_file) {
        o->topics.count -= from_file; /* That of the call counts. */
        memmove(o->topics.items, o->topics.items + from_file,
                o->topics.count * sizeof *o->topics.items);
    }
    if (!cli_pubsub_check(o) || !cli_pubsub_props_finish(o)) {
        return wrong(o);
    }
    if (o->port == 0) {
        bool tls = o->cafile != NULL;
        o->port = o->ws_path != NULL ? (tls ? 443 : 80) : (tls ? 8883 : 1883);
    }
    return true;
}

/* There may be a password in it. */
static void wipe_and_free(char *text, size_t len) {
    if (text != NULL) {
        cleat_wipe(text, len);
    }
    free(text);
}

void cli_pubsub_options_free(struct cli_pubsub_options *o) {
    wipe_and_free(o->url, o->url_len);
    wipe_and_free(o->file_text, o->file_len);
    free(o->ws_text);
    free(o->topics.items);
    free(o->unsubscribe.items);
    free(o->filter_out.items);
}
