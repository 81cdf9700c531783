/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_workflows_test.c - workflows that stay open for a while, on a book in memory: approvals, batches, slow
 * signers, handlers, timers; and a world in which the notary is killed at every document, against a model: one result
 * an event.
 */
#include "base/base_test.h"

#include "base/random.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/documents/verify.h"
#include "services/notary/fixture.h"
#include "services/notary/notary.h"
#include "services/notary/workflow.h"

#define NOW 1705318500000

struct world {
    struct fixture_signer key, slow;
    struct signer_ops slow_ops;
    struct fixture_book book;
    struct notary *notary;
    struct list jobs;
    size_t jobs_count;
    bool lane_is_full, publishing_fails;
    int64_t now_ms;
    struct outcome outcomes[16], own;
    enum err slow_says;
    enum handler_verdict verdict;
    enum err handlers_say;
    size_t finding_bytes; /* of the handlers; 0: a few */
    enum err artifacts_say, notices_say;
    struct notary_options options;
    unsigned decisions; /* made so far: their jti */
};

/* ---- what the notary is given ---- */

static int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static enum err world_submit(void *ctx, enum notary_lane lane, struct job *job)
{
    struct world *w = ctx;

    if (w->lane_is_full)
        return ERR_BUSY;
    list_push_back(&w->jobs, &job->node);
    w->jobs_count++;
    return OK;
}

static void world_collect(void *ctx)
{
    struct world *w = ctx;
    struct list ready, *node;

    list_init(&ready);
    while ((node = list_pop_front(&w->jobs)))
        list_push_back(&ready, node);
    w->jobs_count = 0;
    while ((node = list_pop_front(&ready))) {
        struct job *job = container_of(node, struct job, node);
        job->run(job);
        job->done(job);
    }
}

static struct world *the_world; /* of the ports that are given no context of ours */

static enum err slow_sign(struct signer *signer, struct bytes message, struct signed_by *out, int64_t timeout_ms,
                          char *why, size_t why_size)
{
    if (the_world->slow_says != OK) {
        snprintf(why, why_size, "the key service is down");
        return the_world->slow_says;
    }
    return fixture_signer_sign(signer, message, out, timeout_ms, why, why_size);
}

static bool fake_handlers_wanted(const struct handlers *h, const json_t *event)
{
    return true;
}

static enum err fake_handlers_run(struct handlers *h, struct bytes event, struct text *finding,
                                  enum handler_verdict *verdict, int64_t timeout_ms, char *why, size_t why_size)
{
    text_add(finding, "[{\"handler\":\"h");
    for (size_t i = 0; i < the_world->finding_bytes; i += 10)
        text_add(finding, "0123456789");
    text_add(finding, "\"}]");
    *verdict = the_world->verdict;
    snprintf(why, why_size, "%s", the_world->verdict == HANDLER_ACCEPT ? "" : "handler h: no");
    return the_world->handlers_say;
}

static bool fake_artifacts_wanted(const struct artifacts *a, const json_t *event)
{
    return true;
}

static enum err fake_artifacts_check(struct artifacts *a, struct bytes event, struct text *finding, int64_t timeout_ms,
                                     char *why, size_t why_size)
{
    text_add(finding, "[]");
    snprintf(why, why_size, "artifact[0]: it is another");
    return the_world->artifacts_say;
}

static void world_start(struct world *w)
{
    assert_int_equal(notary_new(&w->notary, &w->options), OK);
    assert_int_equal(notary_lead(w->notary), OK);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    the_world = w;
    w->now_ms = NOW;
    list_init(&w->jobs);
    fixture_signer_init(&w->key, 7);
    fixture_signer_init(&w->slow, 9);
    w->slow_ops = *w->slow.signer.ops;
    w->slow_ops.instant = false;
    w->slow_ops.sign = slow_sign;
    w->slow.signer.ops = &w->slow_ops;
    fixture_book_init(&w->book, &w->key.signer);
    w->options = (struct notary_options){.book = &w->book.book,
                                         .log_key = &w->key.signer,
                                         .signer = &w->key.signer,
                                         .log_url = FIXTURE_URL,
                                         .clock = {world_now, w},
                                         .lanes = {world_submit, world_collect, w}};
}

/* kill -9: of the notary nothing is left; the book stays. */
static void world_kill(struct world *w)
{
    struct list *node;

    while ((node = list_pop_front(&w->jobs)))
        notary_call_dropped(container_of(node, struct job, node));
    w->jobs_count = 0;
    notary_free(w->notary);
    w->notary = NULL;
}

static void world_deinit(struct world *w)
{
    world_kill(w);
    for (size_t i = 0; i < 16; i++)
        outcome_deinit(&w->outcomes[i]);
    outcome_deinit(&w->own);
    fixture_book_deinit(&w->book);
    fixture_signer_deinit(&w->key);
    fixture_signer_deinit(&w->slow);
}

/* ---- rounds ---- */

static enum err world_round(struct world *w, unsigned input, const char *const *payloads, size_t count)
{
    struct delivery deliveries[16];
    struct handler *h = notary_handler(w->notary);
    enum err err;

    for (size_t i = 0; i < count; i++) {
        deliveries[i] = (struct delivery){
            .payload = bytes_of_text(payloads[i]), .input = input, .message_id = "5:7", .received_ms = w->now_ms};
        outcome_deinit(&w->outcomes[i]);
    }
    outcome_deinit(&w->own);
    err = h->handle(h, deliveries, count, w->outcomes, &w->own);
    if (err == OK)
        h->published(h, !w->publishing_fails);
    return err;
}

static void event(struct world *w, const char *payload)
{
    assert_int_equal(world_round(w, NOTARY_EVENTS, &payload, 1), OK);
}

/* A round with nothing but time. */
static void tick(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    assert_int_equal(world_round(w, NOTARY_EVENTS, NULL, 0), OK);
}

static const char *published(const struct outcome *o, unsigned output, size_t n)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->publications[i].output == output && n-- == 0)
            return o->publications[i].body.data;
    return NULL;
}

/* The last status that a round spoke of its own, or about its delivery. */
static json_t *last_status(const struct outcome *o)
{
    const char *last = NULL, *text;

    for (size_t n = 0; (text = published(o, NOTARY_STATUS, n)); n++)
        last = text;
    return last ? json_loads(last, 0, NULL) : NULL;
}

static void assert_status(const struct outcome *o, const char *status, const char *step)
{
    json_t *json = last_status(o);

    assert_non_null(json);
    assert_string_equal(fixture_member(json, "status"), status);
    assert_string_equal(fixture_member(json_object_get(json, "progress"), "current_step"), step);
    json_decref(json);
}

/* ---- events and decisions ---- */

static char *make_event_of(const char *source, const char *id, const char *config)
{
    static char texts[16][2000];
    static unsigned next;
    char *text = texts[next++ % 16];

    snprintf(text, sizeof *texts,
             "{\"event_id\":\"%s\",\"event_type\":{\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\","
             "\"environment\":\"p\"}},\"source\":\"%s\",\"actor\":{\"actor_type\":\"c\",\"id\":\"g\"},\"artifacts\":[{"
             "\"name\":\"a\",\"hash_sha256\":\"" FIXTURE_HASH "\"}],\"workflow_config\":%s}",
             id, source, config);
    return text;
}

