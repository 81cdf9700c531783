/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_compaction.c - what a checkpoint copies along the way: segment files to empty, extents to merge.
 *
 * It decides how much; what is worth it is chosen by compaction.c.
 */
#include "store/checkpoint_parts.h"

#include "store/compaction.h"
#include "store/store_private.h"

#include <stdlib.h>

#define BEHIND_CHECKPOINTS 4u /* from so many on, compaction holds back */

/* ---- files ---- */

bool checkpoint_is_victim(const struct checkpoint *c, uint64_t file)
{
    return file_numbers_has(&c->victims, file);
}

/* What one checkpoint may copy; less when checkpoints are behind, so that appends need not wait for them. */
static uint64_t copy_budget(const struct store *s)
{
    const uint64_t budget = s->options.compaction_bytes;

    return journal_untrimmed_bytes(s->journal) < BEHIND_CHECKPOINTS * s->options.checkpoint_bytes ? budget : budget / 8;
}

/* To be emptied now, soon, or not as long as the journal needs it. */
enum ripeness { RIPE, RIPENING, NEEDED };

/* A full disk waits for nothing. */
static enum ripeness ripeness(struct store *s, const struct segment_use *use)
{
    const uint64_t quiet_ns = s->options.compaction_quiet_ms * NS_PER_MS;

    if ((use->number & FILE_IS_JOURNAL) && !journal_is_done_with(s->journal, (uint32_t)use->number))
        return NEEDED;
    if (use->stirred_ns > 0 && loop_now_ns(s->sys.loop) < use->stirred_ns + quiet_ns && !store_full(s))
        return RIPENING;
    return RIPE;
}

static size_t list_ripe(struct store *s, struct compaction_file *out)
{
    const struct segment_use *use = NULL;
    size_t n = 0;

    while ((use = segment_table_sparse_next(&s->ledgers.segments, use))) {
        if (ripeness(s, use) != RIPE)
            continue;
        out[n++] = (struct compaction_file){
            .number = use->number, .living = use->living, .dead = segment_use_dead(use), .runs = use->runs};
    }
    return n;
}

void checkpoint_choose_victims(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    const struct segment_table *t = &s->ledgers.segments;
    const size_t sparse = segment_table_sparse_count(t);
    struct compaction_file *files = sparse > 0 ? malloc(sparse * sizeof *files) : NULL;
    size_t ripe = 0, chosen = 0;

    if (files) {
        ripe = list_ripe(s, files);
        chosen = compaction_choose_files(files, ripe, copy_budget(s), compaction_limit(c->free_bytes, c->own_bytes));
    }
    for (size_t i = 0; i < chosen; i++)
        (void)file_numbers_add(&c->victims, files[i].number); /* short of memory, fewer */
    file_numbers_sort(&c->victims);
    c->emptied = c->victims.count > 0;
    if (c->emptied || ripe > 0)
        c->hopeless = c->emptied ? 0 : segment_table_reclaimable(t);
    free(files);
}

/* ---- when nothing else asks for a checkpoint ---- */

static bool is_worth_one(const struct store *s)
{
    const uint64_t reclaimable = segment_table_reclaimable(&s->ledgers.segments);

    return reclaimable >= s->options.compaction_dead_bytes && reclaimable > s->checkpoint.hopeless;
}

void checkpoint_watch_dead(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    const uint64_t reclaimable = segment_table_reclaimable(&s->ledgers.segments);

    if (c->hopeless > reclaimable)
        c->hopeless = reclaimable; /* some came free without it */
    if (is_worth_one(s) && !timer_running(&c->ripen))
        timer_start_ms(&c->ripen, c->emptied || store_full(s) ? 0 : s->options.compaction_quiet_ms);
}

static void look_at_dead(struct store *s)
{
    const struct segment_use *use = NULL;
    uint64_t of[NEEDED + 1] = {0};

    while ((use = segment_table_sparse_next(&s->ledgers.segments, use)))
        of[ripeness(s, use)] += segment_use_dead(use);
    if (of[RIPE] >= s->options.compaction_dead_bytes)
        checkpoint_want(s);
    else if (of[RIPENING] > 0)
        timer_start_ms(&s->checkpoint.ripen, s->options.compaction_quiet_ms);
    else
        s->checkpoint.hopeless = segment_table_reclaimable(&s->ledgers.segments);
}

void checkpoint_ripen_fire(struct timer *timer)
{
    struct store *s = container_of(container_of(timer, struct checkpoint, ripen), struct store, checkpoint);

    if (checkpoint_idle(&s->checkpoint) && !s->closing && is_worth_one(s)) /* else asked again at its end */
        look_at_dead(s);
}

/* ---- extents ---- */

static uint64_t extents_bytes(const struct ledger *l, size_t from)
{
    uint64_t bytes = 0;

    for (size_t i = from; i < l->extent_count; i++)
        bytes += l->extents[i].len;
    return bytes;
}

/* What the victims leave of the room. */
static uint64_t merge_budget(const struct store *s)
{
    const struct checkpoint *c = &s->checkpoint;
    const uint64_t limit = compaction_limit(c->free_bytes, c->own_bytes), budget = copy_budget(s);
    uint64_t victims = 0;

    for (size_t i = 0; i < c->victims.count; i++) {
        const struct segment_use *use = segment_table_find(&s->ledgers.segments, c->victims.list[i]);
        if (use)
            victims += compaction_cost(&(struct compaction_file){.living = use->living, .runs = use->runs});
    }
    const uint64_t left = limit > victims ? limit - victims : 0;
    return budget < left ? budget : left;
}

/* What a busy ledger brings is no small piece. */
void checkpoint_choose_merges(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct compaction_merge *merges = malloc((c->count + 1) * sizeof *merges);
    const uint64_t settled = c->own_bytes / 4; /* to read so much takes no less than to find it */
    size_t n = 0;

    for (size_t i = 0; i < c->count && merges; i++) {
        const struct moved_ledger *m = &c->ledgers[i];
        const struct ledger *l = m->ledger;
        const uint64_t added = m->count > 0 && checkpoint_stays_in(c, m, &m->places[0]) ? 0 : m->bytes;
        const size_t from =
            compaction_merge_from(l->extents, l->extent_count, added, s->options.compaction_fan, settled);
        if (l->chain && !m->busy && from < l->extent_count)
            merges[n++] = (struct compaction_merge){.ledger = i,
                                                    .from = from,
                                                    .extents = l->extent_count - from,
                                                    .bytes = extents_bytes(l, from) + COMPACTION_RUN_COST};
    }
    n = compaction_choose_merges(merges, n, merge_budget(s));
    for (size_t i = 0; i < n; i++)
        c->ledgers[merges[i].ledger].merge_from = merges[i].from;
    free(merges);
}
