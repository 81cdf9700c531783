/* SPDX-License-Identifier: Apache-2.0
 *
 * lookup.c - LOOKUP with its redirects, and PARTITIONED_METADATA.
 */
#include "client/lookup.h"

#include <assert.h>
#include <stdlib.h>

#define HOPS_MAX 20u

static void lookup_free(struct client_lookup *l)
{
    client_text_set(&l->redirect_url, NULL);
    client_text_set(&l->asked_url, NULL);
    if (l->counted)
        l->core->lookups--;
    l->counted = false;
}

static void lookup_done(struct client_lookup *l, pulsar_result result, const char *broker_url, const char *address_url)
{
    char *asked = l->asked_url; /* address_url may point to it */

    l->asked_url = NULL;
    lookup_free(l);
    l->done(l, result, broker_url, address_url);
    free(asked);
}

static void lookup_ask(struct client_lookup *l)
{
    if (l->redirect_url)
        client_connection_get(l->core, l->redirect_url, l->redirect_url, &l->waiter);
    else
        client_connection_get_service(l->core, &l->waiter);
}

/* Where the answer leads; NULL, logged: to nowhere where we would go. */
static const char *url_of(struct client_lookup *l, const Wire__CommandLookupTopicResponse *r)
{
    const char *url = client_core_url(l->core, r->broker_service_url, r->broker_service_url_tls);

    if (!url)
        log_warn(l->core->log, "client", "%s: the broker has no address with%s TLS", l->topic, l->core->tls ? "" : "out");
    return url;
}

static void lookup_redirect(struct client_lookup *l, const Wire__CommandLookupTopicResponse *r)
{
    const char *url = url_of(l, r);

    if (++l->hops > HOPS_MAX || !url || !client_text_set(&l->redirect_url, url)) {
        lookup_done(l, pulsar_result_LookupError, NULL, NULL);
        return;
    }
    l->authoritative = r->authoritative;
    lookup_ask(l);
}

static void on_lookup_answer(struct client_request *request, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_lookup *l = container_of(request, struct client_lookup, request);
    const Wire__CommandLookupTopicResponse *r;
    const char *url;

    if (result != pulsar_result_Ok) {
        lookup_done(l, result, NULL, NULL);
        return;
    }
    r = answer->lookup_topic_response;
    if (!r)
        lookup_done(l, pulsar_result_LookupError, NULL, NULL);
    else if (r->response == WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__LOOKUP_TYPE__Redirect)
        lookup_redirect(l, r);
    else if (!(url = url_of(l, r)))
        lookup_done(l, pulsar_result_LookupError, NULL, NULL);
    else
        lookup_done(l, pulsar_result_Ok, url, r->proxy_through_service_url ? l->asked_url : url);
}

static void on_lookup_connected(struct client_waiter *w, pulsar_result result, struct client_connection *connection)
{
    struct client_lookup *l = container_of(w, struct client_lookup, waiter);
    Wire__CommandLookupTopic lookup = WIRE__COMMAND_LOOKUP_TOPIC__INIT;
    Wire__BaseCommand command;

    if (result == pulsar_result_Ok && !client_text_set(&l->asked_url, client_connection_address(connection)))
        result = pulsar_result_LookupError;
    if (result != pulsar_result_Ok) {
        lookup_done(l, result, NULL, NULL);
        return;
    }
    client_request_init(&l->request, l->core, on_lookup_answer);
    lookup.topic = wire_text(l->topic);
    lookup.request_id = l->request.id;
    lookup.has_authoritative = true;
    lookup.authoritative = l->authoritative;
    lookup.advertised_listener_name = l->core->config->listener_name;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__LOOKUP, &lookup);
    client_connection_request(connection, &l->request, &command);
}

void client_lookup_init(struct client_lookup *l, struct client_core *core, const char *topic,
                        void (*done)(struct client_lookup *l, pulsar_result result, const char *broker_url,
                                     const char *address_url))
{
    *l = (struct client_lookup){.core = core, .topic = topic, .done = done};
    client_waiter_init(&l->waiter, core, on_lookup_connected);
    client_request_init(&l->request, core, on_lookup_answer);
}

void client_lookup_start(struct client_lookup *l)
{
    assert(!l->counted);
    l->counted = true;
    l->core->lookups++;
    l->hops = 0;
    l->authoritative = false;
    lookup_ask(l);
}

void client_lookup_cancel(struct client_lookup *l)
{
    client_waiter_cancel(&l->waiter);
    client_request_cancel(&l->request);
    lookup_free(l);
}

static void on_partitions_answer(struct client_request *request, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_partitions *p = container_of(request, struct client_partitions, request);
    const Wire__CommandPartitionedTopicMetadataResponse *r = answer ? answer->partition_metadata_response : NULL;

    if (result == pulsar_result_Ok && !r)
        result = pulsar_result_LookupError;
    p->done(p, result, result == pulsar_result_Ok && r->has_partitions ? r->partitions : 0);
}

static void on_partitions_connected(struct client_waiter *w, pulsar_result result, struct client_connection *connection)
{
    struct client_partitions *p = container_of(w, struct client_partitions, waiter);
    Wire__CommandPartitionedTopicMetadata ask = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA__INIT;
    Wire__BaseCommand command;

    if (result != pulsar_result_Ok) {
        p->done(p, result, 0);
        return;
    }
    client_request_init(&p->request, p->core, on_partitions_answer);
    ask.topic = wire_text(p->topic);
    ask.request_id = p->request.id;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__PARTITIONED_METADATA, &ask);
    client_connection_request(connection, &p->request, &command);
}

void client_partitions_init(struct client_partitions *p, struct client_core *core, const char *topic,
                            void (*done)(struct client_partitions *p, pulsar_result result, uint32_t count))
{
    *p = (struct client_partitions){.core = core, .topic = topic, .done = done};
    client_waiter_init(&p->waiter, core, on_partitions_connected);
    client_request_init(&p->request, core, on_partitions_answer);
}

void client_partitions_start(struct client_partitions *p)
{
    client_connection_get_service(p->core, &p->waiter);
}

void client_partitions_cancel(struct client_partitions *p)
{
    client_waiter_cancel(&p->waiter);
    client_request_cancel(&p->request);
}
