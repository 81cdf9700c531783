/* SPDX-License-Identifier: Apache-2.0
 *
 * chain.c - walking a topic's ledgers.  Pure; ids ascend along the chain, so a ledger is found by bisection.
 */
#include "store/chain.h"

#include <assert.h>

/* Index of the first ledger whose id is `ledger` or above; n when there is none. */
static size_t index_at_or_after(const struct ledger_info *l, size_t n, int64_t ledger)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        assert(l[middle].id <= INT64_MAX);
        if ((int64_t)l[middle].id < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool names(const struct ledger_info *l, size_t n, size_t i, struct position p)
{
    return i < n && (int64_t)l[i].id == p.ledger;
}

/* Of one ledger: its entries up to and including entry id `entry`. */
static uint64_t entries_upto(const struct ledger_info *l, int64_t entry)
{
    if (entry < 0)
        return 0;
    return (uint64_t)entry >= l->entries ? l->entries : (uint64_t)entry + 1;
}

const struct ledger_info *chain_find(const struct ledger_info *l, size_t n, int64_t ledger)
{
    size_t i = index_at_or_after(l, n, ledger);

    return i < n && (int64_t)l[i].id == ledger ? &l[i] : NULL;
}

bool chain_has(const struct ledger_info *l, size_t n, struct position p)
{
    const struct ledger_info *ledger = chain_find(l, n, p.ledger);

    return ledger && p.entry >= 0 && (uint64_t)p.entry < ledger->entries;
}

struct position chain_after(const struct ledger_info *l, size_t n, struct position p)
{
    size_t i = index_at_or_after(l, n, p.ledger);

    if (n == 0)
        return (struct position){p.ledger < 0 ? 0 : p.ledger, p.entry < 0 ? 0 : p.entry};
    if (names(l, n, i, p)) {
        uint64_t next = entries_upto(&l[i], p.entry);
        if (next < l[i].entries)
            return (struct position){p.ledger, (int64_t)next};
        i++;
    }
    while (i < n && l[i].entries == 0)
        i++;
    if (i < n)
        return (struct position){(int64_t)l[i].id, 0};
    return (struct position){(int64_t)l[n - 1].id, (int64_t)l[n - 1].entries};
}

struct position chain_last(const struct ledger_info *l, size_t n)
{
    return chain_floor(l, n, POSITION_LATEST);
}

struct position chain_first(const struct ledger_info *l, size_t n)
{
    return chain_after(l, n, POSITION_EARLIEST);
}

struct position chain_floor(const struct ledger_info *l, size_t n, struct position p)
{
    size_t i = index_at_or_after(l, n, p.ledger);

    if (names(l, n, i, p) && entries_upto(&l[i], p.entry) > 0)
        return (struct position){p.ledger, (int64_t)entries_upto(&l[i], p.entry) - 1};
    while (i > 0 && l[i - 1].entries == 0)
        i--;
    if (i == 0)
        return POSITION_EARLIEST;
    return (struct position){(int64_t)l[i - 1].id, (int64_t)l[i - 1].entries - 1};
}

uint64_t chain_entries_between(const struct ledger_info *l, size_t n, struct position after, struct position upto)
{
    size_t i = index_at_or_after(l, n, after.ledger);
    uint64_t count = 0, skip = 0;

    if (!position_before(after, upto))
        return 0;
    if (names(l, n, i, after))
        skip = entries_upto(&l[i], after.entry);
    for (; i < n && (int64_t)l[i].id < upto.ledger; i++)
        count += l[i].entries;
    if (names(l, n, i, upto))
        count += entries_upto(&l[i], upto.entry);
    assert(count >= skip);
    return count - skip;
}

bool chain_same_place(const struct ledger_info *l, size_t n, struct position a, struct position b)
{
    return n == 0 || position_equal(chain_after(l, n, a), chain_after(l, n, b));
}
