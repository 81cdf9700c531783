/* SPDX-License-Identifier: Apache-2.0 */
#include "store/catalog_tables.h"

#include "base/base_test.h"
#include "base/random.h"
#include "store/index_batch.h"

#include <stdio.h>
#include <stdlib.h>

static struct catalog_row row(uint64_t id, uint64_t parent, const char *name, const char *value)
{
    return (struct catalog_row){id, parent, bytes_of_text(name), bytes_of_text(value)};
}

static enum err put(struct catalog_tables *t, enum catalog_table table, struct catalog_row r)
{
    enum err err = catalog_tables_put(t, table, &r);

    catalog_tables_check(t);
    return err;
}

static bool value_is(const struct catalog_row *r, const char *value)
{
    return r && bytes_equal(r->value, bytes_of_text(value));
}

static int tables_new(void **state)
{
    struct catalog_tables *t;

    assert_int_equal(catalog_tables_new(&t, 1), OK);
    *state = t;
    return 0;
}

static int tables_free(void **state)
{
    catalog_tables_check(*state);
    catalog_tables_free(*state);
    return 0;
}

static void a_row_is_found_by_id_and_by_name(void **state)
{
    struct catalog_tables *t = *state;

    assert_int_equal(put(t, CATALOG_TENANT, row(1, 0, "public", "v")), OK);
    assert_int_equal(put(t, CATALOG_NAMESPACE, row(2, 1, "public/default", "w")), OK);
    assert_true(value_is(catalog_tables_get(t, CATALOG_TENANT, 1), "v"));
    assert_true(value_is(catalog_tables_find(t, CATALOG_NAMESPACE, 1, bytes_of_text("public/default")), "w"));
    assert_null(catalog_tables_get(t, CATALOG_TOPIC, 1));
    assert_null(catalog_tables_get(t, CATALOG_TENANT, 2));
    assert_null(catalog_tables_find(t, CATALOG_NAMESPACE, 0, bytes_of_text("public/default")));
    assert_null(catalog_tables_find(t, CATALOG_TENANT, 0, bytes_of_text("publi")));
    assert_null(catalog_tables_find(t, CATALOG_TENANT, 0, bytes_of_text("public2")));
    assert_int_equal(catalog_tables_count(t, CATALOG_TENANT), 1);
}

static void putting_an_id_again_replaces_name_parent_and_value(void **state)
{
    struct catalog_tables *t = *state;

    assert_int_equal(put(t, CATALOG_TOPIC, row(5, 1, "a", "old")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(5, 1, "a", "new")), OK);
    assert_true(value_is(catalog_tables_get(t, CATALOG_TOPIC, 5), "new"));
    assert_int_equal(put(t, CATALOG_TOPIC, row(5, 2, "b", "moved")), OK);
    assert_null(catalog_tables_find(t, CATALOG_TOPIC, 1, bytes_of_text("a")));
    assert_true(value_is(catalog_tables_find(t, CATALOG_TOPIC, 2, bytes_of_text("b")), "moved"));
    assert_int_equal(catalog_tables_count(t, CATALOG_TOPIC), 1);
}

static void a_row_may_be_put_again_with_the_bytes_it_lends(void **state)
{
    struct catalog_tables *t = *state;
    struct catalog_row again;

    assert_int_equal(put(t, CATALOG_TOPIC, row(5, 1, "a", "value")), OK);
    again = *catalog_tables_get(t, CATALOG_TOPIC, 5);
    assert_int_equal(put(t, CATALOG_TOPIC, again), OK);
    assert_true(value_is(catalog_tables_get(t, CATALOG_TOPIC, 5), "value"));
}

