/* SPDX-License-Identifier: Apache-2.0
 *
 * journal_order.h - the rules of the journal's order: what a document is to somebody who has read so far.
 *
 * A topic keeps the order of its messages and nothing else: a message may be there twice (sent again after a lost
 * receipt), or late (on its way while its writer was replaced), and whoever may write to the topic may write nonsense.
 * These rules make one chain of documents out of that, the same for every reader (journal.h has the format):
 *
 *     in term T of writer W, sequence N, hash H        becomes
 *       a beginning of term T + 1                        a new term of its writer        (BEGINS)
 *       a beginning of T, or of a term before it         nothing: late, or there twice   (LATE, REPEATED)
 *       a document of T and W, N + 1, previous H         document N + 1                  (NEXT)
 *       a document of T and W, at most N                 nothing: there twice            (REPEATED)
 *       a document of another writer, or an older term   nothing: late                   (LATE)
 *       anything else                                    an error                        (FOREIGN)
 *
 * Pure; may call: base/, digest.h, jansson's values.
 */
#ifndef SERVICES_NOTARY_JOURNAL_ORDER_H
#define SERVICES_NOTARY_JOURNAL_ORDER_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/digest.h"
#include <jansson.h>

#define JOURNAL_FORMAT     "geminga/notary/journal/v1"
#define JOURNAL_HASH_SIZE  (sizeof "sha256:" + DIGEST_HEX_LEN)
#define JOURNAL_WRITER_MAX 255 /* bytes */

enum journal_verdict {
    JOURNAL_NEXT,     /* it counts */
    JOURNAL_BEGINS,   /* a term begins */
    JOURNAL_REPEATED, /* it was read before */
    JOURNAL_LATE,     /* its writer had been replaced when it came */
    JOURNAL_FOREIGN,  /* none of these: somebody's hand */
};

/* How far one has read.  Embedded; the fields are journal_order.c's to change. */
struct journal_order {
    uint64_t sequence, term;
    char writer[JOURNAL_WRITER_MAX + 1]; /* of the term; "": not known yet, the next document tells */
    char previous[JOURNAL_HASH_SIZE];    /* "sha256:HEX" of document `sequence` */
};

/* After document `sequence`, which was of this term and has this hash; 0, 0, "" at the beginning.  False: `previous` is
 * no hash. */
MUST_USE bool journal_order_init(struct journal_order *o, uint64_t sequence, uint64_t term, const char *previous);

/* What the message with this body, whose parse is `document` (NULL: it has none), is.  `why`: of JOURNAL_FOREIGN, a
 * sentence. */
enum journal_verdict journal_order_judge(const struct journal_order *o, const json_t *document, struct bytes body,
                                         char *why, size_t why_size);

/* Goes on behind a document that was judged NEXT or BEGINS. */
void journal_order_take(struct journal_order *o, const json_t *document, struct bytes body);

/* The beginning of the term after `o`'s by this writer; the document after `o`, in its term, with these records
 * (stolen). NULL: no memory. */
json_t *journal_beginning(const struct journal_order *o, const char *writer, int64_t now_ms);
json_t *journal_document(const struct journal_order *o, json_t *records, int64_t now_ms);

/* Its bytes.  ERR_TOO_LARGE: more than the limit of `out`, which stays as it is; ERR_NOMEM. */
MUST_USE enum err journal_encode(const json_t *document, struct text *out);

#endif
