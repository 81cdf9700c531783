/* SPDX-License-Identifier: Apache-2.0
 *
 * client_receive.c - `geminga client consume` and `geminga client read`: print what arrives.
 *
 * A consumer leaves its subscription behind, and acknowledges what was printed; a reader leaves nothing.  The rest,
 * a loop of receiving and printing, is one.
 */
#include "base/timestamp.h"
#include "cli/client.h"
#include "cli/client_print.h"
#include "cli/pulsar_keys.h"
#include "cli/relative_time.h"
#include "pulsar/c/consumer.h"
#include "pulsar/c/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PRINT_MAX  (512u * 1024 * 1024)
#define LOOK_UP_MS 200 /* how long a signal may wait for us to see it */

/* ---- options ---- */

struct receive_config {
    int64_t count, queue_size;
    char *rate, *schema;
    char *seek_time, *since;
    bool hex, hide_content, metadata;
};

struct consume_config {
    char *subscription, *type, *mode, *position;
    int64_t start_ms, end_ms;
};

struct read_config {
    char *start;
    bool inclusive;
};

#define AT(type, member) .offset = offsetof(struct type, member)

static const char *const schemas[] = {"bytes", "auto_consume", NULL};

static const struct option receive_options[] = {
    {.key = "receive.count",
     .flag = "-n|--num-messages",
     .type = OPTION_INTEGER,
     .fallback = "1",
     .max = INT64_MAX,
     AT(receive_config, count),
     .text = "How many messages to receive; 0: until Ctrl-C."},
    {.key = "receive.queue_size",
     .flag = "-q|--queue-size",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = 1000000,
     AT(receive_config, queue_size),
     .text = "How many messages the broker may send ahead; 0: 1000."},
    {.key = "receive.rate",
     .flag = "-r|--rate",
     .type = OPTION_TEXT,
     .fallback = "0",
     AT(receive_config, rate),
     .text = "Messages a second; 0: as fast as possible."},
    {.key = "receive.hex",
     .flag = "--hex",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(receive_config, hex),
     .text = "Shows contents in hexadecimal."},
    {.key = "receive.hide_content",
     .flag = "--hide-content",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(receive_config, hide_content),
     .text = "Only counts."},
    {.key = "receive.metadata",
     .flag = "-mp|--print-metadata",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(receive_config, metadata),
     .text = "Shows message id, producer and redeliveries, too."},
    {.key = "receive.schema",
     .flag = "-st|--schema-type",
     .type = OPTION_CHOICE,
     .fallback = "bytes",
     .choices = schemas,
     AT(receive_config, schema),
     .text = "What contents are shown as: bytes."},
    {.key = "receive.seek_time",
     .flag = "--seek-time",
     .type = OPTION_TEXT,
     AT(receive_config, seek_time),
     .text = "Begins with the first message published at this time: 2026-01-31T12:00:00Z, or milliseconds since 1970."},
    {.key = "receive.since",
     .flag = "--since",
     .type = OPTION_TEXT,
     AT(receive_config, since),
     .text = "The same, so long ago: 30s, 5m, 1h, 3d."},
};

static const char *const modes[] = {"Durable", "NonDurable", NULL};

