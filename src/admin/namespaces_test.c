/* SPDX-License-Identifier: Apache-2.0
 *
 * namespaces_test.c - namespaces: made, read, deleted; what is done to all their topics; their bundles and permissions;
 * and the policies that are kept and shown (kept_policies.h).
 */
#include "admin/admin_world.h"
#include "admin/bundles.h"
#include "admin/json_shape.h"
#include "admin/namespace_purge.h"

#include <stdio.h>

#define NS      "/admin/v2/namespaces/public/default"
#define TOPICS  "/admin/v2/persistent/public/default"
#define DEFAULT "/admin/v2/namespaces/public/default"
#define BUNDLES "[\"0x00000000\",\"0x40000000\",\"0x80000000\",\"0xc0000000\",\"0xffffffff\"]"

/* A member of the answer to GET of the namespace, as text. */
static void assert_member(struct admin_world *w, const char *namespace_, const char *member, const char *wanted)
{
    json_t *policies;
    char *text;

    assert_int_equal(ask(w, HTTP_GET, namespace_), 200);
    policies = answer_json(w);
    assert_non_null(text = json_dumps(json_object_get(policies, member), JSON_COMPACT | JSON_ENCODE_ANY));
    assert_string_equal(text, wanted);
    free(text);
    json_decref(policies);
}

static void namespaces_are_created_listed_read_and_deleted(void **state)
{
    struct admin_world *w = *state;
    const char *const two = "/admin/v2/namespaces/public/two";

    assert_get(w, "/admin/v2/namespaces/public", "[\"public/default\"]");
    assert_int_equal(ask_body(w, HTTP_PUT, two,
                              "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]}},"
                              "\"replication_clusters\":[\"standalone\"]}"),
                     204);
    assert_get(w, "/admin/v2/namespaces/public", "[\"public/default\",\"public/two\"]");
    assert_member(w, two, "auth_policies",
                  "{\"namespace_auth\":{\"r\":[\"produce\"]},\"destination_auth\":{},\"subscription_auth_roles\":{}}");
    assert_member(w, two, "replication_clusters", "[\"standalone\"]");
    assert_member(w, two, "deleted", "false");
    assert_refused(w, ask(w, HTTP_PUT, two), 409, "Namespace already exists");
    assert_refused(w, ask(w, HTTP_PUT, "/admin/v2/namespaces/nobody/two"), 404, "Tenant does not exist");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/a b"), 412);
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/namespaces/nobody"), 404, "Tenant not found");
    assert_int_equal(ask(w, HTTP_DELETE, two), 204);
    assert_refused(w, ask(w, HTTP_GET, two), 404, "Namespace does not exist");
    assert_refused(w, ask(w, HTTP_DELETE, two), 404, "Namespace public/two does not exist.");
}

static void what_a_new_namespace_asks_for_is_checked(void **state)
{
    struct admin_world *w = *state;
    const char *const x = "/admin/v2/namespaces/public/x";

    assert_refused(w, ask_body(w, HTTP_PUT, x, "{\"replication_clusters\":[\"moon\"]}"), 403,
                   "Invalid cluster id: moon");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/clusters/east", "{}"), 200);
    assert_refused(w, ask_body(w, HTTP_PUT, x, "{\"replication_clusters\":[\"east\"]}"), 403,
                   "Cluster [east] is not in the list of allowed clusters list for tenant");
    assert_refused(w, ask_body(w, HTTP_PUT, x, "{\"bundles\":{\"numBundles\":2,\"boundaries\":[\"0x1\",\"0x2\"]}}"),
                   400, "Input bundles do not cover the whole hash range. first:0x00000001, last:0x00000002");
    assert_int_equal(ask_body(w, HTTP_PUT, x, "{\"offload_policies\":{}}"), 412);
    assert_int_equal(ask_body(w, HTTP_PUT, x, "["), 400);
    assert_int_equal(ask(w, HTTP_GET, x), 404);
}

