/* SPDX-License-Identifier: Apache-2.0
 *
 * partial_acks_test.c - partial_acks.h in use.
 */
#include "store/partial_acks.h"

#include "base/base_test.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

#define AT(ledger_, entry_) ((struct position){ledger_, entry_})

static enum err set(struct partial_acks *a, struct position p, uint32_t messages, const char *left, size_t len)
{
    return partial_acks_set(
        a, &(struct partial_ack){.position = p, .messages = messages, .left = bytes_of((const uint8_t *)left, len)});
}

static void expect(const struct partial_acks *a, struct position p, uint32_t messages, const char *left, size_t len)
{
    struct partial_ack found;

    assert_true(partial_acks_find(a, p, &found));
    assert_int_equal(found.messages, messages);
    assert_int_equal(found.left.len, len);
    assert_memory_equal(found.left.data, left, len);
}

static void entries_are_found_replaced_and_forgotten_and_the_sums_follow(void **state)
{
    struct partial_acks a = {0};
    struct partial_ack none;

    assert_int_equal(set(&a, AT(4, 7), 10, "\xf0\x03", 2), OK);
    assert_int_equal(set(&a, AT(2, 7), 8, "\x01", 1), OK);
    assert_int_equal(set(&a, AT(4, 3), 0, "\xff\xff\x01", 3), OK);
    partial_acks_check(&a);
    assert_int_equal(a.entries, 3);
    assert_int_equal(a.acked, 4 + 7);
    assert_int_equal(a.unknown, 1);
    expect(&a, AT(4, 7), 10, "\xf0\x03", 2);
    expect(&a, AT(4, 3), 0, "\xff\xff\x01", 3);
    assert_false(partial_acks_find(&a, AT(4, 5), &none));
    assert_false(partial_acks_find(&a, AT(3, 7), &none));
    assert_false(partial_acks_find(&a, POSITION_LATEST, &none));

    assert_int_equal(set(&a, AT(4, 7), 10, "\x10", 1), OK);
    assert_int_equal(a.entries, 3);
    assert_int_equal(a.acked, 9 + 7);
    partial_acks_forget(&a, 4, 4, UINT32_MAX);
    partial_acks_forget(&a, 3, 0, UINT32_MAX);
    partial_acks_check(&a);
    assert_int_equal(a.entries, 2);
    partial_acks_forget_upto(&a, AT(4, 2));
    partial_acks_check(&a);
    assert_int_equal(a.entries, 1);
    partial_acks_forget_upto(&a, POSITION_LATEST);
    assert_int_equal(a.entries, 0);
    assert_null(a.pages);
}

static void the_first_one_whose_messages_are_not_known_is_named(void **state)
{
    struct partial_acks a = {0};
    struct position p;

    assert_int_equal(set(&a, AT(1, 1), 3, "\x01", 1), OK);
    assert_false(partial_acks_first_unknown(&a, &p));
    assert_int_equal(set(&a, AT(5, 0), 0, "\x01", 1), OK);
    assert_int_equal(set(&a, AT(3, 9), 0, "\x01", 1), OK);
    assert_true(partial_acks_first_unknown(&a, &p));
    assert_true(position_equal(p, AT(3, 9)));
    partial_acks_deinit(&a);
}

static void bits_beyond_the_messages_and_empty_ends_are_trimmed(void **state)
{
    uint8_t left[4] = {0xff, 0xff, 0xff, 0xff};

    assert_int_equal(partial_left_trim(left, 4, 0), 4);
    assert_int_equal(partial_left_trim(left, 4, 17), 3);
    assert_memory_equal(left, "\xff\xff\x01\xff", 4);
    assert_int_equal(partial_left_trim(left, 3, 16), 2);
    left[1] = 0;
    assert_int_equal(partial_left_trim(left, 2, 100), 1);
    left[0] = 0xf0;
    assert_int_equal(partial_left_trim(left, 1, 4), 0);
    assert_int_equal(partial_left_count(bytes_of((const uint8_t *)"\xf0\x00\x81", 3)), 6);
}

