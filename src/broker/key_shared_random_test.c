/* SPDX-License-Identifier: Apache-2.0
 *
 * key_shared_random_test.c - random lives of a Key_Shared subscription, against a model: which entries there are, of
 * which key, who holds each, and which are acknowledged.
 *
 * What must hold, whoever joins, leaves, chokes, acknowledges, hands back and dies:
 *
 *     1. nothing comes that is acknowledged, or that its consumer holds already
 *     2. nothing comes without a permit
 *     3. while a consumer holds an entry of a key, no other gets one of that key
 *     4. an entry comes only when all before it of its key are acknowledged, or with the same consumer
 *     5. a key goes to the consumer that owns it
 *     6. when all have permits and acknowledge, everything comes
 *
 * Out of order, 3 and 4 do not hold.  KEYS_SEEDS=n runs n lives (default 60), KEYS_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/broker_world.h"
#include "broker/core.h"
#include "broker/key_hash.h"
#include "sys/sim/sim_seeds.h"

#include <stdio.h>

#define TOPIC   "persistent://public/default/t"
#define PEERS   6
#define KEYS    24
#define STEPS   500
#define ENTRIES 3000
#define NOBODY  PEERS

enum way { RING, HALVES, STICKY, OUT_OF_ORDER, WAYS };

struct known {
    struct position position;
    unsigned key, holder;
    bool acked;
};

struct life {
    struct world world;
    struct random *random;
    enum way way;
    struct peer producer, peers[PEERS];
    int64_t permits[PEERS];
    size_t published_seen;
    unsigned keys_sent[ENTRIES]; /* by sequence, of this producer */
    size_t sent;
    struct known known[ENTRIES]; /* in order of position */
    size_t known_count;
    unsigned names; /* given so far */
    bool moving;    /* keys get other owners in the steps that are not looked at yet */
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static void key_name(unsigned key, char to[12])
{
    (void)snprintf(to, 12, "k%u", key);
}

static struct subscription *subscription_of(struct life *l)
{
    struct topic *t = world_topic(&l->world, TOPIC);
    return t ? subscription_find(t, bytes_of_text("s")) : NULL;
}

static struct known *find(struct life *l, struct position p)
{
    size_t low = 0, high = l->known_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (position_before(l->known[middle].position, p))
            low = middle + 1;
        else
            high = middle;
    }
    assert_true(low < l->known_count);
    assert_true(position_equal(l->known[low].position, p));
    return &l->known[low];
}

/* ---- what comes ---- */

static void note_receipts(struct life *l)
{
    for (; l->published_seen < l->producer.published_count; l->published_seen++) {
        const struct published *p = &l->producer.published[l->published_seen];
        if (p->err != OK)
            continue;
        assert_true(l->known_count < ENTRIES);
        l->known[l->known_count++] =
            (struct known){.position = p->position, .key = l->keys_sent[p->sequence_id], .holder = NOBODY};
    }
}

static void expect_order(struct life *l, const struct known *k, unsigned peer)
{
    for (const struct known *other = l->known; other < l->known + l->known_count; other++) {
        if (other->key != k->key || other == k || other->acked)
            continue;
        assert_true(other->holder == NOBODY || other->holder == peer); /* rule 3 */
        assert_true(other > k || other->holder == peer);               /* rule 4 */
    }
}

static void expect_owner(struct life *l, const struct known *k, const struct consumer *c)
{
    const struct key_ranges *ranges = &c->subscription->dispatch.keys->ranges;
    char key[12];

    key_name(k->key, key);
    assert_ptr_equal(key_ranges_owner(ranges, key_ranges_fold(ranges, key_hash_of(bytes_of_text(key)))),
                     &c->keys->member);
}

static void note_received(struct life *l, unsigned peer)
{
    struct peer *p = &l->peers[peer];

    for (size_t i = 0; i < p->received_count; i++) {
        struct known *k = find(l, p->received[i].position);
        char key[12];
        key_name(k->key, key);
        assert_string_equal(p->received[i].key, key);
        assert_false(k->acked); /* rule 1 */
        assert_int_equal(k->holder, NOBODY);
        assert_true(l->permits[peer]-- > 0); /* rule 2 */
        if (l->way != OUT_OF_ORDER)
            expect_order(l, k, peer);
        if (p->consumers[1] && !l->moving)
            expect_owner(l, k, p->consumers[1]); /* rule 5 */
        k->holder = peer;
    }
    p->received_count = 0;
}

static void note_gone(struct life *l, unsigned peer)
{
    for (size_t i = 0; i < l->known_count; i++) {
        if (l->known[i].holder == peer)
            l->known[i].holder = NOBODY;
    }
    l->permits[peer] = 0;
}

static void note(struct life *l)
{
    note_receipts(l);
    for (unsigned i = 0; i < PEERS; i++) {
        note_received(l, i);
        if (!l->peers[i].consumers[1])
            note_gone(l, i);
    }
}

