/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_close.c - how workflows end: what is signed, the log's entry, and what is said once it is in the book.
 */
#include "services/notary/notary_private.h"

#include "services/notary/documents/evidence.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* All that varies in a rest is bounded: decisions by their number and size, findings by FINDING_BYTES_MAX. */
#define REST_BYTES_MAX (3u << 20)

/* ---- what is signed ---- */

/* A decision as the evidence shows it. */
static json_t *shown_decision(const json_t *record)
{
    return json_pack("{s:O, s:O, s:O?, s:O, s:O, s:O}", "approver", json_object_get(record, "approver"), "at_ms",
                     json_object_get(record, "at_ms"), "comment", json_object_get(record, "comment"), "decision",
                     json_object_get(record, "verdict"), "method", json_object_get(record, "method"), "statement",
                     json_object_get(record, "statement"));
}

static json_t *shown_decisions(const struct workflow *w)
{
    json_t *shown = json_array();

    for (size_t i = 0; shown && i < json_array_size(w->decisions); i++)
        if (json_array_append_new(shown, shown_decision(json_array_get(w->decisions, i))) != 0) {
            json_decref(shown);
            return NULL;
        }
    return shown;
}

/* The result's "evidence": NULL with OK where nobody and nothing had a say; of a batch, whose tree has packages of
 * version 1. */
static enum err compose_package(const struct workflow *w, json_t **package)
{
    *package = NULL;
    if (w->type == WORKFLOW_BATCH || (w->type == WORKFLOW_SIMPLE && json_object_size(w->findings) == 0))
        return OK;
    *package = json_pack("{s:o, s:O, s:s, s:I}", "decisions", shown_decisions(w), "findings", w->findings, "format",
                         EVIDENCE_FORMAT_2, "quorum", (json_int_t)(w->type == WORKFLOW_APPROVAL ? w->quorum : 0));
    return *package ? OK : ERR_NOMEM;
}

enum err notary_package(const struct workflow *w, json_t **package, struct text *bytes)
{
    struct event event = {.json = json_loadb(w->event.data, w->event.len, 0, NULL)};
    enum err err = event.json ? compose_package(w, package) : ERR_NOMEM;

    if (err == OK) {
        err = *package ? evidence_build_with(&event, *package, bytes) : evidence_build(&event, bytes);
        if (err != OK)
            json_decref(*package);
    }
    json_decref(event.json);
    return err;
}

/* ---- facts ---- */

/* From the first delivery to the last decision: time that people took, not we. */
static int64_t approval_ms(const struct workflow *w)
{
    const json_t *last = json_array_get(w->decisions, json_array_size(w->decisions) - 1);
    int64_t ms = last ? json_integer_value(json_object_get(last, "at_ms")) - w->received_ms : 0;

    return ms > 0 ? ms : 0;
}

static json_t *compose_metadata(const struct workflow *w)
{
    json_t *metadata = json_object();

    if (metadata && w->type == WORKFLOW_APPROVAL) {
        json_object_set_new(metadata, "approvers_count", json_integer((json_int_t)w->approvers_count));
        json_object_set_new(metadata, "approvals_count", json_integer((json_int_t)w->approvals));
        json_object_set_new(metadata, "approval_duration_ms", json_integer(approval_ms(w)));
    }
    if (metadata && w->type == WORKFLOW_BATCH && json_object_size(w->findings))
        json_object_set(metadata, "findings", w->findings);
    return metadata;
}

static const char *said_of_notices(const struct notary *n, bool wanted)
{
    return wanted && !n->options.ports.notices ? "not sent: this notary has no notifier" : NULL;
}

void notary_facts(const struct notary *n, const struct workflow *w, json_t **metadata, struct receipt_facts *facts)
{
    int64_t now = notary_now_ms(n), duration = now - w->received_ms - approval_ms(w);

    *metadata = compose_metadata(w);
    *facts = (struct receipt_facts){
        .event_id = w->event_id,
        .trace_id = w->trace_id[0] ? w->trace_id : NULL,
        .workflow_id = w->workflow_id,
        .workflow_type = workflow_type_name(w->type),
        .artifacts = w->artifacts,
        .notifications = said_of_notices(n, w->wants_notifications),
        .log_key = signer_key(n->options.log_key),
        .log_url = n->options.log_url,
        .sealed_ms = now,
        .duration_ms = duration > 0 ? duration : 0,
        .metadata = *metadata,
    };
}

/* ---- records ---- */

struct ending {
    const char *event_id, *event_hash, *workflow_id, *workflow_type, *outcome;
};

static json_t *closed_record(const struct ending *e, const struct text *leaf, const struct text *rest)
{
    return json_pack("{s:s, s:s%, s:s, s:[{s:s, s:s, s:s, s:s, s:s%, s:n}]}", "kind", "closed", "leaf", leaf->data,
                     leaf->len, "outcome", e->outcome, "results", "event_id", e->event_id, "event_hash", e->event_hash,
                     "workflow_id", e->workflow_id, "workflow_type", e->workflow_type, "rest", rest->data, rest->len,
                     "path");
}

