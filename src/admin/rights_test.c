/* SPDX-License-Identifier: Apache-2.0
 *
 * rights_test.c - who may what over HTTP: the table of routes, row by row, and what requests name beside their path.
 */
#include "admin/admin_world.h"
#include "broker/permissions.h"

#include <stdio.h>

#define TOPIC  "persistent://t/n/x"
#define TENANT "{\"adminRoles\":[\"admin\"],\"allowedClusters\":[\"standalone\"]}"
#define SETTINGS                                                                                                       \
    "{\"auth_policies\":{\"namespace_auth\":{\"produce-n\":[\"produce\"],\"consume-n\":[\"consume\"],\"packages-n\":[" \
    "\"packages\"],\"functions-n\":[\"functions\"]},\"destination_auth\":{\"" TOPIC "\":{\"produce-t\":[\"produce\"]," \
    "\"consume-t\":[\"consume\"]}}}}"

static const struct {
    const char *role;
    unsigned in_namespace, on_topic;
} roles[] = {
    {"stranger", 0, 0},
    {"produce-n", ACTION_PRODUCE, ACTION_PRODUCE},
    {"consume-n", ACTION_CONSUME, ACTION_CONSUME},
    {"packages-n", ACTION_PACKAGES, ACTION_PACKAGES},
    {"functions-n", ACTION_FUNCTIONS, ACTION_FUNCTIONS},
    {"produce-t", 0, ACTION_PRODUCE},
    {"consume-t", 0, ACTION_CONSUME},
    {"admin-of-u", 0, 0},
};
#define ROLES (sizeof roles / sizeof roles[0])

/* What there is to be asked about; made again after a route has changed it. */
static void furnish(struct admin_world *w)
{
    const struct bytes t = bytes_of_text("t"), namespace_ = bytes_of_text("t/n");
    struct refusal why;

    w->who = (struct subject){.role = "root"};
    assert_int_equal(namespace_ensure(w->broker, namespace_, &why), OK);
    assert_int_equal(namespace_ensure(w->broker, bytes_of_text("u/n"), &why), OK);
    assert_int_equal(tenant_set_settings(w->broker, t, bytes_of_text(TENANT), &why), OK);
    assert_int_equal(
        tenant_set_settings(w->broker, bytes_of_text("u"), bytes_of_text("{\"adminRoles\":[\"admin-of-u\"]}"), &why),
        OK);
    assert_int_equal(namespace_set_settings(w->broker, namespace_, bytes_of_text(SETTINGS), &why), OK);
    const int status = ask(w, HTTP_PUT, "/admin/v2/persistent/t/n/x");
    assert_true(status == 204 || status == 409 || status == 405 || status == 412);
    assert_int_equal(namespace_set_settings(w->broker, namespace_, bytes_of_text(SETTINGS), &why), OK);
}

static int set_up(void **state)
{
    admin_world_set_up(state);
    struct admin_world *w = *state;
    const struct authorization_options options = {.super_users = "root"};

    assert_int_equal(authorization_new(&w->core.authorization, w->broker, &options), OK);
    furnish(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, admin_world_tear_down)

/* ---- the table ---- */

static const struct {
    const char *name, *value;
} chosen[] = {
    {"{domain}", "persistent"},
    {"{tenant}", "t"},
    {"{namespace}", "n"},
    {"{topic}", "x"},
    {"{topic+}", "x"},
    {"{subscription}", "s"},
    {"{cluster}", "standalone"},
    {"{namespace_policy}", "maxTopicsPerNamespace"},
    {"{topic_policy}", "maxMessageSize"},
    {"{namespace_kept}", "entryFilters"},
    {"{topic_kept}", "replication"},
    {"{bundle}", "0x00000000_0x40000000"},
    {"{ms}", "1"},
    {"{n}", "1"},
    {"{seconds}", "1"},
    {"{version}", "0"},
    {"{ledger}", "1"},
    {"{entry}", "0"},
};

static void path_of(const char *pattern, char *path, size_t size)
{
    snprintf(path, size, "%s", pattern);
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        const char *name = strstr(path, chosen[i].name);
        char rest[200];
        if (!name)
            continue;
        snprintf(rest, sizeof rest, "%s", name + strlen(chosen[i].name));
        snprintf(path + (name - path), size - (size_t)(name - path), "%s%s", chosen[i].value, rest);
    }
}

static int wanted_status(enum operation op)
{
    switch (operation_info(op)->kind) {
    case KIND_NAMESPACE:
    case KIND_NAMESPACE_POLICY:
    case KIND_TOPIC_POLICY:
        return 403;
    default:
        return 401;
    }
}

static int ask_as(struct admin_world *w, const char *role, const struct route *route)
{
    char path[300];

    path_of(route->pattern, path, sizeof path);
    w->who = (struct subject){.role = role};
    return ask(w, route->method, path);
}

