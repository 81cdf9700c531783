/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - batches on their way to the disk; see journal.h.
 *
 *     record -> forming -> (closed by a flush, a cut, or its size) -> queue -> flying -> synced: callbacks
 *                                                                               |
 *                                          a failed write, before any sync: entries of all three are taken out
 *                                          ("doomed"), and the batch is written once more without them, over what
 *                                          may be there of it; then their callbacks.  Fails that too: the end.
 */
#include "store/journal.h"

#include "base/log.h"
#include "store/journal_batch.h"
#include "store/journal_files.h"
#include "store/journal_write.h"
#include "sys/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define SEAL_AFTER_MS  1000
#define PUBLISHING_MS  1000 /* since the last entry */
#define SPACE_RETRY_MS 1000
#define UNSYNCED_MS    1000 /* durability mode "os": so often a batch is synced all the same */

/* Entries that a failed write took out, until the batch was overwritten. */
struct doomed {
    struct journal_entry *list; /* with a reference of their bytes */
    size_t count, capacity;
    enum err err;
};

struct journal {
    /* Set at creation. */
    struct sys sys;
    struct log *log;
    struct executor *worker;
    struct journal_owner owner;

    /* Records on their way. */
    struct gather gather;
    struct batch *forming; /* NULL until the next record */
    struct list queue;     /* of closed batches */
    struct batch *flying;  /* with the worker */
    struct budget pending; /* what they are charged for */
    uint64_t next_batch;   /* the number of the next that begins to form */
    bool flush_wanted;
    struct store_op *idle_ops; /* barriers with nothing to wait for */
    struct store_op *stop_op;
    struct task flush_task;
    struct timer delay_timer, seal_timer;
    struct timer space_timer; /* runs while the flying batch waits for room on the disk */
    bool starved;             /* it waited once, which was logged */
    bool ending;              /* nothing waits for room any more */

    /* The disk. */
    struct journal_files files;
    struct journal_write write;
    struct work work;
    uint32_t previous_crc;
    uint64_t durable; /* the last batch known to be synced, with all before it */
    uint64_t last_sync_ns;
    bool sealed;   /* the last batch written is a seal, or none was */
    bool retrying; /* the flying batch failed once */
    bool dead;     /* fatal was called */
    struct doomed doomed;
    uint64_t last_write_ns;
    uint64_t published_ns; /* when the last batch with entries was done; 0: none yet */

    /* Figures. */
    uint64_t syncs, written, trimmed; /* bytes in batches */
    uint64_t cut_batch, cut_written;  /* of the last cut; cut_written is known once the batch is synced */
};

static void flush_run(struct task *task);
static void write_done(struct work *work);

/* ---- the queue ---- */

static void ask_flush(struct journal *j)
{
    j->flush_wanted = true;
    if (!j->flying && !j->dead)
        loop_defer(j->sys.loop, &j->flush_task);
}

static void close_forming(struct journal *j)
{
    list_push_back(&j->queue, &j->forming->node);
    j->forming = NULL;
}

/* A batch that lost its entries may be left with barriers only. */
static bool forming_is_due(const struct journal *j)
{
    return j->forming && (j->forming->count > 0 || j->forming->ops);
}

/* The batch that a record of `len` bytes joins; NULL when memory is short. */
static struct batch *forming_for(struct journal *j, size_t len)
{
    if (j->forming && !batch_takes(j->forming, len)) {
        close_forming(j);
        ask_flush(j);
    }
    if (!j->forming) {
        j->forming = batch_new(j->next_batch);
        if (j->forming)
            j->next_batch++;
    }
    return j->forming;
}

uint8_t *journal_reserve(struct journal *j, size_t len)
{
    assert(!j->stop_op);

    struct batch *b = forming_for(j, len);
    if (!b)
        return NULL;
    const size_t before = b->charge;
    uint8_t *at = batch_reserve(b, &j->gather, len);
    j->pending.used += b->charge - before;
    return at;
}

