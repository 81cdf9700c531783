/* SPDX-License-Identifier: Apache-2.0
 *
 * transaction.c - the coordinator: found as the broker that serves one of the partitions of a topic of its own, and
 * asked there.
 *
 * A question lives on the stack of who waits for it.  It is answered exactly once: by the broker, by the end of its
 * connection, or at once where there is none.
 */
#include "client/transaction.h"

#include "client/discovery.h"
#include "client/handle.h"
#include "client/link.h"
#include "client/message.h"

#include <assert.h>
#include <geminga/client.h>
#include <stdlib.h>

#define ASSIGN_TOPIC "persistent://pulsar/system/transaction_coordinator_assign"

struct client_coordinator {
    struct client_handle handle;
    struct task task;
    struct client_wait *opening; /* the loop's; NULL: told */
    /* The loop's. */
    struct client_discovery discovery;
    bool discovering, linked;
    uint32_t number; /* which of the coordinators */
    char *topic;
    struct client_link link;
    struct client_request connect;
    struct timer creation;
    pulsar_result failed; /* of the last attempt */
};

static struct client_coordinator *coordinator_of(struct client_link *l)
{
    return container_of(l, struct client_coordinator, link);
}

/* ---- opening and closing ---- */

static void opened(struct client_coordinator *c, pulsar_result result)
{
    struct client_wait *opening = c->opening;

    timer_stop(&c->creation);
    c->opening = NULL;
    if (opening)
        client_wait_done(opening, result, NULL);
}

static void on_connected(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct client_coordinator *c = container_of(r, struct client_coordinator, connect);

    if (result == pulsar_result_Disconnected)
        return; /* the link hears of it, too */
    if (result != pulsar_result_Ok) {
        client_link_retry(&c->link, result);
        return;
    }
    client_link_ready(&c->link);
    opened(c, pulsar_result_Ok);
}

static void coordinator_attach(struct client_link *l, struct client_connection *connection)
{
    struct client_coordinator *c = coordinator_of(l);
    Wire__CommandTcClientConnectRequest ask = WIRE__COMMAND_TC_CLIENT_CONNECT_REQUEST__INIT;
    Wire__BaseCommand command;

    client_request_init(&c->connect, l->core, on_connected);
    ask.request_id = c->connect.id;
    ask.tc_id = c->number;
    command_wrap(&command, WIRE__BASE_COMMAND__TYPE__TC_CLIENT_CONNECT_REQUEST, &ask);
    client_connection_request(connection, &c->connect, &command);
}

static void coordinator_failed(struct client_link *l, pulsar_result why, bool hopeless)
{
    struct client_coordinator *c = coordinator_of(l);

    c->failed = why;
    if (c->opening && (hopeless || !geminga_result_retryable(why))) {
        client_link_stop(l);
        opened(c, why);
    }
}

static void coordinator_lost(struct client_link *l)
{
    client_request_cancel(&coordinator_of(l)->connect);
}

static const struct client_link_ops link_ops = {coordinator_attach, coordinator_failed, coordinator_lost};
static const struct client_peer_ops peer_ops = {.moved = client_link_moved, .lost = client_link_lost};

static void on_creation_late(struct timer *timer)
{
    struct client_coordinator *c = container_of(timer, struct client_coordinator, creation);

    if (c->linked)
        client_link_stop(&c->link);
    opened(c, c->failed != pulsar_result_Ok ? c->failed : pulsar_result_Timeout);
}

static void on_found(struct client_discovery *d, pulsar_result result, uint32_t partitions)
{
    struct client_coordinator *c = container_of(d, struct client_coordinator, discovery);
    struct client_core *core = &c->handle.client->core;

    c->discovering = false;
    if (result == pulsar_result_TopicNotFound || (result == pulsar_result_Ok && partitions == 0))
        result = pulsar_result_TransactionCoordinatorNotFoundError;
    if (result == pulsar_result_Ok) {
        c->number = (uint32_t)random_below(&core->random, partitions);
        if (client_topic_partition(ASSIGN_TOPIC, c->number, &c->topic) != OK)
            result = pulsar_result_MemoryBufferIsFull;
    }
    if (result != pulsar_result_Ok) {
        opened(c, result);
        return;
    }
    client_link_init(&c->link, core, c->topic, &link_ops, &peer_ops);
    c->linked = true;
    client_link_start(&c->link);
}

