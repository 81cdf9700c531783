/* SPDX-License-Identifier: Apache-2.0
 *
 * test_share.h - for tests: how much of what takes long is run.
 *
 * A sweep or a row of random lives is run in shares by `make test`: a smaller one under sanitizers, which take four
 * times as long.  With TEST_WHOLE=1 in the environment, `make whole`, all of it runs, whatever the build.  Where a
 * share is drawn, the seed is another one in each run, and printed; TEST_SEED=n draws the same again.
 */
#ifndef BASE_TEST_SHARE_H
#define BASE_TEST_SHARE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED true
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED false
#endif

static inline bool test_whole(void)
{
    const char *set = getenv("TEST_WHOLE");

    return set && *set;
}

/* Of `count` lives, rounds or points how many are run: a fourth of them under sanitizers, one at least. */
static inline uint64_t test_share(uint64_t count)
{
    if (!TEST_SANITIZED || test_whole())
        return count;
    return count < 4 ? 1 : count / 4;
}

/* Of a sweep's points every which is run: each of them, or under sanitizers one in eight. */
static inline uint64_t test_stride(void)
{
    return TEST_SANITIZED && !test_whole() ? 8 : 1;
}

/* What a share is drawn from. */
static inline uint64_t test_seed(void)
{
    const char *given = getenv("TEST_SEED");
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_nsec;
    if (!test_whole())
        printf("TEST_SEED=%" PRIu64 "\n", seed);
    return seed;
}

/* The point at which a sweep with that stride begins, of those from 1 on. */
static inline uint64_t test_first(void)
{
    return 1 + (test_stride() > 1 ? test_seed() % test_stride() : 0);
}

/* Where every bit of a text is flipped in turn: whether it is this one's turn.  Of each byte one is, or all. */
static inline bool test_flips(uint64_t seed, size_t bit)
{
    uint64_t h = (seed + bit / 8) * 0x9e3779b97f4a7c15; /* splitmix64 */

    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 27) * 0x94d049bb133111eb;
    return test_whole() || (h ^ h >> 31) % 8 == bit % 8;
}

#endif
