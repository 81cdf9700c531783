/* SPDX-License-Identifier: Apache-2.0
 *
 * connection.c - sockets and handshakes; frames in, frames out; requests and their deadlines.
 *
 * Reading is never stopped: consumers grant what they can take, and answers are small.
 * Invariant: a connection is in core->connections until it is CLOSED; peers, requests and waiters are in its lists only
 * while they are under way.
 */
#include "client/connection.h"

#include "base/sanitized.h"
#include "base/secret.h"
#include "client/result.h"
#include "wire/frame.h"

#include <assert.h>
#include <geminga/client.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_SIZE   (64u * 1024)
#define ARENA_LIMIT (16u * 1024 * 1024)
#define SPARES_MAX  1024
#define REQUEST_NO  UINT64_MAX /* what an ERROR without request carries */

enum connection_state { CONNECTING, HANDSHAKE, READY, CLOSED };

struct client_connection {
    struct list node; /* core->connections */
    struct client_core *core;
    enum connection_state state;
    char *broker_url, *address_url;
    struct client_address address;

    struct net *net;
    struct connector connector;
    struct conn_handler handler;
    struct conn *conn; /* NULL while CONNECTING and after on_closed */

    uint8_t *in; /* bytes not yet taken apart are in[0 .. in_len) */
    size_t in_len, in_capacity;
    bool in_large; /* a frame of more than READ_SIZE came since the last ping: more will, perhaps */
    size_t frame_limit;
    struct arena arena; /* of the frame at hand */

    struct list spares; /* out_frames that were written, to be used again */
    uint32_t spare_count;

    struct list waiters;
    struct list requests;  /* by deadline: all have the same timeout */
    struct list unhurried; /* those whose answer may take for ever */
    struct map requests_by_id;
    struct list peers;
    struct map peers_by_id;
    pulsar_result why; /* what those who wait are told when it ends */
    bool hopeless;     /* and this, too */

    struct timer handshake, keep_alive, patience; /* patience: of the oldest request */
    struct timer ending;                          /* a close before there is a socket is told later, too */
    bool silent;                                  /* nothing came since the last ping */
};

/* One frame on its way out. */
struct out_frame {
    struct conn_write write; /* its node is also that of `spares` */
    struct client_connection *connection;
    struct slice frame;
};

static struct out_frame *spare_take(struct client_connection *c)
{
    struct list *node = list_pop_front(&c->spares);

    if (!node)
        return NULL;
    c->spare_count--;
    return container_of(container_of(node, struct conn_write, node), struct out_frame, write);
}

/* ---- the end ---- */

static void waiters_tell(struct client_connection *c, pulsar_result result)
{
    struct list *node;

    while ((node = list_pop_front(&c->waiters))) {
        struct client_waiter *w = container_of(node, struct client_waiter, node);

        timer_stop(&w->soon);
        w->connection = NULL;
        w->hopeless = c->hopeless;
        w->done(w, result, result == pulsar_result_Ok ? c : NULL);
    }
}

static void requests_fail(struct client_connection *c, struct list *requests)
{
    struct list *node;

    while ((node = list_pop_front(requests))) {
        struct client_request *r = container_of(node, struct client_request, node);

        map_remove_id(&c->requests_by_id, r->id);
        r->connection = NULL;
        r->done(r, pulsar_result_Disconnected, NULL);
    }
}

static void peers_lose(struct client_connection *c)
{
    struct list *node;

    while ((node = list_pop_front(&c->peers))) {
        struct client_peer *peer = container_of(node, struct client_peer, node);

        map_remove_id(&c->peers_by_id, peer->id);
        peer->connection = NULL;
        peer->ops->lost(peer);
    }
}

static void connection_free(struct client_connection *c)
{
    for (struct out_frame *out; (out = spare_take(c));)
        free(out);
    map_deinit(&c->requests_by_id);
    map_deinit(&c->peers_by_id);
    arena_deinit(&c->arena);
    free(c->in);
    free(c->broker_url);
    free(c->address_url);
    free(c);
}

/* No longer given out. */
static void connection_retire(struct client_connection *c)
{
    c->state = CLOSED;
    list_remove(&c->node);
    timer_stop(&c->handshake);
    timer_stop(&c->keep_alive);
    timer_stop(&c->patience);
}

