/* SPDX-License-Identifier: Apache-2.0
 *
 * access_test.c - producers that want to be alone: access.h in use.
 *
 * ACCESS_SEEDS=n runs n random lives (default 30), ACCESS_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "sys/sim/sim_seeds.h"

#include <stdio.h>

#define TOPIC "persistent://public/default/t"

static int set_up(void **state)
{
    struct fixture *f = fixture_new(12);

    fixture_open(f);
    *state = f;
    return 0;
}

/* One attempt, which may take as long as it likes. */
struct attempt {
    struct producer_open open;
    struct peer *peer;
    unsigned queued;
    bool ended;
    int64_t *newest; /* the newest epoch that anybody was given, or NULL */
    char name[20];
};

static void attempt_queued(struct producer_open *open)
{
    container_of(open, struct attempt, open)->queued++;
}

static void attempt_done(struct broker_op *op)
{
    struct attempt *a = container_of(op, struct attempt, open.op);

    a->ended = true;
    if (op->why.err != OK)
        return;
    a->peer->producers[a->open.producer_id] = a->open.producer;
    if (!a->newest || a->open.access == ACCESS_SHARED)
        return;
    assert_true(a->open.topic_epoch >= *a->newest);
    *a->newest = a->open.topic_epoch;
}

static void begin_on(struct attempt *a, struct peer *p, uint64_t id, enum access_mode access, int64_t topic_epoch,
                     const char *topic)
{
    *a = (struct attempt){.peer = p};
    (void)snprintf(a->name, sizeof a->name, "p%p-%u", (void *)p, (unsigned)id);
    a->open = (struct producer_open){
        .op.done = attempt_done,
        .queued = attempt_queued,
        .sink = &p->sink,
        .producer_id = id,
        .name = a->name,
        .access = access,
        .topic_epoch = topic_epoch,
    };
    enum err err = topic_name_parse(&a->open.topic, bytes_of_text(topic));
    assert_int_equal(err, OK);
    producer_open(p->world->broker, &a->open);
}

static void begin(struct attempt *a, struct peer *p, uint64_t id, enum access_mode access, int64_t topic_epoch)
{
    begin_on(a, p, id, access, topic_epoch, TOPIC);
}

/* How an attempt ends that does not wait. */
static enum err enter(struct peer *p, uint64_t id, enum access_mode access, int64_t *topic_epoch)
{
    struct attempt a;

    begin(&a, p, id, access, topic_epoch ? *topic_epoch : -1);
    world_settle(p->world);
    assert_true(a.ended);
    if (topic_epoch)
        *topic_epoch = a.open.topic_epoch;
    return a.open.op.why.err;
}

static void a_topic_that_is_not_kept_has_its_epochs_in_memory(void **state)
{
    struct fixture *f = *state;
    struct attempt a;

    begin_on(&a, &f->a, 1, ACCESS_EXCLUSIVE, -1, "non-persistent://public/default/n");
    world_settle(&f->world);
    assert_int_equal(a.open.op.why.err, OK);
    assert_int_equal(a.open.topic_epoch, 0);
}

static void leave(struct peer *p, uint64_t id)
{
    producer_detach(p->producers[id]);
    p->producers[id] = NULL;
    world_settle(p->world);
}

static void beside_an_exclusive_producer_there_is_no_other(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    assert_int_equal(enter(&f->b, 1, ACCESS_SHARED, NULL), ERR_BUSY);
    assert_int_equal(enter(&f->b, 1, ACCESS_EXCLUSIVE, NULL), ERR_FENCED);
    assert_int_equal(enter(&f->a, 2, ACCESS_SHARED, NULL), ERR_BUSY);
    leave(&f->a, 1);
    assert_int_equal(enter(&f->b, 1, ACCESS_SHARED, NULL), OK);
}

static void nobody_is_exclusive_where_shared_ones_are(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(enter(&f->a, 1, ACCESS_SHARED, NULL), OK);
    assert_int_equal(enter(&f->a, 2, ACCESS_EXCLUSIVE, NULL), ERR_FENCED);
    assert_int_equal(enter(&f->b, 2, ACCESS_EXCLUSIVE, NULL), ERR_FENCED);
}

