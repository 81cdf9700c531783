/* SPDX-License-Identifier: Apache-2.0
 *
 * quarantine.h - entries in segments that cannot be read any more, given up: replaced by markers.
 *
 * A run with such entries is written again to a fresh segment: records that hold as they are, for the others markers
 * with their positions, which dispatch skips and counts as acknowledged.  The markers have the messages that the
 * neighbours show to be missing, so that backlogs in messages stay exact.
 * Part of a start, by the user's choice: waits for the disk, before the loop runs.  May call: store_private.h.
 */
#ifndef STORE_QUARANTINE_H
#define STORE_QUARANTINE_H

#include "store/give_up.h"
#include "store/lost.h"
#include "store/store.h"

struct ledger;

/* A record of a marker, ENTRY_HEADER_SIZE bytes. */
void quarantine_marker(uint8_t *to, uint64_t ledger, uint32_t id, uint64_t first_message, uint32_t messages);

/* Reads the ledger's runs, or those in the file that `what` names (a segment, or a journal file).  What cannot be read
 * is added to `lost`, told in the log with the topic's name, and replaced in memory: the checkpoint of this start makes
 * it durable. ERR_NOSPACE, ERR_IO, ERR_NOMEM. */
MUST_USE enum err quarantine_ledger(struct store *s, struct ledger *l, const struct give_up *what, struct lost *lost);

#endif
