/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.h - a world in one thread, driven by one seed.
 *
 * A struct sim has one clock and any number of hosts; each host is a struct sys (a loop, the net that joins all hosts,
 * and, where asked for, a disk).  sim_step runs one event, chosen by the seed among those that may happen: a timer
 * due, a deferred or posted task, a worker's job or a write of the ring (its run and its done are separate steps),
 * bytes, the end of a write or a close arriving on a connection (order is kept within one, not between two).  Each
 * event takes a little time; when nothing is ready the clock jumps to what comes next.  The same seed and the same
 * program give the same run: sim_trace tells whether two were.
 *
 * The seed also draws the manners of this world: how slow its workers are, how late bytes come, how they are split,
 * how much a connection takes before its writer must wait; and whether hosts with a disk have a ring (sys/ring.h),
 * which then refuses some writes, and leaves some undone or cut short.
 *
 * The disk keeps, per file, what was synced and the writes since; a crash keeps all that was synced and of the
 * rest, by the seed, any subset of sectors (512 bytes), in any order, torn writes included; names created, renamed
 * or removed since the last sync_dir survive or not, likewise (a rename is one change; removed by half it never is).
 *
 * How a program dies here, and another takes its place:
 *     sim_host_crash(host); sim_disk_crash(disk) or sim_disk_kill(disk);
 *     ... free the dead program's objects: all they call on the host or the disk does nothing, harmlessly ...
 *     sim_host_free(host); sim_disk_restart(disk); host = sim_host_new(sim, name, disk);
 * Between steps, never from one of the host's own callbacks.
 */
#ifndef SYS_SIM_SIM_H
#define SYS_SIM_SIM_H

#include "base/random.h"
#include "sys/disk.h"
#include "sys/loop.h"
#include "sys/net.h"
#include "sys/sys.h"

struct sim;
struct sim_disk;
struct sim_host;

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s); /* after all hosts are gone */
struct random *sim_random(struct sim *s);

/* One event; false when nothing can ever happen again (no task, job, bytes or timer anywhere). */
bool sim_step(struct sim *s);
uint64_t sim_steps(const struct sim *s); /* taken so far */
uint64_t sim_trace(const struct sim *s); /* a hash of all events so far */
uint64_t sim_now_ns(const struct sim *s);
/* When sim_step's next event happens: now, later (all is quiet until then), or UINT64_MAX. */
uint64_t sim_next_ns(struct sim *s);
void sim_wall_jump(struct sim *s, int64_t delta_ms);
/* From now on a worker's job takes up to so long, as on a disk that has become slow; 0: as the seed drew it. */
void sim_slow(struct sim *s, uint64_t ms);
/* In place of the manners that the seed drew, before there is a host: a quick disk and network, connections that take
 * 256 KiB, nothing split.  For measuring. */
void sim_calm(struct sim *s);
/* Hosts with a disk have a ring, or have none, whatever the seed says (with an even one they have); before there is a
 * host. */
void sim_rings(struct sim *s, bool are);
/* `cross` is called before (true) and after (false) every task, timer and job that the simulator runs: so that a test
 * can make the program's allocations fail and not the simulator's. */
void sim_border(struct sim *s, void (*cross)(bool inside));

/* `name` is the host's address for connect and listen ("broker"), unique among those alive; `disk` may be NULL. */
struct sim_host *sim_host_new(struct sim *s, const char *name, struct sim_disk *disk);
struct sys *sim_host_sys(struct sim_host *h);
/* The host vanishes: its tasks, timers, jobs and connections are gone without a callback, peers see a reset later.
 * From here on its clock and entropy still answer and every other call is harmless: timers and tasks do not run,
 * post is false, submit, listen and connect give ERR_CLOSED, connections take and tell nothing.  What was the host's
 * (executors, connections, listeners) stays valid memory until sim_host_free. */
void sim_host_crash(struct sim_host *h);
void sim_host_free(struct sim_host *h); /* crashes it first, if it still lives */
/* Every connection of the host breaks, at both ends, some now, some within `within_ms`. */
void sim_host_cut(struct sim_host *h, uint64_t within_ms);
size_t sim_host_connections(struct sim_host *h);

/* `random` must outlive the disk. */
struct sim_disk *sim_disk_new(struct random *random);
void sim_disk_free(struct sim_disk *d);
struct disk *sim_disk_get(struct sim_disk *d);
/* Power is cut: the unsynced is decided, and until sim_disk_restart every call gives ERR_IO; files open now stay so
 * for ever (they still want to be closed, if only for their memory).  The lock is free again. */
void sim_disk_crash(struct sim_disk *d);
/* The process is killed and the machine is not: the same, but all written bytes stay readable, and still unsynced.
 * Also what stands between the end of one process and the start of the next. */
void sim_disk_kill(struct sim_disk *d);
void sim_disk_restart(struct sim_disk *d);

