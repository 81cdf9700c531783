/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_write.c - one batch to the disk; see journal_write.h.
 *
 * Checksums of the records and of the batch are computed here, off the core, in one pass over the bytes of large
 * records: the batch's is joined from theirs.
 */
#include "store/journal_write.h"

#include "base/checksum.h"

#include <assert.h>
#include <stdlib.h>

#define JOIN_BYTES 16384u /* from here on two checksums are sooner joined than one is computed again */

static const uint8_t zeros[64 * 1024];

struct parts {
    struct bytes *list;
    size_t count;
};

static void parts_add(struct parts *p, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    struct bytes *last = p->count ? &p->list[p->count - 1] : NULL;
    if (last && last->data + last->len == data)
        last->len += len;
    else
        p->list[p->count++] = bytes_of(data, len);
}

static void parts_add_zeros(struct parts *p, uint64_t len)
{
    while (len > 0) {
        size_t piece = len < sizeof zeros ? (size_t)len : sizeof zeros;
        p->list[p->count++] = bytes_of(zeros, piece);
        len -= piece;
    }
}

/* Seals the record and lists its bytes.  Returns the batch's checksum, continued over them. */
static uint32_t parts_add_record(struct parts *p, const struct batch_item *item, uint32_t crc)
{
    const bool apart = item->entry && !item->gathered;
    const struct bytes rest = apart ? slice_bytes(item->bytes) : bytes_of(NULL, 0);
    const uint32_t own = record_seal(item->head, item->head_len, rest); /* of all but the first 8 bytes */

    parts_add(p, item->head, item->head_len);
    parts_add(p, rest.data, rest.len);
    if (rest.len >= JOIN_BYTES)
        return crc32c_join(crc32c(crc, bytes_of(item->head, 8)), own, item->head_len - 8 + rest.len);
    return crc32c(crc32c(crc, bytes_of(item->head, item->head_len)), rest);
}

/* Returns the batch's checksum. */
static uint32_t parts_add_records(struct parts *p, const struct batch *b, uint32_t crc)
{
    for (size_t i = 0; i < b->count; i++)
        crc = parts_add_record(p, &b->items[i], crc);
    return crc;
}

enum err journal_write_zeros(struct file *f, uint64_t offset, uint64_t len)
{
    while (len > 0) {
        struct bytes parts[16];
        size_t count = 0;
        uint64_t at = offset;
        for (; count < 16 && len > 0; count++) {
            parts[count] = bytes_of(zeros, len < sizeof zeros ? (size_t)len : sizeof zeros);
            offset += parts[count].len;
            len -= parts[count].len;
        }
        enum err err = file_write(f, at, parts, count);
        if (err != OK)
            return err;
    }
    return OK;
}

enum err journal_file_make(struct disk *disk, uint64_t number, uint64_t len, bool *sync_failed)
{
    char path[JOURNAL_PATH_SIZE];
    struct file *f = NULL;
    enum err err;

    *sync_failed = false;
    journal_path(path, number);
    if ((err = disk_open(disk, path, DISK_WRITE | DISK_CREATE, &f)) != OK)
        return err;
    if ((err = journal_write_zeros(f, 0, len)) == OK) {
        if ((err = file_sync(f)) == OK)
            err = disk->ops->sync_dir(disk, JOURNAL_DIR);
        *sync_failed = err != OK;
    }
    file_close(f);
    if (err != OK && !*sync_failed)
        (void)disk->ops->unlink(disk, path); /* gives the space back; it holds nothing */
    return err;
}

static enum err switch_file(struct journal_write *w)
{
    char path[JOURNAL_PATH_SIZE];
    struct file *next = NULL;
    bool sync_failed;
    enum err err;

