/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.h - a binary heap of pointers, the first in order on top; for timers by deadline.
 *
 * The items are the caller's.  Each is told where it stands (`moved`), so that it can be removed from the
 * middle.  Grows by doubling up to `limit` items.  Belongs to one thread.
 *
 * Invariant: no item is before its parent.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct heap {
    void **items; /* private, as all the rest */
    size_t count, capacity, limit;
    bool (*before)(const void *a, const void *b); /* strict order */
    void (*moved)(void *item, size_t index);      /* after the item was put at this index */
};

void heap_init(struct heap *h, size_t limit, bool (*before)(const void *a, const void *b),
               void (*moved)(void *item, size_t index));
void heap_deinit(struct heap *h);

static inline size_t heap_count(const struct heap *h)
{
    return h->count;
}

/* ERR_NOMEM: at the limit, or memory is short; nothing changed.  Never after a heap_reserve of enough. */
MUST_USE enum err heap_push(struct heap *h, void *item);
MUST_USE enum err heap_reserve(struct heap *h, size_t count);

/* The first in order; NULL when empty. */
void *heap_peek(const struct heap *h);
void *heap_pop(struct heap *h);

/* The item that stands at `index`. */
void heap_remove(struct heap *h, size_t index);

/* Asserts the invariant. */
void heap_check(const struct heap *h);

#endif
