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

#define LOADS     2u                           /* of a worker: the disk has the next one while the last is checked */
#define AHEAD     (READER_WORKERS * LOADS + 1) /* windows after the one that is read: their loads, and one there */
#define AHEAD_MAX (AHEAD + 1)                  /* the same, where they are small */
#define GENTLE    (128u * 1024)                /* bytes that a load asks the disk for at once beside small publishes */
#define AGE_MS    2000                         /* windows that were not used for one to two of these go */

static void start_loads(struct reader *r);
static void start(struct reader *r, struct store_read *read);

static void tell_idle(struct reader *r)
{
    if (reader_idle(r) && r->idle)
        r->idle(r->ctx);
}

/* ---- answers without a load ---- */

static void answer_later(struct reader *r, struct store_read *read, enum err err)
{
    read->err = err;
    read->next = NULL;
    *r->answered_end = read;
    r->answered_end = &read->next;
    loop_defer(r->sys.loop, &r->answer);
}

static void tell(struct store_read *list)
{
    while (list) {
        struct store_read *read = list;
        list = read->next;
        read->done(read, read->err);
    }
}

static void answer_run(struct task *task)
{
    struct reader *r = container_of(task, struct reader, answer);
    struct store_read *list = r->answered;

    r->answered = NULL;
    r->answered_end = &r->answered;
    tell(list);
    tell_idle(r);
}

/* ---- planning ---- */

static const struct ledger *find_synced(const struct reader *r, struct position p)
{
    const struct ledger *l = p.ledger > 0 ? ledgers_find(r->ledgers, (uint64_t)p.ledger) : NULL;

    if (!l || !l->chain || p.entry < 0 || (uint64_t)p.entry >= l->synced)
        return NULL;
    return l;
}

/* The most entries that a load from p on may bring: none that is in memory already. */
static size_t entries_max(const struct reader *r, const struct ledger *l, const struct cold_window *w)
{
    const uint32_t first = (uint32_t)w->from.entry;
    const size_t gap = w->wanted > 0 ? windows_gap(&r->windows, w->from) : 1;

    if (l->tail.count > 0 && l->tail.first > first && l->tail.first - first < gap)
        return l->tail.first - first;
    return gap;
}

/* Places one after the other in the same journal file. */
static enum err plan_journal(struct reader *r, struct cold_load *load, const struct ledger *l)
{
    const size_t first = (size_t)load->from.entry - l->moved, left = l->places_count - first;
    const uint32_t file = l->places[first].file;
    size_t total = 0;

    if (load->max > left)
        load->max = left;
    if (!(load->pieces = malloc(load->max * sizeof *load->pieces)))
        return ERR_NOMEM;
    for (size_t i = 0; i < load->max; i++) {
        const struct journal_place *p = &l->places[first + i];
        total += p->len;
        if (p->file != file || (i > 0 && total > load->bytes))
            break;
        load->pieces[load->count++] = (struct piece){.offset = p->offset, .len = p->len};
    }
    load->in_journal = true;
    load->journal_file = file;
    journal_pin(r->journal, file, load->journal);
    return OK;
}

static void unpin(struct reader *r, const struct cold_load *load)
{
    if (load->journal_file)
        journal_unpin(r->journal, load->journal_file);
}

/* The entries of about `bytes`, so that where the load will end is known before it has, and the next can begin.  A
 * little less: a load that runs into its bound ends before it was said to. */
static size_t entries_of(const struct extent *e, uint32_t first, size_t bytes)
{
    const size_t left = e->first + e->entries - first, n = (size_t)(bytes / 8 * 7 / (e->len / e->entries + 1));

    return n == 0 ? 1 : n < left ? n : left;
}

/* For the sake of those who wait for a sync meanwhile.  Where the journal writes much at once they wait for that in any
 * case, and a reader who may not take as much falls ever further behind who publishes. */
