/* SPDX-License-Identifier: Apache-2.0
 *
 * change_events_test.c - what is told of policies in __change_events: when, under which key, in which bytes.
 *
 * tests/interop/test_topics_rest.py reads the same with fastavro, by the schema that Apache Pulsar registers.
 */
#include "admin/change_events.h"

#include "admin/admin_world.h"
#include "admin/policy_event.h"

#define X      "/admin/v2/persistent/public/default/x"
#define PARTED "/admin/v2/persistent/public/default/parted"
#define LOG    "/admin/v2/persistent/public/default/__change_events"

struct fixture {
    struct admin_world *world;
    struct change_events *events;
};

static int set_up(void **state)
{
    struct fixture *f = test_malloc(sizeof *f);
    void *world;

    admin_world_set_up(&world);
    *f = (struct fixture){.world = world};
    assert_int_equal(change_events_new(&f->events, f->world->broker, "standalone"), OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *world = f->world;

    admin_world_tear_down(&world);
    change_events_free(f->events);
    test_free(f);
    return 0;
}

/* How many events there are. */
static int events(struct fixture *f)
{
    if (ask(f->world, HTTP_GET, LOG "/internalStats") != 200)
        return 0;
    json_t *stats = answer_json(f->world);
    const int count = (int)number(stats, "numberOfEntries");
    json_decref(stats);
    return count;
}

/* The nth event from the end is the last question's answer then. */
static void look(struct fixture *f, int from_end)
{
    char query[60];

    snprintf(query, sizeof query, "initialPosition=latest&messagePosition=%d", from_end);
    assert_int_equal(ask_query(f->world, HTTP_GET, LOG "/examinemessage", query, ""), 200);
}

static const char *header(struct fixture *f, const char *name)
{
    const char *value = answer_header(f->world, name);

    assert_non_null(value);
    return value;
}

static void each_change_is_an_event_under_the_topics_name(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f->world, HTTP_PUT, X), 204);
    assert_int_equal(events(f), 0);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/maxProducers", "3"), 204);
    assert_int_equal(events(f), 1);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/s/dispatchRate", "{\"dispatchThrottlingRateInMsg\":7}"), 204);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/replication", "[\"standalone\"]"), 204);
    assert_int_equal(ask(f->world, HTTP_DELETE, X "/maxProducers"), 204);
    assert_int_equal(events(f), 4);
    look(f, 1);
    assert_string_equal(header(f, "X-Pulsar-partition-key:"), "persistent://public/default/x");
    assert_string_equal(header(f, "X-Pulsar-replicated-to:"), "standalone");
    assert_string_equal(header(f, "X-Pulsar-Base64-schema-version:"), "AAAAAAAAAAA=");
}

/* As Apache Pulsar 4.0.8 wrote it for maxProducers 3 of a topic that has nothing else. */
static void an_event_has_the_bytes_of_pulsars(void **state)
{
    static const uint8_t wanted[] = {
        2,   4,   2,   0,   2,   2,   20,  's', 't', 'a', 'n', 'd', 'a', 'l', 'o', 'n', 'e', 0,   2,   2, 20, 'p', 'e',
        'r', 's', 'i', 's', 't', 'e', 'n', 't', 2,   14,  'd', 'e', 'f', 'a', 'u', 'l', 't', 2,   0,   2, 0,  0,   0,
        0,   0,   0,   0,   0,   0,   0,   0,   2,   0,   0,   0,   0,   2,   6,   0,   0,   0,   0,   0, 0,  0,   0,
        0,   0,   0,   0,   0,   0,   0,   2,   0,   2,   0,   2,   12,  'p', 'u', 'b', 'l', 'i', 'c', 2, 2,  'x'};
    struct fixture *f = *state;

    assert_int_equal(ask(f->world, HTTP_PUT, X), 204);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/maxProducers", "3"), 204);
    look(f, 1);
    assert_int_equal(f->world->call.answer.body.len, sizeof wanted);
    assert_memory_equal(f->world->call.answer.body.data, wanted, sizeof wanted);
}

static void what_is_for_all_clusters_has_a_key_of_its_own(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f->world, HTTP_PUT, X), 204);
    assert_int_equal(ask_query(f->world, HTTP_POST, X "/maxProducers", "isGlobal=true", "3"), 204);
    assert_int_equal(events(f), 1);
    look(f, 1);
    assert_string_equal(header(f, "X-Pulsar-partition-key:"), "__G__persistent://public/default/x");
    assert_null(answer_header(f->world, "X-Pulsar-replicated-to:"));
    assert_int_equal(ask_query(f->world, HTTP_POST, X "/replication", "isGlobal=true", "[\"standalone\"]"), 204);
    assert_int_equal(events(f), 3); /* both kinds, as settings are kept together */
}

