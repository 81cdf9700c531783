/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cursor_row.h"

#include "base/base_test.h"
#include "base/checksum.h"
#include "base/random.h"
#include "base/test_share.h"
#include "store/chain.h"

#include <stdio.h>
#include <stdlib.h>

#define AT(l, e) ((struct position){(l), (e)})
#define assert_position(got, l, e)                                                                                     \
    do {                                                                                                               \
        struct position got_ = (got);                                                                                  \
        assert_int_equal(got_.ledger, (l));                                                                            \
        assert_int_equal(got_.entry, (e));                                                                             \
    } while (0)

/* Ten entries of one message; nothing; ten of two messages, still open. */
static const struct ledger_info chain[] = {
    {.id = 1, .entries = 10, .messages = 10},
    {.id = 2, .first_message = 10},
    {.id = 4, .entries = 10, .first_message = 10, .messages = 20, .open = true},
};

/* As a checkpoint encodes it. */
static uint8_t *encode(struct ack_set *s, size_t *size)
{
    struct redeliveries none = {0};
    struct cursor_row row;

    assert_int_equal(cursor_row_take(&row, s, &none, NULL), OK);
    *size = cursor_row_size(&row);
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    cursor_row_encode(&row, bytes);
    cursor_row_release(&row);
    return bytes;
}

static enum err decode(struct ack_set *s, struct bytes from)
{
    struct cursor_state state;
    enum err err = cursor_row_decode(&state, from);

    if (err != OK)
        return err;
    redeliveries_check(&state.redelivered);
    redeliveries_deinit(&state.redelivered);
    partial_acks_deinit(&state.partial);
    *s = state.acks;
    return OK;
}

static bool ack(struct ack_set *s, struct position p)
{
    bool changed;

    assert_int_equal(ack_set_ack(s, chain, 3, p, p.ledger == 1 ? 1 : 2, &changed), OK);
    ack_set_check(s, chain, 3);
    return changed;
}

static bool ack_upto(struct ack_set *s, struct position p, uint64_t next_message)
{
    bool changed;

    ack_set_ack_cumulative(s, chain, 3, p, next_message, &changed);
    ack_set_check(s, chain, 3);
    return changed;
}

static void acknowledging_in_order_moves_mark_delete_and_stores_nothing(void **state)
{
    struct ack_set s;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    for (int64_t e = 0; e < 10; e++) {
        assert_true(ack(&s, AT(1, e)));
        assert_position(ack_set_mark_delete(&s), 1, e);
        assert_null(s.sets.list);
    }
    assert_true(ack(&s, AT(4, 0)));
    assert_position(ack_set_mark_delete(&s), 4, 0);
    assert_int_equal(ack_set_backlog_entries(&s, chain, 3), 9);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 18);
    ack_set_deinit(&s);
}

static void a_hole_holds_mark_delete_until_it_is_acknowledged(void **state)
{
    struct ack_set s;

    ack_set_init(&s, AT(1, 7), 8);
    assert_true(ack(&s, AT(1, 9)));
    assert_true(ack(&s, AT(4, 0)));
    assert_true(ack(&s, AT(4, 1)));
    assert_true(ack(&s, AT(4, 3)));
    assert_position(ack_set_mark_delete(&s), 1, 7);
    assert_int_equal(s.ranges, 3);
    assert_int_equal(ack_set_backlog_entries(&s, chain, 3), 12 - 4);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 22 - 7);
    assert_true(ack(&s, AT(1, 8)));
    assert_position(ack_set_mark_delete(&s), 4, 1);
    assert_int_equal(s.ranges, 1);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 16 - 2);
    ack_set_deinit(&s);
}