enum err journal_add_entry(struct journal *j, const struct journal_entry *e)
{
    assert(!j->stop_op);
    assert(e->bytes.len <= ENTRY_BYTES_MAX);

    if (j->starved)
        return ERR_NOSPACE;
    if (j->pending.used > j->pending.limit)
        return ERR_FULL;
    struct batch *b = forming_for(j, entry_header_size(&e->header) + e->bytes.len);
    if (!b)
        return ERR_NOMEM;
    const size_t before = b->charge;
    enum err err = batch_add_entry(b, &j->gather, e);
    j->pending.used += b->charge - before;
    if (err == OK)
        ask_flush(j);
    return err;
}

uint64_t journal_pending_bytes(const struct journal *j)
{
    return j->pending.used;
}

bool journal_publishing(const struct journal *j)
{
    return j->published_ns > 0 && loop_now_ns(j->sys.loop) - j->published_ns < PUBLISHING_MS * NS_PER_MS;
}

const struct budget *journal_budget(const struct journal *j)
{
    return &j->pending;
}

static void delay_fire(struct timer *timer)
{
    ask_flush(container_of(timer, struct journal, delay_timer));
}

void journal_flush_within(struct journal *j, uint32_t ms)
{
    if (!j->flush_wanted && !timer_running(&j->delay_timer))
        timer_start_ms(&j->delay_timer, ms);
}

/* The last batch that holds anything, or NULL. */
static struct batch *last_batch(struct journal *j)
{
    if (forming_is_due(j))
        return j->forming;
    if (!list_empty(&j->queue))
        return container_of(j->queue.prev, struct batch, node);
    return j->flying;
}

static void idle_op_add(struct journal *j, struct store_op *op)
{
    struct store_op **end = &j->idle_ops;
    while (*end)
        end = &(*end)->next;
    op->next = NULL;
    *end = op;
}

void journal_barrier(struct journal *j, struct store_op *op)
{
    j->owner.closing(j->owner.ctx);
    struct batch *b = last_batch(j);
    if (b)
        batch_add_op(b, op);
    else
        idle_op_add(j, op);
    if (b != j->flying || !b)
        ask_flush(j);
}

/* The batch that takes `op` if what is written and not synced needs one more; NULL: all is durable. */
static struct batch *batch_to_sync(struct journal *j)
{
    struct batch *b = last_batch(j);

    if (b && (b != j->flying || j->write.sync))
        return b;
    if (!b && j->durable == journal_last_batch(j))
        return NULL;
    if (!(b = forming_for(j, 0)))
        j->owner.fatal(j->owner.ctx, ERR_NOMEM, "no memory for a journal batch");
    return b;
}

void journal_sync_barrier(struct journal *j, struct store_op *op)
{
    j->owner.closing(j->owner.ctx);
    struct batch *b = batch_to_sync(j);
    if (!b) {
        idle_op_add(j, op);
    } else {
        b->sync = true;
        batch_add_op(b, op);
    }
    if (b != j->flying || !b)
        ask_flush(j);
}

uint64_t journal_cut(struct journal *j)
{
    j->owner.closing(j->owner.ctx);
    if (forming_is_due(j)) {
        close_forming(j);
        ask_flush(j);
    }
    j->cut_batch = journal_last_batch(j);
    j->cut_written = j->written; /* grows until the batch is synced */
    return j->cut_batch;
}

/* ---- to the worker and back ---- */

static void die(struct journal *j, enum err err, const char *what)
{
    if (j->dead)
        return;
    j->dead = true;
    j->owner.fatal(j->owner.ctx, err, what);
}

/* In durability mode "sync" each batch; in "os" those that more is promised of. */
static bool must_sync(const struct journal *j, const struct batch *b)
{
    return !j->files.unsynced || !j->write.file_header.unsynced || j->write.with_header || b->sync ||
           b->kind == BATCH_SEAL || j->retrying ||
           loop_now_ns(j->sys.loop) - j->last_sync_ns >= UNSYNCED_MS * NS_PER_MS;
}

