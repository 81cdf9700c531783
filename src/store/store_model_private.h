/* SPDX-License-Identifier: Apache-2.0
 *
 * store_model_private.h - the model's, for the two files that it is made of: store_model.c, store_model_verify.c.
 */
#ifndef STORE_STORE_MODEL_PRIVATE_H
#define STORE_STORE_MODEL_PRIVATE_H

#include "store/store_model.h"
#include "store/store_private.h"

/* Bytes that can be told from any other append's. */
struct pattern {
    struct random random;
    uint64_t sequence;
};
struct pattern model_pattern_of(uint64_t sequence);
/* The byte at `i`; in order, from 0. */
uint8_t model_pattern_next(struct pattern *p, size_t i);

/* How many messages it has, and all of them as bits. */
static inline uint32_t model_messages(const struct model_append *a)
{
    return 1 + (uint32_t)((a->sequence - 1) % 3);
}
static inline uint32_t model_all_parts(const struct model_append *a)
{
    return (1u << model_messages(a)) - 1;
}

/* All that is promised by now, no power cut takes back. */
void model_note_durable(struct model *m);

/* The entry is what was appended. */
void model_check_bytes(const struct entry *e, const struct model_append *a);

#endif