static char *make_event(const char *id, const char *config)
{
    return make_event_of("s", id, config);
}

#define APPROVAL "{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a\",\"b\",\"c\"],\"quorum\":2,\"timeout\":3600}"
#define SIMPLE   "{\"workflow_type\":\"simple_sign\"}"
#define BATCH    "{\"workflow_type\":\"batch\"}"

static void event_hash(const char *payload, char to[RECEIPT_HASH_SIZE])
{
    struct event e = {.json = json_loads(payload, 0, NULL)};
    struct text evidence;
    struct digest d;

    text_init(&evidence, EVIDENCE_BYTES_MAX);
    assert_int_equal(evidence_build(&e, &evidence), OK);
    d = digest_of(bytes_of(evidence.data, evidence.len));
    receipt_hash_text(&d, to);
    text_deinit(&evidence);
    json_decref(e.json);
}

static void make_statement(struct world *w, const char *about, const char *id, const char *approver,
                           enum decision_kind kind, struct text *statement)
{
    char hash[RECEIPT_HASH_SIZE], jti[20];
    struct decision_facts facts = {.event_id = id,
                                   .event_hash = hash,
                                   .approver = approver,
                                   .method = "token",
                                   .comment = "so be it",
                                   .subject = approver,
                                   .jti = jti,
                                   .kind = kind,
                                   .at_ms = w->now_ms};

    event_hash(about, hash);
    snprintf(jti, sizeof jti, "%u", ++w->decisions);
    text_init(statement, DECISION_BYTES_MAX);
    assert_int_equal(decision_make(&facts, &w->key.signer, statement), OK);
}

static void decide(struct world *w, const char *about, const char *id, const char *approver, enum decision_kind kind)
{
    struct text statement;
    const char *payload;

    make_statement(w, about, id, approver, kind, &statement);
    payload = statement.data;
    assert_int_equal(world_round(w, NOTARY_APPROVALS, &payload, 1), OK);
    text_deinit(&statement);
}

static json_t *own_result(const struct world *w)
{
    const char *text = published(&w->own, NOTARY_RESULTS, 0);

    assert_non_null(text);
    return json_loads(text, 0, NULL);
}

/* ---- approvals ---- */

static void an_approval_is_pending_until_the_quorum_and_then_notarized_with_its_decisions(void **state)
{
    struct world w;
    const char *e = make_event("e-1", APPROVAL);
    json_t *result, *evidence;

    world_init(&w);
    world_start(&w);
    event(&w, e);
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    assert_status(&w.outcomes[0], "pending_approval", "collecting_approvals");
    assert_int_equal(w.book.size, 0);
    w.now_ms += 1000;
    decide(&w, e, "e-1", "a", DECISION_APPROVE);
    assert_status(&w.outcomes[0], "pending_approval", "collecting_approvals");
    decide(&w, e, "e-1", "a", DECISION_APPROVE); /* changes nothing */
    assert_int_equal(w.book.size, 0);
    w.now_ms += 1000;
    decide(&w, e, "e-1", "b", DECISION_APPROVE);
    result = own_result(&w);
    assert_true(json_is_true(json_object_get(result, "success")));
    evidence = json_object_get(result, "evidence");
    assert_int_equal(json_array_size(json_object_get(evidence, "decisions")), 2);
    assert_int_equal(json_integer_value(json_object_get(evidence, "quorum")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "metadata"), "approval_duration_ms")),
                     2000);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "metadata"), "approvers_count")), 3);
    assert_status(&w.own, "completed", "logged");
    assert_int_equal(notary_counts(w.notary).open, 0);
    json_decref(result);
    world_deinit(&w);
}

static void the_result_of_an_approval_verifies_offline(void **state)
{
    struct world w;
    const char *e = make_event("e-1", APPROVAL);
    struct text report;
    bool verified = false;

    world_init(&w);
    world_start(&w);
    event(&w, e);
    decide(&w, e, "e-1", "a", DECISION_APPROVE);
    decide(&w, e, "e-1", "c", DECISION_APPROVE);
    text_init(&report, 10000);
    assert_int_equal(verify_receipt(bytes_of_text(published(&w.own, NOTARY_RESULTS, 0)), bytes_of_text(e),
                                    &w.key.public_key, &report, NULL, &verified),
                     OK);
    if (!verified)
        fail_msg("%s", report.data);
    text_deinit(&report);
    world_deinit(&w);
}

static void it_is_rejected_expired_or_cancelled_with_a_result_and_an_entry(void **state)
{
    static const char *const outcomes[] = {"rejected", "expired", "cancelled"};
    static const char *const errors[] = {"Rejected: rejected by b: so be it", "Expired: the timeout passed",
                                         "Cancelled: cancelled by c: so be it"};

    for (int i = 0; i < 3; i++) {
        struct world w;
        const char *e = make_event("e-1", APPROVAL);
        json_t *result;
        world_init(&w);
        world_start(&w);
        event(&w, e);
        if (i == 0) {
            decide(&w, e, "e-1", "a", DECISION_REJECT);
            decide(&w, e, "e-1", "b", DECISION_REJECT);
        } else if (i == 1) {
            tick(&w, 3600000);
        } else {
            decide(&w, e, "e-1", "c", DECISION_CANCEL);
        }
        result = own_result(&w);
        assert_true(json_is_false(json_object_get(result, "success")));
        assert_true(json_is_null(json_object_get(result, "receipt")));
        assert_string_equal(fixture_member(result, "error"), errors[i]);
        assert_status(&w.own, outcomes[i], "logged");
        assert_int_equal(w.book.size, 1);
        json_decref(result);
        decide(&w, e, "e-1", "a", DECISION_APPROVE); /* too late */
        assert_status(&w.outcomes[0], outcomes[i], "logged");
        assert_int_equal(w.book.size, 1);
        event(&w, e); /* the same result again */
        assert_non_null(published(&w.outcomes[0], NOTARY_RESULTS, 0));
        world_deinit(&w);
    }
}

/* What is said of a result without receipt: every check holds but that there is a receipt. */
static bool only_the_receipt_is_missing(struct world *w, const char *result, const char *about)
{
    struct text report;
    bool verified, only;

    text_init(&report, 10000);
    assert_int_equal(
        verify_receipt(bytes_of_text(result), bytes_of_text(about), &w->key.public_key, &report, NULL, &verified), OK);
    assert_false(verified);
    only = strncmp(report.data, "refused", 7) != 0 && strstr(report.data, "\nrefused  receipt") &&
           strstr(report.data, "ok       inclusion   entry 0 of 1");
    text_deinit(&report);
    return only;
}