/* Refused by authorization, and not by what the handler found. */
static bool denied(struct admin_world *w, int status)
{
    return (status == 401 || status == 403) &&
           (strstr(answer(w), "Unauthorized to validate") || strstr(answer(w), "requires super-user access") ||
            strstr(answer(w), "Don't have permission to administrate") || strstr(answer(w), "Need to authenticate"));
}

static void now_durable(struct broker_op *op)
{
    op->done = NULL;
}

/* How much was ever written, when all that was changed is: nothing is changed without. */
static uint64_t written(struct admin_world *w)
{
    struct broker_op op = {.done = now_durable};
    struct store_stats stats;

    broker_when_durable(w->broker, &op);
    while (op.done)
        assert_true(sim_step(w->sim));
    store_stats(w->store, &stats);
    return stats.journal_bytes;
}

static void every_route_says_which_operation_it_is(void **state)
{
    size_t count;
    const struct route *all = routes_all(&count);

    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(all[i].operation, OPERATION_UNDECLARED);
        assert_int_not_equal(all[i].operation, OPERATION_OPENED);
        const enum operation_kind kind = operation_info(all[i].operation)->kind;
        if (kind >= KIND_TOPIC)
            assert_non_null(strstr(all[i].pattern, "{topic"));
        else if (kind >= KIND_NAMESPACE)
            assert_non_null(strstr(all[i].pattern, "{namespace}"));
        else if (kind == KIND_TENANT || kind == KIND_ADMIN)
            assert_non_null(strstr(all[i].pattern, "{tenant}"));
    }
}

static void whoever_may_not_is_refused_by_every_route_and_changes_nothing(void **state)
{
    struct admin_world *w = *state;
    const uint64_t before = written(w);
    size_t count;
    const struct route *all = routes_all(&count);

    for (size_t i = 0; i < count; i++) {
        const enum operation op = all[i].operation;
        const struct operation_info *info = operation_info(op);
        if (info->kind == KIND_NONE)
            continue;
        for (size_t r = 0; r < ROLES; r++) {
            const unsigned has = info->kind == KIND_TOPIC ? roles[r].on_topic : roles[r].in_namespace;
            if (has & info->actions)
                continue;
            const int status = ask_as(w, roles[r].role, &all[i]);
            assert_int_equal(status, wanted_status(op));
            assert_true(denied(w, status));
        }
        const int nobody = ask_as(w, NULL, &all[i]);
        assert_int_equal(nobody, wanted_status(op));
        if (info->kind == KIND_BROKER)
            assert_true(denied(w, ask_as(w, "admin", &all[i])));
    }
    assert_int_equal(written(w), before);
}

static void whoever_may_the_least_that_does_is_served_by_every_route(void **state)
{
    struct admin_world *w = *state;
    size_t count;
    const struct route *all = routes_all(&count);

    for (size_t i = 0; i < count; i++) {
        const enum operation op = all[i].operation;
        const struct operation_info *info = operation_info(op);
        if (op == OPERATION_IN_BODY)
            continue;
        if (info->kind == KIND_NONE)
            assert_false(denied(w, ask_as(w, op == OPERATION_OPEN ? NULL : "stranger", &all[i])));
        else
            assert_false(denied(w, ask_as(w, "root", &all[i])));
        furnish(w);
        const bool all_tenants = op == OPERATION_LIST_TENANTS;
        if (info->kind != KIND_NONE && info->kind != KIND_BROKER && !all_tenants)
            assert_false(denied(w, ask_as(w, "admin", &all[i])));
        for (size_t r = 0; r < ROLES; r++) {
            const unsigned has = info->kind == KIND_TOPIC ? roles[r].on_topic : roles[r].in_namespace;
            if (!(has & info->actions))
                continue;
            furnish(w);
            assert_false(denied(w, ask_as(w, roles[r].role, &all[i])));
        }
        furnish(w);
    }
}

static void only_what_machines_ask_is_answered_to_nobody(void **state)
{
    static const char *const open[] = {"/metrics", "/health/pulsar", "/status.html"};
    size_t count, found = 0;
    const struct route *all = routes_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].operation != OPERATION_OPEN)
            continue;
        assert_string_equal(all[i].pattern, open[found]);
        found++;
    }
    assert_int_equal(found, sizeof open / sizeof open[0]);
}

/* ---- what stands beside the path ---- */

