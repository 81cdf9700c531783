/* SPDX-License-Identifier: Apache-2.0
 *
 * merkle.c - roots and proofs by the recursion of RFC 6962, checked by the loops of RFC 9162.
 *
 * A range of leaves [begin, end) met below always begins at a multiple of the largest power of two that fits in it,
 * so its hash is that of one complete node, or is put together from a complete left part and a smaller right part.
 */
#include "services/notary/documents/merkle.h"

#include <assert.h>

struct digest merkle_leaf(struct bytes entry)
{
    static const uint8_t prefix = 0;
    struct bytes parts[] = {bytes_of(&prefix, 1), entry};

    return digest_of_parts(parts, 2);
}

struct digest merkle_node(const struct digest *left, const struct digest *right)
{
    static const uint8_t prefix = 1;
    struct bytes parts[] = {bytes_of(&prefix, 1), bytes_of(left->bytes, DIGEST_LEN),
                            bytes_of(right->bytes, DIGEST_LEN)};

    return digest_of_parts(parts, 3);
}

struct digest merkle_empty(void)
{
    return digest_of(bytes_of(NULL, 0));
}

/* The level of the largest complete left part: the largest power of two below `count` (count > 1). */
static unsigned split_level(uint64_t count)
{
    return 63u - (unsigned)__builtin_clzll(count - 1);
}

static enum err range_hash(struct merkle_source *source, uint64_t begin, uint64_t end, struct digest *out)
{
    uint64_t count = end - begin;
    unsigned level = (unsigned)__builtin_ctzll(count);
    struct digest left, right;
    uint64_t middle;
    enum err err;

    assert(count > 0);
    if (count == 1ull << level)
        return source->node(source, level, begin >> level, out);
    level = split_level(count);
    middle = begin + (1ull << level);
    if ((err = source->node(source, level, begin >> level, &left)) != OK)
        return err;
    if ((err = range_hash(source, middle, end, &right)) != OK)
        return err;
    *out = merkle_node(&left, &right);
    return OK;
}

enum err merkle_root(struct merkle_source *source, uint64_t size, struct digest *out)
{
    if (size == 0) {
        *out = merkle_empty();
        return OK;
    }
    return range_hash(source, 0, size, out);
}

static enum err proof_add(struct merkle_proof *proof, struct merkle_source *source, uint64_t begin, uint64_t end)
{
    enum err err;

    assert(proof->count < MERKLE_PROOF_MAX + 1);
    if ((err = range_hash(source, begin, end, &proof->hashes[proof->count])) == OK)
        proof->count++;
    return err;
}

/* The hashes beside the path from `index` up to the hash of [begin, end), the lowest first. */
static enum err inclusion_path(struct merkle_source *source, uint64_t index, uint64_t begin, uint64_t end,
                               struct merkle_proof *proof)
{
    uint64_t middle;
    enum err err;

    if (end - begin == 1)
        return OK;
    middle = begin + (1ull << split_level(end - begin));
    if (index < middle) {
        if ((err = inclusion_path(source, index, begin, middle, proof)) != OK)
            return err;
        return proof_add(proof, source, middle, end);
    }
    if ((err = inclusion_path(source, index, middle, end, proof)) != OK)
        return err;
    return proof_add(proof, source, begin, middle);
}

enum err merkle_inclusion(struct merkle_source *source, uint64_t index, uint64_t size, struct merkle_proof *out)
{
    assert(index < size);
    out->count = 0;
    return inclusion_path(source, index, 0, size, out);
}

/* `whole`: the old tree is all of [begin, end) so far known to the checker, so its hash need not be sent. */
static enum err consistency_path(struct merkle_source *source, uint64_t old_end, uint64_t begin, uint64_t end,
                                 bool whole, struct merkle_proof *proof)
{
    uint64_t middle;
    enum err err;

    if (old_end == end)
        return whole ? OK : proof_add(proof, source, begin, end);
    middle = begin + (1ull << split_level(end - begin));
    if (old_end <= middle) {
        if ((err = consistency_path(source, old_end, begin, middle, whole, proof)) != OK)
            return err;
        return proof_add(proof, source, middle, end);
    }
    if ((err = consistency_path(source, old_end, middle, end, false, proof)) != OK)
        return err;
    return proof_add(proof, source, begin, middle);
}

enum err merkle_consistency(struct merkle_source *source, uint64_t old_size, uint64_t size, struct merkle_proof *out)
{
    assert(old_size > 0);
    assert(old_size <= size);
    out->count = 0;
    return consistency_path(source, old_size, 0, size, true, out);
}