/* ---- what they do ---- */

static void join(struct life *l, unsigned i)
{
    const struct key_range range = {(int32_t)i * KEY_HASHES / PEERS, (int32_t)(i + 1) * KEY_HASHES / PEERS - 1};
    char name[16];
    struct subscribe s = {.topic = TOPIC, .subscription = "s", .name = name, .type = TYPE_KEY_SHARED};

    if (below(l, 3))
        (void)snprintf(name, sizeof name, "c%u", i % 4); /* some of one name */
    else
        (void)snprintf(name, sizeof name, "n%u", l->names++);
    if (l->way == STICKY)
        s.keys = (struct key_policy){.mode = KEY_STICKY, .ranges = &range, .range_count = 1};
    s.keys.out_of_order = l->way == OUT_OF_ORDER;
    note(l);
    l->moving = true;
    (void)peer_subscribe(&l->peers[i], 1, &s);
    note(l);
    l->moving = false;
}

static void publish(struct life *l)
{
    char key[12];

    note_receipts(l);
    l->producer.published_count = l->published_seen = 0;
    if (!l->producer.producers[1])
        (void)peer_produce(&l->producer, 1, TOPIC, "p");
    for (uint64_t n = below(l, 20); n > 0 && l->producer.producers[1] && l->sent < ENTRIES - 1; n--) {
        const unsigned k = (unsigned)(below(l, 2) ? below(l, 3) : below(l, KEYS));
        l->keys_sent[l->sent] = k;
        key_name(k, key);
        peer_publish_key(&l->producer, 1, key, l->sent++);
    }
}

/* One that the peer holds, or NULL. */
static struct known *held(struct life *l, unsigned peer)
{
    size_t from = l->known_count ? below(l, l->known_count) : 0;

    for (size_t i = 0; i < l->known_count; i++) {
        struct known *k = &l->known[(from + i) % l->known_count];
        if (k->holder == peer)
            return k;
    }
    return NULL;
}

static void ack(struct life *l, struct known *k, unsigned by)
{
    if (k && consumer_ack(l->peers[by].consumers[1], k->position, false) == OK) {
        k->acked = true;
        k->holder = NOBODY;
    }
}

static void ack_many(struct life *l, unsigned peer)
{
    for (uint64_t n = below(l, 30); n > 0; n--)
        ack(l, held(l, peer), peer);
}

static void hand_back(struct life *l, unsigned peer)
{
    struct known *k = held(l, peer);

    if (!k)
        return;
    if (below(l, 4) == 0) {
        consumer_redeliver_all(l->peers[peer].consumers[1], -1);
        int64_t permits = l->permits[peer];
        note_gone(l, peer);
        l->permits[peer] = permits;
        return;
    }
    consumer_redeliver(l->peers[peer].consumers[1], &k->position, 1);
    k->holder = NOBODY;
}

static void flow(struct life *l, unsigned peer, uint32_t permits)
{
    consumer_flow(l->peers[peer].consumers[1], permits);
    l->permits[peer] += permits;
}

static void choke(struct life *l, unsigned peer)
{
    l->peers[peer].blocked = !l->peers[peer].blocked;
    consumer_writable(l->peers[peer].consumers[1]);
}

static void leave(struct life *l, unsigned peer)
{
    consumer_detach(l->peers[peer].consumers[1]);
    l->peers[peer].consumers[1] = NULL;
    l->peers[peer].blocked = false;
    note_gone(l, peer);
}

static void step_peer(struct life *l)
{
    unsigned i = (unsigned)below(l, PEERS);

    if (!l->peers[i].consumers[1]) {
        join(l, i);
        return;
    }
    switch (below(l, 12)) {
    case 0:
    case 1:
    case 2:
        flow(l, i, 1 + (uint32_t)below(l, below(l, 2) ? 3 : 40));
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        ack_many(l, i);
        break;
    case 7:
        ack(l, l->known_count ? &l->known[below(l, l->known_count)] : NULL, i); /* by whoever knows it */
        break;
    case 8:
    case 9:
        hand_back(l, i);
        break;
    case 10:
        choke(l, i);
        break;
    default:
        leave(l, i);
    }
}

/* The process dies: of what was acknowledged the broker knows what it had told to be durable, and perhaps more. */
static void kill_and_open(struct life *l)
{
    world_kill_and_open(&l->world);
    peer_init(&l->producer, &l->world);
    l->published_seen = 0;
    for (unsigned i = 0; i < PEERS; i++) {
        peer_init(&l->peers[i], &l->world);
        note_gone(l, i);
    }
    join(l, 0); /* which loads the topic */
    const struct subscription *s = subscription_of(l);
    assert_non_null(s);
    for (size_t i = 0; i < l->known_count; i++)
        l->known[i].acked = cursor_acked(s->cursor, l->known[i].position) ||
                            position_compare(l->known[i].position, cursor_mark_delete(s->cursor)) <= 0;
}

