/* SPDX-License-Identifier: Apache-2.0
 *
 * bundles.h - the ranges of hashes that a namespace's topics are divided by.
 *
 * In a cluster a bundle is what brokers take over from each other.  Here they are kept and shown, they name a part of a
 * namespace's topics for operations, and one can be split: a boundary more.  They are a member of the namespace's
 * settings; one that has none there has as many as the broker gives to a new one.
 *
 * A topic's hash is the CRC-32 (ISO-HDLC, as of zlib) of its full name; bundle I is [boundary I, boundary I + 1), and
 * the last has its end in it.  Pure, but for where they are read from.
 */
#ifndef ADMIN_BUNDLES_H
#define ADMIN_BUNDLES_H

#include "admin/core.h"

#include <jansson.h>

#define BUNDLES_MAX   1024
#define BUNDLE_LAST   UINT32_C(0xffffffff)
#define BUNDLE_LENGTH 22 /* "0x00000000_0xffffffff" and a NUL */

struct bundles {
    uint32_t count;
    uint32_t boundaries[BUNDLES_MAX + 1]; /* rising, from 0 to BUNDLE_LAST */
};

struct bundle_range {
    uint32_t from, to;
};

/* `count` of 1 to BUNDLES_MAX, of equal size. */
void bundles_divide(struct bundles *b, uint32_t count);
/* Of Pulsar's BundlesData: {"boundaries":["0x00000000",...],"numBundles":N}; without boundaries they are divided
 * evenly.  ERR_INVALID and a sentence. */
MUST_USE enum err bundles_read(struct bundles *b, const json_t *from, uint32_t missing, char *reason,
                               size_t reason_size);
json_t *bundles_tree(const struct bundles *b);
/* Of a namespace, which is there. */
void bundles_of_namespace(const struct admin_core *core, struct bytes name, struct bundles *out);

uint32_t bundle_hash(struct bytes topic);
struct bundle_range bundle_of(const struct bundles *b, uint32_t hash);
bool bundle_has(struct bundle_range r, uint32_t hash);
/* "0x40000000_0x80000000" of what is one of the bundles; false: *reason says what it is not. */
bool bundle_find(const struct bundles *b, struct bytes text, struct bundle_range *out, const char **reason);
void bundle_write(struct bundle_range r, char to[BUNDLE_LENGTH]);
/* A boundary more, where there is none yet; false: there is, or no room. */
bool bundle_split(struct bundles *b, uint32_t at);

#endif
