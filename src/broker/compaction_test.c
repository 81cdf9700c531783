/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction_test.c - topics compacted, and read so: compaction.h and compacted.h in use, crashes at every step, and
 * random lives against a map.
 */
#include "base/base_test.h"
#include "base/random.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "broker/policies.h"
#include "broker/stats.h"
#include "broker/terminate.h"
#include "store/chain.h"
#include "sys/sim/sim_seeds.h"
#include "wire/batch.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <stdio.h>
#include <stdlib.h>

#define TOPIC      "persistent://public/default/t"
#define KEYS       12
#define VALUE_SIZE 16
#define SEEN_MAX   2000

/* What a client makes of the messages that it gets: of each key, the newest value. */
struct table {
    char values[KEYS][VALUE_SIZE]; /* "": none */
};

struct seen {
    struct position position;
    int key;
    char value[VALUE_SIZE];
};

struct reader {
    struct peer peer;
    struct seen seen[SEEN_MAX];
    size_t count;
    struct table table;
};

struct fixture {
    struct world world;
    struct peer producer;
    struct reader *reader;
    struct table table;        /* the truth */
    struct seen log[SEEN_MAX]; /* all that was published, in order */
    size_t log_count;
};

/* ---- publishing ---- */

static void set(struct table *t, int key, const char *value)
{
    const size_t len = strlen(value);

    assert_true(len < VALUE_SIZE);
    memcpy(t->values[key], value, len + 1);
}

static void note(struct fixture *f, int key, const char *value)
{
    struct seen *s = &f->log[f->log_count++];

    assert_true(f->log_count < SEEN_MAX);
    *s = (struct seen){.key = key};
    (void)snprintf(s->value, VALUE_SIZE, "%s", value);
    set(&f->table, key, value);
}

static char *key_text(int key, char to[8])
{
    (void)snprintf(to, 8, "k%d", key);
    return to;
}

static void publish_entry(struct fixture *f, Wire__MessageMetadata *metadata, struct bytes payload, uint32_t messages)
{
    uint8_t packed[256], entry[2048];
    struct slice bytes;

    metadata->producer_name = wire_text("p");
    const size_t len = wire__message_metadata__pack(metadata, packed);
    entry_head_encode(entry, bytes_of(packed, len), payload);
    memcpy(entry + ENTRY_HEAD_SIZE, packed, len);
    if (payload.len > 0)
        memcpy(entry + ENTRY_HEAD_SIZE + len, payload.data, payload.len);
    assert_int_equal(slice_copy(&bytes, bytes_of(entry, ENTRY_HEAD_SIZE + len + payload.len), NULL), OK);
    const struct publish m = {.messages = messages, .flags = messages > 1 ? ENTRY_BATCHED : 0, .bytes = bytes};
    producer_publish(f->producer.producers[1], &m);
    slice_unref(&bytes);
}

static void publish(struct fixture *f, int key, const char *value)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    char text[8];

    metadata.partition_key = key_text(key, text);
    publish_entry(f, &metadata, bytes_of_text(value), 1);
    note(f, key, value);
}

/* Two messages. */
static void publish_batch(struct fixture *f, int key, const char *value, int second, const char *second_value)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    Wire__SingleMessageMetadata m = WIRE__SINGLE_MESSAGE_METADATA__INIT;
    uint8_t payload[256];
    char text[8];
    size_t len;

    m.partition_key = key_text(key, text);
    len = batch_message_encode(payload, sizeof payload, &m, bytes_of_text(value));
    m.partition_key = key_text(second, text);
    len += batch_message_encode(payload + len, sizeof payload - len, &m, bytes_of_text(second_value));
    metadata.has_num_messages_in_batch = true;
    metadata.num_messages_in_batch = 2;
    publish_entry(f, &metadata, bytes_of(payload, len), 2);
    note(f, key, value);
    note(f, second, second_value);
}

/* ---- reading ---- */

static void see(struct reader *r, struct position p, struct bytes key, struct bytes value)
{
    struct seen *s = &r->seen[r->count++];

    assert_true(r->count < SEEN_MAX);
    assert_true(key.len > 1);
    *s = (struct seen){.position = p};
    for (size_t i = 1; i < key.len; i++)
        s->key = s->key * 10 + (key.data[i] - '0');
    (void)snprintf(s->value, VALUE_SIZE, "%.*s", (int)value.len, (const char *)value.data);
    set(&r->table, s->key, s->value);
}

