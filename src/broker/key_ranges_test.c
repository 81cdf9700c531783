/* SPDX-License-Identifier: Apache-2.0
 *
 * key_ranges_test.c - which consumer a hash of a key belongs to: key_ranges.h and key_hash.h in use.  The numbers of
 * the ring are those that Apache Pulsar's own tests expect.
 */
#include "base/base_test.h"
#include "base/random.h"
#include "broker/key_hash.h"
#include "broker/key_ranges.h"
#include "wire/entry_view.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMBERS 40

struct fixture {
    struct key_ranges ranges;
    struct key_member members[MEMBERS];
    bool in[MEMBERS];
    char names[MEMBERS][16];
    struct key_member *owners[KEY_HASHES]; /* as they were told */
    struct refusal why;
};

static void moved(void *ctx, uint32_t first, uint32_t last)
{
    struct fixture *f = ctx;

    for (uint32_t hash = first; hash <= last; hash++)
        f->owners[hash] = key_ranges_owner(&f->ranges, hash);
}

static struct fixture *start(enum key_selector selector, size_t points)
{
    struct fixture *f = test_calloc(1, sizeof *f);

    key_ranges_init(&f->ranges, selector, points, moved, f);
    for (unsigned i = 0; i < MEMBERS; i++)
        (void)snprintf(f->names[i], sizeof f->names[i], "consumer%u", i + 1);
    return f;
}

static void stop(struct fixture *f)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (f->in[i])
            key_ranges_remove(&f->ranges, &f->members[i]);
        if (f->in[i])
            key_member_deinit(&f->members[i]);
    }
    test_free(f);
}

static enum err join_with(struct fixture *f, unsigned i, const struct key_range *ranges, size_t count)
{
    struct key_member *rival;
    enum err err = key_member_init(&f->members[i], &f->ranges, f->names[i], ranges, count, &f->why);

    if (err != OK)
        return err;
    if ((err = key_ranges_admit(&f->ranges, &f->members[i], &rival, &f->why)) != OK) {
        key_member_deinit(&f->members[i]);
        return err;
    }
    key_ranges_add(&f->ranges, &f->members[i]);
    key_ranges_check(&f->ranges);
    f->in[i] = true;
    return OK;
}

static void join(struct fixture *f, unsigned i)
{
    assert_int_equal(join_with(f, i, NULL, 0), OK);
}

static void leave(struct fixture *f, unsigned i)
{
    key_ranges_remove(&f->ranges, &f->members[i]);
    key_ranges_check(&f->ranges);
    key_member_deinit(&f->members[i]);
    f->in[i] = false;
}

static void expect_ranges(struct fixture *f, unsigned i, const struct key_range *expected, size_t count)
{
    struct key_range got[16];

    assert_int_equal(key_ranges_of(&f->ranges, &f->members[i], got, 16), count);
    for (size_t n = 0; n < count; n++) {
        assert_int_equal(got[n].first, expected[n].first);
        assert_int_equal(got[n].last, expected[n].last);
    }
}
#define EXPECT(f, i, ...)                                                                                              \
    do {                                                                                                               \
        const struct key_range expected[] = {__VA_ARGS__};                                                             \
        expect_ranges(f, i, expected, sizeof expected / sizeof expected[0]);                                           \
    } while (0)

static void the_ring_is_that_of_pulsar(void **state)
{
    struct fixture *f = start(KEYS_BY_RING, 3);

    for (unsigned i = 0; i < 3; i++)
        join(f, i);
    EXPECT(f, 0, {14359, 18366}, {29991, 39817}, {52980, 60442});
    EXPECT(f, 1, {1, 6668}, {39818, 52979}, {60443, 63679}, {65184, 65535});
    EXPECT(f, 2, {6669, 14358}, {18367, 29990}, {63680, 65183});
    stop(f);
}

