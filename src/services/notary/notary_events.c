/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_events.c - an event in: is it valid, is it known, does its workflow end at once or begin?
 */
#include "services/notary/notary_private.h"

#include "services/notary/documents/evidence.h"
#include <inttypes.h>
#include <stdio.h>

struct trail notary_trail(const struct item *item)
{
    return (struct trail){
        .event_id = item->event.event_id, .workflow_id = item->workflow_id, .event = item->event.json};
}

/* ---- answers ---- */

/* The item's outcome is "again, later", whatever it was about to be. */
void notary_retry(struct item *item, const char *why)
{
    outcome_deinit(item->outcome);
    item->outcome->verdict = VERDICT_RETRY;
    item->outcome->why = why;
    item->stage = STAGE_ANSWERED;
}

void notary_hold(struct notary *n, struct item *item)
{
    item->outcome->verdict = VERDICT_HOLD;
    n->held = true;
}

void notary_answer_error(struct notary *n, struct item *item, const char *type, const char *message,
                         const struct faults *faults)
{
    struct error_facts facts = {
        .event_id = item->event.event_id,
        .workflow_id = item->workflow_id,
        .trace_id = item->event.trace_id,
        .error_type = type,
        .message = message,
        .faults = faults,
        .message_id = item->delivery->message_id,
        .retry_count = item->delivery->redelivery_count,
        .now_ms = notary_now_ms(n),
    };

    const struct trail trail = notary_trail(item);

    item->stage = STAGE_ANSWERED;
    item->outcome->refused = true;
    n->counts.refused++;
    trails_end(&n->trails, &trail, item->delivery->received_ms, type, message);
    if (message_error(&facts, outcome_publish(item->outcome, NOTARY_ERRORS, item->event.event_id, MESSAGE_BYTES_MAX)) !=
        OK)
        notary_retry(item, "out of memory");
}

static void answer_faults(struct notary *n, struct item *item, const struct faults *faults, const char *type)
{
    const char *first = json_string_value(json_array_get(faults->list, 0));
    char message[FAULT_TEXT_MAX + 80];

    if (faults->count > 1)
        snprintf(message, sizeof message, "Invalid event: %s (and %zu faults more)", first ? first : "",
                 faults->count - 1);
    else
        snprintf(message, sizeof message, "Invalid event: %s", first ? first : "");
    notary_answer_error(n, item, type, message, faults);
}

static void answer_conflict(struct notary *n, struct item *item, const char *known, const char *where)
{
    char hash[RECEIPT_HASH_SIZE], message[512];

    receipt_hash_text(&item->evidence, hash);
    snprintf(
        message, sizeof message,
        "The event id was notarized before with other content: %s is about %s, this event's evidence package is %s",
        where, known, hash);
    notary_answer_error(n, item, "conflict", message, NULL);
}

static enum err add_status(struct item *item, const char *status, const char *message, const char *step, int steps_done,
                           int64_t at_ms)
{
    struct status_facts facts = {
        .event_id = item->event.event_id,
        .workflow_id = item->workflow_id,
        .trace_id = item->event.trace_id,
        .status = status,
        .message = message,
        .current_step = step,
        .total_steps = WORKFLOW_STEPS,
        .completed_steps = steps_done,
        .eta_seconds = steps_done == WORKFLOW_STEPS ? 0 : 1,
        .now_ms = at_ms,
    };

    return message_status(&facts,
                          outcome_publish(item->outcome, NOTARY_STATUS, item->event.event_id, MESSAGE_BYTES_MAX));
}

/* "Notarized before: log entry 5", "Rejected before: ..." */
static void describe(const struct registry_result *known, bool is_new, char *status, size_t status_size, char *message,
                     size_t size)
{
    json_t *leaf = json_loadb(known->leaf.data, known->leaf.len, 0, NULL);
    const char *outcome = json_string_value(json_object_get(leaf, "outcome"));

    snprintf(status, status_size, "%s", outcome ? outcome : "completed");
    snprintf(message, size, "%s%s: log entry %" PRIu64, outcome ? outcome : "notarized", is_new ? "" : " before",
             known->index);
    message[0] = (char)(message[0] - 'a' + 'A');
    json_decref(leaf);
}

/* Results and statuses of an event whose result the book has. */
static void answer_result(struct notary *n, struct item *item, const struct registry_result *known)
{
    const struct trail trail = notary_trail(item);
    bool is_new = item->stage == STAGE_NEW;
    char message[160], status[32];
    enum err err = OK;

    if (is_new)
        err = add_status(item, "in_progress", "The event is valid; its evidence package is being signed and logged",
                         "signing", 2, item->delivery->received_ms);
    if (err == OK)
        err = notary_add_result(n, item->outcome, item->event.event_id, known);
    describe(known, is_new, status, sizeof status, message, sizeof message);
    if (err == OK)
        err = add_status(item, status, message, "logged", WORKFLOW_STEPS, notary_now_ms(n));
    item->stage = STAGE_ANSWERED;
    if (err != OK) { /* it comes again, or goes to the dead letters: either way its result is not published yet */
        n->unsaid = true;
        notary_retry(item, err_text(err));
        return;
    }
    trails_end(&n->trails, &trail, item->delivery->received_ms, is_new ? "notarized" : "repeated", NULL);
    n->counts.notarized += is_new;
    n->counts.repeated += !is_new;
}

