/* SPDX-License-Identifier: MIT */
/*
 * A whole device: four tasks (secure element, MQTT client, publisher,
 * subscriber), everything they own in static storage, and their order of
 * starting and ending. app/device.c wires it; a port runs it.
 */
#ifndef CLEAT_DEVICE_H
#define CLEAT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/board.h"
#include "cleat/client.h"
#include "cleat/link.h"
#include "cleat/mailbox.h"
#include "cleat/mqtt.h"
#include "cleat/port.h"
#include "cleat/se.h"
#include "cleat/se_ready.h"
#include "cleat/settings.h"
#include "cleat/stream.h"
#include "cleat/tls.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a device ended; also the exit status of `cleat run`. */
enum cleat_device_status {
    CLEAT_DEVICE_OK = 0,        /**< Stopped as asked. */
    CLEAT_DEVICE_SETTINGS = 2,  /**< A setting is missing or wrong. */
    CLEAT_DEVICE_CHIP = 3,      /**< The secure element could not be used. */
    CLEAT_DEVICE_LINK = 4,      /**< The link stayed down: attempts used up. */
    CLEAT_DEVICE_CONNECTION = 5 /**< The broker could not be reached: ditto. */
};

/** Keeps messages of QoS 1 and 2 over a restart, as cleat/keeper.h does. Only
 *  the MQTT client task calls it. */
struct cleat_device_store {
    void *self;
    const struct cleat_mqtt_journal *journal;
    uint16_t first_id; /**< For struct cleat_mqtt_config. */
    /** Hand the session what was kept. @return 0 or why it cannot be. */
    int (*restore)(void *self, struct cleat_mqtt *session);
    /** As cleat_keeper_publish(). */
    int (*publish)(void *self, const struct cleat_mqtt_message *message,
                   uint64_t now_ms);
    /** Hand the session what waits. @return 0 or why it cannot be. */
    int (*feed)(void *self);
};

/** What the device runs on: the caller's, valid until deinit. */
struct cleat_platform {
    const struct cleat_board *board;
    struct cleat_link *link;
    struct cleat_stream *net; /**< TCP to the broker of the settings. */
    const struct cleat_se_driver *driver; /**< NULL with CLEAT_SE_DRIVER. */
    struct cleat_se_config element;
    struct cleat_bytes root_ca; /**< PEM or DER; empty: not given. */
    struct cleat_bytes crl;     /**< What TLS_CRL_FILE names. */
    /** Where TLS_SESSION_RESUMPTION keeps the session; NULL: nowhere. */
    struct cleat_tls_session *tls_session;
    /** What MQTT_STORE names; NULL: messages are kept in memory. */
    const struct cleat_device_store *store;
    /** Fit for keys; used where TLS_CHIP_RANDOM is off. May be NULL then. */
    int (*random)(void *arg, uint8_t *data, size_t len);
    void *random_arg;
    struct cleat_task *supervisor; /**< Woken when the device has ended. */
};

#define CLEAT_DEVICE_SLOTS 32
#define CLEAT_DEVICE_QOS2_IDS (CLEAT_MQTT_QOS2 ? 20 : 1)
#define CLEAT_DEVICE_PAYLOAD_MAX 64
#define CLEAT_DEVICE_TOPIC_MAX 64

/** From any task to the MQTT client task. */
struct cleat_client_message {
    enum { CLEAT_ASK_PUBLISH, CLEAT_ASK_SUBSCRIBE, CLEAT_ASK_STOP } type;
    bool on; /**< PUBLISH: which of the two messages. */
};

/** From the MQTT client task, and the subscriber, to the publisher. */
struct cleat_publisher_message {
    enum {
        CLEAT_PUBLISHER_READY, /**< Subscribed: presses make sense. */
        CLEAT_PUBLISHER_LED,   /**< The LED is now `on`. */
        CLEAT_PUBLISHER_FAILED /**< A publish was refused: err. */
    } type;
    bool on;
    int16_t err;
};

/** From the MQTT client task to the subscriber. */
struct cleat_subscriber_message {
    enum {
        CLEAT_SUBSCRIBER_GRANTED, /**< The broker answered: qos, or 0x80. */
        CLEAT_SUBSCRIBER_MESSAGE  /**< A message arrived. */
    } type;
    uint8_t qos;
    uint32_t topic_len, payload_len; /**< True lengths, before any cut. */
    uint8_t topic[CLEAT_DEVICE_TOPIC_MAX];
    uint8_t payload[CLEAT_DEVICE_PAYLOAD_MAX];
};

