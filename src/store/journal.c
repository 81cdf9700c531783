/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - batches on their way to the disk; see journal.h.
 *
 *     record -> forming -> (closed by a flush, a cut, or its size) -> queue -> flying -> synced, in order: callbacks
 *                                                                               |
 *                                          a failed write, before any sync: once nothing flies any more, it and what
 *                                          flew behind it go back to the queue, entries of all three are taken out
 *                                          ("doomed"), and those batches are written once more without them, one at
 *                                          a time, over what may be there of them; then the entries' callbacks.
 *                                          Fails that too: the end.
 *
 * Who flies beside others: docs/storage.md, "On the way to the disk".
 */
#include "store/journal.h"

#include "base/log.h"
#include "store/journal_batch.h"
#include "store/journal_files.h"
#include "store/journal_write.h"
#include "sys/loop.h"
#include "sys/ring.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define SEAL_AFTER_MS  1000
#define PUBLISHING_MS  1000 /* since the last entry */
#define SPACE_RETRY_MS 1000
#define UNSYNCED_MS    1000 /* durability mode "os": so often a batch is synced all the same */

#define BATCH_BYTES_MIN (512u * 1024)
#define CROWD           3u  /* so many large batches in flight; the last place is for who else would wait for them */
#define SHARED_MS       100 /* strangers twice within that: the journal is shared */
#define MEASURED        16u /* full batches, before anything is concluded from how long the quickest of them took */
#define SLOW_NS         (4 * NS_PER_MS) /* for BATCH_BYTES_MIN */
#define QUICK_NS        (19 * NS_PER_MS / 10)

/* Entries that a failed write took out, until the batch was overwritten. */
struct doomed {
    struct journal_entry *list; /* with a reference of their bytes */
    size_t count, capacity;
    enum err err;
};

/* A batch on its way, or the place for one. */
struct flight {
    struct list node; /* of those in use, in the order of their batches */
    struct journal *journal;
    struct executor *worker;
    struct work prepare, work;
    struct ring_write ring_write;
    struct journal_write write;
    struct batch *batch; /* NULL: the place is free */
    uint64_t began_ns;
    bool steady; /* others may fly beside it: it changes nothing but its own stretch of its file */
    bool apart;  /* it changes nothing but that, whether others may or not */
    bool summed; /* its checksum is known, which the next one needs */
    bool back;   /* its job is done; it lands when those before it did */
};

struct journal {
    /* Set at creation. */
    struct sys sys;
    struct log *log;
    struct journal_owner owner;

    /* Records on their way. */
    struct gather gather;
    struct batch *forming; /* NULL until the next record */
    struct list queue;     /* of closed batches */
    struct list flying;    /* flights */
    size_t flying_count;
    struct budget pending; /* what they are charged for */
    uint64_t next_batch;   /* the number of the next that begins to form */
    bool flush_wanted;
    struct store_op *idle_ops; /* barriers with nothing to wait for */
    struct store_op *stop_op;
    struct task flush_task;
    struct timer delay_timer, seal_timer;
    struct timer space_timer; /* runs while the first batch of the queue waits for room on the disk */
    bool starved;             /* it waited once, which was logged */
    bool ending;              /* nothing waits for room any more */

    /* The disk. */
    struct journal_files files;
    struct journal_target target;
    struct flight flights[JOURNAL_FLIGHTS];
    uint32_t previous_crc;
    uint64_t durable; /* the last batch known to be synced, with all before it */
    uint64_t last_sync_ns;
    bool sealed;    /* the last batch written is a seal, or none was */
    bool grounding; /* a write failed; what flies comes back, and nothing else takes off */
    bool retrying;  /* batches up to the next number failed once, or flew behind one that did */
    uint64_t retry_until;
    bool dead; /* fatal was called */
    struct doomed doomed;
    size_t batch_bytes;       /* a batch takes no further record beyond this; of a shared journal, beyond half of it */
    uint64_t strangers_ns[2]; /* when such took off beside others: the last time, and the time before; 0: never */
    uint64_t quickest_ns;     /* of the full batches since it was last looked at, per BATCH_BYTES_MIN */
    unsigned measured;        /* of those */
    uint64_t last_write_ns;
    uint64_t published_ns;    /* when the last batch with entries was done; 0: none yet */
    size_t published_bytes;   /* of it */

