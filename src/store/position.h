/* SPDX-License-Identifier: Apache-2.0
 *
 * position.h - where an entry is: ledger and entry number.
 *
 * On the wire an entry id of -1 stands before a ledger's first entry, and -1:-1 is "earliest"; here both are
 * signed for that reason.  Order is by ledger, then entry: ledger ids grow along a topic's chain.
 */
#ifndef STORE_POSITION_H
#define STORE_POSITION_H

#include <stdbool.h>
#include <stdint.h>

struct position {
    int64_t ledger;
    int64_t entry;
};

#define POSITION_EARLIEST ((struct position){-1, -1})
#define POSITION_LATEST   ((struct position){INT64_MAX, INT64_MAX})

/* What may be kept: earliest, before a ledger's first entry, or an entry. */
static inline bool position_keepable(struct position p)
{
    return p.ledger >= -1 && p.entry >= -1 && p.entry <= UINT32_MAX;
}

static inline int position_compare(struct position a, struct position b)
{
    if (a.ledger != b.ledger)
        return a.ledger < b.ledger ? -1 : 1;
    if (a.entry != b.entry)
        return a.entry < b.entry ? -1 : 1;
    return 0;
}

static inline bool position_before(struct position a, struct position b)
{
    return position_compare(a, b) < 0;
}

static inline bool position_equal(struct position a, struct position b)
{
    return position_compare(a, b) == 0;
}

#endif
