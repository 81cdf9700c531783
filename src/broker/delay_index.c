/* SPDX-License-Identifier: Apache-2.0
 *
 * delay_index.c - see delay_index.h.
 *
 * The bytes of a block: of each entry, in order of position, the difference of its id to the one before (of the first:
 * 0) and that of its time (of the first: to 0), the latter with its sign in the lowest bit; both in groups of seven
 * bits, the lowest first, the eighth set but for the last group.
 *
 * Invariants: blocks do not overlap; a block has an entry whose time is `earliest`, and `live` of them at or after it;
 * the index's count is the sum of `live`.
 */
#include "broker/delay_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES_MAX 12u /* 5 of the id, 7 of the time */
#define SAMPLES_MAX     2048u

struct block {
    struct tree_node node;
    size_t heap_index;
    int64_t ledger;
    uint32_t first, last;        /* entry ids */
    int64_t earliest, last_time; /* the latter of the last entry */
    uint16_t count, live;
    uint16_t len, capacity;
    uint8_t *bytes;
};

/* ---- bytes ---- */

static size_t put_number(uint8_t *to, uint64_t n)
{
    size_t len = 0;

    for (; n >= 0x80; n >>= 7)
        to[len++] = (uint8_t)(n | 0x80);
    to[len++] = (uint8_t)n;
    return len;
}

static uint64_t get_number(const uint8_t **from)
{
    uint64_t n = 0;

    for (unsigned shift = 0;; shift += 7) {
        const uint8_t byte = *(*from)++;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return n;
    }
}

static uint64_t fold_sign(int64_t n)
{
    return n < 0 ? ((uint64_t)-n << 1) - 1 : (uint64_t)n << 1;
}

static int64_t unfold_sign(uint64_t n)
{
    return n & 1 ? -(int64_t)(n >> 1) - 1 : (int64_t)(n >> 1);
}

/* Reading a block, an entry at a time. */
struct walk {
    const struct block *block;
    const uint8_t *at;
    unsigned left;
    uint32_t entry;
    int64_t time;
};

static struct walk walk_of(const struct block *b)
{
    return (struct walk){.block = b, .at = b->bytes, .left = b->count, .entry = b->first};
}

static bool walk_next(struct walk *w)
{
    if (w->left == 0)
        return false;
    w->left--;
    w->entry += (uint32_t)get_number(&w->at);
    w->time += unfold_sign(get_number(&w->at));
    return true;
}

static bool walk_next_live(struct walk *w)
{
    while (walk_next(w)) {
        if (w->time >= w->block->earliest)
            return true;
    }
    return false;
}

/* ---- blocks ---- */

static struct block *block_at(struct tree_node *node)
{
    return container_of(node, struct block, node);
}

static int block_compare(const void *key, const struct tree_node *node)
{
    const struct block *b = container_of_const(node, struct block, node);
    return position_compare(*(const struct position *)key, (struct position){b->ledger, b->first});
}

static bool block_before(const void *a, const void *b)
{
    return ((const struct block *)a)->earliest < ((const struct block *)b)->earliest;
}

static void block_moved(void *item, size_t index)
{
    ((struct block *)item)->heap_index = index;
}

static struct block *block_new(int64_t ledger)
{
    struct block *b = calloc(1, sizeof *b);

    if (b) {
        b->ledger = ledger;
        b->earliest = INT64_MAX;
    }
    return b;
}

static void block_free(struct block *b)
{
    if (b)
        free(b->bytes);
    free(b);
}

static bool block_reserve(struct block *b)
{
    if (b->capacity - b->len >= (int)ENTRY_BYTES_MAX)
        return true;
    const size_t wanted = b->capacity < 16 ? 32 : b->capacity * 2u;
    void *grown = realloc(b->bytes, wanted);
    if (!grown)
        return false;
    b->bytes = grown;
    b->capacity = (uint16_t)wanted;
    return true;
}

/* Behind its last entry.  False: no memory. */
static bool block_append(struct block *b, uint32_t entry, int64_t ms)
{
    assert(b->count < DELAY_BLOCK_ENTRIES);
    assert(b->count == 0 || entry > b->last);
    if (!block_reserve(b))
        return false;
    if (b->count == 0)
        b->first = b->last = entry;
    b->len = (uint16_t)(b->len + put_number(b->bytes + b->len, entry - b->last));
    b->len = (uint16_t)(b->len + put_number(b->bytes + b->len, fold_sign(ms - b->last_time)));
    assert(b->len <= b->capacity);
    b->last = entry;
    b->last_time = ms;
    b->count++;
    b->live++;
    return true;
}

static size_t block_size(const struct block *b)
{
    return sizeof *b + b->capacity + 2 * sizeof(void *) + 2 * sizeof(size_t); /* with its places in heap and malloc */
}

static struct block *block_next(const struct block *b)
{
    struct tree_node *node = tree_next(&b->node);
    return node ? block_at(node) : NULL;
}

/* The last block that begins at or before p; NULL: none does. */
static struct block *block_upto(const struct delay_index *x, struct position p)
{
    struct tree_node *node;

