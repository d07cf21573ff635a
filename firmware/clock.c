/* SPDX-License-Identifier: MIT */
/* Calendar dates for mbedTLS, without the heap that gmtime() would ask for. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include <mbedtls/platform_util.h>

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *tt,
                                     struct tm *tm_buf) {
    return gmtime_r(tt, tm_buf);
}
