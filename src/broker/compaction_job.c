/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction_job.c - see compaction_job.h.
 *
 * An operation of the broker (core.h), stepped whenever a read, a piece of work, an append or a timer has ended; a step
 * does what can be done now, and goes back to wait.
 */
#include "broker/compaction_job.h"

#include "broker/compactor.h"
#include "broker/core.h"
#include "broker/reads.h"
#include "broker/topic.h"
#include "store/chain.h"
#include "store/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES     (1024 * 1024) /* read at a time */
#define IN_FLIGHT_BYTES (1024 * 1024) /* appended and not durable yet */
#define RETRY_MS        20            /* before an append that had no room is tried again */

enum phase { LEARN, WRITE, COMMIT, UNDO };

/* An entry of the new ledger on its way. */
struct piece {
    struct append append;
    struct list node; /* job->pieces */
    struct compaction_job *job;
    size_t len;
};

/* What the worker is given, and gives back. */
struct chunk {
    struct broker_read *read; /* the entries lie in it; NULL: there is no chunk */
    size_t count;             /* of those that are looked at */
    struct position originals[STORE_READ_MAX];
    struct bytes bytes[STORE_READ_MAX];   /* the client's */
    struct slice outputs[STORE_READ_MAX]; /* WRITE: of length 0 where nothing stays */
    size_t appended;                      /* outputs that were dealt with */
};

struct compaction_job {
    struct broker_op op;
    struct list node; /* broker->compaction.jobs */
    struct broker *broker;
    struct topic *topic; /* NULL: it is not interested any more */
    struct topic_name name;
    uint64_t topic_id, subscription;
    struct position end;          /* the new horizon */
    struct compacted_view *input; /* NULL: there is only the log */
    struct compactor *compactor;

    uint64_t begun_ns;
    enum phase phase;
    bool in_log;              /* the view before it is read */
    uint64_t view_next;       /* the next entry of the view */
    struct position log_last; /* the last entry of the log that was read */
    uint64_t next_message;    /* topic index of the first message after that */
    bool reading, working, waiting;
    struct chunk chunk;
    struct work work;
    enum err worked;
    bool again; /* the worker's answer to the end of a turn */

    uint64_t ledger;    /* the new one; 0: nothing was to be written yet */
    struct list pieces; /* struct piece: appended and not durable yet */
    size_t in_flight;   /* bytes of them */
    struct timer retry;
    bool committed; /* the row was written */
    enum err err;   /* why it is undone */
    char failure[160];
};

static struct compaction_job *job_of(struct broker_op *op)
{
    return container_of(op, struct compaction_job, op);
}

static void step(struct broker_op *op);

static void fail(struct compaction_job *job, const char *what, enum err err)
{
    if (job->phase == UNDO || job->committed)
        return;
    job->phase = UNDO;
    job->err = err;
    (void)snprintf(job->failure, sizeof job->failure, "%s: %s", what, err_text(err));
}

/* ---- memory ---- */

static void chunk_free(struct compaction_job *job)
{
    struct chunk *c = &job->chunk;

    for (size_t i = 0; i < c->count; i++)
        slice_unref(&c->outputs[i]);
    if (c->read)
        broker_read_free(c->read, OK);
    c->read = NULL;
    c->count = c->appended = 0;
}

static void job_free(struct compaction_job *job)
{
    timer_stop(&job->retry);
    task_cancel(&job->op.task);
    list_remove(&job->node);
    compactor_free(job->compactor);
    compacted_view_unref(job->input);
    free(job);
}

void compaction_jobs_free(struct broker *b)
{
    list_each_safe (node, &b->compaction.jobs) {
        struct compaction_job *job = container_of(node, struct compaction_job, node);
        chunk_free(job);
        list_each_safe (piece, &job->pieces)
            free(container_of(piece, struct piece, node));
        job_free(job);
    }
}

/* ---- the worker ---- */

