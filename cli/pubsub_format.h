/* SPDX-License-Identifier: MIT */
/* The output format of `cleat sub -F`, as mosquitto_sub has it. */
#ifndef CLEAT_CLI_PUBSUB_FORMAT_H
#define CLEAT_CLI_PUBSUB_FORMAT_H

#include <stdbool.h>
#include <time.h>

#include "cleat/bytes.h"

/** One whole message. */
struct cli_format_message {
    struct cleat_bytes topic, payload;
    uint8_t qos;
    bool retain;
    uint16_t id;
    struct timespec when;
    struct cleat_bytes props; /**< MQTT 5, as received. */
    bool pretty, quiet;
};

/** @return false, after words about it, if a format has something unknown. */
bool cli_format_check(const char *format);
/** Write the message to standard output, without a newline at the end. */
void cli_format_print(const char *format, const struct cli_format_message *m);

#endif