/* ---- examining ---- */

/* True when the filter lets it pass; otherwise it is answered. */
static bool is_ours(struct notary *n, struct item *item)
{
    const char *objection = filter_objection(n->options.filter, item->event.json);
    char message[200];

    if (!objection)
        return true;
    item->stage = STAGE_ANSWERED;
    snprintf(message, sizeof message, "The event is not notarized here: %s", objection);
    if (n->options.tells_skipped && item->event.event_id &&
        add_status(item, "skipped", message, "filter", WORKFLOW_STEPS, notary_now_ms(n)) != OK)
        notary_retry(item, "out of memory");
    return false;
}

/* True when the item is to be signed or looked up; otherwise it is answered. */
static bool judge(struct notary *n, struct item *item, enum err parsed, struct faults *faults)
{
    if (parsed == ERR_NOMEM) {
        notary_retry(item, "out of memory");
        return false;
    }
    if (json_is_object(item->event.json) && !is_ours(n, item))
        return false;
    if (parsed != OK) {
        answer_faults(n, item, faults, "validation");
        return false;
    }
    if (workflow_type_of(item->event.workflow_type) == WORKFLOW_TYPES) {
        faults_add(faults,
                   "workflow_config.workflow_type is not supported: \"%.40s\"; this notary supports simple_sign, "
                   "approval_sign and batch",
                   item->event.workflow_type);
        answer_faults(n, item, faults, "unsupported");
        return false;
    }
    return true;
}

static bool parse(struct notary *n, struct item *item)
{
    const int64_t begin_ns = trails_now_ns(&n->trails);
    struct trail trail;
    struct faults faults;
    enum err err;
    bool ok;

    if (faults_init(&faults) != OK) {
        notary_retry(item, "out of memory");
        return false;
    }
    err = event_parse(&item->event, item->delivery->payload, &faults);
    if (item->event.event_id)
        workflow_id_of(item->event.event_id, item->workflow_id);
    trail = notary_trail(item);
    trails_received(&n->trails, &trail, item->delivery->received_ms);
    trails_step(&n->trails, &trail, "validate", begin_ns, err == OK ? NULL : "the event is invalid", NULL);
    ok = judge(n, item, err, &faults);
    faults_deinit(&faults);
    return ok;
}

/* Appends the evidence package, version 1, whose hash is the event's identity. */
static enum err identify(struct item *item, struct text *evidence)
{
    enum err err = evidence_build(&item->event, evidence);

    if (err == OK) {
        item->package = bytes_of(evidence->data, evidence->len);
        item->evidence = digest_of(item->package);
    }
    return err;
}

/* An event whose workflow is under way: where it stands, or a conflict. */
static void answer_open(struct notary *n, struct item *item, struct open_workflow *o)
{
    char hash[RECEIPT_HASH_SIZE], message[512];
    enum err err;

    receipt_hash_text(&item->evidence, hash);
    if (strcmp(hash, o->workflow->event_hash) != 0) {
        snprintf(message, sizeof message,
                 "The event id is being notarized with other content: %s is about %s, this event's evidence package is "
                 "%s",
                 o->workflow->workflow_id, o->workflow->event_hash, hash);
        notary_answer_error(n, item, "conflict", message, NULL);
        return;
    }
    n->counts.repeated++;
    item->stage = STAGE_ANSWERED;
    if ((err = notary_say_status(n, o, item->outcome, NULL)) != OK)
        notary_retry(item, err_text(err));
}

/* Nothing has to be waited for. */
static bool ends_at_once(const struct notary *n, const struct item *item)
{
    const struct notary_ports *p = &n->options.ports;

    return workflow_type_of(item->event.workflow_type) == WORKFLOW_SIMPLE && n->options.signer->ops->instant &&
           !(p->handlers && p->handlers_wanted(p->handlers, item->event.json)) &&
           !(p->artifacts && p->artifacts_wanted(p->artifacts, item->event.json)) &&
           !(p->notices && notice_is_wanted(item->event.json, NOTICE_STARTED)) &&
           !(p->notices && notice_is_wanted(item->event.json, NOTICE_COMPLETED));
}

static void answer_too_large(struct notary *n, struct item *item)
{
    struct faults faults;

    if (faults_init(&faults) != OK) {
        notary_retry(item, "out of memory");
        return;
    }
    faults_add(&faults, "the event is too large: its numbers and texts take more than %zu bytes when they are written",
               n->draft.record_max);
    answer_faults(n, item, &faults, "validation");
    faults_deinit(&faults);
}

