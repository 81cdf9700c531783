/* SPDX-License-Identifier: Apache-2.0
 *
 * notary.c - one round, and what was published of it; leading.
 *
 * A round in its order: what calls came back with, deliveries, timers, the batch; the document; answers.  The answer of
 * a workflow that has just ended is made of the book's result, read back, exactly like that of a repeated event; so
 * there is one way only to make a result, and it cannot run before the entry is in the book.
 */
#include "services/notary/notary_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void workflow_id_of(const char *event_id, char to[WORKFLOW_ID_SIZE])
{
    struct digest d = digest_of(bytes_of_text(event_id));
    char hex[DIGEST_HEX_SIZE];

    digest_hex(&d, hex);
    snprintf(to, WORKFLOW_ID_SIZE, "wf-%.16s", hex);
}

int64_t notary_now_ms(const struct notary *n)
{
    return n->options.clock.now_ms(n->options.clock.ctx);
}

/* What has just been closed is not counted any more, and nothing but that it is closed is folded. */
enum err notary_fold(struct notary *n, struct open_workflow *o, const json_t *record)
{
    size_t before = workflow_bytes(o->workflow);
    enum err err = workflow_apply(o->workflow, record);

    n->open_bytes += workflow_bytes(o->workflow) - before;
    if (o->share)
        shares_change(&n->shares, o->share, before, workflow_bytes(o->workflow));
    return err;
}

enum err notary_record(struct notary *n, struct open_workflow *o, json_t *record)
{
    enum err err = ERR_NOMEM;

    if (record)
        err = draft_fits(&n->draft, record) ? notary_fold(n, o, record) : ERR_TOO_LARGE;
    if (err == OK)
        return draft_add(&n->draft, record);
    json_decref(record);
    return err;
}

/* ---- what was published ---- */

static uint64_t result_count(const struct notary *n)
{
    return n->options.book->ops->result_count(n->options.book);
}

static enum err publish_again_one(struct notary *n, uint64_t number)
{
    struct registry_result known;
    json_t *rest;
    const char *event_id;
    enum err err = n->options.book->ops->result_at(n->options.book, number, &known);

    if (err != OK)
        return err;
    rest = json_loadb(known.rest.data, known.rest.len, 0, NULL);
    event_id = json_string_value(json_object_get(rest, "event_id"));
    err = event_id ? notary_add_result(n, n->own, event_id, &known) : ERR_CORRUPT;
    json_decref(rest);
    book_result_deinit(&known);
    return err;
}

/* How long to wait before that, after it failed. */
static int64_t again_wait_ms(const struct notary *n)
{
    int64_t left_ms = n->again_ms - notary_now_ms(n);

    return left_ms > 0 && left_ms <= PUBLISH_AGAIN_MS ? left_ms : 0; /* more: the clock was set back */
}

/* Results that somebody before us, or we, may not have published: the same bytes once more. */
static enum err publish_again(struct notary *n)
{
    size_t bytes = 0;
    enum err err = OK;

    if (again_wait_ms(n) > 0)
        return OK;
    for (int i = 0; i < PUBLISH_AGAIN_MAX && bytes < PUBLISH_AGAIN_BYTES && n->again <= n->again_end && err == OK; i++)
        if ((err = publish_again_one(n, n->again)) == OK) {
            n->again++;
            bytes += n->own->publications[n->own->count - 1].body.len;
        }
    return err;
}

static bool is_publishing_again(const struct notary *n)
{
    return n->again <= n->again_end;
}

static void published(struct handler *handler, bool all)
{
    struct notary *n = container_of(handler, struct notary, handler);

    trails_published(&n->trails, all);
    if (!all || n->unsaid) {
        n->again = n->confirmed + 1;
        n->again_end = n->round_end;
        n->again_ms = notary_now_ms(n) + PUBLISH_AGAIN_MS;
    } else if (is_publishing_again(n)) {
        n->confirmed = n->again - 1;
    } else {
        n->confirmed = n->round_end;
    }
}

static enum err record_through(struct notary *n)
{
    enum err err =
        draft_add(&n->draft, json_pack("{s:s, s:I}", "kind", "published", "through", (json_int_t)n->confirmed));
    n->recorded = n->confirmed;
    n->recorded_ms = notary_now_ms(n);
    return err;
}

/* Any record proves it. */
enum err notary_prove(struct notary *n)
{
    return n->draft.records ? OK : record_through(n);
}

static enum err record_published(struct notary *n)
{
    return n->confirmed == n->recorded ? OK : record_through(n);
}

/* With what is written anyhow, or when nothing was for a while. */
static enum err note_published(struct notary *n)
{
    int64_t since_ms = notary_now_ms(n) - n->recorded_ms;