static size_t bytes_at_once(const struct reader *r)
{
    const size_t beside = journal_beside_bytes(r->journal) / DISK_ALIGN * DISK_ALIGN;

    return beside > GENTLE ? beside : GENTLE;
}

static enum err plan(struct reader *r, struct cold_window *w, const struct ledger *l)
{
    const bool follows = w->wanted > COLD_FIRST || w->wanted_ahead;
    struct cold_load *load = &w->load;

    *load = (struct cold_load){.files = &w->worker->files,
                               .buffer = load->buffer,
                               .from = w->from,
                               .bytes = w->wanted,
                               .passing = follows,
                               .at_once = bytes_at_once(r)};
    load->max = entries_max(r, l, w);
    if ((uint64_t)w->from.entry >= l->moved) {
        enum err err = plan_journal(r, load, l);
        w->planned = (uint32_t)load->count;
        return err;
    }
    load->extent = *ledger_find_extent(l, (uint32_t)w->from.entry);
    const size_t some = entries_of(&load->extent, (uint32_t)w->from.entry, w->wanted);
    load->max = some < load->max ? some : load->max;
    w->planned = (uint32_t)load->max;
    load->journal_file = (uint32_t)load->extent.journal;
    if (load->journal_file)
        journal_pin(r->journal, load->journal_file, load->journal);
    return OK;
}

/* The entries have another place than the one that the load was planned for. */
static bool was_moved(const struct cold_load *load, const struct ledger *l)
{
    if ((uint64_t)load->from.entry >= l->moved)
        return false; /* its journal file is pinned */
    const struct extent *e = ledger_find_extent(l, (uint32_t)load->from.entry);
    return load->in_journal || e->file != load->extent.file || e->offset != load->extent.offset;
}

/* ---- windows that end without one ---- */

static struct store_read *take_reads(struct cold_window *w)
{
    struct store_read *list = w->reads;

    w->reads = NULL;
    w->reads_end = &w->reads;
    return list;
}

/* Those who wait look again: the entries may be in memory by now, or gone. */
static void start_again(struct reader *r, struct store_read *list)
{
    while (list) {
        struct store_read *read = list;
        list = read->next;
        start(r, read);
    }
}

/* It may be asked for again by those who read the window before. */
static void give_up(struct reader *r, struct cold_window *w)
{
    struct cold_window *before = windows_before(&r->windows, w->from);

    if (before)
        before->followed = false;
    windows_remove(&r->windows, w);
}

/* ---- read-ahead ---- */

/* Where one who reads on comes after the window.  False: there is nothing yet, or it cannot be told yet. */
static bool next_position(const struct reader *r, const struct cold_window *w, struct position *out)
{
    const struct ledger *l = ledgers_find(r->ledgers, (uint64_t)w->from.ledger);
    const int64_t entry = w->from.entry + (int64_t)(w->count > 0 ? w->count : w->planned);

    if (!l || !l->chain || entry == w->from.entry)
        return false;
    if (entry < (int64_t)l->synced) {
        *out = (struct position){w->from.ledger, entry};
        return true;
    }
    for (size_t i = l->index + 1; !ledger_info(l)->open && i < l->chain->count; i++) {
        if (l->chain->ledgers[i]->synced == 0)
            continue;
        *out = (struct position){(int64_t)l->chain->ledgers[i]->id, 0};
        return true;
    }
    return false;
}

/* The window after w, which comes now if it was not asked for before; NULL: there is none, or its entries are in the
 * tail cache. */
static struct cold_window *next_window(struct reader *r, struct cold_window *w)
{
    struct cold_window *next;
    struct position p;

    if (!next_position(r, w, &p))
        return NULL;
    next = windows_find(&r->windows, p);
    if (next || w->followed)
        return next;
    w->followed = true;
    if (tail_run_find(&ledgers_find(r->ledgers, (uint64_t)p.ledger)->tail, (uint32_t)p.entry))
        return NULL;
    if (!(next = windows_add(&r->windows, p, windows_next_size(&r->windows, w))))
        return NULL;
    next->reader = r;
    next->wanted_ahead = true;
    list_push_back(&r->ahead, &next->order);
    return next;
}

