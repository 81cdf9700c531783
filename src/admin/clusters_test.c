/* SPDX-License-Identifier: Apache-2.0
 *
 * clusters_test.c - clusters and what hangs from them; resource groups and quotas; bookies.
 */
#include "admin/admin_world.h"
#include "admin/json_shape.h"
#include "broker/documents.h"

#include <stdio.h>

#define CLUSTERS "/admin/v2/clusters"
#define DOMAINS  CLUSTERS "/standalone/failureDomains"
#define ISOLATED CLUSTERS "/standalone/namespaceIsolationPolicies"
#define EAST     "{\"serviceUrl\":\"http://east:8080\",\"brokerServiceUrl\":\"pulsar://east:6650\"}"
#define NO_TLS                                                                                                         \
    "\"brokerClientTlsEnabled\":false,\"tlsAllowInsecureConnection\":false,\"brokerClientSslFactoryPlugin\":\"org."    \
    "apache.pulsar.common.util.DefaultPulsarSslFactory\","                                                             \
    "\"brokerClientTlsEnabledWithKeyStore\":false,\"brokerClientTlsTrustStoreType\":\"JKS\","                          \
    "\"brokerClientTlsKeyStoreType\":\"JKS\"}"

static void our_own_cluster_is_there_from_the_start(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, CLUSTERS, "[\"standalone\"]");
    assert_get(w, CLUSTERS "/standalone", "{\"serviceUrl\":\"http://localhost:8080\"," NO_TLS);
    assert_refused(w, ask(w, HTTP_DELETE, CLUSTERS "/standalone"), 412, "Cluster not empty");
    assert_refused(w, ask_body(w, HTTP_PUT, CLUSTERS "/standalone", EAST), 409, "Cluster already exists");
}

static void clusters_are_made_listed_changed_and_deleted(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, CLUSTERS "/east", EAST), 200);
    assert_int_equal(ask_body(w, HTTP_PUT, CLUSTERS "/west", "{}"), 200);
    assert_get(w, CLUSTERS, "[\"east\",\"standalone\",\"west\"]");
    assert_get(w, CLUSTERS "/east",
               "{\"serviceUrl\":\"http://east:8080\",\"brokerServiceUrl\":\"pulsar://east:6650\"," NO_TLS);
    assert_int_equal(ask_body(w, HTTP_POST, CLUSTERS "/standalone", "{\"serviceUrl\":\"http://here:80\"}"), 200);
    admin_world_restart(w);
    assert_get(w, CLUSTERS "/standalone", "{\"serviceUrl\":\"http://here:80\"," NO_TLS);
    assert_get(w, CLUSTERS, "[\"east\",\"standalone\",\"west\"]");
    assert_int_equal(ask(w, HTTP_DELETE, CLUSTERS "/east"), 204);
    assert_get(w, CLUSTERS, "[\"standalone\",\"west\"]");
    assert_refused(w, ask(w, HTTP_DELETE, CLUSTERS "/east"), 404, "Cluster does not exist");
    assert_refused(w, ask(w, HTTP_GET, CLUSTERS "/east"), 404, "Cluster does not exist");
    assert_refused(w, ask_body(w, HTTP_POST, CLUSTERS "/east", EAST), 404, "Cluster does not exist");
}

static void secrets_of_a_cluster_are_not_shown_and_not_lost(void **state)
{
    struct admin_world *w = *state;
    static const char east[] = "/admin/v2/clusters/east";
    struct bytes kept;

    assert_int_equal(ask_body(w, HTTP_PUT, east,
                              "{\"serviceUrl\":\"http://east:8080\",\"authenticationParameters\":\"token:s3cret\"}"),
                     200);
    assert_int_equal(ask(w, HTTP_GET, east), 200);
    assert_non_null(strstr(answer(w), "\"authenticationParameters\":\"****\""));
    assert_int_equal(
        ask_body(w, HTTP_POST, east, "{\"serviceUrl\":\"http://east:8081\",\"authenticationParameters\":\"****\"}"),
        200);
    assert_int_equal(ask(w, HTTP_GET, east), 200);
    assert_null(strstr(answer(w), "s3cret"));
    assert_non_null(strstr(answer(w), "http://east:8081"));
    assert_true(document_find(w->broker, "cluster", bytes_of_text("east"), &kept));
    assert_non_null(memmem(kept.data, kept.len, "token:s3cret", 12));
}