static void on_message(struct sink *sink, const struct delivery *d)
{
    struct reader *r = container_of(sink, struct reader, peer.sink);
    struct batch_reader reader;
    struct batch_message m;
    struct entry_view view;

    assert_int_equal(entry_view_decode(slice_bytes(d->entry->bytes), &view), OK);
    assert_int_equal(entry_view_verify(&view), OK);
    if (!view.metadata.is_batch) {
        see(r, d->entry->position, view.metadata.partition_key, view.payload);
        return;
    }
    assert_int_equal(d->entry->header.messages, view.metadata.messages);
    batch_reader_init(&reader, view.payload, view.metadata.messages);
    while (!batch_reader_done(&reader)) {
        assert_int_equal(batch_next(&reader, &m), OK);
        if (!m.compacted_out)
            see(r, d->entry->position, m.partition_key, m.payload);
    }
}

static struct sink_ops reader_ops;

static struct reader *reader_new(struct fixture *f)
{
    struct reader *r = test_malloc(sizeof *r);

    memset(r, 0, sizeof *r);
    peer_init(&r->peer, &f->world);
    reader_ops = *r->peer.sink.ops;
    reader_ops.message = on_message;
    r->peer.sink.ops = &reader_ops;
    return r;
}

static void reader_forget(struct reader *r)
{
    r->count = 0;
    memset(&r->table, 0, sizeof r->table);
}

static enum err subscribe_with(struct reader *r, const struct subscribe *s, uint32_t permits)
{
    const enum err err = peer_subscribe(&r->peer, 1, s).err;

    if (err == OK && permits > 0)
        consumer_flow(r->peer.consumers[1], permits);
    return err;
}

/* A Reader from the earliest message, to the end of what is there. */
static void read_all(struct fixture *f)
{
    const struct subscribe s = {.topic = TOPIC,
                                .subscription = "reader",
                                .volatile_ = true,
                                .start_given = true,
                                .start = POSITION_EARLIEST,
                                .read_compacted = true};

    reader_forget(f->reader);
    assert_int_equal(subscribe_with(f->reader, &s, 10000), OK);
    world_pass(&f->world, 500);
    consumer_close(f->reader->peer.consumers[1]);
    f->reader->peer.consumers[1] = NULL;
}

static void expect_table(struct fixture *f)
{
    for (int i = 0; i < KEYS; i++)
        assert_string_equal(f->reader->table.values[i], f->table.values[i]);
}

/* "k1=a k2=b" */
static void expect_seen(struct fixture *f, const char *text)
{
    char seen[4096] = "";

    for (size_t i = 0; i < f->reader->count; i++)
        (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%sk%d=%s", i > 0 ? " " : "",
                       f->reader->seen[i].key, f->reader->seen[i].value);
    assert_string_equal(seen, text);
}

/* ---- compacting ---- */

static struct topic_name name_of(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

static struct refusal ask_compaction(struct fixture *f)
{
    struct topic_op op = {.op.done = world_done, .name = name_of(TOPIC)};

    topic_compact(f->world.broker, &op);
    return world_finish(&f->world, &op.op);
}

static enum compaction_state state_of(struct fixture *f)
{
    const struct topic_name name = name_of(TOPIC);
    struct compaction_status status;
    struct refusal why;

    assert_int_equal(topic_compaction(f->world.broker, &name, &status, &why), OK);
    return status.state;
}

static void compact(struct fixture *f)
{
    assert_int_equal(ask_compaction(f).err, OK);
    for (int i = 0; i < 100 && state_of(f) == COMPACTION_RUNNING; i++)
        world_pass(&f->world, 50);
    assert_int_equal(state_of(f), COMPACTION_SUCCESS);
}

static struct subscription *compaction_subscription(struct fixture *f)
{
    struct topic *t = world_topic(&f->world, TOPIC);

    return t ? subscription_find(t, bytes_of_text(COMPACTION_SUBSCRIPTION)) : NULL;
}

/* How many ledgers compaction has. */
static size_t ledgers_of_compaction(struct fixture *f)
{
    size_t count = 0;

    if (compaction_subscription(f))
        (void)store_chain(f->world.store, compaction_subscription(f)->id, &count);
    return count;
}

static size_t ledgers_of_log(struct fixture *f)
{
    size_t count;

    (void)store_chain(f->world.store, world_topic(&f->world, TOPIC)->id, &count);
    return count;
}

static int set_up(void **state)
{
    struct fixture *f = test_malloc(sizeof *f);

    memset(f, 0, sizeof *f);
    world_start(&f->world, 7);
    f->world.options.retention_check_ms = 1000;
    f->world.options.reader_hold_ms = 1000;
    world_open(&f->world);
    peer_init(&f->producer, &f->world);
    f->reader = reader_new(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    world_check(&f->world);
    world_end(&f->world);
    test_free(f->reader);
    test_free(f);
    return 0;
}

/* After a new start of the broker. */
static void come_back(struct fixture *f)
{
    struct reader *r = f->reader;

    peer_init(&f->producer, &f->world);
    peer_init(&r->peer, &f->world);
    r->peer.sink.ops = &reader_ops;
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, NULL).err, OK);
}

