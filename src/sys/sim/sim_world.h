/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_world.h - what the files of this folder know of one another.
 *
 * sim.c owns the clock, the hosts and the choice of the next event; sim_loop.c the loops and their workers; sim_ring.c
 * what these need no worker for; sim_net.c listeners, attempts to connect and connections.  Each part lists what may
 * happen in it (`..._offer`) and is told which of that happens (`..._run`).  Lists are kept in the order of creation,
 * so that nothing depends on an address.  Out of memory is an assert here: the simulator is a test.
 */
#ifndef SYS_SIM_SIM_WORLD_H
#define SYS_SIM_SIM_WORLD_H

#include "base/heap.h"
#include "sys/ring.h"
#include "sys/sim/sim.h"

#define SIM_NEVER UINT64_MAX
#define NS_PER_US 1000ull

enum event_kind {
    EVENT_TASK,
    EVENT_TIMER,
    EVENT_JOB_RUN,
    EVENT_JOB_DONE,
    EVENT_CONNECT,
    EVENT_CONN_FLUSH,
    EVENT_CONN_WRITTEN,
    EVENT_CONN_READ,
    EVENT_CONN_BREAK,
    EVENT_CONN_CLOSED,
    EVENT_RING_WRITE,
    EVENT_RING_DONE,
};

struct event {
    enum event_kind kind;
    uint64_t source; /* ordinal of the host, executor or connection; for the trace */
    void *subject;
};

/* What the seed decided about this world. */
struct manners {
    uint64_t latency_us_max; /* of bytes, connects and closes */
    uint64_t work_us_max;    /* of a job */
    uint64_t window_bytes;   /* a connection takes so much before its reader must read */
    uint32_t split_in_eight; /* so many of eight reads are cut short */
    bool ring;               /* hosts with a disk have one */
};

struct sim {
    struct random random;
    struct manners manners;
    uint64_t slow_us; /* what a job takes at most; 0: as the manners say */
    uint64_t now_ns;
    int64_t wall_offset_ms;
    uint64_t steps, trace, ordinals;
    struct list hosts;
    struct event *events; /* those ready in this step; grown as needed */
    size_t event_count, event_capacity;
    void (*cross)(bool inside); /* sim_border; may be NULL */
    uint64_t next_ns;           /* of what is not ready: the earliest, while offers are collected */
};

#define SIM_RING_PLACES 8u

/* A write on its way; free when `write` is NULL. */
struct sim_ring_place {
    struct sim_host *host;
    struct ring_write *write;
    uint64_t when_ns; /* it is done; then, it is told */
    bool written;
    enum err err;
};

struct sim_host {
    struct list node;
    struct sim *sim;
    uint64_t ordinal;
    char name[64];
    bool dead;
    struct sys sys;
    struct loop loop;
    struct net net;
    struct ring ring;
    struct sim_ring_place ring_places[SIM_RING_PLACES];
    struct heap timers;
    uint64_t timer_sequence;
    struct list tasks;
    struct list executors;
    struct list listeners;
    struct list attempts;    /* to connect, from this host */
    struct list connections; /* alive or dead with the host */
};

/* Takes note of something that may happen at `when`. */
void sim_offer(struct sim *s, uint64_t when, enum event_kind kind, uint64_t source, void *subject);
struct sim_host *sim_host_find(struct sim *s, const char *name); /* alive; NULL when absent */
uint64_t sim_ordinal(struct sim *s);
uint64_t sim_soon(struct sim *s, uint64_t us_max); /* a time from now to now + us_max */
bool sim_chance(struct sim *s, uint32_t of_eight);
uint64_t sim_work_time(struct sim *s);             /* when a job that comes to its turn now is run */
void *sim_alloc(size_t len);                       /* zeroed; never NULL */

void sim_loop_init(struct sim_host *h);
void sim_loop_offer(struct sim_host *h);
void sim_loop_run(const struct event *e);
void sim_loop_crash(struct sim_host *h);
void sim_loop_deinit(struct sim_host *h);

void sim_ring_init(struct sim_host *h);
void sim_ring_offer(struct sim_host *h);
void sim_ring_run(const struct event *e);
void sim_ring_crash(struct sim_host *h);

/* What of the disk is not in disk.h: opened with DISK_DIRECT; written and synced, these bytes and no others. */
bool sim_disk_is_direct(const struct file *file);
enum err sim_disk_write_synced(struct file *file, uint64_t offset, struct bytes b);

void sim_net_init(struct sim_host *h);
void sim_net_offer(struct sim_host *h);
void sim_net_run(const struct event *e);
void sim_net_crash(struct sim_host *h);
void sim_net_deinit(struct sim_host *h);

#endif
