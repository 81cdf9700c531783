/* SPDX-License-Identifier: Apache-2.0
 *
 * retention_random_test.c - random lives of one topic under random policies, rolls, clocks and crashes, against a
 * model.
 *
 * The model knows of each entry with a receipt where it is, when it was published, and which subscription acknowledged
 * it.  After each step: no ledger went that had to stay, nothing counts as acknowledged that nobody acknowledged and
 * that was too young to expire, backlogs are what counting gives, and the index of messages has no gap.  After some
 * quiet time: nothing is left that had to go.
 *
 * RETENTION_SEEDS=n runs n lives (default 30), RETENTION_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "broker/counting.h"
#include "broker/policies.h"
#include "store/chain.h"
#include "sys/sim/sim_seeds.h"

#define TOPIC    "persistent://public/default/t"
#define STEPS    300
#define ENTRIES  3000
#define LEDGERS  3000
#define DURABLES 2
#define CHECK_MS 1000

static const char *const names[] = {"exclusive", "shared", "reader"};
static const enum subscription_type types[] = {TYPE_EXCLUSIVE, TYPE_SHARED, TYPE_SHARED};

struct model_entry {
    struct position position;
    int64_t publish_ms;
    bool acked[DURABLES]; /* by its consumer, perhaps not durably */
};

struct life {
    struct world world;
    struct random *random;
    struct peer producer;
    struct peer consumers[3];
    size_t published_seen;
    int64_t publish_ms[PEER_RECORDS]; /* of the publishes, by sequence */
    size_t publish_count;
    struct model_entry entries[ENTRIES];
    size_t entry_count;
    bool subscribed[DURABLES], was_subscribed[DURABLES]; /* now, and after the step before */
    struct policies policies;
    /* The chain as it was after the step before, and what else a deletion since then is judged by. */
    struct ledger_info chain[LEDGERS];
    size_t chain_count;
    int64_t wall_max_ms; /* the latest the wall clock stood at since then */
    uint32_t ttl_least;  /* the least TTL in force since then; 0: none */
    bool policy_changed; /* since then */
    struct policies policies_before;
    uint64_t end_message; /* of the receipted */
};

static uint64_t below(struct life *l, uint64_t n)
{
    return random_below(l->random, n);
}

static int64_t wall(struct life *l)
{
    return loop_wall_ms(l->world.broker->loop);
}

static struct topic_name topic_name(void)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(TOPIC)), OK);
    return name;
}

static uint64_t id(struct life *l)
{
    const struct topic_name name = topic_name();
    return topic_id(l->world.broker, &name);
}

static struct cursor *cursor_of(struct life *l, unsigned s)
{
    const struct catalog_row *row = catalog_find(l->world.store, CATALOG_SUBSCRIPTION, id(l), bytes_of_text(names[s]));
    return row ? cursor_find(l->world.store, row->id) : NULL;
}

/* ---- what is noted ---- */

static void note_receipts(struct life *l)
{
    for (; l->published_seen < l->producer.published_count; l->published_seen++) {
        const struct published *p = &l->producer.published[l->published_seen];
        if (p->err != OK)
            continue;
        assert_true(l->entry_count < ENTRIES);
        l->entries[l->entry_count++] =
            (struct model_entry){.position = p->position, .publish_ms = l->publish_ms[p->sequence_id]};
    }
}

static struct model_entry *model_find(struct life *l, struct position p)
{
    for (size_t i = l->entry_count; i > 0; i--) {
        if (position_equal(l->entries[i - 1].position, p))
            return &l->entries[i - 1];
    }
    return NULL;
}

static void note_acked(struct life *l, unsigned s, struct position p, bool cumulative)
{
    if (s >= DURABLES)
        return;
    for (size_t i = 0; i < l->entry_count; i++) {
        const int order = position_compare(l->entries[i].position, p);
        if (order == 0 || (cumulative && order < 0))
            l->entries[i].acked[s] = true;
    }
}

static void note_time(struct life *l)
{
    if (wall(l) > l->wall_max_ms)
        l->wall_max_ms = wall(l);
}

static void pass(struct life *l, uint64_t ms)
{
    world_pass(&l->world, ms);
    note_time(l);
}

