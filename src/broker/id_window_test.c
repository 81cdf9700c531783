/* SPDX-License-Identifier: Apache-2.0
 *
 * id_window_test.c - events that come twice: id_window.h in use, and random lives against a model.
 *
 * ID_WINDOW_SEEDS=n runs n random lives (default 40), ID_WINDOW_SEED=s begins at seed s.
 */
#include "base/base_test.h"
#include "broker/core.h"
#include "broker/fixture.h"
#include "broker/sent.h"
#include "store/chain.h"
#include "sys/sim/sim_seeds.h"
#include "wire/command.h"
#include "wire/entry_view.h"

#include <stdio.h>

#define TOPIC   "persistent://public/default/t"
#define OTHER   "persistent://public/default/other"
#define MINUTES (60 * 1000)

static int set_up(void **state)
{
    struct fixture *f = fixture_new(14);

    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION_WINDOW_S, 600);
    f->world.options.delete_inactive_topics = false;
    fixture_open(f);
    *state = f;
    return 0;
}

/* ---- messages as producers send them ---- */

static void push_event(struct peer *p, uint64_t id, const char *event)
{
    const struct sent m = {.name = "p", .event = event};
    peer_send(p, id, &m);
}

static void store_event(struct peer *p, const char *event)
{
    push_event(p, 1, event);
    expect_stored(p);
}

static void repeat_event(struct peer *p, const char *event)
{
    push_event(p, 1, event);
    expect_duplicate(p);
}

static void come_to(struct peer *p, const char *topic, const char *name)
{
    assert_int_equal(peer_produce(p, 1, topic, name).err, OK);
}

static void come(struct peer *p, const char *name)
{
    come_to(p, TOPIC, name);
}

/* Nothing of this process is left but what is on the disk. */
static void begin_anew(struct fixture *f)
{
    world_cut_and_open(&f->world);
    fixture_peers(f);
    come(&f->a, "p");
}

static void set_window(struct fixture *f, int64_t seconds, int64_t ids)
{
    struct policies set = {0};
    struct topic_name name;
    struct refusal why;

    policies_put(&set, POLICY_DEDUPLICATION_WINDOW_S, seconds);
    policies_put(&set, POLICY_DEDUPLICATION_WINDOW_IDS, ids);
    assert_int_equal(topic_name_parse(&name, bytes_of_text(TOPIC)), OK);
    assert_int_equal(topic_set_policies(f->world.broker, &name, &set, &why), OK);
}

/* ---- what is a duplicate ---- */

static void an_event_is_stored_once_whoever_sends_it(void **state)
{
    struct fixture *f = *state;

    come(&f->a, "p");
    come(&f->b, "q");
    store_event(&f->a, "x");
    repeat_event(&f->b, "x");
    repeat_event(&f->a, "x");
    store_event(&f->b, "y");
    assert_int_equal(world_entries(&f->world, TOPIC), 2);
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.duplicates, 2);
    assert_int_equal(f->world.broker->counts.duplicates, 2);
}

static void a_duplicate_of_what_is_under_way_is_answered_when_that_is_stored(void **state)
{
    struct fixture *f = *state;

    come(&f->a, "p");
    push_event(&f->a, 1, "x");
    push_event(&f->a, 1, "x");
    push_event(&f->a, 1, "y");
    assert_int_equal(f->a.published_count, 0);
    world_settle(&f->world);
    assert_int_equal(f->a.published_count, 3);
    assert_true(f->a.published[0].position.entry >= 0);
    assert_true(position_equal(f->a.published[1].position, POSITION_EARLIEST));
    assert_true(f->a.published[2].position.entry >= 0);
}

static void a_message_without_an_id_or_with_one_too_long_is_stored_and_counted(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_MAX + 2];

    memset(id, 'i', sizeof id);
    id[EVENT_ID_MAX + 1] = '\0';
    come(&f->a, "p");
    for (int twice = 0; twice < 2; twice++) {
        store_event(&f->a, NULL);
        store_event(&f->a, "");
        store_event(&f->a, id);
    }
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.without_id, 6);
    id[EVENT_ID_MAX] = '\0';
    store_event(&f->a, id);
    repeat_event(&f->a, id);
}

