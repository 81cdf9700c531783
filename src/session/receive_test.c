/* SPDX-License-Identifier: Apache-2.0
 *
 * receive_test.c - receive.h in use.
 */
#include "base/base_test.h"
#include "session/receive.h"
#include "wire/frame.h"

#define LIMIT (1024 * 1024)

static struct buffer_pool no_pool; /* that keeps nothing */

static void begin(struct receive *r, struct budget *budget)
{
    buffer_pool_init(&no_pool, 0);
    receive_init(r, LIMIT, budget, &no_pool);
}

static void put(struct receive *r, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        uint8_t *to;
        size_t room;
        assert_int_equal(receive_space(r, &to, &room), OK);
        size_t part = len < room ? len : room;
        memcpy(to, bytes, part);
        receive_got(r, part);
        bytes += part;
        len -= part;
    }
}

/* A frame of `total` bytes in all, filled with `fill`. */
static void make_frame(uint8_t *to, size_t total, uint8_t fill)
{
    be32_put(to, (uint32_t)(total - 4));
    be32_put(to + 4, (uint32_t)(total - 8));
    memset(to + 8, fill, total - 8);
}

static void a_frame_that_comes_byte_by_byte_is_taken_when_it_is_whole(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[20];

    make_frame(bytes, sizeof bytes, 7);
    begin(&r, &budget);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
        put(&r, bytes + i, 1);
    }
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    assert_true(bytes_equal(frame, bytes_of(bytes, sizeof bytes)));
    assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
    receive_deinit(&r);
    assert_int_equal(budget.used, 0);
}

static void many_frames_of_one_read_are_taken_one_by_one(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[100 * 16];

    for (size_t i = 0; i < 100; i++)
        make_frame(bytes + 16 * i, 16, (uint8_t)i);
    begin(&r, &budget);
    put(&r, bytes, sizeof bytes);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(receive_take(&r, &frame, &known), OK);
        assert_int_equal(frame.data[8], i);
    }
    assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
    receive_deinit(&r);
}

static void a_slice_that_is_kept_is_not_written_over(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[3000];
    struct slice kept;

    begin(&r, &budget);
    make_frame(bytes, sizeof bytes, 1);
    put(&r, bytes, sizeof bytes);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    kept = slice_of(r.buffer, (size_t)(frame.data - r.buffer->data), frame.len);
    for (uint8_t fill = 2; fill < 20; fill++) {
        make_frame(bytes, sizeof bytes, fill);
        put(&r, bytes, sizeof bytes);
        assert_int_equal(receive_take(&r, &frame, &known), OK);
        assert_int_equal(frame.data[8], fill);
    }
    for (size_t i = 8; i < kept.len; i++)
        assert_int_equal(kept.data[i], 1);
    slice_unref(&kept);
    receive_deinit(&r);
}

static void a_large_frame_gets_a_buffer_of_its_size(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *bytes = test_malloc(600000);

    make_frame(bytes, 600000, 9);
    begin(&r, &budget);
    put(&r, bytes, 100);
    assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
    put(&r, bytes + 100, 600000 - 100);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    assert_int_equal(frame.len, 600000);
    assert_true(r.buffer->capacity < 600000 + 4096);
    receive_deinit(&r);
    test_free(bytes);
}

/* Room for `len` bytes, which are not all taken. */
static size_t offer(struct receive *r, const uint8_t *bytes, size_t len)
{
    uint8_t *to;
    size_t room;

    assert_int_equal(receive_space(r, &to, &room), OK);
    room = room < len ? room : len;
    memcpy(to, bytes, room);
    receive_got(r, room);
    return room;
}

static void of_large_frames_in_a_row_each_is_read_to_where_it_stays(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *bytes = test_malloc(10 * 100000);
    struct slice kept[10];
    unsigned reads = 0, frames = 0;

    for (unsigned i = 0; i < 10; i++)
        make_frame(bytes + 100000 * i, 100000, (uint8_t)i);
    begin(&r, &budget);
    for (size_t at = 0; at < 10 * 100000; reads++) {
        at += offer(&r, bytes + at, 10 * 100000 - at);
        while (receive_take(&r, &frame, &known) == OK) {
            assert_int_equal(frame.data[99999], frames);
            kept[frames++] = slice_of(r.buffer, (size_t)(frame.data - r.buffer->data), frame.len);
            assert_true(r.buffer->capacity < 100000 + 4096); /* nothing else is pinned with it */
            assert_true(r.end - r.start <= 1024);            /* and of the next, little is to be copied */
        }
    }
    assert_int_equal(frames, 10);
    assert_true(reads <= 12); /* a piece of 128 KiB would hold one and more */
    for (unsigned i = 0; i < 10; i++)
        slice_unref(&kept[i]);
    receive_deinit(&r);
    test_free(bytes);
}