/* An expiry ends by the clock and the TTL with which it began: none is under way after this. */
static void settle_expiries(struct life *l)
{
    while (!list_empty(&l->world.broker->retention.expiries))
        assert_true(sim_step(l->world.sim));
    note_time(l);
}

/* ---- what must hold ---- */

static uint64_t bytes_of_chain(const struct ledger_info *chain, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += chain[i].bytes;
    return sum;
}

static bool policy_lets_go(const struct policies *p, const struct ledger_info *l, uint64_t total, int64_t now_ms)
{
    if (l->entries == 0 || p->value[POLICY_RETENTION_MINUTES] == 0 || p->value[POLICY_RETENTION_MB] == 0)
        return true;
    if (p->value[POLICY_RETENTION_MINUTES] > 0 &&
        now_ms - l->closed_ms > p->value[POLICY_RETENTION_MINUTES] * INT64_C(60000))
        return true;
    return p->value[POLICY_RETENTION_MB] > 0 && total - l->bytes >= (uint64_t)p->value[POLICY_RETENTION_MB] << 20;
}

/* A ledger that was there after the step before, and is gone. */
static void check_gone(struct life *l, const struct ledger_info *gone, uint64_t total)
{
    struct ledger_info closed = *gone;

    for (unsigned s = 0; s < DURABLES; s++) {
        const struct cursor *c = cursor_of(l, s);
        const struct position last = {(int64_t)gone->id, (int64_t)gone->entries - 1};
        assert_true(!c || !l->was_subscribed[s] || cursor_acked(c, last) || gone->entries == 0);
    }
    if (gone->open) /* closed since, nobody knows when: as early as can be */
        closed.closed_ms = gone->created_ms;
    assert_true(policy_lets_go(&l->policies, &closed, total, l->wall_max_ms) ||
                (l->policy_changed && policy_lets_go(&l->policies_before, &closed, total, l->wall_max_ms)));
}

static void check_chain(struct life *l)
{
    size_t count;
    const struct ledger_info *chain = store_chain(l->world.store, id(l), &count);
    uint64_t total = bytes_of_chain(chain, count);

    for (size_t i = 0; i < l->chain_count; i++) {
        if (!chain_find(chain, count, (int64_t)l->chain[i].id))
            total += l->chain[i].bytes;
    }
    for (size_t i = 0; i < l->chain_count; i++) {
        if (!chain_find(chain, count, (int64_t)l->chain[i].id))
            check_gone(l, &l->chain[i], total);
    }
    for (size_t i = 0; i + 1 < count; i++)
        assert_int_equal(chain[i].first_message + chain[i].messages, chain[i + 1].first_message);
    assert_true(count <= LEDGERS);
    for (size_t i = 0; i < count; i++)
        l->chain[i] = chain[i];
    l->chain_count = count;
}

/* Acknowledged is what was acknowledged, and what was old enough to expire. */
static void check_acked(struct life *l)
{
    size_t count;
    const struct ledger_info *chain = store_chain(l->world.store, id(l), &count);

    for (unsigned s = 0; s < DURABLES; s++) {
        const struct cursor *c = l->subscribed[s] ? cursor_of(l, s) : NULL;
        for (size_t i = 0; c && i < l->entry_count; i++) {
            struct model_entry *e = &l->entries[i];
            if (e->acked[s] || !cursor_acked(c, e->position) || !chain_has(chain, count, e->position))
                continue;
            assert_true(l->ttl_least > 0);
            assert_true(e->publish_ms < l->wall_max_ms - (int64_t)l->ttl_least * 1000);
            e->acked[s] = true;
        }
    }
}

static void check_backlog(struct life *l)
{
    size_t count;
    const struct ledger_info *chain = store_chain(l->world.store, id(l), &count);

    for (unsigned s = 0; s < DURABLES; s++) {
        const struct cursor *c = cursor_of(l, s);
        uint64_t entries = 0;
        for (size_t i = 0; c && i < count; i++) {
            for (uint64_t e = 0; e < chain[i].entries; e++)
                entries += !cursor_acked(c, (struct position){(int64_t)chain[i].id, (int64_t)e});
        }
        assert_int_equal(c ? cursor_backlog_entries(c) : 0, entries);
    }
}

