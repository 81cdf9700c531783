/* SPDX-License-Identifier: Apache-2.0
 *
 * http_memory.c - see http_memory.h.
 */
#include "http/http_memory.h"

#include <libwebsockets.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct http_memory *turn; /* NULL: nothing is kept on this thread */

static void wipe_and_free(void *block)
{
    explicit_bzero(block, malloc_usable_size(block));
    free(block);
}

static bool is_kept(const struct http_memory *m, const void *block)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->freed[i] == block)
            return true;
    return false;
}

static bool has_room(struct http_memory *m)
{
    if (m->count < m->capacity)
        return true;
    const size_t capacity = m->capacity > 0 ? 2 * m->capacity : 64;
    void **larger = realloc(m->freed, capacity * sizeof *larger);
    if (!larger)
        return false;
    m->freed = larger;
    m->capacity = capacity;
    return true;
}

/* A block may be given back twice in a turn, see the header. */
static void give_back(void *block)
{
    struct http_memory *m = turn;

    if (!m || (!is_kept(m, block) && !has_room(m)))
        wipe_and_free(block);
    else if (!is_kept(m, block))
        m->freed[m->count++] = block;
}

static void *allocate(void *before, size_t size, const char *reason)
{
    const size_t had = before ? malloc_usable_size(before) : 0;
    void *now = size > 0 ? malloc(size) : NULL;

    (void)reason;
    if (size > 0 && !now)
        return NULL;
    if (before && now)
        memcpy(now, before, had < size ? had : size);
    if (before)
        give_back(before);
    return now;
}

void http_memory_use(void)
{
    lws_set_allocator(allocate);
}

void http_memory_begin(struct http_memory *m)
{
    turn = m;
}

void http_memory_turn(struct http_memory *m)
{
    while (m->count > 0)
        wipe_and_free(m->freed[--m->count]);
}

void http_memory_end(struct http_memory *m)
{
    turn = NULL;
    http_memory_turn(m);
    free(m->freed);
    *m = (struct http_memory){0};
}