static void connection_end(struct client_connection *c)
{
    struct client_core *core = c->core;

    assert(c->state == CLOSED);
    assert(!c->conn);
    waiters_tell(c, c->why);
    requests_fail(c, &c->requests);
    requests_fail(c, &c->unhurried);
    peers_lose(c);
    assert(map_count(&c->requests_by_id) == 0);
    connection_free(c);
    if (--core->connections_alive == 0 && core->stopping)
        core->on_drained(core);
}

static void on_ending(struct timer *timer)
{
    connection_end(container_of(timer, struct client_connection, ending));
}

/* Retires it now; those concerned are told when the socket is gone, or on the next turn. */
static void connection_close(struct client_connection *c, pulsar_result why)
{
    if (c->state == CLOSED)
        return;
    if (c->state == CONNECTING)
        c->net->ops->connect_cancel(c->net, &c->connector);
    connection_retire(c);
    c->why = why;
    if (c->conn)
        conn_close(c->conn);
    else
        timer_start_ms(&c->ending, 0);
}

void client_connection_break(struct client_connection *c, const char *why)
{
    if (c->state == CLOSED)
        return;
    log_warn(c->core->log, "client", "closing the connection to %s: %s", c->address_url, why);
    connection_close(c, pulsar_result_Disconnected);
}

void client_connections_close(struct client_core *core)
{
    list_each_safe (node, &core->connections)
        connection_close(container_of(node, struct client_connection, node), pulsar_result_AlreadyClosed);
    if (core->connections_alive == 0)
        core->on_drained(core);
}

/* Of TLS: certificates, or a peer that speaks none.  Where the service has several hosts, another one may do better. */
static bool is_hopeless(const struct client_connection *c, enum err why)
{
    return c->core->tls && c->core->service_count == 1 && (why == ERR_DENIED || why == ERR_PROTOCOL);
}

static void on_closed(struct conn_handler *h, enum err why)
{
    struct client_connection *c = container_of(h, struct client_connection, handler);

    c->conn = NULL;
    if (c->state != CLOSED) {
        log_info(c->core->log, "client", "the connection to %s ended: %s", c->address_url, err_text(why));
        c->why = c->state == READY ? pulsar_result_Disconnected : pulsar_result_ConnectError;
        c->hopeless = is_hopeless(c, why); /* TLS 1.3 tells only now that our certificate will not do */
        connection_retire(c);
    }
    connection_end(c);
}

/* ---- frames out ---- */

static void on_written(struct conn_write *w, enum err err)
{
    struct out_frame *out = container_of(w, struct out_frame, write);
    struct client_connection *c = out->connection;

    slice_unref(&out->frame);
    if (SANITIZED || c->spare_count == SPARES_MAX) {
        free(out);
        return;
    }
    list_push_front(&c->spares, &w->node);
    c->spare_count++;
}

/* The same of a frame that holds a proof, and that nobody else refers to. */
static void on_secret_written(struct conn_write *w, enum err err)
{
    struct buffer *buffer = container_of(w, struct out_frame, write)->frame.buffer;

    secret_wipe(buffer->data, buffer->capacity);
    on_written(w, err);
}

/* Takes the reference. */
static void frame_send(struct client_connection *c, struct slice frame,
                       void (*done)(struct conn_write *w, enum err err))
{
    struct out_frame *out = spare_take(c);

    if (!out && !(out = malloc(sizeof *out))) {
        if (done == on_secret_written)
            secret_wipe(frame.buffer->data, frame.buffer->capacity);
        slice_unref(&frame);
        client_connection_break(c, "out of memory");
        return;
    }
    out->connection = c;
    out->frame = frame;
    out->write.parts[0] = slice_bytes(frame); /* the one part that counts */
    out->write.count = 1;
    out->write.done = done;
    conn_write(c->conn, &out->write);
}

void client_connection_send(struct client_connection *c, struct slice frame)
{
    if (c->state == HANDSHAKE || c->state == READY)
        frame_send(c, slice_ref(frame), on_written);
}

static void secret_send(struct client_connection *c, struct slice frame)
{
    assert(c->state == HANDSHAKE || c->state == READY);
    frame_send(c, frame, on_secret_written);
}

