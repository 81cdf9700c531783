/* SPDX-License-Identifier: Apache-2.0
 *
 * merkle.h - the hash tree of a transparency log: RFC 6962 section 2.1 (and RFC 9162 section 2.1 for checking).
 *
 * Leaves are numbered from 0.  A node (level, index) is the hash over the leaves [index << level, (index+1) << level);
 * it is complete when the tree has all of them, and then it never changes.  Roots and proofs of any size are made
 * of complete nodes, which a source looks up; the tree itself is stored by somebody else.  Pure; may call: base/.
 *
 *     leaf hash = SHA-256(0x00 || entry)      node hash = SHA-256(0x01 || left || right)
 */
#ifndef SERVICES_NOTARY_MERKLE_H
#define SERVICES_NOTARY_MERKLE_H

#include "base/err.h"
#include "base/text.h"
#include "services/notary/documents/digest.h"

#define MERKLE_LEVELS_MAX 64
#define MERKLE_PROOF_MAX  64 /* an inclusion proof has at most one hash a level; a consistency proof one more */

struct digest merkle_leaf(struct bytes entry);
struct digest merkle_node(const struct digest *left, const struct digest *right);
struct digest merkle_empty(void); /* the root of no leaves */

struct merkle_proof {
    struct digest hashes[MERKLE_PROOF_MAX + 1];
    size_t count;
};

/* Where complete nodes come from.  What `node` returns other than OK ends the calculation with it. */
struct merkle_source {
    enum err (*node)(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out);
};

/* The root of the first `size` leaves. */
MUST_USE enum err merkle_root(struct merkle_source *source, uint64_t size, struct digest *out);

/* That leaf `index` is in the tree of `size`; index < size (asserted). */
MUST_USE enum err merkle_inclusion(struct merkle_source *source, uint64_t index, uint64_t size,
                                   struct merkle_proof *out);

/* That the tree of `old_size` is the beginning of the tree of `size`; 0 < old_size <= size (asserted). */
MUST_USE enum err merkle_consistency(struct merkle_source *source, uint64_t old_size, uint64_t size,
                                     struct merkle_proof *out);

/* True when the proof leads from the leaf's hash to the root, with no hash missing or left over.  Any input. */
bool merkle_inclusion_holds(const struct digest *leaf, uint64_t index, uint64_t size, const struct merkle_proof *proof,
                            const struct digest *root);
/* The root that the proof leads to; false: it has a hash too few or too many for that place. */
bool merkle_inclusion_root(const struct digest *leaf, uint64_t index, uint64_t size, const struct merkle_proof *proof,
                           struct digest *root);
/* Appends the way of an inclusion proof that holds, a line a hash: "left HEX" where it stands left of what comes from
 * below, else "right HEX". */
void merkle_path_lines(uint64_t index, uint64_t size, const struct merkle_proof *proof, struct text *out);

bool merkle_consistency_holds(uint64_t old_size, const struct digest *old_root, uint64_t size,
                              const struct digest *root, const struct merkle_proof *proof);

/* The right edge of a growing tree: all that is needed to go on, in O(log n) memory. */
struct merkle_edge {
    uint64_t size;
    struct digest peaks[MERKLE_LEVELS_MAX]; /* peaks[level] is valid where bit `level` of size is set */
};

/* Adds one leaf.  `completed`, when given, is told of every node that this completes, the leaf first. */
void merkle_edge_append(struct merkle_edge *edge, const struct digest *leaf,
                        void (*completed)(void *ctx, unsigned level, uint64_t index, const struct digest *node),
                        void *ctx);
struct digest merkle_edge_root(const struct merkle_edge *edge);

#endif