static void every_key_of_policies_is_there_in_a_new_namespace(void **state)
{
    static const char *const keys[] = {"auth_policies",
                                       "replication_clusters",
                                       "allowed_clusters",
                                       "bundles",
                                       "backlog_quota_map",
                                       "clusterDispatchRate",
                                       "topicDispatchRate",
                                       "subscriptionDispatchRate",
                                       "replicatorDispatchRate",
                                       "clusterSubscribeRate",
                                       "publishMaxMessageRate",
                                       "latency_stats_sample_rate",
                                       "deleted",
                                       "encryption_required",
                                       "subscription_auth_mode",
                                       "offload_threshold",
                                       "offload_threshold_in_seconds",
                                       "schema_compatibility_strategy",
                                       "schema_validation_enforced",
                                       "subscription_types_enabled",
                                       "properties",
                                       "migrated"};
    struct admin_world *w = *state;
    json_t *policies;

    assert_int_equal(ask(w, HTTP_GET, NS), 200);
    policies = answer_json(w);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_non_null(json_object_get(policies, keys[i]));
    json_decref(policies);
}

/* ---- bundles ---- */

static void a_topics_bundle_is_by_the_crc_of_its_name(void **state)
{
    struct bundles b;

    assert_int_equal(bundle_hash(bytes_of_text("123456789")), 0xcbf43926); /* the published check value */
    bundles_divide(&b, 3);
    assert_int_equal(b.boundaries[1], 0x55555555);
    assert_int_equal(b.boundaries[3], BUNDLE_LAST);
    assert_int_equal(bundle_of(&b, 0x55555555).from, 0x55555555);
    assert_int_equal(bundle_of(&b, BUNDLE_LAST).to, BUNDLE_LAST);
    assert_true(bundle_has(bundle_of(&b, BUNDLE_LAST), BUNDLE_LAST));
}

static void a_namespace_has_four_bundles_and_one_can_be_split(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, NS "/bundles", "{\"boundaries\":" BUNDLES ",\"numBundles\":4}");
    assert_int_equal(ask(w, HTTP_PUT, NS "/0x40000000_0x80000000/split"), 204);
    assert_int_equal(ask_query(w, HTTP_PUT, NS "/0xc0000000_0xffffffff/split",
                               "splitAlgorithmName=specified_positions_divide", "[3489660928]"),
                     204);
    assert_get(w, NS "/bundles",
               "{\"boundaries\":[\"0x00000000\",\"0x40000000\",\"0x60000000\",\"0x80000000\",\"0xc0000000\","
               "\"0xd0000000\",\"0xffffffff\"],\"numBundles\":6}");
    assert_refused(w, ask(w, HTTP_PUT, NS "/0x40000000_0x80000000/split"), 412, "Invalid upper boundary for bundle");
    assert_refused(w, ask(w, HTTP_PUT, NS "/0x40000001_0x80000000/split"), 412,
                   "Cannot find bundle in the bundles list");
    assert_refused(w, ask(w, HTTP_PUT, NS "/0x4/split"), 412, "Invalid bundle range");
    assert_int_equal(ask_query(w, HTTP_PUT, NS "/0x00000000_0x40000000/split", "splitAlgorithmName=by_guess", ""), 412);
    assert_refused(w, ask(w, HTTP_PUT, NS "/LARGEST/split"), 404, "Bundle range LARGEST not found");
}

static void a_namespace_has_the_bundles_that_it_was_made_with(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/two", "{\"bundles\":{\"numBundles\":2}}"), 204);
    assert_get(w, "/admin/v2/namespaces/public/two/bundles",
               "{\"boundaries\":[\"0x00000000\",\"0x80000000\",\"0xffffffff\"],\"numBundles\":2}");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/one",
                              "{\"bundles\":{\"numBundles\":1,\"boundaries\":[\"0x00000000\",\"0xffffffff\"]}}"),
                     204);
    admin_world_restart(w);
    assert_get(w, "/admin/v2/namespaces/public/one/bundles",
               "{\"boundaries\":[\"0x00000000\",\"0xffffffff\"],\"numBundles\":1}");
}

static void hashes_of_a_bundles_topics_are_told(void **state)
{
    struct admin_world *w = *state;
    char wanted[300], range[BUNDLE_LENGTH], path[200];
    const uint32_t hash = bundle_hash(bytes_of_text("persistent://public/default/x"));
    struct bundles b;

    bundles_divide(&b, 4);
    bundle_write(bundle_of(&b, hash), range);
    assert_int_equal(ask(w, HTTP_PUT, TOPICS "/x"), 204);
    snprintf(path, sizeof path, NS "/%s/topicHashPositions", range);
    snprintf(wanted, sizeof wanted,
             "{\"namespace\":\"public/default\",\"bundle\":\"%s\",\"topicHashPositions\":"
             "{\"persistent://public/default/x\":%u}}",
             range, hash);
    assert_get(w, path, wanted);
    assert_int_equal(ask_query(w, HTTP_GET, path, "topics=persistent://public/default/y", ""), 200);
    assert_non_null(strstr(answer(w), "\"topicHashPositions\":{}"));
}

