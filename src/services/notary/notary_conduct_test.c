/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_conduct_test.c - a notary whose workflows a conductor runs, too: a conductor that does, says and loses what
 * the test wants, on a book in memory.
 */
#include "base/base_test.h"

#include "services/notary/conductor.h"
#include "services/notary/documents/evidence.h"
#include "services/notary/fixture.h"
#include "services/notary/notary.h"

#define NOW      1705318500000
#define APPROVAL "{\"workflow_type\":\"approval_sign\",\"approvers\":[\"a\",\"b\",\"c\"],\"quorum\":2,\"timeout\":3600}"
#define SIMPLE   "{\"workflow_type\":\"simple_sign\"}"

struct world {
    struct conductor conductor;
    struct fixture_signer key;
    struct fixture_book book;
    struct notary *notary;
    struct list jobs;
    int64_t now_ms;
    struct outcome outcome, own;
    struct notary_options options;
    unsigned decisions;

    enum err tell_says;
    unsigned told, version;
    char input[1000], state[1000];
    const char *task; /* the event's id of the next task */
    enum workflow_outcome task_outcome;
    unsigned answers;
    bool hopeless;
    char token[20], result[20000], why[200];
};

static struct world *world_of(struct conductor *c)
{
    return (struct world *)c;
}

static enum err fake_tell(struct conductor *c, const struct conductor_telling *t, char *why, size_t why_size)
{
    struct world *w = world_of(c);

    w->told++;
    w->version = t->version;
    snprintf(w->input, sizeof w->input, "%s", t->input.data);
    snprintf(w->state, sizeof w->state, "%s", t->state.len ? t->state.data : "");
    snprintf(why, why_size, "the conductor is down");
    return w->tell_says;
}

static enum err fake_work(struct conductor *c, char *why, size_t why_size)
{
    return OK;
}

static enum err fake_take(struct conductor *c, struct conductor_task *out, char *why, size_t why_size)
{
    struct world *w = world_of(c);

    if (!w->task)
        return OK;
    snprintf(out->event_id, sizeof out->event_id, "%s", w->task);
    snprintf(out->why, sizeof out->why, "said there");
    out->outcome = w->task_outcome;
    text_add(&out->token, "token");
    w->task = NULL;
    return OK;
}

static enum err fake_answer(struct conductor *c, const struct conductor_answer *a, char *why, size_t why_size)
{
    struct world *w = world_of(c);

    w->answers++;
    w->hopeless = a->hopeless;
    snprintf(w->token, sizeof w->token, "%s", a->token.data);
    snprintf(w->result, sizeof w->result, "%s", a->result.len ? a->result.data : "");
    snprintf(w->why, sizeof w->why, "%s", a->why);
    return OK;
}

static const struct conductor_ops fake_ops = {
    .name = "Fake", .tell = fake_tell, .work = fake_work, .take = fake_take, .answer = fake_answer};

/* ---- a world ---- */

static int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static enum err world_submit(void *ctx, enum notary_lane lane, struct job *job)
{
    list_push_back(&((struct world *)ctx)->jobs, &job->node);
    return OK;
}

static void world_collect(void *ctx)
{
    struct world *w = ctx;
    struct list ready, *node;

    list_init(&ready);
    while ((node = list_pop_front(&w->jobs)))
        list_push_back(&ready, node);
    while ((node = list_pop_front(&ready))) {
        struct job *job = container_of(node, struct job, node);
        job->run(job);
        job->done(job);
    }
}

static void world_start(struct world *w)
{
    assert_int_equal(notary_new(&w->notary, &w->options), OK);
    assert_int_equal(notary_lead(w->notary), OK);
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->conductor.ops = &fake_ops;
    w->now_ms = NOW;
    list_init(&w->jobs);
    fixture_signer_init(&w->key, 7);
    fixture_book_init(&w->book, &w->key.signer);
    w->options = (struct notary_options){.book = &w->book.book,
                                         .log_key = &w->key.signer,
                                         .signer = &w->key.signer,
                                         .log_url = FIXTURE_URL,
                                         .clock = {world_now, w},
                                         .conductor = &w->conductor,
                                         .lanes = {world_submit, world_collect, w}};
    world_start(w);
}

