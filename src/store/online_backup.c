/* SPDX-License-Identifier: Apache-2.0
 *
 * online_backup.c - see online_backup.h.
 */
#include "store/online_backup.h"

#include "base/log.h"
#include "store/store_private.h"
#include "sys/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define JOB_BYTES (UINT64_C(8) << 20) /* that one job copies, about */
#define JOB_FILES 32u
/* So much is left free on the disk of the data: what ends the lease in time for the journal. */
#define ROOM_FILES 2u

static struct online_backup *of_work(struct work *work)
{
    return container_of(work, struct online_backup, work);
}

static enum err job_failed(struct online_backup *b, enum err err, const char *what)
{
    snprintf(b->failure, sizeof b->failure, "%s", what);
    return err;
}

/* ---- the worker ---- */

/* The request is taken: it is not for another backup. */
static enum err read_request(struct online_backup *b)
{
    struct disk *disk = b->store->sys.disk;
    struct file *f = NULL;
    size_t got = 0;
    enum err err = disk_open(disk, BACKUP_REQUEST_PATH, DISK_READ, &f);

    if (err == OK)
        err = file_read(f, 0, b->directory, sizeof b->directory - 1, &got);
    file_close(f);
    if (err == ERR_NOT_FOUND)
        return job_failed(b, err, "the data directory has no file \"" BACKUP_REQUEST_PATH "\" that says where to");
    if (err != OK)
        return job_failed(b, err, "the file \"" BACKUP_REQUEST_PATH "\" cannot be read");
    b->directory[got] = '\0';
    b->directory[strcspn(b->directory, "\n")] = '\0';
    (void)disk->ops->unlink(disk, BACKUP_REQUEST_PATH);
    if (b->directory[0] != '/')
        return job_failed(b, ERR_INVALID, "the file \"" BACKUP_REQUEST_PATH "\" names no absolute path");
    return OK;
}

static enum err open_target(struct online_backup *b)
{
    const struct store_options *o = &b->store->options;
    enum err err;

    if (!o->directory_open)
        return job_failed(b, ERR_UNSUPPORTED, "this store knows no other directories");
    if ((err = o->directory_open(o->ctx, b->directory, &b->to)) != OK) {
        snprintf(b->failure, sizeof b->failure, "%s cannot be opened: %s", b->directory, err_text(err));
        return err;
    }
    b->copier_used = true;
    if ((err = backup_copier_init(&b->copier, b->store->sys.disk, b->to, b->wall_ms)) != OK)
        return job_failed(b, err, b->copier.message);
    return OK;
}

static void open_run(struct work *work)
{
    struct online_backup *b = of_work(work);

    if ((b->err = read_request(b)) == OK)
        b->err = open_target(b);
}

/* The files that only recovery and the background worker change. */
static void index_run(struct work *work)
{
    struct online_backup *b = of_work(work);

    b->err = OK;
    for (size_t i = 0; backup_own_files[i] && b->err == OK; i++) {
        b->err = backup_file(&b->copier, backup_own_files[i], UINT64_MAX);
        if (b->err == ERR_NOT_FOUND)
            b->err = OK;
    }
    if (b->err != OK)
        (void)job_failed(b, b->err, b->copier.message);
}

static enum err begin_item(struct online_backup *b, const struct backup_item *item)
{
    char path[SEGMENT_PATH_SIZE];

    entry_file_path(path, item->number);
    return backup_file_begin(&b->copier, path, item->limit);
}

/* What is deleted meanwhile stays until the backup is over: that must not be what fills the disk. */
static enum err check_room(struct online_backup *b)
{
    struct disk *disk = b->store->sys.disk;
    uint64_t free_bytes;

    if (disk->ops->free_bytes(disk, &free_bytes) != OK ||
        free_bytes >= ROOM_FILES * b->store->options.journal_file_bytes)
        return OK;
    return job_failed(b, ERR_NOSPACE, "the disk of the data directory is nearly full");
}

/* Begins the next item, or goes on with the one under way. */
static enum err copy_some(struct online_backup *b)
{
    bool done = false;
    enum err err = b->copier.in ? OK : begin_item(b, &b->items[b->next]);

    if (err == OK)
        err = backup_file_step(&b->copier, &done);
    if (err == OK && done)
        b->next++;
    return err == OK ? OK : job_failed(b, err, b->copier.message);
}

static void files_run(struct work *work)
{
    struct online_backup *b = of_work(work);
    const uint64_t enough = b->copier.report.bytes + JOB_BYTES;

    b->err = check_room(b);
    for (unsigned n = 0; n < JOB_FILES && b->err == OK && b->next < b->item_count; n++) {
        b->err = copy_some(b);
        if (b->copier.report.bytes >= enough)
            break;
    }
}

