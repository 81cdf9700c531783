/* SPDX-License-Identifier: Apache-2.0
 *
 * node.h - a whole broker on one world: store, broker, session listener, HTTP.
 *
 * Owns the four, and the order in which they start and stop.  Core thread.  Knows nothing of the command line.  May
 * call: everything below cli/ but client/ and services/.
 */
#ifndef CLI_NODE_H
#define CLI_NODE_H

#include "admin/admin.h"
#include "broker/audit.h"
#include "broker/authenticator.h"
#include "broker/authorization.h"
#include "broker/broker.h"
#include "session/server.h"
#include "store/store.h"

struct node_options {
    struct store_options store;
    struct broker_options broker;
    struct server_options server;
    struct admin_options admin;
    bool authentication_enabled;
    struct authenticator_options authentication;
    bool authorization_enabled; /* wants authentication */
    struct authorization_options authorization;
    bool audit_enabled;
    struct audit_options audit; /* its disk outlives the node */
    const char *namespace_;     /* "tenant/namespace": made before anybody is served; NULL: none */
    const char *namespaces;     /* more of them, with commas between; or NULL */
};

/* Defaults of the four. */
void node_options_init(struct node_options *o);

struct node;

/* Recovers what the disk holds, which takes its time, then listens.  On failure `message` is the whole sentence for the
 * user and nothing is left open.  The texts of `options` outlive the node. */
MUST_USE enum err node_start(struct node **out, const struct node_options *options, const struct sys *sys,
                             char *message, size_t message_size);

uint16_t node_port(const struct node *n); /* 0: there is none */
uint16_t node_tls_port(const struct node *n);
uint16_t node_http_port(const struct node *n); /* 0: nobody listens there, as of the next */
uint16_t node_https_port(const struct node *n);
const char *node_url(const struct node *n);     /* what a client is given: without TLS, if there is a port for that */
const char *node_tls_url(const struct node *n); /* with TLS; NULL: there is none */
/* Looks at files that may have been changed: certificates, keys of tokens, passwords.  False: there are none. */
bool node_renew(struct node *n);
/* Others from now on; where there is no authorization, nothing.  ERR_NOMEM. */
MUST_USE enum err node_set_super_users(struct node *n, const char *roles);
struct store *node_store(struct node *n);

/* In order: clients are told to come back, everything is synced and sealed; then done, from the loop. */
void node_stop(struct node *n, void (*done)(void *ctx), void *ctx);
/* After node_stop's done. NULL is fine. */
void node_free(struct node *n);

#endif
