/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_index.c - step 2: the rows of the catalog index, into memory.
 */
#include "store/recovery_private.h"

#include "store/damage.h"

#include <inttypes.h>
#include <stdlib.h>

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

enum err recovery_load_index(struct recovery *r)
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

/* What is in the index, however much of it holds. */
enum err recovery_look_at_index(struct recovery *r)
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