static void an_entry_acknowledged_before_or_not_there_changes_nothing(void **state)
{
    struct ack_set s;

    ack_set_init(&s, AT(1, 4), 5);
    assert_true(ack(&s, AT(1, 6)));
    assert_false(ack(&s, AT(1, 6)));
    assert_false(ack(&s, AT(1, 4)));
    assert_false(ack(&s, AT(1, 10)));
    assert_false(ack(&s, AT(2, 0)));
    assert_false(ack(&s, AT(3, 0)));
    assert_false(ack(&s, AT(4, 10)));
    assert_false(ack(&s, AT(1, -1)));
    assert_false(ack(&s, AT(99, 0)));
    assert_false(ack(&s, POSITION_LATEST));
    assert_int_equal(s.entries, 1);
    ack_set_deinit(&s);
}

static void a_cumulative_ack_takes_the_holes_below_with_it(void **state)
{
    struct ack_set s;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    assert_true(ack(&s, AT(1, 3)));
    assert_true(ack(&s, AT(4, 2)));
    assert_true(ack(&s, AT(4, 5)));
    assert_true(ack_upto(&s, AT(4, 1), 14));
    assert_position(ack_set_mark_delete(&s), 4, 2); /* 4:2 followed on */
    assert_int_equal(s.entries, 1);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 14 - 2);
    assert_false(ack_upto(&s, AT(4, 1), 14));
    ack_set_deinit(&s);
}

static void a_cumulative_ack_beyond_the_end_is_clamped_to_it(void **state)
{
    struct ack_set s;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    assert_true(ack(&s, AT(4, 7)));
    assert_true(ack_upto(&s, POSITION_LATEST, 0));
    assert_position(ack_set_mark_delete(&s), 4, 9);
    assert_int_equal(ack_set_backlog_entries(&s, chain, 3), 0);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 0);
    ack_set_deinit(&s);
}

static void a_cumulative_ack_of_an_empty_ledger_stands_at_the_entry_before(void **state)
{
    struct ack_set s;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    assert_true(ack_upto(&s, AT(2, 5), 0));
    assert_position(ack_set_mark_delete(&s), 1, 9);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 20);
    assert_false(ack_upto(&s, AT(4, -1), 0));
    ack_set_deinit(&s);
}

static void a_topic_without_ledgers_has_nothing_to_acknowledge(void **state)
{
    struct ack_set s;
    bool changed = true;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    ack_set_ack_cumulative(&s, NULL, 0, POSITION_LATEST, 0, &changed);
    assert_false(changed);
    assert_int_equal(ack_set_ack(&s, NULL, 0, AT(1, 1), 1, &changed), OK);
    assert_false(changed);
    assert_position(ack_set_next(&s, NULL, 0, AT(7, 3)), 7, 3);
    assert_int_equal(ack_set_backlog_entries(&s, NULL, 0), 0);
    assert_int_equal(ack_set_backlog_messages(&s, NULL, 0), 0);
    ack_set_deinit(&s);
}

static void a_deleted_ledger_takes_its_acknowledgements_and_moves_mark_delete_to_its_end(void **state)
{
    struct ack_set s;

    ack_set_init(&s, AT(1, 2), 3);
    assert_true(ack(&s, AT(1, 5)));
    assert_true(ack(&s, AT(4, 0)));
    ack_set_drop_ledger(&s, &chain[0], chain + 1, 2);
    ack_set_check(&s, chain + 1, 2);
    assert_position(ack_set_mark_delete(&s), 4, 0); /* 1:9, and 4:0 followed on */
    assert_int_equal(s.next_message, 12);
    ack_set_drop_ledger(&s, &chain[1], chain + 2, 1);
    assert_position(ack_set_mark_delete(&s), 4, 0);
    ack_set_deinit(&s);
}

static void a_reset_forgets_all(void **state)
{
    struct ack_set s;

    ack_set_init(&s, AT(1, 2), 3);
    assert_true(ack(&s, AT(1, 5)));
    ack_set_reset(&s, AT(1, 0), 1);
    ack_set_check(&s, chain, 3);
    assert_int_equal(s.entries, 0);
    assert_int_equal(ack_set_backlog_messages(&s, chain, 3), 29);
    assert_false(ack_set_acked(&s, AT(1, 5)));
    ack_set_deinit(&s);
}