/* Sees to it that the entries after the window are in memory, or come, up to so many windows after the one that is
 * read.  Starts nothing. */
static void follow(struct reader *r, struct cold_window *w, unsigned ahead)
{
    unsigned depth = w->depth;

    while (depth < ahead && (w = next_window(r, w)))
        w->depth = ++depth;
}

/* A window that follows another is one of a sequence; of a first one half must have been read to believe it. */
static bool goes_on(const struct cold_window *w, uint32_t upto)
{
    return w->wanted > COLD_FIRST || (w->wanted == COLD_FIRST && upto >= w->count / 2);
}

/* ---- loads ---- */

static void answer_from(struct reader *r, struct cold_window *w)
{
    struct store_read *list = take_reads(w), *told = NULL, **told_end = &told;

    while (list) {
        struct store_read *read = list;
        list = read->next;
        read->count = reader_peek(r, read->from, read->max, read->bytes_max, read->entries);
        if (read->count == 0) { /* it waited for the wrong window, or its ledger was deleted */
            start(r, read);
            continue;
        }
        read->err = OK;
        read->next = NULL;
        *told_end = read;
        told_end = &read->next;
    }
    tell(told);
}

static void answer_error(struct reader *r, struct cold_window *w, enum err err)
{
    struct store_read *list = take_reads(w);
    const struct position from = w->from;

    give_up(r, w);
    while (list) {
        struct store_read *read = list;
        list = read->next;
        if (position_equal(read->from, from))
            answer_later(r, read, err);
        else
            start(r, read);
    }
}

static void load_failed(struct reader *r, struct cold_window *w)
{
    const struct cold_load *load = &w->load;
    const struct ledger *l = find_synced(r, w->from);
    char path[SEGMENT_PATH_SIZE];

    if (!l || was_moved(load, l) || !w->reads) {
        struct store_read *list = take_reads(w);
        give_up(r, w);
        start_again(r, list);
        return;
    }
    const enum err err = load->err == ERR_NOT_FOUND || load->err == ERR_VERSION ? ERR_CORRUPT : load->err;
    segment_path(path, load->extent.file);
    log_error(r->log, "store",
              "%s: entry %" PRId64 " of ledger %" PRId64 " of topic %" PRIu64 " cannot be read: %s; it is not served%s",
              load->journal_file ? load->journal : path, w->from.entry, w->from.ledger, l->chain->topic,
              err_text(load->err),
              err == ERR_CORRUPT ? " (a start with --give-up ledger:ID goes on without what cannot be read of a ledger)"
                                 : "");
    r->corrupt_reads += err == ERR_CORRUPT;
    answer_error(r, w, err);
}

static void load_run(struct work *work)
{
    cold_load_run(&container_of(work, struct cold_window, work)->load);
}

static void load_done(struct work *work)
{
    struct cold_window *w = container_of(work, struct cold_window, work);
    struct reader *r = w->reader;

    w->worker->loads--;
    unpin(r, &w->load);
    if (w->load.err == OK) {
        windows_loaded(&r->windows, w);
        r->cold_bytes += w->load.len;
        if (!timer_running(&r->age))
            timer_start_ms(&r->age, AGE_MS);
        if (w->load.len < w->wanted / 2) /* the file had no more: one such window ahead is too little */
            follow(r, w, AHEAD_MAX);
        answer_from(r, w);
    } else {
        load_failed(r, w);
    }
    start_loads(r);
    tell_idle(r);
}

static enum err submit(struct reader *r, struct cold_window *w, const struct ledger *l)
{
    enum err err;

    if ((err = plan(r, w, l)) != OK)
        return err;
    w->work = (struct work){.run = load_run, .done = load_done};
    if ((err = executor_submit(w->worker->executor, &w->work)) != OK) {
        unpin(r, &w->load);
        return err;
    }
    w->worker->loads++;
    r->cold_reads++;
    w->worker->files_open |= !w->load.in_journal;
    return OK;
}

