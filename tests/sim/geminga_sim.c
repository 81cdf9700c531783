/* SPDX-License-Identifier: Apache-2.0
 *
 * geminga_sim.c - runs seeds of scenarios, and prints the seed of the first violated invariant.
 *
 *     geminga_sim [--seeds N] [--first K] [--steps M] [--scenario NAME] [--twice] [--verbose]
 *
 * Without a scenario each seed takes the next of the table, but for those that must be found out; such a one, asked for
 * by its name, is a success when it was.  --twice runs each seed two times and compares.  A violation leaves the world
 * as it is and ends the program, with the command that repeats it.
 */
#include "run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct arguments {
    uint64_t seeds, first, steps;
    const struct scenario *scenario;
    bool twice, verbose;
};

struct at {
    uint64_t seed, steps;
    const struct scenario *scenario;
};

static struct at now; /* for the signal handler only: which run an assertion ended */

static void usage(void)
{
    fprintf(stderr, "geminga_sim [--seeds N] [--first K] [--steps M] [--scenario NAME] [--twice] [--verbose]\n");
    for (size_t i = 0; i < scenario_count; i++)
        fprintf(stderr, "  %-8s %s\n", scenarios[i].name, scenarios[i].text);
    exit(2);
}

static void repeat_text(const struct at *at, char *to, size_t size)
{
    snprintf(to, size, "geminga_sim --seeds 1 --first %" PRIu64 " --steps %" PRIu64 " --scenario %s", at->seed,
             at->steps, at->scenario->name);
}

static void on_abort(int signal_number)
{
    char repeat[200], line[300];
    int len;

    (void)signal_number;
    repeat_text(&now, repeat, sizeof repeat); /* snprintf is not async-signal-safe in theory; the process ends anyway */
    len = snprintf(line, sizeof line, "sim: an assertion failed; again: %s\n", repeat);
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        _exit(1);
    _exit(1);
}

static void on_violation(void *ctx, uint64_t step, const char *text)
{
    char repeat[200];

    (void)ctx;
    repeat_text(&now, repeat, sizeof repeat);
    if (now.scenario->lies) {
        printf("sim: the lie was found out at seed %" PRIu64 ", step %" PRIu64 ": %s\n", now.seed, step, text);
        fflush(stdout);
        _exit(0);
    }
    fflush(stdout);
    fprintf(stderr, "sim: VIOLATION at seed %" PRIu64 ", scenario %s, step %" PRIu64 ": %s\nsim: again: %s\n", now.seed,
            now.scenario->name, step, text, repeat);
    _exit(1);
}

static uint64_t number(const char *text)
{
    char *end;
    unsigned long long n = text ? strtoull(text, &end, 10) : 0;

    if (!text || *end || end == text)
        usage();
    return n;
}

static struct arguments parse(int argc, char **argv)
{
    struct arguments a = {.seeds = 100, .first = 1, .steps = 3000};

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0)
            a.seeds = number(argv[++i]);
        else if (strcmp(argv[i], "--first") == 0)
            a.first = number(argv[++i]);
        else if (strcmp(argv[i], "--steps") == 0)
            a.steps = number(argv[++i]);
        else if (strcmp(argv[i], "--twice") == 0)
            a.twice = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            a.verbose = true;
        else if (strcmp(argv[i], "--scenario") == 0 && argv[i + 1])
            a.scenario = scenario_find(argv[++i]);
        else
            usage();
        if (strcmp(argv[i - 1], "--scenario") == 0 && !a.scenario)
            usage();
    }
    return a;
}

static const struct scenario *scenario_of(const struct arguments *a, uint64_t seed)
{
    size_t honest = 0;

    if (a->scenario)
        return a->scenario;
    while (honest < scenario_count && !scenarios[honest].lies)
        honest++; /* those that lie stand last */
    return &scenarios[seed % honest];
}

int main(int argc, char **argv)
{
    struct arguments a = parse(argc, argv);
    struct run_result sum = {0}, one, other;

    signal(SIGABRT, on_abort);
    for (uint64_t seed = a.first; seed < a.first + a.seeds; seed++) {
        struct run_options options = {
            .scenario = scenario_of(&a, seed),
            .seed = seed,
            .steps = a.steps,
            .verbose = a.verbose,
            .violation = on_violation,
        };
        now = (struct at){.seed = seed, .steps = a.steps, .scenario = options.scenario};
        run_seed(&options, &one);
        if (a.twice) {
            run_seed(&options, &other);
            if (one.trace != other.trace)
                on_violation(NULL, one.steps, "the same seed gave another run");
        }
        sum.steps += one.steps;
        sum.receipts += one.receipts;
        sum.deliveries += one.deliveries;
        sum.confirmed_acks += one.confirmed_acks;
        sum.starts += one.starts;
    }
    if (a.scenario && a.scenario->lies) {
        fprintf(stderr, "sim: the disk lied in %" PRIu64 " seeds and nobody noticed\n", a.seeds);
        return 1;
    }
    printf("sim: %" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " steps, %" PRIu64 " receipts, %" PRIu64
           " deliveries, %" PRIu64 " answered acknowledgements, %" PRIu64
           " starts of the broker: no invariant violated\n",
           a.seeds, a.first, sum.steps, sum.receipts, sum.deliveries, sum.confirmed_acks, sum.starts);
    return 0;
}
