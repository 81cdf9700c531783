/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_world.c - see broker_world.h.
 */
#include "broker/broker_world.h"

#include "broker/core.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the world ---- */

static void on_fatal(void *ctx, enum err err, const char *what)
{
    struct world *w = ctx;
    w->fatals++;
}

void world_start(struct world *w, uint64_t seed)
{
    *w = (struct world){.sim = sim_new(seed)};
    sim_rings(w->sim, false); /* a write that fails fails publishes: with a ring the process would end, mostly */
    w->disk = sim_disk_new(sim_random(w->sim));
    broker_options_init(&w->options);
    w->options.ledger_age_min_ms = 0; /* tests have small ledgers, and no time */
}

void world_open(struct world *w)
{
    struct store_options options = {
        .holder = "test", .on_fatal = on_fatal, .ctx = w, .journal_file_bytes = 1 << 20, .tail_cache_bytes = w->tail_cache_bytes ? w->tail_cache_bytes : 1 << 20};
    char message[400];
    enum err err;

    w->fatals = 0;
    w->host = sim_host_new(w->sim, "broker", w->disk);
    err = store_open(&w->store, &options, sim_host_sys(w->host), message, sizeof message);
    assert(err == OK);
    err = broker_new(&w->broker, &w->options, sim_host_sys(w->host), w->store);
    assert(err == OK);
}

static void crash(struct world *w, bool power)
{
    sim_host_crash(w->host);
    if (power)
        sim_disk_crash(w->disk);
    else
        sim_disk_kill(w->disk);
    broker_free(w->broker);
    store_free(w->store);
    sim_host_free(w->host);
    sim_disk_restart(w->disk);
}

void world_kill_and_open(struct world *w)
{
    crash(w, false);
    world_open(w);
}

