/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery.c - see recovery.h.
 */
#include "store/recovery.h"

#include "base/log.h"
#include "store/backup.h"
#include "store/damage.h"
#include "store/format.h"
#include "store/give_up.h"
#include "store/journal_replay.h"
#include "store/journal_write.h"
#include "store/quarantine.h"
#include "store/store_private.h"
#include "sys/disk.h"
#include "sys/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LOCK_PATH    "lock"
#define CATALOG_PATH "catalog.db"

#define REWRITE_CHUNK (256u * 1024)
#define UNSYNCED_IDS  (UINT64_C(1) << 24) /* more than fit in the journal between two syncs */

struct recovery {
    struct store *s;
    char *message;
    size_t message_size;
    struct journal_replay replay;
    struct forget forget;
    unsigned format; /* as it was found; 0: a fresh directory */
    bool kept;       /* there was no room for the checkpoint: the journal goes on where it ends */
    bool gaps;       /* damage was passed over: records may be missing */
    struct give_ups give_ups;

    struct recovery_look *look; /* NULL: a start */
};

static enum err refuse(struct recovery *r, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);

static enum err refuse(struct recovery *r, enum err err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->message, r->message_size, format, args);
    va_end(args);
    return err;
}

/* ---- what is found by looking ---- */

static struct bytes topic_name(const struct store *s, uint64_t topic)
{
    const struct catalog_row *row = catalog_tables_get(s->tables, CATALOG_TOPIC, topic);

    return row ? row->name : bytes_of(NULL, 0);
}

/* Fills in which topic the ledger belongs to, and its name. */
static void tell_found(struct recovery *r, struct damage *d)
{
    const struct ledger *l = d->ledger > 0 ? ledgers_find(&r->s->ledgers, d->ledger) : NULL;

    if (l && l->chain)
        d->topic = l->chain->topic;
    if (d->topic > 0)
        d->name = topic_name(r->s, d->topic);
    damage_tell(r->look->sink, d);
}

/* ---- 1: whose directory, which format ---- */

static enum err take_lock(struct recovery *r)
{
    struct disk *disk = r->s->sys.disk;
    const char *holder = r->s->options.holder ? r->s->options.holder : "geminga";
    char other[128] = "";
    enum err err = disk->ops->lock(disk, LOCK_PATH, holder, other, sizeof other);

    if (err == ERR_BUSY)
        return refuse(r, err, "the data directory is in use by %s", other[0] ? other : "another process");
    if (err != OK)
        return refuse(r, err, "the data directory cannot be locked: %s", err_text(err));
    return OK;
}

static void name_found(void *ctx, const char *name)
{
    *(bool *)ctx = true;
    (void)name;
}

/* A directory whose making was cut off: it holds a lock, and perhaps an empty format file. */
static bool is_fresh(struct disk *disk)
{
    bool found = false;

    if (disk->ops->list(disk, JOURNAL_DIR, name_found, &found) == OK && found)
        return false;
    return true;
}

/* Every name is synced, too: a process killed before it did that leaves files that are there to see and gone after a
 * power cut, and what is found is used again. */
static enum err make_directories(struct disk *disk)
{
    enum err err;

