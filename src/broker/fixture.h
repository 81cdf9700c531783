/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - for tests with cmocka: a world (broker_world.h), and the few peers that a test of one topic needs.
 *
 * A test's set_up says what is its own: the seed, the broker's options, who is there when it begins.
 */
#ifndef BROKER_FIXTURE_H
#define BROKER_FIXTURE_H

#include "broker/broker_world.h"

struct fixture {
    struct world world;
    struct peer producer, a, b, c;
};

/* The world is started: its options may be changed until fixture_open, after which the broker and the peers are there.
 * Freed by fixture_tear_down. */
struct fixture *fixture_new(uint64_t seed);
void fixture_open(struct fixture *f);
/* The peers as they were in the beginning: after another start of the broker. */
void fixture_peers(struct fixture *f);

/* The broker's invariants hold, and it ends. */
int fixture_tear_down(void **state);

#endif
