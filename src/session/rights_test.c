/* SPDX-License-Identifier: Apache-2.0
 *
 * rights_test.c - who may what on the wire: the table of commands, row by row; and what becomes of what is open when a
 * right is lost.
 */
#include "base/base_test.h"
#include "broker/partitioned.h"
#include "session/fixture.h"
#include "session/session_private.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPE(t)   WIRE__BASE_COMMAND__TYPE__##t
#define TOPIC     "persistent://t/n/x"
#define MISSING   "persistent://t/n/missing"
#define GRANTS(g) "{\"auth_policies\":{\"namespace_auth\":{" g "}}}"
#define ALL       GRANTS("\"p\":[\"produce\"],\"c\":[\"consume\"]")

static void settings(struct fixture *f, const char *value)
{
    struct refusal why;

    assert_int_equal(namespace_set_settings(f->world.broker, bytes_of_text("t/n"), bytes_of_text(value), &why), OK);
}

static int set_up(void **state)
{
    struct fixture *f = fixture_new(7);
    struct refusal why;

    f->world.authorities.super_users = "root";
    session_world_open(&f->world);
    assert_int_equal(namespace_ensure(f->world.broker, bytes_of_text("t/n"), &why), OK);
    assert_int_equal(
        tenant_set_settings(f->world.broker, bytes_of_text("t"), bytes_of_text("{\"adminRoles\":[\"admin\"]}"), &why),
        OK);
    settings(f, ALL);
    *state = f;
    return 0;
}

/* Authentication is tested elsewhere: the session is told who that is. */
static void enter(struct fixture *f, struct client *c, const char *role)
{
    client_connect(c, &f->world);
    client_handshake(c);
    struct session *s = container_of(f->world.server->sessions.prev, struct session, node);
    s->who.role = strdup(role);
    assert_non_null(s->who.role);
}

/* ---- each command ---- */

/* What answers a command: its error, or 0 when it was done. */
struct answered {
    Wire__ServerError error;
    char text[300];
    bool refused;
};

static struct answered answered(bool refused, Wire__ServerError error, const char *text)
{
    struct answered a = {.refused = refused, .error = error};

    (void)snprintf(a.text, sizeof a.text, "%s", text ? text : "");
    return a;
}

/* An ERROR, or the type that says that it was done. */
static struct answered error_or(struct client *c, int done)
{
    for (;;) {
        struct answered a;
        if (client_count(c, TYPE(ERROR)) > 0) {
            const Wire__BaseCommand *answer = client_expect(c, TYPE(ERROR));
            a = answered(true, answer->error->error, answer->error->message);
            return a;
        }
        if (client_count(c, (Wire__BaseCommand__Type)done) > 0) {
            (void)client_expect(c, (Wire__BaseCommand__Type)done);
            return answered(false, 0, NULL);
        }
        session_world_pass(c->world, 1);
        assert_false(c->closed);
    }
}

static struct answered ask_lookup(struct client *c)
{
    Wire__CommandLookupTopic ask = WIRE__COMMAND_LOOKUP_TOPIC__INIT;

    ask.topic = wire_text(MISSING);
    ask.request_id = c->next_request++;
    client_send(c, TYPE(LOOKUP), &ask);
    const Wire__CommandLookupTopicResponse *r = client_expect(c, TYPE(LOOKUP_RESPONSE))->lookup_topic_response;
    return answered(r->has_error, r->error, r->message);
}

static struct answered ask_partitions(struct client *c)
{
    Wire__CommandPartitionedTopicMetadata ask = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA__INIT;

    ask.topic = wire_text(MISSING);
    ask.request_id = c->next_request++;
    ask.has_metadata_auto_creation_enabled = ask.metadata_auto_creation_enabled = true;
    client_send(c, TYPE(PARTITIONED_METADATA), &ask);
    const Wire__CommandPartitionedTopicMetadataResponse *r =
        client_expect(c, TYPE(PARTITIONED_METADATA_RESPONSE))->partition_metadata_response;
    return answered(r->has_error, r->error, r->message);
}

static struct answered ask_topics(struct client *c)
{
    Wire__CommandGetTopicsOfNamespace ask = WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE__INIT;

    ask.namespace_ = wire_text("t/n");
    ask.request_id = c->next_request++;
    client_send(c, TYPE(GET_TOPICS_OF_NAMESPACE), &ask);
    return error_or(c, TYPE(GET_TOPICS_OF_NAMESPACE_RESPONSE));
}

