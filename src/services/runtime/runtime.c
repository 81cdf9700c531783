/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime.c - connect, then round after round.
 *
 * One thread works.  The client's thread only counts: a receipt takes one from `in_flight` and wakes the worker, which
 * waits for it to be zero before it settles anything.
 */
#include "services/runtime/runtime_private.h"

#include "sys/deadline.h"

#include <assert.h>
#include <errno.h>
#include <pulsar/c/string_map.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RETRY_MS_MIN 500
#define RETRY_MS_MAX 30000

/* One publication on its way; in an array that lives until all are answered. */
struct flight {
    struct runtime *runtime;
    bool *failed; /* of its delivery */
    uint64_t sent_ns;
};

/* One round: what is worked on, and what becomes of it. */
struct round {
    struct arrival **arrivals;
    struct delivery *deliveries;
    struct outcome *outcomes;
    bool *failed;
    size_t count;
    struct outcome own; /* what the handler says that belongs to no delivery */
    bool own_failed;
};

static uint64_t now_ns(const struct runtime *r)
{
    return loop_now_ns(r->options.clocks);
}

static double seconds_since(const struct runtime *r, uint64_t ns)
{
    return (double)(now_ns(r) - ns) / 1e9;
}

/* ---- stopping ---- */

bool runtime_is_stopping(struct runtime *r)
{
    bool stopping;

    pthread_mutex_lock(&r->lock);
    stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

void runtime_pause_ms(struct runtime *r, uint64_t ms)
{
    uint64_t until_ns = now_ns(r) + ms * NS_PER_MS; /* the monotonic clock, as the condition's */
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000)};

    pthread_mutex_lock(&r->lock);
    while (!r->stopping && pthread_cond_timedwait(&r->changed, &r->lock, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&r->lock);
}

static void set_ready(struct runtime *r, bool ready)
{
    pthread_mutex_lock(&r->lock);
    r->ready = ready;
    pthread_mutex_unlock(&r->lock);
}

/* ---- connecting ---- */

/* While true, runtime_stop may reach for the client. */
static void set_connecting(struct runtime *r, bool connecting)
{
    pthread_mutex_lock(&r->lock);
    r->connecting = connecting;
    pthread_mutex_unlock(&r->lock);
}

/* One attempt.  The bus is open, or nothing is left of it. */
static pulsar_result try_connect(struct runtime *r, const char **topic)
{
    pulsar_result result;

    *topic = r->options.inputs[0];
    if (!bus_init(&r->bus, &r->options))
        return pulsar_result_UnknownError;
    set_connecting(r, true);
    result = bus_open(&r->bus, &r->options, topic);
    set_connecting(r, false);
    if (result != pulsar_result_Ok)
        bus_close(&r->bus);
    return result;
}

/* OK with the bus open, or with the runtime stopping. */
static enum err connect_bus(struct runtime *r, char *message, size_t message_size)
{
    const struct runtime_options *o = &r->options;
    uint64_t delay_ms = RETRY_MS_MIN;

    while (!runtime_is_stopping(r)) {
        const char *topic;
        pulsar_result result = try_connect(r, &topic);
        if (result == pulsar_result_Ok) {
            log_info(o->log, o->service, "connected to %s: %s, subscription %s (%s)", o->settings->service_url,
                     o->inputs[0], o->settings->subscription, o->settings->subscription_type);
            set_ready(r, true);
            return OK;
        }
        if (runtime_is_stopping(r))
            break;
        bus_explain(o, topic, result, message, message_size);
        if (!bus_is_retryable(result))
            return ERR_DENIED;
        log_warn(o->log, o->service, "%s; trying again in %.1f s", message, (double)delay_ms / 1000);
        runtime_pause_ms(r, delay_ms);
        delay_ms = delay_ms * 2 < RETRY_MS_MAX ? delay_ms * 2 : RETRY_MS_MAX;
    }
    return OK;
}

/* ---- publishing ---- */

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct flight *f = ctx;
    struct runtime *r = f->runtime;
    bool ok = result == pulsar_result_Ok;

    if (id)
        pulsar_message_id_free(id);
    counters_sent(r->options.counters, ok, seconds_since(r, f->sent_ns));
    if (!ok)
        log_warn(r->options.log, r->options.service, "a publication failed: %s", pulsar_result_str(result));
    pthread_mutex_lock(&r->lock);
    if (!ok)
        *f->failed = true;
    r->in_flight--;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void send_message(struct runtime *r, pulsar_producer_t *producer, pulsar_message_t *message,
                         struct flight *flight, bool *failed)
{
    *flight = (struct flight){.runtime = r, .failed = failed, .sent_ns = now_ns(r)};
    pthread_mutex_lock(&r->lock);
    r->in_flight++;
    pthread_mutex_unlock(&r->lock);
    pulsar_producer_send_async(producer, message, on_sent, flight);
}

/* Every send is answered, at the latest by its timeout. */
static void wait_for_receipts(struct runtime *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->in_flight > 0)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

