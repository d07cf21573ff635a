/* SPDX-License-Identifier: MIT */
/*
 * What `cleat pub` and `cleat sub` share: the options of mosquitto_pub and
 * mosquitto_sub, one connection run by the calling thread, and the lines that
 * -d shows. Where the original has a rule (defaults, limits, exit statuses),
 * it is followed.
 */
#ifndef CLEAT_CLI_PUBSUB_H
#define CLEAT_CLI_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/client.h"
#include "cleat/keeper.h"
#include "cleat/linux_net.h"
#include "cleat/linux_store.h"
#include "cleat/log.h"
#include "cleat/mqtt5.h"
#include "cleat/tls.h"
#include "cleat/ws.h"
#include "cli.h"
#include "tls_files.h"

/** Exit statuses of the originals. CONNACK codes 1 to 5 are statuses, too. */
enum {
    CLI_PUBSUB_FAILED = 1, /**< A wrong call is this, too. */
    CLI_PUBSUB_TIMEOUT = 27
};

#define CLI_PUBSUB_CHUNK 65536u /**< Bytes read from stdin at once. */

/** What is published. */
enum cli_pub_mode {
    CLI_PUB_UNSET = 0,
    CLI_PUB_TEXT,  /**< -m */
    CLI_PUB_EMPTY, /**< -n */
    CLI_PUB_STDIN, /**< -s */
    CLI_PUB_FILE,  /**< -f */
    CLI_PUB_LINES  /**< -l */
};

struct cli_texts {
    const char **items;
    size_t count;
};

/** Properties of MQTT 5 for one kind of packet. */
enum {
    CLI_PROPS_CONNECT,
    CLI_PROPS_PUBLISH,
    CLI_PROPS_SUBSCRIBE,
    CLI_PROPS_UNSUBSCRIBE,
    CLI_PROPS_WILL,
    CLI_PROPS_DISCONNECT,
    CLI_PROPS_COUNT
};
#define CLI_PROPS_MAX 32
struct cli_props {
    struct cleat_mqtt_property items[CLI_PROPS_MAX];
    uint8_t count;
};

/** The command line. Texts are argv's, except those of -L and -I. */
struct cli_pubsub_options {
    bool publishing; /**< Set before parsing. */
    const char *host;
    uint16_t port; /**< 0: by --cafile. */
    char *url;     /**< Copy of -L that is cut up; owned. */
    size_t url_len;
    bool url_tls;
    char *file_text; /**< Of the options file; owned. */
    size_t file_len;
    char *ws_text;       /**< Owned. */
    const char *ws_path; /**< WebSocket, with this path; NULL: none. */
    const char *unix_path, *bind;
    struct cli_texts topics;
    const char *id, *id_prefix;
    char id_text[256];
    bool keep_session;
    uint16_t keep_alive_s;
    bool keep_alive_off;
    const char *user, *password;
    const char *will_topic, *will_payload;
    uint8_t will_qos;
    bool will_retain;
    const char *cafile, *alpn, *chip;
    bool chip_asked; /**< --chip, not the environment. */
    const char *shield, *crlfile;
    bool tls_resume;
    const char *tls_session_file; /**< NULL: only while the program runs. */
    enum cleat_tls_version tls_version;
    bool tls_version_asked;
    bool allow_rsa;
    uint16_t key_object, certificate_object;
    uint8_t qos;
    bool debug, quiet;
    const char *store, *store_sync;
    bool v5;
    uint16_t receive_max;
    uint16_t alias_max; /**< Topic aliases that the broker may use. */
    struct cli_props props[CLI_PROPS_COUNT];

    enum cli_pub_mode mode;
    const char *message; /**< Text, or name of the file. */
    bool retain;
    uint32_t repeat, repeat_delay_ms;
    uint16_t inflight_max;

    struct cli_texts unsubscribe, filter_out;
    uint32_t msg_count, timeout_s;
    const char *format;     /**< -F; NULL: none. */
    uint32_t random_filter; /**< In a thousand; 0: all. */
    bool remove_retained, retain_as_published, pretty;
    bool no_eol, verbose, no_retained, retained_only, exit_after_sub;
};

