/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.c - one round, in four steps: examine each event, write what is new into the book, look every result up,
 * answer.
 *
 * The answer of a new event is made of the book's result, read back, exactly like that of a repeated one; so there is
 * one way only to make a result, and it cannot run before the entry is durable.
 */
#include "services/notary/notary.h"

#include "base/list.h"
#include "base/map.h"
#include "services/notary/draft.h"
#include "services/notary/event.h"
#include "services/notary/evidence.h"
#include "services/notary/message.h"
#include "services/notary/receipt.h"
#include "services/notary/trails.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_TOTAL 4 /* validate, package, sign, log */

struct notary {
    struct handler handler; /* first: the runtime is given its address */
    struct notary_options options;
    struct draft draft;
    struct map round; /* the items of this round that are new, by event id */
    struct trails trails;
    struct notary_counts counts;
};

/* Where one delivery stands. */
enum stage {
    STAGE_ANSWERED, /* its outcome is written */
    STAGE_NEW,      /* signed, and in the draft */
    STAGE_KNOWN,    /* in the book, before this round or by an earlier item of it */
};

struct item {
    enum stage stage;
    const struct delivery *delivery;
    struct outcome *outcome;
    struct event event;
    char workflow_id[WORKFLOW_ID_SIZE]; /* "" when the event has no id */
    struct digest evidence;
};

void workflow_id_of(const char *event_id, char to[WORKFLOW_ID_SIZE])
{
    struct digest d = digest_of(bytes_of_text(event_id));
    char hex[DIGEST_HEX_SIZE];

    digest_hex(&d, hex);
    snprintf(to, WORKFLOW_ID_SIZE, "wf-%.16s", hex);
}

static int64_t now_ms(const struct notary *n)
{
    return n->options.clock.now_ms(n->options.clock.ctx);
}

static struct trail trail_of(const struct item *item)
{
    return (struct trail){
        .event_id = item->event.event_id, .workflow_id = item->workflow_id, .event = item->event.json};
}

/* ---- answers ---- */

/* The item's outcome is "again, later", whatever it was about to be. */
static void retry(struct item *item, const char *why)
{
    outcome_deinit(item->outcome);
    item->outcome->verdict = VERDICT_RETRY;
    item->outcome->why = why;
    item->stage = STAGE_ANSWERED;
}

static void answer_error(struct notary *n, struct item *item, const char *type, const char *message,
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
        .now_ms = now_ms(n),
    };

    const struct trail trail = trail_of(item);

    item->stage = STAGE_ANSWERED;
    item->outcome->refused = true;
    n->counts.refused++;
    trails_end(&n->trails, &trail, item->delivery->received_ms, type, message);
    if (message_error(&facts, outcome_publish(item->outcome, NOTARY_ERRORS, item->event.event_id, MESSAGE_BYTES_MAX)) !=
        OK)
        retry(item, "out of memory");
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
    answer_error(n, item, type, message, faults);
}

static void answer_conflict(struct notary *n, struct item *item, const char *known, uint64_t index)
{
    char hash[RECEIPT_HASH_SIZE], message[512];

    receipt_hash_text(&item->evidence, hash);
    snprintf(message, sizeof message,
             "The event id was notarized before with other content: log entry %" PRIu64
             " is about %s, this event's evidence package is %s",
             index, known, hash);
    answer_error(n, item, "conflict", message, NULL);
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
        .total_steps = STEPS_TOTAL,
        .completed_steps = steps_done,
        .eta_seconds = steps_done == STEPS_TOTAL ? 0 : 1,
        .now_ms = at_ms,
    };

    return message_status(&facts,
                          outcome_publish(item->outcome, NOTARY_STATUS, item->event.event_id, MESSAGE_BYTES_MAX));
}

