/* SPDX-License-Identifier: MIT */
/*
 * A secure element for the tests of src/tls: a driver that does what it is
 * asked at once, with OpenSSL, and fails when it is told to.
 */
#ifndef TEST_TLS_ELEMENT_H
#define TEST_TLS_ELEMENT_H

#include <openssl/evp.h>

#include "cleat/se.h"

/** What the driver's functions share with the test; one per element. */
struct element {
    EVP_PKEY *identity; /**< Object 0xE0F0. Borrowed. */
    EVP_PKEY *session[4];
    int fail_type; /**< Operation that fails; -1: none. */
    int fail_err;
    uint32_t fail_after; /**< So many of them do not. */
    int on_host_type; /**< Operation said to be done on the host; -1: none. */
    uint16_t object;  /**< A data object, and what is in it. */
    struct cleat_bytes content;
    uint32_t asked[CLEAT_SE_OP_COUNT];  /**< Started, well or not. */
    size_t sign_len;                    /**< Digest bytes seen last. */
    uint8_t secret[CLEAT_SE_FIELD_MAX]; /**< Agreed on last. */
    size_t secret_len;
    struct cleat_task task;
    struct cleat_se se;
};

extern const struct cleat_se_driver element_driver;

void element_init(struct element *e, EVP_PKEY *identity);
void element_deinit(struct element *e);

#endif
