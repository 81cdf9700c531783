/* SPDX-License-Identifier: Apache-2.0
 *
 * intake.c - messages on their way in: waiting for the first, draining the rest, and the order that they leave in.
 *
 * A message rings a bell on the client's thread (an asynchronous receive of one message); the worker then takes what
 * else is there without waiting.  The bell is armed again only when the input was found empty, so the order holds.
 */
#include "services/runtime/runtime_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_MS_MAX 1000 /* the wall clock may jump, and a connection may be lost: look again */

void arrival_free(struct arrival *a)
{
    if (!a)
        return;
    pulsar_message_free(a->message);
    free(a);
}

/* ---- one message ---- */

static void describe(struct runtime *r, struct arrival *a, unsigned input)
{
    pulsar_message_id_t *id = pulsar_message_get_message_id(a->message);
    char *text = id ? pulsar_message_id_str(id) : NULL;
    int redeliveries = pulsar_message_get_redelivery_count(a->message);

    snprintf(a->id, sizeof a->id, "%s", text ? text : "unknown");
    free(text);
    if (id)
        pulsar_message_id_free(id);
    a->received_ns = loop_now_ns(r->options.clocks);
    a->delivery = (struct delivery){
        .payload = bytes_of(pulsar_message_get_data(a->message), pulsar_message_get_length(a->message)),
        .input = input,
        .message_id = a->id,
        .redelivery_count = redeliveries > 0 ? (uint32_t)redeliveries : 0,
        .received_ms = loop_wall_ms(r->options.clocks),
    };
}

/* Takes the message; one for which there is no memory is delivered again. */
static void admit(struct runtime *r, unsigned input, pulsar_message_t *message)
{
    struct handler *h = r->options.handler;
    struct arrival *a = calloc(1, sizeof *a);

    counters_received(r->options.counters, 1);
    if (!a) {
        pulsar_consumer_negative_acknowledge(r->bus.consumers[input], message);
        pulsar_message_free(message);
        return;
    }
    a->message = message;
    describe(r, a, input);
    a->wait.input = input;
    a->wait.rank = h->rank ? h->rank(h, &a->delivery) : 0;
    waiting_add(&r->waiting, &a->wait);
}

struct arrival *intake_take(struct runtime *r)
{
    struct waiting_node *node = waiting_take(&r->waiting);

    return node ? container_of(node, struct arrival, wait) : NULL;
}

void intake_hold(struct runtime *r, struct arrival *a)
{
    waiting_hold(&r->waiting, &a->wait);
}

/* ---- bells ---- */

static void on_message(pulsar_result result, pulsar_message_t *message, void *ctx)
{
    struct bell *b = ctx;
    struct runtime *r = b->runtime;

    pthread_mutex_lock(&r->lock);
    b->armed = false;
    b->rang = true;
    b->result = result;
    b->message = message;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void arm(struct runtime *r, unsigned input)
{
    struct bell *b = &r->bells[input];
    bool free_to;

    pthread_mutex_lock(&r->lock);
    free_to = !b->armed && !b->rang;
    b->armed = b->armed || free_to;
    pthread_mutex_unlock(&r->lock);
    if (free_to)
        pulsar_consumer_receive_async(r->bus.consumers[input], on_message, b);
}

/* False: it did not ring. */
static bool answer(struct runtime *r, unsigned input, pulsar_result *result, pulsar_message_t **message)
{
    struct bell *b = &r->bells[input];
    bool rang;

    pthread_mutex_lock(&r->lock);
    rang = b->rang;
    b->rang = false;
    *result = b->result;
    *message = b->message;
    b->message = NULL;
    pthread_mutex_unlock(&r->lock);
    return rang;
}

static void on_receive_failed(struct runtime *r, pulsar_result result)
{
    counters_error(r->options.counters, COUNTED_RECEIVE);
    log_warn(r->options.log, r->options.service, "receiving failed: %s; trying again in 1 s",
             pulsar_result_str(result));
    runtime_pause_ms(r, 1000);
}

/* What an input has, if its bell rang. */
static void drain(struct runtime *r, unsigned input)
{
    size_t max = (size_t)r->options.settings->receive_queue_size;
    pulsar_message_t *message = NULL;
    pulsar_result result;

    if (!answer(r, input, &result, &message))
        return;
    while (result == pulsar_result_Ok) {
        admit(r, input, message);
        if (waiting_ready(&r->waiting) >= (max ? max : 1))
            return;
        result = pulsar_consumer_receive_with_timeout(r->bus.consumers[input], &message, 0);
    }
    if (result != pulsar_result_Timeout)
        on_receive_failed(r, result);
}

/* ---- waiting ---- */

/* Whether something happened before that moment. */
static bool wait_until(struct runtime *r, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000)};
    bool happened = false, late = false;

    pthread_mutex_lock(&r->lock);
    while (!happened && !late) {
        happened = r->stopping || r->woken;
        for (size_t i = 0; i < r->options.input_count; i++)
            happened = happened || (r->bells[i].rang && !waiting_held(&r->waiting, (unsigned)i));
        if (!happened)
            late = pthread_cond_timedwait(&r->changed, &r->lock, &until) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&r->lock);
    return happened;
}