void client_connection_command(struct client_connection *c, const Wire__BaseCommand *command)
{
    struct slice frame;

    if (command_encode_slice(command, NULL, &frame) != OK) {
        client_connection_break(c, "out of memory");
        return;
    }
    client_connection_send(c, frame);
    slice_unref(&frame);
}

/* ---- requests ---- */

void client_request_init(struct client_request *r, struct client_core *core,
                         void (*done)(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer))
{
    *r = (struct client_request){.id = client_core_id(core), .done = done};
    list_init(&r->node);
}

/* Also restarts the timer for the request that is oldest now. */
static void patience_set(struct client_connection *c)
{
    if (list_empty(&c->requests))
        timer_stop(&c->patience);
    else
        timer_start_at(&c->patience, container_of(c->requests.next, struct client_request, node)->deadline_ns);
}

static void request_forget(struct client_request *r)
{
    map_remove_id(&r->connection->requests_by_id, r->id);
    list_remove(&r->node);
    r->connection = NULL;
}

void client_request_cancel(struct client_request *r)
{
    if (r->connection)
        request_forget(r);
}

void client_connection_request(struct client_connection *c, struct client_request *r, const Wire__BaseCommand *command)
{
    assert(!r->connection);
    r->connection = c;
    r->deadline_ns = loop_now_ns(c->core->sys->loop) + client_core_timeout_ns(c->core);
    list_push_back(&c->requests, &r->node);
    if (map_put_id(&c->requests_by_id, r->id, r) != OK)
        client_connection_break(c, "out of memory"); /* fails it, later */
    if (c->state == CLOSED)
        return; /* what is in the list fails when it ends */
    if (!timer_running(&c->patience))
        patience_set(c);
    client_connection_command(c, command);
}

static void on_patience(struct timer *timer)
{
    struct client_connection *c = container_of(timer, struct client_connection, patience);
    uint64_t now = loop_now_ns(c->core->sys->loop);

    while (c->state != CLOSED && !list_empty(&c->requests)) {
        struct client_request *r = container_of(c->requests.next, struct client_request, node);

        if (r->deadline_ns > now)
            break;
        request_forget(r);
        r->done(r, pulsar_result_Timeout, NULL);
    }
    if (c->state != CLOSED)
        patience_set(c);
}

static void request_answer(struct client_connection *c, uint64_t id, pulsar_result result,
                           const Wire__BaseCommand *answer)
{
    struct client_request *r = map_find_id(&c->requests_by_id, id);

    if (!r)
        return; /* it timed out, or was cancelled */
    request_forget(r);
    r->done(r, result, answer);
}

/* ---- peers ---- */

bool client_connection_attach(struct client_connection *c, struct client_peer *peer)
{
    assert(!peer->connection);
    if (map_put_id(&c->peers_by_id, peer->id, peer) != OK)
        return false;
    peer->connection = c;
    list_push_back(&c->peers, &peer->node);
    return true;
}

void client_connection_detach(struct client_peer *peer)
{
    if (!peer->connection)
        return;
    map_remove_id(&peer->connection->peers_by_id, peer->id);
    list_remove(&peer->node);
    peer->connection = NULL;
}

static struct client_peer *peer_find(struct client_connection *c, uint64_t id)
{
    return map_find_id(&c->peers_by_id, id); /* NULL: closed by us, and the broker does not know it yet */
}

/* ---- authentication ---- */

static void connect_send(struct client_connection *c)
{
    const bool proxied = strcmp(c->broker_url, c->address_url) != 0;
    struct slice frame;
    const char *why;

    if (client_auth_connect(&c->core->config->auth, proxied ? client_url_host(c->broker_url) : NULL, &frame, &why) !=
        OK) {
        log_error(c->core->log, "client", "there is nothing to show to %s: %s", c->address_url, why);
        connection_close(c, pulsar_result_ErrorGettingAuthenticationData);
        return;
    }
    secret_send(c, frame);
}

static void on_auth_challenge(struct client_connection *c, const Wire__BaseCommand *challenge)
{
    struct slice frame;
    const char *why;

    if (client_auth_response(&c->core->config->auth, &frame, &why) != OK) {
        log_error(c->core->log, "client", "%s asks again who we are, and there is nothing to show: %s", c->address_url,
                  why);
        connection_close(c, pulsar_result_ErrorGettingAuthenticationData);
        return;
    }
    secret_send(c, frame);
}

