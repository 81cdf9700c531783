/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c - see verify.h.  Index and journal are recovery's to check (recovery_look); here are the segments, and
 * who belongs to whom.
 */
#include "store/verify.h"

#include "base/checksum.h"
#include "store/recovery.h"
#include "store/store_private.h"
#include "store/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW_BYTES (1024u * 1024)

/* A run of a ledger's entries that has to be there. */
struct part {
    uint64_t topic, ledger;
    struct extent extent;
};

struct verify {
    struct store *store;
    struct recovery_look look;
    struct damage_sink *sink;
    struct verify_report *report;
    struct part *parts; /* by file, then by offset */
    size_t part_count, part_capacity;
    char path[SEGMENT_PATH_SIZE]; /* of the file being read */
    struct window records, offsets, adopted;
};

/* ---- one run of entries ---- */

static void run_damaged(struct verify *v, const struct part *p, uint64_t offset, uint32_t first, uint32_t last,
                        const char *what)
{
    const struct damage d = {.file = v->path,
                             .offset = offset,
                             .topic = p->topic,
                             .name = store_topic_name(v->store, p->topic),
                             .ledger = p->ledger,
                             .first = first,
                             .last = last,
                             .what = what};
    damage_tell(v->sink, &d);
}

/* Where the i-th record of the run begins, as the offsets say; the run's length behind the last one. */
static enum err offset_get(struct verify *v, const struct extent *e, uint32_t i, uint64_t *out)
{
    struct bytes bytes;
    enum err err;

    *out = e->len;
    if (i == e->entries)
        return OK;
    if ((err = window_get(&v->offsets, e->index_offset + (uint64_t)i * SEGMENT_OFFSET_SIZE, SEGMENT_OFFSET_SIZE,
                          &bytes)) == OK)
        *out = le32_get(bytes.data);
    return err;
}

/* The record at `at` of the run, `len` bytes by the offsets.  *len becomes its own length where it holds. */
static enum err check_record(struct verify *v, const struct part *p, uint32_t i, uint64_t at, uint64_t *len,
                             uint64_t *next_message)
{
    const struct extent *e = &p->extent;
    const struct position place = {(int64_t)p->ledger, (int64_t)e->first + i};
    struct stored_entry entry;
    struct bytes bytes;
    enum err err;

    if (*len > RECORD_SIZE_MAX || *len < RECORD_HEADER_SIZE)
        return ERR_CORRUPT;
    if ((err = window_get(&v->records, e->offset + at, (size_t)*len, &bytes)) != OK)
        return err;
    if ((err = entry_decode_at(&entry, bytes, place)) != OK)
        return err;
    if (*next_message != UINT64_MAX && entry.header.first_message != *next_message)
        run_damaged(v, p, e->offset + at, e->first + i, e->first + i, "does not continue the messages before it");
    *next_message = entry.header.first_message + entry.header.messages;
    *len = entry.size;
    v->report->entries++;
    v->report->entry_bytes += entry.bytes.len;
    return OK;
}

/* How long the record at `at` says that it is, for a run whose offsets are damaged. */
static enum err own_length(struct verify *v, const struct extent *e, uint64_t at, uint64_t *len)
{
    struct bytes head;
    enum err err = window_get(&v->records, e->offset + at, 4, &head);

    if (err == OK)
        *len = le32_get(head.data);
    return err;
}

/* Offsets and records must agree: each tells where the next record is when the other does not hold. */
static enum err check_run(struct verify *v, const struct part *p)
{
    const struct extent *e = &p->extent;
    uint64_t at = 0, next_message = UINT64_MAX;
    bool offsets_hold = true;