static void each_take_over_counts_the_epoch_up_and_a_shared_one_does_not(void **state)
{
    struct fixture *f = *state;
    int64_t epoch = -1;

    assert_int_equal(enter(&f->a, 1, ACCESS_SHARED, &epoch), OK);
    assert_int_equal(epoch, -1);
    leave(&f->a, 1);
    for (int64_t i = 0; i < 3; i++) {
        epoch = -1;
        assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &epoch), OK);
        assert_int_equal(epoch, i);
        leave(&f->a, 1);
    }
    epoch = -1;
    assert_int_equal(enter(&f->a, 1, ACCESS_SHARED, &epoch), OK);
    assert_int_equal(epoch, 2);
}

static void those_that_wait_are_served_in_the_order_in_which_they_came(void **state)
{
    struct fixture *f = *state;
    struct attempt first, second;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    begin(&first, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    begin(&second, &f->c, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    assert_int_equal(first.queued + second.queued, 2);
    assert_false(first.ended || second.ended);

    leave(&f->a, 1);
    assert_true(first.ended);
    assert_int_equal(first.open.op.why.err, OK);
    assert_int_equal(first.open.topic_epoch, 1);
    assert_false(second.ended);
    leave(&f->b, 1);
    assert_true(second.ended);
    assert_int_equal(second.open.topic_epoch, 2);
    assert_int_equal(second.queued, 1);
}

static void one_waits_behind_shared_ones_too_and_no_more_of_them_come_in(void **state)
{
    struct fixture *f = *state;
    struct attempt waiter;

    assert_int_equal(enter(&f->a, 1, ACCESS_SHARED, NULL), OK);
    assert_int_equal(enter(&f->a, 2, ACCESS_SHARED, NULL), OK);
    begin(&waiter, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    assert_int_equal(enter(&f->a, 3, ACCESS_SHARED, NULL), ERR_BUSY);
    assert_int_equal(enter(&f->a, 3, ACCESS_EXCLUSIVE, NULL), ERR_FENCED);
    leave(&f->a, 1);
    assert_false(waiter.ended);
    leave(&f->a, 2);
    assert_true(waiter.ended);
    assert_int_equal(waiter.open.op.why.err, OK);
}

static void one_that_waits_and_leaves_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct attempt first, second;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    begin(&first, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    begin(&second, &f->c, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    access_withdraw(&first.open);
    world_settle(&f->world);
    assert_int_equal(first.open.op.why.err, ERR_CANCELLED);
    leave(&f->a, 1);
    assert_int_equal(second.open.op.why.err, OK);
    assert_true(second.ended);
}

static void fencing_sends_away_who_is_there_and_who_waits(void **state)
{
    struct fixture *f = *state;
    struct attempt waiter;
    int64_t epoch = -1, old = -1;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &old), OK);
    begin(&waiter, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    assert_int_equal(enter(&f->c, 1, ACCESS_EXCLUSIVE_WITH_FENCING, &epoch), OK);
    assert_int_equal(epoch, old + 1);
    assert_int_equal(f->a.producers_closed, 1);
    assert_true(waiter.ended);
    assert_int_equal(waiter.open.op.why.err, ERR_FENCED);

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &old), ERR_FENCED);
}

static void what_a_fenced_producer_had_under_way_is_stored_before_what_comes_then(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    peer_publish_one(&f->a, 1, 1, 1);
    assert_int_equal(enter(&f->b, 1, ACCESS_EXCLUSIVE_WITH_FENCING, NULL), OK);
    peer_publish(&f->b, 1, 1, 1);
    assert_int_equal(f->a.published[0].err, OK);
    assert_true(position_before(f->a.published[0].position, f->b.published[0].position));
}

static void one_that_was_fenced_does_not_fence_when_it_comes_again(void **state)
{
    struct fixture *f = *state;
    int64_t old = -1;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE_WITH_FENCING, &old), OK);
    assert_int_equal(enter(&f->b, 1, ACCESS_EXCLUSIVE_WITH_FENCING, NULL), OK);
    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE_WITH_FENCING, &old), ERR_FENCED);
    assert_non_null(f->b.producers[1]);
    assert_int_equal(enter(&f->a, 1, ACCESS_WAIT_FOR_EXCLUSIVE, &old), ERR_FENCED);
}

static void after_a_power_cut_it_comes_again_with_its_epoch_unless_another_was_there(void **state)
{
    struct fixture *f = *state;
    int64_t mine = -1, its = -1;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &mine), OK);
    world_cut_and_open(&f->world);
    peer_init(&f->a, &f->world);
    const int64_t before = mine;
    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &mine), OK);
    assert_int_equal(mine, before);

    world_cut_and_open(&f->world);
    peer_init(&f->a, &f->world);
    peer_init(&f->b, &f->world);
    assert_int_equal(enter(&f->b, 1, ACCESS_EXCLUSIVE, &its), OK);
    assert_int_equal(its, mine + 1);
    leave(&f->b, 1);
    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &mine), ERR_FENCED);
}

