/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_golden.c - see broker_golden.h.
 */
#include "broker/broker_golden.h"

struct topic_name golden_name(const char *text)
{
    struct topic_name name;

    assert_int_equal(topic_name_parse(&name, bytes_of_text(text)), OK);
    return name;
}

struct golden *golden_begin(void)
{
    struct golden *g = test_malloc(sizeof *g);

    world_start(&g->world, 1);
    peer_init(&g->peer, &g->world);
    return g;
}

void golden_end(struct golden *g)
{
    golden_dump(sim_disk_get(g->world.disk));
    world_end(&g->world);
    test_free(g);
}

int golden_set_up(void **state)
{
    struct golden *g = golden_begin();

    golden_load(sim_disk_get(g->world.disk));
    world_open(&g->world);
    *state = g;
    return 0;
}

int golden_tear_down(void **state)
{
    struct golden *g = *state;

    world_check(&g->world);
    world_end(&g->world);
    test_free(g);
    return 0;
}