/* Composes the entry, refused when facts->error says why. */
static enum err compose(const struct receipt_facts *facts, const struct ending *e, json_t **record)
{
    struct text leaf, rest;
    enum err err;

    text_init(&leaf, RECORD_LEAF_MAX);
    text_init(&rest, REST_BYTES_MAX);
    err = facts->error ? receipt_refuse(facts, e->outcome, e->event_hash, &leaf, &rest)
                       : receipt_compose(facts, &leaf, &rest);
    if (err == OK && !(*record = closed_record(e, &leaf, &rest)))
        err = ERR_NOMEM;
    text_deinit(&leaf);
    text_deinit(&rest);
    return err;
}

static struct ending ending_of(const struct workflow *w, enum workflow_outcome outcome)
{
    return (struct ending){w->event_id, w->event_hash, w->workflow_id, workflow_type_name(w->type),
                           workflow_outcome_name(outcome)};
}

enum err notary_close(struct notary *n, struct open_workflow *o, enum workflow_outcome outcome)
{
    notary_forget(n, o);
    o->outcome = outcome;
    list_push_back(&n->closing, &o->node);
    return map_put(&n->round, bytes_of_text(o->workflow->event_id), o);
}

/* Takes the record.  ERR_TOO_LARGE: it cannot be written, and the workflow stays open. */
static enum err close_with(struct notary *n, struct open_workflow *o, enum workflow_outcome outcome, json_t *record)
{
    enum err err = draft_fits(&n->draft, record) ? notary_close(n, o, outcome) : ERR_TOO_LARGE;

    if (err == OK)
        return notary_record(n, o, record);
    json_decref(record);
    return err;
}

enum err notary_close_notarized(struct notary *n, struct open_workflow *o, const json_t *package,
                                const struct digest *evidence, const struct signed_by *by)
{
    struct ending ending = ending_of(o->workflow, OUTCOME_NOTARIZED);
    struct receipt_facts facts;
    json_t *metadata, *record = NULL;
    enum err err;

    notary_facts(n, o->workflow, &metadata, &facts);
    facts.evidence = *evidence;
    facts.signature = by->signature;
    facts.key = &by->key;
    facts.package = package;
    err = compose(&facts, &ending, &record);
    json_decref(metadata);
    return err == OK ? close_with(n, o, OUTCOME_NOTARIZED, record) : err;
}

/* "Rejected: the handler ..." */
static void refusal(enum workflow_outcome outcome, const char *why, char *to, size_t size)
{
    snprintf(to, size, "%s%s%s", workflow_outcome_name(outcome), why && *why ? ": " : "", why ? why : "");
    to[0] = (char)(to[0] - 'a' + 'A');
    workflow_clean(to);
}

/* Whole, with what was found and decided; or without. */
static enum err close_refused(struct notary *n, struct open_workflow *o, enum workflow_outcome outcome,
                              const char *error, bool whole)
{
    struct ending ending = ending_of(o->workflow, outcome);
    struct receipt_facts facts;
    json_t *metadata, *record = NULL, *package = NULL;
    enum err err = whole ? compose_package(o->workflow, &package) : OK;

    if (err != OK)
        return err;
    notary_facts(n, o->workflow, &metadata, &facts);
    facts.error = error;
    facts.package = package;
    facts.metadata = whole ? metadata : NULL;
    err = compose(&facts, &ending, &record);
    json_decref(package);
    json_decref(metadata);
    return err == OK ? close_with(n, o, outcome, record) : err;
}

enum err notary_close_refused(struct notary *n, struct open_workflow *o, enum workflow_outcome outcome, const char *why)
{
    char error[600];
    enum err err;

    refusal(outcome, why, error, sizeof error);
    err = close_refused(n, o, outcome, error, true);
    return err == ERR_TOO_LARGE || err == ERR_INVALID ? close_refused(n, o, outcome, error, false) : err;
}

/* ---- at once ---- */

enum err notary_compose_now(struct notary *n, struct item *item, struct bytes evidence, json_t **record)
{
    char hash[RECEIPT_HASH_SIZE];
    struct ending ending = {item->event.event_id, hash, item->workflow_id, item->event.workflow_type, "notarized"};
    struct receipt_facts facts = {
        .event_id = item->event.event_id,
        .trace_id = item->event.trace_id,
        .workflow_id = item->workflow_id,
        .workflow_type = item->event.workflow_type,
        .artifacts = item->event.artifacts,
        .notifications = said_of_notices(n, item->event.wants_notifications),
        .evidence = item->evidence,
        .log_key = signer_key(n->options.log_key),
        .log_url = n->options.log_url,
        .sealed_ms = notary_now_ms(n),
    };
    struct signed_by by;
    char why[400];
    enum err err = signer_sign(n->options.signer, evidence, &by, n->options.call_timeout_ms, why, sizeof why);