/* ---- reading the view ---- */

static void a_compacted_reader_gets_the_newest_of_each_key_with_its_own_id(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, "a");
    publish(f, 2, "b");
    publish(f, 1, "c");
    publish(f, 3, "d");
    publish(f, 3, "");
    world_settle(&f->world);
    compact(f);
    read_all(f);
    expect_seen(f, "k2=b k1=c");
    assert_int_equal(f->reader->seen[0].position.entry, 1);
    assert_int_equal(f->reader->seen[1].position.entry, 2);
    expect_table(f);
}

static void what_was_published_since_comes_after_the_view(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, "a");
    publish(f, 1, "b");
    world_settle(&f->world);
    compact(f);
    publish(f, 1, "c");
    publish(f, 1, "");
    publish(f, 2, "d");
    world_settle(&f->world);
    read_all(f);
    expect_seen(f, "k1=b k1=c k1= k2=d");
    expect_table(f);
}

static void a_batch_comes_without_what_went_from_it(void **state)
{
    struct fixture *f = *state;

    publish_batch(f, 1, "a", 2, "b");
    publish(f, 2, "c");
    world_settle(&f->world);
    compact(f);
    read_all(f);
    expect_seen(f, "k1=a k2=c");
    assert_int_equal(f->reader->seen[1].position.entry, 1);
}

static void a_topic_of_which_nothing_is_left_has_an_empty_view(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, "a");
    publish(f, 1, "");
    world_settle(&f->world);
    compact(f);
    read_all(f);
    assert_int_equal(f->reader->count, 0);
    assert_int_equal(ledgers_of_compaction(f), 0);
    publish(f, 1, "b");
    world_settle(&f->world);
    read_all(f);
    expect_seen(f, "k1=b");
}

static void other_consumers_read_the_whole_log(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s"};

    publish(f, 1, "a");
    publish(f, 1, "b");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    expect_seen(f, "k1=a k1=b");
}

static void permits_are_heeded_and_the_view_goes_on_where_it_stood(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};

    for (int i = 0; i < 10; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    compact(f);
    publish(f, 0, "b");
    assert_int_equal(subscribe_with(f->reader, &s, 3), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 3);
    consumer_flow(f->reader->peer.consumers[1], 4);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 7);
    consumer_flow(f->reader->peer.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 11);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(f->reader->seen[i].key, (int)i);
}

static void a_reader_that_begins_in_the_middle_gets_what_is_left_from_there(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = {
        .topic = TOPIC, .subscription = "r", .volatile_ = true, .start_given = true, .read_compacted = true};

    for (int i = 0; i < 10; i++)
        publish(f, i % 5, i < 5 ? "old" : "new");
    world_settle(&f->world);
    compact(f);
    s.start = world_topic(&f->world, TOPIC)->readable_end;
    for (int64_t entry = 0; entry < 10; entry++) {
        s.start.entry = entry;
        reader_forget(f->reader);
        assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
        world_settle(&f->world);
        assert_int_equal(f->reader->count, entry <= 5 ? 5 : 10 - entry);
        consumer_close(f->reader->peer.consumers[1]);
    }
    f->reader->peer.consumers[1] = NULL;
}

static void the_last_message_id_is_that_of_the_view_when_nothing_is_newer(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};

    publish_batch(f, 1, "a", 2, "b");
    publish(f, 2, "c");
    publish(f, 2, "");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 0), OK);
    struct consumer_last_id last = peer_last_id(&f->reader->peer, 1);
    assert_int_equal(last.op.why.err, OK);
    assert_int_equal(last.last.entry, 0);
    assert_int_equal(last.batch_index, 0); /* the second message of the batch is gone */

    publish(f, 5, "x");
    world_settle(&f->world);
    last = peer_last_id(&f->reader->peer, 1);
    assert_int_equal(last.last.entry, 3);
    assert_int_equal(last.batch_index, -1);
}

