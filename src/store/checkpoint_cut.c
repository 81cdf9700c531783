/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_cut.c - a checkpoint's cut: copies of what is dirty, made in one turn of the loop.
 *
 * Of cursors only references are taken, of ledgers the figures; their entries are listed when the cut is synced
 * (checkpoint_runs.c).
 */
#include "store/checkpoint_parts.h"

#include "store/store_private.h"

#include <assert.h>
#include <stdlib.h>

void checkpoint_unpin(struct store *s)
{
    struct file_numbers *pinned = &s->checkpoint.pinned;

    for (size_t i = 0; i < pinned->count && s->journal && !s->dead; i++)
        journal_unpin(s->journal, (uint32_t)pinned->list[i]);
    pinned->count = 0;
}

void checkpoint_drop(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    checkpoint_unpin(s);
    for (size_t i = 0; i < c->count; i++) {
        free(c->ledgers[i].places);
        free(c->ledgers[i].runs);
        free(c->ledgers[i].extents);
        ledger_release(&s->ledgers, c->ledgers[i].ledger);
    }
    free(c->ledgers);
    c->ledgers = NULL;
    c->count = 0;
    free(c->victims.list);
    c->victims = (struct file_numbers){0};
    for (size_t i = 0; i < c->cursor_count; i++)
        cursor_row_release(&c->cursors[i].row);
    free(c->cursors);
    c->cursors = NULL;
    c->cursor_count = 0;
    c->rows_complete = false;
    index_batch_deinit(&c->rows);
}

static enum err collect_cursors(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    size_t dirty = 0;
    enum err err;

    for (size_t i = 0; i < s->removed_count; i++) {
        if ((err = index_batch_remove(&c->rows, INDEX_CURSOR, s->removed_cursors[i])) != OK)
            return err;
    }
    list_each (node, &s->dirty_cursors)
        dirty++;
    if (!(c->cursors = malloc((dirty + 1) * sizeof *c->cursors)))
        return ERR_NOMEM;
    list_each (node, &s->dirty_cursors) {
        struct cursor *cursor = container_of(node, struct cursor, dirty_node);
        struct moved_cursor *m = &c->cursors[c->cursor_count];
        if ((err = cursor_take(cursor, &m->row)) != OK)
            return err;
        m->id = cursor->id;
        m->topic = cursor->topic;
        c->cursor_count++;
    }
    return OK;
}

static int by_ledger(const void *left, const void *right)
{
    const struct moved_ledger *a = left, *b = right;

    return a->info.id < b->info.id ? -1 : 1;
}

/* New topics' ledgers are in order already, and sorting as many rows as a checkpoint has is some milliseconds. */
static void sort_ledgers(struct checkpoint *c)
{
    for (size_t i = 1; i < c->count; i++) {
        if (by_ledger(&c->ledgers[i - 1], &c->ledgers[i]) > 0) {
            qsort(c->ledgers, c->count, sizeof *c->ledgers, by_ledger);
            return;
        }
    }
}

static void collect_ledger(struct checkpoint *c, struct ledger *l)
{
    l->held = true;
    c->ledgers[c->count++] = (struct moved_ledger){.info = *ledger_info(l), .ledger = l};
}

static bool has_extent_in(const struct ledger *l, uint64_t file)
{
    for (size_t i = 0; i < l->extent_count; i++) {
        if (l->extents[i].file == file || extent_journal_file(&l->extents[i]) == file)
            return true;
    }
    return false;
}

static size_t count_victims_ledgers(struct store *s)
{
    const struct checkpoint *c = &s->checkpoint;
    size_t n = 0;

    for (size_t i = 0; i < c->victims.count; i++)
        n += segment_table_find(&s->ledgers.segments, c->victims.list[i])->ledger_count;
    return n;
}

/* The owners of living runs in the victims; those that are dirty are here already. */
static void collect_victims_ledgers(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    for (size_t i = 0; i < c->victims.count; i++) {
        const struct segment_use *use = segment_table_find(&s->ledgers.segments, c->victims.list[i]);
        for (size_t k = 0; k < use->ledger_count; k++) {
            struct ledger *l = ledgers_find(&s->ledgers, use->ledgers[k]);
            if (l && l->chain && !l->held && has_extent_in(l, use->number))
                collect_ledger(c, l);
        }
    }
}

static enum err collect_ledgers(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    size_t bound = 1;
    enum err err;

    for (size_t i = 0; i < s->ledgers.deleted_count; i++) {
        if ((err = index_batch_remove(&c->rows, INDEX_LEDGER, s->ledgers.deleted[i])) != OK)
            return err;
    }
    if (c->compacting)
        checkpoint_choose_victims(s);
    list_each (node, &s->ledgers.dirty)
        bound++;
    bound += count_victims_ledgers(s);
    if (!(c->ledgers = calloc(bound, sizeof *c->ledgers)))
        return ERR_NOMEM;
    list_each (node, &s->ledgers.dirty)
        collect_ledger(c, container_of(node, struct ledger, dirty_node));
    collect_victims_ledgers(s);
    sort_ledgers(c);
    return OK;
}

/* All copies are made: from here on new changes count for the next checkpoint. */
static void forget_dirt(struct store *s)
{
    struct list *node;

    while ((node = list_pop_front(&s->ledgers.dirty)))
        container_of(node, struct ledger, dirty_node)->dirty = false;
    while ((node = list_pop_front(&s->dirty_cursors)))
        container_of(node, struct cursor, dirty_node)->dirty = false;
    s->ledgers.dirtied = s->dirtied_cursors = 0;
    s->ledgers.deleted_count = 0;
    s->removed_count = 0;
}

enum err checkpoint_collect(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    enum err err;

    assert(c->count == 0 && !c->ledgers);
    index_batch_init(&c->rows);
    c->mark.next_id = s->next_id;
    if ((err = collect_cursors(s)) == OK && (err = collect_ledgers(s)) == OK)
        err = catalog_tables_take(s->tables, &c->rows);
    if (err != OK) {
        checkpoint_drop(s);
        return err;
    }
    forget_dirt(s);
    return OK;
}

/* What the cut covers is synced by now, or failed: then the ledger is fenced, and its counts are final. */
void checkpoint_settle(struct checkpoint *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct moved_ledger *m = &c->ledgers[i];
        if (m->ledger->fenced && m->ledger->chain)
            m->info = *ledger_info(m->ledger);
        if (m->info.entries > m->ledger->synced)
            m->info.entries = m->ledger->synced;
    }
}
