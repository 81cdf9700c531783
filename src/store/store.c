/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - the calls of store.h, over the modules that do the work.
 *
 * Each call checks, changes what is in memory, and writes the record that makes the change durable; in that order where
 * the record cannot fail, because a store that is out of memory for a record ends the process (store_die).
 */
#include "store/store.h"

#include "base/log.h"
#include "store/compaction.h"
#include "store/recovery.h"
#include "store/store_private.h"
#include "sys/disk.h"
#include "sys/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MIB                  (UINT64_C(1024) * 1024)
#define LEDGERS_A_CHECKPOINT 4096u /* so many changed ledgers let one wait for as many bytes again */
#define MORE_CHECKPOINTS     3u    /* at most so many times */
#define EXECUTOR_BOUND       16    /* jobs waiting; each kind of job submits one at a time */

void store_die(struct store *s, enum err err, const char *what)
{
    if (s->dead)
        return;
    s->dead = true;
    log_error(s->log, "store", "%s: %s; the process ends, and recovery decides at the next start", what, err_text(err));
    if (s->options.on_fatal)
        s->options.on_fatal(s->options.ctx, err, what);
}

struct bytes store_topic_name(const struct store *s, uint64_t topic)
{
    const struct catalog_row *row = catalog_tables_get(s->tables, CATALOG_TOPIC, topic);
    const struct catalog_row *of = row ? NULL : catalog_tables_get(s->tables, CATALOG_SUBSCRIPTION, topic);

    if (of)
        row = catalog_tables_get(s->tables, CATALOG_TOPIC, of->parent);
    return row ? row->name : bytes_of(NULL, 0);
}

bool store_owns_ledgers(const struct store *s, uint64_t id)
{
    return catalog_tables_get(s->tables, CATALOG_TOPIC, id) || catalog_tables_get(s->tables, CATALOG_SUBSCRIPTION, id);
}

uint8_t *store_record(struct store *s, size_t len)
{
    uint8_t *to = s->dead ? NULL : journal_reserve(s->journal, len);

    if (!to)
        store_die(s, ERR_NOMEM, "no memory for a journal record");
    return to;
}

/* ---- barriers ---- */

void store_barrier(struct store *s, struct store_op *op)
{
    journal_barrier(s->journal, op);
}

/* ---- what the journal tells ---- */

static void tell_room_run(struct task *task)
{
    struct store *s = container_of(task, struct store, tell_room);

    if (s->on_room && !s->dead)
        s->on_room(s->on_room_ctx);
}

void store_tell_room(struct store *s)
{
    loop_defer(s->sys.loop, &s->tell_room);
}

bool store_full(const struct store *s)
{
    return s->full_disk.full;
}

bool store_nearly_full(const struct store *s)
{
    return s->full_disk.full || s->full_disk.nearly;
}

static void check_room(struct store *s)
{
    if (!s->had_no_room || !store_has_room(s))
        return;
    s->had_no_room = false;
    if (s->on_room)
        s->on_room(s->on_room_ctx);
}

/* Where nobody follows there is nobody who would ask for the newest entries soon; and who publishes is received into
 * memory that was used a moment ago. */
static void keep_in_memory(struct store *s, struct ledger *l, const struct journal_entry *e)
{
    if (list_empty(&l->chain->cursors))
        tail_run_deinit(&s->ledgers.cache, &l->tail); /* a run has no gaps */
    else
        tail_cache_add(&s->ledgers.cache, &l->tail, e->ledger, e->id, &e->header, e->bytes, e->gathered);
}

static void entry_synced(void *ctx, const struct journal_entry *e, struct journal_place place)
{
    struct store *s = ctx;
    struct ledger *l = ledgers_find(&s->ledgers, e->ledger);
    const bool alive = l && l->chain;

    if (l)
        ledger_synced(&s->ledgers, l, &e->header, e->bytes.len, place);
    if (alive)
        keep_in_memory(s, l, e);
    s->appended_entries++;
    s->appended_bytes += e->bytes.len;
    e->append->done(e->append, alive ? OK : ERR_CLOSED);
}