static void on_open(struct task *task)
{
    struct client_coordinator *c = container_of(task, struct client_coordinator, task);
    struct client_core *core = &c->handle.client->core;

    timer_init(&c->creation, core->sys->loop, on_creation_late);
    if (!client_handle_open(&c->handle)) {
        opened(c, pulsar_result_AlreadyClosed);
        return;
    }
    timer_start_at(&c->creation, loop_now_ns(core->sys->loop) + client_core_timeout_ns(core));
    c->discovering = true;
    client_discovery_start(&c->discovery, core, ASSIGN_TOPIC, on_found);
}

static void coordinator_close(struct client_handle *h, bool now)
{
    struct client_coordinator *c = container_of(h, struct client_coordinator, handle);

    if (c->discovering)
        client_discovery_cancel(&c->discovery);
    c->discovering = false;
    client_request_cancel(&c->connect);
    if (c->linked)
        client_link_stop(&c->link);
    opened(c, pulsar_result_AlreadyClosed);
    client_handle_gone(h, pulsar_result_Ok);
}

static void coordinator_free(struct client_handle *h)
{
    struct client_coordinator *c = container_of(h, struct client_coordinator, handle);

    free(c->topic);
    free(c);
}

static const struct client_handle_ops handle_ops = {coordinator_close, coordinator_free};

pulsar_result client_coordinator_open(pulsar_client_t *client, struct client_coordinator **out)
{
    struct client_coordinator *c = calloc(1, sizeof *c);
    struct client_wait wait;
    pulsar_result result;

    assert(!client_on_loop(client));
    if (!c)
        return pulsar_result_MemoryBufferIsFull;
    client_handle_init(&c->handle, client, &handle_ops);
    client_wait_init(&wait);
    c->opening = &wait;
    if (!client_post(client, &c->task, on_open))
        client_wait_done(&wait, pulsar_result_AlreadyClosed, NULL);
    if ((result = client_wait_for(&wait, NULL)) == pulsar_result_Ok)
        *out = c;
    else
        client_coordinator_close(c);
    return result;
}

void client_coordinator_close(struct client_coordinator *c)
{
    if (!c)
        return;
    (void)client_handle_close(&c->handle, "client_coordinator_close");
    client_handle_unref(&c->handle);
}

/* ---- questions ---- */

struct question {
    struct task task;
    struct client_coordinator *coordinator;
    struct client_request request;
    Wire__BaseCommand command;
    uint64_t *request_id; /* in the body */
    struct client_wait wait;
    struct client_transaction id; /* of a new transaction */
};

static void on_answer(struct client_request *r, pulsar_result result, const Wire__BaseCommand *answer)
{
    struct question *q = container_of(r, struct question, request);

    if (result == pulsar_result_Ok && answer->new_txn_response)
        q->id = (struct client_transaction){answer->new_txn_response->txnid_most_bits,
                                            answer->new_txn_response->txnid_least_bits};
    client_wait_done(&q->wait, result, NULL);
}

static void on_question(struct task *task)
{
    struct question *q = container_of(task, struct question, task);
    struct client_coordinator *c = q->coordinator;

    if (c->handle.gone || atomic_load(&c->handle.closed) || c->link.state != LINK_READY) {
        client_wait_done(&q->wait, pulsar_result_NotConnected, NULL);
        return;
    }
    client_request_init(&q->request, c->link.core, on_answer);
    *q->request_id = q->request.id;
    client_connection_request(c->link.peer.connection, &q->request, &q->command);
}

/* `body` is of `type`, and *request_id is in it. */
static pulsar_result ask(struct client_coordinator *c, Wire__BaseCommand__Type type, void *body, uint64_t *request_id,
                         struct client_transaction *id)
{
    struct question q = {.coordinator = c, .request_id = request_id};
    pulsar_result result;