/* One look at all inputs that are not held up; false: the time is over, and nothing came. */
static bool listen(struct runtime *r, uint64_t until_ns)
{
    bool happened;

    for (unsigned i = 0; i < r->options.input_count; i++)
        if (!waiting_held(&r->waiting, i))
            arm(r, i);
    happened = wait_until(r, until_ns);
    for (unsigned i = 0; i < r->options.input_count; i++)
        if (!waiting_held(&r->waiting, i))
            drain(r, i);
    return happened;
}

static bool take_woken(struct runtime *r)
{
    bool woken;

    pthread_mutex_lock(&r->lock);
    woken = r->woken;
    r->woken = false;
    pthread_mutex_unlock(&r->lock);
    return woken;
}

static int64_t handler_wait_ms(const struct runtime *r)
{
    struct handler *h = r->options.handler;

    return h->wait_ms ? h->wait_ms(h) : -1;
}

/* With the first message there, those that follow soon are waited for, to make a batch. */
static void fill(struct runtime *r)
{
    const struct pulsar_settings *s = r->options.settings;
    uint64_t until_ns = loop_now_ns(r->options.clocks) + (uint64_t)s->batch_receive_max_wait_ms * NS_PER_MS;

    if (!s->batch_receive)
        return;
    while (waiting_ready(&r->waiting) < (size_t)s->batch_receive_max_messages && !runtime_is_stopping(r) &&
           loop_now_ns(r->options.clocks) < until_ns)
        if (!listen(r, until_ns) || take_woken(r))
            return;
}

bool intake_wait(struct runtime *r)
{
    int64_t wait_ms = handler_wait_ms(r);
    uint64_t ms = wait_ms < 0 || wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : (uint64_t)wait_ms;
    bool due;

    if (waiting_ready(&r->waiting) > 0)
        return true;
    listen(r, loop_now_ns(r->options.clocks) + ms * NS_PER_MS);
    if (waiting_ready(&r->waiting) > 0)
        fill(r);
    due = take_woken(r) || waiting_ready(&r->waiting) > 0 || handler_wait_ms(r) == 0;
    waiting_release(&r->waiting);
    return due;
}

/* ---- the end ---- */

/* Every bell that was armed has rung by then: its consumer is closed. */
static void silence(struct runtime *r)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < RUNTIME_INPUTS_MAX; i++) {
        while (r->bells[i].armed)
            pthread_cond_wait(&r->changed, &r->lock);
        if (r->bells[i].message)
            pulsar_message_free(r->bells[i].message);
        r->bells[i] = (struct bell){.runtime = r};
    }
    pthread_mutex_unlock(&r->lock);
}

void intake_drop(struct runtime *r)
{
    struct waiting_node *node;

    silence(r);
    while ((node = waiting_drop(&r->waiting)))
        arrival_free(container_of(node, struct arrival, wait));
}
