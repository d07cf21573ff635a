/* SPDX-License-Identifier: MIT */
/* A secure element for tests of the tasks: no key, no bus; it answers at once
 * with what the test put here. */
#ifndef TEST_APP_ELEMENT_H
#define TEST_APP_ELEMENT_H

#include "cleat/se.h"

struct test_element {
    int open_errors; /**< OPEN fails that often. */
    int uid_error;   /**< READ of the UID fails with this. */
    int cert_error;  /**< CERTIFICATE fails with this. */
    uint8_t uid[27];
    uint8_t cert[4096];
    size_t cert_len;
    int opens, resets, closes;
};

extern struct test_element test_element;
extern const struct cleat_se_driver test_element_driver;

/** A sound element with this number as its identity. */
void test_element_reset(uint8_t number);
/** Make the certificate a DER element of so many bytes, header included. */
void test_element_cert(size_t len);

#endif
