/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_set.c - see ack_set.h.
 */
#include "store/ack_set.h"

#include "store/chain.h"

#include <assert.h>

/* ---- the sets of the ledgers ---- */

static void uncount(struct ack_set *s, const struct entry_set *a)
{
    s->entries -= a->entries;
    s->messages -= a->sum;
    s->ranges -= a->runs;
}

static void count(struct ack_set *s, const struct entry_set *a)
{
    s->entries += a->entries;
    s->messages += a->sum;
    s->ranges += a->runs;
}

/* Takes everything at or before p out of the set.  Ledgers before p's go by their figures, unread. */
static void forget_upto(struct ack_set *s, struct position p)
{
    uint32_t gone = 0;

    for (; gone < s->sets.count && s->sets.list[gone]->ledger <= p.ledger; gone++) {
        const struct entry_set *a = s->sets.list[gone];
        const bool all = a->ledger < p.ledger || p.entry >= UINT32_MAX;
        uint32_t first;
        if (!all && (p.entry < 0 || !entry_set_first(a, 0, &first) || first > p.entry))
            break;
        uncount(s, a);
        if (all || entry_set_count(a, 0, (uint32_t)p.entry) == a->entries)
            continue;
        struct entry_set *cut = entry_sets_own(&s->sets, gone);
        entry_set_remove(cut, 0, (uint32_t)p.entry);
        count(s, cut);
        break;
    }
    entry_sets_drop_first(&s->sets, gone);
}

/* mark_delete moves to `to`, over entries of so many messages, if that is known.  At the end of a ledger the chain
 * knows better. */
static void pass(struct ack_set *s, const struct ledger_info *l, size_t n, struct position to, uint64_t messages,
                 bool known)
{
    const struct ledger_info *info = chain_find(l, n, to.ledger);

    s->mark_delete = to;
    if (info && (uint64_t)to.entry + 1 == info->entries)
        s->next_message = info->first_message + info->messages;
    else if (!known || s->next_message == ACK_INDEX_UNKNOWN)
        s->next_message = ACK_INDEX_UNKNOWN;
    else
        s->next_message += messages;
}

/* While what follows mark_delete is in the set, moves over it. */
static void advance(struct ack_set *s, const struct ledger_info *l, size_t n)
{
    while (s->sets.count > 0) {
        const struct position next = chain_after(l, n, s->mark_delete);
        const struct entry_set *a = entry_sets_find(&s->sets, next.ledger);

        if (!a || !entry_set_has(a, next.entry))
            break;
        const uint32_t end = entry_set_run_end(a, (uint32_t)next.entry);
        pass(s, l, n, (struct position){next.ledger, end}, entry_set_sum(a, (uint32_t)next.entry, end),
             entry_set_unsure(a, (uint32_t)next.entry, end) == 0);
        forget_upto(s, s->mark_delete);
    }
}

/* ---- the operations ---- */

void ack_set_init(struct ack_set *s, struct position mark_delete, uint64_t next_message)
{
    *s = (struct ack_set){.mark_delete = mark_delete, .next_message = next_message};
}

void ack_set_deinit(struct ack_set *s)
{
    entry_sets_deinit(&s->sets);
}

void ack_set_reset(struct ack_set *s, struct position mark_delete, uint64_t next_message)
{
    ack_set_deinit(s);
    ack_set_init(s, mark_delete, next_message);
}

static void set_changed(bool *changed, bool value)
{
    if (changed)
        *changed = value;
}

/* Acknowledges those of [first, last] that are not yet: the gaps between the runs that are there. */
static enum err fill_gaps(struct entry_set *a, uint32_t first, uint32_t last, uint32_t messages)
{
    uint64_t at = first;
    uint32_t entry;
    enum err err;

    while (at <= last) {
        bool found = entry_set_first(a, (uint32_t)at, &entry) && entry <= last;
        uint64_t gap_end = found ? entry : (uint64_t)last + 1;
        uint64_t next = found ? (uint64_t)entry_set_run_end(a, entry) + 1 : gap_end;
        if (gap_end > at && (err = entry_set_add(a, (uint32_t)at, (uint32_t)(gap_end - 1), messages)) != OK)
            return err;
        at = next;
    }
    return OK;
}

/* The set of a ledger, for adding to it; taken out of the sums until `add_end`. */
static enum err add_begin(struct ack_set *s, int64_t ledger, struct entry_set **out)
{
    enum err err = entry_sets_obtain(&s->sets, ledger, out);

    if (err == OK)
        uncount(s, *out);
    return err;
}

static void add_end(struct ack_set *s, struct entry_set *a)
{
    count(s, a);
    entry_sets_drop_empty(&s->sets, a->ledger);
}

