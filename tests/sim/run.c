/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c - see run.h.
 */
#include "run.h"

#include "base/arena.h"
#include "broker/compaction.h"
#include "broker/partitioned.h"
#include "broker/stats.h"
#include "broker/terminate.h"
#include "process.h"
#include "vandal.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CLIENTS         4
#define PLAIN_TOPICS    2 /* at most, where there are no other kinds */
#define DRAINERS        (MODEL_TOPICS * MODEL_SUBSCRIPTIONS)
#define PHASE_STEPS_MAX 400000 /* of settling, draining, stopping: more means that it never ends */
#define CHECK_EVERY     64
#define QUIET_STEPS     300 /* nothing is sent so long after a start, where the scenario says so */

struct run {
    const struct run_options *options;
    const struct scenario *scenario;
    struct random random;
    struct sim *sim;
    struct sim_disk *disk;
    struct process process;
    struct model model;
    struct log log;
    struct client *clients[CLIENTS];
    struct client *drainers[DRAINERS];
    struct vandal *vandal;
    unsigned topic_count;
    unsigned used;           /* subscriptions: those after them are not touched before the end, and hold everything */
    bool partitioned;        /* the first two topics are partitions of one */
    uint64_t faults;         /* that struck before this life of the process: it may give up for later ones only */
    uint64_t start_step;     /* when a dead process is started again */
    uint64_t room_step;      /* when a full disk has room again; UINT64_MAX: it has */
    uint64_t fast_step;      /* when a slow disk is fast again; UINT64_MAX: it is */
    bool was_full, stopping; /* in this life of the process: the disk was full, it was told to end */
    uint64_t send_step;      /* from when on clients send again */
    uint64_t starts;
    bool left; /* by somebody: all_acknowledged */
    struct topic_op compact;
    bool compacting; /* the broker has it */
    struct partitioned_op making;
    bool made;
    struct administrator { /* one thing at a time */
        struct topic_op topic;
        struct terminate_op terminate;
        unsigned at; /* the topic */
        bool deletes, busy;
    } administrator;
};

/* Never two in one expression, so that every compiler makes the same run of a seed. */
static uint64_t dice(struct run *r, uint64_t sides)
{
    return random_below(&r->random, sides);
}

static void on_violation(void *ctx, const char *text)
{
    struct run *r = ctx;

    r->options->violation(r->options->ctx, r->model.step, text);
}

static int64_t log_clock(void *ctx)
{
    return (int64_t)(sim_now_ns(((struct run *)ctx)->sim) / NS_PER_MS);
}

/* ---- the process ---- */

/* Everything that was read is deleted at once, or nothing ever is. */
static void draw_retention(struct run *r)
{
    struct broker_options *broker = &r->process.broker_options;

    broker->ledger_idle_ms = dice(r, 2) ? 0 : 200 + dice(r, 3000);
    broker->ledger_age_max_ms = 1000 + dice(r, 20000);
    r->model.trims = dice(r, 3) > 0;
    policies_put(&broker->policies, POLICY_RETENTION_MINUTES, r->model.trims ? 0 : -1);
    policies_put(&broker->policies, POLICY_RETENTION_MB, -1);
}

/* Few points and little room, so that keys move, and wait, and are in each other's way. */
static void draw_keys(struct run *r)
{
    struct broker_options *broker = &r->process.broker_options;

    broker->keys_on_ring = dice(r, 3) > 0;
    broker->key_ring_points = 1 + (uint32_t)dice(r, 20);
    broker->keys_ahead_per_consumer = (uint32_t)dice(r, 40);
    broker->keys_ahead_per_subscription = (uint32_t)dice(r, 100);
}

/* Keys by the dozen, at times more than there is memory for at once. */
static void draw_compaction(struct run *r)
{
    struct broker_options *broker = &r->process.broker_options;

    broker->compaction_keeps_null_keys = dice(r, 2);
    broker->compaction_keys_bytes = dice(r, 2) ? 2048 : 1024 * 1024;
}

