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

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

bool checkpoint_is_victim(const struct checkpoint *c, uint64_t file)
{
    return c->victim_count > 0 && bsearch(&file, c->victims, c->victim_count, sizeof file, by_number);
}

/* What one checkpoint may copy; less when checkpoints are behind, so that appends need not wait for them. */
static uint64_t copy_budget(const struct store *s)
{
    const uint64_t budget = s->options.compaction_bytes;

    return journal_untrimmed_bytes(s->journal) < BEHIND_CHECKPOINTS * s->options.checkpoint_bytes ? budget : budget / 8;
}

static size_t list_sparse(const struct segment_table *t, struct compaction_file *out)
{
    const struct segment_use *use = NULL;
    size_t n = 0;

    while ((use = segment_table_sparse_next(t, use)))
        out[n++] = (struct compaction_file){
            .number = use->number, .living = use->living, .dead = segment_use_dead(use), .runs = use->runs};
    return n;
}

/* Short of memory, or of space, none are. */
void checkpoint_choose_victims(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    const struct segment_table *t = &s->ledgers.segments;
    const size_t sparse = segment_table_sparse_count(t);
    struct compaction_file *files = sparse > 0 ? malloc(sparse * sizeof *files) : NULL;

    c->victims = files ? malloc(sparse * sizeof *c->victims) : NULL;
    if (c->victims) {
        c->victim_count = compaction_choose_files(files, list_sparse(t, files), copy_budget(s),
                                                  compaction_limit(c->free_bytes, c->own_bytes));
        for (size_t i = 0; i < c->victim_count; i++)
            c->victims[i] = files[i].number;
        if (c->victim_count > 0)
            qsort(c->victims, c->victim_count, sizeof *c->victims, by_number);
    }
    c->hopeless = c->victim_count > 0 ? 0 : segment_table_reclaimable(t);
    free(files);
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

    for (size_t i = 0; i < c->victim_count; i++) {
        const struct segment_use *use = segment_table_find(&s->ledgers.segments, c->victims[i]);
        victims += use ? use->living + use->runs * COMPACTION_RUN_COST : 0;
    }
    const uint64_t left = limit > victims ? limit - victims : 0;
    return budget < left ? budget : left;
}

/* Ledgers that have got into too many pieces; short of memory, none are. */
void checkpoint_choose_merges(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct compaction_merge *merges = malloc((c->count + 1) * sizeof *merges);
    size_t n = 0;

    for (size_t i = 0; i < c->count && merges; i++) {
        const struct moved_ledger *m = &c->ledgers[i];
        const struct ledger *l = m->ledger;
        const uint64_t added = m->count > 0 && checkpoint_stays_in(c, m, &m->places[0]) ? 0 : m->bytes;
        const size_t from =
            compaction_merge_from(l->extents, l->extent_count, added, s->options.compaction_fan, c->own_bytes);
        if (l->chain && from < l->extent_count)
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