static enum err add_result(struct notary *n, struct item *item, const struct registry_result *known)
{
    struct receipt_entry entry = {.leaf = bytes_of(known->leaf.data, known->leaf.len),
                                  .rest = bytes_of(known->rest.data, known->rest.len),
                                  .path = bytes_of(known->path.data, known->path.len),
                                  .event_hash = known->event_hash.data,
                                  .log_index = known->index,
                                  .log_key = signer_key(n->options.log_key),
                                  .proof = &known->proof,
                                  .checkpoint = bytes_of(known->checkpoint.data, known->checkpoint.len)};

    return receipt_result(&entry,
                          outcome_publish(item->outcome, NOTARY_RESULTS, item->event.event_id, RECEIPT_BYTES_MAX));
}

/* Results and statuses of an event whose result the book has. */
static void answer_result(struct notary *n, struct item *item, const struct registry_result *known)
{
    bool is_new = item->stage == STAGE_NEW;
    char message[160];
    enum err err = OK;

    if (is_new)
        err = add_status(item, "in_progress", "The event is valid; its evidence package is being signed and logged",
                         "signing", 2, item->delivery->received_ms);
    if (err == OK)
        err = add_result(n, item, known);
    snprintf(message, sizeof message, "%s: log entry %" PRIu64, is_new ? "Notarized" : "Notarized before",
             known->index);
    if (err == OK)
        err = add_status(item, "completed", message, "logged", STEPS_TOTAL, now_ms(n));
    item->stage = STAGE_ANSWERED;
    if (err != OK) {
        retry(item, err_text(err));
        return;
    }
    const struct trail trail = trail_of(item);
    trails_end(&n->trails, &trail, item->delivery->received_ms, is_new ? "notarized" : "repeated", NULL);
    n->counts.notarized += is_new;
    n->counts.repeated += !is_new;
}

/* ---- examining ---- */

/* True when the item is to be signed or looked up; otherwise it is answered. */
static bool parse(struct notary *n, struct item *item)
{
    const int64_t begin_ns = trails_now_ns(&n->trails);
    struct trail trail;
    struct faults faults;
    enum err err;

    if (faults_init(&faults) != OK) {
        retry(item, "out of memory");
        return false;
    }
    err = event_parse(&item->event, item->delivery->payload, &faults);
    if (item->event.event_id)
        workflow_id_of(item->event.event_id, item->workflow_id);
    trail = trail_of(item);
    trails_received(&n->trails, &trail, item->delivery->received_ms);
    trails_step(&n->trails, &trail, "validate", begin_ns, err == OK ? NULL : "the event is invalid", NULL);
    if (err == OK && strcmp(item->event.workflow_type, "simple_sign") != 0) {
        faults_add(&faults,
                   "workflow_config.workflow_type is not supported: \"%.40s\"; this notary supports simple_sign",
                   item->event.workflow_type);
        answer_faults(n, item, &faults, "unsupported");
        err = ERR_UNSUPPORTED;
    } else if (err == ERR_NOMEM) {
        retry(item, "out of memory");
    } else if (err != OK) {
        answer_faults(n, item, &faults, "validation");
    }
    faults_deinit(&faults);
    return err == OK;
}

/* Hashes the evidence package, and signs it when `signature` is given. */
static enum err seal(struct notary *n, struct item *item, struct signature *signature)
{
    struct text evidence;
    struct bytes bytes;
    enum err err;

    text_init(&evidence, EVIDENCE_BYTES_MAX);
    if ((err = evidence_build(&item->event, &evidence)) == OK) {
        bytes = bytes_of(evidence.data, evidence.len);
        item->evidence = digest_of(bytes);
        if (signature)
            err = signer_sign_now(n->options.signer, bytes, signature);
    }
    text_deinit(&evidence);
    return err;
}

/* The record that opens and closes this workflow at once. */
static json_t *closed_record(const struct item *item, const struct text *leaf, const struct text *rest)
{
    char hash[RECEIPT_HASH_SIZE];

    receipt_hash_text(&item->evidence, hash);
    return json_pack("{s:s, s:s%, s:s, s:[{s:s, s:s, s:s, s:s, s:s%, s:n}]}", "kind", "closed", "leaf", leaf->data,
                     leaf->len, "outcome", "notarized", "results", "event_id", item->event.event_id, "event_hash", hash,
                     "workflow_id", item->workflow_id, "workflow_type", item->event.workflow_type, "rest", rest->data,
                     rest->len, "path");
}