/** One device. Allocate it in static storage; the fields are private. What is
 *  used most comes first, and what is large last: that makes code shorter. */
struct cleat_device {
    /* flags and states; after each who writes it, the first four under the
     * port's critical section */
    bool ending;      /* an orderly end was asked for: any */
    bool ended;       /* element task */
    bool ready;       /* subscribed, the button is announced: publisher */
    bool client_runs; /* the MQTT client task was started, is not over: element,
                         client */
    uint8_t element_state;
    uint8_t element_tries;
    uint8_t client_state;
    bool client_started;  /* client */
    bool workers_started; /* client */
    bool granted_told;    /* client */
    bool ask_subscribe;   /* the subscriber wants another try: client */
    bool tls_ready;       /* element */
    bool led_known;       /* the LED's state as told: publisher */
    bool announce;        /* the button is to be announced: subscriber */
    bool announced;       /* ... and has been: subscriber */
    uint8_t subscribe_tries;
    int status;

    const struct cleat_settings *settings; /* unless CLEAT_SETTINGS_FIXED */
    struct cleat_platform platform;
    uint32_t presses; /* written under the port's critical section */
    uint32_t echoes;  /* own messages that are still to come back: publisher */
    uint32_t link_tries;
    uint32_t rng;
    struct cleat_stream *stream; /* TLS or plain */

    struct cleat_task element_task;
    struct cleat_task client_task;
    struct cleat_task publisher_task;
    struct cleat_task subscriber_task;
    struct cleat_mailbox client_box;
    struct cleat_mailbox publisher_box;
    struct cleat_mailbox subscriber_box;
    uint64_t link_retry_ms;
    uint64_t echo_deadline_ms;
    uint64_t subscribe_ms;   /* CLEAT_NEVER: not to be asked for again */
    uint64_t ahead_until_ms; /* the chip may make things ahead: client */

    struct cleat_se_op element_op;
    struct cleat_client_sub subscription;
    size_t uid_len;
    size_t certificate_len;
    uint8_t uid[32];
    char client_id[132];
    struct cleat_client client;
    struct cleat_mqtt_config session_config;
    struct cleat_mqtt session;
    struct cleat_subscriber_message incoming; /* being put together */
    struct cleat_mqtt_slot slots[CLEAT_DEVICE_SLOTS];
    uint16_t qos2_ids[CLEAT_DEVICE_QOS2_IDS];
    struct cleat_se se;
    struct cleat_se_ready ahead; /* for the next connection: client */
    struct cleat_tls_config tls_config;
    struct cleat_tls tls;

    struct cleat_client_message client_slots[16];
    struct cleat_publisher_message publisher_slots[16];
    struct cleat_subscriber_message subscriber_slots[8];
    uint8_t certificate[CLEAT_DEVICE_CERTIFICATE_MAX];
    uint8_t io[512];
    uint8_t tx[CLEAT_DEVICE_BUFFER_MAX];
    uint8_t rx[CLEAT_DEVICE_BUFFER_MAX];
};

/**
 * Wire everything; starts nothing.
 * @return 0, or CLEAT_ERR_ARG and a sentence in why: settings do not hold. A
 *         build with CLEAT_SETTINGS_FIXED has checked them: it writes nothing
 *         into why, which may be NULL then.
 */
int cleat_device_init(struct cleat_device *d,
                      const struct cleat_settings *settings,
                      const struct cleat_platform *platform, char *why,
                      size_t why_cap);
/** Start the secure element task, and only that: it starts the MQTT client
 *  task when the chip is ready, which starts the other two when connected. */
int cleat_device_start(struct cleat_device *d);
/** The user button was pressed. Interrupt-safe: it only notifies. */
void cleat_device_press(struct cleat_device *d);
/** Ask for an orderly end: DISCONNECT, close, chip closed. Any task. */
void cleat_device_stop(struct cleat_device *d);
/** @return true once the device has ended by itself or as asked. */
bool cleat_device_ended(struct cleat_device *d, int *status);
/** @return true once the button has been announced to the user. */
bool cleat_device_ready(struct cleat_device *d);
/** Take everything down in reverse order and wipe it. Not from a task. */
void cleat_device_deinit(struct cleat_device *d);

#ifdef __cplusplus
}
#endif
#endif