void world_cut_and_open(struct world *w)
{
    crash(w, true);
    world_open(w);
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

bool world_restart(struct world *w)
{
    bool stopped = false, closed = false;

    broker_stop(w->broker, set_flag, &stopped);
    if (!world_until(w, &stopped)) {
        world_kill_and_open(w);
        return false;
    }
    broker_free(w->broker);
    w->broker = NULL;
    store_close(w->store, set_flag, &closed);
    bool orderly = world_until(w, &closed);
    world_kill_and_open(w); /* nothing is left to kill, when it was orderly */
    return orderly;
}

bool world_end_and_open(struct world *w, enum world_end how)
{
    if (how == WORLD_RESTARTED)
        return world_restart(w);
    crash(w, how == WORLD_CUT);
    world_open(w);
    return false;
}

void world_end(struct world *w)
{
    crash(w, false);
    sim_free(w->sim);
    sim_disk_free(w->disk);
}

bool world_until(struct world *w, const bool *flag)
{
    for (unsigned steps = 0; !*flag && w->fatals == 0; steps++) {
        bool more = sim_step(w->sim);
        assert(more);
        assert(steps < 1000000);
    }
    return *flag;
}

void world_settle(struct world *w)
{
    world_pass(w, 50); /* simulated workers are slow, by some milliseconds */
}

void world_pass(struct world *w, uint64_t ms)
{
    /* The simulation's clock stands still where nothing happens: this one goes on. */
    uint64_t now_ns = sim_now_ns(w->sim) > w->now_ns ? sim_now_ns(w->sim) : w->now_ns;

    w->now_ns = now_ns + ms * NS_PER_MS;
    while (sim_next_ns(w->sim) <= w->now_ns && sim_step(w->sim))
        assert(sim_steps(w->sim) < 50000000);
}

/* ---- peers ---- */

static struct peer *peer_of(struct sink *s)
{
    return container_of(s, struct peer, sink);
}

static bool writable(struct sink *s)
{
    return !peer_of(s)->blocked;
}

static void message(struct sink *s, const struct delivery *d)
{
    struct peer *p = peer_of(s);
    struct received *r = &p->received[p->received_count++];
    struct entry_view view;

    assert(p->received_count <= PEER_RECORDS);
    *r = (struct received){
        .consumer = d->consumer_id,
        .position = d->entry->position,
        .messages = d->entry->header.messages,
        .redelivery_count = d->redelivery_count,
        .epoch = d->consumer_epoch,
        .deliver_ms = d->entry->header.deliver_ms,
        .at_ms = loop_wall_ms(p->world->broker->loop),
        .left = d->left_words > 0 ? d->left[0] : 0,
        .left_words = d->left_words,
    };
    if (entry_view_decode(slice_bytes(d->entry->bytes), &view) == OK && view.metadata.has_partition_key)
        (void)snprintf(r->key, sizeof r->key, "%.*s", (int)view.metadata.partition_key.len,
                       (const char *)view.metadata.partition_key.data);
}

static void published(struct sink *s, const struct published *m)
{
    struct peer *p = peer_of(s);

    assert(p->published_count < PEER_RECORDS);
    p->published[p->published_count++] = *m;
}

static void close_producer(struct sink *s, uint64_t id)
{
    peer_of(s)->producers[id] = NULL;
    peer_of(s)->producers_closed++;
}

static void close_consumer(struct sink *s, uint64_t id)
{
    peer_of(s)->consumers[id] = NULL;
    peer_of(s)->consumers_closed++;
}

static void active_changed(struct sink *s, uint64_t id, bool active)
{
    peer_of(s)->active[id] = active;
}

static void end_of_topic(struct sink *s, uint64_t id)
{
    peer_of(s)->ends[id]++;
}

static void probe(struct sink *s, struct probe *probe)
{
    struct peer *p = peer_of(s);

    p->probes++;
    for (size_t i = 0; p->dead && i < 16; i++) {
        if (p->consumers[i])
            consumer_detach(p->consumers[i]);
        if (p->producers[i])
            producer_detach(p->producers[i]);
        p->consumers[i] = NULL;
        p->producers[i] = NULL;
    }
    probe->done(probe, !p->dead);
}

static const struct sink_ops peer_ops = {
    .writable = writable,
    .message = message,
    .published = published,
    .close_producer = close_producer,
    .close_consumer = close_consumer,
    .active_changed = active_changed,
    .end_of_topic = end_of_topic,
    .probe = probe,
};

void peer_init(struct peer *p, struct world *w)
{
    memset(p, 0, sizeof *p);
    p->sink = (struct sink){.ops = &peer_ops, .peer = "peer", .client_version = "test"};
    p->world = w;
    for (size_t i = 0; i < 16; i++)
        p->active[i] = -1;
}

/* ---- operations ---- */

static struct topic_name parse(const char *text)
{
    struct topic_name name;
    enum err err = topic_name_parse(&name, bytes_of_text(text));

    assert(err == OK);
    return name;
}

/* The operation's `done` frees nothing: it is told by its node leaving the broker's list. */
void world_done(struct broker_op *op)
{
    op->broker = NULL;
}

struct refusal world_finish(struct world *w, struct broker_op *op)
{
    for (unsigned steps = 0; op->broker; steps++) {
        bool more = sim_step(w->sim);
        assert(more);
        assert(steps < 1000000);
    }
    return op->why;
}

struct refusal peer_produce(struct peer *p, uint64_t id, const char *topic, const char *name)
{
    struct producer_open open = {
        .op.done = world_done,
        .sink = &p->sink,
        .producer_id = id,
        .topic = parse(topic),
        .name = name,
        .name_given = name != NULL,
    };

    producer_open(p->world->broker, &open);
    struct refusal why = world_finish(p->world, &open.op);
    if (why.err == OK)
        p->producers[id] = open.producer;
    return why;
}

struct refusal peer_subscribe(struct peer *p, uint64_t id, const struct subscribe *s)
{
    struct consumer_open open = {
        .op.done = world_done,
        .sink = &p->sink,
        .consumer_id = id,
        .topic = parse(s->topic),
        .subscription = bytes_of_text(s->subscription),
        .name = s->name,
        .type = s->type,
        .priority = s->priority,
        .durable = !s->volatile_,
        .create_topic = true,
        .initial = s->latest ? INITIAL_LATEST : INITIAL_EARLIEST,
        .start_given = s->start_given,
        .start = s->start,
        .read_compacted = s->read_compacted,
        .epoch = -1,
        .keys = s->keys,
    };

    consumer_open(p->world->broker, &open);
    struct refusal why = world_finish(p->world, &open.op);
    if (why.err == OK)
        p->consumers[id] = open.consumer;
    return why;
}

struct refusal peer_unsubscribe(struct peer *p, uint64_t consumer, bool force)
{
    struct consumer_op op = {.op.done = world_done, .force = force};

    if (consumer_unsubscribe(p->consumers[consumer], &op))
        p->consumers[consumer] = NULL;
    return world_finish(p->world, &op.op);
}

static struct refusal seek(struct peer *p, uint64_t consumer, struct consumer_seek *seek)
{
    seek->op.done = world_done;
    consumer_seek(p->consumers[consumer], seek);
    return world_finish(p->world, &seek->op);
}

struct refusal peer_seek(struct peer *p, uint64_t consumer, struct position to)
{
    struct consumer_seek op = {.position = to};
    return seek(p, consumer, &op);
}

struct refusal peer_seek_into(struct peer *p, uint64_t consumer, struct position to, uint64_t left)
{
    struct consumer_seek op = {.position = to, .left = {&left, 1}};
    return seek(p, consumer, &op);
}

struct refusal peer_seek_time(struct peer *p, uint64_t consumer, int64_t publish_ms)
{
    struct consumer_seek op = {.by_time = true, .publish_ms = publish_ms};
    return seek(p, consumer, &op);
}

struct consumer_last_id peer_last_id(struct peer *p, uint64_t consumer)
{
    struct consumer_last_id last = {.op.done = world_done};

    consumer_last_id(p->consumers[consumer], &last);
    (void)world_finish(p->world, &last.op);
    return last;
}

struct refusal world_unload(struct world *w, const char *topic)
{
    struct topic_op op = {.op.done = world_done, .name = parse(topic)};

    topic_unload(w->broker, &op);
    return world_finish(w, &op.op);
}

struct refusal world_delete(struct world *w, const char *topic, bool force)
{
    struct topic_op op = {.op.done = world_done, .name = parse(topic), .force = force};

    topic_delete(w->broker, &op);
    return world_finish(w, &op.op);
}

static void publish_one(struct peer *p, uint64_t producer, uint64_t sequence_id, uint32_t messages, int64_t publish_ms,
                        int64_t deliver_ms)
{
    char text[64];
    struct slice bytes;
    int len = snprintf(text, sizeof text, "an entry, published at %lld", (long long)publish_ms);
    enum err err = slice_copy(&bytes, bytes_of(text, (size_t)len), NULL);

    assert(err == OK);
    const struct publish m = {
        .sequence_id = sequence_id,
        .messages = messages,
        .flags = messages > 1 ? ENTRY_BATCHED : 0,
        .publish_ms = publish_ms,
        .deliver_ms = deliver_ms,
        .bytes = bytes,
    };
    producer_publish(p->producers[producer], &m);
    slice_unref(&bytes);
}

void peer_publish_key(struct peer *p, uint64_t producer, const char *key, uint64_t sequence)
{
    Wire__MessageMetadata m = WIRE__MESSAGE_METADATA__INIT;
    uint8_t metadata[128], entry[ENTRY_HEAD_SIZE + sizeof metadata];
    char name[] = "producer", copy[64];
    struct slice bytes;

    (void)snprintf(copy, sizeof copy, "%s", key);
    m.producer_name = name;
    m.sequence_id = sequence;
    m.partition_key = copy;
    const size_t len = wire__message_metadata__pack(&m, metadata);
    entry_head_encode(entry, bytes_of(metadata, len), bytes_of(NULL, 0));
    memcpy(entry + ENTRY_HEAD_SIZE, metadata, len);
    enum err err = slice_copy(&bytes, bytes_of(entry, ENTRY_HEAD_SIZE + len), NULL);
    assert(err == OK);
    const struct publish publish = {.sequence_id = m.sequence_id, .messages = 1, .bytes = bytes};
    producer_publish(p->producers[producer], &publish);
    slice_unref(&bytes);
}

void peer_publish_one(struct peer *p, uint64_t producer, uint32_t messages, int64_t publish_ms)
{
    publish_one(p, producer, p->published_count, messages, publish_ms, 0);
}

void peer_publish_delayed(struct peer *p, uint64_t producer, int64_t deliver_ms)
{
    publish_one(p, producer, (uint64_t)deliver_ms, 1, loop_wall_ms(p->world->broker->loop), deliver_ms);
}

void peer_publish(struct peer *p, uint64_t producer, unsigned count, uint32_t messages)
{
    for (unsigned i = 0; i < count; i++)
        peer_publish_one(p, producer, messages, (int64_t)i);
    world_settle(p->world);
}

struct topic *world_topic(struct world *w, const char *topic)
{
    struct topic_name name = parse(topic);
    return topic_find(w->broker, &name);
}

void world_check(struct world *w)
{
    policy_walk_check(&w->broker->policy_walk);
    list_each (node, &w->broker->topic_list)
        topic_check(container_of(node, struct topic, node));
}
