/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_files.c - the table of journal files; see journal_files.h.
 */
#include "store/journal_files.h"

#include <assert.h>
#include <stdlib.h>

#define MIB              (UINT64_C(1024) * 1024)
#define FIRST_FILE_BYTES MIB       /* what a file made in haste counts as */
#define CHORE_PIECE      (4 * MIB) /* zero-written per job, so that a checkpoint need not wait long */
#define EXTEND_BYTES     MIB
#define RESERVE_MIN      (UINT64_C(64) * 1024)
#define RESERVE_MAX      MIB
#define PREPARE_AFTER    (UINT64_C(128) * 1024)
#define WHOLE_PAGES      (UINT64_C(64) * 1024)  /* from this size on a batch is padded to the end of its page */
#define LARGE_BATCH      (UINT64_C(128) * 1024) /* from this mean size on zeros ahead cost more than they save */
#define ROOM_BYTES       (16 * MIB)
#define FORGET_MS        10000u

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static enum err add_file(struct journal_files *f, uint64_t number, uint64_t prepared, struct journal_file **out)
{
    struct journal_file *file = calloc(1, sizeof *file);
    if (!file)
        return ERR_NOMEM;
    file->number = number;
    file->prepared = prepared;
    file->state = FILE_SPARE;
    list_push_back(&f->all, &file->node);
    f->count++;
    if (out)
        *out = file;
    return OK;
}

static void remove_file(struct journal_files *f, struct journal_file *file)
{
    assert(file->pins == 0 && file != f->current);
    list_remove(&file->node);
    f->count--;
    free(file);
}

static struct journal_file *of_node(struct list *node)
{
    return container_of(node, struct journal_file, node);
}

struct journal_file *journal_files_find(const struct journal_files *f, uint64_t number)
{
    list_each (node, &f->all) {
        if (of_node(node)->number == number)
            return of_node(node);
    }
    return NULL;
}

size_t journal_files_unadopted(const struct journal_files *f)
{
    size_t n = 0;
    list_each (node, &f->all)
        n += of_node(node)->runs == 0 && of_node(node)->state != FILE_DOOMED;
    return n;
}

static bool is_better(const struct journal_file *a, const struct journal_file *b)
{
    return a->fresh != b->fresh ? b->fresh : a->prepared > b->prepared;
}

/* One that was written before, the largest. */
static struct journal_file *find_spare(const struct journal_files *f, size_t *count)
{
    struct journal_file *best = NULL;
    *count = 0;
    list_each (node, &f->all) {
        struct journal_file *file = of_node(node);
        if (file->state != FILE_SPARE)
            continue;
        (*count)++;
        if (!best || is_better(file, best))
            best = file;
    }
    return best;
}

static uint64_t prefix(const struct journal_files *f)
{
    return min_u64(JOURNAL_PREFIX, f->file_bytes);
}

/* Written in an earlier life, and still needed; the last of them goes on as the current one. */
static enum err add_kept(struct journal_files *f, const struct journal_kept *kept)
{
    struct journal_file *file;
    enum err err = add_file(f, kept->number, kept->size, &file);

    if (err != OK)
        return err;
    if (f->current)
        f->current->state = FILE_FULL;
    f->current = file;
    file->state = FILE_CURRENT;
    file->header = kept->header;
    file->end = kept->end;
    file->last_batch = kept->last_batch;
    return OK;
}

/* Trimmed long ago, unless it is among the kept ones. */
static enum err add_adopted(struct journal_files *f, const struct journal_adopted *adopted)
{
    struct journal_file *file = journal_files_find(f, adopted->number);
    enum err err;

    if (!file) {
        if ((err = add_file(f, adopted->number, adopted->size, &file)) != OK)
            return err;
        file->state = FILE_FULL;
    }
    file->runs = adopted->runs;
    return OK;
}

static bool has_place_to_write(const struct journal_files *f)
{
    size_t spares;

    return f->current || find_spare(f, &spares);
}