static const struct option consume_options[] = {
    {.key = "consume.subscription",
     .flag = "-s|--subscription-name",
     .type = OPTION_TEXT,
     AT(consume_config, subscription),
     .text = "The subscription's name; must be given."},
    {.key = "consume.type",
     .flag = "-t|--subscription-type",
     .type = OPTION_CHOICE,
     .fallback = "Exclusive",
     .choices = client_subscription_types,
     AT(consume_config, type),
     .text = "How consumers share it."},
    {.key = "consume.mode",
     .flag = "-m|--subscription-mode",
     .type = OPTION_CHOICE,
     .fallback = "Durable",
     .choices = modes,
     AT(consume_config, mode),
     .text = "Whether it stays; `geminga client read` is the one that does not."},
    {.key = "consume.position",
     .flag = "-p|--subscription-position",
     .type = OPTION_CHOICE,
     .fallback = "Latest",
     .choices = client_subscription_positions,
     AT(consume_config, position),
     .text = "Where a new subscription begins."},
    {.key = "consume.start_timestamp",
     .flag = "-stp|--start-timestamp",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(consume_config, start_ms),
     .text = "Begins with the first message published at this time, in milliseconds since 1970; 0: where it is."},
    {.key = "consume.end_timestamp",
     .flag = "-etp|--end-timestamp",
     .type = OPTION_INTEGER,
     .fallback = "0",
     .max = INT64_MAX,
     AT(consume_config, end_ms),
     .text = "Ends at the first message published after this time, which stays unacknowledged; 0: it does not."},
};

static const struct option read_options[] = {
    {.key = "read.start",
     .flag = "-m|--start-message-id",
     .type = OPTION_TEXT,
     .fallback = "latest",
     AT(read_config, start),
     .text = "Where to begin: latest, earliest, or LEDGER:ENTRY."},
    {.key = "read.inclusive",
     .flag = "-i|--start-message-id-inclusive",
     .type = OPTION_BOOL,
     .fallback = "false",
     AT(read_config, inclusive),
     .text = "Begins with that message, not after it."},
};

/* ---- the loop ---- */

struct receiving {
    const struct invocation *inv;
    const struct receive_config *config;
    pulsar_consumer_t *consumer; /* one of the two */
    pulsar_reader_t *reader;
    struct pace pace;
    uint64_t start_ms; /* begins with what was published then; 0: wherever it is */
    uint64_t end_ms;   /* ends with the first published later; 0: does not */
    int64_t received;
};

static pulsar_result message_receive(struct receiving *r, pulsar_message_t **message)
{
    return r->consumer ? pulsar_consumer_receive_with_timeout(r->consumer, message, LOOK_UP_MS)
                       : pulsar_reader_read_next_with_timeout(r->reader, message, LOOK_UP_MS);
}

/* False: standard output takes no more. */
static bool message_show(struct receiving *r, pulsar_message_t *message)
{
    const struct print_options options = {.hex = r->config->hex, .metadata = r->config->metadata};
    struct text out;

    text_init(&out, PRINT_MAX);
    if (!r->config->hide_content)
        message_print(&out, message, &options);
    else if (r->received % 1000 == 0)
        text_printf(&out, "Received %" PRId64 " messages\n", r->received);
    bool good = !text_failed(&out);
    if (good && out.len > 0)
        good = fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    text_deinit(&out);
    return good;
}

/* Acknowledged only when it was shown. */
static int message_take(struct receiving *r, pulsar_message_t *message)
{
    r->received++;
    if (!message_show(r, message)) {
        cli_error(r->inv, "cannot write to standard output");
        return CLI_FAILED;
    }
    if (!r->consumer)
        return CLI_OK;
    pulsar_result result = pulsar_consumer_acknowledge(r->consumer, message);
    return result == pulsar_result_Ok ? CLI_OK : client_failed(r->inv, "cannot acknowledge", result);
}

static int receive_all(struct receiving *r)
{
    int status = CLI_OK;

    client_signals();
    while (status == CLI_OK && !client_interrupted() && (r->config->count == 0 || r->received < r->config->count)) {
        pulsar_message_t *message = NULL;
        pace_wait(&r->pace);
        pulsar_result result;
        do
            result = message_receive(r, &message);
        while (result == pulsar_result_Timeout && !client_interrupted());
        if (result == pulsar_result_Timeout)
            break;
        if (result != pulsar_result_Ok)
            return client_failed(r->inv, "cannot receive", result);
        bool over = r->end_ms > 0 && pulsar_message_get_publish_timestamp(message) > r->end_ms;
        if (!over)
            status = message_take(r, message);
        pulsar_message_free(message);
        if (over)
            break;
    }
    client_progress("%" PRId64 " messages successfully %s\n", r->received, r->consumer ? "consumed" : "read");
    return status;
}

