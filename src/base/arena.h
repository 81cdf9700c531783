/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - memory for what dies together: decoding one frame, answering one request.
 *
 * Nothing in an arena is freed singly and nothing outside points into it after a reset.  Bounded:
 * beyond `limit` bytes arena_alloc returns NULL.  Belongs to one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"
#include "base/err.h"

struct arena_block;
struct arena {
    struct arena_block *blocks; /* private */
    size_t used;                /* bytes handed out since the last reset */
    size_t limit;
};

void arena_init(struct arena *a, size_t limit);
void arena_deinit(struct arena *a);

/* Keeps one block for the next use, frees the rest. */
void arena_reset(struct arena *a);

/* 16-byte aligned, not zeroed; NULL beyond the limit or when memory is short. */
void *arena_alloc(struct arena *a, size_t len);
void *arena_zalloc(struct arena *a, size_t len);

/* NUL-terminated copies; NULL like arena_alloc. */
char *arena_text(struct arena *a, const char *text);
char *arena_text_of(struct arena *a, struct bytes bytes);
char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