    for (uint32_t i = 0; i < e->entries; i++) {
        uint64_t start, end, len;
        enum err err;
        if ((err = offset_get(v, e, i, &start)) != OK || (err = offset_get(v, e, i + 1, &end)) != OK)
            return err;
        if (start != at && offsets_hold) {
            run_damaged(v, p, e->index_offset + (uint64_t)i * SEGMENT_OFFSET_SIZE, e->first + i, e->first + i,
                        "the offset of its record is wrong");
            offsets_hold = false;
        }
        len = end - at;
        err = end > at && end <= e->len ? check_record(v, p, i, at, &len, &next_message) : ERR_CORRUPT;
        if (err == ERR_CORRUPT && own_length(v, e, at, &len) == OK && at + len <= e->len)
            err = check_record(v, p, i, at, &len, &next_message); /* it holds, and its neighbour's offset does not */
        if (err == ERR_CORRUPT || err == ERR_VERSION) {
            run_damaged(v, p, e->offset + at, e->first + i, e->first + i,
                        err == ERR_VERSION ? "is of a newer version" : "does not match its checksum or its place");
            len = end > at && end <= e->len ? end - at : 0;
            next_message = UINT64_MAX;
            if (len == 0) {
                run_damaged(v, p, e->offset + at, e->first + i, e->first + e->entries - 1, "cannot be found behind it");
                return OK;
            }
        } else if (err != OK) {
            return err;
        }
        at += len;
    }
    if (at != e->len)
        run_damaged(v, p, e->offset + at, e->first, e->first + e->entries - 1, "do not fill their run");
    return OK;
}

/* ---- one run of entries that rests in a journal file ---- */

static enum err table_holds(struct verify *v, const struct extent *e, bool *holds)
{
    const size_t rows = e->entries * extent_row_size(e);
    struct bytes table;
    enum err err = window_get(&v->offsets, e->index_offset, extent_table_size(e), &table);

    if (err == OK)
        *holds = crc32c(0, bytes_of(table.data, rows)) == le32_get(table.data + rows);
    return err;
}

static void adopted_damaged(struct verify *v, const struct part *p, uint64_t offset, uint32_t id, const char *what)
{
    char segment[SEGMENT_PATH_SIZE];

    memcpy(segment, v->path, sizeof segment);
    journal_path(v->path, p->extent.journal);
    run_damaged(v, p, offset, id, id, what);
    memcpy(v->path, segment, sizeof segment);
}

static enum err check_adopted_record(struct verify *v, const struct part *p, uint32_t i)
{
    const uint32_t id = p->extent.first + i;
    struct stored_entry entry;
    struct bytes row, bytes;
    struct piece piece;
    enum err err;

    if ((err = window_get(&v->offsets, p->extent.index_offset + (uint64_t)i * SEGMENT_ADOPTED_SIZE,
                          SEGMENT_ADOPTED_SIZE, &row)) != OK ||
        (err = segment_piece(&p->extent, row.data, i, i, &piece)) != OK)
        return err;
    err = window_get(&v->adopted, piece.offset, piece.len, &bytes);
    if (err == OK)
        err = entry_decode_at(&entry, bytes, (struct position){(int64_t)p->ledger, id});
    if (err == ERR_CORRUPT || err == ERR_VERSION) {
        adopted_damaged(v, p, piece.offset, id,
                        err == ERR_VERSION ? "is of a newer version" : "does not match its checksum or its place");
        return OK;
    }
    if (err != OK)
        return err;
    v->report->entries++;
    v->report->entry_bytes += entry.bytes.len;
    return OK;
}

/* ERR_CORRUPT: the table lies beyond the end of its file. */
static enum err check_adopted(struct verify *v, const struct part *p)
{
    const struct extent *e = &p->extent;
    char path[JOURNAL_PATH_SIZE];
    bool holds;
    enum err err;

    if ((err = table_holds(v, e, &holds)) != OK)
        return err;
    if (!holds) {
        run_damaged(v, p, e->index_offset, e->first, e->first + e->entries - 1,
                    "are in a table that does not match its checksum");
        return OK;
    }
    journal_path(path, e->journal);
    err = window_open(&v->adopted, v->store->sys.disk, path, extent_journal_file(e));
    if (err == ERR_NOT_FOUND)
        return OK; /* which was told */
    for (uint32_t i = 0; i < e->entries && err == OK; i++)
        err = check_adopted_record(v, p, i);
    window_close(&v->adopted);
    return err;
}

/* ---- one file ---- */