static void batches_of_ten_cost_about_five_bytes_each_and_there_is_an_end(void **state)
{
    struct partial_acks a = {0};
    uint32_t n = 0;
    enum err err;

    while ((err = set(&a, AT(1, 2 * n), 10, "\x55\x01", 2)) == OK)
        n++;
    assert_int_equal(err, ERR_FULL);
    assert_true(n > 190000);
    assert_int_equal(set(&a, AT(1, 0), 10, "\x01\x01", 2), OK); /* what is there goes on */
    partial_acks_check(&a);
    assert_true(partial_acks_encoded_size(&a) <= PARTIAL_BYTES_MAX * 11 / 10);
    partial_acks_forget(&a, 1, 10, 20);
    assert_int_equal(set(&a, AT(1, 2 * n), 10, "\x55\x01", 2), OK);
    partial_acks_check(&a);
    partial_acks_deinit(&a);
}

static void pages_are_these_bytes(void **state)
{
    struct partial_acks a = {0}, back = {0};
    uint8_t to[128];

    assert_int_equal(set(&a, AT(5, 300), 10, "\xf0\x03", 2), OK);
    assert_int_equal(set(&a, AT(5, 302), 0, "\x01", 1), OK);
    assert_int_equal(set(&a, AT(6, 0), 200, "\x01", 1), OK);
    const size_t len = partial_acks_encoded_size(&a);
    assert_ptr_equal(partial_acks_encode(&a, to), to + len);
    static const uint8_t bytes[] = {5,    0,    0,  0, 0,    0, 0, 0, 2, 0, 0, 0,    10, 0, 0, 0,
                                    0xac, 0x02, 10, 2, 0xf0, 3, 2, 0, 1, 1, 6, 0,    0,  0, 0, 0,
                                    0,    0,    1,  0, 0,    0, 5, 0, 0, 0, 0, 0xc8, 1,  1, 1};
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(to, bytes, len);
    struct bytes from = bytes_of(to, len);
    assert_int_equal(partial_acks_decode(&back, &from, 2), OK);
    assert_int_equal(from.len, 0);
    partial_acks_check(&back);
    expect(&back, AT(5, 302), 0, "\x01", 1);
    partial_acks_deinit(&back);
    for (size_t cut = 0; cut < len; cut++) {
        from = bytes_of(to, cut);
        assert_int_equal(partial_acks_decode(&back, &from, 2), ERR_CORRUPT);
        partial_acks_deinit(&back);
    }
    partial_acks_deinit(&a);
}

/* Each is what no program of ours writes. */
static void pages_that_break_an_invariant_are_damage(void **state)
{
    static const struct {
        const char *what, *bytes;
        size_t len;
    } bad[] = {
        {"nothing left", "\x01\x08\x00", 3},
        {"an empty byte at the end", "\x01\x10\x02\x01\x00", 5},
        {"everything left", "\x01\x03\x01\x07", 4},
        {"left beyond the end", "\x01\x03\x01\x09", 4},
        {"one entry twice", "\x01\x03\x01\x01\x00\x03\x01\x01", 8},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct partial_acks a = {0};
        uint8_t page[64] = {1};
        le32_put(page + 8, bad[i].len == 8 ? 2 : 1);
        le32_put(page + 12, (uint32_t)bad[i].len);
        memcpy(page + 16, bad[i].bytes, bad[i].len);
        struct bytes from = bytes_of(page, 16 + bad[i].len);
        print_message("%s\n", bad[i].what);
        assert_int_equal(partial_acks_decode(&a, &from, 1), ERR_CORRUPT);
        partial_acks_deinit(&a);
    }
}

/* ---- against a table ---- */

#define LEDGERS 3
#define ENTRIES 400

struct known {
    bool there;
    uint32_t messages;
    size_t len;
    uint8_t left[PARTIAL_LEFT_MAX];
};

static struct known table[LEDGERS][ENTRIES];

