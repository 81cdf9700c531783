/* SPDX-License-Identifier: Apache-2.0
 *
 * watch_test.c - topics asked for by pattern, and those that come and go told to who watches them.
 */
#include "base/base_test.h"
#include "base/checksum.h"
#include "broker/partitioned.h"
#include "session/fixture.h"
#include "session/session_private.h"

#include <stdio.h>

#define TYPE(t) WIRE__BASE_COMMAND__TYPE__##t

static int set_up(void **state)
{
    struct fixture *f = fixture_new(37);

    fixture_open_two(f);
    *state = f;
    return 0;
}

static void done(struct broker_op *op)
{
    op->broker = NULL;
}

static void change(struct fixture *f, const char *name, void (*start)(struct broker *b, struct topic_op *op))
{
    struct topic_op op = {.op.done = done};

    assert_int_equal(topic_name_parse(&op.name, bytes_of_text(name)), OK);
    start(f->world.broker, &op);
    while (op.op.broker)
        assert_true(sim_step(f->world.sim));
    assert_int_equal(op.op.why.err, OK);
}

static void make(struct fixture *f, const char *name)
{
    change(f, name, topic_create);
}

static const Wire__CommandGetTopicsOfNamespaceResponse *ask(struct fixture *f, const char *pattern, const char *hash)
{
    Wire__CommandGetTopicsOfNamespace ask = WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE__INIT;

    ask.request_id = 7;
    ask.namespace_ = wire_text("public/default");
    ask.topics_pattern = wire_text(pattern);
    ask.topics_hash = wire_text(hash);
    client_send(&f->a, TYPE(GET_TOPICS_OF_NAMESPACE), &ask);
    return client_expect(&f->a, TYPE(GET_TOPICS_OF_NAMESPACE_RESPONSE))->get_topics_of_namespace_response;
}

static void send_watch(struct client *c, uint64_t id, const char *pattern, const char *hash)
{
    Wire__CommandWatchTopicList watch = WIRE__COMMAND_WATCH_TOPIC_LIST__INIT;

    watch.request_id = id + 100;
    watch.watcher_id = id;
    watch.namespace_ = wire_text("public/default");
    watch.topics_pattern = wire_text(pattern);
    watch.topics_hash = wire_text(hash);
    client_send(c, TYPE(WATCH_TOPIC_LIST), &watch);
}

static const Wire__CommandWatchTopicListSuccess *watch(struct fixture *f, uint64_t id, const char *pattern,
                                                       const char *hash)
{
    send_watch(&f->a, id, pattern, hash);
    const Wire__CommandWatchTopicListSuccess *success =
        client_expect(&f->a, TYPE(WATCH_TOPIC_LIST_SUCCESS))->watch_topic_list_success;
    assert_int_equal(success->watcher_id, id);
    assert_int_equal(success->request_id, id + 100);
    return success;
}

static const Wire__CommandWatchTopicUpdate *update(struct fixture *f)
{
    return client_expect(&f->a, TYPE(WATCH_TOPIC_UPDATE))->watch_topic_update;
}

static void nobody_hears_of_a_topic_that_a_power_cut_may_take(void **state)
{
    struct fixture *f = *state;
    struct topic_op op = {.op.done = done};
    bool told = false;

    (void)watch(f, 1, "persistent://public/default/n.*", NULL);
    sim_slow(f->world.sim, 5000);
    assert_int_equal(topic_name_parse(&op.name, bytes_of_text("persistent://public/default/new")), OK);
    topic_create(f->world.broker, &op);
    while (op.op.broker) { /* until it is durable */
        assert_true(sim_step(f->world.sim));
        told = told || client_count(&f->a, TYPE(WATCH_TOPIC_UPDATE)) > 0;
    }
    assert_false(told);
    assert_int_equal(update(f)->n_new_topics, 1);
}

static void a_list_is_filtered_by_a_pattern_and_left_out_when_its_hash_is_known(void **state)
{
    struct fixture *f = *state;
    char hash[9];

    make(f, "persistent://public/default/b");
    make(f, "persistent://public/default/a1");
    make(f, "persistent://public/default/a2");
    const Wire__CommandGetTopicsOfNamespaceResponse *got = ask(f, "persistent://public/default/a.*", NULL);
    assert_true(got->filtered);
    assert_true(got->changed);
    assert_int_equal(got->n_topics, 2);
    assert_string_equal(got->topics[0], "persistent://public/default/a1");
    (void)snprintf(hash, sizeof hash, "%s", got->topics_hash);
    got = ask(f, "persistent://public/default/a.*", hash);
    assert_false(got->changed);
    assert_int_equal(got->n_topics, 0);
    assert_string_equal(got->topics_hash, hash);
    make(f, "persistent://public/default/a3");
    got = ask(f, "persistent://public/default/a.*", hash);
    assert_true(got->changed);
    assert_int_equal(got->n_topics, 3);
}

