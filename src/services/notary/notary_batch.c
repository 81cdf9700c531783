/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_batch.c - workflows of type batch: collected until there are enough or the first one has waited long enough,
 * then signed together (batch.h).
 *
 * A batch in the making is not in the book: after a crash its members are collected anew.  What is signed counts only
 * if all of its members are still open when the signature comes; otherwise they are collected once more.
 */
#include "services/notary/notary_private.h"

#include "services/notary/documents/batch.h"
#include "services/notary/documents/evidence.h"
#include <stdlib.h>

struct member {
    char event_id[EVENT_ID_MAX + 1];
    uint64_t serial;
};

struct batch_call {
    struct notary_call call; /* first */
    struct batch *batch;
    struct member *members;
    size_t count;
    size_t at; /* the member that is being looked at: of an error */
    struct text statement;
    struct signed_by by;
};

/* ---- collecting ---- */

enum err notary_collect(struct notary *n, struct open_workflow *o)
{
    notary_schedule(n, o, workflow_expiry_ms(o->workflow));
    if (o->collecting)
        return OK;
    if (n->collecting_count == 0)
        n->collecting_since_ms = notary_now_ms(n);
    o->collecting = true;
    n->collecting_count++;
    list_push_back(&n->collecting, &o->node);
    return OK;
}

void notary_uncollect(struct notary *n, struct open_workflow *o)
{
    if (!o->collecting)
        return;
    o->collecting = false;
    n->collecting_count--;
    list_remove(&o->node);
}

void notary_batch_wait_anew(struct notary *n)
{
    n->collecting_since_ms = notary_now_ms(n);
}

int64_t notary_batch_due_ms(const struct notary *n)
{
    int64_t now = notary_now_ms(n), due_ms = n->collecting_since_ms + n->options.batch_wait_ms;

    if (n->collecting_count == 0 || n->batch_running)
        return -1;
    if (n->batch_busy_ms > now && n->batch_busy_ms <= now + BUSY_MS)
        return n->batch_busy_ms;
    if (n->collecting_count >= n->batch_limit)
        return now;
    return due_ms;
}

/* ---- making one ---- */

static void drop(struct notary_call *call)
{
    struct batch_call *c = container_of(call, struct batch_call, call);

    notary_batch_free(c->batch);
    free(c->members);
    text_deinit(&c->statement);
    free(c);
}

static enum err add_leaves(struct batch_call *c, const struct open_workflow *o)
{
    const struct workflow *w = o->workflow;
    struct event event = {.event_id = w->event_id, .artifacts = w->artifacts};
    struct digest evidence;
    enum err err;

    if (o->leaves)
        return batch_add_leaves(c->batch, o->leaves, w->artifacts);
    if (!(event.json = json_loadb(w->event.data, w->event.len, 0, NULL)))
        return ERR_NOMEM;
    err = batch_add(c->batch, &event, &evidence);
    json_decref(event.json);
    return err;
}

static void add(struct batch_call *c, struct open_workflow *o)
{
    snprintf(c->members[c->count].event_id, sizeof c->members->event_id, "%s", o->workflow->event_id);
    c->members[c->count++].serial = o->serial;
    o->running = true;
}

/* It fails alone, whatever it is about it. */
static enum err fail_one(struct notary *n, struct open_workflow *o, enum err why, const char *sentence)
{
    enum workflow_state before = workflow_state(o->workflow);
    enum err err = notary_attempt_failed(n, o, ACTIVITY_SIGN, why, sentence);

    return err == OK ? notary_changed(n, o, before) : err;
}

/* The next one that is collected; *full: there is no room for it. */
static enum err take_next(struct notary *n, struct batch_call *c, bool *full)
{
    struct open_workflow *o = container_of(n->collecting.next, struct open_workflow, node);
    enum err err = add_leaves(c, o);

    *full = err == ERR_TOO_LARGE && c->count > 0;
    if (*full || err == ERR_NOMEM)
        return *full ? OK : err;
    notary_uncollect(n, o);
    if (err != OK)
        return fail_one(n, o, err, "");
    add(c, o);
    return OK;
}

/* As many as there are and it takes; maybe none. */
static enum err fill(struct notary *n, struct batch_call *c)
{
    bool full = false;
    enum err err = OK;

    while (err == OK && !full && c->count < n->batch_limit && n->collecting_count > 0)
        err = take_next(n, c, &full);
    n->collecting_since_ms = notary_now_ms(n); /* of what is left */
    return err == OK && c->count > 0 ? batch_statement(c->batch, &c->statement) : err;
}

