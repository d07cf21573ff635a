/* SPDX-License-Identifier: MIT */
/*
 * Time that does not wrap out of the board's counter that does, and a date out
 * of seconds: with numbers of 32 bits, since the compiler's division of 64 and
 * the C library's calendar take a kilobyte more.
 */
#include "clock.h"

#include "cleat/bare_port.h"

#define SECOND_US 1000000u

static uint32_t uptime_s;
static uint32_t second_us; /* the board's counter when this second began */

uint64_t cleat_port_now_us(void) {
    const uint32_t us = cleat_bare_now_us() - second_us;
    const uint32_t whole_us = us / SECOND_US * SECOND_US;
    uptime_s += us / SECOND_US;
    second_us += whole_us;
    return (uint64_t)uptime_s * SECOND_US + (us - whole_us);
}

uint64_t cleat_port_now_ms(void) {
    const uint32_t us = (uint32_t)cleat_port_now_us() - uptime_s * SECOND_US;
    return (uint64_t)uptime_s * 1000 + us / 1000;
}

uint32_t cleat_bare_uptime_s(void) {
    (void)cleat_port_now_us();
    return uptime_s;
}

/* Month by month: divisions take more code. */
void cleat_bare_calendar(uint32_t seconds, struct tm *out) {
    const uint32_t minutes = seconds / 60;
    const uint32_t hours = minutes / 60;
    uint32_t days = hours / 24;
    uint32_t month = 0;
    uint32_t year = 70;
    out->tm_sec = (int)(seconds - minutes * 60);
    out->tm_min = (int)(minutes - hours * 60);
    out->tm_hour = (int)(hours - days * 24);
    for (;;) {
        uint32_t length = 30 + (0xAD5u >> month & 1);
        if (month == 1) {
            length = year % 4 == 0 ? 29 : 28;
        }
        if (days < length) {
            break;
        }
        days -= length;
        if (++month == 12) {
            month = 0;
            year++;
        }
    }
    out->tm_mday = (int)days + 1;
    out->tm_mon = (int)month;
    out->tm_year = (int)year;
}
