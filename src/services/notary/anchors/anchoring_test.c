/* SPDX-License-Identifier: Apache-2.0
 *
 * anchoring_test.c - a book of ten entries, an anchor that does what the test says, a clock moved by hand.
 */
#include "base/base_test.h"
#include "services/notary/anchors/anchoring.h"
#include "services/notary/fixture.h"
#include "sys/uv_sys.h"

#include <stdatomic.h>

#define ENTRIES 10

struct fixture {
    struct book book;
    struct anchor anchor;
    struct lanes *lanes;
    struct anchoring *anchoring;
    struct anchor_settings settings;
    bool anchored[ENTRIES];
    size_t size;
    int64_t now_ms, next_ms;
    /* what the anchor answers; those of one entry before those of all */
    atomic_int answer, answer_of_3;
    atomic_uint submissions, submissions_of[ENTRIES];
    bool closed;
};

static enum err unanchored(struct book *book, const char *anchor, uint64_t *indexes, size_t max, size_t *count)
{
    struct fixture *f = container_of(book, struct fixture, book);

    assert_string_equal(anchor, "fake");
    *count = 0;
    for (uint64_t i = 0; i < f->size && *count < max; i++)
        if (!f->anchored[i])
            indexes[(*count)++] = i;
    return OK;
}

static enum err entry(struct book *book, uint64_t index, struct text *leaf, struct text *event_id)
{
    text_printf(leaf, "leaf %u", (unsigned)index);
    text_printf(event_id, "e-%u", (unsigned)index);
    return OK;
}

static const struct book_ops book_ops = {.unanchored = unanchored, .entry = entry};

static enum err submit(struct anchor *anchor, const struct anchor_entry *e, int64_t timeout_ms, struct text *receipt,
                       char *why, size_t why_size)
{
    struct fixture *f = container_of(anchor, struct fixture, anchor);
    int answer = atomic_load(e->index == 3 && atomic_load(&f->answer_of_3) != OK ? &f->answer_of_3 : &f->answer);
    char leaf[20];

    (void)snprintf(leaf, sizeof leaf, "leaf %u", (unsigned)e->index);
    assert_true(bytes_equal(e->leaf, bytes_of_text(leaf)));
    atomic_fetch_add(&f->submissions, 1);
    atomic_fetch_add(&f->submissions_of[e->index], 1);
    (void)snprintf(why, why_size, "it is a fake");
    if (answer == OK)
        text_printf(receipt, "{\"of\":%u}", (unsigned)e->index);
    return (enum err)answer;
}

static void close_anchor(struct anchor *anchor)
{
    container_of(anchor, struct fixture, anchor)->closed = true;
}

static const struct anchor_ops anchor_ops = {.name = "fake", .submit = submit, .close = close_anchor};

static void wake(void *ctx)
{
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->book.ops = &book_ops;
    f->anchor.ops = &anchor_ops;
    f->size = ENTRIES;
    f->now_ms = 1000;
    f->settings = (struct anchor_settings){.timeout_ms = 1000, .parallel = 2, .retry_ms = 10, .retry_max_ms = 35};
    assert_int_equal(lanes_new(&f->lanes, wake, NULL), OK);
    struct anchor *anchors[] = {&f->anchor};
    const struct anchoring_options options = {
        .book = &f->book, .lanes = f->lanes, .anchors = anchors, .count = 1, .settings = &f->settings};
    assert_int_equal(anchoring_new(&f->anchoring, &options), OK);
    *state = f;
    return 0;
}

static void dropped(struct job *job)
{
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    lanes_free(f->lanes, dropped);
    anchoring_free(f->anchoring);
    assert_true(f->closed);
    free(f);
    return 0;
}

/* One round; its records are written, or lost with who would have written them. */
static size_t round_of(struct fixture *f, bool written)
{
    json_t *records = json_array();
    size_t count;

    assert_int_equal(anchoring_round(f->anchoring, f->now_ms, records, &f->next_ms), OK);
    count = json_array_size(records);
    for (size_t i = 0; i < count && written; i++) {
        const json_t *record = json_array_get(records, i);
        json_int_t index = json_integer_value(json_object_get(record, "index"));

        assert_string_equal(json_string_value(json_object_get(record, "kind")), "anchored");
        assert_string_equal(json_string_value(json_object_get(record, "anchor")), "fake");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(record, "receipt"), "of")), index);
        assert_false(f->anchored[index]);
        f->anchored[index] = true;
    }
    json_decref(records);
    return count;
}