static void only_one_consumer_at_a_time_can_read_a_view(void **state)
{
    struct fixture *f = *state;
    struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true, .type = TYPE_SHARED};

    assert_int_equal(subscribe_with(f->reader, &s, 0), ERR_UNSUPPORTED);
    s.type = TYPE_KEY_SHARED;
    assert_int_equal(subscribe_with(f->reader, &s, 0), ERR_UNSUPPORTED);
    s.type = TYPE_FAILOVER;
    assert_int_equal(subscribe_with(f->reader, &s, 0), OK);
    s.topic = "non-persistent://public/default/n";
    assert_int_equal(peer_subscribe(&f->reader->peer, 2, &s).err, ERR_UNSUPPORTED);
}

/* ---- the log behind it ---- */

static void the_view_stays_when_retention_has_deleted_the_log(void **state)
{
    struct fixture *f = *state;

    f->world.broker->options.ledger_entries_max = 5;
    for (int i = 0; i < 23; i++)
        publish(f, i % 7, i < 14 ? "old" : "new");
    world_settle(&f->world);
    const size_t before = ledgers_of_log(f);
    compact(f);
    world_pass(&f->world, 5000);
    assert_true(before >= 4);
    assert_int_equal(ledgers_of_log(f), 1); /* the open one */
    read_all(f);
    expect_table(f);
    assert_int_equal(f->reader->count, 7);

    publish(f, 3, "newer");
    world_settle(&f->world);
    read_all(f);
    expect_table(f);
    compact(f);
    assert_int_equal(ledgers_of_compaction(f), 1); /* the one before is deleted */
    read_all(f);
    expect_table(f);
    assert_int_equal(f->reader->count, 7);
}

static void the_log_is_held_until_it_is_compacted(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, "a");
    world_settle(&f->world);
    compact(f);
    f->world.broker->options.ledger_entries_max = 5;
    for (int i = 0; i < 23; i++)
        publish(f, i % 7, "x");
    world_settle(&f->world);
    world_pass(&f->world, 10000);
    assert_true(ledgers_of_log(f) >= 4); /* nobody else reads it */
    compact(f);
    world_pass(&f->world, 5000);
    assert_int_equal(ledgers_of_log(f), 1);
}

static void neither_a_quota_nor_the_expiry_of_subscriptions_takes_what_is_not_compacted_yet(void **state)
{
    struct fixture *f = *state;
    const struct topic_name name = name_of(TOPIC);
    struct policies policies = {0};
    struct refusal why;

    publish(f, 1, "a");
    world_settle(&f->world);
    compact(f);
    policies_put(&policies, POLICY_QUOTA_BYTES, 500);
    policies_put(&policies, POLICY_QUOTA_BYTES_ACTION, QUOTA_EVICTION);
    policies_put(&policies, POLICY_QUOTA_AGE_S, 30);
    policies_put(&policies, POLICY_QUOTA_AGE_ACTION, QUOTA_EVICTION);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &policies, &why), OK);
    policies = (struct policies){0};
    policies_put(&policies, POLICY_SUBSCRIPTION_EXPIRY_MINUTES, 1);
    assert_int_equal(namespace_set_policies(f->world.broker, bytes_of_text("public/default"), &policies, &why), OK);
    for (int i = 0; i < 50; i++)
        publish(f, i % 5, "x");
    world_settle(&f->world);
    world_pass(&f->world, 15 * 60 * 1000);
    assert_non_null(compaction_subscription(f));
    assert_int_equal(cursor_backlog_entries(compaction_subscription(f)->cursor), 50);
    compact(f);
    read_all(f);
    assert_int_equal(f->reader->count, 5);
}

static void a_reader_in_the_middle_keeps_its_view_until_it_is_through(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC,
                                .subscription = "r",
                                .volatile_ = true,
                                .start_given = true,
                                .start = POSITION_EARLIEST,
                                .read_compacted = true};

    for (int i = 0; i < 6; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 2), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 2);

    publish(f, 4, ""); /* the reader has not seen the message that this removes */
    publish(f, 0, ""); /* ... but this one */
    publish(f, 5, "b");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(ledgers_of_compaction(f), 2);
    consumer_flow(f->reader->peer.consumers[1], 100);
    world_settle(&f->world);
    expect_seen(f, "k0=a k1=a k2=a k3=a k4=a k5=a k4= k0= k5=b");
    expect_table(f);
    assert_int_equal(ledgers_of_compaction(f), 1);
}

static void a_reader_whose_log_was_deleted_goes_on_in_the_view(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC,
                                .subscription = "r",
                                .volatile_ = true,
                                .start_given = true,
                                .start = POSITION_EARLIEST,
                                .read_compacted = true};

    f->world.broker->options.ledger_entries_max = 5;
    publish(f, 0, "a");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 1), OK);
    world_settle(&f->world);
    expect_seen(f, "k0=a"); /* the view is read to its end */
    for (int i = 0; i < 30; i++)
        publish(f, i % 6, i < 24 ? "b" : "c");
    world_settle(&f->world);
    compact(f);
    world_pass(&f->world, 10000); /* the reader stands still, and holds nothing any more */
    assert_int_equal(ledgers_of_log(f), 1);
    consumer_flow(f->reader->peer.consumers[1], 1000);
    world_settle(&f->world);
    expect_table(f);
    assert_true(f->reader->count <= 12);
}

