/* SPDX-License-Identifier: Apache-2.0
 *
 * draft.c - records counted by their bytes, and written: with the root over their leaves, in parts where they must be.
 */
#include "services/notary/draft.h"

#include "services/notary/documents/checkpoint.h"
#include "services/notary/documents/receipt.h"
#include "services/notary/journal/records.h"
#include <stdlib.h>

#define RECORD_MAX_LEAST (4u << 10) /* a broker that takes no more than this is none for us */

enum err draft_init(struct draft *d, struct book *book, struct signer *log_key, const char *log_url, struct log *log)
{
    memset(d, 0, sizeof *d);
    d->record_max = DRAFT_RECORD_MAX;
    d->log = log;
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
    return record_size(record) + 1; /* a comma */
}

bool draft_fits(const struct draft *d, const json_t *record)
{
    return record_bytes(record) <= d->record_max;
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

static enum err add_checkpoint(struct draft *d, json_t *document)
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
        err = json_array_append_new(document, record) == 0 ? OK : ERR_NOMEM;
    }
    text_deinit(&note);
    return err;
}

/* ---- writing ---- */

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

static enum err note_leaves(struct draft *d, const json_t *records)
{
    enum err err = OK;

    d->leaves_count = 0;
    for (size_t i = 0; i < json_array_size(records) && err == OK; i++)
        err = note_leaf(d, json_array_get(records, i));
    return err;
}

/* Those from `begin` to before `end`, as one document. */
static enum err write_document(struct draft *d, const json_t *records, size_t begin, size_t end)
{
    json_t *document = json_array();
    enum err err = document ? OK : ERR_NOMEM;

    for (size_t i = begin; i < end && err == OK; i++)
        err = json_array_append(document, json_array_get(records, i)) == 0 ? OK : ERR_NOMEM;
    if (err == OK)
        err = note_leaves(d, document);
    if (err == OK && d->leaves_count)
        err = add_checkpoint(d, document);
    if (err == OK)
        return d->book->ops->append(d->book, document);
    json_decref(document);
    return err;
}

/* The next bound is well below: each one that is found out costs a term. */
static enum err learn(struct draft *d, const json_t *record)
{
    size_t bytes = record_bytes(record);

    if (bytes <= RECORD_MAX_LEAST)
        return ERR_TOO_LARGE;
    d->record_max = bytes - bytes / 8;
    log_warn(d->log, "notary",
             "the broker takes no message with a record of %zu bytes: what needs one of more than %zu is refused, or "
             "fails (its maxMessageSize should be 5 MiB)",
             bytes, d->record_max);
    return ERR_FENCED;
}

/* A broker may take less than we would write at once: then it is halved, down to single records. */
static enum err write_records(struct draft *d, const json_t *records, size_t begin, size_t end)
{
    enum err err = write_document(d, records, begin, end);
    size_t middle = begin + (end - begin) / 2;

    if (err == ERR_TOO_LARGE && end - begin == 1)
        return learn(d, json_array_get(records, begin));
    if (err != ERR_TOO_LARGE)
        return err;
    err = write_records(d, records, begin, middle);
    return err == OK ? write_records(d, records, middle, end) : err;
}

enum err draft_flush(struct draft *d)
{
    json_t *records = d->records;
    enum err err = OK;

    d->records = NULL;
    if (records)
        err = write_records(d, records, 0, json_array_size(records));
    draft_drop(d);
    json_decref(records);
    return err;
}

/* ---- records ---- */

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
    return OK;
}

enum err draft_add(struct draft *d, json_t *record)
{
    size_t bytes;
    enum err err;

    if (!record)
        return ERR_NOMEM;
    bytes = record_bytes(record);
    err = bytes <= d->record_max ? put(d, record, bytes) : ERR_TOO_LARGE;
    json_decref(record);
    return err;
}