    if ((err = disk->ops->mkdir(disk, JOURNAL_DIR)) != OK || (err = disk->ops->mkdir(disk, SEGMENT_DIR)) != OK)
        return err;
    if ((err = disk->ops->sync_dir(disk, JOURNAL_DIR)) != OK || (err = disk->ops->sync_dir(disk, SEGMENT_DIR)) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

static enum err check_format(struct recovery *r)
{
    struct disk *disk = r->s->sys.disk;
    enum err err;

    err = format_read(disk, &r->format);
    if (err == ERR_CORRUPT && r->look) {
        tell_found(
            r, &(struct damage){
                   .file = FORMAT_PATH, .offset = 0, .first = -1, .what = "does not say which format the data has"});
        return OK;
    }
    if (err == ERR_CORRUPT || (err == OK && r->format == 0 && !is_fresh(disk)))
        return refuse(r, ERR_CORRUPT, "the file \"%s\" does not say which format the data has", FORMAT_PATH);
    if (err != OK)
        return refuse(r, err, "the file \"%s\" cannot be read: %s", FORMAT_PATH, err_text(err));
    if (r->format > FORMAT_NOW)
        return refuse(r, ERR_VERSION,
                      "the data directory has format %u, this program knows formats up to %u; "
                      "nothing was changed",
                      r->format, FORMAT_NOW);
    if (r->look)
        return r->format > 0 ? OK : refuse(r, ERR_NOT_FOUND, "the directory holds no data of a broker");
    if (r->format == 0 && (err = format_write(disk, FORMAT_NOW)) != OK)
        return refuse(r, err, "the data directory cannot be written: %s", err_text(err));
    if ((err = make_directories(disk)) != OK)
        return refuse(r, err, "the data directory cannot be prepared: %s", err_text(err));
    return OK;
}

/* What was there has been read without complaint; what is written from here on, an older program may not know. */
static enum err raise_format(struct recovery *r)
{
    enum err err;

    if (r->format == 0 || r->format == FORMAT_NOW)
        return OK;
    if ((err = format_write(r->s->sys.disk, FORMAT_NOW)) != OK)
        return refuse(r, err, "the data directory has format %u and cannot be told that it becomes %u: %s", r->format,
                      FORMAT_NOW, err_text(err));
    log_info(r->s->log, "store", "the data directory had format %u; it has format %u now", r->format, FORMAT_NOW);
    return OK;
}

/* ---- 2: the index ---- */

static void saw_id(struct store *s, uint64_t id)
{
    if (id >= s->next_id)
        s->next_id = id + 1;
}

static enum err load_ledger(struct store *s, const struct catalog_row *row)
{
    struct catalog_row head = *row;
    struct ledger_info info;
    enum err err;

    if (row->value.len < LEDGER_INFO_ENCODED)
        return ERR_CORRUPT;
    const size_t size = le32_get(row->value.data) == LEDGER_INFO_VERSION_1 ? EXTENT_ENCODED_1 : EXTENT_ENCODED;
    if ((row->value.len - LEDGER_INFO_ENCODED) % size != 0)
        return ERR_CORRUPT;
    head.value.len = LEDGER_INFO_ENCODED;
    if ((err = ledger_info_decode(&info, &head)) != OK)
        return err;
    const size_t count = (row->value.len - LEDGER_INFO_ENCODED) / size;
    struct extent *extents = malloc((count + 1) * sizeof *extents);
    if (!extents)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        extent_decode(&extents[i], row->value.data + LEDGER_INFO_ENCODED + i * size, size);
    err = ledgers_load(&s->ledgers, &info, extents, count);
    free(extents);
    return err;
}

static enum err load_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    struct recovery *r = ctx;
    enum err err;

    if (table != INDEX_SEGMENT)
        saw_id(r->s, row->id);
    switch (table) {
    case INDEX_LEDGER:
        err = load_ledger(r->s, row);
        break;
    case INDEX_CURSOR:
        err = cursor_load(r->s, row);
        break;
    case INDEX_SEGMENT:
        err = OK; /* reserved */
        break;
    default:
        err = catalog_tables_load(r->s->tables, (enum catalog_table)table, row);
        break;
    }
    if (err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_EXISTS || err == ERR_INVALID)
        return refuse(r, ERR_CORRUPT, "%s: row %" PRIu64 " of table %u makes no sense", CATALOG_PATH, row->id, table);
    return err;
}

static enum err load_index(struct recovery *r)
{
    struct store *s = r->s;
    enum err err;

    if ((err = catalog_index_open(&s->index, s->sys.disk, CATALOG_PATH, r->message, r->message_size)) != OK)
        return err;
    if ((err = catalog_index_load(s->index, load_row, r, r->message, r->message_size)) != OK)
        return err;
    const struct index_mark mark = catalog_index_mark(s->index);
    if (mark.next_id > s->next_id)
        s->next_id = mark.next_id;
    if (mark.next_segment > s->next_segment)
        s->next_segment = mark.next_segment;
    return OK;
}

static enum err look_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    struct recovery *r = ctx;
    enum err err = load_row(r, table, row);

    r->look->rows[table]++;
    if (err == ERR_CORRUPT) {
        tell_found(r,
                   &(struct damage){.file = CATALOG_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = r->message});
        err = OK;
    }
    return err;
}

static void index_damaged(void *ctx, const char *what)
{
    struct recovery *r = ctx;

    r->look->index_damaged = true;
    tell_found(r, &(struct damage){.file = CATALOG_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = what});
}

/* What is in the index, however much of it holds. */
static enum err look_at_index(struct recovery *r)
{
    struct store *s = r->s;
    enum err err = catalog_index_look(&s->index, s->sys.disk, CATALOG_PATH, r->message, r->message_size);

    if (err == ERR_CORRUPT || err == ERR_NOT_FOUND) {
        index_damaged(r, err == ERR_NOT_FOUND ? "is missing" : r->message + strlen(CATALOG_PATH ": "));
        r->message[0] = '\0';
        return OK;
    }
    if (err == OK)
        err = catalog_index_survey(s->index, look_row, index_damaged, r);
    if (err == ERR_NOMEM)
        return refuse(r, err, "%s cannot be looked at: %s", CATALOG_PATH, err_text(err));
    if (err == OK)
        r->look->mark = catalog_index_mark(s->index);
    return err;
}

/* ---- 3: the journal ---- */