enum err ack_set_ack_range(struct ack_set *s, const struct ledger_info *l, size_t n, uint64_t ledger, uint32_t first,
                           uint32_t last, uint32_t messages, bool *changed)
{
    const struct ledger_info *info = ledger <= INT64_MAX ? chain_find(l, n, (int64_t)ledger) : NULL;
    int64_t start = first, end = last;
    const uint64_t before = s->entries;
    struct entry_set *a;
    enum err err;

    set_changed(changed, false);
    if (!info || info->entries == 0)
        return OK;
    if (end >= (int64_t)info->entries)
        end = (int64_t)info->entries - 1;
    if ((int64_t)ledger == s->mark_delete.ledger && start <= s->mark_delete.entry)
        start = s->mark_delete.entry + 1;
    if (start > end || (int64_t)ledger < s->mark_delete.ledger)
        return OK;
    if ((err = add_begin(s, (int64_t)ledger, &a)) != OK)
        return err;
    err = a->whole ? OK : fill_gaps(a, (uint32_t)start, (uint32_t)end, messages);
    add_end(s, a);
    set_changed(changed, s->entries != before);
    advance(s, l, n);
    return err;
}

enum err ack_set_ack(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p, uint32_t messages,
                     bool *changed)
{
    struct entry_set *a;
    enum err err;

    set_changed(changed, false);
    if (!chain_has(l, n, p) || ack_set_acked(s, p))
        return OK;
    if (position_equal(p, chain_after(l, n, s->mark_delete))) { /* in order: nothing need be stored */
        pass(s, l, n, p, messages, messages != ACK_COUNT_UNKNOWN);
    } else {
        if ((err = add_begin(s, p.ledger, &a)) != OK)
            return err;
        err = entry_set_add(a, (uint32_t)p.entry, (uint32_t)p.entry, messages);
        add_end(s, a);
        if (err != OK)
            return err;
    }
    set_changed(changed, true);
    advance(s, l, n);
    return OK;
}

static bool is_whole(const struct ack_set *s, int64_t ledger)
{
    const struct entry_set *a = entry_sets_find(&s->sets, ledger);

    return a && a->whole;
}

void ack_set_ack_cumulative(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p,
                            uint64_t next_message, bool *changed)
{
    struct position floor = chain_floor(l, n, p);
    const struct ledger_info *info;

    if (!position_before(s->mark_delete, floor)) {
        set_changed(changed, false);
        return;
    }
    info = chain_find(l, n, floor.ledger);
    if (is_whole(s, floor.ledger))
        floor.entry = (int64_t)info->entries - 1; /* all that follows in it is acknowledged */
    if ((uint64_t)floor.entry + 1 == info->entries)
        next_message = info->first_message + info->messages;
    s->mark_delete = floor;
    s->next_message = next_message;
    forget_upto(s, floor);
    advance(s, l, n);
    set_changed(changed, true);
}

void ack_set_drop_ledger(struct ack_set *s, const struct ledger_info *gone, const struct ledger_info *l, size_t n)
{
    struct position end = {(int64_t)gone->id, (int64_t)gone->entries - 1};

    assert(!chain_find(l, n, end.ledger));
    if (s->mark_delete.ledger > end.ledger)
        return;
    s->mark_delete = end;
    s->next_message = gone->first_message + gone->messages;
    forget_upto(s, (struct position){end.ledger, INT64_MAX});
    advance(s, l, n);
}

bool ack_set_acked(const struct ack_set *s, struct position p)
{
    if (position_compare(p, s->mark_delete) <= 0)
        return true;
    const struct entry_set *a = entry_sets_find(&s->sets, p.ledger);
    return a && entry_set_has(a, p.entry);
}

/* The first position at or after `from` that is in the chain, or will be. */
static struct position chain_at_or_after(const struct ledger_info *l, size_t n, struct position from)
{
    if (n > 0 && from.entry >= 0)
        from.entry--;
    return chain_after(l, n, from);
}

struct position ack_set_next(const struct ack_set *s, const struct ledger_info *l, size_t n, struct position from)
{
    struct position next = chain_after(l, n, s->mark_delete);
    const struct entry_set *a;

    from = chain_at_or_after(l, n, from);
    if (position_before(next, from))
        next = from;
    while ((a = entry_sets_find(&s->sets, next.ledger)) && entry_set_has(a, next.entry))
        next = chain_after(l, n, (struct position){next.ledger, entry_set_run_end(a, (uint32_t)next.entry)});
    return next;
}

uint64_t ack_set_backlog_entries(const struct ack_set *s, const struct ledger_info *l, size_t n)
{
    uint64_t after = chain_entries_between(l, n, s->mark_delete, POSITION_LATEST);

    assert(after >= s->entries);
    return after - s->entries;
}

/* Of the ledger that mark_delete is in, the messages after it; where next_message is not known all of its messages are
 * shared out evenly. */
