/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_runs.c - what a checkpoint's worker is to do: the entries to move, the runs that they make, the files'
 * numbers.
 *
 * A ledger's runs are cut twice: counted, then listed.
 */
#include "store/checkpoint_parts.h"

#include "store/compaction.h"
#include "store/store_private.h"

#include <stdlib.h>

#define RUN_BYTES_MAX (UINT64_C(1) << 30) /* offsets in a run have 32 bits */

/* ---- what there is to move ---- */

/* The entries that the cut covers and no segment has. */
static enum err list_entries(struct moved_ledger *m, uint64_t own_bytes)
{
    const struct ledger *l = m->ledger;

    m->first = l->moved;
    m->count = (uint32_t)m->info.entries - l->moved;
    m->bytes = 0;
    m->merge_from = l->extent_count;
    free(m->places); /* of an attempt that came to nothing */
    if (!(m->places = malloc((m->count + 1) * sizeof *m->places)))
        return ERR_NOMEM;
    for (uint32_t i = 0; i < m->count; i++) {
        m->places[i] = l->places[i];
        m->bytes += l->places[i].len;
    }
    m->busy = m->bytes > own_bytes;
    return OK;
}

/* ---- what goes where ---- */

/* Runs as they are cut; with `runs` NULL they are only counted. */
struct cutting {
    struct moved_run *runs;
    size_t count;
    size_t end;   /* of the last one's extents; SIZE_MAX: nothing can join it */
    uint64_t len; /* of the last one's bytes */
};

static void cut_run(struct cutting *cut, const struct moved_run *run, uint64_t len)
{
    if (cut->runs)
        cut->runs[cut->count] = *run;
    cut->count++;
    cut->end = run->journal ? SIZE_MAX : run->to;
    cut->len = len;
}

static bool joins(const struct cutting *cut, size_t at, uint64_t len)
{
    return cut->end == at && cut->len + len <= RUN_BYTES_MAX;
}

/* Why the extent is not left as it is; of an adopted run it may be the table's segment alone that is to be emptied. */
enum why { LEFT, TABLE, COPIED };

static enum why why_moved(const struct checkpoint *c, const struct moved_ledger *m, size_t i)
{
    const struct extent *e = &m->ledger->extents[i];

    if (i >= m->merge_from)
        return COPIED;
    if (e->journal && checkpoint_is_victim(c, extent_journal_file(e)))
        return COPIED;
    if (!checkpoint_is_victim(c, e->file))
        return LEFT;
    return e->journal ? TABLE : COPIED;
}

/* Adjacent extents that are copied become one run.  What is deleted is not copied: its row keeps the extents that it
 * had. */
static void cut_extents(const struct checkpoint *c, const struct moved_ledger *m, struct cutting *cut)
{
    const struct ledger *l = m->ledger;

    for (size_t i = 0; i < l->extent_count && l->chain && c->compacting; i++) {
        const struct extent *e = &l->extents[i];
        const enum why why = why_moved(c, m, i);
        if (why == LEFT)
            continue;
        if (why == COPIED && joins(cut, i, e->len)) {
            if (cut->runs)
                cut->runs[cut->count - 1].to = i + 1;
            cut->end = i + 1;
            cut->len += e->len;
            continue;
        }
        const struct moved_run run = {.from = i, .to = i + 1, .journal = why == TABLE ? (uint32_t)e->journal : 0};
        cut_run(cut, &run, e->len);
    }
}

/* New entries that stay in one journal file are a run; so are those that are copied, unless they join the last one. */
static void cut_entries(struct checkpoint *c, const struct moved_ledger *m, struct cutting *cut)
{
    const size_t end = m->ledger->extent_count;

    for (uint32_t i = 0, n; i < m->count; i += n) {
        const uint32_t journal = checkpoint_stays_in(c, m, &m->places[i]);
        uint64_t len = 0;
        for (n = 0; i + n < m->count && checkpoint_stays_in(c, m, &m->places[i + n]) == journal; n++)
            len += m->places[i + n].len;
        const struct moved_run run = {.from = end, .to = end, .place = i, .added = n, .journal = journal};
        if (journal || !joins(cut, end, len)) {
            cut_run(cut, &run, len);
        } else {
            if (cut->runs) {
                cut->runs[cut->count - 1].place = i;
                cut->runs[cut->count - 1].added = n;
            }
            cut->end = SIZE_MAX;
        }
    }
}

