/* SPDX-License-Identifier: MIT */
/* The kernel's random numbers; see cleat/linux_random.h. */
#define _DEFAULT_SOURCE
#include "cleat/linux_random.h"

#include <errno.h>
#include <sys/random.h>

#include "cleat/error.h"

int cleat_linux_random(void *arg, uint8_t *data, size_t len) {
    (void)arg;
    while (len > 0) {
        ssize_t n = getrandom(data, len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return CLEAT_ERR_IO;
        }
        data += n;
        len -= (size_t)n;
    }
    return CLEAT_OK;
}
