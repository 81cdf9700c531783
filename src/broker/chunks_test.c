/* SPDX-License-Identifier: Apache-2.0
 *
 * chunks_test.c - messages in chunks on shared subscriptions: chunks.h in use.
 *
 * CHUNKS_SEEDS=n runs n random lives (default 30), CHUNKS_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/blocked.h"
#include "broker/chunks.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/pending.h"
#include "sys/sim/sim_seeds.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <stdio.h>

#define TOPIC "persistent://public/default/t"

static const struct subscribe shared = {.topic = TOPIC, .subscription = "s", .type = TYPE_SHARED};

static int set_up(void **state)
{
    struct fixture *f = fixture_new(17);

    fixture_open(f);
    assert_int_equal(peer_produce(&f->producer, 1, TOPIC, "p").err, OK);
    assert_int_equal(peer_subscribe(&f->a, 1, &shared).err, OK);
    assert_int_equal(peer_subscribe(&f->b, 1, &shared).err, OK);
    *state = f;
    return 0;
}

/* One entry: chunk `id` of `chunks` of message `number`; one of one is a whole message. */
static void push(struct peer *p, unsigned number, int32_t id, int32_t chunks)
{
    Wire__MessageMetadata metadata = WIRE__MESSAGE_METADATA__INIT;
    uint8_t bytes[300];
    char uuid[30];
    struct publish m = {.messages = 1, .flags = chunks > 1 ? ENTRY_CHUNK : 0};

    (void)snprintf(uuid, sizeof uuid, "p-%u", number);
    metadata.producer_name = wire_text("p");
    metadata.sequence_id = number;
    if (chunks > 1) {
        metadata.uuid = uuid;
        metadata.has_chunk_id = metadata.has_num_chunks_from_msg = true;
        metadata.chunk_id = id;
        metadata.num_chunks_from_msg = chunks;
    }
    const size_t len = wire__message_metadata__pack(&metadata, bytes + ENTRY_HEAD_SIZE);
    entry_head_encode(bytes, bytes_of(bytes + ENTRY_HEAD_SIZE, len), bytes_of(NULL, 0));
    enum err err = slice_copy(&m.bytes, bytes_of(bytes, ENTRY_HEAD_SIZE + len), NULL);
    assert_int_equal(err, OK);
    (void)producer_publish(p->producers[1], &m);
    slice_unref(&m.bytes);
}

static void push_chunked(struct fixture *f, unsigned number, int32_t chunks)
{
    for (int32_t i = 0; i < chunks; i++)
        push(&f->producer, number, i, chunks);
    world_settle(&f->world);
}

static void flow(struct peer *p, uint32_t permits)
{
    consumer_flow(p->consumers[1], permits);
    world_settle(p->world);
}

static void the_chunks_of_a_message_go_to_one_consumer(void **state)
{
    struct fixture *f = *state;

    flow(&f->a, 100);
    flow(&f->b, 100);
    for (unsigned i = 0; i < 30; i++) { /* of two producers at once, as it were */
        push(&f->producer, 0, (int32_t)i, 30);
        push(&f->producer, 1, (int32_t)i, 30);
    }
    world_settle(&f->world);
    assert_int_equal(f->a.received_count + f->b.received_count, 60);
    assert_true(f->a.received_count % 30 == 0);
}

static void while_their_consumer_can_take_none_they_wait_and_others_go_first(void **state)
{
    struct fixture *f = *state;

    flow(&f->a, 2);
    push_chunked(f, 0, 4);
    flow(&f->b, 100);
    assert_int_equal(f->a.received_count, 2);
    assert_int_equal(f->b.received_count, 0);
    push(&f->producer, 1, 0, 1);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 1);
    flow(&f->a, 2);
    assert_int_equal(f->a.received_count, 4);
}

static void when_their_consumer_leaves_another_gets_all_of_them_in_order(void **state)
{
    struct fixture *f = *state;

    flow(&f->a, 2);
    push_chunked(f, 0, 4);
    flow(&f->b, 100);
    consumer_detach(f->a.consumers[1]);
    f->a.consumers[1] = NULL;
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 4);
    for (size_t i = 1; i < 4; i++)
        assert_true(position_before(f->b.received[i - 1].position, f->b.received[i].position));
}

static void a_chunk_that_is_asked_for_again_goes_to_who_has_the_others(void **state)
{
    struct fixture *f = *state;

    flow(&f->a, 3);
    push_chunked(f, 0, 3);
    flow(&f->b, 100);
    consumer_redeliver(f->a.consumers[1], &f->a.received[1].position, 1);
    world_settle(&f->world);
    assert_int_equal(f->b.received_count, 0);
    flow(&f->a, 1);
    assert_int_equal(f->a.received_count, 4);
    assert_true(position_equal(f->a.received[3].position, f->a.received[1].position));
}