static void a_name_belongs_to_one_id(void **state)
{
    struct catalog_tables *t = *state;

    assert_int_equal(put(t, CATALOG_TOPIC, row(5, 1, "a", "first")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(6, 1, "a", "second")), ERR_EXISTS);
    assert_null(catalog_tables_get(t, CATALOG_TOPIC, 6));
    assert_int_equal(put(t, CATALOG_TOPIC, row(6, 2, "a", "second")), OK);
    assert_int_equal(put(t, CATALOG_SCHEMA, row(7, 1, "a", "third")), OK);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct catalog_tables *t = *state;
    static char large[CATALOG_VALUE_MAX + 1];
    struct catalog_row r = {.id = 9, .value = bytes_of(large, sizeof large)};

    assert_int_equal(put(t, CATALOG_TOPIC, row(0, 1, "a", "")), ERR_INVALID);
    assert_int_equal(put(t, CATALOG_TOPIC, row(UINT64_MAX, 1, "a", "")), ERR_INVALID);
    assert_int_equal(put(t, (enum catalog_table)0, row(1, 1, "a", "")), ERR_INVALID);
    assert_int_equal(put(t, CATALOG_TABLES, row(1, 1, "a", "")), ERR_INVALID);
    assert_int_equal(put(t, CATALOG_TOPIC, r), ERR_TOO_LARGE);
    r.value.len--;
    assert_int_equal(put(t, CATALOG_TOPIC, r), OK);
    assert_int_equal(put(t, CATALOG_TENANT, row(9, 0, "other table", "")), ERR_INVALID);
    r = (struct catalog_row){.id = 10, .name = bytes_of(large, CATALOG_NAME_MAX + 1)};
    assert_int_equal(put(t, CATALOG_TOPIC, r), ERR_TOO_LARGE);
}

struct listing {
    char text[256];
    unsigned stop_after;
};

static bool list_one(void *ctx, const struct catalog_row *r)
{
    struct listing *l = ctx;

    strncat(l->text, (const char *)r->name.data, r->name.len);
    strcat(l->text, " ");
    return --l->stop_after > 0;
}

static const char *list(struct catalog_tables *t, uint64_t parent, unsigned stop_after, struct listing *l)
{
    *l = (struct listing){.stop_after = stop_after};
    catalog_tables_each(t, CATALOG_TOPIC, parent, list_one, l);
    return l->text;
}

