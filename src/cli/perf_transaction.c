/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_transaction.c - `geminga perf transaction`: transactions one after the other, each of messages that it receives,
 * acknowledges and sends, and measures how long their acknowledgements and receipts took.
 *
 *     main thread    prints, ends it
 *     N workers      each with producers and consumers of its own: begins a transaction, receives and acknowledges,
 *                    sends, waits for the answers to all that, ends the transaction
 *     clients        their threads bring the answers
 *
 * With --txn-disable a task is the same without a transaction.
 */
#include "base/list.h"
#include "cli/perf.h"
#include "cli/perf_rest.h"
#include "cli/pulsar_keys.h"
#include "client/transaction.h"
#include "pulsar/c/consumer.h"
#include "pulsar/c/producer.h"
#include "sys/uv_sys.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PAYLOAD     1024
#define LOOK_MS     50 /* how long the end may wait for a worker to see it */
#define LATENCY_MAX UINT64_C(3600000000)
#define NS_PER_US   1000

struct transaction_config {
    char **topics_consume, **topics_produce, **subscriptions;
    char *position, *type, *rate;
    int64_t threads, partitions, subscription_count, queue_size, timeout_s, transactions, produced, consumed,
        duration_s, interval_s, connections;
    bool disable, abort;
};

#define AT(member) .offset = offsetof(struct transaction_config, member)

static const struct option transaction_rows[] = {
    {.key = "transaction.topics_consume",
     .flag = "--topics-c",
     .type = OPTION_TEXTS,
     AT(topics_consume),
     .text = "The topics whose messages are acknowledged, with commas between, or said again; test-consume."},
    {.key = "transaction.topics_produce",
     .flag = "--topics-p",
     .type = OPTION_TEXTS,
     AT(topics_produce),
     .text = "The topics that are sent to; test-produce."},
    {.key = "transaction.threads",
     .flag = "-threads|--num-test-threads",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 1000,
     AT(threads),
     .text = "Threads, each with one transaction at a time."},
    {.key = "transaction.partitions",
     .flag = "-np|--partitions",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 100000,
     AT(partitions),
     .text = "Makes the topics that are sent to first, with so many partitions each; 0: takes them as they are."},
    {.key = "transaction.transactions",
     .flag = "-ntxn|--number-txn",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(transactions),
     .text = "Transactions, or tasks, in all; 0: without end."},
    {.key = "transaction.produced",
     .flag = "-nmp|--numMessage-perTransaction-produce",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .max = 100000,
     AT(produced),
     .text = "Messages that a transaction sends to each topic."},
    {.key = "transaction.consumed",
     .flag = "-nmc|--numMessage-perTransaction-consume",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .max = 100000,
     AT(consumed),
     .text = "Messages that it takes from each subscription of each topic."},
    {.key = "transaction.rate",
     .flag = "-txnRate",
     .type = OPTION_TEXT,
     .fallback = "0",
     AT(rate),
     .text = "Transactions a second, of each thread; 0: as fast as possible."},
    {.key = "transaction.timeout",
     .flag = "-tto|--txn-timeout",
     .type = OPTION_INTEGER,
     .fallback = "5",
     .min = 1,
     .max = 86400,
     AT(timeout_s),
     .text = "Seconds after which the broker aborts a transaction."},
    {.key = "transaction.abort",
     .flag = "-abort",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(abort),
     .text = "Aborts transactions instead of committing them."},
    {.key = "transaction.disable",
     .flag = "--txn-disable",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(disable),
     .text = "Does the same without transactions."},
    {.key = "transaction.subscriptions",
     .flag = "-ss|--subscriptions",
     .type = OPTION_TEXTS,
     AT(subscriptions),
     .text = "The subscriptions' names, with commas between, or said again; sub."},
    {.key = "transaction.subscription_count",
     .flag = "-ns|--num-subscriptions",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 1000,
     AT(subscription_count),
     .text = "How many subscriptions; with one name, its numbers are put behind it: NAME-0, NAME-1, and so on."},
    {.key = "transaction.type",
     .flag = "-st|--subscription-type",
     .type = OPTION_CHOICE,
     .fallback = "Shared",
     .choices = client_subscription_types,
     AT(type),
     .text = "How consumers share a subscription."},
    {.key = "transaction.position",
     .flag = "-sp|--subscription-position",
     .type = OPTION_CHOICE,
     .fallback = "Earliest",
     .choices = client_subscription_positions,
     AT(position),
     .text = "Where a new subscription begins."},
    {.key = "transaction.queue_size",
     .flag = "-q|--receiver-queue-size",
     .type = OPTION_INTEGER,
     .fallback = "1000",
     .max = 10000000,
     AT(queue_size),
     .text = "Messages that the broker may send ahead."},
    {.key = "perf.connections",
     .flag = "-c|--max-connections",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = PERF_CONNECTIONS_MAX,
     AT(connections),
     .text = "Connections to each broker."},
    {.key = "perf.duration",
     .flag = "-time|--test-duration",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT32_MAX,
     AT(duration_s),
     .text = "Seconds; 0: until Ctrl-C, or all transactions are through."},
    {.key = "perf.interval",
     .flag = "-i|--stats-interval-seconds",
     .type = OPTION_INTEGER,
     .fallback = "10",
     .max = 86400,
     AT(interval_s),
     .text = "Seconds from line to line; 0: 10."},
};

