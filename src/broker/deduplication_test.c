/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplication_test.c - messages that come twice: deduplication.h in use, and random lives against a model.
 *
 * DEDUPLICATION_SEEDS=n runs n random lives (default 40), DEDUPLICATION_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/sent.h"
#include "store/chain.h"
#include "store/cursor.h"
#include "sys/sim/sim_seeds.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <stdio.h>

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(13);

    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION, 1);
    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION_ENTRIES, 10);
    fixture_open(f);
    *state = f;
    return 0;
}

/* ---- messages as producers send them ---- */

static void push_one(struct peer *p, uint64_t id, const char *name, uint64_t sequence)
{
    const struct sent m = {.name = name, .first = sequence, .last = sequence};
    peer_send(p, id, &m);
}

static int64_t come(struct peer *p, uint64_t id, const char *name)
{
    struct refusal why = peer_produce(p, id, TOPIC, name);

    assert_int_equal(why.err, OK);
    return producer_last_sequence_id(p->producers[id]);
}

static void go(struct peer *p, uint64_t id)
{
    producer_detach(p->producers[id]);
    p->producers[id] = NULL;
}

/* ---- what is a duplicate ---- */

static void a_message_that_comes_again_is_confirmed_and_not_stored(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(come(&f->a, 1, "p"), -1);
    push_one(&f->a, 1, "p", 0);
    expect_stored(&f->a);
    push_one(&f->a, 1, "p", 0);
    expect_duplicate(&f->a);
    push_one(&f->a, 1, "p", 5);
    expect_stored(&f->a);
    push_one(&f->a, 1, "p", 3);
    expect_duplicate(&f->a);
    assert_int_equal(world_entries(&f->world, TOPIC), 2);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.duplicates, 2);
}

static void a_duplicate_of_what_is_under_way_is_answered_when_that_is_stored(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 0);
    push_one(&f->a, 1, "p", 0);
    push_one(&f->a, 1, "p", 1);
    assert_int_equal(f->a.published_count, 0);
    world_settle(&f->world);
    assert_int_equal(f->a.published_count, 3);
    assert_true(f->a.published[0].position.entry >= 0);
    assert_true(position_equal(f->a.published[1].position, POSITION_EARLIEST));
    assert_true(f->a.published[2].position.entry >= 0);
}

static void switch_to(struct fixture *f, int64_t on)
{
    policies_put(&f->world.broker->options.policies, POLICY_DEDUPLICATION, on);
    topics_policies_changed(f->world.broker, bytes_of_text("public/default"));
    world_settle(&f->world);
}

static void a_row_that_stayed_behind_is_read_when_nobody_is_connected(void **state)
{
    struct fixture *f = *state;
    const struct bytes name = bytes_of_text("pulsar.dedup");
    struct cursor *cursor;
    uint8_t value[200];

    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, "p").err, OK);
    const uint64_t topic = world_topic(&f->world, TOPIC)->id;
    const struct catalog_row *row = catalog_find(f->world.store, CATALOG_SUBSCRIPTION, topic, name);
    assert_in_range(row->value.len, 1, sizeof value);
    memcpy(value, row->value.data, row->value.len);
    struct catalog_row behind = {.parent = topic, .name = name, .value = bytes_of(value, row->value.len)};
    switch_to(f, 0); /* the row goes; as if it could not, here it is again */
    behind.id = store_id_new(f->world.store);
    assert_int_equal(catalog_put(f->world.store, CATALOG_SUBSCRIPTION, &behind), OK);
    assert_int_equal(cursor_create(f->world.store, behind.id, topic, POSITION_EARLIEST, 0, &cursor), OK);
    switch_to(f, 1);

    assert_int_equal(peer_produce(&f->a, 2, TOPIC, "q").err, ERR_AGAIN);
    assert_null(f->producer.producers[1]);
    assert_int_equal(peer_produce(&f->a, 2, TOPIC, "q").err, OK);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, "p").err, OK);
}

static void each_producer_has_numbers_of_its_own(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    (void)come(&f->a, 2, "q");
    push_one(&f->a, 1, "p", 7);
    push_one(&f->a, 2, "q", 3);
    expect_stored(&f->a);
    push_one(&f->a, 2, "q", 2);
    expect_duplicate(&f->a);
}