/* Kinds of operations, one bit for each function of disk.h that may fail; then groups of them. */
enum sim_disk_op {
    SIM_DISK_OP_READ = 1,
    SIM_DISK_OP_LIST = 2,
    SIM_DISK_OP_SIZE = 4,
    SIM_DISK_OP_WRITE = 8,
    SIM_DISK_OP_TRUNCATE = 16,
    SIM_DISK_OP_SYNC = 32,
    SIM_DISK_OP_SYNC_DIR = 64,
    SIM_DISK_OP_OPEN = 128,
    SIM_DISK_OP_MKDIR = 256,
    SIM_DISK_OP_RENAME = 512,
    SIM_DISK_OP_UNLINK = 1024,
    SIM_DISK_OP_LOCK = 2048,
    SIM_DISK_READ = SIM_DISK_OP_READ | SIM_DISK_OP_LIST | SIM_DISK_OP_SIZE,
    SIM_DISK_WRITE = SIM_DISK_OP_WRITE | SIM_DISK_OP_TRUNCATE,
    SIM_DISK_SYNC = SIM_DISK_OP_SYNC | SIM_DISK_OP_SYNC_DIR,
    SIM_DISK_META = SIM_DISK_OP_OPEN | SIM_DISK_OP_MKDIR | SIM_DISK_OP_RENAME | SIM_DISK_OP_UNLINK | SIM_DISK_OP_LOCK,
    SIM_DISK_ALL = 4095
};
#define SIM_DISK_OPS 12 /* bits */

/* The n-th operation from now (1 = the next) of these kinds fails with `err`; n = 0 clears.  A failed write may have
 * written a part; after a failed sync the dirty sectors are clean to the machine, and on the medium or not. */
void sim_disk_fail(struct sim_disk *d, unsigned ops, uint64_t n, enum err err);
/* The same, and all of these kinds after it too, until it is cleared. */
void sim_disk_fail_from(struct sim_disk *d, unsigned ops, uint64_t n, enum err err);
/* At the n-th operation of these kinds power is cut, as by sim_disk_crash: it, done in part, and all later ones give
 * ERR_IO.  n = 0 clears. */
void sim_disk_crash_at(struct sim_disk *d, unsigned ops, uint64_t n);
/* The same, as by sim_disk_kill: the process ends in the middle of what it does.  The later of the two calls counts. */
void sim_disk_kill_at(struct sim_disk *d, unsigned ops, uint64_t n);
bool sim_disk_crashed(const struct sim_disk *d);               /* true until sim_disk_restart */
uint64_t sim_disk_faults(const struct sim_disk *d);            /* of the two above, how many struck so far */
uint64_t sim_disk_ops(const struct sim_disk *d, unsigned ops); /* begun so far, of these kinds */
void sim_disk_capacity(struct sim_disk *d, uint64_t bytes);    /* beyond it writes give ERR_NOSPACE */
uint64_t sim_disk_used(const struct sim_disk *d);              /* bytes, of all files */
uint64_t sim_disk_hash(const struct sim_disk *d);              /* of all names and bytes there are to see */
/* A disk that lies: syncs return OK and make nothing durable.  For proving that a test would notice. */
void sim_disk_lie(struct sim_disk *d, bool lies);
/*
 * A sweep asks for one outcome after the other, where the seed would choose one: from this call on, nothing about the
 * disk is left to chance.  The changes (writes, truncations, names) that were not synced when the power is cut are
 * numbered in the order in which they were made, from 1; a sync takes its file's or directory's out of the count.
 */
enum sim_cut_kind {
    SIM_CUT_PREFIX,       /* changes 1 to n are on the medium */
    SIM_CUT_TORN_HEAD,    /* the same, but of a write n its first half only, in sectors */
    SIM_CUT_TORN_TAIL,    /* ... its last half only */
    SIM_CUT_TORN_STRIPES, /* ... every other sector of it */
    SIM_CUT_WITHOUT,      /* all changes but n */
    SIM_CUT_ONLY          /* change n alone */
};
#define SIM_CUT_LAST SIZE_MAX /* of n: the last change there is then */
struct sim_cut {
    enum sim_cut_kind kind;
    size_t n;
    unsigned halves; /* 0 to 2: how much is done of a write that fails or that the process is killed in, and of what a
                        failed sync was to sync */
};
void sim_disk_plan(struct sim_disk *d, const struct sim_cut *cut);
/* `begun` is called at the beginning of every operation: its kind, the number of changes not synced (with a plan), that
 * of this operation included when it is a write or a truncation, and the bytes of a write. */
struct sim_disk_watch {
    void (*begun)(void *ctx, enum sim_disk_op op, size_t unsynced, size_t len);
    void *ctx;
};
void sim_disk_watch(struct sim_disk *d, const struct sim_disk_watch *watch); /* borrowed; NULL: no more */

/* Flips one bit of a file, in memory and on the medium; false when there is no such byte. */
bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t bit);

#endif
