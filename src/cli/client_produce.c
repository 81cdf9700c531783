/* SPDX-License-Identifier: Apache-2.0
 *
 * client_produce.c - `geminga client produce`: sends texts or files, each a message.
 *
 * Messages are sent without waiting for one another, so that batching does its work; success is all receipts.
 */
#include "cli/client.h"
#include "pulsar/c/producer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX   (64u * 1024 * 1024)
#define BODIES_MAX 100000

struct produce_config {
    char *messages, *files, *separator;
    char *key, *properties, *rate;
    int64_t times;
    bool chunking, disable_batching, disable_replication;
};

#define AT(member) .offset = offsetof(struct produce_config, member)

static const struct option produce_options[] = {
    {.key = "produce.messages",
     .flag = "-m|--messages",
     .type = OPTION_TEXT,
     AT(messages),
     .text = "The messages, separated by commas; this or --files must be given."},
    {.key = "produce.files",
     .flag = "-f|--files",
     .type = OPTION_TEXT,
     AT(files),
     .text = "Files, separated by commas, whose contents are messages."},
    {.key = "produce.separator",
     .flag = "-s|--separator",
     .type = OPTION_TEXT,
     .fallback = ",",
     AT(separator),
     .text = "What separates the messages of --messages."},
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
     .type = OPTION_TEXT,
     AT(properties),
     .text = "Properties of each message: k1=v1,k2=v2."},
    {.key = "produce.disable_batching",
     .flag = "-db|--disable-batching",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(disable_batching),
     .text = "Sends each message by itself."},
    {.key = "produce.chunking",
     .flag = "-c|--chunking",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(chunking),
     .text = "Splits messages that are too large."},
    {.key = "produce.disable_replication",
     .flag = "-dr|--disable-replication",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(disable_replication),
     .text = "Keeps the messages in this cluster."},
};

/* The contents to send, `times` over. */
struct bodies {
    struct bytes *items;
    size_t count;
    char *text;      /* what the items out of --messages point into */
    size_t borrowed; /* how many these are; the rest are files, to be freed */
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

/* ---- contents ---- */

static bool body_add(struct bodies *b, struct bytes body)
{
    if (b->count >= BODIES_MAX)
        return false;
    if ((b->count & (b->count - 1)) == 0) { /* a power of two: full */
        struct bytes *grown = realloc(b->items, (b->count ? 2 * b->count : 1) * sizeof *grown);
        if (!grown)
            return false;
        b->items = grown;
    }
    b->items[b->count++] = body;
    return true;
}

static bool messages_split(struct bodies *b, const char *messages, const char *separator)
{
    size_t step = strlen(separator);

    if (!(b->text = strdup(messages)))
        return false;
    for (char *at = b->text;;) {
        char *end = step > 0 ? strstr(at, separator) : NULL;
        if (!body_add(b, bytes_of(at, end ? (size_t)(end - at) : strlen(at))))
            return false;
        b->borrowed = b->count;
        if (!end)
            return true;
        at = end + step;
    }
}

static int file_add(struct producing *p, const char *path)
{
    struct bytes body;
    enum err err = cli_file_read(path, FILE_MAX, &body);

    if (err == OK && !body_add(&p->bodies, body)) {
        free((void *)(uintptr_t)body.data);
        err = ERR_NOMEM;
    }
    if (err != OK)
        cli_error(p->inv, "cannot read %s: %s", path, err_text(err));
    return err == OK ? CLI_OK : CLI_FAILED;
}

static int files_add(struct producing *p)
{
    char *names = strdup(p->config->files), *rest = names, *path;
    int status = names ? CLI_OK : CLI_FAILED;

    while (status == CLI_OK && (path = strsep(&rest, ",")))
        status = file_add(p, path);
    free(names);
    return status;
}

static int bodies_gather(struct producing *p)
{
    const struct produce_config *c = p->config;

    if (!c->messages && !c->files)
        return cli_usage_error(p->inv, "what to send? Give --messages or --files");
    if (c->messages && !messages_split(&p->bodies, c->messages, c->separator)) {
        cli_error(p->inv, "too many messages at once");
        return CLI_FAILED;
    }
    return c->files ? files_add(p) : CLI_OK;
}

static void bodies_free(struct bodies *b)
{
    for (size_t i = b->borrowed; i < b->count; i++)
        free((void *)(uintptr_t)b->items[i].data);
    free(b->items);
    free(b->text);
}

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
    if (c->properties && !properties_set(c->properties, message)) {
        pulsar_message_free(message);
        return cli_usage_error(p->inv, "--properties expects k1=v1,k2=v2, not `%s`", c->properties);
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
    pulsar_producer_configuration_set_batching_enabled(conf, !p->config->disable_batching && !p->config->chunking);
    pulsar_producer_configuration_set_chunking_enabled(conf, p->config->chunking);
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
        status = bodies_gather(&p);
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
    .arguments = "TOPIC -m MESSAGES | -f FILES",
    .text = "Sends messages to a topic.",
    .example = "  geminga client produce my-topic -m 'first,second' -k my-key\n",
    .tables = {VERB_TABLE(produce_options), &client_option_table},
    .run = produce_run,
};