static uint64_t messages_after(const struct ack_set *s, const struct ledger_info *info)
{
    const uint64_t end = info->first_message + info->messages;
    const uint64_t entries = (uint64_t)(s->mark_delete.entry + 1);

    if (entries >= info->entries)
        return 0;
    if (s->next_message == ACK_INDEX_UNKNOWN)
        return info->messages - info->messages * entries / info->entries;
    return end > s->next_message ? end - s->next_message : 0;
}

/* By ledger, and not by the difference of two indices: where appends failed, the topic's indices have a gap. */
uint64_t ack_set_backlog_messages(const struct ack_set *s, const struct ledger_info *l, size_t n)
{
    uint64_t after = 0, done = s->messages;

    for (size_t i = n; i > 0 && (int64_t)l[i - 1].id >= s->mark_delete.ledger; i--)
        after += (int64_t)l[i - 1].id > s->mark_delete.ledger ? l[i - 1].messages : messages_after(s, &l[i - 1]);
    for (uint32_t i = 0; i < s->sets.count; i++)
        done -= entry_set_unsure(s->sets.list[i], 0, UINT32_MAX) * (ACK_COUNT_UNKNOWN - 1);
    return after > done ? after - done : 0;
}

bool ack_set_unsure(const struct ack_set *s, const struct ledger_info *l, size_t n, struct position *p)
{
    uint32_t entry;

    if (s->next_message == ACK_INDEX_UNKNOWN) {
        *p = chain_after(l, n, s->mark_delete);
        return true;
    }
    for (uint32_t i = 0; i < s->sets.count; i++) {
        if (!entry_set_first_unsure(s->sets.list[i], &entry))
            continue;
        *p = (struct position){s->sets.list[i]->ledger, entry};
        return true;
    }
    return false;
}

void ack_set_learn(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p, uint64_t first_message,
                   uint32_t messages)
{
    uint32_t i;

    if (s->next_message == ACK_INDEX_UNKNOWN && position_equal(p, chain_after(l, n, s->mark_delete)))
        s->next_message = first_message;
    if (!entry_sets_index(&s->sets, p.ledger, &i) || s->sets.list[i]->whole ||
        entry_set_number(s->sets.list[i], (uint32_t)p.entry) != ACK_COUNT_UNKNOWN)
        return;
    struct entry_set *a = entry_sets_own(&s->sets, i);
    uncount(s, a);
    (void)!entry_set_renumber(a, (uint32_t)p.entry, messages);
    count(s, a);
}

/* ---- checkpoints ---- */

void ack_set_compact(struct ack_set *s, const struct ledger_info *l, size_t n)
{
    for (uint32_t i = 0; i < s->sets.count; i++) {
        const struct entry_set *a = s->sets.list[i];
        const struct ledger_info *info = chain_find(l, n, a->ledger);
        if (a->whole || !info || info->open || info->entries != a->entries)
            continue;
        uncount(s, a);
        struct entry_set *whole = entry_sets_own(&s->sets, i);
        entry_set_make_whole(whole, info->messages);
        count(s, whole);
    }
}

enum err ack_set_load(struct ack_set *s, struct entry_sets *sets)
{
    uint32_t first;

    assert(s->sets.count == 0);
    if (sets->count == 0)
        return OK;
    const struct entry_set *a = sets->list[0];
    if (a->ledger < s->mark_delete.ledger || !entry_set_first(a, 0, &first))
        return ERR_CORRUPT;
    if (a->ledger == s->mark_delete.ledger && first <= s->mark_delete.entry + 1)
        return ERR_CORRUPT;
    s->sets = *sets;
    *sets = (struct entry_sets){0};
    for (uint32_t i = 0; i < s->sets.count; i++)
        count(s, s->sets.list[i]);
    return OK;
}

/* ---- invariants ---- */

static void chain_holds(const struct entry_set *a, const struct ledger_info *l, size_t n)
{
    const struct ledger_info *info = chain_find(l, n, a->ledger);

    assert(info && info->entries > 0);
    assert(entry_set_count(a, 0, (uint32_t)(info->entries - 1)) == a->entries);
}

void ack_set_check(const struct ack_set *s, const struct ledger_info *l, size_t n)
{
    struct ack_set sums = {0};
    uint32_t first;

    for (uint32_t i = 0; i < s->sets.count; i++) {
        const struct entry_set *a = s->sets.list[i];
        entry_set_check(a);
        if (l)
            chain_holds(a, l, n);
        assert(i == 0 || s->sets.list[i - 1]->ledger < a->ledger);
        assert(entry_set_first(a, 0, &first));
        assert(position_before(s->mark_delete, (struct position){a->ledger, first}));
        count(&sums, a);
    }
    assert(sums.entries == s->entries);
    assert(sums.messages == s->messages);
    assert(sums.ranges == s->ranges);
    assert(!l || s->sets.count == 0 ||
           position_equal(chain_after(l, n, s->mark_delete), ack_set_next(s, l, n, POSITION_EARLIEST)));
}