static void test_read_done(struct store_read *r, enum err err)
{
    r->err = err;
    r->max = 0; /* done */
}

/* Messages of the unacknowledged entries of one ledger, read one and all; 0 when it goes meanwhile. */
static uint64_t scan(struct life *l, const struct cursor *c, uint64_t ledger)
{
    static struct store_read r;
    uint64_t sum = 0;

    for (int64_t at = 0; at <= ledger_synced_end(l->world.store, ledger); at += (int64_t)r.count) {
        r = (struct store_read){
            .done = test_read_done, .from = {(int64_t)ledger, at}, .max = STORE_READ_MAX, .bytes_max = 1 << 20};
        ledger_read(l->world.store, &r);
        while (r.max > 0)
            assert_true(sim_step(l->world.sim));
        if (r.err == ERR_NOT_FOUND)
            break;
        assert_int_equal(r.err, OK);
        for (size_t i = 0; i < r.count; i++) {
            sum += cursor_acked(c, r.entries[i].position) ? 0 : r.entries[i].header.messages;
            entry_unref(&r.entries[i]);
        }
    }
    return sum;
}

/* When they were counted, backlogs in messages are what reading everything gives. */
static void check_messages(struct life *l)
{
    struct count_op count = {.op.done = world_done, .name = topic_name()};
    struct position p;

    pass(l, 5000); /* no publish is under way */
    topic_count(l->world.broker, &count);
    assert_int_equal(world_finish(&l->world, &count.op).err, OK);
    for (unsigned s = 0; s < DURABLES; s++) {
        const struct cursor *c = cursor_of(l, s);
        uint64_t sum = 0;
        size_t n;
        if (!c)
            continue;
        assert_false(cursor_unsure(c, &p));
        const uint64_t backlog = cursor_backlog_messages(c);
        const struct position mark = cursor_mark_delete(c);
        for (size_t i = 0; (void)store_chain(l->world.store, id(l), &n), i < n; i++)
            sum += scan(l, c, store_chain(l->world.store, id(l), &n)[i].id);
        if (position_equal(mark, cursor_mark_delete(c))) /* else something expired */
            assert_int_equal(backlog, sum);
    }
}

static void check(struct life *l)
{
    note_time(l);
    note_receipts(l);
    check_chain(l);
    check_acked(l);
    check_backlog(l);
    world_check(&l->world);
    l->wall_max_ms = wall(l);
    l->policy_changed = false;
    for (unsigned s = 0; s < DURABLES; s++)
        l->was_subscribed[s] = l->subscribed[s];
    l->policies_before = l->policies;
    l->ttl_least = l->policies.value[POLICY_TTL_S];
}

/* When all is quiet, nothing is left that had to go. */
static void check_settled(struct life *l)
{
    size_t count;

    pass(l, 3 * CHECK_MS);
    const struct ledger_info *chain = store_chain(l->world.store, id(l), &count);
    const struct topic *t = world_topic(&l->world, TOPIC);
    bool passed = count > 0 && !chain[0].open && (!t || t->pending == 0);

    for (unsigned s = 0; s < DURABLES && passed; s++) {
        const struct cursor *c = cursor_of(l, s);
        const struct position last = {(int64_t)chain[0].id, (int64_t)chain[0].entries - 1};
        passed = !c || chain[0].entries == 0 || position_compare(last, cursor_mark_delete(c)) <= 0;
    }
    if (passed && (count > 1 || chain[0].entries > 0))
        assert_false(policy_lets_go(&l->policies, &chain[0], bytes_of_chain(chain, count), wall(l) - 2 * CHECK_MS));
    for (unsigned s = 0; s < DURABLES && l->policies.value[POLICY_TTL_S] > 0; s++) {
        const struct cursor *c = l->subscribed[s] ? cursor_of(l, s) : NULL;
        struct model_entry *first = c ? model_find(l, cursor_next(c, POSITION_EARLIEST)) : NULL;
        assert_true(!first ||
                    first->publish_ms >= wall(l) - 3 * CHECK_MS - (int64_t)l->policies.value[POLICY_TTL_S] * 1000);
    }
}