static void the_next_entry_skips_what_is_acknowledged(void **state)
{
    struct ack_set s;

    ack_set_init(&s, AT(1, 2), 3);
    assert_int_equal(ack_set_ack_range(&s, chain, 3, 1, 5, 9, 1, NULL), OK);
    assert_true(ack(&s, AT(4, 0)));
    assert_position(ack_set_next(&s, chain, 3, POSITION_EARLIEST), 1, 3);
    assert_position(ack_set_next(&s, chain, 3, AT(1, 4)), 1, 4);
    assert_position(ack_set_next(&s, chain, 3, AT(1, 5)), 4, 1);
    assert_position(ack_set_next(&s, chain, 3, AT(2, -1)), 4, 1);
    assert_position(ack_set_next(&s, chain, 3, AT(4, 10)), 4, 10);
    assert_position(ack_set_next(&s, chain, 3, POSITION_LATEST), 4, 10);
    ack_set_deinit(&s);
}

static void a_range_keeps_the_counts_of_what_was_acknowledged_before(void **state)
{
    struct ack_set s;
    bool changed;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    assert_int_equal(ack_set_ack(&s, chain, 3, AT(4, 4), 2, NULL), OK);
    assert_int_equal(ack_set_ack_range(&s, chain, 3, 4, 2, 6, 3, &changed), OK);
    assert_true(changed);
    assert_int_equal(s.entries, 5);
    assert_int_equal(s.messages, 14);
    assert_int_equal(s.ranges, 1);
    assert_int_equal(ack_set_ack_range(&s, chain, 3, 4, 3, 6, 3, &changed), OK);
    assert_false(changed);
    assert_int_equal(ack_set_ack_range(&s, chain, 3, 4, 6, UINT32_MAX, 1, &changed), OK);
    assert_int_equal(s.messages, 17); /* 7, 8 and 9 are there, no more */
    ack_set_check(&s, chain, 3);
    ack_set_deinit(&s);
}

static void a_million_holes_cost_a_few_bytes_each(void **state)
{
    struct ledger_info big = {.id = 1, .entries = 2000000, .messages = 2000000};
    struct ack_set s, back;
    size_t size;
    uint8_t *bytes;

    ack_set_init(&s, POSITION_EARLIEST, 0);
    for (int64_t e = 1; e < 2000000; e += 2)
        assert_int_equal(ack_set_ack(&s, &big, 1, AT(1, e), 1, NULL), OK);
    assert_int_equal(s.ranges, 1000000);
    bytes = encode(&s, &size);
    assert_true(size < 300000);
    assert_int_equal(decode(&back, bytes_of(bytes, size)), OK);
    ack_set_check(&back, &big, 1);
    assert_int_equal(back.ranges, 1000000);
    ack_set_deinit(&back);
    for (int64_t e = 0; e < 2000000; e += 2)
        assert_int_equal(ack_set_ack(&s, &big, 1, AT(1, e), 1, NULL), OK);
    assert_position(ack_set_mark_delete(&s), 1, 1999999);
    assert_null(s.sets.list);
    assert_int_equal(s.next_message, 2000000);
    free(bytes);
    ack_set_deinit(&s);
}

/* ---- against a plain set ---- */

#define LEDGERS 6
#define ENTRIES 40

struct model {
    struct ledger_info chain[LEDGERS];
    uint32_t messages[LEDGERS][ENTRIES];
    bool acked[LEDGERS][ENTRIES];
    size_t first, n; /* ledgers before `first` are deleted */
};