/* ---- commands in ---- */

static void on_connected(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandConnected *connected = command->connected;

    if (c->state != HANDSHAKE) {
        client_connection_break(c, "a second CONNECTED");
        return;
    }
    if (connected->has_max_message_size && connected->max_message_size > 0) {
        c->core->message_size_max = (size_t)connected->max_message_size;
        c->frame_limit = frame_limit((size_t)connected->max_message_size);
    }
    c->state = READY;
    timer_stop(&c->handshake);
    log_info(c->core->log, "client", "connected to %s (%s)", c->address_url, connected->server_version);
    waiters_tell(c, pulsar_result_Ok);
}

static void on_error(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandError *error = command->error;
    pulsar_result result = client_result_of(error->error);

    if (c->state == HANDSHAKE || error->request_id == REQUEST_NO) {
        log_warn(c->core->log, "client", "%s refused the connection: %s", c->address_url, error->message);
        connection_close(c, result);
        return;
    }
    log_debug(c->core->log, "client", "%s answered %s: %s", c->address_url, pulsar_result_str(result), error->message);
    request_answer(c, error->request_id, result, NULL);
}

static void on_success(struct client_connection *c, const Wire__BaseCommand *command)
{
    request_answer(c, command->success->request_id, pulsar_result_Ok, command);
}

/* A producer that waits for exclusive access is answered twice: the first answer only says that it waits. */
static void on_producer_success(struct client_connection *c, const Wire__BaseCommand *command)
{
    struct client_request *r = map_find_id(&c->requests_by_id, command->producer_success->request_id);

    if (r && !command->producer_success->producer_ready) {
        list_remove(&r->node);
        list_push_back(&c->unhurried, &r->node);
        return;
    }
    request_answer(c, command->producer_success->request_id, pulsar_result_Ok, command);
}

static void on_lookup_response(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandLookupTopicResponse *r = command->lookup_topic_response;
    pulsar_result result = pulsar_result_Ok;

    if (!r->has_response || r->response == WIRE__COMMAND_LOOKUP_TOPIC_RESPONSE__LOOKUP_TYPE__Failed) {
        result = r->has_error ? client_result_of(r->error) : pulsar_result_LookupError;
        log_debug(c->core->log, "client", "lookup failed: %s", r->message ? r->message : pulsar_result_str(result));
    }
    request_answer(c, r->request_id, result, command);
}

static void on_partitions_response(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandPartitionedTopicMetadataResponse *r = command->partition_metadata_response;
    pulsar_result result = pulsar_result_Ok;

    if (!r->has_response || r->response == WIRE__COMMAND_PARTITIONED_TOPIC_METADATA_RESPONSE__LOOKUP_TYPE__Failed) {
        result = r->has_error ? client_result_of(r->error) : pulsar_result_LookupError;
        log_debug(c->core->log, "client", "no partition metadata: %s", r->message ? r->message : "");
    }
    request_answer(c, r->request_id, result, command);
}

static void on_last_message_id(struct client_connection *c, const Wire__BaseCommand *command)
{
    request_answer(c, command->get_last_message_id_response->request_id, pulsar_result_Ok, command);
}

/* To what was asked of a transaction. */
static void transaction_answer(struct client_connection *c, uint64_t request_id, bool has_error,
                               Wire__ServerError error, const char *message, const Wire__BaseCommand *command)
{
    const pulsar_result result = has_error ? client_result_of(error) : pulsar_result_Ok;

    if (has_error)
        log_debug(c->core->log, "client", "%s answered %s: %s", c->address_url, pulsar_result_str(result),
                  message ? message : "");
    request_answer(c, request_id, result, command);
}

static void on_coordinator_connected(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandTcClientConnectResponse *r = command->tc_client_connect_response;

    transaction_answer(c, r->request_id, r->has_error, r->error, r->message, command);
}

static void on_new_transaction(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandNewTxnResponse *r = command->new_txn_response;

    transaction_answer(c, r->request_id, r->has_error, r->error, r->message, command);
}

static void on_partition_added(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandAddPartitionToTxnResponse *r = command->add_partition_to_txn_response;

    transaction_answer(c, r->request_id, r->has_error, r->error, r->message, command);
}

