/* SPDX-License-Identifier: Apache-2.0
 *
 * deadline.h - until when somebody waits: made once of a time span, asked by everybody who waits a part of it.
 *
 * For threads that may wait; a loop has timers.  Any thread.
 */
#ifndef SYS_DEADLINE_H
#define SYS_DEADLINE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

struct deadline {
    int64_t at_ms; /* of the kernel's monotonic clock */
};

struct deadline deadline_in(int64_t ms);

/* Milliseconds that are left; 0: it has passed. */
int64_t deadline_left(const struct deadline *d);

/* A condition variable whose timed waits are of that clock, not of the one that people set. */
void deadline_cond_init(pthread_cond_t *cond);

/* For pthread_cond_timedwait of such a one: `ms` from now. */
struct timespec deadline_time(int64_t ms);

#endif
