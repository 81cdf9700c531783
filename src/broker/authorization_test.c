/* SPDX-License-Identifier: Apache-2.0
 *
 * authorization_test.c - authorization.h in use: the table of operations, row by row, and who loses a right when.
 */
#include "base/base_test.h"

#include "broker/authorization.h"
#include "broker/broker_world.h"
#include "broker/partitioned.h"
#include "broker/permissions.h"

#include <stdio.h>
#include <stdlib.h>

#define AUDIT_NAMESPACE "a/log"
#define AUDIT_TOPIC     "persistent://a/log/audit"

struct test {
    struct world world;
    struct authorization *authorization;
    struct authorization_observer observer;
    unsigned changes;
    struct topic_name topic;
    struct refusal why;
};

static void counted(struct authorization_observer *o)
{
    container_of(o, struct test, observer)->changes++;
}

static void settings(struct test *t, const char *namespace_, const char *value)
{
    assert_int_equal(namespace_set_settings(t->world.broker, bytes_of_text(namespace_), bytes_of_text(value), &t->why),
                     OK);
}

static void admins(struct test *t, const char *tenant, const char *value)
{
    assert_int_equal(tenant_set_settings(t->world.broker, bytes_of_text(tenant), bytes_of_text(value), &t->why), OK);
}

static void start(struct test *t, bool wildcards)
{
    const struct authorization_options options = {.super_users = "root, second root ,", .wildcards = wildcards};

    assert_int_equal(authorization_new(&t->authorization, t->world.broker, &options), OK);
    t->observer.changed = counted;
    authorization_observe(t->authorization, &t->observer);
}

static void end(struct test *t)
{
    authorization_observe_end(&t->observer);
    authorization_free(t->authorization);
}

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof *t);

    assert_non_null(*state = t);
    world_start(&t->world, 1);
    t->world.options.audit_topic = AUDIT_TOPIC;
    world_open(&t->world);
    assert_int_equal(namespace_ensure(t->world.broker, bytes_of_text("t/n"), &t->why), OK);
    assert_int_equal(namespace_ensure(t->world.broker, bytes_of_text("u/n"), &t->why), OK);
    admins(t, "t", "{\"adminRoles\":[\"admin\"]}");
    settings(t, "t/n",
             "{\"auth_policies\":{\"namespace_auth\":{\"p\":[\"produce\"],\"c\":[\"consume\"],\"f\":[\"functions\"],"
             "\"so\":[\"sources\"],\"si\":[\"sinks\"],\"pa\":[\"packages\"],\"team-*\":[\"consume\"]},"
             "\"destination_auth\":{\"persistent://t/n/x\":{\"px\":[\"produce\"],\"cx\":[\"consume\"]}},"
             "\"subscription_auth_roles\":{\"theirs\":[\"other\"]}}}");
    assert_int_equal(topic_name_parse(&t->topic, bytes_of_text("t/n/x")), OK);
    start(t, false);
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;

    end(t);
    world_end(&t->world);
    free(t);
    return 0;
}

static bool may_as(struct test *t, struct subject who, enum operation op, const struct target *on)
{
    const enum err err = authorization_check(t->authorization, &who, op, on, &t->why);

    assert_true(err == OK || err == ERR_DENIED);
    assert_true(err == OK || (t->why.err == ERR_DENIED && strlen(t->why.text) > 0));
    return err == OK;
}

static struct target target_of(const struct test *t, enum operation op)
{
    switch (operation_info(op)->kind) {
    case KIND_OF_TENANTS:
    case KIND_TENANT:
    case KIND_ADMIN:
        return (struct target){.tenant = bytes_of_text("t")};
    case KIND_NAMESPACE:
    case KIND_NAMESPACE_POLICY:
        return (struct target){.namespace_ = bytes_of_text("t/n")};
    case KIND_TOPIC:
    case KIND_TOPIC_POLICY:
        return (struct target){.topic = &t->topic};
    case KIND_NONE:
    case KIND_BROKER:
        break;
    }
    return (struct target){0};
}