static void shrink_fire(struct timer *timer);

enum err journal_files_init(struct journal_files *f, const struct journal_options *options, const struct sys *sys,
                            const struct journal_start *start)
{
    bool sync_failed;
    enum err err;

    *f = (struct journal_files){
        .next_number = start->next_number,
        .next_generation = start->next_generation,
        .file_bytes = options->file_bytes,
        .trimmed = start->trimmed,
        .sys = *sys,
        .background = options->background,
        .paged = sys->ring && options->durability != DURABILITY_OS,
        .unsynced = options->durability == DURABILITY_OS,
    };
    list_init(&f->all);
    timer_init(&f->shrink, sys->loop, shrink_fire);
    for (size_t i = 0; i < start->spare_count; i++) {
        if ((err = add_file(f, start->spares[i].number, start->spares[i].size, NULL)) != OK)
            return err;
    }
    for (size_t i = 0; i < start->kept_count; i++) {
        if ((err = add_kept(f, &start->kept[i])) != OK)
            return err;
    }
    for (size_t i = 0; i < start->adopted_count; i++) {
        if ((err = add_adopted(f, &start->adopted[i])) != OK)
            return err;
    }
    if (has_place_to_write(f))
        return OK;
    const uint64_t number = f->next_number++;
    if ((err = journal_file_make(sys->disk, number, prefix(f), &sync_failed)) != OK)
        return err;
    return add_file(f, number, prefix(f), NULL);
}

void journal_files_deinit(struct journal_files *f)
{
    if (!f->all.next)
        return;
    timer_stop(&f->shrink);
    list_each_safe (node, &f->all) {
        list_remove(node);
        free(of_node(node));
    }
    f->current = NULL;
}

/* ---- where a batch goes ---- */

/* What is kept written ahead in a file, for batches without entries: they must find room on a full disk. */
static uint64_t reserve_of(const struct journal_files *f, uint64_t prepared)
{
    return max_u64(min_u64(RESERVE_MIN, f->file_bytes / 8), min_u64(RESERVE_MAX, prepared / 16));
}

static bool current_is_enough(const struct journal_files *f, uint64_t span, bool entries, bool spare_ready)
{
    const struct journal_file *c = f->current;
    if (!c)
        return false;
    if (c->end == 0) /* an unused file takes any batch */
        return true;
    const uint64_t reserve = reserve_of(f, c->prepared);
    if (c->end + span + (entries ? reserve : 0) <= c->prepared)
        return true;
    return !spare_ready && c->end + span + reserve <= f->file_bytes; /* it will be extended */
}

static void place_header(struct journal_files *f, struct journal_write *w, uint64_t batch, uint32_t previous_crc)
{
    struct journal_file_header *h = &w->file_header;
    h->generation = f->next_generation++;
    h->first_batch = batch;
    h->previous_crc = previous_crc;
    h->unsynced = f->unsynced;
    f->sys.loop->ops->entropy(f->sys.loop, &h->salt, sizeof h->salt);
}

static uint64_t page_rest(uint64_t end)
{
    return (JOURNAL_PAGE - end % JOURNAL_PAGE) % JOURNAL_PAGE;
}

bool journal_files_is_large(const struct journal_files *f, const struct batch *batch)
{
    return batch->payload >= min_u64(WHOLE_PAGES, f->file_bytes / 64);
}

/* At most, wherever it is put; but for padding that it can do without. */
static uint64_t span_max(const struct journal_files *f, const struct batch *batch)
{
    return batch_span(batch->payload) + (journal_files_is_large(f, batch) ? JOURNAL_PAGE - JOURNAL_ALIGN : 0);
}

/* What ends there takes none of what is kept for a full disk. */
static bool leaves_reserve(const struct journal_files *f, uint64_t end, uint64_t prepared)
{
    return end + reserve_of(f, prepared) <= prepared;
}

/* A small batch has its page to itself only where a ring may write it, and that takes none of what is kept for a full
 * disk. */