static void that_it_was_refused_is_proven_and_any_bit_flipped_is_found(void **state)
{
    struct world w;
    const char *e = make_event("e-1", APPROVAL), *other = make_event("e-1", SIMPLE);
    char *result;

    world_init(&w);
    world_start(&w);
    event(&w, e);
    decide(&w, e, "e-1", "a", DECISION_REJECT);
    decide(&w, e, "e-1", "b", DECISION_REJECT);
    result = strdup(published(&w.own, NOTARY_RESULTS, 0));
    assert_true(only_the_receipt_is_missing(&w, result, e));
    assert_false(only_the_receipt_is_missing(&w, result, other));
    for (size_t i = 0, len = strlen(result); i < len; i += 5) { /* verify_test.c flips every one of what is notarized */
        result[i] ^= 1;
        if (only_the_receipt_is_missing(&w, result, e))
            fail_msg("byte %zu: %s", i, result);
        result[i] ^= 1;
    }
    free(result);
    world_deinit(&w);
}

static void decisions_of_strangers_about_other_content_or_of_nothing_are_refused(void **state)
{
    struct world w;
    const char *e = make_event("e-1", APPROVAL), *other = make_event("e-1", SIMPLE), *nonsense = "nonsense";

    world_init(&w);
    world_start(&w);
    event(&w, e);
    decide(&w, e, "e-1", "stranger", DECISION_APPROVE);
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_ERRORS, 0), "no approver of this event"));
    decide(&w, other, "e-1", "a", DECISION_APPROVE);
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_ERRORS, 0), "other content"));
    decide(&w, e, "e-2", "a", DECISION_APPROVE);
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_ERRORS, 0), "no workflow"));
    assert_int_equal(world_round(&w, NOTARY_APPROVALS, &nonsense, 1), OK);
    assert_non_null(published(&w.outcomes[0], NOTARY_ERRORS, 0));
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    decide(&w, e, "e-1", "a", DECISION_RETRY); /* nothing failed */
    assert_status(&w.outcomes[0], "pending_approval", "collecting_approvals");
    assert_int_equal(notary_counts(w.notary).open, 1);
    world_deinit(&w);
}

/* A leader that was replaced and does not know it yet: the workflow may be the new one's. */
static void a_decision_about_nothing_is_refused_by_who_leads_for_sure(void **state)
{
    struct world w;
    const char *e = make_event("e-1", APPROVAL), *payload;
    struct text statement;

    world_init(&w);
    world_start(&w);
    make_statement(&w, e, "e-1", "a", DECISION_APPROVE, &statement);
    payload = statement.data;
    w.book.next = ERR_FENCED;
    assert_int_equal(world_round(&w, NOTARY_APPROVALS, &payload, 1), ERR_FENCED);
    assert_int_equal(notary_lead(w.notary), OK);
    assert_int_equal(world_round(&w, NOTARY_APPROVALS, &payload, 1), OK);
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_ERRORS, 0), "there is no workflow"));
    text_deinit(&statement);
    world_deinit(&w);
}

static void an_open_event_that_comes_again_gets_its_status_and_other_content_is_a_conflict(void **state)
{
    struct world w;

    world_init(&w);
    world_start(&w);
    event(&w, make_event("e-1", APPROVAL));
    event(&w, make_event("e-1", APPROVAL));
    assert_status(&w.outcomes[0], "pending_approval", "collecting_approvals");
    event(&w, make_event("e-1", SIMPLE));
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_ERRORS, 0), "conflict"));
    assert_int_equal(notary_counts(w.notary).open, 1);
    world_deinit(&w);
}

static void beyond_the_bound_events_wait_and_are_not_lost(void **state)
{
    struct world w;
    const char *first = make_event("e-1", APPROVAL);

    world_init(&w);
    w.options.open_max = 1;
    world_start(&w);
    event(&w, first);
    event(&w, make_event("e-2", BATCH));
    assert_int_equal(w.outcomes[0].verdict, VERDICT_HOLD);
    assert_int_equal(w.outcomes[0].count, 0);
    decide(&w, first, "e-1", "a", DECISION_CANCEL);
    event(&w, make_event("e-2", BATCH));
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    world_deinit(&w);
}

static void assert_over_its_share(struct world *w, const char *payload, const char *whose)
{
    json_t *error;

    event(w, payload);
    assert_int_equal(w->outcomes[0].verdict, VERDICT_DONE);
    assert_true(w->outcomes[0].refused);
    error = json_loads(published(&w->outcomes[0], NOTARY_ERRORS, 0), 0, NULL);
    assert_string_equal(fixture_member(error, "error_type"), "quota");
    assert_non_null(strstr(fixture_member(error, "message"), whose));
    json_decref(error);
}

/* Nobody decides about them and they name no timeout: they wait for ever, and no one else does. */
static void a_source_with_its_share_of_approvals_is_refused_and_others_go_on(void **state)
{
    struct world w;
    const char *first = make_event_of("a", "a-1", APPROVAL);

    world_init(&w);
    w.options.open_max = 6;
    w.options.source_approvals_max = 2;
    world_start(&w);
    event(&w, first);
    event(&w, make_event_of("a", "a-2", APPROVAL));
    assert_over_its_share(&w, make_event_of("a", "a-3", APPROVAL), "the source \"a\"");
    event(&w, make_event_of("a", "a-2", APPROVAL)); /* it is open: told where it stands */
    assert_status(&w.outcomes[0], "pending_approval", "collecting_approvals");
    event(&w, make_event_of("b", "b-1", APPROVAL));
    event(&w, make_event_of("c", "c-1", APPROVAL));
    event(&w, make_event_of("d", "d-1", APPROVAL));
    assert_int_equal(notary_counts(w.notary).open, 5);
    assert_over_its_share(&w, make_event_of("e", "e-1", APPROVAL), "three quarters");
    event(&w, make_event_of("a", "a-4", BATCH)); /* the last place is for what waits for nobody */
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    tick(&w, 1000);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));

    world_kill(&w);
    world_start(&w);
    assert_over_its_share(&w, make_event_of("a", "a-3", APPROVAL), "the source \"a\""); /* taken up with its share */
    decide(&w, first, "a-1", "a", DECISION_CANCEL);
    event(&w, make_event_of("a", "a-3", APPROVAL));
    assert_status(&w.outcomes[0], "pending_approval", "collecting_approvals");
    world_deinit(&w);
}

/* A leader that was replaced and has not heard of it does not know what is open. */
static void a_share_is_refused_by_who_leads_for_sure(void **state)
{
    struct world w;
    const char *payload = make_event_of("a", "a-2", APPROVAL);

    world_init(&w);
    w.options.source_approvals_max = 1;
    world_start(&w);
    event(&w, make_event_of("a", "a-1", APPROVAL));
    w.book.next = ERR_FENCED;
    assert_int_equal(world_round(&w, NOTARY_EVENTS, &payload, 1), ERR_FENCED);
    world_deinit(&w);
}

