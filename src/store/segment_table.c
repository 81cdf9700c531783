/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_table.c - see segment_table.h.
 */
#include "store/segment_table.h"

#include <assert.h>
#include <stdlib.h>

struct segment_use {
    uint64_t number;
    uint64_t runs;
};

void segment_table_init(struct segment_table *t, uint64_t seed)
{
    map_init(&t->files, seed);
    t->bytes = 0;
}

void segment_table_deinit(struct segment_table *t)
{
    struct segment_use *use;
    size_t at = 0;

    while ((use = map_next(&t->files, &at)))
        free(use);
    map_deinit(&t->files);
}

enum err segment_table_hold(struct segment_table *t, const struct extent *e)
{
    struct segment_use *use = map_find_id(&t->files, e->file);

    if (!use) {
        if (!(use = calloc(1, sizeof *use)))
            return ERR_NOMEM;
        use->number = e->file;
        if (map_put_id(&t->files, e->file, use) != OK) {
            free(use);
            return ERR_NOMEM;
        }
    }
    use->runs++;
    t->bytes += e->len;
    return OK;
}

bool segment_table_release(struct segment_table *t, const struct extent *e)
{
    struct segment_use *use = map_find_id(&t->files, e->file);

    assert(use && use->runs > 0 && t->bytes >= e->len);
    t->bytes -= e->len;
    if (--use->runs > 0)
        return false;
    map_remove_id(&t->files, e->file);
    free(use);
    return true;
}

bool segment_table_has(const struct segment_table *t, uint64_t file)
{
    return map_find_id(&t->files, file) != NULL;
}

bool segment_table_next(const struct segment_table *t, size_t *at, uint64_t *file)
{
    const struct segment_use *use = map_next(&t->files, at);

    if (!use)
        return false;
    *file = use->number;
    return true;
}
