/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.h - what can be done with a broker, and who may: one table.
 *
 * Each command of the wire (session/commands.c) and each route of HTTP (admin/routes.c) names the operation that it is.
 * Names, and who may, are Pulsar 4.0's (TopicOperation, NamespaceOperation, TenantOperation and the like).
 * docs/authorization.md has the table, held equal by a test.
 */
#ifndef BROKER_OPERATIONS_H
#define BROKER_OPERATIONS_H

enum operation {
    OPERATION_UNDECLARED, /* of rows that forgot to say: nobody may */

    /* Anybody. */
    OPERATION_OPEN,  /* who they are is not asked */
    OPERATION_KNOWN, /* who they are is known */
    /* Of the wire: what opening the producer or consumer allowed.  Of HTTP: the handler checks what it finds in the
     * request. */
    OPERATION_OPENED,
    OPERATION_IN_BODY,

    OPERATION_BROKER,

    OPERATION_LIST_TENANTS,
    OPERATION_CREATE_TENANT,
    OPERATION_GET_TENANT,
    OPERATION_UPDATE_TENANT,
    OPERATION_DELETE_TENANT,

    OPERATION_LIST_NAMESPACES,
    OPERATION_CREATE_NAMESPACE,
    OPERATION_DELETE_NAMESPACE,
    OPERATION_ADMINISTRATE,

    OPERATION_GET_TOPICS,
    OPERATION_GET_BUNDLE,
    OPERATION_DELETE_BUNDLE,
    OPERATION_CREATE_TOPIC,
    OPERATION_DELETE_TOPIC,
    OPERATION_CLEAR_BACKLOG,
    OPERATION_UNSUBSCRIBE_NAMESPACE,
    OPERATION_GET_PERMISSION,
    OPERATION_GRANT_PERMISSION,
    OPERATION_REVOKE_PERMISSION,
    OPERATION_PACKAGES,
    OPERATION_FUNCTIONS,
    OPERATION_SOURCES,
    OPERATION_SINKS,
    OPERATION_READ_NAMESPACE_POLICY,
    OPERATION_WRITE_NAMESPACE_POLICY,

    OPERATION_LOOKUP,
    OPERATION_PRODUCE,
    OPERATION_CONSUME,
    OPERATION_SUBSCRIBE,
    OPERATION_UNSUBSCRIBE,
    OPERATION_GET_SUBSCRIPTIONS,
    OPERATION_SKIP,
    OPERATION_EXPIRE_MESSAGES,
    OPERATION_PEEK_MESSAGES,
    OPERATION_RESET_CURSOR,
    OPERATION_GET_BACKLOG_SIZE,
    OPERATION_GET_REPLICATED_SUBSCRIPTION_STATUS,
    OPERATION_SET_REPLICATED_SUBSCRIPTION_STATUS,
    OPERATION_GET_STATS,
    OPERATION_GET_METADATA,
    OPERATION_UPDATE_METADATA,
    OPERATION_DELETE_METADATA,
    OPERATION_TERMINATE,
    OPERATION_COMPACT,
    OPERATION_OFFLOAD,
    OPERATION_UNLOAD,
    OPERATION_TRIM_TOPIC,
    OPERATION_READ_TOPIC_POLICY,
    OPERATION_WRITE_TOPIC_POLICY,
    OPERATIONS
};

/* What an operation is about, and so how its refusal reads, and which status it has over HTTP. */
enum operation_kind {
    KIND_NONE,
    KIND_BROKER,
    KIND_OF_TENANTS, /* tenants themselves */
    KIND_TENANT,     /* what is in a tenant */
    KIND_ADMIN,      /* anything in a tenant, for which there is no other name */
    KIND_NAMESPACE,
    KIND_NAMESPACE_POLICY,
    KIND_TOPIC,
    KIND_TOPIC_POLICY,
};

struct operation_info {
    const char *name; /* Pulsar's; for policies READ and WRITE */
    enum operation_kind kind;
    unsigned actions; /* enum action: a role with one of these may, beside super users and the tenant's admins */
    const char *help;
};

const struct operation_info *operation_info(enum operation op);

#endif
