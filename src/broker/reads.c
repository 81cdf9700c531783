/* SPDX-License-Identifier: Apache-2.0
 *
 * reads.c - see reads.h.
 */
#include "broker/reads.h"

#include "broker/core.h"

#include <stdlib.h>

struct broker_read *broker_read_new(struct broker *b, void *owner, void (*done)(struct store_read *r, enum err err))
{
    struct broker_read *r = malloc(sizeof *r);

    if (!r)
        return NULL;
    r->broker = b;
    r->owner = owner;
    r->read.done = done;
    r->read.count = 0;
    list_push_back(&b->reads, &r->node);
    return r;
}

void broker_read_free(struct broker_read *r, enum err err)
{
    for (size_t i = 0; err == OK && i < r->read.count; i++)
        entry_unref(&r->read.entries[i]);
    list_remove(&r->node);
    broker_rest(r->broker);
    free(r);
}
