/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.c - see reader.h.
 */
#include "store/reader.h"

#include "base/log.h"
#include "sys/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Of one entry in the buffer of a job. */
struct found {
    struct entry_header header;
    size_t offset, len; /* of the client's bytes */
};

struct read_job {
    struct work work;
    struct list node;
    struct reader *reader;
    struct store_read *read;
    struct disk *disk;
    char path[SEGMENT_PATH_SIZE];
    bool in_journal;
    uint32_t journal_file;
    struct extent extent; /* !in_journal */
    struct position from;
    size_t max, bytes_max;
    struct piece pieces[STORE_READ_MAX];
    size_t piece_count; /* in_journal: planned on the core */
    /* Out. */
    struct buffer *buffer; /* of the pieces, one behind the other */
    struct found found[STORE_READ_MAX];
    size_t found_count;
    enum err err;
};

static_assert(JOURNAL_PATH_SIZE <= SEGMENT_PATH_SIZE, "one buffer for both paths");

/* ---- on the worker ---- */

/* Reads pieces that lie side by side in one go. */
static enum err read_pieces(struct read_job *job, struct file *f)
{
    size_t to = 0, got;
    enum err err;

    for (size_t i = 0; i < job->piece_count;) {
        const uint64_t offset = job->pieces[i].offset;
        size_t len = 0;
        for (; i < job->piece_count && job->pieces[i].offset == offset + len; i++)
            len += job->pieces[i].len;
        if ((err = file_read(f, offset, job->buffer->data + to, len, &got)) != OK)
            return err;
        if (got != len)
            return ERR_CORRUPT;
        to += len;
    }
    return OK;
}

/* Entries up to the first that does not hold. */
static enum err check_pieces(struct read_job *job)
{
    size_t at = 0;

    for (size_t i = 0; i < job->piece_count; i++) {
        const struct position p = {job->from.ledger, job->from.entry + (int64_t)i};
        struct stored_entry e;
        enum err err = entry_decode_at(&e, bytes_of(job->buffer->data + at, job->pieces[i].len), p);
        if (err != OK)
            return i > 0 ? OK : err;
        job->found[i] = (struct found){
            .header = e.header, .offset = (size_t)(e.bytes.data - job->buffer->data), .len = e.bytes.len};
        job->found_count++;
        at += job->pieces[i].len;
    }
    return OK;
}

static enum err read_file(struct read_job *job, struct file *f)
{
    size_t bytes = 0;
    enum err err;

    if (!job->in_journal && (err = segment_pieces(f, &job->extent, (uint32_t)job->from.entry, job->max, job->bytes_max,
                                                  job->pieces, &job->piece_count)) != OK)
        return err;
    for (size_t i = 0; i < job->piece_count; i++)
        bytes += job->pieces[i].len;
    if (!(job->buffer = buffer_new(bytes, NULL)))
        return ERR_NOMEM;
    if ((err = read_pieces(job, f)) != OK)
        return err;
    return check_pieces(job);
}

static void job_run(struct work *work)
{
    struct read_job *job = container_of(work, struct read_job, work);
    struct file *f = NULL;

    if ((job->err = disk_open(job->disk, job->path, DISK_READ, &f)) == OK)
        job->err = read_file(job, f);
    file_close(f);
}

/* ---- on the core ---- */

static void start_waiting(struct reader *r);
static void start(struct reader *r, struct store_read *read);

static void tell_idle(struct reader *r)
{
    if (reader_idle(r) && r->idle)
        r->idle(r->ctx);
}

static void job_free(struct read_job *job)
{
    list_remove(&job->node);
    job->reader->job_count--;
    buffer_unref(job->buffer);
    free(job);
}

static void take_found(struct read_job *job)
{
    struct store_read *read = job->read;

    for (size_t i = 0; i < job->found_count; i++) {
        const struct found *f = &job->found[i];
        read->entries[i] = (struct entry){
            .position = {job->from.ledger, job->from.entry + (int64_t)i},
            .header = f->header,
            .bytes = slice_of(job->buffer, f->offset, f->len),
        };
        job->reader->cold_bytes += f->len;
    }
    read->count = job->found_count;
}

/* A file that is gone, or bytes that changed, may be a ledger that was deleted meanwhile. */
static enum err judge(struct read_job *job)
{
    const struct ledger *l = ledgers_find(job->reader->ledgers, (uint64_t)job->from.ledger);

    if (job->err == OK)
        return OK;
    if (!l || !l->chain)
        return ERR_NOT_FOUND;
    log_error(job->reader->log, "store",
              "%s: entry %" PRId64 " of ledger %" PRId64 " of topic %" PRIu64 " cannot be read: %s; it is not served",
              job->path, job->from.entry, job->from.ledger, l->chain->topic, err_text(job->err));
    return job->err == ERR_NOT_FOUND || job->err == ERR_VERSION ? ERR_CORRUPT : job->err;
}

/* Compaction has copied the entry elsewhere, and its old file may be gone. */
static bool was_moved(const struct read_job *job)
{
    const struct ledger *l = ledgers_find(job->reader->ledgers, (uint64_t)job->from.ledger);

    return job->err != OK && !job->in_journal && l && l->chain &&
           ledger_find_extent(l, (uint32_t)job->from.entry)->file != job->extent.file;
}

static void read_again(struct read_job *job)
{
    struct reader *r = job->reader;
    struct store_read *read = job->read;

    job_free(job);
    start(r, read);
    start_waiting(r);
}

