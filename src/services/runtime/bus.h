/* SPDX-License-Identifier: Apache-2.0
 *
 * bus.h - a runtime's objects of the client library: one client, a producer for each output, a consumer for each input.
 *
 * Made together and closed together.  May call: base/, the client library.
 */
#ifndef SERVICES_RUNTIME_BUS_H
#define SERVICES_RUNTIME_BUS_H

#include "services/runtime/runtime.h"
#include <pulsar/c/client.h>

struct bus {
    pulsar_client_t *client;
    pulsar_consumer_t *consumers[RUNTIME_INPUTS_MAX];
    size_t consumer_count;
    pulsar_producer_t *producers[RUNTIME_OUTPUTS_MAX];
    size_t producer_count;
    pulsar_producer_t *dead_letters; /* made when there is the first one */
    char producer_name[256];
};

/* A client as the settings say, which talks to nobody yet; NULL, logged: they make no sense, or no memory. */
pulsar_client_t *bus_client_new(const struct pulsar_settings *s, struct log *log, int64_t operation_timeout_ms);

/* As `pulsar.producer.compression` says. */
pulsar_compression_type bus_compression(const struct pulsar_settings *s);

/* Makes the client, which talks to nobody yet.  Then bus_open, and bus_close after any result of that. */
MUST_USE bool bus_init(struct bus *b, const struct runtime_options *options);

/* Connects, and makes producers and consumer; waits for all of it.  Otherwise *topic is what could not be used. */
pulsar_result bus_open(struct bus *b, const struct runtime_options *options, const char **topic);

/* From any thread while bus_open runs: it returns soon, without success. */
void bus_interrupt(struct bus *b);

void bus_close(struct bus *b);

/* The producer of the dead letter topic; NULL with the reason in *result. */
pulsar_producer_t *bus_dead_letters(struct bus *b, const struct runtime_options *options, pulsar_result *result);

/* Whether the same may succeed later with nothing changed. */
bool bus_is_retryable(pulsar_result result);

/* One sentence about a failure, with what to do where we know it. */
void bus_explain(const struct runtime_options *options, const char *topic, pulsar_result result, char *message,
                 size_t size);

/* The client's own log lines go where ours go. */
void bus_set_logger(pulsar_client_configuration_t *conf, struct log *log);

#endif
