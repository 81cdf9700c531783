/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_connect.c - one attempt to connect: resolve, try the addresses in turn, tell.
 *
 * A name is resolved on libuv's pool, which does nothing else here.  A lookup cannot be stopped once a thread has it,
 * and a connecting socket only by closing it, so both live on their own; the attempt that ends lets go of them.
 *
 *     start -> (name) lookup -> try -> told OK
 *           -> (address) -----> ^  | refused: the next address, or told the last error
 *     and from anywhere: told ERR_TIMEOUT, or cancelled without a word
 */
#include "sys/uv_net.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct attempt;

struct lookup {
    uv_getaddrinfo_t request;
    struct uv_net *net;
    struct attempt *attempt; /* NULL: nobody waits for it */
};

struct attempt {
    struct connector *connector;
    struct uv_net *net;
    struct list node;
    struct timer deadline;
    struct task begin;               /* for an address that needs no lookup */
    struct sockaddr_storage address; /* likewise */
    struct lookup *lookup;           /* under way, or NULL */
    struct addrinfo *found;          /* all that the name stands for */
    struct addrinfo *next;           /* the one to try next */
    struct uv_conn *trying;          /* or NULL */
};

static void attempt_free(struct attempt *a)
{
    timer_stop(&a->deadline);
    uv_loop_undefer(&a->begin);
    if (a->lookup) {
        a->lookup->attempt = NULL;
        uv_cancel((uv_req_t *)&a->lookup->request); /* if no thread has it yet; its callback comes either way */
    }
    if (a->trying) {
        a->trying->connect.data = NULL;
        uv_conn_end(a->trying, ERR_CANCELLED);
    }
    uv_freeaddrinfo(a->found);
    list_remove(&a->node);
    a->connector->private_ = NULL;
    a->net->loop->users--;
    free(a);
}

static void attempt_tell(struct attempt *a, enum err err)
{
    struct connector *connector = a->connector;

    assert(err != OK);
    attempt_free(a);
    connector->done(connector, err, NULL);
}

static void attempt_succeed(struct attempt *a)
{
    struct connector *connector = a->connector;
    struct uv_conn *c = a->trying;

    a->trying = NULL;
    attempt_free(a);
    uv_conn_begin(c);
    c->conn.handler = connector->handler;
    connector->done(connector, OK, &c->conn);
}

static void attempt_next(struct attempt *a, enum err err);

static void on_connected(uv_connect_t *request, int status)
{
    struct attempt *a = request->data;

    if (!a)
        return;
    loop_event_begin(&a->net->loop->loop);
    if (status == 0) {
        attempt_succeed(a);
        return;
    }
    uv_conn_end(a->trying, ERR_IO);
    a->trying = NULL;
    attempt_next(a, uv_net_err(status));
}

static enum err attempt_try(struct attempt *a, const struct sockaddr *address)
{
    enum err err = uv_conn_new(a->net, &a->trying);
    if (err != OK)
        return err;
    a->trying->connect.data = a;
    err = uv_net_err(uv_tcp_connect(&a->trying->connect, &a->trying->tcp, address, on_connected));
    if (err != OK) {
        uv_conn_end(a->trying, err);
        a->trying = NULL;
    }
    return err;
}

/* Tries what is left of the addresses; `err` is why the one before failed. */
static void attempt_next(struct attempt *a, enum err err)
{
    while (a->next) {
        struct addrinfo *address = a->next;
        a->next = address->ai_next;
        if ((err = attempt_try(a, address->ai_addr)) == OK)
            return;
    }
    attempt_tell(a, err);
}

static void on_begin(struct task *task)
{
    struct attempt *a = container_of(task, struct attempt, begin);
    enum err err = attempt_try(a, (const struct sockaddr *)&a->address);

    if (err != OK)
        attempt_tell(a, err);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct lookup *lookup = container_of(request, struct lookup, request);
    struct attempt *a = lookup->attempt;

    lookup->net->loop->users--;
    free(lookup);
    if (!a) {
        uv_freeaddrinfo(found);
        return;
    }
    loop_event_begin(&a->net->loop->loop);
    a->lookup = NULL;
    a->found = a->next = found;
    attempt_next(a, status == 0 ? ERR_NOT_FOUND : uv_net_err(status));
}

static enum err lookup_start(struct attempt *a, const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct lookup *lookup = calloc(1, sizeof *lookup);
    char service[8];

    if (!lookup)
        return ERR_NOMEM;
    (void)snprintf(service, sizeof service, "%u", port);
    lookup->net = a->net;
    lookup->attempt = a;
    int status = uv_getaddrinfo(&a->net->loop->uv, &lookup->request, on_resolved, host, service, &hints);
    if (status != 0) {
        free(lookup);
        return uv_net_err(status);
    }
    a->net->loop->users++;
    a->lookup = lookup;
    return OK;
}

static void on_deadline(struct timer *timer)
{
    attempt_tell(container_of(timer, struct attempt, deadline), ERR_TIMEOUT);
}

enum err uv_connect_start(struct net *net, const char *host, uint16_t port, uint64_t timeout_ms,
                          struct connector *connector)
{
    struct uv_net *n = container_of(net, struct uv_net, net);
    if (n->loop->stopping)
        return ERR_CLOSED;
    struct attempt *a = calloc(1, sizeof *a);
    if (!a)
        return ERR_NOMEM;
    a->connector = connector;
    a->net = n;
    a->begin.run = on_begin;
    timer_init(&a->deadline, &n->loop->loop, on_deadline);
    list_push_back(&n->connects, &a->node);
    n->loop->users++;
    if (uv_net_address(&a->address, host, port)) {
        loop_defer(&n->loop->loop, &a->begin);
    } else {
        enum err err = lookup_start(a, host, port);
        if (err != OK) {
            attempt_free(a);
            return err;
        }
    }
    timer_start_ms(&a->deadline, timeout_ms);
    connector->private_ = a;
    return OK;
}

void uv_connect_cancel(struct net *net, struct connector *connector)
{
    (void)net;
    if (connector->private_)
        attempt_free(connector->private_);
}

void uv_connect_abandon(struct list *node)
{
    attempt_tell(container_of(node, struct attempt, node), ERR_CANCELLED);
}