static void job_done(struct work *work)
{
    struct read_job *job = container_of(work, struct read_job, work);
    struct reader *r = job->reader;
    struct store_read *read = job->read;

    if (was_moved(job)) {
        read_again(job);
        return;
    }
    const enum err err = judge(job);

    if (err == OK)
        take_found(job);
    if (job->in_journal)
        journal_unpin(r->journal, job->journal_file);
    job_free(job);
    start_waiting(r);
    read->done(read, err);
    tell_idle(r);
}

/* Places one after the other in the same journal file. */
static void plan_journal(struct read_job *job, const struct ledger *l)
{
    const size_t first = (size_t)job->from.entry - l->moved;
    size_t total = 0;

    job->in_journal = true;
    job->journal_file = l->places[first].file;
    for (size_t i = first; i < l->places_count && job->piece_count < job->max; i++) {
        const struct journal_place *p = &l->places[i];
        total += p->len;
        if (p->file != job->journal_file || (i > first && total > job->bytes_max))
            break;
        job->pieces[job->piece_count++] = (struct piece){.offset = p->offset, .len = p->len};
    }
    journal_pin(job->reader->journal, job->journal_file, job->path);
}

static void plan_segment(struct read_job *job, const struct ledger *l)
{
    job->extent = *ledger_find_extent(l, (uint32_t)job->from.entry);
    segment_path(job->path, job->extent.file);
}

static enum err start_job(struct reader *r, struct store_read *read, const struct ledger *l)
{
    struct read_job *job = calloc(1, sizeof *job);
    enum err err;

    if (!job)
        return ERR_NOMEM;
    job->work = (struct work){.run = job_run, .done = job_done};
    job->reader = r;
    job->read = read;
    job->disk = r->sys.disk;
    job->from = read->from;
    job->max = read->max;
    job->bytes_max = read->bytes_max;
    if ((uint64_t)read->from.entry >= l->moved)
        plan_journal(job, l);
    else
        plan_segment(job, l);
    if ((err = executor_submit(r->worker, &job->work)) != OK) {
        if (job->in_journal)
            journal_unpin(r->journal, job->journal_file);
        free(job);
        return err;
    }
    list_push_back(&r->jobs, &job->node);
    r->job_count++;
    r->cold_reads++;
    return OK;
}

static void answer_later(struct reader *r, struct store_read *read, enum err err)
{
    read->err = err;
    read->next = NULL;
    *r->answered_end = read;
    r->answered_end = &read->next;
    loop_defer(r->sys.loop, &r->answer);
}

static void answer_run(struct task *task)
{
    struct reader *r = container_of(task, struct reader, answer);
    struct store_read *list = r->answered;

    r->answered = NULL;
    r->answered_end = &r->answered;
    while (list) {
        struct store_read *read = list;
        list = read->next;
        read->done(read, read->err);
    }
    tell_idle(r);
}

static const struct ledger *find_synced(const struct reader *r, struct position p)
{
    const struct ledger *l = p.ledger > 0 ? ledgers_find(r->ledgers, (uint64_t)p.ledger) : NULL;

    if (!l || !l->chain || p.entry < 0 || (uint64_t)p.entry >= l->synced)
        return NULL;
    return l;
}

size_t reader_peek(struct reader *r, struct position from, size_t max, size_t bytes_max, struct entry *out)
{
    const struct ledger *l = find_synced(r, from);
    size_t n = 0, total = 0;

    if (!l)
        return 0;
    for (; n < max; n++) {
        const struct entry *e = tail_run_find(&l->tail, (uint32_t)from.entry + (uint32_t)n);
        if (!e)
            break;
        total += e->bytes.len;
        if (n > 0 && total > bytes_max)
            break;
        out[n] = *e;
        (void)slice_ref(e->bytes);
    }
    r->cache_hits += n;
    return n;
}

static void start(struct reader *r, struct store_read *read)
{
    enum err err = OK;

    read->count = reader_peek(r, read->from, read->max, read->bytes_max, read->entries);
    if (read->count == 0) {
        const struct ledger *l = find_synced(r, read->from);
        if (l && (err = start_job(r, read, l)) == OK)
            return;
        err = l ? err : ERR_NOT_FOUND;
    }
    answer_later(r, read, err);
}

static void start_waiting(struct reader *r)
{
    while (r->waiting && r->job_count < READER_JOBS_MAX) {
        struct store_read *read = r->waiting;
        r->waiting = read->next;
        if (!r->waiting)
            r->waiting_end = &r->waiting;
        start(r, read);
    }
}

void reader_read(struct reader *r, struct store_read *read)
{
    assert(read->max > 0 && read->max <= STORE_READ_MAX);

    read->next = NULL;
    read->count = 0;
    *r->waiting_end = read;
    r->waiting_end = &read->next;
    start_waiting(r);
}

bool reader_idle(const struct reader *r)
{
    return r->job_count == 0 && !r->waiting && !r->answered;
}

void reader_init(struct reader *r, const struct sys *sys, struct log *log, struct executor *worker,
                 struct ledgers *ledgers, struct journal *journal)
{
    *r = (struct reader){.sys = *sys, .log = log, .worker = worker, .ledgers = ledgers, .journal = journal};
    r->waiting_end = &r->waiting;
    r->answered_end = &r->answered;
    r->answer.run = answer_run;
    list_init(&r->jobs);
}

void reader_deinit(struct reader *r)
{
    struct list *node;

    while (r->worker && (node = r->jobs.next) != &r->jobs)
        job_free(container_of(node, struct read_job, node));
    for (struct store_read *read = r->answered; read; read = read->next) {
        for (size_t i = 0; i < read->count; i++)
            entry_unref(&read->entries[i]);
    }
}