/* Entries [l->synced, upto) are in no record that holds. */
static enum err tell_gap(struct recovery *r, const struct ledger *l, uint32_t upto)
{
    struct damage d = {.file = JOURNAL_DIR,
                       .offset = DAMAGE_NOWHERE,
                       .topic = l->chain ? l->chain->topic : 0,
                       .ledger = l->id,
                       .first = l->synced,
                       .last = (int64_t)upto - 1,
                       .what = "in no record that holds"};
    char text[DAMAGE_TEXT_SIZE];

    if (r->look) {
        tell_found(r, &d);
        return OK;
    }
    d.name = topic_name(r->s, d.topic);
    damage_text(&d, text);
    log_error(r->s->log, "store", "%s, and given up as was asked for: no consumer will see them", text);
    return lost_add(&r->s->lost, l->id, l->synced, upto - 1);
}

/* What stands for entries whose records are lost: markers, which no consumer is sent; the last has the messages that
 * the next entry shows to be missing.  Their places (file 0) have the index of the first message for an offset. */
static enum err pass_gap(struct recovery *r, struct ledger *l, uint32_t upto, uint64_t next_message)
{
    struct store *s = r->s;
    const uint64_t end = ledger_info(l)->first_message + ledger_info(l)->messages;
    const uint64_t messages = next_message > end ? next_message - end : 0;
    enum err err = tell_gap(r, l, upto);

    while (err == OK && l->synced < upto) {
        const struct entry_header lost = {
            .kind = ENTRY_MARKER,
            .messages = l->synced + 1 < upto    ? 0
                        : messages < UINT32_MAX ? (uint32_t)messages
                                                : UINT32_MAX,
        };
        const struct journal_place place = {.offset = end, .file = 0, .len = ENTRY_HEADER_SIZE};
        if ((err = ledger_reserve_place(l)) != OK)
            break;
        ledger_count(&s->ledgers, l, &lost, 0);
        ledger_synced(&s->ledgers, l, &lost, 0, place);
    }
    return err;
}

static enum err replay_entry(struct recovery *r, const struct record *record, struct journal_place place)
{
    struct store *s = r->s;
    struct stored_entry e;
    enum err err;

    if ((err = entry_decode(&e, record)) != OK)
        return err;
    struct ledger *l = ledgers_find(&s->ledgers, (uint64_t)e.position.ledger);
    if (!l || e.position.entry < (int64_t)l->synced)
        return OK; /* deleted later; or moved already */
    if (e.position.entry > (int64_t)l->synced && !r->gaps)
        return ERR_CORRUPT;
    if (e.position.entry > (int64_t)l->synced &&
        (err = pass_gap(r, l, (uint32_t)e.position.entry, e.header.first_message)) != OK)
        return err;
    if ((err = ledger_reserve_place(l)) != OK)
        return err;
    ledger_count(&s->ledgers, l, &e.header, e.bytes.len);
    ledger_synced(&s->ledgers, l, &e.header, e.bytes.len, place);
    s->recovered_entries++;
    return OK;
}

/* A recovery that could not write its checkpoint closed the ledger in memory only; the next one says so. */
static void close_before(struct store *s, const struct record_ledger_create *r)
{
    const struct topic_chain *c = ledgers_find_chain(&s->ledgers, r->topic);

    if (c && c->count > 0 && c->infos[c->count - 1].open)
        ledger_set_closed(&s->ledgers, c->ledgers[c->count - 1], r->created_ms);
}

static enum err replay_create(struct store *s, const struct record *record)
{
    struct record_ledger_create r;
    struct ledger *l;
    enum err err;

    if ((err = record_ledger_create_decode(&r, record)) != OK)
        return err;
    if (r.ledger == 0 || r.ledger > INT64_MAX)
        return ERR_CORRUPT;
    saw_id(s, r.ledger);
    if (ledgers_find(&s->ledgers, r.ledger))
        return OK;
    const struct ledger_info info = {
        .id = r.ledger, .topic = r.topic, .created_ms = r.created_ms, .first_message = r.first_message, .open = true};
    close_before(s, &r);
    err = ledgers_add(&s->ledgers, &info, &l);
    return err == ERR_BUSY || err == ERR_EXISTS ? ERR_CORRUPT : err;
}

static enum err replay_close(struct store *s, const struct record *record)
{
    struct record_ledger_close r;
    enum err err;

    if ((err = record_ledger_close_decode(&r, record)) != OK)
        return err;
    struct ledger *l = ledgers_find(&s->ledgers, r.ledger);
    if (l)
        ledger_set_closed(&s->ledgers, l, r.closed_ms);
    return OK;
}

static enum err replay_delete(struct recovery *r, const struct record *record)
{
    uint64_t id;
    enum err err;

    if ((err = record_ledger_delete_decode(&id, record)) != OK)
        return err;
    struct ledger *l = ledgers_find(&r->s->ledgers, id);
    if (l)
        store_forget_ledger(r->s, l, &r->forget.files);
    return OK;
}