static bool may(struct test *t, const char *role, enum operation op)
{
    const struct target on = target_of(t, op);

    return may_as(t, (struct subject){.role = role}, op, &on);
}

/* ---- the table ---- */

static void every_row_is_for_those_whom_it_names_and_for_no_stranger(void **state)
{
    static const struct {
        const char *role;
        unsigned in_namespace, on_topic;
    } roles[] = {
        {"p", ACTION_PRODUCE, ACTION_PRODUCE},
        {"c", ACTION_CONSUME, ACTION_CONSUME},
        {"f", ACTION_FUNCTIONS, ACTION_FUNCTIONS},
        {"so", ACTION_SOURCES, ACTION_SOURCES},
        {"si", ACTION_SINKS, ACTION_SINKS},
        {"pa", ACTION_PACKAGES, ACTION_PACKAGES},
        {"px", 0, ACTION_PRODUCE},
        {"cx", 0, ACTION_CONSUME},
        {"stranger", 0, 0},
        {"team-1", 0, 0},
        {"roo", 0, 0},
        {"root2", 0, 0},
        {"second", 0, 0},
    };
    struct test *t = *state;

    for (enum operation op = OPERATION_UNDECLARED + 1; op < OPERATIONS; op++) {
        const struct operation_info *info = operation_info(op);
        const bool anybody = info->kind == KIND_NONE;
        assert_true(may(t, "root", op) && may(t, "second root", op));
        assert_int_equal(may(t, NULL, op), op == OPERATION_OPEN);
        assert_int_equal(may(t, "", op), op == OPERATION_OPEN);
        assert_int_equal(may(t, "admin", op), info->kind != KIND_BROKER);
        for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
            const unsigned has = info->kind == KIND_TOPIC ? roles[i].on_topic : roles[i].in_namespace;
            assert_int_equal(may(t, roles[i].role, op), anybody || (has & info->actions) != 0);
        }
    }
}

static void nobody_loses_or_has_anything_when_it_is_switched_off(void **state)
{
    struct test *t = *state;
    const struct subject nobody = {.role = NULL};

    for (enum operation op = OPERATION_UNDECLARED + 1; op < OPERATIONS; op++) {
        const struct target on = target_of(t, op);
        assert_int_equal(authorization_check(NULL, &nobody, op, &on, &t->why), OK);
    }
}

static void an_admin_of_one_tenant_is_nobody_in_another(void **state)
{
    struct test *t = *state;
    const struct target there = {.namespace_ = bytes_of_text("u/n")};
    const struct target none = {.tenant = bytes_of_text("none")};

    assert_false(may_as(t, (struct subject){.role = "admin"}, OPERATION_WRITE_NAMESPACE_POLICY, &there));
    assert_false(may_as(t, (struct subject){.role = "admin"}, OPERATION_CREATE_TENANT, &none));
    assert_false(may_as(t, (struct subject){.role = "admin"}, OPERATION_LIST_TENANTS, &(struct target){0}));
    assert_true(may_as(t, (struct subject){.role = "root"}, OPERATION_LIST_TENANTS, &(struct target){0}));
}

static void what_is_there_makes_no_difference_for_a_stranger(void **state)
{
    struct test *t = *state;
    const struct target there = {.namespace_ = bytes_of_text("t/n")}, not_there = {.namespace_ = bytes_of_text("t/m")};
    char first[REFUSAL_TEXT];

    assert_false(may_as(t, (struct subject){.role = "stranger"}, OPERATION_GET_TOPICS, &there));
    assert_string_equal(t->why.text,
                        "Unauthorized to validateNamespaceOperation for operation [GET_TOPICS] on namespace [t/n]");
    (void)snprintf(first, sizeof first, "%s", t->why.text);
    *strchr(strstr(first, "t/n"), 'n') = 'm';
    assert_false(may_as(t, (struct subject){.role = "stranger"}, OPERATION_GET_TOPICS, &not_there));
    assert_string_equal(t->why.text, first);
}

