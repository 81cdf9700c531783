/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.h - a world in one thread, driven by one seed.
 *
 * A struct sim has one clock and any number of hosts; each host is a struct sys (a loop, the net that joins all
 * hosts, and, where asked for, a disk).  sim_step runs one event, chosen by the seed among those that may happen:
 * a timer due, a deferred or posted task, a worker's job (its run and its done are separate steps), bytes or a close
 * arriving on a connection (order kept within one, not between two).  When nothing is ready the clock
 * jumps to the next timer.  The same seed and the same program give the same run.
 *
 * The disk keeps, per file, what was synced and the writes since; a crash keeps all that was synced and of the
 * rest, by the seed, any subset of sectors (512 bytes), in any order, torn writes included; names created, renamed
 * or removed since the last sync_dir survive or not, likewise.
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
uint64_t sim_now_ns(const struct sim *s);
void sim_wall_jump(struct sim *s, int64_t delta_ms);

/* `name` is the host's address for connect and listen ("broker"); `disk` may be NULL. */
struct sim_host *sim_host_new(struct sim *s, const char *name, struct sim_disk *disk);
struct sys *sim_host_sys(struct sim_host *h);
/* The host vanishes as in a crash: its tasks, timers, jobs and connections are gone without a callback (peers see
 * a reset, later).  Its memory is the owner's problem: sim programs allocate from what they can free. */
void sim_host_crash(struct sim_host *h);
void sim_host_free(struct sim_host *h);
/* Cuts every connection of the host at some point to come, or now. */
void sim_host_cut(struct sim_host *h);

struct sim_disk *sim_disk_new(struct random *random);
void sim_disk_free(struct sim_disk *d);
struct disk *sim_disk_get(struct sim_disk *d);
/* Power is cut: open files are dead (every call gives ERR_IO until sim_disk_restart), the unsynced is decided. */
void sim_disk_crash(struct sim_disk *d);
void sim_disk_restart(struct sim_disk *d);
/* A process is killed and the machine is not: all written bytes stay readable, and still unsynced. */
void sim_disk_kill(struct sim_disk *d);
/* Faults: the n-th operation from now (1 = the next) of these kinds fails with `err`; n = 0 clears. */
enum sim_disk_op { SIM_DISK_READ = 1, SIM_DISK_WRITE = 2, SIM_DISK_SYNC = 4, SIM_DISK_META = 8 };
void sim_disk_fail(struct sim_disk *d, unsigned ops, uint64_t n, enum err err);
/* From the n-th operation of these kinds on, power is off: it and all later ones give ERR_IO. */
void sim_disk_crash_at(struct sim_disk *d, unsigned ops, uint64_t n);
bool sim_disk_crashed(const struct sim_disk *d);
uint64_t sim_disk_ops(const struct sim_disk *d, unsigned ops); /* done so far, of these kinds */
void sim_disk_capacity(struct sim_disk *d, uint64_t bytes);    /* beyond it writes give ERR_NOSPACE */
/* Flips one bit of a file as it is now; false when there is no such byte. */
bool sim_disk_flip(struct sim_disk *d, const char *path, uint64_t bit);

#endif
