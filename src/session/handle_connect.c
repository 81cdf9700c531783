/* SPDX-License-Identifier: Apache-2.0
 *
 * handle_connect.c - the handshake, the heartbeat, and what is refused as a whole: transactions.
 *
 * Who is at the other end, when that is asked: login.c.
 */
#include "session/login.h"
#include "session/session_private.h"

#include <stdio.h>

static int least(int a, int b)
{
    return a < b ? a : b;
}

void session_connected(struct session *s)
{
    Wire__CommandConnected connected = WIRE__COMMAND_CONNECTED__INIT;
    Wire__FeatureFlags flags = WIRE__FEATURE_FLAGS__INIT;
    char version[128];

    session_ready(s);
    (void)snprintf(version, sizeof version, "Pulsar Server geminga/%s", s->server->options.version);
    connected.server_version = version;
    connected.has_protocol_version = true;
    connected.protocol_version = s->protocol;
    connected.has_max_message_size = true;
    connected.max_message_size = (int32_t)s->server->options.message_bytes_max;
    flags.has_supports_topic_watchers = true;
    flags.supports_topic_watchers = true;
    flags.has_supports_get_partitioned_metadata_without_auto_creation = true;
    flags.supports_get_partitioned_metadata_without_auto_creation = true;
    connected.feature_flags = &flags;
    session_send(s, WIRE__BASE_COMMAND__TYPE__CONNECTED, &connected);
    log_debug(s->server->log, "session", "%s: %s, protocol version %d", s->peer, s->client_version, s->protocol);
}

/* The bytes of a command that had credentials: nobody else has a slice of them. */
static void command_wipe(const struct incoming *in)
{
    explicit_bzero((void *)(uintptr_t)in->frame.command.data, in->frame.command.len);
}

void handle_connect(struct session *s, const struct incoming *in)
{
    const Wire__CommandConnect *connect = in->body->connect;

    s->protocol = least(connect->protocol_version, WIRE_PROTOCOL_VERSION);
    (void)snprintf(s->client_version, sizeof s->client_version, "%s", connect->client_version);
    if (s->server->options.authenticator)
        login_start(s, connect);
    else /* whatever method a client names, it is nobody in particular */
        session_connected(s);
    command_wipe(in);
}

void handle_auth_response(struct session *s, const struct incoming *in)
{
    if (s->login)
        login_response(s, in->body->auth_response);
    command_wipe(in);
}

void handle_ping(struct session *s, const struct incoming *in)
{
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
    session_send(s, WIRE__BASE_COMMAND__TYPE__PONG, &pong);
}

void handle_ignored(struct session *s, const struct incoming *in)
{
}

static uint64_t transaction_request(const struct incoming *in)
{
    switch (in->type) {
    case WIRE__BASE_COMMAND__TYPE__TC_CLIENT_CONNECT_REQUEST:
        return in->body->tc_client_connect_request->request_id;
    case WIRE__BASE_COMMAND__TYPE__NEW_TXN:
        return in->body->new_txn->request_id;
    case WIRE__BASE_COMMAND__TYPE__ADD_PARTITION_TO_TXN:
        return in->body->add_partition_to_txn->request_id;
    case WIRE__BASE_COMMAND__TYPE__ADD_SUBSCRIPTION_TO_TXN:
        return in->body->add_subscription_to_txn->request_id;
    case WIRE__BASE_COMMAND__TYPE__END_TXN:
        return in->body->end_txn->request_id;
    case WIRE__BASE_COMMAND__TYPE__END_TXN_ON_PARTITION:
        return in->body->end_txn_on_partition->request_id;
    default:
        return in->body->end_txn_on_subscription->request_id;
    }
}

void handle_transaction(struct session *s, const struct incoming *in)
{
    session_send_error(s, transaction_request(in), WIRE__SERVER_ERROR__NotAllowedError,
                       "transactions are not built: transactionCoordinatorEnabled is false");
}
