/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime.h - the consumer runtime that all services share: some input topics, a handler, some output topics.
 *
 *     receive -> handler -> publish -> all receipts there? acknowledge : deliver again, or dead letter
 *
 * A message is acknowledged only after everything that the handler published about it has its receipt, so delivery is
 * at least once and handlers are idempotent.  Runs on the caller's thread; waits there for the broker.  May call:
 * base/, sys/loop.h (its clocks), the client library through its public headers only: any Pulsar will do.
 */
#ifndef SERVICES_RUNTIME_RUNTIME_H
#define SERVICES_RUNTIME_RUNTIME_H

#include "base/log.h"
#include "services/runtime/counters.h"
#include "services/runtime/handler.h"
#include "services/runtime/settings.h"
#include "sys/loop.h"

#define RUNTIME_INPUTS_MAX  4
#define RUNTIME_OUTPUTS_MAX 8

struct runtime;

struct runtime_options {
    const char *service;                    /* for logs: "notary" */
    const struct pulsar_settings *settings; /* outlives the runtime, as everything here */
    const char *inputs[RUNTIME_INPUTS_MAX]; /* topics as pulsar_topic_name makes them whole */
    size_t input_count;
    const char *outputs[RUNTIME_OUTPUTS_MAX];
    size_t output_count;
    struct handler *handler;
    struct counters *counters;
    struct loop *clocks; /* now_ns, wall_ms and entropy only */
    struct log *log;
};

MUST_USE enum err runtime_new(struct runtime **out, const struct runtime_options *options);

/* Connects, then works until runtime_stop: OK, once the batch at hand is settled and everything closed.  Before the
 * first connection, and while it is lost, it tries again, with a growing delay.  An error, with the sentence for the
 * user in `message`: ERR_DENIED, the broker refuses what the settings ask for (a missing tenant, no permission); or
 * what the handler ended the service with; then it may be run again. */
MUST_USE enum err runtime_run(struct runtime *r, char *message, size_t message_size);

/* From any thread; returns at once.  Before runtime_run too. */
void runtime_stop(struct runtime *r);

/* From any thread; returns at once: the handler is called soon, with or without deliveries. */
void runtime_wake(struct runtime *r);

/* From any thread.  True while subscribed and connected. */
bool runtime_is_ready(struct runtime *r);

void runtime_free(struct runtime *r); /* not while it runs; NULL is fine */

#endif
