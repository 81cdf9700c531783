/* SPDX-License-Identifier: Apache-2.0
 *
 * client_produce.c - `geminga client produce`: sends texts or files, each a message.
 *
 * Messages are sent without waiting for one another, so that batching does its work; success is all receipts.
 */
#include "cli/client.h"
#include "cli/client_bodies.h"
#include "cli/pulsar_keys.h"
#include "pulsar/c/producer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct produce_config {
    struct bodies_config bodies;
    char **properties;
    char *key, *rate;
    int64_t times;
    bool disable_batching, disable_replication;
};

#define AT(member) .offset = offsetof(struct produce_config, member)

static const struct option produce_options[] = {
    {.key = "produce.messages",
     .flag = "-m|--messages",
     .type = OPTION_TEXTS,
     AT(bodies.messages),
     .text = "A message, or several with commas between; may be said again; this or --files must be given."},
    {.key = "produce.files",
     .flag = "-f|--files",
     .type = OPTION_TEXTS,
     AT(bodies.files),
     .text = "A file, or several with commas between, whose contents are messages; may be said again."},
    {.key = "produce.separator",
     .flag = "-s|--separator",
     .type = OPTION_TEXT,
     .fallback = ",",
     AT(bodies.separator),
     .text = "What separates the messages of one --messages."},
    {.key = "produce.times",
     .flag = "-n|--num-produce",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .min = 1,
     .max = 1000000000,
     AT(times),
     .text = "How many times to send them all."},
    {.key = "produce.rate",
     .flag = "-r|--rate",
     .type = OPTION_TEXT,
     .fallback = "0",
     AT(rate),
     .text = "Messages a second; 0: as fast as possible."},
    {.key = "produce.key", .flag = "-k|--key", .type = OPTION_TEXT, AT(key), .text = "The messages' key."},
    {.key = "produce.properties",
     .flag = "-p|--properties",
     .type = OPTION_TEXTS,
     AT(properties),
     .text = "Properties of each message: k1=v1,k2=v2; may be said again."},
    {.key = "produce.value_schema",
     .flag = "-vs|--value-schema",
     .type = OPTION_TEXT,
     .fallback = "bytes",
     AT(bodies.schema),
     .text = "What the messages are: bytes, string, json:DEFINITION, or avro:DEFINITION (the messages are in JSON)."},
    {.key = "produce.disable_batching",
     .flag = "-db|--disable-batching",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(disable_batching),
     .text = "Sends each message by itself."},
    {.key = "produce.disable_replication",
     .flag = "-dr|--disable-replication",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(disable_replication),
     .text = "Keeps the messages in this cluster."},
};

struct producing {
    const struct invocation *inv;
    const struct produce_config *config;
    pulsar_producer_t *producer;
    struct bodies bodies;
    struct pace pace;
    int64_t sent;
    atomic_int_fast64_t received; /* receipts */
    atomic_int failure;           /* the first refusal: a pulsar_result; 0: none */
};

/* ---- sending ---- */

/* On the client's thread. */
static void on_receipt(pulsar_result result, pulsar_message_id_t *id, void *ctx)
{
    struct producing *p = ctx;
    int none = 0;

    if (id)
        pulsar_message_id_free(id);
    if (result == pulsar_result_Ok)
        atomic_fetch_add(&p->received, 1);
    else
        atomic_compare_exchange_strong(&p->failure, &none, (int)result);
}

/* "k1=v1,k2=v2"; false: a pair without its sign. */
static bool properties_set(const char *properties, pulsar_message_t *message)
{
    char *copy = strdup(properties), *rest = copy, *pair;
    bool good = copy != NULL;

    while (good && (pair = strsep(&rest, ","))) {
        char *sign = strchr(pair, '=');
        good = sign != NULL;
        if (!good)
            break;
        *sign = '\0';
        pulsar_message_set_property(message, pair, sign + 1);
    }
    free(copy);
    return good;
}

