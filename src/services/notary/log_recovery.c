/* SPDX-License-Identifier: Apache-2.0
 *
 * log_recovery.c - opening the log: begin it, or read all of it and believe nothing.
 *
 *     header -> record after record: entries of a batch -> its checkpoint -> root recomputed and compared
 *            -> at the first record that is not whole: proof behind it? refuse : cut
 *            -> the last checkpoint's signature (it covers all that is before it)
 *            -> the last batch written again and synced, since a killed process may have left it in memory only
 */
#include "services/notary/log_file.h"

#include "services/notary/checkpoint.h"
#include "services/notary/log_file_private.h"
#include "services/notary/receipt.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* An entry whose batch has no checkpoint yet. */
struct pending {
    uint64_t offset, hash;
    struct digest leaf;
};

struct recovery {
    struct log_file *l;
    char *message;
    size_t message_size;
    uint64_t offset; /* of the record at hand */
    struct pending *pending;
    size_t count, capacity;
    uint64_t batch_start; /* of the last whole batch */
    struct checkpoint checkpoint;
    struct signature signature; /* of that checkpoint, to be checked when it proves to be the last */
};

static PRINTF_LIKE(3, 4) enum err refuse(struct recovery *r, enum err err, const char *format, ...)
{
    va_list args;
    int len = snprintf(r->message, r->message_size, "%s: ", LOG_FILE_PATH);

    va_start(args, format);
    vsnprintf(r->message + len, r->message_size - (size_t)len, format, args);
    va_end(args);
    return err;
}

static uint64_t next_index(const struct recovery *r)
{
    return log_tree_size(&r->l->tree) + r->count;
}

static enum err add_pending(struct recovery *r, struct pending p)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 64;
        struct pending *more = reallocarray(r->pending, capacity, sizeof *more);
        if (!more)
            return ERR_NOMEM;
        r->pending = more;
        r->capacity = capacity;
    }
    r->pending[r->count++] = p;
    return OK;
}

/* A whole record that the log could not have written here is no record at all. */
static bool is_expected(const struct recovery *r, const struct log_record_header *h)
{
    switch (h->kind) {
    case LOG_ENTRY:
        return h->batch == r->l->batch + 1 && h->position == next_index(r);
    case LOG_CHECKPOINT:
        return h->batch == r->l->batch + 1 && h->position == next_index(r) && r->count > 0;
    default:
        return h->batch == r->l->batch && h->position == next_index(r) && r->count == 0;
    }
}

static enum err take_entry(struct recovery *r, struct bytes payload)
{
    struct log_record record;

    if (!log_entry_decode(&record, payload) || !r->l->record_holds(record.key, record.leaf, record.rest))
        return refuse(r, ERR_CORRUPT,
                      "entry %" PRIu64 " at byte %" PRIu64 " was changed: its parts do not belong together",
                      next_index(r), r->offset);
    return add_pending(r, (struct pending){.offset = r->offset,
                                           .hash = log_file_hash(r->l, record.key),
                                           .leaf = merkle_leaf(record.leaf)});
}

/* The batch's entries become part of the tree. */
static enum err take_pending(struct recovery *r)
{
    enum err err = log_tree_reserve(&r->l->tree, r->count);

    for (size_t i = 0; err == OK && i < r->count; i++) {
        log_tree_append(&r->l->tree, &r->pending[i].leaf, r->pending[i].offset);
        err = log_file_index(r->l, r->pending[i].hash, r->pending[i].offset);
    }
    return err;
}

static enum err take_checkpoint(struct recovery *r, struct bytes note)
{
    struct log_file *l = r->l;
    const uint8_t *end = memchr(note.data, '\n', note.len);
    struct bytes origin = bytes_of(note.data, end ? (size_t)(end - note.data) : 0);
    uint64_t first = log_tree_size(&l->tree);
    struct digest root;
    enum err err;

