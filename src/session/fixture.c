/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.c - see fixture.h.
 */
#include "session/fixture.h"

#include "base/base_test.h"

struct fixture *fixture_new(uint64_t seed)
{
    struct fixture *f = test_calloc(1, sizeof *f);

    session_world_start(&f->world, seed);
    return f;
}

void fixture_open_two(struct fixture *f)
{
    session_world_open(&f->world);
    client_connect(&f->a, &f->world);
    client_handshake(&f->a);
    client_connect(&f->b, &f->world);
    client_handshake(&f->b);
}

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    client_free(&f->producer);
    client_free(&f->a);
    client_free(&f->b);
    session_world_end(&f->world);
    test_free(f);
    return 0;
}