/* ---- where to begin ---- */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "2026-01-31T12:00:00Z", or digits. */
static bool moment_parse(const char *text, int64_t *ms)
{
    char *end;

    if (timestamp_parse(text, ms))
        return *ms > 0;
    *ms = strtoll(text, &end, 10);
    return end != text && *end == '\0' && *ms > 0 && *ms < INT64_MAX;
}

/* At most one of them says so. */
static int start_choose(struct receiving *r, int64_t start_ms)
{
    const struct receive_config *c = r->config;
    int64_t span;

    if ((c->seek_time != NULL) + (c->since != NULL) + (start_ms > 0) > 1)
        return cli_usage_error(r->inv, "give one of --seek-time, --since and --start-timestamp");
    if (c->seek_time && !moment_parse(c->seek_time, &start_ms))
        return cli_usage_error(r->inv, "--seek-time expects 2026-01-31T12:00:00Z, or milliseconds since 1970, not `%s`",
                               c->seek_time);
    if (c->since) {
        if (!relative_time_parse(c->since, &span) || span <= 0 || span * 1000 >= now_ms())
            return cli_usage_error(r->inv, "--since expects a time such as 30s, 5m or 1h, not `%s`", c->since);
        start_ms = now_ms() - span * 1000;
    }
    r->start_ms = (uint64_t)start_ms;
    if (strcmp(c->schema, "auto_consume") == 0)
        return cli_usage_error(r->inv,
                               "--schema-type auto_consume: schemas are not decoded; contents are shown as bytes");
    return CLI_OK;
}

/* ---- consume ---- */

static int consume(struct receiving *r, pulsar_client_t *client, const char *topic, const struct consume_config *config)
{
    pulsar_consumer_configuration_t *conf = pulsar_consumer_configuration_create();

    if (!conf)
        return client_failed(r->inv, "cannot subscribe", pulsar_result_MemoryBufferIsFull);
    client_subscription_set(conf, config->type, config->position);
    if (r->config->queue_size > 0)
        pulsar_consumer_configuration_set_receiver_queue_size(conf, (int)r->config->queue_size);
    pulsar_result result = pulsar_client_subscribe(client, topic, config->subscription, conf, &r->consumer);
    pulsar_consumer_configuration_free(conf);
    if (result != pulsar_result_Ok)
        return client_failed(r->inv, "cannot subscribe", result);
    if (r->start_ms > 0)
        result = pulsar_consumer_seek_by_timestamp(r->consumer, r->start_ms);
    int status = result == pulsar_result_Ok ? receive_all(r) : client_failed(r->inv, "cannot seek", result);
    (void)pulsar_consumer_close(r->consumer); /* sends the acknowledgements that still wait */
    pulsar_consumer_free(r->consumer);
    return status;
}

static int consume_check(const struct invocation *inv, const struct consume_config *config)
{
    if (!config->subscription || !*config->subscription)
        return cli_usage_error(inv, "which subscription? Give --subscription-name");
    if (strcmp(config->mode, "NonDurable") == 0)
        return cli_usage_error(inv, "a subscription that does not stay is a reader: `geminga client read`");
    return CLI_OK;
}

static int consume_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct receive_config config = {0};
    struct consume_config own = {0};
    struct client_config client_config = {0};
    void *const values[VERB_TABLES_MAX] = {&own, &config, &client_config};
    struct receiving r = {.inv = inv, .config = &config};
    pulsar_client_t *client = NULL;
    const char *topic = NULL;

    int status = cli_configure(inv, sets, values);
    if (status == CLI_OK && !(topic = client_topic(inv)))
        status = CLI_USAGE;
    if (status == CLI_OK)
        status = consume_check(inv, &own);
    if (status == CLI_OK)
        status = start_choose(&r, own.start_ms);
    r.end_ms = (uint64_t)own.end_ms;
    if (status == CLI_OK && !pace_init(&r.pace, config.rate))
        status = cli_usage_error(inv, "--rate expects messages a second, not `%s`", config.rate);
    if (status == CLI_OK && !(client = client_open(inv, &client_config)))
        status = CLI_FAILED;
    if (status == CLI_OK)
        status = consume(&r, client, topic, &own);
    client_shut(client);
    cli_deconfigure(inv, sets);
    return status;
}