static enum err add_part(struct verify *v, const struct part *p)
{
    if (v->part_count == v->part_capacity) {
        const size_t wanted = v->part_capacity ? v->part_capacity * 2 : 64;
        struct part *grown = realloc(v->parts, wanted * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        v->parts = grown;
        v->part_capacity = wanted;
    }
    v->parts[v->part_count++] = *p;
    return OK;
}

static bool same_extent(const struct extent *a, const struct extent *b)
{
    return a->first == b->first && a->entries == b->entries && a->offset == b->offset && a->len == b->len &&
           a->index_offset == b->index_offset && a->journal == b->journal;
}

static int by_entry(const void *left, const void *right)
{
    const struct segment_run *a = left, *b = right;

    if (a->ledger != b->ledger)
        return a->ledger < b->ledger ? -1 : 1;
    return a->extent.first < b->extent.first ? -1 : a->extent.first > b->extent.first;
}

/* `runs` are sorted. */
static bool in_directory(const struct part *p, const struct segment_run *runs, size_t count)
{
    const struct segment_run key = {.ledger = p->ledger, .extent = p->extent};
    const struct segment_run *run = count > 0 ? bsearch(&key, runs, count, sizeof key, by_entry) : NULL;

    return run && same_extent(&run->extent, &p->extent);
}

static void file_damaged(struct verify *v, uint64_t offset, const char *what)
{
    damage_tell(v->sink, &(struct damage){.file = v->path, .offset = offset, .first = -1, .what = what});
}

/* What the file says of itself; without an index that is all that is known of who has entries in it. */
static enum err check_ends(struct verify *v, struct file *f, uint64_t number, struct segment_run **runs, size_t *count)
{
    const char *what;
    uint64_t batch, offset;
    enum err err = segment_header_read(f, number, &batch);

    if (err == ERR_CORRUPT || err == ERR_VERSION)
        file_damaged(v, 0, err == ERR_VERSION ? "is of a newer version" : "the header does not match its checksum");
    else if (err != OK)
        return err;
    err = segment_directory_read(f, number, runs, count, &offset, &what);
    if (err == ERR_CORRUPT)
        file_damaged(v, offset, what);
    return err == ERR_CORRUPT ? OK : err;
}

static enum err check_part(struct verify *v, const struct part *p, const struct segment_run *runs, size_t count)
{
    const enum err err = p->extent.journal ? check_adopted(v, p) : check_run(v, p);

    if (runs && !in_directory(p, runs, count))
        run_damaged(v, p, DAMAGE_NOWHERE, p->extent.first, p->extent.first + p->extent.entries - 1,
                    "are not in the directory as the index has them");
    v->report->runs++;
    if (err == ERR_CORRUPT) {
        run_damaged(v, p, p->extent.offset, p->extent.first, p->extent.first + p->extent.entries - 1,
                    "lie beyond the end of the file");
        return OK;
    }
    return err;
}

static enum err check_parts(struct verify *v, struct file *f, uint64_t number, size_t from, size_t to)
{
    struct segment_run *runs = NULL;
    size_t count = 0;
    enum err err = check_ends(v, f, number, &runs, &count);

    if (v->look.index_damaged) {
        for (size_t i = 0; i < count && err == OK; i++)
            err = check_part(v, &(struct part){.ledger = runs[i].ledger, .extent = runs[i].extent}, NULL, 0);
    }
    if (count > 0)
        qsort(runs, count, sizeof *runs, by_entry);
    for (size_t i = from; i < to && err == OK; i++)
        err = check_part(v, &v->parts[i], runs, count);
    free(runs);
    return err;
}

static enum err check_file(struct verify *v, uint64_t number, size_t from, size_t to)
{
    struct disk *disk = v->store->sys.disk;
    struct file *f = NULL;
    enum err err;