    if (err != OK)
        return err;
    receipt_hash_text(&item->evidence, hash);
    facts.signature = by.signature;
    facts.key = &by.key;
    facts.duration_ms =
        facts.sealed_ms > item->delivery->received_ms ? facts.sealed_ms - item->delivery->received_ms : 0;
    return compose(&facts, &ending, record);
}

/* ---- after the document is written ---- */

static enum err write_result(const struct notary *n, const struct registry_result *known, struct text *out)
{
    struct receipt_entry entry = {.leaf = bytes_of(known->leaf.data, known->leaf.len),
                                  .rest = bytes_of(known->rest.data, known->rest.len),
                                  .path = bytes_of(known->path.data, known->path.len),
                                  .event_hash = known->event_hash.data,
                                  .log_index = known->index,
                                  .log_key = signer_key(n->options.log_key),
                                  .proof = &known->proof,
                                  .checkpoint = bytes_of(known->checkpoint.data, known->checkpoint.len)};

    return receipt_result(&entry, out);
}

enum err notary_add_result(struct notary *n, struct outcome *outcome, const char *event_id,
                           const struct registry_result *known)
{
    return write_result(n, known, outcome_publish(outcome, NOTARY_RESULTS, event_id, REST_BYTES_MAX));
}

enum err notary_write_result(const struct notary *n, const struct registry_result *known, struct text *out)
{
    text_init(out, REST_BYTES_MAX);
    return write_result(n, known, out);
}

static void count(struct notary *n, enum workflow_outcome outcome)
{
    n->counts.notarized += outcome == OUTCOME_NOTARIZED;
    n->counts.rejected += outcome == OUTCOME_REJECTED;
    n->counts.expired += outcome == OUTCOME_EXPIRED;
    n->counts.cancelled += outcome == OUTCOME_CANCELLED;
}

static enum notice_kind notice_of(enum workflow_outcome outcome)
{
    static const enum notice_kind kinds[OUTCOMES] = {NOTICE_COMPLETED, NOTICE_REJECTED, NOTICE_EXPIRED,
                                                     NOTICE_CANCELLED};

    return kinds[outcome];
}

static void end_trail(struct notary *n, const struct open_workflow *o)
{
    const struct workflow *w = o->workflow;
    json_t *event = n->trails.tracer ? json_loadb(w->event.data, w->event.len, 0, NULL) : NULL;
    const struct trail trail = {.event_id = w->event_id, .workflow_id = w->workflow_id, .event = event};

    trails_end(&n->trails, &trail, w->received_ms, workflow_outcome_name(o->outcome),
               o->outcome == OUTCOME_NOTARIZED ? NULL : w->why);
    json_decref(event);
}

static enum err say_status(struct notary *n, const struct open_workflow *o, uint64_t index)
{
    const struct workflow *w = o->workflow;
    char message[700];
    struct status_facts facts = {.event_id = w->event_id,
                                 .workflow_id = w->workflow_id,
                                 .trace_id = w->trace_id[0] ? w->trace_id : NULL,
                                 .status =
                                     o->outcome == OUTCOME_NOTARIZED ? "completed" : workflow_outcome_name(o->outcome),
                                 .message = message,
                                 .current_step = "logged",
                                 .total_steps = WORKFLOW_STEPS,
                                 .completed_steps = WORKFLOW_STEPS,
                                 .now_ms = notary_now_ms(n)};

    if (o->outcome == OUTCOME_NOTARIZED)
        snprintf(message, sizeof message, "Notarized: log entry %" PRIu64, index);
    else
        refusal(o->outcome, o->outcome == OUTCOME_EXPIRED ? "the timeout passed" : w->why, message, sizeof message);
    return message_status(&facts, outcome_publish(n->own, NOTARY_STATUS, w->event_id, MESSAGE_BYTES_MAX));
}

static enum err say_one(struct notary *n, struct open_workflow *o)
{
    struct registry_result known;
    enum err err = n->options.book->ops->find(n->options.book, o->workflow->event_id, &known);

    if (err != OK)
        return err;
    if ((err = notary_add_result(n, n->own, o->workflow->event_id, &known)) == OK)
        err = say_status(n, o, known.index);
    if (err == OK)
        err = notary_conduct_closed(n, o, &known);
    book_result_deinit(&known);
    count(n, o->outcome);
    end_trail(n, o);
    return err == OK ? notary_notice(n, o->workflow, notice_of(o->outcome), o->workflow->why) : err;
}

enum err notary_say_closed(struct notary *n)
{
    enum err err = OK;

    list_each (node, &n->closing) {
        if (err == OK)
            err = say_one(n, container_of(node, struct open_workflow, node));
    }
    return err;
}
