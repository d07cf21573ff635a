/* SPDX-License-Identifier: MIT */
/* The second half of `cleat doctor`: clock, name, TCP and TLS. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "cleat/linux_random.h"
#include "cleat/port.h"
#include "doctor.h"

#define NOT_SET_BEFORE 1735689600 /* 2025: what TLS takes for a set clock */
#define DAY_S 86400
#define LAST_S 253402300799 /* the end of 9999, and of certificates' dates */
#define SOON_DAYS 30
#define REFUSAL_MS 500

int64_t cli_doctor_now(const struct cli_doctor *d) {
    return d->clock_s != 0 ? d->clock_s : (int64_t)time(NULL);
}

static int64_t doctor_clock(void *arg) {
    return cli_doctor_now(arg);
}

/* ---- clock ---- */

/* YYYY-MM-DD of a day there is; mktime's kin takes a 31st of February too. */
static bool day_of(const char *text, int64_t *out) {
    struct tm tm;
    memset(&tm, 0, sizeof tm);
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    int day = tm.tm_mday;
    if (end == NULL || *end != '\0') {
        return false;
    }
    *out = (int64_t)timegm(&tm);
    return tm.tm_mday == day;
}

bool cli_doctor_when(const char *text, int64_t *out) {
    char *end;
    int64_t v = strtoll(text, &end, 10);
    if (*text == '\0' || (*end != '\0' && !day_of(text, &v)) || v <= 0 ||
        v > LAST_S) {
        return false;
    }
    *out = v;
    return true;
}

static void date_text(int64_t when, char *out, size_t cap) {
    time_t t = (time_t)when;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL ||
        strftime(out, cap, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0) {
        snprintf(out, cap, "?");
    }
}

static bool asn1_seconds(const ASN1_TIME *t, int64_t *out) {
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1) {
        return false;
    }
    *out = (int64_t)timegm(&tm);
    return true;
}

/* A file that was written after now: then now is not now. */
static bool newer_file(struct cli_doctor *d, int64_t now, char *name,
                       size_t cap) {
    const char *config =
        d->options.file != NULL ? d->options.file : "cleat.conf";
    const char *files[] = {config, d->s->root_ca_certificate,
                           "/var/lib/systemd/timesync/clock"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct stat st;
        if (files[i][0] != '\0' && stat(files[i], &st) == 0 &&
            (int64_t)st.st_mtime > now + DAY_S) {
            char date[40];
            date_text((int64_t)st.st_mtime, date, sizeof date);
            snprintf(name, cap, "%.200s was written %s", files[i], date);
            return true;
        }
    }
    return false;
}

