/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_golden_3_test.c - what a broker keeps of its topics in a directory of format 3 must stay readable for ever.
 *
 *     broker_golden_3_test DIRECTORY            reads the golden directory (tests/golden/broker-3)
 *     broker_golden_3_test --write DIRECTORY    writes it: once, never again
 *
 * The rows of version 3 (records.h): policies of a namespace, of a topic and of a partitioned one, properties, a topic
 * that takes no more messages, a compacted view and its subscription's row, a snapshot of deduplication; and a
 * subscription with delayed entries and a batch that is acknowledged in part.  store_golden_3_test.c has what lies
 * below.  The broker was stopped once, and killed in the end: so some rows are in the index, and some in the journal.
 */
#include "broker/broker_golden.h"
#include "broker/compaction.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/partitioned.h"
#include "broker/policies.h"
#include "broker/properties.h"
#include "broker/records.h"
#include "broker/subscription.h"
#include "broker/terminate.h"
#include "broker/topic.h"
#include "broker/topic_properties.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <string.h>

#define NAMESPACE "public/default"
#define ENDED     "persistent://public/default/ended"  /* with properties; 3 entries, and no more */
#define PARTED    "persistent://public/default/parted" /* 3 partitions, properties, policies */
#define KEYED     "persistent://public/default/keyed"  /* compacted, and without duplicates */
#define LATER     "persistent://public/default/later"  /* 3 delayed entries, and a batch of 10 */

#define FAR_MS    INT64_C(4102444800000) /* the year 2100 */
#define LEFT      UINT64_C(0x3e0)        /* of the batch */
#define SEQUENCES 6                      /* of KEYED's producer */

/* ---- writing ---- */

static void set_namespace(struct golden *f)
{
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, POLICY_RETENTION_MINUTES, -1);
    policies_put(&p, POLICY_RETENTION_MB, -1);
    policies_put(&p, POLICY_CONSUMERS_MAX, 77);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text(NAMESPACE), &p, &why), OK);
}

static void set_topic(struct golden *f, const char *topic, enum policy which, int64_t value)
{
    const struct topic_name name = golden_name(topic);
    struct policies p = {0};
    struct refusal why;

    policies_put(&p, which, value);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &p, &why), OK);
}

static struct bytes two_properties(uint8_t to[PROPERTIES_BYTES_MAX])
{
    struct bytes all = bytes_of(to, 0);

    assert_int_equal(
        properties_put(&all, to, (struct property){.key = bytes_of_text("owner"), .value = bytes_of_text("golden")}),
        OK);
    assert_int_equal(
        properties_put(&all, to, (struct property){.key = bytes_of_text("empty"), .value = bytes_of_text("")}), OK);
    return all;
}