static enum err compose(struct notary *n, struct item *item, json_t **record)
{
    struct receipt_facts facts = {
        .event_id = item->event.event_id,
        .trace_id = item->event.trace_id,
        .workflow_id = item->workflow_id,
        .workflow_type = item->event.workflow_type,
        .artifacts = item->event.artifacts,
        .notifications = item->event.wants_notifications ? "not sent: this notary has no notifier" : NULL,
        .key = signer_key(n->options.signer),
        .log_key = signer_key(n->options.log_key),
        .log_url = n->options.log_url,
        .sealed_ms = now_ms(n),
    };
    struct text leaf, rest;
    enum err err = seal(n, item, &facts.signature);

    if (err != OK)
        return err;
    facts.evidence = item->evidence;
    facts.duration_ms =
        facts.sealed_ms > item->delivery->received_ms ? facts.sealed_ms - item->delivery->received_ms : 0;
    text_init(&leaf, RECEIPT_BYTES_MAX);
    text_init(&rest, RECEIPT_BYTES_MAX);
    if ((err = receipt_compose(&facts, &leaf, &rest)) == OK && !(*record = closed_record(item, &leaf, &rest)))
        err = ERR_NOMEM;
    text_deinit(&leaf);
    text_deinit(&rest);
    return err;
}

static struct bytes item_key(const struct item *item)
{
    return bytes_of_text(item->event.event_id);
}

/* Errors of the book end the round; others are this item's own affair. */
static enum err begin(struct notary *n, struct item *item)
{
    const struct trail trail = trail_of(item);
    const int64_t begin_ns = trails_now_ns(&n->trails);
    json_t *record;
    enum err err = compose(n, item, &record);

    trails_step(&n->trails, &trail, "sign", begin_ns, err == OK ? NULL : err_text(err), n->options.signer->ops->name);
    if (err == OK && (err = map_put(&n->round, item_key(item), item)) != OK)
        json_decref(record);
    if (err != OK) {
        retry(item, err_text(err));
        return OK;
    }
    item->stage = STAGE_NEW;
    return draft_add(&n->draft, record);
}

static enum err examine(struct notary *n, struct item *item)
{
    struct registry_result known;
    enum err err;

    if (!parse(n, item))
        return OK;
    if (map_find(&n->round, item_key(item))) {
        item->stage = STAGE_KNOWN;
        return OK;
    }
    err = n->options.book->ops->find(n->options.book, item->event.event_id, &known);
    if (err == ERR_NOT_FOUND)
        return begin(n, item);
    if (err != OK)
        return err;
    book_result_deinit(&known);
    item->stage = STAGE_KNOWN;
    return OK;
}

/* ---- the round ---- */

/* Whether the book's result is about this event; if not, the item is answered. */
static bool same_content(struct notary *n, struct item *item, const struct registry_result *known)
{
    char ours[RECEIPT_HASH_SIZE];
    enum err err = seal(n, item, NULL);

    if (err != OK) {
        retry(item, err_text(err));
        return false;
    }
    receipt_hash_text(&item->evidence, ours);
    if (strcmp(known->event_hash.data, ours) == 0)
        return true;
    answer_conflict(n, item, known->event_hash.data, known->index);
    return false;
}

static enum err answer(struct notary *n, struct item *item)
{
    struct registry_result known;
    enum err err;

    if (item->stage == STAGE_ANSWERED)
        return OK;
    if ((err = n->options.book->ops->find(n->options.book, item->event.event_id, &known)) != OK)
        return err;
    if (item->stage == STAGE_NEW || same_content(n, item, &known))
        answer_result(n, item, &known);
    book_result_deinit(&known);
    return OK;
}

