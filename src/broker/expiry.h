/* SPDX-License-Identifier: Apache-2.0
 *
 * expiry.h - one subscription's messages that are too old: its mark-delete position moves behind them.
 *
 * From the mark-delete position on, ledgers in which even the newest message is older go as a whole; in the first other
 * one entries are read, in order, up to the first that is young enough.  So no message is expired for its neighbours'
 * age, whatever clients' clocks say.  Goes by ids: the topic may be unloaded, or gone, meanwhile.
 */
#ifndef BROKER_EXPIRY_H
#define BROKER_EXPIRY_H

#include "base/err.h"
#include <stdint.h>

struct broker;

/* Instead of the publish time of the oldest message that is left: */
#define EXPIRY_NOTHING INT64_MIN       /* none is left */
#define EXPIRY_UNKNOWN (INT64_MIN + 1) /* it could not be read */

/* `done` from the loop, once, or never when the broker is freed.  ERR_NOMEM. */
MUST_USE enum err expiry_start(struct broker *b, uint64_t topic, uint64_t subscription, int64_t before_ms,
                               void (*done)(struct broker *b, uint64_t topic, int64_t oldest_ms));

/* Those under way, without a word: the broker is being freed. */
void expiries_free(struct broker *b);

#endif