static void on_subscription_added(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandAddSubscriptionToTxnResponse *r = command->add_subscription_to_txn_response;

    transaction_answer(c, r->request_id, r->has_error, r->error, r->message, command);
}

static void on_transaction_ended(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandEndTxnResponse *r = command->end_txn_response;

    transaction_answer(c, r->request_id, r->has_error, r->error, r->message, command);
}

/* Only acknowledgements in a transaction ask for one. */
static void on_ack_response(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandAckResponse *r = command->ack_response;

    if (r->has_request_id)
        transaction_answer(c, r->request_id, r->has_error, r->error, r->message, command);
}

static void on_ping(struct client_connection *c, const Wire__BaseCommand *command)
{
    Wire__CommandPong pong = WIRE__COMMAND_PONG__INIT;
    Wire__BaseCommand answer;

    command_wrap(&answer, WIRE__BASE_COMMAND__TYPE__PONG, &pong);
    client_connection_command(c, &answer);
}

static void on_pong(struct client_connection *c, const Wire__BaseCommand *command)
{
    /* Any command says that the broker is there; this one says nothing else. */
}

static void on_send_error(struct client_connection *c, const Wire__BaseCommand *command)
{
    struct client_peer *peer = peer_find(c, command->send_error->producer_id);

    if (peer && peer->ops->send_error)
        peer->ops->send_error(peer, command->send_error);
}

static void peer_move(struct client_connection *c, uint64_t id, const char *plain, const char *with_tls)
{
    struct client_peer *peer = peer_find(c, id);

    if (!peer)
        return;
    client_connection_detach(peer);
    peer->ops->moved(peer, client_core_url(c->core, plain, with_tls));
}

static void on_close_producer(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandCloseProducer *close = command->close_producer;

    peer_move(c, close->producer_id, close->assigned_broker_service_url, close->assigned_broker_service_url_tls);
}

static void on_close_consumer(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandCloseConsumer *close = command->close_consumer;

    peer_move(c, close->consumer_id, close->assigned_broker_service_url, close->assigned_broker_service_url_tls);
}

static void on_topic_migrated(struct client_connection *c, const Wire__BaseCommand *command)
{
    const Wire__CommandTopicMigrated *moved = command->topic_migrated;

    peer_move(c, moved->resource_id, moved->broker_service_url, moved->broker_service_url_tls);
}

static void on_end_of_topic(struct client_connection *c, const Wire__BaseCommand *command)
{
    struct client_peer *peer = peer_find(c, command->reached_end_of_topic->consumer_id);

    if (peer && peer->ops->end_of_topic)
        peer->ops->end_of_topic(peer);
}

/* What only those who asked for it need to hear. */
static void on_ignored(struct client_connection *c, const Wire__BaseCommand *command)
{
}

struct command_row {
    void (*handle)(struct client_connection *c, const Wire__BaseCommand *command);
    bool in_handshake; /* may come before CONNECTED */
};

static const struct command_row command_rows[] = {
    [WIRE__BASE_COMMAND__TYPE__CONNECTED] = {on_connected, true},
    [WIRE__BASE_COMMAND__TYPE__ERROR] = {on_error, true},
    [WIRE__BASE_COMMAND__TYPE__AUTH_CHALLENGE] = {on_auth_challenge, true},
    [WIRE__BASE_COMMAND__TYPE__PING] = {on_ping, true},
    [WIRE__BASE_COMMAND__TYPE__PONG] = {on_pong, true},
    [WIRE__BASE_COMMAND__TYPE__SUCCESS] = {on_success, false},
    [WIRE__BASE_COMMAND__TYPE__PRODUCER_SUCCESS] = {on_producer_success, false},
    [WIRE__BASE_COMMAND__TYPE__LOOKUP_RESPONSE] = {on_lookup_response, false},
    [WIRE__BASE_COMMAND__TYPE__PARTITIONED_METADATA_RESPONSE] = {on_partitions_response, false},
    [WIRE__BASE_COMMAND__TYPE__GET_LAST_MESSAGE_ID_RESPONSE] = {on_last_message_id, false},
    [WIRE__BASE_COMMAND__TYPE__SEND_ERROR] = {on_send_error, false},
    [WIRE__BASE_COMMAND__TYPE__CLOSE_PRODUCER] = {on_close_producer, false},
    [WIRE__BASE_COMMAND__TYPE__CLOSE_CONSUMER] = {on_close_consumer, false},
    [WIRE__BASE_COMMAND__TYPE__TOPIC_MIGRATED] = {on_topic_migrated, false},
    [WIRE__BASE_COMMAND__TYPE__REACHED_END_OF_TOPIC] = {on_end_of_topic, false},
    [WIRE__BASE_COMMAND__TYPE__ACTIVE_CONSUMER_CHANGE] = {on_ignored, false},
    [WIRE__BASE_COMMAND__TYPE__ACK_RESPONSE] = {on_ack_response, false},
    [WIRE__BASE_COMMAND__TYPE__TC_CLIENT_CONNECT_RESPONSE] = {on_coordinator_connected, false},
    [WIRE__BASE_COMMAND__TYPE__NEW_TXN_RESPONSE] = {on_new_transaction, false},
    [WIRE__BASE_COMMAND__TYPE__ADD_PARTITION_TO_TXN_RESPONSE] = {on_partition_added, false},
    [WIRE__BASE_COMMAND__TYPE__ADD_SUBSCRIPTION_TO_TXN_RESPONSE] = {on_subscription_added, false},
    [WIRE__BASE_COMMAND__TYPE__END_TXN_RESPONSE] = {on_transaction_ended, false},
};

