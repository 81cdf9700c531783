/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.c - writes segment files and finds entries in them; the layout is drawn in segment.h.
 */
#include "store/segment.h"

#include "base/checksum.h"
#include "store/journal_file.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static_assert(SEGMENT_HEADER_SIZE == 64 && SEGMENT_RUN_SIZE == 48 && SEGMENT_TRAILER_SIZE == 32 && EXTENT_ENCODED == 48,
              "the layouts are on disks");

#define FILE_MAGIC      "GMGASEGM"
#define TRAILER_MAGIC   "GMGASEND"
#define NAME_FORMAT     "%016" PRIx64 ".segment"
#define WRITE_BUFFER    (1024u * 1024) /* written at once, past the page cache; less is left for the sync */
#define OFFSETS_AT_ONCE 1024u

static_assert(WRITE_BUFFER % DISK_ALIGN == 0, "a whole buffer may go past the page cache");

void extent_encode(uint8_t to[EXTENT_ENCODED], const struct extent *e)
{
    le64_put(to, e->file);
    le32_put(to + 8, e->first);
    le32_put(to + 12, e->entries);
    le64_put(to + 16, e->offset);
    le64_put(to + 24, e->len);
    le64_put(to + 32, e->index_offset);
    le64_put(to + 40, e->journal);
}

void extent_decode(struct extent *e, const uint8_t *from, size_t size)
{
    assert(size == EXTENT_ENCODED || size == EXTENT_ENCODED_1);

    e->file = le64_get(from);
    e->first = le32_get(from + 8);
    e->entries = le32_get(from + 12);
    e->offset = le64_get(from + 16);
    e->len = le64_get(from + 24);
    e->index_offset = le64_get(from + 32);
    e->journal = size == EXTENT_ENCODED ? le64_get(from + 40) : 0;
}

void segment_path(char to[SEGMENT_PATH_SIZE], uint64_t number)
{
    int len = snprintf(to, SEGMENT_PATH_SIZE, SEGMENT_DIR "/" NAME_FORMAT, number);
    assert(len > 0 && len < SEGMENT_PATH_SIZE);
}

bool segment_path_parse(const char *name, uint64_t *number)
{
    char whole[SEGMENT_PATH_SIZE];
    uint64_t n;

    if (sscanf(name, "%" SCNx64, &n) != 1)
        return false;
    segment_path(whole, n);
    if (strcmp(whole + strlen(SEGMENT_DIR "/"), name) != 0) /* one spelling only */
        return false;
    *number = n;
    return true;
}

void entry_file_path(char to[SEGMENT_PATH_SIZE], uint64_t file)
{
    static_assert(JOURNAL_PATH_SIZE <= SEGMENT_PATH_SIZE, "a path of either kind fits");

    if (file & FILE_IS_JOURNAL)
        journal_path(to, file & ~FILE_IS_JOURNAL);
    else
        segment_path(to, file);
}

/* ---- writing ---- */

struct run {
    uint64_t ledger;
    struct extent extent;
    size_t first_offset; /* index into the writer's offsets */
};

struct segment_writer {
    struct disk *disk;
    struct file *file;
    uint64_t number;
    bool finished;
    uint64_t at;     /* where the next byte goes */
    uint8_t *memory; /* malloc'd */
    uint8_t *buffer; /* in it, aligned as a direct write wants it */
    size_t buffered; /* the last bytes before `at`, not written yet; what is before them is a multiple of the buffer */
    struct run *runs;
    struct extent *extents; /* of a finished file */
    size_t run_count, run_capacity;
    uint32_t *offsets; /* the tables of all runs */
    size_t offset_count, offset_capacity;
};

static enum err grow(void **array, size_t *capacity, size_t size)
{
    const size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return ERR_NOMEM;
    *array = grown;
    *capacity = wanted;
    return OK;
}

static enum err flush(struct segment_writer *w)
{
    const struct bytes part = bytes_of(w->buffer, w->buffered);
    const uint64_t offset = w->at - w->buffered;
    enum err err;