    segment_path(v->path, number);
    v->report->segment_files++;
    if (from == to && !v->look.index_damaged) {
        v->report->unowned_files++;
        return OK;
    }
    if ((err = disk_open(disk, v->path, DISK_READ, &f)) == OK &&
        (err = window_open(&v->records, disk, v->path, number)) == OK &&
        (err = window_open(&v->offsets, disk, v->path, number)) == OK)
        err = check_parts(v, f, number, from, to);
    window_close(&v->records);
    window_close(&v->offsets);
    file_close(f);
    return err;
}

/* ---- all files ---- */

static int by_place(const void *left, const void *right)
{
    const struct part *a = left, *b = right;

    if (a->extent.file != b->extent.file)
        return a->extent.file < b->extent.file ? -1 : 1;
    return a->extent.offset < b->extent.offset ? -1 : a->extent.offset > b->extent.offset;
}

static enum err list_parts(struct verify *v)
{
    const struct ledger *l;
    size_t at = 0;
    enum err err = OK;

    while (!v->look.index_damaged && (l = map_next(&v->store->ledgers.by_id, &at))) {
        for (size_t i = 0; i < l->extent_count && err == OK; i++)
            err = add_part(
                v, &(struct part){.topic = l->chain ? l->chain->topic : 0, .ledger = l->id, .extent = l->extents[i]});
    }
    if (v->part_count > 0)
        qsort(v->parts, v->part_count, sizeof *v->parts, by_place);
    return err;
}

static enum err check_segments(struct verify *v)
{
    const struct file_numbers *files = &v->look.segments;
    size_t from = 0;
    enum err err = list_parts(v);

    for (size_t i = 0; i < files->count && err == OK; i++) {
        while (from < v->part_count && v->parts[from].extent.file < files->list[i])
            from++; /* of a missing file, which was told */
        size_t to = from;
        while (to < v->part_count && v->parts[to].extent.file == files->list[i])
            to++;
        err = check_file(v, files->list[i], from, to);
        from = to;
    }
    return err;
}

/* ---- who belongs to whom ---- */

static void check_owners(struct verify *v)
{
    const struct store *s = v->store;
    const struct ledger *l;
    const struct cursor *c;
    size_t at = 0;

    while ((l = map_next(&s->ledgers.by_id, &at))) {
        if (l->chain && !store_owns_ledgers(s, l->chain->topic))
            damage_tell(v->sink, &(struct damage){.file = CATALOG_PATH,
                                                  .offset = DAMAGE_NOWHERE,
                                                  .topic = l->chain->topic,
                                                  .ledger = l->id,
                                                  .first = -1,
                                                  .what = "belongs to a topic that is not in the catalog"});
    }
    at = 0;
    while ((c = map_next(&s->cursors, &at))) {
        if (!catalog_tables_get(s->tables, CATALOG_SUBSCRIPTION, c->id))
            damage_tell(v->sink, &(struct damage){.file = CATALOG_PATH,
                                                  .offset = DAMAGE_NOWHERE,
                                                  .topic = c->topic,
                                                  .name = store_topic_name(v->store, c->topic),
                                                  .first = -1,
                                                  .what = "has a cursor whose subscription is not in the catalog"});
    }
}

static void sum_up(struct verify *v)
{
    struct verify_report *r = v->report;

    r->format = v->look.format;
    r->batches = v->look.batches;
    r->torn = v->look.torn;
    for (unsigned i = 0; i < INDEX_TABLES; i++)
        r->rows += v->look.rows[i];
    for (unsigned i = 0; i < RECORD_KINDS; i++)
        r->records += v->look.records[i];
    r->damages = v->sink->count;
}

enum err store_verify(const struct store_options *options, const struct sys *sys, struct damage_sink *sink,
                      struct verify_report *report, char *message, size_t message_size)
{
    struct verify v = {.look = {.sink = sink},
                       .sink = sink,
                       .report = report,
                       .records = {.max = WINDOW_BYTES},
                       .offsets = {.max = WINDOW_BYTES},
                       .adopted = {.max = WINDOW_BYTES}};
    enum err err;

    *report = (struct verify_report){0};
    if ((err = store_look(&v.store, options, sys, &v.look, message, message_size)) != OK)
        goto out;
    if ((err = check_segments(&v)) != OK)
        snprintf(message, message_size, "%s cannot be read: %s", v.path, err_text(err));
    else if (!v.look.index_damaged)
        check_owners(&v);
    sum_up(&v);
out:
    store_free(v.store);
    recovery_look_deinit(&v.look);
    free(v.parts);
    return err;
}
