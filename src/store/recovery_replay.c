/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_replay.c - step 3: the records of the journal behind the index's mark, on what was loaded.
 */
#include "store/recovery_private.h"

#include "base/log.h"
#include "store/damage.h"

#include <inttypes.h>
#include <stdio.h>

#define UNSYNCED_IDS (UINT64_C(1) << 24) /* more than fit in the journal between two syncs */

/* ---- record by record ---- */

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
        recovery_tell_found(r, &d);
        return OK;
    }
    d.name = store_topic_name(r->s, d.topic);
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
    recovery_saw_id(s, r.ledger);
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
    recovery_saw_id(r->s, change.row.id);
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
    case RECORD_CURSOR_CHANGES_2:
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
    recovery_tell_found(r, &(struct damage){.file = j->path,
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
    recovery_tell_found(r, &(struct damage){.file = path,
                                            .offset = place.offset,
                                            .ledger = entry.ledger > 0 ? (uint64_t)entry.ledger : 0,
                                            .first = entry.entry,
                                            .last = entry.entry,
                                            .what = "a record of a damaged batch does not match its checksum"});
}

/* What was told of and lost is lost, but its ids are not given again: they are in message ids that clients keep. */
void recovery_pass_lost_ids(struct recovery *r)
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
    const struct bytes name = l && l->chain ? store_topic_name(r->s, l->chain->topic) : bytes_of(NULL, 0);
    char text[DAMAGE_TEXT_SIZE], option[64];

    snprintf(text, sizeof text, "%s%s%.*s", d->text, name.len > 0 ? "; the ledger is one of " : "",
             name.len < 200 ? (int)name.len : 200, (const char *)name.data);
    if (!may_be_lost(r, d, option))
        return recovery_refuse(
            r, ERR_CORRUPT,
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

enum err recovery_replay_journal(struct recovery *r)
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
        .message = r->message,
        .message_size = r->message_size,
    };
    return journal_replay(&r->replay);
}