static void a_message_that_is_acknowledged_is_known_no_more(void **state)
{
    struct fixture *f = *state;
    const struct subscription *s = f->a.consumers[1]->subscription;

    flow(&f->a, 100);
    push_chunked(f, 0, 3);
    assert_int_equal(map_count(&s->dispatch.chunked), 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(consumer_ack(f->a.consumers[1], f->a.received[i].position, false), OK);
    assert_int_equal(map_count(&s->dispatch.chunked), 0);
}

static void no_more_wait_than_the_bound_and_then_stats_tell(void **state)
{
    struct fixture *f = *state;

    flow(&f->a, 1);
    push_chunked(f, 0, CHUNKS_WAIT_MAX + 10);
    flow(&f->b, 100);
    push(&f->producer, 1, 0, 1);
    world_settle(&f->world);
    const struct subscription *s = f->b.consumers[1]->subscription;
    assert_int_equal(tree_count(&s->dispatch.replay), CHUNKS_WAIT_MAX);
    assert_int_equal(f->b.received_count, 0);
    assert_int_equal(consumer_blocked(f->b.consumers[1]).by, BLOCKED_BY_CHUNKS);
    flow(&f->a, 2000);
    assert_int_equal(f->a.received_count, CHUNKS_WAIT_MAX + 10);
    assert_int_equal(f->b.received_count, 1);
}

/* ---- random lives ---- */

#define CONSUMERS 3
#define MESSAGES  60

struct life {
    struct fixture f;
    struct random *random;
    struct peer peers[CONSUMERS];
    unsigned pushed; /* messages */
    int32_t chunk;   /* of the message that is being pushed */
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

/* At each moment, all chunks of a message that are with somebody are with one. */
static void check_holders(struct life *l)
{
    for (unsigned i = 0; i < CONSUMERS; i++) {
        if (!l->peers[i].consumers[1])
            continue;
        list_each (node, &l->peers[i].consumers[1]->pending) {
            const struct pending *p = container_of(node, struct pending, of);
            assert_true(!p->chunked || p->chunked->holder == l->peers[i].consumers[1]);
        }
    }
    world_check(&l->f.world);
}

static void step(struct life *l)
{
    struct peer *p = &l->peers[below(l, CONSUMERS)];

    switch (below(l, 6)) {
    case 0:
    case 1:
        if (l->pushed >= MESSAGES)
            break;
        push(&l->f.producer, l->pushed, l->chunk, l->pushed % 3 == 0 ? 1 : 4);
        if (++l->chunk == (l->pushed % 3 == 0 ? 1 : 4)) {
            l->chunk = 0;
            l->pushed++;
        }
        break;
    case 2:
        if (!p->consumers[1])
            (void)peer_subscribe(p, 1, &shared);
        else if (below(l, 10) == 0) {
            consumer_detach(p->consumers[1]);
            p->consumers[1] = NULL;
        }
        break;
    case 3:
        if (p->consumers[1])
            consumer_flow(p->consumers[1], 1 + (uint32_t)below(l, 5));
        break;
    case 4:
        if (p->consumers[1] && p->received_count > 0)
            assert_int_equal(consumer_ack(p->consumers[1], p->received[below(l, p->received_count)].position, false),
                             OK);
        break;
    default:
        if (p->consumers[1] && p->received_count > 0 && below(l, 4) == 0)
            consumer_redeliver(p->consumers[1], &p->received[below(l, p->received_count)].position, 1);
    }
    for (uint64_t n = below(l, 10); n > 0; n--)
        (void)sim_step(l->f.world.sim);
    check_holders(l);
}

/* Whoever is left gets everything. */
static void drain(struct life *l)
{
    for (unsigned i = 1; i < CONSUMERS; i++) {
        if (l->peers[i].consumers[1])
            consumer_detach(l->peers[i].consumers[1]);
        l->peers[i].consumers[1] = NULL;
    }
    struct peer *p = &l->peers[0];
    if (!p->consumers[1])
        assert_int_equal(peer_subscribe(p, 1, &shared).err, OK);
    consumer_redeliver_all(p->consumers[1], -1);
    size_t from = p->received_count;
    consumer_flow(p->consumers[1], 1000);
    world_settle(&l->f.world);
    for (; from < p->received_count; from++)
        assert_int_equal(consumer_ack(p->consumers[1], p->received[from].position, false), OK);
    assert_int_equal(cursor_backlog_entries(p->consumers[1]->subscription->cursor), 0);
    assert_int_equal(map_count(&p->consumers[1]->subscription->dispatch.chunked), 0);
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->f.world, seed);
    l->random = sim_random(l->f.world.sim);
    world_open(&l->f.world);
    peer_init(&l->f.producer, &l->f.world);
    assert_int_equal(peer_produce(&l->f.producer, 1, TOPIC, "p").err, OK);
    for (unsigned i = 0; i < CONSUMERS; i++)
        peer_init(&l->peers[i], &l->f.world);
    assert_int_equal(peer_subscribe(&l->peers[0], 1, &shared).err, OK);
    for (unsigned i = 0; i < 1500; i++)
        step(l);
    drain(l);
    world_end(&l->f.world);
    test_free(l);
}

static void chunks_stay_together_whatever_happens(void **state)
{
    sim_seeds_run("CHUNKS", 30, live);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_chunks_of_a_message_go_to_one_consumer),
        TEST(while_their_consumer_can_take_none_they_wait_and_others_go_first),
        TEST(when_their_consumer_leaves_another_gets_all_of_them_in_order),
        TEST(a_chunk_that_is_asked_for_again_goes_to_who_has_the_others),
        TEST(a_message_that_is_acknowledged_is_known_no_more),
        TEST(no_more_wait_than_the_bound_and_then_stats_tell),
        cmocka_unit_test(chunks_stay_together_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
