/* SPDX-License-Identifier: MIT */
/* Checks what any element needs before a driver sees an operation. */
#ifndef CLEAT_SE_CHECK_H
#define CLEAT_SE_CHECK_H

#include "cleat/se.h"

/** @return the words, or NULL in a build that leaves them out. */
static inline const char *cleat_se_check_words(const char *text) {
    return CLEAT_TEXTS ? text : NULL;
}

/** @return 0, or the error the operation ends with; its detail tells why. */
int cleat_se_check_op(const struct cleat_se_driver *driver,
                      struct cleat_se_op *op);

#endif
