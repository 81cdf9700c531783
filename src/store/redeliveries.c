/* SPDX-License-Identifier: Apache-2.0
 *
 * redeliveries.c - see redeliveries.h.
 */
#include "store/redeliveries.h"

#include <assert.h>

void redeliveries_deinit(struct redeliveries *r)
{
    entry_sets_deinit(&r->sets);
    r->entries = 0;
}

static bool can_be(struct position p)
{
    return p.ledger >= 0 && p.entry >= 0 && p.entry <= UINT32_MAX;
}

uint32_t redeliveries_get(const struct redeliveries *r, struct position p)
{
    const struct entry_set *s = redeliveries_empty(r) || !can_be(p) ? NULL : entry_sets_find(&r->sets, p.ledger);

    return s ? entry_set_number(s, (uint32_t)p.entry) : 0;
}

enum err redeliveries_add(struct redeliveries *r, struct position p)
{
    const uint32_t count = redeliveries_get(r, p);

    return redeliveries_set(r, p, count == UINT32_MAX ? count : count + 1);
}

enum err redeliveries_set(struct redeliveries *r, struct position p, uint32_t count)
{
    const uint32_t before = redeliveries_get(r, p);
    struct entry_set *s;
    enum err err;

    assert(count > 0 && can_be(p));
    if (count == before)
        return OK;
    if (before == 0 && r->entries >= REDELIVERIES_MAX)
        return ERR_FULL;
    if ((err = entry_sets_obtain(&r->sets, p.ledger, &s)) != OK)
        return err;
    const uint32_t entry = (uint32_t)p.entry;
    err = before > 0 ? entry_set_renumber(s, entry, count) : entry_set_add(s, entry, entry, count);
    if (err == OK && before == 0)
        r->entries++;
    entry_sets_drop_empty(&r->sets, p.ledger);
    return err;
}

/* Members of the set at `index` in [first, last]. */
static void forget_in(struct redeliveries *r, uint32_t index, uint32_t first, uint32_t last)
{
    const uint64_t gone = entry_set_count(r->sets.list[index], first, last);

    if (gone == 0)
        return;
    struct entry_set *s = entry_sets_own(&r->sets, index);
    entry_set_remove(s, first, last);
    r->entries -= gone;
}

void redeliveries_forget(struct redeliveries *r, int64_t ledger, uint32_t first, uint32_t last)
{
    uint32_t index;

    if (!entry_sets_index(&r->sets, ledger, &index))
        return;
    forget_in(r, index, first, last);
    entry_sets_drop_empty(&r->sets, ledger);
}

void redeliveries_forget_upto(struct redeliveries *r, struct position p)
{
    uint32_t gone = 0;

    for (; gone < r->sets.count && r->sets.list[gone]->ledger < p.ledger; gone++)
        r->entries -= r->sets.list[gone]->entries;
    entry_sets_drop_first(&r->sets, gone);
    if (r->sets.count > 0 && p.entry >= 0)
        redeliveries_forget(r, p.ledger, 0, p.entry > UINT32_MAX ? UINT32_MAX : (uint32_t)p.entry);
}

enum err redeliveries_load(struct redeliveries *r, struct entry_sets *sets)
{
    uint64_t entries = 0;

    assert(redeliveries_empty(r));
    for (uint32_t i = 0; i < sets->count; i++) {
        if (sets->list[i]->whole)
            return ERR_CORRUPT;
        entries += sets->list[i]->entries;
    }
    if (entries > REDELIVERIES_MAX)
        return ERR_CORRUPT;
    r->sets = *sets;
    r->entries = entries;
    *sets = (struct entry_sets){0};
    return OK;
}

void redeliveries_check(const struct redeliveries *r)
{
    uint64_t entries = 0;

    for (uint32_t i = 0; i < r->sets.count; i++) {
        const struct entry_set *s = r->sets.list[i];
        entry_set_check(s);
        assert(!s->whole);
        assert(i == 0 || r->sets.list[i - 1]->ledger < s->ledger);
        entries += s->entries;
    }
    assert(entries == r->entries && entries <= REDELIVERIES_MAX);
}