/* ---- all topics ---- */

static void make_topics(struct admin_world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char path[100];
        snprintf(path, sizeof path, TOPICS "/topic-%03u", i);
        assert_int_equal(ask(w, HTTP_PUT, path), 204);
    }
}

static void a_namespace_with_topics_is_deleted_only_by_force_and_where_that_is_allowed(void **state)
{
    struct admin_world *w = *state;

    make_topics(w, 3 * WALK_LANES);
    assert_int_equal(ask_body(w, HTTP_PUT, TOPICS "/p/partitions", "3"), 204);
    assert_refused(w, ask(w, HTTP_DELETE, NS), 409, "Cannot delete non empty namespace");
    assert_refused(w, ask_query(w, HTTP_DELETE, NS, "force=true", ""), 405,
                   "Broker doesn't allow forced deletion of namespaces");
    w->options.force_delete_namespace = true;
    admin_world_restart(w);
    assert_int_equal(ask_query(w, HTTP_DELETE, NS, "force=true", ""), 204);
    assert_int_equal(ask(w, HTTP_GET, NS), 404);
}

struct purge_end {
    struct namespace_purge purge;
    bool ended;
    enum err err;
};

static void purge_ended(struct namespace_purge *p, const struct refusal *why)
{
    struct purge_end *e = container_of(p, struct purge_end, purge);

    e->ended = true;
    e->err = why->err;
}

/* As when a producer makes it between the look for topics and the deletion. */
static void a_topic_that_came_meanwhile_is_not_deleted_without_force(void **state)
{
    struct admin_world *w = *state;
    struct purge_end e = {.purge = {.namespace_ = bytes_of_text("public/default"), .done = purge_ended}};
    struct call call;

    make_topics(w, 3);
    call_init(&call);
    call.core = &w->core;
    e.purge.call = &call;
    assert_true(namespace_purge(&e.purge));
    while (!e.ended)
        assert_true(sim_step(w->sim));
    call_deinit(&call);
    assert_int_equal(e.err, ERR_BUSY);
    assert_int_equal(ask(w, HTTP_GET, TOPICS "/topic-000/stats"), 200);
}

static void permissions_that_are_none_and_lists_without_end_are_refused(void **state)
{
    struct admin_world *w = *state;
    static char body[20 * (TEXTS_MAX + 2)];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"adminRoles\":[\"\"");

    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/x",
                              "{\"auth_policies\":{\"subscription_auth_roles\":{\"s\":[1]}}}"),
                     400);
    assert_int_equal(
        ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/x", "{\"auth_policies\":{\"destination_auth\":{\"t\":[]}}}"),
        400);
    assert_int_equal(
        ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/x",
                 "{\"auth_policies\":{\"namespace_auth\":{\"r\":[\"produce\"]},\"destination_auth\":{\"t\":{"
                 "\"r\":[]}}}}"),
        204);
    for (unsigned i = 0; i < TEXTS_MAX; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, ",\"%u\"", i);
    (void)snprintf(body + len, sizeof body - len, "]}");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/tenants/many", body), 400);
}

static void a_namespace_whose_settings_are_too_large_is_not_made(void **state)
{
    struct admin_world *w = *state;
    static char body[70 * 1024], value[65 * 1024];

    memset(value, 'v', sizeof value - 1);
    (void)snprintf(body, sizeof body, "{\"properties\":{\"k\":\"%s\"}}", value);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/namespaces/public/large", body), 413);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/large"), 404);
    admin_world_restart(w);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/large"), 404);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/large"), 204);
}

