/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_set.h - a set of entries of one ledger, each with a number: the messages in it, or how often it was asked for
 * again.
 *
 * One Roaring bitmap holds the members.  Next to it stand the numbers, as bit planes: plane k holds the entries
 * whose (number ^ 1) has bit k set, so that entries numbered 1, the common case, cost nothing, and the sum over any run
 * of entries is a few rank queries.
 *
 * A checkpoint does not copy: it shares the sets (entry_sets_share), its worker reads them, and the first change of a
 * shared set copies that one ledger (entry_set_own).  So the cut costs a pointer for each ledger, however many
 * entries are in them, and the worker never sees a change.  References are counted on the core only.
 *
 * Bounds: at most 2 bytes for an entry and plane while entries are sparse, 1 bit while they are dense; a closed ledger
 * of which all entries are members (entry_set_make_whole) costs about 200 bytes, whatever its numbers were.
 *
 * Belongs to one thread, but for what a worker reads.  May call: base/, roaring_bytes.h, CRoaring.
 * CRoaring cannot report that memory is short: there the process ends, and recovery decides.
 *
 * Invariants (entry_set_check): entries, runs and sum are what counting gives; planes are subsets of the members; a
 * whole set holds [0, entries) and has no planes; only a set with one holder changes.
 */
#ifndef STORE_ENTRY_SET_H
#define STORE_ENTRY_SET_H

#include "base/bytes.h"
#include "base/err.h"

struct roaring_bitmap_s;

/* Private to entry_set.c, but for reading the figures. */
struct entry_set {
    int64_t ledger;
    uint64_t entries, sum;            /* members, and the sum of their numbers */
    uint64_t runs;                    /* of neighbours */
    struct roaring_bitmap_s *members; /* never empty in an entry_sets */
    struct roaring_bitmap_s **planes; /* NULL: all numbers are 1, or it is whole; else by bit, NULL where empty */
    struct entry_set *spare;          /* memory for the copy that a change will make, while it is shared */
    uint32_t holders;
    bool whole; /* all entries of its ledger, their sum told, their numbers not kept */
};

/* The number of a member whose number nobody knows yet: plane 31 holds those, and no real number is so great. */
#define ENTRY_NUMBER_UNSURE 0x80000001u

bool entry_set_has(const struct entry_set *s, int64_t entry);
/* 0: not in it.  Not of a whole one. */
uint32_t entry_set_number(const struct entry_set *s, uint32_t entry);
/* The first member at or after `from`; false when there is none. */
bool entry_set_first(const struct entry_set *s, uint32_t from, uint32_t *entry);
/* The end of the run of members that holds `entry`. */
uint32_t entry_set_run_end(const struct entry_set *s, uint32_t entry);
/* Members in [first, last], and the sum of their numbers (of a whole set: of all, or none). */
uint64_t entry_set_count(const struct entry_set *s, uint32_t first, uint32_t last);
uint64_t entry_set_sum(const struct entry_set *s, uint32_t first, uint32_t last);

/* Of [first, last]: those of a number that nobody knows; each is 2^31 too much in the sum. */
uint64_t entry_set_unsure(const struct entry_set *s, uint32_t first, uint32_t last);
/* The first of them; false when there is none. */
bool entry_set_first_unsure(const struct entry_set *s, uint32_t *entry);

/* None of [first, last] is a member.  ERR_NOMEM changes nothing. */
MUST_USE enum err entry_set_add(struct entry_set *s, uint32_t first, uint32_t last, uint32_t number);
/* A member's number becomes another.  Not of a whole set.  ERR_NOMEM changes nothing. */
MUST_USE enum err entry_set_renumber(struct entry_set *s, uint32_t entry, uint32_t number);
/* Those of [first, last] that are members are none any more; of a whole set: all of it. */
void entry_set_remove(struct entry_set *s, uint32_t first, uint32_t last);
/* Its ledger is closed and all `entries` of it are members; the sum of their numbers is `sum`. */
void entry_set_make_whole(struct entry_set *s, uint64_t sum);

/* ---- sets of several ledgers, ascending ---- */

struct entry_sets {
    struct entry_set **list; /* NULL while empty: most are, most of the time */
    uint32_t count, capacity;
};

void entry_sets_deinit(struct entry_sets *l);
/* NULL when absent; for reading. */
const struct entry_set *entry_sets_find(const struct entry_sets *l, int64_t ledger);
/* Where the set of the ledger is; false when there is none. */
bool entry_sets_index(const struct entry_sets *l, int64_t ledger, uint32_t *index);
/* The set at `index`, for changing: a copy takes its place when it is shared. */
struct entry_set *entry_sets_own(struct entry_sets *l, uint32_t index);
/* Found, or made and empty: the caller adds to it, or takes it out again (entry_sets_drop_empty).  For changing. */
MUST_USE enum err entry_sets_obtain(struct entry_sets *l, int64_t ledger, struct entry_set **out);
/* Takes out the set of the ledger if it has no member. */
void entry_sets_drop_empty(struct entry_sets *l, int64_t ledger);
void entry_sets_drop_first(struct entry_sets *l, uint32_t count);

/* The same sets for a worker to read until entry_sets_deinit(out), on the core.  ERR_NOMEM: not shared. */
MUST_USE enum err entry_sets_share(struct entry_sets *l, struct entry_sets *out);

/* ---- as bytes; the format is drawn in entry_set.c ---- */

size_t entry_sets_encoded_size(const struct entry_sets *l);
/* Returns the end. */
uint8_t *entry_sets_encode(const struct entry_sets *l, uint8_t *to);
/* Takes `count` sets off `from` into an empty *l.  On an error *l holds what was read, for entry_sets_deinit.
 * `heads`: as version 1 of a cursor's row has them, without flags. */
enum entry_set_heads { ENTRY_SET_HEADS_1, ENTRY_SET_HEADS_2 };
MUST_USE enum err entry_sets_decode(struct entry_sets *l, struct bytes *from, uint32_t count,
                                    enum entry_set_heads heads);

void entry_set_check(const struct entry_set *s);

#endif
