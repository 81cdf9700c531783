/* SPDX-License-Identifier: Apache-2.0
 *
 * node.c - a whole broker on one world.
 *
 *     start   store -> broker -> events of policies -> audit log -> authenticator -> server -> admin
 *     stop    server (and with it the broker's topics) -> admin -> authenticator -> audit log -> store
 *     free    server, broker, events, admin, authenticator, audit log, store: handlers of the admin may still be known
 * to the broker.  Authorization comes after the broker, which it asks, and goes before it.
 */
#include "cli/node.h"

#include "admin/change_events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define BUDGETS (STORE_BUDGETS + SERVER_BUDGETS)

struct node {
    struct store *store;
    struct broker *broker;
    struct server *server;
    struct change_events *events;
    struct audit *audit; /* or NULL, as the next one */
    struct authenticator *authenticator;
    struct authorization *authorization;
    struct admin *admin;
    struct server_memory memory; /* the server's, which outlives the store */
    const struct budget *budgets[BUDGETS];
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

void node_options_init(struct node_options *o)
{
    *o = (struct node_options){0};
    broker_options_init(&o->broker);
    server_options_init(&o->server);
    admin_options_init(&o->admin);
}

/* Those of a list with commas, or the one. */
static enum err namespaces_make(struct broker *b, const char *list, char *message, size_t message_size)
{
    struct refusal why;

    while (list && *list) {
        const size_t len = strcspn(list, ", ");
        enum err err = len > 0 ? namespace_ensure(b, bytes_of(list, len), &why) : OK;
        if (err != OK) {
            (void)snprintf(message, message_size, "cannot make the namespace %.*s: %s", (int)len, list, why.text);
            return err;
        }
        list += len + (list[len] != '\0');
    }
    return OK;
}

static enum err audit_begin(struct node *n, const struct audit_options *o, const struct sys *sys, char *message,
                            size_t message_size)
{
    const enum err err = audit_new(&n->audit, o, sys->loop, n->broker);

    if (err == ERR_INVALID)
        (void)snprintf(message, message_size, "the audit log cannot begin: %s is no topic", o->topic);
    else if (err != OK)
        (void)snprintf(message, message_size, "the audit log cannot begin: %s", err_text(err));
    return err;
}

static enum err authorization_begin(struct node *n, const struct node_options *o, char *message, size_t message_size)
{
    enum err err;

    assert(o->authentication_enabled); /* the configuration was looked at */
    if ((err = authorization_new(&n->authorization, n->broker, &o->authorization)) != OK)
        (void)snprintf(message, message_size, "authorization cannot begin: %s", err_text(err));
    return err;
}

static enum err parts_start(struct node *n, const struct node_options *o, const struct sys *sys, char *message,
                            size_t message_size)
{
    enum err err = store_open(&n->store, &o->store, sys, message, message_size);

    if (err != OK)
        return err;
    if ((err = broker_new(&n->broker, &o->broker, sys, n->store)) != OK) {
        (void)snprintf(message, message_size, "the broker cannot begin: %s", err_text(err));
        return err;
    }
    if (o->broker.topic_policies && (err = change_events_new(&n->events, n->broker, o->broker.cluster)) != OK) {
        (void)snprintf(message, message_size, "the broker cannot begin: %s", err_text(err));
        return err;
    }
    if ((err = namespaces_make(n->broker, o->namespace_, message, message_size)) != OK ||
        (err = namespaces_make(n->broker, o->namespaces, message, message_size)) != OK)
        return err;
    if (o->audit_enabled && (err = audit_begin(n, &o->audit, sys, message, message_size)) != OK)
        return err;
    if (o->authentication_enabled &&
        (err = authenticator_new(&n->authenticator, &o->authentication, sys->loop, message, message_size)) != OK)
        return err;
    if (o->authorization_enabled && (err = authorization_begin(n, o, message, message_size)) != OK)
        return err;
    struct server_options server = o->server;
    server.audit = n->audit;
    server.authenticator = n->authenticator;
    server.authorization = n->authorization;
    server.memory = &n->memory;
    if ((err = server_start(&n->server, &server, sys, n->broker, message, message_size)) != OK)
        return err;
    struct admin_options admin = o->admin;
    admin.audit = n->audit;
    admin.authenticator = n->authenticator;
    admin.authorization = n->authorization;
    store_budgets(n->store, n->budgets);
    server_budgets(n->server, n->budgets + STORE_BUDGETS);
    admin.budgets = n->budgets;
    admin.budget_count = BUDGETS;
    return admin_start(&n->admin, &admin, sys, n->broker, n->server, message, message_size);
}

enum err node_start(struct node **out, const struct node_options *options, const struct sys *sys, char *message,
                    size_t message_size)
{
    struct node *n = calloc(1, sizeof *n);

    if (!n) {
        (void)snprintf(message, message_size, "no memory");
        return ERR_NOMEM;
    }
    enum err err = parts_start(n, options, sys, message, message_size);
    if (err != OK) {
        node_free(n);
        return err;
    }
    *out = n;
    return OK;
}

uint16_t node_port(const struct node *n)
{
    return server_port(n->server);
}

uint16_t node_http_port(const struct node *n)
{
    return admin_port(n->admin);
}

uint16_t node_https_port(const struct node *n)
{
    return admin_tls_port(n->admin);
}

uint16_t node_tls_port(const struct node *n)
{
    return server_tls_port(n->server);
}

const char *node_url(const struct node *n)
{
    const char *url = server_url(n->server, NULL);

    return url ? url : server_tls_url(n->server, NULL);
}

const char *node_tls_url(const struct node *n)
{
    return server_tls_url(n->server, NULL);
}

bool node_renew(struct node *n)
{
    const bool of_server = server_renew(n->server), of_admin = admin_renew(n->admin);
    const bool of_keys = n->authenticator && authenticator_renew(n->authenticator);

    return of_server || of_admin || of_keys;
}

enum err node_set_super_users(struct node *n, const char *roles)
{
    return n->authorization ? authorization_set_super_users(n->authorization, roles) : OK;
}

struct store *node_store(struct node *n)
{
    return n->store;
}

static void on_audit_stopped(void *ctx)
{
    struct node *n = ctx;

    store_close(n->store, n->stopped, n->stopped_ctx);
}

static void on_authenticator_stopped(void *ctx)
{
    struct node *n = ctx;

    if (n->audit)
        audit_stop(n->audit, on_audit_stopped, n);
    else
        on_audit_stopped(n);
}

static void on_server_stopped(void *ctx)
{
    struct node *n = ctx;

    admin_stop(n->admin);
    if (n->authenticator)
        authenticator_stop(n->authenticator, on_authenticator_stopped, n);
    else
        on_authenticator_stopped(n);
}

void node_stop(struct node *n, void (*done)(void *ctx), void *ctx)
{
    n->stopped = done;
    n->stopped_ctx = ctx;
    server_stop(n->server, on_server_stopped, n);
}

void node_free(struct node *n)
{
    if (!n)
        return;
    server_free(n->server);
    authorization_free(n->authorization);
    broker_free(n->broker);
    change_events_free(n->events);
    admin_free(n->admin);
    authenticator_free(n->authenticator);
    audit_free(n->audit);
    store_free(n->store);
    server_memory_deinit(&n->memory);
    free(n);
}
