/* SPDX-License-Identifier: Apache-2.0
 *
 * rate.h - how much of something there is in a second, over about the last minute.
 *
 * Counted in windows of a minute that nothing has to turn: whoever adds to a rate, or asks for it, after a window's end
 * begins the next one.  What is told is over the last minute up to now: of the window before, as much as still lies in
 * it, as if it had come evenly.  In the first window it is over the time since the first event, or question, but a
 * second at least.  So a figure is never older than its question, where Pulsar's are up to a minute old.
 */
#ifndef BROKER_RATE_H
#define BROKER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_WINDOW_S  60
#define RATE_WINDOW_NS (RATE_WINDOW_S * UINT64_C(1000000000))

/* Embedded, zeroed at first. */
struct rate {
    uint64_t window_ns;                  /* when the current window began; 0: never used */
    uint64_t count, bytes;               /* in it */
    uint64_t count_before, bytes_before; /* in the one before */
    bool whole;                          /* there was one before */
    double per_second, bytes_per_second; /* as of the last rate_turn */
};

/* Times may be a little before those of earlier calls: of the event's beginning (loop_event_ns), after others'. */
void rate_add(struct rate *r, uint64_t now_ns, uint64_t count, uint64_t bytes);
void rate_turn(struct rate *r, uint64_t now_ns); /* before reading the last two */

#endif