/**
 * Read the command line and check all of it. Prints what is wrong, or help.
 * @return true to go on; else end with *status.
 */
bool cli_pubsub_parse(struct cli_pubsub_options *o, int argc, char **argv,
                      int *status);
/** For parts of it: add to a list; take a number from min to 65535; take -L.
 *  Each prints what is wrong. */
bool cli_pubsub_add_text(struct cli_texts *list, const char *text);
bool cli_pubsub_number16(const char *name, const char *text, uint16_t min,
                         uint16_t *out);
bool cli_pubsub_url(struct cli_pubsub_options *o, const char *text);
extern const char cli_pubsub_pub_help[], cli_pubsub_sub_help[];
/** Check the options against each other, fill in identity and client ID.
 *  Prints what is wrong. @return true if they hold together. */
bool cli_pubsub_check(struct cli_pubsub_options *o);
void cli_pubsub_options_free(struct cli_pubsub_options *o);

/** Take options, words[0] being the program. @return false after words. */
typedef bool cli_pubsub_take_words(struct cli_pubsub_options *o, int count,
                                   char **words);
/** Take those of the options file, if there is one. Prints what is wrong. */
bool cli_pubsub_file_read(struct cli_pubsub_options *o,
                          cli_pubsub_take_words *take);

/** Packets of one direction, put together from a stream for -d. */
struct cli_packet_watch {
    bool sending, v5;
    uint8_t state; /**< 0 first byte, 1 remaining length, 2 body. */
    uint8_t first, shift;
    uint32_t left, body_len;
    uint8_t *head; /**< First bytes of the body; CLI_PACKET_HEAD of room. */
    size_t head_len;
};
#define CLI_PACKET_HEAD 70000u

/** Print one line, as mosquitto does, for each packet that ends in bytes. */
void cli_packet_watch(struct cli_packet_watch *w, const char *client_id,
                      const uint8_t *data, size_t len);

/** One connection and everything below it. Large: one per program. */
struct cli_pubsub {
    const struct cli_pubsub_options *o;
    struct cli_se element;
    bool element_open, tls_ready, net_ready;
    struct cleat_ws ws;
    uint8_t *ws_buf;
    char ws_host[300];
    struct cleat_linux_net net;
    struct cleat_tls tls;
    struct cli_tls_files files; /**< The TLS session, with --tls-resume. */
    struct cleat_stream *lower; /**< TCP or TLS. */
    struct cleat_stream watched;
    struct cli_packet_watch sent, received;
    struct cleat_mqtt_config session_config;
    struct cleat_mqtt session;
    struct cleat_client client;
    uint8_t *certificate, *crl, *ca;
    size_t certificate_len, crl_len, ca_len;
    uint8_t *tx, *rx, *io;
    struct cleat_mqtt_slot *slots;
    uint16_t *qos2_ids;
    struct cleat_mqtt_unacked *unacked; /**< `sub`: it acknowledges by hand. */
    struct cleat_linux_store store;
    struct cleat_keeper keeper;
    uint8_t *keep_buf;
    uint8_t *aliases;
    int linger_fd; /**< The socket, until the broker has hung up; 0: none. */
    bool store_open, store_failed;
    bool input_done; /**< All of `pub`'s input is with the broker. */
    bool was_connected;
    bool reconnects; /**< Go on after a lost connection. */
    int status;      /**< Exit status so far. */
};

/**
 * Build all of it up to a started client; nothing is sent yet.
 * @param tx_cap  Room for packets that wait; the largest PUBLISH.
 * @return CLI_OK, or the exit status; prints errors. Close it either way.
 */
int cli_pubsub_open(struct cli_pubsub *p, const struct cli_pubsub_options *o,
                    size_t tx_cap, uint16_t slot_count);
void cli_pubsub_close(struct cli_pubsub *p);