static void texts_of_a_path_that_are_not_utf_8_are_refused(void **state)
{
    struct admin_world *w = *state;
    static const char reason[] = "the path and its parameters are not UTF-8";

    assert_refused(w, ask(w, HTTP_PUT, DEFAULT "/property/k/\xff"), 400, reason);
    assert_refused(w, ask(w, HTTP_PUT, DEFAULT "/property/\xc3/v"), 400, reason);
    assert_refused(w, ask_body(w, HTTP_POST, DEFAULT "/permissions/\xff", "[\"produce\"]"), 400, reason);
    assert_refused(w, ask_query(w, HTTP_GET, TOPICS, "mode=\xff", ""), 400, reason);
    assert_get(w, DEFAULT "/properties", "{}");
    assert_int_equal(ask(w, HTTP_PUT, DEFAULT "/property/k/\xc3\xa9"), 204);
    assert_get(w, DEFAULT "/properties", "{\"k\":\"\xc3\xa9\"}");
}

static void a_namespace_is_unloaded(void **state)
{
    struct admin_world *w = *state;
    struct admin_client clients[3] = {0};
    struct broker_stats stats;

    client_publish(w, &clients[0], "a", 1);
    client_publish(w, &clients[1], "b", 1);
    client_publish(w, &clients[2], "non-persistent://public/default/c", 1);
    broker_stats_get(w->broker, &stats);
    assert_int_equal(stats.topics_loaded, 3);
    assert_int_equal(ask(w, HTTP_PUT, NS "/unload"), 204);
    broker_stats_get(w->broker, &stats);
    assert_int_equal(stats.topics_loaded, 0);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/nowhere/unload"), 404);
}

static void a_bundle_is_unloaded_with_its_topics_only(void **state)
{
    struct admin_world *w = *state;
    struct admin_client clients[8] = {0};
    struct broker_stats stats;
    struct bundles b;
    unsigned in_first = 0;

    bundles_divide(&b, 4);
    for (unsigned i = 0; i < 8; i++) {
        char name[] = "persistent://public/default/?";
        name[sizeof name - 2] = (char)('a' + i);
        in_first += bundle_of(&b, bundle_hash(bytes_of_text(name))).from == 0;
        client_publish(w, &clients[i], name, 1);
    }
    assert_in_range(in_first, 1, 7);
    assert_int_equal(ask(w, HTTP_PUT, NS "/0x00000000_0x40000000/unload"), 204);
    broker_stats_get(w->broker, &stats);
    assert_int_equal(stats.topics_loaded, 8 - in_first);
    assert_int_equal(ask_query(w, HTTP_PUT, NS "/0x00000000_0x40000000/unload", "destinationBroker=elsewhere:80", ""),
                     412);
    assert_int_equal(ask(w, HTTP_DELETE, NS "/0x00000000_0x40000000"), 409);
    for (unsigned i = 0; i < 8; i++) {
        if (clients[i].closed == 0)
            producer_detach(clients[i].open.producer);
    }
}

static json_int_t backlog(struct admin_world *w, const char *topic, const char *subscription)
{
    char path[100];
    json_t *stats;
    json_int_t entries;

    snprintf(path, sizeof path, TOPICS "/%s/stats", topic);
    assert_int_equal(ask(w, HTTP_GET, path), 200);
    stats = answer_json(w);
    entries = number(json_object_get(json_object_get(stats, "subscriptions"), subscription), "msgBacklog");
    json_decref(stats);
    return entries;
}

static void subscribe_and_publish(struct admin_world *w, struct admin_client *c, const char *topic)
{
    char path[100];

    snprintf(path, sizeof path, TOPICS "/%s", topic);
    assert_int_equal(ask(w, HTTP_PUT, path), 204);
    for (char s = '1'; s <= '3'; s++) {
        snprintf(path, sizeof path, TOPICS "/%s/subscription/s%c", topic, s);
        assert_int_equal(ask(w, HTTP_PUT, path), 204);
    }
    client_publish(w, c, topic, 5);
}

static void the_backlog_of_a_namespace_is_cleared_of_one_subscription_or_of_all(void **state)
{
    struct admin_world *w = *state;
    struct admin_client clients[2] = {0};

    subscribe_and_publish(w, &clients[0], "a");
    subscribe_and_publish(w, &clients[1], "b");
    assert_int_equal(backlog(w, "b", "s2"), 5);
    assert_int_equal(ask(w, HTTP_POST, NS "/clearBacklog/s2"), 204);
    assert_int_equal(backlog(w, "a", "s2"), 0);
    assert_int_equal(backlog(w, "b", "s2"), 0);
    assert_int_equal(backlog(w, "b", "s3"), 5);
    assert_int_equal(ask(w, HTTP_POST, NS "/clearBacklog"), 204);
    for (char s = '1'; s <= '3'; s++) {
        assert_int_equal(backlog(w, "a", (char[]){'s', s, '\0'}), 0);
        assert_int_equal(backlog(w, "b", (char[]){'s', s, '\0'}), 0);
    }
    assert_int_equal(ask(w, HTTP_POST, NS "/0x00000000_0x40000000/clearBacklog/s1"), 204);
    producer_detach(clients[0].open.producer);
    producer_detach(clients[1].open.producer);
}