static void an_approval_without_a_timeout_expires_when_the_settings_say(void **state)
{
    struct world w;

    world_init(&w);
    w.options.approval_timeout_ms = 7000;
    world_start(&w);
    event(&w, make_event("e-1", "{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a\"]}"));
    event(&w, make_event("e-2", APPROVAL)); /* it names one */
    tick(&w, 6999);
    assert_int_equal(w.book.count, 0);
    tick(&w, 1);
    assert_int_equal(w.book.count, 1);
    assert_status(&w.own, "expired", "logged");
    assert_int_equal(notary_counts(w.notary).open, 1);
    world_deinit(&w);
}

static void what_waited_for_room_goes_on_as_soon_as_there_is_some(void **state)
{
    struct world w;
    struct handler *h;
    const char *waits = make_event("b-2", BATCH);

    world_init(&w);
    w.options.open_max = 1;
    world_start(&w);
    h = notary_handler(w.notary);
    event(&w, make_event("b-1", BATCH));
    event(&w, waits);
    assert_int_equal(w.outcomes[0].verdict, VERDICT_HOLD);
    assert_int_not_equal(h->wait_ms(h), 0);
    w.now_ms += 1000;
    event(&w, waits); /* the batch ends in this round, after it was looked at */
    assert_int_equal(w.outcomes[0].verdict, VERDICT_HOLD);
    assert_int_equal(h->wait_ms(h), 0);
    event(&w, waits);
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    assert_int_not_equal(h->wait_ms(h), 0);
    world_deinit(&w);
}

/* The bound is lower than that of the replica which led before: what is open goes on all the same. */
static void more_workflows_than_the_bound_are_taken_up(void **state)
{
    struct world w;
    char id[10];

    world_init(&w);
    world_start(&w);
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "e-%d", i);
        event(&w, make_event(id, APPROVAL));
    }
    world_kill(&w);
    w.options.open_max = 1;
    world_start(&w);
    assert_int_equal(notary_counts(w.notary).open, 5);
    event(&w, make_event("e-5", BATCH));
    assert_int_equal(w.outcomes[0].verdict, VERDICT_HOLD);
    tick(&w, 3600000);
    assert_int_equal(w.book.count, 5);
    world_deinit(&w);
}

/* What activities found is kept until the workflow ends, and counts as its event does: again after a takeover. */
static void the_memory_of_open_workflows_is_bounded_with_what_was_found(void **state)
{
    struct world w;
    char id[10];
    int i;

    world_init(&w);
    w.finding_bytes = 250000;
    w.options.ports.handlers = (struct handlers *)&w;
    w.options.ports.handlers_wanted = fake_handlers_wanted;
    w.options.ports.handlers_run = fake_handlers_run;
    world_start(&w);
    for (i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "e-%d", i);
        event(&w, make_event_of(id, id, APPROVAL));
        if (w.outcomes[0].refused)
            break;
        tick(&w, 0);
    }
    assert_in_range(i, 190, 210); /* three quarters of 64 MiB: the rest is for what waits for nobody */
    world_kill(&w);
    world_start(&w);
    assert_over_its_share(&w, make_event("e-new", APPROVAL), "three quarters");
    tick(&w, 3600000);
    w.finding_bytes = 0;
    event(&w, make_event("e-new", APPROVAL));
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE);
    world_deinit(&w);
}

/* ---- time ---- */

static void the_clock_may_jump_and_deadlines_stay_what_was_recorded(void **state)
{
    struct world w;
    struct handler *h;

    world_init(&w);
    world_start(&w);
    h = notary_handler(w.notary);
    event(&w, make_event("e-1", APPROVAL));
    assert_in_range(h->wait_ms(h), 1, 3600000);
    tick(&w, -10000000); /* set back: nothing happens, nothing is lost */
    assert_null(published(&w.own, NOTARY_RESULTS, 0));
    w.now_ms = NOW + 3599999;
    tick(&w, 0);
    assert_null(published(&w.own, NOTARY_RESULTS, 0));
    tick(&w, 1);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));
    tick(&w, 100000000);
    assert_null(published(&w.own, NOTARY_RESULTS, 0)); /* once */
    world_deinit(&w);
}

/* Approved in time, and still being signed when the deadline passes: the deadline is nobody's business any more. */
static void a_deadline_that_passed_after_the_approval_holds_nobody_up(void **state)
{
    struct world w;
    const char *e = make_event("e-1", "{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a\"],\"timeout\":10}");

    world_init(&w);
    w.options.signer = &w.slow.signer;
    world_start(&w);
    event(&w, e);
    event(&w, make_event("e-2", "{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a\"],\"timeout\":20}"));
    decide(&w, e, "e-1", "a", DECISION_APPROVE);
    w.now_ms += 10000;
    assert_int_equal(w.jobs_count, 1); /* it is under way */
    assert_in_range(notary_handler(w.notary)->wait_ms(notary_handler(w.notary)), 1, 10000);
    w.slow_says = ERR_IO;
    tick(&w, 0); /* it has failed, and the next attempt is due in 30 s */
    assert_int_equal(w.jobs_count, 0);
    tick(&w, 0);
    assert_in_range(notary_handler(w.notary)->wait_ms(notary_handler(w.notary)), 1, 10000);
    tick(&w, 10000); /* and the other one expires in time */
    assert_string_equal(w.book.results[0].event_id, "e-2");
    world_deinit(&w);
}

/* A clock that was ahead and is put right: what was to be done soon is done soon. */
static void a_clock_that_is_set_back_delays_neither_batches_nor_attempts(void **state)
{
    struct world w;

    world_init(&w);
    w.options.signer = &w.slow.signer;
    world_start(&w);
    w.slow_says = ERR_IO;
    event(&w, make_event("e-1", SIMPLE));
    tick(&w, 0);
    assert_int_equal(w.jobs_count, 0); /* the next attempt is due in 30 s */
    w.slow_says = OK;
    event(&w, make_event("b-1", BATCH));
    tick(&w, -1000000000);
    tick(&w, 1000);
    tick(&w, 0);
    tick(&w, 30000);
    tick(&w, 0);
    assert_int_equal(w.book.count, 2);
    world_deinit(&w);
}

/* ---- slow and failing activities ---- */

static void a_slow_signer_holds_nobody_up_and_its_signature_is_used(void **state)
{
    struct world w;
    json_t *result;

    world_init(&w);
    w.options.signer = &w.slow.signer;
    world_start(&w);
    event(&w, make_event("e-1", SIMPLE));
    assert_status(&w.outcomes[0], "in_progress", "signing");
    assert_int_equal(w.book.size, 0);
    tick(&w, 50);
    result = own_result(&w);
    assert_true(json_is_true(json_object_get(result, "success")));
    assert_non_null(
        json_object_get(json_object_get(json_object_get(result, "receipt"), "inclusion_proof"), "log_public_key_b64"));
    json_decref(result);
    world_deinit(&w);
}

