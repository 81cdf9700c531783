/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h - what a replica knows: the journal's documents, applied to an SQLite file and to the tiled log.
 *
 * Derived, all of it: when the file is lost it is made again from the journal.  A document is applied in one
 * transaction with its number, hash and place, so that the registry always stands behind a whole document.  Memory is
 * bounded, whatever the log's size: SQLite's page cache and the tree's upper nodes (log_tree.h).
 *
 * The transparency log (RFC 6962 tree) is laid out for others in DIR/log as C2SP's tlog-tiles says: checkpoint,
 * tile/L/N[.p/W], tile/entries/N[.p/W]; whole tiles are written once.  At each start all entries are hashed again and
 * compared with the tiles and the signed checkpoints: what was changed is refused, with the entry named.
 *
 * One thread applies and asks; a registry_view is for one other thread.  May call: base/, sys/disk.h, SQLite, the core.
 */
#ifndef SERVICES_NOTARY_REGISTRY_H
#define SERVICES_NOTARY_REGISTRY_H

#include "base/log.h"
#include "services/notary/documents/digest.h"
#include "services/notary/documents/merkle.h"
#include "services/notary/documents/public_key.h"
#include <jansson.h>

struct registry;

struct registry_options {
    const char *directory;        /* there; NULL: in memory, without tiles (for tests) */
    const char *origin;           /* of the checkpoints */
    const struct public_key *key; /* that signs them */
    struct log *log;
};

/* Opens or begins it, and checks all of it.  `message`: ERR_CORRUPT (the first bad entry is named), ERR_INVALID
 * (another key or origin than it was begun with), ERR_VERSION. */
MUST_USE enum err registry_open(struct registry **out, const struct registry_options *options, char *message,
                                size_t message_size);
void registry_close(struct registry *r); /* NULL is fine; DIR/log is complete then, if nothing failed */

/* Checks a registry and its DIR/log as registry_open does, and only reads; it may be in use meanwhile. ERR_NOT_FOUND:
 * there is none. */
MUST_USE enum err registry_verify(const char *directory, uint64_t *size, struct digest *root, char *message,
                                  size_t message_size);

/* Where the journal goes on: journal_options' sequence, term, previous, from.  Texts are valid until the next apply. */
struct registry_place {
    uint64_t sequence, term;
    const char *previous, *from;
};
struct registry_place registry_place(const struct registry *r);

/* One document of the journal (journal.h); one that begins a term has no number, and changes term and place only. After
 * an error nothing of it is there, and it can be applied again.  ERR_CORRUPT: it does not follow from what is there (a
 * record that makes no sense, a checkpoint whose root is not ours or that the key did not sign): `message` says which;
 * ERR_IO, ERR_NOSPACE.
 */
MUST_USE enum err registry_apply(struct registry *r, uint64_t sequence, const json_t *document, struct bytes body,
                                 const char *place, char *message, size_t message_size);

uint64_t registry_log_size(const struct registry *r);
struct digest registry_log_root(const struct registry *r);
/* The root as it will be with these leaves behind the log: for the checkpoint of a document that is being made. */
struct digest registry_root_with(const struct registry *r, const struct bytes *leaves, size_t count);

/* A result with its proof, as of the checkpoint that first covered its entry: the same for ever. */
struct registry_result {
    uint64_t number;                                      /* in the order of closing, from 1 */
    uint64_t index;                                       /* of the log entry */
    struct text leaf, rest, path, event_hash, checkpoint; /* path: JSON, "" without a batch */
    struct merkle_proof proof;
};
/* ERR_NOT_FOUND; ERR_CORRUPT; ERR_IO; ERR_NOMEM.  registry_result_deinit after OK.  The workflow of an event that
 * is open has no result yet: ERR_NOT_FOUND. */
MUST_USE enum err registry_find(struct registry *r, const char *event_id, struct registry_result *out);
MUST_USE enum err registry_result_at(struct registry *r, uint64_t number, struct registry_result *out);
void registry_result_deinit(struct registry_result *result);

uint64_t registry_published(const struct registry *r);    /* `through` of the last published record */
uint64_t registry_result_count(const struct registry *r); /* the last number */

/* Each open workflow with its records, oldest first (an array, borrowed): how a leader begins.  `visit` false ends it;
 * it asks the registry nothing. */
MUST_USE enum err registry_open_workflows(struct registry *r,
                                          bool (*visit)(void *ctx, const char *event_id, const json_t *records),
                                          void *ctx);

/* Log entries that have no receipt of this anchor yet, oldest first, at most `max`. */
MUST_USE enum err registry_unanchored(struct registry *r, const char *anchor, uint64_t *indexes, size_t max,
                                      size_t *count);
/* Appends an entry's bytes, and the event id of its first result.  ERR_NOT_FOUND. */
MUST_USE enum err registry_entry(struct registry *r, uint64_t index, struct text *leaf, struct text *event_id);

/* ---- another thread's look: a connection of its own, read only ---- */

struct registry_view;
MUST_USE enum err registry_view_open(struct registry_view **out, const char *directory);
void registry_view_close(struct registry_view *v);

/* Appends gauges in Prometheus' format: workflows by status, the log's entries, results and how many of them are
 * published, receipts of anchors. */
MUST_USE enum err registry_view_metrics(struct registry_view *v, struct text *out);

struct registry_filter {
    const char *status;                /* "open", or one status ("pending_approval", "notarized", ...); NULL: all */
    const char *workflow_type, *after; /* an event id: page on; NULL */
    size_t limit;                      /* at most 1,000 */
};
/* {"workflows":[{event_id, workflow_id, workflow_type, open, status, priority, received_at, deadline, approvers,
 * quorum, approvals}], "next":EVENT_ID|null}, newest first.  Priority is its name; it and the times are null of one
 * that began and ended in one document.  ERR_NOT_FOUND: there is no workflow `after`; ERR_INVALID: a limit of 0, or
 * beyond. */
MUST_USE enum err registry_view_list(struct registry_view *v, const struct registry_filter *filter, struct text *json);
/* {"event_id", "event_hash", "workflow_id", "workflow_type", "open", "status" (of an open one that of its last status
 * record; of a closed one its outcome), "priority", "received_at", "deadline" or null, "approvers" (an array; of the
 * event's), "quorum", "approvals", "event" (as in `opened`; null of one that began and ended in one document), "steps"
 * (its records in order, as they are), "result" (the NotaryResult as published; null of an open one), "anchors" (an
 * array)}.  ERR_NOT_FOUND. */
MUST_USE enum err registry_view_show(struct registry_view *v, const char *event_id, struct text *json);
/* {"size", "root" (64 digits), "origin", "key" (PEM), "checkpoint" (the last one; null of an empty log)}. */
MUST_USE enum err registry_view_log(struct registry_view *v, struct text *json);
/* {"from", "from_root", "to", "to_root", "hashes"}: that the log of `from` entries is the beginning of that of `to` (0:
 * all).  ERR_INVALID: not 0 < from <= to <= size. */
MUST_USE enum err registry_view_consistency(struct registry_view *v, uint64_t from, uint64_t to, struct text *json);
/* {"index", "leaf" (text), "leaf_hash", "event_ids", "anchors", "inclusion": {"checkpoint", "hashes"}}.
 * ERR_NOT_FOUND. */
MUST_USE enum err registry_view_entry(struct registry_view *v, uint64_t index, struct text *json);

#endif