static void learn_run(struct work *work)
{
    struct compaction_job *job = container_of(work, struct compaction_job, work);
    const struct chunk *c = &job->chunk;

    job->worked = OK;
    for (size_t i = 0; i < c->count && job->worked == OK; i++)
        job->worked = compactor_learn(job->compactor, &c->read->read.entries[i].header, c->bytes[i]);
}

static void turn_run(struct work *work)
{
    struct compaction_job *job = container_of(work, struct compaction_job, work);

    job->worked = compactor_turn(job->compactor, &job->again);
}

static void write_run(struct work *work)
{
    struct compaction_job *job = container_of(work, struct compaction_job, work);
    struct chunk *c = &job->chunk;

    job->worked = OK;
    for (size_t i = 0; i < c->count && job->worked == OK; i++) {
        struct compacted_head head = {.original = c->originals[i]};
        job->worked = compactor_write(job->compactor, &c->read->read.entries[i].header, c->bytes[i], COMPACTED_HEAD,
                                      &c->outputs[i], &head.last);
        if (c->outputs[i].len > 0)
            compacted_head_encode(&head, c->outputs[i].buffer->data);
    }
}

static void work_done(struct work *work)
{
    struct compaction_job *job = container_of(work, struct compaction_job, work);

    job->working = false;
    if (job->worked != OK)
        fail(job, "the messages could not be gone through", job->worked);
    if (job->phase != WRITE) /* else what is to be written hangs on it */
        chunk_free(job);
    op_resume(&job->op);
}

static void work_start(struct compaction_job *job, void (*run)(struct work *work))
{
    struct compactions *all = &job->broker->compaction;
    enum err err = OK;

    job->work = (struct work){.run = run, .done = work_done};
    if (!all->worker)
        err = executor_new(job->broker->loop, "compaction", 2, &all->worker);
    if (err == OK)
        err = executor_submit(all->worker, &job->work);
    job->working = err == OK;
    if (err != OK) {
        fail(job, "no worker", err);
        chunk_free(job);
        op_resume(&job->op);
    }
}

/* ---- reading ---- */

/* The entry and its original id, as the view or the log has it.  False: it is behind the end. */
static enum err take_entry(struct compaction_job *job, const struct entry *e, bool *more)
{
    struct chunk *c = &job->chunk;
    struct compacted_head head = {.original = e->position};
    size_t skip = 0;
    enum err err;

    *more = true;
    if (!job->in_log && e->header.kind == ENTRY_DATA) {
        if ((err = compacted_head_decode(&head, e)) != OK)
            return err;
        skip = COMPACTED_HEAD;
    } else if (job->in_log && position_before(job->end, e->position)) {
        *more = false;
        return OK;
    }
    c->originals[c->count] = head.original;
    c->bytes[c->count] = bytes_of(e->bytes.data + skip, e->bytes.len - skip);
    c->outputs[c->count++] = (struct slice){0};
    if (job->in_log) {
        job->log_last = e->position;
        job->next_message = e->header.first_message + e->header.messages;
    } else {
        job->view_next++;
    }
    return OK;
}

static void read_done(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct compaction_job *job = read->owner;
    bool more = true;

    job->reading = false;
    if (err != OK || job->phase == UNDO) {
        broker_read_free(read, err);
        if (err != OK)
            fail(job, "an entry could not be read", err);
        op_resume(&job->op);
        return;
    }
    job->chunk.read = read;
    for (size_t i = 0; i < r->count && more && err == OK; i++)
        err = take_entry(job, &r->entries[i], &more);
    if (err != OK) {
        fail(job, "an entry of the view", err);
        chunk_free(job);
        op_resume(&job->op);
    } else {
        work_start(job, job->phase == LEARN ? learn_run : write_run);
    }
}

/* Where to read on; false: all was read. */
static bool next_position(struct compaction_job *job, struct position *from)
{
    size_t count;
    const struct ledger_info *chain;

    if (!job->in_log && job->input && job->view_next < job->input->entries) {
        *from = (struct position){(int64_t)job->input->ledger, (int64_t)job->view_next};
        return true;
    }
    job->in_log = true;
    chain = store_chain(job->broker->store, job->topic_id, &count);
    *from = chain_after(chain, count, job->log_last);
    return count > 0 && !position_before(job->end, *from);
}