    if (!n->draft.records && since_ms >= 0 && since_ms < PUBLISHED_MS)
        return OK;
    return record_published(n);
}

/* ---- the round ---- */

static enum err examine_all(struct notary *n, struct item *items, size_t count)
{
    enum err err = OK;

    for (size_t i = 0; i < count && err == OK; i++)
        err = items[i].delivery->input == NOTARY_APPROVALS ? notary_decide(n, &items[i]) : notary_examine(n, &items[i]);
    return err;
}

static enum err write_round(struct notary *n, const struct item *items, size_t count)
{
    const int64_t begin_ns = trails_now_ns(&n->trails);
    enum err err = draft_flush(&n->draft);

    trails_written(&n->trails, begin_ns);
    for (size_t i = 0; n->trails.tracer && i < count; i++) {
        const struct trail trail = notary_trail(&items[i]);
        if (err == OK && items[i].stage == STAGE_NEW)
            trails_journaled(&n->trails, &trail, begin_ns);
    }
    return err;
}

/* Times that were set by a clock which was ahead would otherwise be waited for until it gets there again. */
static void mind_the_clock(struct notary *n)
{
    int64_t now = notary_now_ms(n);

    if (now < n->seen_ms) {
        notary_look_anew(n);
        notary_batch_wait_anew(n);
        notary_notices_hurry(n);
        n->recorded_ms = now;
    }
    n->seen_ms = now;
}

/* What was decided, up to the document. */
static enum err decide_all(struct notary *n, struct item *items, size_t count)
{
    enum err err;

    trails_begin(&n->trails);
    mind_the_clock(n);
    n->call_err = OK;
    if (n->options.lanes.collect)
        n->options.lanes.collect(n->options.lanes.ctx);
    if ((err = n->call_err) != OK || (err = examine_all(n, items, count)) != OK || (err = notary_timers(n)) != OK ||
        (err = notary_batch(n)) != OK || (err = notary_notices(n)) != OK || (err = notary_conduct_poll(n)) != OK ||
        (err = note_published(n)) != OK)
        return err;
    return write_round(n, items, count);
}

static enum err say_all(struct notary *n, struct item *items, size_t count)
{
    enum err err = OK;

    for (size_t i = 0; i < count && err == OK; i++)
        err = notary_answer(n, &items[i]);
    if (err == OK)
        err = notary_say_closed(n);
    if (err == OK)
        err = publish_again(n);
    n->round_end = result_count(n);
    return err;
}

/* An error is the end of this term: what the book has is found out by leading again, and events come again. */
static enum err work(struct notary *n, struct item *items, size_t count)
{
    enum err err = decide_all(n, items, count);

    return err == OK ? say_all(n, items, count) : err;
}

static void forget_closed(struct notary *n)
{
    struct list *node;

    while ((node = list_pop_front(&n->closing))) {
        struct open_workflow *o = container_of(node, struct open_workflow, node);
        notary_free_workflow(o);
    }
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
    n->own = own;
    n->held = n->unsaid = false;
    map_init(&n->round, n->options.seed);
    err = work(n, items, count);
    map_deinit(&n->round);
    n->has_room = n->held && !list_empty(&n->closing);
    forget_closed(n);
    n->own = NULL;
    for (size_t i = 0; i < count; i++)
        event_deinit(&items[i].event);
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
        notary_answer_error(n, &item, "processing", message, NULL);
    }
    event_deinit(&item.event);
    faults_deinit(&faults);
}

/* ---- when and in which order ---- */

