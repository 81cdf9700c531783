/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.c - see checkpoint.h.
 */
#include "store/checkpoint.h"

#include "base/log.h"
#include "store/compaction.h"
#include "store/quarantine.h"
#include "store/store_private.h"
#include "sys/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_MS     1000u
#define RETRY_LAST_MS      30000u
#define WINDOW_BYTES       (256u * 1024)
#define RUN_BYTES_MAX      (UINT64_C(1) << 30) /* offsets in a run have 32 bits */
#define BEHIND_CHECKPOINTS 4u                  /* from so many on, compaction holds back */

/* ---- the worker: from the journal to segments ---- */

/* Borrowed until the next call. */
static enum err get_record(struct checkpoint *c, struct window_set *journal, const struct journal_place *p,
                           struct bytes *out)
{
    struct window *w = window_set_find(journal, p->file, p->offset);
    char path[JOURNAL_PATH_SIZE];

    if (w->name != p->file) {
        journal_path(path, p->file);
        enum err err = window_open(w, c->disk, path, p->file);
        if (err != OK)
            return err;
    }
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

/* Its record is lost, and was given up: a marker stands for it.  It ends where the next entry's messages begin. */
static enum err add_lost(struct checkpoint *c, struct window_set *journal, struct segment_writer *to,
                         const struct moved_ledger *m, uint32_t i)
{
    uint8_t marker[ENTRY_HEADER_SIZE];
    const uint64_t first_message = m->places[i].offset;
    uint64_t next_message = first_message;
    struct stored_entry e;
    struct bytes record;
    enum err err;

    if (i + 1 < m->count && m->places[i + 1].file != 0) {
        if ((err = get_record(c, journal, &m->places[i + 1], &record)) != OK)
            return err;
        if (entry_decode_at(&e, record, (struct position){(int64_t)m->info.id, (int64_t)m->first + i + 1}) == OK &&
            e.header.first_message > first_message)
            next_message = e.header.first_message;
    }
    const uint64_t messages = next_message - first_message;
    quarantine_marker(marker, m->info.id, m->first + i, first_message,
                      messages < UINT32_MAX ? (uint32_t)messages : UINT32_MAX);
    return segment_add(to, bytes_of(marker, sizeof marker));
}

static enum err move_added(struct checkpoint *c, struct window_set *journal, struct segment_writer *to,
                           const struct moved_ledger *m, const struct moved_run *run)
{
    struct bytes record;
    enum err err;

    for (uint32_t i = run->place; i < run->place + run->added; i++) {
        if (m->places[i].file == 0) {
            if ((err = add_lost(c, journal, to, m, i)) != OK)
                return err;
            continue;
        }
        if ((err = get_record(c, journal, &m->places[i], &record)) != OK)
            return err;
        check_record(c, m, m->first + i, record);
        if ((err = segment_add(to, record)) != OK)
            return err;
    }
    return OK;
}

/* Where the worker reads from. */
struct sources {
    struct window_set journal;
    struct compaction_copier segments;
};

/* Only a table is written. */
static enum err adopt_run(struct sources *sources, struct segment_writer *to, const struct moved_ledger *m,
                          const struct moved_run *run)
{
    const struct extent *old = run->from < run->to ? &m->ledger->extents[run->from] : NULL;
    enum err err = segment_run_adopt(to, m->info.id, old ? old->first : m->first + run->place, run->journal);

    if (err == OK && old)
        err = compaction_copy_table(&sources->segments, old, to);
    for (uint32_t i = run->place; i < run->place + run->added && err == OK; i++)
        err = segment_adopt(to, m->places[i].offset, m->places[i].len);
    return err;
}

static enum err move_run(struct checkpoint *c, struct sources *sources, struct segment_writer *to,
                         const struct moved_ledger *m, const struct moved_run *run)
{
    const struct extent *old = m->ledger->extents;
    const uint32_t first = run->from < run->to ? old[run->from].first : m->first + run->place;
    enum err err;

    if (run->journal)
        return adopt_run(sources, to, m, run);
    err = segment_run_begin(to, m->info.id, first);
    for (size_t i = run->from; i < run->to && err == OK; i++)
        err = compaction_copy(&sources->segments, m->info.id, m->info.topic, &old[i], to);
    if (err == OK)
        err = move_added(c, &sources->journal, to, m, run);
    return err;
}

static enum err move_ledger(struct checkpoint *c, struct sources *sources, struct segment_writer *to,
                            const struct moved_ledger *m)
{
    enum err err = OK;

    for (size_t i = 0; i < m->run_count && err == OK; i++)
        err = move_run(c, sources, to, m, &m->runs[i]);
    return err;
}

static bool goes_alone(const struct checkpoint *c, const struct moved_ledger *m)
{
    return m->bytes > c->own_bytes;
}

static bool goes_into(const struct checkpoint *c, const struct moved_ledger *m, bool alone)
{
    return m->run_count > 0 && goes_alone(c, m) == alone;
}

/* One file, of the ledgers [from, to) that bring entries: one that goes alone, or all that do not. */
static enum err write_segment(struct checkpoint *c, struct sources *sources, uint64_t number, size_t from, size_t to,
                              bool alone)
{
    struct segment_writer *writer = NULL;
    const struct extent *extents;
    size_t count, n = 0;
    enum err err;

    if ((err = segment_writer_new(&writer, c->disk, number, c->mark.batch)) != OK)
        return err;
    for (size_t i = from; i < to && err == OK; i++) {
        if (goes_into(c, &c->ledgers[i], alone))
            err = move_ledger(c, sources, writer, &c->ledgers[i]);
    }
    if (err == OK)
        err = segment_finish(writer, &c->fatal);
    if (err == OK) {
        extents = segment_writer_extents(writer, &count);
        for (size_t i = from; i < to; i++) {
            struct moved_ledger *m = &c->ledgers[i];
            for (size_t k = 0; k < m->run_count && goes_into(c, m, alone); k++)
                m->runs[k].extent = extents[n++];
        }
        assert(n == count);
    }
    segment_writer_free(writer);
    return err;
}

static enum err write_files(struct checkpoint *c, struct sources *sources)
{
    uint64_t number = c->first_segment;
    bool shared = false;
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++) {
        if (goes_into(c, &c->ledgers[i], true))
            err = write_segment(c, sources, number++, i, i + 1, true);
        else if (goes_into(c, &c->ledgers[i], false))
            shared = true;
    }
    if (err == OK && shared)
        err = write_segment(c, sources, number++, 0, c->count, false);
    if (err == OK && number > c->first_segment) {
        err = c->disk->ops->sync_dir(c->disk, SEGMENT_DIR);
        c->fatal = err != OK;
    }
    assert(number <= c->mark.next_segment);
    return err;
}

