/* SPDX-License-Identifier: Apache-2.0
 *
 * positions.h - a set of positions, in order, each with a count.
 *
 * What waits to be sent again is one, and how often clients asked for an entry again is another.  Bounded: beyond
 * `limit`, or when memory is short, nothing more is taken.  Core thread.  May call: base/, store/position.h.
 */
#ifndef BROKER_POSITIONS_H
#define BROKER_POSITIONS_H

#include "base/tree.h"
#include "store/position.h"
#include <stddef.h>

struct positions {
    struct tree tree; /* private, as all the rest */
    size_t limit;
};

void positions_init(struct positions *s, size_t limit);
void positions_clear(struct positions *s);

static inline size_t positions_count(const struct positions *s)
{
    return tree_count(&s->tree);
}

/* Adds p, or adds one to its count.  False: there is no room. */
bool positions_add(struct positions *s, struct position p);
/* 0: it is not in the set. */
uint32_t positions_get(const struct positions *s, struct position p);
void positions_remove(struct positions *s, struct position p);
/* p and all before it. */
void positions_remove_upto(struct positions *s, struct position p);

/* The first, and how many stand one after the other from it, in its ledger; at most `max`.  0: the set is empty. */
size_t positions_first_run(const struct positions *s, size_t max, struct position *first);
/* All in order: *at NULL to begin with; false at the end. */
bool positions_next(const struct positions *s, struct tree_node **at, struct position *p);

#endif
