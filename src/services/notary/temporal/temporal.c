/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal.c - the frontend's calls, and a worker of two kinds of tasks.
 *
 * A workflow that is told is started with an id policy that lets it begin anew when the one before is closed: the
 * notary tells only of workflows that are open in its journal, so whatever closed it in Temporal (somebody terminated
 * it, its data were lost) did not end it.  One that is running is left alone.  The signal's request id depends on the
 * records only, so that Temporal drops repetitions.
 */
#include "services/notary/temporal/temporal.h"

#include "services/notary/temporal/grpc.h"
#include "services/notary/temporal/temporal_messages.h"
#include "services/runtime/secret_source.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE         "/temporal.api.workflowservice.v1.WorkflowService/"
#define ANSWER_MAX      (64u << 20) /* a workflow's history is at most 50 MB */
#define PAGES_MAX       10000
#define UNKNOWN_QUERY   "the query is \"" TEMPORAL_QUERY "\""
#define ALLOW_DUPLICATE 1
#define WORKER_FAILURE  14 /* the workflow's code failed */

enum query_result { QUERY_ANSWERED = 1, QUERY_FAILED = 2 };

struct temporal {
    struct conductor conductor; /* first */
    const struct temporal_settings *s;
    uint64_t seed;
    struct text origin;
    struct http_connections *connections;
    atomic_bool stopping;
    atomic_uint_fast64_t requests;
};

static struct temporal *temporal_of(struct conductor *c)
{
    return (struct temporal *)c;
}

/* ---- calls ---- */

static bool is_stopping(void *ctx)
{
    struct temporal *t = ctx;

    return atomic_load(&t->stopping);
}

static enum err perform(struct temporal *t, struct grpc_call *call, struct text *answer, char *why, size_t why_size)
{
    const struct grpc_peer peer = {.origin = t->origin.data,
                                   .trust_certs = t->s->trust_certs && *t->s->trust_certs ? t->s->trust_certs : NULL,
                                   .certificate = t->s->certificate && *t->s->certificate ? t->s->certificate : NULL,
                                   .key = t->s->key && *t->s->key ? t->s->key : NULL,
                                   .connections = t->connections,
                                   .cancelled = is_stopping,
                                   .ctx = t};
    char *key = NULL, bearer[4096];
    enum err err;

    if (t->s->api_key && *t->s->api_key) {
        if ((err = secret_source_read(t->s->api_key, "the key for Temporal", &key, why, why_size)) != OK)
            return err;
        bool fits = (size_t)snprintf(bearer, sizeof bearer, "Bearer %s", key) < sizeof bearer;
        free(key);
        if (!fits) {
            snprintf(why, why_size, "the key for Temporal is too long");
            return ERR_INVALID;
        }
        call->authorization = bearer;
    }
    return grpc_perform(&peer, call, answer, why, why_size);
}

/* `method` comes after SERVICE.  *answer is initialized here; text_deinit after any result. */
static enum err request(struct temporal *t, const char *method, const ProtobufCMessage *message, int64_t timeout_ms,
                        struct text *answer, char *why, size_t why_size)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);
    char path[128], said[400] = "";
    struct grpc_call call = {.path = path, .timeout_ms = timeout_ms, .answer_max = ANSWER_MAX};
    enum err err = ERR_NOMEM;

    text_init(answer, ANSWER_MAX);
    snprintf(path, sizeof path, SERVICE "%s", method);
    if (packed) {
        call.message = bytes_of(packed, protobuf_c_message_pack(message, packed));
        err = perform(t, &call, answer, said, sizeof said);
    }
    if (err != OK)
        snprintf(why, why_size, "Temporal (%s): %s", method, *said ? said : err_text(err));
    free(packed);
    return err;
}

/* For calls whose answer says nothing. */
static enum err send(struct temporal *t, const char *method, const ProtobufCMessage *message, char *why,
                     size_t why_size)
{
    struct text answer;
    enum err err = request(t, method, message, t->s->timeout_ms, &answer, why, why_size);

    text_deinit(&answer);
    return err;
}

static void *unpack(const ProtobufCMessageDescriptor *descriptor, const struct text *answer)
{
    return protobuf_c_message_unpack(descriptor, NULL, answer->len,
                                     answer->data ? (const uint8_t *)answer->data : (const uint8_t *)"");
}

