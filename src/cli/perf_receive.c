/* SPDX-License-Identifier: Apache-2.0
 *
 * perf_receive.c - `geminga perf consume` and `geminga perf read`: take messages as they come, and measure from when
 * their producers say that they were published to their coming here.
 *
 * Messages come to listeners, on the clients' listener threads; with a rate those wait.  The publish time is the
 * producer's clock, in whole milliseconds: of two machines, their clocks' difference is in it.
 */
#include "cli/perf.h"
#include "cli/pulsar_keys.h"
#include "pulsar/c/consumer.h"
#include "pulsar/c/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Of both verbs: what one has no option for is not looked at. */
struct receive_config {
    char *rate;
    int64_t queue_size, messages;
    /* consume */
    char **subscriptions;
    char *type, *position;
    int64_t subscription_count, consumers, queue_across, ack_delay_ms, chunked_max;
    bool batch_index_ack, ack_chunked;
    /* read */
    char *start;
};

#define AT(member) .offset = offsetof(struct receive_config, member)

static const struct option receive_rows[] = {
    {.key = "receive.rate",
     .flag = "-r|--rate",
     .type = OPTION_TEXT,
     .fallback = "0",
     AT(rate),
     .text = "Messages a second, of each connection; 0: as fast as possible."},
    {.key = "receive.queue_size",
     .flag = "-q|--receiver-queue-size",
     .type = OPTION_INTEGER,
     .fallback = "1000",
     .max = 10000000,
     AT(queue_size),
     .text = "Messages that the broker may send ahead."},
};
static const struct option_table receive_table = OPTION_TABLE(receive_rows);

static const struct option consume_rows[] = {
    {.key = "consume.messages",
     .flag = "-m|--num-messages",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(messages),
     .text = "Messages in all; 0: without end."},
    {.key = "consume.subscriptions",
     .flag = "-ss|--subscriptions",
     .type = OPTION_TEXTS,
     AT(subscriptions),
     .text = "The subscriptions' names, with commas between, or said again; sub."},
    {.key = "consume.subscription_count",
     .flag = "-ns|--num-subscriptions",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 100000,
     AT(subscription_count),
     .text = "How many subscriptions; with one name, its numbers are put behind it: NAME-0, NAME-1, and so on."},
    {.key = "consume.consumers",
     .flag = "-n|--num-consumers",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 100000,
     AT(consumers),
     .text = "Consumers of each subscription."},
    {.key = "consume.type",
     .flag = "-st|--subscription-type",
     .type = OPTION_CHOICE,
     .fallback = "Exclusive",
     .choices = client_subscription_types,
     AT(type),
     .text = "How consumers share a subscription."},
    {.key = "consume.position",
     .flag = "-sp|--subscription-position",
     .type = OPTION_CHOICE,
     .fallback = "Latest",
     .choices = client_subscription_positions,
     AT(position),
     .text = "Where a new subscription begins."},
    {.key = "consume.queue_across",
     .flag = "-p|--receiver-queue-size-across-partitions",
     .type = OPTION_INTEGER,
     .fallback = "50000",
     .max = 10000000,
     AT(queue_across),
     .text = "Messages that may be sent ahead from all partitions together."},
    {.key = "consume.ack_delay",
     .flag = "--acks-delay-millis",
     .type = OPTION_INTEGER,
     .fallback = "100",
     .max = INT32_MAX,
     AT(ack_delay_ms),
     .text = "Milliseconds for which acknowledgements are gathered."},
    {.key = "consume.batch_index_ack",
     .flag = "--batch-index-ack",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(batch_index_ack),
     .text = "Acknowledges single messages of a batch."},
    {.key = "consume.chunked_max",
     .flag = "-mc|--max_chunked_msg",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 1000000,
     AT(chunked_max),
     .text = "Messages that may be there in part, in chunks; 0: as many as the library has by default."},
    {.key = "consume.ack_chunked",
     .flag = "-ac|--auto_ack_chunk_q_full",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(ack_chunked),
     .text = "Acknowledges the oldest of them when there are too many."},
};

static const struct option read_rows[] = {
    {.key = "read.start",
     .flag = "-m|--start-message-id",
     .type = OPTION_TEXT,
     .fallback = "earliest",
     AT(start),
     .text = "Where to begin: earliest, latest, or behind LEDGER:ENTRY."},
    {.key = "read.messages",
     .flag = "-n|--num-messages",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(messages),
     .text = "Messages in all; 0: without end."},
};

/* ---- what comes ---- */

/* One for each client, so that its listener thread has it for itself. */
struct receiver {
    struct receiving *r;
    struct pace pace;
};

struct receiving {
    const struct receive_kind *kind;
    const struct invocation *inv;
    const struct receive_config *config;
    struct perf_meter meter;
    struct perf_topics topics;
    struct perf_clients clients;
    struct receiver *receivers; /* of the clients */
    uint64_t wanted;            /* messages */
    atomic_uint_fast64_t taken;
    void **open; /* consumers or readers */
    size_t open_count;
};