static void nobody_sends_in_the_name_of_another(void **state)
{
    struct fixture *f = *state;
    const struct sent copied = {.name = "p", .first = 100, .last = 100, .flags = ENTRY_REPLICATED};

    (void)come(&f->a, 1, "p");
    (void)come(&f->b, 1, "q");
    push_one(&f->b, 1, "p", 1000000);
    assert_int_equal(peer_answer(&f->b)->err, ERR_INVALID);
    peer_send(&f->b, 1, &copied); /* it came from elsewhere: its numbers are not looked at */
    expect_stored(&f->b);
    push_one(&f->a, 1, "p", 1);
    expect_stored(&f->a);
}

static void a_batch_counts_with_its_first_and_its_last_message(void **state)
{
    struct fixture *f = *state;
    const struct sent batch = {.name = "p", .first = 0, .last = 9};

    (void)come(&f->a, 1, "p");
    peer_send(&f->a, 1, &batch);
    expect_stored(&f->a);
    peer_send(&f->a, 1, &batch);
    expect_duplicate(&f->a);
    push_one(&f->a, 1, "p", 9);
    expect_duplicate(&f->a);
    push_one(&f->a, 1, "p", 10);
    expect_stored(&f->a);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.duplicates, 11);
}

static void of_chunks_the_last_one_counts(void **state)
{
    struct fixture *f = *state;
    struct sent chunk = {.name = "p", .first = 4, .last = 4, .chunks = 3};

    (void)come(&f->a, 1, "p");
    for (int twice = 0; twice < 2; twice++) { /* the second time as after a reconnect in the middle */
        for (chunk.chunk = 0; chunk.chunk < 2; chunk.chunk++) {
            peer_send(&f->a, 1, &chunk);
            expect_stored(&f->a);
        }
    }
    peer_send(&f->a, 1, &chunk);
    expect_stored(&f->a);
    for (chunk.chunk = 0; chunk.chunk < 3; chunk.chunk++) {
        peer_send(&f->a, 1, &chunk);
        expect_duplicate(&f->a);
    }
}

static void markers_and_copies_are_none_of_its_business(void **state)
{
    struct fixture *f = *state;
    const struct sent marker = {.name = "p", .first = 8, .last = 8, .marker = true};
    const struct sent copy = {.name = "p", .first = 9, .last = 9, .flags = ENTRY_REPLICATED};

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 3);
    peer_send(&f->a, 1, &marker);
    peer_send(&f->a, 1, &copy);
    push_one(&f->a, 1, "p", 4);
    expect_stored(&f->a);
    assert_int_equal(world_entries(&f->world, TOPIC), 4);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(come(&f->a, 1, "p"), 4);
}

static void without_the_policy_everything_is_stored(void **state)
{
    struct fixture *f = *state;
    struct policies set = {0};
    struct topic_name name;
    struct refusal why;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 0);
    push_one(&f->a, 1, "p", 1); /* under way while it is switched off */
    assert_int_equal(topic_name_parse(&name, bytes_of_text(TOPIC)), OK);
    policies_put(&set, POLICY_DEDUPLICATION, 0);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &set, &why), OK);
    push_one(&f->a, 1, "p", 0);
    expect_stored(&f->a);
    policies_put(&set, POLICY_DEDUPLICATION, 1);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &set, &why), OK);
    push_one(&f->a, 1, "p", 0);
    expect_stored(&f->a); /* what came before is not known */
    push_one(&f->a, 1, "p", 0);
    expect_duplicate(&f->a);
}

/* ---- failures and restarts ---- */

static void after_a_failed_write_the_message_is_stored_when_it_comes_again(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 0);
    expect_stored(&f->a);
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_IO);
    push_one(&f->a, 1, "p", 1);
    push_one(&f->a, 1, "p", 1); /* a duplicate of what fails has failed as well */
    world_settle(&f->world);
    assert_int_equal(f->a.producers_closed, 1);
    assert_int_equal(f->a.published[1].err, ERR_CLOSED);
    assert_int_equal(f->a.published[2].err, ERR_CLOSED);

    assert_int_equal(come(&f->a, 1, "p"), 0);
    push_one(&f->a, 1, "p", 1);
    expect_stored(&f->a);
}

static void what_is_stored_is_known_after_a_kill_and_what_is_not_is_not(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    for (uint64_t i = 0; i < 25; i++) /* two snapshots, and some more */
        push_one(&f->a, 1, "p", i);
    expect_stored(&f->a);
    world_cut_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(come(&f->a, 1, "p"), 24);
    push_one(&f->a, 1, "p", 24);
    expect_duplicate(&f->a);
    push_one(&f->a, 1, "p", 25);
    expect_stored(&f->a);
}

