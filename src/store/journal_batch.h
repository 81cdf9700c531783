/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_batch.h - records on their way to one write: where their bytes are, and who waits for them.
 *
 * Records and small entries are gathered in blocks, which go on from batch to batch until they are full; what lies
 * in a block is not changed any more, but for the checksums that the worker puts into the records of its batch.
 * Large entries stay in the caller's buffer.  Core thread; the worker reads a closed batch while it flies.  May
 * call: entry.h, base/.
 */
#ifndef STORE_JOURNAL_BATCH_H
#define STORE_JOURNAL_BATCH_H

#include "base/list.h"
#include "store/journal.h"

#define GATHER_BLOCK_SIZE (64u * 1024)
#define GATHER_ENTRY_MAX  2048u /* an entry up to here is copied into a block, a larger one referenced */
#define BATCH_ITEMS_MAX   16384u
#define BATCH_LEDGERS     4u /* that a batch remembers having entries of */

/* One record. */
struct batch_item {
    uint8_t *head; /* in a block: the whole record, or an entry's header with its bytes in `bytes` */
    uint32_t head_len;
    bool entry;
    bool gathered;            /* the entry's bytes are in the block, behind its header */
    struct slice bytes;       /* entries: a reference, of the caller's buffer or of the block */
    struct crc32c_tail known; /* of the entry's bytes */
    struct append *append;
};

struct batch {
    struct list node;
    uint64_t number;
    enum batch_kind kind;
    struct batch_item *items;
    size_t count, capacity;
    size_t entries; /* items that are entries */
    uint64_t ledgers[BATCH_LEDGERS];
    unsigned ledger_count;  /* of those; BATCH_LEDGERS + 1: there are more */
    size_t payload;         /* bytes of all records */
    size_t charge;          /* what it holds of the journal's budget */
    bool sync;              /* written, it is not done before it is synced */
    struct buffer **blocks; /* references */
    size_t block_count, block_capacity;
    struct store_op *ops, **ops_end; /* barriers, done when the batch is synced */
};

/* The block that records are gathered in at present; embedded in the journal. */
struct gather {
    struct buffer *block;
    size_t used;
};

MUST_USE struct batch *batch_new(uint64_t number);
void batch_free(struct batch *b);

/* True while another record of `len` bytes may join, so that it has no more than `bytes`; the first one always may. */
bool batch_takes(const struct batch *b, size_t len, size_t bytes);
/* It may have an entry of the ledger: false is certain. */
bool batch_may_have(const struct batch *b, uint64_t ledger);

/* Room for a whole record; NULL when memory is short. */
uint8_t *batch_reserve(struct batch *b, struct gather *g, size_t len);
MUST_USE enum err batch_add_entry(struct batch *b, struct gather *g, const struct journal_entry *e);
void batch_add_op(struct batch *b, struct store_op *op);

/* The entry of an item, as its owner gets it back; borrows from the batch. */
struct journal_entry batch_entry(const struct batch_item *item);
static inline size_t batch_item_len(const struct batch_item *item)
{
    return item->head_len + (item->entry && !item->gathered ? item->bytes.len : 0);
}

void gather_deinit(struct gather *g);

#endif