static void model_append(struct model *m, struct random *r)
{
    struct ledger_info *last = &m->chain[m->n - 1];
    uint32_t messages = random_below(r, 4) ? 1 : (uint32_t)random_below(r, 1000); /* some are markers */

    if (!last->open || last->entries == ENTRIES)
        return;
    m->messages[m->n - 1][last->entries++] = messages;
    last->messages += messages;
}

static void model_roll(struct model *m)
{
    struct ledger_info *last = m->n > 0 ? &m->chain[m->n - 1] : NULL;

    if (m->n == LEDGERS)
        return;
    if (last)
        last->open = false;
    m->chain[m->n] = (struct ledger_info){.id = last ? last->id + 1 + (m->n % 2) : 3,
                                          .first_message = last ? last->first_message + last->messages : 0,
                                          .open = true};
    m->n++;
}

static bool model_ack(struct model *m, size_t i, int64_t first, int64_t last)
{
    bool changed = false;

    for (int64_t e = first; e <= last && e < (int64_t)m->chain[i].entries; e++) {
        changed |= !m->acked[i][e];
        m->acked[i][e] = true;
    }
    return changed;
}

static bool model_ack_upto(struct model *m, size_t i, int64_t entry)
{
    bool changed = false;

    for (size_t k = m->first; k < i; k++)
        changed |= model_ack(m, k, 0, ENTRIES);
    return model_ack(m, i, 0, entry) || changed;
}

static uint64_t model_next_message(const struct model *m, size_t i, int64_t entry)
{
    uint64_t next = m->chain[i].first_message;

    for (int64_t e = 0; e <= entry && e < (int64_t)m->chain[i].entries; e++)
        next += m->messages[i][e];
    return next;
}

static void agree(const struct model *m, const struct ack_set *s)
{
    const struct ledger_info *l = m->chain + m->first;
    size_t n = m->n - m->first;
    uint64_t entries = 0, messages = 0, ranges = 0;
    struct position next = {0};
    bool found = false;

    ack_set_check(s, l, n);
    for (size_t i = m->first; i < m->n; i++) {
        bool before = false;
        for (uint64_t e = 0; e < m->chain[i].entries; e++) {
            bool acked = m->acked[i][e];
            struct position p = AT((int64_t)m->chain[i].id, (int64_t)e);
            assert_int_equal(ack_set_acked(s, p), acked);
            assert_int_equal(position_equal(ack_set_next(s, l, n, p), p), !acked);
            entries += !acked;
            messages += acked ? 0 : m->messages[i][e];
            if (!acked && !found) {
                next = p;
                found = true;
            }
            ranges += found && acked && !before;
            before = acked;
        }
    }
    assert_int_equal(ack_set_backlog_entries(s, l, n), entries);
    assert_int_equal(ack_set_backlog_messages(s, l, n), messages);
    assert_int_equal(s->ranges, ranges);
    if (found)
        assert_true(position_equal(ack_set_next(s, l, n, POSITION_EARLIEST), next));
}

static void survive_a_checkpoint(struct ack_set *s)
{
    size_t size;
    uint8_t *bytes = encode(s, &size);
    struct ack_set back;

    assert_int_equal(decode(&back, bytes_of(bytes, size)), OK);
    ack_set_deinit(s);
    *s = back;
    free(bytes);
}