static void read_start(struct compaction_job *job, struct position from)
{
    struct broker_read *r = broker_read_new(job->broker, job, read_done);

    if (!r) {
        fail(job, "an entry could not be read", ERR_NOMEM);
        op_resume(&job->op);
        return;
    }
    job->reading = true;
    r->read.from = from;
    r->read.max = STORE_READ_MAX;
    r->read.bytes_max = CHUNK_BYTES;
    ledger_read(job->broker->store, &r->read);
}

static void read_again(struct compaction_job *job)
{
    job->in_log = false;
    job->view_next = 0;
    job->log_last = job->input ? job->input->horizon : POSITION_EARLIEST;
}

/* ---- writing ---- */

static void piece_done(struct append *append, enum err err)
{
    struct piece *piece = container_of(append, struct piece, append);
    struct compaction_job *job = piece->job;

    job->in_flight -= piece->len;
    list_remove(&piece->node);
    free(piece);
    if (err != OK)
        fail(job, "the view could not be stored", err);
    op_resume(&job->op);
}

static enum err append(struct compaction_job *job, const struct entry_header *of, struct slice bytes)
{
    struct entry_header header = *of;
    struct piece *piece;
    enum err err;

    if (job->ledger == 0 && (err = ledger_create(job->broker->store, job->subscription, &job->ledger)) != OK)
        return err;
    if (!(piece = malloc(sizeof *piece)))
        return ERR_NOMEM;
    *piece = (struct piece){.append.done = piece_done, .job = job, .len = bytes.len};
    header.deliver_ms = 0; /* who reads a view does not share */
    if ((err = ledger_append(job->broker->store, job->ledger, &header, bytes, &piece->append)) != OK) {
        free(piece);
        return err;
    }
    job->in_flight += bytes.len;
    list_push_back(&job->pieces, &piece->node);
    return OK;
}

/* True when nothing of the chunk is left to be written. */
static bool chunk_written(struct compaction_job *job)
{
    struct chunk *c = &job->chunk;
    enum err err;

    for (; c->appended < c->count; c->appended++) {
        const size_t i = c->appended;
        if (c->outputs[i].len == 0)
            continue;
        if (job->in_flight > IN_FLIGHT_BYTES)
            return false; /* the end of one comes back here */
        err = append(job, &c->read->read.entries[i].header, c->outputs[i]);
        if (err == ERR_FULL) {
            timer_start_ms(&job->retry, RETRY_MS);
            return false;
        }
        if (err != OK) {
            fail(job, "the view could not be stored", err);
            return false;
        }
    }
    chunk_free(job);
    return true;
}

static void retry_fired(struct timer *timer)
{
    op_resume(&container_of(timer, struct compaction_job, retry)->op);
}

/* ---- the end ---- */

static void start_next(struct broker *b)
{
    if (!list_empty(&b->compaction.jobs))
        op_resume(&container_of(b->compaction.jobs.next, struct compaction_job, node)->op);
}

static void job_done(struct broker_op *op)
{
    struct compaction_job *job = job_of(op);
    struct broker *b = job->broker;

    if (op->why.err != OK && job->topic) /* the barrier failed */
        compaction_ended(job->topic, op->why.text, 0, 0);
    job_free(job);
    start_next(b);
}

static void end(struct compaction_job *job, const char *failure)
{
    const uint64_t duration_ms = (loop_now_ns(job->broker->loop) - job->begun_ns) / NS_PER_MS;
    struct topic *t = job->topic;

    if (failure)
        log_error(job->broker->log, "broker", "%s: not compacted: %s", job->name.text, failure);
    else
        log_info(job->broker->log, "broker",
                 "%s: compacted up to %" PRId64 ":%" PRId64 ", %" PRIu64 " messages are left", job->name.text,
                 job->end.ledger, job->end.entry, compactor_kept(job->compactor));
    if (t)
        compaction_ended(t, failure, failure ? 0 : compactor_removed(job->compactor), duration_ms);
    op_finish(&job->op);
}

