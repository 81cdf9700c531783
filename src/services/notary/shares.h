/* SPDX-License-Identifier: Apache-2.0
 *
 * shares.h - what waits for people, source by source: nobody's approvals take all that may be open.
 *
 * An approval may be open for as long as nobody decides, so that one source could fill the table of open workflows (its
 * number and its bytes) and have everybody else's events wait.  A source may have a share of it, and all sources
 * together leave a quarter to workflows that need nobody.  Counts, and says where there is room; who asks decides what
 * becomes of the event.  Pure; may call: base/.
 *
 * Invariant: `count` and `bytes` are the sums over all sources; a source that has nothing is not kept.
 */
#ifndef SERVICES_NOTARY_SHARES_H
#define SERVICES_NOTARY_SHARES_H

#include "base/map.h"

struct share; /* of one source */

struct shares {
    struct map sources; /* private, as all here; by name */
    size_t count, bytes;
    size_t count_max, bytes_max;         /* of all sources */
    size_t source_max, source_bytes_max; /* of each */
};

/* Of a table that takes that many workflows of that many bytes; `source_max` of them may be of one source. */
void shares_init(struct shares *s, size_t open_max, size_t open_bytes_max, size_t source_max, uint64_t seed);
void shares_deinit(struct shares *s); /* all was given back (asserted) */

enum shares_room { SHARES_ROOM, SHARES_SOURCE_FULL, SHARES_FULL };
enum shares_room shares_room(const struct shares *s, struct bytes source, size_t bytes);

/* One workflow more, whatever the bounds are: of one that is taken over nobody asks.  ERR_NOMEM. */
MUST_USE enum err shares_take(struct shares *s, struct bytes source, size_t bytes, struct share **out);
/* Its bytes are others now. */
void shares_change(struct shares *s, struct share *share, size_t before, size_t after);
/* It is not open any more, and had so many bytes. */
void shares_give(struct shares *s, struct share *share, size_t bytes);

#endif