static void step(struct model *m, struct ack_set *s, struct random *r)
{
    struct ledger_info *l = m->chain + m->first;
    size_t n = m->n - m->first, i = m->first + random_below(r, n);
    uint64_t id = m->chain[i].id;
    int64_t entry = (int64_t)random_below(r, ENTRIES);
    bool changed, expected;

    switch (random_below(r, 16)) {
    case 0:
        model_roll(m);
        return;
    case 1:
        if (n < 2)
            return;
        m->first++;
        ack_set_drop_ledger(s, l, l + 1, n - 1);
        return;
    case 2:
        ack_set_ack_cumulative(s, l, n, AT((int64_t)id, entry), model_next_message(m, i, entry), &changed);
        assert_int_equal(changed, model_ack_upto(m, i, entry));
        return;
    case 3: {
        uint32_t last = (uint32_t)(entry + (int64_t)random_below(r, 5));
        uint32_t messages = (uint32_t)random_below(r, 3); /* of a range all entries have as many */
        for (int64_t e = entry; e <= last && e < (int64_t)m->chain[i].entries; e++)
            if (!m->acked[i][e] && m->messages[i][e] != messages)
                return;
        assert_int_equal(ack_set_ack_range(s, l, n, id, (uint32_t)entry, last, messages, &changed), OK);
        assert_int_equal(changed, model_ack(m, i, entry, last));
        return;
    }
    case 4:
        ack_set_compact(s, l, n);
        survive_a_checkpoint(s);
        return;
    case 5:
        if (random_below(r, 20))
            return;
        memset(m->acked, 0, sizeof m->acked);
        if (m->chain[i].entries == 0)
            entry = -1;
        else if (entry >= (int64_t)m->chain[i].entries)
            entry = (int64_t)m->chain[i].entries - 1;
        ack_set_reset(s, AT((int64_t)id, entry), model_next_message(m, i, entry));
        (void)model_ack_upto(m, i, entry);
        return;
    case 6:
    case 7:
    case 8:
    case 9:
        model_append(m, r);
        return;
    default:
        expected = model_ack(m, i, entry, entry);
        assert_int_equal(ack_set_ack(s, l, n, AT((int64_t)id, entry), m->messages[i][entry], &changed), OK);
        assert_int_equal(changed, expected);
    }
}

static void any_sequence_of_operations_agrees_with_a_plain_set(void **state)
{
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 20260803;

    printf("SEED=%llu\n", (unsigned long long)seed);
    for (unsigned round = 0; round < test_share(300); round++) {
        struct random r;
        struct model m = {0};
        struct ack_set s;

        random_init(&r, seed + round);
        model_roll(&m);
        ack_set_init(&s, POSITION_EARLIEST, 0);
        for (unsigned i = 0; i < 300; i++) {
            step(&m, &s, &r);
            agree(&m, &s);
        }
        ack_set_deinit(&s);
    }
}

/* A bitmap is cut into containers of 65,536; runs begin, end and are missing around their borders. */
static void runs_are_found_across_the_borders_of_containers(void **state)
{
    enum { BIG = 400000, BORDER = 65536 };
    static bool acked[BIG + 1];
    struct ledger_info big = {.id = 1, .entries = BIG, .messages = BIG};
    struct random r;

    random_init(&r, 17);
    for (unsigned round = 0; round < 20; round++) {
        struct ack_set s;
        ack_set_init(&s, POSITION_EARLIEST, 0);
        memset(acked, 0, sizeof acked);
        for (unsigned i = 0; i < 8; i++) {
            uint64_t border = BORDER * random_below(&r, 6);
            uint32_t first = (uint32_t)(border + random_below(&r, 5)) - (border > 0 ? 2 : 0);
            uint32_t last = first + (uint32_t)random_below(&r, random_below(&r, 2) ? 4 : 2 * BORDER);
            assert_int_equal(ack_set_ack_range(&s, &big, 1, 1, first, last, 1, NULL), OK);
            for (uint32_t e = first; e <= last && e < BIG; e++)
                acked[e] = true;
            ack_set_check(&s, &big, 1);
            for (int64_t at = 0; at < BIG; at += at % BORDER == 6 ? BORDER - 12 : 1) { /* six around each border */
                int64_t next = at;
                while (acked[next])
                    next++;
                assert_position(ack_set_next(&s, &big, 1, AT(1, at)), 1, next);
            }
        }
        ack_set_deinit(&s);
    }
}

/* ---- bytes from outside ---- */