    assert(!client_on_loop(c->handle.client));
    command_wrap(&q.command, type, body);
    client_wait_init(&q.wait);
    client_handle_ref(&c->handle);
    if (!client_post(c->handle.client, &q.task, on_question))
        client_wait_done(&q.wait, pulsar_result_AlreadyClosed, NULL);
    result = client_wait_for(&q.wait, NULL);
    client_handle_unref(&c->handle);
    if (result == pulsar_result_Ok && id)
        *id = q.id;
    return result;
}

pulsar_result client_transaction_begin(struct client_coordinator *c, uint64_t timeout_s, struct client_transaction *out)
{
    Wire__CommandNewTxn new_txn = WIRE__COMMAND_NEW_TXN__INIT;

    new_txn.has_txn_ttl_seconds = true;
    new_txn.txn_ttl_seconds = timeout_s * 1000; /* milliseconds, whatever the protocol calls it */
    new_txn.has_tc_id = true;
    new_txn.tc_id = c->number;
    return ask(c, WIRE__BASE_COMMAND__TYPE__NEW_TXN, &new_txn, &new_txn.request_id, out);
}

pulsar_result client_transaction_add_topics(struct client_coordinator *c, const struct client_transaction *t,
                                            char *const *topics, size_t count)
{
    Wire__CommandAddPartitionToTxn add = WIRE__COMMAND_ADD_PARTITION_TO_TXN__INIT;

    add.has_txnid_most_bits = add.has_txnid_least_bits = true;
    add.txnid_most_bits = t->most;
    add.txnid_least_bits = t->least;
    add.n_partitions = count;
    add.partitions = (char **)(uintptr_t)topics;
    return ask(c, WIRE__BASE_COMMAND__TYPE__ADD_PARTITION_TO_TXN, &add, &add.request_id, NULL);
}

pulsar_result client_transaction_add_subscription(struct client_coordinator *c, const struct client_transaction *t,
                                                  char *const *topics, size_t count, const char *subscription)
{
    Wire__CommandAddSubscriptionToTxn add = WIRE__COMMAND_ADD_SUBSCRIPTION_TO_TXN__INIT;
    Wire__Subscription *each = calloc(count, sizeof *each), **list = calloc(count, sizeof *list);
    pulsar_result result = pulsar_result_MemoryBufferIsFull;

    if (each && list) {
        for (size_t i = 0; i < count; i++) {
            wire__subscription__init(&each[i]);
            each[i].topic = topics[i];
            each[i].subscription = wire_text(subscription);
            list[i] = &each[i];
        }
        add.has_txnid_most_bits = add.has_txnid_least_bits = true;
        add.txnid_most_bits = t->most;
        add.txnid_least_bits = t->least;
        add.n_subscription = count;
        add.subscription = list;
        result = ask(c, WIRE__BASE_COMMAND__TYPE__ADD_SUBSCRIPTION_TO_TXN, &add, &add.request_id, NULL);
    }
    free(list);
    free(each);
    return result;
}

pulsar_result client_transaction_end(struct client_coordinator *c, const struct client_transaction *t, bool commit)
{
    Wire__CommandEndTxn end = WIRE__COMMAND_END_TXN__INIT;

    end.has_txnid_most_bits = end.has_txnid_least_bits = end.has_txn_action = true;
    end.txnid_most_bits = t->most;
    end.txnid_least_bits = t->least;
    end.txn_action = commit ? WIRE__TXN_ACTION__COMMIT : WIRE__TXN_ACTION__ABORT;
    return ask(c, WIRE__BASE_COMMAND__TYPE__END_TXN, &end, &end.request_id, NULL);
}

void client_message_set_transaction(pulsar_message_t *message, const struct client_transaction *t)
{
    struct client_body *b = client_message_own(message);

    if (!b)
        return;
    b->in_transaction = true;
    b->transaction_most = t->most;
    b->transaction_least = t->least;
}
