/* SPDX-License-Identifier: Apache-2.0
 *
 * merkle_test.c - the published vectors of certificate transparency, and every tree up to 64 leaves (and the proofs
 * of each) against RFC 6962's definitions written down naively.
 */
#include "base/base_test.h"

#include "services/notary/documents/merkle.h"

#define LEAVES 64

/* The eight entries that every implementation of RFC 6962 is tried with, and the roots of the first 0 to 8. */
static const struct {
    const char *bytes;
    size_t len;
} vector[8] = {
    {"", 0},
    {"\x00", 1},
    {"\x10", 1},
    {"\x20\x21", 2},
    {"\x30\x31", 2},
    {"\x40\x41\x42\x43", 4},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};
static const char *const vector_roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

/* MTH of RFC 6962 section 2.1, as it is written there. */
static struct digest naive_root(const struct digest *leaves, uint64_t n)
{
    struct digest left, right;
    uint64_t k = 1;

    if (n == 0)
        return merkle_empty();
    if (n == 1)
        return leaves[0];
    while (k * 2 < n)
        k *= 2;
    left = naive_root(leaves, k);
    right = naive_root(leaves + k, n - k);
    return merkle_node(&left, &right);
}

/* PATH(m, D[n]) of section 2.1.1. */
static void naive_path(const struct digest *leaves, uint64_t m, uint64_t n, struct merkle_proof *proof)
{
    uint64_t k = 1;

    if (n == 1)
        return;
    while (k * 2 < n)
        k *= 2;
    if (m < k) {
        naive_path(leaves, m, k, proof);
        proof->hashes[proof->count++] = naive_root(leaves + k, n - k);
    } else {
        naive_path(leaves + k, m - k, n - k, proof);
        proof->hashes[proof->count++] = naive_root(leaves, k);
    }
}

/* SUBPROOF(m, D[n], b) of section 2.1.2. */
static void naive_subproof(const struct digest *leaves, uint64_t m, uint64_t n, bool b, struct merkle_proof *proof)
{
    uint64_t k = 1;

    if (m == n) {
        if (!b)
            proof->hashes[proof->count++] = naive_root(leaves, n);
        return;
    }
    while (k * 2 < n)
        k *= 2;
    if (m <= k) {
        naive_subproof(leaves, m, k, b, proof);
        proof->hashes[proof->count++] = naive_root(leaves + k, n - k);
    } else {
        naive_subproof(leaves + k, m - k, n - k, false, proof);
        proof->hashes[proof->count++] = naive_root(leaves, k);
    }
}

/* A source that has the leaves and refuses a node that is not complete. */
struct leaf_source {
    struct merkle_source source;
    struct digest leaves[LEAVES];
    uint64_t size;
};

static enum err leaf_source_node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    const struct leaf_source *s = (const struct leaf_source *)source;

    assert_true((index + 1) << level <= s->size);
    *out = naive_root(s->leaves + (index << level), 1ull << level);
    return OK;
}

static void leaf_source_init(struct leaf_source *s)
{
    s->source.node = leaf_source_node;
    for (uint8_t i = 0; i < LEAVES; i++)
        s->leaves[i] = merkle_leaf(bytes_of(&i, 1));
    s->size = LEAVES;
}

static void the_published_entries_have_the_published_roots(void **state)
{
    struct merkle_edge edge = {0};
    char hex[DIGEST_HEX_SIZE];

    for (size_t size = 0; size <= 8; size++) {
        struct digest root = merkle_edge_root(&edge);
        digest_hex(&root, hex);
        assert_string_equal(hex, vector_roots[size]);
        if (size < 8) {
            struct digest leaf = merkle_leaf(bytes_of(vector[size].bytes, vector[size].len));
            merkle_edge_append(&edge, &leaf, NULL, NULL);
        }
    }
}

static void every_root_is_the_naive_one_by_source_and_by_edge(void **state)
{
    struct merkle_edge edge = {0};
    struct leaf_source s;

    leaf_source_init(&s);
    for (uint64_t size = 0; size <= LEAVES; size++) {
        struct digest naive = naive_root(s.leaves, size), by_edge = merkle_edge_root(&edge), by_source;
        s.size = size;
        assert_int_equal(merkle_root(&s.source, size, &by_source), OK);
        assert_true(digest_equal(&naive, &by_edge));
        assert_true(digest_equal(&naive, &by_source));
        if (size < LEAVES)
            merkle_edge_append(&edge, &s.leaves[size], NULL, NULL);
    }
}

static void assert_proof_equal(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_true(digest_equal(&a->hashes[i], &b->hashes[i]));
}

static void every_inclusion_proof_is_the_naive_one_and_holds(void **state)
{
    struct leaf_source s;

    leaf_source_init(&s);
    for (uint64_t size = 1; size <= LEAVES; size++) {
        struct digest root = naive_root(s.leaves, size);
        s.size = size;
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_proof naive = {.count = 0}, proof;
            naive_path(s.leaves, index, size, &naive);
            assert_int_equal(merkle_inclusion(&s.source, index, size, &proof), OK);
            assert_proof_equal(&naive, &proof);
            assert_true(merkle_inclusion_holds(&s.leaves[index], index, size, &proof, &root));
        }
    }
}

