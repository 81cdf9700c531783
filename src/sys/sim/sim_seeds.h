/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_seeds.h - for tests: random lives, one for each seed, of which the environment may say how many and which.
 *
 * By itself it is the share of `count` that test_share.h says.  NAME_SEEDS=n runs n lives and tells each as it begins;
 * NAME_SEED=s begins at seed s.  When the process ends by an assertion within a life, or a test failed in one,
 * "NAME_SEED=s" on stderr is what repeats it.
 */
#ifndef SYS_SIM_SEEDS_H
#define SYS_SIM_SEEDS_H

#include <stdint.h>

/* The number that the environment has under this name. */
uint64_t sim_seeds_number(const char *name, uint64_t otherwise);

/* `name` is the prefix and must outlive the process's end.  One thread; takes SIGABRT for the process. */
void sim_seeds_run(const char *name, uint64_t count, void (*live)(uint64_t seed));

#endif
