/* SPDX-License-Identifier: Apache-2.0
 *
 * file_numbers.c - see file_numbers.h.
 */
#include "store/file_numbers.h"

#include <stdlib.h>

enum err file_numbers_add(struct file_numbers *f, uint64_t number)
{
    if (f->count == f->capacity) {
        const size_t wanted = f->capacity ? f->capacity * 2 : 8;
        void *grown = realloc(f->list, wanted * sizeof *f->list);
        if (!grown)
            return ERR_NOMEM;
        f->list = grown;
        f->capacity = wanted;
    }
    f->list[f->count++] = number;
    return OK;
}

static int by_number(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

void file_numbers_sort(struct file_numbers *f)
{
    if (f->count > 0)
        qsort(f->list, f->count, sizeof *f->list, by_number);
}

bool file_numbers_has(const struct file_numbers *f, uint64_t number)
{
    return f->count > 0 && bsearch(&number, f->list, f->count, sizeof number, by_number);
}
