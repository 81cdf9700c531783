/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c - bodies, contents, and the public getters and setters.
 */
#include "client/message.h"

#include <assert.h>
#include <stdlib.h>

struct client_content *client_content_new(size_t len)
{
    struct client_content *c = malloc(sizeof *c + len);

    if (!c)
        return NULL;
    *c = (struct client_content){
        .topic = "", .producer_name = "", .replicated_from = "", .schema_version = "", .len = len};
    atomic_init(&c->refs, 1);
    return c;
}

struct client_content *client_content_ref(struct client_content *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void client_content_unref(struct client_content *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

static void body_init(struct client_body *b)
{
    *b = (struct client_body){.sequence_id = -1, .id = CLIENT_MESSAGE_ID_NONE};
    list_init(&b->node);
    atomic_init(&b->refs, 1);
}

struct client_body *client_body_new(void)
{
    struct client_body *b = malloc(sizeof *b);

    if (b)
        body_init(b);
    return b;
}

struct client_body *client_body_new_in(struct client_content *content)
{
    struct client_body *b;

    if (content->room_left == 0) {
        if ((b = client_body_new()))
            b->content = client_content_ref(content);
        return b;
    }
    content->room_left--;
    b = content->room++;
    body_init(b);
    b->content = b->home = client_content_ref(content);
    return b;
}

struct client_body *client_body_ref(struct client_body *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

static void replicate_to_clear(struct client_body *b)
{
    for (size_t i = 0; i < b->replicate_to_count; i++)
        free(b->replicate_to[i]);
    free(b->replicate_to);
    b->replicate_to = NULL;
    b->replicate_to_count = 0;
}

static void content_drop(struct client_body *b)
{
    if (b->content != b->home)
        client_content_unref(b->content);
    b->content = NULL;
}

void client_body_unref(struct client_body *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    content_drop(b);
    client_map_deinit(&b->properties);
    client_message_id_unref(&b->id);
    replicate_to_clear(b);
    free(b->key);
    free(b->ordering_key);
    free(b->schema_version);
    if (b->home)
        client_content_unref(b->home);
    else
        free(b);
}

void client_bodies_unref(struct list *bodies)
{
    struct list *node;

    while ((node = list_pop_front(bodies)))
        client_body_unref(container_of(node, struct client_body, node));
}

static bool replicate_to_set(struct client_body *b, const char *const *clusters, size_t count)
{
    replicate_to_clear(b);
    if (count == 0)
        return true;
    if (!(b->replicate_to = calloc(count, sizeof *b->replicate_to)))
        return false;
    for (; b->replicate_to_count < count; b->replicate_to_count++)
        if (!client_text_set(&b->replicate_to[b->replicate_to_count], clusters[b->replicate_to_count]))
            return false;
    return true;
}

static struct client_body *body_clone(const struct client_body *from)
{
    struct client_body *b = client_body_new();

    if (!b)
        return NULL;
    b->content = client_content_ref(from->content);
    b->data = from->data;
    b->len = from->len;
    b->ordering_key_len = from->ordering_key_len;
    b->event_time = from->event_time;
    b->sequence_id = from->sequence_id;
    b->deliver_at = from->deliver_at;
    b->deliver_after = from->deliver_after;
    b->in_transaction = from->in_transaction;
    b->transaction_most = from->transaction_most;
    b->transaction_least = from->transaction_least;
    b->null_value = from->null_value;
    b->key_is_base64 = from->key_is_base64;
    b->failed = from->failed;
    b->id = client_message_id_ref(&from->id);
    if (!client_text_set(&b->key, from->key) || !client_text_set(&b->ordering_key, from->ordering_key) ||
        !client_text_set(&b->schema_version, from->schema_version) ||
        client_map_copy(&b->properties, &from->properties) != OK ||
        !replicate_to_set(b, (const char *const *)from->replicate_to, from->replicate_to_count)) {
        client_body_unref(b);
        return NULL;
    }
    return b;
}

struct client_body *client_message_own(struct _pulsar_message *m)
{
    struct client_body *clone;

    if (atomic_load_explicit(&m->body->refs, memory_order_acquire) == 1)
        return m->body;
    if (!(clone = body_clone(m->body)))
        return NULL;
    client_body_unref(m->body);
    m->body = clone;
    return clone;
}

struct _pulsar_message *client_message_of(struct client_body *body)
{
    struct _pulsar_message *m = malloc(sizeof *m);

    if (!m) {
        client_body_unref(body);
        return NULL;
    }
    m->body = body;
    return m;
}

size_t client_body_size(const struct client_body *b)
{
    return sizeof *b + b->len + (size_t)b->properties.count * 64;
}

pulsar_message_t *pulsar_message_create(void)
{
    struct client_body *body = client_body_new();

    return body ? client_message_of(body) : NULL;
}

void pulsar_message_copy(const pulsar_message_t *from, pulsar_message_t *to)
{
    struct client_body *body = client_body_ref(from->body);

    client_body_unref(to->body);
    to->body = body;
}

void pulsar_message_free(pulsar_message_t *message)
{
    if (message)
        client_body_unref(message->body);
    free(message);
}

/* Moves a received message's body, which nobody shares and whose content was dropped, out of its entry's memory, which
 * would stay as long as the message.  As it is, then, when memory is short. */
static struct client_body *body_leave_home(struct _pulsar_message *m)
{
    struct client_body *b = m->body, *own;

    if (!b->home || !(own = malloc(sizeof *own)))
        return b;
    *own = *b;
    list_init(&own->node);
    own->home = NULL;
    client_content_unref(b->home);
    m->body = own;
    return own;
}

/* With a body that is the message's own. */
static void content_set(struct _pulsar_message *m, struct client_content *content, const uint8_t *data, size_t len)
{
    struct client_body *b;

    content_drop(m->body);
    b = body_leave_home(m);
    b->content = content;
    b->data = data;
    b->len = len;
    b->null_value = false;
}

void pulsar_message_set_content(pulsar_message_t *message, const void *data, size_t size)
{
    struct client_body *b = client_message_own(message);
    struct client_content *content = client_content_new(size);

    if (!b || !content) {
        client_content_unref(content);
        message->body->failed |= b != NULL; /* a shared body is not ours to mark; sending it sends the old one */
        return;
    }
    if (size)
        memcpy(content->data, data, size);
    content_set(message, content, content->data, size);
}

void pulsar_message_set_allocated_content(pulsar_message_t *message, void *data, size_t size)
{
    if (client_message_own(message))
        content_set(message, NULL, data, size);
}

void pulsar_message_set_null_value(pulsar_message_t *message)
{
    if (!client_message_own(message))
        return;
    content_set(message, NULL, NULL, 0);
    message->body->null_value = true;
}

void pulsar_message_set_property(pulsar_message_t *message, const char *name, const char *value)
{
    struct client_body *b = client_message_own(message);

    if (b)
        b->failed |= client_map_put(&b->properties, bytes_of_text(name), bytes_of_text(value)) != OK;
}

void pulsar_message_set_partition_key(pulsar_message_t *message, const char *partitionKey)
{
    struct client_body *b = client_message_own(message);

    if (b)
        b->failed |= !client_text_set(&b->key, partitionKey);
}

void pulsar_message_set_ordering_key(pulsar_message_t *message, const char *orderingKey)
{
    struct client_body *b = client_message_own(message);

    if (!b)
        return;
    b->failed |= !client_text_set(&b->ordering_key, orderingKey);
    b->ordering_key_len = b->ordering_key ? strlen(b->ordering_key) : 0;
}

void pulsar_message_set_event_timestamp(pulsar_message_t *message, uint64_t eventTimestamp)
{
    struct client_body *b = client_message_own(message);

    if (b)
        b->event_time = eventTimestamp;
}

void pulsar_message_set_sequence_id(pulsar_message_t *message, int64_t sequenceId)
{
    struct client_body *b = client_message_own(message);

    if (!b)
        return;
    b->failed |= sequenceId < 0;
    b->sequence_id = sequenceId;
}

void pulsar_message_set_deliver_after(pulsar_message_t *message, uint64_t delayMillis)
{
    struct client_body *b = client_message_own(message);

    if (!b)
        return;
    b->deliver_after = delayMillis < INT64_MAX / 2 ? (int64_t)delayMillis : INT64_MAX / 2;
    b->deliver_at = 0;
}

void pulsar_message_set_deliver_at(pulsar_message_t *message, uint64_t deliveryTimestampMillis)
{
    struct client_body *b = client_message_own(message);

    if (!b)
        return;
    b->deliver_at = deliveryTimestampMillis < INT64_MAX ? (int64_t)deliveryTimestampMillis : INT64_MAX;
    b->deliver_after = 0;
}

void pulsar_message_set_replication_clusters(pulsar_message_t *message, const char **clusters, size_t size)
{
    struct client_body *b = client_message_own(message);

    if (b)
        b->failed |= !replicate_to_set(b, clusters, size);
}

void pulsar_message_disable_replication(pulsar_message_t *message, int flag)
{
    static const char *const nowhere[] = {"__local__"};
    struct client_body *b = client_message_own(message);

    if (b)
        b->failed |= !replicate_to_set(b, nowhere, flag ? 1 : 0);
}

void pulsar_message_set_schema_version(pulsar_message_t *message, const char *schemaVersion)
{
    struct client_body *b = client_message_own(message);

    if (b)
        b->failed |= !client_text_set(&b->schema_version, schemaVersion);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

pulsar_string_map_t *pulsar_message_get_properties(pulsar_message_t *message)
{
    pulsar_string_map_t *map = pulsar_string_map_create();

    if (map && client_map_copy(map, &message->body->properties) != OK) {
        pulsar_string_map_free(map);
        return NULL;
    }
    return map;
}

int pulsar_message_has_property(pulsar_message_t *message, const char *name)
{
    return client_map_find(&message->body->properties, name) != NULL;
}

const char *pulsar_message_get_property(pulsar_message_t *message, const char *name)
{
    return or_empty(client_map_find(&message->body->properties, name));
}

const void *pulsar_message_get_data(pulsar_message_t *message)
{
    return message->body->data;
}

uint32_t pulsar_message_get_length(pulsar_message_t *message)
{
    return (uint32_t)message->body->len;
}

int pulsar_message_has_null_value(pulsar_message_t *message)
{
    return message->body->null_value;
}

pulsar_message_id_t *pulsar_message_get_message_id(pulsar_message_t *message)
{
    return client_message_id_new(&message->body->id);
}

const char *pulsar_message_get_partitionKey(pulsar_message_t *message)
{
    return or_empty(message->body->key);
}

int pulsar_message_has_partition_key(pulsar_message_t *message)
{
    return message->body->key != NULL;
}

const char *pulsar_message_get_orderingKey(pulsar_message_t *message)
{
    return or_empty(message->body->ordering_key);
}

int pulsar_message_has_ordering_key(pulsar_message_t *message)
{
    return message->body->ordering_key != NULL;
}

uint64_t pulsar_message_get_publish_timestamp(pulsar_message_t *message)
{
    return message->body->content ? message->body->content->publish_time : 0;
}

uint64_t pulsar_message_get_event_timestamp(pulsar_message_t *message)
{
    return message->body->event_time;
}

const char *pulsar_message_get_topic_name(pulsar_message_t *message)
{
    return message->body->content ? message->body->content->topic : "";
}

const char *pulsar_message_get_producer_name(pulsar_message_t *message)
{
    return message->body->content ? message->body->content->producer_name : "";
}

const char *pulsar_message_get_replicated_from(pulsar_message_t *message)
{
    return message->body->content ? message->body->content->replicated_from : "";
}

int pulsar_message_get_redelivery_count(pulsar_message_t *message)
{
    return message->body->content ? (int)message->body->content->redelivery_count : 0;
}

int pulsar_message_has_schema_version(pulsar_message_t *message)
{
    const struct client_body *b = message->body;

    return b->schema_version || (b->content && b->content->schema_version_len > 0);
}

const char *pulsar_message_get_schemaVersion(pulsar_message_t *message)
{
    const struct client_body *b = message->body;

    if (b->schema_version || !b->content)
        return or_empty(b->schema_version);
    return b->content->schema_version;
}

size_t pulsar_messages_size(pulsar_messages_t *msgs)
{
    return msgs->count;
}

pulsar_message_t *pulsar_messages_get(pulsar_messages_t *msgs, size_t index)
{
    return index < msgs->count ? &msgs->items[index] : NULL;
}

void pulsar_messages_free(pulsar_messages_t *msgs)
{
    if (!msgs)
        return;
    for (size_t i = 0; i < msgs->count; i++)
        client_body_unref(msgs->items[i].body);
    free(msgs->items);
    free(msgs);
}