static enum err replay_catalog(struct recovery *r, const struct record *record)
{
    struct catalog_change change;
    enum err err;

    if ((err = catalog_change_decode(&change, record->body)) != OK)
        return err;
    saw_id(r->s, change.row.id);
    err = catalog_tables_apply(r->s->tables, &change, store_row_removed, &r->forget);
    return err == ERR_EXISTS || err == ERR_INVALID ? ERR_CORRUPT : err;
}

static enum err replay_record(void *ctx, const struct record *record, struct journal_place place)
{
    struct recovery *r = ctx;

    switch (record->kind) {
    case RECORD_ENTRY:
        return replay_entry(r, record, place);
    case RECORD_LEDGER_CREATE:
        return replay_create(r->s, record);
    case RECORD_LEDGER_CLOSE:
        return replay_close(r->s, record);
    case RECORD_LEDGER_DELETE:
        return replay_delete(r, record);
    case RECORD_CATALOG:
        return replay_catalog(r, record);
    case RECORD_CURSOR_CREATE:
    case RECORD_CURSOR_RESET:
    case RECORD_CURSOR_ACKS:
    case RECORD_CURSOR_CHANGES:
        return cursor_replay(r->s, record);
    }
    return ERR_VERSION;
}

static enum err look_record(void *ctx, const struct record *record, struct journal_place place)
{
    struct recovery *r = ctx;

    r->look->records[record->kind]++;
    r->look->journal_bytes += place.len;
    return r->look->index_damaged ? OK : replay_record(ctx, record, place);
}

static enum err look_damaged(void *ctx, const struct journal_damage *j)
{
    struct recovery *r = ctx;
    const size_t path = strlen(j->path);
    const char *what = strncmp(j->text, j->path, path) == 0 ? strstr(j->text, ": ") : NULL;

    r->gaps = true;
    if (j->kind == JOURNAL_MISSING && r->look->index_damaged)
        return OK; /* what is missing is told by the index alone */
    tell_found(r, &(struct damage){.file = j->path,
                                   .offset = j->kind == JOURNAL_MISSING ? DAMAGE_NOWHERE : j->offset,
                                   .ledger = j->entry.ledger > 0 ? (uint64_t)j->entry.ledger : 0,
                                   .first = j->entry.entry,
                                   .last = j->entry.entry,
                                   .what = what ? what + strlen(": ") : j->text});
    return OK;
}

static void look_lost(void *ctx, struct journal_place place, struct position entry)
{
    struct recovery *r = ctx;
    char path[JOURNAL_PATH_SIZE];

    journal_path(path, place.file);
    tell_found(r, &(struct damage){.file = path,
                                   .offset = place.offset,
                                   .ledger = entry.ledger > 0 ? (uint64_t)entry.ledger : 0,
                                   .first = entry.entry,
                                   .last = entry.entry,
                                   .what = "a record of a damaged batch does not match its checksum"});
}

/* What was told of and lost is lost, but its ids are not given again: they are in message ids that clients keep. */
static void pass_lost_ids(struct recovery *r)
{
    if (r->replay.unsynced)
        r->s->next_id += UNSYNCED_IDS;
}

/* ---- a start behind damage ---- */

static bool may_be_lost(const struct recovery *r, const struct journal_damage *d, char option[64])
{
    if (d->kind == JOURNAL_DAMAGED_HEADER) {
        snprintf(option, 64, "journal:%" PRIu64, d->file);
        return give_ups_cover(&r->give_ups, GIVE_UP_JOURNAL, d->file, d->file);
    }
    if (d->first_batch == d->last_batch)
        snprintf(option, 64, "batch:%" PRIu64, d->first_batch);
    else
        snprintf(option, 64, "batch:%" PRIu64 "-%" PRIu64, d->first_batch, d->last_batch);
    return give_ups_cover(&r->give_ups, GIVE_UP_BATCH, d->first_batch, d->last_batch);
}

/* d->text lies in r->message. */
static enum err start_damaged(void *ctx, const struct journal_damage *d)
{
    struct recovery *r = ctx;
    const struct ledger *l = d->entry.ledger > 0 ? ledgers_find(&r->s->ledgers, (uint64_t)d->entry.ledger) : NULL;
    const struct bytes name = l && l->chain ? topic_name(r->s, l->chain->topic) : bytes_of(NULL, 0);
    char text[DAMAGE_TEXT_SIZE], option[64];

    snprintf(text, sizeof text, "%s%s%.*s", d->text, name.len > 0 ? "; the ledger is one of " : "",
             name.len < 200 ? (int)name.len : 200, (const char *)name.data);
    if (!may_be_lost(r, d, option))
        return refuse(r, ERR_CORRUPT,
                      "%s. Restore a backup; or start with --give-up %s, to go on without what of it does not hold "
                      "(`geminga store verify` tells what that is)",
                      text, option);
    log_error(r->s->log, "store", "%s; it goes on without what does not hold, as --give-up %s asks", text, option);
    r->gaps = true;
    return OK;
}