static void permissions_on_several_topics_are_for_who_administrates_each_of_them(void **state)
{
    struct admin_world *w = *state;
    static const char *const paths[] = {"/admin/v2/namespaces/grantPermissionsOnTopics",
                                        "/admin/v2/namespaces/revokePermissionsOnTopics"};
    const char *const mine = "[{\"topic\":\"" TOPIC "\",\"role\":\"r\",\"actions\":[\"produce\"]}]";
    const char *const both = "[{\"topic\":\"persistent://u/n/x\",\"role\":\"r\",\"actions\":[\"produce\"]},"
                             "{\"topic\":\"" TOPIC "\",\"role\":\"r\",\"actions\":[\"produce\"]}]";

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/u/n/x"), 204);
    for (size_t i = 0; i < 2; i++) {
        w->who.role = "consume-n";
        assert_int_equal(ask_body(w, HTTP_POST, paths[i], mine), 401);
        w->who.role = "admin-of-u";
        assert_int_equal(ask_body(w, HTTP_POST, paths[i], mine), 401);
        w->who.role = "admin-of-u";
        assert_int_not_equal(ask_body(w, HTTP_POST, paths[i], both), 204);
        w->who.role = "admin";
        assert_int_equal(ask_body(w, HTTP_POST, paths[i], both), 401);
        assert_int_equal(ask_body(w, HTTP_POST, paths[i], mine), 204);
    }
}

static void namespaces_of_a_group_are_for_the_admins_of_the_tenant(void **state)
{
    struct admin_world *w = *state;
    static const char *const tenant[] = {"tenant", "t"};
    const char *const path = "/admin/v2/namespaces/standalone/antiAffinity/g";

    w->who.role = "stranger";
    assert_int_equal(ask_with(w, HTTP_GET, path, tenant, ""), 403);
    w->who.role = "admin-of-u";
    assert_int_equal(ask_with(w, HTTP_GET, path, tenant, ""), 403);
    w->who.role = "admin";
    assert_int_equal(ask_with(w, HTTP_GET, path, tenant, ""), 200);
}

static void a_subscription_that_names_roles_is_for_these_over_http_too(void **state)
{
    struct admin_world *w = *state;
    struct refusal why;
    const char *const path = "/admin/v2/persistent/t/n/x/subscription/s/skip_all";

    assert_int_equal(
        namespace_set_settings(
            w->broker, bytes_of_text("t/n"),
            bytes_of_text("{\"auth_policies\":{\"namespace_auth\":{\"a\":[\"consume\"],\"b\":[\"consume\"]}"
                          ",\"subscription_auth_roles\":{\"s\":[\"a\"]}}}"),
            &why),
        OK);
    w->who.role = "b";
    assert_refused(w, ask(w, HTTP_POST, path), 401,
                   "Unauthorized to validateTopicOperation for operation [SKIP] on topic [" TOPIC "]");
    w->who.role = "a";
    assert_int_equal(ask(w, HTTP_POST, path), 404); /* there is no such subscription, which b does not hear */
}

static void refusals_read_as_pulsars_do(void **state)
{
    struct admin_world *w = *state;

    w->who.role = "stranger";
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/broker-stats/topics"), 401,
                   "This operation requires super-user access");
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/namespaces/t"), 401,
                   "Unauthorized to validateTenantOperation for originalPrincipal [null] and clientAppId [stranger] "
                   "about operation [LIST_NAMESPACES] on tenant [t]");
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/namespaces/t/n/topics"), 403,
                   "Unauthorized to validateNamespaceOperation for operation [GET_TOPICS] on namespace [t/n]");
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/namespaces/t/n/retention"), 403,
                   "Unauthorized to validateNamespacePolicyOperation for operation [READ] on namespace [t/n] on policy "
                   "[retention]");
    assert_refused(w, ask(w, HTTP_GET, "/admin/v2/persistent/t/n/x/stats"), 401,
                   "Unauthorized to validateTopicOperation for operation [GET_STATS] on topic [" TOPIC "]");
    assert_refused(w, ask(w, HTTP_DELETE, "/admin/v2/persistent/t/n/x/truncate"), 401,
                   "Don't have permission to administrate resources on this tenant");
}

static void what_is_there_and_what_not_reads_the_same_to_a_stranger(void **state)
{
    struct admin_world *w = *state;

    w->who.role = "stranger";
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/tenants/none"), 401);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/tenants/t"), 401);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/t/none"), 403);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/namespaces/none/none"), 404); /* in no tenant: as Pulsar says */
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/none/none/none/stats"), 401);
    assert_int_equal(ask(w, HTTP_GET, "/admin/v2/persistent/t/n/none/stats"), 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_says_which_operation_it_is),
        TEST(whoever_may_not_is_refused_by_every_route_and_changes_nothing),
        TEST(whoever_may_the_least_that_does_is_served_by_every_route),
        TEST(only_what_machines_ask_is_answered_to_nobody),
        TEST(permissions_on_several_topics_are_for_who_administrates_each_of_them),
        TEST(namespaces_of_a_group_are_for_the_admins_of_the_tenant),
        TEST(a_subscription_that_names_roles_is_for_these_over_http_too),
        TEST(refusals_read_as_pulsars_do),
        TEST(what_is_there_and_what_not_reads_the_same_to_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
