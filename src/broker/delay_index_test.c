/* SPDX-License-Identifier: Apache-2.0
 *
 * delay_index_test.c - delay_index.h in use, and held against a list of entries and their times.
 */
#include "base/base_test.h"
#include "base/random.h"
#include "base/test_share.h"
#include "broker/delay_index.h"

#include <stdlib.h>
#include <string.h>

static struct position at(int64_t ledger, int64_t entry)
{
    return (struct position){ledger, entry};
}

static void add(struct delay_index *x, int64_t ledger, int64_t entry, int64_t ms)
{
    assert_int_equal(delay_index_add(x, at(ledger, entry), ms), OK);
}

struct taken {
    struct position list[2000];
    size_t count;
};

static void take_one(void *ctx, struct position p)
{
    struct taken *t = ctx;

    assert_true(t->count < 2000);
    t->list[t->count++] = p;
}

static void what_is_due_is_taken_once_and_the_rest_stays(void **state)
{
    struct taken taken = {.count = 0};
    struct delay_index x;

    delay_index_init(&x);
    assert_true(delay_index_earliest(&x) == INT64_MAX);
    add(&x, 3, 0, 500);
    add(&x, 3, 1, 100);
    add(&x, 3, 7, 300);
    add(&x, 4, 0, 100);
    assert_int_equal(delay_index_earliest(&x), 100);
    assert_true(delay_index_take(&x, 99, 10, take_one, &taken));
    assert_int_equal(taken.count, 0);
    assert_true(delay_index_take(&x, 300, 10, take_one, &taken));
    assert_int_equal(taken.count, 3);
    assert_int_equal(delay_index_count(&x), 1);
    assert_int_equal(delay_index_earliest(&x), 500);
    delay_index_check(&x);
    assert_true(delay_index_take(&x, 500, 10, take_one, &taken));
    assert_int_equal(taken.count, 4);
    assert_int_equal(delay_index_bytes(&x), 0);
    delay_index_deinit(&x);
}

static void others_have_their_turn_after_some_blocks(void **state)
{
    struct taken taken = {.count = 0};
    struct delay_index x;

    delay_index_init(&x);
    for (int64_t i = 0; i < 5; i++)
        add(&x, 10 + i, 0, 100);
    assert_false(delay_index_take(&x, 100, 3, take_one, &taken));
    assert_int_equal(taken.count, 3);
    assert_true(delay_index_take(&x, 100, 3, take_one, &taken));
    assert_int_equal(taken.count, 5);
    delay_index_deinit(&x);
}

static void positions_in_it_are_passed_over(void **state)
{
    struct taken taken = {.count = 0};
    struct delay_index x;

    delay_index_init(&x);
    for (int64_t i = 10; i < 1000; i++)
        add(&x, 3, i, i == 500 ? 100 : 200);
    assert_true(position_equal(delay_index_skip(&x, at(3, 9)), at(3, 9)));
    assert_true(position_equal(delay_index_skip(&x, at(3, 10)), at(3, 1000)));
    assert_true(position_equal(delay_index_skip(&x, at(3, 999)), at(3, 1000)));
    assert_true(position_equal(delay_index_skip(&x, at(2, 10)), at(2, 10)));
    assert_true(delay_index_take(&x, 100, 10, take_one, &taken));
    assert_true(position_equal(delay_index_skip(&x, at(3, 10)), at(3, 500)));
    assert_true(position_equal(delay_index_skip(&x, at(3, 501)), at(3, 1000)));
    delay_index_deinit(&x);
}

static void entries_between_two_positions_are_counted(void **state)
{
    struct delay_index x;

    delay_index_init(&x);
    for (int64_t i = 0; i < 1000; i++)
        add(&x, 3 + i / 500, i % 500, 100 + i % 7);
    assert_int_equal(delay_index_between(&x, at(-1, -1), at(9, 0)), 1000);
    assert_int_equal(delay_index_between(&x, at(3, 99), at(3, 200)), 100);
    assert_int_equal(delay_index_between(&x, at(3, 499), at(4, 1)), 1);
    assert_int_equal(delay_index_between(&x, at(3, 10), at(4, 490)), 489 + 490);
    delay_index_forget_upto(&x, at(3, 499));
    assert_int_equal(delay_index_count(&x), 500);
    delay_index_check(&x);
    delay_index_deinit(&x);
}

static void cut(struct delay_index *x, int64_t ms, unsigned blocks_max)
{
    struct position from = POSITION_EARLIEST;
    unsigned turns = 0;

    while (!delay_index_cut(x, ms, &from, blocks_max))
        assert_true(turns++ < 100000);
}

static void cut_at_the_median_it_keeps_the_earlier_half(void **state)
{
    struct delay_index x;

    delay_index_init(&x);
    for (int64_t i = 0; i < 10000; i++)
        add(&x, 3, i, 1 + i * 7919 % 10000);
    const int64_t median = delay_index_median(&x);
    assert_in_range(median, 4000, 6000);
    cut(&x, median, 3);
    assert_int_equal(delay_index_count(&x), median - 1);
    delay_index_check(&x);
    cut(&x, 1, 1);
    assert_int_equal(delay_index_count(&x), 0);
    delay_index_deinit(&x);
}

/* ---- a million ---- */

static void count_one(void *ctx, struct position p)
{
    ++*(size_t *)ctx;
}