static void submit(struct journal *j, struct batch *b)
{
    enum err err;

    assert(!j->flying || j->retrying);
    j->flying = b;
    j->write.batch = b;
    j->write.previous_crc = j->previous_crc;
    j->write.unsynced = (uint32_t)(b->number - 1 - j->durable);
    if ((err = journal_files_place(&j->files, &j->write, j->previous_crc)) == OK) {
        j->write.sync = must_sync(j, b);
        err = executor_submit(j->worker, &j->work);
    }
    if (err != OK) /* memory for a table's row; the queue of the worker is ours alone */
        die(j, err, "a journal batch could not be handed to its worker");
}

static void run_ops(struct store_op *op, enum err err)
{
    while (op) {
        struct store_op *next = op->next; /* its memory is its owner's again once it is told */
        op->done(op, err);
        op = next;
    }
}

static void run_idle_ops(struct journal *j)
{
    struct store_op *ops = j->idle_ops;
    j->idle_ops = NULL;
    run_ops(ops, OK);
}

/* Nothing is left to write: close the log behind the last batch. */
static void submit_seal(struct journal *j)
{
    struct batch *b = j->forming ? j->forming : batch_new(j->next_batch);
    if (!b)
        return; /* the timer comes again with the next batch; a missing seal is not a fault */
    if (!j->forming)
        j->next_batch++;
    assert(b->count == 0);
    j->forming = NULL;
    b->kind = BATCH_SEAL;
    submit(j, b);
}

static void finish_stop(struct journal *j)
{
    if (!j->sealed) {
        submit_seal(j);
        return;
    }
    struct store_op *op = j->stop_op;
    op->next = NULL;
    run_ops(op, OK);
}

static void flush_run(struct task *task)
{
    struct journal *j = container_of(task, struct journal, flush_task);

    if (j->flying || j->dead)
        return;
    run_idle_ops(j);
    if (list_empty(&j->queue) && j->flush_wanted) {
        j->owner.closing(j->owner.ctx);
        if (list_empty(&j->queue))
            j->flush_wanted = false;
        timer_stop(&j->delay_timer);
        if (forming_is_due(j))
            close_forming(j);
    }
    struct list *node = list_pop_front(&j->queue);
    if (node) {
        submit(j, container_of(node, struct batch, node));
        return;
    }
    if (j->stop_op)
        finish_stop(j);
}

static void seal_fire(struct timer *timer)
{
    struct journal *j = container_of(timer, struct journal, seal_timer);
    const uint64_t due = j->last_write_ns + SEAL_AFTER_MS * NS_PER_MS;

    if (j->flying || j->dead || j->sealed || j->stop_op || !list_empty(&j->queue))
        return; /* the batch that is under way arms it again */
    if (loop_now_ns(j->sys.loop) < due)
        timer_start_at(&j->seal_timer, due);
    else if (forming_is_due(j))
        ask_flush(j);
    else
        submit_seal(j);
}

/* ---- a batch that could not be written ---- */

static enum err doomed_add(struct doomed *d, const struct journal_entry *e)
{
    if (d->count == d->capacity) {
        size_t wanted = d->capacity ? d->capacity * 2 : 64;
        void *grown = realloc(d->list, wanted * sizeof *d->list);
        if (!grown)
            return ERR_NOMEM;
        d->list = grown;
        d->capacity = wanted;
    }
    d->list[d->count] = *e;
    d->list[d->count++].bytes = slice_ref(e->bytes);
    return OK;
}

/* Takes the entries out of the batch; other records stay. */
static enum err doom_entries(struct journal *j, struct batch *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->count; i++) {
        struct batch_item *item = &b->items[i];
        if (!item->entry) {
            b->items[kept++] = *item;
            continue;
        }
        struct journal_entry e = batch_entry(item);
        if (doomed_add(&j->doomed, &e) != OK)
            return ERR_NOMEM;
        b->payload -= entry_header_size(&e.header) + item->bytes.len;
        slice_unref(&item->bytes);
    }
    b->count = kept;
    b->entries = 0;
    return OK;
}