static void a_cluster_with_wrong_data_is_refused(void **state)
{
    struct admin_world *w = *state;

    assert_refused(w, ask(w, HTTP_PUT, CLUSTERS "/x"), 400, "cluster data is required");
    assert_refused(w, ask_body(w, HTTP_PUT, CLUSTERS "/a b", EAST), 412, "Cluster name is not valid");
    assert_refused(w, ask_body(w, HTTP_PUT, CLUSTERS "/x", "{\"serviceUrl\":\"east\"}"), 400,
                   "Illegal service url, example: http://pulsar.example.com:8080");
    assert_refused(w, ask_body(w, HTTP_PUT, CLUSTERS "/x", "{\"brokerServiceUrlTls\":\"pulsar://x\"}"), 400,
                   "Illegal broker service tls url, example: pulsar+ssl://pulsar.example.com:6651");
    assert_int_equal(ask_body(w, HTTP_PUT, CLUSTERS "/x", "{\"serviceUrl\":1}"), 400);
    assert_int_equal(ask_body(w, HTTP_PUT, CLUSTERS "/x", "{\"proxyServiceUrl\":\"pulsar+ssl://x:1\"}"), 200);
}

/* "[[[...]]]" */
static void nested(char *to, unsigned depth)
{
    memset(to, '[', depth);
    memset(to + depth, ']', depth);
    to[2 * depth] = '\0';
}

static void quotas_go_with_their_namespace(void **state)
{
    struct admin_world *w = *state;
    static const char quota[] = "/admin/v2/resource-quotas/public/old/0x00000000_0x40000000";
    static const char neighbour[] = "/admin/v2/resource-quotas/public/older/0x00000000_0x40000000";

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/old"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/older"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, quota, "{\"memory\":7.5}"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, neighbour, "{\"memory\":7.5}"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/public/old"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/old"), 204);
    assert_int_equal(ask(w, HTTP_GET, quota), 200);
    assert_null(strstr(answer(w), "7.5"));
    assert_int_equal(ask(w, HTTP_GET, neighbour), 200);
    assert_non_null(strstr(answer(w), "7.5"));
}

static void a_body_that_is_too_deep_is_refused(void **state)
{
    struct admin_world *w = *state;
    char body[400], deep[200];

    for (unsigned depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        nested(deep, depth);
        (void)snprintf(body, sizeof body, "{\"namespaces\":[\"[[[a\\\"[[[\"],\"auto_failover_policy\":{},\"x\":%s}",
                       deep);
        assert_int_equal(ask_body(w, HTTP_POST, ISOLATED "/deep", body), 400);
        assert_int_equal(strstr(answer(w), "the body has more than 64") != NULL, depth == JSON_DEPTH_MAX);
    }
}

static void what_is_kept_and_cannot_be_read_is_not_written_over(void **state)
{
    struct admin_world *w = *state;
    static const char reason[] = "what is kept of this cannot be read";
    static const char policy[] =
        "{\"namespaces\":[\"public/.*\"],\"primary\":[\"a\"],\"auto_failover_policy\":{\"policy_type\":"
        "\"min_available\",\"parameters\":{\"min_limit\":\"1\",\"usage_threshold\":\"1\"}}}";
    static const char *const kinds[][2] = {{"isolation", "standalone"}, {"bookies", "racks"}, {"resource-group", "g"}};
    struct refusal why;
    struct bytes kept;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(
            document_put(w->broker, kinds[i][0], bytes_of_text(kinds[i][1]), bytes_of_text("{\"old"), &why), OK);
    assert_refused(w, ask_body(w, HTTP_POST, ISOLATED "/new", policy), 500, reason);
    assert_refused(w, ask(w, HTTP_DELETE, ISOLATED "/new"), 500, reason);
    assert_refused(
        w, ask_with(w, HTTP_POST, "/admin/v2/bookies/racks-info/b", (const char *[]){"group", "g"}, "{\"rack\":\"r\"}"),
        500, reason);
    assert_refused(w, ask_body(w, HTTP_PUT, "/admin/v2/resourcegroups/g", "{}"), 500, reason);
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/resourcegroups/g"), 500, reason);
    for (size_t i = 0; i < 3; i++) {
        assert_true(document_find(w->broker, kinds[i][0], bytes_of_text(kinds[i][1]), &kept));
        assert_true(bytes_equal(kept, bytes_of_text("{\"old")));
    }
}

static void a_cluster_that_a_tenant_may_use_is_not_deleted(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, CLUSTERS "/east", EAST), 200);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/tenants/acme", "{\"allowedClusters\":[\"east\"]}"), 204);
    assert_refused(w, ask(w, HTTP_DELETE, CLUSTERS "/east"), 412, "Cluster not empty");
}

static void clusters_have_peers(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, CLUSTERS "/east", EAST), 200);
    assert_int_equal(ask(w, HTTP_GET, CLUSTERS "/east/peers"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, CLUSTERS "/east/peers", "[\"standalone\"]"), 204);
    assert_get(w, CLUSTERS "/east/peers", "[\"standalone\"]");
    assert_refused(w, ask_body(w, HTTP_POST, CLUSTERS "/east/peers", "[\"east\"]"), 412,
                   "east itself can't be part of peer-list");
    assert_refused(w, ask_body(w, HTTP_POST, CLUSTERS "/east/peers", "[\"moon\"]"), 412,
                   "Peer cluster moon does not exist");
    assert_refused(w, ask(w, HTTP_GET, CLUSTERS "/moon/peers"), 404, "Cluster does not exist");
}