    if (tree_empty(&x->blocks))
        return NULL;
    node = tree_lower_bound(&x->blocks, &p);
    if (node && block_compare(&p, node) == 0)
        return block_at(node);
    node = node ? tree_previous(node) : tree_last(&x->blocks);
    return node ? block_at(node) : NULL;
}

/* ---- the index ---- */

void delay_index_init(struct delay_index *x)
{
    *x = (struct delay_index){0};
    tree_init(&x->blocks, block_compare);
    heap_init(&x->earliest, UINT32_MAX, block_before, block_moved);
}

static void enter(struct delay_index *x, struct block *b)
{
    const struct position first = {b->ledger, b->first};
    bool fresh = tree_insert(&x->blocks, &first, &b->node);

    assert(fresh);
    x->count += b->live;
    x->bytes += block_size(b);
}

static void leave(struct delay_index *x, struct block *b)
{
    tree_remove(&x->blocks, &b->node);
    x->count -= b->live;
    x->bytes -= block_size(b);
}

static void drop(struct delay_index *x, struct block *b)
{
    heap_remove(&x->earliest, b->heap_index);
    leave(x, b);
    block_free(b);
}

void delay_index_clear(struct delay_index *x)
{
    tree_each_safe (node, &x->blocks)
        drop(x, block_at(node));
}

void delay_index_deinit(struct delay_index *x)
{
    delay_index_clear(x);
    heap_deinit(&x->earliest);
}

/* The heap does not follow by itself.  There is room, for the block was in it. */
static void set_earliest(struct delay_index *x, struct block *b, int64_t ms)
{
    heap_remove(&x->earliest, b->heap_index);
    b->earliest = ms;
    enum err err = heap_push(&x->earliest, b);
    assert(err == OK);
}

static enum err add_block(struct delay_index *x, struct position p, int64_t ms)
{
    struct block *b = block_new(p.ledger);

    if (!b || !block_append(b, (uint32_t)p.entry, ms))
        goto fail;
    b->earliest = ms;
    if (heap_push(&x->earliest, b) != OK)
        goto fail;
    enter(x, b);
    return OK;
fail:
    block_free(b);
    return ERR_NOMEM;
}

/* Takes no more: gives back what it does not need. */
static void seal(struct delay_index *x, struct block *b)
{
    void *exact = realloc(b->bytes, b->len);

    if (!exact)
        return;
    x->bytes -= (size_t)(b->capacity - b->len);
    b->bytes = exact;
    b->capacity = b->len;
}

enum err delay_index_add(struct delay_index *x, struct position p, int64_t ms)
{
    struct block *b = block_upto(x, p);

    assert(ms >= 0 && ms <= DELAY_MS_MAX);
    assert(!b || b->ledger != p.ledger || p.entry > b->last);
    /* An earlier time than the block's earliest would wake entries that were taken. */
    if (!b || b->ledger != p.ledger || b->count == DELAY_BLOCK_ENTRIES || (ms < b->earliest && b->live < b->count))
        return add_block(x, p, ms);
    const size_t capacity = b->capacity;
    if (!block_append(b, (uint32_t)p.entry, ms))
        return ERR_NOMEM;
    x->bytes += b->capacity - capacity;
    x->count++;
    if (ms < b->earliest)
        set_earliest(x, b, ms);
    if (b->count == DELAY_BLOCK_ENTRIES)
        seal(x, b);
    return OK;
}

int64_t delay_index_earliest(const struct delay_index *x)
{
    const struct block *b = heap_peek(&x->earliest);
    return b ? b->earliest : INT64_MAX;
}

/* ---- writing anew ---- */

/* Only the entries with `from` <= time < `to` are left of the block, which is gone when there are none.  ERR_NOMEM:
 * it is as it was. */
static enum err narrow(struct delay_index *x, struct block *b, int64_t from, int64_t to)
{
    struct block *fresh = block_new(b->ledger);
    struct walk w = walk_of(b);
    bool room = fresh != NULL;

    while (room && walk_next(&w)) {
        if (w.time < from || w.time >= to)
            continue;
        room = block_append(fresh, w.entry, w.time);
        if (room && w.time < fresh->earliest)
            fresh->earliest = w.time;
    }
    if (!room || (fresh->count > 0 && heap_reserve(&x->earliest, heap_count(&x->earliest) + 1) != OK)) {
        block_free(fresh);
        return ERR_NOMEM;
    }
    drop(x, b);
    if (fresh->count == 0) {
        block_free(fresh);
        return OK;
    }
    enum err err = heap_push(&x->earliest, fresh);
    assert(err == OK);
    enter(x, fresh);
    seal(x, fresh);
    return OK;
}

/* ---- what is due ---- */

