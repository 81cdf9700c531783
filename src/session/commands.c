/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.c - the commands that a client may send.
 *
 * What is not here is a broker's to say, or unknown; session.c decides what becomes of that.
 */
#include "session/session_private.h"

#define COMMAND(name, state, busy, handler)                                                                            \
    {                                                                                                                  \
        WIRE__BASE_COMMAND__TYPE__##name, SESSION_##state, busy, handler                                               \
    }

static const struct command table[] = {
    COMMAND(CONNECT, HANDSHAKE, false, handle_connect),
    COMMAND(PING, READY, false, handle_ping),
    COMMAND(PONG, READY, false, handle_ignored), /* any frame shows that the peer lives */
    COMMAND(AUTH_RESPONSE, READY, false, handle_auth_response),

    COMMAND(LOOKUP, READY, false, handle_lookup),
    COMMAND(PARTITIONED_METADATA, READY, false, handle_partitioned_metadata),
    COMMAND(GET_TOPICS_OF_NAMESPACE, READY, false, handle_get_topics),
    COMMAND(WATCH_TOPIC_LIST, READY, false, handle_watch_topics),
    COMMAND(WATCH_TOPIC_LIST_CLOSE, READY, false, handle_watch_topics_close),

    COMMAND(PRODUCER, READY, false, handle_producer),
    COMMAND(SEND, READY, true, handle_send),
    COMMAND(CLOSE_PRODUCER, READY, false, handle_close_producer),

    COMMAND(SUBSCRIBE, READY, false, handle_subscribe),
    COMMAND(FLOW, READY, true, handle_flow),
    COMMAND(ACK, READY, true, handle_ack),
    COMMAND(REDELIVER_UNACKNOWLEDGED_MESSAGES, READY, false, handle_redeliver),
    COMMAND(UNSUBSCRIBE, READY, false, handle_unsubscribe),
    COMMAND(SEEK, READY, false, handle_seek),
    COMMAND(CLOSE_CONSUMER, READY, false, handle_close_consumer),
    COMMAND(GET_LAST_MESSAGE_ID, READY, false, handle_last_message_id),
    COMMAND(CONSUMER_STATS, READY, false, handle_consumer_stats),

    COMMAND(GET_SCHEMA, READY, false, handle_get_schema),
    COMMAND(GET_OR_CREATE_SCHEMA, READY, false, handle_get_or_create_schema),

    COMMAND(TC_CLIENT_CONNECT_REQUEST, READY, false, handle_transaction),
    COMMAND(NEW_TXN, READY, false, handle_transaction),
    COMMAND(ADD_PARTITION_TO_TXN, READY, false, handle_transaction),
    COMMAND(ADD_SUBSCRIPTION_TO_TXN, READY, false, handle_transaction),
    COMMAND(END_TXN, READY, false, handle_transaction),
    COMMAND(END_TXN_ON_PARTITION, READY, false, handle_transaction),
    COMMAND(END_TXN_ON_SUBSCRIPTION, READY, false, handle_transaction),
};

const struct command *command_find(int type)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].type == type)
            return &table[i];
    }
    return NULL;
}