static void a_policy_in_no_tenant_is_not_there(void **state)
{
    struct test *t = *state;
    const struct target nowhere = {.namespace_ = bytes_of_text("nobodys/n")};

    assert_int_equal(authorization_check(t->authorization, &(struct subject){.role = "stranger"},
                                         OPERATION_WRITE_NAMESPACE_POLICY, &nowhere, &t->why),
                     ERR_NOT_FOUND);
    assert_string_equal(t->why.text, "Tenant does not exist");
}

static void a_proxy_may_what_it_and_whom_it_speaks_for_may(void **state)
{
    struct test *t = *state;
    const struct target on = {.topic = &t->topic};

    assert_true(may_as(t, (struct subject){"root", "p"}, OPERATION_PRODUCE, &on));
    assert_false(may_as(t, (struct subject){"root", "c"}, OPERATION_PRODUCE, &on));
    assert_false(may_as(t, (struct subject){"stranger", "p"}, OPERATION_PRODUCE, &on));
    assert_false(may_as(t, (struct subject){"root", ""}, OPERATION_PRODUCE, &on));
    assert_false(may_as(t, (struct subject){"root", "p"}, OPERATION_BROKER, &(struct target){0}));
    assert_true(may_as(t, (struct subject){"root", "root"}, OPERATION_BROKER, &(struct target){0}));
}

static void only_super_users_write_to_system_topics(void **state)
{
    struct test *t = *state;
    struct topic_name name;
    const struct target on = {.topic = &name};

    assert_int_equal(topic_name_parse(&name, bytes_of_text("t/n/__change_events")), OK);
    assert_false(may_as(t, (struct subject){.role = "p"}, OPERATION_PRODUCE, &on));
    assert_false(may_as(t, (struct subject){.role = "admin"}, OPERATION_PRODUCE, &on));
    assert_true(may_as(t, (struct subject){.role = "root"}, OPERATION_PRODUCE, &on));
    assert_true(may_as(t, (struct subject){.role = "c"}, OPERATION_CONSUME, &on));
    assert_true(may_as(t, (struct subject){.role = "p"}, OPERATION_LOOKUP, &on));
}

/* ---- subscriptions, partitions, wildcards ---- */

static bool may_consume(struct test *t, const char *role, const char *subscription)
{
    const struct target on = {.topic = &t->topic, .subscription = bytes_of_text(subscription)};

    return may_as(t, (struct subject){.role = role}, OPERATION_CONSUME, &on);
}

static void a_subscription_that_names_roles_is_for_these(void **state)
{
    struct test *t = *state;

    assert_true(may_consume(t, "c", "free"));
    assert_false(may_consume(t, "c", "theirs"));
    assert_int_equal(t->why.about, ABOUT_TOPIC);
    assert_false(may_consume(t, "other", "theirs")); /* to be named there is not enough */
    assert_true(may_consume(t, "admin", "theirs"));
    assert_true(may_consume(t, "root", "theirs"));
}

static void in_prefix_mode_the_refusal_says_what_the_name_has_to_be_like(void **state)
{
    struct test *t = *state;

    settings(t, "t/n",
             "{\"subscription_auth_mode\":\"Prefix\",\"auth_policies\":{\"namespace_auth\":{\"c\":[\"consume\"]}}}");
    assert_true(may_consume(t, "c", "c-1"));
    assert_true(may_consume(t, "admin", "whatever"));
    assert_false(may_consume(t, "c", "x"));
    assert_int_equal(t->why.about, ABOUT_SUBSCRIPTION);
    assert_string_equal(t->why.text, "Failed to create consumer - The subscription name needs to be prefixed by the "
                                     "authentication role, like c-xxxx for topic: persistent://t/n/x");
    assert_false(may_consume(t, "stranger", "x"));
    assert_int_equal(t->why.about, ABOUT_TOPIC);
}

static void a_partition_is_as_its_topic(void **state)
{
    struct test *t = *state;

    assert_int_equal(topic_name_parse(&t->topic, bytes_of_text("t/n/x-partition-3")), OK);
    assert_true(may(t, "px", OPERATION_PRODUCE));
    assert_true(may(t, "px", OPERATION_LOOKUP));
    assert_false(may(t, "px", OPERATION_CONSUME));
}