static void place_span(const struct journal_files *f, struct journal_write *w, uint64_t prepared)
{
    const uint64_t span = batch_span(w->batch->payload), pad = page_rest(w->offset + span);

    w->whole = journal_files_is_large(f, w->batch) ||
               (f->paged && span + pad <= JOURNAL_RING_BYTES && leaves_reserve(f, w->offset + span + pad, prepared));
    w->pad = w->whole ? (uint32_t)pad : 0;
    w->span = span + w->pad;
}

static void place_zeros(const struct journal_files *f, struct journal_write *w, uint64_t prepared)
{
    const uint64_t end = w->offset + w->span;
    const uint64_t reserve = reserve_of(f, prepared);
    const uint64_t unit = min_u64(EXTEND_BYTES, f->file_bytes);
    if (end + reserve <= prepared)
        return;
    w->zeros = (end + reserve + unit - 1) / unit * unit - end;
}

static bool batches_are_large(const struct journal_files *f)
{
    return f->span_mean > min_u64(LARGE_BATCH, f->file_bytes / 64);
}

static void place_fill(struct journal_write *w, uint64_t prepared)
{
    const uint64_t end = w->offset + w->span, rest = page_rest(end);

    w->fill = w->zeros == 0 && end + rest <= prepared ? rest : 0;
}

/* Space behind the batch: for the next ones, and what is kept for those that must find some. */
static void place_room(const struct journal_files *f, struct journal_write *w, uint64_t prepared)
{
    const uint64_t end = w->offset + w->span + reserve_of(f, prepared);

    if (end > prepared)
        w->room = max_u64(end, min_u64(f->file_bytes, prepared + ROOM_BYTES));
}

enum err journal_files_place(struct journal_files *f, struct journal_write *w, uint32_t previous_crc)
{
    const struct batch *batch = w->batch;
    size_t spares;
    struct journal_file *file = find_spare(f, &spares);
    enum err err;

    w->switch_file = w->create = false;
    w->zeros = w->room = w->useless = 0;
    if (current_is_enough(f, span_max(f, batch), batch->entries > 0, file != NULL)) {
        file = f->current;
    } else {
        w->switch_file = true;
        w->create = file == NULL;
        if (!file && (err = add_file(f, f->next_number++, 0, &file)) != OK)
            return err;
        file->state = FILE_TAKEN;
        w->useless = file->fresh ? 0 : file->prepared;
    }
    w->number = file->number;
    w->prefix = prefix(f);
    w->with_header = file->end == 0 || w->switch_file;
    w->offset = w->with_header ? JOURNAL_HEADER_SIZE : file->end;
    if (w->with_header)
        place_header(f, w, batch->number, previous_crc);
    else
        w->file_header = file->header;
    const uint64_t prepared = w->create ? w->prefix : file->prepared;
    place_span(f, w, prepared);
    const bool full = w->offset + w->span <= prepared && prepared >= f->file_bytes; /* is left with what it has */
    if (!full && batches_are_large(f))
        place_room(f, w, prepared);
    else if (!full)
        place_zeros(f, w, prepared);
    place_fill(w, prepared);
    return OK;
}

bool journal_files_place_beside(const struct journal_files *f, struct journal_write *w,
                                const struct journal_write *before)
{
    const struct journal_file *c = f->current;
    const uint64_t offset = before->offset + before->span, span = batch_span(w->batch->payload);
    const uint64_t pad = page_rest(offset + span);

    assert(journal_files_placed_apart(before));
    if (!leaves_reserve(f, offset + span + pad, c->prepared))
        return false;
    w->switch_file = w->create = w->with_header = false;
    w->zeros = w->room = w->useless = w->fill = 0;
    w->number = c->number;
    w->file_header = c->header;
    w->offset = offset;
    w->whole = true;
    w->pad = (uint32_t)pad;
    w->span = span + pad;
    return true;
}

bool journal_files_placed_apart(const struct journal_write *w)
{
    return w->whole && !w->switch_file && !w->with_header && w->zeros == 0 && w->room == 0 && w->fill == 0;
}

