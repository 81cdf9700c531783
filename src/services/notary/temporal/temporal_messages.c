/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_messages.c - events by their numbers in, commands by their numbers out.
 */
#include "services/notary/temporal/temporal_messages.h"

#include <stdlib.h>

#define FACTS_MAX     60000 /* Temporal ends a workflow whose history has more than 51,200 events */
#define TASK_SECONDS  30    /* how long the notary has for a task, until it is given to the next */
#define RETRY_SECONDS 60    /* at most between two attempts */
#define QUEUE_NORMAL  1

enum event_type {
    EVENT_STARTED = 1,
    EVENT_ACTIVITY_SCHEDULED = 10,
    EVENT_ACTIVITY_COMPLETED = 12,
    EVENT_ACTIVITY_FAILED = 13,
    EVENT_ACTIVITY_TIMED_OUT = 14,
    EVENT_TIMER_STARTED = 17,
    EVENT_TIMER_FIRED = 18,
    EVENT_CANCEL_REQUESTED = 20,
    EVENT_SIGNALED = 26,
};

enum command_type { TYPE_ACTIVITY = 1, TYPE_TIMER = 3, TYPE_COMPLETE = 4, TYPE_FAIL = 5 };

/* ---- pieces ---- */

ProtobufCBinaryData temporal_binary(const struct text *t)
{
    return (ProtobufCBinaryData){.len = t->len, .data = (uint8_t *)t->data};
}

Tmprl__Payloads *temporal_json(struct temporal_json *p, const struct text *json)
{
    static const char plain[] = "json/plain";

    tmprl__payloads__init(&p->payloads);
    tmprl__payload__init(&p->payload);
    tmprl__pair__init(&p->encoding);
    p->encoding.key = temporal_lent("encoding");
    p->encoding.value = (ProtobufCBinaryData){.len = sizeof plain - 1, .data = (uint8_t *)(uintptr_t)plain};
    p->of_payload[0] = &p->encoding;
    p->payload.n_metadata = 1;
    p->payload.metadata = p->of_payload;
    p->payload.data = temporal_binary(json);
    p->of_payloads[0] = &p->payload;
    p->payloads.n_payloads = 1;
    p->payloads.payloads = p->of_payloads;
    return &p->payloads;
}

struct bytes temporal_json_of(const Tmprl__Payloads *p)
{
    return p && p->n_payloads > 0 ? bytes_of(p->payloads[0]->data.data, p->payloads[0]->data.len) : bytes_of("", 0);
}

void temporal_queue_set(Tmprl__Queue *q, const char *name)
{
    tmprl__queue__init(q);
    q->name = temporal_lent(name);
    q->kind = QUEUE_NORMAL;
}

void temporal_failure_set(Tmprl__Failure *f, Tmprl__ApplicationFailure *a, const char *message, bool hopeless)
{
    tmprl__failure__init(f);
    tmprl__application_failure__init(a);
    f->message = temporal_lent(message);
    f->source = temporal_lent(TEMPORAL_IDENTITY);
    a->type = temporal_lent("notary");
    a->non_retryable = hopeless;
    f->application = a;
}

/* ---- a history ---- */

static bool facts_reserve(struct temporal_facts *f)
{
    size_t capacity = f->capacity ? f->capacity * 2 : 64;
    struct temporal_fact *more;

    if (f->count < f->capacity)
        return true;
    if (f->count >= FACTS_MAX || !(more = realloc(f->facts, capacity * sizeof *more)))
        return false;
    f->facts = more;
    f->capacity = capacity;
    return true;
}

static int64_t span_ms(const Tmprl__Span *s)
{
    return s ? s->seconds * 1000 + s->nanos / 1000000 : 0;
}

static const char *failure_text(const Tmprl__ActivityFailed *a)
{
    const Tmprl__Failure *f = a ? a->failure : NULL;

    while (f && f->cause)
        f = f->cause;
    return f ? f->message : NULL;
}

