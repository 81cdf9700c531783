/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_log.c - see policy_log.h.
 */
#include "broker/policy_log.h"

#include "broker/compaction.h"
#include "broker/core.h"
#include "broker/publish.h"
#include "broker/schemas.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool topic_is_policy_log(const struct topic_name *name)
{
    return bytes_equal(topic_name_local(name), bytes_of_text(POLICY_LOG_LOCAL));
}

void policies_observe(struct broker *b, struct policy_observer *o)
{
    list_push_back(&b->policy_observers, &o->node);
}

void policy_change_tell(struct broker *b, const struct policy_change *change)
{
    if (topic_name_is_system(change->topic) || b->stopping || b->gone)
        return;
    list_each (node, &b->policy_observers) {
        struct policy_observer *o = container_of(node, struct policy_observer, node);
        o->changed(o, change);
    }
}

/* ---- the entry ---- */

enum err policy_log_name(struct topic_name *out, const struct topic_name *topic)
{
    const struct bytes namespace_ = topic_name_namespace(topic);
    char text[NAMESPACE_NAME_MAX + 64];
    const int len = snprintf(text, sizeof text, "persistent://%.*s/" POLICY_LOG_LOCAL, (int)namespace_.len,
                             (const char *)namespace_.data);

    return topic_name_parse(out, bytes_of(text, (size_t)len));
}

/* Which version of the log's schema this one is; none when it cannot be kept. */
static struct bytes version_of(struct topic *t, const char *schema, uint8_t to[SCHEMA_VERSION_BYTES])
{
    uint8_t properties[200];
    struct schema_record record = {.created_ms = loop_wall_ms(t->broker->loop),
                                   .type = SCHEMA_AVRO,
                                   .user = bytes_of_text("broker"),
                                   .properties = bytes_of(properties, 0),
                                   .data = bytes_of_text(schema)};
    struct schema_choice choice;
    struct refusal why;

    /* As Pulsar's client says of its own class. */
    if (properties_put(&record.properties, properties,
                       (struct property){.key = bytes_of_text("__alwaysAllowNull"), .value = bytes_of_text("true")}) !=
            OK ||
        properties_put(&record.properties, properties,
                       (struct property){.key = bytes_of_text("__jsr310ConversionEnabled"),
                                         .value = bytes_of_text("false")}) != OK ||
        schemas_add(t->broker, &t->name, &record, &choice, &why) != OK)
        return bytes_of(NULL, 0);
    return schema_choice_encode(&choice, to);
}

static void metadata_of(Wire__MessageMetadata *m, struct topic *t, const struct policy_event_bytes *e, char *key,
                        char **clusters, struct bytes version)
{
    m->producer_name = wire_text(POLICY_LOG_LOCAL);
    m->sequence_id = t->next_message;
    m->publish_time = (uint64_t)loop_wall_ms(t->broker->loop);
    m->partition_key = key;
    m->has_partition_key_b64_encoded = true;
    m->has_uncompressed_size = true;
    m->uncompressed_size = (uint32_t)e->value.len;
    m->has_null_value = m->null_value = e->value.len == 0;
    if (e->replicate_to) {
        clusters[0] = wire_text(e->replicate_to);
        m->replicate_to = clusters;
        m->n_replicate_to = 1;
    }
    if (version.len) {
        m->has_schema_version = true;
        m->schema_version = (ProtobufCBinaryData){.len = version.len, .data = (uint8_t *)(uintptr_t)version.data};
    }
}

static enum err make_entry(struct slice *out, const Wire__MessageMetadata *m, struct bytes value)
{
    const size_t len = wire__message_metadata__get_packed_size(m);
    uint8_t *entry = malloc(ENTRY_HEAD_SIZE + len + value.len);
    enum err err;

    if (!entry)
        return ERR_NOMEM;
    wire__message_metadata__pack(m, entry + ENTRY_HEAD_SIZE);
    entry_head_encode(entry, bytes_of(entry + ENTRY_HEAD_SIZE, len), value);
    if (value.len)
        memcpy(entry + ENTRY_HEAD_SIZE + len, value.data, value.len);
    err = slice_copy(out, bytes_of(entry, ENTRY_HEAD_SIZE + len + value.len), NULL);
    free(entry);
    return err;
}

/* ---- publishing ---- */

static void published(struct sink *sink, const struct published *p)
{
    struct broker *b = container_of(sink, struct broker, policy_log);

    if (p->err != OK && !b->stopping)
        log_warn(b->log, "broker",
                 "an event of policies could not be stored (%s): readers of " POLICY_LOG_LOCAL
                 " learn of it with the topic's next change",
                 err_text(p->err));
}

/* It has no producers and no consumers: nothing else is ever called. */
static const struct sink_ops log_ops = {.published = published};

/* The log of the topic's namespace, with what holds its entries until they are compacted. */
static enum err obtain(struct broker *b, const struct topic_name *topic, bool make, struct topic **out,
                       struct refusal *why)
{
    struct topic_name name;
    enum err err;

    if ((err = policy_log_name(&name, topic)) != OK || (!make && !topic_exists(b, &name)))
        return err != OK ? err : ERR_NOT_FOUND;
    if ((err = topic_obtain(b, &name, true, out, why)) != OK)
        return err;
    return compaction_hold(*out, why);
}

static enum err append(struct topic *t, const struct policy_event_bytes *e)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t version[SCHEMA_VERSION_BYTES];
    char key[TOPIC_NAME_MAX + 16], *clusters[1];
    struct slice entry;
    enum err err;

    assert(e->key.len < sizeof key);
    memcpy(key, e->key.data, e->key.len);
    key[e->key.len] = '\0';
    metadata_of(&metadata, t, e, key, clusters, version_of(t, e->schema, version));
    if ((err = make_entry(&entry, &metadata, e->value)) != OK)
        return err;
    const struct publish m = {.messages = 1, .publish_ms = (int64_t)metadata.publish_time, .bytes = entry};
    t->broker->policy_log.ops = &log_ops;
    topic_publish(t, &t->broker->policy_log, NULL, &m);
    slice_unref(&entry);
    return OK;
}

void policy_log_write(struct broker *b, const struct topic_name *topic, const struct policy_event_bytes *e)
{
    struct refusal why = {.text = "the log's name is too long"};
    struct topic *t;
    enum err err = obtain(b, topic, e->value.len > 0, &t, &why);

    if (err == ERR_NOT_FOUND && e->value.len == 0)
        return;
    if (err == OK)
        err = append(t, e);
    if (err != OK)
        log_warn(b->log, "broker", "%s: the change of its policies is not in " POLICY_LOG_LOCAL ": %s", topic->text,
                 why.err != OK ? why.text : err_text(err));
}
