/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction.c - see compaction.h.
 */
#include "store/compaction.h"

#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define TIERS         64u /* of sizes of 64 bits, at a fan of 2 */
#define OFFSETS_CHUNK 1024u

/* ---- choosing files ---- */

uint64_t compaction_cost(const struct compaction_file *f)
{
    return f->living + f->runs * COMPACTION_RUN_COST;
}

uint64_t compaction_limit(uint64_t free_bytes, uint64_t reserve)
{
    return free_bytes > reserve ? (free_bytes - reserve) / 2 : 0;
}

/* What is copied for a byte that comes free. */
static double price(const struct compaction_file *f)
{
    return (double)compaction_cost(f) / (double)(f->dead + 1);
}

static int worst_first(const void *left, const void *right)
{
    const struct compaction_file *a = left, *b = right;

    if (price(a) < price(b))
        return -1;
    if (price(a) > price(b))
        return 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

size_t compaction_choose_files(struct compaction_file *files, size_t count, uint64_t budget, uint64_t limit)
{
    uint64_t total = 0;
    size_t n = 0;

    if (count > 0)
        qsort(files, count, sizeof *files, worst_first);
    for (size_t i = 0; i < count; i++) {
        const uint64_t cost = compaction_cost(&files[i]);
        if (cost > limit || total > limit - cost)
            continue;
        if (n > 0 && (cost > budget || total > budget - cost))
            continue;
        const struct compaction_file chosen = files[i];
        files[i] = files[n];
        files[n++] = chosen;
        total += cost;
    }
    return n;
}

/* ---- choosing extents ---- */

static unsigned tier_of(uint64_t bytes, unsigned fan)
{
    unsigned tier = 0;

    while ((bytes /= fan) > 0)
        tier++;
    return tier;
}

size_t compaction_merge_from(const struct extent *extents, size_t count, uint64_t added, unsigned fan, uint64_t settled)
{
    size_t of_tier[TIERS] = {0};
    unsigned highest = tier_of(added, fan);
    uint64_t total = added;
    size_t from = count, i = count;

    assert(fan >= 2);
    of_tier[highest] = added > 0;
    while (i > 0 && extents[i - 1].len < settled) {
        const unsigned tier = tier_of(extents[--i].len, fan);
        total += extents[i].len;
        of_tier[tier]++;
        if (tier > highest)
            highest = tier;
        if (of_tier[highest] < fan)
            continue;
        while (i > 0 && extents[i - 1].len < settled && tier_of(extents[i - 1].len, fan) <= highest)
            total += extents[--i].len; /* left behind by a busier day */
        from = i;
        memset(of_tier, 0, sizeof of_tier); /* what they become counts in its own tier */
        highest = tier_of(total, fan);
        of_tier[highest] = 1;
    }
    return from;
}

static int most_pieces_first(const void *left, const void *right)
{
    const struct compaction_merge *a = left, *b = right;

    if (a->extents != b->extents)
        return a->extents > b->extents ? -1 : 1;
    return a->ledger < b->ledger ? -1 : a->ledger > b->ledger;
}

size_t compaction_choose_merges(struct compaction_merge *merges, size_t count, uint64_t budget)
{
    uint64_t total = 0;
    size_t n = 0;

    if (count > 0)
        qsort(merges, count, sizeof *merges, most_pieces_first);
    while (n < count && merges[n].bytes <= budget - total)
        total += merges[n++].bytes;
    return n;
}

/* ---- copying ---- */

void compaction_copier_init(struct compaction_copier *c, struct disk *disk, struct log *log)
{
    *c = (struct compaction_copier){.disk = disk, .log = log};
    for (size_t i = 0; i < COMPACTION_SOURCES; i++) {
        c->sources[i].records.max = COMPACTION_WINDOW;
        c->sources[i].offsets.max = COMPACTION_WINDOW;
    }
}

static void source_close(struct compaction_source *s)
{
    window_close(&s->records);
    window_close(&s->offsets);
}

void compaction_copier_deinit(struct compaction_copier *c)
{
    for (size_t i = 0; i < COMPACTION_SOURCES; i++)
        source_close(&c->sources[i]);
}

/* The extent's, or the one that was not used for the longest time. */
static struct compaction_source *source_for(struct compaction_copier *c, const struct extent *e)
{
    struct compaction_source *oldest = &c->sources[0];

    for (size_t i = 0; i < COMPACTION_SOURCES; i++) {
        struct compaction_source *s = &c->sources[i];
        if (s->offsets.name == e->file && s->records.name == extent_records_file(e))
            return s;
        if (s->used < oldest->used)
            oldest = s;
    }
    return oldest;
}

static enum err source_open(struct compaction_copier *c, const struct extent *e, struct compaction_source **out)
{
    struct compaction_source *s = source_for(c, e);
    char path[SEGMENT_PATH_SIZE];
    enum err err;

    s->used = ++c->uses;
    *out = s;
    if (s->offsets.name == e->file && s->records.name == extent_records_file(e))
        return OK;
    entry_file_path(path, extent_records_file(e));
    if ((err = window_open(&s->records, c->disk, path, extent_records_file(e))) == OK) {
        segment_path(path, e->file);
        err = window_open(&s->offsets, c->disk, path, e->file);
    }
    if (err != OK)
        source_close(s);
    return err;
}

struct copying {
    struct compaction_source *from;
    const struct extent *extent;
    uint64_t ledger;
    uint32_t bad, first_bad; /* records, and the entry of the first */
};

static void check_record(struct copying *copy, uint32_t id, struct bytes record)
{
    struct stored_entry e;

    if (entry_decode_at(&e, record, (struct position){(int64_t)copy->ledger, id}) != OK && copy->bad++ == 0)
        copy->first_bad = id;
}

/* Rows [i, i + n) of the run's table, and the next one, which tells where the last ends. */
static enum err get_rows(struct copying *copy, uint32_t i, uint32_t n, struct bytes *out)
{
    const struct extent *e = copy->extent;
    const size_t size = extent_row_size(e), more = i + n < e->entries ? 1 : 0;

    return window_get(&copy->from->offsets, e->index_offset + i * size, (n + more) * size, out);
}

/* Up to OFFSETS_CHUNK records of the run, from the i-th on.  *bad: it was the source's fault. */
static enum err copy_chunk(struct copying *copy, uint32_t i, uint32_t n, struct segment_writer *to, bool *bad)
{
    const struct extent *e = copy->extent;
    struct bytes rows, record;
    struct piece piece;
    enum err err;

    *bad = true;
    if ((err = get_rows(copy, i, n, &rows)) != OK)
        return err;
    for (uint32_t k = i; k < i + n; k++) {
        if ((err = segment_piece(e, rows.data, i, k, &piece)) != OK ||
            (err = window_get(&copy->from->records, piece.offset, piece.len, &record)) != OK)
            return err;
        check_record(copy, e->first + k, record);
        if ((err = segment_add(to, record)) != OK) {
            *bad = false;
            return err;
        }
    }
    return OK;
}

static enum err copy_rows(struct copying *copy, uint32_t i, uint32_t n, struct segment_writer *to, bool *bad)
{
    struct bytes rows;
    struct piece piece;
    enum err err;

    *bad = true;
    if ((err = get_rows(copy, i, n, &rows)) != OK)
        return err;
    for (uint32_t k = i; k < i + n; k++) {
        if ((err = segment_piece(copy->extent, rows.data, i, k, &piece)) != OK)
            return err;
        if ((err = segment_adopt(to, piece.offset, piece.len)) != OK) {
            *bad = false;
            return err;
        }
    }
    return OK;
}

static void tell_bad(const struct compaction_copier *c, const struct copying *copy, uint64_t topic)
{
    char path[SEGMENT_PATH_SIZE];

    if (copy->bad == 0)
        return;
    entry_file_path(path, extent_records_file(copy->extent));
    log_error(c->log, "store",
              "%s: entry %" PRIu32 " of ledger %" PRIu64 " of topic %" PRIu64 ", and %" PRIu32
              " behind it, do not match their checksums; they are not served",
              path, copy->first_bad, copy->ledger, topic, copy->bad - 1);
}

static enum err copy_all(struct compaction_copier *c, struct copying *copy, struct segment_writer *to,
                         enum err (*chunk)(struct copying *copy, uint32_t i, uint32_t n, struct segment_writer *to,
                                           bool *bad))
{
    const struct extent *e = copy->extent;
    bool bad = true;
    enum err err = source_open(c, e, &copy->from);

    for (uint32_t i = 0; i < e->entries && err == OK; i += OFFSETS_CHUNK) {
        const uint32_t left = e->entries - i;
        err = chunk(copy, i, left < OFFSETS_CHUNK ? left : OFFSETS_CHUNK, to, &bad);
    }
    c->bad_file = err != OK && err != ERR_NOMEM && bad ? e->file : 0;
    return err;
}

enum err compaction_copy(struct compaction_copier *c, uint64_t ledger, uint64_t topic, const struct extent *e,
                         struct segment_writer *to)
{
    struct copying copy = {.extent = e, .ledger = ledger};
    enum err err = copy_all(c, &copy, to, copy_chunk);

    tell_bad(c, &copy, topic);
    return err;
}

enum err compaction_copy_table(struct compaction_copier *c, const struct extent *e, struct segment_writer *to)
{
    struct copying copy = {.extent = e};

    assert(e->journal);
    return copy_all(c, &copy, to, copy_rows);
}