/* Small files, small caches, small ledgers: so that all of the store's machinery moves in a few thousand steps. */
static void draw_options(struct run *r)
{
    static const uint64_t journal[] = {64 * 1024, 256 * 1024, 1024 * 1024};
    static const uint64_t own[] = {8 * 1024, 64 * 1024};
    static const size_t cache[] = {16 * 1024, 256 * 1024};
    static const uint64_t entries[] = {5, 40, 1000};
    static const uint64_t dead[] = {2 * 1024, 64 * 1024};
    struct store_options *store = &r->process.store_options;
    struct broker_options *broker = &r->process.broker_options;

    store->journal_file_bytes = journal[dice(r, 3)];
    store->checkpoint_bytes = store->journal_file_bytes / (2 + dice(r, 6));
    store->own_segment_bytes = own[dice(r, 2)];
    store->compaction_bytes = own[dice(r, 2)] * 4;
    store->compaction_dead_bytes = dead[dice(r, 2)];
    store->compaction_fan = 2 + (uint32_t)dice(r, 4);
    store->tail_cache_bytes = cache[dice(r, 2)];
    store->ack_delay_ms = 1 + (uint32_t)dice(r, 1000);
    broker->ledger_entries_max = entries[r->scenario->trim ? 0 : dice(r, 3)];
    broker->ledger_age_min_ms = 0;
    r->model.parts = broker->batch_index_acks = r->scenario->habits.part > 0;
    broker->topic_idle_ms = 1000 + dice(r, 60000);
    broker->retention_check_ms = 200 + dice(r, 5000);
    broker->reader_hold_ms = dice(r, 3) * 1000;
    assert(!r->scenario->trim || r->scenario->habits.seek == 0); /* the model cannot tell what is gone by then */
    r->model.trims = r->scenario->trim;
    r->model.keys = r->scenario->keys || r->scenario->mixed;
    r->model.steady = r->scenario->steady;
    r->model.once = r->scenario->once || (r->scenario->mixed && dice(r, 3) == 0);
    if (r->model.once) {
        policies_put(&broker->policies, POLICY_DEDUPLICATION, 1);
        policies_put(&broker->policies, POLICY_DEDUPLICATION_ENTRIES, 1 + (int64_t)dice(r, 100));
    }
    if (r->scenario->mixed) {
        r->model.unacked_max = dice(r, 3) ? 0 : 1 + (uint32_t)dice(r, 60);
        policies_put(&broker->policies, POLICY_UNACKED_PER_CONSUMER_MAX, r->model.unacked_max);
    }
    if (r->model.keys)
        draw_keys(r);
    if (r->scenario->retention)
        draw_retention(r);
    if (r->scenario->compact)
        draw_compaction(r);
}

/* Something of this life's was made to fail, so it may fail; and on a full disk it may neither start nor end. */
static bool excused(const struct run *r)
{
    return sim_disk_faults(r->disk) > r->faults || (r->was_full && (r->process.state == PROCESS_DOWN || r->stopping));
}

static void process_up(struct run *r)
{
    enum err err;

    r->faults = sim_disk_faults(r->disk);
    r->was_full = r->room_step != UINT64_MAX;
    r->stopping = false;
    r->starts++;
    err = process_start(&r->process);
    model_note(&r->model, "start: %s", err_text(err));
    if (err == OK) {
        r->send_step = r->model.step + (r->scenario->only_acks_at_first ? QUIET_STEPS : 0);
        return;
    }
    if (!excused(r))
        model_violation(&r->model, "the broker does not start: %s: %s", err_text(err), r->process.message);
    r->start_step = r->model.step + dice(r, 100);
}

static void process_died(struct run *r)
{
    r->compacting = false;
    if (r->administrator.busy && r->administrator.deletes)
        model_delete_ended(&r->model, r->administrator.at, false);
    r->administrator.busy = false;
    sim_disk_fail(r->disk, 0, 0, OK);
    sim_disk_crash_at(r->disk, 0, 0);
    r->start_step = r->model.step + dice(r, 300);
}