static void of_chunks_the_last_one_counts(void **state)
{
    struct fixture *f = *state;
    struct sent chunk = {.name = "p", .event = "x", .chunks = 3};

    come(&f->a, "p");
    for (int twice = 0; twice < 2; twice++) { /* the second time as after a reconnect in the middle */
        for (chunk.chunk = 0; chunk.chunk < 2; chunk.chunk++) {
            peer_send(&f->a, 1, &chunk);
            expect_stored(&f->a);
        }
    }
    begin_anew(f);
    peer_send(&f->a, 1, &chunk);
    expect_stored(&f->a);
    for (chunk.chunk = 0; chunk.chunk < 3; chunk.chunk++) {
        peer_send(&f->a, 1, &chunk);
        expect_duplicate(&f->a);
    }
}

static void of_a_batch_its_own_properties_count(void **state)
{
    struct fixture *f = *state;
    const struct sent batch = {.name = "p", .event = "x", .batch = 5}, other = {.name = "p", .batch = 5};

    come(&f->a, "p");
    peer_send(&f->a, 1, &batch);
    expect_stored(&f->a);
    peer_send(&f->a, 1, &batch);
    expect_duplicate(&f->a);
    peer_send(&f->a, 1, &other);
    expect_stored(&f->a);
    peer_send(&f->a, 1, &other);
    expect_stored(&f->a);
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.duplicates, 5);
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.without_id, 10);
}

static void markers_and_copies_are_none_of_its_business(void **state)
{
    struct fixture *f = *state;
    const struct sent marker = {.name = "p", .event = "x", .marker = true};
    const struct sent copy = {.name = "p", .event = "x", .flags = ENTRY_REPLICATED};

    come(&f->a, "p");
    peer_send(&f->a, 1, &marker);
    peer_send(&f->a, 1, &copy);
    begin_anew(f);
    store_event(&f->a, "x");
    peer_send(&f->a, 1, &copy);
    expect_stored(&f->a);
}

static void beside_sequence_ids_a_message_is_stored_when_neither_knows_it(void **state)
{
    struct fixture *f = *state;
    struct sent m = {.name = "p", .event = "x", .first = 5};

    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION, 1);
    begin_anew(f);
    peer_send(&f->a, 1, &m);
    expect_stored(&f->a);
    m.event = "y";
    peer_send(&f->a, 1, &m);
    expect_duplicate(&f->a);
    m.first = 6;
    peer_send(&f->a, 1, &m);
    expect_stored(&f->a);
    m.first = 7;
    peer_send(&f->a, 1, &m);
    expect_duplicate(&f->a);
    begin_anew(f);
    assert_int_equal(producer_last_sequence_id(f->a.producers[1]), 6);
    peer_send(&f->a, 1, &m);
    expect_duplicate(&f->a);
}

/* The trap of docs/deduplication.md: what hashes as sequence ids lose, ids keep. */
static void of_new_events_in_any_order_each_is_stored(void **state)
{
    struct fixture *f = *state;
    char id[20];

    come(&f->a, "p");
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(id, sizeof id, "event-%u", i * 7919 % 100);
        store_event(&f->a, id);
    }
    assert_int_equal(world_entries(&f->world, TOPIC), 100);
}

/* ---- the window ---- */

static void an_id_that_is_older_than_the_window_is_forgotten(void **state)
{
    struct fixture *f = *state;

    come(&f->a, "p");
    store_event(&f->a, "x");
    world_pass(&f->world, 9 * MINUTES);
    store_event(&f->a, "y");
    repeat_event(&f->a, "x");
    world_pass(&f->world, 2 * MINUTES);
    repeat_event(&f->a, "y");
    begin_anew(f);
    repeat_event(&f->a, "y");
    store_event(&f->a, "x");
    repeat_event(&f->a, "x");
}

