/* SPDX-License-Identifier: Apache-2.0
 *
 * relative_time.h - a span of time as Pulsar's tools take it: "30s", "5m", "1h", "3d", "2w", "10y"; a bare number is
 * seconds.
 */
#ifndef CLI_RELATIVE_TIME_H
#define CLI_RELATIVE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* False: it is none, or longer than 10,000 years.  A sign is allowed: "-1s". */
bool relative_time_parse(const char *text, int64_t *seconds);

#endif