static void world_kill(struct world *w)
{
    struct list *node;

    while ((node = list_pop_front(&w->jobs)))
        notary_call_dropped(container_of(node, struct job, node));
    notary_free(w->notary);
}

static void world_deinit(struct world *w)
{
    world_kill(w);
    outcome_deinit(&w->outcome);
    outcome_deinit(&w->own);
    fixture_book_deinit(&w->book);
    fixture_signer_deinit(&w->key);
}

static void round_of(struct world *w, unsigned input, const char *payload)
{
    struct handler *h = notary_handler(w->notary);
    struct delivery d = {.input = input, .message_id = "5:7", .received_ms = w->now_ms};

    if (payload)
        d.payload = bytes_of_text(payload);
    outcome_deinit(&w->outcome);
    outcome_deinit(&w->own);
    assert_int_equal(h->handle(h, &d, payload ? 1 : 0, &w->outcome, &w->own), OK);
    h->published(h, true);
}

/* Rounds with nothing but time, until all that was under way has come back. */
static void tick(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    round_of(w, NOTARY_EVENTS, NULL);
}

static bool has_published(const struct outcome *o, unsigned output, const char *piece)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->publications[i].output == output && strstr(o->publications[i].body.data, piece))
            return true;
    return false;
}

static const char *event_text(const char *config)
{
    static char text[1000];

    snprintf(text, sizeof text,
             "{\"event_id\":\"e\",\"event_type\":{\"model_deployment\":{\"model_id\":\"m\",\"version\":\"1\","
             "\"environment\":\"p\"}},\"source\":\"s\",\"actor\":{\"actor_type\":\"c\",\"id\":\"g\"},\"artifacts\":[{"
             "\"name\":\"a\",\"hash_sha256\":\"" FIXTURE_HASH "\"}],\"workflow_config\":%s}",
             config);
    return text;
}

static void event_hash(char to[RECEIPT_HASH_SIZE])
{
    struct event e = {.json = json_loads(event_text(APPROVAL), 0, NULL)};
    struct text evidence;
    struct digest d;

    text_init(&evidence, EVIDENCE_BYTES_MAX);
    assert_int_equal(evidence_build(&e, &evidence), OK);
    d = digest_of(bytes_of(evidence.data, evidence.len));
    receipt_hash_text(&d, to);
    text_deinit(&evidence);
    json_decref(e.json);
}

static void decide(struct world *w, const char *approver, enum decision_kind kind)
{
    char hash[RECEIPT_HASH_SIZE], jti[20];
    struct decision_facts facts = {.event_id = "e",
                                   .event_hash = hash,
                                   .approver = approver,
                                   .method = "token",
                                   .subject = approver,
                                   .jti = jti,
                                   .kind = kind,
                                   .at_ms = w->now_ms};
    struct text statement;

    event_hash(hash);
    snprintf(jti, sizeof jti, "%u", ++w->decisions);
    text_init(&statement, DECISION_BYTES_MAX);
    assert_int_equal(decision_make(&facts, &w->key.signer, &statement), OK);
    round_of(w, NOTARY_APPROVALS, statement.data);
    text_deinit(&statement);
}

static void open_approval(struct world *w)
{
    round_of(w, NOTARY_EVENTS, event_text(APPROVAL));
    tick(w, 0);
    assert_int_equal(w->told, 1);
}

/* The conductor gives its task; the notary takes it. */
static void give(struct world *w, enum workflow_outcome outcome)
{
    w->task = "e";
    w->task_outcome = outcome;
    tick(w, 0);
}

static bool is_open(const struct world *w)
{
    return notary_counts(w->notary).open == 1;
}

/* ---- */