static void power_cut(struct run *r)
{
    model_note(&r->model, "power cut");
    process_power_cut(&r->process);
    process_died(r);
}

static void kill_process(struct run *r)
{
    model_note(&r->model, "killed");
    process_kill(&r->process);
    process_died(r);
}

static void stop_process(struct run *r)
{
    r->stopping = true;
    process_stop(&r->process);
}

/* What a supervisor does: looks after the process between two steps. */
static void look_after(struct run *r)
{
    struct process *p = &r->process;

    if (p->state == PROCESS_DOWN) {
        if (r->model.step >= r->start_step)
            process_up(r);
        return;
    }
    if (sim_disk_crashed(r->disk)) {
        power_cut(r);
    } else if (p->state == PROCESS_FATAL) {
        if (!excused(r))
            model_violation(&r->model, "the broker gave up: %s", p->message);
        if (dice(r, 2))
            power_cut(r);
        else
            kill_process(r);
    } else if (p->stopped) {
        kill_process(r);
    }
}

/* ---- what happens to it ---- */

static void disk_fills(struct run *r)
{
    sim_disk_capacity(r->disk, sim_disk_used(r->disk) + dice(r, 100000));
    r->room_step = r->model.step + dice(r, 2000);
    r->was_full = true;
}

static void disk_empties(struct run *r)
{
    sim_disk_capacity(r->disk, UINT64_MAX / 2);
    r->room_step = UINT64_MAX;
}

/* Each job of a worker takes up to some seconds: a write, a sync, a read, a checkpoint. */
static void disk_slows(struct run *r)
{
    sim_slow(r->sim, 1 + dice(r, 4000));
    r->fast_step = r->model.step + dice(r, 2000);
}

static void disk_speeds_up(struct run *r)
{
    sim_slow(r->sim, 0);
    r->fast_step = UINT64_MAX;
}

/* At an operation of the disk to come; at times one of the recovery after a kill; at times a kill itself. */
static void arm_crash(struct run *r)
{
    static const unsigned kinds[] = {SIM_DISK_WRITE, SIM_DISK_SYNC, SIM_DISK_META, SIM_DISK_ALL};
    unsigned kind = kinds[dice(r, 4)];
    uint64_t n = 1 + dice(r, 1u << dice(r, 6));

    if (dice(r, 4) == 0)
        kill_process(r);
    if (dice(r, 3) == 0)
        sim_disk_kill_at(r->disk, kind, n);
    else
        sim_disk_crash_at(r->disk, kind, n);
}

static void fail_write(struct run *r)
{
    unsigned kinds = SIM_DISK_WRITE | (dice(r, 2) ? SIM_DISK_META : 0);
    enum err err = dice(r, 2) ? ERR_IO : ERR_NOSPACE;

    sim_disk_fail(r->disk, kinds, 1 + dice(r, 8), err);
}

static void compaction_asked(struct broker_op *op)
{
    container_of(op, struct run, compact.op)->compacting = false;
}

/* Those that are there already: nobody is told how it went. */
static void compact(struct run *r)
{
    const unsigned t = (unsigned)dice(r, r->topic_count);

    if (r->process.state != PROCESS_UP || r->compacting ||
        topic_name_parse(&r->compact.name, bytes_of_text(r->model.topics[t].name)) != OK)
        return;
    r->compacting = true;
    r->compact.op.done = compaction_asked;
    topic_compact(r->process.broker, &r->compact);
}

/* ---- what an administrator does ---- */

static void administered(struct broker_op *op)
{
    container_of(op, struct run, administrator.topic.op)->administrator.busy = false;
}

static void deleted(struct broker_op *op)
{
    struct run *r = container_of(op, struct run, administrator.topic.op);

    r->administrator.busy = r->administrator.deletes = false;
    model_delete_ended(&r->model, r->administrator.at, op->why.err == OK);
}