/** Why cli_pubsub_wait() came back. */
enum cli_pubsub_wake {
    CLI_WAKE_NONE,  /**< Something moved, or it is time: look and call again. */
    CLI_WAKE_EVENT, /**< event is filled. */
    CLI_WAKE_SIGNAL, /**< SIGINT or SIGTERM, told once. */
    CLI_WAKE_STDIN,  /**< Standard input is readable, or at its end. */
    CLI_WAKE_STDOUT  /**< Nobody reads standard output any more. */
};

/** What to wait for besides the connection. */
struct cli_pubsub_wants {
    uint64_t until_ms; /**< CLEAT_NEVER: no limit. */
    bool input;        /**< Watch standard input. */
    bool output;       /**< Watch the reader of standard output. */
    bool room;         /**< Come back at once when nothing is queued any
                            more: there is more to send, or all is sent. */
};

/** Say goodbye, with the properties for it; then go on until it is over. */
void cli_pubsub_stop(struct cli_pubsub *p);

/** Step the client once; sleep if there was nothing to do. */
enum cli_pubsub_wake cli_pubsub_wait(struct cli_pubsub *p,
                                     const struct cli_pubsub_wants *wants,
                                     struct cleat_client_event *event);

/**
 * The events that mean the same to both commands: refusals, failures, retries,
 * the end. Prints words unless --quiet.
 * @return true when the program is over: p->status tells how.
 */
bool cli_pubsub_ended(struct cli_pubsub *p,
                      const struct cleat_client_event *event);

/** @return true if the broker has said something that is not read yet. */
bool cli_pubsub_is_heard(struct cli_pubsub *p);
/** @return true while a message is not with the broker yet. */
bool cli_pubsub_is_busy(struct cli_pubsub *p);

/** --store, in pubsub_store.c. Each prints what goes wrong. */
/** *packet_max: the largest packet; it grows to that of what is kept. */
bool cli_pubsub_store_open(struct cli_pubsub *p, size_t *packet_max);
bool cli_pubsub_store_restore(struct cli_pubsub *p);
/** Hand the session what waits. @return false if the store cannot be read. */
bool cli_pubsub_store_feed(struct cli_pubsub *p);
void cli_pubsub_store_close(struct cli_pubsub *p);
/** Go to where an earlier run stopped reading; *offset becomes the place. */
void cli_pubsub_store_resume(struct cli_pubsub *p, uint64_t *offset);
/** The next message kept is the line between these. */
bool cli_pubsub_store_line(struct cli_pubsub *p, uint64_t before,
                           uint64_t after);
/** All lines before this are kept. */
bool cli_pubsub_store_settle(struct cli_pubsub *p, uint64_t offset);
/** @return true if a message was begun in a file and is not done. */
bool cli_pubsub_store_output_open(struct cli_pubsub *p);
/** Take back what is there of it. */
bool cli_pubsub_store_recover_output(struct cli_pubsub *p);
/** A message with this packet id is going to be written; it is written, then it
 *  is acknowledged; it is done. */
bool cli_pubsub_store_output_begin(struct cli_pubsub *p, uint16_t id);
bool cli_pubsub_store_output_written(struct cli_pubsub *p);
bool cli_pubsub_store_output_done(struct cli_pubsub *p);

/** Take what follows -D COMMAND. @return how many words, or -1 after words. */
int cli_pubsub_props_take(struct cli_pubsub_options *o, const char *command,
                          char **rest, int count);
bool cli_pubsub_props_expiry(struct cli_pubsub_options *o, const char *text);
bool cli_pubsub_props_finish(struct cli_pubsub_options *o);
/** @return true if a topic alias goes with what is published. */
bool cli_pubsub_props_alias(struct cli_pubsub_options *o);
/** @return bytes that properties may add to a packet. */
size_t cli_pubsub_props_room(const struct cli_pubsub_options *o);

/** cli_error() unless --quiet. */
void cli_pubsub_say(const struct cli_pubsub_options *o, const char *fmt, ...)
    CLEAT_PRINTF(2, 3);

#endif