static void ledger_failed(void *ctx, uint64_t id)
{
    struct store *s = ctx;
    struct ledger *l = ledgers_find(&s->ledgers, id);

    if (l && !l->fenced)
        ledger_fence(l);
}

static void entry_failed(void *ctx, const struct journal_entry *e, enum err err)
{
    struct store *s = ctx;

    if (err == ERR_NOSPACE)
        full_disk_found(s);
    e->append->done(e->append, err);
}

static void batch_closing(void *ctx)
{
    cursors_record(ctx);
}

static size_t dirt(const struct store *s)
{
    return 2 * s->ledgers.dirtied + s->dirtied_cursors + catalog_tables_dirty(s->tables); /* a ledger costs most */
}

/* A checkpoint costs something for each ledger that it writes a row for: with many it waits for more entries. */
static uint64_t checkpoint_due_bytes(const struct store *s)
{
    const uint64_t bytes = s->options.checkpoint_bytes;
    const uint64_t more = s->ledgers.dirtied * (bytes / LEDGERS_A_CHECKPOINT);

    return bytes + (more < MORE_CHECKPOINTS * bytes ? more : MORE_CHECKPOINTS * bytes);
}

static void checkpoint_if_due(struct store *s)
{
    if (!checkpoint_idle(&s->checkpoint) || s->closing)
        return;
    if (journal_untrimmed_bytes(s->journal) >= checkpoint_due_bytes(s) || s->ledgers.unmoved >= CHECKPOINT_ENTRIES ||
        dirt(s) >= CHECKPOINT_DIRT)
        checkpoint_want(s);
    else
        checkpoint_watch_dead(s);
}

static void batch_done(void *ctx)
{
    struct store *s = ctx;

    checkpoint_if_due(s);
    full_disk_if_stuck(s);
    check_room(s);
}

static void journal_no_room(void *ctx)
{
    full_disk_found(ctx);
}

static void journal_fatal(void *ctx, enum err err, const char *what)
{
    store_die(ctx, err, what);
}

/* ---- opening ---- */

static void fill_defaults(struct store_options *o)
{
    if (o->journal_file_bytes == 0)
        o->journal_file_bytes = 64 * MIB;
    if (o->checkpoint_bytes == 0)
        o->checkpoint_bytes = o->journal_file_bytes;
    if (o->own_segment_bytes == 0)
        o->own_segment_bytes = MIB;
    if (o->compaction_bytes == 0)
        o->compaction_bytes = 64 * MIB;
    if (o->compaction_dead_bytes == 0)
        o->compaction_dead_bytes = 32 * MIB;
    if (o->compaction_quiet_ms == 0)
        o->compaction_quiet_ms = 10000;
    if (o->compaction_fan < 2)
        o->compaction_fan = COMPACTION_FAN;
    if (o->adopt_percent == 0)
        o->adopt_percent = 75;
    if (o->tail_cache_bytes == 0)
        o->tail_cache_bytes = 64 * MIB;
    if (o->journal_pending_bytes == 0)
        o->journal_pending_bytes = 32 * MIB;
    if (o->cold_read_bytes == 0)
        o->cold_read_bytes = 32 * MIB;
    if (o->ack_delay_ms == 0)
        o->ack_delay_ms = 1000;
}

static struct store *store_alloc(const struct store_options *options, const struct sys *sys)
{
    struct store *s = calloc(1, sizeof *s);
    uint64_t seed;