/* Until as many submissions have been made, ever, and are back. */
static void until_submitted(struct fixture *f, unsigned count)
{
    while (atomic_load(&f->submissions) < count)
        ;
    for (unsigned back = 0; back < 1;)
        back += (unsigned)lanes_collect(f->lanes);
}

static size_t anchored(const struct fixture *f)
{
    size_t count = 0;

    for (size_t i = 0; i < ENTRIES; i++)
        count += f->anchored[i];
    return count;
}

static unsigned counted(const struct fixture *f, const char *what)
{
    char name[80];
    struct text out;
    const char *at;
    unsigned count;

    text_init(&out, 4096);
    anchoring_metrics(f->anchoring, &out);
    (void)snprintf(name, sizeof name, "\ngeminga_notary_anchor_%s_total{anchor=\"fake\"} ", what);
    at = strstr(out.data, name);
    assert_non_null(at);
    count = (unsigned)strtoul(at + strlen(name), NULL, 10);
    text_deinit(&out);
    return count;
}

static void every_entry_gets_a_receipt_and_none_is_submitted_twice(void **state)
{
    struct fixture *f = *state;

    while (anchored(f) < ENTRIES) {
        (void)lanes_collect(f->lanes);
        (void)round_of(f, true);
    }
    assert_int_equal(atomic_load(&f->submissions), ENTRIES);
    assert_int_equal(round_of(f, true), 0);
    assert_true(f->next_ms == INT64_MAX);
    assert_int_equal(counted(f, "receipts"), ENTRIES);
}

static void an_anchor_that_fails_is_left_alone_twice_as_long_each_time_up_to_a_bound(void **state)
{
    static const int64_t delays[] = {10, 20, 35, 35};
    struct fixture *f = *state;

    f->size = 1;
    atomic_store(&f->answer, ERR_TIMEOUT);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(round_of(f, true), 0);
        until_submitted(f, i + 1);
        assert_int_equal(round_of(f, true), 0);
        assert_int_equal(f->next_ms, f->now_ms + delays[i]);
        f->now_ms = f->next_ms - 1;
        assert_int_equal(round_of(f, true), 0);
        assert_int_equal(lanes_collect(f->lanes), 0);
        f->now_ms++;
    }
    atomic_store(&f->answer, OK);
    (void)round_of(f, true);
    until_submitted(f, 5);
    assert_int_equal(round_of(f, true), 1);
    assert_int_equal(counted(f, "failures"), 4);
}

static void an_entry_that_is_refused_holds_up_no_other_and_is_tried_again_later(void **state)
{
    struct fixture *f = *state;

    atomic_store(&f->answer_of_3, ERR_NOT_ALLOWED);
    while (anchored(f) < ENTRIES - 1 || atomic_load(&f->submissions_of[3]) == 0) {
        (void)lanes_collect(f->lanes);
        (void)round_of(f, true);
    }
    while (counted(f, "failures") == 0) {
        (void)lanes_collect(f->lanes);
        (void)round_of(f, true);
    }
    assert_int_equal(round_of(f, true), 0);
    assert_int_equal(f->next_ms, f->now_ms + 35);
    assert_int_equal(atomic_load(&f->submissions_of[3]), 1);

    f->now_ms += 35;
    atomic_store(&f->answer_of_3, OK);
    (void)round_of(f, true);
    until_submitted(f, ENTRIES + 1);
    assert_int_equal(round_of(f, true), 1);
    assert_int_equal(anchored(f), ENTRIES);
}

static void a_receipt_that_was_not_written_is_asked_for_again(void **state)
{
    struct fixture *f = *state;

    f->size = 1;
    (void)round_of(f, true);
    until_submitted(f, 1);
    assert_int_equal(round_of(f, false), 1);
    anchoring_forget(f->anchoring);
    assert_int_equal(round_of(f, true), 0);
    until_submitted(f, 2);
    assert_int_equal(round_of(f, true), 1);
    assert_true(f->anchored[0]);
}

static void what_came_back_before_it_was_forgotten_is_asked_for_again(void **state)
{
    struct fixture *f = *state;

    f->size = 1;
    (void)round_of(f, true);
    until_submitted(f, 1);
    anchoring_forget(f->anchoring);
    (void)round_of(f, true);
    until_submitted(f, 2);
    assert_int_equal(round_of(f, true), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_entry_gets_a_receipt_and_none_is_submitted_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(an_anchor_that_fails_is_left_alone_twice_as_long_each_time_up_to_a_bound, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_entry_that_is_refused_holds_up_no_other_and_is_tried_again_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_receipt_that_was_not_written_is_asked_for_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_came_back_before_it_was_forgotten_is_asked_for_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
