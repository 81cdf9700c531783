/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_seeds.c - seeds from the environment, and the one to blame; see sim_seeds.h.
 */
#include "sys/sim/sim_seeds.h"
#include "base/test_share.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_SIZE 64

/* Of the process: what its end asks for. */
static const char *running_name;
static uint64_t running_seed;

static void tell_seed(void)
{
    if (running_name)
        fprintf(stderr, "%s_SEED=%" PRIu64 "\n", running_name, running_seed);
}

static void on_abort(int signal)
{
    (void)signal;
    tell_seed();
}

uint64_t sim_seeds_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

void sim_seeds_run(const char *name, uint64_t count, void (*live)(uint64_t seed))
{
    char seed_name[NAME_SIZE], count_name[NAME_SIZE];

    snprintf(seed_name, sizeof seed_name, "%s_SEED", name);
    snprintf(count_name, sizeof count_name, "%s_SEEDS", name);
    const uint64_t first = sim_seeds_number(seed_name, 1), n = sim_seeds_number(count_name, test_share(count));

    (void)atexit(tell_seed);
    (void)signal(SIGABRT, on_abort);
    for (running_seed = first; running_seed < first + n; running_seed++) {
        running_name = name;
        if (getenv(count_name))
            tell_seed();
        live(running_seed);
        running_name = NULL;
    }
}