static void wildcards_work_where_they_are_allowed(void **state)
{
    struct test *t = *state;

    assert_false(may(t, "team-1", OPERATION_CONSUME));
    end(t);
    start(t, true);
    assert_true(may(t, "team-1", OPERATION_CONSUME));
    assert_true(may(t, "team-1", OPERATION_GET_TOPICS));
    assert_false(may(t, "team-1", OPERATION_PRODUCE));
}

/* ---- changes ---- */

static void a_change_is_in_force_at_once_and_told(void **state)
{
    struct test *t = *state;

    assert_true(may(t, "p", OPERATION_PRODUCE));
    settings(t, "t/n", "{}");
    assert_int_equal(t->changes, 1);
    assert_false(may(t, "p", OPERATION_PRODUCE));
    assert_true(may(t, "admin", OPERATION_PRODUCE));
    admins(t, "t", "{\"adminRoles\":[\"p\"]}");
    assert_int_equal(t->changes, 2);
    assert_false(may(t, "admin", OPERATION_PRODUCE));
    assert_true(may(t, "p", OPERATION_PRODUCE));
    assert_int_equal(authorization_set_super_users(t->authorization, "other"), OK);
    assert_int_equal(t->changes, 3);
    assert_false(may(t, "root", OPERATION_BROKER));
    assert_true(may(t, "other", OPERATION_BROKER));
}

static void a_namespace_that_was_removed_and_made_again_grants_nothing(void **state)
{
    struct test *t = *state;

    assert_true(may(t, "p", OPERATION_GET_TOPICS));
    assert_int_equal(namespace_remove(t->world.broker, bytes_of_text("t/n"), &t->why), OK);
    assert_false(may(t, "p", OPERATION_GET_TOPICS));
    assert_int_equal(namespace_create(t->world.broker, bytes_of_text("t/n"), &t->why), OK);
    assert_false(may(t, "p", OPERATION_GET_TOPICS));
    assert_int_equal(t->changes, 1);
}

static void what_is_kept_is_bounded(void **state)
{
    struct test *t = *state;
    char name[32];

    for (unsigned i = 0; i < PERMISSIONS_KEPT + 100; i++) {
        (void)snprintf(name, sizeof name, "t/many-%u", i);
        assert_int_equal(namespace_create(t->world.broker, bytes_of_text(name), &t->why), OK);
        const struct target on = {.namespace_ = bytes_of_text(name)};
        assert_false(may_as(t, (struct subject){.role = "stranger"}, OPERATION_GET_TOPICS, &on));
        assert_true(authorization_kept(t->authorization) <= PERMISSIONS_KEPT);
    }
    assert_true(may(t, "p", OPERATION_PRODUCE));
}

static void strangers_fill_no_memory_with_names_of_nothing(void **state)
{
    struct test *t = *state;
    const struct target on = {.namespace_ = bytes_of_text("none/none")};

    assert_false(may_as(t, (struct subject){.role = "stranger"}, OPERATION_GET_TOPICS, &on));
    assert_int_equal(authorization_kept(t->authorization), 0);
}

/* ---- topics that go ---- */

static void what_was_granted_on_a_topic_goes_with_it(void **state)
{
    struct test *t = *state;
    struct topic_op op = {.op.done = world_done, .name = t->topic};

    topic_create(t->world.broker, &op);
    assert_int_equal(world_finish(&t->world, &op.op).err, OK);
    assert_true(may(t, "px", OPERATION_PRODUCE));
    op = (struct topic_op){.op.done = world_done, .name = t->topic};
    topic_delete(t->world.broker, &op);
    assert_int_equal(world_finish(&t->world, &op.op).err, OK);
    assert_false(may(t, "px", OPERATION_PRODUCE));
    assert_true(may(t, "p", OPERATION_PRODUCE));
}

