/* SPDX-License-Identifier: Apache-2.0
 *
 * run.h - one seed of one scenario, from the first start of the broker to the last check.
 *
 *     set up      the broker starts, every subscription is made; nothing fails
 *     act         so many steps: clients do what they like, the world does what the scenario likes
 *     settle      nothing fails any more; producers send until all has its receipt
 *     drain       one consumer for each subscription, until nothing is left that must come
 *     again       an orderly end or a crash, a last start, and the backlogs are what was left
 */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "client.h"

struct scenario {
    const char *name, *text;
    struct client_habits habits;
    /* Of 10,000 steps: how often. */
    uint32_t cut, kill, power_cut, crash_at, stop, write_fault, sync_fault, read_fault, wall_jump, full, slow, compact,
        unload, delete, terminate;
    bool only_acks_at_first; /* after a start nothing is sent for a while: what was recovered is acknowledged */
    bool keys;               /* the shared subscription is a Key_Shared one */
    bool steady;             /* ... and nothing is done that lets who holds a message of a key be unsure of it */
    bool once;               /* duplicates are recognized */
    bool mixed;              /* topics of all kinds, all types of subscriptions, and what administrators do */
    bool vandal;             /* somebody speaks nonsense to the broker */
    bool trim;               /* no subscription holds everything, so that ledgers are deleted meanwhile */
    bool retention;          /* ... though nobody publishes, and in some runs nothing at all is */
    bool unsynced;           /* durability mode "os": no power cuts, which the model of the store holds to less */
    bool lies;               /* the disk says that it synced and did not: must be found out */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;
const struct scenario *scenario_find(const char *name); /* NULL: no such */

struct run_result {
    uint64_t steps, deliveries, receipts, confirmed_acks, starts, trace;
};

struct run_options {
    const struct scenario *scenario;
    uint64_t seed;
    uint64_t steps;                                                /* of acting */
    bool verbose;                                                  /* the broker's log to standard error */
    void (*violation)(void *ctx, uint64_t step, const char *text); /* does not return */
    void *ctx;
};

void run_seed(const struct run_options *options, struct run_result *result);

#endif