static void a_dead_connection_keeps_nobody_out(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    f->a.dead = true;
    assert_int_equal(enter(&f->b, 1, ACCESS_EXCLUSIVE, NULL), OK);
    f->b.dead = true;
    assert_int_equal(enter(&f->c, 1, ACCESS_SHARED, NULL), OK);
}

static void when_the_topic_is_unloaded_those_that_wait_shall_come_again(void **state)
{
    struct fixture *f = *state;
    struct attempt waiter;
    int64_t epoch = -1;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &epoch), OK);
    begin(&waiter, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
    assert_true(waiter.ended);
    assert_int_equal(waiter.open.op.why.err, ERR_AGAIN);
    const int64_t before = epoch;
    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &epoch), OK);
    assert_int_equal(epoch, before);
}

static void after_a_failed_write_the_exclusive_one_comes_again_and_those_that_wait_do(void **state)
{
    struct fixture *f = *state;
    struct attempt waiter;
    int64_t epoch = -1;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &epoch), OK);
    begin(&waiter, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_IO);
    peer_publish(&f->a, 1, 1, 1);
    assert_int_equal(waiter.open.op.why.err, ERR_AGAIN);
    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, &epoch), OK);
}

static void a_client_that_gave_its_producer_up_replaces_it_with_a_higher_epoch(void **state)
{
    struct fixture *f = *state;
    struct attempt again;
    struct producer_close close = {.op.done = world_done};

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    peer_publish_one(&f->a, 1, 1, 1);
    producer_close(f->a.producers[1], &close); /* its publish is under way still */
    begin(&again, &f->a, 1, ACCESS_EXCLUSIVE, -1);
    again.open.epoch = 1;
    (void)world_finish(&f->world, &close.op);
    world_settle(&f->world);
    assert_int_equal(again.open.op.why.err, OK);
    assert_int_equal(f->a.published[0].err, OK);
}

