/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas_test.c - which schemas a topic has, who may add one, who may come without.  How two are judged is tested in
 * schema/; here schemas differ in what any judge sees, their type, or are let in whatever they are.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/partitioned.h"
#include "broker/schemas.h"

#include <stdio.h>

#define TOPIC  "persistent://public/default/t"
#define RECORD "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"}]}"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(47);

    fixture_open(f);
    *state = f;
    return 0;
}

static struct topic_name name_of(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

static struct schema_record record_of(enum schema_type type, const char *data)
{
    return (struct schema_record){.type = type, .data = bytes_of_text(data)};
}

/* ---- who comes ---- */

static struct producer_open *begin_producer(struct peer *p, uint64_t id, const char *topic,
                                            const struct schema_record *schema)
{
    struct producer_open *open = test_calloc(1, sizeof *open);

    open->op.done = world_done;
    open->sink = &p->sink;
    open->producer_id = id;
    open->topic = name_of(topic);
    open->schema = schema;
    producer_open(p->world->broker, open);
    return open;
}

/* The version it got; -1: none; -2: it was refused. */
static int64_t end_producer(struct peer *p, struct producer_open *open, struct refusal *why)
{
    int64_t version = -2;

    *why = world_finish(p->world, &open->op);
    if (why->err == OK) {
        p->producers[open->producer_id] = open->producer;
        version = open->producer->schema.id ? open->producer->schema.version : -1;
    }
    test_free(open);
    return version;
}

static int64_t produce(struct peer *p, uint64_t id, const char *topic, const struct schema_record *schema,
                       struct refusal *why)
{
    return end_producer(p, begin_producer(p, id, topic, schema), why);
}

static int64_t produce_with(struct peer *p, uint64_t id, enum schema_type type, const char *data)
{
    const struct schema_record r = record_of(type, data);
    struct refusal why;

    return produce(p, id, TOPIC, &r, &why);
}

static struct refusal consume(struct peer *p, uint64_t id, const char *topic, const char *subscription,
                              const struct schema_record *schema)
{
    struct consumer_open open = {
        .op.done = world_done,
        .sink = &p->sink,
        .consumer_id = id,
        .topic = name_of(topic),
        .subscription = bytes_of_text(subscription),
        .type = TYPE_SHARED,
        .durable = true,
        .create_topic = true,
        .initial = INITIAL_EARLIEST,
        .epoch = -1,
        .schema = schema,
    };

    consumer_open(p->world->broker, &open);
    const struct refusal why = world_finish(p->world, &open.op);
    if (why.err == OK)
        p->consumers[id] = open.consumer;
    return why;
}

/* ---- what is there ---- */

static bool count_row(void *ctx, const struct schema_row *row)
{
    ++*(unsigned *)ctx;
    return true;
}

static unsigned versions(struct fixture *f, const char *topic)
{
    const struct topic_name name = name_of(topic);
    unsigned count = 0;

    schemas_each(f->world.broker, &name, count_row, &count);
    return count;
}

static int64_t newest(struct fixture *f, const char *topic)
{
    const struct topic_name name = name_of(topic);
    struct schema_row row;

    return schemas_newest(f->world.broker, &name, &row) == OK ? row.version : -1;
}

static int64_t add(struct fixture *f, const char *topic, enum schema_type type, const char *data, struct refusal *why)
{
    const struct schema_record r = record_of(type, data);
    struct schema_op op = {.op.done = world_done, .topic = name_of(topic), .given = &r};

    schema_add(f->world.broker, &op);
    *why = world_finish(&f->world, &op.op);
    return why->err == OK ? op.choice.version : -1;
}

static int64_t delete_all(struct fixture *f, const char *topic, bool force)
{
    struct schema_op op = {.op.done = world_done, .topic = name_of(topic), .force = force};

    schema_delete(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    return op.version;
}

static void set_namespace(struct fixture *f, enum policy which, int64_t value)
{
    struct refusal why;
    struct policies p;

    assert_int_equal(namespace_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
    policies_put(&p, which, value);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &p, &why), OK);
}

static size_t rows(struct fixture *f)
{
    size_t count = 0;
    uint8_t after[TOPIC_NAME_MAX + 20];
    struct bytes name = bytes_of(after, 0);
    const struct catalog_row *row;
    const uint64_t parent = namespace_id(f->world.broker, bytes_of_text("public/default"));

    while ((row = catalog_next(f->world.store, CATALOG_SCHEMA, parent, name))) {
        memcpy(after, row->name.data, row->name.len);
        name = bytes_of(after, row->name.len);
        count++;
    }
    return count;
}

/* ---- tests ---- */

static void the_first_is_version_0_and_the_same_again_is_no_other(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(produce_with(&f->a, 1, SCHEMA_AVRO, RECORD), 0);
    assert_int_equal(produce_with(&f->a, 2, SCHEMA_AVRO, RECORD), 0);
    assert_int_equal(versions(f, TOPIC), 1);
    assert_int_equal(f->world.broker->counts.schemas_added, 1);
}

static void two_who_bring_the_same_at_once_bring_one_version(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;
    struct refusal why;

    struct producer_open *a = begin_producer(&f->a, 1, TOPIC, &r), *b = begin_producer(&f->b, 1, TOPIC, &r);
    assert_int_equal(end_producer(&f->b, b, &why), 0);
    assert_int_equal(end_producer(&f->a, a, &why), 0);
    assert_int_equal(versions(f, TOPIC), 1);
}

static void two_who_bring_different_ones_at_once_get_a_version_each_in_their_order(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, ""), s = record_of(SCHEMA_INT32, "");
    struct fixture *f = *state;
    struct refusal why;

    set_namespace(f, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    struct producer_open *a = begin_producer(&f->a, 1, TOPIC, &r), *b = begin_producer(&f->b, 1, TOPIC, &s);
    assert_int_equal(end_producer(&f->a, a, &why), 0);
    assert_int_equal(end_producer(&f->b, b, &why), 1);
}

static void a_version_that_was_told_is_there_after_a_power_cut(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    set_namespace(f, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(produce_with(&f->a, 1, SCHEMA_STRING + i, i == 1 || i == 2 || i == 3 ? RECORD : ""), 2 * i);
        world_cut_and_open(&f->world);
        fixture_peers(f);
        assert_int_equal(newest(f, TOPIC), 2 * i);
        assert_int_equal(add(f, TOPIC, SCHEMA_INT32 + i, "", &why), 2 * i + 1);
        world_cut_and_open(&f->world);
        fixture_peers(f);
        assert_int_equal(newest(f, TOPIC), 2 * i + 1);
        set_namespace(f, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    }
}

static void what_was_not_told_yet_is_not_told_to_others(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;
    struct schema_choice choice;
    const struct topic_name name = name_of(TOPIC);
    struct refusal why;

    assert_int_equal(peer_produce(&f->c, 1, TOPIC, NULL).err, OK);
    assert_int_equal(schemas_add(f->world.broker, &name, &r, &choice, &why), OK); /* and nobody waited for it */
    assert_false(schemas_settled(f->world.broker, &choice, NULL));
    struct schema_op get = {.op.done = world_done, .topic = name, .version = -1};
    schema_get(f->world.broker, &get);
    assert_int_equal(world_finish(&f->world, &get.op).err, OK);
    assert_true(schemas_settled(f->world.broker, &choice, NULL));
    world_cut_and_open(&f->world);
    fixture_peers(f);
    assert_int_equal(newest(f, TOPIC), 0);
}

static void a_schema_of_another_type_is_refused_with_the_reason(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(produce_with(&f->a, 1, SCHEMA_AVRO, RECORD), 0);
    assert_int_equal(produce(&f->a, 2, TOPIC, &r, &why), -2);
    assert_int_equal(why.err, ERR_NOT_ALLOWED);
    assert_int_equal(why.about, ABOUT_SCHEMA);
    assert_non_null(strstr(why.text, "version 0"));
    assert_int_equal(f->world.broker->counts.schemas_incompatible, 1);
}

static void one_that_is_none_is_refused(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "not empty"), s = record_of(SCHEMA_AUTO_CONSUME, "");
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(produce(&f->a, 1, TOPIC, &r, &why), -2);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(produce(&f->a, 1, TOPIC, &s, &why), -2);
    assert_int_equal(why.err, ERR_INVALID);
    assert_int_equal(versions(f, TOPIC), 0);
}

static void a_deletion_is_a_version_too_and_numbers_are_not_given_again(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(add(f, TOPIC, SCHEMA_STRING, "", &why), 0);
    assert_int_equal(delete_all(f, TOPIC, false), 1);
    assert_int_equal(versions(f, TOPIC), 0);
    assert_int_equal(add(f, TOPIC, SCHEMA_INT32, "", &why), 2); /* nothing is left that it would have to fit to */
    assert_int_equal(versions(f, TOPIC), 1);
    assert_int_equal(delete_all(f, TOPIC, false), 3);
    assert_int_equal(delete_all(f, TOPIC, false), 4);
    assert_int_equal(rows(f), 1);
    world_cut_and_open(&f->world);
    fixture_peers(f);
    assert_int_equal(versions(f, TOPIC), 0);
    assert_int_equal(add(f, TOPIC, SCHEMA_STRING, "", &why), 5);
}

static void a_forced_deletion_forgets_the_numbers(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(add(f, TOPIC, SCHEMA_STRING, "", &why), 0);
    assert_int_equal(delete_all(f, TOPIC, true), -1);
    assert_int_equal(rows(f), 0);
    assert_int_equal(delete_all(f, TOPIC, true), -1);
    assert_int_equal(add(f, TOPIC, SCHEMA_INT32, "", &why), 0);
}

static void a_schema_may_be_there_before_its_topic_and_goes_with_it(void **state)
{
    const struct topic_name name = name_of(TOPIC);
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(add(f, TOPIC, SCHEMA_STRING, "", &why), 0);
    assert_false(topic_exists(f->world.broker, &name));
    assert_int_equal(produce_with(&f->a, 1, SCHEMA_STRING, ""), 0);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, OK);
    assert_int_equal(rows(f), 0);
}

