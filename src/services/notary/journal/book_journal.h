/* SPDX-License-Identifier: Apache-2.0
 *
 * book_journal.h - the book (book.h) of a replica that leads: the journal for writing, the registry for reading.
 *
 * What is appended comes back through book_journal_apply, the journal's `apply`, which is also how a replica that
 * stands by keeps up.  Belongs to the notary's thread.  May call: journal.h, registry.h.
 */
#ifndef SERVICES_NOTARY_BOOK_JOURNAL_H
#define SERVICES_NOTARY_BOOK_JOURNAL_H

#include "services/notary/book.h"
#include "services/notary/journal/journal.h"

/* Embedded by the service; private to book_journal.c but for `why`. */
struct book_journal {
    struct book book;
    struct registry *registry;
    struct notary_journal *journal; /* set once there is one: it is made with this book as its ctx */
    char why[600];                  /* what the last book_journal_apply that failed has to say, or "" */
};

void book_journal_init(struct book_journal *b, struct registry *registry);

/* notary_journal_options.apply; `ctx` is the book. */
enum err book_journal_apply(void *ctx, uint64_t sequence, const json_t *document, struct bytes body, const char *place);

#endif