static void the_rows_of_a_parent_are_listed_by_name(void **state)
{
    struct catalog_tables *t = *state;
    struct listing l;

    assert_int_equal(put(t, CATALOG_TOPIC, row(1, 8, "b", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "ab", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(3, 8, "a", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(4, 7, "other", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(5, 9, "0", "")), OK);
    assert_string_equal(list(t, 8, 100, &l), "a ab b ");
    assert_string_equal(list(t, 8, 2, &l), "a ab ");
    assert_string_equal(list(t, 6, 100, &l), "");
    assert_string_equal(list(t, 9, 100, &l), "0 ");
}

static void a_listing_goes_on_behind_a_name_that_may_be_gone(void **state)
{
    struct catalog_tables *t = *state;
    struct listing l = {.stop_after = 100};

    assert_int_equal(put(t, CATALOG_TOPIC, row(1, 8, "a", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "b", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(3, 8, "c", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(4, 9, "d", "")), OK);
    catalog_tables_each_after(t, CATALOG_TOPIC, 8, bytes_of_text("a"), list_one, &l);
    assert_string_equal(l.text, "b c ");
    assert_int_equal(catalog_tables_remove(t, CATALOG_TOPIC, 2, NULL, NULL), OK);
    l = (struct listing){.stop_after = 100};
    catalog_tables_each_after(t, CATALOG_TOPIC, 8, bytes_of_text("b"), list_one, &l);
    assert_string_equal(l.text, "c ");
}

static void a_namespace_knows_how_many_topics_it_has(void **state)
{
    struct catalog_tables *t = *state;

    assert_int_equal(put(t, CATALOG_TOPIC, row(1, 8, "early", "")), OK);
    assert_int_equal(put(t, CATALOG_NAMESPACE, row(8, 7, "n", "")), OK);
    assert_int_equal(catalog_tables_topics(t, 8), 1);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "a", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "a", "again")), OK);
    assert_int_equal(put(t, CATALOG_NAMESPACE, row(8, 7, "n", "again")), OK);
    assert_int_equal(catalog_tables_topics(t, 8), 2);
    assert_int_equal(catalog_tables_remove(t, CATALOG_TOPIC, 1, NULL, NULL), OK);
    assert_int_equal(catalog_tables_topics(t, 8), 1);
    assert_int_equal(catalog_tables_topics(t, 9), 0);
    catalog_tables_check(t);
}

static void count_removed(void *ctx, enum catalog_table table, const struct catalog_row *r)
{
    unsigned *by_table = ctx;

    assert_true(r->id > 0);
    by_table[table]++;
}

static void removing_a_topic_removes_its_subscriptions_and_schemas(void **state)
{
    struct catalog_tables *t = *state;
    unsigned by_table[CATALOG_TABLES] = {0};

    assert_int_equal(put(t, CATALOG_TOPIC, row(1, 8, "a", "")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "b", "")), OK);
    assert_int_equal(put(t, CATALOG_SUBSCRIPTION, row(3, 1, "s", "")), OK);
    assert_int_equal(put(t, CATALOG_SUBSCRIPTION, row(4, 1, "t", "")), OK);
    assert_int_equal(put(t, CATALOG_SUBSCRIPTION, row(5, 2, "s", "")), OK);
    assert_int_equal(put(t, CATALOG_SCHEMA, row(6, 1, "0", "")), OK);
    assert_int_equal(catalog_tables_remove(t, CATALOG_TOPIC, 1, count_removed, by_table), OK);
    catalog_tables_check(t);
    assert_int_equal(by_table[CATALOG_TOPIC], 1);
    assert_int_equal(by_table[CATALOG_SUBSCRIPTION], 2);
    assert_int_equal(by_table[CATALOG_SCHEMA], 1);
    assert_null(catalog_tables_get(t, CATALOG_SUBSCRIPTION, 3));
    assert_non_null(catalog_tables_get(t, CATALOG_SUBSCRIPTION, 5));
    assert_int_equal(catalog_tables_remove(t, CATALOG_TOPIC, 1, NULL, NULL), ERR_NOT_FOUND);
    assert_int_equal(catalog_tables_remove(t, CATALOG_SUBSCRIPTION, 2, NULL, NULL), ERR_NOT_FOUND);
    assert_int_equal(put(t, CATALOG_TOPIC, row(7, 8, "a", "again")), OK);
}

static void a_take_holds_each_change_once_and_removals_first(void **state)
{
    struct catalog_tables *t = *state;
    struct catalog_row loaded = row(1, 8, "a", "from the index");
    struct index_batch b;

    index_batch_init(&b);
    assert_int_equal(catalog_tables_load(t, CATALOG_TOPIC, &loaded), OK);
    assert_int_equal(catalog_tables_load(t, CATALOG_TOPIC, &loaded), ERR_EXISTS);
    assert_int_equal(catalog_tables_dirty(t), 0);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "b", "1")), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(2, 8, "b", "2")), OK);
    assert_int_equal(catalog_tables_remove(t, CATALOG_TOPIC, 1, NULL, NULL), OK);
    assert_int_equal(put(t, CATALOG_TOPIC, row(3, 8, "a", "3")), OK);
    assert_int_equal(catalog_tables_dirty(t), 3);
    assert_int_equal(catalog_tables_take(t, &b), OK);
    assert_int_equal(b.count, 3);
    assert_true(b.first->removed);
    assert_int_equal(b.first->row.id, 1);
    assert_true(value_is(&b.first->next->row, "2"));
    assert_true(value_is(&b.first->next->next->row, "3"));
    index_batch_deinit(&b);
    assert_int_equal(catalog_tables_dirty(t), 0);
    assert_int_equal(put(t, CATALOG_TOPIC, row(3, 8, "a", "4")), OK);
    assert_int_equal(catalog_tables_dirty(t), 1);
}

