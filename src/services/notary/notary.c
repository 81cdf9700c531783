/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.c - one batch, in four steps: examine each event, append what is new, look every entry up, answer.
 *
 * The answer of a new event is made of the log's entry, read back, exactly like that of a repeated one; so there is
 * one way only to make a result, and it cannot run before the entry is durable.
 */
#include "services/notary/notary.h"

#include "base/list.h"
#include "services/notary/event.h"
#include "services/notary/evidence.h"
#include "services/notary/message.h"
#include "services/notary/receipt.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_TOTAL 4 /* validate, package, sign, log */

/* Where one delivery stands. */
enum stage {
    STAGE_ANSWERED, /* its outcome is written */
    STAGE_NEW,      /* signed, to be appended */
    STAGE_KNOWN,    /* in the log, before this batch or by an earlier item of it */
};

struct item {
    enum stage stage;
    const struct delivery *delivery;
    struct outcome *outcome;
    struct event event;
    char workflow_id[WORKFLOW_ID_SIZE]; /* "" when the event has no id */
    struct digest evidence;
    struct text leaf, rest;
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
    return n->clock.now_ms(n->clock.ctx);
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

    item->stage = STAGE_ANSWERED;
    item->outcome->refused = true;
    n->refused++;
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

/* Results and statuses of an event whose entry the log has. */
static void answer_entry(struct notary *n, struct item *item, const struct log_entry *entry)
{
    struct receipt_entry logged = {.leaf = bytes_of(entry->leaf.data, entry->leaf.len),
                                   .rest = bytes_of(entry->rest.data, entry->rest.len),
                                   .log_index = entry->index,
                                   .log_key = signer_key(n->signer),
                                   .proof = &entry->proof,
                                   .checkpoint = bytes_of(entry->checkpoint.data, entry->checkpoint.len)};
    bool is_new = item->stage == STAGE_NEW;
    char message[160];
    enum err err = OK;

    if (is_new)
        err = add_status(item, "in_progress", "The event is valid; its evidence package is being signed and logged",
                         "signing", 2, item->delivery->received_ms);
    if (err == OK)
        err = receipt_result(&logged,
                             outcome_publish(item->outcome, NOTARY_RESULTS, item->event.event_id, RECEIPT_BYTES_MAX));
    snprintf(message, sizeof message, "%s: log entry %" PRIu64, is_new ? "Notarized" : "Notarized before",
             entry->index);
    if (err == OK)
        err = add_status(item, "completed", message, "logged", STEPS_TOTAL, now_ms(n));
    item->stage = STAGE_ANSWERED;
    if (err != OK) {
        retry(item, err_text(err));
        return;
    }
    n->notarized += is_new;
    n->repeated += !is_new;
}

/* ---- examining ---- */

/* True when the item is to be signed or looked up; otherwise it is answered. */
static bool parse(struct notary *n, struct item *item)
{
    struct faults faults;
    enum err err;

    if (faults_init(&faults) != OK) {
        retry(item, "out of memory");
        return false;
    }
    err = event_parse(&item->event, item->delivery->payload, &faults);
    if (item->event.event_id)
        workflow_id_of(item->event.event_id, item->workflow_id);
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
            err = signer_sign_now(n->signer, bytes, signature);
    }
    text_deinit(&evidence);
    return err;
}

static enum err compose(struct notary *n, struct item *item)
{
    struct receipt_facts facts = {
        .event_id = item->event.event_id,
        .trace_id = item->event.trace_id,
        .workflow_id = item->workflow_id,
        .workflow_type = item->event.workflow_type,
        .artifacts = item->event.artifacts,
        .notifications = item->event.wants_notifications ? "not sent: this notary has no notifier" : NULL,
        .key = signer_key(n->signer),
        .log_key = signer_key(n->signer),
        .log_url = log_url(n->log),
        .sealed_ms = now_ms(n),
    };
    enum err err = seal(n, item, &facts.signature);

    if (err != OK)
        return err;
    facts.evidence = item->evidence;
    facts.duration_ms =
        facts.sealed_ms > item->delivery->received_ms ? facts.sealed_ms - item->delivery->received_ms : 0;
    text_init(&item->leaf, RECEIPT_BYTES_MAX);
    text_init(&item->rest, RECEIPT_BYTES_MAX);
    return receipt_compose(&facts, &item->leaf, &item->rest);
}

static struct bytes item_key(const struct item *item)
{
    return bytes_of_text(item->event.event_id);
}