/* False: it is none that matters. */
static bool fact_of(const Tmprl__HistoryEvent *e, struct temporal_fact *f)
{
    *f = (struct temporal_fact){.at_ms = span_ms(e->time)};
    switch ((enum event_type)e->type) {
    case EVENT_STARTED:
        f->kind = FACT_STARTED;
        f->payload = temporal_json_of(e->started ? e->started->input : NULL);
        return true;
    case EVENT_SIGNALED:
        f->kind = FACT_SIGNALED;
        f->name = e->signaled ? e->signaled->name : NULL;
        f->payload = temporal_json_of(e->signaled ? e->signaled->input : NULL);
        return true;
    case EVENT_CANCEL_REQUESTED:
        f->kind = FACT_CANCEL_REQUESTED;
        f->name = e->cancel_requested ? e->cancel_requested->cause : NULL;
        return true;
    case EVENT_TIMER_STARTED:
        f->kind = FACT_TIMER_STARTED;
        f->name = e->timer_started ? e->timer_started->timer_id : NULL;
        return true;
    case EVENT_TIMER_FIRED:
        f->kind = FACT_TIMER_FIRED;
        f->name = e->timer_fired ? e->timer_fired->timer_id : NULL;
        return true;
    case EVENT_ACTIVITY_SCHEDULED:
        f->kind = FACT_ACTIVITY_SCHEDULED;
        f->name = e->activity_scheduled ? e->activity_scheduled->activity_id : NULL;
        return true;
    case EVENT_ACTIVITY_COMPLETED:
        f->kind = FACT_ACTIVITY_COMPLETED;
        f->payload = temporal_json_of(e->activity_completed ? e->activity_completed->result : NULL);
        return true;
    case EVENT_ACTIVITY_FAILED:
    case EVENT_ACTIVITY_TIMED_OUT:
        f->kind = FACT_ACTIVITY_FAILED;
        f->name = failure_text(e->type == EVENT_ACTIVITY_FAILED ? e->activity_failed : e->activity_timed_out);
        return true;
    }
    return false;
}

enum err temporal_facts_add(struct temporal_facts *f, const Tmprl__History *history)
{
    for (size_t i = 0; history && i < history->n_events; i++) {
        if (!facts_reserve(f))
            return ERR_TOO_LARGE;
        if (fact_of(history->events[i], &f->facts[f->count]))
            f->count++;
    }
    return OK;
}

void temporal_facts_deinit(struct temporal_facts *f)
{
    free(f->facts);
}

/* ---- commands ---- */

static void set_span(Tmprl__Span *s, int64_t ms)
{
    tmprl__span__init(s);
    s->seconds = ms / 1000;
    s->nanos = (int32_t)(ms % 1000) * 1000000;
}

/* Tried again for ever: what is decided is brought about, whenever the notary is there. */
static void set_activity(struct temporal_command_message *c, const char *queue, const struct text *input)
{
    tmprl__schedule_activity__init(&c->activity);
    tmprl__name__init(&c->type);
    tmprl__retry_policy__init(&c->retries);
    temporal_queue_set(&c->queue, queue);
    set_span(&c->limit, TASK_SECONDS * 1000);
    set_span(&c->first, 1000);
    set_span(&c->most, RETRY_SECONDS * 1000);
    c->type.name = temporal_lent(TEMPORAL_ACTIVITY);
    c->retries.initial_interval = &c->first;
    c->retries.backoff_coefficient = 2;
    c->retries.maximum_interval = &c->most;
    c->activity.activity_id = temporal_lent(TEMPORAL_ACTIVITY);
    c->activity.activity_type = &c->type;
    c->activity.task_queue = &c->queue;
    c->activity.input = temporal_json(&c->payload, input);
    c->activity.start_to_close_timeout = &c->limit;
    c->activity.retry_policy = &c->retries;
    c->command.type = TYPE_ACTIVITY;
    c->command.schedule_activity = &c->activity;
}

void temporal_command_set(struct temporal_command_message *c, const struct temporal_plan *plan, size_t i,
                          const char *queue)
{
    tmprl__command__init(&c->command);
    switch (plan->commands[i].kind) {
    case COMMAND_TIMER:
        tmprl__start_timer__init(&c->timer);
        set_span(&c->limit, plan->commands[i].after_ms);
        c->timer.timer_id = temporal_lent(TEMPORAL_TIMER);
        c->timer.start_to_fire_timeout = &c->limit;
        c->command.type = TYPE_TIMER;
        c->command.start_timer = &c->timer;
        break;
    case COMMAND_NOTARIZE:
        set_activity(c, queue, &plan->payload);
        break;
    case COMMAND_COMPLETE:
        tmprl__complete_workflow__init(&c->complete);
        c->complete.result = temporal_json(&c->payload, &plan->payload);
        c->command.type = TYPE_COMPLETE;
        c->command.complete = &c->complete;
        break;
    case COMMAND_FAIL:
        tmprl__fail_workflow__init(&c->fail);
        temporal_failure_set(&c->failure, &c->application, plan->payload.data, true);
        c->fail.failure = &c->failure;
        c->command.type = TYPE_FAIL;
        c->command.fail = &c->fail;
        break;
    }
}