    if (!s)
        return NULL;
    s->options = *options;
    fill_defaults(&s->options);
    s->sys = *sys;
    s->log = options->log;
    s->next_id = 1;
    s->next_segment = 1;
    sys->loop->ops->entropy(sys->loop, &seed, sizeof seed);
    ledgers_init(&s->ledgers, seed, s->options.tail_cache_bytes);
    map_init(&s->cursors, seed ^ 3);
    list_init(&s->unrecorded_cursors);
    list_init(&s->dirty_cursors);
    unlinking_init(s);
    full_disk_init(s);
    online_backup_init(s);
    s->tell_room.run = tell_room_run;
    if (catalog_tables_new(&s->tables, seed ^ 4) != OK) {
        store_free(s);
        return NULL;
    }
    return s;
}

static enum err start_workers(struct store *s)
{
    struct loop *loop = s->sys.loop;
    enum err err;

    for (size_t i = 0; i < JOURNAL_FLIGHTS; i++) {
        if ((err = executor_new(loop, "journal", 2, &s->journal_workers[i])) != OK)
            return err;
    }
    if ((err = executor_new(loop, "background", EXECUTOR_BOUND, &s->background)) != OK)
        return err;
    for (size_t i = 0; i < READER_WORKERS; i++) {
        if ((err = executor_new(loop, "reader", EXECUTOR_BOUND, &s->readers[i])) != OK)
            return err;
    }
    return OK;
}

static enum err start_journal(struct store *s, const struct journal_start *start)
{
    const struct journal_owner owner = {
        .ctx = s,
        .entry_synced = entry_synced,
        .ledger_failed = ledger_failed,
        .entry_failed = entry_failed,
        .closing = batch_closing,
        .starved = journal_no_room,
        .batch_done = batch_done,
        .fatal = journal_fatal,
    };
    const struct journal_options options = {
        .file_bytes = s->options.journal_file_bytes,
        .pending_bytes = s->options.journal_pending_bytes,
        .durability = s->options.durability,
        .log = s->log,
        .workers = s->journal_workers,
        .background = s->background,
    };

    return journal_open(&s->journal, &options, &s->sys, &owner, start);
}

enum err store_open(struct store **out, const struct store_options *options, const struct sys *sys, char *message,
                    size_t message_size)
{
    struct journal_start start;
    struct store *s = store_alloc(options, sys);
    enum err err;

    message[0] = '\0';
    if (!s) {
        snprintf(message, message_size, "no memory for the store");
        return ERR_NOMEM;
    }
    if ((err = recovery_run(s, &start, message, message_size)) != OK)
        goto fail;
    if ((err = start_workers(s)) == OK)
        err = start_journal(s, &start);
    recovery_start_deinit(&start);
    if (err != OK)
        goto fail;
    if (s->options.durability == DURABILITY_OS)
        log_warn(
            s->log, "store",
            "durability mode \"os\": receipts do not wait for the disk; a power cut or a crash of the operating system "
            "may take back what was acknowledged in the last seconds");
    reader_init(&s->reader, sys, s->log, s->readers, &s->ledgers, s->journal, s->options.cold_read_bytes);
    checkpoint_if_due(s); /* what an earlier life left dead */
    *out = s;
    return OK;
fail:
    if (message[0] == '\0')
        snprintf(message, message_size, "the store cannot be opened: %s", err_text(err));
    store_free(s);
    return err;
}

enum err store_look(struct store **out, const struct store_options *options, const struct sys *sys,
                    struct recovery_look *look, char *message, size_t message_size)
{
    struct store *s = store_alloc(options, sys);
    enum err err = s ? OK : ERR_NOMEM;

    message[0] = '\0';
    if (s)
        err = recovery_look(s, look, message, message_size);
    if (err == OK) {
        *out = s;
        return OK;
    }
    if (message[0] == '\0')
        snprintf(message, message_size, "the data directory cannot be read: %s", err_text(err));
    store_free(s);
    return err;
}

/* Each belongs to a chain; volatile ones are their owners' to free. */
static void free_cursors(struct store *s)
{
    struct topic_chain *chain;
    size_t at = 0;

    while ((chain = map_next(&s->ledgers.chains, &at)))
        cursors_forget_chain(chain);
}