    if (w->buffered == 0)
        return OK;
    if ((err = file_write(w->file, offset, &part, 1)) != OK)
        return err;
    w->buffered = 0;
    if (part.len == WRITE_BUFFER) /* on a file system that will not: what is left for the sync delays the journal's */
        file_advise(w->file, offset, part.len, FILE_WRITTEN);
    return OK;
}

static enum err put(struct segment_writer *w, struct bytes bytes)
{
    enum err err;

    while (bytes.len > 0) {
        const size_t room = WRITE_BUFFER - w->buffered;
        const size_t n = bytes.len < room ? bytes.len : room;
        memcpy(w->buffer + w->buffered, bytes.data, n);
        w->buffered += n;
        w->at += n;
        bytes = bytes_of(bytes.data + n, bytes.len - n);
        if (w->buffered == WRITE_BUFFER && (err = flush(w)) != OK)
            return err;
    }
    return OK;
}

static enum err put_header(struct segment_writer *w, uint64_t batch)
{
    uint8_t header[SEGMENT_HEADER_SIZE] = {0};

    memcpy(header, FILE_MAGIC, 8);
    le32_put(header + 8, SEGMENT_VERSION);
    le64_put(header + 16, w->number);
    le64_put(header + 24, batch);
    le32_put(header + 12, crc32c(0, bytes_of(header, sizeof header)));
    return put(w, bytes_of(header, sizeof header));
}

enum err segment_writer_new(struct segment_writer **out, struct disk *disk, uint64_t number, uint64_t batch)
{
    struct segment_writer *w = calloc(1, sizeof *w);
    char path[SEGMENT_PATH_SIZE];
    enum err err = ERR_NOMEM;

    if (!w)
        return ERR_NOMEM;
    w->disk = disk;
    w->number = number;
    segment_path(path, number);
    if (!(w->memory = malloc(WRITE_BUFFER + DISK_ALIGN)))
        goto fail;
    w->buffer = disk_align(w->memory);
    /* A file of this number is left from a checkpoint that never came to its end. */
    if ((err = disk_open(disk, path, DISK_WRITE | DISK_CREATE | DISK_DIRECT, &w->file)) != OK)
        goto fail;
    if ((err = file_truncate(w->file, 0)) != OK || (err = put_header(w, batch)) != OK)
        goto fail;
    *out = w;
    return OK;
fail:
    segment_writer_free(w);
    return err;
}

static enum err run_begin(struct segment_writer *w, uint64_t ledger, const struct extent *e)
{
    void *runs = w->runs;

    if (w->run_count == w->run_capacity) {
        if (grow(&runs, &w->run_capacity, sizeof *w->runs) != OK)
            return ERR_NOMEM;
        w->runs = runs;
    }
    w->runs[w->run_count++] = (struct run){
        .ledger = ledger,
        .extent = *e,
        .first_offset = w->offset_count,
    };
    return OK;
}

enum err segment_run_begin(struct segment_writer *w, uint64_t ledger, uint32_t first)
{
    const struct extent e = {.file = w->number, .first = first, .offset = w->at};

    return run_begin(w, ledger, &e);
}

enum err segment_run_adopt(struct segment_writer *w, uint64_t ledger, uint32_t first, uint32_t journal)
{
    const struct extent e = {.file = w->number, .first = first, .journal = journal};

    assert(journal > 0);
    return run_begin(w, ledger, &e);
}

/* Room for two more numbers of a table. */
static enum err offsets_reserve(struct segment_writer *w)
{
    void *offsets = w->offsets;

    if (w->offset_count + 2 <= w->offset_capacity)
        return OK;
    if (grow(&offsets, &w->offset_capacity, sizeof *w->offsets) != OK)
        return ERR_NOMEM;
    w->offsets = offsets;
    return OK;
}

static void offsets_put(struct segment_writer *w, uint64_t number)
{
    le32_put((uint8_t *)&w->offsets[w->offset_count++], (uint32_t)number);
}

enum err segment_add(struct segment_writer *w, struct bytes record)
{
    enum err err;

