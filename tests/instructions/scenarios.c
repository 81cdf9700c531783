/* SPDX-License-Identifier: Apache-2.0
 *
 * scenarios.c - see scenarios.h.
 *
 * Messages go in windows: so many are sent as one write, and the next when all receipts are there.  So batches of the
 * journal are alike from run to run, and a change of the code does not move the counts by chance.
 */
#include "scenarios.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE(name) WIRE__BASE_COMMAND__TYPE__##name
#define SHARED     WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Shared
#define KEY_SHARED WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Key_Shared
#define EXCLUSIVE  WIRE__COMMAND_SUBSCRIBE__SUB_TYPE__Exclusive
#define KB         1024
#define KEYS       1000

/* Its name is known to tools/instructions. */
__attribute__((noinline)) static void counted(struct course *c, void (*run)(struct course *c))
{
    run(c);
    __asm__ volatile("" ::: "memory"); /* no tail call: this function lasts as long as `run` */
}

/* ---- publishing ---- */

/* All frames of c->frames, `window` at a time. */
static void publish(struct course *c)
{
    size_t receipts = c->sender->counts[TYPE(SEND_RECEIPT)];

    while (c->frames.sent < c->frames.count) {
        const size_t sent = c->frames.sent;
        link_send(c->sender, &c->frames, c->window);
        receipts += c->frames.sent - sent;
        link_await(c->sender, TYPE(SEND_RECEIPT), receipts);
    }
}

static void fill(struct course *c, size_t entries, uint32_t messages, size_t payload, bool keys)
{
    char key[24];

    for (size_t i = 0; i < entries; i++) {
        (void)snprintf(key, sizeof key, "key-%zu", i % KEYS);
        frames_add_message(
            &c->frames,
            &(struct message){
                .producer = 1, .sequence = i, .messages = messages, .payload = payload, .key = keys ? key : NULL});
    }
}

static void begin(struct course *c)
{
    load_start(&c->load);
    c->sender = load_link(&c->load);
    c->receiver = c->sender;
}

/* So many are published before, for what happens only once: files, the topic's first ledger. */
static void warm(struct course *c, size_t entries, uint32_t messages, size_t payload, bool keys)
{
    fill(c, entries, messages, payload, keys);
    publish(c);
    frames_free(&c->frames);
}

static void publish_entries(struct course *c, uint32_t messages, size_t payload, size_t window)
{
    begin(c);
    c->window = window;
    link_produce(c->sender, 1, TOPIC);
    warm(c, 2 * window, messages, payload, false);
    fill(c, c->messages / messages, messages, payload, false);
    counted(c, publish);
}

static void publish_unbatched(struct course *c)
{
    publish_entries(c, 1, KB, 100);
}

static void publish_lone(struct course *c)
{
    publish_entries(c, 1, KB, 1);
}

static void publish_batched(struct course *c)
{
    publish_entries(c, 100, 100 * KB, 4);
}

static void publish_batched_small(struct course *c)
{
    publish_entries(c, 1000, 100 * KB, 4);
}

static void publish_many_topics(struct course *c)
{
    char topic[80];

    begin(c);
    c->window = 100;
    for (size_t i = 0; i < c->size; i++) {
        (void)snprintf(topic, sizeof topic, TOPIC "-%zu", i);
        link_produce(c->sender, i, topic);
        frames_add_message(&c->frames, &(struct message){.producer = i, .messages = 1, .payload = KB});
    }
    publish(c);
    frames_free(&c->frames);
    for (size_t i = 0; i < c->messages; i++)
        frames_add_message(
            &c->frames,
            &(struct message){.producer = i % c->size, .sequence = 1 + i / c->size, .messages = 1, .payload = KB});
    counted(c, publish);
}

/* ---- dispatch: what was published to who is there waits for permits, in memory ---- */

static void take_all(struct course *c)
{
    link_send(c->receiver, &c->frames, c->frames.count);
    link_await(c->receiver, TYPE(MESSAGE), c->messages);
}