/* Sends an outcome's publications, using that many of `flights`. */
static void publish(struct runtime *r, const struct outcome *outcome, struct flight *flights, bool *failed)
{
    *failed = *failed || text_failed(&outcome->lost);
    for (size_t i = 0; i < outcome->count; i++) {
        const struct publication *p = &outcome->publications[i];
        pulsar_message_t *message = text_failed(&p->body) ? NULL : pulsar_message_create();
        assert(p->output < r->bus.producer_count);
        if (!message) {
            *failed = true;
            continue;
        }
        pulsar_message_set_content(message, p->body.data, p->body.len);
        if (p->key)
            pulsar_message_set_partition_key(message, p->key);
        send_message(r, r->bus.producers[p->output], message, &flights[i], failed);
        pulsar_message_free(message);
    }
}

/* Of the whole round, and waits for their receipts. */
static enum err publish_all(struct runtime *r, struct round *b)
{
    struct flight *flights;
    size_t total = b->own.count, used = b->own.count;

    for (size_t i = 0; i < b->count; i++)
        total += b->outcomes[i].count;
    if (!(flights = calloc(total + 1, sizeof *flights)))
        return ERR_NOMEM;
    publish(r, &b->own, flights, &b->own_failed);
    for (size_t i = 0; i < b->count; used += b->outcomes[i++].count)
        publish(r, &b->outcomes[i], flights + used, &b->failed[i]);
    wait_for_receipts(r);
    free(flights);
    return OK;
}

/* ---- settling ---- */

static void copy_properties(pulsar_message_t *from, pulsar_message_t *to)
{
    pulsar_string_map_t *map = pulsar_message_get_properties(from);

    for (int i = 0; map && i < pulsar_string_map_size(map); i++)
        pulsar_message_set_property(to, pulsar_string_map_get_key(map, i), pulsar_string_map_get_value(map, i));
    if (map)
        pulsar_string_map_free(map);
}

/* The message as it came, and where from. */
static pulsar_message_t *dead_letter_of(pulsar_message_t *message, const struct delivery *delivery, const char *input,
                                        const char *why)
{
    pulsar_message_t *letter = pulsar_message_create();

    if (!letter)
        return NULL;
    pulsar_message_set_content(letter, delivery->payload.data, delivery->payload.len);
    if (pulsar_message_has_partition_key(message))
        pulsar_message_set_partition_key(letter, pulsar_message_get_partitionKey(message));
    copy_properties(message, letter);
    pulsar_message_set_property(letter, "REAL_TOPIC", input);
    pulsar_message_set_property(letter, "ORIGIN_MESSAGE_ID", delivery->message_id);
    pulsar_message_set_property(letter, "REASON", why);
    return letter;
}

/* True when the message is on the dead letter topic, and the handler's words about it are published. */
static bool bury(struct runtime *r, struct round *b, size_t i, const char *why)
{
    const struct delivery *delivery = &b->deliveries[i];
    struct arrival *a = b->arrivals[i];
    struct flight *flights = NULL;
    struct outcome outcome = {0};
    pulsar_result result = pulsar_result_Ok;
    pulsar_producer_t *producer = bus_dead_letters(&r->bus, &r->options, &result);
    pulsar_message_t *letter = dead_letter_of(a->message, delivery, r->options.inputs[delivery->input], why);
    bool failed = !producer || !letter;

    if (!producer)
        log_warn(r->options.log, r->options.service, "no dead letter topic %s: %s",
                 r->options.settings->dead_letter_topic, pulsar_result_str(result));
    if (!failed) {
        r->options.handler->give_up(r->options.handler, delivery, why, &outcome);
        flights = calloc(outcome.count + 1, sizeof *flights);
        failed = !flights;
    }
    if (!failed) {
        publish(r, &outcome, flights, &failed);
        send_message(r, producer, letter, &flights[outcome.count], &failed);
        wait_for_receipts(r);
    }
    free(flights);
    if (letter)
        pulsar_message_free(letter);
    outcome_deinit(&outcome);
    return !failed;
}

static void settle_delivery(struct runtime *r, struct round *b, size_t i)
{
    const struct runtime_options *o = &r->options;
    const struct outcome *outcome = &b->outcomes[i];
    const struct delivery *delivery = &b->deliveries[i];
    struct arrival *a = b->arrivals[i];
    const char *why = outcome->verdict == VERDICT_RETRY ? outcome->why : "its answer could not be published";
    enum settlement settlement =
        settle(outcome->verdict, !b->failed[i], delivery->redelivery_count, (uint32_t)o->settings->max_redeliveries);

    if (settlement == SETTLE_HOLD) {
        b->arrivals[i] = NULL;
        intake_hold(r, a);
        return;
    }
    if (settlement == SETTLE_ACK && outcome->refused)
        counters_error(o->counters, COUNTED_REFUSED);
    if (settlement == SETTLE_DEAD_LETTER) {
        log_error(o->log, o->service, "message %s goes to %s after %u deliveries: %s", delivery->message_id,
                  o->settings->dead_letter_topic, delivery->redelivery_count + 1, why);
        settlement = bury(r, b, i, why) ? SETTLE_ACK : SETTLE_NACK;
        if (settlement == SETTLE_ACK)
            counters_error(o->counters, COUNTED_DEAD_LETTERED);
    }
    if (settlement == SETTLE_ACK) {
        pulsar_consumer_acknowledge(r->bus.consumers[delivery->input], a->message);
        counters_processed(o->counters, seconds_since(r, a->received_ns));
        log_debug(o->log, o->service, "message %s is done with after %.1f ms: %zu publications%s", delivery->message_id,
                  seconds_since(r, a->received_ns) * 1000, outcome->count, outcome->refused ? ", refused" : "");
        return;
    }
    log_warn(o->log, o->service, "message %s is to be delivered again: %s", delivery->message_id, why);
    pulsar_consumer_negative_acknowledge(r->bus.consumers[delivery->input], a->message);
    counters_error(o->counters, COUNTED_RETRIED);
}