static void a_conductor_is_told_how_it_begins_and_each_decision(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    assert_non_null(strstr(w.input, "\"approvers\":[\"a\",\"b\",\"c\"],\"deadline_ms\":1705322100000"));
    assert_non_null(strstr(w.input, "\"quorum\":2"));
    assert_string_equal(w.state, "");
    tick(&w, 100000);
    assert_int_equal(w.told, 1);
    decide(&w, "a", DECISION_REJECT);
    tick(&w, 0);
    assert_int_equal(w.told, 2);
    assert_string_equal(w.state, "{\"decisions\":[{\"approver\":\"a\",\"verdict\":\"reject\"}],\"ended\":null}");
    decide(&w, "b", DECISION_CANCEL);
    tick(&w, 0);
    assert_int_equal(w.told, 3);
    assert_non_null(strstr(w.state, "\"ended\":{\"outcome\":\"cancelled\",\"why\":\"cancelled by b\"}"));
    world_deinit(&w);
}

static void an_approved_workflow_is_notarized_when_the_conductor_says_so(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    decide(&w, "a", DECISION_APPROVE);
    decide(&w, "b", DECISION_APPROVE);
    tick(&w, 0);
    assert_true(is_open(&w));
    give(&w, OUTCOME_NOTARIZED);
    assert_false(is_open(&w));
    assert_true(has_published(&w.own, NOTARY_RESULTS, "\"success\":true"));
    tick(&w, 0);
    assert_int_equal(w.answers, 1);
    assert_string_equal(w.token, "token");
    assert_non_null(strstr(w.result, "\"success\":true"));
    world_deinit(&w);
}

static void a_task_that_the_journal_does_not_bear_out_is_given_back(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    decide(&w, "a", DECISION_APPROVE);
    give(&w, OUTCOME_NOTARIZED);
    assert_true(is_open(&w));
    tick(&w, 0);
    assert_int_equal(w.answers, 1);
    assert_string_equal(w.result, "");
    assert_false(w.hopeless);
    give(&w, OUTCOME_REJECTED);
    assert_true(is_open(&w));
    decide(&w, "b", DECISION_APPROVE);
    assert_true(is_open(&w)); /* it was not released by what was given back */
    give(&w, OUTCOME_NOTARIZED);
    assert_false(is_open(&w));
    world_deinit(&w);
}

static void the_deadline_is_the_conductors(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    tick(&w, 3600 * 1000 + 1);
    assert_true(is_open(&w));
    decide(&w, "a", DECISION_APPROVE);
    assert_true(has_published(&w.outcome, NOTARY_STATUS, "this changes nothing"));
    decide(&w, "b", DECISION_APPROVE);
    give(&w, OUTCOME_EXPIRED);
    assert_false(is_open(&w));
    assert_true(has_published(&w.own, NOTARY_RESULTS, "Expired"));
    world_deinit(&w);
}

static void a_conductor_whose_clock_is_ahead_expires_it_now(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    tick(&w, 3599 * 1000);
    give(&w, OUTCOME_EXPIRED);
    assert_false(is_open(&w));
    assert_true(has_published(&w.own, NOTARY_RESULTS, "Expired"));
    world_deinit(&w);
}

static void who_was_approved_before_the_conductor_knew_is_not_expired(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    decide(&w, "a", DECISION_APPROVE);
    decide(&w, "b", DECISION_APPROVE);
    give(&w, OUTCOME_EXPIRED);
    assert_true(has_published(&w.own, NOTARY_RESULTS, "\"success\":true"));
    world_deinit(&w);
}

static void who_cancels_there_cancels_here(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    give(&w, OUTCOME_CANCELLED);
    assert_false(is_open(&w));
    assert_true(has_published(&w.own, NOTARY_RESULTS, "cancelled by Fake: said there"));
    world_deinit(&w);
}

