/* SPDX-License-Identifier: Apache-2.0
 *
 * quarantine.c - see quarantine.h.
 */
#include "store/quarantine.h"

#include "base/log.h"
#include "store/damage.h"
#include "store/store_private.h"
#include "store/window.h"
#include "sys/disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW_BYTES (256u * 1024)

/* One run, read entry by entry. */
struct run {
    struct disk *disk;
    const struct ledger *ledger;
    const struct extent *extent;
    struct file *table; /* NULL: the segment is missing */
    struct window records;
    uint64_t next; /* where the entry after the last good one would lie; 0: not known */
};

/* The same run, written again. */
struct mend {
    struct store *store;
    struct ledger *ledger;
    struct segment_writer *writer;
    struct lost *lost;
    const char *path;     /* of the damaged file */
    uint32_t pending;     /* entries that do not hold, up to the one at hand */
    uint64_t end_message; /* of the last good one; UINT64_MAX: not known */
};

void quarantine_marker(uint8_t *to, uint64_t ledger, uint32_t id, uint64_t first_message, uint32_t messages)
{
    const struct entry_header h = {.kind = ENTRY_MARKER, .messages = messages, .first_message = first_message};

    entry_header_encode(to, (struct position){(int64_t)ledger, id}, &h, 0);
    record_seal(to, ENTRY_HEADER_SIZE, bytes_of(NULL, 0));
}

/* ---- reading ---- */

/* OK also when nothing of it can be read any more. */
static enum err run_open(struct run *r, struct disk *disk, const struct ledger *l, const struct extent *e)
{
    enum err err;
    char path[SEGMENT_PATH_SIZE], records[SEGMENT_PATH_SIZE];

    *r = (struct run){.disk = disk, .ledger = l, .extent = e, .records = {.max = WINDOW_BYTES}};
    segment_path(path, e->file);
    entry_file_path(records, extent_records_file(e));
    if ((err = disk_open(disk, path, DISK_READ, &r->table)) != OK) {
        r->table = NULL;
    } else if ((err = window_open(&r->records, disk, records, e->file)) != OK) {
        file_close(r->table);
        r->table = NULL;
    }
    return err == ERR_NOT_FOUND || err == ERR_IO || err == ERR_CORRUPT ? OK : err;
}

static void run_close(struct run *r)
{
    file_close(r->table);
    window_close(&r->records);
}

static enum err get_at(struct run *r, uint32_t id, uint64_t offset, uint32_t len, struct bytes *out,
                       struct stored_entry *e)
{
    enum err err = window_get(&r->records, offset, len, out);

    if (err == OK)
        err = entry_decode_at(e, *out, (struct position){(int64_t)r->ledger->id, id});
    if (err == OK)
        r->next = offset + out->len;
    return err;
}

/* Where the table says, or behind the one before.  ERR_CORRUPT: nowhere. */
static enum err run_get(struct run *r, uint32_t id, struct bytes *out, struct stored_entry *e)
{
    const uint64_t next = r->next;
    struct piece piece;
    struct bytes head;
    size_t one;

    r->next = 0;
    if (!r->table)
        return ERR_CORRUPT;
    enum err err = segment_pieces(r->table, r->extent, id, 1, 1, &piece, &one);
    if (err == OK)
        err = get_at(r, id, piece.offset, piece.len, out, e);
    if ((err == ERR_CORRUPT || err == ERR_VERSION) && next > 0 && window_get(&r->records, next, 4, &head) == OK) {
        const uint32_t len = le32_get(head.data);
        err = len >= ENTRY_HEADER_SIZE && len <= RECORD_SIZE_MAX ? get_at(r, id, next, len, out, e) : ERR_CORRUPT;
    }
    return err == ERR_IO || err == ERR_VERSION ? ERR_CORRUPT : err; /* a sector that cannot be read is lost, too */
}

static bool run_holds(struct run *r)
{
    const struct extent *e = r->extent;
    struct stored_entry entry;
    struct bytes record;

    for (uint32_t i = 0; i < e->entries; i++) {
        if (run_get(r, e->first + i, &record, &entry) != OK)
            return false;
    }
    return true;
}

/* ---- writing ---- */

static void tell(const struct mend *m, uint32_t first, uint32_t last)
{
    const struct ledger_info *info = ledger_info(m->ledger);
    const struct damage d = {.file = m->path,
                             .offset = DAMAGE_NOWHERE,
                             .topic = info->topic,
                             .name = store_topic_name(m->store, info->topic),
                             .ledger = info->id,
                             .first = first,
                             .last = last,
                             .what = "cannot be read, and given up as was asked for: no consumer will see them"};
    char text[DAMAGE_TEXT_SIZE];

    damage_text(&d, text);
    log_error(m->store->log, "store", "%s", text);
}