static enum err doom_all(struct journal *j)
{
    if (doom_entries(j, j->flying) != OK)
        return ERR_NOMEM;
    list_each (node, &j->queue) {
        if (doom_entries(j, container_of(node, struct batch, node)) != OK)
            return ERR_NOMEM;
    }
    return j->forming ? doom_entries(j, j->forming) : OK;
}

static void space_fire(struct timer *timer)
{
    struct journal *j = container_of(timer, struct journal, space_timer);

    if (!j->dead)
        submit(j, j->flying);
}

/* Even what was written ahead for it is used up: what is left of the batch waits, and all behind it. */
static void wait_for_space(struct journal *j)
{
    if (!j->starved)
        log_error(j->log, "store", "journal batch %" PRIu64 " finds no room on the disk; it is tried again every %d s",
                  j->flying->number, SPACE_RETRY_MS / 1000);
    j->starved = true;
    timer_start_ms(&j->space_timer, SPACE_RETRY_MS);
    j->owner.starved(j->owner.ctx);
}

static void write_failed(struct journal *j, enum err err)
{
    if (j->retrying) {
        if (err == ERR_NOSPACE && !j->ending)
            wait_for_space(j);
        else
            die(j, err, "the journal can no longer be written");
        return;
    }
    j->retrying = true;
    j->doomed.err = err;
    log_error(j->log, "store",
              "journal batch %" PRIu64 " could not be written: %s; the publishes in it and behind it fail",
              j->flying->number, err_text(err));
    if (doom_all(j) != OK) {
        die(j, ERR_NOMEM, "no memory to fail the publishes of a journal batch");
        return;
    }
    for (size_t i = 0; i < j->doomed.count; i++)
        j->owner.ledger_failed(j->owner.ctx, j->doomed.list[i].ledger);
    submit(j, j->flying);
}

static void tell_doomed(struct journal *j)
{
    struct doomed d = j->doomed;

    j->retrying = j->starved = false;
    j->doomed = (struct doomed){0};
    for (size_t i = 0; i < d.count; i++) {
        j->owner.entry_failed(j->owner.ctx, &d.list[i], d.err);
        slice_unref(&d.list[i].bytes);
    }
    free(d.list);
}

/* ---- a batch that is synced ---- */

static void tell_entries(struct journal *j, const struct batch *b)
{
    uint64_t offset = j->write.offset + JOURNAL_BATCH_HEADER_SIZE;

    for (size_t i = 0; i < b->count; i++) {
        const struct batch_item *item = &b->items[i];
        const size_t len = batch_item_len(item);
        if (item->entry) {
            const struct journal_entry e = batch_entry(item);
            const struct journal_place place = {
                .offset = offset, .file = (uint32_t)j->write.number, .len = (uint32_t)len};
            j->owner.entry_synced(j->owner.ctx, &e, place);
        }
        offset += len;
    }
}

static void count_batch(struct journal *j, const struct batch *b)
{
    j->previous_crc = j->write.crc;
    j->sealed = b->kind == BATCH_SEAL;
    j->last_write_ns = loop_now_ns(j->sys.loop);
    if (b->entries > 0)
        j->published_ns = j->last_write_ns;
    if (j->write.sync) {
        j->durable = b->number;
        j->last_sync_ns = j->last_write_ns;
        j->syncs++;
    }
    j->written += j->write.span;
    if (b->number <= j->cut_batch)
        j->cut_written = j->written;
    j->pending.used -= b->charge;
}

static void next_step(struct journal *j)
{
    if (j->flush_wanted || !list_empty(&j->queue) || j->idle_ops || j->stop_op)
        loop_defer(j->sys.loop, &j->flush_task);
    else if (!j->sealed && !timer_running(&j->seal_timer))
        timer_start_ms(&j->seal_timer, SEAL_AFTER_MS);
}