static void a_subscription_is_deleted_in_all_topics_of_a_namespace(void **state)
{
    struct admin_world *w = *state;
    struct admin_client clients[2] = {0};

    subscribe_and_publish(w, &clients[0], "a");
    subscribe_and_publish(w, &clients[1], "b");
    assert_int_equal(ask(w, HTTP_DELETE, TOPICS "/b/subscription/s2"), 204);
    assert_int_equal(ask(w, HTTP_POST, NS "/unsubscribe/s2"), 204);
    assert_get(w, TOPICS "/a/subscriptions", "[\"s1\",\"s3\"]");
    assert_get(w, TOPICS "/b/subscriptions", "[\"s1\",\"s3\"]");
    producer_detach(clients[0].open.producer);
    producer_detach(clients[1].open.producer);
}

/* ---- permissions, properties ---- */

static void permissions_are_kept_and_shown(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, NS "/permissions", "{}");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/permissions/r", "[\"produce\",\"consume\"]"), 204);
    assert_get(w, NS "/permissions", "{\"r\":[\"produce\",\"consume\"]}");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/permissions/r", "[\"fly\"]"), 400);
    assert_int_equal(ask(w, HTTP_DELETE, NS "/permissions/r"), 204);
    assert_get(w, NS "/permissions", "{}");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/permissions/subscription/s", "[\"r\",\"q\"]"), 204);
    assert_get(w, NS "/permissions/subscription", "{\"s\":[\"r\",\"q\"]}");
    assert_int_equal(ask(w, HTTP_DELETE, NS "/permissions/s/r"), 204);
    assert_get(w, NS "/permissions/subscription", "{\"s\":[\"q\"]}");
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/nowhere/permissions"), 404);
}

static void permissions_of_many_topics_are_set_at_once(void **state)
{
    static const char one[] =
        "[{\"topic\":\"persistent://public/default/x\",\"role\":\"r\",\"actions\":[\"consume\"]}]";
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_POST, "/admin/v2/namespaces/grantPermissionsOnTopics", one), 404);
    assert_int_equal(ask(w, HTTP_PUT, TOPICS "/x"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, "/admin/v2/namespaces/grantPermissionsOnTopics", one), 204);
    assert_member(w, NS, "auth_policies",
                  "{\"destination_auth\":{\"persistent://public/default/x\":{\"r\":[\"consume\"]}}}");
    assert_int_equal(ask_body(w, HTTP_POST, "/admin/v2/namespaces/revokePermissionsOnTopics", one), 204);
    assert_member(w, NS, "auth_policies", "{\"destination_auth\":{}}");
    assert_refused(w,
                   ask_body(w, HTTP_POST, "/admin/v2/namespaces/grantPermissionsOnTopics",
                            "[{\"topic\":\"x\",\"role\":\"r\",\"actions\":[]},"
                            "{\"topic\":\"public/other/x\",\"role\":\"r\",\"actions\":[]}]"),
                   400, "The namespace should be the same");
}

static void properties_of_a_namespace_come_and_go(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, NS "/properties", "{}");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/properties", "{\"a\":\"1\",\"b\":\"2\"}"), 204);
    assert_int_equal(ask(w, HTTP_PUT, NS "/property/c/3"), 204);
    assert_get(w, NS "/properties", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
    assert_get(w, NS "/property/b", "2");
    assert_int_equal(ask(w, HTTP_DELETE, NS "/property/b"), 200);
    assert_string_equal(answer(w), "2");
    assert_int_equal(ask(w, HTTP_GET, NS "/property/b"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, NS "/property/b"), 204);
    assert_member(w, NS, "properties", "{\"a\":\"1\",\"c\":\"3\"}");
    assert_int_equal(ask(w, HTTP_DELETE, NS "/properties"), 204);
    assert_get(w, NS "/properties", "{}");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/properties", "{\"a\":1}"), 400);
}

/* ---- what is kept and shown ---- */