/* The bytes of a million entries whose delays are up to `spread` ms, all of which are taken in the end. */
static size_t bytes_of_a_million(int64_t spread)
{
    const size_t count = test_share(1000000);
    struct delay_index x;
    struct random r;
    size_t taken = 0;
    int64_t now = INT64_C(1900000000000);

    random_init(&r, 5);
    delay_index_init(&x);
    for (size_t i = 0; i < count; i++) /* a thousand a second */
        add(&x, 7, (int64_t)i, now + (int64_t)i + 1 + (int64_t)random_below(&r, (uint64_t)spread));
    const size_t bytes = delay_index_bytes(&x);
    assert_int_equal(delay_index_count(&x), count);
    while (delay_index_count(&x) > 0) {
        now += spread / 1000 + 1000;
        assert_true(delay_index_take(&x, now, UINT32_MAX, count_one, &taken));
    }
    assert_int_equal(taken, count);
    delay_index_deinit(&x);
    return bytes;
}

static void a_million_entries_take_what_the_header_says(void **state)
{
    assert_true(bytes_of_a_million(1) <= 3000000);                              /* all by as much */
    assert_true(bytes_of_a_million(60 * 60 * 1000) <= 6000000);                 /* within an hour */
    assert_true(bytes_of_a_million(INT64_C(30) * 24 * 3600 * 1000) <= 8000000); /* within a month */
}

/* ---- random ---- */

struct model_entry {
    struct position p;
    int64_t ms;
    bool gone;
};

struct model {
    struct model_entry list[3000];
    size_t count;
    int64_t now;
};

static struct model_entry *model_find(struct model *m, struct position p)
{
    for (size_t i = 0; i < m->count; i++) {
        if (position_equal(m->list[i].p, p))
            return &m->list[i];
    }
    return NULL;
}

static void model_due(void *ctx, struct position p)
{
    struct model *m = ctx;
    struct model_entry *e = model_find(m, p);

    assert_non_null(e);
    assert_false(e->gone);
    assert_true(e->ms <= m->now);
    e->gone = true;
}

static void compare(struct model *m, const struct delay_index *x, struct random *r)
{
    const struct position low = at(1 + (int64_t)random_below(r, 4), (int64_t)random_below(r, 2000));
    const struct position high = at(1 + (int64_t)random_below(r, 4), (int64_t)random_below(r, 2000));
    struct position skipped = low;
    size_t left = 0, between = 0;
    int64_t earliest = INT64_MAX;

    for (size_t i = 0; i < m->count; i++) {
        const struct model_entry *e = &m->list[i];
        if (e->gone)
            continue;
        left++;
        between += position_before(low, e->p) && position_before(e->p, high);
        earliest = e->ms < earliest ? e->ms : earliest;
        skipped.entry += position_equal(e->p, skipped); /* the list is in order of positions, but for two fronts */
    }
    for (struct model_entry *e; (e = model_find(m, skipped)) && !e->gone;)
        skipped.entry++;
    assert_int_equal(delay_index_count(x), left);
    assert_true(delay_index_earliest(x) == earliest);
    assert_int_equal(delay_index_between(x, low, high), between);
    assert_true(position_equal(delay_index_skip(x, low), skipped));
    delay_index_check(x);
}

static void live(uint64_t seed)
{
    struct model *m = calloc(1, sizeof *m);
    /* Two fronts, as of what is published and of a pass over what was there before. */
    struct position front[2] = {at(1, 0), at(3, 0)};
    struct delay_index x;
    struct random r;

    random_init(&r, seed);
    delay_index_init(&x);
    m->now = 1000;
    const uint64_t spread = 1 + random_below(&r, random_below(&r, 2) ? 100 : 1000000);
    for (unsigned step = 0; step < 300; step++) {
        for (uint64_t n = random_below(&r, 20); n > 0 && m->count < 3000; n--) {
            struct position *p = &front[random_below(&r, 2)];
            p->entry += 1 + (int64_t)(random_below(&r, 4) ? 0 : random_below(&r, 300));
            const int64_t ms = m->now + 1 + (int64_t)random_below(&r, spread);
            add(&x, p->ledger, p->entry, ms);
            m->list[m->count++] = (struct model_entry){.p = *p, .ms = ms};
            if (p->entry > 1500 && p->ledger != 2)
                *p = at(p->ledger + 1, 0);
        }
        if (random_below(&r, 3) == 0) {
            m->now += (int64_t)random_below(&r, spread);
            assert_true(delay_index_take(&x, m->now, UINT32_MAX, model_due, m));
            for (size_t i = 0; i < m->count; i++)
                assert_true(m->list[i].gone || m->list[i].ms > m->now);
        }
        if (random_below(&r, 50) == 0) {
            const int64_t upto = delay_index_median(&x);
            cut(&x, upto, 1 + (unsigned)random_below(&r, 5));
            for (size_t i = 0; i < m->count; i++)
                m->list[i].gone = m->list[i].gone || m->list[i].ms >= upto;
        }
        compare(m, &x, &r);
    }
    delay_index_deinit(&x);
    free(m);
}

static void it_says_what_a_list_says(void **state)
{
    for (uint64_t seed = 1; seed <= test_share(8); seed++)
        live(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_due_is_taken_once_and_the_rest_stays),
        cmocka_unit_test(others_have_their_turn_after_some_blocks),
        cmocka_unit_test(positions_in_it_are_passed_over),
        cmocka_unit_test(entries_between_two_positions_are_counted),
        cmocka_unit_test(cut_at_the_median_it_keeps_the_earlier_half),
        cmocka_unit_test(a_million_entries_take_what_the_header_says),
        cmocka_unit_test(it_says_what_a_list_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
