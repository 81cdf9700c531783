/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_write.c - one batch to the disk; see journal_write.h.
 *
 * Checksums of the records and of the batch are computed here, off the core: those of records from what is known of
 * their entries' bytes, of which then none is looked at, and the batch's from the records'.  A whole batch is copied
 * together in the same pass, while the processor has at hand what it looked at, for a write past the page cache wants
 * it aligned.
 */
#include "store/journal_write.h"

#include "base/checksum.h"

#include <assert.h>
#include <stdlib.h>

#define IMAGE_MAX  (8u * 1024 * 1024) /* a larger batch, of one record, is not gathered */
#define IMAGE_UNIT (64u * 1024)

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

    if (w->unsynced > 0 && w->target->file && (err = file_sync(w->target->file)) != OK) {
        w->stage = WRITE_STAGE_SYNC;
        return err;
    }
    if (w->create && (err = journal_file_make(w->target->disk, w->number, w->prefix, &sync_failed)) != OK) {
        if (sync_failed)
            w->stage = WRITE_STAGE_SYNC;
        return err;
    }
    journal_path(path, w->number);
    if ((err = disk_open(w->target->disk, path, DISK_WRITE | DISK_DIRECT, &next)) != OK)
        return err;
    file_close(w->target->file);
    w->target->file = next;
    file_advise(next, 0, w->useless, FILE_PASSED);
    w->switched = true;
    return OK;
}

/* The first job after a start may go on in a file of an earlier life. */
static enum err continue_file(struct journal_write *w)
{
    char path[JOURNAL_PATH_SIZE];

    if (w->target->file)
        return OK;
    journal_path(path, w->number);
    return disk_open(w->target->disk, path, DISK_WRITE | DISK_DIRECT, &w->target->file);
}

/* ---- preparing ---- */

/* Memory for `len` bytes, aligned; NULL: there is none, or that is too much. */
static uint8_t *image_reserve(struct journal_write *w, uint64_t len)
{
    if (len > IMAGE_MAX)
        return NULL;
    if (w->capacity < len) {
        const size_t wanted = (size_t)(len + IMAGE_UNIT - 1) / IMAGE_UNIT * IMAGE_UNIT;
        journal_write_rest(w);
        if (!(w->memory = malloc(wanted + DISK_ALIGN)))
            return NULL;
        w->capacity = wanted;
    }
    return disk_align(w->memory);
}

void journal_write_rest(struct journal_write *w)
{
    free(w->memory);
    w->memory = NULL;
    w->capacity = 0;
}

static struct bytes rest_of(const struct batch_item *item)
{
    return item->entry && !item->gathered ? slice_bytes(item->bytes) : bytes_of(NULL, 0);
}

/* Returns the batch's checksum, continued over the record's bytes. */
static uint32_t seal_record(const struct batch_item *item, uint32_t crc)
{
    const struct bytes rest = rest_of(item);
    const size_t len = item->head_len - 8 + rest.len; /* what a record's own checksum covers */
    const uint32_t own = record_seal_known(item->head, item->head_len, rest, item->known);

    if (len >= crc32c_join_least())
        return crc32c_join(crc32c(crc, bytes_of(item->head, 8)), own, len);
    return crc32c(crc32c(crc, bytes_of(item->head, item->head_len)), rest);
}

static uint8_t *copy_bytes(uint8_t *to, const void *from, size_t len)
{
    if (len > 0)
        memcpy(to, from, len);
    return to + len;
}

static uint8_t *copy_record(uint8_t *to, const struct batch_item *item)
{
    const struct bytes rest = rest_of(item);

    return copy_bytes(copy_bytes(to, item->head, item->head_len), rest.data, rest.len);
}

/* All that is known of it before its checksum. */
static struct batch_header header_of(const struct journal_write *w)
{
    return (struct batch_header){
        .number = w->batch->number,
        .generation = w->file_header.generation,
        .payload_len = (uint32_t)w->batch->payload,
        .previous_crc = w->previous_crc,
        .records = (uint32_t)w->batch->count,
        .kind = w->batch->kind,
        .unsynced = w->switch_file ? 0 : w->unsynced, /* the file before is synced first */
        .pad = w->pad,
    };
}