static void batch_synced(struct journal *j)
{
    struct batch *b = j->flying;

    j->flying = NULL;
    count_batch(j, b);
    tell_entries(j, b);
    tell_doomed(j);
    run_ops(b->ops, OK);
    batch_free(b);
    j->owner.batch_done(j->owner.ctx);
    journal_files_tend(&j->files);
    next_step(j);
}

static void write_run(struct work *work)
{
    journal_write_run(&container_of(work, struct journal, work)->write);
}

static void write_done(struct work *work)
{
    struct journal *j = container_of(work, struct journal, work);

    if (j->dead)
        return;
    journal_files_placed(&j->files, &j->write);
    if (j->write.switched) /* the file before was synced */
        j->durable = j->flying->number - 1;
    switch (j->write.stage) {
    case WRITE_STAGE_DONE:
        batch_synced(j);
        break;
    case WRITE_STAGE_SYNC:
        die(j, j->write.err, "a journal batch could not be synced");
        break;
    case WRITE_STAGE_PREPARE:
    case WRITE_STAGE_WRITE:
        write_failed(j, j->write.err);
        break;
    }
}

/* ---- trimming, pins ---- */

void journal_trim(struct journal *j, uint64_t batch)
{
    assert(batch <= j->cut_batch);

    j->files.trimmed = batch;
    if (batch == j->cut_batch)
        j->trimmed = j->cut_written;
    journal_files_tend(&j->files);
}

uint64_t journal_generation(const struct journal *j)
{
    const struct journal_file *c = j->files.current;
    return c && c->end > 0 ? c->header.generation : j->files.next_generation;
}

uint64_t journal_next_generation(const struct journal *j)
{
    return j->files.next_generation;
}

uint64_t journal_last_batch(const struct journal *j)
{
    return j->next_batch - 1 - (j->forming ? 1 : 0);
}

uint64_t journal_untrimmed_bytes(const struct journal *j)
{
    return j->written - j->trimmed;
}

bool journal_part_next(const struct journal *j, struct journal_part *part)
{
    size_t n = 0;

    assert(!j->flying);
    list_each (node, &j->files.all) {
        const struct journal_file *f = container_of(node, struct journal_file, node);
        if (n++ < part->walked || f->end == 0 || (f->state != FILE_CURRENT && f->state != FILE_FULL) ||
            (f->last_batch <= j->files.trimmed && f->state != FILE_CURRENT))
            continue;
        part->file = (uint32_t)f->number;
        part->end = f->end;
        part->walked = n;
        return true;
    }
    return false;
}

void journal_pin(struct journal *j, uint32_t file, char path[JOURNAL_PATH_SIZE])
{
    struct journal_file *f = journal_files_find(&j->files, file);
    assert(f && f->state != FILE_DOOMED);
    f->pins++;
    journal_path(path, file);
}

void journal_unpin(struct journal *j, uint32_t file)
{
    struct journal_file *f = journal_files_find(&j->files, file);
    assert(f && f->pins > 0);
    if (--f->pins == 0)
        journal_files_tend(&j->files);
}

void journal_adopt(struct journal *j, uint32_t file)
{
    struct journal_file *f = journal_files_find(&j->files, file);
    assert(f && f->state != FILE_SPARE && f->state != FILE_DOOMED);
    f->runs++;
}

void journal_count_adopted(struct journal *j, uint32_t file, uint64_t bytes)
{
    struct journal_file *f = journal_files_find(&j->files, file);
    assert(f);
    f->adopted += bytes;
}

uint64_t journal_adopted_bytes(const struct journal *j, uint32_t file)
{
    const struct journal_file *f = journal_files_find(&j->files, file);
    return f ? f->adopted : 0;
}

void journal_release(struct journal *j, uint32_t file)
{
    struct journal_file *f = journal_files_find(&j->files, file);
    assert(f && f->runs > 0);
    if (--f->runs == 0)
        journal_files_tend(&j->files);
}