static enum err general_handle(struct client_connection *c, int type, const struct frame *frame)
{
    const struct command_row *row;
    Wire__BaseCommand *command;
    enum err err;

    if ((err = command_decode(frame->command, &c->arena, &command)) != OK)
        return err;
    row = type >= 0 && (size_t)type < sizeof command_rows / sizeof command_rows[0] ? &command_rows[type] : NULL;
    if (!row || !row->handle) {
        log_debug(c->core->log, "client", "%s sent %s, which is ignored", c->address_url, command_name(type));
        return OK;
    }
    if (c->state == HANDSHAKE && !row->in_handshake)
        return ERR_PROTOCOL;
    row->handle(c, command);
    return OK;
}

static enum err receipt_handle(struct client_connection *c, const struct frame *frame)
{
    struct send_receipt receipt;
    struct client_peer *peer;
    enum err err;

    if ((err = send_receipt_decode(frame->command, &receipt)) != OK)
        return err;
    peer = peer_find(c, receipt.producer_id);
    if (peer && peer->ops->receipt)
        peer->ops->receipt(peer, &receipt);
    return OK;
}

static enum err message_handle(struct client_connection *c, const struct frame *frame)
{
    struct message_command message;
    struct client_peer *peer;
    enum err err;

    if ((err = message_decode(frame->command, &c->arena, &message)) != OK)
        return err;
    peer = peer_find(c, message.consumer_id);
    if (peer && peer->ops->message)
        peer->ops->message(peer, &message, frame->entry);
    return OK;
}

static enum err frame_handle(struct client_connection *c, struct bytes whole)
{
    struct frame frame;
    enum err err;
    int type;

    if ((err = frame_decode(whole, &frame)) != OK || (err = command_type(frame.command, &type)) != OK)
        return err;
    c->silent = false;
    if (c->state == READY && type == WIRE__BASE_COMMAND__TYPE__SEND_RECEIPT)
        err = receipt_handle(c, &frame);
    else if (c->state == READY && type == WIRE__BASE_COMMAND__TYPE__MESSAGE)
        err = message_handle(c, &frame);
    else
        err = general_handle(c, type, &frame);
    arena_reset(&c->arena);
    return err;
}

/* ---- bytes in ---- */

/* Takes whole frames off the front; *need is what the next one takes. */
static enum err frames_take(struct client_connection *c, size_t *taken, size_t *need)
{
    enum err err;

    for (*taken = 0; c->state != CLOSED; *taken += *need) {
        struct bytes rest = bytes_of(c->in + *taken, c->in_len - *taken);

        if ((err = frame_peek(rest, c->frame_limit, need)) != OK)
            return err;
        c->in_large |= *need > READ_SIZE;
        if (*need > rest.len)
            return OK;
        if ((err = frame_handle(c, bytes_of(rest.data, *need))) != OK)
            return err;
    }
    return OK;
}

