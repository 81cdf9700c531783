/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.c - see checkpoint.h.
 */
#include "store/checkpoint.h"

#include "base/log.h"
#include "store/store_private.h"
#include "store/window.h"
#include "sys/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_MS 1000u
#define RETRY_LAST_MS  30000u
#define WINDOW_BYTES   (256u * 1024)

/* ---- the worker: from the journal to segments ---- */

/* Borrowed until the next call. */
static enum err get_record(struct checkpoint *c, struct window *w, const struct journal_place *p, struct bytes *out)
{
    char path[JOURNAL_PATH_SIZE];
    enum err err;

    journal_path(path, p->file);
    if (w->name != p->file && (err = window_open(w, c->disk, path, p->file)) != OK)
        return err;
    return window_get(w, p->offset, p->len, out);
}

/* Bytes that went bad between their sync and now are moved as they are: reads of that entry will fail, and only
 * those. */
static void check_record(struct checkpoint *c, const struct moved_ledger *m, uint32_t id, struct bytes record)
{
    struct stored_entry e;

    if (entry_decode_at(&e, record, (struct position){(int64_t)m->info.id, id}) != OK)
        log_error(c->log, "store",
                  "entry %" PRIu32 " of ledger %" PRIu64 " of topic %" PRIu64
                  " does not match its checksum in the journal; it will not be served",
                  id, m->info.id, m->info.topic);
}

static enum err move_ledger(struct checkpoint *c, struct window *w, struct segment_writer *to, struct moved_ledger *m)
{
    struct bytes record;
    enum err err;

    if ((err = segment_run_begin(to, m->info.id, m->first)) != OK)
        return err;
    for (uint32_t i = 0; i < m->count; i++) {
        if ((err = get_record(c, w, &m->places[i], &record)) != OK)
            return err;
        check_record(c, m, m->first + i, record);
        if ((err = segment_add(to, record)) != OK)
            return err;
    }
    return OK;
}

static bool goes_alone(const struct checkpoint *c, const struct moved_ledger *m)
{
    return m->bytes > c->own_bytes;
}

/* One file, of the ledgers [from, to) that bring entries: one that goes alone, or all that do not. */
static enum err write_segment(struct checkpoint *c, struct window *w, uint64_t number, size_t from, size_t to,
                              bool alone)
{
    struct segment_writer *writer = NULL;
    const struct extent *extents;
    size_t count, n = 0;
    enum err err;

    if ((err = segment_writer_new(&writer, c->disk, number, c->mark.batch)) != OK)
        return err;
    for (size_t i = from; i < to && err == OK; i++) {
        if (c->ledgers[i].count > 0 && goes_alone(c, &c->ledgers[i]) == alone)
            err = move_ledger(c, w, writer, &c->ledgers[i]);
    }
    if (err == OK)
        err = segment_finish(writer, &c->fatal);
    if (err == OK) {
        extents = segment_writer_extents(writer, &count);
        for (size_t i = from; i < to; i++) {
            struct moved_ledger *m = &c->ledgers[i];
            if (m->count > 0 && goes_alone(c, m) == alone)
                m->extents[m->extent_count - 1] = extents[n++];
        }
        assert(n == count);
    }
    segment_writer_free(writer);
    return err;
}

static enum err write_segments(struct checkpoint *c)
{
    struct window w = {.max = WINDOW_BYTES};
    uint64_t number = c->first_segment;
    bool shared = false;
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++) {
        const struct moved_ledger *m = &c->ledgers[i];
        if (m->count > 0 && goes_alone(c, m))
            err = write_segment(c, &w, number++, i, i + 1, true);
        else if (m->count > 0)
            shared = true;
    }
    if (err == OK && shared)
        err = write_segment(c, &w, number++, 0, c->count, false);
    window_close(&w);
    if (err == OK && number > c->first_segment) {
        err = c->disk->ops->sync_dir(c->disk, SEGMENT_DIR);
        c->fatal = err != OK;
    }
    assert(number <= c->mark.next_segment);
    return err;
}

/* What a failed attempt left. */
static void unlink_segments(struct checkpoint *c)
{
    char path[SEGMENT_PATH_SIZE];

    for (uint64_t n = c->first_segment; n < c->mark.next_segment; n++) {
        segment_path(path, n);
        (void)c->disk->ops->unlink(c->disk, path);
    }
}