static void seeking_goes_to_an_id_whose_log_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};

    f->world.broker->options.ledger_entries_max = 5;
    for (int i = 0; i < 12; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    compact(f);
    world_pass(&f->world, 5000);
    assert_int_equal(ledgers_of_log(f), 1);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 12);
    const struct position fourth = f->reader->seen[3].position;

    assert_int_equal(peer_seek(&f->reader->peer, 1, fourth).err, OK);
    reader_forget(f->reader);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 9);
    assert_int_equal(f->reader->seen[0].key, 3);
    assert_int_equal(peer_seek(&f->reader->peer, 1, POSITION_EARLIEST).err, OK);
    reader_forget(f->reader);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 12);
}

static void the_end_of_a_terminated_topic_is_told_after_the_view(void **state)
{
    struct fixture *f = *state;
    struct terminate_op op = {.op.done = world_done, .name = name_of(TOPIC)};
    const struct subscribe s = {.topic = TOPIC,
                                .subscription = "r",
                                .volatile_ = true,
                                .start_given = true,
                                .start = POSITION_EARLIEST,
                                .read_compacted = true};

    f->world.broker->options.ledger_entries_max = 5;
    for (int i = 0; i < 12; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    topic_terminate(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    compact(f);
    world_pass(&f->world, 5000);
    assert_int_equal(subscribe_with(f->reader, &s, 5), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 5);
    assert_int_equal(f->reader->peer.ends[1], 0);
    consumer_flow(f->reader->peer.consumers[1], 100);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 12);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(consumer_ack(f->reader->peer.consumers[1], f->reader->seen[i].position, NULL), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->peer.ends[1], 1);
}

/* ---- acknowledgements ---- */

static uint64_t backlog_of(struct fixture *f, const char *subscription)
{
    return cursor_backlog_entries(
        subscription_find(world_topic(&f->world, TOPIC), bytes_of_text(subscription))->cursor);
}

static void what_was_left_out_counts_as_acknowledged(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};

    for (int i = 0; i < 20; i++)
        publish(f, i % 3, "a");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 3);
    for (size_t i = 3; i-- > 0;) /* not in their order */
        assert_int_equal(consumer_ack(f->reader->peer.consumers[1], f->reader->seen[i].position, NULL), OK);
    assert_int_equal(backlog_of(f, "s"), 0);
}

static void a_durable_subscription_goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};

    for (int i = 0; i < 8; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->reader->peer.consumers[1], f->reader->seen[4].position, NULL), OK);
    world_pass(&f->world, 2000);
    world_kill_and_open(&f->world);
    come_back(f);
    reader_forget(f->reader);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    expect_seen(f, "k5=a k6=a k7=a");
}

static void acknowledging_in_the_view_survives_a_reconnect_though_the_log_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};

    f->world.broker->options.ledger_entries_max = 5;
    for (int i = 0; i < 12; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    compact(f);
    world_pass(&f->world, 5000);
    for (int round = 0; round < 2; round++) {
        reader_forget(f->reader);
        assert_int_equal(subscribe_with(f->reader, &s, 4), OK);
        world_settle(&f->world);
        assert_int_equal(f->reader->count, 4);
        assert_int_equal(f->reader->seen[0].key, 4 * round);
        if (round == 0)
            assert_int_equal(consumer_ack_cumulative(f->reader->peer.consumers[1], f->reader->seen[3].position, NULL),
                             OK);
        for (size_t i = 0; round == 1 && i < 4; i++)
            assert_int_equal(consumer_ack(f->reader->peer.consumers[1], f->reader->seen[i].position, NULL), OK);
        consumer_close(f->reader->peer.consumers[1]);
        f->reader->peer.consumers[1] = NULL;
    }
    reader_forget(f->reader);
    assert_int_equal(subscribe_with(f->reader, &s, 100), OK);
    world_settle(&f->world);
    assert_int_equal(f->reader->count, 4);
    assert_int_equal(f->reader->seen[0].key, 8);
}

