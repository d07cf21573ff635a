/* SPDX-License-Identifier: MIT */
/*
 * `cleat doctor`: the way from the bus to the broker, one step after the other.
 * Each step says what it found, or which cause of the table in doctor_causes.c
 * broke it; the first broken one ends the walk.
 */
#ifndef CLEAT_CLI_DOCTOR_H
#define CLEAT_CLI_DOCTOR_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/linux_net.h"
#include "cleat/log.h"
#include "cleat/mqtt.h"
#include "cleat/tls.h"
#include "cli.h"
#include "tls_files.h"

/** In the order of the walk. */
enum cli_doctor_step {
    CLI_DOCTOR_SETTINGS,
    CLI_DOCTOR_BUS,
    CLI_DOCTOR_CHIP,
    CLI_DOCTOR_CERTIFICATE,
    CLI_DOCTOR_KEY,
    CLI_DOCTOR_CLOCK,
    CLI_DOCTOR_NAME,
    CLI_DOCTOR_TCP,
    CLI_DOCTOR_TLS,
    CLI_DOCTOR_MQTT,
    CLI_DOCTOR_ROUND_TRIP,
    CLI_DOCTOR_STEPS
};

enum cli_doctor_outcome {
    CLI_DOCTOR_NOT_REACHED,
    CLI_DOCTOR_FINE,
    CLI_DOCTOR_WARN, /**< It goes on, but read this. */
    CLI_DOCTOR_SKIPPED,
    CLI_DOCTOR_BROKEN
};

/** A thing that can be wrong. */
struct cli_doctor_cause {
    const char *id; /**< Stable name: "tls-unknown-ca". */
    enum cli_doctor_step step;
    const char *words;  /**< What is broken. */
    const char *remedy; /**< What to do about it. */
};
extern const struct cli_doctor_cause cli_doctor_causes[];
extern const size_t cli_doctor_cause_count;

/** @return the cause of that name; NULL: there is none. */
const struct cli_doctor_cause *cli_doctor_cause(const char *id);

/** @return "bus", "tls"... */
const char *cli_doctor_step_name(enum cli_doctor_step step);
/** @return the exit status of a walk that ended there. */
int cli_doctor_step_status(enum cli_doctor_step step);

struct cli_doctor_row {
    enum cli_doctor_outcome outcome;
    char facts[700];
};

#define CLI_DOCTOR_CERTIFICATE_MAX 8192u
#define CLI_DOCTOR_BUFFER 16384u

/** How one attempt to be connected ended. */
enum cli_doctor_talk_end {
    CLI_DOCTOR_TALK_OK,
    CLI_DOCTOR_TALK_STREAM,  /**< TCP or TLS did not come up, or broke. */
    CLI_DOCTOR_TALK_REFUSED, /**< CONNACK code. */
    CLI_DOCTOR_TALK_CLOSED,  /**< The broker hung up. */
    CLI_DOCTOR_TALK_SILENT,  /**< Nothing came in time. */
    CLI_DOCTOR_TALK_PROTO    /**< What came is not MQTT. */
};

/** What differs from the settings in an experiment. */
struct cli_doctor_variation {
    bool no_will;
    uint16_t keep_alive_s; /**< 0: as set. */
};

/** One MQTT connection. */
struct cli_doctor_talk {
    struct cleat_mqtt_config config;
    struct cleat_mqtt session;
    uint8_t tx[CLI_DOCTOR_BUFFER], rx[CLI_DOCTOR_BUFFER];
    uint8_t io[1024];
    struct cleat_mqtt_slot slots[4];
    uint16_t qos2_ids[8];
    size_t io_pos, io_len;
    enum cli_doctor_talk_end end;
    uint8_t code;
    int err;
    struct cleat_detail detail;
    bool connected, session_present;
    /* of the round trip */
    /** Called for each piece of a message, if set. */
    void (*message)(void *arg, const struct cleat_mqtt_event *e);
    void *message_arg;
    bool subscribed, delivered, echoed;
    uint8_t granted;
    uint32_t others; /* messages that were not our echo */
    char nonce[48];
};

