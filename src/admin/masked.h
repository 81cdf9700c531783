/* SPDX-License-Identifier: Apache-2.0
 *
 * masked.h - secrets in what is kept for administrators: of clusters, of offloading.
 *
 * They go in and do not come out: an answer has MASK in their place.  Who reads an object, changes something else and
 * writes it back, writes MASK, and that means: as it was.  (Pulsar shows them; none of its tools needs them back.)
 */
#ifndef ADMIN_MASKED_H
#define ADMIN_MASKED_H

#include <jansson.h>
#include <stdbool.h>

#define MASK "****"

/* A copy in which MASK stands for each secret; NULL: memory is short, or `tree` was NULL. */
json_t *masked_copy(const json_t *tree);
/* MASK in `tree`, which is an object, becomes what `old` has there, or nothing.  False: memory is short. */
bool masked_restore(json_t *tree, const json_t *old);

#endif
