/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - defaults and copies of the configurations; what is refused.
 *
 * A copy is the struct, its owned parts set to nothing, then copied one by one: a new field that owns memory has to be
 * named in the copy and in the deinit of its struct.
 */
#include "client/config.h"

#include "wire/command.h"

#include <limits.h>
#include <stdlib.h>

void client_config_init(struct _pulsar_client_configuration *c)
{
    *c = (struct _pulsar_client_configuration){
        .operation_timeout_s = 30,
        .io_threads = 1,
        .listener_threads = 1,
        .lookups_max = 50000,
        .stats_interval_s = 600,
        .keep_alive_s = 30,
        .connection_timeout_ms = CLIENT_CONNECT_TIMEOUT_MS,
        .partitions_update_s = 60,
        .tls_validate = true,
    };
}

void client_config_deinit(struct _pulsar_client_configuration *c)
{
    client_auth_deinit(&c->auth);
    free(c->tls_trust);
    free(c->tls_key);
    free(c->tls_certificate);
    free(c->listener_name);
}

enum err client_config_copy(struct _pulsar_client_configuration *to, const struct _pulsar_client_configuration *from)
{
    *to = *from;
    to->auth = (struct _pulsar_authentication){0};
    to->tls_trust = to->tls_key = to->tls_certificate = to->listener_name = NULL;
    if (client_auth_copy(&to->auth, &from->auth) == OK && client_text_set(&to->tls_trust, from->tls_trust) &&
        client_text_set(&to->tls_key, from->tls_key) && client_text_set(&to->tls_certificate, from->tls_certificate) &&
        client_text_set(&to->listener_name, from->listener_name) && !from->failed)
        return OK;
    client_config_deinit(to);
    return ERR_NOMEM;
}

/* Types that users count below zero mean: bytes without a schema, or whatever the topic has. */
static int schema_wire_type(pulsar_schema_type type)
{
    if (type == pulsar_AutoConsume)
        return WIRE__SCHEMA__TYPE__AutoConsume;
    return type < 0 ? WIRE__SCHEMA__TYPE__None : (int)type;
}

static void schema_deinit(struct client_schema *s)
{
    free(s->name);
    free(s->data);
    client_map_deinit(&s->properties);
}

enum err client_schema_set(struct client_schema *s, pulsar_schema_type type, const char *name, const char *data,
                           const struct _pulsar_string_map *properties)
{
    static const struct _pulsar_string_map none;

    s->type = schema_wire_type(type);
    s->set = s->type != WIRE__SCHEMA__TYPE__None;
    if (!client_text_set(&s->name, name ? name : "") || !client_text_set(&s->data, data ? data : ""))
        return ERR_NOMEM;
    return client_map_copy(&s->properties, properties ? properties : &none);
}

enum err client_schema_wire(const struct client_schema *s, Wire__Schema *to)
{
    wire__schema__init(to);
    to->name = wire_text(s->name ? s->name : "");
    to->schema_data = wire_binary(bytes_of_text(s->data ? s->data : ""));
    to->type = (Wire__Schema__Type)s->type;
    to->n_properties = (size_t)s->properties.count;
    return client_map_wire(&s->properties, &to->properties);
}

static bool schema_copy(struct client_schema *to, const struct client_schema *from)
{
    to->name = to->data = NULL;
    to->properties = (struct _pulsar_string_map){0};
    return client_text_set(&to->name, from->name) && client_text_set(&to->data, from->data) &&
           client_map_copy(&to->properties, &from->properties) == OK;
}

void client_producer_config_init(struct _pulsar_producer_configuration *c)
{
    *c = (struct _pulsar_producer_configuration){
        .send_timeout_ms = 30000,
        .initial_sequence_id = -1,
        .pending_max = 1000,
        .pending_max_across = 50000,
        .hashing = pulsar_Murmur3_32Hash,
        .batching = true,
        .batch_messages_max = 1000,
        .batch_bytes_max = 128 * 1024,
        .batch_delay_ms = 10,
    };
}

void client_producer_config_deinit(struct _pulsar_producer_configuration *c)
{
    free(c->name);
    free(c->initial_subscription);
    schema_deinit(&c->schema);
    client_map_deinit(&c->properties);
}

enum err client_producer_config_copy(struct _pulsar_producer_configuration *to,
                                     const struct _pulsar_producer_configuration *from)
{
    *to = *from;
    to->name = to->initial_subscription = NULL;
    to->properties = (struct _pulsar_string_map){0};
    if (schema_copy(&to->schema, &from->schema) && client_text_set(&to->name, from->name) &&
        client_text_set(&to->initial_subscription, from->initial_subscription) &&
        client_map_copy(&to->properties, &from->properties) == OK && !from->failed)
        return OK;
    client_producer_config_deinit(to);
    return ERR_NOMEM;
}

const char *client_producer_config_refusal(const struct _pulsar_producer_configuration *c)
{
    if (c->encryption)
        return "encryption";
    if (c->chunking)
        return "chunking";
    if (c->lazy)
        return "starting producers of partitions lazily";
    return c->hashing == pulsar_BoostHash ? "the Boost hash" : NULL;
}

void client_consumer_config_init(struct _pulsar_consumer_configuration *c)
{
    *c = (struct _pulsar_consumer_configuration){
        .queue_size = 1000,
        .queue_size_across = 50000,
        .nack_delay_ms = 60000,
        .ack_group_ms = 100,
        .ack_group_max = 1000,
        .chunked_max = 10,
        .batch_policy = {.maxNumMessages = -1, .maxNumBytes = 10 * 1024 * 1024, .timeoutMs = 100},
        .redeliver_max = INT_MAX,
    };
}

void client_consumer_config_deinit(struct _pulsar_consumer_configuration *c)
{
    free(c->name);
    free(c->dead_letter_topic);
    free(c->dead_letter_subscription);
    schema_deinit(&c->schema);
    client_map_deinit(&c->properties);
}

enum err client_consumer_config_copy(struct _pulsar_consumer_configuration *to,
                                     const struct _pulsar_consumer_configuration *from)
{
    *to = *from;
    to->name = to->dead_letter_topic = to->dead_letter_subscription = NULL;
    to->properties = (struct _pulsar_string_map){0};
    if (schema_copy(&to->schema, &from->schema) && client_text_set(&to->name, from->name) &&
        client_text_set(&to->dead_letter_topic, from->dead_letter_topic) &&
        client_text_set(&to->dead_letter_subscription, from->dead_letter_subscription) &&
        client_map_copy(&to->properties, &from->properties) == OK && !from->failed)
        return OK;
    client_consumer_config_deinit(to);
    return ERR_NOMEM;
}

const char *client_consumer_config_refusal(const struct _pulsar_consumer_configuration *c)
{
    if (c->encryption)
        return "decryption";
    return c->batch_index_ack ? "acknowledging by batch index" : NULL;
}

void client_reader_config_init(struct _pulsar_reader_configuration *c)
{
    *c = (struct _pulsar_reader_configuration){.queue_size = 1000};
}

void client_reader_config_deinit(struct _pulsar_reader_configuration *c)
{
    free(c->name);
    free(c->role_prefix);
}

const char *client_reader_config_refusal(const struct _pulsar_reader_configuration *c)
{
    return c->encryption ? "decryption" : NULL;
}
