/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.c - counted buffers and slices.
 *
 * A buffer charges its budget when it is made and gives the charge back with its last reference.
 */
#include "base/buffer.h"

#include <assert.h>
#include <stdlib.h>

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
    if (budget)
        budget->used += capacity;
    return b;
}

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
    if (b->budget) {
        assert(b->budget->used >= b->capacity);
        b->budget->used -= b->capacity;
    }
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
