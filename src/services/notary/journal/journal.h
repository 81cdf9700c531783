/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.h - the notary's journal: one topic that all replicas read and one of them, the leader, writes.
 *
 * All that the notary knows is in it: what is under way, who decided what, what the transparency log holds
 * (docs/notary.md). What replicas keep on their disks (registry.h) is derived from it.  A message of the topic is a
 * document,
 *
 *     {"format":"geminga/notary/journal/v1","term":T,"writer":ID,"sequence":N,"previous":"sha256:HEX","time":RFC3339,
 *      "records":[...]}
 *
 * or, when a leader begins, a document with "begins":true and neither sequence nor records, whose term is one more than
 * any before it.  Documents are numbered from 1; `previous` is the hash of the bytes of the one before (64 zeros at
 * first).  Who reads goes by the order of the topic alone: after a beginning, documents of another term or writer are
 * passed over (they were on their way when their writer was replaced), one that is there twice counts once (a resend),
 * and anything else that does not follow on is somebody's hand in the topic: ERR_CORRUPT, named.
 *
 * (The rules: journal_order.h.)
 *
 * The leader holds the topic's exclusive producer, so that the broker turns everybody else away; and it believes no
 * receipt: a document counts once it was read back from the topic, with nobody's beginning before it.  So even a late
 * message of an old leader, or an old leader that wakes up, makes no difference.  The topic is kept by a subscription
 * that never acknowledges (JOURNAL_KEEP).
 *
 * (Its functions begin with notary_: the broker has a journal, too.)
 *
 * Belongs to one thread; calls wait.  May call: base/, the client library, services/runtime.
 */
#ifndef SERVICES_NOTARY_JOURNAL_H
#define SERVICES_NOTARY_JOURNAL_H

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "services/runtime/settings.h"
#include "sys/loop.h"
#include <jansson.h>
#include <stdbool.h>

#define JOURNAL_DOCUMENT_MAX ((4u << 20) + (64u << 10)) /* bytes; brokers take messages of 5 MiB by default */
#define JOURNAL_KEEP         "notary-journal-keep"

struct notary_journal;

struct notary_journal_options {
    const struct pulsar_settings *settings; /* outlives the journal, as all here */
    const char *topic;                      /* whole name */
    const char *writer;                     /* this replica's name: unique among replicas and starts */
    struct loop *clocks;
    struct log *log;
    /* A document that counts, in order, whoever wrote it: the registry takes it over.  `body` is the message, `json`
     * its parse; `place` tells where the topic goes on after it, to be kept with it and given to notary_journal_new as
     * `from`. What it returns other than OK ends the call that reads, with it; the next one reads the document again.
     * Beginnings are not told: the term of a document is in it. */
    enum err (*apply)(void *ctx, uint64_t sequence, const json_t *json, struct bytes body, const char *place);
    void *ctx;
    /* Where the registry stands: 0 and "" for an empty one. */
    uint64_t sequence, term;
    const char *previous; /* "sha256:HEX" of document `sequence` */
    const char *from;     /* its place */
};

/* Texts of the options are copied where they stand for a place in the journal.  ERR_INVALID: that is none. */
MUST_USE enum err notary_journal_new(struct notary_journal **out, const struct notary_journal_options *options);

/* Becomes the leader: reads to the end, waits for the topic's exclusive producer, applying meanwhile what the leader of
 * the day writes (a standby is warm); then begins a term and reads up to its own beginning.  OK: leader, everything
 * applied.  ERR_CANCELLED: notary_journal_stop was called.  ERR_CORRUPT, ERR_DENIED with the sentence for the user in
 * `message`; what `apply` said, with `message` empty.  While the broker is away it tries again, with a growing delay.
 */
MUST_USE enum err notary_journal_lead(struct notary_journal *j, char *message, size_t message_size);

/* The leader's: puts records (an array; stolen) into one document, publishes it, waits until it is read back, applies
 * it.  ERR_FENCED: another leads, or it cannot be known whether the document was written: notary_journal_lead again,
 * which finds out.  ERR_TOO_LARGE, ERR_NOMEM: nothing was published (of what is too large the caller makes smaller
 * documents).  ERR_CORRUPT: somebody's hand (logged).  What `apply` says. */
MUST_USE enum err notary_journal_append(struct notary_journal *j, json_t *records);

/* The leader's, now and then while there is nothing to append: whether another leads by now (ERR_FENCED), or somebody's
 * hand is in the topic (ERR_CORRUPT).  Does not wait. */
MUST_USE enum err notary_journal_check(struct notary_journal *j);

/* Waits that long, or until the stop. */
void notary_journal_pause(struct notary_journal *j, int64_t ms);

/* From any thread; for good.  An append under way ends as it would. */
void notary_journal_stop(struct notary_journal *j);

/* From any thread. */
struct notary_journal_status {
    bool ready;   /* connected, and reading at the end or leading */
    bool leading; /* otherwise standing by */
    uint64_t term, sequence;
    char leader[256]; /* the writer of the term; "": none yet */
};
struct notary_journal_status notary_journal_status(struct notary_journal *j);

/* At the end of its thread: gives the leadership up, and leaves the broker, which may be waited for; the status can be
 * asked for still.  Beside a broker in one process that must not be left to notary_journal_free, which is called by the
 * thread that the broker answers on. */
void notary_journal_close(struct notary_journal *j);

/* Not while a call waits.  Gives the leadership up at once.  NULL is fine. */
void notary_journal_free(struct notary_journal *j);

#endif