static void finish_run(struct work *work)
{
    struct online_backup *b = of_work(work);

    if ((b->err = backup_finish(&b->copier)) != OK)
        (void)job_failed(b, b->err, b->copier.message);
}

/* ---- the core: the end ---- */

static void unpin_until(struct store *s, size_t upto)
{
    struct online_backup *b = &s->backup;

    for (; b->copied < upto; b->copied++) {
        const uint64_t number = b->items[b->copied].number;
        if (number & FILE_IS_JOURNAL && s->journal && !s->dead)
            journal_unpin(s->journal, (uint32_t)(number & ~FILE_IS_JOURNAL));
    }
}

static void let_go(struct store *s)
{
    struct online_backup *b = &s->backup;

    unpin_until(s, b->item_count);
    free(b->items);
    b->items = NULL;
    b->item_count = b->item_capacity = b->copied = b->next = 0;
    if (b->copier_used)
        backup_copier_deinit(&b->copier);
    b->copier_used = false;
    if (b->to)
        s->options.directory_close(b->to);
    b->to = NULL;
    b->step = BACKUP_IDLE;
}

static void count_outcome(struct store *s, enum err err, const char *why)
{
    struct store_backup_status *status = &s->backup.status;

    status->running = false;
    status->ended_ms = loop_wall_ms(s->sys.loop);
    snprintf(status->failure, sizeof status->failure, "%s", err == OK ? "" : why);
    if (err == OK) {
        status->done_count++;
        status->done_ms = status->ended_ms;
        log_info(s->log, "store", "the backup in %s is whole: %" PRIu64 " files, %" PRIu64 " bytes", status->directory,
                 status->files, status->bytes);
    } else {
        status->failed_count++;
        log_error(s->log, "store", "a backup failed: %s; what was written%s%s is not one", why,
                  status->directory[0] ? " to " : "", status->directory);
    }
}

static void end(struct store *s, enum err err, const char *why)
{
    let_go(s);
    count_outcome(s, err, why);
    store_backup_ended(s);
}

/* ---- the core: from step to step ---- */

static void submit(struct store *s, enum online_backup_step step, struct executor *executor,
                   void (*run)(struct work *work))
{
    struct online_backup *b = &s->backup;

    b->step = step;
    b->work.run = run;
    if (executor_submit(executor, &b->work) != OK)
        end(s, ERR_FULL, "the worker's queue is full");
}

static bool make_room(struct online_backup *b, size_t more)
{
    size_t wanted = b->item_capacity ? b->item_capacity : 64;

    while (wanted < b->item_count + more)
        wanted *= 2;
    if (wanted == b->item_capacity)
        return true;
    void *grown = realloc(b->items, wanted * sizeof *b->items);
    if (!grown)
        return false;
    b->items = grown;
    b->item_capacity = wanted;
    return true;
}

/* The adopted files of the journal, or the segments. */
static bool lease_resting(struct store *s, bool journals)
{
    struct online_backup *b = &s->backup;
    char path[JOURNAL_PATH_SIZE];
    uint64_t number;
    size_t at = 0;

    while (segment_table_next(&s->ledgers.segments, &at, &number)) {
        if (((number & FILE_IS_JOURNAL) != 0) != journals)
            continue;
        if (!make_room(b, 1))
            return false;
        b->items[b->item_count++] = (struct backup_item){.number = number, .limit = UINT64_MAX};
        if (journals)
            journal_pin(s->journal, (uint32_t)(number & ~FILE_IS_JOURNAL), path);
    }
    return true;
}

/* The state after the batch that is closed now is what the backup will hold: in this turn of the loop, because what is
 * deleted from here on is deleted by records that it does not have. */
static void cut(struct store *s)
{
    struct online_backup *b = &s->backup;

    b->step = BACKUP_CUT;
    b->next_segment = s->next_segment;
    if (!lease_resting(s, true) || !lease_resting(s, false)) {
        end(s, ERR_NOMEM, "no memory for the list of files");
        return;
    }
    (void)journal_cut(s->journal);
    journal_sync_barrier(s->journal, &b->cut_synced);
}

/* An adopted file: they are the first. */
static struct backup_item *item_of(struct online_backup *b, uint64_t number)
{
    for (size_t i = 0; i < b->item_count && b->items[i].number & FILE_IS_JOURNAL; i++) {
        if (b->items[i].number == number)
            return &b->items[i];
    }
    return NULL;
}

/* To the front: what is held only for the backup is held the least long. */
static bool lease_journal_file(struct store *s, uint32_t file, uint64_t end)
{
    struct online_backup *b = &s->backup;
    char path[JOURNAL_PATH_SIZE];

    if (!make_room(b, 1))
        return false;
    memmove(b->items + 1, b->items, b->item_count * sizeof *b->items);
    b->items[0] = (struct backup_item){.number = file | FILE_IS_JOURNAL, .limit = end};
    b->item_count++;
    journal_pin(s->journal, file, path);
    return true;
}

