/* SPDX-License-Identifier: Apache-2.0
 *
 * draft.h - a document of the journal in the making: the records of one round, and the checkpoint that ends it.
 *
 * Records go into the book in the order in which they were added, in as few documents as hold them.  A document that
 * closes workflows ends with a checkpoint over the log as it then is, signed by the log's key.  Belongs to the
 * notary's thread.  May call: base/, book.h, checkpoint.h, a signer that is instant.
 *
 * A broker may take smaller messages than we would write.  Documents are halved down to single records for it; the size
 * of a single record that it does not take is kept, since whoever makes such a record can have something smaller to
 * say.
 *
 * Invariant: what was added before draft_flush returned OK is in the book; after any other error nobody knows, and the
 * notary must be led again.
 */
#ifndef SERVICES_NOTARY_DRAFT_H
#define SERVICES_NOTARY_DRAFT_H

#include "base/log.h"
#include "services/notary/book.h"
#include "services/notary/ports.h"

/* Bytes of one record as compact JSON, whatever the broker takes. */
#define DRAFT_RECORD_MAX (BOOK_DOCUMENT_MAX - (64u << 10))

struct draft {
    struct book *book;
    struct signer *log_key; /* instant */
    struct text origin;
    struct log *log;
    size_t record_max; /* bytes of one record that can be written, as far as is known */
    json_t *records;   /* NULL: none yet */
    size_t bytes;
    struct bytes *leaves; /* of the document that is being written; borrowed from its records */
    size_t leaves_count, leaves_capacity;
};

/* ERR_NOMEM. */
MUST_USE enum err draft_init(struct draft *d, struct book *book, struct signer *log_key, const char *log_url,
                             struct log *log);
void draft_deinit(struct draft *d);

/* Whether a record can be written at all, as far as is known. */
bool draft_fits(const struct draft *d, const json_t *record);

/* Takes the record (NULL: memory was short), whatever it returns.  ERR_TOO_LARGE: it does not fit, and was not added.
 * What draft_flush says when the document before it had to be written first. */
MUST_USE enum err draft_add(struct draft *d, json_t *record);

/* Writes what was added, if anything was.  What the book says; but where one record by itself is more than the broker
 * takes, ERR_FENCED: lead again, and it will not fit any more. */
MUST_USE enum err draft_flush(struct draft *d);

/* Forgets it: another leads. */
void draft_drop(struct draft *d);

#endif
