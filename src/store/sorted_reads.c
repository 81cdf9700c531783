/* SPDX-License-Identifier: Apache-2.0
 *
 * sorted_reads.c - see sorted_reads.h.
 */
#include "store/sorted_reads.h"

#include "store/journal_file.h"

#include <assert.h>
#include <stdlib.h>

#define GAP_MAX     4096u         /* to copy so much is no dearer than another call */
#define STRETCH_MAX (256u * 1024) /* but for a larger record */
#define AHEAD_BYTES (256u * 1024)

struct wanted {
    const struct journal_place *place;
    const uint8_t *at;
};

struct lying {
    uint64_t offset;
    uint32_t file, index; /* in the list */
};

/* What is read at once: [first, end) of the order, and the bytes [start, start + len) of the file. */
struct stretch {
    size_t first, end;
    uint64_t start;
    size_t len;
};

void sorted_reads_init(struct sorted_reads *r, struct disk *disk, bool (*mostly)(void *ctx, uint32_t file), void *ctx)
{
    *r = (struct sorted_reads){.disk = disk, .mostly = mostly, .ctx = ctx};
}

void sorted_reads_deinit(struct sorted_reads *r)
{
    for (size_t i = 0; i < SORTED_READS_FILES; i++)
        file_close(r->files[i].file);
    free(r->memory);
    free(r->order);
    free(r->list);
}

enum err sorted_reads_begin(struct sorted_reads *r)
{
    r->count = r->next = r->bytes = 0;
    if (!r->list && !(r->list = malloc(SORTED_READS_MAX * sizeof *r->list)))
        return ERR_NOMEM;
    if (!r->order && !(r->order = malloc(SORTED_READS_MAX * sizeof *r->order)))
        return ERR_NOMEM;
    return OK;
}

bool sorted_reads_add(struct sorted_reads *r, const struct journal_place *place)
{
    if (r->count == SORTED_READS_MAX || (r->count > 0 && r->bytes + place->len > SORTED_READS_BYTES))
        return false;
    r->order[r->count] = (struct lying){.offset = place->offset, .file = place->file, .index = (uint32_t)r->count};
    r->list[r->count++] = (struct wanted){.place = place};
    r->bytes += place->len;
    return true;
}

/* ---- reading ---- */

static int compare(const void *a, const void *b)
{
    const struct lying *x = a, *y = b;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static enum err reserve(struct sorted_reads *r)
{
    const size_t needed = r->count > 1 ? 2 * r->bytes : r->bytes;

    if (needed <= r->capacity)
        return OK;
    free(r->memory);
    r->capacity = 0;
    if (!(r->memory = malloc(needed)))
        return ERR_NOMEM;
    r->capacity = needed;
    return OK;
}

static struct stretch stretch_from(const struct sorted_reads *r, size_t first)
{
    const struct lying *o = r->order;
    size_t wanted = r->list[o[first].index].place->len;
    struct stretch s = {.first = first, .end = first + 1, .start = o[first].offset, .len = wanted};

    for (; s.end < r->count && o[s.end].file == o[first].file; s.end++) {
        const size_t more = r->list[o[s.end].index].place->len;
        const size_t len = (size_t)(o[s.end].offset + more - s.start);
        wanted += more;
        if (o[s.end].offset - s.start > s.len + GAP_MAX || len > STRETCH_MAX || len > 2 * wanted)
            break;
        s.len = len;
    }
    return s;
}

/* Its place among the open ones. */
static enum err open_file(struct sorted_reads *r, uint32_t number, size_t *at)
{
    char path[JOURNAL_PATH_SIZE];

    for (size_t i = 0; i < SORTED_READS_FILES; i++) {
        if (r->files[i].number == number) {
            *at = i;
            return OK;
        }
    }
    *at = r->oldest;
    r->oldest = (r->oldest + 1) % SORTED_READS_FILES;
    file_close(r->files[*at].file);
    r->files[*at].file = NULL;
    r->files[*at].number = 0;
    journal_path(path, number);
    enum err err = disk_open(r->disk, path, DISK_READ, &r->files[*at].file);
    if (err != OK)
        return err;
    r->files[*at].number = number;
    r->files[*at].mostly = r->mostly(r->ctx, number);
    r->files[*at].ahead = 0;
    return OK;
}

static void ask_ahead(struct sorted_reads *r, size_t at, const struct stretch *s)
{
    uint64_t *ahead = &r->files[at].ahead;

    if (!r->files[at].mostly)
        return;
    if (*ahead == 0)
        *ahead = s->start;
    for (; *ahead < s->start + s->len + AHEAD_BYTES; *ahead += AHEAD_BYTES)
        file_advise(r->files[at].file, *ahead, AHEAD_BYTES, FILE_WANTED);
}

static enum err read_stretch(struct sorted_reads *r, const struct stretch *s, uint8_t *to)
{
    size_t at, got;
    enum err err;

    if ((err = open_file(r, r->order[s->first].file, &at)) != OK)
        return err;
    ask_ahead(r, at, s);
    if ((err = file_read(r->files[at].file, s->start, to, s->len, &got)) != OK)
        return err;
    if (got < s->len)
        return ERR_CORRUPT;
    for (size_t i = s->first; i < s->end; i++)
        r->list[r->order[i].index].at = to + (r->order[i].offset - s->start);
    return OK;
}

static enum err load(struct sorted_reads *r)
{
    struct stretch s;
    size_t used = 0;
    enum err err;

    if ((err = reserve(r)) != OK)
        return err;
    qsort(r->order, r->count, sizeof *r->order, compare);
    for (size_t i = 0; i < r->count; i = s.end) {
        s = stretch_from(r, i);
        assert(used + s.len <= r->capacity);
        if ((err = read_stretch(r, &s, r->memory + used)) != OK)
            return err;
        used += s.len;
    }
    return OK;
}

enum err sorted_reads_load(struct sorted_reads *r)
{
    const enum err err = load(r);

    if (err != OK)
        r->count = 0;
    return err;
}

bool sorted_reads_find(struct sorted_reads *r, const struct journal_place *place, struct bytes *out)
{
    if (r->next > 0 && r->list[r->next - 1].place == place)
        r->next--;
    if (r->next >= r->count || r->list[r->next].place != place)
        return false;
    *out = bytes_of(r->list[r->next++].at, place->len);
    return true;
}
