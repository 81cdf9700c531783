/* SPDX-License-Identifier: Apache-2.0
 *
 * documents_test.c - documents.h in use: kept by kind and name, over a kill, and bounded.
 */
#include "base/base_test.h"

#include "broker/broker_world.h"
#include "broker/documents.h"

#include <stdlib.h>

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(*state = w);
    world_start(w, 1);
    world_open(w);
    return 0;
}

static int tear_down(void **state)
{
    world_end(*state);
    free(*state);
    return 0;
}

static enum err keep(struct world *w, const char *kind, const char *name, const char *value)
{
    struct refusal why;

    return document_put(w->broker, kind, bytes_of_text(name), bytes_of_text(value), &why);
}

static void expect(struct world *w, const char *kind, const char *name, const char *wanted)
{
    struct bytes value = bytes_of(NULL, 0);

    assert_int_equal(document_find(w->broker, kind, bytes_of_text(name), &value), wanted != NULL);
    if (wanted)
        assert_true(bytes_equal(value, bytes_of_text(wanted)));
}

static void make_durable(struct world *w)
{
    struct broker_op op = {.done = world_done};

    broker_when_durable(w->broker, &op);
    assert_int_equal(world_finish(w, &op).err, OK);
}

static void a_document_is_kept_replaced_and_removed_over_power_cuts(void **state)
{
    struct world *w = *state;
    struct refusal why;

    assert_int_equal(keep(w, "cluster", "a", "1"), OK);
    assert_int_equal(keep(w, "cluster", "a", "2"), OK);
    make_durable(w);
    world_cut_and_open(w);
    expect(w, "cluster", "a", "2");
    assert_int_equal(document_remove(w->broker, "cluster", bytes_of_text("a"), &why), OK);
    assert_int_equal(document_remove(w->broker, "cluster", bytes_of_text("a"), &why), ERR_NOT_FOUND);
    assert_int_equal(document_forget(w->broker, "cluster", bytes_of_text("a"), &why), OK);
    make_durable(w);
    world_cut_and_open(w);
    expect(w, "cluster", "a", NULL);
}

static void kinds_do_not_see_each_other(void **state)
{
    struct world *w = *state;

    assert_int_equal(keep(w, "cluster", "a", "1"), OK);
    assert_int_equal(keep(w, "cluster-migration", "a", "2"), OK);
    expect(w, "cluster", "a", "1");
    expect(w, "cluster-migration", "a", "2");
    expect(w, "boot", "", NULL);
}

struct names {
    char text[100];
};

static bool write_down(void *ctx, struct bytes name, struct bytes value)
{
    struct names *n = ctx;

    strncat(n->text, (const char *)name.data, name.len);
    strcat(n->text, " ");
    return true;
}

static void those_that_begin_alike_are_visited_in_order(void **state)
{
    struct world *w = *state;
    struct names all = {""}, some = {""};

    assert_int_equal(keep(w, "domain", "east/b", "1"), OK);
    assert_int_equal(keep(w, "domain", "east/a", "1"), OK);
    assert_int_equal(keep(w, "domain", "eastern/c", "1"), OK);
    assert_int_equal(keep(w, "domains", "east/d", "1"), OK);
    documents_each(w->broker, "domain", bytes_of(NULL, 0), write_down, &all);
    assert_string_equal(all.text, "east/a east/b eastern/c ");
    documents_each(w->broker, "domain", bytes_of_text("east/"), write_down, &some);
    assert_string_equal(some.text, "a b ");
}

static void what_is_too_large_or_has_no_name_is_refused(void **state)
{
    static char large[DOCUMENT_BYTES_MAX + 1], name[DOCUMENT_NAME_MAX + 1];
    struct world *w = *state;
    struct refusal why;

    memset(name, 'n', sizeof name);
    assert_int_equal(document_put(w->broker, "k", bytes_of_text("n"), bytes_of(large, sizeof large), &why),
                     ERR_TOO_LARGE);
    assert_int_equal(document_put(w->broker, "k", bytes_of(name, sizeof name), bytes_of_text("1"), &why), ERR_INVALID);
    assert_int_equal(document_put(w->broker, "k", bytes_of(NULL, 0), bytes_of_text("1"), &why), ERR_INVALID);
    assert_int_equal(
        document_put(w->broker, "k", bytes_of(name, sizeof name - 1), bytes_of(large, sizeof large - 1), &why), OK);
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_document_is_kept_replaced_and_removed_over_power_cuts),
        WORLD_TEST(kinds_do_not_see_each_other),
        WORLD_TEST(those_that_begin_alike_are_visited_in_order),
        WORLD_TEST(what_is_too_large_or_has_no_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