static uint64_t file_header_len(const struct journal_write *w)
{
    return w->with_header ? JOURNAL_HEADER_SIZE : 0;
}

void journal_write_prepare(struct journal_write *w)
{
    struct batch_header header = header_of(w);
    const uint64_t len = file_header_len(w) + w->span;
    uint8_t *const batch = (w->image = w->whole ? image_reserve(w, len) : NULL) ? w->image + file_header_len(w) : NULL;
    uint8_t *to = batch ? batch + sizeof w->head : NULL;
    uint32_t crc = batch_header_begin(w->head, &header, w->file_header.salt);

    for (size_t i = 0; i < w->batch->count; i++) {
        crc = seal_record(&w->batch->items[i], crc);
        if (to)
            to = copy_record(to, &w->batch->items[i]);
    }
    batch_header_end(w->head, &header, crc);
    w->crc = header.crc;
    w->prepared = true;
    if (!batch)
        return;
    copy_bytes(batch, w->head, sizeof w->head);
    memset(to, 0, (size_t)(w->image + len - to));
    if (w->with_header)
        journal_file_header_encode(w->image, &w->file_header);
}

/* ---- writing ---- */

/* Header, batch and padding, as they lie in memory. */
static void add_batch(struct journal_write *w, struct parts *p, uint8_t *file_header)
{
    if (w->image) {
        parts_add(p, w->image, (size_t)(file_header_len(w) + w->span));
        return;
    }
    if (w->with_header) {
        journal_file_header_encode(file_header, &w->file_header);
        parts_add(p, file_header, JOURNAL_HEADER_SIZE);
    }
    parts_add(p, w->head, sizeof w->head);
    for (size_t i = 0; i < w->batch->count; i++) {
        const struct bytes rest = rest_of(&w->batch->items[i]);
        parts_add(p, w->batch->items[i].head, w->batch->items[i].head_len);
        parts_add(p, rest.data, rest.len);
    }
    parts_add_zeros(p, w->span - sizeof w->head - w->batch->payload);
}

/* Writes them, and zeros behind them, in one call. */
static enum err write_parts(struct journal_write *w, struct parts *p, uint8_t *file_header)
{
    const uint64_t offset = w->with_header ? 0 : w->offset;
    enum err err;

    assert(!w->with_header || w->offset == JOURNAL_HEADER_SIZE);
    add_batch(w, p, file_header);
    parts_add_zeros(p, w->fill);

    const size_t without = p->count;
    parts_add_zeros(p, w->zeros);
    err = file_write(w->target->file, offset, p->list, p->count);
    w->extended = w->room ? w->extended : err == OK;
    /* What must not wait for space (deletions, acknowledgements) fits into the zeros written ahead earlier. */
    if (err == ERR_NOSPACE && w->zeros > 0 && w->batch->entries == 0)
        err = file_write(w->target->file, offset, p->list, without);
    return err;
}

static enum err write_batch(struct journal_write *w)
{
    uint8_t *file_header = NULL;
    struct parts p = {0};
    enum err err;

    /* A record is one or two parts; then the two headers, padding, fill, and the zeros. */
    p.list = malloc((2 * w->batch->count + 5 + (size_t)(w->zeros / sizeof zeros) + 1) * sizeof *p.list);
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
    if (!w->prepared)
        journal_write_prepare(w);
    if ((w->err = w->switch_file ? switch_file(w) : continue_file(w)) != OK)
        return;
    w->stage = WRITE_STAGE_WRITE;
    if (w->room) /* else it is the write that finds no space, or finds it all the same */
        w->extended = file_allocate(w->target->file, w->room) == OK;
    if ((w->err = write_batch(w)) != OK)
        return;
    w->stage = WRITE_STAGE_SYNC;
    if (w->sync && (w->err = file_sync(w->target->file)) != OK)
        return;
    w->stage = WRITE_STAGE_DONE;
}

void journal_write_ended(struct journal_write *w, enum err err)
{
    w->switched = w->extended = false;
    w->err = err;
    w->stage = err == OK ? WRITE_STAGE_DONE : err == ERR_NOSPACE ? WRITE_STAGE_WRITE : WRITE_STAGE_SYNC;
}