static void unpacked_free(void *message)
{
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

/* As `request`, and the answer as a message: unpacked_free after any result. */
static enum err ask(struct temporal *t, const char *method, const ProtobufCMessage *message, int64_t timeout_ms,
                    const ProtobufCMessageDescriptor *descriptor, void *out, char *why, size_t why_size)
{
    struct text answer;
    void *unpacked = NULL;
    enum err err = request(t, method, message, timeout_ms, &answer, why, why_size);

    if (err == OK && !(unpacked = unpack(descriptor, &answer))) {
        snprintf(why, why_size, "Temporal (%s): the answer makes no sense", method);
        err = ERR_PROTOCOL;
    }
    memcpy(out, &unpacked, sizeof unpacked);
    text_deinit(&answer);
    return err;
}

/* ---- telling ---- */

static enum err start(struct temporal *t, const struct conductor_telling *telling, char *why, size_t why_size)
{
    Tmprl__StartWorkflow m;
    Tmprl__Name type;
    Tmprl__Queue queue;
    struct temporal_json input;
    char id[64];
    enum err err;

    tmprl__start_workflow__init(&m);
    tmprl__name__init(&type);
    snprintf(id, sizeof id, "%016" PRIx64 "-%" PRIuFAST64, t->seed, atomic_fetch_add(&t->requests, 1));
    temporal_queue_set(&queue, t->s->task_queue);
    type.name = temporal_lent(TEMPORAL_TYPE);
    m.namespace_ = t->s->namespace_name;
    m.workflow_id = temporal_lent(telling->workflow_id);
    m.workflow_type = &type;
    m.task_queue = &queue;
    m.input = temporal_json(&input, &telling->input);
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    m.request_id = id;
    m.id_reuse_policy = ALLOW_DUPLICATE;
    err = send(t, "StartWorkflowExecution", &m.base, why, why_size);
    return err == ERR_EXISTS ? OK : err;
}

static enum err signal_state(struct temporal *t, const struct conductor_telling *telling, char *why, size_t why_size)
{
    Tmprl__SignalWorkflow m;
    Tmprl__Execution execution;
    struct temporal_json input;
    char id[96];

    tmprl__signal_workflow__init(&m);
    tmprl__execution__init(&execution);
    snprintf(id, sizeof id, "%.63s-%u", telling->workflow_id, telling->version);
    execution.workflow_id = temporal_lent(telling->workflow_id);
    m.namespace_ = t->s->namespace_name;
    m.execution = &execution;
    m.name = temporal_lent(TEMPORAL_SIGNAL);
    m.input = temporal_json(&input, &telling->state);
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    m.request_id = id;
    return send(t, "SignalWorkflowExecution", &m.base, why, why_size);
}

/* A workflow that ended between the two is told again by the notary, and begins anew. */
static enum err tell(struct conductor *c, const struct conductor_telling *telling, char *why, size_t why_size)
{
    struct temporal *t = temporal_of(c);
    enum err err = start(t, telling, why, why_size);

    if (err != OK || telling->state.len == 0)
        return err;
    err = signal_state(t, telling, why, why_size);
    return err == ERR_NOT_FOUND ? ERR_AGAIN : err;
}

/* ---- a workflow's task: its history ---- */

/* The task's history, page by page; the facts point into the pages. */
struct history {
    struct temporal_facts facts;
    Tmprl__HistoryPage **pages;
    size_t count;
};

static void history_deinit(struct history *h)
{
    for (size_t i = 0; i < h->count; i++)
        unpacked_free(h->pages[i]);
    free(h->pages);
    temporal_facts_deinit(&h->facts);
}

static enum err history_next(struct temporal *t, Tmprl__WorkflowTask *task, const ProtobufCBinaryData *token,
                             struct history *h, char *why, size_t why_size)
{
    Tmprl__GetHistory m;
    Tmprl__HistoryPage **more = realloc(h->pages, (h->count + 1) * sizeof *more);
    enum err err;

    tmprl__get_history__init(&m);
    if (!more)
        return ERR_NOMEM;
    h->pages = more;
    m.namespace_ = t->s->namespace_name;
    m.execution = task->execution;
    m.next_page_token = *token;
    err = ask(t, "GetWorkflowExecutionHistory", &m.base, t->s->timeout_ms, &tmprl__history_page__descriptor,
              &h->pages[h->count], why, why_size);
    if (err != OK)
        return err;
    return temporal_facts_add(&h->facts, h->pages[h->count++]->history);
}

static enum err history_read(struct temporal *t, Tmprl__WorkflowTask *task, struct history *h, char *why,
                             size_t why_size)
{
    ProtobufCBinaryData token = task->next_page_token;
    enum err err = temporal_facts_add(&h->facts, task->history);

    while (err == OK && token.len > 0 && h->count < PAGES_MAX)
        if ((err = history_next(t, task, &token, h, why, why_size)) == OK)
            token = h->pages[h->count - 1]->next_page_token;
    return err;
}

/* ---- a workflow's task: the answer ---- */

/* The same answer to all queries that came with the task, or that there is no such query. */
struct answers {
    Tmprl__QueryResult status, unknown;
    struct temporal_json payload;
    Tmprl__NamedQueryResult *named, **pointers;
};

static bool is_status(const Tmprl__Query *q)
{
    return q && strcmp(q->query_type, TEMPORAL_QUERY) == 0;
}

static bool set_answers(struct answers *a, const Tmprl__WorkflowTask *task, const struct text *status)
{
    a->named = calloc(task->n_queries + 1, sizeof *a->named);
    a->pointers = calloc(task->n_queries + 1, sizeof *a->pointers);
    if (!a->named || !a->pointers)
        return false;
    tmprl__query_result__init(&a->status);
    tmprl__query_result__init(&a->unknown);
    a->status.type = QUERY_ANSWERED;
    a->status.answer = temporal_json(&a->payload, status);
    a->unknown.type = QUERY_FAILED;
    a->unknown.error_message = temporal_lent(UNKNOWN_QUERY);
    for (size_t i = 0; i < task->n_queries; i++) {
        tmprl__named_query_result__init(&a->named[i]);
        a->named[i].key = task->queries[i]->key;
        a->named[i].value = is_status(task->queries[i]->value) ? &a->status : &a->unknown;
        a->pointers[i] = &a->named[i];
    }
    return true;
}

static enum err complete_task(struct temporal *t, const Tmprl__WorkflowTask *task, const struct temporal_plan *plan,
                              char *why, size_t why_size)
{
    Tmprl__WorkflowTaskCompleted m;
    struct temporal_command_message commands[TEMPORAL_COMMANDS_MAX];
    Tmprl__Command *pointers[TEMPORAL_COMMANDS_MAX];
    struct answers answers = {0};
    enum err err = ERR_NOMEM;

    tmprl__workflow_task_completed__init(&m);
    for (size_t i = 0; i < plan->count; i++) {
        temporal_command_set(&commands[i], plan, i, t->s->task_queue);
        pointers[i] = &commands[i].command;
    }
    m.task_token = task->task_token;
    m.n_commands = plan->count;
    m.commands = pointers;
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    m.namespace_ = t->s->namespace_name;
    if (set_answers(&answers, task, &plan->status)) {
        m.n_query_results = task->n_queries;
        m.query_results = answers.pointers;
        err = send(t, "RespondWorkflowTaskCompleted", &m.base, why, why_size);
    }
    free(answers.named);
    free(answers.pointers);
    return err;
}

static enum err answer_query(struct temporal *t, const Tmprl__WorkflowTask *task, const struct temporal_plan *plan,
                             char *why, size_t why_size)
{
    Tmprl__QueryTaskCompleted m;
    struct temporal_json payload;

    tmprl__query_task_completed__init(&m);
    m.task_token = task->task_token;
    m.namespace_ = t->s->namespace_name;
    if (is_status(task->query)) {
        m.type = QUERY_ANSWERED;
        m.result = temporal_json(&payload, &plan->status);
    } else {
        m.type = QUERY_FAILED;
        m.error_message = temporal_lent(UNKNOWN_QUERY);
    }
    return send(t, "RespondQueryTaskCompleted", &m.base, why, why_size);
}

/* Temporal tries it again, and shows why. */
static enum err fail_task(struct temporal *t, const Tmprl__WorkflowTask *task, const char *message, char *why,
                          size_t why_size)
{
    Tmprl__WorkflowTaskFailed m;
    Tmprl__ApplicationFailure application;
    Tmprl__Failure failure;

    tmprl__workflow_task_failed__init(&m);
    temporal_failure_set(&failure, &application, message, false);
    m.task_token = task->task_token;
    m.cause = WORKER_FAILURE;
    m.failure = &failure;
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    m.namespace_ = t->s->namespace_name;
    return send(t, "RespondWorkflowTaskFailed", &m.base, why, why_size);
}

static enum err run_task(struct temporal *t, Tmprl__WorkflowTask *task, char *why, size_t why_size)
{
    struct history h = {0};
    struct temporal_plan plan = {0};
    char message[300];
    enum err err = history_read(t, task, &h, why, why_size);

    if (err == OK) {
        err = temporal_plan_make(&plan, h.facts.facts, h.facts.count, message, sizeof message);
        if (err == ERR_CORRUPT)
            err = fail_task(t, task, message, why, why_size);
        else if (err == OK)
            err = task->query ? answer_query(t, task, &plan, why, why_size)
                              : complete_task(t, task, &plan, why, why_size);
        temporal_plan_deinit(&plan);
    }
    history_deinit(&h);
    return err;
}

/* ---- polling ---- */

static enum err poll(struct temporal *t, const char *method, const ProtobufCMessageDescriptor *descriptor, void *out,
                     char *why, size_t why_size)
{
    Tmprl__Poll m;
    Tmprl__Queue queue;
    enum err err;

    tmprl__poll__init(&m);
    temporal_queue_set(&queue, t->s->task_queue);
    m.namespace_ = t->s->namespace_name;
    m.task_queue = &queue;
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    err = ask(t, method, &m.base, t->s->poll_ms, descriptor, out, why, why_size);
    return err;
}

/* Nothing came, and that is no error: the time that a poll has is up. */
static bool is_nothing(enum err err)
{
    return err == ERR_TIMEOUT || err == ERR_CANCELLED;
}

/* A task that is late was given to somebody else. */
static enum err work(struct conductor *c, char *why, size_t why_size)
{
    struct temporal *t = temporal_of(c);
    Tmprl__WorkflowTask *task = NULL;
    enum err err = poll(t, "PollWorkflowTaskQueue", &tmprl__workflow_task__descriptor, &task, why, why_size);

    if (err == OK && task->task_token.len > 0)
        err = run_task(t, task, why, why_size);
    unpacked_free(task);
    return is_nothing(err) || err == ERR_NOT_FOUND ? OK : err;
}

static enum err fail_activity(struct temporal *t, ProtobufCBinaryData token, const char *message, bool hopeless,
                              char *why, size_t why_size)
{
    Tmprl__ActivityTaskFailed m;
    Tmprl__ApplicationFailure application;
    Tmprl__Failure failure;

    tmprl__activity_task_failed__init(&m);
    temporal_failure_set(&failure, &application, message, hopeless);
    m.task_token = token;
    m.failure = &failure;
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    m.namespace_ = t->s->namespace_name;
    return send(t, "RespondActivityTaskFailed", &m.base, why, why_size);
}

static enum err read_activity(struct temporal *t, const Tmprl__ActivityTask *task, struct conductor_task *out,
                              char *why, size_t why_size)
{
    if (task->activity_type && strcmp(task->activity_type->name, TEMPORAL_ACTIVITY) == 0 &&
        temporal_read_task(temporal_json_of(task->input), out) == OK) {
        text_add_bytes(&out->token, bytes_of(task->task_token.data, task->task_token.len));
        return text_failed(&out->token) ? ERR_NOMEM : OK;
    }
    snprintf(why, why_size, "Temporal gave a task that is not the notary's");
    (void)!fail_activity(t, task->task_token, "this is no task for a notary", true, why, why_size);
    return ERR_CORRUPT;
}

static enum err take(struct conductor *c, struct conductor_task *out, char *why, size_t why_size)
{
    struct temporal *t = temporal_of(c);
    Tmprl__ActivityTask *task = NULL;
    enum err err = poll(t, "PollActivityTaskQueue", &tmprl__activity_task__descriptor, &task, why, why_size);

    if (err == OK && task->task_token.len > 0)
        err = read_activity(t, task, out, why, why_size);
    unpacked_free(task);
    return is_nothing(err) ? OK : err;
}

static enum err answer(struct conductor *c, const struct conductor_answer *a, char *why, size_t why_size)
{
    struct temporal *t = temporal_of(c);
    Tmprl__ActivityTaskCompleted m;
    struct temporal_json payload;

    tmprl__activity_task_completed__init(&m);
    if (a->result.len == 0)
        return fail_activity(t, temporal_binary(&a->token), a->why, a->hopeless, why, why_size);
    m.task_token = temporal_binary(&a->token);
    m.result = temporal_json(&payload, &a->result);
    m.identity = temporal_lent(TEMPORAL_IDENTITY);
    m.namespace_ = t->s->namespace_name;
    return send(t, "RespondActivityTaskCompleted", &m.base, why, why_size);
}

/* ---- being made ---- */

static void stop(struct conductor *c)
{
    atomic_store(&temporal_of(c)->stopping, true);
}

static void close_all(struct conductor *c)
{
    struct temporal *t = temporal_of(c);

    http_connections_free(t->connections);
    text_deinit(&t->origin);
    free(t);
}

static const struct conductor_ops ops = {
    .name = "Temporal", .tell = tell, .work = work, .take = take, .answer = answer, .stop = stop, .close = close_all};

enum err temporal_new(struct conductor **out, const struct temporal_settings *settings, uint64_t seed, char *why,
                      size_t why_size)
{
    struct temporal *t;
    enum err err = temporal_settings_check(settings, why, why_size);

    if (err != OK)
        return err;
    if (!(t = calloc(1, sizeof *t)))
        return ERR_NOMEM;
    t->conductor.ops = &ops;
    t->s = settings;
    t->seed = seed;
    text_init(&t->origin, 1024);
    text_printf(&t->origin, "%s://%s", settings->tls ? "https" : "http", settings->address);
    err = text_failed(&t->origin) ? ERR_INVALID : http_connections_new(&t->connections);
    if (err != OK) {
        close_all(&t->conductor);
        return err;
    }
    *out = &t->conductor;
    return OK;
}