static void skipping_all_skips_the_view_too(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s", .read_compacted = true};
    struct subscription_op op = {.op.done = world_done, .name = name_of(TOPIC), .subscription = "s"};

    for (int i = 0; i < 8; i++)
        publish(f, i, "a");
    world_settle(&f->world);
    compact(f);
    assert_int_equal(subscribe_with(f->reader, &s, 3), OK);
    world_settle(&f->world);
    subscription_skip_all(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    consumer_flow(f->reader->peer.consumers[1], 100);
    publish(f, 1, "b");
    world_settle(&f->world);
    expect_seen(f, "k0=a k1=a k2=a k1=b");

    op = (struct subscription_op){
        .op.done = world_done, .name = name_of(TOPIC), .subscription = COMPACTION_SUBSCRIPTION};
    subscription_skip_all(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, ERR_UNSUPPORTED);
}

/* ---- starting and ending ---- */

static void a_second_compaction_waits_for_nobody_and_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(state_of(f), COMPACTION_NOT_RUN);
    publish(f, 1, "a");
    world_settle(&f->world);
    assert_int_equal(ask_compaction(f).err, OK);
    assert_int_equal(state_of(f), COMPACTION_RUNNING);
    assert_int_equal(ask_compaction(f).err, ERR_EXISTS);
    world_pass(&f->world, 500);
    assert_int_equal(state_of(f), COMPACTION_SUCCESS);
    compact(f); /* nothing is new */
}

static void the_monitor_compacts_beyond_the_threshold(void **state)
{
    struct fixture *f = *state;
    struct policies policies = {0};
    struct refusal why;
    const struct topic_name name = name_of(TOPIC);

    policies_put(&policies, POLICY_COMPACTION_BYTES, 1000);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &policies, &why), OK);
    publish(f, 1, "a");
    world_pass(&f->world, 130000);
    assert_int_equal(state_of(f), COMPACTION_NOT_RUN);
    for (int i = 0; i < 100; i++)
        publish(f, i % 5, "a");
    world_pass(&f->world, 130000);
    assert_int_equal(state_of(f), COMPACTION_SUCCESS);
    read_all(f);
    assert_int_equal(f->reader->count, 5);
}

static void a_topic_that_is_closed_meanwhile_keeps_what_it_had(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, "a");
    publish(f, 1, "b");
    world_settle(&f->world);
    for (unsigned steps = 0; steps < 60; steps += 3) {
        assert_int_equal(ask_compaction(f).err, OK);
        for (unsigned i = 0; i < steps; i++)
            (void)sim_step(f->world.sim);
        assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
        world_pass(&f->world, 500);
        come_back(f);
        read_all(f);
        expect_table(f);
        assert_true(ledgers_of_compaction(f) <= 1);
        publish(f, 1, "c");
        world_settle(&f->world);
    }
}

static void a_topic_that_is_deleted_takes_its_views_along(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, "a");
    world_settle(&f->world);
    compact(f);
    const uint64_t id = compaction_subscription(f)->id;
    publish(f, 1, "b");
    assert_int_equal(ask_compaction(f).err, OK);
    assert_int_equal(world_delete(&f->world, TOPIC, true).err, OK);
    world_pass(&f->world, 500);
    size_t count;
    (void)store_chain(f->world.store, id, &count);
    assert_int_equal(count, 0);
}