static void take_block(struct delay_index *x, struct block *b, int64_t now_ms,
                       void (*due)(void *ctx, struct position p), void *ctx)
{
    struct walk w = walk_of(b);
    int64_t earliest = INT64_MAX;
    uint16_t left = 0;

    while (walk_next_live(&w)) {
        if (w.time <= now_ms) {
            due(ctx, (struct position){b->ledger, w.entry});
            continue;
        }
        earliest = w.time < earliest ? w.time : earliest;
        left++;
    }
    if (left == 0) {
        drop(x, b);
        return;
    }
    x->count -= (size_t)(b->live - left);
    b->live = left;
    set_earliest(x, b, earliest);
    if (left < b->count / 2 && narrow(x, b, earliest, INT64_MAX) != OK)
        return; /* it is merely larger than it need be */
}

bool delay_index_take(struct delay_index *x, int64_t now_ms, unsigned blocks_max,
                      void (*due)(void *ctx, struct position p), void *ctx)
{
    struct block *b;

    while ((b = heap_peek(&x->earliest)) && b->earliest <= now_ms) {
        if (blocks_max-- == 0)
            return false;
        take_block(x, b, now_ms, due, ctx);
    }
    return true;
}

/* ---- by position ---- */

struct position delay_index_skip(const struct delay_index *x, struct position p)
{
    struct block *b = block_upto(x, p);

    for (; b && b->ledger == p.ledger && b->first <= p.entry; b = block_next(b)) {
        struct walk w = walk_of(b);
        if (p.entry > b->last)
            continue;
        if (b->live == b->count && b->last - b->first + 1 == b->count) { /* all of it */
            p.entry = (int64_t)b->last + 1;
            continue;
        }
        while (walk_next_live(&w) && w.entry <= p.entry)
            p.entry += w.entry == p.entry;
        if (p.entry <= b->last)
            break;
    }
    return p;
}

size_t delay_index_between(const struct delay_index *x, struct position after, struct position before)
{
    const struct position last_before = {before.ledger, before.entry - 1};
    struct block *b = block_upto(x, after);
    size_t count = 0;

    if (!b && !tree_empty(&x->blocks))
        b = block_at(tree_first(&x->blocks));
    for (; b && position_before((struct position){b->ledger, b->first}, before); b = block_next(b)) {
        struct walk w = walk_of(b);
        if (position_compare((struct position){b->ledger, b->last}, after) <= 0)
            continue;
        if (position_before(after, (struct position){b->ledger, b->first}) &&
            position_compare((struct position){b->ledger, b->last}, last_before) <= 0) {
            count += b->live;
            continue;
        }
        while (walk_next_live(&w)) {
            const struct position p = {b->ledger, w.entry};
            count += position_before(after, p) && position_before(p, before);
        }
    }
    return count;
}

void delay_index_forget_upto(struct delay_index *x, struct position p)
{
    struct tree_node *node;

    while ((node = tree_first(&x->blocks))) {
        struct block *b = block_at(node);
        if (position_before(p, (struct position){b->ledger, b->last}))
            return;
        drop(x, b);
    }
}

/* ---- the bound ---- */

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t delay_index_median(const struct delay_index *x)
{
    const size_t every = tree_count(&x->blocks) / (SAMPLES_MAX / DELAY_BLOCK_ENTRIES) + 1;
    int64_t samples[SAMPLES_MAX];
    size_t count = 0, nth = 0;

    tree_each (node, &x->blocks) {
        struct walk w = walk_of(block_at(node));
        if (nth++ % every != 0)
            continue;
        while (walk_next_live(&w))
            samples[count++] = w.time;
    }
    if (count == 0)
        return INT64_MAX;
    qsort(samples, count, sizeof *samples, compare_times);
    return samples[count / 2];
}

bool delay_index_cut(struct delay_index *x, int64_t ms, struct position *from, unsigned blocks_max)
{
    struct block *b = block_upto(x, *from);

    if (!b && !tree_empty(&x->blocks))
        b = block_at(tree_first(&x->blocks));
    else if (b && position_before((struct position){b->ledger, b->last}, *from))
        b = block_next(b);
    for (struct block *next; b && blocks_max > 0; b = next, blocks_max--) {
        next = block_next(b);
        *from = (struct position){b->ledger, b->last + 1};
        if (narrow(x, b, b->earliest, ms) != OK)
            return true;
    }
    return !b;
}

void delay_index_check(const struct delay_index *x)
{
    size_t count = 0, bytes = 0;
    struct position last = {-1, -1};

    tree_check(&x->blocks);
    heap_check(&x->earliest);
    assert(heap_count(&x->earliest) == tree_count(&x->blocks));
    tree_each (node, &x->blocks) {
        const struct block *b = block_at(node);
        struct walk w = walk_of(b);
        int64_t earliest = INT64_MAX;
        unsigned live = 0;
        assert(position_before(last, (struct position){b->ledger, b->first}));
        while (walk_next_live(&w)) {
            earliest = w.time < earliest ? w.time : earliest;
            live++;
        }
        assert(earliest == b->earliest);
        assert(live == b->live);
        assert(w.entry == b->last);
        last = (struct position){b->ledger, b->last};
        count += live;
        bytes += block_size(b);
    }
    assert(count == x->count);
    assert(bytes == x->bytes);
}
