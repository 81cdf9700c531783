/* SPDX-License-Identifier: Apache-2.0
 *
 * timestamp.c - dates are checked by the calendar, not by shape alone.
 */
#include "base/timestamp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool two_digits(const char *p, int low, int high)
{
    int value;

    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    value = (p[0] - '0') * 10 + p[1] - '0';
    return value >= low && value <= high;
}

static bool date_is_valid(const char *p)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, last;

    if (!two_digits(p, 0, 99) || !two_digits(p + 2, 0, 99) || p[4] != '-' || !two_digits(p + 5, 1, 12) || p[7] != '-')
        return false;
    year = atoi(p); /* stops at the dash */
    month = atoi(p + 5);
    last = days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    return two_digits(p + 8, 1, last);
}

bool timestamp_is_valid(const char *text)
{
    const char *p = text;

    if (strnlen(text, 20) < 20 || !date_is_valid(p) || (p[10] != 'T' && p[10] != 't'))
        return false;
    if (!two_digits(p + 11, 0, 23) || p[13] != ':' || !two_digits(p + 14, 0, 59) || p[16] != ':' ||
        !two_digits(p + 17, 0, 60)) /* 60: a leap second */
        return false;
    p += 19;
    if (*p == '.') {
        size_t digits = strspn(p + 1, "0123456789");
        if (digits == 0)
            return false;
        p += 1 + digits;
    }
    if (*p == 'Z' || *p == 'z')
        return p[1] == '\0';
    return (*p == '+' || *p == '-') && two_digits(p + 1, 0, 23) && p[3] == ':' && two_digits(p + 4, 0, 59) &&
           p[6] == '\0';
}

/* Behind the seconds: a fraction, of which the milliseconds count, and the zone. */
static int64_t rest_ms(const char *p)
{
    int64_t ms = 0;

    if (*p == '.') {
        for (int64_t unit = 100; *++p >= '0' && *p <= '9'; unit /= 10)
            ms += (*p - '0') * unit;
    }
    if (*p == '+' || *p == '-') {
        const int64_t minutes = atoi(p + 1) * 60 + atoi(p + 4);
        ms -= (*p == '+' ? minutes : -minutes) * 60000;
    }
    return ms;
}

bool timestamp_parse(const char *text, int64_t *wall_ms)
{
    struct tm tm = {0};

    if (!timestamp_is_valid(text))
        return false;
    tm.tm_year = atoi(text) - 1900; /* each stops behind its digits */
    tm.tm_mon = atoi(text + 5) - 1;
    tm.tm_mday = atoi(text + 8);
    tm.tm_hour = atoi(text + 11);
    tm.tm_min = atoi(text + 14);
    tm.tm_sec = atoi(text + 17);
    *wall_ms = (int64_t)timegm(&tm) * 1000 + rest_ms(text + 19);
    return true;
}

void timestamp_format(int64_t wall_ms, char to[TIMESTAMP_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    size_t len;

    assert(wall_ms >= 0 && wall_ms <= TIMESTAMP_MS_MAX);
    gmtime_r(&seconds, &tm);
    len = strftime(to, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    assert(len > 0);
    snprintf(to + len, TIMESTAMP_SIZE - len, ".%03dZ", (int)(wall_ms % 1000));
}
