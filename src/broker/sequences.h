/* SPDX-License-Identifier: Apache-2.0
 *
 * sequences.h - the sequence ids of a topic's producers in memory (struct sequence, deduplication.h), and their bounds.
 *
 * Invariant: a sequence is in the map and in `recent`, and `bytes` counts it.  Not for other modules.
 */
#ifndef BROKER_SEQUENCES_H
#define BROKER_SEQUENCES_H

#include "broker/deduplication.h"

#define SEQUENCES_BYTES_MAX (1024 * 1024) /* as a snapshot has them: what a row may hold */

enum { SEQUENCE_HEAD = 8 + 2 };

/* What one takes in a snapshot. */
size_t sequence_size(size_t name_len);
struct bytes sequence_name(const struct sequence *s);

/* The sequence of this name, which may be new; NULL with OK: there is no room, all the others are connected. */
MUST_USE enum err sequence_obtain(struct topic *t, struct bytes name, struct sequence **out);
/* Its producer gave a sign of life. */
void sequence_touch(struct topic *t, struct sequence *s);

/* All of them, those of publishes under way too. */
void sequences_forget(struct topic *t);
/* Those that were away for too long. */
void sequences_forget_silent(struct topic *t);

#endif