static void consumers_of_one_name_have_places_of_their_own(void **state)
{
    struct fixture *f = start(KEYS_BY_RING, 100);
    struct key_range ranges[101];

    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(f->names[i], sizeof f->names[i], "same");
        join(f, i);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(f->members[i].number, i);
        assert_true(key_ranges_of(&f->ranges, &f->members[i], ranges, 101) > 50);
    }
    leave(f, 1);
    join(f, 1); /* who comes again has what it had */
    assert_int_equal(f->members[1].number, 1);
    stop(f);
}

static void halving_takes_the_lower_half_of_the_biggest(void **state)
{
    struct fixture *f = start(KEYS_BY_HALVES, 0);

    join(f, 0);
    EXPECT(f, 0, {0, 65536});
    join(f, 1);
    EXPECT(f, 1, {0, 32768});
    EXPECT(f, 0, {32769, 65536});
    join(f, 2);
    EXPECT(f, 2, {0, 16384});
    leave(f, 0); /* the last one's goes to the one below it */
    EXPECT(f, 1, {16385, 65536});
    leave(f, 2);
    EXPECT(f, 1, {0, 65536});
    stop(f);
}

static void halving_ends_when_each_has_one_hash(void **state)
{
    struct fixture *f = start(KEYS_AS_GIVEN, 0);
    struct key_range *each = test_calloc(KEY_HASHES, sizeof *each);

    for (int32_t hash = 0; hash < KEY_HASHES; hash++)
        each[hash] = (struct key_range){hash, hash};
    assert_int_equal(join_with(f, 0, each, KEY_HASHES), OK);
    f->ranges.selector = KEYS_BY_HALVES; /* as if so many had come, one after the other, which takes long */
    assert_int_equal(join_with(f, 1, NULL, 0), ERR_INVALID);
    assert_int_equal(f->why.about, ABOUT_KEYS);
    f->ranges.selector = KEYS_AS_GIVEN;
    test_free(each);
    stop(f);
}

static void given_ranges_must_not_overlap(void **state)
{
    struct fixture *f = start(KEYS_AS_GIVEN, 0);
    const struct key_range low = {0, 100}, high = {200, 300}, within = {210, 220}, edge = {100, 150},
                           around = {50, 250};
    const struct key_range twice[] = {{500, 600}, {400, 500}}, backwards = {9, 8}, pair[] = {{120, 130}, {101, 110}};

    assert_int_equal(join_with(f, 0, &low, 1), OK);
    assert_int_equal(join_with(f, 1, &high, 1), OK);
    assert_int_equal(join_with(f, 2, &within, 1), ERR_INVALID);
    assert_int_equal(f->why.about, ABOUT_KEYS);
    assert_string_equal(f->why.text, "Range conflict with consumer consumer2");
    assert_int_equal(join_with(f, 2, &edge, 1), ERR_INVALID);
    assert_int_equal(join_with(f, 2, &around, 1), ERR_INVALID);
    assert_int_equal(join_with(f, 2, twice, 2), ERR_INVALID);
    assert_int_equal(join_with(f, 2, &backwards, 1), ERR_INVALID);
    assert_int_equal(join_with(f, 2, NULL, 0), ERR_INVALID);
    assert_int_equal(join_with(f, 2, pair, 2), OK);
    EXPECT(f, 2, {101, 110}, {120, 130});
    assert_ptr_equal(key_ranges_owner(&f->ranges, 100), &f->members[0]);
    assert_ptr_equal(key_ranges_owner(&f->ranges, 125), &f->members[2]);
    assert_null(key_ranges_owner(&f->ranges, 115));
    assert_null(key_ranges_owner(&f->ranges, 65535));
    stop(f);
}