static bool in_resize(struct client_connection *c, size_t capacity)
{
    uint8_t *in = realloc(c->in, capacity);

    if (!in)
        return false;
    c->in = in;
    c->in_capacity = capacity;
    return true;
}

/* Gives back the room of large frames when none came for a while. */
static void in_settle(struct client_connection *c)
{
    if (!c->in_large && c->in_len < READ_SIZE && c->in_capacity > READ_SIZE)
        (void)in_resize(c, READ_SIZE); /* as it is, then */
    c->in_large = false;
}

/* Room for a frame of `need` bytes.  What was needed once is kept while such frames come: the kernel would have to
 * clear the same memory for each of them.  Without pings nobody would look whether they do: it is given back at once. */
static bool in_reserve(struct client_connection *c, size_t need)
{
    if (need > c->in_capacity)
        return in_resize(c, need);
    if (need <= READ_SIZE && c->core->config->keep_alive_s <= 0) {
        c->in_large = false;
        in_settle(c);
    }
    return true;
}

static void on_buffer(struct conn_handler *h, uint8_t **data, size_t *len)
{
    struct client_connection *c = container_of(h, struct client_connection, handler);

    assert(c->in_len < c->in_capacity);
    *data = c->in + c->in_len;
    *len = c->in_capacity - c->in_len;
}

static void on_read(struct conn_handler *h, size_t len)
{
    struct client_connection *c = container_of(h, struct client_connection, handler);
    size_t taken, need = 0;
    enum err err;

    c->in_len += len;
    err = frames_take(c, &taken, &need);
    if (c->state == CLOSED)
        return;
    if (err != OK) {
        client_connection_break(c, err_text(err));
        return;
    }
    c->in_len -= taken;
    if (taken && c->in_len)
        memmove(c->in, c->in + taken, c->in_len);
    if (!in_reserve(c, need))
        client_connection_break(c, "out of memory");
}

/* ---- keep-alive ---- */

static void keep_alive_start(struct client_connection *c)
{
    if (c->core->config->keep_alive_s > 0)
        timer_start_ms(&c->keep_alive, (uint64_t)c->core->config->keep_alive_s * 1000);
}

static void on_keep_alive(struct timer *timer)
{
    struct client_connection *c = container_of(timer, struct client_connection, keep_alive);
    Wire__CommandPing ping = WIRE__COMMAND_PING__INIT;
    Wire__BaseCommand command;

    if (c->silent) {
        client_connection_break(c, "the broker does not answer pings");
        return;
    }
    c->silent = true;
    in_settle(c);
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__PING, &ping);
    client_connection_command(c, &command);
    keep_alive_start(c);
}

/* ---- the beginning ---- */

static void on_handshake_late(struct timer *timer)
{
    struct client_connection *c = container_of(timer, struct client_connection, handshake);

    log_warn(c->core->log, "client", "%s does not answer the handshake", c->address_url);
    connection_close(c, pulsar_result_Timeout);
}

static void on_connect_done(struct connector *connector, enum err err, struct conn *conn)
{
    struct client_connection *c = container_of(connector, struct client_connection, connector);

    assert(c->state == CONNECTING);
    if (err != OK) {
        log_warn(c->core->log, "client", "cannot connect to %s: %s", c->address_url, err_text(err));
        c->core->service_next++; /* if this was one of several addresses of the service, the next is asked next time */
        c->why = pulsar_result_ConnectError;
        c->hopeless = is_hopeless(c, err);
        connection_retire(c);
        connection_end(c);
        return;
    }
    c->conn = conn;
    c->state = HANDSHAKE;
    timer_start_at(&c->handshake, loop_now_ns(c->core->sys->loop) + client_core_timeout_ns(c->core));
    keep_alive_start(c);
    conn_read_start(conn);
    connect_send(c);
}

