/* SPDX-License-Identifier: Apache-2.0
 *
 * store_sweep.c - makes every step of every operation of the store fail, one after the other.
 *
 *     store_sweep [--operation NAME] [--share N/M] [--from A] [--to B] [--deep | --deeper] [--keep-going]
 *                 [--list] [--lie]
 *
 * For each operation of the table (operations.c) one run without a fault tells its course: the calls to the disk and
 * the allocations.  From it follows the list of points, which are numbered over all operations: the same number is the
 * same point, as long as the code is the same.  --share N/M takes every M-th of them; --from and --to a range, so that
 * a run can be resumed.  --deep adds a second misfortune: to each power cut, kill and failed sync all power cuts of the
 * recovery after it, to each failed write and full disk all later power cuts of the operation itself; of what was not
 * synced then nothing is kept, or all, or all with the last change torn.  From point to point these three take turns,
 * and so do the odd and the even changes; with --deeper each of all.
 *
 * --lie: the disk lies about its syncs; a success when a point fails.
 *
 *   one fails     each call of each kind: an error, of a write nothing, half or all of it done
 *   all fail      it and all later ones of its kind
 *   full          room for all writes before the k-th, and none for that
 *   memory        each allocation, SQLite's too
 *   kill          at each change or sync; a write not begun, half done, or done
 *   power         at each change or sync.  Before a sync: every prefix of the unsynced changes, each of them missing,
 *                 each alone, and each torn in three ways.  At other changes only what differs from an earlier point:
 *                 the newest change torn or alone.
 */
#include "point.h"

#include "store/store_failing_memory.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTOR    512
#define AGAIN_MAX 100000

struct sweep {
    /* What was asked for. */
    const char *operation;
    uint64_t share, shares;
    uint64_t from, to;
    bool deep, deeper, keep_going, list, lie;
    /* Where it is. */
    uint64_t number; /* of the next point */
    uint64_t done, failed;
};

static char current[400]; /* for the signal handler only: the point under way */

static void on_abort(int signal_number)
{
    char line[500];
    int len = snprintf(line, sizeof line, "sweep: failed: %s\n", current);

    (void)signal_number;
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        _exit(1);
    _exit(1);
}