/* So many consumers of one subscription, with permits for all there is between them. */
static void subscribe(struct course *c, size_t consumers, Wire__CommandSubscribe__SubType type)
{
    c->receiver = load_link(&c->load);
    for (size_t i = 0; i < consumers; i++)
        link_subscribe(c->receiver, i, TOPIC, "s", type);
}

static void backlog(struct course *c, bool keys)
{
    c->window = 100;
    link_produce(c->sender, 1, TOPIC);
    warm(c, c->messages, 1, KB, keys);
}

static void permits(struct course *c, size_t consumers, size_t each)
{
    for (size_t i = 0; i < consumers; i++)
        frames_add_flow(&c->frames, i, (uint32_t)each);
}

static void dispatch_exclusive(struct course *c)
{
    begin(c);
    subscribe(c, 1, EXCLUSIVE);
    backlog(c, false);
    permits(c, 1, c->messages);
    counted(c, take_all);
}

static void dispatch_shared(struct course *c)
{
    begin(c);
    subscribe(c, c->size, SHARED);
    backlog(c, false);
    permits(c, c->size, c->messages / c->size);
    counted(c, take_all);
}

/* Keys fall on consumers unevenly: each may take all. */
static void dispatch_key_shared(struct course *c)
{
    begin(c);
    subscribe(c, c->size, KEY_SHARED);
    backlog(c, true);
    permits(c, c->size, c->messages);
    counted(c, take_all);
}

/* Nothing is in memory. */
static void drain(struct course *c)
{
    begin(c);
    backlog(c, false);
    subscribe(c, 1, EXCLUSIVE);
    load_restart(&c->load);
    subscribe(c, 1, EXCLUSIVE);
    permits(c, 1, c->messages);
    counted(c, take_all);
}

/* ---- acknowledgements: of what was delivered before ---- */

static void acknowledge(struct course *c)
{
    while (c->frames.sent < c->frames.count) {
        link_send(c->receiver, &c->frames, c->window);
        load_pass(&c->load, 1);
    }
    load_pass(&c->load, 1500); /* what waits a second for a batch to ride on */
}

static void deliver(struct course *c, Wire__CommandSubscribe__SubType type)
{
    begin(c);
    backlog(c, false);
    subscribe(c, 1, type);
    c->receiver->keeps = true;
    permits(c, 1, c->messages);
    take_all(c);
    frames_free(&c->frames);
}

static void acknowledge_delivered(struct course *c, bool cumulative, size_t stride)
{
    const struct delivered *d = c->receiver->delivered;

    for (size_t from = 0; from < stride; from++)
        for (size_t i = from; i < c->receiver->delivered_count; i += stride)
            frames_add_ack(&c->frames, &d[i], cumulative);
    counted(c, acknowledge);
}

static void ack_individual(struct course *c)
{
    deliver(c, SHARED);
    acknowledge_delivered(c, false, 1);
}

/* Every other first, so that each makes a hole; then those between, each of which closes one. */
static void ack_holes(struct course *c)
{
    deliver(c, SHARED);
    acknowledge_delivered(c, false, 2);
}

static void ack_cumulative(struct course *c)
{
    deliver(c, EXCLUSIVE);
    acknowledge_delivered(c, true, 1);
}

/* ---- a message's whole life, and a connection's ---- */

static void publish_and_take(struct course *c)
{
    const size_t before = c->receiver->counts[TYPE(MESSAGE)];

    publish(c);
    link_await(c->receiver, TYPE(MESSAGE), before + c->frames.count);
}

static void tail(struct course *c)
{
    begin(c);
    c->window = 100;
    link_produce(c->sender, 1, TOPIC);
    subscribe(c, 1, EXCLUSIVE);
    link_flow(c->receiver, 0, (uint32_t)(2 * c->messages + 2 * c->window));
    fill(c, 2 * c->window, 1, KB, false);
    publish_and_take(c);
    frames_free(&c->frames);
    fill(c, c->messages, 1, KB, false);
    counted(c, publish_and_take);
}