    assert(w->run_count > 0);
    struct extent *e = &w->runs[w->run_count - 1].extent;
    if (e->len > UINT32_MAX)
        return ERR_TOO_LARGE; /* a checkpoint is far smaller */
    assert(e->journal == 0);
    if ((err = offsets_reserve(w)) != OK || (err = put(w, record)) != OK)
        return err;
    offsets_put(w, e->len);
    e->len += record.len;
    e->entries++;
    return OK;
}

enum err segment_adopt(struct segment_writer *w, uint64_t offset, uint32_t len)
{
    enum err err;

    assert(w->run_count > 0);
    struct extent *e = &w->runs[w->run_count - 1].extent;
    assert(e->journal > 0);
    if ((err = offsets_reserve(w)) != OK)
        return err;
    if (e->entries == 0)
        e->offset = offset;
    assert(offset >= e->offset && offset - e->offset <= UINT32_MAX);
    offsets_put(w, offset - e->offset);
    offsets_put(w, len);
    e->len += len;
    e->entries++;
    return OK;
}

uint64_t segment_writer_bytes(const struct segment_writer *w)
{
    return w->at;
}

/* A flipped bit in the table of an adopted run must be told from one in its records. */
static enum err put_table_crc(struct segment_writer *w, struct bytes table)
{
    uint8_t end[SEGMENT_ADOPTED_SIZE] = {0};

    le32_put(end, crc32c(0, table));
    return put(w, bytes_of(end, sizeof end));
}

static enum err put_tables(struct segment_writer *w)
{
    enum err err;

    for (size_t i = 0; i < w->run_count; i++) {
        struct run *r = &w->runs[i];
        const struct bytes rows =
            bytes_of(w->offsets + r->first_offset, r->extent.entries * extent_row_size(&r->extent));
        r->extent.index_offset = w->at;
        if ((err = put(w, rows)) != OK)
            return err;
        if (r->extent.journal && (err = put_table_crc(w, rows)) != OK)
            return err;
    }
    return OK;
}

static enum err put_directory(struct segment_writer *w, uint32_t *crc)
{
    enum err err;

    *crc = 0;
    for (size_t i = 0; i < w->run_count; i++) {
        const struct run *r = &w->runs[i];
        uint8_t row[SEGMENT_RUN_SIZE] = {0};
        le64_put(row, r->ledger);
        le32_put(row + 8, r->extent.first);
        le32_put(row + 12, r->extent.entries);
        le64_put(row + 16, r->extent.offset);
        le64_put(row + 24, r->extent.len);
        le64_put(row + 32, r->extent.index_offset);
        le64_put(row + 40, r->extent.journal);
        *crc = crc32c(*crc, bytes_of(row, sizeof row));
        if ((err = put(w, bytes_of(row, sizeof row))) != OK)
            return err;
    }
    return OK;
}

static enum err put_trailer(struct segment_writer *w, uint64_t directory, uint32_t directory_crc)
{
    uint8_t trailer[SEGMENT_TRAILER_SIZE] = {0};

    memcpy(trailer, TRAILER_MAGIC, 8);
    le64_put(trailer + 8, w->run_count);
    le64_put(trailer + 16, directory);
    le32_put(trailer + 24, directory_crc);
    le32_put(trailer + 28, crc32c(0, bytes_of(trailer, sizeof trailer)));
    return put(w, bytes_of(trailer, sizeof trailer));
}

static enum err list_extents(struct segment_writer *w)
{
    w->extents = malloc((w->run_count + 1) * sizeof *w->extents);
    if (!w->extents)
        return ERR_NOMEM;
    for (size_t i = 0; i < w->run_count; i++)
        w->extents[i] = w->runs[i].extent;
    return OK;
}

enum err segment_finish(struct segment_writer *w, bool *sync_failed)
{
    uint32_t crc;
    enum err err;

    *sync_failed = false;
    if ((err = put_tables(w)) != OK)
        return err;
    const uint64_t directory = w->at;
    if ((err = put_directory(w, &crc)) != OK || (err = put_trailer(w, directory, crc)) != OK || (err = flush(w)) != OK)
        return err;
    if ((err = list_extents(w)) != OK)
        return err;
    if ((err = file_sync(w->file)) != OK) {
        *sync_failed = true;
        return err;
    }
    w->finished = true;
    return OK;
}