static void terminated(struct broker_op *op)
{
    struct run *r = container_of(op, struct run, administrator.terminate.op);

    r->administrator.busy = false;
    if (op->why.err == OK)
        model_terminated(&r->model, r->administrator.at, r->administrator.terminate.last);
}

/* False: not now. */
static bool administer(struct run *r, unsigned topic, struct topic_name *name)
{
    if (r->process.state != PROCESS_UP || r->administrator.busy || topic >= r->topic_count ||
        topic_name_parse(name, bytes_of_text(r->model.topics[topic].name)) != OK)
        return false;
    r->administrator.busy = true;
    r->administrator.at = topic;
    return true;
}

static void unload(struct run *r)
{
    struct topic_op *o = &r->administrator.topic;

    if (!administer(r, (unsigned)dice(r, r->topic_count), &o->name))
        return;
    model_note(&r->model, "t%u is unloaded", r->administrator.at);
    o->op.done = administered;
    topic_unload(r->process.broker, o);
}

/* The second topic; a message that is sent again to a new one is no duplicate there. */
static void delete (struct run *r)
{
    struct topic_op *o = &r->administrator.topic;

    if (r->model.once || !administer(r, 1, &o->name))
        return;
    model_delete_sent(&r->model, 1);
    r->administrator.deletes = true;
    o->force = true;
    o->op.done = deleted;
    topic_delete(r->process.broker, o);
}

static void terminate(struct run *r)
{
    struct terminate_op *o = &r->administrator.terminate;

    if (!administer(r, 1, &o->name))
        return;
    model_terminate_sent(&r->model, 1);
    o->op.done = terminated;
    topic_terminate(r->process.broker, o);
}

/* What was due once may come. */
static void wall_jump(struct run *r)
{
    const int64_t wall_ms = loop_wall_ms(sim_host_sys(r->clients[0]->host)->loop);

    if (wall_ms > r->model.wall_ms)
        r->model.wall_ms = wall_ms;
    sim_wall_jump(r->sim, (int64_t)dice(r, 600000) - 300000);
}

static void mischief(struct run *r)
{
    const struct scenario *s = r->scenario;
    struct process *p = &r->process;
    uint64_t at = dice(r, 10000), below = 0;

    if (at < (below += s->cut)) {
        struct client *c = r->clients[dice(r, CLIENTS)];
        if (p->host)
            sim_host_cut(dice(r, 3) ? c->host : p->host, 20);
    } else if (at < (below += s->wall_jump)) {
        wall_jump(r);
    } else if (p->state == PROCESS_DOWN) {
        return;
    } else if (at < (below += s->kill)) {
        kill_process(r);
    } else if (at < (below += s->power_cut)) {
        power_cut(r);
    } else if (at < (below += s->crash_at)) {
        arm_crash(r);
    } else if (at < (below += s->stop)) {
        if (p->state == PROCESS_UP)
            stop_process(r);
    } else if (at < (below += s->full)) {
        disk_fills(r);
    } else if (at < (below += s->slow)) {
        disk_slows(r);
    } else if (at < (below += s->compact)) {
        compact(r);
    } else if (at < (below += s->unload)) {
        unload(r);
    } else if (at < (below += s->delete)) {
        delete (r);
    } else if (at < (below += s->terminate)) {
        terminate(r);
    } else if (at < (below += s->write_fault)) {
        fail_write(r);
    } else if (at < (below += s->sync_fault)) {
        sim_disk_fail(r->disk, SIM_DISK_SYNC, 1 + dice(r, 8), ERR_IO);
    } else if (at < (below += s->read_fault)) {
        sim_disk_fail(r->disk, SIM_DISK_READ, 1 + dice(r, 4), ERR_IO);
    }
}

static void step(struct run *r)
{
    r->model.step++;
    if (r->model.step >= r->room_step)
        disk_empties(r);
    if (r->model.step >= r->fast_step)
        disk_speeds_up(r);
    (void)sim_step(r->sim); /* false: all wait for what a client may still do, or for the next start */
    look_after(r);
}

