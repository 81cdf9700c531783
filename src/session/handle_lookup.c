/* SPDX-License-Identifier: Apache-2.0
 *
 * handle_lookup.c - where topics are, how many partitions they have, and which there are.
 */
#include "base/text.h"
#include "broker/partitioned.h"
#include "session/session_private.h"
#include "session/topic_names.h"

#include <stdio.h>
#include <stdlib.h>

static void lookup_failed(struct session *s, uint64_t request, Wire__ServerError code, const char *text)
{
    Wire__CommandLookupTopicResponse response = WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__INIT;

    response.request_id = request;
    response.has_response = true;
    response.response = WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__LOOKUP_TYPE__Failed;
    response.has_error = true;
    response.error = code;
    response.message = wire_text(text);
    session_send(s, WIRE__BASE_COMMAND__TYPE__LOOKUP_RESPONSE, &response);
}

/* A topic that is missing is found all the same: whether it may be made is said by PRODUCER and SUBSCRIBE. */
void handle_lookup(struct session *s, const struct incoming *in)
{
    const Wire__CommandLookupTopic *lookup = in->body->lookup_topic;
    Wire__CommandLookupTopicResponse response = WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__INIT;
    const char *url = server_url(s->server, lookup->advertised_listener_name);
    const char *tls_url = server_tls_url(s->server, lookup->advertised_listener_name);
    struct topic_name name;
    const struct target on = {.topic = &name};
    struct refusal why;

    if (topic_name_parse(&name, bytes_of_text(lookup->topic)) != OK) {
        lookup_failed(s, lookup->request_id, WIRE__SERVER_ERROR__InvalidTopicName, "not a topic's name");
    } else if (session_may(s, in->type, &on, &why) != OK || namespace_admits(s->broker, &name, &why) != OK) {
        lookup_failed(s, lookup->request_id, server_error(why.err, why.about), why.text);
    } else if (!url && !tls_url) {
        lookup_failed(s, lookup->request_id, WIRE__SERVER_ERROR__ServiceNotReady, "no listener of that name");
    } else {
        response.request_id = lookup->request_id;
        response.has_response = true;
        response.response = WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__LOOKUP_TYPE__Connect;
        response.broker_service_url = wire_text(url);
        response.broker_service_url_tls = wire_text(tls_url);
        response.has_authoritative = true;
        response.authoritative = true;
        response.has_proxy_through_service_url = true;
        response.proxy_through_service_url = false;
        session_send(s, WIRE__BASE_COMMAND__TYPE__LOOKUP_RESPONSE, &response);
    }
}

/* ---- partitions ---- */

static void answer_partitions(struct session *s, uint64_t request, uint32_t partitions, const struct refusal *why)
{
    Wire__CommandPartitionedTopicMetadataResponse response = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA_RESPONSE__INIT;

    response.request_id = request;
    response.has_response = true;
    if (why->err == OK) {
        response.response = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA_RESPONSE__LOOKUP_TYPE__Success;
        response.has_partitions = true;
        response.partitions = partitions;
    } else {
        response.response = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA_RESPONSE__LOOKUP_TYPE__Failed;
        response.has_error = true;
        response.error = server_error(why->err, why->about);
        response.message = wire_text(why->text);
    }
    session_send(s, WIRE__BASE_COMMAND__TYPE__PARTITIONED_METADATA_RESPONSE, &response);
}

/* A topic that this question makes. */
struct metadata_request {
    struct partitioned_op create;
    struct request request;
};

static void partitions_made(struct broker_op *op)
{
    struct metadata_request *r = container_of(op, struct metadata_request, create.op);
    struct session *s = r->request.session;
    uint32_t partitions = r->create.partitions;
    struct refusal why = op->why;

    if (why.err == ERR_EXISTS) { /* somebody else was faster */
        partitions = partitions_count(s->broker, &r->create.name);
        why.err = OK;
    }
    answer_partitions(s, r->request.id, partitions, &why);
    request_free(&r->request);
}

static void make_partitions(struct session *s, uint64_t request, const struct topic_name *name, uint32_t partitions)
{
    struct metadata_request *r = request_new(s, sizeof *r, offsetof(struct metadata_request, request), request, 0);

    if (!r)
        return;
    r->create.op.done = partitions_made;
    r->create.name = *name;
    r->create.partitions = partitions;
    partitioned_create(s->broker, &r->create);
}

