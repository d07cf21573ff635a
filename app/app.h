/* SPDX-License-Identifier: MIT */
/* What the files of app/ share: the steps of the four tasks and the console. */
#ifndef CLEAT_APP_H
#define CLEAT_APP_H

#include <string.h>

#include "cleat/device.h"
#include "cleat/log.h"
#include "cleat/settings_defaults.h"
#include "say.h"

/** The settings. Where they are built in, the compiler knows each: what they
 *  leave off takes no code then. */
static inline const struct cleat_settings *
cleat_app_settings(const struct cleat_device *d) {
    static const struct cleat_settings fixed = {
#define SETTING(type, name, field, min, max, choices, meaning)                 \
    .field = CLEAT_DEFAULT_##name,
#include "settings_list.h"
    };
    return CLEAT_SETTINGS_FIXED ? &fixed : d->settings;
}

/* Of a text that has been checked when it was built in: its nth character from
 * the end as a hexadecimal digit, 0 before the x. */
#define CLEAT_APP_DIGIT(text, nth)                                             \
    (strlen(text) - strcspn(text, "xX") <= (nth)                               \
         ? 0u                                                                  \
         : (unsigned)(text)[strlen(text) - (nth)] % 32u +                      \
               ((text)[strlen(text) - (nth)] > '9' ? 9u : 0u - 16u))
/** The chip object that a setting names, or 0. A constant where settings are
 *  built in, which a loop would not be. */
#define CLEAT_APP_OBJECT(text)                                                 \
    ((uint16_t)(CLEAT_SETTINGS_FIXED ? CLEAT_APP_DIGIT(text, 4) << 12 |        \
                                           CLEAT_APP_DIGIT(text, 3) << 8 |     \
                                           CLEAT_APP_DIGIT(text, 2) << 4 |     \
                                           CLEAT_APP_DIGIT(text, 1)            \
                                     : cleat_app_object(text)))

/* As cleat_settings_object(), with 0 for what names none. */
static inline unsigned cleat_app_object(const char *text) {
    int object = cleat_settings_object(text);
    return object > 0 ? (unsigned)object : 0;
}

uint64_t cleat_app_element_step(void *self, uint64_t now_ms);
uint64_t cleat_app_client_step(void *self, uint64_t now_ms);
uint64_t cleat_app_publisher_step(void *self, uint64_t now_ms);
uint64_t cleat_app_subscriber_step(void *self, uint64_t now_ms);

/** Print one line on the board's console. */
void cleat_app_print(struct cleat_device *d, const char *line);
#if CLEAT_TEXTS
typedef const char *cleat_sentence;
/** Print a sentence of say.h with its values. */
void cleat_app_say(struct cleat_device *d, cleat_sentence sentence, ...)
    CLEAT_PRINTF(2, 3);
#else
typedef unsigned cleat_sentence;
/** Print its number and its values. */
void cleat_app_say(struct cleat_device *d, cleat_sentence sentence, ...);
#endif
/** Print an error: "what: err, object, code". Without CLEAT_TEXTS the values:
 *  err, then layer, code and object of the detail. */
void cleat_app_say_error(struct cleat_device *d, cleat_sentence what, int err,
                         const struct cleat_detail *detail);
/** The same of a connection over TLS: why in its words, if it has any. Without
 *  CLEAT_TEXTS its failure and the server's alert follow. */
void cleat_app_say_tls_error(struct cleat_device *d, cleat_sentence what,
                             int err, const struct cleat_detail *detail);
/** Print a sentence with these bytes, again for every 32 of them. */
void cleat_app_say_hex(struct cleat_device *d, cleat_sentence sentence,
                       const uint8_t *data, size_t len);
/** Print the certificates of a DER chain as PEM; without CLEAT_TEXTS the chain
 *  as it is. */
void cleat_app_say_certificate(struct cleat_device *d,
                               struct cleat_bytes chain);
/** With CLEAT_TEXTS: print how to register the certificate with a cloud broker.
 */
void cleat_app_say_registration(struct cleat_device *d);

/** End the device with this status (first one wins); closes the chip last. */
void cleat_app_end(struct cleat_device *d, int status);
/** @return true once an end was asked for. */
bool cleat_app_ending(struct cleat_device *d);
/** The MQTT client task is finished: the element task may close the chip. */
void cleat_app_client_ended(struct cleat_device *d);
/** The element task is finished: tell the supervisor. */
void cleat_app_element_ended(struct cleat_device *d);

/** @return the message that turns the LED on, or off. */
const char *cleat_app_message(const struct cleat_device *d, bool on);

/** Make the client ID from the settings and the chip's identity. */
void cleat_app_make_client_id(struct cleat_device *d);

#endif
