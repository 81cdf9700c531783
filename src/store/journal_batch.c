/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_batch.c - gathers records into batches; see journal_batch.h.
 */
#include "store/journal_batch.h"

#include <assert.h>
#include <stdlib.h>

#define ENTRY_OVERHEAD 256u /* what an entry under way costs its owners besides its bytes */

struct batch *batch_new(uint64_t number)
{
    struct batch *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    list_init(&b->node);
    b->number = number;
    b->ops_end = &b->ops;
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++)
        slice_unref(&b->items[i].bytes);
    for (size_t i = 0; i < b->block_count; i++)
        buffer_unref(b->blocks[i]);
    free(b->items);
    free(b->blocks);
    free(b);
}

bool batch_takes(const struct batch *b, size_t len, size_t bytes)
{
    return b->count == 0 || (b->count < BATCH_ITEMS_MAX && b->payload + len <= bytes);
}

bool batch_may_have(const struct batch *b, uint64_t ledger)
{
    for (unsigned i = 0; i < b->ledger_count && i < BATCH_LEDGERS; i++) {
        if (b->ledgers[i] == ledger)
            return true;
    }
    return b->ledger_count > BATCH_LEDGERS;
}

static void note_ledger(struct batch *b, uint64_t ledger)
{
    if (batch_may_have(b, ledger))
        return;
    if (b->ledger_count < BATCH_LEDGERS)
        b->ledgers[b->ledger_count] = ledger;
    b->ledger_count++;
}

static enum err grow(void **array, size_t *capacity, size_t size, size_t first)
{
    size_t wanted = *capacity ? *capacity * 2 : first;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return ERR_NOMEM;
    *array = grown;
    *capacity = wanted;
    return OK;
}

/* The batch holds on to the block that `g` gathers in. */
static enum err batch_hold_block(struct batch *b, struct buffer *block)
{
    if (b->block_count > 0 && b->blocks[b->block_count - 1] == block)
        return OK;
    if (b->block_count == b->block_capacity) {
        void *blocks = b->blocks;
        if (grow(&blocks, &b->block_capacity, sizeof *b->blocks, 4) != OK)
            return ERR_NOMEM;
        b->blocks = blocks;
    }
    b->blocks[b->block_count++] = buffer_ref(block);
    return OK;
}

/* `len` bytes of a block, held by the batch; NULL when memory is short. */
static uint8_t *gather_take(struct gather *g, struct batch *b, size_t len)
{
    if (!g->block || g->block->capacity - g->used < len) {
        struct buffer *block = buffer_new(len > GATHER_BLOCK_SIZE ? len : GATHER_BLOCK_SIZE, NULL);
        if (!block)
            return NULL;
        gather_deinit(g);
        g->block = block;
    }
    if (batch_hold_block(b, g->block) != OK)
        return NULL;
    uint8_t *at = g->block->data + g->used;
    g->used += len;
    return at;
}

static struct batch_item *batch_add_item(struct batch *b, struct gather *g, size_t head_len)
{
    if (b->count == b->capacity) {
        void *items = b->items;
        if (grow(&items, &b->capacity, sizeof *b->items, 16) != OK)
            return NULL;
        b->items = items;
    }
    uint8_t *head = gather_take(g, b, head_len);
    if (!head)
        return NULL;
    struct batch_item *item = &b->items[b->count++];
    *item = (struct batch_item){.head = head, .head_len = (uint32_t)head_len};
    return item;
}

static void batch_count(struct batch *b, size_t len)
{
    b->payload += len;
    b->charge += len + sizeof(struct batch_item);
}

uint8_t *batch_reserve(struct batch *b, struct gather *g, size_t len)
{
    assert(len >= RECORD_HEADER_SIZE && len <= RECORD_SIZE_MAX);

    struct batch_item *item = batch_add_item(b, g, len);
    if (!item)
        return NULL;
    batch_count(b, len);
    return item->head;
}

enum err batch_add_entry(struct batch *b, struct gather *g, const struct journal_entry *e)
{
    const size_t len = e->bytes.len;
    const bool gathered = len <= GATHER_ENTRY_MAX;
    const size_t header_size = entry_header_size(&e->header);
    struct batch_item *item = batch_add_item(b, g, header_size + (gathered ? len : 0));
    if (!item)
        return ERR_NOMEM;

    const struct position p = {.ledger = (int64_t)e->ledger, .entry = e->id};
    entry_header_encode(item->head, p, &e->header, len);
    item->entry = true;
    item->gathered = gathered;
    item->append = e->append;
    item->known = e->append ? e->append->known : (struct crc32c_tail){0};
    if (gathered) {
        if (len > 0)
            memcpy(item->head + header_size, e->bytes.data, len);
        item->bytes = slice_of(g->block, g->used - len, len);
    } else {
        item->bytes = slice_ref(e->bytes);
    }
    b->entries++;
    note_ledger(b, e->ledger);
    batch_count(b, header_size + len);
    b->charge += ENTRY_OVERHEAD;
    return OK;
}

void batch_add_op(struct batch *b, struct store_op *op)
{
    op->next = NULL;
    *b->ops_end = op;
    b->ops_end = &op->next;
}

struct journal_entry batch_entry(const struct batch_item *item)
{
    struct journal_entry e = {.bytes = item->bytes, .append = item->append};
    struct position p;

    assert(item->entry);
    entry_header_peek(item->head, &p, &e.header);
    e.ledger = (uint64_t)p.ledger;
    e.id = (uint32_t)p.entry;
    e.gathered = item->gathered;
    return e;
}

void gather_deinit(struct gather *g)
{
    buffer_unref(g->block);
    *g = (struct gather){0};
}
