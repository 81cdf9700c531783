/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.c - the commands that a client may send.
 *
 * What is not here is a broker's to say, or unknown; session.c decides what becomes of that.  Each row says which
 * operation the command is (broker/operations.h), and its handler asks session_may before it does anything.
 */
#include "session/session_private.h"

#define COMMAND(name, state, busy, handler, operation, refusal)                                                        \
    {                                                                                                                  \
        WIRE__BASE_COMMAND__TYPE__##name, SESSION_##state, busy, OPERATION_##operation, refusal, handler               \
    }

static const struct command table[] = {
    COMMAND(CONNECT, HANDSHAKE, false, handle_connect, OPEN, NULL),
    COMMAND(PING, READY, false, handle_ping, OPEN, NULL),
    COMMAND(PONG, READY, false, handle_ignored, OPEN, NULL), /* any frame shows that the peer lives */
    COMMAND(AUTH_RESPONSE, READY, false, handle_auth_response, OPEN, NULL),

    COMMAND(LOOKUP, READY, false, handle_lookup, LOOKUP, "Client is not authorized to Lookup"),
    COMMAND(PARTITIONED_METADATA, READY, false, handle_partitioned_metadata, LOOKUP,
            "Client is not authorized to Get Partition Metadata"),
    COMMAND(GET_TOPICS_OF_NAMESPACE, READY, false, handle_get_topics, GET_TOPICS,
            "Client is not authorized to GetTopicsOfNamespace"),
    COMMAND(WATCH_TOPIC_LIST, READY, false, handle_watch_topics, GET_TOPICS,
            "Proxy Client is not authorized to watchTopicList"),
    COMMAND(WATCH_TOPIC_LIST_CLOSE, READY, false, handle_watch_topics_close, OPENED, NULL),

    COMMAND(PRODUCER, READY, false, handle_producer, PRODUCE, "Client is not authorized to Produce"),
    COMMAND(SEND, READY, true, handle_send, OPENED, NULL),
    COMMAND(CLOSE_PRODUCER, READY, false, handle_close_producer, OPENED, NULL),

    COMMAND(SUBSCRIBE, READY, false, handle_subscribe, CONSUME, "Client is not authorized to subscribe"),
    COMMAND(FLOW, READY, true, handle_flow, OPENED, NULL),
    COMMAND(ACK, READY, true, handle_ack, OPENED, NULL),
    COMMAND(REDELIVER_UNACKNOWLEDGED_MESSAGES, READY, false, handle_redeliver, OPENED, NULL),
    COMMAND(UNSUBSCRIBE, READY, false, handle_unsubscribe, OPENED, NULL),
    COMMAND(SEEK, READY, false, handle_seek, OPENED, NULL),
    COMMAND(CLOSE_CONSUMER, READY, false, handle_close_consumer, OPENED, NULL),
    COMMAND(GET_LAST_MESSAGE_ID, READY, false, handle_last_message_id, OPENED, NULL),
    COMMAND(CONSUMER_STATS, READY, false, handle_consumer_stats, OPENED, NULL),

    COMMAND(GET_SCHEMA, READY, false, handle_get_schema, GET_METADATA, "Client is not authorized to Get Schema"),
    COMMAND(GET_OR_CREATE_SCHEMA, READY, false, handle_get_or_create_schema, PRODUCE,
            "Client is not authorized to Get Or Create Schema"),

    COMMAND(TC_CLIENT_CONNECT_REQUEST, READY, false, handle_transaction, KNOWN, NULL),
    COMMAND(NEW_TXN, READY, false, handle_transaction, KNOWN, NULL),
    COMMAND(ADD_PARTITION_TO_TXN, READY, false, handle_transaction, KNOWN, NULL),
    COMMAND(ADD_SUBSCRIPTION_TO_TXN, READY, false, handle_transaction, KNOWN, NULL),
    COMMAND(END_TXN, READY, false, handle_transaction, KNOWN, NULL),
    COMMAND(END_TXN_ON_PARTITION, READY, false, handle_transaction, KNOWN, NULL),
    COMMAND(END_TXN_ON_SUBSCRIPTION, READY, false, handle_transaction, KNOWN, NULL),
};

const struct command *commands_all(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

const struct command *command_find(int type)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].type == type)
            return &table[i];
    }
    return NULL;
}