static enum err add_ledger_row(struct checkpoint *c, const struct moved_ledger *m)
{
    const struct catalog_row row = {.id = m->info.id, .parent = m->info.topic};
    uint8_t *value;
    enum err err = index_batch_put_space(&c->rows, INDEX_LEDGER, &row,
                                         LEDGER_INFO_ENCODED + m->extent_count * EXTENT_ENCODED, &value);

    if (err != OK)
        return err;
    ledger_info_encode(&m->info, value);
    for (size_t i = 0; i < m->extent_count; i++)
        extent_encode(value + LEDGER_INFO_ENCODED + i * EXTENT_ENCODED, &m->extents[i]);
    return OK;
}

void checkpoint_run(struct checkpoint *c)
{
    c->fatal = false;
    c->err = OK;
    if (!c->rows_complete) {
        c->err = write_segments(c);
        for (size_t i = 0; i < c->count && c->err == OK; i++)
            c->err = add_ledger_row(c, &c->ledgers[i]); /* a row of an earlier attempt is replaced by the later one */
        if (c->err != OK) {
            snprintf(c->failure, sizeof c->failure, "segments could not be written: %s", err_text(c->err));
            if (!c->fatal)
                unlink_segments(c);
            return;
        }
        c->rows_complete = true;
    }
    c->err = catalog_index_apply(c->index, &c->rows, &c->mark);
    if (c->err != OK) {
        c->fatal = c->err != ERR_NOSPACE && c->err != ERR_NOMEM;
        snprintf(c->failure, sizeof c->failure, "%s", catalog_index_failure(c->index));
    }
}

/* ---- the core: copies ---- */

static void free_job(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    for (size_t i = 0; i < c->count; i++) {
        free(c->ledgers[i].places);
        free(c->ledgers[i].extents);
        if (c->ledgers[i].ledger)
            ledger_release(&s->ledgers, c->ledgers[i].ledger);
    }
    free(c->ledgers);
    c->ledgers = NULL;
    c->count = 0;
    c->rows_complete = false;
    index_batch_deinit(&c->rows);
}

static enum err collect_cursors(struct store *s)
{
    struct index_batch *rows = &s->checkpoint.rows;
    uint8_t *value;
    enum err err;

    for (size_t i = 0; i < s->removed_count; i++) {
        if ((err = index_batch_remove(rows, INDEX_CURSOR, s->removed_cursors[i])) != OK)
            return err;
    }
    list_each (node, &s->dirty_cursors) {
        struct cursor *c = container_of(node, struct cursor, dirty_node);
        const struct catalog_row row = {.id = c->id, .parent = c->topic};
        if ((err = index_batch_put_space(rows, INDEX_CURSOR, &row, ack_set_encoded_size(&c->set), &value)) != OK)
            return err;
        ack_set_encode(&c->set, value);
    }
    return OK;
}

static int by_ledger(const void *left, const void *right)
{
    const struct moved_ledger *a = left, *b = right;

    return a->info.id < b->info.id ? -1 : 1;
}

static enum err collect_ledgers(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    size_t dirty = 0;
    enum err err;

    for (size_t i = 0; i < s->ledgers.deleted_count; i++) {
        if ((err = index_batch_remove(&c->rows, INDEX_LEDGER, s->ledgers.deleted[i])) != OK)
            return err;
    }
    list_each (node, &s->ledgers.dirty)
        dirty++;
    if (!(c->ledgers = calloc(dirty + 1, sizeof *c->ledgers)))
        return ERR_NOMEM;
    list_each (node, &s->ledgers.dirty) {
        struct ledger *l = container_of(node, struct ledger, dirty_node);
        c->ledgers[c->count++].info = *ledger_info(l);
    }
    return OK;
}

/* All copies are made: from here on new changes count for the next checkpoint. */
static void forget_dirt(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct list *node;

    for (size_t i = 0; (node = list_pop_front(&s->ledgers.dirty)); i++) {
        struct ledger *l = container_of(node, struct ledger, dirty_node);
        l->dirty = false;
        l->held = true;
        c->ledgers[i].ledger = l;
    }
    while ((node = list_pop_front(&s->dirty_cursors)))
        container_of(node, struct cursor, dirty_node)->dirty = false;
    s->ledgers.deleted_count = 0;
    s->removed_count = 0;
    qsort(c->ledgers, c->count, sizeof *c->ledgers, by_ledger);
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
        free_job(s);
        return err;
    }
    forget_dirt(s);
    return OK;
}

