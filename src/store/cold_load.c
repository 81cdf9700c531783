/* SPDX-License-Identifier: Apache-2.0
 *
 * cold_load.c - see cold_load.h.
 */
#include "store/cold_load.h"

#include <assert.h>
#include <stdlib.h>

#define GAP_MAX    (16u * 1024)  /* bytes of others between two records that are read along sooner than skipped */
#define DIRECT_MIN (64u * 1024)  /* bytes of a stretch that is read past the page cache */
#define SPARE      (16u * 1024)  /* bytes of a large buffer beyond what it is made for */

static_assert(COLD_ENTRIES_MAX >= STORE_READ_MAX, "a read that is answered by one load is answered whole");

/* ---- open files ---- */

void cold_files_init(struct cold_files *f, struct disk *disk)
{
    *f = (struct cold_files){.disk = disk};
}

void cold_files_close(struct cold_files *f)
{
    for (size_t i = 0; i < COLD_FILES_MAX; i++) {
        file_close(f->slots[i].file);
        f->slots[i].file = NULL;
        f->slots[i].number = 0;
    }
}

static size_t slot_for(const struct cold_files *f, uint64_t number)
{
    size_t oldest = 0;

    for (size_t i = 0; i < COLD_FILES_MAX; i++) {
        if (f->slots[i].number == number)
            return i;
        if (f->slots[i].used < f->slots[oldest].used)
            oldest = i;
    }
    return oldest;
}

static enum err segment_file(struct cold_files *f, uint64_t number, struct file **out)
{
    const size_t i = slot_for(f, number);
    char path[SEGMENT_PATH_SIZE];
    enum err err;

    if (f->slots[i].number != number) {
        file_close(f->slots[i].file);
        f->slots[i].file = NULL;
        f->slots[i].number = 0;
        segment_path(path, number);
        if ((err = disk_open(f->disk, path, DISK_READ | DISK_DIRECT, &f->slots[i].file)) != OK)
            return err;
        f->slots[i].number = number;
    }
    f->slots[i].used = ++f->clock;
    *out = f->slots[i].file;
    return OK;
}

/* ---- from the file to the buffer ---- */

/* Pieces [from, *upto) lie so close together that one read brings them all; returns the bytes it takes.  What it reads
 * in vain stays below what it is for. */
static size_t stretch(const struct cold_load *l, size_t from, size_t *upto)
{
    const uint64_t start = l->pieces[from].offset;
    uint64_t end = start + l->pieces[from].len;
    size_t vain = 0, i = from + 1;

    for (; i < l->count; i++) {
        const struct piece *p = &l->pieces[i];
        if (p->offset < end || p->offset - end > GAP_MAX || vain + (p->offset - end) > l->bytes)
            break;
        vain += (size_t)(p->offset - end);
        end = p->offset + p->len;
    }
    *upto = i;
    return (size_t)(end - start);
}

/* What the stretch takes of the buffer: a large one is read from where its first page begins to where its last ends,
 * and so into memory. */
static size_t span(size_t len)
{
    return len < DIRECT_MIN ? len : len + 3 * DISK_ALIGN;
}

static size_t bytes_to_read(const struct cold_load *l)
{
    size_t total = 0, upto;

    for (size_t i = 0; i < l->count; i = upto)
        total += span(stretch(l, i, &upto));
    return total;
}