/* ---- checks on the living broker ---- */

static void check_backlog(struct run *r, unsigned topic, const struct subscription_stats *s)
{
    const struct model_topic *t = &r->model.topics[topic];
    uint64_t sent = 0;

    /* What a producer sends again after it lost a receipt may be there twice. */
    for (unsigned p = 0; p < MODEL_PRODUCERS; p++)
        sent += t->producers[p].sent;
    if (s->backlog_entries > (sent + 1) * (r->starts + 100))
        model_violation(&r->model, "%s/%s: a backlog of %" PRIu64, t->name, s->name, s->backlog_entries);
    if (s->type && strcmp(s->type, "Exclusive") == 0 && s->consumer_count > 1)
        model_violation(&r->model, "%s/%s: %zu exclusive consumers", t->name, s->name, s->consumer_count);
}

static void check_topic(struct run *r, unsigned topic,
                        void (*check)(struct run *r, unsigned topic, const struct subscription_stats *s))
{
    struct topic_name name;
    struct topic_stats *stats;
    struct refusal why;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    if (topic_name_parse(&name, bytes_of_text(r->model.topics[topic].name)) != OK)
        assert(false);
    if (topic_stats_get(r->process.broker, &name, &arena, &stats, &why) == OK)
        for (size_t i = 0; i < stats->subscription_count; i++)
            check(r, topic, &stats->subscriptions[i]);
    arena_deinit(&arena);
}

static void check_all(struct run *r, void (*check)(struct run *r, unsigned topic, const struct subscription_stats *s))
{
    for (unsigned t = 0; t < r->topic_count && r->process.state == PROCESS_UP; t++)
        check_topic(r, t, check);
}

/* ---- set up ---- */

static void name_subscriptions(struct run *r, struct model_topic *topic)
{
    static const char *const names[] = {"exclusive", "shared", "failover"};
    static const enum model_kind kinds[] = {MODEL_EXCLUSIVE, MODEL_SHARED, MODEL_FAILOVER};
    unsigned at = 0;

    for (; at < 3; at++) {
        snprintf(topic->subscriptions[at].name, sizeof topic->subscriptions[at].name, "%s", names[at]);
        topic->subscriptions[at].kind = r->scenario->keys && kinds[at] == MODEL_SHARED ? MODEL_KEY_SHARED : kinds[at];
    }
    if (r->scenario->mixed) {
        snprintf(topic->subscriptions[at].name, sizeof topic->subscriptions[at].name, "keys");
        topic->subscriptions[at++].kind = MODEL_KEY_SHARED;
    }
    r->used = at;
    snprintf(topic->subscriptions[at].name, sizeof topic->subscriptions[at].name, "held");
    topic->subscriptions[at].kind = MODEL_EXCLUSIVE;
    topic->subscription_count = r->scenario->trim ? r->used : r->used + 1;
}

/* Where they are mixed: two, which may be partitions of one; one whose producers are exclusive; one that keeps nothing.
 */
static void name_all(struct run *r)
{
    static const char *const mixed[] = {"persistent://public/default/t0", "persistent://public/default/t1",
                                        "persistent://public/default/guarded", "non-persistent://public/default/n"};
    static const char *const partitions[] = {"persistent://public/default/p-partition-0",
                                             "persistent://public/default/p-partition-1"};

    r->topic_count = r->scenario->mixed ? MODEL_TOPICS : 1 + (unsigned)dice(r, PLAIN_TOPICS);
    r->partitioned = r->scenario->mixed && dice(r, 2);
    for (unsigned t = 0; t < r->topic_count; t++) {
        struct model_topic *topic = &r->model.topics[t];
        snprintf(topic->name, sizeof topic->name, "%s", t < 2 && r->partitioned ? partitions[t] : mixed[t]);
        topic->guarded = t == 2;
        topic->fleeting = t == 3;
        name_subscriptions(r, topic);
    }
}

