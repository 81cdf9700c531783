/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.c - see fixture.h.
 */
#include "broker/fixture.h"

#include "base/base_test.h"

struct fixture *fixture_new(uint64_t seed)
{
    struct fixture *f = test_calloc(1, sizeof *f);

    world_start(&f->world, seed);
    return f;
}

void fixture_open(struct fixture *f)
{
    world_open(&f->world);
    fixture_peers(f);
}

void fixture_peers(struct fixture *f)
{
    peer_init(&f->producer, &f->world);
    peer_init(&f->a, &f->world);
    peer_init(&f->b, &f->world);
    peer_init(&f->c, &f->world);
}

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    world_check(&f->world);
    world_end(&f->world);
    test_free(f);
    return 0;
}