    if (!bytes_equal(origin, bytes_of(l->origin.data, l->origin.len)))
        return refuse(r, ERR_INVALID,
                      "the log was begun as %.*s, and is now to be %s; restore notary.log.url and the key",
                      (int)(origin.len < 300 ? origin.len : 300), (const char *)origin.data, l->origin.data);
    err = checkpoint_read(&r->checkpoint, &r->signature, note, l->origin.data, signer_key(l->signer));
    if (err == ERR_NOMEM || (err == OK && (err = take_pending(r)) != OK))
        return err;
    root = log_file_root(l);
    if (err != OK || r->checkpoint.size != log_tree_size(&l->tree) || !digest_equal(&root, &r->checkpoint.root))
        return refuse(r, ERR_CORRUPT,
                      "entries %" PRIu64 " to %" PRIu64 " (up to byte %" PRIu64
                      ") were changed: their root is not the one "
                      "that the checkpoint signs",
                      first, first + r->count - 1, r->offset);
    r->batch_start = r->pending[0].offset;
    r->count = 0;
    l->batch++;
    return OK;
}

static enum err take_record(struct recovery *r, const struct log_found *found)
{
    enum err err = OK;

    if (found->header.kind == LOG_ENTRY)
        err = take_entry(r, found->payload);
    else if (found->header.kind == LOG_CHECKPOINT)
        err = take_checkpoint(r, found->payload);
    if (err != OK)
        return err;
    r->offset = found->next;
    r->l->sealed = found->header.kind == LOG_SEAL;
    if (found->header.kind != LOG_ENTRY)
        r->l->end = found->next;
    return OK;
}

/* What is behind the last whole batch: a batch that was never acknowledged, or damage. */
static enum err judge_tail(struct recovery *r)
{
    struct log_file *l = r->l;
    uint64_t size;
    bool proof;
    enum err err;

    if ((err = log_reader_find_proof(&l->reader, r->offset, l->batch + 1, &proof)) != OK)
        return err;
    if (proof)
        return refuse(r, ERR_CORRUPT,
                      "entry %" PRIu64 "%s at byte %" PRIu64
                      " is damaged: its checksum does not match, and what follows "
                      "proves that it was complete once",
                      next_index(r), r->count ? " (or the checkpoint before it)" : "", r->offset);
    if ((err = file_size(l->file, &size)) != OK || size == l->end)
        return err;
    log_warn(l->log, "notary",
             "the transparency log ends in %" PRIu64
             " bytes of an unfinished batch, which nobody was told of; they are cut",
             size - l->end);
    log_reader_forget(&l->reader);
    return file_truncate(l->file, l->end);
}

static enum err scan(struct recovery *r)
{
    struct log_found found;
    enum err err;

    while ((err = log_reader_record(&r->l->reader, r->offset, &found)) == OK && is_expected(r, &found.header))
        if ((err = take_record(r, &found)) != OK)
            return err;
    if (err != OK && err != ERR_NOT_FOUND && err != ERR_CORRUPT)
        return err;
    return judge_tail(r);
}

static enum err check_last_signature(struct recovery *r)
{
    if (r->l->batch == 0 ||
        checkpoint_is_signed(&r->checkpoint, r->l->origin.data, signer_key(r->l->signer), &r->signature))
        return OK;
    return refuse(r, ERR_CORRUPT, "the checkpoint over all %" PRIu64 " entries is not signed by this notary's key",
                  r->checkpoint.size);
}

/* Bytes read back may have been in the page cache only, perhaps after a sync that failed; written again they are not.
 */
static enum err sync_again(struct recovery *r)
{
    struct log_file *l = r->l;
    uint64_t len = l->batch ? l->end - r->batch_start : 0;
    uint8_t *bytes = malloc(len + 1);
    size_t got;
    enum err err = ERR_NOMEM;

    if (bytes && (err = file_read(l->file, r->batch_start, bytes, len, &got)) == OK) {
        struct bytes part = bytes_of(bytes, len);
        err = got == len ? OK : ERR_IO;
        if (err == OK && len > 0)
            err = file_write(l->file, r->batch_start, &part, 1);
        if (err == OK)
            err = file_sync(l->file);
    }
    free(bytes);
    return err;
}

static enum err recover(struct recovery *r)
{
    enum err err;

    r->offset = r->l->end = LOG_FILE_HEADER_LEN;
    log_reader_scan(&r->l->reader, true);
    if ((err = scan(r)) != OK || (err = check_last_signature(r)) != OK || (err = sync_again(r)) != OK)
        return err;
    log_reader_scan(&r->l->reader, false);
    if (r->l->batch > 0 && !r->l->sealed)
        log_file_seal(r->l);
    return OK;
}

