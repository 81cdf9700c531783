/* SPDX-License-Identifier: Apache-2.0
 *
 * leading_handler.h - a handler that works only as long as this replica leads.
 *
 * Around another one: before each round it asks the journal whether another replica leads by now, and when there are no
 * rounds it has one made each second for that.  Belongs to the runtime's thread.  May call: journal.h.
 */
#ifndef SERVICES_NOTARY_LEADING_HANDLER_H
#define SERVICES_NOTARY_LEADING_HANDLER_H

#include "services/notary/journal/journal.h"
#include "services/runtime/handler.h"

/* Embedded; the runtime is given `handler`, the rest is private. */
struct leading_handler {
    struct handler handler;
    struct handler *inner;
    struct notary_journal *journal;
    struct loop *clocks;
    uint64_t check_ns; /* when the journal is asked next */
};

/* All outlive it.  A round that comes too late is ERR_FENCED, and the inner handler does not hear of it. */
void leading_handler_init(struct leading_handler *l, struct handler *inner, struct notary_journal *journal,
                          struct loop *clocks);

#endif