static void who_sends_much_in_small_frames_is_soon_read_in_large_pieces(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *bytes = test_malloc(1000 * 1000);
    unsigned reads = 0, frames = 0;

    for (unsigned i = 0; i < 1000; i++)
        make_frame(bytes + 1000 * i, 1000, (uint8_t)i);
    begin(&r, &budget);
    for (size_t at = 0; at < 1000 * 1000; reads++) {
        at += offer(&r, bytes + at, 1000 * 1000 - at);
        while (receive_take(&r, &frame, &known) == OK) /* nobody keeps it: the buffer could be used for ever */
            assert_int_equal(frame.data[999], frames++ % 256);
    }
    assert_int_equal(frames, 1000);
    assert_true(reads < 10);
    receive_deinit(&r);
    test_free(bytes);
}

static void who_has_said_all_has_no_small_buffer(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive a, b;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[600];

    make_frame(bytes, sizeof bytes, 0);
    begin(&a, &budget);
    begin(&b, &budget);
    for (int i = 0; i < 10; i++) { /* by turns, as clients that ping */
        struct receive *r = i % 2 ? &a : &b;
        put(r, bytes, sizeof bytes - 1);
        assert_int_equal(receive_take(r, &frame, &known), ERR_AGAIN);
        receive_rest(r);
        assert_non_null(r->buffer); /* the rest is still to come */
        put(r, bytes + sizeof bytes - 1, 1);
        assert_int_equal(receive_take(r, &frame, &known), OK);
        receive_rest(r);
        assert_null(r->buffer);
        assert_int_equal(budget.used, 0);
    }
    receive_deinit(&a);
    receive_deinit(&b);
}

static void a_small_buffer_stays_while_somebody_holds_a_slice_of_it(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[600];

    make_frame(bytes, sizeof bytes, 0);
    begin(&r, &budget);
    put(&r, bytes, sizeof bytes);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    struct slice kept = slice_of(r.buffer, (size_t)(frame.data - r.buffer->data), frame.len);
    receive_rest(&r);
    assert_non_null(r.buffer);
    slice_unref(&kept);
    receive_rest(&r);
    assert_null(r.buffer);
    receive_deinit(&r);
}

/* It goes on to charge and to drop it, and nobody else would count what the connection kept. */
static void what_the_tail_cache_may_take_over_is_not_kept_by_the_connection(void **state)
{
    static const size_t sizes[] = {3000, 9000, 100000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct budget budget = {.limit = LIMIT};
        struct receive r;
        struct crc32c_tail known;
        struct bytes frame;
        uint8_t *bytes = test_malloc(sizes[i]);

        make_frame(bytes, sizes[i], 0);
        begin(&r, &budget);
        put(&r, bytes, 8);
        assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
        put(&r, bytes + 8, sizes[i] - 8);
        assert_int_equal(receive_take(&r, &frame, &known), OK);
        struct slice kept = slice_of(r.buffer, (size_t)(frame.data - r.buffer->data), frame.len);
        receive_rest(&r);
        assert_null(r.buffer);
        slice_unref(&kept);
        assert_int_equal(budget.used, 0);
        receive_deinit(&r);
        test_free(bytes);
    }
}

static void a_buffer_that_the_tail_cache_has_let_go_of_is_charged_again(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct crc32c_tail known;
    struct bytes frame;
    uint8_t *bytes = test_malloc(100003), *to;
    size_t len;

    make_frame(bytes, 100000, 0);
    memset(bytes + 100000, 0, 3); /* the next one has begun */
    begin(&r, &budget);
    put(&r, bytes, 8);
    assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
    put(&r, bytes + 8, 100003 - 8);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    struct slice kept = slice_of(r.buffer, (size_t)(frame.data - r.buffer->data), frame.len);
    buffer_charge(kept.buffer, NULL);
    assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
    slice_unref(&kept);
    assert_int_equal(budget.used, 0);
    assert_int_equal(receive_space(&r, &to, &len), OK);
    assert_int_equal(budget.used, r.buffer->capacity);
    receive_deinit(&r);
    assert_int_equal(budget.used, 0);
    test_free(bytes);
}

static void a_large_frame_waits_while_the_budget_is_spent(void **state)
{
    struct budget budget = {.limit = LIMIT, .used = LIMIT - 1000};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *to, bytes[600];
    size_t len;

    make_frame(bytes, sizeof bytes, 0);
    be32_put(bytes, 600000);
    be32_put(bytes + 4, 100);
    begin(&r, &budget);
    put(&r, bytes, sizeof bytes);
    assert_int_equal(receive_take(&r, &frame, &known), ERR_AGAIN);
    assert_int_equal(receive_space(&r, &to, &len), ERR_FULL);
    budget.used -= LIMIT - 1000;
    assert_int_equal(receive_space(&r, &to, &len), OK);
    receive_deinit(&r);
}