/* A member that is open as it was, or NULL. */
static struct open_workflow *member_of(struct notary *n, const struct member *m)
{
    struct open_workflow *o = map_find(&n->open, bytes_of_text(m->event_id));

    return o && o->serial == m->serial ? o : NULL;
}

static void release(struct notary *n, struct batch_call *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct open_workflow *o = member_of(n, &c->members[i]);
        if (o)
            o->running = false;
    }
}

static enum err collect_again(struct notary *n, struct batch_call *c)
{
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++) {
        struct open_workflow *o = member_of(n, &c->members[i]);
        if (o)
            err = notary_advance(n, o);
    }
    return err;
}

static enum err fail_all(struct notary *n, struct batch_call *c)
{
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++) {
        struct open_workflow *o = member_of(n, &c->members[i]);
        if (o)
            err = fail_one(n, o, c->call.err, c->call.why);
    }
    return err;
}

/* ---- writing one ---- */

static bool all_open(struct notary *n, const struct batch_call *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (!member_of(n, &c->members[i]))
            return false;
    return true;
}

/* The result without receipt of each member, told to the batch; later put beside its path.  ERR_TOO_LARGE as soon as
 * they are more than a record may be, so that no more than that is ever in memory. */
static enum err compose_rests(struct notary *n, struct batch_call *c, struct text *rests)
{
    size_t bytes = 0;
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++) {
        struct receipt_facts facts;
        json_t *metadata;
        c->at = i;
        notary_facts(n, member_of(n, &c->members[i])->workflow, &metadata, &facts);
        if ((err = receipt_rest(&facts, &rests[i])) == OK)
            err = batch_set_result(c->batch, i, bytes_of(rests[i].data, rests[i].len));
        json_decref(metadata);
        bytes += rests[i].len;
        if (err == OK && bytes > n->draft.record_max)
            err = ERR_TOO_LARGE;
    }
    return err;
}

static json_t *result_of(struct notary *n, struct batch_call *c, size_t i, const struct text *rest)
{
    const struct workflow *w = member_of(n, &c->members[i])->workflow;

    return json_pack("{s:s, s:s, s:s, s:s, s:s%, s:o}", "event_id", w->event_id, "event_hash", w->event_hash,
                     "workflow_id", w->workflow_id, "workflow_type", workflow_type_name(w->type), "rest", rest->data,
                     rest->len, "path", batch_path_json(c->batch, i));
}

static enum err compose_leaf(struct notary *n, struct batch_call *c, struct text *leaf)
{
    struct receipt_facts facts = {.evidence = digest_of(bytes_of(c->statement.data, c->statement.len)),
                                  .signature = c->by.signature,
                                  .key = &c->by.key,
                                  .log_key = signer_key(n->options.log_key),
                                  .log_url = n->options.log_url,
                                  .sealed_ms = notary_now_ms(n)};

    return batch_leaf(c->batch, &facts, leaf);
}

static enum err compose_with(struct notary *n, struct batch_call *c, struct text *rests, json_t **record)
{
    struct text leaf;
    json_t *results = json_array();
    enum err err = compose_rests(n, c, rests);

    text_init(&leaf, RECORD_LEAF_MAX);
    if (err == OK)
        err = compose_leaf(n, c, &leaf);
    for (size_t i = 0; i < c->count && err == OK; i++)
        err = json_array_append_new(results, result_of(n, c, i, &rests[i])) == 0 ? OK : ERR_NOMEM;
    if (err == OK && !(*record = json_pack("{s:s, s:s%, s:s, s:O}", "kind", "closed", "leaf", leaf.data, leaf.len,
                                           "outcome", "notarized", "results", results)))
        err = ERR_NOMEM;
    json_decref(results);
    text_deinit(&leaf);
    return err;
}

static enum err compose(struct notary *n, struct batch_call *c, json_t **record)
{
    struct text *rests = calloc(c->count, sizeof *rests);
    enum err err;

    if (!rests)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->count; i++)
        text_init(&rests[i], RECEIPT_BYTES_MAX);
    err = compose_with(n, c, rests, record);
    for (size_t i = 0; i < c->count; i++)
        text_deinit(&rests[i]);
    free(rests);
    return err;
}

static enum err close_all(struct notary *n, struct batch_call *c, json_t *record)
{
    enum err err = OK;