/* ---- a round ---- */

static size_t round_max(const struct runtime *r)
{
    const struct pulsar_settings *s = r->options.settings;

    return s->batch_receive ? (size_t)s->batch_receive_max_messages : 1;
}

static void round_deinit(struct round *b)
{
    for (size_t i = 0; i < b->count; i++) {
        outcome_deinit(&b->outcomes[i]);
        arrival_free(b->arrivals[i]);
    }
    outcome_deinit(&b->own);
    free(b->arrivals);
    free(b->deliveries);
    free(b->outcomes);
    free(b->failed);
}

static enum err round_init(struct runtime *r, struct round *b)
{
    size_t max = round_max(r);
    struct arrival *a;

    memset(b, 0, sizeof *b);
    b->arrivals = calloc(max, sizeof(struct arrival *));
    b->deliveries = calloc(max, sizeof *b->deliveries);
    b->outcomes = calloc(max, sizeof *b->outcomes);
    b->failed = calloc(max, sizeof *b->failed);
    if (!b->arrivals || !b->deliveries || !b->outcomes || !b->failed)
        return ERR_NOMEM;
    while (b->count < max && (a = intake_take(r))) {
        b->deliveries[b->count] = a->delivery;
        b->arrivals[b->count++] = a;
    }
    return OK;
}

static bool all_published(const struct round *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->failed[i])
            return false;
    return !b->own_failed;
}

static enum err work(struct runtime *r, struct round *b)
{
    struct handler *h = r->options.handler;
    enum err err;

    if ((err = h->handle(h, b->deliveries, b->count, b->outcomes, &b->own)) != OK || (err = publish_all(r, b)) != OK)
        return err;
    for (size_t i = 0; i < b->count; i++)
        settle_delivery(r, b, i);
    if (h->published)
        h->published(h, all_published(b));
    return OK;
}

static enum err run_round(struct runtime *r)
{
    struct round b;
    enum err err = round_init(r, &b);

    if (err == OK)
        err = work(r, &b);
    round_deinit(&b);
    return err;
}

static bool is_connected(const struct runtime *r)
{
    for (size_t i = 0; i < r->options.input_count; i++)
        if (!pulsar_consumer_is_connected(r->bus.consumers[i]))
            return false;
    return true;
}

static enum err run_rounds(struct runtime *r)
{
    struct handler *h = r->options.handler;
    enum err err = OK;

    while (err == OK && !runtime_is_stopping(r)) {
        if (intake_wait(r) && !runtime_is_stopping(r))
            err = run_round(r);
        set_ready(r, is_connected(r));
    }
    return err == OK && h->finish ? h->finish(h) : err;
}

enum err runtime_run(struct runtime *r, char *message, size_t message_size)
{
    enum err err = connect_bus(r, message, message_size);

    if (err == OK && r->bus.client && (err = run_rounds(r)) != OK)
        snprintf(message, message_size, "the service ends, since %s; nothing of its last round was acknowledged",
                 err_text(err));
    set_ready(r, false);
    bus_close(&r->bus);
    intake_drop(r);
    return err;
}

/* ---- the rest ---- */

enum err runtime_new(struct runtime **out, const struct runtime_options *options)
{
    struct runtime *r = calloc(1, sizeof *r);

    assert(options->output_count <= RUNTIME_OUTPUTS_MAX);
    assert(options->input_count > 0 && options->input_count <= RUNTIME_INPUTS_MAX);
    if (!r)
        return ERR_NOMEM;
    r->options = *options;
    waiting_init(&r->waiting);
    for (size_t i = 0; i < RUNTIME_INPUTS_MAX; i++)
        r->bells[i].runtime = r;
    pthread_mutex_init(&r->lock, NULL);
    deadline_cond_init(&r->changed);
    *out = r;
    return OK;
}

void runtime_stop(struct runtime *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    if (r->connecting)
        bus_interrupt(&r->bus);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void runtime_wake(struct runtime *r)
{
    pthread_mutex_lock(&r->lock);
    r->woken = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool runtime_is_ready(struct runtime *r)
{
    bool ready;

    pthread_mutex_lock(&r->lock);
    ready = r->ready;
    pthread_mutex_unlock(&r->lock);
    return ready;
}

void runtime_free(struct runtime *r)
{
    if (!r)
        return;
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