static void start_load(struct reader *r, struct cold_window *w, struct reader_worker *worker)
{
    const struct ledger *l = find_synced(r, w->from);
    enum err err;

    w->worker = worker;
    if (!l || tail_run_find(&l->tail, (uint32_t)w->from.entry) || !windows_reserve(&r->windows, w)) {
        struct store_read *list = take_reads(w);
        give_up(r, w);
        start_again(r, list);
    } else if ((err = submit(r, w, l)) != OK) {
        answer_error(r, w, err);
    } else if (w->wanted_ahead) {
        follow(r, w, AHEAD);
    }
}

/* While others publish, one load at a time: their syncs wait for what the disk was asked for before. */
static struct reader_worker *free_worker(struct reader *r)
{
    struct reader_worker *least = &r->workers[0];
    unsigned loads = 0;

    for (size_t i = 0; i < READER_WORKERS; i++) {
        loads += r->workers[i].loads;
        if (r->workers[i].loads < least->loads)
            least = &r->workers[i];
    }
    return loads > 0 && journal_publishing(r->journal) ? NULL : least->loads < LOADS ? least : NULL;
}

static void start_loads(struct reader *r)
{
    struct reader_worker *worker;
    struct list *node;

    while ((worker = free_worker(r)) && ((node = list_pop_front(&r->asked)) || (node = list_pop_front(&r->ahead))))
        start_load(r, container_of(node, struct cold_window, order), worker);
}

/* ---- reads ---- */

static size_t peek_tail(struct reader *r, const struct ledger *l, uint32_t from, size_t max, size_t bytes_max,
                        struct entry *out)
{
    size_t n = 0, total = 0;

    for (; n < max; n++) {
        const struct entry *e = tail_run_find(&l->tail, from + (uint32_t)n);
        if (!e)
            break;
        total += e->bytes.len;
        if (n > 0 && total > bytes_max)
            break;
        out[n] = *e;
        r->cache_hit_bytes += e->bytes.len;
        (void)slice_ref(e->bytes);
    }
    r->cache_hits += n;
    return n;
}

static size_t peek_window(struct reader *r, struct position from, size_t max, size_t bytes_max, struct entry *out)
{
    struct cold_window *w = windows_find(&r->windows, from);
    const size_t first = w ? (size_t)(from.entry - w->from.entry) : 0;
    size_t n = 0, total = 0;

    if (!w || first >= w->count)
        return 0;
    for (; n < max && first + n < w->count; n++) {
        struct entry e;
        cold_load_peek(&w->load, first + n, &e);
        total += e.bytes.len;
        if (n > 0 && total > bytes_max)
            break;
        out[n] = e;
        (void)slice_ref(e.bytes);
    }
    r->cold_hits += n;
    windows_use(&r->windows, w, (uint32_t)(first + n));
    if (goes_on(w, (uint32_t)(first + n))) {
        follow(r, w, AHEAD);
        start_loads(r);
    }
    return n;
}

size_t reader_peek(struct reader *r, struct position from, size_t max, size_t bytes_max, struct entry *out)
{
    const struct ledger *l = find_synced(r, from);
    size_t n;

    if (!l)
        return 0;
    n = peek_tail(r, l, (uint32_t)from.entry, max, bytes_max, out);
    return n > 0 ? n : peek_window(r, from, max, bytes_max, out);
}

/* The window that the read waits for: one that is on its way, or a new one.  NULL when memory is short. */
static struct cold_window *window_for(struct reader *r, const struct store_read *read)
{
    struct cold_window *w = windows_find(&r->windows, read->from), *before;