static void so_it_does_where_somebody_waits(void **state)
{
    struct fixture *f = *state;
    struct attempt waiter, again;

    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    begin(&waiter, &f->b, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    begin(&again, &f->a, 1, ACCESS_EXCLUSIVE, -1);
    again.open.epoch = 1;
    world_settle(&f->world);
    assert_true(again.ended);
    assert_int_equal(again.open.op.why.err, OK);
    assert_false(waiter.ended);
    leave(&f->a, 1);
    assert_true(waiter.ended);
    assert_int_equal(waiter.open.op.why.err, OK);
}

static void no_more_than_so_many_wait(void **state)
{
    struct fixture *f = *state;
    struct attempt *waiting = test_calloc(ACCESS_WAITING_MAX, sizeof *waiting), one_more;

    assert_non_null(waiting);
    assert_int_equal(enter(&f->a, 1, ACCESS_EXCLUSIVE, NULL), OK);
    for (unsigned i = 0; i < ACCESS_WAITING_MAX; i++)
        begin(&waiting[i], &f->b, i + 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    begin(&one_more, &f->c, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    assert_true(one_more.ended);
    assert_int_equal(one_more.open.op.why.err, ERR_BUSY);
    access_withdraw(&waiting[7].open);
    begin(&one_more, &f->c, 1, ACCESS_WAIT_FOR_EXCLUSIVE, -1);
    world_settle(&f->world);
    assert_false(one_more.ended);
    for (unsigned i = 0; i < ACCESS_WAITING_MAX; i++)
        access_withdraw(&waiting[i].open);
    access_withdraw(&one_more.open);
    world_settle(&f->world);
    test_free(waiting);
}

/* ---- random lives ---- */

#define PEERS 5

struct life {
    struct world world;
    struct random *random;
    struct peer peers[PEERS];
    struct attempt attempts[PEERS];
    bool under_way[PEERS];
    int64_t epochs[PEERS]; /* what each was given last; -1: nothing */
    int64_t newest;        /* given to anybody */
};

static void note_ended(struct life *l, unsigned i)
{
    struct attempt *a = &l->attempts[i];

    if (!l->under_way[i] || !a->ended)
        return;
    l->under_way[i] = false;
    if (a->open.op.why.err == OK && a->open.access != ACCESS_SHARED) {
        l->epochs[i] = a->open.topic_epoch;
    } else if (a->open.op.why.err == ERR_FENCED) {
        l->epochs[i] = -1; /* its client gives up, and another comes */
    }
}

/* Whoever is exclusive is alone, and has the newest epoch. */
static void check_alone(struct life *l)
{
    unsigned exclusive = 0, all = 0;

    for (unsigned i = 0; i < PEERS; i++) {
        const struct producer *p = l->peers[i].producers[1];
        note_ended(l, i);
        all += p != NULL;
        exclusive += p && p->access != ACCESS_SHARED;
    }
    assert_true(exclusive == 0 || all == 1);
}

static void come(struct life *l, unsigned i)
{
    const enum access_mode access = (enum access_mode)random_below(l->random, 4);

    l->under_way[i] = true;
    begin(&l->attempts[i], &l->peers[i], 1, access, random_below(l->random, 2) ? l->epochs[i] : -1);
    l->attempts[i].newest = &l->newest;
}

static void kill_all(struct life *l)
{
    for (unsigned i = 0; i < PEERS; i++) {
        note_ended(l, i);
        l->under_way[i] = false;
    }
    if (random_below(l->random, 2))
        world_cut_and_open(&l->world);
    else
        world_kill_and_open(&l->world);
    for (unsigned i = 0; i < PEERS; i++)
        peer_init(&l->peers[i], &l->world);
}

static void random_step(struct life *l)
{
    const unsigned i = (unsigned)random_below(l->random, PEERS);
    struct peer *p = &l->peers[i];

    switch (random_below(l->random, 20)) {
    case 0:
        kill_all(l);
        break;
    case 1:
        if (world_topic(&l->world, TOPIC))
            (void)world_unload(&l->world, TOPIC);
        break;
    case 2:
        sim_disk_fail(l->world.disk, SIM_DISK_WRITE, 1 + random_below(l->random, 3), ERR_IO);
        break;
    case 3:
        p->dead = !p->dead;
        break;
    default:
        if (l->under_way[i])
            access_withdraw(&l->attempts[i].open);
        else if (!p->producers[1])
            come(l, i);
        else if (random_below(l->random, 2))
            peer_publish_one(p, 1, 1, 1);
        else {
            producer_detach(p->producers[1]);
            p->producers[1] = NULL;
        }
    }
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->newest = -1;
    l->world.options.delete_inactive_topics = false; /* its epochs would go with it */
    world_open(&l->world);
    for (unsigned i = 0; i < PEERS; i++) {
        peer_init(&l->peers[i], &l->world);
        l->epochs[i] = -1;
    }
    for (unsigned n = 0; n < 300; n++) {
        random_step(l);
        for (uint64_t steps = random_below(l->random, 60); steps > 0; steps--) {
            (void)sim_step(l->world.sim);
            check_alone(l);
        }
        world_check(&l->world);
        if (l->world.fatals > 0)
            kill_all(l);
    }
    world_end(&l->world);
    test_free(l);
}

static void whoever_is_exclusive_is_alone_whatever_happens(void **state)
{
    sim_seeds_run("ACCESS", 30, live);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(beside_an_exclusive_producer_there_is_no_other),
        TEST(nobody_is_exclusive_where_shared_ones_are),
        TEST(each_take_over_counts_the_epoch_up_and_a_shared_one_does_not),
        TEST(those_that_wait_are_served_in_the_order_in_which_they_came),
        TEST(one_waits_behind_shared_ones_too_and_no_more_of_them_come_in),
        TEST(one_that_waits_and_leaves_is_passed_over),
        TEST(fencing_sends_away_who_is_there_and_who_waits),
        TEST(what_a_fenced_producer_had_under_way_is_stored_before_what_comes_then),
        TEST(one_that_was_fenced_does_not_fence_when_it_comes_again),
        TEST(after_a_power_cut_it_comes_again_with_its_epoch_unless_another_was_there),
        TEST(a_dead_connection_keeps_nobody_out),
        TEST(when_the_topic_is_unloaded_those_that_wait_shall_come_again),
        TEST(after_a_failed_write_the_exclusive_one_comes_again_and_those_that_wait_do),
        TEST(a_client_that_gave_its_producer_up_replaces_it_with_a_higher_epoch),
        TEST(so_it_does_where_somebody_waits),
        TEST(no_more_than_so_many_wait),
        TEST(a_topic_that_is_not_kept_has_its_epochs_in_memory),
        cmocka_unit_test(whoever_is_exclusive_is_alone_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
