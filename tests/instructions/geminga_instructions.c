/* SPDX-License-Identifier: Apache-2.0
 *
 * geminga_instructions.c - runs one scenario of scenarios.h, for tools/instructions to count.
 *
 *     geminga_instructions                     lists them: name, messages, what
 *     geminga_instructions NAME [SIZE [MESSAGES]]
 *     geminga_instructions --all               every one, a tenth of the messages: that they work
 */
#include "scenarios.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run(const struct scenario *s, size_t size, size_t messages)
{
    struct course *c = calloc(1, sizeof *c);

    assert(c);
    c->size = size;
    c->messages = messages;
    s->run(c);
    load_end(&c->load);
    frames_free(&c->frames);
    free(c);
}

static int run_all(void)
{
    for (size_t i = 0; i < scenario_count; i++)
        run(&scenarios[i], scenarios[i].size, scenarios[i].messages / 10);
    printf("%zu scenarios\n", scenario_count);
    return 0;
}

static size_t number(char **argv, int argc, int at, size_t otherwise)
{
    return at < argc ? strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--all") == 0)
        return run_all();
    for (size_t i = 0; i < scenario_count; i++) {
        const struct scenario *s = &scenarios[i];
        if (argc == 1)
            printf("%s %zu %s\n", s->name, s->messages, s->what);
        else if (strcmp(argv[1], s->name) == 0) {
            run(s, number(argv, argc, 2, s->size), number(argv, argc, 3, s->messages));
            return 0;
        }
    }
    if (argc == 1)
        return 0;
    (void)fprintf(stderr, "geminga_instructions: no scenario is called %s\n", argv[1]);
    return 2;
}