/* Each published is delivered to `size` subscriptions, all on one connection. */
static void publish_and_take_copies(struct course *c)
{
    publish(c);
    link_await(c->receiver, TYPE(MESSAGE), c->messages);
}

static void fan_out(struct course *c)
{
    char name[24];

    begin(c);
    c->window = 1;
    link_produce(c->sender, 1, TOPIC);
    c->receiver = load_link(&c->load);
    for (size_t i = 0; i < c->size; i++) {
        (void)snprintf(name, sizeof name, "s-%zu", i);
        link_subscribe(c->receiver, i, TOPIC, name, EXCLUSIVE);
        link_flow(c->receiver, i, (uint32_t)c->messages);
    }
    fill(c, c->messages / c->size, 1, KB, false);
    counted(c, publish_and_take_copies);
}

static void look_up(struct link *link)
{
    Wire__CommandPartitionedTopicMetadata partitions = WIRE__COMMAND_PARTITIONED_TOPIC_METADATA__INIT;
    Wire__CommandLookupTopic lookup = WIRE__COMMAND_LOOKUP_TOPIC__INIT;

    partitions.topic = lookup.topic = wire_text(TOPIC);
    partitions.request_id = ++link->load->requests;
    link_command(link, TYPE(PARTITIONED_METADATA), &partitions);
    link_await(link, TYPE(PARTITIONED_METADATA_RESPONSE), 1);
    lookup.request_id = ++link->load->requests;
    link_command(link, TYPE(LOOKUP), &lookup);
    link_await(link, TYPE(LOOKUP_RESPONSE), 1);
}

static void come_and_go(struct course *c)
{
    for (size_t i = 0; i < c->messages; i++) {
        struct link *link = load_link(&c->load);
        look_up(link);
        link_produce(link, 1, TOPIC);
        link_close(link);
    }
}

static void connect_and_produce(struct course *c)
{
    begin(c);
    link_produce(c->sender, 1, TOPIC); /* the topic is there and stays */
    counted(c, come_and_go);
}

static void create_and_produce(struct course *c)
{
    char topic[80];

    for (size_t i = 0; i < c->messages; i++) {
        (void)snprintf(topic, sizeof topic, TOPIC "-%zu", i);
        link_produce(c->sender, i, topic);
    }
}

static void create_topics(struct course *c)
{
    begin(c);
    counted(c, create_and_produce);
}

#define SCENARIO(messages, size, name, what)                                                                           \
    {                                                                                                                  \
#name, what, messages, size, name                                                                              \
    }
const struct scenario scenarios[] = {
    SCENARIO(5000, 0, publish_unbatched, "1 KB, 100 under way"),
    SCENARIO(2000, 0, publish_lone, "1 KB, the next after the receipt"),
    SCENARIO(20000, 0, publish_batched, "1 KB, 100 in a batch"),
    SCENARIO(200000, 0, publish_batched_small, "100 B, 1,000 in a batch"),
    SCENARIO(5000, 1000, publish_many_topics, "1 KB, to 1,000 topics in turn"),
    SCENARIO(5000, 0, dispatch_exclusive, "1 KB, from memory"),
    SCENARIO(5000, 100, dispatch_shared, "1 KB, from memory, 100 consumers"),
    SCENARIO(5000, 100, dispatch_key_shared, "1 KB of 1,000 keys, from memory, 100 consumers"),
    SCENARIO(5000, 0, drain, "1 KB, from the disk after a restart"),
    SCENARIO(5000, 0, tail, "1 KB, published, and delivered to one consumer"),
    SCENARIO(20000, 2000, fan_out, "1 KB, a copy to each of 2,000 subscriptions of one connection"),
    SCENARIO(5000, 0, ack_individual, "each by itself, in order"),
    SCENARIO(5000, 0, ack_holes, "every other, then those between"),
    SCENARIO(5000, 0, ack_cumulative, "each up to itself"),
    SCENARIO(200, 0, connect_and_produce, "a connection, a lookup, a producer"),
    SCENARIO(500, 0, create_topics, "a producer of a new topic"),
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
