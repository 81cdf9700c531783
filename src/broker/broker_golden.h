/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_golden.h - for the tests of a broker's golden directories: one that was written, and a world that opens it.
 */
#ifndef BROKER_BROKER_GOLDEN_H
#define BROKER_BROKER_GOLDEN_H

#include "broker/broker_world.h"
#include "store/store_golden.h"

struct golden {
    struct world world;
    struct peer peer;
};

struct topic_name golden_name(const char *text);

/* A world with an empty disk and nobody in it yet: for whoever writes. */
struct golden *golden_begin(void);
/* What is on its disk becomes the golden directory; the world ends as by a kill. */
void golden_end(struct golden *g);

/* For the tests that read: *state is a struct golden, whose broker has opened what was written. */
int golden_set_up(void **state);
int golden_tear_down(void **state);

#endif