    /* Figures. */
    uint64_t syncs, beside, ringed;
    uint64_t written, trimmed;       /* bytes in batches */
    uint64_t cut_batch, cut_written; /* of the last cut; cut_written is known once the batch is synced */
};

/* ---- the queue ---- */

static struct flight *first_flight(struct journal *j)
{
    return list_empty(&j->flying) ? NULL : container_of(j->flying.next, struct flight, node);
}

static struct flight *last_flight(struct journal *j)
{
    return list_empty(&j->flying) ? NULL : container_of(j->flying.prev, struct flight, node);
}

/* NULL: it does not fly. */
static struct flight *flight_of(struct journal *j, const struct batch *b)
{
    list_each (node, &j->flying) {
        struct flight *f = container_of(node, struct flight, node);
        if (f->batch == b)
            return f;
    }
    return NULL;
}

static void ask_flush(struct journal *j)
{
    j->flush_wanted = true;
    if (!j->dead)
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

/* Lately there was, again and again, who had nothing in flight beside one that filled it. */
static bool is_shared(const struct journal *j)
{
    return j->strangers_ns[1] > 0 && loop_now_ns(j->sys.loop) - j->strangers_ns[1] < SHARED_MS * NS_PER_MS;
}

static size_t batch_limit(const struct journal *j)
{
    return is_shared(j) ? j->batch_bytes / 2 : j->batch_bytes;
}

/* The batch that a record of `len` bytes joins; NULL when memory is short. */
static struct batch *forming_for(struct journal *j, size_t len)
{
    if (j->forming && !batch_takes(j->forming, len, batch_limit(j))) {
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

size_t journal_room_bytes(const struct journal *j)
{
    return (is_shared(j) ? JOURNAL_FLIGHTS / 2 : JOURNAL_FLIGHTS) * batch_limit(j);
}

bool journal_publishing(const struct journal *j)
{
    return j->published_ns > 0 && loop_now_ns(j->sys.loop) - j->published_ns < PUBLISHING_MS * NS_PER_MS;
}

size_t journal_beside_bytes(const struct journal *j)
{
    if (!journal_publishing(j))
        return SIZE_MAX;
    return is_shared(j) ? 0 : j->published_bytes;
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
    return list_empty(&j->flying) ? NULL : last_flight(j)->batch;
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
    if (!b || !flight_of(j, b))
        ask_flush(j);
}

/* The batch that takes `op` if what is written and not synced needs one more; NULL: all is durable. */
static struct batch *batch_to_sync(struct journal *j)
{
    struct batch *b = last_batch(j);
    const struct flight *f = b ? flight_of(j, b) : NULL;

    if (b && (!f || f->write.sync))
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
    if (!b || !flight_of(j, b))
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

/* ---- to the ring, to the workers ---- */

static void die(struct journal *j, enum err err, const char *what)
{
    if (j->dead)
        return;
    j->dead = true;
    j->owner.fatal(j->owner.ctx, err, what);
}

/* In durability mode "sync" each batch; in "os" those that more is promised of. */
static bool must_sync(const struct journal *j, const struct journal_write *w)
{
    return !j->files.unsynced || !w->file_header.unsynced || w->with_header || w->batch->sync ||
           w->batch->kind == BATCH_SEAL || j->retrying ||
           loop_now_ns(j->sys.loop) - j->last_sync_ns >= UNSYNCED_MS * NS_PER_MS;
}

static struct flight *free_place(struct journal *j)
{
    for (size_t i = 0; i < JOURNAL_FLIGHTS; i++) {
        if (!j->flights[i].batch)
            return &j->flights[i];
    }
    assert(false);
    return NULL;
}

/* Where the batch goes.  ERR_BUSY: it has to wait until nothing flies. */
static enum err place(struct journal *j, struct flight *f)
{
    const struct flight *before = last_flight(j);
    struct journal_write *w = &f->write;
    enum err err;

    w->unsynced = (uint32_t)(w->batch->number - 1 - j->durable);
    w->previous_crc = before ? before->write.crc : j->previous_crc;
    f->apart = f->steady = true;
    if (before)
        return journal_files_place_beside(&j->files, w, &before->write) ? OK : ERR_BUSY;
    if ((err = journal_files_place(&j->files, w, j->previous_crc)) != OK)
        return err;
    f->apart = journal_files_placed_apart(w) && j->target.file && !j->files.unsynced && !w->file_header.unsynced &&
               !j->retrying;
    f->steady = f->apart && w->batch->kind == BATCH_RECORDS && journal_files_is_large(&j->files, w->batch);
    return OK;
}

static bool fits_ring(const struct journal *j, const struct flight *f)
{
    const struct journal_write *w = &f->write;

    return j->sys.ring && f->apart && w->sync && w->span <= JOURNAL_RING_BYTES && w->offset % JOURNAL_PAGE == 0;
}

/* Nor are batches padded for it any more. */
static void leave_ring(struct journal *j)
{
    log_info(j->log, "store",
             "this file system or kernel has no io_uring for the journal: threads write its small batches");
    j->sys.ring = NULL;
    j->files.paged = false;
}

/* Prepared here and now, its bytes are the ring's until it tells.  False: a worker has to write it. */
static bool hand_to_ring(struct journal *j, struct flight *f)
{
    struct journal_write *w = &f->write;

    if (!fits_ring(j, f))
        return false;
    journal_write_prepare(w);
    f->summed = true;
    if (!w->image)
        return false;
    f->ring_write.file = j->target.file;
    f->ring_write.offset = w->offset;
    f->ring_write.data = w->image;
    f->ring_write.len = w->span;
    const enum err err = ring_submit(j->sys.ring, &f->ring_write);
    if (err == ERR_UNSUPPORTED)
        leave_ring(j);
    return err == OK;
}

static enum err hand_to_worker(struct flight *f)
{
    enum err err = OK;

    if (f->steady && !f->summed)
        err = executor_submit(f->worker, &f->prepare);
    return err == OK ? executor_submit(f->worker, &f->work) : err;
}

/* False: not beside those that fly.  (The first of its file prepares in the job that writes, like one that is small:
 * who follows waits for the end of that anyway.) */
static bool take_off(struct journal *j, struct batch *b)
{
    struct flight *f = free_place(j);
    enum err err;

    f->write.batch = b;
    f->write.prepared = f->summed = f->back = false;
    if ((err = place(j, f)) == ERR_BUSY)
        return false;
    f->batch = b;
    f->began_ns = loop_now_ns(j->sys.loop);
    list_push_back(&j->flying, &f->node);
    j->beside += j->flying_count++ > 0;
    if (err == OK) {
        f->write.sync = must_sync(j, &f->write);
        err = hand_to_ring(j, f) ? OK : hand_to_worker(f);
    }
    if (err != OK) /* memory for a table's row; the queue of the worker is ours alone */
        die(j, err, "a journal batch could not be handed to its worker");
    return true;
}

/* It has entries of a ledger that has none in those that fly. */
static bool brings_strangers(struct journal *j, const struct batch *b)
{
    for (unsigned i = 0; b->ledger_count <= BATCH_LEDGERS && i < b->ledger_count; i++) {
        bool flies = false;
        list_each (node, &j->flying)
            flies |= batch_may_have(container_of(node, struct flight, node)->batch, b->ledgers[i]);
        if (!flies)
            return true;
    }
    return false;
}

static void note_strangers(struct journal *j)
{
    j->strangers_ns[1] = j->strangers_ns[0];
    j->strangers_ns[0] = loop_now_ns(j->sys.loop);
}

/* A batch of so much is worth a flight beside others. */
static uint64_t worth_a_flight(const struct journal *j)
{
    const uint64_t scaled = j->files.file_bytes / 64, half = batch_limit(j) / 2;
    return scaled < half ? scaled : half;
}

static bool may_take_off(struct journal *j, const struct batch *b)
{
    const struct flight *last = last_flight(j);

    if (!last)
        return true;
    if (!last->steady || !last->summed || j->flying_count == JOURNAL_FLIGHTS || b->kind != BATCH_RECORDS)
        return false;
    if (b->payload >= worth_a_flight(j) && j->flying_count < CROWD)
        return true;
    return b->ops || brings_strangers(j, b); /* somebody waits who has nothing to do with those that fly */
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
    assert(list_empty(&j->flying));
    take_off(j, b);
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

/* The forming batch joins the queue when it is asked for and could take off. */
static void close_wanted(struct journal *j)
{
    if (!j->flush_wanted || !list_empty(&j->queue))
        return;
    if (!list_empty(&j->flying) && !(forming_is_due(j) && may_take_off(j, j->forming)))
        return;
    j->owner.closing(j->owner.ctx);
    if (list_empty(&j->queue))
        j->flush_wanted = false;
    timer_stop(&j->delay_timer);
    if (forming_is_due(j))
        close_forming(j);
}

/* The first batch of the queue takes off, if there is one that may. */
static bool take_off_next(struct journal *j)
{
    close_wanted(j);
    if (list_empty(&j->queue))
        return false;
    struct batch *b = container_of(j->queue.next, struct batch, node);
    if (!may_take_off(j, b))
        return false;
    list_remove(&b->node);
    const bool strangers = !list_empty(&j->flying) && brings_strangers(j, b);
    if (take_off(j, b)) {
        if (strangers)
            note_strangers(j);
        return true;
    }
    list_push_front(&j->queue, &b->node);
    return false;
}

static void flush_run(struct task *task)
{
    struct journal *j = container_of(task, struct journal, flush_task);

    if (j->dead || j->grounding || timer_running(&j->space_timer))
        return;
    if (list_empty(&j->flying))
        run_idle_ops(j);
    while (!j->dead && take_off_next(j))
        ;
    if (j->stop_op && !j->dead && list_empty(&j->flying) && list_empty(&j->queue))
        finish_stop(j);
}

static void seal_fire(struct timer *timer)
{
    struct journal *j = container_of(timer, struct journal, seal_timer);
    const uint64_t due = j->last_write_ns + SEAL_AFTER_MS * NS_PER_MS;

    if (!list_empty(&j->flying) || j->dead || j->sealed || j->stop_op || !list_empty(&j->queue))
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
        loop_defer(j->sys.loop, &j->flush_task);
}

/* Even what was written ahead for it is used up: what is left of the batch waits, and all behind it. */
static void wait_for_space(struct journal *j)
{
    if (!j->starved)
        log_error(j->log, "store", "journal batch %" PRIu64 " finds no room on the disk; it is tried again every %d s",
                  container_of(j->queue.next, struct batch, node)->number, SPACE_RETRY_MS / 1000);
    j->starved = true;
    timer_start_ms(&j->space_timer, SPACE_RETRY_MS);
    j->owner.starved(j->owner.ctx);
}

/* The batches that were flying lead the queue again. */
static void write_failed(struct journal *j, uint64_t last, enum err err)
{
    if (j->retrying) {
        if (err == ERR_NOSPACE && !j->ending)
            wait_for_space(j);
        else
            die(j, err, "the journal can no longer be written");
        return;
    }
    j->retrying = true;
    j->retry_until = last;
    j->doomed.err = err;
    log_error(j->log, "store",
              "journal batch %" PRIu64 " could not be written: %s; the publishes in it and behind it fail",
              container_of(j->queue.next, struct batch, node)->number, err_text(err));
    if (doom_all(j) != OK) {
        die(j, ERR_NOMEM, "no memory to fail the publishes of a journal batch");
        return;
    }
    for (size_t i = 0; i < j->doomed.count; i++)
        j->owner.ledger_failed(j->owner.ctx, j->doomed.list[i].ledger);
    loop_defer(j->sys.loop, &j->flush_task);
}

static void leave_flight(struct journal *j, struct flight *f)
{
    list_remove(&f->node);
    j->flying_count--;
    f->batch = NULL;
}

static void file_placed(struct journal *j, const struct flight *f)
{
    journal_files_placed(&j->files, &f->write);
    if (f->write.switched) /* the file before was synced */
        j->durable = f->batch->number - 1;
}

/* The first flight failed.  The others, whatever became of them, are written again as well: they say that they follow
 * it.  And none of their entries may be told as failed before all of them were. */
static void ground(struct journal *j)
{
    const uint64_t last = last_flight(j)->batch->number;
    struct flight *f;

    j->grounding = true;
    list_each (node, &j->flying) {
        if (!container_of(node, struct flight, node)->back)
            return; /* comes back here */
    }
    const enum err err = first_flight(j)->write.err;
    j->grounding = false;
    file_placed(j, first_flight(j));
    while ((f = last_flight(j))) {
        list_push_front(&j->queue, &f->batch->node);
        leave_flight(j, f);
    }
    write_failed(j, last, err);
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

static void tell_entries(struct journal *j, const struct batch *b, const struct journal_write *w)
{
    uint64_t offset = w->offset + JOURNAL_BATCH_HEADER_SIZE;

    for (size_t i = 0; i < b->count; i++) {
        const struct batch_item *item = &b->items[i];
        const size_t len = batch_item_len(item);
        if (item->entry) {
            const struct journal_entry e = batch_entry(item);
            const struct journal_place place = {.offset = offset, .file = (uint32_t)w->number, .len = (uint32_t)len};
            j->owner.entry_synced(j->owner.ctx, &e, place);
        }
        offset += len;
    }
}

static void count_batch(struct journal *j, const struct batch *b, const struct journal_write *w)
{
    j->previous_crc = w->crc;
    j->sealed = b->kind == BATCH_SEAL;
    j->last_write_ns = loop_now_ns(j->sys.loop);
    if (b->entries > 0) {
        j->published_ns = j->last_write_ns;
        j->published_bytes = w->span;
    }
    if (w->sync) {
        j->durable = b->number;
        j->last_sync_ns = j->last_write_ns;
        j->syncs++;
    }
    j->written += w->span;
    if (b->number <= j->cut_batch)
        j->cut_written = j->written;
    j->pending.used -= b->charge;
}

/* As small as the disk is no slower for: who comes next waits for less.  Where a sync takes long whatever it syncs,
 * batches grow. */
static void choose_batch_bytes(struct journal *j)
{
    if (j->quickest_ns > SLOW_NS && j->batch_bytes < JOURNAL_BATCH_BYTES)
        j->batch_bytes *= 2;
    else if (j->quickest_ns < QUICK_NS && j->batch_bytes > BATCH_BYTES_MIN)
        j->batch_bytes /= 2;
}

static void measure(struct journal *j, const struct flight *f)
{
    const uint64_t payload = f->batch->payload;

    if (j->files.unsynced || payload < j->batch_bytes / 4 * 3)
        return;
    const uint64_t took = (loop_now_ns(j->sys.loop) - f->began_ns) * BATCH_BYTES_MIN / payload;
    j->quickest_ns = j->measured == 0 || took < j->quickest_ns ? took : j->quickest_ns;
    if (++j->measured < MEASURED)
        return;
    choose_batch_bytes(j);
    j->measured = 0;
}

static void next_step(struct journal *j)
{
    if (j->flush_wanted || !list_empty(&j->queue) || j->idle_ops || j->stop_op)
        loop_defer(j->sys.loop, &j->flush_task);
    else if (list_empty(&j->flying) && !j->sealed && !timer_running(&j->seal_timer))
        timer_start_ms(&j->seal_timer, SEAL_AFTER_MS);
}

/* A sealed log may rest for long. */
static void rest(struct journal *j)
{
    for (size_t i = 0; i < JOURNAL_FLIGHTS; i++)
        journal_write_rest(&j->flights[i].write);
}

static void land(struct journal *j, struct flight *f)
{
    struct batch *b = f->batch;

    file_placed(j, f);
    leave_flight(j, f);
    count_batch(j, b, &f->write);
    tell_entries(j, b, &f->write);
    if (j->retrying && b->number >= j->retry_until)
        tell_doomed(j);
    run_ops(b->ops, OK);
    if (b->kind == BATCH_SEAL)
        rest(j);
    batch_free(b);
    j->owner.batch_done(j->owner.ctx);
    journal_files_tend(&j->files);
    next_step(j);
}

static void prepare_run(struct work *work)
{
    journal_write_prepare(&container_of(work, struct flight, prepare)->write);
}

static void prepare_done(struct work *work)
{
    struct flight *f = container_of(work, struct flight, prepare);

    f->summed = true;
    next_step(f->journal);
}

static void write_run(struct work *work)
{
    journal_write_run(&container_of(work, struct flight, work)->write);
}

static void came_back(struct flight *f)
{
    struct journal *j = f->journal;

    if (j->dead)
        return;
    f->back = true;
    if (f->write.stage == WRITE_STAGE_SYNC) {
        die(j, f->write.err, "a journal batch could not be synced");
        return;
    }
    measure(j, f);
    while (!j->dead && (f = first_flight(j)) && f->back && f->write.stage == WRITE_STAGE_DONE)
        land(j, f);
    if (f && f->back && !j->dead)
        ground(j);
}

static void write_done(struct work *work)
{
    came_back(container_of(work, struct flight, work));
}

/* Of a write and a sync that are one it cannot be told which failed, but where there was no room. */
static void ring_done(struct ring_write *write, enum err err)
{
    struct flight *f = container_of(write, struct flight, ring_write);

    if (err == ERR_UNSUPPORTED && !f->journal->dead && hand_to_worker(f) == OK)
        return;
    f->journal->ringed += err == OK;
    journal_write_ended(&f->write, err);
    came_back(f);
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

static void flights_init(struct journal *j, const struct journal_options *options)
{
    list_init(&j->flying);
    for (size_t i = 0; i < JOURNAL_FLIGHTS; i++) {
        struct flight *f = &j->flights[i];
        f->journal = j;
        f->worker = options->workers[i];
        f->write.target = &j->target;
        f->prepare = (struct work){.run = prepare_run, .done = prepare_done};
        f->work = (struct work){.run = write_run, .done = write_done};
        f->ring_write.done = ring_done;
    }
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
    j->batch_bytes = options->durability == DURABILITY_OS ? JOURNAL_BATCH_BYTES : BATCH_BYTES_MIN;
    j->target.disk = sys->disk;
    flights_init(j, options);
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
    while ((node = list_pop_front(&j->flying)))
        batch_free(container_of(node, struct flight, node)->batch);
    rest(j);
    for (size_t i = 0; i < j->doomed.count; i++)
        slice_unref(&j->doomed.list[i].bytes);
    free(j->doomed.list);
    gather_deinit(&j->gather);
    file_close(j->target.file);
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
    *out = (struct journal_stats){.syncs = j->syncs,
                                  .beside = j->beside,
                                  .ringed = j->ringed,
                                  .bytes = j->written,
                                  .files = j->files.count,
                                  .zeros = j->files.zeros};
    list_each (node, &j->files.all)
        out->file_bytes += container_of_const(node, struct journal_file, node)->prepared;
}