/* Markers for the pending entries, which end before `id`; `next_message` is the index of the first message of that. */
static enum err put_markers(struct mend *m, uint32_t id, uint64_t next_message)
{
    const bool known = next_message != UINT64_MAX && m->end_message != UINT64_MAX && next_message >= m->end_message;
    uint64_t messages = known ? next_message - m->end_message : 0;
    uint64_t at = m->end_message != UINT64_MAX ? m->end_message : 0;
    enum err err = OK;

    if (m->pending == 0)
        return OK;
    tell(m, id - m->pending, id - 1);
    if ((err = lost_add(m->lost, m->ledger->id, id - m->pending, id - 1)) != OK)
        return err;
    for (; m->pending > 0 && err == OK; m->pending--) {
        uint8_t marker[ENTRY_HEADER_SIZE];
        const uint32_t here = messages < UINT32_MAX ? (uint32_t)messages : UINT32_MAX;
        quarantine_marker(marker, m->ledger->id, id - m->pending, at, here);
        err = segment_add(m->writer, bytes_of(marker, sizeof marker));
        messages -= here;
        at += here;
    }
    return err;
}

/* The index of the first message behind the run; UINT64_MAX: nobody knows. */
static uint64_t message_behind(const struct mend *m, size_t index)
{
    const struct ledger *l = m->ledger;
    const struct ledger_info *info = ledger_info(l);
    uint64_t message = UINT64_MAX;
    struct stored_entry entry;
    struct bytes record;
    struct run next;

    if (index + 1 == l->extent_count)
        return l->places_count == 0 ? info->first_message + info->messages : UINT64_MAX;
    if (run_open(&next, m->store->sys.disk, l, &l->extents[index + 1]) == OK &&
        run_get(&next, l->extents[index + 1].first, &record, &entry) == OK)
        message = entry.header.first_message;
    run_close(&next);
    return message;
}

static enum err put_run(struct mend *m, struct run *r, size_t index)
{
    const struct extent *e = r->extent;
    struct stored_entry entry;
    struct bytes record;
    enum err err = segment_run_begin(m->writer, m->ledger->id, e->first);

    m->pending = 0;
    m->end_message = e->first == 0 ? ledger_info(m->ledger)->first_message : UINT64_MAX;
    for (uint32_t i = 0; i < e->entries && err == OK; i++) {
        err = run_get(r, e->first + i, &record, &entry);
        if (err == ERR_CORRUPT) {
            m->pending++;
            err = OK;
        } else if (err == OK && (err = put_markers(m, e->first + i, entry.header.first_message)) == OK) {
            err = segment_add(m->writer, record);
            m->end_message = entry.header.first_message + entry.header.messages;
        }
    }
    if (err == OK)
        err = put_markers(m, e->first + e->entries, message_behind(m, index));
    return err;
}

/* The new run takes the old one's place in memory. */
static enum err take(struct mend *m, size_t index)
{
    struct ledgers *ls = &m->store->ledgers;
    size_t count;
    const struct extent fresh = segment_writer_extents(m->writer, &count)[0];
    enum err err = segment_table_hold(&ls->segments, m->ledger->id, &fresh);

    if (err != OK)
        return err;
    uint64_t left[EXTENT_FILES_MAX];
    const size_t unused = segment_table_release(&ls->segments, &m->ledger->extents[index], 0, left);
    (void)unused; /* orphans then, which this start removes or uses again */
    m->ledger->extents[index] = fresh;
    ledger_mark_dirty(ls, m->ledger);
    return OK;
}

static enum err mend_run(struct mend *m, struct run *r, size_t index)
{
    struct store *s = m->store;
    bool sync_failed;
    enum err err = segment_writer_new(&m->writer, s->sys.disk, s->next_segment++, 0);

    r->next = 0;
    if (err == OK && (err = put_run(m, r, index)) == OK && (err = segment_finish(m->writer, &sync_failed)) == OK &&
        (err = s->sys.disk->ops->sync_dir(s->sys.disk, SEGMENT_DIR)) == OK)
        err = take(m, index);
    segment_writer_free(m->writer);
    m->writer = NULL;
    return err;
}

static bool is_meant(const struct extent *e, const struct give_up *what)
{
    if (what->kind == GIVE_UP_LEDGER)
        return true;
    return what->first == (what->kind == GIVE_UP_SEGMENT ? e->file : e->journal);
}

enum err quarantine_ledger(struct store *s, struct ledger *l, const struct give_up *what, struct lost *lost)
{
    enum err err = OK;

    for (size_t i = 0; i < l->extent_count && err == OK; i++) {
        const struct extent old = l->extents[i];
        char path[SEGMENT_PATH_SIZE];
        struct mend m = {.store = s, .ledger = l, .lost = lost, .path = path};
        struct run r;
        if (!is_meant(&old, what))
            continue;
        entry_file_path(path, extent_records_file(&old));
        if ((err = run_open(&r, s->sys.disk, l, &old)) == OK && !run_holds(&r))
            err = mend_run(&m, &r, i);
        run_close(&r);
    }
    return err;
}
