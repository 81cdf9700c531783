/* SPDX-License-Identifier: Apache-2.0
 *
 * request.c - see request.h: the path, then one table of parameters for each kind.
 */
#include "services/websocket/request.h"

#include "base/base64.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 4096, PARTS_MAX = 64, BAD_REQUEST = 400, NO_MEMORY = 503 };

/* ---- parameters ---- */

/* A sentence in `wrong`; or false for "no memory", with nothing in it. */
struct parameter {
    const char *name;
    bool (*set)(struct ws_request *r, const char *value, char *wrong, size_t wrong_size);
};

static bool number_read(const char *value, long *out, char *wrong, size_t wrong_size)
{
    char *end;

    errno = 0;
    *out = strtol(value, &end, 10);
    if (errno == 0 && end != value && *end == '\0')
        return true;
    (void)snprintf(wrong, wrong_size, "For input string: \"%.100s\"", value);
    return false;
}

static bool is_true(const char *value)
{
    return strcasecmp(value, "true") == 0;
}

/* The place of the word in the list, which NULL ends. */
static bool word_read(const char *const *words, const char *value, const char *what, int *out, char *wrong,
                      size_t wrong_size)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], value) == 0) {
            *out = i;
            return true;
        }
    (void)snprintf(wrong, wrong_size, "Invalid %s %.100s", what, value);
    return false;
}

/* A parameter that takes a number: SETTER(configuration, (TYPE)number). */
#define NUMBER(function, configuration, setter, type)                                                                  \
    static bool function(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)                      \
    {                                                                                                                  \
        long number;                                                                                                   \
        if (!number_read(value, &number, wrong, wrong_size))                                                           \
            return false;                                                                                              \
        setter(r->configuration, (type)number);                                                                        \
        return true;                                                                                                   \
    }

static bool refuse_encryption(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    (void)snprintf(wrong, wrong_size, "encryption is not built");
    return false;
}

/* ---- of producers ---- */

NUMBER(set_send_timeout, producer, pulsar_producer_configuration_set_send_timeout, int)
NUMBER(set_batch_messages, producer, pulsar_producer_configuration_set_batching_max_messages, unsigned)
NUMBER(set_batch_delay, producer, pulsar_producer_configuration_set_batching_max_publish_delay_ms, unsigned long)
NUMBER(set_pending, producer, pulsar_producer_configuration_set_max_pending_messages, int)
NUMBER(set_first_sequence, producer, pulsar_producer_configuration_set_initial_sequence_id, int64_t)

static bool set_batching(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    pulsar_producer_configuration_set_batching_enabled(r->producer, is_true(value));
    return true;
}

static bool set_producer_name(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    pulsar_producer_configuration_set_producer_name(r->producer, value);
    return true;
}

static bool set_hashing(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    static const char *const words[] = {"JavaStringHash", "Murmur3_32Hash", NULL};
    static const pulsar_hashing_scheme schemes[] = {pulsar_JavaStringHash, pulsar_Murmur3_32Hash};
    int i;

    if (!word_read(words, value, "hashingScheme", &i, wrong, wrong_size))
        return false;
    pulsar_producer_configuration_set_hashing_scheme(r->producer, schemes[i]);
    return true;
}

/* CustomPartition stays what it was, as in Pulsar: there is nobody to choose. */
static bool set_routing(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    static const char *const words[] = {"SinglePartition", "RoundRobinPartition", "CustomPartition", NULL};
    static const pulsar_partitions_routing_mode modes[] = {pulsar_UseSinglePartition, pulsar_RoundRobinDistribution};
    int i;

    if (!word_read(words, value, "messageRoutingMode", &i, wrong, wrong_size))
        return false;
    if (i < 2)
        pulsar_producer_configuration_set_partitions_routing_mode(r->producer, modes[i]);
    return true;
}