/* What the cut covers is synced by now, or failed: then the ledger is fenced, and its counts are final. */
static void settle(struct checkpoint *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct moved_ledger *m = &c->ledgers[i];
        if (m->ledger->fenced && m->ledger->chain)
            m->info = *ledger_info(m->ledger);
        if (m->info.entries > m->ledger->synced)
            m->info.entries = m->ledger->synced;
    }
}

/* The entries that the cut covers and no segment has. */
static enum err list_ledger(struct moved_ledger *m)
{
    struct ledger *l = m->ledger;

    m->first = l->moved;
    m->count = (uint32_t)m->info.entries - l->moved;
    m->bytes = 0;
    m->extent_count = l->extent_count + (m->count > 0 ? 1 : 0);
    free(m->places); /* of an attempt that was short of memory */
    free(m->extents);
    m->places = malloc((m->count + 1) * sizeof *m->places);
    m->extents = calloc(m->extent_count + 1, sizeof *m->extents);
    if (!m->places || !m->extents || ledger_reserve_extent(l) != OK)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < m->count; i++) {
        m->places[i] = l->places[i];
        m->bytes += l->places[i].len;
    }
    for (size_t i = 0; i < l->extent_count; i++)
        m->extents[i] = l->extents[i];
    return OK;
}

enum err checkpoint_list(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    bool shared = false;
    enum err err;

    c->first_segment = c->mark.next_segment = s->next_segment;
    for (size_t i = 0; i < c->count; i++) {
        struct moved_ledger *m = &c->ledgers[i];
        if ((err = list_ledger(m)) != OK)
            return err;
        if (m->count > 0 && goes_alone(c, m))
            c->mark.next_segment++;
        else if (m->count > 0)
            shared = true;
    }
    if (shared)
        c->mark.next_segment++;
    s->next_segment = c->mark.next_segment;
    return OK;
}

/* ---- the core: afterwards ---- */

static void take_extent(struct store *s, struct moved_ledger *m)
{
    const struct extent *e = &m->extents[m->extent_count - 1];

    if (m->count == 0 || !m->ledger->chain)
        return;
    if (segment_table_hold(&s->ledgers.segments, m->info.id, e) != OK) {
        store_die(s, ERR_NOMEM, "no memory for the table of segments");
        return;
    }
    ledger_move(&s->ledgers, m->ledger, e, m->first + m->count);
}

void checkpoint_finish(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct file_numbers unused = {0};

    for (size_t i = 0; i < c->count; i++)
        take_extent(s, &c->ledgers[i]);
    for (uint64_t n = c->first_segment; n < c->mark.next_segment; n++) {
        if (!segment_table_has(&s->ledgers.segments, n)) /* its ledgers were deleted meanwhile */
            file_numbers_add(&unused, n);
    }
    free_job(s);
    c->done_count++;
    c->retry_ms = 0;
    store_unlink_segments(s, &unused);
}

/* ---- the core: from step to step ---- */

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
    c->mark.batch = journal_cut(s->journal);
    if (checkpoint_collect(s) != OK) {
        try_later(s, "no memory for the copies");
        return;
    }
    c->state = CHECKPOINT_WAITING;
    journal_barrier(s->journal, &c->cut_synced);
}

static void run_work(struct work *work)
{
    checkpoint_run(container_of(work, struct checkpoint, work));
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
    if (c->err != OK) {
        try_later(s, c->failure);
        return;
    }
    checkpoint_finish(s);
    journal_trim(s->journal, c->mark.batch);
    c->state = CHECKPOINT_IDLE;
    if (c->wanted)
        begin(s);
    else
        store_checkpoint_stopped(s);
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
    settle(c);
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

void checkpoint_want(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    if (c->state == CHECKPOINT_IDLE)
        begin(s);
    else
        c->wanted = true;
}

void checkpoint_init(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    c->disk = s->sys.disk;
    c->index = s->index;
    c->log = s->log;
    c->own_bytes = s->options.own_segment_bytes;
    c->cut_synced.done = cut_synced;
    c->work = (struct work){.run = run_work, .done = work_done};
    timer_init(&c->retry, s->sys.loop, retry_fire);
    index_batch_init(&c->rows);
}

void checkpoint_deinit(struct store *s)
{
    if (!s->checkpoint.disk)
        return;
    timer_stop(&s->checkpoint.retry);
    free_job(s);
}
