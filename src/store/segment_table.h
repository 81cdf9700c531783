/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_table.h - which segment files hold entries of living ledgers, and how much.
 *
 * Derived from the ledgers' extents; a file whose last run is released can be unlinked.  Core thread.  May call: base/.
 */
#ifndef STORE_SEGMENT_TABLE_H
#define STORE_SEGMENT_TABLE_H

#include "base/map.h"
#include "store/segment.h"

struct segment_table { /* private */
    struct map files;
    uint64_t bytes;
};

void segment_table_init(struct segment_table *t, uint64_t seed);
void segment_table_deinit(struct segment_table *t);

/* One more run is in use. ERR_NOMEM changes nothing. */
MUST_USE enum err segment_table_hold(struct segment_table *t, const struct extent *e);
/* True when it was the last one of its file. */
MUST_USE bool segment_table_release(struct segment_table *t, const struct extent *e);

bool segment_table_has(const struct segment_table *t, uint64_t file);
static inline size_t segment_table_files(const struct segment_table *t)
{
    return map_count(&t->files);
}
static inline uint64_t segment_table_bytes(const struct segment_table *t)
{
    return t->bytes;
}
/* Walks the numbers of all files: *at starts at 0; false at the end. */
bool segment_table_next(const struct segment_table *t, size_t *at, uint64_t *file);

#endif
