/* SPDX-License-Identifier: Apache-2.0
 *
 * verify_evidence.c - what was signed, made again from the event: a package, a package with decisions, a batch's
 * statement.
 *
 * Decisions are checked one by one, and then counted against the quorum that the event asks for, so that an evidence
 * package that says "approved" and holds too few approvals, or those of people who were not asked, is refused although
 * the notary signed it.
 */
#include "services/notary/documents/verify_private.h"

#include "services/notary/documents/decision.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/receipt.h"
#include <inttypes.h>
#include <stdlib.h>

static struct bytes text_bytes(const struct text *t)
{
    return bytes_of(t->data, t->len);
}

/* ---- evidence ---- */

/* The NotaryResult's "evidence", or NULL. */
static json_t *decided_evidence(const struct verification *v)
{
    return json_object_get(v->result, "evidence");
}

static bool evidence_has_form(struct verification *v, const json_t *evidence)
{
    if (!json_is_object(evidence))
        return verify_refused(v, "form", "the result's evidence is not an object");
    if (!verify_has(v, evidence, "the result's evidence", "decisions", JSON_ARRAY) ||
        !verify_has(v, evidence, "the result's evidence", "findings", JSON_OBJECT) ||
        !verify_has(v, evidence, "the result's evidence", "format", JSON_STRING) ||
        !verify_has(v, evidence, "the result's evidence", "quorum", JSON_INTEGER))
        return false;
    if (json_object_size(evidence) != 4 || strcmp(verify_text(evidence, "format"), EVIDENCE_FORMAT_2) != 0)
        return verify_refused(v, "form", "the result's evidence is not of the format " EVIDENCE_FORMAT_2);
    return true;
}

static bool build_package(struct verification *v)
{
    const json_t *evidence = decided_evidence(v);
    enum err err;

    if (evidence && !evidence_has_form(v, evidence))
        return false;
    err = evidence ? evidence_build_with(&v->event, evidence, &v->pieces->evidence)
                   : evidence_build(&v->event, &v->pieces->evidence);
    if (err == ERR_INVALID)
        return verify_refused(v, "evidence",
                              "the result's evidence cannot be any: nested too deep, or a number too large");
    return err == OK || verify_no_memory(v);
}

static const char *advice(const struct verification *v)
{
    if (!v->result && strcmp(v->event.workflow_type, "approval_sign") == 0)
        return "; decisions are in the whole NotaryResult: give that";
    return "";
}

static bool check_package(struct verification *v)
{
    char hash[RECEIPT_HASH_SIZE];
    struct digest d;

    if (!build_package(v))
        return false;
    d = digest_of(text_bytes(&v->pieces->evidence));
    receipt_hash_text(&d, hash);
    if (strcmp(hash, verify_text(v->receipt, "evidence_package_hash")) != 0)
        return verify_refused(v, "evidence",
                              "the event's evidence package has the hash %s; the receipt is about another%s", hash,
                              advice(v));
    return verify_holds(v, "evidence", "%s is the hash of this event's evidence package", hash);
}

/* ---- batch ---- */

static bool check_batch(struct verification *v)
{
    const char *why;

    if (decided_evidence(v))
        return verify_refused(v, "form", "a batch's result has no evidence of its own");
    if (batch_place_read(&v->place, v->batch, &why) != OK)
        return verify_refused(v, "batch", "%s", why);
    if (!batch_place_holds(&v->place, text_bytes(&v->pieces->evidence)))
        return verify_refused(v, "batch", "the event's evidence package is not at batch.index under batch.root");
    merkle_path_lines(v->place.index, v->place.size, &v->place.proof, &v->pieces->batch_path);
    merkle_path_lines(v->place.index, v->place.events, &v->place.result_proof, &v->pieces->result_path);
    if (batch_statement_of(&v->place.root, v->place.size, &v->pieces->statement) != OK)
        return verify_no_memory(v);
    return verify_holds(v, "batch",
                        "event %" PRIu64 " of %" PRIu64 " under one signature (%" PRIu64 " leaves, %zu hashes)",
                        v->place.index, v->place.events, v->place.size, v->place.proof.count);
}

bool verify_evidence(struct verification *v)
{
    return check_package(v) && (!v->batch || check_batch(v));
}

struct bytes verify_signed_bytes(const struct verification *v)
{
    return text_bytes(v->batch ? &v->pieces->statement : &v->pieces->evidence);
}