/** One walk. Large: one per program. */
struct cli_doctor {
    /* the call */
    struct cli_options options;
    const char *client_id_asked;
    int64_t clock_s; /**< --clock; 0: the system's. */
    uint32_t hold_ms;
    bool json, no_publish, progress;
    /* what was found */
    struct cli_doctor_row rows[CLI_DOCTOR_STEPS];
    enum cli_doctor_step at;
    const struct cli_doctor_cause *cause;
    char found[700]; /**< The native words beside the cause. */
    /* what it stands on */
    struct cli_config config;
    bool config_ready;
    const struct cleat_settings *s;
    struct cleat_bytes root_ca;
    struct cli_tls_files files; /**< Only the revocation lists. */
    struct cli_se se;
    bool bus_open, se_ready, se_open;
    uint8_t uid[32];
    size_t uid_len;
    uint8_t certificate[CLI_DOCTOR_CERTIFICATE_MAX];
    size_t certificate_len;
    X509 *leaf;
    char client_id[132];
    struct cleat_linux_net net;
    bool net_ready;
    struct cleat_tls tls;
    bool tls_ready;
    struct cleat_stream *stream;
    struct cli_doctor_talk talk;
};

/** Say what a step found; more calls go on in the same line. */
void cli_doctor_say(struct cli_doctor *d, const char *fmt, ...)
    CLEAT_PRINTF(2, 3);
/** The same, and the row becomes a warning. */
void cli_doctor_warn(struct cli_doctor *d, const char *fmt, ...)
    CLEAT_PRINTF(2, 3);
/** The walk ends here. @return false, so that a step can return it. */
bool cli_doctor_broken(struct cli_doctor *d, const char *id, const char *fmt,
                       ...) CLEAT_PRINTF(3, 4);

/** Take one step, and fill in its row. @return false when it is broken: d->at
 *  is the broken one's then. */
bool cli_doctor_step(struct cli_doctor *d, enum cli_doctor_step step);

/** The steps. @return false when the walk is over. */
bool cli_doctor_settings(struct cli_doctor *d);
bool cli_doctor_bus(struct cli_doctor *d);
bool cli_doctor_chip(struct cli_doctor *d);
bool cli_doctor_certificate(struct cli_doctor *d);
bool cli_doctor_key(struct cli_doctor *d);
bool cli_doctor_clock(struct cli_doctor *d);
bool cli_doctor_name(struct cli_doctor *d);
bool cli_doctor_tcp(struct cli_doctor *d);
bool cli_doctor_tls(struct cli_doctor *d);
bool cli_doctor_mqtt(struct cli_doctor *d);
bool cli_doctor_round_trip(struct cli_doctor *d);

/** The device's name at the broker, made as the device makes it. */
void cli_client_id(const struct cleat_settings *s, struct cleat_bytes uid,
                   struct cleat_bytes certificate, char *out, size_t cap);

/** @return seconds since 1970, as --clock says or the system. */
int64_t cli_doctor_now(const struct cli_doctor *d);
/** A time as of --clock, after 1970 and before 10000. @return false: none. */
bool cli_doctor_when(const char *text, int64_t *out);
/** Sleep until the socket is ready or until_ms. */
void cli_doctor_wait(struct cli_doctor *d, uint64_t until_ms);
/** Open d->stream to its end. @return 0 or a negative cleat_err. */
int cli_doctor_open_stream(struct cli_doctor *d);
/** Name why the stream failed: a cause of TCP or TLS. @return false. */
bool cli_doctor_stream_broken(struct cli_doctor *d, int err);
/** Connect to the broker with d->talk. The stream must not be open unless
 *  `fresh` says that it was just opened. */
enum cli_doctor_talk_end
cli_doctor_connect(struct cli_doctor *d,
                   const struct cli_doctor_variation *variation, bool fresh);
/** Go on for wait_ms, or until done(talk). @return how it stands. */
enum cli_doctor_talk_end
cli_doctor_go_on(struct cli_doctor *d,
                 bool (*done)(const struct cli_doctor_talk *),
                 uint32_t wait_ms);
/** DISCONNECT if it still stands, and close the stream. */
void cli_doctor_hang_up(struct cli_doctor *d);
/** Take down what the steps from `name` on made: they can be taken again. */
void cli_doctor_drop_connection(struct cli_doctor *d);
/** Take down all that stands. */
void cli_doctor_end(struct cli_doctor *d);

#endif