/* CRC32C of the two names and a comma, least byte first: what Guava prints. */
static void the_hash_is_pulsars(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(ask(f, NULL, NULL)->topics_hash, "00000000");
    make(f, "persistent://public/default/b");
    make(f, "persistent://public/default/a");
    const uint32_t crc =
        __builtin_bswap32(crc32c(0, bytes_of_text("persistent://public/default/a,persistent://public/default/b")));
    char wanted[9];
    (void)snprintf(wanted, sizeof wanted, "%08x", crc);
    assert_string_equal(ask(f, NULL, NULL)->topics_hash, wanted);
}

static void what_a_broker_does_not_match_the_client_does(void **state)
{
    struct fixture *f = *state;

    make(f, "persistent://public/default/a");
    assert_false(ask(f, "public/default/0123456789012345678901234567890123456789", NULL)->filtered);
    assert_int_equal(ask(f, "public/default/(", NULL)->n_topics, 1);
}

static void a_pattern_made_to_be_slow_is_for_the_client_to_match_and_not_watched(void **state)
{
    static const char slow[] = "public/default/(a+)+(a+)+d";
    struct fixture *f = *state;
    char name[100];

    for (int i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "persistent://public/default/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaadx%d", i);
        make(f, name);
    }
    const Wire__CommandGetTopicsOfNamespaceResponse *got = ask(f, slow, NULL);
    assert_false(got->filtered);
    assert_int_equal(got->n_topics, 12);
    send_watch(&f->a, 1, slow, NULL);
    const Wire__BaseCommand *command = client_expect(&f->a, TYPE(ERROR));
    assert_int_equal(command->error->error, WIRE__SERVER_ERROR__NotAllowedError);
    assert_string_equal(command->error->message, "the pattern takes too much work");
}

static void a_partition_is_matched_by_the_name_of_the_whole(void **state)
{
    struct fixture *f = *state;
    struct partitioned_op op = {.op.done = done, .partitions = 2};

    assert_int_equal(topic_name_parse(&op.name, bytes_of_text("persistent://public/default/parted")), OK);
    partitioned_create(f->world.broker, &op);
    while (op.op.broker)
        assert_true(sim_step(f->world.sim));
    assert_int_equal(ask(f, "public/default/parted", NULL)->n_topics, 2);
}

static void a_watch_tells_what_comes_and_goes(void **state)
{
    struct fixture *f = *state;
    char hash[9];

    make(f, "persistent://public/default/a1");
    const Wire__CommandWatchTopicListSuccess *first = watch(f, 3, "public/default/a.*", NULL);
    assert_int_equal(first->n_topic, 1);
    assert_string_equal(first->topic[0], "persistent://public/default/a1");
    (void)snprintf(hash, sizeof hash, "%s", first->topics_hash);

    make(f, "persistent://public/default/b");
    make(f, "persistent://public/default/a2");
    const Wire__CommandWatchTopicUpdate *told = update(f);
    assert_int_equal(told->watcher_id, 3);
    assert_int_equal(told->n_new_topics, 1);
    assert_string_equal(told->new_topics[0], "persistent://public/default/a2");
    assert_int_equal(told->n_deleted_topics, 0);
    assert_string_not_equal(told->topics_hash, hash);

    change(f, "persistent://public/default/a2", topic_delete);
    told = update(f);
    assert_int_equal(told->n_new_topics, 0);
    assert_int_equal(told->n_deleted_topics, 1);
    assert_string_equal(told->deleted_topics[0], "persistent://public/default/a2");
    assert_string_equal(told->topics_hash, hash); /* as it was */
    assert_string_equal(ask(f, "public/default/a.*", NULL)->topics_hash, hash);
}

static void what_came_and_went_between_two_tellings_is_not_told(void **state)
{
    struct fixture *f = *state;

    (void)watch(f, 1, "public/default/.*", NULL);
    make(f, "persistent://public/default/a");
    assert_int_equal(update(f)->n_new_topics, 1);
    f->world.server->watches.not_before_ns = loop_now_ns(f->world.server->loop) + 60000 * NS_PER_MS;
    make(f, "persistent://public/default/b");
    change(f, "persistent://public/default/b", topic_delete);
    change(f, "persistent://public/default/a", topic_delete);
    make(f, "persistent://public/default/a");
    make(f, "persistent://public/default/c");
    const Wire__CommandWatchTopicUpdate *told = update(f);
    assert_int_equal(told->n_deleted_topics, 0);
    assert_int_equal(told->n_new_topics, 1);
    assert_string_equal(told->new_topics[0], "persistent://public/default/c");
}

