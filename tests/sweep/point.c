/* SPDX-License-Identifier: Apache-2.0
 *
 * point.c - see point.h.
 */
#include "point.h"

#include "store/store_failing_memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED 4711

static const struct sim_cut lose_all = {.kind = SIM_CUT_PREFIX, .n = 0, .halves = 1};

static void begin(struct model *m, const struct operation *o, const struct sim_cut *cut)
{
    model_init(m, o->ring ? SEED + 1 : SEED);
    assert(!!sim_host_sys(m->host)->ring == o->ring);
    model_hook(m, &memory_hooks);
    memory_fail(0);
    memory_fail_sqlite(0);
    sim_disk_plan(m->disk, cut);
    o->prepare(m);
}

/* ---- the course ---- */

struct taking {
    struct course *course;
    struct model *model;
};

static void step_begun(void *ctx, enum sim_disk_op op, size_t unsynced, size_t len)
{
    const struct taking *t = ctx;
    struct course *c = t->course;

    if (c->count == c->capacity) {
        c->capacity = c->capacity ? 2 * c->capacity : 256;
        c->steps = realloc(c->steps, c->capacity * sizeof *c->steps);
        assert(c->steps);
    }
    c->steps[c->count++] =
        (struct step){.op = op, .unsynced = unsynced, .len = len, .used = sim_disk_used(t->model->disk)};
}

void course_take(struct course *c, const struct operation *o)
{
    struct model m;
    struct taking t = {.course = c, .model = &m};
    const struct sim_disk_watch watch = {.begun = step_begun, .ctx = &t};

    *c = (struct course){0};
    begin(&m, o, &lose_all);
    c->used_before = sim_disk_used(m.disk);
    sim_disk_watch(m.disk, &watch);
    memory_fail(0);
    memory_fail_sqlite(0);
    o->act(&m);
    c->allocations = memory_count();
    c->sqlite_allocations = memory_count_sqlite();
    sim_disk_watch(m.disk, NULL);
    c->used_after = sim_disk_used(m.disk);
    assert(!model_dead(&m));
    assert(!o->happened || o->happened(&m));
    model_deinit(&m);
}

void course_free(struct course *c)
{
    free(c->steps);
    *c = (struct course){0};
}

/* ---- what must be true ---- */

/* Nothing is wrong any more: everything works, and what was asked for has been answered. */
static void go_on(struct model *m)
{
    model_settle(m);
    for (unsigned round = 0; round < 2; round++) { /* a ledger that was fenced is closed by the first */
        model_create_topics(m);
        for (unsigned i = 0; i < MODEL_TOPICS; i++)
            model_append(m, i, 100 + i);
        model_barrier(m);
        model_settle(m);
    }
    assert(!model_dead(m));
    assert(list_empty(&m->barriers));
    assert(list_empty(&m->readings));
    for (unsigned i = 0; i < MODEL_TOPICS; i++)
        assert(m->topics[i].ledger || m->topics[i].removed || m->topics[i].unsubscribed);
    for (const struct model_append *a = m->appends; a; a = a->next)
        assert(a->done || a->failed || a->deleted || a->life != m->life);
}

static void open_well(struct model *m)
{
    enum err err = model_open(m);

    if (err != OK)
        fprintf(stderr, "recovery: %s: %s\n", err_text(err), m->message);
    assert(err == OK);
    model_check_files(m);
    model_verify(m);
}

/* From a directory that nobody has open. */
static void recover(struct model *m)
{
    sim_disk_plan(m->disk, &lose_all);
    open_well(m);
    m->options.give_up = NULL;   /* what was given up is gone for good */
    model_crash(m, MODEL_POWER); /* all that was served is on the disk already */
    open_well(m);
    go_on(m);
    model_crash(m, MODEL_POWER);
    open_well(m);
}

/* ---- full disks ---- */

/* What makes room must find some. */
static void acknowledge_on_full_disk(struct model *m)
{
    model_run_ms(m, 5000);
    model_ack(m, 1, 0);
    model_ack(m, 0, 1);
    model_barrier(m);
    model_run_ms(m, 5000);
    assert(!model_dead(m));
    assert(list_empty(&m->barriers));
}

