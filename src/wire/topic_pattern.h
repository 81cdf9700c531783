/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_pattern.h - a regular expression that a client names topics by.
 *
 * It is matched, as a whole, against a topic's name without its domain and without the suffix of a partition:
 * "public/default/orders".  A domain in front of the expression ("persistent://public/default/.*") is cut off, as
 * Pulsar does.  The expression comes from outside: its length is bounded, and so is the work for one name, and for all
 * names: some milliseconds; an expression that wants more is given up.  Pure.  May call: base/, PCRE2 (its interpreter:
 * nothing is compiled to machine code).
 */
#ifndef WIRE_TOPIC_PATTERN_H
#define WIRE_TOPIC_PATTERN_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define TOPIC_PATTERN_MAX 50 /* bytes, as in Pulsar: a longer one is for the client to match */

struct topic_pattern;

/* ERR_TOO_LARGE; ERR_INVALID: not a regular expression, or with a domain that there is not; ERR_NOMEM.  `message` says
 * why. */
MUST_USE enum err topic_pattern_new(struct topic_pattern **out, struct bytes text, char *message, size_t message_size);
void topic_pattern_free(struct topic_pattern *p);

/* False also when the name took too much work, or the pattern is given up. */
bool topic_pattern_matches(struct topic_pattern *p, struct bytes name);
/* It took so much work that what does not match says nothing. */
bool topic_pattern_given_up(const struct topic_pattern *p);
/* For another time there is as much work for all names as in the beginning; but a pattern that took too much for single
 * ones stays given up. */
void topic_pattern_renew(struct topic_pattern *p);

#endif