static void of_more_ids_than_it_shall_hold_the_last_are_known(void **state)
{
    struct fixture *f = *state;

    policies_put(&f->world.options.policies, POLICY_DEDUPLICATION_WINDOW_IDS, 2);
    begin_anew(f);
    store_event(&f->a, "x");
    store_event(&f->a, "y");
    store_event(&f->a, "z");
    repeat_event(&f->a, "y");
    begin_anew(f);
    repeat_event(&f->a, "y");
    repeat_event(&f->a, "z");
    store_event(&f->a, "x");
    store_event(&f->a, "y");
    assert_int_equal(f->world.broker->event_id_count, 2);
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.evicted, 0); /* it is as long as was asked for */
}

static void beyond_the_budget_the_oldest_ids_of_all_topics_go_and_are_counted(void **state)
{
    struct fixture *f = *state;

    f->world.options.event_id_bytes_max = 3 * (sizeof(struct event_id) + 1 + 64);
    begin_anew(f);
    come_to(&f->b, OTHER, "q");
    store_event(&f->a, "x");
    store_event(&f->b, "x");
    store_event(&f->a, "y");
    repeat_event(&f->a, "x");
    store_event(&f->a, "z");
    assert_int_equal(f->world.broker->counts.event_ids_evicted, 1);
    assert_int_equal(world_topic(&f->world, TOPIC)->ids.evicted, 1);
    repeat_event(&f->b, "x");
    store_event(&f->a, "x");
    assert_int_equal(world_topic(&f->world, OTHER)->ids.evicted, 1);
    repeat_event(&f->a, "y");
    assert_true(f->world.broker->event_id_bytes <= f->world.options.event_id_bytes_max);
}

static void producers_come_back_to_a_window_that_was_switched_on_and_it_knows_what_was_there(void **state)
{
    struct fixture *f = *state;

    come(&f->a, "p");
    set_window(f, 0, 0);
    store_event(&f->a, "x");
    store_event(&f->a, "x");
    push_event(&f->a, 1, "under way");
    set_window(f, 60, 0);
    assert_int_equal(f->a.producers_closed, 1);
    come(&f->a, "p");
    repeat_event(&f->a, "x");
    repeat_event(&f->a, "under way");
    set_window(f, 0, 0);
    assert_int_equal(f->a.producers_closed, 1);
    store_event(&f->a, "x");
    assert_int_equal(f->world.broker->event_id_bytes, 0);
}

static void the_log_is_kept_for_as_long_as_the_window_is(void **state)
{
    struct fixture *f = *state;

    f->world.options.retention_check_ms = 1000;
    f->world.options.ledger_entries_max = 1;
    f->world.options.ledger_age_min_ms = 0;
    begin_anew(f);
    store_event(&f->a, "x");
    store_event(&f->a, "y");
    world_pass(&f->world, 9 * MINUTES);
    assert_int_equal(world_entries(&f->world, TOPIC), 2);
    begin_anew(f);
    repeat_event(&f->a, "x");
    world_pass(&f->world, 2 * MINUTES);
    assert_int_equal(world_entries(&f->world, TOPIC), 0);
    store_event(&f->a, "x");
}

/* ---- failures and restarts ---- */

static void after_a_failed_write_the_event_is_stored_when_it_comes_again(void **state)
{
    struct fixture *f = *state;

    come(&f->a, "p");
    store_event(&f->a, "x");
    sim_disk_fail(f->world.disk, SIM_DISK_WRITE, 1, ERR_IO);
    push_event(&f->a, 1, "y");
    push_event(&f->a, 1, "y"); /* a duplicate of what fails has failed as well */
    world_settle(&f->world);
    assert_int_equal(f->a.published[1].err, ERR_CLOSED);
    assert_int_equal(f->a.published[2].err, ERR_CLOSED);
    come(&f->a, "p");
    repeat_event(&f->a, "x");
    store_event(&f->a, "y");
}