static void a_cluster_may_be_said_to_have_moved(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, CLUSTERS "/standalone/migrate", "{\"migrated\":false}");
    assert_refused(w, ask_query(w, HTTP_POST, CLUSTERS "/standalone/migrate", "migrated=true", "{}"), 400,
                   "Cluster url must not be empty");
    assert_int_equal(ask_query(w, HTTP_POST, CLUSTERS "/standalone/migrate", "migrated=true",
                               "{\"brokerServiceUrl\":\"pulsar://new:6650\"}"),
                     200);
    assert_get(w, CLUSTERS "/standalone/migrate",
               "{\"migrated\":true,\"migratedClusterUrl\":{\"brokerServiceUrl\":\"pulsar://new:6650\"}}");
}

static void a_broker_is_in_one_failure_domain(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, DOMAINS, "{}");
    assert_int_equal(ask_body(w, HTTP_POST, DOMAINS "/a", "{\"brokers\":[\"b1\",\"b2\"]}"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, DOMAINS "/a", "{\"brokers\":[\"b1\"]}"), 204);
    assert_refused(w, ask_body(w, HTTP_POST, DOMAINS "/b", "{\"brokers\":[\"b1\"]}"), 409, "[b1] already exists in a");
    assert_get(w, DOMAINS, "{\"a\":{\"brokers\":[\"b1\"]}}");
    assert_get(w, DOMAINS "/a", "{\"brokers\":[\"b1\"]}");
    assert_refused(w, ask(w, HTTP_GET, DOMAINS "/c"), 404, "Domain c for cluster standalone does not exist");
    assert_int_equal(ask(w, HTTP_DELETE, DOMAINS "/a"), 200);
    assert_int_equal(ask(w, HTTP_DELETE, DOMAINS "/a"), 404);
    assert_refused(w, ask(w, HTTP_GET, CLUSTERS "/moon/failureDomains/a"), 412, "Cluster moon does not exist.");
}

#define POLICY                                                                                                         \
    "{\"namespaces\":[\"public/.*\"],\"primary\":[\"local.*\"],\"secondary\":[],\"auto_failover_policy\":"             \
    "{\"policy_type\":\"min_available\",\"parameters\":{\"min_limit\":\"1\",\"usage_threshold\":\"80\"}}}"

static void isolation_policies_are_kept_and_looked_up_by_broker(void **state)
{
    struct admin_world *w = *state;

    assert_refused(w, ask(w, HTTP_GET, ISOLATED), 404,
                   "NamespaceIsolationPolicies for cluster standalone does not exist");
    assert_int_equal(ask_body(w, HTTP_POST, ISOLATED "/p", POLICY), 204);
    assert_get(w, ISOLATED, "{\"p\":" POLICY "}");
    assert_get(w, ISOLATED "/p", POLICY);
    assert_get(w, ISOLATED "/brokers",
               "[{\"brokerName\":\"localhost:8080\",\"policyName\":\"p\",\"primary\":true,"
               "\"namespaceRegex\":[\"public/.*\"]}]");
    assert_get(w, ISOLATED "/brokers/far:80", "{\"brokerName\":\"far:80\",\"primary\":false,\"namespaceRegex\":[]}");
    assert_refused(w, ask(w, HTTP_GET, ISOLATED "/q"), 404,
                   "Cannot find NamespaceIsolationPolicy q for cluster standalone");
    assert_refused(w, ask_body(w, HTTP_POST, ISOLATED "/q", "{}"), 400,
                   "Invalid format of input policy data. policy: q; data: "
                   "{\"namespaces\":[],\"primary\":[],\"secondary\":[]}");
    assert_int_equal(ask(w, HTTP_DELETE, ISOLATED "/p"), 204);
    assert_get(w, ISOLATED, "{}");
}