/* True when an earlier item of the batch has the same event id and is new to the log. */
static bool has_twin(const struct item *items, const struct item *item)
{
    for (const struct item *other = items; other < item; other++)
        if (other->stage == STAGE_NEW && bytes_equal(item_key(other), item_key(item)))
            return true;
    return false;
}

/* ERR_CORRUPT and ERR_IO of the log end the service; anything else is this item's own affair. */
static enum err examine(struct notary *n, const struct item *items, struct item *item)
{
    struct log_entry entry;
    enum err err;

    if (!parse(n, item))
        return OK;
    err = log_find(n->log, item_key(item), &entry);
    if (err == OK)
        log_entry_deinit(&entry);
    if (err == ERR_CORRUPT || err == ERR_IO)
        return err;
    if (err == OK || (err == ERR_NOT_FOUND && has_twin(items, item)))
        item->stage = STAGE_KNOWN;
    else if (err != ERR_NOT_FOUND || (err = compose(n, item)) != OK)
        retry(item, err_text(err));
    else
        item->stage = STAGE_NEW;
    return OK;
}

/* ---- the batch ---- */

static enum err append_new(struct notary *n, struct item *items, size_t count)
{
    struct log_record *records = calloc(count, sizeof *records);
    size_t new_count = 0;
    enum err err = ERR_NOMEM;

    for (size_t i = 0; records && i < count; i++)
        if (items[i].stage == STAGE_NEW)
            records[new_count++] = (struct log_record){
                .key = item_key(&items[i]),
                .leaf = bytes_of(items[i].leaf.data, items[i].leaf.len),
                .rest = bytes_of(items[i].rest.data, items[i].rest.len),
            };
    if (records)
        err = new_count ? log_append(n->log, records, new_count) : OK;
    free(records);
    if (err == OK || err == ERR_IO)
        return err;
    for (size_t i = 0; i < count; i++) /* a twin of a new one waits as well */
        if (items[i].stage != STAGE_ANSWERED)
            retry(&items[i], err_text(err));
    return OK;
}

/* Whether the log's entry of this event id is about this event; if not, the item is answered. */
static bool same_content(struct notary *n, struct item *item, const struct log_entry *entry)
{
    char known[RECEIPT_HASH_SIZE], ours[RECEIPT_HASH_SIZE];
    enum err err = seal(n, item, NULL);

    if (err == OK)
        err = receipt_leaf_evidence(bytes_of(entry->leaf.data, entry->leaf.len), known);
    if (err != OK) {
        retry(item, err_text(err));
        return false;
    }
    receipt_hash_text(&item->evidence, ours);
    if (strcmp(known, ours) == 0)
        return true;
    answer_conflict(n, item, known, entry->index);
    return false;
}

static enum err answer(struct notary *n, struct item *item)
{
    struct log_entry entry;
    enum err err;

    if (item->stage == STAGE_ANSWERED)
        return OK;
    err = log_find(n->log, item_key(item), &entry);
    if (err == ERR_CORRUPT || err == ERR_IO)
        return err;
    if (err != OK) {
        retry(item, err_text(err));
        return OK;
    }
    if (item->stage == STAGE_NEW || same_content(n, item, &entry))
        answer_entry(n, item, &entry);
    log_entry_deinit(&entry);
    return OK;
}

static void item_deinit(struct item *item)
{
    text_deinit(&item->leaf);
    text_deinit(&item->rest);
    event_deinit(&item->event);
}

static enum err handle(struct handler *handler, const struct delivery *deliveries, size_t count,
                       struct outcome *outcomes)
{
    struct notary *n = container_of(handler, struct notary, handler);
    struct item *items = calloc(count, sizeof *items);
    enum err err = OK;

    assert(count <= NOTARY_BATCH_MAX);
    if (!items)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        items[i].delivery = &deliveries[i];
        items[i].outcome = &outcomes[i];
    }
    for (size_t i = 0; i < count && err == OK; i++)
        err = examine(n, items, &items[i]);
    if (err == OK)
        err = append_new(n, items, count);
    for (size_t i = 0; i < count && err == OK; i++)
        err = answer(n, &items[i]);
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

void notary_init(struct notary *n, struct signer *signer, struct transparency_log *log, struct wall_clock clock)
{
    memset(n, 0, sizeof *n);
    n->handler.handle = handle;
    n->handler.give_up = give_up;
    n->signer = signer;
    n->log = log;
    n->clock = clock;
}