static void start_lost(void *ctx, struct journal_place place, struct position entry)
{
    const struct recovery *r = ctx;

    log_error(r->s->log, "store",
              "journal file %08" PRIx32 ", offset %" PRIu64 ": a record of %" PRIu32
              " bytes does not hold and is given up (ledger %" PRId64 ", entry %" PRId64 ")",
              place.file, place.offset, place.len, entry.ledger, entry.entry);
}

static enum err replay_journal(struct recovery *r)
{
    const struct index_mark mark = r->s->index ? catalog_index_mark(r->s->index) : (struct index_mark){0};

    r->replay = (struct journal_replay){
        .disk = r->s->sys.disk,
        .log = r->s->log,
        .applied = mark.batch,
        .first_generation = mark.journal_file,
        .record = r->look ? look_record : replay_record,
        .damaged = r->look ? look_damaged : start_damaged,
        .lost = r->look ? look_lost : start_lost,
        .ctx = r,
    };
    return journal_replay(&r->replay, r->message, r->message_size);
}

/* ---- 4: what was open, what is missing ---- */

static void close_open_ledgers(struct store *s)
{
    const int64_t now = loop_wall_ms(s->sys.loop);
    struct ledger *l;
    size_t at = 0;

    while ((l = map_next(&s->ledgers.by_id, &at))) {
        const struct ledger_info *info = ledger_info(l);
        if (info->closed_ms == 0)
            ledger_set_closed(&s->ledgers, l, now > info->created_ms ? now : info->created_ms);
    }
}

struct segment_names {
    struct file_numbers found;
    uint64_t next;
    enum err err;
};

static void segment_found(void *ctx, const char *name)
{
    struct segment_names *names = ctx;
    uint64_t number;

    if (!segment_path_parse(name, &number))
        return;
    if (names->err == OK)
        names->err = file_numbers_add(&names->found, number);
    if (number >= names->next)
        names->next = number + 1;
}

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static const struct ledger *owner_of(const struct store *s, uint64_t file)
{
    const struct ledger *l;
    size_t at = 0;

    while ((l = map_next(&s->ledgers.by_id, &at))) {
        for (size_t i = 0; i < l->extent_count; i++) {
            if (l->extents[i].file == file || extent_journal_file(&l->extents[i]) == file)
                return l;
        }
    }
    return NULL;
}

static const struct journal_spare *find_journal(const struct recovery *r, uint64_t number)
{
    for (size_t i = 0; i < r->replay.file_count; i++) {
        if (r->replay.files[i].number == (number & ~FILE_IS_JOURNAL))
            return &r->replay.files[i];
    }
    return NULL;
}

static bool is_there(const struct recovery *r, const struct file_numbers *segments, uint64_t number)
{
    if (number & FILE_IS_JOURNAL)
        return find_journal(r, number) != NULL;
    return segments->count > 0 && bsearch(&number, segments->list, segments->count, sizeof number, by_number);
}

/* OK: it may be lost. */
static enum err refuse_missing(struct recovery *r, const char *path, uint64_t number, const struct ledger *l)
{
    const struct segment_use *use = segment_table_find(&r->s->ledgers.segments, number);
    const uint64_t topic = l && l->chain ? l->chain->topic : 0;
    const struct bytes name = topic_name(r->s, topic);
    const bool journal = number & FILE_IS_JOURNAL;

    number &= ~FILE_IS_JOURNAL;
    if (give_ups_cover(&r->give_ups, journal ? GIVE_UP_JOURNAL : GIVE_UP_SEGMENT, number, number))
        return OK;
    return refuse(r, ERR_CORRUPT,
                  "%s is missing: it holds entries of ledger %" PRIu64 " of topic %" PRIu64 " (%.*s), %" PRIu64
                  " runs of entries in all. Restore a backup; or start with --give-up %s:%" PRIu64
                  ", to go on without these entries (`geminga store inspect` lists all ledgers)",
                  path, l ? l->id : 0, topic, name.len < 200 ? (int)name.len : 200, (const char *)name.data,
                  use ? use->runs : 0, journal ? "journal" : "segment", number);
}

static enum err missing(struct recovery *r, uint64_t number)
{
    char path[SEGMENT_PATH_SIZE];
    const struct ledger *l = owner_of(r->s, number);

    if (number & FILE_IS_JOURNAL)
        journal_path(path, number & ~FILE_IS_JOURNAL);
    else
        segment_path(path, number);
    if (r->look) {
        tell_found(r, &(struct damage){.file = path,
                                       .offset = DAMAGE_NOWHERE,
                                       .ledger = l ? l->id : 0,
                                       .first = -1,
                                       .what = "is missing, and holds entries of this ledger and perhaps of others"});
        return OK;
    }
    return refuse_missing(r, path, number, l);
}