static void await(struct run *r, bool (*reached)(struct run *r), const char *what)
{
    for (uint64_t i = 0; !reached(r); i++) {
        if (i == PHASE_STEPS_MAX)
            model_violation(&r->model, "%s: not reached in %d steps", what, PHASE_STEPS_MAX);
        step(r);
        for (unsigned d = 0; d < DRAINERS && i % 4 == 0; d++)
            if (r->drainers[d])
                client_act(r->drainers[d]);
        for (unsigned c = 0; c < CLIENTS && i % 4 == 0; c++)
            if (r->clients[c])
                client_act(r->clients[c]);
    }
}

static void partitions_made(struct broker_op *op)
{
    container_of(op, struct run, making.op)->made = true;
}

static bool all_made(struct run *r)
{
    return r->made;
}

static void make_partitions(struct run *r)
{
    struct partitioned_op *o = &r->making;

    if (topic_name_parse(&o->name, bytes_of_text("persistent://public/default/p")) != OK)
        assert(false);
    o->partitions = 2;
    o->op.done = partitions_made;
    partitioned_create(r->process.broker, o);
    await(r, all_made, "a partitioned topic");
}

static struct client *drainer_for(struct run *r, unsigned topic, unsigned subscription)
{
    return r->drainers[topic * MODEL_SUBSCRIPTIONS + subscription];
}

static bool all_subscribed(struct run *r)
{
    for (unsigned t = 0; t < r->topic_count; t++)
        for (unsigned s = 0; s < r->model.topics[t].subscription_count; s++)
            if (!client_has_consumer(drainer_for(r, t, s), t, s))
                return false;
    return true;
}

/* A client for each subscription. */
static void drainers_start(struct run *r)
{
    static const struct client_habits habits = {.ack = 1, .flow = 1, .answered_in_eight = 8};

    for (unsigned t = 0; t < r->topic_count; t++)
        for (unsigned s = 0; s < r->model.topics[t].subscription_count; s++) {
            unsigned i = t * MODEL_SUBSCRIPTIONS + s;
            r->drainers[i] = client_new(r->sim, &r->model, &r->random, 100 + i, &habits);
            r->drainers[i]->greedy = true;
            r->drainers[i]->quiet = true;
            client_add_consumer(r->drainers[i], t, s);
            client_start(r->drainers[i]);
        }
}

static void drainers_end(struct run *r)
{
    for (unsigned i = 0; i < DRAINERS; i++) {
        client_free(r->drainers[i]);
        r->drainers[i] = NULL;
    }
}

static void clients_start(struct run *r)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *c = client_new(r->sim, &r->model, &r->random, i, &r->scenario->habits);
        unsigned t = (unsigned)dice(r, r->topic_count);
        unsigned other = (unsigned)dice(r, r->topic_count);
        r->clients[i] = c;
        for (unsigned p = 0; p < CLIENT_PRODUCERS; p++)
            if (p == 0 || dice(r, 2))
                client_add_producer(c, (unsigned)dice(r, r->topic_count), i * CLIENT_PRODUCERS + p);
        client_add_consumer(c, t, (unsigned)dice(r, r->used));
        if (dice(r, 2))
            client_add_consumer(c, other, 1 + (unsigned)dice(r, r->used - 1));
        if ((r->scenario->retention || !r->scenario->trim) && dice(r, 2))
            client_add_consumer(c, (unsigned)dice(r, r->topic_count), MODEL_READER);
        client_start(c);
    }
    if (r->scenario->vandal)
        r->vandal = vandal_new(r->sim, &r->random);
}

static void clients_end(struct run *r)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_free(r->clients[i]);
        r->clients[i] = NULL;
    }
}