static void compare(const struct partial_acks *a)
{
    uint32_t entries = 0;

    partial_acks_check(a);
    for (unsigned l = 0; l < LEDGERS; l++) {
        for (unsigned e = 0; e < ENTRIES; e++) {
            const struct known *k = &table[l][e];
            struct partial_ack found;
            const bool there = partial_acks_find(a, AT(10 * l, 1000 * e), &found);
            assert_int_equal(there, k->there);
            entries += there;
            if (!there)
                continue;
            assert_int_equal(found.messages, k->messages);
            assert_true(bytes_equal(found.left, bytes_of(k->left, k->len)));
        }
    }
    assert_int_equal(entries, a->entries);
}

static void set_random(struct partial_acks *a, struct random *r, unsigned l, unsigned e)
{
    struct known *k = &table[l][e];

    k->there = true;
    k->messages = random_below(r, 4) == 0 ? 0 : 2 + (uint32_t)random_below(r, random_below(r, 50) ? 40 : 60000);
    const uint32_t messages = k->messages ? k->messages : 20;
    memset(k->left, 0, sizeof k->left);
    for (uint32_t n = 0; n < messages; n++)
        k->left[n / 8] |= (uint8_t)(random_below(r, 2) << n % 8);
    k->left[0] = (uint8_t)((k->left[0] | 1) & ~2); /* one is left, one is not */
    k->len = partial_left_trim(k->left, (messages + 7) / 8, k->messages);
    assert_int_equal(set(a, AT(10 * l, 1000 * e), k->messages, (char *)k->left, k->len), OK);
}

static void forget_random(struct partial_acks *a, struct random *r, unsigned l, unsigned e)
{
    const unsigned last = e + (unsigned)random_below(r, random_below(r, 8) ? 3 : ENTRIES - e);

    for (unsigned i = e; i <= last && i < ENTRIES; i++)
        table[l][i].there = false;
    partial_acks_forget(a, 10 * l, 1000 * e, 1000 * last);
}

static void forget_upto_random(struct partial_acks *a, unsigned l, unsigned e)
{
    for (unsigned at = 0; at < l; at++)
        for (unsigned i = 0; i < ENTRIES; i++)
            table[at][i].there = false;
    for (unsigned i = 0; i <= e; i++)
        table[l][i].there = false;
    partial_acks_forget_upto(a, AT(10 * l, 1000 * e));
}

static void through_bytes(struct partial_acks *a)
{
    const size_t size = partial_acks_encoded_size(a);
    uint8_t *bytes = test_malloc(size + 1);
    struct bytes from = bytes_of(bytes, size);
    const uint32_t pages = a->count;

    partial_acks_encode(a, bytes);
    partial_acks_deinit(a);
    assert_int_equal(partial_acks_decode(a, &from, pages), OK);
    assert_int_equal(from.len, 0);
    test_free(bytes);
}

static void whatever_is_done_it_holds_what_a_table_holds(void **state)
{
    struct partial_acks a = {0};
    struct random r;

    random_init(&r, 7);
    for (unsigned step = 0; step < 6000; step++) {
        const unsigned l = (unsigned)random_below(&r, LEDGERS), e = (unsigned)random_below(&r, ENTRIES);
        const unsigned what = (unsigned)random_below(&r, 100);
        if (what < 80)
            set_random(&a, &r, l, e);
        else if (what < 97)
            forget_random(&a, &r, l, e);
        else if (what < 98)
            forget_upto_random(&a, l, e);
        else
            through_bytes(&a);
        if (step % 50 == 0)
            compare(&a);
    }
    compare(&a);
    partial_acks_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_replaced_and_forgotten_and_the_sums_follow),
        cmocka_unit_test(the_first_one_whose_messages_are_not_known_is_named),
        cmocka_unit_test(bits_beyond_the_messages_and_empty_ends_are_trimmed),
        cmocka_unit_test(batches_of_ten_cost_about_five_bytes_each_and_there_is_an_end),
        cmocka_unit_test(pages_are_these_bytes),
        cmocka_unit_test(pages_that_break_an_invariant_are_damage),
        cmocka_unit_test(whatever_is_done_it_holds_what_a_table_holds),
    };
    return cmocka_run_group_tests_name("store: partial acknowledgements", tests, NULL, NULL);
}