/* And the adopted files of the journal. */
static enum err find_segments(struct recovery *r, struct segment_names *names)
{
    struct store *s = r->s;
    uint64_t number;
    size_t at = 0;
    enum err err;

    if ((err = s->sys.disk->ops->list(s->sys.disk, SEGMENT_DIR, segment_found, names)) != OK)
        return refuse(r, err, "the directory \"%s\" cannot be read: %s", SEGMENT_DIR, err_text(err));
    if (names->err != OK)
        return names->err;
    if (names->found.count > 0)
        qsort(names->found.list, names->found.count, sizeof number, by_number);
    if (names->next > s->next_segment)
        s->next_segment = names->next; /* a file that is only cut off keeps its number */
    while (segment_table_next(&s->ledgers.segments, &at, &number)) {
        if (!is_there(r, &names->found, number) && (err = missing(r, number)) != OK)
            return err;
    }
    return OK;
}

/* ---- what is given up ---- */

static const struct cursor *orphaned_cursor(const struct store *s)
{
    const struct cursor *c;
    size_t at = 0;

    while ((c = map_next(&s->cursors, &at))) {
        if (!catalog_tables_get(s->tables, CATALOG_SUBSCRIPTION, c->id))
            return c;
    }
    return NULL;
}

static const struct topic_chain *orphaned_chain(const struct store *s)
{
    const struct topic_chain *c;
    size_t at = 0;

    while ((c = map_next(&s->ledgers.chains, &at))) {
        if (c->count > 0 && !catalog_tables_get(s->tables, CATALOG_TOPIC, c->topic))
            return c;
    }
    return NULL;
}

/* Where records are missing, one may have made the row that a cursor or a ledger belongs to: nobody could ever name
 * them again. */
static void drop_orphans(struct recovery *r)
{
    struct store *s = r->s;
    const struct topic_chain *chain;
    const struct cursor *c;

    while ((c = orphaned_cursor(s))) {
        log_error(s->log, "store",
                  "the row of subscription %" PRIu64 " of topic %" PRIu64
                  " was in a record that is lost: it is dropped",
                  c->id, c->topic);
        cursor_remove(cursor_find(s, c->id));
    }
    while ((chain = orphaned_chain(s))) {
        log_error(s->log, "store", "the row of topic %" PRIu64 " was in a record that is lost: its ledgers are dropped",
                  chain->topic);
        store_forget_topic(s, chain->topic, &r->forget.files);
    }
}

static enum err give_up_ledgers(struct recovery *r, const struct give_up *g)
{
    struct store *s = r->s;
    struct ledger *l;
    size_t at = 0;
    enum err err = OK;

    while (err == OK && (l = map_next(&s->ledgers.by_id, &at))) {
        if (l->chain && (g->kind != GIVE_UP_LEDGER || l->id == g->first))
            err = quarantine_ledger(s, l, g, &s->lost);
    }
    return err;
}

static enum err give_up(struct recovery *r)
{
    struct store *s = r->s;
    enum err err = OK;

    for (size_t i = 0; i < r->give_ups.count && err == OK; i++) {
        const struct give_up *g = &r->give_ups.list[i];
        if (g->kind != GIVE_UP_BATCH)
            err = give_up_ledgers(r, g);
    }
    if (err == OK && s->lost.changed)
        err = lost_write(&s->lost, s->sys.disk);
    if (err != OK)
        return refuse(r, err, "what stands for the entries that were given up cannot be written: %s", err_text(err));
    return OK;
}

/* Lives that went on from the same backup give no id twice. */
static enum err load_restored(struct recovery *r)
{
    uint64_t first;
    const enum err err = backup_first_id(r->s->sys.disk, &first);

    if (err == OK && first > r->s->next_id)
        r->s->next_id = first;
    if (err == ERR_CORRUPT && r->look) {
        tell_found(r, &(struct damage){.file = RESTORED_PATH,
                                       .offset = DAMAGE_NOWHERE,
                                       .first = -1,
                                       .what = "does not match its checksum"});
        return OK;
    }
    if (err != OK)
        return refuse(r, err, "the file \"%s\", which says from where on ids are given since a restore, is damaged: %s",
                      RESTORED_PATH, err_text(err));
    return OK;
}

/* What was given up before, for the figures: no more than that hangs on it. */
static enum err load_lost(struct recovery *r)
{
    unsigned bad_line;
    char what[80];
    enum err err = lost_read(&r->s->lost, r->s->sys.disk, &bad_line);