bool journal_is_adopted(const struct journal *j, uint32_t file)
{
    const struct journal_file *f = journal_files_find(&j->files, file);
    return f && f->runs > 0;
}

bool journal_is_done_with(const struct journal *j, uint32_t file)
{
    const struct journal_file *f = journal_files_find(&j->files, file);
    return f && f->state == FILE_FULL && f->last_batch <= j->files.trimmed;
}

size_t journal_unadopted_files(const struct journal *j)
{
    return journal_files_unadopted(&j->files);
}

/* ---- opening, stopping ---- */

static void fatal_from_files(void *ctx, enum err err, const char *what)
{
    die(ctx, err, what);
}

enum err journal_open(struct journal **out, const struct journal_options *options, const struct sys *sys,
                      const struct journal_owner *owner, const struct journal_start *start)
{
    struct journal *j = calloc(1, sizeof *j);
    enum err err;

    if (!j)
        return ERR_NOMEM;
    j->sys = *sys;
    j->log = options->log;
    j->worker = options->worker;
    j->owner = *owner;
    j->pending = (struct budget){.name = "journal", .limit = options->pending_bytes};
    j->next_batch = start->next_batch;
    j->previous_crc = start->previous_crc;
    j->cut_batch = start->next_batch - 1;
    j->durable = start->next_batch - 1;
    j->last_sync_ns = loop_now_ns(sys->loop);
    for (size_t i = 0; i < start->kept_count; i++)
        j->written += start->kept[i].end - JOURNAL_HEADER_SIZE;
    j->cut_written = j->written;
    j->sealed = true;
    j->write.disk = sys->disk;
    j->work = (struct work){.run = write_run, .done = write_done};
    j->flush_task.run = flush_run;
    list_init(&j->queue);
    timer_init(&j->delay_timer, sys->loop, delay_fire);
    timer_init(&j->space_timer, sys->loop, space_fire);
    timer_init(&j->seal_timer, sys->loop, seal_fire);
    if ((err = journal_files_init(&j->files, options, sys, start)) != OK) {
        journal_free(j);
        return err;
    }
    j->files.fatal = fatal_from_files;
    j->files.ctx = j;
    *out = j;
    return OK;
}

void journal_free(struct journal *j)
{
    struct list *node;

    if (!j)
        return;
    timer_stop(&j->delay_timer);
    timer_stop(&j->seal_timer);
    timer_stop(&j->space_timer);
    while ((node = list_pop_front(&j->queue)))
        batch_free(container_of(node, struct batch, node));
    batch_free(j->forming);
    batch_free(j->flying);
    for (size_t i = 0; i < j->doomed.count; i++)
        slice_unref(&j->doomed.list[i].bytes);
    free(j->doomed.list);
    gather_deinit(&j->gather);
    journal_write_close(&j->write);
    journal_files_deinit(&j->files);
    free(j);
}

void journal_yield(struct journal *j, bool yields)
{
    j->files.yields = yields;
    journal_files_tend(&j->files);
}

bool journal_starved(const struct journal *j)
{
    return j->starved;
}

void journal_end(struct journal *j)
{
    j->ending = true;
    if (timer_running(&j->space_timer))
        die(j, ERR_NOSPACE, "the journal can no longer be written");
}

void journal_stop(struct journal *j, struct store_op *op)
{
    assert(!j->stop_op);
    j->owner.closing(j->owner.ctx);
    timer_stop(&j->seal_timer);
    j->stop_op = op;
    j->files.stopping = true;
    timer_stop(&j->files.shrink);
    ask_flush(j);
}

void journal_stats(const struct journal *j, struct journal_stats *out)
{
    *out = (struct journal_stats){
        .syncs = j->syncs, .bytes = j->written, .files = j->files.count, .zeros = j->files.zeros};
    list_each (node, &j->files.all)
        out->file_bytes += container_of_const(node, struct journal_file, node)->prepared;
}
