/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c - bump allocation from a chain of blocks, newest first.
 *
 * Invariant: used <= limit; every block but the newest is full enough that the allocation which made the
 * next one did not fit.  A reset keeps the largest block, so that a steady load allocates nothing.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_ALIGN     16u
#define ARENA_BLOCK_MIN 4096u

struct arena_block {
    struct arena_block *older;
    size_t capacity, used;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

void arena_deinit(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *older = a->blocks->older;
        free(a->blocks);
        a->blocks = older;
    }
    a->used = 0;
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;

    while (a->blocks) {
        struct arena_block *block = a->blocks;
        a->blocks = block->older;
        if (kept && kept->capacity >= block->capacity) {
            free(block);
            continue;
        }
        free(kept);
        kept = block;
    }
    if (kept) {
        kept->older = NULL;
        kept->used = 0;
    }
    a->blocks = kept;
    a->used = 0;
}

/* Blocks double, so that a large decode takes few of them. */
static struct arena_block *arena_grow(struct arena *a, size_t len)
{
    size_t capacity = a->blocks ? 2 * a->blocks->capacity : ARENA_BLOCK_MIN;
    struct arena_block *block;

    if (capacity > a->limit)
        capacity = a->limit;
    if (capacity < len)
        capacity = len;
    block = malloc(sizeof *block + capacity);
    if (!block)
        return NULL;
    block->older = a->blocks;
    block->capacity = capacity;
    block->used = 0;
    a->blocks = block;
    return block;
}

void *arena_alloc(struct arena *a, size_t len)
{
    struct arena_block *block = a->blocks;
    void *at;

    assert(a->used <= a->limit);
    if (len > a->limit - a->used)
        return NULL;
    len = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (len > a->limit - a->used)
        return NULL;
    if (!block || len > block->capacity - block->used)
        block = arena_grow(a, len);
    if (!block)
        return NULL;
    at = block->data + block->used;
    block->used += len;
    a->used += len;
    return at;
}

void *arena_zalloc(struct arena *a, size_t len)
{
    void *at = arena_alloc(a, len);

    return at ? memset(at, 0, len) : NULL;
}

char *arena_text(struct arena *a, const char *text)
{
    return arena_text_of(a, bytes_of_text(text));
}

char *arena_text_of(struct arena *a, struct bytes bytes)
{
    char *at = bytes.len < SIZE_MAX ? arena_alloc(a, bytes.len + 1) : NULL;

    if (!at)
        return NULL;
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    at[bytes.len] = '\0';
    return at;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    char *at;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    at = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (at)
        vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return at;
}