static void the_schema_of_a_topic_with_a_longer_name_is_another(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(add(f, TOPIC "1", SCHEMA_STRING, "", &why), 0);
    assert_int_equal(add(f, TOPIC "-a", SCHEMA_STRING, "", &why), 0);
    assert_int_equal(versions(f, TOPIC), 0);
    assert_int_equal(add(f, TOPIC, SCHEMA_INT32, "", &why), 0);
    assert_int_equal(delete_all(f, TOPIC, true), -1);
    assert_int_equal(versions(f, TOPIC "1"), 1);
    assert_int_equal(versions(f, TOPIC "-a"), 1);
}

static void partitions_share_it_and_one_of_them_takes_nothing_with_it(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;
    struct partitioned_op op = {.op.done = world_done, .name = name_of(TOPIC), .partitions = 2};
    struct refusal why;

    partitioned_create(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    assert_int_equal(produce(&f->a, 1, TOPIC "-partition-0", &r, &why), 0);
    assert_int_equal(produce(&f->a, 2, TOPIC "-partition-1", &r, &why), 0);
    assert_int_equal(versions(f, TOPIC), 1);
    assert_int_equal(world_delete(&f->world, TOPIC "-partition-0", true).err, OK);
    assert_int_equal(versions(f, TOPIC), 1);
    op = (struct partitioned_op){.op.done = world_done, .name = name_of(TOPIC), .force = true};
    partitioned_delete(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    assert_int_equal(rows(f), 0);
}

static void topics_that_are_not_kept_have_schemas_too(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, ""), s = record_of(SCHEMA_INT32, "");
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(produce(&f->a, 1, "non-persistent://public/default/n", &r, &why), 0);
    assert_int_equal(produce(&f->a, 2, "non-persistent://public/default/n", &s, &why), -2);
    assert_int_equal(consume(&f->b, 1, "non-persistent://public/default/n", "s", &s).err, ERR_NOT_ALLOWED);
    assert_int_equal(world_delete(&f->world, "non-persistent://public/default/n", true).err, OK);
    assert_int_equal(rows(f), 0);
}

static void a_namespace_that_goes_takes_schemas_of_topics_that_never_were(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(namespace_create(f->world.broker, bytes_of_text("public/n"), &why), OK);
    const uint64_t id = namespace_id(f->world.broker, bytes_of_text("public/n"));
    assert_int_equal(add(f, "persistent://public/n/x", SCHEMA_STRING, "", &why), 0);
    assert_int_equal(namespace_remove(f->world.broker, bytes_of_text("public/n"), &why), OK);
    assert_null(catalog_next(f->world.store, CATALOG_SCHEMA, id, bytes_of(NULL, 0)));
    assert_int_equal(add(f, "persistent://public/n/x", SCHEMA_STRING, "", &why), -1);
    assert_int_equal(why.err, ERR_NOT_FOUND);
    assert_int_equal(why.about, ABOUT_NAMESPACE);
}

static void a_consumer_brings_the_first_one_to_a_topic_that_nobody_has_used(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, ""), any = record_of(SCHEMA_AUTO_CONSUME, "");
    struct fixture *f = *state;

    assert_int_equal(consume(&f->a, 1, TOPIC, "any", &any).err, OK);
    assert_int_equal(versions(f, TOPIC), 0);
    assert_int_equal(consume(&f->a, 2, TOPIC, "s", &r).err, OK);
    assert_int_equal(newest(f, TOPIC), 0);
    world_cut_and_open(&f->world);
    fixture_peers(f);
    assert_int_equal(newest(f, TOPIC), 0);
}

