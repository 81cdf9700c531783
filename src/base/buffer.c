/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.c - counted buffers and slices.
 *
 * A buffer charges its budget when it is made and gives the charge back with its last reference.
 *
 * Buffers of a pool have a few sizes only, eight between a power of two and the next, so that those that come back fit
 * those that are wanted.  With the address sanitizer nothing is kept: it would not see who looks into a free one.
 */
#include "base/buffer.h"

#include "base/sanitized.h"
#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

#define POOLED_LEAST (16u * 1024) /* smaller ones are malloc's, but for the last one given back */
#define STEPS        8u           /* sizes between a power of two and the next */
#define SPARE        4u           /* a free one that is larger by less than a quarter is taken */
#define LOOKS_MAX    32u          /* free ones that are looked at: while none of a size comes back, each would be */

struct buffer *buffer_new(size_t capacity, struct budget *budget)
{
    struct buffer *b;

    if (capacity > SIZE_MAX - sizeof *b)
        return NULL;
    b = malloc(sizeof *b + capacity);
    if (!b)
        return NULL;
    b->refs = 1;
    b->capacity = capacity;
    b->budget = budget;
    b->pool = NULL;
    if (budget)
        budget->used += capacity;
    return b;
}

/* ---- pools ---- */

static struct list *node_of(struct buffer *b)
{
    static_assert(sizeof(struct list) <= POOLED_LEAST && offsetof(struct buffer, data) % alignof(struct list) == 0, "");
    return (struct list *)(void *)b->data;
}

static struct buffer *buffer_of(struct list *node)
{
    return (struct buffer *)(void *)((uint8_t *)node - offsetof(struct buffer, data));
}

void buffer_pool_init(struct buffer_pool *p, size_t limit)
{
    *p = (struct buffer_pool){.limit = SANITIZED ? 0 : limit};
    list_init(&p->free);
}

static void pool_remove(struct buffer_pool *p, struct buffer *b)
{
    list_remove(node_of(b));
    p->bytes -= b->capacity;
}

/* Until it holds no more than so many bytes. */
static void pool_shrink(struct buffer_pool *p, size_t bytes)
{
    while (p->bytes > bytes) {
        struct buffer *b = buffer_of(p->free.prev);
        pool_remove(p, b);
        free(b);
    }
}

void buffer_pool_deinit(struct buffer_pool *p)
{
    pool_shrink(p, 0);
    free(p->small);
    p->small = NULL;
}

static size_t pooled_size(size_t capacity)
{
    const size_t step = ((size_t)1 << (63 - __builtin_clzll(capacity))) / STEPS;
    return (capacity + step - 1) / step * step;
}

static struct buffer *taken(struct buffer *b, struct budget *budget)
{
    b->refs = 1;
    buffer_charge(b, budget);
    return b;
}

static struct buffer *new_of_pool(struct buffer_pool *p, size_t capacity, struct budget *budget)
{
    struct buffer *b = buffer_new(capacity, budget);

    if (b)
        b->pool = p;
    return b;
}

static struct buffer *take_small(struct buffer_pool *p, size_t capacity, struct budget *budget)
{
    struct buffer *b = p->small;

    if (!b || b->capacity != capacity)
        return new_of_pool(p, capacity, budget);
    p->small = NULL;
    return taken(b, budget);
}

struct buffer *buffer_pool_take(struct buffer_pool *p, size_t capacity, struct budget *budget)
{
    if (capacity > p->limit / 2)
        return buffer_new(capacity, budget);
    if (capacity < POOLED_LEAST)
        return take_small(p, capacity, budget);
    capacity = pooled_size(capacity);
    unsigned looks = 0;
    list_each (node, &p->free) {
        struct buffer *b = buffer_of(node);
        if (looks++ == LOOKS_MAX)
            break;
        if (b->capacity < capacity || b->capacity > capacity + capacity / SPARE)
            continue;
        pool_remove(p, b);
        return taken(b, budget);
    }
    return new_of_pool(p, capacity, budget);
}

static void pool_give(struct buffer_pool *p, struct buffer *b)
{
    if (b->capacity < POOLED_LEAST) {
        free(p->small);
        p->small = b;
        return;
    }
    list_push_front(&p->free, node_of(b));
    p->bytes += b->capacity;
    pool_shrink(p, p->limit);
}

/* ---- references ---- */

struct buffer *buffer_ref(struct buffer *b)
{
    assert(b->refs > 0 && b->refs < UINT32_MAX);

    b->refs++;
    return b;
}

void buffer_unref(struct buffer *b)
{
    if (!b)
        return;
    assert(b->refs > 0);

    if (--b->refs > 0)
        return;
    buffer_charge(b, NULL);
    if (b->pool)
        pool_give(b->pool, b);
    else
        free(b);
}

void buffer_charge(struct buffer *b, struct budget *budget)
{
    if (b->budget) {
        assert(b->budget->used >= b->capacity);
        b->budget->used -= b->capacity;
    }
    b->budget = budget;
    if (budget)
        budget->used += b->capacity;
}

bool budget_has(const struct budget *b, size_t bytes)
{
    return b->used <= b->limit && bytes <= b->limit - b->used;
}

struct slice slice_of(struct buffer *b, size_t offset, size_t len)
{
    assert(offset <= b->capacity && len <= b->capacity - offset);

    return (struct slice){.buffer = buffer_ref(b), .data = b->data + offset, .len = len};
}

enum err slice_copy(struct slice *out, struct bytes bytes, struct budget *budget)
{
    struct buffer *b = buffer_new(bytes.len, budget);

    if (!b)
        return ERR_NOMEM;
    if (bytes.len > 0)
        memcpy(b->data, bytes.data, bytes.len);
    *out = (struct slice){.buffer = b, .data = b->data, .len = bytes.len};
    return OK;
}

enum err slice_keep(struct slice *out, struct slice s)
{
    if (s.buffer && s.len * 2 < s.buffer->capacity)
        return slice_copy(out, slice_bytes(s), NULL);
    *out = slice_ref(s);
    return OK;
}

struct slice slice_ref(struct slice s)
{
    if (s.buffer)
        buffer_ref(s.buffer);
    return s;
}

void slice_unref(struct slice *s)
{
    buffer_unref(s->buffer);
    *s = (struct slice){0};
}
