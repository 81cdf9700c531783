/* SPDX-License-Identifier: Apache-2.0
 *
 * index_batch.h - the rows that one checkpoint gives to the catalog index: copies, so that a worker can write them
 * while the core goes on.
 *
 * Built on the core, then borrowed by one catalog_index_apply (or several: applying a batch twice is applying it
 * once), then freed on the core.  May call: base/, store.h.
 */
#ifndef STORE_INDEX_BATCH_H
#define STORE_INDEX_BATCH_H

#include "base/arena.h"
#include "store/store.h"

/* The catalog's tables, and what the store itself keeps there, as rows of the same shape. */
enum index_table {
    INDEX_LEDGER = CATALOG_TABLES, /* id: the ledger; parent: its topic; value: ledger_info_encode's */
    INDEX_SEGMENT,                 /* id: the segment file's number; value: the store's */
    INDEX_CURSOR,                  /* id: the subscription's; parent: its topic; value: cursor_row_encode's */
    INDEX_TABLES
};

#define INDEX_VALUE_MAX (256u * 1024 * 1024)

/* One row to write, or with `removed` to delete (absent already is fine). */
struct index_change {
    struct index_change *next;
    unsigned table; /* enum catalog_table or enum index_table */
    bool removed;
    struct catalog_row row; /* name and value lie behind this struct */
};

struct index_batch {
    struct index_change *first; /* in the order in which they were added */
    struct index_change **last;
    size_t count, bytes;
    struct arena arena; /* holds all of it: a hundred thousand rows are not as many allocations */
};

void index_batch_init(struct index_batch *b);
void index_batch_deinit(struct index_batch *b);

MUST_USE enum err index_batch_put(struct index_batch *b, unsigned table, const struct catalog_row *row);
/* The value's bytes are the caller's to fill, until the batch is applied: for a snapshot that is encoded in place. */
MUST_USE enum err index_batch_put_space(struct index_batch *b, unsigned table, const struct catalog_row *row,
                                        size_t value_len, uint8_t **value);
MUST_USE enum err index_batch_remove(struct index_batch *b, unsigned table, uint64_t id);

#define LEDGER_INFO_ENCODED   64
#define LEDGER_INFO_DELAYED   80 /* where it has entries with a deliver_ms */
#define LEDGER_INFO_VERSION_1 1u /* the row's first four bytes, where its extents are EXTENT_ENCODED_1 long */

/* A ledger's row is its info without id and topic, which are the row's own; as after a recovery `open` is false.  The
 * size is one of the two above. */
size_t ledger_info_size(const struct ledger_info *l);
void ledger_info_encode(const struct ledger_info *l, uint8_t *to);
/* How much of a row's value is the info: its extents follow.  0: it is cut off. */
size_t ledger_info_prefix(struct bytes value);
/* Of a value without the extents.  ERR_VERSION, ERR_CORRUPT. */
MUST_USE enum err ledger_info_decode(struct ledger_info *l, const struct catalog_row *row);

#endif
