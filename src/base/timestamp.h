/* SPDX-License-Identifier: Apache-2.0
 *
 * timestamp.h - moments as RFC 3339 writes them.
 *
 * Knows no clock: the moment is an argument.  Pure.
 */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_SIZE   40
#define TIMESTAMP_MS_MAX INT64_C(253402300799999) /* the end of the year 9999 */

/* True with a time zone only: "2024-01-15T10:30:00.123Z", "2024-01-15T12:30:00+02:00". */
bool timestamp_is_valid(const char *text);

/* Its milliseconds since the epoch; false: not valid. */
bool timestamp_parse(const char *text, int64_t *wall_ms);

/* "2024-01-15T10:30:00.123Z"; `wall_ms` is since the epoch, 0 to TIMESTAMP_MS_MAX (asserted). */
void timestamp_format(int64_t wall_ms, char to[TIMESTAMP_SIZE]);

#endif