static void when_the_budget_is_spent_a_connection_gets_a_small_buffer_and_no_other(void **state)
{
    struct budget budget = {.limit = LIMIT, .used = LIMIT - 1000};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *to, bytes[2000];
    size_t len;

    begin(&r, &budget);
    r.next = 64 * 1024; /* it says much */
    make_frame(bytes, sizeof bytes, 1);
    for (int i = 0; i < 100; i++) {
        put(&r, bytes, sizeof bytes);
        assert_int_equal(receive_take(&r, &frame, &known), OK);
        assert_true(r.buffer->capacity <= 4096);
    }
    receive_relax(&r);
    budget.used = 0;
    r.next = 64 * 1024;
    assert_int_equal(receive_space(&r, &to, &len), OK);
    assert_int_equal(len, 64 * 1024);
    receive_deinit(&r);
}

static void a_buffer_counts_as_long_as_somebody_keeps_a_slice_of_it(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[3000];

    begin(&r, &budget);
    make_frame(bytes, sizeof bytes, 1);
    put(&r, bytes, sizeof bytes);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    const size_t capacity = r.buffer->capacity;
    struct slice kept = slice_of(r.buffer, 0, frame.len);
    receive_deinit(&r);
    assert_int_equal(budget.used, capacity);
    slice_unref(&kept);
    assert_int_equal(budget.used, 0);
}

static void a_size_beyond_the_limit_is_refused_before_memory_is_taken(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[8] = {0x7f, 0xff, 0xff, 0xff};

    begin(&r, &budget);
    put(&r, bytes, sizeof bytes);
    assert_int_equal(receive_take(&r, &frame, &known), ERR_TOO_LARGE);
    assert_true(budget.used < 10000);
    receive_deinit(&r);
}

static void an_idle_connection_holds_no_buffer(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t bytes[16];

    make_frame(bytes, sizeof bytes, 0);
    begin(&r, &budget);
    put(&r, bytes, sizeof bytes);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    receive_relax(&r);
    assert_null(r.buffer);
    assert_int_equal(budget.used, 0);
}

static void the_checksum_of_a_large_frames_entry_is_known_when_the_frame_is_there(void **state)
{
    enum { SIZE = 300000, COVERED = 8 + 20 + 6 };
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *bytes = test_malloc(2 * SIZE);

    make_frame(bytes, SIZE, 0);
    for (size_t i = 8; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * i >> 7);
    be32_put(bytes + 4, 20);
    be16_put(bytes + 8 + 20, 0x0e01);
    memcpy(bytes + SIZE, bytes, SIZE);
    const uint32_t crc = crc32c(0, bytes_of(bytes + COVERED, SIZE - COVERED));
    for (size_t first = 1; first < 60; first++) { /* the beginning may come in any pieces */
        unsigned frames = 0;
        begin(&r, &budget);
        for (size_t at = 0; at < 2 * SIZE;) {
            at += offer(&r, bytes + at, at < 60 ? first : 2 * SIZE - at);
            for (; receive_take(&r, &frame, &known) == OK; frames++) {
                assert_int_equal(known.len, SIZE - COVERED);
                assert_int_equal(known.crc, crc);
            }
        }
        assert_int_equal(frames, 2);
        receive_deinit(&r);
    }
    test_free(bytes);
}

static void without_a_checksum_nothing_is_known(void **state)
{
    struct budget budget = {.limit = LIMIT};
    struct receive r;
    struct bytes frame;
    struct crc32c_tail known;
    uint8_t *bytes = test_malloc(100000);

    make_frame(bytes, 100000, 3); /* a command that is longer than the frame's first piece */
    begin(&r, &budget);
    put(&r, bytes, 100000);
    assert_int_equal(receive_take(&r, &frame, &known), OK);
    assert_int_equal(known.len, 0);
    receive_deinit(&r);
    test_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_that_comes_byte_by_byte_is_taken_when_it_is_whole),
        cmocka_unit_test(many_frames_of_one_read_are_taken_one_by_one),
        cmocka_unit_test(a_slice_that_is_kept_is_not_written_over),
        cmocka_unit_test(a_large_frame_gets_a_buffer_of_its_size),
        cmocka_unit_test(of_large_frames_in_a_row_each_is_read_to_where_it_stays),
        cmocka_unit_test(who_sends_much_in_small_frames_is_soon_read_in_large_pieces),
        cmocka_unit_test(when_the_budget_is_spent_a_connection_gets_a_small_buffer_and_no_other),
        cmocka_unit_test(a_buffer_counts_as_long_as_somebody_keeps_a_slice_of_it),
        cmocka_unit_test(who_has_said_all_has_no_small_buffer),
        cmocka_unit_test(a_small_buffer_stays_while_somebody_holds_a_slice_of_it),
        cmocka_unit_test(what_the_tail_cache_may_take_over_is_not_kept_by_the_connection),
        cmocka_unit_test(a_buffer_that_the_tail_cache_has_let_go_of_is_charged_again),
        cmocka_unit_test(a_large_frame_waits_while_the_budget_is_spent),
        cmocka_unit_test(a_size_beyond_the_limit_is_refused_before_memory_is_taken),
        cmocka_unit_test(an_idle_connection_holds_no_buffer),
        cmocka_unit_test(the_checksum_of_a_large_frames_entry_is_known_when_the_frame_is_there),
        cmocka_unit_test(without_a_checksum_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
