/* SPDX-License-Identifier: Apache-2.0
 *
 * book_file.c - records taken apart into what the log file keeps, and put together again.
 *
 * The log file makes its own checkpoints, so the records' are passed over.
 */
#include "services/notary/book_file.h"

#include "base/list.h"
#include "services/notary/receipt.h"
#include <stdlib.h>

static struct transparency_log *log_of(struct book *book)
{
    return container_of(book, struct book_file, book)->log;
}

static struct bytes member(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);

    return bytes_of(json_string_value(text), json_string_length(text));
}

static enum err append(struct book *book, json_t *records)
{
    struct log_record *entries = calloc(json_array_size(records), sizeof *entries);
    size_t count = 0;
    enum err err = entries ? OK : ERR_NOMEM;

    for (size_t i = 0; entries && i < json_array_size(records); i++) {
        const json_t *record = json_array_get(records, i);
        const json_t *result = json_array_get(json_object_get(record, "results"), 0);
        if (result)
            entries[count++] =
                (struct log_record){member(result, "event_id"), member(record, "leaf"), member(result, "rest")};
    }
    if (count)
        err = log_append(log_of(book), entries, count);
    free(entries);
    json_decref(records);
    return err;
}

static enum err find(struct book *book, const char *event_id, struct registry_result *out)
{
    struct log_entry entry;
    char hash[RECEIPT_HASH_SIZE];
    enum err err = log_find(log_of(book), bytes_of_text(event_id), &entry);

    if (err != OK)
        return err;
    memset(out, 0, sizeof *out);
    out->index = entry.index;
    out->number = entry.index + 1;
    out->leaf = entry.leaf;
    out->rest = entry.rest;
    out->checkpoint = entry.checkpoint;
    out->proof = entry.proof;
    text_init(&out->event_hash, RECEIPT_HASH_SIZE);
    if ((err = receipt_leaf_evidence(bytes_of(entry.leaf.data, entry.leaf.len), hash)) == OK)
        text_add(&out->event_hash, hash);
    if (err == OK && text_failed(&out->event_hash))
        err = ERR_NOMEM;
    if (err != OK)
        book_result_deinit(out);
    return err;
}

static enum err result_at(struct book *book, uint64_t number, struct registry_result *out)
{
    return ERR_NOT_FOUND;
}

static uint64_t no_number(struct book *book)
{
    return 0;
}

static enum err root_with(struct book *book, const struct bytes *leaves, size_t count, struct digest *out)
{
    *out = merkle_empty();
    return OK;
}

static enum err open_workflows(struct book *book, bool (*visit)(void *ctx, const char *event_id, const json_t *records),
                               void *ctx)
{
    return OK;
}

static enum err unanchored(struct book *book, const char *anchor, uint64_t *indexes, size_t max, size_t *count)
{
    *count = 0;
    return OK;
}

static enum err entry(struct book *book, uint64_t index, struct text *leaf, struct text *event_id)
{
    return ERR_NOT_FOUND;
}

static const struct book_ops ops = {
    .append = append,
    .find = find,
    .result_at = result_at,
    .result_count = no_number,
    .published = no_number,
    .log_size = no_number,
    .root_with = root_with,
    .open_workflows = open_workflows,
    .unanchored = unanchored,
    .entry = entry,
};

void book_file_init(struct book_file *b, struct transparency_log *log)
{
    b->book.ops = &ops;
    b->log = log;
}
