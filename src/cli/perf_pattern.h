/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_pattern.h - payloads by a pattern, as pulsar-perf's default formatter makes them: %p is the producer's name, %i
 * the message's number, %t nanoseconds; %s, %d, %l and %f are letters, numbers and fractions by chance, with a width in
 * between ("%12s", "%5.2f", "%-4d": negative, too).
 *
 * Pure.
 */
#ifndef CLI_PERF_PATTERN_H
#define CLI_PERF_PATTERN_H

#include "base/random.h"
#include "base/text.h"

/* Appends the pattern's text; what is none of the above stays as it is. */
void perf_pattern_format(struct text *out, struct bytes pattern, const char *producer, uint64_t number, int64_t now_ns,
                         struct random *chance);

#endif