static void after_an_orderly_end_nothing_has_to_be_read(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 7);
    expect_stored(&f->a);
    assert_true(world_restart(&f->world));
    peer_init(&f->a, &f->world);
    assert_int_equal(come(&f->a, 1, "p"), 7);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.fresh, 0);
}

static void it_is_known_though_the_messages_are_read_and_gone(void **state)
{
    struct fixture *f = *state;
    const struct subscribe s = {.topic = TOPIC, .subscription = "s"};

    f->world.options.retention_check_ms = 1000;
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 7);
    expect_stored(&f->a);
    assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
    assert_int_equal(peer_subscribe(&f->a, 1, &s).err, OK);
    consumer_flow(f->a.consumers[1], 10);
    world_settle(&f->world);
    assert_int_equal(consumer_ack_cumulative(f->a.consumers[1], f->a.received[0].position, false), OK);
    world_pass(&f->world, 10000);
    assert_int_equal(world_entries(&f->world, TOPIC), 0);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(come(&f->a, 1, "p"), 7);
}

static void a_quiet_topic_gets_its_snapshot_after_a_while(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 7);
    expect_stored(&f->a);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.fresh, 1);
    world_pass(&f->world, 200000);
    assert_int_equal(world_topic(&f->world, TOPIC)->deduplication.fresh, 0);
    const struct cursor *c = world_topic(&f->world, TOPIC)->deduplication.cursor;
    assert_true(position_equal(cursor_mark_delete(c), peer_answer(&f->a)->position));
}

static void it_does_not_expire_as_subscriptions_and_messages_do(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.options.policies, POLICY_SUBSCRIPTION_EXPIRY_MINUTES, 1);
    policies_put(&f->world.options.policies, POLICY_TTL_S, 1);
    f->world.options.retention_check_ms = 1000;
    f->world.options.expiry_check_ms = 1000;
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 7);
    expect_stored(&f->a);
    world_pass(&f->world, 110000);
    assert_int_equal(world_entries(&f->world, TOPIC), 1); /* the snapshot is of before it */
    world_pass(&f->world, 200000);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    assert_int_equal(come(&f->a, 1, "p"), 7);
}

static void its_row_is_nobodys_subscription(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 0);
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    (void)come(&f->a, 1, "p");
    assert_int_equal(map_count(&world_topic(&f->world, TOPIC)->subscriptions), 0);
}

static void a_producer_hears_what_is_stored_not_what_is_under_way(void **state)
{
    struct fixture *f = *state;

    (void)come(&f->a, 1, "p");
    push_one(&f->a, 1, "p", 6);
    go(&f->a, 1);
    assert_int_equal(come(&f->b, 1, "p"), 6); /* it waited for it */
}

/* ---- bounds ---- */

static void the_one_that_was_silent_for_the_longest_is_forgotten_first(void **state)
{
    struct fixture *f = *state;
    char name[10];

    f->world.options.deduplication_producers_max = 4;
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    (void)come(&f->a, 1, "stays");
    push_one(&f->a, 1, "stays", 0);
    expect_stored(&f->a);
    for (unsigned i = 0; i < 6; i++) {
        (void)snprintf(name, sizeof name, "p%u", i);
        (void)come(&f->a, 2, name);
        push_one(&f->a, 2, name, 100 + i);
        expect_stored(&f->a);
        go(&f->a, 2);
    }
    const struct topic *t = world_topic(&f->world, TOPIC);
    assert_int_equal(map_count(&t->deduplication.sequences), 4);
    assert_int_equal(deduplication_last(t, bytes_of_text("stays")), 0); /* it is connected */
    assert_int_equal(deduplication_last(t, bytes_of_text("p5")), 105);
    assert_int_equal(deduplication_last(t, bytes_of_text("p2")), -1);
}

static void more_connected_producers_than_can_be_known_are_refused(void **state)
{
    struct fixture *f = *state;

    f->world.options.deduplication_producers_max = 2;
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    (void)come(&f->a, 1, "p");
    (void)come(&f->a, 2, "q");
    assert_int_equal(peer_produce(&f->a, 3, TOPIC, "r").err, ERR_BUSY);
    go(&f->a, 1);
    (void)come(&f->a, 3, "r");
}