void store_free(struct store *s)
{
    if (!s)
        return;
    s->dead = true;
    reader_deinit(&s->reader);
    full_disk_deinit(s);
    task_cancel(&s->tell_room);
    unlinking_deinit(s);
    checkpoint_deinit(s);
    online_backup_deinit(s);
    journal_free(s->journal);
    lost_deinit(&s->lost);
    free_cursors(s);
    map_deinit(&s->cursors);
    free(s->removed_cursors);
    ledgers_deinit(&s->ledgers);
    catalog_tables_free(s->tables);
    for (size_t i = 0; i < JOURNAL_FLIGHTS; i++)
        executor_free(s->journal_workers[i]);
    executor_free(s->background);
    for (size_t i = 0; i < READER_WORKERS; i++)
        executor_free(s->readers[i]);
    index_copy_deinit(&s->index_copy);
    catalog_index_close(s->index);
    free(s);
}

/* ---- closing ---- */

static void last_mark_run(struct work *work)
{
    struct store *s = container_of(work, struct store, last_mark);
    struct checkpoint *c = &s->checkpoint;

    c->err = OK;
    if (c->state == CHECKPOINT_IDLE)
        c->err = checkpoint_apply(c);
}

static void last_mark_done(struct work *work)
{
    struct store *s = container_of(work, struct store, last_mark);
    const enum err err = s->checkpoint.err;

    if (err != OK && err != ERR_NOSPACE && err != ERR_NOMEM) {
        store_die(s, err, s->checkpoint.failure);
        return;
    }
    s->closed(s->closed_ctx); /* without the mark, the next start reads the journal: slower, not wrong */
}

/* The seal is written, and all is in segments and the index: the next start need not look at the journal. */
static void journal_stopped(struct store_op *op, enum err err)
{
    struct store *s = container_of(op, struct store, stopped);
    struct checkpoint *c = &s->checkpoint;

    (void)err; /* a stop that fails is fatal, and not told here */
    c->mark.batch = journal_last_batch(s->journal);
    c->mark.journal_file = journal_next_generation(s->journal);
    c->mark.next_id = s->next_id;
    c->mark.next_segment = s->next_segment;
    s->last_mark = (struct work){.run = last_mark_run, .done = last_mark_done};
    enum err submitted = executor_submit(s->background, &s->last_mark);
    assert(submitted == OK); /* a checkpoint, a chore, an unlinking and this one: its queue holds more */
}

static void close_step(void *ctx)
{
    struct store *s = ctx;
    struct checkpoint *c = &s->checkpoint;

    if (c->state == CHECKPOINT_WAITING || c->state == CHECKPOINT_WORKING || !reader_idle(&s->reader) ||
        !online_backup_idle(&s->backup) || s->stopped.done)
        return;
    timer_stop(&c->retry);
    s->stopped.done = journal_stopped;
    journal_stop(s->journal, &s->stopped);
}

void store_checkpoint_stopped(struct store *s)
{
    online_backup_checkpoint_stopped(s);
    checkpoint_if_due(s); /* appends may be refused until the next one: then no batch will come to ask for it */
    full_disk_looked(s, s->checkpoint.free_bytes);
    full_disk_if_stuck(s);
    check_room(s);
    if (s->closing)
        close_step(s);
}

void store_checkpoint_allowed(struct store *s)
{
    if (checkpoint_idle(&s->checkpoint) && s->checkpoint.wanted)
        checkpoint_want(s);
    else
        checkpoint_if_due(s);
}

void store_backup_ended(struct store *s)
{
    unlinking_backup_ended(s);
    store_checkpoint_allowed(s);
    if (s->closing)
        close_step(s);
}

static bool anything_to_move(const struct store *s)
{
    return journal_untrimmed_bytes(s->journal) > 0 || journal_pending_bytes(s->journal) > 0 ||
           !list_empty(&s->dirty_cursors) || !list_empty(&s->ledgers.dirty);
}