/* Copying leaves as much free as it takes, for the journal and the index. */
static enum err leave_room(struct checkpoint *c)
{
    if (c->disk->ops->free_bytes(c->disk, &c->free_bytes) != OK)
        c->free_bytes = UINT64_MAX;
    c->no_room = c->cost > 0 && c->cost > compaction_limit(c->free_bytes, c->own_bytes);
    return c->no_room ? ERR_NOSPACE : OK;
}

static enum err write_segments(struct checkpoint *c)
{
    struct sources sources;
    enum err err;

    c->bad_file = 0;
    if ((err = leave_room(c)) != OK)
        return err;
    window_set_init(&sources.journal, WINDOW_BYTES);
    compaction_copier_init(&sources.segments, c->disk, c->log);
    err = write_files(c, &sources);
    c->bad_file = sources.segments.bad_file;
    compaction_copier_deinit(&sources.segments);
    window_set_close(&sources.journal);
    return err;
}

/* The ledger's extents as they are now, but for those that the runs took the place of. */
static void list_extents(struct moved_ledger *m)
{
    const struct extent *old = m->ledger->extents;
    size_t at = 0, n = 0;

    for (size_t i = 0; i < m->run_count; i++) {
        while (at < m->runs[i].from)
            m->extents[n++] = old[at++];
        m->extents[n++] = m->runs[i].extent;
        at = m->runs[i].to;
    }
    while (n < m->extent_count)
        m->extents[n++] = old[at++];
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

static enum err add_ledger_row(struct checkpoint *c, struct moved_ledger *m)
{
    const struct catalog_row row = {.id = m->info.id, .parent = m->info.topic};
    uint8_t *value;
    enum err err = index_batch_put_space(&c->rows, INDEX_LEDGER, &row,
                                         LEDGER_INFO_ENCODED + m->extent_count * EXTENT_ENCODED, &value);

    if (err != OK)
        return err;
    list_extents(m);
    ledger_info_encode(&m->info, value);
    for (size_t i = 0; i < m->extent_count; i++)
        extent_encode(value + LEDGER_INFO_ENCODED + i * EXTENT_ENCODED, &m->extents[i]);
    return OK;
}

static enum err add_cursor_row(struct checkpoint *c, const struct moved_cursor *m)
{
    const struct catalog_row row = {.id = m->id, .parent = m->topic};
    const size_t size = cursor_row_size(&m->row);
    uint8_t *value;
    enum err err;

    if (size > INDEX_VALUE_MAX) {
        log_error(c->log, "store", "the row of cursor %" PRIu64 " of topic %" PRIu64 " would have %zu bytes", m->id,
                  m->topic, size);
        return ERR_TOO_LARGE;
    }
    if ((err = index_batch_put_space(&c->rows, INDEX_CURSOR, &row, size, &value)) == OK)
        cursor_row_encode(&m->row, value);
    return err;
}

/* Rows of an earlier attempt are replaced by the later ones. */
static enum err add_rows(struct checkpoint *c)
{
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++)
        err = add_ledger_row(c, &c->ledgers[i]);
    for (size_t i = 0; i < c->cursor_count && err == OK; i++)
        err = add_cursor_row(c, &c->cursors[i]);
    return err;
}