    if (w->unsynced > 0 && w->file && (err = file_sync(w->file)) != OK) {
        w->stage = WRITE_STAGE_SYNC;
        return err;
    }
    if (w->create && (err = journal_file_make(w->disk, w->number, w->prefix, &sync_failed)) != OK) {
        if (sync_failed)
            w->stage = WRITE_STAGE_SYNC;
        return err;
    }
    journal_path(path, w->number);
    if ((err = disk_open(w->disk, path, DISK_WRITE | DISK_DIRECT, &next)) != OK)
        return err;
    file_close(w->file);
    w->file = next;
    file_advise(w->file, 0, w->useless, FILE_PASSED);
    w->switched = true;
    return OK;
}

/* The first job after a start may go on in a file of an earlier life. */
static enum err continue_file(struct journal_write *w)
{
    char path[JOURNAL_PATH_SIZE];

    if (w->file)
        return OK;
    journal_path(path, w->number);
    return disk_open(w->disk, path, DISK_WRITE | DISK_DIRECT, &w->file);
}

/* Writes header, batch and padding, and zeros behind them, in one call. */
static enum err write_parts(struct journal_write *w, struct parts *p, uint8_t *file_header)
{
    uint8_t head[JOURNAL_BATCH_HEADER_SIZE];
    struct batch_header header = {
        .number = w->batch->number,
        .generation = w->file_header.generation,
        .payload_len = (uint32_t)w->batch->payload,
        .previous_crc = w->previous_crc,
        .records = (uint32_t)w->batch->count,
        .kind = w->batch->kind,
        .unsynced = w->switched ? 0 : w->unsynced,
        .pad = w->pad,
    };
    uint64_t offset = w->offset;
    enum err err;

    if (w->with_header) {
        assert(offset == JOURNAL_HEADER_SIZE);
        journal_file_header_encode(file_header, &w->file_header);
        parts_add(p, file_header, JOURNAL_HEADER_SIZE);
        offset = 0;
    }
    p->list[p->count++] = bytes_of(head, sizeof head);
    const uint32_t crc = batch_header_begin(head, &header, w->file_header.salt);
    batch_header_end(head, &header, parts_add_records(p, w->batch, crc));
    w->crc = header.crc;
    parts_add_zeros(p, w->span - sizeof head - w->batch->payload + w->fill);

    const size_t without = p->count;
    parts_add_zeros(p, w->zeros);
    err = file_write(w->file, offset, p->list, p->count);
    w->extended = w->room ? w->extended : err == OK;
    /* What must not wait for space (deletions, acknowledgements) fits into the zeros written ahead earlier. */
    if (err == ERR_NOSPACE && w->zeros > 0 && w->batch->entries == 0)
        err = file_write(w->file, offset, p->list, without);
    return err;
}

static enum err write_batch(struct journal_write *w)
{
    uint8_t *file_header = NULL;
    struct parts p = {0};
    enum err err;

    /* A record is one or two parts; then the two headers, the padding, and the zeros. */
    p.list = malloc((2 * w->batch->count + 4 + (size_t)(w->zeros / sizeof zeros) + 1) * sizeof *p.list);
    file_header = malloc(JOURNAL_HEADER_SIZE);
    err = p.list && file_header ? write_parts(w, &p, file_header) : ERR_NOMEM;
    free(file_header);
    free(p.list);
    return err;
}

void journal_write_run(struct journal_write *w)
{
    w->stage = WRITE_STAGE_PREPARE;
    w->switched = w->extended = false;
    if ((w->err = w->switch_file ? switch_file(w) : continue_file(w)) != OK)
        return;
    w->stage = WRITE_STAGE_WRITE;
    if (w->room) /* else it is the write that finds no space, or finds it all the same */
        w->extended = file_allocate(w->file, w->room) == OK;
    if ((w->err = write_batch(w)) != OK)
        return;
    w->stage = WRITE_STAGE_SYNC;
    if (w->sync && (w->err = file_sync(w->file)) != OK)
        return;
    w->stage = WRITE_STAGE_DONE;
}

void journal_write_close(struct journal_write *w)
{
    file_close(w->file);
    w->file = NULL;
}