/* ---- steps ---- */

static void fresh_peers(struct life *l)
{
    peer_init(&l->producer, &l->world);
    l->published_seen = l->publish_count = 0;
    for (unsigned i = 0; i < 3; i++)
        peer_init(&l->consumers[i], &l->world);
}

static void join(struct life *l, unsigned i)
{
    const struct subscribe subscribe = {
        .topic = TOPIC, .subscription = names[i], .type = types[i], .volatile_ = i >= DURABLES};

    if (l->consumers[i].consumers[1] || peer_subscribe(&l->consumers[i], 1, &subscribe).err != OK)
        return;
    if (i < DURABLES)
        l->subscribed[i] = true;
}

static void publish_one(struct life *l)
{
    static char payload[200 * 1024];
    const size_t len = below(l, 4) ? 40 : below(l, sizeof payload);
    struct slice bytes;

    assert_int_equal(slice_copy(&bytes, bytes_of(payload, len), NULL), OK);
    const struct publish m = {
        .sequence_id = l->publish_count,
        .messages = 1 + (uint32_t)below(l, 5),
        .publish_ms = wall(l) - (int64_t)below(l, 120000),
        .bytes = bytes,
    };
    l->publish_ms[l->publish_count++] = m.publish_ms;
    producer_publish(l->producer.producers[1], &m);
    slice_unref(&bytes);
}

static void step_publish(struct life *l)
{
    if (!l->producer.producers[1])
        (void)peer_produce(&l->producer, 1, TOPIC, NULL);
    for (uint64_t n = below(l, 8); n > 0 && l->producer.producers[1] && l->publish_count < PEER_RECORDS - 10; n--)
        publish_one(l);
}

static void step_consumer(struct life *l)
{
    const unsigned i = (unsigned)below(l, 3);
    struct peer *p = &l->consumers[i];

    join(l, i);
    if (!p->consumers[1])
        return;
    switch (below(l, 8)) {
    case 0:
        consumer_detach(p->consumers[1]);
        p->consumers[1] = NULL;
        break;
    case 1:
        if (l->policies.value[POLICY_TTL_S] == 0 && i < DURABLES) {
            for (size_t e = 0; e < l->entry_count; e++)
                l->entries[e].acked[i] = false;
            (void)peer_seek(p, 1, POSITION_EARLIEST);
        }
        break;
    case 2:
    case 3:
        consumer_flow(p->consumers[1], 1 + (uint32_t)below(l, 30));
        break;
    default:
        if (p->received_count == 0)
            return;
        struct position at = p->received[below(l, p->received_count)].position;
        const bool cumulative = types[i] == TYPE_EXCLUSIVE && below(l, 2);
        note_receipts(l);
        note_acked(l, i, at, cumulative);
        if (cumulative)
            assert_int_equal(consumer_ack_cumulative(p->consumers[1], at, false), OK);
        else
            assert_int_equal(consumer_ack(p->consumers[1], at, false), OK);
    }
}

static void step_policy(struct life *l)
{
    static const int32_t minutes[] = {0, -1, 1, 5, 60};
    static const int64_t mb[] = {0, -1, -1, 1, 2};
    static const uint32_t ttl[] = {0, 0, 30, 300};
    struct policies p = {0};
    policies_put(&p, POLICY_RETENTION_MINUTES, minutes[below(l, 5)]);
    policies_put(&p, POLICY_RETENTION_MB, mb[below(l, 5)]);
    policies_put(&p, POLICY_TTL_S, ttl[below(l, 4)]);
    const struct topic_name name = topic_name();
    struct refusal why;

    settle_expiries(l);
    /* The topic's goes over the namespace's: where it has one, only that is changed. */
    if (below(l, 2)) {
        if (topic_set_policies(l->world.broker, &name, &p, &why) != OK)
            return;
    } else if (namespace_set_policies(l->world.broker, bytes_of_text("public/default"), &p, &why) != OK) {
        return;
    }
    p = policies_resolve(l->world.broker, id(l));
    l->policy_changed = true;
    if (p.value[POLICY_TTL_S] > 0 && (l->ttl_least == 0 || p.value[POLICY_TTL_S] < l->ttl_least))
        l->ttl_least = p.value[POLICY_TTL_S];
    l->policies = p;
}