static void item_deinit(struct item *item)
{
    event_deinit(&item->event);
}

static enum err write_round(struct notary *n, const struct item *items, size_t count)
{
    const int64_t begin_ns = trails_now_ns(&n->trails);
    enum err err = draft_flush(&n->draft);

    trails_written(&n->trails, begin_ns);
    for (size_t i = 0; n->trails.tracer && i < count; i++) {
        const struct trail trail = trail_of(&items[i]);
        if (err == OK && items[i].stage == STAGE_NEW)
            trails_journaled(&n->trails, &trail, begin_ns);
    }
    return err;
}

static enum err work(struct notary *n, struct item *items, size_t count)
{
    enum err err = OK;

    map_init(&n->round, n->options.seed);
    trails_begin(&n->trails);
    for (size_t i = 0; i < count && err == OK; i++)
        err = examine(n, &items[i]);
    if (err == OK)
        err = write_round(n, items, count);
    if (err == ERR_NOSPACE || err == ERR_TOO_LARGE) { /* nothing was written: all that hangs on it waits */
        for (size_t i = 0; i < count; i++)
            if (items[i].stage != STAGE_ANSWERED)
                retry(&items[i], err_text(err));
        err = OK;
    }
    for (size_t i = 0; i < count && err == OK; i++)
        err = answer(n, &items[i]);
    map_deinit(&n->round);
    return err;
}

static enum err handle(struct handler *handler, const struct delivery *deliveries, size_t count,
                       struct outcome *outcomes, struct outcome *own)
{
    struct notary *n = container_of(handler, struct notary, handler);
    struct item *items = calloc(count + 1, sizeof *items);
    enum err err;

    if (!items)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        items[i].delivery = &deliveries[i];
        items[i].outcome = &outcomes[i];
    }
    err = work(n, items, count);
    for (size_t i = 0; i < count; i++)
        item_deinit(&items[i]);
    free(items);
    return err;
}

static void give_up(struct handler *handler, const struct delivery *delivery, const char *why, struct outcome *outcome)
{
    struct notary *n = container_of(handler, struct notary, handler);
    struct item item = {.delivery = delivery, .outcome = outcome};
    struct faults faults;
    char message[256];

    snprintf(message, sizeof message, "Given up after %u deliveries, and moved to the dead letter topic: %s",
             delivery->redelivery_count + 1, why);
    if (faults_init(&faults) != OK)
        return;
    if (event_parse(&item.event, delivery->payload, &faults) != ERR_NOMEM) {
        if (item.event.event_id)
            workflow_id_of(item.event.event_id, item.workflow_id);
        answer_error(n, &item, "processing", message, NULL);
    }
    item_deinit(&item);
    faults_deinit(&faults);
}

static void published(struct handler *handler, bool all)
{
    struct notary *n = container_of(handler, struct notary, handler);

    trails_published(&n->trails, all);
}

/* ---- being made ---- */

enum err notary_new(struct notary **out, const struct notary_options *options)
{
    struct notary *n = calloc(1, sizeof *n);
    enum err err;

    if (!n)
        return ERR_NOMEM;
    n->handler.handle = handle;
    n->handler.give_up = give_up;
    n->handler.published = published;
    n->options = *options;
    trails_init(&n->trails, options->tracer);
    if ((err = draft_init(&n->draft, options->book, options->log_key, options->log_url)) != OK) {
        notary_free(n);
        return err;
    }
    *out = n;
    return OK;
}

void notary_free(struct notary *n)
{
    if (!n)
        return;
    draft_deinit(&n->draft);
    trails_deinit(&n->trails);
    free(n);
}

enum err notary_lead(struct notary *n)
{
    draft_drop(&n->draft);
    return OK;
}

struct handler *notary_handler(struct notary *n)
{
    return &n->handler;
}

struct notary_counts notary_counts(const struct notary *n)
{
    return n->counts;
}
