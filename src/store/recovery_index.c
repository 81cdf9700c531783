/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_index.c - step 2: the rows of the catalog index, into memory.
 */
#include "store/recovery_private.h"

#include "base/log.h"
#include "store/damage.h"
#include "store/index_copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum err load_ledger(struct store *s, const struct catalog_row *row)
{
    struct catalog_row head = *row;
    struct ledger_info info;
    enum err err;

    const size_t prefix = ledger_info_prefix(row->value);
    if (prefix == 0)
        return ERR_CORRUPT;
    const size_t size = le32_get(row->value.data) == LEDGER_INFO_VERSION_1 ? EXTENT_ENCODED_1 : EXTENT_ENCODED;
    if ((row->value.len - prefix) % size != 0)
        return ERR_CORRUPT;
    head.value.len = prefix;
    if ((err = ledger_info_decode(&info, &head)) != OK)
        return err;
    const size_t count = (row->value.len - prefix) / size;
    struct extent *extents = malloc((count + 1) * sizeof *extents);
    if (!extents)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        extent_decode(&extents[i], row->value.data + prefix + i * size, size);
    err = ledgers_load(&s->ledgers, &info, extents, count);
    free(extents);
    return err;
}

static enum err load_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    struct recovery *r = ctx;
    enum err err;

    if (table != INDEX_SEGMENT)
        recovery_saw_id(r->s, row->id);
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
        return recovery_refuse(r, ERR_CORRUPT, "%s: row %" PRIu64 " of table %u makes no sense", CATALOG_PATH, row->id,
                               table);
    return err;
}

/* ---- a start ---- */

/* Before anything is loaded.  Without a whole copy, what is wrong is told by the load. */
static enum err give_up_index(struct recovery *r)
{
    struct disk *disk = r->s->sys.disk;
    struct log *log = r->s->log;
    char what[INDEX_COPY_TEXT];
    enum err err;

    if (!give_ups_cover(&r->give_ups, GIVE_UP_INDEX, 0, 0))
        return OK;
    if ((err = index_check(disk, CATALOG_PATH, what, sizeof what)) == OK) {
        log_info(log, "store", "%s is whole: --give-up index does nothing", CATALOG_PATH);
        return OK;
    }
    if (err == ERR_NOMEM)
        return recovery_refuse(r, err, "%s", what);
    err = index_copy_take_place(disk, r->message, r->message_size);
    if (err == ERR_NOT_FOUND || err == ERR_CORRUPT)
        return OK;
    if (err == OK)
        log_error(log, "store", "%s; it is kept as %s, and the store goes on from %s, as --give-up index asks", what,
                  CATALOG_KEPT_PATH, CATALOG_COPY_PATH);
    return err;
}

/* Adds to the message what the way on is. */
static void advise(struct recovery *r, enum err err)
{
    char what[INDEX_COPY_TEXT];
    const enum err copy = index_check(r->s->sys.disk, CATALOG_COPY_PATH, what, sizeof what);
    const size_t len = strlen(r->message);
    char *end = r->message + len;

    if (copy == OK)
        snprintf(end, r->message_size - len,
                 ". Start with --give-up index, to go on from %s, which is whole: nothing that was promised is lost; "
                 "or restore a backup",
                 CATALOG_COPY_PATH);
    else if (err == ERR_CORRUPT && copy == ERR_NOT_FOUND)
        snprintf(end, r->message_size - len, ". There is no second copy of it: restore a backup");
    else if (err == ERR_CORRUPT)
        snprintf(end, r->message_size - len, ". Nor is its second copy of use (%s): restore a backup", what);
}

static bool is_damage(enum err err)
{
    return err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_IO;
}

static enum err open_and_load(struct recovery *r)
{
    struct store *s = r->s;
    enum err err;

    if (index_went_missing(s->sys.disk))
        return recovery_refuse(r, ERR_CORRUPT, "%s: is missing", CATALOG_PATH);
    if ((err = catalog_index_open(&s->index, s->sys.disk, CATALOG_PATH, r->message, r->message_size)) != OK)
        return err;
    return catalog_index_load(s->index, load_row, r, r->message, r->message_size);
}

enum err recovery_load_index(struct recovery *r)
{
    struct store *s = r->s;
    enum err err;

    if ((err = give_up_index(r)) != OK)
        return err;
    if ((err = open_and_load(r)) != OK) {
        if (is_damage(err))
            advise(r, err);
        return err;
    }
    index_copy_init(&s->index_copy, s->sys.disk, s->log);
    if ((err = index_copy_open(&s->index_copy, s->index)) != OK)
        return recovery_refuse(r, err, "%s", s->index_copy.failure);
    const struct index_mark mark = catalog_index_mark(s->index);
    if (mark.next_id > s->next_id)
        s->next_id = mark.next_id;
    if (mark.next_segment > s->next_segment)
        s->next_segment = mark.next_segment;
    return OK;
}

/* ---- for the tools ---- */

static enum err look_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    struct recovery *r = ctx;
    enum err err = load_row(r, table, row);

    r->look->rows[table]++;
    if (err == ERR_CORRUPT) {
        recovery_tell_found(
            r, &(struct damage){.file = CATALOG_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = r->message});
        err = OK;
    }
    return err;
}

static void index_damaged(void *ctx, const char *what)
{
    struct recovery *r = ctx;

    r->look->index_damaged = true;
    recovery_tell_found(r, &(struct damage){.file = CATALOG_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = what});
}

static void copy_damaged(void *ctx, const char *what)
{
    recovery_tell_found(
        ctx, &(struct damage){.file = CATALOG_COPY_PATH, .offset = DAMAGE_NOWHERE, .first = -1, .what = what});
}

static enum err pass_row(void *ctx, unsigned table, const struct catalog_row *row)
{
    (void)ctx;
    (void)table;
    (void)row;
    return OK;
}

/* One that stands elsewhere is no damage: the next start removes it. */
static enum err look_at_copy(struct recovery *r)
{
    struct catalog_index *x = NULL;
    char message[INDEX_COPY_TEXT];
    enum err err = catalog_index_look(&x, r->s->sys.disk, CATALOG_COPY_PATH, message, sizeof message);

    if (err == OK) {
        err = catalog_index_survey(x, pass_row, copy_damaged, r);
    } else if (err == ERR_NOT_FOUND) {
        err = OK;
    } else if (err == ERR_CORRUPT || err == ERR_VERSION) {
        copy_damaged(r, message + strlen(CATALOG_COPY_PATH ": "));
        err = OK;
    }
    catalog_index_close(x);
    return err == OK ? OK : recovery_refuse(r, err, "%s cannot be looked at: %s", CATALOG_COPY_PATH, err_text(err));
}

/* What is in the index, however much of it holds. */
static enum err look_at_first(struct recovery *r)
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
        return recovery_refuse(r, err, "%s cannot be looked at: %s", CATALOG_PATH, err_text(err));
    if (err == OK)
        r->look->mark = catalog_index_mark(s->index);
    return err;
}

enum err recovery_look_at_index(struct recovery *r)
{
    const enum err err = look_at_first(r);

    return err == OK ? look_at_copy(r) : err;
}