/* @return the first anchor whose time is over, if all are; NULL otherwise. */
static X509 *expired_anchor(struct cli_doctor *d, int64_t now) {
    X509 *expired = NULL;
    bool fine = false;
    BIO *bio = BIO_new_mem_buf(d->root_ca.data, (int)d->root_ca.len);
    X509 *x;
    while (bio != NULL && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        int64_t until = 0;
        bool over = asn1_seconds(X509_get0_notAfter(x), &until) && until < now;
        fine = fine || !over;
        if (over && expired == NULL) {
            expired = x;
        } else {
            X509_free(x);
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    if (fine) {
        X509_free(expired);
        expired = NULL;
    }
    return expired;
}

static bool check_anchor(struct cli_doctor *d, int64_t now, const char *today) {
    X509 *x = expired_anchor(d, now);
    char date[40];
    char name[160] = "";
    int64_t until = 0;
    if (x == NULL) {
        return true;
    }
    X509_NAME_oneline(X509_get_subject_name(x), name, sizeof name);
    (void)asn1_seconds(X509_get0_notAfter(x), &until);
    date_text(until, date, sizeof date);
    X509_free(x);
    return cli_doctor_broken(d, "ca-expired", "%s ended %s; today is %s", name,
                             date, today);
}

static bool check_validity(struct cli_doctor *d, int64_t now,
                           const char *today) {
    int64_t from = 0;
    int64_t until = 0;
    char date[40];
    if (!asn1_seconds(X509_get0_notBefore(d->leaf), &from) ||
        !asn1_seconds(X509_get0_notAfter(d->leaf), &until)) {
        return cli_doctor_broken(d, "certificate-expired",
                                 "its dates cannot be read");
    }
    if (now < from) {
        date_text(from, date, sizeof date);
        return cli_doctor_broken(d, "certificate-not-yet",
                                 "it begins %s; today is %s", date, today);
    }
    date_text(until, date, sizeof date);
    if (now > until) {
        return cli_doctor_broken(d, "certificate-expired",
                                 "it ended %s; today is %s", date, today);
    }
    cli_doctor_say(d, "%s; the certificate ends %s", today, date);
    if (until - now < (int64_t)SOON_DAYS * DAY_S) {
        cli_doctor_warn(d, ": in %lld days, renew it",
                        (long long)((until - now) / DAY_S));
    }
    return true;
}

static void say_synchronised(struct cli_doctor *d) {
    struct timex t;
    memset(&t, 0, sizeof t);
    if (d->clock_s == 0 && adjtimex(&t) != -1 && (t.status & STA_UNSYNC) != 0) {
        cli_doctor_say(d, "; not known to be synchronised");
    }
}

bool cli_doctor_clock(struct cli_doctor *d) {
    char today[40];
    char file[400];
    int64_t now = cli_doctor_now(d);
    date_text(now, today, sizeof today);
    if (now < NOT_SET_BEFORE) {
        return cli_doctor_broken(d, "clock-unset", "it says %s", today);
    }
    if (newer_file(d, now, file, sizeof file)) {
        return cli_doctor_broken(d, "clock-behind", "today is %s, but %s",
                                 today, file);
    }
    if (!d->s->tls_check_dates) {
        cli_doctor_warn(d, "%s; TLS_CHECK_DATES is off: dates do not count",
                        today);
        return true;
    }
    if (!check_validity(d, now, today) || !check_anchor(d, now, today)) {
        return false;
    }
    say_synchronised(d);
    return true;
}

/* ---- waiting ---- */

void cli_doctor_wait(struct cli_doctor *d, uint64_t until_ms) {
    short events = cleat_linux_net_events(&d->net);
    uint64_t now = cleat_port_now_ms();
    uint64_t due = cleat_linux_net_deadline(&d->net);
    struct pollfd p = {events == 0 ? -1 : cleat_linux_net_fd(&d->net), events,
                       0};
    due = due < until_ms ? due : until_ms;
    if (due > now) {
        (void)poll(&p, 1, due - now > 1000 ? 1000 : (int)(due - now));
    }
}

int cli_doctor_open_stream(struct cli_doctor *d) {
    struct cleat_stream *stream = d->stream;
    uint64_t limit = cleat_port_now_ms() + 3u * (uint64_t)d->s->mqtt_timeout_ms;
    for (;;) {
        uint64_t now = cleat_port_now_ms();
        int err = stream->open(stream->self, now);
        if (err != CLEAT_ERR_AGAIN) {
            return err;
        }
        if (now >= limit) {
            return CLEAT_ERR_TIMEOUT;
        }
        cli_doctor_wait(d, now + 100);
    }
}

/* ---- name and TCP ---- */

static struct cleat_detail net_detail(struct cli_doctor *d) {
    struct cleat_detail detail = {0};
    struct cleat_stream *net = cleat_linux_net_stream(&d->net);
    net->detail(net->self, &detail);
    return detail;
}

/* Open as the device does, until the name is known. */
bool cli_doctor_name(struct cli_doctor *d) {
    struct cleat_linux_net_config n;
    char why[256];
    if (cleat_settings_complete(d->s, why, sizeof why) != CLEAT_OK) {
        return cli_doctor_broken(d, "settings-incomplete", "%s", why);
    }
    memset(&n, 0, sizeof n);
    n.host = d->s->mqtt_broker_address;
    n.port = (uint16_t)d->s->mqtt_port;
    n.connect_timeout_ms = n.resolve_timeout_ms = d->s->mqtt_timeout_ms;
    if (cleat_linux_net_init(&d->net, &n) != CLEAT_OK) {
        return cli_doctor_broken(d, "name-unknown", "it is too long");
    }
    d->net_ready = true;
    d->stream = cleat_linux_net_stream(&d->net);
    int err = CLEAT_ERR_AGAIN;
    while (err == CLEAT_ERR_AGAIN &&
           cleat_linux_net_remote(&d->net)[0] == '\0') {
        uint64_t now = cleat_port_now_ms();
        err = d->stream->open(d->stream->self, now);
        if (err == CLEAT_ERR_AGAIN &&
            cleat_linux_net_remote(&d->net)[0] == '\0') {
            cli_doctor_wait(d, now + 100);
        }
    }
    if (cleat_linux_net_remote(&d->net)[0] == '\0') {
        struct cleat_detail detail = net_detail(d);
        bool server = detail.code == EAI_AGAIN || err == CLEAT_ERR_TIMEOUT;
        return cli_doctor_broken(d, server ? "name-server" : "name-unknown",
                                 "%s: %s", d->s->mqtt_broker_address,
                                 detail.text != NULL ? detail.text
                                                     : cleat_strerror(err));
    }
    cli_doctor_say(d, "%s: %lu address%s, first %s", d->s->mqtt_broker_address,
                   (unsigned long)d->net.address_count,
                   d->net.address_count == 1 ? "" : "es",
                   cleat_linux_net_remote(&d->net));
    return true;
}

static bool tcp_broken(struct cli_doctor *d, int err) {
    struct cleat_detail detail = net_detail(d);
    const char *id = "tcp-failed";
    switch (detail.code) {
    case ECONNREFUSED:
        id = "tcp-refused";
        break;
    case ETIMEDOUT:
        id = "tcp-timeout";
        break;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
        id = "tcp-unreachable";
        break;
    case EACCES:
    case EPERM:
        id = "tcp-forbidden";
        break;
    default:
        break;
    }
    return cli_doctor_broken(d, id, "%s: %s", cleat_linux_net_remote(&d->net),
                             detail.text != NULL ? detail.text
                                                 : cleat_strerror(err));
}

bool cli_doctor_tcp(struct cli_doctor *d) {
    uint64_t begin = cleat_port_now_ms();
    int err = cli_doctor_open_stream(d);
    if (err != CLEAT_OK) {
        return tcp_broken(d, err);
    }
    cli_doctor_say(d, "%s from %s, %lu ms", cleat_linux_net_remote(&d->net),
                   cleat_linux_net_local(&d->net),
                   (unsigned long)(cleat_port_now_ms() - begin));
    return true;
}

/* ---- TLS ---- */

static const char *alert_cause(int alert) {
    switch (alert) {
    case 42: /* bad_certificate */
    case 43:
    case 46:
    case 49: /* access_denied */
    case 51: /* decrypt_error */
    case 116:
        return "tls-client-refused";
    case 44:
        return "tls-client-revoked";
    case 45:
        return "tls-client-expired";
    case 48:
        return "tls-client-ca";
    case 112:
        return "tls-sni";
    case 120:
        return "tls-alpn";
    default:
        return "tls-refused";
    }
}

static const char *tls_cause(const struct cleat_tls *t) {
    switch (cleat_tls_get_failure(t)) {
    case CLEAT_TLS_UNKNOWN_CA:
        return "tls-unknown-ca";
    case CLEAT_TLS_WRONG_HOST:
        return "tls-wrong-name";
    case CLEAT_TLS_EXPIRED:
        return "tls-expired";
    case CLEAT_TLS_NOT_YET_VALID:
        return "tls-not-yet";
    case CLEAT_TLS_WRONG_USAGE:
        return "tls-usage";
    case CLEAT_TLS_BAD_CERTIFICATE:
    case CLEAT_TLS_UNSUPPORTED:
        return "tls-bad-certificate";
    case CLEAT_TLS_REVOKED:
        return "tls-revoked";
    case CLEAT_TLS_BAD_CRL:
        return "tls-bad-crl";
    case CLEAT_TLS_NOT_ON_CHIP:
        return "tls-not-on-chip";
    case CLEAT_TLS_BAD_SIGNATURE:
    case CLEAT_TLS_BAD_POINT:
        return "tls-bad-signature";
    case CLEAT_TLS_REFUSED:
        return alert_cause(cleat_tls_get_alert(t));
    case CLEAT_TLS_NO_COMMON:
        return "tls-no-common";
    case CLEAT_TLS_NOT_TLS:
        return "tls-not-tls";
    case CLEAT_TLS_CLOSED:
    case CLEAT_TLS_LOWER:
        return "tls-closed";
    case CLEAT_TLS_TIMEOUT:
        return "tls-timeout";
    case CLEAT_TLS_CHIP:
        return "tls-chip";
    default:
        return "tls-failed";
    }
}

bool cli_doctor_stream_broken(struct cli_doctor *d, int err) {
    char words[400] = "";
    if (!d->tls_ready) {
        return tcp_broken(d, err);
    }
    cleat_tls_explain(&d->tls, words, sizeof words);
    return cli_doctor_broken(d, tls_cause(&d->tls), "%s",
                             words[0] != '\0' ? words : cleat_strerror(err));
}

static bool prepare_tls(struct cli_doctor *d) {
    const struct cleat_settings *s = d->s;
    struct cleat_detail detail = {0};
    struct cleat_tls_config c;
    memset(&c, 0, sizeof c);
    c.lower = cleat_linux_net_stream(&d->net);
    c.se = &d->se.se;
    c.key_object = (uint16_t)cleat_settings_object(s->client_private_key);
    c.certificate = cleat_bytes_of(d->certificate, d->certificate_len);
    c.ca[0] = d->root_ca;
    c.hostname = s->mqtt_broker_address;
    c.sni = s->mqtt_sni_hostname;
    c.alpn = s->mqtt_alpn_protocol_name;
    c.allow_rsa = cleat_settings_allow_rsa(s);
    if (!s->tls_chip_random ||
        (d->se.chip.driver->can & CLEAT_SE_CAN_RANDOM) == 0) {
        c.random = cleat_linux_random;
    }
    c.clock = doctor_clock;
    c.clock_arg = d;
    c.ignore_dates = !s->tls_check_dates;
    c.handshake_timeout_ms = s->mqtt_timeout_ms;
    c.version = (enum cleat_tls_version)s->tls_1_3;
    c.chain = (enum cleat_tls_chain)s->tls_chain_check;
    c.chip_only = s->tls_all_on_chip;
    c.crl = cleat_bytes_of(d->files.crl, d->files.crl_len);
    if (c.ca[0].len == 0) {
        int object = cleat_settings_object(s->root_ca_certificate);
        c.ca_object = (uint16_t)(object > 0 ? object : 0);
    }
    int err = cleat_tls_init(&d->tls, &c, &detail);
    if (err != CLEAT_OK) {
        bool file = err == CLEAT_ERR_VERIFY || err == CLEAT_ERR_SIZE;
        return cli_doctor_broken(
            d, file ? "ca-unreadable" : "settings-refused", "%s",
            detail.text != NULL ? detail.text : cleat_strerror(err));
    }
    d->tls_ready = true;
    d->stream = cleat_tls_stream(&d->tls);
    return true;
}

/* In TLS 1.3 the server looks at our certificate when for us the handshake is
 * over: what it says is heard only if we listen before we speak. No broker
 * speaks first. */
static int hear_refusal(struct cli_doctor *d) {
    struct cleat_tls_info info;
    uint8_t byte;
    int err = CLEAT_ERR_AGAIN;
    uint64_t limit = cleat_port_now_ms() + REFUSAL_MS;
    cleat_tls_get_info(&d->tls, &info);
    if (strcmp(info.version, "TLSv1.3") != 0) {
        return CLEAT_OK;
    }
    while (err == CLEAT_ERR_AGAIN && cleat_port_now_ms() < limit) {
        cli_doctor_wait(d, cleat_port_now_ms() + 20);
        err = d->stream->read(d->stream->self, &byte, 1);
    }
    return err == CLEAT_ERR_AGAIN || err > 0 ? CLEAT_OK : err;
}

bool cli_doctor_tls(struct cli_doctor *d) {
    struct cleat_tls_info info;
    uint64_t begin = cleat_port_now_ms();
    if (!d->s->mqtt_secure_connection) {
        cli_doctor_warn(d, "TLS is off (MQTT_SECURE_CONNECTION): everything "
                           "goes in clear");
        return true;
    }
    if (!prepare_tls(d)) {
        return false;
    }
    int err = cli_doctor_open_stream(d);
    if (err != CLEAT_OK) {
        return cli_doctor_stream_broken(d, err);
    }
    cleat_tls_get_info(&d->tls, &info);
    const uint64_t took = cleat_port_now_ms() - begin;
    cli_doctor_say(
        d,
        "%s %s, curve %s%s%s; broker %s, verified with CA %s; on the chip: "
        "%lu key pair, %lu agreement, %lu signature, %lu verifications, %lu "
        "random; %lu ms",
        info.version, info.suite, info.curve,
        info.alpn[0] != '\0' ? ", ALPN " : "", info.alpn, info.subject,
        info.anchor, (unsigned long)info.calls->generate,
        (unsigned long)info.calls->agree, (unsigned long)info.calls->sign,
        (unsigned long)info.calls->verify, (unsigned long)info.calls->random,
        (unsigned long)took);
    err = hear_refusal(d);
    return err == CLEAT_OK || cli_doctor_stream_broken(d, err);
}