void store_close(struct store *s, void (*done)(void *ctx), void *ctx)
{
    struct ledger *l;
    size_t at = 0;

    assert(!s->closing);
    s->closed = done;
    s->closed_ctx = ctx;
    s->closing = true;
    s->reader.idle = close_step;
    s->reader.ctx = s;
    while ((l = map_next(&s->ledgers.by_id, &at))) {
        if (l->chain)
            ledger_close(s, l->id);
    }
    if (anything_to_move(s))
        checkpoint_want(s);
    full_disk_rest(s);
    journal_end(s->journal); /* may be the end of the process */
    online_backup_cancel(s);
    close_step(s);
}

void store_forget_ledger(struct store *s, struct ledger *l, struct file_numbers *files)
{
    struct topic_chain *chain = l->chain;
    const struct ledger_info gone = *ledger_info(l);

    ledgers_remove(&s->ledgers, l, s->journal ? loop_now_ns(s->sys.loop) : 0, files);
    cursors_drop_ledger(chain, &gone);
    if (s->ledgers.short_of_memory)
        store_die(s, ERR_NOMEM, "no memory to remember a deleted ledger");
}

void store_forget_topic(struct store *s, uint64_t topic, struct file_numbers *files)
{
    struct topic_chain *chain = ledgers_find_chain(&s->ledgers, topic);

    if (!chain)
        return;
    cursors_forget_chain(chain);
    while (chain->count > 0)
        store_forget_ledger(s, chain->ledgers[chain->count - 1], files);
    chain->next_message = 0;
    ledgers_drop_chain(&s->ledgers, chain);
}

void store_row_removed(void *ctx, enum catalog_table table, const struct catalog_row *row)
{
    struct forget *f = ctx;

    if (table == CATALOG_SUBSCRIPTION) {
        struct cursor *c = cursor_find(f->store, row->id);
        if (c)
            cursor_remove(c);
        store_forget_topic(f->store, row->id, &f->files); /* ledgers of its own */
    } else if (table == CATALOG_TOPIC) {
        store_forget_topic(f->store, row->id, &f->files);
    }
}

/* ---- catalog ---- */

uint64_t store_id_new(struct store *s)
{
    return s->next_id++;
}

static void record_catalog(struct store *s, const struct catalog_change *change)
{
    const size_t len = RECORD_HEADER_SIZE + catalog_change_size(change);
    uint8_t *to = store_record(s, len);

    if (!to)
        return;
    record_begin(to, RECORD_CATALOG, len);
    catalog_change_encode(change, to + RECORD_HEADER_SIZE);
    journal_flush_within(s->journal, s->options.ack_delay_ms);
}

enum err catalog_put(struct store *s, enum catalog_table table, const struct catalog_row *row)
{
    const struct catalog_change change = {.op = CATALOG_PUT, .table = table, .row = *row};
    enum err err;

    if (s->dead)
        return ERR_CLOSED;
    if (journal_pending_bytes(s->journal) > 2 * s->options.journal_pending_bytes)
        return ERR_FULL;
    if ((err = catalog_tables_put(s->tables, table, row)) != OK)
        return err;
    record_catalog(s, &change);
    return OK;
}

enum err catalog_remove(struct store *s, enum catalog_table table, uint64_t id)
{
    const struct catalog_change change = {.op = CATALOG_REMOVE, .table = table, .row = {.id = id}};
    struct forget forget = {.store = s};
    enum err err;

    if (s->dead)
        return ERR_CLOSED;
    if ((err = catalog_tables_remove(s->tables, table, id, store_row_removed, &forget)) != OK)
        return err;
    record_catalog(s, &change);
    unlinking_release(s, &forget.files);
    return OK;
}

const struct catalog_row *catalog_find(const struct store *s, enum catalog_table table, uint64_t parent,
                                       struct bytes name)
{
    return catalog_tables_find(s->tables, table, parent, name);
}