static size_t cut_runs(struct checkpoint *c, const struct moved_ledger *m, struct moved_run *runs)
{
    struct cutting cut = {.runs = runs, .end = SIZE_MAX};

    cut_extents(c, m, &cut);
    cut_entries(c, m, &cut);
    return cut.count;
}

/* What the run reads of the ledger's old extents. */
static uint64_t bytes_copied(const struct ledger *l, const struct moved_run *run)
{
    uint64_t bytes = 0;

    for (size_t i = run->from; i < run->to; i++)
        bytes += run->journal ? l->extents[i].entries * SEGMENT_ADOPTED_SIZE : l->extents[i].len;
    return bytes;
}

/* So that no other entries are written over those that are copied, should the ledger be deleted meanwhile. */
static enum err pin_sources(struct store *s, const struct ledger *l, const struct moved_run *run)
{
    char path[JOURNAL_PATH_SIZE];

    for (size_t i = run->from; i < run->to; i++) {
        const uint64_t journal = l->extents[i].journal;
        if (!journal)
            continue;
        if (file_numbers_add(&s->checkpoint.pinned, journal) != OK)
            return ERR_NOMEM;
        journal_pin(s->journal, (uint32_t)journal, path);
    }
    return OK;
}

static enum err list_runs(struct store *s, struct moved_ledger *m)
{
    struct checkpoint *c = &s->checkpoint;
    const struct ledger *l = m->ledger;
    uint64_t copied = 0;

    m->run_count = cut_runs(c, m, NULL);
    m->extent_count = l->extent_count + m->run_count;
    free(m->runs);
    free(m->extents);
    m->runs = calloc(m->run_count + 1, sizeof *m->runs);
    m->extents = calloc(m->extent_count + 1, sizeof *m->extents);
    if (!m->runs || !m->extents)
        return ERR_NOMEM;
    (void)cut_runs(c, m, m->runs);
    for (size_t i = 0; i < m->run_count; i++) {
        m->extent_count -= m->runs[i].to - m->runs[i].from;
        copied += bytes_copied(l, &m->runs[i]);
        if (pin_sources(s, l, &m->runs[i]) != OK)
            return ERR_NOMEM;
    }
    m->bytes += copied;
    c->copied += copied;
    c->cost += copied + (copied > 0 ? COMPACTION_RUN_COST : 0);
    return OK;
}

static void number_files(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    bool shared = false;

    c->first_segment = c->mark.next_segment = s->next_segment;
    for (size_t i = 0; i < c->count; i++) {
        if (checkpoint_goes_into(c, &c->ledgers[i], true))
            c->mark.next_segment++;
        shared = shared || checkpoint_goes_into(c, &c->ledgers[i], false);
    }
    if (shared)
        c->mark.next_segment++;
    s->next_segment = c->mark.next_segment;
}

enum err checkpoint_list(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    enum err err;

    c->copied = c->cost = 0;
    checkpoint_unpin(s); /* of an attempt that came to nothing */
    for (size_t i = 0; i < c->count; i++) {
        if ((err = list_entries(&c->ledgers[i], c->own_bytes)) != OK)
            return err;
    }
    checkpoint_choose_adoptions(s);
    if (c->compacting)
        checkpoint_choose_merges(s);
    for (size_t i = 0; i < c->count; i++) {
        if ((err = list_runs(s, &c->ledgers[i])) != OK)
            return err;
    }
    number_files(s);
    return OK;
}