static void one_that_was_away_for_too_long_is_forgotten(void **state)
{
    struct fixture *f = *state;

    f->world.options.deduplication_inactive_ms = 3600 * 1000;
    world_kill_and_open(&f->world);
    peer_init(&f->a, &f->world);
    (void)come(&f->a, 1, "p");
    (void)come(&f->a, 2, "q");
    push_one(&f->a, 1, "p", 1);
    push_one(&f->a, 2, "q", 1);
    expect_stored(&f->a);
    go(&f->a, 1);
    world_pass(&f->world, 3700 * 1000);
    push_one(&f->a, 2, "q", 2);
    world_pass(&f->world, 200 * 1000);
    const struct topic *t = world_topic(&f->world, TOPIC);
    assert_int_equal(deduplication_last(t, bytes_of_text("p")), -1);
    assert_int_equal(deduplication_last(t, bytes_of_text("q")), 2);
}

/* ---- random lives ---- */

#define PRODUCERS 3
#define NUMBERS   2000

/* A client that sends each number until it gets a receipt, in order, as the official ones do. */
struct sender {
    struct peer peer;
    char name[8];
    uint64_t next;    /* the first that was never sent */
    uint64_t decided; /* all below have a receipt */
    uint64_t sent;    /* on this connection: the next to be sent */
    size_t seen;      /* of peer.published */
};