static void write_ended(struct golden *f)
{
    struct terminate_op op = {.op.done = world_done, .name = golden_name(ENDED)};
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct refusal why;

    assert_int_equal(peer_produce(&f->peer, 1, ENDED, NULL).err, OK);
    peer_publish(&f->peer, 1, 3, 1);
    set_topic(f, ENDED, POLICY_PRODUCERS_MAX, 5);
    assert_int_equal(topic_set_properties(f->world.broker, &op.name, two_properties(properties), &why), OK);
    topic_terminate(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
}

static void write_parted(struct golden *f)
{
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct partitioned_op op = {
        .op.done = world_done, .name = golden_name(PARTED), .partitions = 3, .properties = two_properties(properties)};

    partitioned_create(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    set_topic(f, PARTED, POLICY_TTL_S, 1000000);
}

/* As a session does it. */
static void push(struct golden *f, uint64_t sequence, const char *key, const char *value)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t packed[200], entry[400];
    struct entry_view view;
    struct slice bytes;

    metadata.producer_name = wire_text("p");
    metadata.sequence_id = sequence;
    metadata.partition_key = wire_text(key);
    const size_t len = wire__message_metadata__pack(&metadata, packed), value_len = strlen(value);
    entry_head_encode(entry, bytes_of(packed, len), bytes_of_text(value));
    memcpy(entry + ENTRY_HEAD_SIZE, packed, len);
    memcpy(entry + ENTRY_HEAD_SIZE + len, value, value_len);
    assert_int_equal(slice_copy(&bytes, bytes_of(entry, ENTRY_HEAD_SIZE + len + value_len), NULL), OK);
    assert_int_equal(entry_view_decode(slice_bytes(bytes), &view), OK);
    const struct publish publish = {.sequence_id = sequence,
                                    .highest_sequence_id = sequence,
                                    .sequence = publish_sequence_of(&view.metadata),
                                    .messages = 1,
                                    .bytes = bytes};
    producer_publish(f->peer.producers[3], &publish);
    slice_unref(&bytes);
    world_settle(&f->world);
}

static void write_keyed(struct golden *f)
{
    struct topic_op op = {.op.done = world_done, .name = golden_name(KEYED)};
    struct compaction_status status = {.state = COMPACTION_RUNNING};
    struct refusal why;

    assert_int_equal(peer_produce(&f->peer, 2, KEYED, NULL).err, OK);
    set_topic(f, KEYED, POLICY_DEDUPLICATION, 1);
    assert_int_equal(peer_produce(&f->peer, 3, KEYED, "p").err, OK);
    for (uint64_t i = 0; i < SEQUENCES; i++)
        push(f, i, i % 2 ? "a" : "b", i < SEQUENCES - 2 ? "old" : "new");
    topic_compact(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    while (status.state == COMPACTION_RUNNING) {
        world_pass(&f->world, 50);
        assert_int_equal(topic_compaction(f->world.broker, &op.name, &status, &why), OK);
    }
    assert_int_equal(status.state, COMPACTION_SUCCESS);
    assert_int_equal(world_unload(&f->world, KEYED).err, OK); /* the snapshot is written */
}

static void join(struct golden *f, const struct subscribe *s)
{
    assert_int_equal(peer_subscribe(&f->peer, 1, s).err, OK);
    consumer_flow(f->peer.consumers[1], 1000);
    world_pass(&f->world, 500);
}

static const struct subscribe shared = {.topic = LATER, .subscription = "s", .type = TYPE_SHARED};

static void write_later(struct golden *f)
{
    const uint64_t left = LEFT;

    join(f, &shared);
    assert_int_equal(peer_produce(&f->peer, 4, LATER, NULL).err, OK);
    for (int64_t i = 0; i < 3; i++)
        peer_publish_delayed(&f->peer, 4, FAR_MS + i);
    peer_publish(&f->peer, 4, 1, 10);
    assert_int_equal(f->peer.received_count, 1);
    assert_int_equal(consumer_ack(f->peer.consumers[1], f->peer.received[0].position,
                                  &(struct ack_left){.words = &left, .count = 1}),
                     OK);
    consumer_redeliver(f->peer.consumers[1], &f->peer.received[0].position, 1);
    world_pass(&f->world, 5000); /* all of it is on the disk */
}

static void it_is_written(void **state)
{
    struct golden *f = golden_begin();

    world_open(&f->world);
    set_namespace(f);
    write_ended(f);
    write_parted(f);
    assert_true(world_restart(&f->world)); /* the rows so far go to the index */
    peer_init(&f->peer, &f->world);
    write_keyed(f);
    write_later(f);
    golden_end(f);
}

/* ---- reading ---- */

static void expect_policy(const struct policies *p, enum policy which, int64_t value)
{
    assert_true(policies_has(p, which));
    assert_int_equal(p->value[which], value);
}

static void expect_topic_policy(struct golden *f, const char *topic, enum policy which, int64_t value)
{
    const struct topic_name name = golden_name(topic);
    struct policies p;
    struct refusal why;

    assert_int_equal(topic_policies(f->world.broker, &name, &p, &why), OK);
    expect_policy(&p, which, value);
}

static void policies_are_what_was_set(void **state)
{
    struct golden *f = *state;
    struct policies p;
    struct refusal why;

    assert_int_equal(namespace_policies(f->world.broker, bytes_of_text(NAMESPACE), &p, &why), OK);
    expect_policy(&p, POLICY_RETENTION_MINUTES, -1);
    expect_policy(&p, POLICY_RETENTION_MB, -1);
    expect_policy(&p, POLICY_CONSUMERS_MAX, 77);
    assert_false(policies_has(&p, POLICY_TTL_S));
    expect_topic_policy(f, ENDED, POLICY_PRODUCERS_MAX, 5);
    expect_topic_policy(f, PARTED, POLICY_TTL_S, 1000000);
    expect_topic_policy(f, KEYED, POLICY_DEDUPLICATION, 1);
}

static void a_topic_that_ended_takes_no_more_and_keeps_its_properties(void **state)
{
    struct golden *f = *state;
    const struct topic_name name = golden_name(ENDED);
    const struct subscribe s = {.topic = ENDED, .subscription = "s"};
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct refusal why;
    struct bytes found;

    assert_int_equal(topic_properties(f->world.broker, &name, &found, &why), OK);
    assert_true(bytes_equal(found, two_properties(properties)));
    assert_int_equal(peer_produce(&f->peer, 1, ENDED, NULL).err, ERR_TERMINATED);
    join(f, &s);
    assert_int_equal(f->peer.received_count, 3);
}

static void a_partitioned_topic_has_its_partitions_and_properties(void **state)
{
    struct golden *f = *state;
    const struct topic_name name = golden_name(PARTED);
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct partitioned_record r;

    assert_int_equal(partitioned_find(f->world.broker, &name, &r), OK);
    assert_int_equal(r.partitions, 3);
    assert_true(bytes_equal(r.properties, two_properties(properties)));
    const struct topic_name last = golden_name(PARTED "-partition-2");
    assert_true(topic_exists(f->world.broker, &last));
}

static void a_compacted_view_is_read_and_duplicates_are_known(void **state)
{
    struct golden *f = *state;
    const struct subscribe s = {.topic = KEYED, .subscription = "r", .read_compacted = true};

    join(f, &s);
    assert_int_equal(f->peer.received_count, 2);
    assert_string_equal(f->peer.received[0].key, "b");
    assert_string_equal(f->peer.received[1].key, "a");
    assert_int_equal(peer_produce(&f->peer, 3, KEYED, "p").err, OK);
    push(f, SEQUENCES - 1, "a", "again");
    push(f, SEQUENCES, "a", "next");
    assert_int_equal(f->peer.received_count, 3);
    assert_int_equal(world_topic(&f->world, KEYED)->deduplication.duplicates, 1);
}

static void what_is_left_of_a_batch_comes_and_what_is_due_later_does_not(void **state)
{
    struct golden *f = *state;

    join(f, &shared);
    assert_int_equal(f->peer.received_count, 1);
    assert_int_equal(f->peer.received[0].messages, 10);
    assert_int_equal(f->peer.received[0].left_words, 1);
    assert_int_equal(f->peer.received[0].left, LEFT);
    assert_int_equal(f->peer.received[0].redelivery_count, 1);
    assert_int_equal(delayed_count(f->peer.consumers[1]->subscription), 3);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, golden_set_up, golden_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(policies_are_what_was_set),
        TEST(a_topic_that_ended_takes_no_more_and_keeps_its_properties),
        TEST(a_partitioned_topic_has_its_partitions_and_properties),
        TEST(a_compacted_view_is_read_and_duplicates_are_known),
        TEST(what_is_left_of_a_batch_comes_and_what_is_due_later_does_not),
    };

    return golden_main(argc, argv, "broker: golden directory of format 3", it_is_written, tests);
}