static void a_signer_that_is_down_is_tried_again_as_the_event_says_then_failed_then_retried(void **state)
{
    struct world w;
    const char *e = make_event("e-1", "{\"workflow_type\":\"simple_sign\",\"approvers\":[\"a\"],\"retry_config\":{"
                                      "\"max_retries\":1,\"initial_delay\":10}}");

    world_init(&w);
    w.options.signer = &w.slow.signer;
    w.slow_says = ERR_IO;
    world_start(&w);
    event(&w, e);
    tick(&w, 0); /* the first attempt failed */
    assert_status(&w.own, "in_progress", "signing");
    tick(&w, 9999);
    assert_int_equal(w.jobs_count, 0);
    tick(&w, 1);
    assert_int_equal(w.jobs_count, 1);
    tick(&w, 0);
    assert_status(&w.own, "failed", "signing");
    assert_non_null(strstr(published(&w.own, NOTARY_ERRORS, 0), "the key service is down"));
    tick(&w, 1000000);
    assert_int_equal(notary_counts(w.notary).open, 1);
    w.slow_says = OK;
    decide(&w, e, "e-1", "a", DECISION_RETRY);
    tick(&w, 0);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));
    world_deinit(&w);
}

/* The statement lies on the topic, where anybody who may write to it can send it again. */
static void a_retry_that_came_before_there_was_a_failure_is_spent(void **state)
{
    struct world w;
    const char *e = make_event("e-1", "{\"workflow_type\":\"simple_sign\",\"approvers\":[\"a\"],\"retry_config\":{"
                                      "\"max_retries\":1,\"initial_delay\":10}}");
    const char *payload;
    struct text statement;

    world_init(&w);
    w.options.signer = &w.slow.signer;
    w.slow_says = ERR_IO;
    world_start(&w);
    event(&w, e);
    make_statement(&w, e, "e-1", "a", DECISION_RETRY, &statement);
    payload = statement.data;
    assert_int_equal(world_round(&w, NOTARY_APPROVALS, &payload, 1), OK);
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_STATUS, 0), "Nothing has failed"));
    tick(&w, 10000);
    tick(&w, 0);
    assert_status(&w.own, "failed", "signing");
    world_kill(&w); /* and the next leader knows it, too */
    world_start(&w);
    tick(&w, 0);
    assert_int_equal(world_round(&w, NOTARY_APPROVALS, &payload, 1), OK);
    assert_status(&w.outcomes[0], "failed", "signing");
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_STATUS, 0), "asked for a retry before"));
    decide(&w, e, "e-1", "a", DECISION_RETRY); /* another statement */
    assert_status(&w.outcomes[0], "in_progress", "signing");
    text_deinit(&statement);
    world_deinit(&w);
}

static void retries_that_find_nothing_failed_are_bounded(void **state)
{
    struct world w;
    const char *e = make_event("e-1", APPROVAL);

    world_init(&w);
    world_start(&w);
    event(&w, e);
    for (int i = 0; i < WORKFLOW_RETRIES_SEEN_MAX; i++)
        decide(&w, e, "e-1", "a", DECISION_RETRY);
    decide(&w, e, "e-1", "a", DECISION_RETRY);
    assert_non_null(strstr(published(&w.outcomes[0], NOTARY_STATUS, 0), "Too many"));
    decide(&w, e, "e-1", "a", DECISION_CANCEL);
    assert_int_equal(w.book.count, 1);
    world_deinit(&w);
}

static void an_instant_signer_that_fails_is_tried_again_as_well(void **state)
{
    struct world w;

    world_init(&w);
    w.slow_ops.instant = true;
    w.options.signer = &w.slow.signer;
    w.slow_says = ERR_IO;
    world_start(&w);
    event(&w, make_event("e-1", SIMPLE));
    assert_int_equal(w.outcomes[0].verdict, VERDICT_DONE); /* it is in the book, and waits for its next attempt */
    w.slow_says = OK;
    tick(&w, 29999);
    assert_int_equal(w.book.size, 0);
    tick(&w, 1);
    assert_int_equal(w.book.size, 1);
    world_deinit(&w);
}

static void a_lane_that_is_full_is_asked_again(void **state)
{
    struct world w;

    world_init(&w);
    w.options.signer = &w.slow.signer;
    w.lane_is_full = true;
    world_start(&w);
    event(&w, make_event("e-1", SIMPLE));
    event(&w, make_event("b-1", BATCH));
    tick(&w, 5000);
    tick(&w, 5000);
    assert_int_equal(w.book.size, 0);
    w.lane_is_full = false;
    tick(&w, 200);
    tick(&w, 1000);
    tick(&w, 1000);
    assert_int_equal(w.book.count, 2);
    world_deinit(&w);
}

static void handlers_and_artifacts_have_their_say_and_it_is_in_the_evidence(void **state)
{
    struct world w;
    json_t *result, *findings;

    world_init(&w);
    w.options.ports.handlers = (struct handlers *)&w;
    w.options.ports.handlers_wanted = fake_handlers_wanted;
    w.options.ports.handlers_run = fake_handlers_run;
    w.options.ports.artifacts = (struct artifacts *)&w;
    w.options.ports.artifacts_wanted = fake_artifacts_wanted;
    w.options.ports.artifacts_check = fake_artifacts_check;
    world_start(&w);
    event(&w, make_event("e-1", SIMPLE));
    assert_status(&w.outcomes[0], "in_progress", "handlers");
    tick(&w, 0);
    assert_status(&w.own, "in_progress", "checking_artifacts");
    tick(&w, 0);
    result = own_result(&w);
    findings = json_object_get(json_object_get(result, "evidence"), "findings");
    assert_int_equal(json_object_size(findings), 2);
    assert_string_equal(fixture_member(json_object_get(findings, "handlers"), "verdict"), "accept");
    json_decref(result);

    w.verdict = HANDLER_REJECT;
    event(&w, make_event("e-2", SIMPLE));
    tick(&w, 0);
    result = own_result(&w);
    assert_string_equal(fixture_member(result, "error"), "Rejected: handler h: no");
    json_decref(result);

    w.verdict = HANDLER_ACCEPT;
    w.artifacts_say = ERR_CORRUPT;
    event(&w, make_event("e-3", SIMPLE));
    tick(&w, 0);
    tick(&w, 0);
    result = own_result(&w);
    assert_string_equal(fixture_member(result, "error"), "Rejected: artifact[0]: it is another");
    json_decref(result);
    world_deinit(&w);
}

/* ---- a broker that takes small messages ---- */

static void a_large_event(char *to, size_t size, const char *id, const char *config, size_t bytes)
{
    const char *event = make_event(id, config);
    size_t len = strlen(event) - 1; /* without the last bracket */

    assert_true(len + bytes + 40 < size);
    len = (size_t)snprintf(to, size, "%.*s,\"metadata\":{\"text\":\"", (int)len, event);
    memset(to + len, 'x', bytes);
    snprintf(to + len + bytes, size - len - bytes, "\"}}");
}

/* Round after round, led again when it must be, until the broker would have nothing to deliver again. */
static void work_on(struct world *w, const char *const *payloads, size_t count)
{
    enum err err;

    while ((err = world_round(w, NOTARY_EVENTS, payloads, count)) == ERR_FENCED)
        assert_int_equal(notary_lead(w->notary), OK);
    assert_int_equal(err, OK);
}

