/* SPDX-License-Identifier: MIT */
/*
 * SoftHSM2 tokens for tests, in a folder of the test's own, filled through
 * PKCS#11 itself. Failures are cmocka's.
 */
#ifndef TEST_TOKEN_H
#define TEST_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_PIN "4321"

/** Begin in a new folder. @return false if SoftHSM2 is not installed. */
bool token_setup(void);
void token_teardown(void);
/** @return the path of its PKCS#11 module, and of the folder. */
const char *token_module(void);
const char *token_dir(void);

/** A new token of that label with TOKEN_PIN. */
void token_make(const char *label);
/** Take a token's files away, and put them back. */
void token_pull(void);
void token_put_back(void);

/** What a key is made as. */
struct token_key {
    const char *label;
    uint8_t id;
    bool p384, rsa;
    bool asks_each_time; /**< CKA_ALWAYS_AUTHENTICATE */
};

/** A key pair inside the token, and a certificate for it unless none. */
void token_add(const char *token, const struct token_key *key, bool none);

#endif