static void clusters_of_a_namespace_are_those_of_its_tenant(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, NS "/replication", "[\"standalone\"]");
    assert_get(w, NS "/allowedClusters", "[]");
    assert_refused(w, ask_body(w, HTTP_POST, NS "/replication", "[]"), 412, "ClusterIds should not be null or empty");
    assert_refused(w, ask_body(w, HTTP_POST, NS "/replication", "[\"moon\"]"), 403, "Invalid cluster id: moon");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/clusters/east", "{}"), 200);
    assert_int_equal(ask_body(w, HTTP_POST, NS "/replication", "[\"standalone\",\"east\"]"), 403);
    assert_int_equal(
        ask_body(w, HTTP_POST, "/admin/v2/tenants/public", "{\"allowedClusters\":[\"standalone\",\"east\"]}"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, NS "/replication", "[\"standalone\",\"east\"]"), 204);
    assert_get(w, NS "/replication", "[\"standalone\",\"east\"]");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/allowedClusters", "[\"standalone\"]"), 400);
    assert_int_equal(ask_body(w, HTTP_POST, NS "/allowedClusters", "[\"standalone\",\"east\"]"), 204);
    assert_member(w, NS, "allowed_clusters", "[\"standalone\",\"east\"]");
}

/* It goes in, does not come out, and is not lost when what was read is written back. */
static void offload_secret_stays(struct admin_world *w)
{
    static const char secret[] = "{\"managedLedgerOffloadDriver\":\"aws-s3\",\"managedLedgerOffloadBucket\":\"b\","
                                 "\"s3ManagedLedgerOffloadCredentialSecret\":\"%s\"}";
    char body[300];

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(body, sizeof body, secret, i == 0 ? "s3cret" : "****");
        assert_int_equal(ask_body(w, HTTP_POST, NS "/offloadPolicies", body), 204);
        assert_int_equal(ask(w, HTTP_GET, NS "/offloadPolicies"), 200);
        assert_non_null(strstr(answer(w), "\"s3ManagedLedgerOffloadCredentialSecret\":\"****\""));
        assert_int_equal(ask(w, HTTP_GET, NS), 200);
        assert_null(strstr(answer(w), "s3cret"));
        const struct bytes kept = namespace_settings(w->broker, bytes_of_text("public/default"));
        assert_non_null(memmem(kept.data, kept.len, "s3cret", 6));
    }
}

static void offload_policies_need_a_driver_and_a_bucket(void **state)
{
    static const char good[] = "{\"managedLedgerOffloadDriver\":\"aws-s3\",\"managedLedgerOffloadThresholdInBytes\":5,"
                               "\"s3ManagedLedgerOffloadBucket\":\"b\"}";
    struct admin_world *w = *state;
    json_t *policies;

    assert_int_equal(ask(w, HTTP_GET, NS "/offloadPolicies"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, NS "/offloadPolicies", "{\"managedLedgerOffloadDriver\":\"tape\"}"), 412);
    assert_refused(w, ask_body(w, HTTP_POST, NS "/offloadPolicies", "{\"managedLedgerOffloadDriver\":\"aws-s3\"}"), 412,
                   "The bucket must be specified for namespace offload.");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/offloadPolicies", good), 204);
    assert_get(w, NS "/offloadThreshold", "5");
    offload_secret_stays(w);
    assert_get(w, NS "/offloadThresholdInSeconds", "-1");
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/offloadThreshold", "7"), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/offloadDeletionLagMs", "9"), 204);
    assert_int_equal(ask(w, HTTP_GET, NS "/offloadPolicies"), 200);
    policies = answer_json(w);
    assert_int_equal(number(policies, "managedLedgerOffloadThresholdInBytes"), 7);
    assert_int_equal(number(policies, "managedLedgerOffloadDeletionLagInMillis"), 9);
    json_decref(policies);
    assert_int_equal(ask(w, HTTP_DELETE, NS "/offloadDeletionLagMs"), 204);
    assert_int_equal(ask(w, HTTP_GET, NS "/offloadDeletionLagMs"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, NS "/removeOffloadPolicies"), 204);
    assert_int_equal(ask(w, HTTP_GET, NS "/offloadPolicies"), 204);
    assert_get(w, NS "/offloadThreshold", "-1");
}