static struct answered ask_watch(struct client *c)
{
    Wire__CommandWatchTopicList ask = WIRE__COMMAND_WATCH_TOPIC_LIST__INIT;

    ask.namespace_ = wire_text("t/n");
    ask.topics_pattern = wire_text("persistent://t/n/.*");
    ask.watcher_id = 1;
    ask.request_id = c->next_request++;
    client_send(c, TYPE(WATCH_TOPIC_LIST), &ask);
    return error_or(c, TYPE(WATCH_TOPIC_LIST_SUCCESS));
}

static struct answered ask_producer(struct client *c)
{
    Wire__CommandProducer ask = WIRE__COMMAND_PRODUCER__INIT;

    ask.topic = wire_text(MISSING);
    ask.producer_id = 1;
    ask.request_id = c->next_request++;
    client_send(c, TYPE(PRODUCER), &ask);
    return error_or(c, TYPE(PRODUCER_SUCCESS));
}

static struct answered ask_subscribe(struct client *c)
{
    Wire__CommandSubscribe ask = WIRE__COMMAND_SUBSCRIBE__INIT;

    ask.topic = wire_text(MISSING);
    ask.subscription = wire_text("s");
    ask.sub_type = WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared;
    ask.consumer_id = 1;
    ask.request_id = c->next_request++;
    client_send(c, TYPE(SUBSCRIBE), &ask);
    return error_or(c, TYPE(SUCCESS));
}

static struct answered ask_schema(struct client *c)
{
    Wire__CommandGetSchema ask = WIRE__COMMAND_GET_SCHEMA__INIT;

    ask.topic = wire_text(MISSING);
    ask.request_id = c->next_request++;
    client_send(c, TYPE(GET_SCHEMA), &ask);
    const Wire__CommandGetSchemaResponse *r = client_expect(c, TYPE(GET_SCHEMA_RESPONSE))->get_schema_response;
    /* That there is none is an answer too. */
    return answered(r->has_error_code && r->error_code != WIRE__SERVER_ERROR__TopicNotFound, r->error_code,
                    r->error_message);
}

static struct answered ask_new_schema(struct client *c)
{
    Wire__CommandGetOrCreateSchema ask = WIRE__COMMAND_GET_OR_CREATE_SCHEMA__INIT;
    Wire__Schema schema = WIRE__SCHEMA__INIT;

    schema.name = wire_text("");
    schema.type = WIRE__SCHEMA__TYPE__String;
    ask.schema = &schema;
    ask.topic = wire_text(MISSING);
    ask.request_id = c->next_request++;
    client_send(c, TYPE(GET_OR_CREATE_SCHEMA), &ask);
    const Wire__CommandGetOrCreateSchemaResponse *r =
        client_expect(c, TYPE(GET_OR_CREATE_SCHEMA_RESPONSE))->get_or_create_schema_response;
    return answered(r->has_error_code, r->error_code, r->error_message);
}

static const struct {
    int type;
    struct answered (*ask)(struct client *c);
    bool p, c; /* who may produce, who may consume: may they? */
} questions[] = {
    {TYPE(LOOKUP), ask_lookup, true, true},
    {TYPE(PARTITIONED_METADATA), ask_partitions, true, true},
    {TYPE(GET_TOPICS_OF_NAMESPACE), ask_topics, true, true},
    {TYPE(WATCH_TOPIC_LIST), ask_watch, true, true},
    {TYPE(PRODUCER), ask_producer, true, false},
    {TYPE(SUBSCRIBE), ask_subscribe, false, true},
    {TYPE(GET_SCHEMA), ask_schema, true, true},
    {TYPE(GET_OR_CREATE_SCHEMA), ask_new_schema, true, false},
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

static void every_command_says_which_operation_it_is(void **state)
{
    size_t count, asked = 0;
    const struct command *all = commands_all(&count);

    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(all[i].operation, OPERATION_UNDECLARED);
        const bool of_kind = operation_info(all[i].operation)->kind != KIND_NONE;
        bool in_test = false;
        for (size_t q = 0; q < QUESTIONS; q++)
            in_test = in_test || questions[q].type == all[i].type;
        assert_int_equal(of_kind, all[i].refusal != NULL);
        assert_int_equal(of_kind, in_test); /* one that is checked is a question below */
        asked += in_test;
    }
    assert_int_equal(asked, QUESTIONS);
}

static void assert_denied(const struct answered *a, int type)
{
    assert_true(a->refused);
    assert_int_equal(a->error, WIRE__SERVER_ERROR__AuthorizationError);
    assert_string_equal(a->text, command_find(type)->refusal);
}