static void a_change_is_the_same_after_it_was_read_back(void **state)
{
    struct catalog_tables *t = *state;
    struct catalog_change c = {CATALOG_PUT, CATALOG_TOPIC, row(77, 8, "name", "a value")}, back;
    uint8_t bytes[64];
    size_t size = catalog_change_size(&c);

    catalog_change_encode(&c, bytes);
    assert_int_equal(catalog_change_decode(&back, bytes_of(bytes, size)), OK);
    assert_int_equal(catalog_tables_apply(t, &back, NULL, NULL), OK);
    assert_true(value_is(catalog_tables_find(t, CATALOG_TOPIC, 8, bytes_of_text("name")), "a value"));
    c.op = CATALOG_REMOVE;
    size = catalog_change_size(&c);
    catalog_change_encode(&c, bytes);
    assert_int_equal(catalog_change_decode(&back, bytes_of(bytes, size)), OK);
    assert_int_equal(catalog_tables_apply(t, &back, NULL, NULL), OK);
    assert_int_equal(catalog_tables_apply(t, &back, NULL, NULL), OK);
    assert_null(catalog_tables_get(t, CATALOG_TOPIC, 77));
}

static void bytes_that_are_no_change_are_refused(void **state)
{
    struct catalog_change c = {CATALOG_PUT, CATALOG_TOPIC, row(77, 8, "name", "a value")}, back;
    uint8_t good[64], bytes[64];
    size_t size = catalog_change_size(&c);
    struct random r;

    catalog_change_encode(&c, good);
    for (size_t len = 0; len < 28; len++)
        assert_int_equal(catalog_change_decode(&back, bytes_of(good, len)), ERR_CORRUPT);
    random_init(&r, 5);
    for (unsigned i = 0; i < 100000; i++) {
        memcpy(bytes, good, size);
        for (unsigned k = 0; k < 3; k++)
            bytes[random_below(&r, 24)] = (uint8_t)random_next(&r);
        if (catalog_change_decode(&back, bytes_of(bytes, size)) == OK)
            assert_int_equal(catalog_change_size(&back), size);
    }
}

static void puts_and_removals_in_any_order_keep_the_invariants(void **state)
{
    struct catalog_tables *t = *state;
    struct random r;
    char name[64];

    random_init(&r, 11);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t id = 1 + random_below(&r, 3000);
        snprintf(name, sizeof name, "persistent://public/default/topic-%llu",
                 (unsigned long long)random_below(&r, 3000));
        struct catalog_row one = row(id, 1 + id % 3, name, "");
        if (random_below(&r, 3) == 0)
            (void)!catalog_tables_remove(t, CATALOG_TOPIC, id, NULL, NULL);
        else
            (void)!catalog_tables_put(t, CATALOG_TOPIC, &one);
        if (i % 100 == 0)
            catalog_tables_check(t);
    }
    assert_true(catalog_tables_count(t, CATALOG_TOPIC) > 100);
}

int main(void)
{
#define with_tables(name) cmocka_unit_test_setup_teardown(name, tables_new, tables_free)
    const struct CMUnitTest tests[] = {
        with_tables(a_row_is_found_by_id_and_by_name),
        with_tables(putting_an_id_again_replaces_name_parent_and_value),
        with_tables(a_row_may_be_put_again_with_the_bytes_it_lends),
        with_tables(a_name_belongs_to_one_id),
        with_tables(what_makes_no_sense_is_refused),
        with_tables(the_rows_of_a_parent_are_listed_by_name),
        with_tables(a_listing_goes_on_behind_a_name_that_may_be_gone),
        with_tables(a_namespace_knows_how_many_topics_it_has),
        with_tables(removing_a_topic_removes_its_subscriptions_and_schemas),
        with_tables(a_take_holds_each_change_once_and_removals_first),
        with_tables(a_change_is_the_same_after_it_was_read_back),
        with_tables(bytes_that_are_no_change_are_refused),
        with_tables(puts_and_removals_in_any_order_keep_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
