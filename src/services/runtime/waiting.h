/* SPDX-License-Identifier: Apache-2.0
 *
 * waiting.h - messages that were received and not worked on yet: the highest rank first, in one rank the oldest first.
 *
 * Messages are drained in blocks: while something of a block is left, nothing is added, so that a message of low rank
 * waits for one block at most, however many of high rank follow.  What a round put off is held, and goes first in the
 * next one.  Knows no message, only nodes.  Belongs to one thread.
 *
 * Invariant: of an input that has something held, nothing is taken.
 */
#ifndef SERVICES_RUNTIME_WAITING_H
#define SERVICES_RUNTIME_WAITING_H

#include "base/list.h"

#define WAITING_RANKS  8
#define WAITING_INPUTS 4

/* Embedded in what waits. */
struct waiting_node {
    struct list node;
    unsigned rank, input; /* set by the caller */
};

struct waiting {
    struct list ranks[WAITING_RANKS]; /* private, as all here */
    struct list held[WAITING_INPUTS];
    size_t count[WAITING_INPUTS], held_count[WAITING_INPUTS];
};

void waiting_init(struct waiting *w);

/* A rank beyond the highest is the highest. */
void waiting_add(struct waiting *w, struct waiting_node *item);
/* The next one, or NULL; not of an input that is held up. */
struct waiting_node *waiting_take(struct waiting *w);
/* Not now: it and its input wait for waiting_release. */
void waiting_hold(struct waiting *w, struct waiting_node *item);
/* What was held is the first of its rank again, in its order. */
void waiting_release(struct waiting *w);
/* Anything at all, held or not; for the end. */
struct waiting_node *waiting_drop(struct waiting *w);

/* How many can be taken. */
size_t waiting_ready(const struct waiting *w);

static inline size_t waiting_held(const struct waiting *w, unsigned input)
{
    return w->held_count[input];
}

#endif
