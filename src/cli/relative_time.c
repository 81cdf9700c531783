/* SPDX-License-Identifier: Apache-2.0
 *
 * relative_time.c - a span of time as Pulsar's tools take it.
 */
#include "cli/relative_time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_MAX_S (INT64_C(10000) * 365 * 86400)

bool relative_time_parse(const char *text, int64_t *seconds)
{
    static const struct {
        char name;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'y', 365 * 86400}, {'\0', 1}};
    char *end;

    errno = 0;
    int64_t number = strtoll(text, &end, 10), span;
    if (end == text || errno != 0 || strlen(end) > 1)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (*end != units[i].name)
            continue;
        if (__builtin_mul_overflow(number, units[i].seconds, &span) || span > SPAN_MAX_S || span < -SPAN_MAX_S)
            return false;
        *seconds = span;
        return true;
    }
    return false;
}
