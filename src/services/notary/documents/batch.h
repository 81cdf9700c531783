/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - many events under one signature: their Merkle tree, the statement that is signed, and each event's path.
 *
 * The tree (RFC 6962 hashing, merkle.h) has a leaf for each of K events, its evidence package (version 1), in the order
 * they were added; then one for each of their artifacts, event by event:
 *
 *     {"artifact":{..},"event_id":ID}                                             canonical, as all here
 *
 * What is signed says how many leaves there are and what the root is:
 *
 *     {"format":"geminga/notary/batch/v1","root":"sha256:HEX","size":N}           the statement
 *
 * The log has one entry for all of it (receipt.h).  It holds the results as well: the root of a second tree, of K
 * leaves, whose entries are the texts "sha256:HEX" of the NotaryResults without receipt, in the events' order.  A
 * receipt then has
 *
 *     "batch":{"events":K,"hashes":[HEX..],"index":I,"result_hashes":[HEX..],"root":"sha256:HEX","size":N}
 *
 * where `hashes` lead from leaf I to the root, and `result_hashes` from result I to results_root.  Nothing in a result
 * can be changed unseen: the event hangs on the statement, the statement and the result on the log entry.
 *
 * Pure; may call: base/, jansson's values, the core beside it.
 */
#ifndef SERVICES_NOTARY_BATCH_H
#define SERVICES_NOTARY_BATCH_H

#include "services/notary/documents/event.h"
#include "services/notary/documents/merkle.h"
#include "services/notary/documents/receipt.h"

#define BATCH_FORMAT     "geminga/notary/batch/v1"
#define BATCH_EVENTS_MAX 10000
#define BATCH_LEAVES_MAX (1u << 20) /* 32 bytes of memory each */

struct batch;

/* (The store has a batch_new of its own.) */
MUST_USE enum err notary_batch_new(struct batch **out);
void notary_batch_free(struct batch *b); /* NULL is fine */

/* The leaves of an event, for who has its package (version 1) at hand: that of the package, then those of its
 * artifacts, event->artifacts of them.  ERR_NOMEM. */
MUST_USE enum err batch_leaves(const struct event *event, struct bytes package, struct digest *out);
/* As batch_add, with these leaves of the next event. */
MUST_USE enum err batch_add_leaves(struct batch *b, const struct digest *leaves, size_t artifacts);

/* The next event, which is not kept; *evidence is the hash of its package (version 1).  ERR_TOO_LARGE: the batch is
 * full, and as it was; ERR_NOMEM: likewise.  Not after batch_statement (asserted). */
MUST_USE enum err batch_add(struct batch *b, const struct event *event, struct digest *evidence);

size_t batch_events(const struct batch *b);
uint64_t batch_size(const struct batch *b); /* leaves */

/* Appends what is to be signed; at least one event is in it (asserted). */
MUST_USE enum err batch_statement(struct batch *b, struct text *out);

/* The result of event `index`, without receipt (receipt.h's rest); each once, after batch_statement.  ERR_NOMEM. */
MUST_USE enum err batch_set_result(struct batch *b, size_t index, struct bytes rest);

/* Appends the log entry's leaf, once every result is set (asserted).  Of the facts: signature (over the statement),
 * key, log_key, log_url, sealed_ms. */
MUST_USE enum err batch_leaf(struct batch *b, const struct receipt_facts *facts, struct text *out);

/* Appends the path of event `index`: a receipt's "batch". */
MUST_USE enum err batch_path(struct batch *b, size_t index, struct text *out);
/* The same as JSON, its members in the canonical order.  NULL: no memory. */
json_t *batch_path_json(struct batch *b, size_t index);

/* Appends the path of artifact `artifact` of event `index`:
 * {"format":"geminga/notary/batch-artifact/v1","hashes":[..],"index":I,"root":..,"size":N}.  ERR_NOT_FOUND. */
MUST_USE enum err batch_artifact_path(struct batch *b, size_t index, size_t artifact, struct text *out);

/* ---- for those who have a receipt and no batch ---- */

/* A receipt's "batch", read.  ERR_INVALID: it is none; `why` says what is wrong. */
struct batch_place {
    uint64_t events, index, size;
    struct digest root;
    struct merkle_proof proof, result_proof;
};
MUST_USE enum err batch_place_read(struct batch_place *out, const json_t *json, const char **why);

/* Whether the path leads from this entry (an evidence package) to the root. */
bool batch_place_holds(const struct batch_place *place, struct bytes entry);

/* The same for an artifact's path and its canonical leaf. */
bool batch_artifact_holds(const json_t *path, struct bytes leaf, struct digest *root);

/* Appends the statement of a root and a size. */
MUST_USE enum err batch_statement_of(const struct digest *root, uint64_t size, struct text *out);

/* The results' root that the path leads to from a result's hash ("sha256:HEX"): to be compared with the leaf's by
 * making the leaf of it (below).  False: the path does not fit the number of events. */
bool batch_results_root(const struct batch_place *place, const char *result_hash, struct digest *out);

/* Appends the leaf made of a receipt's members, its evidence_package_hash replaced by the statement's. */
MUST_USE enum err batch_leaf_of(const json_t *receipt, const char *statement_hash, uint64_t events,
                                const struct digest *results_root, struct text *out);

/* Appends the canonical leaf of an artifact. */
MUST_USE enum err batch_artifact_leaf(const char *event_id, json_t *artifact, struct text *out);

#endif