static void a_watch_with_the_hash_of_what_there_is_gets_no_list(void **state)
{
    struct fixture *f = *state;
    char hash[9];

    make(f, "persistent://public/default/a");
    (void)snprintf(hash, sizeof hash, "%s", watch(f, 1, "public/default/.*", NULL)->topics_hash);
    const Wire__CommandWatchTopicListSuccess *again = watch(f, 2, "public/default/.*", hash);
    assert_int_equal(again->n_topic, 0);
    assert_string_equal(again->topics_hash, hash);
}

static void a_watch_that_is_closed_or_whose_connection_ends_tells_nothing_more(void **state)
{
    struct fixture *f = *state;
    Wire__CommandWatchTopicListClose close = WIRE__COMMAND_WATCH_TOPIC_LIST_CLOSE__INIT;

    (void)watch(f, 1, "public/default/.*", NULL);
    send_watch(&f->b, 1, "public/default/.*", NULL);
    assert_non_null(client_expect(&f->b, TYPE(WATCH_TOPIC_LIST_SUCCESS)));
    close.request_id = 9;
    close.watcher_id = 1;
    client_send(&f->a, TYPE(WATCH_TOPIC_LIST_CLOSE), &close);
    assert_int_equal(client_expect(&f->a, TYPE(SUCCESS))->success->request_id, 9);
    make(f, "persistent://public/default/a");
    assert_non_null(client_expect(&f->b, TYPE(WATCH_TOPIC_UPDATE)));
    assert_int_equal(client_count(&f->a, TYPE(WATCH_TOPIC_UPDATE)), 0);
    conn_close(f->b.conn);
    session_world_pass(&f->world, 1000);
    assert_true(list_empty(&f->world.server->watches.all));
    make(f, "persistent://public/default/b");
}

static void a_server_that_stops_tells_nothing_more_and_asks_the_broker_nothing(void **state)
{
    struct fixture *f = *state;

    (void)watch(f, 1, "public/default/.*", NULL);
    make(f, "persistent://public/default/a");
    assert_true(timer_running(&f->world.server->watches.timer));
    session_world_stop(&f->world);
    assert_false(timer_running(&f->world.server->watches.timer));
    assert_int_equal(f->world.server->watches.asked, 0);
    assert_int_equal(client_count(&f->a, TYPE(WATCH_TOPIC_UPDATE)), 0);
    assert_true(client_is_closed(&f->a));
}

static void a_server_that_stops_while_it_waits_for_a_barrier_tells_nothing_more(void **state)
{
    struct fixture *f = *state;

    (void)watch(f, 1, "public/default/.*", NULL);
    make(f, "persistent://public/default/a");
    while (f->world.server->watches.asked == 0)
        assert_true(sim_step(f->world.sim));
    session_world_stop(&f->world);
    assert_false(timer_running(&f->world.server->watches.timer));
    assert_int_equal(f->world.server->watches.asked, 0);
}

static void a_watch_that_cannot_be_is_refused(void **state)
{
    struct fixture *f = *state;

    send_watch(&f->a, 1, "public/default/(", NULL);
    assert_int_equal(client_expect(&f->a, TYPE(ERROR))->error->error, WIRE__SERVER_ERROR__NotAllowedError);
    send_watch(&f->a, 1, "public/default/0123456789012345678901234567890123456789", NULL);
    assert_int_equal(client_expect(&f->a, TYPE(ERROR))->error->error, WIRE__SERVER_ERROR__NotAllowedError);
    for (uint64_t i = 0; i < WATCHES_MAX; i++)
        (void)watch(f, i, "public/default/.*", NULL);
    send_watch(&f->a, WATCHES_MAX, "public/default/.*", NULL);
    assert_int_equal(client_expect(&f->a, TYPE(ERROR))->error->error, WIRE__SERVER_ERROR__TooManyRequests);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nobody_hears_of_a_topic_that_a_power_cut_may_take),
        TEST(a_list_is_filtered_by_a_pattern_and_left_out_when_its_hash_is_known),
        TEST(the_hash_is_pulsars),
        TEST(what_a_broker_does_not_match_the_client_does),
        TEST(a_pattern_made_to_be_slow_is_for_the_client_to_match_and_not_watched),
        TEST(a_partition_is_matched_by_the_name_of_the_whole),
        TEST(a_watch_tells_what_comes_and_goes),
        TEST(what_came_and_went_between_two_tellings_is_not_told),
        TEST(a_watch_with_the_hash_of_what_there_is_gets_no_list),
        TEST(a_watch_that_is_closed_or_whose_connection_ends_tells_nothing_more),
        TEST(a_server_that_stops_tells_nothing_more_and_asks_the_broker_nothing),
        TEST(a_server_that_stops_while_it_waits_for_a_barrier_tells_nothing_more),
        TEST(a_watch_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