/* ---- read ---- */

static int read_topic(struct receiving *r, pulsar_client_t *client, const char *topic, const pulsar_message_id_t *start)
{
    pulsar_reader_configuration_t *conf = pulsar_reader_configuration_create();

    if (!conf)
        return client_failed(r->inv, "cannot read", pulsar_result_MemoryBufferIsFull);
    if (r->config->queue_size > 0)
        pulsar_reader_configuration_set_receiver_queue_size(conf, (int)r->config->queue_size);
    pulsar_result result = pulsar_client_create_reader(client, topic, start, conf, &r->reader);
    pulsar_reader_configuration_free(conf);
    if (result != pulsar_result_Ok)
        return client_failed(r->inv, "cannot read this topic", result);
    if (r->start_ms > 0)
        result = pulsar_reader_seek_by_timestamp(r->reader, r->start_ms);
    int status = result == pulsar_result_Ok ? receive_all(r) : client_failed(r->inv, "cannot seek", result);
    (void)pulsar_reader_close(r->reader);
    pulsar_reader_free(r->reader);
    return status;
}

static int read_from(struct receiving *r, const struct client_config *client_config, const char *topic,
                     const struct read_config *own)
{
    pulsar_message_id_t *made = NULL;
    const pulsar_message_id_t *start = client_start(own->start, own->inclusive, &made);

    if (!start)
        return cli_usage_error(r->inv, "--start-message-id expects latest, earliest or LEDGER:ENTRY, not `%s`",
                               own->start);

    pulsar_client_t *client = client_open(r->inv, client_config);
    int status = client ? read_topic(r, client, topic, start) : CLI_FAILED;
    client_shut(client);
    if (made)
        pulsar_message_id_free(made);
    return status;
}

static int read_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct receive_config config = {0};
    struct read_config own = {0};
    struct client_config client_config = {0};
    void *const values[VERB_TABLES_MAX] = {&own, &config, &client_config};
    struct receiving r = {.inv = inv, .config = &config};
    const char *topic = NULL;

    int status = cli_configure(inv, sets, values);
    if (status == CLI_OK && !(topic = client_topic(inv)))
        status = CLI_USAGE;
    if (status == CLI_OK && !pace_init(&r.pace, config.rate))
        status = cli_usage_error(inv, "--rate expects messages a second, not `%s`", config.rate);
    if (status == CLI_OK)
        status = start_choose(&r, 0);
    if (status == CLI_OK)
        status = read_from(&r, &client_config, topic, &own);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb client_consume_verb = {
    .name = "consume",
    .on_topic = true,
    .arguments = "TOPIC -s SUBSCRIPTION [-n N]",
    .text = "Receives, prints and acknowledges messages of a subscription.",
    .example = "  geminga client consume my-topic -s my-subscription -p Earliest -n 0\n",
    .tables = {VERB_TABLE(consume_options), VERB_TABLE(receive_options), &client_option_table},
    .foreign = &pulsar_consume_keys,
    .run = consume_run,
};

const struct verb client_read_verb = {
    .name = "read",
    .on_topic = true,
    .arguments = "TOPIC [-m START] [-n N]",
    .text = "Reads and prints messages of a topic, and leaves no trace.",
    .example = "  geminga client read my-topic -m earliest -n 0\n",
    .tables = {VERB_TABLE(read_options), VERB_TABLE(receive_options), &client_option_table},
    .foreign = &pulsar_read_keys,
    .run = read_run,
};