const struct extent *segment_writer_extents(const struct segment_writer *w, size_t *count)
{
    assert(w->finished);
    *count = w->run_count;
    return w->extents;
}

void segment_writer_free(struct segment_writer *w)
{
    char path[SEGMENT_PATH_SIZE];

    if (!w)
        return;
    file_close(w->file);
    if (w->file && !w->finished) {
        segment_path(path, w->number);
        (void)w->disk->ops->unlink(w->disk, path); /* what stays is an orphan, which the next start removes */
    }
    free(w->memory);
    free(w->runs);
    free(w->extents);
    free(w->offsets);
    free(w);
}

/* ---- reading ---- */

/* The offset of a run's record, or the run's length behind the last one. */
static uint64_t offset_of(const struct extent *e, const uint8_t *index, uint32_t from, uint32_t i)
{
    return i == e->entries ? e->len : le32_get(index + (size_t)(i - from) * SEGMENT_OFFSET_SIZE);
}

enum err segment_piece(const struct extent *e, const uint8_t *rows, uint32_t from, uint32_t i, struct piece *out)
{
    const uint8_t *row = rows + (size_t)(i - from) * SEGMENT_ADOPTED_SIZE;
    const uint64_t start = e->journal ? le32_get(row) : offset_of(e, rows, from, i);
    const uint64_t end = e->journal ? start + le32_get(row + 4) : offset_of(e, rows, from, i + 1);

    if (end <= start || (e->journal == 0 && end > e->len) || end - start > RECORD_SIZE_MAX)
        return ERR_CORRUPT;
    *out = (struct piece){.offset = e->offset + start, .len = (uint32_t)(end - start)};
    return OK;
}

/* Those that one read of the offsets tells, behind the `have` that are known. */
static enum err more_pieces(struct file *f, const struct extent *e, uint32_t first, size_t have, size_t max,
                            size_t bytes_max, struct piece *out, size_t *count)
{
    uint8_t index[(OFFSETS_AT_ONCE + 1) * SEGMENT_ADOPTED_SIZE];
    size_t got, total = 0, n = 0;
    enum err err;

    const uint32_t from = first - e->first;
    const uint32_t left = e->entries - from;
    const size_t offsets = left > max ? max + 1 : left; /* one more tells the length of the last */
    const size_t size = extent_row_size(e);
    if ((err = file_read(f, e->index_offset + from * size, index, offsets * size, &got)) != OK)
        return err;
    if (got != offsets * size)
        return ERR_CORRUPT;
    for (; n < max && n < left; n++) {
        struct piece piece;
        if ((err = segment_piece(e, index, from, from + (uint32_t)n, &piece)) != OK)
            return err;
        total += piece.len;
        if (have + n > 0 && total > bytes_max)
            break;
        out[n] = piece;
    }
    *count = n;
    return OK;
}

enum err segment_pieces(struct file *f, const struct extent *e, uint32_t first, size_t max, size_t bytes_max,
                        struct piece *out, size_t *count)
{
    size_t n = 0, more, wanted, bytes = 0;
    enum err err;

    assert(first >= e->first && first - e->first < e->entries && max > 0);
    if (max > e->entries - (first - e->first))
        max = e->entries - (first - e->first);
    do {
        wanted = max - n < OFFSETS_AT_ONCE ? max - n : OFFSETS_AT_ONCE;
        err = more_pieces(f, e, first + (uint32_t)n, n, wanted, bytes_max - bytes, out + n, &more);
        if (err != OK)
            return err;
        for (size_t i = n; i < n + more; i++)
            bytes += out[i].len;
        n += more;
    } while (n < max && more == wanted && bytes < bytes_max);
    *count = n;
    return OK;
}

/* ---- for the tools ---- */

enum err segment_header_read(struct file *f, uint64_t number, uint64_t *batch)
{
    uint8_t header[SEGMENT_HEADER_SIZE];
    size_t got;
    enum err err;