static void what_was_granted_on_a_partitioned_topic_goes_with_it(void **state)
{
    struct test *t = *state;
    struct partitioned_op op = {.op.done = world_done, .name = t->topic, .partitions = 2};
    struct topic_name one;
    const struct target on = {.topic = &one};

    assert_int_equal(topic_name_partition(&one, &t->topic, 1), OK);
    partitioned_create(t->world.broker, &op);
    assert_int_equal(world_finish(&t->world, &op.op).err, OK);
    assert_true(may_as(t, (struct subject){.role = "px"}, OPERATION_PRODUCE, &on));
    op = (struct partitioned_op){.op.done = world_done, .name = t->topic, .force = true};
    partitioned_delete(t->world.broker, &op);
    assert_int_equal(world_finish(&t->world, &op.op).err, OK);
    assert_false(may_as(t, (struct subject){.role = "px"}, OPERATION_PRODUCE, &on));
}

static void the_audit_topic_and_all_of_its_namespace_are_for_super_users_alone(void **state)
{
    static const enum operation of_topic[] = {OPERATION_CONSUME, OPERATION_PRODUCE, OPERATION_LOOKUP,
                                              OPERATION_DELETE_TOPIC, OPERATION_WRITE_TOPIC_POLICY},
                                of_namespace[] = {OPERATION_CLEAR_BACKLOG,    OPERATION_UNSUBSCRIBE_NAMESPACE,
                                                  OPERATION_DELETE_NAMESPACE, OPERATION_WRITE_NAMESPACE_POLICY,
                                                  OPERATION_GRANT_PERMISSION, OPERATION_DELETE_TENANT};
    struct test *t = *state;
    struct topic_name audit;
    const struct target on = {.topic = &audit}, its = {.namespace_ = bytes_of_text(AUDIT_NAMESPACE)},
                        other = {.topic = &t->topic};

    assert_int_equal(topic_name_parse(&audit, bytes_of_text(AUDIT_TOPIC)), OK);
    assert_int_equal(namespace_ensure(t->world.broker, bytes_of_text(AUDIT_NAMESPACE), &t->why), OK);
    settings(t, AUDIT_NAMESPACE, "{\"auth_policies\":{\"namespace_auth\":{\"c\":[\"consume\",\"produce\"]}}}");
    admins(t, "a", "{\"adminRoles\":[\"admin\"]}");
    assert_true(may_as(t, (struct subject){.role = "c"}, OPERATION_CONSUME, &other));
    for (size_t i = 0; i < sizeof of_topic / sizeof of_topic[0]; i++) {
        assert_false(may_as(t, (struct subject){.role = "c"}, of_topic[i], &on));
        assert_false(may_as(t, (struct subject){.role = "admin"}, of_topic[i], &on));
        assert_true(may_as(t, (struct subject){.role = "root"}, of_topic[i], &on));
    }
    for (size_t i = 0; i < sizeof of_namespace / sizeof of_namespace[0]; i++) {
        assert_false(may_as(t, (struct subject){.role = "c"}, of_namespace[i], &its));
        assert_false(may_as(t, (struct subject){.role = "admin"}, of_namespace[i], &its));
        assert_true(may_as(t, (struct subject){.role = "root"}, of_namespace[i], &its));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_is_for_those_whom_it_names_and_for_no_stranger),
        TEST(the_audit_topic_and_all_of_its_namespace_are_for_super_users_alone),
        TEST(nobody_loses_or_has_anything_when_it_is_switched_off),
        TEST(an_admin_of_one_tenant_is_nobody_in_another),
        TEST(what_is_there_makes_no_difference_for_a_stranger),
        TEST(a_policy_in_no_tenant_is_not_there),
        TEST(a_proxy_may_what_it_and_whom_it_speaks_for_may),
        TEST(only_super_users_write_to_system_topics),
        TEST(a_subscription_that_names_roles_is_for_these),
        TEST(in_prefix_mode_the_refusal_says_what_the_name_has_to_be_like),
        TEST(a_partition_is_as_its_topic),
        TEST(wildcards_work_where_they_are_allowed),
        TEST(a_change_is_in_force_at_once_and_told),
        TEST(a_namespace_that_was_removed_and_made_again_grants_nothing),
        TEST(what_is_kept_is_bounded),
        TEST(strangers_fill_no_memory_with_names_of_nothing),
        TEST(what_was_granted_on_a_topic_goes_with_it),
        TEST(what_was_granted_on_a_partitioned_topic_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
