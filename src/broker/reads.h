/* SPDX-License-Identifier: Apache-2.0
 *
 * reads.h - reads of the store under way, kept by the broker so that none is lost when it goes without a word.
 */
#ifndef BROKER_READS_H
#define BROKER_READS_H

#include "base/list.h"
#include "store/store.h"

struct broker;

struct broker_read {
    struct broker *broker;
    struct list node; /* broker->reads */
    void *owner;      /* who asked; NULL: nobody wants the result any more */
    struct store_read read;
};

/* NULL when memory is short.  The caller fills `read` and calls ledger_read. */
struct broker_read *broker_read_new(struct broker *b, void *owner, void (*done)(struct store_read *r, enum err err));
/* With the entries that it holds, if it ended with `err` OK. */
void broker_read_free(struct broker_read *r, enum err err);

static inline struct broker_read *broker_read_of(struct store_read *r)
{
    return container_of(r, struct broker_read, read);
}

#endif