static void end_full(struct model *m, const struct point *p)
{
    const bool needs_room = p->operation->needs_room;

    if (p->end != END_GO_ON || !m->store || model_dead(m)) {
        model_crash(m, p->end == END_POWER ? MODEL_POWER : MODEL_KILL);
        enum err err = model_open(m); /* with the disk still full */
        if (err != OK)
            fprintf(stderr, "on a full disk: %s: %s\n", err_text(err), m->message);
        assert(err == OK || (needs_room && err == ERR_NOSPACE));
        if (err == OK)
            model_verify(m);
    }
    if (m->store && !needs_room)
        acknowledge_on_full_disk(m);
    sim_disk_capacity(m->disk, UINT64_MAX / 2);
    if (!m->store) {
        model_crash(m, MODEL_KILL);
        open_well(m);
    }
    go_on(m);
}

/* ---- the point ---- */

static void arm(struct model *m, const struct point *p)
{
    switch (p->fault) {
    case FAULT_NONE:
    case FAULT_AFTER:
        break;
    case FAULT_FAIL:
        sim_disk_fail(m->disk, p->ops, p->n, p->err);
        break;
    case FAULT_FAIL_FROM:
        sim_disk_fail_from(m->disk, p->ops, p->n, p->err);
        break;
    case FAULT_FULL:
        sim_disk_capacity(m->disk, sim_disk_used(m->disk) + p->bytes);
        break;
    case FAULT_MEMORY:
        memory_fail(p->n);
        break;
    case FAULT_SQLITE:
        memory_fail_sqlite(p->n);
        break;
    case FAULT_POWER:
        sim_disk_crash_at(m->disk, SWEEP_CHANGES, p->n);
        break;
    case FAULT_KILL:
        sim_disk_kill_at(m->disk, SWEEP_CHANGES, p->n);
        break;
    }
    m->writes_may_fail = p->fault != FAULT_NONE;
    m->reads_may_fail = p->fault == FAULT_FAIL || p->fault == FAULT_FAIL_FROM;
    for (struct model_append *a = m->appends; a && m->reads_may_fail && m->options.give_up; a = a->next)
        a->given_up = true; /* what cannot be read is given up, too */
    m->memory_may_fail = p->fault == FAULT_MEMORY || p->fault == FAULT_SQLITE;
}

static bool disarm(struct model *m, const struct point *p, uint64_t faults)
{
    const bool struck = memory_struck() || memory_struck_sqlite() || sim_disk_faults(m->disk) > faults;

    memory_fail(0);
    memory_fail_sqlite(0);
    sim_disk_fail(m->disk, 0, 0, OK);
    sim_disk_crash_at(m->disk, 0, 0);
    return struck;
}

static void forgive(struct model *m)
{
    m->writes_may_fail = m->reads_may_fail = m->memory_may_fail = false;
}

/* True when the second fault struck. */
static bool recover_by_halves(struct model *m, const struct point *p)
{
    const uint64_t faults = sim_disk_faults(m->disk);

    sim_disk_plan(m->disk, &p->again_cut);
    sim_disk_crash_at(m->disk, SWEEP_CHANGES, p->again);
    if (model_open(m) == OK && !model_dead(m))
        model_verify(m);
    if (m->store && !model_dead(m))
        model_settle(m);
    const bool struck = sim_disk_faults(m->disk) > faults;
    sim_disk_crash_at(m->disk, 0, 0);
    model_crash(m, MODEL_POWER);
    return struck;
}

/* True when the power goes in the operation that had a fault already. */
static bool cuts_the_operation(const struct point *p)
{
    return p->again > 0 && (p->fault == FAULT_FULL || (p->fault == FAULT_FAIL && !(p->ops & SIM_DISK_SYNC)));
}

static void arm_both(struct model *m, const struct point *p)
{
    struct sim_cut cut = p->again_cut;

    arm(m, p);
    if (!cuts_the_operation(p))
        return;
    cut.halves = p->cut.halves;
    sim_disk_plan(m->disk, &cut);
    sim_disk_crash_at(m->disk, SWEEP_CHANGES, p->again);
}

