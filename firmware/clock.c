/* SPDX-License-Identifier: MIT */
/* Calendar dates for mbedTLS, without the heap that gmtime() would ask for. */
#include <mbedtls/platform_util.h>

#include "cleat/bare_port.h"

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *tt,
                                     struct tm *tm_buf) {
    cleat_bare_calendar((uint32_t)*tt, tm_buf);
    return tm_buf;
}