static void set_up(struct run *r)
{
    const struct run_options *o = r->options;

    random_init(&r->random, o->seed ^ 0x5eed);
    r->room_step = UINT64_MAX;
    r->fast_step = UINT64_MAX;
    r->sim = sim_new(o->seed);
    r->disk = sim_disk_new(sim_random(r->sim));
    r->log = (struct log){.level = o->verbose ? LOG_DEBUG : LOG_ERROR + 1, .wall_ms = log_clock, .ctx = r};
    model_init(&r->model);
    r->model.violation = on_violation;
    r->model.verbose = o->verbose;
    r->model.ctx = r;
    name_all(r);
    process_init(&r->process, r->sim, r->disk, &r->log);
    draw_options(r);
    r->process.store_options.durability = r->scenario->unsynced ? DURABILITY_OS : DURABILITY_SYNC;
    process_up(r);
    if (r->partitioned)
        make_partitions(r);
    drainers_start(r);
    await(r, all_subscribed, "subscribing");
    drainers_end(r);
    sim_disk_lie(r->disk, r->scenario->lies);
}

/* ---- act, settle, drain, again ---- */

static void act(struct run *r)
{
    clients_start(r);
    for (uint64_t i = 0; i < r->options->steps; i++) {
        step(r);
        mischief(r);
        for (unsigned c = 0; c < CLIENTS; c++)
            r->clients[c]->quiet = r->model.step < r->send_step;
        if (r->vandal && dice(r, 6) == 0)
            vandal_act(r->vandal);
        if (dice(r, 6) == 0)
            client_act(r->clients[dice(r, CLIENTS)]);
        if (i % CHECK_EVERY == 0)
            check_all(r, check_backlog);
    }
}

static bool is_up(struct run *r)
{
    return r->process.state == PROCESS_UP;
}

static bool all_receipted(struct run *r)
{
    for (unsigned t = 0; t < r->topic_count; t++)
        if (!model_receipted(&r->model, t))
            return false;
    return true;
}

static bool all_drained(struct run *r)
{
    if (r->model.step % CHECK_EVERY != 0)
        return false;
    for (unsigned t = 0; t < r->topic_count; t++)
        for (unsigned s = 0; s < r->model.topics[t].subscription_count; s++)
            if (!model_drained(&r->model, t, s))
                return false;
    return true;
}

static bool nobody_administers(struct run *r)
{
    return !r->administrator.busy;
}

static void settle(struct run *r)
{
    static const struct client_habits calm = {.flow = 1};

    sim_disk_fail(r->disk, 0, 0, OK);
    sim_disk_crash_at(r->disk, 0, 0);
    disk_empties(r);
    disk_speeds_up(r);
    vandal_free(r->vandal);
    r->model.steady = false; /* who hangs up holds, for a moment, what the broker has given to others */
    for (unsigned i = 0; i < CLIENTS; i++) {
        r->clients[i]->habits = calm;
        r->clients[i]->quiet = true;
        client_hang_up(r->clients[i]); /* whoever stalls, or waits for what will not come, begins afresh */
    }
    await(r, is_up, "the last start");
    await(r, nobody_administers, "the end of what the administrator does");
    await(r, all_receipted, "receipts for everything");
    clients_end(r);
}

static void check_left(struct run *r, unsigned topic, const struct subscription_stats *s)
{
    const struct model_topic *t = &r->model.topics[topic];
    uint64_t least, most;

    for (unsigned i = 0; i < t->subscription_count; i++) {
        if (strcmp(t->subscriptions[i].name, s->name) != 0)
            continue;
        model_backlog(&r->model, topic, i, &least, &most);
        if (s->backlog_entries > most)
            model_violation(&r->model,
                            "%s/%s: a backlog of %" PRIu64 ", and only %" PRIu64 " entries are not acknowledged",
                            t->name, s->name, s->backlog_entries, most);
    }
}

static uint64_t kept_entries(struct run *r, unsigned topic)
{
    struct topic_name name;
    struct topic_stats *stats;
    struct refusal why;
    struct arena arena;
    uint64_t entries = UINT64_MAX;

    arena_init(&arena, 1 << 20);
    if (topic_name_parse(&name, bytes_of_text(r->model.topics[topic].name)) != OK)
        assert(false);
    if (topic_stats_get(r->process.broker, &name, &arena, &stats, &why) == OK)
        entries = stats->entries;
    arena_deinit(&arena);
    return entries;
}

