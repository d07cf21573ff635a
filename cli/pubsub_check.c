/* SPDX-License-Identifier: MIT */
/*
 * What must hold for the options of `cleat pub` and `cleat sub` before a byte
 * is sent: topics and filters, will, login, client ID, identity.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleat/linux_random.h"
#include "pubsub.h"

static bool topic_ok(const char *what, const char *topic) {
    struct cleat_bytes t = cleat_bytes_str(topic);
    if (cleat_mqtt_topic_valid(t)) {
        return true;
    }
    const char *why = "it is longer than 65535 bytes";
    if (t.len == 0) {
        why = "it is empty";
    } else if (strpbrk(topic, "+#") != NULL) {
        why = "+ and # are for subscriptions only";
    } else if (t.len <= UINT16_MAX) {
        why = "it is not UTF-8";
    }
    cli_error("%s: \"%.100s\" cannot be published to: %s", what, topic, why);
    return false;
}

static bool filters_ok(const char *what, const struct cli_texts *list) {
    for (size_t i = 0; i < list->count; i++) {
        const char *f = list->items[i];
        if (!cleat_mqtt_filter_valid(cleat_bytes_str(f))) {
            cli_error("%s: \"%.100s\" is no topic filter: 1 to 65535 bytes of "
                      "UTF-8, + only as a whole level, # only as the last",
                      what, f);
            return false;
        }
    }
    return true;
}

static bool check_topics(const struct cli_pubsub_options *o) {
    if (!o->publishing) {
        if (o->topics.count == 0) {
            cli_error("sub: no topic to subscribe to: -t");
            return false;
        }
        return filters_ok("-t", &o->topics) &&
               filters_ok("-U", &o->unsubscribe) &&
               filters_ok("-T", &o->filter_out);
    }
    if (o->topics.count == 0 || o->mode == CLI_PUB_UNSET) {
        cli_error("pub: both a topic (-t) and a message (-m, -n, -s, -f or -l) "
                  "are needed");
        return false;
    }
    if (o->topics.count > 1) {
        cli_error("pub: only one topic can be given");
        return false;
    }
    if (o->mode == CLI_PUB_LINES && (o->repeat > 1 || o->repeat_delay_ms > 0)) {
        cli_error("--repeat: not with -l");
        return false;
    }
    return topic_ok("-t", o->topics.items[0]);
}

static bool check_will(const struct cli_pubsub_options *o) {
    if (o->will_topic == NULL) {
        if (o->will_payload != NULL || o->will_qos > 0 || o->will_retain) {
            cli_error("--will-payload, --will-qos and --will-retain need "
                      "--will-topic");
            return false;
        }
        return true;
    }
    if (o->will_payload != NULL && strlen(o->will_payload) > UINT16_MAX) {
        cli_error("--will-payload: longer than 65535 bytes");
        return false;
    }
    return topic_ok("--will-topic", o->will_topic);
}

static bool text_ok(const char *what, const char *text) {
    if (text == NULL || cleat_mqtt_utf8_valid(cleat_bytes_str(text))) {
        return true;
    }
    cli_error("%s: not UTF-8, or longer than 65535 bytes", what);
    return false;
}

static bool check_identity(struct cli_pubsub_options *o) {
    if (o->cafile == NULL) {
        if (o->url_tls || o->chip_asked || o->alpn != NULL || o->allow_rsa ||
            o->shield != NULL || o->crlfile != NULL || o->tls_version_asked ||
            o->tls_resume) {
            cli_error("mqtts://, --chip, --shield, --crlfile, --tls-alpn, "
                      "--tls-version, --tls-resume, --tls-session-file and "
                      "--allow-rsa are for TLS: name the CA of the broker with "
                      "--cafile");
            return false;
        }
        return true;
    }
    if (o->tls_session_file != NULL && o->tls_session_file[0] == '\0') {
        cli_error("--tls-session-file: a name must follow");
        return false;
    }
    if (o->chip == NULL || o->chip[0] == '\0') {
        o->chip = getenv("CLEAT_CHIP");
    }
    if (o->chip == NULL || o->chip[0] == '\0') {
        cli_error("TLS (--cafile) needs an identity, and no secure element is "
                  "named: give --chip sim:DIR (virtual), unix:PATH, "
                  "i2c:/dev/i2c-N, or set CLEAT_CHIP");
        return false;
    }
    return true;
}

static bool check_login(const struct cli_pubsub_options *o) {
    if (o->password != NULL && o->user == NULL && !o->v5) {
        cli_error("-P needs -u in MQTT 3.1.1 (3.1.2.9)");
        return false;
    }
    if (o->password != NULL && strlen(o->password) > UINT16_MAX) {
        cli_error("-P: longer than 65535 bytes");
        return false;
    }
    return text_ok("-u", o->user) && text_ok("-i", o->id);
}

/* 23 characters at most, letters and digits: [MQTT-3.1.3-5]; the one hyphen is
 * taken by every broker we know of. */
static bool make_id(struct cli_pubsub_options *o) {
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t bits[16];
    if (cleat_linux_random(NULL, bits, sizeof bits) != CLEAT_OK) {
        cli_error("no random numbers for a client ID; give one: -i");
        return false;
    }
    size_t n = (size_t)snprintf(o->id_text, sizeof o->id_text, "cleat-");
    for (size_t i = 0; i < sizeof bits; i++) {
        o->id_text[n++] = digits[bits[i] % 32u];
    }
    o->id_text[n] = '\0';
    o->id = o->id_text;
    return true;
}

static bool check_id(struct cli_pubsub_options *o) {
    if (o->id != NULL && o->id_prefix != NULL) {
        cli_error("-i and -I cannot be used together");
        return false;
    }
    if (o->keep_session && (o->id == NULL || o->id[0] == '\0')) {
        cli_error("%s needs a client ID: -i",
                  o->store != NULL ? "--store" : "-c");
        return false;
    }
    if (o->id == NULL && o->id_prefix == NULL) {
        return make_id(o);
    }
    if (o->id_prefix == NULL) {
        return true;
    }
    int n = snprintf(o->id_text, sizeof o->id_text, "%s%ld", o->id_prefix,
                     (long)getpid());
    if (n < 0 || (size_t)n >= sizeof o->id_text) {
        cli_error("-I: too long");
        return false;
    }
    o->id = o->id_text;
    return true;
}

static bool check_store(const struct cli_pubsub_options *o) {
    const char *s = o->store_sync;
    if (strcmp(s, "all") != 0 && strcmp(s, "accepted") != 0 &&
        strcmp(s, "none") != 0) {
        cli_error("--store-sync: \"%s\" is not all, accepted or none", s);
        return false;
    }
    return true;
}

bool cli_pubsub_check(struct cli_pubsub_options *o) {
    if (o->no_retained && o->retained_only) {
        cli_error("-R and --retained-only cannot be used together");
        return false;
    }
    if (o->retain_as_published && !o->v5) {
        cli_error("--retain-as-published is of MQTT 5: -V mqttv5");
        return false;
    }
    return check_store(o) && check_topics(o) && check_will(o) &&
           check_identity(o) && check_id(o) && check_login(o);
}