const struct catalog_row *catalog_get(const struct store *s, enum catalog_table table, uint64_t id)
{
    return catalog_tables_get(s->tables, table, id);
}

void catalog_each(const struct store *s, enum catalog_table table, uint64_t parent,
                  bool (*each)(void *ctx, const struct catalog_row *row), void *ctx)
{
    catalog_tables_each(s->tables, table, parent, each, ctx);
}

size_t catalog_topics(const struct store *s, uint64_t namespace_)
{
    return catalog_tables_topics(s->tables, namespace_);
}

size_t catalog_bytes(const struct store *s, enum catalog_table table)
{
    return catalog_tables_bytes(s->tables, table);
}

void catalog_each_after(const struct store *s, enum catalog_table table, uint64_t parent, struct bytes after,
                        bool (*each)(void *ctx, const struct catalog_row *row), void *ctx)
{
    catalog_tables_each_after(s->tables, table, parent, after, each, ctx);
}

const struct catalog_row *catalog_next(const struct store *s, enum catalog_table table, uint64_t parent,
                                       struct bytes after)
{
    return catalog_tables_next(s->tables, table, parent, after);
}

/* ---- ledgers ---- */

void entry_unref(struct entry *e)
{
    slice_unref(&e->bytes);
}

const struct ledger_info *store_chain(const struct store *s, uint64_t topic, size_t *count)
{
    const struct topic_chain *c = ledgers_find_chain(&s->ledgers, topic);

    *count = c ? c->count : 0;
    return c ? c->infos : NULL;
}

enum err ledger_create(struct store *s, uint64_t topic, uint64_t *id)
{
    const struct topic_chain *c = ledgers_find_chain(&s->ledgers, topic);
    struct ledger_info info = {
        .id = s->next_id,
        .topic = topic,
        .first_message = c ? chain_next_message(c) : 0,
        .created_ms = loop_wall_ms(s->sys.loop),
        .open = true,
    };
    struct ledger *l;
    enum err err;

    if (s->dead)
        return ERR_CLOSED;
    if ((err = ledgers_add(&s->ledgers, &info, &l)) != OK)
        return err;
    s->next_id++;
    const struct record_ledger_create r = {
        .ledger = info.id, .topic = topic, .created_ms = info.created_ms, .first_message = info.first_message};
    uint8_t *to = store_record(s, RECORD_LEDGER_CREATE_SIZE);
    if (to)
        record_ledger_create_encode(to, &r);
    *id = info.id;
    return OK;
}

void ledger_close(struct store *s, uint64_t id)
{
    struct ledger *l = ledgers_find(&s->ledgers, id);

    if (!l || !l->chain || !ledger_info(l)->open)
        return;
    const struct record_ledger_close r = {.ledger = id, .closed_ms = loop_wall_ms(s->sys.loop)};
    ledger_set_closed(&s->ledgers, l, r.closed_ms);
    uint8_t *to = store_record(s, RECORD_LEDGER_CLOSE_SIZE);
    if (to)
        record_ledger_close_encode(to, &r);
    journal_flush_within(s->journal, s->options.ack_delay_ms);
}

void ledger_delete(struct store *s, uint64_t id)
{
    struct ledger *l = ledgers_find(&s->ledgers, id);
    struct file_numbers files = {0};

    if (!l || !l->chain)
        return;
    assert(!ledger_info(l)->open);
    store_forget_ledger(s, l, &files);
    uint8_t *to = store_record(s, RECORD_LEDGER_DELETE_SIZE);
    if (to)
        record_ledger_delete_encode(to, id);
    journal_flush_within(s->journal, s->options.ack_delay_ms);
    unlinking_release(s, &files);
}

bool ledger_has_failed(const struct store *s, uint64_t ledger)
{
    const struct ledger *l = ledgers_find(&s->ledgers, ledger);

    return l && l->chain && l->fenced;
}