/* In a process of its own, so that a failed assertion ends that only. */
static bool run_apart(const struct point *p, bool *struck)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(point_run(p) ? 0 : 3);
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("sweep");
        exit(1);
    }
    *struck = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return *struck || (WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static bool run_one(struct sweep *s, const struct point *p)
{
    char text[320];
    bool struck = true;

    point_text(p, text, sizeof text);
    snprintf(current, sizeof current, "point %" PRIu64 ": %s", s->number, text);
    if (s->list) {
        printf("%" PRIu64 " %s\n", s->number, text);
        return false;
    }
    if (s->keep_going) {
        if (!run_apart(p, &struck))
            s->failed++;
    } else {
        struck = point_run(p);
    }
    s->done++;
    return struck;
}

/* With --deep, its number stands for the second misfortunes behind it, too. */
static void point(struct sweep *s, struct point p)
{
    static const struct sim_cut cuts[] = {{.kind = SIM_CUT_PREFIX, .n = 0},
                                          {.kind = SIM_CUT_PREFIX, .n = SIM_CUT_LAST},
                                          {.kind = SIM_CUT_TORN_STRIPES, .n = SIM_CUT_LAST}};
    const bool mine = s->number >= s->from && s->number <= s->to && s->number % s->shares == s->share;

    const bool recoveries = s->deep && p.again > 0;
    const uint64_t turn = s->number % 3, every = s->deeper ? 1 : 2;

    p.again = 0;
    p.lies = s->lie;
    if (mine && !(s->lie && s->failed > 0))
        (void)run_one(s, &p);
    for (size_t i = 0; mine && recoveries && i < sizeof cuts / sizeof cuts[0]; i++) {
        if (!s->deeper && i != turn)
            continue;
        p.again_cut = cuts[i];
        for (p.again = 1 + s->number / 3 % every; p.again < AGAIN_MAX && run_one(s, &p); p.again += every)
            ;
    }
    s->number++;
}

/* ---- the points of an operation ---- */

static const enum end both_ends[] = {END_KILL, END_POWER};

static void fail_one(struct sweep *s, struct point p, unsigned halves)
{
    for (p.cut.halves = 0; p.cut.halves < halves; p.cut.halves++) {
        for (size_t e = 0; e < 2; e++) {
            p.end = both_ends[e];
            p.fault = FAULT_FAIL;
            p.again = e == 0 && p.ops & (SIM_DISK_WRITE | SIM_DISK_SYNC); /* where that is wanted */
            point(s, p);
            p.fault = FAULT_FAIL_FROM;
            p.again = 0;
            point(s, p);
        }
    }
}

/* The n-th call of each kind. */
static void sweep_failures(struct sweep *s, const struct operation *o, const struct course *c)
{
    uint64_t seen[SIM_DISK_OPS] = {0};

    for (size_t i = 0; i < c->count; i++) {
        const enum sim_disk_op op = c->steps[i].op;
        struct point p = {.operation = o, .ops = op, .err = ERR_IO, .n = ++seen[__builtin_ctz(op)]};
        const bool partly = op == SIM_DISK_OP_WRITE || op == SIM_DISK_OP_SYNC;
        fail_one(s, p, partly ? 3 : 1);
        p.err = ERR_NOSPACE;
        if (op & (SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META) && op != SIM_DISK_OP_UNLINK)
            fail_one(s, p, 1);
    }
}

static uint64_t used_behind(const struct course *c, size_t i)
{
    return i + 1 < c->count ? c->steps[i + 1].used : c->used_after;
}

static void sweep_full_disk(struct sweep *s, const struct operation *o, const struct course *c)
{
    static const enum end ends[] = {END_KILL, END_POWER, END_GO_ON};

    for (size_t i = 0; i < c->count; i++) {
        const struct step *step = &c->steps[i];
        if (!(step->op & SIM_DISK_WRITE) || used_behind(c, i) <= step->used || used_behind(c, i) <= c->used_before)
            continue;
        for (size_t e = 0; e < 3; e++) {
            struct point p = {.operation = o, .fault = FAULT_FULL, .end = ends[e]};
            p.bytes = used_behind(c, i) - 1 - c->used_before;
            p.again = ends[e] == END_POWER;
            point(s, p);
            p.again = 0;
            p.cut.halves = 2; /* what fits is there */
            point(s, p);
        }
    }
}

static void sweep_memory(struct sweep *s, const struct operation *o, const struct course *c)
{
    for (uint64_t n = 1; n <= c->allocations; n++) {
        point(s, (struct point){.operation = o, .fault = FAULT_MEMORY, .n = n, .end = END_KILL});
        point(s, (struct point){.operation = o, .fault = FAULT_MEMORY, .n = n, .end = END_POWER});
    }
    for (uint64_t n = 1; n <= c->sqlite_allocations; n++)
        point(s, (struct point){.operation = o, .fault = FAULT_SQLITE, .n = n, .end = END_KILL});
}

static void sweep_kills(struct sweep *s, struct point p, const struct step *step)
{
    const unsigned halves = step->op == SIM_DISK_OP_WRITE || step->op == SIM_DISK_OP_SYNC ? 3 : 1;

    p.fault = FAULT_KILL;
    for (p.cut.halves = 0; p.cut.halves < halves; p.cut.halves++) {
        p.again = p.cut.halves == 1; /* asks for a recovery cut off, where that is wanted */
        point(s, p);
    }
}

static void cut_at(struct sweep *s, struct point p, enum sim_cut_kind kind, size_t n)
{
    p.cut = (struct sim_cut){.kind = kind, .n = n};
    point(s, p);
}

static void sweep_cuts_at_sync(struct sweep *s, struct point p, size_t unsynced)
{
    for (size_t n = 0; n <= unsynced; n++) {
        p.again = n == unsynced;
        cut_at(s, p, SIM_CUT_PREFIX, n);
    }
    p.again = 0;
    for (size_t n = 1; n <= unsynced; n++) {
        for (enum sim_cut_kind kind = SIM_CUT_TORN_HEAD; kind <= SIM_CUT_ONLY; kind++) {
            if (kind == SIM_CUT_WITHOUT && n == unsynced)
                continue; /* a prefix */
            cut_at(s, p, kind, n);
        }
    }
}

static void sweep_cuts(struct sweep *s, struct point p, const struct step *step)
{
    p.fault = FAULT_POWER;
    if (step->op & SIM_DISK_SYNC) {
        sweep_cuts_at_sync(s, p, step->unsynced);
        return;
    }
    if (!(step->op & SIM_DISK_WRITE))
        return;
    cut_at(s, p, SIM_CUT_ONLY, SIM_CUT_LAST);
    for (enum sim_cut_kind kind = SIM_CUT_TORN_HEAD; kind <= SIM_CUT_TORN_STRIPES && step->len > SECTOR; kind++)
        cut_at(s, p, kind, SIM_CUT_LAST);
}

static void sweep_deaths(struct sweep *s, const struct operation *o, const struct course *c)
{
    uint64_t n = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (!(c->steps[i].op & SWEEP_CHANGES))
            continue;
        const struct point p = {.operation = o, .n = ++n, .end = END_KILL};
        sweep_kills(s, p, &c->steps[i]);
        sweep_cuts(s, p, &c->steps[i]);
    }
}