static void an_event_that_is_too_large_for_the_broker_is_refused_and_others_go_on(void **state)
{
    static char large[2][12000];
    const char *events[] = {make_event("e-1", SIMPLE), large[0], large[1], make_event("e-2", APPROVAL)};
    struct world w;

    world_init(&w);
    w.book.limit_bytes = 6000;
    world_start(&w);
    a_large_event(large[0], sizeof *large, "large-1", APPROVAL, 10000);
    a_large_event(large[1], sizeof *large, "large-2", BATCH, 8000);
    work_on(&w, events, 4);
    assert_non_null(published(&w.outcomes[0], NOTARY_RESULTS, 0));
    assert_non_null(strstr(published(&w.outcomes[1], NOTARY_ERRORS, 0), "the event is too large"));
    assert_non_null(strstr(published(&w.outcomes[2], NOTARY_ERRORS, 0), "the event is too large"));
    assert_status(&w.outcomes[3], "pending_approval", "collecting_approvals");
    world_deinit(&w);
}

/* What handlers found, and after that what would be signed with it. */
static void what_is_too_large_for_the_broker_fails_its_workflow_which_can_be_cancelled(void **state)
{
    static const size_t sizes[] = {9000, 4000};

    for (size_t i = 0; i < 2; i++) {
        struct world w;
        const char *e = make_event("e-1", "{\"workflow_type\":\"simple_sign\",\"approvers\":[\"a\"]}");
        json_t *result;
        world_init(&w);
        w.finding_bytes = sizes[i];
        w.book.limit_bytes = 5000;
        w.options.ports.handlers = (struct handlers *)&w;
        w.options.ports.handlers_wanted = fake_handlers_wanted;
        w.options.ports.handlers_run = fake_handlers_run;
        world_start(&w);
        event(&w, e);
        do {
            work_on(&w, NULL, 0);
        } while (!published(&w.own, NOTARY_ERRORS, 0));
        assert_non_null(strstr(published(&w.own, NOTARY_ERRORS, 0), "more than the broker takes in one message"));
        assert_status(&w.own, "failed", i == 0 ? "handlers" : "signing");
        decide(&w, e, "e-1", "a", DECISION_CANCEL);
        result = own_result(&w);
        assert_string_equal(fixture_member(result, "error"), "Cancelled: cancelled by a: so be it");
        json_decref(result);
        assert_int_equal(notary_counts(w.notary).open, 0);
        world_deinit(&w);
    }
}

/* ---- batches ---- */

static void a_batch_is_one_entry_and_each_event_has_a_result_that_verifies(void **state)
{
    struct world w;
    char *events[5], id[10];
    struct text report;
    bool verified;

    world_init(&w);
    world_start(&w);
    for (int i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "b-%d", i);
        events[i] = make_event(id, BATCH);
        event(&w, events[i]);
        assert_status(&w.outcomes[0], "in_progress", "collecting_batch");
    }
    tick(&w, 999);
    assert_int_equal(w.book.size, 0);
    tick(&w, 1);
    assert_int_equal(w.book.size, 1);
    assert_int_equal(w.book.count, 5);
    text_init(&report, 20000);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(verify_receipt(bytes_of_text(published(&w.own, NOTARY_RESULTS, i)), bytes_of_text(events[i]),
                                        &w.key.public_key, &report, NULL, &verified),
                         OK);
        if (!verified)
            fail_msg("%s", report.data);
    }
    text_deinit(&report);
    world_deinit(&w);
}

static void a_full_batch_does_not_wait_and_a_cancelled_member_is_left_out(void **state)
{
    struct world w;
    const char *e = make_event("b-1", "{\"workflow_type\":\"batch\",\"approvers\":[\"a\"]}");

    world_init(&w);
    w.options.batch_events_max = 3;
    w.options.signer = &w.slow.signer;
    world_start(&w);
    event(&w, e);
    event(&w, make_event("b-2", BATCH));
    event(&w, make_event("b-3", BATCH));
    assert_int_equal(w.jobs_count, 1); /* three: it is being signed */
    w.slow_says = ERR_IO;              /* that call fails, and they wait for the next attempt */
    decide(&w, e, "b-1", "a", DECISION_CANCEL);
    assert_int_equal(w.book.count, 1);
    w.slow_says = OK;
    w.now_ms += 30000;
    tick(&w, 1000);
    tick(&w, 1000);
    tick(&w, 1000);
    assert_int_equal(w.book.count, 3);
    assert_int_equal(w.book.size, 2);
    assert_int_equal(notary_counts(w.notary).open, 0);
    world_deinit(&w);
}

/* An earlier program let it in, or somebody's hand: it has no evidence package, since nobody agrees what number it has.
 */
static void a_member_that_cannot_be_signed_fails_alone(void **state)
{
    struct world w;
    json_t *records;

    world_init(&w);
    records = json_pack("[{s:s, s:s, s:s, s:s, s:o, s:s, s:i, s:n, s:i, s:s, s:[]}]", "kind", "opened", "event_id",
                        "b-bad", "workflow_id", "wf-bad", "workflow_type", "batch", "event",
                        json_loads(make_event("b-bad", BATCH), 0, NULL), "event_hash", "sha256:" FIXTURE_HASH,
                        "received_ms", 1, "deadline_ms", "priority", 1, "message_id", "1:1", "activities");
    json_object_set_new(json_object_get(json_array_get(records, 0), "event"), "n", json_integer(1LL << 60));
    assert_int_equal(w.book.book.ops->append(&w.book.book, records), OK);
    world_start(&w);
    tick(&w, 0);
    event(&w, make_event("b-1", BATCH));
    event(&w, make_event("b-2", BATCH));
    tick(&w, 1000);
    assert_int_equal(w.book.count, 2);
    assert_non_null(strstr(published(&w.own, NOTARY_ERRORS, 0), "b-bad"));
    assert_int_equal(notary_counts(w.notary).open, 1);
    world_deinit(&w);
}

static void a_batch_with_too_much_to_say_is_made_smaller(void **state)
{
    struct world w;
    char id[10];

    world_init(&w);
    w.finding_bytes = 200000;
    w.options.ports.handlers = (struct handlers *)&w;
    w.options.ports.handlers_wanted = fake_handlers_wanted;
    w.options.ports.handlers_run = fake_handlers_run;
    world_start(&w);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "b-%d", i);
        event(&w, make_event(id, BATCH));
    }
    for (int i = 0; i < 5; i++)
        tick(&w, 1000);
    assert_int_equal(w.book.count, 40);
    assert_int_equal(w.book.size, 2);
    assert_int_equal(notary_counts(w.notary).open, 0);
    world_deinit(&w);
}

/* ---- killed at every document ---- */

#define EVENTS 6

/* What each event got, by the bytes of its results: the model is that there is one text for each. */
struct model {
    char *results[EVENTS];
    unsigned times[EVENTS];
};

