/* SPDX-License-Identifier: Apache-2.0
 *
 * anchoring.h - every entry of the log to every anchor, behind everything else: what is next, and what came back.
 *
 * The queue is the book: an entry without an `anchored` record of an anchor is waiting for it, whatever dies.  This
 * keeps only what is under way.  Each anchor is a lane, so that one which is slow or down holds up none of the others
 * and nothing else.  Belongs to the notary's thread.  May call: base/, the core, lanes.
 *
 * An anchor that fails is left alone for a while (retry_ms, then twice as long each time, up to retry_max_ms), and then
 * tried again for ever.  An entry that it refuses is put aside for retry_max_ms, and others go on.
 */
#ifndef SERVICES_NOTARY_ANCHORS_ANCHORING_H
#define SERVICES_NOTARY_ANCHORS_ANCHORING_H

#include "base/log.h"
#include "services/notary/anchors/anchor.h"
#include "services/notary/book.h"
#include "services/runtime/lanes.h"

#define ANCHORING_PARALLEL_MAX LANE_THREADS_MAX
#define ANCHORING_ASIDE_MAX    256 /* entries that an anchor refuses; more of them, and it is left alone as a whole */
#define ANCHORING_BYTES_MAX    (1u << 20) /* of the receipts that one round hands out */

struct anchoring;

struct anchoring_options {
    struct book *book; /* outlives it, as all here */
    struct lanes *lanes;
    struct anchor *const *anchors; /* they become its own */
    size_t count;
    const struct anchor_settings *settings; /* timeout, parallel, retry */
    struct log *log;
};

/* ERR_FULL: no lane is left; ERR_NOMEM.  The anchors are the caller's still then. */
MUST_USE enum err anchoring_new(struct anchoring **out, const struct anchoring_options *options);

/* After lanes_collect: appends the `anchored` records of what came back to `records`, which the caller writes (at
 * most ANCHORING_BYTES_MAX and one receipt), and gives the lanes what is next.  `now_ms` never goes back.  *next_ms is
 * when to come again, if nothing wakes the owner before (INT64_MAX: nothing to wait for).  What the book says;
 * ERR_NOMEM. After an error, or where the records were not written: anchoring_forget. */
MUST_USE enum err anchoring_round(struct anchoring *a, int64_t now_ms, json_t *records, int64_t *next_ms);

/* What came back and was not written is forgotten: the book will say that it is waiting. */
void anchoring_forget(struct anchoring *a);

/* Appends geminga_notary_anchor_receipts_total and geminga_notary_anchor_failures_total, of each anchor.  From any
 * thread. */
void anchoring_metrics(struct anchoring *a, struct text *out);

/* Closes the anchors.  After lanes_free, which may drop its jobs: they are its own.  NULL is fine. */
void anchoring_free(struct anchoring *a);

#endif