/* Whoever comes and goes: of each hash whose owner has changed is told. */
static void every_move_is_told(void **state)
{
    static const enum key_selector selectors[] = {KEYS_BY_RING, KEYS_BY_HALVES, KEYS_AS_GIVEN};

    for (unsigned s = 0; s < 3; s++) {
        struct fixture *f = start(selectors[s], 20);
        struct random random;
        random_init(&random, 11 + s);
        for (unsigned step = 0; step < 300; step++) {
            unsigned i = (unsigned)random_below(&random, MEMBERS);
            int32_t at = (int32_t)random_below(&random, KEY_HASHES);
            const struct key_range range = {at, at + (int32_t)random_below(&random, 4000)};
            if (f->in[i])
                leave(f, i);
            else
                (void)join_with(f, i, &range, 1);
            for (uint32_t hash = 1; hash < KEY_HASHES; hash += step % 20 ? 101 : 1)
                assert_ptr_equal(f->owners[hash], key_ranges_owner(&f->ranges, hash));
        }
        stop(f);
    }
}

/* ---- hashes ---- */

static uint32_t hash_of(Wire__MessageMetadata *m)
{
    uint8_t bytes[400], metadata[300];
    size_t len = wire__message_metadata__pack(m, metadata);

    entry_head_encode(bytes, bytes_of(metadata, len), bytes_of(NULL, 0));
    memcpy(bytes + ENTRY_HEAD_SIZE, metadata, len);
    return key_hash_of_entry(bytes_of(bytes, ENTRY_HEAD_SIZE + len));
}

static uint32_t hash_of_text(const char *text)
{
    return key_hash_of(bytes_of_text(text));
}

static void the_key_is_the_ordering_key_else_the_partition_key_else_the_sequence(void **state)
{
    Wire__MessageMetadata m = WIRE__MESSAGE_METADATA__INIT;
    char name[] = "p", key[] = "key", encoded[] = "a2V5", wrong[] = "a2V5!", short_[] = "a2U";
    uint8_t ordering[] = {'o'};

    m.producer_name = name;
    m.sequence_id = 7;
    assert_int_equal(hash_of(&m), hash_of_text("p-7"));
    m.partition_key = key;
    assert_int_equal(hash_of(&m), hash_of_text("key"));
    m.partition_key = encoded;
    assert_int_equal(hash_of(&m), hash_of_text("a2V5"));
    m.has_partition_key_b64_encoded = m.partition_key_b64_encoded = true;
    assert_int_equal(hash_of(&m), hash_of_text("key"));
    m.partition_key = short_; /* padding may be left out */
    assert_int_equal(hash_of(&m), hash_of_text("ke"));
    m.partition_key = wrong;
    assert_int_equal(hash_of(&m), hash_of_text("NONE_KEY"));
    m.has_ordering_key = true;
    m.ordering_key = (ProtobufCBinaryData){.data = ordering, .len = 1};
    assert_int_equal(hash_of(&m), hash_of_text("o"));
    assert_int_equal(key_hash_of_entry(bytes_of_text("no entry")), hash_of_text("NONE_KEY"));
}

static void no_key_is_known_by_the_hash_0(void **state)
{
    struct fixture *ring = start(KEYS_BY_RING, 1), *halves = start(KEYS_BY_HALVES, 1);

    assert_int_equal(key_ranges_fold(&ring->ranges, 0), 1);
    assert_int_equal(key_ranges_fold(&ring->ranges, 65535), 1);
    assert_int_equal(key_ranges_fold(&ring->ranges, 65534), 65535);
    assert_int_equal(key_ranges_fold(&halves->ranges, 0), 1);
    assert_int_equal(key_ranges_fold(&halves->ranges, 65536), 1);
    assert_int_equal(key_ranges_fold(&halves->ranges, 65535), 65535);
    stop(ring);
    stop(halves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ring_is_that_of_pulsar),
        cmocka_unit_test(consumers_of_one_name_have_places_of_their_own),
        cmocka_unit_test(halving_takes_the_lower_half_of_the_biggest),
        cmocka_unit_test(halving_ends_when_each_has_one_hash),
        cmocka_unit_test(given_ranges_must_not_overlap),
        cmocka_unit_test(every_move_is_told),
        cmocka_unit_test(the_key_is_the_ordering_key_else_the_partition_key_else_the_sequence),
        cmocka_unit_test(no_key_is_known_by_the_hash_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