static void model_take(struct model *m, const struct outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct publication *p = &o->publications[i];
        unsigned n;
        if (p->output != NOTARY_RESULTS)
            continue;
        assert_int_equal(sscanf(p->key, "k-%u", &n), 1);
        if (m->results[n])
            assert_string_equal(m->results[n], p->body.data);
        else
            m->results[n] = strdup(p->body.data);
        m->times[n]++;
    }
}

/* The run of a few events of all kinds; the book's append number `fail_at` fails, written or not, and so does what was
 * published of that round. False: it was never reached. */
static bool run_with_failure(unsigned fail_at, bool written, bool slow)
{
    static const char *const configs[EVENTS] = {SIMPLE, APPROVAL, BATCH, SIMPLE, BATCH, APPROVAL};
    struct world w;
    struct model model = {0};
    char *events[EVENTS], id[10];
    unsigned documents = 0;
    bool reached = false;

    world_init(&w);
    if (slow)
        w.options.signer = &w.slow.signer;
    world_start(&w);
    for (int i = 0; i < EVENTS; i++) {
        snprintf(id, sizeof id, "k-%d", i);
        events[i] = make_event(id, configs[i]);
    }
    /* Every step is repeated until it is done with, as the broker delivers again. */
    for (int step = 0; step < 40; step++) {
        const char *payload = step < EVENTS ? events[step] : NULL;
        bool done = false;
        while (!done) {
            size_t before = json_array_size(w.book.documents);
            enum err err;
            struct text statement;
            text_init(&statement, DECISION_BYTES_MAX);
            if (step >= EVENTS && step < EVENTS + 4) {
                int about = step % 2 ? 5 : 1;
                char hash[RECEIPT_HASH_SIZE];
                struct decision_facts facts = {.event_hash = hash,
                                               .approver = step < EVENTS + 2 ? "a" : "b",
                                               .method = "token",
                                               .subject = "x",
                                               .jti = "j",
                                               .kind = about == 5 ? DECISION_REJECT : DECISION_APPROVE,
                                               .at_ms = w.now_ms};
                snprintf(id, sizeof id, "k-%d", about);
                facts.event_id = id;
                event_hash(events[about], hash);
                assert_int_equal(decision_make(&facts, &w.key.signer, &statement), OK);
                payload = statement.data;
            }
            if (!reached && documents == fail_at) {
                w.book.next = ERR_FENCED;
                w.book.written = written;
            }
            w.now_ms += 400;
            err = world_round(&w, step < EVENTS ? NOTARY_EVENTS : NOTARY_APPROVALS, &payload, payload ? 1 : 0);
            text_deinit(&statement);
            if (err == ERR_FENCED) {
                reached = true;
                world_kill(&w);
                world_start(&w);
                continue;
            }
            w.book.next = OK;
            assert_int_equal(err, OK);
            model_take(&model, &w.own);
            done = !payload || w.outcomes[0].verdict == VERDICT_DONE;
            if (payload)
                model_take(&model, &w.outcomes[0]);
            documents += (unsigned)(json_array_size(w.book.documents) - before);
        }
    }
    for (int i = 0; i < EVENTS; i++) {
        if (!model.results[i])
            fail_msg("document %u (%d): event %d got no result", fail_at, written, i);
        free(model.results[i]);
    }
    assert_int_equal(w.book.count, EVENTS);
    assert_int_equal(notary_counts(w.notary).open, 0);
    world_deinit(&w);
    return reached;
}

static void killed_at_every_document_each_event_gets_one_distinct_result(void **state)
{
    for (int kind = 0; kind < 4; kind++) {
        unsigned at = 0;
        while (run_with_failure(at, kind & 1, kind & 2))
            at++;
        assert_in_range(at, 8, 100); /* it was killed often enough to mean something */
    }
}

/* What was in the book and not yet published when the notary died is published by the next one, the same bytes. */
static void results_that_nobody_saw_are_published_after_a_takeover(void **state)
{
    struct world w;
    const char *e = make_event("e-1", SIMPLE);
    struct handler *h;

    world_init(&w);
    world_start(&w);
    w.book.next = ERR_FENCED;
    w.book.written = true;
    assert_int_equal(world_round(&w, NOTARY_EVENTS, &e, 1), ERR_FENCED);
    world_kill(&w);
    world_start(&w);
    h = notary_handler(w.notary);
    assert_int_equal(h->wait_ms(h), 0);
    tick(&w, 0);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));
    assert_int_not_equal(h->wait_ms(h), 0);
    tick(&w, 0);
    assert_null(published(&w.own, NOTARY_RESULTS, 0));
    assert_int_equal(h->finish(h), OK);
    assert_int_equal(w.book.published, 1);
    world_kill(&w);
    world_start(&w);
    tick(&w, 0);
    assert_null(published(&w.own, NOTARY_RESULTS, 0));
    world_deinit(&w);
}

static void a_result_whose_publication_failed_is_published_again(void **state)
{
    struct world w;
    struct handler *h;

    world_init(&w);
    world_start(&w);
    h = notary_handler(w.notary);
    event(&w, make_event("b-1", BATCH));
    w.publishing_fails = true;
    tick(&w, 1000);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));
    tick(&w, 0); /* not at once: it may fail at once, and for ever */
    assert_null(published(&w.own, NOTARY_RESULTS, 0));
    assert_in_range(h->wait_ms(h), 1, 500);
    w.publishing_fails = false;
    tick(&w, 500);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));
    tick(&w, 0);
    assert_null(published(&w.own, NOTARY_RESULTS, 0));
    assert_int_equal(h->finish(h), OK);
    assert_int_equal(w.book.published, 1);
    world_deinit(&w);
}

/* The answer to its event was to say it, and could not be made: the event comes again, or goes to the dead letters. */
static void a_result_that_could_not_be_said_does_not_count_as_published(void **state)
{
    struct world w;
    const char *e = make_event("e-1", SIMPLE);
    struct handler *h;

    world_init(&w);
    world_start(&w);
    h = notary_handler(w.notary);
    w.book.unreadable = 1;
    event(&w, e);
    assert_int_equal(w.outcomes[0].verdict, VERDICT_RETRY);
    assert_int_equal(h->finish(h), OK);
    assert_int_equal(w.book.published, 0);
    tick(&w, 500);
    assert_non_null(published(&w.own, NOTARY_RESULTS, 0));
    assert_int_equal(h->finish(h), OK);
    assert_int_equal(w.book.published, 1);
    world_deinit(&w);
}

static void what_is_published_again_in_a_round_is_bounded_in_bytes(void **state)
{
    struct world w;
    char id[10];
    size_t first = 0, all = 0;

    world_init(&w);
    w.finding_bytes = 250000;
    w.options.ports.handlers = (struct handlers *)&w;
    w.options.ports.handlers_wanted = fake_handlers_wanted;
    w.options.ports.handlers_run = fake_handlers_run;
    w.publishing_fails = true;
    world_start(&w);
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "e-%d", i);
        event(&w, make_event(id, SIMPLE));
        tick(&w, 0);
    }
    world_kill(&w);
    w.publishing_fails = false;
    world_start(&w);
    tick(&w, 0);
    while (published(&w.own, NOTARY_RESULTS, first))
        first++;
    assert_in_range(first, 20, 40);
    tick(&w, 0);
    while (published(&w.own, NOTARY_RESULTS, all))
        all++;
    assert_int_equal(first + all, 50);
    world_deinit(&w);
}

