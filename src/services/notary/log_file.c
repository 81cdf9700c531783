/* SPDX-License-Identifier: Apache-2.0
 *
 * log_file.c - appending to the log, and looking entries up.  (Opening: log_recovery.c.)
 */
#include "services/notary/log_file.h"

#include "base/list.h"
#include "services/notary/checkpoint.h"
#include "services/notary/log_file_private.h"
#include "services/notary/receipt.h"
#include <assert.h>
#include <stdlib.h>

#define APPEND_BYTES_MAX (64u << 20)

/* ---- the index ---- */

uint64_t log_file_hash(const struct log_file *l, struct bytes key)
{
    struct bytes parts[] = {bytes_of(l->seed, sizeof l->seed), key};
    struct digest d = digest_of_parts(parts, 2);

    return le64_get(d.bytes);
}

/* Two keys of one hash lie side by side: the second at hash + 1. */
enum err log_file_index(struct log_file *l, uint64_t hash, uint64_t offset)
{
    while (map_find_id(&l->index, hash))
        hash++;
    return map_put_id(&l->index, hash, (void *)(uintptr_t)offset);
}

/* Takes back the newest entry of this hash. */
static void unindex(struct log_file *l, uint64_t hash, uint64_t offset)
{
    while (map_find_id(&l->index, hash) != (void *)(uintptr_t)offset)
        hash++;
    map_remove_id(&l->index, hash);
}

/* ---- looking up ---- */

enum err log_file_read_tile(void *ctx, uint64_t offset, uint64_t first_index, struct digest leaves[LOG_TILE_LEAVES])
{
    struct log_file *l = ctx;
    uint64_t next = first_index;

    while (next < first_index + LOG_TILE_LEAVES) {
        struct log_found found;
        struct log_record record;
        enum err err = log_reader_record(&l->reader, offset, &found);
        if (err != OK)
            return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        offset = found.next;
        if (found.header.kind != LOG_ENTRY)
            continue;
        if (found.header.position != next || !log_entry_decode(&record, found.payload))
            return ERR_CORRUPT;
        leaves[next++ - first_index] = merkle_leaf(record.leaf);
    }
    return OK;
}

/* The record of this key; borrowed from the reader. */
static enum err find_record(struct log_file *l, struct bytes key, struct log_found *found, struct log_record *record)
{
    for (uint64_t hash = log_file_hash(l, key);; hash++) {
        uint64_t offset = (uint64_t)(uintptr_t)map_find_id(&l->index, hash);
        enum err err;
        if (offset == 0)
            return ERR_NOT_FOUND;
        if ((err = log_reader_record(&l->reader, offset, found)) != OK)
            return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        if (found->header.kind != LOG_ENTRY || !log_entry_decode(record, found->payload))
            return ERR_CORRUPT;
        if (bytes_equal(record->key, key))
            return OK;
    }
}

/* The first checkpoint behind a record: it is the one of the record's batch. */
static enum err find_checkpoint(struct log_file *l, uint64_t offset, struct log_found *found)
{
    do {
        enum err err = log_reader_record(&l->reader, offset, found);
        if (err != OK)
            return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        offset = found->next;
    } while (found->header.kind != LOG_CHECKPOINT);
    return OK;
}

static enum err find(struct transparency_log *port, struct bytes key, struct log_entry *out)
{
    struct log_file *l = container_of(port, struct log_file, port);
    struct log_entry e = {0};
    struct log_found found;
    struct log_record record;
    enum err err;

    if ((err = find_record(l, key, &found, &record)) != OK)
        return err;
    text_init(&e.leaf, LOG_PAYLOAD_MAX);
    text_init(&e.rest, LOG_PAYLOAD_MAX);
    text_init(&e.checkpoint, CHECKPOINT_BYTES_MAX);
    e.index = found.header.position;
    text_add_bytes(&e.leaf, record.leaf);
    text_add_bytes(&e.rest, record.rest);
    if ((err = find_checkpoint(l, found.next, &found)) != OK)
        goto out;
    text_add_bytes(&e.checkpoint, found.payload);
    err = e.index < found.header.position && found.header.position <= log_tree_size(&l->tree)
              ? merkle_inclusion(&l->tree.source, e.index, found.header.position, &e.proof)
              : ERR_CORRUPT;
    if (err == OK && (text_failed(&e.leaf) || text_failed(&e.rest) || text_failed(&e.checkpoint)))
        err = ERR_NOMEM;
out:
    if (err == OK)
        *out = e;
    else
        log_entry_deinit(&e);
    return err;
}

/* ---- appending ---- */

/* What one append writes, and what it will change in memory. */
struct batch {
    struct text bytes;
    struct digest *leaves;
    uint64_t *offsets;
    uint64_t *hashes;
    size_t count;
    size_t indexed; /* of them so far */
};

static void batch_deinit(struct batch *b)
{
    text_deinit(&b->bytes);
    free(b->leaves);
    free(b->offsets);
    free(b->hashes);
}

/* Signs the state that the tree will be in. */
static enum err encode_checkpoint(struct log_file *l, struct batch *b, const struct merkle_edge *edge)
{
    struct checkpoint c = {.size = edge->size, .root = merkle_edge_root(edge)};
    struct signature signature;
    struct text note;
    enum err err;