static void a_silent_conductor_is_visible_and_told_again(void **state)
{
    struct world w;

    world_init(&w);
    w.tell_says = ERR_IO;
    round_of(&w, NOTARY_EVENTS, event_text(APPROVAL));
    tick(&w, 0);
    assert_true(has_published(&w.own, NOTARY_STATUS, "Waits for the workflow engine"));
    tick(&w, 999);
    assert_int_equal(w.told, 1);
    tick(&w, 1); /* it is due, and on its lane */
    tick(&w, 0);
    assert_int_equal(w.told, 2);
    assert_false(has_published(&w.own, NOTARY_STATUS, "Waits")); /* that was said */
    w.tell_says = OK;
    tick(&w, 2000);
    tick(&w, 0);
    assert_int_equal(w.told, 3);
    assert_true(has_published(&w.own, NOTARY_STATUS, "pending_approval"));
    tick(&w, 600000);
    tick(&w, 0);
    assert_int_equal(w.told, 3);
    world_deinit(&w);
}

static void a_conductor_that_says_nothing_for_a_minute_is_told_again(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    decide(&w, "a", DECISION_APPROVE);
    decide(&w, "b", DECISION_APPROVE);
    tick(&w, 0);
    tick(&w, 0);
    w.told = 0;
    tick(&w, 59000);
    tick(&w, 0);
    assert_int_equal(w.told, 0);
    tick(&w, 1000);
    tick(&w, 0);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.version, 5);
    world_deinit(&w);
}

static void who_takes_over_tells_again_and_a_task_comes_again(void **state)
{
    struct world w;

    world_init(&w);
    open_approval(&w);
    decide(&w, "a", DECISION_APPROVE);
    decide(&w, "b", DECISION_APPROVE);
    tick(&w, 0);
    world_kill(&w);
    world_start(&w);
    w.told = 0;
    tick(&w, 0);
    tick(&w, 0);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.version, 5);
    give(&w, OUTCOME_NOTARIZED);
    assert_true(has_published(&w.own, NOTARY_RESULTS, "\"success\":true"));
    world_kill(&w); /* before it answered */
    world_start(&w);
    tick(&w, 0);
    give(&w, OUTCOME_NOTARIZED);
    tick(&w, 0);
    assert_int_equal(w.answers, 1);
    assert_non_null(strstr(w.result, "\"success\":true"));
    world_deinit(&w);
}

static void a_task_of_a_workflow_that_nobody_knows_is_refused_for_good(void **state)
{
    struct world w;

    world_init(&w);
    tick(&w, 0);
    give(&w, OUTCOME_NOTARIZED);
    tick(&w, 0);
    assert_int_equal(w.answers, 1);
    assert_true(w.hopeless);
    assert_string_equal(w.why, "the journal has no such workflow");
    world_deinit(&w);
}

static void what_ends_at_once_is_no_business_of_the_conductors(void **state)
{
    struct world w;

    world_init(&w);
    round_of(&w, NOTARY_EVENTS, event_text(SIMPLE));
    assert_true(has_published(&w.outcome, NOTARY_RESULTS, "\"success\":true"));
    tick(&w, 0);
    assert_int_equal(w.told, 0);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conductor_is_told_how_it_begins_and_each_decision),
        cmocka_unit_test(an_approved_workflow_is_notarized_when_the_conductor_says_so),
        cmocka_unit_test(a_task_that_the_journal_does_not_bear_out_is_given_back),
        cmocka_unit_test(the_deadline_is_the_conductors),
        cmocka_unit_test(a_conductor_whose_clock_is_ahead_expires_it_now),
        cmocka_unit_test(who_was_approved_before_the_conductor_knew_is_not_expired),
        cmocka_unit_test(who_cancels_there_cancels_here),
        cmocka_unit_test(a_silent_conductor_is_visible_and_told_again),
        cmocka_unit_test(a_conductor_that_says_nothing_for_a_minute_is_told_again),
        cmocka_unit_test(who_takes_over_tells_again_and_a_task_comes_again),
        cmocka_unit_test(a_task_of_a_workflow_that_nobody_knows_is_refused_for_good),
        cmocka_unit_test(what_ends_at_once_is_no_business_of_the_conductors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