static size_t round_up(size_t n)
{
    return (n + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
}

static enum err read_pieces(struct file *f, uint64_t start, uint8_t *to, size_t len, size_t piece, size_t *got)
{
    size_t more;
    enum err err;

    for (*got = 0; *got < len; *got += more) {
        const size_t wanted = len - *got < piece ? len - *got : piece;
        if ((err = file_read(f, start + *got, to + *got, wanted, &more)) != OK)
            return err;
        if (more < wanted) {
            *got += more;
            return OK;
        }
    }
    return OK;
}

/* Reads a stretch to somewhere in the first span(len) of `room`; *to is where it is. */
static enum err read_stretch(const struct cold_load *l, struct file *f, uint64_t start, size_t len, uint8_t *room,
                             uint8_t **to)
{
    const size_t before = len < DIRECT_MIN ? 0 : (size_t)(start % DISK_ALIGN);
    const size_t whole = len < DIRECT_MIN ? len : round_up(before + len);
    uint8_t *at = len < DIRECT_MIN ? room : room + (round_up((size_t)(uintptr_t)room) - (size_t)(uintptr_t)room);
    size_t got;
    enum err err;

    assert(l->at_once > 0 && l->at_once % DISK_ALIGN == 0);
    assert(len < DIRECT_MIN || at + whole <= room + span(len));
    if ((err = read_pieces(f, start - before, at, whole, l->at_once, &got)) != OK)
        return err;
    if (got < before + len)
        return ERR_CORRUPT;
    *to = at + before;
    return OK;
}

/* Reads stretch by stretch; then the pieces tell where in the buffer their records are. */
static enum err read_stretches(struct cold_load *l, struct file *f)
{
    uint8_t *room = l->buffer->data, *to;
    size_t upto;
    enum err err;

    for (size_t i = 0; i < l->count; i = upto) {
        const size_t len = stretch(l, i, &upto);
        const uint64_t start = l->pieces[i].offset;
        if ((err = read_stretch(l, f, start, len, room, &to)) != OK)
            return err;
        if (l->passing)
            file_advise(f, start, len, FILE_PASSED);
        for (size_t k = i; k < upto; k++)
            l->pieces[k].offset = (uint64_t)(to - l->buffer->data) + (l->pieces[k].offset - start);
        room += span(len);
    }
    return OK;
}

/* Entries up to the first that does not hold. */
static enum err check_entries(struct cold_load *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct piece *p = &l->pieces[i];
        const struct position at = {l->from.ledger, l->from.entry + (int64_t)i};
        struct stored_entry e;
        enum err err = entry_decode_at(&e, bytes_of(l->buffer->data + p->offset, p->len), at);
        if (err == OK && e.size != p->len)
            err = ERR_CORRUPT;
        if (err != OK && i == 0)
            return err;
        if (err != OK)
            l->count = i;
    }
    return OK;
}

static enum err find_pieces(struct cold_load *l, struct file *f)
{
    const uint32_t first = (uint32_t)l->from.entry, left = l->extent.first + l->extent.entries - first;

    if (l->max > left)
        l->max = left;
    if (!(l->pieces = malloc(l->max * sizeof *l->pieces)))
        return ERR_NOMEM;
    return segment_pieces(f, &l->extent, first, l->max, l->bytes, l->pieces, &l->count);
}

/* A buffer for l->len bytes.  A large one serves later loads that are a little larger, too. */
static enum err reserve(struct cold_load *l)
{
    if (l->buffer && l->buffer->capacity >= l->len)
        return OK;
    buffer_unref(l->buffer);
    l->buffer = buffer_new(l->len < DIRECT_MIN ? l->len : l->len + SPARE, NULL);
    return l->buffer ? OK : ERR_NOMEM;
}

static enum err load_from(struct cold_load *l, struct file *f)
{
    enum err err;

    assert(l->count > 0);
    l->len = bytes_to_read(l);
    if ((err = reserve(l)) != OK)
        return err;
    if ((err = read_stretches(l, f)) != OK)
        return err;
    return check_entries(l);
}

/* A file that is still written to is read through the page cache: there its newest bytes are, and a write does not wait
 * for such a read. */
static enum err load_from_journal(struct cold_load *l)
{
    const unsigned flags = l->in_journal ? DISK_READ : DISK_READ | DISK_DIRECT;
    struct file *f = NULL;
    enum err err = disk_open(l->files->disk, l->journal, flags, &f);

    if (err == OK)
        err = load_from(l, f);
    file_close(f);
    return err;
}

void cold_load_run(struct cold_load *l)
{
    struct file *f = NULL;

    if (l->in_journal) {
        l->err = load_from_journal(l);
        return;
    }
    if ((l->err = segment_file(l->files, l->extent.file, &f)) != OK || (l->err = find_pieces(l, f)) != OK)
        return;
    l->err = l->extent.journal ? load_from_journal(l) : load_from(l, f);
}

/* ---- the result ---- */

void cold_load_deinit(struct cold_load *l)
{
    buffer_unref(l->buffer);
    free(l->pieces);
    l->buffer = NULL;
    l->pieces = NULL;
}

size_t cold_load_memory(const struct cold_load *l)
{
    return l->buffer->capacity + l->count * sizeof *l->pieces;
}

void cold_load_peek(const struct cold_load *l, size_t i, struct entry *out)
{
    assert(i < l->count);
    const struct piece *p = &l->pieces[i];
    const struct record record = {.kind = RECORD_ENTRY, .whole = bytes_of(l->buffer->data + p->offset, p->len)};
    struct stored_entry e;

    enum err err = entry_decode(&e, &record); /* it was checked by the worker */
    assert(err == OK);
    *out = (struct entry){
        .position = e.position,
        .header = e.header,
        .bytes = {.buffer = l->buffer, .data = e.bytes.data, .len = e.bytes.len},
    };
}