static void what_was_stored_is_known_after_each_way_to_end(void **state)
{
    struct fixture *f = *state;

    come(&f->a, "p");
    store_event(&f->a, "x");
    assert_int_equal(world_unload(&f->world, TOPIC).err, OK);
    come(&f->a, "p");
    repeat_event(&f->a, "x");
    assert_true(world_restart(&f->world));
    peer_init(&f->a, &f->world);
    come(&f->a, "p");
    repeat_event(&f->a, "x");
    begin_anew(f);
    repeat_event(&f->a, "x");
}

/* ---- random lives ---- */

#define SENDERS 3
#define EVENTS  1500

/* Clients that send events, each until it gets a receipt, and some for no reason again. */
struct sender {
    struct peer peer;
    size_t seen; /* of peer.published */
};

struct life {
    struct world world;
    struct random *random;
    struct sender senders[SENDERS];
    unsigned events;          /* so many were sent at least once */
    bool confirmed[EVENTS];   /* by a receipt */
    bool exact;               /* neither time nor number bounds the window in this life */
    int64_t seconds, ids_max; /* the window */
};

static uint64_t below(struct life *l, uint64_t bound)
{
    return random_below(l->random, bound);
}

static void take_receipts(struct life *l, struct sender *s)
{
    for (; s->seen < s->peer.published_count; s->seen++) {
        const struct published *p = &s->peer.published[s->seen];
        if (p->err == OK)
            l->confirmed[p->sequence_id] = true;
    }
}

static void send_event(struct sender *s, unsigned event)
{
    char id[20];

    (void)snprintf(id, sizeof id, "e%u", event);
    const struct sent m = {.name = "p", .event = id, .first = event};
    peer_send(&s->peer, 1, &m);
}

/* New ones, lately sent ones, and any. */
static unsigned some_event(struct life *l)
{
    const uint64_t kind = below(l, 4);

    if ((kind < 2 && l->events < EVENTS) || l->events == 0)
        return l->events++;
    return (unsigned)(kind == 3 || l->events < 10 ? below(l, l->events) : l->events - 1 - below(l, 10));
}

static void send_some(struct life *l, struct sender *s)
{
    char name[10];

    if (!s->peer.producers[1]) {
        (void)snprintf(name, sizeof name, "p%zu", (size_t)(s - l->senders));
        (void)peer_produce(&s->peer, 1, TOPIC, name);
        return;
    }
    for (uint64_t n = below(l, 6); n > 0 && s->peer.producers[1]; n--) {
        if (s->peer.published_count < PEER_RECORDS - 50)
            send_event(s, some_event(l));
    }
}

static void end_process(struct life *l, enum world_end how)
{
    for (unsigned i = 0; i < SENDERS; i++)
        take_receipts(l, &l->senders[i]);
    (void)world_end_and_open(&l->world, how);
    for (unsigned i = 0; i < SENDERS; i++) {
        take_receipts(l, &l->senders[i]);
        peer_init(&l->senders[i].peer, &l->world);
        l->senders[i].seen = 0;
    }
}

static void step(struct life *l)
{
    struct sender *s = &l->senders[below(l, SENDERS)];

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
        if (s->peer.producers[1]) { /* its connection is cut, with all that is under way */
            producer_detach(s->peer.producers[1]);
            s->peer.producers[1] = NULL;
        }
        break;
    default:
        send_some(l, s);
    }
    for (unsigned i = 0; i < SENDERS; i++)
        take_receipts(l, &l->senders[i]);
}

/* What a topic holds: no event that was in the window of the one before it, and none missing that has a receipt. */
static void check_topic(struct life *l)
{
    struct topic *t = world_topic(&l->world, TOPIC);
    int64_t *at = test_calloc(EVENTS, sizeof *at), *ms = test_calloc(EVENTS, sizeof *ms), n = 0;
    struct position p = topic_after(t, POSITION_EARLIEST);

    while (position_compare(p, t->readable_end) <= 0) {
        struct entry e = world_read(&l->world, p);
        struct entry_view view;
        assert_int_equal(entry_view_decode(bytes_of(e.bytes.data, e.bytes.len), &view), OK);
        const uint64_t event = view.metadata.sequence_id;
        assert_true(event < l->events);
        n++;
        if (at[event] > 0)
            assert_true((l->ids_max > 0 && n - at[event] > l->ids_max) ||
                        e.header.broker_ms - ms[event] > l->seconds * 1000);
        assert_true(at[event] == 0 || !l->exact);
        at[event] = n;
        ms[event] = e.header.broker_ms;
        entry_unref(&e);
        p = topic_after(t, p);
    }
    for (unsigned i = 0; i < l->events; i++)
        assert_true(at[i] > 0 || !l->confirmed[i]);
    test_free(at);
    test_free(ms);
}