static void without_its_subscription_there_is_no_view(void **state)
{
    struct fixture *f = *state;
    struct subscription_op op = {
        .op.done = world_done, .name = name_of(TOPIC), .subscription = COMPACTION_SUBSCRIPTION};

    publish(f, 1, "a");
    publish(f, 1, "b");
    world_settle(&f->world);
    compact(f);
    subscription_delete(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    read_all(f);
    expect_seen(f, "k1=a k1=b");
    assert_int_equal(state_of(f), COMPACTION_NOT_RUN);
    compact(f);
    read_all(f);
    expect_seen(f, "k1=b");
}

static void many_entries_are_compacted_in_many_reads(void **state)
{
    struct fixture *f = *state;
    char value[VALUE_SIZE];

    for (int i = 0; i < 1000; i++) {
        (void)snprintf(value, sizeof value, "%d", i);
        publish(f, i % KEYS, value);
        if (i % 100 == 0)
            world_settle(&f->world);
    }
    world_settle(&f->world);
    compact(f);
    read_all(f);
    assert_int_equal(f->reader->count, KEYS);
    expect_table(f);
}

static void two_topics_are_compacted_one_after_the_other(void **state)
{
    struct fixture *f = *state;
    struct topic_op op = {.op.done = world_done, .name = name_of("persistent://public/default/u")};

    publish(f, 1, "a");
    assert_int_equal(peer_produce(&f->producer, 2, "persistent://public/default/u", NULL).err, OK);
    peer_publish_key(&f->producer, 2, "k", 0);
    world_settle(&f->world);
    assert_int_equal(ask_compaction(f).err, OK);
    topic_compact(f->world.broker, &op);
    assert_int_equal(world_finish(&f->world, &op.op).err, OK);
    world_pass(&f->world, 1000);
    assert_int_equal(state_of(f), COMPACTION_SUCCESS);
    assert_int_equal(world_topic(&f->world, "persistent://public/default/u")->compaction.state, COMPACTION_SUCCESS);
}

/* ---- crashes ---- */

/* The power is cut after each step of a compaction, that of a topic with a view and a log behind it. */
static void a_crash_at_any_step_leaves_the_old_view_or_the_new_one(void **state)
{
    bool ended = false;

    for (unsigned steps = 1; !ended; steps++) {
        struct fixture *f = test_malloc(sizeof *f);
        memset(f, 0, sizeof *f);
        world_start(&f->world, steps);
        f->world.options.retention_check_ms = 1000;
        f->world.options.ledger_entries_max = 4;
        world_open(&f->world);
        f->reader = reader_new(f);
        come_back(f);
        for (int i = 0; i < 10; i++)
            publish(f, i % 4, "a");
        world_settle(&f->world);
        compact(f);
        world_pass(&f->world, 3000); /* the log of it is gone */
        for (int i = 0; i < 10; i++)
            publish(f, i % 6, i == 5 ? "" : "b");
        world_settle(&f->world);
        assert_int_equal(ask_compaction(f).err, OK);
        for (unsigned i = 0; i < steps; i++)
            (void)sim_step(f->world.sim);
        ended = state_of(f) == COMPACTION_SUCCESS;
        if (steps % 3 == 0)
            assert_true(world_restart(&f->world)); /* what is under way ends, and is undone or done */
        else if (steps % 3 == 1)
            world_cut_and_open(&f->world);
        else
            world_kill_and_open(&f->world);
        come_back(f);
        read_all(f);
        expect_table(f);
        assert_int_equal(ledgers_of_compaction(f), 1);
        compact(f);
        read_all(f);
        expect_table(f);
        assert_int_equal(f->reader->count, 5);
        world_check(&f->world);
        world_end(&f->world);
        test_free(f->reader);
        test_free(f);
        assert_true(steps < 2000);
    }
}

/* Each write of a compaction fails in turn; so does each read, where the log has left memory. */
static void fail_at(unsigned operation, bool *ended)
{
    bool failed = false;

    for (uint64_t n = 1; n < 40; n++) {
        struct fixture *f = test_malloc(sizeof *f);
        memset(f, 0, sizeof *f);
        world_start(&f->world, n);
        f->world.options.ledger_entries_max = 4;
        world_open(&f->world);
        f->reader = reader_new(f);
        come_back(f);
        publish(f, 0, "old");
        publish(f, 9, "old");
        world_settle(&f->world);
        compact(f);
        for (int i = 0; i < 10; i++)
            publish(f, i % 6, i == 5 ? "" : "b");
        world_settle(&f->world);
        if (operation == SIM_DISK_READ) {
            assert_true(world_restart(&f->world));
            come_back(f);
        }
        sim_disk_fail(f->world.disk, operation, n, ERR_IO);
        const uint64_t faults = sim_disk_faults(f->world.disk);
        assert_int_equal(ask_compaction(f).err, OK);
        world_pass(&f->world, 3000);
        const enum compaction_state state = state_of(f);
        assert_true(state == COMPACTION_SUCCESS || state == COMPACTION_ERROR);
        failed = failed || state == COMPACTION_ERROR;
        *ended = *ended || sim_disk_faults(f->world.disk) == faults;
        sim_disk_fail(f->world.disk, operation, 0, OK);
        read_all(f);
        expect_table(f);
        assert_int_equal(ledgers_of_compaction(f), 1);
        compact(f);
        read_all(f);
        expect_table(f);
        assert_int_equal(f->reader->count, 6);
        world_check(&f->world);
        world_end(&f->world);
        test_free(f->reader);
        test_free(f);
    }
    assert_true(failed);
}

static void a_failed_write_or_read_leaves_the_view_as_it_was(void **state)
{
    bool ended = false;

    fail_at(SIM_DISK_WRITE, &ended);
    fail_at(SIM_DISK_READ, &ended);
    assert_true(ended);
}

/* ---- against a map ---- */

/* The log after the horizon, whole and in order, is at the end of what a reader sees. */
static void expect_log_after_the_horizon(struct fixture *f, size_t compacted)
{
    const size_t after = f->log_count - compacted;

    assert_true(f->reader->count >= after);
    for (size_t i = 0; i < after; i++) {
        const struct seen *seen = &f->reader->seen[f->reader->count - after + i], *log = &f->log[compacted + i];
        assert_int_equal(seen->key, log->key);
        assert_string_equal(seen->value, log->value);
    }
}

static void random_life(uint64_t seed)
{
    struct fixture *f = test_malloc(sizeof *f);
    size_t compacted = 0;
    struct random r;
    char value[VALUE_SIZE];

    random_init(&r, seed);
    memset(f, 0, sizeof *f);
    world_start(&f->world, seed);
    f->world.options.retention_check_ms = 1000;
    f->world.options.ledger_entries_max = 1 + random_below(&r, 20);
    f->world.options.compaction_keys_bytes = random_below(&r, 2) ? 400 : 1 << 20;
    world_open(&f->world);
    f->reader = reader_new(f);
    come_back(f);
    publish(f, 0, "first");
    world_settle(&f->world);
    compact(f); /* from now on the log is held until it is compacted again */
    compacted = 1;
    for (int step = 0; step < 40; step++) {
        const uint64_t what = random_below(&r, 10);
        if (what < 5) {
            for (uint64_t n = random_below(&r, 12); n > 0; n--) {
                const int key = (int)random_below(&r, KEYS), second = (int)random_below(&r, KEYS);
                (void)snprintf(value, sizeof value, "%zu", f->log_count);
                if (random_below(&r, 3) == 0)
                    publish_batch(f, key, value, second, random_below(&r, 4) == 0 ? "" : "second");
                else
                    publish(f, key, random_below(&r, 5) == 0 ? "" : value);
            }
            world_settle(&f->world);
        } else if (what < 7) {
            compact(f);
            compacted = f->log_count;
        } else if (what == 7) {
            world_pass(&f->world, 3000);
        } else if (what == 8) {
            if (random_below(&r, 2))
                (void)world_restart(&f->world);
            else
                world_cut_and_open(&f->world);
            come_back(f);
        } else {
            read_all(f);
            expect_table(f);
            expect_log_after_the_horizon(f, compacted);
        }
    }
    read_all(f);
    expect_table(f);
    expect_log_after_the_horizon(f, compacted);
    world_check(&f->world);
    world_end(&f->world);
    test_free(f->reader);
    test_free(f);
}

static void random_lives_see_what_a_map_holds(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        random_life(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_compacted_reader_gets_the_newest_of_each_key_with_its_own_id),
        TEST(what_was_published_since_comes_after_the_view),
        TEST(a_batch_comes_without_what_went_from_it),
        TEST(a_topic_of_which_nothing_is_left_has_an_empty_view),
        TEST(other_consumers_read_the_whole_log),
        TEST(permits_are_heeded_and_the_view_goes_on_where_it_stood),
        TEST(a_reader_that_begins_in_the_middle_gets_what_is_left_from_there),
        TEST(the_last_message_id_is_that_of_the_view_when_nothing_is_newer),
        TEST(only_one_consumer_at_a_time_can_read_a_view),
        TEST(the_view_stays_when_retention_has_deleted_the_log),
        TEST(the_log_is_held_until_it_is_compacted),
        TEST(neither_a_quota_nor_the_expiry_of_subscriptions_takes_what_is_not_compacted_yet),
        TEST(a_reader_in_the_middle_keeps_its_view_until_it_is_through),
        TEST(a_reader_whose_log_was_deleted_goes_on_in_the_view),
        TEST(seeking_goes_to_an_id_whose_log_is_gone),
        TEST(the_end_of_a_terminated_topic_is_told_after_the_view),
        TEST(what_was_left_out_counts_as_acknowledged),
        TEST(a_durable_subscription_goes_on_after_a_restart),
        TEST(acknowledging_in_the_view_survives_a_reconnect_though_the_log_is_gone),
        TEST(skipping_all_skips_the_view_too),
        TEST(a_second_compaction_waits_for_nobody_and_is_refused),
        TEST(the_monitor_compacts_beyond_the_threshold),
        TEST(a_topic_that_is_closed_meanwhile_keeps_what_it_had),
        TEST(a_topic_that_is_deleted_takes_its_views_along),
        TEST(without_its_subscription_there_is_no_view),
        TEST(many_entries_are_compacted_in_many_reads),
        TEST(two_topics_are_compacted_one_after_the_other),
        cmocka_unit_test(a_crash_at_any_step_leaves_the_old_view_or_the_new_one),
        cmocka_unit_test(a_failed_write_or_read_leaves_the_view_as_it_was),
        cmocka_unit_test(random_lives_see_what_a_map_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