/* What the two verbs do differently. */
struct receive_kind {
    enum perf_kind kind;
    int (*open)(struct receiving *r); /* all of them; everything said */
    void (*close)(void *it);
};

/* False: enough came. */
static bool message_count(struct receiver *receiver, pulsar_message_t *message)
{
    struct receiving *r = receiver->r;
    struct timespec now;

    if (atomic_fetch_add(&r->taken, 1) >= r->wanted) {
        perf_stop(&r->meter);
        return false;
    }
    pace_wait(&receiver->pace);
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    const int64_t took_ms = now_ms - (int64_t)pulsar_message_get_publish_timestamp(message);
    histogram_record(r->meter.now, took_ms > 0 ? (uint64_t)took_ms : 0);
    atomic_fetch_add(&r->meter.bytes, pulsar_message_get_length(message));
    if (atomic_fetch_add(&r->meter.messages, 1) + 1 == r->wanted)
        perf_stop(&r->meter);
    return true;
}

static void on_acknowledged(pulsar_result result, void *ctx)
{
    struct perf_meter *m = ctx;

    atomic_fetch_add(result == pulsar_result_Ok ? &m->acks : &m->ack_failures, 1);
}

static void on_message(pulsar_consumer_t *consumer, pulsar_message_t *message, void *ctx)
{
    struct receiver *receiver = ctx;

    if (message_count(receiver, message))
        pulsar_consumer_acknowledge_async(consumer, message, on_acknowledged, &receiver->r->meter);
    pulsar_message_free(message);
}

static void on_read(pulsar_reader_t *reader, pulsar_message_t *message, void *ctx)
{
    (void)message_count(ctx, message);
    pulsar_message_free(message);
}

/* ---- what both do ---- */

/* Topics, clients, and a receiver for each of those. */
static int receiving_open(struct receiving *r, const struct perf_config *config, const struct client_config *client)
{
    int status = perf_topics_gather(&r->topics, r->inv, config);
    struct pace pace;

    if (status == CLI_OK && !pace_init(&pace, r->config->rate))
        status = cli_usage_error(r->inv, "--rate expects messages a second, not `%s`", r->config->rate);
    if (status == CLI_OK)
        status = perf_clients_open(&r->clients, r->inv, config, client);
    if (status != CLI_OK)
        return status;
    if (!(r->receivers = calloc(r->clients.count, sizeof *r->receivers)))
        return client_failed(r->inv, "cannot receive", pulsar_result_MemoryBufferIsFull);
    for (size_t i = 0; i < r->clients.count; i++)
        r->receivers[i] = (struct receiver){.r = r, .pace = pace};
    return CLI_OK;
}

/* Room for `count` of them. */
static int room_make(struct receiving *r, size_t count)
{
    if ((r->open = calloc(count, sizeof *r->open)))
        return CLI_OK;
    return client_failed(r->inv, "cannot receive", pulsar_result_MemoryBufferIsFull);
}

static void receiving_close(struct receiving *r)
{
    perf_clients_close(&r->clients);
    perf_topics_free(&r->topics);
    free(r->receivers);
    free(r->open);
    perf_meter_deinit(&r->meter);
}

/* One of the topics' clients, in turn. */
static size_t client_next(const struct receiving *r)
{
    return r->open_count % r->clients.count;
}

/* Keeps what was opened, or says why it was not. */
static int opened(struct receiving *r, const char *topic, pulsar_result result, void *it)
{
    if (result != pulsar_result_Ok)
        return client_failed(r->inv, topic, result);
    r->open[r->open_count++] = it;
    return CLI_OK;
}

static int receive(struct receiving *r, const struct perf_config *perf, const struct client_config *client)
{
    int status = perf_meter_init(&r->meter, r->kind->kind, r->inv, perf);

    r->wanted = r->config->messages > 0 ? (uint64_t)r->config->messages : UINT64_MAX;
    perf_meter_begin(&r->meter, perf);
    if (status == CLI_OK)
        status = receiving_open(r, perf, client);
    if (status == CLI_OK)
        status = r->kind->open(r);
    if (status == CLI_OK)
        status = perf_clients_signals(&r->clients, r->inv, &r->meter);
    if (status == CLI_OK)
        perf_meter_watch(&r->meter, perf);
    for (size_t i = 0; i < r->open_count; i++)
        r->kind->close(r->open[i]);
    if (status == CLI_OK)
        perf_meter_finish(&r->meter);
    receiving_close(r);
    return status;
}

static int receive_run(struct invocation *inv, const struct receive_kind *kind)
{
    struct options sets[VERB_TABLES_MAX];
    struct receive_config config = {0};
    struct perf_config perf = {0};
    struct client_config client = {0};
    void *const values[VERB_TABLES_MAX] = {&config, &config, &perf, &client};
    struct receiving r = {.kind = kind, .inv = inv, .config = &config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK)
        status = receive(&r, &perf, &client);
    cli_deconfigure(inv, sets);
    return status;
}

/* ---- consume ---- */