static bool set_compression(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    static const char *const words[] = {"NONE", "LZ4", "ZLIB", "ZSTD", "SNAPPY", NULL}; /* in the enum's order */
    int i;

    if (!word_read(words, value, "compressionType", &i, wrong, wrong_size))
        return false;
    pulsar_producer_configuration_set_compression_type(r->producer, (pulsar_compression_type)i);
    return true;
}

static const struct parameter of_producers[] = {
    {"producerName", set_producer_name},   {"initialSequenceId", set_first_sequence},
    {"hashingScheme", set_hashing},        {"sendTimeoutMillis", set_send_timeout},
    {"batchingEnabled", set_batching},     {"batchingMaxMessages", set_batch_messages},
    {"maxPendingMessages", set_pending},   {"batchingMaxPublishDelay", set_batch_delay},
    {"messageRoutingMode", set_routing},   {"compressionType", set_compression},
    {"encryptionKeys", refuse_encryption}, {NULL},
};

/* ---- of consumers and readers ---- */

NUMBER(set_ack_timeout, consumer, pulsar_consumer_set_unacked_messages_timeout_ms, uint64_t)
NUMBER(set_nack_delay, consumer, pulsar_configure_set_negative_ack_redelivery_delay_ms, long)
NUMBER(set_priority, consumer, pulsar_consumer_configuration_set_priority_level, int)

static bool set_consumer_name(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    pulsar_consumer_set_consumer_name(r->consumer, value);
    return true;
}

static bool set_reader_name(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    pulsar_reader_configuration_set_reader_name(r->reader, value);
    return true;
}

static bool set_type(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    static const char *const words[] = {"Exclusive", "Shared", "Failover", "Key_Shared", NULL}; /* in its order */
    int i;

    if (!word_read(words, value, "subscriptionType", &i, wrong, wrong_size))
        return false;
    pulsar_consumer_configuration_set_consumer_type(r->consumer, (pulsar_consumer_type)i);
    return true;
}

static bool set_mode(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    static const char *const words[] = {"Durable", "NonDurable", NULL};
    int i;

    if (!word_read(words, value, "subscriptionMode", &i, wrong, wrong_size))
        return false;
    if (i == 1)
        (void)snprintf(wrong, wrong_size, "subscriptionMode NonDurable is not built: use a reader");
    return i == 0;
}

static bool set_position(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    static const char *const words[] = {"Latest", "Earliest", NULL}; /* in the enum's order */
    int i;

    if (!word_read(words, value, "subscriptionInitialPosition", &i, wrong, wrong_size))
        return false;
    pulsar_consumer_set_subscription_initial_position(r->consumer, (initial_position)i);
    return true;
}

static bool set_queue(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    long size;

    if (!number_read(value, &size, wrong, wrong_size))
        return false;
    if (size < 0) {
        (void)snprintf(wrong, wrong_size, "receiverQueueSize needs to be >= 0");
        return false;
    }
    size = size < WS_QUEUE_MAX ? size : WS_QUEUE_MAX;
    r->queue = size > 0 ? (unsigned)size : 1;
    if (r->consumer)
        pulsar_consumer_configuration_set_receiver_queue_size(r->consumer, (int)size);
    else
        pulsar_reader_configuration_set_receiver_queue_size(r->reader, (int)size);
    return true;
}

static bool set_pull(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    r->pull = is_true(value);
    return true;
}

static bool set_redeliveries(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    long number;

    if (!number_read(value, &number, wrong, wrong_size))
        return false;
    r->redeliveries_max = (int)number;
    return true;
}

static bool set_dead_letter_topic(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    r->dead_letter_topic = strdup(value);
    return r->dead_letter_topic != NULL;
}

