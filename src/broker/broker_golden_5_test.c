/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_golden_5_test.c - what a broker keeps of schemas must stay readable for ever.
 *
 *     broker_golden_5_test DIRECTORY            reads the golden directory (tests/golden/broker-5)
 *     broker_golden_5_test --write DIRECTORY    writes it: once, never again
 *
 * Rows of schemas (records.h): with properties and a user's name, deletions, and the policies about them.  The store's
 * format is 3, and what it has besides is as in broker_golden_3_test.c.  The broker was stopped once, and killed in the
 * end: so some rows are in the index, and some in the journal.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "broker/policies.h"
#include "broker/properties.h"
#include "broker/schemas.h"
#include "store/store_golden.h"

#include <string.h>

#define NAMESPACE "public/default"
#define KEPT      "persistent://public/default/kept"    /* versions 0 and 1, in the index; there is no such topic */
#define DELETED   "persistent://public/default/deleted" /* deletion 1 in the index, version 2 in the journal */
#define LATER     "persistent://public/default/later"   /* version 0, in the journal; a topic with a policy */
#define RECORD    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"

static const char *golden;

struct fixture {
    struct world world;
    struct peer peer;
};

static struct topic_name name_of(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

/* ---- writing ---- */

static void add(struct fixture *f, const char *topic, enum schema_type type, const char *data, int64_t version)
{
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct schema_record r = {.type = type,
                              .data = bytes_of_text(data),
                              .user = bytes_of_text("somebody"),
                              .properties = bytes_of(properties, 0)};
    struct schema_op op = {.op.done = world_done, .topic = name_of(topic), .given = &r};

    assert_int_equal(
        properties_put(&r.properties, properties, (struct property){bytes_of_text("k"), bytes_of_text("v")}), OK);
    schema_add(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    assert_int_equal(op.choice.version, version);
}

static void delete (struct fixture *f, const char *topic)
{
    struct schema_op op = {.op.done = world_done, .topic = name_of(topic)};

    schema_delete(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
}

static void set_policies(struct fixture *f)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    policies_put(&p, POLICY_SCHEMA_AUTO_UPDATE, AUTO_UPDATE_FULL_TRANSITIVE);
    policies_put(&p, POLICY_SCHEMA_UPDATES, 0);
    policies_put(&p, POLICY_SCHEMA_VALIDATION, 1);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text(NAMESPACE), &p, &why), OK);
}

static void set_topic_policy(struct fixture *f)
{
    const struct topic_name name = name_of(LATER);
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_SCHEMA_STRATEGY, SCHEMA_BACKWARD);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &p, &why), OK);
}

static void start(struct fixture *f)
{
    world_start(&f->world, 1);
    peer_init(&f->peer, &f->world);
}

static void it_is_written(void **state)
{
    struct fixture *f = test_malloc(sizeof *f);

    start(f);
    world_open(&f->world);
    set_policies(f);
    add(f, KEPT, SCHEMA_STRING, "", 0);
    add(f, KEPT, SCHEMA_AVRO, RECORD, 1);
    add(f, DELETED, SCHEMA_AVRO, RECORD, 0);
    delete (f, DELETED);
    assert_true(world_restart(&f->world)); /* the rows so far go to the index */
    peer_init(&f->peer, &f->world);
    add(f, DELETED, SCHEMA_JSON, RECORD, 2);
    assert_int_equal(peer_produce(&f->peer, 1, LATER, NULL).err, OK);
    add(f, LATER, SCHEMA_INT32, "", 0);
    set_topic_policy(f);
    world_pass(&f->world, 5000);
    golden_dump(sim_disk_get(f->world.disk), golden);
    world_end(&f->world);
    test_free(f);
}

/* ---- reading ---- */

static int set_up(void **state)
{
    struct fixture *f = test_malloc(sizeof *f);

    start(f);
    golden_load(sim_disk_get(f->world.disk), golden);
    world_open(&f->world);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    world_check(&f->world);
    world_end(&f->world);
    test_free(f);
    return 0;
}

static void expect(struct fixture *f, const char *topic, int64_t version, enum schema_type type, const char *data)
{
    const struct topic_name name = name_of(topic);
    struct schema_row row;

    assert_int_equal(schemas_version(f->world.broker, &name, version, &row), OK);
    assert_int_equal(row.record.type, type);
    assert_true(bytes_equal(row.record.data, bytes_of_text(data)));
    assert_true(bytes_equal(row.record.user, bytes_of_text("somebody")));
    assert_true(bytes_equal(properties_find(row.record.properties, bytes_of_text("k")), bytes_of_text("v")));
    assert_true(row.record.created_ms > 0);
}

static void versions_are_there(void **state)
{
    const struct topic_name deleted = name_of(DELETED);
    struct fixture *f = *state;
    struct schema_row row;

    expect(f, KEPT, 0, SCHEMA_STRING, "");
    expect(f, KEPT, 1, SCHEMA_AVRO, RECORD);
    expect(f, DELETED, 2, SCHEMA_JSON, RECORD);
    assert_int_equal(schemas_version(f->world.broker, &deleted, 0, &row), ERR_NOT_FOUND);
    assert_int_equal(schemas_version(f->world.broker, &deleted, 1, &row), ERR_NOT_FOUND);
    expect(f, LATER, 0, SCHEMA_INT32, "");
}

static void numbers_go_on(void **state)
{
    struct fixture *f = *state;

    add(f, KEPT, SCHEMA_INT8, "", 2);
    add(f, DELETED, SCHEMA_AVRO, RECORD, 3);
}

static void policies_hold(void **state)
{
    const struct topic_name kept = name_of(KEPT), later = name_of(LATER);
    struct fixture *f = *state;
    struct broker *b = f->world.broker;
    struct policies p;
    struct refusal why;

    assert_int_equal(schemas_strategy(b, &kept), SCHEMA_ALWAYS_COMPATIBLE);
    assert_int_equal(schemas_strategy(b, &later), SCHEMA_BACKWARD);
    assert_true(schemas_enforced(b, &kept));
    assert_int_equal(namespace_policies(b, bytes_of_text(NAMESPACE), &p, &why), OK);
    assert_int_equal(p.value[POLICY_SCHEMA_AUTO_UPDATE], AUTO_UPDATE_FULL_TRANSITIVE);
    assert_true(policies_has(&p, POLICY_SCHEMA_UPDATES));
    assert_int_equal(p.value[POLICY_SCHEMA_UPDATES], 0);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(versions_are_there),
        TEST(numbers_go_on),
        TEST(policies_hold),
    };

    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        const struct CMUnitTest writing[] = {cmocka_unit_test(it_is_written)};
        golden = argv[2];
        return cmocka_run_group_tests_name("broker: golden directory of schemas, made", writing, NULL, NULL);
    }
    if (argc != 2)
        return 2;
    golden = argv[1];
    return cmocka_run_group_tests_name("broker: golden directory of schemas", tests, NULL, NULL);
}
