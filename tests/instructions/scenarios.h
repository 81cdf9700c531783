/* SPDX-License-Identifier: Apache-2.0
 *
 * scenarios.h - what is counted: fixed courses of the whole broker, each with its number of messages.
 *
 * A scenario prepares its world, then calls `counted` once, with what is to be counted: tools/instructions has
 * callgrind count within that function only.
 */
#ifndef TESTS_INSTRUCTIONS_SCENARIOS_H
#define TESTS_INSTRUCTIONS_SCENARIOS_H

#include "load.h"

struct course {
    struct load load;
    struct frames frames;
    struct link *sender, *receiver;
    size_t size;     /* topics, consumers, ...: what grows in scenarios that do; else 0 */
    size_t messages; /* that are counted; what is told is instructions of each */
    size_t window;   /* of these, how many are on their way at a time */
};

struct scenario {
    const char *name, *what;
    size_t messages, size;
    void (*run)(struct course *c);
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