struct life {
    struct world world;
    struct random *random;
    struct sender senders[PRODUCERS];
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static void take_receipts(struct sender *s)
{
    for (; s->seen < s->peer.published_count; s->seen++) {
        const struct published *p = &s->peer.published[s->seen];
        if (p->err != OK)
            continue;
        assert_true(p->sequence_id <= s->decided); /* in order */
        if (p->sequence_id == s->decided)
            s->decided = p->highest_sequence_id + 1;
    }
}

static void fresh_connection(struct life *l, struct sender *s)
{
    take_receipts(s);
    peer_init(&s->peer, &l->world);
    s->seen = 0;
}

static void reconnect(struct sender *s)
{
    if (peer_produce(&s->peer, 1, TOPIC, s->name).err != OK)
        return;
    const int64_t known = producer_last_sequence_id(s->peer.producers[1]);
    take_receipts(s);
    assert_true(known >= (int64_t)s->decided - 1); /* nothing durable is forgotten */
    assert_true(known < (int64_t)s->next);
    s->sent = s->decided;
}

/* Numbers that were sent before go in the same batches: one number in three begins one, by its value. */
static uint64_t batch_end(uint64_t first)
{
    return first % 3 == 0 ? first + 2 : first;
}

static void send_some(struct life *l, struct sender *s)
{
    if (!s->peer.producers[1]) {
        reconnect(s);
        return;
    }
    for (uint64_t n = below(l, 6); n > 0 && s->peer.producers[1] && s->sent < NUMBERS; n--) {
        if (s->peer.published_count > PEER_RECORDS - 50)
            return;
        const struct sent m = {.name = s->name, .first = s->sent, .last = batch_end(s->sent)};
        peer_send(&s->peer, 1, &m);
        if (below(l, 8) == 0 && s->peer.producers[1])
            peer_send(&s->peer, 1, &m); /* twice, for no reason */
        s->sent = m.last + 1;
        s->next = s->next > s->sent ? s->next : s->sent;
    }
}

static void end_process(struct life *l, enum world_end how)
{
    for (unsigned i = 0; i < PRODUCERS; i++)
        take_receipts(&l->senders[i]);
    (void)world_end_and_open(&l->world, how);
    for (unsigned i = 0; i < PRODUCERS; i++)
        fresh_connection(l, &l->senders[i]);
}

static void step(struct life *l)
{
    struct sender *s = &l->senders[below(l, PRODUCERS)];

    switch (below(l, 60)) {
    case 0:
        end_process(l, (enum world_end)below(l, WORLD_ENDS));
        break;
    case 1:
        if (world_topic(&l->world, TOPIC))
            (void)world_unload(&l->world, TOPIC);
        break;
    case 2:
        sim_disk_fail(l->world.disk, SIM_DISK_WRITE, 1 + below(l, 3), below(l, 2) ? ERR_IO : ERR_NOSPACE);
        break;
    case 3:
        world_pass(&l->world, below(l, 150000));
        break;
    case 4:
    case 5:
        if (s->peer.producers[1]) { /* its connection is cut, with all that is under way */
            producer_detach(s->peer.producers[1]);
            s->peer.producers[1] = NULL;
        }
        break;
    default:
        send_some(l, s);
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        take_receipts(&l->senders[i]);
}

/* What a topic holds: each producer's numbers, each once, in order, and none missing that has a receipt. */
static void check_topic(struct life *l)
{
    struct topic *t = world_topic(&l->world, TOPIC);
    uint64_t expected[PRODUCERS] = {0};
    struct position p = topic_after(t, POSITION_EARLIEST);

    while (position_compare(p, t->readable_end) <= 0) {
        struct entry e = world_read(&l->world, p);
        struct entry_view view;
        assert_int_equal(entry_view_decode(bytes_of(e.bytes.data, e.bytes.len), &view), OK);
        for (unsigned i = 0; i < PRODUCERS; i++) {
            if (!bytes_equal(view.metadata.producer_name, bytes_of_text(l->senders[i].name)))
                continue;
            assert_int_equal(view.metadata.sequence_id, expected[i]);
            expected[i] += view.metadata.messages;
        }
        entry_unref(&e);
        p = topic_after(t, p);
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        assert_true(expected[i] >= l->senders[i].decided);
}

/* Everybody comes once more, and sends what has no receipt. */
static void settle(struct life *l)
{
    sim_disk_fail(l->world.disk, SIM_DISK_WRITE, 0, OK);
    world_pass(&l->world, 5000);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        struct sender *s = &l->senders[i];
        for (unsigned tries = 0; !s->peer.producers[1] && tries < 5; tries++) {
            world_pass(&l->world, 6000);
            reconnect(s);
        }
        assert_non_null(s->peer.producers[1]);
        while (s->sent < s->next) {
            const struct sent m = {.name = s->name, .first = s->sent, .last = batch_end(s->sent)};
            peer_send(&s->peer, 1, &m);
            s->sent = m.last + 1;
        }
        world_settle(&l->world);
        take_receipts(s);
        assert_int_equal(s->decided, s->next);
    }
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->world.options.ledger_entries_max = 1 + below(l, 50);
    l->world.options.delete_inactive_topics = false;
    policies_put(&l->world.options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&l->world.options.policies, POLICY_RETENTION_MB, -1);
    policies_put(&l->world.options.policies, POLICY_DEDUPLICATION, 1);
    policies_put(&l->world.options.policies, POLICY_DEDUPLICATION_ENTRIES, 1 + (int64_t)below(l, 30));
    world_open(&l->world);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        (void)snprintf(l->senders[i].name, sizeof l->senders[i].name, "p%u", i);
        peer_init(&l->senders[i].peer, &l->world);
    }
    for (unsigned i = 0; i < 400; i++) {
        step(l);
        for (uint64_t n = below(l, 40); n > 0; n--)
            (void)sim_step(l->world.sim);
        world_check(&l->world);
        if (l->world.fatals > 0)
            end_process(l, WORLD_KILLED);
    }
    settle(l);
    check_topic(l);
    world_end(&l->world);
    test_free(l);
}

static void what_is_sent_until_it_is_confirmed_is_stored_once_and_in_order(void **state)
{
    sim_seeds_run("DEDUPLICATION", 40, live);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_that_comes_again_is_confirmed_and_not_stored),
        TEST(a_duplicate_of_what_is_under_way_is_answered_when_that_is_stored),
        TEST(a_row_that_stayed_behind_is_read_when_nobody_is_connected),
        TEST(each_producer_has_numbers_of_its_own),
        TEST(nobody_sends_in_the_name_of_another),
        TEST(a_batch_counts_with_its_first_and_its_last_message),
        TEST(of_chunks_the_last_one_counts),
        TEST(markers_and_copies_are_none_of_its_business),
        TEST(without_the_policy_everything_is_stored),
        TEST(after_a_failed_write_the_message_is_stored_when_it_comes_again),
        TEST(what_is_stored_is_known_after_a_kill_and_what_is_not_is_not),
        TEST(after_an_orderly_end_nothing_has_to_be_read),
        TEST(it_is_known_though_the_messages_are_read_and_gone),
        TEST(a_quiet_topic_gets_its_snapshot_after_a_while),
        TEST(it_does_not_expire_as_subscriptions_and_messages_do),
        TEST(its_row_is_nobodys_subscription),
        TEST(a_producer_hears_what_is_stored_not_what_is_under_way),
        TEST(the_one_that_was_silent_for_the_longest_is_forgotten_first),
        TEST(more_connected_producers_than_can_be_known_are_refused),
        TEST(one_that_was_away_for_too_long_is_forgotten),
        cmocka_unit_test(what_is_sent_until_it_is_confirmed_is_stored_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