static void more_urgent_events_and_decisions_go_first(void **state)
{
    struct world w;
    struct handler *h;
    struct delivery low = {.payload = bytes_of_text("{\"priority\": \"low\"}")};
    struct delivery none = {.payload = bytes_of_text("{}")}, empty = {0};
    struct delivery high = {.payload = bytes_of_text("{\"a\":1,\"priority\":\"critical\"}")};
    struct delivery decision = {.payload = bytes_of_text("x"), .input = NOTARY_APPROVALS};

    world_init(&w);
    world_start(&w);
    h = notary_handler(w.notary);
    assert_true(h->rank(h, &low) < h->rank(h, &none));
    assert_int_equal(h->rank(h, &none), h->rank(h, &empty));
    assert_true(h->rank(h, &none) < h->rank(h, &high));
    assert_true(h->rank(h, &high) < h->rank(h, &decision));
    world_deinit(&w);
}

/* ---- notices ---- */

static enum err fake_notices_send(struct notices *n, const struct notice *notice, int64_t timeout_ms, char *why,
                                  size_t why_size)
{
    snprintf(why, why_size, "the mail server is down");
    return the_world->notices_say;
}

#define TOLD                                                                                                           \
    "{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a\"],\"notifications\":{\"enabled\":true,"                  \
    "\"channels\":[{\"slack\":\"#a\"}],\"events\":[\"approval_required\"]}}"

static void assert_notices(const struct world *w, uint64_t sent, uint64_t failed, uint64_t forgotten)
{
    const struct notice_counts counts = notary_notice_counts(w->notary);

    assert_int_equal(counts.sent, sent);
    assert_int_equal(counts.failed, failed);
    assert_int_equal(counts.forgotten, forgotten);
}

static void a_line_of_the_log(void *ctx, const char *text, size_t len)
{
    snprintf(ctx, 300, "%.*s", (int)len, text);
}

static void a_notice_that_is_lost_is_counted_and_said(void **state)
{
    struct world w;
    char said[300] = "";
    struct log log = {.line = a_line_of_the_log, .ctx = said};

    world_init(&w);
    w.options.log = &log;
    w.options.ports.notices = (struct notices *)(void *)&w;
    w.options.ports.notices_send = fake_notices_send;
    world_start(&w);
    event(&w, make_event("e-1", TOLD));
    tick(&w, 10);
    assert_notices(&w, 1, 0, 0);
    w.notices_say = ERR_DENIED; /* for good */
    event(&w, make_event("e-2", TOLD));
    tick(&w, 10);
    assert_notices(&w, 1, 1, 0);
    assert_non_null(strstr(said, "e-2: approval_required is not told to {\"slack\":\"#a\"}: the mail server is down"));
    w.notices_say = ERR_AGAIN; /* waits for another attempt, and another leads */
    event(&w, make_event("e-3", TOLD));
    tick(&w, 10);
    assert_notices(&w, 1, 1, 0);
    assert_int_equal(notary_lead(w.notary), OK);
    assert_notices(&w, 1, 1, 1);
    assert_non_null(strstr(said, "1 notices that were to be tried again are forgotten"));
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_is_pending_until_the_quorum_and_then_notarized_with_its_decisions),
        cmocka_unit_test(the_result_of_an_approval_verifies_offline),
        cmocka_unit_test(it_is_rejected_expired_or_cancelled_with_a_result_and_an_entry),
        cmocka_unit_test(that_it_was_refused_is_proven_and_any_bit_flipped_is_found),
        cmocka_unit_test(decisions_of_strangers_about_other_content_or_of_nothing_are_refused),
        cmocka_unit_test(a_decision_about_nothing_is_refused_by_who_leads_for_sure),
        cmocka_unit_test(an_open_event_that_comes_again_gets_its_status_and_other_content_is_a_conflict),
        cmocka_unit_test(beyond_the_bound_events_wait_and_are_not_lost),
        cmocka_unit_test(what_waited_for_room_goes_on_as_soon_as_there_is_some),
        cmocka_unit_test(a_source_with_its_share_of_approvals_is_refused_and_others_go_on),
        cmocka_unit_test(a_share_is_refused_by_who_leads_for_sure),
        cmocka_unit_test(an_approval_without_a_timeout_expires_when_the_settings_say),
        cmocka_unit_test(the_clock_may_jump_and_deadlines_stay_what_was_recorded),
        cmocka_unit_test(more_workflows_than_the_bound_are_taken_up),
        cmocka_unit_test(the_memory_of_open_workflows_is_bounded_with_what_was_found),
        cmocka_unit_test(a_deadline_that_passed_after_the_approval_holds_nobody_up),
        cmocka_unit_test(a_clock_that_is_set_back_delays_neither_batches_nor_attempts),
        cmocka_unit_test(a_slow_signer_holds_nobody_up_and_its_signature_is_used),
        cmocka_unit_test(a_signer_that_is_down_is_tried_again_as_the_event_says_then_failed_then_retried),
        cmocka_unit_test(a_retry_that_came_before_there_was_a_failure_is_spent),
        cmocka_unit_test(retries_that_find_nothing_failed_are_bounded),
        cmocka_unit_test(an_instant_signer_that_fails_is_tried_again_as_well),
        cmocka_unit_test(a_lane_that_is_full_is_asked_again),
        cmocka_unit_test(handlers_and_artifacts_have_their_say_and_it_is_in_the_evidence),
        cmocka_unit_test(an_event_that_is_too_large_for_the_broker_is_refused_and_others_go_on),
        cmocka_unit_test(what_is_too_large_for_the_broker_fails_its_workflow_which_can_be_cancelled),
        cmocka_unit_test(a_batch_is_one_entry_and_each_event_has_a_result_that_verifies),
        cmocka_unit_test(a_full_batch_does_not_wait_and_a_cancelled_member_is_left_out),
        cmocka_unit_test(a_member_that_cannot_be_signed_fails_alone),
        cmocka_unit_test(a_batch_with_too_much_to_say_is_made_smaller),
        cmocka_unit_test(killed_at_every_document_each_event_gets_one_distinct_result),
        cmocka_unit_test(results_that_nobody_saw_are_published_after_a_takeover),
        cmocka_unit_test(a_result_whose_publication_failed_is_published_again),
        cmocka_unit_test(a_result_that_could_not_be_said_does_not_count_as_published),
        cmocka_unit_test(what_is_published_again_in_a_round_is_bounded_in_bytes),
        cmocka_unit_test(more_urgent_events_and_decisions_go_first),
        cmocka_unit_test(a_notice_that_is_lost_is_counted_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
