/* SPDX-License-Identifier: Apache-2.0
 *
 * lost.c - see lost.h.
 */
#include "store/lost.h"

#include "base/checksum.h"
#include "base/text.h"
#include "store/small_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LOST_NEW   "given-up.new"
#define FIRST_LINE "geminga given-up 1\n"
#define FILE_MAX   (16u * 1024 * 1024)

enum err lost_add(struct lost *l, uint64_t ledger, uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct lost_range *r = &l->list[i];
        if (r->ledger == ledger && r->first <= first && r->last >= last)
            return OK;
    }
    if (l->count == l->capacity) {
        const size_t wanted = l->capacity ? l->capacity * 2 : 16;
        struct lost_range *grown = realloc(l->list, wanted * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        l->list = grown;
        l->capacity = wanted;
    }
    l->list[l->count++] = (struct lost_range){.ledger = ledger, .first = first, .last = last};
    l->changed = true;
    return OK;
}

static bool line_parse(const char *line, struct lost_range *r)
{
    uint32_t crc;
    const char *end = strstr(line, " crc ");

    return end &&
           sscanf(line, "ledger %" SCNu64 " entries %" SCNu32 " %" SCNu32 " crc %" SCNx32, &r->ledger, &r->first,
                  &r->last, &crc) == 4 &&
           crc == crc32c(0, bytes_of(line, (size_t)(end - line)));
}

static enum err parse(struct lost *l, char *text, unsigned *bad_line)
{
    struct lost_range r;
    unsigned number = 1;
    char *rest = text;
    enum err err = OK;

    for (char *line; err == OK && (line = strsep(&rest, "\n")); number++) {
        const bool first = number == 1;
        if (*line == '\0' && !rest)
            break;
        if (first ? strncmp(line, FIRST_LINE, strlen(FIRST_LINE) - 1) == 0 : line_parse(line, &r))
            err = first ? OK : lost_add(l, r.ledger, r.first, r.last);
        else if (*bad_line == 0)
            *bad_line = number;
    }
    return err;
}

enum err lost_read(struct lost *l, struct disk *disk, unsigned *bad_line)
{
    char *text = NULL;
    size_t len;
    enum err err = small_file_read(disk, LOST_PATH, FILE_MAX, &text, &len);

    *l = (struct lost){0};
    *bad_line = 0;
    if (err == OK)
        err = parse(l, text, bad_line);
    l->changed = false;
    free(text);
    return err == ERR_NOT_FOUND ? OK : err;
}

static int by_place(const void *left, const void *right)
{
    const struct lost_range *a = left, *b = right;

    if (a->ledger != b->ledger)
        return a->ledger < b->ledger ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static void lines(const struct lost *l, struct text *t)
{
    char line[96];

    text_add(t, FIRST_LINE);
    for (size_t i = 0; i < l->count; i++) {
        const int len = snprintf(line, sizeof line, "ledger %" PRIu64 " entries %" PRIu32 " %" PRIu32,
                                 l->list[i].ledger, l->list[i].first, l->list[i].last);
        text_printf(t, "%s crc %08" PRIx32 "\n", line, crc32c(0, bytes_of(line, (size_t)len)));
    }
}

enum err lost_write(struct lost *l, struct disk *disk)
{
    struct text t;
    enum err err;

    qsort(l->list, l->count, sizeof *l->list, by_place);
    text_init(&t, FILE_MAX);
    lines(l, &t);
    err = text_failed(&t) ? ERR_NOMEM : small_file_replace(disk, LOST_NEW, LOST_PATH, bytes_of(t.data, t.len));
    text_deinit(&t);
    if (err == OK)
        l->changed = false;
    return err;
}

void lost_deinit(struct lost *l)
{
    free(l->list);
    *l = (struct lost){0};
}