    if ((err = file_read(f, 0, header, sizeof header, &got)) != OK)
        return err;
    if (got != sizeof header || memcmp(header, FILE_MAGIC, 8) != 0)
        return ERR_CORRUPT;
    const uint32_t crc = le32_get(header + 12);
    le32_put(header + 12, 0);
    if (crc32c(0, bytes_of(header, sizeof header)) != crc || le64_get(header + 16) != number)
        return ERR_CORRUPT;
    if (le32_get(header + 8) > SEGMENT_VERSION)
        return ERR_VERSION;
    *batch = le64_get(header + 24);
    return OK;
}

struct trailer {
    uint64_t runs, directory;
    uint32_t directory_crc;
};

static enum err trailer_read(struct file *f, uint64_t size, struct trailer *out)
{
    uint8_t bytes[SEGMENT_TRAILER_SIZE];
    size_t got;
    enum err err;

    if ((err = file_read(f, size - sizeof bytes, bytes, sizeof bytes, &got)) != OK)
        return err;
    if (got != sizeof bytes || memcmp(bytes, TRAILER_MAGIC, 8) != 0)
        return ERR_CORRUPT;
    const uint32_t crc = le32_get(bytes + 28);
    le32_put(bytes + 28, 0);
    if (crc32c(0, bytes_of(bytes, sizeof bytes)) != crc)
        return ERR_CORRUPT;
    *out = (struct trailer){le64_get(bytes + 8), le64_get(bytes + 16), le32_get(bytes + 24)};
    if (out->directory < SEGMENT_HEADER_SIZE || out->directory > size - SEGMENT_TRAILER_SIZE ||
        (size - SEGMENT_TRAILER_SIZE - out->directory) / SEGMENT_RUN_SIZE != out->runs)
        return ERR_CORRUPT;
    return OK;
}

static void run_decode(struct segment_run *to, uint64_t number, const uint8_t *from)
{
    *to = (struct segment_run){
        .ledger = le64_get(from),
        .extent = {.file = number,
                   .first = le32_get(from + 8),
                   .entries = le32_get(from + 12),
                   .offset = le64_get(from + 16),
                   .len = le64_get(from + 24),
                   .index_offset = le64_get(from + 32),
                   .journal = le64_get(from + 40)},
    };
}

static enum err runs_read(struct file *f, uint64_t number, const struct trailer *t, struct segment_run *runs)
{
    uint8_t row[SEGMENT_RUN_SIZE];
    uint32_t crc = 0;
    size_t got;
    enum err err;

    for (uint64_t i = 0; i < t->runs; i++) {
        if ((err = file_read(f, t->directory + i * sizeof row, row, sizeof row, &got)) != OK)
            return err;
        if (got != sizeof row)
            return ERR_CORRUPT;
        crc = crc32c(crc, bytes_of(row, sizeof row));
        run_decode(&runs[i], number, row);
    }
    return crc == t->directory_crc ? OK : ERR_CORRUPT;
}

enum err segment_directory_read(struct file *f, uint64_t number, struct segment_run **runs, size_t *count,
                                uint64_t *offset, const char **what)
{
    struct segment_run *list;
    struct trailer t;
    uint64_t size;
    enum err err;

    *offset = 0;
    *what = "the file is cut off";
    if ((err = file_size(f, &size)) != OK)
        return err;
    if (size < SEGMENT_HEADER_SIZE + SEGMENT_TRAILER_SIZE)
        return ERR_CORRUPT;
    *offset = size - SEGMENT_TRAILER_SIZE;
    *what = "the trailer does not match its checksum, or the file is cut off";
    if ((err = trailer_read(f, size, &t)) != OK)
        return err;
    *offset = t.directory;
    *what = "the directory does not match its checksum";
    if (!(list = malloc((t.runs + 1) * sizeof *list)))
        return ERR_NOMEM;
    if ((err = runs_read(f, number, &t, list)) != OK) {
        free(list);
        return err;
    }
    *runs = list;
    *count = t.runs;
    return OK;
}