/* What was acknowledged may not have become durable, so may policies; what is there counts from now on. */
static void after_crash(struct life *l)
{
    size_t count;
    const struct ledger_info *chain = store_chain(l->world.store, id(l), &count);

    for (size_t i = 0; i < count; i++)
        l->chain[i] = chain[i];
    l->chain_count = count;
    l->policies = l->policies_before = policies_resolve(l->world.broker, id(l));
    l->ttl_least = l->policies.value[POLICY_TTL_S];
    for (unsigned s = 0; s < DURABLES; s++)
        l->subscribed[s] = cursor_of(l, s) != NULL;
    fresh_peers(l);
}

/* What has a receipt and went in the last moments, every subscription had acknowledged. */
static void check_after_end(struct life *l)
{
    size_t count;
    const struct ledger_info *chain = store_chain(l->world.store, id(l), &count);

    for (size_t i = 0; i < l->entry_count; i++) {
        const struct position p = l->entries[i].position;
        if (!chain_has(l->chain, l->chain_count, p) || chain_has(chain, count, p))
            continue;
        for (unsigned s = 0; s < DURABLES; s++)
            assert_true(!cursor_of(l, s) || cursor_acked(cursor_of(l, s), p));
    }
}

static void step_end(struct life *l)
{
    check(l);
    (void)world_end_and_open(&l->world, (enum world_end)below(l, WORLD_ENDS));
    check_after_end(l);
    after_crash(l);
}

static void step_rare(struct life *l)
{
    switch (below(l, 6)) {
    case 0:
        step_end(l);
        break;
    case 1:
        settle_expiries(l);
        sim_wall_jump(l->world.sim, (int64_t)below(l, 7200000) - 3600000);
        note_time(l);
        break;
    case 2:
        (void)world_unload(&l->world, TOPIC);
        break;
    case 3:
        pass(l, below(l, 20 * 60000));
        break;
    case 4: {
        const unsigned s = (unsigned)below(l, DURABLES);
        if (l->consumers[s].consumers[1] && peer_unsubscribe(&l->consumers[s], 1, false).err == OK) {
            l->subscribed[s] = l->was_subscribed[s] = false;
            for (size_t i = 0; i < l->entry_count; i++)
                l->entries[i].acked[s] = false;
        }
        break;
    }
    default:
        check(l);
        check_settled(l);
    }
}

static void random_step(struct life *l)
{
    const uint64_t dice = below(l, 100);

    if (dice < 35)
        step_publish(l);
    else if (dice < 85)
        step_consumer(l);
    else if (dice < 88)
        step_policy(l);
    else if (dice < 93)
        step_rare(l);
    else if (dice < 96)
        check_messages(l);
    else
        pass(l, below(l, 30000));
    for (uint64_t n = below(l, 40); n > 0; n--)
        (void)sim_step(l->world.sim);
    check(l);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);
    struct broker_options *o = &l->world.options;

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    o->ledger_entries_max = 1 + below(l, 20);
    o->ledger_age_min_ms = below(l, 2) ? 0 : below(l, 60000);
    o->ledger_age_max_ms = 1000 + below(l, 600000);
    o->ledger_idle_ms = below(l, 2) ? 0 : 1000 + below(l, 60000);
    o->ledger_bytes_max = 1000 + below(l, 1000000);
    o->retention_check_ms = o->expiry_check_ms = CHECK_MS;
    o->delete_inactive_topics = false;
    o->reader_hold_ms = below(l, 3) == 0 ? 0 : CHECK_MS;
    world_open(&l->world);
    fresh_peers(l);
    join(l, 0);
    l->policies = l->policies_before = policies_resolve(l->world.broker, id(l));
    l->wall_max_ms = wall(l);
    for (unsigned i = 0; i < STEPS; i++)
        random_step(l);
    check_settled(l);
    world_end(&l->world);
    test_free(l);
}

static void what_must_stay_stays_and_what_must_go_goes(void **state)
{
    sim_seeds_run("RETENTION", 30, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_stay_stays_and_what_must_go_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
