/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.c - a checkpoint's steps, and what becomes true in memory when it is done; see checkpoint.h.
 */
#include "store/checkpoint.h"

#include "base/log.h"
#include "store/checkpoint_parts.h"
#include "store/store_private.h"
#include "sys/disk.h"

#include <assert.h>
#include <stdlib.h>

#define RETRY_FIRST_MS 1000u
#define RETRY_LAST_MS  30000u

/* ---- afterwards ---- */

static void release_run(struct store *s, const struct moved_ledger *m, const struct moved_run *run,
                        struct file_numbers *unused)
{
    for (size_t i = run->from; i < run->to; i++) {
        uint64_t left[EXTENT_FILES_MAX];
        const size_t n =
            segment_table_release(&s->ledgers.segments, &m->ledger->extents[i], loop_now_ns(s->sys.loop), left);
        for (size_t k = 0; k < n; k++)
            file_numbers_add(unused, left[k]);
    }
}

/* The index knows the runs now, the deleted ledgers' too, until their deletions are durable. */
static void adopt_runs(struct store *s, const struct moved_ledger *m, struct file_numbers *unused)
{
    for (size_t i = 0; i < m->run_count; i++) {
        const struct extent *e = &m->runs[i].extent;
        if (!e->journal)
            continue;
        journal_adopt(s->journal, (uint32_t)e->journal);
        if (!m->ledger->chain)
            file_numbers_add(unused, extent_journal_file(e));
        if (m->runs[i].added == 0)
            continue;
        journal_count_adopted(s->journal, (uint32_t)e->journal, e->len);
        s->checkpoint.adopted_bytes += e->len;
    }
}

static void take_runs(struct store *s, struct moved_ledger *m, struct file_numbers *unused)
{
    adopt_runs(s, m, unused);
    if (m->run_count == 0 || !m->ledger->chain)
        return;
    for (size_t i = 0; i < m->run_count; i++) {
        if (segment_table_hold(&s->ledgers.segments, m->info.id, &m->runs[i].extent) != OK) {
            store_die(s, ERR_NOMEM, "no memory for the table of segments");
            return;
        }
    }
    for (size_t i = 0; i < m->run_count; i++)
        release_run(s, m, &m->runs[i], unused);
    ledger_move(&s->ledgers, m->ledger, m->extents, m->extent_count, m->first + m->count);
    m->extents = NULL;
}

void checkpoint_finish(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct file_numbers unused = {0};

    for (size_t i = 0; i < c->count; i++)
        take_runs(s, &c->ledgers[i], &unused);
    for (uint64_t n = c->first_segment; n < c->mark.next_segment; n++) {
        if (!segment_table_has(&s->ledgers.segments, n)) /* its ledgers were deleted meanwhile */
            file_numbers_add(&unused, n);
    }
    checkpoint_drop(s);
    c->done_count++;
    c->segment_bytes = c->written;
    c->index_bytes = catalog_index_written(c->index) + index_copy_written(c->copy);
    c->index_copies = 1u + index_copy_is_there(c->copy);
    c->compactions += c->copied > 0;
    c->compacted_bytes += c->copied;
    c->retry_ms = 0;
    unlinking_release(s, &unused);
}

/* ---- from step to step ---- */

static void submit(struct store *s);

static void try_later(struct store *s, const char *what)
{
    struct checkpoint *c = &s->checkpoint;

    if (c->retry_ms == 0)
        log_error(s->log, "store", "a checkpoint is put off: %s; it is tried again until it succeeds", what);
    c->retry_ms = c->retry_ms == 0 ? RETRY_FIRST_MS : c->retry_ms * 2;
    if (c->retry_ms > RETRY_LAST_MS)
        c->retry_ms = RETRY_LAST_MS;
    c->state = CHECKPOINT_RETRY;
    timer_start_ms(&c->retry, c->retry_ms);
    store_checkpoint_stopped(s);
}

void checkpoint_put_off(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    assert(c->state == CHECKPOINT_IDLE && c->ledgers);
    c->retry_ms = RETRY_FIRST_MS;
    c->state = CHECKPOINT_RETRY;
    timer_start_ms(&c->retry, c->retry_ms);
}