enum err verify_leaf(struct verification *v, struct text *out)
{
    const char *result_hash = verify_text(v->proof, "result_hash");
    struct digest d, root;
    char hash[RECEIPT_HASH_SIZE];

    if (v->refused)
        return receipt_refusal_leaf(v->event.event_id, v->receipt, result_hash, out);
    if (!v->batch)
        return receipt_leaf(v->event.event_id, v->receipt, result_hash, out);
    if (!batch_results_root(&v->place, result_hash, &root))
        return ERR_INVALID;
    d = digest_of(text_bytes(&v->pieces->statement));
    receipt_hash_text(&d, hash);
    return batch_leaf_of(v->receipt, hash, v->place.events, &root, out);
}

/* Whether the path leads from this artifact of the event to the batch's root. */
static bool artifact_leads_to_root(const struct verification *v, json_t *artifact, const json_t *path)
{
    struct digest root;
    struct text leaf;
    bool holds;

    text_init(&leaf, EVIDENCE_BYTES_MAX);
    holds = batch_artifact_leaf(v->event.event_id, artifact, &leaf) == OK &&
            batch_artifact_holds(path, text_bytes(&leaf), &root) && digest_equal(&root, &v->place.root) &&
            json_integer_value(json_object_get(path, "size")) == (json_int_t)v->place.size;
    text_deinit(&leaf);
    return holds;
}

static bool check_artifact(struct verification *v, const json_t *path)
{
    json_t *artifacts = json_object_get(v->event.json, "artifacts");

    for (size_t i = 0; i < json_array_size(artifacts); i++) {
        json_t *artifact = json_array_get(artifacts, i);
        if (artifact_leads_to_root(v, artifact, path))
            return verify_holds(v, "artifact", "artifact[%zu] of the event, \"%.100s\", is in the batch", i,
                                verify_text(artifact, "name"));
    }
    return verify_refused(v, "artifact", "the path leads from none of the event's artifacts to the batch's root");
}

bool verify_artifact(struct verification *v)
{
    json_t *path;
    bool good;

    if (v->artifact.len == 0)
        return true;
    if (!v->batch)
        return verify_refused(v, "artifact",
                              "the receipt is none of a batch; its artifacts are in its evidence package");
    path = v->artifact.len <= VERIFY_DOCUMENT_MAX
               ? json_loadb((const char *)v->artifact.data, v->artifact.len, JSON_REJECT_DUPLICATES, NULL)
               : NULL;
    good = json_is_object(path) ? check_artifact(v, path)
                                : verify_refused(v, "artifact", "the artifact's file is not a JSON object");
    json_decref(path);
    return good;
}

/* ---- decisions ---- */

static json_t *asked(const struct verification *v)
{
    return json_object_get(json_object_get(v->event.json, "workflow_config"), "approvers");
}

/* The place of the first such approver among those who were asked; their number for anybody else. */
static size_t place_of(const json_t *list, const char *approver)
{
    size_t i = 0;

    while (i < json_array_size(list) && strcmp(json_string_value(json_array_get(list, i)) ?: "", approver) != 0)
        i++;
    return i;
}

/* How many people were asked; who is named twice counts once. */
static size_t people_asked(const json_t *list)
{
    size_t count = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        count += place_of(list, json_string_value(json_array_get(list, i)) ?: "") == i;
    return count;
}

/* What stands beside the statement says the same as the statement. */
static bool agrees(const json_t *entry, const char *name, const char *said)
{
    const char *text = json_string_value(json_object_get(entry, name));

    return !text || strcmp(text, said) == 0;
}

static bool about_this_event(struct verification *v, const struct decision *d, size_t i)
{
    struct text package;
    struct digest hash;
    char text[RECEIPT_HASH_SIZE];

    text_init(&package, EVIDENCE_BYTES_MAX);
    if (evidence_build(&v->event, &package) != OK) {
        text_deinit(&package);
        return verify_no_memory(v);
    }
    hash = digest_of(text_bytes(&package));
    text_deinit(&package);
    receipt_hash_text(&hash, text);
    if (strcmp(d->event_id, v->event.event_id) == 0 && strcmp(d->event_hash, text) == 0)
        return true;
    return verify_refused(v, "decision", "decision %zu, by %.100s, is about another event", i, d->approver);
}