static const struct {
    const char *path, *unset, *set, *got; /* NULL: 204; the same as `set` */
    const char *key, *shown;              /* in Policies */
} kept[] = {
    {"persistence/bookieAffinity", NULL, "{\"bookkeeperAffinityGroupPrimary\":\"g\"}", NULL, NULL, NULL},
    {"antiAffinity", NULL, "group", NULL, NULL, NULL},
    {"antiAffinity", NULL, "\"group\"", "group", NULL, NULL},
    {"replicatorDispatchRate", NULL, "{\"dispatchThrottlingRateInMsg\":5}",
     "{\"dispatchThrottlingRateInMsg\":5,\"dispatchThrottlingRateInByte\":-1,\"relativeToPublishRate\":false,"
     "\"ratePeriodInSecond\":1}",
     "replicatorDispatchRate",
     "{\"standalone\":{\"dispatchThrottlingRateInMsg\":5,\"dispatchThrottlingRateInByte\":-1,"
     "\"relativeToPublishRate\":false,\"ratePeriodInSecond\":1}}"},
    {"dispatcherPauseOnAckStatePersistent", "false", "", "true", "dispatcherPauseOnAckStatePersistentEnabled", "true"},
    {"subscriptionAuthMode", "\"None\"", "\"Prefix\"", NULL, "subscription_auth_mode", "\"Prefix\""},
    {"entryFilters", NULL, "{\"entryFilterNames\":\"\"}", NULL, "entryFilters", "{\"entryFilterNames\":\"\"}"},
};

static void what_is_kept_is_set_read_shown_and_removed(void **state)
{
    struct admin_world *w = *state;
    char path[200];

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        snprintf(path, sizeof path, NS "/%s", kept[i].path);
        if (kept[i].unset)
            assert_get(w, path, kept[i].unset);
        else
            assert_int_equal(ask(w, HTTP_GET, path), 204);
        assert_int_equal(ask_body(w, HTTP_POST, path, kept[i].set), 204);
        admin_world_restart(w);
        assert_get(w, path, kept[i].got ? kept[i].got : kept[i].set);
        if (kept[i].key)
            assert_member(w, NS, kept[i].key, kept[i].shown);
        assert_int_equal(ask(w, HTTP_DELETE, path), 204);
        assert_int_equal(ask(w, HTTP_GET, path), kept[i].unset ? 200 : 204);
    }
}

#define X TOPICS "/x"

static void a_topics_own_go_over_those_for_all_clusters_and_over_its_namespaces(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_PUT, X), 204);
    assert_int_equal(ask(w, HTTP_GET, X "/replication"), 204);
    assert_int_equal(ask_query(w, HTTP_GET, X "/replication", "applied=true", ""), 200);
    assert_string_equal(answer(w), "[\"standalone\"]");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/offloadPolicies", "{\"managedLedgerOffloadDriver\":\"filesystem\"}"),
                     204);
    assert_int_equal(ask(w, HTTP_GET, X "/offloadPolicies"), 204);
    assert_int_equal(ask_query(w, HTTP_GET, X "/offloadPolicies", "applied=true", ""), 200);
    assert_non_null(strstr(answer(w), "filesystem"));
    assert_int_equal(ask_query(w, HTTP_POST, X "/offloadPolicies", "isGlobal=true",
                               "{\"managedLedgerOffloadDriver\":\"aws-s3\",\"managedLedgerOffloadBucket\":\"all\"}"),
                     204);
    assert_int_equal(ask(w, HTTP_GET, X "/offloadPolicies"), 204);
    assert_int_equal(ask_query(w, HTTP_GET, X "/offloadPolicies", "isGlobal=true", ""), 200);
    assert_int_equal(ask_query(w, HTTP_GET, X "/offloadPolicies", "applied=true", ""), 200);
    assert_non_null(strstr(answer(w), "\"all\""));
    assert_int_equal(ask_body(w, HTTP_POST, X "/offloadPolicies",
                              "{\"managedLedgerOffloadDriver\":\"aws-s3\",\"managedLedgerOffloadBucket\":\"own\"}"),
                     204);
    admin_world_restart(w);
    assert_int_equal(ask_query(w, HTTP_GET, X "/offloadPolicies", "applied=true", ""), 200);
    assert_non_null(strstr(answer(w), "\"own\""));
    assert_int_equal(ask(w, HTTP_DELETE, X "/offloadPolicies"), 204);
    assert_int_equal(ask_query(w, HTTP_DELETE, X "/offloadPolicies", "isGlobal=true", ""), 204);
    assert_int_equal(ask_query(w, HTTP_GET, X "/offloadPolicies", "applied=true", ""), 200);
    assert_non_null(strstr(answer(w), "filesystem"));
    assert_int_equal(ask_body(w, HTTP_POST, X "/offloadPolicies", "{}"), 412);
    assert_int_equal(ask_body(w, HTTP_POST, TOPICS "/y/replicatorDispatchRate", "{}"), 404);
    assert_int_equal(ask_body(w, HTTP_POST, X "-partition-0/replicatorDispatchRate", "{}"), 412);
}

