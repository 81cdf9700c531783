/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - for tests with cmocka: a world (session_world.h), and the few clients that a test of one connection
 * needs.
 *
 * A test's set_up says what is its own: the seed, the broker's options, who is there when it begins.
 */
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

#include "session/session_world.h"

struct fixture {
    struct session_world world;
    struct client producer, a, b;
};

/* The world is started: its options may be changed until session_world_open.  Freed by fixture_tear_down. */
struct fixture *fixture_new(uint64_t seed);
/* The world is open, and `a` and `b` have shaken hands. */
void fixture_open_two(struct fixture *f);

/* Those clients leave that are still there, and the world ends. */
int fixture_tear_down(void **state);

#endif