    if (!w) {
        before = windows_before(&r->windows, read->from);
        w = windows_add(&r->windows, read->from, before || read->max > 1 ? windows_next_size(&r->windows, before) : 0);
        if (!w)
            return NULL;
        w->reader = r;
        list_push_back(&r->asked, &w->order);
    } else if (w->state == COLD_WAITING && w->wanted_ahead) {
        list_remove(&w->order);
        list_push_back(&r->asked, &w->order);
    }
    w->wanted_ahead = false;
    return w;
}

static void start(struct reader *r, struct store_read *read)
{
    struct cold_window *w;

    read->next = NULL;
    read->count = reader_peek(r, read->from, read->max, read->bytes_max, read->entries);
    if (read->count > 0) {
        answer_later(r, read, OK);
    } else if (!find_synced(r, read->from)) {
        answer_later(r, read, ERR_NOT_FOUND);
    } else if (!(w = window_for(r, read))) {
        answer_later(r, read, ERR_NOMEM);
    } else {
        *w->reads_end = read;
        w->reads_end = &read->next;
        start_loads(r);
    }
}

void reader_read(struct reader *r, struct store_read *read)
{
    assert(read->max > 0 && read->max <= STORE_READ_MAX);

    start(r, read);
}

/* ---- open files ---- */

static void close_files_run(struct work *work)
{
    cold_files_close(&container_of(work, struct reader_worker, close_files)->files);
}

static void close_files_done(struct work *work)
{
    struct reader_worker *worker = container_of(work, struct reader_worker, close_files);

    worker->closing_files = false;
    tell_idle(worker->reader);
}

static void close_files_of(struct reader_worker *w)
{
    if (!w->files_open || w->closing_files)
        return;
    w->close_files = (struct work){.run = close_files_run, .done = close_files_done};
    if (executor_submit(w->executor, &w->close_files) != OK)
        return; /* asked again with the next */
    w->closing_files = true;
    w->files_open = false;
}

void reader_close_files(struct reader *r)
{
    for (size_t i = 0; i < READER_WORKERS; i++)
        close_files_of(&r->workers[i]);
}

static void age_fire(struct timer *timer)
{
    struct reader *r = container_of(timer, struct reader, age);

    windows_age(&r->windows);
    if (windows_empty(&r->windows))
        reader_close_files(r);
    else
        timer_start_ms(&r->age, AGE_MS);
}

/* ---- life ---- */

bool reader_idle(const struct reader *r)
{
    for (size_t i = 0; i < READER_WORKERS; i++) {
        if (r->workers[i].loads || r->workers[i].closing_files)
            return false;
    }
    return list_empty(&r->asked) && list_empty(&r->ahead) && !r->answered;
}

void reader_init(struct reader *r, const struct sys *sys, struct log *log,
                 struct executor *const workers[READER_WORKERS], struct ledgers *ledgers, struct journal *journal,
                 size_t cold_bytes)
{
    *r = (struct reader){.sys = *sys, .log = log, .ledgers = ledgers, .journal = journal};
    for (size_t i = 0; i < READER_WORKERS; i++) {
        r->workers[i] = (struct reader_worker){.executor = workers[i], .reader = r};
        cold_files_init(&r->workers[i].files, sys->disk);
    }
    windows_init(&r->windows, cold_bytes);
    list_init(&r->asked);
    list_init(&r->ahead);
    timer_init(&r->age, sys->loop, age_fire);
    r->answered_end = &r->answered;
    r->answer.run = answer_run;
}

void reader_drop(struct reader *r)
{
    for (struct store_read *read = r->answered; read; read = read->next) {
        for (size_t i = 0; i < read->count; i++)
            entry_unref(&read->entries[i]);
    }
    r->answered = NULL;
    r->answered_end = &r->answered;
}

void reader_deinit(struct reader *r)
{
    if (!r->ledgers)
        return; /* it was never made */
    timer_stop(&r->age);
    windows_deinit(&r->windows);
    for (size_t i = 0; i < READER_WORKERS; i++)
        cold_files_close(&r->workers[i].files);
    reader_drop(r);
}
