/* SPDX-License-Identifier: Apache-2.0
 *
 * request.h - what a WebSocket's address asks for, as Apache Pulsar's: whom to be, of which topic, and how.
 *
 *     /ws/v2/producer/DOMAIN/TENANT/NAMESPACE/TOPIC                  ?producerName=...
 *     /ws/v2/consumer/DOMAIN/TENANT/NAMESPACE/TOPIC/SUBSCRIPTION     ?subscriptionType=Shared&receiverQueueSize=...
 *     /ws/v2/reader/DOMAIN/TENANT/NAMESPACE/TOPIC                    ?messageId=earliest
 *
 * A topic's name may have slashes in it.  Parameters that nobody knows are passed over, as there; those that are known
 * and cannot be done are refused.  May call: base/, the configurations of the client library.
 */
#ifndef SERVICES_WEBSOCKET_REQUEST_H
#define SERVICES_WEBSOCKET_REQUEST_H

#include "sys/web_socket.h"
#include <pulsar/c/client.h>

enum ws_kind { WS_PRODUCER, WS_CONSUMER, WS_READER };

#define WS_QUEUE_MAX 1000 /* messages that are sent to a peer ahead of its acknowledgements */

struct ws_request {
    enum ws_kind kind;
    char *topic;        /* "persistent://t/n/x" */
    char *subscription; /* of a consumer */
    /* One of these. */
    pulsar_producer_configuration_t *producer;
    pulsar_consumer_configuration_t *consumer;
    pulsar_reader_configuration_t *reader;
    pulsar_message_id_t *start; /* of a reader */
    unsigned queue;             /* 1 to WS_QUEUE_MAX */
    bool pull;                  /* nothing is sent that was not asked for */
    char *dead_letter_topic;    /* while the configuration is being made */
    int redeliveries_max;
};

/* 0, or an HTTP status and the reason.  ws_request_free after either. */
MUST_USE unsigned ws_request_read(struct ws_request *r, const struct web_request *from, char *reason,
                                  size_t reason_size);
void ws_request_free(struct ws_request *r);

#endif
