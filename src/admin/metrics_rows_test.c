/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_rows_test.c - see metrics_rows.h.
 */
#include "base/base_test.h"

#include "admin/metrics_rows.h"

#include <math.h>
#include <stdio.h>

static void what_is_put_in_comes_out_in_order(void **state)
{
    static const double figures[] = {0, 1, -1, 0.5, 0, 1e300, -0x1p51, 0x1p52, 127, 128, 4503599627370495.0};
    const unsigned count = sizeof figures / sizeof figures[0];
    struct arena arena;
    struct rows rows;
    struct rows_reader reader;
    struct row row;
    char text[32];

    arena_init(&arena, 16 << 20);
    rows_init(&rows, &arena);
    for (unsigned i = 0; i < 10000; i++) { /* many chunks */
        snprintf(text, sizeof text, "topic-%u", i);
        assert_true(rows_add(&rows, i % 7, bytes_of_text(text), figures, i % (count + 1)));
    }
    rows_read(&reader, &rows);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "topic-%u", i);
        assert_true(rows_next(&reader, &row));
        assert_int_equal(row.kind, i % 7);
        assert_true(bytes_equal(row.text, bytes_of_text(text)));
        for (unsigned f = 0; f < ROW_FIGURES_MAX; f++)
            assert_true(row_figure(&row, f) == (f < i % (count + 1) ? figures[f] : 0));
    }
    assert_false(rows_next(&reader, &row));
    assert_false(rows_next(&reader, &row));
    arena_deinit(&arena);
}

static void a_figure_that_is_not_known_stays_so(void **state)
{
    const double figures[] = {(double)NAN, 3};
    struct arena arena;
    struct rows rows;
    struct rows_reader reader;
    struct row row;

    arena_init(&arena, 1 << 20);
    rows_init(&rows, &arena);
    assert_true(rows_add(&rows, 0, bytes_of_text(""), figures, 2));
    rows_read(&reader, &rows);
    assert_true(rows_next(&reader, &row));
    assert_true(isnan(row_figure(&row, 0)));
    assert_true(row_figure(&row, 1) == 3);
    arena_deinit(&arena);
}

static void the_largest_row_fits_and_no_row_does_in_a_spent_arena(void **state)
{
    static char text[ROW_TEXT_MAX];
    double figures[ROW_FIGURES_MAX];
    struct arena arena;
    struct rows rows;
    struct rows_reader reader;
    struct row row;
    size_t count = 0;

    for (unsigned i = 0; i < ROW_FIGURES_MAX; i++)
        figures[i] = 0.1 + i;
    arena_init(&arena, 300 * 1024);
    rows_init(&rows, &arena);
    while (rows_add(&rows, 1, bytes_of(text, sizeof text), figures, ROW_FIGURES_MAX))
        count++;
    assert_true(count > 20);
    assert_int_equal(rows.count, count);
    rows_read(&reader, &rows);
    for (; rows_next(&reader, &row); count--)
        assert_true(row_figure(&row, 62) == 0.1 + 62);
    assert_int_equal(count, 0);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_in_comes_out_in_order),
        cmocka_unit_test(a_figure_that_is_not_known_stays_so),
        cmocka_unit_test(the_largest_row_fits_and_no_row_does_in_a_spent_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
