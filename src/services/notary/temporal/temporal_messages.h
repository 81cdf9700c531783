/* SPDX-License-Identifier: Apache-2.0
 *
 * temporal_messages.h - between Temporal's messages (temporal.proto) and what temporal_workflow.h knows: a history as
 * facts, a plan as commands.
 *
 * Messages are built of structs of the caller's, and point to what he gave.  Pure; may call: base/, protobuf-c.
 */
#ifndef SERVICES_NOTARY_TEMPORAL_TEMPORAL_MESSAGES_H
#define SERVICES_NOTARY_TEMPORAL_TEMPORAL_MESSAGES_H

#include "services/notary/temporal/temporal_workflow.h"
#include "temporal.pb-c.h"

#define TEMPORAL_IDENTITY "geminga-notary"

/* protobuf-c's strings are not const; packing does not write to them. */
static inline char *temporal_lent(const char *text)
{
    return (char *)(uintptr_t)text;
}

ProtobufCBinaryData temporal_binary(const struct text *t);

/* One payload of JSON, with all that it points to. */
struct temporal_json {
    Tmprl__Payloads payloads; /* first */
    Tmprl__Payload payload, *of_payloads[1];
    Tmprl__Pair encoding, *of_payload[1];
};

Tmprl__Payloads *temporal_json(struct temporal_json *p, const struct text *json);
/* The first payload's bytes; empty where there is none. */
struct bytes temporal_json_of(const Tmprl__Payloads *p);

void temporal_queue_set(Tmprl__Queue *q, const char *name);
void temporal_failure_set(Tmprl__Failure *f, Tmprl__ApplicationFailure *a, const char *message, bool hopeless);

/* Those events of a history that matter; they point into it.  Zeroed: none. */
struct temporal_facts {
    struct temporal_fact *facts;
    size_t count, capacity;
};

/* ERR_TOO_LARGE: more than any history has. */
MUST_USE enum err temporal_facts_add(struct temporal_facts *f, const Tmprl__History *history);
void temporal_facts_deinit(struct temporal_facts *f);

/* A command with all that it may point to. */
struct temporal_command_message {
    Tmprl__Command command;
    Tmprl__ScheduleActivity activity;
    Tmprl__StartTimer timer;
    Tmprl__CompleteWorkflow complete;
    Tmprl__FailWorkflow fail;
    Tmprl__Failure failure;
    Tmprl__ApplicationFailure application;
    Tmprl__Name type;
    Tmprl__Queue queue;
    Tmprl__Span limit, first, most;
    Tmprl__RetryPolicy retries;
    struct temporal_json payload;
};

/* The plan's command number `i`. */
void temporal_command_set(struct temporal_command_message *c, const struct temporal_plan *plan, size_t i,
                          const char *queue);

#endif