static void consumer_configure(const struct receive_config *config, struct receiver *receiver,
                               pulsar_consumer_configuration_t *conf)
{
    client_subscription_set(conf, config->type, config->position);
    pulsar_consumer_configuration_set_message_listener(conf, on_message, receiver);
    pulsar_consumer_configuration_set_receiver_queue_size(conf, (int)config->queue_size);
    pulsar_consumer_set_max_total_receiver_queue_size_across_partitions(conf, (int)config->queue_across);
    pulsar_configure_set_ack_grouping_time_ms(conf, (long)config->ack_delay_ms);
    pulsar_consumer_configuration_set_batch_index_ack_enabled(conf, config->batch_index_ack);
    if (config->chunked_max > 0)
        pulsar_consumer_configuration_set_max_pending_chunked_message(conf, (int)config->chunked_max);
    pulsar_consumer_configuration_set_auto_ack_oldest_chunked_message_on_queue_full(conf, config->ack_chunked);
}

static int consumer_open(struct receiving *r, const char *topic, const char *subscription)
{
    const size_t client = client_next(r);
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();
    pulsar_consumer_t *consumer;

    if (!conf)
        return client_failed(r->inv, "cannot consume", pulsar_result_MemoryBufferIsFull);
    consumer_configure(r->config, &r->receivers[client], conf);
    pulsar_result result = pulsar_client_subscribe(r->clients.at[client], topic, subscription, conf, &consumer);
    pulsar_consumer_configuration_free(conf);
    return opened(r, topic, result, consumer);
}

static int subscription_open(struct receiving *r, const char *topic, const char *name)
{
    int status = CLI_OK;

    for (int64_t i = 0; i < r->config->consumers && status == CLI_OK; i++)
        status = consumer_open(r, topic, name);
    return status;
}

static int consumers_open(struct receiving *r)
{
    struct perf_topics names;
    int status = perf_names_gather(&names, r->inv, r->config->subscriptions, "sub", r->config->subscription_count,
                                   "--num-subscriptions");

    if (status == CLI_OK)
        status = room_make(r, r->topics.count * names.count * (size_t)r->config->consumers);
    for (size_t t = 0; t < r->topics.count && status == CLI_OK; t++) {
        for (size_t i = 0; i < names.count && status == CLI_OK; i++)
            status = subscription_open(r, r->topics.names[t], names.names[i]);
    }
    perf_topics_free(&names);
    return status;
}

/* What was acknowledged goes out first. */
static void consumer_close(void *it)
{
    (void)pulsar_consumer_close(it);
    pulsar_consumer_free(it);
}

static int consume_run(struct invocation *inv)
{
    static const struct receive_kind kind = {PERF_CONSUME, consumers_open, consumer_close};

    return receive_run(inv, &kind);
}

const struct verb perf_consume_verb = {
    .name = "consume",
    .on_topic = true,
    .arguments = "TOPIC...",
    .text = "Receives and acknowledges messages, and tells how long they were under way.",
    .example = "  geminga perf consume my-topic -ss my-subscription -time 30\n",
    .tables = {VERB_TABLE(consume_rows), &receive_table, &perf_table, &client_option_table},
    .foreign = &pulsar_perf_consume_keys,
    .run = consume_run,
};

/* ---- read ---- */

static int reader_open(struct receiving *r, const char *topic, const pulsar_message_id_t *start)
{
    const size_t client = client_next(r);
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();
    pulsar_reader_t *reader;

    if (!conf)
        return client_failed(r->inv, "cannot read", pulsar_result_MemoryBufferIsFull);
    pulsar_reader_configuration_set_receiver_queue_size(conf, (int)r->config->queue_size);
    pulsar_reader_configuration_set_reader_listener(conf, on_read, &r->receivers[client]);
    pulsar_result result = pulsar_client_create_reader(r->clients.at[client], topic, start, conf, &reader);
    pulsar_reader_configuration_free(conf);
    return opened(r, topic, result, reader);
}

static int readers_open(struct receiving *r)
{
    pulsar_message_id_t *owned = NULL;
    const pulsar_message_id_t *start = client_start(r->config->start, false, &owned);

    if (!start)
        return cli_usage_error(r->inv, "--start-message-id expects earliest, latest or LEDGER:ENTRY, not `%s`",
                               r->config->start);
    int status = room_make(r, r->topics.count);
    for (size_t t = 0; t < r->topics.count && status == CLI_OK; t++)
        status = reader_open(r, r->topics.names[t], start);
    if (owned)
        pulsar_message_id_free(owned);
    return status;
}

static void reader_close(void *it)
{
    (void)pulsar_reader_close(it);
    pulsar_reader_free(it);
}

static int read_run(struct invocation *inv)
{
    static const struct receive_kind kind = {PERF_READ, readers_open, reader_close};

    return receive_run(inv, &kind);
}

const struct verb perf_read_verb = {
    .name = "read",
    .on_topic = true,
    .arguments = "TOPIC...",
    .text = "Reads topics from a place on, without a subscription, and tells how long messages were under way.",
    .example = "  geminga perf read my-topic -m earliest -n 100000\n",
    .tables = {VERB_TABLE(read_rows), &receive_table, &perf_table, &client_option_table},
    .foreign = &pulsar_perf_read_keys,
    .run = read_run,
};
