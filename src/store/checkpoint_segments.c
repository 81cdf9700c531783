/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_segments.c - a checkpoint's worker: entries from the journal, and runs that are copied, to segment files.
 *
 * One file for each ledger that brings much, one for all others.  Whatever fails, what was written is for the caller to
 * unlink: the index does not know of it.
 */
#include "store/checkpoint_parts.h"

#include "base/log.h"
#include "store/compaction.h"
#include "store/quarantine.h"
#include "store/sorted_reads.h"

#include <assert.h>
#include <inttypes.h>

/* Where the worker reads from, and what goes into the file that it writes: of the ledgers before `to`. */
struct sources {
    struct sorted_reads journal;
    struct compaction_copier segments;
    size_t to;
    bool alone;
};

/* Adds what will be asked for from place i of the ledger on; false: no more fits. */
static bool add_places(struct sorted_reads *journal, const struct moved_ledger *m, uint32_t i)
{
    for (size_t k = 0; k < m->run_count; k++) {
        const struct moved_run *run = &m->runs[k];
        const uint32_t end = run->place + run->added;
        for (uint32_t n = run->place > i ? run->place : i; n < end && !run->journal; n++) {
            if (m->places[n].file != 0 && !sorted_reads_add(journal, &m->places[n]))
                return false;
        }
    }
    return true;
}

static enum err read_ahead(struct checkpoint *c, struct sources *from, const struct moved_ledger *m, uint32_t i)
{
    enum err err;

    if ((err = sorted_reads_begin(&from->journal)) != OK)
        return err;
    bool room = sorted_reads_add(&from->journal, &m->places[i]) && add_places(&from->journal, m, i + 1);
    for (size_t n = (size_t)(m - c->ledgers) + 1; n < from->to && room; n++)
        room = !checkpoint_goes_into(c, &c->ledgers[n], from->alone) || add_places(&from->journal, &c->ledgers[n], 0);
    return sorted_reads_load(&from->journal);
}

/* Borrowed until the next call. */
static enum err get_record(struct checkpoint *c, struct sources *from, const struct moved_ledger *m, uint32_t i,
                           struct bytes *out)
{
    enum err err;

    if (sorted_reads_find(&from->journal, &m->places[i], out))
        return OK;
    if ((err = read_ahead(c, from, m, i)) != OK)
        return err;
    const bool found = sorted_reads_find(&from->journal, &m->places[i], out);
    assert(found);
    return OK;
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
static enum err add_lost(struct checkpoint *c, struct sources *from, struct segment_writer *to,
                         const struct moved_ledger *m, uint32_t i)
{
    uint8_t marker[ENTRY_HEADER_SIZE];
    const uint64_t first_message = m->places[i].offset;
    uint64_t next_message = first_message;
    struct stored_entry e;
    struct bytes record;
    enum err err;

    if (i + 1 < m->count && m->places[i + 1].file != 0) {
        if ((err = get_record(c, from, m, i + 1, &record)) != OK)
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

static enum err move_added(struct checkpoint *c, struct sources *from, struct segment_writer *to,
                           const struct moved_ledger *m, const struct moved_run *run)
{
    struct bytes record;
    enum err err;

    for (uint32_t i = run->place; i < run->place + run->added; i++) {
        if (m->places[i].file == 0) {
            if ((err = add_lost(c, from, to, m, i)) != OK)
                return err;
            continue;
        }
        if ((err = get_record(c, from, m, i, &record)) != OK)
            return err;
        check_record(c, m, m->first + i, record);
        if ((err = segment_add(to, record)) != OK)
            return err;
    }
    return OK;
}

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
        err = move_added(c, sources, to, m, run);
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
    sources->to = to;
    sources->alone = alone;
    for (size_t i = from; i < to && err == OK; i++) {
        if (checkpoint_goes_into(c, &c->ledgers[i], alone))
            err = move_ledger(c, sources, writer, &c->ledgers[i]);
    }
    if (err == OK)
        err = segment_finish(writer, &c->fatal);
    c->written += segment_writer_bytes(writer);
    if (err == OK) {
        extents = segment_writer_extents(writer, &count);
        for (size_t i = from; i < to; i++) {
            struct moved_ledger *m = &c->ledgers[i];
            for (size_t k = 0; k < m->run_count && checkpoint_goes_into(c, m, alone); k++)
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
        if (checkpoint_goes_into(c, &c->ledgers[i], true))
            err = write_segment(c, sources, number++, i, i + 1, true);
        else if (checkpoint_goes_into(c, &c->ledgers[i], false))
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

/* Of an adopted file only what is others'. */
static bool is_copied(void *ctx, uint32_t journal)
{
    return !checkpoint_adopts(ctx, journal);
}

enum err checkpoint_write_segments(struct checkpoint *c)
{
    struct sources sources;
    enum err err;

    c->bad_file = 0;
    if ((err = leave_room(c)) != OK)
        return err;
    sorted_reads_init(&sources.journal, c->disk, is_copied, c);
    compaction_copier_init(&sources.segments, c->disk, c->log);
    err = write_files(c, &sources);
    c->bad_file = sources.segments.bad_file;
    compaction_copier_deinit(&sources.segments);
    sorted_reads_deinit(&sources.journal);
    return err;
}

void checkpoint_unlink_segments(struct checkpoint *c)
{
    char path[SEGMENT_PATH_SIZE];

    for (uint64_t n = c->first_segment; n < c->mark.next_segment; n++) {
        segment_path(path, n);
        (void)c->disk->ops->unlink(c->disk, path);
    }
}