static bool set_start(struct ws_request *r, const char *value, char *wrong, size_t wrong_size)
{
    uint8_t bytes[200];
    size_t len;

    if (*value == '\0' || strcmp(value, "latest") == 0)
        return true;
    if (strcmp(value, "earliest") == 0) {
        r->start = (pulsar_message_id_t *)(uintptr_t)pulsar_message_id_earliest(); /* is not freed by freeing it */
        return true;
    }
    if (base64_decode(bytes_of_text(value), bytes, sizeof bytes, &len) == OK &&
        (r->start = pulsar_message_id_deserialize(bytes, (uint32_t)len)))
        return true;
    (void)snprintf(wrong, wrong_size, "Invalid messageId %.100s", value);
    return false;
}

static const struct parameter of_consumers[] = {
    {"ackTimeoutMillis", set_ack_timeout},
    {"subscriptionType", set_type},
    {"subscriptionMode", set_mode},
    {"subscriptionInitialPosition", set_position},
    {"receiverQueueSize", set_queue},
    {"consumerName", set_consumer_name},
    {"priorityLevel", set_priority},
    {"negativeAckRedeliveryDelay", set_nack_delay},
    {"maxRedeliverCount", set_redeliveries},
    {"deadLetterTopic", set_dead_letter_topic},
    {"pullMode", set_pull},
    {"cryptoFailureAction", refuse_encryption},
    {NULL},
};

static const struct parameter of_readers[] = {
    {"messageId", set_start},
    {"readerName", set_reader_name},
    {"receiverQueueSize", set_queue},
    {"pullMode", set_pull},
    {"cryptoFailureAction", refuse_encryption},
    {NULL},
};

/* ---- all of them ---- */

static const struct web_parameter *parameter_find(const struct web_request *from, const char *name)
{
    for (size_t i = 0; i < from->parameter_count; i++)
        if (bytes_equal(from->parameters[i].name, bytes_of_text(name)))
            return &from->parameters[i];
    return NULL;
}

static unsigned parameters_read(struct ws_request *r, const struct parameter *table, const struct web_request *from,
                                char *reason, size_t reason_size)
{
    char value[VALUE_MAX], wrong[300];

    for (const struct parameter *p = table; p->name; p++) {
        const struct web_parameter *given = parameter_find(from, p->name);
        if (!given)
            continue;
        if (given->value.len >= sizeof value || memchr(given->value.data, '\0', given->value.len)) {
            (void)snprintf(reason, reason_size, "Invalid query params: %s is too long", p->name);
            return BAD_REQUEST;
        }
        (void)snprintf(value, sizeof value, "%.*s", (int)given->value.len, (const char *)given->value.data);
        wrong[0] = '\0';
        if (!p->set(r, value, wrong, sizeof wrong)) {
            (void)snprintf(reason, reason_size, wrong[0] ? "Invalid query params: %s" : "no memory%s", wrong);
            return wrong[0] ? BAD_REQUEST : NO_MEMORY;
        }
    }
    return 0;
}

static void dead_letters_set(struct ws_request *r)
{
    const pulsar_consumer_config_dead_letter_policy_t policy = {
        .dead_letter_topic = r->dead_letter_topic,
        .max_redeliver_count = r->redeliveries_max,
    };

    if (r->redeliveries_max > 0)
        pulsar_consumer_configuration_set_dlq_policy(r->consumer, &policy);
}

static unsigned configure(struct ws_request *r, const struct web_request *from, char *reason, size_t reason_size)
{
    static const struct parameter *const tables[] = {
        [WS_PRODUCER] = of_producers, [WS_CONSUMER] = of_consumers, [WS_READER] = of_readers};

    switch (r->kind) {
    case WS_PRODUCER:
        r->producer = pulsar_producer_configuration_create();
        break;
    case WS_CONSUMER:
        r->consumer = pulsar_consumer_configuration_create();
        break;
    case WS_READER:
        r->reader = pulsar_reader_configuration_create();
        r->start = (pulsar_message_id_t *)(uintptr_t)pulsar_message_id_latest();
        break;
    }
    if (!r->producer && !r->consumer && !r->reader) {
        (void)snprintf(reason, reason_size, "no memory");
        return NO_MEMORY;
    }
    if (r->producer) /* one message, one receipt, unless somebody asks for batches */
        pulsar_producer_configuration_set_batching_enabled(r->producer, 0);
    const unsigned status = parameters_read(r, tables[r->kind], from, reason, reason_size);
    if (status == 0 && r->consumer)
        dead_letters_set(r);
    return status;
}