static void begin(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    c->wanted = false;
    c->compacting = !s->closing;
    c->mark.batch = journal_cut(s->journal);
    if (checkpoint_collect(s) != OK) {
        try_later(s, "no memory for the copies");
        return;
    }
    c->state = CHECKPOINT_WAITING;
    journal_sync_barrier(s->journal, &c->cut_synced);
}

static void run_work(struct work *work)
{
    checkpoint_run(container_of(work, struct checkpoint, work));
}

/* The same again, without compaction: whatever was in its way is not to be in the way of the checkpoint. */
static void give_up_compaction(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    log_warn(s->log, "store", "nothing is compacted in this checkpoint: %s", c->failure);
    segment_table_bar(&s->ledgers.segments, c->bad_file);
    c->compacting = false;
    if (!c->no_room) /* else less is chosen the next time, or nothing */
        c->hopeless = segment_table_reclaimable(&s->ledgers.segments);
    submit(s);
}

static void work_done(struct work *work)
{
    struct checkpoint *c = container_of(work, struct checkpoint, work);
    struct store *s = container_of(c, struct store, checkpoint);

    if (s->dead)
        return;
    if (c->err != OK && c->fatal) {
        store_die(s, c->err, c->failure);
        return;
    }
    if (c->err != OK && c->copied > 0 && !c->rows_complete) {
        give_up_compaction(s);
        return;
    }
    if (c->err != OK) {
        try_later(s, c->failure);
        return;
    }
    checkpoint_finish(s);
    journal_trim(s->journal, c->mark.batch);
    c->state = CHECKPOINT_IDLE;
    if (!c->wanted) {
        store_checkpoint_stopped(s);
        return;
    }
    online_backup_checkpoint_stopped(s);
    checkpoint_want(s);
}

static void submit(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    enum err err;

    if (!c->rows_complete && (err = checkpoint_list(s)) != OK) {
        try_later(s, "no memory to list the entries");
        return;
    }
    c->state = CHECKPOINT_WORKING;
    if ((err = executor_submit(s->background, &c->work)) != OK)
        try_later(s, "the background worker's queue is full");
}

static void cut_synced(struct store_op *op, enum err err)
{
    struct checkpoint *c = container_of(op, struct checkpoint, cut_synced);
    struct store *s = container_of(c, struct store, checkpoint);

    assert(err == OK);
    c->mark.journal_file = journal_generation(s->journal);
    checkpoint_settle(c);
    submit(s);
}

static void retry_fire(struct timer *timer)
{
    struct checkpoint *c = container_of(timer, struct checkpoint, retry);
    struct store *s = container_of(c, struct store, checkpoint);

    if (c->ledgers)
        submit(s);
    else
        begin(s);
}

bool checkpoint_hasten(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    if (c->state == CHECKPOINT_RETRY)
        timer_start_ms(&c->retry, 0);
    return c->state == CHECKPOINT_RETRY;
}

void checkpoint_want(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    if (c->state == CHECKPOINT_IDLE && !online_backup_bars(&s->backup))
        begin(s);
    else
        c->wanted = true;
}

void checkpoint_init(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    c->disk = s->sys.disk;
    c->index = s->index;
    c->copy = &s->index_copy;
    c->index_copies = 1u + index_copy_is_there(c->copy);
    c->log = s->log;
    c->own_bytes = s->options.own_segment_bytes;
    c->free_bytes = UINT64_MAX;
    c->cut_synced.done = cut_synced;
    c->work = (struct work){.run = run_work, .done = work_done};
    timer_init(&c->retry, s->sys.loop, retry_fire);
    timer_init(&c->ripen, s->sys.loop, checkpoint_ripen_fire);
    index_batch_init(&c->rows);
}

void checkpoint_deinit(struct store *s)
{
    if (!s->checkpoint.disk)
        return;
    timer_stop(&s->checkpoint.retry);
    timer_stop(&s->checkpoint.ripen);
    checkpoint_drop(s);
    free(s->checkpoint.adoptions);
    free(s->checkpoint.pinned.list);
}