/* The cut is the last batch that is done: each file of the journal ends where the table says. */
static bool lease_journal(struct store *s)
{
    struct journal_part part = {0};

    while (journal_part_next(s->journal, &part)) {
        struct backup_item *adopted = item_of(&s->backup, part.file | FILE_IS_JOURNAL);
        if (adopted)
            adopted->limit = part.end;
        else if (!lease_journal_file(s, part.file, part.end))
            return false;
    }
    return true;
}

static void cut_synced(struct store_op *op, enum err err)
{
    struct online_backup *b = container_of(op, struct online_backup, cut_synced);
    struct store *s = b->store;

    assert(err == OK);
    assert(b->step == BACKUP_CUT);
    if (b->cancelled) {
        end(s, ERR_CLOSED, "the broker is stopping");
        return;
    }
    if (!lease_journal(s)) {
        end(s, ERR_NOMEM, "no memory for the list of files");
        return;
    }
    b->status.files_total = b->item_count;
    submit(s, BACKUP_INDEX, s->background, index_run);
    store_checkpoint_allowed(s); /* behind that job */
}

static void wait_for_checkpoint(struct store *s)
{
    struct online_backup *b = &s->backup;

    b->step = BACKUP_WAITING;
    online_backup_checkpoint_stopped(s);
}

void online_backup_checkpoint_stopped(struct store *s)
{
    if (s->backup.step != BACKUP_WAITING)
        return;
    if (s->checkpoint.state == CHECKPOINT_IDLE)
        cut(s);
    else if (s->checkpoint.state == CHECKPOINT_RETRY)
        end(s, ERR_NOSPACE, "a checkpoint is put off until it finds room");
}

static void progress(struct store *s)
{
    struct online_backup *b = &s->backup;

    unpin_until(s, b->next);
    b->status.files = b->copier.report.files;
    b->status.bytes = b->copier.report.bytes;
    snprintf(b->status.directory, sizeof b->status.directory, "%s", b->directory);
}

static void next_step(struct store *s)
{
    struct online_backup *b = &s->backup;

    switch (b->step) {
    case BACKUP_OPENING:
        wait_for_checkpoint(s);
        break;
    case BACKUP_INDEX:
    case BACKUP_FILES:
        if (b->next < b->item_count)
            submit(s, BACKUP_FILES, b->worker, files_run);
        else
            submit(s, BACKUP_FINISHING, b->worker, finish_run);
        break;
    case BACKUP_FINISHING:
        end(s, OK, "");
        break;
    case BACKUP_IDLE:
    case BACKUP_WAITING:
    case BACKUP_CUT:
        assert(false); /* no job is under way in these */
    }
}

static void work_done(struct work *work)
{
    struct online_backup *b = of_work(work);
    struct store *s = b->store;

    if (s->dead)
        return;
    progress(s);
    if (b->err != OK)
        end(s, b->err, b->failure);
    else if (b->cancelled)
        end(s, ERR_CLOSED, "the broker is stopping");
    else if ((store_full(s) || store_nearly_full(s)) && b->step != BACKUP_FINISHING)
        end(s, ERR_NOSPACE, "the disk of the data directory is nearly full");
    else
        next_step(s);
}

enum err store_backup_start(struct store *s)
{
    struct online_backup *b = &s->backup;
    enum err err;

    if (s->dead || s->closing)
        return ERR_CLOSED;
    if (!online_backup_idle(b))
        return ERR_BUSY;
    if (!b->worker && (err = executor_new(s->sys.loop, "backup", 2, &b->worker)) != OK)
        return err;
    const struct store_backup_status last = b->status;
    b->status = (struct store_backup_status){.running = true,
                                             .started_ms = loop_wall_ms(s->sys.loop),
                                             .done_count = last.done_count,
                                             .failed_count = last.failed_count,
                                             .done_ms = last.done_ms};
    b->wall_ms = b->status.started_ms;
    b->copier.report = (struct backup_report){0};
    b->directory[0] = '\0';
    submit(s, BACKUP_OPENING, b->worker, open_run);
    return OK;
}

const struct store_backup_status *store_backup_status(const struct store *s)
{
    return &s->backup.status;
}

void online_backup_cancel(struct store *s)
{
    struct online_backup *b = &s->backup;

    b->cancelled = true;
    if (b->step == BACKUP_WAITING)
        end(s, ERR_CLOSED, "the broker is stopping");
}

void online_backup_init(struct store *s)
{
    s->backup.store = s;
    s->backup.work.done = work_done;
    s->backup.cut_synced.done = cut_synced;
}

void online_backup_deinit(struct store *s)
{
    let_go(s);
    executor_free(s->backup.worker);
}
