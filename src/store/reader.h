/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.h - reads of entries that are not in memory.
 *
 * A read is planned on the core (which file, where), done by the reader's worker, checked there record by record,
 * and handed back as slices of one buffer.  A journal file is pinned while a read of it is under way; a segment file
 * may be unlinked meanwhile: when its last ledger is deleted the read finds nothing, when compaction has moved the
 * entries elsewhere it is planned anew.
 * Any number of reads may wait; READER_JOBS_MAX are with the worker.  Core thread, but for the jobs.
 * May call: ledger.h, journal.h, segment.h, sys/.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "base/list.h"
#include "store/ledger.h"
#include "sys/loop.h"
#include "sys/sys.h"

#define READER_JOBS_MAX 8u

struct log;

struct reader {
    struct sys sys;
    struct log *log;
    struct executor *worker;
    struct ledgers *ledgers;
    struct journal *journal;
    struct store_read *waiting, **waiting_end; /* linked by next */
    struct task answer;                        /* those that need no job */
    struct store_read *answered, **answered_end;
    struct list jobs; /* with the worker */
    size_t job_count;
    void (*idle)(void *ctx); /* called when the last read is answered */
    void *ctx;
    uint64_t cold_reads, cold_bytes, cache_hits;
};

void reader_init(struct reader *r, const struct sys *sys, struct log *log, struct executor *worker,
                 struct ledgers *ledgers, struct journal *journal);
/* Jobs that will never come back: the loop runs no more. */
void reader_deinit(struct reader *r);
void reader_read(struct reader *r, struct store_read *read);
size_t reader_peek(struct reader *r, struct position from, size_t max, size_t bytes_max, struct entry *out);
/* No read waits or is under way. */
bool reader_idle(const struct reader *r);

#endif