static void step_rare(struct life *l)
{
    world_settle(&l->world); /* so that every publish has its receipt */
    note(l);
    switch (below(l, 4)) {
    case 0:
        (void)world_unload(&l->world, TOPIC);
        note(l);
        break;
    case 1:
        kill_and_open(l);
        break;
    case 2:
        policies_put(&l->world.broker->options.policies, POLICY_UNACKED_PER_CONSUMER_MAX, (int64_t)below(l, 40));
        policies_put(&l->world.broker->options.policies, POLICY_UNACKED_PER_SUBSCRIPTION_MAX,
                     below(l, 2) ? 0 : 20 + (int64_t)below(l, 100));
        topics_policies_changed(l->world.broker, bytes_of_text("public/default"));
        break;
    default:
        world_pass(&l->world, below(l, 3000));
        note(l);
    }
}

static void random_step(struct life *l)
{
    uint64_t dice = below(l, 100);

    if (dice < 20)
        publish(l);
    else if (dice < 98)
        step_peer(l);
    else
        step_rare(l);
    note(l);
    for (uint64_t n = below(l, 12); n > 0; n--) {
        (void)sim_step(l->world.sim);
        note(l);
    }
    world_check(&l->world);
}

/* ---- the end ---- */

static size_t unacked(const struct life *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->known_count; i++)
        n += !l->known[i].acked;
    return n;
}

static void all_take(struct life *l)
{
    for (unsigned i = 0; i < PEERS; i++) {
        for (unsigned tries = 0; !l->peers[i].consumers[1] && tries < 3; tries++) {
            world_pass(&l->world, 1000);
            join(l, i);
        }
        assert_non_null(l->peers[i].consumers[1]);
        if (l->peers[i].blocked)
            choke(l, i);
        flow(l, i, 100000);
    }
}

/* What it held comes to others, and nobody asked for it. */
static void leave_and_expect_all_taken(struct life *l, unsigned peer)
{
    bool was_held[ENTRIES];

    for (size_t i = 0; i < l->known_count; i++)
        was_held[i] = l->known[i].holder == peer;
    leave(l, peer);
    l->moving = true;
    world_pass(&l->world, 2000); /* the disk takes its time, entry by entry */
    note(l);
    l->moving = false;
    for (size_t i = 0; i < l->known_count; i++)
        assert_true(!was_held[i] || l->known[i].holder != NOBODY);
}

static void no_limits(struct life *l)
{
    policies_put(&l->world.broker->options.policies, POLICY_UNACKED_PER_CONSUMER_MAX, 0);
    policies_put(&l->world.broker->options.policies, POLICY_UNACKED_PER_SUBSCRIPTION_MAX, 0);
    topics_policies_changed(l->world.broker, bytes_of_text("public/default"));
}

/* Permits are given once: from here on acknowledgements, and a consumer that leaves, are all that moves entries. */
static void drain(struct life *l) /* rule 6 */
{
    world_settle(&l->world);
    note(l);
    no_limits(l);
    all_take(l);
    world_settle(&l->world);
    note(l);
    if (l->way != STICKY)
        leave_and_expect_all_taken(l, (unsigned)below(l, PEERS));
    while (unacked(l) > 0) {
        const size_t before = unacked(l);
        for (size_t i = 0; i < l->known_count; i++) {
            if (l->known[i].holder != NOBODY)
                ack(l, &l->known[i], l->known[i].holder);
        }
        assert_true(unacked(l) < before);
        world_settle(&l->world);
        note(l);
    }
    assert_int_equal(cursor_backlog_entries(subscription_of(l)->cursor), 0);
    world_check(&l->world);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->way = (enum way)(seed % WAYS);
    l->world.options.ledger_entries_max = 1 + below(l, 60);
    l->world.options.keys_on_ring = l->way != HALVES;
    l->world.options.key_ring_points = 1 + (uint32_t)below(l, 20);
    l->world.options.keys_ahead_per_consumer = (uint32_t)below(l, 30);
    l->world.options.keys_ahead_per_subscription = (uint32_t)below(l, 60);
    l->world.options.delete_inactive_topics = false;
    l->world.tail_cache_bytes = below(l, 2) ? 1 : 0;
    world_open(&l->world);
    peer_init(&l->producer, &l->world);
    for (unsigned i = 0; i < PEERS; i++)
        peer_init(&l->peers[i], &l->world);
    join(l, 0);
    for (unsigned i = 0; i < STEPS; i++)
        random_step(l);
    drain(l);
    world_end(&l->world);
    test_free(l);
}

static void keys_keep_their_order_whoever_comes_and_goes(void **state)
{
    sim_seeds_run("KEYS", 60, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_keep_their_order_whoever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
