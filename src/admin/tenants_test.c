/* SPDX-License-Identifier: Apache-2.0
 *
 * tenants_test.c - tenants, as Pulsar's admin clients see them.
 */
#include "admin/admin_world.h"
#include "admin/namespace_walk.h"

#include <stdio.h>

#define TENANTS "/admin/v2/tenants"
#define LOCAL   "{\"adminRoles\":[\"boss\"],\"allowedClusters\":[\"standalone\"]}"

static void tenants_are_created_listed_read_and_deleted(void **state)
{
    struct admin_world *w = *state;

    assert_get(w, TENANTS, "[\"public\",\"pulsar\"]");
    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", LOCAL), 204);
    assert_null(w->call.answer.content_type);
    assert_get(w, TENANTS, "[\"acme\",\"public\",\"pulsar\"]");
    assert_get(w, TENANTS "/acme", LOCAL);
    assert_get(w, TENANTS "/public", "{\"adminRoles\":[],\"allowedClusters\":[\"standalone\"]}");
    assert_int_equal(ask(w, HTTP_DELETE, TENANTS "/acme"), 204);
    assert_refused(w, ask(w, HTTP_GET, TENANTS "/acme"), 404, "Tenant does not exist");
}

static void a_tenant_is_changed_and_stays_so_over_a_restart(void **state)
{
    struct admin_world *w = *state;

    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", LOCAL), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/clusters/east", "{\"serviceUrl\":\"http://east:8080\"}"), 200);
    assert_int_equal(ask_body(w, HTTP_POST, TENANTS "/acme", "{\"allowedClusters\":[\"standalone\",\"east\"]}"), 204);
    admin_world_restart(w);
    assert_get(w, TENANTS "/acme", "{\"adminRoles\":[],\"allowedClusters\":[\"standalone\",\"east\"]}");
    assert_refused(w, ask_body(w, HTTP_POST, TENANTS "/nobody", LOCAL), 404, "Tenant nobody not found");
}

static void a_tenant_that_cannot_be_is_refused(void **state)
{
    struct admin_world *w = *state;

    assert_refused(w, ask_body(w, HTTP_PUT, TENANTS "/public", LOCAL), 409, "Tenant already exist");
    assert_refused(w, ask_body(w, HTTP_PUT, TENANTS "/a b", LOCAL), 412, "Tenant name is not valid");
    assert_refused(w, ask(w, HTTP_PUT, TENANTS "/x"), 412, "Clusters can not be empty");
    assert_refused(w, ask_body(w, HTTP_PUT, TENANTS "/x", "{\"allowedClusters\":[\" \"]}"), 412,
                   "Clusters can not be empty");
    assert_refused(w, ask_body(w, HTTP_PUT, TENANTS "/x", "{\"allowedClusters\":[\"moon\"]}"), 412,
                   "Clusters do not exist");
    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/x", "{"), 400);
    assert_get(w, TENANTS, "[\"public\",\"pulsar\"]");
    assert_refused(w, ask(w, HTTP_DELETE, TENANTS "/public"), 409, "The tenant still has active namespaces");
    assert_refused(w, ask(w, HTTP_DELETE, TENANTS "/nobody"), 404, "Tenant doesn't exist");
}

static void there_are_so_many_tenants_and_namespaces_of_one_and_no_more(void **state)
{
    struct admin_world *w = *state;

    w->options.tenants_max = 3; /* public and pulsar are there */
    w->options.namespaces_per_tenant_max = 1;
    admin_world_restart(w);
    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", LOCAL), 204);
    assert_refused(w, ask_body(w, HTTP_PUT, TENANTS "/more", LOCAL), 412, "Exceed the maximum number of tenants");
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/acme/a"), 204);
    assert_refused(w, ask(w, HTTP_PUT, "/admin/v2/namespaces/acme/b"), 412,
                   "Exceed the maximum number of namespace in tenant :acme");
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/acme/a"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/acme/b"), 204);
}

static void a_tenant_whose_settings_are_too_large_is_not_made(void **state)
{
    struct admin_world *w = *state;
    static char body[100 * 1024], role[600];
    int len = snprintf(body, sizeof body, "{\"allowedClusters\":[\"standalone\"],\"adminRoles\":[\"\"");

    memset(role, 'r', sizeof role - 1);
    for (unsigned i = 0; i < 120; i++)
        len += snprintf(body + len, sizeof body - (size_t)len, ",\"%u%s\"", i, role);
    (void)snprintf(body + len, sizeof body - (size_t)len, "]}");
    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", body), 413);
    assert_get(w, TENANTS, "[\"public\",\"pulsar\"]");
    admin_world_restart(w);
    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", LOCAL), 204);
    assert_get(w, TENANTS "/acme", LOCAL);
}

static void a_tenant_is_deleted_with_all_it_has_only_where_that_is_allowed(void **state)
{
    struct admin_world *w = *state;
    struct admin_client client = {0};

    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", LOCAL), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/acme/one"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/acme/two"), 204);
    assert_int_equal(ask_body(w, HTTP_PUT, "/admin/v2/persistent/acme/one/p/partitions", "3"), 204);
    client_publish(w, &client, "acme/two/x", 1);
    assert_refused(w, ask_query(w, HTTP_DELETE, TENANTS "/acme", "force=true", ""), 405,
                   "Broker doesn't allow forced deletion of tenants");
    producer_detach(client.open.producer);

    w->options.force_delete_tenant = true;
    admin_world_restart(w);
    assert_int_equal(ask_query(w, HTTP_DELETE, TENANTS "/acme", "force=true", ""), 204);
    assert_get(w, TENANTS, "[\"public\",\"pulsar\"]");
    admin_world_restart(w);
    assert_get(w, TENANTS, "[\"public\",\"pulsar\"]");
}

/* More than a call's memory has room for, with a walk for each. */
static void a_tenant_with_many_namespaces_is_deleted(void **state)
{
    struct admin_world *w = *state;
    char path[100];

    w->options.force_delete_tenant = true;
    admin_world_restart(w);
    assert_int_equal(ask_body(w, HTTP_PUT, TENANTS "/acme", LOCAL), 204);
    for (unsigned i = 0; i < CALL_ARENA_MAX / sizeof(struct namespace_walk) + 10; i++) {
        (void)snprintf(path, sizeof path, "/admin/v2/namespaces/acme/n%u", i);
        assert_int_equal(ask(w, HTTP_PUT, path), 204);
    }
    assert_int_equal(ask_query(w, HTTP_DELETE, TENANTS "/acme", "force=true", ""), 204);
    assert_get(w, TENANTS, "[\"public\",\"pulsar\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ADMIN_TEST(tenants_are_created_listed_read_and_deleted),
        ADMIN_TEST(a_tenant_is_changed_and_stays_so_over_a_restart),
        ADMIN_TEST(a_tenant_that_cannot_be_is_refused),
        ADMIN_TEST(there_are_so_many_tenants_and_namespaces_of_one_and_no_more),
        ADMIN_TEST(a_tenant_whose_settings_are_too_large_is_not_made),
        ADMIN_TEST(a_tenant_with_many_namespaces_is_deleted),
        ADMIN_TEST(a_tenant_is_deleted_with_all_it_has_only_where_that_is_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