static struct topic_name missing(void)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(MISSING)), OK);
    return name;
}

static void a_stranger_is_refused_every_command_and_makes_nothing(void **state)
{
    struct fixture *f = *state;
    const struct topic_name name = missing();

    enter(f, &f->a, "stranger");
    for (size_t q = 0; q < QUESTIONS; q++) {
        const struct answered a = questions[q].ask(&f->a);
        assert_denied(&a, questions[q].type);
        assert_int_equal(topics_count(f->world.broker, bytes_of_text("t/n")), 0);
        assert_int_equal(partitions_count(f->world.broker, &name), 0);
    }
    struct schema_row row;
    assert_int_equal(schemas_newest(f->world.broker, &name, &row), ERR_NOT_FOUND);
    assert_false(f->a.closed);
}

static void whoever_may_the_least_that_does_may(void **state)
{
    struct fixture *f = *state;
    static const char *const roles[] = {"p", "c", "admin", "root"};

    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++) {
        enter(f, &f->a, roles[r]);
        for (size_t q = 0; q < QUESTIONS; q++) {
            const bool may = r == 0 ? questions[q].p : r == 1 ? questions[q].c : true;
            const struct answered a = questions[q].ask(&f->a);
            if (may)
                assert_false(a.refused);
            else
                assert_denied(&a, questions[q].type);
        }
        client_free(&f->a);
    }
}

static void who_may_produce_makes_no_subscription_with_it(void **state)
{
    struct fixture *f = *state;
    Wire__CommandProducer ask = WIRE__COMMAND_PRODUCER__INIT;

    enter(f, &f->a, "p");
    ask.topic = wire_text(MISSING);
    ask.producer_id = 1;
    ask.request_id = f->a.next_request++;
    ask.initial_subscription_name = wire_text("s");
    client_send(&f->a, TYPE(PRODUCER), &ask);
    const struct answered a = error_or(&f->a, TYPE(PRODUCER_SUCCESS));
    assert_denied(&a, TYPE(PRODUCER));
    assert_int_equal(topics_count(f->world.broker, bytes_of_text("t/n")), 0);
}

static void in_prefix_mode_the_client_is_told_how_to_name_its_subscription(void **state)
{
    struct fixture *f = *state;

    settings(f, "{\"subscription_auth_mode\":\"Prefix\",\"auth_policies\":{\"namespace_auth\":{\"c\":[\"consume\"]}}}");
    enter(f, &f->a, "c");
    const struct answered a = ask_subscribe(&f->a);
    assert_true(a.refused);
    assert_int_equal(a.error, WIRE__SERVER_ERROR__AuthorizationError);
    assert_string_equal(a.text, "Failed to create consumer - The subscription name needs to be prefixed by the "
                                "authentication role, like c-xxxx for topic: " MISSING);
    assert_int_equal(client_subscribe(&f->a, 2, MISSING, "c-1", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared),
                     TYPE(SUCCESS));
}

/* ---- a right is lost ---- */

static void producers_and_consumers_that_lose_their_right_are_closed_and_no_others(void **state)
{
    struct fixture *f = *state;

    settings(f, GRANTS("\"p\":[\"produce\",\"consume\"],\"c\":[\"produce\",\"consume\"]"));
    enter(f, &f->a, "p");
    enter(f, &f->b, "c");
    struct client *const both[] = {&f->a, &f->b};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(client_produce(both[i], 1, TOPIC, i ? "two" : "one"), TYPE(PRODUCER_SUCCESS));
        assert_int_equal(client_subscribe(both[i], 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared),
                         TYPE(SUCCESS));
    }
    settings(f, GRANTS("\"c\":[\"produce\",\"consume\"],\"p\":[]"));
    assert_int_equal(client_expect(&f->a, TYPE(CLOSE_PRODUCER))->close_producer->producer_id, 1);
    assert_int_equal(client_expect(&f->a, TYPE(CLOSE_CONSUMER))->close_consumer->consumer_id, 1);
    session_world_pass(&f->world, 1000);
    assert_int_equal(client_count(&f->b, TYPE(CLOSE_PRODUCER)) + client_count(&f->b, TYPE(CLOSE_CONSUMER)), 0);
    const struct answered again = ask_producer(&f->a);
    assert_denied(&again, TYPE(PRODUCER));
    client_send_entry(&f->b, 1, 1, 10);
    assert_non_null(client_expect(&f->b, TYPE(SEND_RECEIPT)));
}