/* One decision, read: the rest of what it must be. */
static bool judge_decision(struct verification *v, const json_t *entry, const struct decision *d, size_t i,
                           bool checked)
{
    const char *kind = decision_kind_name(d->kind);

    if (!about_this_event(v, d, i))
        return false;
    if (!agrees(entry, "approver", d->approver) || !agrees(entry, "decision", kind) ||
        !agrees(entry, "verdict", kind) || !agrees(entry, "method", d->method) || !agrees(entry, "comment", d->comment))
        return verify_refused(v, "decision", "decision %zu says something else than its statement", i);
    if ((d->kind == DECISION_APPROVE || d->kind == DECISION_REJECT) &&
        place_of(asked(v), d->approver) == json_array_size(asked(v)))
        return verify_refused(v, "decision", "%.100s was not asked", d->approver);
    if (!checked)
        return verify_holds(v, "decision", "%.100s: %s; the signature is not checked: give --approvers FILE",
                            d->approver, kind);
    return verify_holds(v, "decision", "%.100s: %s, signed by %s", d->approver, kind,
                        strcmp(d->method, "key") == 0 ? "their own key" : "the notary, which saw their proof");
}

/* `approved` has a place for each who was asked. */
static bool check_decision(struct verification *v, const json_t *entry, size_t i, bool *approved)
{
    const char *statement = verify_text(entry, "statement");
    bool unknown, good;
    struct decision d;
    char why[300];
    enum err err =
        decision_read(&d, bytes_of_text(statement), v->trust->approvers, &v->pieces->log_key, why, sizeof why);

    unknown = err == ERR_DENIED && !v->trust->approvers && strcmp(d.method, "key") == 0;
    if (err == ERR_NOMEM)
        good = verify_no_memory(v);
    else if (err != OK && !unknown)
        good = verify_refused(v, "decision", "decision %zu: %s", i, why);
    else
        good = judge_decision(v, entry, &d, i, !unknown);
    if (good && d.kind == DECISION_APPROVE)
        approved[place_of(asked(v), d.approver)] = true;
    decision_deinit(&d);
    return good;
}

/* As the event asks for it: all who are asked, unless it says how many. */
static json_int_t quorum_asked(const struct verification *v)
{
    const json_t *quorum = json_object_get(json_object_get(v->event.json, "workflow_config"), "quorum");

    return json_is_integer(quorum) ? json_integer_value(quorum) : (json_int_t)people_asked(asked(v));
}

static bool count_approvals(struct verification *v, const bool *approved, size_t places)
{
    json_int_t quorum = json_integer_value(json_object_get(json_object_get(v->result, "evidence"), "quorum"));
    json_int_t count = 0, wanted = quorum_asked(v);

    for (size_t i = 0; i < places; i++)
        count += approved[i];
    if (quorum != wanted)
        return verify_refused(
            v, "quorum", "the evidence's quorum is %" JSON_INTEGER_FORMAT ", the event asks for %" JSON_INTEGER_FORMAT,
            quorum, wanted);
    if (count < wanted)
        return verify_refused(v, "quorum", "%" JSON_INTEGER_FORMAT " approved, %" JSON_INTEGER_FORMAT " are needed",
                              count, wanted);
    return verify_holds(v, "quorum", "%" JSON_INTEGER_FORMAT " of %zu approved, %" JSON_INTEGER_FORMAT " needed", count,
                        people_asked(asked(v)), wanted);
}

static bool check_decisions(struct verification *v, const json_t *decisions)
{
    size_t places = json_array_size(asked(v));
    bool *approved = calloc(places + 1, sizeof *approved), good = true;

    if (!approved)
        return verify_no_memory(v);
    for (size_t i = 0; good && i < json_array_size(decisions); i++)
        good = check_decision(v, json_array_get(decisions, i), i, approved);
    approved[places] = false; /* of those who were not asked (operators) */
    good = good && count_approvals(v, approved, places);
    free(approved);
    return good;
}

bool verify_decisions(struct verification *v)
{
    bool approval = strcmp(v->event.workflow_type, "approval_sign") == 0;
    json_t *evidence = decided_evidence(v);

    if (approval && !evidence)
        return verify_refused(v, "decision", "the event asks for approval, and the evidence has no decisions");
    if (!approval)
        return true;
    return check_decisions(v, json_object_get(evidence, "decisions"));
}
