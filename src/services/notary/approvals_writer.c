/* SPDX-License-Identifier: Apache-2.0
 *
 * approvals_writer.c - one client, one producer, behind one lock.
 */
#include "services/notary/approvals_writer.h"

#include "services/runtime/bus.h"
#include <geminga/client.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TOPIC_MAX  2048
#define TIMEOUT_MS 5000 /* of each step: somebody waits for the answer */

struct approvals_writer {
    const struct notary_settings *settings;
    struct log *log;
    struct text topic;
    pthread_mutex_t lock; /* over what follows */
    pulsar_client_t *client;
    pulsar_producer_t *producer;
};

enum err approvals_writer_new(struct approvals_writer **out, const struct notary_settings *settings, struct log *log)
{
    struct approvals_writer *w = calloc(1, sizeof *w);

    if (!w)
        return ERR_NOMEM;
    w->settings = settings;
    w->log = log;
    pthread_mutex_init(&w->lock, NULL);
    text_init(&w->topic, TOPIC_MAX);
    pulsar_topic_name(&settings->pulsar, settings->approvals.topic, &w->topic);
    if (text_failed(&w->topic)) {
        approvals_writer_free(w);
        return ERR_NOMEM;
    }
    *out = w;
    return OK;
}

static void disconnect(struct approvals_writer *w)
{
    if (w->producer) {
        pulsar_producer_close(w->producer);
        pulsar_producer_free(w->producer);
    }
    if (w->client) {
        pulsar_client_close(w->client);
        pulsar_client_free(w->client);
    }
    w->producer = NULL;
    w->client = NULL;
}

/* The name is the broker's to choose: several replicas write here. */
static pulsar_result connect_to(struct approvals_writer *w)
{
    pulsar_producer_configuration_t *conf;
    pulsar_result result;

    if (w->producer)
        return pulsar_result_Ok;
    if (!w->client && !(w->client = bus_client_new(&w->settings->pulsar, w->log, TIMEOUT_MS)))
        return pulsar_result_InvalidConfiguration;
    if (!(conf = pulsar_producer_configuration_create()))
        return pulsar_result_UnknownError;
    pulsar_producer_configuration_set_send_timeout(conf, TIMEOUT_MS);
    pulsar_producer_configuration_set_batching_enabled(conf, false);
    result = pulsar_client_create_producer(w->client, w->topic.data, conf, &w->producer);
    pulsar_producer_configuration_free(conf);
    return result;
}

static pulsar_result send_one(struct approvals_writer *w, const char *event_id, struct bytes statement)
{
    pulsar_message_t *message = pulsar_message_create();
    pulsar_result result;

    if (!message)
        return pulsar_result_UnknownError;
    pulsar_message_set_partition_key(message, event_id);
    pulsar_message_set_content(message, statement.data, statement.len);
    result = pulsar_producer_send(w->producer, message);
    pulsar_message_free(message);
    return result;
}

enum err approvals_write(struct approvals_writer *w, const char *event_id, struct bytes statement, char *why,
                         size_t why_size)
{
    const struct runtime_options options = {.settings = &w->settings->pulsar};
    pulsar_result result;

    pthread_mutex_lock(&w->lock);
    result = connect_to(w);
    if (result == pulsar_result_Ok)
        result = send_one(w, event_id, statement);
    if (result != pulsar_result_Ok)
        disconnect(w);
    pthread_mutex_unlock(&w->lock);
    if (result == pulsar_result_Ok)
        return OK;
    bus_explain(&options, w->topic.data, result, why, why_size);
    return bus_is_retryable(result) ? ERR_AGAIN : ERR_DENIED;
}

void approvals_writer_free(struct approvals_writer *w)
{
    if (!w)
        return;
    disconnect(w);
    text_deinit(&w->topic);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