static void only_what_was_lost_is_closed(void **state)
{
    struct fixture *f = *state;

    settings(f, GRANTS("\"p\":[\"produce\",\"consume\"]"));
    enter(f, &f->a, "p");
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "one"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_subscribe(&f->a, 1, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared), TYPE(SUCCESS));
    settings(f, GRANTS("\"p\":[\"produce\"]"));
    assert_non_null(client_expect(&f->a, TYPE(CLOSE_CONSUMER)));
    session_world_pass(&f->world, 1000);
    assert_int_equal(client_count(&f->a, TYPE(CLOSE_PRODUCER)), 0);
}

static void an_admin_who_is_none_any_more_is_closed_and_a_super_user_too(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    enter(f, &f->a, "admin");
    enter(f, &f->b, "root");
    assert_int_equal(client_produce(&f->a, 1, TOPIC, "one"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(client_produce(&f->b, 1, TOPIC, "two"), TYPE(PRODUCER_SUCCESS));
    assert_int_equal(tenant_set_settings(f->world.broker, bytes_of_text("t"), bytes_of_text("{}"), &why), OK);
    assert_non_null(client_expect(&f->a, TYPE(CLOSE_PRODUCER)));
    assert_int_equal(authorization_set_super_users(f->world.authorization, "other"), OK);
    assert_non_null(client_expect(&f->b, TYPE(CLOSE_PRODUCER)));
}

static void more_than_a_turn_of_the_loop_can_check_is_closed_over_several(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 2 * RIGHTS_PER_TURN + 100 };
    unsigned closed = 0;

    enter(f, &f->a, "c");
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(client_subscribe(&f->a, i, TOPIC, "s", WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared),
                         TYPE(SUCCESS));
    settings(f, "{}");
    settings(f, "{\"replication_clusters\":[\"standalone\"]}"); /* in the midst of it */
    while (closed < MANY && client_expect(&f->a, TYPE(CLOSE_CONSUMER)))
        closed++;
    assert_int_equal(closed, MANY);
}

static void a_producer_that_waits_and_loses_its_right_is_refused_when_its_turn_comes(void **state)
{
    struct fixture *f = *state;
    Wire__CommandProducer ask = WIRE__COMMAND_PRODUCER__INIT;

    enter(f, &f->b, "root");
    enter(f, &f->a, "p");
    ask.topic = wire_text(TOPIC);
    ask.has_producer_access_mode = true;
    ask.producer_access_mode = WIRE__PRODUCER_ACCESS_MODE__WaitForExclusive;
    ask.producer_id = 1;
    ask.request_id = 1000;
    client_send(&f->b, TYPE(PRODUCER), &ask);
    assert_true(client_expect(&f->b, TYPE(PRODUCER_SUCCESS))->producer_success->producer_ready);
    client_send(&f->a, TYPE(PRODUCER), &ask);
    assert_false(client_expect(&f->a, TYPE(PRODUCER_SUCCESS))->producer_success->producer_ready);
    settings(f, "{}");
    client_free(&f->b);
    const struct answered a = error_or(&f->a, TYPE(PRODUCER_SUCCESS));
    assert_denied(&a, TYPE(PRODUCER));
}

static void a_watch_tells_nothing_more_to_who_may_not_list(void **state)
{
    struct fixture *f = *state;

    enter(f, &f->a, "c");
    enter(f, &f->b, "root");
    assert_false(ask_watch(&f->a).refused);
    settings(f, "{}");
    session_world_pass(&f->world, 1000);
    assert_int_equal(client_produce(&f->b, 1, TOPIC, "one"), TYPE(PRODUCER_SUCCESS));
    session_world_pass(&f->world, 60000);
    assert_int_equal(client_count(&f->a, TYPE(WATCH_TOPIC_UPDATE)), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_says_which_operation_it_is),
        TEST(a_stranger_is_refused_every_command_and_makes_nothing),
        TEST(whoever_may_the_least_that_does_may),
        TEST(who_may_produce_makes_no_subscription_with_it),
        TEST(in_prefix_mode_the_client_is_told_how_to_name_its_subscription),
        TEST(producers_and_consumers_that_lose_their_right_are_closed_and_no_others),
        TEST(only_what_was_lost_is_closed),
        TEST(an_admin_who_is_none_any_more_is_closed_and_a_super_user_too),
        TEST(more_than_a_turn_of_the_loop_can_check_is_closed_over_several),
        TEST(a_producer_that_waits_and_loses_its_right_is_refused_when_its_turn_comes),
        TEST(a_watch_tells_nothing_more_to_who_may_not_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