static void the_end_of_policies_has_no_value(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f->world, HTTP_PUT, X), 204);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/maxProducers", "3"), 204);
    assert_int_equal(ask(f->world, HTTP_DELETE, X "/policies"), 204);
    assert_int_equal(events(f), 2);
    look(f, 1);
    assert_string_equal(header(f, "X-Pulsar-null-value:"), "true");
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/maxProducers", "4"), 204);
    assert_int_equal(ask(f->world, HTTP_DELETE, X), 204);
    assert_int_equal(events(f), 4);
    look(f, 1);
    assert_string_equal(header(f, "X-Pulsar-null-value:"), "true");
    assert_int_equal(ask(f->world, HTTP_PUT, X), 204);
    assert_int_equal(ask(f->world, HTTP_DELETE, X), 204);
    assert_int_equal(events(f), 4); /* nothing was set */
}

static void a_partitioned_topic_is_told_as_a_whole(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask_body(f->world, HTTP_PUT, PARTED "/partitions", "2"), 204);
    assert_int_equal(ask_body(f->world, HTTP_POST, PARTED "/maxProducers", "3"), 204);
    assert_int_equal(events(f), 1);
    look(f, 1);
    assert_string_equal(header(f, "X-Pulsar-partition-key:"), "persistent://public/default/parted");
    assert_int_equal(ask(f->world, HTTP_DELETE, PARTED "/partitions"), 204);
    assert_int_equal(events(f), 2);
}

static void the_topic_of_events_is_neither_listed_nor_counted_nor_in_the_way(void **state)
{
    struct fixture *f = *state;
    struct admin_world *w = f->world;

    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/namespaces/public/two"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, "/admin/v2/namespaces/public/two/maxTopicsPerNamespace", "2"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/two/x"), 204);
    assert_int_equal(ask_body(w, HTTP_POST, "/admin/v2/persistent/public/two/x/maxProducers", "1"), 204);
    assert_get(w, "/admin/v2/persistent/public/two", "[\"persistent://public/two/x\"]");
    assert_int_equal(ask_query(w, HTTP_GET, "/admin/v2/persistent/public/two", "includeSystemTopic=true", ""), 200);
    assert_non_null(strstr(answer(w), "__change_events"));
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/two/y"), 204);
    assert_int_equal(ask(w, HTTP_PUT, "/admin/v2/persistent/public/two/z"), 412);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/two/x"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/persistent/public/two/y"), 204);
    assert_int_equal(ask(w, HTTP_DELETE, "/admin/v2/namespaces/public/two"), 204);
}

static void events_are_kept_until_they_are_compacted(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ask(f->world, HTTP_PUT, X), 204);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/maxProducers", "1"), 204);
    assert_int_equal(ask_body(f->world, HTTP_POST, X "/maxProducers", "2"), 204);
    assert_int_equal(ask(f->world, HTTP_PUT, LOG "/unload"), 204);
    assert_int_equal(ask(f->world, HTTP_POST, LOG "/trim"), 204);
    assert_int_equal(events(f), 2);
    assert_int_equal(ask(f->world, HTTP_PUT, LOG "/compaction"), 204);
    while (ask(f->world, HTTP_GET, LOG "/compaction") == 200 && strstr(answer(f->world), "RUNNING"))
        assert_true(sim_step(f->world->sim));
    assert_string_equal(answer(f->world), "{\"status\":\"SUCCESS\",\"lastError\":\"\"}");
}

static void refused(struct broker_op *op)
{
    struct producer_open *open = container_of(op, struct producer_open, op);

    assert_int_equal(op->why.err, ERR_NOT_ALLOWED);
    open->taken = true;
}

static void clients_do_not_write_there(void **state)
{
    struct fixture *f = *state;
    struct producer_open open = {.op.done = refused, .producer_id = 1, .name = "p"};

    assert_int_equal(topic_name_parse(&open.topic, bytes_of_text("persistent://public/default/__change_events")), OK);
    producer_open(f->world->broker, &open);
    while (!open.taken)
        assert_true(sim_step(f->world->sim));
}

static void the_schema_is_json_with_every_field_in_order(void **state)
{
    struct text schema;
    json_t *root;

    text_init(&schema, 1 << 20);
    policy_event_schema(&schema);
    assert_false(text_failed(&schema));
    root = json_loadb(schema.data, schema.len, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "name")), "PulsarEvent");
    assert_int_equal(json_array_size(json_object_get(root, "fields")), 4);
    json_decref(root);
    text_deinit(&schema);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_change_is_an_event_under_the_topics_name),
        TEST(an_event_has_the_bytes_of_pulsars),
        TEST(what_is_for_all_clusters_has_a_key_of_its_own),
        TEST(the_end_of_policies_has_no_value),
        TEST(a_partitioned_topic_is_told_as_a_whole),
        TEST(the_topic_of_events_is_neither_listed_nor_counted_nor_in_the_way),
        TEST(events_are_kept_until_they_are_compacted),
        TEST(clients_do_not_write_there),
        cmocka_unit_test(the_schema_is_json_with_every_field_in_order),
    };
    return cmocka_run_group_tests_name("admin: events of policies", tests, NULL, NULL);
}