/* One comes once more, and sends what has no receipt: it is new, or was stored without one. */
static void settle(struct life *l)
{
    struct sender *s = &l->senders[0];

    sim_disk_fail(l->world.disk, SIM_DISK_WRITE, 0, OK);
    end_process(l, WORLD_KILLED);
    world_pass(&l->world, 6000);
    for (unsigned tries = 0; !s->peer.producers[1] && tries < 5; tries++) {
        world_pass(&l->world, 6000);
        (void)peer_produce(&s->peer, 1, TOPIC, "p0");
    }
    assert_non_null(s->peer.producers[1]);
    for (unsigned i = 0; i < l->events; i++) {
        if (!l->confirmed[i] && s->peer.published_count < PEER_RECORDS - 50) {
            send_event(s, i);
            world_settle(&l->world);
            take_receipts(l, s);
            assert_true(l->confirmed[i]);
        }
    }
}

static void live(uint64_t seed)
{
    struct life *l = test_calloc(1, sizeof *l);

    world_start(&l->world, seed);
    l->random = sim_random(l->world.sim);
    l->exact = below(l, 2) == 0;
    l->seconds = l->exact ? 10000000 : 1 + (int64_t)below(l, 300);
    l->ids_max = l->exact || below(l, 2) == 0 ? 0 : 1 + (int64_t)below(l, 30);
    l->world.options.ledger_entries_max = 1 + below(l, 50);
    l->world.options.delete_inactive_topics = false;
    policies_put(&l->world.options.policies, POLICY_RETENTION_MINUTES, -1);
    policies_put(&l->world.options.policies, POLICY_RETENTION_MB, -1);
    policies_put(&l->world.options.policies, POLICY_DEDUPLICATION_WINDOW_S, l->seconds);
    policies_put(&l->world.options.policies, POLICY_DEDUPLICATION_WINDOW_IDS, l->ids_max);
    world_open(&l->world);
    for (unsigned i = 0; i < SENDERS; i++)
        peer_init(&l->senders[i].peer, &l->world);
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

static void an_event_that_is_sent_until_it_is_confirmed_is_stored_once_in_a_window(void **state)
{
    sim_seeds_run("ID_WINDOW", 40, live);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_stored_once_whoever_sends_it),
        TEST(a_duplicate_of_what_is_under_way_is_answered_when_that_is_stored),
        TEST(a_message_without_an_id_or_with_one_too_long_is_stored_and_counted),
        TEST(of_chunks_the_last_one_counts),
        TEST(of_a_batch_its_own_properties_count),
        TEST(markers_and_copies_are_none_of_its_business),
        TEST(beside_sequence_ids_a_message_is_stored_when_neither_knows_it),
        TEST(of_new_events_in_any_order_each_is_stored),
        TEST(an_id_that_is_older_than_the_window_is_forgotten),
        TEST(of_more_ids_than_it_shall_hold_the_last_are_known),
        TEST(beyond_the_budget_the_oldest_ids_of_all_topics_go_and_are_counted),
        TEST(producers_come_back_to_a_window_that_was_switched_on_and_it_knows_what_was_there),
        TEST(the_log_is_kept_for_as_long_as_the_window_is),
        TEST(after_a_failed_write_the_event_is_stored_when_it_comes_again),
        TEST(what_was_stored_is_known_after_each_way_to_end),
        cmocka_unit_test(an_event_that_is_sent_until_it_is_confirmed_is_stored_once_in_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
