/* SPDX-License-Identifier: Apache-2.0
 *
 * receipt.h - a NotaryResult and the receipt in it: composed before the log has it, put together after.
 *
 * What the log keeps of a notarized event is two canonical JSON texts:
 *
 *   leaf  {"event_id":ID,"receipt":{evidence_package_hash, integrated_time, public_key_b64, rekor_log_id,
 *         rekor_server_url, signature_b64},"result_hash":"sha256:HEX"}            hashed into the tree
 *   rest  the NotaryResult without "receipt"                                      result_hash is its SHA-256
 *
 * The published result is the rest, and under "receipt" the leaf's six members with what only the log knows:
 * log_index, and inclusion_proof {checkpoint, hashes, result_hash, and log_public_key_b64 where the log's key is
 * another than public_key_b64}, the one member beside those of the interface.  rekor_log_id is the log key's id.
 * So every byte of a result hangs on the tree's root, which the checkpoint signs; and a result put together
 * again after a crash, or for a repeated event, is the same bytes.
 *
 * Two other kinds of entry.  Of a batch (batch.h) there is one leaf for many results,
 *
 *   leaf  {"batch":{"events":K,"results_root":"sha256:HEX"},"receipt":{.. evidence_package_hash is the statement's}}
 *
 * and each result's receipt has its own evidence_package_hash and the path in "batch".  A workflow that ended without
 * being notarized has a leaf with "outcome", and a result with "receipt":null:
 *
 *   leaf {"event_hash":"sha256:HEX","event_id":ID,"integrated_time":SECONDS,"outcome":"rejected"|"expired"|"cancelled",
 *         "rekor_log_id":..,"rekor_server_url":..,"result_hash":"sha256:HEX"}
 *
 * and beside the null "refusal", which is the leaf without event_id and result_hash, with log_index and
 * inclusion_proof.
 *
 * Pure; may call: base/, jansson's values.
 */
#ifndef SERVICES_NOTARY_RECEIPT_H
#define SERVICES_NOTARY_RECEIPT_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/merkle.h"
#include "services/notary/documents/public_key.h"
#include <jansson.h>

#define RECEIPT_BYTES_MAX (1u << 20) /* of a leaf, a rest, or a whole result: all that varies in them is bounded */

/* The members of a receipt that the leaf covers, and what kind each is. */
struct receipt_member {
    const char *name;
    json_type type;
};
#define RECEIPT_LEAF_MEMBERS 6
extern const struct receipt_member receipt_leaf_members[RECEIPT_LEAF_MEMBERS];

/* The same of a refusal: the members that it and its leaf have. */
#define RECEIPT_REFUSAL_MEMBERS 5
extern const struct receipt_member receipt_refusal_members[RECEIPT_REFUSAL_MEMBERS];

struct receipt_facts {
    const char *event_id;
    const char *trace_id; /* may be NULL */
    const char *workflow_id;
    const char *workflow_type;
    size_t artifacts;
    const char *notifications;              /* what became of those that the event asks for; NULL: it asks for none */
    struct digest evidence;                 /* of the evidence package */
    struct signature signature;             /* over the evidence package */
    const struct public_key *key, *log_key; /* that signed the evidence; that signs the log's checkpoints */
    const char *log_url;
    int64_t sealed_ms;     /* wall clock: timestamp and integrated_time */
    int64_t duration_ms;   /* from receiving to sealing */
    const json_t *package; /* the result's "evidence": an evidence package of version 2 without its event; NULL: none */
    const json_t *metadata; /* more members of the result's "metadata"; NULL: none */
    const char *error;      /* why it was not notarized; NULL: it was */
};

/* Appends leaf and rest.  ERR_NOMEM. */
MUST_USE enum err receipt_compose(const struct receipt_facts *facts, struct text *leaf, struct text *rest);

/* Appends the rest alone: of a batch's result. */
MUST_USE enum err receipt_rest(const struct receipt_facts *facts, struct text *rest);

/* Appends leaf and rest of a workflow that was not notarized; `outcome` is "rejected", "expired" or "cancelled",
 * `event_hash` the text of the event's identity.  Nothing is signed; facts->error is given. */
MUST_USE enum err receipt_refuse(const struct receipt_facts *facts, const char *outcome, const char *event_hash,
                                 struct text *leaf, struct text *rest);

/* The leaf's JSON made of a receipt's six members, an event id and a hash of the rest: the one place that knows the
 * shape.  `receipt` may have other members. */
MUST_USE enum err receipt_leaf(const char *event_id, const json_t *receipt, const char *result_hash, struct text *out);

/* The leaf of a refusal, made of its five members, an event id and a hash of the rest; it may have others. */
MUST_USE enum err receipt_refusal_leaf(const char *event_id, const json_t *refusal, const char *result_hash,
                                       struct text *out);

/* What the log has of one result. */
struct receipt_entry {
    struct bytes leaf, rest;
    struct bytes path;      /* of a batch's result: batch_path's JSON; else empty */
    const char *event_hash; /* of a batch's result: its evidence package's, "sha256:HEX" */
    uint64_t log_index;
    const struct public_key *log_key;
    const struct merkle_proof *proof;
    struct bytes checkpoint;
};

/* Appends the NotaryResult as it is published.  ERR_CORRUPT: leaf, rest or path are not what was composed. */
MUST_USE enum err receipt_result(const struct receipt_entry *entry, struct text *out);

/* The six members of a receipt that a leaf covers; a new reference, NULL when memory is short.  For batch.c. */
json_t *receipt_covered(const struct receipt_facts *facts);

/* The hashes of a proof as a JSON array of texts, NULL when memory is short; and back: false for anything else than
 * an array of at most MERKLE_PROOF_MAX texts of 64 lower-case digits. */
json_t *receipt_hashes(const struct merkle_proof *proof);
bool receipt_hashes_read(const json_t *hashes, struct merkle_proof *out);

/* The evidence hash that a leaf is about: "sha256:HEX" into `to` (RECEIPT_HASH_SIZE bytes).  ERR_CORRUPT. */
#define RECEIPT_HASH_SIZE (sizeof "sha256:" + DIGEST_HEX_LEN)
void receipt_hash_text(const struct digest *d, char to[RECEIPT_HASH_SIZE]);
bool receipt_hash_read(const char *text, struct digest *out); /* NULL is none */
MUST_USE enum err receipt_leaf_evidence(struct bytes leaf, char to[RECEIPT_HASH_SIZE]);

/* Appends "URL/LOGID": the origin of the log's checkpoints. */
void receipt_origin(const char *log_url, const struct digest *log_id, struct text *out);

#endif