    text_init(&note, CHECKPOINT_BYTES_MAX);
    checkpoint_body(&c, l->origin.data, &note);
    err = text_failed(&note) ? ERR_NOMEM : signer_sign_now(l->signer, bytes_of(note.data, note.len), &signature);
    text_deinit(&note);
    if (err != OK)
        return err;
    checkpoint_seal(&c, l->origin.data, signer_key(l->signer), &signature, &note);
    log_checkpoint_encode(&b->bytes, l->batch + 1, c.size, bytes_of(note.data, note.len));
    if (text_failed(&note))
        err = ERR_NOMEM;
    text_deinit(&note);
    return err;
}

static enum err batch_build(struct log_file *l, struct batch *b, const struct log_record *records, size_t count)
{
    struct merkle_edge edge = l->tree.edge;

    text_init(&b->bytes, APPEND_BYTES_MAX);
    b->leaves = calloc(count, sizeof *b->leaves);
    b->offsets = calloc(count, sizeof *b->offsets);
    b->hashes = calloc(count, sizeof *b->hashes);
    b->count = count;
    if (!b->leaves || !b->offsets || !b->hashes)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if (records[i].key.len + records[i].leaf.len + records[i].rest.len + 8 > LOG_PAYLOAD_MAX)
            return ERR_TOO_LARGE;
        b->offsets[i] = l->end + b->bytes.len;
        b->hashes[i] = log_file_hash(l, records[i].key);
        b->leaves[i] = merkle_leaf(records[i].leaf);
        log_entry_encode(&b->bytes, l->batch + 1, edge.size, &records[i]);
        merkle_edge_append(&edge, &b->leaves[i], NULL, NULL);
    }
    return encode_checkpoint(l, b, &edge);
}

/* All memory that the change needs, before anything is written. */
static enum err batch_reserve(struct log_file *l, struct batch *b)
{
    enum err err = text_failed(&b->bytes) ? ERR_NOMEM : log_tree_reserve(&l->tree, b->count);

    for (; err == OK && b->indexed < b->count; b->indexed++)
        if ((err = log_file_index(l, b->hashes[b->indexed], b->offsets[b->indexed])) != OK)
            break;
    return err;
}

static void batch_withdraw(struct log_file *l, struct batch *b)
{
    while (b->indexed > 0) {
        b->indexed--;
        unindex(l, b->hashes[b->indexed], b->offsets[b->indexed]);
    }
}

/* The proof that the batch was synced; it rides on the next sync.  Without room for it, the batch goes unsealed. */
void log_file_seal(struct log_file *l)
{
    struct text seal;
    struct bytes bytes;

    text_init(&seal, LOG_RECORD_HEADER_LEN);
    log_seal_encode(&seal, l->batch, log_tree_size(&l->tree));
    bytes = bytes_of(seal.data, seal.len);
    if (!text_failed(&seal) && file_write(l->file, l->end, &bytes, 1) == OK) {
        l->end += seal.len;
        l->sealed = true;
    }
    text_deinit(&seal);
}

/* ERR_IO only when the file's state is unknown: a failed write is undone by cutting the file where it was. */
static enum err batch_write(struct log_file *l, const struct batch *b)
{
    struct bytes bytes = bytes_of(b->bytes.data, b->bytes.len);
    enum err err = file_write(l->file, l->end, &bytes, 1);

    log_reader_forget(&l->reader);
    if (err != OK) {
        if (file_truncate(l->file, l->end) == OK)
            return err == ERR_IO ? ERR_AGAIN : err;
    } else if (file_sync(l->file) == OK) {
        return OK;
    }
    l->failed = true;
    log_error(l->log, "notary", "the transparency log could not be written; it takes no more entries");
    return ERR_IO;
}

static enum err append(struct transparency_log *port, const struct log_record *records, size_t count)
{
    struct log_file *l = container_of(port, struct log_file, port);
    struct batch b = {0};
    enum err err;

    assert(count > 0);
    if (l->failed)
        return ERR_IO;
    if ((err = batch_build(l, &b, records, count)) != OK || (err = batch_reserve(l, &b)) != OK)
        goto out;
    if ((err = batch_write(l, &b)) != OK)
        goto out;
    for (size_t i = 0; i < count; i++)
        log_tree_append(&l->tree, &b.leaves[i], b.offsets[i]);
    b.indexed = 0; /* the index keeps them */
    l->batch++;
    l->end += b.bytes.len;
    log_file_seal(l);
out:
    batch_withdraw(l, &b);
    batch_deinit(&b);
    return err;
}

static const char *url(struct transparency_log *port)
{
    return container_of(port, struct log_file, port)->url;
}

const struct transparency_log_ops log_file_ops = {.url = url, .find = find, .append = append};

/* ---- the rest ---- */

struct transparency_log *log_file_port(struct log_file *l)
{
    return &l->port;
}

uint64_t log_file_size(const struct log_file *l)
{
    return log_tree_size(&l->tree);
}

struct digest log_file_root(const struct log_file *l)
{
    return merkle_edge_root(&l->tree.edge);
}

enum err log_file_consistency(struct log_file *l, uint64_t old_size, struct merkle_proof *out)
{
    return merkle_consistency(&l->tree.source, old_size, log_tree_size(&l->tree), out);
}

void log_file_free(struct log_file *l)
{
    file_close(l->file);
    log_reader_deinit(&l->reader);
    log_tree_deinit(&l->tree);
    map_deinit(&l->index);
    text_deinit(&l->origin);
    free(l->url);
    free(l);
}

void log_file_close(struct log_file *l)
{
    if (!l)
        return;
    if (!l->failed && l->sealed && file_sync(l->file) != OK)
        log_warn(l->log, "notary", "the transparency log's seal could not be synced; no entry is affected");
    log_file_free(l);
}