static void resource_groups_are_kept_and_namespaces_put_into_them(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, "/admin/v2/resourcegroups", "[]");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/resourcegroups/g", "{\"publishRateInMsgs\":10}"), 204);
    assert_get(w, "/admin/v2/resourcegroups", "[\"g\"]");
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/resourcegroups/g", "{\"dispatchRateInBytes\":20}"), 204);
    assert_get(w, "/admin/v2/resourcegroups/g",
               "{\"publishRateInMsgs\":10,\"publishRateInBytes\":-1,\"dispatchRateInMsgs\":-1,"
               "\"dispatchRateInBytes\":20}");
    assert_refused(w, ask(w, HTTP_POST, "/admin/v2/namespaces/public/default/resourcegroup/h"), 412,
                   "ResourceGroup does not exist");
    assert_int_equal(ask(w, HTTP_POST, "/admin/v2/namespaces/public/default/resourcegroup/g"), 204);
    assert_get(w, "/admin/v2/namespaces/public/default/resourcegroup", "g");
    assert_refused(w, ask(w, HTTP_DELETE, "/admin/v2/resourcegroups/g"), 412, "ResourceGroup is in use");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/public/default/resourcegroup"), 204);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/public/default/resourcegroup"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/resourcegroups/g"), 204);
    assert_refused(w, ask(w, HTTP_DELETE, "/admin/v2/resourcegroups/g"), 404, "ResourceGroup does not exist");
}

#define QUOTAS "/admin/v2/resource-quotas"
#define BUNDLE QUOTAS "/public/default/0x00000000_0x40000000"

static void a_bundle_has_the_default_quota_until_it_has_its_own(void **state)
{
    static const char own[] = "{\"msgRateIn\":1,\"msgRateOut\":2,\"bandwidthIn\":3,\"bandwidthOut\":4,\"memory\":5,"
                              "\"dynamic\":false}";
    struct admin_world *w = *state;

    assert_int_equal(ask(w, HTTP_GET, QUOTAS), 200);
    assert_non_null(strstr(answer(w), "\"msgRateIn\":40.0"));
    assert_int_equal(ask_body(w, HTTP_POST, BUNDLE, own), 204);
    assert_get(w, BUNDLE, own);
    assert_int_equal(ask(w, HTTP_DELETE, BUNDLE), 204);
    assert_int_equal(ask_body(w, HTTP_POST, QUOTAS, "{\"msgRateIn\":7.5}"), 204);
    assert_int_equal(ask(w, HTTP_GET, BUNDLE), 200);
    assert_non_null(strstr(answer(w), "\"msgRateIn\":7.5"));
    assert_refused(w, ask(w, HTTP_GET, QUOTAS "/public/default/0x00000000_0x50000000"), 412,
                   "Invalid upper boundary for bundle");
}

#define RACKS "/admin/v2/bookies/racks-info"

static void the_rack_of_a_bookie_is_kept(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, "/admin/v2/bookies/all", "{\"bookies\":[{\"bookieId\":\"localhost:3181\"}]}");
    assert_get(w, RACKS, "{}");
    assert_int_equal(ask_query(w, HTTP_POST, RACKS "/b:1", "group=default", "{\"rack\":\"/r1\"}"), 204);
    assert_get(w, RACKS, "{\"default\":{\"b:1\":{\"rack\":\"/r1\"}}}");
    assert_get(w, RACKS "/b:1", "{\"rack\":\"/r1\"}");
    assert_int_equal(ask_query(w, HTTP_POST, RACKS "/b:1", "group=default", "{}"), 412);
    assert_int_equal(ask(w, HTTP_DELETE, RACKS "/b:1"), 204);
    assert_refused(w, ask(w, HTTP_DELETE, RACKS "/b:1"), 404, "Bookie address not found: b:1");
}

static void what_is_not_built_is_refused_as_where_it_is_switched_off(void **state)
{
    struct admin_world *w = *state;

    assert_refused(w, ask(w, HTTP_GET, "/admin/v3/functions/public/default"), 409,
                   "Pulsar Function Worker is not enabled, probably functionsWorkerEnabled is set to false");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/worker/rebalance"), 409);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v3/transactions/coordinators"), 503);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v3/packages/function/public/default/f/v1"), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(our_own_cluster_is_there_from_the_start),
        ADMIN_TEST(clusters_are_made_listed_changed_and_deleted),
        ADMIN_TEST(secrets_of_a_cluster_are_not_shown_and_not_lost),
        ADMIN_TEST(a_cluster_with_wrong_data_is_refused),
        ADMIN_TEST(quotas_go_with_their_namespace),
        ADMIN_TEST(a_body_that_is_too_deep_is_refused),
        ADMIN_TEST(what_is_kept_and_cannot_be_read_is_not_written_over),
        ADMIN_TEST(a_cluster_that_a_tenant_may_use_is_not_deleted),
        ADMIN_TEST(clusters_have_peers),
        ADMIN_TEST(a_cluster_may_be_said_to_have_moved),
        ADMIN_TEST(a_broker_is_in_one_failure_domain),
        ADMIN_TEST(isolation_policies_are_kept_and_looked_up_by_broker),
        ADMIN_TEST(resource_groups_are_kept_and_namespaces_put_into_them),
        ADMIN_TEST(a_bundle_has_the_default_quota_until_it_has_its_own),
        ADMIN_TEST(the_rack_of_a_bookie_is_kept),
        ADMIN_TEST(what_is_not_built_is_refused_as_where_it_is_switched_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
