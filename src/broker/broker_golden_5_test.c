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
#include "broker/broker_golden.h"
#include "broker/core.h"
#include "broker/policies.h"
#include "broker/properties.h"
#include "broker/schemas.h"

#include <string.h>

#define NAMESPACE "public/default"
#define KEPT      "persistent://public/default/kept"    /* versions 0 and 1, in the index; there is no such topic */
#define DELETED   "persistent://public/default/deleted" /* deletion 1 in the index, version 2 in the journal */
#define LATER     "persistent://public/default/later"   /* version 0, in the journal; a topic with a policy */
#define RECORD    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"

/* ---- writing ---- */

static void add(struct golden *f, const char *topic, enum schema_type type, const char *data, int64_t version)
{
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct schema_record r = {.type = type,
                              .data = bytes_of_text(data),
                              .user = bytes_of_text("somebody"),
                              .properties = bytes_of(properties, 0)};
    struct schema_op op = {.op.done = world_done, .topic = golden_name(topic), .given = &r};

    assert_int_equal(
        properties_put(&r.properties, properties, (struct property){bytes_of_text("k"), bytes_of_text("v")}), OK);
    schema_add(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    assert_int_equal(op.choice.version, version);
}

static void delete (struct golden *f, const char *topic)
{
    struct schema_op op = {.op.done = world_done, .topic = golden_name(topic)};

    schema_delete(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
}

static void set_policies(struct golden *f)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_SCHEMA_STRATEGY, SCHEMA_ALWAYS_COMPATIBLE);
    policies_put(&p, POLICY_SCHEMA_AUTO_UPDATE, AUTO_UPDATE_FULL_TRANSITIVE);
    policies_put(&p, POLICY_SCHEMA_UPDATES, 0);
    policies_put(&p, POLICY_SCHEMA_VALIDATION, 1);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text(NAMESPACE), &p, &why), OK);
}

static void set_topic_policy(struct golden *f)
{
    const struct topic_name name = golden_name(LATER);
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_SCHEMA_STRATEGY, SCHEMA_BACKWARD);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &p, &why), OK);
}

static void it_is_written(void **state)
{
    struct golden *f = golden_begin();

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
    golden_end(f);
}

/* ---- reading ---- */

static void expect(struct golden *f, const char *topic, int64_t version, enum schema_type type, const char *data)
{
    const struct topic_name name = golden_name(topic);
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
    const struct topic_name deleted = golden_name(DELETED);
    struct golden *f = *state;
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
    struct golden *f = *state;

    add(f, KEPT, SCHEMA_INT8, "", 2);
    add(f, DELETED, SCHEMA_AVRO, RECORD, 3);
}

static void policies_hold(void **state)
{
    const struct topic_name kept = golden_name(KEPT), later = golden_name(LATER);
    struct golden *f = *state;
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, golden_set_up, golden_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(versions_are_there),
        TEST(numbers_go_on),
        TEST(policies_hold),
    };

    return golden_main(argc, argv, "broker: golden directory of schemas", it_is_written, tests);
}