    if (err != OK)
        return refuse(r, err, "the file \"%s\" cannot be read: %s", LOST_PATH, err_text(err));
    if (bad_line == 0)
        return OK;
    snprintf(what, sizeof what, "line %u does not match its checksum", bad_line);
    if (r->look)
        tell_found(r, &(struct damage){.file = LOST_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = what});
    else
        log_error(r->s->log, "store", "%s: %s; ledgers that miss entries are not all counted", LOST_PATH, what);
    return OK;
}

/* ---- 5: written again, and synced ---- */

static bool anything_new(const struct recovery *r)
{
    const struct store *s = r->s;

    return r->replay.last_batch > r->replay.applied || !list_empty(&s->ledgers.dirty) || !list_empty(&s->dirty_cursors);
}

/* The same bytes, written over themselves: whether they had reached the disk or not, now they do. */
static enum err rewrite_in_place(struct disk *disk, const struct journal_kept *kept, uint8_t *chunk)
{
    char path[JOURNAL_PATH_SIZE];
    struct file *f = NULL;
    size_t got;
    enum err err;

    journal_path(path, kept->number);
    if ((err = disk_open(disk, path, DISK_READ | DISK_WRITE, &f)) != OK)
        return err;
    for (uint64_t at = 0; at < kept->end && err == OK; at += got) {
        const uint64_t left = kept->end - at;
        if ((err = file_read(f, at, chunk, left < REWRITE_CHUNK ? (size_t)left : REWRITE_CHUNK, &got)) != OK)
            break;
        const struct bytes part = bytes_of(chunk, got);
        err = got > 0 ? file_write(f, at, &part, 1) : ERR_CORRUPT;
    }
    if (err == OK && kept->header.unsynced && kept->size > kept->end) /* batches behind one that was lost */
        err = journal_write_zeros(f, kept->end, kept->size - kept->end);
    if (err == OK)
        err = file_sync(f);
    file_close(f);
    return err;
}

/* There is no room for segments: what was recovered stays in its journal files, and the checkpoint is tried again while
 * the broker serves, for deletions to make room. */
static enum err keep_in_journal(struct recovery *r)
{
    struct store *s = r->s;
    struct journal_replay *replay = &r->replay;
    uint8_t *chunk = malloc(REWRITE_CHUNK);
    enum err err = chunk ? OK : ERR_NOMEM;

    for (size_t i = 0; i < replay->kept_count && err == OK; i++)
        err = rewrite_in_place(s->sys.disk, &replay->kept[i], chunk);
    free(chunk);
    if (err == OK)
        err = s->sys.disk->ops->sync_dir(s->sys.disk, JOURNAL_DIR);
    if (err != OK)
        return refuse(r, err, "what was recovered cannot be written: %s", err_text(err));
    log_warn(s->log, "store", "the disk is full: what was recovered stays in the journal until there is room for it");
    r->kept = true;
    checkpoint_put_off(s);
    return OK;
}

static enum err write_again(struct recovery *r)
{
    struct store *s = r->s;
    struct checkpoint *c = &s->checkpoint;
    enum err err;

    checkpoint_init(s);
    if (!anything_new(r))
        return OK;
    c->mark.batch = r->replay.last_batch;
    /* The file in which the journal goes on if this finds no space: what the index was told may turn out to be applied
     * after a crash, though it said that it was not. */
    c->mark.journal_file = r->replay.kept_count > 0 ? r->replay.kept[r->replay.kept_count - 1].header.generation
                                                    : r->replay.next_generation;
    if ((err = checkpoint_collect(s)) != OK || (err = checkpoint_list(s)) != OK)
        return err;
    checkpoint_run(c);
    if (c->err == ERR_NOSPACE && !r->gaps)
        return keep_in_journal(r);
    if (c->err != OK)
        return refuse(r, c->err, "what was recovered cannot be written: %s", c->failure);
    checkpoint_finish(s);
    return OK;
}

/* ---- 6: orphans, the journal ---- */

static void remove_orphans(struct store *s, const struct segment_names *names)
{
    char path[SEGMENT_PATH_SIZE];

    for (size_t i = 0; i < names->found.count; i++) {
        if (segment_table_has(&s->ledgers.segments, names->found.list[i]))
            continue;
        segment_path(path, names->found.list[i]);
        (void)s->sys.disk->ops->unlink(s->sys.disk, path); /* or at the next start */
    }
}

static bool is_kept(const struct journal_replay *replay, uint64_t number)
{
    for (size_t i = 0; i < replay->kept_count; i++) {
        if (replay->kept[i].number == number)
            return true;
    }
    return false;
}

/* The journal files that runs of living ledgers rest in. */
static enum err list_adopted(struct recovery *r, struct journal_start *start)
{
    struct segment_table *t = &r->s->ledgers.segments;
    uint64_t number;
    size_t at = 0;

