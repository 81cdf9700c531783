/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction_job.h - one compaction under way: reads a topic, and writes its next view.
 *
 *     LEARN    the view before it and the log after that view's horizon, up to where the log ended at the start; again,
 *              as often as the compactor wants
 *     WRITE    the same once more; what stays is appended to a new ledger, a few at a time
 *     COMMIT   all of it is durable: the ledger is closed, the row names it, the cursor of __compaction moves; a
 * barrier UNDO     something failed: the new ledger is deleted
 *
 * One read, or one piece of work on the worker, at a time; entries are looked into, compressed and so on there, and the
 * core only carries them around.  Jobs of different topics come one after the other, so that one budget is enough. Goes
 * by ids: the topic may leave memory, and then the job undoes what it did, unless the row was written.
 */
#ifndef BROKER_COMPACTION_JOB_H
#define BROKER_COMPACTION_JOB_H

#include "broker/compaction.h"

/* Up to `end`.  NULL: memory is short. */
struct compaction_job *compaction_job_new(struct topic *t, uint64_t subscription, struct position end);
/* Its topic is not interested any more. */
void compaction_job_forsake(struct compaction_job *job);
/* Of a broker that goes without a word. */
void compaction_jobs_free(struct broker *b);

#endif