/* ---- the path ---- */

static bool is(struct bytes part, const char *text)
{
    return bytes_equal(part, bytes_of_text(text));
}

/* Between the slashes; 0: there are too many. */
static size_t split(struct bytes path, struct bytes parts[PARTS_MAX])
{
    size_t count = 0, from = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.data[i] != '/')
            continue;
        if (count == PARTS_MAX)
            return 0;
        parts[count++] = bytes_of(path.data + from, i - from);
        from = i + 1;
    }
    return count;
}

/* "", "ws", "v2", kind, domain, tenant, namespace, topic...: what the kind's last part is, stands behind the topic. */
static bool kind_read(struct ws_request *r, const struct bytes *parts, size_t count)
{
    static const char *const kinds[] = {[WS_PRODUCER] = "producer", [WS_CONSUMER] = "consumer", [WS_READER] = "reader"};

    if (count < 8 || !is(parts[1], "ws") || !is(parts[2], "v2"))
        return false;
    if (!is(parts[4], "persistent") && !is(parts[4], "non-persistent"))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is(parts[3], kinds[i])) {
            r->kind = (enum ws_kind)i;
            return true;
        }
    return false;
}

static char *text_of(struct bytes b)
{
    char *copy = memchr(b.data, '\0', b.len) ? NULL : malloc(b.len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, b.data, b.len);
    copy[b.len] = '\0';
    return copy;
}

static unsigned path_read(struct ws_request *r, struct bytes path, char *reason, size_t reason_size)
{
    struct bytes parts[PARTS_MAX];
    const size_t count = split(path, parts);
    size_t last = count - 1; /* of the topic */

    if (count == 0 || !kind_read(r, parts, count) || (r->kind == WS_CONSUMER && count < 9)) {
        (void)snprintf(reason, reason_size, "Invalid topic name format");
        return BAD_REQUEST;
    }
    if (r->kind == WS_CONSUMER && parts[last--].len == 0) {
        (void)snprintf(reason, reason_size, "Empty subscription name");
        return BAD_REQUEST;
    }
    const uint8_t *end = parts[last].data + parts[last].len;
    struct bytes rest = bytes_of(parts[5].data, (size_t)(end - parts[5].data)); /* tenant/namespace/topic */
    char *name = text_of(rest);
    if (name && asprintf(&r->topic, "%.*s://%s", (int)parts[4].len, (const char *)parts[4].data, name) < 0)
        r->topic = NULL;
    free(name);
    if (r->kind == WS_CONSUMER)
        r->subscription = text_of(parts[count - 1]);
    if (r->topic && (r->kind != WS_CONSUMER || r->subscription))
        return 0;
    (void)snprintf(reason, reason_size, "Invalid topic name format, or no memory for it");
    return BAD_REQUEST;
}

unsigned ws_request_read(struct ws_request *r, const struct web_request *from, char *reason, size_t reason_size)
{
    *r = (struct ws_request){.queue = WS_QUEUE_MAX};
    const unsigned status = path_read(r, from->path, reason, reason_size);

    return status == 0 ? configure(r, from, reason, reason_size) : status;
}

void ws_request_free(struct ws_request *r)
{
    if (r->producer)
        pulsar_producer_configuration_free(r->producer);
    if (r->consumer)
        pulsar_consumer_configuration_free(r->consumer);
    if (r->reader)
        pulsar_reader_configuration_free(r->reader);
    pulsar_message_id_free(r->start);
    free(r->dead_letter_topic);
    free(r->subscription);
    free(r->topic);
    *r = (struct ws_request){0};
}