static int message_send(struct producing *p, struct bytes body)
{
    const struct produce_config *c = p->config;
    pulsar_message_t *message = pulsar_message_create();

    if (!message)
        return client_failed(p->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    for (char **properties = c->properties; properties && *properties; properties++) {
        if (properties_set(*properties, message))
            continue;
        pulsar_message_free(message);
        return cli_usage_error(p->inv, "--properties expects k1=v1,k2=v2, not `%s`", *properties);
    }
    pulsar_message_set_content(message, body.data, body.len);
    if (c->key && *c->key)
        pulsar_message_set_partition_key(message, c->key);
    if (c->disable_replication)
        pulsar_message_disable_replication(message, 1);
    pace_wait(&p->pace);
    pulsar_producer_send_async(p->producer, message, on_receipt, p);
    pulsar_message_free(message);
    p->sent++;
    return CLI_OK;
}

static int all_send(struct producing *p)
{
    for (int64_t i = 0; i < p->config->times; i++) {
        for (size_t k = 0; k < p->bodies.count; k++) {
            if (client_interrupted() || atomic_load(&p->failure) != 0)
                return CLI_OK; /* the receipts tell */
            int status = message_send(p, p->bodies.items[k]);
            if (status != CLI_OK)
                return status;
        }
    }
    return CLI_OK;
}

static int produce_with(struct producing *p, pulsar_client_t *client, const char *topic)
{
    pulsar_producer_configuration_t *conf = pulsar_producer_configuration_create();

    if (!conf)
        return client_failed(p->inv, "cannot send", pulsar_result_MemoryBufferIsFull);
    pulsar_producer_configuration_set_block_if_queue_full(conf, 1);
    pulsar_producer_configuration_set_batching_enabled(conf, !p->config->disable_batching);
    bodies_schema_set(&p->bodies, conf);
    pulsar_result result = pulsar_client_create_producer(client, topic, conf, &p->producer);
    pulsar_producer_configuration_free(conf);
    if (result != pulsar_result_Ok)
        return client_failed(p->inv, "cannot produce to this topic", result);

    int status = all_send(p);
    (void)pulsar_producer_close(p->producer); /* waits for the receipts; no callback runs after it */
    pulsar_producer_free(p->producer);
    int failure = atomic_load(&p->failure);
    int64_t received = atomic_load(&p->received);
    client_progress("%" PRId64 " messages successfully produced\n", received);
    if (status == CLI_OK && failure != 0)
        return client_failed(p->inv, "a message was not taken", (pulsar_result)failure);
    if (status == CLI_OK && received < p->config->times * (int64_t)p->bodies.count) {
        cli_error(p->inv, "interrupted after %" PRId64 " messages", received);
        return CLI_FAILED;
    }
    return status;
}

static int produce(struct invocation *inv, const struct produce_config *config,
                   const struct client_config *client_config)
{
    struct producing p = {.inv = inv, .config = config};
    const char *topic = client_topic(inv);
    pulsar_client_t *client = NULL;

    int status = topic ? CLI_OK : CLI_USAGE;
    if (status == CLI_OK && !pace_init(&p.pace, config->rate))
        status = cli_usage_error(inv, "--rate expects messages a second, not `%s`", config->rate);
    if (status == CLI_OK)
        status = bodies_gather(&p.bodies, inv, &config->bodies);
    if (status == CLI_OK && !(client = client_open(inv, client_config)))
        status = CLI_FAILED;
    if (status == CLI_OK) {
        client_signals();
        status = produce_with(&p, client, topic);
    }
    client_shut(client);
    bodies_free(&p.bodies);
    return status;
}

static int produce_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct produce_config config = {0};
    struct client_config client_config = {0};
    void *const values[VERB_TABLES_MAX] = {&config, &client_config};
    int status = cli_configure(inv, sets, values);

    if (status == CLI_OK)
        status = produce(inv, &config, &client_config);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb client_produce_verb = {
    .name = "produce",
    .on_topic = true,
    .arguments = "TOPIC -m MESSAGES | -f FILES",
    .text = "Sends messages to a topic.",
    .example = "  geminga client produce my-topic -m 'first,second' -k my-key\n",
    .tables = {VERB_TABLE(produce_options), &client_option_table},
    .foreign = &pulsar_produce_keys,
    .run = produce_run,
};