static void what_cannot_be_is_not_kept(void **state)
{
    struct admin_world *w = *state;

    assert_refused(w, ask_body(w, HTTP_POST, NS "/entryFilters", "{\"entryFilterNames\":\"f\"}"), 400,
                   "Entry filter 'f' not found");
    assert_refused(w, ask(w, HTTP_POST, NS "/antiAffinity"), 412, "Anti-affinity group can't be empty");
    assert_int_equal(ask_body(w, HTTP_POST, NS "/subscriptionAuthMode", "\"Suffix\""), 400);
    assert_int_equal(ask_body(w, HTTP_PUT, NS "/offloadThreshold", "\"much\""), 400);
    assert_int_equal(ask_body(w, HTTP_POST, NS "/replicatorDispatchRate", "[]"), 400);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/nobody/x/entryFilters"), 404);
    assert_int_equal(ask(w, HTTP_GET, NS "/scanOffloadedLedgers"), 500);
}

static void namespaces_of_an_anti_affinity_group_are_found(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_POST, NS "/antiAffinity", "G"), 204);
    assert_int_equal(ask_query(w, HTTP_GET, "/admin/v2/namespaces/standalone/antiAffinity/g", "tenant=public", ""),
                     200);
    assert_string_equal(answer(w), "[\"public/default\"]");
    assert_int_equal(ask_query(w, HTTP_GET, "/admin/v2/namespaces/standalone/antiAffinity/h", "tenant=public", ""),
                     200);
    assert_string_equal(answer(w), "[]");
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/standalone/antiAffinity/g"), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(namespaces_are_created_listed_read_and_deleted),
        ADMIN_TEST(what_a_new_namespace_asks_for_is_checked),
        ADMIN_TEST(every_key_of_policies_is_there_in_a_new_namespace),
        ADMIN_TEST(a_topics_bundle_is_by_the_crc_of_its_name),
        ADMIN_TEST(a_namespace_has_four_bundles_and_one_can_be_split),
        ADMIN_TEST(a_namespace_has_the_bundles_that_it_was_made_with),
        ADMIN_TEST(hashes_of_a_bundles_topics_are_told),
        ADMIN_TEST(a_namespace_with_topics_is_deleted_only_by_force_and_where_that_is_allowed),
        ADMIN_TEST(a_topic_that_came_meanwhile_is_not_deleted_without_force),
        ADMIN_TEST(permissions_that_are_none_and_lists_without_end_are_refused),
        ADMIN_TEST(a_namespace_whose_settings_are_too_large_is_not_made),
        ADMIN_TEST(texts_of_a_path_that_are_not_utf_8_are_refused),
        ADMIN_TEST(a_namespace_is_unloaded),
        ADMIN_TEST(a_bundle_is_unloaded_with_its_topics_only),
        ADMIN_TEST(the_backlog_of_a_namespace_is_cleared_of_one_subscription_or_of_all),
        ADMIN_TEST(a_subscription_is_deleted_in_all_topics_of_a_namespace),
        ADMIN_TEST(permissions_are_kept_and_shown),
        ADMIN_TEST(permissions_of_many_topics_are_set_at_once),
        ADMIN_TEST(properties_of_a_namespace_come_and_go),
        ADMIN_TEST(clusters_of_a_namespace_are_those_of_its_tenant),
        ADMIN_TEST(offload_policies_need_a_driver_and_a_bucket),
        ADMIN_TEST(what_is_kept_is_set_read_shown_and_removed),
        ADMIN_TEST(a_topics_own_go_over_those_for_all_clusters_and_over_its_namespaces),
        ADMIN_TEST(what_cannot_be_is_not_kept),
        ADMIN_TEST(namespaces_of_an_anti_affinity_group_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
