/* SPDX-License-Identifier: Apache-2.0
 *
 * deadline.c - see deadline.h.
 */
#include "sys/deadline.h"

#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_in(int64_t ms)
{
    return (struct deadline){now_ms() + ms};
}

int64_t deadline_left(const struct deadline *d)
{
    int64_t left = d->at_ms - now_ms();

    return left > 0 ? left : 0;
}