static void note_backlog(struct run *r, unsigned topic, const struct subscription_stats *s)
{
    if (s->durable && s->backlog_entries > 0)
        r->left = true;
}

/* Only once in a while: it takes long. */
static bool all_acknowledged(struct run *r)
{
    if (r->model.step % CHECK_EVERY != 0 || r->process.state != PROCESS_UP)
        return false;
    r->left = false;
    check_all(r, note_backlog);
    return !r->left;
}

static bool all_gone(struct run *r)
{
    if (r->model.step % CHECK_EVERY != 0 || r->process.state != PROCESS_UP)
        return false;
    for (unsigned t = 0; t < r->topic_count; t++)
        if (kept_entries(r, t) > 0)
            return false;
    return true;
}

/* Where nothing is deleted, everything is there; else nothing is, once all was acknowledged. */
static void check_kept(struct run *r)
{
    for (unsigned t = 0; t < r->topic_count && !r->model.trims; t++)
        if (kept_entries(r, t) < tree_count(&r->model.topics[t].entries))
            model_violation(&r->model, "%s: entries are gone, though nothing may go", r->model.topics[t].name);
    if (!r->model.trims)
        return;
    await(r, all_acknowledged, "acknowledgements of everything");
    await(r, all_gone, "the space of what everybody read");
}

static bool all_found(struct run *r)
{
    for (unsigned t = 0; t < r->topic_count; t++)
        if (!model_all_found(&r->model, t))
            return false;
    return true;
}

/* But for one that was deleted: without subscriptions it is gone when it is idle, and made anew without an end. */
static bool all_told(struct run *r)
{
    for (unsigned t = 0; t < r->topic_count; t++)
        for (unsigned s = 0;
             r->model.topics[t].ended && !r->model.topics[t].unsure && s < r->model.topics[t].subscription_count; s++)
            if (!client_told_end(drainer_for(r, t, s), t, s))
                return false;
    return true;
}

static void drain(struct run *r)
{
    drainers_start(r);
    await(r, all_subscribed, "subscribing to drain");
    await(r, all_drained, "everything that must come");
    await(r, all_told, "the end of what was terminated");
    if (r->model.once)
        await(r, all_found, "each message that has a receipt");
    if (r->scenario->retention)
        check_kept(r);
    drainers_end(r);
}

static void again(struct run *r)
{
    if (dice(r, 2)) {
        process_stop(&r->process);
        r->start_step = UINT64_MAX;
        for (uint64_t i = 0; !r->process.stopped; i++) {
            if (i == PHASE_STEPS_MAX)
                model_violation(&r->model, "an orderly end: not reached in %d steps", PHASE_STEPS_MAX);
            sim_step(r->sim);
        }
        process_kill(&r->process);
    } else if (r->scenario->unsynced) {
        process_kill(&r->process);
    } else {
        process_power_cut(&r->process);
    }
    process_up(r);
    check_all(r, check_left);
    process_kill(&r->process);
}

static void tear_down(struct run *r)
{
    sim_disk_free(r->disk);
    sim_free(r->sim);
    model_deinit(&r->model);
}

void run_seed(const struct run_options *options, struct run_result *result)
{
    struct run r = {.options = options, .scenario = options->scenario};

    set_up(&r);
    act(&r);
    settle(&r);
    drain(&r);
    again(&r);
    *result = (struct run_result){
        .steps = r.model.step,
        .deliveries = r.model.deliveries,
        .receipts = r.model.receipts,
        .confirmed_acks = r.model.confirmed_acks,
        .starts = r.starts,
        .trace = sim_trace(r.sim) ^ sim_disk_hash(r.disk),
    };
    tear_down(&r);
}
