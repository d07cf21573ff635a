/* SPDX-License-Identifier: MIT */
/* One command of the chip as an operation, for the files that make them. */
#ifndef CLEAT_SE_COMMAND_H
#define CLEAT_SE_COMMAND_H

#include "cleat/se_keys.h"

/** Command codes. */
enum {
    CLEAT_SE_CMD_PROTECTED = 0x03,
    CLEAT_SE_CMD_ENCRYPT = 0x14,
    CLEAT_SE_CMD_DECRYPT = 0x15,
    CLEAT_SE_CMD_ENCRYPT_TO = 0x1E,
    CLEAT_SE_CMD_DECRYPT_FROM = 0x1F,
    CLEAT_SE_CMD_HASH = 0x30,
    CLEAT_SE_CMD_SIGN = 0x31,
    CLEAT_SE_CMD_VERIFY = 0x32,
    CLEAT_SE_CMD_AGREE = 0x33,
    CLEAT_SE_CMD_DERIVE = 0x34,
    CLEAT_SE_CMD_KEY_PAIR = 0x38,
    CLEAT_SE_CMD_KEY = 0x39
};

struct cleat_se_command {
    uint8_t cmd, param;
    uint16_t least_ms;
    struct cleat_bytes head, data, tail; /**< InData. */
    struct cleat_buf reply;              /**< OutData; cap is the most. */
};

/** Do it. @return 0, or an error; key->detail tells then. */
int cleat_se_command_do(struct cleat_se_key *key, struct cleat_se_command *c);
/** @return err, with words in key->detail. */
int cleat_se_command_fail(struct cleat_se_key *key, int err, const char *text);
/** @return CLEAT_ERR_PROTO: the reply is not what the command returns. */
int cleat_se_command_bad_reply(struct cleat_se_key *key);
/** @return 0 if out has that much room, or CLEAT_ERR_SIZE. */
int cleat_se_command_room(struct cleat_se_key *key, const struct cleat_buf *out,
                          size_t least);

/** Write a tag and a length of two bytes; with a value of 1 or 2. */
void cleat_se_command_tag(struct cleat_writer *w, uint8_t tag, size_t len);
void cleat_se_command_tag8(struct cleat_writer *w, uint8_t tag, uint8_t v);
void cleat_se_command_tag16(struct cleat_writer *w, uint8_t tag, uint16_t v);
/** Write where a result goes: to the host, or to a session object. */
void cleat_se_command_keep(struct cleat_writer *w, uint16_t session);
/** @return what is written. */
static inline struct cleat_bytes
cleat_se_command_written(const struct cleat_writer *w) {
    return cleat_bytes_of(w->data, w->len);
}
/** The reply is one tag with its value to its end: *value.
 *  @return false if it is not. */
bool cleat_se_command_only(const struct cleat_se_command *c, uint8_t tag,
                           struct cleat_bytes *value);

#endif
