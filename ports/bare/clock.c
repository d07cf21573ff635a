/* SPDX-License-Identifier: MIT */
/*
 * Milliseconds out of microseconds, and a date out of seconds. The compiler's
 * division of 64 bits and the C library's calendar take a kilobyte more.
 */
#include "clock.h"

/* By hand, 16 bits at a time: each step is one the processor can. */
uint64_t cleat_bare_divide(uint64_t n, uint16_t by) {
    uint64_t quotient = 0;
    uint32_t rest = 0;
    for (int i = 0; i < 4; i++) {
        rest = rest << 16 | (uint16_t)(n >> 48);
        n <<= 16;
        quotient = quotient << 16 | rest / by;
        rest %= by;
    }
    return quotient;
}

/* Years are counted from 1968-03-01 and begin in March: the leap day is the
 * last one, and months are 153 days in five. */
void cleat_bare_calendar(uint32_t seconds, struct tm *out) {
    uint32_t days = seconds / 86400 + 671;
    uint32_t year = (4 * days + 3) / 1461;
    uint32_t day = days - 1461 * year / 4;
    uint32_t month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    seconds %= 86400;
    out->tm_sec = (int)(seconds % 60);
    out->tm_min = (int)(seconds / 60 % 60);
    out->tm_hour = (int)(seconds / 3600);
    out->tm_mday = (int)day + 1;
    out->tm_mon = (int)((month + 2) % 12);
    out->tm_year = (int)(68 + year + (month >= 10));
}
