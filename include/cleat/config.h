/* SPDX-License-Identifier: MIT */
/*
 * The few compile-time choices, each with its cost. Override one with -D, or
 * all from one file with -DCLEAT_CONFIG_FILE='"my_config.h"'. Everything about
 * a deployment is a run-time setting instead.
 */
#ifndef CLEAT_CONFIG_H
#define CLEAT_CONFIG_H

#ifdef CLEAT_CONFIG_FILE
#include CLEAT_CONFIG_FILE
#endif

/** Highest log level compiled in: 0 error, 1 warn, 2 info, 3 debug and the
 *  traces of bytes; -1 none, which saves a device about 1 kB of flash
 *  (Cortex-M4). */
#ifndef CLEAT_LOG_FLOOR
#define CLEAT_LOG_FLOOR 3
#endif

/** Long texts for people: what exactly is wrong with a packet, a certificate,
 *  a setting or a chip's answer, and what to do about it; and the sentences of
 * the console. 0 leaves numbers (docs/sentences.md), short words and native
 * codes. On Cortex-M4 they cost a device 20 kB of flash and, in each struct
 * cleat_tls, 512 bytes of RAM. */
#ifndef CLEAT_TEXTS
#define CLEAT_TEXTS 1
#endif

/** A device's tasks have names, for a port that shows them. 0 saves 0.1 kB. */
#ifndef CLEAT_TASK_NAMES
#define CLEAT_TASK_NAMES 1
#endif

/** Trust anchors may be PEM. 0: only DER, which saves a device 0.9 kB of flash.
 */
#ifndef CLEAT_TLS_PEM
#define CLEAT_TLS_PEM 1
#endif

/** A device's chip makes the next connection's key pair and random number while
 *  it is idle (cleat/se_ready.h), which saves 67 ms of each connection but the
 *  first. 0 saves 0.8 kB of flash. */
#ifndef CLEAT_TLS_READY
#define CLEAT_TLS_READY 1
#endif

/** What only hosts ask of an element: to write, count, read and set metadata,
 *  hibernate, run commands as they are, and the shielded connection. With 0 the
 *  OPTIGA refuses them, which saves a device 1 kB of flash. */
#ifndef CLEAT_SE_EXTRAS
#define CLEAT_SE_EXTRAS 1
#endif

/* CLEAT_SE_DRIVER, unless defined nothing: the driver of every element, by the
 * name of its struct (cleat_se_driver_optiga), whatever cleat_se_init() is
 * given. It is called directly, which saves a device 0.2 kB of flash. */

/** What an operation asks of an element is checked before its driver sees it
 *  (type, curve, lengths, room), and so is how an element is opened. 0 saves a
 * device 0.2 kB of flash, in images whose operations are all made by src/tls
 * and app/, which make no wrong ones. */
#ifndef CLEAT_SE_CHECKS
#define CLEAT_SE_CHECKS 1
#endif

/** Curve P-384 in an element. 0 refuses it (CLEAT_ERR_UNSUPPORTED) and saves
 *  0.1 kB of flash. */
#ifndef CLEAT_SE_P384
#define CLEAT_SE_P384 1
#endif

/** Fastest clock of an element's bus, kHz. 400 saves 0.1 kB of flash: the
 *  OPTIGA is never set to fast mode plus. */
#ifndef CLEAT_SE_KHZ_MAX
#define CLEAT_SE_KHZ_MAX 1000
#endif

/** A device may keep its messages over a restart (platform.store). 0 leaves
 *  that out and refuses MQTT_STORE; it saves 0.1 kB of flash. */
#ifndef CLEAT_DEVICE_STORE
#define CLEAT_DEVICE_STORE 1
#endif

/** A device's settings are those compiled in (CLEAT_DEFAULT_NAME), whatever
 *  cleat_device_init() is given: whoever builds it has checked them, as
 *  firmware/check_settings.c does. 1 saves the checks and what the settings
 *  leave off; with no caller of cleat_settings_set() the names go as well, 3 kB
 *  of flash in all. */
#ifndef CLEAT_SETTINGS_FIXED
#define CLEAT_SETTINGS_FIXED 0
#endif

/** TLS counts what it asks of the element (struct cleat_tls_calls). 0: these
 *  numbers stay 0, where nobody would print them; saves 50 bytes. */
#ifndef CLEAT_TLS_COUNTS
#define CLEAT_TLS_COUNTS CLEAT_TEXTS
#endif

/** TLS takes a random source and a clock of the caller's own
 *  (struct cleat_tls_config). 0 refuses them: the element's and time() it is,
 *  all that a device with settings compiled in asks for; saves 0.1 kB. */
#ifndef CLEAT_TLS_SOURCES
#define CLEAT_TLS_SOURCES (!CLEAT_SETTINGS_FIXED)
#endif

/** MQTT 5 beside 3.1.1. 0 leaves out what src/mqtt has for it in common code:
 *  0.8 kB of flash on Cortex-M4; its own 3 kB are linked only where
 *  cleat_mqtt_v5 is named. */
#ifndef CLEAT_MQTT5
#define CLEAT_MQTT5 1
#endif

/** QoS 2 in the MQTT session. With 0 publishing at it is refused
 *  (CLEAT_ERR_UNSUPPORTED), subscriptions ask for 1 at most, and what only
 * comes at QoS 2 breaks the protocol: a broker never sends above what it
 * granted. It saves 0.7 kB of flash on Cortex-M4. */
#ifndef CLEAT_MQTT_QOS2
#define CLEAT_MQTT_QOS2 1
#endif

/** What a device of one topic asks of neither session nor client: a journal, a
 *  payload from a source, acknowledgement by the application; a `subscribe` of
 *  the program's and a jitter without `random`. With 0 all of that is refused,
 *  and each packet is offered for sending by itself; it saves a device 0.5 kB
 * of flash. */
#ifndef CLEAT_MQTT_EXTRAS
#define CLEAT_MQTT_EXTRAS 1
#endif

/** cleat_mqtt_init() and cleat_client_init() check what they are given. 0, for
 *  settings that are built in and were checked before, leaves only that CONNECT
 *  fits its buffer, which cleat_mqtt_connect() looks at then; it saves a device
 *  0.2 kB of flash. */
#ifndef CLEAT_MQTT_CHECKS
#define CLEAT_MQTT_CHECKS 1
#endif

/** Bytes of static RAM for each of a device's two MQTT buffers; upper limit of
 *  MQTT_NETWORK_BUFFER_SIZE and MQTT_SEND_BUFFER_SIZE. */
#ifndef CLEAT_DEVICE_BUFFER_MAX
#define CLEAT_DEVICE_BUFFER_MAX 16384
#endif

/** Longest chain of the device's own certificates, DER, bytes of static RAM.
 *  The chip's certificate objects hold 1728. */
#ifndef CLEAT_DEVICE_CERTIFICATE_MAX
#define CLEAT_DEVICE_CERTIFICATE_MAX 1728
#endif

#endif