/* Of sends, or of acknowledgements. */
struct gauge {
    struct histogram *now, *whole;
    atomic_uint_fast64_t good, failed;
};

struct work {
    struct perf_meter meter;
    const struct invocation *inv;
    const struct transaction_config *config;
    struct perf_topics consume, produce, subscriptions;
    struct perf_topics consume_partitions, produce_partitions;
    struct perf_clients clients;
    struct client_coordinator *coordinator;
    struct worker *workers;
    size_t worker_count;
    uint8_t payload[PAYLOAD];
    struct gauge sends, acks;
    atomic_uint_fast64_t begun, opened, open_failed, ended, end_failed;
    uint64_t line_ended; /* until the last line */
};

struct worker {
    struct work *work;
    struct uv_thread *thread;
    pulsar_producer_t **producers;
    pulsar_consumer_t **consumers;
    size_t producer_count, consumer_count;
    struct pace pace;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    uint64_t waiting; /* answers; under the lock */
};

/* ---- one transaction ---- */

struct answer {
    struct worker *worker;
    struct gauge *gauge;
    int64_t asked_ns;
};

static void answer_take(struct answer *a, pulsar_result result)
{
    struct worker *w = a->worker;

    if (result == pulsar_result_Ok) {
        histogram_record(a->gauge->now, (uint64_t)(perf_now_ns() - a->asked_ns) / NS_PER_US);
        atomic_fetch_add(&a->gauge->good, 1);
    } else {
        atomic_fetch_add(&a->gauge->failed, 1);
    }
    free(a);
    pthread_mutex_lock(&w->lock);
    if (--w->waiting == 0)
        pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->lock);
}

static void on_sent(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    if (id)
        pulsar_message_id_free(id);
    answer_take(ctx, result);
}

static void on_acknowledged(pulsar_result result, void *ctx)
{
    answer_take(ctx, result);
}

/* NULL: no memory, counted as a failure. */
static struct answer *answer_expect(struct worker *w, struct gauge *gauge)
{
    struct answer *a = malloc(sizeof *a);

    if (!a) {
        atomic_fetch_add(&gauge->failed, 1);
        return NULL;
    }
    *a = (struct answer){.worker = w, .gauge = gauge, .asked_ns = perf_now_ns()};
    pthread_mutex_lock(&w->lock);
    w->waiting++;
    pthread_mutex_unlock(&w->lock);
    return a;
}