/* The first priority that the payload mentions: an order of work, not a fact. */
static unsigned rank(struct handler *handler, const struct delivery *delivery)
{
    static const char *const names[] = {"low", "normal", "medium", "high", "critical"};
    static const char member[] = "\"priority\"";
    const struct bytes payload = delivery->payload;

    if (delivery->input == NOTARY_APPROVALS)
        return 7;
    const uint8_t *at = payload.len ? memmem(payload.data, payload.len, member, sizeof member - 1) : NULL;
    if (!at)
        return 1;
    const uint8_t *const end = payload.data + payload.len;
    for (at += sizeof member - 1; at < end && strchr(" \t\r\n:\"", *at);)
        at++;
    for (unsigned i = 0; i < 5; i++)
        if ((size_t)(end - at) >= strlen(names[i]) && memcmp(at, names[i], strlen(names[i])) == 0)
            return i;
    return 1;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t wait_ms(struct handler *handler)
{
    struct notary *n = container_of(handler, struct notary, handler);
    const struct open_workflow *first = heap_peek(&n->due);
    int64_t at_ms = first ? first->due_ms : -1, now = notary_now_ms(n);

    if (n->has_room)
        return 0;
    if (is_publishing_again(n))
        at_ms = sooner(at_ms, now + again_wait_ms(n));
    at_ms = sooner(at_ms, notary_batch_due_ms(n));
    at_ms = sooner(at_ms, notary_notices_due_ms(n));
    at_ms = sooner(at_ms, notary_conduct_due_ms(n));
    if (n->confirmed != n->recorded)
        at_ms = sooner(at_ms, n->recorded_ms + PUBLISHED_MS);
    if (at_ms < 0)
        return -1;
    return at_ms > now ? at_ms - now : 0;
}

static enum err finish(struct handler *handler)
{
    struct notary *n = container_of(handler, struct notary, handler);
    enum err err = record_published(n);

    return err == OK ? draft_flush(&n->draft) : err;
}

/* ---- leading ---- */

struct taking_up {
    struct notary *notary;
    enum err err;
};

static bool take_up(void *ctx, const char *event_id, const json_t *records)
{
    struct taking_up *t = ctx;

    t->err = notary_take_up(t->notary, records);
    return t->err == OK;
}

static void forget(struct notary *n)
{
    draft_drop(&n->draft);
    forget_closed(n);
    notary_forget_all(n);
    n->batch_running = false;
    memset(n->polls, 0, sizeof n->polls);
    n->batch_limit = n->options.batch_events_max;
    notary_notices_forget(n);
    n->has_room = false;
}

enum err notary_lead(struct notary *n)
{
    struct book *book = n->options.book;
    struct taking_up t = {.notary = n};
    enum err err;

    forget(n);
    n->term++;
    n->confirmed = n->recorded = book->ops->published(book);
    n->recorded_ms = notary_now_ms(n);
    n->again = n->confirmed + 1;
    n->again_end = n->round_end = result_count(n);
    err = book->ops->open_workflows(book, take_up, &t);
    return err == OK ? t.err : err;
}

/* ---- being made ---- */

static bool is_due_before(const void *a, const void *b)
{
    return ((const struct open_workflow *)a)->due_ms < ((const struct open_workflow *)b)->due_ms;
}

static void on_moved(void *item, size_t index)
{
    ((struct open_workflow *)item)->heap_at = index;
}

static void set_defaults(struct notary_options *o)
{
    o->open_max = o->open_max ? o->open_max : OPEN_MAX_DEFAULT;
    o->source_approvals_max = o->source_approvals_max ? o->source_approvals_max : SHARE_MAX_DEFAULT;
    o->batch_events_max = o->batch_events_max ? o->batch_events_max : BATCH_MAX_DEFAULT;
    o->batch_wait_ms = o->batch_wait_ms ? o->batch_wait_ms : BATCH_WAIT_DEFAULT;
    o->call_timeout_ms = o->call_timeout_ms ? o->call_timeout_ms : CALL_MS_DEFAULT;
    o->artifacts_timeout_ms = o->artifacts_timeout_ms ? o->artifacts_timeout_ms : CALL_MS_DEFAULT;
    o->notices_timeout_ms = o->notices_timeout_ms ? o->notices_timeout_ms : CALL_MS_DEFAULT;
}

enum err notary_new(struct notary **out, const struct notary_options *options)
{
    struct notary *n = calloc(1, sizeof *n);
    enum err err;

    if (!n)
        return ERR_NOMEM;
    n->handler = (struct handler){.handle = handle,
                                  .give_up = give_up,
                                  .published = published,
                                  .rank = rank,
                                  .wait_ms = wait_ms,
                                  .finish = finish};
    n->options = *options;
    set_defaults(&n->options);
    trails_init(&n->trails, options->tracer);
    map_init(&n->open, options->seed);
    shares_init(&n->shares, n->options.open_max, OPEN_BYTES_MAX, n->options.source_approvals_max, options->seed);
    heap_init(&n->due, TAKEN_UP_MAX, is_due_before, on_moved);
    list_init(&n->collecting);
    list_init(&n->closing);
    list_init(&n->notices_later);
    if ((err = draft_init(&n->draft, options->book, options->log_key, options->log_url, options->log)) != OK) {
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
    forget(n);
    heap_deinit(&n->due);
    map_deinit(&n->open);
    shares_deinit(&n->shares);
    draft_deinit(&n->draft);
    trails_deinit(&n->trails);
    free(n);
}

struct handler *notary_handler(struct notary *n)
{
    return &n->handler;
}

struct notary_counts notary_counts(const struct notary *n)
{
    struct notary_counts counts = n->counts;

    counts.open = map_count(&n->open);
    return counts;
}