bool point_run(const struct point *p)
{
    struct model m;

    begin(&m, p->operation, &p->cut);
    sim_disk_lie(m.disk, p->lies);
    const uint64_t faults = sim_disk_faults(m.disk);
    arm_both(&m, p);
    p->operation->act(&m);
    bool struck = sim_disk_crashed(m.disk);
    struck = disarm(&m, p, faults) && (struck || !cuts_the_operation(p));
    const bool died = p->fault == FAULT_POWER || p->fault == FAULT_KILL || !m.store || model_dead(&m);

    if (cuts_the_operation(p))
        sim_disk_capacity(m.disk, UINT64_MAX / 2);
    else if (p->fault == FAULT_FULL)
        end_full(&m, p);
    else if (!died && p->fault != FAULT_AFTER)
        go_on(&m);
    forgive(&m);
    const bool killed =
        p->end == END_KILL && p->fault != FAULT_AFTER && p->fault != FAULT_POWER && !cuts_the_operation(p);
    model_crash(&m, killed ? MODEL_KILL : MODEL_POWER);
    if (p->again > 0 && !cuts_the_operation(p))
        struck = recover_by_halves(&m, p);
    recover(&m);
    model_deinit(&m);
    return struck;
}

/* ---- in words ---- */

static const char *op_text(unsigned ops)
{
    static const char *const names[SIM_DISK_OPS] = {"read",     "list", "size",  "write",  "truncate", "sync",
                                                    "sync_dir", "open", "mkdir", "rename", "unlink",   "lock"};

    return ops ? names[__builtin_ctz(ops)] : "";
}

static int cut_text(const struct sim_cut *c, char *to, size_t size)
{
    static const char *const kinds[] = {
        [SIM_CUT_PREFIX] = "the first %zu unsynced changes kept",
        [SIM_CUT_TORN_HEAD] = "change %zu torn, its first half kept",
        [SIM_CUT_TORN_TAIL] = "change %zu torn, its last half kept",
        [SIM_CUT_TORN_STRIPES] = "change %zu torn, every other sector kept",
        [SIM_CUT_WITHOUT] = "all kept but change %zu",
        [SIM_CUT_ONLY] = "only change %zu kept",
    };
    char words[80];
    const char *at = strstr(kinds[c->kind], "%zu");

    if (c->n == SIM_CUT_LAST)
        snprintf(words, sizeof words, "%.*sthe last%s", (int)(at - kinds[c->kind]), kinds[c->kind], at + 3);
    else
        snprintf(words, sizeof words, "%.*s%zu%s", (int)(at - kinds[c->kind]), kinds[c->kind], c->n, at + 3);
    return snprintf(to, size, "%s", words);
}

void point_text(const struct point *p, char *to, size_t size)
{
    static const char *const ends[] = {"then kill", "then power cut", "then room"};
    char cut[96], again[160] = "";

    cut_text(&p->cut, cut, sizeof cut);
    if (p->again) {
        char words[96];
        cut_text(&p->again_cut, words, sizeof words);
        snprintf(again, sizeof again, "; in the recovery power cut at change %" PRIu64 ", %s", p->again, words);
    }
    if (cuts_the_operation(p) && again[0])
        snprintf(again, sizeof again, "; and power cut at change %" PRIu64, p->again);
    switch (p->fault) {
    case FAULT_NONE:
        snprintf(to, size, "%s: no fault, %s", p->operation->name, ends[p->end]);
        break;
    case FAULT_FAIL:
    case FAULT_FAIL_FROM:
        snprintf(to, size, "%s: %s %" PRIu64 "%s fails (%s, %u/2 done), %s%s", p->operation->name, op_text(p->ops),
                 p->n, p->fault == FAULT_FAIL ? "" : " and all later", err_text(p->err), p->cut.halves, ends[p->end],
                 again);
        break;
    case FAULT_FULL:
        snprintf(to, size, "%s: %" PRIu64 " bytes left on the disk (%u/2 done), %s%s", p->operation->name, p->bytes,
                 p->cut.halves, ends[p->end], again);
        break;
    case FAULT_MEMORY:
    case FAULT_SQLITE:
        snprintf(to, size, "%s: allocation %" PRIu64 "%s fails, %s", p->operation->name, p->n,
                 p->fault == FAULT_SQLITE ? " of SQLite" : "", ends[p->end]);
        break;
    case FAULT_POWER:
        snprintf(to, size, "%s: power cut at change %" PRIu64 ", %s%s", p->operation->name, p->n, cut, again);
        break;
    case FAULT_KILL:
        snprintf(to, size, "%s: killed at change %" PRIu64 " (%u/2 done)%s", p->operation->name, p->n, p->cut.halves,
                 again);
        break;
    case FAULT_AFTER:
        snprintf(to, size, "%s: power cut after it, %s", p->operation->name, cut);
        break;
    }
}
