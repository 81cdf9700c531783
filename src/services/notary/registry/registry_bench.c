/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_bench.c - how many entries a second a registry takes, and how many it checks at its start, and in what
 * memory.    notary_registry_bench DIRECTORY [ENTRIES [ENTRIES-A-DOCUMENT]]
 */
#include "services/notary/registry/registry_fixture.h"

#include <sys/resource.h>
#include <time.h>

/* CLOCK_MONOTONIC: how long; CLOCK_THREAD_CPUTIME_ID: how much of the processor (the machine may have others). */
static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double memory_mib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

struct spent {
    double wall, processor;
};

static void spent_add(struct spent *s, int sign)
{
    s->wall += sign * seconds(CLOCK_MONOTONIC);
    s->processor += sign * seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* One document; the time that the registry takes for it. */
static void apply_one(struct registry_fixture *f, size_t number, size_t count, struct spent *spent)
{
    json_t *records = json_array(), *document;
    struct registry_place p = registry_place(f->registry);
    char id[100], *body;

    for (size_t i = 0; i < count; i++) {
        snprintf(id, sizeof id, "deploy-%zu-8f14e45f-ceea-467f", number * count + i);
        json_array_append_new(records, fixture_closed(id, "notarized"));
    }
    json_array_append_new(records, fixture_checkpoint_of(f, records));
    document = json_pack("{s:i, s:s, s:o}", "term", 1, "previous", p.previous, "records", records);
    body = json_dumps(document, JSON_COMPACT);
    spent_add(spent, -1);
    if (registry_apply(f->registry, p.sequence + 1, document, bytes_of_text(body), "1:2:3:4", f->message,
                       sizeof f->message) != OK) {
        fprintf(stderr, "%s\n", f->message);
        exit(1);
    }
    spent_add(spent, 1);
    free(body);
    json_decref(document);
}

static void check(struct registry_fixture *f, size_t entries)
{
    struct spent spent = {0};

    spent_add(&spent, -1);
    if (registry_fixture_open(f) != OK) {
        fprintf(stderr, "%s\n", f->message);
        exit(1);
    }
    spent_add(&spent, 1);
    printf(
        "opened and checked: %zu entries in %.2f s (%.2f s of the processor), %.0f a second; most memory so far %.1f "
        "MiB\n",
        entries, spent.wall, spent.processor, (double)entries / spent.wall, memory_mib());
}

int main(int argc, char **argv)
{
    size_t entries = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;
    size_t each = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
    struct registry_fixture f = {.directory = argc > 1 ? argv[1] : NULL};
    struct spent spent = {0};
    double begin;

    fixture_signer_init(&f.signer, 7);
    if (f.directory && argc > 4) {
        check(&f, entries);
        registry_fixture_close(&f);
        return 0;
    }
    if (registry_fixture_open(&f) != OK) {
        fprintf(stderr, "%s\n", f.message);
        return 1;
    }
    for (size_t i = 0; i < entries / each; i++)
        apply_one(&f, i, each, &spent);
    begin = seconds(CLOCK_MONOTONIC);
    registry_fixture_close(&f);
    printf("applied: %zu entries in %.2f s (%.2f s of the processor), %.0f a second, and %.2f s to close; most memory "
           "%.1f MiB\n",
           entries, spent.wall, spent.processor, (double)entries / spent.wall, seconds(CLOCK_MONOTONIC) - begin,
           memory_mib());
    if (f.directory)
        check(&f, entries);
    registry_fixture_close(&f);
    fixture_signer_deinit(&f.signer);
    return 0;
}
