/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_bench.c - what holes cost: the acknowledgements of one subscription, in no order, by how many are there.
 *
 *     cursor_bench [LEDGER_ENTRIES]      (50000, as the broker rolls them)
 *
 * For each number of holes (runs of acknowledged entries): an acknowledgement that makes another, and one that makes
 * one longer, with ratios to the smallest number; bytes of memory and of the row; how long the core is held by the cut
 * of a checkpoint, which shares the sets, against encoding them there and then; and by the first change after it, which
 * copies a ledger's.  Acknowledgements are of 1 to 100 messages, so that their counts cost, too.
 */
#include "bench.h"

#include "base/random.h"
#include "store/cursor_row.h"
#include "store/store.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SAMPLES 20000u
#define ROUNDS  5

struct bench {
    struct ledger_info *chain;
    size_t ledgers;
    uint64_t ledger_entries;
    uint32_t *order; /* of the holes: the odd entries, shuffled */
    struct ack_set set;
    struct redeliveries none;
};

static uint32_t messages_of(uint64_t entry)
{
    return 1 + (uint32_t)(entry * 7919 % 100);
}

static void make_chain(struct bench *b, uint64_t entries)
{
    uint64_t messages = 0;

    b->ledgers = (entries + b->ledger_entries - 1) / b->ledger_entries;
    b->chain = calloc(b->ledgers, sizeof *b->chain);
    if (!b->chain)
        abort();
    for (size_t i = 0; i < b->ledgers; i++) {
        struct ledger_info *l = &b->chain[i];
        *l = (struct ledger_info){.id = 1 + i, .entries = b->ledger_entries, .first_message = messages};
        for (uint64_t e = 0; e < l->entries; e++)
            l->messages += messages_of(i * b->ledger_entries + e);
        messages += l->messages;
    }
}

static void shuffle(struct bench *b, uint32_t holes)
{
    struct random r;

    random_init(&r, 1);
    b->order = malloc(holes * sizeof *b->order);
    if (!b->order)
        abort();
    for (uint32_t i = 0; i < holes; i++) {
        const uint32_t k = (uint32_t)random_below(&r, i + 1);
        b->order[i] = b->order[k];
        b->order[k] = 2 * i + 1;
    }
}

static void ack(struct bench *b, uint64_t entry)
{
    const struct position p = {1 + (int64_t)(entry / b->ledger_entries), (int64_t)(entry % b->ledger_entries)};
    bool changed;

    must(ack_set_ack(&b->set, b->chain, b->ledgers, p, messages_of(entry), &changed), "acknowledgement");
    if (!changed)
        abort();
}

/* Seconds of the processor, not of the clock: the machine may be busy.  Of several rounds the least of each counts. */
struct figures {
    double make_ns, fill_ns, cut_us, encode_us, first_us;
    double memory, row;
};

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t encode(const struct cursor_row *row)
{
    const size_t size = cursor_row_size(row);
    uint8_t *bytes = malloc(size);

    if (!bytes)
        abort();
    cursor_row_encode(row, bytes);
    free(bytes);
    return size;
}

/* A checkpoint of so many holes: the cut, the worker's part, and the acknowledgement that comes first after the cut. */
static void checkpoint(struct bench *b, uint64_t first, struct figures *f)
{
    struct cursor_row row;
    const double began = cpu_ns();

    must(cursor_row_take(&row, &b->set, &b->none, NULL), "cut");
    const double cut = cpu_ns();
    const size_t size = encode(&row);
    const double encoded = cpu_ns();
    ack(b, first);
    const double acked = cpu_ns();
    cursor_row_release(&row);
    f->cut_us = (cut - began) / 1e3;
    f->encode_us = (encoded - cut) / 1e3;
    f->first_us = (acked - encoded) / 1e3;
    f->row = (double)size;
}

static void measure(uint32_t holes, uint64_t ledger_entries, struct figures *f)
{
    const uint32_t samples = holes / 2 < SAMPLES ? holes / 2 : SAMPLES;
    struct bench b = {.ledger_entries = ledger_entries};

    make_chain(&b, 2 * (uint64_t)holes);
    shuffle(&b, holes);
    ack_set_init(&b.set, POSITION_EARLIEST, 0);
    const size_t before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < holes - samples; i++)
        ack(&b, b.order[i]);
    const double making = cpu_ns();
    for (uint32_t i = holes - samples; i < holes; i++)
        ack(&b, b.order[i]);
    const double made = cpu_ns();
    f->memory = (double)(mallinfo2().uordblks - before);
    if (b.set.ranges != holes)
        abort();
    checkpoint(&b, b.order[0] - 1, f);
    const double filling = cpu_ns();
    for (uint32_t i = 1; i < samples; i++)
        ack(&b, b.order[i] - 1); /* the entry before a hole */
    f->fill_ns = (cpu_ns() - filling) / (samples - 1);
    f->make_ns = (made - making) / samples;
    ack_set_deinit(&b.set);
    free(b.chain);
    free(b.order);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static struct figures run(uint32_t holes, uint64_t ledger_entries)
{
    struct figures best, f;

    measure(holes, ledger_entries, &best);
    for (int round = 1; round < ROUNDS; round++) {
        measure(holes, ledger_entries, &f);
        best.make_ns = least(best.make_ns, f.make_ns);
        best.fill_ns = least(best.fill_ns, f.fill_ns);
        best.cut_us = least(best.cut_us, f.cut_us);
        best.encode_us = least(best.encode_us, f.encode_us);
        best.first_us = least(best.first_us, f.first_us);
    }
    return best;
}

int main(int argc, char **argv)
{
    const uint64_t ledger_entries = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000;
    struct figures first = {0};

    if (ledger_entries == 0) {
        fprintf(stderr, "cursor_bench [LEDGER_ENTRIES]\n");
        return 2;
    }
    for (uint32_t holes = 1000; holes <= 1000000; holes *= 10) {
        const struct figures f = run(holes, ledger_entries);
        if (holes == 1000)
            first = f;
        printf(
            "%8u holes: %4.0f ns to make one (%.2f x), %4.0f ns to fill one (%.2f x); %5.2f bytes of memory and %5.2f "
            "of the row each; a cut holds the core %.1f us (encoding there: %.0f us), the first acknowledgement after "
            "it %.0f us\n",
            holes, f.make_ns, f.make_ns / first.make_ns, f.fill_ns, f.fill_ns / first.fill_ns, f.memory / holes,
            f.row / holes, f.cut_us, f.encode_us, f.first_us);
    }
    return 0;
}