static void sweep_operation(struct sweep *s, const struct operation *o)
{
    struct course c;

    snprintf(current, sizeof current, "%s without a fault", o->name);
    course_take(&c, o);
    point(s, (struct point){.operation = o, .fault = FAULT_NONE, .end = END_KILL});
    point(s, (struct point){.operation = o, .fault = FAULT_AFTER, .cut = {.kind = SIM_CUT_PREFIX, .n = 0}});
    point(s, (struct point){.operation = o, .fault = FAULT_AFTER, .cut = {.kind = SIM_CUT_PREFIX, .n = SIM_CUT_LAST}});
    sweep_failures(s, o, &c);
    sweep_full_disk(s, o, &c);
    sweep_memory(s, o, &c);
    sweep_deaths(s, o, &c);
    course_free(&c);
}

/* ---- the command ---- */

static void usage(void)
{
    fprintf(stderr,
            "store_sweep [--operation NAME] [--share N/M] [--from A] [--to B] [--deep | --deeper] [--keep-going] "
            "[--list] [--lie]\n");
    for (size_t i = 0; i < operation_count; i++)
        fprintf(stderr, "  %-22s %s\n", operations[i].name, operations[i].text);
    exit(2);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t n = text ? strtoull(text, &end, 10) : 0;

    if (!text || end == text || *end)
        usage();
    return n;
}

static void parse(struct sweep *s, int argc, char **argv)
{
    *s = (struct sweep){.shares = 1, .to = UINT64_MAX};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--deep") == 0)
            s->deep = true;
        else if (strcmp(argv[i], "--deeper") == 0)
            s->deep = s->deeper = true;
        else if (strcmp(argv[i], "--keep-going") == 0)
            s->keep_going = true;
        else if (strcmp(argv[i], "--list") == 0)
            s->list = true;
        else if (strcmp(argv[i], "--lie") == 0)
            s->lie = s->keep_going = true;
        else if (strcmp(argv[i], "--operation") == 0 && value)
            s->operation = argv[++i];
        else if (strcmp(argv[i], "--from") == 0)
            s->from = number(argv[++i]);
        else if (strcmp(argv[i], "--to") == 0)
            s->to = number(argv[++i]);
        else if (strcmp(argv[i], "--share") != 0 || !value ||
                 sscanf(argv[++i], "%" SCNu64 "/%" SCNu64, &s->share, &s->shares) != 2 || s->share >= s->shares)
            usage();
    }
}

int main(int argc, char **argv)
{
    struct sweep s;

    parse(&s, argc, argv);
    memory_of_sqlite();
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    for (size_t i = 0; i < operation_count; i++) {
        const uint64_t first = s.number, done = s.done;
        if (s.operation && strcmp(s.operation, operations[i].name) != 0)
            continue;
        sweep_operation(&s, &operations[i]);
        if (!s.list)
            printf("%-22s points %" PRIu64 " to %" PRIu64 ": %" PRIu64 " run\n", operations[i].name, first,
                   s.number - 1, s.done - done);
        fflush(stdout);
    }
    if (s.list)
        return 0;
    if (s.lie) {
        printf("sweep: a disk that lies was %s in %" PRIu64 " points\n", s.failed ? "found out" : "NOT FOUND OUT",
               s.done);
        return s.failed == 0;
    }
    if (s.failed > 0)
        printf("sweep: %" PRIu64 " points run of those numbered to %" PRIu64 ", %" PRIu64 " FAILED\n", s.done,
               s.number - 1, s.failed);
    else
        printf("sweep: %" PRIu64 " points run of those numbered to %" PRIu64 "%s, all passed\n", s.done, s.number - 1,
               s.deep ? " and their recoveries" : "");
    return s.failed > 0;
}
