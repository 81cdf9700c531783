/* SPDX-License-Identifier: Apache-2.0
 *
 * properties.h - names and values that users give to topics, subscriptions, producers and consumers; the broker only
 * keeps them.
 *
 * Kept encoded, as records.h draws them, in the order of their keys, each key once.  No properties: no bytes.  Pure.
 */
#ifndef BROKER_PROPERTIES_H
#define BROKER_PROPERTIES_H

#include "base/bytes.h"
#include "base/err.h"
#include <stdbool.h>

#define PROPERTIES_BYTES_MAX (16 * 1024) /* of all of one topic or subscription, encoded */

struct property {
    struct bytes key, value;
};

/* Goes through them: `at` is 0 first, then the walk's.  False: no more. */
bool properties_next(struct bytes encoded, size_t *at, struct property *out);
/* NULL data: there is none with this key. */
struct bytes properties_find(struct bytes encoded, struct bytes key);

/* *encoded, which lies in `to` (of PROPERTIES_BYTES_MAX), gets one, or another value for its key.  ERR_INVALID: the
 * key is empty, or one of both is longer than 65,535 bytes; ERR_TOO_LARGE: all of them are.  Then nothing changes. */
MUST_USE enum err properties_put(struct bytes *encoded, uint8_t *to, struct property p);
/* No matter whether it was there. */
void properties_remove(struct bytes *encoded, uint8_t *to, struct bytes key);

/* For free; none: NULL.  ERR_NOMEM. */
MUST_USE enum err properties_copy(uint8_t **out, struct bytes encoded);

/* Of the beginning of *from, which moves behind them: *out is borrowed from it.  ERR_CORRUPT. */
MUST_USE enum err properties_decode(struct bytes *out, struct bytes *from);

#endif