static void answers_wait(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->waiting > 0)
        pthread_cond_wait(&w->answered, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

/* `t` is NULL without transactions. */
static void send_one(struct worker *w, pulsar_producer_t *producer, const struct client_transaction *t)
{
    pulsar_message_t *message = pulsar_message_create();
    struct answer *a = message ? answer_expect(w, &w->work->sends) : NULL;

    if (a) {
        pulsar_message_set_allocated_content(message, w->work->payload, PAYLOAD);
        if (t)
            client_message_set_transaction(message, t);
        pulsar_producer_send_async(producer, message, on_sent, a);
    }
    pulsar_message_free(message);
}

/* Waits for a message.  False: the end came. */
static bool acknowledge_one(struct worker *w, pulsar_consumer_t *consumer, const struct client_transaction *t)
{
    pulsar_message_t *message;
    pulsar_result result;

    do {
        if (perf_stopped(&w->work->meter))
            return false;
        result = pulsar_consumer_receive_with_timeout(consumer, &message, LOOK_MS);
    } while (result != pulsar_result_Ok);
    struct answer *a = answer_expect(w, &w->work->acks);
    if (a && t)
        client_consumer_acknowledge_in(consumer, message, t, on_acknowledged, a);
    else if (a)
        pulsar_consumer_acknowledge_async(consumer, message, on_acknowledged, a);
    pulsar_message_free(message);
    return true;
}

/* False: the end came before all was received. */
static bool messages_handle(struct worker *w, const struct client_transaction *t)
{
    const struct transaction_config *config = w->work->config;
    bool whole = true;

    for (size_t i = 0; whole && i < w->consumer_count; i++) {
        for (int64_t k = 0; whole && k < config->consumed; k++)
            whole = acknowledge_one(w, w->consumers[i], t);
    }
    for (size_t i = 0; whole && i < w->producer_count; i++) {
        for (int64_t k = 0; k < config->produced; k++)
            send_one(w, w->producers[i], t);
    }
    answers_wait(w);
    return whole;
}

static pulsar_result transaction_announce(const struct work *work, const struct client_transaction *t)
{
    const struct perf_topics *from = &work->consume_partitions, *to = &work->produce_partitions;
    pulsar_result result = pulsar_result_Ok;

    if (work->config->produced > 0)
        result = client_transaction_add_topics(work->coordinator, t, to->names, to->count);
    for (size_t i = 0; work->config->consumed > 0 && result == pulsar_result_Ok && i < work->subscriptions.count; i++)
        result = client_transaction_add_subscription(work->coordinator, t, from->names, from->count,
                                                     work->subscriptions.names[i]);
    return result;
}

static void transaction_run(struct worker *w)
{
    struct work *work = w->work;
    struct client_transaction t;
    pulsar_result result = client_transaction_begin(work->coordinator, (uint64_t)work->config->timeout_s, &t);

    if (result == pulsar_result_Ok)
        result = transaction_announce(work, &t);
    if (result != pulsar_result_Ok) {
        if (atomic_fetch_add(&work->open_failed, 1) == 0)
            (void)client_failed(work->inv, "cannot begin a transaction", result);
        (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        return;
    }
    atomic_fetch_add(&work->opened, 1);
    const bool whole = messages_handle(w, &t);
    result = client_transaction_end(work->coordinator, &t, whole && !work->config->abort);
    if (result != pulsar_result_Ok && atomic_load(&work->end_failed) == 0)
        (void)client_failed(work->inv, "cannot end a transaction", result);
    atomic_fetch_add(result == pulsar_result_Ok ? &work->ended : &work->end_failed, 1);
}

static void task_run(struct worker *w)
{
    if (messages_handle(w, NULL))
        atomic_fetch_add(&w->work->ended, 1);
}

static void consumers_close(struct worker *w)
{
    while (w->consumer_count > 0) {
        pulsar_consumer_t *consumer = w->consumers[--w->consumer_count];
        (void)pulsar_consumer_close(consumer);
        pulsar_consumer_free(consumer);
    }
}

/* What it was sent ahead and does not need any more, another worker may be waiting for. */
static void worker_run(void *ctx)
{
    struct worker *w = ctx;
    struct work *work = w->work;
    const uint64_t wanted = work->config->transactions > 0 ? (uint64_t)work->config->transactions : UINT64_MAX;

    w->pace.next_ns = (double)perf_now_ns();
    while (!perf_stopped(&work->meter) && atomic_fetch_add(&work->begun, 1) < wanted) {
        (void)perf_due_wait(&work->meter, &w->pace);
        if (perf_stopped(&work->meter))
            break;
        if (work->config->disable)
            task_run(w);
        else
            transaction_run(w);
    }
    consumers_close(w);
}

/* ---- lines ---- */

static void gauge_end(struct gauge *g, struct histogram *interval)
{
    histogram_clear(interval);
    histogram_drain(g->now, interval);
    histogram_add(g->whole, interval);
}

static void line_print(struct work *w, double seconds)
{
    const char *what = w->config->disable ? "task" : "transaction";
    const uint64_t ended = atomic_load(&w->ended);
    struct histogram *h;

    if (histogram_new(&h, LATENCY_MAX) != OK)
        return; /* its values are in the next line */
    printf("Throughput %s: %" PRIu64 " %s executes --- %.3f %s/s  --- send ", what, ended + atomic_load(&w->end_failed),
           what, (double)(ended - w->line_ended) / seconds, what);
    gauge_end(&w->sends, h);
    perf_latency_print(h, 1000, PERF_LATENCY_LINE);
    printf(" --- ack ");
    gauge_end(&w->acks, h);
    perf_latency_print(h, 1000, PERF_LATENCY_LINE);
    printf("\n");
    w->line_ended = ended;
    histogram_free(h);
}

static void messages_print(struct work *w)
{
    printf("%" PRIu64 " message ack failed --- %" PRIu64 " message send failed --- %" PRIu64
           " message ack success --- %" PRIu64 " message send success\n",
           (uint64_t)atomic_load(&w->acks.failed), (uint64_t)atomic_load(&w->sends.failed),
           (uint64_t)atomic_load(&w->acks.good), (uint64_t)atomic_load(&w->sends.good));
}

static void whole_print(struct work *w, double seconds)
{
    const uint64_t ended = atomic_load(&w->ended), failed = atomic_load(&w->end_failed);

    if (w->config->disable)
        printf("Aggregated throughput stats --- %" PRIu64 " task executed --- %.3f task/s --- ", ended,
               (double)ended / seconds);
    else
        printf("Aggregated throughput stats --- %" PRIu64 " transaction executed --- %.3f transaction/s  --- %" PRIu64
               " transaction open successfully --- %" PRIu64 " transaction open failed --- %" PRIu64
               " transaction end successfully --- %" PRIu64 " transaction end failed --- ",
               ended + failed, (double)(ended + failed) / seconds, (uint64_t)atomic_load(&w->opened),
               (uint64_t)atomic_load(&w->open_failed), ended, failed);
    messages_print(w);
    histogram_add(w->acks.whole, w->acks.now);
    histogram_add(w->sends.whole, w->sends.now);
    printf("Messages ack aggregated latency stats --- ");
    perf_latency_print(w->acks.whole, 1000, PERF_LATENCY_WHOLE);
    printf("\nMessages send aggregated latency stats --- ");
    perf_latency_print(w->sends.whole, 1000, PERF_LATENCY_WHOLE);
    printf("\n");
}

static void on_print(struct perf_meter *m, double seconds, bool whole)
{
    struct work *w = container_of(m, struct work, meter);

    if (whole)
        whole_print(w, seconds);
    else
        line_print(w, seconds);
    (void)fflush(stdout);
}

/* ---- opening ---- */

static int producer_open(struct worker *w, pulsar_client_t *client, const char *topic)
{
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();

    if (!conf)
        return client_failed(w->work->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_configuration_set_partitions_routing_mode(conf, pulsar_RoundRobinDistribution);
    const pulsar_result result = pulsar_client_create_producer(client, topic, conf, &w->producers[w->producer_count]);
    pulsar_producer_configuration_free(conf);
    if (result != pulsar_result_Ok)
        return client_failed(w->work->inv, topic, result);
    w->producer_count++;
    return CLI_OK;
}

static int consumer_open(struct worker *w, pulsar_client_t *client, const char *topic, const char *subscription)
{
    const struct transaction_config *config = w->work->config;
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();

    if (!conf)
        return client_failed(w->work->inv, "cannot consume", pulsar_result_MemoryBufferIsFull);
    client_subscription_set(conf, config->type, config->position);
    pulsar_consumer_configuration_set_receiver_queue_size(conf, (int)config->queue_size);
    const pulsar_result result =
        pulsar_client_subscribe(client, topic, subscription, conf, &w->consumers[w->consumer_count]);
    pulsar_consumer_configuration_free(conf);
    if (result != pulsar_result_Ok)
        return client_failed(w->work->inv, topic, result);
    w->consumer_count++;
    return CLI_OK;
}

static int worker_open(struct work *work, struct worker *w, size_t index, const struct pace *pace)
{
    pulsar_client_t *client = work->clients.at[index % work->clients.count];
    int status = CLI_OK;

    *w = (struct worker){.work = work, .pace = *pace};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->answered, NULL);
    w->producers = calloc(work->produce.count, sizeof *w->producers);
    w->consumers = calloc(work->consume.count * work->subscriptions.count, sizeof *w->consumers);
    if (!w->producers || !w->consumers)
        return client_failed(work->inv, "cannot begin", pulsar_result_MemoryBufferIsFull);
    for (size_t i = 0; work->config->produced > 0 && status == CLI_OK && i < work->produce.count; i++)
        status = producer_open(w, client, work->produce.names[i]);
    for (size_t i = 0; work->config->consumed > 0 && status == CLI_OK && i < work->consume.count; i++) {
        for (size_t k = 0; status == CLI_OK && k < work->subscriptions.count; k++)
            status = consumer_open(w, client, work->consume.names[i], work->subscriptions.names[k]);
    }
    return status;
}

static void worker_close(struct worker *w)
{
    for (size_t i = 0; i < w->producer_count; i++) {
        (void)pulsar_producer_close(w->producers[i]);
        pulsar_producer_free(w->producers[i]);
    }
    consumers_close(w);
    free(w->producers);
    free(w->consumers);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->answered);
}

/* The names of all partitions of all of `topics`. */
static int partitions_gather(struct work *w, const struct perf_topics *topics, struct perf_topics *to)
{
    pulsar_string_list_t *list;

    for (size_t i = 0; i < topics->count; i++) {
        const pulsar_result result = pulsar_client_get_topic_partitions(w->clients.at[0], topics->names[i], &list);
        if (result != pulsar_result_Ok)
            return client_failed(w->inv, topics->names[i], result);
        const size_t more = (size_t)pulsar_string_list_size(list);
        char **names = realloc(to->names, (to->count + more) * sizeof *names);
        to->names = names ? names : to->names;
        for (size_t k = 0; names && k < more; k++) {
            if ((names[to->count] = strdup(pulsar_string_list_get(list, (int)k))))
                to->count++;
        }
        pulsar_string_list_free(list);
    }
    return CLI_OK;
}

static bool gauge_init(struct gauge *g)
{
    return histogram_new(&g->now, LATENCY_MAX) == OK && histogram_new(&g->whole, LATENCY_MAX) == OK;
}

static void gauge_deinit(struct gauge *g)
{
    histogram_free(g->now);
    histogram_free(g->whole);
}

static int names_gather(struct work *w)
{
    const struct transaction_config *config = w->config;
    int status = perf_names_gather(&w->consume, w->inv, config->topics_consume, "test-consume", 1, "--topics-c");

    if (status == CLI_OK)
        status = perf_names_gather(&w->produce, w->inv, config->topics_produce, "test-produce", 1, "--topics-p");
    if (status == CLI_OK)
        status = perf_names_gather(&w->subscriptions, w->inv, config->subscriptions, "sub", config->subscription_count,
                                   "--num-subscriptions");
    if (status == CLI_OK && w->inv->argc > 0)
        status = cli_usage_error(w->inv, "what is `%s`? topics are --topics-c and --topics-p", w->inv->argv[0]);
    return status;
}

static int coordinator_open(struct work *w)
{
    if (w->config->disable)
        return CLI_OK;
    const pulsar_result result = client_coordinator_open(w->clients.at[0], &w->coordinator);
    if (result == pulsar_result_Ok)
        return CLI_OK;
    if (result == pulsar_result_TransactionCoordinatorNotFoundError) {
        cli_error(w->inv, "the broker has no transactions (Apache Pulsar's has them with "
                          "transactionCoordinatorEnabled=true; Geminga's has none yet); --txn-disable goes without");
        return CLI_FAILED;
    }
    return client_failed(w->inv, "cannot find the transaction coordinator", result);
}

static int workers_open(struct work *w)
{
    struct pace pace;
    int status = CLI_OK;

    if (!pace_init(&pace, w->config->rate))
        return cli_usage_error(w->inv, "-txnRate expects transactions a second, not `%s`", w->config->rate);
    if (!(w->workers = calloc((size_t)w->config->threads, sizeof *w->workers)))
        return client_failed(w->inv, "cannot begin", pulsar_result_MemoryBufferIsFull);
    while (w->worker_count < (size_t)w->config->threads && status == CLI_OK) {
        status = worker_open(w, &w->workers[w->worker_count], w->worker_count, &pace);
        w->worker_count++;
    }
    /* Now they are there, with as many partitions as they were made with. */
    if (status == CLI_OK)
        status = partitions_gather(w, &w->consume, &w->consume_partitions);
    if (status == CLI_OK)
        status = partitions_gather(w, &w->produce, &w->produce_partitions);
    return status;
}

/* ---- the whole ---- */

static void all_done_stop(void *ctx)
{
    struct work *w = ctx;

    for (size_t i = 0; i < w->worker_count; i++) {
        if (w->workers[i].thread)
            uv_thread_finish(w->workers[i].thread);
    }
    perf_stop(&w->meter);
}

static int load_run(struct work *w, const struct perf_config *perf)
{
    struct uv_thread *joiner;

    if (perf_clients_signals(&w->clients, w->inv, &w->meter) != CLI_OK)
        return CLI_FAILED;
    perf_meter_begin(&w->meter, perf);
    for (size_t i = 0; i < w->worker_count; i++) {
        if (uv_thread_run(&w->workers[i].thread, "worker", worker_run, &w->workers[i]) != OK)
            perf_stop(&w->meter);
    }
    if (uv_thread_run(&joiner, "joiner", all_done_stop, w) != OK) {
        perf_stop(&w->meter);
        all_done_stop(w);
        return client_failed(w->inv, "cannot start a thread", pulsar_result_UnknownError);
    }
    perf_meter_watch(&w->meter, perf);
    uv_thread_finish(joiner);
    perf_meter_finish(&w->meter);
    const bool failed = atomic_load(&w->open_failed) + atomic_load(&w->end_failed) + atomic_load(&w->sends.failed) +
                            atomic_load(&w->acks.failed) >
                        0;
    return failed ? CLI_FAILED : CLI_OK;
}

static int work_open(struct work *w, const struct perf_config *perf, const struct client_config *client)
{
    int status = names_gather(w);

    if (status == CLI_OK && (!gauge_init(&w->sends) || !gauge_init(&w->acks)))
        status = client_failed(w->inv, "cannot begin", pulsar_result_MemoryBufferIsFull);
    if (status == CLI_OK)
        status = perf_partitions_make(w->inv, client, w->produce.names, w->produce.count, w->config->partitions);
    if (status == CLI_OK)
        status = perf_clients_open(&w->clients, w->inv, perf, client);
    if (status == CLI_OK)
        status = coordinator_open(w);
    return status == CLI_OK ? workers_open(w) : status;
}

static void work_close(struct work *w)
{
    for (size_t i = 0; i < w->worker_count; i++)
        worker_close(&w->workers[i]);
    free(w->workers);
    client_coordinator_close(w->coordinator);
    perf_clients_close(&w->clients);
    perf_topics_free(&w->consume);
    perf_topics_free(&w->produce);
    perf_topics_free(&w->subscriptions);
    perf_topics_free(&w->consume_partitions);
    perf_topics_free(&w->produce_partitions);
    gauge_deinit(&w->sends);
    gauge_deinit(&w->acks);
    perf_meter_deinit(&w->meter);
}

static int transactions_run(struct work *w, const struct client_config *client)
{
    const struct perf_config perf = {.duration_s = w->config->duration_s,
                                     .interval_s = w->config->interval_s,
                                     .connections = w->config->connections};
    int status = perf_meter_init(&w->meter, PERF_TRANSACTION, w->inv, &perf);

    w->meter.print = on_print;
    memset(w->payload, 'a', sizeof w->payload);
    if (status == CLI_OK)
        status = work_open(w, &perf, client);
    if (status == CLI_OK)
        status = load_run(w, &perf);
    work_close(w);
    return status;
}

static int transaction_verb_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct transaction_config config = {0};
    struct client_config client = {0};
    void *const values[VERB_TABLES_MAX] = {&config, &client};
    struct work w = {.inv = inv, .config = &config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK)
        status = transactions_run(&w, &client);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb perf_transaction_verb = {
    .name = "transaction",
    .text = "Runs transactions that receive and send, and tells how long their parts took.",
    .example = "  geminga perf transaction --topics-c from --topics-p to -ntxn 1000\n",
    .tables = {VERB_TABLE(transaction_rows), &client_option_table},
    .foreign = &pulsar_perf_transaction_keys,
    .run = transaction_verb_run,
};