static void forget(struct journal_files *f)
{
    const uint64_t now = loop_now_ns(f->sys.loop);

    while (f->lately > 0 && now - f->lately_ns >= FORGET_MS * NS_PER_MS) {
        f->lately /= 2;
        f->lately_ns += FORGET_MS * NS_PER_MS;
    }
    if (f->lately == 0)
        f->lately_ns = now;
}

static void count_written(struct journal_files *f, uint64_t span)
{
    forget(f);
    f->lately += span;
    f->span_mean = (7 * f->span_mean + span) / 8;
}

static void switched_to(struct journal_files *f, struct journal_file *file, const struct journal_write *w)
{
    if (f->current) {
        f->current->state = FILE_FULL;
        f->current->fresh = false;
    }
    f->current = file;
    f->chore_failed = false;
    file->state = FILE_CURRENT;
    file->end = 0;
    file->adopted = 0;
    if (w->create) {
        file->prepared = w->prefix;
        f->zeros += w->prefix;
    }
    list_remove(&file->node); /* in the order of use */
    list_push_back(&f->all, &file->node);
}

void journal_files_placed(struct journal_files *f, const struct journal_write *w)
{
    struct journal_file *file = journal_files_find(f, w->number);
    assert(file);

    if (w->switched)
        switched_to(f, file, w);
    else if (w->create)
        remove_file(f, file); /* could not be made */
    else if (w->switch_file)
        file->state = FILE_SPARE; /* could not be opened */
    if (w->stage != WRITE_STAGE_DONE)
        return;
    assert(file == f->current);
    file->header = w->file_header;
    file->end = w->offset + w->span;
    file->last_batch = w->batch->number;
    file->prepared = max_u64(file->prepared, file->end + (w->extended ? w->zeros : 0));
    if (w->extended) {
        file->prepared = max_u64(file->prepared, w->room);
        f->zeros += w->zeros;
    }
    count_written(f, w->span);
}

/* ---- chores ---- */

/* All at once, or the next piece. */
static enum err chore_extend(struct journal_chore *c, struct file *file)
{
    const uint64_t piece = min_u64(CHORE_PIECE, c->len - c->from);
    enum err err = c->allocate ? file_allocate(file, c->len) : ERR_UNSUPPORTED;

    if (err == OK)
        c->from = c->len;
    if (err != ERR_UNSUPPORTED)
        return err;
    c->allocate = false;
    if ((err = journal_write_zeros(file, c->from, piece)) == OK) {
        c->from += piece;
        c->zeros = piece;
    }
    return err;
}

/* When the directory is synced the room is there for certain. */
static void chore_remove(struct journal_chore *c, const char *path)
{
    c->err = c->disk->ops->unlink(c->disk, path);
    if (c->err == OK && c->hurry)
        c->sync_failed = (c->err = c->disk->ops->sync_dir(c->disk, JOURNAL_DIR)) != OK;
}

static void chore_run(struct work *work)
{
    struct journal_chore *c = container_of(work, struct journal_chore, work);
    char path[JOURNAL_PATH_SIZE];
    struct file *file = NULL;

    c->sync_failed = false;
    c->zeros = 0;
    journal_path(path, c->number);
    if (c->unlink) {
        chore_remove(c, path);
        return;
    }
    if ((c->err = disk_open(c->disk, path, DISK_WRITE | DISK_CREATE, &file)) != OK)
        return;
    if ((c->err = chore_extend(c, file)) == OK) {
        c->err = file_sync(file);
        if (c->err == OK && c->from == c->len)
            c->err = c->disk->ops->sync_dir(c->disk, JOURNAL_DIR);
        c->sync_failed = c->err != OK;
    }
    file_close(file);
    if (c->err != OK && !c->sync_failed)
        (void)c->disk->ops->unlink(c->disk, path);
}