static void undo(struct compaction_job *job)
{
    if (job->reading || job->working || !list_empty(&job->pieces))
        return; /* the end of each comes back here */
    timer_stop(&job->retry);
    chunk_free(job);
    if (job->ledger) {
        ledger_close(job->broker->store, job->ledger);
        ledger_delete(job->broker->store, job->ledger);
    }
    end(job, job->failure);
}

/* The row is durable, or will never be known to be. */
static void use_view(struct compaction_job *job)
{
    struct compacted_view *view = job->topic ? compacted_view_new(job->broker, job->ledger, job->end) : NULL;

    if (view)
        compaction_use(job->topic, view);
    end(job, job->topic && !view ? "no memory to use the view before the topic is loaded again" : NULL);
}

static void commit(struct compaction_job *job)
{
    struct store *store = job->broker->store;
    struct cursor *cursor = cursor_find(store, job->subscription);
    enum err err;

    if (!list_empty(&job->pieces) || (job->committed && !job->op.waited))
        return;
    if (job->op.waited) {
        use_view(job);
        return;
    }
    if (job->ledger)
        ledger_close(store, job->ledger);
    if ((err = compaction_record(job->broker, job->subscription, job->ledger, job->end)) != OK) {
        fail(job, "the view could not be recorded", err);
        op_resume(&job->op);
        return;
    }
    job->committed = true;
    if (cursor && (err = cursor_ack_cumulative(cursor, job->end, job->next_message, NULL)) != OK)
        log_warn(job->broker->log, "broker", "%s: the log up to the horizon is held until it is compacted again: %s",
                 job->name.text, err_text(err));
    op_wait_durable(&job->op);
}

/* ---- the steps ---- */

static void pass_ended(struct compaction_job *job)
{
    if (job->phase == LEARN && !job->waiting) {
        job->waiting = true; /* for the turn's end */
        work_start(job, turn_run);
        return;
    }
    if (job->phase == WRITE)
        job->phase = COMMIT;
    else if (!job->again)
        job->phase = WRITE;
    job->waiting = false;
    read_again(job);
    op_resume(&job->op);
}

static void read_on(struct compaction_job *job)
{
    struct position from;

    if (job->reading || job->working || timer_running(&job->retry))
        return;
    if (job->chunk.read && !chunk_written(job)) {
        if (job->phase == UNDO)
            op_resume(&job->op);
        return;
    }
    if (!job->waiting && next_position(job, &from))
        read_start(job, from);
    else
        pass_ended(job);
}

static void step(struct broker_op *op)
{
    struct compaction_job *job = job_of(op);

    if (job->broker->compaction.jobs.next != &job->node)
        return; /* its turn comes */
    if (job->begun_ns == 0)
        job->begun_ns = loop_now_ns(job->broker->loop);
    if (!job->topic)
        fail(job, "the topic was closed", ERR_CLOSED);
    switch (job->phase) {
    case LEARN:
    case WRITE:
        read_on(job);
        break;
    case COMMIT:
        commit(job);
        break;
    case UNDO:
        undo(job);
        break;
    }
}

struct compaction_job *compaction_job_new(struct topic *t, uint64_t subscription, struct position end_)
{
    struct broker *b = t->broker;
    struct compaction_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->compactor =
        compactor_new(b->options.compaction_keeps_null_keys, b->options.compaction_keys_bytes, b->topics.seed);
    if (!job->compactor) {
        free(job);
        return NULL;
    }
    job->broker = b;
    job->topic = t;
    job->name = t->name;
    job->topic_id = t->id;
    job->subscription = subscription;
    job->end = end_;
    job->input = t->compaction.view ? compacted_view_ref(t->compaction.view) : NULL;
    list_init(&job->pieces);
    timer_init(&job->retry, b->loop, retry_fired);
    read_again(job);
    list_push_back(&b->compaction.jobs, &job->node);
    job->op.done = job_done;
    op_start(b, &job->op, step);
    return job;
}

void compaction_job_forsake(struct compaction_job *job)
{
    job->topic = NULL;
    op_resume(&job->op);
}
