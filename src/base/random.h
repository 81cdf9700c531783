/* SPDX-License-Identifier: Apache-2.0
 *
 * random.h - a repeatable generator (xoshiro256**), for jitter, map seeds and simulation; not for keys.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *r, uint64_t seed);
uint64_t random_next(struct random *r);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *r, uint64_t bound);

#endif
