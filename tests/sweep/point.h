/* SPDX-License-Identifier: Apache-2.0
 *
 * point.h - one point of the sweep: an operation, and what goes wrong in it.
 *
 * A point is a life of a simulated store of its own: prepare, act with the fault, then what must be true after it:
 *   - a store that lives goes on, with everything answered once and nothing lost;
 *   - one that died, by the fault or because it cannot go on, recovers: every acknowledged entry and acknowledgement
 *     is there, nothing else but what was asked for and not refused, no file is nobody's, and a power cut right after
 *     loses nothing of it.
 * What does not hold is an assertion that fails.
 */
#ifndef SWEEP_POINT_H
#define SWEEP_POINT_H

#include "operations.h"
#include "sys/sim/sim.h"

enum fault {
    FAULT_NONE,
    FAULT_FAIL,      /* the n-th call of a kind fails */
    FAULT_FAIL_FROM, /* it and all of its kind after it */
    FAULT_FULL,      /* the disk has `bytes` of room for the operation */
    FAULT_MEMORY,    /* the n-th allocation fails */
    FAULT_SQLITE,    /* the n-th of SQLite's does */
    FAULT_POWER,     /* power is cut at the n-th change or sync; the medium is as `cut` says */
    FAULT_KILL,      /* the process is killed there */
    FAULT_AFTER      /* power is cut when the operation is over */
};

/* How a life ends that the fault did not end. */
enum end { END_KILL, END_POWER, END_GO_ON /* of FAULT_FULL: there is room again */ };

struct point {
    const struct operation *operation;
    enum fault fault;
    unsigned ops; /* enum sim_disk_op, of FAIL */
    enum err err; /* of FAIL */
    uint64_t n, bytes;
    struct sim_cut cut;
    bool lies; /* the disk, about its syncs: to prove that it would be noticed */
    enum end end;
    /* A second misfortune, at the `again`-th change or sync; 0: none.  After POWER, KILL, and a sync that failed, the
     * recovery is cut off there; after a failed write or on a full disk, the operation itself. */
    uint64_t again;
    struct sim_cut again_cut;
};

/* What one run of an operation does, without a fault. */
struct step {
    enum sim_disk_op op;
    size_t unsynced; /* changes, when it begins, its own included */
    size_t len;      /* of a write */
    uint64_t used;   /* bytes on the disk before it */
};
struct course {
    struct step *steps;
    size_t count, capacity;
    uint64_t allocations, sqlite_allocations;
    uint64_t used_before, used_after;
};

/* Kinds at which power cuts and kills are placed: what only reads changes nothing. */
#define SWEEP_CHANGES (SIM_DISK_WRITE | SIM_DISK_SYNC | SIM_DISK_META)

void course_take(struct course *c, const struct operation *o);
void course_free(struct course *c);

/* True when the fault struck (with `again`: the second one). */
bool point_run(const struct point *p);
/* The point in words. */
void point_text(const struct point *p, char *to, size_t size);

#endif
