/* SPDX-License-Identifier: Apache-2.0
 *
 * book.h - the port through which the notary writes what it does and reads what is known: journal and registry as one.
 *
 * In the service it is journal.h and registry.h together (an append is applied to the registry before it returns); in
 * tests a list of documents in memory.  All calls are on the notary's thread and may wait.
 */
#ifndef SERVICES_NOTARY_BOOK_H
#define SERVICES_NOTARY_BOOK_H

#include "services/notary/registry/registry.h"

#define BOOK_DOCUMENT_MAX (4u << 20) /* bytes of the records of one append, as compact JSON, with room for the rest */

struct book;

struct book_ops {
    /* Records (records.h; an array, stolen) as one document: written for good, and to be found, when it returns OK.
     * ERR_TOO_LARGE: the broker takes no message of this size; nothing was written, and less may be.
     * Anything else is the end of this leader: ERR_FENCED (lead again and find out), ERR_CANCELLED, ERR_CORRUPT... */
    enum err (*append)(struct book *book, json_t *records);
    /* As registry_find: ERR_NOT_FOUND when the event's workflow is not closed.  book_result_deinit after OK. */
    enum err (*find)(struct book *book, const char *event_id, struct registry_result *out);
    enum err (*result_at)(struct book *book, uint64_t number, struct registry_result *out);
    uint64_t (*result_count)(struct book *book);
    uint64_t (*published)(struct book *book); /* all results up to this number have been, for sure */
    uint64_t (*log_size)(struct book *book);
    enum err (*root_with)(struct book *book, const struct bytes *leaves, size_t count, struct digest *out);
    /* Each open workflow with its records, as registry_open_workflows. */
    enum err (*open_workflows)(struct book *book, bool (*visit)(void *ctx, const char *event_id, const json_t *records),
                               void *ctx);
    /* Log entries without a receipt of this anchor, as registry_unanchored; the entry itself, as registry_entry. */
    enum err (*unanchored)(struct book *book, const char *anchor, uint64_t *indexes, size_t max, size_t *count);
    enum err (*entry)(struct book *book, uint64_t index, struct text *leaf, struct text *event_id);
};

/* Embedded in an implementation. */
struct book {
    const struct book_ops *ops;
};

static inline void book_result_deinit(struct registry_result *r)
{
    text_deinit(&r->leaf);
    text_deinit(&r->rest);
    text_deinit(&r->path);
    text_deinit(&r->event_hash);
    text_deinit(&r->checkpoint);
}

#endif