int64_t ledger_synced_end(const struct store *s, uint64_t ledger)
{
    const struct ledger *l = ledgers_find(&s->ledgers, ledger);

    return l && l->chain ? (int64_t)l->synced - 1 : -1;
}

/* ---- entries ---- */

bool store_keeps_up(const struct store *s)
{
    return journal_untrimmed_bytes(s->journal) < UNTRIMMED_CHECKPOINTS * s->options.checkpoint_bytes &&
           s->ledgers.unmoved < UNTRIMMED_CHECKPOINTS * CHECKPOINT_ENTRIES;
}

static enum err may_append(struct store *s, const struct ledger *l, size_t len)
{
    if (s->dead || s->closing)
        return ERR_CLOSED;
    if (len > ENTRY_BYTES_MAX)
        return ERR_TOO_LARGE;
    if (!l || !l->chain || l->fenced || l->extent_count >= LEDGER_EXTENTS_MAX)
        return ERR_FENCED;
    if (!ledger_info(l)->open || ledger_info(l)->entries >= ENTRIES_MAX)
        return ERR_FENCED;
    if (s->full_disk.full)
        return ERR_NOSPACE;
    if (!store_keeps_up(s)) {
        s->had_no_room = true;
        full_disk_if_stuck(s);
        return s->full_disk.full ? ERR_NOSPACE : ERR_FULL;
    }
    return OK;
}

enum err ledger_append(struct store *s, uint64_t ledger, const struct entry_header *header, struct slice bytes,
                       struct append *a)
{
    struct ledger *l = ledgers_find(&s->ledgers, ledger);
    enum err err;

    if ((err = may_append(s, l, bytes.len)) != OK)
        return err;
    if ((err = ledger_reserve_place(l)) != OK)
        return err;
    const struct ledger_info *info = ledger_info(l);
    struct journal_entry e = {
        .ledger = ledger, .id = (uint32_t)info->entries, .header = *header, .bytes = bytes, .append = a};
    e.header.first_message = info->first_message + info->messages;
    if ((err = journal_add_entry(s->journal, &e)) != OK) {
        if (err == ERR_NOSPACE)
            full_disk_found(s);
        s->had_no_room = true;
        return err;
    }
    a->position = (struct position){.ledger = (int64_t)ledger, .entry = e.id};
    ledger_count(&s->ledgers, l, &e.header, bytes.len);
    (void)store_has_room(s); /* notes that there is none */
    return OK;
}

size_t store_room_bytes(const struct store *s)
{
    const size_t half = s->options.journal_pending_bytes / 2;
    const size_t flights = journal_room_bytes(s->journal);
    const size_t most = flights < 2 * JOURNAL_BATCH_BYTES ? flights : 2 * JOURNAL_BATCH_BYTES;

    return half < most ? half : most;
}

bool store_has_reserve(struct store *s)
{
    bool has = journal_pending_bytes(s->journal) < s->options.journal_pending_bytes / 8 * 7 && store_keeps_up(s);

    s->had_no_room |= !has;
    return has;
}

bool store_has_room(struct store *s)
{
    bool has = journal_pending_bytes(s->journal) < store_room_bytes(s) && store_keeps_up(s);

    s->had_no_room |= !has; /* whoever is told so waits for on_room */
    return has;
}

void store_on_room(struct store *s, void (*room)(void *ctx), void *ctx)
{
    s->on_room = room;
    s->on_room_ctx = ctx;
}

size_t ledger_peek(struct store *s, struct position from, size_t max, size_t bytes_max, struct entry *out)
{
    return reader_peek(&s->reader, from, max, bytes_max, out);
}

void ledger_read(struct store *s, struct store_read *r)
{
    reader_read(&s->reader, r);
}

void store_drop_reads(struct store *s)
{
    reader_drop(&s->reader);
}

/* ---- figures ---- */

void store_budgets(const struct store *s, const struct budget *out[STORE_BUDGETS])
{
    out[0] = journal_budget(s->journal);
    out[1] = &s->ledgers.cache.budget;
    out[2] = &s->reader.windows.budget;
}