static void an_inclusion_proof_holds_for_its_own_leaf_index_and_size_only(void **state)
{
    struct leaf_source s;

    leaf_source_init(&s);
    for (uint64_t size = 1; size <= 20; size++) {
        struct digest root = naive_root(s.leaves, size);
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_proof proof;
            s.size = size;
            assert_int_equal(merkle_inclusion(&s.source, index, size, &proof), OK);
            for (uint64_t other = 0; other < 40; other++)
                assert_int_equal(merkle_inclusion_holds(&s.leaves[index], other, size, &proof, &root), other == index);
            assert_false(merkle_inclusion_holds(&s.leaves[index ^ 1], index, size, &proof, &root));
        }
    }
}

static void a_proof_with_a_flipped_bit_or_a_hash_too_many_or_too_few_is_refused(void **state)
{
    struct leaf_source s;
    struct merkle_proof proof;
    struct digest root;

    leaf_source_init(&s);
    s.size = 13;
    root = naive_root(s.leaves, 13);
    assert_int_equal(merkle_inclusion(&s.source, 9, 13, &proof), OK);
    for (size_t bit = 0; bit < proof.count * DIGEST_LEN * 8; bit++) {
        struct digest *hash = &proof.hashes[bit / 256];
        hash->bytes[bit / 8 % 32] ^= (uint8_t)(1u << bit % 8);
        assert_false(merkle_inclusion_holds(&s.leaves[9], 9, 13, &proof, &root));
        hash->bytes[bit / 8 % 32] ^= (uint8_t)(1u << bit % 8);
    }
    proof.count--;
    assert_false(merkle_inclusion_holds(&s.leaves[9], 9, 13, &proof, &root));
    proof.count += 2;
    proof.hashes[proof.count - 1] = root;
    assert_false(merkle_inclusion_holds(&s.leaves[9], 9, 13, &proof, &root));
    proof.count = SIZE_MAX;
    assert_false(merkle_inclusion_holds(&s.leaves[9], 9, 13, &proof, &root));
}

static void every_consistency_proof_is_the_naive_one_and_holds(void **state)
{
    struct leaf_source s;

    leaf_source_init(&s);
    for (uint64_t size = 1; size <= LEAVES; size++) {
        struct digest root = naive_root(s.leaves, size);
        s.size = size;
        for (uint64_t old = 1; old <= size; old++) {
            struct digest old_root = naive_root(s.leaves, old);
            struct merkle_proof naive = {.count = 0}, proof;
            naive_subproof(s.leaves, old, size, true, &naive);
            assert_int_equal(merkle_consistency(&s.source, old, size, &proof), OK);
            assert_proof_equal(&naive, &proof);
            assert_true(merkle_consistency_holds(old, &old_root, size, &root, &proof));
        }
    }
}

static void a_tree_whose_past_was_rewritten_has_no_consistency_proof(void **state)
{
    struct leaf_source s;

    leaf_source_init(&s);
    for (uint64_t size = 2; size <= 24; size++) {
        for (uint64_t old = 1; old < size; old++) {
            struct digest old_root = naive_root(s.leaves, old), kept = s.leaves[old - 1], root;
            struct merkle_proof proof;
            s.size = size;
            s.leaves[old - 1] = s.leaves[LEAVES - 1];
            root = naive_root(s.leaves, size);
            assert_int_equal(merkle_consistency(&s.source, old, size, &proof), OK);
            assert_false(merkle_consistency_holds(old, &old_root, size, &root, &proof));
            s.leaves[old - 1] = kept;
        }
    }
}

static void the_edge_tells_of_every_complete_node_once(void **state)
{
    struct merkle_edge edge = {0};
    struct leaf_source s;

    leaf_source_init(&s);
    for (uint64_t i = 0; i < 8; i++)
        merkle_edge_append(&edge, &s.leaves[i], NULL, NULL);
    assert_int_equal(edge.size, 8);
    assert_true(digest_equal(&edge.peaks[3], &(struct digest[]){naive_root(s.leaves, 8)}[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_entries_have_the_published_roots),
        cmocka_unit_test(every_root_is_the_naive_one_by_source_and_by_edge),
        cmocka_unit_test(every_inclusion_proof_is_the_naive_one_and_holds),
        cmocka_unit_test(an_inclusion_proof_holds_for_its_own_leaf_index_and_size_only),
        cmocka_unit_test(a_proof_with_a_flipped_bit_or_a_hash_too_many_or_too_few_is_refused),
        cmocka_unit_test(every_consistency_proof_is_the_naive_one_and_holds),
        cmocka_unit_test(a_tree_whose_past_was_rewritten_has_no_consistency_proof),
        cmocka_unit_test(the_edge_tells_of_every_complete_node_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
