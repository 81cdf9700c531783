/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.c - the table; see operations.h.
 */
#include "broker/operations.h"

#include "broker/permissions.h"

#include <assert.h>

#define EITHER (ACTION_PRODUCE | ACTION_CONSUME)

/* clang-format off */
static const struct operation_info table[OPERATIONS] = {
    [OPERATION_OPEN] = {"OPEN", KIND_NONE, 0, "whatever is not asked for a name"},
    [OPERATION_KNOWN] = {"KNOWN", KIND_NONE, 0, "whatever everybody may who has a name"},
    [OPERATION_OPENED] = {"OPENED", KIND_NONE, 0, "to go on with what was opened"},
    [OPERATION_IN_BODY] = {"IN_BODY", KIND_NONE, 0, "what the request itself names, each by its own operation"},

    [OPERATION_BROKER] = {"BROKER", KIND_BROKER, 0,
        "brokers, clusters, their configuration and figures, groups and quotas of resources, bundles"},

    [OPERATION_LIST_TENANTS] = {"LIST_TENANTS", KIND_OF_TENANTS, 0, "to list tenants"},
    [OPERATION_CREATE_TENANT] = {"CREATE_TENANT", KIND_OF_TENANTS, 0, "to create a tenant"},
    [OPERATION_GET_TENANT] = {"GET_TENANT", KIND_OF_TENANTS, 0, "to read a tenant's settings"},
    [OPERATION_UPDATE_TENANT] = {"UPDATE_TENANT", KIND_OF_TENANTS, 0, "to change them"},
    [OPERATION_DELETE_TENANT] = {"DELETE_TENANT", KIND_OF_TENANTS, 0, "to delete a tenant"},

    [OPERATION_LIST_NAMESPACES] = {"LIST_NAMESPACES", KIND_TENANT, 0, "to list a tenant's namespaces"},
    [OPERATION_CREATE_NAMESPACE] = {"CREATE_NAMESPACE", KIND_TENANT, 0, "to create one"},
    [OPERATION_DELETE_NAMESPACE] = {"DELETE_NAMESPACE", KIND_TENANT, 0, "to delete one"},
    [OPERATION_ADMINISTRATE] = {"ADMINISTRATE", KIND_ADMIN, 0,
        "permissions on topics, properties of namespaces, truncation, deletion of schemas"},

    [OPERATION_GET_TOPICS] = {"GET_TOPICS", KIND_NAMESPACE, EITHER, "to list, or watch, the topics of a namespace"},
    [OPERATION_GET_BUNDLE] = {"GET_BUNDLE", KIND_NAMESPACE, EITHER, "to read its bundles"},
    [OPERATION_DELETE_BUNDLE] = {"DELETE_BUNDLE", KIND_NAMESPACE, 0, "to delete one"},
    [OPERATION_CREATE_TOPIC] = {"CREATE_TOPIC", KIND_NAMESPACE, 0, "to create a topic, without using it"},
    [OPERATION_DELETE_TOPIC] = {"DELETE_TOPIC", KIND_NAMESPACE, 0, "to delete one"},
    [OPERATION_CLEAR_BACKLOG] = {"CLEAR_BACKLOG", KIND_NAMESPACE, ACTION_CONSUME, "to clear its backlogs"},
    [OPERATION_UNSUBSCRIBE_NAMESPACE] = {"UNSUBSCRIBE", KIND_NAMESPACE, ACTION_CONSUME,
        "to delete a subscription of all its topics"},
    [OPERATION_GET_PERMISSION] = {"GET_PERMISSION", KIND_NAMESPACE, 0, "to read who may what in a namespace"},
    [OPERATION_GRANT_PERMISSION] = {"GRANT_PERMISSION", KIND_NAMESPACE, 0, "to grant"},
    [OPERATION_REVOKE_PERMISSION] = {"REVOKE_PERMISSION", KIND_NAMESPACE, 0, "to revoke"},
    [OPERATION_PACKAGES] = {"PACKAGES", KIND_NAMESPACE, ACTION_PACKAGES, "packages"},
    [OPERATION_FUNCTIONS] = {"FUNCTIONS", KIND_NAMESPACE, ACTION_FUNCTIONS, "functions"},
    [OPERATION_SOURCES] = {"SOURCES", KIND_NAMESPACE, ACTION_SOURCES, "sources"},
    [OPERATION_SINKS] = {"SINKS", KIND_NAMESPACE, ACTION_SINKS, "sinks"},
    [OPERATION_READ_NAMESPACE_POLICY] = {"READ", KIND_NAMESPACE_POLICY, 0, "to read a namespace's policies"},
    [OPERATION_WRITE_NAMESPACE_POLICY] = {"WRITE", KIND_NAMESPACE_POLICY, 0, "to set them"},

    [OPERATION_LOOKUP] = {"LOOKUP", KIND_TOPIC, EITHER, "to ask where a topic is, and how many partitions it has"},
    [OPERATION_PRODUCE] = {"PRODUCE", KIND_TOPIC, ACTION_PRODUCE,
        "to publish, and bring schemas; to a system topic super users only"},
    [OPERATION_CONSUME] = {"CONSUME", KIND_TOPIC, ACTION_CONSUME, "to receive and acknowledge"},
    [OPERATION_SUBSCRIBE] = {"SUBSCRIBE", KIND_TOPIC, ACTION_CONSUME, "to create a subscription"},
    [OPERATION_UNSUBSCRIBE] = {"UNSUBSCRIBE", KIND_TOPIC, ACTION_CONSUME, "to delete one"},
    [OPERATION_GET_SUBSCRIPTIONS] = {"GET_SUBSCRIPTIONS", KIND_TOPIC, ACTION_CONSUME, "to list them"},
    [OPERATION_SKIP] = {"SKIP", KIND_TOPIC, ACTION_CONSUME, "to skip messages of one"},
    [OPERATION_EXPIRE_MESSAGES] = {"EXPIRE_MESSAGES", KIND_TOPIC, ACTION_CONSUME, "to have messages expire"},
    [OPERATION_PEEK_MESSAGES] = {"PEEK_MESSAGES", KIND_TOPIC, ACTION_CONSUME, "to look at messages"},
    [OPERATION_RESET_CURSOR] = {"RESET_CURSOR", KIND_TOPIC, ACTION_CONSUME, "to move a subscription"},
    [OPERATION_GET_BACKLOG_SIZE] = {"GET_BACKLOG_SIZE", KIND_TOPIC, ACTION_CONSUME, "to measure backlogs"},
    [OPERATION_GET_REPLICATED_SUBSCRIPTION_STATUS] = {"GET_REPLICATED_SUBSCRIPTION_STATUS", KIND_TOPIC,
        ACTION_CONSUME, "whether a subscription is replicated"},
    [OPERATION_SET_REPLICATED_SUBSCRIPTION_STATUS] = {"SET_REPLICATED_SUBSCRIPTION_STATUS", KIND_TOPIC,
        ACTION_CONSUME, "to say whether"},
    [OPERATION_GET_STATS] = {"GET_STATS", KIND_TOPIC, EITHER, "a topic's figures"},
    [OPERATION_GET_METADATA] = {"GET_METADATA", KIND_TOPIC, EITHER, "its properties and schemas"},
    [OPERATION_UPDATE_METADATA] = {"UPDATE_METADATA", KIND_TOPIC, 0, "to set its properties"},
    [OPERATION_DELETE_METADATA] = {"DELETE_METADATA", KIND_TOPIC, 0, "to delete them"},
    [OPERATION_TERMINATE] = {"TERMINATE", KIND_TOPIC, 0, "to terminate a topic"},
    [OPERATION_COMPACT] = {"COMPACT", KIND_TOPIC, 0, "to compact it"},
    [OPERATION_OFFLOAD] = {"OFFLOAD", KIND_TOPIC, 0, "to offload it"},
    [OPERATION_UNLOAD] = {"UNLOAD", KIND_TOPIC, 0, "to unload it"},
    [OPERATION_TRIM_TOPIC] = {"TRIM_TOPIC", KIND_TOPIC, 0, "to trim it"},
    [OPERATION_READ_TOPIC_POLICY] = {"READ", KIND_TOPIC_POLICY, 0, "to read a topic's policies"},
    [OPERATION_WRITE_TOPIC_POLICY] = {"WRITE", KIND_TOPIC_POLICY, 0, "to set them, and how many partitions it has"},
};
/* clang-format on */

const struct operation_info *operation_info(enum operation op)
{
    assert(op > OPERATION_UNDECLARED && op < OPERATIONS);
    assert(table[op].name);
    return &table[op];
}
