/* SPDX-License-Identifier: Apache-2.0
 *
 * output_test.c - output.h in use, before a connection that writes when the test says so.
 */
#include "base/base_test.h"
#include "session/output.h"

#define LIMIT (64 * 1024 * 1024)

struct peer {
    struct conn conn;
    struct output output;
    struct list writes;
    size_t count; /* of writes under way */
    unsigned relieved;
};

static void fake_write(struct conn *conn, struct conn_write *w)
{
    struct peer *p = container_of(conn, struct peer, conn);

    list_push_back(&p->writes, &w->node);
    p->count++;
}

static const struct net_ops fake_ops = {.write = fake_write};
static struct net fake_net = {.ops = &fake_ops};

static void relieved(struct output *o)
{
    container_of(o, struct peer, output)->relieved++;
}

static void peer_init(struct peer *p, struct chunk_pool *pool, struct budget *budget)
{
    *p = (struct peer){.conn = {.net = &fake_net}};
    list_init(&p->writes);
    output_init(&p->output, &p->conn, pool, budget, LIMIT, relieved);
}

/* The peer reads one write's bytes. */
static void take_one(struct peer *p)
{
    struct list *node = list_pop_front(&p->writes);

    p->count--;
    container_of(node, struct conn_write, node)->done(container_of(node, struct conn_write, node), OK);
}

/* A little of a large buffer that others wait for. */
static void say_lent(struct peer *p, size_t len, struct budget *lender)
{
    struct buffer *b = buffer_new(128 * 1024, lender);
    struct slice s = slice_of(b, 100, len);

    memset(b->data, 'x', b->capacity);
    output_add_lent(&p->output, s);
    output_flush(&p->output);
    slice_unref(&s);
    buffer_unref(b);
}

static void say(struct peer *p, size_t len)
{
    struct buffer *b = buffer_new(len, NULL);
    struct slice s = slice_of(b, 0, len);

    memset(b->data, 'x', len);
    output_add(&p->output, s);
    output_flush(&p->output);
    slice_unref(&s);
    buffer_unref(b);
}

static void small_frames_for_a_peer_that_does_not_read_gather(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct chunk_pool pool;
    struct peer p;

    chunk_pool_init(&pool);
    peer_init(&p, &pool, &budget);
    for (int i = 0; i < 10000; i++)
        say(&p, 10);
    assert_int_equal(budget.used, 100000);
    assert_true(p.count <= 2 + 100000 / 10000);
    while (p.count > 0)
        take_one(&p);
    assert_int_equal(p.output.bytes, 100000); /* the last of them went out by itself */
    assert_int_equal(budget.used, 0);
    output_deinit(&p.output);
    chunk_pool_deinit(&pool);
}

static void a_peer_that_does_not_read_holds_hardly_any_buffer_that_others_wait_for(void **state)
{
    struct budget budget = {.limit = LIMIT}, lender = {.limit = LIMIT};
    struct chunk_pool pool;
    struct peer p;

    chunk_pool_init(&pool);
    peer_init(&p, &pool, &budget);
    say_lent(&p, 5000, &lender);
    assert_true(lender.used > 0); /* one that reads is not kept waiting by copies */
    while (output_writable(&p.output))
        say_lent(&p, 5000, &lender);
    assert_int_equal(lender.used, 128 * 1024);
    say_lent(&p, 100 * 1024, &lender); /* a large part of it is not worth a copy */
    assert_int_equal(lender.used, 2 * 128 * 1024);
    const size_t queued = budget.used;
    while (p.count > 0)
        take_one(&p);
    assert_int_equal(p.output.bytes, queued);
    assert_int_equal(lender.used, 0);
    output_deinit(&p.output);
    chunk_pool_deinit(&pool);
}

static void what_is_left_goes_out_at_once_when_the_connection_ends(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct chunk_pool pool;
    struct peer p;

    chunk_pool_init(&pool);
    peer_init(&p, &pool, &budget);
    for (int i = 0; i < 5; i++)
        say(&p, 10);
    assert_int_equal(p.count, 2);
    output_finish(&p.output);
    assert_int_equal(p.count, 3);
    output_deinit(&p.output);
    assert_int_equal(budget.used, 0);
    chunk_pool_deinit(&pool);
}

static void one_output_is_choked_at_its_mark_and_relieved_under_a_lower_one(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct chunk_pool pool;
    struct peer p;

    chunk_pool_init(&pool);
    peer_init(&p, &pool, &budget);
    while (output_writable(&p.output))
        say(&p, 5000);
    assert_true(p.output.queued > OUTPUT_HIGH && p.output.queued < OUTPUT_HIGH + 6000);
    while (p.relieved == 0)
        take_one(&p);
    assert_true(output_writable(&p.output));
    assert_true(p.output.queued < OUTPUT_LOW);
    output_deinit(&p.output);
    chunk_pool_deinit(&pool);
}

static void beyond_the_budget_of_all_each_output_has_a_small_share_and_goes_on_by_itself(void **state)
{
    struct budget budget = {.limit = 2 * OUTPUT_HIGH};
    struct chunk_pool pool;
    struct peer silent[20], reading;

    chunk_pool_init(&pool);
    for (int i = 0; i < 20; i++) {
        peer_init(&silent[i], &pool, &budget);
        while (output_writable(&silent[i].output))
            say(&silent[i], 5000);
    }
    assert_true(budget.used < 2 * OUTPUT_HIGH + 20 * (OUTPUT_SHARE + 6000) + OUTPUT_HIGH);

    peer_init(&reading, &pool, &budget);
    for (int round = 0; round < 10; round++) {
        unsigned before = reading.relieved;
        while (output_writable(&reading.output))
            say(&reading, 5000);
        while (reading.relieved == before)
            take_one(&reading);
    }
    assert_true(reading.output.bytes > 9 * OUTPUT_SHARE / 2);
    output_deinit(&reading.output);
    for (int i = 0; i < 20; i++)
        output_deinit(&silent[i].output);
    assert_int_equal(budget.used, 0);
    chunk_pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_frames_for_a_peer_that_does_not_read_gather),
        cmocka_unit_test(a_peer_that_does_not_read_holds_hardly_any_buffer_that_others_wait_for),
        cmocka_unit_test(what_is_left_goes_out_at_once_when_the_connection_ends),
        cmocka_unit_test(one_output_is_choked_at_its_mark_and_relieved_under_a_lower_one),
        cmocka_unit_test(beyond_the_budget_of_all_each_output_has_a_small_share_and_goes_on_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