    for (size_t i = 0; i < c->count && err == OK; i++) {
        struct open_workflow *o = member_of(n, &c->members[i]);
        workflow_close(o->workflow);
        err = notary_close(n, o, OUTCOME_NOTARIZED);
    }
    if (err == OK)
        return draft_add(&n->draft, record);
    json_decref(record);
    return err;
}

/* Their results are too large for one document: half as many, from here on. */
static enum err halve(struct notary *n, struct batch_call *c)
{
    n->batch_limit = c->count / 2;
    return collect_again(n, c);
}

/* Not now: there is no room on the lane, or no memory. */
static enum err collect_later(struct notary *n, struct batch_call *c)
{
    n->batch_busy_ms = notary_now_ms(n) + BUSY_MS;
    return collect_again(n, c);
}

/* One of them has no result: it fails, and the others are collected once more. */
static enum err leave_one_out(struct notary *n, struct batch_call *c, enum err why)
{
    enum err err = fail_one(n, member_of(n, &c->members[c->at]), why, "");

    c->members[c->at].serial = 0; /* no workflow's */
    return err == OK ? collect_again(n, c) : err;
}

static enum err close_or_halve(struct notary *n, struct batch_call *c, json_t *record, enum err err)
{
    if (err == OK && draft_fits(&n->draft, record))
        return close_all(n, c, record);
    json_decref(record);
    if (c->count > 1)
        return halve(n, c);
    notary_call_too_large(&c->call);
    return fail_all(n, c);
}

static enum err finish(struct notary *n, struct batch_call *c)
{
    json_t *record = NULL;
    enum err err;

    release(n, c);
    if (c->call.err != OK)
        return fail_all(n, c);
    if (!all_open(n, c))
        return collect_again(n, c);
    err = compose(n, c, &record);
    if (err == OK || err == ERR_TOO_LARGE)
        return close_or_halve(n, c, record, err);
    return err == ERR_NOMEM ? collect_later(n, c) : leave_one_out(n, c, err);
}

/* ---- signing ---- */

static void run(struct job *job)
{
    struct batch_call *c = container_of(job, struct batch_call, call.job);
    struct notary *n = c->call.notary;

    c->call.err = signer_sign(n->options.signer, bytes_of(c->statement.data, c->statement.len), &c->by,
                              n->options.call_timeout_ms, c->call.why, sizeof c->call.why);
}

static void done(struct job *job)
{
    struct batch_call *c = container_of(job, struct batch_call, call.job);
    struct notary *n = c->call.notary;

    if (n->own && c->call.term == n->term) {
        n->batch_running = false;
        workflow_clean(c->call.why);
        if (n->call_err == OK)
            n->call_err = finish(n, c);
    }
    drop(&c->call);
}

/* Signs, here or on its lane; the call is taken. */
static enum err sign(struct notary *n, struct batch_call *c)
{
    enum err err;

    if (n->options.signer->ops->instant) {
        run(&c->call.job);
        err = finish(n, c);
        drop(&c->call);
        return err;
    }
    n->batch_running = true;
    if ((err = notary_submit(n, LANE_SIGNER, &c->call.job)) == OK)
        return OK;
    n->batch_running = false;
    release(n, c);
    err = err == ERR_BUSY ? collect_later(n, c) : err;
    drop(&c->call);
    return err;
}

static struct batch_call *call_new(struct notary *n)
{
    struct batch_call *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->call = (struct notary_call){.job = {.run = run, .done = done}, .notary = n, .term = n->term, .drop = drop};
    text_init(&c->statement, RECORD_LEAF_MAX);
    c->members = calloc(n->batch_limit, sizeof *c->members);
    if (c->members && notary_batch_new(&c->batch) == OK)
        return c;
    drop(&c->call);
    return NULL;
}

static enum err make(struct notary *n)
{
    struct batch_call *c = call_new(n);
    enum err err;

    if (!c) {
        n->batch_busy_ms = notary_now_ms(n) + BUSY_MS;
        return OK;
    }
    if ((err = fill(n, c)) == OK && c->count > 0)
        return sign(n, c);
    release(n, c);
    err = err == ERR_NOMEM ? collect_later(n, c) : err;
    drop(&c->call);
    return err;
}

enum err notary_batch(struct notary *n)
{
    int64_t due_ms = notary_batch_due_ms(n);
    enum err err = OK;

    while (err == OK && due_ms >= 0 && due_ms <= notary_now_ms(n)) {
        err = make(n);
        due_ms = notary_batch_due_ms(n);
    }
    return err;
}