static size_t example(uint8_t *to, size_t room)
{
    struct ack_set s;
    uint8_t *bytes;
    size_t size;

    ack_set_init(&s, AT(1, 2), 3);
    assert_int_equal(ack_set_ack(&s, chain, 3, AT(1, 5), 1, NULL), OK);
    assert_int_equal(ack_set_ack_range(&s, chain, 3, 4, 3, 7, 2, NULL), OK);
    assert_int_equal(ack_set_ack(&s, chain, 3, AT(4, 9), 700, NULL), OK);
    bytes = encode(&s, &size);
    assert_true(size <= room);
    memcpy(to, bytes, size);
    free(bytes);
    ack_set_deinit(&s);
    return size;
}

static void a_flipped_bit_or_a_cut_end_is_damage(void **state)
{
    uint8_t bytes[1024];
    size_t size = example(bytes, sizeof bytes);
    struct ack_set s;

    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(decode(&s, bytes_of(bytes, size)), ERR_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t len = 0; len < size; len++)
        assert_int_equal(decode(&s, bytes_of(bytes, len)), ERR_CORRUPT);
    assert_int_equal(decode(&s, bytes_of(bytes, size)), OK);
    ack_set_check(&s, chain, 3);
    ack_set_deinit(&s);
}

/* With a checksum that is right: either refused, or a set that keeps its invariants. */
static void bytes_that_only_look_like_a_set_are_refused(void **state)
{
    uint8_t bytes[1024], broken[1024];
    size_t size = example(bytes, sizeof bytes);
    struct random r;
    struct ack_set s;

    random_init(&r, 7);
    for (unsigned i = 0; i < 200000; i++) {
        memcpy(broken, bytes, size);
        for (uint64_t flips = 1 + random_below(&r, 4); flips > 0; flips--)
            broken[random_below(&r, size - 4)] = (uint8_t)random_next(&r);
        le32_put(broken + size - 4, crc32c(0, bytes_of(broken, size - 4)));
        if (decode(&s, bytes_of(broken, size)) == OK) {
            ack_set_check(&s, NULL, 0);
            ack_set_deinit(&s);
        }
    }
}

static void a_newer_version_is_told_apart_from_damage(void **state)
{
    uint8_t bytes[1024];
    size_t size = example(bytes, sizeof bytes);
    struct ack_set s;

    bytes[0] = 4;
    le32_put(bytes + size - 4, crc32c(0, bytes_of(bytes, size - 4)));
    assert_int_equal(decode(&s, bytes_of(bytes, size)), ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledging_in_order_moves_mark_delete_and_stores_nothing),
        cmocka_unit_test(a_hole_holds_mark_delete_until_it_is_acknowledged),
        cmocka_unit_test(an_entry_acknowledged_before_or_not_there_changes_nothing),
        cmocka_unit_test(a_cumulative_ack_takes_the_holes_below_with_it),
        cmocka_unit_test(a_cumulative_ack_beyond_the_end_is_clamped_to_it),
        cmocka_unit_test(a_cumulative_ack_of_an_empty_ledger_stands_at_the_entry_before),
        cmocka_unit_test(a_topic_without_ledgers_has_nothing_to_acknowledge),
        cmocka_unit_test(a_deleted_ledger_takes_its_acknowledgements_and_moves_mark_delete_to_its_end),
        cmocka_unit_test(a_reset_forgets_all),
        cmocka_unit_test(the_next_entry_skips_what_is_acknowledged),
        cmocka_unit_test(a_range_keeps_the_counts_of_what_was_acknowledged_before),
        cmocka_unit_test(a_million_holes_cost_a_few_bytes_each),
        cmocka_unit_test(any_sequence_of_operations_agrees_with_a_plain_set),
        cmocka_unit_test(runs_are_found_across_the_borders_of_containers),
        cmocka_unit_test(a_flipped_bit_or_a_cut_end_is_damage),
        cmocka_unit_test(bytes_that_only_look_like_a_set_are_refused),
        cmocka_unit_test(a_newer_version_is_told_apart_from_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