/* Adopted files are the journal's to count. */
static uint64_t segment_file_bytes(const struct store *s)
{
    uint64_t sum = 0, file;
    size_t at = 0;

    while (segment_table_next(&s->ledgers.segments, &at, &file)) {
        if (!(file & FILE_IS_JOURNAL))
            sum += segment_table_find(&s->ledgers.segments, file)->taken;
    }
    return sum;
}

static void count_lost(const struct store *s, struct store_stats *out)
{
    uint64_t before = 0;

    for (size_t i = 0; i < s->lost.count; i++) {
        const struct lost_range *r = &s->lost.list[i];
        const struct ledger *l = ledgers_find(&s->ledgers, r->ledger);
        if (!l || !l->chain)
            continue;
        out->quarantined_ledgers += r->ledger != before; /* a ledger's ranges are neighbours */
        out->quarantined_entries += r->last - r->first + 1u;
        before = r->ledger;
    }
}

static void count_written(const struct store *s, const struct journal_stats *journal, uint64_t out[STORE_CAUSES])
{
    const struct checkpoint *c = &s->checkpoint;

    out[CAUSE_JOURNAL] = journal->bytes;
    out[CAUSE_ZEROS] = journal->zeros;
    out[CAUSE_COMPACTION] = c->compacted_bytes;
    out[CAUSE_CHECKPOINT] = c->segment_bytes > c->compacted_bytes ? c->segment_bytes - c->compacted_bytes : 0;
    out[CAUSE_INDEX] = c->index_bytes;
}

void store_stats(const struct store *s, struct store_stats *out)
{
    struct journal_stats journal;

    journal_stats(s->journal, &journal);
    *out = (struct store_stats){
        .durability = s->options.durability,
        .appended_entries = s->appended_entries,
        .appended_bytes = s->appended_bytes,
        .syncs = journal.syncs,
        .journal_bytes = journal.bytes,
        .ring_batches = journal.ringed,
        .checkpoints = s->checkpoint.done_count,
        .cold_reads = s->reader.cold_reads,
        .cold_read_bytes = s->reader.cold_bytes,
        .cache_hits = s->reader.cache_hits,
        .cold_hits = s->reader.cold_hits,
        .cache_hit_bytes = s->reader.cache_hit_bytes,
        .cache_evictions = s->ledgers.cache.evictions,
        .cache_entries = s->ledgers.cache.entries,
        .journal_pending_bytes = journal_pending_bytes(s->journal),
        .tail_cache_bytes = s->ledgers.cache.budget.used,
        .cold_bytes = s->reader.windows.budget.used,
        .segment_files = segment_table_segments(&s->ledgers.segments),
        .segment_bytes = segment_table_bytes(&s->ledgers.segments),
        .journal_files = journal.files,
        .disk_bytes = journal.file_bytes + segment_file_bytes(s),
        .dead_bytes = segment_table_dead(&s->ledgers.segments),
        .adopted_files = segment_table_journals(&s->ledgers.segments),
        .adopted_bytes = s->checkpoint.adopted_bytes,
        .compactions = s->checkpoint.compactions,
        .compacted_bytes = s->checkpoint.compacted_bytes,
        .index_copies = s->checkpoint.index_copies,
        .disk_full = s->full_disk.full,
        .disk_nearly_full = store_nearly_full(s),
        .disk_free_bytes = s->full_disk.last_free,
        .recovered_entries = s->recovered_entries,
        .ledgers = map_count(&s->ledgers.by_id),
        .recovery_ms = s->recovery_ms,
        .backup_running = s->backup.status.running,
        .backups = s->backup.status.done_count,
        .backups_failed = s->backup.status.failed_count,
        .backup_ms = s->backup.status.done_ms,
        .corrupt_reads = s->reader.corrupt_reads,
    };
    count_written(s, &journal, out->written_bytes);
    count_lost(s, out);
}