static void a_consumer_cannot_bring_the_first_one_where_messages_are_bytes(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;

    assert_int_equal(consume(&f->a, 1, TOPIC, "bytes", NULL).err, OK);
    const struct refusal why = consume(&f->a, 2, TOPIC, "s", &r);
    assert_int_equal(why.err, ERR_NOT_ALLOWED);
    assert_int_equal(why.about, ABOUT_SCHEMA);
    consumer_detach(f->a.consumers[1]);
    f->a.consumers[1] = NULL;
    assert_int_equal(peer_produce(&f->b, 1, TOPIC, NULL).err, OK);
    assert_int_equal(consume(&f->a, 2, TOPIC, "s", &r).err, ERR_NOT_ALLOWED);
    peer_publish(&f->b, 1, 1, 1);
    producer_detach(f->b.producers[1]);
    f->b.producers[1] = NULL;
    assert_int_equal(consume(&f->a, 2, TOPIC, "s", &r).err, ERR_NOT_ALLOWED); /* a message is there */
    assert_int_equal(produce_with(&f->b, 2, SCHEMA_STRING, ""), 0);           /* a producer can */
    assert_int_equal(consume(&f->a, 2, TOPIC, "s", &r).err, OK);
}

static void a_consumer_without_a_schema_or_with_any_may_always_come(void **state)
{
    const struct schema_record any = record_of(SCHEMA_AUTO_CONSUME, ""), other = record_of(SCHEMA_INT32, "");
    struct fixture *f = *state;

    assert_int_equal(produce_with(&f->a, 1, SCHEMA_STRING, ""), 0);
    assert_int_equal(consume(&f->b, 1, TOPIC, "a", NULL).err, OK);
    assert_int_equal(consume(&f->b, 2, TOPIC, "b", &any).err, OK);
    assert_int_equal(consume(&f->b, 3, TOPIC, "c", &other).err, ERR_NOT_ALLOWED);
    set_namespace(f, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    assert_int_equal(consume(&f->b, 3, TOPIC, "c", &other).err, OK);
    assert_int_equal(versions(f, TOPIC), 1); /* it brought nothing */
}

static void who_says_no_schema_is_refused_when_that_is_enforced_and_there_is_one(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    set_namespace(f, POLICY_SCHEMA_VALIDATION, 1);
    assert_int_equal(produce(&f->a, 1, TOPIC, NULL, &why), -1); /* there is none yet */
    assert_int_equal(produce_with(&f->a, 2, SCHEMA_STRING, ""), 0);
    assert_int_equal(produce(&f->a, 3, TOPIC, NULL, &why), -2);
    assert_int_equal(why.err, ERR_NOT_ALLOWED);
    assert_int_equal(why.about, ABOUT_SCHEMA);
    assert_int_equal(delete_all(f, TOPIC, false), 1);
    assert_int_equal(produce(&f->a, 3, TOPIC, NULL, &why), -1);
}

static void clients_may_be_kept_from_adding_but_not_from_using(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;
    struct refusal why;

    set_namespace(f, POLICY_SCHEMA_UPDATES, 0);
    assert_int_equal(produce(&f->a, 1, TOPIC, &r, &why), -2);
    assert_string_equal(why.text, "Schema not found and schema auto updating is disabled.");
    assert_int_equal(consume(&f->a, 1, TOPIC, "s", &r).err, ERR_NOT_ALLOWED);
    assert_int_equal(add(f, TOPIC, SCHEMA_STRING, "", &why), 0);
    assert_int_equal(produce(&f->a, 1, TOPIC, &r, &why), 0);
    assert_int_equal(consume(&f->a, 1, TOPIC, "s", &r).err, OK);
}

static void the_strategy_is_the_topics_then_the_namespaces_then_the_old_form_then_the_brokers(void **state)
{
    struct fixture *f = *state;
    const struct topic_name name = name_of(TOPIC), system = name_of("persistent://public/default/__change_events");
    struct broker *b = f->world.broker;
    struct policies p = {0};
    struct refusal why;

    assert_int_equal(schemas_strategy(b, &name), SCHEMA_FULL);
    assert_int_equal(schemas_strategy(b, &system), SCHEMA_ALWAYS_COMPATIBLE);
    set_namespace(f, POLICY_SCHEMA_AUTO_UPDATE, AUTO_UPDATE_DISABLED);
    assert_int_equal(schemas_strategy(b, &name), SCHEMA_ALWAYS_INCOMPATIBLE);
    set_namespace(f, POLICY_SCHEMA_STRATEGY, SCHEMA_BACKWARD);
    assert_int_equal(schemas_strategy(b, &name), SCHEMA_BACKWARD);
    assert_int_equal(produce_with(&f->a, 1, SCHEMA_STRING, ""), 0);
    policies_put(&p, POLICY_SCHEMA_STRATEGY, SCHEMA_FORWARD);
    assert_int_equal(topic_set_policies(b, &name, &p, &why), OK);
    assert_int_equal(schemas_strategy(b, &name), SCHEMA_FORWARD);
}

/* A record's, with a name of its own, and so many bytes. */
static void fill(char *to, unsigned number, size_t len)
{
    const int used = snprintf(to, len, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[]}", number);

    memset(to + used, ' ', len - (size_t)used);
    to[len] = '\0';
}

static void a_schema_that_is_too_large_is_refused_and_so_are_too_many(void **state)
{
    char *large = test_malloc(SCHEMAS_BYTES_MAX + 2);
    struct fixture *f = *state;
    struct refusal why;
    unsigned added = 0;

    set_namespace(f, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    fill(large, 0, SCHEMAS_BYTES_MAX + 1);
    assert_int_equal(add(f, TOPIC, SCHEMA_AVRO, large, &why), -1);
    assert_int_equal(why.err, ERR_TOO_LARGE);
    for (;; added++) {
        fill(large, added, SCHEMAS_BYTES_MAX);
        if (add(f, TOPIC, SCHEMA_AVRO, large, &why) != (int64_t)added)
            break;
    }
    assert_int_equal(added, SCHEMAS_TOPIC_BYTES_MAX / SCHEMAS_BYTES_MAX);
    assert_int_equal(why.err, ERR_TOO_LARGE);
    test_free(large);
}

/* One on each topic; how many there was room for. */
static unsigned fill_up(struct fixture *f, struct refusal *why)
{
    char topic[64];

    for (unsigned i = 0;; i++) {
        snprintf(topic, sizeof topic, "t%u", i);
        if (add(f, topic, SCHEMA_AVRO, RECORD, why) == -1)
            return i;
    }
}

static void the_schemas_of_all_topics_have_a_bound_and_a_deletion_makes_room(void **state)
{
    struct fixture *f = *state;
    struct refusal why;

    f->world.options.schema_bytes_max = 2000;
    world_cut_and_open(&f->world);
    fixture_peers(f);
    const unsigned count = fill_up(f, &why);
    assert_in_range(count, 4, 15);
    assert_int_equal(why.err, ERR_TOO_LARGE);
    assert_non_null(strstr(why.text, "the schemas of all topics would have more than 2000 bytes"));
    assert_in_range(catalog_bytes(f->world.store, CATALOG_SCHEMA), 1500, 2000);
    assert_int_equal(fill_up(f, &why), count); /* what is there is added as before */
    world_cut_and_open(&f->world);             /* and counts after a start */
    fixture_peers(f);
    assert_int_equal(fill_up(f, &why), count);
    assert_int_equal(delete_all(f, "t0", true), -1);
    assert_int_equal(add(f, "t0", SCHEMA_STRING, "", &why), 0);
}

static void one_may_wait_to_be_exclusive_without_its_schema_being_kept(void **state)
{
    const struct schema_record r = record_of(SCHEMA_STRING, "");
    struct fixture *f = *state;
    struct refusal why;

    assert_int_equal(produce(&f->a, 1, TOPIC, &r, &why), 0);
    struct producer_open *waits = begin_producer(&f->b, 1, TOPIC, &r);
    waits->access = ACCESS_WAIT_FOR_EXCLUSIVE;
    world_settle(&f->world);
    assert_int_equal(waits->chosen.version, 0);
    assert_true(waits->chosen.id != 0);
    waits->schema = NULL;
    assert_int_equal(delete_all(f, TOPIC, true), -1);
    producer_detach(f->a.producers[1]);
    f->a.producers[1] = NULL;
    assert_int_equal(end_producer(&f->b, waits, &why), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

static void a_topic_of_the_other_domain_that_goes_takes_no_schema_with_it(void **state)
{
    struct fixture *f = *state;
    const struct schema_record r = record_of(SCHEMA_AVRO, RECORD);
    struct topic_name name = name_of(TOPIC);
    struct schema_row row;
    struct refusal why;

    assert_int_equal(produce(&f->a, 1, TOPIC, &r, &why), 0);
    assert_int_equal(produce(&f->b, 1, "non-persistent://public/default/t", &r, &why), 0);
    assert_int_equal(world_delete(&f->world, "non-persistent://public/default/t", true).err, OK);
    assert_int_equal(schemas_newest(f->world.broker, &name, &row), OK);
    assert_int_equal(produce(&f->b, 1, "non-persistent://public/default/t", &r, &why), 0);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, OK);
    assert_int_equal(schemas_newest(f->world.broker, &name, &row), OK);
    assert_int_equal(world_delete(&f->world, "non-persistent://public/default/t", true).err, OK);
    assert_int_equal(schemas_newest(f->world.broker, &name, &row), ERR_NOT_FOUND); /* it was the last of them */
}

/* A deletion is several changes of the catalog: a power cut may come between them. */
static void versions_that_a_deletion_has_left_behind_count_no_more(void **state)
{
    struct fixture *f = *state;
    const struct schema_record r = record_of(SCHEMA_AVRO, RECORD);
    struct topic_name name = name_of(TOPIC);
    struct broker *b = f->world.broker;
    struct schema_row row;
    struct refusal why;
    int64_t version;
    uint8_t kept[2000];
    char called[200];

    assert_int_equal(produce(&f->a, 1, TOPIC, &r, &why), 0);
    assert_int_equal(schemas_newest(b, &name, &row), OK);
    assert_true(schema_record_size(&row.record) <= sizeof kept);
    struct catalog_row left = *catalog_get(f->world.store, CATALOG_SCHEMA, row.id);
    assert_true(left.name.len <= sizeof called);
    memcpy(called, left.name.data, left.name.len);
    left.name = bytes_of(called, left.name.len);
    left.value = schema_record_encode(&row.record, kept);
    assert_int_equal(schemas_delete(b, &name, bytes_of(NULL, 0), false, &version, &why), OK);
    assert_int_equal(version, 1);
    assert_int_equal(catalog_put(f->world.store, CATALOG_SCHEMA, &left), OK);
    assert_int_equal(schemas_newest(b, &name, &row), ERR_NOT_FOUND);
    assert_int_equal(schemas_version(b, &name, 0, &row), ERR_NOT_FOUND);
    assert_int_equal(produce(&f->a, 2, TOPIC, &r, &why), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_topic_of_the_other_domain_that_goes_takes_no_schema_with_it),
        TEST(versions_that_a_deletion_has_left_behind_count_no_more),
        TEST(the_first_is_version_0_and_the_same_again_is_no_other),
        TEST(two_who_bring_the_same_at_once_bring_one_version),
        TEST(two_who_bring_different_ones_at_once_get_a_version_each_in_their_order),
        TEST(a_version_that_was_told_is_there_after_a_power_cut),
        TEST(what_was_not_told_yet_is_not_told_to_others),
        TEST(a_schema_of_another_type_is_refused_with_the_reason),
        TEST(one_that_is_none_is_refused),
        TEST(a_deletion_is_a_version_too_and_numbers_are_not_given_again),
        TEST(a_forced_deletion_forgets_the_numbers),
        TEST(a_schema_may_be_there_before_its_topic_and_goes_with_it),
        TEST(the_schema_of_a_topic_with_a_longer_name_is_another),
        TEST(partitions_share_it_and_one_of_them_takes_nothing_with_it),
        TEST(topics_that_are_not_kept_have_schemas_too),
        TEST(a_namespace_that_goes_takes_schemas_of_topics_that_never_were),
        TEST(a_consumer_brings_the_first_one_to_a_topic_that_nobody_has_used),
        TEST(a_consumer_cannot_bring_the_first_one_where_messages_are_bytes),
        TEST(a_consumer_without_a_schema_or_with_any_may_always_come),
        TEST(who_says_no_schema_is_refused_when_that_is_enforced_and_there_is_one),
        TEST(clients_may_be_kept_from_adding_but_not_from_using),
        TEST(the_strategy_is_the_topics_then_the_namespaces_then_the_old_form_then_the_brokers),
        TEST(a_schema_that_is_too_large_is_refused_and_so_are_too_many),
        TEST(the_schemas_of_all_topics_have_a_bound_and_a_deletion_makes_room),
        TEST(one_may_wait_to_be_exclusive_without_its_schema_being_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