bool merkle_inclusion_root(const struct digest *leaf, uint64_t index, uint64_t size, const struct merkle_proof *proof,
                           struct digest *root)
{
    uint64_t node = index, last = size - 1; /* the path's node and the rightmost one, on the same level */
    struct digest hash = *leaf;

    if (index >= size || proof->count > MERKLE_PROOF_MAX)
        return false;
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return false; /* above the root */
        if ((node & 1) || node == last) {
            hash = merkle_node(&proof->hashes[i], &hash);
            while (!(node & 1) && node != 0) /* a right edge without a sibling rises as it is */
                node >>= 1, last >>= 1;
        } else {
            hash = merkle_node(&hash, &proof->hashes[i]);
        }
        node >>= 1, last >>= 1;
    }
    *root = hash;
    return last == 0;
}

bool merkle_inclusion_holds(const struct digest *leaf, uint64_t index, uint64_t size, const struct merkle_proof *proof,
                            const struct digest *root)
{
    struct digest made;

    return merkle_inclusion_root(leaf, index, size, proof, &made) && digest_equal(&made, root);
}

void merkle_path_lines(uint64_t index, uint64_t size, const struct merkle_proof *proof, struct text *out)
{
    uint64_t node = index, last = size - 1;
    char hex[DIGEST_HEX_SIZE];

    for (size_t i = 0; i < proof->count; i++, node >>= 1, last >>= 1) {
        bool left = (node & 1) || node == last;
        digest_hex(&proof->hashes[i], hex);
        text_printf(out, "%s %s\n", left ? "left" : "right", hex);
        while (left && !(node & 1) && node != 0) /* as in merkle_inclusion_root */
            node >>= 1, last >>= 1;
    }
}

/* Both roots, put together from the proof's hashes; `at` is the first that is not the start itself. */
static bool consistency_climb(uint64_t old_size, uint64_t size, const struct merkle_proof *proof, size_t at,
                              struct digest *old_hash, struct digest *new_hash)
{
    uint64_t node = old_size - 1, last = size - 1;

    while (node & 1)
        node >>= 1, last >>= 1;
    for (size_t i = at; i < proof->count; i++) {
        if (last == 0)
            return false;
        if ((node & 1) || node == last) {
            *old_hash = merkle_node(&proof->hashes[i], old_hash);
            *new_hash = merkle_node(&proof->hashes[i], new_hash);
            while (!(node & 1) && node != 0)
                node >>= 1, last >>= 1;
        } else {
            *new_hash = merkle_node(new_hash, &proof->hashes[i]);
        }
        node >>= 1, last >>= 1;
    }
    return last == 0;
}

bool merkle_consistency_holds(uint64_t old_size, const struct digest *old_root, uint64_t size,
                              const struct digest *root, const struct merkle_proof *proof)
{
    bool complete = old_size != 0 && (old_size & (old_size - 1)) == 0; /* then the old root itself is a node */
    struct digest old_hash, new_hash;

    if (old_size == 0 || old_size > size || proof->count > MERKLE_PROOF_MAX + 1)
        return false;
    if (old_size == size)
        return proof->count == 0 && digest_equal(old_root, root);
    if (proof->count == 0)
        return false;
    old_hash = new_hash = complete ? *old_root : proof->hashes[0];
    if (!consistency_climb(old_size, size, proof, complete ? 0 : 1, &old_hash, &new_hash))
        return false;
    return digest_equal(&old_hash, old_root) && digest_equal(&new_hash, root);
}

void merkle_edge_append(struct merkle_edge *edge, const struct digest *leaf,
                        void (*completed)(void *ctx, unsigned level, uint64_t index, const struct digest *node),
                        void *ctx)
{
    struct digest node = *leaf;
    uint64_t index = edge->size;
    unsigned level = 0;

    assert(edge->size < UINT64_MAX);
    if (completed)
        completed(ctx, level, index, &node);
    for (; index & 1; index >>= 1, level++) {
        node = merkle_node(&edge->peaks[level], &node);
        if (completed)
            completed(ctx, level + 1, index >> 1, &node);
    }
    edge->peaks[level] = node;
    edge->size++;
}

struct digest merkle_edge_root(const struct merkle_edge *edge)
{
    struct digest root = merkle_empty();
    bool first = true;

    for (unsigned level = 0; level < MERKLE_LEVELS_MAX; level++) {
        if (!(edge->size >> level & 1))
            continue;
        root = first ? edge->peaks[level] : merkle_node(&edge->peaks[level], &root);
        first = false;
    }
    return root;
}