    start->adopted = malloc((r->replay.file_count + 1) * sizeof *start->adopted);
    if (!start->adopted)
        return ERR_NOMEM;
    while (segment_table_next(t, &at, &number)) {
        if (!(number & FILE_IS_JOURNAL))
            continue;
        const struct journal_spare *file = find_journal(r, number);
        assert(file); /* find_segments saw it */
        start->adopted[start->adopted_count++] = (struct journal_adopted){
            .number = file->number, .size = file->size, .runs = (unsigned)segment_table_find(t, number)->runs};
        segment_table_reach(t, number, file->size);
    }
    return OK;
}

static bool is_spare(const struct recovery *r, uint64_t number)
{
    return !segment_table_has(&r->s->ledgers.segments, number | FILE_IS_JOURNAL) &&
           !(r->kept && is_kept(&r->replay, number));
}

static enum err fill_start(struct recovery *r, struct journal_start *start)
{
    struct journal_replay *replay = &r->replay;
    enum err err;

    *start = (struct journal_start){
        .next_batch = replay->last_batch + 1,
        .next_generation = replay->next_generation,
        .next_number = replay->next_number,
        .trimmed = replay->last_batch,
    };
    if ((err = list_adopted(r, start)) != OK)
        return err;
    start->spares = replay->files;
    replay->files = NULL;
    for (size_t i = 0; i < replay->file_count; i++) {
        if (is_spare(r, start->spares[i].number))
            start->spares[start->spare_count++] = start->spares[i];
    }
    if (!r->kept)
        return OK; /* the chain begins anew behind the index */
    start->trimmed = replay->applied;
    start->previous_crc = replay->last_crc;
    start->kept = replay->kept;
    start->kept_count = replay->kept_count;
    replay->kept = NULL;
    return OK;
}

void recovery_start_deinit(struct journal_start *start)
{
    free(start->spares);
    free(start->kept);
    free(start->adopted);
    *start = (struct journal_start){0};
}

static void tell(const struct recovery *r)
{
    const struct store *s = r->s;

    if (r->replay.batches > 0)
        log_info(s->log, "store", "recovered %" PRIu64 " journal batches with %" PRIu64 " entries in %" PRIu64 " ms%s",
                 r->replay.batches, s->recovered_entries, s->recovery_ms,
                 r->replay.torn ? "; the last write was cut off" : "");
}

enum err recovery_run(struct store *s, struct journal_start *start, char *message, size_t message_size)
{
    struct recovery r = {.s = s, .message = message, .message_size = message_size, .forget = {.store = s}};
    struct segment_names names = {0};
    const uint64_t begin = loop_now_ns(s->sys.loop);
    enum err err;

    if ((err = give_ups_parse(&r.give_ups, s->options.give_up, message, message_size)) != OK)
        return err;
    if ((err = take_lock(&r)) != OK || (err = check_format(&r)) != OK || (err = load_lost(&r)) != OK ||
        (err = load_restored(&r)) != OK || (err = load_index(&r)) != OK)
        goto out;
    if ((err = replay_journal(&r)) != OK)
        goto out;
    pass_lost_ids(&r);
    close_open_ledgers(s);
    if (r.gaps)
        drop_orphans(&r);
    if ((err = find_segments(&r, &names)) != OK || (err = raise_format(&r)) != OK || (err = give_up(&r)) != OK ||
        (err = write_again(&r)) != OK)
        goto out;
    remove_orphans(s, &names);
    s->recovery_ms = (loop_now_ns(s->sys.loop) - begin) / NS_PER_MS;
    tell(&r);
    err = fill_start(&r, start);
out:
    free(r.replay.files);
    free(r.replay.kept);
    free(r.forget.files.list);
    free(names.found.list);
    return err;
}

enum err recovery_look(struct store *s, struct recovery_look *look, char *message, size_t message_size)
{
    struct recovery r = {
        .s = s, .message = message, .message_size = message_size, .forget = {.store = s}, .look = look};
    struct segment_names names = {0};
    enum err err;

    if ((err = take_lock(&r)) != OK || (err = check_format(&r)) != OK || (err = load_lost(&r)) != OK ||
        (err = load_restored(&r)) != OK || (err = look_at_index(&r)) != OK || (err = replay_journal(&r)) != OK ||
        (err = find_segments(&r, &names)) != OK)
        goto out;
    look->format = r.format;
    look->last_batch = r.replay.last_batch;
    look->batches = r.replay.batches;
    look->torn = r.replay.torn;
    look->journal_files = r.replay.files;
    look->journal_file_count = r.replay.file_count;
    look->segments = names.found;
    r.replay.files = NULL;
    names.found = (struct file_numbers){0};
out:
    free(r.replay.files);
    free(r.replay.kept);
    free(r.forget.files.list);
    free(names.found.list);
    return err;
}

void recovery_look_deinit(struct recovery_look *look)
{
    free(look->journal_files);
    free(look->segments.list);
}