/* ---- the file ---- */

/* Written aside and renamed: a file of this name has a whole header. */
static enum err begin_file(struct disk *disk, const struct digest *log_id)
{
    static const char aside[] = LOG_FILE_PATH ".new";
    uint8_t header[LOG_FILE_HEADER_LEN];
    struct bytes bytes = bytes_of(header, sizeof header);
    struct file *file;
    enum err err;

    log_file_header_encode(header, log_id);
    if ((err = disk_open(disk, aside, DISK_WRITE | DISK_CREATE, &file)) != OK)
        return err;
    if ((err = file_truncate(file, 0)) == OK && (err = file_write(file, 0, &bytes, 1)) == OK)
        err = file_sync(file);
    file_close(file);
    if (err != OK || (err = disk->ops->rename(disk, aside, LOG_FILE_PATH)) != OK)
        return err;
    return disk->ops->sync_dir(disk, ".");
}

static enum err open_file(struct log_file *l)
{
    enum err err = disk_open(l->disk, LOG_FILE_PATH, DISK_READ | DISK_WRITE, &l->file);

    if (err != ERR_NOT_FOUND)
        return err;
    if ((err = begin_file(l->disk, &signer_key(l->signer)->log_id)) != OK)
        return err;
    return disk_open(l->disk, LOG_FILE_PATH, DISK_READ | DISK_WRITE, &l->file);
}

static enum err check_header(struct recovery *r)
{
    uint8_t header[LOG_FILE_HEADER_LEN];
    struct digest log_id;
    char hex[DIGEST_HEX_SIZE];
    size_t got;
    enum err err = file_read(r->l->file, 0, header, sizeof header, &got);

    if (err != OK)
        return err;
    err = got == sizeof header ? log_file_header_decode(header, &log_id) : ERR_CORRUPT;
    if (err == ERR_VERSION)
        return refuse(r, err, "the log's format is newer than this program");
    if (err != OK)
        return refuse(r, err, "this is not a transparency log: its header is damaged");
    if (digest_equal(&log_id, &signer_key(r->l->signer)->log_id))
        return OK;
    digest_hex(&log_id, hex);
    return refuse(r, ERR_INVALID, "the log belongs to another key, with the log id %s", hex);
}

static enum err log_file_new(struct log_file **out, const struct log_file_options *options)
{
    struct log_file *l = calloc(1, sizeof *l);
    uint64_t map_seed;

    if (!l)
        return ERR_NOMEM;
    memcpy(l->seed, options->seed, sizeof l->seed);
    memcpy(&map_seed, options->seed, sizeof map_seed);
    l->port.ops = &log_file_ops;
    l->disk = options->disk;
    l->signer = options->signer;
    l->log = options->log;
    l->record_holds = options->record_holds;
    l->url = strdup(options->url);
    text_init(&l->origin, CHECKPOINT_ORIGIN_MAX);
    receipt_origin(options->url, &signer_key(options->signer)->log_id, &l->origin);
    map_init(&l->index, map_seed);
    log_tree_init(&l->tree, log_file_read_tile, l);
    if (!l->url || text_failed(&l->origin)) {
        log_file_free(l);
        return ERR_NOMEM;
    }
    *out = l;
    return OK;
}

enum err log_file_open(struct log_file **out, const struct log_file_options *options, char *message,
                       size_t message_size)
{
    struct recovery r = {.message = message, .message_size = message_size};
    struct log_file *l = NULL;
    enum err err;

    message[0] = '\0';
    if ((err = log_file_new(&l, options)) != OK)
        return err;
    r.l = l;
    if ((err = open_file(l)) != OK || (err = log_reader_init(&l->reader, l->file)) != OK ||
        (err = check_header(&r)) != OK || (err = recover(&r)) != OK)
        goto out;
    *out = l; /* the caller owns it now */
    l = NULL;
out:
    free(r.pending);
    if (l)
        log_file_free(l);
    return err;
}

bool log_file_exists(struct disk *disk)
{
    struct file *file;

    if (disk_open(disk, LOG_FILE_PATH, DISK_READ, &file) != OK)
        return false;
    file_close(file);
    return true;
}