/* An approval may wait for people for as long as they take, so it does not wait in the topic, before others' events. */
static enum err refuse_approval(struct notary *n, struct item *item, const char *whose, const char *which)
{
    char message[500];

    snprintf(message, sizeof message,
             "Not now: %s wait for approval already, as many as may (%s). Decide or cancel some of them, or let them "
             "expire (workflow_config.timeout), and send the event again",
             whose, which);
    notary_answer_error(n, item, "quota", message, NULL);
    return notary_prove(n);
}

/* True when it is answered. */
static bool is_over_its_share(struct notary *n, struct item *item, enum err *err)
{
    const char *source = json_string_value(json_object_get(item->event.json, "source"));
    char whose[200];

    if (workflow_type_of(item->event.workflow_type) != WORKFLOW_APPROVAL)
        return false;
    switch (shares_room(&n->shares, bytes_of_text(source), item->delivery->payload.len)) {
    case SHARES_SOURCE_FULL:
        snprintf(whose, sizeof whose, "events of the source \"%.120s\"", source);
        workflow_clean(whose);
        *err = refuse_approval(n, item, whose, "notary.workflows.max_approvals_per_source, and its share of memory");
        return true;
    case SHARES_FULL:
        *err = refuse_approval(n, item, "events", "three quarters of notary.workflows.max_open, or of their memory");
        return true;
    case SHARES_ROOM:
        break;
    }
    return false;
}

static enum err begin_open(struct notary *n, struct item *item)
{
    enum err err;

    if (is_over_its_share(n, item, &err))
        return err;
    err = notary_open(n, item);
    if (err == ERR_FULL)
        notary_hold(n, item);
    if (err == ERR_TOO_LARGE)
        answer_too_large(n, item);
    item->stage = STAGE_ANSWERED;
    return err == ERR_FULL || err == ERR_TOO_LARGE ? OK : err;
}

static enum err begin_now(struct notary *n, struct item *item, struct bytes evidence)
{
    const struct trail trail = notary_trail(item);
    const int64_t begin_ns = trails_now_ns(&n->trails);
    json_t *record;
    enum err err = notary_compose_now(n, item, evidence, &record);

    trails_step(&n->trails, &trail, "sign", begin_ns, err == OK ? NULL : err_text(err), n->options.signer->ops->name);
    if (err != OK && err != ERR_NOMEM) /* it cannot be signed now: it is tried again as the event says */
        return begin_open(n, item);
    if (err == OK && (err = map_put(&n->round, bytes_of_text(item->event.event_id), item)) != OK)
        json_decref(record);
    if (err != OK) {
        notary_retry(item, err_text(err));
        return OK;
    }
    item->stage = STAGE_NEW;
    if ((err = draft_add(&n->draft, record)) != ERR_TOO_LARGE)
        return err;
    map_remove(&n->round, bytes_of_text(item->event.event_id));
    answer_too_large(n, item);
    return OK;
}

/* A valid event: is it known, and if not, how does its workflow begin? */
static enum err place(struct notary *n, struct item *item, struct bytes evidence)
{
    struct open_workflow *o = map_find(&n->open, bytes_of_text(item->event.event_id));
    struct registry_result known;
    enum err err;

    item->stage = STAGE_KNOWN;
    if (map_find(&n->round, bytes_of_text(item->event.event_id)))
        return OK;
    if (o) {
        answer_open(n, item, o);
        return OK;
    }
    err = n->options.book->ops->find(n->options.book, item->event.event_id, &known);
    if (err == OK)
        book_result_deinit(&known);
    if (err != ERR_NOT_FOUND)
        return err;
    return ends_at_once(n, item) ? begin_now(n, item, evidence) : begin_open(n, item);
}

enum err notary_examine(struct notary *n, struct item *item)
{
    struct text evidence;
    enum err err;

    if (!parse(n, item))
        return OK;
    text_init(&evidence, EVIDENCE_BYTES_MAX);
    if ((err = identify(item, &evidence)) == OK) {
        err = place(n, item, bytes_of(evidence.data, evidence.len));
    } else {
        notary_retry(item, err_text(err));
        err = OK;
    }
    text_deinit(&evidence);
    return err;
}

/* ---- answering ---- */

enum err notary_answer(struct notary *n, struct item *item)
{
    struct registry_result known;
    char ours[RECEIPT_HASH_SIZE], where[40];
    enum err err;

    if (item->stage == STAGE_ANSWERED)
        return OK;
    if ((err = n->options.book->ops->find(n->options.book, item->event.event_id, &known)) != OK)
        return err;
    receipt_hash_text(&item->evidence, ours);
    snprintf(where, sizeof where, "log entry %" PRIu64, known.index);
    if (strcmp(known.event_hash.data, ours) == 0)
        answer_result(n, item, &known);
    else
        answer_conflict(n, item, known.event_hash.data, where);
    book_result_deinit(&known);
    return OK;
}