void checkpoint_run(struct checkpoint *c)
{
    c->fatal = false;
    c->err = OK;
    if (!c->rows_complete) {
        c->err = write_segments(c);
        if (c->err == OK)
            c->err = add_rows(c);
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

static void unpin_all(struct store *s)
{
    struct file_numbers *pinned = &s->checkpoint.pinned;

    for (size_t i = 0; i < pinned->count && s->journal && !s->dead; i++)
        journal_unpin(s->journal, (uint32_t)pinned->list[i]);
    pinned->count = 0;
}

static void free_job(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    unpin_all(s);
    for (size_t i = 0; i < c->count; i++) {
        free(c->ledgers[i].places);
        free(c->ledgers[i].runs);
        free(c->ledgers[i].extents);
        ledger_release(&s->ledgers, c->ledgers[i].ledger);
    }
    free(c->ledgers);
    c->ledgers = NULL;
    c->count = 0;
    free(c->victims);
    c->victims = NULL;
    c->victim_count = 0;
    for (size_t i = 0; i < c->cursor_count; i++)
        cursor_row_release(&c->cursors[i].row);
    free(c->cursors);
    c->cursors = NULL;
    c->cursor_count = 0;
    c->rows_complete = false;
    index_batch_deinit(&c->rows);
}

static enum err collect_cursors(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    size_t dirty = 0;
    enum err err;

    for (size_t i = 0; i < s->removed_count; i++) {
        if ((err = index_batch_remove(&c->rows, INDEX_CURSOR, s->removed_cursors[i])) != OK)
            return err;
    }
    list_each (node, &s->dirty_cursors)
        dirty++;
    if (!(c->cursors = malloc((dirty + 1) * sizeof *c->cursors)))
        return ERR_NOMEM;
    list_each (node, &s->dirty_cursors) {
        struct cursor *cursor = container_of(node, struct cursor, dirty_node);
        struct moved_cursor *m = &c->cursors[c->cursor_count];
        if ((err = cursor_take(cursor, &m->row)) != OK)
            return err;
        m->id = cursor->id;
        m->topic = cursor->topic;
        c->cursor_count++;
    }
    return OK;
}

static int by_ledger(const void *left, const void *right)
{
    const struct moved_ledger *a = left, *b = right;

    return a->info.id < b->info.id ? -1 : 1;
}

/* ---- the core: which segment files to empty ---- */

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static bool is_victim(const struct checkpoint *c, uint64_t file)
{
    return c->victim_count > 0 && bsearch(&file, c->victims, c->victim_count, sizeof file, by_number);
}

/* What one checkpoint may copy; less when checkpoints are behind, so that appends need not wait for them. */
static uint64_t copy_budget(const struct store *s)
{
    const uint64_t budget = s->options.compaction_bytes;

    return journal_untrimmed_bytes(s->journal) < BEHIND_CHECKPOINTS * s->options.checkpoint_bytes ? budget : budget / 8;
}

static size_t list_sparse(const struct segment_table *t, struct compaction_file *out)
{
    const struct segment_use *use = NULL;
    size_t n = 0;

    while ((use = segment_table_sparse_next(t, use)))
        out[n++] = (struct compaction_file){
            .number = use->number, .living = use->living, .dead = segment_use_dead(use), .runs = use->runs};
    return n;
}

/* Short of memory, or of space, none are. */
static void choose_victims(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    const struct segment_table *t = &s->ledgers.segments;
    const size_t sparse = segment_table_sparse_count(t);
    struct compaction_file *files = sparse > 0 ? malloc(sparse * sizeof *files) : NULL;

    c->victims = files ? malloc(sparse * sizeof *c->victims) : NULL;
    if (c->victims) {
        c->victim_count = compaction_choose_files(files, list_sparse(t, files), copy_budget(s),
                                                  compaction_limit(c->free_bytes, c->own_bytes));
        for (size_t i = 0; i < c->victim_count; i++)
            c->victims[i] = files[i].number;
        if (c->victim_count > 0)
            qsort(c->victims, c->victim_count, sizeof *c->victims, by_number);
    }
    c->hopeless = c->victim_count > 0 ? 0 : segment_table_reclaimable(t);
    free(files);
}

/* ---- the core: copies of what is dirty ---- */

static void collect_ledger(struct checkpoint *c, struct ledger *l)
{
    l->held = true;
    c->ledgers[c->count++] = (struct moved_ledger){.info = *ledger_info(l), .ledger = l};
}

static bool has_extent_in(const struct ledger *l, uint64_t file)
{
    for (size_t i = 0; i < l->extent_count; i++) {
        if (l->extents[i].file == file || extent_journal_file(&l->extents[i]) == file)
            return true;
    }
    return false;
}

static size_t count_victims_ledgers(struct store *s)
{
    const struct checkpoint *c = &s->checkpoint;
    size_t n = 0;

    for (size_t i = 0; i < c->victim_count; i++)
        n += segment_table_find(&s->ledgers.segments, c->victims[i])->ledger_count;
    return n;
}

/* The owners of living runs in the victims; those that are dirty are here already. */
static void collect_victims_ledgers(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    for (size_t i = 0; i < c->victim_count; i++) {
        const struct segment_use *use = segment_table_find(&s->ledgers.segments, c->victims[i]);
        for (size_t k = 0; k < use->ledger_count; k++) {
            struct ledger *l = ledgers_find(&s->ledgers, use->ledgers[k]);
            if (l && l->chain && !l->held && has_extent_in(l, use->number))
                collect_ledger(c, l);
        }
    }
}

static enum err collect_ledgers(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    size_t bound = 1;
    enum err err;

    for (size_t i = 0; i < s->ledgers.deleted_count; i++) {
        if ((err = index_batch_remove(&c->rows, INDEX_LEDGER, s->ledgers.deleted[i])) != OK)
            return err;
    }
    if (c->compacting)
        choose_victims(s);
    list_each (node, &s->ledgers.dirty)
        bound++;
    bound += count_victims_ledgers(s);
    if (!(c->ledgers = calloc(bound, sizeof *c->ledgers)))
        return ERR_NOMEM;
    list_each (node, &s->ledgers.dirty)
        collect_ledger(c, container_of(node, struct ledger, dirty_node));
    collect_victims_ledgers(s);
    if (c->count > 0)
        qsort(c->ledgers, c->count, sizeof *c->ledgers, by_ledger);
    return OK;
}

/* All copies are made: from here on new changes count for the next checkpoint. */
static void forget_dirt(struct store *s)
{
    struct list *node;

    while ((node = list_pop_front(&s->ledgers.dirty)))
        container_of(node, struct ledger, dirty_node)->dirty = false;
    while ((node = list_pop_front(&s->dirty_cursors)))
        container_of(node, struct cursor, dirty_node)->dirty = false;
    s->ledgers.dirtied = s->dirtied_cursors = 0;
    s->ledgers.deleted_count = 0;
    s->removed_count = 0;
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

/* ---- the core: what there is to move ---- */

/* The entries that the cut covers and no segment has. */
static enum err list_entries(struct moved_ledger *m, uint64_t own_bytes)
{
    const struct ledger *l = m->ledger;

    m->first = l->moved;
    m->count = (uint32_t)m->info.entries - l->moved;
    m->bytes = 0;
    m->merge_from = l->extent_count;
    free(m->places); /* of an attempt that came to nothing */
    if (!(m->places = malloc((m->count + 1) * sizeof *m->places)))
        return ERR_NOMEM;
    for (uint32_t i = 0; i < m->count; i++) {
        m->places[i] = l->places[i];
        m->bytes += l->places[i].len;
    }
    m->busy = m->bytes > own_bytes;
    return OK;
}

/* ---- the core: which journal files to adopt ---- */

static struct adoption *adoption_of(struct checkpoint *c, uint32_t file)
{
    for (size_t i = c->adoption_count; i > 0; i--) { /* the latest is the likeliest */
        if (c->adoptions[i - 1].file == file)
            return &c->adoptions[i - 1];
    }
    return NULL;
}

static struct adoption *adoption_add(struct checkpoint *c, uint32_t file)
{
    if (c->adoption_count == c->adoption_capacity) {
        const size_t wanted = c->adoption_capacity ? c->adoption_capacity * 2 : 8;
        struct adoption *grown = realloc(c->adoptions, wanted * sizeof *grown);
        if (!grown)
            return NULL;
        c->adoptions = grown;
        c->adoption_capacity = wanted;
    }
    c->adoptions[c->adoption_count] = (struct adoption){.file = file};
    return &c->adoptions[c->adoption_count++];
}

static enum err count_places(struct checkpoint *c, const struct moved_ledger *m)
{
    struct adoption *a = NULL;

    for (uint32_t i = 0; i < m->count; i++) {
        const struct journal_place *p = &m->places[i];
        if (!a || a->file != p->file)
            a = adoption_of(c, p->file);
        if (!a && !(a = adoption_add(c, p->file)))
            return ERR_NOMEM;
        a->all += p->len;
        a->busy += m->busy ? p->len : 0;
    }
    return OK;
}

/* Not the last file that the journal has. */
static void leave_one(const struct journal *j, struct checkpoint *c)
{
    size_t left = journal_unadopted_files(j);

    for (size_t i = 0; i < c->adoption_count; i++) {
        struct adoption *a = &c->adoptions[i];
        if (!a->adopt || journal_is_adopted(j, a->file))
            continue;
        a->adopt = left > 1;
        left -= a->adopt;
    }
}

/* A file of which little else would be kept for nothing. Short of memory, none is adopted. */
static void choose_adoptions(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    enum err err = OK;

    c->adoption_count = 0;
    if (!s->journal)
        return; /* a recovery's: it trusts no bytes that it read back */
    for (size_t i = 0; i < c->count && err == OK; i++)
        err = count_places(c, &c->ledgers[i]);
    if (err != OK)
        c->adoption_count = 0;
    for (size_t i = 0; i < c->adoption_count; i++) {
        struct adoption *a = &c->adoptions[i];
        a->adopt = a->busy > 0 && a->busy * 100 >= a->all * s->options.adopt_percent;
    }
    leave_one(s->journal, c);
}

/* The file that an entry to be moved stays in; 0: it is copied. */
static uint32_t stays_in(struct checkpoint *c, const struct moved_ledger *m, const struct journal_place *p)
{
    const struct adoption *a = m->busy ? adoption_of(c, p->file) : NULL;

    return a && a->adopt ? p->file : 0;
}

/* ---- the core: what goes where ---- */

static uint64_t extents_bytes(const struct ledger *l, size_t from)
{
    uint64_t bytes = 0;

    for (size_t i = from; i < l->extent_count; i++)
        bytes += l->extents[i].len;
    return bytes;
}

/* What the victims leave of the room. */
static uint64_t merge_budget(const struct store *s)
{
    const struct checkpoint *c = &s->checkpoint;
    const uint64_t limit = compaction_limit(c->free_bytes, c->own_bytes), budget = copy_budget(s);
    uint64_t victims = 0;

    for (size_t i = 0; i < c->victim_count; i++) {
        const struct segment_use *use = segment_table_find(&s->ledgers.segments, c->victims[i]);
        victims += use ? use->living + use->runs * COMPACTION_RUN_COST : 0;
    }
    const uint64_t left = limit > victims ? limit - victims : 0;
    return budget < left ? budget : left;
}

/* Ledgers that have got into too many pieces; short of memory, none are. */
static void choose_merges(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    struct compaction_merge *merges = malloc((c->count + 1) * sizeof *merges);
    size_t n = 0;

    for (size_t i = 0; i < c->count && merges; i++) {
        const struct moved_ledger *m = &c->ledgers[i];
        const struct ledger *l = m->ledger;
        const uint64_t added = m->count > 0 && stays_in(c, m, &m->places[0]) ? 0 : m->bytes;
        const size_t from =
            compaction_merge_from(l->extents, l->extent_count, added, s->options.compaction_fan, c->own_bytes);
        if (l->chain && from < l->extent_count)
            merges[n++] = (struct compaction_merge){.ledger = i,
                                                    .from = from,
                                                    .extents = l->extent_count - from,
                                                    .bytes = extents_bytes(l, from) + COMPACTION_RUN_COST};
    }
    n = compaction_choose_merges(merges, n, merge_budget(s));
    for (size_t i = 0; i < n; i++)
        c->ledgers[merges[i].ledger].merge_from = merges[i].from;
    free(merges);
}

/* Runs as they are cut; with `runs` NULL they are only counted. */
struct cutting {
    struct moved_run *runs;
    size_t count;
    size_t end;   /* of the last one's extents; SIZE_MAX: nothing can join it */
    uint64_t len; /* of the last one's bytes */
};

static void cut_run(struct cutting *cut, const struct moved_run *run, uint64_t len)
{
    if (cut->runs)
        cut->runs[cut->count] = *run;
    cut->count++;
    cut->end = run->journal ? SIZE_MAX : run->to;
    cut->len = len;
}

static bool joins(const struct cutting *cut, size_t at, uint64_t len)
{
    return cut->end == at && cut->len + len <= RUN_BYTES_MAX;
}

/* Why the extent is not left as it is; of an adopted run it may be the table's segment alone that is to be emptied. */
enum why { LEFT, TABLE, COPIED };

static enum why why_moved(const struct checkpoint *c, const struct moved_ledger *m, size_t i)
{
    const struct extent *e = &m->ledger->extents[i];

    if (i >= m->merge_from)
        return COPIED;
    if (e->journal && is_victim(c, extent_journal_file(e)))
        return COPIED;
    if (!is_victim(c, e->file))
        return LEFT;
    return e->journal ? TABLE : COPIED;
}

/* Adjacent extents that are copied become one run.  What is deleted is not copied: its row keeps the extents that it
 * had. */
static void cut_extents(const struct checkpoint *c, const struct moved_ledger *m, struct cutting *cut)
{
    const struct ledger *l = m->ledger;

    for (size_t i = 0; i < l->extent_count && l->chain && c->compacting; i++) {
        const struct extent *e = &l->extents[i];
        const enum why why = why_moved(c, m, i);
        if (why == LEFT)
            continue;
        if (why == COPIED && joins(cut, i, e->len)) {
            if (cut->runs)
                cut->runs[cut->count - 1].to = i + 1;
            cut->end = i + 1;
            cut->len += e->len;
            continue;
        }
        const struct moved_run run = {.from = i, .to = i + 1, .journal = why == TABLE ? (uint32_t)e->journal : 0};
        cut_run(cut, &run, e->len);
    }
}

/* New entries that stay in one journal file are a run; so are those that are copied, unless they join the last one. */
static void cut_entries(struct checkpoint *c, const struct moved_ledger *m, struct cutting *cut)
{
    const size_t end = m->ledger->extent_count;

    for (uint32_t i = 0, n; i < m->count; i += n) {
        const uint32_t journal = stays_in(c, m, &m->places[i]);
        uint64_t len = 0;
        for (n = 0; i + n < m->count && stays_in(c, m, &m->places[i + n]) == journal; n++)
            len += m->places[i + n].len;
        const struct moved_run run = {.from = end, .to = end, .place = i, .added = n, .journal = journal};
        if (journal || !joins(cut, end, len)) {
            cut_run(cut, &run, len);
        } else {
            if (cut->runs) {
                cut->runs[cut->count - 1].place = i;
                cut->runs[cut->count - 1].added = n;
            }
            cut->end = SIZE_MAX;
        }
    }
}

static size_t cut_runs(struct checkpoint *c, const struct moved_ledger *m, struct moved_run *runs)
{
    struct cutting cut = {.runs = runs, .end = SIZE_MAX};

    cut_extents(c, m, &cut);
    cut_entries(c, m, &cut);
    return cut.count;
}

/* What the run reads of the ledger's old extents. */
static uint64_t bytes_copied(const struct ledger *l, const struct moved_run *run)
{
    uint64_t bytes = 0;

    for (size_t i = run->from; i < run->to; i++)
        bytes += run->journal ? l->extents[i].entries * SEGMENT_ADOPTED_SIZE : l->extents[i].len;
    return bytes;
}

/* So that no other entries are written over those that are copied, should the ledger be deleted meanwhile. */
static enum err pin_sources(struct store *s, const struct ledger *l, const struct moved_run *run)
{
    char path[JOURNAL_PATH_SIZE];

    for (size_t i = run->from; i < run->to; i++) {
        const uint64_t journal = l->extents[i].journal;
        if (!journal)
            continue;
        if (file_numbers_add(&s->checkpoint.pinned, journal) != OK)
            return ERR_NOMEM;
        journal_pin(s->journal, (uint32_t)journal, path);
    }
    return OK;
}

static enum err list_runs(struct store *s, struct moved_ledger *m)
{
    struct checkpoint *c = &s->checkpoint;
    const struct ledger *l = m->ledger;
    uint64_t copied = 0;

    m->run_count = cut_runs(c, m, NULL);
    m->extent_count = l->extent_count + m->run_count;
    free(m->runs);
    free(m->extents);
    m->runs = calloc(m->run_count + 1, sizeof *m->runs);
    m->extents = calloc(m->extent_count + 1, sizeof *m->extents);
    if (!m->runs || !m->extents)
        return ERR_NOMEM;
    (void)cut_runs(c, m, m->runs);
    for (size_t i = 0; i < m->run_count; i++) {
        m->extent_count -= m->runs[i].to - m->runs[i].from;
        copied += bytes_copied(l, &m->runs[i]);
        if (pin_sources(s, l, &m->runs[i]) != OK)
            return ERR_NOMEM;
    }
    m->bytes += copied;
    c->copied += copied;
    c->cost += copied + (copied > 0 ? COMPACTION_RUN_COST : 0);
    return OK;
}

static void number_files(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    bool shared = false;

    c->first_segment = c->mark.next_segment = s->next_segment;
    for (size_t i = 0; i < c->count; i++) {
        if (goes_into(c, &c->ledgers[i], true))
            c->mark.next_segment++;
        shared = shared || goes_into(c, &c->ledgers[i], false);
    }
    if (shared)
        c->mark.next_segment++;
    s->next_segment = c->mark.next_segment;
}

enum err checkpoint_list(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;
    enum err err;

    c->copied = c->cost = 0;
    unpin_all(s); /* of an attempt that came to nothing */
    for (size_t i = 0; i < c->count; i++) {
        if ((err = list_entries(&c->ledgers[i], c->own_bytes)) != OK)
            return err;
    }
    choose_adoptions(s);
    if (c->compacting)
        choose_merges(s);
    for (size_t i = 0; i < c->count; i++) {
        if ((err = list_runs(s, &c->ledgers[i])) != OK)
            return err;
    }
    number_files(s);
    return OK;
}

/* ---- the core: afterwards ---- */

static void release_run(struct store *s, const struct moved_ledger *m, const struct moved_run *run,
                        struct file_numbers *unused)
{
    for (size_t i = run->from; i < run->to; i++) {
        uint64_t left[EXTENT_FILES_MAX];
        const size_t n = segment_table_release(&s->ledgers.segments, &m->ledger->extents[i], left);
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
        if (m->runs[i].added > 0)
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
    free_job(s);
    c->done_count++;
    c->compactions += c->copied > 0;
    c->compacted_bytes += c->copied;
    c->retry_ms = 0;
    store_release_files(s, &unused);
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

    if (c->state == CHECKPOINT_IDLE)
        begin(s);
    else
        c->wanted = true;
}

bool checkpoint_compaction_due(const struct store *s)
{
    const uint64_t reclaimable = segment_table_reclaimable(&s->ledgers.segments);

    return reclaimable >= s->options.compaction_dead_bytes && reclaimable > s->checkpoint.hopeless;
}

void checkpoint_init(struct store *s)
{
    struct checkpoint *c = &s->checkpoint;

    c->disk = s->sys.disk;
    c->index = s->index;
    c->log = s->log;
    c->own_bytes = s->options.own_segment_bytes;
    c->free_bytes = UINT64_MAX;
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
    free(s->checkpoint.adoptions);
    free(s->checkpoint.pinned.list);
}
