/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint_index.c - a checkpoint's worker: the ledgers' and cursors' rows, and the transaction that makes it true,
 * applied to the index and then to its copy.
 *
 * The rows are encoded when the segments are durable.  From the transaction on the index refers to them.
 */
#include "store/checkpoint_parts.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>

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

static enum err add_ledger_row(struct checkpoint *c, struct moved_ledger *m)
{
    const struct catalog_row row = {.id = m->info.id, .parent = m->info.topic};
    uint8_t *value;
    const size_t size = ledger_info_size(&m->info);
    enum err err =
        index_batch_put_space(&c->rows, INDEX_LEDGER, &row, size + m->extent_count * EXTENT_ENCODED, &value);

    if (err != OK)
        return err;
    list_extents(m);
    ledger_info_encode(&m->info, value);
    for (size_t i = 0; i < m->extent_count; i++)
        extent_encode(value + size + i * EXTENT_ENCODED, &m->extents[i]);
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

/* To be tried again, where that makes sense: what is there already is written over with the same. */
enum err checkpoint_apply(struct checkpoint *c)
{
    enum err err = catalog_index_apply(c->index, &c->rows, &c->mark);

    if (err != OK)
        snprintf(c->failure, sizeof c->failure, "%s", catalog_index_failure(c->index));
    else if ((err = index_copy_apply(c->copy, c->index, &c->rows, &c->mark)) != OK)
        snprintf(c->failure, sizeof c->failure, "%.150s", c->copy->failure);
    c->fatal = err != OK && err != ERR_NOSPACE && err != ERR_NOMEM;
    return err;
}

void checkpoint_run(struct checkpoint *c)
{
    c->fatal = false;
    c->err = OK;
    if (!c->rows_complete) {
        c->err = checkpoint_write_segments(c);
        if (c->err == OK)
            c->err = add_rows(c);
        if (c->err != OK) {
            snprintf(c->failure, sizeof c->failure, "segments could not be written: %s", err_text(c->err));
            if (!c->fatal)
                checkpoint_unlink_segments(c);
            return;
        }
        c->rows_complete = true;
    }
    c->err = checkpoint_apply(c);
}