static void chore_submit(struct journal_files *f)
{
    f->chore.running = executor_submit(f->background, &f->chore.work) == OK; /* a full queue: asked again later */
}

static enum err add_made(struct journal_files *f, const struct journal_chore *c)
{
    struct journal_file *file;
    enum err err = add_file(f, c->number, c->len, &file);

    if (err == OK)
        file->fresh = c->allocate;
    return err;
}

static void chore_done(struct work *work)
{
    struct journal_chore *c = container_of(work, struct journal_chore, work);
    struct journal_files *f = container_of(c, struct journal_files, chore);

    c->running = false;
    f->zeros += c->zeros;
    if (c->sync_failed) {
        f->fatal(f->ctx, c->err, "a journal file made or removed could not be synced");
        return;
    }
    if (c->unlink) {
        remove_file(f, journal_files_find(f, c->number)); /* a name that stays is found at the next start */
    } else if (c->err != OK || (c->from == c->len && add_made(f, c) != OK)) {
        f->chore_failed = true;
    } else if (c->from < c->len && !f->stopping) {
        chore_submit(f);
        return;
    }
    journal_files_tend(f);
}

static void chore_unlink(struct journal_files *f, struct journal_file *file)
{
    file->state = FILE_DOOMED;
    f->chore = (struct journal_chore){
        .work = {.run = chore_run, .done = chore_done},
        .disk = f->sys.disk,
        .number = file->number,
        .unlink = true,
        .hurry = f->yields,
    };
    chore_submit(f);
}

static void chore_make(struct journal_files *f, uint64_t len)
{
    f->chore = (struct journal_chore){
        .work = {.run = chore_run, .done = chore_done},
        .disk = f->sys.disk,
        .number = f->next_number++,
        .len = len,
        .allocate = batches_are_large(f),
    };
    chore_submit(f);
}

static void release_trimmed(struct journal_files *f)
{
    list_each (node, &f->all) {
        struct journal_file *file = of_node(node);
        if (file->state == FILE_FULL && file->pins == 0 && file->runs == 0 && file->last_batch <= f->trimmed)
            file->state = FILE_SPARE;
    }
}

/* Spares that may stay: what is written again soon. */
static bool too_many(struct journal_files *f, size_t spares, uint64_t bytes)
{
    forget(f);
    if (f->yields)
        return spares > 1;
    return spares > JOURNAL_SPARES_MAX && bytes > min_u64(f->lately, JOURNAL_POOL_MAX);
}

/* A spare too many: the worst; then one that an interrupted chore left. */
static struct journal_file *find_surplus(struct journal_files *f)
{
    struct journal_file *worst = NULL;
    uint64_t bytes = 0;
    size_t spares = 0;

    list_each (node, &f->all) {
        struct journal_file *file = of_node(node);
        if (file->state == FILE_DOOMED)
            return file;
        if (file->state != FILE_SPARE)
            continue;
        spares++;
        bytes += file->prepared;
        if (!worst || is_better(worst, file))
            worst = file;
    }
    if (spares > JOURNAL_SPARES_MAX && !timer_running(&f->shrink) && !f->stopping)
        timer_start_ms(&f->shrink, FORGET_MS);
    return too_many(f, spares, bytes) ? worst : NULL;
}

static void shrink_fire(struct timer *timer)
{
    journal_files_tend(container_of(timer, struct journal_files, shrink));
}

void journal_files_tend(struct journal_files *f)
{
    struct journal_file *surplus;
    size_t spares;

    release_trimmed(f);
    if (f->chore.running || f->stopping)
        return;
    if ((surplus = find_surplus(f)) != NULL) {
        chore_unlink(f, surplus);
        return;
    }
    find_spare(f, &spares);
    const struct journal_file *c = f->current;
    if (spares == 0 && c && c->end > min_u64(PREPARE_AFTER, f->file_bytes / 8) && !f->chore_failed)
        chore_make(f, min_u64(f->file_bytes, 4 * max_u64(FIRST_FILE_BYTES, c->prepared)));
}