static struct client_connection *connection_new(struct client_core *core, const char *broker_url,
                                                const char *address_url)
{
    struct client_connection *c = calloc(1, sizeof *c);
    struct client_address addresses[CLIENT_HOSTS_MAX];
    size_t count;
    bool tls;

    if (!c)
        return NULL;
    c->core = core;
    c->frame_limit = frame_limit(FRAME_MESSAGE_SIZE_MAX);
    list_init(&c->node);
    list_init(&c->waiters);
    list_init(&c->requests);
    list_init(&c->unhurried);
    list_init(&c->peers);
    list_init(&c->spares);
    map_init(&c->requests_by_id, random_next(&core->random));
    map_init(&c->peers_by_id, random_next(&core->random));
    arena_init(&c->arena, ARENA_LIMIT);
    timer_init(&c->handshake, core->sys->loop, on_handshake_late);
    timer_init(&c->keep_alive, core->sys->loop, on_keep_alive);
    timer_init(&c->patience, core->sys->loop, on_patience);
    timer_init(&c->ending, core->sys->loop, on_ending);
    c->handler = (struct conn_handler){on_buffer, on_read, on_closed};
    c->connector = (struct connector){.done = on_connect_done, .handler = &c->handler};
    if (client_text_set(&c->broker_url, broker_url) && client_text_set(&c->address_url, address_url) &&
        client_address_parse(address_url, addresses, &count, &tls) == OK && in_resize(c, READ_SIZE)) {
        c->address = addresses[0];
        return c;
    }
    connection_free(c);
    return NULL;
}

/* NULL, logged: there is none. */
static struct net *net_for(struct client_core *core)
{
    const char *why = "there are no threads for it";
    struct net *net = core->sys->net;

    if (core->tls)
        net = core->tls_net ? core->tls_net(core, &why) : NULL;
    if (!net)
        log_error(core->log, "client", "no connection with TLS is possible: %s", why);
    return net;
}

static struct client_connection *connection_open(struct client_core *core, struct net *net, const char *broker_url,
                                                 const char *address_url)
{
    struct client_connection *c = connection_new(core, broker_url, address_url);

    if (!c)
        return NULL;
    c->net = net;
    if (net->ops->connect(net, c->address.host, c->address.port, core->config->connection_timeout_ms, &c->connector) !=
        OK) {
        connection_free(c);
        return NULL;
    }
    c->state = CONNECTING;
    core->connections_alive++;
    list_push_back(&core->connections, &c->node);
    return c;
}

static struct client_connection *connection_find(struct client_core *core, const char *broker_url,
                                                 const char *address_url)
{
    list_each (node, &core->connections) {
        struct client_connection *c = container_of(node, struct client_connection, node);

        if (strcmp(c->broker_url, broker_url) == 0 && strcmp(c->address_url, address_url) == 0)
            return c;
    }
    return NULL;
}

/* ---- those who wait ---- */

static void on_soon(struct timer *timer)
{
    struct client_waiter *w = container_of(timer, struct client_waiter, soon);
    struct client_connection *c = w->connection;

    list_remove(&w->node);
    w->connection = NULL;
    w->done(w, c ? pulsar_result_Ok : pulsar_result_ConnectError, c);
}

void client_waiter_init(struct client_waiter *w, struct client_core *core,
                        void (*done)(struct client_waiter *w, pulsar_result result,
                                     struct client_connection *connection))
{
    *w = (struct client_waiter){.done = done};
    list_init(&w->node);
    timer_init(&w->soon, core->sys->loop, on_soon);
}

void client_waiter_cancel(struct client_waiter *w)
{
    list_remove(&w->node);
    timer_stop(&w->soon);
    w->connection = NULL;
}

void client_connection_get(struct client_core *core, const char *broker_url, const char *address_url,
                           struct client_waiter *w)
{
    struct client_connection *c = connection_find(core, broker_url, address_url);
    struct net *net;

    assert(!w->connection && list_empty(&w->node));
    w->hopeless = false;
    if (!c && !core->stopping) {
        net = net_for(core);
        w->hopeless = !net;
        c = net ? connection_open(core, net, broker_url, address_url) : NULL;
    }
    w->connection = c;
    if (c)
        list_push_back(&c->waiters, &w->node); /* told when it is ready, or when it ends */
    if (!c || c->state == READY)
        timer_start_ms(&w->soon, 0);
}

void client_connection_get_service(struct client_core *core, struct client_waiter *w)
{
    const struct client_address *a = &core->services[core->service_next % core->service_count];
    char url[CLIENT_URL_MAX];

    client_address_url(a, core->tls, url, sizeof url);
    client_connection_get(core, url, url, w);
}

const char *client_connection_address(const struct client_connection *c)
{
    return c->address_url;
}

struct arena *client_connection_arena(struct client_connection *c)
{
    return &c->arena;
}
