/* SPDX-License-Identifier: Apache-2.0
 *
 * draft.c - records counted by their bytes; leaves remembered for the root.
 */
#include "services/notary/draft.h"

#include "services/notary/checkpoint.h"
#include "services/notary/receipt.h"
#include <assert.h>
#include <stdlib.h>

enum err draft_init(struct draft *d, struct book *book, struct signer *log_key, const char *log_url)
{
    memset(d, 0, sizeof *d);
    d->book = book;
    d->log_key = log_key;
    text_init(&d->origin, CHECKPOINT_ORIGIN_MAX);
    receipt_origin(log_url, &signer_key(log_key)->log_id, &d->origin);
    return text_failed(&d->origin) ? ERR_NOMEM : OK;
}

void draft_drop(struct draft *d)
{
    json_decref(d->records);
    d->records = NULL;
    d->bytes = 0;
    d->leaves_count = 0;
}

void draft_deinit(struct draft *d)
{
    draft_drop(d);
    free(d->leaves);
    text_deinit(&d->origin);
    memset(d, 0, sizeof *d);
}

static size_t record_bytes(const json_t *record)
{
    return json_dumpb(record, NULL, 0, JSON_COMPACT) + 1; /* a comma */
}

bool draft_fits(const json_t *record)
{
    return record_bytes(record) <= DRAFT_RECORD_MAX;
}

/* ---- the checkpoint ---- */

/* Appends the signed note of the log with the draft's leaves. */
static enum err seal(struct draft *d, const struct checkpoint *c, struct text *note)
{
    struct signature signature;
    struct text body;
    enum err err;

    text_init(&body, CHECKPOINT_BYTES_MAX);
    checkpoint_body(c, d->origin.data, &body);
    err = text_failed(&body) ? ERR_NOMEM : signer_sign_now(d->log_key, bytes_of(body.data, body.len), &signature);
    text_deinit(&body);
    if (err != OK)
        return err;
    checkpoint_seal(c, d->origin.data, signer_key(d->log_key), &signature, note);
    return text_failed(note) ? ERR_NOMEM : OK;
}

static enum err add_checkpoint(struct draft *d)
{
    struct checkpoint c = {.size = d->book->ops->log_size(d->book) + d->leaves_count};
    struct text note;
    json_t *record;
    enum err err = d->book->ops->root_with(d->book, d->leaves, d->leaves_count, &c.root);

    if (err != OK)
        return err;
    text_init(&note, CHECKPOINT_BYTES_MAX);
    if ((err = seal(d, &c, &note)) == OK) {
        record = json_pack("{s:s, s:s%, s:I}", "kind", "checkpoint", "note", note.data, note.len, "size",
                           (json_int_t)c.size);
        err = json_array_append_new(d->records, record) == 0 ? OK : ERR_NOMEM;
    }
    text_deinit(&note);
    return err;
}

/* ---- records ---- */

enum err draft_flush(struct draft *d)
{
    json_t *records;
    enum err err;

    if (!d->records)
        return OK;
    if (d->leaves_count && (err = add_checkpoint(d)) != OK)
        return err;
    records = d->records;
    d->records = NULL;
    draft_drop(d);
    return d->book->ops->append(d->book, records);
}

static enum err note_leaf(struct draft *d, const json_t *record)
{
    const json_t *leaf = json_object_get(record, "leaf");

    if (!leaf)
        return OK;
    if (d->leaves_count == d->leaves_capacity) {
        size_t capacity = d->leaves_capacity ? 2 * d->leaves_capacity : 16;
        struct bytes *more = realloc(d->leaves, capacity * sizeof *more);
        if (!more)
            return ERR_NOMEM;
        d->leaves = more;
        d->leaves_capacity = capacity;
    }
    d->leaves[d->leaves_count++] = bytes_of(json_string_value(leaf), json_string_length(leaf));
    return OK;
}

static enum err put(struct draft *d, json_t *record, size_t bytes)
{
    enum err err;

    if (d->bytes + bytes > DRAFT_RECORD_MAX && (err = draft_flush(d)) != OK)
        return err;
    if (!d->records && !(d->records = json_array()))
        return ERR_NOMEM;
    if (json_array_append(d->records, record) != 0)
        return ERR_NOMEM;
    d->bytes += bytes;
    return note_leaf(d, record);
}

enum err draft_add(struct draft *d, json_t *record)
{
    size_t bytes;
    enum err err;

    if (!record)
        return ERR_NOMEM;
    bytes = record_bytes(record);
    assert(bytes <= DRAFT_RECORD_MAX);
    err = put(d, record, bytes);
    json_decref(record);
    return err;
}