void handle_partitioned_metadata(struct session *s, const struct incoming *in)
{
    const Wire__CommandPartitionedTopicMetadata *ask = in->body->partition_metadata;
    uint32_t partitions = 0, make = 0;
    struct refusal why = {.err = OK};
    struct topic_name name;
    const struct target on = {.topic = &name};
    enum err err;

    if (topic_name_parse(&name, bytes_of_text(ask->topic)) != OK)
        err = refuse(&why, ERR_INVALID, ABOUT_TOPIC, "not a topic's name");
    else if ((err = session_may(s, in->type, &on, &why)) == OK)
        err = partitions_asked(s->broker, &name, ask->metadata_auto_creation_enabled, &partitions, &make, &why);
    if (err == OK && make > 0)
        make_partitions(s, ask->request_id, &name, make);
    else
        answer_partitions(s, ask->request_id, partitions, &why);
}

/* ---- the topics of a namespace ---- */

struct listing {
    struct topic_names names;
    int mode; /* of topics, as on the wire */
    struct topic_pattern *pattern;
    struct topic_hash hash;
};

static bool add_topic(void *ctx, struct bytes full)
{
    struct listing *l = ctx;
    struct topic_name name;

    if (topic_name_parse(&name, full) != OK || !topic_wanted(&name, l->mode, l->pattern))
        return !l->pattern || !topic_pattern_given_up(l->pattern);
    topic_hash_add(&l->hash, full);
    return topic_names_add(&l->names, full);
}

static void answer_topics(struct session *s, const Wire__CommandGetTopicsOfNamespace *ask, const struct listing *l)
{
    Wire__CommandGetTopicsOfNamespaceResponse response = WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE_RESPONSE__INIT;
    char hash[9];

    topic_hash_text(&l->hash, hash);
    bool same = ask->topics_hash && strcmp(ask->topics_hash, hash) == 0;
    response.request_id = ask->request_id;
    response.n_topics = same ? 0 : l->names.count;
    response.topics = l->names.at;
    response.topics_hash = hash;
    response.has_filtered = true;
    response.filtered = l->pattern != NULL;
    response.has_changed = true;
    response.changed = !same;
    session_send(s, WIRE__BASE_COMMAND__TYPE__GET_TOPICS_OF_NAMESPACE_RESPONSE, &response);
}

/* One that is too long, or makes no sense here, is for the client to match. */
static struct topic_pattern *pattern_of(const Wire__CommandGetTopicsOfNamespace *ask)
{
    struct topic_pattern *pattern = NULL;
    char why[200];

    if (ask->topics_pattern && topic_pattern_new(&pattern, bytes_of_text(ask->topics_pattern), why, sizeof why) != OK)
        return NULL;
    return pattern;
}

/* The names that are wanted, as far as there is room for them. */
static void list_topics(struct session *s, struct bytes namespace_, struct listing *l)
{
    if (topics_count(s->broker, namespace_) > TOPICS_MAX)
        l->names.failed = true; /* known without a walk, which a client that asks often would have again and again */
    else if (topics_each(s->broker, namespace_, add_topic, l) != OK)
        l->names.count = 0; /* no such namespace: no topics */
}

/* The pattern takes too much work, and is for the client to match. */
static void list_all(struct session *s, struct bytes namespace_, struct listing *l)
{
    topic_pattern_free(l->pattern);
    topic_names_deinit(&l->names);
    *l = (struct listing){.mode = l->mode};
    topic_names_init(&l->names);
    list_topics(s, namespace_, l);
}

void handle_get_topics(struct session *s, const struct incoming *in)
{
    const Wire__CommandGetTopicsOfNamespace *ask = in->body->get_topics_of_namespace;
    struct bytes namespace_ = bytes_of_text(ask->namespace_);
    const struct target on = {.namespace_ = namespace_};
    struct listing l = {.mode = (int)ask->mode};
    struct refusal why;

    if (!namespace_name_parse(namespace_, NULL, NULL)) {
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__MetadataError, "not a namespace's name");
        return;
    }
    if (session_may(s, in->type, &on, &why) != OK) {
        session_send_refusal(s, ask->request_id, &why);
        return;
    }
    topic_names_init(&l.names);
    l.pattern = pattern_of(ask);
    list_topics(s, namespace_, &l);
    if (l.pattern && topic_pattern_given_up(l.pattern))
        list_all(s, namespace_, &l);
    if (l.names.failed)
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__TooManyRequests, "too many topics for one answer");
    else
        answer_topics(s, ask, &l);
    topic_pattern_free(l.pattern);
    topic_names_deinit(&l.names);
}
